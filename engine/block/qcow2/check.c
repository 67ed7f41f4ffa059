// SPDX-License-Identifier: GPL-3.0-or-later
// Checking a qcow2 image: counts every reference there is and compares with the refcounts that are
// stored. Any thread that may wait; nothing else uses the image meanwhile.
//
// A hostile image names the same table a million times: each is read once, with the number of its
// uses. What is kept in memory is bounded.
#include "engine/block/qcow2/check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
  TABLES_MAX = 16 << 20, // of all L1 tables together
  STEPS_PER_PROGRESS = 64,
};

// ---------------------------------------------------------------------------------------------
// What is said

void
qcow2_walk_fault (Walk *walk, bool corrupt, const char *format, ...)
{
  va_list args;
  if (corrupt)
    walk->check->n_corrupt++;
  else
    walk->check->n_leaked++;
  if (walk->check->fault == NULL)
    return;
  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  walk->check->fault (walk->check->data, corrupt, text);
}

int
qcow2_walk_unread (const Walk *walk, int error)
{
  return error == EIO && walk->check->n_corrupt > 0 ? 0 : error;
}

int
qcow2_walk_go_on (Walk *walk, double done)
{
  if (walk->check->progress == NULL || walk->steps++ % STEPS_PER_PROGRESS != 0)
    return 0;
  return walk->check->progress (walk->check->data, done) ? 0 : ECANCELED;
}

// ---------------------------------------------------------------------------------------------
// Counting

// n clusters from `offset` on are referred to `uses` times more.
static int
count (Walk *walk, uint64_t offset, uint64_t n, uint32_t uses)
{
  uint64_t first = qcow2_cluster_of (walk->q, offset);
  if (first >= walk->file_clusters || n > walk->file_clusters - first) {
    qcow2_walk_fault (walk, true, "Something at 0x%" G_GINT64_MODIFIER "x is behind the file's end",
                      offset);
    return 0;
  }
  for (uint64_t i = 0; i < n; i++)
    if (!use_counts_add (&walk->counts, first + i, uses))
      return ENOMEM;
  return 0;
}

static uint64_t
clusters_of (const Walk *walk, uint64_t bytes)
{
  return qcow2_cluster_of (walk->q, bytes + walk->q->cluster_bytes - 1);
}

int
qcow2_walk_count (Walk *walk, uint64_t offset, uint64_t bytes)
{
  return count (walk, offset, clusters_of (walk, bytes), 1);
}

// Adds the L2 tables that an L1 table names to `tables`.
static void
add_tables (Walk *walk, const uint64_t *l1, uint32_t n, GArray *tables)
{
  for (uint32_t i = 0; i < n; i++) {
    uint64_t table = l1[i] & QCOW2_OFFSET_MASK;
    if ((l1[i] & QCOW2_L1_RESERVED) != 0 || table % walk->q->cluster_bytes != 0)
      qcow2_walk_fault (walk, true, "L1 entry %u is damaged", i);
    else if (table != 0)
      g_array_append_val (tables, table);
  }
}

static int
count_l1 (Walk *walk, uint64_t offset, uint32_t n, const uint64_t *l1)
{
  int error = count (walk, offset, clusters_of (walk, (uint64_t) n * 8), 1);
  if (walk->tables->len + (uint64_t) n > TABLES_MAX)
    return EFBIG;
  add_tables (walk, l1, n, walk->tables);
  return error;
}

static int
count_snapshots (Walk *walk)
{
  Qcow2 *q = walk->q;
  uint64_t total = 0;
  int error = q->header.n_snapshots > 0 ? count (walk, q->header.snapshots_offset,
                                                 clusters_of (walk, q->snapshots_bytes), 1)
                                        : 0;
  for (uint32_t i = 0; i < q->header.n_snapshots && error == 0; i++) {
    const Qcow2Snapshot *snapshot = &q->snapshots[i];
    g_autofree uint64_t *l1 = g_new (uint64_t, snapshot->l1_entries);
    if ((total += snapshot->l1_entries) > TABLES_MAX)
      return EFBIG;
    if (qcow2_table_read (q->file, snapshot->l1_offset, snapshot->l1_entries, l1) != 0)
      qcow2_walk_fault (walk, true, "The L1 table of snapshot %u is behind the file's end", i);
    else
      error = count_l1 (walk, snapshot->l1_offset, snapshot->l1_entries, l1);
    if (error == 0)
      error = qcow2_walk_go_on (walk, 0);
  }
  return error;
}

