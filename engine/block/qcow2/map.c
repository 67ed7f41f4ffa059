// SPDX-License-Identifier: GPL-3.0-or-later
// Which host clusters a guest range is in (qcow2 § Cluster mapping): looking up and changing L1 and
// L2 entries.
//
// Threads: under the image's lock. Entries are checked each time they are read: the file is not
// trusted.
#include <errno.h>
#include <string.h>

#include "engine/block/qcow2/priv.h"

// An L2 entry; without extended entries the bitmap is 0.
typedef struct L2Entry {
  uint64_t word;
  uint32_t allocated, zero; // by subcluster
} L2Entry;

static bool
is_extended (const Qcow2 *q)
{
  return q->l2_entry_bytes == 16;
}

static int
corrupt (Qcow2 *q, const char *what)
{
  qcow2_mark_corrupt_locked (q, what);
  return EIO;
}

// ---------------------------------------------------------------------------------------------
// Tables

// The slice with the entry for a guest offset, and the entry's index there. NULL: no table.
static int
get_slice (Qcow2 *q, uint64_t offset, Slice **slice, unsigned *index)
{
  uint64_t l1_entry = q->l1[offset / q->l2_table_reach];
  uint64_t table = l1_entry & QCOW2_OFFSET_MASK;
  uint64_t i = offset % q->l2_table_reach >> q->header.cluster_bits;
  unsigned in_slice = q->slice_bytes / q->l2_entry_bytes;
  *slice = NULL;
  *index = (unsigned) (i % in_slice);
  if ((l1_entry & QCOW2_L1_RESERVED) != 0 || table % q->cluster_bytes != 0)
    return corrupt (q, "L1 entry");
  if (table == 0)
    return 0;
  return slice_cache_get (&q->l2_cache, table + i / in_slice * q->slice_bytes, slice);
}

static L2Entry
load (const Qcow2 *q, const Slice *slice, unsigned index)
{
  uint64_t words[2] = {0};
  memcpy (words, slice->bytes + (size_t) index * q->l2_entry_bytes, q->l2_entry_bytes);
  uint64_t bitmap = GUINT64_FROM_BE (words[1]);
  return (L2Entry){GUINT64_FROM_BE (words[0]), (uint32_t) bitmap, (uint32_t) (bitmap >> 32)};
}

static void
store (const Qcow2 *q, Slice *slice, unsigned index, const L2Entry *entry)
{
  const uint64_t words[2] = {
      GUINT64_TO_BE (entry->word),
      GUINT64_TO_BE ((uint64_t) entry->zero << 32 | entry->allocated),
  };
  memcpy (slice->bytes + (size_t) index * q->l2_entry_bytes, words, q->l2_entry_bytes);
}

// ---------------------------------------------------------------------------------------------
// Looking up

void
qcow2_packed_range (const Qcow2 *q, uint64_t entry, uint64_t *offset, uint64_t *length)
{
  unsigned offset_bits = 62 - (q->header.cluster_bits - 8);
  uint64_t sectors = (entry & ~(QCOW2_COPIED | QCOW2_COMPRESSED)) >> offset_bits;
  *offset = entry & ((UINT64_C (1) << offset_bits) - 1);
  *length = (sectors + 1) * BLOCK_SECTOR_BYTES - *offset % BLOCK_SECTOR_BYTES;
}

// What byte `skip` of a cluster is.
static int
classify (Qcow2 *q, const L2Entry *entry, uint64_t skip, Qcow2Extent *extent)
{
  uint64_t host = entry->word & QCOW2_OFFSET_MASK;
  *extent = (Qcow2Extent){.kind = QCOW2_ABSENT};
  if (entry->word & QCOW2_COMPRESSED) {
    *extent = (Qcow2Extent){.kind = QCOW2_PACKED, .entry = entry->word};
    return entry->allocated == 0 && entry->zero == 0 ? 0 : corrupt (q, "compressed subclusters");
  }
  if ((entry->word & QCOW2_L2_RESERVED) != 0 || host % q->cluster_bytes != 0)
    return corrupt (q, "L2 entry");
  bool zero = entry->word & QCOW2_ZERO, data = host != 0 && !zero;
  if (zero && (q->header.version < 3 || is_extended (q)))
    return corrupt (q, "L2 entry");
  if (is_extended (q)) {
    uint32_t bit = UINT32_C (1) << skip / (q->cluster_bytes / QCOW2_SUBCLUSTERS);
    if ((entry->allocated & entry->zero) != 0 || (entry->allocated != 0 && host == 0))
      return corrupt (q, "subclusters");
    data = entry->allocated & bit;
    zero = entry->zero & bit;
  }
  if (data) {
    extent->kind = QCOW2_DATA;
    extent->host = host + skip;
    extent->ours = entry->word & QCOW2_COPIED;
  } else if (zero) {
    extent->kind = QCOW2_ZEROES;
  }
  return 0;
}

static bool
follows (const Qcow2Extent *run, const Qcow2Extent *next)
{
  if (run->kind != next->kind)
    return false;
  return run->kind == QCOW2_ABSENT || run->kind == QCOW2_ZEROES ||
         (run->kind == QCOW2_DATA && run->ours == next->ours &&
          run->host + run->length == next->host);
}

