// SPDX-License-Identifier: GPL-3.0-or-later
// Rounding to integers, and conversions (lower-fp.h). The host gives the "integer indefinite" for
// what has no integer: the smallest one, or with its sign set.
#include "engine/host/x86_64/lower-fp.h"

// ---- rounding -------------------------------------------------------------------------------

// Away from zero where the fraction is a half or more: d = truncated a, and 1 more if the rest, which
// is exact, says so. Great numbers are integers, and neither they nor NaNs are seen here.
static void
round_away (X64Lower *l, const Uop *uop, X64Vec d, X64Vec a, X64Cold *cold)
{
  X64Asm *as = &l->a;
  bool is_double = x64_fp_double (uop);
  X64Mem absolute = x64_fp_constant (l, X64_FP_ABS_SCALAR, is_double);

  x64_vrrm (as, X64_VANDPS, 0, a, absolute);
  x64_vrm (as, is_double ? X64_VMOVSD : X64_VMOVSS, 1,
           x64_fp_constant (l, X64_FP_INTEGERS, is_double));
  x64_vrr (as, is_double ? X64_VUCOMISD : X64_VUCOMISS, 1, 0);
  x64_jcc (as, X64_CC_BE, &cold->entry);
  x64_vrrri (as, is_double ? X64_VROUNDSD : X64_VROUNDSS, d, a, a, IR_ROUND_ZERO | X64_ROUND_QUIET);
  x64_vrrr (as, is_double ? X64_VSUBSD : X64_VSUBSS, 0, a, d);
  x64_vrrm (as, X64_VANDPS, 0, 0, absolute);
  x64_vrm (as, is_double ? X64_VMOVSD : X64_VMOVSS, 1, x64_fp_constant (l, X64_FP_HALF, is_double));
  x64_vrrri (as, is_double ? X64_VCMPSD : X64_VCMPSS, 0, 1, 0, X64_CMP_LE);
  x64_vrrm (as, X64_VANDPS, 0, 0, x64_fp_constant (l, X64_FP_ONE, is_double));
  x64_vrrm (as, X64_VANDPS, 1, a, x64_fp_constant (l, X64_FP_SIGN_SCALAR, is_double));
  x64_vrrr (as, X64_VORPS, 0, 0, 1);
  x64_vrrr (as, is_double ? X64_VADDSD : X64_VADDSS, d, d, 0);
}

// A scalar constant in all lanes of xmm.
static void
spread_constant (X64Lower *l, X64Vec xmm, X64FpConstant which, bool is_double)
{
  x64_vrm (&l->a, is_double ? X64_VMOVDDUP : X64_VBROADCASTSS, xmm,
           x64_fp_constant (l, which, is_double));
}

// To `cold` unless |lanes of a| are all less than the constant. xmm0, xmm1 and rcx are used.
static void
check_less (X64Lower *l, X64Vec a, X64FpConstant which, bool is_double, X64Cold *cold)
{
  X64Asm *as = &l->a;

  spread_constant (l, 1, which, is_double);
  x64_vrrm (as, X64_VANDPS, 0, a, x64_fp_constant (l, X64_FP_ABS, is_double));
  x64_vrrri (as, is_double ? X64_VCMPPD : X64_VCMPPS, 0, 0, 1, X64_CMP_LT_QUIET);
  x64_vrr (as, X64_VMOVMSKPS, X64_RCX, 0);
  x64_alu_ri (as, X64_CMP, 32, X64_RCX, 15);
  x64_jcc (as, X64_CC_NE, &cold->entry);
}

