// SPDX-License-Identifier: GPL-3.0-or-later
// Number theory and combinatorics.
#include "corpus.h"

static uint64_t
times (uint64_t a, uint64_t b, uint64_t m)
{
  return (uint64_t) ((unsigned __int128) a * b % m);
}

static uint64_t
power (uint64_t a, uint64_t e, uint64_t m)
{
  uint64_t r = 1;
  for (; e > 0; e >>= 1, a = times (a, a, m))
    if (e & 1)
      r = times (r, a, m);
  return r;
}

static int
is_prime (uint64_t n)
{
  static const uint64_t bases[] = {2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37};
  if (n < 2)
    return 0;
  int twos = __builtin_ctzll (n - 1 | 1ull << 63);
  for (int i = 0; i < 12; i++) {
    if (n % bases[i] == 0)
      return n == bases[i];
    uint64_t x = power (bases[i], (n - 1) >> twos, n);
    int k = 0;
    while (k < twos && x != n - 1 && (k > 0 || x != 1))
      x = times (x, x, n), k++;
    if (k == twos && twos > 0)
      return 0;
  }
  return 1;
}

PROGRAM (miller_rabin)
{
  int n = 0;
  for (int i = 0; i < 120; i++) {
    uint64_t v = next () | 1;
    if (is_prime (v))
      printf ("%" PRIu64 " ", v), n++;
  }
  printf ("%d %d %d\n", n, is_prime (3215031751u), is_prime (18446744073709551557u));
}

static uint64_t
gcd (uint64_t a, uint64_t b)
{
  while (b != 0) {
    uint64_t t = a % b;
    a = b, b = t;
  }
  return a;
}

PROGRAM (pollard_rho)
{
  static const uint64_t numbers[] = {8051, 10403, 99998200081u, 600851475143u, 4294967297u};
  for (int i = 0; i < 5; i++) {
    uint64_t n = numbers[i], x = 2, y = 2, d = 1;
    while (d == 1) {
      x = (times (x, x, n) + 1) % n;
      for (int k = 0; k < 2; k++)
        y = (times (y, y, n) + 1) % n;
      d = gcd (x > y ? x - y : y - x, n);
    }
    printf ("%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", n, d, d > 1 ? n / d : 0);
  }
}

PROGRAM (binary_gcd)
{
  for (int i = 0; i < 40; i++) {
    uint64_t a = next () >> (i & 15), b = next () >> (i & 31), f = next () & 0xffff | 1;
    a = a / f * f | f, b = b >> 20;
    b *= f & 15;
    uint64_t u = a, v = b | (b == 0);
    int shift = __builtin_ctzll (u | v);
    u >>= __builtin_ctzll (u);
    do {
      v >>= __builtin_ctzll (v);
      if (u > v) {
        uint64_t t = u;
        u = v, v = t;
      }
      v -= u;
    } while (v != 0);
    printf ("%" PRIu64 " %d\n", u << shift, u << shift == gcd (a, b | (b == 0)));
  }
}

PROGRAM (extended_euclid)
{
  for (int i = 0; i < 40; i++) {
    int64_t a = (int64_t) (next () >> 20), b = (int64_t) (next () >> 24), x = 1, y = 0, u = 0,
            v = 1;
    int64_t r = a, s = b;
    while (s != 0) {
      int64_t q = r / s, t = r % s;
      r = s, s = t;
      t = x - q * u, x = u, u = t;
      t = y - q * v, y = v, v = t;
    }
    printf ("%" PRId64 " %" PRId64 " %" PRId64 " %d\n", r, x, y,
            (uint64_t) a * (uint64_t) x + (uint64_t) b * (uint64_t) y == (uint64_t) r);
  }
}

