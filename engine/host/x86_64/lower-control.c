// SPDX-License-Identifier: GPL-3.0-or-later
// Jumps, ways out of a region, and tier 0 for one instruction (lower.h).
#include "engine/host/x86_64/lower.h"

// The entry for rax in the jump cache is at rcx * 4, if the flags say "equal"; see JitRequest.jc_mask
// (0: the context's).
static void
find_jump (X64Asm *a, const JitLayout *layout, uint32_t mask)
{
  x64_mov_rr (a, 32, X64_RCX, X64_RAX);
  x64_shift_ri (a, X64_SHR, 32, X64_RCX, 12);
  x64_alu_rr (a, X64_XOR, 32, X64_RCX, X64_RAX);
  if (mask != 0)
    x64_alu_ri (a, X64_AND, 32, X64_RCX, (int32_t) mask);
  else
    x64_alu_rm (a, X64_AND, 32, X64_RCX, x64_mem (X64_CTX, layout->ctx_jc_mask));
  x64_alu_rm (a, X64_CMP, 64, X64_RAX, x64_mem_index (X64_CTX, X64_RCX, 2, layout->ctx_jc));
}

// The target's code is found by its virtual address. Not in its first place: the second is looked at.
uint8_t *
x64_jump_by_cache (X64Asm *a, const JitLayout *layout, uint32_t mask, const uint8_t *second)
{
  uint8_t *field;

  find_jump (a, layout, mask);
  field = x64_jcc_rel32 (a, X64_CC_NE, second);
  x64_jmp_m (a, x64_mem_index (X64_CTX, X64_RCX, 2, layout->ctx_jc + 8));
  return field;
}

// What is not in its first place (find_jump) may be beside it. Nor there: the run loop looks further.
void
x64_emit_second_jump (X64Asm *a, const JitLayout *layout, const uint8_t *leave)
{
  x64_alu_ri (a, X64_XOR, 32, X64_RCX, 4);
  x64_alu_rm (a, X64_CMP, 64, X64_RAX, x64_mem_index (X64_CTX, X64_RCX, 2, layout->ctx_jc));
  x64_jcc_to (a, X64_CC_NE, leave);
  x64_jmp_m (a, x64_mem_index (X64_CTX, X64_RCX, 2, layout->ctx_jc + 8));
}

// There are as many masks as kinds of contexts.
static const X64Piece *
probe_piece (X64Lower *l)
{
  uint32_t mask = l->request->jc_mask;
  bool second = l->probe[0].n != 0 && l->probe_mask[0] != mask;
  X64Piece *piece = &l->probe[second];

  if (piece->n == 0 || l->probe_mask[second] != mask) {
    X64Asm a = {.p = piece->bytes, .end = piece->bytes + sizeof piece->bytes};

    piece->field = (uint8_t) (x64_jump_by_cache (&a, l->layout, mask, piece->bytes) - piece->bytes);
    piece->n = (uint8_t) (a.p - piece->bytes);
    l->probe_mask[second] = mask;
    assert (!a.overflow);
  }
  return piece;
}

void
x64_probe (X64Lower *l)
{
  if (l->request->odd) {
    x64_jmp_rel32 (&l->a, l->stubs->leave);
    return;
  }
  uint8_t *field = x64_put_piece (&l->a, probe_piece (l));
  if (field != NULL)
    x64_patch_rel32 (field, l->stubs->second);
}

// Asks for the jump at cold->resume to be led to the code for rax.
static void
ask_for_link (X64Lower *l, X64Cold *cold)
{
  x64_lea (&l->a, 64, X64_RCX, x64_rip (cold->resume));
  x64_jmp_rel32 (&l->a, l->stubs->link);
}

// To an offset from this page. In the page: a jump that is patched once the target is known.
static void
leave_to (X64Lower *l, const Uop *uop, int64_t offset)
{
  x64_vbegin (l); // of the instruction before
  x64_vflush (l);
  x64_flags_to_memory (l);
  x64_flush_count (l);
  x64_lea (&l->a, 64, X64_RAX, x64_mem (X64_PAGE, (int32_t) offset));
  if (offset < 0 || offset >= IR_PAGE_SIZE) {
    x64_probe (l);
    return;
  }
  X64Cold *cold = x64_cold (l, uop, ask_for_link);
  cold->resume = l->a.p;
  // Always the long form.
  x64_label_add (&cold->entry, x64_jmp_rel32 (&l->a, l->a.p));
}

static void
leave_cold (X64Lower *l, X64Cold *cold)
{
  leave_to (l, cold->uop, cold->uop->imm);
}

