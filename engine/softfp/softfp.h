// SPDX-License-Identifier: GPL-3.0-or-later
// Floating point by integers alone: the operations of the Arm ARM's shared pseudocode (J1.3,
// "shared/functions/float") on bit patterns, exact to the last bit and flag. They take modes from
// and add flags to a SoftfpEnv, know no other state, and so run on any thread.
//
// Each operation exists for half (16), single (32) and double (64) precision, but for those told
// apart below.
#pragma once

#include "engine/softfp/env.h"

// The result of a comparison.
typedef enum SoftfpOrder {
  SOFTFP_LESS = -1,
  SOFTFP_EQUAL = 0,
  SOFTFP_GREATER = 1,
  SOFTFP_UNORDERED = 2,
} SoftfpOrder;

// The integer or fixed-point side of a conversion.
typedef struct SoftfpFixed {
  uint8_t width; // 16, 32 or 64 bits
  bool is_signed;
  uint8_t fraction_bits; // 0..width
} SoftfpFixed;

#define SOFTFP_DECLARE(n)                                                                          \
  /* FPAdd, FPSub, FPMul, FPMulX, FPDiv, FPSqrt. */                                                \
  uint##n##_t softfp_add##n (uint##n##_t a, uint##n##_t b, SoftfpEnv *env);                        \
  uint##n##_t softfp_sub##n (uint##n##_t a, uint##n##_t b, SoftfpEnv *env);                        \
  uint##n##_t softfp_mul##n (uint##n##_t a, uint##n##_t b, SoftfpEnv *env);                        \
  uint##n##_t softfp_mulx##n (uint##n##_t a, uint##n##_t b, SoftfpEnv *env);                       \
  uint##n##_t softfp_div##n (uint##n##_t a, uint##n##_t b, SoftfpEnv *env);                        \
  uint##n##_t softfp_sqrt##n (uint##n##_t a, SoftfpEnv *env);                                      \
  /* FPMulAdd: addend + a * b, rounded once. */                                                    \
  uint##n##_t softfp_muladd##n (uint##n##_t addend, uint##n##_t a, uint##n##_t b, SoftfpEnv *env); \
  /* FPRecipStepFused (2 - a * b) and FPRSqrtStepFused ((3 - a * b) / 2). */                       \
  uint##n##_t softfp_recip_step##n (uint##n##_t a, uint##n##_t b, SoftfpEnv *env);                 \
  uint##n##_t softfp_rsqrt_step##n (uint##n##_t a, uint##n##_t b, SoftfpEnv *env);                 \
  /* FPRecipEstimate, FPRSqrtEstimate, FPRecpX. */                                                 \
  uint##n##_t softfp_recip_estimate##n (uint##n##_t a, SoftfpEnv *env);                            \
  uint##n##_t softfp_rsqrt_estimate##n (uint##n##_t a, SoftfpEnv *env);                            \
  uint##n##_t softfp_recip_exponent##n (uint##n##_t a, SoftfpEnv *env);                            \
  /* FPMax, FPMin, FPMaxNum, FPMinNum. */                                                          \
  uint##n##_t softfp_max##n (uint##n##_t a, uint##n##_t b, SoftfpEnv *env);                        \
  uint##n##_t softfp_min##n (uint##n##_t a, uint##n##_t b, SoftfpEnv *env);                        \
  uint##n##_t softfp_maxnm##n (uint##n##_t a, uint##n##_t b, SoftfpEnv *env);                      \
  uint##n##_t softfp_minnm##n (uint##n##_t a, uint##n##_t b, SoftfpEnv *env);                      \
  /* A quiet NaN is an invalid operation only for a signalling comparison. */                      \
  SoftfpOrder softfp_compare##n (uint##n##_t a, uint##n##_t b, bool signalling, SoftfpEnv *env);   \
  /* FPRoundInt: inexact is raised only when `exact`. */                                           \
  uint##n##_t softfp_round_int##n (uint##n##_t a, SoftfpRounding rounding, bool exact,             \
                                   SoftfpEnv *env);                                                \
  /* FPToFixed: saturates; bits above the width are zero. */                                       \
  uint64_t softfp_to_fixed##n (uint##n##_t a, SoftfpFixed to, SoftfpRounding rounding,             \
                               SoftfpEnv *env);                                                    \
  /* FixedToFP: of the low from.width bits of a. */                                                \
  uint##n##_t softfp_from_fixed##n (uint64_t a, SoftfpFixed from, SoftfpEnv *env);

SOFTFP_DECLARE (16)
SOFTFP_DECLARE (32)
SOFTFP_DECLARE (64)
#undef SOFTFP_DECLARE

// FPRoundIntN: must fit a signed integer of `bits` bits; inexact is raised.
uint32_t softfp_round_int_n32 (uint32_t a, SoftfpRounding rounding, unsigned bits, SoftfpEnv *env);
uint64_t softfp_round_int_n64 (uint64_t a, SoftfpRounding rounding, unsigned bits, SoftfpEnv *env);

// FPMulAddH: singles plus the product of halves, rounded once.
uint32_t softfp_muladd_16_32 (uint32_t addend, uint16_t a, uint16_t b, SoftfpEnv *env);

// FPConvert, with the rounding of env but for _odd (FCVTXN).
uint32_t softfp_convert_16_32 (uint16_t a, SoftfpEnv *env);
uint64_t softfp_convert_16_64 (uint16_t a, SoftfpEnv *env);
uint16_t softfp_convert_32_16 (uint32_t a, SoftfpEnv *env);
uint64_t softfp_convert_32_64 (uint32_t a, SoftfpEnv *env);
uint16_t softfp_convert_64_16 (uint64_t a, SoftfpEnv *env);
uint32_t softfp_convert_64_32 (uint64_t a, SoftfpEnv *env);
uint32_t softfp_convert_64_32_odd (uint64_t a, SoftfpEnv *env);

// FPToFixedJS: ECMAScript's ToInt32; *exact says whether the result equals the operand.
uint32_t softfp_to_int32_js (uint64_t a, bool *exact, SoftfpEnv *env);

// UnsignedRecipEstimate and UnsignedRSqrtEstimate, on fixed-point numbers below 1.
uint32_t softfp_unsigned_recip_estimate (uint32_t a);
uint32_t softfp_unsigned_rsqrt_estimate (uint32_t a);
