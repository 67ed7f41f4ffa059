// SPDX-License-Identifier: GPL-3.0-or-later
// Runs instructions through tier 0's handlers and, in a guest program, through an emulator that
// shares no author with us (qemu-user), and compares registers, flags and memory afterwards, or
// which instruction faulted and how. Instructions are made from every row of the decode table with
// random free bits; insn-skip.inc lists what is left out, with reasons. A sequence that differs is
// cut down to the words that matter.
//
// Usage: insn-compare GUEST_PROGRAM rows N [SEED [ROW_NAME_GLOB]]    N single ones of each row
//        insn-compare GUEST_PROGRAM sequences N [SEED]               N of up to 8 instructions
//        insn-compare GUEST_PROGRAM bulk N [SEED]                    N copies and sets of memory
//             (sequences, copies and sets from four states each)
//        insn-compare GUEST_PROGRAM replay SEED:MEMORY:ALIGNED:RD:RN:RM:NO_FLUSH:WORD[,WORD…]
//        insn-compare GUEST_PROGRAM golden     writes tests/unit/guest/insn-golden.inc to stdout
// --newer before them: by $TERRARIUM_QEMU_USER, a qemu-aarch64 of 9 or later, which judges a few
// more instructions (and some less) than the 7.2 that is installed.
//
// TERRARIUM_DIFFERENTIAL_SCALE multiplies the cases. Without the emulator the exit status is 77:
// skipped.
#include <fnmatch.h>
#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/differential/insn-host.h"

enum {
  REPORTS_PER_ROW = 3,
  REPORTS = 20,
  ROUND = 16384, // cases of one run of the emulator
  STATES = 4,    // for each sequence, copy or set
};
enum { MOV_ZERO = 0xaa1f03ff };

static void
print_difference (const char *name, uint64_t before, uint64_t ours, uint64_t theirs)
{
  if (ours != theirs)
    printf ("    %-6s was %016" G_GINT64_MODIFIER "x, ours %016" G_GINT64_MODIFIER
            "x, theirs %016" G_GINT64_MODIFIER "x\n",
            name, before, ours, theirs);
}

static void
print_states (const InsnState *before, const InsnResult *ours, const InsnResult *theirs)
{
  char name[8];

  for (unsigned i = 0; i < 31; i++) {
    g_snprintf (name, sizeof name, "x%u", i);
    print_difference (name, before->x[i], ours->state.x[i], theirs->state.x[i]);
  }
  print_difference ("sp", before->sp, ours->state.sp, theirs->state.sp);
  print_difference ("nzcv", before->nzcv, ours->state.nzcv, theirs->state.nzcv);
  print_difference ("fpsr", before->fpsr, ours->state.fpsr, theirs->state.fpsr);
  for (unsigned i = 0; i < 64; i++) {
    g_snprintf (name, sizeof name, "v%u.%u", i / 2, i % 2);
    print_difference (name, before->v[i / 2][i % 2], ours->state.v[i / 2][i % 2],
                      theirs->state.v[i / 2][i % 2]);
  }
}

static void
print_case (const InsnHost *host, const InsnCase *c, const InsnResult *ours,
            const InsnResult *theirs)
{
  InsnState before;

  insn_make_state (c, &before);
  printf ("    replay 0x%" G_GINT64_MODIFIER "x:%u:%u:%u:%u:%u:%u", c->seed, c->memory, c->aligned,
          c->rd, c->rn, c->rm, c->no_flush);
  for (unsigned i = 0; i < c->n; i++)
    printf ("%c%08x", i == 0 ? ':' : ',', c->words[i]);
  printf ("\n    fpcr %08x\n", (unsigned) before.fpcr);
  for (unsigned k = 0; k < c->n; k++) {
    A64Op op;
    int row = insn_host_decode (host, c->words[k], &op);

    printf ("    %08x %s\n", c->words[k], row >= 0 ? insn_row_name ((unsigned) row) : "?");
    for (unsigned i = 0; i < 4; i++) {
      static const uint8_t shift[] = {0, 5, 16, 10};
      unsigned r = c->words[k] >> shift[i] & 31;
      printf ("      operand %2u: x %016" G_GINT64_MODIFIER "x v %016" G_GINT64_MODIFIER
              "x:%016" G_GINT64_MODIFIER "x\n",
              r, r < 31 ? before.x[r] : before.sp, before.v[r][1], before.v[r][0]);
    }
  }
  if (ours->faulted == theirs->faulted)
    print_states (&before, ours, theirs);
  print_difference ("memory", 0, ours->memory_hash, theirs->memory_hash);
  print_difference ("fault", 0, ours->faulted, theirs->faulted);
}

