// SPDX-License-Identifier: GPL-3.0-or-later
// The table walk: addresses and fault codes of every granule and level, permissions, hierarchical
// attributes, access flag and dirty state. Cases are data (Arm ARM D8).
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "engine/guest/aarch64/mmu.h"
#include "tests/unit/guest/cpu-vm.h"

#define PAGE_4K  0, 2, 12
#define PAGE_16K 2, 1, 14
#define PAGE_64K 1, 3, 16
#define ANY      UINT64_C (0x123456789000)
#define HIGH     UINT64_C (0xffff123456789000)

typedef struct WalkCase {
  const char *what;
  unsigned tg0, tg1, page_bits;
  GuestVaddr va;
  unsigned level;
  uint64_t descriptor;
  uint64_t table_flags;
  uint64_t tcr; // beside sizes and granules
  A64Request request;
  int fsc; // -1: no fault
  GuestAddr pa;
} WalkCase;

#define OUT UINT64_C (0x40000000)

static const WalkCase walk_cases[] = {
    {"4K page", PAGE_4K, ANY, 3, OUT | DESC_AF, 0, 0, {A64_READ, 1}, -1, OUT},
    {"4K page, upper half", PAGE_4K, HIGH, 3, OUT | DESC_AF, 0, 0, {A64_READ, 1}, -1, OUT},
    {"2M block", PAGE_4K, ANY, 2, OUT | DESC_AF, 0, 0, {A64_READ, 1}, -1, OUT + 0x189000},
    {"1G block", PAGE_4K, ANY, 1, OUT | DESC_AF, 0, 0, {A64_READ, 1}, -1, OUT + 0x16789000},
    {"512G block is reserved", PAGE_4K, ANY, 0, DESC_AF, 0, 0, {A64_READ, 1}, 0x04, 0},
    {"16K page", PAGE_16K, ANY, 3, OUT | DESC_AF, 0, 0, {A64_READ, 1}, -1, OUT + 0x1000},
    {"16K page, upper half",
     PAGE_16K,
     HIGH,
     3,
     OUT | DESC_AF,
     0,
     0,
     {A64_READ, 1},
     -1,
     OUT + 0x1000},
    {"32M block", PAGE_16K, ANY, 2, OUT | DESC_AF, 0, 0, {A64_READ, 1}, -1, OUT + 0x789000},
    {"16K level 1 block is reserved", PAGE_16K, ANY, 1, DESC_AF, 0, 0, {A64_READ, 1}, 0x05, 0},
    {"64K page", PAGE_64K, ANY, 3, OUT | DESC_AF, 0, 0, {A64_READ, 1}, -1, OUT + 0x9000},
    {"512M block", PAGE_64K, ANY, 2, OUT | DESC_AF, 0, 0, {A64_READ, 1}, -1, OUT + 0x16789000},
    {"64K level 1 block is reserved", PAGE_64K, ANY, 1, DESC_AF, 0, 0, {A64_READ, 1}, 0x05, 0},
    {"no access flag, page", PAGE_4K, ANY, 3, OUT, 0, 0, {A64_READ, 1}, 0x0b, 0},
    {"no access flag, block", PAGE_4K, ANY, 1, OUT, 0, 0, {A64_READ, 1}, 0x09, 0},
    {"write to read-only", PAGE_4K, ANY, 3, OUT | DESC_AF | DESC_RO, 0, 0, {A64_WRITE, 1}, 0x0f, 0},
    {"write to a read-only block",
     PAGE_4K,
     ANY,
     2,
     OUT | DESC_AF | DESC_RO,
     0,
     0,
     {A64_WRITE, 1},
     0x0e,
     0},
    {"access flag before permission",
     PAGE_4K,
     ANY,
     3,
     OUT | DESC_RO,
     0,
     0,
     {A64_WRITE, 1},
     0x0b,
     0},
    {"APTable forbids EL0",
     PAGE_4K,
     ANY,
     3,
     OUT | DESC_AF | DESC_EL0,
     UINT64_C (1) << 61,
     0,
     {A64_READ, 0},
     0x0f,
     0},
    {"APTable is ignored under HPD0",
     PAGE_4K,
     ANY,
     3,
     OUT | DESC_AF | DESC_EL0,
     UINT64_C (1) << 61,
     UINT64_C (1) << 41,
     {A64_READ, 0},
     -1,
     OUT},
    {"HPD1 is the other half's",
     PAGE_4K,
     ANY,
     3,
     OUT | DESC_AF | DESC_EL0,
     UINT64_C (1) << 61,
     UINT64_C (1) << 42,
     {A64_READ, 0},
     0x0f,
     0},
    {"APTable forbids writing",
     PAGE_4K,
     ANY,
     3,
     OUT | DESC_AF,
     UINT64_C (1) << 62,
     0,
     {A64_WRITE, 1},
     0x0f,
     0},
    {"PXNTable", PAGE_4K, ANY, 3, OUT | DESC_AF, UINT64_C (1) << 59, 0, {A64_EXEC, 1}, 0x0f, 0},
    {"UXNTable", PAGE_4K, ANY, 3, OUT | DESC_AF, UINT64_C (1) << 60, 0, {A64_EXEC, 0}, 0x0f, 0},
    {"EPD0", PAGE_4K, ANY, 3, OUT | DESC_AF, 0, 1 << 7, {A64_READ, 1}, 0x04, 0},
    {"EPD1 is the other half's",
     PAGE_4K,
     ANY,
     3,
     OUT | DESC_AF,
     0,
     1 << 23,
     {A64_READ, 1},
     -1,
     OUT},
    {"E0PD0 for EL0",
     PAGE_4K,
     ANY,
     3,
     OUT | DESC_AF | DESC_EL0,
     0,
     UINT64_C (1) << 55,
     {A64_READ, 0},
     0x04,
     0},
    {"E0PD0 leaves EL1 alone",
     PAGE_4K,
     ANY,
     3,
     OUT | DESC_AF | DESC_EL0,
     0,
     UINT64_C (1) << 55,
     {A64_READ, 1},
     -1,
     OUT},
    {"not canonical",
     PAGE_4K,
     ANY | UINT64_C (1) << 56,
     3,
     OUT | DESC_AF,
     0,
     0,
     {A64_READ, 1},
     0x04,
     0},
    {"tagged under TBI0",
     PAGE_4K,
     ANY | UINT64_C (0x5a) << 56,
     3,
     OUT | DESC_AF,
     0,
     UINT64_C (1) << 37,
     {A64_READ, 1},
     -1,
     OUT},
    {"tagged under TBI1 only",
     PAGE_4K,
     ANY | UINT64_C (0x5a) << 56,
     3,
     OUT | DESC_AF,
     0,
     UINT64_C (1) << 38,
     {A64_READ, 1},
     0x04,
     0},
    {"page outside IPS",
     PAGE_4K,
     ANY,
     3,
     UINT64_C (1) << 40 | DESC_AF,
     0,
     0,
     {A64_READ, 1},
     -1,
     UINT64_C (1) << 40},
};

