// SPDX-License-Identifier: GPL-3.0-or-later
// The corners of floating point: the library's small functions, classes of numbers, rounding and
// flags, NaN, half precision, long double.
#include <fenv.h>
#include <float.h>

#include "corpus.h"

static double
from_bits (uint64_t bits)
{
  double d;
  memcpy (&d, &bits, 8);
  return d;
}

static uint64_t
to_bits (double d)
{
  uint64_t bits;
  memcpy (&bits, &d, 8);
  return bits;
}

static uint32_t
float_bits (float f)
{
  uint32_t bits;
  memcpy (&bits, &f, 4);
  return bits;
}

// Any finite number, zero and the smallest included.
static double
any (int i)
{
  uint64_t v = next ();
  switch (i % 8) {
  case 0:
    return from_bits (v & 0x800fffffffffffff);
  case 1:
    return from_bits ((v & 1) << 63);
  case 2:
    return from_bits ((v & 1) << 63 | 0x7fefffffffffffff);
  case 3:
    return (double) (int64_t) (v >> (v & 63));
  default:
    return from_bits ((v & 0x800fffffffffffff) | (uint64_t) (1023 - 40 + v % 80) << 52);
  }
}

PROGRAM (neighbours)
{
  for (int i = 0; i < 40; i++) {
    volatile double x = any (i);
    volatile float f = (float) x;
    printf ("%a %a %a %a %a\n", nextafter (x, INFINITY), nextafter (x, 0), nexttoward (x, -1e300L),
            (double) nextafterf (f, -1), (double) nextafterf (0, f));
  }
}

PROGRAM (taking_apart)
{
  for (int i = 0; i < 60; i++) {
    volatile double x = any (i);
    int exponent;
    double whole, m = frexp (x, &exponent), f = modf (x, &whole);
    printf ("%a %d %a %a %d %a %a\n", m, exponent, f, whole, x != 0 ? ilogb (x) : 0,
            x != 0 ? logb (x) : 0, scalbln (m, exponent / 2));
  }
}

PROGRAM (remainders)
{
  for (int i = 0; i < 60; i++) {
    volatile double x = any (i + 3), y = any (i * 3 + 4);
    int quotient;
    if (y == 0)
      y = 3;
    double q = remquo (x, y, &quotient);
    printf ("%a %a %a %d %a\n", fmod (x, y), remainder (x, y), q, quotient & 7,
            (double) fmodf ((float) quotient, 0.7f));
  }
}

PROGRAM (classes)
{
  static const double odd[] = {0.0, -0.0,      INFINITY,   -INFINITY, NAN,
                               1,   0x1p-1074, -0x1p-1030, DBL_MIN,   DBL_MAX};
  for (int i = 0; i < 10; i++)
    for (int k = 0; k < 10; k++) {
      volatile double x = odd[i], y = odd[k];
      volatile float f = (float) x;
      printf ("%d%d%d%d%d%d %d%d%d%d%d %a %d\n", !!isnan (x), !!isinf (x), !!isfinite (x),
              !!isnormal (x), !!signbit (x), fpclassify (f) == FP_SUBNORMAL, isgreater (x, y),
              isless (x, y), islessgreater (x, y), isunordered (x, y), isgreaterequal (x, y),
              isnan (y) ? 0 : copysign (1, y), x != y);
    }
}

PROGRAM (least_and_most)
{
  static const double odd[] = {3, -0.5, INFINITY, -INFINITY, NAN, 0x1p-1074};
  for (int i = 0; i < 6; i++)
    for (int k = 0; k < 6; k++) {
      volatile double x = odd[i], y = odd[k];
      double least = fmin (x, y), most = fmax (x, y), positive = fdim (x, y);
      printf ("%d %a %a %a\n", isnan (least), isnan (least) ? 0 : least, isnan (most) ? 0 : most,
              isnan (positive) ? 0 : positive);
    }
}

PROGRAM (ways_to_round)
{
  for (int i = 0; i < 60; i++) {
    volatile double x = i < 20 ? i / 4.0 - 2.5 : any (i);
    volatile float f = (float) x;
    printf ("%a %a %a %a %a %a %a %a %a\n", floor (x), ceil (x), trunc (x), round (x), rint (x),
            nearbyint (x), (double) roundf (f), (double) floorf (f), (double) truncf (f));
    if (fabs (x) < 1e9)
      printf ("%ld %lld %ld %d\n", lrint (x), llround (x), lroundf (f), (int) f);
  }
}

