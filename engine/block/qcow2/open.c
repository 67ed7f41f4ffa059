// SPDX-License-Identifier: GPL-3.0-or-later
// Opening, closing and resizing qcow2 images. Any thread that may wait.
#include <errno.h>
#include <gio/gio.h>
#include <glib/gi18n.h>
#include <string.h>

#include "engine/block/qcow2/priv.h"

enum {
  SLICE_BYTES_MAX = 4096,
  L2_SLICES = 1024, // 4 MiB: 32 GiB of a disk with clusters of 64 KiB
  REFCOUNT_SLICES = 256,
};

// ---------------------------------------------------------------------------------------------
// Closing

// Twice: the second time for what the first one made free.
static void
write_out (Qcow2 *q)
{
  int error = 0;
  for (unsigned i = 0; i < 2 && error == 0 && !q->corrupt; i++)
    error = qcow2_commit (q);
  if (error != 0)
    g_warning ("A disk could not be written out: %s", g_strerror (error));
}

void
qcow2_free (void *driver)
{
  Qcow2 *q = driver;
  if (!q->read_only)
    write_out (q);
  block_image_free (q->backing);
  qcow2_snapshots_clear (q);
  qcow2_header_clear (&q->header);
  slice_cache_clear (&q->l2_cache);
  slice_cache_clear (&q->refcount_cache);
  range_lock_clear (&q->ranges);
  g_mutex_clear (&q->lock);
  g_cond_clear (&q->committed);
  g_mutex_clear (&q->unpacked.lock);
  g_free (q->unpacked.bytes);
  g_free (q->l1);
  g_free (q->reftable);
  g_array_unref (q->frees);
  block_file_free (q->file);
  g_free (q);
}

// ---------------------------------------------------------------------------------------------
// Opening

static Qcow2 *
make (BlockFile *file, const Qcow2Header *header)
{
  Qcow2 *q = g_new0 (Qcow2, 1);
  bool extended = header->incompatible & QCOW2_INCOMPATIBLE_EXTENDED_L2;
  q->file = file;
  q->header = *header;
  q->read_only = true;
  q->cluster_bytes = UINT32_C (1) << header->cluster_bits;
  q->l2_entry_bytes = extended ? 16 : 8;
  q->l2_entries = q->cluster_bytes / q->l2_entry_bytes;
  q->l2_table_reach = q->l2_entries << header->cluster_bits;
  q->slice_bytes = MIN (q->cluster_bytes, SLICE_BYTES_MAX);
  q->refcount_bits = 1u << header->refcount_order;
  q->block_refcounts = (uint64_t) q->cluster_bytes * 8 / q->refcount_bits;
  q->l1_dirty = q->reftable_dirty = QCOW2_CLEAN;
  q->corrupt = header->incompatible & QCOW2_INCOMPATIBLE_CORRUPT;
  q->frees = g_array_new (FALSE, FALSE, sizeof (Qcow2Free));
  range_lock_init (&q->ranges);
  g_mutex_init (&q->lock);
  g_cond_init (&q->committed);
  g_mutex_init (&q->unpacked.lock);
  slice_cache_init (&q->l2_cache, file, q->slice_bytes, L2_SLICES, false);
  slice_cache_init (&q->refcount_cache, file, q->slice_bytes, REFCOUNT_SLICES, true);
  return q;
}

static int
read_tables (Qcow2 *q)
{
  uint64_t file_bytes;
  q->n_reftable = (uint64_t) q->header.reftable_clusters * q->cluster_bytes / 8;
  q->l1 = g_new0 (uint64_t, MAX (q->header.l1_entries, 1));
  q->reftable = g_new0 (uint64_t, q->n_reftable);
  int error = qcow2_table_read (q->file, q->header.l1_offset, q->header.l1_entries, q->l1);
  if (error == 0)
    error = block_file_get_size (q->file, &file_bytes);
  if (error != 0)
    return error;
  q->fresh_from = qcow2_cluster_of (q, file_bytes + q->cluster_bytes - 1);
  // What is not there has no blocks.
  uint64_t there = MIN (q->n_reftable, (file_bytes - q->header.reftable_offset) / 8);
  return qcow2_table_read (q->file, q->header.reftable_offset, there, q->reftable);
}

