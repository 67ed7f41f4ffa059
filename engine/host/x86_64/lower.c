// SPDX-License-Identifier: GPL-3.0-or-later
// The pass over a region, and the pieces all uops use: operands, copies of vector registers, cold
// code. See lower.h.
#include "engine/host/x86_64/lower.h"
#include "engine/host/x86_64/host.h"

// The registers compiled code uses most, by their share of all operands; X19.. and SP in registers
// that C keeps. One table: to be tuned by measurement.
const int8_t x64_pins[IR_N_REGS] = {
    [0] = X64_RDI, [1] = X64_RSI,  [2] = X64_R8,   [3] = X64_R9,   [4] = X64_R11, [5] = -1,
    [6] = -1,      [7] = -1,       [8] = -1,       [9] = -1,       [10] = -1,     [11] = -1,
    [12] = -1,     [13] = -1,      [14] = -1,      [15] = -1,      [16] = -1,     [17] = -1,
    [18] = -1,     [19] = X64_R12, [20] = X64_R13, [21] = X64_R10, [22] = -1,     [23] = -1,
    [24] = -1,     [25] = -1,      [26] = -1,      [27] = -1,      [28] = -1,     [29] = -1,
    [30] = -1,     [31] = X64_RBX, [32] = -1,      [33] = -1,      [34] = -1,     [35] = -1,
};

// ---- general registers ----------------------------------------------------------------------

void
x64_copy_to (X64Lower *l, unsigned host, unsigned r)
{
  if (r == IR_ZERO)
    x64_mov_ri (&l->a, host, 0);
  else if (!x64_pinned (r))
    x64_mov_rm (&l->a, 64, host, x64_home (l, r));
  else if ((unsigned) x64_pins[r] != host)
    x64_mov_rr (&l->a, 64, host, (unsigned) x64_pins[r]);
}

unsigned
x64_use (X64Lower *l, unsigned r, unsigned scratch)
{
  if (x64_pinned (r))
    return (unsigned) x64_pins[r];
  x64_copy_to (l, scratch, r);
  return scratch;
}

void
x64_put (X64Lower *l, unsigned r, unsigned host)
{
  if (r == IR_SINK)
    return;
  if (!x64_pinned (r))
    x64_mov_mr (&l->a, 64, x64_home (l, r), host);
  else if ((unsigned) x64_pins[r] != host)
    x64_mov_rr (&l->a, 64, (unsigned) x64_pins[r], host);
  if (r == IR_SP)
    l->sp_checked = false;
}

// ---- cold code, counting --------------------------------------------------------------------

bool
x64_has_copies (const X64Lower *l)
{
  uint64_t halves[2];

  static_assert (sizeof l->copy_of == sizeof halves, "all of it is looked at");
  memcpy (halves, l->copy_of, sizeof halves);
  return (halves[0] & halves[1]) != UINT64_MAX;
}

static void
note_copies (const X64Lower *l, X64Cold *cold)
{
  cold->copies = 0;
  if (!x64_has_copies (l))
    return;
  for (unsigned i = X64_FIRST_COPY; i < X64_N_XMM; i++)
    if (l->copy_of[i] != X64_NO_COPY) {
      cold->copies |= (uint16_t) (1u << i);
      cold->copy_of[i] = l->copy_of[i];
    }
}

X64Cold *
x64_cold (X64Lower *l, const Uop *uop, void (*emit) (X64Lower *l, X64Cold *cold))
{
  X64Cold *cold = &l->cold[l->n_cold];

  if (l->n_cold + 1 < X64_MAX_COLD)
    l->n_cold++;
  else
    l->failed = true;
  cold->emit = emit;
  cold->entry = (X64Label){0};
  cold->resume = NULL;
  cold->uop = uop;
  cold->flags = l->flags;
  cold->count = l->count;
  cold->base = 0;
  cold->disp = 0;
  cold->imm = 0;
  note_copies (l, cold);
  cold->dirty = (uint16_t) l->dirty;
  if (l->dirty != 0)
    memcpy (cold->dirty_of, l->copy_of, sizeof cold->dirty_of);
  return cold;
}

static void
emit_cold (X64Lower *l, X64Cold *cold)
{
  x64_bind (&l->a, &cold->entry);
  for (unsigned dirty = cold->dirty; dirty != 0; dirty &= dirty - 1) {
    unsigned i = (unsigned) __builtin_ctz (dirty);

    x64_write_copy (l, i, cold->dirty_of[i]);
  }
  l->dirty = 0;
  l->flags = cold->flags;
  l->count = cold->count;
  cold->emit (l, cold);
}

