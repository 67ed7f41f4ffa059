// SPDX-License-Identifier: GPL-3.0-or-later
// What wears a translator out: code that is written and run as fast as it goes, one page of code at
// 10,000 addresses, another ASID all the time, more code than is kept, a fault in every access. It
// must come through with the right results; how long it may take is the runner's deadline.
#include "el1.h"

#define MOVZ(value) (0xd2800000u | (u32) (value) << 5) // MOVZ X0, #value
#define ADD1        0x91000400u                        // ADD X0, X0, #1
#define RET         0xd65f03c0u
#define ALIASES     0x6000000000

CODE (c_ldr, "ldr x2, [x0]");
CODE (c_str, "str x2, [x0]");
CODE (c_br, "br x0");

enum { N_ALIASES = 10000, N_PAGES = 24, PAGE_WORDS = 1024 };

static u64
call (u64 code, u64 x)
{
  return ((u64 (*) (u64)) code) (x);
}

static void
maintain (u64 at)
{
  SYS ("dc cvau", at);
  DO ("dsb ish");
  SYS ("ic ivau", at);
  DO ("dsb ish\n isb");
}

// The address that empty entries of jump caches carry; at first, while these are as they were made.
// Without the instruction cache no code is translated.
static void
test_last_address (void)
{
  for (unsigned i = 0; i < 4; i++) {
    if (i & 2)
      sctlr_set (0, SCTLR_I);
    const Trap *t = run (c_br, i & 1 ? EL1H : EL0, ~(u64) 0, 0);
    sctlr_set (SCTLR_I, 0);

    // qemu: br-last-address-*: 7.2 looks at the page first; newer ones do as we do.
    check (name ("br-last-address-%d-esr", i), t->esr, ESR (0x22, 0));
    check (name ("br-last-address-%d-far", i), t->far, ~(u64) 0);
  }
}

static void
test_writing (void)
{
  u64 page = page_new ();
  bool ok = true;

  MMIO32 (page + 4) = RET;
  for (unsigned i = 0; i < 20000; i++) {
    MMIO32 (page) = MOVZ (i & 0xffff);
    maintain (page);
    ok &= call (page, 0) == (i & 0xffff);
  }
  check_that ("written-and-run", ok);
}

// Each word of a page in turn, with its neighbours running.
static void
test_writing_all_over (void)
{
  u64 page = page_new ();
  bool ok = true;

  for (unsigned i = 0; i < PAGE_WORDS; i++)
    MMIO32 (page + 4 * i) = i % 4 == 3 ? RET : ADD1;
  maintain (page);
  for (unsigned i = 0; i + 4 < PAGE_WORDS; i += 4) {
    MMIO32 (page + 4 * i) = MOVZ (i);
    maintain (page + 4 * i);
    ok &= call (page + 4 * i, 7) == i + 2 && call (page + 4 * (i + 4), 7) == 10;
  }
  check_that ("written-next-to-running", ok);
}

static void
test_aliases (void)
{
  u64 page = page_new (), sum = 0;

  MMIO32 (page) = ADD1;
  MMIO32 (page + 4) = RET;
  maintain (page);
  for (unsigned i = 0; i < N_ALIASES; i++)
    map (&low_space, ALIASES + (u64) i * 4096, page, 3, D_RAM | D_RO);
  sync ();
  for (unsigned round = 0; round < 3; round++)
    for (unsigned i = 0; i < N_ALIASES; i++)
      sum = call (ALIASES + (u64) i * 4096, sum);
  check ("page-at-many-addresses", sum, 3 * N_ALIASES);
}

static void
test_asids (void)
{
  u64 ttbr = READ (ttbr0_el1), page = page_new (), sum = 0;

  MMIO64 (page) = 1;
  for (unsigned i = 0; i < 20000; i++) {
    WRITE (ttbr0_el1, (ttbr & 0xffffffffffff) | (u64) (i % 200) << 48);
    sum += MMIO64 (page);
  }
  WRITE (ttbr0_el1, ttbr);
  check ("asid-all-the-time", sum, 20000);
}

// Every word of many pages is an entry of its own.
static void
test_filling (void)
{
  bool ok = true;

  for (unsigned n = 0; n < N_PAGES; n++) {
    u64 page = page_new ();

    for (unsigned i = 0; i + 1 < PAGE_WORDS; i++)
      MMIO32 (page + 4 * i) = ADD1;
    MMIO32 (page + 4 * (PAGE_WORDS - 1)) = RET;
    maintain (page);
    for (unsigned i = 0; i < PAGE_WORDS; i++)
      ok &= call (page + 4 * i, 0) == PAGE_WORDS - 1 - i;
  }
  check_that ("more-code-than-is-kept", ok);
}

static void
test_faults (void)
{
  bool ok = true;

  for (unsigned i = 0; i < 5000; i++) {
    u64 va = 0x7000000000 + (u64) i * 4096;

    ok &= run (i & 1 ? c_str : c_ldr, EL1H, va, 0)->far == va;
  }
  check_that ("faults-all-the-time", ok);
}

void
test_main (void)
{
  start_mmu ();
  test_last_address ();
  test_writing ();
  test_writing_all_over ();
  test_aliases ();
  test_asids ();
  test_filling ();
  test_faults ();
}
