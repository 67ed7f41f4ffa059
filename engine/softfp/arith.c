// SPDX-License-Identifier: GPL-3.0-or-later
// Addition, subtraction, multiplication, division and square root (Arm ARM J1.3: FPAdd, FPSub,
// FPMul, FPMulX, FPDiv, FPSqrt). Pure functions: any thread.
#include "engine/softfp/parts.h"
#include "engine/softfp/softfp.h"

// The sign of an exact zero that is the sum of non-zero numbers, or of zeros that differ.
SOFTFP_INLINE uint64_t
cancelled_zero (unsigned n, const SoftfpEnv *env)
{
  return make_zero (n, env->rounding == SOFTFP_DOWN);
}

SOFTFP_INLINE uint64_t
add_finite (unsigned n, Parts a, Parts b, SoftfpEnv *env)
{
  Parts big = a.exp >= b.exp ? a : b, small = a.exp >= b.exp ? b : a;
  uint64_t addend = shift_right_sticky (small.frac, (unsigned) (big.exp - small.exp));
  int64_t difference;

  if (a.sign == b.sign)
    return normalize_round_pack (n, a.sign, big.exp, big.frac + addend, env->rounding, env);
  difference = (int64_t) (big.frac - addend);
  if (difference == 0)
    return cancelled_zero (n, env);
  if (difference < 0)
    return normalize_round_pack (n, small.sign, big.exp, (uint64_t) -difference, env->rounding,
                                 env);
  return normalize_round_pack (n, big.sign, big.exp, (uint64_t) difference, env->rounding, env);
}

SOFTFP_INLINE uint64_t
add (unsigned n, uint64_t a, uint64_t b, bool subtract, SoftfpEnv *env)
{
  Parts pa = unpack (n, a, env), pb = unpack (n, b, env);

  if (UNLIKELY (pa.kind >= KIND_QNAN || pb.kind >= KIND_QNAN))
    return process_nans (n, a, b, env);
  pb.sign ^= subtract;
  if (LIKELY (pa.kind == KIND_FINITE && pb.kind == KIND_FINITE))
    return add_finite (n, pa, pb, env);
  if (pa.kind == KIND_INFINITY && pb.kind == KIND_INFINITY && pa.sign != pb.sign)
    return invalid_nan (n, env);
  if (pa.kind == KIND_INFINITY || pb.kind == KIND_INFINITY)
    return make_infinity (n, pa.kind == KIND_INFINITY ? pa.sign : pb.sign);
  if (pa.kind == KIND_ZERO && pb.kind == KIND_ZERO)
    return pa.sign == pb.sign ? make_zero (n, pa.sign) : cancelled_zero (n, env);
  return pa.kind == KIND_FINITE ? a : subtract ? b ^ sign_bit (n) : b;
}

SOFTFP_INLINE uint64_t
mul (unsigned n, uint64_t a, uint64_t b, bool extended, SoftfpEnv *env)
{
  Parts pa = unpack (n, a, env), pb = unpack (n, b, env);
  bool sign = pa.sign != pb.sign;

  if (LIKELY (pa.kind == KIND_FINITE && pb.kind == KIND_FINITE)) {
    // The lead is bit 60 or 61 of the upper half, which is bit 62 after the shift, or one below.
    unsigned __int128 product = (unsigned __int128) pa.frac * pb.frac << 2;
    uint64_t frac = (uint64_t) (product >> 64) | ((uint64_t) product != 0);

    return normalize_round_pack (n, sign, pa.exp + pb.exp, frac, env->rounding, env);
  }
  if (pa.kind >= KIND_QNAN || pb.kind >= KIND_QNAN)
    return process_nans (n, a, b, env);
  if (pa.kind == KIND_FINITE || pb.kind == KIND_FINITE || pa.kind == pb.kind)
    return pa.kind == KIND_INFINITY || pb.kind == KIND_INFINITY ? make_infinity (n, sign)
                                                                : make_zero (n, sign);
  // Infinity times zero.
  if (!extended)
    return invalid_nan (n, env);
  return (sign ? sign_bit (n) : 0) | ((uint64_t) (exp_bias (n) + 1) << frac_bits (n));
}

// (a << 62) / b with the remainder made sticky; a < 2 * b, so that it fits.
SOFTFP_INLINE uint64_t
divide_fractions (unsigned n, uint64_t a, uint64_t b)
{
  if (n != 64) {
    // Significands of 24 bits at most: a quotient of 36 leaves enough to round.
    uint64_t dividend = a << 1, divisor = b >> 36;
    uint64_t quotient = dividend / divisor;

    return quotient << 25 | (quotient * divisor != dividend);
  }
  unsigned __int128 dividend = (unsigned __int128) a << 62;
  uint64_t quotient = (uint64_t) (dividend / b);

  return quotient | ((unsigned __int128) quotient * b != dividend);
}

