// SPDX-License-Identifier: GPL-3.0-or-later
// What a session answers, packet by packet, and what it asks of its target.
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <string.h>

#include "engine/gdb/packet.h"
#include "engine/gdb/xml.h"
#include "tests/unit/gdb/fake-target.h"

typedef struct Case {
  const char *ask, *answer;
} Case;

typedef struct Talk {
  FakeTarget target;
  GdbSession *session;
} Talk;

static bool
feed (Talk *talk, const char *bytes)
{
  return gdb_session_feed (talk->session, (const uint8_t *) bytes, strlen (bytes));
}

// The data of the one packet that was sent; acknowledgements are left out. NULL: nothing.
static char *
take_answer (Talk *talk)
{
  GString *output = gdb_session_get_output (talk->session);
  GdbDecoder *decoder = g_new0 (GdbDecoder, 1);
  char *answer = NULL;

  for (size_t i = 0; i < output->len; i++)
    if (gdb_decoder_feed (decoder, (uint8_t) output->str[i]) == GDB_EVENT_PACKET) {
      assert_null (answer);
      answer = g_strdup (decoder->data);
    }
  g_string_truncate (output, 0);
  g_free (decoder);
  return answer;
}

static char *
ask (Talk *talk, const char *data)
{
  g_autoptr (GString) packet = g_string_new (NULL);

  gdb_packet_append (packet, data, strlen (data));
  feed (talk, packet->str);
  return take_answer (talk);
}

static void
expect (Talk *talk, const char *data, const char *wanted)
{
  g_autofree char *answer = ask (talk, data);

  if (g_strcmp0 (answer, wanted) != 0)
    fail_msg ("%s: %s instead of %s", data, answer, wanted);
}

static int
setup (void **state)
{
  Talk *talk = g_new0 (Talk, 1);

  for (unsigned i = 0; i < FAKE_MEMORY_BYTES; i++)
    talk->target.memory[i] = (uint8_t) i;
  talk->target.registers[0][0][0] = 0x12;
  talk->target.registers[1][2][15] = 0x34;
  talk->target.running = true;
  talk->session = gdb_session_new (&fake_target_ops, &talk->target);
  *state = talk;
  return 0;
}

static int
teardown (void **state)
{
  Talk *talk = *state;

  gdb_session_free (talk->session);
  g_free (talk);
  return 0;
}

#define R0     "1200000000000000"
#define ZERO64 "0000000000000000"

static void
test_answers (void **state)
{
  static const Case cases[] = {
      {"?", "T05thread:1;"},
      {"vMustReplyEmpty", ""},
      {"", ""},
      {"!", ""},
      {"g", R0 "00000000" ZERO64 ZERO64},
      {"p0", R0},
      {"p3", ZERO64},
      {"p4", "E16"},
      {"pffffffffffffffff", "E16"},
      {"p", "E16"},
      {"P1=01020304", "OK"},
      {"p1", "01020304"},
      {"P1=010203", "E16"},
      {"P1=010203zz", "E16"},
      {"P1", "E16"},
      {"P3=" ZERO64, "E16"},
      {"G" ZERO64 "05000000", "OK"},
      {"p1", "05000000"},
      {"G" ZERO64 "0", "E16"},
      {"mffff000000001001,3", "010203"},
      {"mffff0000000010fe,10", "feff"},
      {"m0,1", "E0e"},
      {"m0", "E16"},
      {"m,1", "E16"},
      {"m10000000000000000,1", "E16"},
      {"Mffff000000001001,2:aabb", "OK"},
      {"mffff000000001000,4", "00aabb03"},
      {"Mffff000000001001,2:aa", "E16"},
      {"Mffff000000001001,2:aabbcc", "E16"},
      {"M0,1:00", "E0e"},
      {"Xffff000000001000,2:*$", "OK"},
      {"mffff000000001000,3", "2a24bb"},
      {"Xffff000000001000,3:ab", "E16"},
      {"qqemu.PhyMemMode", "0"},
      {"Qqemu.PhyMemMode:1", "OK"},
      {"m40001000,1", "2a"},
      {"mffff000000001000,1", "E0e"},
      {"Qqemu.PhyMemMode:0", "OK"},
      {"m40001000,1", "E0e"},
      {"qC", "QC1"},
      {"qfThreadInfo", "m1,2"},
      {"qsThreadInfo", "l"},
      {"qThreadExtraInfo,2", "435055203120286f666629"},
      {"qThreadExtraInfo,3", "E16"},
      {"T2", "OK"},
      {"T3", "E16"},
      {"Hg2", "OK"},
      {"p2", ZERO64 "0000000000000034"},
      {"Hg0", "OK"},
      {"Hc-1", "OK"},
      {"Hg3", "E16"},
      {"Hx1", "E16"},
      {"H", "E16"},
      {"qAttached", "1"},
      {"vCont?", "vCont;c;C;s;S"},
      {"vCont;t", "E16"},
      {"vCont", ""},
      {"vCont;", "E16"},
      {"vCont;s:9", "E16"},
      {"c1000", "E16"},
      {"qXfer:features:read:target.xml:0,5", "m<?xml"},
      {"qXfer:features:read:target.xml:fffff,5", "E16"},
      {"qXfer:features:read:other.xml:0,5", "E16"},
      {"qXfer:features:read:target.xml:0", "E16"},
      {"qRcmd,00", ""},
  };
  Talk *talk = *state;

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    expect (talk, cases[i].ask, cases[i].answer);
  assert_int_equal (talk->target.stops, 1);
  assert_int_equal (talk->target.resumes, 0);
}

