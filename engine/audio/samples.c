// SPDX-License-Identifier: GPL-3.0-or-later
// Samples of all forms and floats; G.711 for the two laws. Any thread.
#include "engine/audio/samples.h"

#include <math.h>
#include <string.h>

typedef enum Kind { KIND_SIGNED, KIND_UNSIGNED, KIND_FLOAT, KIND_MU_LAW, KIND_A_LAW } Kind;

static const struct {
  uint8_t bytes, bits;
  Kind kind;
} forms[AUDIO_N_SAMPLES] = {
    [AUDIO_MU_LAW] = {1, 14, KIND_MU_LAW}, [AUDIO_A_LAW] = {1, 13, KIND_A_LAW},
    [AUDIO_S8] = {1, 8, KIND_SIGNED},      [AUDIO_U8] = {1, 8, KIND_UNSIGNED},
    [AUDIO_S16] = {2, 16, KIND_SIGNED},    [AUDIO_U16] = {2, 16, KIND_UNSIGNED},
    [AUDIO_S18_3] = {3, 18, KIND_SIGNED},  [AUDIO_U18_3] = {3, 18, KIND_UNSIGNED},
    [AUDIO_S20_3] = {3, 20, KIND_SIGNED},  [AUDIO_U20_3] = {3, 20, KIND_UNSIGNED},
    [AUDIO_S24_3] = {3, 24, KIND_SIGNED},  [AUDIO_U24_3] = {3, 24, KIND_UNSIGNED},
    [AUDIO_S20] = {4, 20, KIND_SIGNED},    [AUDIO_U20] = {4, 20, KIND_UNSIGNED},
    [AUDIO_S24] = {4, 24, KIND_SIGNED},    [AUDIO_U24] = {4, 24, KIND_UNSIGNED},
    [AUDIO_S32] = {4, 32, KIND_SIGNED},    [AUDIO_U32] = {4, 32, KIND_UNSIGNED},
    [AUDIO_F32] = {4, 32, KIND_FLOAT},     [AUDIO_F64] = {8, 64, KIND_FLOAT},
};

#define FLOAT_MAX 8.0 // a little louder than full scale is meant, more is not

unsigned
audio_sample_bytes (AudioSample sample)
{
  return forms[sample].bytes;
}

// ---- G.711 ----------------------------------------------------------------------------------

enum { MU_BIAS = 33, MU_MAX = 8158, A_MAX = 4095 };

// 14 bits.
static int32_t
decode_mu_law (uint8_t code)
{
  unsigned bits = code ^ 0xff, segment = bits >> 4 & 7, step = bits & 15;
  int32_t value = (int32_t) ((2 * step + MU_BIAS) << segment) - MU_BIAS;

  return (bits & 0x80) != 0 ? -value : value;
}

static uint8_t
encode_mu_law (int32_t value)
{
  unsigned sign = value < 0 ? 0x80 : 0, segment = 0;
  int32_t level = value < 0 ? -value : value;

  level = (level > MU_MAX ? MU_MAX : level) + MU_BIAS;
  while (segment < 7 && level >= 64 << segment)
    segment++;
  return (uint8_t) ~(sign | segment << 4 | (level >> (segment + 1) & 15));
}

// 13 bits.
static int32_t
decode_a_law (uint8_t code)
{
  unsigned bits = code ^ 0x55, segment = bits >> 4 & 7, step = bits & 15;
  int32_t value = (int32_t) (2 * step + (segment != 0 ? 33 : 1));

  value <<= segment > 1 ? segment - 1 : 0;
  return (bits & 0x80) != 0 ? value : -value;
}

static uint8_t
encode_a_law (int32_t value)
{
  unsigned sign = value >= 0 ? 0x80 : 0, segment = 0;
  int32_t level = value < 0 ? -value : value;

  level = level > A_MAX ? A_MAX : level;
  while (segment < 7 && level >= 32 << segment)
    segment++;
  return (uint8_t) ((sign | segment << 4 | (level >> (segment > 1 ? segment : 1) & 15)) ^ 0x55);
}

// ---- one sample -----------------------------------------------------------------------------

static float
limit (double value)
{
  if (!(value >= -FLOAT_MAX)) // NaN too
    return value < 0 ? (float) -FLOAT_MAX : 0;
  return (float) (value > FLOAT_MAX ? FLOAT_MAX : value);
}

static float
float_of (const uint8_t *from, unsigned bytes)
{
  float single;
  double value;

  if (bytes == sizeof value) {
    memcpy (&value, from, sizeof value);
    return limit (value);
  }
  memcpy (&single, from, sizeof single);
  return limit (single);
}

static int32_t
integer_of (const uint8_t *from, unsigned bytes, unsigned bits, bool is_signed)
{
  uint32_t value = 0;

  for (unsigned i = 0; i < bytes; i++)
    value |= (uint32_t) from[i] << 8 * i;
  value <<= 32 - bits;
  return (int32_t) (is_signed ? value : value ^ 0x80000000u) >> (32 - bits);
}

static void
put_integer (uint8_t *to, unsigned bytes, uint32_t value)
{
  for (unsigned i = 0; i < bytes; i++)
    to[i] = (uint8_t) (value >> 8 * i);
}

// Full scale is 2^(bits - 1), and the largest value one less.
static int32_t
scale (float value, unsigned bits)
{
  double full = (double) (1u << (bits - 1)), scaled = rint (limit (value) * full);

  return (int32_t) (scaled >= full ? full - 1 : scaled < -full ? -full : scaled);
}

// ---- rows of them ---------------------------------------------------------------------------

void
audio_samples_to_float (AudioSample sample, const void *from, float *to, unsigned n)
{
  const uint8_t *at = from;
  const unsigned bytes = forms[sample].bytes, bits = forms[sample].bits;
  const Kind kind = forms[sample].kind;
  const float unit = 1.0f / (float) (1u << (bits > 32 ? 31 : bits - 1));

  for (unsigned i = 0; i < n; i++, at += bytes) {
    switch (kind) {
    case KIND_FLOAT:
      to[i] = float_of (at, bytes);
      break;
    case KIND_MU_LAW:
      to[i] = (float) decode_mu_law (*at) * unit;
      break;
    case KIND_A_LAW:
      to[i] = (float) decode_a_law (*at) * unit;
      break;
    case KIND_SIGNED:
    case KIND_UNSIGNED:
      to[i] = (float) integer_of (at, bytes, bits, kind == KIND_SIGNED) * unit;
      break;
    }
  }
}

static void
put_sample (AudioSample sample, float value, uint8_t *to)
{
  const unsigned bytes = forms[sample].bytes, bits = forms[sample].bits;
  double wide = limit (value);
  float single = (float) wide;

  switch (forms[sample].kind) {
  case KIND_FLOAT:
    if (bytes == sizeof wide)
      memcpy (to, &wide, sizeof wide);
    else
      memcpy (to, &single, sizeof single);
    break;
  case KIND_MU_LAW:
    *to = encode_mu_law (scale (value, bits));
    break;
  case KIND_A_LAW:
    *to = encode_a_law (scale (value, bits));
    break;
  case KIND_SIGNED:
    put_integer (to, bytes, (uint32_t) scale (value, bits));
    break;
  case KIND_UNSIGNED:
    put_integer (to, bytes, (uint32_t) scale (value, bits) + (1u << (bits - 1)));
    break;
  }
}

void
audio_samples_from_float (AudioSample sample, const float *from, void *to, unsigned n)
{
  uint8_t *at = to;

  for (unsigned i = 0; i < n; i++, at += forms[sample].bytes)
    put_sample (sample, from[i], at);
}