void
x64_cold_return (const X64Lower *l, X64Cold *cold)
{
  note_copies (l, cold);
  cold->resume = l->a.p;
}

void
x64_cold_read_copies (X64Lower *l, const X64Cold *cold)
{
  for (unsigned copies = cold->copies; copies != 0; copies &= copies - 1) {
    unsigned i = (unsigned) __builtin_ctz (copies);

    x64_read_copy (l, i, cold->copy_of[i]);
  }
}

void
x64_cold_resume (X64Lower *l, X64Cold *cold)
{
  x64_cold_read_copies (l, cold);
  x64_jmp_to (&l->a, cold->resume);
}

void
x64_flush_count (X64Lower *l)
{
  X64Mem counter = x64_state (l->layout->instructions);

  if (!l->request->count || l->count == 0)
    return;
  x64_mov_rm (&l->a, 64, X64_RCX, counter);
  x64_lea (&l->a, 64, X64_RCX, x64_mem (X64_RCX, l->count));
  x64_mov_mr (&l->a, 64, counter, X64_RCX);
  l->count = 0;
}

uint32_t
x64_describe (const X64Lower *l, const Uop *uop, uint32_t bits)
{
  return (uint32_t) uop->pc_off << JIT_DESC_PC_OFF | (uint32_t) (uop->aux & 7) << JIT_DESC_SIZE |
         bits | (uint32_t) l->count << JIT_DESC_COUNT;
}

static void
init_poll (X64Lower *l)
{
  X64Piece *piece = &l->poll;
  X64Asm a = {.p = piece->bytes, .end = piece->bytes + sizeof piece->bytes};

  x64_alu_mi (&a, X64_CMP, 32, x64_state (l->layout->pending), 0);
  piece->field = (uint8_t) (x64_jcc_rel32 (&a, X64_CC_NE, a.p) - piece->bytes);
  piece->n = (uint8_t) (a.p - piece->bytes);
  assert (!a.overflow);
}

void
x64_lower_init (X64Lower *l, const JitLayout *layout, const X64Stubs *stubs,
                const X64Features *features)
{
  l->layout = layout;
  l->stubs = stubs;
  l->features = features;
  x64_init_look_up (l);
  init_poll (l);
}

// ---- the pass -------------------------------------------------------------------------------

static const X64LowerFn lower_fn[UOP_N] = {
#define IR_UOP(name, shape, properties, meaning) x64_lower_##name,
#include "engine/ir/uop-fp.inc"
#include "engine/ir/uop-simd.inc"
#include "engine/ir/uop-vec.inc"
#include "engine/ir/uop.inc"
#undef IR_UOP
};

static void
leave_for_poll (X64Lower *l, X64Cold *cold)
{
  x64_lea (&l->a, 64, X64_RAX, x64_mem (X64_PAGE, (int32_t) cold->imm));
  x64_jmp_rel32 (&l->a, l->stubs->attend);
}

static void
poll (X64Lower *l, unsigned pc_off)
{
  X64Cold *cold = x64_cold (l, NULL, leave_for_poll);

  cold->imm = pc_off;
  x64_label_add (&cold->entry, x64_put_piece (&l->a, &l->poll));
}

// Where jumps meet, nothing is known but that NZCV is in memory, and the copies of x64_meet.
void
x64_lower_LABEL (X64Lower *l, const Uop *uop)
{
  if (l->ir->label_live[uop->imm])
    x64_flags_to_memory (l);
  x64_flush_count (l);
  l->flags = (X64Flags){.in_memory = true};
  l->sp_checked = false;
  x64_meet (l, uop);
  x64_bind (&l->a, &l->labels[uop->imm]);
  if (uop->flags & UOP_LOOP)
    poll (l, l->ir->label_pc[uop->imm]);
  x64_loop_begin (l, uop);
}

static void
begin (X64Lower *l, const JitRequest *request, uint8_t *code, size_t room)
{
  l->a = (X64Asm){.p = code, .end = code + room};
  l->request = request;
  l->ir = request->ir;
  l->flags = (X64Flags){.in_memory = true};
  l->sp_checked = false;
  l->count = 0;
  l->copies_used = l->dirty = 0;
  l->carried_to = NULL;
  l->next_copy = X64_FIRST_COPY;
  l->n_cold = l->n_ops = l->n_windows = 0;
  l->in_cold = false;
  l->window.active = l->loop.active = false;
  l->failed = false;
  memset (l->copy_of, X64_NO_COPY, sizeof l->copy_of);
  memset (l->copy_in, X64_NO_COPY, sizeof l->copy_in);
  memset (l->labels, 0, sizeof *l->labels * request->ir->n_labels);
  memset (l->met, 0, sizeof *l->met * request->ir->n_labels);
}

