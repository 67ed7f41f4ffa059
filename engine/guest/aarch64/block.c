// SPDX-License-Identifier: GPL-3.0-or-later
// Finding, keeping and re-checking decoded blocks (block.h). Arm ARM B2.7.4 (caches and
// instruction fetch), D2.12 (software step). Runs on the vCPU's thread.
#include "engine/guest/aarch64/block.h"

#include <errno.h>
#include <gio/gio.h>
#include <sys/mman.h>

#include "engine/guest/aarch64/accel-jit.h"
#include "engine/guest/aarch64/branch.h"
#include "engine/guest/aarch64/code-watch.h"
#include "engine/guest/aarch64/debug.h"
#include "engine/guest/aarch64/debugger.h"
#include "engine/guest/aarch64/exception.h"
#include "engine/guest/aarch64/mmu.h"
#include "engine/guest/aarch64/sysreg.h"
#include "engine/mem/access.h"

enum {
  ALIGN_BYTES = 64,
  ISS_STEP_VALID = 1u << 24,
  ISS_STEP_EXCLUSIVE = 1u << 6,
};

bool
a64_fp_trapped (const A64Cpu *cpu)
{
  unsigned fpen = cpu->sys->cpacr_el1 >> 20 & 3;

  return cpu->pstate.el == 0 ? fpen != 3 : (fpen & 1) == 0;
}

// ---- jump caches ----------------------------------------------------------------------------

static unsigned
n_jumps (const A64TlbContext *ctx)
{
  return (ctx->jc_mask >> 2) + 1;
}

static void
fill_empty (A64Cpu *cpu, A64Jce *jc, unsigned n)
{
  for (unsigned i = 0; i < n; i++)
    jc[i] = cpu->blocks->empty_jump;
}

void
a64_no_jumps (A64Cpu *cpu)
{
  cpu->jc = &cpu->blocks->no_jump;
  cpu->jc_mask = 0;
}

// What was there before moves to its second place, where generated code looks, too: a kernel's calls
// meet in one place often enough to leave generated code twice in each of some system calls.
static void
enter_jump (A64Cpu *cpu, A64Jce entry)
{
  unsigned index = a64_jce_index (cpu->pc, cpu->ctx->jc_mask), chunk = index / A64_JC_CHUNK;
  A64Jce *first = &cpu->ctx->jc[index];

  entry.va = cpu->pc;
  // Only chunks that were written to need emptying.
  cpu->ctx->info->jc_written[chunk / 64] |= (uint64_t) 1 << (chunk % 64);
  if (first->va != entry.va && first->va != cpu->blocks->empty_jump.va)
    cpu->ctx->jc[index ^ 1] = *first;
  *first = entry;
}

void
a64_jump_cache_clear (A64Cpu *cpu, A64TlbContext *ctx)
{
  for (unsigned chunk = 0; chunk < n_jumps (ctx) / A64_JC_CHUNK; chunk++)
    if (ctx->info->jc_written[chunk / 64] >> (chunk % 64) & 1)
      fill_empty (cpu, &ctx->jc[chunk * A64_JC_CHUNK], A64_JC_CHUNK);
  memset (ctx->info->jc_written, 0, sizeof ctx->info->jc_written);
}

void
a64_jump_caches_lead_to (A64Cpu *cpu, const void *code)
{
  cpu->blocks->empty_jump.code = code;
  cpu->blocks->no_jump = cpu->blocks->empty_jump;
  fill_empty (cpu, cpu->ctx_el1->jc, n_jumps (cpu->ctx_el1));
  for (unsigned i = 0; i < A64_N_CONTEXTS && cpu->mmu->el0[i] != NULL; i++)
    fill_empty (cpu, cpu->mmu->el0[i]->jc, n_jumps (cpu->mmu->el0[i]));
}

void
a64_jump_cache_drop_page (A64Cpu *cpu, A64TlbContext *ctx, GuestVaddr page)
{
  A64Jce *first = &ctx->jc[a64_jce_index (page, ctx->jc_mask) & ~(unsigned) (A64_JC_PAGE - 1)];

  for (unsigned i = 0; i < A64_JC_PAGE; i++)
    if ((first[i].va & ~(GuestVaddr) (A64_PAGE_SIZE - 1)) == page)
      fill_empty (cpu, &first[i], 1);
}

// The block of empty jump-cache entries. It runs for the one address that such an entry seems to
// be for, which is not a legal one: the lookup raises.
static void
empty_entry (A64Cpu *cpu, const A64Op *op)
{
  const void *code;

  (void) op;
  a64_block_find (cpu, &code);
}

// ---- the arena ------------------------------------------------------------------------------

