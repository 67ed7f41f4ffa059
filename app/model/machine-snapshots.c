// SPDX-License-Identifier: GPL-3.0-or-later
// Snapshots of a machine in a window; see machine-snapshots.h. Main thread, but for work_cb.
#include "app/model/machine-snapshots.h"

#include <glib/gi18n.h>
#include <unistd.h>

typedef struct Work {
  SnapshotOp op;
  char *path, *id, *name;
  bool running;
  GCancellable *cancellable;
  int permille; // atomic: the worker tells it
  guint telling;
} Work;

#define WORK_KEY             "snapshot-work" // of the machine, while it is under way
#define PROGRESS_INTERVAL_MS 100

static void
work_free (Work *work)
{
  g_free (work->path);
  g_free (work->id);
  g_free (work->name);
  g_object_unref (work->cancellable);
  g_free (work);
}

// Worker.
static void
progress_cb (void *data, double done)
{
  Work *work = data;

  g_atomic_int_set (&work->permille, (int) (1000 * done));
}

static gboolean
tell_cb (gpointer user_data)
{
  TerrariumMachine *machine = user_data;
  Work *work = g_object_get_data (G_OBJECT (machine), WORK_KEY);
  Running *running = terrarium_machine_get_running (machine);
  double own = g_atomic_int_get (&work->permille) / 1000.0;

  terrarium_machine_set_progress (machine,
                                  work->running && running ? running_get_progress (running) : own);
  return G_SOURCE_CONTINUE;
}

static bool
carry_out (Work *work, Bundle *bundle, GError **error)
{
  const VmImageJob job = {work->cancellable, progress_cb, work};
  g_autofree char *id = NULL;

  switch (work->op) {
  case SNAPSHOT_TAKE:
    id = snapshots_prepare (bundle, error) ? snapshots_take (bundle, work->name, error) : NULL;
    return id != NULL;
  case SNAPSHOT_GO_BACK:
    return snapshots_go_back (bundle, work->id, error);
  case SNAPSHOT_DELETE:
    return snapshots_delete (bundle, work->id, !work->running, &job, error);
  case SNAPSHOT_RENAME:
    return snapshots_rename (bundle, work->id, work->name, error);
  }
  return false;
}

// Worker. A machine that runs has the lock already, and it is ours.
static void
work_cb (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Work *work = data;
  g_autoptr (Bundle) bundle = bundle_load (work->path);
  GError *error = NULL;
  int lock = -1;

  if (!bundle->config)
    error = g_error_copy (bundle->error);
  else if (!work->running)
    lock = bundle_lock_to_change (&bundle, &error);
  if (!error)
    carry_out (work, bundle, &error);
  if (lock >= 0)
    close (lock);
  if (error)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
}

static void
taken_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  if (running_snapshot_finish (NULL, result, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

void
terrarium_machine_snapshot_async (TerrariumMachine *machine, SnapshotOp op, const char *id,
                                  const char *name, GAsyncReadyCallback callback, void *user_data)
{
  g_autoptr (GTask) task = g_task_new (machine, NULL, callback, user_data);
  Running *running = terrarium_machine_get_running (machine);
  Work *work = g_new0 (Work, 1);

  *work = (Work){.op = op,
                 .path = g_strdup (terrarium_machine_get_bundle (machine)->path),
                 .id = g_strdup (id),
                 .name = g_strdup (name),
                 .running = terrarium_machine_get_vm (machine) != NULL,
                 .cancellable = g_cancellable_new ()};
  g_task_set_task_data (task, work, (GDestroyNotify) work_free);
  if (g_object_get_data (G_OBJECT (machine), WORK_KEY)) {
    g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_BUSY, "%s",
                             _ ("Another snapshot is being worked on; wait until that is done."));
    return;
  }
  // Somebody else may be taking one, whose images nothing names yet.
  if (running && running_get_progress (running) >= 0) {
    g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_BUSY, "%s",
                             _ ("The machine is being saved already; wait until that is done."));
    return;
  }
  // What is done at once shows none. The task has the machine.
  g_object_set_data (G_OBJECT (machine), WORK_KEY, work);
  work->telling = g_timeout_add (PROGRESS_INTERVAL_MS, tell_cb, machine);
  if (op == SNAPSHOT_TAKE && running)
    running_snapshot_async (running, name, taken_cb, g_steal_pointer (&task));
  else
    g_task_run_in_thread (task, work_cb);
}

bool
terrarium_machine_snapshot_finish (TerrariumMachine *machine, GAsyncResult *result, GError **error)
{
  Work *work = g_task_get_task_data (G_TASK (result));
  bool done = g_task_propagate_boolean (G_TASK (result), error);

  if (work->telling != 0) {
    g_clear_handle_id (&work->telling, g_source_remove);
    g_object_set_data (G_OBJECT (machine), WORK_KEY, NULL);
    terrarium_machine_set_progress (machine, -1);
  }
  terrarium_machine_reload (machine);
  return done;
}

void
terrarium_machine_cancel_snapshot (TerrariumMachine *machine)
{
  Work *work = g_object_get_data (G_OBJECT (machine), WORK_KEY);
  Running *running = terrarium_machine_get_running (machine);

  if (work)
    g_cancellable_cancel (work->cancellable);
  if (work && work->running && running)
    running_cancel (running);
}
