// SPDX-License-Identifier: GPL-3.0-or-later
// A machine's CPUs are translated all or none: where one of them cannot have what it needs (a file
// for its regions, because no more may be open), the others run by tier 0 as if nothing had been. And
// what two jumps cost that meet in the jump cache.
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
#include "engine/guest/aarch64/block.h"
#include "engine/guest/aarch64/mmu.h"
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
  const JitConfig config = {.bytes = CODE_BYTES, .at_once = true, .dump = path};
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

// From the CPU's figures.
static unsigned
get_finds (A64Cpu *cpu)
{
  g_autoptr (GString) text = g_string_new (NULL);

  a64_jit_report (cpu, text);
  const char *at = strstr (text->str, " finds=");
  assert_non_null (at);
  return (unsigned) atoi (at + strlen (" finds="));
}

// An address in another page with the same place in EL1's jump cache.
static GuestVaddr
that_meets (GuestVaddr va)
{
  uint32_t mask = a64_jc_mask (A64_JC_BITS_EL1);
  GuestVaddr other = va + A64_PAGE_SIZE;

  while (a64_jce_index (other, mask) != a64_jce_index (va, mask))
    other += 4;
  return other;
}

static uint32_t
insn_b (GuestVaddr from, GuestVaddr to)
{
  return 0x14000000 | ((uint32_t) ((to - from) / 4) & 0x3ffffff);
}

// A loop over two pages, from one to the other by two jumps that have one place: both are known.
static void
test_meeting_jumps (void **state)
{
  enum { HERE = TEST_CODE + 8, ROUNDS = 1000, MOST = 20 };
  const JitConfig config = {.bytes = CODE_BYTES, .at_once = true};
  CpuVm *t = cpu_vm_new (1);
  A64Cpu *cpu = cpu_vm_cpu (t, 0);
  GuestVaddr there = that_meets (HERE);
  const uint32_t words[] = {
      0xd503201f,                    // nop
      insn_b (TEST_CODE + 4, there), //
      0xf1000421,                    // subs x1, x1, #1
      0x54000040,                    // b.eq over the next
      insn_b (TEST_CODE + 16, there),
      INSN_HVC,
  };
  const uint32_t back[] = {0x91000400 /* add x0, x0, #1 */, insn_b (there + 4, HERE)};

  (void) state;
  cpu_vm_set (cpu, REG_SCTLR, cpu_vm_get (cpu, REG_SCTLR) | SCTLR_I);
  assert_true (a64_use_jit_on_all (&t->vm, &x64_host_ops, &config, NULL));
  cpu_vm_write_code (t, TEST_CODE, words, G_N_ELEMENTS (words));
  cpu_vm_write_code (t, there, back, G_N_ELEMENTS (back));
  cpu->x[0] = 0;
  cpu->x[1] = ROUNDS;
  cpu_vm_run (t, TEST_CODE);
  assert_int_equal (cpu->x[0], ROUNDS);
  assert_true (get_finds (cpu) < MOST);
  // And both are forgotten with their pages.
  const uint32_t changed = 0x91000800; // add x0, x0, #2
  cpu_vm_write_code (t, there, &changed, 1);
  a64_blocks_stale_page (cpu, there);
  cpu->x[0] = 0;
  cpu->x[1] = ROUNDS;
  cpu_vm_run (t, TEST_CODE);
  assert_int_equal (cpu->x[0], 2 * ROUNDS);
  a64_tlb_flush_pages (cpu, there, 1, true, 0);
  for (unsigned i = 0; i <= cpu->ctx_el1->jc_mask >> 2; i++)
    assert_int_not_equal (cpu->ctx_el1->jc[i].va, there);
  cpu_vm_free (t);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_all_or_none),
      cmocka_unit_test (test_meeting_jumps),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
