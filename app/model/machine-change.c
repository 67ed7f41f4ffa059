// SPDX-License-Identifier: GPL-3.0-or-later
// See machine-change.h. Main thread, but for work_cb.
#include "app/model/machine-change.h"

#include <glib/gi18n.h>
#include <unistd.h>

// One change on disk. A machine's are made one after the other, as they were asked for: each takes
// the bundle's lock. Those not yet done are the machine's data "changes", the one at work first.
typedef struct Work {
  char *path;
  Change *change;
} Work;

static void
work_free (Work *work)
{
  g_free (work->path);
  change_free (work->change);
  g_free (work);
}

bool
terrarium_machine_can_change (TerrariumMachine *machine, const char **why)
{
  const char *reason = NULL;

  if (terrarium_machine_get_vm (machine))
    reason = _ ("Turn the machine off to change this");
  else if (terrarium_machine_get_saved (machine, NULL) != SAVED_NONE)
    reason = _ ("The machine is saved; go on with it and turn it off to change this");
  if (why)
    *why = reason;
  return reason == NULL;
}

// Worker.
static void
work_cb (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  const Work *work = data;
  const Bundle place = {.path = work->path, .folder = work->path};
  GError *error = NULL;
  int lock = bundle_lock (&place, &error);
  g_autoptr (Bundle) bundle = lock >= 0 ? bundle_load (work->path) : NULL;

  if (bundle && !bundle->config)
    error = g_error_copy (bundle->error);
  else if (bundle)
    change_apply (bundle, work->change, &error);
  if (lock >= 0)
    close (lock);
  if (error)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
}

static void
medium_changed_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  if (running_change_medium_finish (NULL, result, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void begin_first (GQueue *tasks);

static void
applied_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GQueue *tasks = user_data;
  // It stays the first meanwhile: whoever hears of it may ask for more.
  g_autoptr (GTask) task = g_queue_peek_head (tasks);
  GError *error = NULL;

  if (g_task_propagate_boolean (G_TASK (result), &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
  g_queue_pop_head (tasks);
  begin_first (tasks);
}

static void
begin_first (GQueue *tasks)
{
  const char *why;
  GTask *task;

  while ((task = g_queue_peek_head (tasks)) != NULL) {
    if (terrarium_machine_can_change (g_task_get_source_object (task), &why)) {
      g_autoptr (GTask) work =
          g_task_new (g_task_get_source_object (task), NULL, applied_cb, tasks);
      g_task_set_task_data (work, g_task_get_task_data (task), NULL);
      g_task_run_in_thread (work, work_cb);
      return;
    }
    g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_BUSY, "%s", why);
    g_object_unref (g_queue_pop_head (tasks));
  }
}

static void
add_task (TerrariumMachine *machine, GTask *task)
{
  GQueue *tasks = g_object_get_data (G_OBJECT (machine), "changes");

  if (!tasks) {
    tasks = g_queue_new ();
    g_object_set_data_full (G_OBJECT (machine), "changes", tasks, (GDestroyNotify) g_queue_free);
  }
  g_queue_push_tail (tasks, task);
  if (tasks->length == 1)
    begin_first (tasks);
}

void
terrarium_machine_change_async (TerrariumMachine *machine, const Change *change, bool force,
                                GAsyncReadyCallback callback, void *user_data)
{
  GTask *task = g_task_new (machine, NULL, callback, user_data);
  Running *running = terrarium_machine_get_running (machine);
  Work *work = g_new0 (Work, 1);

  *work = (Work){g_strdup (terrarium_machine_get_bundle (machine)->path), change_copy (change)};
  g_task_set_task_data (task, work, (GDestroyNotify) work_free);
  if (running && change->kind == CHANGE_MEDIUM)
    running_change_medium_async (running, change->number, change->text, force, medium_changed_cb,
                                 task);
  else
    add_task (machine, task);
}

bool
terrarium_machine_change_finish (TerrariumMachine *machine, GAsyncResult *result, GError **error)
{
  bool done = g_task_propagate_boolean (G_TASK (result), error);

  terrarium_machine_reload (machine);
  return done;
}
