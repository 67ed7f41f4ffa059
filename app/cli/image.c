// SPDX-License-Identifier: GPL-3.0-or-later
// terrarium image: see image.h. Main thread; long work runs beside it (job.c).
#include "app/cli/image.h"

#include <glib/gi18n.h>
#include <json-glib/json-glib.h>
#include <string.h>

#include "app/cli/complain.h"
#include "app/cli/image-options.h"
#include "app/cli/job.h"

enum {
  CHECK_CORRUPT = 2,
  CHECK_LEAKED = 3,
  EXIT_CANCELLED = 128 + 2,
  FAULTS_TOLD = 20,
};

// ---- results --------------------------------------------------------------------------------

static int
fail_usage (const GError *error)
{
  return cli_fail_usage ("image", error->message);
}

// A value that is found wrong late is wrong usage too.
static int
fail (const GError *error)
{
  bool backing = g_error_matches (error, VM_IMAGE_ERROR, VM_IMAGE_ERROR_BACKING);
  g_autofree char *sentences =
      g_strdup_printf ("%s %s", error->message, _ ("The option for that is --allow-backing."));

  if (error->domain == G_OPTION_ERROR)
    return fail_usage (error);
  int status = cli_fail (backing ? sentences : error->message);
  return g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED) ? EXIT_CANCELLED : status;
}

static void
print_json (JsonBuilder *take)
{
  g_autoptr (JsonNode) node = json_builder_get_root (take);
  g_autofree char *text = json_to_string (node, TRUE);

  g_print ("%s\n", text);
  g_object_unref (take);
}

static void
put_string (JsonBuilder *builder, const char *name, const char *value)
{
  g_autofree char *valid = value != NULL ? g_utf8_make_valid (value, -1) : NULL;

  json_builder_set_member_name (builder, name);
  if (valid != NULL)
    json_builder_add_string_value (builder, valid);
  else
    json_builder_add_null_value (builder);
}

static void
put_number (JsonBuilder *builder, const char *name, uint64_t value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_int_value (builder, (gint64) value);
}

static void
put_bool (JsonBuilder *builder, const char *name, bool value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_boolean_value (builder, value);
}

static JsonBuilder *
begin_json (void)
{
  JsonBuilder *builder = json_builder_new ();

  json_builder_begin_object (builder);
  return builder;
}

// What was made or changed.
static int
tell_image (const ImageOptions *options, const char *path, VmImageFormat format, uint64_t bytes)
{
  JsonBuilder *builder;

  if (!options->json)
    return CLI_OK;
  builder = begin_json ();
  put_string (builder, "path", path);
  put_string (builder, "format", vm_image_format_get_name (format));
  put_number (builder, "size_bytes", bytes);
  json_builder_end_object (builder);
  print_json (builder);
  return CLI_OK;
}

// ---- create ---------------------------------------------------------------------------------

static bool
read_create (const ImageOptions *options, const char *path, VmImageCreate *create, GError **error)
{
  if (!image_choose_new_format (options->format, path, &create->format, error))
    return false;
  if (options->cluster_size != NULL &&
      !image_parse_size (options->cluster_size, 0, &create->cluster_bytes, error))
    return false;
  create->backing = options->backing;
  if (options->backing == NULL)
    return true;
  // As it will be looked for: from the image's folder.
  g_autofree char *folder = g_path_get_dirname (path);
  g_autofree char *backing = g_path_is_absolute (options->backing)
                                 ? g_strdup (options->backing)
                                 : g_build_filename (folder, options->backing, NULL);
  return image_choose_format (options->backing_format, backing, &create->backing_format, error);
}

