// SPDX-License-Identifier: GPL-3.0-or-later
// An HDA driver made of bare memory accesses.
#include "tests/support/hda-guest.h"

#include <string.h>

enum {
  ECAM_BYTES = 1 << 20,
  SLOT = 3,
  FUNCTION = 1,
  BAR0 = 0x10000000,
  REG_GCTL = 0x08,
  REG_CORB = 0x40,
  REG_CORB_WRITE = 0x48,
  REG_CORB_CONTROL = 0x4c,
  REG_RIRB = 0x50,
  REG_RIRB_WRITE = 0x58,
  REG_RIRB_INTERVAL = 0x5a,
  REG_RIRB_CONTROL = 0x5c,
};
#define ECAM     0x4010000000ull
#define DOORBELL 0x08090040

static bool
send_message (void *opaque, uint32_t requester, GuestAddr addr, uint32_t data)
{
  HdaGuest *guest = opaque;

  if (addr != DOORBELL || data != 77)
    return false;
  g_atomic_int_inc (&guest->n_messages);
  return true;
}

static void
set_pin (void *opaque, unsigned n, bool level)
{
  g_atomic_int_set (&((HdaGuest *) opaque)->pin, level);
}

uint32_t
hda_guest_read_config (HdaGuest *guest, unsigned offset, unsigned size)
{
  uint64_t value = 0;
  mem_bus_read (guest->vm.bus, ECAM + (SLOT << 15 | FUNCTION << 12) + offset, size, &value);
  return (uint32_t) value;
}

void
hda_guest_write_config (HdaGuest *guest, unsigned offset, uint32_t value, unsigned size)
{
  mem_bus_write (guest->vm.bus, ECAM + (SLOT << 15 | FUNCTION << 12) + offset, size, value);
}

static void
place_bars (HdaGuest *guest)
{
  hda_guest_write_config (guest, 0x10, BAR0, 4);
  hda_guest_write_config (guest, 0x14, 0, 4);
  hda_guest_write_config (guest, 0x04, 6, 2);
}

static void
realize_cb (void *data)
{
  HdaGuest *guest = data;

  guest->pci->ops->realize (guest->pci, NULL);
  pci_host_add (guest->pci, &guest->first, SLOT);
  guest->hda->ops->realize (guest->hda, NULL);
}

HdaGuest *
hda_guest_new (void)
{
  static const uint8_t class_code[3] = {0xff, 0, 0};
  HdaGuest *guest = g_new0 (HdaGuest, 1);
  PciHostConfig config = {.ecam_base = ECAM,
                          .ecam_bytes = ECAM_BYTES,
                          .mmio32_base = BAR0,
                          .mmio32_bytes = 1 << 20,
                          .msi = {send_message, guest}};

  config.intx[SLOT % 4] = (IrqLine){set_pin, guest, 0};
  guest_log_init (&guest->vm.log, "test");
  guest->ram = vm_ram_new (HDA_GUEST_RAM_BASE, HDA_GUEST_RAM_BYTES, NULL);
  guest->vm.bus = mem_bus_new ();
  mem_bus_add_ram (guest->vm.bus, guest->ram);
  guest->vm.loop = vm_loop_new ("test-io");
  guest->vm.clock = vm_clock_new (guest->vm.loop);
  guest->sound = test_sound_new ();
  guest->pci = pci_host_new (&config);
  pci_function_init (&guest->first, 1, 1, 1, class_code, 0);
  guest->hda = hda_new (&test_sound_ops, guest->sound, guest->pci, SLOT, FUNCTION);
  guest->pci->vm = guest->hda->vm = &guest->vm;
  vm_loop_call (guest->vm.loop, realize_cb, guest);
  place_bars (guest);
  return guest;
}

static void
free_cb (void *data)
{
  HdaGuest *guest = data;

  guest->hda->ops->free (guest->hda);
  guest->pci->ops->free (guest->pci);
}

void
hda_guest_free (HdaGuest *guest)
{
  vm_loop_call (guest->vm.loop, free_cb, guest);
  vm_clock_free (guest->vm.clock);
  vm_loop_free (guest->vm.loop);
  mem_bus_free (guest->vm.bus);
  vm_ram_free (guest->ram);
  guest_log_clear (&guest->vm.log);
  test_sound_free (guest->sound);
  g_free (guest);
}

