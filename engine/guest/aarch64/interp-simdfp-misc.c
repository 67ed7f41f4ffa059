// SPDX-License-Identifier: GPL-3.0-or-later
// Advanced SIMD floating point with one operand: rounding, conversions, estimates, comparison with
// zero, immediates (Arm ARM C4.1.90), and the scalars among them. vCPU thread.
#include "engine/guest/aarch64/interp-fp.h"

// Comparisons with zero; only the one for equality is quiet about quiet NaNs.
#define DEFINE_LANES(n)                                                                            \
  static inline uint##n##_t cmeq0##n (uint##n##_t a, SoftfpEnv *env)                               \
  {                                                                                                \
    return softfp_compare##n (a, 0, false, env) == SOFTFP_EQUAL ? ~(uint##n##_t) 0 : 0;            \
  }                                                                                                \
  static inline uint##n##_t cmgt0##n (uint##n##_t a, SoftfpEnv *env)                               \
  {                                                                                                \
    return softfp_compare##n (a, 0, true, env) == SOFTFP_GREATER ? ~(uint##n##_t) 0 : 0;           \
  }                                                                                                \
  static inline uint##n##_t cmlt0##n (uint##n##_t a, SoftfpEnv *env)                               \
  {                                                                                                \
    return softfp_compare##n (a, 0, true, env) == SOFTFP_LESS ? ~(uint##n##_t) 0 : 0;              \
  }                                                                                                \
  static inline uint##n##_t cmge0##n (uint##n##_t a, SoftfpEnv *env)                               \
  {                                                                                                \
    SoftfpOrder order = softfp_compare##n (a, 0, true, env);                                       \
                                                                                                   \
    return order == SOFTFP_GREATER || order == SOFTFP_EQUAL ? ~(uint##n##_t) 0 : 0;                \
  }                                                                                                \
  static inline uint##n##_t cmle0##n (uint##n##_t a, SoftfpEnv *env)                               \
  {                                                                                                \
    return softfp_compare##n (a, 0, true, env) <= SOFTFP_EQUAL ? ~(uint##n##_t) 0 : 0;             \
  }                                                                                                \
  static inline uint##n##_t scvtf##n (uint##n##_t a, SoftfpEnv *env)                               \
  {                                                                                                \
    return softfp_from_fixed##n (a, (SoftfpFixed){n, true, 0}, env);                               \
  }                                                                                                \
  static inline uint##n##_t ucvtf##n (uint##n##_t a, SoftfpEnv *env)                               \
  {                                                                                                \
    return softfp_from_fixed##n (a, (SoftfpFixed){n, false, 0}, env);                              \
  }

DEFINE_LANES (16)
DEFINE_LANES (32)
DEFINE_LANES (64)

A64_FP_VECTORS_1 (FABS, a64_fp_abs)
A64_FP_VECTORS_1 (FNEG, a64_fp_neg)
A64_FP_VECTORS_1 (FSQRT, softfp_sqrt)
A64_FP_VECTORS_1 (FRINTN, a64_frintn)
A64_FP_VECTORS_1 (FRINTP, a64_frintp)
A64_FP_VECTORS_1 (FRINTM, a64_frintm)
A64_FP_VECTORS_1 (FRINTZ, a64_frintz)
A64_FP_VECTORS_1 (FRINTA, a64_frinta)
A64_FP_VECTORS_1 (FRINTX, a64_frintx)
A64_FP_VECTORS_1 (FRINTI, a64_frinti)
A64_FP_VECTORS_1_SD (FRINT32Z, a64_frint32z)
A64_FP_VECTORS_1_SD (FRINT32X, a64_frint32x)
A64_FP_VECTORS_1_SD (FRINT64Z, a64_frint64z)
A64_FP_VECTORS_1_SD (FRINT64X, a64_frint64x)

// Vectors and scalars of the same operation.
#define DEFINE_BOTH(name, fn)                                                                      \
  A64_FP_VECTORS_1 (name, fn)                                                                      \
  A64_FP_SCALARS_1 (name, fn)

DEFINE_BOTH (FRECPE, softfp_recip_estimate)
DEFINE_BOTH (FRSQRTE, softfp_rsqrt_estimate)
DEFINE_BOTH (FCMEQ0, cmeq0)
DEFINE_BOTH (FCMGE0, cmge0)
DEFINE_BOTH (FCMGT0, cmgt0)
DEFINE_BOTH (FCMLE0, cmle0)
DEFINE_BOTH (FCMLT0, cmlt0)
DEFINE_BOTH (SCVTF, scvtf)
DEFINE_BOTH (UCVTF, ucvtf)

#define DEFINE_TO_INT(name, is_signed, rounding)                                                   \
  A64_FP_VECTOR (name##_vh, h, 2 * op->aux[0],                                                     \
                 a64_fp_to_int16 (n->h[i], is_signed, rounding, &cpu->fp))                         \
  A64_FP_VECTOR (name##_h, h, 1, a64_fp_to_int16 (n->h[i], is_signed, rounding, &cpu->fp))         \
  A64_FP_VECTOR (name##_vs, s, op->aux[0],                                                         \
                 a64_fp_to_int32 (n->s[i], is_signed, rounding, &cpu->fp))                         \
  A64_FP_VECTOR (name##_vd, d, 2, a64_fp_to_int64 (n->d[i], is_signed, rounding, &cpu->fp))        \
  A64_FP_VECTOR (name##_s, s, 1, a64_fp_to_int32 (n->s[i], is_signed, rounding, &cpu->fp))         \
  A64_FP_VECTOR (name##_d, d, 1, a64_fp_to_int64 (n->d[i], is_signed, rounding, &cpu->fp))

DEFINE_TO_INT (FCVTNS, true, SOFTFP_NEAREST_EVEN)
DEFINE_TO_INT (FCVTNU, false, SOFTFP_NEAREST_EVEN)
DEFINE_TO_INT (FCVTPS, true, SOFTFP_UP)
DEFINE_TO_INT (FCVTPU, false, SOFTFP_UP)
DEFINE_TO_INT (FCVTMS, true, SOFTFP_DOWN)
DEFINE_TO_INT (FCVTMU, false, SOFTFP_DOWN)
DEFINE_TO_INT (FCVTZS, true, SOFTFP_ZERO)
DEFINE_TO_INT (FCVTZU, false, SOFTFP_ZERO)
DEFINE_TO_INT (FCVTAS, true, SOFTFP_NEAREST_AWAY)
DEFINE_TO_INT (FCVTAU, false, SOFTFP_NEAREST_AWAY)

#define FIXED(width, is_signed) ((SoftfpFixed){width, is_signed, op->aux[1]})
#define DEFINE_FROM_FIXED(name, is_signed)                                                         \
  A64_FP_VECTOR (name##_f_vh, h, 2 * op->aux[0],                                                   \
                 softfp_from_fixed16 (n->h[i], FIXED (16, is_signed), &cpu->fp))                   \
  A64_FP_VECTOR (name##_fv_h, h, 1,                                                                \
                 softfp_from_fixed16 (n->h[i], FIXED (16, is_signed), &cpu->fp))                   \
  A64_FP_VECTOR (name##_f_vs, s, op->aux[0],                                                       \
                 softfp_from_fixed32 (n->s[i], FIXED (32, is_signed), &cpu->fp))                   \
  A64_FP_VECTOR (name##_f_vd, d, 2,                                                                \
                 softfp_from_fixed64 (n->d[i], FIXED (64, is_signed), &cpu->fp))                   \
  A64_FP_VECTOR (name##_fv_s, s, 1,                                                                \
                 softfp_from_fixed32 (n->s[i], FIXED (32, is_signed), &cpu->fp))                   \
  A64_FP_VECTOR (name##_fv_d, d, 1, softfp_from_fixed64 (n->d[i], FIXED (64, is_signed), &cpu->fp))

DEFINE_FROM_FIXED (SCVTF, true)
DEFINE_FROM_FIXED (UCVTF, false)

#define DEFINE_TO_FIXED(name, is_signed)                                                           \
  A64_FP_VECTOR (name##_f_vh, h, 2 * op->aux[0],                                                   \
                 softfp_to_fixed16 (n->h[i], FIXED (16, is_signed), SOFTFP_ZERO, &cpu->fp))        \
  A64_FP_VECTOR (name##_fv_h, h, 1,                                                                \
                 softfp_to_fixed16 (n->h[i], FIXED (16, is_signed), SOFTFP_ZERO, &cpu->fp))        \
  A64_FP_VECTOR (name##_f_vs, s, op->aux[0],                                                       \
                 softfp_to_fixed32 (n->s[i], FIXED (32, is_signed), SOFTFP_ZERO, &cpu->fp))        \
  A64_FP_VECTOR (name##_f_vd, d, 2,                                                                \
                 softfp_to_fixed64 (n->d[i], FIXED (64, is_signed), SOFTFP_ZERO, &cpu->fp))        \
  A64_FP_VECTOR (name##_fv_s, s, 1,                                                                \
                 softfp_to_fixed32 (n->s[i], FIXED (32, is_signed), SOFTFP_ZERO, &cpu->fp))        \
  A64_FP_VECTOR (name##_fv_d, d, 1,                                                                \
                 softfp_to_fixed64 (n->d[i], FIXED (64, is_signed), SOFTFP_ZERO, &cpu->fp))

DEFINE_TO_FIXED (FCVTZS, true)
DEFINE_TO_FIXED (FCVTZU, false)

A64_FP_SCALARS_1 (FRECPX, softfp_recip_exponent)
A64_FP_SCALAR_1 (FCVTXN_s, d, softfp_convert_64_32_odd)

A64_FP_VECTOR (URECPE_v, s, op->aux[0], softfp_unsigned_recip_estimate (n->s[i]))
A64_FP_VECTOR (URSQRTE_v, s, op->aux[0], softfp_unsigned_rsqrt_estimate (n->s[i]))

// The "2" forms, which have Q set, read or write the upper half and keep the lower.
static inline unsigned
is_upper (const A64Op *op)
{
  return op->aux[0] == 4;
}

static inline void
set_narrowed (A64Cpu *cpu, const A64Op *op, uint64_t half)
{
  if (is_upper (op))
    cpu->v[op->rd].d[1] = half;
  else
    a64_fp_set (cpu, op->rd, half);
}

static inline uint64_t
two_singles (uint32_t low, uint32_t high)
{
  return (uint64_t) high << 32 | low;
}

void
a64_interp_FCVTN_h (A64Cpu *cpu, const A64Op *op)
{
  const uint32_t *s = cpu->v[op->rn].s;
  uint64_t half = 0;

  for (unsigned i = 0; i < 4; i++)
    half |= (uint64_t) softfp_convert_32_16 (s[i], &cpu->fp) << (16 * i);
  set_narrowed (cpu, op, half);
  A64_NEXT (cpu, op);
}

void
a64_interp_FCVTN_s (A64Cpu *cpu, const A64Op *op)
{
  const uint64_t *d = cpu->v[op->rn].d;

  set_narrowed (
      cpu, op,
      two_singles (softfp_convert_64_32 (d[0], &cpu->fp), softfp_convert_64_32 (d[1], &cpu->fp)));
  A64_NEXT (cpu, op);
}

void
a64_interp_FCVTXN_v (A64Cpu *cpu, const A64Op *op)
{
  const uint64_t *d = cpu->v[op->rn].d;

  set_narrowed (cpu, op,
                two_singles (softfp_convert_64_32_odd (d[0], &cpu->fp),
                             softfp_convert_64_32_odd (d[1], &cpu->fp)));
  A64_NEXT (cpu, op);
}

A64_FP_VECTOR (FCVTL_h, s, 4, softfp_convert_16_32 (n->h[4 * is_upper (op) + i], &cpu->fp))
A64_FP_VECTOR (FCVTL_s, d, 2, softfp_convert_32_64 (n->s[2 * is_upper (op) + i], &cpu->fp))

#define DEFINE_FMOV(id)                                                                            \
  A64_FP_HANDLER (id)                                                                              \
  {                                                                                                \
    cpu->v[op->rd].d[0] = (uint64_t) op->imm;                                                      \
    cpu->v[op->rd].d[1] = op->aux[0] == 4 ? (uint64_t) op->imm : 0;                                \
    A64_NEXT (cpu, op);                                                                            \
  }

DEFINE_FMOV (FMOV_imm_vh)
DEFINE_FMOV (FMOV_imm_vs)
DEFINE_FMOV (FMOV_imm_vd)
