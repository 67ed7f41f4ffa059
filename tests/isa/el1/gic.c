// SPDX-License-Identifier: GPL-3.0-or-later
// cpus: 2
// GICv3 (IHI 0069) with one security state: SGIs, PPIs and SPIs from pending to deactivated,
// priorities and preemption, EOI modes, group enables, affinity routing, register access. SPI
// SPI has no device; software makes it pending.
#include "gic.h"

enum {
  SPI = 60,
  OTHER_SPI = 61,
  PPI = 25, // no device either
};

static u64
isr (void)
{
  DO ("dsb sy\n isb");
  return READ (isr_el1);
}

// The state of an interrupt as text would be: pending, active.
static u64
state (unsigned intid)
{
  return gic_test (0, intid, ISPENDR) | gic_test (0, intid, ISACTIVER) << 1;
}

enum {
  INACTIVE = 0,
  PENDING = 1,
  ACTIVE = 2,
};

static void
send_sgi (unsigned sgi, u64 target_bits)
{
  WRITE (ICC_SGI1R, (u64) sgi << 24 | target_bits);
  sync ();
}

// ---- identification and access --------------------------------------------------------------

static void
test_registers (void)
{
  u32 typer = MMIO32 (GICD + GICD_TYPER);

  check ("sre", READ (ICC_SRE) & 7, 7);
  check ("gicd-ctlr-are-ds", MMIO32 (GICD + GICD_CTLR) & 0x73, 0x53);
  check_that ("gicd-typer-lines", (typer & 31) >= 2);
  check ("gicd-pidr2-v3", MMIO32 (GICD + 0xffe8) >> 4 & 15, 3);
  check ("gicr-pidr2-v3", MMIO32 (GICR (0) + 0xffe8) >> 4 & 15, 3);
  check ("gicr-typer-0", MMIO64 (GICR (0) + 8) >> 32, 0);
  check ("gicr-typer-0-last", MMIO64 (GICR (0) + 8) >> 4 & 1, 0);
  check ("gicr-typer-1", MMIO64 (GICR (1) + 8) >> 32, 1);
  check ("gicr-typer-1-last", MMIO64 (GICR (1) + 8) >> 4 & 1, 1);
  check ("gicr-typer-1-halves", MMIO32 (GICR (1) + 12), 1);

  // Priorities: 32 of them at least (five bits), by byte and by word.
  MMIO32 (GICD + IPRIORITYR + SPI) = 0xa0907060;
  check ("priority-word", MMIO32 (GICD + IPRIORITYR + SPI), 0xa0907060);
  check ("priority-byte-1", MMIO8 (GICD + IPRIORITYR + SPI + 1), 0x70);
  MMIO8 (GICD + IPRIORITYR + SPI + 2) = 0x18;
  check ("priority-byte-write", MMIO32 (GICD + IPRIORITYR + SPI), 0xa0187060);
  MMIO8 (GICR_SGI (0) + IPRIORITYR + 5) = 0x48;
  check ("priority-byte-redist", MMIO32 (GICR_SGI (0) + IPRIORITYR + 4) >> 8 & 0xff, 0x48);
  // With affinity routing the distributor has no SGIs and PPIs.
  MMIO32 (GICD + ISENABLER) = 0xffffffff;
  check ("gicd-isenabler0-raz", MMIO32 (GICD + ISENABLER), 0);
  MMIO32 (GICD + IPRIORITYR) = 0x80808080;
  check ("gicd-ipriorityr0-raz", MMIO32 (GICD + IPRIORITYR), 0);

  gic_bit (0, SPI, ISENABLER);
  check ("isenabler-set", gic_test (0, SPI, ISENABLER), 1);
  check ("icenabler-reads-the-same", gic_test (0, SPI, ICENABLER), 1);
  MMIO32 (GICD + ISENABLER + SPI / 32 * 4) = 0; // zeros change nothing
  check ("isenabler-zero", gic_test (0, SPI, ISENABLER), 1);
  gic_bit (0, SPI, ICENABLER);
  check ("icenabler-clears", gic_test (0, SPI, ISENABLER), 0);

  MMIO32 (GICD + ICFGR + SPI / 16 * 4) = 0xffffffff;
  check ("icfgr-edge", MMIO32 (GICD + ICFGR + SPI / 16 * 4), 0xaaaaaaaa);
  check ("icfgr-sgi-edge", MMIO32 (GICR_SGI (0) + ICFGR), 0xaaaaaaaa);
  // qemu: irouter-mask: it keeps bits 63 to 40, which are RES0 (12.9.22).
  MMIO64 (GICD + IROUTER + SPI * 8) = 0x8000000000000001;
  check ("irouter-mask", MMIO64 (GICD + IROUTER + SPI * 8), 1);
  MMIO32 (GICD + IROUTER + SPI * 8) = 0;
  MMIO32 (GICD + IROUTER + SPI * 8 + 4) = 0xff;
  check ("irouter-halves", MMIO64 (GICD + IROUTER + SPI * 8), 0xff00000000);
  MMIO64 (GICD + IROUTER + SPI * 8) = 0;

  WRITE (ICC_PMR, 0xff);
  u64 pmr = READ (ICC_PMR);
  check_that ("pmr-five-bits", (pmr & 0xf8) == 0xf8);
  u64 bits = (READ (ICC_CTLR) >> 8 & 7) + 1;
  check ("ctlr-pribits", pmr, 0xff & ~0u << (8 - bits));
  WRITE (ICC_IGRPEN1, 0);
  check ("igrpen1-off", READ (ICC_IGRPEN1), 0);
  WRITE (ICC_IGRPEN1, 1);
  check ("igrpen1-on", READ (ICC_IGRPEN1), 1);
  check ("rpr-idle", READ (ICC_RPR), 0xff);
  check ("hppir1-none", READ (ICC_HPPIR1), SPURIOUS);
  check ("iar1-none", READ (ICC_IAR1), SPURIOUS);
  check ("iar0-none", READ (ICC_IAR0), SPURIOUS);
}

