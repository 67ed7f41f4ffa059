// SPDX-License-Identifier: GPL-3.0-or-later
// The meaning of uops of vector registers with lanes of integers (uop-simd.inc). Any thread.
#include <string.h>

#include "engine/ir/eval.h"

typedef struct Lanes {
  const Uop *u;
  IrVector a, b, c, d, result;
  unsigned size;    // log2 of the lanes' bytes
  unsigned n_lanes; // of a register of the operation
  unsigned bits;    // of a lane
} Lanes;

// ---- lanes ----------------------------------------------------------------------------------

static uint64_t
get (const IrVector *v, unsigned size, unsigned i)
{
  uint64_t value = 0;

  memcpy (&value, &v->b[i << size], 1u << size);
  return value;
}

static void
put (IrVector *v, unsigned size, unsigned i, uint64_t value)
{
  memcpy (&v->b[i << size], &value, 1u << size);
}

static int64_t
sign_extend (uint64_t value, unsigned bits)
{
  return (int64_t) (value << (64 - bits)) >> (64 - bits);
}

static int64_t
get_signed (const IrVector *v, unsigned size, unsigned i)
{
  return sign_extend (get (v, size, i), 8u << size);
}

// ---- lane by lane ---------------------------------------------------------------------------

static bool
holds (unsigned cmp, uint64_t a, uint64_t b, int64_t sa, int64_t sb)
{
  switch ((IrVCmp) cmp) {
  case IR_VEQ:
    return a == b;
  case IR_VGT:
    return sa > sb;
  case IR_VGE:
    return sa >= sb;
  case IR_VHI:
    return a > b;
  case IR_VHS:
    return a >= b;
  case IR_VTST:
    return (a & b) != 0;
  case IR_VLE:
    return sa <= sb;
  default: // LT
    return sa < sb;
  }
}

static uint64_t
halve (unsigned how, uint64_t a, uint64_t b, int64_t sa, int64_t sb)
{
  __int128 x = how & IR_VHALVE_SIGNED ? (__int128) sa : (__int128) a;
  __int128 y = how & IR_VHALVE_SIGNED ? (__int128) sb : (__int128) b;

  x = how & IR_VHALVE_SUB ? x - y : x + y;
  return (uint64_t) ((x + ((how & IR_VHALVE_ROUND) != 0)) >> 1);
}

static uint64_t
shift_right (__int128 x, unsigned n, bool round)
{
  return (uint64_t) ((x + (round ? (__int128) 1 << (n - 1) : 0)) >> n);
}

static bool
lane_of_two (const Lanes *l, unsigned i, uint64_t *r)
{
  uint64_t a = get (&l->a, l->size, i), b = get (&l->b, l->size, i);
  int64_t sa = get_signed (&l->a, l->size, i), sb = get_signed (&l->b, l->size, i);

  switch (l->u->op) {
  case UOP_VADD:
    *r = a + b;
    return true;
  case UOP_VSUB:
    *r = a - b;
    return true;
  case UOP_VMUL:
    *r = a * b;
    return true;
  case UOP_VSMAX:
    *r = sa > sb ? a : b;
    return true;
  case UOP_VUMAX:
    *r = a > b ? a : b;
    return true;
  case UOP_VSMIN:
    *r = sa < sb ? a : b;
    return true;
  case UOP_VUMIN:
    *r = a < b ? a : b;
    return true;
  case UOP_VSABD:
    *r = sa > sb ? a - b : b - a;
    return true;
  case UOP_VUABD:
    *r = a > b ? a - b : b - a;
    return true;
  case UOP_VHALVE:
    *r = halve (l->u->aux2, a, b, sa, sb);
    return true;
  case UOP_VCMP:
    *r = holds (l->u->aux2, a, b, sa, sb) ? UINT64_MAX : 0;
    return true;
  case UOP_VXAR:
    *r = (a ^ b) >> l->u->imm | (a ^ b) << (-l->u->imm & 63);
    return true;
  case UOP_VRAX:
    *r = a ^ (b << 1 | b >> 63);
    return true;
  default:
    return false;
  }
}

