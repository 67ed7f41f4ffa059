// SPDX-License-Identifier: GPL-3.0-or-later
// See jit-priv.h: filling chunks of code memory and emptying them again.
//
// Chunks are emptied in the order in which they were filled, but for those something was looked
// for in since they were last considered. What is reached through jump caches and links alone is
// not looked for; but jump caches are emptied with each chunk, so that code in use is soon seen
// again. A chunk whose code is mostly gone, because the guest changes what it is made of, comes
// first: code that is made again and again stays in the same memory.
#include <glib/gi18n.h>
#include <string.h>
#include <sys/mman.h>

#include "engine/jit/jit-priv.h"

// The smallest record of a region, and so how many pages there may be at once.
enum { LEAST_RECORD = sizeof (JitRegion) + sizeof (IrSpan) + 4 };

enum {
  SELDOM_MORE = 1 << 14, // bytes of a region's code
  JIT_PAGE = 1 << 12,    // what is prepared begins with one; code is never before it
};

static uint32_t
chunk_start (const Jit *jit, const JitChunk *chunk)
{
  if (chunk != jit->chunks)
    return 0;
  return (uint32_t) ((jit->start + JIT_CODE_ALIGN - 1) & ~(size_t) (JIT_CODE_ALIGN - 1));
}

static uint32_t
round_up (size_t bytes)
{
  return (uint32_t) ((bytes + JIT_ARENA_ALIGN - 1) & ~(size_t) (JIT_ARENA_ALIGN - 1));
}

// Untouched pages take no memory. The first record's offset is not 0.
bool
jit_chunks_init (Jit *jit, GError **error)
{
  jit->chunk_bytes = (uint32_t) MIN (jit->memory.bytes / JIT_CHUNKS, JIT_CHUNK_BYTES);
  jit->n_chunks = (uint32_t) (jit->memory.bytes / jit->chunk_bytes);
  jit->slice_bytes = round_up (jit->chunk_bytes / 2);
  jit->pages_most = jit->slice_bytes / LEAST_RECORD * jit->n_chunks + 1;
  jit->pages_used = 1;
  jit->arena_bytes = jit->pages_most * sizeof (JitPage) + (size_t) jit->slice_bytes * jit->n_chunks;
  void *arena = mmap (NULL, jit->arena_bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (arena == MAP_FAILED) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
                 _ ("There is not enough memory for translated code."));
    return false;
  }
  jit->arena = arena;
  jit->chunks = g_new0 (JitChunk, jit->n_chunks);
  return true;
}

void
jit_chunks_clear (Jit *jit)
{
  if (jit->arena != NULL)
    munmap (jit->arena, jit->arena_bytes);
  g_free (jit->chunks);
}

static uint8_t *
slice_of (const Jit *jit, const JitChunk *chunk)
{
  uint8_t *slices = jit->arena + jit->pages_most * sizeof (JitPage);

  return slices + (size_t) (chunk - jit->chunks) * jit->slice_bytes;
}

// The place of a region's offset in the chunk's list.
static uint32_t *
listed (const Jit *jit, const JitChunk *chunk, uint32_t i)
{
  return (uint32_t *) (void *) (slice_of (jit, chunk) + jit->slice_bytes) - 1 - i;
}

void *
jit_chunk_take (Jit *jit, JitChunk *chunk, size_t bytes)
{
  uint8_t *p = slice_of (jit, chunk) + chunk->recorded;

  if (chunk->recorded + bytes + sizeof (uint32_t) * (chunk->n_regions + 1) > jit->slice_bytes)
    return NULL;
  chunk->recorded += round_up (bytes);
  return p;
}

void
jit_chunk_note (Jit *jit, const JitRegion *region)
{
  JitChunk *chunk = jit_chunk_of (jit, region->code);

  *listed (jit, chunk, chunk->n_regions++) = jit_offset_of (jit, region);
}