// ---- one interrupt's life -------------------------------------------------------------------

static void
raise (unsigned intid)
{
  if (intid < 16)
    send_sgi (intid, 1);
  else
    gic_bit (0, intid, ISPENDR);
}

static void
test_life (const char *kind, unsigned intid)
{
  gic_enable (0, intid);
  check (name ("%s-idle", kind), state (intid), INACTIVE);
  raise (intid);
  check (name ("%s-pending", kind), state (intid), PENDING);
  check (name ("%s-signalled", kind), isr (), ISR_I);
  check (name ("%s-hppir", kind), READ (ICC_HPPIR1), intid);
  check (name ("%s-hppir0", kind), READ (ICC_HPPIR0), SPURIOUS);
  check (name ("%s-iar0-other-group", kind), READ (ICC_IAR0), SPURIOUS);
  check (name ("%s-iar", kind), READ (ICC_IAR1), intid);
  check (name ("%s-active", kind), state (intid), ACTIVE);
  check (name ("%s-not-signalled", kind), isr (), 0);
  check (name ("%s-rpr", kind), READ (ICC_RPR), 0x80);
  check_that (name ("%s-ap1r0", kind), READ (ICC_AP1R0) != 0);
  // Pending again while active: not signalled until it is deactivated.
  raise (intid);
  check (name ("%s-active-pending", kind), state (intid), ACTIVE | PENDING);
  check (name ("%s-active-pending-quiet", kind), isr (), 0);
  WRITE (ICC_EOIR1, intid);
  check (name ("%s-again", kind), state (intid), PENDING);
  check (name ("%s-again-signalled", kind), isr (), ISR_I);
  check (name ("%s-again-iar", kind), READ (ICC_IAR1), intid);
  WRITE (ICC_EOIR1, intid);
  check (name ("%s-ended", kind), state (intid), INACTIVE);
  check (name ("%s-ended-rpr", kind), READ (ICC_RPR), 0xff);
  check (name ("%s-ended-ap1r0", kind), READ (ICC_AP1R0), 0);

  // Disabled it stays pending, and is not signalled.
  gic_bit (0, intid, ICENABLER);
  raise (intid);
  check (name ("%s-disabled-pending", kind), state (intid), PENDING);
  check (name ("%s-disabled-quiet", kind), isr (), 0);
  check (name ("%s-disabled-iar", kind), READ (ICC_IAR1), SPURIOUS);
  gic_bit (0, intid, ISENABLER);
  check (name ("%s-enabled-again", kind), isr (), ISR_I);
  gic_bit (0, intid, ICPENDR);
  check (name ("%s-icpendr", kind), state (intid), INACTIVE);
  check (name ("%s-icpendr-quiet", kind), isr (), 0);

  // Made active by software it is not signalled.
  gic_bit (0, intid, ISACTIVER);
  check (name ("%s-isactiver", kind), state (intid), ACTIVE);
  raise (intid);
  check (name ("%s-isactiver-quiet", kind), isr (), 0);
  gic_bit (0, intid, ICACTIVER);
  check (name ("%s-icactiver-signalled", kind), isr (), ISR_I);
  gic_bit (0, intid, ICPENDR);
  gic_bit (0, intid, ICENABLER);
}

