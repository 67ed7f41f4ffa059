// SPDX-License-Identifier: GPL-3.0-or-later
// How often each host cluster is referred to (qcow2 § Host cluster management), and taking and
// giving back clusters.
//
// Threads: under the image's lock, qcow2_frees_finish without it. A refcount that is stored too
// high only leaks; that is why growing is written first and shrinking last.
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "engine/block/qcow2/priv.h"

// ---------------------------------------------------------------------------------------------
// One refcount

static uint64_t
load (const uint8_t *bytes, unsigned bits, uint64_t index)
{
  uint64_t value = 0;
  if (bits < 8)
    return bytes[index * bits / 8] >> (index * bits % 8) & ((1u << bits) - 1);
  for (unsigned i = 0; i < bits / 8; i++)
    value = value << 8 | bytes[index * bits / 8 + i];
  return value;
}

void
qcow2_refcount_store (uint8_t *bytes, unsigned bits, uint64_t index, uint64_t value)
{
  if (bits < 8) {
    unsigned shift = (unsigned) (index * bits % 8), mask = ((1u << bits) - 1) << shift;
    uint8_t *at = bytes + index * bits / 8;
    *at = (uint8_t) ((*at & ~mask) | (value << shift & mask));
    return;
  }
  for (unsigned i = bits / 8; i-- > 0; value >>= 8)
    bytes[index * bits / 8 + i] = (uint8_t) value;
}

// The slice with the refcount of a cluster that has a block, and its index there.
static int
get_slice (Qcow2 *q, uint64_t cluster, Slice **slice, uint64_t *index)
{
  uint64_t block = q->reftable[cluster / q->block_refcounts] & QCOW2_OFFSET_MASK;
  uint64_t in_slice = (uint64_t) q->slice_bytes * 8 / q->refcount_bits;
  uint64_t in_block = cluster % q->block_refcounts;
  *index = in_block % in_slice;
  return slice_cache_get (&q->refcount_cache, block + in_block / in_slice * q->slice_bytes, slice);
}

static bool
has_block (const Qcow2 *q, uint64_t cluster)
{
  uint64_t i = cluster / q->block_refcounts;
  return i < q->n_reftable && (q->reftable[i] & QCOW2_OFFSET_MASK) != 0;
}

int
qcow2_refcount_get_locked (Qcow2 *q, uint64_t cluster, uint64_t *refcount)
{
  Slice *slice;
  uint64_t index;
  *refcount = 0;
  if (!has_block (q, cluster))
    return 0;
  int error = get_slice (q, cluster, &slice, &index);
  if (error == 0)
    *refcount = load (slice->bytes, q->refcount_bits, index);
  return error;
}

int
qcow2_refcount_set_locked (Qcow2 *q, uint64_t cluster, uint64_t refcount)
{
  Slice *slice;
  uint64_t index;
  int error = get_slice (q, cluster, &slice, &index);
  if (error != 0)
    return error;
  qcow2_refcount_store (slice->bytes, q->refcount_bits, index, refcount);
  slice_cache_set_dirty (&q->refcount_cache, slice);
  return 0;
}

// ---------------------------------------------------------------------------------------------
// The table

static int
compare_offsets (const void *a, const void *b)
{
  uint64_t x = *(const uint64_t *) a, y = *(const uint64_t *) b;
  return x < y ? -1 : x > y;
}

bool
qcow2_reftable_is_sound_locked (const Qcow2 *q)
{
  g_autoptr (GArray) blocks = g_array_new (FALSE, FALSE, sizeof (uint64_t));
  uint64_t last = 0;
  for (uint64_t i = 0; i < q->n_reftable; i++)
    if (q->reftable[i] != 0)
      g_array_append_val (blocks, q->reftable[i]);
  g_array_sort (blocks, compare_offsets);
  for (unsigned i = 0; i < blocks->len; i++) {
    uint64_t block = g_array_index (blocks, uint64_t, i);
    if ((block & ~QCOW2_OFFSET_MASK) != 0 || block % q->cluster_bytes != 0 || block == last ||
        qcow2_is_table_locked (q, block, q->cluster_bytes))
      return false;
    last = block;
  }
  return true;
}

// ---------------------------------------------------------------------------------------------
// New blocks

