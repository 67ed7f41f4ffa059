// SPDX-License-Identifier: GPL-3.0-or-later
// AES, SHA-1 and SHA-256 (lower-vec.h; Intel SDM volume 2; FIPS 197, 180-4). The host's rounds of AES
// end with the key, the guest's begin with it. SHA has no VEX form, but all code here is of 128 bits.
#include "engine/host/x86_64/lower-vec.h"

// ---- AES ------------------------------------------------------------------------------------

// True when the uop after this round mixes the columns of its result: both are one host round.
static bool
is_mixed (const X64Lower *l, const Uop *uop)
{
  const Uop *next = uop + 1;

  return next < &l->ir->uops[l->ir->n_uops] && next->d == uop->d && next->a == uop->d &&
         ((uop->op == UOP_AESE && next->op == UOP_AESMC) ||
          (uop->op == UOP_AESD && next->op == UOP_AESIMC));
}

static bool
is_done (const X64Lower *l, const Uop *uop)
{
  return uop > l->ir->uops && is_mixed (l, uop - 1);
}

static void
round_of (X64Lower *l, const Uop *uop, X64VecOp last, X64VecOp mixing)
{
  if (!l->features->aes) {
    x64_interp (l, uop);
    return;
  }
  X64Vec a = x64_vuse (l, uop->a), b = x64_vuse (l, uop->b), d = x64_vnew (l);
  x64_vzero (&l->a, 1);
  x64_vrrr (&l->a, X64_VPXOR, 0, a, b);
  x64_vrrr (&l->a, is_mixed (l, uop) ? mixing : last, d, 0, 1);
  x64_vput (l, uop->d, d);
}

void
x64_lower_AESE (X64Lower *l, const Uop *uop)
{
  round_of (l, uop, X64_VAESENCLAST, X64_VAESENC);
}

void
x64_lower_AESD (X64Lower *l, const Uop *uop)
{
  round_of (l, uop, X64_VAESDECLAST, X64_VAESDEC);
}

// A round undone but for the columns that are mixed.
void
x64_lower_AESMC (X64Lower *l, const Uop *uop)
{
  if (!l->features->aes) {
    x64_interp (l, uop);
    return;
  }
  if (is_done (l, uop))
    return;
  X64Vec a = x64_vuse (l, uop->a), d = x64_vnew (l);
  x64_vzero (&l->a, 1);
  x64_vrrr (&l->a, X64_VAESDECLAST, 0, a, 1);
  x64_vrrr (&l->a, X64_VAESENC, d, 0, 1);
  x64_vput (l, uop->d, d);
}

void
x64_lower_AESIMC (X64Lower *l, const Uop *uop)
{
  if (!l->features->aes) {
    x64_interp (l, uop);
    return;
  }
  if (is_done (l, uop))
    return;
  X64Vec a = x64_vuse (l, uop->a), d = x64_vnew (l);
  x64_vrr (&l->a, X64_VAESIMC, d, a);
  x64_vput (l, uop->d, d);
}

// ---- SHA-1 ----------------------------------------------------------------------------------

enum { BACKWARDS = 0x1b, SWAP_PAIRS = 0xb1 };

// The host has the lanes the other way round, and adds the constant, which the guest did before.
void
x64_lower_SHA1R (X64Lower *l, const Uop *uop)
{
  if (!l->features->sha) {
    x64_interp (l, uop);
    return;
  }
  X64Vec a = x64_vuse (l, uop->a), b = x64_vuse (l, uop->b), c = x64_vuse (l, uop->c);
  X64Vec d = x64_vnew (l);
  x64_vrrm (&l->a, X64_VPSUBD, 0, c, x64_const (l, X64_K_SHA1 + uop->aux2));
  x64_vrrri (&l->a, X64_VINSERTPS, 1, b, b, 0x0e);
  x64_vrrr (&l->a, X64_VPADDD, 0, 0, 1);
  x64_vrri (&l->a, X64_VPSHUFD, 0, 0, BACKWARDS);
  x64_vrri (&l->a, X64_VPSHUFD, d, a, BACKWARDS);
  x64_sha1rnds4 (&l->a, d, 0, uop->aux2);
  x64_vrri (&l->a, X64_VPSHUFD, d, d, BACKWARDS);
  x64_vput (l, uop->d, d);
}

// d = each doubleword of s rotated to the left; xmm0 is used, and may be s.
static void
rotate_left (X64Lower *l, X64Vec d, X64Vec s, uint8_t n)
{
  x64_vrri (&l->a, X64_VPSRLD_I, d, s, (uint8_t) (32 - n));
  x64_vrri (&l->a, X64_VPSLLD_I, 0, s, n);
  x64_vrrr (&l->a, X64_VPOR, d, d, 0);
}

