// SPDX-License-Identifier: GPL-3.0-or-later
// Interrupts that come while code runs, at EL1 and at EL0: random ones of random priorities, raised under
// a mask, while handlers of less urgent ones run and by a timer at any moment. A model of the CPU interface
// (IHI 0069 4.8) tells which is acknowledged, and what is interrupted must not notice (D1.3, D1.4).
#include "gic.h"

enum {
  N_SOURCES = 8,
  ROUNDS = 120,
  WORK = 300, // rounds of the code that is interrupted
  MOST = 24,  // raised in a round
  TICKS = 3,  // of the timer in a round
};

static const u16 sources[N_SOURCES] = {1, 4, 7, 15, 22, 25, 60, 61};

// ---- what is interrupted --------------------------------------------------------------------

// NZCV is in use from each round to the next.
#define WORK_BODY                                                                                  \
  " mov x1, #3\n mov x2, #5\n mov x3, #7\n mov x4, #11\n mov x5, #13\n mov x6, #17\n"              \
  " mov x7, #19\n mov x8, #23\n cmp x1, x2\n"                                                      \
  "1: cset x9, mi\n cset x10, vs\n adds x1, x1, x2, lsr #9\n adcs x3, x3, x1\n"                    \
  " ror x4, x4, #7\n eor x5, x5, x4\n csel x6, x5, x3, cs\n madd x8, x8, x6, x7\n"                 \
  " add x2, x2, x9\n add x7, x7, x10\n sbcs x7, x7, x8\n sub x0, x0, #1\n cbnz x0, 1b\n"           \
  " eor x0, x1, x2, ror #1\n eor x0, x0, x3, ror #2\n eor x0, x0, x5, ror #3\n"                    \
  " eor x0, x0, x7, ror #4\n eor x0, x0, x8, ror #5\n"

asm(".pushsection .snippets, \"ax\"\n"
    " .balign 0x800\n irq_vectors:\n"
    " .irp v, 0, 0x80, 0x100, 0x180, 0x200, 0x280, 0x300, 0x380, 0x400, 0x480, 0x500, 0x580, 0x600,"
    " 0x680, 0x700, 0x780\n .balign 0x80\n"
    " .if \\v == 0x280 || \\v == 0x480\n b irq_taken\n"
    " .elseif \\v == 0x400\n b user_ends\n"
    " .else\n mov x0, #\\v\n b unexpected\n .endif\n .endr\n"
    "irq_taken:\n sub sp, sp, #192\n"
    " stp x0, x1, [sp]\n stp x2, x3, [sp, #16]\n stp x4, x5, [sp, #32]\n stp x6, x7, [sp, #48]\n"
    " stp x8, x9, [sp, #64]\n stp x10, x11, [sp, #80]\n stp x12, x13, [sp, #96]\n"
    " stp x14, x15, [sp, #112]\n stp x16, x17, [sp, #128]\n stp x18, x30, [sp, #144]\n"
    " mrs x0, elr_el1\n mrs x1, spsr_el1\n stp x0, x1, [sp, #160]\n"
    " bl handle\n"
    " ldp x0, x1, [sp, #160]\n msr elr_el1, x0\n msr spsr_el1, x1\n"
    " ldp x2, x3, [sp, #16]\n ldp x4, x5, [sp, #32]\n ldp x6, x7, [sp, #48]\n"
    " ldp x8, x9, [sp, #64]\n ldp x10, x11, [sp, #80]\n ldp x12, x13, [sp, #96]\n"
    " ldp x14, x15, [sp, #112]\n ldp x16, x17, [sp, #128]\n ldp x18, x30, [sp, #144]\n"
    " ldp x0, x1, [sp]\n add sp, sp, #192\n eret\n"
    ".global work\nwork:\n" WORK_BODY " ret\n"
    "user_work:\n" WORK_BODY " svc #0\n"
    // work_at_el0 (rounds, where)
    ".global work_at_el0\n"
    "work_at_el0:\n stp x19, x20, [sp, #-96]!\n stp x21, x22, [sp, #16]\n stp x23, x24, [sp, #32]\n"
    " stp x25, x26, [sp, #48]\n stp x27, x28, [sp, #64]\n stp x29, x30, [sp, #80]\n"
    " mov x2, #0x340\n msr spsr_el1, x2\n msr elr_el1, x1\n eret\n"
    "user_ends:\n ldp x21, x22, [sp, #16]\n ldp x23, x24, [sp, #32]\n ldp x25, x26, [sp, #48]\n"
    " ldp x27, x28, [sp, #64]\n ldp x29, x30, [sp, #80]\n ldp x19, x20, [sp], #96\n ret\n"
    " .popsection");

