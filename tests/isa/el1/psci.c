// SPDX-License-Identifier: GPL-3.0-or-later
// cpus: 2
// PSCI (DEN 0022) by HVC, with a second CPU to turn on and off; and SMCCC's version.
#include "el1.h"

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

void
test_main (void)
{
  test_versions ();
  test_cpu_on ();
  test_events ();
}