// ---- EOI modes ------------------------------------------------------------------------------

static void
test_eoi_modes (void)
{
  gic_enable (0, SPI);
  gic_enable (0, OTHER_SPI);
  WRITE (ICC_CTLR, 2); // EOImode: EOIR only drops the priority
  raise (SPI);
  check ("eoimode-iar", READ (ICC_IAR1), SPI);
  WRITE (ICC_EOIR1, SPI);
  check ("eoimode-dropped", READ (ICC_RPR), 0xff);
  check ("eoimode-still-active", state (SPI), ACTIVE);
  raise (SPI);
  check ("eoimode-active-quiet", isr (), 0);
  raise (OTHER_SPI);
  check ("eoimode-other-signalled", READ (ICC_IAR1), OTHER_SPI);
  WRITE (ICC_DIR, SPI); // in any order
  check ("eoimode-dir", state (SPI), PENDING);
  WRITE (ICC_EOIR1, OTHER_SPI);
  WRITE (ICC_DIR, OTHER_SPI);
  check ("eoimode-other-done", state (OTHER_SPI), INACTIVE);
  check ("eoimode-first-again", READ (ICC_IAR1), SPI);
  WRITE (ICC_EOIR1, SPI);
  WRITE (ICC_DIR, SPI);
  check ("eoimode-done", state (SPI), INACTIVE);
  WRITE (ICC_CTLR, 0);
  // A spurious end changes nothing.
  raise (SPI);
  check ("eoi-spurious-iar", READ (ICC_IAR1), SPI);
  WRITE (ICC_EOIR1, SPURIOUS);
  check ("eoi-spurious-rpr", READ (ICC_RPR), 0x80);
  WRITE (ICC_EOIR1, SPI);
  check ("eoi-after-spurious", state (SPI), INACTIVE);
}

// ---- priorities -----------------------------------------------------------------------------

static void
test_priorities (void)
{
  gic_enable (0, SPI);
  gic_enable (0, OTHER_SPI);
  gic_enable (0, PPI);
  // Highest priority first; among equals the lowest number.
  gic_priority (0, SPI, 0x80);
  gic_priority (0, OTHER_SPI, 0x40);
  gic_priority (0, PPI, 0x80);
  raise (SPI);
  raise (OTHER_SPI);
  raise (PPI);
  check ("priority-first", READ (ICC_HPPIR1), OTHER_SPI);
  check ("priority-first-iar", READ (ICC_IAR1), OTHER_SPI);
  check ("priority-lower-waits", isr (), 0);
  check ("priority-lower-iar", READ (ICC_IAR1), SPURIOUS);
  check ("priority-lower-hppir", READ (ICC_HPPIR1), PPI);
  WRITE (ICC_EOIR1, OTHER_SPI);
  check ("priority-equal-lowest-number", READ (ICC_IAR1), PPI);
  check ("priority-equal-does-not-preempt", READ (ICC_IAR1), SPURIOUS);
  // A more urgent one preempts; ends are in order of the priorities.
  raise (OTHER_SPI);
  check ("preempt-signalled", isr (), ISR_I);
  check ("preempt-iar", READ (ICC_IAR1), OTHER_SPI);
  check ("preempt-rpr", READ (ICC_RPR), 0x40);
  WRITE (ICC_EOIR1, OTHER_SPI);
  check ("preempt-back-rpr", READ (ICC_RPR), 0x80);
  WRITE (ICC_EOIR1, PPI);
  check ("preempt-rest", READ (ICC_IAR1), SPI);
  WRITE (ICC_EOIR1, SPI);
  check ("preempt-all-done", READ (ICC_RPR), 0xff);

  // The binary point: with group 1's at 7 nothing preempts, but the order stays.
  WRITE (ICC_BPR1, 7);
  check ("bpr1-7", READ (ICC_BPR1), 7);
  raise (SPI);
  check ("bpr-iar", READ (ICC_IAR1), SPI);
  raise (OTHER_SPI); // 0x40 and 0x80 differ in bit 7
  check ("bpr1-7-group-bit", isr (), ISR_I);
  gic_priority (0, OTHER_SPI, 0x88);
  gic_priority (0, SPI, 0xf0);
  check ("bpr1-7-same-group", isr (), 0);
  gic_priority (0, OTHER_SPI, 0x40);
  WRITE (ICC_EOIR1, SPI);
  check ("bpr1-next", READ (ICC_IAR1), OTHER_SPI);
  WRITE (ICC_EOIR1, OTHER_SPI);
  WRITE (ICC_BPR1, 0);
  check_that ("bpr1-minimum", READ (ICC_BPR1) >= 1);
  gic_priority (0, SPI, 0x80);

  // PMR: only what is more urgent than it.
  WRITE (ICC_PMR, 0x80);
  raise (SPI);
  check ("pmr-equal-masked", isr (), 0);
  check ("pmr-equal-iar", READ (ICC_IAR1), SPURIOUS);
  check ("pmr-masked-still-pending", state (SPI), PENDING);
  gic_priority (0, SPI, 0x78);
  check ("pmr-below-signalled", isr (), ISR_I);
  gic_priority (0, SPI, 0x80);
  check ("pmr-equal-again", isr (), 0);
  WRITE (ICC_PMR, 0xff);
  check ("pmr-open", isr (), ISR_I);
  WRITE (ICC_PMR, 0);
  check ("pmr-0-masks-all", isr (), 0);
  WRITE (ICC_PMR, 0xff);
  gic_bit (0, SPI, ICPENDR);
  gic_bit (0, PPI, ICENABLER);
}

