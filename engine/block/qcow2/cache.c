// SPDX-License-Identifier: GPL-3.0-or-later
// Slices of metadata tables in memory; see cache.h. Eviction gives each slice a second chance.
#include "engine/block/qcow2/cache.h"

#include <errno.h>
#include <string.h>

void
slice_cache_init (SliceCache *cache, BlockFile *file, unsigned slice_bytes, unsigned n_slices,
                  bool write_back)
{
  *cache = (SliceCache){
      .file = file,
      .slice_bytes = slice_bytes,
      .write_back = write_back,
      .n_slices = n_slices,
      .slices = g_new0 (Slice, n_slices),
      .by_offset = g_hash_table_new (g_int64_hash, g_int64_equal),
  };
}

void
slice_cache_clear (SliceCache *cache)
{
  for (unsigned i = 0; i < cache->n_slices; i++)
    g_free (cache->slices[i].bytes);
  g_free (cache->slices);
  g_hash_table_unref (cache->by_offset);
}

void
slice_cache_set_dirty (SliceCache *cache, Slice *slice)
{
  if (!slice->dirty)
    cache->n_dirty++;
  slice->dirty = true;
}

static void
set_clean (SliceCache *cache, Slice *slice)
{
  if (slice->dirty)
    cache->n_dirty--;
  slice->dirty = false;
}

static int
write_slice (SliceCache *cache, Slice *slice)
{
  int error = block_file_write (cache->file, slice->bytes, cache->slice_bytes, slice->offset);
  if (error == 0)
    set_clean (cache, slice);
  return error;
}

static void
drop (SliceCache *cache, Slice *slice)
{
  if (slice->offset != 0)
    g_hash_table_remove (cache->by_offset, &slice->offset);
  set_clean (cache, slice);
  slice->offset = 0;
}

// An unused slice. Two rounds of the hand take away every second chance.
static int
find_room (SliceCache *cache, Slice **found)
{
  int error = EBUSY;
  for (unsigned i = 0; i < 2 * cache->n_slices; i++) {
    Slice *slice = &cache->slices[cache->hand];
    cache->hand = (cache->hand + 1) % cache->n_slices;
    if (slice->offset != 0 && slice->recent)
      slice->recent = false;
    else if (!slice->writing && (!slice->dirty || cache->write_back)) {
      if (slice->dirty && (error = write_slice (cache, slice)) != 0)
        continue;
      drop (cache, slice);
      *found = slice;
      return 0;
    }
  }
  return error;
}

int
slice_cache_get (SliceCache *cache, uint64_t offset, Slice **slice)
{
  *slice = g_hash_table_lookup (cache->by_offset, &offset);
  if (*slice == NULL) {
    int error = find_room (cache, slice);
    if (error != 0)
      return error;
    if ((*slice)->bytes == NULL)
      (*slice)->bytes = g_malloc (cache->slice_bytes);
    error = block_file_read (cache->file, (*slice)->bytes, cache->slice_bytes, offset);
    if (error != 0)
      return error;
    (*slice)->offset = offset;
    g_hash_table_insert (cache->by_offset, &(*slice)->offset, *slice);
  }
  (*slice)->recent = true;
  return 0;
}

int
slice_cache_write_all (SliceCache *cache)
{
  int error = 0;
  for (unsigned i = 0; i < cache->n_slices && cache->n_dirty > 0; i++)
    if (cache->slices[i].dirty) {
      int code = write_slice (cache, &cache->slices[i]);
      if (error == 0)
        error = code;
    }
  return error;
}

// Few slices of a table against a few looks.
static bool
overlaps (const SliceCache *cache, const Slice *slice, uint64_t offset, uint64_t length)
{
  return slice->offset != 0 && slice->offset < offset + length &&
         offset < slice->offset + cache->slice_bytes;
}

bool
slice_cache_overlaps (const SliceCache *cache, uint64_t offset, uint64_t length)
{
  uint64_t first = offset / cache->slice_bytes * cache->slice_bytes;
  if (length / cache->slice_bytes < cache->n_slices) {
    for (uint64_t at = first; at < offset + length; at += cache->slice_bytes)
      if (g_hash_table_contains (cache->by_offset, &at))
        return true;
    return false;
  }
  for (unsigned i = 0; i < cache->n_slices; i++)
    if (overlaps (cache, &cache->slices[i], offset, length))
      return true;
  return false;
}

void
slice_cache_forget (SliceCache *cache, uint64_t offset, uint64_t length)
{
  for (unsigned i = 0; i < cache->n_slices; i++)
    if (overlaps (cache, &cache->slices[i], offset, length) && !cache->slices[i].writing)
      drop (cache, &cache->slices[i]);
}

// ---------------------------------------------------------------------------------------------
// Commits

void
slice_cache_begin_write (SliceCache *cache, SliceCopies *copies)
{
  *copies = (SliceCopies){
      .offsets = g_new (uint64_t, cache->n_dirty),
      .bytes = g_malloc ((size_t) cache->n_dirty * cache->slice_bytes),
  };
  for (unsigned i = 0; i < cache->n_slices && cache->n_dirty > 0; i++) {
    Slice *slice = &cache->slices[i];
    if (!slice->dirty)
      continue;
    copies->offsets[copies->n] = slice->offset;
    memcpy (copies->bytes + (size_t) copies->n++ * cache->slice_bytes, slice->bytes,
            cache->slice_bytes);
    set_clean (cache, slice);
    slice->writing = true;
    cache->n_writing++;
  }
}

int
slice_copies_write (const SliceCopies *copies, BlockFile *file, unsigned slice_bytes)
{
  for (unsigned i = 0; i < copies->n; i++) {
    int error = block_file_write (file, copies->bytes + (size_t) i * slice_bytes, slice_bytes,
                                  copies->offsets[i]);
    if (error != 0)
      return error;
  }
  return 0;
}

void
slice_cache_end_write (SliceCache *cache, SliceCopies *copies, bool failed)
{
  for (unsigned i = 0; i < cache->n_slices && cache->n_writing > 0; i++) {
    Slice *slice = &cache->slices[i];
    if (!slice->writing)
      continue;
    slice->writing = false;
    cache->n_writing--;
    if (failed)
      slice_cache_set_dirty (cache, slice);
  }
  g_free (copies->offsets);
  g_free (copies->bytes);
}
