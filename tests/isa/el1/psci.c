// SPDX-License-Identifier: GPL-3.0-or-later
// cpus: 2
// PSCI (DEN 0022) by HVC, with a second CPU to turn on and off, and what that does to the interrupts
// of the CPU; and SMCCC's version.
#include "el1.h"
#include "gic.h"

enum {
  SUCCESS = 0,
  NOT_SUPPORTED = -1,
  INVALID_PARAMETERS = -2,
  ALREADY_ON = -4,
};

#define VERSION       0x84000000
#define CPU_SUSPEND   0xc4000001
#define CPU_OFF       0x84000002
#define CPU_ON        0xc4000003
#define CPU_ON_32     0x84000003
#define AFFINITY_INFO 0xc4000004
#define MIGRATE_INFO  0x84000006
#define SYSTEM_OFF    0x84000008
#define SYSTEM_RESET  0x84000009
#define FEATURES      0x8400000a
#define SMCCC_VERSION 0x80000000
#define NO_SUCH_CPU   0x00ff00

static void
check_call (const char *what, u64 function, u64 a, u64 b, int expected)
{
  check (what, hvc (function, a, b, 0), (u64) (int64_t) expected);
}

static void
test_versions (void)
{
  u64 version = hvc (VERSION, 0, 0, 0);

  check_that ("version-1", version >= 0x10000 && version < 0x20000);
  check_call ("features-version", FEATURES, VERSION, 0, SUCCESS);
  check_call ("features-cpu-on", FEATURES, CPU_ON, 0, SUCCESS);
  check_call ("features-cpu-on-32", FEATURES, CPU_ON_32, 0, SUCCESS);
  check_call ("features-cpu-off", FEATURES, CPU_OFF, 0, SUCCESS);
  check_call ("features-affinity-info", FEATURES, AFFINITY_INFO, 0, SUCCESS);
  check_call ("features-system-off", FEATURES, SYSTEM_OFF, 0, SUCCESS);
  check_call ("features-system-reset", FEATURES, SYSTEM_RESET, 0, SUCCESS);
  check_call ("features-features", FEATURES, FEATURES, 0, SUCCESS);
  check_call ("features-unknown", FEATURES, 0x8400007f, 0, NOT_SUPPORTED);
  check_call ("unknown-function", 0x8400007f, 0, 0, NOT_SUPPORTED);
  check_call ("unknown-range", 0xdeadbeef, 0, 0, NOT_SUPPORTED);
  // power_state (5.4.2): reserved bits, and a power level above the CPU's.
  check_call ("cpu-suspend-reserved-high", CPU_SUSPEND, BIT (31), 0, INVALID_PARAMETERS);
  check_call ("cpu-suspend-reserved-low", CPU_SUSPEND, BIT (17), 0, INVALID_PARAMETERS);
  check_call ("cpu-suspend-level", CPU_SUSPEND, BIT (24), 0, INVALID_PARAMETERS);
  check ("migrate-info-type", hvc (MIGRATE_INFO, 0, 0, 0), 2);
  // Through PSCI_FEATURES a caller learns that SMCCC is at least 1.1.
  if (hvc (FEATURES, SMCCC_VERSION, 0, 0) == SUCCESS)
    check_that ("smccc-version", hvc (SMCCC_VERSION, 0, 0, 0) >= 0x10001);
}

// ---- the second CPU -------------------------------------------------------------------------

static volatile u32 state;
static volatile u64 seen[8];

static void
second (void)
{
  seen[0] = READ (currentel);
  seen[1] = READ (daif);
  seen[2] = READ (sctlr_el1) & (SCTLR_M | SCTLR_C | SCTLR_I);
  seen[3] = READ (mpidr_el1) & 0xff00ffffff;
  seen[4] = READ (spsel);
  state = 1;
  while (state != 2)
    ;
}

static void
test_cpu_on (void)
{
  check ("boot-cpu-mpidr", READ (mpidr_el1) & 0xff00ffffff, 0);
  check_call ("affinity-info-self", AFFINITY_INFO, 0, 0, 0);
  check_call ("affinity-info-off", AFFINITY_INFO, 1, 0, 1);
  check_call ("affinity-info-none", AFFINITY_INFO, NO_SUCH_CPU, 0, INVALID_PARAMETERS);
  check_call ("cpu-on-self", CPU_ON, 0, (u64) second, ALREADY_ON);
  check_call ("cpu-on-none", CPU_ON, NO_SUCH_CPU, (u64) second, INVALID_PARAMETERS);
  for (unsigned round = 0; round < 3; round++) {
    state = 0;
    check_that (name ("cpu-on-%d", round), second_start (second));
    // Between the call and the CPU's start it is on or pending: never off (DEN 0022, 5.6.3: once
    // CPU_ON has returned success).
    // qemu: cpu-on-*-not-off: 7.2 says off until the CPU's thread has looked.
    check_that (name ("cpu-on-%d-not-off", round), hvc (AFFINITY_INFO, 1, 0, 0) != 1);
    check_that (name ("cpu-on-%d-runs", round), wait_for (&state, 1));
    check_call (name ("cpu-on-%d-again", round), CPU_ON, 1, (u64) second, ALREADY_ON);
    check_call (name ("affinity-info-%d-on", round), AFFINITY_INFO, 1, 0, 0);
    check (name ("cpu-on-%d-el", round), seen[0], 4);
    check (name ("cpu-on-%d-daif", round), seen[1], 0x3c0);
    check (name ("cpu-on-%d-sctlr", round), seen[2], 0);
    check (name ("cpu-on-%d-mpidr", round), seen[3], 1);
    check (name ("cpu-on-%d-spsel", round), seen[4], 1);
    state = 2;
    second_wait_off ();
    check_call (name ("affinity-info-%d-off", round), AFFINITY_INFO, 1, 0, 1);
  }
}

