// SPDX-License-Identifier: GPL-3.0-or-later
// Operands of memory copies and sets (Arm ARM C4.1.94). Pure: any thread.
//
// rd is the register of the destination, rm that of the source or of the byte to set, rn that of
// the size; aux[0] has the options. Registers that are the same, or 31, are CONSTRAINED
// UNPREDICTABLE: UNDEFINED here.
#include "engine/guest/aarch64/format.h"

#define A64_INSN(id, mask, value, format, flags) bool a64_fmt_##format (uint32_t insn, A64Op *op);
#include "engine/guest/aarch64/decode-mops.inc"
#undef A64_INSN

bool
a64_fmt_copy (uint32_t insn, A64Op *op)
{
  op->rd = a64_number (insn, 0);
  op->rn = a64_number (insn, 5);
  op->rm = a64_number (insn, 16);
  op->aux[0] = (uint8_t) a64_field (insn, 12, 4);
  return op->rd != op->rn && op->rd != op->rm && op->rn != op->rm && op->rd != 31 && op->rn != 31 &&
         op->rm != 31;
}

bool
a64_fmt_set (uint32_t insn, A64Op *op)
{
  unsigned byte = a64_field (insn, 16, 5);

  op->rd = a64_number (insn, 0);
  op->rn = a64_number (insn, 5);
  op->rm = a64_source (insn, 16);
  op->aux[0] = (uint8_t) a64_field (insn, 12, 2);
  return op->rd != op->rn && op->rd != byte && op->rn != byte && op->rd != 31 && op->rn != 31;
}
