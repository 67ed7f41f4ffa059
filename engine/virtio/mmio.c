// SPDX-License-Identifier: GPL-3.0-or-later
// virtio over MMIO, version 2 (VIRTIO 1.2 §4.2.2). Registers are 32 bits wide and used on vCPU
// threads; the configuration space behind them takes any size.

#include "engine/virtio/transport-priv.h"

enum {
  MMIO_BYTES = 0x200,

  MMIO_MAGIC = 0x000,
  MMIO_VERSION = 0x004,
  MMIO_DEVICE_ID = 0x008,
  MMIO_VENDOR_ID = 0x00c,
  MMIO_DEVICE_FEATURES = 0x010,
  MMIO_DEVICE_FEATURES_SEL = 0x014,
  MMIO_DRIVER_FEATURES = 0x020,
  MMIO_DRIVER_FEATURES_SEL = 0x024,
  MMIO_QUEUE_SEL = 0x030,
  MMIO_QUEUE_NUM_MAX = 0x034,
  MMIO_QUEUE_NUM = 0x038,
  MMIO_QUEUE_READY = 0x044,
  MMIO_QUEUE_NOTIFY = 0x050,
  MMIO_INTERRUPT_STATUS = 0x060,
  MMIO_INTERRUPT_ACK = 0x064,
  MMIO_STATUS = 0x070,
  MMIO_QUEUE_DESC_LOW = 0x080,
  MMIO_QUEUE_DESC_HIGH = 0x084,
  MMIO_QUEUE_DRIVER_LOW = 0x090,
  MMIO_QUEUE_DRIVER_HIGH = 0x094,
  MMIO_QUEUE_DEVICE_LOW = 0x0a0,
  MMIO_QUEUE_DEVICE_HIGH = 0x0a4,
  MMIO_SHM_LEN_LOW = 0x0b0,
  MMIO_SHM_BASE_HIGH = 0x0bc,
  MMIO_CONFIG_GENERATION = 0x0fc,
  MMIO_CONFIG = 0x100,

  MAGIC = 0x74726976, // "virt"
  VENDOR = 0x1af4,
};

typedef struct VirtioMmio {
  VirtioTransport transport;
  GuestAddr base;
  IrqLine irq;
} VirtioMmio;

// Registers that need no lock; false: it is another one.
static bool
read_constant (VirtioMmio *mmio, uint64_t offset, uint32_t *value)
{
  VirtioDevice *vdev = mmio->transport.vdev;

  switch (offset) {
  case MMIO_MAGIC:
    *value = MAGIC;
    return true;
  case MMIO_VERSION:
    *value = 2;
    return true;
  case MMIO_DEVICE_ID:
    *value = vdev != NULL ? vdev->ops->device_id : 0;
    return true;
  case MMIO_VENDOR_ID:
    *value = VENDOR;
    return true;
  case MMIO_INTERRUPT_STATUS:
    *value = vdev != NULL ? virtio_transport_get_isr (&mmio->transport) : 0;
    return true;
  default:
    *value = 0;
    return vdev == NULL;
  }
}

static uint32_t
read_locked (VirtioTransport *transport, uint64_t offset)
{
  const VirtQueue *queue = virtio_transport_get_queue (transport);

  // No shared memory regions: their length and base read as all ones.
  if (offset >= MMIO_SHM_LEN_LOW && offset <= MMIO_SHM_BASE_HIGH)
    return 0xffffffff;

  switch (offset) {
  case MMIO_DEVICE_FEATURES:
    return virtio_transport_get_features (transport);
  case MMIO_QUEUE_NUM_MAX:
    return queue != NULL ? queue->size_max : 0;
  case MMIO_QUEUE_READY:
    return queue != NULL && queue->ready;
  case MMIO_STATUS:
    return transport->vdev->status;
  case MMIO_CONFIG_GENERATION:
    return transport->vdev->config_generation;
  default:
    return 0;
  }
}

