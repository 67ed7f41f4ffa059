// SPDX-License-Identifier: GPL-3.0-or-later
// AES (lower-vec.h). The host's rounds end with the key, the guest's begin with it.
#include "engine/host/x86_64/lower-vec.h"

static void
round_of (X64Lower *l, const Uop *uop, X64VecOp op)
{
  if (!l->features->aes) {
    x64_interp (l, uop);
    return;
  }
  X64Vec a = x64_vuse (l, uop->a), b = x64_vuse (l, uop->b), d = x64_vnew (l);
  x64_vzero (&l->a, 1);
  x64_vrrr (&l->a, X64_VPXOR, 0, a, b);
  x64_vrrr (&l->a, op, d, 0, 1);
  x64_vput (l, uop->d, d);
}

void
x64_lower_AESE (X64Lower *l, const Uop *uop)
{
  round_of (l, uop, X64_VAESENCLAST);
}

void
x64_lower_AESD (X64Lower *l, const Uop *uop)
{
  round_of (l, uop, X64_VAESDECLAST);
}

// A round undone but for the columns that are mixed.
void
x64_lower_AESMC (X64Lower *l, const Uop *uop)
{
  if (!l->features->aes) {
    x64_interp (l, uop);
    return;
  }
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
  X64Vec a = x64_vuse (l, uop->a), d = x64_vnew (l);
  x64_vrr (&l->a, X64_VAESIMC, d, a);
  x64_vput (l, uop->d, d);
}
