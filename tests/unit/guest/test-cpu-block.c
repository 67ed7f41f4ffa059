// SPDX-License-Identifier: GPL-3.0-or-later
// The decoded-block cache: what makes changed code visible, what is kept, how instructions are
// counted, and what happens when the arena is full.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "engine/guest/aarch64/aarch64.h"
#include "engine/guest/aarch64/block.h"
#include "tests/unit/guest/cpu-vm.h"

#define MOV_X0(n) (0xd2800000u | (uint32_t) (n) << 5)
enum {
  RET = 0xd65f03c0,
  ADD_X1_1 = 0x91000421,
  SUBS_X0_1 = 0xf1000400,
  B_NE_BACK_2 = 0x54ffffc1, // to two instructions before
};

static void
caches (A64Cpu *cpu, bool on)
{
  cpu_vm_set (cpu, REG_SCTLR, A64_SCTLR_RESET | (on ? A64_SCTLR_I : 0));
}

// A function at TEST_CODE + 0x1000 that returns a number, and its caller.
static CpuVm *
new_guest (bool cached)
{
  static const uint32_t caller[] = {0x94000400 /* bl .+0x1000 */, INSN_HVC};
  CpuVm *t = cpu_vm_new (1);

  caches (cpu_vm_cpu (t, 0), cached);
  cpu_vm_enter (cpu_vm_cpu (t, 0), 1, 0xf);
  cpu_vm_write_code (t, TEST_CODE, caller, 2);
  cpu_vm_write_code (t, TEST_CODE + 0x1000, (uint32_t[]){MOV_X0 (5), RET}, 2);
  return t;
}

static uint64_t
call (CpuVm *t)
{
  cpu_vm_run (t, TEST_CODE);
  return cpu_vm_cpu (t, 0)->x[0];
}

static void
rewrite (CpuVm *t, unsigned n)
{
  cpu_vm_write_code (t, TEST_CODE + 0x1000, (uint32_t[]){MOV_X0 (n)}, 1);
}

static void
run_word (CpuVm *t, uint32_t insn, uint64_t x2)
{
  cpu_vm_write_code (t, TEST_CODE + 0x2000, (uint32_t[]){insn, INSN_HVC}, 2);
  a64_guest_ops.code_changed (cpu_vm_cpu (t, 0), TEST_CODE + 0x2000, 8);
  cpu_vm_cpu (t, 0)->x[2] = x2;
  cpu_vm_run (t, TEST_CODE + 0x2000);
}

// With the cache on, changed code need not be seen until one of these; then it must.
static void
test_maintenance (void **state)
{
  static const struct {
    uint32_t insn;
    uint64_t x2;
  } ops[] = {
      {0xd50b7522 /* ic ivau, x2 */, TEST_CODE + 0x1004},
      {0xd508751f /* ic iallu */, 0},
      {0xd508711f /* ic ialluis */, 0},
  };

  (void) state;
  for (size_t i = 0; i < G_N_ELEMENTS (ops); i++) {
    CpuVm *t = new_guest (true);

    assert_int_equal (call (t), 5);
    rewrite (t, 7);
    assert_int_equal (call (t), 5);
    run_word (t, ops[i].insn, ops[i].x2);
    assert_int_equal (call (t), 7);
    cpu_vm_free (t);
  }
}

// IC of another page leaves the block alone.
static void
test_other_page (void **state)
{
  CpuVm *t = new_guest (true);

  (void) state;
  assert_int_equal (call (t), 5);
  rewrite (t, 7);
  run_word (t, 0xd50b7522, TEST_CODE + 0x3000);
  assert_int_equal (call (t), 5);
  cpu_vm_free (t);
}

