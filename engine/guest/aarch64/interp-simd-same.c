// SPDX-License-Identifier: GPL-3.0-or-later
// Advanced SIMD: three registers of the same kind, and by element where no lane widens
// (Arm ARM C4.1.90, C7.2). vCPU thread.
#include "engine/guest/aarch64/interp-simd.h"

// Whole registers. ------------------------------------------------------------------------------

#define LOGIC(ID, ...)                                                                             \
  A64_HANDLER (ID)                                                                                 \
  {                                                                                                \
    A64_V_OPERANDS                                                                                 \
    A64_VM ()                                                                                      \
    for (unsigned i = 0; i < 2; i++) {                                                             \
      const uint64_t a = vn->d[i], b = vm->d[i], d A64_MAYBE_UNUSED = vd->d[i];                    \
      r.d[i] = (__VA_ARGS__);                                                                      \
    }                                                                                              \
    a64_v_put (cpu, op, r);                                                                        \
    A64_NEXT (cpu, op);                                                                            \
  }

LOGIC (AND_v, a &b)
LOGIC (BIC_v, a & ~b)
LOGIC (ORR_v, a | b)
LOGIC (ORN_v, a | ~b)
LOGIC (EOR_v, a ^ b)
LOGIC (BSL_v, (a & d) | (b & ~d))
LOGIC (BIT_v, (a & b) | (d & ~b))
LOGIC (BIF_v, (a & ~b) | (d & b))

// Lanes that wrap, compare, or stay in range. ---------------------------------------------------

#define SAME(ID, CASES, ...) A64_V_OP (ID, CASES, A64_VM, __VA_ARGS__)

SAME (ADD_v, A64_SIZES_BHSD, a + b)
A64_ALIAS (ADD_s, ADD_v)
SAME (SUB_v, A64_SIZES_BHSD, a - b)
A64_ALIAS (SUB_s, SUB_v)

SAME (CMGT_v, A64_SIZES_BHSD, (S) a > (S) b ? (U) -1 : 0)
A64_ALIAS (CMGT_s, CMGT_v)
SAME (CMHI_v, A64_SIZES_BHSD, a > b ? (U) -1 : 0)
A64_ALIAS (CMHI_s, CMHI_v)
SAME (CMGE_v, A64_SIZES_BHSD, (S) a >= (S) b ? (U) -1 : 0)
A64_ALIAS (CMGE_s, CMGE_v)
SAME (CMHS_v, A64_SIZES_BHSD, a >= b ? (U) -1 : 0)
A64_ALIAS (CMHS_s, CMHS_v)
SAME (CMTST_v, A64_SIZES_BHSD, (a & b) != 0 ? (U) -1 : 0)
A64_ALIAS (CMTST_s, CMTST_v)
SAME (CMEQ_v, A64_SIZES_BHSD, a == b ? (U) -1 : 0)
A64_ALIAS (CMEQ_s, CMEQ_v)

SAME (SMAX_v, A64_SIZES_BHS, (S) a > (S) b ? a : b)
SAME (UMAX_v, A64_SIZES_BHS, a > b ? a : b)
SAME (SMIN_v, A64_SIZES_BHS, (S) a < (S) b ? a : b)
SAME (UMIN_v, A64_SIZES_BHS, a < b ? a : b)

SAME (SHADD_v, A64_SIZES_BHS, ((W) (S) a + (S) b) >> 1)
SAME (UHADD_v, A64_SIZES_BHS, ((W) a + b) >> 1)
SAME (SRHADD_v, A64_SIZES_BHS, ((W) (S) a + (S) b + 1) >> 1)
SAME (URHADD_v, A64_SIZES_BHS, ((W) a + b + 1) >> 1)
SAME (SHSUB_v, A64_SIZES_BHS, ((W) (S) a - (S) b) >> 1)
SAME (UHSUB_v, A64_SIZES_BHS, ((W) a - b) >> 1)

SAME (SABD_v, A64_SIZES_BHS, (S) a > (S) b ? a - b : b - a)
SAME (UABD_v, A64_SIZES_BHS, a > b ? a - b : b - a)
SAME (SABA_v, A64_SIZES_BHS, d + ((S) a > (S) b ? a - b : b - a))
SAME (UABA_v, A64_SIZES_BHS, d + (a > b ? a - b : b - a))

SAME (MUL_v, A64_SIZES_BHS, (M) a *b)
SAME (MLA_v, A64_SIZES_BHS, d + (M) a * b)
SAME (MLS_v, A64_SIZES_BHS, d - (M) a * b)
A64_V_OP (MUL_e, A64_SIZES_HS, A64_VM_ELEMENT, (M) a *b)
A64_V_OP (MLA_e, A64_SIZES_HS, A64_VM_ELEMENT, d + (M) a * b)
A64_V_OP (MLS_e, A64_SIZES_HS, A64_VM_ELEMENT, d - (M) a * b)

