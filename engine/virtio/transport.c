// SPDX-License-Identifier: GPL-3.0-or-later
// What the virtio transports share; see transport-priv.h.

#include <gio/gio.h>
#include <stdatomic.h>

#include "engine/virtio/transport-priv.h"

#define TRANSPORT_FEATURES (VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX | VIRTIO_F_VERSION_1)

static uint64_t
offered_features (const VirtioTransport *transport)
{
  return transport->vdev->features | TRANSPORT_FEATURES;
}

// Interrupts.

static void
raise_isr (VirtioTransport *transport, uint8_t bit)
{
  g_mutex_lock (&transport->irq_lock);
  transport->isr |= bit;
  transport->set_irq (transport, true);
  g_mutex_unlock (&transport->irq_lock);
}

// With messages the interrupt status is not used (VIRTIO 1.2 §4.1.4.5).
static void
interrupt (VirtioTransport *transport, unsigned source, uint8_t bit)
{
  if (transport->send_message == NULL || !transport->send_message (transport, source))
    raise_isr (transport, bit);
}

static void
notify_queue (void *opaque, unsigned queue)
{
  interrupt (opaque, queue, VIRTIO_ISR_QUEUE);
}

static void
notify_config (void *opaque)
{
  interrupt (opaque, VIRTIO_SOURCE_CONFIG, VIRTIO_ISR_CONFIG);
}

static const VirtioTransportOps transport_ops = {
    .notify_queue = notify_queue,
    .notify_config = notify_config,
};

uint8_t
virtio_transport_get_isr (VirtioTransport *transport)
{
  g_mutex_lock (&transport->irq_lock);
  uint8_t isr = transport->isr;
  g_mutex_unlock (&transport->irq_lock);
  return isr;
}

// What is left raises the interrupt anew: the input may be edge-triggered.
void
virtio_transport_ack_isr (VirtioTransport *transport, uint8_t bits)
{
  g_mutex_lock (&transport->irq_lock);
  transport->isr &= ~bits;
  transport->set_irq (transport, false);
  if (transport->isr != 0)
    transport->set_irq (transport, true);
  g_mutex_unlock (&transport->irq_lock);
}

uint8_t
virtio_transport_take_isr (VirtioTransport *transport)
{
  g_mutex_lock (&transport->irq_lock);
  uint8_t isr = transport->isr;
  transport->isr = 0;
  transport->set_irq (transport, false);
  g_mutex_unlock (&transport->irq_lock);
  return isr;
}

// Notifications.

// On the thread that notifies, if nothing has to be waited for. False: the I/O thread is to look.
static bool
process_at_once (VirtioTransport *transport, unsigned queue)
{
  VirtioDevice *vdev = transport->vdev;
  bool done = false;
  if (vdev->ops->queue_try == NULL || !g_mutex_trylock (&vdev->lock))
    return false;
  if (!transport->quiet && queue < vdev->n_queues && vdev->queues[queue].ready)
    done = virtio_gather_put_off (&transport->gather, vdev, queue) ||
           vdev->ops->queue_try (vdev, queue, false);
  virtio_device_unlock (vdev);
  return done;
}

void
virtio_transport_kick (VirtioTransport *transport, uint32_t queue)
{
  if (queue >= VIRTIO_MAX_QUEUES || !process_at_once (transport, queue))
    virtio_transport_kick_later (transport, queue);
}

void
virtio_transport_kick_later (VirtioTransport *transport, uint32_t queue)
{
  if (queue >= VIRTIO_MAX_QUEUES)
    return;
  atomic_fetch_or_explicit (&transport->kicked, 1ull << queue, memory_order_release);
  vm_event_signal (transport->kick_event);
}

static void
kick_all (VirtioTransport *transport)
{
  atomic_store (&transport->kicked, ~0ull);
  vm_event_signal (transport->kick_event);
}

// A vCPU that has nothing left to do: what it submitted meanwhile is served together. If somebody is
// at work on the device, he may not have seen all of it.
static void
rested_cb (void *opaque)
{
  VirtioTransport *transport = opaque;
  VirtioDevice *vdev = transport->vdev;
  unsigned n_more;
  int queue;

  if (!g_mutex_trylock (&vdev->lock)) {
    kick_all (transport);
    return;
  }
  while ((queue = virtio_gather_take (&transport->gather, vdev, &n_more)) >= 0) {
    bool done = vdev->ops->queue_try (vdev, (unsigned) queue, true);
    virtio_gather_judge (&transport->gather, (unsigned) queue, done && n_more > 0);
    if (!done)
      virtio_transport_kick_later (transport, (uint32_t) queue);
  }
  virtio_device_unlock (vdev);
}

