// SPDX-License-Identifier: GPL-3.0-or-later
// Exceptions as the guest sees them: syndrome, fault address, return address, vector, saved state,
// and how many instructions count as retired. Cases are data (Arm ARM D1.3, D19.2.37).
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "engine/guest/aarch64/aarch64.h"
#include "engine/guest/aarch64/exception.h"
#include "tests/unit/guest/cpu-vm.h"

enum {
  EL1_CODE = TEST_CODE,
  EL0_CODE = TEST_CODE + 0x1000,
  KERNEL = TEST_DATA,           // EL1 only
  USER = TEST_DATA + 0x1000,    // both
  NOTHING = TEST_DATA + 0x2000, // not mapped
  READ_ONLY = TEST_DATA + 0x3000,
  DEVICE = TEST_DATA + 0x4000, // RAM, mapped as Device
  HOLE = 0x0a000000,           // mapped, nothing there
  NO_FAR = 1,
};

static CpuVm *
new_guest (void)
{
  CpuVm *t = cpu_vm_new (1);
  A64Cpu *cpu = cpu_vm_cpu (t, 0);
  GuestAddr root = cpu_vm_mmu_on (t, cpu, 0);
  const TestMap maps[] = {
      {12, EL0_CODE, 3, EL0_CODE | DESC_AF | DESC_EL0 | DESC_RO, 0},
      {12, USER, 3, USER | DESC_AF | DESC_EL0, 0},
      {12, READ_ONLY, 3, READ_ONLY | DESC_AF | DESC_RO, 0},
      {12, DEVICE, 3, DEVICE | DESC_AF | DESC_DEVICE, 0},
      {12, TEST_MMIO_BASE, 3, TEST_MMIO_BASE | DESC_AF | DESC_DEVICE, 0},
      {12, HOLE, 3, HOLE | DESC_AF | DESC_DEVICE, 0},
  };

  for (size_t i = 0; i < G_N_ELEMENTS (maps); i++)
    cpu_vm_map (t, root, &maps[i]);
  cpu_vm_set (cpu, REG_CPACR, 3 << 20);
  return t;
}

typedef struct Case {
  const char *what;
  unsigned el;
  uint32_t insn;
  uint64_t x2;
  uint64_t sctlr_off, sctlr_on; // changes to the usual value
  unsigned ec;
  uint32_t iss;
  uint64_t far; // NO_FAR: not looked at
  unsigned retired;
} Case;

#define SYSREG_ISS(op0, op2, op1, crn, rt, crm, read)                                              \
  ((op0) << 20 | (op2) << 17 | (op1) << 14 | (crn) << 10 | (rt) << 5 | (crm) << 1 | (read))

