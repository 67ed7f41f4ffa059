// SPDX-License-Identifier: GPL-3.0-or-later
// The interpreter's handler of each row of the decode table.
#include "engine/guest/aarch64/decode.h"

#define A64_INSN(id, mask, value, format, flags)                                                   \
  void a64_interp_##id (A64Cpu *cpu, const A64Op *op);
#include "engine/guest/aarch64/decode.inc"
#undef A64_INSN

static const A64Handler handlers[A64_N_INSNS] = {
#define A64_INSN(id, mask, value, format, flags) a64_interp_##id,
#include "engine/guest/aarch64/decode.inc"
#undef A64_INSN
};

A64Handler
a64_interp_handler (unsigned id)
{
  return handlers[id];
}
