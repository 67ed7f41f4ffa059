// SPDX-License-Identifier: GPL-3.0-or-later
// Building, finding and re-checking decoded blocks (block.h). Arm ARM B2.7.4 (caches and
// instruction fetch), D2.12 (software step). Runs on the vCPU's thread.
#include <assert.h>
#include <errno.h>
#include <gio/gio.h>
#include <sys/mman.h>

#include "engine/guest/aarch64/block.h"
#include "engine/guest/aarch64/decode.h"
#include "engine/guest/aarch64/exception.h"
#include "engine/guest/aarch64/mmu.h"
#include "engine/guest/aarch64/sysreg.h"
#include "engine/mem/access.h"

static_assert (sizeof (A64Op) == 32, "two to a cache line");

bool
a64_fp_trapped (const A64Cpu *cpu)
{
  unsigned fpen = cpu->sys->cpacr_el1 >> 20 & 3;

  return cpu->pstate.el == 0 ? fpen != 3 : (fpen & 1) == 0;
}

// Handlers that stand for something else than an instruction of the table.

// Follows the last instruction of every block.
static void
block_end (A64Cpu *cpu, const A64Op *op)
{
  cpu->pc = a64_op_pc (cpu, op);
}

// The block of empty jump-cache entries. Nothing to do: the run loop looked cpu->pc up already,
// unless the address is the odd one that marks such an entry; then it goes the slow way here.
static void
empty_entry (A64Cpu *cpu, const A64Op *op)
{
  (void) op;
  a64_block_find (cpu);
}

static void
unallocated (A64Cpu *cpu, const A64Op *op)
{
  a64_raise_undefined (cpu, op);
}

static void
fp_trap (A64Cpu *cpu, const A64Op *op)
{
  // CV = 1, COND = 0xe.
  a64_raise_sync (cpu, op, A64_EC_FP_ACCESS, 0x1e << 20);
}

static bool
words_match (const A64Block *block)
{
  for (unsigned i = 0; i < block->n; i++)
    if (mem_load32 (block->host + i * 4) != block->ops[i].insn)
      return false;
  return true;
}

static unsigned
bucket_of (GuestAddr pa)
{
  return (pa >> 2 ^ pa >> 14) % A64_BLOCK_BUCKETS;
}

static A64CodePage *
find_page (A64BlockCache *cache, GuestAddr pa)
{
  A64CodePage *page = cache->pages[(pa >> A64_PAGE_BITS) % A64_CODE_PAGE_BUCKETS];

  while (page != NULL && page->pa != pa)
    page = page->hash_next;
  return page;
}

// Takes the block out of the tables. Jump caches may still point to it, so that its memory stays
// and its first op leads back to the lookup.
static void
dead_entry (A64Cpu *cpu, const A64Op *op)
{
  A64Jce *e = &cpu->jc[cpu->pc >> 2 & (A64_JC_SIZE - 1)];

  (void) op;
  a64_count (cpu, -(int64_t) cpu->block->n);
  *e = (A64Jce){.va = ~(GuestVaddr) 0, .block = cpu->blocks->empty};
}

static void
unlink_block (A64BlockCache *cache, A64Block *block)
{
  A64Block **at = &cache->buckets[bucket_of (block->pa)];
  A64CodePage *page = find_page (cache, block->pa & ~(GuestAddr) (A64_PAGE_SIZE - 1));

  while (*at != block)
    at = &(*at)->hash_next;
  *at = block->hash_next;
  for (at = &page->blocks; *at != block; at = &(*at)->page_next)
    ;
  *at = block->page_next;
  block->ops[0].fn = dead_entry;
}

// Compares a marked block with memory: true when it may run.
static bool
revalidate (A64BlockCache *cache, A64Block *block)
{
  if (!words_match (block)) {
    unlink_block (cache, block);
    return false;
  }
  if (block->stale) {
    find_page (cache, block->pa & ~(GuestAddr) (A64_PAGE_SIZE - 1))->stale = false;
    block->stale = false;
    block->ops[0].fn = block->first;
  }
  return true;
}

// Stands in ops[0] of a marked block.
static void
recheck_entry (A64Cpu *cpu, const A64Op *op)
{
  if (revalidate (cpu->blocks, cpu->block)) {
    op->fn (cpu, op);
    return;
  }
  dead_entry (cpu, op);
}

// Making blocks.

