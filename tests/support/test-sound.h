// SPDX-License-Identifier: GPL-3.0-or-later
// A sink of sound for tests: keeps what is played, and gives what is recorded: a count, so that each
// frame can be told from every other. Threads: whoever calls it, one at a time.
#pragma once

#include <glib.h>

#include "engine/structs/sink.h"

typedef struct TestSound {
  GArray *played;    // of float
  unsigned recorded; // frames given; the n-th is n / 2^15 on all channels
  unsigned n_open, n_opened, n_running;
  VmAudioFormat format; // of the last that was opened
  int rounding;         // as fegetround said at the last frames, of either kind
  bool refuses;         // to open
} TestSound;

TestSound *test_sound_new (void);
void test_sound_free (TestSound *sound); // nothing is open
extern const VmAudioSinkOps test_sound_ops;
