// SPDX-License-Identifier: GPL-3.0-or-later
// MSI-X and functions of one device: scripts of what the driver writes, what the device sends, and
// which messages arrive.

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "engine/hw/pci-msix.h"
#include "engine/snapshot/state.h"
#include "tests/unit/hw/fake-vm.h"

enum {
  MMIO32 = 0x10000000,
  SLOT = 1 << 15, // in configuration space
  FUNCTION = 1 << 12,
  CONTROL = SLOT + 0x42, // of the first function's MSI-X
  TABLE = MMIO32 + 0x1000,
  DOORBELL = 0x08090040, // what the controller below answers to
  N_VECTORS = 5,
};
#define ECAM 0x4010000000ull

typedef enum What {
  END,
  C8, // configuration reads must give v
  C16,
  C32,
  W16, // configuration writes
  W32,
  R32, // bus reads must give v
  R64,
  B32, // bus writes
  B64,
  RAM,     // word of RAM at offset a must be v
  SEND,    // function a / 16 of slot 1 sends vector a % 16
  SENT,    // v = messages the controller got since the last look
  MESSAGE, // v = requester << 32 | data of the last one
  PIN,     // function a sets its pin to v
  LINE,    // the line must be v
  SETUP,   // vectors of the first function: number i is DOORBELL, 0x100 + i, unmasked; enabled
  SAVELOAD,
  RESET,
} What;

typedef struct Step {
  What what;
  uint64_t a, v;
} Step;

typedef struct Script {
  const char *name;
  Step steps[40];
} Script;

