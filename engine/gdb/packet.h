// SPDX-License-Identifier: GPL-3.0-or-later
// Framing of gdb's remote serial protocol ("Overview" of its appendix in the gdb manual):
// $data#checksum with escapes, acknowledgements, and the interrupt byte. Bytes come from outside
// and may be anything. No state but the decoder's; any thread.
#pragma once

#include <glib.h>

#include "engine/structs/types.h"

enum {
  GDB_PACKET_MAX_BYTES = 0x4000, // of data, as it is announced to gdb
};

typedef enum GdbEvent {
  GDB_EVENT_NONE,
  GDB_EVENT_PACKET,    // decoder.data holds `length` bytes, a NUL behind them
  GDB_EVENT_BAD,       // a packet with a wrong checksum, or too long
  GDB_EVENT_ACK,       // '+'
  GDB_EVENT_NACK,      // '-'
  GDB_EVENT_INTERRUPT, // ^C outside of packets
} GdbEvent;

typedef struct GdbDecoder {
  enum {
    GDB_DECODE_IDLE,
    GDB_DECODE_DATA,
    GDB_DECODE_ESCAPED,
    GDB_DECODE_SUM1,
    GDB_DECODE_SUM2,
  } state;
  uint8_t sum, wanted;
  bool bad; // too long, or a checksum that is no number
  size_t length;
  char data[GDB_PACKET_MAX_BYTES + 1];
} GdbDecoder;

// All zero is the beginning. Takes one byte; the packet is valid until the next call.
GdbEvent gdb_decoder_feed (GdbDecoder *decoder, uint8_t byte);

// Appends the packet with this data, escaped as needed.
void gdb_packet_append (GString *out, const char *data, size_t length);