static unsigned
reverse_bits (unsigned byte)
{
  unsigned r = 0;

  for (unsigned i = 0; i < 8; i++)
    r |= (byte >> i & 1) << (7 - i);
  return r;
}

static bool
lane_of_one (const Lanes *l, unsigned i, uint64_t *r)
{
  uint64_t a = get (&l->a, l->size, i);
  int64_t sa = get_signed (&l->a, l->size, i);
  unsigned n = (unsigned) l->u->imm;

  switch (l->u->op) {
  case UOP_VCMP0:
    *r = holds (l->u->aux2, a, 0, sa, 0) ? UINT64_MAX : 0;
    return true;
  case UOP_VABS:
    *r = sa < 0 ? -a : a;
    return true;
  case UOP_VNEG:
    *r = -a;
    return true;
  case UOP_VCNT:
    *r = (uint64_t) __builtin_popcountll (a);
    return true;
  case UOP_VRBIT:
    *r = reverse_bits ((unsigned) a);
    return true;
  case UOP_VSHL:
    *r = a << n;
    return true;
  case UOP_VUSHR:
  case UOP_VURSHR:
    *r = shift_right (a, n, l->u->op == UOP_VURSHR);
    return true;
  case UOP_VSSHR:
  case UOP_VSRSHR:
    *r = shift_right (sa, n, l->u->op == UOP_VSRSHR);
    return true;
  case UOP_VREV:
    *r = get (&l->a, l->size, i ^ ((1u << (l->u->aux2 - l->size)) - 1));
    return true;
  case UOP_VDUPE:
    *r = get (&l->a, l->size, l->u->aux2);
    return true;
  default:
    return false;
  }
}

static bool
lane_by_lane (Lanes *l)
{
  uint64_t r;

  for (unsigned i = 0; i < l->n_lanes; i++) {
    if (!(ir_info[l->u->op].shape == IR_SHAPE_V2 ? lane_of_one : lane_of_two) (l, i, &r))
      return false;
    put (&l->result, l->size, i, r);
  }
  return true;
}

// ---- whole registers ------------------------------------------------------------------------

static bool
whole (Lanes *l)
{
  for (unsigned i = 0; i < 2; i++) {
    uint64_t a = l->a.d[i], b = l->b.d[i], imm = (uint64_t) l->u->imm, *r = &l->result.d[i];

    switch (l->u->op) {
    case UOP_VMOV:
      *r = a;
      break;
    case UOP_VMOVI:
      *r = imm;
      break;
    case UOP_VANDI:
      *r = a & imm;
      break;
    case UOP_VORI:
      *r = a | imm;
      break;
    case UOP_VNOT:
      *r = ~a;
      break;
    case UOP_VAND:
      *r = a & b;
      break;
    case UOP_VBIC:
      *r = a & ~b;
      break;
    case UOP_VOR:
      *r = a | b;
      break;
    case UOP_VORN:
      *r = a | ~b;
      break;
    case UOP_VXOR:
      *r = a ^ b;
      break;
    case UOP_VSELECT:
      *r = (a & l->c.d[i]) | (b & ~l->c.d[i]);
      break;
    default:
      return false;
    }
  }
  return true;
}

// ---- pairs, all lanes -----------------------------------------------------------------------

static uint64_t
choose (unsigned kind, unsigned size, uint64_t a, uint64_t b)
{
  int64_t sa = sign_extend (a, 8u << size), sb = sign_extend (b, 8u << size);

  switch (kind) {
  case 0:
    return a + b;
  case 1:
    return sa > sb ? a : b;
  case 2:
    return a > b ? a : b;
  case 3:
    return sa < sb ? a : b;
  default:
    return a < b ? a : b;
  }
}

