// SPDX-License-Identifier: GPL-3.0-or-later
// The TCP connections of a guest, noted from frames made by hand: which are asked about after a
// restore, and that no frame and no state leads out of the table.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "engine/net/connections.h"

enum {
  MOST = 256,
  FRAME_BYTES = 74, // the longest of ours
  FIN = 1,
  SYN = 2,
  RST = 4,
  ACK = 16,
};

typedef struct Questions {
  unsigned n;
  uint16_t first, last; // the guest's ports
  uint8_t frame[FRAME_BYTES];
  size_t length;
} Questions;

static void
put_u16 (uint8_t *at, unsigned value)
{
  at[0] = (uint8_t) (value >> 8);
  at[1] = (uint8_t) value;
}

static size_t
make_segment (uint8_t frame[FRAME_BYTES], unsigned version, unsigned port, uint8_t flags,
              bool from_guest)
{
  uint8_t *ip = frame + 14, *tcp = ip + (version == 4 ? 20 : 40);

  memset (frame, 0, FRAME_BYTES);
  frame[from_guest ? 6 : 0] = 0x52;
  put_u16 (frame + 12, version == 4 ? 0x0800 : 0x86dd);
  ip[0] = version == 4 ? 0x45 : 0x60;
  ip[version == 4 ? 9 : 6] = 6;
  if (version == 4) {
    ip[from_guest ? 15 : 19] = 15;
    ip[from_guest ? 19 : 15] = 2;
  } else {
    ip[from_guest ? 23 : 39] = 15;
    ip[from_guest ? 39 : 23] = 2;
  }
  put_u16 (tcp + (from_guest ? 0 : 2), port);
  put_u16 (tcp + (from_guest ? 2 : 0), 80);
  tcp[12] = 5 << 4;
  tcp[13] = flags;
  return (size_t) (tcp + 20 - frame);
}

static void
note (NetConnections *connections, unsigned port, uint8_t flags, bool from_guest)
{
  uint8_t frame[FRAME_BYTES];
  size_t length = make_segment (frame, 4, port, flags, from_guest);

  net_connections_note (connections, frame, length, from_guest);
}

static void
keep_question (void *data, const uint8_t *frame, size_t length)
{
  Questions *questions = data;
  const uint8_t *tcp = frame + (frame[12] == 8 ? 34 : 54);

  questions->last = (uint16_t) (tcp[2] << 8 | tcp[3]);
  if (questions->n++ == 0)
    questions->first = questions->last;
  assert_in_range (length, 54, FRAME_BYTES);
  memcpy (questions->frame, frame, length);
  questions->length = length;
}

// What is asked after a restore.
static Questions
ask (const NetConnections *connections)
{
  StateWriter *writer = state_writer_new ();
  NetConnections *after = net_connections_new ();
  Questions questions = {0};
  uint32_t version;

  state_writer_begin (writer, "net", 1);
  net_connections_save (connections, writer);
  state_writer_end (writer);
  g_autoptr (GBytes) bytes = state_writer_finish (writer);
  StateReader *reader = state_reader_new (bytes, NULL);
  assert_true (state_reader_begin (reader, "net", 1, &version, NULL));
  assert_true (net_connections_load (after, reader));
  assert_true (state_reader_end (reader, NULL));
  state_reader_free (reader);
  net_connections_ask_loaded (after, keep_question, &questions);
  unsigned n = questions.n;
  net_connections_ask_loaded (after, keep_question, &questions); // not again
  assert_int_equal (questions.n, n);
  net_connections_free (after);
  return questions;
}

static void
test_ends (void **state)
{
  NetConnections *connections = net_connections_new ();

  (void) state;
  note (connections, 1000, SYN, true);
  note (connections, 1000, SYN | ACK, false);
  note (connections, 1001, SYN, false);
  note (connections, 1002, SYN, true);
  assert_int_equal (ask (connections).n, 3);
  note (connections, 1002, RST, false);
  note (connections, 1001, FIN | ACK, true);
  note (connections, 1001, FIN | ACK, true); // once more
  assert_int_equal (ask (connections).n, 2);
  note (connections, 1001, FIN | ACK, false);
  Questions questions = ask (connections);
  assert_int_equal (questions.n, 1);
  assert_int_equal (questions.last, 1000);
  net_connections_free (connections);
}

// The guest's end was seen, the other's was not; then its ports are another connection's.
static void
test_ports_again (void **state)
{
  NetConnections *connections = net_connections_new ();

  (void) state;
  note (connections, 1000, SYN, true);
  note (connections, 1000, FIN | ACK, true);
  note (connections, 1000, SYN, true);
  note (connections, 1000, SYN | ACK, false);
  note (connections, 1000, FIN | ACK, false); // the guest may still send
  assert_int_equal (ask (connections).n, 1);
  net_connections_free (connections);
}

static void
test_many (void **state)
{
  NetConnections *connections = net_connections_new ();

  (void) state;
  for (unsigned i = 0; i < 3 * MOST; i++)
    note (connections, 1000 + i, SYN, i % 2 == 0);
  Questions questions = ask (connections);
  assert_int_equal (questions.n, MOST);
  assert_int_equal (questions.first, 1000 + 2 * MOST);
  assert_int_equal (questions.last, 1000 + 3 * MOST - 1);
  for (unsigned i = 0; i < 3 * MOST; i++)
    note (connections, 1000 + i, RST, true);
  assert_int_equal (ask (connections).n, 0);
  net_connections_free (connections);
}

static void
test_ipv6 (void **state)
{
  NetConnections *connections = net_connections_new ();
  uint8_t frame[FRAME_BYTES];
  uint32_t sum = 6 + 20;

  (void) state;
  net_connections_note (connections, frame, make_segment (frame, 6, 1000, SYN, true), true);
  Questions questions = ask (connections);
  assert_int_equal (questions.n, 1);
  assert_int_equal (questions.length, FRAME_BYTES);
  assert_int_equal (questions.frame[0], 0x52);
  // Addresses, then the segment.
  for (unsigned i = 22; i < FRAME_BYTES; i += 2)
    sum += (uint32_t) (questions.frame[i] << 8 | questions.frame[i + 1]);
  assert_int_equal ((sum & 0xffff) + (sum >> 16), 0xffff);
  net_connections_free (connections);
}

// Frames cut short, with headers of every length, each where nothing may be read behind it.
static void
test_hostile (void **state)
{
  NetConnections *connections = net_connections_new ();

  (void) state;
  for (unsigned version = 4; version <= 6; version += 2)
    for (unsigned words = 0; words < 16; words++)
      for (size_t length = 0; length <= FRAME_BYTES; length++) {
        uint8_t frame[FRAME_BYTES];
        make_segment (frame, version, 1000, SYN | FIN, true);
        frame[14] = (uint8_t) ((frame[14] & 0xf0) | words);
        g_autofree uint8_t *exact = g_memdup2 (frame, length);
        net_connections_note (connections, exact, length, length % 2 == 0);
      }
  assert_in_range (ask (connections).n, 1, MOST);
  net_connections_free (connections);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_ends),    cmocka_unit_test (test_ports_again),
      cmocka_unit_test (test_many),    cmocka_unit_test (test_ipv6),
      cmocka_unit_test (test_hostile),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