// With the cache off, code is looked at every time; switching it on finds what was written last.
static void
test_uncached (void **state)
{
  CpuVm *t = new_guest (false);

  (void) state;
  assert_int_equal (call (t), 5);
  rewrite (t, 7);
  assert_int_equal (call (t), 7);
  rewrite (t, 9);
  caches (cpu_vm_cpu (t, 0), true);
  assert_int_equal (call (t), 9);
  cpu_vm_free (t);
}

// The loader, a debugger or a restore changed memory.
static void
test_code_changed (void **state)
{
  static const struct {
    GuestAddr addr;
    uint64_t length;
    bool seen;
  } ranges[] = {
      {TEST_CODE + 0x1000, 4, true},  {TEST_CODE, 0x1001, true},
      {0, UINT64_MAX, true},          {TEST_CODE + 0x1000, 0, false},
      {TEST_CODE + 0x2000, 4, false}, {TEST_CODE + 0x800, 0x802, true},
      {TEST_RAM_BASE, MIB (2), true},
  };

  (void) state;
  for (size_t i = 0; i < G_N_ELEMENTS (ranges); i++) {
    CpuVm *t = new_guest (true);

    assert_int_equal (call (t), 5);
    rewrite (t, 7);
    a64_guest_ops.code_changed (cpu_vm_cpu (t, 0), ranges[i].addr, ranges[i].length);
    assert_int_equal (call (t), ranges[i].seen ? 7 : 5);
    cpu_vm_free (t);
  }
}

// A page that was only said to have changed keeps its decoded blocks.
static void
test_kept (void **state)
{
  CpuVm *t = new_guest (true);
  A64Cpu *cpu = cpu_vm_cpu (t, 0);

  (void) state;
  call (t);
  uint32_t used = cpu->blocks->used_bytes;
  for (unsigned i = 0; i < 10; i++) {
    a64_blocks_stale_all (cpu);
    assert_int_equal (call (t), 5);
    assert_int_equal (cpu->blocks->used_bytes, used);
  }
  rewrite (t, 7);
  a64_blocks_stale_all (cpu);
  assert_int_equal (call (t), 7);
  assert_true (cpu->blocks->used_bytes > used);
  cpu_vm_free (t);
}

// Code that rewrites an instruction ahead of itself, with the maintenance the architecture asks
// for; the old one was decoded before.
static void
test_self_modifying (void **state)
{
  static const uint32_t program[] = {
      0x18000123, // ldr w3, .+36: the last word
      0x100000c4, // adr x4, .+24
      0xb9000083, // str w3, [x4]
      0xd50b7b24, // dc cvau, x4
      0xd5033b9f, // dsb ish
      0xd50b7524, // ic ivau, x4
      0xd5033fdf, // isb
      0xd2800021, // mov x1, #1
      INSN_HVC,
      0xd2800041, // mov x1, #2
  };
  CpuVm *t = cpu_vm_new (1);
  A64Cpu *cpu = cpu_vm_cpu (t, 0);

  (void) state;
  caches (cpu, true);
  cpu_vm_enter (cpu, 1, 0xf);
  cpu_vm_write_code (t, TEST_CODE, program, 10);
  cpu_vm_run (t, TEST_CODE + 0x1c);
  assert_int_equal (cpu->x[1], 1);
  cpu_vm_run (t, TEST_CODE);
  assert_int_equal (cpu->x[1], 2);
  cpu_vm_free (t);
}

