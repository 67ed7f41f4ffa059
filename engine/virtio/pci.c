// SPDX-License-Identifier: GPL-3.0-or-later
// Modern virtio over PCI (VIRTIO 1.2 §4.1): one 64-bit BAR with the four register blocks, each on
// a page of its own, found through vendor capabilities, and the window in configuration space for
// firmware that cannot reach BARs. Interrupts by MSI-X (§4.1.5.1.2) or INTx. vCPU threads; messages
// are sent by the I/O thread.

#include <assert.h>

#include "engine/hw/pci-msix.h"
#include "engine/hw/pci-port.h"
#include "engine/virtio/transport-priv.h"

enum {
  PCI_VENDOR = 0x1af4,
  PCI_DEVICE_BASE = 0x1040, // plus the virtio device ID
  PCI_SUBSYSTEM = 0x1100,
  PCI_REVISION_MODERN = 1,
  PCI_CAP_VENDOR = 9,

  MSIX_BAR = 1,
  REGISTERS_BAR = 4,
  BAR_BYTES = 0x4000,
  BLOCK_BYTES = 0x1000,
  COMMON_BLOCK = 0x0000,
  ISR_BLOCK = 0x1000,
  CONFIG_BLOCK = 0x2000,
  NOTIFY_BLOCK = 0x3000,
  NOTIFY_MULTIPLIER = 4,

  // virtio_pci_cap.cfg_type (§4.1.4).
  CAP_COMMON = 1,
  CAP_NOTIFY = 2,
  CAP_ISR = 3,
  CAP_DEVICE = 4,
  CAP_PCI_CFG = 5,

  // Fields of the common block (§4.1.4.3).
  COMMON_DEVICE_FEATURE_SELECT = 0,
  COMMON_DEVICE_FEATURE = 4,
  COMMON_DRIVER_FEATURE_SELECT = 8,
  COMMON_DRIVER_FEATURE = 12,
  COMMON_CONFIG_VECTOR = 16,
  COMMON_NUM_QUEUES = 18,
  COMMON_STATUS = 20,
  COMMON_GENERATION = 21,
  COMMON_QUEUE_SELECT = 22,
  COMMON_QUEUE_SIZE = 24,
  COMMON_QUEUE_VECTOR = 26,
  COMMON_QUEUE_ENABLE = 28,
  COMMON_QUEUE_NOTIFY_OFF = 30,
  COMMON_QUEUE_DESC = 32,
  COMMON_QUEUE_DRIVER = 40,
  COMMON_QUEUE_DEVICE = 48,
  COMMON_END = 56,
};

// virtio_pci_cap, with what follows it in some capabilities (§4.1.4).
typedef struct VirtioPciCap {
  uint8_t id, next, length, cfg_type;
  uint8_t bar, cap_id, padding[2];
  uint32_t offset, bytes;
  uint32_t extra; // notify: offset multiplier; PCI cfg: data
} VirtioPciCap;
static_assert (sizeof (VirtioPciCap) == 20 && offsetof (VirtioPciCap, extra) == 16, "§4.1.4");

typedef struct VirtioPci {
  VirtioTransport transport;
  PciFunction fn;
  PciMsix msix;
  unsigned window;     // offset of the PCI cfg capability
  Device *host, *port; // one of them
  unsigned slot, function;
  bool inserted; // into the port
  // The device's lock: the vector of each source, or PCI_MSIX_NO_VECTOR.
  uint16_t vectors[VIRTIO_N_SOURCES];
} VirtioPci;

