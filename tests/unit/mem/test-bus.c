// SPDX-License-Identifier: GPL-3.0-or-later
// The physical map: lookup at every edge, access sizes, and that copies touch RAM only.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/mem/bus.h"

enum {
  RAM_BASE = 0x40000000,
  RAM_BYTES = 0x10000,
  DEVICE_BASE = 0x9000000,
  DEVICE_BYTES = 0x1000,
  WIDE_BASE = DEVICE_BASE + DEVICE_BYTES, // its neighbour takes everything
};

// What the device last saw.
typedef struct Seen {
  uint64_t offset, value;
  unsigned size, reads, writes;
} Seen;

static uint64_t
device_read (void *opaque, uint64_t offset, unsigned size)
{
  Seen *seen = opaque;

  seen->offset = offset;
  seen->size = size;
  seen->reads++;
  return 0x1122334455667788;
}

static void
device_write (void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
  Seen *seen = opaque;

  seen->offset = offset;
  seen->size = size;
  seen->value = value;
  seen->writes++;
}

static const MmioOps narrow_ops = {.read = device_read, .write = device_write, .sizes = 2 | 4};
static const MmioOps wide_ops = {
    .read = device_read, .write = device_write, .sizes = 1 | 2 | 4 | 8, .allow_unaligned = true};

typedef struct Fixture {
  VmRam *ram;
  MemBus *bus;
  Seen narrow, wide;
} Fixture;

static int
set_up (void **state)
{
  static Fixture fixture;

  fixture = (Fixture){0};
  fixture.ram = vm_ram_new (RAM_BASE, RAM_BYTES, NULL);
  fixture.bus = mem_bus_new ();
  assert_non_null (fixture.ram);
  // Not in the order of their addresses.
  mem_bus_add_ram (fixture.bus, fixture.ram);
  mem_bus_add_mmio (fixture.bus, "wide", WIDE_BASE, DEVICE_BYTES, &wide_ops, &fixture.wide);
  mem_bus_add_mmio (fixture.bus, "narrow", DEVICE_BASE, DEVICE_BYTES, &narrow_ops, &fixture.narrow);
  *state = &fixture;
  return 0;
}

static int
tear_down (void **state)
{
  Fixture *fixture = *state;

  mem_bus_free (fixture->bus);
  vm_ram_free (fixture->ram);
  return 0;
}

static void
test_find (void **state)
{
  Fixture *fixture = *state;
  static const struct {
    GuestAddr addr;
    const char *name;
  } cases[] = {
      {0, NULL},
      {DEVICE_BASE - 1, NULL},
      {DEVICE_BASE, "narrow"},
      {DEVICE_BASE + DEVICE_BYTES - 1, "narrow"},
      {WIDE_BASE, "wide"},
      {WIDE_BASE + DEVICE_BYTES - 1, "wide"},
      {WIDE_BASE + DEVICE_BYTES, NULL},
      {RAM_BASE - 1, NULL},
      {RAM_BASE, "ram"},
      {RAM_BASE + RAM_BYTES - 1, "ram"},
      {RAM_BASE + RAM_BYTES, NULL},
      {UINT64_MAX, NULL},
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    const MemRegion *region = mem_bus_find (fixture->bus, cases[i].addr);

    if (cases[i].name == NULL)
      assert_null (region);
    else
      assert_string_equal (region->name, cases[i].name);
  }
}

static void
test_device_accesses (void **state)
{
  Fixture *fixture = *state;
  // Expected result of a read; UINT64_MAX: nothing is there. Calls: whether the device saw it.
  static const struct {
    GuestAddr addr;
    unsigned size;
    uint64_t value;
    bool calls;
  } cases[] = {
      {DEVICE_BASE + 4, 4, 0x55667788, true},
      {DEVICE_BASE + 4, 2, 0x7788, true},
      {DEVICE_BASE + 4, 1, 0, false},              // not a size it takes
      {DEVICE_BASE + 8, 8, 0, false},              // neither
      {DEVICE_BASE + 2, 4, 0, false},              // unaligned
      {DEVICE_BASE + 0xffe, 2, 0x7788, true},      // the last
      {DEVICE_BASE + 0xffe, 4, UINT64_MAX, false}, // leaves the region
      {WIDE_BASE + 1, 8, 0x1122334455667788, true},
      {WIDE_BASE + 3, 1, 0x88, true},
      {WIDE_BASE + DEVICE_BYTES, 1, UINT64_MAX, false},
      {UINT64_MAX - 1, 8, UINT64_MAX, false},
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    uint64_t value = 0xdead;
    unsigned before = fixture->narrow.reads + fixture->wide.reads;
    bool mapped = mem_bus_read (fixture->bus, cases[i].addr, cases[i].size, &value);

    assert_int_equal (mapped, cases[i].value != UINT64_MAX);
    if (mapped)
      assert_int_equal (value, cases[i].value);
    assert_int_equal (fixture->narrow.reads + fixture->wide.reads - before, cases[i].calls);

    before = fixture->narrow.writes + fixture->wide.writes;
    assert_int_equal (mem_bus_write (fixture->bus, cases[i].addr, cases[i].size, UINT64_MAX),
                      mapped);
    assert_int_equal (fixture->narrow.writes + fixture->wide.writes - before, cases[i].calls);
  }
  // Only as many bits as the access has.
  mem_bus_write (fixture->bus, DEVICE_BASE + 8, 2, 0x12345678);
  assert_int_equal (fixture->narrow.value, 0x5678);
  assert_int_equal (fixture->narrow.offset, 8);
  assert_int_equal (fixture->narrow.size, 2);
}