// A block of zeroes for the i-th region of clusters, in the file and in the table. What it says is
// in the file before the table's entry is: commit.c sees to that.
int
qcow2_refcount_add_block_locked (Qcow2 *q, uint64_t i, uint64_t cluster)
{
  g_autofree uint8_t *zeroes = g_malloc0 (q->cluster_bytes);
  uint64_t offset = cluster << q->header.cluster_bits;
  int error = block_file_write (q->file, zeroes, q->cluster_bytes, offset);
  if (error != 0)
    return error;
  slice_cache_forget (&q->refcount_cache, offset, q->cluster_bytes);
  q->reftable[i] = offset;
  qcow2_dirty_add (&q->reftable_dirty, i);
  return 0;
}

// How many blocks count themselves and n more clusters.
static uint64_t
blocks_for (const Qcow2 *q, uint64_t n)
{
  uint64_t blocks = 1;
  while (blocks * q->block_refcounts < blocks + n)
    blocks = (blocks + n + q->block_refcounts - 1) / q->block_refcounts;
  return blocks;
}

// Nothing in the file refers to what was begun.
static void
forget_regions (Qcow2 *q, uint64_t i, uint64_t blocks)
{
  uint64_t first = i * q->block_refcounts;
  slice_cache_forget (&q->refcount_cache, first << q->header.cluster_bits,
                      blocks << q->header.cluster_bits);
  memset (q->reftable + i, 0, blocks * sizeof *q->reftable);
}

// Gives the regions from i on, of which nothing is counted yet, their blocks in their first
// clusters, and counts those and the n clusters behind them.
static int
claim_regions (Qcow2 *q, uint64_t i, uint64_t n)
{
  uint64_t first = i * q->block_refcounts, blocks = blocks_for (q, n);
  Qcow2Dirty old_dirty = q->reftable_dirty;
  int error = 0;
  for (uint64_t b = 0; b < blocks && error == 0; b++)
    error = qcow2_refcount_add_block_locked (q, i + b, first + b);
  for (uint64_t c = 0; c < blocks + n && error == 0; c++)
    error = qcow2_refcount_set_locked (q, first + c, 1);
  q->fresh_from = MAX (q->fresh_from, first + blocks + n);
  if (error == 0)
    return 0;
  forget_regions (q, i, blocks);
  q->reftable_dirty = old_dirty;
  return error;
}

static int
write_moved_reftable (Qcow2 *q, uint64_t offset, uint64_t clusters)
{
  uint64_t old_offset = q->header.reftable_offset;
  uint32_t old_clusters = q->header.reftable_clusters;
  int error = slice_cache_write_all (&q->refcount_cache);
  if (error == 0)
    error = qcow2_table_write (q->file, offset, q->n_reftable, q->reftable);
  if (error == 0)
    error = block_file_sync (q->file);
  if (error != 0)
    return error;
  q->header.reftable_offset = offset;
  q->header.reftable_clusters = (uint32_t) clusters;
  error = qcow2_header_write_reftable (q);
  if (error == 0)
    return 0;
  // Nobody knows which table the file names now.
  q->header.reftable_offset = old_offset;
  q->header.reftable_clusters = old_clusters;
  q->corrupt = true;
  return error;
}

// The table does not reach region i: one that does goes to the region's first clusters, behind the
// blocks that count it. The old one is given back.
static int
move_reftable (Qcow2 *q, uint64_t i)
{
  uint64_t per_cluster = q->cluster_bytes / 8, old_n = q->n_reftable, table;
  uint64_t n = MIN (i + 1 + i / 2, QCOW2_REFTABLE_BYTES_MAX / 8), needed = i + 1;
  uint64_t old_offset = q->header.reftable_offset, old_clusters = q->header.reftable_clusters;
  do {
    n = MAX (n, needed);
    table = (n + per_cluster - 1) / per_cluster;
    needed = i + blocks_for (q, table);
  } while (n < needed);
  n = table * per_cluster;
  if (n > QCOW2_REFTABLE_BYTES_MAX / 8)
    return EFBIG;
  q->reftable = g_renew (uint64_t, q->reftable, n);
  memset (q->reftable + old_n, 0, (n - old_n) * sizeof *q->reftable);
  q->n_reftable = n;
  int error = claim_regions (q, i, table);
  uint64_t start = i * q->block_refcounts + blocks_for (q, table);
  if (error == 0) {
    error = write_moved_reftable (q, start << q->header.cluster_bits, table);
    if (error != 0)
      forget_regions (q, i, blocks_for (q, table));
  }
  if (error != 0) {
    // Dirty entries of the new part are out of the table again; what is left of them is in front.
    q->n_reftable = old_n;
    q->reftable_dirty.last = MIN (q->reftable_dirty.last, old_n - 1);
    if (q->reftable_dirty.first >= old_n)
      q->reftable_dirty = QCOW2_CLEAN;
    return error;
  }
  q->reftable_dirty = QCOW2_CLEAN;
  qcow2_free_later_locked (q, old_offset, old_clusters, false);
  return 0;
}

