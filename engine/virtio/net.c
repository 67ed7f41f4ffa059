// SPDX-License-Identifier: GPL-3.0-or-later
// virtio network adapter (VIRTIO 1.2 §5.1): one receive and one transmit queue, no offloads.
//
// Threads: the I/O thread under the device's lock. What the backend gives us may come while we
// hold it (from inside send), so it is only queued, under a lock of its own, and delivered from
// an event.
#include "engine/virtio/net.h"

#include <assert.h>
#include <string.h>

#include "engine/virtio/pump.h"

// ---------------------------------------------------------------------------------------------
// Wire structs

#define VIRTIO_NET_F_MAC    (1ull << 5)
#define VIRTIO_NET_F_STATUS (1ull << 16)

enum {
  QUEUE_RX = 0,
  QUEUE_TX = 1,
  QUEUE_SIZE = 256,
  PACKETS_PER_RUN = 128,
  STATUS_LINK_UP = 1,
  BACKLOG_MAX_BYTES = 1 << 20,
};

typedef struct NetConfig {
  uint8_t mac[6];
  uint16_t status;
  uint16_t max_virtqueue_pairs;
  uint16_t mtu;
} NetConfig;
static_assert (sizeof (NetConfig) == 12, "§5.1.4");

typedef struct NetHeader {
  uint8_t flags, gso_type;
  uint16_t header_length, gso_size, csum_start, csum_offset;
  uint16_t n_buffers;
} NetHeader;
static_assert (sizeof (NetHeader) == 12, "§5.1.6");

typedef struct Packet {
  struct Packet *next;
  size_t length;
  uint8_t data[];
} Packet;

typedef struct VirtioNet {
  VirtioDevice vdev;
  NetBackend *backend;
  uint8_t mac[6];
  VirtioPump pump; // of the transmit queue
  VmEvent *received;
  Traffic *traffic; // or NULL
  uint8_t scratch[NET_PACKET_MAX];

  GMutex backlog_lock; // everything below
  Packet *first, *last;
  size_t backlog_bytes;
} VirtioNet;

// ---------------------------------------------------------------------------------------------
// Receiving

// From the backend, with or without the device's lock.
static void
net_receive (void *receiver, const uint8_t *data, size_t length)
{
  VirtioNet *net = receiver;
  if (length == 0 || length > NET_PACKET_MAX)
    return;
  g_mutex_lock (&net->backlog_lock);
  if (net->backlog_bytes + sizeof (Packet) + length <= BACKLOG_MAX_BYTES) {
    Packet *packet = g_malloc (sizeof *packet + length);
    packet->next = NULL;
    packet->length = length;
    memcpy (packet->data, data, length);
    *(net->first == NULL ? &net->first : &net->last->next) = packet;
    net->last = packet;
    net->backlog_bytes += sizeof (Packet) + length;
    vm_event_signal (net->received);
    traffic_add (net->traffic, false, length);
  }
  g_mutex_unlock (&net->backlog_lock);
}

static const NetReceiverOps receiver_ops = {.receive = net_receive};

static Packet *
take_packet (VirtioNet *net)
{
  g_mutex_lock (&net->backlog_lock);
  Packet *packet = net->first;
  if (packet != NULL) {
    net->first = packet->next;
    net->backlog_bytes -= sizeof (Packet) + packet->length;
  }
  g_mutex_unlock (&net->backlog_lock);
  return packet;
}

static bool
have_packet (VirtioNet *net)
{
  g_mutex_lock (&net->backlog_lock);
  bool have = net->first != NULL;
  g_mutex_unlock (&net->backlog_lock);
  return have;
}

static void
drop_packets (VirtioNet *net)
{
  Packet *packet;
  while ((packet = take_packet (net)) != NULL)
    g_free (packet);
}

static void
put_packet (VirtioNet *net, VirtChain *chain, const Packet *packet)
{
  const NetHeader header = {.n_buffers = 1};
  VirtQueue *queue = &net->vdev.queues[QUEUE_RX];
  size_t total = sizeof header + packet->length;
  if (chain->in_bytes < total) { // dropped: the driver's buffers are too small for it
    virtqueue_unpop (queue, chain);
    return;
  }
  virtchain_write (chain, 0, &header, sizeof header);
  virtchain_write (chain, sizeof header, packet->data, packet->length);
  virtqueue_push (queue, chain, (uint32_t) total);
}

static void
deliver (VirtioNet *net)
{
  VirtQueue *queue = &net->vdev.queues[QUEUE_RX];
  if (net->pump.paused || !virtio_device_is_live (&net->vdev))
    return;
  bool more = true;
  while (more && have_packet (net)) {
    VirtChain *chain = virtqueue_pop (queue);
    if (chain == NULL) {
      more = virtqueue_set_notification (queue, true) && !queue->broken;
      continue;
    }
    Packet *packet = take_packet (net);
    put_packet (net, chain, packet);
    g_free (packet);
  }
  if (queue->broken)
    virtio_device_broken (&net->vdev, "malformed receive queue");
  else
    virtio_device_notify (&net->vdev, QUEUE_RX);
}

// I/O thread, lock not held.
static void
received_cb (void *data)
{
  VirtioNet *net = data;
  virtio_device_lock (&net->vdev);
  deliver (net);
  virtio_device_unlock (&net->vdev);
}

