// SPDX-License-Identifier: GPL-3.0-or-later
// One conversation with gdb: what it sends goes in, what it is to get comes out. Everything that is
// said comes from outside and may be anything. I/O thread.
#pragma once

#include "engine/vm/guest.h"

typedef struct GdbSession GdbSession;

typedef enum GdbAction {
  GDB_STAY, // stopped
  GDB_CONTINUE,
  GDB_STEP,
} GdbAction;

// What a session may do. Threads are counted from 0. All but stop and kill only while stopped.
typedef struct GdbTargetOps {
  // All threads stop; done on return.
  void (*stop) (void *target);
  // As many actions as there are threads; gdb_session_stopped follows some time.
  void (*resume) (void *target, const GdbAction *actions);
  void (*kill) (void *target);
  unsigned (*n_threads) (void *target);
  bool (*is_on) (void *target, unsigned thread);
  bool (*read_register) (void *target, unsigned thread, unsigned n, uint8_t *value);
  bool (*write_register) (void *target, unsigned thread, unsigned n, const uint8_t *value);
  // How many of the bytes from `addr` on could be read or written.
  size_t (*read_memory) (void *target, unsigned thread, bool physical, uint64_t addr, uint8_t *to,
                         size_t length);
  size_t (*write_memory) (void *target, unsigned thread, bool physical, uint64_t addr,
                          const uint8_t *from, size_t length);
  bool (*set_point) (void *target, bool set, GuestPoint kind, GuestVaddr va, uint64_t length);
  const GuestDebugOps *debug; // describes the registers; nothing else of it is used
  uint32_t absent_features;   // bits of debug->features
} GdbTargetOps;

enum {
  GDB_THREADS_MAX = 64,
  GDB_SIGNAL_INT = 2,
  GDB_SIGNAL_TRAP = 5,
};

GdbSession *gdb_session_new (const GdbTargetOps *ops, void *target);
void gdb_session_free (GdbSession *session);

// False: the conversation is over once the output is sent.
bool gdb_session_feed (GdbSession *session, const uint8_t *bytes, size_t length);
// What is to be sent; the caller takes it from the front.
GString *gdb_session_get_output (GdbSession *session);
// It has said something that a stub acts upon: the target is its to stop and resume.
bool gdb_session_is_attached (const GdbSession *session);

// All threads have stopped after a resume, `thread` for the reason given.
void gdb_session_stopped (GdbSession *session, unsigned thread, const GuestDebugStop *why);
// The machine is over.
void gdb_session_exited (GdbSession *session);
