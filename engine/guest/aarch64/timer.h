// SPDX-License-Identifier: GPL-3.0-or-later
// The generic timers of one CPU (Arm ARM D12): the virtual and the physical one, both counting
// nanoseconds of the machine's clock (no EL2, so no offset between them).
#pragma once

#include "engine/guest/aarch64/aarch64.h"
#include "engine/guest/aarch64/cpu.h"

void a64_timers_init (A64Cpu *cpu);
void a64_timers_clear (A64Cpu *cpu);
void a64_timers_reset (A64Cpu *cpu);
// Drives the outputs as the clock says, whatever the alarms have got to; the CPU is parked.
void a64_timers_settle (A64Cpu *cpu);
void a64_timers_wire (A64Cpu *cpu, A64Output output, IrqLine line);
// The registers of a timer, for saved state.
typedef struct A64TimerState {
  uint32_t ctl; // ENABLE, IMASK
  uint64_t cval;
} A64TimerState;
A64TimerState a64_timer_get (A64Cpu *cpu, A64Output timer);
void a64_timer_set (A64Cpu *cpu, A64Output timer, A64TimerState state);
