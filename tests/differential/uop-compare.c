// SPDX-License-Identifier: GPL-3.0-or-later
// Compares tier 0 with the meaning of the uops that the translator makes (engine/ir/eval.h):
// single instructions of every row of the decode table, and random sequences with branches, on
// random states and in random modes. Registers, PSTATE, system registers, memory and exceptions
// must be the same. Flags and vector registers that uops say are not used are spoilt on the way.
//
// Usage: uop-compare CASES_PER_ROW SEQUENCES [SEED [ROW_NAME_GLOB]]
// TERRARIUM_DIFFERENTIAL_SCALE multiplies both.
#include <fnmatch.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/guest/aarch64/decode.h"
#include "tests/differential/insn-state.h"
#include "tests/differential/uop-machine.h"

enum {
  CASES_PER_CONFIGURATION = 200,
  SEQUENCE_MAX = 40,
  SEQUENCE_INSNS = 300,
  ATTEMPTS = 50,
  REPORTS = 12,
  N_INTEGER_ROWS = A64_RET + 1, // the first of the table
};

typedef struct Case {
  unsigned offset, n_words, max_insns;
  uint32_t words[SEQUENCE_MAX];
  UopRegisters registers;
} Case;

typedef struct Comparison {
  UopMachine *machine;
  uint64_t random;
  uint8_t data[UOP_DATA_BYTES];
  unsigned n_cases, n_insns, n_different, until_configured;
  unsigned ends[IR_EVAL_UNKNOWN + 1];
} Comparison;

static uint64_t
get_random (Comparison *c)
{
  return insn_random (&c->random) >> 8;
}

// ---- states ---------------------------------------------------------------------------------

// Near the edges of pages, aligned more often than not.
static uint64_t
make_address (Comparison *c)
{
  uint64_t r = get_random (c), edge = UOP_DATA + 0x1000;

  if (r % 8 == 0)
    edge = UOP_DATA + (r >> 8) % 6 * 0x1000;
  edge += (r >> 16) % 256 - 128;
  return r >> 32 & 3 ? edge & ~UINT64_C (15) : edge;
}

static void
make_registers (Comparison *c, UopRegisters *r)
{
  uint64_t mode = get_random (c);

  memset (r, 0, sizeof *r);
  for (unsigned i = 0; i < 31; i++)
    r->x[i] = get_random (c) % 3 == 0 ? make_address (c) : insn_integer (&c->random);
  r->x[31] = mode % 16 ? make_address (c) & ~UINT64_C (15) : make_address (c);
  r->sp_bank[0] = insn_random (&c->random);
  r->sp_bank[1] = insn_random (&c->random);
  for (unsigned i = 0; i < 64; i++)
    r->v[i / 2][i % 2] = insn_lanes (&c->random);
  r->nzcv = (uint32_t) (mode >> 8 & 15) << 28;
  r->fpcr = mode >> 12 & 3 ? 0 : (uint32_t) insn_random (&c->random) & 0x07c80000;
  r->fpsr = (uint32_t) insn_random (&c->random) & 0x0800009f;
  r->pstate = (A64Pstate){
      .el = mode >> 16 & 1,
      .sp_sel = (mode >> 17 & 7) != 0,
      .daif = mode >> 20 & 15,
      .pan = (mode >> 24 & 15) == 0,
      .uao = (mode >> 28 & 3) == 0,
      .dit = mode >> 30 & 1,
      .ssbs = mode >> 31 & 1,
  };
}

static uint64_t
get_data (const Comparison *c, uint64_t va, unsigned n_bytes)
{
  uint64_t value = 0;

  if (va - UOP_DATA <= UOP_DATA_BYTES - n_bytes)
    memcpy (&value, c->data + (va - UOP_DATA), n_bytes);
  return value;
}

static bool
is_copy (const A64Op *op)
{
  const char *name = a64_insn_name (op->id);

  return strncmp (name, "CPY", 3) == 0 || (strncmp (name, "SET", 3) == 0 && name[3] != 'F');
}

// Registers that suit an instruction which reads or writes memory.
static void
suit_registers (Comparison *c, const A64Op *op, UopRegisters *r)
{
  uint64_t random = get_random (c);
  unsigned n_bytes = 1u << (op->insn >> 30);
  uint64_t base;

  if (is_copy (op)) {
    r->x[op->rd & 31] = make_address (c);
    r->x[op->insn >> 16 & 31] = random % 2 ? make_address (c) : random >> 8;
    r->x[op->insn >> 5 & 31] = (random >> 8) % 6000;
    return;
  }
  base = op->rn == A64_SP ? r->x[31] : make_address (c);
  r->x[op->rn & 31] = base;
  if ((op->insn & 0x3b200c00) == 0x38200800 && op->rm < 31) // an index
    r->x[op->rm] = (random % 64 - 32) ^ (random >> 8 & 1 ? insn_random (&c->random) << 32 : 0);
  if ((op->insn & 0x3f000000) != 0x08000000) // exclusives, compare and swap
    return;
  if (random % 2 && op->rm < 31)
    r->x[op->rm] = get_data (c, base, n_bytes);
  r->monitor = (A64Exclusive){
      .valid = (random >> 8 & 3) != 0,
      .size_bytes = (uint8_t) (random >> 10 & 3 ? n_bytes : 8),
      .host = cpu_vm_host (c->machine->vm, base),
  };
  r->monitor.value[0] = (random >> 12 & 3) ? get_data (c, base, r->monitor.size_bytes) : random;
}

