// SPDX-License-Identifier: GPL-3.0-or-later
// Estimates of the reciprocal and of the reciprocal square root, with 8 significant bits (Arm ARM
// J1.3: RecipEstimate, RecipSqrtEstimate, FPRecipEstimate, FPRSqrtEstimate, FPRecpX and the
// unsigned ones). Pure functions: any thread.
#include "engine/softfp/parts.h"
#include "engine/softfp/softfp.h"

// RecipEstimate: of a / 512, times 256; a is 256..511.
static unsigned
recip_estimate (unsigned a)
{
  unsigned quotient = (1u << 19) / (2 * a + 1);

  return (quotient + 1) / 2;
}

// RecipSqrtEstimate: of a / 512, times 256; a is 128..511.
static unsigned
rsqrt_estimate (unsigned a)
{
  unsigned root = 512;

  a = a < 256 ? 2 * a + 1 : (a | 1) * 2;
  // The largest root with a * root^2 < 2^28; it is below 1024.
  for (unsigned bit = 256; bit != 0; bit >>= 1)
    if (a * (root + bit) * (root + bit) < 1u << 28)
      root += bit;
  return (root + 1) / 2;
}

// The eight bits of the fraction that follow the leading one.
SOFTFP_INLINE unsigned
leading_bits (Parts pa)
{
  return (unsigned) (pa.frac >> 54) & 0xff;
}

SOFTFP_INLINE uint64_t
float_recip_estimate (unsigned n, uint64_t a, SoftfpEnv *env)
{
  Parts pa = unpack (n, a, env);
  int32_t exp = 2 * exp_bias (n) - 1 - (pa.exp + exp_bias (n));
  uint64_t estimate;

  if (pa.kind >= KIND_QNAN)
    return process_nan (n, a, env);
  if (pa.kind == KIND_INFINITY)
    return make_zero (n, pa.sign);
  if (pa.kind == KIND_ZERO) {
    env->flags |= SOFTFP_DIVBYZERO;
    return make_infinity (n, pa.sign);
  }
  if (pa.exp < -exp_bias (n) - 1)
    return round_overflow (n, pa.sign, env->rounding, env);
  if (flushes (n, env) && pa.exp >= exp_bias (n) - 1) {
    env->flags |= SOFTFP_UNDERFLOW;
    return make_zero (n, pa.sign);
  }
  // With its leading one, which vanishes in normal results: the field is one too small by it.
  estimate = (uint64_t) recip_estimate (256 | leading_bits (pa)) << (frac_bits (n) - 8);
  if (exp <= 0) {
    estimate >>= 1 - exp;
    exp = 1;
  }
  return make_zero (n, pa.sign) | (((uint64_t) (exp - 1) << frac_bits (n)) + estimate);
}

SOFTFP_INLINE uint64_t
float_rsqrt_estimate (unsigned n, uint64_t a, SoftfpEnv *env)
{
  Parts pa = unpack (n, a, env);
  int32_t biased = pa.exp + exp_bias (n);
  uint64_t exp = (uint64_t) (3 * exp_bias (n) - 1 - biased) / 2;
  unsigned scaled;

  if (pa.kind >= KIND_QNAN)
    return process_nan (n, a, env);
  if (pa.kind == KIND_ZERO) {
    env->flags |= SOFTFP_DIVBYZERO;
    return make_infinity (n, pa.sign);
  }
  if (pa.sign)
    return invalid_nan (n, env);
  if (pa.kind == KIND_INFINITY)
    return 0;
  scaled = 256 | leading_bits (pa);
  if ((biased & 1) != 0)
    scaled >>= 1;
  return exp << frac_bits (n) | (uint64_t) (rsqrt_estimate (scaled) & 0xff) << (frac_bits (n) - 8);
}

SOFTFP_INLINE uint64_t
recip_exponent (unsigned n, uint64_t a, SoftfpEnv *env)
{
  uint64_t mask = make_infinity (n, false), exp = a & mask;

  if (is_nan (n, a))
    return process_nan (n, a, env);
  flush_input (n, a, env);
  return (a & sign_bit (n)) | (exp == 0 ? mask - (1ull << frac_bits (n)) : exp ^ mask);
}

uint32_t
softfp_unsigned_recip_estimate (uint32_t a)
{
  return a >> 31 == 0 ? 0xffffffff : recip_estimate (a >> 23) << 23;
}

uint32_t
softfp_unsigned_rsqrt_estimate (uint32_t a)
{
  return a >> 30 == 0 ? 0xffffffff : rsqrt_estimate (a >> 23) << 23;
}

#define DEFINE(n)                                                                                  \
  uint##n##_t softfp_recip_estimate##n (uint##n##_t a, SoftfpEnv *env)                             \
  {                                                                                                \
    return (uint##n##_t) float_recip_estimate (n, a, env);                                         \
  }                                                                                                \
  uint##n##_t softfp_rsqrt_estimate##n (uint##n##_t a, SoftfpEnv *env)                             \
  {                                                                                                \
    return (uint##n##_t) float_rsqrt_estimate (n, a, env);                                         \
  }                                                                                                \
  uint##n##_t softfp_recip_exponent##n (uint##n##_t a, SoftfpEnv *env)                             \
  {                                                                                                \
    return (uint##n##_t) recip_exponent (n, a, env);                                               \
  }

DEFINE (16)
DEFINE (32)
DEFINE (64)
