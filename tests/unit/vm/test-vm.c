// SPDX-License-Identifier: GPL-3.0-or-later
// A machine's transitions as its devices see them, and saving and loading the whole.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "engine/snapshot/state.h"
#include "fake-guest.h"

enum {
  RAM_BASE = 0x40000000,
  RAM_BYTES = 0x400000,
};

// ---- a device that remembers what happened to it ---------------------------------------------

typedef struct Witness {
  Device device;
  GString *log; // shared, not owned
  char letter;
  uint32_t value; // its state
  bool fail_realize;
} Witness;

static void
note (Witness *witness, const char *what)
{
  // Always on the I/O thread with no CPU inside an instruction.
  assert_true (vm_loop_is_current (witness->device.vm->loop));
  for (unsigned i = 0; i < witness->device.vm->n_vcpus; i++)
    assert_false (((FakeCpu *) witness->device.vm->vcpus[i]->cpu)->in_step);
  g_string_append_printf (witness->log, "%s:%c ", what, witness->letter);
}

static bool
witness_realize (Device *device, GError **error)
{
  Witness *witness = (Witness *) device;

  note (witness, "realize");
  if (witness->fail_realize)
    g_set_error_literal (error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "no room");
  return !witness->fail_realize;
}

static void
witness_reset (Device *device)
{
  Witness *witness = (Witness *) device;

  note (witness, "reset");
  witness->value = 0;
}

static void
witness_quiesce (Device *device)
{
  note ((Witness *) device, "quiesce");
}

static void
witness_resume (Device *device)
{
  note ((Witness *) device, "resume");
}

static void
witness_free (Device *device)
{
  Witness *witness = (Witness *) device;

  note (witness, "free");
  g_free (witness);
}

static void
witness_save (Device *device, StateWriter *writer)
{
  note ((Witness *) device, "save");
  state_put_u32 (writer, ((Witness *) device)->value);
}

static bool
witness_load (Device *device, StateReader *reader, uint32_t version, GError **error)
{
  note ((Witness *) device, "load");
  ((Witness *) device)->value = state_get_u32 (reader);
  return true;
}

static const DeviceOps witness_ops = {
    .name = "witness",
    .state_version = 1,
    .realize = witness_realize,
    .reset = witness_reset,
    .quiesce = witness_quiesce,
    .resume = witness_resume,
    .free = witness_free,
    .save = witness_save,
    .load = witness_load,
};

static Witness *
add_witness (Vm *vm, GString *log, char letter)
{
  Witness *witness = g_new0 (Witness, 1);
  const char id[2] = {letter, 0};

  witness->device.ops = &witness_ops;
  witness->log = log;
  witness->letter = letter;
  vm_add_device (vm, &witness->device, id);
  return witness;
}

// ---- a machine with two of them --------------------------------------------------------------

typedef struct Machine {
  Vm *vm;
  VmRam *ram;
  GString *log;
  Witness *a, *b;
  unsigned boots;
  bool fail_boot;
} Machine;

static bool
load_boot (void *opaque, GError **error)
{
  Machine *machine = opaque;

  machine->boots++;
  if (machine->fail_boot) {
    g_set_error_literal (error, G_FILE_ERROR, G_FILE_ERROR_NOENT, "no kernel");
    return false;
  }
  fake_guest_ops.set_entry (machine->vm->vcpus[0]->cpu, 0x1234, machine->boots);
  return true;
}

static Machine *
new_machine (unsigned n_cpus, uint64_t ram_bytes)
{
  Machine *machine = g_new0 (Machine, 1);

  machine->log = g_string_new (NULL);
  machine->vm = vm_new ("test");
  machine->ram = vm_ram_new (RAM_BASE, ram_bytes, NULL);
  vm_add_ram (machine->vm, machine->ram);
  fake_guest_set_step (NULL);
  assert_true (vm_add_vcpus (machine->vm, n_cpus, &fake_guest_ops, NULL));
  machine->a = add_witness (machine->vm, machine->log, 'a');
  machine->b = add_witness (machine->vm, machine->log, 'b');
  machine->vm->load_boot = load_boot;
  machine->vm->load_boot_opaque = machine;
  return machine;
}

static void
free_machine (Machine *machine)
{
  vm_free (machine->vm);
  g_string_free (machine->log, TRUE);
  g_free (machine);
}

static void
expect_log (Machine *machine, const char *text)
{
  assert_string_equal (machine->log->str, text);
  g_string_truncate (machine->log, 0);
}

// ---- tests ----------------------------------------------------------------------------------

static void
test_order (void **state)
{
  Machine *machine = new_machine (2, RAM_BYTES);
  FakeCpu *cpu = machine->vm->vcpus[0]->cpu;

  assert_true (vm_realize (machine->vm, NULL));
  expect_log (machine, "realize:a realize:b ");
  assert_true (vm_start (machine->vm, NULL));
  expect_log (machine, "reset:a reset:b ");
  assert_int_equal (cpu->pc, 0x1234);
  vm_pause (machine->vm);
  expect_log (machine, "quiesce:a quiesce:b ");
  vm_pause (machine->vm);
  expect_log (machine, "");
  vm_resume (machine->vm);
  expect_log (machine, "resume:a resume:b ");
  vm_ram_get_host (machine->ram)[5] = 1;
  assert_true (vm_reset (machine->vm, NULL));
  expect_log (machine, "quiesce:a quiesce:b reset:a reset:b resume:a resume:b ");
  assert_int_equal (vm_ram_get_host (machine->ram)[5], 0);
  vm_pause (machine->vm);
  assert_int_equal (cpu->arg, 2);
  // A reset of a paused machine leaves it paused.
  uint64_t count = vcpu_get_instructions (machine->vm->vcpus[0]);
  assert_true (vm_reset (machine->vm, NULL));
  assert_int_equal (vcpu_get_instructions (machine->vm->vcpus[0]), count);
  g_string_truncate (machine->log, 0);
  vm_resume (machine->vm);
  vm_stop (machine->vm);
  expect_log (machine, "resume:a resume:b quiesce:a quiesce:b ");
  GString *log = g_steal_pointer (&machine->log);
  vm_free (machine->vm);
  assert_string_equal (log->str, "free:b free:a ");
  g_string_free (log, TRUE);
  g_free (machine);
}

