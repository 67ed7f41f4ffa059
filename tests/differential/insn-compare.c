// SPDX-License-Identifier: GPL-3.0-or-later
// Runs single instructions through tier 0's handlers and, in a guest program, through an emulator
// that shares no author with us (qemu-user), and compares registers, flags and memory afterwards.
// Instructions are made from every row of the decode table with random free bits; branches, system
// instructions and PC-relative ones are left to the unit tests, and so are operand combinations
// whose result the architecture leaves open.
//
// Usage: insn-compare GUEST_PROGRAM CASES_PER_ROW [SEED [ROW_NAME_GLOB]]. Without the emulator the
// test is skipped (exit status 77).
#include <fnmatch.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/guest/aarch64/access.h"
#include "engine/guest/aarch64/exception.h"
#include "insn-state.h"

#define A64_ROWS_VECTOR
#include "tests/support/a64-rows.h"

enum {
  ATTEMPTS_PER_CASE = 20,
  REPORTS_PER_ROW = 3,
};

// A CPU with one page of memory, and what the handlers ask of the rest of the engine.
typedef struct Host {
  A64Cpu cpu;
  A64TlbContext ctx;
  A64Op ops[2];
  _Alignas(INSN_MEMORY_BYTES) uint64_t memory[INSN_MEMORY_WORDS];
  bool faulted;
} Host;

static Host *
host_of (A64Cpu *cpu)
{
  return (Host *) ((char *) cpu - offsetof (Host, cpu));
}

static void *
memory_at (A64Cpu *cpu, GuestVaddr va, unsigned size)
{
  Host *host = host_of (cpu);

  if (va - INSN_MEMORY_BASE <= INSN_MEMORY_BYTES - size)
    return (uint8_t *) host->memory + (va - INSN_MEMORY_BASE);
  host->faulted = true;
  return NULL;
}

bool
a64_load_slow (A64Cpu *cpu, const A64Op *op, GuestVaddr va, unsigned size, unsigned flags,
               void *data)
{
  void *p = memory_at (cpu, va, size);

  if (p != NULL)
    memcpy (data, p, size);
  return p != NULL;
}

bool
a64_store_slow (A64Cpu *cpu, const A64Op *op, GuestVaddr va, unsigned size, unsigned flags,
                const void *data)
{
  void *p = memory_at (cpu, va, size);

  if (p != NULL)
    memcpy (p, data, size);
  return p != NULL;
}

void *
a64_rmw_ptr (A64Cpu *cpu, const A64Op *op, GuestVaddr va, unsigned size, unsigned flags,
             GuestAddr *pa)
{
  *pa = va;
  return memory_at (cpu, va, size);
}

