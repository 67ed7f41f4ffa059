// SPDX-License-Identifier: GPL-3.0-or-later
// A stream's time, by a clock that the test moves; its way to the sink.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/audio/stream.h"
#include "tests/support/test-sound.h"

#define MS INT64_C (1000000)
#define S  (1000 * MS)

// At any moment of days, for any rate: no frame is due before get_time says so, and then it is.
static void
test_time (void **state)
{
  static const unsigned rates[] = {5512, 8000, 11025, 44100, 48000, 96000, 192000, 384000};

  for (unsigned r = 0; r < G_N_ELEMENTS (rates); r++) {
    AudioStream stream;
    audio_stream_init (&stream, NULL, NULL, false);
    audio_stream_open (&stream, AUDIO_S16, rates[r], 2);
    audio_stream_start (&stream, 7);
    assert_int_equal (audio_stream_get_due (&stream, 0), 0);
    assert_int_equal (audio_stream_get_due (&stream, 7 + S), rates[r]);
    assert_int_equal (audio_stream_get_due (&stream, 7 + 1000000 * S), 1000000ull * rates[r]);
    for (unsigned i = 0; i < 1000; i++) {
      uint64_t n = 1 + i * 7919u;
      int64_t at = audio_stream_get_time (&stream, n);
      assert_int_equal (audio_stream_get_due (&stream, at), n);
      assert_int_equal (audio_stream_get_due (&stream, at - 1), n - 1);
    }
    audio_stream_write_silence (&stream, rates[r]);
    assert_int_equal (audio_stream_get_due (&stream, 7 + 3 * S), 2 * rates[r]);
    audio_stream_stop (&stream);
    assert_int_equal (audio_stream_get_due (&stream, 7 + 3 * S), 0);
    audio_stream_close (&stream);
  }
}

static void
test_sink (void **state)
{
  TestSound *sound = test_sound_new ();
  int16_t frames[3000 * 3];
  AudioStream stream;

  for (unsigned i = 0; i < G_N_ELEMENTS (frames); i++)
    frames[i] = (int16_t) i;
  audio_stream_init (&stream, &test_sound_ops, sound, false);
  audio_stream_open (&stream, AUDIO_S16, 44100, 3);
  assert_int_equal (sound->format.rate, 44100);
  assert_int_equal (sound->format.positions[1], VM_AUDIO_FRONT_RIGHT);
  assert_int_equal (sound->n_running, 0);
  audio_stream_start (&stream, 0);
  assert_int_equal (sound->n_running, 1);
  audio_stream_set_paused (&stream, true);
  assert_int_equal (sound->n_running, 0);
  audio_stream_set_paused (&stream, false);
  audio_stream_write (&stream, frames, 3000);
  audio_stream_write_silence (&stream, 100);
  assert_int_equal (stream.done, 3100);
  assert_int_equal (sound->played->len, 3100 * 3);
  for (unsigned i = 0; i < G_N_ELEMENTS (frames); i++)
    assert_true (g_array_index (sound->played, float, i) == (float) frames[i] / 32768);
  assert_true (g_array_index (sound->played, float, 9000) == 0);
  // Hours of silence are not told.
  audio_stream_write_silence (&stream, 44100ull * 3600);
  assert_int_equal (sound->played->len, (3100 + 44100) * 3);
  audio_stream_close (&stream);
  assert_int_equal (sound->n_open, 0);

  audio_stream_init (&stream, &test_sound_ops, sound, true);
  audio_stream_open (&stream, AUDIO_S16, 8000, 1);
  assert_int_equal (sound->format.positions[0], VM_AUDIO_MONO);
  audio_stream_start (&stream, 0);
  audio_stream_write_silence (&stream, 10); // lost
  audio_stream_read (&stream, frames, 2000);
  for (unsigned i = 0; i < 2000; i++)
    assert_int_equal (frames[i], i + 10);
  audio_stream_close (&stream);

  // One that goes nowhere records silence.
  sound->refuses = true;
  audio_stream_open (&stream, AUDIO_U8, 8000, 1);
  audio_stream_start (&stream, 0);
  audio_stream_read (&stream, frames, 100);
  assert_int_equal (frames[49], (int16_t) 0x8080);
  audio_stream_close (&stream);
  test_sound_free (sound);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_time),
      cmocka_unit_test (test_sink),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
