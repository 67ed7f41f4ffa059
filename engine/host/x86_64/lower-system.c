// SPDX-License-Identifier: GPL-3.0-or-later
// What belongs to the system side of a CPU: the interrupt mask (lower.h).
#include "engine/host/x86_64/lower.h"

static void
take_by_tier0 (X64Lower *l, X64Cold *cold)
{
  x64_load_op (l, cold->uop);
  x64_jmp_rel32 (&l->a, l->stubs->interp_end);
}

void
x64_lower_UNMASK (X64Lower *l, const Uop *uop)
{
  X64Cold *cold;

  x64_flags_to_memory (l);
  l->flags = (X64Flags){.in_memory = true};
  x64_flush_count (l);
  x64_mov_mr (&l->a, 8, x64_state (l->layout->mask), x64_use (l, uop->a, X64_RAX));
  x64_alu_mi (&l->a, X64_CMP, 32, x64_state (l->layout->waiting), 0);
  cold = x64_cold (l, uop, take_by_tier0);
  x64_jcc (&l->a, X64_CC_NE, &cold->entry);
}