static const Case cases[] = {
    {"svc at EL0", 0, 0xd4002461, 0, 0, 0, A64_EC_SVC, 0x123, NO_FAR, 2},
    {"svc at EL1", 1, 0xd4002461, 0, 0, 0, A64_EC_SVC, 0x123, NO_FAR, 2},
    {"brk", 0, 0xd4200ee0, 0, 0, 0, A64_EC_BRK, 0x77, NO_FAR, 1},
    {"hvc at EL0", 0, 0xd4000002, 0, 0, 0, A64_EC_UNKNOWN, 0, NO_FAR, 1},
    {"smc", 1, 0xd4000003, 0, 0, 0, A64_EC_UNKNOWN, 0, NO_FAR, 1},
    {"udf", 1, 0x00000000, 0, 0, 0, A64_EC_UNKNOWN, 0, NO_FAR, 1},
    {"hlt", 1, 0xd4400000, 0, 0, 0, A64_EC_UNKNOWN, 0, NO_FAR, 1},
    {"eret at EL0", 0, 0xd69f03e0, 0, 0, 0, A64_EC_UNKNOWN, 0, NO_FAR, 1},
    {"unallocated word", 0, 0xffffffff, 0, 0, 0, A64_EC_UNKNOWN, 0, NO_FAR, 1},

    {"load, EL1, level 3 translation", 1, 0xf9400041, NOTHING + 8, 0, 0, A64_EC_DATA_ABORT, 0x07,
     NOTHING + 8, 1},
    {"load, EL0, level 3 translation", 0, 0xf9400041, NOTHING + 8, 0, 0, A64_EC_DATA_ABORT_LOWER,
     0x07, NOTHING + 8, 1},
    {"store, EL0, level 3 translation", 0, 0xf9000041, NOTHING, 0, 0, A64_EC_DATA_ABORT_LOWER, 0x47,
     NOTHING, 1},
    {"load, level 1 translation", 1, 0xf9400041, UINT64_C (1) << 38, 0, 0, A64_EC_DATA_ABORT, 0x05,
     UINT64_C (1) << 38, 1},
    {"load, not canonical", 1, 0xf9400041, UINT64_C (1) << 60, 0, 0, A64_EC_DATA_ABORT, 0x04,
     UINT64_C (1) << 60, 1},
    {"load, EL0, of the kernel's", 0, 0xf9400041, KERNEL, 0, 0, A64_EC_DATA_ABORT_LOWER, 0x0f,
     KERNEL, 1},
    {"store to read-only", 1, 0xf9000041, READ_ONLY, 0, 0, A64_EC_DATA_ABORT, 0x4f, READ_ONLY, 1},
    {"atomic on read-only", 1, 0xf8210043, READ_ONLY, 0, 0, A64_EC_DATA_ABORT, 0x4f, READ_ONLY, 1},
    {"atomic on nothing reports a read", 1, 0xf8210043, NOTHING, 0, 0, A64_EC_DATA_ABORT, 0x07,
     NOTHING, 1},
    {"load over a page end: the second page faults", 1, 0xf9400041, NOTHING - 4, 0, 0,
     A64_EC_DATA_ABORT, 0x07, NOTHING, 1},
    {"ldtr of the kernel's", 1, 0xf8400841, KERNEL, 0, 0, A64_EC_DATA_ABORT, 0x0f, KERNEL, 1},
    {"nothing at the physical address", 1, 0xf9400041, HOLE, 0, 0, A64_EC_DATA_ABORT, 0x10, HOLE,
     1},
    {"store, nothing there", 1, 0xf9000041, HOLE, 0, 0, A64_EC_DATA_ABORT, 0x50, HOLE, 1},

    {"unaligned load of Device memory", 1, 0xf9400041, DEVICE + 4, 0, 0, A64_EC_DATA_ABORT, 0x21,
     DEVICE + 4, 1},
    {"unaligned store to Device memory", 1, 0xf9000041, DEVICE + 4, 0, 0, A64_EC_DATA_ABORT, 0x61,
     DEVICE + 4, 1},
    {"unaligned load under SCTLR.A", 1, 0xf9400041, KERNEL + 4, 0, A64_SCTLR_A, A64_EC_DATA_ABORT,
     0x21, KERNEL + 4, 1},
    {"unaligned exclusive", 1, 0xc85f7c41, KERNEL + 4, 0, 0, A64_EC_DATA_ABORT, 0x21, KERNEL + 4,
     1},
    {"unaligned acquire", 1, 0xc8dffc41, KERNEL + 4, 0, 0, A64_EC_DATA_ABORT, 0x21, KERNEL + 4, 1},
    {"unaligned atomic", 1, 0xf8210043, KERNEL + 4, 0, 0, A64_EC_DATA_ABORT, 0x21, KERNEL + 4, 1},
    {"exclusive on a device", 1, 0xc85f7c41, TEST_MMIO_BASE, 0, 0, A64_EC_DATA_ABORT, 0x35,
     TEST_MMIO_BASE, 1},
    {"dc zva on Device memory", 1, 0xd50b7422, DEVICE, 0, 0, A64_EC_DATA_ABORT, 0x61, DEVICE, 1},

    {"dc civac of nothing", 1, 0xd50b7e22, NOTHING, 0, 0, A64_EC_DATA_ABORT, 0x147, NOTHING, 1},
    {"dc ivac wants write permission", 1, 0xd5087622, READ_ONLY, 0, 0, A64_EC_DATA_ABORT, 0x14f,
     READ_ONLY, 1},
    {"ic ivau of nothing", 1, 0xd50b7522, NOTHING, 0, 0, A64_EC_DATA_ABORT, 0x147, NOTHING, 1},
    {"dc zva at EL0 without DZE", 0, 0xd50b7422, USER, 0, 0, A64_EC_SYSREG,
     SYSREG_ISS (1, 1, 3, 7, 2, 4, 0), NO_FAR, 1},
    {"dc civac at EL0 without UCI", 0, 0xd50b7e22, USER, 0, 0, A64_EC_SYSREG,
     SYSREG_ISS (1, 1, 3, 7, 2, 14, 0), NO_FAR, 1},
    {"dc ivac at EL0", 0, 0xd5087622, USER, 0, 0, A64_EC_UNKNOWN, 0, NO_FAR, 1},
    {"tlbi at EL0", 0, 0xd508871f, 0, 0, 0, A64_EC_UNKNOWN, 0, NO_FAR, 1},

    {"branch to an odd address", 1, 0xd61f0040, EL1_CODE + 2, 0, 0, A64_EC_PC_ALIGNMENT, 0,
     EL1_CODE + 2, 2},
    {"branch to all ones", 1, 0xd61f0040, ~UINT64_C (0), 0, 0, A64_EC_PC_ALIGNMENT, 0,
     ~UINT64_C (0), 2},
    {"branch to nothing", 1, 0xd61f0040, NOTHING, 0, 0, A64_EC_INSN_ABORT, 0x07, NOTHING, 2},
    {"EL0 branch to nothing", 0, 0xd61f0040, NOTHING, 0, 0, A64_EC_INSN_ABORT_LOWER, 0x07, NOTHING,
     2},
    {"branch to what EL0 can write", 1, 0xd61f0040, USER, 0, 0, A64_EC_INSN_ABORT, 0x0f, USER, 2},
    {"branch where nothing is", 1, 0xd61f0040, HOLE, 0, 0, A64_EC_INSN_ABORT, 0x10, HOLE, 2},

    {"mrs ctr_el0 at EL0 without UCT", 0, 0xd53b0021, 0, 0, 0, A64_EC_SYSREG,
     SYSREG_ISS (3, 1, 3, 0, 1, 0, 1), NO_FAR, 1},
    {"mrs cntvct_el0 at EL0 without EL0VCTEN", 0, 0xd53be041, 0, 0, 0, A64_EC_SYSREG,
     SYSREG_ISS (3, 2, 3, 14, 1, 0, 1), NO_FAR, 1},
    {"mrs sctlr_el1 at EL0", 0, 0xd5381001, 0, 0, 0, A64_EC_UNKNOWN, 0, NO_FAR, 1},
    {"mrs id_aa64pfr0_el1 at EL0", 0, 0xd5380401, 0, 0, 0, A64_EC_UNKNOWN, 0, NO_FAR, 1},
    {"msr daif at EL0 without UMA", 0, 0xd51b4221, 0, 0, 0, A64_EC_SYSREG,
     SYSREG_ISS (3, 1, 3, 4, 1, 2, 0), NO_FAR, 1},
    {"msr daifset at EL0 without UMA", 0, 0xd50342df, 0, 0, 0, A64_EC_SYSREG,
     SYSREG_ISS (0, 6, 3, 4, 31, 2, 0), NO_FAR, 1},
    {"msr pan at EL0", 0, 0xd500419f, 0, 0, 0, A64_EC_UNKNOWN, 0, NO_FAR, 1},
    {"msr spsel at EL0", 0, 0xd50040bf, 0, 0, 0, A64_EC_UNKNOWN, 0, NO_FAR, 1},
    {"register that does not exist", 1, 0xd538f001, 0, 0, 0, A64_EC_UNKNOWN, 0, NO_FAR, 1},
    {"interrupt controller that does not exist", 1, 0xd538cc01, 0, 0, 0, A64_EC_UNKNOWN, 0, NO_FAR,
     1},
    {"wfi at EL0 without nTWI", 0, 0xd503207f, 0, 0, 0, A64_EC_WFX, 0x1e << 20, NO_FAR, 1},
    {"wfe at EL0 without nTWE", 0, 0xd503205f, 0, 0, 0, A64_EC_WFX, 0x1e << 20 | 1, NO_FAR, 1},
};

