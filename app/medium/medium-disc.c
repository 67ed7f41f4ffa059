// SPDX-License-Identifier: GPL-3.0-or-later
// CDs and DVDs: ECMA-119 (ISO 9660) volume descriptors, and the "El Torito" Bootable CD-ROM Format
// Specification 1.0 with UEFI 2.10 §13.3.2.1, which adds the platform of EFI. The thread of
// medium_look.
#include <string.h>

#include "app/medium/medium-priv.h"

#define BLOCK_BYTES      2048
#define FIRST_DESCRIPTOR 16
#define DESCRIPTORS_MAX  32
#define CATALOG_ENTRY    32
#define CATALOG_ENTRIES  (BLOCK_BYTES / CATALOG_ENTRY)
#define PLATFORM_BIOS    0x00
#define PLATFORM_EFI     0xef
#define ENTRY_BOOTABLE   0x88
#define HEADER_MORE      0x90
#define HEADER_LAST      0x91
#define ENTRY_EXTENSION  0x44

enum {
  DESCRIPTOR_BOOT = 0,
  DESCRIPTOR_PRIMARY = 1,
  DESCRIPTOR_END = 255,
};

// Padded with blanks, in a subset of ASCII; what is not text is not taken for it.
static char *
dup_text (const uint8_t *field, size_t length)
{
  g_autofree char *text = g_strstrip (g_strndup ((const char *) field, length));

  for (const char *c = text; *c; c++)
    if (!g_ascii_isprint (*c))
      return NULL;
  return *text ? g_steal_pointer (&text) : NULL;
}

static void
read_primary (const uint8_t *descriptor, Medium *medium)
{
  if (medium->volume_bytes > 0)
    return;
  medium->system_id = dup_text (descriptor + 8, 32);
  medium->volume_id = dup_text (descriptor + 40, 32);
  medium->publisher_id = dup_text (descriptor + 318, 128);
  medium->application_id = dup_text (descriptor + 574, 128);
  medium->volume_bytes = (uint64_t) get32 (descriptor + 80) * get16 (descriptor + 128);
}

// The validation entry's 16-bit words add up to zero.
static bool
is_catalog (const uint8_t *catalog)
{
  uint16_t sum = 0;

  for (unsigned i = 0; i < CATALOG_ENTRY; i += 2)
    sum = (uint16_t) (sum + get16 (catalog + i));
  return catalog[0] == 1 && catalog[30] == 0x55 && catalog[31] == 0xaa && sum == 0;
}

// The image's size in the entry is often wrong; the file system in it knows.
static void
read_entry (const MediumPart *whole, const uint8_t *entry, unsigned platform, Medium *medium)
{
  uint64_t offset = (uint64_t) get32 (entry + 8) * BLOCK_BYTES;

  if (entry[0] != ENTRY_BOOTABLE || offset >= whole->length)
    return;
  if (platform == PLATFORM_BIOS)
    medium->bios = true;
  if (platform != PLATFORM_EFI)
    return;
  MediumPart image = {whole->reader, whole->budget, whole->offset + offset, whole->length - offset};
  medium->disc_loaders |= medium_find_loaders (&image);
}

static void
read_catalog (const MediumPart *whole, uint32_t block, Medium *medium)
{
  uint8_t catalog[BLOCK_BYTES];

  if (!medium_read (whole, (uint64_t) block * BLOCK_BYTES, catalog, sizeof catalog) ||
      !is_catalog (catalog))
    return;
  unsigned platform = catalog[1], left = 1;
  bool last = false;
  for (unsigned i = 1; i < CATALOG_ENTRIES; i++) {
    const uint8_t *entry = catalog + (size_t) i * CATALOG_ENTRY;
    if (left > 0) {
      if (entry[0] == ENTRY_EXTENSION) // of the one before it; not one of those counted
        continue;
      read_entry (whole, entry, platform, medium);
      left--;
    } else if (!last && (entry[0] == HEADER_MORE || entry[0] == HEADER_LAST)) {
      last = entry[0] == HEADER_LAST;
      platform = entry[1];
      left = get16 (entry + 2);
    } else if (entry[0] != ENTRY_EXTENSION) {
      return;
    }
  }
}

bool
medium_look_at_disc (const MediumPart *whole, Medium *medium)
{
  uint8_t block[BLOCK_BYTES];

  for (unsigned i = 0; i < DESCRIPTORS_MAX; i++) {
    uint64_t offset = (uint64_t) (FIRST_DESCRIPTOR + i) * BLOCK_BYTES;
    if (!medium_read (whole, offset, block, sizeof block) || memcmp (block + 1, "CD001", 5) != 0)
      break;
    if (block[0] == DESCRIPTOR_PRIMARY)
      read_primary (block, medium);
    else if (block[0] == DESCRIPTOR_BOOT &&
             strncmp ((const char *) block + 7, "EL TORITO SPECIFICATION", 32) == 0)
      read_catalog (whole, get32 (block + 0x47), medium);
    else if (block[0] == DESCRIPTOR_END)
      break;
  }
  return medium->volume_bytes > 0;
}
