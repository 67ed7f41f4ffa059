// SPDX-License-Identifier: GPL-3.0-or-later
// Processes, pipes, signals, memory, files without names: what a C program asks of its system.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "corpus.h"

static volatile sig_atomic_t n_signals, numbers[40];

static void
note (int number)
{
  if (n_signals < 40)
    numbers[n_signals++] = number;
}

static void
handle (int number, void (*handler) (int), int flags)
{
  struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
  sigaction (number, &action, NULL);
}

PROGRAM (exit_states)
{
  fflush (stdout);
  for (int i = 0; i < 10; i++) {
    int status;
    pid_t pid = fork ();
    if (pid == 0) {
      handle (SIGABRT, SIG_DFL, 0);
      if (i % 3 == 1)
        kill (getpid (), i % 2 ? SIGKILL : SIGTERM);
      if (i % 3 == 2)
        abort ();
      _exit (i * 30);
    }
    waitpid (pid, &status, 0);
    printf ("%d %d %d\n", WIFEXITED (status), WIFEXITED (status) ? WEXITSTATUS (status) : 0,
            WIFSIGNALED (status) ? WTERMSIG (status) : 0);
  }
}

PROGRAM (pipeline)
{
  // Numbers go through a chain of processes, each of which lets no multiples of its first pass.
  int in[2], primes = 0;
  fflush (stdout);
  if (pipe (in) != 0 || fork () == 0) {
    close (in[0]);
    for (int i = 2; i < 120; i++)
      if (write (in[1], &i, sizeof i) < 0)
        break;
    _exit (0);
  }
  close (in[1]);
  for (int first, v;; primes++) {
    int out[2];
    if (read (in[0], &first, sizeof first) != sizeof first)
      break;
    printf ("%d ", first);
    fflush (stdout);
    if (pipe (out) != 0 || fork () == 0) {
      close (out[0]);
      while (read (in[0], &v, sizeof v) == sizeof v)
        if (v % first != 0 && write (out[1], &v, sizeof v) < 0)
          break;
      _exit (0);
    }
    close (in[0]), close (out[1]);
    in[0] = out[0];
  }
  while (wait (NULL) > 0)
    ;
  printf ("%d\n", primes);
}

PROGRAM (copy_on_write)
{
  static int values[5000];
  int sum = 0, status;
  for (int i = 0; i < 5000; i++)
    values[i] = i;
  fflush (stdout);
  for (int k = 0; k < 5; k++) {
    pid_t pid = fork ();
    if (pid == 0) {
      for (int i = k; i < 5000; i += 5)
        values[i] *= 2;
      for (int i = 0; i < 5000; i++)
        sum = (sum * 31 + values[i]) % 251;
      _exit (sum);
    }
    waitpid (pid, &status, 0);
    printf ("%d ", WEXITSTATUS (status));
  }
  for (int i = 0; i < 5000; i++)
    sum += values[i];
  printf ("%d\n", sum);
}

