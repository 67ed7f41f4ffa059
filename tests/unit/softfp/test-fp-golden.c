// SPDX-License-Identifier: GPL-3.0-or-later
// Every floating-point row of the decode table against results of another implementation, kept as
// one hash a row (fp-golden.inc). Where a row differs, test-fp-differential shows the case.
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/softfp/fp-cases.h"
#include "tests/unit/softfp/fp-golden.h"

static const struct {
  const char *name;
  uint64_t hash;
} golden[] = {
#define FP_GOLDEN(name, hash) {#name, hash},
#include "tests/unit/softfp/fp-golden.inc"
#undef FP_GOLDEN
};

static uint64_t
expected_hash (const char *name)
{
  for (size_t i = 0; i < sizeof golden / sizeof golden[0]; i++)
    if (strcmp (golden[i].name, name) == 0)
      return golden[i].hash;
  fail_msg ("%s: not in fp-golden.inc", name);
  return 0;
}

static void
test_golden (void **unused)
{
  unsigned differences = 0;
  FpSeries series;
  FpCase test;

  for (unsigned r = 0; r < fp_n_rows; r++) {
    uint64_t hash = FP_HASH_START;

    fp_series_init (&series, &fp_rows[r], FP_GOLDEN_SEED);
    for (unsigned i = 0; i < FP_GOLDEN_CASES; i++) {
      FpState out = {0};

      fp_series_next (&series, &test);
      fp_interpret (&fp_rows[r], &test, &out);
      hash = fp_hash (hash, &out);
    }
    if (hash != expected_hash (fp_rows[r].name)) {
      print_error ("%s: results changed\n", fp_rows[r].name);
      differences++;
    }
  }
  assert_int_equal (differences, 0);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test (test_golden)};

  return cmocka_run_group_tests (tests, NULL, NULL);
}
