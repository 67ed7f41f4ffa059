// SPDX-License-Identifier: GPL-3.0-or-later
// What the TLBs keep and what makes them forget: every TLBI, ASIDs, blocks, PAN, tagged addresses.
// Each case changes a descriptor under a translation that was used, so that a stale one shows
// (Arm ARM D8.13).
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "engine/guest/aarch64/access.h"
#include "engine/guest/aarch64/block.h"
#include "engine/guest/aarch64/exception.h"
#include "engine/guest/aarch64/run.h"
#include "engine/guest/aarch64/sysop.h"
#include "tests/unit/guest/cpu-vm.h"

enum {
  OLD = TEST_DATA + 0x8000, // what the page was
  NEW = TEST_DATA + 0x9000, // what it becomes
};

// Four mappings, each first used and then moved from OLD to NEW.
typedef enum What {
  GLOBAL,   // 4K page, global
  MINE,     // 4K page of ASID 1
  OTHERS,   // the same page as ASID 2 sees it
  MY_BLOCK, // piece of a 2M block of ASID 1
  N_WHAT,
} What;

#define VA_GLOBAL UINT64_C (0x100000)
#define VA_MINE   UINT64_C (0x7654321000)
#define VA_BLOCK  UINT64_C (0x7600000000)

static const GuestVaddr va_of[N_WHAT] = {VA_GLOBAL, VA_MINE, VA_MINE, VA_BLOCK + 0x8000};

typedef struct Guest {
  CpuVm *t;
  GuestAddr root[3]; // of ASID 1 and 2
  uint64_t *pte[N_WHAT];
  A64Block *block; // stands for the running one where an access raises
} Guest;

static void
set_asid (Guest *g, A64Cpu *cpu, uint16_t asid)
{
  cpu_vm_set (cpu, REG_TTBR0, g->root[asid] | (uint64_t) asid << 48);
}

static uint64_t
leaf (GuestAddr pa, bool global)
{
  return pa | DESC_AF | DESC_EL0 | (global ? 0 : DESC_NG);
}

static uint64_t
block_leaf (GuestAddr pa)
{
  return (pa & ~(GuestAddr) 0x1fffff) | DESC_AF | DESC_EL0 | DESC_NG;
}

static Guest
new_guest (unsigned n_cpus)
{
  Guest g = {.t = cpu_vm_new (n_cpus), .block = g_malloc0 (sizeof (A64Block) + sizeof (A64Op))};

  for (unsigned asid = 1; asid <= 2; asid++) {
    g.root[asid] = cpu_vm_mmu_on (g.t, cpu_vm_cpu (g.t, 0), 0);
    cpu_vm_map (g.t, g.root[asid], &(TestMap){12, VA_MINE, 3, leaf (OLD, false), 0});
  }
  g.pte[GLOBAL] = cpu_vm_map (g.t, g.root[1], &(TestMap){12, VA_GLOBAL, 3, leaf (OLD, true), 0});
  cpu_vm_map (g.t, g.root[2], &(TestMap){12, VA_GLOBAL, 3, leaf (OLD, true), 0});
  g.pte[MINE] = cpu_vm_map (g.t, g.root[1], &(TestMap){12, VA_MINE, 3, leaf (OLD, false), 0});
  g.pte[OTHERS] = cpu_vm_map (g.t, g.root[2], &(TestMap){12, VA_MINE, 3, leaf (OLD, false), 0});
  g.pte[MY_BLOCK] = cpu_vm_map (g.t, g.root[1], &(TestMap){12, VA_BLOCK, 2, block_leaf (OLD), 0});
  for (unsigned i = 0; i < n_cpus; i++) {
    A64Cpu *cpu = cpu_vm_cpu (g.t, i);

    if (i > 0) {
      cpu_vm_set (cpu, REG_MAIR, 0x00ff);
      cpu_vm_set (cpu, REG_TCR, TCR_48 (0, 2));
      cpu_vm_set (cpu, REG_SCTLR, A64_SCTLR_RESET | A64_SCTLR_M | A64_SCTLR_I);
    }
    cpu->block = g.block;
    set_asid (&g, cpu, 1);
  }
  return g;
}

