// SPDX-License-Identifier: GPL-3.0-or-later
// Structures of vector registers in memory (lower-vec.h). All of the memory is looked up at once;
// what misses is tier 0's, which goes element by element.
#include "engine/host/x86_64/lower-mem.h"
#include "engine/host/x86_64/lower-vec.h"

typedef struct Access {
  X64Address at;
  X64Cold *cold;
} Access;

// ---- the access -----------------------------------------------------------------------------

static void
add_to_counter (X64Lower *l, const X64Cold *cold, int32_t sign)
{
  X64Mem counter = x64_state (l->layout->instructions);

  if (!l->request->count || cold->count == 0)
    return;
  x64_alu_mi (&l->a, X64_ADD, 64, counter, sign * cold->count);
}

// What is counted now is counted again at the end of the stretch, if that is reached.
static void
by_tier0 (X64Lower *l, X64Cold *cold)
{
  add_to_counter (l, cold, 1);
  x64_load_op (l, cold->uop);
  x64_call_to (&l->a, l->stubs->interp);
  add_to_counter (l, cold, -1);
  x64_cold_resume (l, cold);
}

static unsigned
register_bytes (const Uop *uop)
{
  return uop->flags & UOP_Q ? 16 : 8;
}

static Access
begin_access (X64Lower *l, const Uop *uop, unsigned bytes)
{
  bool write = (ir_info[uop->op].properties & IR_STORE) != 0;
  Access access;

  x64_clobber (l, uop);
  x64_check_sp (l, uop);
  access.at = (X64Address){x64_use (l, uop->a, X64_RAX), 0};
  access.cold = x64_look_up (l, uop, access.at, bytes, write, by_tier0);
  return access;
}

static unsigned
nth (const Uop *uop, unsigned n)
{
  return (uop->d + n) % 32;
}

static X64Vec
use_nth (X64Lower *l, const Uop *uop, unsigned n)
{
  return x64_vuse (l, nth (uop, n));
}

static void
end_load (X64Lower *l, const Uop *uop, const Access *access, const X64Vec *values)
{
  for (unsigned i = 0; i < uop->c; i++)
    x64_vput (l, nth (uop, i), values[i]);
  if (access->cold != NULL)
    x64_cold_return (l, access->cold);
}

static void
end_store (const X64Lower *l, const Access *access)
{
  if (access->cold != NULL)
    access->cold->resume = l->a.p;
}

static void
load_bytes (X64Lower *l, X64Vec d, const Access *access, unsigned from, unsigned bytes)
{
  x64_vrm (&l->a, bytes == 16 ? X64_VMOVDQU : X64_VMOVQ, d,
           x64_host_memory (access->at, (int32_t) from));
}

static void
store_bytes (X64Lower *l, X64Vec s, const Access *access, unsigned to, unsigned bytes)
{
  x64_vmr (&l->a, bytes == 16 ? X64_VMOVDQU_ST : X64_VMOVQ_ST,
           x64_host_memory (access->at, (int32_t) to), s);
}

// ---- without structure ----------------------------------------------------------------------

void
x64_lower_LDM1 (X64Lower *l, const Uop *uop)
{
  unsigned bytes = register_bytes (uop);
  Access access = begin_access (l, uop, bytes * uop->c);
  X64Vec values[4];

  for (unsigned i = 0; i < uop->c; i++) {
    values[i] = x64_vnew (l);
    load_bytes (l, values[i], &access, i * bytes, bytes);
  }
  end_load (l, uop, &access, values);
}

void
x64_lower_STM1 (X64Lower *l, const Uop *uop)
{
  unsigned bytes = register_bytes (uop);
  X64Vec values[4];

  for (unsigned i = 0; i < uop->c; i++)
    values[i] = use_nth (l, uop, i);
  Access access = begin_access (l, uop, bytes * uop->c);
  for (unsigned i = 0; i < uop->c; i++)
    store_bytes (l, values[i], &access, i * bytes, bytes);
  end_store (l, &access);
}

// ---- taken apart ----------------------------------------------------------------------------