// Slot 1 has functions 0 (5 vectors, BAR 1) and 3 (200 vectors, BAR 0).
// clang-format off
static const Script scripts[] = {
  { "capability", {
    { C16, SLOT + 0x40, 0x11 }, { C16, CONTROL, 4 }, { C32, SLOT + 0x44, 1 },
    { C32, SLOT + 0x48, 0x801 }, { W16, CONTROL, 0xffff }, { C16, CONTROL, 0xc004 },
    { W32, SLOT + 0x44, ~0u }, { C32, SLOT + 0x44, 1 }, { W32, SLOT + 0x14, ~0u },
    { C32, SLOT + 0x14, 0xfffff000 }, { C16, SLOT + 3 * FUNCTION + 0x42, 199 },
    { C32, SLOT + 3 * FUNCTION + 0x44, 0 }, { C32, SLOT + 3 * FUNCTION + 0x48, 0x1000 },
    { W32, SLOT + 3 * FUNCTION + 0x10, ~0u }, { C32, SLOT + 3 * FUNCTION + 0x10, 0xffffe000 } } },

  { "functions", {
    { C8, SLOT + 0xe, 0x80 }, { C32, SLOT, 0x10421af4 }, { C32, SLOT + FUNCTION, ~0u },
    { C32, SLOT + 3 * FUNCTION, 0x00011234 }, { C8, SLOT + 3 * FUNCTION + 0xe, 0 },
    { C32, SLOT + 4 * FUNCTION, ~0u }, { C32, 2 * SLOT, ~0u } } },

  { "functions share a line", {
    { PIN, 0, 1 }, { LINE, 0, 1 }, { PIN, 3, 1 }, { PIN, 0, 0 }, { LINE, 0, 1 }, { PIN, 3, 0 },
    { LINE, 0, 0 }, { PIN, 3, 0 }, { PIN, 0, 1 }, { LINE, 0, 1 } } },

  { "table", {
    { W32, SLOT + 0x14, TABLE }, { W16, SLOT + 4, 6 }, { R32, TABLE + 12, 1 }, { R64, TABLE, 0 },
    { B32, TABLE, 0x12345678 }, { B32, TABLE + 4, 9 }, { B32, TABLE + 8, 0xabcd },
    { B32, TABLE + 12, ~0u }, { R64, TABLE, 0x912345678 }, { R64, TABLE + 8, 0x10000abcd },
    { B64, TABLE + 64, 0x1122334455667788 }, { B64, TABLE + 72, 0x55 }, { R32, TABLE + 64, 0x55667788 },
    { R32, TABLE + 68, 0x11223344 }, { R64, TABLE + 72, 0x55 }, { B32, TABLE + 80, 7 },
    { R32, TABLE + 80, 0 }, { R32, TABLE + 0x7fc, 0 }, { R32, TABLE + 0xffc, 0 },
    { B32, TABLE + 0x800, ~0u }, { R64, TABLE + 0x800, 0 }, { R32, TABLE + 2, 0 } } },

  { "messages", {
    { SETUP }, { SEND, 0, 0 }, { SENT, 0, 1 }, { MESSAGE, 0, 0x800000100 }, { SEND, 4, 0 },
    { MESSAGE, 0, 0x800000104 }, { SENT, 0, 1 }, { SEND, 5, 0 }, { SENT, 0, 0 } } },

  { "without the driver's leave", {
    { SETUP }, { W16, CONTROL, 0 }, { SEND, 0, 0 }, { W16, CONTROL, 0x8000 }, { SENT, 0, 0 },
    { W16, SLOT + 4, 2 }, { SEND, 0, 0 }, { W16, SLOT + 4, 6 }, { SENT, 0, 0 }, { SEND, 0, 0 },
    { SENT, 0, 1 } } },

  { "a masked vector waits", {
    { SETUP }, { B32, TABLE + 16 + 12, 1 }, { SEND, 1, 0 }, { SEND, 1, 0 }, { SEND, 2, 0 },
    { SENT, 0, 1 }, { MESSAGE, 0, 0x800000102 }, { R64, TABLE + 0x800, 2 },
    { B32, TABLE + 16 + 12, 0 }, { SENT, 0, 1 }, { MESSAGE, 0, 0x800000101 },
    { R32, TABLE + 0x800, 0 }, { B32, TABLE + 16 + 12, 0 }, { SENT, 0, 0 } } },

  { "a masked function waits", {
    { SETUP }, { W16, CONTROL, 0xc000 }, { SEND, 0, 0 }, { SEND, 3, 0 }, { SENT, 0, 0 },
    { R32, TABLE + 0x800, 9 }, { B32, TABLE + 48 + 12, 1 }, { SENT, 0, 0 }, { W16, CONTROL, 0x8000 },
    { SENT, 0, 1 }, { MESSAGE, 0, 0x800000100 }, { R32, TABLE + 0x800, 8 },
    { B64, TABLE + 48 + 8, 0x777 }, { MESSAGE, 0, 0x800000777 } } },

  { "MSI-X takes the pin's place", {
    { PIN, 0, 1 }, { LINE, 0, 1 }, { SETUP }, { LINE, 0, 0 }, { PIN, 0, 0 }, { PIN, 0, 1 },
    { LINE, 0, 0 }, { W16, CONTROL, 0 }, { LINE, 0, 1 } } },

  { "a message elsewhere", {
    { SETUP }, { B64, TABLE, 0x40000103 }, { SEND, 0, 0 }, { SENT, 0, 0 }, { RAM, 0x100, 0x100 },
    { B64, TABLE, 0x40000000 + (1 << 20) }, { SEND, 0, 0 }, { B64, TABLE, ~0ull }, { SEND, 0, 0 },
    { B64, TABLE, TABLE + 12 }, { SEND, 0, 0 }, { SENT, 0, 0 }, { R32, TABLE + 12, 0 } } },

  { "many vectors", {
    { W32, SLOT + 3 * FUNCTION + 0x10, MMIO32 }, { W16, SLOT + 3 * FUNCTION + 4, 6 },
    { W16, SLOT + 3 * FUNCTION + 0x42, 0x8000 }, { B64, MMIO32 + 0x60, DOORBELL }, { SEND, 0x36, 0 },
    { R32, MMIO32 + 0x1000, 0x40 }, { B64, MMIO32 + 0x68, 0x66 }, { MESSAGE, 0, 0xb00000066 },
    { R32, MMIO32 + 199 * 16 + 12, 1 }, { R32, MMIO32 + 200 * 16 + 12, 0 }, { R32, MMIO32 + 0x1ffc, 0 } } },

  { "save and load", {
    { SETUP }, { B32, TABLE + 16 + 12, 1 }, { SEND, 1, 0 }, { SAVELOAD }, { SENT, 0, 0 },
    { R32, TABLE + 0x800, 2 }, { B32, TABLE + 16 + 12, 0 }, { SENT, 0, 1 },
    { MESSAGE, 0, 0x800000101 }, { C16, CONTROL, 0x8004 } } },

  { "reset", {
    { SETUP }, { B32, TABLE + 16 + 12, 1 }, { SEND, 1, 0 }, { RESET }, { C16, CONTROL, 4 },
    { W16, SLOT + 4, 6 }, { W32, SLOT + 0x14, TABLE }, { R64, TABLE, 0 }, { R32, TABLE + 12, 1 },
    { R32, TABLE + 0x800, 0 }, { SEND, 0, 0 }, { SENT, 0, 0 } } },
};
// clang-format on

