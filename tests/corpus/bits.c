// SPDX-License-Identifier: GPL-3.0-or-later
// Tricks with bits, overflow, saturation, fixed point, unaligned and swapped data.
#include <limits.h>
#include <stdbool.h>

#include "corpus.h"

static uint64_t
reverse (uint64_t v)
{
  v = (v >> 1 & 0x5555555555555555) | (v & 0x5555555555555555) << 1;
  v = (v >> 2 & 0x3333333333333333) | (v & 0x3333333333333333) << 2;
  v = (v >> 4 & 0x0f0f0f0f0f0f0f0f) | (v & 0x0f0f0f0f0f0f0f0f) << 4;
  return __builtin_bswap64 (v);
}

PROGRAM (bit_reversal)
{
  for (int i = 0; i < 60; i++) {
    uint64_t v = next () >> i, slow = 0;
    for (int k = 0; k < 64; k++)
      slow |= (v >> k & 1) << (63 - k);
    uint8_t byte = (uint8_t) v,
            mirrored = (uint8_t) ((byte * 0x0202020202ull & 0x010884422010ull) % 1023);
    printf ("%016" PRIx64 " %d %02x %08x\n", reverse (v), reverse (v) == slow, mirrored,
            (uint32_t) (reverse (v) >> 32));
  }
}

PROGRAM (population_counts)
{
  unsigned counts[4] = {0};
  for (int i = 0; i < 200; i++) {
    uint64_t v = next () & next (), w = v;
    counts[0] += (unsigned) __builtin_popcountll (v) * (unsigned) (i + 1);
    for (; w != 0; w &= w - 1)
      counts[1] += (unsigned) (i + 1);
    w = v - (v >> 1 & 0x5555555555555555);
    w = (w & 0x3333333333333333) + (w >> 2 & 0x3333333333333333);
    counts[2] += (unsigned) ((w + (w >> 4) & 0x0f0f0f0f0f0f0f0f) * 0x0101010101010101 >> 56) *
                 (unsigned) (i + 1);
    counts[3] +=
        (unsigned) __builtin_popcount ((uint32_t) v) + (unsigned) __builtin_popcountl (v >> 17);
  }
  printf ("%u %u %u %u\n", counts[0], counts[1], counts[2], counts[3]);
}

PROGRAM (leading_and_trailing)
{
  for (int i = 0; i < 64; i++) {
    uint64_t v = next () >> i | 1ull << (63 - i);
    uint32_t w = (uint32_t) v | 1;
    int16_t h = (int16_t) v;
    printf ("%d %d %d %d %d %d %d %d\n", __builtin_clzll (v), __builtin_ctzll (v),
            __builtin_clz (w), __builtin_ctz (w << (i & 15)), __builtin_clrsb ((int) v),
            __builtin_clrsbll ((int64_t) v), __builtin_ffs (h),
            __builtin_ffsll ((int64_t) (v << (i & 31))));
  }
}

PROGRAM (de_bruijn)
{
  uint8_t place[64];
  const uint64_t sequence = 0x03f79d71b4cb0a89;
  unsigned right = 0;
  for (unsigned i = 0; i < 64; i++)
    place[sequence << i >> 58] = (uint8_t) i;
  for (int i = 0; i < 300; i++) {
    uint64_t v = next () << (i & 63) | 1ull << 63;
    right += place[(v & -v) * sequence >> 58] == __builtin_ctzll (v);
  }
  printf ("%u %u %u\n", right, place[5], place[60]);
}

static uint64_t
deposit (uint64_t v, uint64_t mask)
{
  uint64_t r = 0;
  for (; mask != 0; mask &= mask - 1, v >>= 1)
    r |= -(v & 1) & mask & -mask;
  return r;
}

static uint64_t
extract (uint64_t v, uint64_t mask)
{
  uint64_t r = 0;
  for (int k = 0; mask != 0; mask &= mask - 1, k++)
    r |= (uint64_t) ((v & mask & -mask) != 0) << k;
  return r;
}

PROGRAM (deposit_and_extract)
{
  for (int i = 0; i < 50; i++) {
    uint64_t v = next (), mask = next ();
    mask |= next () >> (i & 31);
    uint64_t d = deposit (v, mask);
    printf ("%016" PRIx64 " %016" PRIx64 " %d\n", d, extract (v, mask),
            deposit (extract (v, mask), mask) == (v & mask));
  }
}

