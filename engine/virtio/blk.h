// SPDX-License-Identifier: GPL-3.0-or-later
// virtio block device (VIRTIO 1.2 §5.2).
#pragma once

#include "engine/block/device.h"
#include "engine/virtio/device.h"

enum {
  VIRTIO_BLK_QUEUES_MAX = 16,
};

// Takes the disk. serial: what the guest sees as the disk's id, at most 20 bytes; NULL: none.
// n_queues: 1 to VIRTIO_BLK_QUEUES_MAX, as many as there are CPUs for choice.
VirtioDevice *virtio_blk_new (BlockDevice *take, const char *serial, unsigned n_queues);
