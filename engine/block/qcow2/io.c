// SPDX-License-Identifier: GPL-3.0-or-later
// What a guest does with a qcow2 disk: read, write, discard, flush.
//
// Threads: any, several at once. Each request holds the guest range it touches, whole clusters, so
// that what it looked up stays true while it transfers without the image's lock.
#include <errno.h>
#include <string.h>

#include "engine/block/iov.h"
#include "engine/block/qcow2/priv.h"

enum {
  ALLOC_BYTES_MAX = 4 << 20, // at once; more than that is two
};

// Part of a request's buffers.
typedef struct Span {
  const struct iovec *iov;
  unsigned n_iov;
  struct iovec *scratch; // as many
} Span;

static void
take_range (Qcow2 *q, RangeHold *hold, uint64_t offset, uint64_t length, bool alone)
{
  range_lock_take (&q->ranges, hold, qcow2_cluster_of (q, offset),
                   qcow2_cluster_of (q, offset + length - 1), alone);
}

static uint64_t
round_up (const Qcow2 *q, uint64_t offset)
{
  return (offset + q->cluster_bytes - 1) & ~(uint64_t) (q->cluster_bytes - 1);
}

static uint64_t
round_down (const Qcow2 *q, uint64_t offset)
{
  return offset & ~(uint64_t) (q->cluster_bytes - 1);
}

static int
lookup (Qcow2 *q, uint64_t offset, uint64_t length, Qcow2Extent *extent)
{
  g_mutex_lock (&q->lock);
  int error = qcow2_lookup_locked (q, offset, length, extent);
  g_mutex_unlock (&q->lock);
  return error;
}

// ---------------------------------------------------------------------------------------------
// Reading. The range is held.

static int
read_backing (Qcow2 *q, const Span *span, uint64_t skip, uint64_t offset, uint64_t length)
{
  uint64_t there = 0;
  int error = 0;
  if (q->backing != NULL && offset < q->backing->size_bytes)
    there = MIN (length, q->backing->size_bytes - offset);
  if (there > 0) {
    unsigned n = block_iov_slice (span->scratch, span->n_iov, span->iov, span->n_iov, skip, there);
    error = q->backing->ops->read (q->backing->driver, span->scratch, n, offset);
  }
  block_iov_zero (span->iov, span->n_iov, skip + there, length - there);
  return error;
}

static int
read_extent (Qcow2 *q, const Span *span, uint64_t skip, uint64_t offset, const Qcow2Extent *extent)
{
  unsigned n;
  switch (extent->kind) {
  case QCOW2_ABSENT:
    return read_backing (q, span, skip, offset, extent->length);
  case QCOW2_ZEROES:
    block_iov_zero (span->iov, span->n_iov, skip, extent->length);
    return 0;
  case QCOW2_PACKED:
    return qcow2_packed_read (q, extent->entry, offset % q->cluster_bytes, span->iov, span->n_iov,
                              skip, extent->length);
  case QCOW2_DATA:
    n = block_iov_slice (span->scratch, span->n_iov, span->iov, span->n_iov, skip, extent->length);
    return block_file_readv_padded (q->file, span->scratch, n, extent->host);
  }
  return EIO;
}

static int
read_span (Qcow2 *q, const Span *span, uint64_t offset, uint64_t length)
{
  uint64_t done = 0;
  int error = 0;
  while (done < length && error == 0) {
    Qcow2Extent extent;
    error = lookup (q, offset + done, length - done, &extent);
    if (error != 0)
      break;
    error = read_extent (q, span, done, offset + done, &extent);
    done += extent.length;
  }
  return error;
}

static int
read_bytes (Qcow2 *q, void *to, uint64_t offset, uint64_t length)
{
  struct iovec iov = {to, length}, scratch;
  const Span span = {&iov, 1, &scratch};
  return read_span (q, &span, offset, length);
}

static int
qcow2_read (void *driver, const struct iovec *iov, unsigned n_iov, uint64_t offset)
{
  Qcow2 *q = driver;
  g_autofree struct iovec *scratch = g_new (struct iovec, n_iov);
  const Span span = {iov, n_iov, scratch};
  uint64_t length = block_iov_bytes (iov, n_iov);
  RangeHold hold;
  if (length == 0)
    return 0;
  take_range (q, &hold, offset, length, false);
  int error = read_span (q, &span, offset, length);
  range_lock_release (&q->ranges, &hold);
  return error;
}

static bool
is_zero (const Qcow2 *q, uint64_t offset, const Qcow2Extent *extent)
{
  return extent->kind == QCOW2_ZEROES ||
         (extent->kind == QCOW2_ABSENT && (q->backing == NULL || offset >= q->backing->size_bytes));
}