static void
process_queue (VirtioDevice *vdev, unsigned index)
{
  uint8_t live = vdev->status & (VIRTIO_STATUS_DRIVER_OK | VIRTIO_STATUS_NEEDS_RESET);
  if (live != VIRTIO_STATUS_DRIVER_OK || !vdev->queues[index].ready)
    return;
  vdev->ops->queue_notify (vdev, index);
  if (vdev->queues[index].broken)
    virtio_device_broken (vdev, "malformed virtqueue");
}

// I/O thread: no vCPU rests.
static void
late_cb (void *opaque)
{
  VirtioTransport *transport = opaque;
  VirtioDevice *vdev = transport->vdev;
  unsigned n_more;
  int queue;

  virtio_device_lock (vdev);
  while ((queue = virtio_gather_take (&transport->gather, vdev, &n_more)) >= 0) {
    process_queue (vdev, (unsigned) queue);
    virtio_gather_judge (&transport->gather, (unsigned) queue, n_more >= GATHER_WORTH_WAITING);
  }
  virtio_device_unlock (vdev);
}

// I/O thread.
static void
process_kicks (void *opaque)
{
  VirtioTransport *transport = opaque;
  VirtioDevice *vdev = transport->vdev;

  virtio_device_lock (vdev);
  uint64_t kicked = transport->quiet ? 0 : atomic_exchange (&transport->kicked, 0);
  for (unsigned i = 0; i < vdev->n_queues; i++)
    if (kicked >> i & 1)
      process_queue (vdev, i);
  virtio_device_unlock (vdev);
}

// Negotiation (§3.1).

uint32_t
virtio_transport_get_features (const VirtioTransport *transport)
{
  unsigned select = transport->device_feature_select;
  return select < 2 ? offered_features (transport) >> 32 * select : 0;
}

void
virtio_transport_set_features (VirtioTransport *transport, uint32_t value)
{
  unsigned select = transport->driver_feature_select;
  if (select >= 2 || (transport->vdev->status & VIRTIO_STATUS_FEATURES_OK))
    return;
  uint64_t mask = 0xffffffffull << 32 * select;
  transport->driver_features = (transport->driver_features & ~mask) | (uint64_t) value
                                                                          << 32 * select;
}

static void
apply_features (VirtioDevice *vdev, uint64_t features)
{
  vdev->acked_features = features;
  for (unsigned i = 0; i < vdev->n_queues; i++)
    vdev->queues[i].event_idx = features & VIRTIO_F_EVENT_IDX;
}

static bool
features_acceptable (const VirtioTransport *transport, uint64_t features)
{
  return (features & ~offered_features (transport)) == 0 && (features & VIRTIO_F_VERSION_1);
}

static void
reset_locked (VirtioTransport *transport)
{
  VirtioDevice *vdev = transport->vdev;

  vdev->ops->reset (vdev);
  vdev->status = 0;
  for (unsigned i = 0; i < vdev->n_queues; i++)
    virtqueue_reset (&vdev->queues[i]);
  apply_features (vdev, 0);
  transport->driver_features = 0;
  transport->device_feature_select = transport->driver_feature_select = 0;
  transport->queue_select = 0;
  atomic_store (&transport->kicked, 0);
  virtio_gather_forget (&transport->gather);
  virtio_transport_take_isr (transport);
}

// Status bits are only ever added; the driver's way to clear them is a reset.
void
virtio_transport_set_status (VirtioTransport *transport, uint8_t value)
{
  VirtioDevice *vdev = transport->vdev;
  uint8_t added = value & ~vdev->status & ~VIRTIO_STATUS_NEEDS_RESET;

  if (value == 0) {
    reset_locked (transport);
    return;
  }
  if (added & VIRTIO_STATUS_FEATURES_OK) {
    if (features_acceptable (transport, transport->driver_features))
      apply_features (vdev, transport->driver_features);
    else
      added &= ~VIRTIO_STATUS_FEATURES_OK;
  }
  if (!((vdev->status | added) & VIRTIO_STATUS_FEATURES_OK))
    added &= ~VIRTIO_STATUS_DRIVER_OK;
  if (added == 0)
    return;
  vdev->status |= added;
  if (vdev->ops->set_status != NULL)
    vdev->ops->set_status (vdev, vdev->status);
  if (added & VIRTIO_STATUS_DRIVER_OK)
    kick_all (transport);
}

