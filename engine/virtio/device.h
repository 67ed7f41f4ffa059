// SPDX-License-Identifier: GPL-3.0-or-later
// A virtio device without its transport. A device embeds VirtioDevice as its first member, is made
// with `virtio_xyz_new (...)` and handed to virtio_pci_new or virtio_mmio_new, which make the
// machine's Device of it.
//
// Threads: the transport takes `lock` around every call below and for register access on vCPU
// threads. queue_notify and everything a device does with its queues (but for queue_try) runs on the
// I/O thread with the lock held; a device whose host work completes elsewhere comes back to the I/O thread and
// takes the lock with virtio_device_lock. Work done for a queue notification is bounded by what is
// in the queue.
#pragma once

#include "engine/virtio/queue.h"
#include "engine/vm/vm.h"

typedef struct VirtioDevice VirtioDevice;

enum {
  VIRTIO_ID_NET = 1,
  VIRTIO_ID_BLOCK = 2,
  VIRTIO_ID_CONSOLE = 3,
  VIRTIO_ID_RNG = 4,
  VIRTIO_ID_BALLOON = 5,
  VIRTIO_ID_SCSI = 8,
  VIRTIO_ID_GPU = 16,
  VIRTIO_ID_INPUT = 18,
  VIRTIO_ID_VSOCK = 19,
  VIRTIO_ID_SOUND = 25,

  VIRTIO_MAX_QUEUES = 64,
};

#define VIRTIO_F_INDIRECT_DESC (1ull << 28)
#define VIRTIO_F_EVENT_IDX     (1ull << 29)
#define VIRTIO_F_VERSION_1     (1ull << 32)

typedef struct VirtioOps {
  const char *name;     // "virtio-blk": section name in saved state
  uint16_t device_id;   // §5
  uint8_t pci_class[3]; // base class, sub-class, prog-if
  uint32_t state_version;
  size_t config_bytes; // length of the device-specific configuration space

  // Sets vdev->features (offered, without the transport's own) and creates queues with
  // virtio_device_add_queue. May take host resources.
  bool (*realize) (VirtioDevice *vdev, GError **error);
  void (*free) (VirtioDevice *vdev); // accepts half-realized
  // Driver wrote 0 to status, or machine reset: forget all requests in flight. Queues are reset by
  // the caller.
  void (*reset) (VirtioDevice *vdev);
  // Features were accepted (FEATURES_OK) or DRIVER_OK was set. Optional.
  void (*set_status) (VirtioDevice *vdev, uint8_t status);
  void (*queue_notify) (VirtioDevice *vdev, unsigned queue);
  // The same on the vCPU that notifies, which may be put off until it has nothing left to do
  // (at_rest; gather.h): does what takes no waiting and little time. False: queue_notify is to do
  // the rest. Optional.
  bool (*queue_try) (VirtioDevice *vdev, unsigned queue, bool at_rest);
  // Byte-wise access to the device-specific configuration, in range.
  void (*read_config) (VirtioDevice *vdev, unsigned offset, void *to, unsigned length);
  void (*write_config) (VirtioDevice *vdev, unsigned offset, const void *from,
                        unsigned length); // optional
  void (*quiesce) (VirtioDevice *vdev);   // optional; see DeviceOps
  void (*resume) (VirtioDevice *vdev);    // optional
  // The device's own state; queues, features and status are saved by the transport.
  void (*save) (VirtioDevice *vdev, StateWriter *writer);
  bool (*load) (VirtioDevice *vdev, StateReader *reader, uint32_t version, GError **error);
} VirtioOps;

// What a transport does for its device.
typedef struct VirtioTransportOps {
  void (*notify_queue) (void *transport, unsigned queue); // used-buffer interrupt
  void (*notify_config) (void *transport);                // configuration-change interrupt
} VirtioTransportOps;

struct VirtioDevice {
  const VirtioOps *ops;
  Vm *vm;                  // set before realize
  uint64_t features;       // offered
  uint64_t acked_features; // negotiated
  uint8_t status;
  uint32_t config_generation;
  VirtQueue queues[VIRTIO_MAX_QUEUES];
  unsigned n_queues;
  GMutex lock;
  const VirtioTransportOps *transport_ops;
  void *transport;
};

void virtio_device_init (VirtioDevice *vdev, const VirtioOps *ops);
void virtio_device_clear (VirtioDevice *vdev);
unsigned virtio_device_add_queue (VirtioDevice *vdev, uint16_t size_max);
bool virtio_device_has (const VirtioDevice *vdev, uint64_t feature); // negotiated
void virtio_device_lock (VirtioDevice *vdev);
void virtio_device_unlock (VirtioDevice *vdev);
// Interrupt the driver for queue q if it wants it. Lock held.
void virtio_device_notify (VirtioDevice *vdev, unsigned queue);
// Configuration changed. Lock held.
void virtio_device_config_changed (VirtioDevice *vdev);
// A protocol violation: sets DEVICE_NEEDS_RESET and tells the driver. Lock held.
void virtio_device_broken (VirtioDevice *vdev, const char *why);
