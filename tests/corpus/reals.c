// SPDX-License-Identifier: GPL-3.0-or-later
// Floating point: formats, conversions, rounding, complex numbers, formatting. The ends of the
// range and NaN included.
#include <fenv.h>
#include <float.h>

#include "corpus.h"

static double
odd_real (int i)
{
  static const double odd[] = {0.0,
                               -0.0,
                               INFINITY,
                               -INFINITY,
                               0x1p-1074,
                               0x1.fffffffffffffp-1023,
                               DBL_MIN,
                               DBL_MAX,
                               1.5,
                               -2.5,
                               0.5,
                               1e300,
                               -1e-300,
                               4503599627370496.5,
                               9007199254740993.0};
  volatile double v =
      i % 3 == 0 ? odd[(unsigned) i / 3 % 15] : next_real () * pow (2, (int) (next () % 200) - 100);
  return v;
}

#define REALS(PROGRAM, name, type, format, root, power2, join, round_to)                           \
  PROGRAM (name)                                                                                   \
  {                                                                                                \
    for (int i = 0; i < 60; i++) {                                                                 \
      volatile type a = (type) odd_real (i), b = (type) odd_real (i * 7 + 1);                      \
      type r[] = {a + b,                                                                           \
                  a - b,                                                                           \
                  a * b,                                                                           \
                  a / b,                                                                           \
                  root (a < 0 ? -a : a),                                                           \
                  power2 (a, i - 30),                                                              \
                  join (a, b, (type) 1.25),                                                        \
                  round_to (a)};                                                                   \
      for (int k = 0; k < 8; k++)                                                                  \
        if (isnan (r[k]))                                                                          \
          printf ("nan ");                                                                         \
        else                                                                                       \
          printf (format " ", r[k]);                                                               \
      printf ("%d%d%d%d\n", a < b, a <= b, a == b, isunordered (a, b));                            \
    }                                                                                              \
  }
REALS (PROGRAM, floats, float, "%a", sqrtf, ldexpf, fmaf, rintf)
REALS (PROGRAM, doubles, double, "%a", sqrt, ldexp, fma, rint)
// A long double has 64 bits of fraction elsewhere.
REALS (ARM_PROGRAM, long_doubles, long double, "%La", sqrtl, ldexpl, fmal, rintl)

// Other libraries have another pow () in directed modes.
ARM_PROGRAM (rounding_modes)
{
  static const int modes[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
  for (int m = 0; m < 4; m++) {
    fesetround (modes[m]);
    for (int i = 0; i < 30; i++) {
      volatile double a = odd_real (i), b = odd_real (i + 5);
      volatile float f = (float) a;
      volatile double sum = a + b, quotient = a / b, n = rint (a);
      if (!isnan (sum))
        printf ("%a ", sum);
      if (!isnan (quotient))
        printf ("%a ", quotient);
      printf ("%a %a\n", (double) f, n);
    }
  }
  fesetround (FE_TONEAREST);
}

// Elsewhere underflow is detected after rounding.
ARM_PROGRAM (exceptions)
{
  for (int i = 0; i < 80; i++) {
    volatile double a = odd_real (i), b = odd_real (i * 5 + 2), r;
    feclearexcept (FE_ALL_EXCEPT);
    r = i & 1 ? a / b : i & 2 ? a * b : a - b;
    int e = fetestexcept (FE_ALL_EXCEPT);
    (void) r;
    printf ("%d%d%d%d%d\n", !!(e & FE_INVALID), !!(e & FE_DIVBYZERO), !!(e & FE_OVERFLOW),
            !!(e & FE_UNDERFLOW), !!(e & FE_INEXACT));
  }
}

PROGRAM (to_integers)
{
  for (int i = 0; i < 60; i++) {
    volatile double a = next_real () * 2e9;
    volatile float f = (float) next_real () * 30000;
    printf ("%d %ld %lu %d %ld %ld %.0f %.0f %.0f %.0f\n", (int) a, (long) a,
            (unsigned long) fabs (a), (short) f, lrint (a), lround (a), floor (a), ceil (a),
            trunc (a), round (a));
  }
}

PROGRAM (from_integers)
{
  for (int i = 0; i < 60; i++) {
    volatile uint64_t v = next () >> i;
    printf ("%a %a %a %a %a\n", (double) v, (double) (float) v, (double) (int64_t) v,
            (double) (float) (int) v, (double) (uint32_t) v);
  }
}

#ifdef __aarch64__
PROGRAM (half_precision)
{
  for (int i = 0; i < 64; i++) {
    volatile float f = (float) (next_real () * pow (2, i - 32));
    volatile __fp16 h = (__fp16) f;
    printf ("%a ", (double) h);
  }
}
#endif

PROGRAM (formatting)
{
  for (int i = 0; i < 60; i++) {
    double a = odd_real (i);
    printf ("%g %.3e %.12f|%20.5g|%-15.2e|%+a|%#.3g\n", a, a, fabs (a) < 1e20 ? a : 1, a, a, a, a);
  }
}

PROGRAM (parsing)
{
  static const char *const texts[] = {"1e-320",
                                      "0x1.8p3",
                                      "123456789012345678901234567890",
                                      "1e400",
                                      "-.5e-3",
                                      "4.9406564584124654e-324",
                                      "2.2250738585072011e-308",
                                      "inf",
                                      "0.1",
                                      "179769313486231580793e289",
                                      "9007199254740993",
                                      "1.00000000000000011102230246251565"};
  for (unsigned i = 0; i < 12; i++)
    printf ("%a %a\n", strtod (texts[i], NULL), (double) strtof (texts[i], NULL));
}

PROGRAM (complex_numbers)
{
  double complex z = 0.3 + 0.4 * I;
  for (int i = 0; i < 50; i++) {
    volatile double re = next_real (), im = next_real ();
    double complex w = re + im * I;
    z = z * w + (z - w) / (w + 2) - conj (z) * 0.25;
    printf ("%.10f %.10f %d\n", creal (z), cimag (z), cabs (z) < 1);
  }
}

PROGRAM (complex_floats)
{
  int inside = 0;
  for (int y = 0; y < 24; y++)
    for (int x = 0; x < 32; x++) {
      float complex c = (float) x / 12 - 2 + ((float) y / 10 - 1.2f) * I, z = 0;
      int n = 0;
      while (n < 40 && crealf (z) * crealf (z) + cimagf (z) * cimagf (z) < 4)
        z = z * z + c, n++;
      inside += n * (x + 1) * (y + 3);
    }
  printf ("%d\n", inside);
}

ARM_PROGRAM (long_double_series)
{
  long double e = 1, term = 1, pi = 0;
  for (int i = 1; i < 60; i++) {
    term /= i;
    e += term;
  }
  for (int i = 0; i < 50; i++)
    pi += (4.0L / (8 * i + 1) - 2.0L / (8 * i + 4) - 1.0L / (8 * i + 5) - 1.0L / (8 * i + 6)) *
          powl (16, -i);
  printf ("%.33Lg %.33Lg %La %Lg\n", e, pi, e * pi, fmodl (pi * 1e6L, e));
  printf ("%d %ld %.20Le\n", (int) (pi * 1000), (long) (e * 1e15L), (long double) next ());
}

PROGRAM (elementary)
{
  for (int i = 0; i < 40; i++) {
    double a = next_real () * 10;
    printf ("%.12f %.12f %.12g %.12g %.12g %.10f %.10f\n", sin (a), cos (a), exp (a),
            log (fabs (a) + 1), pow (fabs (a), 1.7), atan2 (a, 3), tanh (a));
  }
}