// Lane i of a and b one after the other.
static uint64_t
of_both (const Lanes *l, unsigned i)
{
  return i < l->n_lanes ? get (&l->a, l->size, i) : get (&l->b, l->size, i - l->n_lanes);
}

static bool
neighbours (Lanes *l)
{
  unsigned kind = l->u->op - UOP_VADDP;

  if (l->u->op < UOP_VADDP || l->u->op > UOP_VUMINP)
    return false;
  for (unsigned i = 0; i < l->n_lanes; i++)
    put (&l->result, l->size, i,
         choose (kind, l->size, of_both (l, 2 * i), of_both (l, 2 * i + 1)));
  return true;
}

static bool
across (Lanes *l)
{
  unsigned kind = l->u->op - UOP_VADDV;
  uint64_t r = get (&l->a, l->size, 0);

  if (l->u->op < UOP_VADDV || l->u->op > UOP_VUMINV)
    return false;
  for (unsigned i = 1; i < l->n_lanes; i++)
    r = choose (kind, l->size, r, get (&l->a, l->size, i));
  put (&l->result, l->size, 0, r);
  return true;
}

static bool
permute (Lanes *l)
{
  unsigned half = l->n_lanes / 2;

  for (unsigned i = 0; i < l->n_lanes; i++) {
    const IrVector *from = i % 2 ? &l->b : &l->a;
    uint64_t r;

    switch (l->u->op) {
    case UOP_VZIP1:
    case UOP_VZIP2:
      r = get (from, l->size, i / 2 + (l->u->op == UOP_VZIP2 ? half : 0));
      break;
    case UOP_VUZP1:
    case UOP_VUZP2:
      r = of_both (l, 2 * i + (l->u->op == UOP_VUZP2));
      break;
    case UOP_VTRN1:
    case UOP_VTRN2:
      r = get (from, l->size, (i & ~1u) + (l->u->op == UOP_VTRN2));
      break;
    default:
      return false;
    }
    put (&l->result, l->size, i, r);
  }
  return true;
}

// ---- two sizes ------------------------------------------------------------------------------

static bool
lengthen (Lanes *l)
{
  for (unsigned i = 0; i < 8u >> l->size; i++) {
    unsigned from = i + (l->u->aux2 ? 8u >> l->size : 0);
    uint64_t a = get (&l->a, l->size, from), b = get (&l->b, l->size, from), r;
    int64_t sa = get_signed (&l->a, l->size, from), sb = get_signed (&l->b, l->size, from);

    switch (l->u->op) {
    case UOP_VUXTL:
      r = a;
      break;
    case UOP_VSXTL:
      r = (uint64_t) sa;
      break;
    case UOP_VUMULL:
      r = a * b;
      break;
    case UOP_VSMULL:
      r = (uint64_t) (sa * sb);
      break;
    default:
      return false;
    }
    put (&l->result, l->size + 1, i, r);
  }
  return true;
}

static bool
add_long (Lanes *l)
{
  bool is_signed = l->u->op == UOP_VSADDLP;

  if (l->u->op != UOP_VSADDLP && l->u->op != UOP_VUADDLP)
    return false;
  for (unsigned i = 0; i < l->n_lanes / 2; i++)
    put (&l->result, l->size + 1, i,
         is_signed ? (uint64_t) (get_signed (&l->a, l->size, 2 * i) +
                                 get_signed (&l->a, l->size, 2 * i + 1))
                   : get (&l->a, l->size, 2 * i) + get (&l->a, l->size, 2 * i + 1));
  return true;
}

static bool
narrow (Lanes *l)
{
  unsigned n = 8u >> l->size, to = l->u->aux2 ? n : 0;

  if (l->u->op != UOP_VXTN)
    return false;
  if (l->u->aux2)
    l->result.d[0] = l->b.d[0];
  for (unsigned i = 0; i < n; i++)
    put (&l->result, l->size, to + i, get (&l->a, l->size + 1, i));
  return true;
}

