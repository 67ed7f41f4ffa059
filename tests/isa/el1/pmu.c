// SPDX-License-Identifier: GPL-3.0-or-later
// Performance monitors (D13): the cycle counter, instruction and cycle events, filters, overflow
// and its interrupt, access from EL0: what perf in a guest uses.
#include "gic.h"

enum {
  E = 1,
  P = 2,
  C = 4,
  SW_INCR = 0x00,
  INST_RETIRED = 0x08,
  CPU_CYCLES = 0x11,
  CHAIN = 0x1e,
  NOT_EL1 = 1u << 31,
  NOT_EL0 = 1u << 30,
  CYCLE_BIT = 1u << 31,
};

static bool
has_event (unsigned event)
{
  return READ (pmceid0_el0) >> event & 1;
}

static void
all_off (void)
{
  WRITE (pmcr_el0, P | C);
  WRITE (pmcntenclr_el0, 0xffffffff);
  WRITE (pmintenclr_el1, 0xffffffff);
  WRITE (pmovsclr_el0, 0xffffffff);
  WRITE (pmccfiltr_el0, 0);
  WRITE (pmevtyper0_el0, 0);
  WRITE (pmevtyper1_el0, 0);
  WRITE (pmuserenr_el0, 0);
}

static void
test_registers (void)
{
  unsigned n = READ (pmcr_el0) >> 11 & 31;

  check_that ("pmuver", (READ (id_aa64dfr0_el1) >> 8 & 15) >= 1);
  check_that ("counters", n >= 4);
  check_that ("has-cycles", has_event (CPU_CYCLES));
  WRITE (pmcntenset_el0, 5);
  check ("pmcnten-set", READ (pmcntenset_el0), 5);
  WRITE (pmcntenclr_el0, 1);
  check ("pmcnten-clr", READ (pmcntenclr_el0), 4);
  WRITE (pmcntenset_el0, 0xffffffff);
  check ("pmcnten-implemented", READ (pmcntenset_el0), CYCLE_BIT | ((1u << n) - 1));
  WRITE (pmcntenclr_el0, 0xffffffff);
  WRITE (pmovsset_el0, 3);
  check ("pmovs-set", READ (pmovsclr_el0), 3);
  WRITE (pmovsclr_el0, 3);
  check ("pmovs-clr", READ (pmovsset_el0), 0);
  WRITE (pmintenset_el1, CYCLE_BIT);
  check ("pminten", READ (pmintenclr_el1), CYCLE_BIT);
  WRITE (pmintenclr_el1, CYCLE_BIT);
  // By selector and by name.
  WRITE (pmselr_el0, 1);
  check ("pmselr", READ (pmselr_el0), 1);
  WRITE (pmxevtyper_el0, NOT_EL0 | CPU_CYCLES);
  check ("pmxevtyper", READ (pmevtyper1_el0), NOT_EL0 | CPU_CYCLES);
  WRITE (pmxevcntr_el0, 0x12345678);
  check ("pmxevcntr", READ (pmevcntr1_el0), 0x12345678);
  WRITE (pmselr_el0, 31);
  WRITE (pmxevtyper_el0, NOT_EL1);
  check ("pmxevtyper-31-is-pmccfiltr", READ (pmccfiltr_el0), NOT_EL1);
  WRITE (pmccntr_el0, 0x123456789abcdef0);
  check ("pmccntr-64-bits", READ (pmccntr_el0), 0x123456789abcdef0);
  WRITE (pmcr_el0, C);
  check ("pmcr-c", READ (pmccntr_el0), 0);
  check ("pmcr-c-not-p", READ (pmevcntr1_el0), 0x12345678);
  WRITE (pmcr_el0, P);
  check ("pmcr-p", READ (pmevcntr1_el0), 0);
  check ("pmcr-reads-no-p-c", READ (pmcr_el0) & (P | C), 0);
  all_off ();
}

// ---- cycles ---------------------------------------------------------------------------------

