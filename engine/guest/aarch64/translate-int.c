// SPDX-License-Identifier: GPL-3.0-or-later
// Integer data processing and indirect branches to uops, each in its simplest form: what names no
// shift where nothing is shifted, moves rather than additions of zero (Arm ARM C4.1.86, C4.1.87,
// C4.1.89). vCPU thread.
#include "engine/guest/aarch64/format.h"
#include "engine/guest/aarch64/translate-emit.h"

void
a64_emit_constant (A64Translator *t, unsigned d, uint64_t value)
{
  if (d != IR_SINK)
    a64_emit_imm (t, UOP_MOVI, UOP_W64, (uint8_t) d, 0, (int64_t) value);
}

void
a64_emit_move (A64Translator *t, unsigned flags, unsigned d, unsigned a)
{
  if (a == IR_ZERO)
    a64_emit_constant (t, d, 0);
  else if (d != IR_SINK && (d != a || !(flags & UOP_W64)))
    a64_emit_imm (t, UOP_MOV, flags, (uint8_t) d, (uint8_t) a, 0);
}

static unsigned
width (const A64TranslateRow *row)
{
  return row->flags & UOP_W64 ? 64 : 32;
}

// ---- immediates -----------------------------------------------------------------------------

static void
emit_address (A64Translator *t, unsigned d, int64_t offset)
{
  if (d != IR_SINK)
    a64_emit_imm (t, UOP_MOVPC, UOP_W64, (uint8_t) d, 0, offset);
}

A64_TRANSLATE_FUNCTION (adr)
{
  emit_address (t, op->rd, op->pc_off + op->imm);
}

A64_TRANSLATE_FUNCTION (adrp)
{
  emit_address (t, op->rd, op->imm);
}

A64_TRANSLATE_FUNCTION (add_imm)
{
  int64_t imm = row->aux ? -op->imm : op->imm;
  Uop *last = op->rd == op->rn ? a64_last_uop (t, UOP_MOVPC, row->flags, op->rd) : NULL;

  // ADRP and ADD make one address.
  if (last != NULL) {
    a64_take_over (last);
    emit_address (t, op->rd, last->imm + imm);
  } else if (imm == 0) {
    a64_emit_move (t, row->flags, op->rd, op->rn);
  } else {
    a64_emit_imm (t, row->uop, row->flags, op->rd, op->rn, imm);
  }
}

A64_TRANSLATE_FUNCTION (imm)
{
  a64_emit_imm (t, row->uop, row->flags, op->rd, op->rn, op->imm);
}

A64_TRANSLATE_FUNCTION (logical_imm)
{
  if (op->rn == IR_ZERO)
    a64_emit_constant (t, op->rd, row->uop == UOP_ANDI ? 0 : (uint64_t) op->imm);
  else
    a64_emit_imm (t, row->uop, row->flags, op->rd, op->rn, op->imm);
}

A64_TRANSLATE_FUNCTION (constant)
{
  a64_emit_constant (t, op->rd, (uint64_t) op->imm);
}

A64_TRANSLATE_FUNCTION (movk)
{
  uint64_t keep = ~(UINT64_C (0xffff) << op->aux[0]);
  Uop *last = a64_last_uop (t, UOP_MOVI, UOP_W64, op->rd);

  if (op->rd == IR_SINK)
    return;
  if (!(row->flags & UOP_W64))
    keep = (uint32_t) keep;
  // The last of several that make one constant has the whole of it.
  if (last != NULL) {
    a64_take_over (last);
    a64_emit_constant (t, op->rd, ((uint64_t) last->imm & keep) | (uint64_t) op->imm);
    return;
  }
  a64_emit_imm (t, UOP_ANDI, row->flags, op->rd, op->rd, (int64_t) keep);
  if (op->imm != 0)
    a64_emit_imm (t, UOP_ORI, row->flags, op->rd, op->rd, op->imm);
}

// ---- registers ------------------------------------------------------------------------------

static void
emit_shifted (A64Translator *t, const A64Op *op, const A64TranslateRow *row)
{
  Uop *u = a64_emit_registers (t, row->uop, row->flags, op->rd, op->rn, op->rm);

  u->aux = op->aux[0] == 0 ? IR_LSL : row->aux;
  u->aux2 = op->aux[0];
}

// True when one operand is zero and the result a move or a constant.
static bool
is_folded (A64Translator *t, const A64Op *op, unsigned uop, unsigned flags, unsigned amount)
{
  bool adds = uop == UOP_ADD || uop == UOP_OR || uop == UOP_XOR;

  if (op->rm == IR_ZERO) {
    if (uop == UOP_AND)
      a64_emit_constant (t, op->rd, 0);
    else if (adds || uop == UOP_SUB || uop == UOP_BIC)
      a64_emit_move (t, flags, op->rd, op->rn);
    else
      return false;
    return true;
  }
  if (op->rn != IR_ZERO || !adds || amount != 0)
    return false;
  a64_emit_move (t, flags, op->rd, op->rm);
  return true;
}

A64_TRANSLATE_FUNCTION (move)
{
  a64_emit_move (t, row->flags, op->rd, op->rm);
}

A64_TRANSLATE_FUNCTION (shifted)
{
  if (op->rd != IR_SINK && !is_folded (t, op, row->uop, row->flags, op->aux[0]))
    emit_shifted (t, op, row);
}

