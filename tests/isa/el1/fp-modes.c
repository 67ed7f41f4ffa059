// SPDX-License-Identifier: GPL-3.0-or-later
// Code that changes FPCR in loops: what is in force before and after must not leak into what is
// computed at the other side, and cumulative exceptions are those of the mode.
#include "el1.h"

#define THIRD      0x3fd5555555555555 // of 1, to the nearest, down and to zero
#define THIRD_UP   0x3fd5555555555556
#define LEAST      0x0010000000000000 // normal number
#define HALF_LEAST 0x0008000000000000
#define HALF       0x3fe0000000000000
#define FLUSH      BIT (24)
#define UFC        BIT (3)
#define IXC        BIT (4)
#define IDC        BIT (7)

const Trap *run_code (u64 pc, u64 spsr, const u64 *x);

// X6: 1 / 3 as FPCR X4 has it, X7: with FPCR 0. X2, X3: whether any was another.
CODE (c_rounding, "mov x2, #0\n mov x3, #0\n mov x8, #40\n fmov d0, #1.0\n fmov d1, #3.0\n"
                  "1: msr fpcr, x4\n fdiv d2, d0, d1\n msr fpcr, xzr\n fdiv d3, d0, d1\n"
                  "fmov x0, d2\n fmov x1, d3\n eor x0, x0, x6\n eor x1, x1, x7\n"
                  "orr x2, x2, x0\n orr x3, x3, x1\n subs x8, x8, #1\n b.ne 1b");

// The same of products of X0 and X1, with FPSR X5 before each, which was another when FPCR was
// written, and the bits of it then in X0.
CODE (c_flush, "mov x2, #0\n mov x3, #0\n mov x8, #40\n fmov d0, x0\n fmov d1, x1\n mov x9, #0\n"
               "1: mov x1, #0x10\n msr fpsr, x1\n msr fpcr, x4\n msr fpsr, x5\n fmul d2, d0, d1\n "
               "mrs x0, fpsr\n msr fpcr, xzr\n"
               "fmul d3, d0, d1\n orr x9, x9, x0\n fmov x0, d2\n fmov x1, d3\n eor x0, x0, x6\n"
               "eor x1, x1, x7\n orr x2, x2, x0\n orr x3, x3, x1\n subs x8, x8, #1\n b.ne 1b\n"
               "mov x0, x9");

// 40 halves of X0, each by a call of another page: in X0, as FPCR has them.
CODE (c_calls, "mov x8, #40\n fmov d3, x0\n fmov d4, #0.5\n"
               "mov x0, #0\n 1: bl 2f\n fmov x1, d2\n orr x0, x0, x1\n subs x8, x8, #1\n b.ne 1b\n"
               "b 3f\n .balign 4096\n 2: fmul d2, d3, d4\n ret\n 3:");

// Products of X0 and X1 with FPCR X4 and with FPCR X5, in turn, where something was inexact. X2, X3:
// whether any was not X6, X7.
CODE (c_turns, "mov x2, #0\n mov x3, #0\n mov x8, #40\n fmov d0, x0\n fmov d1, x1\n"
               "mov x1, #0x10\n msr fpsr, x1\n"
               "1: msr fpcr, x4\n fmul d2, d0, d1\n fmov x0, d2\n msr fpcr, x5\n fmul d3, d0, d1\n"
               "fmov x1, d3\n eor x0, x0, x6\n eor x1, x1, x7\n orr x2, x2, x0\n orr x3, x3, x1\n"
               "subs x8, x8, #1\n b.ne 1b");

// With FPCR X4 a quotient, inexact at first and exact the second time, and behind a call a product of
// X0 and X1: in X0 FPSR, which was 0 before both, after the second.
CODE (c_link, "fmov d0, x0\n fmov d1, x1\n fmov d4, #1.0\n fmov d5, #3.0\n fmov d6, #2.0\n"
              "mov x8, #2\n msr fpcr, x4\n"
              "1: msr fpsr, xzr\n fdiv d7, d4, d5\n bl 2f\n fmov d5, d6\n subs x8, x8, #1\n"
              "b.ne 1b\n mrs x0, fpsr\n msr fpcr, xzr\n b 3f\n 2: fmul d2, d0, d1\n ret\n 3:");

static u64
at (const u32 *code, bool el0)
{
  return el0 ? el0_address (code) : (u64) code;
}

static void
test_rounding (bool el0)
{
  for (unsigned mode = 0; mode < 4; mode++) {
    const u64 x[8] = {[4] = (u64) mode << 22, [6] = mode == 1 ? THIRD_UP : THIRD, [7] = THIRD};
    const Trap *t = run_code (at (c_rounding, el0), el0 ? EL0 : EL1H, x);
    const char *what = name ("rounding-%d-el%d", mode, !el0);

    check (name ("%s-ends", what), t->esr, ESR_END);
    check (name ("%s-there", what), t->x[2], 0);
    check (name ("%s-back", what), t->x[3], 0);
  }
}

