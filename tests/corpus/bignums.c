// SPDX-License-Identifier: GPL-3.0-or-later
// Numbers of many digits.
#include "corpus.h"

enum { LIMBS = 40 };

typedef struct Big {
  int n;
  uint32_t d[LIMBS];
} Big;

static Big
big (uint64_t v)
{
  Big b = {0};
  for (; v != 0; v >>= 32)
    b.d[b.n++] = (uint32_t) v;
  return b;
}

static Big
add (Big a, Big b)
{
  Big r = {0};
  uint64_t carry = 0;
  for (int i = 0; (i < a.n || i < b.n || carry != 0) && i < LIMBS; i++, carry >>= 32) {
    carry += (uint64_t) a.d[i] + b.d[i];
    r.d[r.n++] = (uint32_t) carry;
  }
  return r;
}

static Big
subtract (Big a, Big b)
{
  int64_t borrow = 0;
  for (int i = 0; i < a.n; i++, borrow >>= 32) {
    borrow += (int64_t) a.d[i] - b.d[i];
    a.d[i] = (uint32_t) borrow;
  }
  while (a.n > 0 && a.d[a.n - 1] == 0)
    a.n--;
  return a;
}

static Big
multiply (Big a, Big b)
{
  Big r = {0};
  for (int i = 0; i < a.n; i++) {
    uint64_t carry = 0;
    for (int k = 0; (k < b.n || carry != 0) && i + k < LIMBS; k++, carry >>= 32) {
      carry += (uint64_t) a.d[i] * b.d[k] + r.d[i + k];
      r.d[i + k] = (uint32_t) carry;
    }
  }
  for (r.n = LIMBS; r.n > 0 && r.d[r.n - 1] == 0; r.n--)
    ;
  return r;
}

static uint32_t
divide_small (Big *a, uint32_t by)
{
  uint64_t rest = 0;
  for (int i = a->n; i-- > 0; rest %= by) {
    rest = rest << 32 | a->d[i];
    a->d[i] = (uint32_t) (rest / by);
  }
  while (a->n > 0 && a->d[a->n - 1] == 0)
    a->n--;
  return (uint32_t) rest;
}

static int
compare (const Big *a, const Big *b)
{
  for (int i = LIMBS; i-- > 0;)
    if (a->d[i] != b->d[i])
      return a->d[i] < b->d[i] ? -1 : 1;
  return 0;
}

static void
print (Big a)
{
  uint32_t parts[60];
  int n = 0;
  do
    parts[n++] = divide_small (&a, 1000000000);
  while (a.n > 0);
  printf ("%u", parts[--n]);
  while (n-- > 0)
    printf ("%09u", parts[n]);
  printf ("\n");
}

static Big
random_big (int limbs)
{
  Big b = {.n = limbs};
  for (int i = 0; i < limbs; i++)
    b.d[i] = (uint32_t) next ();
  b.d[limbs - 1] |= 1;
  return b;
}

PROGRAM (factorials)
{
  Big f = big (1);
  for (unsigned i = 1; i <= 150; i++) {
    f = multiply (f, big (i));
    if (i % 25 == 0)
      print (f);
  }
}

PROGRAM (fibonacci_numbers)
{
  Big a = big (0), b = big (1);
  for (int i = 1; i <= 1000; i++) {
    Big t = add (a, b);
    a = b, b = t;
    if (i % 200 == 0)
      print (a);
  }
}

// Knuth, algorithm D.
static Big
divide (Big a, Big b, Big *rest)
{
  Big q = {0};
  int shift = __builtin_clz (b.d[b.n - 1]), n = b.n, m = a.n - b.n;
  Big scale = big (1ull << shift);
  a = multiply (a, scale), b = multiply (b, scale);
  for (int j = m; j >= 0; j--) {
    uint64_t two = (uint64_t) a.d[j + n] << 32 | a.d[j + n - 1], guess = two / b.d[n - 1];
    uint64_t left = two % b.d[n - 1];
    while (guess >> 32 != 0 || (n > 1 && guess * b.d[n - 2] > (left << 32 | a.d[j + n - 2]))) {
      guess--, left += b.d[n - 1];
      if (left >> 32 != 0)
        break;
    }
    int64_t borrow = 0;
    uint64_t carry = 0;
    for (int i = 0; i <= n; i++) {
      carry += guess * (i < n ? b.d[i] : 0);
      borrow += (int64_t) a.d[i + j] - (int64_t) (uint32_t) carry;
      a.d[i + j] = (uint32_t) borrow;
      borrow >>= 32, carry >>= 32;
    }
    if (borrow < 0) {
      guess--, carry = 0;
      for (int i = 0; i <= n; i++, carry >>= 32)
        a.d[i + j] = (uint32_t) (carry += (uint64_t) a.d[i + j] + (i < n ? b.d[i] : 0));
    }
    q.d[j] = (uint32_t) guess;
  }
  q.n = m + 1;
  while (q.n > 0 && q.d[q.n - 1] == 0)
    q.n--;
  for (a.n = n; a.n > 0 && a.d[a.n - 1] == 0; a.n--)
    ;
  divide_small (&a, 1u << (shift & 15));
  divide_small (&a, 1u << (shift - (shift & 15)));
  *rest = a;
  return q;
}

PROGRAM (long_division)
{
  for (int i = 0; i < 30; i++) {
    Big a = random_big (8 + i % 9), b = random_big (1 + i % 7), rest;
    if (i % 4 == 0 && b.n > 1)
      b.d[b.n - 1] = 1u << (i & 31), b.d[b.n - 2] = 0, a.d[a.n - 1] = b.d[b.n - 1];
    Big q = divide (a, b, &rest), back = add (multiply (q, b), rest);
    printf ("%d %d ", compare (&back, &a), compare (&rest, &b));
    print (q);
  }
}

