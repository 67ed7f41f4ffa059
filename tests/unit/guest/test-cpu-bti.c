// SPDX-License-Identifier: GPL-3.0-or-later
// Branch target identification: which instructions of a guarded page an indirect branch may lead
// to, and PSTATE.BTYPE across exceptions (Arm ARM D8.4.6).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glib.h>

#include "engine/guest/aarch64/aarch64.h"
#include "engine/guest/aarch64/exception.h"
#include "tests/unit/guest/cpu-vm.h"

#define FROM    (TEST_CODE)
#define TO      (TEST_CODE + 0x1000)
#define DESC_GP ((uint64_t) 1 << 50)

// Branches at FROM lead to TO.
static CpuVm *
new_guest (bool bti, bool from_guarded, bool to_guarded)
{
  CpuVm *t = cpu_vm_new (1);
  A64Cpu *cpu = cpu_vm_cpu (t, 0);
  GuestAddr root;

  a64_set_features (cpu->vcpu, &(A64Features){.bti = bti});
  cpu_vm_set (cpu, REG_VBAR, TEST_VECTORS);
  root = cpu_vm_mmu_on (t, cpu, 0);
  cpu_vm_map (t, root, &(TestMap){12, FROM, 3, FROM | DESC_AF | (from_guarded ? DESC_GP : 0), 0});
  cpu_vm_map (t, root, &(TestMap){12, TO, 3, TO | DESC_AF | (to_guarded ? DESC_GP : 0), 0});
  cpu->x[1] = cpu->x[16] = cpu->x[17] = cpu->x[30] = TO;
  return t;
}

// 0, or the syndrome of the exception that the branch led to.
static uint64_t
run_branch (CpuVm *t, uint32_t branch, uint32_t target)
{
  A64Cpu *cpu = cpu_vm_cpu (t, 0);

  cpu_vm_enter (cpu, 1, 0xf);
  cpu_vm_set (cpu, REG_ESR, 0);
  cpu->x[1] = cpu->x[16] = cpu->x[17] = cpu->x[30] = TO;
  cpu_vm_write_code (t, FROM, &branch, 1);
  cpu_vm_write_code (t, TO, (uint32_t[]){target, INSN_HVC}, 2);
  a64_guest_ops.code_changed (cpu, 0, UINT64_MAX);
  cpu_vm_run (t, FROM);
  return cpu_vm_get (cpu, REG_ESR);
}

enum {
  BR_X1 = 0xd61f0020,
  BR_X16 = 0xd61f0200,
  BLR_X1 = 0xd63f0020,
  RET = 0xd65f03c0,
  B_TO = 0x14000400,
  BTI = 0xd503241f,
  BTI_C = 0xd503245f,
  BTI_J = 0xd503249f,
  BTI_JC = 0xd50324df,
  PACIASP = 0xd503233f,
};

static uint64_t
refused (unsigned btype)
{
  return (uint64_t) A64_EC_BRANCH_TARGET << 26 | 1 << 25 | btype;
}

static const struct {
  uint32_t branch, target;
  unsigned refused; // BTYPE from a guarded page; 0: taken
} cases[] = {
    {BR_X1, INSN_NOP, 3}, {BR_X16, INSN_NOP, 1}, {BLR_X1, INSN_NOP, 2}, {RET, INSN_NOP, 0},
    {B_TO, INSN_NOP, 0},  {BR_X1, BTI, 3},       {BLR_X1, BTI, 2},      {BR_X1, BTI_C, 3},
    {BR_X16, BTI_C, 0},   {BLR_X1, BTI_C, 0},    {BR_X1, BTI_J, 0},     {BR_X16, BTI_J, 0},
    {BLR_X1, BTI_J, 2},   {BR_X1, BTI_JC, 0},    {BLR_X1, BTI_JC, 0},   {BR_X1, PACIASP, 0},
    {BLR_X1, PACIASP, 0},
};

static void
test_targets (void **state)
{
  (void) state;
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    CpuVm *t = new_guest (true, true, true);
    A64Cpu *cpu = cpu_vm_cpu (t, 0);
    unsigned btype = cases[i].refused;

    // The second time finds everything cached.
    for (unsigned again = 0; again < 2; again++) {
      assert_int_equal (run_branch (t, cases[i].branch, cases[i].target),
                        btype ? refused (btype) : 0);
      if (btype) {
        assert_int_equal (cpu_vm_get (cpu, REG_ELR), TO);
        assert_int_equal (cpu_vm_get (cpu, REG_SPSR) >> 10 & 3, btype);
      }
      assert_int_equal (cpu->pstate.btype, 0);
    }
    cpu_vm_free (t);
  }
}

