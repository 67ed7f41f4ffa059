// SPDX-License-Identifier: GPL-3.0-or-later
// FOLDER N: how long it takes to save a booted machine with 1 GiB of memory and end it, and to have a
// new one run from there, N times; the state is FOLDER/state. A line for each: “save 0.123” and
// “restore 0.045”, seconds. Main thread.
#include <glib/gstdio.h>
#include <stdlib.h>

#include "engine/api/vm-state.h"
#include "tests/support/machine.h"

typedef struct Wait {
  bool done, restore;
  GError *error;
} Wait;

static void
done_cb (GObject *source, GAsyncResult *result, void *data)
{
  Wait *wait = data;

  if (wait->restore)
    vm_machine_restore_finish (VM_MACHINE (source), result, &wait->error);
  else
    vm_machine_save_file_finish (VM_MACHINE (source), result, &wait->error);
  wait->done = true;
}

static void
tell (Wait *wait, gint64 begin)
{
  const char *what = wait->restore ? "restore" : "save";
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  while (!wait->done)
    g_main_context_iteration (NULL, TRUE);
  double seconds = (double) (g_get_monotonic_time () - begin) / G_USEC_PER_SEC;
  if (wait->error != NULL)
    g_error ("%s: %s", what, wait->error->message);
  g_print ("%s %s\n", what, g_ascii_formatd (text, sizeof text, "%.4f", seconds));
}

static void
save (TestMachine *tm, const char *path)
{
  const VmSaveOptions options = {.path = path, .stop = true};
  Wait wait = {0};
  gint64 begin = g_get_monotonic_time ();

  vm_machine_save_file_async (tm->machine, &options, NULL, done_cb, &wait);
  tell (&wait, begin);
}

static TestMachine *
restore (const VmConfig *config, const char *path)
{
  Wait wait = {.restore = true};
  gint64 begin = g_get_monotonic_time ();
  TestMachine *tm = test_machine_new (config);

  vm_machine_restore_file_async (tm->machine, path, NULL, done_cb, &wait);
  tell (&wait, begin);
  return tm;
}

int
main (int argc, char **argv)
{
  if (argc != 3) {
    g_printerr ("bench-state FOLDER N\n");
    return EXIT_FAILURE;
  }
  g_autofree char *path = g_build_filename (argv[1], "state", NULL);
  VmConfig *config = vm_config_new (VM_ARCH_AARCH64);
  config->kernel = test_guest_file ("vmlinuz-cloud-arm64");
  config->initrd = test_guest_file ("boot.cpio");
  config->cmdline = g_strdup ("console=ttyAMA0 quiet -- stay");
  config->memory_bytes = 1ull << 30;
  TestMachine *tm = test_machine_new (config);
  test_machine_perform (tm, VM_OP_START);
  if (!test_machine_wait_text (tm, "USERSPACE-UP"))
    g_error ("the guest does not come up");
  for (int i = 0; i < atoi (argv[2]); i++) {
    save (tm, path);
    test_machine_free (tm);
    tm = restore (config, path);
  }
  test_machine_free (tm);
  vm_config_free (config);
  g_unlink (path);
  return EXIT_SUCCESS;
}