// ---------------------------------------------------------------------------------------------
// Transmitting

static bool
transmit (VirtioDevice *vdev, unsigned queue, VirtChain *chain)
{
  VirtioNet *net = (VirtioNet *) vdev;
  if (chain->out_bytes > sizeof (NetHeader) &&
      chain->out_bytes - sizeof (NetHeader) <= NET_PACKET_MAX) {
    size_t length = virtchain_read (chain, sizeof (NetHeader), net->scratch, sizeof net->scratch);
    net->backend->ops->send (net->backend, net->scratch, length);
    traffic_add (net->traffic, true, length);
  }
  virtqueue_push (&vdev->queues[queue], chain, 0);
  return true;
}

// ---------------------------------------------------------------------------------------------
// Ops

static void
net_queue_notify (VirtioDevice *vdev, unsigned queue)
{
  VirtioNet *net = (VirtioNet *) vdev;
  if (queue == QUEUE_RX)
    deliver (net);
  else
    virtio_pump_run (&net->pump, queue);
}

static void
net_read_config (VirtioDevice *vdev, unsigned offset, void *to, unsigned length)
{
  const VirtioNet *net = (VirtioNet *) vdev;
  NetConfig config = {.status = STATUS_LINK_UP, .max_virtqueue_pairs = 1, .mtu = 1500};
  memcpy (config.mac, net->mac, sizeof config.mac);
  memcpy (to, (const uint8_t *) &config + offset, length);
}

static void
net_reset (VirtioDevice *vdev)
{
  drop_packets ((VirtioNet *) vdev);
}

static void
net_quiesce (VirtioDevice *vdev)
{
  VirtioNet *net = (VirtioNet *) vdev;
  virtio_pump_quiesce (&net->pump);
  net->backend->ops->quiesce (net->backend);
}

static void
net_resume (VirtioDevice *vdev)
{
  VirtioNet *net = (VirtioNet *) vdev;
  net->backend->ops->resume (net->backend);
  virtio_pump_resume (&net->pump);
  vm_event_signal (net->received);
}

// Packets on their way are lost, as on any network.
static void
net_save (VirtioDevice *vdev, StateWriter *writer)
{
  const VirtioNet *net = (VirtioNet *) vdev;
  const NetBackendOps *ops = net->backend->ops;
  state_put_bytes (writer, net->mac, sizeof net->mac);
  state_put_bool (writer, ops->save != NULL);
  if (ops->save != NULL)
    ops->save (net->backend, writer);
}

static bool
net_load (VirtioDevice *vdev, StateReader *reader, uint32_t version, GError **error)
{
  VirtioNet *net = (VirtioNet *) vdev;
  const NetBackendOps *ops = net->backend->ops;
  state_get_bytes (reader, net->mac, sizeof net->mac);
  // What another kind of network has saved is left over, which is an error.
  if (version < 2 || !state_get_bool (reader) || ops->load == NULL ||
      ops->load (net->backend, reader))
    return true;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
               "The saved state cannot be used: its network connections are damaged.");
  return false;
}

static bool
net_realize (VirtioDevice *vdev, GError **error)
{
  VirtioNet *net = (VirtioNet *) vdev;
  vdev->features = VIRTIO_NET_F_MAC | VIRTIO_NET_F_STATUS;
  virtio_device_add_queue (vdev, QUEUE_SIZE);
  virtio_device_add_queue (vdev, QUEUE_SIZE);
  virtio_pump_init (&net->pump, vdev, 1u << QUEUE_TX, PACKETS_PER_RUN, transmit);
  net->received = vm_event_new (vdev->vm->loop, received_cb, net);
  net->backend->receiver_ops = &receiver_ops;
  net->backend->receiver = net;
  return net->backend->ops->start (net->backend, vdev->vm->loop, vdev->vm->clock, error);
}

static void
net_free (VirtioDevice *vdev)
{
  VirtioNet *net = (VirtioNet *) vdev;
  net->backend->ops->free (net->backend);
  virtio_pump_clear (&net->pump);
  if (net->received != NULL)
    vm_event_free (net->received);
  drop_packets (net);
  g_mutex_clear (&net->backlog_lock);
  virtio_device_clear (vdev);
  g_free (net);
}

static const VirtioOps net_ops = {
    .name = "virtio-net",
    .device_id = VIRTIO_ID_NET,
    .pci_class = {0x02, 0x00, 0x00}, // Ethernet
    .state_version = 2,              // 2: connections
    .config_bytes = sizeof (NetConfig),
    .realize = net_realize,
    .free = net_free,
    .reset = net_reset,
    .queue_notify = net_queue_notify,
    .read_config = net_read_config,
    .quiesce = net_quiesce,
    .resume = net_resume,
    .save = net_save,
    .load = net_load,
};

VirtioDevice *
virtio_net_new (NetBackend *take, const uint8_t mac[6])
{
  VirtioNet *net = g_new0 (VirtioNet, 1);
  virtio_device_init (&net->vdev, &net_ops);
  net->backend = take;
  memcpy (net->mac, mac, sizeof net->mac);
  g_mutex_init (&net->backlog_lock);
  return &net->vdev;
}

void
virtio_net_set_traffic (VirtioDevice *vdev, Traffic *traffic)
{
  ((VirtioNet *) vdev)->traffic = traffic;
}
