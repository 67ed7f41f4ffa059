// SPDX-License-Identifier: GPL-3.0-or-later
// The meaning of uops of general registers. Any thread.
#include "engine/ir/eval.h"

enum {
  N = 31,
  Z = 30,
  C = 29,
  V = 28,
};

typedef unsigned __int128 Wide;

// What a uop works on: operands cut to its width, and what becomes of it.
typedef struct Work {
  IrEval *e;
  const Uop *uop;
  unsigned width;
  uint64_t mask, a, b, c;
} Work;

static uint64_t
low_bits (unsigned n)
{
  return n >= 64 ? UINT64_MAX : (UINT64_C (1) << n) - 1;
}

static int64_t
sign_extend (uint64_t value, unsigned width)
{
  uint64_t sign = UINT64_C (1) << (width - 1);

  return (int64_t) (((value & low_bits (width)) ^ sign) - sign);
}

static void
set (const Work *w, uint64_t value)
{
  ir_eval_set (w->e, w->uop->d, value & w->mask);
}

static bool
get_flag (const Work *w, unsigned flag)
{
  return (w->e->nzcv >> flag & 1) != 0;
}

static void
set_flags (const Work *w, uint64_t result, bool c, bool v)
{
  result &= w->mask;
  w->e->nzcv = (uint32_t) (result >> (w->width - 1)) << N | (uint32_t) (result == 0) << Z |
               (uint32_t) c << C | (uint32_t) v << V;
}

// ---- addition -------------------------------------------------------------------------------

// a + b + carry; the flags are those of the sum without bounds.
static uint64_t
add (const Work *w, uint64_t b, bool carry, bool flags)
{
  Wide sum = (Wide) w->a + (b & w->mask) + carry;
  __int128 signed_sum = (__int128) sign_extend (w->a, w->width) + sign_extend (b, w->width) + carry;
  uint64_t result = (uint64_t) sum & w->mask;

  if (flags)
    set_flags (w, result, sum > w->mask, signed_sum != sign_extend (result, w->width));
  return result;
}

static uint64_t
subtract (const Work *w, uint64_t b, bool flags)
{
  return add (w, ~b, true, flags);
}

static uint64_t
logic (const Work *w, uint64_t result, bool flags)
{
  if (flags)
    set_flags (w, result, false, false);
  return result;
}

// ---- the second operand ---------------------------------------------------------------------

static uint64_t
rotate (uint64_t value, unsigned amount, unsigned width)
{
  value &= low_bits (width);
  return amount == 0 ? value : (value >> amount | value << (width - amount)) & low_bits (width);
}

static uint64_t
shift (uint64_t value, unsigned kind, unsigned amount, unsigned width)
{
  value &= low_bits (width);
  switch ((IrShift) kind) {
  case IR_LSL:
    return value << amount & low_bits (width);
  case IR_LSR:
    return value >> amount;
  case IR_ASR:
    return (uint64_t) (sign_extend (value, width) >> amount) & low_bits (width);
  case IR_ROR:
    break;
  }
  return rotate (value, amount, width);
}

static uint64_t
extend (uint64_t value, unsigned kind, unsigned amount)
{
  unsigned bits = 8u << (kind & 3);

  value = kind >= IR_SXTB ? (uint64_t) sign_extend (value, bits) : value & low_bits (bits);
  return value << amount;
}

// ---- bits -----------------------------------------------------------------------------------

// The field that immr and imms name, at the place where it goes; *covered: the bits it goes to.
static uint64_t
bit_field (const Work *w, uint64_t *covered)
{
  unsigned immr = w->uop->aux, imms = w->uop->aux2;
  unsigned n = imms >= immr ? imms - immr + 1 : imms + 1;
  unsigned from = imms >= immr ? immr : 0, to = imms >= immr ? 0 : w->width - immr;

  *covered = low_bits (n) << to;
  return (w->a >> from & low_bits (n)) << to;
}

static uint64_t
signed_bit_field (const Work *w)
{
  uint64_t covered, field = bit_field (w, &covered);
  unsigned top = 63 - (unsigned) __builtin_clzll (covered);

  return (uint64_t) sign_extend (field, top + 1);
}

static uint64_t
merged_bit_field (const Work *w)
{
  uint64_t covered, field = bit_field (w, &covered);

  return (ir_eval_get (w->e, w->uop->d) & w->mask & ~covered) | field;
}

static uint64_t
reverse_bits (uint64_t value, unsigned width)
{
  uint64_t reversed = 0;

  for (unsigned i = 0; i < width; i++)
    reversed |= (value >> i & 1) << (width - 1 - i);
  return reversed;
}

// The bytes of each `unit` bytes in the other order.
static uint64_t
reverse_bytes (const Work *w, unsigned unit)
{
  uint64_t reversed = 0;

  for (unsigned i = 0; i < w->width / 8; i++)
    reversed |= (w->a >> i * 8 & 0xff) << (i / unit * unit + unit - 1 - i % unit) * 8;
  return reversed;
}