bool
a64_probe_store (A64Cpu *cpu, const A64Op *op, GuestVaddr va, unsigned size, unsigned flags)
{
  return memory_at (cpu, va, size) != NULL;
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

static void
stop (A64Cpu *cpu, const A64Op *op)
{
}

static Host *
host_new (void)
{
  Host *host = g_aligned_alloc0 (1, sizeof (Host), _Alignof(Host));

  for (unsigned i = 0; i < A64_TLB_SIZE; i++)
    host->ctx.rd[i].tag = host->ctx.wr[i].tag = UINT64_MAX;
  host->ctx.rd[0] = (A64Tlbe){
      .tag = INSN_MEMORY_BASE,
      .add = (int64_t) ((uintptr_t) host->memory - INSN_MEMORY_BASE),
  };
  host->ctx.wr[0] = host->ctx.rd[0];
  host->cpu.ctx = host->cpu.ctx_el0 = &host->ctx;
  host->ops[1].fn = stop;
  return host;
}

static void
load_state (A64Cpu *cpu, const InsnState *s)
{
  memcpy (cpu->x, s->x, sizeof s->x);
  cpu->x[A64_SP] = s->sp;
  cpu->x[A64_ZR] = 0;
  cpu->nzcv = (uint32_t) s->nzcv;
  cpu->fpcr = (uint32_t) s->fpcr;
  cpu->fpsr_qc = 0;
  cpu->fp = (SoftfpEnv){
      .rounding = s->fpcr >> 22 & 3,
      .flush_to_zero = s->fpcr >> 24 & 1,
      .default_nan = s->fpcr >> 25 & 1,
      .alternative_half = s->fpcr >> 26 & 1,
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
run_case (Host *host, const InsnCase *c, InsnResult *result)
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

static bool
make_case (unsigned id, uint64_t *random, InsnCase *c)
{
  const A64Row *row = &a64_rows[id];
  bool memory = (row->flags & A64_F_MEM) != 0;
  A64Op op;

  for (unsigned i = 0; i < ATTEMPTS_PER_CASE; i++) {
    uint32_t word = tame (((uint32_t) (insn_random (random) >> 32) & ~row->mask) | row->value);

    if (a64_rows_decode (word, &op) != row || !is_comparable (word) || (memory && is_open (word)))
      continue;
    *c = (InsnCase){
        .word = word,
        .memory = memory,
        .rn = word >> 5 & 31,
        .rm = word >> 16 & 31,
        .seed = insn_random (random),
    };
    return true;
  }
  return false;
}

static GArray *
make_cases (unsigned per_row, uint64_t seed, const char *glob)
{
  GArray *cases = g_array_new (FALSE, FALSE, sizeof (InsnCase));
  uint64_t random = seed * UINT64_C (0x9e3779b97f4a7c15) + 1;
  InsnCase c;

  for (unsigned id = 0; id < A64_N_ROWS; id++) {
    if (fnmatch (glob, a64_rows[id].name, 0) != 0)
      continue;
    for (unsigned i = 0; i < per_row; i++) {
      if (!make_case (id, &random, &c))
        break;
      g_array_append_val (cases, c);
    }
  }
  return cases;
}

static void
print_difference (const char *name, uint64_t before, uint64_t ours, uint64_t theirs)
{
  if (ours != theirs)
    printf ("    %-6s was %016" G_GINT64_MODIFIER "x, ours %016" G_GINT64_MODIFIER
            "x, theirs %016" G_GINT64_MODIFIER "x\n",
            name, before, ours, theirs);
}

static void
print_case (const InsnCase *c, const InsnResult *ours, const InsnResult *theirs)
{
  InsnState before;
  char name[8];

  insn_make_state (c, &before);
  printf ("    word %08x, fpcr %08x\n", c->word, (unsigned) before.fpcr);
  for (unsigned i = 0; i < 5; i++) {
    static const uint8_t shift[] = {0, 5, 16, 10, 0};
    unsigned r = c->word >> shift[i] & 31;
    printf ("    operand %2u: x %016" G_GINT64_MODIFIER "x v %016" G_GINT64_MODIFIER
            "x:%016" G_GINT64_MODIFIER "x\n",
            r, r < 31 ? before.x[r] : before.sp, before.v[r][1], before.v[r][0]);
  }
  for (unsigned i = 0; i < 31; i++) {
    g_snprintf (name, sizeof name, "x%u", i);
    print_difference (name, before.x[i], ours->state.x[i], theirs->state.x[i]);
  }
  print_difference ("sp", before.sp, ours->state.sp, theirs->state.sp);
  print_difference ("nzcv", before.nzcv, ours->state.nzcv, theirs->state.nzcv);
  print_difference ("fpsr", before.fpsr, ours->state.fpsr, theirs->state.fpsr);
  for (unsigned i = 0; i < 64; i++) {
    g_snprintf (name, sizeof name, "v%u.%u", i / 2, i % 2);
    print_difference (name, before.v[i / 2][i % 2], ours->state.v[i / 2][i % 2],
                      theirs->state.v[i / 2][i % 2]);
  }
  print_difference ("memory", 0, ours->memory_hash, theirs->memory_hash);
  print_difference ("fault", 0, ours->faulted, theirs->faulted);
}

static bool
is_same (const InsnResult *ours, const InsnResult *theirs)
{
  if (ours->faulted || theirs->faulted)
    return ours->faulted == theirs->faulted;
  return memcmp (ours, theirs, sizeof *ours) == 0;
}

// Compares all results; returns how many differ.
static unsigned
compare_all (const GArray *cases, const InsnResult *theirs)
{
  g_autofree unsigned *n_of_row = g_new0 (unsigned, A64_N_ROWS);
  Host *host = host_new ();
  unsigned n_different = 0;

  for (unsigned i = 0; i < cases->len; i++) {
    const InsnCase *c = &g_array_index (cases, InsnCase, i);
    InsnResult ours;
    unsigned id;

    run_case (host, c, &ours);
    if (is_same (&ours, &theirs[i]))
      continue;
    n_different++;
    id = host->ops[0].id;
    if (n_of_row[id]++ < REPORTS_PER_ROW) {
      printf ("  %s:\n", a64_rows[id].name);
      print_case (c, &ours, &theirs[i]);
    }
  }
  for (unsigned id = 0; id < A64_N_ROWS; id++) {
    if (n_of_row[id] != 0)
      printf ("  %s: %u differ\n", a64_rows[id].name, n_of_row[id]);
  }
  printf ("%u cases, %u different\n", cases->len, n_different);
  g_aligned_free (host);
  return n_different;
}

static bool
run_guest (const char *qemu, const char *guest, const char *in, const char *out)
{
  const char *argv[] = {qemu, "-cpu", "max", guest, in, out, NULL};
  int status = 0;

  return g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL, NULL, &status,
                       NULL) &&
         status == 0;
}

int
main (int argc, char **argv)
{
  g_autofree char *qemu = g_find_program_in_path ("qemu-aarch64-static");
  g_autofree char *dir = g_dir_make_tmp ("insn-XXXXXX", NULL);
  g_autofree char *in = g_build_filename (dir, "cases", NULL);
  g_autofree char *out = g_build_filename (dir, "results", NULL);
  g_autoptr (GArray) cases = NULL;
  g_autofree char *results = NULL;
  gsize length = 0;
  bool ok = argc >= 3;

  if (qemu == NULL)
    return 77;
  cases = make_cases (ok ? (unsigned) atoi (argv[2]) : 0,
                      argc > 3 ? strtoull (argv[3], NULL, 0) : 1, argc > 4 ? argv[4] : "*");
  ok = ok &&
       g_file_set_contents (in, cases->data, (gssize) (cases->len * sizeof (InsnCase)), NULL) &&
       run_guest (qemu, argv[1], in, out) && g_file_get_contents (out, &results, &length, NULL) &&
       length == cases->len * sizeof (InsnResult);
  if (!ok)
    fprintf (stderr, "the guest program did not finish\n");
  ok = ok && compare_all (cases, (const InsnResult *) results) == 0;
  unlink (in);
  unlink (out);
  rmdir (dir);
  return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
