// SPDX-License-Identifier: GPL-3.0-or-later
// Compares tier 0 with translated code: the cases of jit-cases.h are run by two CPUs with one
// memory, until they leave the page: one by decoded blocks, the other by code of regions of up to
// 256 instructions, or of one. General, vector and system registers, PSTATE, NZCV, memory, faults
// and the exclusive monitor must be the same afterwards. A case that differs is cut down to the
// words that matter.
//
// Usage: jit-compare CASES_PER_ROW PROGRAMS [SEED [ROW_NAME_GLOB]]
// TERRARIUM_DIFFERENTIAL_SCALE multiplies both.
#include <fnmatch.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/guest/aarch64/aarch64.h"
#include "engine/guest/aarch64/accel-jit.h"
#include "engine/guest/aarch64/decode.h"
#include "engine/guest/aarch64/mmu.h"
#include "engine/guest/aarch64/timer.h"
#include "engine/host/x86_64/host.h"
#include "tests/differential/insn-state.h"
#include "tests/differential/jit-cases.h"

enum {
  CASES_PER_CONFIGURATION = 250,
  CODE_BYTES = 1 << 20, // filled time and again
  MOST_INSTRUCTIONS = 3000,
  REPORTS = 12,
  NOP = 0xd503201f,
  PATIENCE_SECONDS = 60, // for CASES_PER_CONFIGURATION cases: only ends a hang
};

typedef struct Comparison {
  UopMachine *machine;
  JitCases *cases;
  bool counting;
  unsigned until_configured;
  uint64_t n_cases, n_insns, n_endless, n_faults;
  unsigned n_different;
} Comparison;

// ---- running --------------------------------------------------------------------------------

static void
configure (Comparison *c)
{
  GError *error = NULL;

  alarm (PATIENCE_SECONDS);
  uop_machine_configure (c->machine, jit_cases_random (c->cases));
  c->counting = insn_random (jit_cases_random (c->cases)) >> 63;
  bool at_once = insn_random (jit_cases_random (c->cases)) >> 62 != 0;
  // The machine's features are not known to vary.
  a64_jit_clear (c->machine->other);
  const JitConfig config = {.bytes = CODE_BYTES, .at_once = at_once, .count = c->counting};
  if (!a64_use_jit (c->machine->other->vcpu, &x64_host_ops, &config, &error)) {
    fprintf (stderr, "%s\n", error->message);
    exit (EXIT_FAILURE);
  }
  c->until_configured = CASES_PER_CONFIGURATION;
}

static void
run_block (A64Cpu *cpu)
{
  const void *code;
  A64Block *block = a64_block_find (cpu, &code);

  if (block == NULL)
    return;
  cpu->page = cpu->pc & ~(GuestVaddr) (A64_PAGE_SIZE - 1);
  cpu->block = block;
  a64_count (cpu, block->n);
  block->ops[0].fn (cpu, block->ops);
}

// As the run loop does, until the page is left; the CPU without a translator at most a while.
static void
run (A64Cpu *cpu, uint64_t pc)
{
  cpu->pc = pc;
  while (cpu->pc - UOP_CODE < A64_PAGE_SIZE &&
         (cpu->jit != NULL || cpu->instructions < MOST_INSTRUCTIONS)) {
    if (cpu->translating)
      a64_jit_run (cpu);
    else
      run_block (cpu);
    atomic_store (&cpu->pending, 0);
  }
  cpu->link_site = NULL;
}

static void
write_words (const Comparison *c, const JitCase *k)
{
  uint32_t *page = cpu_vm_host (c->machine->vm, UOP_CODE);

  for (unsigned i = 0; i < A64_PAGE_SIZE / 4; i++)
    page[i] = JIT_CASE_AWAY;
  memcpy (page + k->offset / 4, k->words, k->n_words * sizeof *k->words);
}

static void
load (const Comparison *c, A64Cpu *cpu, const JitCase *k)
{
  UopRegisters registers = k->registers;

  if (registers.monitor.host != NULL)
    registers.monitor.host = cpu_vm_host (c->machine->vm, (uintptr_t) registers.monitor.host);
  a64_blocks_stale_page (cpu, UOP_CODE);
  a64_timers_reset (cpu);
  if (k->flush)
    a64_tlb_flush_all (cpu);
  uop_machine_load (c->machine, cpu, &registers, jit_cases_data (c->cases));
}

