// SPDX-License-Identifier: GPL-3.0-or-later
// A small program for gdb in the guest to step through and watch. Built without optimization;
// gdb-commands says how, and counts the lines of work () from its first one.
#include <pthread.h>
#include <stdio.h>

int watched;
double real;

static int
work (int n)
{
  int a = n * 2;
  int b = a + 3;

  watched = b;
  real = b / 4.0;
  return a + b;
}

static void *
other (void *p)
{
  *(int *) p = 77;
  return NULL;
}

int
main (void)
{
  pthread_t thread;
  int total = 0, written = 0;

  for (int i = 1; i <= 4; i++)
    total += work (i);
  pthread_create (&thread, NULL, other, &written);
  pthread_join (thread, NULL);
  printf ("total %d written %d watched %d\n", total, written, watched);
  return total == 52 && written == 77 ? 0 : 1;
}
