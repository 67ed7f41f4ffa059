// SPDX-License-Identifier: GPL-3.0-or-later
// virtio sockets; see vsock.h. Each connection is a non-blocking UNIX socket with a bounded buffer of
// what the guest has sent; what goes to the guest is read straight into its buffers, as much as it has
// credit for (§5.10.6.3). There is no room for what is not kept anywhere: answers wait as flags of
// their connection, those without one in a short list, and while that is full nothing more is taken
// from the guest.
//
// Threads: the I/O thread, under the device's lock.
#include <errno.h>
#include <gio/gio.h>
#include <glib/gi18n.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/virtio/vsock-priv.h"

// ---- from the guest -------------------------------------------------------------------------

static void
answer_reset (Vsock *vsock, const VsockHeader *to)
{
  if (to->op == OP_RST)
    return;
  assert (vsock->n_answers < ANSWERS_MAX);
  vsock->answers[vsock->n_answers++] = (VsockHeader){
      .src_cid = to->dst_cid,
      .dst_cid = VIRTIO_VSOCK_GUEST_CID,
      .src_port = to->dst_port,
      .dst_port = to->src_port,
      .type = to->type,
      .op = OP_RST,
  };
}

static void
connect_guest (Vsock *vsock, const VsockHeader *header)
{
  g_autofree char *path = g_strdup_printf ("%s_%u", vsock->path, header->dst_port);
  int fd = vsock->links->len < CONNECTIONS_MAX ? vsock_connect_to (path) : -1;

  if (fd < 0) {
    answer_reset (vsock, header);
    return;
  }
  VsockLink *link = vsock_link_new (vsock, fd);
  link->host_port = header->dst_port;
  link->guest_port = header->src_port;
  link->peer_alloc = header->buf_alloc;
  link->peer_fwd = header->fwd_cnt;
  link->tell_response = true;
  vsock_link_watch (link);
}

// The guest has answered a connection from the host.
static void
open_link (VsockLink *link)
{
  char line[LINE_MAX_BYTES];

  if (!link->asked)
    return;
  link->asked = false;
  int length = g_snprintf (line, sizeof line, "OK %u\n", link->host_port);
  if (send (link->fd, line, (size_t) length, MSG_NOSIGNAL | MSG_DONTWAIT) != length)
    vsock_link_reset (link);
}

// A guest that sends more than it has credit for breaks the protocol.
static void
take_data (VsockLink *link, const VsockHeader *header, const VirtChain *chain)
{
  if (header->length > BUFFER_BYTES - link->n || link->guest_ended || link->asked ||
      header->length > chain->out_bytes - HEADER_BYTES) {
    vsock_link_reset (link);
    return;
  }
  if (link->buffer == NULL)
    link->buffer = g_malloc (BUFFER_BYTES);
  for (uint32_t done = 0; done < header->length;) {
    unsigned at = (link->first + link->n) % BUFFER_BYTES;
    unsigned run = MIN (header->length - done, BUFFER_BYTES - at);
    virtchain_read (chain, HEADER_BYTES + done, link->buffer + at, run);
    link->n += run;
    done += run;
  }
  vsock_link_flush (link);
}

static void
take_packet (VsockLink *link, const VsockHeader *header, const VirtChain *chain)
{
  switch (header->op) {
  case OP_RESPONSE:
    open_link (link);
    break;
  case OP_SHUTDOWN:
    link->guest_ended |= (header->flags & SHUTDOWN_SEND) != 0;
    link->guest_deaf |= (header->flags & SHUTDOWN_RECEIVE) != 0;
    vsock_link_flush (link);
    break;
  case OP_RW:
    take_data (link, header, chain);
    break;
  case OP_CREDIT_REQUEST:
    link->tell_credit = true;
    break;
  case OP_CREDIT_UPDATE:
    break;
  default: // a second request, or nonsense
    vsock_link_reset (link);
    break;
  }
}

static void
take_header (Vsock *vsock, const VsockHeader *header, const VirtChain *chain)
{
  VsockLink *link = NULL;

  if (header->src_cid == VIRTIO_VSOCK_GUEST_CID && header->dst_cid == HOST_CID &&
      header->type == TYPE_STREAM)
    link = vsock_link_find (vsock, header->dst_port, header->src_port);
  else if (header->op != OP_RST) {
    answer_reset (vsock, header);
    return;
  }
  if (link == NULL) {
    if (header->op == OP_REQUEST)
      connect_guest (vsock, header);
    else
      answer_reset (vsock, header);
    return;
  }
  if (header->op == OP_RST) {
    vsock_link_drop (link);
    return;
  }
  if (link->tell_reset)
    return;
  link->peer_alloc = header->buf_alloc;
  link->peer_fwd = header->fwd_cnt;
  take_packet (link, header, chain);
  vsock_link_watch (link);
}