// NZCV that is overwritten before it is read may be anything where an instruction before that faults
// (engine/DESIGN.md); only what a program does behind the fault can tell.
static void
mask_dead_flags (const JitCase *k, UopState *tier0, UopState *jit)
{
  unsigned class = tier0->sys.esr_el1 >> 26 & 63;
  bool exact = class == 0x0e || class == 0x15 || class == 0x16 || class == 0x20 || class == 0x21 ||
               class == 0x22 || class >= 0x30;

  if (k->n_words == 1 || tier0->pc - tier0->sys.vbar_el1 >= 0x800 || exact)
    return;
  tier0->registers.nzcv = jit->registers.nzcv = 0;
  tier0->sys.spsr_el1 &= ~UINT64_C (0xf0000000);
  jit->sys.spsr_el1 &= ~UINT64_C (0xf0000000);
}

// The host looks for underflow after rounding (engine/ir/DESIGN.md): it does not see that of what
// rounds up to the smallest normal number.
static void
mask_underflow (const UopState *tier0, UopState *jit)
{
  if (tier0->registers.fpsr & jit->registers.fpsr & SOFTFP_INEXACT)
    jit->registers.fpsr |= tier0->registers.fpsr & SOFTFP_UNDERFLOW;
}

// For whoever looks at a hang.
static const JitCase *running;

static void
on_alarm (int signal)
{
  char text[16];

  (void) signal;
  for (unsigned i = 0; i < running->n_words; i++) {
    g_snprintf (text, sizeof text, "%08x\n", running->words[i]);
    if (write (STDERR_FILENO, text, 9) != 9)
      break;
  }
  _exit (EXIT_FAILURE);
}

// False: there may be no end to it.
static bool
run_both (Comparison *c, const JitCase *k, UopState *tier0, UopState *jit)
{
  UopMachine *m = c->machine;
  uint64_t pc = UOP_CODE + k->offset;

  running = k;
  write_words (c, k);
  load (c, m->tier0, k);
  run (m->tier0, pc);
  if (m->tier0->instructions >= MOST_INSTRUCTIONS)
    return false;
  uop_machine_store (m, m->tier0, tier0);
  load (c, m->other, k);
  a64_jit_set_limit (m->other, k->max_insns);
  run (m->other, pc);
  uop_machine_store (m, m->other, jit);
  mask_dead_flags (k, tier0, jit);
  mask_underflow (tier0, jit);
  return true;
}

// ---- comparing ------------------------------------------------------------------------------

typedef struct Field {
  const char *name;
  size_t offset;
  unsigned bytes, n;
} Field;

#define FIELD(name, member, type)                                                                  \
  {                                                                                                \
    name, offsetof (UopState, member), sizeof (type),                                              \
        sizeof (((UopState *) NULL)->member) / sizeof (type)                                       \
  }

static const Field fields[] = {
    FIELD ("pc", pc, uint64_t),
    FIELD ("x", registers.x, uint64_t),
    FIELD ("other SP ", registers.sp_bank, uint64_t),
    FIELD ("v half ", registers.v, uint64_t),
    FIELD ("nzcv", registers.nzcv, uint32_t),
    FIELD ("fpcr", registers.fpcr, uint32_t),
    FIELD ("fpsr", registers.fpsr, uint32_t),
    FIELD ("pstate byte ", registers.pstate, uint8_t),
    FIELD ("monitored", monitored, bool),
    FIELD ("system word ", sys, uint64_t),
    FIELD ("data word ", data, uint64_t),
    FIELD ("device offset", mmio_offset, uint64_t),
    FIELD ("device value", mmio_value, uint64_t),
};

static uint64_t
get (const UopState *state, const Field *f, unsigned i)
{
  uint64_t value = 0;

  memcpy (&value, (const uint8_t *) state + f->offset + (size_t) i * f->bytes, f->bytes);
  return value;
}

