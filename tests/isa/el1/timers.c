// SPDX-License-Identifier: GPL-3.0-or-later
// The generic timers (D11): conditions, masks, TVAL and CVAL, their interrupts; and what ends WFI
// and WFE (D1.6).
#include "gic.h"

typedef struct Timer {
  const char *what;
  unsigned intid;
  u64 (*count) (void);
  u64 (*get_ctl) (void), (*get_cval) (void), (*get_tval) (void);
  void (*set_ctl) (u64), (*set_cval) (u64), (*set_tval) (u64);
} Timer;

#define REGISTER(reg)                                                                              \
  static u64 get_##reg (void)                                                                      \
  {                                                                                                \
    return READ (reg##_el0);                                                                       \
  }                                                                                                \
  static void set_##reg (u64 value)                                                                \
  {                                                                                                \
    WRITE (reg##_el0, value);                                                                      \
  }
REGISTER (cntv_ctl)
REGISTER (cntv_cval)
REGISTER (cntv_tval)
REGISTER (cntp_ctl)
REGISTER (cntp_cval)
REGISTER (cntp_tval)

static u64
virtual_count (void)
{
  DO ("isb");
  return READ (cntvct_el0);
}

static const Timer timers[] = {
    {"virtual", PPI_TIMER_VIRT, virtual_count, get_cntv_ctl, get_cntv_cval, get_cntv_tval,
     set_cntv_ctl, set_cntv_cval, set_cntv_tval},
    {"physical", PPI_TIMER_PHYS, counter, get_cntp_ctl, get_cntp_cval, get_cntp_tval, set_cntp_ctl,
     set_cntp_cval, set_cntp_tval},
};

enum {
  ENABLE = 1,
  IMASK = 2,
  ISTATUS = 4,
};

#define NEVER (~(u64) 0)

static bool
pending (const Timer *t)
{
  return gic_test (0, t->intid, ISPENDR);
}

// The line follows the condition at once, but it is another thread that drives it.
static bool
becomes_pending (const Timer *t, bool value)
{
  u64 end = counter () + counter_frequency () * 2;

  while (pending (t) != value)
    if (counter () > end)
      return false;
  return true;
}

static void
test_conditions (const Timer *t)
{
  t->set_ctl (0);
  t->set_cval (0);
  check (name ("%s-off", t->what), t->get_ctl () & ~(u64) ISTATUS, 0);
  check (name ("%s-off-pending", t->what), pending (t), 0);
  t->set_ctl (ENABLE);
  check (name ("%s-past-istatus", t->what), t->get_ctl (), ENABLE | ISTATUS);
  check_that (name ("%s-past-pending", t->what), becomes_pending (t, true));
  t->set_ctl (ENABLE | IMASK);
  check (name ("%s-masked-istatus", t->what), t->get_ctl (), ENABLE | IMASK | ISTATUS);
  check_that (name ("%s-masked-not-pending", t->what), becomes_pending (t, false));
  t->set_ctl (ENABLE);
  t->set_cval (NEVER);
  check (name ("%s-future-istatus", t->what), t->get_ctl (), ENABLE);
  check_that (name ("%s-future-not-pending", t->what), becomes_pending (t, false));
  check (name ("%s-cval", t->what), t->get_cval (), NEVER);
  t->set_ctl (0xfffffff8);
  check (name ("%s-ctl-bits", t->what), t->get_ctl (), 0);
}

// TVAL is 32 bits and signed: CVAL - count to read, CVAL = count + it to write.
static void
test_tval (const Timer *t)
{
  t->set_ctl (ENABLE | IMASK);
  u64 before = t->count ();
  t->set_tval (0x10000000);
  u64 after = t->count ();
  u64 cval = t->get_cval ();
  check_that (name ("%s-tval-sets-cval", t->what),
              cval >= before + 0x10000000 && cval <= after + 0x10000000);
  check (name ("%s-tval-future", t->what), t->get_ctl () & ISTATUS, 0);
  u64 tval = t->get_tval ();
  check_that (name ("%s-tval-counts-down", t->what), tval <= 0x10000000 && tval > 0);
  before = t->count ();
  t->set_tval (0xffffff00); // -256
  after = t->count ();
  cval = t->get_cval ();
  check_that (name ("%s-tval-negative", t->what), cval >= before - 256 && cval <= after - 256);
  check (name ("%s-tval-negative-istatus", t->what), t->get_ctl () & ISTATUS, ISTATUS);
  tval = t->get_tval ();
  check_that (name ("%s-tval-reads-negative", t->what), (int32_t) tval < 0 && tval >> 32 == 0);
  // The upper half written is not looked at.
  t->set_tval (0x1234567800001000);
  check_that (name ("%s-tval-upper-half", t->what),
              t->get_cval () <= t->count () + 0x1000 && t->get_cval () >= after);
  // CVAL beyond what a signed count can say is far away.
  t->set_cval ((u64) 1 << 63);
  check (name ("%s-cval-unsigned", t->what), t->get_ctl () & ISTATUS, 0);
}

CODE (c_wait_irq, "msr daifclr, #2\n 1: wfi\n b 1b");
CODE (c_spin_irq, "msr daifclr, #2\n 1: b 1b");

static void
test_interrupt (const Timer *t)
{
  static const struct {
    const char *what;
    const u32 *code;
  } ways[] = {{"spinning", c_spin_irq}, {"in-wfi", c_wait_irq}};

  gic_enable (0, t->intid);
  for (unsigned i = 0; i < 2; i++) {
    u64 at = t->count () + counter_frequency () / 500;

    t->set_cval (at);
    t->set_ctl (ENABLE);
    const Trap *trap = run (ways[i].code, EL1H, 0, 0);
    check (name ("%s-irq-%s", t->what, ways[i].what), trap->vector, FROM_EL1H + IRQ);
    check_that (name ("%s-irq-%s-not-early", t->what, ways[i].what), t->count () >= at);
    check (name ("%s-irq-%s-spsr", t->what, ways[i].what), trap->spsr & 0x3ff,
           EL1H & ~(u64) SPSR_I);
    check (name ("%s-irq-%s-intid", t->what, ways[i].what), READ (ICC_IAR1), t->intid);
    t->set_ctl (0);
    WRITE (ICC_EOIR1, t->intid);
    check (name ("%s-irq-%s-gone", t->what, ways[i].what), READ (ICC_IAR1), SPURIOUS);
  }
  // At EL0 interrupts are taken from the lower level's vector.
  t->set_cval (0);
  t->set_ctl (ENABLE);
  becomes_pending (t, true);
  const Trap *trap = run (c_spin_irq, EL0 & ~(u64) SPSR_I, 0, 0);
  check (name ("%s-irq-el0", t->what), trap->vector, FROM_EL0 + IRQ);
  check (name ("%s-irq-el0-before-first", t->what), trap->at, 0);
  t->set_ctl (0);
  gic_bit (0, t->intid, ICENABLER);
}

// ---- counters -------------------------------------------------------------------------------

static void
test_counters (void)
{
  bool ahead = true;
  u64 last = 0;

  for (unsigned i = 0; i < 1000; i++) {
    u64 p = counter (), v = virtual_count ();
    // No EL2: no offset between the two.
    ahead &= p >= last && v >= p;
    last = v;
  }
  check_that ("counters-go-on", ahead);
  check_that ("counter-frequency", counter_frequency () >= 1000000);
  u64 start = counter ();
  delay_us (2000);
  check_that ("delay", counter () - start >= counter_frequency () / 500);
}

// ---- WFI and WFE ----------------------------------------------------------------------------

// A masked interrupt ends WFI, and so does one that was there before.
static void
test_wfi (void)
{
  const Timer *t = &timers[0];

  gic_enable (0, t->intid);
  t->set_cval (t->count () + counter_frequency () / 500);
  t->set_ctl (ENABLE);
  DO ("wfi");
  check ("wfi-masked-wakes", READ (isr_el1), ISR_I);
  check_that ("wfi-not-early", t->get_ctl () & ISTATUS);
  DO ("wfi\n wfi\n wfi"); // would not return
  check ("wfi-with-pending", READ (isr_el1), ISR_I);
  t->set_ctl (0);
  becomes_pending (t, false);
  check ("isr-clear", READ (isr_el1), 0);
  gic_bit (0, t->intid, ICENABLER);
}

// None of these would return without an event. What the interpreter of a machine does between
// events is its own business: WFE may end at any time.
static void
test_wfe (void)
{
  DO ("sevl\n wfe");
  DO ("sev\n wfe");
  check_that ("wfe-after-sevl-and-sev", true);
  // The event stream: CNTKCTL_EL1.EVNTEN, EVNTI selects a bit of CNTVCT (D11.2.5).
  WRITE (cntkctl_el1, 1 << 2 | 8 << 4);
  DO ("sevl\n wfe\n wfe\n wfe");
  check_that ("wfe-event-stream", true);
  WRITE (cntkctl_el1, 0);
  // An interrupt that is taken ends it; here it is pending and masked for WFE's part.
  const Timer *t = &timers[0];
  gic_enable (0, t->intid);
  t->set_cval (t->count () + counter_frequency () / 1000);
  t->set_ctl (ENABLE);
  const Trap *trap = run (c_wait_irq, EL1H, 0, 0);
  check ("wfe-irq", trap->vector, FROM_EL1H + IRQ);
  t->set_ctl (0);
  gic_bit (0, t->intid, ICENABLER);
}

void
test_main (void)
{
  start_mmu ();
  gic_on ();
  for (unsigned i = 0; i < 2; i++) {
    test_conditions (&timers[i]);
    test_tval (&timers[i]);
    test_interrupt (&timers[i]);
    timers[i].set_ctl (0);
  }
  test_counters ();
  test_wfi ();
  test_wfe ();
}