// A page that is not guarded takes every branch; from one, BR is as through X16.
static void
test_unguarded (void **state)
{
  CpuVm *t = new_guest (true, true, false);

  (void) state;
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    assert_int_equal (run_branch (t, cases[i].branch, cases[i].target), 0);
  cpu_vm_free (t);
  t = new_guest (true, false, true);
  assert_int_equal (run_branch (t, BR_X1, INSN_NOP), refused (1));
  assert_int_equal (run_branch (t, BR_X1, BTI_C), 0);
  cpu_vm_free (t);
}

// SCTLR_EL1.BT1 takes PACIASP out of the targets of BR.
static void
test_switch (void **state)
{
  CpuVm *t = new_guest (true, true, true);
  A64Cpu *cpu = cpu_vm_cpu (t, 0);

  (void) state;
  cpu_vm_set (cpu, REG_SCTLR, cpu_vm_get (cpu, REG_SCTLR) | A64_SCTLR_BT1);
  assert_int_equal (run_branch (t, BR_X1, PACIASP), refused (3));
  assert_int_equal (run_branch (t, BLR_X1, PACIASP), 0);
  cpu_vm_free (t);
}

// A BRK is always a target, and saves BTYPE, as what is cached of it must not hide.
static void
test_brk (void **state)
{
  (void) state;
  for (unsigned guarded = 0; guarded < 2; guarded++) {
    CpuVm *t = new_guest (true, true, guarded);

    for (unsigned again = 0; again < 2; again++) {
      assert_int_equal (run_branch (t, BR_X1, 0xd4200060 /* brk #3 */), 0xf2000003);
      assert_int_equal (cpu_vm_get (cpu_vm_cpu (t, 0), REG_SPSR) >> 10 & 3, 3);
    }
    cpu_vm_free (t);
  }
}

// An exception return brings BTYPE back, and the branch is judged then.
static void
test_return (void **state)
{
  static const uint32_t eret = 0xd69f03e0;
  CpuVm *t = new_guest (true, true, true);
  A64Cpu *cpu = cpu_vm_cpu (t, 0);

  (void) state;
  for (unsigned btype = 0; btype < 4; btype++) {
    cpu_vm_set (cpu, REG_ELR, TO);
    cpu_vm_set (cpu, REG_SPSR, 0x3c5 | btype << 10);
    assert_int_equal (run_branch (t, eret, INSN_NOP), btype ? refused (btype) : 0);
  }
  cpu_vm_free (t);
}

// A fault at the target comes before the verdict, which the return to it then gives.
static void
test_fault (void **state)
{
  CpuVm *t = new_guest (true, true, true);
  A64Cpu *cpu = cpu_vm_cpu (t, 0);

  (void) state;
  cpu_vm_write_code (t, FROM, (uint32_t[]){BR_X1}, 1);
  cpu_vm_enter (cpu, 1, 0xf);
  cpu->x[1] = TEST_CODE + 0x5000; // not mapped
  cpu_vm_run (t, FROM);
  assert_int_equal (cpu_vm_get (cpu, REG_ESR) >> 26, A64_EC_INSN_ABORT);
  assert_int_equal (cpu_vm_get (cpu, REG_SPSR) >> 10 & 3, 3);
  cpu_vm_free (t);
}

static void
test_absent (void **state)
{
  CpuVm *t = new_guest (false, true, true);
  A64Cpu *cpu = cpu_vm_cpu (t, 0);

  (void) state;
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    assert_int_equal (run_branch (t, cases[i].branch, cases[i].target), 0);
  cpu_vm_set (cpu, REG_SCTLR, cpu_vm_get (cpu, REG_SCTLR) | A64_SCTLR_BTI);
  assert_int_equal (cpu_vm_get (cpu, REG_SCTLR) & A64_SCTLR_BTI, 0);
  cpu_vm_set (cpu, REG_ELR, TO);
  cpu_vm_set (cpu, REG_SPSR, 0x3c5 | 3 << 10);
  assert_int_equal (run_branch (t, 0xd69f03e0, INSN_NOP), 0);
  assert_int_equal (run_branch (t, B_TO, 0xd5380425 /* mrs x5, id_aa64pfr1_el1 */), 0);
  assert_int_equal (cpu->x[5] & 0xf, 0);
  cpu_vm_free (t);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_targets), cmocka_unit_test (test_unguarded),
      cmocka_unit_test (test_switch),  cmocka_unit_test (test_brk),
      cmocka_unit_test (test_return),  cmocka_unit_test (test_fault),
      cmocka_unit_test (test_absent),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
