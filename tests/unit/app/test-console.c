// SPDX-License-Identifier: GPL-3.0-or-later
// Console output from the machine's thread: all of it, in order, and bounded.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "app/model/console.h"

static void
output_cb (GByteArray *all, GBytes *bytes)
{
  gsize length;
  const guint8 *data = g_bytes_get_data (bytes, &length);

  g_byte_array_append (all, data, (guint) length);
}

static gpointer
print_numbers (gpointer data)
{
  for (unsigned i = 0; i < 5000; i++) {
    char line[16];
    int length = g_snprintf (line, sizeof line, "%u\n", i);
    terrarium_console_sink_ops.write (data, (const uint8_t *) line, (size_t) length);
  }
  return NULL;
}

static void
iterate (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

static void
test_order (void **state)
{
  TerrariumConsole *console = terrarium_console_new ();
  g_autoptr (GByteArray) all = g_byte_array_new ();
  g_autoptr (GString) expected = g_string_new (NULL);

  for (unsigned i = 0; i < 5000; i++)
    g_string_append_printf (expected, "%u\n", i);
  g_signal_connect_swapped (console, "output", G_CALLBACK (output_cb), all);
  g_object_add_weak_pointer (G_OBJECT (console), (gpointer *) &console);
  GThread *thread = g_thread_new ("machine", print_numbers, console);
  iterate ();
  g_thread_join (thread);
  iterate ();
  assert_int_equal (all->len, expected->len);
  assert_memory_equal (all->data, expected->str, expected->len);

  g_autoptr (GBytes) history = terrarium_console_get_history (console);
  assert_int_equal (g_bytes_get_size (history), expected->len);
  terrarium_console_reset (console);
  g_autoptr (GBytes) nothing = terrarium_console_get_history (console);
  assert_int_equal (g_bytes_get_size (nothing), 0);
  g_object_unref (console);
  assert_null (console); // finalized
}

// A guest that floods costs bounded memory, and what is kept is the end.
static void
test_flood (void **state)
{
  g_autoptr (TerrariumConsole) console = terrarium_console_new ();
  g_autofree uint8_t *block = g_malloc0 (1 << 20);
  gsize length;

  for (unsigned i = 0; i < 16; i++) {
    memset (block, 'a' + (int) i, 1 << 20);
    terrarium_console_sink_ops.write (console, block, 1 << 20);
  }
  terrarium_console_sink_ops.write (console, (const uint8_t *) "end", 3);
  iterate ();
  g_autoptr (GBytes) history = terrarium_console_get_history (console);
  const char *data = g_bytes_get_data (history, &length);
  assert_in_range (length, 1000, 1 << 20);
  assert_memory_equal (data + length - 3, "end", 3);
  assert_int_equal (data[length - 4], 'p');
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_order),
      cmocka_unit_test (test_flood),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
