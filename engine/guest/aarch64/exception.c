// SPDX-License-Identifier: GPL-3.0-or-later
// Exception entry and return (Arm ARM D1.3 to D1.5, D19.2 for the register layouts). Every
// exception is taken to EL1. Runs on the vCPU's thread.
#include "engine/guest/aarch64/exception.h"
#include "engine/guest/aarch64/block.h"
#include "engine/guest/aarch64/mmu.h"
#include "engine/guest/aarch64/pmu.h"
#include "engine/guest/aarch64/sysreg.h"

enum {
  SPSR_BTYPE_SHIFT = 10,
  SPSR_SSBS = 1u << 12,
  SPSR_IL = 1u << 20,
  SPSR_SS = 1u << 21,
  SPSR_PAN = 1u << 22,
  SPSR_UAO = 1u << 23,
  SPSR_DIT = 1u << 24,
  ESR_IL = 1u << 25, // a 32-bit instruction
  VECTOR_SYNC = 0x000,
  VECTOR_IRQ = 0x080,
  VECTOR_FIQ = 0x100,
};

uint32_t
a64_get_spsr (const A64Cpu *cpu)
{
  const A64Pstate *p = &cpu->pstate;

  return cpu->nzcv | (p->dit ? SPSR_DIT : 0) | (p->uao ? SPSR_UAO : 0) | (p->pan ? SPSR_PAN : 0) |
         (p->ss ? SPSR_SS : 0) | (p->il ? SPSR_IL : 0) | (p->ssbs ? SPSR_SSBS : 0) |
         (uint32_t) p->btype << SPSR_BTYPE_SHIFT | (uint32_t) p->daif << 6 | (uint32_t) p->el << 2 |
         p->sp_sel;
}

void
a64_switch_sp (A64Cpu *cpu, unsigned el, bool sp_sel)
{
  unsigned from = cpu->pstate.el != 0 && cpu->pstate.sp_sel, to = el != 0 && sp_sel;

  cpu->pstate.el = el;
  cpu->pstate.sp_sel = sp_sel;
  if (from != to) {
    cpu->sp_bank[from] = cpu->x[A64_SP];
    cpu->x[A64_SP] = cpu->sp_bank[to];
  }
}

void
a64_set_pan (A64Cpu *cpu, bool pan)
{
  if (pan && !cpu->pstate.pan)
    a64_tlb_drop_fragile (cpu);
  cpu->pstate.pan = pan;
}

void
a64_poll_irq (A64Cpu *cpu)
{
  bool irq = atomic_load_explicit (&cpu->irq_level, memory_order_relaxed);
  bool fiq = atomic_load_explicit (&cpu->fiq_level, memory_order_relaxed);

  if (irq || fiq)
    atomic_fetch_or_explicit (&cpu->pending, VCPU_IRQ, memory_order_relaxed);
}

// Enters EL1 at a vector; ELR and SPSR are written, ESR and FAR are the caller's.
static void
enter (A64Cpu *cpu, uint64_t return_address, unsigned vector)
{
  uint64_t sctlr = cpu->sys->sctlr_el1;

  if (cpu->pmu_on)
    a64_pmu_sync (cpu);
  vector += cpu->pstate.el == 0 ? 0x400 : cpu->pstate.sp_sel ? 0x200 : 0;
  cpu->sys->spsr_el1 = a64_get_spsr (cpu);
  cpu->sys->elr_el1 = return_address;
  a64_switch_sp (cpu, 1, true);
  cpu->pstate.daif = 0xf;
  cpu->pstate.uao = false;
  cpu->pstate.btype = 0;
  cpu->pstate.ss = false;
  cpu->pstate.il = false;
  cpu->pstate.ssbs = (sctlr & A64_SCTLR_DSSBS) != 0;
  if (!(sctlr & A64_SCTLR_SPAN))
    a64_set_pan (cpu, true);
  cpu->excl.valid = false;
  cpu->step_executed = false;
  cpu->pc = (cpu->sys->vbar_el1 & ~(uint64_t) 0x7ff) + vector;
  a64_update_context (cpu);
}

void
a64_leave_before (A64Cpu *cpu, const A64Op *op)
{
  a64_uncount (cpu, op);
  cpu->step_executed = false;
  cpu->pc = a64_op_pc (cpu, op);
}

void
a64_raise_sync (A64Cpu *cpu, const A64Op *op, unsigned ec, uint32_t iss)
{
  a64_uncount (cpu, op);
  cpu->sys->esr_el1 = ec << 26 | ESR_IL | iss;
  enter (cpu, a64_op_pc (cpu, op), VECTOR_SYNC);
}