// ---- groups ---------------------------------------------------------------------------------

static void
test_groups (void)
{
  gic_enable (0, SPI);
  gic_enable (0, OTHER_SPI);
  gic_group (0, SPI, 0);
  raise (SPI);
  // Group 0 is an FIQ.
  check ("group0-fiq", isr (), ISR_F);
  check ("group0-iar1", READ (ICC_IAR1), SPURIOUS);
  check ("group0-hppir0", READ (ICC_HPPIR0), SPI);
  check ("group0-iar0", READ (ICC_IAR0), SPI);
  check_that ("group0-ap0r0", READ (ICC_AP0R0) != 0);
  WRITE (ICC_EOIR0, SPI);
  check ("group0-done", state (SPI), INACTIVE);
  // Off at the CPU, off at the distributor.
  raise (SPI);
  WRITE (ICC_IGRPEN0, 0);
  check ("igrpen0-off", isr (), 0);
  check ("igrpen0-off-iar0", READ (ICC_IAR0), SPURIOUS);
  WRITE (ICC_IGRPEN0, 1);
  check ("igrpen0-on", isr (), ISR_F);
  MMIO32 (GICD + GICD_CTLR) = 0x12;
  check ("gicd-group0-off", isr (), 0);
  MMIO32 (GICD + GICD_CTLR) = 0x13;
  check ("gicd-group0-on", isr (), ISR_F);
  // The group of a pending interrupt may change.
  gic_group (0, SPI, 1);
  check ("group-changed", isr (), ISR_I);
  WRITE (ICC_IGRPEN1, 0);
  check ("igrpen1-off-quiet", isr (), 0);
  check ("igrpen1-off-pending", state (SPI), PENDING);
  WRITE (ICC_IGRPEN1, 1);
  MMIO32 (GICD + GICD_CTLR) = 0x11;
  check ("gicd-group1-off", isr (), 0);
  MMIO32 (GICD + GICD_CTLR) = 0x13;
  check ("gicd-group1-on", isr (), ISR_I);
  check ("group1-iar", READ (ICC_IAR1), SPI);
  // Group 0 at the same priority does not preempt, at a higher one it does.
  gic_group (0, OTHER_SPI, 0);
  gic_priority (0, OTHER_SPI, 0x80);
  raise (OTHER_SPI);
  check ("group0-same-priority", isr (), 0);
  gic_priority (0, OTHER_SPI, 0x20);
  check ("group0-preempts", isr (), ISR_F);
  check ("group0-preempts-iar0", READ (ICC_IAR0), OTHER_SPI);
  check ("group0-preempts-rpr", READ (ICC_RPR), 0x20);
  WRITE (ICC_EOIR0, OTHER_SPI);
  WRITE (ICC_EOIR1, SPI);
  check ("groups-done", READ (ICC_RPR), 0xff);
  gic_group (0, OTHER_SPI, 1);
}

