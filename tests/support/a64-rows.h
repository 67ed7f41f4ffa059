// SPDX-License-Identifier: GPL-3.0-or-later
// The decode table's rows with their formats and handlers, for programs that run instructions on a
// bare CPU without the rest of the engine: integer and memory rows, and with A64_ROWS_VECTOR
// defined the floating-point, SIMD and cryptographic ones too. System instructions are not there.
#pragma once

#include "engine/guest/aarch64/cpu.h"

typedef struct A64Row {
  uint32_t mask, value;
  bool (*format) (uint32_t insn, A64Op *op);
  A64Handler handler;
  const char *name;
  unsigned flags;
} A64Row;

#define A64_INSN(id, mask, value, format, flags)                                                   \
  bool a64_fmt_##format (uint32_t insn, A64Op *op);                                                \
  void a64_interp_##id (A64Cpu *cpu, const A64Op *op);
#include "engine/guest/aarch64/decode-int.inc"
#include "engine/guest/aarch64/decode-mem.inc"
#if defined(A64_ROWS_VECTOR)
#include "engine/guest/aarch64/decode-complex.inc"
#include "engine/guest/aarch64/decode-crypto.inc"
#include "engine/guest/aarch64/decode-fp.inc"
#include "engine/guest/aarch64/decode-fp16.inc"
#include "engine/guest/aarch64/decode-i8mm.inc"
#include "engine/guest/aarch64/decode-mops.inc"
#include "engine/guest/aarch64/decode-sha3.inc"
#include "engine/guest/aarch64/decode-simd.inc"
#include "engine/guest/aarch64/decode-simdfp.inc"
#endif
#undef A64_INSN

static const A64Row a64_rows[] = {
#define A64_INSN(id, mask, value, format, flags)                                                   \
  {mask, value, a64_fmt_##format, a64_interp_##id, #id, flags},
#include "engine/guest/aarch64/decode-int.inc"
#include "engine/guest/aarch64/decode-mem.inc"
#if defined(A64_ROWS_VECTOR)
#include "engine/guest/aarch64/decode-complex.inc"
#include "engine/guest/aarch64/decode-crypto.inc"
#include "engine/guest/aarch64/decode-fp.inc"
#include "engine/guest/aarch64/decode-fp16.inc"
#include "engine/guest/aarch64/decode-i8mm.inc"
#include "engine/guest/aarch64/decode-mops.inc"
#include "engine/guest/aarch64/decode-sha3.inc"
#include "engine/guest/aarch64/decode-simd.inc"
#include "engine/guest/aarch64/decode-simdfp.inc"
#endif
#undef A64_INSN
};

enum { A64_N_ROWS = sizeof a64_rows / sizeof a64_rows[0] };

// Decodes as a64_decode does, slowly; op->id is the row's index here and op->fn its handler. NULL:
// unallocated, or an instruction that is not in the table.
static inline const A64Row *
a64_rows_decode (uint32_t insn, A64Op *op)
{
  const A64Row *best = NULL;
  int best_bits = 0;

  for (unsigned i = 0; i < A64_N_ROWS; i++) {
    const A64Row *row = &a64_rows[i];
    A64Op candidate = {.fn = row->handler, .insn = insn, .id = (uint16_t) i};

    if ((insn & row->mask) != row->value || __builtin_popcount (row->mask) <= best_bits ||
        !row->format (insn, &candidate))
      continue;
    best = row;
    best_bits = __builtin_popcount (row->mask);
    *op = candidate;
  }
  return best;
}
