// SPDX-License-Identifier: GPL-3.0-or-later
// test-medium KERNEL INITRD FOLDER: a guest with a disk and a CD drive on SCSI (medium-init) is given
// other discs while it runs, and moved to another machine in between.
#include <glib/gstdio.h>
#include <string.h>

#include "tests/support/machine.h"

enum {
  DISK_BYTES = 8 << 20,
  DRIVE = 1, // its position in the configuration
};

static char *
make_disc (const char *folder, const char *label, size_t bytes)
{
  char *path = g_build_filename (folder, label, NULL);
  g_autofree char *data = g_malloc0 (bytes);

  memcpy (data, label, strlen (label));
  if (!g_file_set_contents (path, data, (gssize) bytes, NULL))
    g_error ("%s", path);
  return path;
}

static VmConfig *
describe (char **argv, const char *disc)
{
  VmConfig *config = vm_config_new (VM_ARCH_AARCH64);
  g_autofree char *disk = make_disc (argv[3], "disk", DISK_BYTES);

  g_ptr_array_set_size (config->nics, 0);
  config->kernel = g_strdup (argv[1]);
  config->initrd = g_strdup (argv[2]);
  config->cmdline = g_strdup ("console=ttyAMA0 quiet");
  vm_config_add_disk (config, disk, false)->bus = VM_DISK_SCSI;
  vm_config_add_cdrom (config, disc);
  return config;
}

static void
result_cb (GObject *source, GAsyncResult *result, void *data)
{
  *(GAsyncResult **) data = g_object_ref (result);
}

static bool
try_change (TestMachine *tm, unsigned disk, const char *path, bool force)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GAsyncResult) result = NULL;

  vm_machine_change_medium_async (tm->machine, disk, path, force, NULL, result_cb, &result);
  while (result == NULL)
    g_main_context_iteration (NULL, TRUE);
  return vm_machine_change_medium_finish (tm->machine, result, &error);
}

// The guest lets go of the drive in its own time.
static void
change_when_free (TestMachine *tm, const char *path)
{
  while (!try_change (tm, DRIVE, path, false))
    g_main_context_iteration (NULL, FALSE);
}

static void
expect (TestMachine *tm, const char *text)
{
  if (test_machine_wait_text (tm, text))
    return;
  g_printerr ("%s\n", tm->serial->str);
  g_error ("“%s” did not come", text);
}

int
main (int argc, char **argv)
{
  if (argc != 4)
    g_error ("wrong arguments");
  g_autofree char *one = make_disc (argv[3], "DISC-ONE", 1 << 20);
  g_autofree char *two = make_disc (argv[3], "DISC-TWO", 2 << 20);
  g_autofree char *three = g_build_filename (argv[3], "missing", NULL);
  g_autoptr (VmConfig) config = describe (argv, one);
  TestMachine *tm = test_machine_new (config);

  g_assert_false (try_change (tm, DRIVE, two, true)); // it does not run yet
  test_machine_perform (tm, VM_OP_START);
  expect (tm, "MEDIUM-IS 'DISC-ONE' 2048");
  g_assert_false (try_change (tm, DRIVE, three, true));
  g_assert_false (try_change (tm, 0, two, true));
  g_assert_false (try_change (tm, 2, two, true));
  // While the guest has the drive open it is asked first; by force it is not.
  expect (tm, "MEDIUM-HELD");
  g_assert_false (try_change (tm, DRIVE, NULL, false));
  expect (tm, "MEDIUM-ASKED");
  vm_machine_console_write (tm->machine, VM_CONSOLE_SERIAL, (const uint8_t *) "\n", 1);
  change_when_free (tm, two);
  expect (tm, "MEDIUM-IS 'DISC-TWO' 4096");
  expect (tm, "MEDIUM-HELD-AGAIN");
  g_assert_false (try_change (tm, DRIVE, NULL, false));
  g_assert_true (try_change (tm, DRIVE, NULL, true));
  vm_machine_console_write (tm->machine, VM_CONSOLE_SERIAL, (const uint8_t *) "\n", 1);
  expect (tm, "MEDIUM-IS ''");
  // The new machine begins with disc one, which is another than the state knows of.
  tm = test_machine_transplant (tm);
  expect (tm, "MEDIUM-OK");
  g_assert_true (test_machine_wait_stopped (tm));
  test_machine_free (tm);
  return 0;
}
