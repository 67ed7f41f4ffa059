// SPDX-License-Identifier: GPL-3.0-or-later
// The HDA controller by its registers, with a clock that the test moves: the codec as drivers explore
// it, what is played and recorded when, positions, interrupts by pin and by message, lists of buffers
// that are wrong, saved state.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fenv.h>
#include <string.h>

#include "tests/support/hda-guest.h"

enum {
  IN = 0x80,
  OUT = 0xa0,
  CONTROL = 0x00,
  STATUS = 0x03,
  POSITION = 0x04,
  CYCLIC = 0x08,
  LAST = 0x0c,
  FORMAT = 0x12,
  LIST = 0x18,
  GCTL = 0x08,
  WAKE_STATUS = 0x0e,
  INTCTL = 0x20,
  INTSTS = 0x24,
  CLOCK = 0x30,
  SYNC = 0x38,
  RUN = 2,
  RUN_AND_TELL = 2 | 4,
  TAG = 5,
  FORMAT_48K_S16_2 = 0x11,
  PERIOD_BYTES = 480 * 4, // 10 ms
  PERIODS = 4,
};
#define MS INT64_C (1000000)

static int
setup (void **state)
{
  HdaGuest *guest = hda_guest_new ();

  hda_guest_start (guest);
  *state = guest;
  return 0;
}

static int
teardown (void **state)
{
  hda_guest_free (*state);
  return 0;
}

// Four periods one after the other; what is played in each is its number from 1.
static void
set_up_stream (HdaGuest *guest, unsigned base)
{
  unsigned stream = base == OUT;
  int16_t *data = hda_guest_ptr (guest, HDA_GUEST_DATA);

  for (unsigned i = 0; i < PERIODS * PERIOD_BYTES / 2; i++)
    data[i] = (int16_t) (stream ? 1 + i / (PERIOD_BYTES / 2) : 0);
  for (unsigned i = 0; i < PERIODS; i++)
    hda_guest_set_entry (guest, stream, i, HDA_GUEST_DATA + i * PERIOD_BYTES, PERIOD_BYTES, 1);
  hda_guest_write (guest, base + CONTROL, 1, 1);
  assert_int_equal (hda_guest_read (guest, base + CONTROL, 1), 1);
  hda_guest_write (guest, base + CONTROL, 0, 1);
  assert_int_equal (hda_guest_read (guest, base + CONTROL, 1), 0);
  hda_guest_write (guest, base + CYCLIC, PERIODS * PERIOD_BYTES, 4);
  hda_guest_write (guest, base + LAST, PERIODS - 1, 2);
  hda_guest_write (guest, base + FORMAT, FORMAT_48K_S16_2, 2);
  hda_guest_write (guest, base + LIST, HDA_GUEST_LIST + stream * 0x1000, 4);
  hda_guest_write (guest, base + LIST + 4, 0, 4);
  hda_guest_do (guest, stream ? 2 : 3, 2, FORMAT_48K_S16_2);
  hda_guest_do (guest, stream ? 2 : 3, 0x706, TAG << 4);
  hda_guest_write (guest, base + CONTROL + 2, TAG << 4, 1);
}

static unsigned
frames_played (HdaGuest *guest)
{
  return guest->sound->played->len / 2;
}

static int
frame_at (HdaGuest *guest, unsigned i)
{
  return (int) (g_array_index (guest->sound->played, float, 2 * i) * 32768);
}

