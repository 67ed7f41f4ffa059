// SPDX-License-Identifier: GPL-3.0-or-later
// What every region must be, whoever made it. For tests and development: a region that fails here
// is our own mistake.
#include "engine/ir/uop.h"

typedef struct Check {
  const IrRegion *region;
  const Uop *uop;
  unsigned at;
  unsigned n_first;
  unsigned defined_temps; // by this instruction; vector ones from bit IR_N_TEMPS
  unsigned label_at[IR_MAX_LABELS];
} Check;

// ---- registers ------------------------------------------------------------------------------

static bool
is_written (char use)
{
  return use == 'w' || use == 'm' || use == 'W' || use == 'M';
}

static bool
is_read (char use)
{
  return use == 'r' || use == 'm' || use == 'R' || use == 'M';
}

// Which temporary a register is, as a bit; 0: none.
static unsigned
temp_bit (bool vector, unsigned number)
{
  if (vector)
    return number >= IR_VTEMP ? 1u << (IR_N_TEMPS + number - IR_VTEMP) : 0;
  return number >= IR_TEMP ? 1u << (number - IR_TEMP) : 0;
}

static const char *
check_register (Check *c, char use, unsigned number, bool writes)
{
  bool vector = use >= 'A' && use <= 'Z';
  unsigned temp;

  if (number >= (vector ? (unsigned) IR_N_VREGS : (unsigned) IR_N_REGS))
    return "there is no such register";
  temp = temp_bit (vector, number);
  if (!writes && !vector && number == IR_SINK)
    return "the sink is read";
  if (writes && !vector && number == IR_ZERO)
    return "the zero register is written";
  if (!writes && temp != 0 && !(c->defined_temps & temp))
    return "a temporary is read before it is written";
  if (writes)
    c->defined_temps |= temp;
  return NULL;
}

static const char *
check_registers (Check *c)
{
  const uint8_t numbers[4] = {c->uop->d, c->uop->a, c->uop->b, c->uop->c};
  const char *wrong = NULL;
  char use[4];

  ir_operands (c->uop, use);
  for (unsigned i = 0; i < 4 && wrong == NULL; i++)
    if (is_read (use[i]))
      wrong = check_register (c, use[i], numbers[i], false);
  for (unsigned i = 0; i < 4 && wrong == NULL; i++)
    if (is_written (use[i]))
      wrong = check_register (c, use[i], numbers[i], true);
  return wrong;
}

// ---- small fields ---------------------------------------------------------------------------

static const char *
check_memory (const Uop *uop)
{
  bool vector = (ir_info[uop->op].properties & IR_VEC) != 0;

  if (uop->aux > (vector ? 4 : 3))
    return "no memory access has this size";
  if (uop->aux2 >= IR_MEM_UNPRIV * 2)
    return "unknown bits of a memory access";
  if ((uop->aux2 & IR_MEM_SIGNED) && (ir_info[uop->op].properties & (IR_STORE | IR_VEC)))
    return "only loads of general registers extend";
  return NULL;
}

static const char *
check_index (const Uop *uop)
{
  if (uop->c >> 4 > IR_SXTX || (uop->c & 15) > 4)
    return "no index is extended or shifted like this";
  return check_memory (uop);
}

static const char *
check_fields (const Uop *uop)
{
  unsigned width = uop->flags & UOP_W64 ? 64 : 32;

  switch ((IrShape) ir_info[uop->op].shape) {
  case IR_SHAPE_R3S:
    return uop->aux > IR_ROR || uop->aux2 >= width ? "no such shift" : NULL;
  case IR_SHAPE_R3X:
    return uop->aux > IR_SXTX || uop->aux2 > 4 ? "no such extension" : NULL;
  case IR_SHAPE_R2B:
    return uop->aux >= width || uop->aux2 >= width ? "no such bit field" : NULL;
  case IR_SHAPE_R3B:
    if (uop->op == UOP_CRC32)
      return uop->aux > 3 || uop->aux2 > 1 ? "no such CRC" : NULL;
    if (uop->op == UOP_EXTR)
      return uop->aux >= width ? "no such distance" : NULL;
    return uop->aux > IR_NV || uop->aux2 > 15 ? "no such condition" : NULL;
  case IR_SHAPE_MEM:
  case IR_SHAPE_MEM2:
  case IR_SHAPE_MEMPC:
  case IR_SHAPE_AMO:
  case IR_SHAPE_VMEM:
  case IR_SHAPE_VMEM2:
  case IR_SHAPE_VMEMPC:
    return check_memory (uop);
  case IR_SHAPE_MEMX:
  case IR_SHAPE_VMEMX:
    return check_index (uop);
  case IR_SHAPE_STATE:
    return uop->aux > 3 || uop->imm < 0 ? "no such field of the state" : NULL;
  case IR_SHAPE_INTERP:
    return uop->imm < 0 || uop->imm >= IR_MAX_INSNS ? "no such instruction" : NULL;
  case IR_SHAPE_TARGET:
    return uop->op == UOP_BCOND && uop->aux > IR_NV ? "no such condition" : NULL;
  case IR_SHAPE_TARGET_R:
    if (uop->op == UOP_TBZ || uop->op == UOP_TBNZ)
      return uop->aux >= width ? "no such bit" : NULL;
    return NULL;
  default:
    return NULL;
  }
}

// ---- control --------------------------------------------------------------------------------

