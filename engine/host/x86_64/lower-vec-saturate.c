// SPDX-License-Identifier: GPL-3.0-or-later
// Saturating operations on lanes (lower-vec.h). That something saturated is noted out of line.
#include "engine/host/x86_64/lower-vec.h"

static void
note_saturation (X64Lower *l, X64Cold *cold)
{
  x64_alu_mi (&l->a, X64_OR, 32, x64_state (l->layout->saturated),
              (int32_t) l->layout->saturated_bit);
  x64_jmp_to (&l->a, cold->resume);
}

// Notes it unless all of the operation's bits in x (which is changed), or signs, are 0. `test` is
// vptest, vtestps or vtestpd.
static void
note_unless_zero (X64Lower *l, const Uop *uop, X64VecOp test, X64Vec x, bool q)
{
  x64_clobber (l, uop);
  X64Cold *cold = x64_cold (l, uop, note_saturation);
  if (!q)
    x64_vrr (&l->a, X64_VMOVQ, x, x);
  x64_vrr (&l->a, test, x, x);
  x64_jcc (&l->a, X64_CC_NE, &cold->entry);
  cold->resume = l->a.p;
}

// d is the saturated result, xmm0 the one that wrapped.
static void
note_difference (X64Lower *l, const Uop *uop, X64Vec d)
{
  x64_vrrr (&l->a, X64_VPXOR, 0, 0, d);
  note_unless_zero (l, uop, X64_VPTEST, 0, uop->flags & UOP_Q);
}

static void
finish (X64Lower *l, const Uop *uop, X64Vec d)
{
  note_difference (l, uop, d);
  x64_vresult (l, uop, d);
}

static void
short_lanes (X64Lower *l, const Uop *uop, X64VecOp saturates, X64VecOp wraps)
{
  X64Vec a = x64_vuse (l, uop->a), b = x64_vuse (l, uop->b), d = x64_vnew (l);

  x64_vrrr (&l->a, saturates, d, a, b);
  x64_vrrr (&l->a, wraps, 0, a, b);
  finish (l, uop, d);
}

// The limit on the side of s's sign, into d, which is another.
static void
find_limit (X64Lower *l, unsigned size, X64Vec d, X64Vec s)
{
  if (size == 2) {
    x64_vrri (&l->a, X64_VPSRAD_I, d, s, 31);
  } else {
    x64_vzero (&l->a, d);
    x64_vrrr (&l->a, x64_vcmpgt[size], d, d, s);
  }
  x64_vrrm (&l->a, X64_VPXOR, d, d, x64_const (l, X64_K_MAX + size));
}

// A sum overflows where its sign is that of neither operand, a difference where the operands'
// signs differ and its own is not a's.
static void
signed_sum (X64Lower *l, const Uop *uop, unsigned size, X64Vec d, X64Vec a, X64Vec b, bool subtract)
{
  const X64VecOp *op = subtract ? x64_vsub : x64_vadd;
  bool dwords = size == 2;

  x64_vrrr (&l->a, op[size], d, a, b);
  x64_vrrr (&l->a, X64_VPXOR, 0, a, d);
  x64_vrrr (&l->a, X64_VPXOR, 1, b, subtract ? a : d);
  x64_vrrr (&l->a, X64_VPAND, 0, 0, 1);
  find_limit (l, size, 1, a);
  x64_vrrrr (&l->a, dwords ? X64_VBLENDVPS : X64_VBLENDVPD, d, d, 1, 0);
  note_unless_zero (l, uop, dwords ? X64_VTESTPS : X64_VTESTPD, 0, uop->flags & UOP_Q);
}

static void
signed_lanes (X64Lower *l, const Uop *uop, bool subtract)
{
  X64Vec a = x64_vuse (l, uop->a), b = x64_vuse (l, uop->b), d = x64_vnew (l);

  signed_sum (l, uop, uop->aux, d, a, b, subtract);
  x64_vresult (l, uop, d);
}

void
x64_lower_VSQADD (X64Lower *l, const Uop *uop)
{
  if (uop->aux == 0)
    short_lanes (l, uop, X64_VPADDSB, X64_VPADDB);
  else if (uop->aux == 1)
    short_lanes (l, uop, X64_VPADDSW, X64_VPADDW);
  else
    signed_lanes (l, uop, false);
}

void
x64_lower_VSQSUB (X64Lower *l, const Uop *uop)
{
  if (uop->aux == 0)
    short_lanes (l, uop, X64_VPSUBSB, X64_VPSUBB);
  else if (uop->aux == 1)
    short_lanes (l, uop, X64_VPSUBSW, X64_VPSUBW);
  else
    signed_lanes (l, uop, true);
}

