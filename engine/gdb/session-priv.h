// SPDX-License-Identifier: GPL-3.0-or-later
// The inside of a session, shared by session.c (flow, threads, resuming) and access.c (registers,
// memory, points). I/O thread.
#pragma once

#include "engine/gdb/packet.h"
#include "engine/gdb/session.h"

struct GdbSession {
  const GdbTargetOps *ops;
  void *target;
  GdbDecoder decoder;
  GString *output;
  GString *last; // the last packet as it was sent, for a repetition
  GString *xml;
  bool no_ack;   // from the next packet on
  bool attached; // stopped at least once
  bool running;
  bool physical; // memory packets mean physical addresses
  bool over;
  unsigned thread;      // of g, p, m: H g
  unsigned step_thread; // of c and s: H c
  char stop_reply[96];
};

void gdb_session_reply (GdbSession *session, const char *text);
void gdb_session_reply_bytes (GdbSession *session, const char *data, size_t length);
void gdb_session_error (GdbSession *session, unsigned number);

// Error numbers have no meaning to gdb; these are what others use.
enum {
  GDB_ERROR_ARGUMENT = 0x16,
  GDB_ERROR_ADDRESS = 0x0e,
  GDB_ERROR_STATE = 0x01,
};

// Packets by their first letter; `text` is what follows it, `length` bytes with a NUL behind.
void gdb_read_registers (GdbSession *session);                                // g
void gdb_write_registers (GdbSession *session, const char *text);             // G
void gdb_read_register (GdbSession *session, const char *text);               // p
void gdb_write_register (GdbSession *session, const char *text);              // P
void gdb_read_memory (GdbSession *session, const char *text);                 // m
void gdb_write_memory (GdbSession *session, const char *text);                // M
void gdb_write_binary (GdbSession *session, const char *text, size_t length); // X
void gdb_set_point (GdbSession *session, bool set, const char *text);         // Z, z
