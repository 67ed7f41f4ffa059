// SPDX-License-Identifier: GPL-3.0-or-later
// Threads, locks of the library and of our own, atomics of all orders. Results do not depend on
// who was first.
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "corpus.h"

enum { N = 4 };

// Starts fn (0) … fn (N - 1), waits for all, adds what they return.
static long
together (void *(*fn) (void *) )
{
  pthread_t threads[N];
  long sum = 0;
  for (long i = 0; i < N; i++)
    pthread_create (&threads[i], NULL, fn, (void *) i);
  for (int i = 0; i < N; i++) {
    void *result;
    pthread_join (threads[i], &result);
    sum += (long) result;
  }
  return sum;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER, less = PTHREAD_COND_INITIALIZER;
static long shared, other;

static long buffer[8];
static unsigned filled, taken, n_done;

static void *
produce_or_consume (void *data)
{
  long me = (long) data, sum = 0;
  for (long i = 0; i < 400; i++) {
    pthread_mutex_lock (&lock);
    if (me & 1) {
      while (filled == taken)
        pthread_cond_wait (&more, &lock);
      sum += buffer[taken++ % 8];
      pthread_cond_signal (&less);
    } else {
      while (filled - taken == 8)
        pthread_cond_wait (&less, &lock);
      buffer[filled++ % 8] = i * 3 + me;
      pthread_cond_signal (&more);
    }
    pthread_mutex_unlock (&lock);
  }
  return (void *) sum;
}

PROGRAM (producers_and_consumers)
{
  printf ("%ld %u\n", together (produce_or_consume), filled - taken);
}

static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;

static void *
read_or_write (void *data)
{
  long torn = 0;
  for (int i = 0; i < 1500; i++) {
    if (((long) data + i) % 4 == 0) {
      pthread_rwlock_wrlock (&rwlock);
      shared++, other--;
    } else {
      pthread_rwlock_rdlock (&rwlock);
      torn += shared + other != 0;
    }
    pthread_rwlock_unlock (&rwlock);
  }
  return (void *) torn;
}

PROGRAM (readers_and_writers)
{
  long torn = together (read_or_write);
  printf ("%ld %ld\n", torn, shared);
}

static pthread_barrier_t barrier;
static long cells[2][64];

static void *
relax (void *data)
{
  long me = (long) data;
  for (int round = 0; round < 50; round++) {
    for (long i = me * 16; i < me * 16 + 16; i++)
      cells[~round & 1][i] = (cells[round & 1][(i + 63) & 63] + 2 * cells[round & 1][i] +
                              cells[round & 1][(i + 1) & 63]) %
                             10007;
    pthread_barrier_wait (&barrier);
  }
  return NULL;
}

PROGRAM (barriers)
{
  pthread_barrier_init (&barrier, NULL, N);
  for (int i = 0; i < 64; i++)
    cells[0][i] = (long) (next () % 10007);
  together (relax);
  long sum = 0;
  for (int i = 0; i < 64; i++)
    sum = sum * 31 % 1000003 + cells[0][i];
  printf ("%ld\n", sum);
}

static sem_t forks[N], seats;

static void *
philosopher (void *data)
{
  long me = (long) data, meals = 0;
  for (int i = 0; i < 300; i++) {
    sem_wait (&seats);
    sem_wait (&forks[me]), sem_wait (&forks[(me + 1) % N]);
    meals++;
    sem_post (&forks[me]), sem_post (&forks[(me + 1) % N]);
    sem_post (&seats);
  }
  return (void *) meals;
}

PROGRAM (philosophers)
{
  sem_init (&seats, 0, N - 1);
  for (int i = 0; i < N; i++)
    sem_init (&forks[i], 0, 1);
  long meals = together (philosopher);
  int value;
  sem_getvalue (&seats, &value);
  printf ("%ld %d\n", meals, value);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static atomic_int n_once, n_destroyed;

static void
destroy (void *data)
{
  atomic_fetch_add (&n_destroyed, *(int *) data);
  free (data);
}

static void
initialize (void)
{
  n_once++;
  pthread_key_create (&key, destroy);
}

static __thread long tls_plain = 5, tls_array[10];

static void *
use_own (void *data)
{
  pthread_once (&once, initialize);
  int *p = malloc (sizeof *p);
  *p = (int) (long) data + 1;
  pthread_setspecific (key, p);
  for (int i = 0; i < 1000; i++)
    tls_plain += i, tls_array[i % 10] += (long) data;
  return (void *) (tls_plain + tls_array[3] + *(int *) pthread_getspecific (key));
}

PROGRAM (once_and_own_data)
{
  long sum = together (use_own);
  printf ("%ld %d %d %ld\n", sum, n_once, n_destroyed, tls_plain);
}

static atomic_flag flag = ATOMIC_FLAG_INIT;

static void *
spin (void *data)
{
  (void) data;
  for (int i = 0; i < 1000; i++) {
    while (atomic_flag_test_and_set_explicit (&flag, memory_order_acquire))
      sched_yield ();
    shared++, other += shared;
    atomic_flag_clear_explicit (&flag, memory_order_release);
  }
  return NULL;
}

PROGRAM (spin_lock)
{
  together (spin);
  printf ("%ld %ld\n", shared, other);
}

static atomic_uint ticket, serving;

static void *
take_ticket (void *data)
{
  for (int i = 0; i < 500; i++) {
    unsigned mine = atomic_fetch_add_explicit (&ticket, 1, memory_order_relaxed);
    while (atomic_load_explicit (&serving, memory_order_acquire) != mine)
      sched_yield ();
    shared += (long) data, other = other * 3 % 65521 + 1;
    atomic_store_explicit (&serving, mine + 1, memory_order_release);
  }
  return NULL;
}

PROGRAM (ticket_lock)
{
  together (take_ticket);
  printf ("%ld %ld\n", shared, other);
}

typedef struct Waiter {
  _Atomic (struct Waiter *) next;
  atomic_bool waits;
} Waiter;
static _Atomic (Waiter *) queue_tail;

static void *
queue_up (void *data)
{
  (void) data;
  for (int i = 0; i < 500; i++) {
    Waiter me = {NULL, true},
           *before = atomic_exchange_explicit (&queue_tail, &me, memory_order_acq_rel), *self = &me;
    if (before != NULL) {
      atomic_store_explicit (&before->next, &me, memory_order_release);
      while (atomic_load_explicit (&me.waits, memory_order_acquire))
        sched_yield ();
    }
    shared++;
    if (atomic_load (&me.next) == NULL && atomic_compare_exchange_strong (&queue_tail, &self, NULL))
      continue;
    Waiter *after;
    while ((after = atomic_load_explicit (&me.next, memory_order_acquire)) == NULL)
      sched_yield ();
    atomic_store_explicit (&after->waits, false, memory_order_release);
  }
  return NULL;
}

PROGRAM (queue_lock)
{
  together (queue_up);
  printf ("%ld %d\n", shared, queue_tail == NULL);
}

static atomic_bool wants[2];
static atomic_int turn;

static void *
peterson (void *data)
{
  int me = (int) (long) data;
  if (me > 1)
    return NULL;
  for (int i = 0; i < 1000; i++) {
    atomic_store (&wants[me], true);
    atomic_store (&turn, 1 - me);
    while (atomic_load (&wants[1 - me]) && atomic_load (&turn) == 1 - me)
      sched_yield ();
    shared++;
    atomic_store (&wants[me], false);
  }
  return NULL;
}

PROGRAM (petersons_lock)
{
  together (peterson);
  printf ("%ld\n", shared);
}

static atomic_int choosing[N], numbers[N];

static void *
bakery (void *data)
{
  int me = (int) (long) data;
  for (int i = 0; i < 200; i++) {
    int most = 0;
    atomic_store_explicit (&choosing[me], 1, memory_order_relaxed);
    atomic_thread_fence (memory_order_seq_cst);
    for (int k = 0; k < N; k++) {
      int n = atomic_load (&numbers[k]);
      most = n > most ? n : most;
    }
    atomic_store (&numbers[me], most + 1);
    atomic_store_explicit (&choosing[me], 0, memory_order_release);
    atomic_thread_fence (memory_order_seq_cst);
    for (int k = 0; k < N; k++) {
      while (atomic_load (&choosing[k]))
        sched_yield ();
      for (int n;
           (n = atomic_load (&numbers[k])) != 0 && (n < most + 1 || (n == most + 1 && k < me));)
        sched_yield ();
    }
    shared++;
    atomic_store_explicit (&numbers[me], 0, memory_order_release);
  }
  return NULL;
}

PROGRAM (lamports_bakery)
{
  together (bakery);
  printf ("%ld\n", shared);
}

static atomic_uint sequence;
static atomic_long words[3];

static void *
sequence_lock (void *data)
{
  long torn = 0;
  for (long i = 1; i < 2000; i++) {
    if (data == NULL) {
      atomic_fetch_add_explicit (&sequence, 1, memory_order_acquire);
      atomic_thread_fence (memory_order_release);
      for (int k = 0; k < 3; k++)
        atomic_store_explicit (&words[k], i * (k + 1), memory_order_relaxed);
      atomic_fetch_add_explicit (&sequence, 1, memory_order_release);
      continue;
    }
    unsigned before = atomic_load_explicit (&sequence, memory_order_acquire);
    long a = atomic_load_explicit (&words[0], memory_order_relaxed),
         b = atomic_load_explicit (&words[1], memory_order_relaxed),
         c = atomic_load_explicit (&words[2], memory_order_relaxed);
    atomic_thread_fence (memory_order_acquire);
    if (!(before & 1) && atomic_load_explicit (&sequence, memory_order_relaxed) == before)
      torn += b != 2 * a || c != 3 * a;
  }
  return (void *) torn;
}

PROGRAM (sequence_locks)
{
  long torn = together (sequence_lock);
  printf ("%ld %u %ld\n", torn, sequence, words[2]);
}

typedef struct Cell {
  struct Cell *below;
  long v;
} Cell;
static _Atomic (Cell *) top;
static Cell cell_pool[N][300];

static void *
push_all (void *data)
{
  long me = (long) data;
  for (long i = 0; i < 300; i++) {
    Cell *c = &cell_pool[me][i];
    c->v = me * 1000 + i, c->below = atomic_load_explicit (&top, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit (&top, &c->below, c, memory_order_release,
                                                   memory_order_relaxed))
      ;
  }
  return NULL;
}

PROGRAM (treiber_stack)
{
  long sum = 0, n = 0, last[N], ordered = 1;
  together (push_all);
  for (int i = 0; i < N; i++)
    last[i] = 1 << 20;
  for (Cell *c = top; c != NULL; c = c->below, n++) {
    sum += c->v, ordered &= c->v < last[c->v / 1000], last[c->v / 1000] = c->v;
  }
  printf ("%ld %ld %ld\n", n, sum, ordered);
}

typedef struct Pair {
  int32_t a, b;
} Pair;
static _Atomic Pair pair;
static _Atomic double real_sum;
static _Atomic uint8_t tiny[8];
static atomic_long least = LONG_MAX, most_;

static void *
compare_and_swap (void *data)
{
  long me = (long) data;
  for (int i = 0; i < 500; i++) {
    Pair old = atomic_load (&pair), new;
    do
      new = (Pair){old.a + 1, old.b - 2};
    while (!atomic_compare_exchange_weak (&pair, &old, new));
    double real = atomic_load (&real_sum);
    while (!atomic_compare_exchange_strong (&real_sum, &real, real + 0.25))
      ;
    atomic_fetch_add (&tiny[(i + me) & 7], 3);
    atomic_fetch_xor_explicit (&tiny[i & 7], 0x80, memory_order_relaxed);
    long v = (i * 7919 + me * 104729) % 99991, l = atomic_load (&least), m = atomic_load (&most_);
    while (v < l && !atomic_compare_exchange_weak (&least, &l, v))
      ;
    while (v > m && !atomic_compare_exchange_weak (&most_, &m, v))
      ;
  }
  return NULL;
}

PROGRAM (compare_and_swap_loops)
{
  together (compare_and_swap);
  Pair p = pair;
  printf ("%d %d %g %ld %ld ", p.a, p.b, real_sum, least, most_);
  for (int i = 0; i < 8; i++)
    printf ("%u ", tiny[i]);
}

PROGRAM (atomics_of_all_orders)
{
  static const int orders[] = {memory_order_relaxed, memory_order_consume, memory_order_acquire,
                               memory_order_release, memory_order_acq_rel, memory_order_seq_cst};
  _Atomic uint16_t h = 1;
  _Atomic uint32_t w = 2;
  _Atomic uint64_t d = 3;
  for (int i = 0; i < 48; i++) {
    uint64_t v = next ();
    // The order is a constant in each of these calls.
#define WITH(order)                                                                                \
  case order:                                                                                      \
    printf ("%u %u %lu ", atomic_fetch_add_explicit (&h, (uint16_t) v, order),                     \
            atomic_exchange_explicit (&w, (uint32_t) v, order),                                    \
            atomic_fetch_and_explicit (&d, v | 0xff, order));                                      \
    printf ("%u %lu ", atomic_fetch_or_explicit (&w, (uint32_t) (v >> 7), order),                  \
            atomic_fetch_sub_explicit (&d, v >> 3, order));                                        \
    break
    switch (orders[i % 6]) {
      WITH (memory_order_relaxed);
      WITH (memory_order_consume);
      WITH (memory_order_acquire);
      WITH (memory_order_release);
      WITH (memory_order_acq_rel);
      WITH (memory_order_seq_cst);
    }
    printf ("%u %u %lu\n", h, w, d);
  }
}

static atomic_int word;

static void *
futex_turns (void *data)
{
  int me = (int) (long) data;
  for (int i = 0; i < 50; i++) {
    for (int v; (v = atomic_load (&word)) % N != me;)
      syscall (SYS_futex, &word, FUTEX_WAIT_PRIVATE, v, NULL, NULL, 0);
    shared = shared * 5 % 65521 + me;
    atomic_fetch_add (&word, 1);
    syscall (SYS_futex, &word, FUTEX_WAKE_PRIVATE, N, NULL, NULL, 0);
  }
  return NULL;
}

PROGRAM (futexes)
{
  together (futex_turns);
  printf ("%d %ld\n", word, shared);
}

static void *
recurse (void *data)
{
  (void) data;
  for (int i = 0; i < 200; i++) {
    for (int k = 0; k < 5; k++)
      pthread_mutex_lock (&lock);
    shared++;
    for (int k = 0; k < 5; k++)
      pthread_mutex_unlock (&lock);
  }
  return NULL;
}

PROGRAM (kinds_of_mutexes)
{
  pthread_mutexattr_t attributes;
  pthread_mutex_t checked;
  pthread_mutexattr_init (&attributes);
  pthread_mutexattr_settype (&attributes, PTHREAD_MUTEX_ERRORCHECK);
  pthread_mutex_init (&checked, &attributes);
  int first = pthread_mutex_lock (&checked), second = pthread_mutex_lock (&checked),
      third = pthread_mutex_unlock (&checked);
  printf ("%d %d %d %d ", first, second == EDEADLK, third,
          pthread_mutex_unlock (&checked) == EPERM);
  pthread_mutexattr_settype (&attributes, PTHREAD_MUTEX_RECURSIVE);
  pthread_mutex_init (&lock, &attributes);
  together (recurse);
  printf ("%ld %d\n", shared, pthread_mutex_trylock (&checked));
}

static void *
wait_long (void *data)
{
  pthread_cleanup_push (destroy, data);
  pthread_mutex_lock (&lock);
  for (n_done = 1;;)
    pthread_cond_wait (&more, &lock);
  pthread_cleanup_pop (0);
  return NULL;
}

PROGRAM (cancellation)
{
  pthread_t thread;
  void *result;
  int *p = malloc (sizeof *p);
  *p = 7;
  pthread_create (&thread, NULL, wait_long, p);
  for (unsigned done = 0; !done; sched_yield ()) {
    pthread_mutex_lock (&lock);
    done = n_done;
    pthread_mutex_unlock (&lock);
  }
  pthread_cancel (thread);
  pthread_join (thread, &result);
  printf ("%d %d\n", result == PTHREAD_CANCELED, n_destroyed);
}

static void *
await_signal (void *data)
{
  sigset_t set;
  int number;
  sigemptyset (&set), sigaddset (&set, SIGUSR1 + ((long) data & 1) * (SIGUSR2 - SIGUSR1));
  sigwait (&set, &number);
  return (void *) (long) (number == SIGUSR1 ? 1 : 100);
}

PROGRAM (signals_to_threads)
{
  pthread_t threads[N];
  sigset_t set;
  long sum = 0;
  sigemptyset (&set), sigaddset (&set, SIGUSR1), sigaddset (&set, SIGUSR2);
  pthread_sigmask (SIG_BLOCK, &set, NULL);
  for (long i = 0; i < N; i++)
    pthread_create (&threads[i], NULL, await_signal, (void *) i);
  for (int i = 0; i < N; i++)
    pthread_kill (threads[i], i & 1 ? SIGUSR2 : SIGUSR1);
  for (int i = 0; i < N; i++) {
    void *result;
    pthread_join (threads[i], &result);
    sum += (long) result;
  }
  printf ("%ld\n", sum);
}

static uint32_t numbers_to_sort[1024];

static int
by_value (const void *a, const void *b)
{
  return (*(const uint32_t *) a > *(const uint32_t *) b) -
         (*(const uint32_t *) a < *(const uint32_t *) b);
}

static void *
sort_part (void *data)
{
  qsort (numbers_to_sort + (long) data * 256, 256, 4, by_value);
  return NULL;
}

PROGRAM (parallel_sort)
{
  uint32_t at_[N] = {0}, last = 0, ordered = 1;
  for (int i = 0; i < 1024; i++)
    numbers_to_sort[i] = (uint32_t) next ();
  together (sort_part);
  for (int i = 0; i < 1024; i++) {
    int least_ = -1;
    for (int k = 0; k < N; k++)
      if (at_[k] < 256 && (least_ < 0 || numbers_to_sort[k * 256 + at_[k]] <
                                             numbers_to_sort[least_ * 256 + at_[least_]]))
        least_ = k;
    uint32_t v = numbers_to_sort[least_ * 256 + at_[least_]++];
    ordered &= v >= last, last = v;
  }
  printf ("%u %08x\n", ordered, last);
}

static void *
small_stack (void *data)
{
  char local[8000];
  memset (local, (int) (long) data, sizeof local);
  size_t size;
  pthread_attr_t attributes;
  pthread_getattr_np (pthread_self (), &attributes);
  pthread_attr_getstacksize (&attributes, &size);
  return (void *) (long) (size == 262144 && local[7999] == (char) (long) data);
}

PROGRAM (many_threads)
{
  long good = 0;
  pthread_attr_t attributes;
  pthread_attr_init (&attributes);
  pthread_attr_setstacksize (&attributes, 262144);
  for (int round = 0; round < 10; round++) {
    pthread_t threads[12];
    for (long i = 0; i < 12; i++)
      pthread_create (&threads[i], &attributes, small_stack, (void *) i);
    for (int i = 0; i < 12; i++) {
      void *result;
      pthread_join (threads[i], &result);
      good += (long) result;
    }
  }
  printf ("%ld\n", good);
}
