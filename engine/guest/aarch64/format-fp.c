// SPDX-License-Identifier: GPL-3.0-or-later
// Operands of the floating-point instructions, scalar and vector (Arm ARM C4.1.90). Pure: any
// thread.
//
// aux[0]: lanes of a vector of singles (of halves it has twice as many, and doubles always fill the
// register), or the width in bits of
// an integer in a general register. aux[1]: fraction bits of a fixed-point number, or the index of
// an element. aux[0..1]: the condition of FCSEL, FCCMP and FCCMPE.
#include "engine/guest/aarch64/format.h"

#define A64_INSN(id, mask, value, format, flags) bool a64_fmt_##format (uint32_t insn, A64Op *op);
#include "engine/guest/aarch64/decode-fp.inc"
#include "engine/guest/aarch64/decode-fp16.inc"
#include "engine/guest/aarch64/decode-simdfp.inc"
#undef A64_INSN

bool
a64_fmt_fp_1 (uint32_t insn, A64Op *op)
{
  op->rd = a64_number (insn, 0);
  op->rn = a64_number (insn, 5);
  return true;
}

bool
a64_fmt_fp_2 (uint32_t insn, A64Op *op)
{
  op->rm = a64_number (insn, 16);
  return a64_fmt_fp_1 (insn, op);
}

bool
a64_fmt_fp_3 (uint32_t insn, A64Op *op)
{
  op->ra = a64_number (insn, 10);
  return a64_fmt_fp_2 (insn, op);
}

bool
a64_fmt_fp_csel (uint32_t insn, A64Op *op)
{
  a64_set_condition (op, a64_field (insn, 12, 4));
  return a64_fmt_fp_2 (insn, op);
}

// imm: NZCV for when the condition does not hold.
bool
a64_fmt_fp_ccmp (uint32_t insn, A64Op *op)
{
  op->imm = (int64_t) a64_field (insn, 0, 4) << 28;
  return a64_fmt_fp_csel (insn, op);
}

// VFPExpandImm to a double: sign, NOT(b), b times eight, the rest; to a single likewise.
static uint64_t
expand_immediate_d (unsigned imm8)
{
  uint64_t exp = (imm8 & 0x40) != 0 ? 0x3fc : 0x400;

  return (uint64_t) (imm8 & 0x80) << 56 | exp << 52 | (uint64_t) (imm8 & 0x3f) << 48;
}

static uint32_t
expand_immediate_s (unsigned imm8)
{
  uint32_t exp = (imm8 & 0x40) != 0 ? 0x7c : 0x80;

  return (imm8 & 0x80) << 24 | exp << 23 | (imm8 & 0x3f) << 19;
}

static uint16_t
expand_immediate_h (unsigned imm8)
{
  uint32_t exp = (imm8 & 0x40) != 0 ? 0xc : 0x10;

  return (uint16_t) ((imm8 & 0x80) << 8 | exp << 10 | (imm8 & 0x3f) << 6);
}

bool
a64_fmt_fp_imm_h (uint32_t insn, A64Op *op)
{
  op->imm = expand_immediate_h (a64_field (insn, 13, 8));
  return a64_fmt_fp_1 (insn, op);
}

bool
a64_fmt_fp_imm_s (uint32_t insn, A64Op *op)
{
  op->imm = expand_immediate_s (a64_field (insn, 13, 8));
  return a64_fmt_fp_1 (insn, op);
}

bool
a64_fmt_fp_imm_d (uint32_t insn, A64Op *op)
{
  op->imm = (int64_t) expand_immediate_d (a64_field (insn, 13, 8));
  return a64_fmt_fp_1 (insn, op);
}

bool
a64_fmt_fp_to_gpr (uint32_t insn, A64Op *op)
{
  op->rd = a64_destination (insn, 0);
  op->rn = a64_number (insn, 5);
  op->aux[0] = insn >> 31 ? 64 : 32;
  return true;
}

