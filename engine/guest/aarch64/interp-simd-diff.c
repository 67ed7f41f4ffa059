// SPDX-License-Identifier: GPL-3.0-or-later
// Advanced SIMD where the lanes of operands and result differ in width: three registers long, wide
// and narrow, by element long, pairwise long, and the narrowing moves (Arm ARM C4.1.90, C7.2).
// vCPU thread.
#include "engine/guest/aarch64/interp-simd.h"

// Long and wide. --------------------------------------------------------------------------------

#define LONG(ID, ...) A64_V_OP (ID, A64_SIZES_LONG_BHS, A64_VM, __VA_ARGS__)
#define LONG_AND_ELEMENT(ID, ...)                                                                  \
  LONG (ID##_v, __VA_ARGS__)                                                                       \
  A64_V_OP (ID##_e, A64_SIZES_LONG_HS, A64_VM_ELEMENT, __VA_ARGS__)

LONG (SADDL_v, (M) (S) a + (M) (S) b)
LONG (UADDL_v, (M) a + b)
LONG (SADDW_v, aw + (M) (S) b)
LONG (UADDW_v, aw + (M) b)
LONG (SSUBL_v, (M) (S) a - (M) (S) b)
LONG (USUBL_v, (M) a - b)
LONG (SSUBW_v, aw - (M) (S) b)
LONG (USUBW_v, aw - (M) b)

#define SIGNED_DISTANCE   ((S) a > (S) b ? (M) (S) a - (M) (S) b : (M) (S) b - (M) (S) a)
#define UNSIGNED_DISTANCE (a > b ? (M) a - b : (M) b - a)

LONG (SABDL_v, SIGNED_DISTANCE)
LONG (UABDL_v, UNSIGNED_DISTANCE)
LONG (SABAL_v, d + SIGNED_DISTANCE)
LONG (UABAL_v, d + UNSIGNED_DISTANCE)

LONG_AND_ELEMENT (SMULL, (M) (S) a *(M) (S) b)
LONG_AND_ELEMENT (UMULL, (M) a *b)
LONG_AND_ELEMENT (SMLAL, d + (M) (S) a * (M) (S) b)
LONG_AND_ELEMENT (UMLAL, d + (M) a * b)
LONG_AND_ELEMENT (SMLSL, d - (M) (S) a * (M) (S) b)
LONG_AND_ELEMENT (UMLSL, d - (M) a * b)

LONG (PMULL_v, a64_polynomial_mul_8 (a, b))

// Saturating doubling products: each step saturates to the wide lane.
#define SAT_WIDE(x)                                                                                \
  A64_CLAMP ((W) (x), -((W) 1 << (16 * sizeof (U) - 1)), ((W) 1 << (16 * sizeof (U) - 1)) - 1)
#define DOUBLED SAT_WIDE ((W) (S) a *(S) b * 2)

#define DOUBLING_LONG(ID, ...)                                                                     \
  A64_V_OP_SAT (ID##_v, A64_SIZES_LONG_HS, A64_VM, A64_SOURCE_LONG, __VA_ARGS__)                   \
  A64_ALIAS (ID##_s, ID##_v)                                                                       \
  A64_V_OP_SAT (ID##_e, A64_SIZES_LONG_HS, A64_VM_ELEMENT, A64_SOURCE_LONG, __VA_ARGS__)           \
  A64_ALIAS (ID##_se, ID##_e)

DOUBLING_LONG (SQDMULL, DOUBLED)
DOUBLING_LONG (SQDMLAL, SAT_WIDE ((W) (S2) d + DOUBLED))
DOUBLING_LONG (SQDMLSL, SAT_WIDE ((W) (S2) d - DOUBLED))

// Shifts.
LONG (SHLL_v, (M) a << (8 * sizeof (U)))
LONG (SSHLL_i, (M) (S) a << sh)
LONG (USHLL_i, (M) a << sh)

// Narrow. ---------------------------------------------------------------------------------------

#define NARROW_BITS (8 * sizeof (U))
#define NARROW_HALF ((M) 1 << (NARROW_BITS - 1))

A64_V_OP_NARROW (ADDHN_v, ((M) a + b) >> NARROW_BITS)
A64_V_OP_NARROW (RADDHN_v, ((M) a + b + NARROW_HALF) >> NARROW_BITS)
A64_V_OP_NARROW (SUBHN_v, ((M) a - b) >> NARROW_BITS)
A64_V_OP_NARROW (RSUBHN_v, ((M) a - b + NARROW_HALF) >> NARROW_BITS)

A64_V_OP_NARROW (XTN_v, a)
A64_V_OP_NARROW (SQXTN_v, A64_SAT_S ((S2) a))
A64_ALIAS (SQXTN_s, SQXTN_v)
A64_V_OP_NARROW (SQXTUN_v, A64_SAT_U ((S2) a))
A64_ALIAS (SQXTUN_s, SQXTUN_v)
A64_V_OP_NARROW (UQXTN_v, A64_SAT_U (a))
A64_ALIAS (UQXTN_s, UQXTN_v)

A64_V_OP_NARROW (SHRN_i, a >> sh)
A64_V_OP_NARROW (RSHRN_i, A64_ROUND_SHR (a, sh))
A64_V_OP_NARROW (SQSHRN_i, A64_SAT_S ((S2) a >> sh))
A64_ALIAS (SQSHRN_si, SQSHRN_i)
A64_V_OP_NARROW (SQRSHRN_i, A64_SAT_S (A64_ROUND_SHR ((S2) a, sh)))
A64_ALIAS (SQRSHRN_si, SQRSHRN_i)
A64_V_OP_NARROW (SQSHRUN_i, A64_SAT_U ((S2) a >> sh))
A64_ALIAS (SQSHRUN_si, SQSHRUN_i)
A64_V_OP_NARROW (SQRSHRUN_i, A64_SAT_U (A64_ROUND_SHR ((S2) a, sh)))
A64_ALIAS (SQRSHRUN_si, SQRSHRUN_i)
A64_V_OP_NARROW (UQSHRN_i, A64_SAT_U (a >> sh))
A64_ALIAS (UQSHRN_si, UQSHRN_i)
A64_V_OP_NARROW (UQRSHRN_i, A64_SAT_U (A64_ROUND_SHR (a, sh)))
A64_ALIAS (UQRSHRN_si, UQRSHRN_i)

// Neighbours added into one lane of twice the width. --------------------------------------------

#define PAIR_LANES_LONG(bits, bits2, ...)                                                          \
  {                                                                                                \
    typedef uint##bits##_t U;                                                                      \
    typedef int##bits##_t S A64_MAYBE_UNUSED;                                                      \
    typedef uint##bits2##_t U2;                                                                    \
    typedef __typeof__ ((U2) 1 + 0u) M;                                                            \
    for (unsigned i = 0; i < 128 / bits2; i++) {                                                   \
      const U a = ((const U *) vn)[2 * i], b = ((const U *) vn)[2 * i + 1];                        \
      const U2 d A64_MAYBE_UNUSED = ((const U2 *) vd)[i];                                          \
      ((U2 *) &r)[i] = (U2) (__VA_ARGS__);                                                         \
    }                                                                                              \
    break;                                                                                         \
  }
#define PAIR_SIZES_LONG(...)                                                                       \
  case 0:                                                                                          \
    PAIR_LANES_LONG (8, 16, __VA_ARGS__)                                                           \
  case 1:                                                                                          \
    PAIR_LANES_LONG (16, 32, __VA_ARGS__)                                                          \
  case 2:                                                                                          \
    PAIR_LANES_LONG (32, 64, __VA_ARGS__)
#define PAIRWISE_LONG(ID, ...) A64_V_OP (ID, PAIR_SIZES_LONG, A64_VM, __VA_ARGS__)

PAIRWISE_LONG (SADDLP_v, (M) (S) a + (M) (S) b)
PAIRWISE_LONG (UADDLP_v, (M) a + b)
PAIRWISE_LONG (SADALP_v, d + (M) (S) a + (M) (S) b)
PAIRWISE_LONG (UADALP_v, d + (M) a + b)

// Across lanes, widening: the sum of all. -------------------------------------------------------

#define ACROSS_LONG(ID, SIGNEDNESS)                                                                \
  A64_HANDLER (ID)                                                                                 \
  {                                                                                                \
    const A64Vreg *vn = &cpu->v[op->rn];                                                           \
    const unsigned n_lanes = op->aux[1] >> op->aux[0];                                             \
    uint64_t sum = 0;                                                                              \
    for (unsigned i = 0; i < n_lanes; i++)                                                         \
      sum += SIGNEDNESS (a64_v_element (vn, op->aux[0], i), op->aux[0]);                           \
    cpu->v[op->rd] = a64_v_low ((A64Vreg){.d = {sum, 0}}, 2u << op->aux[0]);                       \
    A64_NEXT (cpu, op);                                                                            \
  }

ACROSS_LONG (SADDLV_v, a64_sign_extend)
ACROSS_LONG (UADDLV_v, a64_zero_extend)
