// SPDX-License-Identifier: GPL-3.0-or-later
// A ring of frames, a filter that reads between them (a sinc under a Kaiser window), and a controller
// that keeps the ring as full as is wanted. See link.h for threads.
#include "audio/link.h"

#include <math.h>
#include <string.h>

enum {
  RING_MS = 1000,
  CENTRE = AUDIO_LINK_TAPS / 2 - 1, // the tap at phase 0
  UNITY = 65536,                    // of the volume
};

#define WINDOW_BETA   8.0
#define SMOOTHING_S   0.5    // how fast the level is believed
#define PROPORTIONAL  0.05   // a second of difference is made up for at this speed
#define INTEGRAL      0.001  // and what stays, by a clock that is faster, is learnt
#define CORRECTION    0.0015 // at most: less than the ear can tell
#define GAIN_STEP     0.002f
#define TARGET_GROWTH 1.5 // after a gap

// ---- the filter -----------------------------------------------------------------------------

// Bessel's I0.
static double
bessel (double x)
{
  double sum = 1, term = 1;

  for (unsigned i = 1; i < 32; i++) {
    term *= x / (2 * i) * (x / (2 * i));
    sum += term;
  }
  return sum;
}

static double
sinc (double x)
{
  return fabs (x) < 1e-9 ? 1 : sin (G_PI * x) / (G_PI * x);
}

// Each phase adds up to 1, so that a constant stays one.
static void
make_taps (AudioLink *link)
{
  for (unsigned p = 0; p <= AUDIO_LINK_PHASES; p++) {
    double sum = 0, taps[AUDIO_LINK_TAPS];
    for (int t = 0; t < AUDIO_LINK_TAPS; t++) {
      double x = t - CENTRE - (double) p / AUDIO_LINK_PHASES, w = x / (AUDIO_LINK_TAPS / 2);
      taps[t] = sinc (x) * (fabs (w) < 1 ? bessel (WINDOW_BETA * sqrt (1 - w * w)) : 1);
      sum += taps[t];
    }
    for (unsigned t = 0; t < AUDIO_LINK_TAPS; t++)
      link->taps[p][t] = (float) (taps[t] / sum);
  }
}

static void
filter (const AudioLink *link, uint32_t at, float *frame)
{
  double place = link->phase * AUDIO_LINK_PHASES;
  unsigned p = MIN ((unsigned) place, AUDIO_LINK_PHASES - 1);
  float part = (float) (place - p);

  memset (frame, 0, link->channels * sizeof *frame);
  for (unsigned t = 0; t < AUDIO_LINK_TAPS; t++) {
    const float *from = link->ring + (size_t) ((at + t) & (link->size - 1)) * link->channels;
    float tap = link->taps[p][t] + part * (link->taps[p + 1][t] - link->taps[p][t]);
    for (unsigned c = 0; c < link->channels; c++)
      frame[c] += tap * from[c];
  }
}

// ---- life -----------------------------------------------------------------------------------

AudioLink *
audio_link_new (unsigned rate, unsigned channels, unsigned latency_ms)
{
  AudioLink *link = g_new0 (AudioLink, 1);

  link->rate = rate;
  link->channels = channels;
  link->size = 1;
  while (link->size < (uint64_t) rate * RING_MS / 1000)
    link->size *= 2;
  link->ring = g_new0 (float, (size_t) link->size *channels);
  link->target = (double) rate * latency_ms / 1000;
  link->volume = UNITY;
  link->gain = 1;
  link->step = 1;
  link->filling = true;
  make_taps (link);
  return link;
}

void
audio_link_free (AudioLink *link)
{
  g_free (link->ring);
  g_free (link);
}

void
audio_link_set_running (AudioLink *link, bool running)
{
  g_atomic_int_set (&link->running, running);
}

void
audio_link_set_volume (AudioLink *link, double volume)
{
  g_atomic_int_set (&link->volume, (int) (volume * UNITY));
}

unsigned
audio_link_get_gaps (const AudioLink *link)
{
  return __atomic_load_n (&link->n_gaps, __ATOMIC_RELAXED);
}

// ---- writing --------------------------------------------------------------------------------

