// SPDX-License-Identifier: GPL-3.0-or-later
// Loads, stores, exclusives and atomics on a bare CPU: what comparing single instructions with
// another emulator does not reach. Above all, that a faulting access changes nothing.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "bare-cpu.h"

#define SECOND_PAGE (BARE_BASE + A64_PAGE_SIZE)

// Every kind of access with base x2 or SP, data in x0, x1, x4, x5 and v0, v1, status in w3.
static const struct {
  const char *text;
  uint32_t insn;
} accesses[] = {
    {"ldr x0, [x2], #8", 0xf8408440},       {"str x1, [x2, #8]!", 0xf8008c41},
    {"ldr x0, [x2, #8]!", 0xf8408c40},      {"ldp x0, x1, [x2], #16", 0xa8c10440},
    {"stp x0, x1, [x2, #16]!", 0xa9810440}, {"ldp q0, q1, [x2], #32", 0xacc10440},
    {"stp q0, q1, [x2, #32]!", 0xad810440}, {"ldtr x0, [x2]", 0xf8400840},
    {"sttr x0, [x2]", 0xf8000840},          {"ldxr x0, [x2]", 0xc85f7c40},
    {"ldxp x0, x1, [x2]", 0xc87f0440},      {"ldar x0, [x2]", 0xc8dffc40},
    {"stlr x0, [x2]", 0xc89ffc40},          {"ldapr w0, [x2]", 0xb8bfc040},
    {"cas x0, x1, [x2]", 0xc8a07c41},       {"casp x0, x1, x4, x5, [x2]", 0x48207c44},
    {"swp x0, x1, [x2]", 0xf8208041},       {"ldaddal w0, w1, [x2]", 0xb8e00041},
    {"ldsmaxb w0, w1, [x2]", 0x38204041},   {"ldr q0, [x2]", 0x3dc00040},
    {"str q0, [x2]", 0x3d800040},           {"ldr b0, [x2]", 0x3d400040},
};

static void
assert_unchanged (const BareCpu *bare, const A64Cpu *before)
{
  assert_memory_equal (bare->cpu.x, before->x, sizeof before->x);
  assert_memory_equal (bare->cpu.v, before->v, sizeof before->v);
  assert_int_equal (bare->cpu.nzcv, before->nzcv);
}

static void
fill_registers (BareCpu *bare)
{
  for (unsigned i = 0; i < 31; i++)
    bare->cpu.x[i] = UINT64_C (0x1111111111111111) * (i % 15 + 1);
  for (unsigned i = 0; i < 32; i++)
    bare->cpu.v[i].d[0] = bare->cpu.v[i].d[1] = ~bare->cpu.x[i % 31];
  bare->cpu.x[A64_ZR] = 0;
}

static void
test_fault_changes_nothing (void **state)
{
  BareCpu *bare = bare_cpu_new ();

  fill_registers (bare);
  bare->fault = true;
  bare->cpu.x[2] = SECOND_PAGE + 0x100;
  for (unsigned i = 0; i < sizeof accesses / sizeof accesses[0]; i++) {
    const A64Cpu before = bare->cpu;

    print_message ("%s\n", accesses[i].text);
    assert_true (bare_cpu_run (bare, accesses[i].insn));
    assert_true (bare->aborted);
    assert_false (bare->stopped);
    assert_unchanged (bare, &before);
  }
  bare_cpu_free (bare);
}

// A misaligned SP is looked at only when it is the base, and before anything else.
static void
test_sp_alignment (void **state)
{
  BareCpu *bare = bare_cpu_new ();

  fill_registers (bare);
  bare->cpu.x[A64_SP] = BARE_BASE + 0x108;
  bare->sp_fault = true;
  for (unsigned i = 0; i < sizeof accesses / sizeof accesses[0]; i++) {
    const A64Cpu before = bare->cpu;

    print_message ("%s, base SP\n", accesses[i].text);
    assert_true (bare_cpu_run (bare, accesses[i].insn | 31u << 5));
    assert_true (bare->aborted);
    assert_false (bare->stopped);
    assert_int_equal (bare->n_slow, 0);
    assert_unchanged (bare, &before);
    bare->cpu.x[2] = BARE_BASE + 0x100;
    assert_true (bare_cpu_run (bare, accesses[i].insn));
    assert_true (bare->stopped);
  }
  bare->sp_fault = false;                        // SCTLR_EL1.SA clear
  assert_true (bare_cpu_run (bare, 0xf94003e0)); // ldr x0, [sp]
  assert_true (bare->stopped);
  bare_cpu_free (bare);
}

