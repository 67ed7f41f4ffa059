// SPDX-License-Identifier: GPL-3.0-or-later
// What the files of translators share: the row of an instruction, the region being made, and the
// helpers that append uops to it.
#pragma once

#include "engine/guest/aarch64/translate.h"

typedef struct A64Translator {
  A64Region *region;
  const A64TranslateKey *key;
  uint16_t pc_off; // of the instruction
} A64Translator;

// How an instruction becomes uops: A64_TRANSLATE (ID, FUNCTION, UOP, FLAGS, AUX, AUX2) in
// translate-*.inc; the function gives UOP, FLAGS, AUX and AUX2 their meaning.
typedef struct A64TranslateRow {
  void (*function) (A64Translator *t, const A64Op *op, const struct A64TranslateRow *row);
  uint16_t uop;
  uint8_t flags, aux, aux2;
} A64TranslateRow;

#define A64_TRANSLATE_FUNCTION(name)                                                               \
  void a64_translate_##name (A64Translator *t, const A64Op *op, const A64TranslateRow *row)

// ---- appending ------------------------------------------------------------------------------

static inline Uop *
a64_emit (A64Translator *t, unsigned uop, unsigned flags)
{
  Uop *u = ir_append (&t->region->ir, (IrOp) uop);

  u->flags = (uint16_t) flags;
  u->pc_off = t->pc_off;
  return u;
}

// d = a `uop` imm; the fields that are not in the shape of the uop do not matter.
static inline Uop *
a64_emit_imm (A64Translator *t, unsigned uop, unsigned flags, uint8_t d, uint8_t a, int64_t imm)
{
  Uop *u = a64_emit (t, uop, flags);

  u->d = d;
  u->a = a;
  u->imm = imm;
  return u;
}

static inline Uop *
a64_emit_registers (A64Translator *t, unsigned uop, unsigned flags, uint8_t d, uint8_t a, uint8_t b)
{
  Uop *u = a64_emit (t, uop, flags);

  u->d = d;
  u->a = a;
  u->b = b;
  return u;
}

// d = imm, d = a in its simplest form: nothing where it has no effect.
void a64_emit_constant (A64Translator *t, unsigned d, uint64_t value);
void a64_emit_move (A64Translator *t, unsigned flags, unsigned d, unsigned a);
// Tier 0 carries the instruction out, or may: `uop` is one of the INTERP, or of the properties
// IR_TIER0, whose operands are to be filled in.
Uop *a64_emit_interp (A64Translator *t, const A64Op *op, unsigned uop);

// The uop right before in the same straight stretch, when it is `uop` writing d with those flags;
// else NULL.
static inline Uop *
a64_last_uop (A64Translator *t, unsigned uop, unsigned flags, unsigned d)
{
  IrRegion *ir = &t->region->ir;
  Uop *last = ir->n_uops == 0 ? NULL : &ir->uops[ir->n_uops - 1];

  if (last == NULL || last->op != uop || last->d != d || (last->flags & UOP_W64) != flags)
    return NULL;
  return last;
}

// The present instruction has the effect of that one as well.
static inline void
a64_take_over (Uop *last)
{
  last->op = UOP_NOP;
  last->flags &= UOP_FIRST;
}

// ---- translators ----------------------------------------------------------------------------

#define A64_TRANSLATE(id, function, uop, flags, aux, aux2) A64_TRANSLATE_FUNCTION (function);
#include "engine/guest/aarch64/translate-rows.inc"
#undef A64_TRANSLATE
