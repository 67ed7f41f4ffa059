// SPDX-License-Identifier: GPL-3.0-or-later
// Code that is come to for the first time is tier 0's: results and counts are the same as with all
// translated at once, and what is come to again is translated.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "engine/guest/aarch64/aarch64.h"
#include "engine/guest/aarch64/accel-jit.h"
#include "engine/host/x86_64/host.h"
#include "tests/unit/guest/cpu-vm.h"

enum {
  CODE_BYTES = 1 << 20,
  SCTLR_I = 1 << 12,
  MANY = 600, // instructions in a row, more than a piece
};

static CpuVm *
new_vm (bool at_once, bool count)
{
  const JitConfig config = {.bytes = CODE_BYTES, .at_once = at_once, .count = count};
  CpuVm *t = cpu_vm_new (1);
  A64Cpu *cpu = cpu_vm_cpu (t, 0);

  cpu_vm_set (cpu, REG_SCTLR, cpu_vm_get (cpu, REG_SCTLR) | SCTLR_I);
  cpu_vm_set (cpu, REG_VBAR, TEST_VECTORS);
  assert_true (a64_use_jit (cpu->vcpu, &x64_host_ops, &config, NULL));
  return t;
}

static uint64_t
figure (CpuVm *t, const char *name)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autofree char *key = g_strdup_printf (" %s=", name);

  a64_jit_report (cpu_vm_cpu (t, 0), text);
  const char *at = strstr (text->str, key);
  assert_non_null (at);
  return g_ascii_strtoull (at + strlen (key), NULL, 10);
}

// Adds up x1 times, x2 of them by another way; then the same in a row.
static const uint32_t sums[] = {
    0xd2800000,                       // movz x0, #0
    0xeb02003f,                       // loop: cmp x1, x2
    0x54000068,                       // b.hi over
    0x91004000,                       // add x0, x0, #16
    0x14000002,                       // b on
    0x91000400,                       // over: add x0, x0, #1
    0xf1000421,                       // on: subs x1, x1, #1
    0x54000001 | (-6 & 0x7ffff) << 5, // b.ne loop
    INSN_HVC,
};

static uint64_t
run_sums (CpuVm *t, uint64_t rounds, uint64_t others, uint64_t *insns)
{
  A64Cpu *cpu = cpu_vm_cpu (t, 0);

  cpu->x[1] = rounds;
  cpu->x[2] = others;
  *insns = cpu_vm_run (t, TEST_CODE);
  return cpu->x[0];
}

// What a run of it counts.
static uint64_t
insns_of (uint64_t rounds, uint64_t others)
{
  return 1 + 5 * (rounds - others) + 6 * others;
}

static void
test_once (void **state)
{
  CpuVm *t = new_vm (false, true);
  uint64_t insns;

  (void) state;
  cpu_vm_write_code (t, TEST_CODE, sums, G_N_ELEMENTS (sums));
  assert_int_equal (run_sums (t, 1, 0, &insns), 1);
  assert_int_equal (insns, insns_of (1, 0));
  assert_int_equal (figure (t, "regions"), 0);
  assert_int_equal (figure (t, "cold"), 1);
  assert_int_equal (figure (t, "cold_insns"), insns + 1); // HVC
  cpu_vm_free (t);
}

// The loop is come to again at its second round; its other way is part of it.
static void
test_again (void **state)
{
  CpuVm *t = new_vm (false, true);
  uint64_t insns;

  (void) state;
  cpu_vm_write_code (t, TEST_CODE, sums, G_N_ELEMENTS (sums));
  assert_int_equal (run_sums (t, 1000, 0, &insns), 1000);
  assert_int_equal (insns, insns_of (1000, 0));
  assert_int_equal (figure (t, "regions"), 1);
  assert_int_equal (figure (t, "insns"), 8);
  uint64_t cold = figure (t, "cold_insns");
  assert_in_range (cold, 1, 8);
  assert_int_equal (run_sums (t, 1000, 400, &insns), 600 + 400 * 16);
  assert_int_equal (insns, insns_of (1000, 400));
  assert_in_range (figure (t, "cold_insns"), cold, cold + 1);
  cpu_vm_free (t);
}

