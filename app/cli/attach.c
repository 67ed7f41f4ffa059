// SPDX-License-Identifier: GPL-3.0-or-later
// terrarium attach|detach: a machine that runs is asked through its control socket, of one that is off
// the description is changed. Main thread, without a main loop.
#include "app/cli/attach.h"

#include <glib/gi18n.h>
#include <json-glib/json-glib.h>
#include <string.h>
#include <unistd.h>

#include "app/cli/complain.h"
#include "app/cli/run-options.h"
#include "app/model/bundle.h"
#include "app/model/control.h"
#include "app/model/saved.h"
#include "app/model/snapshots.h"

enum {
  DETACH_POLLS = 300, // times 100 ms for the guest to let go
};

typedef struct Call {
  gboolean json, force;
  char *disk, *net, *kept;
  char **words;
  Bundle *bundle;
  unsigned port;
  VmConfig *device; // of one disk or one adapter
  GError *error;
} Call;

static void
call_clear (Call *call)
{
  g_free (call->disk);
  g_free (call->net);
  g_free (call->kept);
  g_strfreev (call->words);
  g_clear_pointer (&call->bundle, bundle_free);
  g_clear_pointer (&call->device, vm_config_free);
  g_clear_error (&call->error);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Call, call_clear)

static bool
find (Call *call)
{
  g_autofree char *root = bundle_dup_root ();

  g_clear_pointer (&call->bundle, bundle_free);
  call->bundle = bundle_find (root, call->words[0], &call->error);
  if (call->bundle == NULL)
    return false;
  if (call->bundle->config != NULL)
    return true;
  call->error = g_error_copy (call->bundle->error);
  return false;
}

// The lock of a machine that is off; -1 without an error: it runs.
static int
try_lock (Call *call)
{
  g_autoptr (GError) error = NULL;
  int lock = bundle_lock (call->bundle, &error);

  if (lock < 0 && !g_error_matches (error, BUNDLE_ERROR, BUNDLE_ERROR_IN_USE))
    call->error = g_steal_pointer (&error);
  return lock;
}

static JsonObject *
ask (Call *call, JsonObject *request, const char *op)
{
  json_object_set_string_member (request, "op", op);
  return control_call (call->bundle->config->uuid, request, &call->error);
}

// ---------------------------------------------------------------------------------------------
// attach

static bool
ask_to_attach (Call *call)
{
  g_autoptr (JsonObject) request = json_object_new ();
  g_autoptr (JsonObject) reply = NULL;
  g_autofree char *device = vm_config_to_json (call->device, NULL);

  json_object_set_string_member (request, "device", device);
  reply = ask (call, request, "attach");
  if (reply == NULL)
    return false;
  call->port = (unsigned) json_object_get_int_member_with_default (reply, "slot", 0);
  return true;
}

// For its next start.
static bool
attach_to_bundle (Call *call)
{
  if (!saved_reload_to_change (&call->bundle, &call->error))
    return false;
  VmConfig *config = call->bundle->config;

  for (call->port = 1; call->port <= VM_PORTS; call->port++)
    if (!vm_config_port_is_used (config, call->port))
      break;
  if (call->port > VM_PORTS) {
    g_set_error_literal (&call->error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
                         _ ("All slots of the machine are in use; detach something first."));
    return false;
  }
  if (call->disk != NULL)
    vm_config_attach_disk (config, call->device->disks->pdata[0], call->port);
  else
    vm_config_attach_nic (config, call->device->nics->pdata[0], call->port);
  return vm_config_validate (config, &call->error) && bundle_save (call->bundle, &call->error);
}

static bool
attach (Call *call)
{
  int lock = find (call) ? try_lock (call) : -1;

  if (call->error != NULL)
    return false;
  if (lock < 0)
    return ask_to_attach (call);
  bool ok = attach_to_bundle (call);
  close (lock);
  return ok;
}

static bool
parse_device (Call *call, GError **error)
{
  call->device = vm_config_new (VM_ARCH_AARCH64);
  g_ptr_array_set_size (call->device->nics, 0);
  if (call->net != NULL)
    return run_parse_net (call->device, call->net, error);
  if (!run_parse_disk (call->device, call->disk, error))
    return false;
  VmDiskConfig *disk = call->device->disks->pdata[0];
  char *path = g_canonicalize_filename (disk->path, NULL);
  g_free (disk->path);
  disk->path = path;
  return true;
}

static bool
parse (int argc, char **argv, const GOptionEntry *entries, const char *arguments, const char *what,
       GError **error)
{
  g_autofree char *program = g_strdup_printf ("terrarium %s", argv[0]);
  g_autoptr (GOptionContext) context = g_option_context_new (arguments);

  g_option_context_add_main_entries (context, entries, GETTEXT_PACKAGE);
  g_option_context_set_summary (context, what);
  g_set_prgname (program);
  bool ok = g_option_context_parse (context, &argc, &argv, error);
  g_set_prgname ("terrarium");
  return ok;
}

