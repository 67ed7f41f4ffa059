// SPDX-License-Identifier: GPL-3.0-or-later
// See jit.h. Code lies in memory of its own, since what is written near code that runs is slow.
#include "engine/jit/jit.h"

#include <string.h>

#include "engine/jit/jit-priv.h"

Jit *
jit_new (const JitHostOps *ops, const JitLayout *layout, const JitConfig *config, GError **error)
{
  Jit *jit = g_new0 (Jit, 1);

  jit->ops = ops;
  if (!code_memory_map (&jit->memory, config->bytes, config->perf_map, error) ||
      !jit_chunks_init (jit, error) || !jit_trace_open (config, &jit->trace, error)) {
    jit_free (jit);
    return NULL;
  }
  jit->host =
      ops->host_new (layout, jit->memory.write, jit->chunk_bytes, jit_alias (jit), &jit->start);
  return jit;
}

void
jit_free (Jit *jit)
{
  if (jit == NULL)
    return;
  if (jit->host != NULL)
    jit->ops->host_free (jit->host);
  jit_trace_close (jit->trace);
  jit_chunks_clear (jit);
  code_memory_unmap (&jit->memory);
  g_free (jit);
}

void
jit_enter (Jit *jit, void *cpu, const void *code, GuestVaddr va)
{
  jit->ops->enter (jit->host, cpu, code, va);
}

const void *
jit_empty_code (Jit *jit)
{
  return jit->ops->empty_code (jit->host);
}

// ---- the words code was made of ---------------------------------------------------------------

static bool
words_match (JitRegion *region, const uint8_t *page)
{
  const uint8_t *words = jit_words_of (region);

  for (unsigned i = 0; i < region->n_spans; i++) {
    if (memcmp (words, page + region->spans[i].offset, region->spans[i].bytes) != 0)
      return false;
    words += region->spans[i].bytes;
  }
  return true;
}

static void
copy_words (JitRegion *region, const JitRequest *request)
{
  const IrRegion *ir = request->ir;
  size_t bytes = 0;

  memcpy (region->spans, ir->spans, sizeof *ir->spans * ir->n_spans);
  for (unsigned i = 0; i < ir->n_spans; i++)
    bytes += ir->spans[i].bytes;
  memcpy (jit_words_of (region), request->words, bytes);
}

static bool
revalidate (Jit *jit, JitRegion *region, const uint8_t *page)
{
  if (!words_match (jit_whole (jit, region), page)) {
    jit_drop (jit, jit_whole (jit, region));
    jit->stats.changed++;
    return false;
  }
  jit->ops->unmark (region->code, region->saved);
  region->marked = false;
  ((JitPage *) jit_at (jit, region->page))->marked = false;
  jit->stats.revalidated++;
  return true;
}

// ---- lookup ---------------------------------------------------------------------------------

// At a label of another region that is still what it was.
static JitRegion *
enter_at_label (Jit *jit, GuestAddr pa, uint32_t mode, const uint8_t *page)
{
  const uint8_t *label;
  JitRegion *whole = jit_find_label (jit, pa, mode, &label);

  if (whole == NULL || (whole->marked && !revalidate (jit, whole, page)))
    return NULL;
  return jit_add_entry (jit, pa, whole, label);
}

const void *
jit_find (Jit *jit, GuestAddr pa, uint32_t mode, const uint8_t *page)
{
  JitRegion *region = jit_lookup (jit, pa, mode);

  jit->stats.finds++;
  jit->found = NULL;
  if (region == NULL)
    region = enter_at_label (jit, pa, mode, page);
  if (region == NULL || (region->marked && !revalidate (jit, region, page)))
    return NULL;
  jit_chunk_of (jit, region->code)->used = true;
  jit_chunk_of (jit, jit_whole (jit, region)->code)->used = true;
  jit->found = region;
  return region->code + jit_alias (jit);
}

const void *
jit_add (Jit *jit, GuestAddr pa, uint32_t mode, const uint8_t *page, const JitRequest *request)
{
  const IrRegion *ir = request->ir;
  JitChunk *chunk = &jit->chunks[jit->current];
  size_t room;
  uint8_t *code = jit_chunk_room (jit, &room);
  JitRegion *region = jit_chunk_take (jit, chunk,
                                      sizeof *region + sizeof (IrSpan) * ir->n_spans +
                                          4 * ((size_t) ir->n_insns + ir->n_labels));

  if (region == NULL)
    return NULL;
  size_t bytes = jit->ops->lower (jit->host, request, code, room, jit->label_code);
  if (bytes == 0)
    return NULL;
  uint32_t taken =
      (uint32_t) MIN ((bytes + JIT_CODE_ALIGN - 1) & ~(size_t) (JIT_CODE_ALIGN - 1), room);
  chunk->filled += taken;
  *region = (JitRegion){
      .mode = mode, .pa = pa, .code = code, .code_bytes = taken, .n_spans = (uint16_t) ir->n_spans};
  copy_words (region, request);
  jit_enter_tables (jit, region, chunk);
  jit_chunk_note (jit, region);
  jit_note_labels (jit, region, ir);
  jit->found = region;
  jit->stats.regions++;
  jit->stats.remade += jit_was_lost (jit, region);
  jit->stats.insns += ir->n_insns;
  jit->stats.code_made += bytes;
  jit->stats.code_bytes += taken;
  if (jit->trace != NULL)
    jit_trace_region (jit->trace, &(JitTraced){.ir = ir,
                                               .pa = pa,
                                               .mode = mode,
                                               .page = page,
                                               .written = code,
                                               .code = code + jit_alias (jit),
                                               .bytes = bytes});
  return code + jit_alias (jit);
}

JitStats *
jit_get_stats (Jit *jit)
{
  return &jit->stats;
}
