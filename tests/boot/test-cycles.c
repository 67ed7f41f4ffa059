// SPDX-License-Identifier: GPL-3.0-or-later
// Start and stop leak nothing: after ten warm-up cycles, cycles 20 and 100 of a machine with every
// device leave equal numbers of file descriptors and threads, and of mappings within two. And two
// machines run at once in one process.
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/machine.h"

typedef struct Footprint {
  unsigned fds, threads, mappings;
} Footprint;

static unsigned
count_entries (const char *folder)
{
  GDir *dir = g_dir_open (folder, 0, NULL);
  unsigned n = 0;

  while (g_dir_read_name (dir) != NULL)
    n++;
  g_dir_close (dir);
  return n;
}

static unsigned
count_lines (const char *file)
{
  g_autofree char *text = NULL;
  unsigned n = 0;

  g_file_get_contents (file, &text, NULL, NULL);
  for (const char *p = text; *p != '\0'; p++)
    n += *p == '\n';
  return n;
}

static Footprint
measure (void)
{
  return (Footprint){.fds = count_entries ("/proc/self/fd"),
                     .threads = count_entries ("/proc/self/task"),
                     .mappings = count_lines ("/proc/self/maps")};
}

static VmConfig *
bare_config (const char *disk)
{
  VmConfig *config = vm_config_new (VM_ARCH_AARCH64);

  config->kernel = test_guest_file ("bare.img");
  config->memory_bytes = 128ull << 20;
  config->cpus = 2;
  config->display = true;
  vm_config_add_disk (config, disk, false);
  return config;
}

static void
cycle (const VmConfig *config)
{
  TestMachine *tm = test_machine_new (config);

  test_machine_perform (tm, VM_OP_START);
  if (!test_machine_wait_stopped (tm) || !test_machine_has_text (tm, "BARE-UP"))
    g_error ("no BARE-UP: %s", tm->serial->str);
  test_machine_free (tm);
}

static void
check_cycles (const VmConfig *config)
{
  Footprint at20 = {0}, at100;

  for (unsigned i = 1; i <= 110; i++) {
    cycle (config);
    if (i == 30)
      at20 = measure ();
  }
  at100 = measure ();
  g_print ("after 20 cycles: %u fds, %u threads, %u mappings; after 100: %u, %u, %u\n", at20.fds,
           at20.threads, at20.mappings, at100.fds, at100.threads, at100.mappings);
  g_assert_cmpuint (at20.fds, ==, at100.fds);
  g_assert_cmpuint (at20.threads, ==, at100.threads);
  g_assert_cmpint (abs ((int) at20.mappings - (int) at100.mappings), <=, 2);
}

static VmConfig *
linux_config (void)
{
  VmConfig *config = vm_config_new (VM_ARCH_AARCH64);

  config->kernel = test_guest_file ("vmlinuz-cloud-arm64");
  config->initrd = test_guest_file ("boot.cpio");
  config->cmdline = g_strdup ("console=ttyAMA0 quiet");
  config->memory_bytes = 256ull << 20;
  return config;
}

static void
check_two_at_once (void)
{
  VmConfig *config = linux_config ();
  TestMachine *a = test_machine_new (config), *b = test_machine_new (config);

  test_machine_perform (a, VM_OP_START);
  test_machine_perform (b, VM_OP_START);
  g_assert_false (a->stopped);
  if (!test_machine_wait_stopped (a) || !test_machine_has_text (a, "USERSPACE-UP"))
    g_error ("first of two machines: %s", a->serial->str);
  if (!test_machine_wait_stopped (b) || !test_machine_has_text (b, "USERSPACE-UP"))
    g_error ("second of two machines: %s", b->serial->str);
  test_machine_free (a);
  test_machine_free (b);
  vm_config_free (config);
}

int
main (void)
{
  g_autofree char *folder = g_dir_make_tmp ("terrarium-cycles.XXXXXX", NULL);
  g_autofree char *disk = g_build_filename (folder, "disk.raw", NULL);
  static char zeroes[1 << 20];
  VmConfig *config;

  g_file_set_contents (disk, zeroes, sizeof zeroes, NULL);
  config = bare_config (disk);
  check_cycles (config);
  check_two_at_once ();
  vm_config_free (config);
  remove (disk);
  remove (folder);
  return EXIT_SUCCESS;
}