static void
free_guest (Guest *g)
{
  g_free (g->block);
  cpu_vm_free (g->t);
}

// The 8 bytes at va with the rights of `el`; 0 on a fault.
static uint64_t
load (A64Cpu *cpu, unsigned el, GuestVaddr va)
{
  uint64_t value;

  cpu_vm_enter (cpu, el, 0xf);
  bool ok = a64_load64 (cpu, cpu->block->ops, va, &value);
  cpu_vm_enter (cpu, 1, 0xf);
  return ok ? value : 0;
}

// Both pages say which they are, at the offset a block piece looks at too.
static void
fill_pages (Guest *g)
{
  *(uint64_t *) cpu_vm_host (g->t, OLD) = OLD;
  *(uint64_t *) cpu_vm_host (g->t, NEW) = NEW;
}

static void
use_all (Guest *g, A64Cpu *cpu, unsigned el)
{
  set_asid (g, cpu, 2);
  assert_int_equal (load (cpu, el, va_of[OTHERS]), OLD);
  set_asid (g, cpu, 1);
  assert_int_equal (load (cpu, el, va_of[GLOBAL]), OLD);
  assert_int_equal (load (cpu, el, va_of[MINE]), OLD);
  // The block maps the 2 MiB OLD lies in.
  assert_int_equal (load (cpu, el, VA_BLOCK + (OLD & 0x1fffff)), OLD);
}

static void
move_all (Guest *g)
{
  *g->pte[GLOBAL] = leaf (NEW, true) | 3;
  *g->pte[MINE] = *g->pte[OTHERS] = leaf (NEW, false) | 3;
  *g->pte[MY_BLOCK] = 0;
}

// True when the move of `what` is seen.
static bool
forgotten (Guest *g, A64Cpu *cpu, unsigned el, What what)
{
  GuestVaddr va = what == MY_BLOCK ? VA_BLOCK + (OLD & 0x1fffff) : va_of[what];

  set_asid (g, cpu, what == OTHERS ? 2 : 1);
  return load (cpu, el, va) != OLD;
}

static void
run_sysop (A64Cpu *cpu, uint32_t op1, uint32_t crn, uint32_t crm, uint32_t op2, uint64_t value)
{
  uint32_t insn = 0xd5080000 | op1 << 16 | crn << 12 | crm << 8 | op2 << 5;
  int index = a64_sysop_find (insn);

  assert_true (index >= 0);
  cpu_vm_enter (cpu, 1, 0xf);
  assert_true (a64_sysop_run (cpu, cpu->block->ops, index, value));
}

#define ASID(n) ((uint64_t) (n) << 48)
// TLBI by range, 4K granule: (num + 1) << (5 * scale + 1) pages.
#define RANGE(asid, scale, num, va)                                                                \
  (ASID (asid) | (uint64_t) 1 << 46 | (uint64_t) (scale) << 44 | (uint64_t) (num) << 39 |          \
   (va) >> 12)

typedef struct TlbiCase {
  const char *what;
  uint32_t crm, op2; // op1 0, CRn 8
  uint64_t value;
  const char *must; // digits of What that have to go
  const char *kept; // and those that need not, and here do not
} TlbiCase;