// As round_away, of lanes. Zeroes above stay.
static void
round_lanes_away (X64Lower *l, const Uop *uop, X64Vec d, X64Vec a, X64Cold *cold)
{
  X64Asm *as = &l->a;
  bool is_double = x64_fp_double (uop);

  check_less (l, a, X64_FP_INTEGERS, is_double, cold);
  x64_vrri (as, is_double ? X64_VROUNDPD : X64_VROUNDPS, d, a, IR_ROUND_ZERO | X64_ROUND_QUIET);
  x64_vrrr (as, is_double ? X64_VSUBPD : X64_VSUBPS, 0, a, d);
  x64_vrrm (as, X64_VANDPS, 0, 0, x64_fp_constant (l, X64_FP_ABS, is_double));
  spread_constant (l, 1, X64_FP_HALF, is_double);
  x64_vrrri (as, is_double ? X64_VCMPPD : X64_VCMPPS, 0, 1, 0, X64_CMP_LE);
  spread_constant (l, 1, X64_FP_ONE, is_double);
  x64_vrrr (as, X64_VANDPS, 0, 0, 1);
  x64_vrrm (as, X64_VANDPS, 1, a, x64_fp_constant (l, X64_FP_SIGN, is_double));
  x64_vrrr (as, X64_VORPS, 0, 0, 1);
  x64_vrrr (as, is_double ? X64_VADDPD : X64_VADDPS, d, d, 0);
}

void
x64_fp_round (X64Lower *l, const Uop *uop, X64Vec d, X64Vec a, unsigned rounding, X64Cold *cold)
{
  if (rounding == IR_ROUND_AWAY)
    round_away (l, uop, d, a, cold);
  else
    x64_vrrri (&l->a, x64_fp_double (uop) ? X64_VROUNDSD : X64_VROUNDSS, d, a, a,
               (uint8_t) (rounding | X64_ROUND_QUIET));
}

void
x64_lower_FRINT (X64Lower *l, const Uop *uop)
{
  unsigned rounding = uop->aux2 & 7, quiet = uop->aux2 & IR_ROUND_EXACT ? 0 : X64_ROUND_QUIET;
  bool is_double = x64_fp_double (uop), scalar = x64_fp_scalar (uop), is_short = true;

  x64_clobber (l, uop);
  X64Vec a = x64_fp_operand (l, uop, uop->a), d = x64_vnew (l);
  X64Cold *cold = x64_fp_special (l, uop);
  x64_fp_check_denormal (l, uop, a, scalar, cold);
  if (rounding == IR_ROUND_AWAY && !scalar) {
    round_lanes_away (l, uop, d, a, cold);
  } else if (rounding == IR_ROUND_AWAY) {
    round_away (l, uop, d, a, cold);
    is_short = x64_vshort (l, a, uop->aux);
  } else if (scalar) {
    x64_vzero (&l->a, 0);
    x64_vrrri (&l->a, is_double ? X64_VROUNDSD : X64_VROUNDSS, d, 0, a,
               (uint8_t) (rounding | quiet));
  } else {
    x64_vrri (&l->a, is_double ? X64_VROUNDPD : X64_VROUNDPS, d, a, (uint8_t) (rounding | quiet));
  }
  if (rounding != IR_ROUND_AWAY)
    x64_fp_check_nan (l, cold, d, is_double, scalar);
  x64_fp_put (l, uop, d, is_short, cold);
}

// ---- to integers ----------------------------------------------------------------------------

// By a conversion itself.
static bool
is_rounded_by_host (const X64Lower *l, unsigned rounding)
{
  return rounding == IR_ROUND_ZERO ||
         (rounding == IR_ROUND_NEAREST && x64_fp_rounding (l) == IR_ROUND_NEAREST);
}

// cvt or cvtt, of and to these sizes.
static X64VecOp
to_integer_op (bool truncates, bool is_double, bool is_64)
{
  static const X64VecOp ops[2][2][2] = {
      {{X64_VCVTSS2SI, X64_VCVTSS2SI_64}, {X64_VCVTSD2SI, X64_VCVTSD2SI_64}},
      {{X64_VCVTTSS2SI, X64_VCVTTSS2SI_64}, {X64_VCVTTSD2SI, X64_VCVTTSD2SI_64}},
  };

  return ops[truncates][is_double][is_64];
}

