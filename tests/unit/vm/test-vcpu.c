// SPDX-License-Identifier: GPL-3.0-or-later
// vCPU threads: running and parking, sleep and wake-ups that are never lost, power, and work that
// one CPU posts to another. A lost wake-up shows as a hang.
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake-guest.h"

enum {
  N_CPUS = 4,
};

static FakeCpu *
cpu_of (Vm *vm, unsigned index)
{
  return vm->vcpus[index]->cpu;
}

// A running machine whose CPU 0 executes `step`; the others are off.
static Vm *
start_machine (unsigned n_cpus, void (*step) (FakeCpu *cpu))
{
  Vm *vm = vm_new ("test");

  fake_guest_set_step (step);
  assert_true (vm_add_vcpus (vm, n_cpus, &fake_guest_ops, NULL));
  assert_true (vm_realize (vm, NULL));
  assert_true (vm_start (vm, NULL));
  return vm;
}

static void
wait_instructions (FakeCpu *cpu, uint64_t more)
{
  uint64_t until = cpu->instructions + more;

  while (cpu->instructions < until)
    g_thread_yield ();
}

static void
let_host_time_pass (int64_t ns)
{
  gint64 until = g_get_monotonic_time () + ns / 1000 + 1;

  while (g_get_monotonic_time () < until)
    g_thread_yield ();
}

// ---- running and parking --------------------------------------------------------------------

static void
test_pause (void **state)
{
  Vm *vm = start_machine (2, NULL);
  FakeCpu *cpu = cpu_of (vm, 0);

  wait_instructions (cpu, 100);
  assert_false (vcpu_is_on (vm->vcpus[1]));
  assert_int_equal (cpu_of (vm, 1)->instructions, 0);
  for (unsigned i = 0; i < 50; i++) {
    vm_pause (vm);
    uint64_t count = cpu->instructions;
    int64_t now = vm_clock_now (vm->clock), used = vcpu_get_cpu_time_ns (vm->vcpus[0]);

    assert_false (cpu->in_step);
    let_host_time_pass (200000);
    assert_int_equal (cpu->instructions, count);
    assert_int_equal (vm_clock_now (vm->clock), now);
    // Parked means asleep.
    assert_in_range (vcpu_get_cpu_time_ns (vm->vcpus[0]) - used, 0, 150000);
    vm_resume (vm);
    wait_instructions (cpu, 10);
  }
  vm_free (vm);
}

static void
test_reset_keeps_count (void **state)
{
  Vm *vm = start_machine (2, NULL);
  FakeCpu *cpu = cpu_of (vm, 0);

  wait_instructions (cpu, 1000);
  uint64_t before = vcpu_get_instructions (vm->vcpus[0]);
  assert_true (vcpu_power_on (vm->vcpus[1], 1, 2));
  wait_instructions (cpu_of (vm, 1), 10);
  assert_true (vm_reset (vm, NULL));
  wait_instructions (cpu, 10);
  assert_true (vcpu_get_instructions (vm->vcpus[0]) >= before + 10);
  assert_false (vcpu_is_on (vm->vcpus[1]));
  vm_free (vm);
}

// ---- sleep ----------------------------------------------------------------------------------

static void
step_wait (FakeCpu *cpu)
{
  vcpu_wait (cpu->vcpu, INT64_MAX);
}

static void
test_interrupts_wake (void **state)
{
  Vm *vm = start_machine (1, step_wait);
  FakeCpu *cpu = cpu_of (vm, 0);

  for (unsigned i = 1; i <= 5000; i++) {
    fake_guest_ops.set_irq (cpu, GUEST_IRQ, true);
    while (cpu->irqs < i)
      g_thread_yield ();
  }
  vm_free (vm);
}

static void
test_sleep_costs_nothing (void **state)
{
  Vm *vm = start_machine (1, step_wait);

  let_host_time_pass (2000000);
  int64_t used = vcpu_get_cpu_time_ns (vm->vcpus[0]);
  let_host_time_pass (20000000);
  assert_in_range (vcpu_get_cpu_time_ns (vm->vcpus[0]) - used, 0, 1000000);
  vm_pause (vm); // a sleeper parks too
  vm_free (vm);
}

typedef struct Rest {
  Vm *vm;
  VmIdle *idle;
  atomic_uint n;
} Rest;

static void
work_at_rest (void *data)
{
  Rest *rest = data;

  rest->n++;
  vcpu_request (rest->vm->vcpus[0], VCPU_IRQ);
}

// A CPU runs what is wanted when it goes to sleep, once, and not what is not; an interrupt that comes
// of it keeps it from sleeping.
static void
test_work_at_rest (void **state)
{
  Vm *vm = start_machine (1, step_wait);
  Rest rest = {.vm = vm}, other = {.vm = vm};

  rest.idle = vm_idle_new (&vm->idle, work_at_rest, &rest);
  other.idle = vm_idle_new (&vm->idle, work_at_rest, &other);
  for (unsigned i = 1; i <= 1000; i++) {
    vm_idle_want (rest.idle, true);
    vm_idle_want (other.idle, true);
    vm_idle_want (other.idle, i % 100 == 0);
    vcpu_request (vm->vcpus[0], VCPU_IRQ); // it is asleep, and goes there again
    while (rest.n < i || other.n < i / 100)
      g_thread_yield ();
  }
  vm_idle_want (other.idle, true);
  vm_idle_free (other.idle);
  vm_idle_free (rest.idle);
  vm_idle_free (NULL);
  vm_pause (vm);
  assert_int_equal (rest.n, 1000);
  assert_in_range (other.n, 10, 1000);
  vm_free (vm);
}