// Decoded instructions for tier 0 lie behind the code.
static void
put_ops (X64Lower *l)
{
  unsigned bytes = l->request->op_bytes;

  if (l->n_ops == 0)
    return;
  memset (l->op_at, 0, l->request->n_ops * sizeof l->op_at[0]);
  l->a.p = (uint8_t *) (((uintptr_t) l->a.p + 15) & ~(uintptr_t) 15);
  for (unsigned i = 0; i < l->n_ops; i++) {
    uint8_t **at = &l->op_at[l->ops[i].op];

    if (l->a.end - l->a.p < (ptrdiff_t) bytes) {
      l->failed = true;
      return;
    }
    if (*at == NULL) {
      *at = l->a.p;
      memcpy (*at, (const uint8_t *) l->request->ops + (size_t) bytes * l->ops[i].op, bytes);
      l->a.p += bytes;
    }
    x64_patch_rel32 (l->ops[i].field, *at);
  }
}

// How many xmm registers a uop may ask for, and then some.
static unsigned
results_of (const Uop *uop)
{
  bool many = ir_info[uop->op].shape == IR_SHAPE_VR && (ir_info[uop->op].properties & IR_MEM);

  return many || uop->op == UOP_VTBL || uop->op == UOP_VTBX ? 10 : 5;
}

void
x64_lower_uops (X64Lower *l, unsigned first, unsigned last)
{
  const Uop *uops = l->ir->uops;

  for (unsigned i = first; i <= last; i++) {
    const Uop *uop = &uops[i];
    unsigned properties = ir_info[uop->op].properties;
    unsigned begins = uop->flags & UOP_FIRST;

    l->copies_used = 0;
    l->cold_of_uop = l->n_cold;
    if (l->window.active && !l->in_cold && i > l->window.last)
      x64_window_end (l);
    if (l->loop.active && i > l->loop.last)
      x64_loop_leave (l);
    l->count += begins != 0;
    if (((properties & IR_MEM) || l->window.active || l->loop.active) && !l->in_cold)
      x64_window_begin (l, i);
    if (begins)
      x64_vbegin (l);
    if (properties & IR_VEC) {
      x64_vreserve (l, results_of (uop));
      x64_vresults (l, uop);
    }
    if (l->flags.kind >= X64_FLAGS_FP)
      x64_integer_flags_for (l, uop);
    lower_fn[uop->op](l, uop);
  }
}

static void
enter (const X64Lower *l, X64Asm *a, unsigned pc_off)
{
  x64_lea (a, 64, X64_PAGE, x64_mem (X64_RAX, -(int32_t) pc_off));
  // As poll, with the address still in rax.
  uint8_t *field = x64_put_piece (a, &l->poll);
  if (field != NULL)
    x64_patch_rel32 (field, l->stubs->attend);
}

// At labels nothing is expected that is not so at a region's beginning, copies apart.
static void
note_entries (const X64Lower *l, const uint8_t *code, uint32_t *entries)
{
  for (unsigned i = 0; i < l->ir->n_labels; i++) {
    bool ready = l->labels[i].at != NULL && !l->met[i].copies;

    entries[i] = ready ? (uint32_t) (l->labels[i].at - code) : 0;
  }
}

size_t
x64_lower_entry (X64Lower *l, const uint8_t *label, unsigned pc_off, uint8_t *code, size_t room)
{
  X64Asm a = {.p = code, .end = code + room};

  enter (l, &a, pc_off);
  x64_jmp_rel32 (&a, label);
  return a.overflow ? 0 : (size_t) (a.p - code);
}

size_t
x64_lower_region (X64Lower *l, const JitRequest *request, uint8_t *code, size_t room,
                  uint32_t *entries)
{
  const IrRegion *ir = request->ir;

  begin (l, request, code, room);
  enter (l, &l->a, ir->entry);
  if (ir->n_uops > 0)
    x64_lower_uops (l, 0, ir->n_uops - 1);
  if (l->window.active)
    x64_window_end (l);
  if (l->loop.active)
    x64_loop_leave (l);
  l->in_cold = true;
  for (unsigned i = 0; i < l->n_cold && !l->failed; i++)
    emit_cold (l, &l->cold[i]);
  if (!l->failed && !l->a.overflow)
    put_ops (l);
  note_entries (l, code, entries);
  return l->failed || l->a.overflow ? 0 : (size_t) (l->a.p - code);
}
