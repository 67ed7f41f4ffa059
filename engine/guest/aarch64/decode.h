// SPDX-License-Identifier: GPL-3.0-or-later
// From an instruction word to an A64Op (Arm ARM C4, "A64 instruction set encoding").
#pragma once

#include "engine/guest/aarch64/op.h"

typedef enum A64Id {
#define A64_INSN(id, mask, value, format, flags) A64_##id,
#include "engine/guest/aarch64/decode.inc"
#undef A64_INSN
  A64_N_INSNS,
  A64_UNALLOCATED = A64_N_INSNS,
} A64Id;

// Fills everything but fn and pc_off; false (and id A64_UNALLOCATED) when the word is not
// allocated in this CPU. Pure: any thread.
bool a64_decode (uint32_t insn, A64Op *op);
const char *a64_insn_name (unsigned id);
unsigned a64_insn_flags (unsigned id);
// The fixed bits of a row, for tests and fuzzers.
void a64_insn_pattern (unsigned id, uint32_t *mask, uint32_t *value);

// The interpreter's handler of each row (interp-table.c).
A64Handler a64_interp_handler (unsigned id);
