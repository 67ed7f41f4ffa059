// SPDX-License-Identifier: GPL-3.0-or-later
// Tier 0: system instructions (Arm ARM C4.1.87; C5 for what the registers do). vCPU thread.
#include "engine/guest/aarch64/block.h"
#include "engine/guest/aarch64/exception.h"
#include "engine/guest/aarch64/interp.h"
#include "engine/guest/aarch64/mmu.h"
#include "engine/guest/aarch64/run.h"
#include "engine/guest/aarch64/sysop.h"
#include "engine/guest/aarch64/sysreg.h"
#include "engine/vm/vm.h"

static void
leave_after (A64Cpu *cpu, const A64Op *op)
{
  cpu->pc = a64_op_pc (cpu, op) + 4;
}

// Undefined.

#define DEFINE_UNDEFINED(id)                                                                       \
  void a64_interp_##id (A64Cpu *cpu, const A64Op *op)                                              \
  {                                                                                                \
    a64_raise_undefined (cpu, op);                                                                 \
  }
DEFINE_UNDEFINED (UDF)
DEFINE_UNDEFINED (HLT)
DEFINE_UNDEFINED (DCPS1)
DEFINE_UNDEFINED (DCPS2)
DEFINE_UNDEFINED (DCPS3)
DEFINE_UNDEFINED (DRPS)
DEFINE_UNDEFINED (SMC)

// Exceptions.

void
a64_interp_SVC (A64Cpu *cpu, const A64Op *op)
{
  a64_raise_svc (cpu, op, (uint16_t) op->imm);
}

// The firmware's conduit (SMCCC, PSCI): there is no EL2, the machine answers.
void
a64_interp_HVC (A64Cpu *cpu, const A64Op *op)
{
  const Vm *vm = cpu->vcpu->vm;

  if (cpu->pstate.el == 0 || vm->hypercall == NULL) {
    a64_raise_undefined (cpu, op);
    return;
  }
  leave_after (cpu, op);
  if (!vm->hypercall (vm->hypercall_opaque, cpu->vcpu, cpu->x))
    cpu->x[0] = ~(uint64_t) 0;
}

void
a64_interp_BRK (A64Cpu *cpu, const A64Op *op)
{
  a64_raise_sync (cpu, op, A64_EC_BRK, (uint32_t) op->imm);
}

void
a64_interp_ERET (A64Cpu *cpu, const A64Op *op)
{
  if (cpu->pstate.el == 0)
    a64_raise_undefined (cpu, op);
  else
    a64_return_from_exception (cpu, cpu->sys->elr_el1);
}

// Hints.

void
a64_interp_HINT (A64Cpu *cpu, const A64Op *op)
{
  A64_NEXT (cpu, op);
}

void
a64_interp_YIELD (A64Cpu *cpu, const A64Op *op)
{
  leave_after (cpu, op);
}

// EL0's waits may be trapped, but only when they would wait.
static bool
wait_trapped (A64Cpu *cpu, const A64Op *op, uint64_t not_trapped_bit, unsigned kind)
{
  if (cpu->pstate.el != 0 || (cpu->sys->sctlr_el1 & not_trapped_bit) != 0)
    return false;
  // CV, COND = 0xe; with WFET and WFIT also the register.
  uint32_t iss = 0x1e << 20 | kind;
  if (kind >= 2)
    iss |= (op->insn & 31) << 5 | 1u << 2;
  a64_raise_sync (cpu, op, A64_EC_WFX, iss);
  return true;
}

void
a64_interp_WFI (A64Cpu *cpu, const A64Op *op)
{
  if (!a64_interrupt_waits (cpu)) {
    if (wait_trapped (cpu, op, A64_SCTLR_NTWI, 0))
      return;
    a64_wait (cpu, INT64_MAX);
  }
  leave_after (cpu, op);
}

static void
wait_for_event (A64Cpu *cpu, const A64Op *op, unsigned kind, int64_t deadline_ns)
{
  if (!vcpu_take_event (cpu->vcpu)) {
    if (wait_trapped (cpu, op, A64_SCTLR_NTWE, kind))
      return;
    a64_wait_for_event (cpu, deadline_ns);
  }
  leave_after (cpu, op);
}

void
a64_interp_WFE (A64Cpu *cpu, const A64Op *op)
{
  wait_for_event (cpu, op, 1, INT64_MAX);
}

// Time-outs are moments of CNTVCT_EL0, which is the machine's clock.
static int64_t
timeout (const A64Cpu *cpu, const A64Op *op)
{
  uint64_t at = cpu->x[op->rd];

  return at > INT64_MAX ? INT64_MAX : (int64_t) at;
}

void
a64_interp_WFIT (A64Cpu *cpu, const A64Op *op)
{
  if (!a64_interrupt_waits (cpu)) {
    if (wait_trapped (cpu, op, A64_SCTLR_NTWI, 2))
      return;
    a64_wait (cpu, timeout (cpu, op));
  }
  leave_after (cpu, op);
}

