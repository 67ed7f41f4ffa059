// SPDX-License-Identifier: GPL-3.0-or-later
// Conversions to and from integers and fixed-point numbers, rounding to an integer, and between
// precisions (Arm ARM J1.3: FPToFixed, FixedToFP, FPToFixedJS, FPRoundInt, FPRoundIntN, FPConvert).
// Pure functions: any thread.
#include "engine/softfp/parts.h"
#include "engine/softfp/softfp.h"

#define HALF (1ull << 63)

// A magnitude cut at the binary point. Magnitudes from 2^64 up are `huge`.
typedef struct Split {
  uint64_t whole;
  uint64_t rest; // what follows the point, in units of 2^-64, smaller bits being sticky
  bool huge;
} Split;

SOFTFP_INLINE Split
split (uint64_t frac, int32_t exp)
{
  int32_t shift = 62 - exp;

  if (shift < -1)
    return (Split){.huge = true};
  if (shift <= 0)
    return (Split){.whole = frac << -shift};
  if (shift < 64)
    return (Split){.whole = frac >> shift, .rest = frac << (64 - shift)};
  return (Split){.rest = shift_right_sticky (frac, (unsigned) shift - 64)};
}

// The whole part, rounded. Where there is something to round it is below 2^62.
SOFTFP_INLINE uint64_t
round_split (Split s, bool sign, SoftfpRounding rounding)
{
  return s.whole + rounds_up (rounding, sign, s.whole & 1, s.rest, HALF);
}

// An integer that fits in the significand of n bits.
SOFTFP_INLINE uint64_t
pack_integer (unsigned n, bool sign, uint64_t whole)
{
  int lead = 63 - __builtin_clzll (whole | 1);
  uint64_t biased = (uint64_t) (lead + exp_bias (n) - 1);

  if (whole == 0)
    return make_zero (n, sign);
  whole = lead <= (int) frac_bits (n) ? whole << ((int) frac_bits (n) - lead)
                                      : whole >> (lead - (int) frac_bits (n));
  return (sign ? sign_bit (n) : 0) | ((biased << frac_bits (n)) + whole);
}

SOFTFP_INLINE uint64_t
round_int (unsigned n, uint64_t a, SoftfpRounding rounding, bool exact, SoftfpEnv *env)
{
  Parts pa = unpack (n, a, env);
  Split s;

  if (pa.kind >= KIND_QNAN)
    return process_nan (n, a, env);
  if (pa.kind == KIND_ZERO)
    return make_zero (n, pa.sign);
  if (pa.kind == KIND_INFINITY || pa.exp >= (int32_t) frac_bits (n))
    return a;
  s = split (pa.frac, pa.exp);
  if (exact && s.rest != 0)
    env->flags |= SOFTFP_INEXACT;
  return pack_integer (n, pa.sign, round_split (s, pa.sign, rounding));
}

// The largest magnitude of a signed integer of `bits` bits.
SOFTFP_INLINE uint64_t
signed_limit (unsigned bits, bool sign)
{
  return (1ull << (bits - 1)) - !sign;
}

SOFTFP_INLINE uint64_t
unsigned_limit (unsigned bits)
{
  return ~0ull >> (64 - bits);
}

SOFTFP_INLINE uint64_t
round_int_n (unsigned n, uint64_t a, SoftfpRounding rounding, unsigned bits, SoftfpEnv *env)
{
  Parts pa = unpack (n, a, env);
  uint64_t whole;
  Split s;

  if (pa.kind == KIND_ZERO)
    return make_zero (n, pa.sign);
  s = pa.kind == KIND_FINITE ? split (pa.frac, pa.exp) : (Split){.huge = true};
  whole = round_split (s, pa.sign, rounding);
  if (s.huge || whole > signed_limit (bits, pa.sign)) {
    env->flags |= SOFTFP_INVALID;
    return pack_integer (n, true, 1ull << (bits - 1));
  }
  if (s.rest != 0)
    env->flags |= SOFTFP_INEXACT;
  return pack_integer (n, pa.sign, whole);
}

// SatQ of an infinite or over-large number; of a NaN, zero.
SOFTFP_INLINE uint64_t
saturate (SoftfpFixed to, Parts pa, SoftfpEnv *env)
{
  env->flags |= SOFTFP_INVALID;
  if (pa.kind >= KIND_QNAN)
    return 0;
  if (!to.is_signed)
    return pa.sign ? 0 : unsigned_limit (to.width);
  return signed_limit (to.width, pa.sign);
}

SOFTFP_INLINE uint64_t
to_fixed (unsigned n, uint64_t a, SoftfpFixed to, SoftfpRounding rounding, SoftfpEnv *env)
{
  uint64_t mask = unsigned_limit (to.width);
  Parts pa = unpack (n, a, env);
  uint64_t whole, limit;
  Split s;

  if (pa.kind == KIND_ZERO)
    return 0;
  if (pa.kind != KIND_FINITE)
    return saturate (to, pa, env);
  s = split (pa.frac, pa.exp + to.fraction_bits);
  whole = round_split (s, pa.sign, rounding);
  limit = to.is_signed ? signed_limit (to.width, pa.sign) : pa.sign ? 0 : mask;
  if (s.huge || whole > limit)
    return saturate (to, pa, env);
  if (s.rest != 0)
    env->flags |= SOFTFP_INEXACT;
  return (pa.sign ? -whole : whole) & mask;
}