PROGRAM (karatsuba)
{
  for (int i = 0; i < 20; i++) {
    Big a = random_big (8), b = random_big (8), halves[4] = {{4}, {4}, {4}, {4}}, r;
    memcpy (halves[0].d, a.d, 16), memcpy (halves[1].d, a.d + 4, 16);
    memcpy (halves[2].d, b.d, 16), memcpy (halves[3].d, b.d + 4, 16);
    Big low = multiply (halves[0], halves[2]), high = multiply (halves[1], halves[3]);
    Big middle = multiply (add (halves[0], halves[1]), add (halves[2], halves[3]));
    middle = subtract (subtract (middle, low), high);
    Big shift = {.n = 5, .d = {[4] = 1}};
    r = add (low, multiply (shift, add (middle, multiply (shift, high))));
    Big plain = multiply (a, b);
    printf ("%d ", compare (&r, &plain));
    print (r);
  }
}

PROGRAM (digits_of_pi)
{
  static int a[1700];
  int n = 1700, carry = 0;
  for (int i = 0; i < n; i++)
    a[i] = 2000;
  for (; n > 0; n -= 14) {
    int d = 0;
    for (int i = n - 1; i > 0; i--) {
      d = d * i + 10000 * a[i];
      a[i] = d % (2 * i - 1), d /= 2 * i - 1;
    }
    printf ("%04d", (carry + d / 10000) % 10000);
    carry = d % 10000;
  }
}

PROGRAM (digits_of_e)
{
  unsigned a[220];
  for (int i = 0; i < 220; i++)
    a[i] = 1;
  printf ("2.");
  for (int digit = 0; digit < 300; digit++) {
    unsigned carry = 0;
    for (unsigned i = 219; i-- > 0;) {
      carry += a[i] * 10;
      a[i] = carry % (i + 2), carry /= i + 2;
    }
    printf ("%u", carry);
  }
}

PROGRAM (square_root_of_two)
{
  // Digit by digit: r becomes 10 r + d, the largest d with (20 r + d) d below the rest.
  Big r = big (1), rest = big (1);
  for (int i = 0; i < 150; i++) {
    rest = multiply (rest, big (100));
    Big twenty = multiply (r, big (20)), last = big (0);
    unsigned d = 0;
    for (unsigned k = 1; k < 10; k++) {
      Big t = multiply (add (twenty, big (k)), big (k));
      if (compare (&t, &rest) > 0)
        break;
      d = k, last = t;
    }
    rest = subtract (rest, last);
    r = add (multiply (r, big (10)), big (d));
  }
  print (r);
}

PROGRAM (modular_powers)
{
  for (int i = 0; i < 4; i++) {
    Big m = random_big (5), base = random_big (4), r = big (1), rest;
    uint64_t e = next () >> 40;
    for (; e > 0; e >>= 1) {
      if (e & 1)
        divide (multiply (r, base), m, &rest), r = rest;
      divide (multiply (base, base), m, &rest), base = rest;
    }
    print (r);
  }
}

PROGRAM (montgomery)
{
  const uint64_t m = 0xffffffffffffffc5;
  uint64_t inverse = m, r2 = 1;
  for (int i = 0; i < 6; i++)
    inverse *= 2 - m * inverse;
  for (int i = 0; i < 128; i++)
    r2 = r2 >= m - r2 ? r2 - (m - r2) : r2 * 2;
  for (int i = 0; i < 30; i++) {
    uint64_t a = next () % m, b = next () % m, x[3] = {a, b, 0};
    unsigned __int128 t;
#define REDUCE(out, p, q)                                                                          \
  do {                                                                                             \
    t = (unsigned __int128) (p) * (q);                                                             \
    uint64_t k = (uint64_t) t * inverse, high = (uint64_t) (t >> 64),                              \
             low = (uint64_t) ((unsigned __int128) k * m >> 64);                                   \
    out = high >= low ? high - low : high - low + m;                                               \
  } while (0)
    REDUCE (x[0], x[0], r2);
    REDUCE (x[1], x[1], r2);
    REDUCE (x[2], x[0], x[1]);
    REDUCE (x[2], x[2], 1);
    printf ("%016" PRIx64 " %d\n", x[2], x[2] == (uint64_t) ((unsigned __int128) a * b % m));
  }
}

PROGRAM (harmonic_sums)
{
  uint64_t p = 0, q = 1;
  for (uint64_t n = 1; n < 40; n++) {
    uint64_t a = p * n + q, b = q * n, x = a, y = b;
    while (y != 0) {
      uint64_t t = x % y;
      x = y, y = t;
    }
    p = a / x, q = b / x;
    printf ("%" PRIu64 "/%" PRIu64 "\n", p, q);
    if (q > 1u << 30)
      break;
  }
}

PROGRAM (hex_and_decimal)
{
  for (int i = 1; i < 25; i++) {
    Big a = random_big (i), back = big (0);
    char text[300];
    int n = 0;
    for (Big t = a; t.n > 0;)
      text[n++] = (char) ('0' + divide_small (&t, 10));
    while (n-- > 0)
      back = add (multiply (back, big (10)), big ((uint64_t) (text[n] - '0')));
    printf ("%d %08x %d\n", compare (&a, &back), back.d[back.n - 1], back.n);
  }
}
