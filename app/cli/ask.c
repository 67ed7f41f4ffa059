// SPDX-License-Identifier: GPL-3.0-or-later
// Asking a running machine for something long; see ask.h. One thread waits for the answer, another asks
// how far it is, each through a connection of its own; the main thread shows it (job.c).
#include "app/cli/ask.h"

#include "app/cli/job.h"
#include "app/model/control.h"

enum {
  POLL_MILLISECONDS = 100,
};

typedef struct Ask {
  const char *uuid;
  JsonObject *request;
  JsonObject *reply; // NULL: refused, with `error`
  GError *error;
  GMutex lock;
  GCond cond;
  bool answered; // under `lock`; the reply is its thread's until then
} Ask;

static void *
wait_main (void *data)
{
  Ask *ask = data;

  ask->reply = control_call (ask->uuid, ask->request, &ask->error);
  g_mutex_lock (&ask->lock);
  ask->answered = true;
  g_cond_signal (&ask->cond);
  g_mutex_unlock (&ask->lock);
  return NULL;
}

static void
cancelled_cb (GCancellable *cancellable, void *data)
{
  Ask *ask = data;

  g_mutex_lock (&ask->lock);
  g_cond_signal (&ask->cond);
  g_mutex_unlock (&ask->lock);
}

// Waits for a moment, or until `wake` is cancelled.
static bool
is_answered (Ask *ask, GCancellable *wake)
{
  gint64 end = g_get_monotonic_time () + POLL_MILLISECONDS * G_TIME_SPAN_MILLISECOND;

  g_mutex_lock (&ask->lock);
  while (!ask->answered && !g_cancellable_is_cancelled (wake) &&
         g_cond_wait_until (&ask->cond, &ask->lock, end))
    ;
  bool answered = ask->answered;
  g_mutex_unlock (&ask->lock);
  return answered;
}

static void
show_progress (const Ask *ask, const VmImageJob *job)
{
  g_autoptr (JsonObject) reply = control_call_op (ask->uuid, "progress", false, NULL);

  if (reply != NULL && json_object_has_member (reply, "progress"))
    job->progress (job->data, json_object_get_double_member_with_default (reply, "progress", 0));
}

static bool
ask_work (void *data, const VmImageJob *job, GError **error)
{
  Ask *ask = data;
  GThread *thread = g_thread_new ("ask", wait_main, ask);
  gulong handler = g_cancellable_connect (job->cancellable, G_CALLBACK (cancelled_cb), ask, NULL);
  bool tried = false, cancelled = false;

  while (!is_answered (ask, tried ? NULL : job->cancellable)) {
    // Until it was heard: the machine may not have begun yet.
    if (!cancelled && g_cancellable_is_cancelled (job->cancellable)) {
      g_autoptr (JsonObject) reply = control_call_op (ask->uuid, "cancel", false, NULL);
      cancelled = reply != NULL;
      tried = true;
    }
    show_progress (ask, job);
  }
  g_cancellable_disconnect (job->cancellable, handler);
  g_thread_join (thread);
  if (ask->error != NULL)
    g_propagate_error (error, ask->error);
  return ask->reply != NULL;
}

JsonObject *
ask_run (const char *uuid, JsonObject *request, bool quiet, GError **error)
{
  Ask ask = {.uuid = uuid, .request = request};

  g_mutex_init (&ask.lock);
  g_cond_init (&ask.cond);
  job_run (ask_work, &ask, quiet, error);
  g_cond_clear (&ask.cond);
  g_mutex_clear (&ask.lock);
  return ask.reply;
}