// How many cases of each row differed, and a hash of the other side's results.
typedef struct RowTally {
  unsigned n_cases, n_different;
  uint64_t hash;
} RowTally;

typedef struct Comparison {
  const char *qemu, *guest, *glob;
  bool newer;
  char *in, *out; // files of cases and results
  InsnHost *host;
  RowTally *rows;
  uint64_t n_cases, n_instructions;
  unsigned n_different;
  GHashTable *skipped; // reasons -> how often
} Comparison;

// ---- running --------------------------------------------------------------------------------

static bool
run_guest (const Comparison *comparison)
{
  const char *argv[] = {comparison->qemu, "-cpu",          "max", comparison->guest,
                        comparison->in,   comparison->out, NULL};
  int status = 0;

  return g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL, NULL, &status,
                       NULL) &&
         status == 0;
}

// Their results of the cases; NULL when the guest program did not finish.
static InsnResult *
run_theirs (const Comparison *comparison, const InsnCase *cases, unsigned n)
{
  g_autofree char *results = NULL;
  gsize length = 0;

  if (!g_file_set_contents (comparison->in, (const char *) cases, (gssize) (n * sizeof *cases),
                            NULL) ||
      !run_guest (comparison) || !g_file_get_contents (comparison->out, &results, &length, NULL) ||
      length != n * sizeof (InsnResult)) {
    fprintf (stderr, "the guest program did not finish\n");
    return NULL;
  }
  return (InsnResult *) g_steal_pointer (&results);
}

// ---- shrinking ------------------------------------------------------------------------------

static bool
still_differs (const Comparison *comparison, const InsnCase *c)
{
  g_autofree InsnResult *theirs = run_theirs (comparison, c, 1);
  InsnResult ours;

  insn_host_run (comparison->host, c, &ours);
  return theirs != NULL && !insn_is_same (c, &ours, theirs);
}

static void
leave_out (InsnCase *c, unsigned i)
{
  c->n--;
  memmove (c->words + i, c->words + i + 1, (c->n - i) * sizeof *c->words);
  c->words[c->n] = 0;
}

// Leaves out every word without which the two still differ; the state before stays the same. Where
// distances matter MOV XZR, XZR takes its place.
static void
shrink (const Comparison *comparison, InsnCase *c)
{
  bool relative = false;

  for (unsigned i = 0; i < c->n; i++)
    relative |= insn_is_relative (c->words[i]);
  for (unsigned i = 0; i < c->n && c->n > 1;) {
    InsnCase shorter = *c;

    if (!relative)
      leave_out (&shorter, i);
    else if (shorter.words[i] != MOV_ZERO)
      shorter.words[i] = MOV_ZERO;
    else {
      i++;
      continue;
    }
    if (still_differs (comparison, &shorter)) {
      *c = shorter;
      i = 0;
    } else {
      i++;
    }
  }
}

static void
report (const Comparison *comparison, const InsnCase *original)
{
  InsnCase c = *original;
  g_autofree InsnResult *theirs = NULL;
  InsnResult ours;

  if (c.memory != INSN_BULK)
    shrink (comparison, &c);
  theirs = run_theirs (comparison, &c, 1);
  insn_host_run (comparison->host, &c, &ours);
  printf ("  %u of %u instructions:\n", c.n, original->n);
  if (theirs != NULL && insn_is_same (&c, &ours, theirs))
    printf ("  the difference depends on the cases before it\n");
  if (theirs != NULL)
    print_case (comparison->host, &c, &ours, theirs);
}

// ---- comparing ------------------------------------------------------------------------------

static void
compare_case (Comparison *comparison, const InsnCase *c, const InsnResult *theirs)
{
  RowTally *row = &comparison->rows[c->row];
  bool single = c->n == 1 && c->memory <= INSN_MEMORY;
  InsnResult ours;

  comparison->n_cases++;
  comparison->n_instructions += c->n;
  row->n_cases += single;
  row->hash = insn_hash_result (row->hash, theirs);
  insn_host_run (comparison->host, c, &ours);
  if (insn_is_same (c, &ours, theirs))
    return;
  if (comparison->n_different++ < REPORTS || (single && row->n_different < REPORTS_PER_ROW))
    report (comparison, c);
  row->n_different += single;
}