// Retired instructions are exact: loops, long runs of code, page ends, faults in mid-block.
static void
test_counting (void **state)
{
  CpuVm *t = cpu_vm_new (1);
  A64Cpu *cpu = cpu_vm_cpu (t, 0);
  uint32_t words[300];

  (void) state;
  caches (cpu, true);
  cpu_vm_enter (cpu, 1, 0xf);
  // mov x0, #100; 1: add x1, x1, #1; subs x0, x0, #1; b.ne 1b; hvc
  cpu_vm_write_code (t, TEST_CODE,
                     (uint32_t[]){MOV_X0 (100), ADD_X1_1, SUBS_X0_1, B_NE_BACK_2, INSN_HVC}, 5);
  assert_int_equal (cpu_vm_run (t, TEST_CODE), 1 + 3 * 100);
  assert_int_equal (cpu->x[1], 100);

  // 299 instructions in a row, over a page end: more than a block holds.
  for (unsigned i = 0; i < 299; i++)
    words[i] = ADD_X1_1;
  words[299] = INSN_HVC;
  cpu_vm_write_code (t, TEST_CODE + 0x1f00, words, 300);
  cpu->x[1] = 0;
  assert_int_equal (cpu_vm_run (t, TEST_CODE + 0x1f00), 299);
  assert_int_equal (cpu->x[1], 299);

  // The eleventh faults: ten have retired, and the vector's HVC follows.
  words[10] = 0xf9400041; // ldr x1, [x2]: unaligned, and the MMU is off
  cpu->x[2] = TEST_DATA + 1;
  cpu_vm_write_code (t, TEST_CODE + 0x4000, words, 300);
  assert_int_equal (cpu_vm_run (t, TEST_CODE + 0x4000), 10);
  assert_int_equal (cpu_vm_get (cpu, REG_ELR), TEST_CODE + 0x4000 + 40);
  cpu_vm_free (t);
}

// Conditional branches that stay in their block: over instructions, not taken, out of it, and with
// a fault behind one.
static void
test_branches_in_block (void **state)
{
  static const uint32_t program[] = {
      0xb4000069, // cbz x9, .+12: taken
      ADD_X1_1,   ADD_X1_1,
      ADD_X1_1,   // the first that runs
      0xb5000049, // cbnz x9, .+8: not taken
      0xb4000049, // cbz x9, .+8: taken
      ADD_X1_1,
      0xb4004009, // cbz x9, .+0x800: out
      ADD_X1_1,   ADD_X1_1,
  };
  CpuVm *t = cpu_vm_new (1);
  A64Cpu *cpu = cpu_vm_cpu (t, 0);

  (void) state;
  caches (cpu, true);
  cpu_vm_enter (cpu, 1, 0xf);
  cpu_vm_write_code (t, TEST_CODE, program, 10);
  cpu_vm_write_code (t, TEST_CODE + 0x1c + 0x800, (uint32_t[]){INSN_HVC}, 1);
  assert_int_equal (cpu_vm_run (t, TEST_CODE), 5);
  assert_int_equal (cpu->x[1], 1);

  cpu_vm_write_code (t, TEST_CODE + 0x3000, program, 10);
  cpu_vm_write_code (t, TEST_CODE + 0x3000 + 0x0c, (uint32_t[]){0xf9400041 /* ldr x1, [x2] */}, 1);
  cpu->x[2] = TEST_DATA + 1;
  assert_int_equal (cpu_vm_run (t, TEST_CODE + 0x3000), 1);
  assert_int_equal (cpu_vm_get (cpu, REG_ELR), TEST_CODE + 0x300c);
  cpu_vm_free (t);
}

// A block is shared by every virtual address of its page, and PC-relative code sees its own.
static void
test_aliases (void **state)
{
  CpuVm *t = cpu_vm_new (1);
  A64Cpu *cpu = cpu_vm_cpu (t, 0);
  GuestAddr root = cpu_vm_mmu_on (t, cpu, 0);
  const GuestVaddr alias = UINT64_C (0x5000000000);

  (void) state;
  cpu_vm_enter (cpu, 1, 0xf);
  cpu_vm_map (t, root, &(TestMap){12, alias, 3, TEST_CODE | DESC_AF, 0});
  cpu_vm_write_code (t, TEST_CODE, (uint32_t[]){0x10000000 /* adr x0, . */, INSN_HVC}, 2);
  cpu_vm_run (t, TEST_CODE);
  assert_int_equal (cpu->x[0], TEST_CODE);
  uint32_t used = cpu->blocks->used_bytes;
  cpu_vm_run (t, alias);
  assert_int_equal (cpu->x[0], alias);
  assert_int_equal (cpu->blocks->used_bytes, used);
  cpu_vm_free (t);
}