SAME (PMUL_v, A64_SIZES_B, a64_polynomial_mul_8 (a, b))

// Saturating. -----------------------------------------------------------------------------------

#define SAME_SAT(ID, CASES, ...) A64_V_OP_SAT (ID, CASES, A64_VM, A64_SOURCE_SAME, __VA_ARGS__)
#define ELEMENT_SAT(ID, CASES, ...)                                                                \
  A64_V_OP_SAT (ID, CASES, A64_VM_ELEMENT, A64_SOURCE_SAME, __VA_ARGS__)

SAME_SAT (SQADD_v, A64_SIZES_BHSD, A64_SAT_S ((W) (S) a + (S) b))
A64_ALIAS (SQADD_s, SQADD_v)
SAME_SAT (UQADD_v, A64_SIZES_BHSD, A64_SAT_U ((W) a + b))
A64_ALIAS (UQADD_s, UQADD_v)
SAME_SAT (SQSUB_v, A64_SIZES_BHSD, A64_SAT_S ((W) (S) a - (S) b))
A64_ALIAS (SQSUB_s, SQSUB_v)
SAME_SAT (UQSUB_v, A64_SIZES_BHSD, A64_SAT_U ((W) a - b))
A64_ALIAS (UQSUB_s, UQSUB_v)

// The doubled product's upper half: the product shifted by one bit less than the element. Adding
// up to the accumulator, shifted likewise, stays inside W.
#define UPPER_SHIFT (8 * sizeof (U) - 1)
#define UPPER_ROUND ((W) 1 << (UPPER_SHIFT - 1))
#define PRODUCT     ((W) (S) a * (S) b)
#define ACCUMULATOR ((W) (S) d * ((W) 1 << UPPER_SHIFT))

#define DOUBLING_UPPER_HALF(ID, ...)                                                               \
  SAME_SAT (ID##_v, A64_SIZES_HS, A64_SAT_S ((__VA_ARGS__) >> UPPER_SHIFT))                        \
  A64_ALIAS (ID##_s, ID##_v)                                                                       \
  ELEMENT_SAT (ID##_e, A64_SIZES_HS, A64_SAT_S ((__VA_ARGS__) >> UPPER_SHIFT))                     \
  A64_ALIAS (ID##_se, ID##_e)

DOUBLING_UPPER_HALF (SQDMULH, PRODUCT)
DOUBLING_UPPER_HALF (SQRDMULH, PRODUCT + UPPER_ROUND)
DOUBLING_UPPER_HALF (SQRDMLAH, ACCUMULATOR + PRODUCT + UPPER_ROUND)
DOUBLING_UPPER_HALF (SQRDMLSH, ACCUMULATOR - PRODUCT + UPPER_ROUND)

// Pairs. ----------------------------------------------------------------------------------------

A64_PAIRWISE (ADDP_v, a + b)
A64_PAIRWISE (SMAXP_v, (S) a > (S) b ? a : b)
A64_PAIRWISE (UMAXP_v, a > b ? a : b)
A64_PAIRWISE (SMINP_v, (S) a < (S) b ? a : b)
A64_PAIRWISE (UMINP_v, a < b ? a : b)

A64_HANDLER (ADDP_s)
{
  const A64Vreg *vn = &cpu->v[op->rn];
  cpu->v[op->rd] = (A64Vreg){.d = {vn->d[0] + vn->d[1], 0}};
  A64_NEXT (cpu, op);
}

// Dot products of four bytes. -------------------------------------------------------------------

#define DOT(ID, TYPE, VM)                                                                          \
  A64_HANDLER (ID)                                                                                 \
  {                                                                                                \
    A64_V_OPERANDS                                                                                 \
    VM ()                                                                                          \
    const TYPE *n = (const TYPE *) vn, *m = (const TYPE *) vm;                                     \
    for (unsigned i = 0; i < 4; i++, n += 4, m += 4)                                               \
      r.s[i] = vd->s[i] + (uint32_t) (n[0] * m[0] + n[1] * m[1] + n[2] * m[2] + n[3] * m[3]);      \
    a64_v_put (cpu, op, r);                                                                        \
    A64_NEXT (cpu, op);                                                                            \
  }

DOT (SDOT_v, int8_t, A64_VM)
DOT (UDOT_v, uint8_t, A64_VM)
DOT (SDOT_e, int8_t, A64_VM_ELEMENT)
DOT (UDOT_e, uint8_t, A64_VM_ELEMENT)
