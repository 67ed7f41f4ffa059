// SPDX-License-Identifier: GPL-3.0-or-later
// VHDX, the disks of Hyper-V ([MS-VHDX]): regions found by name, among them items that describe the
// disk and a table of blocks (BAT). A log that has not been replayed is not replayed here: such a
// disk was not closed, and its own program closes it.
#include <glib/gi18n.h>
#include <string.h>

#include "engine/block/import/import-priv.h"

enum {
  HEADER_1 = 64 << 10,
  HEADER_2 = 128 << 10,
  REGIONS = 192 << 10,
  TABLE_BYTES = 64 << 10, // regions; metadata
  HEADER_SEQUENCE = 8,
  HEADER_LOG_ID = 48,
  REGION_ENTRIES = 16,
  METADATA_ENTRIES = 32,
  ENTRY_BYTES = 32,
  ENTRIES_MAX = (TABLE_BYTES - METADATA_ENTRIES) / ENTRY_BYTES,

  HAS_PARENT = 1 << 1,

  BLOCK_STATE = 7,
  BLOCK_FULLY_THERE = 6,
  BLOCK_PARTLY_THERE = 7,
};

typedef struct Guid {
  uint8_t bytes[16];
} Guid;

static const Guid bat_region = {{0x66, 0x77, 0xc2, 0x2d, 0x23, 0xf6, 0x00, 0x42, 0x9d, 0x64, 0x11,
                                 0x5e, 0x9b, 0xfd, 0x4a, 0x08}};
static const Guid metadata_region = {{0x06, 0xa2, 0x7c, 0x8b, 0x90, 0x47, 0x9a, 0x4b, 0xb8, 0xfe,
                                      0x57, 0x5f, 0x05, 0x0f, 0x88, 0x6e}};
static const Guid file_parameters = {{0x37, 0x67, 0xa1, 0xca, 0x36, 0xfa, 0x43, 0x4d, 0xb3, 0xb6,
                                      0x33, 0xf0, 0xaa, 0x44, 0xe7, 0x6b}};
static const Guid disk_size = {{0x24, 0x42, 0xa5, 0x2f, 0x1b, 0xcd, 0x76, 0x48, 0xb2, 0x11, 0x5d,
                                0xbe, 0xd8, 0x3b, 0xf4, 0xb8}};
static const Guid sector_size = {{0x1d, 0xbf, 0x41, 0x81, 0x6f, 0xa9, 0x09, 0x47, 0xba, 0x47, 0xf2,
                                  0x33, 0xa8, 0xfa, 0xab, 0x5f}};

// The header that was written last says whether there is a log.
static bool
check_log (Import *import, GError **error)
{
  static const uint8_t no_log[16];
  uint8_t headers[2][64];
  if (!import_read (import, headers[0], sizeof headers[0], HEADER_1, error) ||
      !import_read (import, headers[1], sizeof headers[1], HEADER_2, error))
    return false;
  bool good[2] = {memcmp (headers[0], "head", 4) == 0, memcmp (headers[1], "head", 4) == 0};
  if (!good[0] && !good[1])
    return import_refuse_damaged (import, error);
  bool second = good[1] && (!good[0] || import_get (headers[1], HEADER_SEQUENCE, 8) >
                                            import_get (headers[0], HEADER_SEQUENCE, 8));
  if (memcmp (headers[second] + HEADER_LOG_ID, no_log, sizeof no_log) == 0)
    return true;
  return import_refuse (
      import, error, _ ("it was not closed; open and close it once in the program that made it"));
}

// The entry called `id` of a table; NULL: there is none.
static const uint8_t *
find_entry (const uint8_t *table, unsigned first, uint64_t n, const Guid *id)
{
  for (uint64_t i = 0; i < MIN (n, ENTRIES_MAX); i++) {
    const uint8_t *entry = table + first + i * ENTRY_BYTES;
    if (memcmp (entry, id->bytes, sizeof id->bytes) == 0)
      return entry;
  }
  return NULL;
}

