// SPDX-License-Identifier: GPL-3.0-or-later
// Snapshots of a machine in a window; see machine-snapshots.h. Main thread, but for work_cb.
#include "app/model/machine-snapshots.h"

#include <unistd.h>

typedef struct Work {
  SnapshotOp op;
  char *path, *id, *name;
  bool running;
} Work;

static void
work_free (Work *work)
{
  g_free (work->path);
  g_free (work->id);
  g_free (work->name);
  g_free (work);
}

static bool
carry_out (const Work *work, Bundle *bundle, GError **error)
{
  g_autofree char *id = NULL;

  switch (work->op) {
  case SNAPSHOT_TAKE:
    id = snapshots_prepare (bundle, error) ? snapshots_take (bundle, work->name, error) : NULL;
    return id != NULL;
  case SNAPSHOT_GO_BACK:
    return snapshots_go_back (bundle, work->id, error);
  case SNAPSHOT_DELETE:
    return snapshots_delete (bundle, work->id, !work->running, error);
  case SNAPSHOT_RENAME:
    return snapshots_rename (bundle, work->id, work->name, error);
  }
  return false;
}

// Worker. A machine that runs has the lock already, and it is ours.
static void
work_cb (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  const Work *work = data;
  g_autoptr (Bundle) bundle = bundle_load (work->path);
  GError *error = NULL;
  int lock = -1;

  if (!bundle->config)
    error = g_error_copy (bundle->error);
  else if (!work->running)
    lock = bundle_lock (bundle, &error);
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

  *work = (Work){op, g_strdup (terrarium_machine_get_bundle (machine)->path), g_strdup (id),
                 g_strdup (name), terrarium_machine_get_vm (machine) != NULL};
  g_task_set_task_data (task, work, (GDestroyNotify) work_free);
  if (op == SNAPSHOT_TAKE && running)
    running_snapshot_async (running, name, taken_cb, g_steal_pointer (&task));
  else
    g_task_run_in_thread (task, work_cb);
}

bool
terrarium_machine_snapshot_finish (TerrariumMachine *machine, GAsyncResult *result, GError **error)
{
  bool done = g_task_propagate_boolean (G_TASK (result), error);

  terrarium_machine_reload (machine);
  return done;
}
