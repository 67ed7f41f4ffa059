// SPDX-License-Identifier: GPL-3.0-or-later
// The two TLB levels and their maintenance (Arm ARM D8.13). The first level is what handlers and
// generated code probe: host addresses, one context for EL1 and one for each of a few recent
// ASIDs at EL0. The second level keeps translations of 4 KiB pieces, and of 2 MiB pieces of
// blocks. Runs on the vCPU's thread; others ask through vcpu_post_work.
#include <assert.h>

#include "engine/guest/aarch64/accel-jit.h"
#include "engine/guest/aarch64/block.h"
#include "engine/guest/aarch64/mmu.h"
#include "engine/guest/aarch64/sysreg.h"

enum {
  BIG_BITS = 21,
  FRAGILE_WRITE = 1u << 15,
  GENERATION_SHIFT = 40,
  VALUE_PERMISSIONS = 0,  // 5 bits
  VALUE_GLOBAL = 5,       // 1 bit
  VALUE_SHAREABILITY = 6, // 2 bits
  VALUE_ATTR = 48,        // 8 bits
  VALUE_SIZE = 56,        // 6 bits
  VALUE_GUARDED = 62,     // 1 bit
};

static_assert ((int) A64_TLB_SIZE <= (int) FRAGILE_WRITE,
               "a table index and the write bit share 16 bits");

// The second level.

// VA[47:12] and the half: what a key says beside the generation.
static uint64_t
va_key (GuestVaddr va)
{
  return (va >> A64_PAGE_BITS & (((uint64_t) 1 << 36) - 1)) | (va >> 55 & 1) << 36;
}

static uint64_t
pack_value (const A64Translation *t)
{
  return t->pa | (uint64_t) t->permissions << VALUE_PERMISSIONS |
         (uint64_t) t->global << VALUE_GLOBAL | (uint64_t) t->shareability << VALUE_SHAREABILITY |
         (uint64_t) t->attr << VALUE_ATTR | (uint64_t) t->size_bits << VALUE_SIZE |
         (uint64_t) t->guarded << VALUE_GUARDED;
}

static void
unpack_value (uint64_t value, GuestVaddr va, unsigned piece_bits, A64Translation *t)
{
  GuestAddr pa_mask = (((uint64_t) 1 << A64_PA_BITS) - 1) & ~(uint64_t) (A64_PAGE_SIZE - 1);
  GuestAddr in_piece = va & (((uint64_t) 1 << piece_bits) - 1);

  *t = (A64Translation){
      .pa = (value & pa_mask) | (in_piece & pa_mask),
      .permissions = value >> VALUE_PERMISSIONS & 0x1f,
      .global = value >> VALUE_GLOBAL & 1,
      .guarded = value >> VALUE_GUARDED & 1,
      .shareability = value >> VALUE_SHAREABILITY & 3,
      .attr = value >> VALUE_ATTR,
      .size_bits = value >> VALUE_SIZE & 0x3f,
  };
}

static const A64L2Entry *
find_in_set (const A64L2Entry *set, uint64_t key, const A64Mmu *mmu)
{
  uint64_t own = key | (uint64_t) mmu->generation << GENERATION_SHIFT;
  uint64_t global = key | (uint64_t) mmu->global_generation << GENERATION_SHIFT;

  for (unsigned i = 0; i < A64_L2_WAYS; i++)
    if (set[i].key == own || set[i].key == global)
      return &set[i];
  return NULL;
}

static A64L2Entry *
small_set (const A64Mmu *mmu, GuestVaddr va)
{
  return mmu->l2[(va >> A64_PAGE_BITS ^ va >> 24) % A64_L2_SETS];
}

static A64L2Entry *
big_set (const A64Mmu *mmu, GuestVaddr va)
{
  return mmu->l2_big[(va >> BIG_BITS) % A64_L2_BIG_SETS];
}

static uint64_t
big_key (GuestVaddr va)
{
  return va_key (va & ~(((uint64_t) 1 << BIG_BITS) - 1));
}

static bool
l2_find (const A64Mmu *mmu, GuestVaddr va, A64Translation *t)
{
  const A64L2Entry *e = find_in_set (small_set (mmu, va), va_key (va), mmu);

  if (e != NULL) {
    unpack_value (e->value, va, A64_PAGE_BITS, t);
    return true;
  }
  e = find_in_set (big_set (mmu, va), big_key (va), mmu);
  if (e == NULL)
    return false;
  unpack_value (e->value, va, BIG_BITS, t);
  return true;
}