static unsigned
leading_zeroes (uint64_t value, unsigned width)
{
  unsigned n = 0;

  while (n < width && !(value >> (width - 1 - n) & 1))
    n++;
  return n;
}

// Leading bits that equal the sign.
static unsigned
leading_signs (const Work *w)
{
  uint64_t differing = (w->a ^ w->a >> 1) & low_bits (w->width - 1);

  return leading_zeroes (differing, w->width - 1);
}

static uint32_t
crc (uint32_t value, uint64_t data, unsigned n_bytes, bool castagnoli)
{
  uint32_t polynomial = castagnoli ? 0x82f63b78 : 0xedb88320;

  for (unsigned i = 0; i < n_bytes * 8; i++) {
    bool out = ((value ^ data >> i) & 1) != 0;
    value = value >> 1 ^ (out ? polynomial : 0);
  }
  return value;
}

// ---- division, conditions -------------------------------------------------------------------

static uint64_t
divide_signed (const Work *w)
{
  __int128 a = sign_extend (w->a, w->width), b = sign_extend (w->b, w->width);

  return b == 0 ? 0 : (uint64_t) (a / b);
}

bool
ir_eval_condition (const IrEval *e, unsigned condition)
{
  bool n = e->nzcv >> N & 1, z = e->nzcv >> Z & 1, c = e->nzcv >> C & 1, v = e->nzcv >> V & 1;
  const bool holds[8] = {z, c, n, v, c && !z, n == v, n == v && !z, true};

  return condition >= IR_AL || holds[condition / 2] == !(condition & 1);
}

static void
compare (const Work *w, uint64_t b, bool negated)
{
  if (!ir_eval_condition (w->e, w->uop->aux))
    w->e->nzcv = (uint32_t) w->uop->aux2 << V;
  else if (negated)
    add (w, b, false, true);
  else
    subtract (w, b, true);
}

// ---- all ------------------------------------------------------------------------------------

static bool
eval_simple (const Work *w)
{
  const Uop *u = w->uop;
  uint64_t imm = (uint64_t) u->imm;

  switch (u->op) {
  case UOP_NOP:
    return true;
  case UOP_MOV:
    set (w, w->a);
    return true;
  case UOP_MOVI:
    set (w, imm);
    return true;
  case UOP_MOVPC:
    set (w, w->e->page + imm);
    return true;
  case UOP_ADDI:
    set (w, w->a + imm);
    return true;
  case UOP_ANDI:
    set (w, w->a & imm);
    return true;
  case UOP_ORI:
    set (w, w->a | imm);
    return true;
  case UOP_XORI:
    set (w, w->a ^ imm);
    return true;
  case UOP_ADDSI:
    set (w, add (w, imm, false, true));
    return true;
  case UOP_SUBSI:
    set (w, subtract (w, imm, true));
    return true;
  case UOP_ANDSI:
    set (w, logic (w, w->a & imm, true));
    return true;
  case UOP_ADC:
  case UOP_ADCS:
    set (w, add (w, w->b, get_flag (w, C), u->op == UOP_ADCS));
    return true;
  case UOP_SBC:
  case UOP_SBCS:
    set (w, add (w, ~w->b, get_flag (w, C), u->op == UOP_SBCS));
    return true;
  default:
    return false;
  }
}

static bool
eval_two (const Work *w)
{
  const Uop *u = w->uop;
  bool extends = ir_info[u->op].shape == IR_SHAPE_R3X;
  bool flags = (ir_info[u->op].properties & IR_FOUT) != 0;
  uint64_t b;

  if (!extends && ir_info[u->op].shape != IR_SHAPE_R3S)
    return false;
  b = extends ? extend (ir_eval_get (w->e, u->b), u->aux, u->aux2)
              : shift (w->b, u->aux, u->aux2, w->width);
  switch (u->op) {
  case UOP_ADD:
  case UOP_ADDS:
  case UOP_ADDX:
  case UOP_ADDSX:
    set (w, add (w, b, false, flags));
    return true;
  case UOP_SUB:
  case UOP_SUBS:
  case UOP_SUBX:
  case UOP_SUBSX:
    set (w, subtract (w, b, flags));
    return true;
  case UOP_AND:
  case UOP_ANDS:
    set (w, logic (w, w->a & b, flags));
    return true;
  case UOP_BIC:
  case UOP_BICS:
    set (w, logic (w, w->a & ~b, flags));
    return true;
  case UOP_OR:
    set (w, w->a | b);
    return true;
  case UOP_ORN:
    set (w, w->a | ~b);
    return true;
  case UOP_XOR:
    set (w, w->a ^ b);
    return true;
  case UOP_EON:
    set (w, w->a ^ ~b);
    return true;
  default:
    return false;
  }
}

