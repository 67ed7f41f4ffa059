// SPDX-License-Identifier: GPL-3.0-or-later
// Moves of numbers, what only changes signs, and the cumulative exceptions (lower-fp.h). Nothing
// here is special, and EFLAGS are left alone.
#include "engine/host/x86_64/lower-fp.h"

void
x64_lower_FMOV (X64Lower *l, const Uop *uop)
{
  X64Vec a = x64_vlow (l, uop->a, uop->aux), d = x64_vnew (l);

  if (x64_vshort (l, a, uop->aux))
    x64_vmov (&l->a, d, a);
  else
    x64_fp_shorten (l, d, a, uop->aux);
  x64_vput_short (l, uop->d, d, uop->aux);
}

void
x64_lower_FABS (X64Lower *l, const Uop *uop)
{
  bool scalar = x64_fp_scalar (uop);
  X64Vec a = x64_fp_operand (l, uop, uop->a), d = x64_vnew (l);

  x64_vrrm (&l->a, X64_VANDPS, d, a,
            x64_fp_constant (l, scalar ? X64_FP_ABS_SCALAR : X64_FP_ABS, x64_fp_double (uop)));
  x64_fp_put (l, uop, d, true, NULL);
}

void
x64_lower_FNEG (X64Lower *l, const Uop *uop)
{
  bool scalar = x64_fp_scalar (uop);
  X64Vec a = x64_fp_operand (l, uop, uop->a), d = x64_vnew (l);

  x64_vrrm (&l->a, X64_VXORPS, d, a,
            x64_fp_constant (l, scalar ? X64_FP_SIGN_SCALAR : X64_FP_SIGN, x64_fp_double (uop)));
  x64_fp_put (l, uop, d, scalar && x64_vshort (l, a, uop->aux), NULL);
}

void
x64_lower_FTOR (X64Lower *l, const Uop *uop)
{
  unsigned bits = 8u << uop->aux, d = x64_target (uop->d, X64_RCX);
  unsigned copy = uop->aux2 == 0 ? x64_vcopy (l, uop->a, uop->aux) : (unsigned) X64_NO_COPY;
  X64Mem home = copy == X64_NO_COPY ? x64_vmemory (l, uop->a) : x64_vhome (l, uop->a);

  home.disp += uop->aux2 << uop->aux;
  if (copy == X64_NO_COPY)
    x64_mov_rm (&l->a, bits, d, home);
  else
    x64_vrr (&l->a, bits == 64 ? X64_VMOVQ_RX : X64_VMOVD_ST, d, copy);
  x64_put (l, uop->d, d);
}

void
x64_lower_RTOF (X64Lower *l, const Uop *uop)
{
  X64Vec d = x64_vnew (l);

  if (uop->a == IR_ZERO)
    x64_vzero (&l->a, d);
  else
    x64_vrr (&l->a, uop->aux == 3 ? X64_VMOVQ_XR : X64_VMOVD, d, x64_use (l, uop->a, X64_RCX));
  x64_vput_short (l, uop->d, d, uop->aux);
}

void
x64_lower_RTOFTOP (X64Lower *l, const Uop *uop)
{
  X64Vec old = x64_vlow (l, uop->d, 3), d = x64_vnew (l);

  x64_vrrri (&l->a, X64_VPINSRQ, d, old, x64_use (l, uop->a, X64_RCX), 1);
  x64_vput (l, uop->d, d);
}

void
x64_lower_FPSYNC (X64Lower *l, const Uop *uop)
{
  x64_clobber (l, uop);
  x64_call_to (&l->a, l->stubs->fp_sync);
}