static void *
at_offset (const A64BlockCache *cache, uint32_t offset)
{
  return offset != 0 ? cache->arena + offset : NULL;
}

static uint32_t
offset_of (const A64BlockCache *cache, const void *p)
{
  return (uint32_t) ((const uint8_t *) p - cache->arena);
}

static uint32_t
round_up (size_t bytes)
{
  return (uint32_t) ((bytes + ALIGN_BYTES - 1) & ~(size_t) (ALIGN_BYTES - 1));
}

static size_t
block_bytes (unsigned n)
{
  return sizeof (A64Block) + sizeof (A64Op) * (n + 1);
}

static void
forget_all (A64Cpu *cpu)
{
  A64BlockCache *cache = cpu->blocks;

  cache->used_bytes = ALIGN_BYTES;
  memset (cache->buckets, 0, sizeof cache->buckets);
  memset (cache->pages, 0, sizeof cache->pages);
  a64_jump_caches_clear (cpu);
}

// Where the next thing goes. There is room: make_room was called.
static void *
arena_take (A64BlockCache *cache, size_t bytes)
{
  void *p = cache->arena + cache->used_bytes;

  cache->used_bytes += round_up (bytes);
  return p;
}

// Room for a page and the largest block; throws everything away when there is none. No block is
// running then.
static void
make_room (A64Cpu *cpu)
{
  uint32_t most = round_up (sizeof (A64CodePage)) + round_up (block_bytes (A64_BLOCK_MAX));

  if (cpu->blocks->used_bytes + most > A64_BLOCK_ARENA_BYTES)
    forget_all (cpu);
}

static unsigned
page_bucket (GuestAddr pa)
{
  return (pa >> A64_PAGE_BITS) % A64_CODE_PAGE_BUCKETS;
}

static A64CodePage *
find_page (A64BlockCache *cache, GuestAddr pa)
{
  A64CodePage *page = at_offset (cache, cache->pages[page_bucket (pa)]);

  while (page != NULL && page->pa != pa)
    page = at_offset (cache, page->hash_next);
  return page;
}

static A64CodePage *
get_page (A64BlockCache *cache, GuestAddr pa, const uint8_t *host)
{
  A64CodePage *page = find_page (cache, pa);
  uint32_t *bucket = &cache->pages[page_bucket (pa)];

  if (page == NULL) {
    page = arena_take (cache, sizeof *page);
    *page = (A64CodePage){.hash_next = *bucket, .pa = pa, .host = host};
    *bucket = offset_of (cache, page);
  }
  return page;
}

static unsigned
block_bucket (GuestAddr pa)
{
  return (pa >> 2) * 0x9e3779b97f4a7c15u >> (64 - A64_BLOCK_BUCKET_BITS);
}

// ---- changed code ---------------------------------------------------------------------------

static bool
words_match (const A64Block *block, const uint8_t *words)
{
  for (unsigned i = 0; i < block->n; i++)
    if (mem_load32 (words + i * 4) != block->ops[i].insn)
      return false;
  return true;
}

// Leads back to the lookup, from jump caches that still point to a block that is gone.
static void
dead_entry (A64Cpu *cpu, const A64Op *op)
{
  (void) op;
  a64_count (cpu, -(int64_t) cpu->block->n);
  fill_empty (cpu, a64_jce (cpu, cpu->pc), 1);
}

// Takes the block out of the tables; its memory stays.
static void
unlink_block (A64BlockCache *cache, A64Block *block, A64CodePage *page)
{
  uint32_t self = offset_of (cache, block), *at = &cache->buckets[block_bucket (block->pa)];

  while (*at != self)
    at = &((A64Block *) at_offset (cache, *at))->hash_next;
  *at = block->hash_next;
  for (at = &page->blocks; *at != self;)
    at = &((A64Block *) at_offset (cache, *at))->page_next;
  *at = block->page_next;
  block->ops[0].fn = dead_entry;
}

// Compares a block with memory: true when it may run.
static bool
revalidate (A64BlockCache *cache, A64Block *block)
{
  A64CodePage *page = at_offset (cache, block->page);

  if (!words_match (block, page->host + (block->pa & (A64_PAGE_SIZE - 1)))) {
    unlink_block (cache, block, page);
    return false;
  }
  if (block->stale) {
    page->stale = false;
    block->stale = false;
    block->ops[0].fn = block->first;
  }
  return true;
}

// Stands in ops[0] of a marked block.
static void
recheck_entry (A64Cpu *cpu, const A64Op *op)
{
  // Who watches the page has to be told as well, which the lookup does.
  if (cpu->code_watch == NULL && revalidate (cpu->blocks, cpu->block))
    op->fn (cpu, op);
  else
    dead_entry (cpu, op);
}

