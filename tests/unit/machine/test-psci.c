// SPDX-License-Identifier: GPL-3.0-or-later
// Firmware calls as a guest makes them: registers in, registers out, and what they do to CPUs.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "engine/machine/psci.h"

enum {
  N_CPUS = 3,
};

// What psci.c needs of the machine, at link time.
static bool cpu_on[N_CPUS];
static GuestVaddr cpu_entry[N_CPUS];
static uint64_t cpu_arg[N_CPUS];
static VmRequest requested;
static unsigned requests;

bool
vcpu_power_on (Vcpu *vcpu, GuestVaddr entry, uint64_t arg)
{
  bool was_on = cpu_on[vcpu->index];

  cpu_on[vcpu->index] = true;
  cpu_entry[vcpu->index] = entry;
  cpu_arg[vcpu->index] = arg;
  return !was_on;
}

void
vcpu_power_off (Vcpu *vcpu)
{
  cpu_on[vcpu->index] = false;
}

bool
vcpu_is_on (Vcpu *vcpu)
{
  return cpu_on[vcpu->index];
}

static void
on_request (void *opaque, VmRequest request)
{
  (void) opaque;
  requested = request;
  requests++;
}

typedef struct Fixture {
  Vm vm;
  Vcpu vcpus[N_CPUS];
  Vcpu *list[N_CPUS];
} Fixture;

static Fixture fixture;

static int
set_up (void **state)
{
  fixture = (Fixture){0};
  for (unsigned i = 0; i < N_CPUS; i++) {
    fixture.vcpus[i] = (Vcpu){.vm = &fixture.vm, .index = i};
    fixture.list[i] = &fixture.vcpus[i];
    cpu_on[i] = i == 0;
  }
  fixture.vm.vcpus = fixture.list;
  fixture.vm.n_vcpus = N_CPUS;
  requests = 0;
  fixture.vm.on_request = on_request;
  return 0;
}

// x0 after a call with these arguments.
static int64_t
call (uint64_t id, uint64_t a, uint64_t b, uint64_t c, uint64_t regs[18])
{
  uint64_t own[18];

  regs = regs != NULL ? regs : own;
  memset (regs, 0xee, 18 * sizeof regs[0]);
  regs[0] = id;
  regs[1] = a;
  regs[2] = b;
  regs[3] = c;
  assert_true (psci_call (&fixture.vm, fixture.list[0], regs));
  return (int64_t) regs[0];
}

static void
test_answers (void **state)
{
  static const struct {
    uint64_t id, a, b;
    int64_t answer;
  } cases[] = {
      {0x84000000, 0, 0, 0x10001},     // PSCI_VERSION
      {0x80000000, 0, 0, 0x10002},     // SMCCC_VERSION
      {0x84000006, 0, 0, 2},           // MIGRATE_INFO_TYPE
      {0x84000005, 0, 0, -1},          // MIGRATE
      {0x8400000a, 0x84000008, 0, 0},  // PSCI_FEATURES: SYSTEM_OFF
      {0x8400000a, 0xc4000003, 0, 0},  // CPU_ON
      {0x8400000a, 0xc4000008, 0, -1}, // no such 64-bit function
      {0x8400000a, 0x80000000, 0, 0},  // SMCCC_VERSION
      {0x80000001, 0x80008000, 0, -1}, // ARCH_WORKAROUND_1
      {0xc4000004, 0, 0, 0},           // AFFINITY_INFO: on
      {0xc4000004, 1, 0, 1},           // off
      {0xc4000004, 3, 0, -2},          // no such CPU
      {0xc4000004, 0, 1, -2},          // levels above 0
      {0xc4000004, UINT64_C (1) << 32, 0, -2},
      {0x84000004, UINT64_C (1) << 32, 0, 0}, // a 32-bit call has 32-bit arguments
      {0x84000050, 0, 0, 0x10000},            // TRNG_VERSION
      {0x84000051, 0xc4000053, 0, 0},         // TRNG_FEATURES
      {0x84000001, 0, 0, 0},                  // CPU_SUSPEND: standby
      {0xc4000001, 0x1ffff, 0, 0},            // power-down, of any kind
      {0xc4000001, UINT64_C (1) << 32, 0, 0}, // power_state has 32 bits
      {0x84000001, 1 << 17, 0, -2},           // reserved
      {0xc4000001, 1 << 24, 0, -2},           // a power level above the CPU's
      {0xc4000001, UINT32_C (1) << 31, 0, -2},
      {0x12345678, 0, 0, -1},
      {0xffffffffffffffff, 0, 0, -1},
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    assert_int_equal (call (cases[i].id, cases[i].a, cases[i].b, 0, NULL), cases[i].answer);
  assert_int_equal (requests, 0);
}

static void
test_cpu_on_and_off (void **state)
{
  assert_int_equal (call (0xc4000003, 1, 0x123456789000, 77, NULL), 0);
  assert_true (cpu_on[1]);
  assert_int_equal (cpu_entry[1], 0x123456789000);
  assert_int_equal (cpu_arg[1], 77);
  assert_int_equal (call (0xc4000003, 1, 0, 0, NULL), -4); // already on
  assert_int_equal (call (0xc4000003, 9, 0, 0, NULL), -2);
  assert_int_equal (call (0x84000003, 2, 0xffff00001000, 5, NULL), 0);
  assert_int_equal (cpu_entry[2], 0x1000);
  call (0x84000002, 0, 0, 0, NULL);
  assert_false (cpu_on[0]);
}

static void
test_system (void **state)
{
  static const struct {
    uint64_t id;
    VmRequest request;
  } cases[] = {
      {0x84000008, VM_REQUEST_POWER_OFF},
      {0x84000009, VM_REQUEST_RESET},
      {0xc4000012, VM_REQUEST_RESET},
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    cpu_on[0] = true;
    call (cases[i].id, 0, 0, 0, NULL);
    assert_int_equal (requests, i + 1);
    assert_int_equal (requested, cases[i].request);
    // The caller executes nothing after it.
    assert_false (cpu_on[0]);
  }
  assert_int_equal (call (0xc4000012, 1u << 31, 0, 0, NULL), -2);
  assert_int_equal (requests, 3);
}

static void
test_random_numbers (void **state)
{
  uint64_t regs[18], seen = 0;

  assert_int_equal (call (0xc4000053, 0, 0, 0, regs), -2);
  assert_int_equal (call (0xc4000053, 193, 0, 0, regs), -2);
  assert_int_equal (call (0x84000053, 97, 0, 0, regs), -2);
  for (unsigned i = 0; i < 64; i++) {
    assert_int_equal (call (0xc4000053, 100, 0, 0, regs), 0);
    assert_int_equal (regs[1], 0);
    assert_int_equal (regs[2] >> 36, 0);
    seen |= regs[3];
    assert_int_equal (call (0x84000053, 33, 0, 0, regs), 0);
    assert_int_equal (regs[1], 0);
    assert_in_range (regs[2], 0, 1);
    assert_int_equal (regs[3] >> 32, 0);
  }
  // Every bit was set once: a chance of 1 in 2^58 otherwise.
  assert_int_equal (seen, UINT64_MAX);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup (test_answers, set_up),
      cmocka_unit_test_setup (test_cpu_on_and_off, set_up),
      cmocka_unit_test_setup (test_system, set_up),
      cmocka_unit_test_setup (test_random_numbers, set_up),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