static void
test_codec (void **state)
{
  HdaGuest *guest = *state;

  assert_int_equal (hda_guest_read (guest, 0, 4), 0x01001101);
  assert_int_equal (hda_guest_read (guest, WAKE_STATUS, 2), 1);
  assert_int_equal (hda_guest_do (guest, 0, 0xf00, 4), 1 << 16 | 1);
  assert_int_equal (hda_guest_do (guest, 1, 0xf00, 5), 1);
  assert_int_equal (hda_guest_do (guest, 1, 0xf00, 4), 2 << 16 | 4);
  // Converters and pins, what they are connected to, and what the pins are.
  static const uint32_t types[] = {0, 1, 4, 4};
  for (unsigned i = 0; i < 4; i++)
    assert_int_equal (hda_guest_do (guest, 2 + i, 0xf00, 9) >> 20, types[i]);
  assert_int_equal (hda_guest_do (guest, 4, 0xf00, 0xe), 1);
  assert_int_equal (hda_guest_do (guest, 4, 0xf02, 0), 2);
  assert_int_equal (hda_guest_do (guest, 3, 0xf02, 0), 5);
  assert_int_equal (hda_guest_do (guest, 4, 0xf1c, 0) >> 20 & 0xf, 0);   // line out
  assert_int_equal (hda_guest_do (guest, 5, 0xf1c, 0) >> 20 & 0xf, 0xa); // microphone
  hda_guest_do (guest, 5, 0x71f, 0x42);
  assert_int_equal (hda_guest_do (guest, 5, 0xf1c, 0) >> 24, 0x42);
  hda_guest_do (guest, 2, 2, 0x4031);
  assert_int_equal (hda_guest_do (guest, 2, 0xa, 0), 0x4031);
  hda_guest_do (guest, 2, 0x706, 0x30);
  assert_int_equal (hda_guest_do (guest, 2, 0xf06, 0), 0x30);
  hda_guest_do (guest, 1, 0x7ff, 0);
  assert_int_equal (hda_guest_do (guest, 2, 0xf06, 0), 0);
  assert_int_equal (hda_guest_do (guest, 200, 0xf00, 9), 0);
  // Without the rings.
  hda_guest_write (guest, 0x60, 0x000f0000, 4);
  hda_guest_write (guest, 0x68, 1, 2);
  assert_int_equal (hda_guest_read (guest, 0x68, 2), 2);
  assert_int_equal (hda_guest_read (guest, 0x64, 4), 0x1af40a01);
  // In reset nothing is written.
  hda_guest_write (guest, GCTL, 0, 4);
  hda_guest_write (guest, INTCTL, 0x80000000, 4);
  assert_int_equal (hda_guest_read (guest, INTCTL, 4), 0);
}

static void
test_play (void **state)
{
  HdaGuest *guest = *state;

  set_up_stream (guest, OUT);
  hda_guest_write (guest, 0x70, HDA_GUEST_POSITIONS | 1, 4);
  hda_guest_write (guest, OUT + CONTROL, RUN, 1);
  assert_int_equal (guest->sound->n_running, 1);
  assert_int_equal (hda_guest_read (guest, OUT + STATUS, 1), 0x20);
  // The position is where the clock says, frame by frame.
  for (unsigned i = 0; i < 200; i++) {
    uint32_t frames = i * 37;
    hda_guest_set_time (guest, ((int64_t) frames * 1000 * MS + 47999) / 48000);
    assert_int_equal (hda_guest_read (guest, OUT + POSITION, 4),
                      frames * 4 % (PERIODS * PERIOD_BYTES));
    assert_int_equal (frames_played (guest), frames);
    assert_int_equal (*(uint32_t *) hda_guest_ptr (guest, HDA_GUEST_POSITIONS + 8),
                      frames * 4 % (PERIODS * PERIOD_BYTES));
  }
  for (unsigned i = 0; i < 199 * 37; i++)
    assert_int_equal (frame_at (guest, i), 1 + i / 480 % PERIODS);
  hda_guest_set_time (guest, 250 * MS);
  assert_int_equal (hda_guest_read (guest, CLOCK, 4), 6000000);
  // It stands when it is stopped, and goes on from there.
  uint32_t position = hda_guest_read (guest, OUT + POSITION, 4);
  hda_guest_write (guest, OUT + CONTROL, 0, 1);
  assert_int_equal (guest->sound->n_running, 0);
  hda_guest_set_time (guest, 2000 * MS);
  assert_int_equal (hda_guest_read (guest, OUT + POSITION, 4), position);
  hda_guest_write (guest, OUT + CONTROL, RUN, 1);
  hda_guest_set_time (guest, 2001 * MS);
  assert_int_equal (hda_guest_read (guest, OUT + POSITION, 4), position + 48 * 4);
  // Nobody hears a stream that the codec does not listen to; it keeps time all the same.
  unsigned before = frames_played (guest);
  hda_guest_do (guest, 2, 0x706, 0);
  hda_guest_set_time (guest, 2002 * MS);
  assert_int_equal (hda_guest_read (guest, OUT + POSITION, 4), position + 96 * 4);
  assert_int_equal (frames_played (guest), before);
  hda_guest_write (guest, GCTL, 0, 4);
  assert_int_equal (guest->sound->n_open, 0);
}

static void
test_record (void **state)
{
  HdaGuest *guest = *state;

  set_up_stream (guest, IN);
  hda_guest_write (guest, IN + CONTROL, RUN, 1);
  hda_guest_set_time (guest, 35 * MS);
  assert_int_equal (hda_guest_read (guest, IN + POSITION, 4), 35 * 48 * 4);
  const int16_t *data = hda_guest_ptr (guest, HDA_GUEST_DATA);
  for (unsigned i = 0; i < 35 * 48; i++)
    assert_int_equal (data[2 * i + 1], i);
  assert_int_equal (data[2 * 35 * 48], 0);
}

