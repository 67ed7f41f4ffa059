// SPDX-License-Identifier: GPL-3.0-or-later
// Comparison, maximum and minimum (Arm ARM J1.3: FPCompare, FPMax, FPMin, FPMaxNum, FPMinNum).
// Pure functions: any thread.
#include "engine/softfp/parts.h"
#include "engine/softfp/softfp.h"

// Of numbers, as sign and magnitude; the two zeros are equal.
SOFTFP_INLINE SoftfpOrder
order (unsigned n, uint64_t a, uint64_t b)
{
  bool sign_a = (a & sign_bit (n)) != 0, sign_b = (b & sign_bit (n)) != 0;

  if (a == b || ((a | b) & (sign_bit (n) - 1)) == 0)
    return SOFTFP_EQUAL;
  if (sign_a != sign_b)
    return sign_a ? SOFTFP_LESS : SOFTFP_GREATER;
  return (a < b) != sign_a ? SOFTFP_LESS : SOFTFP_GREATER;
}

SOFTFP_INLINE SoftfpOrder
compare (unsigned n, uint64_t a, uint64_t b, bool signalling, SoftfpEnv *env)
{
  a = flush_input (n, a, env);
  b = flush_input (n, b, env);
  if (UNLIKELY (is_nan (n, a) || is_nan (n, b))) {
    if (signalling || is_snan (n, a) || is_snan (n, b))
      env->flags |= SOFTFP_INVALID;
    return SOFTFP_UNORDERED;
  }
  return order (n, a, b);
}

SOFTFP_INLINE uint64_t
extreme (unsigned n, uint64_t a, uint64_t b, SoftfpOrder wanted, SoftfpEnv *env)
{
  SoftfpOrder found;

  a = flush_input (n, a, env);
  b = flush_input (n, b, env);
  if (UNLIKELY (is_nan (n, a) || is_nan (n, b)))
    return process_nans (n, a, b, env);
  found = order (n, a, b);
  if (found == SOFTFP_EQUAL) // -0 is less than +0 here
    return wanted == SOFTFP_GREATER ? a & b : a | b;
  return found == wanted ? a : b;
}

// A quiet NaN loses to any number.
SOFTFP_INLINE uint64_t
extreme_number (unsigned n, uint64_t a, uint64_t b, SoftfpOrder wanted, SoftfpEnv *env)
{
  bool quiet_a = is_nan (n, a) && !is_snan (n, a), quiet_b = is_nan (n, b) && !is_snan (n, b);
  uint64_t loser = make_infinity (n, wanted == SOFTFP_GREATER);

  if (quiet_a && !quiet_b)
    a = loser;
  else if (quiet_b && !quiet_a)
    b = loser;
  return extreme (n, a, b, wanted, env);
}

#define DEFINE(n)                                                                                  \
  SoftfpOrder softfp_compare##n (uint##n##_t a, uint##n##_t b, bool signalling, SoftfpEnv *env)    \
  {                                                                                                \
    return compare (n, a, b, signalling, env);                                                     \
  }                                                                                                \
  uint##n##_t softfp_max##n (uint##n##_t a, uint##n##_t b, SoftfpEnv *env)                         \
  {                                                                                                \
    return (uint##n##_t) extreme (n, a, b, SOFTFP_GREATER, env);                                   \
  }                                                                                                \
  uint##n##_t softfp_min##n (uint##n##_t a, uint##n##_t b, SoftfpEnv *env)                         \
  {                                                                                                \
    return (uint##n##_t) extreme (n, a, b, SOFTFP_LESS, env);                                      \
  }                                                                                                \
  uint##n##_t softfp_maxnm##n (uint##n##_t a, uint##n##_t b, SoftfpEnv *env)                       \
  {                                                                                                \
    return (uint##n##_t) extreme_number (n, a, b, SOFTFP_GREATER, env);                            \
  }                                                                                                \
  uint##n##_t softfp_minnm##n (uint##n##_t a, uint##n##_t b, SoftfpEnv *env)                       \
  {                                                                                                \
    return (uint##n##_t) extreme_number (n, a, b, SOFTFP_LESS, env);                               \
  }

DEFINE (16)
DEFINE (32)
DEFINE (64)
