// SPDX-License-Identifier: GPL-3.0-or-later
// Pointer authentication: where the code lies, that it comes off again with the same key and
// modifier alone, and that the feature can be missing (Arm ARM D8.10).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glib.h>

#include "engine/guest/aarch64/aarch64.h"
#include "engine/guest/aarch64/exception.h"
#include "engine/guest/aarch64/pauth.h"
#include "tests/unit/guest/cpu-vm.h"

#define EL1_CODE   (TEST_CODE)
#define KEYS       A64_SCTLR_PAUTH
#define KEY_NUMBER A64_SYSREG (3, 0, 2, 1, 0)
#define TBI0       ((uint64_t) 1 << 37)
#define TBI1       ((uint64_t) 1 << 38)
#define TBID0      ((uint64_t) 1 << 51)

static CpuVm *
new_guest (bool pauth, uint64_t extra_tcr)
{
  static const uint8_t key_op2[] = {0, 1, 2, 3, 8, 9, 10, 11, 16, 17}; // CRm and op2
  CpuVm *t = cpu_vm_new (1);
  A64Cpu *cpu = cpu_vm_cpu (t, 0);

  a64_set_features (cpu->vcpu, &(A64Features){.pauth = pauth});
  cpu_vm_set (cpu, REG_VBAR, TEST_VECTORS);
  cpu_vm_mmu_on (t, cpu, extra_tcr);
  cpu_vm_set (cpu, REG_SCTLR, cpu_vm_get (cpu, REG_SCTLR) | KEYS);
  for (unsigned i = 0; i < G_N_ELEMENTS (key_op2); i++)
    cpu_vm_set (cpu, KEY_NUMBER + key_op2[i], (i + 1) * UINT64_C (0x123456789abcdef1));
  return t;
}

// Runs one instruction at EL1.
static A64Cpu *
run_one (CpuVm *t, uint32_t insn)
{
  A64Cpu *cpu = cpu_vm_cpu (t, 0);

  cpu_vm_enter (cpu, 1, 0xf);
  cpu_vm_set (cpu, REG_ESR, 0);
  cpu_vm_write_code (t, EL1_CODE, (uint32_t[]){insn, INSN_HVC}, 2);
  a64_guest_ops.code_changed (cpu, 0, UINT64_MAX);
  cpu_vm_run (t, EL1_CODE);
  return cpu;
}

static void
assert_fails (A64Cpu *cpu, unsigned ec, unsigned iss)
{
  assert_int_equal (cpu_vm_get (cpu, REG_ESR), (uint64_t) ec << 26 | 1 << 25 | iss);
  assert_int_equal (cpu_vm_get (cpu, REG_ELR), EL1_CODE);
}

static const struct {
  const char *name;
  uint32_t sign, check, check_zero; // of x0 with x1
  bool data;
} keys[] = {
    {"IA", 0xdac10020, 0xdac11020, 0xdac133e0, false},
    {"IB", 0xdac10420, 0xdac11420, 0xdac137e0, false},
    {"DA", 0xdac10820, 0xdac11820, 0xdac13be0, true},
    {"DB", 0xdac10c20, 0xdac11c20, 0xdac13fe0, true},
};

// The bits that a code may take, of 48-bit addresses.
static const struct {
  uint64_t tcr, pointer, code_field, data_field;
} layouts[] = {
    {0, 0x0000123456789abc, 0xff7f000000000000, 0xff7f000000000000},
    {0, 0xffff923456789abc, 0xff7f000000000000, 0xff7f000000000000},
    {TBI0, 0x5a00123456789abc, 0x007f000000000000, 0x007f000000000000},
    {TBI0 | TBID0, 0x0000123456789abc, 0xff7f000000000000, 0x007f000000000000},
    {TBI1, 0xa5ff923456789abc, 0x007f000000000000, 0x007f000000000000},
};

static void
test_round_trips (void **state)
{
  (void) state;
  for (unsigned k = 0; k < G_N_ELEMENTS (keys); k++)
    for (unsigned i = 0; i < G_N_ELEMENTS (layouts); i++) {
      CpuVm *t = new_guest (true, layouts[i].tcr);
      A64Cpu *cpu = cpu_vm_cpu (t, 0);
      uint64_t field = keys[k].data ? layouts[i].data_field : layouts[i].code_field, pointer;

      cpu->x[0] = layouts[i].pointer;
      cpu->x[1] = 0x1122334455667788;
      pointer = run_one (t, keys[k].sign)->x[0];
      assert_int_equal (pointer & ~field, layouts[i].pointer & ~field);
      assert_int_not_equal (pointer, layouts[i].pointer);
      // With the other key, another modifier, none.
      run_one (t, keys[k ^ 1].check);
      assert_fails (cpu, A64_EC_PAC_FAIL, k ^ 1);
      cpu->x[0] = pointer;
      cpu->x[1] ^= 1;
      run_one (t, keys[k].check);
      assert_fails (cpu, A64_EC_PAC_FAIL, k);
      assert_int_equal (cpu->x[0], pointer);
      run_one (t, keys[k].check_zero);
      assert_fails (cpu, A64_EC_PAC_FAIL, k);
      cpu->x[1] ^= 1;
      run_one (t, keys[k].check);
      assert_int_equal (cpu_vm_get (cpu, REG_ESR), 0);
      assert_int_equal (cpu->x[0], layouts[i].pointer);
      // Stripped, without a key.
      cpu->x[0] = pointer;
      run_one (t, keys[k].data ? 0xdac147e0 : 0xdac143e0);
      assert_int_equal (cpu->x[0], layouts[i].pointer);
      cpu_vm_free (t);
    }
}

