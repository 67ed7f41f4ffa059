// SPDX-License-Identifier: GPL-3.0-or-later
// Carrying a region out: memory, control, the state of the CPU. Any thread.
#include "engine/ir/eval.h"

#include <string.h>

typedef struct Run {
  IrEval *e;
  const IrRegion *region;
  unsigned at, next;
  IrEvalResult result;
  bool ended;
} Run;

static bool
end (Run *run, IrEvalEnd how, uint64_t pc)
{
  run->result.end = how;
  run->result.pc = pc;
  run->ended = true;
  return true;
}

static bool
fault (Run *run)
{
  return end (run, IR_EVAL_FAULT, run->e->page + run->region->uops[run->at].pc_off);
}

// ---- memory ---------------------------------------------------------------------------------

static uint64_t
index_of (const IrEval *e, const Uop *u)
{
  unsigned kind = u->c >> 4, bits = 8u << (kind & 3);
  uint64_t value = ir_eval_get (e, u->b);

  if (bits < 64) {
    uint64_t sign = kind >= IR_SXTB ? UINT64_C (1) << (bits - 1) : 0;
    value = ((value & ((UINT64_C (1) << bits) - 1)) ^ sign) - sign;
  }
  return value << (u->c & 15);
}

static uint64_t
address_of (const IrEval *e, const Uop *u)
{
  switch ((IrShape) ir_info[u->op].shape) {
  case IR_SHAPE_MEMPC:
  case IR_SHAPE_VMEMPC:
    return e->page + (uint64_t) u->imm;
  case IR_SHAPE_MEMX:
  case IR_SHAPE_VMEMX:
    return ir_eval_get (e, u->a) + index_of (e, u);
  default:
    return ir_eval_get (e, u->a) + (uint64_t) u->imm;
  }
}

static bool
base_is_bad (IrEval *e, const Uop *u)
{
  bool relative = ir_info[u->op].shape == IR_SHAPE_MEMPC || ir_info[u->op].shape == IR_SHAPE_VMEMPC;

  return !relative && u->a == IR_SP && (e->x[IR_SP] & 15) != 0 && !e->ops->check_sp (e, u);
}

static uint64_t
extend_loaded (const Uop *u, uint64_t value)
{
  unsigned bits = 8u << u->aux;

  if (!(u->aux2 & IR_MEM_SIGNED) || bits == 64)
    return value;
  value = (value ^ UINT64_C (1) << (bits - 1)) - (UINT64_C (1) << (bits - 1));
  return u->flags & UOP_W64 ? value : (uint32_t) value;
}

static void
put_loaded (IrEval *e, const Uop *u, unsigned r, const uint8_t *data)
{
  unsigned n_bytes = 1u << u->aux;

  if (ir_info[u->op].properties & IR_VEC) {
    memset (&e->v[r], 0, sizeof e->v[r]);
    memcpy (&e->v[r], data, n_bytes);
  } else {
    uint64_t value = 0;

    memcpy (&value, data, n_bytes);
    ir_eval_set (e, r, extend_loaded (u, value));
  }
}

static void
get_stored (const IrEval *e, const Uop *u, unsigned r, uint8_t *data)
{
  uint64_t value;

  if (ir_info[u->op].properties & IR_VEC) {
    memcpy (data, &e->v[r], 1u << u->aux);
    return;
  }
  value = ir_eval_get (e, r);
  memcpy (data, &value, 1u << u->aux);
}

static bool
access_memory (Run *run, const Uop *u, bool pair)
{
  IrEval *e = run->e;
  unsigned n_bytes = 1u << u->aux;
  uint8_t data[32] = {0};

  if (base_is_bad (e, u))
    return fault (run);
  if (ir_info[u->op].properties & IR_STORE) {
    get_stored (e, u, u->d, data);
    if (pair)
      get_stored (e, u, u->c, data + n_bytes);
    return e->ops->store (e, u, address_of (e, u), n_bytes << pair, data) || fault (run);
  }
  if (!e->ops->load (e, u, address_of (e, u), n_bytes << pair, data))
    return fault (run);
  put_loaded (e, u, u->d, data);
  if (pair)
    put_loaded (e, u, u->c, data + n_bytes);
  return true;
}

