// SPDX-License-Identifier: GPL-3.0-or-later
// The rate-limited log of guest errors.
//
// Threads: any; under log->lock.
#include "engine/log/guest-log.h"

void
guest_log_init (GuestLog *log, const char *machine)
{
  *log = (GuestLog){.machine = machine, .second = -1};
  g_mutex_init (&log->lock);
}

void
guest_log_clear (GuestLog *log)
{
  g_mutex_clear (&log->lock);
}

gboolean
guest_log_admit (GuestLog *log, gint64 now_us, unsigned *dropped)
{
  gint64 second = now_us / G_USEC_PER_SEC;
  gboolean admit;

  g_mutex_lock (&log->lock);
  if (second != log->second) {
    log->second = second;
    log->lines = 0;
  }
  admit = log->lines < GUEST_LOG_LINES_PER_SECOND;
  *dropped = admit ? log->dropped : 0;
  if (admit) {
    log->lines++;
    log->dropped = 0;
  } else {
    log->dropped++;
  }
  g_mutex_unlock (&log->lock);
  return admit;
}

void
guest_log (GuestLog *log, const char *who, const char *format, ...)
{
  unsigned dropped;
  va_list args;

  if (!guest_log_admit (log, g_get_monotonic_time (), &dropped))
    return;
  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  if (dropped > 0)
    g_debug ("%s: %s: %s (%u lines dropped before)", log->machine, who, text, dropped);
  else
    g_debug ("%s: %s: %s", log->machine, who, text);
}
