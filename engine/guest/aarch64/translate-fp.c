// SPDX-License-Identifier: GPL-3.0-or-later
// Floating point to uops, scalar and vector: one uop for each instruction, which tier 0 can carry out
// as well where the result is special (Arm ARM C4.1.90). vCPU thread.
#include "engine/guest/aarch64/decode.h"
#include "engine/guest/aarch64/format.h"
#include "engine/guest/aarch64/translate-emit.h"

static Uop *
emit (A64Translator *t, const A64Op *op, const A64TranslateRow *row, unsigned flags)
{
  Uop *u = a64_emit_interp (t, op, row->uop);

  u->flags = (uint16_t) (row->flags | flags);
  u->d = op->rd;
  u->a = op->rn;
  u->b = op->rm;
  u->c = op->ra;
  u->aux = row->aux;
  u->aux2 = row->aux2;
  return u;
}

static unsigned
vector_flags (const A64Op *op)
{
  return op->aux[0] == 4 ? UOP_Q : 0;
}

static bool
has_half (const A64Op *op)
{
  switch (op->id) {
  case A64_FCVT_h_s:
  case A64_FCVT_h_d:
  case A64_FCVT_s_h:
  case A64_FCVTL_h:
  case A64_FCVTN_h:
    return true;
  default:
    return false;
  }
}

static bool
is_native (A64Translator *t, const A64Op *op, unsigned otherwise)
{
  bool native = !t->key->fp_tier0 && !(t->key->half_tier0 && has_half (op));

  if (!native)
    a64_emit_interp (t, op, otherwise);
  return native;
}

// ---- arithmetic and conversion --------------------------------------------------------------

A64_TRANSLATE_FUNCTION (fp)
{
  if (is_native (t, op, UOP_INTERP_VEC))
    emit (t, op, row, 0);
}

A64_TRANSLATE_FUNCTION (fp_vector)
{
  if (is_native (t, op, UOP_INTERP_VEC))
    emit (t, op, row, vector_flags (op));
}

A64_TRANSLATE_FUNCTION (fp_element)
{
  if (is_native (t, op, UOP_INTERP_VEC))
    emit (t, op, row, row->flags & UOP_SCALAR ? 0 : vector_flags (op))->c = op->aux[1] + 1;
}

// A fixed-point number in each lane.
A64_TRANSLATE_FUNCTION (fp_fixed_vector)
{
  if (is_native (t, op, UOP_INTERP_VEC))
    emit (t, op, row, row->flags & UOP_SCALAR ? 0 : vector_flags (op))->c = op->aux[1];
}

// Into the lower half, or into the upper and keeping the lower.
A64_TRANSLATE_FUNCTION (fp_narrow)
{
  if (!is_native (t, op, UOP_INTERP_VEC))
    return;
  Uop *u = emit (t, op, row, 0);
  if (vector_flags (op))
    u->op = UOP_FCVTN2;
}

// As FPCR says.
A64_TRANSLATE_FUNCTION (fp_round)
{
  if (is_native (t, op, UOP_INTERP_VEC))
    emit (t, op, row, row->flags & UOP_SCALAR ? 0 : vector_flags (op))->aux2 |=
        t->key->fp_mode & IR_FP_ROUNDING;
}

// An integer or a fixed-point number in a general register.
A64_TRANSLATE_FUNCTION (fp_integer)
{
  if (is_native (t, op, UOP_INTERP_VEC))
    emit (t, op, row, op->aux[0] == 64 ? UOP_W64 : 0)->c = op->aux[1];
}

// ---- comparison -----------------------------------------------------------------------------

A64_TRANSLATE_FUNCTION (fp_compare)
{
  if (is_native (t, op, UOP_INTERP_VEC_FLAGS))
    emit (t, op, row, 0);
}

// Rm is not looked at.
A64_TRANSLATE_FUNCTION (fp_compare_zero)
{
  Uop *u;

  if (!is_native (t, op, UOP_INTERP_VEC_FLAGS))
    return;
  u = emit (t, op, row, 0);
  u->b = u->a;
  u->c = 1;
}

A64_TRANSLATE_FUNCTION (fp_ccmp)
{
  unsigned condition = a64_field (op->insn, 12, 4);
  Uop *u;

  if (!is_native (t, op, UOP_INTERP_VEC_FLAGS))
    return;
  u = emit (t, op, row, 0);
  if (condition >= IR_AL) {
    u->op = UOP_FCMP;
  } else {
    u->c = (uint8_t) condition;
    u->aux2 |= a64_field (op->insn, 0, 4);
  }
}

A64_TRANSLATE_FUNCTION (fp_csel)
{
  unsigned condition = a64_field (op->insn, 12, 4);
  Uop *u = emit (t, op, row, 0);

  if (condition >= IR_AL)
    u->op = UOP_FMOV;
  else
    u->aux2 = (uint8_t) condition;
}

// ---- moves ----------------------------------------------------------------------------------

A64_TRANSLATE_FUNCTION (fp_move)
{
  emit (t, op, row, 0);
}

A64_TRANSLATE_FUNCTION (fp_move_vector)
{
  emit (t, op, row, vector_flags (op));
}

A64_TRANSLATE_FUNCTION (fp_constant)
{
  a64_emit_imm (t, row->uop, 0, op->rd, 0, op->imm);
}

A64_TRANSLATE_FUNCTION (fp_constant_vector)
{
  a64_emit_imm (t, row->uop, vector_flags (op), op->rd, 0, op->imm);
}