// The flags with which an access reaches the slow path.
static void
test_slow_flags (void **state)
{
  static const struct {
    const char *text;
    uint32_t insn;
    uint64_t address;
    unsigned flags;
    bool aborted;
  } cases[] = {
      {"ldr x0, [x2]", 0xf9400040, BARE_BASE + 0xffc, 0, false},
      {"ldtr x0, [x2]", 0xf8400840, SECOND_PAGE, A64_ACC_UNPRIV, false},
      {"sttr x0, [x2]", 0xf8000840, SECOND_PAGE, A64_ACC_UNPRIV, false},
      {"ldar x0, [x2]", 0xc8dffc40, BARE_BASE + 4, A64_ACC_ALIGNED, true},
      {"stlr x0, [x2]", 0xc89ffc40, BARE_BASE + 4, A64_ACC_ALIGNED, true},
      {"ldapur x0, [x2, #1]", 0xd9401040, BARE_BASE, A64_ACC_ALIGNED, true},
      {"stlur x0, [x2, #1]", 0xd9001040, BARE_BASE, A64_ACC_ALIGNED, true},
      {"ldapur x0, [x2, #1]", 0xd9401040, SECOND_PAGE + 7, 0, false},
      {"ldxr x0, [x2]", 0xc85f7c40, BARE_BASE + 4, A64_ACC_ALIGNED, true},
      {"ldxp x0, x1, [x2]", 0xc87f0440, BARE_BASE + 8, A64_ACC_ALIGNED, true},
      {"swp x0, x1, [x2]", 0xf8208041, BARE_BASE + 4,
       A64_ACC_STORE | A64_ACC_ATOMIC | A64_ACC_ALIGNED, true},
      {"casp x0, x1, x4, x5, [x2]", 0x48207c44, BARE_BASE + 8,
       A64_ACC_STORE | A64_ACC_ATOMIC | A64_ACC_ALIGNED, true},
  };
  BareCpu *bare = bare_cpu_new ();

  for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    print_message ("%s\n", cases[i].text);
    bare->cpu.x[2] = cases[i].address;
    assert_true (bare_cpu_run (bare, cases[i].insn));
    assert_int_equal (bare->slow_flags, cases[i].flags);
    assert_true (bare->n_slow > 0);
    assert_int_equal (bare->aborted, cases[i].aborted);
  }
  bare_cpu_free (bare);
}

// LDTR and STTR look into EL0's view, but for PSTATE.UAO.
static void
test_unprivileged (void **state)
{
  BareCpu *bare = bare_cpu_new ();

  bare->cpu.x[2] = BARE_BASE;
  memset (bare->ctx_el0.rd, 0xff, sizeof bare->ctx_el0.rd);
  assert_true (bare_cpu_run (bare, 0xf8400840)); // ldtr x0, [x2]
  assert_int_equal (bare->n_slow, 1);
  bare->cpu.pstate.uao = true;
  assert_true (bare_cpu_run (bare, 0xf8400840));
  assert_int_equal (bare->n_slow, 0);
  bare_cpu_free (bare);
}

// A pair that crosses into a page where it faults stores nothing.
static void
test_crossing_pair (void **state)
{
  BareCpu *bare = bare_cpu_new ();
  const uint64_t last = SECOND_PAGE - 8;

  bare->cpu.x[0] = 1;
  bare->cpu.x[1] = 2;
  bare->cpu.x[2] = last - 16;
  bare->fault = true;
  assert_true (bare_cpu_run (bare, 0xa9810440)); // stp x0, x1, [x2, #16]!
  assert_true (bare->aborted);
  assert_int_equal (bare_cpu_peek (bare, last), 0);
  assert_int_equal (bare->cpu.x[2], last - 16);
  bare->fault = false;
  assert_true (bare_cpu_run (bare, 0xa9810440));
  assert_int_equal (bare_cpu_peek (bare, last), 1);
  assert_int_equal (bare_cpu_peek (bare, last + 8), 2);
  assert_int_equal (bare->cpu.x[2], last);
  bare->cpu.x[0] = bare->cpu.x[1] = 0;
  assert_true (bare_cpu_run (bare, 0xa8c10440)); // ldp x0, x1, [x2], #16
  assert_int_equal (bare->cpu.x[0], 1);
  assert_int_equal (bare->cpu.x[1], 2);
  assert_int_equal (bare->cpu.x[2], last + 16);
  bare_cpu_free (bare);
}

// LDR Xn, [Xn], #8 and the like: loads win over the base, stores store the old base.
static void
test_base_is_data (void **state)
{
  BareCpu *bare = bare_cpu_new ();

  bare->cpu.x[2] = BARE_BASE;
  bare_cpu_poke (bare, BARE_BASE, 77);
  assert_true (bare_cpu_run (bare, 0xf8408442)); // ldr x2, [x2], #8
  assert_int_equal (bare->cpu.x[2], 77);
  bare->cpu.x[2] = BARE_BASE;
  assert_true (bare_cpu_run (bare, 0xf8008c42)); // str x2, [x2, #8]!
  assert_int_equal (bare_cpu_peek (bare, BARE_BASE + 8), BARE_BASE);
  assert_int_equal (bare->cpu.x[2], BARE_BASE + 8);
  bare_cpu_free (bare);
}