static bool
reads_as_zeroes (Qcow2 *q, uint64_t offset, uint64_t length)
{
  Qcow2Extent extent;
  for (uint64_t done = 0; done < length; done += extent.length)
    if (lookup (q, offset + done, length - done, &extent) != 0 ||
        !is_zero (q, offset + done, &extent))
      return false;
  return true;
}

// ---------------------------------------------------------------------------------------------
// Writing to new clusters. The range is held alone.

// The new clusters [host, host + length) for the guest's [start, start + length), of which
// [from, to) is in the request's buffers from `skip` on.
typedef struct NewRun {
  uint64_t start, length, from, to, skip, host;
  bool fresh;
} NewRun;

// What the run takes over of the guest's [at, at + length) in `*bytes`; NULL: nothing to write.
static int
take_over (Qcow2 *q, const NewRun *run, uint64_t at, uint64_t length, uint8_t **bytes)
{
  uint64_t inside = at < q->header.size ? MIN (length, q->header.size - at) : 0;
  *bytes = NULL;
  if (length == 0 || (run->fresh && reads_as_zeroes (q, at, inside)))
    return 0;
  *bytes = g_malloc0 (length);
  return inside > 0 ? read_bytes (q, *bytes, at, inside) : 0;
}

static int
fill_run (Qcow2 *q, const NewRun *run, const Span *span)
{
  uint64_t end = run->start + run->length, host = run->host;
  g_autofree uint8_t *head = NULL, *tail = NULL;
  g_autofree struct iovec *iov = g_new (struct iovec, span->n_iov + 2);
  unsigned n = 0;
  int error = take_over (q, run, run->start, run->from - run->start, &head);
  if (error == 0)
    error = take_over (q, run, run->to, end - run->to, &tail);
  if (error != 0)
    return error;
  if (head != NULL)
    iov[n++] = (struct iovec){head, run->from - run->start};
  else
    host += run->from - run->start;
  n += block_iov_slice (iov + n, span->n_iov, span->iov, span->n_iov, run->skip,
                        run->to - run->from);
  if (tail != NULL)
    iov[n++] = (struct iovec){tail, end - run->to};
  return block_file_writev (q->file, iov, n, host);
}

static int
alloc_run (Qcow2 *q, NewRun *run)
{
  uint64_t got = 0, n = qcow2_cluster_of (q, run->length);
  g_mutex_lock (&q->lock);
  int error = qcow2_reserve_locked (q);
  if (error == 0)
    error = qcow2_alloc_locked (q, n, &run->host, &got, &run->fresh);
  g_mutex_unlock (&q->lock);
  run->length = got << q->header.cluster_bits;
  run->to = MIN (run->to, run->start + run->length);
  return error;
}

// Enters a filled run; gives back what could not be entered.
static int
enter_run (Qcow2 *q, const NewRun *run, int error)
{
  uint64_t n = qcow2_cluster_of (q, run->length), n_done = 0;
  g_mutex_lock (&q->lock);
  if (error == 0)
    error = qcow2_map_locked (q, run->start, n, QCOW2_MAP_DATA, run->host, &n_done);
  if (error != 0)
    qcow2_unalloc_locked (q, run->host + (n_done << q->header.cluster_bits), n - n_done);
  g_mutex_unlock (&q->lock);
  return error;
}

// Writes [offset, offset + length), what is in the buffers from `skip` on, or the beginning of it.
static int
write_new (Qcow2 *q, const Span *span, uint64_t skip, uint64_t offset, uint64_t length,
           uint64_t *done)
{
  NewRun run = {
      .start = round_down (q, offset),
      .from = offset,
      .to = offset + MIN (length, ALLOC_BYTES_MAX),
      .skip = skip,
  };
  run.length = round_up (q, run.to) - run.start;
  int error = alloc_run (q, &run);
  if (error != 0)
    return error;
  error = enter_run (q, &run, fill_run (q, &run, span));
  *done = run.to - run.from;
  return error;
}

// ---------------------------------------------------------------------------------------------
// Writing

// Where a write may go in place; EIO when that is metadata.
static int
lookup_for_write (Qcow2 *q, uint64_t offset, uint64_t length, Qcow2Extent *extent)
{
  g_mutex_lock (&q->lock);
  int error = q->corrupt ? EIO : qcow2_lookup_locked (q, offset, length, extent);
  if (error == 0 && extent->kind == QCOW2_DATA && extent->ours &&
      qcow2_is_metadata_locked (q, extent->host, extent->length)) {
    qcow2_mark_corrupt_locked (q, "guest data overlaps metadata");
    error = EIO;
  }
  g_mutex_unlock (&q->lock);
  return error;
}