static void
mark_page (A64BlockCache *cache, A64CodePage *page)
{
  if (page->stale)
    return;
  page->stale = true;
  for (A64Block *block = at_offset (cache, page->blocks); block != NULL;
       block = at_offset (cache, block->page_next)) {
    block->stale = true;
    block->ops[0].fn = recheck_entry;
  }
}

void
a64_uncount (A64Cpu *cpu, const A64Op *op)
{
  // Generated code counts an instruction right before it.
  if (cpu->block == NULL)
    a64_jit_uncount (cpu);
  else
    a64_count (cpu, (op - cpu->block->ops) - (int64_t) cpu->block->n);
}

void
a64_blocks_stale_page (A64Cpu *cpu, GuestAddr pa)
{
  A64CodePage *page = find_page (cpu->blocks, pa & ~(GuestAddr) (A64_PAGE_SIZE - 1));

  if (page != NULL)
    mark_page (cpu->blocks, page);
  if (cpu->jit != NULL)
    a64_jit_mark_page (cpu, pa);
}

void
a64_blocks_stale_all (A64Cpu *cpu)
{
  A64BlockCache *cache = cpu->blocks;

  for (unsigned i = 0; i < A64_CODE_PAGE_BUCKETS; i++)
    for (A64CodePage *page = at_offset (cache, cache->pages[i]); page != NULL;
         page = at_offset (cache, page->hash_next))
      mark_page (cache, page);
  if (cpu->jit != NULL)
    a64_jit_mark_all (cpu);
}

// ---- lookup ---------------------------------------------------------------------------------

static A64Block *
build (A64Cpu *cpu, GuestAddr pa, const uint8_t *page_host, bool fp_trapped)
{
  A64BlockCache *cache = cpu->blocks;
  unsigned offset = pa & (A64_PAGE_SIZE - 1);
  uint32_t *bucket = &cache->buckets[block_bucket (pa)];

  make_room (cpu);
  A64CodePage *page = get_page (cache, pa - offset, page_host);
  A64Block *block = (A64Block *) (cache->arena + cache->used_bytes);
  *block = (A64Block){.hash_next = *bucket,
                      .page_next = page->blocks,
                      .page = offset_of (cache, page),
                      .pa = pa,
                      .fp_trapped = fp_trapped};
  a64_block_decode (block, page_host + offset, A64_BLOCK_MAX);
  arena_take (cache, block_bytes (block->n));
  *bucket = page->blocks = offset_of (cache, block);
  page->stale = false;
  return block;
}

static A64Block *
lookup (A64Cpu *cpu, GuestAddr pa, const uint8_t *page_host)
{
  A64BlockCache *cache = cpu->blocks;
  bool fp_trapped = a64_fp_trapped (cpu);
  A64Block *block = at_offset (cache, cache->buckets[block_bucket (pa)]);

  while (block != NULL && (block->pa != pa || block->fp_trapped != fp_trapped))
    block = at_offset (cache, block->hash_next);
  if (block != NULL && (cpu->strict || block->stale) && !revalidate (cache, block))
    block = NULL;
  return block != NULL ? block : build (cpu, pa, page_host, fp_trapped);
}

// One instruction, kept nowhere.
static A64Block *
single_block (A64Cpu *cpu, GuestAddr pa, const uint8_t *words)
{
  A64Block *block = cpu->blocks->single;

  *block = (A64Block){.pa = pa, .fp_trapped = a64_fp_trapped (cpu)};
  a64_block_decode (block, words, 1);
  return block;
}

// LDXR, LDAXR and their pairs: a debugger must not step between them and their stores.
static bool
is_load_exclusive (uint32_t insn)
{
  return (insn & 0x3fe00000) == 0x08400000 || (insn & 0xbfe00000) == 0x88600000;
}

// Software step.
static A64Block *
step_block (A64Cpu *cpu, GuestAddr pa, const uint8_t *words)
{
  A64Block *block = single_block (cpu, pa, words);

  cpu->step_executed = true;
  cpu->step_exclusive = is_load_exclusive (block->ops[0].insn);
  return block;
}

// True when the step exception was taken instead of another instruction (D2.12.3).
static bool
take_step (A64Cpu *cpu)
{
  uint32_t iss = A64_ISS_DEBUG;

  // The syndrome says something about the instruction only where one was stepped.
  if (cpu->step_executed) {
    iss |= ISS_STEP_VALID | (cpu->step_exclusive ? ISS_STEP_EXCLUSIVE : 0);
    cpu->step_executed = false;
    cpu->pstate.ss = false;
  }
  if (cpu->pstate.ss)
    return false;
  a64_raise_fetch (cpu, cpu->pstate.el == 0 ? A64_EC_STEP_LOWER : A64_EC_STEP_LOWER + 1, iss,
                   false);
  return true;
}

