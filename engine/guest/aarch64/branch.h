// SPDX-License-Identifier: GPL-3.0-or-later
// Indirect branches and the type that FEAT_BTI has them leave behind in PSTATE.BTYPE (Arm ARM
// D8.4.6). vCPU thread.
#pragma once

#include "engine/guest/aarch64/cpu.h"

// Where a machine has BTI: sets PSTATE.BTYPE for a branch through register `rn` or a call, unless
// it is plain that the target takes it. cpu->pc is the target already.
void a64_bti_jump (A64Cpu *cpu, unsigned rn);
void a64_bti_call (A64Cpu *cpu);
// Of the instruction word fetched from cpu->pc with PSTATE.BTYPE set: true when the Branch Target
// exception was raised. PSTATE.BTYPE is 0 afterwards.
bool a64_bti_refuses (A64Cpu *cpu, uint32_t insn);

// Whether the instruction itself shows what branched to it: generated code leaves that to tier 0.
bool a64_bti_is_seen (const A64Cpu *cpu, uint32_t insn);

static inline void
a64_branch_jump (A64Cpu *cpu, const A64Op *op, unsigned rn, uint64_t target)
{
  (void) op;
  cpu->pc = target;
  if (__builtin_expect ((cpu->features & A64_FEATURE_BTI) != 0, 0))
    a64_bti_jump (cpu, rn);
}

static inline void
a64_branch_call (A64Cpu *cpu, const A64Op *op, uint64_t target)
{
  cpu->x[30] = a64_op_pc (cpu, op) + 4;
  cpu->pc = target;
  if (__builtin_expect ((cpu->features & A64_FEATURE_BTI) != 0, 0))
    a64_bti_call (cpu);
}
