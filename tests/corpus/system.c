// SPDX-License-Identifier: GPL-3.0-or-later
// Atomics, threads, signals (with floating-point state), memory mappings.
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include "corpus.h"

enum { N_THREADS = 4, ROUNDS = 3000 };

#define ATOMICS(name, type)                                                                        \
  PROGRAM (name)                                                                                   \
  {                                                                                                \
    _Atomic type v = (type) 5;                                                                     \
    for (int i = 0; i < 60; i++) {                                                                 \
      type r = (type) next (), old = atomic_fetch_add (&v, r),                                     \
           expected = (type) (i & 1 ? old + r : old);                                              \
      printf ("%lld ", (long long) old);                                                           \
      printf ("%lld ",                                                                             \
              (long long) atomic_fetch_sub_explicit (&v, (type) 3, memory_order_relaxed));         \
      printf ("%lld ", (long long) atomic_fetch_and (&v, (type) ~r));                              \
      printf ("%lld ", (long long) atomic_fetch_or_explicit (&v, (type) 9, memory_order_release)); \
      printf ("%lld ", (long long) atomic_fetch_xor_explicit (&v, r, memory_order_acquire));       \
      printf ("%d ", atomic_compare_exchange_strong (&v, &expected, r));                           \
      printf ("%lld %lld\n", (long long) expected,                                                 \
              (long long) atomic_exchange (&v, (type) (old ^ r)));                                 \
    }                                                                                              \
  }
ATOMICS (atomics_8, int8_t)
ATOMICS (atomics_16, uint16_t)
ATOMICS (atomics_32, int32_t)
ATOMICS (atomics_64, uint64_t)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static long counter, turn;
static atomic_long atomic_counter;
static _Atomic double atomic_real;
static __thread long own;

static void *
count (void *data)
{
  for (long i = 0; i < ROUNDS; i++) {
    pthread_mutex_lock (&lock);
    counter += 1 + (long) data;
    pthread_mutex_unlock (&lock);
    atomic_fetch_add (&atomic_counter, 3);
    own += (long) data;
  }
  for (double old = atomic_real; !atomic_compare_exchange_weak (&atomic_real, &old, old + 0.5);)
    ;
  return (void *) own;
}

static void
run_threads (void *(*fn) (void *) )
{
  pthread_t threads[N_THREADS];
  for (long i = 0; i < N_THREADS; i++)
    pthread_create (&threads[i], NULL, fn, (void *) i);
  for (long i = 0; i < N_THREADS; i++) {
    void *result;
    pthread_join (threads[i], &result);
    printf ("%ld ", (long) result);
  }
}

PROGRAM (threads)
{
  run_threads (count);
  printf ("%ld %ld %g\n", counter, atomic_load (&atomic_counter), atomic_real);
}

static void *
take_turns (void *data)
{
  double weight = (double) (long) data;
  for (int i = 0; i < 200; i++) {
    pthread_mutex_lock (&lock);
    while (turn % N_THREADS != (long) data)
      pthread_cond_wait (&changed, &lock);
    turn++;
    counter = counter * 3 % 1000003 + (long) data;
    weight = weight * 0.875 + (double) counter;
    pthread_cond_broadcast (&changed);
    pthread_mutex_unlock (&lock);
  }
  return (void *) (long) weight;
}

PROGRAM (thread_turns)
{
  run_threads (take_turns);
  printf ("%ld\n", counter);
}

static volatile sig_atomic_t n_signals;
static volatile double spoil;

static void
on_signal (int number)
{
  double v[16];
  (void) number;
  // Uses, and so overwrites, floating-point registers.
  for (int i = 0; i < 16; i++)
    v[i] = spoil * i + 1;
  for (int i = 0; i < 16; i++)
    spoil += v[i] * 1e-9;
  n_signals++;
}

static double
series (int n)
{
  double a = 1, b = 0.5, c = 0.25, d = 0.125;
  for (int i = 1; i <= n; i++)
    a += b / i, b -= c * 1e-3, c += d / (i + 7), d = a / (i + 100);
  return a + b + c + d;
}

PROGRAM (signals)
{
  struct sigaction action = {.sa_handler = on_signal};
  struct itimerval often = {{0, 1000}, {0, 1000}}, never = {{0, 0}, {0, 0}};

  sigaction (SIGALRM, &action, NULL);
  double before = series (50000);
  setitimer (ITIMER_REAL, &often, NULL);
  int same = 1;
  while (n_signals < 20)
    same &= series (50000) == before;
  setitimer (ITIMER_REAL, &never, NULL);
  printf ("%d %a\n", same, before);
}

static void *fault_address;

static void
on_fault (int number, siginfo_t *info, void *context)
{
  (void) number, (void) context;
  fault_address = info->si_addr;
  mprotect ((void *) ((uintptr_t) info->si_addr & ~(uintptr_t) 4095), 4096, PROT_READ | PROT_WRITE);
}

PROGRAM (faults)
{
  struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
  uint8_t *p = mmap (NULL, 64 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

  sigaction (SIGSEGV, &action, NULL);
  for (int i = 0; i < 64; i++) {
    volatile uint8_t *at = p + i * 4096 + i * 7;
    *at = (uint8_t) i;
    printf ("%d %d ", (int) ((uint8_t *) fault_address - p), *at);
    if (i & 1)
      mprotect (p + i * 4096, 4096, PROT_NONE);
  }
}

PROGRAM (mappings)
{
  size_t bytes = 1 << 20;
  uint32_t *a = mmap (NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  uint64_t sum = 0;
  for (size_t i = 0; i < bytes / 4; i += 512)
    a[i] = (uint32_t) next ();
  a = mremap (a, bytes, bytes * 2, MREMAP_MAYMOVE);
  for (size_t i = 0; i < bytes / 4; i += 256)
    sum = sum * 31 + a[i];
  munmap ((char *) a + bytes / 2, bytes / 2);
  printf ("%016" PRIx64 " %x\n", sum, a[512]);
}

PROGRAM (allocation)
{
  void *kept[64] = {0};
  uint64_t sum = 0;
  for (int i = 0; i < 2000; i++) {
    unsigned k = (unsigned) (next () % 64);
    size_t n = next () % 5000 + 8;
    if (kept[k] != NULL)
      sum += *(uint64_t *) kept[k];
    kept[k] = i % 5 ? realloc (kept[k], n) : (free (kept[k]), malloc (n));
    memset (kept[k], (int) (next () & 0xff), n);
  }
  printf ("%016" PRIx64 "\n", sum);
}
