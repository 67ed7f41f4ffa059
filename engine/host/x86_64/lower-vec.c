// SPDX-License-Identifier: GPL-3.0-or-later
// Logic, arithmetic and comparison of lanes (lower-vec.h).
#include "engine/host/x86_64/lower-vec.h"

const X64VecOp x64_vadd[4] = {X64_VPADDB, X64_VPADDW, X64_VPADDD, X64_VPADDQ};
const X64VecOp x64_vsub[4] = {X64_VPSUBB, X64_VPSUBW, X64_VPSUBD, X64_VPSUBQ};
const X64VecOp x64_vcmpeq[4] = {X64_VPCMPEQB, X64_VPCMPEQW, X64_VPCMPEQD, X64_VPCMPEQQ};
const X64VecOp x64_vcmpgt[4] = {X64_VPCMPGTB, X64_VPCMPGTW, X64_VPCMPGTD, X64_VPCMPGTQ};

static const X64VecOp smax[4] = {X64_VPMAXSB, X64_VPMAXSW, X64_VPMAXSD, X64_VPMAXSQ};
static const X64VecOp umax[4] = {X64_VPMAXUB, X64_VPMAXUW, X64_VPMAXUD, X64_VPMAXUQ};
static const X64VecOp smin[4] = {X64_VPMINSB, X64_VPMINSW, X64_VPMINSD, X64_VPMINSQ};
static const X64VecOp umin[4] = {X64_VPMINUB, X64_VPMINUW, X64_VPMINUD, X64_VPMINUQ};

bool
x64_is_plain_simd (const Uop *uop)
{
  static const bool is_simd[UOP_N] = {
#define IR_UOP(name, shape, properties, meaning) [UOP_##name] = true,
#include "engine/ir/uop-simd.inc"
#undef IR_UOP
  };

  return is_simd[uop->op] && !(ir_info[uop->op].properties & IR_TIER0);
}

// ---- whole registers ------------------------------------------------------------------------

static void
three (X64Lower *l, const Uop *uop, X64VecOp op)
{
  X64Vec a = x64_vuse (l, uop->a), b = x64_vuse (l, uop->b), d = x64_vnew_over (l, uop->d);

  x64_vrrr (&l->a, op, d, a, b);
  x64_vresult (l, uop, d);
}

void
x64_vimmediate (X64Lower *l, X64Vec d, uint64_t imm)
{
  if (imm == 0) {
    x64_vzero (&l->a, d);
  } else if (imm == UINT64_MAX) {
    x64_vones (l, d);
  } else if ((uint32_t) imm == imm >> 32) {
    x64_mov_ri (&l->a, X64_RAX, (uint32_t) imm);
    x64_vrr (&l->a, X64_VMOVD, d, X64_RAX);
    x64_vrr (&l->a, X64_VPBROADCASTD, d, d);
  } else {
    x64_mov_ri (&l->a, X64_RAX, imm);
    x64_vrr (&l->a, X64_VMOVQ_XR, d, X64_RAX);
    x64_vrr (&l->a, X64_VPBROADCASTQ, d, d);
  }
}

void
x64_lower_VMOVI (X64Lower *l, const Uop *uop)
{
  X64Vec d = x64_vnew (l);
  uint64_t imm = (uint64_t) uop->imm;

  if ((uop->flags & UOP_Q) || imm == 0) {
    x64_vimmediate (l, d, imm);
    x64_vput (l, uop->d, d);
  } else {
    x64_mov_ri (&l->a, X64_RAX, imm);
    x64_vrr (&l->a, X64_VMOVQ_XR, d, X64_RAX);
    x64_vput_short (l, uop->d, d, imm >> 32 ? 3 : 2);
  }
}

void
x64_lower_VMOV (X64Lower *l, const Uop *uop)
{
  X64Vec a = x64_vuse (l, uop->a), d = x64_vnew (l);

  x64_vrr (&l->a, uop->flags & UOP_Q ? X64_VMOVDQA : X64_VMOVQ, d, a);
  x64_vput (l, uop->d, d);
}