A64_TRANSLATE_FUNCTION (shifted_flags)
{
  if (op->rm == IR_ZERO && (row->uop == UOP_ADDS || row->uop == UOP_SUBS))
    a64_emit_imm (t, row->uop == UOP_ADDS ? UOP_ADDSI : UOP_SUBSI, row->flags, op->rd, op->rn, 0);
  else
    emit_shifted (t, op, row);
}

// The extensions that leave all bits in place are none.
static void
emit_extended (A64Translator *t, const A64Op *op, const A64TranslateRow *row)
{
  unsigned extend = a64_field (op->insn, 13, 3);
  bool whole = (extend & 3) == 3 || (width (row) == 32 && (extend & 3) == 2);
  Uop *u = a64_emit_registers (t, whole ? row->aux2 : row->uop, row->flags, op->rd, op->rn, op->rm);

  u->aux = (uint8_t) (whole ? IR_LSL : extend);
  u->aux2 = op->aux[1];
}

A64_TRANSLATE_FUNCTION (extended)
{
  if (op->rm == IR_ZERO)
    a64_emit_move (t, row->flags, op->rd, op->rn);
  else
    emit_extended (t, op, row);
}

A64_TRANSLATE_FUNCTION (extended_flags)
{
  emit_extended (t, op, row);
}

// Up to three registers, aux and aux2 as the row has them.
A64_TRANSLATE_FUNCTION (three_flags)
{
  Uop *u = a64_emit_registers (t, row->uop, row->flags, op->rd, op->rn, op->rm);

  u->aux = row->aux;
  u->aux2 = row->aux2;
}

A64_TRANSLATE_FUNCTION (three)
{
  if (op->rd != IR_SINK)
    a64_translate_three_flags (t, op, row);
}

A64_TRANSLATE_FUNCTION (madd)
{
  if (op->rd != IR_SINK)
    a64_emit_registers (t, row->uop, row->flags, op->rd, op->rn, op->rm)->c = op->ra;
}

// ---- bit fields -----------------------------------------------------------------------------

A64_TRANSLATE_FUNCTION (bitfield)
{
  unsigned immr = a64_field (op->insn, 16, 6), imms = a64_field (op->insn, 10, 6);

  if (op->rd == IR_SINK)
    return;
  if (immr == 0 && imms == width (row) - 1) {
    a64_emit_move (t, row->flags, op->rd, op->rn);
    return;
  }
  Uop *u = a64_emit_registers (t, row->uop, row->flags, op->rd, op->rn, 0);
  u->aux = (uint8_t) immr;
  u->aux2 = (uint8_t) imms;
}

A64_TRANSLATE_FUNCTION (extr)
{
  if (op->rd == IR_SINK)
    return;
  if (op->aux[0] == 0)
    a64_emit_move (t, row->flags, op->rd, op->rm);
  else
    a64_emit_registers (t, row->uop, row->flags, op->rd, op->rn, op->rm)->aux = op->aux[0];
}

// ---- conditions -----------------------------------------------------------------------------

A64_TRANSLATE_FUNCTION (csel)
{
  unsigned condition = a64_field (op->insn, 12, 4);

  if (op->rd == IR_SINK)
    return;
  if (condition >= IR_AL || (row->uop == UOP_CSEL && op->rn == op->rm))
    a64_emit_move (t, row->flags, op->rd, op->rn);
  else
    a64_emit_registers (t, row->uop, row->flags, op->rd, op->rn, op->rm)->aux = (uint8_t) condition;
}

A64_TRANSLATE_FUNCTION (ccmp)
{
  unsigned condition = a64_field (op->insn, 12, 4);
  unsigned uop = condition >= IR_AL ? row->aux : row->uop;
  Uop *u = a64_emit_registers (t, uop, row->flags, IR_SINK, op->rn, op->rm);

  u->imm = op->imm;
  if (condition >= IR_AL)
    return;
  u->aux = (uint8_t) condition;
  u->aux2 = op->aux[2];
}

// ---- indirect branches ----------------------------------------------------------------------

A64_TRANSLATE_FUNCTION (return )
{
  a64_emit (t, row->uop, row->flags)->a = op->rn;
}

// With BTI something is left behind for the target, where it is not plain that this changes nothing.
static void
emit_typed (A64Translator *t, const A64Op *op, bool call)
{
  Uop *u = a64_emit_interp (t, op, UOP_JUMPTYPED);

  u->flags = UOP_W64;
  u->a = op->rn;
  u->aux = call;
}

A64_TRANSLATE_FUNCTION (jump)
{
  if (t->key->features & A64_FEATURE_BTI)
    emit_typed (t, op, false);
  else
    a64_translate_return (t, op, row);
}

A64_TRANSLATE_FUNCTION (call)
{
  uint8_t target = op->rn;

  if (t->key->features & A64_FEATURE_BTI) {
    emit_typed (t, op, true);
    return;
  }
  if (target == 30) {
    target = IR_TEMP;
    a64_emit_move (t, UOP_W64, target, 30);
  }
  emit_address (t, 30, op->pc_off + 4);
  a64_emit (t, row->uop, row->flags)->a = target;
}