// ---- atomics --------------------------------------------------------------------------------

static uint64_t
new_value (const IrEval *e, const Uop *u, uint64_t old)
{
  uint64_t b = ir_eval_get (e, u->b), mask = UINT64_MAX >> (64 - (8u << u->aux));

  switch (u->op) {
  case UOP_SWP:
    return b;
  case UOP_LDADD:
    return old + b;
  case UOP_LDCLR:
    return old & ~b;
  case UOP_LDEOR:
    return old ^ b;
  case UOP_LDSET:
    return old | b;
  default: // CAS
    return old == (b & mask) ? ir_eval_get (e, u->c) : old;
  }
}

static bool
load_exclusive (Run *run, const Uop *u)
{
  IrEval *e = run->e;
  unsigned n_bytes = 1u << u->aux;
  const void *at;

  if (base_is_bad (e, u))
    return fault (run);
  at = e->ops->rmw (e, u, ir_eval_get (e, u->a), n_bytes);
  e->monitor.at = at;
  e->monitor.valid = at != NULL;
  if (at == NULL)
    return fault (run);
  e->monitor.n_bytes = (uint8_t) n_bytes;
  e->monitor.value = 0;
  memcpy (&e->monitor.value, e->monitor.at, n_bytes);
  ir_eval_set (e, u->d, e->monitor.value);
  return true;
}

// Without the monitor's leave no memory is accessed.
static bool
store_exclusive (Run *run, const Uop *u)
{
  IrEval *e = run->e;
  unsigned n_bytes = 1u << u->aux;
  uint64_t now = 0, value = ir_eval_get (e, u->b);
  bool stored = false;

  if (base_is_bad (e, u))
    return fault (run);
  if (e->monitor.valid && e->monitor.n_bytes == n_bytes) {
    void *at = e->ops->rmw (e, u, ir_eval_get (e, u->a), n_bytes);

    e->monitor.valid = false;
    if (at == NULL)
      return fault (run);
    memcpy (&now, at, n_bytes);
    stored = at == e->monitor.at && now == e->monitor.value;
    if (stored)
      memcpy (at, &value, n_bytes);
  }
  e->monitor.valid = false;
  ir_eval_set (e, u->d, !stored);
  return true;
}

static bool
change_memory (Run *run, const Uop *u)
{
  IrEval *e = run->e;
  uint64_t old = 0, value;
  void *at;

  if (u->op == UOP_STEX)
    return store_exclusive (run, u);
  at = base_is_bad (e, u) ? NULL : e->ops->rmw (e, u, ir_eval_get (e, u->a), 1u << u->aux);
  if (at == NULL)
    return fault (run);
  memcpy (&old, at, 1u << u->aux);
  value = new_value (e, u, old);
  memcpy (at, &value, 1u << u->aux);
  ir_eval_set (e, u->d, old);
  return true;
}

// ---- state ----------------------------------------------------------------------------------

static void
access_state (IrEval *e, const Uop *u)
{
  uint8_t *field = (u->op == UOP_GET || u->op == UOP_PUT ? e->cpu : e->sys) + u->imm;
  uint64_t value = 0;

  if (u->op == UOP_GET || u->op == UOP_GETSYS) {
    memcpy (&value, field, 1u << u->aux);
    ir_eval_set (e, u->d, value);
  } else {
    value = ir_eval_get (e, u->d);
    memcpy (field, &value, 1u << u->aux);
  }
}

// ---- control --------------------------------------------------------------------------------

static bool
go (Run *run, const Uop *u)
{
  const IrRegion *region = run->region;

  if (!(u->flags & UOP_LOCAL))
    return end (run, IR_EVAL_LEFT, run->e->page + (uint64_t) u->imm);
  for (unsigned i = 0; i < region->n_uops; i++)
    if (region->uops[i].op == UOP_LABEL && region->uops[i].imm == u->imm)
      run->next = i;
  return true;
}

