// SPDX-License-Identifier: GPL-3.0-or-later
// clocks SECONDS: watches the clocks of the guest it runs in, from a thread on each CPU, while
// other programs keep it busy. CLOCK_MONOTONIC must never go back, not even from one CPU to
// another, and must agree with CNTVCT_EL0 all the time; a sleep must not end early. Prints `ALIVE`
// and the time now and then, for a look from outside.
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
  MAX_THREADS = 16,
  BURST = 200,
  SLEEP_NS = 5000000,
  ALIVE_SECONDS = 20,
  TOLERANCE_NS = 20000, // the kernel may slew its clock, by nothing like this
};
#define BILLION INT64_C (1000000000)

static int64_t start_ns, end_ns, frequency;
static uint64_t start_count;
static _Atomic int64_t newest_ns;
static _Atomic uint64_t newest_count;
static _Atomic int faults;

typedef struct Watcher {
  int cpu;
  long readings;
  int64_t longest_gap;
} Watcher;

static uint64_t
counter (void)
{
  uint64_t count;

  __asm__ volatile("isb\n\tmrs %0, cntvct_el0\n\tisb" : "=r"(count)::"memory");
  return count;
}

static int64_t
monotonic (void)
{
  struct timespec t;

  clock_gettime (CLOCK_MONOTONIC, &t);
  return t.tv_sec * BILLION + t.tv_nsec;
}

// Where CLOCK_MONOTONIC is when the counter is at `count`.
static int64_t
expected_ns (uint64_t count)
{
  return start_ns + (int64_t) ((__int128) (int64_t) (count - start_count) * BILLION / frequency);
}

static void
fault (const Watcher *w, const char *what, int64_t by)
{
  if (atomic_fetch_add (&faults, 1) < 20)
    printf ("CPU %d: %s by %" PRId64 " ns\n", w->cpu, what, by);
}

static int64_t
look (Watcher *w)
{
  int64_t newest = atomic_load (&newest_ns);
  uint64_t newest_c = atomic_load (&newest_count), before = counter ();
  int64_t now = monotonic ();
  uint64_t after = counter ();

  if (now < newest)
    fault (w, "CLOCK_MONOTONIC went back", newest - now);
  if ((int64_t) (before - newest_c) < 0)
    fault (w, "CNTVCT_EL0 went back", (int64_t) (newest_c - before));
  if (now < expected_ns (before) - TOLERANCE_NS)
    fault (w, "CLOCK_MONOTONIC is behind CNTVCT_EL0", expected_ns (before) - now);
  if (now > expected_ns (after) + TOLERANCE_NS)
    fault (w, "CLOCK_MONOTONIC is ahead of CNTVCT_EL0", now - expected_ns (after));
  while (newest < now && !atomic_compare_exchange_weak (&newest_ns, &newest, now))
    ;
  while (newest_c < after && !atomic_compare_exchange_weak (&newest_count, &newest_c, after))
    ;
  w->readings++;
  return now;
}

static void
pause_briefly (Watcher *w, int64_t now)
{
  int64_t until = now + SLEEP_NS;
  struct timespec t = {.tv_sec = until / BILLION, .tv_nsec = until % BILLION};

  clock_nanosleep (CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
  now = monotonic ();
  if (now < until)
    fault (w, "a sleep was too short", until - now);
}

static void *
watch (void *data)
{
  Watcher *w = data;
  int64_t last = monotonic (), alive = last, now;
  cpu_set_t set;

  CPU_ZERO (&set);
  CPU_SET (w->cpu, &set);
  sched_setaffinity (0, sizeof set, &set);
  do {
    for (int i = 0; i < BURST; i++) {
      now = look (w);
      w->longest_gap = now - last > w->longest_gap ? now - last : w->longest_gap;
      last = now;
    }
    if (w->cpu == 0 && now >= alive) {
      printf ("ALIVE %.3f\n", (double) now / BILLION);
      fflush (stdout);
      alive += ALIVE_SECONDS * BILLION;
    }
    pause_briefly (w, now);
  } while (now < end_ns);
  return NULL;
}

// The counter and the clock at the same moment, as nearly as can be.
static void
take_start (void)
{
  uint64_t shortest = UINT64_MAX;

  for (int i = 0; i < 1000; i++) {
    uint64_t before = counter ();
    int64_t now = monotonic ();
    uint64_t after = counter ();

    if (after - before < shortest) {
      shortest = after - before;
      start_ns = now;
      start_count = before + shortest / 2;
    }
  }
}

int
main (int argc, char **argv)
{
  static Watcher watchers[MAX_THREADS];
  static pthread_t threads[MAX_THREADS];
  long n = sysconf (_SC_NPROCESSORS_ONLN), readings = 0;
  int64_t gap = 0;

  __asm__ volatile("mrs %0, cntfrq_el0" : "=r"(frequency));
  take_start ();
  end_ns = start_ns + (argc > 1 ? atol (argv[1]) : 10) * BILLION;
  for (int i = 0; i < n && i < MAX_THREADS; i++) {
    watchers[i].cpu = i;
    pthread_create (&threads[i], NULL, watch, &watchers[i]);
  }
  for (int i = 0; i < n && i < MAX_THREADS; i++) {
    pthread_join (threads[i], NULL);
    readings += watchers[i].readings;
    gap = watchers[i].longest_gap > gap ? watchers[i].longest_gap : gap;
  }
  printf ("clocks: %ld readings on %ld CPUs, %d faults; longest gap %.3f s\n", readings, n, faults,
          (double) gap / BILLION);
  return faults == 0 ? 0 : 1;
}
