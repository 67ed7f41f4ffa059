// SPDX-License-Identifier: GPL-3.0-or-later
// Tier 0: RNDR and RNDRRS (Arm ARM D19.2, FEAT_RNG). vCPU thread.
#include <sys/random.h>

#include "engine/guest/aarch64/interp.h"

// NZCV is 0 with a number, and Z is set with a zero when there is none. The host seeds its
// generator anew by itself, so that the two registers are the same.
static uint64_t
random_number (A64Cpu *cpu)
{
  uint64_t value = 0;
  bool there = getrandom (&value, sizeof value, GRND_NONBLOCK) == sizeof value;

  cpu->nzcv = there ? 0 : 0x4u << 28;
  return there ? value : 0;
}

void
a64_interp_RNDR (A64Cpu *cpu, const A64Op *op)
{
  cpu->x[op->rd] = random_number (cpu);
  A64_NEXT (cpu, op);
}

void
a64_interp_RNDRRS (A64Cpu *cpu, const A64Op *op)
{
  cpu->x[op->rd] = random_number (cpu);
  A64_NEXT (cpu, op);
}
