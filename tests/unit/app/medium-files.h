// SPDX-License-Identifier: GPL-3.0-or-later
// Small media made for tests: FAT with a loader, discs that start from it, disks with a table. The
// caller frees what is returned.
#pragma once

#include <glib.h>
#include <stdint.h>

#define MEDIUM_FAT_BYTES ((size_t) 256 << 10)

// FAT12 of MEDIUM_FAT_BYTES with \EFI\BOOT\<name>, a PE file for `machine`. `name` is 8 and 3 letters.
uint8_t *medium_make_fat (const char *name, uint16_t machine);
// ISO 9660 with this volume identifier; El Torito with the FAT image for `platform`, or no loader
// when `fat` is NULL.
GByteArray *medium_make_disc (const char *volume, const uint8_t *fat, uint8_t platform);
// One partition with the FAT image, or nothing in it when `fat` is NULL.
GByteArray *medium_make_gpt (const uint8_t *fat);
GByteArray *medium_make_mbr (const uint8_t *fat);
