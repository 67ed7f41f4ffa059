// SPDX-License-Identifier: GPL-3.0-or-later
// Products of byte matrices and mixed-sign dot products (Arm ARM C7.2, FEAT_I8MM). vCPU thread.
#include "engine/guest/aarch64/interp-simd.h"

// Vd, two by two words, plus Vn, two rows of eight bytes, times Vm, two columns.
#define MATRIX(ID, TYPE_N, TYPE_M)                                                                 \
  A64_HANDLER (ID)                                                                                 \
  {                                                                                                \
    const TYPE_N *n = (const TYPE_N *) &cpu->v[op->rn];                                            \
    const TYPE_M *m = (const TYPE_M *) &cpu->v[op->rm];                                            \
    A64Vreg r = cpu->v[op->rd];                                                                    \
    for (unsigned i = 0; i < 4; i++)                                                               \
      for (unsigned k = 0; k < 8; k++)                                                             \
        r.s[i] += (uint32_t) (n[i / 2 * 8 + k] * m[i % 2 * 8 + k]);                                \
    cpu->v[op->rd] = r;                                                                            \
    A64_NEXT (cpu, op);                                                                            \
  }

MATRIX (SMMLA_v, int8_t, int8_t)
MATRIX (UMMLA_v, uint8_t, uint8_t)
MATRIX (USMMLA_v, uint8_t, int8_t)

#define DOT(ID, TYPE_N, TYPE_M, VM)                                                                \
  A64_HANDLER (ID)                                                                                 \
  {                                                                                                \
    A64_V_OPERANDS                                                                                 \
    VM ()                                                                                          \
    const TYPE_N *n = (const TYPE_N *) vn;                                                         \
    const TYPE_M *m = (const TYPE_M *) vm;                                                         \
    for (unsigned i = 0; i < 4; i++, n += 4, m += 4)                                               \
      r.s[i] = vd->s[i] + (uint32_t) (n[0] * m[0] + n[1] * m[1] + n[2] * m[2] + n[3] * m[3]);      \
    a64_v_put (cpu, op, r);                                                                        \
    A64_NEXT (cpu, op);                                                                            \
  }

DOT (USDOT_v, uint8_t, int8_t, A64_VM)
DOT (USDOT_e, uint8_t, int8_t, A64_VM_ELEMENT)
DOT (SUDOT_e, int8_t, uint8_t, A64_VM_ELEMENT)
