// SPDX-License-Identifier: GPL-3.0-or-later
// Lanes from and to elsewhere, permutations, reductions (lower-vec.h).
#include "engine/host/x86_64/lower-vec.h"

const X64VecOp x64_vbroadcast[4] = {
    X64_VPBROADCASTB,
    X64_VPBROADCASTW,
    X64_VPBROADCASTD,
    X64_VPBROADCASTQ,
};
const X64VecOp x64_vunpack_low[4] = {
    X64_VPUNPCKLBW,
    X64_VPUNPCKLWD,
    X64_VPUNPCKLDQ,
    X64_VPUNPCKLQDQ,
};
const X64VecOp x64_vunpack_high[4] = {
    X64_VPUNPCKHBW,
    X64_VPUNPCKHWD,
    X64_VPUNPCKHDQ,
    X64_VPUNPCKHQDQ,
};

static const X64VecOp extract[4] = {X64_VPEXTRB, X64_VPEXTRW, X64_VPEXTRD, X64_VPEXTRQ};
static const X64VecOp insert[4] = {X64_VPINSRB, X64_VPINSRW, X64_VPINSRD, X64_VPINSRQ};

static void
move_low_half (X64Lower *l, X64Vec d, X64Vec s)
{
  x64_vrr (&l->a, X64_VMOVQ, d, s);
}

// ---- one lane -------------------------------------------------------------------------------

void
x64_lower_VDUPE (X64Lower *l, const Uop *uop)
{
  X64Vec a = x64_vuse (l, uop->a), d = x64_vnew (l);
  unsigned size = uop->aux, lane = uop->aux2;

  if (size == 3) {
    x64_vrri (&l->a, X64_VPSHUFD, d, a, lane ? 0xee : 0x44);
  } else if (size == 2) {
    x64_vrri (&l->a, X64_VPSHUFD, d, a, (uint8_t) (lane * 0x55));
  } else {
    if (lane != 0)
      x64_vrri (&l->a, X64_VPSRLDQ, d, a, (uint8_t) (lane << size));
    x64_vrr (&l->a, x64_vbroadcast[size], d, lane != 0 ? d : a);
  }
  x64_vresult (l, uop, d);
}

void
x64_lower_VDUPR (X64Lower *l, const Uop *uop)
{
  X64Vec d = x64_vnew (l);

  if (uop->a == IR_ZERO) {
    x64_vzero (&l->a, d);
  } else {
    unsigned host = x64_use (l, uop->a, X64_RCX);

    x64_vrr (&l->a, uop->aux == 3 ? X64_VMOVQ_XR : X64_VMOVD, d, host);
    x64_vrr (&l->a, x64_vbroadcast[uop->aux], d, d);
  }
  x64_vresult (l, uop, d);
}

void
x64_lower_VGETE (X64Lower *l, const Uop *uop)
{
  X64Vec a = x64_vuse (l, uop->a), d = x64_vnew (l);
  unsigned size = uop->aux, lane = uop->aux2;

  if (size == 3) {
    if (lane != 0)
      x64_vrri (&l->a, X64_VPSRLDQ, d, a, 8);
    else
      move_low_half (l, d, a);
  } else if (size == 2) {
    x64_vrrri (&l->a, X64_VINSERTPS, d, a, a, (uint8_t) (lane << 6 | 0x0e));
  } else {
    x64_vrri (&l->a, extract[size], X64_RCX, a, (uint8_t) lane);
    x64_vrr (&l->a, X64_VMOVD, d, X64_RCX);
  }
  x64_vput (l, uop->d, d);
}

static void
set_quad (X64Lower *l, X64Vec d, X64Vec old, X64Vec a, unsigned to, unsigned from)
{
  if (to == 1 && from == 0) {
    x64_vrrr (&l->a, X64_VPUNPCKLQDQ, d, old, a);
    return;
  }
  if (to == 0 && from == 1) {
    x64_vrri (&l->a, X64_VPSHUFD, 0, a, 0xee);
    a = 0;
  }
  x64_vrrri (&l->a, X64_VPBLENDD, d, old, a, to ? 0x0c : 0x03);
}

void
x64_lower_VSETE (X64Lower *l, const Uop *uop)
{
  X64Vec a = x64_vuse (l, uop->a), old = x64_vuse (l, uop->d), d = x64_vnew (l);
  unsigned size = uop->aux, to = uop->aux2, from = (unsigned) uop->imm;

  if (size == 3) {
    set_quad (l, d, old, a, to, from);
  } else if (size == 2) {
    x64_vrrri (&l->a, X64_VINSERTPS, d, old, a, (uint8_t) (from << 6 | to << 4));
  } else {
    x64_vrri (&l->a, extract[size], X64_RCX, a, (uint8_t) from);
    x64_vrrri (&l->a, insert[size], d, old, X64_RCX, (uint8_t) to);
  }
  x64_vput (l, uop->d, d);
}

