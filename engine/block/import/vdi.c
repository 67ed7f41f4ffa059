// SPDX-License-Identifier: GPL-3.0-or-later
// VDI, the disks of VirtualBox: a header and a table of 32-bit block numbers.
#include "engine/block/import/import-priv.h"

enum {
  HEADER_BYTES = 512,
  SIGNATURE = 0x40,
  IMAGE_TYPE = 0x4c,
  TABLE_OFFSET = 0x154,
  DATA_OFFSET = 0x158,
  DISK_BYTES = 0x170,
  BLOCK_BYTES = 0x178,
  BLOCKS = 0x180,
  PARENT_ID = 0x1a8,

  TYPE_DYNAMIC = 1,
  TYPE_STATIC = 2,
};

#define VDI_SIGNATURE   0xbeda107fu
#define VDI_FIRST_EMPTY 0xfffffffeu // nothing there, or discarded

static bool
fill_table (Import *import, const uint8_t *header, GError **error)
{
  uint64_t n = import->n_blocks, data = import_get (header, DATA_OFFSET, 4);
  g_autofree uint8_t *table = g_malloc (n * 4);
  if (!import_read (import, table, n * 4, import_get (header, TABLE_OFFSET, 4), error))
    return false;
  for (uint64_t i = 0; i < n; i++) {
    uint64_t block = import_get (table + i * 4, 0, 4);
    if (block >= VDI_FIRST_EMPTY)
      continue;
    import->hosts[i] = data + block * import->block_bytes;
    if (import->hosts[i] == 0 || import->hosts[i] >= import->file_bytes)
      return import_refuse_damaged (import, error);
  }
  return true;
}

bool
import_parse_vdi (Import *import, GError **error)
{
  uint8_t header[HEADER_BYTES];
  if (!import_read (import, header, sizeof header, 0, error))
    return false;
  uint64_t type = import_get (header, IMAGE_TYPE, 4);
  if (import_get (header, SIGNATURE, 4) != VDI_SIGNATURE)
    return import_refuse_damaged (import, error);
  if ((type != TYPE_DYNAMIC && type != TYPE_STATIC) ||
      (import_get (header, PARENT_ID, 8) | import_get (header, PARENT_ID + 8, 8)) != 0)
    return import_refuse_based (import, error);
  import->size_bytes =
      (import_get (header, DISK_BYTES, 8) + BLOCK_SECTOR_BYTES - 1) & ~UINT64_C (511);
  import->block_bytes = import_get (header, BLOCK_BYTES, 4);
  if (!import_make_table (import, error))
    return false;
  if (import->n_blocks > import_get (header, BLOCKS, 4))
    return import_refuse_damaged (import, error);
  return fill_table (import, header, error);
}