static void
set_op (A64Op *op, uint32_t insn, unsigned pc_off, bool fp_trapped, bool *last)
{
  bool allocated = a64_decode (insn, op);
  unsigned flags = allocated ? a64_insn_flags (op->id) : A64_F_END;

  op->pc_off = pc_off;
  op->fn = allocated ? a64_interp_handler (op->id) : unallocated;
  if (allocated && fp_trapped && (flags & A64_F_FP)) {
    op->fn = fp_trap;
    flags |= A64_F_END;
  }
  *last = (flags & A64_F_END) != 0;
}

static void
decode_block (A64Block *block, unsigned max)
{
  unsigned offset = block->pa & (A64_PAGE_SIZE - 1);
  unsigned room = (A64_PAGE_SIZE - offset) / 4;
  bool last = false;

  max = max < room ? max : room;
  for (block->n = 0; block->n < max && !last; block->n++)
    set_op (&block->ops[block->n], mem_load32 (block->host + block->n * 4), offset + block->n * 4,
            block->fp_trapped, &last);
  block->ops[block->n] = (A64Op){.fn = block_end, .pc_off = offset + block->n * 4};
  block->first = block->ops[0].fn;
}

static size_t
block_bytes (unsigned n)
{
  return sizeof (A64Block) + sizeof (A64Op) * (n + 1);
}

// Room for `bytes`; throws everything away when there is none. No block is running then.
static void *
arena_alloc (A64Cpu *cpu, size_t bytes)
{
  A64BlockCache *cache = cpu->blocks;
  void *p;

  if (cache->used_bytes + bytes > A64_BLOCK_ARENA_BYTES) {
    cache->used_bytes = 0;
    memset (cache->buckets, 0, sizeof cache->buckets);
    memset (cache->pages, 0, sizeof cache->pages);
    a64_jump_caches_clear (cpu);
  }
  p = cache->arena + cache->used_bytes;
  cache->used_bytes += (bytes + 31) & ~(size_t) 31;
  return p;
}

static A64CodePage *
get_page (A64Cpu *cpu, GuestAddr pa)
{
  A64BlockCache *cache = cpu->blocks;
  A64CodePage *page = find_page (cache, pa);

  if (page == NULL) {
    A64CodePage **bucket = &cache->pages[(pa >> A64_PAGE_BITS) % A64_CODE_PAGE_BUCKETS];

    page = arena_alloc (cpu, sizeof *page);
    *page = (A64CodePage){.hash_next = *bucket, .pa = pa};
    *bucket = page;
  }
  return page;
}

static A64Block *
build (A64Cpu *cpu, GuestAddr pa, const uint8_t *host, bool fp_trapped)
{
  A64BlockCache *cache = cpu->blocks;
  // Room for the largest, so that making the page entry cannot empty the arena under the block.
  size_t most = block_bytes (A64_BLOCK_MAX) + sizeof (A64CodePage) + 64;
  A64Block *block = arena_alloc (cpu, most);

  cache->used_bytes -= (most + 31) & ~(size_t) 31;
  A64CodePage *page = get_page (cpu, pa & ~(GuestAddr) (A64_PAGE_SIZE - 1));
  block = (A64Block *) (cache->arena + cache->used_bytes);
  *block = (A64Block){.host = host, .pa = pa, .fp_trapped = fp_trapped};
  decode_block (block, A64_BLOCK_MAX);
  cache->used_bytes += block_bytes (block->n);

  A64Block **bucket = &cache->buckets[bucket_of (pa)];
  block->hash_next = *bucket;
  *bucket = block;
  block->page_next = page->blocks;
  page->blocks = block;
  page->stale = false;
  return block;
}

static A64Block *
lookup (A64Cpu *cpu, GuestAddr pa, const uint8_t *host)
{
  A64BlockCache *cache = cpu->blocks;
  bool fp_trapped = a64_fp_trapped (cpu);
  A64Block *block = cache->buckets[bucket_of (pa)];

  while (block != NULL && (block->pa != pa || block->fp_trapped != fp_trapped))
    block = block->hash_next;
  if (block != NULL && (cpu->strict || block->stale) && !revalidate (cache, block))
    block = NULL;
  return block != NULL ? block : build (cpu, pa, host, fp_trapped);
}

// Software step: one instruction, kept nowhere; NULL when the step exception was taken.
static A64Block *
step_block (A64Cpu *cpu, GuestAddr pa, const uint8_t *host)
{
  A64Block *block = cpu->blocks->single;

  *block = (A64Block){.host = host, .pa = pa, .fp_trapped = a64_fp_trapped (cpu)};
  decode_block (block, 1);
  cpu->step_executed = true;
  return block;
}