static void
to_label_cold (X64Lower *l, X64Cold *cold)
{
  const Uop *uop = cold->uop;

  if (l->ir->label_live[uop->imm])
    x64_flags_to_memory (l);
  x64_jmp (&l->a, cold->imm ? &l->met[uop->imm].again : &l->labels[uop->imm]);
}

// A jump back ends a round.
static bool
ends_round (const X64Lower *l, const Uop *uop)
{
  return !l->in_cold && l->met[uop->imm].end == uop;
}

// Where a conditional jump goes: straight to its label, or to a piece that brings things in order.
static X64Label *
jump_target (X64Lower *l, const Uop *uop)
{
  if (!(uop->flags & UOP_LOCAL))
    return &x64_cold (l, uop, leave_cold)->entry;
  if ((l->ir->label_live[uop->imm] && !l->flags.in_memory) ||
      (l->dirty != 0 && !l->met[uop->imm].copies)) {
    X64Cold *cold = x64_cold (l, uop, to_label_cold);

    cold->imm = ends_round (l, uop);
    return &cold->entry;
  }
  return ends_round (l, uop) ? &l->met[uop->imm].again : &l->labels[uop->imm];
}

void
x64_lower_B (X64Lower *l, const Uop *uop)
{
  if (!(uop->flags & UOP_LOCAL)) {
    leave_to (l, uop, uop->imm);
    return;
  }
  x64_join (l, uop);
  if (!l->met[uop->imm].copies)
    x64_vflush (l);
  if (l->ir->label_live[uop->imm])
    x64_flags_to_memory (l);
  x64_flush_count (l);
  x64_jmp (&l->a, ends_round (l, uop) ? &l->met[uop->imm].again : &l->labels[uop->imm]);
}

// After vucomis, numbers that do not compare set ZF, too.
static void
branch_equal (X64Lower *l, const Uop *uop)
{
  X64Label *target = jump_target (l, uop);
  X64Short unordered = {0};

  if (uop->aux == IR_NE) {
    x64_jcc (&l->a, X64_CC_P, target);
    x64_jcc (&l->a, X64_CC_NE, target);
    return;
  }
  x64_jcc_short (&l->a, X64_CC_P, &unordered);
  x64_jcc (&l->a, X64_CC_E, target);
  x64_bind_short (&l->a, &unordered);
}

void
x64_lower_BCOND (X64Lower *l, const Uop *uop)
{
  x64_flush_count (l);
  x64_join (l, uop);
  if (uop->aux >= IR_AL) {
    x64_lower_B (l, uop);
    return;
  }
  if ((l->flags.kind == X64_FLAGS_FP || l->flags.kind == X64_FLAGS_FP_SWAPPED) &&
      (uop->aux == IR_EQ || uop->aux == IR_NE)) {
    branch_equal (l, uop);
    return;
  }
  enum X64Cc cc = x64_condition (l, uop->aux);
  x64_jcc (&l->a, cc, jump_target (l, uop));
}

// EFLAGS hold nothing that is wanted when a register is tested.
static void
test_zero (X64Lower *l, const Uop *uop)
{
  unsigned bits = x64_bits (uop);

  x64_flush_count (l);
  x64_join (l, uop);
  x64_clobber (l, uop);
  if (x64_pinned (uop->a))
    x64_test_rr (&l->a, bits, (unsigned) x64_pins[uop->a], (unsigned) x64_pins[uop->a]);
  else
    x64_alu_mi (&l->a, X64_CMP, bits, x64_home (l, uop->a), 0);
}

void
x64_lower_CBZ (X64Lower *l, const Uop *uop)
{
  test_zero (l, uop);
  x64_jcc (&l->a, X64_CC_E, jump_target (l, uop));
}

void
x64_lower_CBNZ (X64Lower *l, const Uop *uop)
{
  test_zero (l, uop);
  x64_jcc (&l->a, X64_CC_NE, jump_target (l, uop));
}

// Gives what to test for the bit being 1.
static enum X64Cc
test_bit (X64Lower *l, const Uop *uop)
{
  unsigned bit = uop->aux;

  x64_flush_count (l);
  x64_join (l, uop);
  x64_clobber (l, uop);
  if (!x64_pinned (uop->a)) {
    X64Mem byte = x64_home (l, uop->a);

    byte.disp += (int32_t) bit / 8;
    x64_test_mi (&l->a, 8, byte, 1 << bit % 8);
    return X64_CC_NE;
  }
  if (bit < 31) {
    x64_test_ri (&l->a, 32, (unsigned) x64_pins[uop->a], 1 << bit);
    return X64_CC_NE;
  }
  x64_bt_ri (&l->a, X64_BT, 64, (unsigned) x64_pins[uop->a], bit);
  return X64_CC_B;
}

