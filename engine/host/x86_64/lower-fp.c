// SPDX-License-Identifier: GPL-3.0-or-later
// Floating-point arithmetic (lower-fp.h).
#include "engine/host/x86_64/lower-fp.h"

// ---- operands and results -------------------------------------------------------------------

void
x64_fp_shorten (X64Lower *l, X64Vec d, X64Vec s, unsigned size)
{
  if (size == 3)
    x64_vrr (&l->a, X64_VMOVQ, d, s);
  else
    x64_vrrri (&l->a, X64_VINSERTPS, d, s, s, 0x0e);
}

X64Vec
x64_fp_operand (X64Lower *l, const Uop *uop, unsigned v)
{
  if (x64_fp_scalar (uop))
    return x64_vlow (l, v, uop->aux);
  if (uop->flags & UOP_Q)
    return x64_vuse (l, v);
  X64Vec copy = x64_vlow (l, v, 3);
  if (x64_vshort (l, copy, 3))
    return copy;
  X64Vec shortened = x64_vnew (l);
  x64_fp_shorten (l, shortened, copy, 3);
  return shortened;
}

static void
special (X64Lower *l, X64Cold *cold)
{
  x64_load_op (l, cold->uop);
  x64_call_to (&l->a, l->stubs->interp);
  if (cold->imm != 0)
    x64_mov_rm (&l->a, 64, X64_RDX, x64_state (l->layout->window + 8 * (int32_t) (cold->imm - 1)));
  x64_cold_resume (l, cold);
}

// An addend may be in rdx.
X64Cold *
x64_fp_special (X64Lower *l, const Uop *uop)
{
  X64Cold *cold = x64_cold (l, uop, special);

  cold->imm = x64_addend_word (l);
  return cold;
}

bool
x64_is_plain_fp (const Uop *uop)
{
  static const bool is_fp[UOP_N] = {
#define IR_UOP(name, shape, properties, meaning) [UOP_##name] = true,
#include "engine/ir/uop-fp.inc"
#undef IR_UOP
  };

  switch (uop->op) {
  case UOP_FCSEL:
  case UOP_FPSYNC:
  case UOP_FTOIJS:
  case UOP_FTOIV: // may be all tier 0's
  case UOP_ITOFV:
    return false;
  default:
    return is_fp[uop->op];
  }
}

// To the piece where a lane of a or b is a NaN. xmm1 and rcx are used.
static void
check_lanes (X64Lower *l, X64Cold *cold, X64Vec a, X64Vec b, bool is_double)
{
  x64_vrrri (&l->a, is_double ? X64_VCMPPD : X64_VCMPPS, 1, a, b, X64_CMP_UNORDERED);
  x64_vrr (&l->a, X64_VMOVMSKPS, X64_RCX, 1);
  x64_test_rr (&l->a, 32, X64_RCX, X64_RCX);
  x64_jcc (&l->a, X64_CC_NE, &cold->entry);
}

void
x64_fp_check_nan (X64Lower *l, X64Cold *cold, X64Vec xmm, bool is_double, bool scalar)
{
  X64Asm *a = &l->a;

  if (scalar) {
    x64_vrr (a, is_double ? X64_VUCOMISD : X64_VUCOMISS, xmm, xmm);
    x64_jcc (a, X64_CC_P, &cold->entry);
    return;
  }
  check_lanes (l, cold, xmm, xmm, is_double);
}

void
x64_fp_put (X64Lower *l, const Uop *uop, X64Vec d, bool is_short, X64Cold *cold)
{
  unsigned span = x64_fp_span (uop);

  if (!is_short && span < 4)
    x64_fp_shorten (l, d, d, span);
  x64_vput_short (l, uop->d, d, span);
  if (cold != NULL)
    x64_cold_return (l, cold);
}

// The result of an operation that may give a NaN.
static void
put_checked (X64Lower *l, const Uop *uop, X64Vec d, bool is_short)
{
  X64Cold *cold = x64_fp_special (l, uop);

  // Rounded down, the difference of the zeroes above is -0.
  if (x64_fp_rounding (l) == IR_ROUND_DOWN && !x64_fp_scalar (uop))
    is_short = false;
  x64_fp_check_result (l, cold, d, x64_fp_double (uop), x64_fp_scalar (uop));
  x64_fp_put (l, uop, d, is_short, cold);
}

