// SPDX-License-Identifier: GPL-3.0-or-later
// virtio-blk over a small disk in memory.
#include <errno.h>

#include "engine/virtio/blk.h"
#include "tests/fuzz/virtio.h"
#include "tests/support/test-disk.h"

enum {
  DISK_BYTES = 1 << 16,
};

static VirtioDevice *
make (void **context)
{
  TestDisk *disk = test_disk_new (DISK_BYTES);
  *context = disk;
  return virtio_blk_new (test_disk_open (disk, false), "fuzz", 3);
}

static void
clear (void *context)
{
  test_disk_free (context);
}

static size_t
make_request (FuzzInput *in, unsigned queue, uint8_t *to)
{
  static const uint32_t types[] = {0, 0, 1, 1, 4, 8, 11, 13, 13, 2};
  uint32_t type = types[fuzz_below (in, G_N_ELEMENTS (types))];
  uint64_t sector = fuzz_below (in, 8) == 0 ? fuzz_number (in, 8) : fuzz_below (in, 600);
  uint64_t range = fuzz_below (in, 600);
  uint32_t n = (uint32_t) fuzz_number (in, 1), flags = fuzz_below (in, 4) == 0;
  memcpy (to, &type, 4);
  memcpy (to + 8, &sector, 8);
  memcpy (to + 16, &range, 8);
  memcpy (to + 24, &n, 4);
  memcpy (to + 28, &flags, 4);
  return type >= 11 ? 32 : 16;
}

static void
stimulate (FuzzInput *in, VirtioGuest *guest, void *context)
{
  static const int errors[] = {0, EIO, ENOSPC}; // the last one stalls what it meets
  BlockOp op = (BlockOp) fuzz_below (in, TEST_DISK_OPS);
  test_disk_fail (context, op, errors[fuzz_below (in, G_N_ELEMENTS (errors))]);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const FuzzDevice device = {
      .make = make, .clear = clear, .make_request = make_request, .stimulate = stimulate};
  return fuzz_virtio (&device, data, size);
}
