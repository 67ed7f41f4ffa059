// SPDX-License-Identifier: GPL-3.0-or-later
// Partition tables: UEFI 2.10 §5.2 (master boot record) and §5.3 (GUID partition table). Which
// partition firmware looks at does not depend on its type: any with a file system it can read. The
// thread of medium_look.
#include <string.h>

#include "app/medium/medium-priv.h"

#define SECTOR_BYTES    512
#define MBR_TABLE       446
#define MBR_ENTRY_BYTES 16
#define MBR_ENTRIES     4
#define MBR_PROTECTIVE  0xee
#define GPT_ENTRIES_MAX 128
#define GPT_ENTRY_MIN   128
#define GPT_ENTRY_MAX   1024

static void
look_at_partition (const MediumPart *whole, uint64_t offset, uint64_t length, Medium *medium)
{
  if (offset >= whole->length || length == 0)
    return;
  MediumPart part = {whole->reader, whole->budget, offset, MIN (length, whole->length - offset)};
  medium->n_partitions++;
  medium->disk_loaders |= medium_find_loaders (&part);
}

static void
read_gpt_entry (const MediumPart *whole, const uint8_t *entry, uint64_t block_bytes, Medium *medium)
{
  static const uint8_t unused[16] = {0};
  uint64_t first = get64 (entry + 32), last = get64 (entry + 40);

  if (memcmp (entry, unused, sizeof unused) == 0 || last < first ||
      last >= whole->length / block_bytes)
    return;
  look_at_partition (whole, first * block_bytes, (last - first + 1) * block_bytes, medium);
}

static bool
read_gpt (const MediumPart *whole, uint64_t block_bytes, Medium *medium)
{
  uint8_t header[92], entry[GPT_ENTRY_MAX];

  if (!medium_read (whole, block_bytes, header, sizeof header) ||
      memcmp (header, "EFI PART", 8) != 0)
    return false;
  uint64_t at = get64 (header + 72);
  uint32_t n = MIN (get32 (header + 80), GPT_ENTRIES_MAX), bytes = get32 (header + 84);
  if (bytes < GPT_ENTRY_MIN || bytes > GPT_ENTRY_MAX || at >= whole->length / block_bytes)
    return false;
  medium->table = MEDIUM_GPT;
  for (uint32_t i = 0; i < n; i++) {
    if (!medium_read (whole, at * block_bytes + (uint64_t) i * bytes, entry, bytes))
      break;
    read_gpt_entry (whole, entry, block_bytes, medium);
  }
  return true;
}

static bool
has_code (const uint8_t *sector)
{
  for (unsigned i = 0; i < MBR_TABLE - 6; i++) // the last six are a signature
    if (sector[i] != 0)
      return true;
  return false;
}

// Code and nonsense have the mark at the end too: a table's entries are inactive or active.
static bool
is_mbr (const uint8_t *sector)
{
  unsigned used = 0;

  if (sector[510] != 0x55 || sector[511] != 0xaa)
    return false;
  for (unsigned i = 0; i < MBR_ENTRIES; i++) {
    const uint8_t *entry = sector + MBR_TABLE + i * MBR_ENTRY_BYTES;
    if (entry[0] != 0 && entry[0] != 0x80)
      return false;
    used += entry[4] != 0;
  }
  return used > 0;
}

static void
read_mbr (const MediumPart *whole, const uint8_t *sector, Medium *medium)
{
  medium->table = MEDIUM_MBR;
  medium->bios |= has_code (sector);
  for (unsigned i = 0; i < MBR_ENTRIES; i++) {
    const uint8_t *entry = sector + MBR_TABLE + i * MBR_ENTRY_BYTES;
    if (entry[4] != 0 && entry[4] != MBR_PROTECTIVE)
      look_at_partition (whole, (uint64_t) get32 (entry + 8) * SECTOR_BYTES,
                         (uint64_t) get32 (entry + 12) * SECTOR_BYTES, medium);
  }
}

void
medium_look_at_table (const MediumPart *whole, Medium *medium)
{
  uint8_t sector[SECTOR_BYTES];

  medium->disk_loaders |= medium_find_loaders (whole); // a file system without a table
  if (!medium_read (whole, 0, sector, sizeof sector))
    return;
  if (read_gpt (whole, SECTOR_BYTES, medium) || read_gpt (whole, 4096, medium))
    medium->bios |= has_code (sector);
  else if (is_mbr (sector))
    read_mbr (whole, sector, medium);
}