static void
test_ram_accesses (void **state)
{
  Fixture *fixture = *state;
  uint64_t value;

  assert_true (mem_bus_write (fixture->bus, RAM_BASE + 16, 8, 0x8877665544332211));
  for (unsigned size = 1; size <= 8; size *= 2) {
    assert_true (mem_bus_read (fixture->bus, RAM_BASE + 16, size, &value));
    assert_int_equal (value, size == 8 ? 0x8877665544332211
                                       : 0x8877665544332211 & ((1ull << (8 * size)) - 1));
  }
  assert_true (mem_bus_read (fixture->bus, RAM_BASE + 17, 4, &value));
  assert_int_equal (value, 0x55443322);
  assert_true (mem_bus_write (fixture->bus, RAM_BASE + 17, 2, 0xabcd));
  assert_memory_equal (vm_ram_get_host (fixture->ram) + 16, "\x11\xcd\xab\x44", 4);
  assert_false (mem_bus_read (fixture->bus, RAM_BASE + RAM_BYTES - 4, 8, &value));
}

static void
test_copies (void **state)
{
  Fixture *fixture = *state;
  uint8_t bytes[8] = "1234567";
  static const struct {
    GuestAddr addr;
    uint64_t length;
    bool ram;
  } cases[] = {
      {RAM_BASE, RAM_BYTES, true},
      {RAM_BASE, RAM_BYTES + 1, false},
      {RAM_BASE + RAM_BYTES - 1, 1, true},
      {RAM_BASE + RAM_BYTES - 1, 2, false},
      {RAM_BASE - 1, 2, false},
      {RAM_BASE, 0, false},
      {RAM_BASE + 8, UINT64_MAX, false},
      {RAM_BASE + 8, UINT64_MAX - 8, false},
      {DEVICE_BASE, 4, false},
      {WIDE_BASE, 8, false},
      {0, 1, false},
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    assert_int_equal (mem_bus_ram_ptr (fixture->bus, cases[i].addr, cases[i].length) != NULL,
                      cases[i].ram);
  assert_true (mem_bus_copy_to (fixture->bus, RAM_BASE + RAM_BYTES - 8, "abcdefg", 8));
  assert_true (mem_bus_copy_from (fixture->bus, RAM_BASE + RAM_BYTES - 8, bytes, 8));
  assert_string_equal ((char *) bytes, "abcdefg");
  assert_false (mem_bus_copy_from (fixture->bus, RAM_BASE + RAM_BYTES - 7, bytes, 8));
  assert_false (mem_bus_copy_to (fixture->bus, WIDE_BASE, bytes, 8));
  assert_int_equal (fixture->wide.writes, 0);
  assert_true (mem_bus_copy_from (fixture->bus, 0, bytes, 0));
}

static void
test_ram_clear (void **state)
{
  Fixture *fixture = *state;
  uint8_t *host = vm_ram_get_host (fixture->ram);

  memset (host, 0x5a, RAM_BYTES);
  assert_in_range (vm_ram_get_resident_bytes (fixture->ram), RAM_BYTES, 4 << 20);
  vm_ram_clear (fixture->ram);
  assert_int_equal (vm_ram_get_resident_bytes (fixture->ram), 0);
  for (unsigned i = 0; i < RAM_BYTES; i++)
    assert_int_equal (host[i], 0);
}

static void
test_ram_used (void **state)
{
  Fixture *fixture = *state;
  uint8_t *host = vm_ram_get_host (fixture->ram);
  uint64_t start, end = 0, page = (uint64_t) sysconf (_SC_PAGESIZE);

  // One page of huge ones may take its neighbours along, but never those of another.
  madvise (host, RAM_BYTES, MADV_NOHUGEPAGE);
  vm_ram_clear (fixture->ram);
  assert_false (vm_ram_next_used (fixture->ram, 0, &start, &end));
  host[3 * page] = 1;
  host[5 * page] = host[6 * page] = 1;
  assert_true (vm_ram_next_used (fixture->ram, 0, &start, &end));
  assert_int_equal (start, 3 * page);
  assert_int_equal (end, 4 * page);
  assert_true (vm_ram_next_used (fixture->ram, end, &start, &end));
  assert_int_equal (start, 5 * page);
  assert_int_equal (end, 7 * page);
  assert_false (vm_ram_next_used (fixture->ram, end, &start, &end));
}

static void
test_ram_too_large (void **state)
{
  g_autoptr (GError) error = NULL;

  assert_null (vm_ram_new (0, UINT64_C (1) << 62, &error));
  assert_non_null (error);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown (test_find, set_up, tear_down),
      cmocka_unit_test_setup_teardown (test_device_accesses, set_up, tear_down),
      cmocka_unit_test_setup_teardown (test_ram_accesses, set_up, tear_down),
      cmocka_unit_test_setup_teardown (test_copies, set_up, tear_down),
      cmocka_unit_test_setup_teardown (test_ram_clear, set_up, tear_down),
      cmocka_unit_test_setup_teardown (test_ram_used, set_up, tear_down),
      cmocka_unit_test (test_ram_too_large),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
