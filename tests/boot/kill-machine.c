// SPDX-License-Identifier: GPL-3.0-or-later
// The machine of test-kill, which boots once and is killed often: it is saved when its guest is ready
// to write, and each time goes on from there, with another disk of the same size and contents.
//
// kill-machine start INITRD DISK STATE: until the guest says READY, then saved to STATE.
// kill-machine run INITRD DISK STATE: goes on, says what the guest says, until it is killed.
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/api/vm-state.h"
#include "tests/support/machine.h"

static VmConfig *
make_config (const char *initrd, const char *disk)
{
  VmConfig *config = vm_config_new (VM_ARCH_AARCH64);

  config->kernel = test_guest_file ("vmlinuz-cloud-arm64");
  config->initrd = g_strdup (initrd);
  config->cmdline = g_strdup ("console=ttyAMA0 quiet");
  config->memory_bytes = 128ull << 20;
  config->cpus = 1;
  VmDiskConfig *added = vm_config_add_disk (config, disk, false);
  added->format = VM_IMAGE_QCOW2;
  added->allow_backing = true;
  return config;
}

static void
done_cb (GObject *source, GAsyncResult *result, void *data)
{
  *(GAsyncResult **) data = g_object_ref (result);
}

static void
wait_for (GAsyncResult **result)
{
  while (*result == NULL)
    g_main_context_iteration (NULL, TRUE);
}

static void
start (TestMachine *tm, const char *state)
{
  const VmSaveOptions options = {.path = state, .stop = true};
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  test_machine_perform (tm, VM_OP_START);
  if (!test_machine_wait_text (tm, "READY"))
    g_error ("the guest does not start:\n%s", tm->serial->str);
  vm_machine_save_file_async (tm->machine, &options, NULL, done_cb, &result);
  wait_for (&result);
  if (!vm_machine_save_file_finish (tm->machine, result, &error))
    g_error ("save: %s", error->message);
}

static bool
say (TestMachine *tm, void *unused)
{
  g_mutex_lock (&tm->lock);
  bool gone = tm->serial->len > 0 && write (STDOUT_FILENO, tm->serial->str, tm->serial->len) < 0;
  g_string_truncate (tm->serial, 0);
  g_mutex_unlock (&tm->lock);
  return gone;
}

static void
run (TestMachine *tm, const char *state)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  vm_machine_restore_file_async (tm->machine, state, NULL, done_cb, &result);
  wait_for (&result);
  if (!vm_machine_restore_finish (tm->machine, result, &error))
    g_error ("restore: %s", error->message);
  vm_machine_console_write (tm->machine, VM_CONSOLE_SERIAL, (const uint8_t *) "\n", 1);
  test_machine_wait (tm, say, NULL);
}

int
main (int argc, char **argv)
{
  g_assert (argc == 5);
  VmConfig *config = make_config (argv[2], argv[3]);
  TestMachine *tm = test_machine_new (config);

  if (strcmp (argv[1], "start") == 0)
    start (tm, argv[4]);
  else
    run (tm, argv[4]);
  test_machine_free (tm);
  vm_config_free (config);
  return EXIT_SUCCESS;
}
