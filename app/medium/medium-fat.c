// SPDX-License-Identifier: GPL-3.0-or-later
// FAT file systems as far as it takes to find \EFI\BOOT\BOOT*.EFI and what those are for: "FAT32 File
// System Specification" 1.03, UEFI 2.10 §13.3 and §3.5.1.1 (names), "PE Format" (machine types). The
// thread of medium_look.
#include <string.h>

#include "app/medium/medium-priv.h"

#define ENTRY_BYTES     32
#define ENTRIES_MAX     2048 // of a folder that is looked through
#define ATTRIBUTE_LONG  0x0f // a piece of a long name
#define ATTRIBUTE_DIR   0x10
#define ATTRIBUTE_LABEL 0x08
#define NAME_BYTES      11

typedef enum {
  FAT12,
  FAT16,
  FAT32,
} FatKind;

typedef struct Fat {
  const MediumPart *part;
  FatKind kind;
  uint32_t cluster_bytes;
  uint64_t table, root, data; // offsets in bytes; root: of FAT12 and FAT16
  uint32_t root_entries;      // of FAT12 and FAT16
  uint32_t root_cluster;      // of FAT32
  uint32_t n_clusters;
} Fat;

static bool
is_power_of_two (uint32_t n)
{
  return n != 0 && (n & (n - 1)) == 0;
}

static bool
open_fat (const MediumPart *part, Fat *fat)
{
  uint8_t boot[512];

  if (!medium_read (part, 0, boot, sizeof boot) || boot[510] != 0x55 || boot[511] != 0xaa)
    return false;
  uint32_t sector = get16 (boot + 11), per_cluster = boot[13], reserved = get16 (boot + 14);
  uint32_t n_tables = boot[16], root_entries = get16 (boot + 17);
  uint32_t table_sectors = get16 (boot + 22) ? get16 (boot + 22) : get32 (boot + 36);
  uint32_t sectors = get16 (boot + 19) ? get16 (boot + 19) : get32 (boot + 32);
  if (sector < 512 || sector > 4096 || !is_power_of_two (sector) ||
      !is_power_of_two (per_cluster) || reserved == 0 || n_tables == 0 || n_tables > 2 ||
      table_sectors == 0)
    return false;
  uint64_t root = reserved + (uint64_t) n_tables * table_sectors;
  uint64_t data = root + ((uint64_t) root_entries * ENTRY_BYTES + sector - 1) / sector;
  if (data >= sectors)
    return false;
  *fat = (Fat){
      .part = part,
      .cluster_bytes = sector * per_cluster,
      .table = (uint64_t) reserved * sector,
      .root = root * sector,
      .data = data * sector,
      .root_entries = root_entries,
      .root_cluster = get32 (boot + 44),
      .n_clusters = (uint32_t) ((sectors - data) / per_cluster),
  };
  fat->kind = fat->n_clusters < 4085 ? FAT12 : fat->n_clusters < 65525 ? FAT16 : FAT32;
  return true;
}

// The one that follows; 0: there is none.
static uint32_t
next_cluster (const Fat *fat, uint32_t cluster)
{
  uint8_t bytes[4] = {0};
  uint32_t next;

  switch (fat->kind) {
  case FAT12:
    if (!medium_read (fat->part, fat->table + cluster + cluster / 2, bytes, 2))
      return 0;
    next = (uint32_t) get16 (bytes) >> (cluster % 2 ? 4 : 0) & 0xfff;
    break;
  case FAT16:
    if (!medium_read (fat->part, fat->table + (uint64_t) cluster * 2, bytes, 2))
      return 0;
    next = get16 (bytes);
    break;
  default:
    if (!medium_read (fat->part, fat->table + (uint64_t) cluster * 4, bytes, 4))
      return 0;
    next = get32 (bytes) & 0x0fffffff;
  }
  return next;
}

static bool
cluster_offset (const Fat *fat, uint32_t cluster, uint64_t *offset)
{
  if (cluster < 2 || cluster - 2 >= fat->n_clusters)
    return false;
  *offset = fat->data + (uint64_t) (cluster - 2) * fat->cluster_bytes;
  return true;
}

// A folder's entries, one after the other.
typedef struct Folder {
  const Fat *fat;
  uint32_t cluster; // 0: the root of FAT12 and FAT16
  uint32_t in_cluster;
  unsigned seen;
} Folder;

