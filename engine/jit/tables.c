// SPDX-License-Identifier: GPL-3.0-or-later
// See jit-priv.h: the tables of regions and of guest pages, marking, and what leads to a region.
#include <string.h>

#include "engine/jit/jit-priv.h"

// Entries that are near one another have buckets that are, and mostly in the cache: what is looked
// for is most often near to what was looked for before.
static uint32_t *
region_bucket (Jit *jit, GuestAddr pa, uint32_t mode)
{
  uint64_t page = ((pa >> IR_PAGE_BITS) + ((uint64_t) mode << 40)) * 0x9e3779b97f4a7c15u >> 48;

  return &jit->regions[(page ^ (pa % IR_PAGE_SIZE >> 2)) & (JIT_REGION_BUCKETS - 1)];
}

static uint32_t *
page_bucket (Jit *jit, GuestAddr pa)
{
  return &jit->pages[(pa >> IR_PAGE_BITS) % JIT_PAGE_BUCKETS];
}

void
jit_note_lost (Jit *jit, const JitRegion *region)
{
  size_t bucket = (size_t) (region_bucket (jit, region->pa, region->mode) - jit->regions);

  jit->emptied[bucket / 64] |= UINT64_C (1) << bucket % 64;
}

bool
jit_was_lost (Jit *jit, const JitRegion *region)
{
  size_t bucket = (size_t) (region_bucket (jit, region->pa, region->mode) - jit->regions);
  uint64_t bit = UINT64_C (1) << bucket % 64, *word = &jit->emptied[bucket / 64];
  bool lost = (*word & bit) != 0;

  *word &= ~bit;
  return lost;
}

JitRegion *
jit_lookup (Jit *jit, GuestAddr pa, uint32_t mode)
{
  JitRegion *region = jit_at (jit, *region_bucket (jit, pa, mode));

  while (region != NULL && (region->pa != pa || region->mode != mode))
    region = jit_at (jit, region->hash_next);
  return region;
}

// ---- pages ----------------------------------------------------------------------------------

JitPage *
jit_find_page (Jit *jit, GuestAddr at)
{
  GuestAddr pa = at & ~(GuestAddr) (IR_PAGE_SIZE - 1);
  JitPage *page = jit_at (jit, *page_bucket (jit, pa));

  while (page != NULL && page->pa != pa)
    page = jit_at (jit, page->hash_next);
  return page;
}

// A page has regions, and the pool is as big as there may be regions.
static JitPage *
take_page (Jit *jit)
{
  JitPage *page = jit_at (jit, jit->free_page);

  if (page != NULL) {
    jit->free_page = page->hash_next;
    return page;
  }
  g_assert (jit->pages_used < jit->pages_most);
  return (JitPage *) jit->arena + jit->pages_used++;
}

static JitPage *
get_page (Jit *jit, GuestAddr pa)
{
  JitPage *page = jit_find_page (jit, pa);
  uint32_t *bucket = page_bucket (jit, pa);

  if (page != NULL)
    return page;
  page = take_page (jit);
  *page = (JitPage){.hash_next = *bucket, .pa = pa};
  *bucket = jit_offset_of (jit, page);
  return page;
}

static void
free_page (Jit *jit, JitPage *page)
{
  uint32_t self = jit_offset_of (jit, page), *at = page_bucket (jit, page->pa);

  while (*at != self)
    at = &((JitPage *) jit_at (jit, *at))->hash_next;
  *at = page->hash_next;
  page->hash_next = jit->free_page;
  jit->free_page = self;
}

// ---- regions --------------------------------------------------------------------------------

static GuestAddr
page_of (const JitRegion *region)
{
  return region->pa & ~(GuestAddr) (IR_PAGE_SIZE - 1);
}

void
jit_enter_tables (Jit *jit, JitRegion *region, JitChunk *chunk)
{
  JitPage *page = get_page (jit, page_of (region));
  uint32_t *bucket = region_bucket (jit, region->pa, region->mode);

  region->page = jit_offset_of (jit, page);
  region->hash_next = *bucket;
  region->page_next = page->regions;
  region->page_previous = 0;
  if (page->regions != 0)
    ((JitRegion *) jit_at (jit, page->regions))->page_previous = jit_offset_of (jit, region);
  region->chunk_next = chunk->regions;
  *bucket = page->regions = chunk->regions = jit_offset_of (jit, region);
  page->marked = false;
}