static void
check_case (const Case *c)
{
  CpuVm *t = new_guest ();
  A64Cpu *cpu = cpu_vm_cpu (t, 0);
  GuestAddr code = c->el == 0 ? EL0_CODE : EL1_CODE;
  uint64_t sctlr = cpu_vm_get (cpu, REG_SCTLR);

  cpu_vm_set (cpu, REG_SCTLR, (sctlr & ~c->sctlr_off) | c->sctlr_on);
  cpu_vm_write_code (t, code, (uint32_t[]){INSN_NOP, c->insn, INSN_HVC}, 3);
  cpu_vm_enter (cpu, c->el, 0);
  cpu->nzcv = 0xa0000000;
  cpu->x[2] = c->x2;
  uint64_t retired = cpu_vm_run (t, code);

  uint64_t esr = cpu_vm_get (cpu, REG_ESR), elr = cpu_vm_get (cpu, REG_ELR);
  uint64_t returns = c->ec == A64_EC_SVC                           ? code + 8
                     : c->insn == 0xd61f0040 /* branch: its aim */ ? c->x2
                                                                   : code + 4;
  if (esr != ((uint64_t) c->ec << 26 | 1 << 25 | c->iss) || elr != returns ||
      (c->far != NO_FAR && cpu_vm_get (cpu, REG_FAR) != c->far) || retired != c->retired)
    fail_msg ("%s: ESR %#" PRIx64 ", ELR %#" PRIx64 ", FAR %#" PRIx64 ", %" PRIu64 " retired",
              c->what, esr, elr, cpu_vm_get (cpu, REG_FAR), retired);
  assert_int_equal (cpu->pc, TEST_VECTORS + (c->el == 0 ? 0x400 : 0x200) + 4);
  assert_int_equal (cpu_vm_get (cpu, REG_SPSR), 0xa0000000 | (c->el == 0 ? 0 : 5));
  assert_int_equal (cpu->pstate.daif, 0xf);
  cpu_vm_free (t);
}

