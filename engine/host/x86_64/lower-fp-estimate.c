// SPDX-License-Identifier: GPL-3.0-or-later
// Estimates of reciprocals and of those of square roots, of singles (lower-fp.h). Their eight bits
// are fixed by the guest, so they come from a table (lower-vec-const.c); the host's own are others.
#include "engine/host/x86_64/lower-fp.h"
#include "engine/host/x86_64/lower-vec.h"

enum { LEAST_NORMAL = 0x00800000 };

// xmm = the word in all lanes; rcx is used.
static void
spread (X64Lower *l, X64Vec xmm, uint32_t word)
{
  x64_mov_ri (&l->a, X64_RCX, word);
  x64_vrr (&l->a, X64_VMOVD, xmm, X64_RCX);
  x64_vrr (&l->a, X64_VPBROADCASTD, xmm, xmm);
}

// The operand, repeated where it is less than four lanes: what is not there is not special.
static X64Vec
operand (X64Lower *l, const Uop *uop)
{
  bool scalar = x64_fp_scalar (uop);
  X64Vec a, x;

  if (!scalar && (uop->flags & UOP_Q))
    return x64_vuse (l, uop->a);
  a = x64_vlow (l, uop->a, scalar ? 2 : 3);
  x = x64_vnew (l);
  x64_vrr (&l->a, scalar ? X64_VBROADCASTSS : X64_VMOVDDUP, x, a);
  return x;
}

// To `cold` where a lane is not normal, or the result would not be. Roots are of positive numbers.
static void
check_range (X64Lower *l, const Uop *uop, X64Vec x, X64Cold *cold)
{
  bool root = uop->aux2 != 0;
  X64Asm *a = &l->a;

  spread (l, 0, LEAST_NORMAL);
  if (!root)
    x64_vrrm (a, X64_VANDPS, 1, x, x64_fp_constant (l, X64_FP_ABS, false));
  x64_vrrr (a, X64_VPSUBD, 1, root ? x : 1, 0);
  spread (l, 0, root ? 0x7effffff : 0x7dffffff);
  x64_vrrr (a, X64_VPMINUD, 0, 0, 1);
  x64_vrrr (a, X64_VPCMPEQD, 0, 0, 1);
  x64_vrr (a, X64_VMOVMSKPS, X64_RCX, 0);
  x64_alu_ri (a, X64_CMP, 32, X64_RCX, 15);
  x64_jcc (a, X64_CC_NE, &cold->entry);
}

// xmm0 = the fractions, by the highest bits of those of x, with the lowest of the exponent for
// roots. rax, rcx and `index` are used.
static void
look_up (X64Lower *l, const Uop *uop, X64Vec x, X64Vec index)
{
  unsigned lanes = x64_fp_scalar (uop) ? 1 : uop->flags & UOP_Q ? 4 : 2;
  bool root = uop->aux2 != 0;
  X64Asm *a = &l->a;

  x64_vrri (a, X64_VPSLLD_I, index, x, root ? 8 : 9);
  x64_vrri (a, X64_VPSRLD_I, index, index, root ? 23 : 24);
  x64_lea (a, 64, X64_RAX, x64_const (l, root ? X64_K_ROOTS : X64_K_RECIPROCALS));
  x64_vzero (a, 0);
  for (unsigned i = 0; i < lanes; i++) {
    x64_vrri (a, X64_VPEXTRD, X64_RCX, index, (uint8_t) i);
    x64_vrrmi (a, X64_VPINSRB, 0, 0, x64_mem_index (X64_RAX, X64_RCX, 0, 0), (uint8_t) (4 * i));
  }
  x64_vrri (a, X64_VPSLLD_I, 0, 0, 15);
}

void
x64_lower_FESTIMATE (X64Lower *l, const Uop *uop)
{
  bool root = uop->aux2 != 0;
  X64Asm *a = &l->a;

  x64_clobber (l, uop);
  X64Vec x = operand (l, uop), d = x64_vnew (l);
  X64Cold *cold = x64_fp_special (l, uop);
  check_range (l, uop, x, cold);
  look_up (l, uop, x, d);
  x64_vrri (a, X64_VPSLLD_I, 1, x, 1);
  x64_vrri (a, X64_VPSRLD_I, 1, 1, 24);
  spread (l, d, root ? 380 : 253);
  x64_vrrr (a, X64_VPSUBD, d, d, 1);
  if (root)
    x64_vrri (a, X64_VPSRLD_I, d, d, 1);
  else
    x64_vrrm (a, X64_VANDPS, 1, x, x64_fp_constant (l, X64_FP_SIGN, false));
  x64_vrri (a, X64_VPSLLD_I, d, d, 23);
  x64_vrrr (a, X64_VPOR, d, d, 0);
  if (!root)
    x64_vrrr (a, X64_VPOR, d, d, 1);
  x64_fp_put (l, uop, d, false, cold);
}
