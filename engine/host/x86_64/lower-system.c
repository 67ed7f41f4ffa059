// SPDX-License-Identifier: GPL-3.0-or-later
// What belongs to the system side of a CPU: the interrupt mask, system calls and exception returns
// (lower.h). Nothing is spilt for them, since nothing of C runs: the code at the other side is found
// in the jump cache of its level.
#include "engine/host/x86_64/lower.h"

#include <stddef.h>

#include "engine/structs/ticks.h"

static void
take_by_tier0 (X64Lower *l, X64Cold *cold)
{
  x64_load_op (l, cold->uop);
  x64_jmp_rel32 (&l->a, l->stubs->interp_end);
}

void
x64_lower_UNMASK (X64Lower *l, const Uop *uop)
{
  X64Cold *cold;

  x64_flags_to_memory (l);
  l->flags = (X64Flags){.in_memory = true};
  x64_flush_count (l);
  x64_mov_mr (&l->a, 8, x64_state (l->layout->mask), x64_use (l, uop->a, X64_RAX));
  x64_alu_mi (&l->a, X64_CMP, 32, x64_state (l->layout->waiting), 0);
  cold = x64_cold (l, uop, take_by_tier0);
  x64_jcc (&l->a, X64_CC_NE, &cold->entry);
}

// ---- exceptions -----------------------------------------------------------------------------

// Bits of the saved state (SPSR_EL1 of A64).
enum {
  STATE_NZCV = (int32_t) 0xf0000000,
  STATE_MASK_SHIFT = 6,
  STATE_SSBS_SHIFT = 12,
  STATE_STEP_SHIFT = 21,
  STATE_PAN_SHIFT = 22,
  STATE_UAO_SHIFT = 23,
  STATE_DIT_SHIFT = 24,
  STATE_ODD = 0x00900c1f, // UAO, IL, BTYPE and the mode
  STATE_KERNEL = 5,       // the mode: the kernel's level with its own stack pointer
  CONTROL_SPAN_BIT = 23,
  CONTROL_DSSBS_BIT = 44,
  MASK_ALL = 15,
};

static void
begin_stub (X64Asm *a, const uint8_t **stub)
{
  while ((uintptr_t) a->p % 16 != 0)
    x64_int3 (a);
  *stub = a->p;
}

// edx |= the byte << shift; eax is used.
static void
add_byte (X64Asm *a, int32_t byte, unsigned shift)
{
  x64_movzx_rm (a, 8, X64_RAX, x64_state (byte));
  x64_shift_ri (a, X64_SHL, 32, X64_RAX, shift);
  x64_alu_rr (a, X64_OR, 32, X64_RDX, X64_RAX);
}

// byte = the bits of eax from `shift` on; edx is used.
static void
put_byte (X64Asm *a, int32_t byte, unsigned shift, int32_t mask)
{
  x64_mov_rr (a, 32, X64_RDX, X64_RAX);
  x64_shift_ri (a, X64_SHR, 32, X64_RDX, shift);
  x64_alu_ri (a, X64_AND, 32, X64_RDX, mask);
  x64_mov_mr (a, 8, x64_state (byte), X64_RDX);
}

static void
switch_sp (X64Asm *a, const JitExceptions *e, unsigned from, unsigned to)
{
  unsigned sp = (unsigned) x64_pins[IR_SP];

  x64_mov_mr (a, 64, x64_state (e->sp_bank + 8 * (int32_t) from), sp);
  x64_mov_rm (a, 64, sp, x64_state (e->sp_bank + 8 * (int32_t) to));
}

// Goes on at rax in the context that is pointed to there. Modes that have no jump cache stay so.
static void
go_on_in (X64Asm *a, const JitLayout *layout, int32_t ctx, const X64Stubs *stubs)
{
  x64_lea (a, 64, X64_RDX, x64_mem (X64_CTX, layout->ctx_jc));
  x64_alu_rm (a, X64_CMP, 64, X64_RDX, x64_state (layout->jc));
  x64_mov_rm (a, 64, X64_CTX, x64_state (ctx));
  x64_mov_mr (a, 64, x64_state (layout->ctx), X64_CTX);
  x64_jcc_to (a, X64_CC_NE, stubs->leave);
  x64_lea (a, 64, X64_RDX, x64_mem (X64_CTX, layout->ctx_jc));
  x64_mov_mr (a, 64, x64_state (layout->jc), X64_RDX);
  x64_mov_rm (a, 32, X64_RDX, x64_mem (X64_CTX, layout->ctx_jc_mask));
  x64_mov_mr (a, 32, x64_state (layout->exceptions.jc_mask), X64_RDX);
  x64_jump_by_cache (a, layout, 0, stubs->second);
}

