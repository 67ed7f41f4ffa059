// SPDX-License-Identifier: GPL-3.0-or-later
// Every row of the decode tables but the system instructions, the branches and the PC-relative
// ones, against results of another implementation kept as one hash a row (insn-golden.inc). Where
// a row differs, tests/differential/insn-compare shows the case.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/differential/insn-host.h"

typedef struct Golden {
  const char *name;
  uint64_t hash;
} Golden;

static const Golden golden[] = {
#define INSN_GOLDEN(name, hash) {#name, hash},
#include "tests/unit/guest/insn-golden.inc"
#undef INSN_GOLDEN
};

static const Golden *
find_golden (const char *name)
{
  for (size_t i = 0; i < sizeof golden / sizeof golden[0]; i++) {
    if (strcmp (golden[i].name, name) == 0)
      return &golden[i];
  }
  return NULL;
}

// Runs the cases of a row; false when it has none.
static bool
hash_row (InsnHost *host, unsigned row, uint64_t *hash)
{
  uint64_t random = insn_row_seed (row, INSN_GOLDEN_SEED);
  InsnResult result;
  InsnCase c;
  unsigned n = 0;

  for (*hash = 0; n < INSN_GOLDEN_CASES && insn_make_case (host, row, &random, &c); n++) {
    insn_host_run (host, &c, &result);
    *hash = insn_hash_result (*hash, &result);
  }
  return n != 0;
}

static void
test_golden (void **unused)
{
  InsnHost *host = insn_host_new ();
  unsigned n_wrong = 0;

  for (unsigned row = 0; row < insn_n_rows; row++) {
    const Golden *expected = find_golden (insn_row_name (row));
    uint64_t hash;
    bool comparable = hash_row (host, row, &hash);

    if (comparable != (expected != NULL) || (comparable && hash != expected->hash)) {
      print_error ("%s: %s\n", insn_row_name (row),
                   expected == NULL ? "not in insn-golden.inc" : "results changed");
      n_wrong++;
    }
  }
  insn_host_free (host);
  assert_int_equal (n_wrong, 0);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test (test_golden)};

  return cmocka_run_group_tests (tests, NULL, NULL);
}