static void
test_points (void **state)
{
  static const struct {
    const char *ask;
    GuestPoint kind;
    uint64_t length;
  } cases[] = {
      {"Z0,1000,4", GUEST_POINT_BREAK, 4},
      {"Z2,1000,8", GUEST_POINT_WRITE, 8},
      {"Z3,1000,1", GUEST_POINT_READ, 1},
      {"Z4,1000,1000", GUEST_POINT_ACCESS, 0x1000},
  };
  Talk *talk = *state;

  expect (talk, "Z2,1000,0", "E16");
  expect (talk, "Z2,1000,1001", "E16");
  expect (talk, "Z0,1000,4;X1,0", "E16");
  expect (talk, "Z5,1000,4", "");
  expect (talk, "Z", "");
  assert_int_equal (talk->target.n_points, 0);
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    expect (talk, cases[i].ask, "OK");
    assert_true (talk->target.set);
    assert_int_equal (talk->target.kind, cases[i].kind);
    assert_int_equal (talk->target.addr, 0x1000);
    assert_int_equal (talk->target.length, cases[i].length);
  }
  expect (talk, "Z1,2000,4", "E16"); // full
  talk->target.n_points = 0;
  expect (talk, "z1,2000,4", "OK");
  assert_false (talk->target.set);
}

static void
test_resuming (void **state)
{
  static const struct {
    const char *ask;
    GdbAction actions[FAKE_THREADS];
  } cases[] = {
      {"c", {GDB_CONTINUE, GDB_CONTINUE}},           {"s", {GDB_STEP, GDB_CONTINUE}},
      {"vCont;c", {GDB_CONTINUE, GDB_CONTINUE}},     {"vCont;s:2", {GDB_STAY, GDB_STEP}},
      {"vCont;s:2;c", {GDB_CONTINUE, GDB_STEP}},     {"vCont;S05:1;c:-1", {GDB_STEP, GDB_CONTINUE}},
      {"vCont;c;s:1", {GDB_CONTINUE, GDB_CONTINUE}},
  };
  const GuestDebugStop stop = {.watched = false};
  Talk *talk = *state;

  expect (talk, "?", "T05thread:1;");
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    expect (talk, "Hc1", "OK");
    expect (talk, cases[i].ask, NULL);
    assert_int_equal (talk->target.resumes, i + 1);
    assert_memory_equal (talk->target.actions, cases[i].actions, sizeof cases[i].actions);
    expect (talk, "g", "E01"); // runs
    talk->target.running = false;
    gdb_session_stopped (talk->session, 1, &stop);
    g_autofree char *answer = take_answer (talk);
    assert_string_equal (answer, "T05thread:2;");
  }
  expect (talk, "qC", "QC2");
}