static void
save_state (X64Asm *a, const JitLayout *layout)
{
  const JitExceptions *e = &layout->exceptions;

  x64_mov_mr (a, 64, x64_mem (X64_RCX, e->address), X64_RAX);
  x64_mov_mi (a, 64, x64_mem (X64_RCX, e->syndrome), e->call_syndrome);
  x64_mov_rm (a, 32, X64_RDX, x64_state (layout->nzcv));
  add_byte (a, layout->mask, STATE_MASK_SHIFT);
  add_byte (a, e->ssbs, STATE_SSBS_SHIFT);
  add_byte (a, e->step, STATE_STEP_SHIFT);
  add_byte (a, e->pan, STATE_PAN_SHIFT);
  add_byte (a, e->uao, STATE_UAO_SHIFT);
  add_byte (a, e->dit, STATE_DIT_SHIFT);
  x64_mov_mr (a, 64, x64_mem (X64_RCX, e->state), X64_RDX);
}

// rcx: the block of system registers.
static void
enter_kernel (X64Asm *a, const JitLayout *layout)
{
  const JitExceptions *e = &layout->exceptions;
  X64Short pan_stays = {0};

  x64_mov_rm (a, 64, X64_RDX, x64_mem (X64_RCX, e->control));
  x64_bt_ri (a, X64_BT, 64, X64_RDX, CONTROL_SPAN_BIT);
  x64_jcc_short (a, X64_CC_B, &pan_stays);
  x64_mov_mi (a, 8, x64_state (e->pan), 1);
  x64_bind_short (a, &pan_stays);
  x64_shift_ri (a, X64_SHR, 64, X64_RDX, CONTROL_DSSBS_BIT);
  x64_alu_ri (a, X64_AND, 32, X64_RDX, 1);
  x64_mov_mr (a, 8, x64_state (e->ssbs), X64_RDX);
  x64_mov_mi (a, 16, x64_state (e->level), 0x101);
  x64_mov_mi (a, 8, x64_state (layout->mask), MASK_ALL);
  x64_mov_mi (a, 8, x64_state (e->uao), 0);
  x64_mov_mi (a, 8, x64_state (e->step), 0);
  x64_mov_mi (a, 8, x64_state (layout->excl_valid), 0);
}

static void
emit_call_kernel (X64Asm *a, const JitLayout *layout, const X64Stubs *stubs)
{
  const JitExceptions *e = &layout->exceptions;

  x64_mov_rm (a, 64, X64_RCX, x64_state (layout->sys));
  save_state (a, layout);
  enter_kernel (a, layout);
  switch_sp (a, e, 0, 1);
  x64_mov_rm (a, 64, X64_RAX, x64_mem (X64_RCX, e->vectors));
  x64_alu_ri (a, X64_ADD, 64, X64_RAX, e->call_vector);
  go_on_in (a, layout, e->ctx_kernel, stubs);
}

// eax: the saved state, rcx: the block of system registers.
static void
emit_return (X64Asm *a, const JitLayout *layout, bool to_user, const X64Stubs *stubs)
{
  const JitExceptions *e = &layout->exceptions;

  x64_mov_rr (a, 32, X64_RDX, X64_RAX);
  x64_alu_ri (a, X64_AND, 32, X64_RDX, STATE_NZCV);
  x64_mov_mr (a, 32, x64_state (layout->nzcv), X64_RDX);
  put_byte (a, layout->mask, STATE_MASK_SHIFT, MASK_ALL);
  put_byte (a, e->ssbs, STATE_SSBS_SHIFT, 1);
  put_byte (a, e->pan, STATE_PAN_SHIFT, 1);
  put_byte (a, e->dit, STATE_DIT_SHIFT, 1);
  x64_mov_rm (a, 64, X64_RAX, x64_mem (X64_RCX, e->address));
  x64_mov_mi (a, 8, x64_state (e->step), 0);
  x64_mov_mi (a, 8, x64_state (layout->excl_valid), 0);
  x64_mov_rm (a, 64, X64_RDX, x64_state (e->event));
  x64_mov_mi (a, 32, x64_mem (X64_RDX, 0), 1);
  if (to_user) {
    x64_mov_mi (a, 16, x64_state (e->level), 0);
    switch_sp (a, e, 1, 0);
  }
  go_on_in (a, layout, to_user ? layout->ctx_el0 : e->ctx_kernel, stubs);
}

void
x64_emit_exception_stubs (X64Asm *a, const JitLayout *layout, X64Stubs *stubs)
{
  begin_stub (a, &stubs->call_kernel);
  emit_call_kernel (a, layout, stubs);
  begin_stub (a, &stubs->return_to_user);
  emit_return (a, layout, true, stubs);
  begin_stub (a, &stubs->return_to_kernel);
  emit_return (a, layout, false, stubs);
}

// True where tier 0 has to do it anyway, and does.
static bool
is_counted (X64Lower *l, const Uop *uop)
{
  if (l->request->count)
    x64_lower_INTERP_END (l, uop);
  return l->request->count;
}

static void
begin_exception (X64Lower *l, const Uop *uop)
{
  x64_vflush (l);
  x64_flags_to_memory (l);
  x64_alu_mi (&l->a, X64_CMP, 64, x64_state (l->layout->exceptions.hard), 0);
  x64_jcc (&l->a, X64_CC_NE, &x64_cold (l, uop, take_by_tier0)->entry);
}