// Every field has one width; 64-bit ones are used in halves.
static unsigned
field_bytes (uint64_t offset)
{
  static const uint8_t before_rings[COMMON_QUEUE_DESC] = {
      [COMMON_DEVICE_FEATURE_SELECT] = 4,
      [COMMON_DEVICE_FEATURE] = 4,
      [COMMON_DRIVER_FEATURE_SELECT] = 4,
      [COMMON_DRIVER_FEATURE] = 4,
      [COMMON_CONFIG_VECTOR] = 2,
      [COMMON_NUM_QUEUES] = 2,
      [COMMON_STATUS] = 1,
      [COMMON_GENERATION] = 1,
      [COMMON_QUEUE_SELECT] = 2,
      [COMMON_QUEUE_SIZE] = 2,
      [COMMON_QUEUE_VECTOR] = 2,
      [COMMON_QUEUE_ENABLE] = 2,
      [COMMON_QUEUE_NOTIFY_OFF] = 2,
  };
  if (offset < COMMON_QUEUE_DESC)
    return before_rings[offset];
  return offset < COMMON_END && offset % 4 == 0 ? 4 : 0;
}

static uint16_t
get_vector (VirtioTransport *transport, unsigned source)
{
  return ((VirtioPci *) transport)->vectors[source];
}

// One that there is not is none: the driver reads it back.
static void
set_vector (VirtioTransport *transport, unsigned source, uint32_t vector)
{
  VirtioPci *pci = (VirtioPci *) transport;
  pci->vectors[source] = vector < pci->msix.n_vectors ? vector : PCI_MSIX_NO_VECTOR;
}

static void
clear_vectors (VirtioPci *pci)
{
  for (unsigned i = 0; i < VIRTIO_N_SOURCES; i++)
    pci->vectors[i] = PCI_MSIX_NO_VECTOR;
}

static uint32_t
read_common (VirtioTransport *transport, uint64_t offset)
{
  const VirtQueue *queue = virtio_transport_get_queue (transport);

  if (offset >= COMMON_QUEUE_DESC)
    return virtio_transport_get_address (transport, (offset - COMMON_QUEUE_DESC) / 8, offset & 4);

  switch (offset) {
  case COMMON_DEVICE_FEATURE_SELECT:
    return transport->device_feature_select;
  case COMMON_DEVICE_FEATURE:
    return virtio_transport_get_features (transport);
  case COMMON_DRIVER_FEATURE_SELECT:
    return transport->driver_feature_select;
  case COMMON_DRIVER_FEATURE:
    return transport->driver_feature_select < 2
               ? transport->driver_features >> 32 * transport->driver_feature_select
               : 0;
  case COMMON_CONFIG_VECTOR:
    return get_vector (transport, VIRTIO_SOURCE_CONFIG);
  case COMMON_QUEUE_VECTOR:
    return queue != NULL ? get_vector (transport, transport->queue_select) : PCI_MSIX_NO_VECTOR;
  case COMMON_NUM_QUEUES:
    return transport->vdev->n_queues;
  case COMMON_STATUS:
    return transport->vdev->status;
  case COMMON_GENERATION:
    return transport->vdev->config_generation & 0xff;
  case COMMON_QUEUE_SELECT:
    return transport->queue_select;
  case COMMON_QUEUE_SIZE:
    return queue != NULL ? queue->size : 0;
  case COMMON_QUEUE_ENABLE:
    return queue != NULL && queue->ready;
  case COMMON_QUEUE_NOTIFY_OFF:
    return queue != NULL ? transport->queue_select : 0;
  default:
    return 0;
  }
}

static void
write_common (VirtioTransport *transport, uint64_t offset, uint32_t value)
{
  if (offset >= COMMON_QUEUE_DESC) {
    virtio_transport_set_address (transport, (offset - COMMON_QUEUE_DESC) / 8, offset & 4, value);
    return;
  }
  switch (offset) {
  case COMMON_DEVICE_FEATURE_SELECT:
    transport->device_feature_select = value;
    break;
  case COMMON_DRIVER_FEATURE_SELECT:
    transport->driver_feature_select = value;
    break;
  case COMMON_DRIVER_FEATURE:
    virtio_transport_set_features (transport, value);
    break;
  case COMMON_CONFIG_VECTOR:
    set_vector (transport, VIRTIO_SOURCE_CONFIG, value);
    break;
  case COMMON_STATUS:
    virtio_transport_set_status (transport, value);
    if (value == 0)
      clear_vectors ((VirtioPci *) transport);
    break;
  case COMMON_QUEUE_SELECT:
    transport->queue_select = value;
    break;
  case COMMON_QUEUE_SIZE:
    virtio_transport_set_queue_size (transport, value);
    break;
  case COMMON_QUEUE_VECTOR:
    if (virtio_transport_get_queue (transport) != NULL)
      set_vector (transport, transport->queue_select, value);
    break;
  case COMMON_QUEUE_ENABLE:
    if (value == 1) // disabling takes a reset
      virtio_transport_set_queue_ready (transport, true);
    break;
  default:
    break;
  }
}