static void
test_cycles (void)
{
  WRITE (pmcntenset_el0, CYCLE_BIT);
  delay_us (10);
  check ("cycles-pmcr-e-off", READ (pmccntr_el0), 0);
  WRITE (pmcr_el0, E);
  u64 first = READ (pmccntr_el0);
  delay_us (100);
  u64 second = READ (pmccntr_el0);
  check_that ("cycles-count", second > first);
  WRITE (pmcntenclr_el0, CYCLE_BIT);
  u64 third = READ (pmccntr_el0);
  delay_us (10);
  check ("cycles-disabled", READ (pmccntr_el0), third);
  // 64 bits: PMCR_EL0.LC is RES1 without AArch32, and set for the others.
  WRITE (pmcr_el0, E | 1 << 6);
  WRITE (pmccntr_el0, 0xfffffff0);
  WRITE (pmcntenset_el0, CYCLE_BIT);
  delay_us (10);
  check_that ("cycles-over-32-bits", READ (pmccntr_el0) > 0xffffffff);
  check ("cycles-over-32-bits-no-overflow", READ (pmovsclr_el0), 0);
  WRITE (pmccntr_el0, ~(u64) 0x1ff);
  delay_us (100);
  check_that ("cycles-wrap", READ (pmccntr_el0) < (u64) 1 << 60);
  check ("cycles-overflow", READ (pmovsclr_el0), CYCLE_BIT);
  WRITE (pmovsclr_el0, CYCLE_BIT);
  // Filters.
  WRITE (pmccntr_el0, 0);
  WRITE (pmccfiltr_el0, NOT_EL1);
  u64 before = READ (pmccntr_el0);
  delay_us (10);
  check ("cycles-not-el1", READ (pmccntr_el0), before);
  all_off ();
}

// An event counter of cycles.
static void
test_cycle_event (void)
{
  WRITE (pmevtyper0_el0, CPU_CYCLES);
  WRITE (pmcntenset_el0, 1);
  WRITE (pmcr_el0, E);
  u64 first = READ (pmevcntr0_el0);
  delay_us (100);
  check_that ("cycle-event", READ (pmevcntr0_el0) > first);
  WRITE (pmevcntr0_el0, 0xffffff00);
  delay_us (100);
  // qemu: cycle-event-overflow: 7.2 looks at bit 63 of its long counters while PMCR_EL0.LP is 0.
  // Where counters have 64 bits (FEAT_PMUv3p5), overflow is that of 32 all the same then.
  check ("cycle-event-overflow", READ (pmovsclr_el0), 1);
  check_that ("cycle-event-wraps", (u32) READ (pmevcntr0_el0) < 0x80000000);
  if (has_event (CHAIN)) {
    WRITE (pmovsclr_el0, 3);
    WRITE (pmevtyper1_el0, CHAIN);
    WRITE (pmcntenset_el0, 2);
    WRITE (pmevcntr1_el0, 7);
    WRITE (pmevcntr0_el0, 0xffffff00);
    delay_us (100);
    check ("chain", READ (pmevcntr1_el0), 8);
    check ("chain-low-overflow", READ (pmovsclr_el0), 1);
    WRITE (pmevcntr1_el0, 0xffffffff);
    WRITE (pmevcntr0_el0, 0xffffff00);
    delay_us (100);
    check ("chain-overflow", READ (pmovsclr_el0), 3);
  }
  all_off ();
}

static void
test_software_increment (void)
{
  WRITE (pmevtyper0_el0, SW_INCR);
  WRITE (pmevtyper1_el0, SW_INCR);
  WRITE (pmcntenset_el0, 1);
  WRITE (pmcr_el0, E);
  WRITE (pmswinc_el0, 3);
  WRITE (pmswinc_el0, 1);
  check ("sw-incr", READ (pmevcntr0_el0), 2);
  check ("sw-incr-disabled", READ (pmevcntr1_el0), 0);
  WRITE (pmevcntr0_el0, 0xffffffff);
  WRITE (pmswinc_el0, 1);
  check ("sw-incr-wraps", (u32) READ (pmevcntr0_el0), 0);
  check ("sw-incr-overflow", READ (pmovsclr_el0), 1);
  all_off ();
}

// ---- instructions ---------------------------------------------------------------------------

