// SPDX-License-Identifier: GPL-3.0-or-later
// Every floating-point row of the decode table against another implementation: random words of the
// row, operands that lean towards the edges, all modes; result, flags and NZCV must agree.
//
// usage: test-fp-differential EMULATOR PROBE [CASES-PER-ROW [SEED]]. Skips (77) when one is "".
// With CASES-PER-ROW "golden", prints fp-golden.inc instead, from the other's results.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/softfp/fp-cases.h"
#include "tests/unit/softfp/fp-golden.h"

enum { MAX_REPORTS = 20, SKIPPED = 77 };

static void
print_state (const char *title, const FpState *s)
{
  printf ("  %-8s", title);
  for (int v = 0; v < 4; v++)
    printf (" %016" PRIx64 "_%016" PRIx64, s->v[v][1], s->v[v][0]);
  printf ("\n           x %016" PRIx64 " %016" PRIx64 " nzcv %x fpsr %02x\n", s->x[0], s->x[1],
          s->nzcv >> 28, s->fpsr);
}

static bool
write_cases (FILE *file, unsigned per_row, uint64_t seed)
{
  FpSeries series;
  FpCase test;

  for (unsigned r = 0; r < fp_n_rows; r++) {
    fp_series_init (&series, &fp_rows[r], seed);
    for (unsigned i = 0; i < per_row; i++) {
      fp_series_next (&series, &test);
      if (fwrite (&test, sizeof test, 1, file) != 1)
        return false;
    }
  }
  return fflush (file) == 0;
}

static bool
run_probe (const char *emulator, const char *probe, FILE *in, FILE *out)
{
  pid_t pid = fork ();
  int status;

  if (pid == 0) {
    rewind (in);
    dup2 (fileno (in), STDIN_FILENO);
    dup2 (fileno (out), STDOUT_FILENO);
    execl (emulator, emulator, probe, (char *) NULL);
    _exit (127);
  }
  return pid > 0 && waitpid (pid, &status, 0) == pid && status == 0;
}

static void
report (const FpRow *row, const FpCase *test, const FpState *ours, const FpState *theirs)
{
  printf ("%s %08x fpcr %08x\n", row->name, test->insn, test->fpcr);
  print_state ("in", &test->in);
  print_state ("ours", ours);
  print_state ("theirs", theirs);
}

static void
forgive (const FpCase *test, const FpState *ours, FpState *theirs)
{
  const uint64_t wrong = 0xffff0000;
  unsigned rd = test->insn & 3;

  theirs->nzcv = ours->nzcv;
  theirs->v[rd][0] = (theirs->v[rd][0] & ~wrong) | (ours->v[rd][0] & wrong);
}

// Compares, or prints golden hashes; says how many differ.
static unsigned
compare (FILE *in, FILE *out, unsigned per_row, bool golden)
{
  unsigned differences = 0;

  rewind (in);
  rewind (out);
  for (unsigned r = 0; r < fp_n_rows; r++) {
    uint64_t hash = FP_HASH_START;

    for (unsigned i = 0; i < per_row; i++) {
      FpState theirs, ours = {0};
      FpCase test;

      if (fread (&test, sizeof test, 1, in) != 1 || fread (&theirs, sizeof theirs, 1, out) != 1) {
        printf ("%s: the probe gave no result\n", fp_rows[r].name);
        return differences + 1;
      }
      fp_interpret (&fp_rows[r], &test, &ours);
      if (fp_is_known_deviation (&fp_rows[r], &test))
        forgive (&test, &ours, &theirs);
      hash = fp_hash (hash, &theirs);
      if (memcmp (&ours, &theirs, sizeof ours) != 0 && ++differences <= MAX_REPORTS && !golden)
        report (&fp_rows[r], &test, &ours, &theirs);
    }
    if (golden)
      printf ("FP_GOLDEN (%s, 0x%016" PRIx64 ")\n", fp_rows[r].name, hash);
  }
  return differences;
}

int
main (int argc, char **argv)
{
  bool golden = argc > 3 && strcmp (argv[3], "golden") == 0;
  unsigned per_row = golden ? FP_GOLDEN_CASES : argc > 3 ? (unsigned) atoi (argv[3]) : 1000;
  uint64_t seed = golden ? FP_GOLDEN_SEED : argc > 4 ? strtoull (argv[4], NULL, 0) : 1;
  FILE *in, *out;
  unsigned differences;

  if (argc < 3 || argv[1][0] == '\0' || argv[2][0] == '\0') {
    printf ("no AArch64 compiler or emulator: skipped\n");
    return SKIPPED;
  }
  in = tmpfile ();
  out = tmpfile ();
  if (in == NULL || out == NULL || !write_cases (in, per_row, seed) ||
      !run_probe (argv[1], argv[2], in, out)) {
    printf ("cannot run %s %s\n", argv[1], argv[2]);
    return EXIT_FAILURE;
  }
  differences = compare (in, out, per_row, golden);
  if (!golden)
    printf ("%u cases, %u differences\n", per_row * fp_n_rows, differences);
  fclose (in);
  fclose (out);
  return differences == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
