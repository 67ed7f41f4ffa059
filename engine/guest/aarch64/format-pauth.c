// SPDX-License-Identifier: GPL-3.0-or-later
// Operands of pointer authentication (Arm ARM C4.1.66, C4.1.93). Pure: any thread.
//
// ra is the register of the pointer as a source and rd as a destination, rn that of the modifier.
#include "engine/guest/aarch64/format.h"

#define A64_INSN(id, mask, value, format, flags) bool a64_fmt_##format (uint32_t insn, A64Op *op);
#include "engine/guest/aarch64/decode-pauth.inc"
#undef A64_INSN

static bool
set (A64Op *op, uint8_t pointer, uint8_t modifier)
{
  op->rd = op->ra = pointer;
  op->rn = modifier;
  return true;
}

bool
a64_fmt_pauth (uint32_t insn, A64Op *op)
{
  op->rd = a64_destination (insn, 0);
  op->ra = a64_source (insn, 0);
  op->rn = a64_number (insn, 5);
  return true;
}

bool
a64_fmt_pauth_z (uint32_t insn, A64Op *op)
{
  bool ok = a64_fmt_pauth (insn, op);

  op->rn = A64_ZR;
  return ok;
}

bool
a64_fmt_pauth_generic (uint32_t insn, A64Op *op)
{
  op->rd = a64_destination (insn, 0);
  op->ra = a64_source (insn, 5);
  op->rn = a64_number (insn, 16);
  return true;
}

bool
a64_fmt_pauth_hint_1716 (uint32_t insn, A64Op *op)
{
  return set (op, 17, 16);
}

bool
a64_fmt_pauth_hint_z (uint32_t insn, A64Op *op)
{
  return set (op, 30, A64_ZR);
}

bool
a64_fmt_pauth_hint_sp (uint32_t insn, A64Op *op)
{
  return set (op, 30, A64_SP);
}

bool
a64_fmt_pauth_branch (uint32_t insn, A64Op *op)
{
  return set (op, a64_source (insn, 5), a64_number (insn, 0));
}

bool
a64_fmt_pauth_branch_z (uint32_t insn, A64Op *op)
{
  return set (op, a64_source (insn, 5), A64_ZR);
}

// rn is the base, aux[0] tells whether it is written back.
bool
a64_fmt_pauth_load (uint32_t insn, A64Op *op)
{
  op->rd = a64_destination (insn, 0);
  op->rn = a64_number (insn, 5);
  op->imm = (a64_signed_field (insn, 22, 1) * 512 + a64_field (insn, 12, 9)) * 8;
  op->aux[0] = a64_field (insn, 11, 1);
  return true;
}
