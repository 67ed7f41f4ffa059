// SPDX-License-Identifier: GPL-3.0-or-later
// VmMachine with tiny guests of a few instructions: states, operations, requests of the guest,
// console, saving and restoring. A hang ends by the watchdog.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "engine/api/vm.h"

enum {
  WATCHDOG_S = 120,
};

// ---- guests ---------------------------------------------------------------------------------

#define POWER_OFF 0x52b08000, 0x72800100, 0xd4000002, 0x14000000
#define RESET     0x52b08000, 0x72800120, 0xd4000002, 0x14000000

static const uint32_t guest_power_off[] = {POWER_OFF};
static const uint32_t guest_spin[] = {0x14000000};
static const uint32_t guest_sleep[] = {0xd503207f, 0x17ffffff}; // wfi; b .-4

// Prints what it reads on the UART; 'q' powers off.
static const uint32_t guest_echo[] = {
    0xd2a12001, // mov x1, #0x9000000
    0x52806024, // mov w4, #0x301
    0xb9003024, // str w4, [x1, #0x30]   UARTCR: on
    0xb9401822, // ldr w2, [x1, #0x18]   UARTFR
    0x3727ffe2, // tbnz w2, #4, .-4      receive FIFO empty
    0xb9400023, // ldr w3, [x1]
    0xb9000023, // str w3, [x1]
    0x7101c47f, // cmp w3, #'q'
    0x54ffff61, // b.ne .-20
    POWER_OFF,
};

// Prints R and resets the machine.
static const uint32_t guest_reset[] = {
    0xd2a12001, // mov x1, #0x9000000
    0x52800a42, // mov w2, #'R'
    0xb9000022, // str w2, [x1]
    RESET,
};

static char *kernel_path;

static void
write_kernel (const uint32_t *code, size_t length)
{
  uint8_t image[4096] = {0};
  const uint32_t branch = 0x14000010; // over the header
  const uint64_t size = sizeof image;

  memcpy (image, &branch, sizeof branch);
  memcpy (image + 16, &size, sizeof size);
  memcpy (image + 56, "ARM\x64", 4);
  memcpy (image + 64, code, length);
  assert_true (g_file_set_contents (kernel_path, (char *) image, sizeof image, NULL));
}

// ---- a machine and what happened to it -------------------------------------------------------

typedef struct Fixture {
  VmMachine *machine;
  GMutex lock;
  GString *output; // under lock
  GString *states;
  unsigned stops;
  int reason;
} Fixture;

static void
console_write (void *sink, const uint8_t *data, size_t length)
{
  Fixture *fixture = sink;

  g_mutex_lock (&fixture->lock);
  g_string_append_len (fixture->output, (const char *) data, (gssize) length);
  g_mutex_unlock (&fixture->lock);
  g_main_context_wakeup (NULL);
}

static const VmConsoleSinkOps console_ops = {.write = console_write};

static void
state_cb (VmMachine *machine, GParamSpec *pspec, Fixture *fixture)
{
  static const char letters[] = "0S+pPrXs";

  g_string_append_c (fixture->states, letters[vm_machine_get_state (machine)]);
}

static void
stopped_cb (VmMachine *machine, int reason, GError *error, Fixture *fixture)
{
  fixture->stops++;
  fixture->reason = reason;
  assert_int_equal (vm_machine_get_state (machine), VM_STATE_STOPPED);
}

static void
open_fixture (Fixture *fixture, const uint32_t *code, size_t length)
{
  VmConfig *config = vm_config_new (VM_ARCH_AARCH64);
  g_autoptr (GError) error = NULL;

  *fixture = (Fixture){.output = g_string_new (NULL), .states = g_string_new (NULL), .reason = -1};
  g_mutex_init (&fixture->lock);
  write_kernel (code, length);
  config->kernel = g_strdup (kernel_path);
  config->memory_bytes = 64 << 20;
  config->cpus = 2;
  config->display = true;
  fixture->machine = vm_machine_new (config, NULL, &error);
  if (error != NULL)
    fail_msg ("%s", error->message);
  vm_config_free (config);
  vm_machine_set_console_sink (fixture->machine, VM_CONSOLE_SERIAL, &console_ops, fixture);
  g_signal_connect (fixture->machine, "notify::state", G_CALLBACK (state_cb), fixture);
  g_signal_connect (fixture->machine, "stopped", G_CALLBACK (stopped_cb), fixture);
}

