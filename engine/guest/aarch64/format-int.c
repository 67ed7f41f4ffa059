// SPDX-License-Identifier: GPL-3.0-or-later
// Operands of integer data processing and branches (Arm ARM C4.1.86, C4.1.87, C4.1.89). Pure
// functions: any thread.
#include "engine/guest/aarch64/decode.h"
#include "engine/guest/aarch64/format.h"

#define A64_INSN(id, mask, value, format, flags) bool a64_fmt_##format (uint32_t insn, A64Op *op);
#include "engine/guest/aarch64/decode-int.inc"
#undef A64_INSN

static bool
is_64_bit (uint32_t insn)
{
  return insn >> 31;
}

// The immediate of a logical instruction, DecodeBitMasks of the Arm ARM: a run of ones, rotated,
// in an element of 2 to 64 bits that is replicated. False for the reserved values.
static bool
decode_bitmask (uint32_t insn, uint64_t *mask)
{
  unsigned n = a64_field (insn, 22, 1), immr = a64_field (insn, 16, 6);
  unsigned imms = a64_field (insn, 10, 6);
  unsigned size_code = n << 6 | (~imms & 0x3f);

  if (size_code < 2)
    return false;
  unsigned size = 1u << (31 - __builtin_clz (size_code));
  unsigned ones = (imms & (size - 1)) + 1, rotation = immr & (size - 1);
  if (ones == size)
    return false;
  uint64_t element = (UINT64_C (1) << ones) - 1;
  if (rotation != 0) {
    element = element >> rotation | element << (size - rotation);
    if (size < 64)
      element &= (UINT64_C (1) << size) - 1;
  }
  for (; size < 64; size *= 2)
    element |= element << size;
  *mask = is_64_bit (insn) ? element : (uint32_t) element;
  return true;
}

bool
a64_fmt_nothing (uint32_t insn, A64Op *op)
{
  return true;
}

bool
a64_fmt_adr (uint32_t insn, A64Op *op)
{
  op->rd = a64_destination (insn, 0);
  op->imm = a64_signed_field (insn, 5, 19) * 4 | a64_field (insn, 29, 2);
  return true;
}

bool
a64_fmt_adrp (uint32_t insn, A64Op *op)
{
  a64_fmt_adr (insn, op);
  op->imm *= 4096;
  return true;
}

bool
a64_fmt_addsub_imm (uint32_t insn, A64Op *op)
{
  op->rd = a64_number (insn, 0);
  op->rn = a64_number (insn, 5);
  op->imm = (int64_t) a64_field (insn, 10, 12) << (a64_field (insn, 22, 1) * 12);
  return true;
}

bool
a64_fmt_addsubs_imm (uint32_t insn, A64Op *op)
{
  a64_fmt_addsub_imm (insn, op);
  op->rd = a64_destination (insn, 0);
  return true;
}

bool
a64_fmt_logicals_imm (uint32_t insn, A64Op *op)
{
  uint64_t mask;

  if (!decode_bitmask (insn, &mask))
    return false;
  op->rd = a64_destination (insn, 0);
  op->rn = a64_source (insn, 5);
  op->imm = (int64_t) mask;
  return true;
}

bool
a64_fmt_logical_imm (uint32_t insn, A64Op *op)
{
  if (!a64_fmt_logicals_imm (insn, op))
    return false;
  op->rd = a64_number (insn, 0);
  return true;
}

// imm: the 16 bits where they belong; aux[0]: their position.
bool
a64_fmt_movk (uint32_t insn, A64Op *op)
{
  op->rd = a64_destination (insn, 0);
  op->aux[0] = a64_field (insn, 21, 2) * 16;
  op->imm = (int64_t) ((uint64_t) a64_field (insn, 5, 16) << op->aux[0]);
  return true;
}

bool
a64_fmt_movz (uint32_t insn, A64Op *op)
{
  return a64_fmt_movk (insn, op);
}

bool
a64_fmt_movn (uint32_t insn, A64Op *op)
{
  a64_fmt_movk (insn, op);
  op->imm = is_64_bit (insn) ? ~op->imm : (int64_t) (uint32_t) ~op->imm;
  return true;
}

