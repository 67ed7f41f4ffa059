// SPDX-License-Identifier: GPL-3.0-or-later
// test-balloon KERNEL INITRD: memory a guest has let go of (balloon-init) comes back to the host by
// itself, and as much of the rest as it is asked for; moved to another machine in between.
#include "tests/support/machine.h"

#define MIB_BYTES (UINT64_C (1) << 20)

static void
expect (TestMachine *tm, const char *text)
{
  if (test_machine_wait_text (tm, text))
    return;
  g_printerr ("%s\n", tm->serial->str);
  g_error ("“%s” did not come", text);
}

static void
go_on (TestMachine *tm)
{
  vm_machine_console_write (tm->machine, VM_CONSOLE_SERIAL, (const uint8_t *) "\n", 1);
}

static uint64_t
get_resident (TestMachine *tm)
{
  VmStats stats;

  vm_machine_get_stats (tm->machine, &stats);
  return stats.resident_ram_bytes;
}

static bool
is_below (TestMachine *tm, void *data)
{
  return get_resident (tm) < *(const uint64_t *) data;
}

static bool
has_now (TestMachine *tm, void *data)
{
  VmStats stats;

  vm_machine_get_stats (tm->machine, &stats);
  return stats.memory_now_bytes == *(const uint64_t *) data;
}

static bool
has_told (TestMachine *tm, void *data)
{
  VmStats stats;

  vm_machine_get_stats (tm->machine, &stats);
  return stats.memory_total_bytes != UINT64_MAX && stats.memory_available_bytes != UINT64_MAX;
}

static void
wait_for (TestMachine *tm, bool (*condition) (TestMachine *, void *), uint64_t value)
{
  if (!test_machine_wait (tm, condition, &value))
    g_error ("%" G_GUINT64_FORMAT " did not come, resident: %" G_GUINT64_FORMAT, value,
             get_resident (tm));
}

int
main (int argc, char **argv)
{
  g_autoptr (VmConfig) config = vm_config_new (VM_ARCH_AARCH64);
  VmStats stats;

  if (argc != 3)
    g_error ("wrong arguments");
  config->memory_bytes = 512 * MIB_BYTES;
  g_ptr_array_set_size (config->nics, 0);
  config->kernel = g_strdup (argv[1]);
  config->initrd = g_strdup (argv[2]);
  config->cmdline = g_strdup ("console=ttyAMA0 quiet");
  TestMachine *tm = test_machine_new (config);
  test_machine_perform (tm, VM_OP_START);
  expect (tm, "BALLOON-FULL");
  uint64_t full = get_resident (tm);
  g_assert_cmpuint (full, >, 160 * MIB_BYTES);
  go_on (tm);
  expect (tm, "BALLOON-FREED");
  wait_for (tm, is_below, full - 140 * MIB_BYTES);
  wait_for (tm, has_told, 0);
  vm_machine_get_stats (tm->machine, &stats);
  g_assert_cmpuint (stats.memory_reported_bytes, >, 140 * MIB_BYTES);
  g_assert_cmpuint (stats.memory_total_bytes, <=, 512 * MIB_BYTES);
  g_print ("resident: %u MiB with 160 in use, %u without\n", (unsigned) (full / MIB_BYTES),
           (unsigned) (stats.resident_ram_bytes / MIB_BYTES));
  vm_machine_set_memory_target (tm->machine, 192 * MIB_BYTES);
  wait_for (tm, has_now, 192 * MIB_BYTES);
  tm = test_machine_transplant (tm);
  wait_for (tm, has_now, 192 * MIB_BYTES);
  vm_machine_set_memory_target (tm->machine, 512 * MIB_BYTES);
  wait_for (tm, has_now, 512 * MIB_BYTES);
  go_on (tm);
  expect (tm, "BALLOON-OK");
  g_assert_true (test_machine_wait_stopped (tm));
  test_machine_free (tm);
  return 0;
}