static int
count_entry (Walk *walk, const uint64_t words[2], uint32_t uses)
{
  Qcow2 *q = walk->q;
  bool extended = q->l2_entry_bytes == 16;
  uint64_t entry = GUINT64_FROM_BE (words[0]), bitmap = extended ? GUINT64_FROM_BE (words[1]) : 0;
  uint64_t host = entry & QCOW2_OFFSET_MASK, offset, length;
  if (entry & QCOW2_COMPRESSED) {
    qcow2_packed_range (q, entry, &offset, &length);
    if ((entry & QCOW2_COPIED) != 0 || bitmap != 0)
      qcow2_walk_fault (walk, true, "Compressed L2 entry 0x%" G_GINT64_MODIFIER "x is damaged",
                        entry);
    return count (walk, offset, clusters_of (walk, length + offset % q->cluster_bytes), uses);
  }
  bool zero = entry & QCOW2_ZERO;
  if ((entry & QCOW2_L2_RESERVED) != 0 || host % q->cluster_bytes != 0 ||
      (zero && (extended || q->header.version < 3)) || (bitmap & bitmap >> 32 & UINT32_MAX) != 0 ||
      (host == 0 && (bitmap & UINT32_MAX) != 0)) {
    qcow2_walk_fault (walk, true, "L2 entry 0x%" G_GINT64_MODIFIER "x is damaged", entry);
    return 0;
  }
  return host != 0 ? count (walk, host, 1, uses) : 0;
}

static int
count_l2 (Walk *walk, uint64_t table, uint32_t uses)
{
  Qcow2 *q = walk->q;
  g_autofree uint8_t *bytes = g_malloc (q->cluster_bytes);
  int error = count (walk, table, 1, uses);
  if (error != 0)
    return error;
  error = block_file_read (q->file, bytes, q->cluster_bytes, table);
  if (error == EIO)
    qcow2_walk_fault (walk, true, "The L2 table at 0x%" G_GINT64_MODIFIER "x cannot be read",
                      table);
  if (error != 0)
    return error == EIO ? 0 : error;
  for (uint64_t i = 0; i < q->l2_entries && error == 0; i++) {
    uint64_t words[2] = {0};
    memcpy (words, bytes + i * q->l2_entry_bytes, q->l2_entry_bytes);
    error = count_entry (walk, words, uses);
  }
  return error;
}

static int
compare_numbers (const void *a, const void *b)
{
  uint64_t x = *(const uint64_t *) a, y = *(const uint64_t *) b;
  return x < y ? -1 : x > y;
}

static int
count_tables (Walk *walk)
{
  GArray *tables = walk->tables;
  int error = 0;
  g_array_sort (tables, compare_numbers);
  for (unsigned i = 0, next; i < tables->len && error == 0; i = next) {
    uint64_t table = g_array_index (tables, uint64_t, i);
    for (next = i + 1; next < tables->len && g_array_index (tables, uint64_t, next) == table;)
      next++;
    error = count_l2 (walk, table, next - i);
    if (error == 0)
      error = qcow2_walk_go_on (walk, 0.5 * i / tables->len);
  }
  return error;
}

static int
count_refcount_tables (Walk *walk)
{
  Qcow2 *q = walk->q;
  int error = count (walk, q->header.reftable_offset, q->header.reftable_clusters, 1);
  for (uint64_t i = 0; i < q->n_reftable && error == 0; i++) {
    uint64_t block = q->reftable[i];
    if (block == 0)
      continue;
    if ((block & ~QCOW2_OFFSET_MASK) != 0 || block % q->cluster_bytes != 0)
      qcow2_walk_fault (walk, true, "Refcount table entry %" G_GUINT64_FORMAT " is damaged", i);
    else
      error = count (walk, block, 1, 1);
  }
  return error;
}

// ---------------------------------------------------------------------------------------------
// Whether entries say of what they name that it is theirs alone

static bool
check_copied (Walk *walk, const char *what, uint64_t *entry)
{
  uint64_t cluster = qcow2_cluster_of (walk->q, *entry & QCOW2_OFFSET_MASK);
  bool alone = use_counts_get (&walk->counts, cluster) == 1;
  if (alone == ((*entry & QCOW2_COPIED) != 0))
    return false;
  if (!walk->repair)
    qcow2_walk_fault (walk, true, "%s 0x%" G_GINT64_MODIFIER "x is wrong on being the only one",
                      what, *entry);
  *entry = alone ? *entry | QCOW2_COPIED : *entry & ~QCOW2_COPIED;
  return true;
}