PROGRAM (modes_and_conversions)
{
  static const int modes[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
  for (int m = 0; m < 4; m++) {
    fesetround (modes[m]);
    for (int i = 0; i < 30; i++) {
      volatile uint64_t v = next () >> i;
      volatile double x = (double) v, y = (double) (int64_t) v,
                      z = from_bits ((v & 0xfffffffffffff) | 0x3ff0000000000000);
      volatile float f = (float) v, g = (float) z, h = (float) (int32_t) v;
      volatile double third = z / 3, root = sqrt (z), product = z * third;
      printf ("%a %a %a %a %a %a %a %a %ld %d\n", x, y, (double) f, (double) g, (double) h, third,
              root, product, lrint (z * 100), fegetround () == modes[m]);
    }
  }
  fesetround (FE_TONEAREST);
}

static int
flags (void)
{
  int e = fetestexcept (FE_ALL_EXCEPT);
  feclearexcept (FE_ALL_EXCEPT);
  return !!(e & FE_INVALID) << 4 | !!(e & FE_DIVBYZERO) << 3 | !!(e & FE_OVERFLOW) << 2 |
         !!(e & FE_UNDERFLOW) << 1 | !!(e & FE_INEXACT);
}

PROGRAM (flags_of_operations)
{
  volatile double huge = DBL_MAX, tiny = 0x1p-1000, one = 1, three = 3, zero = 0, inf = INFINITY, r;
  volatile float f;
  volatile int64_t n;
  volatile int w;
#define FLAGS(statement)                                                                           \
  flags ();                                                                                        \
  statement;                                                                                       \
  printf ("%02x ", flags ())
  FLAGS (r = one + three);
  FLAGS (r = one / three);
  FLAGS (r = huge * huge);
  FLAGS (r = tiny * tiny);
  FLAGS (r = one / zero);
  FLAGS (r = zero / zero);
  FLAGS (r = inf - inf);
  FLAGS (r = inf * zero);
  FLAGS (r = sqrt (-one));
  FLAGS (f = (float) tiny);
  FLAGS (f = (float) huge);
  FLAGS (f = (float) three);
  FLAGS (n = (int64_t) three);
  FLAGS (w = (int) (one / three));
  FLAGS (r = fma (huge, three, -inf));
  FLAGS (r = fma (inf, zero, one));
  FLAGS (w = one < three);
  FLAGS (r = rint (one / three));
  FLAGS (r = (double) (int64_t) next ());
}

PROGRAM (environments)
{
  fenv_t saved, held;
  volatile double one = 1, zero = 0, r;
  feraiseexcept (FE_INEXACT);
  fegetenv (&saved);
  feholdexcept (&held);
  fesetround (FE_UPWARD);
  r = one / zero;
  printf ("%d %d %d\n", !!fetestexcept (FE_DIVBYZERO), !!fetestexcept (FE_INEXACT),
          fegetround () == FE_UPWARD);
  feupdateenv (&held);
  printf ("%d %d %d\n", !!fetestexcept (FE_DIVBYZERO), !!fetestexcept (FE_INEXACT),
          fegetround () == FE_TONEAREST);
  fexcept_t kept;
  fegetexceptflag (&kept, FE_ALL_EXCEPT);
  feclearexcept (FE_ALL_EXCEPT);
  fesetexceptflag (&kept, FE_INEXACT);
  printf ("%d %d\n", !!fetestexcept (FE_DIVBYZERO), !!fetestexcept (FE_INEXACT));
  fesetenv (FE_DFL_ENV);
  printf ("%d %g\n", fetestexcept (FE_ALL_EXCEPT), r);
}

PROGRAM (fused)
{
  for (int i = 0; i < 60; i++) {
    volatile double a = any (i | 4), b = any (i | 5), c = -(a * b);
    volatile float f = (float) a, g = (float) b;
    if (!isfinite (c))
      continue;
    double r = fma (a, b, c);
    printf ("%a %a %a\n", r, fma (a, b, 1), (double) fmaf (f, g, -(f * g)));
  }
}

PROGRAM (tiny_numbers)
{
  volatile double x = 1, sum = 0;
  volatile float f = 1;
  for (int i = 0; i < 1100; i++) {
    x *= 0.53, f *= 0.71f;
    if (i % 40 == 39)
      printf ("%a %a %a %a\n", x, (double) f, x * 1e300, (double) (f / 3));
    sum += x / 0x1p-1060;
  }
  printf ("%d\n", isinf (sum) || sum > 1e300);
}

// Other processors make other NaN.
ARM_PROGRAM (nan_payloads)
{
  static const uint64_t odd[] = {0x7ff8000000000123,
                                 0xfff8000000000456,
                                 0x7ff0000000000789,
                                 0xfff0000000000abc,
                                 0x3ff0000000000000,
                                 0x7ff0000000000000,
                                 0};
  for (int i = 0; i < 7; i++)
    for (int k = 0; k < 7; k++) {
      volatile double x = from_bits (odd[i]), y = from_bits (odd[k]),
                      r[] = {x + y, x * y, x / y, fma (x, y, x), fmax (x, y)};
      volatile float f = (float) x;
      for (int n = 0; n < 5; n++)
        printf ("%016" PRIx64 " ", to_bits (r[n]));
      printf ("%08x %016" PRIx64 " %016" PRIx64 "\n", float_bits (f), to_bits (sqrt (x)),
              to_bits (-x));
    }
}

// What does not fit saturates; the language leaves it open and others give something else.
ARM_PROGRAM (saturating_conversions)
{
  static const double odd[] = {1e30, -1e30,        INFINITY,      -INFINITY,
                               NAN,  2147483648.0, -2147483649.0, 4294967296.0,
                               -1,   9.3e18,       1.9e19};
  for (int i = 0; i < 11; i++) {
    volatile double x = odd[i];
    volatile float f = (float) x;
    printf ("%d %u %ld %lu %d %u %ld %lu %d\n", (int) x, (unsigned) x, (long) x, (unsigned long) x,
            (int) f, (unsigned) f, (long) f, (unsigned long) f, (int16_t) (int) x);
  }
}

PROGRAM (halves)
{
  // Each result is rounded to a half at once, so that it does not matter how it was computed.
  volatile _Float16 a = 1, b = (_Float16) 0.333, r;
  for (int i = 0; i < 80; i++) {
    volatile float x = (float) next_real () * (1 << (i % 12));
    a = (_Float16) x;
    r = a + b;
    volatile float sum = r;
    r = a * b;
    volatile float product = r;
    r = a / b;
    volatile float quotient = r;
    printf ("%a %a %a %a %d %d\n", (double) (float) a, (double) sum, (double) product,
            (double) quotient, a < b, (int) a);
    b = i % 9 == 8                      ? (_Float16) 6e-6f
        : product == 0 || product > 100 ? (_Float16) 0.7
                                        : (_Float16) product;
  }
}

PROGRAM (soft_bfloat16)
{
  for (int i = 0; i < 60; i++) {
    float f = (float) (next_real () * pow (2, i - 30));
    uint32_t bits = float_bits (f), rounded = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000;
    float back;
    memcpy (&back, &rounded, 4);
    printf ("%04x %a %d\n", rounded >> 16, (double) back, fabsf (back - f) <= fabsf (f) / 256);
  }
}

// Its format differs.
ARM_PROGRAM (quadruple_arithmetic)
{
  long double x = 1, y = 1.0L / 3;
  for (int i = 0; i < 40; i++) {
    double d = next_real ();
    x = x * y + d, y = y / (x + 2) - sqrtl (fabsl (x)) * 0.25L;
    printf ("%La %La %d %d %La %ld %a\n", x, y, x < y, x == x + 1e-20L, floorl (x * 1000),
            lroundl (y * 1e6L), (double) x);
    printf ("%La %La %.40Lg\n", (long double) next (), (long double) (float) d,
            ldexpl (x, i * 300) * 3);
  }
}

ARM_PROGRAM (quadruple_elementary)
{
  for (int i = 1; i < 12; i++) {
    long double x = i / 7.0L;
    printf ("%.30Lg %.30Lg %.30Lg %.30Lg %.30Lg\n", sinl (x), expl (x), logl (x), powl (x, 1.5L),
            atanl (x));
  }
}

PROGRAM (shortest_digits)
{
  char text[40];
  for (int i = 0; i < 60; i++) {
    double x = any (i);
    int digits = 1;
    for (; digits < 18; digits++) {
      snprintf (text, sizeof text, "%.*g", digits, x);
      if (to_bits (strtod (text, NULL)) == to_bits (x))
        break;
    }
    printf ("%s %d %.0f\n", text, digits, fabs (x) < 1e40 ? x : 0);
  }
}

PROGRAM (hard_decimals)
{
  char text[60];
  for (int i = 0; i < 60; i++) {
    uint64_t v = next ();
    snprintf (text, sizeof text, "%s%" PRIu64 ".%" PRIu64 "e%d", v & 1 ? "-" : "", v >> 20,
              next () >> 10, (int) (v % 600) - 320);
    char *end;
    double x = strtod (text, &end);
    float f = strtof (text, NULL);
    printf ("%a %a %d\n", x, (double) f, *end);
  }
}

PROGRAM (fast_inverse_root)
{
  for (int i = 1; i < 40; i++) {
    float x = i * 0.37f, y;
    uint32_t bits = 0x5f3759df - (float_bits (x) >> 1);
    memcpy (&y, &bits, 4);
    for (int k = 0; k < 2; k++)
      y = y * (1.5f - 0.5f * x * y * y);
    printf ("%a %d\n", (double) y, (int) (y * sqrtf (x) * 1000 + 0.5f));
  }
}
