// SPDX-License-Identifier: GPL-3.0-or-later
// virtio console, one port (VIRTIO 1.2 §5.3): hvc0.
#pragma once

#include "engine/structs/sink.h"
#include "engine/virtio/device.h"

// ops may be NULL (output is dropped); ops and sink outlive the device.
VirtioDevice *virtio_console_new (const VmConsoleSinkOps *ops, void *sink);

// Bytes for the guest to read. Any thread; never waits; bounded: the number of bytes taken.
size_t virtio_console_write (VirtioDevice *vdev, const uint8_t *data, size_t length);
