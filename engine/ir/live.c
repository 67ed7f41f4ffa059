// SPDX-License-Identifier: GPL-3.0-or-later
// Which NZCV is used: one pass backwards over a region, repeated while a loop's head still changes.
#include "engine/ir/uop.h"

static bool
target_live (const IrRegion *region, const Uop *uop)
{
  return (uop->flags & UOP_LOCAL) != 0 ? region->label_live[uop->imm] : true;
}

// True when flags are used behind a label that was not known to be one, and that jumps later in the
// region, which were passed already, lead to.
static bool
pass (IrRegion *region)
{
  bool live = true, changed = false;

  for (unsigned i = region->n_uops; i-- > 0;) {
    Uop *uop = &region->uops[i];
    unsigned properties = ir_info[uop->op].properties;

    if (uop->op == UOP_LABEL) {
      changed |= live && (uop->flags & UOP_LOOP) != 0 && !region->label_live[uop->imm];
      region->label_live[uop->imm] |= live;
      continue;
    }
    if (properties & IR_FLOW)
      live = (uop->op != UOP_B && live) || target_live (region, uop);
    else if (properties & IR_END)
      live = true;
    uop->flags = (uint16_t) (live ? uop->flags | UOP_FLAGS_LIVE : uop->flags & ~UOP_FLAGS_LIVE);
    live = (live && !(properties & IR_FOUT)) || (properties & IR_FIN) != 0;
  }
  return changed;
}

void
ir_find_live_flags (IrRegion *region)
{
  for (unsigned i = 0; i < region->n_labels; i++)
    region->label_live[i] = false;
  while (pass (region))
    continue;
}
