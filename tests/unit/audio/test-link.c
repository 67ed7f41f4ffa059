// SPDX-License-Identifier: GPL-3.0-or-later
// Sound between two clocks, without waiting for either: a writer that comes in fits and starts, a
// reader whose clock is faster or slower; gaps, short sounds, volume.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "audio/link.h"

enum {
  RATE = 48000,
  QUANTUM = 1024,
  TONE_HZ = 1000,
  SETTLED_S = 60, // what was too much at the start is played
};

typedef struct Source {
  uint64_t at;
  uint32_t random;
} Source;

static void
write_tone (AudioLink *link, Source *source, unsigned n)
{
  for (unsigned i = 0; i < n; i++, source->at++) {
    float value = (float) (0.5 * sin (2 * G_PI * TONE_HZ * (double) (source->at % RATE) / RATE));
    const float frame[2] = {value, -value};
    audio_link_write (link, frame, 1);
  }
}

// Rising crossings of zero and the largest step between two samples.
typedef struct Listener {
  double last;
  uint64_t n, first_at, last_at, crossings;
  double jump;
} Listener;

static void
listen (Listener *listener, const float *frames, unsigned n)
{
  for (unsigned i = 0; i < n; i++, listener->n++) {
    double value = frames[2 * i];
    assert_true (fabs (value + frames[2 * i + 1]) < 1e-6);
    if (listener->n > 0)
      listener->jump = fmax (listener->jump, fabs (value - listener->last));
    if (listener->last < 0 && value >= 0) {
      listener->first_at = listener->crossings == 0 ? listener->n : listener->first_at;
      listener->last_at = listener->n;
      listener->crossings++;
    }
    listener->last = value;
  }
}

static double
get_tone (const Listener *listener)
{
  return (double) (listener->crossings - 1) * RATE /
         (double) (listener->last_at - listener->first_at);
}

// Minutes of it: the writer has a turn about every 5 ms, up to 15 late; the reader's clock is off by
// `ppm`.
static void
run_drift (double ppm, unsigned seconds)
{
  AudioLink *link = audio_link_new (RATE, 2, 60);
  Source source = {.random = 1};
  Listener listener = {0};
  float frames[2 * QUANTUM];
  double now = 0, next_write = 0, next_read = 0;

  audio_link_set_running (link, true);
  while (now < seconds) {
    if (next_write <= next_read) {
      now = next_write;
      write_tone (link, &source, (unsigned) (now * RATE - (double) source.at));
      source.random = source.random * 1664525 + 1013904223;
      next_write = now + 0.005 + (source.random >> 24 == 0 ? 0.015 : 0);
    } else {
      now = next_read;
      audio_link_read (link, frames, QUANTUM);
      if (now > SETTLED_S)
        listen (&listener, frames, QUANTUM);
      next_read += QUANTUM / (RATE * (1 + ppm / 1e6));
    }
  }
  assert_int_equal (audio_link_get_gaps (link), 0);
  // A tone of 1 kHz moves by 0.066 of its 0.5 at most between two frames.
  assert_true (listener.jump < 0.0667);
  // By the reader's clock it is as much off as that clock.
  assert_true (fabs (get_tone (&listener) - TONE_HZ * (1 - ppm / 1e6)) < 0.3);
  assert_true (fabs (link->level / RATE - 0.06) < 0.03);
  audio_link_free (link);
}

static void
test_drift (void **state)
{
  run_drift (0, 120);
  run_drift (300, 180);
  run_drift (-300, 180);
}

// What is read between frames is what the tone is there.
static void
test_filter (void **state)
{
  AudioLink *link = audio_link_new (RATE, 2, 10);
  Source source = {0};
  float frames[2 * 480], worst = 0;

  write_tone (link, &source, RATE / 10);
  link->filling = false;
  link->phase = 0.37;
  audio_link_read (link, frames, 480);
  for (unsigned i = 0; i < 480; i++) {
    double at = i + 7 + 0.37;
    worst = fmaxf (worst, fabsf (frames[2 * i] - (float) (0.5 * sin (2 * G_PI * at / 48))));
  }
  assert_true (worst < 0.0005f);
  audio_link_free (link);
}

static void
test_gap (void **state)
{
  AudioLink *link = audio_link_new (RATE, 2, 60);
  Source source = {0};
  float frames[2 * QUANTUM];

  // Nothing is played before there is enough, then all of it; afterwards more is wanted.
  audio_link_set_running (link, true);
  write_tone (link, &source, 2000);
  audio_link_read (link, frames, QUANTUM);
  assert_true (frames[201] == 0);
  write_tone (link, &source, 2000);
  audio_link_read (link, frames, QUANTUM);
  assert_true (frames[201] != 0);
  for (unsigned i = 0; i < 4; i++)
    audio_link_read (link, frames, QUANTUM);
  assert_int_equal (audio_link_get_gaps (link), 1);
  assert_true (frames[2 * QUANTUM - 1] == 0);
  assert_true (link->target > 0.08 * RATE);
  // Much too much is not played late.
  for (unsigned i = 0; i < 10; i++)
    write_tone (link, &source, RATE / 5);
  audio_link_read (link, frames, QUANTUM);
  assert_true (link->head - link->tail < 0.15 * RATE);
  audio_link_free (link);
}

// A sound that is shorter than what is kept in stock is heard all the same, to its end.
static void
test_short (void **state)
{
  AudioLink *link = audio_link_new (RATE, 2, 100);
  Source source = {0};
  float frames[2 * QUANTUM];
  unsigned heard = 0;

  audio_link_set_running (link, true);
  write_tone (link, &source, 1000);
  audio_link_read (link, frames, QUANTUM);
  assert_true (frames[201] == 0);
  audio_link_set_running (link, false);
  for (unsigned i = 0; i < 3; i++) {
    audio_link_read (link, frames, QUANTUM);
    for (unsigned f = 0; f < QUANTUM; f++)
      heard += frames[2 * f] != 0;
  }
  assert_true (heard > 900);
  assert_int_equal (audio_link_get_gaps (link), 0);
  audio_link_free (link);
}

static void
test_volume (void **state)
{
  AudioLink *link = audio_link_new (RATE, 2, 20);
  Source source = {0};
  float frames[2 * QUANTUM], most = 0;

  audio_link_set_volume (link, 0);
  write_tone (link, &source, 8 * QUANTUM);
  audio_link_read (link, frames, QUANTUM);
  assert_true (fabsf (frames[2 * 13]) > 0.3f); // it goes down, not off
  audio_link_read (link, frames, QUANTUM);
  for (unsigned i = 0; i < 2 * QUANTUM; i++)
    most = fmaxf (most, fabsf (frames[i]));
  assert_true (most == 0);
  audio_link_free (link);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_drift), cmocka_unit_test (test_filter), cmocka_unit_test (test_gap),
      cmocka_unit_test (test_short), cmocka_unit_test (test_volume),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
