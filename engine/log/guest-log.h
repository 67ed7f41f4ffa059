// SPDX-License-Identifier: GPL-3.0-or-later
// What a guest does wrong, for the person who debugs it. A guest may do wrong a million times a
// second: at most GUEST_LOG_LINES_PER_SECOND lines come out, and how many were dropped is said.
//
// Threads: any; one GuestLog per machine.
#pragma once

#include <glib.h>

enum {
  GUEST_LOG_LINES_PER_SECOND = 10,
};

typedef struct GuestLog {
  GMutex lock;
  const char *machine; // prefix of each line; not owned
  gint64 second;       // of the lines counted, by the monotonic clock
  unsigned lines, dropped;
} GuestLog;

void guest_log_init (GuestLog *log, const char *machine);
void guest_log_clear (GuestLog *log);

// `who` is the device or part that noticed. Goes to g_debug: shown with G_MESSAGES_DEBUG=terrarium.
void guest_log (GuestLog *log, const char *who, const char *format, ...) G_GNUC_PRINTF (3, 4);

// The rate limit by itself, at a moment given in microseconds: whether a line may come out, and
// how many were dropped since the last that did.
gboolean guest_log_admit (GuestLog *log, gint64 now_us, unsigned *dropped);
