// SPDX-License-Identifier: GPL-3.0-or-later
// System instructions to uops: reads and writes of state that have no other effect; tier 0 does the
// rest (Arm ARM C5, D19). vCPU thread.
#include <assert.h>
#include <stddef.h>

#include "engine/guest/aarch64/format.h"
#include "engine/guest/aarch64/sysreg.h"
#include "engine/guest/aarch64/translate-system.h"

A64_TRANSLATE_FUNCTION (nothing)
{
  (void) t, (void) op, (void) row;
}

A64_TRANSLATE_FUNCTION (interp)
{
  a64_emit_interp (t, op, row->uop);
}

A64_TRANSLATE_FUNCTION (pauth_hint)
{
  if (t->key->features & A64_FEATURE_PAUTH)
    a64_emit_interp (t, op, UOP_INTERP);
}

A64_TRANSLATE_FUNCTION (clrex)
{
  a64_emit (t, row->uop, 0);
}

// Those that do not make loads wait for stores are nothing on a host that orders all else.
A64_TRANSLATE_FUNCTION (dmb)
{
  if (op->aux[0])
    a64_emit (t, row->uop, 0);
}

// Waits for other CPUs, where there are any.
A64_TRANSLATE_FUNCTION (dsb)
{
  if (t->key->smp)
    a64_emit_interp (t, op, UOP_INTERP);
  else
    a64_emit (t, row->uop, 0);
}

// What follows is looked up again, as code that may have been changed or moved has to be: no link
// leads there.
A64_TRANSLATE_FUNCTION (isb)
{
  a64_emit_imm (t, UOP_MOVPC, UOP_W64, IR_TEMP, 0, op->pc_off + 4);
  a64_emit (t, row->uop, 0)->a = IR_TEMP;
}

// ---- exceptions -----------------------------------------------------------------------------

// With another number in its syndrome it is seldom.
A64_TRANSLATE_FUNCTION (svc)
{
  a64_emit_interp (t, op, t->key->el == 0 && op->imm == 0 ? row->uop : UOP_INTERP_END);
}

A64_TRANSLATE_FUNCTION (eret)
{
  bool usual = t->key->el != 0 && t->key->sp_sel && !t->key->uao;

  a64_emit_interp (t, op, usual ? row->uop : UOP_INTERP_END);
}

// ---- PSTATE ---------------------------------------------------------------------------------

enum {
  OFFSET_SP_EL0 = offsetof (A64Cpu, sp_bank),
  OFFSET_FPCR = offsetof (A64Cpu, fpcr),
  OFFSET_FLAGS = offsetof (A64Cpu, fp.flags),
  OFFSET_SATURATED = offsetof (A64Cpu, fpsr_qc),
};

// Of `n_bytes` 1, 4 or 8 at `offset` of the CPU.
static void
emit_state (A64Translator *t, unsigned uop, unsigned d, unsigned offset, unsigned n_bytes)
{
  Uop *u = a64_emit_imm (t, uop, UOP_W64, (uint8_t) d, 0, offset);

  u->aux = (uint8_t) __builtin_ctz (n_bytes);
}

// A byte of PSTATE, and where it is in its register.
static bool
find_pstate (uint32_t number, unsigned *offset, unsigned *bit)
{
  static const struct {
    uint16_t number, offset;
    uint8_t bit;
  } fields[] = {
      {A64_SYSREG (3, 3, 4, 2, 1), offsetof (A64Cpu, pstate.daif), 6},
      {A64_SYSREG (3, 0, 4, 2, 3), offsetof (A64Cpu, pstate.pan), 22},
      {A64_SYSREG (3, 0, 4, 2, 4), offsetof (A64Cpu, pstate.uao), 23},
      {A64_SYSREG (3, 3, 4, 2, 5), offsetof (A64Cpu, pstate.dit), 24},
      {A64_SYSREG (3, 3, 4, 2, 6), offsetof (A64Cpu, pstate.ssbs), 12},
  };

  for (unsigned i = 0; i < sizeof fields / sizeof fields[0]; i++)
    if (fields[i].number == number) {
      *offset = fields[i].offset;
      *bit = fields[i].bit;
      return true;
    }
  return false;
}

