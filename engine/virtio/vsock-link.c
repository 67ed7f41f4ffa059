// SPDX-License-Identifier: GPL-3.0-or-later
// Connections of virtio sockets as this computer sees them: UNIX sockets, what they wait for, and the
// line with which those from the host begin. Threads: see vsock.c.
#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/virtio/vsock-priv.h"

// ---- connections ----------------------------------------------------------------------------

static void
stop_watching (VsockLink *link)
{
  if (link->source != NULL)
    g_source_destroy (link->source);
  g_clear_pointer (&link->source, g_source_unref);
}

void
vsock_link_free (void *data)
{
  VsockLink *link = data;

  stop_watching (link);
  close (link->fd);
  g_free (link->buffer);
  g_free (link);
}

VsockLink *
vsock_link_new (Vsock *vsock, int take_fd)
{
  VsockLink *link = g_new0 (VsockLink, 1);

  link->vsock = vsock;
  link->fd = take_fd;
  g_ptr_array_add (vsock->links, link);
  return link;
}

void
vsock_link_drop (VsockLink *link)
{
  Vsock *vsock = link->vsock;

  g_ptr_array_remove (vsock->links, link);
  if (!vsock->pump.paused)
    vsock_listen_now (vsock); // there may be room again
}

VsockLink *
vsock_link_find (Vsock *vsock, uint32_t host_port, uint32_t guest_port)
{
  for (unsigned i = 0; i < vsock->links->len; i++) {
    VsockLink *link = vsock->links->pdata[i];
    if (!link->greeting && link->host_port == host_port && link->guest_port == guest_port)
      return link;
  }
  return NULL;
}

uint32_t
vsock_link_credit (const VsockLink *link)
{
  uint32_t out = link->tx_cnt - link->peer_fwd;
  return out < link->peer_alloc ? link->peer_alloc - out : 0;
}

bool
vsock_link_is_open (const VsockLink *link)
{
  return !link->greeting && !link->asked && !link->tell_reset;
}

// Nothing more goes to the guest but that it is over.
void
vsock_link_reset (VsockLink *link)
{
  link->tell_reset = true;
  link->tell_request = link->tell_response = link->tell_credit = link->tell_end = false;
  link->n = 0;
  stop_watching (link);
}

// What the guest has sent goes to the socket as it takes it.
void
vsock_link_flush (VsockLink *link)
{
  while (link->n > 0 && !link->tell_reset) {
    unsigned run = MIN (link->n, BUFFER_BYTES - link->first);
    ssize_t done = send (link->fd, link->buffer + link->first, run, MSG_NOSIGNAL | MSG_DONTWAIT);

    link->blocked = done < 0 && (errno == EAGAIN || errno == EINTR);
    if (link->blocked)
      break;
    if (done < 0) {
      vsock_link_reset (link);
      return;
    }
    link->first = (link->first + (unsigned) done) % BUFFER_BYTES;
    link->n -= (unsigned) done;
    link->fwd_cnt += (uint32_t) done;
  }
  if (link->fwd_cnt - link->told_fwd_cnt >= BUFFER_BYTES / 2)
    link->tell_credit = true;
  if (link->n == 0 && link->guest_ended && !link->tell_reset)
    shutdown (link->fd, SHUT_WR);
  // Both sides have said all they had to: that is answered with a vsock_link_reset (§5.10.6.5).
  if (link->n == 0 && link->guest_ended && link->guest_deaf)
    vsock_link_reset (link);
}

int
vsock_set_address (struct sockaddr_un *address, const char *path)
{
  *address = (struct sockaddr_un){.sun_family = AF_UNIX};
  if (strlen (path) >= sizeof address->sun_path)
    return ENAMETOOLONG;
  strcpy (address->sun_path, path);
  return 0;
}

// -1: nobody listens there.
int
vsock_connect_to (const char *path)
{
  struct sockaddr_un address;
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

  if (fd >= 0 && vsock_set_address (&address, path) == 0 &&
      connect (fd, (struct sockaddr *) &address, sizeof address) == 0)
    return fd;
  if (fd >= 0)
    close (fd);
  return -1;
}

// ---- from the host --------------------------------------------------------------------------

