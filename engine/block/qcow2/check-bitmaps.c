// SPDX-License-Identifier: GPL-3.0-or-later
// The clusters of persistent dirty bitmaps (qcow2 § Bitmaps), which backup programs keep in an
// image: counted when it is checked, and otherwise let be. They are good only as long as the
// header's autoclear bit says so; our writing clears it. One thread.
#include <errno.h>
#include <string.h>

#include "engine/block/qcow2/check.h"

enum {
  DIRECTORY_BYTES_MAX = 16 << 20,
  BITMAPS_MAX = 65535,
  TABLE_ENTRIES_MAX = 1 << 20,
};

typedef struct __attribute__ ((packed)) BitmapWire {
  uint64_t table_offset;
  uint32_t table_entries, flags;
  uint8_t type, granularity_bits;
  uint16_t name_bytes;
  uint32_t extra_bytes;
} BitmapWire;
static_assert (sizeof (BitmapWire) == 24, "qcow2 bitmap");

static int
count_table (Walk *walk, uint64_t offset, uint64_t n)
{
  Qcow2 *q = walk->q;
  if (n == 0 || n > TABLE_ENTRIES_MAX || offset % q->cluster_bytes != 0) {
    qcow2_walk_fault (walk, true, "A bitmap's table is damaged");
    return 0;
  }
  g_autofree uint64_t *table = g_new (uint64_t, n);
  int error = qcow2_walk_count (walk, offset, n * 8);
  if (error == 0)
    error = qcow2_table_read (q->file, offset, n, table);
  if (error == EIO)
    qcow2_walk_fault (walk, true, "A bitmap's table cannot be read");
  if (error != 0)
    return error == EIO ? 0 : error;
  for (uint64_t i = 0; i < n && error == 0; i++)
    if ((table[i] & QCOW2_OFFSET_MASK) != 0)
      error = qcow2_walk_count (walk, table[i] & QCOW2_OFFSET_MASK, q->cluster_bytes);
  return error;
}

static int
count_directory (Walk *walk, const uint8_t *directory, uint64_t length, uint32_t n)
{
  uint64_t at = 0;
  int error = 0;
  for (uint32_t i = 0; i < n && error == 0; i++) {
    BitmapWire wire;
    if (length - at < sizeof wire) {
      qcow2_walk_fault (walk, true, "The bitmap directory is damaged");
      return 0;
    }
    memcpy (&wire, directory + at, sizeof wire);
    error = count_table (walk, GUINT64_FROM_BE (wire.table_offset),
                         GUINT32_FROM_BE (wire.table_entries));
    uint64_t bytes = sizeof wire + GUINT16_FROM_BE (wire.name_bytes) +
                     (uint64_t) GUINT32_FROM_BE (wire.extra_bytes);
    at = MIN (length, at + ((bytes + 7) & ~UINT64_C (7)));
  }
  return error;
}

int
qcow2_walk_bitmaps (Walk *walk)
{
  const Qcow2Bitmaps *bitmaps = &walk->q->header.bitmaps;
  if (!(walk->q->header.autoclear & QCOW2_AUTOCLEAR_BITMAPS) || bitmaps->n == 0)
    return 0;
  if (bitmaps->n > BITMAPS_MAX || bitmaps->directory_bytes > DIRECTORY_BYTES_MAX ||
      bitmaps->directory_offset % walk->q->cluster_bytes != 0) {
    qcow2_walk_fault (walk, true, "The bitmap directory is damaged");
    return 0;
  }
  g_autofree uint8_t *directory = g_malloc (bitmaps->directory_bytes);
  int error = qcow2_walk_count (walk, bitmaps->directory_offset, bitmaps->directory_bytes);
  if (error == 0)
    error = block_file_read (walk->q->file, directory, bitmaps->directory_bytes,
                             bitmaps->directory_offset);
  if (error == EIO)
    qcow2_walk_fault (walk, true, "The bitmap directory cannot be read");
  if (error != 0)
    return error == EIO ? 0 : error;
  return count_directory (walk, directory, bitmaps->directory_bytes, bitmaps->n);
}
