// SPDX-License-Identifier: GPL-3.0-or-later
// Shifts of lanes, and lanes of two sizes (lower-vec.h).
#include "engine/host/x86_64/lower-vec.h"

// ---- by an immediate ------------------------------------------------------------------------

static const X64VecOp sll[4] = {0, X64_VPSLLW_I, X64_VPSLLD_I, X64_VPSLLQ_I};
static const X64VecOp srl[4] = {0, X64_VPSRLW_I, X64_VPSRLD_I, X64_VPSRLQ_I};

void
x64_vshift_left (X64Lower *l, unsigned size, X64Vec d, X64Vec s, unsigned n)
{
  if (size != 0) {
    x64_vrri (&l->a, sll[size], d, s, (uint8_t) n);
    return;
  }
  x64_vrri (&l->a, X64_VPSLLW_I, d, s, (uint8_t) n);
  x64_vrrm (&l->a, X64_VPAND, d, d, x64_const (l, X64_K_BYTES_LEFT + n));
}

// Bytes as the upper halves of words.
static void
shift_bytes_arithmetic (X64Lower *l, X64Vec d, X64Vec s, unsigned n)
{
  x64_vrrr (&l->a, X64_VPUNPCKLBW, 0, s, s);
  x64_vrrr (&l->a, X64_VPUNPCKHBW, 1, s, s);
  x64_vrri (&l->a, X64_VPSRAW_I, 0, 0, (uint8_t) (8 + n));
  x64_vrri (&l->a, X64_VPSRAW_I, 1, 1, (uint8_t) (8 + n));
  x64_vrrr (&l->a, X64_VPACKSSWB, d, 0, 1);
}

// What comes in at the top is the sign.
static void
shift_quads_arithmetic (X64Lower *l, X64Vec d, X64Vec s, unsigned n)
{
  if (l->features->avx512) {
    x64_vrri (&l->a, X64_VPSRAQ_I, d, s, (uint8_t) n);
    return;
  }
  x64_vzero (&l->a, 0);
  x64_vrrr (&l->a, X64_VPCMPGTQ, 0, 0, s);
  x64_vrri (&l->a, X64_VPSLLQ_I, 0, 0, (uint8_t) (64 - n));
  x64_vrri (&l->a, X64_VPSRLQ_I, d, s, (uint8_t) n);
  x64_vrrr (&l->a, X64_VPOR, d, d, 0);
}

void
x64_vshift_right (X64Lower *l, unsigned size, X64Vec d, X64Vec s, unsigned n, bool arithmetic)
{
  if (!arithmetic && size != 0) {
    x64_vrri (&l->a, srl[size], d, s, (uint8_t) n);
  } else if (!arithmetic) {
    x64_vrri (&l->a, X64_VPSRLW_I, d, s, (uint8_t) n);
    x64_vrrm (&l->a, X64_VPAND, d, d, x64_const (l, X64_K_BYTES_RIGHT + n));
  } else if (size == 0) {
    shift_bytes_arithmetic (l, d, s, n);
  } else if (size == 3) {
    shift_quads_arithmetic (l, d, s, n);
  } else {
    x64_vrri (&l->a, size == 1 ? X64_VPSRAW_I : X64_VPSRAD_I, d, s, (uint8_t) n);
  }
}

void
x64_lower_VSHL (X64Lower *l, const Uop *uop)
{
  X64Vec a = x64_vuse (l, uop->a), d = x64_vnew (l);

  x64_vshift_left (l, uop->aux, d, a, (unsigned) uop->imm);
  x64_vresult (l, uop, d);
}

static void
shift_right (X64Lower *l, const Uop *uop, bool arithmetic)
{
  X64Vec a = x64_vuse (l, uop->a), d = x64_vnew (l);

  x64_vshift_right (l, uop->aux, d, a, (unsigned) uop->imm, arithmetic);
  x64_vresult (l, uop, d);
}

void
x64_lower_VUSHR (X64Lower *l, const Uop *uop)
{
  shift_right (l, uop, false);
}

void
x64_lower_VSSHR (X64Lower *l, const Uop *uop)
{
  shift_right (l, uop, true);
}

// The last bit that goes out is added: it is the lowest one after a shift by one less, alone in its
// lane after a shift to the left by all bits but one.
static void
shift_rounded (X64Lower *l, const Uop *uop, bool arithmetic)
{
  X64Vec a = x64_vuse (l, uop->a), d = x64_vnew (l), bit = x64_vnew (l);
  unsigned n = (unsigned) uop->imm, bits = 8u << uop->aux;

  x64_vshift_right (l, uop->aux, d, a, n, arithmetic);
  x64_vshift_left (l, uop->aux, bit, a, bits - n);
  x64_vshift_right (l, uop->aux, bit, bit, bits - 1, false);
  x64_vrrr (&l->a, x64_vadd[uop->aux], d, d, bit);
  x64_vresult (l, uop, d);
}

void
x64_lower_VURSHR (X64Lower *l, const Uop *uop)
{
  shift_rounded (l, uop, false);
}

void
x64_lower_VSRSHR (X64Lower *l, const Uop *uop)
{
  shift_rounded (l, uop, true);
}

