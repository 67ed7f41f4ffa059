// SPDX-License-Identifier: GPL-3.0-or-later
// Multiplication and addition rounded once (Arm ARM J1.3: FPMulAdd, FPMulAddH,
// FPRecipStepFused, FPRSqrtStepFused). Pure functions: any thread.
#include "engine/softfp/parts.h"
#include "engine/softfp/softfp.h"

typedef unsigned __int128 Wide;

SOFTFP_INLINE Wide
shift_right_sticky_wide (Wide a, unsigned count)
{
  if (count == 0)
    return a;
  if (count >= 128)
    return a != 0;
  return (a >> count) | ((a << (128 - count)) != 0);
}

// Rounds wide * 2^(exp - 124), for any wide but zero.
SOFTFP_INLINE uint64_t
round_pack_wide (unsigned n, bool sign, int32_t exp, Wide wide, SoftfpEnv *env)
{
  uint64_t high = (uint64_t) (wide >> 64);

  if (LIKELY (high != 0)) {
    int lead = __builtin_clzll (high);

    wide <<= lead;
    high = (uint64_t) (wide >> 65) | ((wide << 63) != 0);
    return round_pack (n, sign, exp + 3 - lead, high, env->rounding, env);
  }
  return normalize_round_pack (n, sign, exp - 62, (uint64_t) wide, env->rounding, env);
}

// (addend + a * b) * 2^scale of finite numbers. With 2 * 10 zero bits at the end of a product, an
// operand loses bits to the alignment only when at most one bit of the other can cancel.
SOFTFP_INLINE uint64_t
muladd_finite (unsigned n, Parts addend, Parts a, Parts b, int32_t scale, SoftfpEnv *env)
{
  Wide product = (Wide) a.frac * b.frac, other = (Wide) addend.frac << 62;
  bool sign = a.sign != b.sign;
  int32_t exp = a.exp + b.exp;

  if (exp >= addend.exp) {
    other = shift_right_sticky_wide (other, (unsigned) (exp - addend.exp));
  } else {
    product = shift_right_sticky_wide (product, (unsigned) (addend.exp - exp));
    exp = addend.exp;
  }
  if (sign == addend.sign)
    return round_pack_wide (n, sign, exp + scale, product + other, env);
  if (product == other)
    return make_zero (n, env->rounding == SOFTFP_DOWN);
  if (product > other)
    return round_pack_wide (n, sign, exp + scale, product - other, env);
  return round_pack_wide (n, addend.sign, exp + scale, other - product, env);
}

SOFTFP_INLINE bool
is_infinity_times_zero (Parts a, Parts b)
{
  return (a.kind == KIND_INFINITY && b.kind == KIND_ZERO) ||
         (a.kind == KIND_ZERO && b.kind == KIND_INFINITY);
}

// FPProcessNaNs3, and the one NaN that does not stop infinity times zero from being invalid.
SOFTFP_INLINE uint64_t
muladd_nans (unsigned n, uint64_t addend, uint64_t a, uint64_t b, bool invalid, SoftfpEnv *env)
{
  if (is_snan (n, addend) || (!is_snan (n, a) && !is_snan (n, b) && is_nan (n, addend)))
    return invalid && !is_snan (n, addend) ? invalid_nan (n, env) : process_nan (n, addend, env);
  return process_nans (n, a, b, env);
}

SOFTFP_INLINE uint64_t
muladd_special (unsigned n, uint64_t addend, Parts pc, Parts pa, Parts pb, SoftfpEnv *env)
{
  bool sign = pa.sign != pb.sign;
  bool product_inf = pa.kind == KIND_INFINITY || pb.kind == KIND_INFINITY;

  if (is_infinity_times_zero (pa, pb) ||
      (product_inf && pc.kind == KIND_INFINITY && pc.sign != sign))
    return invalid_nan (n, env);
  if (product_inf || pc.kind == KIND_INFINITY)
    return make_infinity (n, product_inf ? sign : pc.sign);
  // The product is zero, or the addend is and the product is not.
  if (pa.kind == KIND_FINITE && pb.kind == KIND_FINITE) {
    Wide product = (Wide) pa.frac * pb.frac;

    return round_pack_wide (n, sign, pa.exp + pb.exp, product, env);
  }
  if (pc.kind == KIND_FINITE)
    return addend;
  return make_zero (n, pc.sign == sign ? sign : env->rounding == SOFTFP_DOWN);
}

