// SPDX-License-Identifier: GPL-3.0-or-later
// What changes in a bundle's machine while it runs: discs in drives, devices in hot-plug slots. Each
// change is made to the machine first, then to machine.json; see running.h. Main thread.
#include <glib/gi18n.h>

#include "app/model/running-private.h"
#include "app/model/snapshots.h"

typedef struct Change {
  Running *running;
  unsigned disk;      // a drive
  char *path;         // what is put there, or NULL
  VmConfig *attached; // of one disk or one adapter
  bool is_nic;
} Change;

static void
change_free (Change *change)
{
  running_unref (change->running);
  g_free (change->path);
  vm_config_free (change->attached);
  g_free (change);
}

static GTask *
new_task (Running *running, Change change, GAsyncReadyCallback callback, void *user_data)
{
  GTask *task = g_task_new (NULL, NULL, callback, user_data);

  change.running = running_ref (running);
  g_task_set_task_data (task, g_memdup2 (&change, sizeof change), (GDestroyNotify) change_free);
  return task;
}

// The same is done to what runs and to what is on disk, which may say more by now.
static bool
keep (Running *running, void (*apply) (VmConfig *config, const void *data), const void *data,
      GError **error)
{
  g_autoptr (Bundle) bundle = bundle_load (running->path);

  apply (running->config, data);
  if (bundle->config == NULL) {
    g_propagate_error (error, g_error_copy (bundle->error));
    return false;
  }
  apply (bundle->config, data);
  return bundle_save (bundle, error);
}

// ---------------------------------------------------------------------------------------------
// Discs

static void
apply_medium (VmConfig *config, const void *data)
{
  const Change *change = data;
  bundle_set_medium (config, change->disk, change->path);
}

