// SPDX-License-Identifier: GPL-3.0-or-later
/* timeit [-t secs] NAME WORK UNIT CMD ARG...   run CMD again and again for about that long
 * timeit --gen MIB FILE                        write deterministic text-like data
 * Prints START and BENCH lines; chk is a hash of what CMD wrote to stdout (must repeat). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
static double
now (void)
{
  struct timespec t;
  clock_gettime (CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}
static int
gen (const char *mib, const char *file)
{
  static const char *w[] = {"the ",    "of ",       "engine ", "guest ",      "page ", "table ",
                            "return ", "int ",      "struct ", "if (",        ") {\n", "};\n",
                            "0x",      "register ", "and ",    "translation "};
  FILE *f = fopen (file, "w");
  long n = 0, want = atof (mib) * 1048576;
  uint64_t s = 12345;
  if (!f) {
    perror (file);
    return 1;
  }
  while (n < want) {
    s = s * 6364136223846793005ull + 1442695040888963407ull;
    unsigned r = s >> 40;
    if ((r & 7) == 0)
      n += fprintf (f, "%u", r >> 3);
    else if ((r & 63) == 1) {
      for (int i = 0; i < 8; i++)
        fputc (s >> (i * 8), f);
      n += 8;
    } else
      n += fprintf (f, "%s", w[r >> 3 & 15]);
  }
  return fclose (f);
}
int
main (int argc, char **argv)
{
  double T = 3;
  int a = 1;
  if (argc == 4 && !strcmp (argv[1], "--gen"))
    return gen (argv[2], argv[3]);
  if (argc > 2 && !strcmp (argv[1], "-t")) {
    T = atof (argv[2]);
    a = 3;
  }
  if (argc - a < 4)
    return 2;
  const char *name = argv[a], *unit = argv[a + 2];
  double work = atof (argv[a + 1]);
  char **cmd = argv + a + 3;
  printf ("START %s\n", name);
  fflush (stdout);
  double t0 = now (), t;
  long n = 0;
  uint64_t first = 0;
  const char *bad = "";
  do {
    int p[2];
    if (pipe (p))
      return 1;
    pid_t c = fork ();
    if (!c) {
      dup2 (p[1], 1);
      close (p[0]);
      close (p[1]);
      execvp (cmd[0], cmd);
      perror (cmd[0]);
      _exit (127);
    }
    close (p[1]);
    uint64_t h = 0xcbf29ce484222325ull;
    unsigned char b[65536];
    ssize_t k;
    while ((k = read (p[0], b, sizeof b)) > 0)
      for (ssize_t i = 0; i < k; i++)
        h = (h ^ b[i]) * 0x100000001b3ull;
    close (p[0]);
    int st;
    waitpid (c, &st, 0);
    if (st)
      bad = "FAILED-";
    if (!n)
      first = h;
    else if (h != first)
      bad = "UNSTABLE-";
    n++;
    t = now () - t0;
  } while (t < T && !*bad);
  printf ("BENCH %s %.6g %s secs=%.3f n=%ld chk=%s%016llx\n", name, n * work / t, unit, t, n, bad,
          (unsigned long long) first);
  return 0;
}