// Operands, before they are computed with.
static void
note_denormals (X64Lower *l, const Uop *uop, X64Vec a, X64Vec b)
{
  x64_fp_note_denormal (l, uop, a, x64_fp_scalar (uop));
  if (b != a)
    x64_fp_note_denormal (l, uop, b, x64_fp_scalar (uop));
}

// One element of b for all lanes, if the uop says so. To be asked for before the others: it may turn
// a copy of less than b into one of all.
static X64Vec
second_operand (X64Lower *l, const Uop *uop)
{
  unsigned element = uop->c - 1u;

  if (uop->c == 0 || (x64_fp_scalar (uop) && element == 0))
    return x64_fp_operand (l, uop, uop->b);
  X64Vec b = x64_vuse (l, uop->b), all = x64_vnew (l);
  if (x64_fp_double (uop))
    x64_vrri (&l->a, X64_VPERMILPD, all, b, element ? 3 : 0);
  else
    x64_vrri (&l->a, X64_VPERMILPS, all, b, (uint8_t) (element * 0x55));
  if (x64_fp_span (uop) == 3 && !x64_fp_scalar (uop))
    x64_fp_shorten (l, all, all, 3);
  return all;
}

// xmm = the number with these bits, in all lanes where there are some. rcx is used.
static void
load_number (X64Lower *l, const Uop *uop, X64Vec xmm, uint64_t bits)
{
  bool is_double = x64_fp_double (uop);

  x64_mov_ri (&l->a, X64_RCX, bits);
  x64_vrr (&l->a, is_double ? X64_VMOVQ_XR : X64_VMOVD, xmm, X64_RCX);
  if (!x64_fp_scalar (uop))
    x64_vrr (&l->a, is_double ? X64_VMOVDDUP : X64_VBROADCASTSS, xmm, xmm);
}

// To `cold` unless |a|, or that of each lane, is less than xmm1. xmm0 and rcx are used.
static void
check_less (X64Lower *l, const Uop *uop, X64Vec a, X64Cold *cold)
{
  bool is_double = x64_fp_double (uop);

  if (x64_fp_scalar (uop)) {
    x64_vrrm (&l->a, X64_VANDPS, 0, a, x64_fp_constant (l, X64_FP_ABS_SCALAR, is_double));
    x64_vrr (&l->a, is_double ? X64_VUCOMISD : X64_VUCOMISS, 1, 0);
    x64_jcc (&l->a, X64_CC_BE, &cold->entry);
    return;
  }
  x64_vrrm (&l->a, X64_VANDPS, 0, a, x64_fp_constant (l, X64_FP_ABS, is_double));
  x64_vrrri (&l->a, is_double ? X64_VCMPPD : X64_VCMPPS, 0, 0, 1, X64_CMP_LT_QUIET);
  x64_vrr (&l->a, X64_VMOVMSKPS, X64_RCX, 0);
  x64_alu_ri (&l->a, X64_CMP, 32, X64_RCX, 15);
  x64_jcc (&l->a, X64_CC_NE, &cold->entry);
}

// ---- two operands ---------------------------------------------------------------------------

// Of which operand scalars get what is above, if it is not the same: the first.
static void
two_operands (X64Lower *l, const Uop *uop, const X64VecOp ops[4], bool commutes)
{
  x64_clobber (l, uop);
  X64Vec b = second_operand (l, uop), a = x64_fp_operand (l, uop, uop->a), d = x64_vnew (l);
  bool is_short = !x64_fp_scalar (uop) || x64_vshort (l, a, uop->aux);

  note_denormals (l, uop, a, b);
  if (commutes && !is_short && x64_vshort (l, b, uop->aux)) {
    x64_vrrr (&l->a, x64_fp_op (ops, uop), d, b, a);
    is_short = true;
  } else {
    x64_vrrr (&l->a, x64_fp_op (ops, uop), d, a, b);
  }
  put_checked (l, uop, d, is_short);
}

