// SPDX-License-Identifier: GPL-3.0-or-later
// virtio entropy source (VIRTIO 1.2 §5.4).
#pragma once

#include "engine/virtio/device.h"

VirtioDevice *virtio_rng_new (void);