PROGRAM (shared_counters)
{
  typedef struct Shared {
    _Atomic uint8_t b;
    _Atomic uint16_t h;
    _Atomic uint32_t w;
    _Atomic uint64_t d;
  } Shared;
  Shared *s = mmap (NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  for (int k = 0; k < 4; k++)
    if (fork () == 0) {
      for (int i = 0; i < 1000; i++)
        s->b += 3, s->h += 5, s->w -= 7, s->d ^= (uint64_t) 1 << ((i + k) & 63);
      _exit (0);
    }
  while (wait (NULL) > 0)
    ;
  printf ("%u %u %u %016" PRIx64 "\n", s->b, s->h, s->w, s->d);
}

PROGRAM (child_signals)
{
  sigset_t block, old;
  int waited = 0;
  sigemptyset (&block), sigaddset (&block, SIGCHLD);
  sigprocmask (SIG_BLOCK, &block, &old);
  handle (SIGCHLD, note, 0);
  for (int i = 0; i < 5; i++)
    if (fork () == 0)
      _exit (0);
  while (waited < 5) {
    while (waitpid (-1, NULL, WNOHANG) > 0)
      waited++;
    if (waited < 5)
      sigsuspend (&old);
  }
  // None may have been waited for with it.
  sigprocmask (SIG_SETMASK, &old, NULL);
  printf ("%d %d\n", waited, n_signals > 0);
}

PROGRAM (blocked_and_pending)
{
  sigset_t set, pending;
  sigemptyset (&set), sigaddset (&set, SIGUSR1), sigaddset (&set, SIGUSR2),
      sigaddset (&set, SIGHUP);
  handle (SIGUSR1, note, 0), handle (SIGUSR2, note, 0), handle (SIGHUP, note, 0);
  for (int i = 0; i < 5; i++) {
    sigprocmask (SIG_BLOCK, &set, NULL);
    raise (SIGUSR2), raise (SIGUSR1), raise (SIGUSR1);
    sigpending (&pending);
    printf ("%d%d%d ", sigismember (&pending, SIGUSR1), sigismember (&pending, SIGUSR2),
            sigismember (&pending, SIGHUP));
    sigprocmask (SIG_UNBLOCK, &set, NULL);
  }
  printf ("%d\n", n_signals);
  for (int i = 0; i < n_signals; i++)
    printf ("%d", numbers[i] == SIGUSR1);
}

static long queued;

static void
on_queued (int number, siginfo_t *info, void *context)
{
  (void) number, (void) context;
  queued = queued * 7 % 1000003 + info->si_value.sival_int;
  n_signals++;
}

PROGRAM (queued_signals)
{
  struct sigaction action = {.sa_sigaction = on_queued, .sa_flags = SA_SIGINFO};
  sigset_t set;
  sigfillset (&action.sa_mask);
  sigemptyset (&set), sigaddset (&set, SIGRTMIN), sigaddset (&set, SIGRTMIN + 1);
  sigaction (SIGRTMIN, &action, NULL), sigaction (SIGRTMIN + 1, &action, NULL);
  sigprocmask (SIG_BLOCK, &set, NULL);
  for (int i = 0; i < 20; i++)
    sigqueue (getpid (), SIGRTMIN + (i & 1), (union sigval){.sival_int = i * 11});
  sigprocmask (SIG_UNBLOCK, &set, NULL);
  printf ("%d %ld\n", n_signals, queued);
}

static sigjmp_buf jump;
static volatile int depth;
static char alternate[65536];

static void
jump_back (int number)
{
  char here;
  int on_alternate = &here >= alternate && &here < alternate + sizeof alternate;
  siglongjmp (jump, number * 2 + on_alternate);
}

static __attribute__ ((noinline)) int
overflow (int n)
{
  volatile char frame[4096];
  frame[n & 4095] = (char) n, depth = n;
  return overflow (n + 1) + frame[n & 4095];
}

PROGRAM (stack_overflow)
{
  stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate};
  sigaltstack (&stack, NULL);
  handle (SIGSEGV, jump_back, SA_ONSTACK);
  for (volatile int i = 0; i < 3; i++) {
    int got = sigsetjmp (jump, 1);
    if (got == 0)
      overflow (0);
    printf ("%d %d\n", got == SIGSEGV * 2 + 1, depth > 100);
  }
}

PROGRAM (null_and_wild_pointers)
{
  static char *volatile wild[] = {NULL, (char *) 8, (char *) 0x7fffffffff0, (char *) -1,
                                  (char *) 0x0123456789abcdef};
  handle (SIGSEGV, jump_back, 0), handle (SIGBUS, jump_back, 0);
  for (volatile int i = 0; i < 10; i++) {
    int got = sigsetjmp (jump, 1);
    if (got == 0 && i & 1)
      *wild[i / 2] = 1;
    else if (got == 0)
      printf ("%d", *wild[i / 2]);
    printf ("%d ", got != 0);
  }
}

