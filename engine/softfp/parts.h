// SPDX-License-Identifier: GPL-3.0-or-later
// Taking floating-point numbers apart and rounding them back together: FPUnpack, FPProcessNaNs
// and FPRound of the Arm ARM (J1.3). Private to softfp/. Everything is inlined with a constant
// width n of 16, 32 or 64 bits, so that each format gets code of its own from one telling.
#pragma once

#include "engine/softfp/env.h"

#define SOFTFP_INLINE static inline __attribute__ ((always_inline))
#define LIKELY(x)     __builtin_expect (!!(x), 1)
#define UNLIKELY(x)   __builtin_expect (!!(x), 0)

// A half-precision number on its way from or to another precision: FPCR.AHP applies to it, and FZ16
// does not (FPUnpackCV, FPRoundCV). In all other operations, on n = 16, it is the other way round.
enum { CONVERTED_HALF = 0x100 | 16 };

typedef enum Kind {
  KIND_FINITE, // and not zero
  KIND_ZERO,
  KIND_INFINITY,
  KIND_QNAN,
  KIND_SNAN,
} Kind;

// frac is used by KIND_FINITE alone: bit 62 is set, bit 63 is clear and leaves room for a carry.
// The value is frac * 2^(exp - 62).
typedef struct Parts {
  uint64_t frac;
  int32_t exp;
  bool sign;
  uint8_t kind;
} Parts;

SOFTFP_INLINE unsigned
width (unsigned n)
{
  return n & 0xff;
}

SOFTFP_INLINE unsigned
frac_bits (unsigned n)
{
  return n == 64 ? 52 : n == 32 ? 23 : 10;
}

// The exponent field of infinities and NaNs.
SOFTFP_INLINE int32_t
exp_max (unsigned n)
{
  return (1 << (width (n) - 1 - frac_bits (n))) - 1;
}

SOFTFP_INLINE int32_t
exp_bias (unsigned n)
{
  return exp_max (n) / 2;
}

SOFTFP_INLINE uint64_t
sign_bit (unsigned n)
{
  return 1ull << (width (n) - 1);
}

SOFTFP_INLINE uint64_t
frac_mask (unsigned n)
{
  return (1ull << frac_bits (n)) - 1;
}

SOFTFP_INLINE uint64_t
quiet_bit (unsigned n)
{
  return 1ull << (frac_bits (n) - 1);
}

SOFTFP_INLINE uint64_t
make_infinity (unsigned n, bool sign)
{
  return (sign ? sign_bit (n) : 0) | ((uint64_t) exp_max (n) << frac_bits (n));
}

SOFTFP_INLINE uint64_t
make_zero (unsigned n, bool sign)
{
  return sign ? sign_bit (n) : 0;
}

SOFTFP_INLINE uint64_t
make_max_normal (unsigned n, bool sign)
{
  return make_infinity (n, sign) - 1;
}

SOFTFP_INLINE uint64_t
default_nan (unsigned n)
{
  return make_infinity (n, false) | quiet_bit (n);
}

SOFTFP_INLINE bool
is_nan (unsigned n, uint64_t a)
{
  return (a & (sign_bit (n) - 1)) > make_infinity (n, false);
}

SOFTFP_INLINE bool
is_snan (unsigned n, uint64_t a)
{
  return is_nan (n, a) && (a & quiet_bit (n)) == 0;
}

SOFTFP_INLINE bool
flushes (unsigned n, const SoftfpEnv *env)
{
  return n == 16 ? env->flush_to_zero_16 : n != CONVERTED_HALF && env->flush_to_zero;
}

// Half precision without infinities and NaNs.
SOFTFP_INLINE bool
is_alternative (unsigned n, const SoftfpEnv *env)
{
  return n == CONVERTED_HALF && env->alternative_half;
}

// A denormal operand was taken for zero; FZ16 does so without a word.
SOFTFP_INLINE void
note_flushed (unsigned n, SoftfpEnv *env)
{
  if (n != 16)
    env->flags |= SOFTFP_DENORMAL;
}

// The operand with FZ or FZ16 applied: what FPUnpack sees, still as a bit pattern.
SOFTFP_INLINE uint64_t
flush_input (unsigned n, uint64_t a, SoftfpEnv *env)
{
  uint64_t magnitude = a & (sign_bit (n) - 1);

  if (UNLIKELY (flushes (n, env)) && magnitude != 0 && magnitude <= frac_mask (n)) {
    note_flushed (n, env);
    return a & sign_bit (n);
  }
  return a;
}

SOFTFP_INLINE Parts
unpack_special (unsigned n, bool sign, int32_t exp, uint64_t frac, SoftfpEnv *env)
{
  Parts p = {.sign = sign};

  if (exp == 0) {
    if (frac == 0) {
      p.kind = KIND_ZERO;
    } else if (flushes (n, env)) {
      note_flushed (n, env);
      p.kind = KIND_ZERO;
    } else {
      int shift = __builtin_clzll (frac) - 1;

      p.frac = frac << shift;
      p.exp = 1 - exp_bias (n) + (62 - (int) frac_bits (n)) - shift;
    }
  } else if (is_alternative (n, env)) {
    p.frac = (1ull << 62) | (frac << (62 - frac_bits (n)));
    p.exp = exp - exp_bias (n);
  } else {
    p.kind = frac == 0 ? KIND_INFINITY : (frac & quiet_bit (n)) != 0 ? KIND_QNAN : KIND_SNAN;
  }
  return p;
}