static void
medium_changed_cb (GObject *source, GAsyncResult *result, void *data)
{
  g_autoptr (GTask) task = data;
  const Change *change = g_task_get_task_data (task);
  GError *error = NULL;

  if (vm_machine_change_medium_finish (VM_MACHINE (source), result, &error) &&
      keep (change->running, apply_medium, change, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

void
running_change_medium_async (Running *running, unsigned disk, const char *path, bool force,
                             GAsyncReadyCallback callback, void *user_data)
{
  const Change change = {.disk = disk, .path = g_strdup (path)};

  vm_machine_change_medium_async (running->machine, disk, path, force, NULL, medium_changed_cb,
                                  new_task (running, change, callback, user_data));
}

bool
running_change_medium_finish (Running *running, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

// ---------------------------------------------------------------------------------------------
// Slots

typedef struct Attached {
  const Change *change;
  unsigned port;
} Attached;

static void
apply_attached (VmConfig *config, const void *data)
{
  const Attached *attached = data;
  const VmConfig *from = attached->change->attached;

  vm_config_clear_port (config, attached->port);
  if (attached->change->is_nic)
    vm_config_attach_nic (config, from->nics->pdata[0], attached->port);
  else
    vm_config_attach_disk (config, from->disks->pdata[0], attached->port);
}

static void
attached_cb (GObject *source, GAsyncResult *result, void *data)
{
  g_autoptr (GTask) task = data;
  GError *error = NULL;
  Attached attached = {g_task_get_task_data (task),
                       vm_machine_attach_finish (VM_MACHINE (source), result, &error)};

  if (attached.port != 0 && keep (attached.change->running, apply_attached, &attached, &error))
    g_task_return_int (task, attached.port);
  else
    g_task_return_error (task, error);
}

void
running_attach_async (Running *running, const VmDiskConfig *disk, const VmNicConfig *nic,
                      GAsyncReadyCallback callback, void *user_data)
{
  Change change = {.attached = vm_config_new (VM_ARCH_AARCH64), .is_nic = nic != NULL};
  GError *error = NULL;

  g_ptr_array_set_size (change.attached->nics, 0);
  if (nic != NULL)
    vm_config_attach_nic (change.attached, nic, 0);
  else
    vm_config_attach_disk (change.attached, disk, 0);
  GTask *task = new_task (running, change, callback, user_data);
  if (!running_settle_slots (running, &error) ||
      (disk != NULL && !snapshots_check_attach (running->path, disk, &error))) {
    g_task_return_error (task, error);
    g_object_unref (task);
  } else if (nic != NULL) {
    vm_machine_attach_nic_async (running->machine, nic, NULL, attached_cb, task);
  } else {
    vm_machine_attach_disk_async (running->machine, disk, NULL, attached_cb, task);
  }
}

unsigned
running_attach_finish (Running *running, GAsyncResult *result, GError **error)
{
  gssize port = g_task_propagate_int (G_TASK (result), error);
  return port > 0 ? (unsigned) port : 0;
}

static void
apply_detached (VmConfig *config, const void *data)
{
  const unsigned *port = data;
  vm_config_clear_port (config, *port);
}

// The machine does not have it any more, whatever becomes of its image. If that cannot be kept it stays
// in machine.json: what was written to it since a snapshot is there at the next start.
static bool
forget (Running *running, const VmConfig *config, unsigned port, GError **error)
{
  bool kept = snapshots_keep_detached (running->path, config, port, error);

  apply_detached (running->config, &port);
  return kept && keep (running, apply_detached, &port, error);
}

void
running_detached_cb (VmMachine *machine, unsigned port, Running *running)
{
  g_autoptr (VmConfig) before = vm_config_copy (running->config);
  g_autoptr (GError) error = NULL;

  if (forget (running, before, port, &error))
    return;
  g_warning ("%s", error->message);
  g_signal_emit_by_name (machine, "notice", error->message);
}

bool
running_settle_slots (Running *running, GError **error)
{
  g_autoptr (Bundle) bundle = bundle_load (running->path);

  for (unsigned port = 1; bundle->config != NULL && port <= VM_PORTS; port++)
    if (vm_config_port_is_used (bundle->config, port) &&
        !vm_config_port_is_used (running->config, port) &&
        !forget (running, bundle->config, port, error))
      return false;
  return true;
}

// ---------------------------------------------------------------------------------------------
// What others ask

static const char *
get_text (JsonObject *request, const char *name)
{
  JsonNode *node = json_object_get_member (request, name);

  return node != NULL && json_node_get_value_type (node) == G_TYPE_STRING
             ? json_node_get_string (node)
             : "";
}

static bool
get_flag (JsonObject *request, const char *name)
{
  JsonNode *node = json_object_get_member (request, name);

  return node != NULL && json_node_get_value_type (node) == G_TYPE_BOOLEAN &&
         json_node_get_boolean (node);
}

static void
done_cb (GObject *source, GAsyncResult *result, void *data)
{
  g_autoptr (GError) error = NULL;

  g_task_propagate_boolean (G_TASK (result), &error);
  control_call_answer (data, NULL, error);
}

static void
refuse (ControlCall *call, const char *sentence)
{
  g_autoptr (GError) error =
      g_error_new_literal (G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, sentence);
  control_call_answer (call, NULL, error);
}

static void
change_medium (Running *running, JsonObject *request, ControlCall *call)
{
  const char *path = get_text (request, "path");
  unsigned disk;

  if (bundle_find_drive (running->config, get_text (request, "drive"), &disk) &&
      (path[0] == '\0' || g_path_is_absolute (path)))
    running_change_medium_async (running, disk, path[0] != '\0' ? path : NULL,
                                 get_flag (request, "force"), done_cb, call);
  else
    refuse (call, _ ("The machine has no such drive."));
}

static void
asked_attached_cb (GObject *source, GAsyncResult *result, void *data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonObject) reply = json_object_new ();
  unsigned port = running_attach_finish (NULL, result, &error);

  json_object_set_int_member (reply, "slot", port);
  control_call_answer (data, reply, error);
}

// The device comes as it stands in a description, with absolute paths.
static void
attach (Running *running, JsonObject *request, ControlCall *call)
{
  g_autoptr (GError) error = NULL;
  const char *text = get_text (request, "device");
  g_autoptr (VmConfig) config = vm_config_from_json (text, -1, "/", &error);

  if (config == NULL)
    control_call_answer (call, NULL, error);
  else if (config->disks->len == 1)
    running_attach_async (running, config->disks->pdata[0], NULL, asked_attached_cb, call);
  else if (config->nics->len == 1)
    running_attach_async (running, NULL, config->nics->pdata[0], asked_attached_cb, call);
  else
    refuse (call, "There is no device in the request.");
}

static void
asked_detached_cb (GObject *source, GAsyncResult *result, void *data)
{
  g_autoptr (GError) error = NULL;

  vm_machine_detach_finish (VM_MACHINE (source), result, &error);
  control_call_answer (data, NULL, error);
}

static void
detach (Running *running, JsonObject *request, ControlCall *call)
{
  JsonNode *node = json_object_get_member (request, "slot");
  bool valid = node != NULL && json_node_get_value_type (node) == G_TYPE_INT64;
  gint64 wanted = valid ? json_node_get_int (node) : 0;
  unsigned port = wanted >= 1 && wanted <= VM_PORTS ? (unsigned) wanted : 0;
  g_autoptr (GError) error = NULL;

  if (port != 0 && !snapshots_begin_detaching (running->path, running->config, port, &error))
    control_call_answer (call, NULL, error);
  else
    vm_machine_detach_async (running->machine, port, get_flag (request, "force"), NULL,
                             asked_detached_cb, call);
}

static void
set_memory (Running *running, JsonObject *request, ControlCall *call)
{
  JsonNode *node = json_object_get_member (request, "bytes");
  bool valid = node != NULL && json_node_get_value_type (node) == G_TYPE_INT64 &&
               json_node_get_int (node) >= 0;

  if (!valid) {
    refuse (call, "The request has no size.");
    return;
  }
  vm_machine_set_memory_target (running->machine, (uint64_t) json_node_get_int (node));
  control_call_answer (call, NULL, NULL);
}

bool
running_ask_devices (Running *running, const char *op, JsonObject *request, ControlCall *call)
{
  if (g_str_equal (op, "media"))
    change_medium (running, request, call);
  else if (g_str_equal (op, "attach"))
    attach (running, request, call);
  else if (g_str_equal (op, "detach"))
    detach (running, request, call);
  else if (g_str_equal (op, "memory"))
    set_memory (running, request, call);
  else
    return false;
  return true;
}