void
a64_interp_WFET (A64Cpu *cpu, const A64Op *op)
{
  wait_for_event (cpu, op, 3, timeout (cpu, op));
}

void
a64_interp_SEV (A64Cpu *cpu, const A64Op *op)
{
  vcpu_send_event_all (cpu->vcpu->vm);
  A64_NEXT (cpu, op);
}

void
a64_interp_SEVL (A64Cpu *cpu, const A64Op *op)
{
  vcpu_set_event (cpu->vcpu);
  A64_NEXT (cpu, op);
}

// Barriers.

void
a64_interp_CLREX (A64Cpu *cpu, const A64Op *op)
{
  cpu->excl.valid = false;
  A64_NEXT (cpu, op);
}

void
a64_interp_DSB (A64Cpu *cpu, const A64Op *op)
{
  a64_wait_for_posted (cpu);
  atomic_thread_fence (memory_order_seq_cst);
  A64_NEXT (cpu, op);
}

void
a64_interp_DMB (A64Cpu *cpu, const A64Op *op)
{
  if (op->aux[0])
    atomic_thread_fence (memory_order_seq_cst);
  else
    atomic_thread_fence (memory_order_acq_rel);
  A64_NEXT (cpu, op);
}

void
a64_interp_ISB (A64Cpu *cpu, const A64Op *op)
{
  leave_after (cpu, op);
}

void
a64_interp_SB (A64Cpu *cpu, const A64Op *op)
{
  A64_NEXT (cpu, op);
}

// PSTATE immediates.

// Those EL0 may not write are UNDEFINED there.
static bool
pstate_undefined (A64Cpu *cpu, const A64Op *op)
{
  if (cpu->pstate.el != 0)
    return false;
  a64_raise_undefined (cpu, op);
  return true;
}

void
a64_interp_MSR_UAO (A64Cpu *cpu, const A64Op *op)
{
  if (pstate_undefined (cpu, op))
    return;
  cpu->pstate.uao = op->imm & 1;
  a64_update_jumps (cpu);
  A64_NEXT (cpu, op);
}

void
a64_interp_MSR_PAN (A64Cpu *cpu, const A64Op *op)
{
  if (pstate_undefined (cpu, op))
    return;
  a64_set_pan (cpu, op->imm & 1);
  A64_NEXT (cpu, op);
}

void
a64_interp_MSR_SPSEL (A64Cpu *cpu, const A64Op *op)
{
  if (pstate_undefined (cpu, op))
    return;
  a64_switch_sp (cpu, cpu->pstate.el, op->imm & 1);
  a64_update_jumps (cpu);
  A64_NEXT (cpu, op);
}

void
a64_interp_MSR_SSBS (A64Cpu *cpu, const A64Op *op)
{
  cpu->pstate.ssbs = op->imm & 1;
  A64_NEXT (cpu, op);
}

void
a64_interp_MSR_DIT (A64Cpu *cpu, const A64Op *op)
{
  cpu->pstate.dit = op->imm & 1;
  A64_NEXT (cpu, op);
}

void
a64_raise_sysreg_trap (A64Cpu *cpu, const A64Op *op)
{
  uint32_t w = op->insn;
  uint32_t iss = (w >> 19 & 3) << 20 | (w >> 5 & 7) << 17 | (w >> 16 & 7) << 14 |
                 (w >> 12 & 15) << 10 | (w & 31) << 5 | (w >> 8 & 15) << 1 | (w >> 21 & 1);

  a64_raise_sync (cpu, op, A64_EC_SYSREG, iss);
}

static bool
daif_trapped (A64Cpu *cpu, const A64Op *op)
{
  if (cpu->pstate.el != 0 || (cpu->sys->sctlr_el1 & A64_SCTLR_UMA) != 0)
    return false;
  a64_raise_sysreg_trap (cpu, op);
  return true;
}

void
a64_interp_MSR_DAIFSET (A64Cpu *cpu, const A64Op *op)
{
  if (daif_trapped (cpu, op))
    return;
  cpu->pstate.daif |= op->imm;
  A64_NEXT (cpu, op);
}

void
a64_interp_MSR_DAIFCLR (A64Cpu *cpu, const A64Op *op)
{
  if (daif_trapped (cpu, op))
    return;
  cpu->pstate.daif &= ~op->imm;
  leave_after (cpu, op);
  a64_update_context (cpu);
  a64_poll_irq (cpu);
}

// System registers.

static bool
access_refused (A64Cpu *cpu, const A64Op *op, const A64SysReg *reg, bool write)
{
  bool trapped;

  if (__builtin_expect (a64_sysreg_allowed (cpu, reg, write, &trapped), 1))
    return false;
  if (trapped)
    a64_raise_sysreg_trap (cpu, op);
  else
    a64_raise_undefined (cpu, op);
  return true;
}