// MSR of an immediate: bit 0 of it.
A64_TRANSLATE_FUNCTION (msr_pstate)
{
  bool dit = op->id == A64_MSR_DIT;

  a64_emit_constant (t, IR_TEMP, op->imm & 1);
  emit_state (t, row->uop, IR_TEMP,
              dit ? offsetof (A64Cpu, pstate.dit) : offsetof (A64Cpu, pstate.ssbs), 1);
}

A64_TRANSLATE_FUNCTION (msr_daifset)
{
  if (t->key->el == 0) {
    a64_emit_interp (t, op, UOP_INTERP);
    return;
  }
  emit_state (t, UOP_GET, IR_TEMP, offsetof (A64Cpu, pstate.daif), 1);
  a64_emit_imm (t, UOP_ORI, UOP_W64, IR_TEMP, IR_TEMP, op->imm);
  emit_state (t, row->uop, IR_TEMP, offsetof (A64Cpu, pstate.daif), 1);
}

static_assert (offsetof (A64Cpu, irq_level) % 4 == 0 &&
                   offsetof (A64Cpu, fiq_level) == offsetof (A64Cpu, irq_level) + 1 &&
                   offsetof (A64Cpu, step_armed) == offsetof (A64Cpu, irq_level) + 2 &&
                   offsetof (A64Cpu, never) == offsetof (A64Cpu, irq_level) + 3,
               "looked at as one word");

// The mask of exceptions becomes what is in IR_TEMP. Where one may be waiting tier 0 carries the
// instruction out again, which does no harm.
static void
emit_unmask (A64Translator *t, const A64Op *op)
{
  a64_emit_interp (t, op, UOP_UNMASK)->a = IR_TEMP;
}

A64_TRANSLATE_FUNCTION (msr_daifclr)
{
  (void) row;
  if (t->key->el == 0) {
    a64_emit_interp (t, op, UOP_INTERP_END);
    return;
  }
  emit_state (t, UOP_GET, IR_TEMP, offsetof (A64Cpu, pstate.daif), 1);
  a64_emit_imm (t, UOP_ANDI, UOP_W64, IR_TEMP, IR_TEMP, ~op->imm & 15);
  emit_unmask (t, op);
}

// ---- system registers -----------------------------------------------------------------------

// Whether the register is there to read or write whatever other registers say; the rest is found
// out by tier 0 each time.
static bool
is_allowed (const A64TranslateKey *key, const A64SysReg *reg, bool write)
{
  unsigned rule = key->el == 0 ? reg->el0 : reg->el1;

  if (reg->el1 == A64_RULE_PAUTH)
    return key->el != 0 && (key->features & A64_FEATURE_PAUTH) != 0;
  return rule == A64_RULE_RW || rule == (write ? A64_RULE_WO : A64_RULE_RO);
}

A64_TRANSLATE_FUNCTION (mrs_store)
{
  const A64SysReg *reg = a64_sysreg_get ((int) op->imm);

  if (!is_allowed (t->key, reg, false))
    a64_emit_interp (t, op, UOP_INTERP);
  else if (op->rd != IR_SINK)
    emit_state (t, row->uop, op->rd, (unsigned) reg->offset, 8);
}

A64_TRANSLATE_FUNCTION (msr_store)
{
  const A64SysReg *reg = a64_sysreg_get ((int) op->imm);
  uint64_t fixed = reg->reset & ~reg->mask;
  unsigned d = op->rd;

  if (!is_allowed (t->key, reg, true)) {
    a64_emit_interp (t, op, UOP_INTERP);
    return;
  }
  if (reg->mask == 0)
    return;
  if (reg->mask != UINT64_MAX) {
    d = IR_TEMP;
    a64_emit_imm (t, UOP_ANDI, UOP_W64, IR_TEMP, op->rd, (int64_t) reg->mask);
  }
  if (fixed != 0)
    a64_emit_imm (t, UOP_ORI, UOP_W64, IR_TEMP, IR_TEMP, (int64_t) fixed);
  emit_state (t, row->uop, d, (unsigned) reg->offset, 8);
}

static uint32_t
register_number (const A64Op *op)
{
  return a64_field (op->insn, 5, 16);
}

static bool
is_fpsr (const A64Op *op)
{
  return register_number (op) == A64_SYSREG (3, 3, 4, 4, 1);
}