void
x64_lower_SHA1H (X64Lower *l, const Uop *uop)
{
  X64Vec b = x64_vuse (l, uop->b), d = x64_vnew (l);

  rotate_left (l, d, b, 30);
  x64_vrrri (&l->a, X64_VINSERTPS, d, d, d, 0x0e);
  x64_vput (l, uop->d, d);
}

void
x64_lower_SHA1SU0 (X64Lower *l, const Uop *uop)
{
  X64Vec a = x64_vuse (l, uop->a), b = x64_vuse (l, uop->b), c = x64_vuse (l, uop->c);
  X64Vec d = x64_vnew (l);

  x64_vrrri (&l->a, X64_VPALIGNR, d, b, a, 8);
  x64_vrrr (&l->a, X64_VPXOR, d, d, a);
  x64_vrrr (&l->a, X64_VPXOR, d, d, c);
  x64_vput (l, uop->d, d);
}

// The last lane depends on the first one's result.
void
x64_lower_SHA1SU1 (X64Lower *l, const Uop *uop)
{
  X64Vec a = x64_vuse (l, uop->a), b = x64_vuse (l, uop->b), d = x64_vnew (l);

  x64_vrri (&l->a, X64_VPSRLDQ, 0, b, 4);
  x64_vrrr (&l->a, X64_VPXOR, 0, a, 0);
  rotate_left (l, d, 0, 1);
  x64_vrri (&l->a, X64_VPSLLDQ, 0, d, 12);
  rotate_left (l, 1, 0, 1);
  x64_vrrr (&l->a, X64_VPXOR, d, d, 1);
  x64_vput (l, uop->d, d);
}

// ---- SHA-256 --------------------------------------------------------------------------------

// The guest has a to d and e to h, from the lowest lane; the host f, e, b, a and h, g, d, c. Two
// rounds make the former of both, and the old one is the new latter.
void
x64_lower_SHA256R (X64Lower *l, const Uop *uop)
{
  if (!l->features->sha) {
    x64_interp (l, uop);
    return;
  }
  X64Vec a = x64_vuse (l, uop->a), b = x64_vuse (l, uop->b), c = x64_vuse (l, uop->c);
  X64Vec d = x64_vnew (l);
  x64_vrrr (&l->a, X64_VPUNPCKLQDQ, 1, b, a);
  x64_vrri (&l->a, X64_VPSHUFD, 1, 1, SWAP_PAIRS);
  x64_vrrr (&l->a, X64_VPUNPCKHQDQ, d, b, a);
  x64_vrri (&l->a, X64_VPSHUFD, d, d, SWAP_PAIRS);
  x64_vmov (&l->a, 0, c);
  x64_sha_rr (&l->a, X64_SHA256RNDS2, d, 1);
  x64_vrri (&l->a, X64_VPSHUFD, 0, c, 0x0e);
  x64_sha_rr (&l->a, X64_SHA256RNDS2, 1, d);
  x64_vrrr (&l->a, uop->aux2 ? X64_VPUNPCKLQDQ : X64_VPUNPCKHQDQ, d, 1, d);
  x64_vrri (&l->a, X64_VPSHUFD, d, d, SWAP_PAIRS);
  x64_vput (l, uop->d, d);
}

void
x64_lower_SHA256SU0 (X64Lower *l, const Uop *uop)
{
  if (!l->features->sha) {
    x64_interp (l, uop);
    return;
  }
  X64Vec a = x64_vuse (l, uop->a), b = x64_vuse (l, uop->b), d = x64_vnew (l);
  x64_vmov (&l->a, d, a);
  x64_sha_rr (&l->a, X64_SHA256MSG1, d, b);
  x64_vput (l, uop->d, d);
}

void
x64_lower_SHA256SU1 (X64Lower *l, const Uop *uop)
{
  if (!l->features->sha) {
    x64_interp (l, uop);
    return;
  }
  X64Vec a = x64_vuse (l, uop->a), b = x64_vuse (l, uop->b), c = x64_vuse (l, uop->c);
  X64Vec d = x64_vnew (l);
  x64_vrrri (&l->a, X64_VPALIGNR, d, c, b, 4);
  x64_vrrr (&l->a, X64_VPADDD, d, d, a);
  x64_sha_rr (&l->a, X64_SHA256MSG2, d, c);
  x64_vput (l, uop->d, d);
}
