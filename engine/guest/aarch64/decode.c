// SPDX-License-Identifier: GPL-3.0-or-later
// The A64 decoder: candidates for bits 31:21 from the generated tree, then mask, value and the
// row's format function. Thread-safe: constant data only.
#include "engine/guest/aarch64/decode.h"

#define A64_INSN(id, mask, value, format, flags) bool a64_fmt_##format (uint32_t insn, A64Op *op);
#include "engine/guest/aarch64/decode.inc"
#undef A64_INSN

#include "decode-tree.inc"

typedef struct DecodeRow {
  uint32_t mask, value;
  const char *name;
  unsigned flags;
} DecodeRow;

static const DecodeRow rows[A64_N_INSNS + 1] = {
#define A64_INSN(id, mask, value, format, flags) {mask, value, #id, flags},
#include "engine/guest/aarch64/decode.inc"
#undef A64_INSN
    {0, 0, "UNALLOCATED", 0},
};

bool
a64_decode (uint32_t insn, A64Op *op)
{
  unsigned bucket = insn >> 21;

  for (unsigned i = a64_tree_start[bucket]; i < a64_tree_start[bucket + 1]; i++) {
    if ((insn & a64_tree_rows[i].mask) != a64_tree_rows[i].value)
      continue;
    *op = (A64Op){.insn = insn, .id = a64_tree_rows[i].id};
    if (a64_tree_formats[a64_tree_rows[i].format](insn, op))
      return true;
  }
  *op = (A64Op){.insn = insn, .id = A64_UNALLOCATED};
  return false;
}

const char *
a64_insn_name (unsigned id)
{
  return rows[id < A64_N_INSNS ? id : A64_N_INSNS].name;
}

unsigned
a64_insn_flags (unsigned id)
{
  return rows[id < A64_N_INSNS ? id : A64_N_INSNS].flags;
}

void
a64_insn_pattern (unsigned id, uint32_t *mask, uint32_t *value)
{
  *mask = rows[id].mask;
  *value = rows[id].value;
}