void
x64_lower_VSETR (X64Lower *l, const Uop *uop)
{
  X64Vec old = x64_vuse (l, uop->d), d = x64_vnew (l);
  unsigned host = x64_use (l, uop->a, X64_RCX);

  x64_vrrri (&l->a, insert[uop->aux], d, old, host, uop->aux2);
  x64_vput (l, uop->d, d);
}

void
x64_lower_VGETR (X64Lower *l, const Uop *uop)
{
  X64Vec a = x64_vuse (l, uop->a);
  unsigned host = x64_target (uop->d, X64_RCX), size = uop->aux;

  if (size >= 2 && uop->aux2 == 0)
    x64_vrr (&l->a, size == 2 ? X64_VMOVD_ST : X64_VMOVQ_RX, host, a);
  else
    x64_vrri (&l->a, extract[size], host, a, uop->aux2);
  if (uop->imm)
    x64_movsx_rr (&l->a, 8u << size, x64_bits (uop), host, host);
  x64_put (l, uop->d, host);
}

// ---- permutations ---------------------------------------------------------------------------

void
x64_lower_VREV (X64Lower *l, const Uop *uop)
{
  X64Vec a = x64_vuse (l, uop->a), d = x64_vnew (l);

  if (uop->aux == 2)
    x64_vrri (&l->a, X64_VPSHUFD, d, a, 0xb1);
  else
    x64_vrrm (&l->a, X64_VPSHUFB, d, a, x64_const (l, X64_K_REVERSE + 4u * uop->aux2 + uop->aux));
  x64_vresult (l, uop, d);
}

void
x64_lower_VEXT (X64Lower *l, const Uop *uop)
{
  X64Vec a = x64_vuse (l, uop->a), b = x64_vuse (l, uop->b), d = x64_vnew (l);

  if (uop->flags & UOP_Q) {
    x64_vrrri (&l->a, X64_VPALIGNR, d, b, a, (uint8_t) uop->imm);
  } else {
    x64_vrrr (&l->a, X64_VPUNPCKLQDQ, d, a, b);
    x64_vrri (&l->a, X64_VPSRLDQ, d, d, (uint8_t) uop->imm);
  }
  x64_vresult (l, uop, d);
}

void
x64_lower_VZIP1 (X64Lower *l, const Uop *uop)
{
  X64Vec a = x64_vuse (l, uop->a), b = x64_vuse (l, uop->b), d = x64_vnew (l);

  x64_vrrr (&l->a, x64_vunpack_low[uop->aux], d, a, b);
  x64_vresult (l, uop, d);
}

void
x64_lower_VZIP2 (X64Lower *l, const Uop *uop)
{
  X64Vec a = x64_vuse (l, uop->a), b = x64_vuse (l, uop->b), d = x64_vnew (l);

  if (uop->flags & UOP_Q) {
    x64_vrrr (&l->a, x64_vunpack_high[uop->aux], d, a, b);
  } else {
    x64_vrrr (&l->a, x64_vunpack_low[uop->aux], d, a, b);
    x64_vrri (&l->a, X64_VPSRLDQ, d, d, 8);
  }
  x64_vput (l, uop->d, d);
}

void
x64_veven_below_odd (X64Lower *l, unsigned size, X64Vec d, X64Vec s)
{
  if (size == 2)
    x64_vrri (&l->a, X64_VPSHUFD, d, s, 0xd8);
  else
    x64_vrrm (&l->a, X64_VPSHUFB, d, s, x64_const (l, X64_K_EVEN_BYTES + size));
}

void
x64_vdeinterleave (X64Lower *l, unsigned size, bool q, X64Vec a, X64Vec b)
{
  if (!q) {
    x64_vrrr (&l->a, X64_VPUNPCKLQDQ, 0, a, b);
    x64_veven_below_odd (l, size, 0, 0);
    x64_vrri (&l->a, X64_VPSHUFD, 1, 0, 0xee);
  } else if (size == 3) {
    x64_vrrr (&l->a, X64_VPUNPCKLQDQ, 0, a, b);
    x64_vrrr (&l->a, X64_VPUNPCKHQDQ, 1, a, b);
  } else if (size == 2) {
    x64_vrrri (&l->a, X64_VSHUFPS, 0, a, b, 0x88);
    x64_vrrri (&l->a, X64_VSHUFPS, 1, a, b, 0xdd);
  } else {
    X64Vec t = x64_vnew (l);

    x64_veven_below_odd (l, size, t, a);
    x64_veven_below_odd (l, size, 1, b);
    x64_vrrr (&l->a, X64_VPUNPCKLQDQ, 0, t, 1);
    x64_vrrr (&l->a, X64_VPUNPCKHQDQ, 1, t, 1);
  }
}

