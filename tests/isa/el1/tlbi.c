// SPDX-License-Identifier: GPL-3.0-or-later
// cpus: 2
// TLB maintenance (D8.13): after each TLBI that covers it, and the DSB, the old translation is
// gone: of pages, blocks and tables, of the ASID in use and of others, for both Exception levels,
// as data and as code, and on the other CPU. And ASIDs keep translations apart without any TLBI.
#include "el1.h"

#define VA 0x3123456000 // 4 KiB granule

CODE (c_ldr, "ldr x2, [x0]");
CODE (c_ldtr, "ldtr x2, [x0]");

static Space space;
static u64 old_page, new_page;

// The operand of TLBI by VA and by ASID, of a range of (num + 1) << (5 * scale + 1) granules.
static u64
by_va (u64 va, u64 asid)
{
  return asid << 48 | (va >> 12 & 0xfffffffffff);
}

static u64
by_range (u64 va, u64 asid, unsigned page_bits, unsigned scale, unsigned num)
{
  return asid << 48 | (u64) ((page_bits - 12) / 2 + 1) << 46 | (u64) scale << 44 | (u64) num << 39 |
         (va >> page_bits & 0x1fffffffff);
}

typedef enum Operand {
  NOTHING,
  THE_VA,
  THE_ASID,
  A_RANGE,
} Operand;

typedef struct Op {
  const char *what;
  void (*run) (u64 operand);
  Operand operand;
  bool any_asid;
  bool last_level; // table entries above the last level may stay
  bool shared;     // reaches the other CPU
} Op;

#define SYS_OP(label, op1, crm, op2)                                                               \
  static void op_##label (u64 operand)                                                             \
  {                                                                                                \
    asm volatile("dsb sy\n sys #" #op1 ", c8, c" #crm ", #" #op2                                   \
                 ", %0\n dsb sy\n isb" ::"r"(operand)                                              \
                 : "memory");                                                                      \
  }
