// SPDX-License-Identifier: GPL-3.0-or-later
// The I/O thread of one machine.
//
// Threads: see loop.h.
#include "engine/vm/loop.h"

#include <signal.h>

struct VmLoop {
  GMainContext *context;
  GMainLoop *loop;
  GThread *thread;
};

static void *
loop_thread (void *data)
{
  VmLoop *loop = data;
  sigset_t all;

  // Signals are for the program's own threads.
  sigfillset (&all);
  sigdelset (&all, SIGBUS); // guest memory may be lost
  pthread_sigmask (SIG_BLOCK, &all, NULL);
  g_main_context_push_thread_default (loop->context);
  g_main_loop_run (loop->loop);
  g_main_context_pop_thread_default (loop->context);
  return NULL;
}

VmLoop *
vm_loop_new (const char *thread_name)
{
  VmLoop *loop = g_new0 (VmLoop, 1);

  loop->context = g_main_context_new ();
  loop->loop = g_main_loop_new (loop->context, FALSE);
  loop->thread = g_thread_new (thread_name, loop_thread, loop);
  return loop;
}

static void
quit (void *data)
{
  g_main_loop_quit (data);
}

void
vm_loop_free (VmLoop *loop)
{
  if (loop == NULL)
    return;
  g_assert (!vm_loop_is_current (loop));
  // Posted like everything else, so that what was posted before still runs.
  vm_loop_post (loop, quit, loop->loop);
  g_thread_join (loop->thread);
  g_main_loop_unref (loop->loop);
  g_main_context_unref (loop->context);
  g_free (loop);
}

GMainContext *
vm_loop_get_context (VmLoop *loop)
{
  return loop->context;
}

bool
vm_loop_is_current (VmLoop *loop)
{
  return g_thread_self () == loop->thread;
}

typedef struct Post {
  void (*fn) (void *);
  void *data;
} Post;

static gboolean
post_cb (void *data)
{
  Post *post = data;

  post->fn (post->data);
  return G_SOURCE_REMOVE;
}

void
vm_loop_post (VmLoop *loop, void (*fn) (void *), void *data)
{
  Post *post = g_new (Post, 1);
  g_autoptr (GSource) source = g_idle_source_new ();

  *post = (Post){.fn = fn, .data = data};
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, post_cb, post, g_free);
  g_source_attach (source, loop->context);
}

typedef struct Call {
  void (*fn) (void *);
  void *data;
  GMutex lock;
  GCond done_cond;
  bool done;
} Call;

static void
call_cb (void *data)
{
  Call *call = data;

  call->fn (call->data);
  g_mutex_lock (&call->lock);
  call->done = true;
  g_cond_signal (&call->done_cond);
  g_mutex_unlock (&call->lock);
}

void
vm_loop_call (VmLoop *loop, void (*fn) (void *), void *data)
{
  Call call = {.fn = fn, .data = data};

  if (vm_loop_is_current (loop)) {
    fn (data);
    return;
  }
  g_mutex_init (&call.lock);
  g_cond_init (&call.done_cond);
  vm_loop_post (loop, call_cb, &call);
  g_mutex_lock (&call.lock);
  while (!call.done)
    g_cond_wait (&call.done_cond, &call.lock);
  g_mutex_unlock (&call.lock);
  g_cond_clear (&call.done_cond);
  g_mutex_clear (&call.lock);
}
