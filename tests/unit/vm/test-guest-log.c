// SPDX-License-Identifier: GPL-3.0-or-later
// The rate limit of the log of guest errors.
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/log/guest-log.h"

static void
test_limit (void **state)
{
  GuestLog log;
  unsigned dropped;

  guest_log_init (&log, "test");
  for (unsigned second = 0; second < 3; second++) {
    for (unsigned i = 0; i < 25; i++) {
      bool expected = i < GUEST_LOG_LINES_PER_SECOND;

      assert_int_equal (guest_log_admit (&log, second * G_USEC_PER_SEC + i, &dropped), expected);
      // Those of the second before are told with the first line.
      assert_int_equal (dropped, second > 0 && i == 0 ? 15 : 0);
    }
  }
  guest_log_clear (&log);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test (test_limit)};

  return cmocka_run_group_tests (tests, NULL, NULL);
}