static bool
handle (VirtioDevice *vdev, unsigned queue, VirtChain *chain)
{
  Vsock *vsock = (Vsock *) vdev;
  VsockHeader header = {0};

  // An answer may be due, and has to have its place.
  if (vsock->n_answers == ANSWERS_MAX) {
    virtqueue_unpop (&vdev->queues[queue], chain);
    return false;
  }
  if (virtchain_read (chain, 0, &header, HEADER_BYTES) == HEADER_BYTES)
    take_header (vsock, &header, chain);
  virtqueue_push (&vdev->queues[queue], chain, 0);
  return true;
}

// ---- to the guest ---------------------------------------------------------------------------

static VsockHeader
make_header (VsockLink *link, uint16_t op)
{
  link->told_fwd_cnt = link->fwd_cnt;
  return (VsockHeader){
      .src_cid = HOST_CID,
      .dst_cid = VIRTIO_VSOCK_GUEST_CID,
      .src_port = link->host_port,
      .dst_port = link->guest_port,
      .type = TYPE_STREAM,
      .op = op,
      .buf_alloc = BUFFER_BYTES,
      .fwd_cnt = link->fwd_cnt,
  };
}

// Which of the things to tell comes next; 0: none.
static uint16_t
take_news (VsockLink *link)
{
  const struct {
    bool *flag;
    uint16_t op;
  } news[] = {
      {&link->tell_reset, OP_RST},
      {&link->tell_request, OP_REQUEST},
      {&link->tell_response, OP_RESPONSE},
      {&link->tell_end, OP_SHUTDOWN},
      {&link->tell_credit, OP_CREDIT_UPDATE},
  };

  for (size_t i = 0; i < G_N_ELEMENTS (news); i++) {
    // What is there to be read comes before its end.
    if (!*news[i].flag)
      continue;
    *news[i].flag = false;
    return news[i].op;
  }
  return 0;
}

// Reads from the socket straight behind the header; the bytes, 0: there are none now.
static size_t
read_data (VsockLink *link, const VirtChain *chain)
{
  size_t room =
      MIN (MIN (vsock_link_credit (link), chain->in_bytes - HEADER_BYTES), PACKET_MAX_BYTES);
  g_autofree uint8_t *bytes = g_malloc (room);
  ssize_t n = recv (link->fd, bytes, room, MSG_DONTWAIT);

  if (n > 0) {
    virtchain_write (chain, HEADER_BYTES, bytes, (size_t) n);
    link->tx_cnt += (uint32_t) n;
    return (size_t) n;
  }
  link->readable = false;
  if (n == 0) {
    link->ended = true;
    link->tell_end = true;
  } else if (errno != EAGAIN && errno != EINTR) {
    vsock_link_reset (link);
  }
  return 0;
}

// The next packet of this connection; false: it has none. May free it.
static bool
fill (VsockLink *link, VirtChain *chain, VsockHeader *header)
{
  if (link->readable && vsock_link_is_open (link) && !link->tell_response &&
      vsock_link_credit (link) > 0 && !link->guest_deaf && chain->in_bytes > HEADER_BYTES) {
    size_t n = read_data (link, chain);
    if (n > 0) {
      *header = make_header (link, OP_RW);
      header->length = (uint32_t) n;
      return true;
    }
  }
  uint16_t op = take_news (link);
  if (op == 0)
    return false;
  *header = make_header (link, op);
  if (op == OP_SHUTDOWN)
    header->flags = SHUTDOWN_SEND;
  if (op == OP_RST)
    vsock_link_drop (link);
  return true;
}

static bool
next_packet (Vsock *vsock, VirtChain *chain, VsockHeader *header)
{
  if (vsock->n_answers > 0) {
    *header = vsock->answers[0];
    memmove (vsock->answers, vsock->answers + 1, --vsock->n_answers * sizeof *header);
    return true;
  }
  for (unsigned i = vsock->links->len; i > 0 && vsock->links->len > 0; i--) {
    VsockLink *link = vsock->links->pdata[vsock->next++ % vsock->links->len];
    if (fill (link, chain, header))
      return true;
  }
  return false;
}