// No cluster of the region has a refcount, so its first cluster takes the block.
static int
make_block (Qcow2 *q, uint64_t cluster)
{
  uint64_t i = cluster / q->block_refcounts, first = i * q->block_refcounts;
  if (i >= q->n_reftable)
    return move_reftable (q, i);
  if (qcow2_is_metadata_locked (q, first << q->header.cluster_bits, q->cluster_bytes)) {
    qcow2_mark_corrupt_locked (q, "metadata without refcount");
    return EIO;
  }
  int error = qcow2_refcount_add_block_locked (q, i, first);
  if (error != 0)
    return error;
  q->fresh_from = MAX (q->fresh_from, first + 1);
  error = qcow2_refcount_set_locked (q, first, 1);
  // A block that does not count itself would be given away.
  if (error != 0)
    q->reftable[i] = 0;
  return error;
}

// ---------------------------------------------------------------------------------------------
// Taking

bool
qcow2_is_table_locked (const Qcow2 *q, uint64_t offset, uint64_t length)
{
  const struct {
    uint64_t offset, length;
  } tables[] = {
      {0, q->cluster_bytes},
      {q->header.l1_offset, (uint64_t) q->header.l1_entries * 8},
      {q->header.reftable_offset, (uint64_t) q->header.reftable_clusters << q->header.cluster_bits},
      {q->header.snapshots_offset, q->snapshots_bytes},
  };
  for (size_t i = 0; i < G_N_ELEMENTS (tables); i++)
    if (tables[i].length > 0 && tables[i].offset < offset + length &&
        offset < tables[i].offset + tables[i].length)
      return true;
  return slice_cache_overlaps (&q->refcount_cache, offset, length);
}

bool
qcow2_is_metadata_locked (const Qcow2 *q, uint64_t offset, uint64_t length)
{
  return qcow2_is_table_locked (q, offset, length) ||
         slice_cache_overlaps (&q->l2_cache, offset, length);
}

// Of a cluster that has a block.
static bool
is_free (Qcow2 *q, uint64_t cluster)
{
  uint64_t refcount;
  return qcow2_refcount_get_locked (q, cluster, &refcount) == 0 && refcount == 0;
}

// Moves on to the next free cluster, or to the end of what one slice counts.
static int
skip_used (Qcow2 *q, uint64_t *cluster, bool *free)
{
  uint64_t index, in_slice = (uint64_t) q->slice_bytes * 8 / q->refcount_bits;
  Slice *slice;
  int error = has_block (q, *cluster) ? 0 : make_block (q, *cluster);
  if (error == 0)
    error = get_slice (q, *cluster, &slice, &index);
  if (error != 0)
    return error;
  for (; index < in_slice && load (slice->bytes, q->refcount_bits, index) != 0; index++)
    ++*cluster;
  *free = index < in_slice;
  return 0;
}

static int
find_free (Qcow2 *q, uint64_t n, uint64_t *first, uint64_t *got)
{
  bool free = false;
  *got = 0;
  for (*first = q->free_hint; !free;) {
    int error = skip_used (q, first, &free);
    if (error != 0)
      return error;
  }
  q->free_hint = *first;
  // A block or table that has to be made ends the run: it would take its clusters.
  do
    ++*got;
  while (*got < n && has_block (q, *first + *got) && is_free (q, *first + *got));
  return 0;
}

int
qcow2_alloc_locked (Qcow2 *q, uint64_t n, uint64_t *offset, uint64_t *got, bool *fresh)
{
  uint64_t first, n_set = 0;
  if (q->corrupt)
    return EIO;
  int error = find_free (q, n, &first, got);
  if (error != 0)
    return error;
  *offset = first << q->header.cluster_bits;
  if (first + *got > QCOW2_OFFSET_MASK >> q->header.cluster_bits)
    return EFBIG;
  if (qcow2_is_metadata_locked (q, *offset, *got << q->header.cluster_bits)) {
    qcow2_mark_corrupt_locked (q, "metadata without refcount");
    return EIO;
  }
  while (n_set < *got && (error = qcow2_refcount_set_locked (q, first + n_set, 1)) == 0)
    n_set++;
  if (error != 0) {
    qcow2_unalloc_locked (q, *offset, n_set);
    return error;
  }
  *fresh = first >= q->fresh_from;
  q->fresh_from = MAX (q->fresh_from, first + *got);
  q->free_hint = first + *got;
  return 0;
}