CODE (c_count, "mrs x1, pmevcntr0_el0\n"
               " nop\n nop\n nop\n nop\n nop\n nop\n nop\n nop\n nop\n nop\n"
               " mrs x2, pmevcntr0_el0\n"
               " mov x3, #1000\n"
               " 1: subs x3, x3, #1\n"
               " b.ne 1b\n"
               " mrs x4, pmevcntr0_el0");
CODE (c_ten, "nop\n nop\n nop\n nop\n nop\n nop\n nop\n nop\n nop\n nop");
CODE (c_fault, "nop\n nop\n udf #0");

static void
test_instructions (void)
{
  if (!has_event (INST_RETIRED)) {
    note ("no instruction event");
    return;
  }
  WRITE (pmevtyper0_el0, INST_RETIRED);
  WRITE (pmcntenset_el0, 1);
  WRITE (pmcr_el0, E);
  const Trap *t = run (c_count, EL1H, 0, 0);
  check ("instructions-straight", t->x[2] - t->x[1], 11);
  check ("instructions-loop", t->x[4] - t->x[2], 2002);
  // EL0's only: ten and the SVC; a faulting one has not retired.
  WRITE (pmevtyper0_el0, NOT_EL1 | INST_RETIRED);
  WRITE (pmevcntr0_el0, 0);
  run (c_ten, EL0, 0, 0);
  check ("instructions-el0", READ (pmevcntr0_el0), 11);
  run (c_fault, EL0, 0, 0);
  check ("instructions-el0-fault", READ (pmevcntr0_el0), 13);
  WRITE (pmevtyper0_el0, NOT_EL0 | INST_RETIRED);
  u64 before = READ (pmevcntr0_el0);
  u64 alone = READ (pmevcntr0_el0) - before;
  check ("instructions-el1-reads", alone <= 4, true);
  WRITE (pmevtyper0_el0, NOT_EL0 | NOT_EL1 | INST_RETIRED);
  before = READ (pmevcntr0_el0);
  run (c_ten, EL0, 0, 0);
  check ("instructions-nobody", READ (pmevcntr0_el0), before);
  all_off ();
}

// ---- interrupt ------------------------------------------------------------------------------

CODE (c_spin, "msr daifclr, #2\n mov x0, #0\n 1: add x0, x0, #1\n b 1b");

static void
check_interrupt (const char *what, u32 bit)
{
  WRITE (pmintenset_el1, bit);
  WRITE (pmcntenset_el0, bit);
  WRITE (pmcr_el0, E | 1 << 6);
  // A deadline for a machine that never raises it.
  gic_enable (0, PPI_TIMER_VIRT);
  WRITE (cntv_cval_el0, READ (cntvct_el0) + 5 * counter_frequency ());
  WRITE (cntv_ctl_el0, 1);
  const Trap *t = run (c_spin, EL1H, 0, 0);
  check (name ("%s-vector", what), t->vector, FROM_EL1H + IRQ);
  u64 intid = READ (ICC_IAR1);
  check (name ("%s-intid", what), intid, PPI_PMU);
  check (name ("%s-pmovs", what), READ (pmovsclr_el0) & bit, bit);
  WRITE (pmcr_el0, 0);
  WRITE (pmovsclr_el0, bit);
  WRITE (ICC_EOIR1, intid);
  check (name ("%s-gone", what), READ (ICC_IAR1), SPURIOUS);
  WRITE (cntv_ctl_el0, 0);
  gic_bit (0, PPI_TIMER_VIRT, ICENABLER);
  all_off ();
}

static void
test_interrupts (void)
{
  gic_on ();
  gic_enable (0, PPI_PMU);
  // Set by software.
  WRITE (pmcr_el0, E);
  WRITE (pmintenset_el1, 2);
  WRITE (pmovsset_el0, 2);
  check ("irq-by-software", READ (ICC_IAR1), PPI_PMU);
  WRITE (pmovsclr_el0, 2);
  WRITE (ICC_EOIR1, PPI_PMU);
  check ("irq-level-gone", READ (ICC_IAR1), SPURIOUS);
  WRITE (pmovsset_el0, 1);
  check ("irq-not-enabled", READ (ICC_IAR1), SPURIOUS);
  all_off ();
  WRITE (pmccntr_el0, ~(u64) 1000000);
  check_interrupt ("irq-cycles", CYCLE_BIT);
  WRITE (pmevtyper0_el0, CPU_CYCLES);
  WRITE (pmevcntr0_el0, 0xffffffff - 1000000);
  check_interrupt ("irq-cycle-event", 1);
  if (has_event (INST_RETIRED)) {
    WRITE (pmevtyper0_el0, INST_RETIRED);
    WRITE (pmevcntr0_el0, 0xffffffff - 1000000);
    check_interrupt ("irq-instructions", 1);
  }
}

