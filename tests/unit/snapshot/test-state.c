// SPDX-License-Identifier: GPL-3.0-or-later
// Saved state: what is written comes back, and what is damaged, cut short or foreign is refused
// without reading outside it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <zlib.h>

#include "engine/snapshot/state.h"

static GBytes *
make_state (void)
{
  StateWriter *writer = state_writer_new ();

  state_writer_begin (writer, "first", 3);
  state_put_u8 (writer, 0x12);
  state_put_u16 (writer, 0x1234);
  state_put_u32 (writer, 0x12345678);
  state_put_u64 (writer, 0x123456789abcdef0);
  state_put_bool (writer, true);
  state_put_bytes (writer, "bytes", 5);
  state_writer_end (writer);
  state_writer_begin (writer, "empty", 1);
  state_writer_end (writer);
  state_writer_begin (writer, "blob", 1);
  state_put_bytes (writer, "blobs", 5);
  state_put_bytes (writer, NULL, 0);
  state_writer_end (writer);
  return state_writer_finish (writer);
}

// Reads what make_state wrote; false as soon as anything is wrong. Says what it read only when all
// was well.
static bool
read_state (GBytes *bytes)
{
  StateReader *reader = state_reader_new (bytes, NULL);
  uint32_t version;
  char text[5];
  bool ok;

  if (reader == NULL)
    return false;
  ok = state_reader_begin (reader, "first", 3, &version, NULL) && version == 3;
  ok = ok && state_get_u8 (reader) == 0x12 && state_get_u16 (reader) == 0x1234 &&
       state_get_u32 (reader) == 0x12345678 && state_get_u64 (reader) == 0x123456789abcdef0 &&
       state_get_bool (reader);
  if (ok)
    state_get_bytes (reader, text, sizeof text);
  ok = ok && memcmp (text, "bytes", 5) == 0 && state_reader_end (reader, NULL);
  ok = ok && state_reader_begin (reader, "empty", 1, &version, NULL) && version == 1 &&
       state_reader_end (reader, NULL) && state_reader_begin (reader, "blob", 1, &version, NULL) &&
       version == 1;
  if (ok) {
    g_autoptr (GBytes) blob = state_get_blob (reader, 5);
    g_autoptr (GBytes) nothing = state_get_blob (reader, 5);

    ok = blob != NULL && g_bytes_get_size (blob) == 5 && nothing != NULL &&
         g_bytes_get_size (nothing) == 0 && state_reader_end (reader, NULL);
  }
  state_reader_free (reader);
  return ok;
}

static void
test_round_trip (void **state)
{
  g_autoptr (GBytes) bytes = make_state ();

  assert_true (read_state (bytes));
}

static void
test_cut_short (void **state)
{
  g_autoptr (GBytes) whole = make_state ();

  for (size_t length = 0; length < g_bytes_get_size (whole); length++) {
    // A copy of its own, so that a sanitizer sees a read beyond it.
    g_autofree uint8_t *copy = g_memdup2 (g_bytes_get_data (whole, NULL), MAX (length, 1));
    g_autoptr (GBytes) part = g_bytes_new_static (copy, length);

    assert_false (read_state (part));
  }
}

static void
test_damaged (void **state)
{
  g_autoptr (GBytes) whole = make_state ();
  size_t length;
  const uint8_t *data = g_bytes_get_data (whole, &length);

  for (size_t i = 0; i < length; i++) {
    g_autofree uint8_t *copy = g_memdup2 (data, length);
    g_autoptr (GBytes) damaged = g_bytes_new_static (copy, length);

    copy[i] ^= 0x10;
    assert_false (read_state (damaged));
  }
}

// Damage with a matching checksum: nothing is believed.
static void
test_forged (void **state)
{
  g_autoptr (GBytes) whole = make_state ();
  size_t length;
  const uint8_t *data = g_bytes_get_data (whole, &length);

  for (size_t i = 24; i < length; i++) {
    for (unsigned value = 0; value < 256; value += 51) {
      g_autofree uint8_t *copy = g_memdup2 (data, length);
      g_autoptr (GBytes) forged = g_bytes_new_static (copy, length);

      copy[i] = (uint8_t) value;
      uint32_t sum = GUINT32_TO_LE ((uint32_t) crc32 (0, copy + 24, (unsigned) length - 24));
      memcpy (copy + 12, &sum, sizeof sum);
      if (copy[i] != data[i] && i < length - 14) // the last bytes are the blob's own contents
        assert_false (read_state (forged));
    }
  }
}

static void
test_reader_fails_for_good (void **state)
{
  g_autoptr (GBytes) bytes = make_state ();
  StateReader *reader = state_reader_new (bytes, NULL);
  g_autoptr (GError) error = NULL;
  uint32_t version;
  char text[64];

  assert_true (state_reader_begin (reader, "first", 9, &version, NULL));
  memset (text, 'x', sizeof text);
  state_get_bytes (reader, text, sizeof text);
  assert_false (state_reader_ok (reader));
  assert_int_equal (text[0], 0);
  assert_int_equal (text[63], 0);
  assert_int_equal (state_get_u64 (reader), 0);
  assert_null (state_get_blob (reader, 100));
  assert_false (state_reader_end (reader, &error));
  assert_non_null (strstr (error->message, "first"));
  state_reader_free (reader);
}

static void
test_sections (void **state)
{
  g_autoptr (GBytes) bytes = make_state ();
  static const struct {
    const char *name;
    uint32_t max_version;
    const char *complaint;
  } cases[] = {
      {"other", 3, "other devices"},
      {"firs", 3, "other devices"},
      {"first", 2, "newer"},
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    StateReader *reader = state_reader_new (bytes, NULL);
    g_autoptr (GError) error = NULL;
    uint32_t version;

    assert_false (
        state_reader_begin (reader, cases[i].name, cases[i].max_version, &version, &error));
    assert_non_null (strstr (error->message, cases[i].complaint));
    state_reader_free (reader);
  }
}

static void
test_left_over (void **state)
{
  g_autoptr (GBytes) bytes = make_state ();
  StateReader *reader = state_reader_new (bytes, NULL);
  uint32_t version;

  assert_true (state_reader_begin (reader, "first", 3, &version, NULL));
  state_get_u8 (reader);
  assert_false (state_reader_end (reader, NULL));
  state_reader_free (reader);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_round_trip), cmocka_unit_test (test_cut_short),
      cmocka_unit_test (test_damaged),    cmocka_unit_test (test_forged),
      cmocka_unit_test (test_sections),   cmocka_unit_test (test_reader_fails_for_good),
      cmocka_unit_test (test_left_over),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
