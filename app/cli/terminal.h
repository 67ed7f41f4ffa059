// SPDX-License-Identifier: GPL-3.0-or-later
// The terminal as a machine's serial console: stdin to the guest, what the guest prints to stdout.
//
// Threads: the main thread; terminal_write may be called by any, it only queues.
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Terminal Terminal;

typedef struct TerminalOps {
  // Bytes typed: how many were taken; the rest is offered again later.
  size_t (*typed) (void *data, const uint8_t *bytes, size_t length);
  // Ctrl-A X.
  void (*leave) (void *data);
} TerminalOps;

// Puts a terminal into raw mode; it is put back by terminal_free, and on a crash.
Terminal *terminal_new (const TerminalOps *ops, void *data);
// Puts the terminal back and runs `loop` until what was queued is written or nobody reads it any
// more, or until somebody else quits it. Only terminal_free comes after it.
void terminal_finish (Terminal *terminal, GMainLoop *loop);
// Puts the terminal back and gives a reader that is stuck half a second. False: that was not enough.
bool terminal_free (Terminal *terminal);
// Queues for stdout; what goes beyond some MiB because nobody reads it is dropped.
void terminal_write (Terminal *terminal, const uint8_t *bytes, size_t length);
