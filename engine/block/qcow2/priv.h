// SPDX-License-Identifier: GPL-3.0-or-later
// One open qcow2 image, between its parts. DESIGN.md says what protects what and in which order
// things are written.
//
// Threads: what is above `lock` does not change while requests run. Functions named _locked need
// the lock; those that say so may give it up and take it again.
#pragma once

#include "engine/block/qcow2/cache.h"
#include "engine/block/qcow2/format.h"
#include "engine/block/qcow2/qcow2.h"
#include "engine/block/range-lock.h"

// Where the persistent bitmaps are; as the header says it, not checked.
typedef struct Qcow2Bitmaps {
  uint32_t n, reserved;
  uint64_t directory_bytes, directory_offset;
} Qcow2Bitmaps;

// The header in host order, checked.
typedef struct Qcow2Header {
  unsigned version, cluster_bits, refcount_order;
  uint32_t header_bytes;
  uint64_t size;
  uint64_t l1_offset, reftable_offset, snapshots_offset;
  uint32_t l1_entries, reftable_clusters, n_snapshots;
  uint64_t incompatible, compatible, autoclear;
  uint8_t compression;
  char *backing, *backing_format;
  Qcow2Bitmaps bitmaps;
} Qcow2Header;

// A run of clusters whose last use ended: freed when the commit that makes it so is done.
typedef struct Qcow2Free {
  uint64_t cluster, n;
  bool punch;
} Qcow2Free;

// Entries of a table in memory that are to be written: first <= last.
typedef struct Qcow2Dirty {
  uint64_t first, last;
} Qcow2Dirty;

// The compressed cluster that was unpacked last.
typedef struct Qcow2Unpacked {
  GMutex lock;
  uint64_t entry; // 0: none
  uint8_t *bytes;
} Qcow2Unpacked;

typedef struct Qcow2 {
  BlockFile *file;
  bool read_only;
  BlockImage *backing;      // NULL: none
  Qcow2Header header;       // size, l1_*, reftable_* change in resize and under `lock`
  Qcow2Snapshot *snapshots; // header.n_snapshots
  uint64_t snapshots_bytes; // of their table
  uint32_t cluster_bytes;
  unsigned l2_entry_bytes; // 8, or 16 with subclusters
  uint64_t l2_entries;     // of a table
  uint64_t l2_table_reach; // bytes of the disk one table maps
  unsigned slice_bytes;    // of both caches
  unsigned refcount_bits;
  uint64_t block_refcounts; // of a refcount block
  RangeLock ranges;         // guest clusters
  Qcow2Unpacked unpacked;

  GMutex lock;
  GCond committed;
  uint64_t *l1; // header.l1_entries
  Qcow2Dirty l1_dirty;
  uint64_t *reftable; // n_reftable
  uint64_t n_reftable;
  Qcow2Dirty reftable_dirty;
  SliceCache l2_cache, refcount_cache;
  GArray *frees;       // of Qcow2Free
  uint64_t free_hint;  // no cluster below is free
  uint64_t fresh_from; // clusters from here on were never written: they read as zeroes
  bool committing;
  uint64_t commits_begun, commits_done;
  int commit_error; // of the last that is done
  bool corrupt;     // found to be, or half changed: nothing is written any more
} Qcow2;

static inline void
qcow2_dirty_add (Qcow2Dirty *dirty, uint64_t index)
{
  if (index < dirty->first)
    dirty->first = index;
  if (index > dirty->last || dirty->last == UINT64_MAX)
    dirty->last = index;
}

#define QCOW2_CLEAN ((Qcow2Dirty){UINT64_MAX, UINT64_MAX})

static inline bool
qcow2_is_dirty (const Qcow2Dirty *dirty)
{
  return dirty->first != UINT64_MAX;
}

static inline uint64_t
qcow2_cluster_of (const Qcow2 *q, uint64_t bytes)
{
  return bytes >> q->header.cluster_bits;
}

// ---- header.c: header, extensions, snapshot table

bool qcow2_header_read (Qcow2Header *header, BlockFile *file, const char *path, GError **error);
// The sentence that names the image; false for the caller to return.
bool qcow2_refuse (const char *path, GError **error, const char *format, ...) G_GNUC_PRINTF (3, 4);
void qcow2_header_clear (Qcow2Header *header);
bool qcow2_snapshots_read (Qcow2 *q, const char *path, GError **error);
void qcow2_snapshots_clear (Qcow2 *q);
int qcow2_header_write_features (Qcow2 *q);
int qcow2_header_write_l1 (Qcow2 *q);
int qcow2_header_write_size (Qcow2 *q);
int qcow2_header_write_reftable (Qcow2 *q);
// Found damaged while in use: marked in the file, and nothing more is written.
void qcow2_mark_corrupt_locked (Qcow2 *q, const char *why);
// One table of big-endian numbers, as it lies in the file.
int qcow2_table_read (BlockFile *file, uint64_t offset, uint64_t n, uint64_t *entries);
int qcow2_table_write (BlockFile *file, uint64_t offset, uint64_t n, const uint64_t *entries);