void
x64_lower_TBZ (X64Lower *l, const Uop *uop)
{
  enum X64Cc cc = test_bit (l, uop);

  x64_jcc (&l->a, x64_cc_not (cc), jump_target (l, uop));
}

void
x64_lower_TBNZ (X64Lower *l, const Uop *uop)
{
  enum X64Cc cc = test_bit (l, uop);

  x64_jcc (&l->a, cc, jump_target (l, uop));
}

void
x64_lower_JUMP (X64Lower *l, const Uop *uop)
{
  x64_vflush (l);
  x64_flags_to_memory (l);
  x64_flush_count (l);
  x64_copy_to (l, X64_RAX, uop->a);
  x64_probe (l);
}

static void
jump_by_tier0 (X64Lower *l, X64Cold *cold)
{
  x64_load_op (l, cold->uop);
  x64_jmp_rel32 (&l->a, l->stubs->interp_end);
}

// A target in the jump cache was fetched before, and nothing odd happens on the way to it.
void
x64_lower_JUMPTYPED (X64Lower *l, const Uop *uop)
{
  X64Asm *a = &l->a;
  int32_t jc = l->layout->ctx_jc;

  if (l->request->odd || l->request->count) {
    x64_lower_INTERP_END (l, uop);
    return;
  }
  x64_vflush (l);
  x64_flags_to_memory (l);
  x64_alu_mi (a, X64_CMP, 32, x64_state (l->layout->typed_jumps), 0);
  X64Cold *cold = x64_cold (l, uop, jump_by_tier0);
  x64_jcc (a, X64_CC_NE, &cold->entry);
  x64_alu_mi (a, X64_CMP, 32, x64_state (l->layout->pending), 0);
  x64_jcc (a, X64_CC_NE, &cold->entry);
  x64_copy_to (l, X64_RAX, uop->a);
  // An empty entry seems to be for one address, which is not aligned.
  x64_test_ri (a, 32, X64_RAX, 3);
  x64_jcc (a, X64_CC_NE, &cold->entry);
  find_jump (a, l->layout, l->request->jc_mask);
  x64_jcc (a, X64_CC_NE, &cold->entry);
  if (uop->aux) {
    x64_lea (a, 64, X64_RDX, x64_mem (X64_PAGE, uop->pc_off + 4));
    x64_put (l, 30, X64_RDX);
  }
  x64_jmp_m (a, x64_mem_index (X64_CTX, X64_RCX, 2, jc + 8));
}

// ---- tier 0 ---------------------------------------------------------------------------------

void
x64_load_op (X64Lower *l, const Uop *uop)
{
  if (l->n_ops == X64_MAX_OPS) {
    l->failed = true;
    return;
  }
  x64_lea (&l->a, 64, X64_RAX, x64_rip (l->a.p));
  l->ops[l->n_ops].field = l->a.p - 4;
  l->ops[l->n_ops++].op = (unsigned) uop->imm;
}

static void
call_interp (X64Lower *l, const Uop *uop)
{
  x64_vflush (l);
  x64_flush_count (l);
  x64_load_op (l, uop);
  x64_call_to (&l->a, l->stubs->interp);
  l->flags = (X64Flags){.in_memory = true};
  l->sp_checked = false;
  x64_vforget (l);
}

// An exception saves NZCV: it is written though only what comes after the instruction reads it.
void
x64_interp (X64Lower *l, const Uop *uop)
{
  x64_clobber (l, uop);
  call_interp (l, uop);
}

void
x64_lower_INTERP (X64Lower *l, const Uop *uop)
{
  x64_interp (l, uop);
}

void
x64_lower_INTERP_FLAGS (X64Lower *l, const Uop *uop)
{
  x64_flags_to_memory (l);
  call_interp (l, uop);
}

void
x64_lower_INTERP_VEC (X64Lower *l, const Uop *uop)
{
  x64_lower_INTERP (l, uop);
}

void
x64_lower_INTERP_VEC_FLAGS (X64Lower *l, const Uop *uop)
{
  x64_lower_INTERP_FLAGS (l, uop);
}

void
x64_lower_INTERP_END (X64Lower *l, const Uop *uop)
{
  x64_vflush (l);
  x64_flags_to_memory (l);
  x64_flush_count (l);
  x64_load_op (l, uop);
  // With other modes of floating point, which the instruction may change, MXCSR has to follow. And
  // behind code of an odd mode the jump cache may be that of another MXCSR.
  bool leaves = l->request->fp_mode != 0 || l->request->odd;
  x64_jmp_rel32 (&l->a, leaves ? l->stubs->interp_leave : l->stubs->interp_end);
}
