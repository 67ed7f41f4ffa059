// SPDX-License-Identifier: GPL-3.0-or-later
// Tier 0: branches (Arm ARM C4.1.87). A branch leaves its block with cpu->pc set, but for the
// conditional one that is not taken or stays inside; what the target's top byte means and whether
// it is aligned is found out by whoever fetches from there. vCPU thread.
#include "engine/guest/aarch64/branch.h"
#include "engine/guest/aarch64/interp.h"

static inline void
branch (A64Cpu *cpu, const A64Op *op)
{
  cpu->pc = a64_op_pc (cpu, op) + (uint64_t) op->imm;
}

// Goes on in the block where the branch is not taken, or leads forward to one of its instructions;
// what it passes over was counted when the block began.
#define BRANCH_IF(cpu, op, taken)                                                                  \
  do {                                                                                             \
    if (!(taken))                                                                                  \
      A64_NEXT (cpu, op);                                                                          \
    if ((op)->ra) {                                                                                \
      const A64Op *target = (op) + (op)->imm / 4;                                                  \
      a64_count ((cpu), 1 - (op)->imm / 4);                                                        \
      target->fn ((cpu), target);                                                                  \
      return;                                                                                      \
    }                                                                                              \
    a64_count ((cpu), -(int64_t) (op)->rm);                                                        \
    branch ((cpu), (op));                                                                          \
  } while (0)

void
a64_interp_B (A64Cpu *cpu, const A64Op *op)
{
  branch (cpu, op);
}

void
a64_interp_BL (A64Cpu *cpu, const A64Op *op)
{
  cpu->x[30] = a64_op_pc (cpu, op) + 4;
  branch (cpu, op);
}

void
a64_interp_B_COND (A64Cpu *cpu, const A64Op *op)
{
  BRANCH_IF (cpu, op, a64_condition_holds (cpu, op));
}

void
a64_interp_CBZ_32 (A64Cpu *cpu, const A64Op *op)
{
  BRANCH_IF (cpu, op, (uint32_t) cpu->x[op->rn] == 0);
}

void
a64_interp_CBZ_64 (A64Cpu *cpu, const A64Op *op)
{
  BRANCH_IF (cpu, op, cpu->x[op->rn] == 0);
}

void
a64_interp_CBNZ_32 (A64Cpu *cpu, const A64Op *op)
{
  BRANCH_IF (cpu, op, (uint32_t) cpu->x[op->rn] != 0);
}

void
a64_interp_CBNZ_64 (A64Cpu *cpu, const A64Op *op)
{
  BRANCH_IF (cpu, op, cpu->x[op->rn] != 0);
}

void
a64_interp_TBZ (A64Cpu *cpu, const A64Op *op)
{
  BRANCH_IF (cpu, op, (cpu->x[op->rn] >> op->aux[0] & 1) == 0);
}

void
a64_interp_TBNZ (A64Cpu *cpu, const A64Op *op)
{
  BRANCH_IF (cpu, op, (cpu->x[op->rn] >> op->aux[0] & 1) != 0);
}

void
a64_interp_BR (A64Cpu *cpu, const A64Op *op)
{
  a64_branch_jump (cpu, op, op->rn, cpu->x[op->rn]);
}

void
a64_interp_BLR (A64Cpu *cpu, const A64Op *op)
{
  a64_branch_call (cpu, op, cpu->x[op->rn]);
}

void
a64_interp_RET (A64Cpu *cpu, const A64Op *op)
{
  cpu->pc = cpu->x[op->rn];
}
