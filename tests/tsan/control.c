// SPDX-License-Identifier: GPL-3.0-or-later
// control race|lock: two threads count, with or without a lock of GLib's around it. Shows that
// ThreadSanitizer sees a race and that it knows GLib's locks.
#include <glib.h>

static GMutex mutex;
static int locking, count;

static gpointer
work (gpointer data)
{
  for (int i = 0; i < 1000; i++) {
    if (locking)
      g_mutex_lock (&mutex);
    count++;
    if (locking)
      g_mutex_unlock (&mutex);
  }
  return NULL;
}

int
main (int argc, char **argv)
{
  GThread *thread;

  locking = argc > 1 && g_str_equal (argv[1], "lock");
  thread = g_thread_new ("other", work, NULL);
  work (NULL);
  g_thread_join (thread);
  return 0;
}