// SEV reaches the other CPU, whose event register is set even when it was not waiting.
static void
second_waits (void)
{
  DO ("sevl\n wfe");
  state = 1;
  while (state != 2)
    DO ("wfe");
  state = 3;
}

static void
test_events (void)
{
  state = 0;
  check_that ("sev-start", second_start (second_waits));
  check_that ("sev-second-waits", wait_for (&state, 1));
  delay_us (200);
  state = 2;
  DO ("dsb sy\n sev");
  check_that ("sev-wakes", wait_for (&state, 3));
  second_wait_off ();
}

// ---- its interrupts -------------------------------------------------------------------------

enum {
  SGI = 4,
  SPI = 60, // and three more
};

static void
second_reads_interface (void)
{
  seen[0] = READ (ICC_PMR);
  seen[1] = READ (ICC_IGRPEN0) | READ (ICC_IGRPEN1) << 1;
  seen[2] = READ (ICC_CTLR) & 3;
  seen[3] = READ (ICC_AP1R0);
  seen[4] = READ (ICC_RPR);
  seen[5] = READ (ICC_BPR1);
  state = 2;
  sync ();
}

// Goes off in the middle of an interrupt.
static void
second_takes_interrupt (void)
{
  gic_wake (1);
  seen[6] = READ (ICC_BPR1);
  gic_cpu_on ();
  WRITE (ICC_CTLR, 2); // EOImode
  WRITE (ICC_BPR1, 5);
  gic_enable (1, SGI);
  WRITE (ICC_SGI1R, (u64) SGI << 24 | 2);
  sync ();
  seen[7] = READ (ICC_IAR1);
  state = 1;
  sync ();
}

// A CPU that is turned on has its CPU interface as after reset.
static void
test_interface (void)
{
  state = 0;
  MMIO32 (GICD + GICD_CTLR) = 0x13;
  check_that ("interface-start", second_start (second_takes_interrupt));
  check_that ("interface-second-ran", wait_for (&state, 1));
  check ("interface-iar", seen[7], SGI);
  second_wait_off ();
  check_that ("interface-restart", second_start (second_reads_interface));
  check_that ("interface-second-read", wait_for (&state, 2));
  second_wait_off ();
  check ("interface-pmr", seen[0], 0);
  check ("interface-enables", seen[1], 0);
  check ("interface-ctlr", seen[2], 0);
  check ("interface-active", seen[3], 0);
  check ("interface-running", seen[4], 0xff);
  check ("interface-bpr1", seen[5], seen[6]);
}

static void
second_is_there (void)
{
  gic_wake (1);
  gic_cpu_on ();
  state = 1;
  while (state != 2)
    ;
}

// 1-of-N interrupts do not wait for a CPU that is off: neither those that come when it is, nor
// those that were pending before.
static void
test_one_of_n (void)
{
  state = 0;
  gic_on ();
  for (unsigned intid = SPI; intid < SPI + 4; intid++) {
    MMIO64 (GICD + IROUTER + intid * 8) = BIT (31);
    MMIO32 (GICD + ICFGR + intid / 16 * 4) |= 2u << intid % 16 * 2;
    gic_enable (0, intid);
  }
  check_that ("one-of-n-start", second_start (second_is_there));
  check_that ("one-of-n-second-runs", wait_for (&state, 1));
  for (unsigned intid = SPI; intid < SPI + 2; intid++)
    gic_bit (0, intid, ISPENDR);
  state = 2;
  second_wait_off ();
  for (unsigned intid = SPI; intid < SPI + 4; intid++) {
    if (intid >= SPI + 2)
      gic_bit (0, intid, ISPENDR);
    check (name ("one-of-n-%d", intid), READ (ICC_IAR1), intid);
    WRITE (ICC_EOIR1, intid);
  }
}

void
test_main (void)
{
  test_versions ();
  test_cpu_on ();
  test_events ();
  test_interface ();
  test_one_of_n ();
}