static uint64_t *
prepare (CpuVm *t, const WalkCase *c)
{
  A64Cpu *cpu = cpu_vm_cpu (t, 0);
  GuestAddr root = cpu_vm_new_table (t, c->page_bits);
  TestMap map = {c->page_bits, c->va, c->level, c->descriptor, c->table_flags};

  cpu_vm_set (cpu, REG_TCR, TCR_48 (c->tg0, c->tg1) | c->tcr);
  cpu_vm_set (cpu, REG_TTBR0, root);
  cpu_vm_set (cpu, REG_TTBR1, root);
  cpu_vm_set (cpu, REG_SCTLR, A64_SCTLR_RESET | A64_SCTLR_M);
  return cpu_vm_map (t, root, &map);
}

static void
test_walks (void **state)
{
  (void) state;
  for (size_t i = 0; i < G_N_ELEMENTS (walk_cases); i++) {
    const WalkCase *c = &walk_cases[i];
    CpuVm *t = cpu_vm_new (1);
    A64Translation out = {0};
    uint8_t fsc = 0xff;

    prepare (t, c);
    bool ok = a64_walk (cpu_vm_cpu (t, 0), c->va, &c->request, &out, &fsc);
    if (ok != (c->fsc < 0) || (ok ? out.pa != c->pa : fsc != c->fsc))
      fail_msg ("%s: ok %d, pa %#" PRIx64 ", fsc %#x", c->what, ok, out.pa, fsc);
    cpu_vm_free (t);
  }
}