static uint64_t
read_common_block (VirtioTransport *transport, uint64_t offset, unsigned size)
{
  if (size == 8 && offset >= COMMON_QUEUE_DESC)
    return read_common_block (transport, offset, 4) | read_common_block (transport, offset + 4, 4)
                                                          << 32;
  if (size != field_bytes (offset))
    return 0;
  virtio_device_lock (transport->vdev);
  uint32_t value = read_common (transport, offset);
  virtio_device_unlock (transport->vdev);
  return value;
}

static void
write_common_block (VirtioTransport *transport, uint64_t offset, uint64_t value, unsigned size)
{
  if (size == 8 && offset >= COMMON_QUEUE_DESC) {
    write_common_block (transport, offset, value & 0xffffffff, 4);
    write_common_block (transport, offset + 4, value >> 32, 4);
    return;
  }
  if (size != field_bytes (offset))
    return;
  virtio_device_lock (transport->vdev);
  write_common (transport, offset, value);
  virtio_device_unlock (transport->vdev);
}

static uint64_t
bar_read (void *opaque, uint64_t offset, unsigned size)
{
  VirtioTransport *transport = opaque;

  switch (offset & ~(BLOCK_BYTES - 1ull)) {
  case COMMON_BLOCK:
    return read_common_block (transport, offset, size);
  case ISR_BLOCK:
    return offset == ISR_BLOCK ? virtio_transport_take_isr (transport) : 0;
  case CONFIG_BLOCK:
    return virtio_transport_read_config (transport, offset - CONFIG_BLOCK, size);
  default:
    return 0;
  }
}

static void
bar_write (void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
  VirtioTransport *transport = opaque;

  switch (offset & ~(BLOCK_BYTES - 1ull)) {
  case COMMON_BLOCK:
    write_common_block (transport, offset, value, size);
    break;
  case CONFIG_BLOCK:
    virtio_transport_write_config (transport, offset - CONFIG_BLOCK, value, size);
    break;
  case NOTIFY_BLOCK:
    virtio_transport_kick (transport, (offset - NOTIFY_BLOCK) / NOTIFY_MULTIPLIER);
    break;
  default:
    break;
  }
}

static const MmioOps bar_ops = {
    .read = bar_read,
    .write = bar_write,
    .sizes = 1 | 2 | 4 | 8,
};

// The window (§4.1.4.9): an access to its data field is one to the BAR. The driver chose where and
// how wide; nonsense does nothing.

static bool
get_window (const VirtioPci *pci, unsigned offset, unsigned size, VirtioPciCap *cap)
{
  unsigned data = pci->window + offsetof (VirtioPciCap, extra);
  if (offset + size <= data || offset >= data + sizeof cap->extra)
    return false;
  memcpy (cap, pci->fn.config + pci->window, sizeof *cap);
  return cap->bar == REGISTERS_BAR && (cap->bytes == 1 || cap->bytes == 2 || cap->bytes == 4) &&
         cap->offset % cap->bytes == 0 && cap->offset < BAR_BYTES;
}

