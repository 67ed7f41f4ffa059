// SPDX-License-Identifier: GPL-3.0-or-later
// The firmware's own driver of the USB keyboard: a command typed at its shell is carried out.
#include <glib/gstdio.h>
#include <linux/input-event-codes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/machine.h"

#define BANNER "UEFI Interactive Shell"

enum {
  SKIPPED = 77,
};

// The shell names itself when it starts, and again when it is asked.
static bool
has_two_banners (TestMachine *tm, void *unused)
{
  g_mutex_lock (&tm->lock);
  const char *first = strstr (tm->serial->str, BANNER);
  bool found = first != NULL && strstr (first + 1, BANNER) != NULL;
  g_mutex_unlock (&tm->lock);
  return found;
}

int
main (int argc, char **argv)
{
  static const unsigned keys[] = {KEY_V, KEY_E, KEY_R, KEY_ENTER};
  g_autoptr (VmConfig) config = vm_config_new (VM_ARCH_AARCH64);
  g_autofree char *folder = g_dir_make_tmp ("terrarium-XXXXXX", NULL);
  g_autoptr (GError) error = NULL;

  config->firmware = g_strdup ("uefi");
  config->nvram = g_build_filename (folder, "nvram", NULL);
  g_ptr_array_set_size (config->nics, 0); // nothing to start from but the shell
  if (!vm_config_validate (config, &error)) {
    g_print ("skipped: %s\n", error->message);
    g_rmdir (folder);
    return SKIPPED;
  }
  TestMachine *tm = test_machine_new (config);
  test_machine_perform (tm, VM_OP_START);
  if (!test_machine_wait_text (tm, "Shell>"))
    g_error ("no shell:\n%s", tm->serial->str);
  for (unsigned i = 0; i < G_N_ELEMENTS (keys); i++) {
    vm_machine_send_key (tm->machine, keys[i], true);
    vm_machine_send_key (tm->machine, keys[i], false);
  }
  if (!test_machine_wait (tm, has_two_banners, NULL))
    g_error ("the keyboard is not heard:\n%s", tm->serial->str);
  test_machine_free (tm);
  g_unlink (config->nvram);
  g_rmdir (folder);
  return 0;
}