static unsigned
count_words (const Call *call)
{
  return call->words != NULL ? g_strv_length (call->words) : 0;
}

int
cli_attach (int argc, char **argv)
{
  g_auto (Call) call = {0};
  g_autoptr (GError) error = NULL;
  const GOptionEntry entries[] = {
      {"disk", 0, 0, G_OPTION_ARG_FILENAME, &call.disk, N_ ("A disk image"),
       N_ ("FILE[,readonly][,format=raw|qcow2][,allow-backing][,bus=virtio|scsi|nvme|usb]")},
      {"net", 0, 0, G_OPTION_ARG_STRING, &call.net, N_ ("A network adapter"),
       N_ ("user[,forward=tcp:HOST:GUEST]…")},
      {"json", 0, 0, G_OPTION_ARG_NONE, &call.json, N_ ("Print JSON"), NULL},
      {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &call.words, NULL, NULL},
      {0},
  };

  if (!parse (argc, argv, entries, _ ("NAME"),
              _ ("put a device into a free slot of a machine, also while it runs"), &error))
    return cli_fail_usage (argv[0], error->message);
  if (count_words (&call) != 1 || (call.disk == NULL) == (call.net == NULL))
    return cli_fail_usage (argv[0], _ ("Name a machine, and --disk or --net."));
  if (!parse_device (&call, &error))
    return cli_fail_usage (argv[0], error->message);
  if (!attach (&call))
    return cli_fail (call.error->message);
  if (call.json)
    g_print ("{\n  \"slot\" : \"slot%u\"\n}\n", call.port);
  else
    g_print ("slot%u\n", call.port);
  return CLI_OK;
}

// ---------------------------------------------------------------------------------------------
// detach

// The guest lets go in its own time.
static bool
wait_until_gone (Call *call)
{
  for (unsigned i = 0; i < DETACH_POLLS; i++) {
    if (!find (call))
      return false;
    if (!vm_config_port_is_used (call->bundle->config, call->port))
      return true;
    g_usleep (G_USEC_PER_SEC / 10);
  }
  g_set_error (&call->error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT,
               _ ("The guest does not let go of slot%u; --force pulls it out."), call->port);
  return false;
}

static bool
ask_to_detach (Call *call)
{
  g_autoptr (JsonObject) request = json_object_new ();
  g_autoptr (JsonObject) reply = NULL;

  json_object_set_int_member (request, "slot", call->port);
  json_object_set_boolean_member (request, "force", call->force);
  reply = ask (call, request, "detach");
  return reply != NULL && wait_until_gone (call);
}

static bool
detach (Call *call)
{
  int lock = find (call) ? try_lock (call) : -1;

  if (call->error != NULL)
    return false;
  call->kept = snapshots_dup_detached (call->bundle->path, call->bundle->config, call->port);
  if (lock >= 0 && !saved_reload_to_change (&call->bundle, &call->error)) {
    // It stays as it is.
  } else if (!vm_config_port_is_used (call->bundle->config, call->port)) {
    g_set_error_literal (&call->error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                         _ ("There is nothing in this slot."));
  } else if (lock < 0) {
    return ask_to_detach (call);
  } else if (snapshots_keep_detached (call->bundle->path, call->bundle->config, call->port,
                                      &call->error)) {
    vm_config_clear_port (call->bundle->config, call->port);
    bundle_save (call->bundle, &call->error);
  }
  if (lock >= 0)
    close (lock);
  return call->error == NULL;
}

// 0: it is none.
static unsigned
parse_slot (const char *text)
{
  guint64 n = 0;

  if (g_str_has_prefix (text, "slot"))
    g_ascii_string_to_unsigned (text + strlen ("slot"), 10, 1, VM_PORTS, &n, NULL);
  return (unsigned) n;
}

int
cli_detach (int argc, char **argv)
{
  g_auto (Call) call = {0};
  g_autoptr (GError) error = NULL;
  const GOptionEntry entries[] = {
      {"force", 0, 0, G_OPTION_ARG_NONE, &call.force, N_ ("Pull it out without asking the guest"),
       NULL},
      {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &call.words, NULL, NULL},
      {0},
  };

  if (!parse (argc, argv, entries, _ ("NAME SLOT"),
              _ ("take a device out of a slot of a machine; a guest that runs is asked first"),
              &error))
    return cli_fail_usage (argv[0], error->message);
  if (count_words (&call) != 2 || (call.port = parse_slot (call.words[1])) == 0)
    return cli_fail_usage (argv[0], _ ("Name a machine and a slot, such as slot1."));
  if (!detach (&call))
    return cli_fail (call.error->message);
  if (call.kept != NULL && g_file_test (call.kept, G_FILE_TEST_EXISTS))
    g_print (_ ("What was written to the disk since the last snapshot is in %s.\n"), call.kept);
  return CLI_OK;
}