// ---- words ----------------------------------------------------------------------------------

// Those whose result is not the same twice.
static bool
is_excluded (unsigned id)
{
  return id == A64_RNDR || id == A64_RNDRRS;
}

static uint32_t
make_word (Comparison *c, unsigned id)
{
  uint32_t mask, value, word = (uint32_t) (insn_random (&c->random) >> 32);
  uint64_t r = get_random (c);

  a64_insn_pattern (id, &mask, &value);
  if (r % 4 == 0)
    word &= ~0x001c039cu;
  if (r >> 8 & 3 && (value & 0xffd00000) == 0xd5100000) // a system register that is there
    word = (word & 31) |
           (uint32_t) a64_sysreg_get ((int) ((r >> 16) % (unsigned) a64_sysreg_count ()))->number
               << 5;
  if (r >> 10 & 1 && (value & 0x3b000000) == 0x18000000) // literals: in the page
    word &= ~0x00ff8000u;
  return (word & ~mask) | value;
}

// A word of the row; false when none was found.
static bool
make_row_word (Comparison *c, unsigned id, A64Op *op)
{
  for (unsigned i = 0; i < ATTEMPTS; i++)
    if (a64_decode (make_word (c, id), op) && op->id == id)
      return true;
  return false;
}

// Branches to somewhere in the sequence, mostly.
static uint32_t
tame_branch (Comparison *c, uint32_t word, int at, int n)
{
  uint32_t distance = (uint32_t) ((int) (get_random (c) % (unsigned) (n + 2)) - at);

  if ((word & 0x7c000000) == 0x14000000)
    return (word & 0xfc000000) | (distance & 0x03ffffff);
  if ((word & 0x7e000000) == 0x36000000)
    return (word & 0xfff8001f) | (distance & 0x3fff) << 5;
  return (word & 0xff00001f) | (distance & 0x7ffff) << 5;
}

// Of a sequence: registers 0 to 7 stay addresses for a while.
static uint32_t
make_sequence_word (Comparison *c, int at, int n)
{
  uint64_t r = get_random (c);
  unsigned kind = r % 16, first = 0, n_rows = A64_N_INSNS, id;
  A64Op op;

  if (kind < 8) {
    n_rows = N_INTEGER_ROWS;
  } else if (kind < 13) {
    first = N_INTEGER_ROWS;
    n_rows = A64_SWP64 + 1 - first;
  } else if (kind < 15) {
    first = A64_B;
    n_rows = A64_RET + 1 - first;
  }
  do
    id = first + (unsigned) (get_random (c) % n_rows);
  while (is_excluded (id) || !make_row_word (c, id, &op));
  if (id >= A64_B && id <= A64_TBNZ)
    return tame_branch (c, op.insn, at, n);
  if ((a64_insn_flags (id) & A64_F_END) && r >> 16 & 7)
    return 0xd503201f;
  if (a64_insn_flags (id) & A64_F_MEM)
    return op.insn & ~(0x18u << 5);
  return op.insn | (r >> 20 & 7 ? 0x18 : 0);
}

// What often follows an instruction and is then translated in another way, or means something else:
// MOVK, ADD of an offset within a page, a store-exclusive. 0: nothing special.
static uint32_t
make_successor (Comparison *c, uint32_t word)
{
  uint32_t r = (uint32_t) get_random (c), registers = word & 31;

  if ((word & 0x5f800000) == 0x52800000 || (word & 0x7f800000) == 0x12800000) // MOVZ, MOVN, MOVK
    return 0x72800000 | (r & 0x803fffe0) | registers;
  if ((word & 0x9f000000) == 0x90000000) // ADRP
    return 0x11000000 | (r & 0xc07ffc00) | registers << 5 | registers;
  if ((word & 0x3fe00000) == 0x08400000) // LDXR
    return (word & 0xc000ffe0) | 0x08000000 | (r & 31) | (r >> 5 & 31) << 16;
  return 0;
}