// ---- EL0 ------------------------------------------------------------------------------------

CODE (c_mrs_pmcr, "mrs x0, pmcr_el0");
CODE (c_mrs_pmccntr, "mrs x0, pmccntr_el0");
CODE (c_msr_pmccntr, "msr pmccntr_el0, x1");
CODE (c_mrs_pmevcntr, "mrs x0, pmevcntr0_el0");
CODE (c_msr_pmevcntr, "msr pmevcntr0_el0, x1");
CODE (c_msr_pmselr, "msr pmselr_el0, x1");
CODE (c_msr_pmswinc, "msr pmswinc_el0, x1");
CODE (c_mrs_pmuserenr, "mrs x0, pmuserenr_el0");
CODE (c_msr_pmuserenr, "msr pmuserenr_el0, x1");
CODE (c_mrs_pminten, "mrs x0, pmintenset_el1");

#define ISS_SYS(op0, op1, crn, crm, op2, rt, direction)                                            \
  ((op0) << 20 | (op2) << 17 | (op1) << 14 | (crn) << 10 | (rt) << 5 | (crm) << 1 | (direction))
#define TRAPPED(...) ESR (0x18, ISS_SYS (__VA_ARGS__))

static void
test_el0 (void)
{
  enum { EN = 1, SW = 2, CR = 4, ER = 8 };
  static const struct {
    const char *what;
    const u32 *code;
    u64 esr;
    unsigned allowed_by;
  } cases[] = {
      {"mrs-pmcr", c_mrs_pmcr, TRAPPED (3, 3, 9, 12, 0, 0, 1), EN},
      {"mrs-pmccntr", c_mrs_pmccntr, TRAPPED (3, 3, 9, 13, 0, 0, 1), EN | CR},
      {"msr-pmccntr", c_msr_pmccntr, TRAPPED (3, 3, 9, 13, 0, 1, 0), EN},
      {"mrs-pmevcntr", c_mrs_pmevcntr, TRAPPED (3, 3, 14, 8, 0, 0, 1), EN | ER},
      {"msr-pmevcntr", c_msr_pmevcntr, TRAPPED (3, 3, 14, 8, 0, 1, 0), EN},
      {"msr-pmselr", c_msr_pmselr, TRAPPED (3, 3, 9, 12, 5, 1, 0), EN | ER},
      {"msr-pmswinc", c_msr_pmswinc, TRAPPED (3, 3, 9, 12, 4, 1, 0), EN | SW},
  };

  for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++)
    for (unsigned user = 0; user < 16; user = user == 0 ? 1 : user * 2) {
      WRITE (pmuserenr_el0, user);
      const Trap *t = run (cases[i].code, EL0, 0, 0);
      const char *what = name ("el0-%s-%x", cases[i].what, (u64) user);
      if (user & cases[i].allowed_by)
        check_end (what, t);
      else
        check_trap (what, t, FROM_EL0, cases[i].esr, 0);
    }
  check_end ("el0-mrs-pmuserenr", run (c_mrs_pmuserenr, EL0, 0, 0));
  check ("el0-msr-pmuserenr", run (c_msr_pmuserenr, EL0, 0, 0)->esr, ESR (0, 0));
  WRITE (pmuserenr_el0, EN);
  check ("el0-mrs-pmintenset", run (c_mrs_pminten, EL0, 0, 0)->esr, ESR (0, 0));
  all_off ();
}

void
test_main (void)
{
  start_mmu ();
  all_off ();
  test_registers ();
  test_cycles ();
  test_cycle_event ();
  test_software_increment ();
  test_instructions ();
  test_interrupts ();
  test_el0 ();
}