PROGRAM (chinese_remainders)
{
  static const uint64_t m[] = {99991, 65537, 32749, 7919};
  for (int i = 0; i < 20; i++) {
    uint64_t secret = next () % (m[0] * m[1] * m[2]), x = secret % m[0], step = m[0];
    for (int k = 1; k < 4; k++) {
      // What step must be taken this often.
      uint64_t inverse = power (step, m[k] - 2, m[k]);
      x += step * times ((secret % m[k] + m[k] - x % m[k]) % m[k], inverse, m[k]);
      step *= m[k];
    }
    printf ("%" PRIu64 " %d\n", x, x == secret);
  }
}

PROGRAM (totients_and_moebius)
{
  enum { N = 5000 };
  static int phi[N], mu[N], primes[N], n;
  static char composite[N];
  long sums[2] = {1, 1};
  phi[1] = mu[1] = 1;
  for (int i = 2; i < N; i++) {
    if (!composite[i])
      primes[n++] = i, phi[i] = i - 1, mu[i] = -1;
    for (int k = 0; k < n && i * primes[k] < N; k++) {
      int p = primes[k];
      composite[i * p] = 1;
      phi[i * p] = i % p == 0 ? phi[i] * p : phi[i] * (p - 1);
      mu[i * p] = i % p == 0 ? 0 : -mu[i];
      if (i % p == 0)
        break;
    }
    sums[0] += phi[i], sums[1] += mu[i];
  }
  printf ("%d %ld %ld %d\n", n, sums[0], sums[1], phi[4620]);
}

PROGRAM (segmented_sieve)
{
  static uint8_t marked[4096];
  unsigned last = 0, count = 0, gap = 0;
  const uint64_t base = 1000000000000u;
  for (uint32_t p = 3; p < 1000100; p += 2) {
    unsigned small = 1;
    for (uint32_t d = 3; d * d <= p && d < 60; d += 2)
      if (p % d == 0) {
        small = 0;
        break;
      }
    if (!small)
      continue;
    for (uint64_t k = (p - base % p) % p; k < 4096; k += p)
      marked[k] = 1;
  }
  for (unsigned k = 1; k < 4096; k += 2)
    if (!marked[k]) {
      count++;
      gap = last && k - last > gap ? k - last : gap;
      last = k;
    }
  printf ("%u %u %u\n", count, gap, last);
}

PROGRAM (collatz)
{
  unsigned most = 0, start = 0;
  uint64_t highest = 0;
  for (unsigned i = 1; i < 6000; i++) {
    unsigned steps = 0;
    for (uint64_t n = i; n != 1; steps++) {
      n = n & 1 ? 3 * n + 1 : n / 2;
      highest = n > highest ? n : highest;
    }
    if (steps > most)
      most = steps, start = i;
  }
  printf ("%u %u %" PRIu64 "\n", start, most, highest);
}

PROGRAM (digits_and_happiness)
{
  int happy = 0, narcissistic = 0, perfect = 0, kaprekar = 0, palindromes = 0;
  for (int n = 1; n < 10000; n++) {
    int h = n, digits = 0, sum = 0, back = 0, divisors = 1;
    for (int k = 0; k < 20 && h != 1; k++) {
      int s = 0;
      for (; h > 0; h /= 10)
        s += h % 10 * (h % 10);
      h = s;
    }
    for (int m = n; m > 0; m /= 10)
      digits++, back = back * 10 + m % 10;
    for (int m = n; m > 0; m /= 10) {
      int p = 1;
      for (int k = 0; k < digits; k++)
        p *= m % 10;
      sum += p;
    }
    for (int d = 2; d * d <= n; d++)
      if (n % d == 0)
        divisors += d + (d * d == n ? 0 : n / d);
    for (int64_t p = 10, square = (int64_t) n * n; p < square; p *= 10)
      if (square % p != 0 && square / p + square % p == n) {
        kaprekar++;
        break;
      }
    happy += h == 1, narcissistic += sum == n, perfect += divisors == n && n > 1,
        palindromes += back == n;
  }
  printf ("%d %d %d %d %d\n", happy, narcissistic, perfect, kaprekar, palindromes);
}

