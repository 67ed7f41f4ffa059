// SPDX-License-Identifier: GPL-3.0-or-later
// See insn-host.h.
#include "tests/differential/insn-host.h"

#include <glib.h>

#include "engine/guest/aarch64/access.h"
#include "engine/guest/aarch64/branch.h"
#include "engine/guest/aarch64/exception.h"

#define A64_ROWS_VECTOR
#include "tests/support/a64-rows.h"

const unsigned insn_n_rows = A64_N_ROWS;

const char *
insn_row_name (unsigned row)
{
  return a64_rows[row].name;
}

void
insn_row_pattern (unsigned row, uint32_t *mask, uint32_t *value, unsigned *flags)
{
  *mask = a64_rows[row].mask;
  *value = a64_rows[row].value;
  *flags = a64_rows[row].flags;
}

enum {
  N_BUCKETS = 2048, // the values of bits 31:21
};
enum { NOP = 0xd503201f };

// A CPU with its memories, all of them in the TLB, and what the handlers ask of the rest of the
// engine. Accesses that cross from one page to another take the slow path, as do those that fault.
struct InsnHost {
  A64Cpu cpu;
  A64TlbContext ctx;
  A64Op ops[INSN_WORDS_MAX + 1];
  _Alignas(4096) uint64_t memory[INSN_MEMORY_WORDS];
  _Alignas(4096) uint64_t bulk[INSN_BULK_WORDS];
  uint32_t slot[INSN_WORDS_MAX]; // what the other side has at INSN_SLOT
  uint64_t faulted;              // as in InsnResult
  bool stopped;
  GArray *buckets[N_BUCKETS]; // rows that may match, those with the most fixed bits first
};

static InsnHost *
host_of (A64Cpu *cpu)
{
  return (InsnHost *) ((char *) cpu - offsetof (InsnHost, cpu));
}

static void
fault (A64Cpu *cpu, const A64Op *op, unsigned kind)
{
  InsnHost *host = host_of (cpu);

  host->faulted = INSN_FAULT (op - host->ops, kind);
}

static void *
memory_at (A64Cpu *cpu, const A64Op *op, GuestVaddr va, unsigned size, bool aligned)
{
  InsnHost *host = host_of (cpu);

  if (!aligned || va % size == 0) {
    if (va - INSN_MEMORY_BASE <= INSN_MEMORY_BYTES - size)
      return (uint8_t *) host->memory + (va - INSN_MEMORY_BASE);
    if (va - INSN_BULK_BASE <= INSN_BULK_BYTES - size)
      return (uint8_t *) host->bulk + (va - INSN_BULK_BASE);
    if (va - INSN_SLOT <= sizeof host->slot - size)
      return (uint8_t *) host->slot + (va - INSN_SLOT);
  }
  fault (cpu, op, INSN_ABORTED);
  return NULL;
}

bool
a64_load_slow (A64Cpu *cpu, const A64Op *op, GuestVaddr va, unsigned size, unsigned flags,
               void *data)
{
  void *p = memory_at (cpu, op, va, size, flags & A64_ACC_ALIGNED);

  if (p != NULL)
    memcpy (data, p, size);
  return p != NULL;
}

bool
a64_store_slow (A64Cpu *cpu, const A64Op *op, GuestVaddr va, unsigned size, unsigned flags,
                const void *data)
{
  void *p = memory_at (cpu, op, va, size, flags & A64_ACC_ALIGNED);

  if (p != NULL)
    memcpy (p, data, size);
  return p != NULL;
}

void *
a64_rmw_ptr (A64Cpu *cpu, const A64Op *op, GuestVaddr va, unsigned size, unsigned flags,
             GuestAddr *pa)
{
  *pa = va;
  return memory_at (cpu, op, va, size, true);
}

bool
a64_probe_store (A64Cpu *cpu, const A64Op *op, GuestVaddr va, unsigned size, unsigned flags)
{
  return memory_at (cpu, op, va, size, flags & A64_ACC_ALIGNED) != NULL;
}

bool
a64_bulk_ptr (A64Cpu *cpu, const A64Op *op, GuestVaddr va, GuestVaddr start, unsigned n,
              unsigned flags, bool write, void **host)
{
  *host = NULL;
  return memory_at (cpu, op, va, 1, false) != NULL;
}

bool
a64_check_sp (A64Cpu *cpu, const A64Op *op)
{
  return true;
}

void
a64_raise_undefined (A64Cpu *cpu, const A64Op *op)
{
  fault (cpu, op, INSN_UNDEFINED);
}

void
a64_raise_sync (A64Cpu *cpu, const A64Op *op, unsigned ec, uint32_t iss)
{
  fault (cpu, op, INSN_UNDEFINED);
}

// Nothing is ever pending.
void
a64_leave_before (A64Cpu *cpu, const A64Op *op)
{
}

// No such CPU has branch targets checked.
void
a64_bti_jump (A64Cpu *cpu, unsigned rn)
{
}

void
a64_bti_call (A64Cpu *cpu)
{
}

// Behind the last instruction.
static void
stop (A64Cpu *cpu, const A64Op *op)
{
  host_of (cpu)->stopped = true;
}

static void
map_pages (InsnHost *host, GuestVaddr base, unsigned bytes, const void *memory)
{
  for (GuestVaddr page = base; page < base + bytes; page += A64_PAGE_SIZE) {
    unsigned index = page / A64_PAGE_SIZE % A64_TLB_SIZE;

    host->ctx.rd[index] = host->ctx.wr[index] =
        (A64Tlbe){.tag = page, .add = (int64_t) ((uintptr_t) memory - base)};
  }
}

