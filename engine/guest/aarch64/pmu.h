// SPDX-License-Identifier: GPL-3.0-or-later
// The Performance Monitors of one CPU (Arm ARM D13, PMUv3): the cycle counter and six event
// counters. A cycle is a nanosecond of the machine's clock in which the CPU did not sleep. The
// counters are brought up to date where something needs them: when they are read or written, and
// when the Exception level changes. vCPU thread, but for the alarm.
#pragma once

#include "engine/guest/aarch64/cpu.h"
#include "engine/vm/irq.h"

bool a64_pmu_init (A64Cpu *cpu);
void a64_pmu_clear (A64Cpu *cpu);
void a64_pmu_reset (A64Cpu *cpu);
void a64_pmu_wire (A64Cpu *cpu, IrqLine line);
// After the state was written from outside; puts back what no write could have set.
void a64_pmu_loaded (A64Cpu *cpu);

// Adds what passed since the last time, at the current EL. Only where cpu->pmu_on.
void a64_pmu_sync (A64Cpu *cpu);
// The CPU slept since the last sync.
void a64_pmu_slept (A64Cpu *cpu);
