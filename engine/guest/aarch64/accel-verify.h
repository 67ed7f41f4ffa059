// SPDX-License-Identifier: GPL-3.0-or-later
// Translated code under supervision: every region is first carried out by tier 0, which notes what
// it overwrites; that is undone and the translated code runs from the same state. Both must come to
// the same registers and memory. What cannot be done twice (devices, time, what changes address
// translation) is tier 0's alone. For machines with one CPU; for developers. vCPU thread.
#pragma once

#include "engine/guest/aarch64/cpu.h"

void a64_verify_clear (A64Cpu *cpu);
// Runs one region, or a block of tier 0, from cpu->pc.
void a64_verify_run (A64Cpu *cpu);

// All translated code is gone.
void a64_verify_forget (A64Cpu *cpu);

// Of the slow paths of memory access: true while accesses are tier 0's for comparison; such pages do
// not enter the TLB.
bool a64_verify_is_noting (const A64Cpu *cpu);
// [host, host + size) is about to be accessed; NULL: what is no RAM.
void a64_verify_note (A64Cpu *cpu, void *host, unsigned size, bool write);