// As x64_vdeinterleave, of which only one half is wanted.
static void
unzip (X64Lower *l, const Uop *uop, bool odd)
{
  X64Vec a = x64_vuse (l, uop->a), b = x64_vuse (l, uop->b), d = x64_vnew (l);

  if (!(uop->flags & UOP_Q)) {
    x64_vrrr (&l->a, X64_VPUNPCKLQDQ, 0, a, b);
    x64_veven_below_odd (l, uop->aux, d, 0);
    if (odd)
      x64_vrri (&l->a, X64_VPSRLDQ, d, d, 8);
  } else if (uop->aux == 2) {
    x64_vrrri (&l->a, X64_VSHUFPS, d, a, b, odd ? 0xdd : 0x88);
  } else {
    if (uop->aux < 2) {
      x64_veven_below_odd (l, uop->aux, 0, a);
      x64_veven_below_odd (l, uop->aux, 1, b);
      a = 0;
      b = 1;
    }
    x64_vrrr (&l->a, odd ? X64_VPUNPCKHQDQ : X64_VPUNPCKLQDQ, d, a, b);
  }
  x64_vresult (l, uop, d);
}

void
x64_lower_VUZP1 (X64Lower *l, const Uop *uop)
{
  unzip (l, uop, false);
}

void
x64_lower_VUZP2 (X64Lower *l, const Uop *uop)
{
  unzip (l, uop, true);
}

// d: the even lanes of a (whatever between) and, in the odd lanes, those of b.
static void
blend_lanes (X64Lower *l, unsigned size, X64Vec d, X64Vec even, X64Vec odd)
{
  X64Asm *a = &l->a;

  if (size == 0) {
    x64_vrm (a, X64_VMOVDQU, d, x64_const (l, X64_K_WORDS_FF));
    x64_vrrr (a, X64_VPAND, even == 0 ? 0 : 1, even, d);
    x64_vrrr (a, X64_VPANDN, d, d, odd);
    x64_vrrr (a, X64_VPOR, d, d, even == 0 ? 0 : 1);
  } else if (size == 1) {
    x64_vrrri (a, X64_VPBLENDW, d, even, odd, 0xaa);
  } else {
    x64_vrrri (a, X64_VPBLENDD, d, even, odd, size == 2 ? 0x0a : 0x0c);
  }
}

static const X64VecOp wider_left[3] = {X64_VPSLLW_I, X64_VPSLLD_I, X64_VPSLLQ_I};
static const X64VecOp wider_right[3] = {X64_VPSRLW_I, X64_VPSRLD_I, X64_VPSRLQ_I};

void
x64_lower_VTRN1 (X64Lower *l, const Uop *uop)
{
  X64Vec a = x64_vuse (l, uop->a), b = x64_vuse (l, uop->b), d = x64_vnew (l);

  if (uop->aux == 3) {
    x64_vrrr (&l->a, X64_VPUNPCKLQDQ, d, a, b);
  } else {
    x64_vrri (&l->a, wider_left[uop->aux], 0, b, (uint8_t) (8u << uop->aux));
    blend_lanes (l, uop->aux, d, a, 0);
  }
  x64_vresult (l, uop, d);
}

void
x64_lower_VTRN2 (X64Lower *l, const Uop *uop)
{
  X64Vec a = x64_vuse (l, uop->a), b = x64_vuse (l, uop->b), d = x64_vnew (l);

  if (uop->aux == 3) {
    x64_vrrr (&l->a, X64_VPUNPCKHQDQ, d, a, b);
  } else {
    x64_vrri (&l->a, wider_right[uop->aux], 0, a, (uint8_t) (8u << uop->aux));
    blend_lanes (l, uop->aux, d, 0, b);
  }
  x64_vresult (l, uop, d);
}

// xmm0: an index into each register of the table, or a negative one; then its bytes.
static void
look_up (X64Lower *l, X64Vec d, X64Vec table, X64Vec indices, unsigned n)
{
  X64Vec into = n == 0 ? d : 0;

  if (n != 0) {
    x64_vrrm (&l->a, X64_VPSUBB, 0, indices, x64_const (l, X64_K_TABLE_START + n));
    indices = 0;
  }
  x64_vrrm (&l->a, X64_VPADDUSB, 0, indices, x64_const (l, X64_K_BYTES_70));
  x64_vrrr (&l->a, X64_VPSHUFB, into, table, 0);
  if (n != 0)
    x64_vrrr (&l->a, X64_VPOR, d, d, 0);
}