void
x64_lower_CALL_KERNEL (X64Lower *l, const Uop *uop)
{
  if (is_counted (l, uop))
    return;
  begin_exception (l, uop);
  x64_lea (&l->a, 64, X64_RAX, x64_mem (X64_PAGE, uop->pc_off + 4));
  x64_jmp_rel32 (&l->a, l->stubs->call_kernel);
}

void
x64_lower_RETURN (X64Lower *l, const Uop *uop)
{
  if (is_counted (l, uop))
    return;
  begin_exception (l, uop);
  x64_mov_rm (&l->a, 64, X64_RCX, x64_state (l->layout->sys));
  x64_mov_rm (&l->a, 32, X64_RAX, x64_mem (X64_RCX, l->layout->exceptions.state));
  x64_mov_rr (&l->a, 32, X64_RDX, X64_RAX);
  x64_alu_ri (&l->a, X64_AND, 32, X64_RDX, STATE_ODD);
  x64_jcc_rel32 (&l->a, X64_CC_E, l->stubs->return_to_user);
  x64_alu_ri (&l->a, X64_CMP, 32, X64_RDX, STATE_KERNEL);
  x64_jcc_rel32 (&l->a, X64_CC_E, l->stubs->return_to_kernel);
  take_by_tier0 (l, &(X64Cold){.uop = uop});
}

// ---- the counter ----------------------------------------------------------------------------

static void
count_by_tier0 (X64Lower *l, X64Cold *cold)
{
  x64_load_op (l, cold->uop);
  x64_call_to (&l->a, l->stubs->interp);
  x64_cold_resume (l, cold);
}

// See engine/structs/ticks.h. The second look at the sequence comes after the counter is read. Where
// other CPUs watch, all that came before happened before that (what the guest has an ISB for); one CPU
// alone only has to see that it does not go back, for a third of the time.
void
x64_lower_GETTICKS (X64Lower *l, const Uop *uop)
{
  X64Asm *a = &l->a;
  X64Mem sequence = x64_mem (X64_RSP, -8);

  if (l->request->count) {
    x64_interp (l, uop);
    return;
  }
  x64_clobber (l, uop);
  X64Cold *cold = x64_cold (l, uop, count_by_tier0);
  if (uop->aux != 0) {
    x64_mov_rm (a, 64, X64_RCX, x64_state (l->layout->sys));
    x64_test_mi (a, 8, x64_mem (X64_RCX, l->layout->ticks_control), uop->aux);
    x64_jcc (a, X64_CC_E, &cold->entry);
  }
  x64_mov_rm (a, 64, X64_RCX, x64_state (l->layout->ticks));
  x64_mov_rm (a, 64, X64_RAX, x64_mem (X64_RCX, offsetof (Ticks, sequence)));
  x64_mov_mr (a, 64, sequence, X64_RAX);
  x64_test_ri (a, 32, X64_RAX, 1);
  x64_jcc (a, X64_CC_NE, &cold->entry);
  if (l->request->smp)
    x64_lfence (a);
  x64_rdtsc (a);
  x64_shift_ri (a, X64_SHL, 64, X64_RDX, 32);
  x64_alu_rr (a, X64_OR, 64, X64_RAX, X64_RDX);
  x64_alu_rm (a, X64_SUB, 64, X64_RAX, x64_mem (X64_RCX, offsetof (Ticks, base)));
  x64_alu_rm (a, X64_CMP, 64, X64_RAX, x64_mem (X64_RCX, offsetof (Ticks, limit)));
  x64_jcc (a, X64_CC_AE, &cold->entry);
  x64_imul_rm (a, 64, X64_RAX, x64_mem (X64_RCX, offsetof (Ticks, multiplier)));
  x64_shift_ri (a, X64_SHR, 64, X64_RAX, 32);
  x64_alu_rm (a, X64_ADD, 64, X64_RAX, x64_mem (X64_RCX, offsetof (Ticks, ns)));
  x64_mov_rr (a, 32, X64_RDX, X64_RAX);
  x64_alu_ri (a, X64_AND, 32, X64_RDX, 0);
  x64_mov_rm (a, 64, X64_RDX, x64_mem_index (X64_RCX, X64_RDX, 0, offsetof (Ticks, sequence)));
  x64_alu_rm (a, X64_CMP, 64, X64_RDX, sequence);
  x64_jcc (a, X64_CC_NE, &cold->entry);
  if (!l->request->smp) {
    x64_alu_rm (a, X64_CMP, 64, X64_RAX, x64_state (l->layout->ticks_last));
    x64_jcc (a, X64_CC_B, &cold->entry);
    x64_mov_mr (a, 64, x64_state (l->layout->ticks_last), X64_RAX);
  }
  x64_put (l, uop->d, X64_RAX);
  x64_cold_return (l, cold);
}
