// SPDX-License-Identifier: GPL-3.0-or-later
// Ways through code that are not calls and loops: state machines, wide switches, coroutines,
// exceptions, code made at run time.
#include <setjmp.h>
#include <ucontext.h>

#include "corpus.h"

PROGRAM (comment_stripper)
{
  static const char source[] =
      "int a; /* one */ char *s = \"/* no */ \\\" \"; // two\nb = '\"'; c = a /d; /***/ e//\n";
  enum { CODE, SLASH, LINE, BLOCK, STAR, STRING, CHARACTER } state = CODE;
  int counts[7] = {0};
  for (const char *p = source; *p != 0; p++) {
    counts[state]++;
    switch (state) {
    case CODE:
      state = *p == '/' ? SLASH : *p == '"' ? STRING : *p == '\'' ? CHARACTER : CODE;
      if (state != SLASH)
        putchar (*p);
      break;
    case SLASH:
      state = *p == '/' ? LINE : *p == '*' ? BLOCK : CODE;
      if (state == CODE)
        putchar ('/'), putchar (*p);
      break;
    case LINE:
      if (*p == '\n')
        state = CODE, putchar ('\n');
      break;
    case BLOCK:
      state = *p == '*' ? STAR : BLOCK;
      break;
    case STAR:
      state = *p == '/' ? CODE : *p == '*' ? STAR : BLOCK;
      break;
    case STRING:
    case CHARACTER:
      putchar (*p);
      if (*p == '\\')
        putchar (*++p);
      else if (*p == (state == STRING ? '"' : '\''))
        state = CODE;
    }
  }
  for (int i = 0; i < 7; i++)
    printf ("%d ", counts[i]);
}

PROGRAM (duffs_device)
{
  static uint8_t from[200], to[200];
  uint32_t sum = 0;
  for (int i = 0; i < 200; i++)
    from[i] = (uint8_t) next ();
  for (int n = 1; n < 200; n += 7) {
    uint8_t *d = to, *s = from;
    int rounds = (n + 7) / 8;
    switch (n % 8) {
    case 0:
      do {
        *d++ = *s++;
        // fall through
      case 7:
        *d++ = *s++ ^ 1;
        // fall through
      case 6:
        *d++ = *s++;
        // fall through
      case 5:
        *d++ = *s++ ^ 2;
        // fall through
      case 4:
        *d++ = *s++;
        // fall through
      case 3:
        *d++ = *s++ ^ 3;
        // fall through
      case 2:
        *d++ = *s++;
        // fall through
      case 1:
        *d++ = *s++ ^ 4;
      } while (--rounds > 0);
    }
    for (int i = 0; i < n; i++)
      sum = sum * 31 + to[i];
  }
  printf ("%08x\n", sum);
}

static int
wide_switch (int64_t v)
{
  switch (v) {
  case INT64_MIN:
    return 1;
  case -1000000000000:
    return 2;
  case -7 ... - 3:
    return 3;
  case 0:
    return 4;
  case 'a' ... 'z':
    return 5;
  case 100000:
    return 6;
  case 0x123456789abc:
    return 7;
  case INT64_MAX:
    return 8;
  case 200 ... 219:
    return (int) v;
  }
  return 9;
}

PROGRAM (sparse_switches)
{
  static const int64_t odd[] = {INT64_MIN, -1000000000000, -5,        0,  'q',
                                100000,    0x123456789abc, INT64_MAX, 210};
  int sum = 0;
  for (int i = 0; i < 900; i++)
    sum = sum * 3 % 100003 +
          wide_switch (odd[next () % 9] + (i % 3 == 0 ? (int64_t) (next () & 7) * (i & 1) : 0));
  printf ("%d\n", sum);
}

static ucontext_t main_context, contexts[3];
static int produced;

static void
squares (int step)
{
  double kept = step * 0.5;
  for (int i = 1; i < 9; i++) {
    kept += i * kept, produced = (int) kept;
    swapcontext (&contexts[step], &main_context);
  }
  produced = -step;
}

PROGRAM (coroutines)
{
  static _Alignas(16) char stacks[3][65536];
  for (int i = 0; i < 3; i++) {
    getcontext (&contexts[i]);
    contexts[i].uc_stack.ss_sp = stacks[i], contexts[i].uc_stack.ss_size = sizeof stacks[i];
    contexts[i].uc_link = &main_context;
    makecontext (&contexts[i], (void (*) (void)) squares, 1, i);
  }
  for (int round = 0; round < 9; round++)
    for (int i = 0; i < 3; i++) {
      swapcontext (&main_context, &contexts[i]);
      printf ("%d ", produced);
    }
}

static jmp_buf handlers[10];
static int n_handlers, cleaned;

static __attribute__ ((noinline)) void throw (int what)
{
  longjmp (handlers[--n_handlers], what);
}

static __attribute__ ((noinline)) int
risky (int depth, unsigned v)
{
  volatile int state = depth;
  if (depth == 0)
    return v % 3 == 0 ? throw ((int) (v % 7) + 1), 0 : (int) v;
  int what = setjmp (handlers[n_handlers++]);
  if (what == 0) {
    int r = risky (depth - 1, v / 3);
    n_handlers--;
    return r + depth;
  }
  cleaned += state * what;
  if (what % 2)
    throw (what / 2 + 1);
  return -what;
}

PROGRAM (exceptions_by_longjmp)
{
  for (unsigned i = 0; i < 40; i++) {
    n_handlers = 0;
    int what = setjmp (handlers[n_handlers++]);
    if (what == 0)
      printf ("%d ", risky ((int) (i % 5) + 1, (unsigned) (next () >> 40)));
    else
      printf ("!%d ", what);
  }
  printf ("%d\n", cleaned);
}

// The bytes of an expression become instructions that are then run; ARM's only.
#ifdef __aarch64__
#include <sys/mman.h>

PROGRAM (generated_code)
{
  uint32_t *code =
      mmap (NULL, 65536, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  uint64_t sum = 0;
  for (uint32_t round = 0; round < 600; round++) {
    uint32_t *p = code + round % 50 * 64, n = (uint32_t) (next () & 15) + 1;
    uint64_t check = round;
    for (uint32_t i = 0; i < n; i++) {
      uint32_t value = (uint32_t) (next () & 0xfff);
      if (i & 1)
        p[i] = 0x91000000 | value << 10, check += value; // add x0, x0, #value
      else
        p[i] = 0xd1000000 | value << 10, check -= value; // sub
    }
    p[n] = 0xca000400; // eor x0, x0, x0, lsl #1
    p[n + 1] = 0xd65f03c0;
    __builtin___clear_cache ((char *) p, (char *) (p + n + 2));
    uint64_t r = ((uint64_t (*) (uint64_t)) p) (round);
    sum = sum * 31 + r + (r == (check ^ check << 1));
  }
  printf ("%016" PRIx64 "\n", sum);
}
#endif
