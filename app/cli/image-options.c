// SPDX-License-Identifier: GPL-3.0-or-later
// The command lines of `terrarium image`. Main thread.
#include "app/cli/image-options.h"

#include <glib/gi18n.h>
#include <string.h>

G_GNUC_PRINTF (2, 3)
static bool
fail (GError **error, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, text);
  return false;
}

static bool
is_word_of (const char *list, const char *word)
{
  g_auto (GStrv) words = g_strsplit (list, " ", -1);

  return g_strv_contains ((const char *const *) words, word);
}

bool
image_options_parse (ImageOptions *options, int argc, char **argv, const char *known,
                     unsigned n_names, const char *usage, const char *what, GError **error)
{
  const GOptionEntry all[] = {
      {"format", 'f', 0, G_OPTION_ARG_STRING, &options->format, N_ ("Format of the image"),
       "raw|qcow2"},
      {"source-format", 0, 0, G_OPTION_ARG_STRING, &options->source_format,
       N_ ("Format of the image that is read"), "raw|qcow2|vdi|vmdk|vhdx"},
      {"backing", 'b', 0, G_OPTION_ARG_FILENAME, &options->backing,
       N_ ("Image that the new one is based on"), N_ ("FILE")},
      {"backing-format", 0, 0, G_OPTION_ARG_STRING, &options->backing_format,
       N_ ("Format of the image it is based on"), "raw|qcow2"},
      {"cluster-size", 0, 0, G_OPTION_ARG_STRING, &options->cluster_size,
       N_ ("Size of qcow2’s clusters, 512 to 2M (64K)"), N_ ("SIZE")},
      {"allow-backing", 0, 0, G_OPTION_ARG_NONE, &options->allow_backing,
       N_ ("Read the file the image says it is based on"), NULL},
      {"snapshot", 0, 0, G_OPTION_ARG_STRING, &options->snapshot,
       N_ ("Read the disk as this snapshot in the image kept it"), N_ ("NAME|ID")},
      {"shrink", 0, 0, G_OPTION_ARG_NONE, &options->shrink,
       N_ ("Allow to cut off the end of the disk"), NULL},
      {"json", 0, 0, G_OPTION_ARG_NONE, &options->json, N_ ("Print JSON"), NULL},
  };
  GOptionEntry entries[G_N_ELEMENTS (all) + 2] = {
      {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options->names, NULL, NULL}};
  g_autofree char *name = g_strdup_printf ("terrarium image %s", argv[0]);
  g_autoptr (GOptionContext) context = g_option_context_new (usage);

  *options = (ImageOptions){0};
  for (size_t i = 0, n = 1; i < G_N_ELEMENTS (all); i++)
    if (is_word_of (known, all[i].long_name))
      entries[n++] = all[i];
  g_option_context_set_translation_domain (context, GETTEXT_PACKAGE);
  g_option_context_add_main_entries (context, entries, GETTEXT_PACKAGE);
  g_option_context_set_summary (context, what);
  g_set_prgname (name);
  bool ok = g_option_context_parse (context, &argc, &argv, error);
  g_set_prgname ("terrarium");
  if (ok && (options->names != NULL ? g_strv_length (options->names) : 0) != n_names)
    ok = fail (error, _ ("Write “%s %s”."), name, usage);
  return ok;
}

void
image_options_clear (ImageOptions *options)
{
  g_free (options->format);
  g_free (options->source_format);
  g_free (options->backing);
  g_free (options->backing_format);
  g_free (options->cluster_size);
  g_free (options->snapshot);
  g_strfreev (options->names);
}

// ---- values ---------------------------------------------------------------------------------

bool
image_parse_size (const char *text, uint64_t base, uint64_t *bytes, GError **error)
{
  static const char units[] = "KMGT";
  const char *digits = text[0] == '+' ? text + 1 : text, *unit;
  char *end;
  guint64 number = g_ascii_strtoull (digits, &end, 10);
  unsigned shift = 0;

  if (*end != '\0' && (unit = strchr (units, g_ascii_toupper (*end))) != NULL) {
    shift = (unsigned) (unit - units + 1) * 10;
    end++;
    // "G", "GB" and "GiB" are the same.
    if (*end == 'i')
      end++;
    if (*end == 'B')
      end++;
  }
  if (text[0] != '+')
    base = 0;
  if (!g_ascii_isdigit (digits[0]) || *end != '\0' || number > (guint64) G_MAXINT64 >> shift ||
      base > G_MAXINT64 || number << shift > (guint64) G_MAXINT64 - base)
    return fail (error, _ ("“%s” is not a size; write for example 512M or 10G."), text);
  *bytes = base + (number << shift);
  return true;
}

static bool
parse_format (const char *name, VmImageFormat *format, GError **error)
{
  if (vm_image_format_from_name (name, format))
    return true;
  return fail (error,
               _ ("“%s” is not a format of disk images; choose raw, qcow2, vdi, vmdk or vhdx."),
               name);
}

bool
image_choose_format (const char *name, const char *path, VmImageFormat *format, GError **error)
{
  return name != NULL ? parse_format (name, format, error) : vm_image_probe (path, format, error);
}

bool
image_choose_new_format (const char *name, const char *path, VmImageFormat *format, GError **error)
{
  if (name != NULL && !parse_format (name, format, error))
    return false;
  if (name != NULL)
    return vm_image_format_can_write (*format) ||
           fail (error, _ ("Images of the format “%s” can only be read; choose raw or qcow2."),
                 name);
  *format = g_str_has_suffix (path, ".raw") || g_str_has_suffix (path, ".img") ? VM_IMAGE_RAW
                                                                               : VM_IMAGE_QCOW2;
  return true;
}
