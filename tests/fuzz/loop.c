// SPDX-License-Identifier: GPL-3.0-or-later
// VmLoop without a thread of its own: whoever calls is the I/O thread meanwhile, and first does what
// is due. An input so costs no thread and no change between threads.
//
// Threads: one calls; any may post.
#include "engine/vm/loop.h"

#include <stdatomic.h>

struct VmLoop {
  GMainContext *context;
  _Atomic (GThread *) current; // who is in there
};

VmLoop *
vm_loop_new (const char *thread_name)
{
  VmLoop *loop = g_new0 (VmLoop, 1);

  loop->context = g_main_context_new ();
  return loop;
}

static void
nothing (void *unused)
{
}

void
vm_loop_free (VmLoop *loop)
{
  if (loop == NULL)
    return;
  vm_loop_call (loop, nothing, NULL);
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
  return atomic_load (&loop->current) == g_thread_self ();
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

void
vm_loop_call (VmLoop *loop, void (*fn) (void *), void *data)
{
  if (vm_loop_is_current (loop)) {
    fn (data);
    return;
  }
  g_assert (atomic_load (&loop->current) == NULL);
  g_main_context_push_thread_default (loop->context);
  atomic_store (&loop->current, g_thread_self ());
  g_main_context_iteration (loop->context, FALSE);
  fn (data);
  atomic_store (&loop->current, NULL);
  g_main_context_pop_thread_default (loop->context);
}