void
a64_interp_MRS_STORE (A64Cpu *cpu, const A64Op *op)
{
  const A64SysReg *reg = a64_sysreg_get ((int) op->imm);

  if (access_refused (cpu, op, reg, false))
    return;
  cpu->x[op->rd] = *(const uint64_t *) ((const char *) cpu->sys + reg->offset);
  A64_NEXT (cpu, op);
}

void
a64_interp_MSR_STORE (A64Cpu *cpu, const A64Op *op)
{
  const A64SysReg *reg = a64_sysreg_get ((int) op->imm);

  if (access_refused (cpu, op, reg, true))
    return;
  a64_sysreg_write (cpu, reg, cpu->x[op->rd]);
  A64_NEXT (cpu, op);
}

// FPCR and FPSR trap with the FP instructions; SP_EL0 is out of reach while it is SP.
static bool
special_refused (A64Cpu *cpu, const A64Op *op, const A64SysReg *reg)
{
  if ((reg->number & ~1u) == A64_SYSREG (3, 3, 4, 4, 0) && a64_fp_trapped (cpu)) {
    a64_raise_sync (cpu, op, A64_EC_FP_ACCESS, 0x1e << 20);
    return true;
  }
  if (reg->number == A64_SYSREG (3, 0, 4, 1, 0) && !cpu->pstate.sp_sel) {
    a64_raise_undefined (cpu, op);
    return true;
  }
  return false;
}

// Registers that are not in the table: identification, and the interrupt controller's.
static void
read_outside (A64Cpu *cpu, const A64Op *op)
{
  const Vm *vm = cpu->vcpu->vm;
  uint32_t number = op->insn >> 5 & 0xffff;
  uint64_t value;

  if (cpu->pstate.el == 0 ||
      (!a64_id_register (number, &value) &&
       (vm->irqchip == NULL ||
        !vm->irqchip->read (vm->irqchip_opaque, cpu->vcpu->index, number, &value)))) {
    a64_raise_undefined (cpu, op);
    return;
  }
  cpu->x[op->rd] = value | a64_feature_fields (cpu, number);
  A64_NEXT (cpu, op);
}

void
a64_interp_MRS (A64Cpu *cpu, const A64Op *op)
{
  const A64SysReg *reg;

  if (op->imm < 0) {
    read_outside (cpu, op);
    return;
  }
  reg = a64_sysreg_get ((int) op->imm);
  if (access_refused (cpu, op, reg, false) || special_refused (cpu, op, reg))
    return;
  cpu->x[op->rd] = a64_sysreg_read (cpu, reg);
  A64_NEXT (cpu, op);
}

// Ends its block, up to which the retired instructions are counted.
void
a64_interp_MRS_COUNTER (A64Cpu *cpu, const A64Op *op)
{
  const A64SysReg *reg;

  if (op->imm < 0) {
    a64_raise_undefined (cpu, op);
    return;
  }
  reg = a64_sysreg_get ((int) op->imm);
  if (access_refused (cpu, op, reg, false))
    return;
  cpu->x[op->rd] = a64_sysreg_read (cpu, reg);
  leave_after (cpu, op);
}

// The interrupt controller's. What is let through is taken here: code that masks it again at once may
// come to no other place where interrupts are looked at.
static void
write_outside (A64Cpu *cpu, const A64Op *op)
{
  const Vm *vm = cpu->vcpu->vm;
  uint32_t number = op->insn >> 5 & 0xffff;

  if (cpu->pstate.el == 0 || vm->irqchip == NULL ||
      !vm->irqchip->write (vm->irqchip_opaque, cpu->vcpu->index, number, cpu->x[op->rd])) {
    a64_raise_undefined (cpu, op);
    return;
  }
  if (atomic_load_explicit (&cpu->pending, memory_order_relaxed) != 0 &&
      (cpu->pstate.daif & 3) != 3) {
    leave_after (cpu, op);
    return;
  }
  A64_NEXT (cpu, op);
}

void
a64_interp_MSR (A64Cpu *cpu, const A64Op *op)
{
  const A64SysReg *reg;
  bool goes_on;

  if (op->imm < 0) {
    write_outside (cpu, op);
    return;
  }
  reg = a64_sysreg_get ((int) op->imm);
  if (access_refused (cpu, op, reg, true) || special_refused (cpu, op, reg))
    return;
  // Code from pages that belong to the address space left behind is looked up again.
  goes_on = a64_sysreg_is_table (reg->number) && !cpu->ctx_el1->info->fragile_code;
  a64_sysreg_write (cpu, reg, cpu->x[op->rd]);
  if (goes_on)
    A64_NEXT (cpu, op);
  else
    leave_after (cpu, op);
}

void
a64_interp_SYS (A64Cpu *cpu, const A64Op *op)
{
  if (op->imm < 0) {
    a64_raise_undefined (cpu, op);
    return;
  }
  if (a64_sysop_run (cpu, op, (int) op->imm, cpu->x[op->rd]))
    A64_NEXT (cpu, op);
}

void
a64_interp_SYSL (A64Cpu *cpu, const A64Op *op)
{
  a64_raise_undefined (cpu, op);
}
