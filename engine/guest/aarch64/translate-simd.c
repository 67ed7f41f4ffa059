// SPDX-License-Identifier: GPL-3.0-or-later
// Advanced SIMD on integers, its loads and stores, and cryptography, to uops (Arm ARM C4.1.90,
// C4.1.88): what one uop does not do is made of two or three, with temporaries between. The fields
// of A64Op are told in format-simd.c. vCPU thread.
#include "engine/guest/aarch64/translate-emit.h"

enum { T0 = IR_VTEMP, T1 = IR_VTEMP + 1 };

static unsigned
width (const A64Op *op)
{
  return op->aux[1] == 16 ? UOP_Q : 0;
}

// d = a `uop` b on lanes of 1 << size bytes.
static Uop *
emit (A64Translator *t, unsigned uop, unsigned flags, unsigned size, unsigned d, unsigned a,
      unsigned b)
{
  Uop *u = a64_emit_registers (t, uop, flags, (uint8_t) d, (uint8_t) a, (uint8_t) b);

  u->aux = (uint8_t) size;
  return u;
}

// As `emit`; tier 0 can do the whole instruction.
static Uop *
emit_tier0 (A64Translator *t, const A64Op *op, unsigned uop, unsigned flags, unsigned d, unsigned a,
            unsigned b)
{
  Uop *u = a64_emit_interp (t, op, uop);

  u->flags = (uint16_t) flags;
  u->aux = op->aux[0];
  u->d = (uint8_t) d;
  u->a = (uint8_t) a;
  u->b = (uint8_t) b;
  return u;
}

static Uop *
emit_shift (A64Translator *t, unsigned uop, unsigned flags, unsigned size, unsigned d, unsigned a,
            int64_t imm)
{
  Uop *u = emit (t, uop, flags, size, d, a, 0);

  u->imm = imm;
  return u;
}

// Vm's element that takes part in all lanes, in a temporary.
static unsigned
emit_element (A64Translator *t, const A64Op *op)
{
  emit (t, UOP_VDUPE, UOP_Q, op->aux[0], T1, op->rm, 0)->aux2 = op->aux[3];
  return T1;
}

static uint64_t
splat (uint64_t element, unsigned size)
{
  for (unsigned bits = 8u << size; bits < 64; bits *= 2)
    element |= element << bits;
  return element;
}

// ---- three registers ------------------------------------------------------------------------

// aux2 is that of the uop.
A64_TRANSLATE_FUNCTION (v_same)
{
  emit (t, row->uop, width (op), op->aux[0], op->rd, op->rn, op->rm)->aux2 = row->aux2;
}

A64_TRANSLATE_FUNCTION (v_same_element)
{
  unsigned element = emit_element (t, op);

  emit (t, row->uop, width (op), op->aux[0], op->rd, op->rn, element)->aux2 = row->aux2;
}

A64_TRANSLATE_FUNCTION (v_orr)
{
  if (op->rn == op->rm)
    emit (t, UOP_VMOV, width (op), 0, op->rd, op->rn, 0);
  else
    a64_translate_v_same (t, op, row);
}

A64_TRANSLATE_FUNCTION (v_bsl)
{
  emit (t, row->uop, width (op), 0, op->rd, op->rn, op->rm)->c = op->rd;
}

A64_TRANSLATE_FUNCTION (v_bit)
{
  emit (t, row->uop, width (op), 0, op->rd, op->rn, op->rd)->c = op->rm;
}

A64_TRANSLATE_FUNCTION (v_bif)
{
  emit (t, row->uop, width (op), 0, op->rd, op->rd, op->rn)->c = op->rm;
}

// aux: what adds the uop's result to Vd, or subtracts it.
static void
accumulate (A64Translator *t, const A64Op *op, const A64TranslateRow *row, unsigned b)
{
  emit (t, row->uop, width (op), op->aux[0], T0, op->rn, b);
  emit (t, row->aux, width (op), op->aux[0], op->rd, op->rd, T0);
}

A64_TRANSLATE_FUNCTION (v_accumulate)
{
  accumulate (t, op, row, op->rm);
}

