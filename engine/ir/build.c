// SPDX-License-Identifier: GPL-3.0-or-later
// The table of the uops, and how each uses its registers. Constant data: any thread.
#include <assert.h>
#include <string.h>

#include "engine/ir/uop.h"

static_assert (sizeof (Uop) == 24, "a small record, made and read by the thousand");

#define IR_IS_FLOW(shape)                                                                          \
  ((shape) == IR_SHAPE_LABEL || (shape) == IR_SHAPE_TARGET || (shape) == IR_SHAPE_TARGET_R)

#define IR_IS_BASED(shape)                                                                         \
  ((shape) == IR_SHAPE_MEM || (shape) == IR_SHAPE_MEM2 || (shape) == IR_SHAPE_VMEM ||              \
   (shape) == IR_SHAPE_VMEM2)
#define IR_STORES(op, properties)                                                                  \
  ((op) == UOP_PUT || (op) == UOP_PUTSYS || ((properties) &IR_STORE) != 0)
#define IR_HAS_RESULT(shape)                                                                       \
  (((shape) >= IR_SHAPE_RI && (shape) <= IR_SHAPE_MEM2) || (shape) == IR_SHAPE_STATE ||            \
   (shape) == IR_SHAPE_RV)

const IrInfo ir_info[UOP_N] = {
#define IR_UOP(name, shape, properties, meaning)                                                   \
  {IR_SHAPE_##shape,                                                                               \
   (properties) | (IR_IS_FLOW (IR_SHAPE_##shape) ? IR_FLOW : 0) |                                  \
       (IR_IS_BASED (IR_SHAPE_##shape) ? IR_BASED : 0) |                                           \
       (IR_SHAPE_##shape == IR_SHAPE_AMO ||                                                        \
                (IR_HAS_RESULT (IR_SHAPE_##shape) && !IR_STORES (UOP_##name, properties))          \
            ? IR_SETS_D                                                                            \
            : 0)},
#include "engine/ir/uop-fp.inc"
#include "engine/ir/uop-simd.inc"
#include "engine/ir/uop-vec.inc"
#include "engine/ir/uop.inc"
#undef IR_UOP
};

const char *const ir_names[UOP_N] = {
#define IR_UOP(name, shape, properties, meaning) #name,
#include "engine/ir/uop-fp.inc"
#include "engine/ir/uop-simd.inc"
#include "engine/ir/uop-vec.inc"
#include "engine/ir/uop.inc"
#undef IR_UOP
};

static const char *const shape_uses[] = {
    [IR_SHAPE_NONE] = "----",     [IR_SHAPE_R1] = "-r--",     [IR_SHAPE_RI] = "w---",
    [IR_SHAPE_R2] = "wr--",       [IR_SHAPE_R2I] = "wr--",    [IR_SHAPE_R2B] = "wr--",
    [IR_SHAPE_R3] = "wrr-",       [IR_SHAPE_R3S] = "wrr-",    [IR_SHAPE_R3X] = "wrr-",
    [IR_SHAPE_R3B] = "wrr-",      [IR_SHAPE_R4] = "wrrr",     [IR_SHAPE_MEM] = "wr--",
    [IR_SHAPE_MEMX] = "wrr-",     [IR_SHAPE_MEMPC] = "w---",  [IR_SHAPE_MEM2] = "wr-w",
    [IR_SHAPE_AMO] = "wrrr",      [IR_SHAPE_LABEL] = "----",  [IR_SHAPE_TARGET] = "----",
    [IR_SHAPE_TARGET_R] = "-r--", [IR_SHAPE_INTERP] = "----", [IR_SHAPE_STATE] = "w---",
    [IR_SHAPE_VMEM] = "Wr--",     [IR_SHAPE_VMEMX] = "Wrr-",  [IR_SHAPE_VMEMPC] = "W---",
    [IR_SHAPE_VMEM2] = "Wr-W",    [IR_SHAPE_V2] = "WR--",     [IR_SHAPE_V3] = "WRR-",
    [IR_SHAPE_V4] = "WRRR",       [IR_SHAPE_V0F] = "-RR-",    [IR_SHAPE_VI] = "W---",
    [IR_SHAPE_RV] = "wR--",       [IR_SHAPE_VR] = "Wr--",
};

// What is written by a load is read by a store.
static void
reverse (char *letter)
{
  if (*letter == 'w' || *letter == 'W')
    *letter = *letter == 'w' ? 'r' : 'R';
}

void
ir_operands (const Uop *uop, char use[4])
{
  const IrInfo *info = &ir_info[uop->op];

  memcpy (use, shape_uses[info->shape], 4);
  if (uop->op == UOP_PUT || uop->op == UOP_PUTSYS ||
      ((info->properties & IR_STORE) != 0 && info->shape != IR_SHAPE_AMO)) {
    reverse (&use[0]);
    reverse (&use[3]);
  }
  if (uop->op == UOP_GETFLAGS)
    use[1] = 'w';
  if (info->properties & IR_RMW)
    use[0] = use[0] == 'w' ? 'm' : 'M';
}