static const TlbiCase tlbi_cases[] = {
    {"VMALLE1", 7, 0, 0, "0123", ""},
    {"ASIDE1, ASID 1", 7, 2, ASID (1), "13", "02"},
    {"ASIDE1, ASID 2", 7, 2, ASID (2), "2", "013"},
    {"VAE1, my page", 7, 1, ASID (1) | VA_MINE >> 12, "1", "023"},
    {"VAE1, page of ASID 2", 7, 1, ASID (2) | VA_MINE >> 12, "2", "03"},
    {"VAE1, global page under any ASID", 7, 1, ASID (7) | VA_GLOBAL >> 12, "0", "123"},
    {"VALE1, my page, level hint", 7, 5, ASID (1) | UINT64_C (7) << 44 | VA_MINE >> 12, "1", "023"},
    {"VAE1, another page of the block", 7, 1, ASID (1) | (VA_BLOCK + 0x55000) >> 12, "3", ""},
    {"VAAE1", 7, 3, VA_MINE >> 12, "12", "03"},
    {"VAALE1", 7, 7, VA_MINE >> 12, "12", "03"},
    {"VAE1 of an unrelated page", 7, 1, ASID (1) | 0x123, "", "0123"},
    {"RVAE1, two pages", 6, 1, RANGE (1, 0, 0, VA_MINE - 0x1000), "1", "023"},
    {"RVAE1, two pages just below", 6, 1, RANGE (1, 0, 0, VA_MINE - 0x2000), "", "0123"},
    {"RVAAE1, 128 pages", 6, 3, RANGE (0, 1, 1, VA_MINE - 0x40000), "12", "03"},
    {"RVALE1", 6, 5, RANGE (1, 0, 3, VA_MINE), "1", "023"},
    {"RVAE1, a great many pages", 6, 1, RANGE (1, 3, 31, 0), "01", ""},
    {"RVAE1, reserved granule", 6, 1, VA_MINE >> 12, "", "0123"},
};

static void
check_tlbi (const TlbiCase *c, unsigned el, bool local)
{
  Guest g = new_guest (2);
  // Shareable ones are issued on CPU 1 and looked at on CPU 0.
  A64Cpu *cpu = cpu_vm_cpu (g.t, 0), *issuer = cpu_vm_cpu (g.t, local ? 0 : 1);
  static const uint8_t shared_crm[8] = {[7] = 3, [6] = 2};

  fill_pages (&g);
  use_all (&g, cpu, el);
  move_all (&g);
  for (unsigned what = 0; what < N_WHAT; what++)
    if (forgotten (&g, cpu, el, what) && el == 0)
      fail_msg ("%s: %u was not kept before", c->what, what);
  set_asid (&g, cpu, 1);
  run_sysop (issuer, 0, 8, local ? c->crm : shared_crm[c->crm], c->op2, c->value);
  for (unsigned what = 0; what < N_WHAT; what++) {
    bool gone = forgotten (&g, cpu, el, what);

    if (!gone && strchr (c->must, '0' + what) != NULL)
      fail_msg ("%s: EL%u still sees the old %u", c->what, el, what);
    if (gone && strchr (c->kept, '0' + what) != NULL && el == 0)
      fail_msg ("%s: EL%u lost %u", c->what, el, what);
  }
  free_guest (&g);
}

static void
test_tlbi (void **state)
{
  (void) state;
  for (size_t i = 0; i < G_N_ELEMENTS (tlbi_cases); i++)
    for (unsigned el = 0; el < 2; el++) {
      check_tlbi (&tlbi_cases[i], el, true);
      check_tlbi (&tlbi_cases[i], el, false);
    }
}

// More ASIDs than contexts: each sees its own page, whatever was there before.
static void
test_many_asids (void **state)
{
  Guest g = new_guest (1);
  A64Cpu *cpu = cpu_vm_cpu (g.t, 0);
  enum { N = 40 };
  GuestAddr roots[N];

  (void) state;
  for (unsigned i = 0; i < N; i++) {
    GuestAddr page = TEST_RAM_BASE + 0x800000 + i * 0x1000;

    roots[i] = cpu_vm_new_table (g.t, 12);
    *(uint64_t *) cpu_vm_host (g.t, page) = i + 1;
    cpu_vm_map (g.t, roots[i], &(TestMap){12, VA_MINE, 3, leaf (page, false), 0});
  }
  for (unsigned turn = 0; turn < 3; turn++)
    for (unsigned i = 0; i < N; i++) {
      cpu_vm_set (cpu, REG_TTBR0, roots[i] | (uint64_t) (i + 10) << 48);
      assert_int_equal (load (cpu, 0, VA_MINE), i + 1);
      assert_int_equal (load (cpu, 1, VA_MINE), i + 1);
    }
  free_guest (&g);
}