void
x64_lower_FADD (X64Lower *l, const Uop *uop)
{
  static const X64VecOp ops[4] = X64_FP_OPS (X64_VADD);

  two_operands (l, uop, ops, true);
}

void
x64_lower_FSUB (X64Lower *l, const Uop *uop)
{
  static const X64VecOp ops[4] = X64_FP_OPS (X64_VSUB);

  two_operands (l, uop, ops, false);
}

static const X64VecOp mul_ops[4] = X64_FP_OPS (X64_VMUL);

static const uint64_t infinity[2] = {0x7f800000, 0x7ff0000000000000};

// FMULX: two numbers that are not infinite have a product.
static void
multiply_finite (X64Lower *l, const Uop *uop)
{
  bool scalar = x64_fp_scalar (uop);

  x64_clobber (l, uop);
  X64Vec b = second_operand (l, uop), a = x64_fp_operand (l, uop, uop->a), d = x64_vnew (l);
  X64Cold *cold = x64_fp_special (l, uop);
  load_number (l, uop, 1, infinity[x64_fp_double (uop)]);
  check_less (l, uop, a, cold);
  check_less (l, uop, b, cold);
  note_denormals (l, uop, a, b);
  x64_vrrr (&l->a, x64_fp_op (mul_ops, uop), d, a, b);
  if (x64_fp_flushes (l))
    x64_fp_check_result (l, cold, d, x64_fp_double (uop), scalar);
  x64_fp_put (l, uop, d, !scalar || x64_vshort (l, a, uop->aux), cold);
}

void
x64_lower_FMUL (X64Lower *l, const Uop *uop)
{
  if (uop->aux2)
    multiply_finite (l, uop);
  else
    two_operands (l, uop, mul_ops, true);
}

// Lanes that are not there must not divide zero by zero: they are as the others.
static void
divide_short (X64Lower *l, const Uop *uop)
{
  x64_clobber (l, uop);
  X64Vec a = x64_vlow (l, uop->a, 3), b = x64_vlow (l, uop->b, 3), d = x64_vnew (l);
  if (x64_fp_flushes (l)) {
    X64Vec copy = x64_vnew (l);

    x64_vrrr (&l->a, X64_VMOVLHPS, copy, a, b);
    x64_fp_note_denormal (l, uop, copy, false);
  }
  x64_vrr (&l->a, X64_VMOVDDUP, 0, a);
  x64_vrr (&l->a, X64_VMOVDDUP, 1, b);
  x64_vrrr (&l->a, X64_VDIVPS, d, 0, 1);
  put_checked (l, uop, d, false);
}

void
x64_lower_FDIV (X64Lower *l, const Uop *uop)
{
  static const X64VecOp ops[4] = X64_FP_OPS (X64_VDIV);

  if (x64_fp_span (uop) == 3 && !x64_fp_scalar (uop))
    divide_short (l, uop);
  else
    two_operands (l, uop, ops, false);
}

void
x64_lower_FNMUL (X64Lower *l, const Uop *uop)
{
  x64_clobber (l, uop);
  X64Vec a = x64_fp_operand (l, uop, uop->a), b = x64_fp_operand (l, uop, uop->b);
  X64Vec d = x64_vnew (l);
  note_denormals (l, uop, a, b);
  x64_vrrr (&l->a, x64_fp_op (mul_ops, uop), d, a, b);
  x64_vrrm (&l->a, X64_VXORPS, d, d, x64_fp_constant (l, X64_FP_SIGN_SCALAR, x64_fp_double (uop)));
  put_checked (l, uop, d, x64_vshort (l, a, uop->aux));
}

