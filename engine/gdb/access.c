// SPDX-License-Identifier: GPL-3.0-or-later
// The packets that look into the stopped machine and change it; see session-priv.h.
#include <string.h>

#include "engine/gdb/hex.h"
#include "engine/gdb/session-priv.h"

enum {
  READ_MAX_BYTES = GDB_PACKET_MAX_BYTES / 2,
  WATCH_MAX_BYTES = 4096,
};

// ---- registers ------------------------------------------------------------------------------

void
gdb_read_registers (GdbSession *session)
{
  const GuestDebugOps *debug = session->ops->debug;
  g_autoptr (GString) text = g_string_new (NULL);
  uint8_t value[GUEST_REGISTER_BYTES];
  GuestRegister reg;

  for (unsigned n = 0; n < debug->n_general && debug->describe_register (n, &reg); n++) {
    if (!session->ops->read_register (session->target, session->thread, n, value))
      memset (value, 0, sizeof value);
    gdb_hex_append (text, value, reg.bits / 8);
  }
  gdb_session_reply (session, text->str);
}

// Reads register n's value from the digits at *text and writes it.
static bool
write_register (GdbSession *session, unsigned n, const char **text)
{
  uint8_t value[GUEST_REGISTER_BYTES] = {0};
  GuestRegister reg;

  return session->ops->debug->describe_register (n, &reg) &&
         gdb_hex_bytes (text, value, reg.bits / 8) &&
         session->ops->write_register (session->target, session->thread, n, value);
}

void
gdb_write_registers (GdbSession *session, const char *text)
{
  for (unsigned n = 0; n < session->ops->debug->n_general && *text != '\0'; n++)
    if (!write_register (session, n, &text)) {
      gdb_session_error (session, GDB_ERROR_ARGUMENT);
      return;
    }
  gdb_session_reply (session, "OK");
}

void
gdb_read_register (GdbSession *session, const char *text)
{
  g_autoptr (GString) reply = g_string_new (NULL);
  uint8_t value[GUEST_REGISTER_BYTES];
  GuestRegister reg;
  uint64_t n;

  if (!gdb_hex_number (&text, &n) || n > UINT16_MAX ||
      !session->ops->debug->describe_register ((unsigned) n, &reg) ||
      !session->ops->read_register (session->target, session->thread, (unsigned) n, value)) {
    gdb_session_error (session, GDB_ERROR_ARGUMENT);
    return;
  }
  gdb_hex_append (reply, value, reg.bits / 8);
  gdb_session_reply (session, reply->str);
}

void
gdb_write_register (GdbSession *session, const char *text)
{
  uint64_t n;

  if (gdb_hex_number (&text, &n) && n <= UINT16_MAX && *text++ == '=' &&
      write_register (session, (unsigned) n, &text))
    gdb_session_reply (session, "OK");
  else
    gdb_session_error (session, GDB_ERROR_ARGUMENT);
}

// ---- memory ---------------------------------------------------------------------------------

// "ADDR,LENGTH" and what ends it.
static bool
parse_range (const char **text, char end, uint64_t *addr, uint64_t *length)
{
  if (!gdb_hex_number (text, addr) || *(*text)++ != ',' || !gdb_hex_number (text, length) ||
      **text != end)
    return false;
  if (end != '\0')
    (*text)++;
  return true;
}

void
gdb_read_memory (GdbSession *session, const char *text)
{
  uint64_t addr, length;

  if (!parse_range (&text, '\0', &addr, &length)) {
    gdb_session_error (session, GDB_ERROR_ARGUMENT);
    return;
  }
  g_autoptr (GString) reply = g_string_new (NULL);
  uint8_t bytes[READ_MAX_BYTES];
  size_t got = session->ops->read_memory (session->target, session->thread, session->physical, addr,
                                          bytes, MIN (length, sizeof bytes));
  if (got == 0 && length > 0) {
    gdb_session_error (session, GDB_ERROR_ADDRESS);
    return;
  }
  gdb_hex_append (reply, bytes, got);
  gdb_session_reply (session, reply->str);
}

static void
write_memory (GdbSession *session, uint64_t addr, const uint8_t *bytes, size_t length)
{
  if (session->ops->write_memory (session->target, session->thread, session->physical, addr, bytes,
                                  length) == length)
    gdb_session_reply (session, "OK");
  else
    gdb_session_error (session, GDB_ERROR_ADDRESS);
}

void
gdb_write_memory (GdbSession *session, const char *text)
{
  uint8_t bytes[READ_MAX_BYTES];
  uint64_t addr, length;

  if (parse_range (&text, ':', &addr, &length) && length <= sizeof bytes &&
      gdb_hex_bytes (&text, bytes, length) && *text == '\0')
    write_memory (session, addr, bytes, length);
  else
    gdb_session_error (session, GDB_ERROR_ARGUMENT);
}

void
gdb_write_binary (GdbSession *session, const char *text, size_t length)
{
  const char *bytes = text;
  uint64_t addr, n;

  if (parse_range (&bytes, ':', &addr, &n) && n == length - (size_t) (bytes - text))
    write_memory (session, addr, (const uint8_t *) bytes, n);
  else
    gdb_session_error (session, GDB_ERROR_ARGUMENT);
}

// ---- breakpoints and watchpoints ------------------------------------------------------------

void
gdb_set_point (GdbSession *session, bool set, const char *text)
{
  static const GuestPoint kinds[] = {GUEST_POINT_BREAK, GUEST_POINT_BREAK, GUEST_POINT_WRITE,
                                     GUEST_POINT_READ, GUEST_POINT_ACCESS};
  uint64_t addr, length;
  unsigned type = (unsigned) (*text - '0');

  if (type >= G_N_ELEMENTS (kinds)) {
    gdb_session_reply (session, "");
    return;
  }
  text++;
  // Conditions and commands, which would follow, were not offered.
  if (*text++ != ',' || !parse_range (&text, '\0', &addr, &length) ||
      (type > 1 && (length == 0 || length > WATCH_MAX_BYTES)) ||
      !session->ops->set_point (session->target, set, kinds[type], addr, length))
    gdb_session_error (session, GDB_ERROR_ARGUMENT);
  else
    gdb_session_reply (session, "OK");
}