#define OPEN(fixture, guest) open_fixture ((fixture), (guest), sizeof (guest))

static void
close_fixture (Fixture *fixture)
{
  g_object_add_weak_pointer (G_OBJECT (fixture->machine), (void **) &fixture->machine);
  g_object_unref (fixture->machine);
  // What is still on its way to the owner holds no reference.
  while (g_main_context_iteration (NULL, FALSE))
    continue;
  assert_null (fixture->machine);
  g_string_free (fixture->output, TRUE);
  g_string_free (fixture->states, TRUE);
  g_mutex_clear (&fixture->lock);
}

typedef struct Wait {
  bool done;
  GError *error;
} Wait;

static void
performed_cb (GObject *source, GAsyncResult *result, void *data)
{
  Wait *wait = data;

  wait->done = true;
  vm_machine_perform_finish (VM_MACHINE (source), result, &wait->error);
}

// Runs it to its end; what went wrong.
static GError *
perform (Fixture *fixture, VmOp op)
{
  Wait wait = {0};

  vm_machine_perform_async (fixture->machine, op, NULL, performed_cb, &wait);
  while (!wait.done)
    g_main_context_iteration (NULL, TRUE);
  return wait.error;
}

static void
wait_stopped (Fixture *fixture)
{
  while (fixture->stops == 0)
    g_main_context_iteration (NULL, TRUE);
}

static void
wait_output (Fixture *fixture, const char *text)
{
  for (bool found = false; !found;) {
    g_mutex_lock (&fixture->lock);
    found = strstr (fixture->output->str, text) != NULL;
    g_mutex_unlock (&fixture->lock);
    if (!found)
      g_main_context_iteration (NULL, TRUE);
  }
}

// ---- tests ----------------------------------------------------------------------------------

static void
test_power_off (void **state)
{
  Fixture fixture;
  VmStats stats;

  OPEN (&fixture, guest_power_off);
  assert_null (perform (&fixture, VM_OP_START));
  wait_stopped (&fixture);
  assert_int_equal (fixture.reason, VM_STOP_GUEST);
  assert_string_equal (fixture.states->str, "S+X0");
  // The last figures stay.
  vm_machine_get_stats (fixture.machine, &stats);
  assert_in_range (stats.guest_instructions, 4, 10);
  assert_true (stats.resident_ram_bytes > 0);
  close_fixture (&fixture);
}

static void
test_starts_again (void **state)
{
  Fixture fixture;

  OPEN (&fixture, guest_power_off);
  for (unsigned i = 0; i < 5; i++) {
    fixture.stops = 0;
    assert_null (perform (&fixture, VM_OP_START));
    wait_stopped (&fixture);
    assert_int_equal (fixture.stops, 1);
  }
  close_fixture (&fixture);
}

static void
expect_can (Fixture *fixture, const char *expected)
{
  static const char letters[] = "SPRTBX"; // by VmOp
  char found[sizeof letters] = "";
  unsigned n = 0;

  for (unsigned op = VM_OP_START; op <= VM_OP_FORCE_STOP; op++)
    if (vm_machine_can (fixture->machine, op))
      found[n++] = letters[op];
  assert_string_equal (found, expected);
}

static void
test_pause_and_force (void **state)
{
  Fixture fixture;
  VmStats before, after;

  OPEN (&fixture, guest_spin);
  expect_can (&fixture, "S");
  assert_null (perform (&fixture, VM_OP_START));
  expect_can (&fixture, "PTBX");
  assert_null (perform (&fixture, VM_OP_PAUSE));
  expect_can (&fixture, "RTX");
  vm_machine_get_stats (fixture.machine, &before);
  gint64 until = g_get_monotonic_time () + 20000;
  while (g_get_monotonic_time () < until)
    g_thread_yield ();
  vm_machine_get_stats (fixture.machine, &after);
  assert_int_equal (before.guest_instructions, after.guest_instructions);
  assert_true (before.running_seconds == after.running_seconds);
  assert_true (after.vcpu_cpu_seconds - before.vcpu_cpu_seconds < 0.001);
  g_autoptr (GError) refused = perform (&fixture, VM_OP_PAUSE);
  assert_non_null (refused);
  assert_null (perform (&fixture, VM_OP_RESUME));
  do
    vm_machine_get_stats (fixture.machine, &after);
  while (after.guest_instructions == before.guest_instructions);
  assert_null (perform (&fixture, VM_OP_POWER_BUTTON));
  assert_null (perform (&fixture, VM_OP_FORCE_STOP));
  assert_int_equal (fixture.stops, 1);
  assert_int_equal (fixture.reason, VM_STOP_FORCED);
  assert_string_equal (fixture.states->str, "S+pPr+X0");
  close_fixture (&fixture);
}