// `*done` bytes are written; fewer than all without an error: the next ones need the range alone.
static int
write_span (Qcow2 *q, const Span *span, uint64_t offset, uint64_t length, bool alone,
            uint64_t *done)
{
  int error = 0;
  while (*done < length && error == 0) {
    Qcow2Extent extent;
    uint64_t bytes;
    error = lookup_for_write (q, offset + *done, length - *done, &extent);
    if (error != 0)
      break;
    bytes = extent.length;
    if (extent.kind == QCOW2_DATA && extent.ours) {
      unsigned n =
          block_iov_slice (span->scratch, span->n_iov, span->iov, span->n_iov, *done, bytes);
      error = block_file_writev (q->file, span->scratch, n, extent.host);
    } else if (alone) {
      // To the end of the cluster where subclusters differ.
      uint64_t end = round_up (q, offset + *done + bytes) - offset;
      error = write_new (q, span, *done, offset + *done, MIN (end, length) - *done, &bytes);
    } else {
      return 0;
    }
    if (error == 0)
      *done += bytes;
  }
  return error;
}

static int
qcow2_write (void *driver, const struct iovec *iov, unsigned n_iov, uint64_t offset)
{
  Qcow2 *q = driver;
  g_autofree struct iovec *scratch = g_new (struct iovec, n_iov);
  const Span span = {iov, n_iov, scratch};
  uint64_t length = block_iov_bytes (iov, n_iov), done = 0;
  RangeHold hold;
  int error = 0;
  for (unsigned alone = 0; alone <= 1 && done < length && error == 0; alone++) {
    take_range (q, &hold, offset + done, length - done, alone);
    error = write_span (q, &span, offset, length, alone, &done);
    range_lock_release (&q->ranges, &hold);
  }
  return error;
}

// ---------------------------------------------------------------------------------------------
// Zeroes and discard. The range is held alone.

static int
write_zero_bytes (Qcow2 *q, uint64_t offset, uint64_t length)
{
  g_autofree uint8_t *zeroes = g_malloc0 (MIN (length, q->cluster_bytes));
  int error = 0;
  while (length > 0 && error == 0) {
    uint64_t bytes = MIN (length, q->cluster_bytes), done = 0;
    struct iovec iov = {zeroes, bytes}, scratch;
    const Span span = {&iov, 1, &scratch};
    if (!reads_as_zeroes (q, offset, bytes))
      error = write_span (q, &span, offset, bytes, true, &done);
    offset += bytes;
    length -= bytes;
  }
  return error;
}

static int
map_range (Qcow2 *q, uint64_t first, uint64_t end, Qcow2MapTo to)
{
  uint64_t n_done;
  g_mutex_lock (&q->lock);
  int error = qcow2_map_locked (q, first, qcow2_cluster_of (q, end - first), to, 0, &n_done);
  g_mutex_unlock (&q->lock);
  return error;
}

// The whole clusters of a range; one that the disk ends in is whole.
static void
whole_clusters (const Qcow2 *q, uint64_t offset, uint64_t length, uint64_t *first, uint64_t *end)
{
  *first = round_up (q, offset);
  *end = offset + length >= q->header.size ? round_up (q, offset + length)
                                           : round_down (q, offset + length);
}

static int
zero_held (Qcow2 *q, uint64_t offset, uint64_t length)
{
  uint64_t first, end;
  bool can_map = q->header.version >= 3 || q->backing == NULL;
  whole_clusters (q, offset, length, &first, &end);
  if (!can_map || end <= first)
    return write_zero_bytes (q, offset, length);
  int error = write_zero_bytes (q, offset, first - offset);
  if (error == 0)
    error = map_range (q, first, end, q->header.version >= 3 ? QCOW2_MAP_ZERO : QCOW2_MAP_ABSENT);
  if (error == 0 && end < offset + length)
    error = write_zero_bytes (q, end, offset + length - end);
  return error;
}

// A cluster's space is given back whether it may or not: it would not be kept for this disk anyway.
static int
qcow2_write_zeroes (void *driver, uint64_t offset, uint64_t length, bool may_unmap)
{
  Qcow2 *q = driver;
  RangeHold hold;
  if (length == 0)
    return 0;
  take_range (q, &hold, offset, length, true);
  int error = zero_held (q, offset, length);
  range_lock_release (&q->ranges, &hold);
  return error;
}

static int
qcow2_discard (void *driver, uint64_t offset, uint64_t length)
{
  Qcow2 *q = driver;
  uint64_t first, end;
  RangeHold hold;
  whole_clusters (q, offset, length, &first, &end);
  // Version 2 could only let the backing file show through again.
  if (end <= first || (q->backing != NULL && q->header.version < 3))
    return 0;
  take_range (q, &hold, first, end - first, true);
  int error = map_range (q, first, end, q->backing != NULL ? QCOW2_MAP_ZERO : QCOW2_MAP_ABSENT);
  range_lock_release (&q->ranges, &hold);
  return error;
}

