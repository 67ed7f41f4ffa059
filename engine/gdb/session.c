// SPDX-License-Identifier: GPL-3.0-or-later
// One conversation with gdb: flow, queries, threads, stopping and resuming; see session.h. What is
// spoken is gdb's remote serial protocol, all-stop, with the machine's CPUs as threads 1, 2, ...
#include "engine/gdb/session.h"

#include <string.h>

#include "engine/gdb/hex.h"
#include "engine/gdb/session-priv.h"
#include "engine/gdb/xml.h"

GdbSession *
gdb_session_new (const GdbTargetOps *ops, void *target)
{
  GdbSession *session = g_new0 (GdbSession, 1);

  session->ops = ops;
  session->target = target;
  session->output = g_string_new (NULL);
  session->last = g_string_new (NULL);
  session->xml = gdb_target_xml (ops->debug, ops->absent_features);
  session->running = true;
  return session;
}

void
gdb_session_free (GdbSession *session)
{
  if (session == NULL)
    return;
  g_string_free (session->output, TRUE);
  g_string_free (session->last, TRUE);
  g_string_free (session->xml, TRUE);
  g_free (session);
}

GString *
gdb_session_get_output (GdbSession *session)
{
  return session->output;
}

bool
gdb_session_is_attached (const GdbSession *session)
{
  return session->attached;
}

// ---- replies --------------------------------------------------------------------------------

void
gdb_session_reply_bytes (GdbSession *session, const char *data, size_t length)
{
  g_string_truncate (session->last, 0);
  gdb_packet_append (session->last, data, length);
  g_string_append_len (session->output, session->last->str, (gssize) session->last->len);
}

void
gdb_session_reply (GdbSession *session, const char *text)
{
  gdb_session_reply_bytes (session, text, strlen (text));
}

void
gdb_session_error (GdbSession *session, unsigned number)
{
  char text[8];

  g_snprintf (text, sizeof text, "E%02x", number);
  gdb_session_reply (session, text);
}

// ---- stopping -------------------------------------------------------------------------------

static void
set_stop_reply (GdbSession *session, unsigned signal, unsigned thread, const char *why)
{
  session->running = false;
  session->thread = session->step_thread = thread;
  g_snprintf (session->stop_reply, sizeof session->stop_reply, "T%02x%sthread:%x;", signal, why,
              thread + 1);
}

void
gdb_session_stopped (GdbSession *session, unsigned thread, const GuestDebugStop *why)
{
  static const char *const names[] = {[GUEST_POINT_BREAK] = "",
                                      [GUEST_POINT_WRITE] = "watch",
                                      [GUEST_POINT_READ] = "rwatch",
                                      [GUEST_POINT_ACCESS] = "awatch"};
  char text[40] = "";

  if (why->watched)
    g_snprintf (text, sizeof text, "%s:%" G_GINT64_MODIFIER "x;", names[why->kind], why->addr);
  set_stop_reply (session, GDB_SIGNAL_TRAP, thread, text);
  gdb_session_reply (session, session->stop_reply);
}

void
gdb_session_exited (GdbSession *session)
{
  if (session->attached && !session->over)
    gdb_session_reply (session, "W00");
  session->over = true;
}

static void
interrupt (GdbSession *session)
{
  if (!session->attached || !session->running)
    return;
  session->ops->stop (session->target);
  set_stop_reply (session, GDB_SIGNAL_INT, session->thread, "");
  gdb_session_reply (session, session->stop_reply);
}

// ---- threads --------------------------------------------------------------------------------

static unsigned
n_threads (const GdbSession *session)
{
  return MIN (session->ops->n_threads (session->target), GDB_THREADS_MAX);
}

// A thread's number; -1 for all and 0 for any become `any`.
static bool
parse_thread (const GdbSession *session, const char **text, int any, int *thread)
{
  uint64_t id;

  if (g_str_has_prefix (*text, "-1")) {
    *text += 2;
    *thread = any;
    return true;
  }
  if (!gdb_hex_number (text, &id) || id > n_threads (session))
    return false;
  *thread = id == 0 ? any : (int) id - 1;
  return true;
}

static void
choose_thread (GdbSession *session, const char *text)
{
  unsigned *which = *text == 'c' ? &session->step_thread : &session->thread;
  int thread = -1;

  if (*text != 'c' && *text != 'g') {
    gdb_session_error (session, GDB_ERROR_ARGUMENT);
    return;
  }
  text++;
  if (!parse_thread (session, &text, -1, &thread)) {
    gdb_session_error (session, GDB_ERROR_ARGUMENT);
    return;
  }
  if (thread >= 0)
    *which = (unsigned) thread;
  gdb_session_reply (session, "OK");
}

static void
is_alive (GdbSession *session, const char *text)
{
  int thread;

  if (parse_thread (session, &text, 0, &thread))
    gdb_session_reply (session, "OK");
  else
    gdb_session_error (session, GDB_ERROR_ARGUMENT);
}