static bool
is_same (const UopState *a, const UopState *b)
{
  for (size_t i = 0; i < G_N_ELEMENTS (fields); i++) {
    const Field *f = &fields[i];

    if (memcmp ((const uint8_t *) a + f->offset, (const uint8_t *) b + f->offset,
                (size_t) f->bytes * f->n) != 0)
      return false;
  }
  return true;
}

// Some lane of a register is the least normal number.
static bool
has_least_normal (const UopState *state)
{
  const uint64_t *v = &state->registers.v[0][0];

  for (unsigned i = 0; i < 64; i++) {
    if ((v[i] << 1) == UINT64_C (0x0010000000000000) << 1 ||
        ((uint32_t) v[i] << 1) == 0x00800000u << 1 ||
        ((uint32_t) (v[i] >> 32) << 1) == 0x00800000u << 1)
      return true;
    for (unsigned lane = 0; lane < 4; lane++)
      if ((uint16_t) ((v[i] >> 16 * lane) << 1) == 0x0400 << 1)
        return true;
  }
  return false;
}

// The one exception: what becomes the least normal number by rounding is an underflow (UFC) for the
// guest, which looks before it rounds, and none for the host.
static bool
is_known (const UopState *tier0, UopState *jit)
{
  enum { UFC = 1u << 3 };
  uint32_t found = jit->registers.fpsr;
  bool same;

  if ((tier0->registers.fpsr ^ found) != UFC || (found & UFC) != 0 || !has_least_normal (tier0))
    return false;
  jit->registers.fpsr |= UFC;
  same = is_same (tier0, jit);
  jit->registers.fpsr = found;
  return same;
}

static bool
is_different (const Comparison *c, const UopState *tier0, UopState *jit)
{
  return (!is_same (tier0, jit) && !is_known (tier0, jit)) ||
         (c->counting && c->machine->tier0->instructions != c->machine->other->instructions);
}

static bool
differs (Comparison *c, const JitCase *k, UopState *tier0, UopState *jit)
{
  return run_both (c, k, tier0, jit) && is_different (c, tier0, jit);
}

// Leaves out every word without which the two still differ.
static void
shrink (Comparison *c, JitCase *k)
{
  UopState tier0, jit;

  for (unsigned i = 0; i < k->n_words; i++) {
    uint32_t word = k->words[i];

    k->words[i] = NOP;
    if (word != NOP && !differs (c, k, &tier0, &jit))
      k->words[i] = word;
  }
  while (k->n_words > 1) {
    k->n_words--;
    if (differs (c, k, &tier0, &jit))
      continue;
    k->n_words++;
    break;
  }
}

static void
print_differences (const Comparison *c, const UopState *tier0, const UopState *jit)
{
  for (size_t i = 0; i < G_N_ELEMENTS (fields); i++)
    for (unsigned n = 0; n < fields[i].n; n++) {
      uint64_t a = get (tier0, &fields[i], n), b = get (jit, &fields[i], n);

      if (a != b)
        printf ("    %s%u: tier 0 %016" G_GINT64_MODIFIER "x, translated %016" G_GINT64_MODIFIER
                "x\n",
                fields[i].name, n, a, b);
    }
  if (c->counting && c->machine->tier0->instructions != c->machine->other->instructions)
    printf ("    instructions: tier 0 %" G_GUINT64_FORMAT ", translated %" G_GUINT64_FORMAT "\n",
            c->machine->tier0->instructions, c->machine->other->instructions);
}

static void
print_before (const JitCase *k)
{
  const UopRegisters *r = &k->registers;

  printf ("    before: nzcv %x fpcr %x fpsr %x\n", r->nzcv >> 28, r->fpcr, r->fpsr);
  for (unsigned i = 0; i < 32; i++)
    printf ("    x%-2u %016" G_GINT64_MODIFIER "x  v%-2u %016" G_GINT64_MODIFIER
            "x %016" G_GINT64_MODIFIER "x\n",
            i, r->x[i], i, r->v[i][1], r->v[i][0]);
}