static int
compare_rows (const void *a, const void *b)
{
  const unsigned *i = a, *k = b;
  int bits = __builtin_popcount (a64_rows[*k].mask) - __builtin_popcount (a64_rows[*i].mask);

  return bits != 0 ? bits : (int) *i - (int) *k;
}

static GArray *
make_bucket (unsigned n)
{
  GArray *bucket = g_array_new (FALSE, FALSE, sizeof (unsigned));

  for (unsigned i = 0; i < A64_N_ROWS; i++)
    if ((((uint32_t) n << 21 ^ a64_rows[i].value) & a64_rows[i].mask & 0xffe00000) == 0)
      g_array_append_val (bucket, i);
  g_array_sort (bucket, compare_rows);
  return bucket;
}

InsnHost *
insn_host_new (void)
{
  InsnHost *host = g_aligned_alloc0 (1, sizeof (InsnHost), _Alignof(InsnHost));

  for (unsigned i = 0; i < A64_TLB_SIZE; i++)
    host->ctx.rd[i].tag = host->ctx.wr[i].tag = UINT64_MAX;
  map_pages (host, INSN_MEMORY_BASE, INSN_MEMORY_BYTES, host->memory);
  map_pages (host, INSN_BULK_BASE, INSN_BULK_BYTES, host->bulk);
  host->cpu.ctx = host->cpu.ctx_el0 = &host->ctx;
  host->cpu.pstate.el = 1; // nothing is forbidden
  for (unsigned i = 0; i < N_BUCKETS; i++)
    host->buckets[i] = make_bucket (i);
  return host;
}

void
insn_host_free (InsnHost *host)
{
  for (unsigned i = 0; i < N_BUCKETS; i++)
    g_array_unref (host->buckets[i]);
  g_aligned_free (host);
}

int
insn_host_decode (const InsnHost *host, uint32_t word, A64Op *op)
{
  const GArray *bucket = host->buckets[word >> 21];

  for (unsigned i = 0; i < bucket->len; i++) {
    unsigned row = g_array_index (bucket, unsigned, i);

    *op = (A64Op){.fn = a64_rows[row].handler, .insn = word, .id = (uint16_t) row};
    if ((word & a64_rows[row].mask) == a64_rows[row].value && a64_rows[row].format (word, op))
      return (int) row;
  }
  return -1;
}

static void
load_state (A64Cpu *cpu, const InsnState *s)
{
  memcpy (cpu->x, s->x, sizeof s->x);
  cpu->x[A64_SP] = s->sp;
  cpu->x[A64_ZR] = 0;
  cpu->nzcv = (uint32_t) s->nzcv;
  cpu->fpcr = (uint32_t) s->fpcr;
  cpu->fpsr_qc = (uint32_t) s->fpsr & 1u << 27;
  cpu->fp = (SoftfpEnv){
      .rounding = s->fpcr >> 22 & 3,
      .flush_to_zero = s->fpcr >> 24 & 1,
      .flush_to_zero_16 = s->fpcr >> 19 & 1,
      .default_nan = s->fpcr >> 25 & 1,
      .alternative_half = s->fpcr >> 26 & 1,
      .flags = (uint32_t) s->fpsr & 0x9f,
  };
  memcpy (cpu->v, s->v, sizeof s->v);
  cpu->excl.valid = false;
}

static void
store_state (const A64Cpu *cpu, InsnState *s)
{
  memcpy (s->x, cpu->x, sizeof s->x);
  s->sp = cpu->x[A64_SP];
  s->nzcv = cpu->nzcv;
  s->fpsr = cpu->fp.flags | cpu->fpsr_qc;
  memcpy (s->v, cpu->v, sizeof s->v);
}

static void
put_code (InsnHost *host, const InsnCase *c)
{
  for (unsigned i = 0; i <= INSN_WORDS_MAX; i++) {
    A64Op *op = &host->ops[i];

    if (i < INSN_WORDS_MAX)
      host->slot[i] = i < c->n ? c->words[i] : NOP;
    if (i >= c->n || insn_host_decode (host, c->words[i], op) < 0)
      op->fn = stop;
    op->pc_off = (uint16_t) (i * 4);
    // Conditional branches know that they stay in their block, or do not.
    if ((a64_rows[op->id].flags & A64_F_BRANCH) && i < c->n)
      op->ra = c->seed & 1;
  }
}

// From one branch that leaves its block to the next; they lead forwards.
static void
run_code (InsnHost *host)
{
  A64Cpu *cpu = &host->cpu;

  cpu->page = cpu->pc = INSN_SLOT;
  host->faulted = 0;
  host->stopped = false;
  for (unsigned i = 0; i <= INSN_WORDS_MAX && !host->stopped && host->faulted == 0; i++) {
    const A64Op *op = &host->ops[(cpu->pc - INSN_SLOT) / 4];

    op->fn (cpu, op);
  }
}

void
insn_host_run (InsnHost *host, const InsnCase *c, InsnResult *result)
{
  uint64_t *memory = c->memory == INSN_BULK ? host->bulk : host->memory;

  memset (result, 0, sizeof *result);
  insn_make_state (c, &result->state);
  load_state (&host->cpu, &result->state);
  insn_fill_memory (c, memory);
  put_code (host, c);
  run_code (host);
  result->faulted = host->faulted;
  store_state (&host->cpu, &result->state);
  result->memory_hash = insn_hash_memory (c, memory);
}
