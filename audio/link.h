// SPDX-License-Identifier: GPL-3.0-or-later
// Frames on their way between two clocks: the machine's and a device's. One thread writes, another
// reads; the reader adapts what it gets to how much there is, by so little that nobody hears it.
//
// Threads: audio_link_write on the writer's, audio_link_read on the reader's, the rest on any. None of
// them waits or allocates.
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum {
  AUDIO_LINK_TAPS = 16,
  AUDIO_LINK_PHASES = 256,
  AUDIO_LINK_TARGET_MS_MAX = 250,
};

typedef struct AudioLink {
  // Constant.
  unsigned channels, rate;
  uint32_t size; // of the ring, a power of two
  float *ring;
  float taps[AUDIO_LINK_PHASES + 1][AUDIO_LINK_TAPS];

  // Atomic.
  uint32_t head, tail; // frames written and read, free running
  int running;
  int volume; // in 1/65536
  unsigned n_gaps;

  // The reader's.
  bool filling;    // plays nothing until there is as much as is kept in stock
  double target;   // frames in stock
  double phase;    // between the frame at tail and the next
  double level;    // frames in stock, smoothed
  double integral; // of the difference
  double step;     // frames read for each that is given
  float gain;
} AudioLink;

AudioLink *audio_link_new (unsigned rate, unsigned channels, unsigned latency_ms);
void audio_link_free (AudioLink *link);
// What does not fit is lost.
void audio_link_write (AudioLink *link, const float *frames, unsigned n);
// Fills all of it, with silence where there is nothing.
void audio_link_read (AudioLink *link, float *frames, unsigned n);
// Between false and true what is left is read to its end.
void audio_link_set_running (AudioLink *link, bool running);
void audio_link_set_volume (AudioLink *link, double volume); // 0 to 1
unsigned audio_link_get_gaps (const AudioLink *link);        // while it was running
