// SPDX-License-Identifier: GPL-3.0-or-later
// Advanced SIMD shifts that keep the width of lanes: by a register and by an immediate
// (Arm ARM C4.1.90, C7.2). Those that widen or narrow are in interp-simd-diff.c. vCPU thread.
#include "engine/guest/aarch64/interp-simd.h"

// By register: the lowest byte of Vm's lane, signed; negative amounts shift to the right. -------

// x is a lane, sign- or zero-extended, in an element of `bits`.
static inline int64_t
shift_right_signed (int64_t x, int n, int bits, bool round)
{
  if (n > bits || (round && n == bits))
    return round ? 0 : x >> 63;
  if (round)
    return A64_ROUND_SHR (x, n);
  return x >> (n > 63 ? 63 : n);
}

static inline uint64_t
shift_right_unsigned (uint64_t x, int n, int bits, bool round)
{
  if (n > bits || (!round && n == bits))
    return 0;
  return round ? A64_ROUND_SHR (x, n) : x >> n;
}

static inline uint64_t
shift_left (uint64_t x, int n)
{
  return n > 63 ? 0 : x << n;
}

static inline int64_t
shift_left_saturate_signed (int64_t x, int n, int bits, unsigned *sat)
{
  int64_t max = INT64_MAX >> (64 - bits);

  if (x == 0)
    return 0;
  if (n < bits && x <= max >> n && x >= (-max - 1) >> n)
    return (int64_t) ((uint64_t) x << n);
  *sat = 1;
  return x < 0 ? -max - 1 : max;
}

static inline uint64_t
shift_left_saturate_unsigned (uint64_t x, int n, int bits, unsigned *sat)
{
  uint64_t max = UINT64_MAX >> (64 - bits);

  if (x == 0)
    return 0;
  if (n < bits && x <= max >> n)
    return x << n;
  *sat = 1;
  return max;
}

#define BITS   ((int) (8 * sizeof (U)))
#define AMOUNT ((int8_t) b)

#define SIGNED_SHIFT(round)                                                                        \
  AMOUNT >= 0 ? shift_left (a, AMOUNT) : (uint64_t) shift_right_signed ((S) a, -AMOUNT, BITS, round)
#define UNSIGNED_SHIFT(round)                                                                      \
  AMOUNT >= 0 ? shift_left (a, AMOUNT) : shift_right_unsigned (a, -AMOUNT, BITS, round)
#define SIGNED_SHIFT_SAT(round)                                                                    \
  AMOUNT >= 0 ? shift_left_saturate_signed ((S) a, AMOUNT, BITS, &sat)                             \
              : shift_right_signed ((S) a, -AMOUNT, BITS, round)
#define UNSIGNED_SHIFT_SAT(round)                                                                  \
  AMOUNT >= 0 ? shift_left_saturate_unsigned (a, AMOUNT, BITS, &sat)                               \
              : shift_right_unsigned (a, -AMOUNT, BITS, round)

#define SHIFT(ID, ...)                                                                             \
  A64_V_OP (ID##_v, A64_SIZES_BHSD, A64_VM, __VA_ARGS__)                                           \
  A64_ALIAS (ID##_s, ID##_v)
#define SHIFT_SAT(ID, ...)                                                                         \
  A64_V_OP_SAT (ID##_v, A64_SIZES_BHSD, A64_VM, A64_SOURCE_SAME, __VA_ARGS__)                      \
  A64_ALIAS (ID##_s, ID##_v)

SHIFT (SSHL, SIGNED_SHIFT (false))
SHIFT (USHL, UNSIGNED_SHIFT (false))
SHIFT (SRSHL, SIGNED_SHIFT (true))
SHIFT (URSHL, UNSIGNED_SHIFT (true))
SHIFT_SAT (SQSHL, SIGNED_SHIFT_SAT (false))
SHIFT_SAT (UQSHL, UNSIGNED_SHIFT_SAT (false))
SHIFT_SAT (SQRSHL, SIGNED_SHIFT_SAT (true))
SHIFT_SAT (UQRSHL, UNSIGNED_SHIFT_SAT (true))

// By immediate: to the right by 1 to the element's bits, to the left by 0 to one less. -----------

#define IMMEDIATE(ID, ...)                                                                         \
  A64_V_OP (ID##_i, A64_SIZES_BHSD, A64_VM, __VA_ARGS__)                                           \
  A64_ALIAS (ID##_si, ID##_i)
#define IMMEDIATE_SAT(ID, ...)                                                                     \
  A64_V_OP_SAT (ID##_i, A64_SIZES_BHSD, A64_VM, A64_SOURCE_SAME, __VA_ARGS__)                      \
  A64_ALIAS (ID##_si, ID##_i)

// In two steps, as the host does not shift by all bits of a word.
#define SIGNED_RIGHT           ((S) a >> (sh - 1) >> 1)
#define UNSIGNED_RIGHT         (a >> (sh - 1) >> 1)
#define SIGNED_RIGHT_ROUNDED   ((U) A64_ROUND_SHR ((S) a, sh))
#define UNSIGNED_RIGHT_ROUNDED A64_ROUND_SHR (a, sh)
#define ONES                   ((U) -1)

IMMEDIATE (SSHR, SIGNED_RIGHT)
IMMEDIATE (USHR, UNSIGNED_RIGHT)
IMMEDIATE (SSRA, d + (U) SIGNED_RIGHT)
IMMEDIATE (USRA, d + UNSIGNED_RIGHT)
IMMEDIATE (SRSHR, SIGNED_RIGHT_ROUNDED)
IMMEDIATE (URSHR, UNSIGNED_RIGHT_ROUNDED)
IMMEDIATE (SRSRA, d + SIGNED_RIGHT_ROUNDED)
IMMEDIATE (URSRA, d + UNSIGNED_RIGHT_ROUNDED)
IMMEDIATE (SRI, (d & ~(ONES >> (sh - 1) >> 1)) | UNSIGNED_RIGHT)
IMMEDIATE (SHL, (M) a << sh)
IMMEDIATE (SLI, (d & ~((M) ONES << sh)) | (M) a << sh)

// A negative lane saturates to 0.
#define SIGNED_LEFT_SAT_U                                                                          \
  (S) a < 0 ? (sat = 1, 0) : shift_left_saturate_unsigned (a, (int) sh, BITS, &sat)

IMMEDIATE_SAT (SQSHL, shift_left_saturate_signed ((S) a, (int) sh, BITS, &sat))
IMMEDIATE_SAT (UQSHL, shift_left_saturate_unsigned (a, (int) sh, BITS, &sat))
IMMEDIATE_SAT (SQSHLU, SIGNED_LEFT_SAT_U)