A64_TRANSLATE_FUNCTION (v_accumulate_element)
{
  accumulate (t, op, row, emit_element (t, op));
}

// Of one source.
A64_TRANSLATE_FUNCTION (v_accumulate_pairs)
{
  emit (t, row->uop, width (op), op->aux[0], T0, op->rn, 0);
  emit (t, UOP_VADD, width (op), op->aux[0] + 1, op->rd, op->rd, T0);
}

A64_TRANSLATE_FUNCTION (v_same_t)
{
  emit_tier0 (t, op, row->uop, width (op), op->rd, op->rn, op->rm)->aux2 = row->aux2;
}

// d, mostly a temporary, = the lowest lane of v alone: zeroes above it do not saturate.
static unsigned
emit_lowest (A64Translator *t, unsigned size, unsigned d, unsigned v)
{
  emit (t, UOP_VGETE, 0, size, d, v, 0);
  return d;
}

// Vectors stay as they are, and scalars of 64 bits, which are like vectors of one lane.
static unsigned
emit_operand (A64Translator *t, const A64Op *op, unsigned temporary, unsigned v)
{
  return op->aux[1] < 8 ? emit_lowest (t, op->aux[0], temporary, v) : v;
}

// Vectors and scalars.
A64_TRANSLATE_FUNCTION (v_any_t)
{
  unsigned a = emit_operand (t, op, T0, op->rn), b = emit_operand (t, op, T1, op->rm);

  emit_tier0 (t, op, row->uop, width (op), op->rd, a, b)->aux2 = row->aux2;
}

A64_TRANSLATE_FUNCTION (v_any_element_t)
{
  unsigned element = emit_element (t, op), a = emit_operand (t, op, T0, op->rn);

  emit_tier0 (t, op, row->uop, width (op), op->rd, a, element)->aux2 = row->aux2;
}

// Vn is added to Vd.
A64_TRANSLATE_FUNCTION (v_any_add_t)
{
  unsigned a = emit_operand (t, op, T0, op->rd), b = emit_operand (t, op, T1, op->rn);

  emit_tier0 (t, op, row->uop, width (op), op->rd, a, b)->aux2 = row->aux2;
}

// Of one source; the uop may have a distance.
A64_TRANSLATE_FUNCTION (v_any_misc_t)
{
  unsigned a = emit_operand (t, op, T0, op->rn);
  Uop *u = emit_tier0 (t, op, row->uop, width (op), op->rd, a, a);

  u->aux2 = row->aux2;
  u->c = (uint8_t) op->imm;
}

// ---- long, wide, narrow ---------------------------------------------------------------------

static void
emit_long (A64Translator *t, const A64Op *op, unsigned uop, unsigned d, unsigned a, unsigned b)
{
  emit (t, uop, UOP_Q, op->aux[0], d, a, b)->aux2 = op->aux[2];
}

A64_TRANSLATE_FUNCTION (v_long)
{
  emit_long (t, op, row->uop, op->rd, op->rn, op->rm);
}

A64_TRANSLATE_FUNCTION (v_long_element)
{
  emit_long (t, op, row->uop, op->rd, op->rn, emit_element (t, op));
}

// The product is doubled by adding it to itself.
static void
emit_doubled (A64Translator *t, const A64Op *op, const A64TranslateRow *row, unsigned b)
{
  emit_long (t, op, row->uop, T0, op->rn, b);
  emit_tier0 (t, op, row->aux, UOP_Q, op->rd, T0, T0)->aux = op->aux[0] + 1;
}

A64_TRANSLATE_FUNCTION (v_long_doubled)
{
  emit_doubled (t, op, row, op->rm);
}

A64_TRANSLATE_FUNCTION (v_long_doubled_element)
{
  emit_doubled (t, op, row, emit_element (t, op));
}

static void
emit_doubled_scalar (A64Translator *t, const A64Op *op, const A64TranslateRow *row, unsigned b)
{
  emit_lowest (t, op->aux[0], T0, op->rn);
  emit (t, row->uop, UOP_Q, op->aux[0], T0, T0, b);
  emit_tier0 (t, op, row->aux, UOP_Q, op->rd, T0, T0)->aux = op->aux[0] + 1;
}

