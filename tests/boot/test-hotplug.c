// SPDX-License-Identifier: GPL-3.0-or-later
// test-hotplug KERNEL INITRD FOLDER tree|acpi BUS: a disk and a network adapter are given to a guest that
// runs (hotplug-init), moved to another machine with it, and taken from it, asked for and by surprise.
#include <string.h>

#include "tests/support/machine.h"

enum {
  DISK_BYTES = 8 << 20,
};

static char *
make_disk (const char *folder, const char *label)
{
  char *path = g_build_filename (folder, label, NULL);
  g_autofree char *data = g_malloc0 (DISK_BYTES);

  memcpy (data, label, strlen (label));
  if (!g_file_set_contents (path, data, DISK_BYTES, NULL))
    g_error ("%s", path);
  return path;
}

static VmConfig *
describe (char **argv)
{
  VmConfig *config = vm_config_new (VM_ARCH_AARCH64);
  bool acpi = strcmp (argv[4], "acpi") == 0;

  g_ptr_array_set_size (config->nics, 0);
  config->kernel = g_strdup (argv[1]);
  config->initrd = g_strdup (argv[2]);
  config->cmdline = g_strdup (acpi ? "console=ttyAMA0 quiet acpi=force" : "console=ttyAMA0 quiet");
  if (acpi)
    config->firmware = g_strdup ("uefi");
  return config;
}

static void
expect (TestMachine *tm, const char *text)
{
  if (test_machine_wait_text (tm, text))
    return;
  g_printerr ("%s\n", tm->serial->str);
  g_error ("“%s” did not come", text);
}

static void
tell (TestMachine *tm, const char *word)
{
  g_autofree char *line = g_strconcat (word, "\n", NULL);
  vm_machine_console_write (tm->machine, VM_CONSOLE_SERIAL, (const uint8_t *) line, strlen (line));
}

static void
result_cb (GObject *source, GAsyncResult *result, void *data)
{
  *(GAsyncResult **) data = g_object_ref (result);
}

static GAsyncResult *
wait_result (GAsyncResult **result)
{
  while (*result == NULL)
    g_main_context_iteration (NULL, TRUE);
  return *result;
}

static VmDiskBus bus; // of the disks

static unsigned
attach_disk (TestMachine *tm, const char *path)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  const VmDiskConfig disk = {.path = (char *) path, .bus = bus};

  vm_machine_attach_disk_async (tm->machine, &disk, NULL, result_cb, &result);
  unsigned port = vm_machine_attach_finish (tm->machine, wait_result (&result), &error);
  g_assert_true ((port != 0) == (error == NULL));
  return port;
}

static unsigned
attach_nic (TestMachine *tm)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (VmConfig) config = vm_config_new (VM_ARCH_AARCH64);

  vm_machine_attach_nic_async (tm->machine, config->nics->pdata[0], NULL, result_cb, &result);
  return vm_machine_attach_finish (tm->machine, wait_result (&result), NULL);
}

static bool
detach (TestMachine *tm, unsigned port, bool force)
{
  g_autoptr (GAsyncResult) result = NULL;

  vm_machine_detach_async (tm->machine, port, force, NULL, result_cb, &result);
  return vm_machine_detach_finish (tm->machine, wait_result (&result), NULL);
}

static void
wait_until_empty (TestMachine *tm, unsigned port)
{
  while (vm_config_port_is_used (vm_machine_get_config (tm->machine), port))
    g_main_context_iteration (NULL, TRUE);
}

// What does not go: nothing there, no such file, no slot left.
static void
try_wrong (TestMachine *tm, const char *disk)
{
  g_assert_false (detach (tm, 0, true));
  g_assert_false (detach (tm, 1, true));
  g_assert_false (detach (tm, VM_PORTS + 1, false));
  g_assert_cmpuint (attach_disk (tm, "/nonexistent/disk"), ==, 0);
  for (unsigned i = 1; i <= VM_PORTS; i++)
    g_assert_cmpuint (attach_nic (tm), ==, i);
  g_assert_cmpuint (attach_nic (tm), ==, 0);
  g_assert_cmpuint (attach_disk (tm, disk), ==, 0);
  for (unsigned i = 1; i <= VM_PORTS; i++)
    g_assert_true (detach (tm, i, true));
}

int
main (int argc, char **argv)
{
  if (argc != 6 || !vm_disk_bus_from_name (argv[5], &bus))
    g_error ("wrong arguments");
  g_autofree char *one = make_disk (argv[3], "DISK-ONE"), *two = make_disk (argv[3], "DISK-TWO");
  g_autoptr (VmConfig) config = describe (argv);
  TestMachine *tm = test_machine_new (config);

  g_assert_cmpuint (attach_disk (tm, one), ==, 0); // it does not run yet
  test_machine_perform (tm, VM_OP_START);
  expect (tm, "HOTPLUG-READY");
  // Comes, is used, goes when asked for.
  g_assert_cmpuint (attach_disk (tm, one), ==, 1);
  tell (tm, "disk");
  expect (tm, "DISK 16384 DISK-ONE");
  expect (tm, "DISK-WRITTEN");
  if (bus == VM_DISK_VIRTIO)
    expect (tm, "SERIAL slot1");
  g_assert_true (detach (tm, 1, false));
  tell (tm, "gone");
  expect (tm, "DISK-GONE");
  wait_until_empty (tm, 1);
  // Another at its place, and a network adapter; both move on with the machine.
  g_assert_cmpuint (attach_nic (tm), ==, 1);
  g_assert_cmpuint (attach_disk (tm, two), ==, 2);
  tell (tm, "net");
  expect (tm, "NET ");
  tm = test_machine_transplant (tm);
  tell (tm, "disk");
  expect (tm, "DISK 16384 DISK-TWO");
  expect (tm, "DISK-WRITTEN");
  // Pulled out at work.
  tell (tm, "busy");
  expect (tm, "BUSY");
  g_assert_true (detach (tm, 2, true));
  expect (tm, "BUSY-OVER");
  tell (tm, "gone");
  expect (tm, "DISK-GONE");
  g_assert_true (detach (tm, 1, true));
  tell (tm, "netgone");
  expect (tm, "NET-GONE");
  try_wrong (tm, one);
  tell (tm, "end");
  expect (tm, "HOTPLUG-OK");
  g_assert_true (test_machine_wait_stopped (tm));
  test_machine_free (tm);
  return 0;
}