// Durable before the first change is: a bitmap that misses it must not look valid.
static int
clear_autoclear (Qcow2 *q)
{
  if (q->header.autoclear == 0)
    return 0;
  q->header.autoclear = 0;
  int error = qcow2_header_write_features (q);
  return error != 0 ? error : block_file_sync (q->file);
}

// Refcounts that were not kept while it was in use. EUCLEAN: more than those is wrong.
static int
repair (Qcow2 *q, BlockImage *image)
{
  Qcow2Check check = {0};
  if (!(q->header.incompatible & QCOW2_INCOMPATIBLE_DIRTY))
    return 0;
  int error = qcow2_check (image, &check, true);
  if (error == 0)
    error = qcow2_commit (q);
  if (error != 0)
    return check.n_corrupt > 0 ? EUCLEAN : error;
  q->header.incompatible &= ~(uint64_t) QCOW2_INCOMPATIBLE_DIRTY;
  return qcow2_header_write_features (q);
}

// Makes it ready for writing. The marks of those who would be misled by our writes go first: what
// they mark is of no use from then on, so that the repair need not mind it.
static int
begin_writing (Qcow2 *q, BlockImage *image)
{
  q->read_only = image->read_only = false;
  int error = clear_autoclear (q);
  return error != 0 ? error : repair (q, image);
}

static bool
refuse_marked (const char *path, GError **error)
{
  return qcow2_refuse (path, error, "%s",
                       _ ("it is marked as damaged; check it, or attach it read-only"));
}

static bool
open_parts (Qcow2 *q, BlockImage *image, BlockImageFlags flags, const BlockChain *chain,
            const char *path, GError **error)
{
  int code = read_tables (q);
  if (code == EIO)
    return qcow2_refuse (path, error, "%s", _ ("it is cut short; take a complete copy"));
  if (code != 0)
    return qcow2_refuse (path, error, "%s", g_strerror (code));
  if (!qcow2_snapshots_read (q, path, error))
    return false;
  if (q->header.backing != NULL && !(flags & BLOCK_IMAGE_NO_BACKING)) {
    q->backing =
        block_image_open_backing (chain, q->header.backing, q->header.backing_format, error);
    if (q->backing == NULL)
      return false;
  }
  if (!(flags & BLOCK_IMAGE_WRITE))
    return true;
  if (q->corrupt)
    return refuse_marked (path, error);
  if (!qcow2_reftable_is_sound_locked (q))
    return qcow2_refuse (path, error, _ ("it is damaged (%s); take a copy made before"),
                         "refcount table");
  code = begin_writing (q, image);
  if (code == EUCLEAN)
    return refuse_marked (path, error);
  return code == 0 || qcow2_refuse (path, error, "%s", g_strerror (code));
}

BlockImage *
qcow2_open (BlockFile *take, const char *path, BlockImageFlags flags, const BlockChain *chain,
            GError **error)
{
  Qcow2Header header;
  if (!qcow2_header_read (&header, take, path, error)) {
    block_file_free (take);
    return NULL;
  }
  BlockImage *image = g_new0 (BlockImage, 1);
  image->ops = &qcow2_driver_ops;
  image->driver = make (take, &header);
  image->format = BLOCK_FORMAT_QCOW2;
  image->size_bytes = (header.size + BLOCK_SECTOR_BYTES - 1) & ~(uint64_t) (BLOCK_SECTOR_BYTES - 1);
  image->read_only = true;
  if (!open_parts (image->driver, image, flags, chain, path, error)) {
    block_image_free (image);
    return NULL;
  }
  return image;
}

void
qcow2_put_on (BlockImage *image, BlockImage *take_base)
{
  Qcow2 *q = image->driver;

  g_assert (q->backing == NULL);
  q->backing = take_base;
}

BlockImage *
qcow2_take_off (BlockImage *image)
{
  Qcow2 *q = image->driver;

  return g_steal_pointer (&q->backing);
}