PROGRAM (morton_and_hilbert)
{
  for (int i = 0; i < 50; i++) {
    uint32_t x = (uint32_t) next () & 0xffff, y = (uint32_t) next () & 0xffff, d = 0, rx, ry;
    uint64_t z = deposit (x, 0x5555555555555555) | deposit (y, 0xaaaaaaaaaaaaaaaa);
    uint32_t hx = x, hy = y;
    for (uint32_t s = 0x8000; s > 0; s /= 2) {
      rx = (hx & s) > 0, ry = (hy & s) > 0;
      d += s * s * (3 * rx ^ ry);
      if (ry == 0) {
        if (rx == 1)
          hx = s - 1 - hx, hy = s - 1 - hy;
        uint32_t t = hx;
        hx = hy, hy = t;
      }
    }
    printf ("%08x %08x %d\n", (uint32_t) z, d, extract (z, 0x5555555555555555) == x);
  }
}

PROGRAM (gray_codes)
{
  unsigned distance = 0;
  for (uint32_t i = 1; i < 1000; i++) {
    uint32_t g = i ^ i >> 1, b = g, before = (i - 1) ^ (i - 1) >> 1;
    for (int s = 1; s < 32; s *= 2)
      b ^= b >> s;
    distance += (unsigned) __builtin_popcount (g ^ before) + (b != i) * 1000;
  }
  printf ("%u\n", distance);
}

PROGRAM (next_permutation_of_bits)
{
  uint64_t v = 0x1f, sum = 0;
  int n = 0;
  while (v < 1u << 16) {
    sum += v * (uint64_t) ++n;
    uint64_t t = v | (v - 1);
    v = (t + 1) | (((~t & -~t) - 1) >> (__builtin_ctzll (v) + 1));
  }
  printf ("%d %" PRIu64 "\n", n, sum);
}

PROGRAM (swar_bytes)
{
  // Eight bytes at a time: which are zero, which are equal, sums and averages.
  for (int i = 0; i < 50; i++) {
    uint64_t a = next () & next () & next (), b = next (), low = 0x0101010101010101,
             high = low << 7;
    uint64_t zero = ~(((a & ~high) + ~high) | a | ~high),
             sum = ((a & ~high) + (b & ~high)) ^ ((a ^ b) & high);
    uint64_t average = (a & b) + ((a ^ b) >> 1 & ~high),
             less = ((a | high) - (b & ~high)) ^ ((a ^ ~b) & high);
    printf ("%016" PRIx64 " %016" PRIx64 " %016" PRIx64 " %016" PRIx64 "\n", zero, sum, average,
            less);
  }
}

PROGRAM (sign_games)
{
  for (int i = 0; i < 50; i++) {
    int32_t a = (int32_t) next () >> (i & 31), b = (int32_t) next () >> (i & 15);
    int32_t mask = a >> 31,
            absolute = (int32_t) (((uint32_t) a ^ (uint32_t) mask) - (uint32_t) mask);
    int32_t least = b ^ ((a ^ b) & -(a < b)), sign = (a > 0) - (a < 0);
    printf ("%d %d %d %d %d %d\n", absolute, least, sign, (a ^ b) < 0,
            (int) ((uint32_t) a / 2 + (uint32_t) b / 2), (a & b) + ((a ^ b) >> 1));
  }
}

#define OVERFLOWS(type, format)                                                                    \
  do {                                                                                             \
    type a = (type) (next () >> (i & 7)), b = (type) (next () >> (i & 15)), r;                     \
    printf ("%d", __builtin_add_overflow (a, b, &r));                                              \
    printf (format, r);                                                                            \
    printf ("%d", __builtin_sub_overflow (a, b, &r));                                              \
    printf (format, r);                                                                            \
    printf ("%d", __builtin_mul_overflow (a, b, &r));                                              \
    printf (format, r);                                                                            \
  } while (0)