static void
with_immediate (X64Lower *l, const Uop *uop, X64VecOp op)
{
  X64Vec a = x64_vuse (l, uop->a), d = x64_vnew (l);

  x64_vimmediate (l, 0, (uint64_t) uop->imm);
  x64_vrrr (&l->a, op, d, a, 0);
  x64_vresult (l, uop, d);
}

void
x64_lower_VANDI (X64Lower *l, const Uop *uop)
{
  with_immediate (l, uop, X64_VPAND);
}

void
x64_lower_VORI (X64Lower *l, const Uop *uop)
{
  with_immediate (l, uop, X64_VPOR);
}

void
x64_lower_VNOT (X64Lower *l, const Uop *uop)
{
  X64Vec a = x64_vuse (l, uop->a), d = x64_vnew (l);

  x64_vones (l, 0);
  x64_vrrr (&l->a, X64_VPXOR, d, a, 0);
  x64_vresult (l, uop, d);
}

void
x64_lower_VAND (X64Lower *l, const Uop *uop)
{
  three (l, uop, X64_VPAND);
}

void
x64_lower_VBIC (X64Lower *l, const Uop *uop)
{
  X64Vec a = x64_vuse (l, uop->a), b = x64_vuse (l, uop->b), d = x64_vnew (l);

  x64_vrrr (&l->a, X64_VPANDN, d, b, a);
  x64_vresult (l, uop, d);
}

void
x64_lower_VOR (X64Lower *l, const Uop *uop)
{
  three (l, uop, X64_VPOR);
}

void
x64_lower_VORN (X64Lower *l, const Uop *uop)
{
  X64Vec a = x64_vuse (l, uop->a), b = x64_vuse (l, uop->b), d = x64_vnew (l);

  x64_vones (l, 0);
  x64_vrrr (&l->a, X64_VPXOR, 0, b, 0);
  x64_vrrr (&l->a, X64_VPOR, d, a, 0);
  x64_vresult (l, uop, d);
}

void
x64_lower_VXOR (X64Lower *l, const Uop *uop)
{
  three (l, uop, X64_VPXOR);
}

void
x64_lower_VSELECT (X64Lower *l, const Uop *uop)
{
  X64Vec a = x64_vuse (l, uop->a), b = x64_vuse (l, uop->b), c = x64_vuse (l, uop->c);
  X64Vec d = x64_vnew (l);

  x64_vrrr (&l->a, X64_VPAND, 0, a, c);
  x64_vrrr (&l->a, X64_VPANDN, d, c, b);
  x64_vrrr (&l->a, X64_VPOR, d, d, 0);
  x64_vresult (l, uop, d);
}

// ---- arithmetic -----------------------------------------------------------------------------

void
x64_lower_VADD (X64Lower *l, const Uop *uop)
{
  three (l, uop, x64_vadd[uop->aux]);
}

void
x64_lower_VSUB (X64Lower *l, const Uop *uop)
{
  three (l, uop, x64_vsub[uop->aux]);
}

// Bytes: products of the even ones and of the odd ones, as words.
static void
multiply_bytes (X64Lower *l, const Uop *uop)
{
  X64Vec a = x64_vuse (l, uop->a), b = x64_vuse (l, uop->b), d = x64_vnew (l);

  x64_vrri (&l->a, X64_VPSRLW_I, 0, a, 8);
  x64_vrri (&l->a, X64_VPSRLW_I, 1, b, 8);
  x64_vrrr (&l->a, X64_VPMULLW, 1, 1, 0);
  x64_vrri (&l->a, X64_VPSLLW_I, 1, 1, 8);
  x64_vrrr (&l->a, X64_VPMULLW, d, a, b);
  x64_vrrm (&l->a, X64_VPAND, d, d, x64_const (l, X64_K_WORDS_FF));
  x64_vrrr (&l->a, X64_VPOR, d, d, 1);
  x64_vresult (l, uop, d);
}

void
x64_lower_VMUL (X64Lower *l, const Uop *uop)
{
  if (uop->aux == 0)
    multiply_bytes (l, uop);
  else
    three (l, uop, uop->aux == 1 ? X64_VPMULLW : X64_VPMULLD);
}

void
x64_lower_VSMAX (X64Lower *l, const Uop *uop)
{
  three (l, uop, smax[uop->aux]);
}