static void
move_result (X64Lower *l, X64Vec even, X64Vec odd)
{
  x64_vrr (&l->a, X64_VMOVDQA, even, 0);
  x64_vrr (&l->a, X64_VMOVDQA, odd, 1);
}

static void
split (X64Lower *l, unsigned size, X64Vec a, X64Vec b)
{
  x64_vdeinterleave (l, size, true, a, b);
  move_result (l, a, b);
}

// One register's lanes: the even ones to `low`, the odd ones to `high`, half a register each.
static void
split_half (X64Lower *l, unsigned size, X64Vec from, X64Vec low, X64Vec high)
{
  x64_veven_below_odd (l, size, 0, from);
  x64_vrri (&l->a, X64_VPSRLDQ, high, 0, 8);
  x64_vrr (&l->a, X64_VMOVQ, low, 0);
}

static void
take_apart_2 (X64Lower *l, const Uop *uop, X64Vec *r)
{
  if (uop->flags & UOP_Q)
    split (l, uop->aux, r[0], r[1]);
  else
    split_half (l, uop->aux, r[0], r[0], r[1]);
}

static void
take_apart_4 (X64Lower *l, const Uop *uop, X64Vec *r)
{
  split (l, uop->aux, r[0], r[1]);
  if (uop->flags & UOP_Q) {
    split (l, uop->aux, r[2], r[3]);
    split (l, uop->aux, r[0], r[2]);
    split (l, uop->aux, r[1], r[3]);
  } else {
    X64Vec odd = r[1];

    split_half (l, uop->aux, r[0], r[0], r[2]);
    split_half (l, uop->aux, odd, r[1], r[3]);
  }
}

// The sum over three blocks of what a table of shuffles takes from each.
static void
shuffle_three (X64Lower *l, X64Vec d, const X64Vec *from, unsigned table, unsigned n)
{
  x64_vrrm (&l->a, X64_VPSHUFB, d, from[0], x64_const (l, table));
  for (unsigned i = 1; i < n; i++) {
    x64_vrrm (&l->a, X64_VPSHUFB, 0, from[i], x64_const (l, table + i));
    x64_vrrr (&l->a, X64_VPOR, d, d, 0);
  }
}

static void
take_apart_3 (X64Lower *l, const Uop *uop, X64Vec *r)
{
  bool q = uop->flags & UOP_Q;
  X64Vec from[3] = {r[0], r[1], r[2]};

  for (unsigned i = 0; i < 3; i++) {
    r[i] = x64_vnew (l);
    shuffle_three (l, r[i], from, X64_K_THREE_APART + 9u * uop->aux + 3 * i, q ? 3 : 2);
    if (!q)
      x64_vrr (&l->a, X64_VMOVQ, r[i], r[i]);
  }
}

void
x64_lower_LDMN (X64Lower *l, const Uop *uop)
{
  unsigned bytes = register_bytes (uop) * uop->c;
  Access access = begin_access (l, uop, bytes);
  X64Vec values[4];

  for (unsigned i = 0; i < uop->c; i++) {
    values[i] = x64_vnew (l);
    if (i * 16 < bytes)
      load_bytes (l, values[i], &access, i * 16, bytes - i * 16 < 16 ? 8 : 16);
  }
  if (uop->c == 2)
    take_apart_2 (l, uop, values);
  else if (uop->c == 3)
    take_apart_3 (l, uop, values);
  else
    take_apart_4 (l, uop, values);
  end_load (l, uop, &access, values);
}

// ---- put together ---------------------------------------------------------------------------

// Lanes of a and b in turn: those of the lower halves, then, of whole registers, of the upper ones.
static void
store_two (X64Lower *l, unsigned size, const Access *access, unsigned to, X64Vec a, X64Vec b,
           bool both)
{
  X64Vec t = x64_vnew (l);

  x64_vrrr (&l->a, x64_vunpack_low[size], t, a, b);
  store_bytes (l, t, access, to, 16);
  if (!both)
    return;
  x64_vrrr (&l->a, x64_vunpack_high[size], t, a, b);
  store_bytes (l, t, access, to + 16, 16);
}

