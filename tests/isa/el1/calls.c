// SPDX-License-Identifier: GPL-3.0-or-later
// System calls and exception returns, so many that translated code does them by itself: what they make
// of PSTATE and what is saved of it (D1.3, D1.4), and what may come between: traps, tags and faults of
// the address returned to, breakpoints, other pages.
#include "el1.h"

enum { N_STATES = 64, ROUNDS = 200 };

typedef struct Seen {
  u64 spsr, elr, esr, sp, vector, daif, pan, uao, dit, ssbs, el, sel;
} Seen;

// go_through (states, seen, n, el0, el1): for each state an exception return, to `el0` or `el1`, and a
// note of what is found at the vector where it ends. x19: the next state, x28: the next note, x18: how
// many are left, x17 and x16: where to, x15: the vector.
asm(".pushsection .snippets, \"ax\"\n"
    " .macro saw vector\n .balign 0x80\n mov x15, #\\vector\n b note_seen\n .endm\n"
    " .balign 0x800\n call_vectors:\n"
    " .irp v, 0, 0x80, 0x100, 0x180, 0x200, 0x280, 0x300, 0x380, 0x400, 0x480, 0x500, 0x580, 0x600,"
    " 0x680, 0x700, 0x780\n saw \\v\n .endr\n"
    "note_seen:\n"
    " mrs x20, spsr_el1\n mrs x21, elr_el1\n stp x20, x21, [x28], #16\n"
    " mrs x20, esr_el1\n mov x21, sp\n stp x20, x21, [x28], #16\n"
    " mrs x20, daif\n stp x15, x20, [x28], #16\n"
    " mrs x20, s3_0_c4_c2_3\n mrs x21, s3_0_c4_c2_4\n stp x20, x21, [x28], #16\n" // PAN, UAO
    " mrs x20, s3_3_c4_c2_5\n mrs x21, s3_3_c4_c2_6\n stp x20, x21, [x28], #16\n" // DIT, SSBS
    " mrs x20, currentel\n mrs x21, spsel\n stp x20, x21, [x28], #16\n"
    "next_state:\n cbz x18, all_seen\n sub x18, x18, #1\n ldr x20, [x19], #8\n"
    " tst x20, #0xf\n csel x21, x17, x16, eq\n msr spsr_el1, x20\n msr elr_el1, x21\n eret\n"
    "all_seen:\n ldp x19, x20, [sp, #16]\n ldp x21, x28, [sp, #32]\n ldr x30, [sp], #48\n ret\n"
    ".global go_through\n"
    "go_through:\n str x30, [sp, #-48]!\n stp x19, x20, [sp, #16]\n stp x21, x28, [sp, #32]\n"
    " mov x19, x0\n mov x28, x1\n mov x18, x2\n mov x17, x3\n mov x16, x4\n b next_state\n"
    ".balign 4\n call_at:\n svc #0\n .popsection");
#define CALLED ESR (0x15, 0)

extern const u32 call_vectors[], call_at[];
void go_through (const u64 *states, Seen *seen, u64 n, u64 el0, u64 el1);

static u64 states[N_STATES];
static Seen seen[N_STATES];

static u64
random_number (void)
{
  static u64 x = 0x9e3779b97f4a7c15;

  x ^= x << 13;
  x ^= x >> 7;
  return x ^= x << 17;
}

enum { NZCV = (int) 0xf0000000, DIT = 1 << 24, SSBS = 1 << 12, DAIF = 0x3c0 };

// Mostly what an operating system has; what is odd, seldom.
static u64
any_state (void)
{
  u64 r = random_number (), usual = r & ((u32) NZCV | DIT | SPSR_PAN | SSBS | DAIF);

  switch (r >> 32 & 31) {
  case 0:
    return usual | 4;
  case 1:
    return usual | SPSR_UAO;
  case 2:
    return usual | SPSR_SS;
  case 3:
    return usual | 5 | SPSR_SS;
  case 4:
  case 5:
  case 6:
  case 7:
    return usual | 5;
  default:
    return usual;
  }
}

static u64 differences, dit_differences;

static void
expect (const char *what, u64 state, u64 got, u64 expected)
{
  if (got != expected && differences++ < 10)
    note ("%s after %x: %x, expected %x", what, state, got, expected);
}

static void
look (const Seen *s, u64 state, u64 sctlr, u64 sp)
{
  unsigned mode = state & 0xf;
  u64 expected = state & ~(u64) SPSR_SS;

  expect ("SPSR", state, s->spsr, expected);
  expect ("ELR", state, s->elr, (mode == 0 ? el0_address (call_at) : (u64) call_at) + 4);
  expect ("ESR", state, s->esr, CALLED);
  expect ("SP", state, s->sp, sp);
  expect ("vector", state, s->vector, mode == 0 ? 0x400 : mode == 5 ? 0x200 : 0);
  expect ("DAIF", state, s->daif, DAIF);
  expect ("PAN", state, s->pan, sctlr & SCTLR_SPAN ? state & SPSR_PAN : SPSR_PAN);
  expect ("UAO", state, s->uao, 0);
  dit_differences += s->dit != (state & DIT);
  expect ("SSBS", state, s->ssbs, sctlr & BIT (44) ? SSBS : 0);
  expect ("EL", state, s->el, 4);
  expect ("SPSel", state, s->sel, 1);
}

