// SPDX-License-Identifier: GPL-3.0-or-later
// Framing: what a stream of bytes is taken for, and that what is sent is understood again.
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <string.h>

#include "engine/gdb/packet.h"

// What came out: P<data>; for a packet, B bad, + and -, ^ interrupt.
static char *
decode (const char *bytes, size_t length)
{
  static const char *const letters[] = {[GDB_EVENT_BAD] = "B",
                                        [GDB_EVENT_ACK] = "+",
                                        [GDB_EVENT_NACK] = "-",
                                        [GDB_EVENT_INTERRUPT] = "^"};
  GdbDecoder *decoder = g_new0 (GdbDecoder, 1);
  GString *out = g_string_new (NULL);

  for (size_t i = 0; i < length; i++) {
    GdbEvent event = gdb_decoder_feed (decoder, (uint8_t) bytes[i]);

    if (event == GDB_EVENT_PACKET) {
      g_string_append_c (out, 'P');
      g_string_append_len (out, decoder->data, (gssize) decoder->length);
      g_string_append_c (out, ';');
      assert_int_equal (decoder->data[decoder->length], 0);
    } else if (event != GDB_EVENT_NONE) {
      g_string_append (out, letters[event]);
    }
  }
  g_free (decoder);
  return g_string_free (out, FALSE);
}

static void
test_streams (void **state)
{
  static const struct {
    const char *in, *out;
  } cases[] = {
      {"$#00", "P;"},
      {"$g#67", "Pg;"},
      {"+$g#67+-", "+Pg;+-"},
      {"$g#68", "B"},
      {"$g#6G", "B"},
      {"$g#zz$g#67", "BPg;"},
      {"noise$g#67noise", "Pg;"},
      {"$half$g#67", "Pg;"},
      {"$a}\x03z#9e", "B"},
      {"$}\x03#80", "P#;"},
      {"$}]#da", "P};"},
      {"\x03$\x03#03", "^P\x03;"},
      {"$OK#9A", "POK;"},
      {"#67g$", ""},
      {"$g#6", ""},
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *out = decode (cases[i].in, strlen (cases[i].in));

    assert_string_equal (out, cases[i].out);
  }
}

static void
test_lengths (void **state)
{
  for (int extra = -1; extra <= 1; extra++) {
    size_t n = (size_t) (GDB_PACKET_MAX_BYTES + extra);
    g_autofree char *data = g_strnfill (n, 'a');
    g_autoptr (GString) packet = g_string_new (NULL);

    gdb_packet_append (packet, data, n);
    g_autofree char *out = decode (packet->str, packet->len);
    if (extra > 0)
      assert_string_equal (out, "B");
    else
      assert_int_equal (strlen (out), n + 2);
  }
}

static void
test_round_trip (void **state)
{
  g_autoptr (GString) packet = g_string_new ("+");
  char all[256];

  for (int i = 0; i < 256; i++)
    all[i] = (char) i;
  gdb_packet_append (packet, all, sizeof all);
  assert_null (strchr (packet->str, '*'));
  GdbDecoder *decoder = g_new0 (GdbDecoder, 1);
  GdbEvent last = GDB_EVENT_NONE;
  for (size_t i = 0; i < packet->len; i++)
    last = gdb_decoder_feed (decoder, (uint8_t) packet->str[i]);
  assert_int_equal (last, GDB_EVENT_PACKET);
  assert_int_equal (decoder->length, sizeof all);
  assert_memory_equal (decoder->data, all, sizeof all);
  g_free (decoder);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_streams),
      cmocka_unit_test (test_lengths),
      cmocka_unit_test (test_round_trip),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