static int
image_create (int argc, char **argv)
{
  g_auto (ImageOptions) options = {0};
  g_autoptr (GError) error = NULL;
  VmImageCreate create = {0};

  if (!image_options_parse (&options, argc, argv, "format backing backing-format cluster-size json",
                            2, _ ("FILE SIZE"), _ ("Makes an empty disk image."), &error) ||
      !image_parse_size (options.names[1], 0, &create.size_bytes, &error))
    return fail_usage (error);
  if (!read_create (&options, options.names[0], &create, &error) ||
      !vm_image_create (options.names[0], &create, &error))
    return fail (error);
  return tell_image (&options, options.names[0], create.format, create.size_bytes);
}

// ---- info -----------------------------------------------------------------------------------

static void
put_qcow2_info (JsonBuilder *builder, const VmImageInfo *info)
{
  put_number (builder, "version", info->version);
  put_number (builder, "cluster_bytes", info->cluster_bytes);
  put_number (builder, "refcount_bits", info->refcount_bits);
  put_bool (builder, "extended_l2", info->extended_l2);
  put_bool (builder, "lazy_refcounts", info->lazy_refcounts);
  put_bool (builder, "dirty", info->dirty);
  put_bool (builder, "corrupt", info->corrupt);
  put_string (builder, "compression", info->zstd ? "zstd" : "zlib");
  if (info->backing != NULL) {
    put_string (builder, "backing", info->backing);
    put_string (builder, "backing_format", info->backing_format);
  }
  json_builder_set_member_name (builder, "snapshots");
  json_builder_begin_array (builder);
  for (unsigned i = 0; i < info->n_snapshots; i++) {
    json_builder_begin_object (builder);
    put_string (builder, "id", info->snapshots[i].id);
    put_string (builder, "name", info->snapshots[i].name);
    put_number (builder, "seconds", (uint64_t) info->snapshots[i].seconds);
    put_number (builder, "disk_bytes", info->snapshots[i].disk_bytes);
    put_number (builder, "state_bytes", info->snapshots[i].state_bytes);
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
}

static void
print_info_json (const char *path, const VmImageInfo *info)
{
  JsonBuilder *builder = begin_json ();

  put_string (builder, "path", path);
  put_string (builder, "format", vm_image_format_get_name (info->format));
  put_number (builder, "size_bytes", info->size_bytes);
  put_number (builder, "file_bytes", info->file_bytes);
  put_number (builder, "allocated_bytes", info->allocated_bytes);
  if (info->format == VM_IMAGE_QCOW2)
    put_qcow2_info (builder, info);
  json_builder_end_object (builder);
  print_json (builder);
}

static void
print_bytes (const char *label, uint64_t bytes)
{
  g_autofree char *text =
      g_format_size_full (bytes, G_FORMAT_SIZE_IEC_UNITS | G_FORMAT_SIZE_LONG_FORMAT);

  g_print ("%s %s\n", label, text);
}

static void
print_qcow2_info (const VmImageInfo *info)
{
  print_bytes (_ ("Cluster:"), info->cluster_bytes);
  if (info->backing != NULL) {
    g_autofree char *backing = cli_dup_printable (info->backing);
    g_autofree char *format = cli_dup_printable (
        info->backing_format != NULL ? info->backing_format : _ ("format not recorded"));

    g_print (_ ("Based on: %s (%s)\n"), backing, format);
  }
  if (info->dirty)
    g_print (_ ("It was not closed; it will be repaired when a machine uses it.\n"));
  if (info->corrupt)
    g_print (_ ("It is marked as damaged.\n"));
  for (unsigned i = 0; i < info->n_snapshots; i++) {
    g_autoptr (GDateTime) when = g_date_time_new_from_unix_local (info->snapshots[i].seconds);
    g_autofree char *date = when != NULL ? g_date_time_format (when, "%F %T") : g_strdup ("");
    g_autofree char *id = cli_dup_printable (info->snapshots[i].id);
    g_autofree char *name = cli_dup_printable (info->snapshots[i].name);

    g_print (_ ("Snapshot %s: %s (%s)\n"), id, name, date);
  }
}

static void
print_info (const VmImageInfo *info)
{
  g_print (_ ("Format: %s\n"), vm_image_format_get_name (info->format));
  print_bytes (_ ("Disk:"), info->size_bytes);
  print_bytes (_ ("Space taken:"), info->allocated_bytes);
  if (info->format == VM_IMAGE_QCOW2)
    print_qcow2_info (info);
}

static int
image_info (int argc, char **argv)
{
  g_auto (ImageOptions) options = {0};
  g_autoptr (GError) error = NULL;
  g_autoptr (VmImageInfo) info = NULL;
  VmImageFormat format;

  if (!image_options_parse (&options, argc, argv, "format json", 1, _ ("FILE"),
                            _ ("Shows what a disk image is."), &error))
    return fail_usage (error);
  if (!image_choose_format (options.format, options.names[0], &format, &error))
    return fail (error);
  info = vm_image_get_info (options.names[0], format, &error);
  if (info == NULL)
    return fail (error);
  if (options.json)
    print_info_json (options.names[0], info);
  else
    print_info (info);
  return CLI_OK;
}

// ---- check ----------------------------------------------------------------------------------

typedef struct Checking {
  const char *path;
  VmImageFormat format;
  VmImageCheck result;
  GPtrArray *faults; // the first few
} Checking;

static void
fault_cb (void *data, bool corrupt, const char *text)
{
  Checking *checking = data;

  if (checking->faults->len < FAULTS_TOLD)
    g_ptr_array_add (checking->faults, g_strdup (text));
}

static bool
check_work (void *data, const VmImageJob *job, GError **error)
{
  Checking *checking = data;

  return vm_image_check (checking->path, checking->format, &checking->result, fault_cb, checking,
                         job, error);
}

static void
print_check_json (const Checking *checking)
{
  JsonBuilder *builder = begin_json ();

  put_string (builder, "path", checking->path);
  put_number (builder, "corrupt", checking->result.n_corrupt);
  put_number (builder, "leaked", checking->result.n_leaked);
  put_number (builder, "clusters", checking->result.n_clusters);
  put_number (builder, "allocated", checking->result.n_allocated);
  put_number (builder, "compressed", checking->result.n_compressed);
  put_number (builder, "end_bytes", checking->result.end_bytes);
  json_builder_set_member_name (builder, "faults");
  json_builder_begin_array (builder);
  for (unsigned i = 0; i < checking->faults->len; i++)
    json_builder_add_string_value (builder, checking->faults->pdata[i]);
  json_builder_end_array (builder);
  json_builder_end_object (builder);
  print_json (builder);
}

static void
print_check (const Checking *checking)
{
  for (unsigned i = 0; i < checking->faults->len; i++)
    g_print ("%s\n", (const char *) checking->faults->pdata[i]);
  if (checking->result.n_corrupt + checking->result.n_leaked > checking->faults->len)
    g_print ("…\n");
  if (checking->result.n_corrupt > 0)
    g_print (_ ("The image is damaged: %lu faults.\n"), (unsigned long) checking->result.n_corrupt);
  else if (checking->result.n_leaked > 0)
    g_print (_ ("The image is good; %lu clusters of space are lost in it.\n"),
             (unsigned long) checking->result.n_leaked);
  else
    g_print (_ ("The image is good.\n"));
}

// Wrong use is 1 here like any failure to look: 2 says that the image is damaged.
static int
image_check (int argc, char **argv)
{
  g_auto (ImageOptions) options = {0};
  g_autoptr (GError) error = NULL;
  Checking checking = {0};
  int status = CLI_OK;

  if (!image_options_parse (&options, argc, argv, "format json", 1, _ ("FILE"),
                            _ ("Looks for damage in a disk image. Ends with 0: good, 2: damaged, "
                               "3: only space is lost, 1: could not look."),
                            &error) ||
      !image_choose_format (options.format, options.names[0], &checking.format, &error)) {
    fail (error);
    return CLI_FAILED;
  }
  checking.path = options.names[0];
  checking.faults = g_ptr_array_new_with_free_func (g_free);
  if (!job_run (check_work, &checking, options.json, &error))
    status = fail (error);
  else if (options.json)
    print_check_json (&checking);
  else
    print_check (&checking);
  g_ptr_array_unref (checking.faults);
  if (status == CLI_OK && checking.result.n_corrupt > 0)
    return CHECK_CORRUPT;
  return status == CLI_OK && checking.result.n_leaked > 0 ? CHECK_LEAKED : status;
}

// ---- convert --------------------------------------------------------------------------------

typedef struct Converting {
  const char *from, *to, *snapshot; // NULL: as it is now
  VmImageFormat from_format;
  bool allow_backing;
  VmImageCreate create;
} Converting;

static bool
convert_work (void *data, const VmImageJob *job, GError **error)
{
  const Converting *converting = data;

  if (converting->snapshot != NULL)
    return vm_image_convert_snapshot (converting->from, converting->allow_backing,
                                      converting->snapshot, converting->to, &converting->create,
                                      job, error);
  return vm_image_convert (converting->from, converting->from_format, converting->allow_backing,
                           converting->to, &converting->create, job, error);
}

static bool
may_have_snapshots (const Converting *converting, GError **error)
{
  if (converting->snapshot == NULL || converting->from_format == VM_IMAGE_QCOW2)
    return true;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
               _ ("“%s” is not a qcow2 image: only those have snapshots."), converting->from);
  return false;
}

