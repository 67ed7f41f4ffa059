// SPDX-License-Identifier: GPL-3.0-or-later
// See test-blk-rig.h.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/virtio/test-blk-rig.h"

void
set_up_queues (Setup *setup, bool read_only, uint64_t features, unsigned n_queues)
{
  setup->disk = test_disk_new (DISK_SECTORS * SECTOR);
  setup->guest = virtio_guest_new (
      virtio_blk_new (test_disk_open (setup->disk, read_only), "serial-1", n_queues), NULL);
  assert_non_null (setup->guest);
  virtio_guest_start (setup->guest, features, 0);
}

void
set_up (Setup *setup, bool read_only, uint64_t features)
{
  set_up_queues (setup, read_only, features, 1);
}

void
set_up_quick (Setup *setup, size_t bytes, uint64_t features)
{
  setup->disk = test_disk_new (bytes);
  setup->guest =
      virtio_guest_new (virtio_blk_new (test_disk_open_quick (setup->disk), "serial-1", 1), NULL);
  assert_non_null (setup->guest);
  virtio_guest_start (setup->guest, features, 0);
}

void
tear_down (Setup *setup)
{
  virtio_guest_free (setup->guest);
  test_disk_free (setup->disk);
}

VirtioGuestBuf *
make_request (VirtioGuest *guest, VirtioGuestBuf bufs[4], unsigned *n, const Header *header,
              const void *out, uint32_t out_length, uint32_t in_length)
{
  static const uint8_t untouched = S_UNTOUCHED;
  *n = 0;
  bufs[(*n)++] = (VirtioGuestBuf){virtio_guest_put (guest, header, sizeof *header), 16, false};
  if (out_length > 0)
    bufs[(*n)++] = (VirtioGuestBuf){virtio_guest_put (guest, out, out_length), out_length, false};
  if (in_length > 0)
    bufs[(*n)++] = (VirtioGuestBuf){virtio_guest_alloc (guest, in_length), in_length, true};
  bufs[*n] = (VirtioGuestBuf){virtio_guest_put (guest, &untouched, 1), 1, true};
  return &bufs[(*n)++];
}
