// SPDX-License-Identifier: GPL-3.0-or-later
// Loops that compilers vectorise, and vector extensions.
#include "corpus.h"

enum { N = 257 };

#define LOOPS(name, type, format)                                                                  \
  PROGRAM (name)                                                                                   \
  {                                                                                                \
    static type a[N], b[N], c[N];                                                                  \
    double total = 0;                                                                              \
    for (int i = 0; i < N; i++)                                                                    \
      a[i] = (type) (next () >> 40), b[i] = (type) (next () >> 45);                                \
    for (int round = 0; round < 8; round++) {                                                      \
      type most = a[0], least = a[0], sum = 0;                                                     \
      for (int i = 0; i < N; i++)                                                                  \
        c[i] = (type) (a[i] + b[i] * (type) 3);                                                    \
      for (int i = 0; i < N; i++)                                                                  \
        sum = (type) (sum + c[i]), most = most > c[i] ? most : c[i],                               \
        least = least < c[i] ? least : c[i];                                                       \
      for (int i = 0; i < N; i++)                                                                  \
        a[i] = c[i] > b[i] ? (type) (c[i] - b[i]) : b[i];                                          \
      for (int i = 0; i < N; i++)                                                                  \
        b[i] = (type) (c[N - 1 - i] / (type) 2);                                                   \
      for (int i = 0; i + 3 < N; i += 4)                                                           \
        total += (double) (type) (a[i] + a[i + 1]) - (double) (type) (a[i + 2] - b[i + 3]);        \
      printf (format " " format " " format " %.6g\n", sum, most, least, total);                    \
    }                                                                                              \
  }
LOOPS (loops_u8, uint8_t, "%u")
LOOPS (loops_s8, int8_t, "%d")
LOOPS (loops_u16, uint16_t, "%u")
LOOPS (loops_s16, int16_t, "%d")
LOOPS (loops_u32, uint32_t, "%u")
LOOPS (loops_u64, uint64_t, "%lu")

#define REAL_LOOPS(name, type)                                                                     \
  PROGRAM (name)                                                                                   \
  {                                                                                                \
    static type a[N], b[N];                                                                        \
    for (int i = 0; i < N; i++)                                                                    \
      a[i] = (type) next_real (), b[i] = (type) next_real ();                                      \
    for (int round = 0; round < 10; round++) {                                                     \
      for (int i = 0; i < N; i++)                                                                  \
        a[i] = a[i] * (type) 0.75 + b[i];                                                          \
      for (int i = 0; i < N; i++)                                                                  \
        b[i] = a[i] > 0 ? b[i] / (a[i] + 1) : -b[i];                                               \
      type sum = 0, most = 0;                                                                      \
      for (int i = 0; i < N; i++)                                                                  \
        sum += a[i], most = most > b[i] ? most : b[i];                                             \
      printf ("%a %a %d\n", (double) sum, (double) most, (int) (sum * 1000));                      \
    }                                                                                              \
  }
REAL_LOOPS (loops_float, float)
REAL_LOOPS (loops_double, double)

typedef int32_t V4 __attribute__ ((vector_size (16)));
typedef uint8_t V16 __attribute__ ((vector_size (16)));
typedef float F4 __attribute__ ((vector_size (16)));
typedef int64_t V2 __attribute__ ((vector_size (16)));

PROGRAM (vector_types)
{
  V4 a = {1, 2, 3, 4}, b;
  V16 bytes = {0};
  F4 f = {0.5f, 1, 2, 4};
  V2 w = {5, -7};
  for (int i = 0; i < 40; i++) {
    b = (V4){(int) next (), (int) next (), (int) next (), (int) next ()};
    a = (a ^ b) + (b >> 3) - (a & (a > b));
    bytes = bytes * 3 + (V16) b;
    f = f * (F4){0.5f, -0.25f, 0.125f, 1} + __builtin_convertvector(b >> 20, F4);
    w = w * 3 - (V2) b;
    a = __builtin_shuffle (a, b, (V4){0, 5, 2, 7});
    printf ("%x %x %x %x %u %g %g %lx\n", (unsigned) a[0], (unsigned) a[1], (unsigned) a[2],
            (unsigned) a[3], bytes[i & 15], (double) f[0], (double) f[3], (unsigned long) w[1]);
  }
}

PROGRAM (matrices)
{
  static double m[24][24], n[24][24], p[24][24];
  for (int i = 0; i < 576; i++)
    m[i / 24][i % 24] = next_real (), n[i / 24][i % 24] = next_real ();
  for (int i = 0; i < 24; i++)
    for (int j = 0; j < 24; j++)
      for (int k = 0; k < 24; k++)
        p[i][j] += m[i][k] * n[k][j];
  for (int i = 0; i < 24; i++)
    printf ("%a %a\n", p[i][i], p[i][23 - i]);
}

PROGRAM (saturation)
{
  static int16_t a[N];
  static uint8_t b[N];
  for (int i = 0; i < N; i++)
    a[i] = (int16_t) next ();
  for (int round = 0; round < 6; round++) {
    for (int i = 0; i < N; i++) {
      int v = a[i] * 3 / 2 + 77;
      a[i] = (int16_t) (v > 32767 ? 32767 : v < -32768 ? -32768 : v);
      b[i] = (uint8_t) (v < 0 ? 0 : v >> 4 > 255 ? 255 : v >> 4);
    }
    unsigned sum = 0;
    for (int i = 0; i < N; i++)
      sum += b[i] + (unsigned) (a[i] < 0 ? -a[i] : a[i]);
    printf ("%u\n", sum);
  }
}
