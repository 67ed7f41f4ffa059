// SPDX-License-Identifier: GPL-3.0-or-later
// BMI1 and BMI2 (Intel SDM volume 2). Shifts, rorx, mulx, pdep and pext leave the flags alone.
// Include asm.h, not this file.
#pragma once

#include "engine/host/x86_64/asm-vex.h"

static inline X64VecOp
x64_bmi_op (X64VecOp op, unsigned bits)
{
  return op | (bits == 64 ? X64_V_W : 0);
}

// d = s shifted, or cut, as register c says. s may be memory.
enum X64BmiShift {
  X64_SHLX = X64_V_66 | X64_V_0F38 | 0xf7,
  X64_SARX = X64_V_F3 | X64_V_0F38 | 0xf7,
  X64_SHRX = X64_V_F2 | X64_V_0F38 | 0xf7,
  X64_BEXTR = X64_V_0F38 | 0xf7, // c: first bit, and number of bits << 8
  X64_BZHI = X64_V_0F38 | 0xf5,  // c: number of bits to keep
};

static inline void
x64_shiftx_rrr (X64Asm *a, enum X64BmiShift op, unsigned bits, unsigned d, unsigned s, unsigned c)
{
  x64_vex_rr (a, x64_bmi_op (op, bits), d, c, s, X64_NO_IMM);
}

static inline void
x64_shiftx_rmr (X64Asm *a, enum X64BmiShift op, unsigned bits, unsigned d, X64Mem s, unsigned c)
{
  x64_vex_rm (a, x64_bmi_op (op, bits), d, c, s, X64_NO_IMM);
}

// Of s1 and s2; s2 may be memory.
enum X64BmiOp {
  X64_ANDN = X64_V_0F38 | 0xf2,            // ~s1 & s2
  X64_PDEP = X64_V_F2 | X64_V_0F38 | 0xf5, // s1 to where the mask s2 has ones
  X64_PEXT = X64_V_F3 | X64_V_0F38 | 0xf5, // s1 from there
  X64_MULX = X64_V_F2 | X64_V_0F38 | 0xf6, // d:s1 = rdx * s2: s1 is written
};

static inline void
x64_bmi_rrr (X64Asm *a, enum X64BmiOp op, unsigned bits, unsigned d, unsigned s1, unsigned s2)
{
  x64_vex_rr (a, x64_bmi_op (op, bits), d, s1, s2, X64_NO_IMM);
}

static inline void
x64_bmi_rrm (X64Asm *a, enum X64BmiOp op, unsigned bits, unsigned d, unsigned s1, X64Mem s2)
{
  x64_vex_rm (a, x64_bmi_op (op, bits), d, s1, s2, X64_NO_IMM);
}

enum X64BmiLow {
  X64_BLSR = 1,   // without the lowest one
  X64_BLSMSK = 2, // ones up to and with it
  X64_BLSI = 3,   // nothing else
};

static inline void
x64_bls_rr (X64Asm *a, enum X64BmiLow op, unsigned bits, unsigned d, unsigned s)
{
  x64_vex_rr (a, x64_bmi_op (X64_V_0F38 | 0xf3, bits), op, d, s, X64_NO_IMM);
}

static inline void
x64_bls_rm (X64Asm *a, enum X64BmiLow op, unsigned bits, unsigned d, X64Mem s)
{
  x64_vex_rm (a, x64_bmi_op (X64_V_0F38 | 0xf3, bits), op, d, s, X64_NO_IMM);
}

static inline void
x64_rorx_rri (X64Asm *a, unsigned bits, unsigned d, unsigned s, unsigned count)
{
  x64_vex_rr (a, x64_bmi_op (X64_V_F2 | X64_V_0F3A | 0xf0, bits), d, 0, s, (int) count);
}

static inline void
x64_rorx_rmi (X64Asm *a, unsigned bits, unsigned d, X64Mem s, unsigned count)
{
  x64_vex_rm (a, x64_bmi_op (X64_V_F2 | X64_V_0F3A | 0xf0, bits), d, 0, s, (int) count);
}
