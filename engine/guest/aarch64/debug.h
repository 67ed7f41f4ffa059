// SPDX-License-Identifier: GPL-3.0-or-later
// The guest's own breakpoints and watchpoints (DBGB*_EL1, DBGW*_EL1). A page with a breakpoint
// enters no jump cache and its code runs one instruction at a time; a page with a watchpoint enters
// no first-level TLB. vCPU thread.
#pragma once

#include "engine/guest/aarch64/cpu.h"

enum {
  A64_N_BREAKS = 6,
  A64_N_WATCHES = 4,
};

// Finds out which are enabled, after their registers, MDSCR_EL1 or the OS lock were written.
void a64_debug_configure (A64Cpu *cpu);
// Debug exceptions are taken at the current EL.
bool a64_debug_enabled (const A64Cpu *cpu);

// For block.c, where cpu->breaks is not 0. True when the Breakpoint exception was raised at
// cpu->pc.
bool a64_debug_breaks (A64Cpu *cpu);
bool a64_debug_breaks_page (const A64Cpu *cpu, GuestVaddr va);

// For access.c, where cpu->watches is not 0. True when the Watchpoint exception was raised for an
// access with the rights of `el`; `cm`: a cache maintenance instruction.
bool a64_debug_watches (A64Cpu *cpu, const A64Op *op, GuestVaddr va, unsigned size, unsigned el,
                        bool write, bool cm);
bool a64_debug_watches_page (const A64Cpu *cpu, GuestVaddr va);