static bool
dot (Lanes *l)
{
  if (l->u->op != UOP_VDOT)
    return false;
  for (unsigned i = 0; i < 16; i++) {
    int64_t a = l->u->aux2 & 1 ? (int8_t) l->a.b[i] : l->a.b[i];
    int64_t b = l->u->aux2 & 2 ? (int8_t) l->b.b[i] : l->b.b[i];

    l->d.s[i / 4] += (uint32_t) (a * b);
  }
  l->result = l->d;
  return true;
}

// ---- lanes from and to elsewhere ------------------------------------------------------------

static bool
move_lane (IrEval *e, Lanes *l)
{
  const Uop *u = l->u;
  uint64_t value;

  switch (u->op) {
  case UOP_VDUPR:
    for (unsigned i = 0; i < l->n_lanes; i++)
      put (&l->result, l->size, i, ir_eval_get (e, u->a));
    return true;
  case UOP_VGETE:
    put (&l->result, l->size, 0, get (&l->a, l->size, u->aux2));
    return true;
  case UOP_VSETE:
  case UOP_VSETR:
    value = u->op == UOP_VSETE ? get (&l->a, l->size, (unsigned) u->imm) : ir_eval_get (e, u->a);
    l->result = l->d;
    put (&l->result, l->size, u->aux2, value);
    return true;
  case UOP_VGETR:
    value = get (&e->v[u->a], l->size, u->aux2);
    if (u->imm)
      value = (uint64_t) sign_extend (value, l->bits);
    ir_eval_set (e, u->d, u->flags & UOP_W64 ? value : (uint32_t) value);
    return true;
  default:
    return false;
  }
}

static bool
take_bytes (IrEval *e, Lanes *l)
{
  const Uop *u = l->u;

  if (u->op != UOP_VEXT && u->op != UOP_VTBL && u->op != UOP_VTBX)
    return false;
  for (unsigned i = 0; i < 16; i++) {
    unsigned index = l->b.b[i];

    if (u->op == UOP_VEXT)
      l->result.b[i] = (uint8_t) of_both (l, (i + (unsigned) u->imm) % (2 * l->n_lanes));
    else if (index < 16u * u->aux2)
      l->result.b[i] = e->v[(u->a + index / 16) % 32].b[index % 16];
    else
      l->result.b[i] = u->op == UOP_VTBX ? l->d.b[i] : 0;
  }
  return true;
}

// ---- all ------------------------------------------------------------------------------------

static IrVector
vector (const IrEval *e, unsigned number)
{
  return number < IR_N_VREGS ? e->v[number] : (IrVector){.d = {0, 0}};
}

// Those with a result of 128 bits whatever UOP_Q says: the rest of the register is part of it, or
// its operands' size says how much there is.
static bool
is_full (unsigned op)
{
  return op == UOP_VSETE || op == UOP_VSETR || (op >= UOP_VUXTL && op <= UOP_VSMULL) ||
         op == UOP_VXTN;
}

bool
ir_eval_simd (IrEval *e, const Uop *u)
{
  Lanes l = {
      .u = u,
      .size = u->aux & 3,
      .bits = 8u << (u->aux & 3),
      .n_lanes = (u->flags & UOP_Q ? 16u : 8u) >> (u->aux & 3),
      .a = vector (e, u->a),
      .b = vector (e, u->b),
      .c = vector (e, u->c),
      .d = vector (e, u->d),
  };

  if (!move_lane (e, &l) && !take_bytes (e, &l) && !whole (&l) && !neighbours (&l) &&
      !across (&l) && !permute (&l) && !lengthen (&l) && !add_long (&l) && !narrow (&l) &&
      !dot (&l) && !lane_by_lane (&l))
    return false;
  if (u->op == UOP_VGETR)
    return true;
  if (!(u->flags & UOP_Q) && !is_full (u->op))
    l.result.d[1] = 0;
  e->v[u->d] = l.result;
  return true;
}
