// SPDX-License-Identifier: GPL-3.0-or-later
// virtio-balloon: lists of pages anywhere, free pages, figures; the host changes its mind.
#include "engine/virtio/balloon.h"
#include <string.h>

#include "tests/fuzz/virtio.h"

static VirtioDevice *
make (void **context)
{
  return virtio_balloon_new ();
}

static size_t
make_request (FuzzInput *in, unsigned queue, uint8_t *to)
{
  size_t length = fuzz_below (in, FUZZ_REQUEST_BYTES / 4) * 4;

  for (size_t i = 0; i < length; i += 4) {
    uint32_t page = (uint32_t) (fuzz_address (in) >> 12);
    memcpy (to + i, &page, sizeof page);
  }
  return length;
}

static void
stimulate (FuzzInput *in, VirtioGuest *guest, void *context)
{
  VirtioBalloonStats stats;

  if (fuzz_below (in, 2) == 0)
    virtio_balloon_set_target (guest->vdev, fuzz_number (in, 8));
  else
    virtio_balloon_get_stats (guest->vdev, &stats);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const FuzzDevice device = {
      .make = make, .make_request = make_request, .stimulate = stimulate};
  return fuzz_virtio (&device, data, size);
}