static int
image_convert (int argc, char **argv)
{
  g_auto (ImageOptions) options = {0};
  g_autoptr (GError) error = NULL;
  Converting converting = {0};

  if (!image_options_parse (
          &options, argc, argv, "format source-format snapshot allow-backing cluster-size json", 2,
          _ ("SOURCE TARGET"), _ ("Copies a disk image to a new one of another format."), &error))
    return fail_usage (error);
  converting.from = options.names[0];
  converting.to = options.names[1];
  converting.allow_backing = options.allow_backing;
  converting.snapshot = options.snapshot;
  if (!image_choose_format (options.source_format, converting.from, &converting.from_format,
                            &error) ||
      !may_have_snapshots (&converting, &error) ||
      !read_create (&options, converting.to, &converting.create, &error) ||
      !job_run (convert_work, &converting, options.json, &error))
    return fail (error);
  g_autoptr (VmImageInfo) info =
      vm_image_get_info (converting.to, converting.create.format, &error);
  if (info == NULL)
    return fail (error);
  return tell_image (&options, converting.to, converting.create.format, info->size_bytes);
}

// ---- resize ---------------------------------------------------------------------------------

static int
image_resize (int argc, char **argv)
{
  g_auto (ImageOptions) options = {0};
  g_autoptr (GError) error = NULL;
  g_autoptr (VmImageInfo) info = NULL;
  VmImageFormat format;
  uint64_t bytes;

  if (!image_options_parse (&options, argc, argv, "format shrink json", 2, _ ("FILE SIZE"),
                            _ ("Makes a disk larger (SIZE may be +1G), or smaller with --shrink."),
                            &error))
    return fail_usage (error);
  if (!image_choose_format (options.format, options.names[0], &format, &error))
    return fail (error);
  info = vm_image_get_info (options.names[0], format, &error);
  if (info == NULL)
    return fail (error);
  if (!image_parse_size (options.names[1], info->size_bytes, &bytes, &error))
    return fail_usage (error);
  if (!vm_image_resize (options.names[0], format, bytes, options.shrink, &error))
    return fail (error);
  return tell_image (&options, options.names[0], format, bytes);
}