static void
make_sequence (Comparison *c, Case *k)
{
  for (unsigned i = 0; i < k->n_words; i++) {
    uint32_t word = i > 0 && get_random (c) % 4 ? make_successor (c, k->words[i - 1]) : 0;

    k->words[i] = word != 0 ? word : make_sequence_word (c, (int) i, (int) k->n_words);
  }
}

// ---- comparing ------------------------------------------------------------------------------

static bool
note (bool report, const char *name, unsigned number, uint64_t tier0, uint64_t uops)
{
  if (tier0 == uops)
    return false;
  if (report)
    printf ("    %s%u: tier 0 %016" G_GINT64_MODIFIER "x, uops %016" G_GINT64_MODIFIER "x\n", name,
            number, tier0, uops);
  return true;
}

static bool
compare_bytes (bool report, const char *name, const void *a, const void *b, unsigned n_words)
{
  const uint64_t *p = a, *q = b;
  bool different = false;

  if (memcmp (a, b, n_words * sizeof *p) == 0)
    return false;
  for (unsigned i = 0; i < n_words; i++)
    different |= note (report, name, i, p[i], q[i]);
  return different;
}

static uint64_t
pstate_bits (const A64Pstate *p)
{
  return p->el | p->sp_sel << 1 | p->daif << 2 | p->pan << 6 | p->uao << 7 | p->ss << 8 |
         p->il << 9 | p->dit << 10 | p->ssbs << 11 | p->btype << 12;
}

static bool
is_different (bool report, UopState *a, UopState *b, bool flags_live)
{
  UopRegisters *r = &a->registers, *s = &b->registers;
  bool different = false;

  if (!flags_live) {
    r->nzcv = s->nzcv = 0;
    a->sys.spsr_el1 &= ~UINT64_C (0xf0000000);
    b->sys.spsr_el1 &= ~UINT64_C (0xf0000000);
  }
  different |= note (report, "pc ", 0, a->pc, b->pc);
  different |= compare_bytes (report, "x", r->x, s->x, 32);
  different |= compare_bytes (report, "sp bank ", r->sp_bank, s->sp_bank, 2);
  different |= compare_bytes (report, "v half ", r->v, s->v, 64);
  different |= note (report, "nzcv ", 0, r->nzcv, s->nzcv);
  different |= note (report, "fpcr ", 0, r->fpcr, s->fpcr);
  different |= note (report, "fpsr ", 0, r->fpsr, s->fpsr);
  different |= note (report, "pstate ", 0, pstate_bits (&r->pstate), pstate_bits (&s->pstate));
  different |= compare_bytes (report, "sys word ", &a->sys, &b->sys, sizeof a->sys / 8);
  different |= compare_bytes (report, "data word ", a->data, b->data, UOP_DATA_BYTES / 8);
  different |= note (report, "monitored ", 0, a->monitored, b->monitored);
  different |= note (report, "device offset ", 0, a->mmio_offset, b->mmio_offset);
  different |= note (report, "device value ", 0, a->mmio_value, b->mmio_value);
  return different;
}

static void
print_case (const Comparison *c, const Case *k)
{
  const IrRegion *ir = &c->machine->region.ir;
  char text[160];

  printf ("  el %u, sp_sel %u, offset %x, at most %u:", k->registers.pstate.el,
          k->registers.pstate.sp_sel, k->offset, k->max_insns);
  for (unsigned i = 0; i < k->n_words; i++)
    printf (" %08x", k->words[i]);
  printf ("\n");
  for (unsigned i = 0; i < ir->n_uops; i++) {
    ir_print_uop (&ir->uops[i], text, sizeof text);
    printf ("    %3u %s\n", i, text);
  }
}

static bool
run_case (Comparison *c, const Case *k, bool report)
{
  UopMachine *m = c->machine;
  uint8_t *code = cpu_vm_host (m->vm, UOP_CODE);
  A64TranslateKey key;
  IrEvalResult result;
  UopState tier0, uops;
  const char *wrong;
  uint64_t n_steps;
  unsigned at;

  for (unsigned i = 0; i < k->n_words; i++)
    memcpy (code + (k->offset + i * 4) % 4096, &k->words[i], 4);
  uop_machine_load (m, m->other, &k->registers, c->data);
  key = uop_machine_key (m->other);
  if (!a64_translate_region (&m->region, &key, code, k->offset, k->max_insns))
    return false;
  wrong = ir_verify (&m->region.ir, &at);
  if (wrong != NULL) {
    printf ("  uop %u: %s\n", at, wrong);
    return false;
  }
  result = uop_machine_eval (m, SEQUENCE_INSNS);
  uop_machine_store (m, m->other, &uops);
  uop_machine_load (m, m->tier0, &k->registers, c->data);
  n_steps = uop_machine_step (m, UOP_CODE + k->offset, result.n_insns);
  uop_machine_store (m, m->tier0, &tier0);
  note (report, "instructions ", 0, n_steps, result.n_insns);
  if (!report) {
    c->n_insns += (unsigned) n_steps;
    c->ends[result.end]++;
  }
  if (m->complaint != NULL)
    printf ("  %s\n", m->complaint);
  return !is_different (report, &tier0, &uops, result.flags_live || result.end == IR_EVAL_LEFT) &&
         n_steps == result.n_insns && m->complaint == NULL;
}