// To `cold` unless the 64-bit integer in host is one of the unsigned ones meant. rcx is used.
static void
check_unsigned (X64Lower *l, unsigned host, bool is_64, X64Cold *cold)
{
  if (is_64) {
    x64_test_rr (&l->a, 64, host, host);
    x64_jcc (&l->a, X64_CC_S, &cold->entry);
  } else {
    x64_mov_rr (&l->a, 32, X64_RCX, host);
    x64_alu_rr (&l->a, X64_CMP, 64, X64_RCX, host);
    x64_jcc (&l->a, X64_CC_NE, &cold->entry);
  }
}

static void
check_indefinite (X64Lower *l, unsigned host, bool is_64, X64Cold *cold)
{
  x64_alu_ri (&l->a, X64_CMP, is_64 ? 64 : 32, host, 1);
  x64_jcc (&l->a, X64_CC_O, &cold->entry);
}

// An integer of a into rax. What is out of range must not count as inexact, so that is asked for
// last, by a conversion whose result is not looked at: towards zero there is always one.
static void
to_integer (X64Lower *l, const Uop *uop, X64Vec a, bool is_64, X64Cold *cold)
{
  unsigned rounding = uop->aux2 & 7;
  bool is_unsigned = (uop->aux2 & IR_ROUND_UNSIGNED) != 0, is_double = x64_fp_double (uop);
  bool simple = !is_unsigned && is_rounded_by_host (l, rounding);

  if (simple) {
    x64_vrr (&l->a, to_integer_op (rounding == IR_ROUND_ZERO, is_double, is_64), X64_RAX, a);
    check_indefinite (l, X64_RAX, is_64, cold);
    return;
  }
  X64Vec rounded = x64_vnew (l);
  x64_fp_round (l, uop, rounded, a, rounding, cold);
  if (is_unsigned && is_64) {
    x64_vrm (&l->a, is_double ? X64_VUCOMISD : X64_VUCOMISS, rounded,
             x64_fp_constant (l, X64_FP_2_63, is_double));
    x64_jcc (&l->a, X64_CC_AE, &cold->entry);
  }
  x64_vrr (&l->a, to_integer_op (true, is_double, is_64 || is_unsigned), X64_RAX, rounded);
  if (is_unsigned)
    check_unsigned (l, X64_RAX, is_64, cold);
  else
    check_indefinite (l, X64_RAX, is_64, cold);
  x64_vrr (&l->a, to_integer_op (true, is_double, is_64 || is_unsigned), X64_RCX, a);
}

// d = a * 2^power, which is exact where it neither overflows nor underflows. xmm0 and rcx are used.
static void
scale (X64Lower *l, const Uop *uop, X64Vec d, X64Vec a, int power)
{
  if (x64_fp_double (uop)) {
    x64_mov_ri (&l->a, X64_RCX, (uint64_t) (1023 + power) << 52);
    x64_vrr (&l->a, X64_VMOVQ_XR, 0, X64_RCX);
    x64_vrrr (&l->a, X64_VMULSD, d, a, 0);
  } else {
    x64_mov_ri (&l->a, X64_RCX, (uint64_t) (127 + power) << 23);
    x64_vrr (&l->a, X64_VMOVD, 0, X64_RCX);
    x64_vrrr (&l->a, X64_VMULSS, d, a, 0);
  }
}

// With `bits` fraction bits. What is so great that it could overflow is out of range anyway.
static X64Vec
scaled_operand (X64Lower *l, const Uop *uop, X64Vec a, unsigned bits, X64Cold *cold)
{
  bool is_double = x64_fp_double (uop);
  X64Vec scaled = x64_vnew (l);

  x64_vrrm (&l->a, X64_VANDPS, 0, a, x64_fp_constant (l, X64_FP_ABS_SCALAR, is_double));
  x64_vrm (&l->a, is_double ? X64_VMOVSD : X64_VMOVSS, 1,
           x64_fp_constant (l, X64_FP_2_63, is_double));
  x64_vrr (&l->a, is_double ? X64_VUCOMISD : X64_VUCOMISS, 1, 0);
  x64_jcc (&l->a, X64_CC_BE, &cold->entry);
  scale (l, uop, scaled, a, (int) bits);
  return scaled;
}

