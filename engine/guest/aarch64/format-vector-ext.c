// SPDX-License-Identifier: GPL-3.0-or-later
// Operands of the vector instructions of later extensions: SHA-512, SHA-3, byte matrices, complex
// numbers (Arm ARM C4.1.90). Pure: any thread. The aux fields are those of format-simd.c for
// integers and of format-fp.c for floating point; others are told at each function.
#include "engine/guest/aarch64/format.h"

#define A64_INSN(id, mask, value, format, flags) bool a64_fmt_##format (uint32_t insn, A64Op *op);
#include "engine/guest/aarch64/decode-complex.inc"
#include "engine/guest/aarch64/decode-fp16.inc"
#include "engine/guest/aarch64/decode-i8mm.inc"
#include "engine/guest/aarch64/decode-sha3.inc"
#undef A64_INSN

static void
set_registers (uint32_t insn, A64Op *op)
{
  op->rd = a64_number (insn, 0);
  op->rn = a64_number (insn, 5);
  op->rm = a64_number (insn, 16);
}

bool
a64_fmt_crypto_4 (uint32_t insn, A64Op *op)
{
  set_registers (insn, op);
  op->ra = a64_number (insn, 10);
  return true;
}

// imm: the rotation to the right.
bool
a64_fmt_crypto_xar (uint32_t insn, A64Op *op)
{
  set_registers (insn, op);
  op->imm = a64_field (insn, 10, 6);
  return true;
}

// Groups of four bytes, Vm's at index H:L. Bit 23 tells the two rows apart and is no size.
bool
a64_fmt_i8mm_elem (uint32_t insn, A64Op *op)
{
  set_registers (insn, op);
  op->aux[0] = 2;
  op->aux[1] = a64_field (insn, 30, 1) ? 16 : 8;
  op->aux[3] = a64_field (insn, 11, 1) << 1 | a64_field (insn, 21, 1);
  return true;
}

// aux[0]: lanes of a vector of singles; imm: the rotation in quarters of a turn.
static void
set_complex (uint32_t insn, A64Op *op, unsigned rotation)
{
  set_registers (insn, op);
  op->aux[0] = a64_field (insn, 30, 1) ? 4 : 2;
  op->imm = rotation;
}

// By 90 or 270 degrees.
bool
a64_fmt_complex_add (uint32_t insn, A64Op *op)
{
  set_complex (insn, op, a64_field (insn, 12, 1) ? 3 : 1);
  return true;
}

bool
a64_fmt_complex_mla (uint32_t insn, A64Op *op)
{
  set_complex (insn, op, a64_field (insn, 11, 2));
  return true;
}

// aux[1]: the index of the number in Vm, H:L, which a vector of 64 bits has no upper half for.
bool
a64_fmt_complex_mla_e_h (uint32_t insn, A64Op *op)
{
  set_complex (insn, op, a64_field (insn, 13, 2));
  op->aux[1] = a64_field (insn, 11, 1) << 1 | a64_field (insn, 21, 1);
  return op->aux[1] < op->aux[0];
}

// The same, H.
bool
a64_fmt_complex_mla_e_s (uint32_t insn, A64Op *op)
{
  set_complex (insn, op, a64_field (insn, 13, 2));
  op->aux[1] = a64_field (insn, 11, 1);
  return true;
}
