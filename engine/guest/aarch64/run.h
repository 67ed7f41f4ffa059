// SPDX-License-Identifier: GPL-3.0-or-later
// The run loop, the guest's wait instructions, and work for the other CPUs. vCPU thread only.
#pragma once

#include "engine/guest/aarch64/cpu.h"

enum { A64_EVENT_WAIT_NS = 50000 };

// GuestOps.run.
void a64_run (void *cpu);

// VCPU_IRQ was pending: those that are not masked; FIQ first. Between instructions, pc being the next.
void a64_take_interrupts (A64Cpu *cpu);
// An interrupt input is high, masked or not: what ends WFI.
bool a64_interrupt_waits (A64Cpu *cpu);
// Sleeps until an interrupt, a request of another thread or the deadline (machine clock).
void a64_wait (A64Cpu *cpu, int64_t deadline_ns);
void a64_wait_for_event (A64Cpu *cpu, int64_t deadline_ns);

// Broadcast maintenance: posted here, complete at the next DSB.
void a64_post_others (A64Cpu *cpu, VcpuWork fn, uint64_t a, uint64_t b);
void a64_wait_for_posted (A64Cpu *cpu);