static _Atomic int64_t slept_ns;
static atomic_uint early_wakes;

static void
step_wait_deadline (FakeCpu *cpu)
{
  VmClock *clock = cpu->vcpu->vm->clock;
  int64_t from = vm_clock_now (clock);

  vcpu_wait (cpu->vcpu, from + 3000000);
  if (cpu->pending == 0 && vm_clock_now (clock) < from + 3000000)
    early_wakes++;
  else if (cpu->pending == 0)
    slept_ns = vm_clock_now (clock) - from;
}

// It hangs when the deadline is missed.
static void
test_deadline_wakes (void **state)
{
  Vm *vm = start_machine (1, step_wait_deadline);

  slept_ns = 0;
  early_wakes = 0;
  wait_instructions (cpu_of (vm, 0), 5);
  vm_pause (vm);
  assert_true (slept_ns >= 3000000);
  assert_int_equal (early_wakes, 0);
  vm_free (vm);
}

static void
step_wait_event (FakeCpu *cpu)
{
  vcpu_wait_event (cpu->vcpu, INT64_MAX);
}

static void
test_events_wake (void **state)
{
  Vm *vm = start_machine (1, step_wait_event);
  FakeCpu *cpu = cpu_of (vm, 0);

  for (unsigned i = 0; i < 5000; i++) {
    uint64_t count = cpu->instructions;

    vcpu_send_event_all (vm);
    while (cpu->instructions == count)
      g_thread_yield ();
  }
  // WFI does not look at the event register.
  vm_free (vm);
  vm = start_machine (1, step_wait);
  let_host_time_pass (1000000);
  uint64_t count = cpu_of (vm, 0)->instructions;
  vcpu_send_event_all (vm);
  let_host_time_pass (2000000);
  assert_in_range (cpu_of (vm, 0)->instructions - count, 0, 1);
  vm_free (vm);
}

// ---- power ----------------------------------------------------------------------------------

static void
step_off_unless_first (FakeCpu *cpu)
{
  if (cpu->vcpu->index != 0)
    vcpu_power_off (cpu->vcpu);
}

static void
test_power (void **state)
{
  Vm *vm = start_machine (2, step_off_unless_first);
  Vcpu *second = vm->vcpus[1];
  FakeCpu *cpu = second->cpu;

  assert_false (vcpu_power_on (vm->vcpus[0], 0, 0));
  for (unsigned i = 1; i <= 500; i++) {
    unsigned resets = cpu->resets;

    assert_true (vcpu_power_on (second, 0x1000 + i, 0x2000 + i));
    // On until it has switched itself off again.
    while (vcpu_is_on (second))
      g_thread_yield ();
    assert_int_equal (cpu->resets, resets + 1);
    assert_int_equal (cpu->pc, 0x1000 + i);
    assert_int_equal (cpu->arg, 0x2000 + i);
    assert_int_equal (cpu->instructions, 1);
  }
  vm_free (vm);
}

static void
test_power_on_while_paused (void **state)
{
  Vm *vm = start_machine (2, NULL);
  FakeCpu *cpu = cpu_of (vm, 1);

  vm_pause (vm);
  assert_true (vcpu_power_on (vm->vcpus[1], 5, 6));
  let_host_time_pass (1000000);
  assert_int_equal (cpu->instructions, 0);
  vm_resume (vm);
  wait_instructions (cpu, 10);
  assert_int_equal (cpu->pc, 5);
  vm_free (vm);
}

// ---- work -----------------------------------------------------------------------------------

static _Atomic uint64_t work_sum;
static atomic_uint wrong_thread;
static _Thread_local Vcpu *my_vcpu;

static void
step_note_thread (FakeCpu *cpu)
{
  my_vcpu = cpu->vcpu;
}

static void
do_work (Vcpu *vcpu, uint64_t a, uint64_t b)
{
  if (my_vcpu != NULL && my_vcpu != vcpu)
    wrong_thread++;
  work_sum += a * b;
}

static void
test_work_runs_there (void **state)
{
  Vm *vm = start_machine (1, step_note_thread);

  work_sum = 0;
  wrong_thread = 0;
  wait_instructions (cpu_of (vm, 0), 10);
  for (uint64_t i = 1; i <= 1000; i++) {
    vcpu_post_work (vm->vcpus[0], NULL, do_work, i, 2, true);
    // It was running all the time, so it has done the work by now.
    assert_int_equal (work_sum, i * (i + 1));
  }
  assert_int_equal (wrong_thread, 0);
  vm_free (vm);
}

static atomic_bool asleep_now;
static atomic_bool late;

