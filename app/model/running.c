// SPDX-License-Identifier: GPL-3.0-or-later
// A bundle's machine while it runs; see running.h. Main thread, but for callbacks that say otherwise.
#include "app/model/running-private.h"

#include <glib/gi18n.h>

#include "app/model/saved.h"
#include "app/model/snapshots.h"

Running *
running_ref (Running *running)
{
  running->references++;
  return running;
}

void
running_unref (Running *running)
{
  if (--running->references > 0)
    return;
  g_object_unref (running->machine);
  vm_config_free (running->config);
  g_free (running->path);
  g_free (running);
}

// Whoever ends a machine does not want to come back to where it was saved. One that could not go on,
// or whose process was killed, may still need it.
static void
stopped_cb (VmMachine *machine, int reason, GError *error, Running *running)
{
  if (reason == VM_STOP_GUEST || reason == VM_STOP_FORCED)
    saved_discard (running->path);
}

// ---------------------------------------------------------------------------------------------
// Starting

typedef struct Start {
  Running *running;
  bool afresh;
} Start;

static void
start_free (Start *start)
{
  running_unref (start->running);
  g_free (start);
}

static void
started_cb (GObject *source, GAsyncResult *result, void *data)
{
  g_autoptr (GTask) task = data;
  Start *start = g_task_get_task_data (task);
  GError *error = NULL;

  if (!vm_machine_perform_finish (VM_MACHINE (source), result, &error)) {
    g_task_return_error (task, error);
    return;
  }
  if (start->afresh) {
    saved_discard (start->running->path);
    saved_clean (start->running->path);
  }
  g_task_return_boolean (task, TRUE);
}

static void
restored_cb (GObject *source, GAsyncResult *result, void *data)
{
  g_autoptr (GTask) task = data;
  GError *error = NULL;

  if (vm_machine_restore_finish (VM_MACHINE (source), result, &error)) {
    g_task_return_boolean (task, TRUE);
    return;
  }
  if (error->domain == VM_STATE_FILE_ERROR ||
      g_error_matches (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA)) {
    g_autofree char *why = g_steal_pointer (&error->message);
    error->message = g_strdup_printf (_ ("%s Start it afresh (terrarium start --fresh)."), why);
  }
  g_task_return_error (task, error);
}

void
running_start_async (Running *running, RunningHow how, GAsyncReadyCallback callback,
                     void *user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, callback, user_data);
  const Bundle bundle = {.path = running->path, .config = running->config};
  Start *start = g_new0 (Start, 1);
  GError *why = NULL;

  *start = (Start){running_ref (running), how == RUNNING_AFRESH};
  g_task_set_task_data (task, start, (GDestroyNotify) start_free);
  saved_clean (running->path);
  SavedKind kind = how == RUNNING_AFRESH ? SAVED_NONE : saved_look (&bundle, &why);
  if (kind == SAVED_STALE) {
    g_task_return_error (task, why);
  } else if (kind == SAVED_READY) {
    g_autofree char *state = saved_dup_path (&bundle);
    vm_machine_restore_file_async (running->machine, state, NULL, restored_cb,
                                   g_steal_pointer (&task));
  } else {
    vm_machine_perform_async (running->machine, VM_OP_START, NULL, started_cb,
                              g_steal_pointer (&task));
  }
}

bool
running_start_finish (Running *running, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

// ---------------------------------------------------------------------------------------------
// Saving

// One state is written at a time. The cancellable for it is NULL with an error in `task` when another
// is being written.
static GCancellable *
begin_writing (Running *running, GTask *task)
{
  if (running->writing != NULL) {
    g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_BUSY,
                             _ ("The machine is being saved already; wait until that is done."));
    return NULL;
  }
  g_atomic_int_set (&running->permille, 0);
  running->writing = g_cancellable_new ();
  return running->writing;
}

static void
end_writing (Running *running)
{
  g_clear_object (&running->writing);
}

// Worker.
static void
tell_progress (Running *running, double done)
{
  g_atomic_int_set (&running->permille, (int) (1000 * done));
}

double
running_get_progress (Running *running)
{
  return running->writing != NULL ? g_atomic_int_get (&running->permille) / 1000.0 : -1;
}