void
x64_lower_FTOI (X64Lower *l, const Uop *uop)
{
  x64_clobber (l, uop);
  X64Vec a = x64_vlow (l, uop->a, uop->aux);
  X64Cold *cold = x64_fp_special (l, uop);
  x64_fp_check_denormal (l, uop, a, true, cold);
  if (uop->c != 0)
    a = scaled_operand (l, uop, a, uop->c, cold);
  to_integer (l, uop, a, (uop->flags & UOP_W64) != 0, cold);
  x64_put (l, uop->d, X64_RAX);
  x64_cold_return (l, cold);
}

// It is such a number if it is what its integer is converted to, which -0 is not.
void
x64_lower_FTOIJS (X64Lower *l, const Uop *uop)
{
  X64Vec a = x64_vlow (l, uop->a, 3);
  X64Cold *cold = x64_fp_special (l, uop);

  x64_fp_check_denormal (l, uop, a, true, cold);
  x64_vrr (&l->a, X64_VCVTTSD2SI, X64_RAX, a);
  check_indefinite (l, X64_RAX, false, cold);
  x64_vzero (&l->a, 0);
  x64_vrrr (&l->a, X64_VCVTSI2SD, 0, 0, X64_RAX);
  x64_vrr (&l->a, X64_VMOVQ_RX, X64_RCX, 0);
  x64_vrr (&l->a, X64_VMOVQ_RX, X64_RDX, a);
  x64_alu_rr (&l->a, X64_CMP, 64, X64_RCX, X64_RDX);
  x64_setcc_r (&l->a, X64_CC_E, X64_RCX);
  x64_movzx_rr (&l->a, 8, X64_RCX, X64_RCX);
  x64_shift_ri (&l->a, X64_SHL, 32, X64_RCX, 30);
  x64_mov_mr (&l->a, 32, x64_state (l->layout->nzcv), X64_RCX);
  l->flags = (X64Flags){.kind = X64_FLAGS_NONE, .in_memory = true};
  x64_put (l, uop->d, X64_RAX);
  x64_cold_return (l, cold);
}

// The same of lanes: xmm0 = 2^power in each.
static void
spread_power (X64Lower *l, bool is_double, int power)
{
  x64_mov_ri (&l->a, X64_RCX,
              is_double ? (uint64_t) (1023 + power) << 52 : (uint64_t) (127 + power) << 23);
  x64_vrr (&l->a, is_double ? X64_VMOVQ_XR : X64_VMOVD, 0, X64_RCX);
  x64_vrr (&l->a, is_double ? X64_VMOVDDUP : X64_VBROADCASTSS, 0, 0);
}

static void
scale_lanes (X64Lower *l, const Uop *uop, X64Vec d, X64Vec a, int power)
{
  bool is_double = x64_fp_double (uop);

  spread_power (l, is_double, power);
  x64_vrrr (&l->a, is_double ? X64_VMULPD : X64_VMULPS, d, a, 0);
}

static void
scalar_to_integer (X64Lower *l, const Uop *uop)
{
  x64_clobber (l, uop);
  X64Vec a = x64_vlow (l, uop->a, uop->aux), d = x64_vnew (l);
  X64Cold *cold = x64_fp_special (l, uop);
  x64_fp_check_denormal (l, uop, a, true, cold);
  if (uop->c != 0)
    a = scaled_operand (l, uop, a, uop->c, cold);
  to_integer (l, uop, a, x64_fp_double (uop), cold);
  x64_vrr (&l->a, x64_fp_double (uop) ? X64_VMOVQ_XR : X64_VMOVD, d, X64_RAX);
  x64_fp_put (l, uop, d, true, cold);
}