static unsigned
big_bloom_bit (GuestVaddr va, unsigned size_bits)
{
  uint64_t block = (va & (((uint64_t) 1 << 56) - 1)) >> size_bits;

  return (block * 0x9e3779b97f4a7c15u + size_bits) >> 50 & (A64_BIG_BLOOM_BITS - 1);
}

static void
l2_insert (A64Mmu *mmu, GuestVaddr va, const A64Translation *t)
{
  bool big = t->size_bits >= BIG_BITS;
  A64L2Entry *set = big ? big_set (mmu, va) : small_set (mmu, va);
  uint64_t key = big ? big_key (va) : va_key (va);
  A64L2Entry *e = (A64L2Entry *) find_in_set (set, key, mmu);
  A64Translation piece = *t;

  if (big) {
    unsigned bit = big_bloom_bit (va, t->size_bits);
    mmu->big_bloom[bit / 64] |= (uint64_t) 1 << (bit % 64);
    piece.pa &= ~(((GuestAddr) 1 << BIG_BITS) - 1);
  }
  if (e == NULL)
    e = &set[mmu->l2_victim++ % A64_L2_WAYS];
  e->key = key | (uint64_t) (t->global ? mmu->global_generation : mmu->generation)
                     << GENERATION_SHIFT;
  e->value = pack_value (&piece);
}

static void
l2_clear (A64Mmu *mmu)
{
  memset (mmu->l2, 0, sizeof *mmu->l2 * A64_L2_SETS);
  memset (mmu->l2_big, 0, sizeof *mmu->l2_big * A64_L2_BIG_SETS);
  memset (mmu->generation_of, 0, sizeof *mmu->generation_of * 65536);
  memset (mmu->big_bloom, 0, sizeof mmu->big_bloom);
  mmu->next_generation = 1;
  mmu->global_generation = mmu->next_generation++;
  mmu->generation = mmu->generation_of[mmu->asid] = mmu->next_generation++;
}

// The generation that stands for `asid`, a new one if it has none.
static void
choose_generation (A64Mmu *mmu)
{
  if (mmu->generation_of[mmu->asid] == 0) {
    if (mmu->next_generation > UINT16_MAX) {
      l2_clear (mmu);
      return;
    }
    mmu->generation_of[mmu->asid] = mmu->next_generation++;
  }
  mmu->generation = mmu->generation_of[mmu->asid];
}

// Drops one piece of every ASID or of those the generations name.
static void
l2_drop (A64Mmu *mmu, GuestVaddr va, bool all_asids, uint16_t asid)
{
  A64L2Entry *set = small_set (mmu, va);
  uint64_t key = va_key (va), mask = ((uint64_t) 1 << GENERATION_SHIFT) - 1;

  for (unsigned i = 0; i < A64_L2_WAYS; i++) {
    unsigned generation = set[i].key >> GENERATION_SHIFT;

    if ((set[i].key & mask) == key && (all_asids || generation == mmu->global_generation ||
                                       generation == mmu->generation_of[asid]))
      set[i].key = 0;
  }
}

// The first level.

static void
jump_cache_clear (A64Cpu *cpu, A64TlbContext *ctx)
{
  a64_jump_cache_clear (cpu, ctx);
  memset (ctx->info->ifetch, 0xff, sizeof ctx->info->ifetch);
  memset (ctx->info->code_bloom, 0, sizeof ctx->info->code_bloom);
  ctx->info->fragile_code = false;
}

static void
writes_clear (A64TlbContext *ctx)
{
  for (uint64_t left = ctx->info->filled; left != 0; left &= left - 1)
    memset (&ctx->wr[__builtin_ctzll (left) * A64_TLB_CHUNK], 0xff,
            sizeof ctx->wr[0] * A64_TLB_CHUNK);
}

static void
tables_clear (A64TlbContext *ctx)
{
  for (uint64_t left = ctx->info->filled; left != 0; left &= left - 1)
    memset (&ctx->rd[__builtin_ctzll (left) * A64_TLB_CHUNK], 0xff,
            sizeof ctx->rd[0] * A64_TLB_CHUNK);
  writes_clear (ctx);
  ctx->info->filled = 0;
}

static void
context_flush (A64Cpu *cpu, A64TlbContext *ctx)
{
  ctx->info->n_fragile = 0;
  ctx->info->has_global = false;
  if (!ctx->info->used)
    return;
  tables_clear (ctx);
  jump_cache_clear (cpu, ctx);
  ctx->info->used = false;
}