static void
test_stops (void **state)
{
  const GuestDebugStop watched = {.watched = true, .kind = GUEST_POINT_READ, .addr = 0xabc};
  Talk *talk = *state;

  // Nothing was said yet: an interrupt means nothing.
  feed (talk, "\x03");
  assert_int_equal (talk->target.stops, 0);
  expect (talk, "c", NULL);
  assert_int_equal (talk->target.stops, 1);
  talk->target.running = false;
  gdb_session_stopped (talk->session, 0, &watched);
  g_autofree char *stop = take_answer (talk);
  assert_string_equal (stop, "T05rwatch:abc;thread:1;");
  feed (talk, "\x03");
  assert_null (take_answer (talk));
  expect (talk, "c", NULL);
  feed (talk, "\x03");
  g_autofree char *interrupted = take_answer (talk);
  assert_string_equal (interrupted, "T02thread:1;");
  assert_int_equal (talk->target.stops, 2);
  expect (talk, "?", "T02thread:1;");
}

static void
test_acknowledging (void **state)
{
  Talk *talk = *state;
  GString *output = gdb_session_get_output (talk->session);

  feed (talk, "$qC#b4");
  assert_string_equal (output->str, "+$QC1#c5");
  feed (talk, "-");
  assert_string_equal (output->str, "+$QC1#c5$QC1#c5");
  g_string_truncate (output, 0);
  feed (talk, "$qC#b5");
  assert_string_equal (output->str, "-");
  g_string_truncate (output, 0);
  feed (talk, "$QStartNoAckMode#b0");
  assert_string_equal (output->str, "+$OK#9a");
  g_string_truncate (output, 0);
  feed (talk, "+$qC#b4-");
  assert_string_equal (output->str, "$QC1#c5");
}

static void
test_endings (void **state)
{
  static const struct {
    const char *ask, *answer;
    unsigned kills;
  } cases[] = {
      {"$D#44", "OK", 0},
      {"$k#6b", NULL, 1},
      {"$vKill;1#6e", "OK", 1},
  };

  teardown (state);
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    setup (state);
    Talk *talk = *state;
    assert_false (feed (talk, cases[i].ask));
    g_autofree char *answer = take_answer (talk);
    assert_int_equal (g_strcmp0 (answer, cases[i].answer), 0);
    assert_int_equal (talk->target.kills, cases[i].kills);
    teardown (state);
  }
  setup (state);
  Talk *talk = *state;
  gdb_session_exited (talk->session);
  assert_null (take_answer (talk)); // nobody asked
  teardown (state);
  setup (state);
  talk = *state;
  expect (talk, "c", NULL);
  gdb_session_exited (talk->session);
  g_autofree char *exited = take_answer (talk);
  assert_string_equal (exited, "W00");
}

static void
test_description (void **state)
{
  Talk *talk = *state;
  g_autoptr (GString) xml = g_string_new (NULL);
  char last = 'm';

  while (last == 'm') {
    g_autofree char *question = g_strdup_printf ("qXfer:features:read:target.xml:%zx,40", xml->len);
    g_autofree char *answer = ask (talk, question);

    last = answer[0];
    g_string_append (xml, answer + 1);
  }
  assert_int_equal (last, 'l');
  assert_non_null (strstr (xml->str, "<architecture>fake</architecture>"));
  assert_non_null (strstr (xml->str, "<feature name=\"test.more\">\n<!-- types --><reg name=\"r3\" "
                                     "bitsize=\"64\" regnum=\"3\" type=\"int\"/>"));
  assert_true (g_str_has_suffix (xml->str, "</target>\n"));
  // A feature that the CPU lacks is not there, nor are its registers.
  g_autoptr (GString) less = gdb_target_xml (fake_target_ops.debug, 1u << 1);
  assert_null (strstr (less->str, "test.more"));
  assert_null (strstr (less->str, "\"r3\""));
  assert_non_null (strstr (less->str, "test.core"));
}

#define TEST(name) cmocka_unit_test_setup_teardown (test_##name, setup, teardown)

int
main (void)
{
  const struct CMUnitTest tests[] = {
      TEST (answers),       TEST (points),  TEST (resuming),    TEST (stops),
      TEST (acknowledging), TEST (endings), TEST (description),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