SOFTFP_INLINE uint64_t
from_fixed (unsigned n, uint64_t a, SoftfpFixed from, SoftfpEnv *env)
{
  bool sign;

  a <<= 64 - from.width;
  a = from.is_signed ? (uint64_t) ((int64_t) a >> (64 - from.width)) : a >> (64 - from.width);
  sign = from.is_signed && (int64_t) a < 0;
  if (a == 0)
    return 0;
  return normalize_round_pack (n, sign, 62 - from.fraction_bits, sign ? -a : a, env->rounding, env);
}

uint32_t
softfp_to_int32_js (uint64_t a, bool *exact, SoftfpEnv *env)
{
  Parts pa = unpack (64, a, env);
  uint64_t magnitude;
  bool inexact, fits;
  Split s;

  *exact = a == 0;
  if (pa.kind == KIND_ZERO)
    return 0;
  if (pa.kind != KIND_FINITE) {
    env->flags |= SOFTFP_INVALID;
    return 0;
  }
  s = split (pa.frac, pa.exp);
  // Of numbers from 2^64 up, the low 32 bits of the integer are still wanted.
  if (s.huge)
    magnitude = pa.exp - 62 < 32 ? pa.frac << (pa.exp - 62) : 0;
  else
    magnitude = s.whole;
  fits = !s.huge && magnitude <= signed_limit (32, pa.sign);
  inexact = s.rest != 0;
  if (!fits)
    env->flags |= SOFTFP_INVALID;
  else if (inexact)
    env->flags |= SOFTFP_INEXACT;
  *exact = fits && !inexact;
  return (uint32_t) (pa.sign ? -magnitude : magnitude);
}

// FPConvertNaN: the payload keeps its highest bits.
SOFTFP_INLINE uint64_t
convert_nan (unsigned from, unsigned to, uint64_t a, SoftfpEnv *env)
{
  bool sign = (a & sign_bit (from)) != 0, to_alternative = is_alternative (to, env);
  uint64_t payload = (a & frac_mask (from)) << (64 - frac_bits (from)) >> (64 - frac_bits (to));

  if (to_alternative || is_snan (from, a))
    env->flags |= SOFTFP_INVALID;
  if (to_alternative)
    return make_zero (to, sign);
  if (env->default_nan)
    return default_nan (to);
  return make_infinity (to, sign) | quiet_bit (to) | payload;
}

SOFTFP_INLINE uint64_t
convert (unsigned from, unsigned to, uint64_t a, SoftfpRounding rounding, SoftfpEnv *env)
{
  Parts pa = unpack (from, a, env);

  switch ((Kind) pa.kind) {
  case KIND_FINITE:
    return round_pack (to, pa.sign, pa.exp, pa.frac, rounding, env);
  case KIND_ZERO:
    return make_zero (to, pa.sign);
  case KIND_INFINITY:
    if (is_alternative (to, env))
      return round_overflow (to, pa.sign, rounding, env);
    return make_infinity (to, pa.sign);
  case KIND_QNAN:
  case KIND_SNAN:
    break;
  }
  return convert_nan (from, to, a, env);
}

#define DEFINE(n)                                                                                  \
  uint##n##_t softfp_round_int##n (uint##n##_t a, SoftfpRounding rounding, bool exact,             \
                                   SoftfpEnv *env)                                                 \
  {                                                                                                \
    return (uint##n##_t) round_int (n, a, rounding, exact, env);                                   \
  }                                                                                                \
  uint64_t softfp_to_fixed##n (uint##n##_t a, SoftfpFixed to, SoftfpRounding rounding,             \
                               SoftfpEnv *env)                                                     \
  {                                                                                                \
    return to_fixed (n, a, to, rounding, env);                                                     \
  }                                                                                                \
  uint##n##_t softfp_from_fixed##n (uint64_t a, SoftfpFixed from, SoftfpEnv *env)                  \
  {                                                                                                \
    return (uint##n##_t) from_fixed (n, a, from, env);                                             \
  }

DEFINE (16)
DEFINE (32)
DEFINE (64)

#define DEFINE_ROUND_INT_N(n)                                                                      \
  uint##n##_t softfp_round_int_n##n (uint##n##_t a, SoftfpRounding rounding, unsigned bits,        \
                                     SoftfpEnv *env)                                               \
  {                                                                                                \
    return (uint##n##_t) round_int_n (n, a, rounding, bits, env);                                  \
  }

DEFINE_ROUND_INT_N (32)
DEFINE_ROUND_INT_N (64)

#define CONVERTED(n) ((n) == 16 ? CONVERTED_HALF : (n))

#define DEFINE_CONVERT(from, to)                                                                   \
  uint##to##_t softfp_convert_##from##_##to (uint##from##_t a, SoftfpEnv *env)                     \
  {                                                                                                \
    return (uint##to##_t) convert (CONVERTED (from), CONVERTED (to), a, env->rounding, env);       \
  }

DEFINE_CONVERT (16, 32)
DEFINE_CONVERT (16, 64)
DEFINE_CONVERT (32, 16)
DEFINE_CONVERT (32, 64)
DEFINE_CONVERT (64, 16)
DEFINE_CONVERT (64, 32)

uint32_t
softfp_convert_64_32_odd (uint64_t a, SoftfpEnv *env)
{
  return (uint32_t) convert (64, 32, a, SOFTFP_ODD, env);
}
