// SPDX-License-Identifier: GPL-3.0-or-later
// Scalar floating point: rounding to integers, and conversions between precisions and to and from
// general registers (Arm ARM C4.1.90). vCPU thread.
#include "engine/guest/aarch64/interp-fp.h"

A64_FP_SCALARS_1 (FRINTN, a64_frintn)
A64_FP_SCALARS_1 (FRINTP, a64_frintp)
A64_FP_SCALARS_1 (FRINTM, a64_frintm)
A64_FP_SCALARS_1 (FRINTZ, a64_frintz)
A64_FP_SCALARS_1 (FRINTA, a64_frinta)
A64_FP_SCALARS_1 (FRINTX, a64_frintx)
A64_FP_SCALARS_1 (FRINTI, a64_frinti)
A64_FP_SCALARS_1_SD (FRINT32Z, a64_frint32z)
A64_FP_SCALARS_1_SD (FRINT32X, a64_frint32x)
A64_FP_SCALARS_1_SD (FRINT64Z, a64_frint64z)
A64_FP_SCALARS_1_SD (FRINT64X, a64_frint64x)

A64_FP_SCALAR_1 (FCVT_h_s, h, softfp_convert_16_32)
A64_FP_SCALAR_1 (FCVT_h_d, h, softfp_convert_16_64)
A64_FP_SCALAR_1 (FCVT_s_h, s, softfp_convert_32_16)
A64_FP_SCALAR_1 (FCVT_s_d, s, softfp_convert_32_64)
A64_FP_SCALAR_1 (FCVT_d_h, d, softfp_convert_64_16)
A64_FP_SCALAR_1 (FCVT_d_s, d, softfp_convert_64_32)

#define DEFINE_TO_GPR(id, lane, n, is_signed, rounding)                                            \
  A64_FP_HANDLER (id)                                                                              \
  {                                                                                                \
    SoftfpFixed to = {op->aux[0], is_signed, op->aux[1]};                                          \
                                                                                                   \
    cpu->x[op->rd] = softfp_to_fixed##n (cpu->v[op->rn].lane[0], to, rounding, &cpu->fp);          \
    A64_NEXT (cpu, op);                                                                            \
  }
#define DEFINE_ROUNDED(name, suffix, rounding)                                                     \
  DEFINE_TO_GPR (name##S_##suffix##_h, h, 16, true, rounding)                                      \
  DEFINE_TO_GPR (name##U_##suffix##_h, h, 16, false, rounding)                                     \
  DEFINE_TO_GPR (name##S_##suffix##_s, s, 32, true, rounding)                                      \
  DEFINE_TO_GPR (name##S_##suffix##_d, d, 64, true, rounding)                                      \
  DEFINE_TO_GPR (name##U_##suffix##_s, s, 32, false, rounding)                                     \
  DEFINE_TO_GPR (name##U_##suffix##_d, d, 64, false, rounding)

DEFINE_ROUNDED (FCVTN, r, SOFTFP_NEAREST_EVEN)
DEFINE_ROUNDED (FCVTA, r, SOFTFP_NEAREST_AWAY)
DEFINE_ROUNDED (FCVTP, r, SOFTFP_UP)
DEFINE_ROUNDED (FCVTM, r, SOFTFP_DOWN)
DEFINE_ROUNDED (FCVTZ, r, SOFTFP_ZERO)
DEFINE_ROUNDED (FCVTZ, f, SOFTFP_ZERO)

#define DEFINE_FROM_GPR(id, n, is_signed)                                                          \
  A64_FP_HANDLER (id)                                                                              \
  {                                                                                                \
    SoftfpFixed from = {op->aux[0], is_signed, op->aux[1]};                                        \
                                                                                                   \
    a64_fp_set (cpu, op->rd, softfp_from_fixed##n (cpu->x[op->rn], from, &cpu->fp));               \
    A64_NEXT (cpu, op);                                                                            \
  }

DEFINE_FROM_GPR (SCVTF_r_h, 16, true)
DEFINE_FROM_GPR (SCVTF_r_s, 32, true)
DEFINE_FROM_GPR (SCVTF_r_d, 64, true)
DEFINE_FROM_GPR (UCVTF_r_h, 16, false)
DEFINE_FROM_GPR (UCVTF_r_s, 32, false)
DEFINE_FROM_GPR (UCVTF_r_d, 64, false)
DEFINE_FROM_GPR (SCVTF_f_h, 16, true)
DEFINE_FROM_GPR (SCVTF_f_s, 32, true)
DEFINE_FROM_GPR (SCVTF_f_d, 64, true)
DEFINE_FROM_GPR (UCVTF_f_h, 16, false)
DEFINE_FROM_GPR (UCVTF_f_s, 32, false)
DEFINE_FROM_GPR (UCVTF_f_d, 64, false)

// A function of its own, so that the handler has no local whose address is taken: that would keep
// it from going on by a jump.
static uint32_t
convert_js (uint64_t value, A64Cpu *cpu)
{
  bool exact;
  uint32_t result = softfp_to_int32_js (value, &exact, &cpu->fp);

  cpu->nzcv = exact ? 0x4u << 28 : 0;
  return result;
}

void
a64_interp_FJCVTZS (A64Cpu *cpu, const A64Op *op)
{
  cpu->x[op->rd] = convert_js (cpu->v[op->rn].d[0], cpu);
  A64_NEXT (cpu, op);
}
