// SPDX-License-Identifier: GPL-3.0-or-later
// Sorting, hashing, searching, strings, recursion, varargs, setjmp.
#include <ctype.h>
#include <setjmp.h>

#include "corpus.h"

static int
compare (const void *a, const void *b)
{
  uint32_t x = *(const uint32_t *) a, y = *(const uint32_t *) b;
  return (x > y) - (x < y);
}

PROGRAM (sorting)
{
  static uint32_t v[500], w[500];
  for (int i = 0; i < 500; i++)
    w[i] = v[i] = (uint32_t) (next () >> 50);
  qsort (v, 500, 4, compare);
  for (int i = 1; i < 500; i++)
    for (int j = i; j > 0 && w[j - 1] > w[j]; j--) {
      uint32_t t = w[j];
      w[j] = w[j - 1], w[j - 1] = t;
    }
  printf ("%d %u %u %u\n", memcmp (v, w, sizeof v), v[0], v[250], v[499]);
}

PROGRAM (hashing)
{
  uint32_t crc = ~0u, a = 1, b = 0;
  uint64_t h = 1469598103934665603u;
  for (int i = 0; i < 3000; i++) {
    uint8_t c = (uint8_t) next ();
    h = (h ^ c) * 1099511628211u;
    crc ^= c;
    for (int k = 0; k < 8; k++)
      crc = crc >> 1 ^ (0xedb88320 & -(crc & 1));
    a = (a + c) % 65521, b = (b + a) % 65521;
  }
  printf ("%08x %08x %016" PRIx64 "\n", ~crc, b << 16 | a, h);
}

static uint32_t
rotate (uint32_t v, int n)
{
  return v >> n | v << (32 - n);
}

PROGRAM (sha256)
{
  uint32_t h[8], k[64], w[64];
  for (int i = 0, p = 2, n = 0; n < 64; p++) {
    for (i = 2; i * i <= p && p % i != 0; i++)
      ;
    if (i * i <= p)
      continue;
    double root3 = cbrt (p), root2 = sqrt (p);
    k[n] = (uint32_t) ((root3 - floor (root3)) * 0x1p32);
    if (n < 8)
      h[n] = (uint32_t) ((root2 - floor (root2)) * 0x1p32);
    n++;
  }
  for (int block = 0; block < 8; block++) {
    for (int i = 0; i < 16; i++)
      w[i] = (uint32_t) next ();
    for (int i = 16; i < 64; i++)
      w[i] = w[i - 16] + w[i - 7] +
             (rotate (w[i - 15], 7) ^ rotate (w[i - 15], 18) ^ w[i - 15] >> 3) +
             (rotate (w[i - 2], 17) ^ rotate (w[i - 2], 19) ^ w[i - 2] >> 10);
    uint32_t s[8];
    memcpy (s, h, sizeof s);
    for (int i = 0; i < 64; i++) {
      uint32_t t1 = s[7] + (rotate (s[4], 6) ^ rotate (s[4], 11) ^ rotate (s[4], 25)) +
                    ((s[4] & s[5]) ^ (~s[4] & s[6])) + k[i] + w[i];
      uint32_t t2 = (rotate (s[0], 2) ^ rotate (s[0], 13) ^ rotate (s[0], 22)) +
                    ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
      memmove (s + 1, s, 28);
      s[4] += t1, s[0] = t1 + t2;
    }
    for (int i = 0; i < 8; i++)
      h[i] += s[i];
  }
  for (int i = 0; i < 8; i++)
    printf ("%08x", h[i]);
}