static void
print_uops (const Comparison *c, const JitCase *k)
{
  UopMachine *m = c->machine;
  A64TranslateKey key;
  char text[160];

  write_words (c, k);
  load (c, m->other, k);
  key = uop_machine_key (m->other);
  key.smp = true;
  a64_translate_region (&m->region, &key, cpu_vm_host (m->vm, UOP_CODE), k->offset, k->max_insns);
  for (unsigned i = 0; i < m->region.ir.n_uops; i++) {
    ir_print_uop (&m->region.ir.uops[i], text, sizeof text);
    printf ("    %3u %s\n", i, text);
  }
}

static void
report (Comparison *c, const JitCase *original)
{
  JitCase k = *original;
  UopState tier0, jit;

  shrink (c, &k);
  printf (" case %" G_GUINT64_FORMAT ": EL%u, SP_EL%u, offset %x, regions of %u%s\n", c->n_cases,
          k.registers.pstate.el, k.registers.pstate.sp_sel, k.offset, k.max_insns,
          c->counting ? ", counted" : "");
  for (unsigned i = 0; i < k.n_words; i++) {
    A64Op op;

    a64_decode (k.words[i], &op);
    printf ("    %03x %08x %s\n", k.offset + 4 * i, k.words[i], a64_insn_name (op.id));
  }
  print_uops (c, &k);
  print_before (&k);
  if (differs (c, &k, &tier0, &jit))
    print_differences (c, &tier0, &jit);
  else
    printf ("    the difference depends on the cases before it\n");
  fflush (stdout);
}

static bool
compare (Comparison *c, const JitCase *k)
{
  UopState tier0, jit;

  c->n_cases++;
  if (!run_both (c, k, &tier0, &jit)) {
    c->n_endless++;
    return true;
  }
  c->n_insns += c->machine->tier0->instructions;
  c->n_faults += tier0.pc - TEST_VECTORS < A64_PAGE_SIZE;
  if (!is_different (c, &tier0, &jit))
    return true;
  if (c->n_different++ < REPORTS)
    report (c, k);
  return false;
}

static void
compare_row (Comparison *c, unsigned id, unsigned n)
{
  unsigned n_different = 0;
  JitCase k;

  for (unsigned i = 0; i < n && jit_case_of_row (c->cases, id, &k); i++) {
    if (c->until_configured-- == 0)
      configure (c);
    n_different += !compare (c, &k);
  }
  if (n_different != 0)
    printf ("%s: %u differ\n", a64_insn_name (id), n_different);
}

static void
compare_program (Comparison *c)
{
  JitCase k;

  jit_case_of_program (c->cases, &k);
  if (c->until_configured-- == 0)
    configure (c);
  compare (c, &k);
}

int
main (int argc, char **argv)
{
  const char *scale = g_getenv ("TERRARIUM_DIFFERENTIAL_SCALE"), *glob = argc > 4 ? argv[4] : "*";
  unsigned factor = scale != NULL ? (unsigned) atoi (scale) : 1;
  unsigned per_row = argc > 1 ? (unsigned) atoi (argv[1]) * factor : 0;
  unsigned n_programs = argc > 2 ? (unsigned) atoi (argv[2]) * factor : 0;
  Comparison c = {
      .machine = uop_machine_new (),
      .cases = jit_cases_new (argc > 3 ? strtoull (argv[3], NULL, 0) : 1),
  };

  signal (SIGALRM, on_alarm);
  if (x64_host_ops.unsupported () != NULL) {
    printf ("%s\n", x64_host_ops.unsupported ());
    return 77;
  }
  for (unsigned id = 0; id < A64_N_INSNS; id++)
    if (fnmatch (glob, a64_insn_name (id), 0) == 0)
      compare_row (&c, id, per_row);
  for (unsigned i = 0; i < n_programs; i++)
    compare_program (&c);
  printf ("%" G_GUINT64_FORMAT " cases, %" G_GUINT64_FORMAT " instructions, %" G_GUINT64_FORMAT
          " exceptions, %" G_GUINT64_FORMAT " without an end; %u different\n",
          c.n_cases, c.n_insns, c.n_faults, c.n_endless, c.n_different);
  jit_cases_free (c.cases);
  uop_machine_free (c.machine);
  return c.n_cases != 0 && c.n_different == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
