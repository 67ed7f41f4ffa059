// SPDX-License-Identifier: GPL-3.0-or-later
// Integer arithmetic of all widths, bit fields and bit tricks.
#include "corpus.h"

#define ARITHMETIC(name, type, unsigned_type)                                                      \
  PROGRAM (name)                                                                                   \
  {                                                                                                \
    for (int i = 0; i < 40; i++) {                                                                 \
      type a = (type) next (), b = (type) (next () >> (i & 31)), sum, product;                     \
      if (b == 0 || b == (type) -1)                                                                \
        b = 3;                                                                                     \
      int o1 = __builtin_add_overflow (a, b, &sum), o2 = __builtin_mul_overflow (a, b, &product);  \
      printf ("%lld %lld %d%d %lld %lld %lld %lld %d\n", (long long) sum, (long long) product, o1, \
              o2, (long long) (a / b), (long long) (a % b), (long long) (type) (a >> (i & 7)),     \
              (long long) (type) ((unsigned_type) a << (i & 7)), a < b);                           \
    }                                                                                              \
  }
ARITHMETIC (int8, int8_t, uint8_t)
ARITHMETIC (uint8, uint8_t, uint8_t)
ARITHMETIC (int16, int16_t, uint16_t)
ARITHMETIC (uint16, uint16_t, uint16_t)
ARITHMETIC (int32, int32_t, uint32_t)
ARITHMETIC (uint32, uint32_t, uint32_t)
ARITHMETIC (int64, int64_t, uint64_t)
ARITHMETIC (uint64, uint64_t, uint64_t)

PROGRAM (int128)
{
  unsigned __int128 a = 1, sum = 0;
  __int128 s = -1;
  for (int i = 0; i < 60; i++) {
    uint64_t u = next (), v = next (), w = next (), x = next ();
    a = a * (u | 1) + v;
    s = (__int128) ((unsigned __int128) s * 3 - (next () >> 3));
    sum ^= a / (w >> 5 | 1) + a % (x >> (i & 31) | 1) + (a >> i) + (a << i);
    printf ("%016" PRIx64 "%016" PRIx64 " %d %016" PRIx64 "\n", (uint64_t) (sum >> 64),
            (uint64_t) sum, s < 0, (uint64_t) (s / 7));
    printf ("%.17g %.9g\n", (double) a, (double) (float) s);
  }
}

PROGRAM (bits)
{
  for (int i = 0; i < 50; i++) {
    uint64_t v = next () >> (i & 63);
    if (v == 0)
      v = 1;
    printf ("%d %d %d %d %08x %016" PRIx64 " %x %016" PRIx64 "\n", __builtin_clzll (v),
            __builtin_ctzll (v), __builtin_popcountll (v), __builtin_parityll (v),
            __builtin_bswap32 ((uint32_t) v), __builtin_bswap64 (v),
            __builtin_bswap16 ((uint16_t) v), v >> (v & 63) | v << (-v & 63));
  }
}

typedef struct Fields {
  unsigned a : 3;
  int b : 5;
  unsigned c : 13, d : 1;
  int64_t e : 41;
  uint64_t f : 23;
  int g : 17;
} Fields;

PROGRAM (bit_fields)
{
  Fields f = {0};
  for (int i = 0; i < 60; i++) {
    uint64_t v = next ();
    f.a += v, f.b = (int) (f.b + (v >> 3)), f.c ^= v >> 9, f.d = !f.d,
              f.e = (int64_t) (v >> 4) >> 2;
    f.f = f.f * 5 + v, f.g = (int) (f.g - (int) (v >> 40));
    printf ("%u %d %u %u %" PRId64 " %" PRIu64 " %d\n", f.a, f.b, f.c, f.d, (int64_t) f.e,
            (uint64_t) f.f, f.g);
  }
}

PROGRAM (division)
{
  // By constants: multiplications in disguise.
  for (int i = 0; i < 40; i++) {
    uint64_t v = next ();
    int32_t w = (int32_t) v;
    printf ("%" PRIu64 " %" PRIu64 " %" PRIu64 " %d %d %d %d\n", v / 7, v % 1000003, v / 641, w / 3,
            w % 10, w / -125, w / 16);
  }
}

PROGRAM (conditions)
{
  int counts[12] = {0};
  for (int i = 0; i < 2000; i++) {
    int64_t a = (int64_t) next () >> (i % 60), b = (int64_t) next () >> (i % 57);
    uint32_t c = (uint32_t) a, d = (uint32_t) b;
    counts[0] += a<b, counts[1] += a <= b, counts[2] += (uint64_t) a> (uint64_t) b;
    counts[3] += c >= d, counts[4] += (int) c < (int) d && (c & 1), counts[5] += a == b || a < 0;
    counts[6] += a > 0 ? 3 : b > 0 ? -2 : 7, counts[7] += (c & d) == 0, counts[8] += !(a + b);
    counts[9] += (a < b) == (c < d), counts[10] += (int8_t) a < (int8_t) b,
        counts[11] += a < -5 || b > 77;
  }
  for (int i = 0; i < 12; i++)
    printf ("%d\n", counts[i]);
}

static int
choose (unsigned v)
{
  switch (v % 23) {
  case 0:
    return 11;
  case 1:
    return (int) v;
  case 2:
    return (int) v * 3;
  case 3:
  case 4:
    return 5 + choose (v / 23);
  case 5:
    return -1;
  case 6:
    return (int) (v >> 3);
  case 7:
    return (int) (v ^ 0x55);
  case 9:
    return 100;
  case 11:
    return choose (v / 7 + 1);
  case 13:
    return 13;
  case 17:
    return 17 * (int) (v & 7);
  case 22:
    return 22;
  default:
    return 1000;
  }
}

PROGRAM (switches)
{
  for (unsigned i = 0; i < 100; i++)
    printf ("%d ", choose ((unsigned) next ()));
}