// An unmapped address faults at the level where its table ends.
static void
test_translation_levels (void **state)
{
  static const struct {
    unsigned tg0, tg1, page_bits, level, fsc;
  } cases[] = {
      {PAGE_4K, 1, 0x05},  {PAGE_4K, 2, 0x06},  {PAGE_4K, 3, 0x07},  {PAGE_16K, 1, 0x05},
      {PAGE_16K, 2, 0x06}, {PAGE_16K, 3, 0x07}, {PAGE_64K, 2, 0x06}, {PAGE_64K, 3, 0x07},
  };

  (void) state;
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    CpuVm *t = cpu_vm_new (1);
    WalkCase c = {.tg0 = cases[i].tg0,
                  .tg1 = cases[i].tg1,
                  .page_bits = cases[i].page_bits,
                  .va = ANY,
                  .level = cases[i].level};
    A64Translation out;
    uint8_t fsc;

    *prepare (t, &c) = 0;
    assert_false (a64_walk (cpu_vm_cpu (t, 0), ANY, &(A64Request){A64_READ, 1}, &out, &fsc));
    assert_int_equal (fsc, cases[i].fsc);
    cpu_vm_free (t);
  }
}

// The walk with output and table addresses that do not fit, and tables that are not in RAM.
static void
test_bad_addresses (void **state)
{
  CpuVm *t = cpu_vm_new (1);
  A64Cpu *cpu = cpu_vm_cpu (t, 0);
  WalkCase c = {.page_bits = 12, .tg1 = 2, .va = ANY, .level = 3, .descriptor = DESC_AF};
  A64Request read = {A64_READ, 1};
  A64Translation out;
  uint8_t fsc;
  uint64_t *e = prepare (t, &c);

  (void) state;
  // IPS = 40 bits.
  cpu_vm_set (cpu, REG_TCR, (TCR_48 (0, 2) & ~((uint64_t) 7 << 32)) | (uint64_t) 2 << 32);
  assert_true (a64_walk (cpu, ANY, &read, &out, &fsc));
  *e |= (uint64_t) 1 << 40;
  assert_false (a64_walk (cpu, ANY, &read, &out, &fsc));
  assert_int_equal (fsc, 0x03);

  cpu_vm_set (cpu, REG_TTBR0, (uint64_t) 1 << 41);
  assert_false (a64_walk (cpu, ANY, &read, &out, &fsc));
  assert_int_equal (fsc, 0x00);
  // The device is no place for tables.
  cpu_vm_set (cpu, REG_TTBR0, TEST_MMIO_BASE);
  assert_false (a64_walk (cpu, ANY, &read, &out, &fsc));
  assert_int_equal (fsc, 0x14);
  cpu_vm_free (t);
}

// Permissions: AP[2:1], UXN, PXN against who asks (D8.4.1).
static void
test_permissions (void **state)
{
  static const struct {
    uint64_t descriptor;
    bool wxn, pan;
    // What EL1 and then EL0 may do: r, w, x.
    const char *el1, *el0;
  } cases[] = {
      {0, false, false, "rwx", "x"},
      {DESC_UXN, false, false, "rwx", ""},
      {DESC_PXN | DESC_UXN, false, false, "rw", ""},
      {DESC_EL0, false, false, "rw", "rwx"},
      {DESC_EL0 | DESC_UXN, false, false, "rw", "rw"},
      {DESC_RO, false, false, "rx", "x"},
      {DESC_RO | DESC_EL0, false, false, "rx", "rx"},
      {DESC_RO | DESC_EL0 | DESC_PXN, false, false, "r", "rx"},
      {DESC_EL0, false, true, "", "rwx"},
      {DESC_RO | DESC_EL0, false, true, "x", "rx"},
      {0, false, true, "rwx", "x"},
      {0, true, false, "rw", "x"},
      {DESC_EL0, true, false, "rw", "rw"},
      {DESC_RO | DESC_EL0, true, false, "rx", "rx"},
  };

  (void) state;
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    CpuVm *t = cpu_vm_new (1);
    WalkCase c = {.page_bits = 12,
                  .tg1 = 2,
                  .va = ANY,
                  .level = 3,
                  .descriptor = cases[i].descriptor | DESC_AF | OUT};
    A64Cpu *cpu = cpu_vm_cpu (t, 0);

    prepare (t, &c);
    cpu_vm_set (cpu, REG_SCTLR, A64_SCTLR_RESET | A64_SCTLR_M | (cases[i].wxn ? A64_SCTLR_WXN : 0));
    for (unsigned el = 0; el < 2; el++)
      for (unsigned access = 0; access < 3; access++) {
        const char *expected = el == 0 ? cases[i].el0 : cases[i].el1;
        A64Request request = {access, el, cases[i].pan && el == 1};
        A64Translation out;
        uint8_t fsc;
        bool ok = a64_walk (cpu, ANY, &request, &out, &fsc);

        if (ok != (strchr (expected, "rwx"[access]) != NULL) || (!ok && fsc != 0x0f))
          fail_msg ("case %zu: EL%u %c gives %d, fsc %#x", i, el, "rwx"[access], ok, fsc);
      }
    cpu_vm_free (t);
  }
}