void
x64_lower_FABD (X64Lower *l, const Uop *uop)
{
  static const X64VecOp ops[4] = X64_FP_OPS (X64_VSUB);
  bool scalar = x64_fp_scalar (uop);

  x64_clobber (l, uop);
  X64Vec a = x64_fp_operand (l, uop, uop->a), b = x64_fp_operand (l, uop, uop->b);
  X64Vec d = x64_vnew (l);
  note_denormals (l, uop, a, b);
  x64_vrrr (&l->a, x64_fp_op (ops, uop), d, a, b);
  x64_vrrm (&l->a, X64_VANDPS, d, d,
            x64_fp_constant (l, scalar ? X64_FP_ABS_SCALAR : X64_FP_ABS, x64_fp_double (uop)));
  put_checked (l, uop, d, true);
}

static const X64VecOp max_ops[4] = X64_FP_OPS (X64_VMAX);
static const X64VecOp min_ops[4] = X64_FP_OPS (X64_VMIN);

// d = the extreme of a and b, which may be d, and are no NaNs: the host's instructions are not meant
// for those. Zeroes of both signs are told apart by doing it both ways. xmm0 is used.
static void
extreme (X64Lower *l, const Uop *uop, const X64VecOp ops[4], X64Vec d, X64Vec a, X64Vec b)
{
  X64VecOp op = x64_fp_op (ops, uop);

  x64_vrrr (&l->a, op, 0, a, b);
  x64_vrrr (&l->a, op, d, b, a);
  x64_vrrr (&l->a, ops == max_ops ? X64_VANDPS : X64_VORPS, d, d, 0);
}

static void
extreme_of_two (X64Lower *l, const Uop *uop, const X64VecOp ops[4])
{
  bool is_double = x64_fp_double (uop);

  x64_clobber (l, uop);
  X64Vec a = x64_fp_operand (l, uop, uop->a), b = x64_fp_operand (l, uop, uop->b);
  X64Vec d = x64_vnew (l);
  X64Cold *cold = x64_fp_special (l, uop);
  x64_fp_check_denormal (l, uop, a, x64_fp_scalar (uop), cold);
  x64_fp_check_denormal (l, uop, b, x64_fp_scalar (uop), cold);
  if (x64_fp_scalar (uop)) {
    x64_vrr (&l->a, is_double ? X64_VUCOMISD : X64_VUCOMISS, a, b);
    x64_jcc (&l->a, X64_CC_P, &cold->entry);
  } else {
    check_lanes (l, cold, a, b, is_double);
  }
  extreme (l, uop, ops, d, a, b);
  x64_fp_put (l, uop, d, !x64_fp_scalar (uop), cold);
}

void
x64_lower_FMAX (X64Lower *l, const Uop *uop)
{
  extreme_of_two (l, uop, max_ops);
}

void
x64_lower_FMIN (X64Lower *l, const Uop *uop)
{
  extreme_of_two (l, uop, min_ops);
}

// Every other lane of two registers, from the first and from the second on.
static void
split_lanes (X64Lower *l, bool is_double, X64Vec even, X64Vec odd, X64Vec a, X64Vec b)
{
  if (is_double) {
    x64_vrrr (&l->a, X64_VUNPCKLPD, even, a, b);
    x64_vrrr (&l->a, X64_VUNPCKHPD, odd, a, b);
  } else {
    x64_vrrri (&l->a, X64_VSHUFPS, even, a, b, 0x88);
    x64_vrrri (&l->a, X64_VSHUFPS, odd, a, b, 0xdd);
  }
}

// Of 64 bits only the lower halves of a and b count: as the two halves of one register. A scalar is
// of the pair that is a.
static void
extreme_of_pairs (X64Lower *l, const Uop *uop, const X64VecOp ops[4])
{
  bool is_double = x64_fp_double (uop), all = (uop->flags & UOP_Q) != 0;
  Uop packed = *uop;

  packed.flags &= (uint16_t) ~UOP_SCALAR;
  x64_clobber (l, uop);
  X64Vec a = x64_vuse (l, uop->a), b = x64_fp_scalar (uop) ? a : x64_vuse (l, uop->b);
  X64Vec even = x64_vnew (l), odd = x64_vnew (l);
  X64Cold *cold = x64_fp_special (l, uop);
  if (!all && !is_double) {
    x64_vrrr (&l->a, X64_VUNPCKLPD, even, a, b);
    a = b = even;
  }
  x64_fp_check_denormal (l, uop, a, false, cold);
  x64_fp_check_denormal (l, uop, b, false, cold);
  check_lanes (l, cold, a, b, is_double);
  split_lanes (l, is_double, odd, even, a, b);
  extreme (l, &packed, ops, even, odd, even);
  x64_fp_put (l, uop, even, all, cold);
}

