// SPDX-License-Identifier: GPL-3.0-or-later
// A fixed number of slices of metadata tables in memory: a slice is part of an L2 table or of a
// refcount block, found by its offset in the file.
//
// Threads: under the lock of whoever owns the cache. A slice pointer is good until the next get or
// until the lock is given up.
#pragma once

#include "engine/block/file.h"

typedef struct Slice {
  uint64_t offset; // 0: unused
  bool dirty;      // differs from the file
  bool writing;    // a commit has a copy of it that is not in the file yet
  bool recent;     // used since the hand came by
  uint8_t *bytes;
} Slice;

typedef struct SliceCache {
  BlockFile *file;
  unsigned slice_bytes;
  bool write_back; // dirty slices may leave at any time
  unsigned n_slices, hand;
  unsigned n_dirty, n_writing;
  Slice *slices; // bytes are made when first used
  GHashTable *by_offset;
} SliceCache;

void slice_cache_init (SliceCache *cache, BlockFile *file, unsigned slice_bytes, unsigned n_slices,
                       bool write_back);
void slice_cache_clear (SliceCache *cache);
// Reads it if need be. EBUSY: everything is dirty.
int slice_cache_get (SliceCache *cache, uint64_t offset, Slice **slice);
void slice_cache_set_dirty (SliceCache *cache, Slice *slice);
// Writes the dirty ones. Those that could not be written stay dirty.
int slice_cache_write_all (SliceCache *cache);
// Whether part of [offset, offset + length) is in the cache.
bool slice_cache_overlaps (const SliceCache *cache, uint64_t offset, uint64_t length);
// The range is no metadata any more.
void slice_cache_forget (SliceCache *cache, uint64_t offset, uint64_t length);

// A commit: copies of the dirty slices, which become `writing`.
typedef struct SliceCopies {
  unsigned n;
  uint64_t *offsets;
  uint8_t *bytes; // n slices
} SliceCopies;

void slice_cache_begin_write (SliceCache *cache, SliceCopies *copies);
int slice_copies_write (const SliceCopies *copies, BlockFile *file,
                        unsigned slice_bytes); // no lock
// Failed: they are dirty again.
void slice_cache_end_write (SliceCache *cache, SliceCopies *copies, bool failed);
