// SPDX-License-Identifier: GPL-3.0-or-later
// SYS operations: cache and TLB maintenance, address translation. vCPU thread.
#pragma once

#include "engine/guest/aarch64/cpu.h"

// Index of the operation of a SYS word, or -1. Pure.
int a64_sysop_find (uint32_t insn);
// Performs it. False: an exception was raised.
bool a64_sysop_run (A64Cpu *cpu, const A64Op *op, int index, uint64_t value);
// Marks code of a physical page (or of everything) as changed; work for vcpu_post_work.
void a64_work_stale_page (Vcpu *vcpu, uint64_t pa, uint64_t unused);
void a64_work_stale_all (Vcpu *vcpu, uint64_t unused_a, uint64_t unused_b);