static uint32_t
window_read (PciFunction *fn, unsigned offset, unsigned size, uint32_t value)
{
  VirtioPci *pci = fn->opaque;
  VirtioPciCap cap;

  if (!get_window (pci, offset, size, &cap))
    return value;
  cap.extra = bar_read (&pci->transport, cap.offset, cap.bytes);
  memcpy (fn->config + pci->window, &cap, sizeof cap);
  value = 0;
  memcpy (&value, fn->config + offset, size);
  return value;
}

static void
window_write (PciFunction *fn, unsigned offset, unsigned size, uint32_t value)
{
  VirtioPci *pci = fn->opaque;
  VirtioPciCap cap;

  if (!get_window (pci, offset, size, &cap))
    return;
  // The bridge's lock is held: nothing that may take a while.
  if ((cap.offset & ~(BLOCK_BYTES - 1u)) == NOTIFY_BLOCK)
    virtio_transport_kick_later (&pci->transport, (cap.offset - NOTIFY_BLOCK) / NOTIFY_MULTIPLIER);
  else
    bar_write (&pci->transport, cap.offset, cap.extra & ~0u >> (32 - 8 * cap.bytes), cap.bytes);
}

// Set-up.

static unsigned
add_capability (PciFunction *fn, uint8_t type, uint32_t offset, uint32_t bytes, unsigned length)
{
  unsigned at = pci_function_add_capability (fn, PCI_CAP_VENDOR, length);
  VirtioPciCap cap = {
      .id = fn->config[at],
      .next = fn->config[at + 1],
      .length = length,
      .cfg_type = type,
      .bar = REGISTERS_BAR,
      .offset = offset,
      .bytes = bytes,
      .extra = NOTIFY_MULTIPLIER,
  };
  memcpy (fn->config + at, &cap, length);
  return at;
}

static void
add_capabilities (VirtioPci *pci)
{
  PciFunction *fn = &pci->fn;
  const unsigned plain = offsetof (VirtioPciCap, extra), extended = sizeof (VirtioPciCap);
  static const VirtioPciCap window_writable = {
      .bar = 0xff, .offset = ~0u, .bytes = ~0u, .extra = ~0u};

  add_capability (fn, CAP_COMMON, COMMON_BLOCK, COMMON_END, plain);
  add_capability (fn, CAP_ISR, ISR_BLOCK, 1, plain);
  if (pci->transport.vdev->ops->config_bytes > 0)
    add_capability (fn, CAP_DEVICE, CONFIG_BLOCK, pci->transport.vdev->ops->config_bytes, plain);
  add_capability (fn, CAP_NOTIFY, NOTIFY_BLOCK, VIRTIO_MAX_QUEUES * NOTIFY_MULTIPLIER, extended);
  pci->window = add_capability (fn, CAP_PCI_CFG, 0, 0, extended);
  memset (fn->config + pci->window + offsetof (VirtioPciCap, bar), 0,
          extended - offsetof (VirtioPciCap, bar));
  memcpy (fn->writable + pci->window, &window_writable, sizeof window_writable);
}

static void
pci_set_irq (VirtioTransport *transport, bool level)
{
  pci_function_set_intx (&((VirtioPci *) transport)->fn, level);
}

static bool
pci_send_message (VirtioTransport *transport, unsigned source)
{
  VirtioPci *pci = (VirtioPci *) transport;

  if (!pci_msix_is_enabled (&pci->msix))
    return false;
  pci_msix_send (&pci->msix, pci->vectors[source]);
  return true;
}

// Now it is known how many queues there are.
static bool
pci_realize (Device *device, GError **error)
{
  VirtioPci *pci = (VirtioPci *) device;
  VirtioTransport *transport = &pci->transport;

  if (!virtio_transport_realize (transport, error))
    return false;
  pci_msix_init (&pci->msix, &pci->fn, MSIX_BAR, transport->vdev->n_queues + 1);
  if (pci->port == NULL) {
    pci_host_add_function (pci->host, &pci->fn, pci->slot, pci->function);
  } else {
    pci_port_insert (pci->port, &pci->fn);
    pci->inserted = true;
  }
  return true;
}

