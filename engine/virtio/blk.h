// SPDX-License-Identifier: GPL-3.0-or-later
// virtio block device (VIRTIO 1.2 §5.2).
#pragma once

#include "engine/block/device.h"
#include "engine/virtio/device.h"

// Takes the disk. serial: what the guest sees as the disk's id, at most 20 bytes; NULL: none.
VirtioDevice *virtio_blk_new (BlockDevice *take, const char *serial);