bool
running_cancel (Running *running)
{
  if (running->writing != NULL)
    g_cancellable_cancel (running->writing);
  return running->writing != NULL;
}

bool
running_is_cancelled (const Running *running)
{
  return running->writing != NULL && g_cancellable_is_cancelled (running->writing);
}

typedef struct Save {
  Running *running;
  char *path; // of the state
} Save;

static void
save_free (Save *save)
{
  running_unref (save->running);
  g_free (save->path);
  g_free (save);
}

// Worker: the machine waits, its disks are at rest.
static bool
complete_cb (void *data, GError **error)
{
  const Save *save = data;

  return saved_commit (save->running->path, save->running->config, save->path, error);
}

// Worker.
static void
progress_cb (void *data, double done)
{
  const Save *save = data;

  tell_progress (save->running, done);
}

static void
saved_cb (GObject *source, GAsyncResult *result, void *data)
{
  g_autoptr (GTask) task = data;
  const Save *save = g_task_get_task_data (task);
  GError *error = NULL;

  end_writing (save->running);
  if (vm_machine_save_file_finish (VM_MACHINE (source), result, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

void
running_save_async (Running *running, GAsyncReadyCallback callback, void *user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, callback, user_data);
  Save *save = g_new0 (Save, 1);
  GError *error = NULL;

  *save = (Save){running_ref (running), saved_make_path (running->path)};
  g_task_set_task_data (task, save, (GDestroyNotify) save_free);
  if (!running_settle_slots (running, &error)) {
    g_task_return_error (task, error);
    return;
  }
  if (begin_writing (running, task) == NULL)
    return;
  const VmSaveOptions options = {.path = save->path,
                                 .stop = true,
                                 .complete = complete_cb,
                                 .progress = progress_cb,
                                 .data = save};
  vm_machine_save_file_async (running->machine, &options, running->writing, saved_cb,
                              g_steal_pointer (&task));
}

bool
running_save_finish (Running *running, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

// ---------------------------------------------------------------------------------------------
// Snapshots

typedef struct Take {
  Running *running;
  SnapshotTaking *taking;
  bool committed; // worker's until it is over
} Take;

static void
take_free (Take *take)
{
  // Overlays that were not used are removed before the next start.
  snapshot_taking_free (take->taking);
  running_unref (take->running);
  g_free (take);
}

// Worker: the machine waits, its disks have moved.
static bool
settled_cb (void *data, GError **error)
{
  Take *take = data;

  take->committed = snapshots_commit (take->running->path, take->taking, error);
  return take->committed;
}

// Worker.
static void
snapshot_progress_cb (void *data, double done)
{
  const Take *take = data;

  tell_progress (take->running, done);
}

// Worker: the machine goes on, its state is complete.
static bool
with_state_cb (void *data, GError **error)
{
  const Take *take = data;

  return snapshots_end (take->running->path, take->taking, true, error);
}

static void
taken_cb (GObject *source, GAsyncResult *result, void *data)
{
  g_autoptr (GTask) task = data;
  Take *take = g_task_get_task_data (task);
  Running *running = take->running;
  GError *error = NULL;
  bool ok = vm_machine_save_file_finish (VM_MACHINE (source), result, &error);

  end_writing (running);
  if (take->committed) {
    vm_config_free (running->config);
    running->config = vm_config_copy (take->taking->config);
  }
  if (ok) {
    g_task_return_boolean (task, TRUE);
    return;
  }
  if (take->committed)
    snapshots_end (running->path, take->taking, false, NULL);
  g_task_return_error (task, error);
}

void
running_snapshot_async (Running *running, const char *name, GAsyncReadyCallback callback,
                        void *user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, callback, user_data);
  const Bundle bundle = {.path = running->path, .config = running->config};
  Take *take = g_new0 (Take, 1);
  GError *error = NULL;

  take->running = running_ref (running);
  g_task_set_task_data (task, take, (GDestroyNotify) take_free);
  if (begin_writing (running, task) == NULL)
    return;
  take->taking =
      running_settle_slots (running, &error) ? snapshots_begin (&bundle, name, &error) : NULL;
  if (take->taking == NULL) {
    end_writing (running);
    g_task_return_error (task, error);
    return;
  }
  const VmSaveOptions options = {.path = take->taking->state,
                                 .overlays = (const char *const *) take->taking->overlays,
                                 .settled = settled_cb,
                                 .complete = with_state_cb,
                                 .progress = snapshot_progress_cb,
                                 .data = take};
  vm_machine_save_file_async (running->machine, &options, running->writing, taken_cb,
                              g_steal_pointer (&task));
}

bool
running_snapshot_finish (Running *running, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

const VmConfig *
running_get_config (Running *running)
{
  return running->config;
}

// ---------------------------------------------------------------------------------------------
// What others ask

static void
asked_done_cb (GObject *source, GAsyncResult *result, void *data)
{
  ControlCall *call = data;
  g_autoptr (GError) error = NULL;

  g_task_propagate_boolean (G_TASK (result), &error);
  control_call_answer (call, NULL, error);
}

static const char *
get_text (JsonObject *request, const char *name)
{
  JsonNode *node = json_object_get_member (request, name);

  return node != NULL && json_node_get_value_type (node) == G_TYPE_STRING
             ? json_node_get_string (node)
             : "";
}

static void
change_snapshot (Running *running, bool rename, JsonObject *request, ControlCall *call)
{
  Bundle bundle = {.path = running->path, .config = running->config};
  g_autoptr (GError) error = NULL;

  // One that is being taken has images that nothing names yet: they would be deleted as left behind.
  if (running->writing != NULL)
    g_set_error_literal (&error, G_IO_ERROR, G_IO_ERROR_BUSY,
                         _ ("The machine is being saved already; wait until that is done."));
  else if (rename)
    snapshots_rename (&bundle, get_text (request, "id"), get_text (request, "name"), &error);
  else
    snapshots_delete (&bundle, get_text (request, "id"), false, NULL, &error);
  control_call_answer (call, NULL, error);
}

static void
answer_progress (Running *running, ControlCall *call)
{
  g_autoptr (JsonObject) reply = json_object_new ();

  if (running->writing != NULL)
    json_object_set_double_member (reply, "progress", running_get_progress (running));
  control_call_answer (call, reply, NULL);
}

static void
cancel_writing (Running *running, ControlCall *call)
{
  g_autoptr (GError) error =
      running_cancel (running)
          ? NULL
          : g_error_new_literal (G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "Nothing is being saved.");

  control_call_answer (call, NULL, error);
}

static bool
asked_cb (void *data, const char *op, JsonObject *request, ControlCall *call)
{
  Running *running = data;

  if (g_str_equal (op, "save"))
    running_save_async (running, asked_done_cb, call);
  else if (g_str_equal (op, "progress"))
    answer_progress (running, call);
  else if (g_str_equal (op, "cancel"))
    cancel_writing (running, call);
  else if (g_str_equal (op, "snapshot-take"))
    running_snapshot_async (running, get_text (request, "name"), asked_done_cb, call);
  else if (g_str_equal (op, "snapshot-rename") || g_str_equal (op, "snapshot-delete"))
    change_snapshot (running, g_str_equal (op, "snapshot-rename"), request, call);
  else
    return running_ask_devices (running, op, request, call);
  return true;
}

// ---------------------------------------------------------------------------------------------
// Object

Running *
running_new (const Bundle *bundle, VmMachine *machine, bool *reachable, GError **error)
{
  g_autoptr (GError) why = NULL;
  ControlServer *control = control_server_new (machine, &why);
  bool taken = g_error_matches (why, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE);

  *reachable = control != NULL;
  if (why != NULL)
    g_propagate_error (error, g_steal_pointer (&why));
  if (taken)
    return NULL;
  Running *running = g_new0 (Running, 1);
  *running = (Running){.references = 1,
                       .path = g_strdup (bundle->path),
                       .config = vm_config_copy (bundle->config),
                       .machine = g_object_ref (machine),
                       .control = control};
  if (control != NULL)
    control_server_set_handler (control, asked_cb, running);
  g_signal_connect (machine, "stopped", G_CALLBACK (stopped_cb), running);
  g_signal_connect (machine, "detached", G_CALLBACK (running_detached_cb), running);
  return running;
}

void
running_free (Running *running)
{
  if (running == NULL)
    return;
  g_signal_handlers_disconnect_by_data (running->machine, running);
  g_clear_pointer (&running->control, control_server_free);
  running_unref (running);
}
