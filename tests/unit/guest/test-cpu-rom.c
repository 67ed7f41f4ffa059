// SPDX-License-Identifier: GPL-3.0-or-later
// Memory that can only be read: code runs from it, tables are walked in it, what is written goes to
// the device behind it and exclusives find no memory.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "engine/guest/aarch64/mmu.h"
#include "tests/unit/guest/cpu-vm.h"

enum {
  ROM_BYTES = 0x10000,
  ROM_TABLE = 0x8000, // level 0, then 1 to 3
  EC_DATA_ABORT = 0x25,
  FSC_EXTERNAL_WALK_3 = 0x17,
  FSC_UNSUPPORTED = 0x35,
};

#define TCR_HA ((uint64_t) 1 << 39)

typedef struct Guest {
  CpuVm *t;
  A64Cpu *cpu;
  _Alignas(4096) uint8_t rom[ROM_BYTES];
  uint64_t written_at, written;
  unsigned writes;
} Guest;

static void
rom_write (void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
  Guest *g = opaque;

  g->writes++;
  g->written_at = offset;
  g->written = value;
  assert_int_equal (size, 4);
}

static const MmioOps rom_ops = {.write = rom_write, .sizes = 4};

static int
set_up (void **state)
{
  Guest *g = g_aligned_alloc0 (1, sizeof *g, 4096);

  g->t = cpu_vm_new (1);
  g->cpu = cpu_vm_cpu (g->t, 0);
  mem_bus_add_rom (g->t->vm.bus, "rom", 0, ROM_BYTES, g->rom, &rom_ops, g);
  *state = g;
  return 0;
}

static int
tear_down (void **state)
{
  Guest *g = *state;

  cpu_vm_free (g->t);
  g_aligned_free (g);
  return 0;
}

static void
run (Guest *g, uint64_t pc, const uint32_t *words, unsigned n)
{
  memcpy (g->rom + pc, words, n * sizeof *words);
  cpu_vm_run (g->t, pc);
}

static void
test_runs_and_reads (void **state)
{
  Guest *g = *state;

  memcpy (g->rom + 0x2008, "\x88\x77\x66\x55\x44\x33\x22\x11", 8);
  g->cpu->x[1] = 0x2008;
  // ldr x0, [x1]; ldr w2, [x1, #4]; ldxr x3, [x1]; hvc #0
  run (g, 0, (uint32_t[]){0xf9400020, 0xb9400422, 0xc85f7c23, INSN_HVC}, 4);
  assert_int_equal (g->cpu->x[0], 0x1122334455667788);
  assert_int_equal (g->cpu->x[2], 0x11223344);
  assert_int_equal (g->cpu->x[3], 0x1122334455667788);
}

static void
test_writes_reach_the_device (void **state)
{
  Guest *g = *state;

  g->cpu->x[1] = 0x2000;
  g->cpu->x[0] = 0xabcd;
  // str w0, [x1, #16]; ldr w2, [x1, #16]; hvc #0
  run (g, 0, (uint32_t[]){0xb9001020, 0xb9401022, INSN_HVC}, 3);
  assert_int_equal (g->writes, 1);
  assert_int_equal (g->written_at, 0x2010);
  assert_int_equal (g->written, 0xabcd);
  assert_int_equal (g->cpu->x[2], 0);
}

// ldxr, then the store to the same place.
static void
test_exclusive_store_aborts (void **state)
{
  Guest *g = *state;

  g->cpu->x[1] = 0x2000;
  // ldxr w0, [x1]; stxr w2, w0, [x1]; hvc #0
  run (g, 0, (uint32_t[]){0x885f7c20, 0x88027c20, INSN_HVC}, 3);
  assert_int_equal (cpu_vm_get (g->cpu, REG_ESR) >> 26, EC_DATA_ABORT);
  assert_int_equal (cpu_vm_get (g->cpu, REG_ESR) & 0x3f, FSC_UNSUPPORTED);
  assert_int_equal (g->writes, 0);
}

static void
test_no_ram_to_devices (void **state)
{
  Guest *g = *state;
  uint8_t bytes[4] = "";

  assert_null (mem_bus_ram_ptr (g->t->vm.bus, 0, 4));
  assert_false (mem_bus_copy_to (g->t->vm.bus, 0, bytes, 4));
  assert_false (mem_bus_copy_from (g->t->vm.bus, 0, bytes, 4));
}

// The whole machine's memory below 2 MiB is mapped by one page table that lies in ROM.
static void
put_tables (Guest *g, uint64_t leaf)
{
  uint64_t *table = (uint64_t *) (g->rom + ROM_TABLE);

  for (unsigned level = 0; level < 3; level++)
    table[level * 512] = (ROM_TABLE + (level + 1) * 4096u) | 3;
  table[3 * 512] = leaf | 3;
}

static bool
walk (Guest *g, uint64_t tcr, uint8_t *fsc)
{
  A64Request request = {.access = A64_READ, .el = 1};
  A64Translation out;

  cpu_vm_set (g->cpu, REG_MAIR, 0xff);
  cpu_vm_set (g->cpu, REG_TCR, TCR_48 (0, 2) | tcr);
  cpu_vm_set (g->cpu, REG_TTBR0, ROM_TABLE);
  cpu_vm_set (g->cpu, REG_SCTLR, A64_SCTLR_RESET | A64_SCTLR_M);
  return a64_walk (g->cpu, 0x10, &request, &out, fsc);
}

static void
test_tables_in_rom (void **state)
{
  Guest *g = *state;
  uint8_t fsc = 0;

  put_tables (g, TEST_DATA | DESC_AF);
  assert_true (walk (g, 0, &fsc));
  put_tables (g, TEST_DATA);
  assert_false (walk (g, TCR_HA, &fsc));
  assert_int_equal (fsc, FSC_EXTERNAL_WALK_3);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown (test_runs_and_reads, set_up, tear_down),
      cmocka_unit_test_setup_teardown (test_writes_reach_the_device, set_up, tear_down),
      cmocka_unit_test_setup_teardown (test_exclusive_store_aborts, set_up, tear_down),
      cmocka_unit_test_setup_teardown (test_no_ram_to_devices, set_up, tear_down),
      cmocka_unit_test_setup_teardown (test_tables_in_rom, set_up, tear_down),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