PROGRAM (overflow_builtins)
{
  for (int i = 0; i < 20; i++) {
    OVERFLOWS (int8_t, "%hhd ");
    OVERFLOWS (uint16_t, "%hu ");
    OVERFLOWS (int32_t, "%d ");
    OVERFLOWS (uint32_t, "%u ");
    OVERFLOWS (int64_t, "%ld ");
    OVERFLOWS (uint64_t, "%lu ");
    int8_t narrow;
    int64_t p = (int64_t) next () >> (i * 3), q = (int64_t) next ();
    uint32_t wide;
    int mixed = __builtin_add_overflow (p, (uint32_t) q, &narrow);
    printf ("%d %d ", mixed, narrow);
    mixed = __builtin_mul_overflow ((int32_t) p, (int8_t) q, &wide);
    printf ("%d %u\n", mixed, wide);
  }
}

PROGRAM (overflow_of_int128)
{
  __int128 a = (__int128) next () << 50, most = (__int128) (((unsigned __int128) -1) >> 1), r;
  for (int i = 0; i < 60; i++) {
    int o = __builtin_add_overflow (a, (__int128) next () << (i & 63), &r);
    int p = __builtin_mul_overflow (a, (__int128) (int64_t) next () >> (i & 31), &a);
    int q = __builtin_sub_overflow (-most, r, &r);
    printf ("%d%d%d %" PRIx64 " %" PRIx64 "\n", o, p, q, (uint64_t) (a >> 64), (uint64_t) (r >> 3));
  }
}

static int32_t
saturate (int64_t v)
{
  return v > INT32_MAX ? INT32_MAX : v < INT32_MIN ? INT32_MIN : (int32_t) v;
}

PROGRAM (fixed_point)
{
  // Q16.16: sine by its series, a filter, square roots.
  int32_t state = 0, most = 0;
  for (int i = 0; i < 60; i++) {
    int32_t x = (int32_t) (next () >> 45) - (1 << 18), x2, sine, term;
    x2 = saturate ((int64_t) x * x >> 16), sine = term = x;
    for (int k = 2; k < 12; k += 2) {
      term = saturate (((int64_t) term * x2 >> 16) / -(k * (k + 1)));
      sine = saturate ((int64_t) sine + term);
    }
    state = saturate (state + ((int64_t) (x - state) * 13107 >> 16));
    uint32_t v = (uint32_t) x2, root = 0;
    for (uint32_t bit = 1u << 30; bit > 0; bit >>= 2) {
      if (v >= root + bit)
        v -= root + bit, root = root / 2 + bit;
      else
        root /= 2;
    }
    most = most > sine ? most : sine;
    printf ("%d %d %u\n", sine, state, root);
  }
  printf ("%d\n", most);
}

PROGRAM (cordic)
{
  static const int32_t angles[] = {843314857, 497837829, 263043837, 133525159, 67021687,
                                   33543516,  16775851,  8388437,   4194283,   2097149,
                                   1048576,   524288,    262144,    131072};
  for (int i = -20; i <= 20; i++) {
    int32_t x = 652032874, y = 0, z = i * 80000000;
    for (int k = 0; k < 14; k++) {
      int32_t s = z >> 31, tx = x - (((y >> k) ^ s) - s), ty = y + (((x >> k) ^ s) - s);
      z -= (angles[k] ^ s) - s, x = tx, y = ty;
    }
    printf ("%d %d\n", x >> 12, y >> 12);
  }
}

PROGRAM (unaligned)
{
  uint8_t raw[80];
  uint64_t sum = 0;
  for (int i = 0; i < 80; i++)
    raw[i] = (uint8_t) next ();
  for (int at = 0; at < 64; at++) {
    uint16_t h;
    uint32_t w;
    uint64_t d;
    unsigned __int128 q;
    memcpy (&h, raw + at, 2), memcpy (&w, raw + at + 1, 4), memcpy (&d, raw + at + 3, 8),
        memcpy (&q, raw + at, 16);
    sum = sum * 31 + h + __builtin_bswap32 (w) + (d ^ (uint64_t) (q >> 61));
    d = sum, memcpy (raw + at + 5, &d, 8);
    // GCC 12's predictive commoning forgets that this changes what is loaded next.
    __asm__ volatile("" ::: "memory");
  }
  printf ("%016" PRIx64 "\n", sum);
}

