// SPDX-License-Identifier: GPL-3.0-or-later
// The HDA controller: registers at will, verbs, lists of buffers that lead anywhere, jumps of time,
// pauses, resets and damaged state in between.
#include <zlib.h>

#include "tests/fuzz/fuzz.h"
#include "tests/support/hda-guest.h"

enum {
  STEPS_MAX = 200,
  STATE_HEADER_BYTES = 24,
  STATE_CRC = 12,
};

static uint64_t
pick_address (FuzzInput *in)
{
  const uint64_t end = HDA_GUEST_RAM_BASE + (uint64_t) HDA_GUEST_RAM_BYTES;

  switch (fuzz_below (in, 12)) {
  case 0:
    return fuzz_number (in, 8);
  case 1:
    return end - fuzz_below (in, 512);
  case 2:
    return UINT64_MAX - fuzz_below (in, 8192);
  default:
    return HDA_GUEST_RAM_BASE + fuzz_number (in, 4) % HDA_GUEST_RAM_BYTES;
  }
}

static void
step_register (FuzzInput *in, HdaGuest *guest)
{
  unsigned size = 1u << fuzz_below (in, 4);
  unsigned offset = fuzz_below (in, 8) == 0 ? fuzz_below (in, 0x4000) : fuzz_below (in, 0xc0);

  offset &= ~(size - 1);
  if (fuzz_below (in, 3) == 0)
    hda_guest_read (guest, offset, size);
  else
    hda_guest_write (guest, offset, (uint32_t) fuzz_number (in, 1 + fuzz_below (in, 4)), size);
}

static void
step_list (FuzzInput *in, HdaGuest *guest)
{
  static const uint32_t lengths[] = {0, 1, 2, 3, 64, 127, 4096, UINT32_MAX};

  for (unsigned i = fuzz_below (in, 8); i > 0; i--)
    hda_guest_set_entry (guest, fuzz_below (in, 2), fuzz_below (in, 8), pick_address (in),
                         lengths[fuzz_below (in, 8)], fuzz_below (in, 3));
}

// As a driver would start a stream, but for the numbers.
static void
step_stream (FuzzInput *in, HdaGuest *guest)
{
  unsigned stream = fuzz_below (in, 2), base = 0x80 + stream * 0x20, tag = fuzz_below (in, 4);

  hda_guest_write (guest, 0x08, 1, 4);
  hda_guest_write (guest, base, 0, 4);
  hda_guest_write (guest, base + 0x08, fuzz_below (in, 2) ? fuzz_below (in, 20000) : 4096, 4);
  hda_guest_write (guest, base + 0x0c, fuzz_below (in, 8) == 0 ? 255 : fuzz_below (in, 8), 2);
  hda_guest_write (guest, base + 0x12, (uint32_t) fuzz_number (in, 2), 2);
  hda_guest_write (guest, base + 0x18, HDA_GUEST_LIST + stream * 0x1000, 4);
  hda_guest_do (guest, stream == 0 ? 3 : 2, 0x706, tag << 4);
  hda_guest_write (guest, base, tag << 20 | 0x1e, 4);
}

static void
step_verb (FuzzInput *in, HdaGuest *guest)
{
  hda_guest_do (guest, fuzz_below (in, 8), (unsigned) fuzz_number (in, 2) & 0xfff,
                fuzz_below (in, 256));
}

static void
step_time (FuzzInput *in, HdaGuest *guest)
{
  static const int64_t jumps[] = {1000, 1000000, 30000000, 5000000000, INT64_MAX / 4};
  int64_t now = vm_clock_now (guest->vm.clock), jump = jumps[fuzz_below (in, 5)];

  guest->sound->refuses = fuzz_below (in, 8) == 0;
  if (now < INT64_MAX / 2)
    hda_guest_set_time (guest, now + jump);
  hda_guest_read (guest, 0x84 + fuzz_below (in, 2) * 0x20, 4);
}

static void
step_damaged_state (FuzzInput *in, HdaGuest *guest)
{
  hda_guest_quiesce (guest);
  g_autoptr (GBytes) bytes = hda_guest_save (guest);
  gsize length = g_bytes_get_size (bytes);
  g_autofree uint8_t *copy = g_memdup2 (g_bytes_get_data (bytes, NULL), length);
  for (unsigned i = fuzz_below (in, 8); i > 0; i--) {
    gsize at = STATE_HEADER_BYTES + fuzz_number (in, 3) % (length - STATE_HEADER_BYTES);
    copy[at] = (uint8_t) fuzz_number (in, 1);
  }
  uint32_t crc =
      (uint32_t) crc32 (0, copy + STATE_HEADER_BYTES, (uInt) (length - STATE_HEADER_BYTES));
  memcpy (copy + STATE_CRC, &crc, sizeof crc);
  g_autoptr (GBytes) damaged = g_bytes_new (copy, length);
  if (!hda_guest_load (guest, damaged))
    hda_guest_reset (guest);
  hda_guest_resume (guest);
}

// The clock runs for a moment, so that the timer has its say.
static void
step_run (HdaGuest *guest)
{
  vm_clock_start (guest->vm.clock);
  hda_guest_resume (guest);
  vm_clock_stop (guest->vm.clock);
}

static void
step (FuzzInput *in, HdaGuest *guest)
{
  switch (fuzz_below (in, 40)) {
  case 0:
    hda_guest_reset (guest);
    break;
  case 1:
    hda_guest_start (guest);
    break;
  case 2:
    step_damaged_state (in, guest);
    break;
  case 3:
    step_run (guest);
    break;
  case 4:
    hda_guest_write_config (guest, fuzz_below (in, 0x60) & ~3u, (uint32_t) fuzz_number (in, 4), 4);
    break;
  case 5 ... 12:
    step_list (in, guest);
    break;
  case 13 ... 20:
    step_stream (in, guest);
    break;
  case 21 ... 24:
    step_verb (in, guest);
    break;
  case 25 ... 32:
    step_time (in, guest);
    break;
  default:
    step_register (in, guest);
    break;
  }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  FuzzInput in = {.data = data, .left = size};
  HdaGuest *guest = hda_guest_new ();

  hda_guest_start (guest);
  for (unsigned i = 0; i < STEPS_MAX && in.left > 0; i++)
    step (&in, guest);
  hda_guest_quiesce (guest);
  hda_guest_free (guest);
  return 0;
}
