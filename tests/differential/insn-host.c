// SPDX-License-Identifier: GPL-3.0-or-later
// See insn-host.h.
#include "tests/differential/insn-host.h"

#include <glib.h>

#include "engine/guest/aarch64/access.h"
#include "engine/guest/aarch64/branch.h"
#include "engine/guest/aarch64/exception.h"

#define A64_ROWS_VECTOR
#include "tests/support/a64-rows.h"

enum { ATTEMPTS_PER_CASE = 50 };

const unsigned insn_n_rows = A64_N_ROWS;

const char *
insn_row_name (unsigned row)
{
  return a64_rows[row].name;
}

// A CPU with its memory, all of it in the TLB, and what the handlers ask of the rest of the engine.
// Accesses that cross from one page to the other take the slow path, as do those that fault.
struct InsnHost {
  A64Cpu cpu;
  A64TlbContext ctx;
  A64Op ops[2];
  _Alignas(4096) uint64_t memory[INSN_MEMORY_WORDS];
  bool faulted;
};

static InsnHost *
host_of (A64Cpu *cpu)
{
  return (InsnHost *) ((char *) cpu - offsetof (InsnHost, cpu));
}

static void *
memory_at (A64Cpu *cpu, GuestVaddr va, unsigned size, bool aligned)
{
  InsnHost *host = host_of (cpu);

  if (va - INSN_MEMORY_BASE <= INSN_MEMORY_BYTES - size && (!aligned || va % size == 0))
    return (uint8_t *) host->memory + (va - INSN_MEMORY_BASE);
  host->faulted = true;
  return NULL;
}

bool
a64_load_slow (A64Cpu *cpu, const A64Op *op, GuestVaddr va, unsigned size, unsigned flags,
               void *data)
{
  void *p = memory_at (cpu, va, size, flags & A64_ACC_ALIGNED);

  if (p != NULL)
    memcpy (data, p, size);
  return p != NULL;
}

bool
a64_store_slow (A64Cpu *cpu, const A64Op *op, GuestVaddr va, unsigned size, unsigned flags,
                const void *data)
{
  void *p = memory_at (cpu, va, size, flags & A64_ACC_ALIGNED);

  if (p != NULL)
    memcpy (p, data, size);
  return p != NULL;
}

void *
a64_rmw_ptr (A64Cpu *cpu, const A64Op *op, GuestVaddr va, unsigned size, unsigned flags,
             GuestAddr *pa)
{
  *pa = va;
  return memory_at (cpu, va, size, true);
}

bool
a64_probe_store (A64Cpu *cpu, const A64Op *op, GuestVaddr va, unsigned size, unsigned flags)
{
  return memory_at (cpu, va, size, flags & A64_ACC_ALIGNED) != NULL;
}

bool
a64_check_sp (A64Cpu *cpu, const A64Op *op)
{
  return true;
}

void
a64_raise_undefined (A64Cpu *cpu, const A64Op *op)
{
  host_of (cpu)->faulted = true;
}

