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
  ALL_ENTRIES_MAX = 16 << 20, // of all tables together
  GRANULARITY_BITS_MAX = 63,
  TYPE_DIRTY_TRACKING = 1,
  FLAGS_RESERVED = ~7,
  ALL_ONES = 1,
};

#define ENTRY_RESERVED 0xff000000000001feull

typedef struct __attribute__ ((packed)) BitmapWire {
  uint64_t table_offset;
  uint32_t table_entries, flags;
  uint8_t type, granularity_bits;
  uint16_t name_bytes;
  uint32_t extra_bytes;
} BitmapWire;
static_assert (sizeof (BitmapWire) == 24, "qcow2 bitmap");

// An entry names a cluster or says that all its bits are alike.
static bool
is_entry (const Qcow2 *q, uint64_t entry)
{
  uint64_t host = entry & QCOW2_OFFSET_MASK;
  return (entry & ENTRY_RESERVED) == 0 && host % q->cluster_bytes == 0 &&
         (host == 0 || (entry & ALL_ONES) == 0);
}

static int
count_table (Walk *walk, uint64_t offset, uint64_t n)
{
  Qcow2 *q = walk->q;
  if (n == 0 || n > TABLE_ENTRIES_MAX || offset == 0 || offset % q->cluster_bytes != 0) {
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
  for (uint64_t i = 0; i < n && error == 0; i++) {
    uint64_t host = table[i] & QCOW2_OFFSET_MASK;
    if (!is_entry (q, table[i]))
      qcow2_walk_fault (walk, true, "A bitmap's entry 0x%" G_GINT64_MODIFIER "x is damaged",
                        table[i]);
    else if (host != 0)
      error = qcow2_walk_count (walk, host, q->cluster_bytes);
  }
  return error;
}

// The bytes of a directory's entry of which `left` follow; 0: it is none.
static uint64_t
measure_entry (const BitmapWire *wire, uint64_t left)
{
  uint64_t bytes = sizeof *wire + GUINT16_FROM_BE (wire->name_bytes) +
                   (uint64_t) GUINT32_FROM_BE (wire->extra_bytes);
  bytes = (bytes + 7) & ~UINT64_C (7);
  bool sound = wire->type == TYPE_DIRTY_TRACKING && wire->name_bytes != 0 &&
               wire->granularity_bits <= GRANULARITY_BITS_MAX &&
               (GUINT32_FROM_BE (wire->flags) & (uint32_t) FLAGS_RESERVED) == 0;
  return sound && bytes <= left ? bytes : 0;
}

static int
count_directory (Walk *walk, const uint8_t *directory, uint64_t length, uint32_t n)
{
  uint64_t at = 0, entries = 0;
  int error = 0;
  for (uint32_t i = 0; i < n && error == 0; i++) {
    BitmapWire wire;
    uint64_t bytes = 0;
    if (length - at >= sizeof wire) {
      memcpy (&wire, directory + at, sizeof wire);
      bytes = measure_entry (&wire, length - at);
    }
    if (bytes == 0) {
      qcow2_walk_fault (walk, true, "Entry %u of the bitmap directory is damaged", i);
      return 0;
    }
    at += bytes;
    // All may name the same table.
    entries += GUINT32_FROM_BE (wire.table_entries);
    if (entries > ALL_ENTRIES_MAX)
      return EFBIG;
    error = count_table (walk, GUINT64_FROM_BE (wire.table_offset),
                         GUINT32_FROM_BE (wire.table_entries));
    if (error == 0)
      error = qcow2_walk_go_on (walk, 0);
  }
  if (error == 0 && at != length)
    qcow2_walk_fault (walk, true, "The bitmap directory is longer than its entries");
  return error;
}

int
qcow2_walk_bitmaps (Walk *walk)
{
  const Qcow2Bitmaps *bitmaps = &walk->q->header.bitmaps;
  if (!(walk->q->header.autoclear & QCOW2_AUTOCLEAR_BITMAPS))
    return 0;
  if (bitmaps->n == 0 || bitmaps->n > BITMAPS_MAX || bitmaps->reserved != 0 ||
      bitmaps->directory_bytes > DIRECTORY_BYTES_MAX || bitmaps->directory_offset == 0 ||
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