void
x64_lower_FMAXP (X64Lower *l, const Uop *uop)
{
  extreme_of_pairs (l, uop, max_ops);
}

void
x64_lower_FMINP (X64Lower *l, const Uop *uop)
{
  extreme_of_pairs (l, uop, min_ops);
}

static void
extreme_of_all (X64Lower *l, const Uop *uop, const X64VecOp ops[4])
{
  Uop packed = *uop;

  packed.flags &= (uint16_t) ~UOP_SCALAR;
  x64_clobber (l, uop);
  X64Vec a = x64_vuse (l, uop->a), even = x64_vnew (l), odd = x64_vnew (l);
  X64Cold *cold = x64_fp_special (l, uop);
  x64_fp_check_denormal (l, uop, a, false, cold);
  check_lanes (l, cold, a, a, false);
  split_lanes (l, false, odd, even, a, a);
  extreme (l, &packed, ops, even, odd, even);
  x64_vrr (&l->a, X64_VMOVSHDUP, odd, even);
  extreme (l, &packed, ops, even, odd, even);
  x64_fp_put (l, uop, even, false, cold);
}

void
x64_lower_FMAXV (X64Lower *l, const Uop *uop)
{
  extreme_of_all (l, uop, max_ops);
}

void
x64_lower_FMINV (X64Lower *l, const Uop *uop)
{
  extreme_of_all (l, uop, min_ops);
}

static void
add_pair (X64Lower *l, const Uop *uop, X64Vec d)
{
  X64Vec a = x64_fp_double (uop) ? x64_vuse (l, uop->a) : x64_vlow (l, uop->a, 3);

  if (x64_fp_flushes (l)) {
    X64Vec pair = x64_vnew (l);

    if (x64_fp_double (uop))
      x64_vmov (&l->a, pair, a);
    else
      x64_fp_shorten (l, pair, a, 3);
    x64_fp_note_denormal (l, uop, pair, false);
  }
  if (x64_fp_double (uop)) {
    x64_vrrr (&l->a, X64_VUNPCKHPD, 0, a, a);
    x64_vrrr (&l->a, X64_VADDSD, d, a, 0);
  } else {
    x64_vrr (&l->a, X64_VMOVSHDUP, 0, a);
    x64_vrrr (&l->a, X64_VADDSS, d, a, 0);
  }
}

void
x64_lower_FADDP (X64Lower *l, const Uop *uop)
{
  x64_clobber (l, uop);
  X64Vec d = x64_vnew (l);
  if (x64_fp_scalar (uop)) {
    add_pair (l, uop, d);
    put_checked (l, uop, d, false);
  } else if (uop->flags & UOP_Q) {
    X64Vec a = x64_vuse (l, uop->a), b = x64_vuse (l, uop->b);
    note_denormals (l, uop, a, b);
    x64_vrrr (&l->a, x64_fp_double (uop) ? X64_VHADDPD : X64_VHADDPS, d, a, b);
    put_checked (l, uop, d, true);
  } else {
    X64Vec a = x64_vlow (l, uop->a, 3), b = x64_vlow (l, uop->b, 3);
    x64_vrrr (&l->a, X64_VUNPCKLPD, d, a, b);
    x64_fp_note_denormal (l, uop, d, false);
    x64_vrrr (&l->a, X64_VHADDPS, d, d, d);
    put_checked (l, uop, d, false);
  }
}

// ---- one operand ----------------------------------------------------------------------------

