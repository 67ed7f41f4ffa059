// SPDX-License-Identifier: GPL-3.0-or-later
// A guest architecture for tests of the machine: its "instructions" are calls of a function the
// test chooses, and it polls *pending before each as real ones do.
#pragma once

#include "engine/vm/vm.h"

typedef struct FakeCpu FakeCpu;
struct FakeCpu {
  _Atomic uint32_t pending;
  Vcpu *vcpu;
  uint64_t pc, arg;              // as set_entry left them
  _Atomic uint64_t instructions; // since reset
  _Atomic unsigned resets, irqs; // calls
  _Atomic bool in_step;          // inside an "instruction"
  // The instruction; NULL: count and go on.
  void (*step) (FakeCpu *cpu);
};

extern const GuestOps fake_guest_ops;

// The test's own step for CPUs made from now on.
void fake_guest_set_step (void (*step) (FakeCpu *cpu));
