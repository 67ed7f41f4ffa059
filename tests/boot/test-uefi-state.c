// SPDX-License-Identifier: GPL-3.0-or-later
// A machine with UEFI is saved and goes on in another: while the firmware starts, and at its shell. Its
// variables are those of the saved state again, in the file too, and a reset finds all that firmware
// is told by fw_cfg. Skipped without UEFI on this computer.
#include <glib/gstdio.h>
#include <string.h>

#include "tests/support/machine.h"

#define VARIABLE "setvar Probe -guid 1b5f7c52-5d0e-4b0c-a5b1-5d3f1b8a9c01"
#define PROMPT   "Shell> "

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

static void
expect (TestMachine *tm, size_t start, const char *text)
{
  Expectation e = {text, start};

  if (!test_machine_wait (tm, has_text, &e))
    g_error ("“%s” did not come:\n%s", text, tm->serial->str + start);
}

// Where what came afterwards begins.
static size_t
type (TestMachine *tm, const char *text)
{
  g_mutex_lock (&tm->lock);
  size_t end = tm->serial->len;
  g_mutex_unlock (&tm->lock);
  for (size_t done = 0, n = strlen (text); done < n;) {
    done += vm_machine_console_write (tm->machine, VM_CONSOLE_SERIAL, (const uint8_t *) text + done,
                                      n - done);
    g_main_context_iteration (NULL, FALSE);
  }
  return end;
}

static void
set_variable (TestMachine *tm, const char *value)
{
  g_autofree char *line = g_strdup_printf (VARIABLE " -bs -nv =0x%s\r", value);

  expect (tm, type (tm, line), PROMPT);
}

static void
expect_variable (TestMachine *tm, const char *bytes)
{
  size_t asked = type (tm, VARIABLE "\r");

  expect (tm, asked, bytes);
  expect (tm, asked, PROMPT);
}

static TestMachine *
start (const VmConfig *config)
{
  TestMachine *tm = test_machine_new (config);

  test_machine_perform (tm, VM_OP_START);
  return tm;
}

static void
run (const VmConfig *config)
{
  TestMachine *tm = start (config);

  expect (tm, 0, "UEFI");
  tm = test_machine_transplant (tm);
  expect (tm, 0, PROMPT);
  set_variable (tm, "44332211");
  g_autoptr (GBytes) state = test_machine_save (tm);
  test_machine_perform (tm, VM_OP_RESUME);
  set_variable (tm, "88776655");
  expect_variable (tm, "55 66 77 88");
  test_machine_free (tm);
  tm = test_machine_restore (config, state);
  expect_variable (tm, "11 22 33 44");
  expect (tm, type (tm, "reset -c\r"), PROMPT);
  expect_variable (tm, "11 22 33 44");
  test_machine_free (tm);
  tm = start (config);
  expect (tm, 0, PROMPT);
  expect_variable (tm, "11 22 33 44");
  test_machine_free (tm);
}

int
main (int argc, char **argv)
{
  g_autoptr (VmConfig) config = vm_config_new (VM_ARCH_AARCH64);
  g_autofree char *folder = g_dir_make_tmp ("terrarium-XXXXXX", NULL);
  g_autoptr (GError) error = NULL;
  bool ok;

  config->firmware = g_strdup ("uefi");
  config->nvram = g_build_filename (folder, "nvram", NULL);
  g_ptr_array_set_size (config->nics, 0); // nothing to start from but the shell
  ok = vm_config_validate (config, &error);
  if (ok)
    run (config);
  else
    g_print ("skipped: %s\n", error->message);
  g_unlink (config->nvram);
  g_rmdir (folder);
  return ok ? 0 : SKIPPED;
}
