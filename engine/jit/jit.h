// SPDX-License-Identifier: GPL-3.0-or-later
// Translated code of one CPU: keeping it, finding it by physical address and mode, forgetting it
// when the guest says that code changed. vCPU thread.
//
// A region is known by the physical address of its entry and by a mode, a number that stands for
// everything else its code depends on. It does not depend on the virtual address. The entry of a
// region whose page is marked leads back here, whoever jumps there.
//
// Code is kept in chunks. When all are full, one in which nothing was looked for lately is emptied
// and filled again (chunks.c).
#pragma once

#include <gio/gio.h>

#include "engine/jit/host.h"

typedef struct Jit Jit;

typedef struct JitConfig {
  size_t bytes;     // of code kept, at most
  bool count;       // instructions are counted all the time
  bool stats;       // figures are taken that cost time
  bool at_once;     // what is come to for the first time is not left to tier 0 instead
  bool perf_map;    // regions are named for perf(1); code memory is one mapping
  const char *dump; // file that all regions are written to, or NULL
} JitConfig;

typedef struct JitStats {
  uint64_t regions, insns; // translated since the start
  uint64_t code_made;      // bytes, since the start
  uint64_t code_bytes;     // kept
  uint64_t evictions;      // chunks emptied
  uint64_t evicted;        // regions in them
  uint64_t spared;         // chunks that were in use when it was their turn
  uint64_t remade;         // regions made whose entry had been in an emptied chunk; a few too many
  uint64_t gone_bytes;     // of code kept: of regions that changed, which wait for their chunk
  uint64_t marked, revalidated, changed;
  uint64_t links, unlinks;
  uint64_t finds;       // times generated code had to be looked for
  uint64_t entries;     // made at labels of regions
  int64_t translate_ns; // of CPU time; JitConfig.stats
} JitStats;

typedef struct JitSource {
  GuestAddr pa;
  const IrSpan *spans;
  unsigned n_spans;
} JitSource;

Jit *jit_new (const JitHostOps *ops, const JitLayout *layout, const JitConfig *config,
              GError **error);
void jit_free (Jit *jit);

// Runs code from jit_find or jit_add at `va`.
void jit_enter (Jit *jit, void *cpu, const void *code, GuestVaddr va);
// What empty jump-cache entries point to.
const void *jit_empty_code (Jit *jit);

// The code for an entry, NULL when there is none or the guest's words are no longer what it was
// made of. `page` is where the page of `pa` is in host memory.
const void *jit_find (Jit *jit, GuestAddr pa, uint32_t mode, const uint8_t *page);
// Adds one. NULL: no room; after jit_make_room there is, unless the region is too big even for an
// empty chunk (jit_chunk_is_empty).
const void *jit_add (Jit *jit, GuestAddr pa, uint32_t mode, const uint8_t *page,
                     const JitRequest *request);
// Where regions of this page and mode may be entered at labels, a bit for each word: code that is
// come to there may be left out of another region. NULL: nowhere. Until something is added.
const uint64_t *jit_places (Jit *jit, GuestAddr pa, uint32_t mode);
// What the code that jit_find gives was made of: from where on, and which words. False: there is none.
bool jit_find_source (Jit *jit, GuestAddr pa, uint32_t mode, JitSource *source);
// Goes to the next chunk. True: it held code, and the caller empties its jump caches and forgets
// jumps that ask for a link.
bool jit_make_room (Jit *jit);
bool jit_chunk_is_empty (const Jit *jit);
// Leads the jump that asked for it (JitLayout.link_site) to `code`, which was found or added last.
void jit_link (Jit *jit, void *site, const void *code);

// The code of a page may have changed; of all pages.
void jit_mark_page (Jit *jit, GuestAddr pa);
void jit_mark_all (Jit *jit);

JitStats *jit_get_stats (Jit *jit);
// Appends them as name=value, for programs and for those who work on the translator.
void jit_format_stats (const JitStats *stats, GString *out);