static void
test_syndromes (void **state)
{
  (void) state;
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    check_case (&cases[i]);
}

// What must not fault.
static void
test_allowed (void **state)
{
  static const struct {
    const char *what;
    unsigned el;
    uint32_t insn;
    uint64_t x2, sctlr_on;
  } allowed[] = {
      {"unaligned load", 1, 0xf9400041, KERNEL + 1, 0},
      {"unaligned load over a page end", 1, 0xf9400041, USER - 3, 0},
      {"device register", 1, 0xf9400041, TEST_MMIO_BASE + 8, 0},
      {"ldtr of the user's", 1, 0xf8400841, USER, 0},
      {"dc zva at EL0 under DZE", 0, 0xd50b7422, USER, A64_SCTLR_DZE},
      {"dc civac at EL0 under UCI", 0, 0xd50b7e22, USER, A64_SCTLR_UCI},
      {"ic ivau at EL0 under UCI", 0, 0xd50b7522, EL0_CODE, A64_SCTLR_UCI},
      {"mrs ctr_el0 under UCT", 0, 0xd53b0021, 0, A64_SCTLR_UCT},
      {"msr daif under UMA", 0, 0xd51b4221, 0, A64_SCTLR_UMA},
      {"dc ivac", 1, 0xd5087622, KERNEL, 0},
      {"wfe at EL0 under nTWE", 0, 0xd503205f, 0, A64_SCTLR_NTWE},
      {"wfit in the past", 1, 0xd5031022, 5, 0},
      {"hints of features that are not there", 0, 0xd503233f, 0, 0},
  };

  (void) state;
  for (size_t i = 0; i < G_N_ELEMENTS (allowed); i++) {
    CpuVm *t = new_guest ();
    A64Cpu *cpu = cpu_vm_cpu (t, 0);
    GuestAddr code = allowed[i].el == 0 ? EL0_CODE : EL1_CODE;
    // At EL0 the end is an SVC.
    uint32_t end = allowed[i].el == 0 ? 0xd4000001 : INSN_HVC;

    cpu_vm_set (cpu, REG_SCTLR, cpu_vm_get (cpu, REG_SCTLR) | allowed[i].sctlr_on);
    cpu_vm_write_code (t, code, (uint32_t[]){allowed[i].insn, end}, 2);
    cpu_vm_enter (cpu, allowed[i].el, 0);
    cpu->x[2] = allowed[i].x2;
    cpu_vm_run (t, code);
    uint64_t end_pc = allowed[i].el == 0 ? cpu_vm_get (cpu, REG_ELR) : cpu->pc;
    if (end_pc != code + 8)
      fail_msg ("%s: ESR %#" PRIx64, allowed[i].what, cpu_vm_get (cpu, REG_ESR));
    cpu_vm_free (t);
  }
}