// A key that is not enabled leaves pointers as they are.
static void
test_disabled (void **state)
{
  static const uint64_t enables[] = {A64_SCTLR_ENIA, A64_SCTLR_ENIB, A64_SCTLR_ENDA,
                                     A64_SCTLR_ENDB};

  (void) state;
  for (unsigned k = 0; k < G_N_ELEMENTS (keys); k++) {
    CpuVm *t = new_guest (true, 0);
    A64Cpu *cpu = cpu_vm_cpu (t, 0);

    cpu_vm_set (cpu, REG_SCTLR, cpu_vm_get (cpu, REG_SCTLR) & ~enables[k]);
    cpu->x[0] = 0x123456789abc;
    assert_int_equal (run_one (t, keys[k].sign)->x[0], 0x123456789abc);
    cpu->x[0] = 0x55aa123456789abc;
    assert_int_equal (run_one (t, keys[k].check)->x[0], 0x55aa123456789abc);
    assert_int_not_equal (run_one (t, keys[k ^ 1].sign)->x[0], 0x55aa123456789abc);
    cpu_vm_free (t);
  }
}

// A pointer that was none before it was signed is none afterwards.
static void
test_bad_extension (void **state)
{
  CpuVm *t = new_guest (true, 0);
  A64Cpu *cpu = cpu_vm_cpu (t, 0);

  (void) state;
  cpu->x[0] = 0x0010123456789abc;
  run_one (t, keys[0].sign);
  run_one (t, keys[0].check);
  assert_fails (cpu, A64_EC_PAC_FAIL, 0);
  cpu_vm_free (t);
}

static void
test_hints_and_generic (void **state)
{
  CpuVm *t = new_guest (true, 0);
  A64Cpu *cpu = cpu_vm_cpu (t, 0);
  uint64_t pointer;

  (void) state;
  cpu->x[A64_SP] = 0x8000;
  cpu->x[30] = EL1_CODE + 0x40;
  pointer = run_one (t, 0xd503233f /* paciasp */)->x[30];
  assert_int_not_equal (pointer, EL1_CODE + 0x40);
  cpu->x[0] = EL1_CODE + 0x40;
  assert_int_equal (run_one (t, 0xdac103e0 /* pacia x0, sp */)->x[0], pointer);
  assert_int_equal (run_one (t, 0xd50323bf /* autiasp */)->x[30], EL1_CODE + 0x40);
  cpu->x[17] = cpu->x[0] = 0x4000;
  cpu->x[16] = cpu->x[1] = 77;
  run_one (t, 0xd503215f /* pacib1716 */);
  assert_int_equal (run_one (t, keys[1].sign)->x[0], cpu->x[17]);
  assert_int_equal (run_one (t, 0xd50321df /* autib1716 */)->x[17], 0x4000);
  cpu->x[30] = pointer;
  assert_int_equal (run_one (t, 0xd50320ff /* xpaclri */)->x[30], EL1_CODE + 0x40);
  cpu->x[0] = 5;
  cpu->x[1] = 6;
  pointer = run_one (t, 0x9ac13002 /* pacga x2, x0, x1 */)->x[2];
  assert_true ((uint32_t) pointer == 0 && pointer >> 32 != 0);
  cpu->x[1] = 7;
  assert_int_not_equal (run_one (t, 0x9ac13002)->x[2], pointer);
  cpu_vm_free (t);
}

