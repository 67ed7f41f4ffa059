// SPDX-License-Identifier: GPL-3.0-or-later
// Putting a notification off until the vCPU has nothing left to do, so that what the driver adds
// meanwhile is served together: one interrupt for all, and with event indices one notification.
// What it brings is found out by trying: a queue goes on as long as more was there than when it was
// put off and all of it could be done at once. Otherwise its next notifications are served as they
// come, more of them each time it fails. Nothing is put off for longer than GATHER_MAX_NS.
//
// Threads: the device's lock, unless said otherwise.
#pragma once

#include "engine/virtio/device.h"

enum {
  GATHER_MAX_NS = 1000000,
  GATHER_MAX_CHAINS = 32,    // more than that is worth an interrupt of its own
  GATHER_WORTH_WAITING = 8,  // so many more are worth GATHER_MAX_NS
  GATHER_PAUSE_MIN = 32,     // notifications served at once after a failure
  GATHER_PAUSE_MAX = 1 << 10 // after many
};

typedef struct VirtioGather {
  // No locks held. At a vCPU's rest and on its thread; GATHER_MAX_NS later on the I/O thread.
  VmIdle *rest;
  VmTimer *timer;
  uint64_t waiting; // bit per queue
  struct {
    uint16_t n;     // chains when it was put off
    uint16_t skip;  // notifications not to put off
    uint16_t pause; // what skip was last
  } queues[VIRTIO_MAX_QUEUES];
} VirtioGather;

void virtio_gather_init (VirtioGather *gather, Vm *vm, void (*rested) (void *),
                         void (*late) (void *), void *data);
void virtio_gather_clear (VirtioGather *gather); // no lock; accepts a zeroed one

// A notification came. True: it is put off.
bool virtio_gather_put_off (VirtioGather *gather, VirtioDevice *vdev, unsigned queue);
// The next queue that waits, which no longer does; -1: none. `n_more`: chains that came since.
int virtio_gather_take (VirtioGather *gather, VirtioDevice *vdev, unsigned *n_more);
// How that went.
void virtio_gather_judge (VirtioGather *gather, unsigned queue, bool good);
// The device is quiet or reset: nothing waits. forget: and nothing was learnt.
void virtio_gather_stop (VirtioGather *gather);
void virtio_gather_forget (VirtioGather *gather);
