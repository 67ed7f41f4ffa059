// SPDX-License-Identifier: GPL-3.0-or-later
// Runs single instructions through tier 0's handlers and, in a guest program, through an emulator
// that shares no author with us (qemu-user), and compares registers, flags and memory afterwards.
// Instructions are made from every row of the decode table with random free bits; branches, system
// instructions and PC-relative ones are left to the unit tests, and so are operand combinations
// whose result the architecture leaves open.
//
// Usage: insn-compare GUEST_PROGRAM CASES_PER_ROW [SEED [ROW_NAME_GLOB]]
//        insn-compare GUEST_PROGRAM golden     writes tests/unit/guest/insn-golden.inc to stdout
// TERRARIUM_DIFFERENTIAL_SCALE multiplies the cases. Without the emulator the test is skipped (exit
// status 77).
#include <fnmatch.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/differential/insn-host.h"

enum { REPORTS_PER_ROW = 3 };

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

// How many cases of each row differed, and a hash of the other side's results.
typedef struct RowTally {
  unsigned n_cases, n_different;
  uint64_t hash;
} RowTally;

typedef struct Comparison {
  const char *qemu, *guest, *glob;
  char *in, *out; // files of cases and results
  InsnHost *host;
  RowTally *rows;
  unsigned n_cases, n_different;
} Comparison;

static GArray *
make_cases (const Comparison *comparison, unsigned per_row, uint64_t seed)
{
  GArray *cases = g_array_new (FALSE, FALSE, sizeof (InsnCase));
  InsnCase c;

  for (unsigned row = 0; row < insn_n_rows; row++) {
    uint64_t random = insn_row_seed (row, seed);

    if (fnmatch (comparison->glob, insn_row_name (row), 0) != 0)
      continue;
    for (unsigned i = 0; i < per_row && insn_make_case (row, &random, &c); i++)
      g_array_append_val (cases, c);
  }
  return cases;
}

static void
compare_case (Comparison *comparison, const InsnCase *c, const InsnResult *theirs)
{
  RowTally *row = &comparison->rows[c->row];
  InsnResult ours;

  comparison->n_cases++;
  row->n_cases++;
  row->hash = insn_hash_result (row->hash, theirs);
  insn_host_run (comparison->host, c, &ours);
  if (insn_is_same (&ours, theirs))
    return;
  comparison->n_different++;
  if (row->n_different++ < REPORTS_PER_ROW) {
    printf ("  %s:\n", insn_row_name ((unsigned) c->row));
    print_case (c, &ours, theirs);
  }
}

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

// Some cases of each row; false when the guest program did not run.
static bool
compare_round (Comparison *comparison, unsigned per_row, uint64_t seed)
{
  g_autoptr (GArray) cases = make_cases (comparison, per_row, seed);
  g_autofree char *results = NULL;
  gsize length = 0, in_bytes = cases->len * sizeof (InsnCase);

  if (!g_file_set_contents (comparison->in, cases->data, (gssize) in_bytes, NULL) ||
      !run_guest (comparison) || !g_file_get_contents (comparison->out, &results, &length, NULL) ||
      length != cases->len * sizeof (InsnResult))
    return false;
  for (unsigned i = 0; i < cases->len; i++)
    compare_case (comparison, &g_array_index (cases, InsnCase, i), &((InsnResult *) results)[i]);
  return true;
}

static void
print_tally (const Comparison *comparison)
{
  unsigned n_rows = 0;

  for (unsigned i = 0; i < insn_n_rows; i++) {
    n_rows += comparison->rows[i].n_cases != 0;
    if (comparison->rows[i].n_different != 0)
      printf ("  %s: %u differ\n", insn_row_name (i), comparison->rows[i].n_different);
  }
  printf ("%u rows of %u, %u cases, %u different\n", n_rows, insn_n_rows, comparison->n_cases,
          comparison->n_different);
}

static void
print_golden (const Comparison *comparison)
{
  printf (
      "// SPDX-License-Identifier: GPL-3.0-or-later\n"
      "// A hash of the results of the first cases of each row, as QEMU 7.2 gives them; written "
      "by\n// \"insn-compare GUEST_PROGRAM golden\".\n");
  for (unsigned i = 0; i < insn_n_rows; i++) {
    if (comparison->rows[i].n_cases != 0)
      printf ("INSN_GOLDEN (%s, 0x%016" G_GINT64_MODIFIER "x)\n", insn_row_name (i),
              comparison->rows[i].hash);
  }
}

static bool
compare_rounds (Comparison *comparison, unsigned per_row, uint64_t seed)
{
  const char *scale = g_getenv ("TERRARIUM_DIFFERENTIAL_SCALE");
  unsigned n_rounds = scale != NULL ? (unsigned) atoi (scale) : 1;

  for (unsigned i = 0; i < n_rounds; i++) {
    if (!compare_round (comparison, per_row, seed + i)) {
      fprintf (stderr, "the guest program did not finish\n");
      return false;
    }
  }
  print_tally (comparison);
  return comparison->n_cases != 0 && comparison->n_different == 0;
}

static bool
write_golden (Comparison *comparison)
{
  if (!compare_round (comparison, INSN_GOLDEN_CASES, INSN_GOLDEN_SEED) ||
      comparison->n_different != 0)
    return false;
  print_golden (comparison);
  return true;
}

int
main (int argc, char **argv)
{
  g_autofree char *qemu = g_find_program_in_path ("qemu-aarch64-static");
  g_autofree char *dir = g_dir_make_tmp ("insn-XXXXXX", NULL);
  g_autofree char *in = g_build_filename (dir, "cases", NULL);
  g_autofree char *out = g_build_filename (dir, "results", NULL);
  g_autofree RowTally *rows = g_new0 (RowTally, insn_n_rows);
  Comparison comparison = {
      .qemu = qemu,
      .guest = argc > 1 ? argv[1] : "",
      .glob = argc > 4 ? argv[4] : "*",
      .in = in,
      .out = out,
      .host = insn_host_new (),
      .rows = rows,
  };
  bool ok;

  if (qemu == NULL)
    return 77;
  if (argc == 3 && strcmp (argv[2], "golden") == 0)
    ok = write_golden (&comparison);
  else
    ok = argc >= 3 && compare_rounds (&comparison, (unsigned) atoi (argv[2]),
                                      argc > 3 ? strtoull (argv[3], NULL, 0) : 1);
  insn_host_free (comparison.host);
  unlink (in);
  unlink (out);
  rmdir (dir);
  return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
