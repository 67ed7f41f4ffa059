// SPDX-License-Identifier: GPL-3.0-or-later
// VMDK, the disks of VMware, in one file: "monolithicSparse" and "streamOptimized" (what is in
// OVA archives). A directory of tables of 32-bit sector numbers of grains; streamOptimized has
// deflated grains and its last header at the end. (Virtual Disk Format 5.0)
#include <glib/gi18n.h>
#include <string.h>

#include "engine/block/import/import-priv.h"

enum {
  HEADER_BYTES = 512,
  FLAGS = 0x08,
  CAPACITY = 0x0c,
  GRAIN_SECTORS = 0x14,
  DESCRIPTOR_SECTOR = 0x1c,
  DESCRIPTOR_SECTORS = 0x24,
  TABLE_ENTRIES = 0x2c,
  DIRECTORY_SECTOR = 0x38,
  COMPRESSION = 0x4d,

  FLAG_ZERO_GRAINS = 1 << 2,
  FLAG_COMPRESSED = 1 << 16,

  DESCRIPTOR_BYTES_MAX = 1 << 20,
  TABLE_ENTRIES_MAX = 1 << 16,
  FOOTER_FROM_END = 1024,
  ZERO_GRAIN = 1,
};

#define DIRECTORY_AT_END UINT64_MAX

// The text inside: whether the disk is whole.
static bool
check_descriptor (Import *import, const uint8_t *header, GError **error)
{
  uint64_t sectors = import_get (header, DESCRIPTOR_SECTORS, 8);
  uint64_t sector = import_get (header, DESCRIPTOR_SECTOR, 8);
  if (sector == 0 || sectors == 0)
    return true; // part of a disk in several files has none
  if (sectors > DESCRIPTOR_BYTES_MAX / 512 || sector > INT64_MAX / 512)
    return import_refuse_damaged (import, error);
  g_autofree char *text = g_malloc0 (sectors * 512 + 1);
  if (!import_read (import, text, sectors * 512, sector * 512, error))
    return false;
  const char *parent = strstr (text, "parentCID=");
  if (parent != NULL && g_ascii_strncasecmp (parent + 10, "ffffffff", 8) != 0)
    return import_refuse_based (import, error);
  return true;
}

static bool
fill_from_table (Import *import, uint64_t first, uint64_t table_sector, uint64_t n,
                 bool zero_grains, GError **error)
{
  g_autofree uint8_t *table = g_malloc (n * 4);
  if (!import_read (import, table, n * 4, table_sector * 512, error))
    return false;
  for (uint64_t i = 0; i < n && first + i < import->n_blocks; i++) {
    uint64_t sector = import_get (table + i * 4, 0, 4);
    if (sector == 0 || (zero_grains && sector == ZERO_GRAIN))
      continue;
    import->hosts[first + i] = sector * 512;
    if (sector * 512 >= import->file_bytes)
      return import_refuse_damaged (import, error);
  }
  return true;
}

static bool
fill_table (Import *import, const uint8_t *header, GError **error)
{
  uint64_t per_table = import_get (header, TABLE_ENTRIES, 4);
  uint64_t directory_sector = import_get (header, DIRECTORY_SECTOR, 8);
  bool zero_grains = import_get (header, FLAGS, 4) & FLAG_ZERO_GRAINS;
  if (per_table == 0 || per_table > TABLE_ENTRIES_MAX || directory_sector > INT64_MAX / 512)
    return import_refuse_damaged (import, error);
  uint64_t n_tables = (import->n_blocks + per_table - 1) / per_table;
  g_autofree uint8_t *directory = g_malloc (n_tables * 4);
  if (!import_read (import, directory, n_tables * 4, directory_sector * 512, error))
    return false;
  for (uint64_t t = 0; t < n_tables; t++) {
    uint64_t sector = import_get (directory + t * 4, 0, 4);
    if (sector != 0 &&
        !fill_from_table (import, t * per_table, sector, per_table, zero_grains, error))
      return false;
  }
  return true;
}

bool
import_parse_vmdk (Import *import, GError **error)
{
  uint8_t header[HEADER_BYTES];
  if (!import_read (import, header, sizeof header, 0, error))
    return false;
  if (memcmp (header, "KDMV", 4) != 0)
    return import_refuse (import, error,
                          _ ("it only describes a disk that is in other files; name its “-flat” "
                             "file, or join them in the program that made it"));
  if (!check_descriptor (import, header, error))
    return false;
  if (import_get (header, DIRECTORY_SECTOR, 8) == DIRECTORY_AT_END) {
    if (import->file_bytes < HEADER_BYTES + FOOTER_FROM_END)
      return import_refuse_damaged (import, error);
    if (!import_read (import, header, sizeof header, import->file_bytes - FOOTER_FROM_END, error))
      return false;
    if (memcmp (header, "KDMV", 4) != 0)
      return import_refuse_damaged (import, error);
  }
  uint64_t sectors = import_get (header, CAPACITY, 8),
           grain = import_get (header, GRAIN_SECTORS, 8);
  if (sectors > INT64_MAX / 1024 || grain > 1 << 16)
    return import_refuse_damaged (import, error);
  import->size_bytes = sectors * 512;
  import->block_bytes = grain * 512;
  import->packed = import_get (header, FLAGS, 4) & FLAG_COMPRESSED;
  if (import->packed && import_get (header, COMPRESSION, 2) != 1)
    return import_refuse_damaged (import, error);
  return import_make_table (import, error) && fill_table (import, header, error);
}