static void
test_zero_register (void **state)
{
  BareCpu *bare = bare_cpu_new ();

  bare->cpu.x[2] = BARE_BASE;
  bare->cpu.x[A64_SP] = 0x40;
  bare_cpu_poke (bare, BARE_BASE, 77);
  assert_true (bare_cpu_run (bare, 0xf940005f)); // ldr xzr, [x2]
  assert_int_equal (bare->cpu.x[A64_ZR], 0);
  assert_true (bare_cpu_run (bare, 0xf900005f)); // str xzr, [x2]
  assert_int_equal (bare_cpu_peek (bare, BARE_BASE), 0);
  assert_int_equal (bare->cpu.x[A64_SP], 0x40);
  bare_cpu_free (bare);
}

// The instruction is in the second page of code, its literals in memory beside.
static void
test_literals (void **state)
{
  static const struct {
    uint32_t insn;
    uint64_t x1, low, high;
  } cases[] = {
      {0x18000081, 0xf0e0d0c0, 0, 0},                          // ldr w1, .+16
      {0x58000081, 0x80706050f0e0d0c0, 0, 0},                  // ldr x1, .+16
      {0x98000081, 0xfffffffff0e0d0c0, 0, 0},                  // ldrsw x1, .+16
      {0x1c000081, 0, 0xf0e0d0c0, 0},                          // ldr s1, .+16
      {0x5c000081, 0, 0x80706050f0e0d0c0, 0},                  // ldr d1, .+16
      {0x9c000081, 0, 0x80706050f0e0d0c0, 0x123456789abcdef0}, // ldr q1, .+16
      {0xd8000080, 0, 0, 0},                                   // prfm pldl1keep, .+16
  };
  BareCpu *bare = bare_cpu_new ();

  bare->cpu.page = BARE_BASE;
  bare_cpu_poke (bare, BARE_BASE + 0x20, 0x80706050f0e0d0c0);
  bare_cpu_poke (bare, BARE_BASE + 0x28, 0x123456789abcdef0);
  for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    bare->cpu.x[1] = 0;
    bare->cpu.v[1] = (A64Vreg){.d = {0, 0}};
    assert_true (bare_cpu_run (bare, cases[i].insn));
    assert_true (bare->stopped);
    assert_int_equal (bare->cpu.x[1], cases[i].x1);
    assert_int_equal (bare->cpu.v[1].d[0], cases[i].low);
    assert_int_equal (bare->cpu.v[1].d[1], cases[i].high);
  }
  bare_cpu_free (bare);
}

// Load-exclusive, store-exclusive of every size: status 0 and the value stored once; 1 when the
// memory changed, when the monitor was cleared or used up, or when address or size differ.
static const struct {
  const char *text;
  uint32_t load, store;
  unsigned bytes;
} exclusives[] = {
    {"ldxrb, stxrb", 0x085f7c40, 0x08037c45, 1},   {"ldxrh, stxrh", 0x485f7c40, 0x48037c45, 2},
    {"ldaxr, stlxr w", 0x885ffc40, 0x8803fc45, 4}, {"ldxr, stxr x", 0xc85f7c40, 0xc8037c45, 8},
    {"ldxp, stxp w", 0x887f0440, 0x88231845, 8},   {"ldxp, stxp x", 0xc87f0440, 0xc8231845, 16},
};

static void
test_exclusive_succeeds (void **state)
{
  for (unsigned i = 0; i < sizeof exclusives / sizeof exclusives[0]; i++) {
    BareCpu *bare = bare_cpu_new ();
    const unsigned bytes = exclusives[i].bytes;
    uint8_t expected[24];

    print_message ("%s\n", exclusives[i].text);
    memset (bare->memory, 0xa5, sizeof bare->memory);
    memset (expected, 0xa5, sizeof expected);
    memset (expected, 0x3c, bytes);
    bare->cpu.x[2] = BARE_BASE;
    bare->cpu.x[5] = bare->cpu.x[6] = 0x3c3c3c3c3c3c3c3c;
    assert_true (bare_cpu_run (bare, exclusives[i].load));
    assert_int_equal (bare->cpu.x[0] & 0xff, 0xa5);
    assert_true (bare_cpu_run (bare, exclusives[i].store));
    assert_int_equal (bare->cpu.x[3], 0);
    assert_memory_equal (bare->memory, expected, sizeof expected);
    assert_true (bare_cpu_run (bare, exclusives[i].store)); // used up
    assert_int_equal (bare->cpu.x[3], 1);
    assert_int_equal (bare->n_slow, 0);
    bare_cpu_free (bare);
  }
}