static bool
compare_case (Comparison *c, const Case *k)
{
  c->n_cases++;
  if (run_case (c, k, false))
    return true;
  if (c->n_different++ < REPORTS) {
    printf (" case %u\n", c->n_cases);
    run_case (c, k, true);
    print_case (c, k);
  }
  return false;
}

static void
configure_now_and_then (Comparison *c)
{
  if (c->until_configured-- != 0)
    return;
  uop_machine_configure (c->machine, &c->random);
  c->until_configured = CASES_PER_CONFIGURATION - 1;
}

static void
compare_row (Comparison *c, unsigned id, unsigned n)
{
  Case k = {.n_words = 1, .max_insns = 1};
  unsigned n_different = 0;
  A64Op op;

  for (unsigned i = 0; i < n; i++) {
    configure_now_and_then (c);
    if (!make_row_word (c, id, &op))
      return;
    k.words[0] = op.insn;
    k.offset = (unsigned) (get_random (c) % 1024) * 4;
    make_registers (c, &k.registers);
    if (a64_insn_flags (id) & A64_F_MEM)
      suit_registers (c, &op, &k.registers);
    n_different += !compare_case (c, &k);
  }
  if (n_different != 0)
    printf ("%s: %u differ\n", a64_insn_name (id), n_different);
}

static void
compare_registers (Comparison *c, unsigned n)
{
  Case k = {.n_words = 1, .max_insns = 1};

  for (unsigned i = 0; i < n * (unsigned) a64_sysreg_count (); i++) {
    uint64_t r = get_random (c);

    configure_now_and_then (c);
    k.words[0] = (r & 1 ? 0xd5300000 : 0xd5100000) |
                 (uint32_t) a64_sysreg_get ((int) (i / n))->number << 5 | (r >> 8 & 31);
    make_registers (c, &k.registers);
    compare_case (c, &k);
  }
}

static void
compare_sequence (Comparison *c)
{
  Case k = {.n_words = 2 + (unsigned) (get_random (c) % (SEQUENCE_MAX - 2))};

  configure_now_and_then (c);
  k.offset = (unsigned) (get_random (c) % 1024) * 4;
  if (k.offset + k.n_words * 4 > 4096)
    k.n_words = (4096 - k.offset) / 4;
  k.max_insns = get_random (c) % 4 ? 256 : 1 + (unsigned) (get_random (c) % k.n_words);
  make_sequence (c, &k);
  make_registers (c, &k.registers);
  for (unsigned i = 0; i < 8; i++)
    k.registers.x[i] = make_address (c);
  compare_case (c, &k);
}

int
main (int argc, char **argv)
{
  const char *scale = g_getenv ("TERRARIUM_DIFFERENTIAL_SCALE"), *glob = argc > 4 ? argv[4] : "*";
  unsigned factor = scale != NULL ? (unsigned) atoi (scale) : 1;
  unsigned per_row = argc > 1 ? (unsigned) atoi (argv[1]) * factor : 0;
  unsigned n_sequences = argc > 2 ? (unsigned) atoi (argv[2]) * factor : 0;
  Comparison c = {
      .machine = uop_machine_new (),
      .random = (argc > 3 ? strtoull (argv[3], NULL, 0) : 1) * 2 + 1,
  };

  for (unsigned i = 0; i < UOP_DATA_BYTES / 8; i++)
    ((uint64_t *) c.data)[i] = insn_memory_word (i);
  for (unsigned id = 0; id < A64_N_INSNS; id++)
    if (!is_excluded (id) && fnmatch (glob, a64_insn_name (id), 0) == 0)
      compare_row (&c, id, per_row);
  if (strcmp (glob, "*") == 0)
    compare_registers (&c, per_row);
  for (unsigned i = 0; i < n_sequences; i++)
    compare_sequence (&c);
  printf ("%u cases, %u instructions; regions left %u, faults %u, left by tier 0 %u, loops %u; "
          "%u different\n",
          c.n_cases, c.n_insns, c.ends[IR_EVAL_LEFT], c.ends[IR_EVAL_FAULT], c.ends[IR_EVAL_TIER0],
          c.ends[IR_EVAL_STEPS], c.n_different);
  uop_machine_free (c.machine);
  return c.n_cases != 0 && c.n_different == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