PROGRAM (bit_stream)
{
  static uint8_t stream[2000];
  unsigned at = 0, values[300], widths[300], wrong = 0;
  for (int i = 0; i < 300; i++) {
    widths[i] = (unsigned) (next () % 25 + 1),
    values[i] = (unsigned) next () & ((1u << widths[i]) - 1);
    for (unsigned k = widths[i]; k-- > 0; at++)
      stream[at / 8] |= (uint8_t) ((values[i] >> k & 1) << (7 - at % 8));
  }
  uint64_t window = 0;
  unsigned have = 0, byte = 0, hash = 0;
  for (int i = 0; i < 300; i++) {
    for (; have < widths[i]; have += 8)
      window = window << 8 | stream[byte++];
    have -= widths[i];
    unsigned v = (unsigned) (window >> have) & ((1u << widths[i]) - 1);
    wrong += v != values[i], hash = hash * 31 + v;
  }
  printf ("%u %u %08x\n", at, wrong, hash);
}

PROGRAM (varints)
{
  uint8_t out[16];
  for (int i = 0; i < 60; i++) {
    int64_t v = (int64_t) next () >> i, back;
    uint64_t zigzag = (uint64_t) v << 1 ^ (uint64_t) (v >> 63), u = zigzag, r = 0;
    int n = 0;
    do
      out[n++] = (uint8_t) ((u & 127) | (u > 127) << 7);
    while (u >>= 7);
    for (int k = n; k-- > 0;)
      r = r << 7 | (out[k] & 127);
    back = (int64_t) (r >> 1) ^ -(int64_t) (r & 1);
    printf ("%d %d %02x\n", n, back == v, out[n - 1]);
  }
}

PROGRAM (bcd_arithmetic)
{
  uint32_t a = 0x00000001, b = 0x00000001;
  for (int i = 0; i < 36; i++) {
    uint32_t t1 = a + 0x06666666, t2 = t1 ^ b, t3 = t1 + b, t4 = ~(t3 ^ t2) & 0x11111110;
    uint32_t sum = t3 - (t4 >> 2 | t4 >> 3), value = i * 2777u, packed = 0;
    a = b, b = sum;
    for (int k = 16; k-- > 0;) { // double dabble
      for (int d = 0; d < 20; d += 4)
        packed += (packed >> d & 15) > 4 ? 3u << d : 0;
      packed = packed << 1 | (value >> k & 1);
    }
    printf ("%08x %05x\n", sum, packed);
  }
}

PROGRAM (integer_roots_and_logs)
{
  for (int i = 0; i < 60; i++) {
    uint64_t v = next () >> i, root = 0, cube = 0;
    for (uint64_t bit = 1ull << 31; bit > 0; bit >>= 1)
      root |= (root | bit) * (root | bit) <= v ? bit : 0;
    for (int s = 63; s >= 0; s -= 3) {
      cube *= 2;
      uint64_t t = 3 * cube * (cube + 1) + 1;
      if (v >> s >= t)
        v -= t << s, cube++;
    }
    unsigned log10 = 0;
    for (uint64_t p = root; p >= 10; p /= 10)
      log10++;
    printf ("%" PRIu64 " %" PRIu64 " %u\n", root, cube, log10);
  }
}

PROGRAM (bool_and_promotion)
{
  int sum = 0;
  for (int i = 0; i < 300; i++) {
    uint64_t v = next ();
    bool a = v & 6, b = (float) (v >> 60), c = (void *) (uintptr_t) (v & 1);
    uint8_t u = (uint8_t) v;
    int8_t s = (int8_t) (v >> 8);
    uint16_t h = (uint16_t) (v >> 16);
    sum += a + b * 2 + c * 4 + ~u + (u << 4) - -s + (s < u) + (h * 3 > s) + !h + (s >> 1) +
           ((uint8_t) ~u >> 2);
    sum ^= (u == (uint8_t) s) + (a & b) - (b | c) * 3 + (int) sizeof (u + s);
  }
  printf ("%d\n", sum);
}

PROGRAM (domino_tilings)
{
  // Sets as words: exact cover of a 6 by 6 board by dominoes, counted row by row.
  uint64_t ways[64] = {1}, after[64];
  for (int cell = 0; cell < 36; cell++) {
    memset (after, 0, sizeof after);
    for (unsigned m = 0; m < 64; m++) {
      unsigned here = 1u << cell % 6, right = here << 1;
      if (m & here) {
        after[m & ~here] += ways[m];
        continue;
      }
      after[m | here] += ways[m];
      if (cell % 6 < 5 && !(m & right))
        after[m | right] += ways[m];
    }
    memcpy (ways, after, sizeof ways);
  }
  printf ("%" PRIu64 "\n", ways[0]);
}