void
x64_lower_VUMAX (X64Lower *l, const Uop *uop)
{
  three (l, uop, umax[uop->aux]);
}

void
x64_lower_VSMIN (X64Lower *l, const Uop *uop)
{
  three (l, uop, smin[uop->aux]);
}

void
x64_lower_VUMIN (X64Lower *l, const Uop *uop)
{
  three (l, uop, umin[uop->aux]);
}

static void
distance (X64Lower *l, const Uop *uop, X64VecOp max, X64VecOp min)
{
  X64Vec a = x64_vuse (l, uop->a), b = x64_vuse (l, uop->b), d = x64_vnew (l);

  x64_vrrr (&l->a, min, 0, a, b);
  x64_vrrr (&l->a, max, d, a, b);
  x64_vrrr (&l->a, x64_vsub[uop->aux], d, d, 0);
  x64_vresult (l, uop, d);
}

void
x64_lower_VSABD (X64Lower *l, const Uop *uop)
{
  distance (l, uop, smax[uop->aux], smin[uop->aux]);
}

void
x64_lower_VUABD (X64Lower *l, const Uop *uop)
{
  distance (l, uop, umax[uop->aux], umin[uop->aux]);
}

// Half of a sum: the bits both have, and half of those that differ; rounded up: those any has, less
// half of those that differ. Half of a difference: half of those that differ, less those only b has.
void
x64_lower_VHALVE (X64Lower *l, const Uop *uop)
{
  bool subtract = uop->aux2 & IR_VHALVE_SUB, round = uop->aux2 & IR_VHALVE_ROUND;
  X64Vec a = x64_vuse (l, uop->a), b = x64_vuse (l, uop->b), d = x64_vnew (l);
  X64Asm *as = &l->a;

  if (round && uop->aux < 2 && !(uop->aux2 & IR_VHALVE_SIGNED)) {
    x64_vrrr (as, uop->aux == 0 ? X64_VPAVGB : X64_VPAVGW, d, a, b);
    x64_vresult (l, uop, d);
    return;
  }
  x64_vrrr (as, X64_VPXOR, d, a, b);
  x64_vshift_right (l, uop->aux, d, d, 1, uop->aux2 & IR_VHALVE_SIGNED);
  if (subtract)
    x64_vrrr (as, X64_VPANDN, 0, a, b);
  else
    x64_vrrr (as, round ? X64_VPOR : X64_VPAND, 0, a, b);
  if (subtract)
    x64_vrrr (as, x64_vsub[uop->aux], d, d, 0);
  else
    x64_vrrr (as, (round ? x64_vsub : x64_vadd)[uop->aux], d, 0, d);
  x64_vresult (l, uop, d);
}

void
x64_lower_VABS (X64Lower *l, const Uop *uop)
{
  static const X64VecOp ops[3] = {X64_VPABSB, X64_VPABSW, X64_VPABSD};
  X64Vec a = x64_vuse (l, uop->a), d = x64_vnew (l);

  if (uop->aux < 3) {
    x64_vrr (&l->a, ops[uop->aux], d, a);
  } else {
    x64_vzero (&l->a, 0);
    x64_vrrr (&l->a, X64_VPCMPGTQ, 0, 0, a);
    x64_vrrr (&l->a, X64_VPXOR, d, a, 0);
    x64_vrrr (&l->a, X64_VPSUBQ, d, d, 0);
  }
  x64_vresult (l, uop, d);
}

void
x64_lower_VNEG (X64Lower *l, const Uop *uop)
{
  X64Vec a = x64_vuse (l, uop->a), d = x64_vnew (l);

  x64_vzero (&l->a, 0);
  x64_vrrr (&l->a, x64_vsub[uop->aux], d, 0, a);
  x64_vresult (l, uop, d);
}

