// SPDX-License-Identifier: GPL-3.0-or-later
// A machine's CPUs are translated all or none: where one of them cannot have what it needs (a file
// for its regions, because no more may be open), the others run by tier 0 as if nothing had been.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "engine/guest/aarch64/aarch64.h"
#include "engine/guest/aarch64/accel-jit.h"
#include "engine/host/x86_64/host.h"
#include "tests/unit/guest/cpu-vm.h"

enum { CODE_BYTES = 1 << 20, SCTLR_I = 1 << 12 };

static bool
is_translated (A64Cpu *cpu)
{
  GString *text = g_string_new (NULL);

  a64_jit_report (cpu, text);
  bool none = strstr (text->str, " none\n") != NULL;
  g_string_free (text, TRUE);
  return !none;
}

// 1 + 2 + ... + 100.
static void
assert_runs (CpuVm *t)
{
  static const uint32_t words[] = {
      0x8b010000,                                  // add x0, x0, x1
      0xf1000421,                                  // subs x1, x1, #1
      0x54000001 | (uint32_t) (-2 & 0x7ffff) << 5, // b.ne
      INSN_HVC,
  };
  A64Cpu *cpu = cpu_vm_cpu (t, 0);

  cpu_vm_write_code (t, TEST_CODE, words, G_N_ELEMENTS (words));
  cpu->x[0] = 0;
  cpu->x[1] = 100;
  cpu_vm_run (t, TEST_CODE);
  assert_int_equal (cpu->x[0], 5050);
}

// As many more files may be opened.
static struct rlimit
limit_files (unsigned more)
{
  struct rlimit before, limited;
  int next = dup (STDERR_FILENO);

  assert_true (next >= 0);
  close (next);
  assert_int_equal (getrlimit (RLIMIT_NOFILE, &before), 0);
  limited = before;
  limited.rlim_cur = (rlim_t) next + more;
  assert_int_equal (setrlimit (RLIMIT_NOFILE, &limited), 0);
  return before;
}

static void
test_all_or_none (void **state)
{
  g_autofree char *path = g_strdup_printf ("%s/terrarium-use-jit-%d", g_get_tmp_dir (), getpid ());
  const JitConfig config = {.bytes = CODE_BYTES, .dump = path};
  CpuVm *t = cpu_vm_new (2);
  A64Cpu *cpu = cpu_vm_cpu (t, 0), *other = cpu_vm_cpu (t, 1);
  g_autoptr (GError) error = NULL;

  (void) state;
  cpu_vm_set (cpu, REG_SCTLR, cpu_vm_get (cpu, REG_SCTLR) | SCTLR_I);
  // The first CPU has its file then, the second has not.
  struct rlimit before = limit_files (1);
  assert_false (a64_use_jit_on_all (&t->vm, &x64_host_ops, &config, &error));
  assert_int_equal (setrlimit (RLIMIT_NOFILE, &before), 0);
  assert_true (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES));
  assert_false (is_translated (cpu) || is_translated (other));
  assert_runs (t);
  assert_true (a64_use_jit_on_all (&t->vm, &x64_host_ops, &config, NULL));
  assert_true (is_translated (cpu) && is_translated (other));
  assert_runs (t);
  cpu_vm_free (t);
  g_unlink (path);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_all_or_none),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
