// SPDX-License-Identifier: GPL-3.0-or-later
// Runs a VmMachine from a test; see machine.h.
#include "tests/support/machine.h"

#include <stdlib.h>
#include <string.h>

enum {
  SKIPPED = 77,
  DEADLINE_SECONDS = 600, // only ends a test that hangs; never decides one that works
};

char *
test_guest_file (const char *name)
{
  const char *folder = g_getenv ("TERRARIUM_GUESTS");
  g_autofree char *path = folder != NULL ? g_build_filename (folder, name, NULL) : NULL;

  if (path == NULL || !g_file_test (path, G_FILE_TEST_EXISTS)) {
    g_print ("skipped: %s is not in $TERRARIUM_GUESTS\n", name);
    exit (SKIPPED);
  }
  return g_steal_pointer (&path);
}

static void
serial_write_cb (void *sink, const uint8_t *data, size_t length)
{
  TestMachine *tm = sink;

  g_mutex_lock (&tm->lock);
  g_string_append_len (tm->serial, (const char *) data, (gssize) length);
  g_mutex_unlock (&tm->lock);
  g_main_context_wakeup (NULL);
}

static const VmConsoleSinkOps serial_ops = {.write = serial_write_cb};

static void
stopped_cb (VmMachine *machine, int reason, GError *error, TestMachine *tm)
{
  if (error != NULL)
    g_printerr ("the machine stopped: %s\n", error->message);
  tm->stopped = true;
  tm->reason = (VmStopReason) reason;
}

TestMachine *
test_machine_new (const VmConfig *config)
{
  g_autoptr (GError) error = NULL;
  TestMachine *tm = g_new0 (TestMachine, 1);

  g_mutex_init (&tm->lock);
  tm->serial = g_string_new (NULL);
  tm->machine = vm_machine_new (config, NULL, &error);
  if (tm->machine == NULL)
    g_error ("vm_machine_new: %s", error->message);
  g_signal_connect (tm->machine, "stopped", G_CALLBACK (stopped_cb), tm);
  vm_machine_set_console_sink (tm->machine, VM_CONSOLE_SERIAL, &serial_ops, tm);
  return tm;
}

void
test_machine_free (TestMachine *tm)
{
  if (vm_machine_can (tm->machine, VM_OP_FORCE_STOP)) {
    test_machine_perform (tm, VM_OP_FORCE_STOP);
    test_machine_wait_stopped (tm);
  }
  g_object_unref (tm->machine);
  g_string_free (tm->serial, TRUE);
  g_mutex_clear (&tm->lock);
  g_free (tm);
}

static void
result_cb (GObject *source, GAsyncResult *result, void *data)
{
  *(GAsyncResult **) data = g_object_ref (result);
}

static void
iterate_until (GAsyncResult **result)
{
  while (*result == NULL)
    g_main_context_iteration (NULL, TRUE);
}

void
test_machine_perform (TestMachine *tm, VmOp op)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GAsyncResult) result = NULL;

  vm_machine_perform_async (tm->machine, op, NULL, result_cb, &result);
  iterate_until (&result);
  if (!vm_machine_perform_finish (tm->machine, result, &error))
    g_error ("operation %d: %s", (int) op, error->message);
}

static gboolean
tick_cb (void *data)
{
  return G_SOURCE_CONTINUE;
}

bool
test_machine_wait (TestMachine *tm, bool (*condition) (TestMachine *tm, void *data), void *data)
{
  int64_t deadline = g_get_monotonic_time () + DEADLINE_SECONDS * G_USEC_PER_SEC;
  guint tick = g_timeout_add (50, tick_cb, NULL);
  bool met = false;

  while (!(met = condition (tm, data)) && !tm->stopped && g_get_monotonic_time () < deadline)
    g_main_context_iteration (NULL, TRUE);
  g_source_remove (tick);
  return met || condition (tm, data);
}

bool
test_machine_has_text (TestMachine *tm, const char *text)
{
  bool found;

  g_mutex_lock (&tm->lock);
  found = strstr (tm->serial->str, text) != NULL;
  g_mutex_unlock (&tm->lock);
  return found;
}

static bool
has_text (TestMachine *tm, void *text)
{
  return test_machine_has_text (tm, text);
}

bool
test_machine_wait_text (TestMachine *tm, const char *text)
{
  return test_machine_wait (tm, has_text, (void *) text);
}

static bool
has_stopped (TestMachine *tm, void *unused)
{
  return tm->stopped;
}

bool
test_machine_wait_stopped (TestMachine *tm)
{
  return test_machine_wait (tm, has_stopped, NULL);
}

static GBytes *
save (TestMachine *tm)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GAsyncResult) result = NULL;
  GBytes *state;

  vm_machine_save_async (tm->machine, NULL, result_cb, &result);
  iterate_until (&result);
  state = vm_machine_save_finish (tm->machine, result, &error);
  if (state == NULL)
    g_error ("save: %s", error->message);
  return state;
}

static void
restore (TestMachine *tm, GBytes *state)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GAsyncResult) result = NULL;

  vm_machine_restore_async (tm->machine, state, NULL, result_cb, &result);
  iterate_until (&result);
  if (!vm_machine_restore_finish (tm->machine, result, &error))
    g_error ("restore: %s", error->message);
}

GBytes *
test_machine_save (TestMachine *tm)
{
  test_machine_perform (tm, VM_OP_PAUSE);
  return save (tm);
}

TestMachine *
test_machine_restore (const VmConfig *config, GBytes *state)
{
  TestMachine *tm = test_machine_new (config);

  restore (tm, state);
  test_machine_perform (tm, VM_OP_RESUME);
  return tm;
}

TestMachine *
test_machine_transplant (TestMachine *tm)
{
  TestMachine *heir = test_machine_new (vm_machine_get_config (tm->machine));
  g_autoptr (GBytes) state = NULL;

  test_machine_perform (tm, VM_OP_PAUSE);
  state = save (tm);
  g_string_append_len (heir->serial, tm->serial->str, (gssize) tm->serial->len);
  test_machine_free (tm);
  restore (heir, state);
  test_machine_perform (heir, VM_OP_RESUME);
  return heir;
}
