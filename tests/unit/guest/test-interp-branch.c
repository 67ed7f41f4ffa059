// SPDX-License-Identifier: GPL-3.0-or-later
// Branches and PC-relative addresses on a bare CPU. The instruction is at BARE_PC + 0x10.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "bare-cpu.h"

#define HERE (BARE_PC + 0x10)

typedef struct BranchCase {
  const char *text;
  uint32_t insn;
  uint64_t x1;
  uint32_t nzcv;
  uint64_t target;
} BranchCase;

enum {
  N = 1 << 3,
  Z = 1 << 2,
  C = 1 << 1,
  V = 1 << 0,
};

static void
test_targets (void **state)
{
  static const BranchCase cases[] = {
      {"b .-8", 0x17fffffe, 0, 0, HERE - 8},
      {"b .+0x7fffffc", 0x15ffffff, 0, 0, HERE + 0x7fffffc},
      {"bl .+0x100", 0x94000040, 0, 0, HERE + 0x100},
      {"cbz w1, .+0x40", 0x34000201, 1ull << 32, 0, HERE + 0x40},
      {"cbz w1, .+0x40", 0x34000201, 1, 0, HERE + 4},
      {"cbz x1, .+0x40", 0xb4000201, 0, 0, HERE + 0x40},
      {"cbz x1, .+0x40", 0xb4000201, 1ull << 32, 0, HERE + 4},
      {"cbz xzr, .+0x40", 0xb400021f, 0, 0, HERE + 0x40},
      {"cbnz w1, .+0x40", 0x35000201, 1ull << 32, 0, HERE + 4},
      {"cbnz x1, .-0x100000", 0xb5800001, 1ull << 32, 0, HERE - 0x100000},
      {"tbz x1, #33, .+0x40", 0xb6080201, ~(1ull << 33), 0, HERE + 0x40},
      {"tbz x1, #33, .+0x40", 0xb6080201, 1ull << 33, 0, HERE + 4},
      {"tbnz x1, #33, .-0x8000", 0xb70c0001, 1ull << 33, 0, HERE - 0x8000},
      {"tbz w1, #31, .+0x40", 0x36f80201, 0x80000000, 0, HERE + 4},
      {"tbz w1, #31, .+0x40", 0x36f80201, ~0x80000000ull, 0, HERE + 0x40},
      {"br x1", 0xd61f0020, 0x123456789abc, 0, 0x123456789abc},
      {"blr x1", 0xd63f0020, 0x123456789abc, 0, 0x123456789abc},
      {"ret x1", 0xd65f0020, 0x123456789abc, 0, 0x123456789abc},
  };
  BareCpu *bare = bare_cpu_new ();

  for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const BranchCase *c = &cases[i];

    print_message ("%s\n", c->text);
    bare->cpu.x[1] = c->x1;
    assert_true (bare_cpu_run (bare, c->insn));
    assert_int_equal (bare->cpu.pc, c->target);
    // A branch that is not taken goes on in its block.
    assert_int_equal (bare->stopped, c->target == HERE + 4);
  }
  bare_cpu_free (bare);
}

static void
test_links (void **state)
{
  BareCpu *bare = bare_cpu_new ();

  assert_true (bare_cpu_run (bare, 0x94000040)); // bl .+0x100
  assert_int_equal (bare->cpu.x[30], HERE + 4);
  bare->cpu.x[30] = 0x5550;
  assert_true (bare_cpu_run (bare, 0xd63f03c0)); // blr x30: the old value is the target
  assert_int_equal (bare->cpu.pc, 0x5550);
  assert_int_equal (bare->cpu.x[30], HERE + 4);
  bare_cpu_free (bare);
}

// For each of the even conditions, the flags under which it holds; the odd one is its opposite.
static void
test_conditions (void **state)
{
  BareCpu *bare = bare_cpu_new ();

  for (unsigned nzcv = 0; nzcv < 16; nzcv++) {
    const bool n = nzcv & N, z = nzcv & Z, c = nzcv & C, v = nzcv & V;
    const bool holds[] = {z, c, n, v, c && !z, n == v, n == v && !z};

    bare->cpu.nzcv = nzcv << 28;
    for (unsigned cond = 0; cond < 14; cond++) {
      bool taken = holds[cond / 2] != (cond % 2 != 0);

      assert_true (bare_cpu_run (bare, 0x54000200 | cond)); // b.cond .+0x40
      assert_int_equal (bare->cpu.pc, HERE + (taken ? 0x40 : 4));
    }
    for (unsigned cond = 14; cond < 16; cond++) {
      assert_true (bare_cpu_run (bare, 0x54000200 | cond)); // AL and NV: always
      assert_int_equal (bare->cpu.pc, HERE + 0x40);
    }
  }
  bare_cpu_free (bare);
}

static void
test_addresses (void **state)
{
  static const struct {
    uint32_t insn;
    uint64_t value;
  } cases[] = {
      {0x70ffffe1, HERE - 1},             // adr x1, .-1
      {0x707fffe1, HERE + 0xfffff},       // adr x1, .+0xfffff
      {0xb0000001, BARE_PC + 0x1000},     // adrp x1, .+0x1000
      {0xf0ffffe1, BARE_PC - 0x1000},     // adrp x1, .-0x1000
      {0xd0800001, BARE_PC - 0xffffe000}, // adrp x1, .-0xffffe000
  };
  BareCpu *bare = bare_cpu_new ();

  for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    assert_true (bare_cpu_run (bare, cases[i].insn));
    assert_int_equal (bare->cpu.x[1], cases[i].value);
    assert_true (bare->stopped);
  }
  assert_true (bare_cpu_run (bare, 0xb000001f)); // adrp xzr
  assert_int_equal (bare->cpu.x[A64_ZR], 0);
  assert_int_equal (bare->cpu.x[A64_SP], 0);
  bare_cpu_free (bare);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_targets),
      cmocka_unit_test (test_links),
      cmocka_unit_test (test_conditions),
      cmocka_unit_test (test_addresses),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
