// SPDX-License-Identifier: GPL-3.0-or-later
/* kbench [-t seconds] [-l] [-s] [name...]: runs kernels for about that long each.
 * Prints "START name" and then
 *        "BENCH name value unit secs=S n=N chk=HEX" per kernel. */
#include "kb.h"
#include <signal.h>
#include <sys/wait.h>

double
now (void)
{
  struct timespec t;
  clock_gettime (CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

static void
run (const struct bench *b, double T)
{
  if (b->setup)
    b->setup ();
  printf ("START %s\n", b->name);
  fflush (stdout);
  uint64_t chk = 0;
  long n = 0;
  int bad = 0;
  double t0 = now (), t;
  do {
    uint64_t c = b->fn ();
    if (n == 0)
      chk = c;
    else if (c != chk && !(b->flags & F_NOCHK))
      bad = 1;
    n++;
    t = now () - t0;
  } while (t < T);
  printf ("BENCH %s %.6g %s secs=%.3f n=%ld chk=%s%016llx\n", b->name, n * b->work / t, b->unit, t,
          n, bad ? "UNSTABLE-" : "", (b->flags & F_NOCHK) ? 0ull : (unsigned long long) chk);
  fflush (stdout);
}

int
main (int argc, char **argv)
{
  if (argc == 2 && !strcmp (argv[1], "--exit"))
    _exit (0); /* fork+exec target */
  double T = 3;
  int list = 0, smp = 0, i, nsel = 0;
  const struct bench *all[] = {b_int, b_fp, b_simd, b_mem, b_sys, 0};
  const char *sel[64];
  for (i = 1; i < argc; i++) {
    if (!strcmp (argv[i], "-t"))
      T = atof (argv[++i]);
    else if (!strcmp (argv[i], "-l"))
      list = 1;
    else if (!strcmp (argv[i], "-s"))
      smp = 1; /* the two-CPU kernels instead */
    else if (nsel < 64)
      sel[nsel++] = argv[i];
  }
  for (int g = 0; all[g]; g++)
    for (const struct bench *b = all[g]; b->name; b++) {
      int want = nsel ? 0 : (!!(b->flags & F_SMP) == smp);
      for (i = 0; i < nsel; i++)
        if (!strcmp (sel[i], b->name))
          want = 1;
      if (!want)
        continue;
      if (list) {
        puts (b->name);
        continue;
      }
      pid_t p = fork (); /* a fresh process each: no memory carried over */
      if (!p) {
        setpgid (0, 0);
        run (b, T);
        _exit (0);
      }
      waitpid (p, 0, 0);
      kill (-p, SIGKILL); /* helpers it left behind */
    }
  return 0;
}