typedef struct Rig {
  FakeVm *fake;
  Device *host;
  PciFunction zero, three;
  PciMsix zero_msix, three_msix;
  FakeLine lines[4];
  unsigned sent;
  uint64_t message;
} Rig;

static bool
send (void *opaque, uint32_t requester, GuestAddr addr, uint32_t data)
{
  Rig *rig = opaque;

  if (addr != DOORBELL)
    return false;
  rig->sent++;
  rig->message = (uint64_t) requester << 32 | data;
  return true;
}

static void
make_rig (Rig *rig)
{
  static const uint8_t class_code[3] = {1, 2, 3};
  PciHostConfig config = {
      .ecam_base = ECAM,
      .ecam_bytes = 256 << 20,
      .mmio32_base = MMIO32,
      .mmio32_bytes = 0x2eff0000,
      .msi = {send, rig},
  };

  memset (rig, 0, sizeof *rig);
  for (unsigned i = 0; i < 4; i++)
    config.intx[i] = fake_line (&rig->lines[i]);
  rig->fake = fake_vm_new (1, 1 << 20);
  rig->host = pci_host_new (&config);
  pci_function_init (&rig->zero, 0x1af4, 0x1042, 0x1100, class_code, 5);
  pci_msix_init (&rig->zero_msix, &rig->zero, 1, N_VECTORS);
  pci_host_add (rig->host, &rig->zero, 1);
  pci_function_init (&rig->three, 0x1234, 1, 2, class_code, 0);
  pci_msix_init (&rig->three_msix, &rig->three, 0, 200);
  pci_host_add_function (rig->host, &rig->three, 1, 3);
  fake_vm_add (rig->fake, rig->host);
}

static void
clear_rig (Rig *rig)
{
  fake_vm_free (rig->fake);
  pci_msix_clear (&rig->zero_msix);
  pci_msix_clear (&rig->three_msix);
}

static void
save_and_load (Rig *rig)
{
  StateWriter *writer = state_writer_new ();
  state_writer_begin (writer, "msix", 1);
  pci_function_save (&rig->zero, writer);
  pci_function_save (&rig->three, writer);
  state_writer_end (writer);
  g_autoptr (GBytes) bytes = state_writer_finish (writer);
  clear_rig (rig);
  make_rig (rig);
  StateReader *reader = state_reader_new (bytes, NULL);
  uint32_t version;
  assert_true (state_reader_begin (reader, "msix", 1, &version, NULL));
  assert_true (pci_function_load (&rig->zero, reader, NULL));
  assert_true (pci_function_load (&rig->three, reader, NULL));
  assert_true (state_reader_end (reader, NULL));
  state_reader_free (reader);
}

static void
set_up (Rig *rig)
{
  FakeVm *f = rig->fake;

  fake_write (f, ECAM + SLOT + 0x14, TABLE, 4);
  fake_write (f, ECAM + SLOT + 4, 6, 2);
  for (unsigned i = 0; i < N_VECTORS; i++) {
    fake_write (f, TABLE + i * 16, DOORBELL, 8);
    fake_write (f, TABLE + i * 16 + 8, 0x100 + i, 8);
  }
  fake_write (f, ECAM + CONTROL, 0x8000, 2);
}

static uint64_t
take_sent (Rig *rig)
{
  unsigned sent = rig->sent;
  rig->sent = 0;
  return sent;
}