// Generations of ASIDs run out after 65535 of them; the table then starts afresh.
static void
test_many_flushes (void **state)
{
  Guest g = new_guest (1);
  A64Cpu *cpu = cpu_vm_cpu (g.t, 0);

  (void) state;
  fill_pages (&g);
  for (unsigned i = 0; i < 70000; i++)
    run_sysop (cpu, 0, 8, 7, 2, ASID (1));
  use_all (&g, cpu, 0);
  move_all (&g);
  run_sysop (cpu, 0, 8, 7, 2, ASID (1));
  assert_true (forgotten (&g, cpu, 0, MINE));
  free_guest (&g);
}

// The first and last entries of every piece in which a flush goes through the tables.
static void
test_whole_tables (void **state)
{
  const GuestVaddr base = UINT64_C (0x40000000);
  enum { N = 2 * 64, STEP = A64_TLB_SIZE / 64 };
  Guest g = new_guest (1);
  A64Cpu *cpu = cpu_vm_cpu (g.t, 0);
  unsigned kept = 0;

  (void) state;
  fill_pages (&g);
  for (unsigned i = 0; i < N; i++) {
    GuestVaddr va = base + (i / 2 * STEP + i % 2 * (STEP - 1)) * (GuestVaddr) A64_PAGE_SIZE;

    cpu_vm_map (g.t, g.root[1], &(TestMap){12, va, 3, leaf (OLD, true), 0});
    for (unsigned el = 0; el < 2; el++) {
      cpu_vm_enter (cpu, el, 0xf);
      assert_true (a64_store64 (cpu, cpu->block->ops, va, OLD));
      cpu_vm_enter (cpu, 1, 0xf);
      assert_int_equal (load (cpu, el, va), OLD);
    }
    kept += a64_tlb_lookup (cpu->ctx_el0->rd, va, 8) && a64_tlb_lookup (cpu->ctx_el0->wr, va, 8);
  }
  assert_int_equal (kept, N);
  run_sysop (cpu, 0, 8, 7, 0, 0); // VMALLE1
  for (unsigned i = 0; i < A64_TLB_SIZE; i++) {
    assert_true (~cpu->ctx_el0->rd[i].tag == 0 && ~cpu->ctx_el0->wr[i].tag == 0);
    assert_true (~cpu->ctx_el1->rd[i].tag == 0 && ~cpu->ctx_el1->wr[i].tag == 0);
  }
  free_guest (&g);
}

// Under TBI a tagged address is a translation of its own in the first level; a TLBI means all.
static void
test_tagged (void **state)
{
  Guest g = new_guest (1);
  A64Cpu *cpu = cpu_vm_cpu (g.t, 0);
  const GuestVaddr tagged = VA_MINE | UINT64_C (0xa5) << 56;

  (void) state;
  fill_pages (&g);
  cpu_vm_set (cpu, REG_TCR, TCR_48 (0, 2) | (uint64_t) 1 << 37);
  assert_int_equal (load (cpu, 0, tagged), OLD);
  assert_int_equal (load (cpu, 0, tagged), OLD);
  move_all (&g);
  run_sysop (cpu, 0, 8, 7, 1, ASID (1) | VA_MINE >> 12);
  assert_int_equal (load (cpu, 0, tagged), NEW);
  free_guest (&g);
}

