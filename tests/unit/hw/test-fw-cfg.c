// SPDX-License-Identifier: GPL-3.0-or-later
// fw_cfg by its registers and by DMA, with every bound; and the event device.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "engine/hw/fw-cfg.h"
#include "engine/hw/ged.h"
#include "engine/snapshot/state.h"
#include "tests/unit/hw/fake-vm.h"

enum {
  BASE = 0x09020000,
  GED = 0x09080000,
  RAM_BYTES = 8192,
  ACCESS = FAKE_RAM_BASE,
  BUFFER = FAKE_RAM_BASE + 256,

  ERROR = 1,
  READ = 2,
  SKIP = 4,
  SELECT = 8,
  WRITE = 16,
};

typedef struct Fixture {
  FakeVm *vm;
  Device *cfg, *ged;
  FakeLine line;
} Fixture;

static int
set_up (void **state)
{
  Fixture *f = g_new0 (Fixture, 1);

  f->vm = fake_vm_new (1, RAM_BYTES);
  f->cfg = fw_cfg_new (BASE);
  fw_cfg_add_number (f->cfg, FW_CFG_N_CPUS, 3, 2);
  fw_cfg_add_file (f->cfg, "etc/one", g_bytes_new ("first file", 10));
  fw_cfg_add_file (f->cfg, "etc/two", g_bytes_new ("", 0));
  fake_vm_add (f->vm, f->cfg);
  f->ged = ged_new (GED, fake_line (&f->line));
  fake_vm_add (f->vm, f->ged);
  *state = f;
  return 0;
}

static int
tear_down (void **state)
{
  Fixture *f = *state;

  fake_vm_free (f->vm);
  g_free (f);
  return 0;
}

static void
choose (Fixture *f, uint16_t key)
{
  fake_write (f->vm, BASE + 8, GUINT16_SWAP_LE_BE (key), 2);
}

static void
put32 (Fixture *f, unsigned at, uint32_t value)
{
  value = GUINT32_TO_BE (value);
  memcpy (fake_vm_ram (f->vm) + at, &value, 4);
}

static uint32_t
dma (Fixture *f, uint32_t control, uint32_t length, GuestAddr address)
{
  uint32_t result;

  put32 (f, 0, control);
  put32 (f, 4, length);
  put32 (f, 8, (uint32_t) (address >> 32));
  put32 (f, 12, (uint32_t) address);
  fake_write (f->vm, BASE + 16, 0, 4);
  fake_write (f->vm, BASE + 20, GUINT32_SWAP_LE_BE ((uint32_t) ACCESS), 4);
  memcpy (&result, fake_vm_ram (f->vm), 4);
  return GUINT32_FROM_BE (result);
}

static void
test_registers (void **state)
{
  Fixture *f = *state;

  assert_int_equal (fake_read (f->vm, BASE, 4), 0x554d4551); // "QEMU"
  choose (f, 1);
  assert_int_equal (fake_read (f->vm, BASE, 1), 3);
  choose (f, FW_CFG_N_CPUS);
  assert_int_equal (fake_read (f->vm, BASE, 8), 3);
  assert_int_equal (fake_read (f->vm, BASE, 8), 0); // behind the end
  choose (f, 0x7777);
  assert_int_equal (fake_read (f->vm, BASE, 1), 0);
  assert_int_equal (fake_read (f->vm, BASE + 16, 8), 0x4746432055 << 24 | 0x4d4551);
  assert_int_equal (fake_read (f->vm, BASE + 20, 4), 0x47464320);
}

static void
test_directory (void **state)
{
  Fixture *f = *state;
  uint8_t bytes[4 + 2 * 64];

  choose (f, 0x19);
  for (unsigned i = 0; i < sizeof bytes; i++)
    bytes[i] = (uint8_t) fake_read (f->vm, BASE, 1);
  assert_memory_equal (bytes, "\0\0\0\2\0\0\0\x0a\0\x20\0\0etc/one\0", 20);
  assert_memory_equal (bytes + 68, "\0\0\0\0\0\x21\0\0etc/two\0", 16);
}