static void
test_realize_fails (void **state)
{
  Machine *machine = new_machine (1, RAM_BYTES);
  g_autoptr (GError) error = NULL;

  machine->a->fail_realize = true;
  assert_false (vm_realize (machine->vm, &error));
  assert_string_equal (error->message, "no room");
  expect_log (machine, "realize:a ");
  free_machine (machine);
}

static void
test_boot_fails (void **state)
{
  Machine *machine = new_machine (1, RAM_BYTES);
  g_autoptr (GError) error = NULL;

  machine->fail_boot = true;
  assert_true (vm_realize (machine->vm, NULL));
  assert_false (vm_start (machine->vm, &error));
  assert_string_equal (error->message, "no kernel");
  assert_int_equal (vcpu_get_instructions (machine->vm->vcpus[0]), 0);
  free_machine (machine);
}

// A machine with things to save: RAM here and there, CPU 1 on.
static GBytes *
make_state (void)
{
  Machine *machine = new_machine (3, RAM_BYTES);

  assert_true (vm_realize (machine->vm, NULL));
  assert_true (vm_start (machine->vm, NULL));
  assert_true (vcpu_power_on (machine->vm->vcpus[1], 0x777, 0x888));
  vm_pause (machine->vm);
  memset (vm_ram_get_host (machine->ram) + 70000, 0x42, 3);
  vm_ram_get_host (machine->ram)[RAM_BYTES - 1] = 0x43;
  machine->a->value = 0xaaaa;
  machine->b->value = 0xbbbb;
  // The clock stands still; give it a moment that is easy to know again.
  vm_clock_set (machine->vm->clock, 123456789);
  GBytes *bytes = vm_save (machine->vm, NULL);
  assert_non_null (bytes);
  // Mostly empty RAM takes little room.
  assert_in_range (g_bytes_get_size (bytes), 100, 300000);
  free_machine (machine);
  return bytes;
}

static void
test_save_and_load (void **state)
{
  g_autoptr (GBytes) bytes = make_state ();
  Machine *machine = new_machine (3, RAM_BYTES);

  assert_true (vm_realize (machine->vm, NULL));
  memset (vm_ram_get_host (machine->ram), 0x99, 200000);
  assert_true (vm_load (machine->vm, bytes, NULL));
  assert_int_equal (machine->a->value, 0xaaaa);
  assert_int_equal (machine->b->value, 0xbbbb);
  assert_int_equal (vm_clock_now (machine->vm->clock), 123456789);
  const uint8_t *host = vm_ram_get_host (machine->ram);
  assert_int_equal (host[0], 0);
  assert_int_equal (host[69999], 0);
  assert_memory_equal (host + 70000, "BBB", 3);
  assert_int_equal (host[RAM_BYTES - 1], 0x43);
  assert_int_equal (machine->boots, 0);
  FakeCpu *second = machine->vm->vcpus[1]->cpu;
  assert_true (vcpu_is_on (machine->vm->vcpus[0]));
  assert_true (vcpu_is_on (machine->vm->vcpus[1]));
  assert_false (vcpu_is_on (machine->vm->vcpus[2]));
  assert_int_equal (second->pc, 0x777);
  assert_int_equal (second->instructions, 0);
  vm_resume (machine->vm);
  while (second->instructions == 0)
    g_thread_yield ();
  assert_int_equal (second->pc, 0x777);
  free_machine (machine);
}

static void
test_load_refuses (void **state)
{
  g_autoptr (GBytes) bytes = make_state ();
  static const struct {
    unsigned cpus;
    uint64_t ram_bytes;
  } others[] = {{2, RAM_BYTES}, {3, RAM_BYTES / 2}, {3, RAM_BYTES * 2}};

  for (size_t i = 0; i < G_N_ELEMENTS (others); i++) {
    Machine *machine = new_machine (others[i].cpus, others[i].ram_bytes);
    g_autoptr (GError) error = NULL;

    assert_true (vm_realize (machine->vm, NULL));
    assert_false (vm_load (machine->vm, bytes, &error));
    assert_non_null (strstr (error->message, "another number of processors"));
    free_machine (machine);
  }
}

// Every way of cutting it short is refused, and the machine can be thrown away afterwards.
static void
test_load_cut_short (void **state)
{
  g_autoptr (GBytes) whole = make_state ();
  size_t length = g_bytes_get_size (whole);

  for (unsigned i = 0; i < 8; i++) {
    g_autoptr (GBytes) part = g_bytes_new_from_bytes (whole, 0, length * i / 8);
    Machine *machine = new_machine (3, RAM_BYTES);

    assert_true (vm_realize (machine->vm, NULL));
    assert_false (vm_load (machine->vm, part, NULL));
    free_machine (machine);
  }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_order),        cmocka_unit_test (test_realize_fails),
      cmocka_unit_test (test_boot_fails),   cmocka_unit_test (test_save_and_load),
      cmocka_unit_test (test_load_refuses), cmocka_unit_test (test_load_cut_short),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
