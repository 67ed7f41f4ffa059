// SPDX-License-Identifier: GPL-3.0-or-later
// The forms in which guests have samples, little endian, and floats. Any thread.
#pragma once

#include "engine/structs/types.h"

// Those of several bytes whose name ends in _3 take three, the others of up to 24 bits four, with the
// value in the low bits.
typedef enum AudioSample {
  AUDIO_MU_LAW,
  AUDIO_A_LAW,
  AUDIO_S8,
  AUDIO_U8,
  AUDIO_S16,
  AUDIO_U16,
  AUDIO_S18_3,
  AUDIO_U18_3,
  AUDIO_S20_3,
  AUDIO_U20_3,
  AUDIO_S24_3,
  AUDIO_U24_3,
  AUDIO_S20,
  AUDIO_U20,
  AUDIO_S24,
  AUDIO_U24,
  AUDIO_S32,
  AUDIO_U32,
  AUDIO_F32,
  AUDIO_F64,
  AUDIO_N_SAMPLES,
} AudioSample;

unsigned audio_sample_bytes (AudioSample sample); // of one
// n samples. What is no number becomes 0, what is too large is cut off.
void audio_samples_to_float (AudioSample sample, const void *from, float *to, unsigned n);
void audio_samples_from_float (AudioSample sample, const float *from, void *to, unsigned n);
