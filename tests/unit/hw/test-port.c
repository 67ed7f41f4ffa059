// SPDX-License-Identifier: GPL-3.0-or-later
// Root ports and what is in their slots, as a guest's driver sees it: bus numbers, windows, events,
// and guests that do all of it wrong.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "engine/hw/pci-port.h"
#include "engine/snapshot/state.h"
#include "tests/unit/hw/fake-vm.h"

enum {
  MMIO32 = 0x10000000,
  PORT_SLOT = 6,
  PORT = (PORT_SLOT * 8 + 1) << 12, // in configuration space
  CHILD = 3 << 20,                  // on bus 3
  EXPRESS = 0x40,
  SLOT_CONTROL = PORT + EXPRESS + 0x18,
  SLOT_STATUS = PORT + EXPRESS + 0x1a,
  LINK_STATUS = PORT + EXPRESS + 0x12,
  BUTTON = 1,
  PRESENCE_CHANGED = 8,
  PRESENT = 0x40,
  LINK_CHANGED = 0x100,
  LINK_ACTIVE = 1 << 13,
  ALL_EVENTS = 0x1021, // interrupts for the button and the link
  INDICATOR_ON = 1 << 8,
  INDICATOR_BLINKS = 2 << 8,
  INDICATOR_OFF = 3 << 8,
};
#define ECAM UINT64_C (0x4010000000)

typedef struct Rig {
  FakeVm *fake;
  FakeLine lines[4];
  Device *host, *port;
  PciFunction first, fn;
  unsigned requests, resets;
} Rig;

static uint64_t
bar_read (void *opaque, uint64_t offset, unsigned size)
{
  return 0x5000 + offset;
}

static void
bar_write (void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
}

static const MmioOps bar_ops = {.read = bar_read, .write = bar_write, .sizes = 1 | 2 | 4 | 8};

static void
on_request (void *opaque, VmRequest request)
{
  Rig *rig = opaque;
  assert_int_equal (request, VM_REQUEST_UNPLUG);
  rig->requests++;
}

static void
on_reset (PciFunction *fn)
{
  ((Rig *) fn->opaque)->resets++;
}

static void
make_child (Rig *rig)
{
  static const uint8_t class_code[3] = {1, 0, 0};
  const PciBar bar = {.size_bytes = 0x1000, .ops = &bar_ops};

  pci_function_init (&rig->fn, 0x1af4, 0x1042, 0x1100, class_code, 1);
  pci_function_set_bar (&rig->fn, 0, &bar);
  pci_function_add_express (&rig->fn, PCI_EXPRESS_ENDPOINT);
  rig->fn.reset = on_reset;
  rig->fn.opaque = rig;
}

static Rig *
make_rig (void)
{
  static const uint8_t class_code[3] = {7, 0x80, 0};
  Rig *rig = g_new0 (Rig, 1);
  PciHostConfig config = {
      .ecam_base = ECAM,
      .ecam_bytes = MIB (256),
      .mmio32_base = MMIO32,
      .mmio32_bytes = 0x2eff0000,
      .mmio64_base = UINT64_C (0x8000000000),
      .mmio64_bytes = GIB (512),
      .pio_base = 0x3eff0000,
      .pio_bytes = 0x10000,
  };

  rig->fake = fake_vm_new (1, MIB (1));
  rig->fake->vm.on_request = on_request;
  rig->fake->vm.on_request_opaque = rig;
  for (unsigned i = 0; i < 4; i++)
    config.intx[i] = fake_line (&rig->lines[i]);
  rig->host = pci_host_new (&config);
  fake_vm_add (rig->fake, rig->host);
  pci_function_init (&rig->first, 0x1af4, 0x1043, 0x1100, class_code, 1);
  pci_host_add (rig->host, &rig->first, PORT_SLOT);
  rig->port = pci_port_new (rig->host, PORT_SLOT, 1, 1);
  fake_vm_add (rig->fake, rig->port);
  rig->port->ops->reset (rig->port);
  make_child (rig);
  return rig;
}

static void
free_rig (Rig *rig)
{
  if (rig->fn.host != NULL)
    pci_port_take_out (rig->port);
  fake_vm_free (rig->fake);
  g_free (rig);
}

