// SPDX-License-Identifier: GPL-3.0-or-later
// Text as keys: which, in which order, and what is refused before anything is typed.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <linux/input-event-codes.h>
#include <string.h>

#include "app/model/typing.h"

// What arrives at the machine: "+30 -30 ".
static GString *arrived;
static size_t ends_at; // after so much of that; 0: never

VmState
vm_machine_get_state (VmMachine *machine)
{
  return ends_at > 0 && arrived->len >= ends_at ? VM_STATE_STOPPED : VM_STATE_RUNNING;
}

void
vm_machine_send_key (VmMachine *machine, unsigned evdev_code, bool down)
{
  g_string_append_printf (arrived, "%c%u ", down ? '+' : '-', evdev_code);
}

typedef struct End {
  bool done;
  GError *error;
} End;

static void
ended_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  End *end = user_data;

  bool typed = typing_finish ((VmMachine *) source, result, &end->error);

  end->done = true;
  assert_true (typed == (end->error == NULL));
}

static void
wait_for (End *end)
{
  while (!end->done)
    g_main_context_iteration (NULL, TRUE);
}

// What it types; the error's code, or -1.
static int
type (const char *text, char **keys)
{
  g_autoptr (GObject) machine = g_object_new (G_TYPE_OBJECT, NULL);
  End end = {0};
  int code;

  arrived = g_string_new (NULL);
  typing_async ((VmMachine *) machine, text, ended_cb, &end);
  wait_for (&end);
  code = end.error != NULL ? end.error->code : -1;
  g_clear_error (&end.error);
  *keys = g_string_free (arrived, FALSE);
  return code;
}

static void
expect (const char *text, const char *wanted)
{
  g_autofree char *keys = NULL;

  assert_int_equal (type (text, &keys), -1);
  assert_string_equal (keys, wanted);
}

static void
test_keys (void **state)
{
  expect ("", "");
  expect ("aB", "+30 -30 +42 +48 -48 -42 ");
  expect ("1!\n", "+2 -2 +42 +2 -2 -42 +28 -28 ");
  expect ("\\|\t", "+43 -43 +42 +43 -43 -42 +15 -15 ");
}

// Each character of ASCII that can be seen has a key of its own, or one with shift.
static void
test_all (void **state)
{
  bool seen[2][KEY_SPACE + 1] = {{false}};

  for (gunichar c = ' '; c < 127; c++) {
    unsigned code = 0;
    bool shift = false;
    assert_true (typing_find_key (c, &code, &shift));
    assert_in_range (code, KEY_1, KEY_SPACE);
    assert_false (seen[shift][code]);
    seen[shift][code] = true;
  }
  unsigned code;
  bool shift;
  assert_false (typing_find_key (0, &code, &shift));
  assert_false (typing_find_key (27, &code, &shift));
  assert_false (typing_find_key (0x4e2d, &code, &shift));
}

static void
test_refused (void **state)
{
  g_autofree char *longest = g_strnfill (TYPING_MAX + 1, 'x');
  const char *const refused[] = {"a\xc3\xa9", "a\x1b", longest, "a\xff"};

  for (size_t i = 0; i < G_N_ELEMENTS (refused); i++) {
    g_autofree char *keys = NULL;
    assert_int_equal (type (refused[i], &keys), G_IO_ERROR_INVALID_ARGUMENT);
    assert_string_equal (keys, "");
  }
}

static void
test_busy (void **state)
{
  g_autoptr (GObject) machine = g_object_new (G_TYPE_OBJECT, NULL);
  End first = {0}, second = {0}, third = {0};

  arrived = g_string_new (NULL);
  typing_async ((VmMachine *) machine, "a", ended_cb, &first);
  typing_async ((VmMachine *) machine, "b", ended_cb, &second);
  wait_for (&second);
  assert_true (g_error_matches (second.error, G_IO_ERROR, G_IO_ERROR_BUSY));
  wait_for (&first);
  assert_null (first.error);
  typing_async ((VmMachine *) machine, "c", ended_cb, &third);
  wait_for (&third);
  assert_null (third.error);
  assert_string_equal (arrived->str, "+30 -30 +46 -46 ");
  g_string_free (arrived, TRUE);
  g_clear_error (&second.error);
}

// Nobody waits for minutes until all was typed into a machine that is off.
static void
test_ended (void **state)
{
  g_autofree char *keys = NULL, *whole = NULL;

  ends_at = strlen ("+30 ");
  assert_int_equal (type ("ab", &keys), G_IO_ERROR_CANCELLED);
  assert_string_equal (keys, "+30 ");
  ends_at = strlen ("+30 -30 ");
  assert_int_equal (type ("a", &whole), -1);
  ends_at = 0;
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_keys), cmocka_unit_test (test_all),   cmocka_unit_test (test_refused),
      cmocka_unit_test (test_busy), cmocka_unit_test (test_ended),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
