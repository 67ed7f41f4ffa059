// SPDX-License-Identifier: GPL-3.0-or-later
// What the files of this folder share; vCPU thread.
//
// Code memory is cut into chunks, which are filled one after the other. Each has a slice of the
// arena for the records of its code: regions, and the jumps that were led to them; at the end of the
// slice, and downwards, is a list of its regions in the order of their code. Records name one another
// by their offsets in the arena, 0 for none. Records of guest pages are in a pool.
//
// A region may be entered at its labels, too: such an entry is a region of its own in all tables,
// whose code goes to the label of the one that has the words.
#pragma once

#include "engine/jit/code-memory.h"
#include "engine/jit/jit.h"
#include "engine/jit/trace.h"

enum {
  JIT_REGION_BUCKETS = 1 << 16,
  JIT_PAGE_BUCKETS = 1 << 12,
  JIT_ARENA_ALIGN = 8,
  JIT_CODE_ALIGN = 16,
  JIT_CHUNK_BYTES = 1 << 20, // at most
  JIT_CHUNKS = 8,            // at least
  JIT_PREPARED = 1 << 16,    // bytes of a chunk that are touched at once
};

// A label: its word in the page, and above that where its code is in that of its region.
enum { JIT_LABEL_WORD = IR_PAGE_SIZE / 4 - 1, JIT_LABEL_SHIFT = IR_PAGE_BITS - 2 };

typedef struct JitRegion {
  uint32_t hash_next, page_next, chunk_next;
  uint32_t page;
  uint32_t links; // jumps that lead here
  uint32_t mode;
  GuestAddr pa;
  uint8_t *code;       // as written
  uint32_t code_bytes; // what it takes of its chunk
  bool marked;
  bool gone; // in no table
  uint16_t n_spans;
  uint32_t page_previous;
  uint32_t whole;                 // of an entry at a label: the region that is entered; else 0
  uint32_t entries, entries_next; // those of a region, at its labels
  uint32_t n_labels;
  uint8_t saved[8]; // while marked: what the code began with
  IrSpan spans[];   // then the words themselves, then the labels
} JitRegion;

// A jump that was led to a region. It may be forgotten before the region is: then the chunk it lies
// in is older than it was.
typedef struct JitLink {
  uint32_t next;
  uint32_t site; // offset in the code memory
  uint32_t age;
  uint8_t saved[4];
} JitLink;

typedef struct JitPage {
  uint32_t hash_next;
  uint32_t regions;
  GuestAddr pa;
  bool marked; // all its regions are
  bool has_places;
  uint32_t mode;                          // of the regions of these:
  uint64_t places[IR_PAGE_SIZE / 4 / 64]; // words where one may be entered; a few too many
} JitPage;

typedef struct JitChunk {
  uint32_t regions, n_regions;
  uint32_t age;    // times it was emptied
  uint32_t filled; // bytes of its code memory, of its slice of the arena
  uint32_t recorded;
  uint32_t gone;     // bytes of code of regions that are gone
  uint32_t prepared; // bytes of its code memory that were touched
  bool used;         // something in it was looked for since it was last considered
} JitChunk;

struct Jit {
  const JitHostOps *ops;
  JitHost *host;
  JitTrace *trace;
  CodeMemory memory;
  size_t start; // the host's own pieces come first
  uint8_t *arena;
  size_t arena_bytes;
  uint32_t chunk_bytes, slice_bytes, n_chunks;
  uint32_t pages_used, pages_most, free_page; // of the pool, which is where the arena begins
  uint32_t current;                           // chunk that is being filled
  uint32_t last;                              // the last that was taken in turn
  JitChunk *chunks;
  JitRegion *found;                   // by the last jit_find or jit_add
  uint32_t label_code[IR_MAX_LABELS]; // of the region that is being added
  JitStats stats;
  uint32_t regions[JIT_REGION_BUCKETS];
  uint32_t pages[JIT_PAGE_BUCKETS];
  uint64_t emptied[JIT_REGION_BUCKETS / 64]; // buckets that had a region whose chunk was emptied
};

static inline void *
jit_at (const Jit *jit, uint32_t offset)
{
  return offset != 0 ? jit->arena + offset : NULL;
}

static inline uint32_t
jit_offset_of (const Jit *jit, const void *p)
{
  return (uint32_t) ((const uint8_t *) p - jit->arena);
}

static inline ptrdiff_t
jit_alias (const Jit *jit)
{
  return jit->memory.execute - jit->memory.write;
}

// The region that has the words: itself, unless it is an entry at a label.
static inline JitRegion *
jit_whole (const Jit *jit, JitRegion *region)
{
  return region->whole != 0 ? jit_at (jit, region->whole) : region;
}

static inline uint8_t *
jit_words_of (JitRegion *region)
{
  return (uint8_t *) &region->spans[region->n_spans];
}

static inline JitChunk *
jit_chunk_of (const Jit *jit, const uint8_t *code)
{
  return &jit->chunks[(size_t) (code - jit->memory.write) / jit->chunk_bytes];
}

// ---- chunks.c -------------------------------------------------------------------------------

bool jit_chunks_init (Jit *jit, GError **error);
void jit_chunks_clear (Jit *jit);
// Room in a chunk's slice of the arena; NULL: there is none.
void *jit_chunk_take (Jit *jit, JitChunk *chunk, size_t bytes);
// Notes that the region's code is the last of its chunk; jit_chunk_take kept room for that.
void jit_chunk_note (Jit *jit, const JitRegion *region);
// The region whose code this is in; it may be gone. NULL: none.
JitRegion *jit_region_at (const Jit *jit, const uint8_t *code);
// Where the present chunk's code goes on, and how much more it may be: that much is ready to be
// written without faults as is seldom exceeded.
uint8_t *jit_chunk_room (Jit *jit, size_t *room);

// ---- tables.c -------------------------------------------------------------------------------

JitRegion *jit_lookup (Jit *jit, GuestAddr pa, uint32_t mode);
// The record of this address's page, or NULL.
JitPage *jit_find_page (Jit *jit, GuestAddr at);
// A region is lost with its chunk; and whether one of its bucket was, which is forgotten then.
void jit_note_lost (Jit *jit, const JitRegion *region);
bool jit_was_lost (Jit *jit, const JitRegion *region);
void jit_enter_tables (Jit *jit, JitRegion *region, JitChunk *chunk);
// Takes a region out of the tables; its code leads back to the lookup from now on, whoever still
// jumps there, and jumps that were led to it ask again.
void jit_drop (Jit *jit, JitRegion *region);

// ---- entries.c ------------------------------------------------------------------------------

// Notes the labels of a region that is in the tables: where jit->label_code says.
void jit_note_labels (Jit *jit, JitRegion *region, const IrRegion *ir);
// A region with a label at this place, or NULL. The label's code is at *label.
JitRegion *jit_find_label (Jit *jit, GuestAddr pa, uint32_t mode, const uint8_t **label);
// Adds the entry of that. NULL: no room.
JitRegion *jit_add_entry (Jit *jit, GuestAddr pa, JitRegion *whole, const uint8_t *label);
// A region is being dropped: so are its entries; or it is one.
void jit_drop_entries (Jit *jit, JitRegion *region);
