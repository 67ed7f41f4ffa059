// SPDX-License-Identifier: GPL-3.0-or-later
// A long command. The work runs on a thread of its own; the main thread waits in a
// main loop for signals and for the time to tell how far it is.
#include "app/cli/job.h"

#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

enum {
  TELL_MILLISECONDS = 200,
};

typedef struct Running {
  JobWork work;
  void *data;
  VmImageJob job;
  GMainLoop *loop;
  int permille; // atomic
  bool ok;
  GError *error;
} Running;

// The work's thread.
static void
progress_cb (void *data, double done)
{
  Running *running = data;

  g_atomic_int_set (&running->permille, (int) (done * 1000));
}

static gboolean
finished_cb (void *data)
{
  Running *running = data;

  g_main_loop_quit (running->loop);
  return G_SOURCE_REMOVE;
}

static void *
work_main (void *data)
{
  Running *running = data;

  running->ok = running->work (running->data, &running->job, &running->error);
  g_idle_add (finished_cb, running);
  return NULL;
}

static gboolean
signal_cb (void *data)
{
  Running *running = data;

  g_cancellable_cancel (running->job.cancellable);
  return G_SOURCE_CONTINUE;
}

static gboolean
tell_cb (void *data)
{
  Running *running = data;
  int permille = g_atomic_int_get (&running->permille);

  fprintf (stderr, "\r%3d.%d %%", permille / 10, permille % 10);
  fflush (stderr);
  return G_SOURCE_CONTINUE;
}

bool
job_run (JobWork work, void *data, bool quiet, GError **error)
{
  Running running = {.work = work, .data = data, .loop = g_main_loop_new (NULL, FALSE)};
  bool tell = !quiet && isatty (STDERR_FILENO);
  const guint sources[] = {
      g_unix_signal_add (SIGINT, signal_cb, &running),
      g_unix_signal_add (SIGTERM, signal_cb, &running),
      g_unix_signal_add (SIGHUP, signal_cb, &running),
  };
  guint timer = tell ? g_timeout_add (TELL_MILLISECONDS, tell_cb, &running) : 0;

  running.job =
      (VmImageJob){.cancellable = g_cancellable_new (), .progress = progress_cb, .data = &running};
  GThread *thread = g_thread_new ("work", work_main, &running);
  g_main_loop_run (running.loop);
  g_thread_join (thread);
  for (size_t i = 0; i < G_N_ELEMENTS (sources); i++)
    g_source_remove (sources[i]);
  if (tell) {
    g_source_remove (timer);
    fputs ("\r        \r", stderr);
  }
  g_object_unref (running.job.cancellable);
  g_main_loop_unref (running.loop);
  if (running.error != NULL)
    g_propagate_error (error, running.error);
  return running.ok;
}

void
job_tell (double done, void *data)
{
  const VmImageJob *job = data;

  job->progress (job->data, done);
}