// Turning a page's execute permission off, or moving it, is seen after the TLBI.
static void
test_remapped_code (void **state)
{
  CpuVm *t = cpu_vm_new (1);
  A64Cpu *cpu = cpu_vm_cpu (t, 0);
  GuestAddr root = cpu_vm_mmu_on (t, cpu, 0);
  const GuestVaddr va = UINT64_C (0x5000000000);
  uint64_t *pte = cpu_vm_map (t, root, &(TestMap){12, va, 3, TEST_CODE | DESC_AF, 0});

  (void) state;
  cpu_vm_enter (cpu, 1, 0xf);
  cpu_vm_write_code (t, TEST_CODE, (uint32_t[]){MOV_X0 (5), INSN_HVC}, 2);
  cpu_vm_write_code (t, TEST_DATA, (uint32_t[]){MOV_X0 (7), INSN_HVC}, 2);
  cpu_vm_run (t, va);
  assert_int_equal (cpu->x[0], 5);
  // tlbi vaae1, x2; dsb; isb; hvc
  cpu_vm_write_code (t, TEST_CODE + 0x800,
                     (uint32_t[]){0xd5088762, 0xd5033f9f, 0xd5033fdf, INSN_HVC}, 4);
  cpu->x[2] = va >> 12;

  *pte = TEST_DATA | DESC_AF | 3;
  cpu_vm_run (t, TEST_CODE + 0x800);
  cpu_vm_run (t, va);
  assert_int_equal (cpu->x[0], 7);

  *pte |= DESC_PXN;
  cpu_vm_run (t, TEST_CODE + 0x800);
  cpu_vm_run (t, va);
  assert_int_equal (cpu_vm_get (cpu, REG_ESR), 0x21u << 26 | 1 << 25 | 0x0f);
  cpu_vm_free (t);
}

// More code than the arena holds.
static void
test_arena_full (void **state)
{
  CpuVm *t = cpu_vm_new (1);
  A64Cpu *cpu = cpu_vm_cpu (t, 0);
  enum { N_WORDS = 0x900000 / 4 };
  uint32_t *code = cpu_vm_host (t, TEST_RAM_BASE + 0x200000);
  bool emptied = false;

  (void) state;
  caches (cpu, true);
  cpu_vm_enter (cpu, 1, 0xf);
  // A chain of blocks of three: add x1; add x1; b .+4.
  for (unsigned i = 0; i < N_WORDS; i++)
    code[i] = i % 3 == 2 ? 0x14000001 : ADD_X1_1;
  code[N_WORDS - 1] = INSN_HVC;
  for (unsigned turn = 0; turn < 2; turn++) {
    cpu->x[1] = 0;
    assert_int_equal (cpu_vm_run (t, TEST_RAM_BASE + 0x200000), N_WORDS - 1);
    assert_int_equal (cpu->x[1], N_WORDS / 3 * 2 + (N_WORDS % 3 > 1));
    emptied |= cpu->blocks->used_bytes < A64_BLOCK_ARENA_BYTES / 2;
    assert_true (cpu->blocks->used_bytes <= A64_BLOCK_ARENA_BYTES);
  }
  assert_true (emptied);
  cpu_vm_free (t);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_maintenance), cmocka_unit_test (test_other_page),
      cmocka_unit_test (test_uncached),    cmocka_unit_test (test_code_changed),
      cmocka_unit_test (test_kept),        cmocka_unit_test (test_self_modifying),
      cmocka_unit_test (test_counting),    cmocka_unit_test (test_branches_in_block),
      cmocka_unit_test (test_aliases),     cmocka_unit_test (test_remapped_code),
      cmocka_unit_test (test_arena_full),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