// ---- by a register --------------------------------------------------------------------------

typedef struct Variable {
  X64VecOp left, right, arithmetic;
} Variable;

static const Variable variable[4] = {
    [1] = {X64_VPSLLVW, X64_VPSRLVW, X64_VPSRAVW},
    [2] = {X64_VPSLLVD, X64_VPSRLVD, X64_VPSRAVD},
    [3] = {X64_VPSLLVQ, X64_VPSRLVQ, X64_VPSRAVQ},
};

static bool
has_variable (const X64Lower *l, unsigned size, bool arithmetic)
{
  return size == 2 || (size == 3 && !arithmetic) || (size != 0 && l->features->avx512);
}

// xmm0: distances to the left, xmm1: to the right, unsigned: those of the other direction are at
// least 128 and shift everything out.
static void
find_distances (X64Lower *l, unsigned size, X64Vec b)
{
  uint8_t upper = (uint8_t) ((8u << size) - 8);

  x64_vzero (&l->a, 1);
  x64_vrrr (&l->a, X64_VPSUBB, 1, 1, b);
  x64_vrri (&l->a, sll[size], 0, b, upper);
  x64_vrri (&l->a, srl[size], 0, 0, upper);
  x64_vrri (&l->a, sll[size], 1, 1, upper);
  x64_vrri (&l->a, srl[size], 1, 1, upper);
}

// The distances to the right become less by one: the last bit that goes out stays for now. xmm1 of
// lanes that go to the left shifts everything out as before. d is used.
static void
keep_last_bit (X64Lower *l, const Uop *uop, X64Vec d)
{
  x64_vrrr (&l->a, X64_VPCMPEQD, d, d, d);
  x64_vrrr (&l->a, x64_vadd[uop->aux], 1, 1, d);
}

// d = s halved and rounded up, which takes one instruction more than halving: s - s / 2.
static void
halve_rounded (X64Lower *l, const Uop *uop, X64Vec d, X64Vec s, bool arithmetic)
{
  x64_vshift_right (l, uop->aux, d, s, 1, arithmetic);
  x64_vrrr (&l->a, x64_vsub[uop->aux], d, s, d);
}

void
x64_lower_VUSHV (X64Lower *l, const Uop *uop)
{
  if (!has_variable (l, uop->aux, false)) {
    x64_interp (l, uop);
    return;
  }
  X64Vec a = x64_vuse (l, uop->a), b = x64_vuse (l, uop->b), d = x64_vnew (l);
  find_distances (l, uop->aux, b);
  if (uop->aux2)
    keep_last_bit (l, uop, d);
  x64_vrrr (&l->a, variable[uop->aux].left, d, a, 0);
  x64_vrrr (&l->a, variable[uop->aux].right, 0, a, 1);
  if (uop->aux2) {
    x64_vmov (&l->a, 1, 0);
    halve_rounded (l, uop, 0, 1, false);
  }
  x64_vrrr (&l->a, X64_VPOR, d, d, 0);
  x64_vresult (l, uop, d);
}

// Which of the two it is says the sign of b's byte.
void
x64_lower_VSSHV (X64Lower *l, const Uop *uop)
{
  if (!has_variable (l, uop->aux, true)) {
    x64_interp (l, uop);
    return;
  }
  X64Vec a = x64_vuse (l, uop->a), b = x64_vuse (l, uop->b), d = x64_vnew (l);
  find_distances (l, uop->aux, b);
  if (uop->aux2)
    keep_last_bit (l, uop, d);
  x64_vrrr (&l->a, variable[uop->aux].left, d, a, 0);
  x64_vrrr (&l->a, variable[uop->aux].arithmetic, 1, a, 1);
  if (uop->aux2) {
    halve_rounded (l, uop, 0, 1, true);
    x64_vmov (&l->a, 1, 0);
  }
  x64_vrri (&l->a, sll[uop->aux], 0, b, (uint8_t) ((8u << uop->aux) - 8));
  if (uop->aux == 1) {
    x64_vrri (&l->a, X64_VPSRAW_I, 0, 0, 15);
    x64_vrrrr (&l->a, X64_VPBLENDVB, d, d, 1, 0);
  } else {
    x64_vrrrr (&l->a, uop->aux == 2 ? X64_VBLENDVPS : X64_VBLENDVPD, d, d, 1, 0);
  }
  x64_vresult (l, uop, d);
}

// ---- wider ----------------------------------------------------------------------------------

static const X64VecOp zero_extend[3] = {X64_VPMOVZXBW, X64_VPMOVZXWD, X64_VPMOVZXDQ};
static const X64VecOp sign_extend[3] = {X64_VPMOVSXBW, X64_VPMOVSXWD, X64_VPMOVSXDQ};

// One half of s, extended, to d.
static void
extend_half (X64Lower *l, X64VecOp op, X64Vec d, X64Vec s, bool high)
{
  if (high) {
    x64_vrri (&l->a, X64_VPSHUFD, d, s, 0xee);
    s = d;
  }
  x64_vrr (&l->a, op, d, s);
}