uint32_t
hda_guest_read (HdaGuest *guest, unsigned offset, unsigned size)
{
  uint64_t value = 0;
  mem_bus_read (guest->vm.bus, BAR0 + offset, size, &value);
  return (uint32_t) value;
}

void
hda_guest_write (HdaGuest *guest, unsigned offset, uint32_t value, unsigned size)
{
  mem_bus_write (guest->vm.bus, BAR0 + offset, size, value);
}

void *
hda_guest_ptr (HdaGuest *guest, GuestAddr addr)
{
  return vm_ram_get_host (guest->ram) + (addr - HDA_GUEST_RAM_BASE);
}

void
hda_guest_set_time (HdaGuest *guest, int64_t now_ns)
{
  vm_clock_set (guest->vm.clock, now_ns);
}

void
hda_guest_start (HdaGuest *guest)
{
  hda_guest_write (guest, REG_GCTL, 0, 4);
  hda_guest_write (guest, REG_GCTL, 1, 4);
  hda_guest_write (guest, REG_CORB, HDA_GUEST_CORB, 4);
  hda_guest_write (guest, REG_RIRB, HDA_GUEST_RIRB, 4);
  hda_guest_write (guest, REG_RIRB_INTERVAL, 1, 2);
  hda_guest_write (guest, REG_CORB_CONTROL, 2, 1);
  hda_guest_write (guest, REG_RIRB_CONTROL, 2, 1);
  guest->corb = 0;
}

uint32_t
hda_guest_do (HdaGuest *guest, unsigned node, unsigned verb, unsigned payload)
{
  uint32_t command = node << 20 | (verb < 16 ? verb << 16 : verb << 8) | payload;

  guest->corb = (guest->corb + 1) & 0xff;
  memcpy (hda_guest_ptr (guest, HDA_GUEST_CORB + guest->corb * 4), &command, sizeof command);
  hda_guest_write (guest, REG_CORB_WRITE, guest->corb, 2);
  uint32_t at = hda_guest_read (guest, REG_RIRB_WRITE, 2), response;
  memcpy (&response, hda_guest_ptr (guest, HDA_GUEST_RIRB + at * 8), sizeof response);
  return response;
}

void
hda_guest_set_entry (HdaGuest *guest, unsigned stream, unsigned i, GuestAddr addr, uint32_t bytes,
                     uint32_t flags)
{
  const uint32_t words[4] = {(uint32_t) addr, (uint32_t) (addr >> 32), bytes, flags};
  memcpy (hda_guest_ptr (guest, HDA_GUEST_LIST + stream * 0x1000 + i * 16), words, sizeof words);
}

static void
quiesce_cb (void *data)
{
  HdaGuest *guest = data;
  guest->hda->ops->quiesce (guest->hda);
}

static void
resume_cb (void *data)
{
  HdaGuest *guest = data;
  guest->hda->ops->resume (guest->hda);
}

static void
reset_cb (void *data)
{
  HdaGuest *guest = data;
  guest->hda->ops->reset (guest->hda);
}

void
hda_guest_quiesce (HdaGuest *guest)
{
  vm_loop_call (guest->vm.loop, quiesce_cb, guest);
}

void
hda_guest_resume (HdaGuest *guest)
{
  vm_loop_call (guest->vm.loop, resume_cb, guest);
}

void
hda_guest_reset (HdaGuest *guest)
{
  vm_loop_call (guest->vm.loop, reset_cb, guest);
  place_bars (guest);
}

GBytes *
hda_guest_save (HdaGuest *guest)
{
  StateWriter *writer = state_writer_new ();

  state_writer_begin (writer, "hda", 1);
  guest->hda->ops->save (guest->hda, writer);
  state_writer_end (writer);
  return state_writer_finish (writer);
}

bool
hda_guest_load (HdaGuest *guest, GBytes *state)
{
  StateReader *reader = state_reader_new (state, NULL);
  uint32_t version;
  bool ok = reader != NULL && state_reader_begin (reader, "hda", 1, &version, NULL) &&
            guest->hda->ops->load (guest->hda, reader, version, NULL) &&
            state_reader_end (reader, NULL);

  if (reader != NULL)
    state_reader_free (reader);
  return ok;
}