#define GROUP(suffix, crm, range_crm)                                                              \
  SYS_OP (vmalle1##suffix, 0, crm, 0)                                                              \
  SYS_OP (vae1##suffix, 0, crm, 1)                                                                 \
  SYS_OP (aside1##suffix, 0, crm, 2)                                                               \
  SYS_OP (vaae1##suffix, 0, crm, 3)                                                                \
  SYS_OP (vale1##suffix, 0, crm, 5)                                                                \
  SYS_OP (vaale1##suffix, 0, crm, 7)                                                               \
  SYS_OP (rvae1##suffix, 0, range_crm, 1)                                                          \
  SYS_OP (rvaae1##suffix, 0, range_crm, 3)                                                         \
  SYS_OP (rvale1##suffix, 0, range_crm, 5)                                                         \
  SYS_OP (rvaale1##suffix, 0, range_crm, 7)
GROUP (, 7, 6)
GROUP (is, 3, 2)
GROUP (os, 1, 5)

#define ROWS(suffix, shared)                                                                       \
  {"vmalle1" #suffix, op_vmalle1##suffix, NOTHING, true, false, shared},                           \
      {"vae1" #suffix, op_vae1##suffix, THE_VA, false, false, shared},                             \
      {"aside1" #suffix, op_aside1##suffix, THE_ASID, false, false, shared},                       \
      {"vaae1" #suffix, op_vaae1##suffix, THE_VA, true, false, shared},                            \
      {"vale1" #suffix, op_vale1##suffix, THE_VA, false, true, shared},                            \
      {"vaale1" #suffix, op_vaale1##suffix, THE_VA, true, true, shared},                           \
      {"rvae1" #suffix, op_rvae1##suffix, A_RANGE, false, false, shared},                          \
      {"rvaae1" #suffix, op_rvaae1##suffix, A_RANGE, true, false, shared},                         \
      {"rvale1" #suffix, op_rvale1##suffix, A_RANGE, false, true, shared},                         \
  {                                                                                                \
    "rvaale1" #suffix, op_rvaale1##suffix, A_RANGE, true, true, shared                             \
  }

static const Op ops[] = {ROWS (, false), ROWS (is, true), ROWS (os, true)};

enum { N_OPS = sizeof ops / sizeof *ops };

static void
run_op (const Op *op, u64 va, u64 asid)
{
  u64 base = va & ~(BIT (space.page_bits) - 1);

  switch (op->operand) {
  case NOTHING:
    op->run (0);
    break;
  case THE_VA:
    op->run (by_va (va, asid));
    break;
  case THE_ASID:
    op->run (asid << 48);
    break;
  case A_RANGE:
    // Two granules from the one before.
    op->run (by_range (base - BIT (space.page_bits), asid, space.page_bits, 0, 0));
    break;
  }
}

// Switches ASID, keeping the tables.
static void
use_asid (u64 asid)
{
  WRITE (ttbr0_el1, (u64) space.root | asid << 48);
}

static u64
load (u64 va)
{
  return run (c_ldr, EL0, va, 0)->x[2];
}

// Brings `va` into every TLB there may be: loads of both levels, LDTR, a fetch.
static void
warm (u64 va)
{
  run (c_ldr, EL0, va, 0);
  run (c_ldr, EL1H, va, 0);
  run (c_ldtr, EL1H, va, 0);
  run_at (va, EL0, 0, 0);
}

// A bit for each kind of access that still works.
static u64
still_works (u64 va)
{
  u64 result = 0;

  result |= run (c_ldr, EL0, va, 0)->esr == ESR_END ? 1 : 0;
  result |= run (c_ldr, EL1H, va, 0)->esr == ESR_END ? 2 : 0;
  result |= run (c_ldtr, EL1H, va, 0)->esr == ESR_END ? 4 : 0;
  result |= run_at (va, EL0, 0, 0)->esr >> EC_SHIFT == 0x15 ? 8 : 0;
  return result;
}

// ---- every operation ------------------------------------------------------------------------

// `level` is that of the mapping; `cut` the level of the entry that is taken away.
static void
check_op (const char *how, const Op *op, u64 va, unsigned level, unsigned cut, u64 bits,
          u64 own_asid, u64 asid)
{
  u64 size = BIT (level_shift (&space, level));

  map (&space, va & ~(size - 1), old_page & ~(size - 1), level, D_RAM | D_EL0 | D_RO | bits);
  use_asid (asid);
  sync ();
  warm (va);
  u64 *entry = entry_at (&space, va, cut), before = *entry;
  *entry = 0;
  use_asid (own_asid);
  run_op (op, va, asid);
  use_asid (asid);
  check (name ("%s-%s", op->what, how), still_works (va), 0);
  *entry = before;
  *entry_at (&space, va, level) = 0;
  flush_tlb ();
}

static void
test_ops (const char *granule)
{
  u64 va = VA & ~(BIT (space.page_bits) - 1);

  for (unsigned i = 0; i < N_OPS; i++) {
    const Op *op = &ops[i];

    check_op (name ("%s-page-ng", granule), op, va + 0x100, 3, 3, D_NG, 1, 1);
    check_op (name ("%s-page-ng-other-asid", granule), op, va + 0x100, 3, 3, D_NG, 2, 1);
    if (op->operand != THE_ASID)
      check_op (name ("%s-page-global", granule), op, va + 0x100, 3, 3, 0, 1, 1);
    if (op->operand != A_RANGE) {
      u64 in_block = (va & ~(BIT (level_shift (&space, 2)) - 1)) + 0x200000000 + 0x101000;

      check_op (name ("%s-block-ng", granule), op, in_block, 2, 2, D_NG, 1, 1);
    }
    if (!op->last_level && op->operand != THE_ASID)
      check_op (name ("%s-table", granule), op, va + 0x100, 3, 2, 0, 1, 1);
  }
}

// ---- ranges ---------------------------------------------------------------------------------

// A range covers exactly what it says, at least: the first and the last of many pages go.
static void
test_range_sizes (void)
{
  static const struct {
    unsigned scale, num;
  } sizes[] = {{0, 0}, {0, 1}, {0, 31}, {1, 0}, {1, 7}, {2, 0}, {3, 0}};

  for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    u64 pages = (u64) (sizes[i].num + 1) << (5 * sizes[i].scale + 1);
    u64 first = 0x3200000000, last = first + (pages - 1) * 0x1000;
    u64 at[3] = {first, last, first + pages / 2 * 0x1000};

    for (unsigned k = 0; k < 3; k++)
      map (&space, at[k], old_page, 3, D_RAM | D_EL0 | D_RO | D_NG);
    use_asid (1);
    flush_tlb ();
    for (unsigned k = 0; k < 3; k++)
      warm (at[k]);
    for (unsigned k = 0; k < 3; k++)
      *entry_at (&space, at[k], 3) = 0;
    op_rvae1is (by_range (first, 1, 12, sizes[i].scale, sizes[i].num));
    u64 alive = still_works (at[0]) | still_works (at[1]) << 4 | still_works (at[2]) << 8;
    check (name ("range-%x-pages", pages), alive, 0);
  }
}

// ---- ASIDs ----------------------------------------------------------------------------------

// Two address spaces with the same addresses. Nothing is invalidated in between.
static void
test_asids (void)
{
  Space other;
  u64 va = VA;

  space_init (&other, 12, 48, true);
  map (&space, va, old_page, 3, D_RAM | D_EL0 | D_RO | D_NG);
  map (&other, va, new_page, 3, D_RAM | D_EL0 | D_RO | D_NG);
  flush_tlb ();
  bool apart = true;
  for (unsigned i = 0; i < 64; i++) {
    bool is_other = i & 1;
    WRITE (ttbr0_el1, (u64) (is_other ? other.root : space.root) | (u64) (is_other ? 7 : 8) << 48);
    u64 expected = is_other ? 2 : 1;
    apart &= load (va) == expected && run (c_ldr, EL1H, va, 0)->x[2] == expected &&
             run (c_ldtr, EL1H, va, 0)->x[2] == expected;
  }
  check_that ("asids-apart", apart);
  // More ASIDs than any cache of them has room for.
  apart = true;
  for (unsigned i = 0; i < 200; i++) {
    bool is_other = i % 3 == 1;
    u64 asid = (i % 40) * 3 + is_other;
    WRITE (ttbr0_el1, (u64) (is_other ? other.root : space.root) | asid << 48);
    op_aside1 (asid << 48);
    apart &= load (va) == (is_other ? 2 : 1);
  }
  check_that ("asids-many", apart);

  // Eight bits of ASID: 0x105 and 0x005 are the same one; of sixteen they are not.
  WRITE (ttbr0_el1, (u64) space.root | (u64) 0x105 << 48);
  flush_tlb ();
  warm (va);
  *entry_at (&space, va, 3) = 0;
  op_aside1 ((u64) 0x005 << 48);
  check ("asid-8-bits", still_works (va), 0);
  map (&space, va, old_page, 3, D_RAM | D_EL0 | D_RO | D_NG);
  if ((READ (id_aa64mmfr0_el1) >> 4 & 0xf) == 2) {
    WRITE (tcr_el1, READ (tcr_el1) | TCR_AS);
    flush_tlb ();
    apart = true;
    for (unsigned i = 0; i < 8; i++) {
      bool is_other = i & 1;
      WRITE (ttbr0_el1,
             (u64) (is_other ? other.root : space.root) | (u64) (is_other ? 0x105 : 0x005) << 48);
      apart &= load (va) == (is_other ? 2 : 1);
    }
    check_that ("asid-16-bits", apart);
    WRITE (tcr_el1, READ (tcr_el1) & ~TCR_AS);
  }
  // TCR_EL1.A1: the ASID is TTBR1's.
  WRITE (tcr_el1, READ (tcr_el1) | TCR_A1);
  flush_tlb ();
  apart = true;
  for (unsigned i = 0; i < 8; i++) {
    bool is_other = i & 1;
    WRITE (ttbr1_el1, (u64) (is_other ? 21 : 22) << 48);
    WRITE (ttbr0_el1, is_other ? other.root : space.root);
    apart &= load (va) == (is_other ? 2 : 1);
  }
  check_that ("asid-a1", apart);
  WRITE (tcr_el1, READ (tcr_el1) & ~TCR_A1);
  *entry_at (&space, va, 3) = 0;
  use_asid (0);
  flush_tlb ();
}

// A mapping that becomes valid needs no maintenance (D8.13.1).
static void
test_fault_is_not_kept (void)
{
  u64 va = VA + 0x5100;

  check ("invalid-at-first", still_works (va), 0);
  map (&space, va, old_page, 3, D_RAM | D_EL0 | D_RO);
  sync ();
  check ("valid-without-tlbi", still_works (va), 15);
  *entry_at (&space, va, 3) &= ~(u64) D_AF;
  flush_tlb ();
  check ("access-flag-0", still_works (va), 0);
  *entry_at (&space, va, 3) |= D_AF;
  sync ();
  check ("access-flag-without-tlbi", still_works (va), 15);
}

// ---- the other CPU --------------------------------------------------------------------------

static volatile u32 turn;
static volatile u64 second_sees;

static void
second (void)
{
  mmu_on (&space, 0, 0, 0);
  use_asid (1);
  for (;;) {
    while (turn & 1)
      ;
    if (turn > 4 * N_OPS)
      break;
    second_sees = still_works (VA + 0x100);
    DO ("dsb sy");
    turn++;
  }
}

static void
test_broadcast (void)
{
  map (&space, VA, old_page, 3, D_RAM | D_EL0 | D_RO | D_NG);
  sync ();
  turn = 1;
  use_asid (1);
  if (!second_start (second)) {
    check_that ("second-cpu", false);
    return;
  }
  for (unsigned i = 0; i < N_OPS; i++) {
    const Op *op = &ops[i];

    map (&space, VA, old_page, 3, D_RAM | D_EL0 | D_RO | D_NG);
    sync ();
    turn++;
    bool answered = wait_for (&turn, 4 * i + 3);
    if (op->shared)
      check (name ("%s-second-before", op->what), second_sees | !answered << 8, 15);
    *entry_at (&space, VA, 3) = 0;
    run_op (op->shared ? op : &ops[10], VA, 1);
    turn++;
    answered = wait_for (&turn, 4 * i + 5);
    if (op->shared)
      check (name ("%s-second-after", op->what), second_sees | !answered << 8, 0);
  }
  turn++;
  second_wait_off ();
}

static void
test_granule (const char *granule, unsigned page_bits)
{
  mmu_off ();
  space_init (&space, page_bits, 48, true);
  mmu_on (&space, 0, 0, 0);
  test_ops (granule);
}

void
test_main (void)
{
  old_page = page_new ();
  new_page = page_new ();
  // Data by which they differ; as code, SVC.
  for (unsigned i = 0; i < 0x10000; i += 4)
    MMIO32 (old_page + i) = 0xd4000021;
  *(volatile u64 *) old_page = 1;
  *(volatile u64 *) new_page = 2;
  test_granule ("16k", 14);
  test_granule ("64k", 16);
  test_granule ("4k", 12);
  test_range_sizes ();
  test_asids ();
  test_fault_is_not_kept ();
  test_broadcast ();
}