static void
lengthen (X64Lower *l, const Uop *uop, const X64VecOp ops[3])
{
  X64Vec a = x64_vuse (l, uop->a), d = x64_vnew (l);

  extend_half (l, ops[uop->aux], d, a, uop->aux2);
  x64_vput (l, uop->d, d);
}

void
x64_lower_VUXTL (X64Lower *l, const Uop *uop)
{
  lengthen (l, uop, zero_extend);
}

void
x64_lower_VSXTL (X64Lower *l, const Uop *uop)
{
  lengthen (l, uop, sign_extend);
}

static void
multiply_long (X64Lower *l, const Uop *uop, const X64VecOp ops[3], X64VecOp quads)
{
  X64Vec a = x64_vuse (l, uop->a), b = x64_vuse (l, uop->b), d = x64_vnew (l);

  if (uop->aux == 2) {
    x64_vrri (&l->a, X64_VPSHUFD, 0, a, uop->aux2 ? 0xfa : 0x50);
    x64_vrri (&l->a, X64_VPSHUFD, 1, b, uop->aux2 ? 0xfa : 0x50);
    x64_vrrr (&l->a, quads, d, 0, 1);
  } else {
    extend_half (l, ops[uop->aux], 0, a, uop->aux2);
    extend_half (l, ops[uop->aux], 1, b, uop->aux2);
    x64_vrrr (&l->a, uop->aux == 0 ? X64_VPMULLW : X64_VPMULLD, d, 0, 1);
  }
  x64_vput (l, uop->d, d);
}

void
x64_lower_VUMULL (X64Lower *l, const Uop *uop)
{
  multiply_long (l, uop, zero_extend, X64_VPMULUDQ);
}

void
x64_lower_VSMULL (X64Lower *l, const Uop *uop)
{
  multiply_long (l, uop, sign_extend, X64_VPMULDQ);
}

void
x64_lower_VUADDLP (X64Lower *l, const Uop *uop)
{
  X64Vec a = x64_vuse (l, uop->a), d = x64_vnew (l);

  if (uop->aux == 0) {
    x64_vrrm (&l->a, X64_VPMADDUBSW, d, a, x64_const (l, X64_K_BYTES_1));
  } else {
    x64_vzero (&l->a, 0);
    x64_vrri (&l->a, srl[uop->aux + 1], 1, a, (uint8_t) (8u << uop->aux));
    if (uop->aux == 1)
      x64_vrrri (&l->a, X64_VPBLENDW, d, a, 0, 0xaa);
    else
      x64_vrrri (&l->a, X64_VPBLENDD, d, a, 0, 0x0a);
    x64_vrrr (&l->a, x64_vadd[uop->aux + 1], d, d, 1);
  }
  x64_vresult (l, uop, d);
}

void
x64_lower_VSADDLP (X64Lower *l, const Uop *uop)
{
  X64Vec a = x64_vuse (l, uop->a), d = x64_vnew (l);

  if (uop->aux == 0) {
    x64_vrm (&l->a, X64_VMOVDQU, 0, x64_const (l, X64_K_BYTES_1));
    x64_vrrr (&l->a, X64_VPMADDUBSW, d, 0, a);
  } else if (uop->aux == 1) {
    x64_vrrm (&l->a, X64_VPMADDWD, d, a, x64_const (l, X64_K_WORDS_1));
  } else {
    x64_vrri (&l->a, X64_VPSHUFD, d, a, 0x08);
    x64_vrri (&l->a, X64_VPSHUFD, 0, a, 0x0d);
    x64_vrr (&l->a, X64_VPMOVSXDQ, d, d);
    x64_vrr (&l->a, X64_VPMOVSXDQ, 0, 0);
    x64_vrrr (&l->a, X64_VPADDQ, d, d, 0);
  }
  x64_vresult (l, uop, d);
}

void
x64_lower_VPMULL (X64Lower *l, const Uop *uop)
{
  if (!l->features->pclmulqdq) {
    x64_interp (l, uop);
    return;
  }
  X64Vec a = x64_vuse (l, uop->a), b = x64_vuse (l, uop->b), d = x64_vnew (l);
  x64_vrrri (&l->a, X64_VPCLMULQDQ, d, a, b, uop->aux2 ? 0x11 : 0);
  x64_vput (l, uop->d, d);
}

// ---- narrower -------------------------------------------------------------------------------

// The even lanes, then whatever.
void
x64_lower_VXTN (X64Lower *l, const Uop *uop)
{
  X64Vec a = x64_vuse (l, uop->a), b = x64_vuse (l, uop->b), d = x64_vnew (l);

  if (uop->aux == 2)
    x64_vrri (&l->a, X64_VPSHUFD, d, a, 0x08);
  else
    x64_vrrm (&l->a, X64_VPSHUFB, d, a, x64_const (l, X64_K_EVEN_BYTES + uop->aux));
  if (uop->aux2)
    x64_vrrr (&l->a, X64_VPUNPCKLQDQ, d, b, d);
  else
    x64_vrr (&l->a, X64_VMOVQ, d, d);
  x64_vput (l, uop->d, d);
}