static bool
eval_bits (const Work *w)
{
  const Uop *u = w->uop;
  unsigned amount = (unsigned) w->b % w->width;
  uint64_t covered;

  switch (u->op) {
  case UOP_SHL:
    set (w, shift (w->a, IR_LSL, amount, w->width));
    return true;
  case UOP_SHR:
    set (w, shift (w->a, IR_LSR, amount, w->width));
    return true;
  case UOP_SAR:
    set (w, shift (w->a, IR_ASR, amount, w->width));
    return true;
  case UOP_ROR:
    set (w, shift (w->a, IR_ROR, amount, w->width));
    return true;
  case UOP_UBFM:
    set (w, bit_field (w, &covered));
    return true;
  case UOP_SBFM:
    set (w, signed_bit_field (w));
    return true;
  case UOP_BFM:
    set (w, merged_bit_field (w));
    return true;
  case UOP_EXTR:
    set (w, (uint64_t) (((Wide) w->a << w->width | w->b) >> u->aux));
    return true;
  case UOP_CLZ:
    set (w, leading_zeroes (w->a, w->width));
    return true;
  case UOP_CLS:
    set (w, leading_signs (w));
    return true;
  case UOP_RBIT:
    set (w, reverse_bits (w->a, w->width));
    return true;
  case UOP_REV16:
    set (w, reverse_bytes (w, 2));
    return true;
  case UOP_REV32:
    set (w, reverse_bytes (w, 4));
    return true;
  case UOP_REV64:
    set (w, reverse_bytes (w, 8));
    return true;
  case UOP_CRC32:
    set (w, crc ((uint32_t) w->a, ir_eval_get (w->e, u->b), 1u << u->aux, u->aux2 != 0));
    return true;
  default:
    return false;
  }
}

static bool
eval_product (const Work *w)
{
  int64_t a = sign_extend (w->a, 32), b = sign_extend (w->b, 32);
  uint64_t product = (uint64_t) a * (uint64_t) b;
  uint64_t unsigned_product = (uint64_t) (uint32_t) w->a * (uint32_t) w->b;

  switch (w->uop->op) {
  case UOP_MADD:
    set (w, w->c + w->a * w->b);
    return true;
  case UOP_MSUB:
    set (w, w->c - w->a * w->b);
    return true;
  case UOP_SMADDL:
    set (w, w->c + product);
    return true;
  case UOP_SMSUBL:
    set (w, w->c - product);
    return true;
  case UOP_UMADDL:
    set (w, w->c + unsigned_product);
    return true;
  case UOP_UMSUBL:
    set (w, w->c - unsigned_product);
    return true;
  case UOP_SMULH:
    set (w, (uint64_t) ((__int128) (int64_t) w->a * (int64_t) w->b >> 64));
    return true;
  case UOP_UMULH:
    set (w, (uint64_t) ((Wide) w->a * w->b >> 64));
    return true;
  case UOP_UDIV:
    set (w, w->b == 0 ? 0 : w->a / w->b);
    return true;
  case UOP_SDIV:
    set (w, divide_signed (w));
    return true;
  default:
    return false;
  }
}

static bool
eval_conditional (const Work *w)
{
  const Uop *u = w->uop;
  bool holds = ir_eval_condition (w->e, u->aux);

  switch (u->op) {
  case UOP_CSEL:
    set (w, holds ? w->a : w->b);
    return true;
  case UOP_CSINC:
    set (w, holds ? w->a : w->b + 1);
    return true;
  case UOP_CSINV:
    set (w, holds ? w->a : ~w->b);
    return true;
  case UOP_CSNEG:
    set (w, holds ? w->a : -w->b);
    return true;
  case UOP_CCMP:
  case UOP_CCMN:
    compare (w, w->b, u->op == UOP_CCMN);
    return true;
  case UOP_CCMPI:
  case UOP_CCMNI:
    compare (w, (uint64_t) u->imm, u->op == UOP_CCMNI);
    return true;
  case UOP_GETFLAGS:
    ir_eval_set (w->e, u->a, w->e->nzcv & 0xf0000000);
    return true;
  case UOP_PUTFLAGS:
    w->e->nzcv = (uint32_t) ir_eval_get (w->e, u->a) & 0xf0000000;
    return true;
  default:
    return false;
  }
}

bool
ir_eval_integer (IrEval *e, const Uop *uop)
{
  unsigned width = uop->flags & UOP_W64 ? 64 : 32;
  Work w = {.e = e, .uop = uop, .width = width, .mask = low_bits (width)};
  const uint8_t numbers[3] = {uop->a, uop->b, uop->c};
  uint64_t *const operands[3] = {&w.a, &w.b, &w.c};
  char use[4];

  ir_operands (uop, use);
  for (unsigned i = 0; i < 3; i++)
    if (use[i + 1] == 'r')
      *operands[i] = ir_eval_get (e, numbers[i]) & w.mask;
  return eval_simple (&w) || eval_two (&w) || eval_bits (&w) || eval_product (&w) ||
         eval_conditional (&w);
}