// Lanes that are the indefinite, which is all ones where there is no sign, are done again.
static void
check_lanes (X64Lower *l, X64Vec lanes, bool is_double, bool is_unsigned, X64Cold *cold)
{
  X64VecOp equal = is_double ? X64_VPCMPEQQ : X64_VPCMPEQD;

  if (is_unsigned) {
    x64_vrrr (&l->a, equal, 1, 1, 1);
    x64_vrrr (&l->a, equal, 1, 1, lanes);
  } else {
    x64_vrrm (&l->a, equal, 1, lanes, x64_fp_constant (l, X64_FP_SIGN, is_double));
  }
  x64_vrr (&l->a, X64_VPTEST, 1, 1);
  x64_jcc (&l->a, X64_CC_NE, &cold->entry);
}

void
x64_lower_FTOIV (X64Lower *l, const Uop *uop)
{
  // cvtt and cvt, to signed and unsigned integers.
  static const X64VecOp ops[2][2][2] = {
      {{X64_VCVTTPS2DQ, X64_VCVTTPS2UDQ}, {X64_VCVTTPD2QQ, X64_VCVTTPD2UQQ}},
      {{X64_VCVTPS2DQ, X64_VCVTPS2UDQ}, {X64_VCVTPD2QQ, X64_VCVTPD2UQQ}},
  };
  bool is_double = x64_fp_double (uop), is_unsigned = (uop->aux2 & IR_ROUND_UNSIGNED) != 0;
  unsigned rounding = uop->aux2 & 7;
  X64VecOp truncate = ops[0][is_double][is_unsigned];

  if (x64_fp_scalar (uop)) {
    scalar_to_integer (l, uop);
    return;
  }
  if ((is_double || is_unsigned) && !l->features->avx512) {
    x64_interp (l, uop);
    return;
  }
  x64_clobber (l, uop);
  X64Vec a = x64_fp_operand (l, uop, uop->a), d = x64_vnew (l);
  X64Cold *cold = x64_fp_special (l, uop);
  x64_fp_check_denormal (l, uop, a, false, cold);
  if (uop->c != 0) {
    X64Vec scaled = x64_vnew (l);

    check_less (l, a, X64_FP_2_63, is_double, cold);
    scale_lanes (l, uop, scaled, a, uop->c);
    a = scaled;
  }
  if (rounding == IR_ROUND_AWAY) {
    X64Vec rounded = x64_vnew (l);

    round_lanes_away (l, uop, rounded, a, cold);
    x64_vrr (&l->a, truncate, d, rounded);
    check_lanes (l, d, is_double, is_unsigned, cold);
    x64_vrr (&l->a, truncate, 0, a);
  } else if (is_rounded_by_host (l, rounding)) {
    x64_vrr (&l->a, ops[rounding == IR_ROUND_NEAREST][is_double][is_unsigned], d, a);
    check_lanes (l, d, is_double, is_unsigned, cold);
  } else {
    x64_vrri (&l->a, is_double ? X64_VROUNDPD : X64_VROUNDPS, 0, a,
              (uint8_t) (rounding | X64_ROUND_QUIET));
    x64_vrr (&l->a, truncate, d, 0);
    check_lanes (l, d, is_double, is_unsigned, cold);
    x64_vrr (&l->a, truncate, 0, a);
  }
  x64_fp_put (l, uop, d, true, cold);
}

// ---- from integers --------------------------------------------------------------------------

// The 64-bit integer in host, which has no sign if a 32-bit one was extended, becomes d.
static void
from_integer (X64Lower *l, const Uop *uop, X64Vec d, unsigned host, bool is_64)
{
  bool is_double = x64_fp_double (uop);
  X64VecOp op = is_64 ? (is_double ? X64_VCVTSI2SD_64 : X64_VCVTSI2SS_64)
                      : (is_double ? X64_VCVTSI2SD : X64_VCVTSI2SS);

  x64_vzero (&l->a, d);
  x64_vrrr (&l->a, op, d, d, host);
}