void
audio_link_write (AudioLink *link, const float *frames, unsigned n)
{
  uint32_t head = link->head, tail = __atomic_load_n (&link->tail, __ATOMIC_ACQUIRE);
  uint32_t room = link->size - (head - tail);
  const size_t channels = link->channels;

  n = MIN (n, room);
  for (unsigned i = 0; i < n;) {
    uint32_t at = (head + i) & (link->size - 1), some = MIN (n - i, link->size - at);
    memcpy (link->ring + at * channels, frames + i * channels, some * channels * sizeof *frames);
    i += some;
  }
  __atomic_store_n (&link->head, head + n, __ATOMIC_RELEASE);
}

// ---- reading --------------------------------------------------------------------------------

// How fast to read, after what is in stock.
static void
control (AudioLink *link, double stock, unsigned n)
{
  double seconds = (double) n / link->rate;

  link->level += (stock - link->level) * MIN (seconds / SMOOTHING_S, 1);
  double difference = (link->level - link->target) / link->rate;
  link->integral += difference * seconds * INTEGRAL;
  link->integral = CLAMP (link->integral, -CORRECTION, CORRECTION);
  double correction = difference * PROPORTIONAL + link->integral;
  link->step = 1 + CLAMP (correction, -CORRECTION, CORRECTION);
}

static void
begin_filling (AudioLink *link)
{
  link->filling = true;
  link->phase = 0;
}

// There was nothing to play: next time more is kept.
static void
note_gap (AudioLink *link)
{
  double most = (double) link->rate * AUDIO_LINK_TARGET_MS_MAX / 1000;

  __atomic_store_n (&link->n_gaps, link->n_gaps + 1, __ATOMIC_RELAXED);
  link->target = MAX (MIN (link->target * TARGET_GROWTH, most), link->target);
  begin_filling (link);
}

// More than anybody wants to wait for: the rest is skipped.
static uint32_t
skip_surplus (AudioLink *link, uint32_t stock)
{
  double most = link->target * 2 + link->rate * 0.1;

  if (stock <= most)
    return 0;
  link->level = link->target;
  return stock - (uint32_t) link->target;
}

static void
apply_gain (AudioLink *link, float *frames, unsigned n)
{
  float wanted = (float) g_atomic_int_get (&link->volume) / UNITY;

  if (wanted == 1 && link->gain == 1)
    return;
  for (unsigned i = 0; i < n; i++) {
    link->gain += CLAMP (wanted - link->gain, -GAIN_STEP, GAIN_STEP);
    for (unsigned c = 0; c < link->channels; c++)
      *frames++ *= link->gain;
  }
}

// As many frames as there are, up to n; moves the tail.
static unsigned
read_frames (AudioLink *link, float *frames, unsigned n, uint32_t head)
{
  uint32_t tail = link->tail;
  unsigned i;

  for (i = 0; i < n && head - tail >= AUDIO_LINK_TAPS; i++) {
    filter (link, tail, frames + (size_t) i * link->channels);
    link->phase += link->step;
    uint32_t whole = (uint32_t) link->phase;
    link->phase -= whole;
    tail += MIN (whole, head - tail);
  }
  __atomic_store_n (&link->tail, tail, __ATOMIC_RELEASE);
  return i;
}

void
audio_link_read (AudioLink *link, float *frames, unsigned n)
{
  uint32_t head = __atomic_load_n (&link->head, __ATOMIC_ACQUIRE), stock = head - link->tail;
  bool running = g_atomic_int_get (&link->running);
  unsigned given = 0;

  // Whoever takes a lot at a time needs more in stock.
  link->target = MAX (link->target, 1.5 * n + AUDIO_LINK_TAPS);
  link->target = MIN (link->target, link->size / 2);
  if (link->filling && (stock >= link->target || (!running && stock >= AUDIO_LINK_TAPS))) {
    link->filling = false;
    link->level = stock;
  }
  if (!link->filling) {
    uint32_t surplus = skip_surplus (link, stock);
    __atomic_store_n (&link->tail, link->tail + surplus, __ATOMIC_RELEASE);
    if (running)
      control (link, stock - surplus, n);
    given = read_frames (link, frames, n, head);
    if (given < n && running)
      note_gap (link);
    else if (given < n)
      begin_filling (link);
  }
  memset (frames + (size_t) given * link->channels, 0,
          (size_t) (n - given) * link->channels * sizeof *frames);
  apply_gain (link, frames, n);
}