static void
test_exclusive_fails (void **state)
{
  for (unsigned i = 0; i < sizeof exclusives / sizeof exclusives[0]; i++) {
    BareCpu *bare = bare_cpu_new ();
    const unsigned last = exclusives[i].bytes - 1;

    print_message ("%s\n", exclusives[i].text);
    bare->cpu.x[2] = BARE_BASE;
    bare->cpu.x[5] = bare->cpu.x[6] = UINT64_MAX;
    assert_true (bare_cpu_run (bare, exclusives[i].load));
    bare->memory[last] = 1; // another CPU
    assert_true (bare_cpu_run (bare, exclusives[i].store));
    assert_int_equal (bare->cpu.x[3], 1);
    assert_int_equal (bare->memory[last], 1);
    assert_true (bare_cpu_run (bare, exclusives[i].load));
    bare->cpu.x[2] += 16; // another address
    assert_true (bare_cpu_run (bare, exclusives[i].store));
    assert_int_equal (bare->cpu.x[3], 1);
    assert_int_equal (bare->memory[16], 0);
    bare->cpu.x[2] -= 16;
    assert_true (bare_cpu_run (bare, exclusives[i].load));
    bare->cpu.excl.valid = false; // CLREX
    assert_true (bare_cpu_run (bare, exclusives[i].store));
    assert_int_equal (bare->cpu.x[3], 1);
    bare_cpu_free (bare);
  }
}

static void
test_exclusive_sizes (void **state)
{
  BareCpu *bare = bare_cpu_new ();

  bare->cpu.x[2] = BARE_BASE;
  bare->cpu.x[5] = UINT64_MAX;
  assert_true (bare_cpu_run (bare, exclusives[2].load));  // ldaxr w0, [x2]
  assert_true (bare_cpu_run (bare, exclusives[3].store)); // stxr w3, x5, [x2]
  assert_int_equal (bare->cpu.x[3], 1);
  assert_int_equal (bare_cpu_peek (bare, BARE_BASE), 0);
  bare_cpu_free (bare);
}

// A store-exclusive that faults leaves the status alone.
static void
test_exclusive_faults (void **state)
{
  BareCpu *bare = bare_cpu_new ();

  bare->cpu.x[2] = BARE_BASE;
  bare->cpu.x[3] = 55;
  assert_true (bare_cpu_run (bare, exclusives[3].load));
  bare->fault = true;
  assert_true (bare_cpu_run (bare, exclusives[3].store));
  assert_true (bare->aborted);
  assert_false (bare->stopped);
  assert_int_equal (bare->cpu.x[3], 55);
  assert_false (bare->cpu.excl.valid);
  bare_cpu_free (bare);
}

static void
test_compare_and_swap_pair (void **state)
{
  BareCpu *bare = bare_cpu_new ();

  bare->cpu.x[2] = BARE_BASE;
  bare_cpu_poke (bare, BARE_BASE, 10);
  bare_cpu_poke (bare, BARE_BASE + 8, 0);
  bare->cpu.x[4] = 11;
  bare->cpu.x[5] = 12;
  bare->cpu.x[30] = 10;
  assert_true (bare_cpu_run (bare, 0x483e7c44)); // casp x30, xzr, x4, x5, [x2]
  assert_int_equal (bare_cpu_peek (bare, BARE_BASE), 11);
  assert_int_equal (bare_cpu_peek (bare, BARE_BASE + 8), 12);
  assert_true (bare_cpu_run (bare, 0x483e7c44)); // differs now
  assert_int_equal (bare->cpu.x[30], 11);
  assert_int_equal (bare->cpu.x[A64_ZR], 0);
  assert_int_equal (bare_cpu_peek (bare, BARE_BASE), 11);
  assert_false (bare_cpu_run (bare, 0x48217c44)); // odd register numbers: unallocated
  assert_false (bare_cpu_run (bare, 0x48207c45));
  bare_cpu_free (bare);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_fault_changes_nothing),
      cmocka_unit_test (test_sp_alignment),
      cmocka_unit_test (test_slow_flags),
      cmocka_unit_test (test_unprivileged),
      cmocka_unit_test (test_crossing_pair),
      cmocka_unit_test (test_base_is_data),
      cmocka_unit_test (test_zero_register),
      cmocka_unit_test (test_literals),
      cmocka_unit_test (test_exclusive_succeeds),
      cmocka_unit_test (test_exclusive_fails),
      cmocka_unit_test (test_exclusive_sizes),
      cmocka_unit_test (test_exclusive_faults),
      cmocka_unit_test (test_compare_and_swap_pair),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