JitRegion *
jit_region_at (const Jit *jit, const uint8_t *code)
{
  const JitChunk *chunk = jit_chunk_of (jit, code);
  JitRegion *region = NULL;

  for (uint32_t low = 0, high = chunk->n_regions; low < high;) {
    uint32_t middle = low + (high - low) / 2;
    JitRegion *there = jit_at (jit, *listed (jit, chunk, middle));

    if (there->code <= code) {
      region = there;
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return region;
}

// Two chunks are a huge page, but for the first two: little guests do without.
static bool
prepare_two (Jit *jit)
{
  JitChunk *chunk = &jit->chunks[jit->current];

  if (jit->chunk_bytes != CODE_HUGE_PAGE / 2 || jit->current < 2 || jit->current % 2 != 0 ||
      jit->current + 1 == jit->n_chunks || chunk->prepared != 0 || chunk[1].prepared != 0 ||
      !code_memory_prepare_huge (&jit->memory, (size_t) jit->current * jit->chunk_bytes))
    return false;
  chunk[0].prepared = chunk[1].prepared = jit->chunk_bytes;
  return true;
}

// A region's code is written there next, which seldom is more than SELDOM_MORE.
static void
prepare (Jit *jit)
{
  JitChunk *chunk = &jit->chunks[jit->current];
  size_t start = (size_t) jit->current * jit->chunk_bytes;

  if (chunk->filled + SELDOM_MORE <= chunk->prepared || chunk->prepared == jit->chunk_bytes ||
      prepare_two (jit))
    return;
  if (chunk->prepared < chunk->filled)
    chunk->prepared = MIN ((chunk->filled + JIT_PAGE - 1) & ~(JIT_PAGE - 1u), jit->chunk_bytes);
  uint32_t bytes = MIN (JIT_PREPARED, jit->chunk_bytes - chunk->prepared);
  code_memory_prepare (&jit->memory, start + chunk->prepared, bytes);
  chunk->prepared += bytes;
}

uint8_t *
jit_chunk_room (Jit *jit, size_t *room)
{
  JitChunk *chunk = &jit->chunks[jit->current];

  if (chunk->filled == 0)
    chunk->filled = chunk_start (jit, chunk);
  prepare (jit);
  *room = jit->chunk_bytes - chunk->filled;
  return jit->memory.write + (size_t) jit->current * jit->chunk_bytes + chunk->filled;
}

bool
jit_chunk_is_empty (const Jit *jit)
{
  return jit->chunks[jit->current].regions == 0;
}

// Nothing that stays leads into it afterwards but the caller's jump caches.
static void
empty (Jit *jit, JitChunk *chunk)
{
  for (JitRegion *region = jit_at (jit, chunk->regions); region != NULL;
       region = jit_at (jit, region->chunk_next)) {
    jit->stats.evicted++;
    if (region->gone)
      continue;
    jit_note_lost (jit, region);
    jit_drop (jit, region);
  }
  jit->stats.gone_bytes -= chunk->gone;
  jit->stats.code_bytes -= chunk->filled - chunk_start (jit, chunk);
  jit->stats.evictions++;
  *chunk = (JitChunk){.age = chunk->age + 1, .prepared = chunk->prepared};
  jit->found = NULL;
}

// One of whose code three quarters are gone, or NULL.
static JitChunk *
find_waste (Jit *jit)
{
  for (unsigned i = 0; i < jit->n_chunks; i++)
    if (jit->chunks[i].gone > jit->chunks[i].filled / 4 * 3)
      return &jit->chunks[i];
  return NULL;
}

static JitChunk *
next_in_turn (Jit *jit)
{
  JitChunk *chunk;
  bool used;

  do {
    jit->last = (jit->last + 1) % jit->n_chunks;
    chunk = &jit->chunks[jit->last];
    used = chunk->used;
    chunk->used = false;
    jit->stats.spared += used;
  } while (used);
  return chunk;
}

bool
jit_make_room (Jit *jit)
{
  JitChunk *chunk = find_waste (jit);

  if (chunk == NULL)
    chunk = next_in_turn (jit);
  jit->current = (uint32_t) (chunk - jit->chunks);
  if (chunk->regions == 0)
    return false;
  empty (jit, chunk);
  return true;
}
