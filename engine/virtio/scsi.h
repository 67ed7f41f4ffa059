// SPDX-License-Identifier: GPL-3.0-or-later
// virtio SCSI host (VIRTIO 1.2 §5.6).
#pragma once

#include "engine/scsi/scsi.h"
#include "engine/virtio/device.h"

enum {
  VIRTIO_SCSI_TARGETS_MAX = 32,
  VIRTIO_SCSI_QUEUES_MAX = 16,
};

// n_queues: of requests, 1 to VIRTIO_SCSI_QUEUES_MAX.
VirtioDevice *virtio_scsi_new (unsigned n_queues);
// Before realize: the unit becomes LUN 0 of a target that is free. Takes it.
void virtio_scsi_add (VirtioDevice *vdev, unsigned target, ScsiUnit *take);
// Whether the guest has locked the drive with something in it; it is asked to let go of that. The I/O
// thread.
bool virtio_scsi_is_locked (VirtioDevice *vdev, unsigned target);
// What lies in the drive that is the target's; NULL: nothing. Takes the disk. The I/O thread.
void virtio_scsi_change_medium (VirtioDevice *vdev, unsigned target, BlockDevice *take);