void
x64_lower_FSQRT (X64Lower *l, const Uop *uop)
{
  static const X64VecOp ops[4] = X64_FP_OPS (X64_VSQRT);

  x64_clobber (l, uop);
  X64Vec a = x64_fp_operand (l, uop, uop->a), d = x64_vnew (l);
  x64_fp_note_denormal (l, uop, a, x64_fp_scalar (uop));
  if (x64_fp_scalar (uop)) {
    x64_vzero (&l->a, 0);
    x64_vrrr (&l->a, x64_fp_op (ops, uop), d, 0, a);
  } else {
    x64_vrr (&l->a, x64_fp_op (ops, uop), d, a);
  }
  put_checked (l, uop, d, true);
}

// ---- fused multiply-add ---------------------------------------------------------------------

// d = the addend, then d = d + a * b with signs.
static void
fused (X64Lower *l, const Uop *uop, X64Vec addend, X64Vec a, X64Vec b)
{
  static const X64VecOp ops[4][4] = {
      X64_FP_OPS (X64_VFMADD231),
      [IR_FMA_NEG_PRODUCT] = X64_FP_OPS (X64_VFNMADD231),
      [IR_FMA_NEG_ADDEND] = X64_FP_OPS (X64_VFMSUB231),
      [IR_FMA_NEG_PRODUCT | IR_FMA_NEG_ADDEND] = X64_FP_OPS (X64_VFNMSUB231),
  };
  X64Vec d = x64_vnew (l);

  note_denormals (l, uop, a, b);
  x64_fp_note_denormal (l, uop, addend, x64_fp_scalar (uop));
  if (x64_fp_scalar (uop) && !x64_vshort (l, addend, uop->aux))
    x64_fp_shorten (l, d, addend, uop->aux);
  else
    x64_vmov (&l->a, d, addend);
  x64_vrrr (&l->a, x64_fp_op (ops[uop->aux2 & 3], uop), d, a, b);
  put_checked (l, uop, d, true);
}

void
x64_lower_FMADD (X64Lower *l, const Uop *uop)
{
  x64_clobber (l, uop);
  X64Vec c = x64_fp_operand (l, uop, uop->c), a = x64_fp_operand (l, uop, uop->a);
  fused (l, uop, c, a, x64_fp_operand (l, uop, uop->b));
}

void
x64_lower_FMLA (X64Lower *l, const Uop *uop)
{
  x64_clobber (l, uop);
  X64Vec b = second_operand (l, uop), a = x64_fp_operand (l, uop, uop->a);
  fused (l, uop, x64_fp_operand (l, uop, uop->d), a, b);
}

// ---- steps of Newton's method ---------------------------------------------------------------

// Infinity times zero counts as zero and is not invalid. Halving is exact: what is not zero is no
// less than the last bit of the product, and with such operands the product does not overflow.
void
x64_lower_FSTEP (X64Lower *l, const Uop *uop)
{
  static const X64VecOp fused[4] = X64_FP_OPS (X64_VFNMADD231);
  static const uint64_t limit[2][2] = {{0x7f800000, 0x7ff0000000000000},  // infinity
                                       {0x5f000000, 0x5fe0000000000000}}; // 2^63, 2^511
  static const uint64_t number[2][2] = {{0x40000000, 0x4000000000000000},
                                        {0x40400000, 0x4008000000000000}};
  bool is_double = x64_fp_double (uop), halves = uop->aux2 != 0;

  x64_clobber (l, uop);
  X64Vec a = x64_fp_operand (l, uop, uop->a), b = x64_fp_operand (l, uop, uop->b);
  X64Vec d = x64_vnew (l);
  X64Cold *cold = x64_fp_special (l, uop);
  load_number (l, uop, 1, limit[halves][is_double]);
  check_less (l, uop, a, cold);
  check_less (l, uop, b, cold);
  note_denormals (l, uop, a, b);
  load_number (l, uop, d, number[halves][is_double]);
  x64_vrrr (&l->a, x64_fp_op (fused, uop), d, a, b);
  if (halves) {
    load_number (l, uop, 0, is_double ? 0x3fe0000000000000 : 0x3f000000);
    x64_vrrr (&l->a, x64_fp_op (mul_ops, uop), d, d, 0);
  }
  x64_fp_put (l, uop, d, x64_fp_scalar (uop) || (uop->flags & UOP_Q) != 0, cold);
}