// The first of n regions that follow each other, behind everything there is, and have no blocks.
static uint64_t
find_regions (const Qcow2 *q, uint64_t n)
{
  uint64_t i = (q->fresh_from + q->block_refcounts - 1) / q->block_refcounts;
  for (uint64_t next = i; next < i + n; next++)
    if (has_block (q, next * q->block_refcounts))
      i = next + 1;
  return i;
}

// Regions of which nothing is counted yet have room for any run.
int
qcow2_alloc_run_locked (Qcow2 *q, uint64_t n, uint64_t *offset)
{
  uint64_t got, i;
  bool fresh;
  int error = qcow2_alloc_locked (q, n, offset, &got, &fresh);
  if (error != 0 || got == n)
    return error;
  qcow2_unalloc_locked (q, *offset, got);
  while ((i = find_regions (q, blocks_for (q, n))) + blocks_for (q, n) > q->n_reftable) {
    error = move_reftable (q, MAX (i, q->n_reftable));
    if (error != 0)
      return error;
  }
  *offset = (i * q->block_refcounts + blocks_for (q, n)) << q->header.cluster_bits;
  return claim_regions (q, i, n);
}

// ---------------------------------------------------------------------------------------------
// Giving back

static int
lower (Qcow2 *q, uint64_t cluster)
{
  uint64_t refcount;
  int error = qcow2_refcount_get_locked (q, cluster, &refcount);
  if (error != 0)
    return error;
  if (refcount == 0) {
    qcow2_mark_corrupt_locked (q, "a cluster in use has no refcount");
    return EIO;
  }
  if (refcount == 1)
    q->free_hint = MIN (q->free_hint, cluster);
  return qcow2_refcount_set_locked (q, cluster, refcount - 1);
}

static int
lower_all (Qcow2 *q, uint64_t cluster, uint64_t n)
{
  int error = 0;
  for (uint64_t i = 0; i < n; i++) {
    int code = lower (q, cluster + i);
    if (error == 0)
      error = code;
  }
  return error;
}

int
qcow2_unalloc_locked (Qcow2 *q, uint64_t offset, uint64_t n)
{
  return lower_all (q, qcow2_cluster_of (q, offset), n);
}

void
qcow2_free_later_locked (Qcow2 *q, uint64_t offset, uint64_t n, bool punch)
{
  const Qcow2Free item = {qcow2_cluster_of (q, offset), n, punch};
  Qcow2Free *last =
      q->frees->len > 0 ? &g_array_index (q->frees, Qcow2Free, q->frees->len - 1) : NULL;
  if (last != NULL && last->cluster + last->n == item.cluster && last->punch == punch)
    last->n += n;
  else
    g_array_append_val (q->frees, item);
}

void
qcow2_free_entry_later_locked (Qcow2 *q, uint64_t entry, bool punch)
{
  if (entry & QCOW2_COMPRESSED) {
    uint64_t offset, length;
    qcow2_packed_range (q, entry, &offset, &length);
    uint64_t first = qcow2_cluster_of (q, offset);
    uint64_t last = qcow2_cluster_of (q, offset + length - 1);
    qcow2_free_later_locked (q, offset, last - first + 1, false);
  } else if ((entry & QCOW2_OFFSET_MASK) != 0) {
    qcow2_free_later_locked (q, entry & QCOW2_OFFSET_MASK, 1, punch);
  }
}

// The clusters are still counted, so nobody takes them while they are punched out.
static void
punch_run (Qcow2 *q, const Qcow2Free *run)
{
  uint64_t first = 0, refcount;
  for (uint64_t i = 0; i <= run->n; i++) {
    bool last = false;
    if (i < run->n) {
      g_mutex_lock (&q->lock);
      last = qcow2_refcount_get_locked (q, run->cluster + i, &refcount) == 0 && refcount == 1;
      g_mutex_unlock (&q->lock);
    }
    if (last)
      continue;
    if (i > first)
      block_file_punch (q->file, (run->cluster + first) << q->header.cluster_bits,
                        (i - first) << q->header.cluster_bits);
    first = i + 1;
  }
}

int
qcow2_frees_finish (Qcow2 *q, GArray *frees)
{
  int error = 0;
  for (unsigned i = 0; i < frees->len; i++) {
    const Qcow2Free *run = &g_array_index (frees, Qcow2Free, i);
    if (run->punch)
      punch_run (q, run);
    g_mutex_lock (&q->lock);
    int code = lower_all (q, run->cluster, run->n);
    g_mutex_unlock (&q->lock);
    if (error == 0)
      error = code;
  }
  return error;
}