static X64Vec
look_up_all (X64Lower *l, const Uop *uop, X64Vec indices)
{
  X64Vec d = x64_vnew (l);

  for (unsigned n = 0; n < uop->aux2; n++)
    look_up (l, d, x64_vuse (l, (uop->a + n) % 32), indices, n);
  return d;
}

void
x64_lower_VTBL (X64Lower *l, const Uop *uop)
{
  X64Vec indices = x64_vuse (l, uop->b), d = look_up_all (l, uop, indices);

  x64_vresult (l, uop, d);
}

void
x64_lower_VTBX (X64Lower *l, const Uop *uop)
{
  X64Vec old = x64_vuse (l, uop->d), indices = x64_vuse (l, uop->b);
  X64Vec d = look_up_all (l, uop, indices);

  x64_vrrm (&l->a, X64_VPMAXUB, 0, indices, x64_const (l, X64_K_TABLE_START + uop->aux2));
  x64_vrrr (&l->a, X64_VPCMPEQB, 0, 0, indices);
  x64_vrrrr (&l->a, X64_VPBLENDVB, d, d, old, 0);
  x64_vresult (l, uop, d);
}

// ---- neighbours -----------------------------------------------------------------------------

static const X64VecOp smax[3] = {X64_VPMAXSB, X64_VPMAXSW, X64_VPMAXSD};
static const X64VecOp umax[3] = {X64_VPMAXUB, X64_VPMAXUW, X64_VPMAXUD};
static const X64VecOp smin[3] = {X64_VPMINSB, X64_VPMINSW, X64_VPMINSD};
static const X64VecOp umin[3] = {X64_VPMINUB, X64_VPMINUW, X64_VPMINUD};

static void
pairwise (X64Lower *l, const Uop *uop, const X64VecOp *ops)
{
  X64Vec a = x64_vuse (l, uop->a), b = x64_vuse (l, uop->b), d = x64_vnew (l);

  x64_vdeinterleave (l, uop->aux, uop->flags & UOP_Q, a, b);
  x64_vrrr (&l->a, ops[uop->aux], d, 0, 1);
  x64_vresult (l, uop, d);
}

void
x64_lower_VADDP (X64Lower *l, const Uop *uop)
{
  pairwise (l, uop, x64_vadd);
}

void
x64_lower_VSMAXP (X64Lower *l, const Uop *uop)
{
  pairwise (l, uop, smax);
}

void
x64_lower_VUMAXP (X64Lower *l, const Uop *uop)
{
  pairwise (l, uop, umax);
}

void
x64_lower_VSMINP (X64Lower *l, const Uop *uop)
{
  pairwise (l, uop, smin);
}

void
x64_lower_VUMINP (X64Lower *l, const Uop *uop)
{
  pairwise (l, uop, umin);
}

// ---- all lanes ------------------------------------------------------------------------------

// Halves folded upon each other down to one lane.
static void
reduce (X64Lower *l, const Uop *uop, X64VecOp op)
{
  X64Vec a = x64_vuse (l, uop->a), d = x64_vnew (l), from = a;
  uint8_t rest = (uint8_t) (16 - (1u << uop->aux));

  for (unsigned half = uop->flags & UOP_Q ? 8 : 4; half >= 1u << uop->aux; half /= 2) {
    if (half == 8)
      x64_vrri (&l->a, X64_VPSHUFD, 0, from, 0xee);
    else
      x64_vrri (&l->a, X64_VPSRLDQ, 0, from, (uint8_t) half);
    x64_vrrr (&l->a, op, d, from, 0);
    from = d;
  }
  if (rest == 8) {
    move_low_half (l, d, from);
  } else {
    x64_vrri (&l->a, X64_VPSLLDQ, d, from, rest);
    x64_vrri (&l->a, X64_VPSRLDQ, d, d, rest);
  }
  x64_vput (l, uop->d, d);
}

void
x64_lower_VADDV (X64Lower *l, const Uop *uop)
{
  reduce (l, uop, x64_vadd[uop->aux]);
}

void
x64_lower_VSMAXV (X64Lower *l, const Uop *uop)
{
  reduce (l, uop, smax[uop->aux]);
}

void
x64_lower_VUMAXV (X64Lower *l, const Uop *uop)
{
  reduce (l, uop, umax[uop->aux]);
}

void
x64_lower_VSMINV (X64Lower *l, const Uop *uop)
{
  reduce (l, uop, smin[uop->aux]);
}

void
x64_lower_VUMINV (X64Lower *l, const Uop *uop)
{
  reduce (l, uop, umin[uop->aux]);
}