// Generated code may have cumulative flags elsewhere.
static void
emit_fpsr_sync (A64Translator *t, const A64Op *op)
{
  if (is_fpsr (op))
    a64_emit (t, UOP_FPSYNC, 0);
}

// What tier 0 does to floating-point state needs it as a vector instruction does.
static void
mrs_by_tier0 (A64Translator *t, const A64Op *op)
{
  emit_fpsr_sync (t, op);
  a64_emit_interp (t, op, is_fpsr (op) ? UOP_INTERP_VEC : UOP_INTERP);
}

static void
read_fpsr (A64Translator *t, unsigned d)
{
  a64_emit (t, UOP_FPSYNC, 0);
  emit_state (t, UOP_GET, IR_TEMP, OFFSET_SATURATED, 4);
  emit_state (t, UOP_GET, d, OFFSET_FLAGS, 4);
  a64_emit_registers (t, UOP_OR, UOP_W64, (uint8_t) d, (uint8_t) d, IR_TEMP);
}

// What was cumulated elsewhere comes first, and is overwritten.
static void
write_fpsr (A64Translator *t, unsigned from)
{
  a64_emit (t, UOP_FPSYNC, 0);
  a64_emit_imm (t, UOP_ANDI, UOP_W64, IR_TEMP, (uint8_t) from, A64_FPSR_QC);
  emit_state (t, UOP_PUT, IR_TEMP, OFFSET_SATURATED, 4);
  a64_emit_imm (t, UOP_ANDI, UOP_W64, IR_TEMP, (uint8_t) from, A64_FPSR_FLAGS);
  emit_state (t, UOP_PUT, IR_TEMP, OFFSET_FLAGS, 4);
}

// For EL0 a bit of SCTLR_EL1 says, turned round, that DC ZVA is prohibited. memset looks at it.
static void
read_dczid (A64Translator *t, unsigned d)
{
  enum { DZE_BIT = 14, DZP_BIT = 4 };
  static_assert (A64_SCTLR_DZE == 1u << DZE_BIT && A64_DCZID_BS < 1 << DZP_BIT, "as shifted");
  Uop *u;

  if (t->key->el != 0) {
    a64_emit_constant (t, d, A64_DCZID_BS);
    return;
  }
  emit_state (t, UOP_GETSYS, d, offsetof (A64SysRegs, sctlr_el1), 8);
  u = a64_emit_imm (t, UOP_UBFM, UOP_W64, (uint8_t) d, (uint8_t) d, 0);
  u->aux = DZE_BIT - DZP_BIT;
  u->aux2 = 63;
  a64_emit_imm (t, UOP_ANDI, UOP_W64, (uint8_t) d, (uint8_t) d, 1 << DZP_BIT);
  a64_emit_imm (t, UOP_XORI, UOP_W64, (uint8_t) d, (uint8_t) d, 1 << DZP_BIT | A64_DCZID_BS);
}

static void
emit_field (A64Translator *t, unsigned d, unsigned offset, unsigned bit)
{
  emit_state (t, UOP_GET, d, offset, 1);
  Uop *u = a64_emit_imm (t, UOP_UBFM, UOP_W64, (uint8_t) d, (uint8_t) d, 0);
  u->aux = (uint8_t) (64 - bit);
  u->aux2 = 7;
}

// True when it became uops.
static bool
read_special (A64Translator *t, unsigned d, uint32_t number)
{
  unsigned offset, bit;

  switch (number) {
  case A64_SYSREG (3, 3, 4, 2, 0): // NZCV
    a64_emit (t, UOP_GETFLAGS, 0)->a = (uint8_t) d;
    return true;
  case A64_SYSREG (3, 0, 4, 2, 2): // CurrentEL
    a64_emit_constant (t, d, (uint64_t) t->key->el << 2);
    return true;
  case A64_SYSREG (3, 0, 4, 2, 0): // SPSel
    a64_emit_constant (t, d, t->key->sp_sel);
    return true;
  case A64_SYSREG (3, 0, 4, 1, 0): // SP_EL0
    if (t->key->sp_sel)
      emit_state (t, UOP_GET, d, OFFSET_SP_EL0, 8);
    return t->key->sp_sel;
  case A64_SYSREG (3, 3, 4, 4, 0): // FPCR
    if (!t->key->fp_trapped)
      emit_state (t, UOP_GET, d, OFFSET_FPCR, 4);
    return !t->key->fp_trapped;
  case A64_SYSREG (3, 3, 4, 4, 1): // FPSR
    if (!t->key->fp_trapped)
      read_fpsr (t, d);
    return !t->key->fp_trapped;
  case A64_SYSREG (3, 3, 0, 0, 7): // DCZID_EL0
    read_dczid (t, d);
    return true;
  case A64_SYSREG (3, 3, 0, 0, 1): // CTR_EL0
    a64_emit_constant (t, d, A64_CTR);
    return true;
  case A64_SYSREG (3, 0, 0, 0, 0): // MIDR_EL1
    a64_emit_constant (t, d, A64_MIDR);
    return true;
  default:
    if (!find_pstate (number, &offset, &bit))
      return false;
    emit_field (t, d, offset, bit);
    return true;
  }
}

