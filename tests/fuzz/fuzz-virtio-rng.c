// SPDX-License-Identifier: GPL-3.0-or-later
// virtio-rng.
#include "engine/virtio/rng.h"
#include "tests/fuzz/virtio.h"

static VirtioDevice *
make (void **context)
{
  return virtio_rng_new ();
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const FuzzDevice device = {.make = make};
  return fuzz_virtio (&device, data, size);
}