// Bytes: the even ones of each word and the odd ones, widened, pairs multiplied and added.
void
x64_lower_VDOT (X64Lower *l, const Uop *uop)
{
  X64Vec a = x64_vuse (l, uop->a), b = x64_vuse (l, uop->b), old = x64_vuse (l, uop->d);
  X64Vec d = x64_vnew (l);
  bool a_signed = uop->aux2 & 1, b_signed = uop->aux2 & 2;
  X64Asm *as = &l->a;

  x64_vrri (as, a_signed ? X64_VPSRAW_I : X64_VPSRLW_I, 0, a, 8);
  x64_vrri (as, b_signed ? X64_VPSRAW_I : X64_VPSRLW_I, 1, b, 8);
  x64_vrrr (as, X64_VPMADDWD, d, 0, 1);
  x64_vrrr (as, X64_VPADDD, d, d, old);
  x64_vrri (as, X64_VPSLLW_I, 0, a, 8);
  x64_vrri (as, a_signed ? X64_VPSRAW_I : X64_VPSRLW_I, 0, 0, 8);
  x64_vrri (as, X64_VPSLLW_I, 1, b, 8);
  x64_vrri (as, b_signed ? X64_VPSRAW_I : X64_VPSRLW_I, 1, 1, 8);
  x64_vrrr (as, X64_VPMADDWD, 0, 0, 1);
  x64_vrrr (as, X64_VPADDD, d, d, 0);
  x64_vresult (l, uop, d);
}

// ---- comparison -----------------------------------------------------------------------------

static void
invert (X64Lower *l, X64Vec d)
{
  x64_vones (l, 0);
  x64_vrrr (&l->a, X64_VPXOR, d, d, 0);
}

// d = a >= b, unsigned: a is the greater. Quadwords: signed, after the sign bits are inverted.
static void
compare_unsigned (X64Lower *l, unsigned size, X64Vec d, X64Vec a, X64Vec b)
{
  if (size < 3) {
    x64_vrrr (&l->a, umax[size], d, a, b);
    x64_vrrr (&l->a, x64_vcmpeq[size], d, d, a);
    return;
  }
  x64_vrm (&l->a, X64_VMOVDQU, 1, x64_const (l, X64_K_QWORDS_SIGN));
  x64_vrrr (&l->a, X64_VPXOR, 0, a, 1);
  x64_vrrr (&l->a, X64_VPXOR, 1, b, 1);
  x64_vrrr (&l->a, X64_VPCMPGTQ, d, 1, 0);
  invert (l, d);
}

void
x64_lower_VCMP (X64Lower *l, const Uop *uop)
{
  X64Vec a = x64_vuse (l, uop->a), b = x64_vuse (l, uop->b), d = x64_vnew (l);
  unsigned size = uop->aux;

  switch ((IrVCmp) uop->aux2) {
  case IR_VEQ:
    x64_vrrr (&l->a, x64_vcmpeq[size], d, a, b);
    break;
  case IR_VGT:
    x64_vrrr (&l->a, x64_vcmpgt[size], d, a, b);
    break;
  case IR_VGE:
    x64_vrrr (&l->a, x64_vcmpgt[size], d, b, a);
    invert (l, d);
    break;
  case IR_VHS:
    compare_unsigned (l, size, d, a, b);
    break;
  case IR_VHI:
    compare_unsigned (l, size, d, b, a);
    invert (l, d);
    break;
  default: // TST
    x64_vrrr (&l->a, X64_VPAND, d, a, b);
    x64_vzero (&l->a, 0);
    x64_vrrr (&l->a, x64_vcmpeq[size], d, d, 0);
    invert (l, d);
  }
  x64_vresult (l, uop, d);
}

void
x64_lower_VCMP0 (X64Lower *l, const Uop *uop)
{
  X64Vec a = x64_vuse (l, uop->a), d = x64_vnew (l);
  X64VecOp greater = x64_vcmpgt[uop->aux];

  x64_vzero (&l->a, 0);
  switch ((IrVCmp) uop->aux2) {
  case IR_VEQ:
    x64_vrrr (&l->a, x64_vcmpeq[uop->aux], d, a, 0);
    break;
  case IR_VGT:
    x64_vrrr (&l->a, greater, d, a, 0);
    break;
  case IR_VLT:
    x64_vrrr (&l->a, greater, d, 0, a);
    break;
  case IR_VGE:
    x64_vrrr (&l->a, greater, d, 0, a);
    invert (l, d);
    break;
  default: // LE
    x64_vrrr (&l->a, greater, d, a, 0);
    invert (l, d);
  }
  x64_vresult (l, uop, d);
}