// ---- exceptions -----------------------------------------------------------------------------

CODE (c_open, "msr daifclr, #3\n nop\n nop\n nop");

static void
test_exceptions (void)
{
  raise (SPI);
  const Trap *t = run (c_open, EL1H, 0, 0);
  check ("irq-vector", t->vector, FROM_EL1H + IRQ);
  check ("irq-elr", t->at, 4); // interrupts are taken right after they are unmasked
  check ("irq-iar", READ (ICC_IAR1), SPI);
  WRITE (ICC_EOIR1, SPI);
  gic_group (0, SPI, 0);
  raise (SPI);
  t = run (c_open, EL1T, 0, 0);
  check ("fiq-vector", t->vector, FROM_EL1T + FIQ);
  check ("fiq-iar", READ (ICC_IAR0), SPI);
  WRITE (ICC_EOIR0, SPI);
  gic_group (0, SPI, 1);
  // Masked for what is returned to: it runs.
  raise (SPI);
  check_end ("irq-masked", run (c_open + 1, EL1H, 0, 0));
  check_end ("irq-masked-el0", run (c_open + 1, EL0, 0, 0));
  check ("irq-el0", run (c_open + 1, EL0 & ~(u64) SPSR_I, 0, 0)->vector, FROM_EL0 + IRQ);
  READ (ICC_IAR1);
  WRITE (ICC_EOIR1, SPI);
}

// ---- level-triggered ------------------------------------------------------------------------

// A level that software cannot take back: the timer's.
static void
test_level (void)
{
  unsigned intid = PPI_TIMER_VIRT;

  gic_enable (0, intid);
  WRITE (cntv_cval_el0, 0);
  WRITE (cntv_ctl_el0, 1);
  u64 end = counter () + counter_frequency ();
  while (!gic_test (0, intid, ISPENDR) && counter () < end)
    ;
  check ("level-pending", state (intid), PENDING);
  gic_bit (0, intid, ICPENDR);
  check ("level-icpendr-no-effect", state (intid), PENDING);
  check ("level-iar", READ (ICC_IAR1), intid);
  check ("level-active-and-pending", state (intid), ACTIVE | PENDING);
  WRITE (ICC_EOIR1, intid);
  check ("level-again", READ (ICC_IAR1), intid);
  WRITE (cntv_ctl_el0, 0);
  end = counter () + counter_frequency ();
  while (gic_test (0, intid, ISPENDR) && counter () < end)
    ;
  check ("level-gone", state (intid), ACTIVE);
  WRITE (ICC_EOIR1, intid);
  check ("level-done", READ (ICC_IAR1), SPURIOUS);
  // Software may hold it pending without the level.
  gic_bit (0, intid, ISPENDR);
  check ("level-ispendr", READ (ICC_HPPIR1), intid);
  gic_bit (0, intid, ICPENDR);
  check ("level-ispendr-cleared", state (intid), INACTIVE);
  gic_bit (0, intid, ICENABLER);
}

// ---- the other CPU --------------------------------------------------------------------------

static volatile u32 step;
static volatile u64 got, got_isr;

static void
second (void)
{
  gic_wake (1);
  gic_cpu_on ();
  for (unsigned sgi = 0; sgi < 16; sgi++)
    gic_enable (1, sgi);
  step = 1;
  for (u32 seen = 1; seen != 0xffff;) {
    u64 intid = READ (ICC_IAR1);

    if (intid != SPURIOUS) {
      got = intid;
      WRITE (ICC_EOIR1, intid);
      DO ("dsb sy");
      step++;
    }
    seen = step;
  }
}