static uint64_t
perform (Rig *rig, const Step *s)
{
  FakeVm *f = rig->fake;

  switch (s->what) {
  case C8:
    return fake_read (f, ECAM + s->a, 1);
  case C16:
    return fake_read (f, ECAM + s->a, 2);
  case C32:
    return fake_read (f, ECAM + s->a, 4);
  case W16:
    fake_write (f, ECAM + s->a, s->v, 2);
    break;
  case W32:
    fake_write (f, ECAM + s->a, s->v, 4);
    break;
  case R32:
    return fake_read (f, s->a, 4);
  case R64:
    return fake_read (f, s->a, 8);
  case B32:
    fake_write (f, s->a, s->v, 4);
    break;
  case B64:
    fake_write (f, s->a, s->v, 8);
    break;
  case RAM:
    return *(uint32_t *) (fake_vm_ram (f) + s->a);
  case SEND:
    pci_msix_send (s->a / 16 == 0 ? &rig->zero_msix : &rig->three_msix, s->a % 16);
    break;
  case SENT:
    return take_sent (rig);
  case MESSAGE:
    return rig->message;
  case PIN:
    pci_function_set_intx (s->a == 0 ? &rig->zero : &rig->three, s->v);
    break;
  case LINE:
    return rig->lines[1].level;
  case SETUP:
    set_up (rig);
    break;
  case SAVELOAD:
    save_and_load (rig);
    break;
  case RESET:
    pci_function_reset (&rig->zero);
    break;
  case END:
    break;
  }
  return s->v;
}

static void
run_script (void **state)
{
  const Script *script = *state;
  g_autofree Rig *rig = g_new0 (Rig, 1);

  make_rig (rig);
  for (unsigned i = 0; i < G_N_ELEMENTS (script->steps) && script->steps[i].what != END; i++) {
    uint64_t seen = perform (rig, &script->steps[i]);
    if (seen != script->steps[i].v)
      fail_msg ("%s, step %u: 0x%" PRIx64 ", expected 0x%" PRIx64, script->name, i, seen,
                script->steps[i].v);
  }
  clear_rig (rig);
}

// State that no machine wrote.
static void
damaged_state (void **unused)
{
  static const struct {
    uint32_t n_vectors, control;
    uint64_t pending;
  } cases[] = {{4, 0, 0}, {N_VECTORS, 2, 0}, {N_VECTORS, 0, 1 << N_VECTORS}, {~0u, 0, 0}};

  for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree Rig *rig = g_new0 (Rig, 1);
    StateWriter *writer = state_writer_new ();
    uint32_t version;

    make_rig (rig);
    state_writer_begin (writer, "msix", 1);
    state_put_bool (writer, false);
    for (unsigned at = 0; at < PCI_CONFIG_BYTES; at++)
      if (rig->zero.writable[at] != 0)
        state_put_u8 (writer, 0);
    state_put_u32 (writer, cases[i].n_vectors);
    for (unsigned v = 0; v < N_VECTORS; v++) {
      state_put_u64 (writer, 0);
      state_put_u32 (writer, 0);
      state_put_u32 (writer, cases[i].control);
    }
    for (unsigned word = 0; word < PCI_MSIX_VECTORS_MAX / 64; word++)
      state_put_u64 (writer, word == 0 ? cases[i].pending : 0);
    state_writer_end (writer);
    g_autoptr (GBytes) bytes = state_writer_finish (writer);
    StateReader *reader = state_reader_new (bytes, NULL);
    assert_true (state_reader_begin (reader, "msix", 1, &version, NULL));
    assert_false (pci_function_load (&rig->zero, reader, NULL));
    state_reader_free (reader);
    clear_rig (rig);
  }
}

int
main (void)
{
  enum { N = G_N_ELEMENTS (scripts) };
  struct CMUnitTest tests[N + 1];

  for (unsigned i = 0; i < N; i++)
    tests[i] = (struct CMUnitTest){scripts[i].name, run_script, NULL, NULL, (void *) &scripts[i]};
  tests[N] = (struct CMUnitTest) cmocka_unit_test (damaged_state);
  return _cmocka_run_group_tests ("msix", tests, N + 1, NULL, NULL);
}
