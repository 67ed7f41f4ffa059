// SPDX-License-Identifier: GPL-3.0-or-later
// PCI root ports: accesses to the bridge's and the device's configuration space, to all buses and to
// memory behind bridges, while devices come and go; damaged saved state.
#include <string.h>

#include "engine/hw/pci-msix.h"
#include "engine/hw/pci-port.h"
#include "engine/snapshot/state.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/hw/fake-vm.h"

enum {
  N_PORTS = 2,
  STEPS_MAX = 300,
  SLOT = 6,
  MMIO32 = 0x10000000,
  VECTORS = 2,
};
#define ECAM UINT64_C (0x4010000000)

typedef struct Child {
  PciFunction fn;
  PciMsix msix;
} Child;

typedef struct Rig {
  FakeVm *fake;
  FakeLine lines[4];
  Device *host, *ports[N_PORTS];
  PciFunction first;
  Child *children[N_PORTS]; // NULL: the slot is empty
} Rig;

static uint64_t
bar_read (void *opaque, uint64_t offset, unsigned size)
{
  return offset;
}

static void
bar_write (void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
}

static const MmioOps bar_ops = {.read = bar_read, .write = bar_write, .sizes = 1 | 2 | 4 | 8};

static void
insert (Rig *rig, unsigned i)
{
  static const uint8_t class_code[3] = {1, 0, 0};
  const PciBar bar = {
      .size_bytes = 0x4000, .is_64bit = true, .prefetchable = true, .ops = &bar_ops};
  Child *child = g_new0 (Child, 1);

  pci_function_init (&child->fn, 0x1af4, 0x1042, 0x1100, class_code, 1);
  pci_function_set_bar (&child->fn, 4, &bar);
  pci_function_add_express (&child->fn, PCI_EXPRESS_ENDPOINT);
  pci_msix_init (&child->msix, &child->fn, 1, VECTORS);
  pci_port_insert (rig->ports[i], &child->fn);
  rig->children[i] = child;
}

static void
take_out (Rig *rig, unsigned i)
{
  pci_port_take_out (rig->ports[i]);
  pci_msix_clear (&rig->children[i]->msix);
  g_clear_pointer (&rig->children[i], g_free);
}

static void
make_rig (Rig *rig)
{
  static const uint8_t class_code[3] = {7, 0x80, 0};
  PciHostConfig config = {
      .ecam_base = ECAM,
      .ecam_bytes = MIB (256),
      .mmio32_base = MMIO32,
      .mmio32_bytes = 0x2eff0000,
      .pio_base = 0x3eff0000,
      .pio_bytes = 0x10000,
  };

  rig->fake = fake_vm_new (1, MIB (1));
  for (unsigned i = 0; i < 4; i++)
    config.intx[i] = fake_line (&rig->lines[i]);
  rig->host = pci_host_new (&config);
  fake_vm_add (rig->fake, rig->host);
  pci_function_init (&rig->first, 0x1af4, 0x1043, 0x1100, class_code, 1);
  pci_host_add (rig->host, &rig->first, SLOT);
  for (unsigned i = 0; i < N_PORTS; i++) {
    rig->ports[i] = pci_port_new (rig->host, SLOT, i + 1, i + 1);
    fake_vm_add (rig->fake, rig->ports[i]);
    rig->ports[i]->ops->reset (rig->ports[i]);
  }
}

// Saved, a byte changed, loaded: it is taken or refused.
static void
step_state (FuzzInput *in, Device *port)
{
  StateWriter *writer = state_writer_new ();
  uint32_t version;

  state_writer_begin (writer, "port", 1);
  port->ops->save (port, writer);
  for (unsigned n = fuzz_below (in, 4); n > 0; n--)
    state_put_u8 (writer, (uint8_t) fuzz_below (in, 256));
  state_writer_end (writer);
  g_autoptr (GBytes) bytes = state_writer_finish (writer);
  g_autoptr (GError) error = NULL;
  StateReader *reader = state_reader_new (bytes, &error);
  if (state_reader_begin (reader, "port", 1, &version, &error)) {
    for (unsigned n = fuzz_below (in, 3); n > 0; n--)
      state_get_u8 (reader); // everything is another field
    g_clear_error (&error);
    port->ops->load (port, reader, version, &error);
  }
  state_reader_free (reader);
}

static uint64_t
pick_config (FuzzInput *in)
{
  switch (fuzz_below (in, 4)) {
  case 0:
    return (uint64_t) (SLOT * 8 + 1 + fuzz_below (in, N_PORTS)) << 12 | fuzz_below (in, 256);
  case 1: // what drivers change
    return (uint64_t) (SLOT * 8 + 1 + fuzz_below (in, N_PORTS)) << 12 |
           (0x40 + fuzz_below (in, 60));
  case 2:
    return (uint64_t) fuzz_below (in, 4) << 20 | fuzz_below (in, 256);
  default:
    return fuzz_number (in, 4) % MIB (256);
  }
}

static void
step (FuzzInput *in, Rig *rig)
{
  unsigned i = fuzz_below (in, N_PORTS), size = 1u << fuzz_below (in, 3);
  uint64_t at = pick_config (in) & ~(uint64_t) (size - 1);

  switch (fuzz_below (in, 16)) {
  case 0:
    if (rig->children[i] == NULL)
      insert (rig, i);
    else
      take_out (rig, i);
    break;
  case 1:
    pci_port_press_button (rig->ports[i]);
    break;
  case 2:
    rig->ports[i]->ops->reset (rig->ports[i]);
    break;
  case 3:
    step_state (in, rig->ports[i]);
    break;
  case 4:
    fake_write (rig->fake, MMIO32 + fuzz_number (in, 4) % 0x1000000, fuzz_number (in, 8), size);
    break;
  case 5:
    fake_read (rig->fake, MMIO32 + fuzz_number (in, 4) % 0x1000000, size);
    break;
  case 6:
    if (rig->children[i] != NULL) {
      pci_function_set_intx (&rig->children[i]->fn, fuzz_below (in, 2));
      pci_msix_send (&rig->children[i]->msix, fuzz_below (in, VECTORS + 1));
    }
    break;
  case 7:
    fake_vm_run (rig->fake);
    break;
  case 8:
    fake_read (rig->fake, ECAM + at, size);
    break;
  default:
    fake_write (rig->fake, ECAM + at, fuzz_number (in, 4), size);
    break;
  }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  FuzzInput in = {data, size};
  Rig rig = {0};

  make_rig (&rig);
  for (unsigned i = 0; i < STEPS_MAX && in.left > 0; i++)
    step (&in, &rig);
  for (unsigned i = 0; i < N_PORTS; i++)
    if (rig.children[i] != NULL)
      take_out (&rig, i);
  fake_vm_free (rig.fake);
  return 0;
}