void
a64_raise_fault (A64Cpu *cpu, const A64Op *op, unsigned ec, uint32_t iss, GuestVaddr far)
{
  a64_raise_sync (cpu, op, ec, iss);
  cpu->sys->far_el1 = far;
}

void
a64_raise_undefined (A64Cpu *cpu, const A64Op *op)
{
  a64_raise_sync (cpu, op, A64_EC_UNKNOWN, 0);
}

void
a64_raise_fetch (A64Cpu *cpu, unsigned ec, uint32_t iss, bool far)
{
  if (far)
    cpu->sys->far_el1 = cpu->pc;
  cpu->sys->esr_el1 = ec << 26 | ESR_IL | iss;
  enter (cpu, cpu->pc, VECTOR_SYNC);
}

void
a64_raise_svc (A64Cpu *cpu, const A64Op *op, uint16_t imm)
{
  // The instruction is complete for software step (SSAdvance).
  if (cpu->step)
    cpu->pstate.ss = false;
  cpu->sys->esr_el1 = (uint32_t) A64_EC_SVC << 26 | ESR_IL | imm;
  enter (cpu, a64_op_pc (cpu, op) + 4, VECTOR_SYNC);
}

void
a64_take_irq (A64Cpu *cpu, bool fiq)
{
  if (cpu->step_executed)
    cpu->pstate.ss = false;
  // The branch here has taken the tag off, where looking for its target would.
  enter (cpu, a64_untag_code (cpu->mmu, cpu->pc), fiq ? VECTOR_FIQ : VECTOR_IRQ);
}

// D1.4.3: AArch32, an EL above the current one or not implemented, EL0 with SP_ELx.
static bool
return_is_legal (const A64Cpu *cpu, uint32_t spsr)
{
  unsigned mode = spsr & 0x1f;

  if (cpu->pstate.il)
    return false;
  return mode == 0 || mode == 4 || mode == 5;
}

static void
set_flags (A64Cpu *cpu, uint32_t spsr)
{
  cpu->nzcv = spsr & 0xf0000000u;
  cpu->pstate.daif = spsr >> 6 & 0xf;
  cpu->pstate.btype = cpu->features & A64_FEATURE_BTI ? spsr >> SPSR_BTYPE_SHIFT & 3 : 0;
  cpu->pstate.dit = (spsr & SPSR_DIT) != 0;
  cpu->pstate.ssbs = (spsr & SPSR_SSBS) != 0;
  cpu->pstate.uao = (spsr & SPSR_UAO) != 0;
  a64_set_pan (cpu, (spsr & SPSR_PAN) != 0);
}

bool
a64_set_pstate (A64Cpu *cpu, uint32_t spsr)
{
  set_flags (cpu, spsr);
  cpu->pstate.il = (spsr & SPSR_IL) != 0;
  cpu->pstate.ss = (spsr & SPSR_SS) != 0;
  cpu->pstate.el = spsr >> 2 & 1;
  cpu->pstate.sp_sel = spsr & 1;
  return (spsr & 0x1f) == 0 || (spsr & 0x1f) == 4 || (spsr & 0x1f) == 5;
}

// Whether the step of D2.12.4 starts with the instruction returned to.
static bool
returned_ss (A64Cpu *cpu, uint32_t spsr, bool was_stepping)
{
  return (spsr & SPSR_SS) && cpu->step && !was_stepping;
}

void
a64_return_from_exception (A64Cpu *cpu, uint64_t target)
{
  uint32_t spsr = cpu->sys->spsr_el1;
  bool legal = return_is_legal (cpu, spsr), was_stepping = cpu->step;
  const void *code;

  if (cpu->pmu_on)
    a64_pmu_sync (cpu);
  set_flags (cpu, spsr);
  cpu->pstate.il = !legal || (spsr & SPSR_IL) != 0;
  if (legal)
    a64_switch_sp (cpu, spsr >> 2 & 3, spsr & 1);
  cpu->excl.valid = false;
  atomic_store_explicit (cpu->event, 1, memory_order_relaxed);
  cpu->step_executed = false;
  cpu->pc = target;
  a64_update_context (cpu);
  cpu->pstate.ss = returned_ss (cpu, spsr, was_stepping);
  // Finding the next instruction raises the Illegal Execution state, or what goes before it.
  if (cpu->pstate.il)
    a64_block_find (cpu, &code);
  else
    a64_poll_irq (cpu);
}