// Branches, returns and loads through signed pointers; and through those that are not.
static void
test_combined (void **state)
{
  static const struct {
    uint32_t insn;
    A64PacKey key;
    uint8_t pointer, modifier; // registers
    bool links;
  } branches[] = {
      {0xd71f0801, A64_PAC_IA, 0, 1, false},             // braa x0, x1
      {0xd71f0c1f, A64_PAC_IB, 0, A64_SP, false},        // brab x0, sp
      {0xd61f081f, A64_PAC_IA, 0, A64_ZR, false},        // braaz x0
      {0xd73f0801, A64_PAC_IA, 0, 1, true},              // blraa x0, x1
      {0xd63f0fdf, A64_PAC_IB, 30, A64_ZR, true},        // blrabz x30
      {0xd65f0bff, A64_PAC_IA, 30, A64_SP, false},       // retaa
      {0xd65f0fff, A64_PAC_IB, 30, A64_SP, false},       // retab
      {0xd69f0bff, A64_PAC_IA, A64_SINK, A64_SP, false}, // eretaa
  };

  (void) state;
  for (size_t i = 0; i < G_N_ELEMENTS (branches); i++)
    for (unsigned wrong = 0; wrong < 2; wrong++) {
      CpuVm *t = new_guest (true, 0);
      A64Cpu *cpu = cpu_vm_cpu (t, 0);
      uint64_t target = EL1_CODE + 0x100, pointer;

      cpu_vm_write_code (t, target, (uint32_t[]){0xd2800aa5 /* mov x5, #0x55 */, INSN_HVC}, 2);
      cpu->x[1] = 0x1234;
      cpu->x[A64_SP] = TEST_DATA + 0x800;
      pointer = a64_pac_add (cpu, target, cpu->x[branches[i].modifier], branches[i].key);
      pointer ^= (uint64_t) wrong << 50;
      cpu->x[branches[i].pointer] = pointer;
      cpu_vm_set (cpu, REG_ELR, pointer);
      cpu_vm_set (cpu, REG_SPSR, 5);
      run_one (t, branches[i].insn);
      if (wrong) {
        assert_fails (cpu, A64_EC_PAC_FAIL, branches[i].key);
      } else {
        assert_int_equal (cpu->x[5], 0x55);
        if (branches[i].links)
          assert_int_equal (cpu->x[30], EL1_CODE + 4);
      }
      cpu_vm_free (t);
    }
}

static void
test_load (void **state)
{
  CpuVm *t = new_guest (true, 0);
  A64Cpu *cpu = cpu_vm_cpu (t, 0);
  uint64_t pointer = a64_pac_add (cpu, TEST_DATA + 0x100, 0, A64_PAC_DA);

  (void) state;
  *(uint64_t *) cpu_vm_host (t, TEST_DATA + 0x100 - 16) = 0xfeed;
  cpu->x[0] = pointer;
  run_one (t, 0xf87fe402 /* ldraa x2, [x0, #-16] */);
  assert_int_equal (cpu->x[2], 0xfeed);
  assert_int_equal (cpu->x[0], pointer);
  run_one (t, 0xf87fec02 /* ldraa x2, [x0, #-16]! */);
  assert_int_equal (cpu->x[0], TEST_DATA + 0x100 - 16);
  cpu->x[0] = pointer;
  run_one (t, 0xf8a00402 /* ldrab x2, [x0] */);
  assert_fails (cpu, A64_EC_PAC_FAIL, A64_PAC_DB);
  cpu_vm_free (t);
}

// Without the feature: hints do nothing, the rest is undefined, nothing is advertised or kept.
static void
test_absent (void **state)
{
  static const uint32_t undefined[] = {
      0xdac10020,
      0xdac11020,
      0xdac123e0,
      0xdac143e0,
      0x9ac13002,
      0xd71f0801,
      0xd61f081f,
      0xd65f0bff,
      0xd69f0bff,
      0xf8200402,
      0xd5182100 /* msr apiakeylo_el1, x0 */,
  };
  CpuVm *t = new_guest (false, TBID0);
  A64Cpu *cpu = cpu_vm_cpu (t, 0);

  (void) state;
  assert_int_equal (cpu_vm_get (cpu, REG_SCTLR) & KEYS, 0);
  assert_int_equal (cpu_vm_get (cpu, REG_TCR) & TBID0, 0);
  for (size_t i = 0; i < G_N_ELEMENTS (undefined); i++) {
    run_one (t, undefined[i]);
    assert_fails (cpu, A64_EC_UNKNOWN, 0);
  }
  cpu->x[30] = 0x1234567812345678;
  assert_int_equal (run_one (t, 0xd503233f)->x[30], 0x1234567812345678);
  assert_int_equal (run_one (t, 0xd50320ff)->x[30], 0x1234567812345678);
  assert_int_equal (run_one (t, 0xd5380622 /* mrs x2, id_aa64isar1_el1 */)->x[2] & 0xf0000ff0, 0);
  cpu_vm_free (t);
  t = new_guest (true, TBID0);
  assert_int_equal (run_one (t, 0xd5380622)->x[2] & 0xf0000ff0, 0x10000500);
  assert_int_equal (cpu_vm_get (cpu_vm_cpu (t, 0), REG_TCR) & TBID0, TBID0);
  cpu_vm_free (t);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_round_trips),   cmocka_unit_test (test_disabled),
      cmocka_unit_test (test_bad_extension), cmocka_unit_test (test_hints_and_generic),
      cmocka_unit_test (test_combined),      cmocka_unit_test (test_load),
      cmocka_unit_test (test_absent),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
