// SPDX-License-Identifier: GPL-3.0-or-later
// Common part of the virtio devices' fuzz targets: an input is a script of what a hostile driver
// does (chains good and bad, notifications, configuration, resets) and what the host does at the
// same time (pause, save, load of damaged state, the device's own stimuli).
#pragma once

#include "tests/fuzz/fuzz.h"
#include "tests/support/virtio-guest.h"

enum {
  FUZZ_REQUEST_BYTES = 128,
};

typedef struct FuzzDevice {
  // A new device; what the target needs besides goes to *context.
  VirtioDevice *(*make) (void **context);
  void (*clear) (void *context); // after the device is freed; may be NULL
  // Writes a plausible request for the queue; its length, at most FUZZ_REQUEST_BYTES. May be NULL.
  size_t (*make_request) (FuzzInput *in, unsigned queue, uint8_t *to);
  // Something the host does to the device; may be NULL.
  void (*stimulate) (FuzzInput *in, VirtioGuest *guest, void *context);
} FuzzDevice;

int fuzz_virtio (const FuzzDevice *device, const uint8_t *data, size_t size);
// An address, mostly of the area the scripts work in, sometimes one at an edge or nowhere.
GuestAddr fuzz_address (FuzzInput *in);
uint32_t fuzz_length (FuzzInput *in);