static void
test_second (void)
{
  check_that ("second-start", second_start (second) && wait_for (&step, 1));
  send_sgi (3, 2); // Aff0 = 1
  check_that ("sgi-to-second", wait_for (&step, 2) && got == 3);
  check ("sgi-not-here", isr (), 0);
  gic_enable (0, 5);
  send_sgi (5, 3);
  check_that ("sgi-to-both", wait_for (&step, 3) && got == 5);
  check ("sgi-to-both-here", READ (ICC_IAR1), 5);
  WRITE (ICC_EOIR1, 5);
  WRITE (ICC_SGI1R, (u64) 1 << 40 | 7 << 24); // IRM: all others
  check_that ("sgi-all-but-self", wait_for (&step, 4) && got == 7);
  check ("sgi-all-but-self-here", isr (), 0);
  // No such CPU: nowhere.
  WRITE (ICC_SGI1R, (u64) 1 << 32 | 9 << 24 | 2);
  send_sgi (5, 1);
  check ("sgi-self", READ (ICC_IAR1), 5);
  WRITE (ICC_EOIR1, 5);
  check ("sgi-other-affinity", step, 4);
  // Group 0 SGIs go out by SGI0R; SGI1R does not raise what its receiver has in group 0.
  gic_group (0, 6, 0);
  gic_bit (0, 6, ISENABLER);
  send_sgi (6, 1);
  check ("sgi1r-not-to-group0", isr (), 0);
  WRITE (ICC_SGI0R, 6 << 24 | 1);
  check ("sgi0r", isr (), ISR_F);
  check ("sgi0r-iar0", READ (ICC_IAR0), 6);
  WRITE (ICC_EOIR0, 6);

  // Affinity routing of an SPI.
  MMIO64 (GICD + IROUTER + SPI * 8) = 1;
  raise (SPI);
  check_that ("spi-to-second", wait_for (&step, 5) && got == SPI);
  check ("spi-not-here", isr (), 0);
  // Routed anew while pending.
  gic_bit (0, SPI, ICENABLER);
  raise (SPI);
  MMIO64 (GICD + IROUTER + SPI * 8) = 0;
  gic_bit (0, SPI, ISENABLER);
  check ("spi-routed-back", READ (ICC_IAR1), SPI);
  WRITE (ICC_EOIR1, SPI);
  check ("spi-routed-back-only", step, 5);
  // To a CPU that is not there: pending, taken by nobody.
  MMIO64 (GICD + IROUTER + SPI * 8) = 0x7f;
  raise (SPI);
  check ("spi-no-target", isr (), 0);
  check ("spi-no-target-pending", state (SPI), PENDING);
  gic_bit (0, SPI, ICPENDR);
  // 1 of N: one of them takes it.
  MMIO64 (GICD + IROUTER + SPI * 8) = 1u << 31;
  raise (SPI);
  u64 end = counter () + counter_frequency ();
  u64 here = SPURIOUS;
  while (here == SPURIOUS && step == 5 && counter () < end)
    here = READ (ICC_IAR1);
  check ("spi-1-of-n", (here == SPI) + (step == 6 && got == SPI), 1);
  if (here != SPURIOUS)
    WRITE (ICC_EOIR1, here);
  // The redistributor of another CPU is accessible too.
  gic_priority (1, 4, 0x38);
  check ("other-redist-priority", MMIO8 (GICR_SGI (1) + IPRIORITYR + 4), 0x38);
  u32 before = step;
  gic_bit (1, 4, ISPENDR);
  check_that ("other-redist-ispendr", wait_for (&step, before + 1) && got == 4);
  step = 0xffff;
  second_wait_off ();
}

// ---- where it returns to --------------------------------------------------------------------

CODE (c_nop, "nop");

// The branch takes the tag off, not what it leads to (AArch64.BranchAddr).
static void
test_tagged_target (void)
{
  u64 pc = el0_address (c_nop), tagged = pc | (u64) 0x5a << 56;

  WRITE (tcr_el1, READ (tcr_el1) | TCR_TBI0);
  flush_tlb ();
  gic_enable (0, 3);
  gic_bit (0, 3, ISPENDR);
  const Trap *t = run_at (tagged, EL0 & ~(u64) SPSR_I, 0, 0);
  check ("tagged-target-vector", t->vector, FROM_EL0 + IRQ);
  check ("tagged-target-elr", t->elr, pc);
  gic_bit (0, 3, ICPENDR);
  WRITE (tcr_el1, READ (tcr_el1) & ~TCR_TBI0);
  flush_tlb ();
}

void
test_main (void)
{
  start_mmu ();
  gic_on ();
  MMIO64 (GICD + IROUTER + OTHER_SPI * 8) = 0;
  test_registers ();
  test_life ("sgi", 2);
  test_life ("ppi", PPI);
  test_life ("spi", SPI);
  test_eoi_modes ();
  test_priorities ();
  test_groups ();
  test_exceptions ();
  test_level ();
  test_second ();
  test_tagged_target ();
}
