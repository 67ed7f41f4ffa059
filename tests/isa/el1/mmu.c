// SPDX-License-Identifier: GPL-3.0-or-later
// Translation tables for the EL1 tests: any granule, any level.
#include "el1.h"

static u64 pool_next = POOL, page_next = PAGES;
Space low_space;

u64 *
pool_table (unsigned bytes)
{
  u64 at = (pool_next + bytes - 1) & ~(u64) (bytes - 1);

  pool_next = at + bytes;
  for (unsigned i = 0; i < bytes / 8; i++)
    ((volatile u64 *) at)[i] = 0;
  return (u64 *) at;
}

u64
page_new (void)
{
  u64 page = page_next;

  page_next += 0x10000;
  for (unsigned i = 0; i < 0x10000 / 8; i++)
    ((volatile u64 *) page)[i] = 0;
  return page;
}

unsigned
level_shift (const Space *space, unsigned level)
{
  return space->page_bits + (space->page_bits - 3) * (3 - level);
}

unsigned
start_level (const Space *space)
{
  unsigned stride = space->page_bits - 3;

  return 4 - (space->va_bits - space->page_bits + stride - 1) / stride;
}

static u64 *
entry_in (const Space *space, u64 *table, u64 va, unsigned level)
{
  u64 plain = va & (BIT (space->va_bits) - 1);
  unsigned shift = level_shift (space, level);

  if (level != start_level (space))
    plain &= BIT (shift + space->page_bits - 3) - 1;
  return table + (plain >> shift);
}

u64 *
entry_at (const Space *space, u64 va, unsigned level)
{
  u64 *table = space->root;

  for (unsigned l = start_level (space);; l++) {
    u64 *entry = entry_in (space, table, va, l);

    if (l == level)
      return entry;
    if (!(*entry & D_VALID))
      *entry = (u64) pool_table (1u << space->page_bits) | D_TABLE;
    table = (u64 *) (*entry & 0xffffffffffffu & ~(BIT (space->page_bits) - 1));
  }
}

void
map (const Space *space, u64 va, u64 pa, unsigned level, u64 bits)
{
  *entry_at (space, va, level) = pa | bits | (level == 3 ? D_TABLE : D_BLOCK);
}

// Blocks of level 2 everywhere: 2, 32 or 512 MiB.
static void
map_identity (const Space *space)
{
  u64 step = BIT (level_shift (space, 2));

  for (u64 at = 0; at < 0x40000000; at += step)
    map (space, at, at, 2, D_DEVICE | D_AF | D_PXN | D_UXN);
  for (u64 at = 0x40000000; at < 0x50000000; at += step) {
    map (space, at, at, 2, D_RAM | D_UXN);
    map (space, at + EL0_CODE, at, 2, D_RAM | D_EL0 | D_RO | D_PXN);
    map (space, at + EL0_DATA, at, 2, D_RAM | D_EL0 | D_PXN | D_UXN);
  }
}

void
space_init (Space *space, unsigned page_bits, unsigned va_bits, bool identity)
{
  *space = (Space){.page_bits = page_bits, .va_bits = va_bits};
  space->root = pool_table (1u << page_bits);
  if (identity)
    map_identity (space);
}

u64
tcr_for (const Space *low, const Space *high)
{
  static const u8 tg0[3] = {0, 2, 1}, tg1[3] = {2, 1, 3};
  // Inner shareable, write-back; 48 bits of output.
  u64 tcr =
      (u64) 5 << 32 | 0x3500 | (u64) tg0[(low->page_bits - 12) / 2] << 14 | (64 - low->va_bits);

  if (high == 0)
    return tcr | TCR_EPD1 | 25 << 16 | 2u << 30;
  return tcr | 0x35000000u | (u64) tg1[(high->page_bits - 12) / 2] << 30 |
         (64 - high->va_bits) << 16;
}

void
flush_tlb (void)
{
  DO ("dsb sy\n tlbi vmalle1is\n dsb sy\n isb");
}

void
mmu_on (const Space *low, const Space *high, u64 more_tcr, u64 more_sctlr)
{
  WRITE (mair_el1, MAIR_VALUE);
  WRITE (tcr_el1, tcr_for (low, high) | more_tcr);
  WRITE (ttbr0_el1, low->root);
  WRITE (ttbr1_el1, high != 0 ? (u64) high->root : 0);
  flush_tlb ();
  WRITE (sctlr_el1, SCTLR_RES1 | SCTLR_ON | more_sctlr);
}

void
mmu_off (void)
{
  WRITE (sctlr_el1, SCTLR_RES1);
  flush_tlb ();
}

void
sctlr_set (u64 set, u64 clear)
{
  WRITE (sctlr_el1, (READ (sctlr_el1) | set) & ~clear);
}

void
start_mmu (void)
{
  space_init (&low_space, 12, 48, true);
  mmu_on (&low_space, 0, 0, 0);
}