static void
test_force_while_starting (void **state)
{
  Fixture fixture;
  Wait start = {0};

  OPEN (&fixture, guest_sleep);
  vm_machine_perform_async (fixture.machine, VM_OP_START, NULL, performed_cb, &start);
  expect_can (&fixture, "X");
  assert_null (perform (&fixture, VM_OP_FORCE_STOP));
  assert_true (start.done);
  assert_null (start.error);
  assert_int_equal (fixture.stops, 1);
  assert_string_equal (fixture.states->str, "S+X0");
  close_fixture (&fixture);
}

static void
test_dropped_while_running (void **state)
{
  Fixture fixture;

  OPEN (&fixture, guest_spin);
  assert_null (perform (&fixture, VM_OP_START));
  close_fixture (&fixture);
}

static void
send_text (Fixture *fixture, const char *text)
{
  size_t length = strlen (text);

  assert_int_equal (vm_machine_console_write (fixture->machine, VM_CONSOLE_SERIAL,
                                              (const uint8_t *) text, length),
                    length);
}

static void
test_console (void **state)
{
  Fixture fixture;

  OPEN (&fixture, guest_echo);
  assert_int_equal (
      vm_machine_console_write (fixture.machine, VM_CONSOLE_SERIAL, (const uint8_t *) "x", 1), 0);
  assert_null (perform (&fixture, VM_OP_START));
  send_text (&fixture, "hello");
  wait_output (&fixture, "hello");
  // Input of every kind is harmless to a guest without drivers.
  vm_machine_send_key (fixture.machine, 30, true);
  vm_machine_send_key (fixture.machine, UINT32_MAX, true);
  vm_machine_send_button (fixture.machine, 0x110, true);
  vm_machine_send_position (fixture.machine, -5, 1e300, 0, 0);
  vm_machine_send_scroll (fixture.machine, INT32_MIN, INT32_MAX);
  vm_machine_set_display_size (fixture.machine, 0, UINT32_MAX);
  send_text (&fixture, "q");
  wait_stopped (&fixture);
  assert_string_equal (fixture.output->str, "helloq");
  assert_int_equal (fixture.reason, VM_STOP_GUEST);
  close_fixture (&fixture);
}

static void
test_guest_resets (void **state)
{
  Fixture fixture;

  OPEN (&fixture, guest_reset);
  assert_null (perform (&fixture, VM_OP_START));
  wait_output (&fixture, "RRRRR");
  assert_null (perform (&fixture, VM_OP_FORCE_STOP));
  assert_string_equal (fixture.states->str, "S+X0");
  close_fixture (&fixture);
}

static void
test_reset (void **state)
{
  Fixture fixture;

  OPEN (&fixture, guest_echo);
  assert_null (perform (&fixture, VM_OP_START));
  send_text (&fixture, "a");
  wait_output (&fixture, "a");
  // The file may be gone: the machine has it.
  assert_int_equal (g_remove (kernel_path), 0);
  assert_null (perform (&fixture, VM_OP_RESET));
  send_text (&fixture, "b");
  wait_output (&fixture, "ab");
  assert_null (perform (&fixture, VM_OP_PAUSE));
  assert_null (perform (&fixture, VM_OP_RESET));
  assert_int_equal (vm_machine_get_state (fixture.machine), VM_STATE_PAUSED);
  assert_null (perform (&fixture, VM_OP_RESUME));
  send_text (&fixture, "cq");
  wait_stopped (&fixture);
  close_fixture (&fixture);
}

static void
saved_cb (GObject *source, GAsyncResult *result, void *data)
{
  *(GBytes **) data = vm_machine_save_finish (VM_MACHINE (source), result, NULL);
  assert_non_null (*(GBytes **) data);
}

static void
restored_cb (GObject *source, GAsyncResult *result, void *data)
{
  Wait *wait = data;

  wait->done = true;
  vm_machine_restore_finish (VM_MACHINE (source), result, &wait->error);
}

static GError *
restore (Fixture *fixture, GBytes *bytes)
{
  Wait wait = {0};

  vm_machine_restore_async (fixture->machine, bytes, NULL, restored_cb, &wait);
  while (!wait.done)
    g_main_context_iteration (NULL, TRUE);
  return wait.error;
}