static bool
read_entry (Folder *folder, uint8_t *entry)
{
  const Fat *fat = folder->fat;
  uint64_t offset;

  if (folder->seen++ >= ENTRIES_MAX)
    return false;
  if (folder->cluster == 0) {
    if (folder->seen > fat->root_entries)
      return false;
    offset = fat->root + (uint64_t) (folder->seen - 1) * ENTRY_BYTES;
  } else {
    if (folder->in_cluster == fat->cluster_bytes) {
      folder->cluster = next_cluster (fat, folder->cluster);
      folder->in_cluster = 0;
    }
    if (!cluster_offset (fat, folder->cluster, &offset))
      return false;
    offset += folder->in_cluster;
    folder->in_cluster += ENTRY_BYTES;
  }
  return medium_read (fat->part, offset, entry, ENTRY_BYTES) && entry[0] != 0;
}

static bool
is_file_or_folder (const uint8_t *entry)
{
  return entry[0] != 0xe5 && (entry[11] & 0x3f) != ATTRIBUTE_LONG &&
         (entry[11] & ATTRIBUTE_LABEL) == 0;
}

static uint32_t
get_cluster (const Fat *fat, const uint8_t *entry)
{
  uint32_t high = fat->kind == FAT32 ? get16 (entry + 20) : 0;

  return high << 16 | get16 (entry + 26);
}

// The cluster of a folder in a folder; 0: there is none.
static uint32_t
find_folder (const Fat *fat, uint32_t cluster, const char *name)
{
  Folder folder = {.fat = fat, .cluster = cluster};
  uint8_t entry[ENTRY_BYTES];

  while (read_entry (&folder, entry))
    if (is_file_or_folder (entry) && (entry[11] & ATTRIBUTE_DIR) &&
        memcmp (entry, name, NAME_BYTES) == 0)
      return get_cluster (fat, entry);
  return 0;
}

// The processor that a PE file is for, whatever its name.
static unsigned
get_processor (const Fat *fat, const uint8_t *entry)
{
  static const struct {
    uint16_t machine;
    unsigned flag;
  } machines[] = {
      {0xaa64, MEDIUM_AARCH64}, {0x01c2, MEDIUM_ARM},  {0x01c4, MEDIUM_ARM},
      {0x8664, MEDIUM_X86_64},  {0x014c, MEDIUM_IA32}, {0x5064, MEDIUM_RISCV64},
  };
  uint8_t head[64], pe[6];
  uint64_t offset;

  // The header is in the first cluster: loaders are made that way.
  if (!cluster_offset (fat, get_cluster (fat, entry), &offset) ||
      !medium_read (fat->part, offset, head, sizeof head) || memcmp (head, "MZ", 2) != 0 ||
      get32 (head + 60) > fat->cluster_bytes ||
      !medium_read (fat->part, offset + get32 (head + 60), pe, sizeof pe) ||
      memcmp (pe, "PE\0\0", 4) != 0)
    return 0;
  for (unsigned i = 0; i < G_N_ELEMENTS (machines); i++)
    if (get16 (pe + 4) == machines[i].machine)
      return machines[i].flag;
  return 0;
}

// Firmware takes only the one of its own name.
static bool
is_named_for (const uint8_t *entry, unsigned processor)
{
  const char *name = processor == MEDIUM_AARCH64  ? "BOOTAA64EFI"
                     : processor == MEDIUM_ARM    ? "BOOTARM EFI"
                     : processor == MEDIUM_X86_64 ? "BOOTX64 EFI"
                     : processor == MEDIUM_IA32   ? "BOOTIA32EFI"
                                                  : NULL;

  // That of RISC-V is too long for a short name, and its short one is the maker's choice.
  return name ? memcmp (entry, name, NAME_BYTES) == 0
              : memcmp (entry, "BOOTRI", 6) == 0 && memcmp (entry + 8, "EFI", 3) == 0;
}

unsigned
medium_find_loaders (const MediumPart *part)
{
  Fat fat;
  uint8_t entry[ENTRY_BYTES];
  unsigned found = 0;

  if (!open_fat (part, &fat))
    return 0;
  uint32_t root = fat.kind == FAT32 ? fat.root_cluster : 0;
  uint32_t efi = find_folder (&fat, root, "EFI        ");
  uint32_t boot = efi ? find_folder (&fat, efi, "BOOT       ") : 0;
  Folder folder = {.fat = &fat, .cluster = boot};
  while (boot && read_entry (&folder, entry)) {
    unsigned processor =
        is_file_or_folder (entry) && !(entry[11] & ATTRIBUTE_DIR) ? get_processor (&fat, entry) : 0;
    if (processor && is_named_for (entry, processor))
      found |= processor;
  }
  return found;
}