// True when the step exception was taken instead of another instruction (D2.12.3).
static bool
take_step (A64Cpu *cpu)
{
  if (cpu->step_executed) {
    cpu->step_executed = false;
    cpu->pstate.ss = false;
  }
  if (cpu->pstate.ss)
    return false;
  a64_raise_fetch (cpu, cpu->pstate.el == 0 ? A64_EC_STEP_LOWER : A64_EC_STEP_LOWER + 1,
                   1u << 24 | A64_ISS_DEBUG, false);
  return true;
}

static A64Block *
raise_abort (A64Cpu *cpu, uint8_t fsc)
{
  unsigned ec = cpu->pstate.el == 0 ? A64_EC_INSN_ABORT_LOWER : A64_EC_INSN_ABORT;

  a64_raise_fetch (cpu, ec, fsc, true);
  return NULL;
}

A64Block *
a64_block_find (A64Cpu *cpu)
{
  GuestAddr page, pa;
  const uint8_t *host;
  A64Block *block;
  uint8_t fsc;

  // Branches do not look at the tag byte; it goes here, where no cached address has one.
  cpu->pc = a64_untag (cpu->mmu, cpu->pc);
  if (cpu->step && take_step (cpu))
    return NULL;
  if (cpu->pc & 3) {
    a64_raise_fetch (cpu, A64_EC_PC_ALIGNMENT, 0, true);
    return NULL;
  }
  if (!a64_ifetch (cpu, cpu->pc, &page, &fsc))
    return raise_abort (cpu, fsc);
  pa = page | (cpu->pc & (A64_PAGE_SIZE - 1));
  host = a64_ram_ptr (cpu, page, A64_PAGE_SIZE);
  if (host == NULL)
    return raise_abort (cpu, A64_FSC_EXTERNAL);
  host += cpu->pc & (A64_PAGE_SIZE - 1);
  if (cpu->step)
    return step_block (cpu, pa, host);
  block = lookup (cpu, pa, host);
  if (!cpu->strict)
    cpu->ctx->jc[cpu->pc >> 2 & (A64_JC_SIZE - 1)] = (A64Jce){.va = cpu->pc, .block = block};
  return block;
}

static void
mark_page (A64CodePage *page)
{
  if (page->stale)
    return;
  for (A64Block *block = page->blocks; block != NULL; block = block->page_next) {
    block->stale = true;
    block->ops[0].fn = recheck_entry;
  }
  page->stale = true;
}

void
a64_blocks_stale_page (A64Cpu *cpu, GuestAddr pa)
{
  A64CodePage *page = find_page (cpu->blocks, pa & ~(GuestAddr) (A64_PAGE_SIZE - 1));

  if (page != NULL)
    mark_page (page);
}

void
a64_blocks_stale_all (A64Cpu *cpu)
{
  for (unsigned i = 0; i < A64_CODE_PAGE_BUCKETS; i++)
    for (A64CodePage *page = cpu->blocks->pages[i]; page != NULL; page = page->hash_next)
      mark_page (page);
}

void
a64_jump_cache_fill_empty (A64Cpu *cpu, A64Jce *jc)
{
  for (unsigned i = 0; i < A64_JC_SIZE; i++)
    jc[i] = (A64Jce){.va = ~(GuestVaddr) 0, .block = cpu->blocks->empty};
}

bool
a64_blocks_init (A64Cpu *cpu, GError **error)
{
  A64BlockCache *cache = g_new0 (A64BlockCache, 1);

  cpu->blocks = cache;
  // Untouched pages of the arena take no memory.
  cache->arena = mmap (NULL, A64_BLOCK_ARENA_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (cache->arena == MAP_FAILED) {
    cache->arena = NULL;
    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno),
                 "Not enough memory for the processor's block cache: %s", g_strerror (errno));
    return false;
  }
  cache->empty = g_aligned_alloc0 (1, block_bytes (1), 64);
  cache->empty->ops[0].fn = empty_entry;
  cache->single = g_aligned_alloc0 (1, block_bytes (1), 64);
  cache->no_jumps = g_new (A64Jce, A64_JC_SIZE);
  a64_jump_cache_fill_empty (cpu, cache->no_jumps);
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
  g_free (cache->no_jumps);
  g_free (cache);
  cpu->blocks = NULL;
}