// ---------------------------------------------------------------------------------------------
// The rest

static int
qcow2_flush (void *driver)
{
  return qcow2_commit (driver);
}

// The image's lock is held for long only by those who read metadata; then a worker waits, not we.
static bool
lookup_at_once (Qcow2 *q, bool write, uint64_t offset, uint64_t length, Qcow2Extent *extent)
{
  if (!g_mutex_trylock (&q->lock))
    return false;
  bool ok = qcow2_is_cached_locked (q, offset) && !(write && q->corrupt) &&
            qcow2_lookup_locked (q, offset, length, extent) == 0 && extent->length == length;
  if (ok && write)
    ok = extent->kind == QCOW2_DATA && extent->ours &&
         !qcow2_is_metadata_locked (q, extent->host, length);
  g_mutex_unlock (&q->lock);
  return ok;
}

// Where the backing image has it: nobody changes that, so that nothing there has to be held.
static bool
map_backing (const BlockImage *backing, uint64_t offset, uint64_t length, BlockMapping *mapping)
{
  BlockMapping there;
  if (offset + length > backing->size_bytes || backing->ops->map == NULL ||
      !backing->ops->map (backing->driver, false, offset, length, &there))
    return false;
  mapping->file = there.file;
  mapping->fd = there.fd;
  mapping->offset = there.offset;
  backing->ops->unmap (backing->driver, &there);
  return true;
}

static bool
map_extent (const Qcow2 *q, uint64_t offset, const Qcow2Extent *extent, BlockMapping *mapping)
{
  if (extent->kind == QCOW2_DATA) {
    mapping->file = q->file;
    mapping->fd = block_file_get_fd (q->file);
    mapping->offset = extent->host;
    return true;
  }
  if (is_zero (q, offset, extent)) {
    mapping->file = NULL;
    return true;
  }
  return extent->kind == QCOW2_ABSENT && map_backing (q->backing, offset, extent->length, mapping);
}

static bool
qcow2_map (void *driver, bool write, uint64_t offset, uint64_t length, BlockMapping *mapping)
{
  Qcow2 *q = driver;
  Qcow2Extent extent;
  if (block_file_get_fd (q->file) < 0 ||
      !range_lock_try (&q->ranges, &mapping->hold, qcow2_cluster_of (q, offset),
                       qcow2_cluster_of (q, offset + length - 1), false))
    return false;
  if (lookup_at_once (q, write, offset, length, &extent) &&
      map_extent (q, offset, &extent, mapping))
    return true;
  range_lock_release (&q->ranges, &mapping->hold);
  return false;
}

static void
qcow2_unmap (void *driver, BlockMapping *mapping)
{
  Qcow2 *q = driver;
  range_lock_release (&q->ranges, &mapping->hold);
}

static int
get_backing_extent (Qcow2 *q, uint64_t offset, BlockExtent *extent)
{
  uint64_t length = extent->length;
  if (q->backing == NULL || offset >= q->backing->size_bytes)
    return 0;
  length = MIN (length, q->backing->size_bytes - offset);
  int error = q->backing->ops->get_extent (q->backing->driver, offset, length, extent);
  extent->depth++;
  return error;
}

static int
qcow2_get_extent (void *driver, uint64_t offset, uint64_t length, BlockExtent *extent)
{
  Qcow2 *q = driver;
  Qcow2Extent mine;
  int error = lookup (q, offset, length, &mine);
  if (error != 0)
    return error;
  *extent = (BlockExtent){
      .kind = mine.kind == QCOW2_ABSENT   ? BLOCK_EXTENT_ABSENT
              : mine.kind == QCOW2_ZEROES ? BLOCK_EXTENT_ZERO
                                          : BLOCK_EXTENT_DATA,
      .length = mine.length,
      .compressed = mine.kind == QCOW2_PACKED,
      .has_host = mine.kind == QCOW2_DATA,
      .host = mine.host,
  };
  return mine.kind == QCOW2_ABSENT ? get_backing_extent (q, offset, extent) : 0;
}

const BlockDriverOps qcow2_driver_ops = {
    .name = "qcow2",
    .read = qcow2_read,
    .write = qcow2_write,
    .flush = qcow2_flush,
    .discard = qcow2_discard,
    .write_zeroes = qcow2_write_zeroes,
    .get_extent = qcow2_get_extent,
    .map = qcow2_map,
    .unmap = qcow2_unmap,
    .free = qcow2_free,
};
