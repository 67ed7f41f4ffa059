// SPDX-License-Identifier: GPL-3.0-or-later
// Scalar floating point but for conversions (Arm ARM C4.1.90, "Floating-point data-processing",
// "compare", "conditional" and "immediate"). vCPU thread.
#include "engine/guest/aarch64/interp-fp.h"

#define DEFINE_LANES(n)                                                                            \
  static inline uint##n##_t nmul##n (uint##n##_t a, uint##n##_t b, SoftfpEnv *env)                 \
  {                                                                                                \
    return a64_fp_neg##n (softfp_mul##n (a, b, env), env);                                         \
  }                                                                                                \
  static inline uint##n##_t mov##n (uint##n##_t a, SoftfpEnv *env)                                 \
  {                                                                                                \
    return a;                                                                                      \
  }

DEFINE_LANES (16)
DEFINE_LANES (32)
DEFINE_LANES (64)

A64_FP_SCALARS_2 (FMUL, softfp_mul)
A64_FP_SCALARS_2 (FDIV, softfp_div)
A64_FP_SCALARS_2 (FADD, softfp_add)
A64_FP_SCALARS_2 (FSUB, softfp_sub)
A64_FP_SCALARS_2 (FMAX, softfp_max)
A64_FP_SCALARS_2 (FMIN, softfp_min)
A64_FP_SCALARS_2 (FMAXNM, softfp_maxnm)
A64_FP_SCALARS_2 (FMINNM, softfp_minnm)
A64_FP_SCALARS_2 (FNMUL, nmul)

A64_FP_SCALARS_1 (FMOV, mov)
A64_FP_SCALARS_1 (FABS, a64_fp_abs)
A64_FP_SCALARS_1 (FNEG, a64_fp_neg)
A64_FP_SCALARS_1 (FSQRT, softfp_sqrt)