// Those of 64 bits without sign, where the host cannot do it: with the sign set they are special.
static X64Cold *
from_unsigned (X64Lower *l, const Uop *uop, X64Vec d, unsigned host)
{
  X64Cold *cold = NULL;

  if (l->features->avx512) {
    x64_vzero (&l->a, d);
    x64_vrrr (&l->a, x64_fp_double (uop) ? X64_VCVTUSI2SD_64 : X64_VCVTUSI2SS_64, d, d, host);
    return NULL;
  }
  cold = x64_fp_special (l, uop);
  x64_test_rr (&l->a, 64, host, host);
  x64_jcc (&l->a, X64_CC_S, &cold->entry);
  from_integer (l, uop, d, host, true);
  return cold;
}

static void
convert_integer (X64Lower *l, const Uop *uop, unsigned host, bool is_64, unsigned fraction_bits)
{
  X64Vec d = x64_vnew (l);
  X64Cold *cold = NULL;

  if (!(uop->aux2 & IR_ROUND_UNSIGNED)) {
    from_integer (l, uop, d, host, is_64);
  } else if (is_64) {
    cold = from_unsigned (l, uop, d, host);
  } else {
    x64_mov_rr (&l->a, 32, X64_RCX, host);
    from_integer (l, uop, d, X64_RCX, true);
  }
  if (fraction_bits != 0)
    scale (l, uop, d, d, -(int) fraction_bits);
  x64_fp_put (l, uop, d, true, cold);
}

void
x64_lower_ITOF (X64Lower *l, const Uop *uop)
{
  if ((uop->aux2 & IR_ROUND_UNSIGNED) && !l->features->avx512)
    x64_clobber (l, uop);
  convert_integer (l, uop, x64_use (l, uop->a, X64_RCX), (uop->flags & UOP_W64) != 0, uop->c);
}

static void
scalar_from_integer (X64Lower *l, const Uop *uop)
{
  bool is_64 = x64_fp_double (uop);

  x64_clobber (l, uop);
  x64_vrr (&l->a, is_64 ? X64_VMOVQ_RX : X64_VMOVD_ST, X64_RCX, x64_vlow (l, uop->a, uop->aux));
  convert_integer (l, uop, X64_RCX, is_64, uop->c);
}

void
x64_lower_ITOFV (X64Lower *l, const Uop *uop)
{
  static const X64VecOp ops[2][2] = {{X64_VCVTDQ2PS, X64_VCVTQQ2PD},
                                     {X64_VCVTUDQ2PS, X64_VCVTUQQ2PD}};
  bool is_unsigned = (uop->aux2 & IR_ROUND_UNSIGNED) != 0, is_double = x64_fp_double (uop);

  if (x64_fp_scalar (uop)) {
    scalar_from_integer (l, uop);
    return;
  }
  if ((is_unsigned || is_double) && !l->features->avx512) {
    x64_interp (l, uop);
    return;
  }
  X64Vec a = x64_fp_operand (l, uop, uop->a), d = x64_vnew (l);
  x64_vrr (&l->a, ops[is_unsigned][is_double], d, a);
  if (uop->c != 0)
    scale_lanes (l, uop, d, d, -(int) uop->c);
  x64_fp_put (l, uop, d, true, NULL);
}

// ---- between precisions ---------------------------------------------------------------------

// A half, zero above, into xmm0.
static void
half_operand (X64Lower *l, const Uop *uop)
{
  x64_movzx_rm (&l->a, 16, X64_RCX, x64_vmemory (l, uop->a));
  x64_vrr (&l->a, X64_VMOVD, 0, X64_RCX);
}

static void
from_half (X64Lower *l, const Uop *uop, X64Vec d)
{
  half_operand (l, uop);
  x64_vrr (&l->a, X64_VCVTPH2PS, uop->aux2 == 2 ? d : 0, 0);
  if (uop->aux2 != 3)
    return;
  x64_vzero (&l->a, 1);
  x64_vrrr (&l->a, X64_VCVTSS2SD, d, 1, 0);
}