static uint32_t
read_config (Rig *rig, uint64_t at, unsigned size)
{
  return (uint32_t) fake_read (rig->fake, ECAM + at, size);
}

static void
write_config (Rig *rig, uint64_t at, unsigned size, uint32_t value)
{
  fake_write (rig->fake, ECAM + at, value, size);
}

// As firmware does: bus 3, 1 MiB of memory, and the device's BAR in it.
static void
set_up_bridge (Rig *rig)
{
  write_config (rig, PORT + 0x18, 4, 0x00030300);
  write_config (rig, PORT + 0x20, 4, 0x10101010);
  write_config (rig, PORT + 4, 2, 6);
}

static void
set_up_child (Rig *rig)
{
  write_config (rig, CHILD + 0x10, 4, 0x10101000 & 0xfffff000);
  write_config (rig, CHILD + 4, 2, 6);
}

static void
test_header (void **state)
{
  Rig *rig = make_rig ();

  assert_int_equal (read_config (rig, PORT_SLOT << 15 | 0xc, 4) >> 16 & 0xff, 0x80);
  assert_int_equal (read_config (rig, PORT, 4), 0x000c1b36);
  assert_int_equal (read_config (rig, PORT + 0xe, 1), 1);
  assert_int_equal (read_config (rig, PORT + 8, 4) >> 8, 0x060400);
  assert_int_equal (read_config (rig, PORT + EXPRESS, 1), 0x10);
  assert_int_equal (read_config (rig, PORT + EXPRESS + 2, 2), 0x142); // root port with a slot
  assert_int_equal (read_config (rig, PORT + EXPRESS + 0x14, 4) & 0x7f, 0x79);
  assert_int_equal (read_config (rig, PORT + EXPRESS + 0x14, 4) >> 19, 1);
  assert_int_equal (read_config (rig, SLOT_STATUS, 2), 0);
  write_config (rig, PORT + 0x20, 4, ~0u);
  assert_int_equal (read_config (rig, PORT + 0x20, 4), 0xfff0fff0);
  write_config (rig, PORT + 0x24, 4, ~0u);
  assert_int_equal (read_config (rig, PORT + 0x24, 4), 0xfff1fff1);
  write_config (rig, PORT + 0x2c, 4, ~0u);
  assert_int_equal (read_config (rig, PORT + 0x2c, 4), ~0u);
  free_rig (rig);
}

static void
test_routing (void **state)
{
  Rig *rig = make_rig ();

  set_up_bridge (rig);
  assert_int_equal (read_config (rig, CHILD, 4), ~0u);
  assert_int_equal (fake_read (rig->fake, 0x10101000, 4), 0); // pulled out looks reset
  pci_port_insert (rig->port, &rig->fn);
  assert_int_equal (read_config (rig, CHILD, 4), 0x10421af4);
  assert_int_equal (read_config (rig, CHILD + (1 << 15), 4), ~0u);
  assert_int_equal (read_config (rig, CHILD + (1 << 12), 4), ~0u);
  assert_int_equal (read_config (rig, 4 << 20, 4), ~0u);
  set_up_child (rig);
  assert_int_equal (fake_read (rig->fake, 0x10101004, 4), 0x5004);
  // Not outside the bridge's window, nor with its memory disabled, nor on another bus.
  write_config (rig, CHILD + 0x10, 4, 0x10200000);
  assert_int_equal (fake_read (rig->fake, 0x10200004, 4), ~0u);
  write_config (rig, CHILD + 0x10, 4, 0x10101000);
  write_config (rig, PORT + 4, 2, 0);
  assert_int_equal (fake_read (rig->fake, 0x10101004, 4), ~0u);
  write_config (rig, PORT + 4, 2, 6);
  assert_int_equal (fake_read (rig->fake, 0x10101004, 4), 0x5004);
  write_config (rig, PORT + 0x20, 4, 0x10101020); // limit below base
  assert_int_equal (fake_read (rig->fake, 0x10101004, 4), ~0u);
  write_config (rig, PORT + 0x20, 4, 0x10101010);
  // The prefetchable window serves as well.
  write_config (rig, PORT + 0x20, 4, 0x00000010);
  write_config (rig, PORT + 0x24, 4, 0x10101010);
  assert_int_equal (fake_read (rig->fake, 0x10101004, 4), 0x5004);
  write_config (rig, PORT + 0x18, 4, 0x00050500);
  assert_int_equal (read_config (rig, CHILD, 4), ~0u);
  assert_int_equal (read_config (rig, 5 << 20, 4), 0x10421af4);
  write_config (rig, PORT + 0x18, 4, 0);
  assert_int_equal (read_config (rig, 0, 4), 0x00081b36); // bus 0 is the host's
  free_rig (rig);
}