// ---- refcount.c

// In a refcount block's bytes.
void qcow2_refcount_store (uint8_t *bytes, unsigned bits, uint64_t index, uint64_t refcount);
int qcow2_refcount_get_locked (Qcow2 *q, uint64_t cluster, uint64_t *refcount);
// Of a cluster that has a block.
int qcow2_refcount_set_locked (Qcow2 *q, uint64_t cluster, uint64_t refcount);
// An empty block at `cluster` that counts the i-th region.
int qcow2_refcount_add_block_locked (Qcow2 *q, uint64_t i, uint64_t cluster);
// At most n clusters that follow each other, counted once each; `*got` is at least 1. fresh: they
// read as zeroes.
int qcow2_alloc_locked (Qcow2 *q, uint64_t n, uint64_t *offset, uint64_t *got, bool *fresh);
// Exactly n clusters that follow each other, for a table.
int qcow2_alloc_run_locked (Qcow2 *q, uint64_t n, uint64_t *offset);
// References that no durable table has had: at once.
int qcow2_unalloc_locked (Qcow2 *q, uint64_t offset, uint64_t n);
// References that end with the next commit.
void qcow2_free_later_locked (Qcow2 *q, uint64_t offset, uint64_t n, bool punch);
void qcow2_free_entry_later_locked (Qcow2 *q, uint64_t entry, bool punch);
// What a commit left free.
int qcow2_frees_finish (Qcow2 *q, GArray *frees);
// Whether each block has a place of its own. A table that names one for many regions would keep who
// looks for a free cluster looking for hours.
bool qcow2_reftable_is_sound_locked (const Qcow2 *q);
// Whether a write there would hit the header, a table that is not an L2 table, or refcounts.
bool qcow2_is_table_locked (const Qcow2 *q, uint64_t offset, uint64_t length);
// The same, or anything else that is known to be metadata.
bool qcow2_is_metadata_locked (const Qcow2 *q, uint64_t offset, uint64_t length);

// ---- map.c: L1 and L2

typedef enum {
  QCOW2_ABSENT,
  QCOW2_ZEROES,
  QCOW2_DATA,
  QCOW2_PACKED, // compressed
} Qcow2Kind;

typedef struct Qcow2Extent {
  Qcow2Kind kind;
  bool ours;       // DATA: nobody else refers to the clusters
  uint64_t length; // bytes from the offset asked for
  uint64_t host;   // DATA: of the byte asked for
  uint64_t entry;  // PACKED
} Qcow2Extent;

// Whether looking up needs no reading.
bool qcow2_is_cached_locked (const Qcow2 *q, uint64_t offset);
int qcow2_lookup_locked (Qcow2 *q, uint64_t offset, uint64_t length, Qcow2Extent *extent);
// The host clusters of a compressed entry.
void qcow2_packed_range (const Qcow2 *q, uint64_t entry, uint64_t *offset, uint64_t *length);

typedef enum {
  QCOW2_MAP_DATA,
  QCOW2_MAP_ZERO, // version 3
  QCOW2_MAP_ABSENT,
} Qcow2MapTo;

// Maps n guest clusters from `offset` on to host clusters from `host` on (DATA), to zeroes or to
// nothing; what they referred to is freed later. `*n_done` were, fewer on error. May give up the
// lock between clusters: the caller holds the guest range alone.
int qcow2_map_locked (Qcow2 *q, uint64_t offset, uint64_t n, Qcow2MapTo to, uint64_t host,
                      uint64_t *n_done);

// ---- commit.c

int qcow2_commit (Qcow2 *q); // without the lock
// Before a change: room in the L2 cache, not too many frees. May give up the lock.
int qcow2_reserve_locked (Qcow2 *q);

// ---- io.c

extern const BlockDriverOps qcow2_driver_ops;

// ---- open.c

void qcow2_free (void *driver);

// ---- packed.c

// Part of a compressed cluster.
int qcow2_packed_read (Qcow2 *q, uint64_t entry, uint64_t skip, const struct iovec *iov,
                       unsigned n_iov, uint64_t iov_skip, uint64_t length);