// FP and SIMD under CPACR_EL1.FPEN, instructions and registers.
static void
test_fp_trap (void **state)
{
  static const uint32_t insns[] = {0x1e622820 /* fadd */, 0xd53b4401 /* mrs fpcr */};
  static const bool traps[4][2] = {{true, true}, {true, false}, {true, true}, {false, false}};

  (void) state;
  for (unsigned i = 0; i < 2; i++)
    for (unsigned fpen = 0; fpen < 4; fpen++)
      for (unsigned el = 0; el < 2; el++) {
        CpuVm *t = new_guest ();
        A64Cpu *cpu = cpu_vm_cpu (t, 0);
        GuestAddr code = el == 0 ? EL0_CODE : EL1_CODE;

        cpu_vm_set (cpu, REG_CPACR, fpen << 20);
        cpu_vm_write_code (t, code, (uint32_t[]){insns[i], 0xd4000001}, 2);
        cpu_vm_enter (cpu, el, 0);
        cpu_vm_run (t, code);
        assert_int_equal (cpu_vm_get (cpu, REG_ESR), traps[fpen][el]
                                                         ? 7u << 26 | 1 << 25 | 0x1e << 20
                                                         : 0x15u << 26 | 1 << 25);
        cpu_vm_free (t);
      }
}

static void
test_sp_alignment (void **state)
{
  (void) state;
  for (unsigned enabled = 0; enabled < 2; enabled++) {
    CpuVm *t = new_guest ();
    A64Cpu *cpu = cpu_vm_cpu (t, 0);

    cpu_vm_set (cpu, REG_SCTLR, cpu_vm_get (cpu, REG_SCTLR) | (enabled ? A64_SCTLR_SA : 0));
    cpu_vm_write_code (t, EL1_CODE, (uint32_t[]){0xf94003e1 /* ldr x1, [sp] */, INSN_HVC}, 2);
    cpu_vm_enter (cpu, 1, 0);
    cpu->x[A64_SP] = KERNEL + 8;
    cpu_vm_run (t, EL1_CODE);
    assert_int_equal (cpu_vm_get (cpu, REG_ESR), enabled ? 0x26u << 26 | 1 << 25 : 0);
    cpu_vm_free (t);
  }
}

// PAN: forbids the user's memory, comes with exceptions while SPAN is 0, and what was used before
// it was set is forbidden too.
static void
test_pan (void **state)
{
  static const uint32_t program[] = {
      0xf9400041, // ldr x1, [x2]
      0xd500419f, // msr pan, #1
      0xf9400041, // ldr x1, [x2]
      INSN_HVC,
  };
  CpuVm *t = new_guest ();
  A64Cpu *cpu = cpu_vm_cpu (t, 0);

  (void) state;
  cpu_vm_write_code (t, EL1_CODE, program, 4);
  cpu_vm_enter (cpu, 1, 0);
  cpu->x[2] = USER;
  assert_int_equal (cpu_vm_run (t, EL1_CODE), 2);
  assert_int_equal (cpu_vm_get (cpu, REG_ELR), EL1_CODE + 8);
  assert_int_equal (cpu_vm_get (cpu, REG_ESR), 0x25u << 26 | 1 << 25 | 0x0f);
  assert_int_equal (cpu_vm_get (cpu, REG_SPSR), 1 << 22 | 5);

  // An LDTR is not concerned.
  cpu_vm_write_code (t, EL1_CODE + 0x100, (uint32_t[]){0xf8400841, INSN_HVC}, 2);
  cpu_vm_run (t, EL1_CODE + 0x100);
  assert_int_equal (cpu->pc, EL1_CODE + 0x108);

  cpu_vm_set (cpu, REG_SCTLR, cpu_vm_get (cpu, REG_SCTLR) & ~A64_SCTLR_SPAN);
  a64_set_pan (cpu, false);
  cpu_vm_write_code (t, EL1_CODE + 0x200, (uint32_t[]){0xd4000001}, 1);
  cpu_vm_run (t, EL1_CODE + 0x200);
  assert_true (cpu->pstate.pan);
  cpu_vm_free (t);
}