PROGRAM (chacha)
{
  uint32_t s[16], x[16];
  for (int i = 0; i < 16; i++)
    x[i] = s[i] = (uint32_t) next ();
#define QUARTER(a, b, c, d)                                                                        \
  x[a] += x[b], x[d] = rotate (x[d] ^ x[a], 16), x[c] += x[d], x[b] = rotate (x[b] ^ x[c], 20),    \
                x[a] += x[b], x[d] = rotate (x[d] ^ x[a], 24), x[c] += x[d],                       \
                x[b] = rotate (x[b] ^ x[c], 25)
  for (int i = 0; i < 100; i++) {
    QUARTER (0, 4, 8, 12), QUARTER (1, 5, 9, 13), QUARTER (2, 6, 10, 14), QUARTER (3, 7, 11, 15);
    QUARTER (0, 5, 10, 15), QUARTER (1, 6, 11, 12), QUARTER (2, 7, 8, 13), QUARTER (3, 4, 9, 14);
  }
  for (int i = 0; i < 16; i++)
    printf ("%08x", x[i] + s[i]);
}

PROGRAM (strings)
{
  char a[300], b[300];
  for (int i = 0; i < 60; i++) {
    size_t n = next () % 200 + 1, at = next () % 16;
    for (size_t k = 0; k < n; k++)
      a[at + k] = (char) ('a' + next () % 26);
    a[at + n] = 0;
    memset (b, '.', sizeof b);
    b[sizeof b - 1] = 0;
    strcpy (b + (i & 7), a + at);
    char *found = strchr (b, 'q'), *last = strrchr (a + at, 'e'), *sub = strstr (b, "ab");
    memmove (b + 5, b + 2, n);
    n = n < 100 ? n : 100;
    printf ("%zu %td %td %d %d %zu %d %s\n", strlen (a + at), found ? found - b : -1,
            last ? last - a : -1, sub != NULL, strcmp (b, a + at) > 0, strcspn (a + at, "xyz"),
            memcmp (a + at, b, n) > 0, b + n);
  }
}

PROGRAM (text)
{
  char line[200];
  for (int i = 0; i < 40; i++) {
    int a = (int) next (), c = 0, b = 0;
    unsigned o = 0;
    snprintf (line, sizeof line, "%d:%o:%08x:%-6d|%+5d|% d|%c|%5s|%.3s", a, (unsigned) a,
              (unsigned) a, a % 1000, a % 77, a % 9, 'a' + (a & 15), "ab", "abcdef");
    int n = sscanf (line, "%d:%o:%x", &b, &o, (unsigned *) &c);
    for (char *p = line; *p != 0; p++)
      *p = (char) (isalpha (*p) ? toupper (*p) : *p);
    printf ("%s %d %d %d\n", line, n, b == a && o == (unsigned) a, c == a);
  }
}

static long
sum_of (const char *types, ...)
{
  va_list ap, again;
  double total = 0;

  va_start (ap, types);
  va_copy (again, ap);
  for (const char *t = types; *t != 0; t++)
    total = total * 3 + (*t == 'i'   ? va_arg (ap, int)
                         : *t == 'l' ? (double) va_arg (ap, long)
                         : *t == 'd' ? va_arg (ap, double)
                                     : (double) va_arg (ap, long double));
  if (*types == 'i')
    total += va_arg (again, int);
  va_end (again);
  va_end (ap);
  return (long) total;
}

PROGRAM (varargs)
{
  printf ("%ld\n", sum_of ("iiiiiiiiiiii", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12));
  printf ("%ld\n", sum_of ("dddddddddddd", 1., 2., 3., 4., 5., 6., 7., 8., 9., 10., 11., 12.));
  printf ("%ld\n", sum_of ("idldLdilidliLdidLL", 1, 2., 3L, 4., 5.L, 6., 7, 8L, 9, 10., 11L, 12,
                           13.L, 14., 15, 16., 17.L, 18.L));
}

typedef struct Small {
  float a, b, c;
} Small;
typedef struct Big {
  long v[7];
  double d;
} Big;

static __attribute__ ((noinline)) Small
turn (Small s, int n, Big big)
{
  return (Small){s.b + (float) n, s.c + (float) big.v[n % 7], s.a + (float) big.d};
}

static __attribute__ ((noinline)) Big
grow (Small s, Big big)
{
  for (int i = 0; i < 7; i++)
    big.v[i] = big.v[i] * 2 % 1001 + (long) s.a;
  big.d += (double) s.b;
  return big;
}

