// SPDX-License-Identifier: GPL-3.0-or-later
// cpus: 2
// Code that changes (B2.2.5, B2.7.4.6): after the maintenance the new instructions run; without it
// the old or the new, and never anything else. With SCTLR_EL1.I clear fetches see memory.
#include "el1.h"

#define MOVZ(value) (0xd2800000u | (u32) (value) << 5) // MOVZ X0, #value
#define MOVK(value) (0xf2a00000u | (u32) (value) << 5) // MOVK X0, #value, LSL #16
#define SVC1        0xd4000021u

static u64 page;

static void
write_code (u64 at, unsigned value)
{
  MMIO32 (at) = MOVZ (value);
  MMIO32 (at + 4) = MOVK (value);
  MMIO32 (at + 8) = SVC1;
}

static void
maintain (u64 at)
{
  for (u64 end = at + 12; at < end; at += 4) {
    SYS ("dc cvau", at);
    DO ("dsb ish");
    SYS ("ic ivau", at);
  }
  DO ("dsb ish\n isb");
}

static u64
value_of (unsigned n)
{
  return (u64) n << 16 | n;
}

static void
test_maintenance (void)
{
  bool ok = true;

  for (unsigned i = 1; i < 200; i++) {
    write_code (page, i);
    maintain (page);
    ok &= run_at (page, EL1H, 0, 0)->x[0] == value_of (i);
  }
  check_that ("ic-ivau-new-code", ok);
  ok = true;
  for (unsigned i = 1; i < 200; i++) {
    write_code (page, i);
    DO ("dsb ish\n ic iallu\n dsb ish\n isb");
    ok &= run_at (page, EL1H, 0, 0)->x[0] == value_of (i);
  }
  check_that ("ic-iallu-new-code", ok);
  ok = true;
  for (unsigned i = 1; i < 200; i++) {
    write_code (page, i);
    DO ("dsb ish\n ic ialluis\n dsb ish\n isb");
    ok &= run_at (page + EL0_CODE, EL0, 0, 0)->x[0] == value_of (i);
  }
  check_that ("ic-ialluis-new-code-el0", ok);
}

// Through another mapping of the same page: IC IVAU of one address is for every one of them.
static void
test_aliases (void)
{
  bool ok = true;

  for (unsigned i = 1; i < 50; i++) {
    u64 alias = page + EL0_CODE;

    write_code (page, i);
    maintain (page);
    ok &= run_at (alias, EL0, 0, 0)->x[0] == value_of (i);
    ok &= run_at (page, EL1H, 0, 0)->x[0] == value_of (i);
  }
  check_that ("ic-ivau-aliases", ok);
}

// Another physical page at the same address, after TLBI.
static void
test_remap (void)
{
  u64 va = 0x6000000000, other = page_new ();
  bool ok = true;

  write_code (page, 111);
  write_code (other, 222);
  maintain (page);
  maintain (other);
  for (unsigned i = 0; i < 50; i++) {
    map (&low_space, va, i & 1 ? other : page, 3, D_RAM | D_EL0 | D_RO);
    SYS ("dsb sy\n tlbi vaae1is", va >> 12);
    sync ();
    ok &= run_at (va, EL0, 0, 0)->x[0] == value_of (i & 1 ? 222 : 111);
  }
  check_that ("remapped-code", ok);
}

static void
test_without_maintenance (void)
{
  bool sane = true;

  write_code (page, 1);
  maintain (page);
  for (unsigned i = 2; i < 200; i++) {
    MMIO32 (page) = MOVZ (i);
    DO ("dsb ish\n isb");
    u64 got = run_at (page, EL1H, 0, 0)->x[0] & 0xffff;
    sane &= got >= 1 && got <= i;
  }
  check_that ("no-maintenance-old-or-new", sane);
}

static void
test_cache_off (void)
{
  bool ok = true;

  sctlr_set (0, SCTLR_I);
  for (unsigned i = 1; i < 100; i++) {
    write_code (page, i);
    DO ("dsb sy\n isb");
    ok &= run_at (page, EL1H, 0, 0)->x[0] == value_of (i);
  }
  check_that ("cache-off-new-code", ok);
  sctlr_set (SCTLR_I, 0);
  write_code (page, 500);
  maintain (page);
  check ("cache-on-again", run_at (page, EL1H, 0, 0)->x[0], value_of (500));
}

// The last word of a page and the first of the next.
static void
test_page_end (void)
{
  u64 at = page + 0x1000 - 4;
  bool ok = true;

  for (unsigned i = 1; i < 50; i++) {
    write_code (at, i);
    maintain (at);
    ok &= run_at (at, EL1H, 0, 0)->x[0] == value_of (i);
  }
  check_that ("page-end-new-code", ok);
}

// ---- another CPU ----------------------------------------------------------------------------

static volatile u32 turn, done;
static volatile u64 got;

static void
second (void)
{
  mmu_on (&low_space, 0, 0, 0);
  while (!done)
    if (turn & 1) {
      DO ("isb");
      got = run_at (page, EL1H, 0, 0)->x[0];
      DO ("dsb sy");
      turn++;
    }
}

static void
test_second (void)
{
  bool ok = second_start (second);

  for (unsigned i = 1; ok && i < 100; i++) {
    write_code (page, i);
    maintain (page);
    turn++;
    ok = wait_for (&turn, 2 * i) && got == value_of (i);
  }
  check_that ("second-cpu-new-code", ok);
  done = 1;
  second_wait_off ();
}

void
test_main (void)
{
  start_mmu ();
  page = page_new ();
  test_maintenance ();
  test_aliases ();
  test_remap ();
  test_without_maintenance ();
  test_cache_off ();
  test_page_end ();
  test_second ();
}
