// SPDX-License-Identifier: GPL-3.0-or-later
// What every file of interpreter handlers shares: the prototypes of all handlers, made from the
// decode table, and the condition test.
#pragma once

#include <string.h>

#include "engine/guest/aarch64/cpu.h"
#include "engine/guest/aarch64/decode.h"

#define A64_INSN(id, mask, value, format, flags)                                                   \
  void a64_interp_##id (A64Cpu *cpu, const A64Op *op);
#include "engine/guest/aarch64/decode.inc"
#undef A64_INSN

// The condition of an instruction whose format called a64_set_condition (format.h): aux[0..1] hold
// one bit for each of the sixteen values of NZCV.
static inline bool
a64_condition_holds (const A64Cpu *cpu, const A64Op *op)
{
  uint16_t truth;

  memcpy (&truth, op->aux, sizeof truth);
  return (truth >> (cpu->nzcv >> 28)) & 1;
}
