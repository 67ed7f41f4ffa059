// SPDX-License-Identifier: GPL-3.0-or-later
// The flash banks, fw_cfg and the event device: any access at any offset, resets, pauses, and state
// saved and loaded in between, whole or damaged.
#include "engine/hw/cfi-flash.h"
#include "engine/hw/fw-cfg.h"
#include "engine/hw/ged.h"
#include "engine/snapshot/state.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/hw/fake-vm.h"

enum {
  FLASH = 0x04000000,
  CFG = 0x09020000,
  GED = 0x09080000,
  RAM_BYTES = 65536,
  STEPS_MAX = 400,
};

typedef struct Rig {
  FakeVm *vm;
  Device *devices[3];
  FakeLine line;
} Rig;

static void
add_devices (Rig *rig)
{
  g_autoptr (GBytes) initial = g_bytes_new_static ("\xff\xff\xff\xff\xff\xff\xff\xff", 8);

  rig->vm = fake_vm_new (1, RAM_BYTES);
  guest_log_init (&rig->vm->vm.log, "fuzz");
  rig->devices[0] = cfi_flash_new (FLASH, initial, NULL, NULL);
  rig->devices[1] = fw_cfg_new (CFG);
  rig->devices[2] = ged_new (GED, fake_line (&rig->line));
  fw_cfg_add_file (rig->devices[1], "etc/file", g_bytes_new ("contents", 8));
  for (unsigned i = 0; i < 3; i++)
    fake_vm_add (rig->vm, rig->devices[i]);
}

static void
save_and_load (Device *device, FuzzInput *in)
{
  StateWriter *writer = state_writer_new ();
  uint32_t version;

  state_writer_begin (writer, device->ops->name, device->ops->state_version);
  if (fuzz_below (in, 3) == 0)
    for (unsigned n = fuzz_below (in, 64); n > 0; n--)
      state_put_u8 (writer, (uint8_t) fuzz_number (in, 1));
  else
    device->ops->save (device, writer);
  state_writer_end (writer);
  g_autoptr (GBytes) bytes = state_writer_finish (writer);
  StateReader *reader = state_reader_new (bytes, NULL);
  if (state_reader_begin (reader, device->ops->name, device->ops->state_version, &version, NULL))
    device->ops->load (device, reader, version, NULL);
  state_reader_free (reader);
}

// Commands of flash, aligned and in one block, so that sequences of them come about.
static void
flash_command (Rig *rig, FuzzInput *in)
{
  static const uint8_t commands[] = {0x10, 0x20, 0x40, 0x50, 0x60, 0x70,
                                     0x90, 0x98, 0xd0, 0xe8, 0xff};
  uint32_t at =
      fuzz_below (in, 2048) * 4u + (fuzz_below (in, 8) == 0 ? CFI_FLASH_BANK_BYTES - 8192 : 0);
  uint32_t value = fuzz_below (in, 2) == 0
                       ? commands[fuzz_below (in, G_N_ELEMENTS (commands))] * 0x10001u
                       : (uint32_t) fuzz_number (in, 4);

  fake_write (rig->vm, FLASH + at, value, 4);
}

static void
cfg_dma (Rig *rig, FuzzInput *in)
{
  uint8_t *ram = fake_vm_ram (rig->vm);
  uint32_t at = fuzz_below (in, RAM_BYTES - 16);

  fuzz_bytes (in, ram + at, 16);
  if (fuzz_below (in, 2) == 0) { // an address in RAM, a length that may fit
    memcpy (ram + at + 8, "\0\0\0\0\x40\0", 6);
    memset (ram + at + 4, 0, 2);
  }
  fake_write (rig->vm, CFG + 16, 0, 4);
  fake_write (rig->vm, CFG + 20, GUINT32_SWAP_LE_BE (FAKE_RAM_BASE + at), 4);
}

static void
any_access (Rig *rig, FuzzInput *in)
{
  static const GuestAddr bases[] = {FLASH, CFG, GED, FLASH + CFI_FLASH_BANK_BYTES - 32};
  GuestAddr addr = bases[fuzz_below (in, 4)] + fuzz_below (in, 32);
  unsigned size = 1u << fuzz_below (in, 4);

  // The bus lets nothing through that leaves its region.
  if (mem_bus_find (rig->vm->vm.bus, addr + size - 1) == NULL)
    return;
  if (fuzz_below (in, 2) == 0)
    fake_read (rig->vm, addr, size);
  else
    fake_write (rig->vm, addr, fuzz_number (in, 8), size);
}

static void
step (Rig *rig, FuzzInput *in)
{
  Device *device = rig->devices[fuzz_below (in, 3)];

  switch (fuzz_below (in, 40)) {
  case 0:
    device->ops->reset (device);
    break;
  case 1:
    save_and_load (device, in);
    break;
  case 2:
    ged_raise (rig->devices[2], (uint32_t) fuzz_number (in, 4));
    break;
  default:
    if (fuzz_below (in, 3) == 0)
      any_access (rig, in);
    else if (fuzz_below (in, 3) == 0)
      cfg_dma (rig, in);
    else
      flash_command (rig, in);
    break;
  }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  FuzzInput in = {data, size};
  Rig rig = {0};

  add_devices (&rig);
  for (unsigned i = 0; i < STEPS_MAX && in.left > 0; i++)
    step (&rig, &in);
  guest_log_clear (&rig.vm->vm.log);
  fake_vm_free (rig.vm);
  return 0;
}