static bool
is_branch (const Uop *uop)
{
  unsigned shape = ir_info[uop->op].shape;

  return shape == IR_SHAPE_TARGET || shape == IR_SHAPE_TARGET_R;
}

static bool
ends (const Uop *uop)
{
  return uop->op == UOP_B || (ir_info[uop->op].properties & IR_END) != 0;
}

static const char *
check_branch (const Check *c)
{
  const Uop *uop = c->uop;
  const Uop *label;

  if (!(uop->flags & UOP_LOCAL))
    return uop->imm % 4 != 0 ? "a target is between instructions" : NULL;
  if (uop->imm < 0 || uop->imm >= c->region->n_labels || c->label_at[uop->imm] == 0)
    return "a target is not in the region";
  label = &c->region->uops[c->label_at[uop->imm] - 1];
  if (label <= uop && !(label->flags & UOP_LOOP))
    return "a loop has no label that polls";
  return NULL;
}

static const char *
check_first (Check *c)
{
  const Uop *uop = c->uop, *before = c->at > 0 ? uop - 1 : NULL;

  if (uop->pc_off >= IR_PAGE_SIZE || uop->pc_off % 4 != 0)
    return "an instruction is outside the page";
  if (uop->op == UOP_LABEL) {
    c->defined_temps = 0;
    return uop->flags & UOP_FIRST ? "a label is no instruction" : NULL;
  }
  if (uop->flags & UOP_FIRST) {
    c->n_first++;
    c->defined_temps = 0;
    return NULL;
  }
  if (before == NULL || before->op == UOP_LABEL || before->pc_off != uop->pc_off)
    return "an instruction has no first uop";
  return NULL;
}

static const char *
check_labels (Check *c)
{
  const IrRegion *region = c->region;

  for (c->at = 0; c->at < region->n_uops; c->at++) {
    const Uop *uop = &region->uops[c->at];

    if (uop->op >= UOP_N)
      return "there is no such uop";
    if (uop->op != UOP_LABEL)
      continue;
    if (uop->imm < 0 || uop->imm >= region->n_labels)
      return "there is no such label";
    if (c->label_at[uop->imm] != 0)
      return "a label is in two places";
    if (region->label_pc[uop->imm] != uop->pc_off)
      return "a label is not where it says";
    c->label_at[uop->imm] = c->at + 1;
  }
  return NULL;
}

// ---- flags ----------------------------------------------------------------------------------

// Whether NZCV is used from uop `at` on.
static bool
is_live_before (const IrRegion *region, unsigned at)
{
  const Uop *uop = &region->uops[at];
  unsigned properties = ir_info[uop->op].properties;

  if (uop->op == UOP_LABEL)
    return region->label_live[uop->imm];
  if (properties & IR_FIN)
    return true;
  return (properties & IR_FOUT) == 0 && (uop->flags & UOP_FLAGS_LIVE) != 0;
}

static const char *
check_live (const Check *c)
{
  const IrRegion *region = c->region;
  const Uop *uop = c->uop;
  bool live = ends (uop) ? uop->op != UOP_B : is_live_before (region, c->at + 1);

  if (uop->op == UOP_LABEL)
    return live && !region->label_live[uop->imm] ? "flags used behind a label are lost" : NULL;
  if (is_branch (uop))
    live |= uop->flags & UOP_LOCAL ? region->label_live[uop->imm] : true;
  return live && !(uop->flags & UOP_FLAGS_LIVE) ? "flags that are used are lost" : NULL;
}

// ---- all ------------------------------------------------------------------------------------

static const char *
check_uop (Check *c)
{
  const IrRegion *region = c->region;
  const char *wrong = check_first (c);

  if (wrong == NULL)
    wrong = check_registers (c);
  if (wrong == NULL)
    wrong = check_fields (c->uop);
  if (wrong == NULL && is_branch (c->uop))
    wrong = check_branch (c);
  if (wrong != NULL)
    return wrong;
  if (ends (c->uop)) {
    if (c->at + 1 < region->n_uops && c->uop[1].op != UOP_LABEL)
      return "uops that nothing leads to";
  } else if (c->at + 1 == region->n_uops) {
    return "the region has no end";
  }
  return check_live (c);
}

static const char *
check_spans (const Check *c)
{
  const IrRegion *region = c->region;
  unsigned bytes = 0;

  if (region->n_spans == 0 || region->n_spans > IR_MAX_LABELS ||
      region->spans[0].offset != region->entry)
    return "the first piece of code is not at the entry";
  for (unsigned i = 0; i < region->n_spans; i++) {
    bytes += region->spans[i].bytes;
    if (region->spans[i].offset + region->spans[i].bytes > IR_PAGE_SIZE)
      return "a piece of code is outside the page";
  }
  if (c->n_first != region->n_insns || bytes != region->n_insns * 4)
    return "instructions, uops and pieces of code do not agree";
  return NULL;
}

const char *
ir_verify (const IrRegion *region, unsigned *at)
{
  Check c = {.region = region};
  const char *wrong = NULL;

  *at = 0;
  if (region->overflow || region->n_uops == 0 || region->n_uops >= IR_MAX_UOPS ||
      region->n_labels > IR_MAX_LABELS)
    return "nothing, or too much";
  wrong = check_labels (&c);
  for (unsigned i = 0; wrong == NULL && i < region->n_uops; i++) {
    c.at = i;
    c.uop = &region->uops[i];
    wrong = check_uop (&c);
  }
  *at = c.at;
  return wrong != NULL ? wrong : check_spans (&c);
}