static void
store_four (X64Lower *l, const Uop *uop, const Access *access, const X64Vec *r)
{
  x64_vrrr (&l->a, x64_vunpack_low[uop->aux], 0, r[0], r[2]);
  x64_vrrr (&l->a, x64_vunpack_low[uop->aux], 1, r[1], r[3]);
  store_two (l, uop->aux, access, 0, 0, 1, true);
  if (!(uop->flags & UOP_Q))
    return;
  x64_vrrr (&l->a, x64_vunpack_high[uop->aux], 0, r[0], r[2]);
  x64_vrrr (&l->a, x64_vunpack_high[uop->aux], 1, r[1], r[3]);
  store_two (l, uop->aux, access, 32, 0, 1, true);
}

static void
store_three (X64Lower *l, const Uop *uop, const Access *access, const X64Vec *r)
{
  unsigned bytes = 3 * register_bytes (uop);
  X64Vec t = x64_vnew (l);

  for (unsigned i = 0; i * 16 < bytes; i++) {
    shuffle_three (l, t, r, X64_K_THREE_TOGETHER + 9u * uop->aux + 3 * i, 3);
    store_bytes (l, t, access, i * 16, bytes - i * 16 < 16 ? 8 : 16);
  }
}

void
x64_lower_STMN (X64Lower *l, const Uop *uop)
{
  X64Vec values[4];

  for (unsigned i = 0; i < uop->c; i++)
    values[i] = use_nth (l, uop, i);
  Access access = begin_access (l, uop, register_bytes (uop) * uop->c);
  if (uop->c == 2)
    store_two (l, uop->aux, &access, 0, values[0], values[1], uop->flags & UOP_Q);
  else if (uop->c == 3)
    store_three (l, uop, &access, values);
  else
    store_four (l, uop, &access, values);
  end_store (l, &access);
}

// ---- one structure --------------------------------------------------------------------------

void
x64_lower_LDLANE (X64Lower *l, const Uop *uop)
{
  static const X64VecOp insert[4] = {X64_VPINSRB, X64_VPINSRW, X64_VPINSRD, X64_VPINSRQ};
  X64Vec old[4], values[4];

  for (unsigned i = 0; i < uop->c; i++)
    old[i] = use_nth (l, uop, i);
  Access access = begin_access (l, uop, (unsigned) uop->c << uop->aux);
  for (unsigned i = 0; i < uop->c; i++) {
    values[i] = x64_vnew (l);
    x64_vrrmi (&l->a, insert[uop->aux], values[i], old[i],
               x64_host_memory (access.at, (int32_t) (i << uop->aux)), uop->b);
  }
  end_load (l, uop, &access, values);
}

void
x64_lower_LDDUP (X64Lower *l, const Uop *uop)
{
  Access access = begin_access (l, uop, (unsigned) uop->c << uop->aux);
  X64Vec values[4];

  for (unsigned i = 0; i < uop->c; i++) {
    values[i] = x64_vnew (l);
    x64_vrm (&l->a, x64_vbroadcast[uop->aux], values[i],
             x64_host_memory (access.at, (int32_t) (i << uop->aux)));
    if (!(uop->flags & UOP_Q))
      x64_vrr (&l->a, X64_VMOVQ, values[i], values[i]);
  }
  end_load (l, uop, &access, values);
}

void
x64_lower_STLANE (X64Lower *l, const Uop *uop)
{
  static const X64VecOp extract[4] = {X64_VPEXTRB, X64_VPEXTRW_ST, X64_VPEXTRD, X64_VPEXTRQ};
  X64Vec values[4];

  for (unsigned i = 0; i < uop->c; i++)
    values[i] = use_nth (l, uop, i);
  Access access = begin_access (l, uop, (unsigned) uop->c << uop->aux);
  for (unsigned i = 0; i < uop->c; i++)
    x64_vmri (&l->a, extract[uop->aux], x64_host_memory (access.at, (int32_t) (i << uop->aux)),
              values[i], uop->b);
  end_store (l, &access);
}