SOFTFP_INLINE uint64_t
divide (unsigned n, uint64_t a, uint64_t b, SoftfpEnv *env)
{
  Parts pa = unpack (n, a, env), pb = unpack (n, b, env);
  bool sign = pa.sign != pb.sign;

  if (LIKELY (pa.kind == KIND_FINITE && pb.kind == KIND_FINITE))
    return normalize_round_pack (n, sign, pa.exp - pb.exp, divide_fractions (n, pa.frac, pb.frac),
                                 env->rounding, env);
  if (pa.kind >= KIND_QNAN || pb.kind >= KIND_QNAN)
    return process_nans (n, a, b, env);
  if (pa.kind == pb.kind)
    return invalid_nan (n, env);
  if (pa.kind == KIND_INFINITY)
    return make_infinity (n, sign);
  if (pb.kind == KIND_ZERO) {
    env->flags |= SOFTFP_DIVBYZERO;
    return make_infinity (n, sign);
  }
  return make_zero (n, sign);
}

// An integer square root in the making, and what its square leaves of the number.
typedef struct Root {
  uint64_t root, rest;
} Root;

// Of a number of 16 bits, one of the upper two being set.
static Root
start_root (uint64_t x)
{
  Root r = {.root = 0, .rest = x};

  for (int i = 7; i >= 0; i--) {
    // (root + 2^i)^2 - root^2
    uint64_t growth = ((r.root << 1) + (1ull << i)) << i;
    uint64_t take = growth <= r.rest ? ~0ull : 0;

    r.rest -= growth & take;
    r.root |= (1ull << i) & take;
  }
  return r;
}

// Appends 2 * k bits to the number and k to its root, by one step of long division (P. Zimmermann,
// "Karatsuba Square Root", 1999). k is at most the length of the root.
static Root
extend_root (Root r, uint64_t more, unsigned k)
{
  uint64_t dividend = r.rest << k | more >> k;
  uint64_t digit = dividend / (2 * r.root);
  uint64_t root = (r.root << k) + digit;
  uint64_t rest = (dividend - 2 * r.root * digit) << k | (more & ((1ull << k) - 1));

  if (rest < digit * digit) {
    rest += 2 * root - 1;
    root--;
  }
  return (Root){.root = root, .rest = rest - digit * digit};
}

SOFTFP_INLINE uint64_t
square_root (unsigned n, uint64_t a, SoftfpEnv *env)
{
  Parts pa = unpack (n, a, env);
  unsigned odd = (unsigned) pa.exp & 1, bits = 32;
  uint64_t x = pa.frac << odd;
  Root r;

  if (pa.kind >= KIND_QNAN)
    return process_nan (n, a, env);
  if (pa.kind == KIND_ZERO)
    return make_zero (n, pa.sign);
  if (pa.sign)
    return invalid_nan (n, env);
  if (pa.kind == KIND_INFINITY)
    return make_infinity (n, false);
  r = start_root (x >> 48);
  r = extend_root (r, x >> 32 & 0xffff, 8);
  r = extend_root (r, x & 0xffffffff, 16);
  if (n == 64) {
    // 54 bits: enough to round to nearest, the rest being sticky.
    r = extend_root (r, 0, 22);
    bits += 22;
  }
  return round_pack (n, false, (pa.exp - (int32_t) odd) / 2, r.root << (63 - bits) | (r.rest != 0),
                     env->rounding, env);
}

#define DEFINE(n)                                                                                  \
  uint##n##_t softfp_add##n (uint##n##_t a, uint##n##_t b, SoftfpEnv *env)                         \
  {                                                                                                \
    return (uint##n##_t) add (n, a, b, false, env);                                                \
  }                                                                                                \
  uint##n##_t softfp_sub##n (uint##n##_t a, uint##n##_t b, SoftfpEnv *env)                         \
  {                                                                                                \
    return (uint##n##_t) add (n, a, b, true, env);                                                 \
  }                                                                                                \
  uint##n##_t softfp_mul##n (uint##n##_t a, uint##n##_t b, SoftfpEnv *env)                         \
  {                                                                                                \
    return (uint##n##_t) mul (n, a, b, false, env);                                                \
  }                                                                                                \
  uint##n##_t softfp_mulx##n (uint##n##_t a, uint##n##_t b, SoftfpEnv *env)                        \
  {                                                                                                \
    return (uint##n##_t) mul (n, a, b, true, env);                                                 \
  }                                                                                                \
  uint##n##_t softfp_div##n (uint##n##_t a, uint##n##_t b, SoftfpEnv *env)                         \
  {                                                                                                \
    return (uint##n##_t) divide (n, a, b, env);                                                    \
  }                                                                                                \
  uint##n##_t softfp_sqrt##n (uint##n##_t a, SoftfpEnv *env)                                       \
  {                                                                                                \
    return (uint##n##_t) square_root (n, a, env);                                                  \
  }

DEFINE (16)
DEFINE (32)
DEFINE (64)
