// SPDX-License-Identifier: GPL-3.0-or-later
// What the machine needs to know of the AArch64 CPU. Nothing else of this folder is for others.
#pragma once

#include <gio/gio.h>

#include "engine/jit/jit.h"
#include "engine/vm/irq.h"
#include "engine/vm/vcpu.h"

extern const GuestOps a64_guest_ops;

// The CPU's own interrupt outputs, wired to private peripheral interrupts of the controller.
typedef enum A64Output {
  A64_OUTPUT_TIMER_VIRT, // level, PPI 27
  A64_OUTPUT_TIMER_PHYS, // level, PPI 30
  A64_N_TIMERS,
  A64_OUTPUT_PMU = A64_N_TIMERS, // level, PPI 23
} A64Output;

// While the machine is being built.
void a64_wire_output (Vcpu *vcpu, A64Output output, IrqLine line);

// Features that a machine has or not; none at first. While the machine is being built, the same for
// all of its CPUs; a saved state brings its own.
typedef struct A64Features {
  bool pauth; // pointer authentication
  bool bti;   // branch target identification
} A64Features;

// Has the CPU run translated code. Without config->count instructions are counted only where the
// guest's performance monitors want it.
bool a64_use_jit (Vcpu *vcpu, const JitHostOps *host, const JitConfig *config, GError **error);
// Has all CPUs of the machine run it, or none.
bool a64_use_jit_on_all (Vm *vm, const JitHostOps *host, const JitConfig *config, GError **error);

// From then on translated code is compared with the interpreter, as it runs (accel-verify.h). For
// developers; machines with one CPU.
void a64_verify_jit (Vcpu *vcpu);

// The CPUs' stores to code are noticed though the guest does not say that code changed
// (code-watch.h); memory ends before `end`. While the machine is being built.
void a64_watch_code (Vm *vm, GuestAddr end);

void a64_set_features (Vcpu *vcpu, const A64Features *features);

// MPIDR_EL1's affinity fields: sixteen CPUs to an Aff1 cluster, as GICv3 SGIs want it.
static inline uint64_t
a64_cpu_affinity (unsigned index)
{
  return (uint64_t) (index >> 4) << 8 | (index & 15);
}

// CNTFRQ_EL0, Hz: one tick is one nanosecond of the machine's clock.
#define A64_TIMER_FREQUENCY 1000000000u