A64_TRANSLATE_FUNCTION (v_long_doubled_scalar)
{
  emit_doubled_scalar (t, op, row, op->rm);
}

A64_TRANSLATE_FUNCTION (v_long_doubled_scalar_element)
{
  emit_doubled_scalar (t, op, row, emit_element (t, op));
}

static void
emit_doubled_sum (A64Translator *t, const A64Op *op, const A64TranslateRow *row, unsigned a,
                  unsigned b)
{
  emit_tier0 (t, op, row->uop, UOP_Q, op->rd, a, b)->aux2 =
      (uint8_t) (row->aux2 | (op->aux[2] ? IR_VQDMLAL_HIGH : 0));
}

A64_TRANSLATE_FUNCTION (v_doubled_sum)
{
  emit_doubled_sum (t, op, row, op->rn, op->rm);
}

A64_TRANSLATE_FUNCTION (v_doubled_sum_element)
{
  emit_doubled_sum (t, op, row, op->rn, emit_element (t, op));
}

// Of the lowest lanes; what is above is left as it was, and becomes zero.
A64_TRANSLATE_FUNCTION (v_doubled_sum_scalar)
{
  emit_doubled_sum (t, op, row, emit_lowest (t, op->aux[0], T0, op->rn), op->rm);
  emit_lowest (t, op->aux[0] + 1, op->rd, op->rd);
}

A64_TRANSLATE_FUNCTION (v_doubled_sum_scalar_element)
{
  unsigned element = emit_element (t, op);

  emit_doubled_sum (t, op, row, emit_lowest (t, op->aux[0], T0, op->rn), element);
  emit_lowest (t, op->aux[0] + 1, op->rd, op->rd);
}

A64_TRANSLATE_FUNCTION (v_long_accumulate)
{
  emit_long (t, op, row->uop, T0, op->rn, op->rm);
  emit (t, row->aux, UOP_Q, op->aux[0] + 1, op->rd, op->rd, T0);
}

A64_TRANSLATE_FUNCTION (v_long_accumulate_element)
{
  emit_long (t, op, row->uop, T0, op->rn, emit_element (t, op));
  emit (t, row->aux, UOP_Q, op->aux[0] + 1, op->rd, op->rd, T0);
}

// aux: how the lengthened operands are joined.
A64_TRANSLATE_FUNCTION (v_long_sum)
{
  emit_long (t, op, row->uop, T0, op->rn, 0);
  emit_long (t, op, row->uop, T1, op->rm, 0);
  emit (t, row->aux, UOP_Q, op->aux[0] + 1, op->rd, T0, T1);
}

A64_TRANSLATE_FUNCTION (v_wide_sum)
{
  emit_long (t, op, row->uop, T0, op->rm, 0);
  emit (t, row->aux, UOP_Q, op->aux[0] + 1, op->rd, op->rn, T0);
}

// A distance fits its lane unsigned.
A64_TRANSLATE_FUNCTION (v_long_distance)
{
  emit (t, row->uop, UOP_Q, op->aux[0], T0, op->rn, op->rm);
  emit_long (t, op, UOP_VUXTL, op->rd, T0, 0);
}

A64_TRANSLATE_FUNCTION (v_long_distance_accumulate)
{
  emit (t, row->uop, UOP_Q, op->aux[0], T0, op->rn, op->rm);
  emit_long (t, op, UOP_VUXTL, T0, T0, 0);
  emit (t, UOP_VADD, UOP_Q, op->aux[0] + 1, op->rd, op->rd, T0);
}

static void
emit_left (A64Translator *t, const A64Op *op, const A64TranslateRow *row, int64_t imm)
{
  emit_long (t, op, row->uop, op->rd, op->rn, 0);
  if (imm != 0)
    emit_shift (t, UOP_VSHL, UOP_Q, op->aux[0] + 1, op->rd, op->rd, imm);
}

A64_TRANSLATE_FUNCTION (v_shift_long)
{
  emit_left (t, op, row, op->imm);
}

A64_TRANSLATE_FUNCTION (v_shift_long_all)
{
  emit_left (t, op, row, 8 << op->aux[0]);
}

