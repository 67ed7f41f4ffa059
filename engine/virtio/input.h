// SPDX-License-Identifier: GPL-3.0-or-later
// virtio input devices (VIRTIO 1.2 §5.8): keyboard and tablet. Events are Linux evdev events.
#pragma once

#include "engine/virtio/device.h"

enum {
  VIRTIO_INPUT_TABLET_MAX = 32767, // ABS_X and ABS_Y are 0..this
};

// KEY_* 1..255, auto-repeat by the guest, three LEDs.
VirtioDevice *virtio_input_new_keyboard (void);
// ABS_X, ABS_Y, BTN_LEFT/RIGHT/MIDDLE/SIDE/EXTRA, REL_WHEEL, REL_HWHEEL.
VirtioDevice *virtio_input_new_tablet (void);

// Any thread; never waits. Events reach the guest in batches, each ended by EV_SYN/SYN_REPORT,
// which the caller sends too. The queue is bounded: a batch that does not fit is dropped, but the
// release of a key whose press was taken never is. Ignored while no driver is there, and for
// codes the device does not have. One thread at a time sends a batch.
void virtio_input_send (VirtioDevice *vdev, uint16_t type, uint16_t code, int32_t value);
// Whether a driver is at work. Any thread.
bool virtio_input_is_driven (VirtioDevice *vdev);
