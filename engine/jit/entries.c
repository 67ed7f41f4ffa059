// SPDX-License-Identifier: GPL-3.0-or-later
// See jit-priv.h: regions entered at their labels. Code that jumps into the midst of a region is led
// to that, instead of a second translation of it; the translator asks for the places where this is
// possible (jit_places) and ends a new region there.
//
// An entry is a few instructions, made when it is first asked for. It lies in the chunk that is being
// filled then, so it may go before its region, and must when that goes.
#include <string.h>

#include "engine/jit/jit-priv.h"

static uint32_t *
labels_of (JitRegion *region)
{
  uint8_t *words = jit_words_of (region);

  for (unsigned i = 0; i < region->n_spans; i++)
    words += region->spans[i].bytes;
  return (uint32_t *) (void *) words;
}

static void
add_place (JitPage *page, unsigned word)
{
  page->places[word / 64] |= UINT64_C (1) << word % 64;
}

// The places of a page are those of one mode; hardly any has code for two.
static bool
take_places (JitPage *page, uint32_t mode)
{
  if (!page->has_places) {
    memset (page->places, 0, sizeof page->places);
    page->has_places = true;
    page->mode = mode;
  }
  return page->mode == mode;
}

void
jit_note_labels (Jit *jit, JitRegion *region, const IrRegion *ir)
{
  uint32_t *labels = labels_of (region);
  JitPage *page = jit_at (jit, region->page);
  bool places = ir->n_labels > 0 && take_places (page, region->mode);

  for (unsigned i = 0; i < ir->n_labels; i++) {
    unsigned word = ir->label_pc[i] / 4;

    if (jit->label_code[i] == 0)
      continue;
    labels[region->n_labels++] = jit->label_code[i] << JIT_LABEL_SHIFT | word;
    if (places)
      add_place (page, word);
  }
}

const uint64_t *
jit_places (Jit *jit, GuestAddr pa, uint32_t mode)
{
  const JitPage *page = jit_find_page (jit, pa);

  return page != NULL && page->has_places && page->mode == mode ? page->places : NULL;
}

JitRegion *
jit_find_label (Jit *jit, GuestAddr pa, uint32_t mode, const uint8_t **label)
{
  JitPage *page = jit_find_page (jit, pa);
  uint32_t word = pa % IR_PAGE_SIZE / 4;

  if (page == NULL || !page->has_places || page->mode != mode ||
      !(page->places[word / 64] >> word % 64 & 1))
    return NULL;
  for (JitRegion *region = jit_at (jit, page->regions); region != NULL;
       region = jit_at (jit, region->page_next)) {
    const uint32_t *labels = labels_of (region);

    for (unsigned i = 0; i < region->n_labels && region->mode == mode; i++)
      if ((labels[i] & JIT_LABEL_WORD) == word) {
        *label = region->code + (labels[i] >> JIT_LABEL_SHIFT);
        return region;
      }
  }
  return NULL;
}

JitRegion *
jit_add_entry (Jit *jit, GuestAddr pa, JitRegion *whole, const uint8_t *label)
{
  JitChunk *chunk = &jit->chunks[jit->current];
  size_t room;
  uint8_t *code = jit_chunk_room (jit, &room);
  size_t bytes = jit->ops->lower_entry (jit->host, label, pa % IR_PAGE_SIZE, code, room);
  JitRegion *region = bytes != 0 ? jit_chunk_take (jit, chunk, sizeof *region) : NULL;

  if (region == NULL)
    return NULL;
  uint32_t taken =
      (uint32_t) MIN ((bytes + JIT_CODE_ALIGN - 1) & ~(size_t) (JIT_CODE_ALIGN - 1), room);
  chunk->filled += taken;
  *region = (JitRegion){.mode = whole->mode,
                        .pa = pa,
                        .code = code,
                        .code_bytes = taken,
                        .whole = jit_offset_of (jit, whole),
                        .entries_next = whole->entries};
  whole->entries = jit_offset_of (jit, region);
  jit_enter_tables (jit, region, chunk);
  jit_chunk_note (jit, region);
  jit->stats.entries++;
  jit->stats.code_made += bytes;
  jit->stats.code_bytes += taken;
  if (jit->trace != NULL)
    jit_trace_entry (jit->trace, &(JitTraced){.pa = pa,
                                              .mode = whole->mode,
                                              .code = code + jit_alias (jit),
                                              .bytes = bytes});
  return region;
}

static void
leave_list (Jit *jit, const JitRegion *entry)
{
  uint32_t self = jit_offset_of (jit, entry);
  uint32_t *at = &((JitRegion *) jit_at (jit, entry->whole))->entries;

  while (*at != self)
    at = &((JitRegion *) jit_at (jit, *at))->entries_next;
  *at = entry->entries_next;
}

void
jit_drop_entries (Jit *jit, JitRegion *region)
{
  if (region->whole != 0) {
    leave_list (jit, region);
    return;
  }
  while (region->entries != 0)
    jit_drop (jit, jit_at (jit, region->entries));
  // Its labels may be those of others, too; what they are will be known again when it is made again.
  if (region->n_labels > 0)
    ((JitPage *) jit_at (jit, region->page))->has_places = false;
}

bool
jit_find_source (Jit *jit, GuestAddr pa, uint32_t mode, JitSource *source)
{
  JitRegion *region = jit_lookup (jit, pa, mode);

  if (region == NULL)
    return false;
  region = jit_whole (jit, region);
  *source = (JitSource){.pa = region->pa, .spans = region->spans, .n_spans = region->n_spans};
  return true;
}
