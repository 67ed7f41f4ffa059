// SPDX-License-Identifier: GPL-3.0-or-later
// Saved state is real from birth: at 20 points of a boot, spread over its instructions, the machine
// is saved to memory, ended, and goes on in a new one until user space says so and powers off.
#include <stdlib.h>

#include "tests/support/machine.h"

enum { POINTS = 20 };

static VmConfig *
boot_config (void)
{
  VmConfig *config = vm_config_new (VM_ARCH_AARCH64);

  config->kernel = test_guest_file ("vmlinuz-cloud-arm64");
  config->initrd = test_guest_file ("boot.cpio");
  config->cmdline = g_strdup ("console=ttyAMA0 quiet");
  config->memory_bytes = 512ull << 20;
  return config;
}

static uint64_t
instructions (TestMachine *tm)
{
  VmStats stats;

  vm_machine_get_stats (tm->machine, &stats);
  return stats.guest_instructions;
}

static bool
has_retired (TestMachine *tm, void *target)
{
  return instructions (tm) >= *(uint64_t *) target;
}

// How long the boot is, in instructions.
static uint64_t
measure (const VmConfig *config)
{
  TestMachine *tm = test_machine_new (config);
  uint64_t total;

  test_machine_perform (tm, VM_OP_START);
  if (!test_machine_wait_stopped (tm) || !test_machine_has_text (tm, "USERSPACE-UP"))
    g_error ("the boot does not work without saving either:\n%s", tm->serial->str);
  total = instructions (tm);
  test_machine_free (tm);
  return total;
}

int
main (void)
{
  VmConfig *config = boot_config ();
  uint64_t total = measure (config);
  TestMachine *tm = test_machine_new (config);
  unsigned transplants = 0;

  test_machine_perform (tm, VM_OP_START);
  for (unsigned i = 0; i < POINTS; i++) {
    uint64_t target = total / 100 * (2 + i * 95 / POINTS);

    if (!test_machine_wait (tm, has_retired, &target))
      g_error ("the machine ended before point %u:\n%s", i, tm->serial->str);
    tm = test_machine_transplant (tm);
    transplants++;
  }
  if (!test_machine_wait_stopped (tm) || !test_machine_has_text (tm, "USERSPACE-UP"))
    g_error ("no user space after %u restores:\n%s", transplants, tm->serial->str);
  g_assert (tm->reason == VM_STOP_GUEST);
  g_print ("%u saves and restores over %" G_GUINT64_FORMAT " instructions\n", transplants, total);
  test_machine_free (tm);
  vm_config_free (config);
  return EXIT_SUCCESS;
}
