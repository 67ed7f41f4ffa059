// SPDX-License-Identifier: GPL-3.0-or-later
// Working through the queues a driver fills: bounded per run, quiet while the machine is paused.
// Used by the devices for their driver-to-device queues.
//
// Threads: the I/O thread, with the device's lock held, unless said otherwise.
#pragma once

#include "engine/virtio/device.h"

// Handles one chain: pushes or keeps it. False: cannot take it now (it was put back with
// virtqueue_unpop); the device runs the pump again when it can.
typedef bool (*VirtioHandler) (VirtioDevice *vdev, unsigned queue, VirtChain *chain);

typedef struct VirtioPump {
  VirtioDevice *vdev;
  VirtioHandler handle;
  void (*begin) (VirtioDevice *vdev); // before each run; NULL after init: nothing
  uint64_t queues;                    // bit per queue it serves
  uint64_t pending;                   // bit per queue to look at again
  unsigned budget;                    // chains per run
  bool paused;
  VmEvent *again;
} VirtioPump;

// From realize; serves the queues of the mask. Needs vdev->vm.
void virtio_pump_init (VirtioPump *pump, VirtioDevice *vdev, uint64_t queues, unsigned budget,
                       VirtioHandler handle);
void virtio_pump_clear (VirtioPump *pump); // accepts a zeroed one; without the lock
// Takes chains until the queue is empty, the handler refuses or the budget is spent (then it goes
// on soon, with the lock released in between), and interrupts the driver.
void virtio_pump_run (VirtioPump *pump, unsigned queue);
// Runs it soon, with the lock released in between: the handler, which then refuses.
void virtio_pump_run_again (VirtioPump *pump, unsigned queue);
void virtio_pump_quiesce (VirtioPump *pump);
// Looks at every queue soon: what was submitted while paused, or before saved state was loaded.
void virtio_pump_resume (VirtioPump *pump);

// What every device asks before it touches a queue on its own accord: the driver is there and
// nothing is broken.
bool virtio_device_is_live (const VirtioDevice *vdev);
