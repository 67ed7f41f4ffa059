// SPDX-License-Identifier: GPL-3.0-or-later
// The steps of the wizard's sliders.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glib.h>

#include "app/wizard/sizes.h"

#define MI ((uint64_t) 1 << 20)

static void
test_steps (void **state)
{
  static const uint64_t mib[] = {256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096};

  for (unsigned i = 0; i < G_N_ELEMENTS (mib); i++) {
    assert_int_equal (sizes_at (256 * MI, i), mib[i] * MI);
    assert_int_equal (sizes_last_step (256 * MI, mib[i] * MI), i);
    assert_int_equal (sizes_last_step (256 * MI, mib[i] * MI + MI), i);
  }
  assert_int_equal (sizes_last_step (256 * MI, 10 * MI), 0);
  assert_int_equal (sizes_step_above (256 * MI, 0), 0);
  assert_int_equal (sizes_step_above (256 * MI, 256 * MI), 1);
  assert_int_equal (sizes_step_above (256 * MI, 400 * MI), 2);
  assert_int_equal (sizes_step_from (256 * MI, 0), 0);
  assert_int_equal (sizes_step_from (256 * MI, 1), 0);
  assert_int_equal (sizes_step_from (256 * MI, 256 * MI), 0);
  assert_int_equal (sizes_step_from (256 * MI, 512 * MI), 2);
  assert_int_equal (sizes_step_from (256 * MI, 513 * MI), 3);
  assert_int_equal (sizes_last_step (256 * MI, (uint64_t) 1 << 40), 24);
}

static void
test_format (void **state)
{
  static const struct {
    uint64_t mib;
    const char *text;
  } rows[] = {{256, "256 MiB"},  {768, "768 MiB"},  {1024, "1 GiB"},
              {1536, "1.5 GiB"}, {16384, "16 GiB"}, {24064, "23.5 GiB"}};

  for (unsigned i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autofree char *text = sizes_format (rows[i].mib * MI);
    assert_string_equal (text, rows[i].text);
  }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_steps),
      cmocka_unit_test (test_format),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