static void
test_coming_and_going (void **state)
{
  Rig *rig = make_rig ();
  FakeLine *line = &rig->lines[PORT_SLOT % 4];

  set_up_bridge (rig);
  write_config (rig, SLOT_CONTROL, 2, ALL_EVENTS | INDICATOR_OFF);
  pci_port_insert (rig->port, &rig->fn);
  assert_true (line->level);
  assert_int_equal (read_config (rig, SLOT_STATUS, 2), PRESENT | PRESENCE_CHANGED | LINK_CHANGED);
  assert_int_equal (read_config (rig, LINK_STATUS, 2) & LINK_ACTIVE, LINK_ACTIVE);
  write_config (rig, SLOT_STATUS, 2, PRESENCE_CHANGED);
  assert_true (line->level);
  write_config (rig, SLOT_CONTROL, 4, (uint32_t) LINK_CHANGED << 16 | ALL_EVENTS | INDICATOR_ON);
  assert_false (line->level);
  assert_int_equal (read_config (rig, SLOT_STATUS, 2), PRESENT);
  // Asked, the guest blinks, then lets go.
  pci_port_press_button (rig->port);
  assert_true (line->level);
  write_config (rig, SLOT_STATUS, 1, BUTTON);
  write_config (rig, SLOT_CONTROL, 2, ALL_EVENTS | INDICATOR_BLINKS);
  pci_port_press_button (rig->port); // would take it back
  assert_int_equal (read_config (rig, SLOT_STATUS, 2), PRESENT);
  assert_false (pci_port_is_released (rig->port));
  write_config (rig, SLOT_CONTROL, 2, ALL_EVENTS | INDICATOR_OFF);
  assert_true (pci_port_is_released (rig->port));
  assert_int_equal (rig->requests, 1);
  write_config (rig, SLOT_CONTROL, 2, ALL_EVENTS | INDICATOR_OFF);
  assert_int_equal (rig->requests, 1);
  pci_port_take_out (rig->port);
  assert_int_equal (read_config (rig, SLOT_STATUS, 2), PRESENCE_CHANGED | LINK_CHANGED);
  assert_false (pci_port_is_released (rig->port));
  assert_int_equal (read_config (rig, CHILD, 4), ~0u);
  free_rig (rig);
}

// A guest that turns the slot off by itself keeps the device; one whose driver came late is asked
// again; with nothing there a press does nothing.
static void
test_button (void **state)
{
  Rig *rig = make_rig ();

  pci_port_press_button (rig->port);
  assert_int_equal (read_config (rig, SLOT_STATUS, 2), 0);
  pci_port_insert (rig->port, &rig->fn);
  write_config (rig, SLOT_CONTROL, 2, INDICATOR_OFF);
  assert_false (pci_port_is_released (rig->port));
  write_config (rig, SLOT_CONTROL, 2, INDICATOR_ON);
  pci_port_press_button (rig->port);
  write_config (rig, SLOT_STATUS, 2, 0xffff);
  assert_int_equal (read_config (rig, SLOT_STATUS, 2), PRESENT);
  write_config (rig, SLOT_CONTROL, 2, ALL_EVENTS | INDICATOR_ON);
  assert_int_equal (read_config (rig, SLOT_STATUS, 2), PRESENT | BUTTON);
  rig->port->ops->reset (rig->port);
  assert_int_equal (read_config (rig, SLOT_STATUS, 2), PRESENT);
  write_config (rig, SLOT_CONTROL, 2, ALL_EVENTS | INDICATOR_OFF);
  assert_int_equal (rig->requests, 0);
  free_rig (rig);
}