// The counters, both the same: what the user needs to read them is a bit of CNTKCTL_EL1.
static bool
read_counter (A64Translator *t, const A64Op *op)
{
  bool is_virtual = register_number (op) == A64_SYSREG (3, 3, 14, 0, 2);
  Uop *u;

  if (op->rd == IR_SINK || (!is_virtual && register_number (op) != A64_SYSREG (3, 3, 14, 0, 1)))
    return false;
  u = a64_emit_interp (t, op, UOP_GETTICKS);
  u->flags = UOP_W64;
  u->d = op->rd;
  u->aux = t->key->el != 0 ? 0 : is_virtual ? 2 : 1;
  return true;
}

A64_TRANSLATE_FUNCTION (mrs)
{
  const A64SysReg *reg = op->imm < 0 ? NULL : a64_sysreg_get ((int) op->imm);
  unsigned d = op->rd;

  (void) row;
  if (read_counter (t, op))
    return;
  if (reg == NULL || !is_allowed (t->key, reg, false) || d == IR_SINK ||
      !read_special (t, d, reg->number))
    mrs_by_tier0 (t, op);
}

static bool
is_daif (const A64TranslateKey *key, const A64Op *op)
{
  return key->el != 0 && register_number (op) == A64_SYSREG (3, 3, 4, 2, 1);
}

// Tier 0 writes it, and goes on unless code may be elsewhere then.
static bool
is_written_by_tier0 (const A64TranslateKey *key, const A64Op *op)
{
  uint32_t number = register_number (op);

  return key->el != 0 && (a64_sysreg_is_table (number) || a64_sysreg_is_gic (number));
}

// Writes that leave all that code depends on as it was: NZCV, FPSR but where it counts whether
// something was inexact, SP_EL0 beside SP, and of EL1 DAIF, the tables and the interrupt controller's.
bool
a64_translate_goes_on (const A64TranslateKey *key, const A64Op *op)
{
  uint32_t number = register_number (op);

  if (op->id == A64_MSR_DAIFCLR)
    return key->el != 0;
  return is_daif (key, op) || number == A64_SYSREG (3, 3, 4, 2, 0) ||
         (is_fpsr (op) && !key->fp_trapped && !(key->fp_mode & IR_FP_FLUSH)) ||
         is_written_by_tier0 (key, op) ||
         (number == A64_SYSREG (3, 0, 4, 1, 0) && key->el != 0 && key->sp_sel);
}

A64_TRANSLATE_FUNCTION (msr)
{
  (void) row;
  if (!a64_translate_goes_on (t->key, op)) {
    emit_fpsr_sync (t, op);
    a64_emit_interp (t, op, UOP_INTERP_END);
  } else if (is_written_by_tier0 (t->key, op)) {
    a64_emit_interp (t, op, UOP_INTERP);
  } else if (is_fpsr (op)) {
    write_fpsr (t, op->rd);
  } else if (is_daif (t->key, op)) {
    Uop *u = a64_emit_imm (t, UOP_UBFM, UOP_W64, IR_TEMP, op->rd, 0);

    u->aux = 6;
    u->aux2 = 9;
    emit_unmask (t, op);
  } else if (register_number (op) == A64_SYSREG (3, 3, 4, 2, 0))
    a64_emit (t, UOP_PUTFLAGS, 0)->a = op->rd;
  else
    emit_state (t, UOP_PUT, op->rd, OFFSET_SP_EL0, 8);
}
