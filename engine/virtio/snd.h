// SPDX-License-Identifier: GPL-3.0-or-later
// virtio sound device (VIRTIO 1.2 §5.14): a stream out and one in, each with its jack.
#pragma once

#include "engine/structs/sink.h"
#include "engine/virtio/device.h"

// ops NULL: nobody hears it.
VirtioDevice *virtio_snd_new (const VmAudioSinkOps *ops, void *sink);
