// SPDX-License-Identifier: GPL-3.0-or-later
// What the PCI and MMIO transports share: feature negotiation, status, queue set-up, notifications
// and saved state (VIRTIO 1.2 §2, §3). The transports only lay it out as registers.
//
// Threads: registers on vCPU threads, under the device's lock, but for kicks and the interrupt
// status, which never wait for a device at work. Queues are processed on the I/O thread.
#pragma once

#include "engine/virtio/gather.h"
#include "engine/virtio/transport.h"

enum {
  VIRTIO_STATUS_ACKNOWLEDGE = 1,
  VIRTIO_STATUS_DRIVER = 2,
  VIRTIO_STATUS_DRIVER_OK = 4,
  VIRTIO_STATUS_FEATURES_OK = 8,
  VIRTIO_STATUS_NEEDS_RESET = 64,
  VIRTIO_STATUS_FAILED = 128,

  VIRTIO_ISR_QUEUE = 1,
  VIRTIO_ISR_CONFIG = 2,

  VIRTIO_SOURCE_CONFIG = VIRTIO_MAX_QUEUES, // of a message; the numbers below are queues
  VIRTIO_N_SOURCES,
};

typedef struct VirtioTransport VirtioTransport;
struct VirtioTransport {
  Device device;
  VirtioDevice *vdev; // owned; NULL: an empty MMIO transport
  // The interrupt pin. Called with irq_lock held.
  void (*set_irq) (VirtioTransport *transport, bool level);
  // A message instead of the pin; false: the driver uses the pin. NULL: there are none. Called with
  // the device's lock held.
  bool (*send_message) (VirtioTransport *transport, unsigned source);
  VmEvent *kick_event;

  // Any thread.
  _Atomic uint64_t kicked; // queues the driver notified about

  // The device's lock.
  uint32_t device_feature_select, driver_feature_select;
  uint64_t driver_features; // as written; vdev->acked_features once they are accepted
  uint16_t queue_select;
  bool quiet; // between quiesce and resume
  VirtioGather gather;

  GMutex irq_lock;
  uint8_t isr;
};

// `ops` of the Device; takes vdev.
void virtio_transport_init (VirtioTransport *transport, const DeviceOps *ops, VirtioDevice *vdev,
                            void (*set_irq) (VirtioTransport *transport, bool level));
bool virtio_transport_realize (VirtioTransport *transport, GError **error);
void virtio_transport_clear (VirtioTransport *transport); // frees vdev

// The driver notifies about a queue; any number. Any thread, no lock; later: whatever is held.
void virtio_transport_kick (VirtioTransport *transport, uint32_t queue);
void virtio_transport_kick_later (VirtioTransport *transport, uint32_t queue);
// Interrupt status: reads it; clears bits. Any thread, no lock.
uint8_t virtio_transport_get_isr (VirtioTransport *transport);
void virtio_transport_ack_isr (VirtioTransport *transport, uint8_t bits);
uint8_t virtio_transport_take_isr (VirtioTransport *transport); // both at once

// Registers; the device's lock is held.
uint32_t virtio_transport_get_features (const VirtioTransport *transport);
void virtio_transport_set_features (VirtioTransport *transport, uint32_t value);
void virtio_transport_set_status (VirtioTransport *transport, uint8_t value); // 0: reset
// The queue that is selected, NULL when there is none.
VirtQueue *virtio_transport_get_queue (VirtioTransport *transport);
// Ignored while the queue is ready or when the value makes no sense.
void virtio_transport_set_queue_size (VirtioTransport *transport, uint32_t size);
void virtio_transport_set_queue_ready (VirtioTransport *transport, bool ready);
// Low or high half of one of the addresses of the selected queue.
typedef enum VirtioRing {
  VIRTIO_RING_DESC,
  VIRTIO_RING_AVAIL,
  VIRTIO_RING_USED,
} VirtioRing;
uint32_t virtio_transport_get_address (VirtioTransport *transport, VirtioRing ring, bool high);
void virtio_transport_set_address (VirtioTransport *transport, VirtioRing ring, bool high,
                                   uint32_t value);
// The device-specific configuration; past its end reads give 0 and writes are ignored. They take
// the lock themselves.
uint64_t virtio_transport_read_config (VirtioTransport *transport, uint64_t offset, unsigned size);
void virtio_transport_write_config (VirtioTransport *transport, uint64_t offset, uint64_t value,
                                    unsigned size);

// For DeviceOps.
void virtio_transport_reset (Device *device);
void virtio_transport_quiesce (Device *device);
void virtio_transport_resume (Device *device);
void virtio_transport_save (VirtioTransport *transport, StateWriter *writer);
bool virtio_transport_load (VirtioTransport *transport, StateReader *reader, GError **error);