extern const u32 irq_vectors[], user_work[];
u64 work (u64 rounds);
u64 work_at_el0 (u64 rounds, u64 at);
void handle (void);
void unexpected (u64 vector);

void
unexpected (u64 vector)
{
  check ("vector", vector, 0);
  for (;;)
    ;
}

// ---- the model ------------------------------------------------------------------------------

static u64
random_number (void)
{
  static u64 x = 0x9e3779b97f4a7c15;

  x ^= x << 13;
  x ^= x >> 7;
  return x ^= x << 17;
}

static u8 priority[N_SOURCES];
static u32 pending, active;
static unsigned raised, taken, depth, deepest, ticks, to_raise, to_tick;
static u64 wrong_id, wrong_rpr, wrong_left;

// The most urgent of the active ones; 0xff: none.
static unsigned
running (void)
{
  unsigned least = 0xff;

  for (unsigned i = 0; i < N_SOURCES; i++)
    if ((active >> i & 1) && priority[i] < least)
      least = priority[i];
  return least;
}

// What is to be acknowledged next; -1: nothing.
static int
next (void)
{
  int best = -1;

  for (int i = 0; i < N_SOURCES; i++)
    if (((pending & ~active) >> i & 1) && (best < 0 || priority[i] < priority[best]))
      best = i;
  return best >= 0 && priority[best] < running () ? best : -1;
}

// All different.
static void
choose_priorities (void)
{
  for (unsigned i = 0; i < N_SOURCES; i++) {
    unsigned at = random_number () % (i + 1);

    priority[i] = priority[at];
    priority[at] = (u8) (0x20 + 0x18 * i);
  }
  for (unsigned i = 0; i < N_SOURCES; i++)
    gic_priority (0, sources[i], priority[i]);
  sync ();
}

// With interrupts masked.
static void
raise_some (unsigned most)
{
  for (unsigned n = random_number () % (most + 1); n > 0 && to_raise > 0; n--, to_raise--) {
    unsigned i = random_number () % N_SOURCES;

    pending |= 1u << i;
    raised++;
    if (sources[i] < 16)
      WRITE (ICC_SGI1R, (u64) sources[i] << 24 | 1);
    else
      gic_bit (0, sources[i], ISPENDR);
  }
  sync ();
}

// ---- interrupts -----------------------------------------------------------------------------

static void
set_timer (void)
{
  WRITE (cntv_cval_el0, counter () + random_number () % (counter_frequency () / 50000));
  WRITE (cntv_ctl_el0, to_tick > 0);
}

static void
tick (void)
{
  ticks++;
  to_tick--;
  set_timer ();
  wrong_rpr += READ (ICC_RPR) != 0;
  WRITE (ICC_EOIR1, PPI_TIMER_VIRT);
}