PROGRAM (beyond_the_end_of_a_file)
{
  int fd = memfd_create ("x", 0);
  volatile char *p = mmap (NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (ftruncate (fd, 5000) != 0)
    return;
  handle (SIGBUS, jump_back, 0), handle (SIGSEGV, jump_back, 0);
  for (volatile int i = 0; i < 12; i++) {
    int got = sigsetjmp (jump, 1);
    if (got == 0)
      p[i * 1024] = (char) i;
    printf ("%d ", got / 2 == SIGBUS ? 1 : got);
  }
}

PROGRAM (jumps_out_of_handlers)
{
  struct itimerval soon = {{0, 0}, {0, 2000}};
  volatile double kept = 1;
  handle (SIGALRM, jump_back, 0);
  for (volatile int i = 0; i < 10; i++) {
    if (sigsetjmp (jump, 1) == 0) {
      setitimer (ITIMER_REAL, &soon, NULL);
      for (;;)
        kept += 0;
    }
    kept = kept * 1.5 + i;
  }
  printf ("%a\n", kept);
}

static volatile double spoiled;
static volatile int level, deepest;

static void
nest (int number)
{
  double x = spoiled, y = number;
  float f[8];
  level++, deepest = level > deepest ? level : deepest;
  for (int i = 0; i < 8; i++)
    f[i] = (float) (x + i);
  if (level < 4)
    raise (number == SIGUSR1 ? SIGUSR2 : SIGUSR1);
  for (int i = 0; i < 8; i++)
    y += f[i];
  spoiled = y, level--;
}

PROGRAM (nested_handlers)
{
  handle (SIGUSR1, nest, SA_NODEFER), handle (SIGUSR2, nest, SA_NODEFER);
  double a = 1.25, b = 2.5, c = -3.75;
  for (int i = 0; i < 50; i++) {
    double before = a * b + c;
    raise (SIGUSR1);
    c += (a * b + c == before) * 0.5, a *= 1.01;
  }
  printf ("%a %a %a %d\n", a, c, spoiled, deepest);
}

PROGRAM (sockets_in_pairs)
{
  int ends[2], packets[2];
  uint32_t sum = 0;
  char text[100];
  socketpair (AF_UNIX, SOCK_STREAM, 0, ends), socketpair (AF_UNIX, SOCK_DGRAM, 0, packets);
  if (fork () == 0) {
    for (uint32_t i = 0; i < 200; i++) {
      uint32_t v;
      if (read (ends[1], &v, 4) != 4)
        _exit (1);
      v = v * 3 + i;
      if (write (ends[1], &v, 4) != 4)
        _exit (1);
    }
    _exit (0);
  }
  for (int i = 0; i < 200; i++) {
    uint32_t v = (uint32_t) next ();
    if (write (ends[0], &v, 4) == 4 && read (ends[0], &v, 4) == 4)
      sum = sum * 31 + v;
  }
  wait (NULL);
  for (int i = 1; i < 6; i++) {
    memset (text, 'a' + i, sizeof text);
    send (packets[0], text, (size_t) i * 9, 0);
  }
  for (int i = 1; i < 6; i++)
    printf ("%zd ", recv (packets[1], text, 20, MSG_TRUNC));
  printf ("%08x\n", sum);
}

PROGRAM (files_without_names)
{
  int fd = memfd_create ("x", 0), copy = dup (fd);
  char text[64] = {0};
  struct iovec parts[3] = {{"scatter", 7}, {" and ", 5}, {"gather", 6}},
               back[2] = {{text, 10}, {text + 20, 30}};
  printf ("%zd ", writev (fd, parts, 3));
  printf ("%ld ", (long) lseek (copy, -6, SEEK_END));
  printf ("%zd %zd ", write (copy, "GATHER", 6), pwrite (fd, "S", 1, 0));
  printf ("%zd ", preadv (fd, back, 2, 0));
  printf ("%s %s ", text, text + 20);
  printf ("%ld ", (long) lseek (fd, 100000, SEEK_SET));
  printf ("%zd ", write (fd, "!", 1));
  printf ("%ld ", (long) lseek (fd, 0, SEEK_END));
  printf ("%d ", ftruncate (fd, 3));
  printf ("%zd %.3s %d\n", pread (fd, text, 60, 0), text, fcntl (fd, F_GETFL) & O_ACCMODE);
  FILE *f = fdopen (fd, "r+");
  for (int i = 0; i < 300; i++)
    fprintf (f, "%d line\n", i * i);
  rewind (f);
  for (int i = 0, v; fscanf (f, "%d line\n", &v) == 1; i++)
    if (i % 60 == 0)
      printf ("%d ", v);
  fseek (f, -7, SEEK_END);
  int last = fgetc (f), again = ungetc ('x', f);
  printf ("%d %d %ld\n", last, again, ftell (f));
}

PROGRAM (private_and_shared_mappings)
{
  int fd = memfd_create ("x", 0);
  char byte;
  if (ftruncate (fd, 8192) != 0)
    return;
  char *shared = mmap (NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  char *own = mmap (NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  strcpy (shared, "one"), strcpy (shared + 4096, "two");
  printf ("%s ", own);
  own[0] = 'O';
  shared[0] = 'x', shared[4096] = 'T';
  pread (fd, &byte, 1, 4096);
  printf ("%s %s %s %c ", own, shared, own + 4096, byte);
  madvise (own, 4096, MADV_DONTNEED);
  printf ("%s ", own);
  void *a = mmap (NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memset (a, 7, 3 * 4096);
  madvise ((char *) a + 4096, 4096, MADV_DONTNEED);
  printf ("%d%d%d ", ((char *) a)[4095], ((char *) a)[4096], ((char *) a)[8192]);
  char *fixed = mmap ((char *) a + 4096, 4096, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 4096);
  printf ("%d %s %d\n", fixed == (char *) a + 4096, fixed,
          mprotect (fixed, 4096, PROT_READ | PROT_WRITE));
}

PROGRAM (polling)
{
  int a[2], b[2], event = eventfd (5, EFD_NONBLOCK);
  uint64_t v;
  pipe (a), pipe (b);
  struct pollfd fds[] = {
      {a[0], POLLIN, 0}, {b[0], POLLIN, 0}, {a[1], POLLOUT, 0}, {event, POLLIN, 0}};
  for (int i = 0; i < 4; i++) {
    if (i == 1)
      write (a[1], "x", 1);
    if (i == 2)
      close (b[1]);
    if (i == 3)
      read (event, &v, 8), printf ("%" PRIu64 " ", v);
    int n = poll (fds, 4, 0);
    printf ("%d:%d%d%d%d ", n, fds[0].revents == POLLIN, fds[1].revents == POLLHUP,
            fds[2].revents == POLLOUT, fds[3].revents == POLLIN);
  }
  fd_set set;
  struct timeval none = {0, 0};
  FD_ZERO (&set);
  FD_SET (a[0], &set);
  FD_SET (event, &set);
  int ready = select (event + 50, &set, NULL, NULL, &none);
  printf ("%d %d\n", ready, FD_ISSET (a[0], &set));
}

PROGRAM (epoll_and_signalfd)
{
  sigset_t set;
  struct signalfd_siginfo info;
  int poll_fd = epoll_create1 (0), timer = timerfd_create (CLOCK_MONOTONIC, 0), seen[3] = {0};
  sigemptyset (&set), sigaddset (&set, SIGUSR1);
  sigprocmask (SIG_BLOCK, &set, NULL);
  int signals = signalfd (-1, &set, 0), event = eventfd (0, 0), fds[] = {timer, signals, event};
  for (uint32_t i = 0; i < 3; i++)
    epoll_ctl (poll_fd, EPOLL_CTL_ADD, fds[i],
               &(struct epoll_event){.events = EPOLLIN, .data.u32 = i});
  timerfd_settime (timer, 0, &(struct itimerspec){{0, 0}, {0, 1000000}}, NULL);
  kill (getpid (), SIGUSR1);
  write (event, &(uint64_t){3}, 8);
  for (int left = 3; left > 0;) {
    struct epoll_event events[3];
    int n = epoll_wait (poll_fd, events, 3, -1);
    for (int i = 0; i < n; i++) {
      uint32_t k = events[i].data.u32;
      uint64_t v = 0;
      if (k == 1)
        read (signals, &info, sizeof info), v = info.ssi_signo == SIGUSR1;
      else
        read (fds[k], &v, 8);
      seen[k] += (int) v, left--;
    }
  }
  printf ("%d %d %d\n", seen[0], seen[1], seen[2]);
}

PROGRAM (clocks_go_forward)
{
  static const clockid_t clocks[] = {CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_BOOTTIME,
                                     CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID};
  for (int k = 0; k < 5; k++) {
    struct timespec last = {0}, now, start;
    int backwards = 0;
    clock_gettime (clocks[k], &start);
    for (int i = 0; i < 500; i++) {
      clock_gettime (clocks[k], &now);
      backwards += now.tv_sec < last.tv_sec ||
                   (now.tv_sec == last.tv_sec && now.tv_nsec < last.tv_nsec) ||
                   now.tv_nsec > 999999999;
      last = now;
    }
    printf ("%d ", backwards);
  }
  struct timespec before, after, pause = {0, 3000000};
  clock_gettime (CLOCK_MONOTONIC, &before);
  clock_nanosleep (CLOCK_MONOTONIC, 0, &pause, NULL);
  clock_gettime (CLOCK_MONOTONIC, &after);
  printf ("%d\n",
          (after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec >= 3000000);
}

PROGRAM (timers_with_signals)
{
  timer_t timer;
  struct sigevent how = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 2};
  struct itimerspec often = {{0, 1000000}, {0, 1000000}}, never = {{0, 0}, {0, 0}};
  sigset_t set;
  int n = 0, number;
  sigemptyset (&set), sigaddset (&set, SIGRTMIN + 2);
  sigprocmask (SIG_BLOCK, &set, NULL);
  timer_create (CLOCK_MONOTONIC, &how, &timer);
  timer_settime (timer, 0, &often, NULL);
  while (n < 10 && sigwait (&set, &number) == 0)
    n++;
  timer_settime (timer, 0, &never, NULL);
  printf ("%d %d\n", n, timer_delete (timer));
}

static void
ignore (int number)
{
  (void) number;
}

PROGRAM (interrupted_calls)
{
  int ends[2], status = 0;
  char byte;
  pipe (ends);
  for (int restart = 0; restart < 2; restart++) {
    handle (SIGALRM, ignore, restart ? SA_RESTART : 0);
    pid_t pid = fork ();
    if (pid == 0) {
      // The signal comes again and again: the one that matters may come before read () does.
      for (int i = 0; i < 20; i++) {
        usleep (2000);
        kill (getppid (), SIGALRM);
      }
      if (restart)
        write (ends[1], "y", 1);
      while (!restart)
        usleep (2000), kill (getppid (), SIGALRM);
      _exit (0);
    }
    ssize_t n = read (ends[0], &byte, 1);
    printf ("%zd %d ", n, n < 0 && errno == EINTR);
    handle (SIGALRM, SIG_IGN, 0);
    kill (pid, SIGKILL);
    while (waitpid (pid, &status, 0) < 0)
      ;
  }
}

PROGRAM (program_break)
{
  char *start = sbrk (0), *p = sbrk (100000);
  uint32_t sum = 0;
  for (int i = 0; i < 100000; i++)
    p[i] = (char) (i * 7);
  for (int i = 0; i < 100000; i += 333)
    sum = sum * 31 + (uint8_t) p[i];
  printf ("%d %d %08x\n", p == start, (char *) sbrk (-100000) == start + 100000, sum);
}

// The context that a handler may change is each processor's own.
#ifdef __aarch64__
#include <ucontext.h>

static void
step_over (int number, siginfo_t *info, void *context)
{
  ucontext_t *uc = context;
  numbers[n_signals++] = number * 10 + (info->si_code > 0);
  uc->uc_mcontext.regs[5] += 3;
  uc->uc_mcontext.pc += 4;
}

PROGRAM (traps_stepped_over)
{
  struct sigaction action = {.sa_sigaction = step_over, .sa_flags = SA_SIGINFO};
  uint64_t x = 1;
  sigaction (SIGILL, &action, NULL), sigaction (SIGTRAP, &action, NULL),
      sigaction (SIGSEGV, &action, NULL);
  for (int i = 0; i < 5; i++)
    __asm__ volatile(
        "mov x5, %0\n udf #7\n brk #5\n mov x6, #0\n ldr x6, [x6]\n .inst 0xd5380000\n mov %0, x5"
        : "+r"(x)
        :
        : "x5", "x6", "memory");
  printf ("%" PRIu64 " %d ", x, n_signals);
  for (int i = 0; i < n_signals; i++)
    printf ("%d ", numbers[i]);
}
#endif