static A64TlbContext *
context_new (A64Cpu *cpu, unsigned jc_bits)
{
  A64TlbContext *ctx = g_malloc (sizeof *ctx + (sizeof ctx->jc[0] << jc_bits));

  ctx->jc_mask = a64_jc_mask (jc_bits);
  ctx->jc = (A64Jce *) (ctx + 1);
  ctx->info = g_new0 (A64TlbContextInfo, 1);
  ctx->info->used = true;
  ctx->info->filled = ~UINT64_C (0);
  memset (ctx->info->jc_written, 0xff, sizeof ctx->info->jc_written);
  context_flush (cpu, ctx);
  return ctx;
}

static void
context_free (A64TlbContext *ctx)
{
  if (ctx == NULL)
    return;
  g_free (ctx->info);
  g_free (ctx);
}

bool
a64_mmu_init (A64Cpu *cpu)
{
  A64Mmu *mmu = g_new0 (A64Mmu, 1);

  cpu->mmu = mmu;
  mmu->generation_of = g_new0 (uint16_t, 65536);
  mmu->l2 = g_malloc0 (sizeof *mmu->l2 * A64_L2_SETS);
  mmu->l2_big = g_malloc0 (sizeof *mmu->l2_big * A64_L2_BIG_SETS);
  cpu->ctx_el1 = context_new (cpu, A64_JC_BITS_EL1);
  cpu->ctx_el0 = mmu->el0[0] = context_new (cpu, A64_JC_BITS_EL0);
  mmu->el0[0]->info->valid = true;
  l2_clear (mmu);
  return true;
}

void
a64_mmu_clear (A64Cpu *cpu)
{
  A64Mmu *mmu = cpu->mmu;

  if (mmu == NULL)
    return;
  for (unsigned i = 0; i < A64_N_CONTEXTS; i++)
    context_free (mmu->el0[i]);
  context_free (cpu->ctx_el1);
  g_free (mmu->generation_of);
  g_free (mmu->l2);
  g_free (mmu->l2_big);
  g_free (mmu);
  cpu->mmu = NULL;
}

bool
a64_translate_known (A64Cpu *cpu, GuestVaddr va, const A64Request *request, A64Translation *out)
{
  A64Mmu *mmu = cpu->mmu;
  GuestVaddr plain = a64_untag (mmu, va);
  unsigned top = plain >> A64_PA_BITS;
  bool e0pd = request->el == 0 && mmu->half[va >> 55 & 1].e0pd;

  // What is kept only ever permits; what it forbids is for the tables to say.
  return mmu->enabled && (top == 0 || top == 0xffff) && !e0pd && l2_find (mmu, plain, out) &&
         a64_permitted (out, request);
}

bool
a64_translate (A64Cpu *cpu, GuestVaddr va, const A64Request *request, A64Translation *out,
               uint8_t *fsc)
{
  A64Mmu *mmu = cpu->mmu;

  if (a64_translate_known (cpu, va, request, out))
    return true;
  if (!a64_walk (cpu, va, request, out, fsc))
    return false;
  if (mmu->enabled)
    l2_insert (mmu, va, out);
  return true;
}

static void
note_fragile (A64Cpu *cpu, A64TlbContext *ctx, unsigned index)
{
  A64TlbContextInfo *info = ctx->info;

  if (info->n_fragile == A64_N_FRAGILE)
    a64_tlb_drop_fragile (cpu);
  info->fragile[info->n_fragile++] = index;
  cpu->fragile = true;
}

void
a64_tlb_fill (A64Cpu *cpu, A64TlbContext *ctx, GuestVaddr va, bool write, const A64Translation *t,
              uint8_t *host)
{
  unsigned index = (va >> A64_PAGE_BITS) & (A64_TLB_SIZE - 1);
  GuestVaddr page = va & ~(GuestVaddr) (A64_PAGE_SIZE - 1);
  A64Tlbe *e = write ? &ctx->wr[index] : &ctx->rd[index];

  if (cpu->mmu->check_alignment || a64_attr_is_device (t->attr))
    return;
  ctx->info->used = true;
  ctx->info->filled |= UINT64_C (1) << index / A64_TLB_CHUNK;
  if (ctx != cpu->ctx_el1)
    ctx->info->has_global |= t->global;
  else if (!t->global || (t->permissions & A64_EL0_READ) != 0)
    note_fragile (cpu, ctx, index | (write ? FRAGILE_WRITE : 0));
  e->tag = page;
  e->add = (int64_t) ((uint64_t) (uintptr_t) host - page);
}

// Pages whose code may be in the jump cache: two bits for each. A kernel has a thousand such pages
// and frees many others, and to go through a jump cache for one of those takes long.
static unsigned
code_bloom_bit (GuestVaddr va, bool second)
{
  uint64_t hash = va_key (va) * 0x9e3779b97f4a7c15u;

  return hash >> (second ? 34 : 49) & (A64_BLOOM_BITS - 1);
}