static void
test_at_once (void **state)
{
  CpuVm *t = new_vm (true, true);
  uint64_t insns;

  (void) state;
  cpu_vm_write_code (t, TEST_CODE, sums, G_N_ELEMENTS (sums));
  assert_int_equal (run_sums (t, 1, 0, &insns), 1);
  assert_int_equal (insns, insns_of (1, 0));
  assert_true (figure (t, "regions") > 0);
  cpu_vm_free (t);
}

// A piece ends after a while, and at the end of its page; what follows is another.
static void
test_long (void **state)
{
  CpuVm *t = new_vm (false, true);
  A64Cpu *cpu = cpu_vm_cpu (t, 0);
  GuestVaddr begin = TEST_CODE + A64_PAGE_SIZE - 4 * (MANY / 2);
  uint32_t words[MANY + 1];

  (void) state;
  for (unsigned i = 0; i < MANY; i++)
    words[i] = 0x91000400; // add x0, x0, #1
  words[MANY] = INSN_HVC;
  cpu_vm_write_code (t, begin, words, G_N_ELEMENTS (words));
  for (unsigned round = 0; round < 3; round++) {
    cpu->x[0] = 0;
    assert_int_equal (cpu_vm_run (t, begin), MANY);
    assert_int_equal (cpu->x[0], MANY);
  }
  assert_int_equal (figure (t, "cold_insns"), MANY + 1);
  assert_in_range (figure (t, "cold"), 3, MANY / 64);
  cpu_vm_free (t);
}

// An exception in a piece: the state is that of the instruction, which is not counted.
static void
test_exception (void **state)
{
  static const uint32_t words[] = {
      0xd2800020, // movz x0, #1
      0xb50000e0, // cbnz x0, on
      0,          0, 0, 0, 0, 0,
      0x91000400, // on: add x0, x0, #1
      0x00000000, // udf
  };
  CpuVm *t = new_vm (false, true);
  A64Cpu *cpu = cpu_vm_cpu (t, 0);

  (void) state;
  cpu_vm_write_code (t, TEST_CODE, words, G_N_ELEMENTS (words));
  for (unsigned round = 0; round < 3; round++) {
    assert_int_equal (cpu_vm_run (t, TEST_CODE), 3);
    assert_int_equal (cpu->x[0], 2);
    assert_int_equal (cpu_vm_get (cpu, REG_ELR), TEST_CODE + 9 * 4);
    assert_int_equal (cpu_vm_get (cpu, REG_ESR) >> 26, 0);
  }
  cpu_vm_free (t);
}

// Changed code, told by IC IVAU from the piece itself.
static void
test_changed (void **state)
{
  static const uint32_t words[] = {
      0xb9000041, // str w1, [x2]
      0xd50b7522, // ic ivau, x2
      0xd5033f9f, // dsb sy
      0xd5033fdf, // isb
      0xd503201f, // nop; x2
      INSN_HVC,
  };
  CpuVm *t = new_vm (false, true);
  A64Cpu *cpu = cpu_vm_cpu (t, 0);

  (void) state;
  cpu_vm_write_code (t, TEST_CODE, words, G_N_ELEMENTS (words));
  for (unsigned round = 0; round < 6; round++) {
    cpu->x[1] = 0xd2800003 | round << 5; // movz x3, #round
    cpu->x[2] = TEST_CODE + 4 * 4;
    cpu->x[3] = 100;
    assert_int_equal (cpu_vm_run (t, TEST_CODE), 5);
    assert_int_equal (cpu->x[3], round);
  }
  cpu_vm_free (t);
}

// It is asked for an interrupt while tier 0 goes from branch to branch of a piece, as in code.
static void
test_pending (void **state)
{
  CpuVm *t = new_vm (false, true);
  A64Cpu *cpu = cpu_vm_cpu (t, 0);
  uint64_t insns;

  (void) state;
  cpu_vm_write_code (t, TEST_CODE, sums, G_N_ELEMENTS (sums));
  atomic_fetch_or (&cpu->pending, VCPU_IRQ);
  assert_int_equal (run_sums (t, 2, 2, &insns), 32);
  assert_int_equal (insns, insns_of (2, 2));
  cpu_vm_free (t);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_once),      cmocka_unit_test (test_again),
      cmocka_unit_test (test_at_once),   cmocka_unit_test (test_long),
      cmocka_unit_test (test_exception), cmocka_unit_test (test_changed),
      cmocka_unit_test (test_pending),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
