// SPDX-License-Identifier: GPL-3.0-or-later
// The flash bank with the firmware. Its commands are not wired: it is memory that is read and
// executed at full speed, and what is written to it goes nowhere. What it holds is part of the saved
// state, since a guest that is going through it must find the same when it goes on.
//
// Threads: read by all CPUs; changed only by load, with every vCPU parked.
#include <errno.h>
#include <gio/gio.h>
#include <glib/gi18n.h>
#include <string.h>
#include <sys/mman.h>

#include "engine/hw/cfi-flash.h"
#include "engine/snapshot/state.h"
#include "engine/vm/vm.h"

typedef struct CfiRom {
  Device device;
  GuestAddr base;
  GBytes *contents;
  uint8_t *host; // the bank; MAP_FAILED: not there
} CfiRom;

static void
rom_write (void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
  CfiRom *rom = opaque;

  guest_log (&rom->device.vm->log, "flash", "write to the firmware at 0x%" G_GINT64_MODIFIER "x",
             rom->base + offset);
}

static const MmioOps mmio_ops = {.write = rom_write, .sizes = 1 | 2 | 4 | 8};

// False: the host refuses, errno says why.
static bool
fill (CfiRom *rom)
{
  size_t length;
  const void *data = g_bytes_get_data (rom->contents, &length);

  if (mprotect (rom->host, CFI_FLASH_BANK_BYTES, PROT_READ | PROT_WRITE) < 0 ||
      madvise (rom->host, CFI_FLASH_BANK_BYTES, MADV_DONTNEED) < 0)
    return false;
  if (length > 0)
    memcpy (rom->host, data, length);
  return mprotect (rom->host, CFI_FLASH_BANK_BYTES, PROT_READ) == 0;
}

static bool
rom_realize (Device *device, GError **error)
{
  CfiRom *rom = (CfiRom *) device;

  rom->host = mmap (NULL, CFI_FLASH_BANK_BYTES, PROT_READ,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (rom->host == MAP_FAILED || !fill (rom)) {
    g_set_error (error, G_IO_ERROR, (int) g_io_error_from_errno (errno),
                 _ ("There is not enough memory for the machine's firmware: %s"),
                 g_strerror (errno));
    return false;
  }
  mem_bus_add_rom (device->vm->bus, "firmware", rom->base, CFI_FLASH_BANK_BYTES, rom->host,
                   &mmio_ops, rom);
  return true;
}

static void
rom_free (Device *device)
{
  CfiRom *rom = (CfiRom *) device;

  if (rom->host != MAP_FAILED)
    munmap (rom->host, CFI_FLASH_BANK_BYTES);
  g_bytes_unref (rom->contents);
  g_free (rom);
}

static void
rom_save (Device *device, StateWriter *writer)
{
  CfiRom *rom = (CfiRom *) device;
  size_t length;
  const void *data = g_bytes_get_data (rom->contents, &length);

  state_put_bytes (writer, data, length);
}

static bool
rom_load (Device *device, StateReader *reader, uint32_t version, GError **error)
{
  CfiRom *rom = (CfiRom *) device;
  GBytes *contents = state_get_blob (reader, CFI_FLASH_BANK_BYTES);

  if (contents == NULL) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                 "The saved state of the firmware is damaged.");
    return false;
  }
  g_bytes_unref (rom->contents);
  rom->contents = contents;
  if (fill (rom))
    return true;
  g_set_error (error, G_IO_ERROR, (int) g_io_error_from_errno (errno),
               _ ("There is not enough memory for the machine's firmware: %s"), g_strerror (errno));
  return false;
}

static const DeviceOps device_ops = {
    .name = "cfi-rom",
    .state_version = 1,
    .realize = rom_realize,
    .free = rom_free,
    .save = rom_save,
    .load = rom_load,
};

// Most files are padded to the length of the bank, and saved state should not be.
static size_t
used_bytes (GBytes *contents)
{
  size_t length;
  const uint8_t *data = g_bytes_get_data (contents, &length);

  while (length > 0 && data[length - 1] == 0)
    length--;
  return length;
}

Device *
cfi_rom_new (GuestAddr base, GBytes *contents)
{
  CfiRom *rom = g_new0 (CfiRom, 1);

  g_assert (g_bytes_get_size (contents) <= CFI_FLASH_BANK_BYTES);
  rom->device.ops = &device_ops;
  rom->base = base;
  rom->host = MAP_FAILED;
  rom->contents = g_bytes_new (g_bytes_get_data (contents, NULL), used_bytes (contents));
  return &rom->device;
}
