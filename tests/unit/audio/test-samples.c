// SPDX-License-Identifier: GPL-3.0-or-later
// Samples of all forms: known values, the way there and back, and what is no number.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glib.h>
#include <math.h>
#include <string.h>

#include "engine/audio/samples.h"

static void
test_known (void **state)
{
  static const struct {
    AudioSample sample;
    uint8_t bytes[8];
    double value;
  } known[] = {
      {AUDIO_S8, {0x80}, -1},
      {AUDIO_S8, {0x40}, 0.5},
      {AUDIO_U8, {0x80}, 0},
      {AUDIO_U8, {0x00}, -1},
      {AUDIO_S16, {0x00, 0xc0}, -0.5},
      {AUDIO_U16, {0x00, 0xc0}, 0.5},
      {AUDIO_S18_3, {0x00, 0x00, 0x02}, -1},
      {AUDIO_U18_3, {0x00, 0x00, 0x03}, 0.5},
      {AUDIO_S20_3, {0x00, 0x00, 0x04}, 0.5},
      {AUDIO_U20_3, {0x00, 0x00, 0x08}, 0},
      {AUDIO_S24_3, {0x00, 0x00, 0xc0}, -0.5},
      {AUDIO_U24_3, {0x00, 0x00, 0x00}, -1},
      {AUDIO_S20, {0x00, 0x00, 0x08, 0x00}, -1},
      {AUDIO_U20, {0x00, 0x00, 0x0c, 0x00}, 0.5},
      {AUDIO_S24, {0x00, 0x00, 0x40, 0xff}, 0.5}, // what is above does not count
      {AUDIO_U24, {0x00, 0x00, 0x80, 0x00}, 0},
      {AUDIO_S32, {0x00, 0x00, 0x00, 0x80}, -1},
      {AUDIO_U32, {0x00, 0x00, 0x00, 0xc0}, 0.5},
      {AUDIO_F32, {0x00, 0x00, 0x80, 0x3f}, 1},
      {AUDIO_F64, {0, 0, 0, 0, 0, 0, 0xe0, 0xbf}, -0.5},
      // G.711's tables.
      {AUDIO_MU_LAW, {0x80}, 8031.0 / 8192},
      {AUDIO_MU_LAW, {0x00}, -8031.0 / 8192},
      {AUDIO_MU_LAW, {0xff}, 0},
      {AUDIO_MU_LAW, {0xef}, 33.0 / 8192},
      {AUDIO_A_LAW, {0xaa}, 4032.0 / 4096},
      {AUDIO_A_LAW, {0x2a}, -4032.0 / 4096},
      {AUDIO_A_LAW, {0xd5}, 1.0 / 4096},
      {AUDIO_A_LAW, {0x55}, -1.0 / 4096},
  };

  for (unsigned i = 0; i < G_N_ELEMENTS (known); i++) {
    float value;
    audio_samples_to_float (known[i].sample, known[i].bytes, &value, 1);
    if (fabs (value - known[i].value) > 1e-6)
      fail_msg ("row %u: %f instead of %f", i, value, known[i].value);
  }
}

// Every form keeps a value to its precision; whole scale, beyond it and back.
static void
test_round_trip (void **state)
{
  static const float limits[] = {-2, -1, 1, 2};

  for (unsigned s = 0; s < AUDIO_N_SAMPLES; s++) {
    bool law = s == AUDIO_MU_LAW || s == AUDIO_A_LAW;
    double step = law ? 0.032 : s == AUDIO_S8 || s == AUDIO_U8 ? 1.0 / 127 : 1.0 / 32767;
    uint8_t bytes[16 + 1];
    float back;
    for (int i = -100; i <= 100; i++) {
      const float value = (float) i / 101;
      memset (bytes, 0xee, sizeof bytes);
      audio_samples_from_float ((AudioSample) s, &value, bytes, 1);
      assert_int_equal (bytes[audio_sample_bytes ((AudioSample) s)], 0xee);
      audio_samples_to_float ((AudioSample) s, bytes, &back, 1);
      if (fabs (back - value) > step)
        fail_msg ("form %u: %f became %f", s, value, back);
    }
    if (s == AUDIO_F32 || s == AUDIO_F64)
      continue;
    for (unsigned i = 0; i < G_N_ELEMENTS (limits); i++) {
      audio_samples_from_float ((AudioSample) s, &limits[i], bytes, 1);
      audio_samples_to_float ((AudioSample) s, bytes, &back, 1);
      assert_true (fabsf (back) <= 1 && fabsf (back) > 0.95f);
      assert_true ((back > 0) == (limits[i] > 0));
    }
  }
}

static void
test_no_numbers (void **state)
{
  const float odd[] = {NAN, INFINITY, -INFINITY, 1e30f};
  const double odd_doubles[] = {NAN, 1e300, -1e300};
  float values[4];
  int16_t ints[4];

  audio_samples_to_float (AUDIO_F32, odd, values, 4);
  assert_true (values[0] == 0 && values[1] == 8 && values[2] == -8 && values[3] == 8);
  audio_samples_to_float (AUDIO_F64, odd_doubles, values, 3);
  assert_true (values[0] == 0 && values[1] == 8 && values[2] == -8);
  audio_samples_from_float (AUDIO_S16, odd, ints, 4);
  assert_true (ints[0] == 0 && ints[1] == 32767 && ints[2] == -32768 && ints[3] == 32767);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_known),
      cmocka_unit_test (test_round_trip),
      cmocka_unit_test (test_no_numbers),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
