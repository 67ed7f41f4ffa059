// SPDX-License-Identifier: GPL-3.0-or-later
// What a gdb client may send, as hostile input: packets put together from the protocol's own words,
// with bytes changed, and noise. The session may ask its target for nothing while that runs and for
// nothing out of range (the fake target aborts), and says no more than a bounded answer for each.
#include "engine/gdb/packet.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/gdb/fake-target.h"

enum {
  STEPS_MAX = 40,
  WORDS_MAX = 6,
};

static const char *const words[] = {
    "g",
    "G",
    "p",
    "P",
    "m",
    "M",
    "X",
    "Z0",
    "Z2",
    "z1",
    "Z9",
    "H",
    "Hg",
    "Hc",
    "T",
    "c",
    "s",
    "C05",
    "vCont",
    "vCont?",
    "vCont;",
    ";c",
    ";s:1",
    ";S05:2",
    "?",
    "D",
    "k",
    "vKill;",
    "q",
    "qC",
    "qXfer:features:read:",
    "target.xml:",
    "qSupported",
    "qfThreadInfo",
    "qThreadExtraInfo,",
    "QStartNoAckMode",
    "Qqemu.PhyMemMode:",
    "ffff000000001000",
    "40001000",
    "ffffffffffffffff",
    "10000000000000000",
    "-1",
    "0",
    "1",
    "2",
    "fff",
    ",",
    ":",
    "=",
    ";",
    "#",
    "}",
    "*",
    "00112233445566778899aabbccddeeff",
};

static void
append_packet (GString *out, FuzzInput *in)
{
  g_autoptr (GString) data = g_string_new (NULL);
  size_t start = out->len;

  for (unsigned n = 1 + fuzz_below (in, WORDS_MAX); n > 0; n--)
    g_string_append (data, words[fuzz_below (in, G_N_ELEMENTS (words))]);
  if (fuzz_below (in, 64) == 0)
    for (unsigned n = fuzz_below (in, GDB_PACKET_MAX_BYTES * 2); n > 0; n--)
      g_string_append_c (data, 'a');
  if (fuzz_below (in, 4) == 0)
    data->str[fuzz_below (in, (unsigned) data->len)] = (char) fuzz_number (in, 1);
  gdb_packet_append (out, data->str, data->len);
  if (fuzz_below (in, 16) == 0)
    out->str[start + fuzz_below (in, (unsigned) (out->len - start))] = (char) fuzz_number (in, 1);
}

static void
append_noise (GString *out, FuzzInput *in)
{
  for (unsigned n = fuzz_below (in, 64); n > 0; n--)
    g_string_append_c (out, (char) fuzz_number (in, 1));
}

// False: the conversation is over.
static bool
step (GdbSession *session, FakeTarget *target, FuzzInput *in)
{
  const GuestDebugStop stop = {
      .watched = fuzz_below (in, 2), .kind = fuzz_below (in, 4), .addr = fuzz_number (in, 8)};
  g_autoptr (GString) bytes = g_string_new (NULL);

  switch (fuzz_below (in, 8)) {
  case 0:
    append_noise (bytes, in);
    break;
  case 1:
    g_string_append_c (bytes, 3);
    break;
  case 2:
    if (target->running && gdb_session_is_attached (session)) {
      target->running = false;
      gdb_session_stopped (session, fuzz_below (in, FAKE_THREADS), &stop);
    }
    break;
  default:
    append_packet (bytes, in);
    break;
  }
  bool going_on = gdb_session_feed (session, (const uint8_t *) bytes->str, bytes->len);
  GString *output = gdb_session_get_output (session);
  g_assert (output->len <= (bytes->len + 1) * (GDB_PACKET_MAX_BYTES * 2 + 8));
  g_string_truncate (output, 0);
  return going_on;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  FuzzInput in = {.data = data, .left = size};
  FakeTarget target = {.running = true};
  GdbSession *session = gdb_session_new (&fake_target_ops, &target);

  for (unsigned i = 0; i < STEPS_MAX && in.left > 0 && step (session, &target, &in); i++)
    continue;
  gdb_session_exited (session);
  gdb_session_free (session);
  return 0;
}