// ---- map ------------------------------------------------------------------------------------

typedef struct Mapping {
  const char *path;
  VmImageFormat format;
  bool allow_backing;
  JsonBuilder *builder; // NULL: text
} Mapping;

static void
extent_cb (void *data, const VmImageExtent *extent)
{
  Mapping *mapping = data;

  if (mapping->builder == NULL) {
    if (extent->data)
      g_print ("%#18" G_GINT64_MODIFIER "x %#18" G_GINT64_MODIFIER "x %5u\n", extent->offset,
               extent->length, extent->depth);
    return;
  }
  json_builder_begin_object (mapping->builder);
  put_number (mapping->builder, "offset", extent->offset);
  put_number (mapping->builder, "length", extent->length);
  put_number (mapping->builder, "depth", extent->depth);
  put_bool (mapping->builder, "data", extent->data);
  put_bool (mapping->builder, "present", extent->present);
  put_bool (mapping->builder, "compressed", extent->compressed);
  if (extent->has_host)
    put_number (mapping->builder, "host_offset", extent->host);
  json_builder_end_object (mapping->builder);
}

static bool
map_work (void *data, const VmImageJob *job, GError **error)
{
  Mapping *mapping = data;

  return vm_image_map (mapping->path, mapping->format, mapping->allow_backing, extent_cb, mapping,
                       job, error);
}

