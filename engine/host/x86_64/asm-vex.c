// SPDX-License-Identifier: GPL-3.0-or-later
// EVEX encoding of the x86-64 encoder: registers beyond 15, and what only AVX-512 has (Intel SDM
// volume 2, section 2.7). Pure functions: any thread.
#include "engine/host/x86_64/asm-vex.h"

// The four bytes of an EVEX prefix. `x` and `b` are bits 3 of index and base in place 3; for a
// register operand `x` is its bit 4.
static uint32_t
evex_prefix (X64VecOp op, unsigned reg, unsigned vvvv, unsigned x, unsigned b)
{
  unsigned p0 = (~reg & 8) << 4 | (~x & 8) << 3 | (~b & 8) << 2 | (~reg & 16) | (op >> 10 & 7);
  unsigned p1 = (op & X64_V_EW) >> 7 | (~vvvv & 15) << 3 | 4 | (op >> 8 & 3);
  unsigned p2 = (op >> 15 & 3) << 5 | (~vvvv & 16) >> 1;

  return 0x62 | p0 << 8 | p1 << 16 | p2 << 24;
}

void
x64_evex_rr (X64Asm *a, X64VecOp op, unsigned reg, unsigned vvvv, unsigned rm, int imm)
{
  uint8_t *q = x64_begin (a);
  uint32_t prefix = evex_prefix (op, reg, vvvv, rm >> 1, rm);

  if (q == NULL)
    return;
  assert (!(op & X64_V_VEX));
  memcpy (q, &prefix, 4);
  q[4] = (uint8_t) op;
  q[5] = (uint8_t) (0xc0 | (reg & 7) << 3 | (rm & 7));
  q[6] = (uint8_t) imm;
  a->p = q + 6 + (imm != X64_NO_IMM);
}

void
x64_evex_rm (X64Asm *a, X64VecOp op, unsigned reg, unsigned vvvv, X64Mem mem, int imm)
{
  uint8_t *q = x64_begin (a);
  uint32_t prefix = evex_prefix (op, reg, vvvv, (unsigned) mem.index, (unsigned) mem.base);

  if (q == NULL)
    return;
  assert (!(op & X64_V_VEX));
  memcpy (q, &prefix, 4);
  q[4] = (uint8_t) op;
  q = x64_put_any_mem_in_units (q + 5, reg, mem, imm != X64_NO_IMM, x64_vec_disp_shift (op));
  *q = (uint8_t) imm;
  a->p = q + (imm != X64_NO_IMM);
}
