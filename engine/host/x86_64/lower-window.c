// SPDX-License-Identifier: GPL-3.0-or-later
// One look-up for several accesses (X64Window in lower.h). If it fails, because they are not all in
// one page or that is not in the table, the uops from the first access to the last are carried out
// by a second copy of their code, without a window.
#include "engine/host/x86_64/lower-mem.h"

enum {
  LOOK_AHEAD = 32,   // uops
  WIDTH_MOST = 1024, // bytes
};

typedef struct Group {
  unsigned n, last; // accesses; the last one's uop
  int64_t low, high;
  bool writes, keeps_rdx;
  bool has_special; // uops between that may call tier 0
} Group;

bool
x64_is_access (const Uop *uop)
{
  switch (uop->op) {
  case UOP_LD:
  case UOP_LDX:
  case UOP_LD2:
  case UOP_ST:
  case UOP_STX:
  case UOP_ST2:
  case UOP_LDV:
  case UOP_LDVX:
  case UOP_LDV2:
  case UOP_STV:
  case UOP_STVX:
  case UOP_STV2:
    return (uop->aux2 & (IR_MEM_ALIGNED | IR_MEM_UNPRIV | IR_MEM_RELEASE)) == 0;
  default:
    return false;
  }
}

static bool
is_store (const Uop *uop)
{
  return (ir_info[uop->op].properties & IR_STORE) != 0;
}

bool
x64_is_indexed (const Uop *uop)
{
  return ir_info[uop->op].shape == IR_SHAPE_MEMX || ir_info[uop->op].shape == IR_SHAPE_VMEMX;
}

// Two accesses whose addresses differ by a constant; with an index, not at all.
static inline bool
are_alike (const Uop *uop, const Uop *first)
{
  // Most uops name another register, or no base.
  return uop->a == first->a && x64_is_access (uop) &&
         x64_is_indexed (uop) == x64_is_indexed (first) &&
         (!x64_is_indexed (uop) || (uop->b == first->b && uop->c == first->c));
}

int64_t
x64_access_bytes (const Uop *uop)
{
  bool pair = ir_info[uop->op].shape == IR_SHAPE_MEM2 || ir_info[uop->op].shape == IR_SHAPE_VMEM2;

  return (pair ? 2 : 1) << uop->aux;
}

static bool
writes_named (const Uop *uop, unsigned r)
{
  const uint8_t operands[4] = {uop->d, uop->a, uop->b, uop->c};
  char use[4];

  ir_operands (uop, use);
  for (unsigned i = 0; i < 4; i++)
    if ((use[i] == 'w' || use[i] == 'm') && operands[i] == r)
      return true;
  return false;
}

// No uop writes b, and but one a. Most name other registers.
static inline bool
writes_register (const Uop *uop, unsigned r)
{
  return (uop->d == r || uop->c == r || uop->op == UOP_GETFLAGS) && writes_named (uop, r);
}

// Whether the code of a uop leaves rdx alone. Of those that are seldom there, none is said to.
static bool
keeps_rdx (const Uop *uop)
{
  switch (uop->op) {
  case UOP_NOP:
  case UOP_MOV:
  case UOP_MOVI:
  case UOP_MOVPC:
  case UOP_ADD:
  case UOP_SUB:
  case UOP_AND:
  case UOP_OR:
  case UOP_XOR:
  case UOP_BIC:
  case UOP_ADDS:
  case UOP_SUBS:
  case UOP_ANDS:
  case UOP_ADDX:
  case UOP_SUBX:
  case UOP_ADDI:
  case UOP_ANDI:
  case UOP_ORI:
  case UOP_XORI:
  case UOP_ADDSI:
  case UOP_SUBSI:
  case UOP_ANDSI:
  case UOP_SHL:
  case UOP_SHR:
  case UOP_SAR:
  case UOP_UBFM:
  case UOP_SBFM:
  case UOP_CSEL:
  case UOP_CSINC:
  case UOP_GET:
  case UOP_GETSYS:
    return true;
  default:
    return x64_is_plain_simd (uop) || x64_is_plain_fp (uop);
  }
}

// What may stand between accesses: it comes from nowhere else and goes nowhere else.
static bool
is_straight (const Uop *uop)
{
  return (ir_info[uop->op].properties & (IR_END | IR_CALL | IR_FLOW)) == 0;
}

static bool
add_access (Group *group, const Uop *uop, unsigned index, int64_t moved)
{
  int64_t low = uop->imm + moved, high = low + x64_access_bytes (uop);
  int64_t lowest = low < group->low ? low : group->low;
  int64_t highest = high > group->high ? high : group->high;

  if (highest - lowest > WIDTH_MOST)
    return false;
  group->low = lowest;
  group->high = highest;
  group->n++;
  group->last = index;
  group->writes |= is_store (uop);
  return true;
}

// Whether there may be another for this look-up; most are alone.
static bool
may_have_others (const X64Lower *l, unsigned index)
{
  const Uop *first = &l->ir->uops[index];
  unsigned end = index + LOOK_AHEAD < l->ir->n_uops ? index + LOOK_AHEAD : l->ir->n_uops;

  if (!x64_is_indexed (first))
    return (first->flags & UOP_BASE_AGAIN) != 0;
  for (unsigned i = index; i < end; i++) {
    const Uop *uop = &l->ir->uops[i];

    if (!is_straight (uop))
      return false;
    if (i > index && uop->a == first->a && are_alike (uop, first))
      return true;
    if (writes_register (uop, first->a))
      return false;
  }
  return false;
}