// b can be added to at most ~b.
static void
unsigned_sum (X64Lower *l, const Uop *uop, X64Vec d, X64Vec a, X64Vec b)
{
  x64_vones (l, 0);
  x64_vrrr (&l->a, X64_VPXOR, d, b, 0);
  x64_vrrr (&l->a, uop->aux == 2 ? X64_VPMINUD : X64_VPMINUQ, d, d, a);
  x64_vrrr (&l->a, x64_vadd[uop->aux], d, d, b);
  x64_vrrr (&l->a, x64_vadd[uop->aux], 0, a, b);
  note_difference (l, uop, d);
}

static void
add_unsigned (X64Lower *l, const Uop *uop)
{
  X64Vec a = x64_vuse (l, uop->a), b = x64_vuse (l, uop->b), d = x64_vnew (l);

  unsigned_sum (l, uop, d, a, b);
  x64_vresult (l, uop, d);
}

void
x64_lower_VUQADD (X64Lower *l, const Uop *uop)
{
  if (uop->aux == 0)
    short_lanes (l, uop, X64_VPADDUSB, X64_VPADDB);
  else if (uop->aux == 1)
    short_lanes (l, uop, X64_VPADDUSW, X64_VPADDW);
  else if (uop->aux == 2 || l->features->avx512)
    add_unsigned (l, uop);
  else
    x64_interp (l, uop);
}

static void
subtract_unsigned (X64Lower *l, const Uop *uop)
{
  X64Vec a = x64_vuse (l, uop->a), b = x64_vuse (l, uop->b), d = x64_vnew (l);

  x64_vrrr (&l->a, uop->aux == 2 ? X64_VPMAXUD : X64_VPMAXUQ, d, a, b);
  x64_vrrr (&l->a, x64_vsub[uop->aux], d, d, b);
  x64_vrrr (&l->a, x64_vsub[uop->aux], 0, a, b);
  finish (l, uop, d);
}

void
x64_lower_VUQSUB (X64Lower *l, const Uop *uop)
{
  if (uop->aux == 0)
    short_lanes (l, uop, X64_VPSUBUSB, X64_VPSUBB);
  else if (uop->aux == 1)
    short_lanes (l, uop, X64_VPSUBUSW, X64_VPSUBW);
  else if (uop->aux == 2 || l->features->avx512)
    subtract_unsigned (l, uop);
  else
    x64_interp (l, uop);
}

// With a's highest bits the other way round both are of the same kind: what a sum wraps to, and where
// it saturates, are moved by half of the range. a, b, d are three registers.
static void
short_sum_moved (X64Lower *l, const Uop *uop, X64Vec d, X64Vec a, X64Vec b)
{
  static const X64VecOp saturates[2][2] = {{X64_VPADDUSB, X64_VPADDUSW},
                                           {X64_VPADDSB, X64_VPADDSW}};

  x64_vrrr (&l->a, saturates[uop->aux2][uop->aux], d, a, b);
  x64_vrrr (&l->a, x64_vadd[uop->aux], 0, a, b);
  note_difference (l, uop, d);
}

void
x64_lower_VSQADDX (X64Lower *l, const Uop *uop)
{
  X64Mem signs = x64_const (l, X64_K_SIGN + uop->aux);

  if (uop->aux == 3 && !uop->aux2 && !l->features->avx512) {
    x64_interp (l, uop);
    return;
  }
  X64Vec a = x64_vuse (l, uop->a), b = x64_vuse (l, uop->b);
  X64Vec d = x64_vnew (l), moved = x64_vnew (l);
  x64_vrrm (&l->a, X64_VPXOR, moved, a, signs);
  if (uop->aux < 2)
    short_sum_moved (l, uop, d, moved, b);
  else if (uop->aux2)
    signed_sum (l, uop, uop->aux, d, moved, b, false);
  else
    unsigned_sum (l, uop, d, moved, b);
  x64_vrrm (&l->a, X64_VPXOR, d, d, signs);
  x64_vresult (l, uop, d);
}

// ---- one operand ----------------------------------------------------------------------------

// Only the smallest number saturates: its negative is itself, but for that.
void
x64_lower_VSQNEG (X64Lower *l, const Uop *uop)
{
  unsigned size = uop->aux;
  X64Vec a = x64_vuse (l, uop->a), d = x64_vnew (l);

  x64_vzero (&l->a, 0);
  if (uop->aux2) {
    x64_vrrr (&l->a, x64_vcmpgt[size], 0, 0, a);
    x64_vrrr (&l->a, X64_VPXOR, d, a, 0);
    x64_vrrr (&l->a, x64_vsub[size], d, d, 0);
  } else {
    x64_vrrr (&l->a, x64_vsub[size], d, 0, a);
  }
  x64_vrrm (&l->a, x64_vcmpeq[size], 0, d, x64_const (l, X64_K_SIGN + size));
  x64_vrrr (&l->a, X64_VPXOR, d, d, 0);
  note_unless_zero (l, uop, X64_VPTEST, 0, uop->flags & UOP_Q);
  x64_vresult (l, uop, d);
}