static void
emit_narrow (A64Translator *t, const A64Op *op, unsigned from)
{
  emit_long (t, op, UOP_VXTN, op->rd, from, op->rd);
}

A64_TRANSLATE_FUNCTION (v_narrow)
{
  (void) row;
  emit_narrow (t, op, op->rn);
}

A64_TRANSLATE_FUNCTION (v_shift_narrow)
{
  emit_shift (t, row->uop, UOP_Q, op->aux[0] + 1, T0, op->rn, op->imm);
  emit_narrow (t, op, T0);
}

// The upper half of a sum or difference; aux: the shift.
A64_TRANSLATE_FUNCTION (v_high_narrow)
{
  emit (t, row->uop, UOP_Q, op->aux[0] + 1, T0, op->rn, op->rm);
  emit_shift (t, row->aux, UOP_Q, op->aux[0] + 1, T0, T0, 8 << op->aux[0]);
  emit_narrow (t, op, T0);
}

static void
emit_narrow_saturated (A64Translator *t, const A64Op *op, const A64TranslateRow *row, unsigned from)
{
  emit_tier0 (t, op, UOP_VQXTN, UOP_Q, op->rd, from, op->rd)->aux2 =
      (uint8_t) (row->aux2 | (op->aux[2] ? IR_VQXTN_HIGH : 0));
}

A64_TRANSLATE_FUNCTION (v_narrow_saturated)
{
  emit_narrow_saturated (t, op, row, op->rn);
}

A64_TRANSLATE_FUNCTION (v_shift_narrow_saturated)
{
  emit_shift (t, row->uop, UOP_Q, op->aux[0] + 1, T0, op->rn, op->imm);
  emit_narrow_saturated (t, op, row, T0);
}

A64_TRANSLATE_FUNCTION (v_narrow_saturated_scalar)
{
  emit_narrow_saturated (t, op, row, emit_lowest (t, op->aux[0] + 1, T0, op->rn));
}

A64_TRANSLATE_FUNCTION (v_shift_narrow_saturated_scalar)
{
  emit_lowest (t, op->aux[0] + 1, T0, op->rn);
  emit_shift (t, row->uop, UOP_Q, op->aux[0] + 1, T0, T0, op->imm);
  emit_narrow_saturated (t, op, row, T0);
}

A64_TRANSLATE_FUNCTION (v_pmull)
{
  emit_tier0 (t, op, row->uop, UOP_Q, op->rd, op->rn, op->rm)->aux2 = op->aux[2];
}

// ---- one source -----------------------------------------------------------------------------

A64_TRANSLATE_FUNCTION (v_misc)
{
  emit (t, row->uop, width (op), op->aux[0], op->rd, op->rn, 0)->aux2 = row->aux2;
}

A64_TRANSLATE_FUNCTION (v_misc_t)
{
  emit_tier0 (t, op, row->uop, width (op), op->rd, op->rn, op->rn);
}

A64_TRANSLATE_FUNCTION (v_sum_across_long)
{
  emit (t, row->uop, width (op), op->aux[0], T0, op->rn, 0);
  emit (t, UOP_VADDV, UOP_Q, op->aux[0] + 1, op->rd, T0, 0);
}

A64_TRANSLATE_FUNCTION (v_sum_of_two)
{
  emit (t, row->uop, UOP_Q, 3, op->rd, op->rn, 0);
}

A64_TRANSLATE_FUNCTION (v_immediate)
{
  emit_shift (t, row->uop, width (op), 0, op->rd, op->rd, op->imm);
}

A64_TRANSLATE_FUNCTION (v_shift)
{
  emit_shift (t, row->uop, width (op), op->aux[0], op->rd, op->rn, op->imm);
}

A64_TRANSLATE_FUNCTION (v_shift_accumulate)
{
  emit_shift (t, row->uop, width (op), op->aux[0], T0, op->rn, op->imm);
  emit (t, UOP_VADD, width (op), op->aux[0], op->rd, op->rd, T0);
}