static void
test_dma (void **state)
{
  Fixture *f = *state;
  uint8_t *ram = fake_vm_ram (f->vm);

  memset (ram + 256, 0x5a, 64);
  assert_int_equal (dma (f, 0x20 << 16 | SELECT | READ, 5, BUFFER), 0);
  assert_memory_equal (ram + 256, "firstZ", 6);
  assert_int_equal (dma (f, SKIP, 1, 0), 0);
  assert_int_equal (dma (f, READ, 8, BUFFER), 0);
  assert_memory_equal (ram + 256, "file\0\0\0\0ZZ", 10);
  assert_int_equal (dma (f, 0x20 << 16 | SELECT, 0, 0), 0);
  assert_int_equal (fake_read (f->vm, BASE, 1), 'f');
}

static void
test_dma_bounds (void **state)
{
  Fixture *f = *state;
  static const struct {
    uint32_t control, length;
    GuestAddr address;
    uint32_t result;
  } cases[] = {
      {SELECT | READ, 4, FAKE_RAM_BASE + RAM_BYTES - 4, 0},
      {SELECT | READ, 5, FAKE_RAM_BASE + RAM_BYTES - 4, ERROR},
      {SELECT | READ, UINT32_MAX, BUFFER, ERROR},
      {SELECT | READ, 4, BASE, ERROR},
      {SELECT | READ, 4, UINT64_MAX, ERROR},
      {SELECT | READ, 0, 0, 0},
      {SELECT | WRITE, 1, BUFFER, ERROR},
      {SKIP, UINT32_MAX, 0, 0},
      {0, UINT32_MAX, 0, 0},
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    assert_int_equal (dma (f, cases[i].control, cases[i].length, cases[i].address),
                      cases[i].result);
  // What describes it must be in RAM itself: else nothing happens.
  fake_write (f->vm, BASE + 16, GUINT64_SWAP_LE_BE (FAKE_RAM_BASE + RAM_BYTES - 15), 8);
  fake_write (f->vm, BASE + 16, GUINT64_SWAP_LE_BE ((uint64_t) BASE), 8);
  fake_write (f->vm, BASE + 16, UINT64_MAX, 8);
}

static GBytes *
save (Device *device)
{
  StateWriter *writer = state_writer_new ();

  state_writer_begin (writer, "x", 1);
  device->ops->save (device, writer);
  state_writer_end (writer);
  return state_writer_finish (writer);
}

static bool
load (Device *device, GBytes *bytes)
{
  StateReader *reader = state_reader_new (bytes, NULL);
  uint32_t version;

  assert_true (state_reader_begin (reader, "x", 1, &version, NULL));
  bool ok = device->ops->load (device, reader, version, NULL) && state_reader_end (reader, NULL);
  state_reader_free (reader);
  return ok;
}

static void
test_state (void **state)
{
  Fixture *f = *state;

  choose (f, 0x20);
  fake_read (f->vm, BASE, 4);
  fake_write (f->vm, BASE + 16, GUINT32_SWAP_LE_BE (1), 4);
  g_autoptr (GBytes) saved = save (f->cfg);
  f->cfg->ops->reset (f->cfg);
  assert_int_equal (fake_read (f->vm, BASE, 1), 'Q');
  assert_true (load (f->cfg, saved));
  assert_int_equal (fake_read (f->vm, BASE, 1), 't');
  g_autoptr (GBytes) events = save (f->ged);
  assert_false (load (f->cfg, events));
}

static void
test_ged (void **state)
{
  Fixture *f = *state;

  assert_int_equal (fake_read (f->vm, GED, 4), 0);
  ged_raise (f->ged, GED_EVENT_POWER_BUTTON);
  assert_int_equal (f->line.rises, 1);
  assert_false (f->line.level);
  g_autoptr (GBytes) saved = save (f->ged);
  assert_int_equal (fake_read (f->vm, GED, 4), GED_EVENT_POWER_BUTTON);
  assert_int_equal (fake_read (f->vm, GED, 4), 0);
  assert_true (load (f->ged, saved));
  assert_int_equal (fake_read (f->vm, GED, 4), GED_EVENT_POWER_BUTTON);
  ged_raise (f->ged, GED_EVENT_POWER_BUTTON);
  f->ged->ops->reset (f->ged);
  assert_int_equal (fake_read (f->vm, GED, 4), 0);
}

int
main (void)
{
#define TEST(test) cmocka_unit_test_setup_teardown (test, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST (test_registers),  TEST (test_directory), TEST (test_dma),
      TEST (test_dma_bounds), TEST (test_state),     TEST (test_ged),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