// ERET: to EL0 and back, both stack pointers, and the returns that are illegal.
static void
test_eret (void **state)
{
  static const struct {
    uint32_t spsr;
    bool legal;
  } returns[] = {
      {0x0, true},  {0x4, true},  {0x5, true},  {0x1, false},  {0x2, false},
      {0x8, false}, {0x9, false}, {0xc, false}, {0x10, false}, {0x13, false},
  };

  (void) state;
  for (size_t i = 0; i < G_N_ELEMENTS (returns); i++) {
    CpuVm *t = new_guest ();
    A64Cpu *cpu = cpu_vm_cpu (t, 0);
    unsigned el = returns[i].spsr >> 2 & 1;
    GuestAddr to = el == 0 ? EL0_CODE : EL1_CODE + 0x100;

    cpu_vm_write_code (t, EL1_CODE, (uint32_t[]){0xd69f03e0}, 1);
    cpu_vm_write_code (t, to, (uint32_t[]){0xd4000001}, 1);
    cpu_vm_enter (cpu, 1, 0xf);
    cpu->sp_bank[0] = 0x1000;
    cpu->x[A64_SP] = 0x2000;
    cpu_vm_set (cpu, REG_ELR, to);
    cpu_vm_set (cpu, REG_SPSR, returns[i].spsr | 0x600003c0);
    cpu_vm_run (t, EL1_CODE);
    if (returns[i].legal) {
      assert_int_equal (cpu_vm_get (cpu, REG_ESR), 0x15u << 26 | 1 << 25);
      assert_int_equal (cpu_vm_get (cpu, REG_SPSR), returns[i].spsr | 0x600003c0);
      assert_int_equal (cpu_vm_get (cpu, REG_ELR), to + 4);
    } else {
      // The EL and stack pointer stay, the flags are taken, and IL is saved.
      assert_int_equal (cpu_vm_get (cpu, REG_ESR), 0x0eu << 26 | 1 << 25);
      assert_int_equal (cpu_vm_get (cpu, REG_SPSR), 0x600003c0 | 1 << 20 | 5);
      assert_int_equal (cpu_vm_get (cpu, REG_ELR), to);
    }
    assert_int_equal (cpu->x[A64_SP], 0x2000);
    assert_int_equal (cpu->sp_bank[0], 0x1000);
    cpu_vm_free (t);
  }
}

// Interrupts wait for the mask, and are taken between instructions.
static void
test_interrupts (void **state)
{
  static const uint32_t program[] = {
      INSN_NOP,
      0xd50342ff, // msr daifclr, #2
      0xd50342df, // msr daifset, #2
      INSN_HVC,
  };
  static const struct {
    GuestIrq irq;
    unsigned daif; // before
    unsigned vector;
    GuestAddr elr;
  } lines[] = {
      {GUEST_IRQ, 0xf, 0x280, EL1_CODE + 8},
      {GUEST_IRQ, 0x0, 0x280, EL1_CODE},
      {GUEST_FIQ, 0x0, 0x300, EL1_CODE},
      {GUEST_FIQ, 0xf, 0, 0}, // daifclr #2 is not for it
  };

  (void) state;
  for (size_t i = 0; i < G_N_ELEMENTS (lines); i++) {
    CpuVm *t = new_guest ();
    A64Cpu *cpu = cpu_vm_cpu (t, 0);

    cpu_vm_write_code (t, EL1_CODE, program, 4);
    cpu_vm_enter (cpu, 1, lines[i].daif);
    a64_guest_ops.set_irq (cpu, lines[i].irq, true);
    assert_int_equal (cpu_vm_get (cpu, A64_SYSREG (3, 0, 12, 1, 0)),
                      lines[i].irq == GUEST_IRQ ? 1 << 7 : 1 << 6);
    cpu_vm_run (t, EL1_CODE);
    assert_int_equal (cpu->pc,
                      lines[i].elr != 0 ? TEST_VECTORS + lines[i].vector + 4 : EL1_CODE + 16);
    if (lines[i].elr != 0)
      assert_int_equal (cpu_vm_get (cpu, REG_ELR), lines[i].elr);
    cpu_vm_free (t);
  }
}

// WFI sleeps, but not while an interrupt waits, be it masked.
static void
test_wfi (void **state)
{
  CpuVm *t = new_guest ();
  A64Cpu *cpu = cpu_vm_cpu (t, 0);

  (void) state;
  cpu_vm_write_code (t, EL1_CODE, (uint32_t[]){0xd503207f, INSN_HVC}, 2);
  cpu_vm_enter (cpu, 1, 0xf);
  cpu_vm_run (t, EL1_CODE);
  assert_int_equal (t->waits, 1);
  a64_guest_ops.set_irq (cpu, GUEST_IRQ, true);
  cpu_vm_run (t, EL1_CODE);
  assert_int_equal (t->waits, 1);

  // WFIT sleeps to its moment.
  a64_guest_ops.set_irq (cpu, GUEST_IRQ, false);
  cpu_vm_write_code (t, EL1_CODE + 0x100, (uint32_t[]){0xd5031022, INSN_HVC}, 2);
  cpu->x[2] = 123456;
  cpu_vm_run (t, EL1_CODE + 0x100);
  assert_int_equal (test_now, 123456);
  cpu_vm_free (t);
}

