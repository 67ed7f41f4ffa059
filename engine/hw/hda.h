// SPDX-License-Identifier: GPL-3.0-or-later
// Intel High Definition Audio controller (specification 1.0a) with one codec: a converter and a jack
// out, and the same in. For guests that do not know virtio's sound device.
#pragma once

#include "engine/hw/pci.h"
#include "engine/structs/sink.h"

// ops NULL: nobody hears it. `function`: of the device in `slot`.
Device *hda_new (const VmAudioSinkOps *ops, void *sink, Device *host, unsigned slot,
                 unsigned function);
