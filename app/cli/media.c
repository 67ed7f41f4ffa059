// SPDX-License-Identifier: GPL-3.0-or-later
// terrarium media: discs in the drives of machines kept on disk. A machine that runs is asked through
// its control socket; of one that is off the description is changed. Main thread, without a main
// loop.
#include "app/cli/media.h"

#include <glib/gi18n.h>
#include <json-glib/json-glib.h>
#include <unistd.h>

#include "app/cli/complain.h"
#include "app/model/bundle.h"
#include "app/model/control.h"
#include "app/model/saved.h"

typedef struct Call {
  gboolean json, eject, force;
  char *drive;
  char **words;
  char *path; // absolute; NULL: out with what lies there
  Bundle *bundle;
  unsigned disk;
  GError *error;
} Call;

static void
call_clear (Call *call)
{
  g_free (call->drive);
  g_strfreev (call->words);
  g_free (call->path);
  g_clear_pointer (&call->bundle, bundle_free);
  g_clear_error (&call->error);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Call, call_clear)

static void
print_drives (const Call *call)
{
  const VmConfig *config = call->bundle->config;
  g_autoptr (JsonArray) array = json_array_new ();

  for (unsigned i = 0; i < config->disks->len; i++) {
    const VmDiskConfig *disk = config->disks->pdata[i];
    g_autofree char *name = g_strdup_printf ("disk%u", i);
    JsonObject *object;

    if (!disk->cdrom)
      continue;
    if (!call->json)
      g_print ("%-8s %s\n", name, disk->path);
    object = json_object_new ();
    json_object_set_string_member (object, "drive", name);
    if (disk->path[0] != '\0')
      json_object_set_string_member (object, "path", disk->path);
    json_array_add_object_element (array, object);
  }
  if (call->json) {
    g_autoptr (JsonNode) node = json_node_init_array (json_node_alloc (), array);
    g_autofree char *text = json_to_string (node, TRUE);
    g_print ("%s\n", text);
  }
}

static bool
find_drive (Call *call)
{
  const char *name = call->drive != NULL ? call->drive : "";

  if (bundle_find_drive (call->bundle->config, name, &call->disk))
    return true;
  if (name[0] == '\0')
    g_set_error (&call->error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                 _ ("“%s” has no drive, or more than one; choose with --drive."),
                 bundle_get_name (call->bundle));
  else
    g_set_error (&call->error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, _ ("“%s” has no drive “%s”."),
                 bundle_get_name (call->bundle), name);
  return false;
}

// The machine's own process does it.
static bool
ask (Call *call)
{
  g_autoptr (JsonObject) request = json_object_new ();
  g_autoptr (JsonObject) reply = NULL;

  json_object_set_string_member (request, "op", "media");
  json_object_set_string_member (request, "drive", call->drive != NULL ? call->drive : "");
  json_object_set_string_member (request, "path", call->path != NULL ? call->path : "");
  json_object_set_boolean_member (request, "force", call->force);
  reply = control_call (call->bundle->config->uuid, request, &call->error);
  return reply != NULL;
}

static bool
change (Call *call)
{
  g_autoptr (GError) error = NULL;
  int lock = bundle_lock (call->bundle, &error);

  if (lock < 0 && g_error_matches (error, BUNDLE_ERROR, BUNDLE_ERROR_IN_USE))
    return ask (call);
  if (lock < 0) {
    call->error = g_steal_pointer (&error);
    return false;
  }
  g_autoptr (VmImageInfo) info = NULL;
  bool ok = saved_reload_to_change (&call->bundle, &call->error) && find_drive (call);
  ok = ok && (call->path == NULL ||
              (info = vm_image_get_info (call->path, VM_IMAGE_RAW, &call->error)) != NULL);
  ok = ok && bundle_set_medium (call->bundle->config, call->disk, call->path) &&
       bundle_save (call->bundle, &call->error);
  close (lock);
  return ok;
}

static bool
find (Call *call)
{
  g_autofree char *root = bundle_dup_root ();

  call->bundle = bundle_find (root, call->words[0], &call->error);
  if (call->bundle == NULL)
    return false;
  if (call->bundle->config != NULL)
    return true;
  call->error = g_error_copy (call->bundle->error);
  return false;
}

static bool
parse (Call *call, int argc, char **argv, GError **error)
{
  const GOptionEntry entries[] = {
      {"drive", 0, 0, G_OPTION_ARG_STRING, &call->drive,
       N_ ("Which drive, such as disk1; the only one by default"), N_ ("DRIVE")},
      {"eject", 0, 0, G_OPTION_ARG_NONE, &call->eject, N_ ("Take out what lies there"), NULL},
      {"force", 0, 0, G_OPTION_ARG_NONE, &call->force, N_ ("Although the guest is using it"), NULL},
      {"json", 0, 0, G_OPTION_ARG_NONE, &call->json, N_ ("Print JSON"), NULL},
      {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &call->words, NULL, NULL},
      {0},
  };
  g_autoptr (GOptionContext) context = g_option_context_new (_ ("NAME [FILE]"));

  g_option_context_add_main_entries (context, entries, GETTEXT_PACKAGE);
  g_option_context_set_summary (
      context, _ ("show the discs in a machine’s drives, put FILE in, or take it out"));
  g_set_prgname ("terrarium media");
  bool ok = g_option_context_parse (context, &argc, &argv, error);
  g_set_prgname ("terrarium");
  return ok;
}

int
cli_media (int argc, char **argv)
{
  g_auto (Call) call = {0};
  g_autoptr (GError) error = NULL;

  if (!parse (&call, argc, argv, &error))
    return cli_fail_usage (argv[0], error->message);
  unsigned n_words = call.words != NULL ? g_strv_length (call.words) : 0;
  bool look = n_words == 1 && !call.eject;
  if (n_words < 1 || n_words > 2 || (n_words == 2 && call.eject) ||
      (look && (call.force || call.drive != NULL)))
    return cli_fail_usage (argv[0], _ ("Name a machine, and a file or --eject."));
  if (n_words == 2)
    call.path = g_canonicalize_filename (call.words[1], NULL);
  if (!find (&call) || (!look && (!find_drive (&call) || !change (&call))))
    return cli_fail (call.error->message);
  if (look) {
    print_drives (&call);
  } else if (call.json) {
    g_clear_pointer (&call.bundle, bundle_free);
    if (!find (&call))
      return cli_fail (call.error->message);
    print_drives (&call);
  }
  return CLI_OK;
}