static void
note_code (A64TlbContextInfo *info, GuestVaddr va)
{
  for (unsigned i = 0; i < 2; i++) {
    unsigned bit = code_bloom_bit (va, i != 0);

    info->code_bloom[bit / 64] |= (uint64_t) 1 << (bit % 64);
  }
}

static bool
may_have_code (const A64TlbContextInfo *info, GuestVaddr va)
{
  unsigned a = code_bloom_bit (va, false), b = code_bloom_bit (va, true);

  return (info->code_bloom[a / 64] >> (a % 64) & info->code_bloom[b / 64] >> (b % 64) & 1) != 0;
}

bool
a64_ifetch (A64Cpu *cpu, GuestVaddr va, GuestAddr *pa, uint8_t *fsc)
{
  A64TlbContextInfo *info = cpu->ctx->info;
  A64Ifetch *e = &info->ifetch[(va >> A64_PAGE_BITS) % A64_IFETCH_SIZE];
  GuestVaddr page = va & ~(GuestVaddr) (A64_PAGE_SIZE - 1);
  A64Request request = {.access = A64_EXEC, .el = cpu->pstate.el};
  A64Translation t;

  if (e->va != page) {
    // A tag that is none for instructions (TBID).
    if (cpu->mmu->enabled && va != a64_untag (cpu->mmu, va)) {
      *fsc = A64_FSC_TRANSLATION;
      return false;
    }
    if (!a64_translate (cpu, va, &request, &t, fsc))
      return false;
    note_code (info, va);
    info->used = true;
    info->fragile_code |= !t.global;
    cpu->fragile |= !t.global;
    cpu->guarded |= t.guarded;
    info->has_global |= t.global;
    *e = (A64Ifetch){.va = page, .pa = t.pa, .guarded = t.guarded};
  }
  *pa = e->pa;
  return true;
}

bool
a64_is_guarded (A64Cpu *cpu, GuestVaddr va)
{
  GuestAddr pa;
  uint8_t fsc;

  return a64_ifetch (cpu, va, &pa, &fsc) &&
         cpu->ctx->info->ifetch[(va >> A64_PAGE_BITS) % A64_IFETCH_SIZE].guarded;
}

void
a64_tlb_drop_fragile (A64Cpu *cpu)
{
  A64TlbContext *ctx = cpu->ctx_el1;
  A64TlbContextInfo *info = ctx->info;

  for (unsigned i = 0; i < info->n_fragile; i++) {
    unsigned index = info->fragile[i] & (A64_TLB_SIZE - 1);

    if (info->fragile[i] & FRAGILE_WRITE)
      ctx->wr[index].tag = ~(uint64_t) 0;
    else
      ctx->rd[index].tag = ~(uint64_t) 0;
  }
  info->n_fragile = 0;
  cpu->fragile = false;
  if (info->fragile_code)
    jump_cache_clear (cpu, ctx);
}

void
a64_tlb_switch_asid (A64Cpu *cpu)
{
  A64Mmu *mmu = cpu->mmu;
  A64TlbContext *oldest = NULL;
  unsigned i;

  choose_generation (mmu);
  mmu->tick++;
  for (i = 0; i < A64_N_CONTEXTS; i++) {
    A64TlbContext *ctx = mmu->el0[i];

    if (ctx == NULL) {
      oldest = mmu->el0[i] = context_new (cpu, A64_JC_BITS_EL0);
      break;
    }
    if (ctx->info->valid && ctx->info->asid == mmu->asid) {
      oldest = ctx;
      break;
    }
    if (oldest == NULL || ctx->info->last_use < oldest->info->last_use)
      oldest = ctx;
  }
  if (!oldest->info->valid || oldest->info->asid != mmu->asid) {
    context_flush (cpu, oldest);
    oldest->info->valid = true;
    oldest->info->asid = mmu->asid;
  }
  oldest->info->last_use = mmu->tick;
  cpu->ctx_el0 = oldest;
  // EL1's stays, but its way to EL0 may be another.
  if (cpu->ctx != cpu->ctx_el1)
    a64_update_context (cpu);
  else if (cpu->jit != NULL)
    a64_jit_check_fp (cpu);
}

void
a64_tlb_drop_writes (A64Cpu *cpu)
{
  writes_clear (cpu->ctx_el1);
  for (unsigned i = 0; i < A64_N_CONTEXTS && cpu->mmu->el0[i] != NULL; i++)
    writes_clear (cpu->mmu->el0[i]);
}