static void
list_threads (GdbSession *session)
{
  g_autoptr (GString) text = g_string_new ("m");

  for (unsigned i = 0; i < n_threads (session); i++)
    g_string_append_printf (text, "%s%x", i > 0 ? "," : "", i + 1);
  gdb_session_reply (session, text->str);
}

static void
describe_thread (GdbSession *session, const char *text)
{
  g_autoptr (GString) reply = g_string_new (NULL);
  char name[32];
  int thread;

  if (!parse_thread (session, &text, 0, &thread)) {
    gdb_session_error (session, GDB_ERROR_ARGUMENT);
    return;
  }
  g_snprintf (name, sizeof name, "CPU %d%s", thread,
              session->ops->is_on (session->target, (unsigned) thread) ? "" : " (off)");
  gdb_hex_append (reply, (const uint8_t *) name, strlen (name));
  gdb_session_reply (session, reply->str);
}

// ---- resuming -------------------------------------------------------------------------------

static void
resume (GdbSession *session, const GdbAction *actions)
{
  session->running = true;
  session->ops->resume (session->target, actions);
}

// c and s, with no address: the thread of H c, and the others go on.
static void
resume_one (GdbSession *session, GdbAction action, const char *text)
{
  GdbAction actions[GDB_THREADS_MAX];

  if (*text != '\0') {
    gdb_session_error (session, GDB_ERROR_ARGUMENT);
    return;
  }
  for (unsigned i = 0; i < n_threads (session); i++)
    actions[i] = GDB_CONTINUE;
  actions[session->step_thread] = action;
  resume (session, actions);
}

// One ";ACTION[:THREAD]"; threads that have an action keep it.
static bool
parse_action (const GdbSession *session, const char **text, GdbAction *actions)
{
  GdbAction action;
  uint64_t signal;
  int thread = -1;

  if (*(*text)++ != ';')
    return false;
  char letter = *(*text)++;
  if (letter != 'c' && letter != 'C' && letter != 's' && letter != 'S')
    return false;
  action = letter == 'c' || letter == 'C' ? GDB_CONTINUE : GDB_STEP;
  // A guest takes no signals.
  if ((letter == 'C' || letter == 'S') && !gdb_hex_number (text, &signal))
    return false;
  if (**text == ':') {
    (*text)++;
    if (!parse_thread (session, text, -1, &thread))
      return false;
  }
  for (unsigned i = 0; i < n_threads (session); i++)
    if (actions[i] == GDB_STAY && (thread < 0 || (unsigned) thread == i))
      actions[i] = action;
  return true;
}

static void
resume_several (GdbSession *session, const char *text)
{
  GdbAction actions[GDB_THREADS_MAX] = {GDB_STAY};
  bool any = false;

  while (*text != '\0')
    if (!parse_action (session, &text, actions)) {
      gdb_session_error (session, GDB_ERROR_ARGUMENT);
      return;
    }
  for (unsigned i = 0; i < n_threads (session); i++)
    any |= actions[i] != GDB_STAY;
  if (any)
    resume (session, actions);
  else
    gdb_session_error (session, GDB_ERROR_ARGUMENT);
}

static void
resume_verb (GdbSession *session, const char *text)
{
  if (strcmp (text, "Cont?") == 0)
    gdb_session_reply (session, "vCont;c;C;s;S");
  else if (g_str_has_prefix (text, "Cont;"))
    resume_several (session, text + strlen ("Cont"));
  else
    gdb_session_reply (session, "");
}

// ---- queries --------------------------------------------------------------------------------

static void
send_features (GdbSession *session, const char *text)
{
  static const char name[] = "target.xml:";
  bool known = g_str_has_prefix (text, name);
  uint64_t offset, length;

  text += known ? strlen (name) : 0;
  if (!known || !gdb_hex_number (&text, &offset) || *text++ != ',' ||
      !gdb_hex_number (&text, &length) || offset > session->xml->len) {
    gdb_session_error (session, GDB_ERROR_ARGUMENT);
    return;
  }
  uint64_t left = session->xml->len - offset,
           n = MIN (MIN (left, length), GDB_PACKET_MAX_BYTES / 2);
  g_autoptr (GString) reply = g_string_new (n == left ? "l" : "m");
  g_string_append_len (reply, session->xml->str + offset, (gssize) n);
  gdb_session_reply_bytes (session, reply->str, reply->len);
}