bool
qcow2_is_cached_locked (const Qcow2 *q, uint64_t offset)
{
  uint64_t table = q->l1[offset / q->l2_table_reach] & QCOW2_OFFSET_MASK;
  uint64_t i = offset % q->l2_table_reach >> q->header.cluster_bits;
  uint64_t slice = table + i / (q->slice_bytes / q->l2_entry_bytes) * q->slice_bytes;
  return table == 0 || g_hash_table_contains (q->l2_cache.by_offset, &slice);
}

int
qcow2_lookup_locked (Qcow2 *q, uint64_t offset, uint64_t length, Qcow2Extent *extent)
{
  uint64_t unit = is_extended (q) ? q->cluster_bytes / QCOW2_SUBCLUSTERS : q->cluster_bytes;
  uint64_t table_left = q->l2_table_reach - offset % q->l2_table_reach;
  Slice *slice;
  unsigned index;
  int error = get_slice (q, offset, &slice, &index);
  if (error != 0)
    return error;
  if (slice == NULL) {
    *extent = (Qcow2Extent){.kind = QCOW2_ABSENT, .length = MIN (length, table_left)};
    return 0;
  }
  uint64_t skip = offset % q->cluster_bytes, done = 0;
  while (done < length && index < q->slice_bytes / q->l2_entry_bytes) {
    L2Entry entry = load (q, slice, index);
    Qcow2Extent next;
    error = classify (q, &entry, skip, &next);
    if (error != 0)
      return error;
    uint64_t bytes = next.kind == QCOW2_PACKED ? q->cluster_bytes - skip : unit - skip % unit;
    if (done == 0)
      *extent = next;
    else if (!follows (extent, &next))
      break;
    done += bytes;
    skip += bytes;
    extent->length = done;
    if (skip == q->cluster_bytes) {
      skip = 0;
      index++;
    }
  }
  extent->length = MIN (extent->length, length);
  return 0;
}

// ---------------------------------------------------------------------------------------------
// Changing

// A table of our own for a part of the disk: a new one, or a copy of one that a snapshot uses too.
static int
own_table (Qcow2 *q, uint64_t l1_index)
{
  uint64_t old = q->l1[l1_index], offset, got;
  bool fresh;
  if ((old & QCOW2_L1_RESERVED) != 0 || (old & QCOW2_OFFSET_MASK) % q->cluster_bytes != 0)
    return corrupt (q, "L1 entry");
  if ((old & QCOW2_COPIED) && (old & QCOW2_OFFSET_MASK) != 0)
    return qcow2_is_table_locked (q, old & QCOW2_OFFSET_MASK, q->cluster_bytes)
               ? corrupt (q, "an L2 table overlaps metadata")
               : 0;
  old &= QCOW2_OFFSET_MASK;
  int error = qcow2_alloc_locked (q, 1, &offset, &got, &fresh);
  if (error != 0)
    return error;
  g_autofree uint8_t *table = g_malloc0 (q->cluster_bytes);
  if (old != 0)
    error = block_file_read (q->file, table, q->cluster_bytes, old);
  if (error == 0)
    error = block_file_write (q->file, table, q->cluster_bytes, offset);
  if (error != 0) {
    qcow2_unalloc_locked (q, offset, 1);
    return error;
  }
  slice_cache_forget (&q->l2_cache, offset, q->cluster_bytes);
  q->l1[l1_index] = offset | QCOW2_COPIED;
  qcow2_dirty_add (&q->l1_dirty, l1_index);
  if (old != 0) {
    slice_cache_forget (&q->l2_cache, old, q->cluster_bytes);
    qcow2_free_later_locked (q, old, 1, false);
  }
  return 0;
}

static L2Entry
make_entry (const Qcow2 *q, Qcow2MapTo to, uint64_t host)
{
  if (to == QCOW2_MAP_DATA)
    return (L2Entry){host | QCOW2_COPIED, is_extended (q) ? UINT32_MAX : 0, 0};
  if (to == QCOW2_MAP_ZERO)
    return is_extended (q) ? (L2Entry){0, 0, UINT32_MAX} : (L2Entry){QCOW2_ZERO, 0, 0};
  return (L2Entry){0};
}

static int
map_one (Qcow2 *q, uint64_t offset, Qcow2MapTo to, uint64_t host)
{
  uint64_t l1_index = offset / q->l2_table_reach;
  Slice *slice;
  unsigned index;
  int error = qcow2_reserve_locked (q);
  if (error == 0 && q->corrupt)
    error = EIO;
  if (error == 0 && to == QCOW2_MAP_ABSENT && q->l1[l1_index] == 0)
    return 0;
  if (error == 0)
    error = own_table (q, l1_index);
  if (error == 0)
    error = get_slice (q, offset, &slice, &index);
  if (error != 0)
    return error;
  L2Entry old = load (q, slice, index), entry = make_entry (q, to, host);
  if (old.word == entry.word && old.allocated == entry.allocated && old.zero == entry.zero)
    return 0;
  store (q, slice, index, &entry);
  slice_cache_set_dirty (&q->l2_cache, slice);
  qcow2_free_entry_later_locked (q, old.word, to != QCOW2_MAP_DATA);
  return 0;
}

int
qcow2_map_locked (Qcow2 *q, uint64_t offset, uint64_t n, Qcow2MapTo to, uint64_t host,
                  uint64_t *n_done)
{
  for (*n_done = 0; *n_done < n; ++*n_done) {
    uint64_t skip = *n_done << q->header.cluster_bits;
    int error = map_one (q, offset + skip, to, host + skip);
    if (error != 0)
      return error;
  }
  return 0;
}