void
handle (void)
{
  u64 intid = READ (ICC_IAR1);
  int expected = next ();

  if (intid == PPI_TIMER_VIRT) {
    tick ();
    return;
  }
  if (expected < 0 || intid != sources[expected]) {
    if (wrong_id++ < 5)
      note ("%d acknowledged, expected %d", intid, expected < 0 ? SPURIOUS : sources[expected]);
    if (intid != SPURIOUS)
      WRITE (ICC_EOIR1, intid);
    return;
  }
  pending &= ~(1u << expected);
  active |= 1u << expected;
  depth++;
  deepest = depth > deepest ? depth : deepest;
  taken++;
  wrong_rpr += READ (ICC_RPR) != priority[expected];
  raise_some (2);
  DO ("msr daifclr, #2");
  work (random_number () % 20 + 1);
  DO ("msr daifset, #2");
  // What was more urgent came before this.
  wrong_left += next () >= 0;
  raise_some (1);
  WRITE (ICC_EOIR1, intid);
  active &= ~(1u << expected);
  depth--;
}

// ---- rounds ---------------------------------------------------------------------------------

static u64
one_round (bool user)
{
  u64 sum;

  to_raise = MOST;
  to_tick = TICKS;
  choose_priorities ();
  raise_some (4);
  set_timer ();
  if (user) {
    sum = work_at_el0 (WORK, el0_address (user_work));
  } else {
    DO ("msr daifclr, #2");
    sum = work (WORK);
  }
  DO ("msr daifset, #2");
  wrong_left += pending != 0 || active != 0;
  WRITE (cntv_ctl_el0, 0);
  return sum;
}

static void
test_rounds (const char *where, bool user, u64 expected)
{
  u64 different = 0;

  wrong_id = wrong_rpr = wrong_left = 0;
  raised = taken = deepest = 0;
  for (unsigned i = 0; i < ROUNDS; i++)
    different += one_round (user) != expected;
  check (name ("%s-undisturbed", where), different, 0);
  check (name ("%s-acknowledged", where), wrong_id, 0);
  check (name ("%s-running-priority", where), wrong_rpr, 0);
  check (name ("%s-none-left", where), wrong_left, 0);
  check_that (name ("%s-nested", where), deepest >= 3);
  check_that (name ("%s-many", where), taken > ROUNDS && taken <= raised);
  check (name ("%s-idle", where), READ (ICC_RPR), 0xff);
}

// An interrupt that ICC_PMR alone lets through, for one instruction again and again, is taken.
static void
test_priority_mask (void)
{
  u64 rounds = 10000;

  taken = 0;
  wrong_id = to_raise = to_tick = 0;
  choose_priorities ();
  WRITE (ICC_PMR, 0);
  sync ();
  pending |= 1;
  raised++;
  WRITE (ICC_SGI1R, (u64) sources[0] << 24 | 1);
  sync ();
  asm volatile("msr daifclr, #2\n"
               "1: msr s3_0_c4_c6_0, %1\n msr s3_0_c4_c6_0, xzr\n subs %0, %0, #1\n b.ne 1b\n"
               "msr daifset, #2"
               : "+r"(rounds)
               : "r"((u64) 0xff)
               : "cc", "memory");
  check ("priority-mask-taken", taken, 1);
  check ("priority-mask-acknowledged", wrong_id, 0);
  WRITE (ICC_PMR, 0xff);
  sync ();
}

void
test_main (void)
{
  u64 before, expected = work (WORK);

  start_mmu ();
  gic_on ();
  for (unsigned i = 0; i < N_SOURCES; i++)
    gic_enable (0, sources[i]);
  gic_enable (0, PPI_TIMER_VIRT);
  gic_priority (0, PPI_TIMER_VIRT, 0);
  MMIO64 (GICD + IROUTER + 60 * 8) = 0;
  MMIO64 (GICD + IROUTER + 61 * 8) = 0;
  before = READ (vbar_el1);
  WRITE (vbar_el1, (u64) irq_vectors);
  test_rounds ("el1", false, expected);
  test_rounds ("el0", true, expected);
  test_priority_mask ();
  check_that ("timer", ticks > 0);
  WRITE (vbar_el1, before);
}
