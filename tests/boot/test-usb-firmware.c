// SPDX-License-Identifier: GPL-3.0-or-later
// The firmware's own driver of the USB keyboard: a command typed at its shell is carried out, and its
// boot manager is led to starting the shell again.
#include <glib/gstdio.h>
#include <linux/input-event-codes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/machine.h"

#define BANNER "UEFI Interactive Shell"

enum {
  SKIPPED = 77,
};

typedef struct Expectation {
  const char *text;
  size_t start; // looked for from there on
} Expectation;

static bool
has_text (TestMachine *tm, void *data)
{
  const Expectation *e = data;

  g_mutex_lock (&tm->lock);
  bool found = strstr (tm->serial->str + e->start, e->text) != NULL;
  g_mutex_unlock (&tm->lock);
  return found;
}

static size_t
get_end (TestMachine *tm)
{
  g_mutex_lock (&tm->lock);
  size_t end = tm->serial->len;
  g_mutex_unlock (&tm->lock);
  return end;
}

// Where what came afterwards begins.
static size_t
press (TestMachine *tm, const unsigned *keys, size_t n)
{
  size_t end = get_end (tm);

  for (size_t i = 0; i < n; i++) {
    vm_machine_send_key (tm->machine, keys[i], true);
    vm_machine_send_key (tm->machine, keys[i], false);
  }
  return end;
}

static void
expect (TestMachine *tm, size_t start, const char *text)
{
  Expectation e = {text, start};

  if (!test_machine_wait (tm, has_text, &e))
    g_error ("“%s” did not come:\n%s", text, tm->serial->str + start);
}

#define TYPE(tm, ...)                                                                              \
  press (tm, (const unsigned[]){__VA_ARGS__}, G_N_ELEMENTS (((const unsigned[]){__VA_ARGS__})))

// The shell names itself when it starts, and again when it is asked.
static void
use_shell (TestMachine *tm)
{
  expect (tm, 0, "Shell>");
  size_t asked = TYPE (tm, KEY_V, KEY_E, KEY_R, KEY_ENTER);
  expect (tm, asked, BANNER);
}

// Each entry says beside it what it is for when it is the chosen one.
static void
use_boot_manager (TestMachine *tm)
{
  size_t asked = TYPE (tm, KEY_E, KEY_X, KEY_I, KEY_T, KEY_ENTER);

  expect (tm, asked, "Reset");
  expect (tm, TYPE (tm, KEY_DOWN), "Device Manager");
  expect (tm, TYPE (tm, KEY_DOWN), "Boot Manager");
  expect (tm, TYPE (tm, KEY_ENTER), "Device Path");
  expect (tm, TYPE (tm, KEY_ENTER), BANNER);
}

int
main (int argc, char **argv)
{
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
  use_shell (tm);
  use_boot_manager (tm);
  test_machine_free (tm);
  g_unlink (config->nvram);
  g_rmdir (folder);
  return 0;
}
