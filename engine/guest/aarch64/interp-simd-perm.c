// SPDX-License-Identifier: GPL-3.0-or-later
// Advanced SIMD: moving elements between lanes and registers, and table look-up (Arm ARM C4.1.90,
// C7.2). vCPU thread.
#include "engine/guest/aarch64/interp-simd.h"

// Copies. ---------------------------------------------------------------------------------------

A64_HANDLER (DUP_e)
{
  uint64_t value = a64_v_element (&cpu->v[op->rn], op->aux[0], op->aux[2]);
  a64_v_put (cpu, op, a64_v_dup (value, op->aux[0]));
  A64_NEXT (cpu, op);
}

A64_HANDLER (DUP_s)
{
  uint64_t value = a64_v_element (&cpu->v[op->rn], op->aux[0], op->aux[2]);
  cpu->v[op->rd] = (A64Vreg){.d = {value, 0}};
  A64_NEXT (cpu, op);
}

A64_HANDLER (DUP_gen)
{
  a64_v_put (cpu, op, a64_v_dup (cpu->x[op->rn], op->aux[0]));
  A64_NEXT (cpu, op);
}

A64_HANDLER (INS_gen)
{
  a64_v_set_element (&cpu->v[op->rd], op->aux[0], op->aux[2], cpu->x[op->rn]);
  A64_NEXT (cpu, op);
}

A64_HANDLER (INS_e)
{
  uint64_t value = a64_v_element (&cpu->v[op->rn], op->aux[0], op->aux[3]);
  a64_v_set_element (&cpu->v[op->rd], op->aux[0], op->aux[2], value);
  A64_NEXT (cpu, op);
}

A64_HANDLER (UMOV)
{
  cpu->x[op->rd] = a64_v_element (&cpu->v[op->rn], op->aux[0], op->aux[2]);
  A64_NEXT (cpu, op);
}

A64_HANDLER (SMOV)
{
  uint64_t value = a64_v_element (&cpu->v[op->rn], op->aux[0], op->aux[2]);
  value = a64_sign_extend (value, op->aux[0]);
  cpu->x[op->rd] = op->aux[1] == 16 ? value : (uint32_t) value;
  A64_NEXT (cpu, op);
}

// Bytes out of two registers, and out of a table of up to four. ---------------------------------

A64_HANDLER (EXT_v)
{
  A64Vreg both[2] = {cpu->v[op->rn], cpu->v[op->rm]}, r;
  if (op->aux[1] == 8)
    both[0].d[1] = both[1].d[0];
  memcpy (&r, (const uint8_t *) both + op->aux[2], sizeof r);
  a64_v_put (cpu, op, r);
  A64_NEXT (cpu, op);
}

// An index beyond the table keeps the byte of `r`.
static inline A64Vreg
look_up (const A64Cpu *cpu, const A64Op *op, A64Vreg r)
{
  const A64Vreg *indices = &cpu->v[op->rm];
  A64Vreg table[4];

  for (unsigned i = 0; i < op->aux[2]; i++)
    table[i] = cpu->v[(op->rn + i) % 32];
  for (unsigned i = 0; i < 16; i++) {
    unsigned index = indices->b[i];
    if (index < op->aux[2] * sizeof table[0])
      r.b[i] = ((const uint8_t *) table)[index];
  }
  return r;
}

A64_HANDLER (TBL_v)
{
  a64_v_put (cpu, op, look_up (cpu, op, (A64Vreg){.d = {0, 0}}));
  A64_NEXT (cpu, op);
}

A64_HANDLER (TBX_v)
{
  a64_v_put (cpu, op, look_up (cpu, op, cpu->v[op->rd]));
  A64_NEXT (cpu, op);
}

// Interleaving: elements of Vn in the even lanes, of Vm in the odd ones, both with the index INDEX
// in pair i. With a result of 8 bytes, the lanes beyond are computed too and dropped. ------------

#define INTERLEAVE_LANES(bits, INDEX)                                                              \
  {                                                                                                \
    typedef uint##bits##_t U;                                                                      \
    for (unsigned i = 0; i < 64 / bits; i++) {                                                     \
      ((U *) &r)[2 * i] = ((const U *) vn)[INDEX];                                                 \
      ((U *) &r)[2 * i + 1] = ((const U *) vm)[INDEX];                                             \
    }                                                                                              \
    break;                                                                                         \
  }
#define INTERLEAVE_SIZES(INDEX)                                                                    \
  case 0:                                                                                          \
    INTERLEAVE_LANES (8, INDEX)                                                                    \
  case 1:                                                                                          \
    INTERLEAVE_LANES (16, INDEX)                                                                   \
  case 2:                                                                                          \
    INTERLEAVE_LANES (32, INDEX)                                                                   \
  case 3:                                                                                          \
    INTERLEAVE_LANES (64, INDEX)

A64_PAIRWISE (UZP1_v, a)
A64_PAIRWISE (UZP2_v, b)
A64_V_OP (TRN1_v, INTERLEAVE_SIZES, A64_VM, 2 * i)
A64_V_OP (TRN2_v, INTERLEAVE_SIZES, A64_VM, 2 * i + 1)
A64_V_OP (ZIP1_v, INTERLEAVE_SIZES, A64_VM, i)

// As ZIP1, of the upper halves.
A64_HANDLER (ZIP2_v)
{
  const unsigned half = op->aux[1] / 2;
  const uint8_t *vn = cpu->v[op->rn].b + half, *vm = cpu->v[op->rm].b + half;
  A64Vreg r;
  A64_BY_SIZE (INTERLEAVE_SIZES, i)
  a64_v_put (cpu, op, r);
  A64_NEXT (cpu, op);
}