static void
watch_all (Vsock *vsock)
{
  for (unsigned i = 0; i < vsock->links->len; i++)
    vsock_link_watch (vsock->links->pdata[i]);
}

static bool
has_news (const Vsock *vsock)
{
  for (unsigned i = 0; i < vsock->links->len; i++) {
    const VsockLink *link = vsock->links->pdata[i];
    if (link->tell_reset || link->tell_request || link->tell_response || link->tell_credit ||
        link->tell_end ||
        (link->readable && vsock_link_is_open (link) && vsock_link_credit (link) > 0))
      return true;
  }
  return vsock->n_answers > 0;
}

// Bounded: another round comes soon when there is more.
void
vsock_deliver (Vsock *vsock)
{
  VirtQueue *queue = &vsock->vdev.queues[QUEUE_RX];
  unsigned budget = PACKETS_PER_RUN;
  bool more = true;

  if (vsock->pump.paused || !virtio_device_is_live (&vsock->vdev))
    return;
  bool was_full = vsock->n_answers == ANSWERS_MAX;
  while (more && has_news (vsock) && budget-- > 0) {
    VirtChain *chain = virtqueue_pop (queue);
    VsockHeader header;
    if (chain == NULL) {
      more = virtqueue_set_notification (queue, true) && !queue->broken;
      continue;
    }
    if (chain->in_bytes < HEADER_BYTES || !next_packet (vsock, chain, &header)) {
      more = chain->in_bytes < HEADER_BYTES;
      if (more)
        virtqueue_push (queue, chain, 0); // of no use to anybody
      else
        virtqueue_unpop (queue, chain);
      continue;
    }
    virtchain_write (chain, 0, &header, HEADER_BYTES);
    virtqueue_push (queue, chain, HEADER_BYTES + header.length);
  }
  if (queue->broken) {
    virtio_device_broken (&vsock->vdev, "malformed receive queue");
    return;
  }
  virtio_device_notify (&vsock->vdev, QUEUE_RX);
  watch_all (vsock);
  if (more && has_news (vsock))
    vm_event_signal (vsock->again);
  else if (was_full && vsock->n_answers < ANSWERS_MAX)
    virtio_pump_run (&vsock->pump, QUEUE_TX);
}

static void
again_cb (void *data)
{
  Vsock *vsock = data;

  virtio_device_lock (&vsock->vdev);
  vsock_deliver (vsock);
  virtio_device_unlock (&vsock->vdev);
}

// After saved state was loaded: whatever the guest had open is gone (§5.10.6.7).
static void
send_event (Vsock *vsock)
{
  const uint32_t event = EVENT_TRANSPORT_RESET;
  VirtQueue *queue = &vsock->vdev.queues[QUEUE_EVENT];

  if (!vsock->tell_transport_reset || vsock->pump.paused || !virtio_device_is_live (&vsock->vdev))
    return;
  VirtChain *chain = virtqueue_pop (queue);
  if (chain != NULL) {
    size_t written = virtchain_write (chain, 0, &event, sizeof event);
    virtqueue_push (queue, chain, (uint32_t) written);
    vsock->tell_transport_reset = false;
  }
  if (queue->broken)
    virtio_device_broken (&vsock->vdev, "malformed event queue");
  else
    virtio_device_notify (&vsock->vdev, QUEUE_EVENT);
}

// ---- ops ------------------------------------------------------------------------------------

static void
vsock_queue_notify (VirtioDevice *vdev, unsigned queue)
{
  Vsock *vsock = (Vsock *) vdev;

  if (queue == QUEUE_TX)
    virtio_pump_run (&vsock->pump, queue);
  if (queue == QUEUE_EVENT)
    send_event (vsock);
  else
    vsock_deliver (vsock);
}

static void
vsock_read_config (VirtioDevice *vdev, unsigned offset, void *to, unsigned length)
{
  const uint64_t cid = VIRTIO_VSOCK_GUEST_CID;
  memcpy (to, (const uint8_t *) &cid + offset, length);
}

static void
drop_all (Vsock *vsock)
{
  g_ptr_array_set_size (vsock->links, 0);
  vsock->n_answers = 0;
  vsock->next_port = FIRST_PORT;
}