static bool
compare_cases (Comparison *comparison, const InsnCase *cases, unsigned n)
{
  for (unsigned at = 0; at < n; at += ROUND) {
    unsigned m = MIN (ROUND, n - at);
    g_autofree InsnResult *theirs = run_theirs (comparison, cases + at, m);

    if (theirs == NULL)
      return false;
    for (unsigned i = 0; i < m; i++)
      compare_case (comparison, &cases[at + i], &theirs[i]);
  }
  return true;
}

// Adds a case unless this emulator is no judge of it.
static void
add_case (Comparison *comparison, GArray *cases, const InsnCase *c)
{
  const char *reason;
  guint n;

  if (insn_is_judged (c, comparison->newer, &reason)) {
    g_array_append_val (cases, *c);
    return;
  }
  n = GPOINTER_TO_UINT (g_hash_table_lookup (comparison->skipped, reason));
  g_hash_table_insert (comparison->skipped, (gpointer) reason, GUINT_TO_POINTER (n + 1));
}

// Some cases of each row.
static bool
compare_rows (Comparison *comparison, unsigned per_row, uint64_t seed)
{
  g_autoptr (GArray) cases = g_array_new (FALSE, FALSE, sizeof (InsnCase));
  InsnCase c;

  for (unsigned row = 0; row < insn_n_rows; row++) {
    uint64_t random = insn_row_seed (row, seed);

    if (fnmatch (comparison->glob, insn_row_name (row), 0) != 0)
      continue;
    for (unsigned i = 0; i < per_row && insn_make_case (comparison->host, row, &random, &c); i++) {
      if (comparison->newer && c.aligned != INSN_UNALIGNED)
        c.aligned = INSN_ALWAYS_ALIGNED;
      if (comparison->newer)
        c.no_flush = false;
      add_case (comparison, cases, &c);
    }
  }
  return compare_cases (comparison, (const InsnCase *) (void *) cases->data, cases->len);
}

static bool
compare_made (Comparison *comparison, unsigned n, uint64_t seed, bool bulk)
{
  g_autoptr (GArray) cases = g_array_new (FALSE, FALSE, sizeof (InsnCase));
  uint64_t random = (seed * 2 + bulk) * UINT64_C (0x9e3779b97f4a7c15) | 1;

  for (unsigned at = 0; at < n; at += ROUND / STATES) {
    g_array_set_size (cases, 0);
    for (unsigned i = at; i < MIN (n, at + ROUND / STATES); i++) {
      InsnCase c;

      if (bulk)
        insn_make_bulk (&random, &c);
      else
        insn_make_sequence (comparison->host, &random, comparison->newer, &c);
      for (unsigned k = 0; k < STATES; k++, c.seed += k)
        add_case (comparison, cases, &c);
    }
    if (!compare_cases (comparison, (const InsnCase *) (void *) cases->data, cases->len))
      return false;
  }
  return true;
}

static bool
replay (Comparison *comparison, const char *text)
{
  unsigned memory, aligned, rd, rn, rm, no_flush;
  InsnCase c = {0};
  int at = 0;

  if (sscanf (text, "%" SCNx64 ":%u:%u:%u:%u:%u:%u:%n", &c.seed, &memory, &aligned, &rd, &rn, &rm,
              &no_flush, &at) != 7 ||
      at == 0 || memory > INSN_BULK)
    return false;
  c.memory = (uint8_t) memory;
  c.aligned = (uint8_t) aligned;
  c.rd = (uint8_t) (rd & 31);
  c.rn = (uint8_t) (rn & 31);
  c.rm = (uint8_t) (rm & 31);
  c.no_flush = no_flush != 0;
  for (const char *word = text + at; *word != '\0' && c.n < INSN_WORDS_MAX;) {
    char *end;
    A64Op op;

    c.words[c.n] = (uint32_t) strtoul (word, &end, 16);
    if (end == word || insn_host_decode (comparison->host, c.words[c.n++], &op) < 0)
      return false;
    word = end + (*end == ',');
  }
  return compare_cases (comparison, &c, 1);
}