static void
test_flush (bool el0)
{
  static const struct {
    const char *what;
    u64 a, b, flushed, kept, fpsr, flags;
  } cases[] = {
      {"result", LEAST, HALF, 0, HALF_LEAST, 0, UFC},
      {"result-after-inexact", LEAST, HALF, 0, HALF_LEAST, IXC, IXC | UFC},
      {"operand", HALF_LEAST, 0x4000000000000000, 0, LEAST, 0, IDC},
      {"operand-after-inexact", HALF_LEAST, 0x4000000000000000, 0, LEAST, IXC, IXC | IDC},
      {"neither", LEAST, 0x4000000000000000, 2 * LEAST, 2 * LEAST, IXC, IXC},
  };

  for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
    const u64 x[8] = {cases[i].a,       cases[i].b,   0, 0, FLUSH, cases[i].fpsr,
                      cases[i].flushed, cases[i].kept};
    const Trap *t = run_code (at (c_flush, el0), el0 ? EL0 : EL1H, x);
    const char *what = name ("flush-%s-el%d", cases[i].what, !el0);

    check (name ("%s-ends", what), t->esr, ESR_END);
    check (name ("%s-there", what), t->x[2], 0);
    check (name ("%s-back", what), t->x[3], 0);
    check (name ("%s-flags", what), t->x[0], cases[i].flags);
  }
}

// The kernel has a program go on in another mode, as it does with another of its threads.
static void
test_switches (void)
{
  const u64 x[8] = {HALF_LEAST};

  for (unsigned i = 0; i < 12; i++) {
    bool flush = i % 3 != 0;

    WRITE (fpcr, flush ? FLUSH : 0);
    WRITE (fpsr, i % 4 != 0 ? IXC : 0);
    const Trap *t = run_code (el0_address (c_calls), EL0, x);
    check (name ("switch-%d-ends", i), t->esr, ESR_END);
    check (name ("switch-%d", i), t->x[0], flush ? 0 : HALF_LEAST / 2);
    check (name ("switch-%d-fpsr", i), READ (fpsr), (i % 4 != 0 ? IXC : 0) | (flush ? IDC : 0));
  }
  WRITE (fpcr, 0);
}

// Between flushing and the other format of half precision, of which products know nothing.
static void
test_turns (bool el0)
{
  const u64 x[8] = {LEAST, HALF, 0, 0, FLUSH, BIT (26), 0, HALF_LEAST};
  const Trap *t = run_code (at (c_turns, el0), el0 ? EL0 : EL1H, x);
  const char *what = name ("turns-el%d", !el0);

  check (name ("%s-ends", what), t->esr, ESR_END);
  check (name ("%s-flushed", what), t->x[2], 0);
  check (name ("%s-kept", what), t->x[3], 0);
}

// What was inexact before must not decide where a jump leads later.
static void
test_link (bool el0)
{
  const u64 x[8] = {LEAST, HALF, [4] = FLUSH};
  const Trap *t = run_code (at (c_link, el0), el0 ? EL0 : EL1H, x);
  const char *what = name ("link-el%d", !el0);

  check (name ("%s-ends", what), t->esr, ESR_END);
  check (name ("%s-flags", what), t->x[0], UFC);
}

// The kernel goes to another address space and back; what the code there was made for is not the same.
static void
test_spaces (void)
{
  const u64 x[8] = {HALF_LEAST};
  u64 table = READ (ttbr0_el1);

  for (unsigned i = 0; i < 6; i++) {
    bool flush = i % 3 == 0;

    WRITE (fpcr, flush ? FLUSH : 0);
    WRITE (fpsr, flush ? IXC : 0);
    WRITE (ttbr0_el1, table | (u64) (i % 3 == 1 ? 2 : 1) << 48);
    asm volatile("isb");
    const Trap *t = run_code (el0_address (c_calls), EL0, x);
    check (name ("space-%d-ends", i), t->esr, ESR_END);
    check (name ("space-%d", i), t->x[0], flush ? 0 : HALF_LEAST / 2);
    check (name ("space-%d-fpsr", i), READ (fpsr), flush ? IXC | IDC : 0);
  }
  WRITE (ttbr0_el1, table);
  WRITE (fpcr, 0);
}

void
test_main (void)
{
  start_mmu ();
  WRITE (cpacr_el1, 3 << 20);
  asm volatile("isb");
  for (unsigned el0 = 0; el0 < 2; el0++) {
    test_rounding (el0);
    test_flush (el0);
    test_turns (el0);
    test_link (el0);
  }
  test_switches ();
  test_spaces ();
  WRITE (cpacr_el1, 0);
}