// Contexts that are not in use are only marked: they are flushed when they are given out again.
static void
context_forget (A64Cpu *cpu, A64TlbContext *ctx)
{
  if (ctx == cpu->ctx_el0) {
    context_flush (cpu, ctx);
  } else {
    ctx->info->valid = false;
    ctx->info->last_use = 0;
  }
}

void
a64_tlb_flush_all (A64Cpu *cpu)
{
  A64Mmu *mmu = cpu->mmu;

  for (unsigned i = 0; i < A64_N_CONTEXTS && mmu->el0[i] != NULL; i++)
    context_forget (cpu, mmu->el0[i]);
  context_flush (cpu, cpu->ctx_el1);
  l2_clear (mmu);
}

void
a64_tlb_flush_asid (A64Cpu *cpu, uint16_t asid)
{
  A64Mmu *mmu = cpu->mmu;

  for (unsigned i = 0; i < A64_N_CONTEXTS && mmu->el0[i] != NULL; i++)
    if (mmu->el0[i]->info->valid && mmu->el0[i]->info->asid == asid)
      context_forget (cpu, mmu->el0[i]);
  a64_tlb_drop_fragile (cpu);
  mmu->generation_of[asid] = 0;
  if (asid == mmu->asid)
    choose_generation (mmu);
}

// True when `va` may lie in a block that was kept in pieces.
static bool
may_be_in_block (const A64Mmu *mmu, GuestVaddr va)
{
  static const uint8_t sizes_4k[] = {21, 30, 0}, sizes_16k[] = {25, 0}, sizes_64k[] = {29, 0};
  unsigned page_bits = mmu->half[va >> 55 & 1].page_bits;
  const uint8_t *sizes = page_bits == 12 ? sizes_4k : page_bits == 14 ? sizes_16k : sizes_64k;

  for (; *sizes != 0; sizes++) {
    unsigned bit = big_bloom_bit (va, *sizes);

    if (mmu->big_bloom[bit / 64] >> (bit % 64) & 1)
      return true;
  }
  return false;
}

// A tag may carry a top byte that translation ignores.
static void
drop_tag (A64Tlbe *e, GuestVaddr va)
{
  if (e->tag << 8 == va << 8)
    e->tag = ~(uint64_t) 0;
}

// The jump cache and the fetches know no tags.
static void
code_drop_page (A64Cpu *cpu, A64TlbContext *ctx, GuestVaddr page)
{
  A64Ifetch *e = &ctx->info->ifetch[(page >> A64_PAGE_BITS) % A64_IFETCH_SIZE];

  if (e->va == page)
    e->va = ~(GuestVaddr) 0;
  a64_jump_cache_drop_page (cpu, ctx, page);
}

static void
context_drop_page (A64Cpu *cpu, A64TlbContext *ctx, GuestVaddr va)
{
  unsigned index = (va >> A64_PAGE_BITS) & (A64_TLB_SIZE - 1);

  drop_tag (&ctx->rd[index], va);
  drop_tag (&ctx->wr[index], va);
  if (may_have_code (ctx->info, va))
    code_drop_page (cpu, ctx, va);
}

void
a64_tlb_flush_pages (A64Cpu *cpu, GuestVaddr va, unsigned n, bool all_asids, uint16_t asid)
{
  A64Mmu *mmu = cpu->mmu;

  va = (uint64_t) ((int64_t) (va << 8) >> 8) & ~(GuestVaddr) (A64_PAGE_SIZE - 1);
  for (; n > 0; n--, va += A64_PAGE_SIZE) {
    if (may_be_in_block (mmu, va)) {
      a64_tlb_flush_all (cpu);
      return;
    }
    l2_drop (mmu, va, all_asids, asid);
    context_drop_page (cpu, cpu->ctx_el1, va);
    for (unsigned i = 0; i < A64_N_CONTEXTS && mmu->el0[i] != NULL; i++) {
      A64TlbContextInfo *info = mmu->el0[i]->info;

      if (info->used && (all_asids || info->has_global || (info->valid && info->asid == asid)))
        context_drop_page (cpu, mmu->el0[i], va);
    }
  }
}

void
a64_jump_caches_clear (A64Cpu *cpu)
{
  jump_cache_clear (cpu, cpu->ctx_el1);
  for (unsigned i = 0; i < A64_N_CONTEXTS && cpu->mmu->el0[i] != NULL; i++)
    if (cpu->mmu->el0[i]->info->used)
      jump_cache_clear (cpu, cpu->mmu->el0[i]);
}
