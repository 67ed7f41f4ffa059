// SPDX-License-Identifier: GPL-3.0-or-later
// An idle guest with four processors: next to no CPU time while it waits, none while it is paused,
// and it hears the power button afterwards. argv[1]: its initramfs; argv[2]: whether UEFI and ACPI
// tell it of the button ("acpi") or a device tree.
#include <string.h>
#include <time.h>

#include "tests/support/machine.h"

enum {
  MEASURE_S = 5,
  IDLE_PERCENT_MAX = 10, // of one host CPU; the host may be busy, which makes wake-ups dearer
  PAUSED_MS_MAX = 5,
  SKIPPED = 77,
};

// CPU time this process uses while it does nothing itself, in ms.
static double
measure (void)
{
  struct timespec before, after;

  clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &before);
  g_usleep (MEASURE_S * G_USEC_PER_SEC);
  clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &after);
  return (double) (after.tv_sec - before.tv_sec) * 1e3 +
         (double) (after.tv_nsec - before.tv_nsec) / 1e6;
}

static void
measure_idle (TestMachine *tm)
{
  g_usleep (2 * G_USEC_PER_SEC); // the rest of its start
  double idle = measure ();
  test_machine_perform (tm, VM_OP_PAUSE);
  double paused = measure ();
  g_print ("idle: %.1f ms of CPU in %d s; paused: %.2f ms\n", idle, MEASURE_S, paused);
  if (idle > MEASURE_S * 1000.0 * IDLE_PERCENT_MAX / 100 || paused > PAUSED_MS_MAX)
    g_error ("that is too much");
  test_machine_perform (tm, VM_OP_RESUME);
}

int
main (int argc, char **argv)
{
  bool acpi = argc > 2 && strcmp (argv[2], "acpi") == 0;
  g_autoptr (GError) error = NULL;
  VmConfig *config = vm_config_new (VM_ARCH_AARCH64);

  config->kernel = test_guest_file ("vmlinuz-arm64");
  config->initrd = g_strdup (argv[1]);
  config->cmdline = g_strdup (acpi ? "console=ttyAMA0" : "console=ttyAMA0 quiet");
  config->cpus = acpi ? 1 : 4;
  if (acpi) {
    config->firmware = g_strdup ("uefi");
    g_ptr_array_set_size (config->nics, 0); // nothing to wait for
  }
  if (!vm_config_validate (config, &error)) {
    g_print ("skipped: %s\n", error->message);
    return SKIPPED;
  }
  TestMachine *tm = test_machine_new (config);
  test_machine_perform (tm, VM_OP_START);
  if (!test_machine_wait_text (tm, "WAITING"))
    g_error ("the guest does not get as far as waiting:\n%s", tm->serial->str);

  if (!acpi)
    measure_idle (tm);
  else if (!test_machine_has_text (tm, "ACPI: button: Power Button"))
    g_error ("it was not told by ACPI:\n%s", tm->serial->str);
  test_machine_perform (tm, VM_OP_POWER_BUTTON);
  if (!test_machine_wait_stopped (tm) || tm->reason != VM_STOP_GUEST ||
      !test_machine_has_text (tm, "EVENT 01 00 74 00 01 00 00 00"))
    g_error ("the power button was not heard:\n%s", tm->serial->str);
  test_machine_free (tm);
  vm_config_free (config);
  return 0;
}
