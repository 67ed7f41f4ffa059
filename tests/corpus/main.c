// SPDX-License-Identifier: GPL-3.0-or-later
// Runs all programs, each in a process of its own, and prints name, exit status, length and hash
// of what it printed. With a name: runs that one and shows what it prints.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "corpus.h"

extern const Program __start_programs[], __stop_programs[];

uint64_t
next (void)
{
  static volatile uint64_t state = 0x9e3779b97f4a7c15u;
  uint64_t x = state;

  x ^= x << 13;
  x ^= x >> 7;
  x ^= x << 17;
  return state = x;
}

double
next_real (void)
{
  return (double) ((int64_t) next () >> 11) * 0x1p-52;
}

static void
child (const Program *program, int out)
{
  static const struct rlimit none = {0, 0};

  setrlimit (RLIMIT_CORE, &none);
  dup2 (out, 1);
  program->run ();
  fflush (stdout);
  _exit (0);
}

static void
run (const Program *program)
{
  uint64_t hash = 0xcbf29ce484222325u;
  unsigned length = 0;
  uint8_t bytes[4096];
  int ends[2], status;
  ssize_t n;

  if (pipe (ends) != 0)
    exit (1);
  pid_t pid = fork ();
  if (pid == 0)
    child (program, ends[1]);
  close (ends[1]);
  while ((n = read (ends[0], bytes, sizeof bytes)) > 0)
    for (ssize_t i = 0; i < n; i++, length++)
      hash = (hash ^ bytes[i]) * 0x100000001b3u;
  close (ends[0]);
  waitpid (pid, &status, 0);
  printf ("%s %d %u %016" PRIx64 "\n", program->name, status, length, hash);
  fflush (stdout);
}

int
main (int argc, char **argv)
{
  for (const Program *p = __start_programs; p < __stop_programs; p++)
    if (argc < 2)
      run (p);
    else if (strcmp (argv[1], p->name) == 0)
      p->run ();
  return 0;
}