bool
a64_fmt_fp_from_gpr (uint32_t insn, A64Op *op)
{
  op->rd = a64_number (insn, 0);
  op->rn = a64_source (insn, 5);
  op->aux[0] = insn >> 31 ? 64 : 32;
  return true;
}

static bool
set_fraction_bits (uint32_t insn, A64Op *op)
{
  op->aux[1] = 64 - a64_field (insn, 10, 6);
  return op->aux[1] <= op->aux[0];
}

bool
a64_fmt_fp_to_gpr_fixed (uint32_t insn, A64Op *op)
{
  return a64_fmt_fp_to_gpr (insn, op) && set_fraction_bits (insn, op);
}

bool
a64_fmt_fp_from_gpr_fixed (uint32_t insn, A64Op *op)
{
  return a64_fmt_fp_from_gpr (insn, op) && set_fraction_bits (insn, op);
}

bool
a64_fmt_fpv_1 (uint32_t insn, A64Op *op)
{
  op->aux[0] = a64_field (insn, 30, 1) ? 4 : 2;
  return a64_fmt_fp_1 (insn, op);
}

bool
a64_fmt_fpv_2 (uint32_t insn, A64Op *op)
{
  op->rm = a64_number (insn, 16);
  return a64_fmt_fpv_1 (insn, op);
}

// Index H:L:M; four bits of Rm are left.
bool
a64_fmt_fpv_element_h (uint32_t insn, A64Op *op)
{
  bool ok = a64_fmt_fpv_2 (insn, op);

  op->aux[1] =
      a64_field (insn, 11, 1) << 2 | a64_field (insn, 21, 1) << 1 | a64_field (insn, 20, 1);
  op->rm = a64_field (insn, 16, 4);
  return ok;
}

// Index H:L.
bool
a64_fmt_fpv_element_s (uint32_t insn, A64Op *op)
{
  op->aux[1] = a64_field (insn, 11, 1) << 1 | a64_field (insn, 21, 1);
  return a64_fmt_fpv_2 (insn, op);
}

// Index H.
bool
a64_fmt_fpv_element_d (uint32_t insn, A64Op *op)
{
  op->aux[1] = a64_field (insn, 11, 1);
  return a64_fmt_fpv_2 (insn, op);
}

// immh:immb is 32 - fraction bits for halves, 64 - for singles, 128 - for doubles.
bool
a64_fmt_fpv_fixed_h (uint32_t insn, A64Op *op)
{
  op->aux[1] = 32 - a64_field (insn, 16, 7);
  return a64_fmt_fpv_1 (insn, op);
}

bool
a64_fmt_fpv_fixed_s (uint32_t insn, A64Op *op)
{
  op->aux[1] = 64 - a64_field (insn, 16, 7);
  return a64_fmt_fpv_1 (insn, op);
}

bool
a64_fmt_fpv_fixed_d (uint32_t insn, A64Op *op)
{
  op->aux[1] = 128 - a64_field (insn, 16, 7);
  return a64_fmt_fpv_1 (insn, op);
}

// imm8 is abc:defgh; imm is what fills 64 bits.
bool
a64_fmt_fpv_imm_h (uint32_t insn, A64Op *op)
{
  uint64_t half = expand_immediate_h (a64_field (insn, 16, 3) << 5 | a64_field (insn, 5, 5));

  op->imm = (int64_t) (half * 0x0001000100010001);
  return a64_fmt_fpv_1 (insn, op);
}

bool
a64_fmt_fpv_imm_s (uint32_t insn, A64Op *op)
{
  uint64_t single = expand_immediate_s (a64_field (insn, 16, 3) << 5 | a64_field (insn, 5, 5));

  op->imm = (int64_t) (single << 32 | single);
  return a64_fmt_fpv_1 (insn, op);
}

bool
a64_fmt_fpv_imm_d (uint32_t insn, A64Op *op)
{
  op->imm = (int64_t) expand_immediate_d (a64_field (insn, 16, 3) << 5 | a64_field (insn, 5, 5));
  return a64_fmt_fpv_1 (insn, op);
}
