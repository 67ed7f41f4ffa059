// SPDX-License-Identifier: GPL-3.0-or-later
// PCI host and functions: sizing, decoding and interrupts as scripts of accesses.

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "engine/hw/pci.h"
#include "engine/snapshot/state.h"
#include "tests/unit/hw/fake-vm.h"

enum {
  MMIO32 = 0x10000000,
  MMIO32_BYTES = 0x2eff0000,
  PIO = 0x3eff0000,
  SLOT = 1 << 15, // in configuration space
};
#define ECAM   0x4010000000ull
#define MMIO64 0x8000000000ull

typedef enum What {
  END,
  C8, // configuration read of `size` bits at slot << 15 | offset must give v
  C16,
  C32,
  W8, // configuration writes
  W16,
  W32,
  R8, // bus reads must give v
  R16,
  R32,
  R64,
  B8, // bus writes
  B32,
  PIN,  // function in slot `a` sets its pin to v
  LINE, // line a must be v
  LAST, // the last access a BAR saw: v = bar << 32 | offset << 8 | size
  SAVELOAD,
  RESET, // function in slot a
} What;

typedef struct Step {
  What what;
  uint64_t a, v;
} Step;

typedef struct Script {
  const char *name;
  Step steps[48];
} Script;

// Slot 1: BAR 0 32-bit memory 4 KiB, BAR 1 I/O 32 bytes, BAR 4 64-bit prefetchable 16 KiB.
// Slot 5: BAR 0 32-bit memory 16 bytes, 4-byte registers only. Both drive line 1.
// clang-format off
static const Script scripts[] = {
  { "the host bridge and empty slots", {
    { C32, 0, 0x00081b36 }, { C32, 8, 0x06000000 }, { C8, 0x3d, 0 }, { C32, 0x2c, 0x11001af4 },
    { C32, 2 * SLOT, 0xffffffff }, { C16, 2 * SLOT, 0xffff }, { C8, 31 * SLOT + 0xfff, 0xff },
    { C32, SLOT + 0x1000, 0xffffffff }, { C32, 32 * SLOT, 0xffffffff }, { W32, 2 * SLOT + 4, 7 } } },

  { "header", {
    { C32, SLOT, 0x10421af4 }, { C16, SLOT + 2, 0x1042 }, { C32, SLOT + 8, 0x01020305 },
    { C32, SLOT + 0x2c, 0x11001af4 }, { C8, SLOT + 0x0e, 0 }, { C8, SLOT + 0x3d, 1 },
    { C16, SLOT + 6, 0x10 }, { C8, SLOT + 0x34, 0x40 }, { C16, SLOT + 0x40, 0x5009 },
    { C16, SLOT + 0x50, 0x0009 }, { W32, SLOT, 0 }, { C32, SLOT, 0x10421af4 },
    { W32, SLOT + 0x40, 0 }, { C32, SLOT + 0x40, 0x5009 }, { W16, SLOT + 4, 0xffff },
    { C16, SLOT + 4, 0x547 }, { W8, SLOT + 0x3c, 35 }, { C8, SLOT + 0x3c, 35 },
    { C32, SLOT + 0x100, 0 }, { W32, SLOT + 0xffc, ~0u }, { C32, SLOT + 0xffc, 0 },
    { C16, SLOT + 1, 0 }, { R64, ECAM + SLOT, 0 } } },

  { "sizing", {
    { W32, SLOT + 0x10, ~0u }, { C32, SLOT + 0x10, 0xfffff000 }, { W32, SLOT + 0x14, ~0u },
    { C32, SLOT + 0x14, 0xffffffe1 }, { W32, SLOT + 0x18, ~0u }, { C32, SLOT + 0x18, 0 },
    { W32, SLOT + 0x20, ~0u }, { C32, SLOT + 0x20, 0xffffc00c }, { W32, SLOT + 0x24, ~0u },
    { C32, SLOT + 0x24, 0xffffffff }, { W32, SLOT + 0x30, ~0u }, { C32, SLOT + 0x30, 0 },
    { W32, 5 * SLOT + 0x10, ~0u }, { C32, 5 * SLOT + 0x10, 0xfffffff0 },
    { W16, SLOT + 0x12, 0x1234 }, { C32, SLOT + 0x10, 0x1234f000 } } },

  { "decoding follows enable bits and addresses", {
    { W32, SLOT + 0x10, MMIO32 }, { R32, MMIO32, 0xffffffff }, { W16, SLOT + 4, 2 },
    { R32, MMIO32, 4 }, { R32, MMIO32 + 0xffc, 0xffc04 }, { LAST, 0, 0xffc04 },
    { R8, MMIO32 + 0xfff, 0xfff01 }, { R32, MMIO32 + 0x1000, 0xffffffff },
    { W32, SLOT + 0x10, MMIO32 + 0x10000 }, { R32, MMIO32, 0xffffffff }, { R32, MMIO32 + 0x10008, 0x804 },
    { W16, SLOT + 4, 0 }, { R32, MMIO32 + 0x10008, 0xffffffff }, { R8, MMIO32 + 0x10008, 0xff } } },

  { "64-bit window", {
    { W32, SLOT + 0x24, 0x81 }, { W32, SLOT + 0x20, 0x4000 }, { W16, SLOT + 4, 2 },
    { R32, MMIO64 + 0x100004010, 0x1004 }, { LAST, 0, 0x400001004 },
    { R64, MMIO64 + 0x100004010, 0x1008 }, { R32, MMIO64 + 0x4010, 0xffffffff },
    { B8, MMIO64 + 0x100007fff, 9 }, { LAST, 0, 0x4003fff01 } } },

  { "a 64-bit BAR may sit below 4 GiB", {
    { W32, SLOT + 0x20, MMIO32 }, { W16, SLOT + 4, 2 }, { R32, MMIO32 + 4, 0x404 } } },

  { "I/O window", {
    { W32, SLOT + 0x14, 0x1000 }, { W16, SLOT + 4, 2 }, { R8, PIO + 0x1000, 0xff },
    { W16, SLOT + 4, 1 }, { R8, PIO + 0x1000, 1 }, { R16, PIO + 0x101e, 0x1e02 },
    { R8, PIO + 0x1020, 0xff }, { R32, MMIO32 + 0x1000, 0xffffffff }, { B32, PIO + 0x1004, 1 },
    { LAST, 0, 0x100000404 }, { R8, PIO, 0xff } } },

  { "accesses that cross the end or are of the wrong size", {
    { W32, 5 * SLOT + 0x10, MMIO32 }, { W16, 5 * SLOT + 4, 2 }, { R32, MMIO32 + 0xc, 0xc04 },
    { R64, MMIO32 + 0xc, ~0ull }, { R8, MMIO32 + 4, 0 }, { R64, MMIO32 + 0, 0 }, { R32, MMIO32 + 2, 0 },
    { R32, MMIO32 + 0xe, 0xffffffff } } },

  { "BARs at nonsense addresses", {
    { W32, SLOT + 0x10, ~0u }, { W32, SLOT + 0x20, ~0u }, { W32, SLOT + 0x24, ~0u },
    { W32, SLOT + 0x14, ~0u }, { W16, SLOT + 4, 3 }, { R32, MMIO32, 0xffffffff },
    { R32, MMIO64, 0xffffffff }, { R32, PIO, 0xffffffff }, { R32, MMIO64 + 0x7ffffffff8, 0xffffffff } } },

  { "INTx: shared line, status, disable", {
    { LINE, 1, 0 }, { PIN, 1, 1 }, { LINE, 1, 1 }, { LINE, 0, 0 }, { C16, SLOT + 6, 0x18 },
    { C32, SLOT + 4, 0x180000 }, { C8, SLOT + 6, 0x18 }, { C16, SLOT + 4, 0 }, { PIN, 5, 1 },
    { PIN, 1, 0 }, { LINE, 1, 1 }, { C16, SLOT + 6, 0x10 }, { W16, 5 * SLOT + 4, 0x400 },
    { LINE, 1, 0 }, { C16, 5 * SLOT + 6, 0x8 }, { W16, 5 * SLOT + 4, 0 }, { LINE, 1, 1 },
    { PIN, 5, 0 }, { LINE, 1, 0 } } },

  { "reset", {
    { W32, SLOT + 0x10, MMIO32 }, { W16, SLOT + 4, 2 }, { W8, SLOT + 0x3c, 9 }, { PIN, 1, 1 },
    { RESET, 1, 0 }, { LINE, 1, 0 }, { R32, MMIO32, 0xffffffff }, { C32, SLOT + 4, 0x100000 },
    { C32, SLOT + 0x10, 0 }, { C8, SLOT + 0x3c, 0 }, { C32, SLOT, 0x10421af4 } } },

  { "save and load", {
    { W32, SLOT + 0x10, MMIO32 }, { W16, SLOT + 4, 2 }, { W8, SLOT + 0x3c, 9 }, { PIN, 5, 1 },
    { SAVELOAD }, { LINE, 1, 1 }, { R32, MMIO32 + 4, 0x404 }, { C16, SLOT + 4, 2 },
    { C8, SLOT + 0x3c, 9 }, { C16, 5 * SLOT + 6, 8 } } },
};
// clang-format on

