// SPDX-License-Identifier: GPL-3.0-or-later
// virtio memory balloon (VIRTIO 1.2 §5.5): what the guest does not need goes back to the host, by
// itself (free page reporting) and as much as it is asked for.
#pragma once

#include "engine/virtio/device.h"

// What a guest says of its memory, in bytes; UINT64_MAX: it has not said.
typedef struct VirtioBalloonStats {
  uint64_t target, actual;                 // of the balloon: wanted, and as large as it is
  uint64_t reported;                       // given back by free page reporting so far
  uint64_t total, free, available, caches; // of the guest's memory
  uint64_t swapped_in, swapped_out;
  uint64_t major_faults, minor_faults; // numbers
} VirtioBalloonStats;

VirtioDevice *virtio_balloon_new (void);
// Any thread; never waits but for the device's lock. The guest is asked to let go of so much, which
// takes its time and may fail.
void virtio_balloon_set_target (VirtioDevice *vdev, uint64_t bytes);
// What was last said; the guest is asked for newer figures.
void virtio_balloon_get_stats (VirtioDevice *vdev, VirtioBalloonStats *stats);
