// SPDX-License-Identifier: GPL-3.0-or-later
// cpus: 2
// Code that changes without instruction-cache maintenance, which the architecture forbids to rely on:
// for machines that are told to notice (--strict-code). Other software machines always do.
#include "el1.h"

#define MOVZ(value) (0xd2800000u | (u32) (value) << 5) // MOVZ X0, #value
#define ADD1        0x91000400u                        // ADD X0, X0, #1
#define RET         0xd65f03c0u
#define ALIAS       0x6000000000

enum { N_TIMES = 500 };

static u64 page;

static u64
call (u64 code, u64 x)
{
  return ((u64 (*) (u64)) code) (x);
}

// The page as it is at the beginning of a test, and in use.
static void
begin (void)
{
  MMIO32 (page) = MOVZ (0);
  MMIO32 (page + 4) = ADD1;
  MMIO32 (page + 8) = RET;
  DO ("dsb ish\n ic iallu\n dsb ish\n isb");
  call (page, 0);
}

static void
store_word (u64 at, unsigned i)
{
  MMIO32 (at) = MOVZ (i);
}

static void
store_byte (u64 at, unsigned i)
{
  u32 word = MOVZ (i);

  for (unsigned n = 0; n < 4; n++)
    MMIO8 (at + n) = word >> 8 * n & 0xff;
}

static void
store_pair (u64 at, unsigned i)
{
  __asm__ volatile("stp %w1, %w2, [%0]" ::"r"(at), "r"(MOVZ (i)), "r"(ADD1) : "memory");
}

static void
store_exclusive (u64 at, unsigned i)
{
  u32 failed, old;

  do
    __asm__ volatile("ldxr %w1, [%2]\n stxr %w0, %w3, [%2]"
                     : "=&r"(failed), "=&r"(old)
                     : "r"(at), "r"(MOVZ (i))
                     : "memory");
  while (failed);
}

static void
store_atomic (u64 at, unsigned i)
{
  u32 old;

  __asm__ volatile("swp %w2, %w0, [%1]" : "=r"(old) : "r"(at), "r"(MOVZ (i)) : "memory");
}

// By another address.
static void
store_alias (u64 at, unsigned i)
{
  MMIO32 (ALIAS + (at - page)) = MOVZ (i);
}

static void
test_stores (void)
{
  static const struct {
    const char *name;
    void (*store) (u64 at, unsigned i);
  } kinds[] = {
      {"word", store_word},           {"byte", store_byte},     {"pair", store_pair},
      {"exclusive", store_exclusive}, {"atomic", store_atomic}, {"alias", store_alias},
  };

  for (unsigned kind = 0; kind < sizeof kinds / sizeof kinds[0]; kind++) {
    bool ok = true;

    begin ();
    for (unsigned i = 0; i < N_TIMES; i++) {
      kinds[kind].store (page, i);
      ok &= call (page, 7) == i + 1;
    }
    check_that (name ("changed-by-%s", kinds[kind].name), ok);
  }
}

// DC ZVA: nothing but zeroes, which are no instruction.
static void
test_zeroed (void)
{
  begin ();
  SYS ("dc zva", page);
  check ("zeroed-esr", run_at (page, EL1H, 0, 0)->esr, 0x02000000);
}

// Two places in turn: what was noticed once is noticed again, and what did not change stays.
static void
test_two (void)
{
  u64 other = page_new ();
  bool ok = true;

  begin ();
  MMIO32 (other + 4) = RET;
  for (unsigned i = 0; i < N_TIMES; i++) {
    MMIO32 (other) = MOVZ (i);
    ok &= call (other, 0) == i && call (page, 0) == 1;
    MMIO32 (page + 0x800) = i; // data in the same page
    ok &= call (page, 0) == 1;
  }
  check_that ("two-pages", ok);
}

// A loop that changes itself: the next round is another one.
static void
test_own_loop (void)
{
  // x0 += 1 until x1 rounds are over; the third round makes it x0 += 16.
  static const u32 loop[] = {
      0x91000400, // 0: add x0, x0, #1
      0xf1000c3f, // 4: cmp x1, #3
      0x54000041, // 8: b.ne 0x10
      0xb9000062, // c: str w2, [x3]
      0xf1000421, // 10: subs x1, x1, #1
      0x54ffff61, // 14: b.ne 0
      RET,
  };

  for (unsigned i = 0; i < sizeof loop / 4; i++)
    MMIO32 (page + 4 * i) = loop[i];
  DO ("dsb ish\n ic iallu\n dsb ish\n isb");
  check ("own-loop", ((u64 (*) (u64, u64, u64, u64)) page) (0, 6, 0x91004000, page), 4 + 2 * 16);
}

static volatile u32 turn, done;
static volatile u64 got;

static void
second (void)
{
  mmu_on (&low_space, 0, 0, 0);
  while (!done)
    if (turn & 1) {
      DO ("isb");
      got = call (page, 0);
      DO ("dsb sy");
      turn++;
    }
}

static void
test_second (void)
{
  bool ok;

  begin ();
  ok = second_start (second);
  for (unsigned i = 1; ok && i < 100; i++) {
    MMIO32 (page) = MOVZ (i);
    DO ("dsb sy");
    turn++;
    ok = wait_for (&turn, 2 * i) && got == i + 1;
  }
  check_that ("second-cpu", ok);
  done = 1;
  second_wait_off ();
}

void
test_main (void)
{
  start_mmu ();
  page = page_new ();
  map (&low_space, ALIAS, page, 3, D_RAM);
  sync ();
  test_stores ();
  test_zeroed ();
  test_two ();
  test_own_loop ();
  test_second ();
}