// Links from what was forgotten meanwhile are not touched: other code is there now.
static void
unlink_jumps (Jit *jit, JitRegion *region)
{
  for (JitLink *link = jit_at (jit, region->links); link != NULL; link = jit_at (jit, link->next)) {
    uint8_t *site = jit->memory.write + link->site;

    if (jit_chunk_of (jit, site)->age != link->age)
      continue;
    jit->ops->unlink (site, link->saved);
    jit->stats.unlinks++;
  }
  region->links = 0;
}

static void
mark_region (Jit *jit, JitRegion *region)
{
  if (region->marked)
    return;
  jit->ops->mark (jit->host, region->code, region->saved);
  region->marked = true;
}

// A page may have 1024 regions in each of some 40 modes, and thousands of them may go at once.
static void
remove_from_page (Jit *jit, JitPage *page, JitRegion *region)
{
  JitRegion *next = jit_at (jit, region->page_next);
  JitRegion *previous = jit_at (jit, region->page_previous);

  if (next != NULL)
    next->page_previous = region->page_previous;
  if (previous != NULL)
    previous->page_next = region->page_next;
  else
    page->regions = region->page_next;
}

void
jit_drop (Jit *jit, JitRegion *region)
{
  uint32_t self = jit_offset_of (jit, region);
  uint32_t *at = region_bucket (jit, region->pa, region->mode);
  JitPage *page = jit_at (jit, region->page);

  jit_drop_entries (jit, region);
  while (*at != self)
    at = &((JitRegion *) jit_at (jit, *at))->hash_next;
  *at = region->hash_next;
  remove_from_page (jit, page, region);
  if (page->regions == 0)
    free_page (jit, page);
  mark_region (jit, region);
  unlink_jumps (jit, region);
  region->gone = true;
  jit_chunk_of (jit, region->code)->gone += region->code_bytes;
  jit->stats.gone_bytes += region->code_bytes;
}

// Jumps stay in their page of physical memory: what else was found for one is of another page that
// is mapped there by now, for this guest program alone. And in their mode, which may have become
// another in the midst of code. The chunk of the region it leads to keeps the record. Where that has
// no more room the region is given up: it will be made again elsewhere.
void
jit_link (Jit *jit, void *site, const void *code)
{
  JitRegion *region = jit->found;
  uint8_t *written = (uint8_t *) site - jit_alias (jit);
  JitRegion *from = jit_region_at (jit, written);
  JitLink *link;

  if (region == NULL || region->code + jit_alias (jit) != (const uint8_t *) code || from == NULL ||
      page_of (from) != page_of (region) || from->mode != region->mode)
    return;
  link = jit_chunk_take (jit, jit_chunk_of (jit, region->code), sizeof *link);
  if (link == NULL) {
    jit_drop (jit, region);
    jit->found = NULL;
    return;
  }
  *link = (JitLink){.next = region->links,
                    .site = (uint32_t) (written - jit->memory.write),
                    .age = jit_chunk_of (jit, written)->age};
  region->links = jit_offset_of (jit, link);
  jit->ops->link (written, region->code, link->saved);
  jit->stats.links++;
}

// ---- marking --------------------------------------------------------------------------------

static void
mark_page (Jit *jit, JitPage *page)
{
  if (page->marked)
    return;
  page->marked = true;
  for (JitRegion *region = jit_at (jit, page->regions); region != NULL;
       region = jit_at (jit, region->page_next)) {
    jit->stats.marked += !region->marked;
    mark_region (jit, region);
  }
}

void
jit_mark_page (Jit *jit, GuestAddr pa)
{
  JitPage *page = jit_find_page (jit, pa);

  if (page != NULL)
    mark_page (jit, page);
}

void
jit_mark_all (Jit *jit)
{
  for (unsigned i = 0; i < JIT_PAGE_BUCKETS; i++)
    for (JitPage *page = jit_at (jit, jit->pages[i]); page != NULL;
         page = jit_at (jit, page->hash_next))
      mark_page (jit, page);
}