static uint32_t
make_port (Vsock *vsock)
{
  uint32_t port = vsock->next_port++;
  if (vsock->next_port == 0)
    vsock->next_port = FIRST_PORT;
  return port;
}

// "CONNECT 1234". False: it is something else.
static bool
take_line (VsockLink *link)
{
  guint64 port;

  link->line[link->line_length] = '\0';
  if (!g_str_has_prefix (link->line, "CONNECT ") ||
      !g_ascii_string_to_unsigned (link->line + strlen ("CONNECT "), 10, 0, UINT32_MAX, &port,
                                   NULL))
    return false;
  link->greeting = false;
  link->asked = true;
  link->guest_port = (uint32_t) port;
  link->host_port = make_port (link->vsock);
  link->tell_request = true;
  return true;
}

// Byte by byte: what comes behind the line is for the guest. False: it ended, or says nonsense.
static bool
read_greeting (VsockLink *link)
{
  char c;
  ssize_t n;

  while ((n = recv (link->fd, &c, 1, MSG_DONTWAIT)) == 1) {
    if (c == '\n')
      return take_line (link);
    if (link->line_length == LINE_MAX_BYTES - 1)
      return false;
    link->line[link->line_length++] = c;
  }
  return n < 0 && (errno == EAGAIN || errno == EINTR);
}

static gboolean
link_cb (gint fd, GIOCondition condition, gpointer data)
{
  VsockLink *link = data;
  Vsock *vsock = link->vsock;

  virtio_device_lock (&vsock->vdev);
  stop_watching (link);
  if (link->greeting && !read_greeting (link)) {
    vsock_link_drop (link);
  } else {
    link->readable |= (condition & (G_IO_IN | G_IO_HUP | G_IO_ERR)) && vsock_link_is_open (link);
    vsock_link_flush (link);
    vsock_link_watch (link);
    vsock_deliver (vsock);
  }
  virtio_device_unlock (&vsock->vdev);
  return G_SOURCE_REMOVE;
}

// For what can be done now only.
void
vsock_link_watch (VsockLink *link)
{
  Vsock *vsock = link->vsock;
  bool wants_input =
      link->greeting || (vsock_link_is_open (link) && !link->readable && !link->ended &&
                         !link->guest_deaf && vsock_link_credit (link) > 0);
  bool wants_output = vsock_link_is_open (link) && link->blocked && link->n > 0;

  stop_watching (link);
  if (vsock->pump.paused || link->tell_reset || !(wants_input || wants_output))
    return;
  link->source =
      g_unix_fd_source_new (link->fd, (wants_input ? G_IO_IN : 0) | (wants_output ? G_IO_OUT : 0));
  g_source_set_callback (link->source, G_SOURCE_FUNC (link_cb), link, NULL);
  g_source_attach (link->source, vm_loop_get_context (vsock->vdev.vm->loop));
}

void
vsock_stop_listening (Vsock *vsock)
{
  if (vsock->listener_source != NULL)
    g_source_destroy (vsock->listener_source);
  g_clear_pointer (&vsock->listener_source, g_source_unref);
}

static gboolean
accept_cb (gint fd, GIOCondition condition, gpointer data)
{
  Vsock *vsock = data;
  int peer = accept4 (fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

  virtio_device_lock (&vsock->vdev);
  // Out of descriptors: whoever waits is served when a connection has ended.
  if (peer < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
    vsock_stop_listening (vsock);
  if (peer >= 0 &&
      (vsock->links->len >= CONNECTIONS_MAX || !virtio_device_is_live (&vsock->vdev))) {
    close (peer);
  } else if (peer >= 0) {
    VsockLink *link = vsock_link_new (vsock, peer);
    link->greeting = true;
    vsock_link_watch (link);
  }
  bool goes_on = vsock->listener_source != NULL;
  virtio_device_unlock (&vsock->vdev);
  return goes_on;
}

void
vsock_listen_now (Vsock *vsock)
{
  if (vsock->listener_source != NULL || vsock->listener < 0)
    return;
  vsock->listener_source = g_unix_fd_source_new (vsock->listener, G_IO_IN);
  g_source_set_callback (vsock->listener_source, G_SOURCE_FUNC (accept_cb), vsock, NULL);
  g_source_attach (vsock->listener_source, vm_loop_get_context (vsock->vdev.vm->loop));
}