// Operands are negated before the operation, NaNs too.
#define DEFINE_MULADD(name, negate_addend, negate_product)                                         \
  A64_FP_HANDLER (name##_h)                                                                        \
  {                                                                                                \
    uint16_t addend = cpu->v[op->ra].h[0] ^ (negate_addend ? 1u << 15 : 0);                        \
    uint16_t factor = cpu->v[op->rn].h[0] ^ (negate_product ? 1u << 15 : 0);                       \
                                                                                                   \
    a64_fp_set (cpu, op->rd, softfp_muladd16 (addend, factor, cpu->v[op->rm].h[0], &cpu->fp));     \
    A64_NEXT (cpu, op);                                                                            \
  }                                                                                                \
  A64_FP_HANDLER (name##_s)                                                                        \
  {                                                                                                \
    uint32_t addend = cpu->v[op->ra].s[0] ^ (negate_addend ? 1u << 31 : 0);                        \
    uint32_t factor = cpu->v[op->rn].s[0] ^ (negate_product ? 1u << 31 : 0);                       \
                                                                                                   \
    a64_fp_set (cpu, op->rd, softfp_muladd32 (addend, factor, cpu->v[op->rm].s[0], &cpu->fp));     \
    A64_NEXT (cpu, op);                                                                            \
  }                                                                                                \
  A64_FP_HANDLER (name##_d)                                                                        \
  {                                                                                                \
    uint64_t addend = cpu->v[op->ra].d[0] ^ (negate_addend ? 1ull << 63 : 0);                      \
    uint64_t factor = cpu->v[op->rn].d[0] ^ (negate_product ? 1ull << 63 : 0);                     \
                                                                                                   \
    a64_fp_set (cpu, op->rd, softfp_muladd64 (addend, factor, cpu->v[op->rm].d[0], &cpu->fp));     \
    A64_NEXT (cpu, op);                                                                            \
  }

DEFINE_MULADD (FMADD, false, false)
DEFINE_MULADD (FMSUB, false, true)
DEFINE_MULADD (FNMADD, true, true)
DEFINE_MULADD (FNMSUB, true, false)

static inline void
set_order (A64Cpu *cpu, SoftfpOrder order)
{
  static const uint32_t nzcv[] = {
      [SOFTFP_LESS + 1] = 0x8u << 28,
      [SOFTFP_EQUAL + 1] = 0x6u << 28,
      [SOFTFP_GREATER + 1] = 0x2u << 28,
      [SOFTFP_UNORDERED + 1] = 0x3u << 28,
  };

  cpu->nzcv = nzcv[order + 1];
}

#define DEFINE_COMPARE(name, lane, n, signalling)                                                  \
  A64_FP_HANDLER (FCMP##name##_##lane)                                                             \
  {                                                                                                \
    set_order (cpu, softfp_compare##n (cpu->v[op->rn].lane[0], cpu->v[op->rm].lane[0], signalling, \
                                       &cpu->fp));                                                 \
    A64_NEXT (cpu, op);                                                                            \
  }                                                                                                \
  A64_FP_HANDLER (FCMP##name##0_##lane)                                                            \
  {                                                                                                \
    set_order (cpu, softfp_compare##n (cpu->v[op->rn].lane[0], 0, signalling, &cpu->fp));          \
    A64_NEXT (cpu, op);                                                                            \
  }                                                                                                \
  A64_FP_HANDLER (FCCMP##name##_##lane)                                                            \
  {                                                                                                \
    if (a64_condition_holds (cpu, op))                                                             \
      set_order (cpu, softfp_compare##n (cpu->v[op->rn].lane[0], cpu->v[op->rm].lane[0],           \
                                         signalling, &cpu->fp));                                   \
    else                                                                                           \
      cpu->nzcv = (uint32_t) op->imm;                                                              \
    A64_NEXT (cpu, op);                                                                            \
  }

DEFINE_COMPARE (, h, 16, false)
DEFINE_COMPARE (, s, 32, false)
DEFINE_COMPARE (, d, 64, false)
DEFINE_COMPARE (E, h, 16, true)
DEFINE_COMPARE (E, s, 32, true)
DEFINE_COMPARE (E, d, 64, true)

void
a64_interp_FCSEL_h (A64Cpu *cpu, const A64Op *op)
{
  a64_fp_set (cpu, op->rd, cpu->v[a64_condition_holds (cpu, op) ? op->rn : op->rm].h[0]);
  A64_NEXT (cpu, op);
}

void
a64_interp_FCSEL_s (A64Cpu *cpu, const A64Op *op)
{
  a64_fp_set (cpu, op->rd, cpu->v[a64_condition_holds (cpu, op) ? op->rn : op->rm].s[0]);
  A64_NEXT (cpu, op);
}

void
a64_interp_FCSEL_d (A64Cpu *cpu, const A64Op *op)
{
  a64_fp_set (cpu, op->rd, cpu->v[a64_condition_holds (cpu, op) ? op->rn : op->rm].d[0]);
  A64_NEXT (cpu, op);
}

void
a64_interp_FMOV_imm_h (A64Cpu *cpu, const A64Op *op)
{
  a64_fp_set (cpu, op->rd, (uint64_t) op->imm);
  A64_NEXT (cpu, op);
}

void
a64_interp_FMOV_imm_s (A64Cpu *cpu, const A64Op *op)
{
  a64_fp_set (cpu, op->rd, (uint64_t) op->imm);
  A64_NEXT (cpu, op);
}

void
a64_interp_FMOV_imm_d (A64Cpu *cpu, const A64Op *op)
{
  a64_fp_set (cpu, op->rd, (uint64_t) op->imm);
  A64_NEXT (cpu, op);
}

void
a64_interp_FMOV_r_h (A64Cpu *cpu, const A64Op *op)
{
  cpu->x[op->rd] = cpu->v[op->rn].h[0];
  A64_NEXT (cpu, op);
}

void
a64_interp_FMOV_r_s (A64Cpu *cpu, const A64Op *op)
{
  cpu->x[op->rd] = cpu->v[op->rn].s[0];
  A64_NEXT (cpu, op);
}

void
a64_interp_FMOV_r_d (A64Cpu *cpu, const A64Op *op)
{
  cpu->x[op->rd] = cpu->v[op->rn].d[0];
  A64_NEXT (cpu, op);
}

void
a64_interp_FMOV_r_top (A64Cpu *cpu, const A64Op *op)
{
  cpu->x[op->rd] = cpu->v[op->rn].d[1];
  A64_NEXT (cpu, op);
}

void
a64_interp_FMOV_h_r (A64Cpu *cpu, const A64Op *op)
{
  a64_fp_set (cpu, op->rd, (uint16_t) cpu->x[op->rn]);
  A64_NEXT (cpu, op);
}

void
a64_interp_FMOV_s_r (A64Cpu *cpu, const A64Op *op)
{
  a64_fp_set (cpu, op->rd, (uint32_t) cpu->x[op->rn]);
  A64_NEXT (cpu, op);
}

void
a64_interp_FMOV_d_r (A64Cpu *cpu, const A64Op *op)
{
  a64_fp_set (cpu, op->rd, cpu->x[op->rn]);
  A64_NEXT (cpu, op);
}

void
a64_interp_FMOV_top_r (A64Cpu *cpu, const A64Op *op)
{
  cpu->v[op->rd].d[1] = cpu->x[op->rn];
  A64_NEXT (cpu, op);
}
