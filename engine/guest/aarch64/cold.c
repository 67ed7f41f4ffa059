// SPDX-License-Identifier: GPL-3.0-or-later
// See cold.h. An instruction costs an eighth of what translating it would. Where code ran is known by a bit
// for each word, in sets that a page shares with others by chance: then its code is translated a little
// sooner. vCPU thread.
#include "engine/guest/aarch64/cold.h"

#include "engine/guest/aarch64/decode.h"
#include "engine/mem/access.h"

enum {
  SETS_BITS = 12,
  SETS = 1 << SETS_BITS,
  WORDS = A64_PAGE_SIZE / 4,
  MOST_NOTED = SETS * (WORDS / 8), // then all is forgotten
  MOST_INSNS = 128,                // of a piece
  ALIGN_BYTES = 64,
};

typedef struct Set {
  uint64_t bits[WORDS / 64];
} Set;

struct A64Cold {
  unsigned n_noted;
  uint64_t pieces, insns;
  const uint8_t *page; // of the present piece
  Set *ran;
  A64Block *entry; // what the run loop runs
  A64Block *one;   // the present instruction, and what follows it
  Set sets[SETS];
};

static unsigned
set_of (GuestAddr pa)
{
  return (unsigned) ((pa >> A64_PAGE_BITS) * 0x9e3779b97f4a7c15u >> (64 - SETS_BITS));
}

// Follows the instruction, as long as what runs cannot have been taken away.
static void
goes_on (A64Cpu *cpu, const A64Op *op)
{
  cpu->pc = a64_op_pc (cpu, op);
  cpu->went_on = !cpu->recheck;
  cpu->recheck = false;
}

// A branch is followed forwards in its page, and where nothing else is to be seen to.
static bool
can_follow (const A64Cpu *cpu, const A64Op *op)
{
  uint64_t distance = cpu->pc - a64_op_pc (cpu, op), most = A64_PAGE_SIZE - 1u - op->pc_off;

  return (op->id == A64_B || (a64_insn_flags (op->id) & A64_F_BRANCH) != 0) &&
         distance - 1 < most && atomic_load_explicit (&cpu->pending, memory_order_relaxed) == 0;
}

static void
note (A64Cold *cold, unsigned word)
{
  uint64_t bit = UINT64_C (1) << word % 64, *bits = &cold->ran->bits[word / 64];

  cold->n_noted += (*bits & bit) == 0;
  *bits |= bit;
}

// True when it went on to an instruction of this page.
static bool
carry_out (A64Cold *cold, A64Cpu *cpu, unsigned offset)
{
  A64Op *op = cold->one->ops;
  bool last;

  note (cold, offset / 4);
  a64_decode (mem_load32 (cold->page + offset), op);
  op[0].pc_off = (uint16_t) offset;
  op[1].pc_off = (uint16_t) (offset + 4);
  last = a64_set_handler (op, cold->one->fp_trapped);
  cpu->went_on = false;
  a64_count (cpu, 1);
  op->fn (cpu, op);
  if (cpu->went_on)
    return !last && offset + 4 < A64_PAGE_SIZE;
  return op->id != A64_UNALLOCATED && can_follow (cpu, op);
}

static void
run (A64Cpu *cpu, const A64Op *entry)
{
  A64Cold *cold = cpu->cold;
  unsigned n = 1;

  (void) entry;
  cpu->block = cold->one;
  while (carry_out (cold, cpu, cpu->pc & (A64_PAGE_SIZE - 1)) && n < MOST_INSNS)
    n++;
  cold->pieces++;
  cold->insns += n;
}

A64Block *
a64_cold_block (A64Cold *cold, const A64Cpu *cpu, GuestAddr pa, const uint8_t *page)
{
  unsigned word = pa % A64_PAGE_SIZE / 4;

  cold->ran = &cold->sets[set_of (pa)];
  if (cold->ran->bits[word / 64] >> word % 64 & 1)
    return NULL;
  if (cold->n_noted > MOST_NOTED) {
    cold->n_noted = 0;
    memset (cold->sets, 0, sizeof cold->sets);
  }
  cold->page = page;
  cold->one->fp_trapped = a64_fp_trapped (cpu);
  return cold->entry;
}

void
a64_cold_format (const A64Cold *cold, GString *out)
{
  g_string_append_printf (out, " cold=%" G_GUINT64_FORMAT " cold_insns=%" G_GUINT64_FORMAT,
                          cold->pieces, cold->insns);
}

// Of n instructions, as the run loop counts them.
static A64Block *
new_block (unsigned n, A64Handler first, A64Handler second)
{
  A64Block *block = g_aligned_alloc0 (1, sizeof *block + 2 * sizeof (A64Op), ALIGN_BYTES);

  block->n = (uint16_t) n;
  block->ops[0].fn = first;
  block->ops[1].fn = second;
  return block;
}

A64Cold *
a64_cold_new (void)
{
  A64Cold *cold = g_new0 (A64Cold, 1);

  cold->entry = new_block (0, run, NULL);
  cold->one = new_block (1, NULL, goes_on);
  return cold;
}

void
a64_cold_free (A64Cold *cold)
{
  if (cold == NULL)
    return;
  g_aligned_free (cold->entry);
  g_aligned_free (cold->one);
  g_free (cold);
}