void
a64_raise_sync (A64Cpu *cpu, const A64Op *op, unsigned ec, uint32_t iss)
{
  host_of (cpu)->faulted = true;
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

static void
stop (A64Cpu *cpu, const A64Op *op)
{
}

InsnHost *
insn_host_new (void)
{
  InsnHost *host = g_aligned_alloc0 (1, sizeof (InsnHost), _Alignof(InsnHost));

  for (unsigned i = 0; i < A64_TLB_SIZE; i++)
    host->ctx.rd[i].tag = host->ctx.wr[i].tag = UINT64_MAX;
  for (uint64_t page = INSN_MEMORY_BASE; page < INSN_MEMORY_BASE + INSN_MEMORY_BYTES;
       page += A64_PAGE_SIZE) {
    unsigned index = page / A64_PAGE_SIZE % A64_TLB_SIZE;
    host->ctx.rd[index] = host->ctx.wr[index] = (A64Tlbe){
        .tag = page,
        .add = (int64_t) ((uintptr_t) host->memory - INSN_MEMORY_BASE),
    };
  }
  host->cpu.ctx = host->cpu.ctx_el0 = &host->ctx;
  host->ops[1].fn = stop;
  return host;
}

void
insn_host_free (InsnHost *host)
{
  g_aligned_free (host);
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

void
insn_host_run (InsnHost *host, const InsnCase *c, InsnResult *result)
{
  memset (result, 0, sizeof *result);
  insn_make_state (c, &result->state);
  load_state (&host->cpu, &result->state);
  if (c->memory)
    insn_fill_memory (host->memory);
  a64_rows_decode (c->word, &host->ops[0]);
  host->faulted = false;
  host->ops[0].fn (&host->cpu, &host->ops[0]);
  result->faulted = host->faulted;
  store_state (&host->cpu, &result->state);
  result->memory_hash = c->memory ? insn_hash_memory (host->memory) : 0;
}

// Which instructions can be compared this way.
typedef struct Pattern {
  uint32_t mask, value;
} Pattern;

static bool
matches (const Pattern *patterns, size_t n, uint32_t word)
{
  for (size_t i = 0; i < n; i++) {
    if ((word & patterns[i].mask) == patterns[i].value)
      return true;
  }
  return false;
}

static bool
is_comparable (uint32_t word)
{
  static const Pattern flags[] = {{0xffffff9f, 0xd500401f}}; // CFINV, XAFLAG, AXFLAG
  static const Pattern excluded[] = {
      {0x1c000000, 0x14000000}, // branches and system
      {0x1f000000, 0x10000000}, // ADR, ADRP
      {0x3b000000, 0x18000000}, // literal loads
      {0xfff0fc00, 0x5f10fc00}, // FCVTZS of a half: QEMU 7.2 is wrong above its 16 bits
  };

  return matches (flags, G_N_ELEMENTS (flags), word) ||
         !matches (excluded, G_N_ELEMENTS (excluded), word);
}

// Overlapping registers of loads and stores whose effect is CONSTRAINED UNPREDICTABLE.
static bool
is_open (uint32_t word)
{
  unsigned rt = word & 31, rn = word >> 5 & 31, rt2 = word >> 10 & 31, rs = word >> 16 & 31;
  bool pair = (word & 0x3a000000) == 0x28000000, exclusive = (word & 0x3f000000) == 0x08000000;
  bool vector = (word & 0x0c000000) == 0x0c000000;

  if (vector)
    return pair && rt == rt2;
  if (rn == rt || (pair && (rt == rt2 || rn == rt2)))
    return true;
  return exclusive && (rs == rt || rs == rn || rs == rt2 || rt == rt2);
}

// Keeps addresses within the memory, and aligned where they must be.
static uint32_t
tame (uint32_t word)
{
  if ((word & 0x3b000000) == 0x39000000) // unsigned immediate below 64
    word &= ~(0xfc0u << 10);
  if ((word & 0x3f200c00) == 0x19000000) // LDAPUR, STLUR: a multiple of 16
    word &= ~(15u << 12);
  return word;
}

// Those that are atomic or ordered fault on addresses that are not aligned: most of them are not
// given such, and some never because the emulator does not know it.
static uint8_t
wants_alignment (uint32_t word)
{
  static const Pattern strict[] = {{0x3ffffc00, 0x38bfc000}}; // LDAPR
  static const Pattern patterns[] = {
      {0x3f000000, 0x08000000}, // exclusives, CAS, load-acquire, store-release
      {0x3b200c00, 0x38200000}, // read-modify-write
      {0x3f200c00, 0x19000000}, // LDAPUR, STLUR
  };

  if (matches (strict, G_N_ELEMENTS (strict), word))
    return INSN_ALWAYS_ALIGNED;
  return matches (patterns, G_N_ELEMENTS (patterns), word) ? INSN_MOSTLY_ALIGNED : INSN_UNALIGNED;
}

// Random free bits; the register fields are from a few registers now and then, so that operands
// are the same register more often than by chance.
static uint32_t
make_word (const A64Row *row, uint64_t *random)
{
  uint64_t r = insn_random (random);
  uint32_t word = (uint32_t) (r >> 32);

  if (r % 4 == 0)
    word &= ~0x001c039cu;
  return tame ((word & ~row->mask) | row->value);
}

uint64_t
insn_row_seed (unsigned row, uint64_t seed)
{
  uint64_t hash = UINT64_C (0xcbf29ce484222325) ^ seed;

  for (const char *name = a64_rows[row].name; *name != '\0'; name++)
    hash = (hash ^ (uint8_t) *name) * UINT64_C (0x100000001b3);
  return hash | 1;
}

bool
insn_make_case (unsigned index, uint64_t *random, InsnCase *c)
{
  const A64Row *row = &a64_rows[index];
  bool memory = (row->flags & A64_F_MEM) != 0;
  A64Op op;

  for (unsigned i = 0; i < ATTEMPTS_PER_CASE; i++) {
    uint32_t word = make_word (row, random);

    if (!is_comparable (word) || (memory && is_open (word)) || a64_rows_decode (word, &op) != row)
      continue;
    *c = (InsnCase){
        .word = word,
        .memory = memory,
        .aligned = wants_alignment (word),
        .rn = word >> 5 & 31,
        .rm = word >> 16 & 31,
        .seed = insn_random (random),
        .row = index,
    };
    return true;
  }
  return false;
}

bool
insn_is_same (const InsnResult *a, const InsnResult *b)
{
  if (a->faulted || b->faulted)
    return a->faulted == b->faulted;
  return memcmp (a, b, sizeof *a) == 0;
}

uint64_t
insn_hash_result (uint64_t hash, const InsnResult *result)
{
  const uint64_t *words = (const uint64_t *) result;

  if (result->faulted)
    return hash * UINT64_C (0x9e3779b97f4a7c15) + 1;
  for (unsigned i = 0; i < sizeof *result / 8; i++)
    hash = (hash ^ words[i]) * UINT64_C (0x9e3779b97f4a7c15) + (hash >> 29);
  return hash;
}