// What comes back from where it was shifted to did not saturate. Negative lanes have no unsigned
// result but 0.
void
x64_lower_VSQSHL (X64Lower *l, const Uop *uop)
{
  unsigned size = uop->aux, n = uop->c;
  bool from_signed = (uop->aux2 & IR_VQXTN_FROM_SIGNED) != 0;
  bool to_signed = (uop->aux2 & IR_VQXTN_TO_SIGNED) != 0;
  X64Vec a = x64_vuse (l, uop->a), d = x64_vnew (l), limit = x64_vnew (l), same = x64_vnew (l);

  x64_vshift_left (l, size, d, a, n);
  x64_vshift_right (l, size, same, d, n, to_signed);
  x64_vrrr (&l->a, x64_vcmpeq[size], same, same, a);
  if (to_signed) {
    find_limit (l, size, limit, a);
  } else {
    x64_vones (l, limit);
    if (from_signed) {
      x64_vzero (&l->a, 0);
      x64_vrrr (&l->a, x64_vcmpgt[size], 0, 0, a);
      x64_vrrr (&l->a, X64_VPANDN, same, 0, same);
      x64_vrrr (&l->a, X64_VPXOR, limit, limit, 0);
    }
  }
  x64_vrrrr (&l->a, X64_VPBLENDVB, d, limit, d, same);
  x64_vones (l, 0);
  x64_vrrr (&l->a, X64_VPXOR, 0, 0, same);
  note_unless_zero (l, uop, X64_VPTEST, 0, uop->flags & UOP_Q);
  x64_vresult (l, uop, d);
}

// ---- products -------------------------------------------------------------------------------

static void
multiply_words (X64Lower *l, X64Vec d, X64Vec a, X64Vec b, bool round)
{
  if (round) {
    x64_vrrr (&l->a, X64_VPMULHRSW, d, a, b);
    return;
  }
  x64_vrrr (&l->a, X64_VPMULHW, d, a, b);
  x64_vrrr (&l->a, X64_VPMULLW, 0, a, b);
  x64_vrrr (&l->a, X64_VPADDW, d, d, d);
  x64_vrri (&l->a, X64_VPSRLW_I, 0, 0, 15);
  x64_vrrr (&l->a, X64_VPOR, d, d, 0);
}

// The products of the even and of the odd lanes, shifted so that the result's bits are in place.
static void
multiply_dwords (X64Lower *l, X64Vec d, X64Vec a, X64Vec b, bool round)
{
  x64_vrri (&l->a, X64_VPSRLQ_I, 0, a, 32);
  x64_vrri (&l->a, X64_VPSRLQ_I, 1, b, 32);
  x64_vrrr (&l->a, X64_VPMULDQ, 1, 1, 0);
  x64_vrrr (&l->a, X64_VPMULDQ, 0, a, b);
  if (round) {
    x64_vrrm (&l->a, X64_VPADDQ, 0, 0, x64_const (l, X64_K_QWORDS_ROUND));
    x64_vrrm (&l->a, X64_VPADDQ, 1, 1, x64_const (l, X64_K_QWORDS_ROUND));
  }
  x64_vrri (&l->a, X64_VPSRLQ_I, 0, 0, 31);
  x64_vrrr (&l->a, X64_VPADDQ, 1, 1, 1);
  x64_vrrri (&l->a, X64_VPBLENDD, d, 0, 1, 0x0a);
}

// Only the square of the smallest number saturates, and only it gives the smallest number.
void
x64_lower_VSQDMULH (X64Lower *l, const Uop *uop)
{
  X64Vec a = x64_vuse (l, uop->a), b = x64_vuse (l, uop->b), d = x64_vnew (l);
  bool words = uop->aux == 1;

  (words ? multiply_words : multiply_dwords) (l, d, a, b, uop->aux2);
  x64_vrrm (&l->a, x64_vcmpeq[uop->aux], 0, d,
            x64_const (l, words ? X64_K_WORDS_SIGN : X64_K_DWORDS_SIGN));
  x64_vrrr (&l->a, X64_VPXOR, d, d, 0);
  note_unless_zero (l, uop, X64_VPTEST, 0, uop->flags & UOP_Q);
  x64_vresult (l, uop, d);
}