typedef struct Bar {
  struct Rig *rig;
  unsigned index;
} Bar;

typedef struct Rig {
  FakeVm *fake;
  Device *host;
  PciFunction one, five;
  Bar bars[PCI_N_BARS];
  FakeLine lines[4];
  uint64_t last;
} Rig;

static uint64_t
bar_read (void *opaque, uint64_t offset, unsigned size)
{
  const Bar *bar = opaque;
  bar->rig->last = (uint64_t) bar->index << 32 | offset << 8 | size;
  return offset << 8 | size;
}

static void
bar_write (void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
  bar_read (opaque, offset, size);
}

static const MmioOps all_sizes = {bar_read, bar_write, 1 | 2 | 4 | 8, false};
static const MmioOps words = {bar_read, bar_write, 4, false};

static void
make_rig (Rig *rig)
{
  static const uint8_t class_code[3] = {1, 2, 3};
  PciHostConfig config = {
      .ecam_base = ECAM,
      .ecam_bytes = 256 << 20,
      .mmio32_base = MMIO32,
      .mmio32_bytes = MMIO32_BYTES,
      .mmio64_base = MMIO64,
      .mmio64_bytes = 0x8000000000,
      .pio_base = PIO,
      .pio_bytes = 0x10000,
  };

  memset (rig, 0, sizeof *rig);
  for (unsigned i = 0; i < 4; i++)
    config.intx[i] = fake_line (&rig->lines[i]);
  for (unsigned i = 0; i < PCI_N_BARS; i++)
    rig->bars[i] = (Bar){rig, i};
  rig->fake = fake_vm_new (1, 0);
  rig->host = pci_host_new (&config);
  pci_function_init (&rig->one, 0x1af4, 0x1042, 0x1100, class_code, 5);
  pci_function_set_bar (&rig->one, 0,
                        &(PciBar){.size_bytes = 4096, .ops = &all_sizes, .opaque = &rig->bars[0]});
  pci_function_set_bar (
      &rig->one, 1,
      &(PciBar){.size_bytes = 32, .is_io = true, .ops = &all_sizes, .opaque = &rig->bars[1]});
  pci_function_set_bar (&rig->one, 4,
                        &(PciBar){.size_bytes = 16384,
                                  .is_64bit = true,
                                  .prefetchable = true,
                                  .ops = &all_sizes,
                                  .opaque = &rig->bars[4]});
  assert_int_equal (pci_function_add_capability (&rig->one, 9, 14), 0x40);
  assert_int_equal (pci_function_add_capability (&rig->one, 9, 16), 0x50);
  pci_function_init (&rig->five, 0x1af4, 0x1042, 0x1100, class_code, 5);
  pci_function_set_bar (&rig->five, 0,
                        &(PciBar){.size_bytes = 16, .ops = &words, .opaque = &rig->bars[0]});
  pci_host_add (rig->host, &rig->one, 1);
  pci_host_add (rig->host, &rig->five, 5);
  fake_vm_add (rig->fake, rig->host);
}

