// SPDX-License-Identifier: GPL-3.0-or-later
// virtio graphics adapter, 2D, one output (VIRTIO 1.2 §5.7).
#pragma once

#include "engine/structs/sink.h"
#include "engine/virtio/device.h"

// ops may be NULL (nothing is shown); ops and sink outlive the device. Sizes in pixels; out of
// range ones are clamped.
VirtioDevice *virtio_gpu_new (const VmDisplaySinkOps *ops, void *sink, unsigned width,
                              unsigned height);

// The size the guest is told to prefer, with a display event. Any thread; never waits.
void virtio_gpu_set_display_size (VirtioDevice *vdev, unsigned width, unsigned height);