// Whoever asks other CPUs may have to do what they asked of him, TLB maintenance for one: the
// translated code he came from has to be looked at again.
static void
test_asking_others (void **state)
{
  static const struct {
    uint32_t op1, crn, crm, op2;
    bool asks;
  } cases[] = {
      {0, 8, 3, 0, true},   // TLBI VMALLE1IS
      {0, 8, 3, 1, true},   // TLBI VAE1IS
      {0, 8, 7, 0, false},  // TLBI VMALLE1
      {0, 7, 1, 0, true},   // IC IALLUIS
      {3, 7, 5, 1, true},   // IC IVAU
      {3, 7, 11, 1, false}, // DC CVAU
  };

  (void) state;
  for (unsigned n_cpus = 1; n_cpus <= 2; n_cpus++) {
    Guest g = new_guest (n_cpus);
    A64Cpu *cpu = cpu_vm_cpu (g.t, 0);

    fill_pages (&g);
    for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
      cpu->recheck = false;
      run_sysop (cpu, cases[i].op1, cases[i].crn, cases[i].crm, cases[i].op2, VA_MINE);
      assert_int_equal (cpu->recheck, cases[i].asks && n_cpus > 1);
    }
    cpu->recheck = false;
    a64_wait_for_posted (cpu);
    assert_int_equal (cpu->recheck, n_cpus > 1);
    free_guest (&g);
  }
}

// A first write makes a page dirty even though a read is already in the TLB.
static void
test_dirty_after_read (void **state)
{
  Guest g = new_guest (1);
  A64Cpu *cpu = cpu_vm_cpu (g.t, 0);

  (void) state;
  fill_pages (&g);
  cpu_vm_set (cpu, REG_TCR, TCR_48 (0, 2) | (uint64_t) 3 << 39);
  *g.pte[MINE] = leaf (OLD, false) | DESC_RO | DESC_DBM | 3;
  assert_int_equal (load (cpu, 1, VA_MINE), OLD);
  assert_true (*g.pte[MINE] & DESC_RO);
  assert_true (a64_store64 (cpu, g.block->ops, VA_MINE + 8, 5));
  assert_false (*g.pte[MINE] & DESC_RO);
  assert_true (a64_store64 (cpu, g.block->ops, VA_MINE + 16, 6));
  assert_int_equal (((uint64_t *) cpu_vm_host (g.t, OLD))[2], 6);
  free_guest (&g);
}

// AT: the physical address or the fault in PAR_EL1, and no side effect on the descriptor.
static void
test_at (void **state)
{
  Guest g = new_guest (1);
  A64Cpu *cpu = cpu_vm_cpu (g.t, 0);

  (void) state;
  run_sysop (cpu, 0, 7, 8, 0, VA_MINE + 0x123);
  assert_int_equal (cpu_vm_get (cpu, REG_PAR) & 0xfffffffff001, OLD);
  assert_int_equal (cpu_vm_get (cpu, REG_PAR) >> 56, 0xff);
  run_sysop (cpu, 0, 7, 8, 0, VA_MINE + 0x1000);
  assert_int_equal (cpu_vm_get (cpu, REG_PAR), 1 << 11 | 0x07 << 1 | 1);
  // S1E1RP looks at PAN, S1E1R does not.
  a64_set_pan (cpu, true);
  run_sysop (cpu, 0, 7, 8, 0, VA_MINE);
  assert_int_equal (cpu_vm_get (cpu, REG_PAR) & 1, 0);
  run_sysop (cpu, 0, 7, 9, 0, VA_MINE);
  assert_int_equal (cpu_vm_get (cpu, REG_PAR) & 0x7f, 0x0f << 1 | 1);
  free_guest (&g);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_tlbi),         cmocka_unit_test (test_many_asids),
      cmocka_unit_test (test_many_flushes), cmocka_unit_test (test_whole_tables),
      cmocka_unit_test (test_tagged),       cmocka_unit_test (test_dirty_after_read),
      cmocka_unit_test (test_at),           cmocka_unit_test (test_asking_others),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