static void
step_sleep_then_check (FakeCpu *cpu)
{
  asleep_now = true;
  vcpu_wait (cpu->vcpu, INT64_MAX);
  asleep_now = false;
}

static void
set_late (Vcpu *vcpu, uint64_t a, uint64_t b)
{
  // Between two instructions, never inside the next.
  if (((FakeCpu *) vcpu->cpu)->in_step)
    late = true;
  work_sum++;
}

static void
test_work_of_a_sleeper (void **state)
{
  Vm *vm = start_machine (1, step_sleep_then_check);
  FakeCpu *cpu = cpu_of (vm, 0);

  work_sum = 0;
  late = false;
  for (unsigned i = 1; i <= 300; i++) {
    while (!asleep_now)
      g_thread_yield ();
    let_host_time_pass (20000);
    // Returns although it sleeps and is not woken for it.
    vcpu_post_work (vm->vcpus[0], NULL, set_late, 0, 0, true);
    unsigned irqs = cpu->irqs;
    fake_guest_ops.set_irq (cpu, GUEST_IRQ, true);
    while (cpu->irqs == irqs || work_sum < i)
      g_thread_yield ();
  }
  assert_false (late);
  vm_free (vm);
}

static void
test_work_of_one_that_is_off (void **state)
{
  Vm *vm = start_machine (2, NULL);

  work_sum = 0;
  // More than the queue holds: it must be served although the CPU is off.
  for (unsigned i = 0; i < 2000; i++)
    vcpu_post_work (vm->vcpus[1], NULL, do_work, 1, 1, true);
  assert_in_range (work_sum, 1000, 2000);
  vm_free (vm);
}

static void
step_post_to_others (FakeCpu *cpu)
{
  my_vcpu = cpu->vcpu;
  vcpu_post_work_others (cpu->vcpu, do_work, 1, 1, cpu->instructions % 4 != 0);
  if (cpu->instructions % 16 == 7)
    vcpu_wait (cpu->vcpu, vm_clock_now (cpu->vcpu->vm->clock) + 20000);
}

// All post to all, with and without waiting, and sleep; the machine is paused and reset meanwhile.
static void
test_work_storm (void **state)
{
  Vm *vm = start_machine (N_CPUS, step_post_to_others);

  wrong_thread = 0;
  for (unsigned i = 1; i < N_CPUS; i++)
    assert_true (vcpu_power_on (vm->vcpus[i], 0, 0));
  for (unsigned round = 0; round < 30; round++) {
    for (unsigned i = 0; i < N_CPUS; i++)
      if (vcpu_is_on (vm->vcpus[i]))
        wait_instructions (cpu_of (vm, i), 20);
    if (round % 7 == 6) {
      assert_true (vm_reset (vm, NULL));
      for (unsigned i = 1; i < N_CPUS; i++)
        assert_true (vcpu_power_on (vm->vcpus[i], 0, 0));
    } else {
      vm_pause (vm);
      for (unsigned i = 0; i < N_CPUS; i++)
        assert_false (cpu_of (vm, i)->in_step);
      vm_resume (vm);
    }
  }
  assert_int_equal (wrong_thread, 0);
  vm_free (vm);
}

// ---- requests -------------------------------------------------------------------------------

static void
step_request (FakeCpu *cpu)
{
  if (cpu->instructions == 0) {
    vcpu_power_off (cpu->vcpu);
    vm_request (cpu->vcpu->vm, VM_REQUEST_POWER_OFF);
  }
}

static void
on_request (void *opaque, VmRequest request)
{
  atomic_fetch_add ((atomic_uint *) opaque, request == VM_REQUEST_POWER_OFF ? 1 : 100);
}

static void
test_request (void **state)
{
  atomic_uint requests = 0;
  Vm *vm = vm_new ("test");

  fake_guest_set_step (step_request);
  vm->on_request = on_request;
  vm->on_request_opaque = &requests;
  assert_true (vm_add_vcpus (vm, 1, &fake_guest_ops, NULL));
  assert_true (vm_realize (vm, NULL));
  assert_true (vm_start (vm, NULL));
  while (requests == 0 || vcpu_is_on (vm->vcpus[0]))
    g_thread_yield ();
  let_host_time_pass (1000000);
  assert_int_equal (requests, 1);
  // Nothing was executed after the call that ended it.
  assert_int_equal (cpu_of (vm, 0)->instructions, 1);
  vm_free (vm);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_pause),
      cmocka_unit_test (test_reset_keeps_count),
      cmocka_unit_test (test_interrupts_wake),
      cmocka_unit_test (test_sleep_costs_nothing),
      cmocka_unit_test (test_work_at_rest),
      cmocka_unit_test (test_deadline_wakes),
      cmocka_unit_test (test_events_wake),
      cmocka_unit_test (test_power),
      cmocka_unit_test (test_power_on_while_paused),
      cmocka_unit_test (test_work_runs_there),
      cmocka_unit_test (test_work_of_a_sleeper),
      cmocka_unit_test (test_work_of_one_that_is_off),
      cmocka_unit_test (test_work_storm),
      cmocka_unit_test (test_request),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