// A NaN is found before: afterwards it would be harder.
static void
to_half (X64Lower *l, const Uop *uop, X64Vec d, X64Cold *cold)
{
  X64Vec a = x64_vlow (l, uop->a, 2);

  x64_fp_check_nan (l, cold, a, false, true);
  x64_fp_shorten (l, 0, a, 2);
  x64_vrri (&l->a, X64_VCVTPS2PH, d, 0, (uint8_t) x64_fp_rounding (l));
}

void
x64_lower_FCVT (X64Lower *l, const Uop *uop)
{
  x64_clobber (l, uop);
  X64Vec d = x64_vnew (l);
  X64Cold *cold = x64_fp_special (l, uop);
  if (uop->aux2 == 1) {
    to_half (l, uop, d, cold);
  } else {
    if (uop->aux == 1) {
      from_half (l, uop, d);
    } else {
      X64Vec a = x64_vlow (l, uop->a, uop->aux);
      x64_fp_check_denormal (l, uop, a, true, cold);
      x64_vzero (&l->a, 0);
      x64_vrrr (&l->a, uop->aux == 2 ? X64_VCVTSS2SD : X64_VCVTSD2SS, d, 0, a);
    }
    x64_fp_check_result (l, cold, d, uop->aux2 == 3, true);
  }
  x64_vput_short (l, uop->d, d, uop->aux2);
  x64_cold_return (l, cold);
}

void
x64_lower_FCVTL (X64Lower *l, const Uop *uop)
{
  bool upper = (uop->flags & UOP_Q) != 0;

  x64_clobber (l, uop);
  X64Vec a = upper ? x64_vuse (l, uop->a) : x64_vlow (l, uop->a, 3), d = x64_vnew (l);
  X64Cold *cold = x64_fp_special (l, uop);
  if (x64_fp_flushes (l)) {
    if (upper)
      x64_vrrr (&l->a, X64_VMOVHLPS, d, a, a);
    else
      x64_fp_shorten (l, d, a, 3);
    x64_fp_check_denormal (l, uop, d, false, cold);
  }
  if (upper) {
    x64_vrrr (&l->a, X64_VMOVHLPS, 0, a, a);
    a = 0;
  }
  x64_vrr (&l->a, uop->aux == 1 ? X64_VCVTPH2PS : X64_VCVTPS2PD, d, a);
  x64_fp_check_nan (l, cold, d, uop->aux == 2, false);
  x64_vput (l, uop->d, d);
  x64_cold_return (l, cold);
}

// Into d, zero above.
static void
narrow (X64Lower *l, const Uop *uop, X64Vec d, X64Cold *cold)
{
  X64Vec a = x64_vuse (l, uop->a);

  if (uop->aux == 3) {
    x64_fp_check_denormal (l, uop, a, false, cold);
    x64_vrr (&l->a, X64_VCVTPD2PS, d, a);
    x64_fp_check_result (l, cold, d, false, false);
  } else {
    x64_fp_check_nan (l, cold, a, false, false);
    x64_vrri (&l->a, X64_VCVTPS2PH, d, a, (uint8_t) x64_fp_rounding (l));
  }
}

void
x64_lower_FCVTN (X64Lower *l, const Uop *uop)
{
  x64_clobber (l, uop);
  X64Vec d = x64_vnew (l);
  X64Cold *cold = x64_fp_special (l, uop);
  narrow (l, uop, d, cold);
  x64_vput_short (l, uop->d, d, 3);
  x64_cold_return (l, cold);
}

void
x64_lower_FCVTN2 (X64Lower *l, const Uop *uop)
{
  x64_clobber (l, uop);
  X64Vec d = x64_vnew (l), low = x64_vlow (l, uop->d, 3);
  X64Cold *cold = x64_fp_special (l, uop);
  narrow (l, uop, 0, cold);
  x64_vrrr (&l->a, X64_VMOVLHPS, d, low, 0);
  x64_vput (l, uop->d, d);
  x64_cold_return (l, cold);
}