// Software step of EL0: one instruction, then the exception; SVC counts as that one.
static void
test_software_step (void **state)
{
  static const struct {
    uint32_t insn;
    unsigned ec;
    uint64_t elr;
    bool ss; // saved
  } steps[] = {
      {INSN_NOP, A64_EC_STEP_LOWER, EL0_CODE + 4, false},
      {0x14000002 /* b .+8 */, A64_EC_STEP_LOWER, EL0_CODE + 8, false},
      {0xd4000001 /* svc */, A64_EC_SVC, EL0_CODE + 4, false},
      {0x00000000 /* udf */, A64_EC_UNKNOWN, EL0_CODE, true},
  };

  (void) state;
  for (size_t i = 0; i < G_N_ELEMENTS (steps); i++) {
    CpuVm *t = new_guest ();
    A64Cpu *cpu = cpu_vm_cpu (t, 0);

    cpu_vm_write_code (t, EL1_CODE, (uint32_t[]){0xd69f03e0 /* eret */}, 1);
    cpu_vm_write_code (t, EL0_CODE, (uint32_t[]){steps[i].insn, INSN_NOP, INSN_NOP}, 3);
    cpu_vm_set (cpu, REG_OSLAR, 0);
    cpu_vm_set (cpu, REG_MDSCR, A64_MDSCR_SS);
    cpu_vm_set (cpu, REG_ELR, EL0_CODE);
    cpu_vm_set (cpu, REG_SPSR, 1 << 21);
    cpu_vm_enter (cpu, 1, 0xf);
    cpu_vm_run (t, EL1_CODE);
    uint32_t iss = steps[i].ec == A64_EC_STEP_LOWER ? 1 << 24 | 0x22 : 0;
    assert_int_equal (cpu_vm_get (cpu, REG_ESR), steps[i].ec << 26 | 1 << 25 | iss);
    assert_int_equal (cpu_vm_get (cpu, REG_ELR), steps[i].elr);
    assert_int_equal (cpu_vm_get (cpu, REG_SPSR) >> 21 & 1, steps[i].ss);
    cpu_vm_free (t);
  }
}

static void
stop_running (void *opaque, Vcpu *vcpu)
{
  unsigned *stops = opaque;

  ++*stops;
  atomic_fetch_or (vcpu->pending, VCPU_EXIT);
}

// A debugger outside that watches what DC ZVA would zero stops it, and the guest notices nothing.
static void
test_debugger_watches_zva (void **state)
{
  CpuVm *t = new_guest ();
  A64Cpu *cpu = cpu_vm_cpu (t, 0);
  uint64_t *watched = cpu_vm_host (t, KERNEL + 0x100);
  unsigned stops = 0;

  (void) state;
  t->vm.on_debug_stop = stop_running;
  t->vm.on_debug_stop_opaque = &stops;
  a64_guest_ops.debug->attach (cpu);
  assert_true (a64_guest_ops.debug->set_point (cpu, true, GUEST_POINT_WRITE, KERNEL + 0x100, 8));
  cpu_vm_write_code (t, EL1_CODE, (uint32_t[]){0xd50b7422 /* dc zva, x2 */}, 1);
  cpu_vm_set (cpu, REG_FAR, 0x1234);
  cpu_vm_enter (cpu, 1, 0xf);
  cpu->x[2] = KERNEL + 0x7f0;
  *watched = 1;
  cpu_vm_run (t, EL1_CODE);
  assert_int_equal (stops, 1);
  assert_int_equal (cpu->pc, EL1_CODE);
  assert_int_equal (cpu_vm_get (cpu, REG_FAR), 0x1234);
  assert_int_equal (*watched, 1);
  a64_guest_ops.debug->detach (cpu);
  cpu_vm_free (t);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_syndromes),     cmocka_unit_test (test_allowed),
      cmocka_unit_test (test_fp_trap),       cmocka_unit_test (test_sp_alignment),
      cmocka_unit_test (test_pan),           cmocka_unit_test (test_eret),
      cmocka_unit_test (test_interrupts),    cmocka_unit_test (test_wfi),
      cmocka_unit_test (test_software_step), cmocka_unit_test (test_debugger_watches_zva),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