// FPUnpack.
SOFTFP_INLINE Parts
unpack (unsigned n, uint64_t a, SoftfpEnv *env)
{
  bool sign = (a & sign_bit (n)) != 0;
  int32_t exp = (int32_t) (a >> frac_bits (n)) & exp_max (n);
  uint64_t frac = a & frac_mask (n);

  if (LIKELY ((uint32_t) exp - 1 < (uint32_t) exp_max (n) - 1))
    return (Parts){
        .frac = (1ull << 62) | (frac << (62 - frac_bits (n))),
        .exp = exp - exp_bias (n),
        .sign = sign,
        .kind = KIND_FINITE,
    };
  return unpack_special (n, sign, exp, frac, env);
}

SOFTFP_INLINE uint64_t
invalid_nan (unsigned n, SoftfpEnv *env)
{
  env->flags |= SOFTFP_INVALID;
  return default_nan (n);
}

// FPProcessNaN, of a NaN.
SOFTFP_INLINE uint64_t
process_nan (unsigned n, uint64_t a, SoftfpEnv *env)
{
  if (is_snan (n, a))
    env->flags |= SOFTFP_INVALID;
  return env->default_nan ? default_nan (n) : a | quiet_bit (n);
}

// FPProcessNaNs, where at least one operand is a NaN: the first signalling one, else the first.
SOFTFP_INLINE uint64_t
process_nans (unsigned n, uint64_t a, uint64_t b, SoftfpEnv *env)
{
  if (is_snan (n, a) || (is_nan (n, a) && !is_snan (n, b)))
    return process_nan (n, a, env);
  return process_nan (n, b, env);
}

// Shifts right, keeping in bit 0 whether anything was shifted out.
SOFTFP_INLINE uint64_t
shift_right_sticky (uint64_t a, unsigned count)
{
  if (count == 0)
    return a;
  if (count >= 64)
    return a != 0;
  return (a >> count) | ((a << (64 - count)) != 0);
}

// Whether the magnitude's next larger neighbour is the result, when what was cut off compares with
// half a unit as `rest` does with `half`.
SOFTFP_INLINE bool
rounds_up (SoftfpRounding rounding, bool sign, bool odd, uint64_t rest, uint64_t half)
{
  if (LIKELY (rounding == SOFTFP_NEAREST_EVEN))
    return rest > half || (rest == half && odd);
  switch (rounding) {
  case SOFTFP_UP:
    return rest != 0 && !sign;
  case SOFTFP_DOWN:
    return rest != 0 && sign;
  case SOFTFP_NEAREST_AWAY:
    return rest >= half;
  default:
    return false;
  }
}

SOFTFP_INLINE bool
overflows_to_infinity (SoftfpRounding rounding, bool sign)
{
  return rounding == SOFTFP_NEAREST_EVEN || (rounding == SOFTFP_UP && !sign) ||
         (rounding == SOFTFP_DOWN && sign);
}

SOFTFP_INLINE uint64_t
round_overflow (unsigned n, bool sign, SoftfpRounding rounding, SoftfpEnv *env)
{
  if (is_alternative (n, env)) {
    env->flags |= SOFTFP_INVALID;
    return (sign ? sign_bit (n) : 0) | (sign_bit (n) - 1);
  }
  env->flags |= SOFTFP_OVERFLOW | SOFTFP_INEXACT;
  return overflows_to_infinity (rounding, sign) ? make_infinity (n, sign)
                                                : make_max_normal (n, sign);
}

// FPRound: frac * 2^(exp - 62), where bit 62 of frac is its highest and bit 0 may stand for
// anything smaller that is not zero.
SOFTFP_INLINE uint64_t
round_pack (unsigned n, bool sign, int32_t exp, uint64_t frac, SoftfpRounding rounding,
            SoftfpEnv *env)
{
  const unsigned shift = 62 - frac_bits (n);
  const uint64_t rest_mask = (1ull << shift) - 1, half = 1ull << (shift - 1);
  // In AHP the largest exponent belongs to ordinary numbers.
  const int32_t limit = exp_max (n) + is_alternative (n, env);
  int32_t biased = exp + exp_bias (n);
  bool tiny = biased <= 0;
  uint64_t rest, mantissa, result;

  if (UNLIKELY (tiny)) {
    if (flushes (n, env)) {
      env->flags |= SOFTFP_UNDERFLOW;
      return make_zero (n, sign);
    }
    frac = shift_right_sticky (frac, (unsigned) (1 - biased));
    biased = 1;
  } else if (UNLIKELY (biased >= limit)) {
    return round_overflow (n, sign, rounding, env);
  }
  rest = frac & rest_mask;
  mantissa = frac >> shift;
  if (rounding == SOFTFP_ODD)
    mantissa |= rest != 0;
  else
    mantissa += rounds_up (rounding, sign, mantissa & 1, rest, half);
  // The leading one of the mantissa makes the exponent right; a carry out of it does too.
  result = ((uint64_t) (biased - 1) << frac_bits (n)) + mantissa;
  if (UNLIKELY ((int32_t) (result >> frac_bits (n)) >= limit))
    return round_overflow (n, sign, rounding, env);
  if (rest != 0)
    env->flags |= tiny ? SOFTFP_INEXACT | SOFTFP_UNDERFLOW : SOFTFP_INEXACT;
  return (sign ? sign_bit (n) : 0) | result;
}

// The same for any frac but zero.
SOFTFP_INLINE uint64_t
normalize_round_pack (unsigned n, bool sign, int32_t exp, uint64_t frac, SoftfpRounding rounding,
                      SoftfpEnv *env)
{
  int lead = __builtin_clzll (frac) - 1;

  if (lead < 0)
    return round_pack (n, sign, exp + 1, shift_right_sticky (frac, 1), rounding, env);
  return round_pack (n, sign, exp - lead, frac << lead, rounding, env);
}
