// SPDX-License-Identifier: GPL-3.0-or-later
// Brings comparisons to where their flags are used. Compilers put a few instructions between the
// two; on hosts where these change the host's flags, NZCV would have to be saved and loaded again.
// Nothing that may fault is passed: NZCV is exact at a fault.
#include "engine/ir/uop.h"

enum { FAR = 8 }; // uops passed at most

// A uop with no result but NZCV.
static bool
is_comparison (const Uop *uop)
{
  unsigned unwanted = IR_FIN | IR_FOUT | IR_CALL | IR_VEC;

  // Most uops have a result: the table of properties is not asked about those.
  return uop->d == IR_SINK && uop->op != UOP_PUTFLAGS &&
         (ir_info[uop->op].properties & unwanted) == IR_FOUT;
}

// True when `uop` writes an operand of the comparison.
static bool
changes (const Uop *uop, const Uop *comparison)
{
  const uint8_t written[4] = {uop->d, uop->a, uop->b, uop->c};
  const uint8_t read[4] = {comparison->d, comparison->a, comparison->b, comparison->c};
  char writes[4], reads[4];

  ir_operands (uop, writes);
  ir_operands (comparison, reads);
  for (unsigned i = 0; i < 4; i++)
    for (unsigned k = 0; k < 4; k++)
      if ((writes[i] == 'w' || writes[i] == 'm') && reads[k] == 'r' && written[i] == read[k])
        return true;
  return false;
}

static bool
can_pass (const Uop *comparison, const Uop *uop)
{
  const IrInfo *info = &ir_info[uop->op];

  if ((info->properties & (IR_FIN | IR_FOUT | IR_MEM | IR_END | IR_CALL | IR_FLOW)) != 0)
    return false;
  return !changes (uop, comparison);
}

void
ir_sink_comparisons (IrRegion *region)
{
  for (unsigned i = region->n_uops; i-- > 0;) {
    unsigned to = i + 1;

    if (!is_comparison (&region->uops[i]))
      continue;
    Uop comparison = region->uops[i];
    while (to < region->n_uops && to - i <= FAR && can_pass (&comparison, &region->uops[to]))
      to++;
    if (to == i + 1 || to == region->n_uops || !(ir_info[region->uops[to].op].properties & IR_FIN))
      continue;
    for (unsigned k = i; k + 1 < to; k++)
      region->uops[k] = region->uops[k + 1];
    region->uops[to - 1] = comparison;
  }
}