// A register is read on the guest's CPU, where floating point does what the guest has set.
static void
test_rounding (void **state)
{
  HdaGuest *guest = *state;

  set_up_stream (guest, IN);
  hda_guest_write (guest, IN + CONTROL, RUN, 1);
  fesetround (FE_UPWARD);
  feclearexcept (FE_ALL_EXCEPT);
  feraiseexcept (FE_OVERFLOW);
  hda_guest_set_time (guest, 35 * MS);
  uint64_t position = hda_guest_read (guest, IN + POSITION, 4);
  int rounding = fegetround (), exceptions = fetestexcept (FE_ALL_EXCEPT);
  fesetenv (FE_DFL_ENV);
  assert_int_equal (position, 35 * 48 * 4);
  assert_int_equal (guest->sound->rounding, FE_TONEAREST);
  assert_int_equal (rounding, FE_UPWARD);
  assert_int_equal (exceptions & ~FE_INEXACT, FE_OVERFLOW);
}

static void
test_interrupts (void **state)
{
  HdaGuest *guest = *state;

  set_up_stream (guest, OUT);
  hda_guest_write (guest, INTCTL, 0x80000002, 4);
  hda_guest_write (guest, OUT + CONTROL, RUN_AND_TELL, 1);
  hda_guest_set_time (guest, 10 * MS - 1);
  assert_int_equal (hda_guest_read (guest, INTSTS, 4), 0);
  assert_int_equal (guest->pin, 0);
  hda_guest_set_time (guest, 10 * MS);
  assert_int_equal (hda_guest_read (guest, INTSTS, 4), 0x80000002);
  assert_int_equal (guest->pin, 1);
  assert_int_equal (hda_guest_read (guest, OUT + STATUS, 1), 0x24);
  hda_guest_write (guest, OUT + STATUS, 4, 1);
  assert_int_equal (guest->pin, 0);
  assert_int_equal (hda_guest_read (guest, OUT + CONTROL, 1), RUN_AND_TELL);

  // By message: one for each time it is news.
  unsigned at = hda_guest_read_config (guest, 0x34, 1);
  assert_int_equal (hda_guest_read_config (guest, at, 1), 5);
  hda_guest_write_config (guest, at + 4, 0x08090040, 4);
  hda_guest_write_config (guest, at + 8, 0, 4);
  hda_guest_write_config (guest, at + 12, 77, 2);
  hda_guest_write_config (guest, at + 2, 1, 2);
  for (unsigned i = 2; i < 6; i++) {
    hda_guest_set_time (guest, i * 10 * MS);
    hda_guest_read (guest, INTSTS, 4);
    hda_guest_read (guest, INTSTS, 4);
    assert_int_equal (guest->n_messages, i - 1);
    assert_int_equal (guest->pin, 0);
    hda_guest_write (guest, OUT + STATUS, 4, 1);
  }
  // A response.
  hda_guest_write (guest, INTCTL, 0xc0000002, 4);
  hda_guest_write (guest, 0x5d, 1, 1); // earlier ones
  hda_guest_write (guest, 0x5c, 3, 1);
  hda_guest_do (guest, 0, 0xf00, 0);
  assert_int_equal (guest->n_messages, 5);
  assert_int_equal (hda_guest_read (guest, INTSTS, 4), 0xc0000000);
}

// By the timer, with a clock that runs.
static void
test_timer (void **state)
{
  HdaGuest *guest = *state;

  set_up_stream (guest, OUT);
  hda_guest_write (guest, INTCTL, 0x80000002, 4);
  hda_guest_write (guest, OUT + CONTROL, RUN_AND_TELL, 1);
  vm_clock_start (guest->vm.clock);
  for (unsigned i = 0; g_atomic_int_get (&guest->pin) == 0 && i < 20000; i++)
    g_usleep (1000);
  assert_int_equal (g_atomic_int_get (&guest->pin), 1);
  assert_true (vm_clock_now (guest->vm.clock) >= 10 * MS);
  vm_clock_stop (guest->vm.clock);
}

static void
test_sync (void **state)
{
  HdaGuest *guest = *state;

  set_up_stream (guest, OUT);
  hda_guest_write (guest, SYNC, 2, 4);
  hda_guest_write (guest, OUT + CONTROL, RUN, 1);
  hda_guest_set_time (guest, 50 * MS);
  assert_int_equal (hda_guest_read (guest, OUT + POSITION, 4), 0);
  hda_guest_write (guest, SYNC, 0, 4);
  hda_guest_set_time (guest, 55 * MS);
  assert_int_equal (hda_guest_read (guest, OUT + POSITION, 4), 5 * 48 * 4);
}

