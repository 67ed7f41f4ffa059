// SPDX-License-Identifier: GPL-3.0-or-later
// The run loop: from block to block through the jump cache, and what is looked at in between.
// Runs on the vCPU's thread.
#include "engine/guest/aarch64/run.h"
#include "engine/guest/aarch64/accel-jit.h"
#include "engine/guest/aarch64/block.h"
#include "engine/guest/aarch64/debugger.h"
#include "engine/guest/aarch64/exception.h"
#include "engine/guest/aarch64/pmu.h"
#include "engine/guest/aarch64/sysreg.h"
#include "engine/vm/vm.h"

void
a64_update_context (A64Cpu *cpu)
{
  bool el1 = cpu->pstate.el != 0;
  uint64_t mdscr = cpu->sys->mdscr_el1;

  cpu->strict = !(cpu->sys->sctlr_el1 & A64_SCTLR_I);
  cpu->step_armed = (mdscr & A64_MDSCR_SS) != 0 && !cpu->sys->os_lock;
  cpu->step =
      cpu->step_armed && (!el1 || ((mdscr & A64_MDSCR_KDE) != 0 && !(cpu->pstate.daif & 8)));
  cpu->one_by_one = cpu->strict | cpu->step;
  cpu->ctx = el1 ? cpu->ctx_el1 : cpu->ctx_el0;
  a64_update_jumps (cpu);
}

void
a64_update_jumps (A64Cpu *cpu)
{
  if (cpu->ctx == NULL) // not yet
    return;
  // Not by two loads, which the compiler makes one: it would wait for the two stores.
  bool by_step = cpu->one_by_one || cpu->pstate.btype != 0 || a64_debugger_stepping (cpu);

  cpu->translating = cpu->jit != NULL && !by_step;
  if (by_step || (cpu->translating && a64_jit_is_odd (cpu))) {
    a64_no_jumps (cpu);
  } else {
    if (cpu->translating)
      a64_jit_use_jumps (cpu);
    cpu->jc = cpu->ctx->jc;
    cpu->jc_mask = cpu->ctx->jc_mask;
  }
  if (cpu->jit != NULL)
    a64_jit_check_fp (cpu);
}

void
a64_take_interrupts (A64Cpu *cpu)
{
  atomic_fetch_and (&cpu->pending, ~(uint32_t) VCPU_IRQ);
  if (a64_debugger_stepping (cpu))
    return;
  if (atomic_load (&cpu->fiq_level) && !(cpu->pstate.daif & 1))
    a64_take_irq (cpu, true);
  else if (atomic_load (&cpu->irq_level) && !(cpu->pstate.daif & 2))
    a64_take_irq (cpu, false);
}

static void
run_block (A64Cpu *cpu)
{
  const uint64_t pc = cpu->pc;
  A64Jce *e = a64_jce (cpu, pc);
  A64Block *block = e->block;
  const void *code;

  // With a translator an empty entry, which is for an odd address, leads to no block but to code.
  if (__builtin_expect (e->va != pc || (pc & 3) != 0, 0)) {
    block = a64_block_find (cpu, &code);
    if (block == NULL)
      return;
  }
  cpu->page = cpu->pc & ~(GuestVaddr) (A64_PAGE_SIZE - 1);
  cpu->block = block;
  a64_count (cpu, block->n);
  block->ops[0].fn (cpu, block->ops);
}

void
a64_run (void *opaque)
{
  A64Cpu *cpu = opaque;

  for (;;) {
    uint32_t pending = atomic_load_explicit (&cpu->pending, memory_order_relaxed);

    if (__builtin_expect (pending == 0, 1)) {
      if (cpu->translating)
        a64_jit_run (cpu);
      else
        run_block (cpu);
      continue;
    }
    cpu->link_site = NULL;
    if (pending & VCPU_EXIT)
      return;
    if (pending & VCPU_WORK)
      vcpu_run_work (cpu->vcpu);
    if (pending & VCPU_IRQ)
      a64_take_interrupts (cpu);
  }
}

bool
a64_interrupt_waits (A64Cpu *cpu)
{
  return atomic_load (&cpu->irq_level) || atomic_load (&cpu->fiq_level) ||
         a64_debugger_stepping (cpu);
}

// The CPU may go on at any time, so one wait is enough; but an interrupt flag that is still set
// from before must not end it.
void
a64_wait (A64Cpu *cpu, int64_t deadline_ns)
{
  atomic_fetch_and (&cpu->pending, ~(uint32_t) VCPU_IRQ);
  if (cpu->pmu_on)
    a64_pmu_sync (cpu);
  if (!a64_interrupt_waits (cpu))
    vcpu_wait (cpu->vcpu, deadline_ns);
  if (cpu->pmu_on)
    a64_pmu_slept (cpu);
  a64_poll_irq (cpu);
}

// Only ever a short time: a write to memory that another CPU waits for with LDXR and WFE sends no
// event here.
void
a64_wait_for_event (A64Cpu *cpu, int64_t deadline_ns)
{
  int64_t soon = vm_clock_now (cpu->vcpu->vm->clock) + A64_EVENT_WAIT_NS;

  atomic_fetch_and (&cpu->pending, ~(uint32_t) VCPU_IRQ);
  if (!a64_interrupt_waits (cpu))
    vcpu_wait_event (cpu->vcpu, soon < deadline_ns ? soon : deadline_ns);
  a64_poll_irq (cpu);
}

static void
nothing (Vcpu *vcpu, uint64_t a, uint64_t b)
{
  (void) vcpu, (void) a, (void) b;
}

void
a64_post_others (A64Cpu *cpu, VcpuWork fn, uint64_t a, uint64_t b)
{
  if (cpu->vcpu->vm->n_vcpus == 1)
    return;
  // Where a queue is full this CPU does what others posted, while it waits for room.
  cpu->recheck = true;
  vcpu_post_work_others (cpu->vcpu, fn, a, b, false);
  cpu->posted = true;
}

void
a64_wait_for_posted (A64Cpu *cpu)
{
  if (!cpu->posted)
    return;
  // Work runs in the order it was posted.
  cpu->posted = false;
  cpu->recheck = true; // while it waits it does what others posted, TLB maintenance for one
  vcpu_post_work_others (cpu->vcpu, nothing, 0, 0, true);
}