// The lower or the upper halves of a and b, multiplied and doubled: d. Only the square of the smallest
// number saturates.
static void
multiply_doubled (X64Lower *l, const Uop *uop, X64Vec d, X64Vec a, X64Vec b)
{
  bool high = (uop->aux2 & IR_VQDMLAL_HIGH) != 0;
  unsigned wide = uop->aux + 1u;
  X64Asm *as = &l->a;

  if (uop->aux == 2) {
    x64_vrri (as, X64_VPSHUFD, 0, a, high ? 0xfa : 0x50);
    x64_vrri (as, X64_VPSHUFD, 1, b, high ? 0xfa : 0x50);
    x64_vrrr (as, X64_VPMULDQ, d, 0, 1);
  } else {
    x64_vrri (as, X64_VPSHUFD, 0, a, high ? 0xee : 0x44);
    x64_vrri (as, X64_VPSHUFD, 1, b, high ? 0xee : 0x44);
    x64_vrr (as, X64_VPMOVSXWD, 0, 0);
    x64_vrr (as, X64_VPMOVSXWD, 1, 1);
    x64_vrrr (as, X64_VPMULLD, d, 0, 1);
  }
  x64_vrrr (as, x64_vadd[wide], d, d, d);
  x64_vrrm (as, x64_vcmpeq[wide], 0, d, x64_const (l, X64_K_SIGN + wide));
  x64_vrrr (as, X64_VPXOR, d, d, 0);
  note_unless_zero (l, uop, X64_VPTEST, 0, true);
}

void
x64_lower_VSQDMLAL (X64Lower *l, const Uop *uop)
{
  X64Vec a = x64_vuse (l, uop->a), b = x64_vuse (l, uop->b), old = x64_vuse (l, uop->d);
  X64Vec product = x64_vnew (l), d = x64_vnew (l);

  multiply_doubled (l, uop, product, a, b);
  signed_sum (l, uop, uop->aux + 1u, d, old, product, (uop->aux2 & IR_VQDMLAL_SUB) != 0);
  x64_vput (l, uop->d, d);
}

// ---- narrower -------------------------------------------------------------------------------

// Saturates a's lanes into the lower half of d.
static void
pack (X64Lower *l, const Uop *uop, X64Vec d, X64Vec a)
{
  static const X64VecOp to_signed[3] = {X64_VPACKSSWB, X64_VPACKSSDW, X64_VPMOVSQD};
  static const X64VecOp to_unsigned[3] = {X64_VPACKUSWB, X64_VPACKUSDW, X64_VPMOVUSQD};
  X64VecOp op = (uop->aux2 & IR_VQXTN_TO_SIGNED ? to_signed : to_unsigned)[uop->aux];

  if (uop->aux == 2 &&
      (uop->aux2 & (IR_VQXTN_FROM_SIGNED | IR_VQXTN_TO_SIGNED)) == IR_VQXTN_FROM_SIGNED) {
    x64_vzero (&l->a, 0);
    x64_vrrr (&l->a, X64_VPMAXSQ, 0, 0, a);
    a = 0;
  } else if (uop->aux < 2 && !(uop->aux2 & IR_VQXTN_FROM_SIGNED)) {
    x64_vrrm (&l->a, uop->aux == 0 ? X64_VPMINUW : X64_VPMINUD, 0, a,
              x64_const (l, uop->aux == 0 ? X64_K_WORDS_FF : X64_K_DWORDS_FFFF));
    a = 0;
  }
  if (uop->aux == 2)
    x64_vrr (&l->a, op, d, a);
  else
    x64_vrrr (&l->a, op, d, a, a);
}

// It saturated where the result, widened again, is another number.
void
x64_lower_VQXTN (X64Lower *l, const Uop *uop)
{
  static const X64VecOp sign_extend[3] = {X64_VPMOVSXBW, X64_VPMOVSXWD, X64_VPMOVSXDQ};
  static const X64VecOp zero_extend[3] = {X64_VPMOVZXBW, X64_VPMOVZXWD, X64_VPMOVZXDQ};
  const X64VecOp *extend = uop->aux2 & IR_VQXTN_TO_SIGNED ? sign_extend : zero_extend;

  if (uop->aux == 2 && !l->features->avx512) {
    x64_interp (l, uop);
    return;
  }
  X64Vec a = x64_vuse (l, uop->a), b = x64_vuse (l, uop->b), d = x64_vnew (l);
  pack (l, uop, d, a);
  x64_vrr (&l->a, extend[uop->aux], 0, d);
  x64_vrrr (&l->a, X64_VPXOR, 0, 0, a);
  note_unless_zero (l, uop, X64_VPTEST, 0, true);
  if (uop->aux2 & IR_VQXTN_HIGH)
    x64_vrrr (&l->a, X64_VPUNPCKLQDQ, d, b, d);
  else
    x64_vrr (&l->a, X64_VMOVQ, d, d);
  x64_vput (l, uop->d, d);
}