// The field, wherever it goes, is (Xn << aux[0]) >> aux[1] in 64 bits; imm has the bits of the
// destination that BFM keeps.
bool
a64_fmt_bitfield (uint32_t insn, A64Op *op)
{
  unsigned immr = a64_field (insn, 16, 6), imms = a64_field (insn, 10, 6);
  unsigned size = is_64_bit (insn) ? 64 : 32;
  uint64_t all = UINT64_MAX >> (64 - size);

  op->rd = a64_destination (insn, 0);
  op->rn = a64_source (insn, 5);
  op->aux[0] = 63 - imms;
  if (imms >= immr) // to the bottom
    op->aux[1] = op->aux[0] + immr;
  else // from the bottom to bit size - immr
    op->aux[1] = op->aux[0] - (size - immr);
  op->imm = (int64_t) (all & ~(UINT64_MAX << op->aux[0] >> op->aux[1]));
  return true;
}

// Three registers and, in the shifted forms and EXTR, an amount in aux[0].
bool
a64_fmt_registers (uint32_t insn, A64Op *op)
{
  op->rd = a64_destination (insn, 0);
  op->rn = a64_source (insn, 5);
  op->rm = a64_source (insn, 16);
  op->aux[0] = a64_field (insn, 10, 6);
  return true;
}

// The second operand is (Xm << aux[0]) >> aux[0] << aux[1].
bool
a64_fmt_addsub_extended (uint32_t insn, A64Op *op)
{
  op->rd = a64_number (insn, 0);
  op->rn = a64_number (insn, 5);
  op->rm = a64_source (insn, 16);
  op->aux[0] = 64 - (8u << a64_field (insn, 13, 2));
  op->aux[1] = a64_field (insn, 10, 3);
  return op->aux[1] <= 4;
}

bool
a64_fmt_addsubs_extended (uint32_t insn, A64Op *op)
{
  bool allocated = a64_fmt_addsub_extended (insn, op);

  op->rd = a64_destination (insn, 0);
  return allocated;
}

// imm: the flags that change, in place.
bool
a64_fmt_rmif (uint32_t insn, A64Op *op)
{
  op->rn = a64_source (insn, 5);
  op->aux[0] = a64_field (insn, 15, 6);
  op->imm = (int64_t) a64_field (insn, 0, 4) << 28;
  return true;
}

// aux[0..1]: condition, aux[2]: the flags when it does not hold.
bool
a64_fmt_ccmp_reg (uint32_t insn, A64Op *op)
{
  op->rn = a64_source (insn, 5);
  op->rm = a64_source (insn, 16);
  a64_set_condition (op, a64_field (insn, 12, 4));
  op->aux[2] = a64_field (insn, 0, 4);
  return true;
}

bool
a64_fmt_ccmp_imm (uint32_t insn, A64Op *op)
{
  a64_fmt_ccmp_reg (insn, op);
  op->imm = a64_field (insn, 16, 5);
  return true;
}

bool
a64_fmt_csel (uint32_t insn, A64Op *op)
{
  op->rd = a64_destination (insn, 0);
  op->rn = a64_source (insn, 5);
  op->rm = a64_source (insn, 16);
  a64_set_condition (op, a64_field (insn, 12, 4));
  return true;
}

bool
a64_fmt_madd (uint32_t insn, A64Op *op)
{
  op->rd = a64_destination (insn, 0);
  op->rn = a64_source (insn, 5);
  op->rm = a64_source (insn, 16);
  op->ra = a64_source (insn, 10);
  return true;
}

// imm of branches: the distance from the branch itself.
bool
a64_fmt_branch (uint32_t insn, A64Op *op)
{
  op->imm = a64_signed_field (insn, 0, 26) * 4;
  return true;
}

bool
a64_fmt_branch_cond (uint32_t insn, A64Op *op)
{
  a64_set_condition (op, a64_field (insn, 0, 4));
  op->imm = a64_signed_field (insn, 5, 19) * 4;
  return true;
}

bool
a64_fmt_compare_branch (uint32_t insn, A64Op *op)
{
  op->rn = a64_source (insn, 0);
  op->imm = a64_signed_field (insn, 5, 19) * 4;
  return true;
}

// aux[0]: the bit.
bool
a64_fmt_test_branch (uint32_t insn, A64Op *op)
{
  op->rn = a64_source (insn, 0);
  op->aux[0] = a64_field (insn, 31, 1) << 5 | a64_field (insn, 19, 5);
  op->imm = a64_signed_field (insn, 5, 14) * 4;
  return true;
}