static void
test_wrong_lists (void **state)
{
  HdaGuest *guest = *state;

  // Not a byte in it.
  set_up_stream (guest, OUT);
  for (unsigned i = 0; i < PERIODS; i++)
    hda_guest_set_entry (guest, 1, i, HDA_GUEST_DATA, 0, 1);
  hda_guest_write (guest, OUT + CONTROL, RUN | 0x10, 1);
  hda_guest_set_time (guest, 100 * MS);
  assert_int_equal (hda_guest_read (guest, OUT + POSITION, 4), 0);
  assert_int_equal (hda_guest_read (guest, OUT + STATUS, 1) & 0x10, 0x10);
  // Not in RAM: silence, but time goes on.
  set_up_stream (guest, OUT);
  hda_guest_set_entry (guest, 1, 0, 0x1000, PERIOD_BYTES, 0);
  hda_guest_write (guest, OUT + CONTROL, RUN, 1);
  unsigned before = frames_played (guest);
  hda_guest_set_time (guest, 120 * MS);
  assert_int_equal (hda_guest_read (guest, OUT + POSITION, 4), 2 * PERIOD_BYTES);
  assert_int_equal (frame_at (guest, before + 479), 0);
  assert_int_equal (frame_at (guest, before + 480), 2);
  // Buffers that end within a frame.
  set_up_stream (guest, OUT);
  for (unsigned i = 0; i < PERIODS; i++)
    hda_guest_set_entry (guest, 1, i, HDA_GUEST_DATA + i * 3, 3, 0);
  hda_guest_write (guest, OUT + CYCLIC, 12, 4);
  hda_guest_write (guest, OUT + LIST, HDA_GUEST_LIST + 0x1000, 4);
  int16_t *data = hda_guest_ptr (guest, HDA_GUEST_DATA);
  for (int16_t i = 0; i < 6; i++)
    data[i] = (int16_t) (100 + i);
  hda_guest_write (guest, OUT + CONTROL, RUN, 1);
  before = frames_played (guest);
  hda_guest_set_time (guest, 130 * MS);
  assert_int_equal (hda_guest_read (guest, OUT + POSITION, 4), 0);
  for (unsigned i = 0; i < 480; i++)
    assert_int_equal (frame_at (guest, before + i), 100 + i % 3 * 2);
  // Sixteen channels.
  set_up_stream (guest, OUT);
  hda_guest_write (guest, OUT + FORMAT, 0x1f, 2);
  hda_guest_write (guest, OUT + CONTROL, RUN, 1);
  hda_guest_set_time (guest, 140 * MS);
  assert_int_equal (hda_guest_read (guest, OUT + POSITION, 4), 0);
}

static void
test_state (void **state)
{
  HdaGuest *guest = *state;

  set_up_stream (guest, OUT);
  hda_guest_write (guest, OUT + CONTROL, RUN, 1);
  hda_guest_set_time (guest, 15 * MS);
  hda_guest_read (guest, OUT + POSITION, 4);
  hda_guest_set_time (guest, 17 * MS); // not looked at before it is saved
  hda_guest_quiesce (guest);
  assert_int_equal (guest->sound->n_running, 0);
  g_autoptr (GBytes) bytes = hda_guest_save (guest);
  hda_guest_reset (guest);
  assert_int_equal (guest->sound->n_open, 0);
  assert_true (hda_guest_load (guest, bytes));
  assert_int_equal (guest->sound->n_running, 0);
  hda_guest_resume (guest);
  assert_int_equal (guest->sound->n_running, 1);
  hda_guest_set_time (guest, 25 * MS);
  assert_int_equal (hda_guest_read (guest, OUT + POSITION, 4), 25 * 48 * 4);
  for (unsigned i = 0; i < 25 * 48; i++)
    assert_int_equal (frame_at (guest, i), 1 + i / 480);
  assert_int_equal (hda_guest_do (guest, 2, 0xf06, 0), TAG << 4);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown (test_codec, setup, teardown),
      cmocka_unit_test_setup_teardown (test_play, setup, teardown),
      cmocka_unit_test_setup_teardown (test_record, setup, teardown),
      cmocka_unit_test_setup_teardown (test_rounding, setup, teardown),
      cmocka_unit_test_setup_teardown (test_interrupts, setup, teardown),
      cmocka_unit_test_setup_teardown (test_timer, setup, teardown),
      cmocka_unit_test_setup_teardown (test_sync, setup, teardown),
      cmocka_unit_test_setup_teardown (test_wrong_lists, setup, teardown),
      cmocka_unit_test_setup_teardown (test_state, setup, teardown),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
