// SPDX-License-Identifier: GPL-3.0-or-later
// For test-busy.py: a main loop with a callback that works for as many milliseconds of CPU time as the
// argument says, in two parts of which each is half of that.
#include <glib.h>
#include <stdlib.h>
#include <time.h>

G_NO_INLINE static double
now_ms (void)
{
  struct timespec now;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &now);
  return (double) now.tv_sec * 1e3 + (double) now.tv_nsec / 1e6;
}

G_NO_INLINE static gboolean
keep_busy (void *data)
{
  double *ms = data, until = now_ms () + *ms / 2;
  static unsigned calls;

  while (now_ms () < until)
    ;
  return ++calls < 2;
}

static gboolean
end (void *loop)
{
  g_main_loop_quit (loop);
  return G_SOURCE_REMOVE;
}

int
main (int argc, char **argv)
{
  double ms = argc > 1 ? atof (argv[1]) : 0;
  GMainLoop *loop = g_main_loop_new (NULL, FALSE);

  g_timeout_add (10, keep_busy, &ms);
  g_timeout_add (2000, end, loop);
  g_main_loop_run (loop);
  g_main_loop_unref (loop);
  return 0;
}
