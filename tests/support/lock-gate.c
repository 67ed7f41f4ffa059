// SPDX-License-Identifier: GPL-3.0-or-later
// A process that is slow to lock a machine, for tests, to be preloaded: as long as the file that $TERRARIUM_GATE
// names exists it waits just before it does, and says so by making another one, whose name ends in ".waiting". Any
// thread.
// With it one of the names below would be the other.
#undef _FILE_OFFSET_BITS
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int
is_machine_lock (int fd)
{
  char link[64], path[4096];

  snprintf (link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink (link, path, sizeof path - 1);
  path[n > 0 ? n : 0] = '\0';
  return n > 5 && strcmp (path + n - 5, "/lock") == 0;
}

static void
wait_at_gate (int fd, int command)
{
  const char *gate = getenv ("TERRARIUM_GATE");
  char waiting[4096];

  if (gate == NULL || command != F_OFD_SETLK || !is_machine_lock (fd))
    return;
  snprintf (waiting, sizeof waiting, "%s.waiting", gate);
  int told = open (waiting, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  if (told >= 0)
    close (told);
  while (access (gate, F_OK) == 0)
    usleep (10000);
}

int
fcntl (int fd, int command, ...)
{
  va_list list;

  va_start (list, command);
  void *argument = va_arg (list, void *);
  va_end (list);
  wait_at_gate (fd, command);
  return (int) syscall (SYS_fcntl, fd, command, argument);
}

int
fcntl64 (int fd, int command, ...)
{
  va_list list;

  va_start (list, command);
  void *argument = va_arg (list, void *);
  va_end (list);
  wait_at_gate (fd, command);
  return (int) syscall (SYS_fcntl, fd, command, argument);
}