SOFTFP_INLINE uint64_t
muladd (unsigned n, uint64_t addend, uint64_t a, uint64_t b, SoftfpEnv *env)
{
  Parts pc = unpack (n, addend, env), pa = unpack (n, a, env), pb = unpack (n, b, env);

  if (LIKELY ((pa.kind | pb.kind | pc.kind) == KIND_FINITE))
    return muladd_finite (n, pc, pa, pb, 0, env);
  if (pa.kind >= KIND_QNAN || pb.kind >= KIND_QNAN || pc.kind >= KIND_QNAN)
    return muladd_nans (n, addend, a, b, is_infinity_times_zero (pa, pb), env);
  return muladd_special (n, addend, pc, pa, pb, env);
}

// The constant frac * 2^(exp - 62) plus a * b, all times 2^scale.
SOFTFP_INLINE uint64_t
step (unsigned n, Parts constant, uint64_t minus_a, uint64_t b, int32_t scale, SoftfpEnv *env)
{
  Parts pa = unpack (n, minus_a, env), pb = unpack (n, b, env);

  if (pa.kind >= KIND_QNAN || pb.kind >= KIND_QNAN)
    return process_nans (n, minus_a, b, env);
  if (pa.kind == KIND_FINITE && pb.kind == KIND_FINITE)
    return muladd_finite (n, constant, pa, pb, scale, env);
  if ((pa.kind == KIND_INFINITY || pb.kind == KIND_INFINITY) && !is_infinity_times_zero (pa, pb))
    return make_infinity (n, pa.sign != pb.sign);
  return round_pack (n, false, constant.exp + scale, constant.frac, env->rounding, env);
}

SOFTFP_INLINE uint64_t
recip_step (unsigned n, uint64_t a, uint64_t b, SoftfpEnv *env)
{
  return step (n, (Parts){.frac = 1ull << 62, .exp = 1}, a ^ sign_bit (n), b, 0, env);
}

SOFTFP_INLINE uint64_t
rsqrt_step (unsigned n, uint64_t a, uint64_t b, SoftfpEnv *env)
{
  return step (n, (Parts){.frac = 3ull << 61, .exp = 1}, a ^ sign_bit (n), b, -1, env);
}

#define DEFINE(n)                                                                                  \
  uint##n##_t softfp_muladd##n (uint##n##_t addend, uint##n##_t a, uint##n##_t b, SoftfpEnv *env)  \
  {                                                                                                \
    return (uint##n##_t) muladd (n, addend, a, b, env);                                            \
  }                                                                                                \
  uint##n##_t softfp_recip_step##n (uint##n##_t a, uint##n##_t b, SoftfpEnv *env)                  \
  {                                                                                                \
    return (uint##n##_t) recip_step (n, a, b, env);                                                \
  }                                                                                                \
  uint##n##_t softfp_rsqrt_step##n (uint##n##_t a, uint##n##_t b, SoftfpEnv *env)                  \
  {                                                                                                \
    return (uint##n##_t) rsqrt_step (n, a, b, env);                                                \
  }

DEFINE (16)
DEFINE (32)
DEFINE (64)

// A half as a single, exactly and without a flag; a signalling NaN stays one.
static uint32_t
widen (uint16_t a, SoftfpEnv *env)
{
  Parts pa = unpack (16, a, env);
  uint32_t sign = (uint32_t) make_zero (32, pa.sign);

  switch ((Kind) pa.kind) {
  case KIND_FINITE:
    return (uint32_t) round_pack (32, pa.sign, pa.exp, pa.frac, SOFTFP_ZERO, env);
  case KIND_ZERO:
    return sign;
  default:
    return sign | (uint32_t) make_infinity (32, false) | (uint32_t) (a & frac_mask (16)) << 13;
  }
}

uint32_t
softfp_muladd_16_32 (uint32_t addend, uint16_t a, uint16_t b, SoftfpEnv *env)
{
  return softfp_muladd32 (addend, widen (a, env), widen (b, env), env);
}