void
qcow2_get_info (const BlockImage *image, Qcow2Info *info)
{
  const Qcow2 *q = image->driver;
  *info = (Qcow2Info){
      .version = q->header.version,
      .cluster_bits = q->header.cluster_bits,
      .refcount_bits = q->refcount_bits,
      .extended_l2 = q->l2_entry_bytes == 16,
      .lazy_refcounts = q->header.compatible & QCOW2_COMPATIBLE_LAZY_REFCOUNTS,
      .dirty = q->header.incompatible & QCOW2_INCOMPATIBLE_DIRTY,
      .corrupt = q->header.incompatible & QCOW2_INCOMPATIBLE_CORRUPT,
      .zstd = q->header.compression == QCOW2_COMPRESSION_ZSTD,
      .backing = q->header.backing,
      .backing_format = q->header.backing_format,
      .snapshots = q->snapshots,
      .n_snapshots = q->header.n_snapshots,
  };
}

// ---------------------------------------------------------------------------------------------
// Resizing

// A longer L1 table goes to new clusters, which are counted in the file before the header names
// them. The old one is given back.
static int
move_l1 (Qcow2 *q, uint64_t *l1, uint64_t entries, uint64_t offset)
{
  uint64_t old_offset = q->header.l1_offset, old_entries = q->header.l1_entries;
  int error = qcow2_commit (q);
  if (error != 0)
    return error;
  q->header.l1_offset = offset;
  q->header.l1_entries = (uint32_t) entries;
  error = qcow2_header_write_l1 (q);
  if (error == 0)
    error = block_file_sync (q->file);
  if (error != 0) {
    // Nobody knows which table the file names now: nothing may be written to either.
    q->header.l1_offset = old_offset;
    q->header.l1_entries = (uint32_t) old_entries;
    q->corrupt = true;
    return error;
  }
  g_free (q->l1);
  q->l1 = l1;
  g_mutex_lock (&q->lock);
  qcow2_free_later_locked (q, old_offset,
                           qcow2_cluster_of (q, old_entries * 8 + q->cluster_bytes - 1), false);
  g_mutex_unlock (&q->lock);
  return 0;
}

static int
grow_l1 (Qcow2 *q, uint64_t entries)
{
  uint64_t clusters = qcow2_cluster_of (q, entries * 8 + q->cluster_bytes - 1), offset;
  uint64_t room = clusters * q->cluster_bytes / 8;
  g_mutex_lock (&q->lock);
  int error = qcow2_alloc_run_locked (q, clusters, &offset);
  g_mutex_unlock (&q->lock);
  if (error != 0)
    return error;
  uint64_t *l1 = g_new0 (uint64_t, room);
  memcpy (l1, q->l1, (size_t) q->header.l1_entries * 8);
  error = qcow2_table_write (q->file, offset, room, l1);
  if (error == 0)
    error = move_l1 (q, l1, entries, offset);
  if (error == 0)
    return 0;
  g_free (l1);
  g_mutex_lock (&q->lock);
  if (!q->corrupt)
    qcow2_unalloc_locked (q, offset, clusters);
  g_mutex_unlock (&q->lock);
  return error;
}

static int
grow (Qcow2 *q, uint64_t size)
{
  uint64_t entries = size / q->l2_table_reach + (size % q->l2_table_reach != 0);
  // Tables made until now are in the old L1 table before it is copied.
  int error = entries * 8 > QCOW2_L1_BYTES_MAX ? EFBIG : qcow2_commit (q);
  if (error == 0 && entries > q->header.l1_entries)
    error = grow_l1 (q, entries);
  return error != 0 ? error : qcow2_commit (q);
}

// What was behind the new end must not come back when it grows again.
static int
cut (BlockImage *image, uint64_t size)
{
  Qcow2 *q = image->driver;
  if (q->header.n_snapshots > 0)
    return EBUSY;
  int error = q->header.version < 3 && q->backing != NULL
                  ? 0
                  : image->ops->write_zeroes (q, size, q->header.size - size, true);
  return error != 0 ? error : qcow2_commit (q);
}

int
qcow2_resize (BlockImage *image, uint64_t size)
{
  Qcow2 *q = image->driver;
  uint64_t old = q->header.size;
  int error = 0;
  // Snapshots of version 2 do not record the size they were made at.
  if (size != old && q->header.version < 3 && q->header.n_snapshots > 0)
    return EBUSY;
  if (size > old)
    error = grow (q, size);
  else if (size < old)
    error = cut (image, size);
  if (error != 0)
    return error;
  q->header.size = size;
  error = qcow2_header_write_size (q);
  if (error == 0)
    error = block_file_sync (q->file);
  if (error != 0)
    q->header.size = old;
  else
    image->size_bytes = size;
  return error;
}
