// SPDX-License-Identifier: GPL-3.0-or-later
// Which NZCV is used, and which accesses may have a base in common with others: one pass backwards
// over a region, repeated while a loop's head still changes.
#include "engine/ir/uop.h"

static bool
target_live (const IrRegion *region, const Uop *uop)
{
  return (uop->flags & UOP_LOCAL) != 0 ? region->label_live[uop->imm] : true;
}

// Notes which of the accesses passed before, and so later in the region, are in reach of this uop:
// a bit for each base. It may say more than there are.
static inline uint64_t
note_base (Uop *uop, unsigned properties, uint64_t bases)
{
  uint64_t base = UINT64_C (1) << (uop->a & 63);

  if ((properties & IR_SETS_D) != 0 && uop->op != UOP_ADDI)
    bases &= ~(UINT64_C (1) << (uop->d & 63));
  if (!(properties & IR_BASED))
    return bases;
  if (bases & base)
    uop->flags |= UOP_BASE_AGAIN;
  return bases | base;
}

// True when flags are used behind a label that was not known to be one, and that jumps later in the
// region, which were passed already, lead to.
static bool
pass (IrRegion *region)
{
  const unsigned seldom = IR_FLOW | IR_END | IR_FIN | IR_FOUT | IR_CALL;
  bool live = true, changed = false;
  uint64_t bases = 0;

  for (unsigned i = region->n_uops; i-- > 0;) {
    Uop *uop = &region->uops[i];
    unsigned properties = ir_info[uop->op].properties;

    if (!(properties & seldom)) {
      uop->flags = (uint16_t) ((uop->flags & ~UOP_FLAGS_LIVE) | (live ? UOP_FLAGS_LIVE : 0));
      bases = note_base (uop, properties, bases);
      continue;
    }
    if (properties & (IR_FLOW | IR_END | IR_CALL))
      bases = 0;
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
    bases = note_base (uop, properties, bases);
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
