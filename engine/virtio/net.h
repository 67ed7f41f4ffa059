// SPDX-License-Identifier: GPL-3.0-or-later
// virtio network adapter (VIRTIO 1.2 §5.1).
#pragma once

#include "engine/net/backend.h"
#include "engine/structs/traffic.h"
#include "engine/virtio/device.h"

// Takes the backend; realize starts it.
VirtioDevice *virtio_net_new (NetBackend *take, const uint8_t mac[6]);
// Before realize: where frames are counted, which outlives the device.
void virtio_net_set_traffic (VirtioDevice *vdev, Traffic *traffic);