// FEAT_HAFDBS: what a walk leaves in the descriptor.
static void
test_hardware_updates (void **state)
{
  const uint64_t ha = (uint64_t) 1 << 39, hd = (uint64_t) 1 << 40;
  const struct {
    uint64_t tcr, before;
    A64Request request;
    int fsc;
    uint64_t after;
    bool writable_after;
  } cases[] = {
      {ha, 0, {A64_READ, 1}, -1, DESC_AF, true},
      {ha, 0, {A64_READ, 1, .no_update = true}, -1, 0, true},
      {ha | hd, DESC_RO | DESC_DBM, {A64_READ, 1}, -1, DESC_RO | DESC_DBM | DESC_AF, false},
      {ha | hd, DESC_RO | DESC_DBM, {A64_WRITE, 1}, -1, DESC_DBM | DESC_AF, true},
      {ha | hd, DESC_RO | DESC_DBM | DESC_AF, {A64_WRITE, 1}, -1, DESC_DBM | DESC_AF, true},
      {ha | hd,
       DESC_RO | DESC_DBM | DESC_AF,
       {A64_WRITE, 0},
       0x0f,
       DESC_RO | DESC_DBM | DESC_AF,
       false},
      {ha | hd, DESC_RO | DESC_AF, {A64_WRITE, 1}, 0x0f, DESC_RO | DESC_AF, false},
      {ha, DESC_RO | DESC_DBM | DESC_AF, {A64_WRITE, 1}, 0x0f, DESC_RO | DESC_DBM | DESC_AF, false},
      {hd, DESC_RO | DESC_DBM | DESC_AF, {A64_WRITE, 1}, 0x0f, DESC_RO | DESC_DBM | DESC_AF, false},
  };

  (void) state;
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    CpuVm *t = cpu_vm_new (1);
    WalkCase c = {.page_bits = 12,
                  .tg1 = 2,
                  .va = ANY,
                  .level = 3,
                  .descriptor = cases[i].before | OUT,
                  .tcr = cases[i].tcr};
    uint64_t *e = prepare (t, &c);
    A64Translation out = {0};
    uint8_t fsc = 0xff;
    bool ok = a64_walk (cpu_vm_cpu (t, 0), ANY, &cases[i].request, &out, &fsc);

    if (ok != (cases[i].fsc < 0) || (!ok && fsc != cases[i].fsc) ||
        *e != (cases[i].after | OUT | 3) ||
        (ok && ((out.permissions & A64_EL1_WRITE) != 0) != cases[i].writable_after))
      fail_msg ("case %zu: ok %d, fsc %#x, descriptor %#" PRIx64, i, ok, fsc, *e);
    cpu_vm_free (t);
  }
}

static void
test_mmu_off (void **state)
{
  CpuVm *t = cpu_vm_new (1);
  A64Translation out;
  A64Request request = {A64_WRITE, 0};
  uint8_t fsc;

  (void) state;
  assert_true (a64_walk (cpu_vm_cpu (t, 0), 0x40012345, &request, &out, &fsc));
  assert_int_equal (out.pa, 0x40012000);
  assert_true (a64_attr_is_device (out.attr));
  assert_false (a64_walk (cpu_vm_cpu (t, 0), (uint64_t) 1 << A64_PA_BITS, &request, &out, &fsc));
  assert_int_equal (fsc, 0x00);
  cpu_vm_free (t);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_walks),
      cmocka_unit_test (test_translation_levels),
      cmocka_unit_test (test_bad_addresses),
      cmocka_unit_test (test_permissions),
      cmocka_unit_test (test_hardware_updates),
      cmocka_unit_test (test_mmu_off),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