static int
image_map (int argc, char **argv)
{
  g_auto (ImageOptions) options = {0};
  g_autoptr (GError) error = NULL;
  Mapping mapping = {0};
  bool ok;

  if (!image_options_parse (&options, argc, argv, "format allow-backing json", 1, _ ("FILE"),
                            _ ("Shows where a disk has data: offset, length, and in which image "
                               "of its chain."),
                            &error))
    return fail_usage (error);
  if (!image_choose_format (options.format, options.names[0], &mapping.format, &error))
    return fail (error);
  mapping.path = options.names[0];
  mapping.allow_backing = options.allow_backing;
  if (options.json) {
    mapping.builder = json_builder_new ();
    json_builder_begin_array (mapping.builder);
  }
  ok = job_run (map_work, &mapping, true, &error);
  if (mapping.builder != NULL && ok) {
    json_builder_end_array (mapping.builder);
    print_json (mapping.builder);
  } else if (mapping.builder != NULL) {
    g_object_unref (mapping.builder);
  }
  return ok ? CLI_OK : fail (error);
}

// ---------------------------------------------------------------------------------------------

static const struct ImageCommand {
  const char *name;
  int (*run) (int argc, char **argv);
} commands[] = {
    {"create", image_create},   {"info", image_info},     {"check", image_check},
    {"convert", image_convert}, {"resize", image_resize}, {"map", image_map},
};

static void
print_help (void)
{
  g_print ("%s\n"
           "  terrarium image create FILE SIZE [--format raw|qcow2] [--backing FILE]\n"
           "  terrarium image info FILE\n"
           "  terrarium image check FILE\n"
           "  terrarium image convert SOURCE TARGET --format raw|qcow2 [--snapshot NAME|ID]\n"
           "  terrarium image resize FILE SIZE\n"
           "  terrarium image map FILE\n\n%s\n",
           _ ("Usage:"), _ ("“terrarium image COMMAND --help” tells more of a command."));
}

int
cli_image (int argc, char **argv)
{
  if (argc > 1 && (strcmp (argv[1], "--help") == 0 || strcmp (argv[1], "-h") == 0)) {
    print_help ();
    return CLI_OK;
  }
  for (size_t i = 0; argc > 1 && i < G_N_ELEMENTS (commands); i++)
    if (strcmp (argv[1], commands[i].name) == 0)
      return commands[i].run (argc - 1, argv + 1);
  if (argc < 2)
    return cli_fail_usage (argv[0], _ ("Name a command; see “terrarium image --help”."));
  g_autofree char *sentence =
      g_strdup_printf (_ ("There is no command “%s”; see “terrarium image --help”."), argv[1]);
  return cli_fail_usage (argv[0], sentence);
}