// One number that describes the disk.
static bool
read_item (Import *import, const uint8_t *metadata, uint64_t region, const Guid *id, unsigned size,
           uint64_t *value, GError **error)
{
  const uint8_t *entry = find_entry (metadata, METADATA_ENTRIES, import_get (metadata, 10, 2), id);
  uint8_t bytes[8];
  if (entry == NULL || import_get (entry, 20, 4) < size)
    return import_refuse_damaged (import, error);
  if (!import_read (import, bytes, size, region + import_get (entry, 16, 4), error))
    return false;
  *value = import_get (bytes, 0, size);
  return true;
}

static bool
read_metadata (Import *import, uint64_t region, uint64_t *sector_bytes, GError **error)
{
  g_autofree uint8_t *metadata = g_malloc (TABLE_BYTES);
  uint64_t parameters;
  if (region > INT64_MAX / 2 || !import_read (import, metadata, TABLE_BYTES, region, error))
    return region > INT64_MAX / 2 ? import_refuse_damaged (import, error) : false;
  if (memcmp (metadata, "metadata", 8) != 0)
    return import_refuse_damaged (import, error);
  if (!read_item (import, metadata, region, &file_parameters, 8, &parameters, error) ||
      !read_item (import, metadata, region, &disk_size, 8, &import->size_bytes, error) ||
      !read_item (import, metadata, region, &sector_size, 4, sector_bytes, error))
    return false;
  import->block_bytes = parameters & UINT32_MAX;
  if (parameters >> 32 & HAS_PARENT)
    return import_refuse_based (import, error);
  return true;
}

// Behind each chunk of blocks the table has an entry that is none.
static bool
fill_table (Import *import, uint64_t table, uint64_t table_bytes, uint64_t sector_bytes,
            GError **error)
{
  if (sector_bytes != 512 && sector_bytes != 4096)
    return import_refuse_damaged (import, error);
  uint64_t chunk = (sector_bytes << 23) / import->block_bytes;
  if (chunk == 0)
    return import_refuse_damaged (import, error);
  uint64_t n = import->n_blocks + (import->n_blocks - 1) / chunk;
  if (table > INT64_MAX / 2 || n * 8 > table_bytes)
    return import_refuse_damaged (import, error);
  g_autofree uint8_t *entries = g_malloc (n * 8);
  if (!import_read (import, entries, n * 8, table, error))
    return false;
  for (uint64_t i = 0; i < import->n_blocks; i++) {
    uint64_t entry = import_get (entries + (i + i / chunk) * 8, 0, 8);
    if ((entry & BLOCK_STATE) == BLOCK_PARTLY_THERE)
      return import_refuse_based (import, error);
    if ((entry & BLOCK_STATE) != BLOCK_FULLY_THERE)
      continue;
    import->hosts[i] = entry >> 20 << 20;
    if (import->hosts[i] == 0 || import->hosts[i] >= import->file_bytes)
      return import_refuse_damaged (import, error);
  }
  return true;
}

bool
import_parse_vhdx (Import *import, GError **error)
{
  g_autofree uint8_t *regions = g_malloc (TABLE_BYTES);
  uint64_t sector_bytes = 0;
  if (!check_log (import, error) || !import_read (import, regions, TABLE_BYTES, REGIONS, error))
    return false;
  uint64_t n = import_get (regions, 8, 4);
  const uint8_t *bat = find_entry (regions, REGION_ENTRIES, n, &bat_region);
  const uint8_t *metadata = find_entry (regions, REGION_ENTRIES, n, &metadata_region);
  if (memcmp (regions, "regi", 4) != 0 || bat == NULL || metadata == NULL)
    return import_refuse_damaged (import, error);
  return read_metadata (import, import_get (metadata, 16, 8), &sector_bytes, error) &&
         import_make_table (import, error) &&
         fill_table (import, import_get (bat, 16, 8), import_get (bat, 24, 4), sector_bytes, error);
}