// The accesses from `index` on that can share a look-up with it.
static Group
find_group (const X64Lower *l, unsigned index)
{
  const Uop *first = &l->ir->uops[index];
  Group group = {.low = first->imm, .high = first->imm, .keeps_rdx = true};
  bool keeps = true, special = false, indexed = x64_is_indexed (first);
  int64_t moved = 0;

  for (unsigned i = index; i < l->ir->n_uops && i < index + LOOK_AHEAD; i++) {
    const Uop *uop = &l->ir->uops[i];
    bool ours = are_alike (uop, first);

    if (!is_straight (uop))
      break;
    if (ours) {
      if (!add_access (&group, uop, i, moved))
        break;
      group.keeps_rdx = keeps;
      group.has_special = special;
    } else {
      keeps = keeps && keeps_rdx (uop);
      special |= (ir_info[uop->op].properties & IR_TIER0) != 0;
    }
    if (indexed && writes_register (uop, first->b))
      break;
    if (!writes_register (uop, first->a))
      continue;
    if (indexed || uop->op != UOP_ADDI || uop->a != first->a || !(uop->flags & UOP_W64) ||
        (first->a == IR_SP && (uop->imm & 15) != 0))
      break;
    moved += uop->imm;
    if (moved < -WIDTH_MOST || moved > WIDTH_MOST)
      break;
  }
  return group;
}

// ---- the code -------------------------------------------------------------------------------

void
x64_remember (const X64Lower *l, X64Knowledge *k)
{
  k->flags = l->flags;
  k->sp_checked = l->sp_checked;
  k->count = l->count;
  memcpy (k->copy_of, l->copy_of, sizeof k->copy_of);
  memcpy (k->copy_in, l->copy_in, sizeof k->copy_in);
}

void
x64_recall (X64Lower *l, const X64Knowledge *k)
{
  l->flags = k->flags;
  l->sp_checked = k->sp_checked;
  l->count = k->count;
  memcpy (l->copy_of, k->copy_of, sizeof k->copy_of);
  memcpy (l->copy_in, k->copy_in, sizeof k->copy_in);
}

// cold->imm: first uop, last uop and number of the window.
static void
without_window (X64Lower *l, X64Cold *cold)
{
  unsigned first = cold->imm & 0xffff, last = cold->imm >> 16 & 0xffff;
  const X64Knowledge *before = &l->before_window[cold->imm >> 32];

  x64_recall (l, before);
  // The first instruction's beginning was counted already.
  if (l->ir->uops[first].flags & UOP_FIRST)
    l->count--;
  x64_lower_uops (l, first, last);
  x64_vflush (l);
  x64_cold_resume (l, cold);
}

static void
look_up_group (X64Lower *l, const Group *group, unsigned base, X64Cold *cold)
{
  X64Asm *a = &l->a;

  if (group->low == 0)
    x64_mov_rr (a, 32, X64_RCX, base);
  else
    x64_lea (a, 32, X64_RCX, x64_mem (base, (int32_t) group->low));
  x64_put_piece (a, &l->index);
  x64_lea (a, 64, X64_RDX, x64_mem (base, (int32_t) group->high - 1));
  x64_label_add (&cold->entry, x64_put_piece (a, &l->compare[group->writes]));
  if (!group->keeps_rdx || group->has_special)
    x64_mov_mr (a, 64, x64_state (l->layout->window), X64_RDX);
}

void
x64_window_end (X64Lower *l)
{
  X64Cold *cold = &l->cold[l->window.cold];

  l->window.active = false;
  x64_cold_return (l, cold);
}

void
x64_window_begin (X64Lower *l, unsigned index)
{
  X64Window *w = &l->window;
  const Uop *uop = &l->ir->uops[index];

  if (l->loop.active && x64_loop_pass (l, uop, keeps_rdx (uop)) && !w->active)
    return;
  if (w->active && index <= w->last) {
    w->in_rdx = w->in_rdx && (are_alike (uop, w->like) || keeps_rdx (uop));
    return;
  }
  if (!x64_is_access (uop) || l->n_windows == X64_MAX_WINDOWS || !may_have_others (l, index))
    return;
  Group group = find_group (l, index);
  if (group.n < 2)
    return;
  x64_clobber (l, uop);
  x64_check_sp (l, uop);
  unsigned number = l->n_windows++;
  unsigned base =
      x64_is_indexed (uop) ? x64_indexed_address (l, uop).base : x64_use (l, uop->a, X64_RAX);
  x64_remember (l, &l->before_window[number]);
  X64Cold *cold = x64_cold (l, uop, without_window);
  cold->imm = (int64_t) number << 32 | group.last << 16 | index;
  look_up_group (l, &group, base, cold);
  *w = (X64Window){.active = true,
                   .in_rdx = true,
                   .saved = !group.keeps_rdx || group.has_special,
                   .like = uop,
                   .cold = (uint16_t) (cold - l->cold),
                   .first = index,
                   .last = group.last};
}

bool
x64_window_has (X64Lower *l, const Uop *uop)
{
  X64Window *w = &l->window;

  if (x64_loop_has (l, uop))
    return true;
  if (!w->active || l->in_cold || !are_alike (uop, w->like))
    return false;
  if (!w->in_rdx)
    x64_mov_rm (&l->a, 64, X64_RDX, x64_state (l->layout->window));
  w->in_rdx = true;
  return true;
}
