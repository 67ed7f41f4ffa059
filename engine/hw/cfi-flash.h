// SPDX-License-Identifier: GPL-3.0-or-later
// The two flash banks of a machine with firmware: one that holds the firmware and can only be read
// (cfi-rom.c), and one that holds its variables and is written by the guest (cfi-flash.c), whose
// contents go to a file (cfi-store.h).
//
// The second is two 16-bit chips of 32 MiB side by side on a 32-bit bus, with the common flash
// interface (JEDEC JESD68) and Intel's command set 0001 as the P30 family has it.
#pragma once

#include "engine/block/file.h"
#include "engine/vm/device.h"

enum {
  CFI_FLASH_BANK_BYTES = 64 * 1024 * 1024,
  CFI_FLASH_BLOCK_BYTES = 256 * 1024, // erased together: 128 KiB of each chip
};

// `contents` (not taken) are at the beginning, at most a bank; the rest is zero.
Device *cfi_rom_new (GuestAddr base, GBytes *contents);

// The bank is what `take_file` (CFI_FLASH_BANK_BYTES long) holds, and what the guest changes goes
// there; `name` is the file's, for messages. Without a file it begins with `initial` (not taken, the
// rest is zero; NULL where there is a file) and is kept in memory only.
Device *cfi_flash_new (GuestAddr base, GBytes *initial, BlockFile *take_file, const char *name);
