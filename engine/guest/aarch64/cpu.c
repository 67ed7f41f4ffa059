// SPDX-License-Identifier: GPL-3.0-or-later
// One AArch64 CPU as the machine sees it: GuestOps. See engine/vm/guest.h for the threads.
#include <gio/gio.h>

#include "engine/guest/aarch64/aarch64.h"
#include "engine/guest/aarch64/accel-jit.h"
#include "engine/guest/aarch64/accel-verify.h"
#include "engine/guest/aarch64/block.h"
#include "engine/guest/aarch64/code-watch.h"
#include "engine/guest/aarch64/debugger.h"
#include "engine/guest/aarch64/exception.h"
#include "engine/guest/aarch64/mmu.h"
#include "engine/guest/aarch64/pmu.h"
#include "engine/guest/aarch64/run.h"
#include "engine/guest/aarch64/sysop.h"
#include "engine/guest/aarch64/sysreg.h"
#include "engine/guest/aarch64/timer.h"
#include "engine/snapshot/state.h"

static void
cpu_free (void *opaque)
{
  A64Cpu *cpu = opaque;

  if (cpu == NULL)
    return;
  a64_debugger_free (cpu);
  a64_pmu_clear (cpu);
  a64_timers_clear (cpu);
  a64_mmu_clear (cpu);
  a64_blocks_clear (cpu);
  a64_verify_clear (cpu);
  a64_jit_clear (cpu);
  a64_code_watch_clear (cpu);
  g_free (cpu->sys);
  g_aligned_free (cpu);
}

// EL1h, MMU and caches off, everything masked (D1.2.1).
static void
cpu_reset (void *opaque)
{
  A64Cpu *cpu = opaque;

  memset (cpu->x, 0, sizeof cpu->x);
  memset (cpu->v, 0, sizeof cpu->v);
  memset (cpu->sp_bank, 0, sizeof cpu->sp_bank);
  memset (&cpu->excl, 0, sizeof cpu->excl);
  memset (&cpu->fp, 0, sizeof cpu->fp);
  cpu->nzcv = 0;
  cpu->pc = 0;
  cpu->pstate = (A64Pstate){.el = 1, .sp_sel = true, .daif = 0xf};
  cpu->fpsr_qc = 0;
  cpu->step_executed = false;
  cpu->posted = false;
  a64_set_fpcr (cpu, 0);
  a64_timers_reset (cpu);
  a64_sysregs_reset (cpu);
  a64_pmu_reset (cpu);
}

static void *
cpu_new (Vcpu *vcpu, GError **error)
{
  A64Cpu *cpu = g_aligned_alloc0 (1, sizeof *cpu, 64);

  cpu->vcpu = vcpu;
  cpu->event = vcpu_event_register (vcpu);
  vcpu->pending = &cpu->pending;
  cpu->sys = g_new0 (A64SysRegs, 1);
  if (!a64_blocks_init (cpu, error) || !a64_mmu_init (cpu)) {
    cpu_free (cpu);
    return NULL;
  }
  a64_timers_init (cpu);
  a64_pmu_init (cpu);
  cpu_reset (cpu);
  return cpu;
}

static void
cpu_set_entry (void *opaque, GuestVaddr pc, uint64_t arg)
{
  A64Cpu *cpu = opaque;

  cpu->pc = pc;
  cpu->x[0] = arg;
}

static void
cpu_set_irq (void *opaque, GuestIrq irq, bool level)
{
  A64Cpu *cpu = opaque;

  atomic_store (irq == GUEST_IRQ ? &cpu->irq_level : &cpu->fiq_level, level);
  if (level)
    vcpu_request (cpu->vcpu, VCPU_IRQ);
}

static void
cpu_code_changed (void *opaque, GuestAddr addr, uint64_t length)
{
  A64Cpu *cpu = opaque;

  if (length > MIB (1)) {
    a64_blocks_stale_all (cpu);
    return;
  }
  for (uint64_t done = 0; done < length; done += A64_PAGE_SIZE)
    a64_blocks_stale_page (cpu, addr + done);
  if (length > 0)
    a64_blocks_stale_page (cpu, addr + length - 1);
}

static uint64_t
cpu_get_instructions (void *opaque)
{
  const A64Cpu *cpu = opaque;

  return __atomic_load_n (&cpu->instructions, __ATOMIC_RELAXED);
}