static void
query (GdbSession *session, const char *text)
{
  char reply[128];

  if (g_str_has_prefix (text, "Supported")) {
    g_snprintf (reply, sizeof reply,
                "PacketSize=%x;QStartNoAckMode+;qXfer:features:read+;vContSupported+",
                GDB_PACKET_MAX_BYTES);
    gdb_session_reply (session, reply);
  } else if (g_str_has_prefix (text, "Xfer:features:read:")) {
    send_features (session, text + strlen ("Xfer:features:read:"));
  } else if (strcmp (text, "fThreadInfo") == 0) {
    list_threads (session);
  } else if (strcmp (text, "sThreadInfo") == 0) {
    gdb_session_reply (session, "l");
  } else if (g_str_has_prefix (text, "ThreadExtraInfo,")) {
    describe_thread (session, text + strlen ("ThreadExtraInfo,"));
  } else if (strcmp (text, "C") == 0) {
    g_snprintf (reply, sizeof reply, "QC%x", session->thread + 1);
    gdb_session_reply (session, reply);
  } else if (g_str_has_prefix (text, "Attached")) {
    gdb_session_reply (session, "1"); // so that gdb leaves it running when it quits
  } else if (strcmp (text, "qemu.PhyMemMode") == 0) {
    gdb_session_reply (session, session->physical ? "1" : "0");
  } else {
    gdb_session_reply (session, "");
  }
}

static void
set (GdbSession *session, const char *text)
{
  if (strcmp (text, "StartNoAckMode") == 0) {
    session->no_ack = true;
    gdb_session_reply (session, "OK");
  } else if (g_str_has_prefix (text, "qemu.PhyMemMode:")) {
    // The name that scripts for another emulator use.
    session->physical = text[strlen ("qemu.PhyMemMode:")] == '1';
    gdb_session_reply (session, "OK");
  } else {
    gdb_session_reply (session, "");
  }
}

// ---- flow -----------------------------------------------------------------------------------

static void
detach (GdbSession *session)
{
  session->over = true;
  gdb_session_reply (session, "OK");
}

static void
kill_machine (GdbSession *session, bool answer)
{
  session->over = true;
  if (answer)
    gdb_session_reply (session, "OK");
  session->ops->kill (session->target);
}

// What is asked of a stopped machine.
static void
handle_stopped (GdbSession *session, const char *text, size_t length)
{
  switch (*text) {
  case '?':
    gdb_session_reply (session, session->stop_reply);
    break;
  case 'g':
    gdb_read_registers (session);
    break;
  case 'G':
    gdb_write_registers (session, text + 1);
    break;
  case 'p':
    gdb_read_register (session, text + 1);
    break;
  case 'P':
    gdb_write_register (session, text + 1);
    break;
  case 'm':
    gdb_read_memory (session, text + 1);
    break;
  case 'M':
    gdb_write_memory (session, text + 1);
    break;
  case 'X':
    gdb_write_binary (session, text + 1, length - 1);
    break;
  case 'z':
  case 'Z':
    gdb_set_point (session, *text == 'Z', text + 1);
    break;
  case 'H':
    choose_thread (session, text + 1);
    break;
  case 'T':
    is_alive (session, text + 1);
    break;
  case 'c':
    resume_one (session, GDB_CONTINUE, text + 1);
    break;
  case 's':
    resume_one (session, GDB_STEP, text + 1);
    break;
  case 'v':
    resume_verb (session, text + 1);
    break;
  case 'q':
    query (session, text + 1);
    break;
  case 'Q':
    set (session, text + 1);
    break;
  default:
    gdb_session_reply (session, "");
    break;
  }
}

static void
handle_packet (GdbSession *session, const char *text, size_t length)
{
  if (!session->attached) {
    session->attached = true;
    session->ops->stop (session->target);
    set_stop_reply (session, GDB_SIGNAL_TRAP, 0, "");
  }
  if (*text == 'D')
    detach (session);
  else if (*text == 'k')
    kill_machine (session, false);
  else if (g_str_has_prefix (text, "vKill;"))
    kill_machine (session, true);
  else if (session->running)
    gdb_session_error (session, GDB_ERROR_STATE);
  else
    handle_stopped (session, text, length);
}

static void
handle (GdbSession *session, GdbEvent event)
{
  bool acknowledge = !session->no_ack;

  switch (event) {
  case GDB_EVENT_PACKET:
    if (acknowledge)
      g_string_append_c (session->output, '+');
    handle_packet (session, session->decoder.data, session->decoder.length);
    break;
  case GDB_EVENT_BAD:
    if (acknowledge)
      g_string_append_c (session->output, '-');
    break;
  case GDB_EVENT_NACK:
    if (acknowledge)
      g_string_append_len (session->output, session->last->str, (gssize) session->last->len);
    break;
  case GDB_EVENT_INTERRUPT:
    interrupt (session);
    break;
  case GDB_EVENT_ACK:
  case GDB_EVENT_NONE:
    break;
  }
}

bool
gdb_session_feed (GdbSession *session, const uint8_t *bytes, size_t length)
{
  for (size_t i = 0; i < length && !session->over; i++)
    handle (session, gdb_decoder_feed (&session->decoder, bytes[i]));
  return !session->over;
}