static void
vsock_reset (VirtioDevice *vdev)
{
  Vsock *vsock = (Vsock *) vdev;

  drop_all (vsock);
  vsock->tell_transport_reset = false;
}

static void
vsock_quiesce (VirtioDevice *vdev)
{
  Vsock *vsock = (Vsock *) vdev;

  virtio_pump_quiesce (&vsock->pump);
  vsock_stop_listening (vsock);
  watch_all (vsock); // for nothing, now
}

static void
vsock_resume (VirtioDevice *vdev)
{
  Vsock *vsock = (Vsock *) vdev;

  virtio_pump_resume (&vsock->pump);
  vsock_listen_now (vsock);
  watch_all (vsock);
  send_event (vsock);
  vm_event_signal (vsock->again);
}

// Connections belong to this process.
static void
vsock_save (VirtioDevice *vdev, StateWriter *writer)
{
}

static bool
vsock_load (VirtioDevice *vdev, StateReader *reader, uint32_t version, GError **error)
{
  Vsock *vsock = (Vsock *) vdev;

  drop_all (vsock);
  vsock->tell_transport_reset = true;
  return true;
}

// A socket that somebody killed has left is in the way; one that somebody listens on stays.
static bool
open_listener (Vsock *vsock, GError **error)
{
  struct sockaddr_un address;
  struct stat status;
  int code = vsock_set_address (&address, vsock->path), other = -1;

  if (code == 0 && lstat (vsock->path, &status) == 0 && S_ISSOCK (status.st_mode) &&
      (other = vsock_connect_to (vsock->path)) < 0)
    unlink (vsock->path);
  if (other >= 0)
    close (other);
  vsock->listener = socket (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (code == 0 && (vsock->listener < 0 ||
                    bind (vsock->listener, (struct sockaddr *) &address, sizeof address) < 0 ||
                    chmod (vsock->path, 0600) < 0 || listen (vsock->listener, 16) < 0))
    code = errno;
  if (code == 0)
    return true;
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (code),
               _ ("The socket “%s” cannot be made: %s."), vsock->path, g_strerror (code));
  if (vsock->listener >= 0)
    close (vsock->listener);
  vsock->listener = -1;
  return false;
}

static bool
vsock_realize (VirtioDevice *vdev, GError **error)
{
  Vsock *vsock = (Vsock *) vdev;

  for (unsigned i = 0; i <= QUEUE_EVENT; i++)
    virtio_device_add_queue (vdev, QUEUE_SIZE);
  virtio_pump_init (&vsock->pump, vdev, 1 << QUEUE_TX, CHAINS_PER_RUN, handle);
  vsock->again = vm_event_new (vdev->vm->loop, again_cb, vsock);
  if (!open_listener (vsock, error))
    return false;
  vsock_listen_now (vsock);
  return true;
}

static void
vsock_free (VirtioDevice *vdev)
{
  Vsock *vsock = (Vsock *) vdev;

  vsock_stop_listening (vsock);
  if (vsock->listener >= 0) {
    close (vsock->listener);
    unlink (vsock->path);
  }
  g_ptr_array_unref (vsock->links);
  virtio_pump_clear (&vsock->pump);
  g_clear_pointer (&vsock->again, vm_event_free);
  virtio_device_clear (vdev);
  g_free (vsock->path);
  g_free (vsock);
}

static const VirtioOps vsock_ops = {
    .name = "virtio-vsock",
    .device_id = VIRTIO_ID_VSOCK,
    .pci_class = {0x07, 0x80, 0x00}, // communication, other
    .state_version = 1,
    .config_bytes = 8,
    .realize = vsock_realize,
    .free = vsock_free,
    .reset = vsock_reset,
    .queue_notify = vsock_queue_notify,
    .read_config = vsock_read_config,
    .quiesce = vsock_quiesce,
    .resume = vsock_resume,
    .save = vsock_save,
    .load = vsock_load,
};

VirtioDevice *
virtio_vsock_new (const char *path)
{
  Vsock *vsock = g_new0 (Vsock, 1);

  virtio_device_init (&vsock->vdev, &vsock_ops);
  vsock->path = g_strdup (path);
  vsock->listener = -1;
  vsock->links = g_ptr_array_new_with_free_func (vsock_link_free);
  vsock->next_port = FIRST_PORT;
  return &vsock->vdev;
}
