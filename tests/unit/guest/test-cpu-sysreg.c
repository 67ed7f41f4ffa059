// SPDX-License-Identifier: GPL-3.0-or-later
// The system register tables: numbers are unique, reset values and write masks hold, the access
// rules are those of the rows, and ID registers say what id-regs.inc says.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "engine/guest/aarch64/aarch64.h"
#include "engine/guest/aarch64/decode.h"
#include "tests/unit/guest/cpu-vm.h"

typedef struct Row {
  const char *name;
  uint32_t number;
  bool storage, el0_always_read, el0_never;
  const char *el1;
  uint64_t mask, reset;
} Row;

#define EL0_ALWAYS(rule) (strcmp (#rule, "RO") == 0 || strcmp (#rule, "RW") == 0)
static const Row *
get_rows (size_t *n)
{
  static Row rows[200];

  *n = 0;
#define A64_STORE(name, op0, op1, crn, crm, op2, el0, el1, field, mask, reset)                     \
  rows[(*n)++] = (Row){#name,                                                                      \
                       A64_SYSREG (op0, op1, crn, crm, op2),                                       \
                       true,                                                                       \
                       EL0_ALWAYS (el0),                                                           \
                       strcmp (#el0, "NONE") == 0,                                                 \
                       #el1,                                                                       \
                       mask,                                                                       \
                       reset};
#define A64_HOOK(name, op0, op1, crn, crm, op2, el0, el1, field, mask, reset, write)               \
  A64_STORE (name, op0, op1, crn, crm, op2, el0, el1, field, mask, reset)
#define A64_FUNC(name, op0, op1, crn, crm, op2, el0, el1, read, write)                             \
  A64_STORE (name, op0, op1, crn, crm, op2, el0, el1, 0, 0, 0)                                     \
  rows[*n - 1].storage = false;
#define A64_TIMER_FREQUENCY 1000000000u
#include "engine/guest/aarch64/sysreg.inc"
#undef A64_STORE
#undef A64_HOOK
#undef A64_FUNC
  return rows;
}

static void
test_numbers (void **state)
{
  size_t n;
  const Row *rows = get_rows (&n);

  (void) state;
  assert_int_equal (a64_sysreg_count (), n);
  for (size_t i = 0; i < n; i++) {
    uint64_t value;

    for (size_t k = 0; k < i; k++)
      if (rows[i].number == rows[k].number)
        fail_msg ("%s and %s have one number", rows[i].name, rows[k].name);
    assert_int_equal (a64_sysreg_find (rows[i].number), i);
    assert_string_equal (a64_sysreg_get ((int) i)->name, rows[i].name);
    // MIDR, MPIDR and REVIDR are in CRm 0, which the ID space leaves alone.
    assert_false (a64_id_register (rows[i].number, &value));
  }
  assert_int_equal (a64_sysreg_find (A64_SYSREG (3, 0, 15, 0, 0)), -1);
}

static void
test_storage (void **state)
{
  size_t n;
  const Row *rows = get_rows (&n);

  (void) state;
  for (size_t i = 0; i < n; i++) {
    CpuVm *t = cpu_vm_new (1);
    A64Cpu *cpu = cpu_vm_cpu (t, 0);
    const Row *row = &rows[i];

    a64_set_features (cpu->vcpu, &(A64Features){.pauth = true, .bti = true});
    if (row->storage) {
      assert_int_equal (cpu_vm_get (cpu, row->number), row->reset);
      cpu_vm_set (cpu, row->number, ~UINT64_C (0));
      assert_int_equal (cpu_vm_get (cpu, row->number), row->mask | row->reset);
      cpu_vm_set (cpu, row->number, 0);
      assert_int_equal (cpu_vm_get (cpu, row->number), row->reset & ~row->mask);
    }
    cpu_vm_free (t);
  }
}

// Bits that are RES0 or RES1 in every format of the register on this CPU.
static void
test_reserved_bits (void **state)
{
  static const struct {
    uint32_t number;
    uint64_t zeros, ones;
  } cases[] = {
      {A64_SYSREG (3, 0, 14, 1, 0), ~UINT64_C (0x3ff), 0},       // CNTKCTL_EL1: no FEAT_ECV
      {A64_SYSREG (2, 0, 0, 0, 5), ~UINT64_C (0xffffff), 0x1e0}, // DBGBCR0_EL1.BAS: no AArch32
      {A64_SYSREG (2, 0, 0, 5, 5), ~UINT64_C (0xffffff), 0x1e0},
      {A64_SYSREG (3, 0, 7, 4, 0), UINT64_C (0x00ff000000000000), 0x800}, // PAR_EL1
      {A64_SYSREG (3, 0, 4, 0, 0), ~UINT64_C (0xf1f01fdf), 0},            // SPSR_EL1
      {A64_SYSREG (3, 0, 5, 2, 0), ~UINT64_C (0xffffffff), 0},            // ESR_EL1: no ISS2
  };
  CpuVm *t = cpu_vm_new (1);
  A64Cpu *cpu = cpu_vm_cpu (t, 0);

  (void) state;
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    for (unsigned k = 0; k < 2; k++) {
      cpu_vm_set (cpu, cases[i].number, k == 0 ? 0 : ~UINT64_C (0));
      uint64_t value = cpu_vm_get (cpu, cases[i].number);
      assert_int_equal (value & cases[i].zeros, 0);
      assert_int_equal (value & cases[i].ones, cases[i].ones);
    }
  cpu_vm_free (t);
}

// MRS and MSR of every register at both ELs, by their words: allowed, or an exception.
static void
test_access (void **state)
{
  size_t n;
  const Row *rows = get_rows (&n);

  (void) state;
  for (size_t i = 0; i < n; i++)
    for (unsigned write = 0; write < 2; write++)
      for (unsigned el = 0; el < 2; el++) {
        CpuVm *t = cpu_vm_new (1);
        A64Cpu *cpu = cpu_vm_cpu (t, 0);
        const A64SysReg *reg = a64_sysreg_get (a64_sysreg_find (rows[i].number));
        bool trapped, allowed;

        cpu->pstate.el = el;
        allowed = a64_sysreg_allowed (cpu, reg, write, &trapped);
        if (el == 1) {
          const char *rule = rows[i].el1;
          bool expected = strcmp (rule, "RW") == 0 || strcmp (rule, write ? "WO" : "RO") == 0;

          if (allowed != expected || trapped)
            fail_msg ("%s: EL1 %s", rows[i].name, write ? "write" : "read");
        } else if (rows[i].el0_never) {
          if (allowed || trapped)
            fail_msg ("%s: EL0 %s is not undefined", rows[i].name, write ? "write" : "read");
        } else if (rows[i].el0_always_read && !write) {
          assert_true (allowed);
        }
        cpu->pstate.el = 1;
        cpu_vm_free (t);
      }
}

// The switches that open registers to EL0, one at a time.
static void
test_switches (void **state)
{
#define CNTKCTL A64_SYSREG (3, 0, 14, 1, 0)
  static const struct {
    uint32_t number; // opened
    bool write;
    uint32_t by;
    uint64_t bit;
  } switches[] = {
      {A64_SYSREG (3, 3, 0, 0, 1), false, REG_SCTLR, A64_SCTLR_UCT},
      {A64_SYSREG (3, 3, 4, 2, 1), false, REG_SCTLR, A64_SCTLR_UMA},
      {A64_SYSREG (3, 3, 4, 2, 1), true, REG_SCTLR, A64_SCTLR_UMA},
      {A64_SYSREG (3, 3, 14, 0, 1), false, CNTKCTL, 1},
      {A64_SYSREG (3, 3, 14, 0, 2), false, CNTKCTL, 2},
      {A64_SYSREG (3, 3, 14, 0, 0), false, CNTKCTL, 1},
      {A64_SYSREG (3, 3, 14, 0, 0), false, CNTKCTL, 2},
      {A64_SYSREG (3, 3, 14, 3, 1), true, CNTKCTL, 1 << 8},
      {A64_SYSREG (3, 3, 14, 2, 2), true, CNTKCTL, 1 << 9},
  };

  (void) state;
  for (size_t i = 0; i < G_N_ELEMENTS (switches); i++) {
    CpuVm *t = cpu_vm_new (1);
    A64Cpu *cpu = cpu_vm_cpu (t, 0);
    const A64SysReg *reg = a64_sysreg_get (a64_sysreg_find (switches[i].number));
    bool trapped;

    cpu->pstate.el = 0;
    assert_false (a64_sysreg_allowed (cpu, reg, switches[i].write, &trapped));
    assert_true (trapped);
    cpu->pstate.el = 1;
    cpu_vm_set (cpu, switches[i].by, cpu_vm_get (cpu, switches[i].by) | switches[i].bit);
    cpu->pstate.el = 0;
    assert_true (a64_sysreg_allowed (cpu, reg, switches[i].write, &trapped));
    cpu->pstate.el = 1;
    cpu_vm_free (t);
  }
}

typedef struct Field {
  const char *name;
  uint32_t number;
  unsigned shift, width;
  uint64_t value;
} Field;

static const Field fields[] = {
#define A64_ID(reg, crm, op2, field, shift, width, value)                                          \
  {#reg "." #field, A64_SYSREG (3, 0, 0, crm, op2), shift, width, value},
#include "engine/guest/aarch64/id-regs.inc"
#undef A64_ID
};

// Fields do not overlap, values fit, and the register has exactly them.
static void
test_id_fields (void **state)
{
  (void) state;
  for (size_t i = 0; i < G_N_ELEMENTS (fields); i++) {
    const Field *f = &fields[i];
    uint64_t value, used = 0, expected = 0;

    assert_true (f->value < (uint64_t) 1 << f->width);
    for (size_t k = 0; k < G_N_ELEMENTS (fields); k++)
      if (fields[k].number == f->number) {
        uint64_t mask = (((uint64_t) 1 << fields[k].width) - 1) << fields[k].shift;

        if (used & mask)
          fail_msg ("%s overlaps another field", fields[k].name);
        used |= mask;
        expected |= fields[k].value << fields[k].shift;
      }
    assert_true (a64_id_register (f->number, &value));
    assert_int_equal (value, expected);
  }
}

// The whole ID space reads, and only it.
static void
test_id_space (void **state)
{
  uint64_t value;

  (void) state;
  for (unsigned crm = 1; crm < 8; crm++)
    for (unsigned op2 = 0; op2 < 8; op2++)
      assert_true (a64_id_register (A64_SYSREG (3, 0, 0, crm, op2), &value));
  assert_false (a64_id_register (A64_SYSREG (3, 0, 0, 8, 0), &value));
  assert_false (a64_id_register (A64_SYSREG (3, 1, 0, 1, 0), &value));
  assert_false (a64_id_register (A64_SYSREG (2, 0, 0, 1, 0), &value));
  // AArch32 is not there.
  assert_true (a64_id_register (A64_SYSREG (3, 0, 0, 1, 0), &value));
  assert_int_equal (value, 0);
}

// What may be advertised decodes, and the rest does not: one word for each feature.
static void
test_features_decode (void **state)
{
  static const struct {
    const char *feature;
    uint32_t insn;
    bool there;
  } words[] = {
      {"LSE", 0xf8210043, true},         {"CRC32", 0x1ac14000, true},
      {"AES", 0x4e284820, true},         {"PMULL 64", 0x0ee1e000, true},
      {"SHA1", 0x5e280820, true},        {"SHA256", 0x5e282820, true},
      {"RDM", 0x2e418400, true},         {"DotProd", 0x2e829420, true},
      {"FlagM", 0xd500401f, true},       {"FlagM2", 0xd500403f, true},
      {"LRCPC", 0xf8bfc020, true},       {"LRCPC2", 0xd9400020, true},
      {"FRINTTS", 0x1e684020, true},     {"JSCVT", 0x1e7e0020, true},
      {"RNG", 0xd53b2400, true},         {"SB", 0xd50330ff, true},
      {"WFxT", 0xd5031002, true},        {"FP16", 0x1ee22820, true},
      {"SHA512", 0xce608020, true},      {"SHA3", 0xce020c20, true},
      {"FHM", 0x0e22ec20, true},         {"FCMA", 0x2e82c420, true},
      {"BF16", 0x2e42fc20, false},       {"I8MM", 0x4e82a420, true},
      {"SVE", 0x04a00000, false},        {"MTE", 0xd9200820, false},
      {"PAuth pacia", 0xdac10020, true}, {"PAuth braa", 0xd71f0820, true},
      {"PAuth ldraa", 0xf8200420, true}, {"MOPS", 0x1d010440, true},
      {"LS64", 0xf83fd020, false},
  };

  (void) state;
  for (size_t i = 0; i < G_N_ELEMENTS (words); i++) {
    A64Op op;

    if (a64_decode (words[i].insn, &op) != words[i].there)
      fail_msg ("%s: %s", words[i].feature, words[i].there ? "missing" : "there");
  }
}

// RNDR and RNDRRS give numbers and clear the flags.
static void
test_random (void **state)
{
  static const uint32_t code[] = {
      0xd53b2400, // mrs x0, rndr
      0xd53b4201, // mrs x1, nzcv
      0xd53b2422, // mrs x2, rndrrs
      0xd53b2403, // mrs x3, rndr
      INSN_HVC,
  };
  CpuVm *t = cpu_vm_new (1);
  A64Cpu *cpu = cpu_vm_cpu (t, 0);

  (void) state;
  cpu_vm_write_code (t, TEST_CODE, code, G_N_ELEMENTS (code));
  cpu->nzcv = 0xf0000000;
  cpu_vm_run (t, TEST_CODE);
  assert_int_equal (cpu->x[1], 0);
  assert_true (cpu->x[0] != cpu->x[2] && cpu->x[0] != cpu->x[3] && cpu->x[2] != cpu->x[3]);
  cpu_vm_free (t);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_numbers),       cmocka_unit_test (test_storage),
      cmocka_unit_test (test_reserved_bits), cmocka_unit_test (test_access),
      cmocka_unit_test (test_switches),      cmocka_unit_test (test_id_fields),
      cmocka_unit_test (test_id_space),      cmocka_unit_test (test_features_decode),
      cmocka_unit_test (test_random),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