static void
cpu_save (void *opaque, StateWriter *writer)
{
  A64Cpu *cpu = opaque;

  a64_pmu_sync (cpu);
  // An alarm that is due may not have come: what the interrupt controller saves later has to agree
  // with the timers, for a load drives their outputs before the controller has its state.
  a64_timers_settle (cpu);
  for (unsigned i = 0; i < 31; i++)
    state_put_u64 (writer, cpu->x[i]);
  state_put_u64 (writer, cpu->x[A64_SP]);
  state_put_u64 (writer, cpu->sp_bank[0]);
  state_put_u64 (writer, cpu->sp_bank[1]);
  state_put_u64 (writer, cpu->pc);
  state_put_u32 (writer, cpu->features);
  state_put_u32 (writer, a64_get_spsr (cpu));
  state_put_u32 (writer, cpu->fpcr);
  state_put_u32 (writer, cpu->fpsr_qc | cpu->fp.flags);
  state_put_bytes (writer, cpu->v, sizeof *cpu->v * A64_N_V);
  state_put_u64 (writer, cpu_get_instructions (cpu));
  state_put_bool (writer, atomic_load (&cpu->irq_level));
  state_put_bool (writer, atomic_load (&cpu->fiq_level));
  state_put_bytes (writer, cpu->sys, sizeof *cpu->sys);
  for (unsigned i = 0; i < A64_N_TIMERS; i++) {
    A64TimerState timer = a64_timer_get (cpu, i);

    state_put_u32 (writer, timer.ctl);
    state_put_u64 (writer, timer.cval);
  }
}

static bool
load_registers (A64Cpu *cpu, StateReader *reader)
{
  uint32_t features, spsr, fpsr;

  for (unsigned i = 0; i < 31; i++)
    cpu->x[i] = state_get_u64 (reader);
  cpu->x[A64_SP] = state_get_u64 (reader);
  cpu->sp_bank[0] = state_get_u64 (reader);
  cpu->sp_bank[1] = state_get_u64 (reader);
  cpu->pc = state_get_u64 (reader);
  features = state_get_u32 (reader);
  cpu->features = features & A64_FEATURES;
  spsr = state_get_u32 (reader);
  a64_set_fpcr (cpu, state_get_u32 (reader));
  fpsr = state_get_u32 (reader);
  cpu->fpsr_qc = fpsr & 1u << 27;
  cpu->fp.flags = fpsr & 0x9f;
  state_get_bytes (reader, cpu->v, sizeof *cpu->v * A64_N_V);
  cpu->instructions = state_get_u64 (reader);
  atomic_store (&cpu->irq_level, state_get_bool (reader));
  atomic_store (&cpu->fiq_level, state_get_bool (reader));
  return a64_set_pstate (cpu, spsr) && features == cpu->features;
}

static bool
cpu_load (void *opaque, StateReader *reader, uint32_t version, GError **error)
{
  A64Cpu *cpu = opaque;
  A64TimerState timers[A64_N_TIMERS];
  bool legal = load_registers (cpu, reader);

  (void) version;
  state_get_bytes (reader, cpu->sys, sizeof *cpu->sys);
  for (unsigned i = 0; i < A64_N_TIMERS; i++) {
    timers[i].ctl = state_get_u32 (reader);
    timers[i].cval = state_get_u64 (reader);
  }
  if (!legal || !state_reader_ok (reader)) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                 "The saved state of processor %u is damaged", cpu->vcpu->index);
    cpu_reset (cpu);
    return false;
  }
  cpu->excl.valid = false;
  cpu->step_executed = false;
  a64_sysregs_sanitize (cpu);
  a64_sysregs_loaded (cpu);
  a64_pmu_loaded (cpu);
  for (unsigned i = 0; i < A64_N_TIMERS; i++)
    a64_timer_set (cpu, i, timers[i]);
  a64_poll_irq (cpu);
  return true;
}

void
a64_set_features (Vcpu *vcpu, const A64Features *features)
{
  A64Cpu *cpu = vcpu->cpu;

  cpu->features = (features->pauth ? A64_FEATURE_PAUTH : 0) | (features->bti ? A64_FEATURE_BTI : 0);
  cpu_reset (cpu);
}

void
a64_wire_output (Vcpu *vcpu, A64Output output, IrqLine line)
{
  if (output == A64_OUTPUT_PMU)
    a64_pmu_wire (vcpu->cpu, line);
  else
    a64_timers_wire (vcpu->cpu, output, line);
}

static void
cpu_report (void *opaque, GString *out)
{
  a64_jit_report (opaque, out);
}

const GuestOps a64_guest_ops = {
    .name = "aarch64",
    .cpu_new = cpu_new,
    .cpu_free = cpu_free,
    .reset = cpu_reset,
    .set_entry = cpu_set_entry,
    .run = a64_run,
    .set_irq = cpu_set_irq,
    .code_changed = cpu_code_changed,
    .get_instructions = cpu_get_instructions,
    .report = cpu_report,
    .state_version = 2,
    .save = cpu_save,
    .load = cpu_load,
    .debug = &a64_debug_ops,
};