PROGRAM (by_value)
{
  Small s = {1, 2, 3};
  Big big = {{1, 2, 3, 4, 5, 6, 7}, 0.5};
  for (int i = 0; i < 30; i++) {
    s = turn (s, i, big);
    s.a = fmodf (s.a, 100), s.b = fmodf (s.b, 50), s.c = fmodf (s.c, 70);
    big = grow (s, big);
    printf ("%g %g %g %ld %g\n", (double) s.a, (double) s.b, (double) s.c, big.v[6], big.d);
  }
}

static unsigned
ackermann (unsigned m, unsigned n)
{
  if (m == 0)
    return n + 1;
  if (n == 0)
    return ackermann (m - 1, 1);
  return ackermann (m - 1, ackermann (m, n - 1));
}

static int
queens (int n, unsigned columns, unsigned left, unsigned right)
{
  int count = 0;
  if (columns == (1u << n) - 1)
    return 1;
  for (unsigned free = ~(columns | left | right) & ((1u << n) - 1); free != 0; free &= free - 1) {
    unsigned bit = free & -free;
    count += queens (n, columns | bit, (left | bit) << 1, (right | bit) >> 1);
  }
  return count;
}

PROGRAM (recursion)
{
  printf ("%u %d %d\n", ackermann (2, 9), queens (7, 0, 0, 0), queens (8, 0, 0, 0));
}

static jmp_buf back;

static __attribute__ ((noinline)) void
dive (int depth, double weight)
{
  if (depth == 0)
    longjmp (back, (int) (weight * 16) + 1);
  dive (depth - 1, weight * 1.0625 + 0.25);
}

PROGRAM (long_jumps)
{
  for (volatile int i = 0; i < 12; i++) {
    volatile double kept = i * 1.5;
    int got = setjmp (back);
    if (got == 0)
      dive (i, kept);
    printf ("%d %d %g\n", i, got, kept);
  }
}

typedef struct Node {
  struct Node *left, *right;
  uint32_t key;
} Node;

static Node *
insert (Node *tree, uint32_t key)
{
  if (tree == NULL) {
    tree = calloc (1, sizeof *tree);
    tree->key = key;
  } else if (key < tree->key) {
    tree->left = insert (tree->left, key);
  } else {
    tree->right = insert (tree->right, key);
  }
  return tree;
}

static unsigned
depth (const Node *t)
{
  return t == NULL ? 0
                   : 1 + (depth (t->left) > depth (t->right) ? depth (t->left) : depth (t->right));
}

PROGRAM (trees)
{
  Node *tree = NULL;
  for (int i = 0; i < 300; i++)
    tree = insert (tree, (uint32_t) next ());
  printf ("%u %u\n", depth (tree), tree->key);
}

PROGRAM (sieve)
{
  static char composite[20000];
  int n = 0, last = 0;
  for (int i = 2; i < 20000; i++)
    if (!composite[i]) {
      n++, last = i;
      for (int k = i + i; k < 20000; k += i)
        composite[k] = 1;
    }
  printf ("%d %d\n", n, last);
}

typedef int Operation (int, int);
static int
op_add (int a, int b)
{
  return a + b;
}
static int
op_sub (int a, int b)
{
  return a - b;
}
static int
op_mul (int a, int b)
{
  return (int) ((unsigned) a * (unsigned) b);
}
static int
op_xor (int a, int b)
{
  return a ^ b;
}

PROGRAM (pointers_to_functions)
{
  static Operation *const table[] = {op_add, op_sub, op_mul, op_xor};
  static void *const labels[] = {&&one, &&two, &&three};
  int v = 1;
  for (int i = 0; i < 200; i++) {
    v = table[next () & 3](v & 0xffff, (int) (next () >> 60));
    goto *labels[(unsigned) v % 3];
  one:
    v += 3;
    continue;
  two:
    v ^= 5;
  three:
    v &= 0xffffff;
  }
  printf ("%d\n", v);
}
