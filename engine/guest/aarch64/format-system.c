// SPDX-License-Identifier: GPL-3.0-or-later
// Operands of the system instructions (Arm ARM C4.1.87). Pure functions.
//
// MRS and MSR: imm is the register's row in sysreg.inc, or -1; the packed number stays in the word.
// The row's kind chooses among the instruction's rows in decode-system.inc.
#include "engine/guest/aarch64/decode.h"
#include "engine/guest/aarch64/format.h"
#include "engine/guest/aarch64/sysop.h"
#include "engine/guest/aarch64/sysreg.h"

#define A64_INSN(id, mask, value, format, flags) bool a64_fmt_##format (uint32_t insn, A64Op *op);
#include "engine/guest/aarch64/decode-system.inc"
#undef A64_INSN

bool
a64_fmt_none (uint32_t insn, A64Op *op)
{
  (void) insn, (void) op;
  return true;
}

bool
a64_fmt_imm16 (uint32_t insn, A64Op *op)
{
  op->imm = a64_field (insn, 5, 16);
  return true;
}

bool
a64_fmt_sys_rt (uint32_t insn, A64Op *op)
{
  op->rd = a64_source (insn, 0);
  return true;
}

bool
a64_fmt_rndr (uint32_t insn, A64Op *op)
{
  op->rd = a64_destination (insn, 0);
  return true;
}

bool
a64_fmt_pstate (uint32_t insn, A64Op *op)
{
  op->imm = a64_field (insn, 8, 4);
  return true;
}

bool
a64_fmt_barrier (uint32_t insn, A64Op *op)
{
  op->imm = a64_field (insn, 8, 4);
  // Loads only, stores only or both: aux[0] says whether stores wait for later loads.
  op->aux[0] = (op->imm & 3) == 3 || (op->imm & 3) == 0;
  return true;
}

static uint32_t
register_number (uint32_t insn)
{
  return insn >> 5 & 0xffff;
}

// True for registers that are nothing but storage, of which writes have no other effect.
static bool
is_storage (int index)
{
  const A64SysReg *reg = index < 0 ? NULL : a64_sysreg_get (index);

  return reg != NULL && reg->offset >= 0;
}

bool
a64_fmt_mrs (uint32_t insn, A64Op *op)
{
  op->imm = a64_sysreg_find (register_number (insn));
  op->rd = a64_destination (insn, 0);
  return true;
}

bool
a64_fmt_msr (uint32_t insn, A64Op *op)
{
  op->imm = a64_sysreg_find (register_number (insn));
  op->rd = a64_source (insn, 0);
  return true;
}

bool
a64_fmt_mrs_store (uint32_t insn, A64Op *op)
{
  return a64_fmt_mrs (insn, op) && is_storage ((int) op->imm);
}

// Performance monitors: op0 3, op1 3, CRn 9 or (with CRm from 8) 14.
bool
a64_fmt_mrs_counter (uint32_t insn, A64Op *op)
{
  unsigned number = register_number (insn), crn = number >> 7 & 15, crm = number >> 3 & 15;

  return number >> 11 == (3 << 3 | 3) && (crn == 9 || (crn == 14 && crm >= 8)) &&
         a64_fmt_mrs (insn, op);
}

bool
a64_fmt_msr_store (uint32_t insn, A64Op *op)
{
  return a64_fmt_msr (insn, op) && is_storage ((int) op->imm) &&
         a64_sysreg_get ((int) op->imm)->write == NULL;
}

bool
a64_fmt_sys (uint32_t insn, A64Op *op)
{
  op->imm = insn >> 21 & 1 ? -1 : a64_sysop_find (insn);
  op->rd = a64_source (insn, 0);
  return true;
}