static bool
is_taken (const IrEval *e, const Uop *u)
{
  uint64_t a = ir_eval_get (e, u->a);

  if (!(u->flags & UOP_W64))
    a = (uint32_t) a;
  switch (u->op) {
  case UOP_BCOND:
    return ir_eval_condition (e, u->aux);
  case UOP_CBZ:
    return a == 0;
  case UOP_CBNZ:
    return a != 0;
  case UOP_TBZ:
    return (a >> u->aux & 1) == 0;
  case UOP_TBNZ:
    return (a >> u->aux & 1) != 0;
  default:
    return true;
  }
}

static bool
tier0 (Run *run, const Uop *u)
{
  bool went_on = run->e->ops->interp (run->e, u);

  return (went_on && !(ir_info[u->op].properties & IR_END)) || end (run, IR_EVAL_TIER0, 0);
}

static bool
eval_control (Run *run, const Uop *u)
{
  switch ((IrShape) ir_info[u->op].shape) {
  case IR_SHAPE_LABEL:
    return true;
  case IR_SHAPE_TARGET:
  case IR_SHAPE_TARGET_R:
    return !is_taken (run->e, u) || go (run, u);
  case IR_SHAPE_INTERP:
    return tier0 (run, u);
  case IR_SHAPE_STATE:
    access_state (run->e, u);
    return true;
  case IR_SHAPE_MEM:
    return u->op == UOP_LDEX ? load_exclusive (run, u) : access_memory (run, u, false);
  case IR_SHAPE_MEMX:
  case IR_SHAPE_MEMPC:
  case IR_SHAPE_VMEM:
  case IR_SHAPE_VMEMX:
  case IR_SHAPE_VMEMPC:
    return access_memory (run, u, false);
  case IR_SHAPE_MEM2:
  case IR_SHAPE_VMEM2:
    return access_memory (run, u, true);
  case IR_SHAPE_AMO:
    return change_memory (run, u);
  default:
    return false;
  }
}

static bool
eval_uop (Run *run, const Uop *u)
{
  if (ir_info[u->op].properties & IR_TIER0)
    return tier0 (run, u);
  switch (u->op) {
  case UOP_JUMP:
    return end (run, IR_EVAL_LEFT, ir_eval_get (run->e, u->a));
  case UOP_CLREX:
    run->e->monitor.valid = false;
    return true;
  case UOP_FENCE:
  case UOP_FPSYNC:
    return true;
  default:
    return eval_control (run, u) || ir_eval_integer (run->e, u) || ir_eval_simd (run->e, u);
  }
}

// Uses one instruction of the budget; false at the label of a loop when none is left.
static bool
count (Run *run, const Uop *u, uint64_t max_insns)
{
  if (u->flags & UOP_FIRST)
    run->result.n_insns++;
  if (!(u->flags & UOP_LOOP) || run->result.n_insns < max_insns)
    return true;
  run->result.flags_live = run->region->label_live[u->imm];
  end (run, IR_EVAL_STEPS, run->e->page + u->pc_off);
  return false;
}

static void
step (Run *run, const Uop *u)
{
  unsigned properties = ir_info[u->op].properties;

  run->next = run->at + 1;
  run->result.flags_live = (u->flags & UOP_FLAGS_LIVE) != 0 || (properties & IR_FIN) != 0;
  if (!eval_uop (run, u))
    end (run, IR_EVAL_UNKNOWN, run->e->page + u->pc_off);
  if (run->e->spoils_flags && !run->ended && (properties & IR_FOUT) && !(u->flags & UOP_FLAGS_LIVE))
    run->e->nzcv ^= 0xf0000000;
}

IrEvalResult
ir_eval (IrEval *e, const IrRegion *region, uint64_t max_insns)
{
  Run run = {.e = e, .region = region};

  while (!run.ended) {
    const Uop *u = &region->uops[run.at];

    if (!count (&run, u, max_insns))
      break;
    step (&run, u);
    if (!run.ended)
      run.at = run.next;
  }
  run.result.at = run.at;
  return run.result;
}