static void
pci_reset (Device *device)
{
  VirtioPci *pci = (VirtioPci *) device;

  virtio_transport_reset (device);
  pci_function_reset (&pci->fn);
  virtio_device_lock (pci->transport.vdev);
  clear_vectors (pci);
  virtio_device_unlock (pci->transport.vdev);
}

static void
pci_free (Device *device)
{
  VirtioPci *pci = (VirtioPci *) device;

  if (pci->inserted)
    pci_port_take_out (pci->port);
  virtio_transport_clear (&pci->transport);
  pci_msix_clear (&pci->msix);
  g_free (pci);
}

static void
pci_save (Device *device, StateWriter *writer)
{
  VirtioPci *pci = (VirtioPci *) device;
  pci_function_save (&pci->fn, writer);
  virtio_transport_save (&pci->transport, writer);
  for (unsigned i = 0; i < VIRTIO_N_SOURCES; i++)
    state_put_u16 (writer, pci->vectors[i]);
}

static bool
pci_load (Device *device, StateReader *reader, uint32_t version, GError **error)
{
  VirtioPci *pci = (VirtioPci *) device;
  if (!pci_function_load (&pci->fn, reader, error) ||
      !virtio_transport_load (&pci->transport, reader, error))
    return false;
  // Whatever they are: sending a vector that there is not does nothing.
  for (unsigned i = 0; i < VIRTIO_N_SOURCES; i++)
    set_vector (&pci->transport, i, state_get_u16 (reader));
  return true;
}

static const DeviceOps device_ops = {
    .name = "virtio-pci",
    .state_version = 2,
    .realize = pci_realize,
    .reset = pci_reset,
    .quiesce = virtio_transport_quiesce,
    .resume = virtio_transport_resume,
    .free = pci_free,
    .save = pci_save,
    .load = pci_load,
};

// Behind a bridge the bus is reset alone.
static void
bus_reset (PciFunction *fn)
{
  VirtioPci *pci = fn->opaque;
  pci_reset (&pci->transport.device);
}

static VirtioPci *
new_pci (VirtioDevice *vdev)
{
  VirtioPci *pci = g_new0 (VirtioPci, 1);
  const PciBar bar = {.size_bytes = BAR_BYTES,
                      .is_64bit = true,
                      .prefetchable = true,
                      .ops = &bar_ops,
                      .opaque = pci};

  g_assert (vdev->ops->config_bytes <= BLOCK_BYTES);
  virtio_transport_init (&pci->transport, &device_ops, vdev, pci_set_irq);
  pci->transport.send_message = pci_send_message;
  clear_vectors (pci);
  pci_function_init (&pci->fn, PCI_VENDOR, PCI_DEVICE_BASE + vdev->ops->device_id, PCI_SUBSYSTEM,
                     vdev->ops->pci_class, PCI_REVISION_MODERN);
  pci->fn.config_read = window_read;
  pci->fn.config_write = window_write;
  pci->fn.opaque = pci;
  pci_function_set_bar (&pci->fn, REGISTERS_BAR, &bar);
  add_capabilities (pci);
  return pci;
}

Device *
virtio_pci_new (VirtioDevice *vdev, Device *host, unsigned slot)
{
  return virtio_pci_new_function (vdev, host, slot, 0);
}

Device *
virtio_pci_new_function (VirtioDevice *vdev, Device *host, unsigned slot, unsigned function)
{
  VirtioPci *pci = new_pci (vdev);

  pci->host = host;
  pci->slot = slot;
  pci->function = function;
  return &pci->transport.device;
}

Device *
virtio_pci_new_in_port (VirtioDevice *vdev, Device *port)
{
  VirtioPci *pci = new_pci (vdev);

  pci->port = port;
  pci->fn.reset = bus_reset;
  pci_function_add_express (&pci->fn, PCI_EXPRESS_ENDPOINT);
  return &pci->transport.device;
}