// Queues.

VirtQueue *
virtio_transport_get_queue (VirtioTransport *transport)
{
  VirtioDevice *vdev = transport->vdev;
  return transport->queue_select < vdev->n_queues ? &vdev->queues[transport->queue_select] : NULL;
}

void
virtio_transport_set_queue_size (VirtioTransport *transport, uint32_t size)
{
  VirtQueue *queue = virtio_transport_get_queue (transport);
  if (queue != NULL && !queue->ready && virtqueue_size_valid (queue, size))
    queue->size = size;
}

void
virtio_transport_set_queue_ready (VirtioTransport *transport, bool ready)
{
  VirtQueue *queue = virtio_transport_get_queue (transport);
  if (queue == NULL || queue->ready == ready)
    return;
  queue->ready = ready;
  queue->last_avail = queue->used_idx = queue->signalled = 0; // its rings are new ones
}

static GuestAddr *
ring_address (VirtQueue *queue, VirtioRing ring)
{
  return ring == VIRTIO_RING_DESC    ? &queue->desc
         : ring == VIRTIO_RING_AVAIL ? &queue->avail
                                     : &queue->used;
}

uint32_t
virtio_transport_get_address (VirtioTransport *transport, VirtioRing ring, bool high)
{
  VirtQueue *queue = virtio_transport_get_queue (transport);
  return queue != NULL ? *ring_address (queue, ring) >> (high ? 32 : 0) : 0;
}

void
virtio_transport_set_address (VirtioTransport *transport, VirtioRing ring, bool high,
                              uint32_t value)
{
  VirtQueue *queue = virtio_transport_get_queue (transport);
  if (queue == NULL || queue->ready)
    return;
  GuestAddr *address = ring_address (queue, ring);
  unsigned shift = high ? 32 : 0;
  *address = (*address & ~(0xffffffffull << shift)) | (uint64_t) value << shift;
}

// Device-specific configuration.

static bool
config_range (const VirtioTransport *transport, uint64_t offset, unsigned *length)
{
  uint64_t bytes = transport->vdev->ops->config_bytes;
  if (offset >= bytes)
    return false;
  *length = MIN (*length, bytes - offset);
  return true;
}

uint64_t
virtio_transport_read_config (VirtioTransport *transport, uint64_t offset, unsigned size)
{
  VirtioDevice *vdev = transport->vdev;
  uint64_t value = 0;

  if (config_range (transport, offset, &size)) {
    virtio_device_lock (vdev);
    vdev->ops->read_config (vdev, offset, &value, size);
    virtio_device_unlock (vdev);
  }
  return value;
}

void
virtio_transport_write_config (VirtioTransport *transport, uint64_t offset, uint64_t value,
                               unsigned size)
{
  VirtioDevice *vdev = transport->vdev;

  if (vdev->ops->write_config == NULL || !config_range (transport, offset, &size))
    return;
  virtio_device_lock (vdev);
  vdev->ops->write_config (vdev, offset, &value, size);
  virtio_device_unlock (vdev);
}

// Life.

void
virtio_transport_init (VirtioTransport *transport, const DeviceOps *ops, VirtioDevice *vdev,
                       void (*set_irq) (VirtioTransport *transport, bool level))
{
  transport->device.ops = ops;
  transport->vdev = vdev;
  transport->set_irq = set_irq;
  g_mutex_init (&transport->irq_lock);
  if (vdev != NULL) {
    vdev->transport_ops = &transport_ops;
    vdev->transport = transport;
  }
}

bool
virtio_transport_realize (VirtioTransport *transport, GError **error)
{
  VirtioDevice *vdev = transport->vdev;
  vdev->vm = transport->device.vm;
  transport->kick_event = vm_event_new (vdev->vm->loop, process_kicks, transport);
  if (vdev->ops->queue_try != NULL)
    virtio_gather_init (&transport->gather, vdev->vm, rested_cb, late_cb, transport);
  return vdev->ops->realize (vdev, error);
}

void
virtio_transport_clear (VirtioTransport *transport)
{
  virtio_gather_clear (&transport->gather);
  g_clear_pointer (&transport->kick_event, vm_event_free);
  if (transport->vdev != NULL)
    transport->vdev->ops->free (transport->vdev);
  transport->vdev = NULL;
  g_mutex_clear (&transport->irq_lock);
}

