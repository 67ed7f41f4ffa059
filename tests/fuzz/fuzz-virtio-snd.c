// SPDX-License-Identifier: GPL-3.0-or-later
// The sound device: requests and messages in and out of order, while time passes.
#include "engine/virtio/snd.h"
#include "tests/fuzz/virtio.h"
#include "tests/support/test-sound.h"

static VirtioDevice *
make (void **context)
{
  TestSound *sound = test_sound_new ();

  *context = sound;
  return virtio_snd_new (&test_sound_ops, sound);
}

static void
clear (void *context)
{
  test_sound_free (context);
}

static size_t
make_request (FuzzInput *in, unsigned queue, uint8_t *to)
{
  static const uint32_t codes[] = {1,     2,     0x100, 0x101, 0x101, 0x102, 0x102,
                                   0x103, 0x104, 0x104, 0x105, 0x200, 0x1000};
  uint32_t words[6] = {0};

  if (queue != 0) {
    words[0] = fuzz_below (in, 3);
    memcpy (to, words, sizeof words[0]);
    return sizeof words[0];
  }
  words[0] = codes[fuzz_below (in, G_N_ELEMENTS (codes))];
  words[1] = fuzz_below (in, 3);
  words[2] = fuzz_below (in, 12);
  words[3] = words[0] == 0x101 ? 64 : fuzz_below (in, 2) ? 24 : 32;
  if (words[0] == 0x101)
    words[2] = 64 + fuzz_below (in, 4096);
  words[4] = fuzz_below (in, 16) == 0;
  words[5] = fuzz_below (in, 10) | fuzz_below (in, 26) << 8 | fuzz_below (in, 16) << 16;
  memcpy (to, words, sizeof words);
  return sizeof words;
}

// Time jumps, up to the end of its range.
static void
stimulate (FuzzInput *in, VirtioGuest *guest, void *context)
{
  static const int64_t jumps[] = {1000, 1000000, 30000000, 5000000000, INT64_MAX / 4};
  TestSound *sound = context;

  sound->refuses = fuzz_below (in, 8) == 0;
  vm_clock_stop (guest->vm.clock);
  int64_t now = vm_clock_now (guest->vm.clock), jump = jumps[fuzz_below (in, 5)];
  if (now < INT64_MAX / 2)
    vm_clock_set (guest->vm.clock, now + jump);
  virtio_guest_notify (guest, fuzz_below (in, 4));
  vm_clock_start (guest->vm.clock);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const FuzzDevice device = {
      .make = make, .clear = clear, .make_request = make_request, .stimulate = stimulate};
  return fuzz_virtio (&device, data, size);
}
