// SPDX-License-Identifier: GPL-3.0-or-later
// From the words of memory to the ops of a block. Runs on the vCPU's thread.
#include <assert.h>

#include "engine/guest/aarch64/block.h"
#include "engine/guest/aarch64/decode.h"
#include "engine/guest/aarch64/exception.h"
#include "engine/mem/access.h"

static_assert (sizeof (A64Op) == 32, "two to a cache line");
static_assert (sizeof (A64Block) == 32, "shares a cache line with the first op");

// Follows the last instruction of every block.
static void
block_end (A64Cpu *cpu, const A64Op *op)
{
  cpu->pc = a64_op_pc (cpu, op);
}

static void
unallocated (A64Cpu *cpu, const A64Op *op)
{
  a64_raise_undefined (cpu, op);
}

static void
fp_trap (A64Cpu *cpu, const A64Op *op)
{
  // CV = 1, COND = 0xe.
  a64_raise_sync (cpu, op, A64_EC_FP_ACCESS, 0x1e << 20);
}

bool
a64_set_handler (A64Op *op, bool fp_trapped)
{
  bool allocated = op->id != A64_UNALLOCATED;
  unsigned flags = allocated ? a64_insn_flags (op->id) : A64_F_END;

  op->fn = allocated ? a64_interp_handler (op->id) : unallocated;
  if (allocated && fp_trapped && (flags & A64_F_FP)) {
    op->fn = fp_trap;
    flags |= A64_F_END;
  }
  return (flags & A64_F_END) != 0;
}

// True when it is the last of its block.
static bool
set_op (A64Op *op, uint32_t insn, unsigned pc_off, bool fp_trapped)
{
  a64_decode (insn, op);
  op->pc_off = pc_off;
  return a64_set_handler (op, fp_trapped);
}

// Tells conditional branches what follows them.
static void
set_branch (const A64Block *block, A64Op *op)
{
  unsigned index = op - block->ops;
  int64_t distance = op->imm / 4;

  if (op->id == A64_UNALLOCATED || !(a64_insn_flags (op->id) & A64_F_BRANCH))
    return;
  op->rm = block->n - index - 1;
  op->ra = distance > 0 && distance <= op->rm;
}

void
a64_block_decode (A64Block *block, const uint8_t *words, unsigned max)
{
  unsigned offset = block->pa & (A64_PAGE_SIZE - 1);
  unsigned room = (A64_PAGE_SIZE - offset) / 4;
  bool last = false;

  max = max < room ? max : room;
  for (block->n = 0; block->n < max && !last; block->n++)
    last = set_op (&block->ops[block->n], mem_load32 (words + block->n * 4), offset + block->n * 4,
                   block->fp_trapped);
  block->ops[block->n] = (A64Op){.fn = block_end, .pc_off = offset + block->n * 4};
  block->first = block->ops[0].fn;
  for (unsigned i = 0; i < block->n; i++)
    set_branch (block, &block->ops[i]);
}