void
virtio_transport_reset (Device *device)
{
  VirtioTransport *transport = (VirtioTransport *) device;
  virtio_device_lock (transport->vdev);
  reset_locked (transport);
  virtio_device_unlock (transport->vdev);
}

void
virtio_transport_quiesce (Device *device)
{
  VirtioTransport *transport = (VirtioTransport *) device;
  VirtioDevice *vdev = transport->vdev;

  virtio_device_lock (vdev);
  transport->quiet = true;
  virtio_gather_stop (&transport->gather);
  if (vdev->ops->quiesce != NULL)
    vdev->ops->quiesce (vdev);
  virtio_device_unlock (vdev);
}

// Every queue is looked at: notifications may have come while the device was quiet.
void
virtio_transport_resume (Device *device)
{
  VirtioTransport *transport = (VirtioTransport *) device;
  VirtioDevice *vdev = transport->vdev;

  virtio_device_lock (vdev);
  transport->quiet = false;
  if (vdev->ops->resume != NULL)
    vdev->ops->resume (vdev);
  kick_all (transport);
  virtio_device_unlock (vdev);
}

// State.

void
virtio_transport_save (VirtioTransport *transport, StateWriter *writer)
{
  VirtioDevice *vdev = transport->vdev;

  virtio_device_lock (vdev);
  state_put_u32 (writer, vdev->ops->device_id);
  state_put_u32 (writer, vdev->ops->state_version);
  state_put_u32 (writer, vdev->n_queues);
  state_put_u8 (writer, vdev->status);
  state_put_u8 (writer, virtio_transport_get_isr (transport));
  state_put_u16 (writer, transport->queue_select);
  state_put_u32 (writer, transport->device_feature_select);
  state_put_u32 (writer, transport->driver_feature_select);
  state_put_u64 (writer, transport->driver_features);
  state_put_u64 (writer, vdev->acked_features);
  state_put_u32 (writer, vdev->config_generation);
  for (unsigned i = 0; i < vdev->n_queues; i++)
    virtqueue_save (&vdev->queues[i], writer);
  vdev->ops->save (vdev, writer);
  virtio_device_unlock (vdev);
}

static bool
load_registers (VirtioTransport *transport, StateReader *reader)
{
  VirtioDevice *vdev = transport->vdev;

  vdev->status = state_get_u8 (reader);
  uint8_t isr = state_get_u8 (reader);
  transport->queue_select = state_get_u16 (reader);
  transport->device_feature_select = state_get_u32 (reader);
  transport->driver_feature_select = state_get_u32 (reader);
  transport->driver_features = state_get_u64 (reader);
  uint64_t acked = state_get_u64 (reader);
  vdev->config_generation = state_get_u32 (reader);
  bool queues = true;
  for (unsigned i = 0; i < vdev->n_queues; i++)
    queues = virtqueue_load (&vdev->queues[i], reader) && queues;
  bool negotiated = vdev->status & VIRTIO_STATUS_FEATURES_OK;
  if (!queues || !state_reader_ok (reader) ||
      (negotiated ? !features_acceptable (transport, acked) : acked != 0) ||
      (!negotiated && (vdev->status & VIRTIO_STATUS_DRIVER_OK)) ||
      (isr & ~(VIRTIO_ISR_QUEUE | VIRTIO_ISR_CONFIG)))
    return false;
  apply_features (vdev, acked);
  g_mutex_lock (&transport->irq_lock);
  transport->isr = isr;
  transport->set_irq (transport, isr != 0);
  g_mutex_unlock (&transport->irq_lock);
  return true;
}

static bool
load_locked (VirtioTransport *transport, StateReader *reader, GError **error)
{
  VirtioDevice *vdev = transport->vdev;
  uint32_t id = state_get_u32 (reader), version = state_get_u32 (reader);
  uint32_t n_queues = state_get_u32 (reader);

  if (id != vdev->ops->device_id || version > vdev->ops->state_version ||
      n_queues != vdev->n_queues || !load_registers (transport, reader)) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                 "The saved state of device %s does not fit this machine.", vdev->ops->name);
    return false;
  }
  return vdev->ops->load (vdev, reader, version, error);
}

bool
virtio_transport_load (VirtioTransport *transport, StateReader *reader, GError **error)
{
  virtio_device_lock (transport->vdev);
  bool ok = load_locked (transport, reader, error);
  if (!ok)
    reset_locked (transport);
  virtio_device_unlock (transport->vdev);
  return ok;
}