// What comes in are Vd's bits: the lowest imm to the left, the highest to the right.
A64_TRANSLATE_FUNCTION (v_shift_insert)
{
  unsigned bits = 8u << op->aux[0], n = (unsigned) op->imm;
  uint64_t ones = UINT64_MAX >> (64 - bits), low = n == 0 ? 0 : UINT64_MAX >> (64 - n);
  uint64_t kept = row->uop == UOP_VSHL ? low : n == bits ? ones : ones & ~(ones >> n);

  emit_shift (t, row->uop, width (op), op->aux[0], T0, op->rn, op->imm);
  emit_shift (t, UOP_VANDI, width (op), 0, T1, op->rd, (int64_t) splat (kept, op->aux[0]));
  emit (t, UOP_VOR, width (op), 0, op->rd, T0, T1);
}

// ---- lanes from and to elsewhere ------------------------------------------------------------

// aux[2]: the lane of Vn, or of Vd.
A64_TRANSLATE_FUNCTION (v_lane)
{
  emit (t, row->uop, width (op), op->aux[0], op->rd, op->rn, 0)->aux2 = op->aux[2];
}

A64_TRANSLATE_FUNCTION (v_insert)
{
  Uop *u = emit (t, row->uop, UOP_Q, op->aux[0], op->rd, op->rn, 0);

  u->aux2 = op->aux[2];
  u->imm = op->aux[3];
}

// aux2: sign-extended.
A64_TRANSLATE_FUNCTION (v_to_general)
{
  Uop *u = emit (t, row->uop, op->aux[1] == 16 ? UOP_W64 : 0, op->aux[0], op->rd, op->rn, 0);

  u->aux2 = op->aux[2];
  u->imm = row->aux2;
}

A64_TRANSLATE_FUNCTION (v_extract)
{
  emit (t, row->uop, width (op), 0, op->rd, op->rn, op->rm)->imm = op->aux[2];
}

A64_TRANSLATE_FUNCTION (v_table)
{
  emit (t, row->uop, width (op), 0, op->rd, op->rn, op->rm)->aux2 = op->aux[2];
}

// ---- memory ---------------------------------------------------------------------------------

// Tier 0, where it has to help, does not write the base back: that follows.
A64_TRANSLATE_FUNCTION (v_memory)
{
  A64Op access = *op;

  access.imm = 0;
  access.rm = A64_ZR;
  emit_tier0 (t, &access, row->uop, width (op), op->rd, op->rn, op->aux[3])->c = op->aux[2];
  if (op->imm != 0)
    a64_emit_imm (t, UOP_ADDI, UOP_W64, op->rn, op->rn, op->imm);
  else if (op->rm != A64_ZR)
    a64_emit_registers (t, UOP_ADD, UOP_W64, op->rn, op->rn, op->rm);
}

// ---- cryptography ---------------------------------------------------------------------------

A64_TRANSLATE_FUNCTION (v_aes_round)
{
  emit_tier0 (t, op, row->uop, UOP_Q, op->rd, op->rd, op->rn);
}

A64_TRANSLATE_FUNCTION (v_aes_mix)
{
  emit_tier0 (t, op, row->uop, UOP_Q, op->rd, op->rn, op->rn);
}

A64_TRANSLATE_FUNCTION (v_sha)
{
  Uop *u = emit_tier0 (t, op, row->uop, UOP_Q, op->rd, op->rd, op->rn);

  u->c = op->rm;
  u->aux2 = row->aux2;
}

A64_TRANSLATE_FUNCTION (v_sha_swapped)
{
  Uop *u = emit_tier0 (t, op, row->uop, UOP_Q, op->rd, op->rn, op->rd);

  u->c = op->rm;
  u->aux2 = row->aux2;
}

// Vn and what the uop makes of Vm and Va.
A64_TRANSLATE_FUNCTION (v_xor_with)
{
  emit (t, row->uop, UOP_Q, 0, T0, op->rm, op->ra);
  emit (t, UOP_VXOR, UOP_Q, 0, op->rd, op->rn, T0);
}

A64_TRANSLATE_FUNCTION (v_rotate)
{
  emit (t, row->uop, UOP_Q, 3, op->rd, op->rn, op->rm)->imm = op->imm;
}
