// SPDX-License-Identifier: GPL-3.0-or-later
/* Operating-system, code-generation and two-CPU kernels. */
#include "kb.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static uint64_t
k_getpid (void)
{
  for (int i = 0; i < 20000; i++)
    syscall (SYS_getpid);
  return 0;
}
static uint64_t
k_clock (void)
{
  struct timespec t;
  for (int i = 0; i < 50000; i++)
    clock_gettime (CLOCK_MONOTONIC, &t);
  return 0;
}

static int pa[2], pb[2];
static void
pipe_setup (void)
{
  if (pa[1])
    return;
  if (pipe (pa) || pipe (pb))
    exit (1);
  if (!fork ()) {
    char c;
    close (pa[1]);
    while (read (pa[0], &c, 1) == 1)
      if (write (pb[1], &c, 1) != 1)
        break;
    _exit (0);
  }
  close (pa[0]);
}
static uint64_t
k_pipe (void)
{
  char c = 1;
  for (int i = 0; i < 500; i++)
    if (write (pa[1], &c, 1) != 1 || read (pb[0], &c, 1) != 1)
      exit (1);
  return 0;
}

static uint64_t
k_fork (void)
{
  for (int i = 0; i < 10; i++) {
    pid_t p = fork ();
    if (!p)
      _exit (0);
    waitpid (p, 0, 0);
  }
  return 0;
}
static uint64_t
k_exec (void)
{
  for (int i = 0; i < 5; i++) {
    pid_t p = vfork ();
    if (!p) {
      execl ("/proc/self/exe", "kbench", "--exit", (char *) 0);
      _exit (1);
    }
    int st;
    waitpid (p, &st, 0);
    if (st)
      exit (1);
  }
  return 0;
}
static uint64_t
k_mmap (void)
{
  size_t n = 1 << 20;
  char *p = mmap (0, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (size_t i = 0; i < n; i += 4096)
    p[i] = 1;
  munmap (p, n);
  return 0;
}
static volatile int nsig;
static char *prot;
static void
on_usr (int s)
{
  (void) s;
  nsig++;
}
static void
on_segv (int s)
{
  (void) s;
  nsig++;
  mprotect (prot, 4096, PROT_READ | PROT_WRITE);
}
static void
sig_setup (void)
{
  signal (SIGUSR1, on_usr);
  struct sigaction sa = {.sa_handler = on_segv};
  sigaction (SIGSEGV, &sa, 0);
  prot = mmap (0, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}
static uint64_t
k_signal (void)
{
  nsig = 0;
  for (int i = 0; i < 1000; i++)
    raise (SIGUSR1);
  return nsig;
}
static uint64_t
k_segv (void)
{
  nsig = 0;
  for (int i = 0; i < 500; i++) {
    mprotect (prot, 4096, PROT_NONE);
    *(volatile char *) prot = 1;
  }
  return nsig;
}
static uint64_t
k_file (void)
{
  char nm[64], b[4096] = {1};
  struct stat st;
  uint64_t h = 0;
  for (int i = 0; i < 50; i++) {
    snprintf (nm, sizeof nm, "/dev/shm/kb%d", i);
    int f = open (nm, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (f < 0) {
      perror (nm);
      exit (1);
    }
    if (write (f, b, 4096) != 4096 || pread (f, b, 4096, 0) != 4096)
      exit (1);
    fstat (f, &st);
    h += st.st_size;
    close (f);
    stat (nm, &st);
    unlink (nm);
  }
  return h;
}

/* --- code generation: emit a function, make it visible, call it --- */
#if defined(__aarch64__)
typedef uint32_t insn;
static int
emit (insn *p, uint32_t seed)
{
  int n = 0;
  for (int i = 0; i < 30; i++) {
    p[n++] = 0x91000000u | ((seed + i) & 0xfff) << 10; /* add x0,x0,#imm */
    p[n++] = 0xca000400u;                              /* eor x0,x0,x0,lsl#1 */
  }
  p[n++] = 0xd65f03c0u;
  return n * 4;
}
#else
typedef uint8_t insn;
static int
emit (insn *p, uint32_t seed)
{
  int n = 0;
  memcpy (p, "\x48\x89\xf8", 3);
  n = 3; /* mov rax,rdi */
  for (int i = 0; i < 30; i++) {
    uint32_t v = (seed + i) & 0xfff;
    p[n++] = 0x48;
    p[n++] = 0x05;
    memcpy (p + n, &v, 4);
    n += 4;
    memcpy (p + n, "\x48\x8d\x14\x00\x48\x31\xd0", 7);
    n += 7;
  }
  p[n++] = 0xc3;
  return n;
}
#endif
static char *code;
static void
code_setup (void)
{
  if (!code)
    code =
        mmap (0, 16 << 20, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}
static uint64_t
k_jitgen (void) /* 1000 new functions over 1 MiB, each called 10 times */
{
  uint64_t h = 0;
  static uint32_t at;
  for (int i = 0; i < 1000; i++) {
    char *p = code + ((at++ * 1024) & ((1 << 20) - 1));
    int n = emit ((insn *) p, i * 7);
    __builtin___clear_cache (p, p + n);
    for (int c = 0; c < 10; c++)
      h = ((uint64_t (*) (uint64_t)) p) (h);
  }
  return h;
}
static uint64_t
k_jitpatch (
    void) /* one function rewritten in place and called once, in a page with other hot code */
{
  uint64_t h = 0;
  char *p = code + (8 << 20), *q = p + 2048;
  int n = emit ((insn *) q, 1);
  __builtin___clear_cache (q, q + n);
  for (int i = 0; i < 500; i++) {
    n = emit ((insn *) p, i);
    __builtin___clear_cache (p, p + n);
    h = ((uint64_t (*) (uint64_t)) p) (h);
    h = ((uint64_t (*) (uint64_t)) q) (h);
  }
  return h;
}

/* --- atomics and two CPUs --- */
static _Atomic uint64_t cnt, turn;
static _Atomic int stop;
static uint64_t
k_atomic (void)
{
  for (int i = 0; i < 100000; i++) {
    atomic_fetch_add (&cnt, 1);
    uint64_t e = i;
    atomic_compare_exchange_strong (&turn, &e, i + 1);
  }
  return 0;
}
static uint64_t
k_mutex (void)
{
  static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
  static volatile int x;
  for (int i = 0; i < 100000; i++) {
    pthread_mutex_lock (&m);
    x++;
    pthread_mutex_unlock (&m);
  }
  return 0;
}
static void *
adder (void *n)
{
  for (long i = 0; i < (long) n; i++)
    atomic_fetch_add (&cnt, 1);
  return 0;
}
static uint64_t
k_mt_atomic (void)
{
  pthread_t a, b;
  cnt = 0;
  pthread_create (&a, 0, adder, (void *) 200000L);
  pthread_create (&b, 0, adder, (void *) 200000L);
  pthread_join (a, 0);
  pthread_join (b, 0);
  return cnt;
}
static void *
ponger (void *n)
{
  for (long i = 0; i < (long) n; i++) {
    while (atomic_load (&turn) != (uint64_t) (2 * i + 1))
      ;
    atomic_store (&turn, 2 * i + 2);
  }
  return 0;
}
static uint64_t
k_mt_pingpong (void)
{
  pthread_t a;
  long n = 20000;
  turn = 0;
  pthread_create (&a, 0, ponger, (void *) n);
  for (long i = 0; i < n; i++) {
    atomic_store (&turn, 2 * i + 1);
    while (atomic_load (&turn) != (uint64_t) (2 * i + 2))
      ;
  }
  pthread_join (a, 0);
  return turn;
}
static void *
work (void *o)
{
  uint64_t h = 0;
  for (int i = 0; i < 3; i++)
    for (const struct bench *b = b_int; b->name; b++)
      if (!strcmp (b->name, "int.interp") || !strcmp (b->name, "int.vcall"))
        h += b->fn ();
  *(uint64_t *) o = h;
  return 0;
}
static uint64_t
k_mt_work (void)
{
  pthread_t a;
  uint64_t x, y;
  pthread_create (&a, 0, work, &x);
  work (&y);
  pthread_join (a, 0);
  return x + y;
}
static pthread_mutex_t hm = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t hc = PTHREAD_COND_INITIALIZER;
static int hturn;
static void *
cond_t (void *n)
{
  pthread_mutex_lock (&hm);
  for (long i = 0; i < (long) n; i++) {
    while (hturn != 1)
      pthread_cond_wait (&hc, &hm);
    hturn = 0;
    pthread_cond_signal (&hc);
  }
  pthread_mutex_unlock (&hm);
  return 0;
}
static uint64_t
k_futex (void)
{
  pthread_t a;
  long n = 500;
  hturn = 0;
  pthread_create (&a, 0, cond_t, (void *) n);
  pthread_mutex_lock (&hm);
  for (long i = 0; i < n; i++) {
    hturn = 1;
    pthread_cond_signal (&hc);
    while (hturn != 0)
      pthread_cond_wait (&hc, &hm);
  }
  pthread_mutex_unlock (&hm);
  pthread_join (a, 0);
  return 0;
}
static void *
shoot (void *p)
{
  (void) p;
  while (!atomic_load (&stop))
    atomic_fetch_add (&cnt, 1);
  return 0;
}
static uint64_t
k_tlbshoot (void)
{
  pthread_t a;
  stop = 0;
  pthread_create (&a, 0, shoot, 0);
  for (int i = 0; i < 300; i++) {
    char *p = mmap (0, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    p[0] = p[4096] = 1;
    munmap (p, 16384);
  }
  stop = 1;
  pthread_join (a, 0);
  return 0;
}

const struct bench b_sys[] = {{"sys.getpid", "Mcall/s", .02, k_getpid},
                              {"sys.clock", "Mcall/s", .05, k_clock},
                              {"sys.pipe-pingpong", "kround/s", .5, k_pipe, pipe_setup},
                              {"sys.futex-pingpong", "kround/s", .5, k_futex},
                              {"sys.fork", "fork/s", 10, k_fork},
                              {"sys.forkexec", "exec/s", 5, k_exec},
                              {"sys.mmapfault", "kpage/s", .256, k_mmap},
                              {"sys.signal", "ksig/s", 1, k_signal, sig_setup},
                              {"sys.segv", "kfault/s", .5, k_segv, sig_setup},
                              {"sys.tmpfile", "kfile/s", .05, k_file},
                              {"jit.gen", "kfunc/s", 1, k_jitgen, code_setup, F_NOCHK},
                              {"jit.patch", "kpatch/s", .5, k_jitpatch, code_setup, F_NOCHK},
                              {"atomic.1cpu", "Mop/s", .2, k_atomic},
                              {"atomic.mutex", "Mlock/s", .1, k_mutex},
                              {"smp.atomic", "Mop/s", .4, k_mt_atomic, 0, F_SMP},
                              {"smp.pingpong", "kround/s", 20, k_mt_pingpong, 0, F_SMP},
                              {"smp.work", "unit/s", 1, k_mt_work, 0, F_SMP},
                              {"smp.futex", "kround/s", .5, k_futex, 0, F_SMP},
                              {"smp.tlbshoot", "kunmap/s", .3, k_tlbshoot, 0, F_SMP},
                              {0}};