// ---- bits -----------------------------------------------------------------------------------

// The halves of each byte of a: xmm0 the lower, xmm1 the upper one.
static void
split_nibbles (X64Lower *l, X64Vec a)
{
  X64Mem mask = x64_const (l, X64_K_BYTES_0F);

  x64_vrri (&l->a, X64_VPSRLW_I, 1, a, 4);
  x64_vrrm (&l->a, X64_VPAND, 1, 1, mask);
  mask = x64_const (l, X64_K_BYTES_0F);
  x64_vrrm (&l->a, X64_VPAND, 0, a, mask);
}

void
x64_lower_VCNT (X64Lower *l, const Uop *uop)
{
  X64Vec a = x64_vuse (l, uop->a), d = x64_vnew (l);

  if (l->features->avx512bitalg && l->features->avx512) {
    x64_vrr (&l->a, X64_VPOPCNTB, d, a);
  } else {
    split_nibbles (l, a);
    x64_vrm (&l->a, X64_VMOVDQU, d, x64_const (l, X64_K_BIT_COUNT));
    x64_vrrr (&l->a, X64_VPSHUFB, 0, d, 0);
    x64_vrrr (&l->a, X64_VPSHUFB, d, d, 1);
    x64_vrrr (&l->a, X64_VPADDB, d, d, 0);
  }
  x64_vresult (l, uop, d);
}

void
x64_lower_VRBIT (X64Lower *l, const Uop *uop)
{
  X64Vec a = x64_vuse (l, uop->a), d = x64_vnew (l);

  if (l->features->gfni) {
    x64_vrm (&l->a, X64_VMOVDQU, 0, x64_const (l, X64_K_BIT_MATRIX));
    x64_vrrri (&l->a, X64_VGF2P8AFFINEQB, d, a, 0, 0);
  } else {
    split_nibbles (l, a);
    x64_vrm (&l->a, X64_VMOVDQU, d, x64_const (l, X64_K_REVERSED_LOW));
    x64_vrrr (&l->a, X64_VPSHUFB, 0, d, 0);
    x64_vrm (&l->a, X64_VMOVDQU, d, x64_const (l, X64_K_REVERSED_HIGH));
    x64_vrrr (&l->a, X64_VPSHUFB, d, d, 1);
    x64_vrrr (&l->a, X64_VPOR, d, d, 0);
  }
  x64_vresult (l, uop, d);
}

void
x64_lower_VCLZ (X64Lower *l, const Uop *uop)
{
  if (uop->aux != 2 || !l->features->avx512) {
    x64_interp (l, uop);
    return;
  }
  X64Vec a = x64_vuse (l, uop->a), d = x64_vnew (l);
  x64_vrr (&l->a, X64_VPLZCNTD, d, a);
  x64_vresult (l, uop, d);
}

void
x64_lower_VXAR (X64Lower *l, const Uop *uop)
{
  X64Vec a = x64_vuse (l, uop->a), b = x64_vuse (l, uop->b), d = x64_vnew (l);

  x64_vrrr (&l->a, X64_VPXOR, 0, a, b);
  x64_vrri (&l->a, X64_VPSRLQ_I, d, 0, (uint8_t) uop->imm);
  x64_vrri (&l->a, X64_VPSLLQ_I, 0, 0, (uint8_t) (64 - uop->imm));
  x64_vrrr (&l->a, X64_VPOR, d, d, 0);
  x64_vresult (l, uop, d);
}

void
x64_lower_VRAX (X64Lower *l, const Uop *uop)
{
  X64Vec a = x64_vuse (l, uop->a), b = x64_vuse (l, uop->b), d = x64_vnew (l);

  x64_vrri (&l->a, X64_VPSRLQ_I, 0, b, 63);
  x64_vrrr (&l->a, X64_VPADDQ, d, b, b);
  x64_vrrr (&l->a, X64_VPOR, d, d, 0);
  x64_vrrr (&l->a, X64_VPXOR, d, d, a);
  x64_vresult (l, uop, d);
}