static void
write_locked (VirtioTransport *transport, uint64_t offset, uint32_t value)
{
  switch (offset) {
  case MMIO_DEVICE_FEATURES_SEL:
    transport->device_feature_select = value;
    break;
  case MMIO_DRIVER_FEATURES:
    virtio_transport_set_features (transport, value);
    break;
  case MMIO_DRIVER_FEATURES_SEL:
    transport->driver_feature_select = value;
    break;
  case MMIO_QUEUE_SEL:
    transport->queue_select = MIN (value, UINT16_MAX);
    break;
  case MMIO_QUEUE_NUM:
    virtio_transport_set_queue_size (transport, value);
    break;
  case MMIO_QUEUE_READY:
    virtio_transport_set_queue_ready (transport, value & 1);
    break;
  case MMIO_STATUS:
    virtio_transport_set_status (transport, value & 0xff);
    break;
  case MMIO_QUEUE_DESC_LOW:
  case MMIO_QUEUE_DESC_HIGH:
    virtio_transport_set_address (transport, VIRTIO_RING_DESC, offset & 4, value);
    break;
  case MMIO_QUEUE_DRIVER_LOW:
  case MMIO_QUEUE_DRIVER_HIGH:
    virtio_transport_set_address (transport, VIRTIO_RING_AVAIL, offset & 4, value);
    break;
  case MMIO_QUEUE_DEVICE_LOW:
  case MMIO_QUEUE_DEVICE_HIGH:
    virtio_transport_set_address (transport, VIRTIO_RING_USED, offset & 4, value);
    break;
  default:
    break;
  }
}

static uint64_t
mmio_read (void *opaque, uint64_t offset, unsigned size)
{
  VirtioMmio *mmio = opaque;
  VirtioTransport *transport = &mmio->transport;
  uint32_t value;

  if (offset >= MMIO_CONFIG)
    return transport->vdev != NULL
               ? virtio_transport_read_config (transport, offset - MMIO_CONFIG, size)
               : 0;
  if (size != 4)
    return 0;
  if (read_constant (mmio, offset, &value))
    return value;
  virtio_device_lock (transport->vdev);
  value = read_locked (transport, offset);
  virtio_device_unlock (transport->vdev);
  return value;
}

static void
mmio_write (void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
  VirtioMmio *mmio = opaque;
  VirtioTransport *transport = &mmio->transport;

  if (transport->vdev == NULL)
    return;
  if (offset >= MMIO_CONFIG) {
    virtio_transport_write_config (transport, offset - MMIO_CONFIG, value, size);
  } else if (size != 4) {
    return;
  } else if (offset == MMIO_QUEUE_NOTIFY) {
    virtio_transport_kick (transport, value);
  } else if (offset == MMIO_INTERRUPT_ACK) {
    virtio_transport_ack_isr (transport, value & 0xff);
  } else {
    virtio_device_lock (transport->vdev);
    write_locked (transport, offset, value);
    virtio_device_unlock (transport->vdev);
  }
}

static const MmioOps mmio_ops = {
    .read = mmio_read,
    .write = mmio_write,
    .sizes = 1 | 2 | 4 | 8,
};

static void
mmio_set_irq (VirtioTransport *transport, bool level)
{
  irq_line_set (&((VirtioMmio *) transport)->irq, level);
}

static bool
mmio_realize (Device *device, GError **error)
{
  VirtioMmio *mmio = (VirtioMmio *) device;

  if (mmio->transport.vdev != NULL && !virtio_transport_realize (&mmio->transport, error))
    return false;
  mem_bus_add_mmio (device->vm->bus, "virtio-mmio", mmio->base, MMIO_BYTES, &mmio_ops, mmio);
  return true;
}

static bool
is_empty (Device *device)
{
  return ((VirtioTransport *) device)->vdev == NULL;
}

static void
mmio_reset (Device *device)
{
  if (!is_empty (device))
    virtio_transport_reset (device);
}

static void
mmio_quiesce (Device *device)
{
  if (!is_empty (device))
    virtio_transport_quiesce (device);
}

static void
mmio_resume (Device *device)
{
  if (!is_empty (device))
    virtio_transport_resume (device);
}

static void
mmio_free (Device *device)
{
  VirtioMmio *mmio = (VirtioMmio *) device;
  virtio_transport_clear (&mmio->transport);
  g_free (mmio);
}

static void
mmio_save (Device *device, StateWriter *writer)
{
  if (!is_empty (device))
    virtio_transport_save ((VirtioTransport *) device, writer);
}

static bool
mmio_load (Device *device, StateReader *reader, uint32_t version, GError **error)
{
  return is_empty (device) || virtio_transport_load ((VirtioTransport *) device, reader, error);
}

static const DeviceOps device_ops = {
    .name = "virtio-mmio",
    .state_version = 1,
    .realize = mmio_realize,
    .reset = mmio_reset,
    .quiesce = mmio_quiesce,
    .resume = mmio_resume,
    .free = mmio_free,
    .save = mmio_save,
    .load = mmio_load,
};

Device *
virtio_mmio_new (VirtioDevice *vdev, GuestAddr base, IrqLine irq)
{
  VirtioMmio *mmio = g_new0 (VirtioMmio, 1);
  virtio_transport_init (&mmio->transport, &device_ops, vdev, mmio_set_irq);
  mmio->base = base;
  mmio->irq = irq;
  return &mmio->transport.device;
}