static int
check_l2_copied (Walk *walk, uint64_t table)
{
  Qcow2 *q = walk->q;
  g_autofree uint8_t *bytes = g_malloc (q->cluster_bytes);
  bool changed = false;
  int error = block_file_read (q->file, bytes, q->cluster_bytes, table);
  if (error != 0)
    return qcow2_walk_unread (walk, error);
  for (uint64_t i = 0; i < q->l2_entries; i++) {
    uint64_t entry;
    memcpy (&entry, bytes + i * q->l2_entry_bytes, sizeof entry);
    entry = GUINT64_FROM_BE (entry);
    walk->check->n_compressed += (entry & QCOW2_COMPRESSED) != 0;
    walk->check->n_allocated += (entry & (QCOW2_COMPRESSED | QCOW2_OFFSET_MASK)) != 0;
    if ((entry & QCOW2_COMPRESSED) != 0 || (entry & QCOW2_OFFSET_MASK) == 0 ||
        !check_copied (walk, "L2 entry", &entry))
      continue;
    entry = GUINT64_TO_BE (entry);
    memcpy (bytes + i * q->l2_entry_bytes, &entry, sizeof entry);
    changed = true;
  }
  return changed && walk->repair ? block_file_write (q->file, bytes, q->cluster_bytes, table) : 0;
}

static int
check_active (Walk *walk)
{
  Qcow2 *q = walk->q;
  uint64_t last = 0;
  int error = 0;
  g_array_set_size (walk->tables, 0);
  for (uint32_t i = 0; i < q->header.l1_entries; i++) {
    uint64_t entry = q->l1[i], table = entry & QCOW2_OFFSET_MASK;
    if ((entry & QCOW2_L1_RESERVED) != 0 || table % q->cluster_bytes != 0 || table == 0)
      continue;
    g_array_append_val (walk->tables, table);
    if (check_copied (walk, "L1 entry", &entry) && walk->repair) {
      q->l1[i] = entry;
      qcow2_dirty_add (&q->l1_dirty, i);
    }
  }
  g_array_sort (walk->tables, compare_numbers);
  for (unsigned i = 0; i < walk->tables->len && error == 0; i++) {
    uint64_t table = g_array_index (walk->tables, uint64_t, i);
    if (table != last)
      error = check_l2_copied (walk, table);
    last = table;
    if (error == 0)
      error = qcow2_walk_go_on (walk, 0.5 + 0.25 * i / walk->tables->len);
  }
  return error;
}

// ---------------------------------------------------------------------------------------------

static int
walk_all (Walk *walk)
{
  Qcow2 *q = walk->q;
  int error = count (walk, 0, 1, 1);
  if (error == 0)
    error = count_l1 (walk, q->header.l1_offset, q->header.l1_entries, q->l1);
  if (error == 0)
    error = count_snapshots (walk);
  if (error == 0)
    error = qcow2_walk_bitmaps (walk);
  if (error == 0)
    error = count_tables (walk);
  if (error == 0)
    error = count_refcount_tables (walk);
  if (error == 0)
    error = check_active (walk);
  if (error == 0)
    error = qcow2_walk_compare (walk);
  return error;
}

int
qcow2_check (BlockImage *image, Qcow2Check *check, bool repair)
{
  Qcow2 *q = image->driver;
  Walk walk = {.q = q, .check = check, .repair = repair};
  uint64_t file_bytes;
  int error = q->read_only ? 0 : qcow2_commit (q); // tables are read from the file
  if (error == 0)
    error = block_file_get_size (q->file, &file_bytes);
  if (error != 0)
    return error;
  walk.file_clusters = clusters_of (&walk, file_bytes);
  use_counts_init (&walk.counts);
  walk.tables = g_array_new (FALSE, FALSE, sizeof (uint64_t));
  check->n_corrupt = check->n_leaked = check->n_allocated = check->n_compressed = 0;
  check->n_clusters = clusters_of (&walk, q->header.size);
  error = walk_all (&walk);
  if (repair) // they were changed in the file
    slice_cache_forget (&q->l2_cache, 0, INT64_MAX);
  check->end_bytes = walk.counts.end << q->header.cluster_bits;
  use_counts_clear (&walk.counts);
  g_array_unref (walk.tables);
  return error;
}
