// SPDX-License-Identifier: GPL-3.0-or-later
// virtio-console with somebody who types.
#include "engine/virtio/console.h"
#include "tests/fuzz/virtio.h"

static void
sink_write (void *sink, const uint8_t *data, size_t length)
{
  uint64_t *sum = sink;
  for (size_t i = 0; i < length; i++)
    *sum += data[i];
}

static VirtioDevice *
make (void **context)
{
  static const VmConsoleSinkOps ops = {.write = sink_write};
  *context = g_new0 (uint64_t, 1);
  return virtio_console_new (&ops, *context);
}

static void
stimulate (FuzzInput *in, VirtioGuest *guest, void *context)
{
  static const uint8_t typed[20000];
  virtio_console_write (guest->vdev, typed, fuzz_below (in, sizeof typed));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const FuzzDevice device = {.make = make, .clear = g_free, .stimulate = stimulate};
  return fuzz_virtio (&device, data, size);
}
