// SPDX-License-Identifier: GPL-3.0-or-later
// Operands of loads and stores of general and single SIMD&FP registers, exclusives and atomics
// (Arm ARM C4.1.88). Pure functions: any thread.
#include "engine/guest/aarch64/decode.h"
#include "engine/guest/aarch64/format.h"

#define A64_INSN(id, mask, value, format, flags) bool a64_fmt_##format (uint32_t insn, A64Op *op);
#include "engine/guest/aarch64/decode-mem.inc"
#undef A64_INSN

// The transferred register at bit `low`: a vector register, or a general one to load or to store.
static uint8_t
transferred (uint32_t insn, unsigned low, bool load)
{
  if (a64_field (insn, 26, 1) != 0)
    return a64_number (insn, low);
  return load ? a64_destination (insn, low) : a64_source (insn, low);
}

// Rt and Rn of a single transfer with size, V and opc, and its log2 size in bytes.
static unsigned
single (uint32_t insn, A64Op *op)
{
  bool vector = a64_field (insn, 26, 1) != 0;
  unsigned opc = a64_field (insn, 22, 2);

  op->rd = transferred (insn, 0, vector || opc != 0);
  op->rn = a64_number (insn, 5);
  return a64_field (insn, 30, 2) | (vector && opc >= 2 ? 4 : 0);
}

bool
a64_fmt_single_uimm (uint32_t insn, A64Op *op)
{
  unsigned scale = single (insn, op);

  op->imm = (int64_t) a64_field (insn, 10, 12) << scale;
  return true;
}

bool
a64_fmt_single_imm9 (uint32_t insn, A64Op *op)
{
  single (insn, op);
  op->imm = a64_signed_field (insn, 12, 9);
  return true;
}

// aux[0]: how far the offset is shifted left.
bool
a64_fmt_single_register (uint32_t insn, A64Op *op)
{
  unsigned scale = single (insn, op);

  op->rm = a64_source (insn, 16);
  op->aux[0] = a64_field (insn, 12, 1) != 0 ? scale : 0;
  return true;
}

// imm: the distance from the instruction itself.
bool
a64_fmt_literal (uint32_t insn, A64Op *op)
{
  op->rd = transferred (insn, 0, true);
  op->imm = a64_signed_field (insn, 5, 19) * 4;
  return true;
}

bool
a64_fmt_pair (uint32_t insn, A64Op *op)
{
  bool vector = a64_field (insn, 26, 1) != 0, load = a64_field (insn, 22, 1) != 0;
  unsigned opc = a64_field (insn, 30, 2);
  unsigned scale = vector ? 2 + opc : 2 + (opc >> 1);

  op->rd = transferred (insn, 0, load);
  op->ra = transferred (insn, 10, load);
  op->rn = a64_number (insn, 5);
  op->imm = a64_signed_field (insn, 15, 7) * (1 << scale);
  return true;
}

// rm: Rs, the status.
bool
a64_fmt_exclusive_store (uint32_t insn, A64Op *op)
{
  op->rd = a64_source (insn, 0);
  op->ra = a64_source (insn, 10);
  op->rn = a64_number (insn, 5);
  op->rm = a64_destination (insn, 16);
  return true;
}

bool
a64_fmt_exclusive_load (uint32_t insn, A64Op *op)
{
  op->rd = a64_destination (insn, 0);
  op->ra = a64_destination (insn, 10);
  op->rn = a64_number (insn, 5);
  return true;
}

// rm: Rs, the operand; rd: where the old value goes.
bool
a64_fmt_atomic (uint32_t insn, A64Op *op)
{
  op->rd = a64_destination (insn, 0);
  op->rn = a64_number (insn, 5);
  op->rm = a64_source (insn, 16);
  return true;
}

// rm, ra: Rs as the value to compare and as the destination of the old one; rd: the new value.
bool
a64_fmt_compare_swap (uint32_t insn, A64Op *op)
{
  op->rd = a64_source (insn, 0);
  op->rn = a64_number (insn, 5);
  op->rm = a64_source (insn, 16);
  op->ra = a64_destination (insn, 16);
  return true;
}

// The same, with the second register of each in aux[0..2]. Pairs begin with an even register;
// that of 30 ends with the zero register.
bool
a64_fmt_compare_swap_pair (uint32_t insn, A64Op *op)
{
  if ((insn & 0x00010001) != 0)
    return false;
  a64_fmt_compare_swap (insn, op);
  op->aux[0] = a64_source (insn | 1, 0);
  op->aux[1] = a64_source (insn | 1u << 16, 16);
  op->aux[2] = a64_destination (insn | 1u << 16, 16);
  return true;
}