static void
test_bus_reset (void **state)
{
  Rig *rig = make_rig ();

  write_config (rig, PORT + 0x3e, 2, 0x40);
  fake_vm_run (rig->fake);
  pci_port_insert (rig->port, &rig->fn);
  write_config (rig, PORT + 0x3e, 2, 0);
  fake_vm_run (rig->fake);
  assert_int_equal (rig->resets, 0);
  write_config (rig, PORT + 0x3c, 4, 0x00400000);
  fake_vm_run (rig->fake);
  assert_int_equal (rig->resets, 1);
  free_rig (rig);
}

static void
test_pin (void **state)
{
  Rig *rig = make_rig ();
  FakeLine *line = &rig->lines[PORT_SLOT % 4];

  pci_port_insert (rig->port, &rig->fn);
  pci_function_set_intx (&rig->fn, true);
  assert_true (line->level);
  pci_port_take_out (rig->port); // takes the pin along
  assert_false (line->level);
  free_rig (rig);
}

static void
test_saved_state (void **state)
{
  Rig *rig = make_rig (), *other = make_rig ();
  StateWriter *writer = state_writer_new ();
  GError *error = NULL;
  uint32_t version;

  set_up_bridge (rig);
  pci_port_insert (rig->port, &rig->fn);
  write_config (rig, SLOT_CONTROL, 2, ALL_EVENTS | INDICATOR_ON);
  pci_port_press_button (rig->port);
  write_config (rig, SLOT_STATUS, 2, LINK_CHANGED | PRESENCE_CHANGED);
  state_writer_begin (writer, "port", 1);
  rig->port->ops->save (rig->port, writer);
  state_writer_end (writer);
  g_autoptr (GBytes) bytes = state_writer_finish (writer);
  StateReader *reader = state_reader_new (bytes, &error);
  assert_true (state_reader_begin (reader, "port", 1, &version, &error));
  pci_port_insert (other->port, &other->fn);
  assert_true (other->port->ops->load (other->port, reader, version, &error));
  assert_true (state_reader_end (reader, &error));
  state_reader_free (reader);
  assert_int_equal (read_config (other, SLOT_STATUS, 2), PRESENT | BUTTON);
  assert_int_equal (read_config (other, CHILD, 4), 0x10421af4);
  assert_true (other->lines[PORT_SLOT % 4].level);
  write_config (other, SLOT_CONTROL, 2, ALL_EVENTS | INDICATOR_OFF);
  assert_int_equal (other->requests, 1);
  free_rig (rig);
  free_rig (other);
}

// Anything anywhere, with devices coming and going meanwhile.
static void
test_hostile (void **state)
{
  Rig *rig = make_rig ();
  uint32_t random = 1;

  for (unsigned i = 0; i < 300000; i++) {
    random = random * 1664525 + 1013904223;
    uint32_t what = random >> 8, value = random * 2654435761u;
    uint64_t at = (what % 3 == 0 ? PORT : what % 3 == 1 ? CHILD : what % 256 << 20) + (value >> 20);
    unsigned size = 1u << what / 3 % 3;
    if (what % 64 == 0 && rig->fn.host == NULL)
      pci_port_insert (rig->port, &rig->fn);
    else if (what % 64 == 1 && rig->fn.host != NULL)
      pci_port_take_out (rig->port);
    else if (what % 64 == 2)
      pci_port_press_button (rig->port);
    at &= ~(uint64_t) (size - 1);
    write_config (rig, at, size, value);
    read_config (rig, at, size);
    fake_read (rig->fake, MMIO32 + (value & 0xfffffc), 4);
    if (i % 64 == 0)
      fake_vm_run (rig->fake);
    if (rig->fn.host == NULL) { // a new one is clean
      memset (&rig->fn, 0, sizeof rig->fn);
      make_child (rig);
    }
  }
  free_rig (rig);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_header),           cmocka_unit_test (test_routing),
      cmocka_unit_test (test_coming_and_going), cmocka_unit_test (test_button),
      cmocka_unit_test (test_bus_reset),        cmocka_unit_test (test_pin),
      cmocka_unit_test (test_saved_state),      cmocka_unit_test (test_hostile),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
