// SPDX-License-Identifier: GPL-3.0-or-later
// Framing of gdb's remote serial protocol; see packet.h.
#include "engine/gdb/packet.h"

enum {
  ESCAPE = '}',
  ESCAPE_XOR = 0x20,
  INTERRUPT = 3,
};

static GdbEvent
feed_idle (GdbDecoder *d, uint8_t byte)
{
  switch (byte) {
  case '$':
    d->state = GDB_DECODE_DATA;
    d->sum = 0;
    d->length = 0;
    d->bad = false;
    return GDB_EVENT_NONE;
  case '+':
    return GDB_EVENT_ACK;
  case '-':
    return GDB_EVENT_NACK;
  case INTERRUPT:
    return GDB_EVENT_INTERRUPT;
  default:
    return GDB_EVENT_NONE;
  }
}

static void
store (GdbDecoder *d, uint8_t byte)
{
  if (d->length < GDB_PACKET_MAX_BYTES)
    d->data[d->length++] = (char) byte;
  else
    d->bad = true;
}

static void
feed_data (GdbDecoder *d, uint8_t byte)
{
  if (byte == '$') {
    // What came before was cut off; a packet begins.
    d->state = GDB_DECODE_IDLE;
    feed_idle (d, byte);
    return;
  }
  if (byte == '#') {
    d->state = GDB_DECODE_SUM1;
    return;
  }
  d->sum += byte;
  if (byte == ESCAPE)
    d->state = GDB_DECODE_ESCAPED;
  else
    store (d, byte);
}

static void
feed_sum (GdbDecoder *d, uint8_t byte)
{
  int digit = g_ascii_xdigit_value ((char) byte);

  if (digit < 0)
    d->bad = true;
  d->wanted = (uint8_t) (d->wanted << 4 | (digit & 15));
}

GdbEvent
gdb_decoder_feed (GdbDecoder *d, uint8_t byte)
{
  switch (d->state) {
  case GDB_DECODE_IDLE:
    return feed_idle (d, byte);
  case GDB_DECODE_DATA:
    feed_data (d, byte);
    return GDB_EVENT_NONE;
  case GDB_DECODE_ESCAPED:
    d->sum += byte;
    store (d, byte ^ ESCAPE_XOR);
    d->state = GDB_DECODE_DATA;
    return GDB_EVENT_NONE;
  case GDB_DECODE_SUM1:
    feed_sum (d, byte);
    d->state = GDB_DECODE_SUM2;
    return GDB_EVENT_NONE;
  case GDB_DECODE_SUM2:
    feed_sum (d, byte);
    break;
  }
  d->state = GDB_DECODE_IDLE;
  d->data[d->length] = '\0';
  return d->bad || d->wanted != d->sum ? GDB_EVENT_BAD : GDB_EVENT_PACKET;
}

void
gdb_packet_append (GString *out, const char *data, size_t length)
{
  size_t start = out->len + 1;
  uint8_t sum = 0;

  g_string_append_c (out, '$');
  for (size_t i = 0; i < length; i++) {
    // '*' would begin a run length.
    if (data[i] == '$' || data[i] == '#' || data[i] == ESCAPE || data[i] == '*') {
      g_string_append_c (out, ESCAPE);
      g_string_append_c (out, (char) (data[i] ^ ESCAPE_XOR));
    } else {
      g_string_append_c (out, data[i]);
    }
  }
  for (size_t i = start; i < out->len; i++)
    sum += (uint8_t) out->str[i];
  g_string_append_printf (out, "#%02x", sum);
}
