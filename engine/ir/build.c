// SPDX-License-Identifier: GPL-3.0-or-later
// Building regions: the list of uops, and the table of what each is.
#include <assert.h>

#include "engine/ir/uop.h"

static_assert (sizeof (Uop) == 24, "a small record, made and read by the thousand");

const IrInfo ir_info[UOP_N] = {
#define IR_UOP(name, shape, properties, meaning) {#name, IR_SHAPE_##shape, properties},
#include "engine/ir/uop.inc"
#include "engine/ir/uop-vec.inc"
#undef IR_UOP
};

Uop *
ir_append (IrRegion *region, IrOp op)
{
  Uop *uop = &region->uops[region->n_uops];

  if (region->n_uops + 1 < IR_MAX_UOPS)
    region->n_uops++;
  else
    region->overflow = true;
  *uop = (Uop){.op = (uint16_t) op};
  return uop;
}