PROGRAM (partitions_and_bell)
{
  uint64_t p[201] = {1}, bell[26][26] = {{1}}, catalan = 1, derangements = 1;
  for (int part = 1; part <= 200; part++)
    for (int n = part; n <= 200; n++)
      p[n] += p[n - part];
  for (int i = 1; i < 26; i++) {
    bell[i][0] = bell[i - 1][i - 1];
    for (int k = 1; k <= i; k++)
      bell[i][k] = bell[i][k - 1] + bell[i - 1][k - 1];
  }
  for (unsigned n = 1; n < 33; n++)
    catalan = (uint64_t) ((unsigned __int128) catalan * (4 * n - 2) / (n + 1));
  for (unsigned n = 1; n < 20; n++)
    derangements = derangements * n + (n & 1 ? -1ull : 1);
  printf ("%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", p[200], bell[25][0], catalan,
          derangements);
}

PROGRAM (binomials_modulo)
{
  static uint32_t row[400];
  row[0] = 1;
  for (int n = 1; n < 400; n++)
    for (int k = n; k > 0; k--)
      row[k] = (row[k] + row[k - 1]) % 1000003;
  for (int k = 0; k < 400; k += 29)
    printf ("%u ", row[k]);
}

PROGRAM (josephus_and_pisano)
{
  for (unsigned n = 1; n < 60; n += 7) {
    unsigned survivor = 0, a = 0, b = 1, period = 0;
    for (unsigned i = 2; i <= n; i++)
      survivor = (survivor + 3) % i;
    do {
      unsigned t = (a + b) % (n + 1);
      a = b, b = t, period++;
    } while (n > 0 && (a != 0 || b != 1 % (n + 1)));
    printf ("%u %u %u\n", n, survivor, period);
  }
}

PROGRAM (quadratic_residues)
{
  // Square roots modulo a prime, after Tonelli and Shanks.
  const uint64_t p = 998244353;
  for (int i = 0; i < 20; i++) {
    uint64_t a = next () % p, q = (p - 1) >> 23, z = 3, m = 23, c = power (z, q, p);
    if (power (a, (p - 1) / 2, p) != 1) {
      printf ("none\n");
      continue;
    }
    uint64_t t = power (a, q, p), r = power (a, (q + 1) / 2, p);
    while (t != 1) {
      uint64_t k = 0, s = t, b = c;
      while (s != 1)
        s = times (s, s, p), k++;
      for (uint64_t n = 0; n + k + 1 < m; n++)
        b = times (b, b, p);
      m = k, c = times (b, b, p), t = times (t, c, p), r = times (r, b, p);
    }
    printf ("%" PRIu64 " %d\n", r < p - r ? r : p - r, times (r, r, p) == a);
  }
}

PROGRAM (continued_fractions)
{
  for (unsigned n = 2; n < 40; n++) {
    unsigned root = (unsigned) sqrt (n), m = 0, d = 1, a = root, period = 0;
    if (root * root == n)
      continue;
    uint64_t h = root, before = 1;
    do {
      m = d * a - m, d = (n - m * m) / d, a = (root + m) / d, period++;
      uint64_t t = h * a + before;
      before = h, h = t;
    } while (a != 2 * root);
    printf ("%u %u %" PRIu64 "\n", n, period, before);
  }
}

PROGRAM (farey_and_stern)
{
  uint64_t a = 0, b = 1, c = 1, d = 60, n = 0, sum = 0;
  while (c <= 60 && n < 5000) {
    uint64_t k = (60 + b) / d, e = k * c - a, f = k * d - b;
    a = c, b = d, c = e, d = f, n++;
    sum += a * 7 + b;
  }
  printf ("%" PRIu64 " %" PRIu64 "\n", n, sum);
  uint32_t stern[500] = {0, 1};
  for (unsigned i = 2; i < 500; i++)
    stern[i] = i & 1 ? stern[i / 2] + stern[i / 2 + 1] : stern[i / 2];
  for (unsigned i = 1; i < 500; i += 41)
    printf ("%u/%u ", stern[i], stern[i + 1 < 500 ? i + 1 : i]);
}
