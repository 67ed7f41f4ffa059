// SPDX-License-Identifier: GPL-3.0-or-later
// What a machine costs its host besides the work it does: CPU time to user space, memory beside
// guest RAM, CPU while the guest idles and while it is paused. Prints figures, judges nothing.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/machine.h"

enum { IDLE_SECONDS = 20, PAUSED_SECONDS = 10 };

static double
process_cpu (void)
{
  struct timespec t;

  clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

// PSS of the process without guest RAM, in KiB.
static long
pss_without_ram (void)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;
  bool is_ram = false;
  long total = 0, kib;

  g_file_get_contents ("/proc/self/smaps", &text, NULL, NULL);
  lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line != NULL; line++) {
    if (strchr (*line, '-') != NULL && strstr (*line, " kB") == NULL)
      is_ram = strstr (*line, "memfd:") != NULL;
    if (!is_ram && sscanf (*line, "Pss: %ld kB", &kib) == 1)
      total += kib;
  }
  return total;
}

// CPU this process uses while its main thread sleeps.
static double
cpu_during (unsigned seconds)
{
  double before = process_cpu ();

  sleep (seconds);
  return process_cpu () - before;
}

int
main (void)
{
  VmConfig *config = vm_config_new (VM_ARCH_AARCH64);
  TestMachine *tm;
  VmStats stats;

  config->kernel = test_guest_file ("vmlinuz-cloud-arm64");
  config->initrd = test_guest_file ("boot.cpio");
  config->cmdline = g_strdup ("console=ttyAMA0 stay");
  tm = test_machine_new (config);
  test_machine_perform (tm, VM_OP_START);
  if (!test_machine_wait_text (tm, "USERSPACE-UP"))
    g_error ("no user space:\n%s", tm->serial->str);
  vm_machine_get_stats (tm->machine, &stats);
  g_print ("to user space: %.2f s of CPU, %.0f M instructions, %.1f M/s\n", process_cpu (),
           (double) stats.guest_instructions / 1e6,
           (double) stats.guest_instructions / 1e6 / stats.vcpu_cpu_seconds);
  g_print ("memory beside guest RAM: %.1f MiB (PSS)\n", (double) pss_without_ram () / 1024);
  sleep (3);
  g_print ("idle guest: %.2f %% of a core\n", cpu_during (IDLE_SECONDS) * 100 / IDLE_SECONDS);
  test_machine_perform (tm, VM_OP_PAUSE);
  g_print ("paused: %.2f ms of CPU in %d s\n", cpu_during (PAUSED_SECONDS) * 1000, PAUSED_SECONDS);
  test_machine_free (tm);
  vm_config_free (config);
  return EXIT_SUCCESS;
}