// One system call after another from EL0 at `at`; how many came with this syndrome and address.
static unsigned
count_calls (u64 at, u64 esr, u64 elr)
{
  unsigned n = 0;

  for (unsigned i = 0; i < N_STATES; i++)
    states[i] = EL0;
  go_through (states, seen, N_STATES, at, 0);
  for (unsigned i = 0; i < N_STATES; i++)
    n += seen[i].esr == esr && seen[i].elr == elr;
  return n;
}

CODE (call_fp, "fmov d0, x9\n svc #0");

// EL0 may or may not use FP, and EL1 always may.
static void
test_fp (void)
{
  u64 at = el0_address (call_fp), allowed = 0, trapped = 0;

  for (unsigned i = 0; i < 20; i++) {
    WRITE (cpacr_el1, 3 << 20);
    allowed += count_calls (at, CALLED, at + 8);
    WRITE (cpacr_el1, 1 << 20);
    trapped += count_calls (at, ESR (7, 0x1e << 20), at);
  }
  WRITE (cpacr_el1, 3 << 20);
  check ("fp-allowed", allowed, 20 * N_STATES);
  check ("fp-trapped", trapped, 20 * N_STATES);
}

// ELR_EL1 with a tag: it is gone when the instruction runs; and not aligned.
static void
test_address (void)
{
  u64 at = el0_address (call_at), n = 0, untagged = 0, unaligned = 0, tagged = 0;

  for (unsigned i = 0; i < 20; i++) {
    n += count_calls (at, CALLED, at + 4);
    WRITE (tcr_el1, READ (tcr_el1) | TCR_TBI0);
    flush_tlb ();
    untagged += count_calls (at | 0xa5ull << 56, CALLED, at + 4);
    unaligned += count_calls (at + 2, ESR (0x22, 0), at + 2);
    WRITE (tcr_el1, READ (tcr_el1) & ~TCR_TBI0);
    flush_tlb ();
    tagged += count_calls (at | 0xa5ull << 56, ESR (0x20, 4), at | 0xa5ull << 56);
  }
  check ("address", n, 20 * N_STATES);
  check ("tag-ignored", untagged, 20 * N_STATES);
  check ("not-aligned", unaligned, 20 * N_STATES);
  check ("tag", tagged, 20 * N_STATES);
}

// A breakpoint at what is returned to, set and taken away again.
static void
test_breakpoint (void)
{
  u64 at = el0_address (call_at), n = 0, hit = 0;

  WRITE (oslar_el1, 0);
  WRITE (dbgbvr0_el1, at);
  WRITE (mdscr_el1, BIT (15));
  for (unsigned i = 0; i < 20; i++) {
    n += count_calls (at, CALLED, at + 4);
    WRITE (dbgbcr0_el1, 0xf << 5 | 2 << 1 | 1);
    for (unsigned j = 0; j < N_STATES; j++)
      states[j] = 0x1c0;
    go_through (states, seen, N_STATES, at, 0);
    for (unsigned j = 0; j < N_STATES; j++)
      hit += seen[j].esr == ESR (0x30, 0x22) && seen[j].elr == at;
    WRITE (dbgbcr0_el1, 0);
  }
  WRITE (mdscr_el1, 0);
  check ("no-breakpoint", n, 20 * N_STATES);
  check ("breakpoint", hit, 20 * N_STATES);
}

// The page of the user's code is another all the time.
static void
test_pages (void)
{
  u64 va = 0x7f00000000, n = 0;
  u64 pa[2] = {page_new (), page_new ()};

  for (unsigned i = 0; i < 2; i++) {
    u32 *code = (u32 *) pa[i];

    for (unsigned j = 0; j <= i; j++)
      code[j] = 0xd503201f; // NOP
    code[i + 1] = 0xd4000001;
  }
  sync ();
  DO ("ic iallu\n dsb sy\n isb");
  for (unsigned i = 0; i < 40; i++) {
    map (&low_space, va, pa[i & 1], 3, D_RAM | D_EL0 | D_RO | D_NG);
    sync ();
    SYS ("tlbi vale1", va >> 12);
    sync ();
    n += count_calls (va, CALLED, va + 8 + 4 * (i & 1));
  }
  check ("pages", n, 40 * N_STATES);
}

static void
test_states (void)
{
  u64 sctlr0 = READ (sctlr_el1);

  for (unsigned round = 0; round < ROUNDS; round++) {
    u64 sctlr = sctlr0 & ~(u64) (SCTLR_SPAN | BIT (44));

    if (round & 64)
      sctlr |= SCTLR_SPAN;
    if (round & 32)
      sctlr |= BIT (44);
    WRITE (sctlr_el1, sctlr);
    u64 r = READ (sctlr_el1);
    for (unsigned i = 0; i < N_STATES; i++)
      states[i] = any_state ();
    go_through (states, seen, N_STATES, el0_address (call_at), (u64) call_at);
    DO (".inst 0xd500409f"); // msr pan, #0
    for (unsigned i = 0; i < N_STATES; i++)
      look (&seen[i], states[i], r, seen[0].sp);
  }
  WRITE (sctlr_el1, sctlr0);
  check ("states", differences, 0);
  // qemu: dit: it clears PSTATE.DIT at an exception; AArch64.TakeException leaves it as it is.
  check ("dit", dit_differences, 0);
}

void
test_main (void)
{
  start_mmu ();
  u64 before = READ (vbar_el1);

  WRITE (vbar_el1, (u64) call_vectors);
  test_states ();
  test_fp ();
  test_address ();
  test_breakpoint ();
  test_pages ();
  WRITE (vbar_el1, before);
}