static void
print_tally (const Comparison *comparison)
{
  GHashTableIter iter;
  gpointer reason, count;
  unsigned n_rows = 0;

  for (unsigned i = 0; i < insn_n_rows; i++) {
    n_rows += comparison->rows[i].n_cases != 0;
    if (comparison->rows[i].n_different != 0)
      printf ("  %s: %u differ\n", insn_row_name (i), comparison->rows[i].n_different);
  }
  g_hash_table_iter_init (&iter, comparison->skipped);
  while (g_hash_table_iter_next (&iter, &reason, &count))
    printf ("  skipped %8u: %s\n", GPOINTER_TO_UINT (count), (const char *) reason);
  printf ("%u rows of %u, %" G_GUINT64_FORMAT " cases, %" G_GUINT64_FORMAT
          " instructions, %u different\n",
          n_rows, insn_n_rows, comparison->n_cases, comparison->n_instructions,
          comparison->n_different);
}

static bool
write_golden (Comparison *comparison)
{
  if (!compare_rows (comparison, INSN_GOLDEN_CASES, INSN_GOLDEN_SEED) ||
      comparison->n_different != 0)
    return false;
  printf (
      "// SPDX-License-Identifier: GPL-3.0-or-later\n"
      "// A hash of the results of the first cases of each row, as QEMU gives them; written by\n"
      "// \"insn-compare GUEST_PROGRAM golden\".\n");
  for (unsigned i = 0; i < insn_n_rows; i++) {
    if (comparison->rows[i].n_cases != 0)
      printf ("INSN_GOLDEN (%s, 0x%016" G_GINT64_MODIFIER "x)\n", insn_row_name (i),
              comparison->rows[i].hash);
  }
  return true;
}

static bool
run (Comparison *comparison, const char *what, unsigned n, uint64_t seed)
{
  const char *scale = g_getenv ("TERRARIUM_DIFFERENTIAL_SCALE");
  unsigned n_rounds = scale != NULL ? (unsigned) atoi (scale) : 1;
  bool ok = true;

  for (unsigned i = 0; ok && i < n_rounds; i++) {
    if (strcmp (what, "rows") == 0)
      ok = compare_rows (comparison, n, seed + i);
    else if (strcmp (what, "sequences") == 0 || strcmp (what, "bulk") == 0)
      ok = compare_made (comparison, n, seed + i, *what == 'b');
    else
      ok = false;
  }
  print_tally (comparison);
  return ok && comparison->n_cases != 0 && comparison->n_different == 0;
}

static bool
run_command (Comparison *comparison, int argc, char **argv)
{
  if (argc == 3 && strcmp (argv[2], "golden") == 0)
    return write_golden (comparison);
  if (argc == 4 && strcmp (argv[2], "replay") == 0)
    return replay (comparison, argv[3]) && comparison->n_different == 0;
  return argc >= 4 && run (comparison, argv[2], (unsigned) atoi (argv[3]),
                           argc > 4 ? strtoull (argv[4], NULL, 0) : 1);
}

int
main (int argc, char **argv)
{
  bool newer = argc > 1 && strcmp (argv[1], "--newer") == 0, ok = true;
  const char *named = g_getenv ("TERRARIUM_QEMU_USER");
  g_autofree char *qemu =
      g_find_program_in_path (newer ? (named != NULL ? named : "") : "qemu-aarch64-static");
  g_autofree char *dir = g_dir_make_tmp ("insn-XXXXXX", NULL);
  g_autofree char *in = g_build_filename (dir, "cases", NULL);
  g_autofree char *out = g_build_filename (dir, "results", NULL);
  g_autofree RowTally *rows = g_new0 (RowTally, insn_n_rows);
  Comparison comparison = {
      .qemu = qemu,
      .newer = newer,
      .in = in,
      .out = out,
      .host = insn_host_new (),
      .rows = rows,
      .skipped = g_hash_table_new (g_str_hash, g_str_equal),
  };

  argc -= newer;
  argv += newer;
  comparison.guest = argc > 1 ? argv[1] : "";
  comparison.glob = argc > 5 ? argv[5] : "*";
  if (qemu != NULL)
    ok = run_command (&comparison, argc, argv);
  g_hash_table_unref (comparison.skipped);
  insn_host_free (comparison.host);
  unlink (in);
  unlink (out);
  rmdir (dir);
  return qemu == NULL ? 77 : ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
