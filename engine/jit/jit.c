// SPDX-License-Identifier: GPL-3.0-or-later
// See jit.h. Regions and pages lie in an arena and name one another by offsets, 0 for none; code
// lies in memory of its own, since what is written near code that runs is slow. When either is
// full everything is forgotten.
#include "engine/jit/jit.h"

#include <string.h>
#include <sys/mman.h>

#include "engine/jit/code-memory.h"

enum {
  REGION_BUCKETS = 1 << 16,
  PAGE_BUCKETS = 1 << 12,
  ARENA_ALIGN = 8,
  CODE_ALIGN = 16,
};

typedef struct Region {
  uint32_t hash_next, page_next;
  uint32_t page;
  uint32_t mode;
  GuestAddr pa;
  uint8_t *code; // as written
  bool marked;
  uint16_t n_spans;
  uint8_t saved[8]; // of the entry, while marked
  IrSpan spans[];   // and then the words themselves
} Region;

typedef struct CodePage {
  uint32_t hash_next;
  uint32_t regions;
  GuestAddr pa;
  bool marked; // all its regions are
} CodePage;

struct Jit {
  const JitHostOps *ops;
  JitHost *host;
  CodeMemory memory;
  size_t used, start; // of the code; the host's own pieces come first
  uint8_t *arena;
  size_t arena_bytes, arena_used;
  JitStats stats;
  uint32_t regions[REGION_BUCKETS];
  uint32_t pages[PAGE_BUCKETS];
};

static void *
at_offset (const Jit *jit, uint32_t offset)
{
  return offset != 0 ? jit->arena + offset : NULL;
}

static uint32_t
offset_of (const Jit *jit, const void *p)
{
  return (uint32_t) ((const uint8_t *) p - jit->arena);
}

static void *
arena_take (Jit *jit, size_t bytes)
{
  void *p = jit->arena + jit->arena_used;

  bytes = (bytes + ARENA_ALIGN - 1) & ~(size_t) (ARENA_ALIGN - 1);
  if (jit->arena_used + bytes > jit->arena_bytes)
    return NULL;
  jit->arena_used += bytes;
  return p;
}

static ptrdiff_t
alias (const Jit *jit)
{
  return jit->memory.execute - jit->memory.write;
}

Jit *
jit_new (const JitHostOps *ops, const JitLayout *layout, size_t bytes, GError **error)
{
  Jit *jit = g_new0 (Jit, 1);

  jit->ops = ops;
  if (!code_memory_map (&jit->memory, bytes, error)) {
    g_free (jit);
    return NULL;
  }
  // Untouched pages take no memory.
  jit->arena_bytes = bytes / 2;
  jit->arena = mmap (NULL, jit->arena_bytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (jit->arena == MAP_FAILED) {
    jit->arena = NULL;
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
                 "There is not enough memory for translated code");
    jit_free (jit);
    return NULL;
  }
  jit->host = ops->host_new (layout, jit->memory.write, bytes, alias (jit), &jit->start);
  jit_clear (jit);
  jit->stats.clears = 0;
  return jit;
}

