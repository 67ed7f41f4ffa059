// SPDX-License-Identifier: GPL-3.0-or-later
// The eventfd wake-ups that drive a machine's loop.
//
// Threads: see loop.h.
#include <errno.h>
#include <glib-unix.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "engine/vm/loop.h"

struct VmEvent {
  void (*fn) (void *);
  void *data;
  int fd;
  GSource *source;
  // A signal is on its way: further ones need no system call.
  atomic_bool signalled;
};

static gboolean
event_cb (int fd, GIOCondition condition, void *data)
{
  VmEvent *event = data;
  uint64_t count;
  // EAGAIN is the only other answer: somebody else's wake-up, which costs one empty look.
  ssize_t got = read (fd, &count, sizeof count);

  (void) got;
  // Cleared before the callback looks: a signal from now on asks for another look.
  atomic_exchange (&event->signalled, false);
  event->fn (event->data);
  return G_SOURCE_CONTINUE;
}

VmEvent *
vm_event_new (VmLoop *loop, void (*fn) (void *), void *data)
{
  VmEvent *event = g_new0 (VmEvent, 1);

  event->fn = fn;
  event->data = data;
  event->fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (event->fd < 0)
    g_error ("No file descriptor for an event: %s", g_strerror (errno));
  event->source = g_unix_fd_source_new (event->fd, G_IO_IN);
  g_source_set_callback (event->source, G_SOURCE_FUNC (event_cb), event, NULL);
  g_source_attach (event->source, vm_loop_get_context (loop));
  return event;
}

void
vm_event_signal (VmEvent *event)
{
  const uint64_t one = 1;

  if (atomic_exchange (&event->signalled, true))
    return;
  while (write (event->fd, &one, sizeof one) < 0 && errno == EINTR)
    continue;
}

int
vm_event_get_fd (const VmEvent *event)
{
  return event->fd;
}

void
vm_event_free (VmEvent *event)
{
  if (event == NULL)
    return;
  g_source_destroy (event->source);
  g_source_unref (event->source);
  close (event->fd);
  g_free (event);
}