static A64Block *
raise_abort (A64Cpu *cpu, uint8_t fsc)
{
  a64_raise_fetch (cpu, cpu->pstate.el == 0 ? A64_EC_INSN_ABORT_LOWER : A64_EC_INSN_ABORT, fsc,
                   true);
  return NULL;
}

A64Block *
a64_block_find (A64Cpu *cpu, const void **code)
{
  const uint8_t *host;
  A64Block *block;
  GuestAddr page;
  unsigned offset;
  uint8_t fsc;

  *code = NULL;
  // Branches do not look at the tag byte; it goes here, where no cached address has one.
  cpu->pc = a64_untag_code (cpu->mmu, cpu->pc);
  if (cpu->debugger != NULL && a64_debugger_stops (cpu))
    return NULL;
  if (cpu->step && take_step (cpu))
    return NULL;
  if (cpu->pc & 3) {
    a64_raise_fetch (cpu, A64_EC_PC_ALIGNMENT, 0, true);
    return NULL;
  }
  if (!a64_ifetch (cpu, cpu->pc, &page, &fsc))
    return raise_abort (cpu, fsc);
  host = a64_read_ptr (cpu, page, A64_PAGE_SIZE);
  if (host == NULL)
    return raise_abort (cpu, A64_FSC_EXTERNAL);
  if (cpu->breaks != 0 && a64_debug_breaks (cpu))
    return NULL;
  if (cpu->pstate.il) {
    a64_raise_fetch (cpu, A64_EC_ILLEGAL_STATE, 0, false);
    return NULL;
  }
  offset = cpu->pc & (A64_PAGE_SIZE - 1);
  if (cpu->pstate.btype != 0 && a64_bti_refuses (cpu, mem_load32 (host + offset)))
    return NULL;
  if (cpu->code_watch != NULL && !a64_code_watch_fetch (cpu, page))
    return NULL;
  if (cpu->step)
    return step_block (cpu, page + offset, host + offset);
  block = cpu->debugger != NULL ? a64_debugger_block (cpu, page + offset, host + offset) : NULL;
  if (block != NULL)
    return block;
  if (cpu->breaks != 0 && a64_debug_breaks_page (cpu, cpu->pc))
    return single_block (cpu, page + offset, host + offset);
  if (cpu->translating) {
    block = a64_jit_find_or_leave (cpu, page + offset, host, code);
    if (block != NULL)
      return block;
    if (cpu->jc == cpu->ctx->jc && !a64_bti_is_seen (cpu, mem_load32 (host + offset)))
      enter_jump (cpu, (A64Jce){.code = *code});
    return NULL;
  }
  block = lookup (cpu, page + offset, host);
  if (cpu->jc == cpu->ctx->jc)
    enter_jump (cpu, (A64Jce){.block = block});
  return block;
}

// ---- life -----------------------------------------------------------------------------------

bool
a64_blocks_init (A64Cpu *cpu, GError **error)
{
  A64BlockCache *cache = g_new0 (A64BlockCache, 1);
  // Untouched pages of the arena take no memory.
  void *arena = mmap (NULL, A64_BLOCK_ARENA_BYTES, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

  cpu->blocks = cache;
  if (arena == MAP_FAILED) {
    g_set_error (error, G_IO_ERROR, (int) g_io_error_from_errno (errno),
                 "There is not enough memory for the processor's block cache: %s",
                 g_strerror (errno));
    return false;
  }
  cache->arena = arena;
  cache->used_bytes = ALIGN_BYTES;
  cache->empty = g_aligned_alloc0 (1, block_bytes (1), ALIGN_BYTES);
  cache->empty->ops[0].fn = empty_entry;
  cache->single = g_aligned_alloc0 (1, block_bytes (1), ALIGN_BYTES);
  cache->empty_jump = (A64Jce){.va = ~(GuestVaddr) 0, .block = cache->empty};
  cache->no_jump = cache->empty_jump;
  return true;
}

void
a64_blocks_clear (A64Cpu *cpu)
{
  A64BlockCache *cache = cpu->blocks;

  if (cache == NULL)
    return;
  if (cache->arena != NULL)
    munmap (cache->arena, A64_BLOCK_ARENA_BYTES);
  g_aligned_free (cache->empty);
  g_aligned_free (cache->single);
  g_free (cache);
  cpu->blocks = NULL;
}