void
jit_free (Jit *jit)
{
  if (jit == NULL)
    return;
  if (jit->host != NULL)
    jit->ops->host_free (jit->host);
  if (jit->arena != NULL)
    munmap (jit->arena, jit->arena_bytes);
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

void
jit_clear (Jit *jit)
{
  jit->used = (jit->start + CODE_ALIGN - 1) & ~(size_t) (CODE_ALIGN - 1);
  jit->arena_used = ARENA_ALIGN;
  memset (jit->regions, 0, sizeof jit->regions);
  memset (jit->pages, 0, sizeof jit->pages);
  jit->stats.clears++;
}

bool
jit_is_empty (const Jit *jit)
{
  return jit->arena_used == ARENA_ALIGN;
}

static uint32_t *
region_bucket (Jit *jit, GuestAddr pa, uint32_t mode)
{
  return &jit->regions[((pa >> 2) + mode) * 0x9e3779b97f4a7c15u >> 48 & (REGION_BUCKETS - 1)];
}

static uint32_t *
page_bucket (Jit *jit, GuestAddr pa)
{
  return &jit->pages[(pa >> IR_PAGE_BITS) % PAGE_BUCKETS];
}

static CodePage *
find_page (Jit *jit, GuestAddr pa)
{
  CodePage *page = at_offset (jit, *page_bucket (jit, pa));

  while (page != NULL && page->pa != pa)
    page = at_offset (jit, page->hash_next);
  return page;
}

static CodePage *
get_page (Jit *jit, GuestAddr pa)
{
  CodePage *page = find_page (jit, pa);
  uint32_t *bucket = page_bucket (jit, pa);

  if (page != NULL)
    return page;
  page = arena_take (jit, sizeof *page);
  if (page == NULL)
    return NULL;
  *page = (CodePage){.hash_next = *bucket, .pa = pa};
  *bucket = offset_of (jit, page);
  return page;
}

// ---- changed code ---------------------------------------------------------------------------

static uint8_t *
words_of (Region *region)
{
  return (uint8_t *) &region->spans[region->n_spans];
}

static bool
words_match (Region *region, const uint8_t *page)
{
  const uint8_t *words = words_of (region);

  for (unsigned i = 0; i < region->n_spans; i++) {
    if (memcmp (words, page + region->spans[i].offset, region->spans[i].bytes) != 0)
      return false;
    words += region->spans[i].bytes;
  }
  return true;
}

// Takes it out of the tables. Its entry stays marked.
static void
drop (Jit *jit, Region *region)
{
  uint32_t self = offset_of (jit, region), *at = region_bucket (jit, region->pa, region->mode);

  while (*at != self)
    at = &((Region *) at_offset (jit, *at))->hash_next;
  *at = region->hash_next;
  for (at = &((CodePage *) at_offset (jit, region->page))->regions; *at != self;)
    at = &((Region *) at_offset (jit, *at))->page_next;
  *at = region->page_next;
  jit->stats.changed++;
}

static bool
revalidate (Jit *jit, Region *region, const uint8_t *page)
{
  if (!words_match (region, page)) {
    drop (jit, region);
    return false;
  }
  jit->ops->unmark (region->code, region->saved);
  region->marked = false;
  ((CodePage *) at_offset (jit, region->page))->marked = false;
  jit->stats.revalidated++;
  return true;
}

static void
mark (Jit *jit, CodePage *page)
{
  if (page->marked)
    return;
  page->marked = true;
  for (Region *region = at_offset (jit, page->regions); region != NULL;
       region = at_offset (jit, region->page_next)) {
    if (region->marked)
      continue;
    jit->ops->mark (jit->host, region->code, region->saved);
    region->marked = true;
    jit->stats.marked++;
  }
}

void
jit_mark_page (Jit *jit, GuestAddr pa)
{
  CodePage *page = find_page (jit, pa & ~(GuestAddr) (IR_PAGE_SIZE - 1));

  if (page != NULL)
    mark (jit, page);
}

void
jit_mark_all (Jit *jit)
{
  for (unsigned i = 0; i < PAGE_BUCKETS; i++)
    for (CodePage *page = at_offset (jit, jit->pages[i]); page != NULL;
         page = at_offset (jit, page->hash_next))
      mark (jit, page);
}

// ---- lookup ---------------------------------------------------------------------------------

const void *
jit_find (Jit *jit, GuestAddr pa, uint32_t mode, const uint8_t *page)
{
  Region *region = at_offset (jit, *region_bucket (jit, pa, mode));

  jit->stats.finds++;
  while (region != NULL && (region->pa != pa || region->mode != mode))
    region = at_offset (jit, region->hash_next);
  if (region == NULL || (region->marked && !revalidate (jit, region, page)))
    return NULL;
  return region->code + alias (jit);
}

static void
copy_words (Region *region, const IrRegion *ir, const uint8_t *page)
{
  memcpy (region->spans, ir->spans, sizeof *ir->spans * ir->n_spans);
  uint8_t *words = words_of (region);
  for (unsigned i = 0; i < ir->n_spans; i++) {
    memcpy (words, page + ir->spans[i].offset, ir->spans[i].bytes);
    words += ir->spans[i].bytes;
  }
}

const void *
jit_add (Jit *jit, GuestAddr pa, uint32_t mode, const uint8_t *page, const JitRequest *request)
{
  const IrRegion *ir = request->ir;
  CodePage *code_page = get_page (jit, pa & ~(GuestAddr) (IR_PAGE_SIZE - 1));
  Region *region =
      arena_take (jit, sizeof *region + sizeof (IrSpan) * ir->n_spans + 4 * (size_t) ir->n_insns);
  uint8_t *code = jit->memory.write + jit->used;
  size_t bytes;

  if (code_page == NULL || region == NULL)
    return NULL;
  bytes = jit->ops->lower (jit->host, request, code, jit->memory.bytes - jit->used);
  if (bytes == 0)
    return NULL;
  jit->used += (bytes + CODE_ALIGN - 1) & ~(size_t) (CODE_ALIGN - 1);
  uint32_t *bucket = region_bucket (jit, pa, mode);
  *region = (Region){.hash_next = *bucket,
                     .page_next = code_page->regions,
                     .page = offset_of (jit, code_page),
                     .mode = mode,
                     .pa = pa,
                     .code = code,
                     .n_spans = (uint16_t) ir->n_spans};
  copy_words (region, ir, page);
  *bucket = code_page->regions = offset_of (jit, region);
  code_page->marked = false;
  jit->stats.regions++;
  jit->stats.insns += ir->n_insns;
  jit->stats.code_bytes = jit->used;
  return code + alias (jit);
}

void
jit_link (Jit *jit, void *site, const void *code)
{
  jit->ops->link ((uint8_t *) site - alias (jit), (const uint8_t *) code - alias (jit));
  jit->stats.links++;
}

JitStats *
jit_get_stats (Jit *jit)
{
  return &jit->stats;
}
