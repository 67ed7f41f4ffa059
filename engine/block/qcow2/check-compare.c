// SPDX-License-Identifier: GPL-3.0-or-later
// The second half of checking a qcow2 image: references counted against refcounts stored, and
// storing what was counted. One thread.
#include <errno.h>
#include <string.h>

#include "engine/block/qcow2/check.h"

enum {
  CHUNK_CLUSTERS = 4096,
  CHUNKS_MAX = 24576, // 384 MiB
};

// ---------------------------------------------------------------------------------------------
// Counts

typedef struct UseChunk {
  uint64_t number;
  uint32_t uses[CHUNK_CLUSTERS];
} UseChunk;

void
use_counts_init (UseCounts *counts)
{
  *counts =
      (UseCounts){.chunks = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, g_free)};
}

void
use_counts_clear (UseCounts *counts)
{
  g_hash_table_unref (counts->chunks);
}

static UseChunk *
find_chunk (UseCounts *counts, uint64_t number)
{
  if (counts->last == NULL || counts->last->number != number) {
    UseChunk *chunk = g_hash_table_lookup (counts->chunks, &number);
    if (chunk == NULL)
      return NULL;
    counts->last = chunk;
  }
  return counts->last;
}

bool
use_counts_add (UseCounts *counts, uint64_t cluster, uint32_t uses)
{
  UseChunk *chunk = find_chunk (counts, cluster / CHUNK_CLUSTERS);
  if (chunk == NULL) {
    if (g_hash_table_size (counts->chunks) >= CHUNKS_MAX)
      return false;
    chunk = g_new0 (UseChunk, 1);
    chunk->number = cluster / CHUNK_CLUSTERS;
    g_hash_table_insert (counts->chunks, &chunk->number, chunk);
  }
  uint32_t *at = &chunk->uses[cluster % CHUNK_CLUSTERS];
  *at = uses > UINT32_MAX - *at ? UINT32_MAX : *at + uses;
  counts->end = MAX (counts->end, cluster + 1);
  return true;
}

uint32_t
use_counts_get (UseCounts *counts, uint64_t cluster)
{
  const UseChunk *chunk = find_chunk (counts, cluster / CHUNK_CLUSTERS);
  return chunk != NULL ? chunk->uses[cluster % CHUNK_CLUSTERS] : 0;
}

// ---------------------------------------------------------------------------------------------
// Comparing

static bool
is_block (const Walk *walk, uint64_t i)
{
  const Qcow2 *q = walk->q;
  uint64_t block = i < q->n_reftable ? q->reftable[i] : 0;
  return block != 0 && (block & ~QCOW2_OFFSET_MASK) == 0 && block % q->cluster_bytes == 0;
}

static int
compare_cluster (Walk *walk, uint64_t cluster)
{
  uint64_t stored, used = use_counts_get (&walk->counts, cluster);
  int error = qcow2_refcount_get_locked (walk->q, cluster, &stored);
  // Counted for nothing behind the file's end: no space is lost.
  bool matters = walk->repair || used > 0 || cluster < walk->file_clusters;
  if (error != 0 || stored == used || !matters)
    return error;
  if (walk->repair) {
    bool fits = walk->q->refcount_bits == 64 || used >> walk->q->refcount_bits == 0;
    return fits ? qcow2_refcount_set_locked (walk->q, cluster, used) : EFBIG;
  }
  qcow2_walk_fault (walk, stored < used,
                    "Cluster %" G_GUINT64_FORMAT " is referred to %" G_GUINT64_FORMAT
                    " times, counted %" G_GUINT64_FORMAT " times",
                    cluster, used, stored);
  return 0;
}

// One region of clusters, counted by one block.
static int
compare_region (Walk *walk, uint64_t i)
{
  Qcow2 *q = walk->q;
  uint64_t block = q->reftable[i];
  uint8_t probe;
  int error = block_file_read (q->file, &probe, 1, block + q->cluster_bytes - 1);
  if (error != 0)
    return qcow2_walk_unread (walk, error);
  // Named twice: what it counts is anybody's guess, and there may be a million of them.
  if (use_counts_get (&walk->counts, qcow2_cluster_of (q, block)) != 1) {
    qcow2_walk_fault (
        walk, true, "The refcount block of region %" G_GUINT64_FORMAT " is something else too", i);
    return 0;
  }
  for (uint64_t c = 0; c < q->block_refcounts && error == 0; c++)
    error = compare_cluster (walk, i * q->block_refcounts + c);
  return error;
}

// What is used but has no block to be counted in.
static void
find_uncounted (Walk *walk)
{
  GHashTableIter iter;
  void *value;
  g_hash_table_iter_init (&iter, walk->counts.chunks);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    const UseChunk *chunk = value;
    for (uint64_t c = 0; c < CHUNK_CLUSTERS; c++) {
      uint64_t cluster = chunk->number * CHUNK_CLUSTERS + c;
      if (chunk->uses[c] > 0 && !is_block (walk, cluster / walk->q->block_refcounts))
        qcow2_walk_fault (walk, true, "Cluster %" G_GUINT64_FORMAT " is used but not counted",
                          cluster);
    }
  }
}

// Regions that are used and have no block.
static GArray *
find_missing_blocks (Walk *walk)
{
  GArray *missing = g_array_new (FALSE, FALSE, sizeof (uint64_t));
  GHashTableIter iter;
  void *value;
  g_hash_table_iter_init (&iter, walk->counts.chunks);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    const UseChunk *chunk = value;
    for (uint64_t c = 0; c < CHUNK_CLUSTERS; c++) {
      uint64_t i = (chunk->number * CHUNK_CLUSTERS + c) / walk->q->block_refcounts;
      bool known = missing->len > 0 && g_array_index (missing, uint64_t, missing->len - 1) == i;
      if (chunk->uses[c] > 0 && !known && !is_block (walk, i))
        g_array_append_val (missing, i);
    }
  }
  return missing;
}

// Repair: gives every region in use a block, behind everything there is. What is there then may be
// a region without a block, too.
static int
add_blocks (Walk *walk)
{
  Qcow2 *q = walk->q;
  uint64_t end = MAX (walk->counts.end, walk->file_clusters);
  bool again = true;
  int error = 0;
  while (again && error == 0) {
    g_autoptr (GArray) missing = find_missing_blocks (walk);
    again = missing->len > 0;
    for (unsigned m = 0; m < missing->len && error == 0; m++) {
      uint64_t i = g_array_index (missing, uint64_t, m);
      if (is_block (walk, i))
        continue;
      error = i < q->n_reftable ? qcow2_refcount_add_block_locked (q, i, end) : EFBIG;
      if (error == 0 && !use_counts_add (&walk->counts, end++, 1))
        error = ENOMEM;
    }
  }
  q->fresh_from = MAX (q->fresh_from, end);
  return error;
}

int
qcow2_walk_compare (Walk *walk)
{
  Qcow2 *q = walk->q;
  int error = 0;
  g_mutex_lock (&q->lock);
  if (walk->repair)
    error = add_blocks (walk);
  else
    find_uncounted (walk);
  for (uint64_t i = 0; i < q->n_reftable && error == 0; i++) {
    if (is_block (walk, i))
      error = compare_region (walk, i);
    if (error == 0 && walk->check->progress != NULL &&
        !walk->check->progress (walk->check->data, 0.75 + 0.25 * (double) i / q->n_reftable))
      error = ECANCELED;
  }
  if (error == 0 && walk->repair && walk->check->n_corrupt > 0)
    error = EIO;
  g_mutex_unlock (&q->lock);
  return error;
}
