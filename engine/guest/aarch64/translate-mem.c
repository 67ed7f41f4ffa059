// SPDX-License-Identifier: GPL-3.0-or-later
// Loads, stores and atomics to uops (Arm ARM C4.1.88). The access comes first and is the one uop
// that faults; writing the base back follows. vCPU thread.
#include "engine/guest/aarch64/format.h"
#include "engine/guest/aarch64/translate-emit.h"

static Uop *
emit_access (A64Translator *t, const A64Op *op, const A64TranslateRow *row, int64_t imm)
{
  Uop *u = a64_emit_imm (t, row->uop, row->flags, op->rd, op->rn, imm);

  u->aux = row->aux;
  u->aux2 = row->aux2;
  return u;
}

static void
emit_write_back (A64Translator *t, const A64Op *op)
{
  if (op->imm != 0)
    a64_emit_imm (t, UOP_ADDI, UOP_W64, op->rn, op->rn, op->imm);
}

// True where a load writes its base back over or under what it loads: left to tier 0.
static bool
is_overlapping (A64Translator *t, const A64Op *op, const A64TranslateRow *row, bool pair)
{
  bool loads = row->uop == UOP_LD || row->uop == UOP_LD2;

  if (!loads || (op->rd != op->rn && (!pair || op->ra != op->rn)))
    return false;
  a64_emit_interp (t, op, UOP_INTERP);
  return true;
}

// ---- one register ---------------------------------------------------------------------------

A64_TRANSLATE_FUNCTION (single)
{
  emit_access (t, op, row, op->imm);
}

A64_TRANSLATE_FUNCTION (single_pre)
{
  if (is_overlapping (t, op, row, false))
    return;
  emit_access (t, op, row, op->imm);
  emit_write_back (t, op);
}

A64_TRANSLATE_FUNCTION (single_post)
{
  if (is_overlapping (t, op, row, false))
    return;
  emit_access (t, op, row, 0);
  emit_write_back (t, op);
}

A64_TRANSLATE_FUNCTION (single_index)
{
  Uop *u = emit_access (t, op, row, 0);

  u->b = op->rm;
  u->c = (uint8_t) (a64_field (op->insn, 13, 3) << 4 | op->aux[0]);
}

A64_TRANSLATE_FUNCTION (single_unprivileged)
{
  Uop *u = emit_access (t, op, row, op->imm);

  if (t->key->el != 0 && !t->key->uao)
    u->aux2 |= IR_MEM_UNPRIV;
}

A64_TRANSLATE_FUNCTION (literal)
{
  emit_access (t, op, row, op->pc_off + op->imm);
}

// ---- two registers --------------------------------------------------------------------------

static void
emit_pair (A64Translator *t, const A64Op *op, const A64TranslateRow *row, int64_t imm)
{
  emit_access (t, op, row, imm)->c = op->ra;
}

// Of two values for one register the second stays in tier 0.
static bool
is_twice (A64Translator *t, const A64Op *op, const A64TranslateRow *row)
{
  bool vector = row->uop == UOP_LDV2;

  if ((row->uop != UOP_LD2 && !vector) || op->rd != op->ra || (!vector && op->rd == IR_SINK))
    return false;
  a64_emit_interp (t, op, vector ? UOP_INTERP_VEC : UOP_INTERP);
  return true;
}

A64_TRANSLATE_FUNCTION (pair)
{
  if (!is_twice (t, op, row))
    emit_pair (t, op, row, op->imm);
}

A64_TRANSLATE_FUNCTION (pair_pre)
{
  if (is_twice (t, op, row) || is_overlapping (t, op, row, true))
    return;
  emit_pair (t, op, row, op->imm);
  emit_write_back (t, op);
}

A64_TRANSLATE_FUNCTION (pair_post)
{
  if (is_twice (t, op, row) || is_overlapping (t, op, row, true))
    return;
  emit_pair (t, op, row, 0);
  emit_write_back (t, op);
}

// ---- exclusives and atomics -----------------------------------------------------------------

A64_TRANSLATE_FUNCTION (load_exclusive)
{
  emit_access (t, op, row, 0);
}

// rm: the status.
A64_TRANSLATE_FUNCTION (store_exclusive)
{
  Uop *u = emit_access (t, op, row, 0);

  u->d = op->rm;
  u->b = op->rd;
}

A64_TRANSLATE_FUNCTION (atomic)
{
  emit_access (t, op, row, 0)->b = op->rm;
}

// rm: compared, rd: the new value, ra: where the old one goes.
A64_TRANSLATE_FUNCTION (compare_swap)
{
  Uop *u = emit_access (t, op, row, 0);

  u->d = op->ra;
  u->b = op->rm;
  u->c = op->rd;
}