static void
test_save_and_restore (void **state)
{
  Fixture first, second;
  GBytes *saved = NULL;

  OPEN (&first, guest_echo);
  assert_null (perform (&first, VM_OP_START));
  send_text (&first, "one");
  wait_output (&first, "one");
  assert_null (perform (&first, VM_OP_PAUSE));
  vm_machine_save_async (first.machine, NULL, saved_cb, &saved);
  while (saved == NULL)
    g_main_context_iteration (NULL, TRUE);
  assert_null (perform (&first, VM_OP_FORCE_STOP));
  close_fixture (&first);

  OPEN (&second, guest_echo);
  assert_null (restore (&second, saved));
  assert_int_equal (vm_machine_get_state (second.machine), VM_STATE_PAUSED);
  assert_null (perform (&second, VM_OP_RESUME));
  send_text (&second, "twoq");
  wait_stopped (&second);
  assert_string_equal (second.output->str, "twoq");
  close_fixture (&second);

  // Damaged: refused, and the machine can still be started.
  OPEN (&second, guest_power_off);
  g_autoptr (GBytes) part = g_bytes_new_from_bytes (saved, 0, g_bytes_get_size (saved) - 1);
  g_autoptr (GError) error = restore (&second, part);
  assert_non_null (error);
  assert_int_equal (vm_machine_get_state (second.machine), VM_STATE_STOPPED);
  assert_int_equal (second.stops, 0);
  assert_null (perform (&second, VM_OP_START));
  wait_stopped (&second);
  close_fixture (&second);
  g_bytes_unref (saved);
}

static void
test_start_fails (void **state)
{
  Fixture fixture;

  OPEN (&fixture, guest_spin);
  assert_int_equal (g_remove (kernel_path), 0);
  g_autoptr (GError) error = perform (&fixture, VM_OP_START);
  assert_non_null (error);
  assert_non_null (strstr (error->message, kernel_path));
  assert_string_equal (fixture.states->str, "S0");
  assert_int_equal (fixture.stops, 0);
  close_fixture (&fixture);
}

// Near its limit of open files the process says so, and works again with more.
static void
test_few_descriptors (void **state)
{
  struct rlimit limit, low;
  Fixture fixture;

  OPEN (&fixture, guest_power_off);
  assert_int_equal (getrlimit (RLIMIT_NOFILE, &limit), 0);
  low = limit;
  low.rlim_cur = 40;
  assert_int_equal (setrlimit (RLIMIT_NOFILE, &low), 0);
  g_autoptr (GError) error = perform (&fixture, VM_OP_START);
  assert_int_equal (setrlimit (RLIMIT_NOFILE, &limit), 0);
  assert_non_null (error);
  assert_non_null (strstr (error->message, "Too many files"));
  assert_null (perform (&fixture, VM_OP_START));
  wait_stopped (&fixture);
  close_fixture (&fixture);
}

static void
test_two_at_once (void **state)
{
  Fixture a, b;

  OPEN (&a, guest_echo);
  OPEN (&b, guest_echo);
  assert_null (perform (&a, VM_OP_START));
  assert_null (perform (&b, VM_OP_START));
  send_text (&a, "aq");
  send_text (&b, "bq");
  wait_stopped (&a);
  wait_stopped (&b);
  assert_string_equal (a.output->str, "aq");
  assert_string_equal (b.output->str, "bq");
  close_fixture (&a);
  close_fixture (&b);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_power_off),
      cmocka_unit_test (test_starts_again),
      cmocka_unit_test (test_pause_and_force),
      cmocka_unit_test (test_force_while_starting),
      cmocka_unit_test (test_dropped_while_running),
      cmocka_unit_test (test_console),
      cmocka_unit_test (test_guest_resets),
      cmocka_unit_test (test_reset),
      cmocka_unit_test (test_save_and_restore),
      cmocka_unit_test (test_start_fails),
      cmocka_unit_test (test_few_descriptors),
      cmocka_unit_test (test_two_at_once),
  };
  g_autofree char *folder = g_dir_make_tmp ("terrarium-test-XXXXXX", NULL);

  alarm (WATCHDOG_S);
  kernel_path = g_build_filename (folder, "kernel", NULL);
  int failures = cmocka_run_group_tests (tests, NULL, NULL);
  g_remove (kernel_path);
  g_rmdir (folder);
  g_free (kernel_path);
  return failures;
}
