// SPDX-License-Identifier: GPL-3.0-or-later
// VEX and EVEX encoding (Intel SDM volume 2, sections 2.3 and 2.7), shared by vector
// instructions and by BMI. Include asm.h, not this file.
#pragma once

#include "engine/host/x86_64/asm-core.h"

// xmm, ymm or zmm number, 0..31; 16 and up need AVX-512VL.
typedef unsigned X64Vec;

// An opcode with everything its encoding needs but operands. EVEX is chosen when a register asks
// for it or when there is no VEX form.
typedef uint32_t X64VecOp;
enum {
  X64_V_NONE = 0, // mandatory prefix
  X64_V_66 = 1 << 8,
  X64_V_F3 = 2 << 8,
  X64_V_F2 = 3 << 8,
  X64_V_0F = 1 << 10, // opcode map
  X64_V_0F38 = 2 << 10,
  X64_V_0F3A = 3 << 10,
  X64_V_W = 1 << 13,    // VEX.W
  X64_V_EW = 1 << 14,   // EVEX.W
  X64_V_L256 = 1 << 15, // or this in for ymm,
  X64_V_L512 = 1 << 16, // for zmm
  X64_V_EVEX = 1 << 17, // no VEX form
  X64_V_VEX = 1 << 18,  // no EVEX form
  X64_V_COMM = 1 << 19, // s1 and s2 may change places
  // The unit of EVEX displacements of one byte: log2, and whether it grows with the vector.
  X64_V_N1 = 0 << 20,
  X64_V_N2 = 1 << 20,
  X64_V_N4 = 2 << 20,
  X64_V_N8 = 3 << 20,
  X64_V_N16 = 4 << 20,
  X64_V_NEIGHTH = 9 << 20,
  X64_V_NQUART = 10 << 20,
  X64_V_NHALF = 11 << 20,
  X64_V_NFULL = 12 << 20,
  X64_V_ST = 1 << 24,    // rm is the destination, reg the source
  X64_V_DIGIT = 1 << 28, // vvvv is the destination, reg an opcode extension: see X64_V_EXT
  X64_V_W64 = X64_V_W | X64_V_EW,
};
#define X64_V_EXT(digit) (X64_V_DIGIT | (digit) << 25)

// log2 of the unit of an EVEX displacement of one byte.
static inline unsigned
x64_vec_disp_shift (X64VecOp op)
{
  return (op >> 20 & 7) + (op >> 23 & 1) * (op >> 15 & 3);
}

// --- Emission by role: reg and vvvv as in ModRM and VEX, rm a register or memory -----------

// `imm` is 0..255 or X64_NO_IMM.
enum { X64_NO_IMM = -1 };

void x64_evex_rr (X64Asm *a, X64VecOp op, unsigned reg, unsigned vvvv, unsigned rm, int imm);
void x64_evex_rm (X64Asm *a, X64VecOp op, unsigned reg, unsigned vvvv, X64Mem mem, int imm);

static inline void
x64_vex_rr (X64Asm *a, X64VecOp op, unsigned reg, unsigned vvvv, unsigned rm, int imm)
{
  uint64_t word;
  unsigned bytes, tail, lpp = (op >> 13 & 4) | (op >> 8 & 3);
  uint8_t *q = x64_begin (a);

  if ((op & (X64_V_EVEX | X64_V_L512)) || (reg | vvvv | rm) >= 16) {
    x64_evex_rr (a, op, reg, vvvv, rm, imm);
    return;
  }
  if (q == NULL)
    return;
  if ((op & X64_V_COMM) && rm >= 8 && vvvv < 8) {
    unsigned other = rm;

    rm = vvvv;
    vvvv = other;
  }
  tail = (op & 0xff) | (0xc0 | (reg & 7) << 3 | (rm & 7)) << 8 | (uint32_t) (imm & 0xff) << 16;
  lpp |= (~vvvv & 15) << 3;
  if (rm < 8 && (op & (X64_V_W | 7 << 10)) == X64_V_0F) {
    word = 0xc5 | ((~reg & 8) << 4 | lpp) << 8 | (uint64_t) tail << 16;
    bytes = 4;
  } else {
    word = 0xc4 | ((~reg & 8) << 4 | 0x40 | (~rm & 8) << 2 | (op >> 10 & 7)) << 8 |
           ((op & X64_V_W) >> 6 | lpp) << 16 | (uint64_t) tail << 24;
    bytes = 5;
  }
  memcpy (q, &word, 8);
  a->p = q + bytes + (imm != X64_NO_IMM);
}

// VEX in front of an opcode. `x` and `b` are bit 3 of index and base, in place.
static inline uint8_t *
x64_put_vex (uint8_t *q, X64VecOp op, unsigned reg, unsigned vvvv, unsigned x, unsigned b)
{
  unsigned r = (~reg & 8) << 4;
  unsigned lpp = (op >> 13 & 4) | (~vvvv & 15) << 3 | (op >> 8 & 3);
  uint32_t word;

  if ((x | b) == 0 && (op & (X64_V_W | 7 << 10)) == X64_V_0F) {
    word = 0xc5 | (r | lpp) << 8 | (op & 0xff) << 16;
    memcpy (q, &word, 4);
    return q + 3;
  }
  word = 0xc4 | (r | (x ^ 8) << 3 | (b ^ 8) << 2 | (op >> 10 & 7)) << 8 |
         ((op & X64_V_W) >> 6 | lpp) << 16 | op << 24;
  memcpy (q, &word, 4);
  return q + 4;
}

static inline void
x64_vex_rm (X64Asm *a, X64VecOp op, unsigned reg, unsigned vvvv, X64Mem mem, int imm)
{
  uint8_t *q = x64_begin (a);

  if ((op & (X64_V_EVEX | X64_V_L512)) || (reg | vvvv) >= 16) {
    x64_evex_rm (a, op, reg, vvvv, mem, imm);
    return;
  }
  if (q == NULL)
    return;
  q = x64_put_vex (q, op, reg, vvvv, (unsigned) mem.index & 8, (unsigned) mem.base & 8);
  q = x64_put_mem (q, reg, mem, imm != X64_NO_IMM);
  *q = (uint8_t) imm;
  a->p = q + (imm != X64_NO_IMM);
}