static GBytes *
save (Rig *rig)
{
  StateWriter *writer = state_writer_new ();
  state_writer_begin (writer, "pci", 1);
  rig->host->ops->save (rig->host, writer);
  pci_function_save (&rig->one, writer);
  pci_function_save (&rig->five, writer);
  state_writer_end (writer);
  return state_writer_finish (writer);
}

static void
save_and_load (Rig *rig)
{
  g_autoptr (GBytes) bytes = save (rig);
  fake_vm_free (rig->fake);
  make_rig (rig);
  StateReader *reader = state_reader_new (bytes, NULL);
  uint32_t version;
  assert_true (state_reader_begin (reader, "pci", 1, &version, NULL));
  assert_true (rig->host->ops->load (rig->host, reader, version, NULL));
  assert_true (pci_function_load (&rig->one, reader, NULL));
  assert_true (pci_function_load (&rig->five, reader, NULL));
  assert_true (state_reader_end (reader, NULL));
  state_reader_free (reader);
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
  case W8:
    fake_write (f, ECAM + s->a, s->v, 1);
    break;
  case W16:
    fake_write (f, ECAM + s->a, s->v, 2);
    break;
  case W32:
    fake_write (f, ECAM + s->a, s->v, 4);
    break;
  case R8:
    return fake_read (f, s->a, 1);
  case R16:
    return fake_read (f, s->a, 2);
  case R32:
    return fake_read (f, s->a, 4);
  case R64:
    return fake_read (f, s->a, 8);
  case B8:
    fake_write (f, s->a, s->v, 1);
    break;
  case B32:
    fake_write (f, s->a, s->v, 4);
    break;
  case PIN:
    pci_function_set_intx (s->a == 1 ? &rig->one : &rig->five, s->v);
    break;
  case LINE:
    return rig->lines[s->a].level;
  case LAST:
    return rig->last;
  case SAVELOAD:
    save_and_load (rig);
    break;
  case RESET:
    pci_function_reset (s->a == 1 ? &rig->one : &rig->five);
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
  fake_vm_free (rig->fake);
}

int
main (void)
{
  enum { N = G_N_ELEMENTS (scripts) };
  struct CMUnitTest tests[N];

  for (unsigned i = 0; i < N; i++)
    tests[i] = (struct CMUnitTest){scripts[i].name, run_script, NULL, NULL, (void *) &scripts[i]};
  return _cmocka_run_group_tests ("pci", tests, N, NULL, NULL);
}
