// SPDX-License-Identifier: GPL-3.0-or-later
// virtio-input: keyboard or tablet by the input's first byte.
#include "engine/virtio/input.h"
#include "tests/fuzz/virtio.h"

static VirtioDevice *
make_keyboard (void **context)
{
  return virtio_input_new_keyboard ();
}

static VirtioDevice *
make_tablet (void **context)
{
  return virtio_input_new_tablet ();
}

static void
stimulate (FuzzInput *in, VirtioGuest *guest, void *context)
{
  for (unsigned i = fuzz_below (in, 100); i > 0; i--)
    virtio_input_send (guest->vdev, (uint16_t) fuzz_below (in, 5), (uint16_t) fuzz_below (in, 300),
                       (int32_t) fuzz_below (in, 3));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const FuzzDevice devices[] = {{.make = make_keyboard, .stimulate = stimulate},
                                       {.make = make_tablet, .stimulate = stimulate}};
  return size == 0 ? 0 : fuzz_virtio (&devices[data[0] & 1], data + 1, size - 1);
}
