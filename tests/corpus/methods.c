// SPDX-License-Identifier: GPL-3.0-or-later
// Numerical methods. Functions of the mathematical library may differ in the last place from one
// machine's to another's, so what is made with them is printed with less.
#include "corpus.h"

PROGRAM (runge_kutta)
{
  double x = 1, v = 0, t = 0;
  for (int i = 0; i < 400; i++, t += 0.05) {
    double k1 = v, l1 = -x - 0.1 * v, k2 = v + l1 * 0.025, l2 = -(x + k1 * 0.025) - 0.1 * k2;
    double k3 = v + l2 * 0.025, l3 = -(x + k2 * 0.025) - 0.1 * k3, k4 = v + l3 * 0.05;
    double l4 = -(x + k3 * 0.05) - 0.1 * k4;
    x += (k1 + 2 * k2 + 2 * k3 + k4) * (0.05 / 6), v += (l1 + 2 * l2 + 2 * l3 + l4) * (0.05 / 6);
    if (i % 50 == 0)
      printf ("%a %a\n", x, v);
  }
}

PROGRAM (lorenz)
{
  double x = 1, y = 1, z = 1;
  for (int i = 0; i < 3000; i++) {
    double dx = 10 * (y - x), dy = x * (28 - z) - y, dz = x * y - z * (8.0 / 3);
    x += dx * 0.005, y += dy * 0.005, z += dz * 0.005;
    if (i % 300 == 0)
      printf ("%a %a %a\n", x, y, z);
  }
}

PROGRAM (integration)
{
  double simpson = 0, trapezoid = 0, romberg[8][8];
  for (int i = 0; i <= 200; i++) {
    double x = i / 200.0, y = 4 / (1 + x * x);
    simpson += y * (i == 0 || i == 200 ? 1
                    : i & 1            ? 4
                                       : 2),
        trapezoid += y * (i == 0 || i == 200 ? 0.5 : 1);
  }
  for (int k = 0; k < 8; k++) {
    double sum = 0;
    for (int i = 1; i < 1 << k; i += 2)
      sum += 4 / (1 + (double) i / (1 << k) * i / (1 << k));
    romberg[k][0] = k == 0 ? 3 : romberg[k - 1][0] / 2 + sum / (1 << k);
    for (int j = 1; j <= k; j++)
      romberg[k][j] = romberg[k][j - 1] +
                      (romberg[k][j - 1] - romberg[k - 1][j - 1]) / (double) ((1 << 2 * j) - 1);
  }
  printf ("%a %a %a\n", simpson / 600, trapezoid / 200, romberg[7][7]);
}

static double
cubic (double x)
{
  return ((x - 2) * x - 5) * x + 3;
}

PROGRAM (root_finding)
{
  double low = 1, high = 4, newton = 3, a = 2, b = 4, n = 0;
  for (int i = 0; i < 60; i++) {
    double middle = (low + high) / 2;
    if (cubic (middle) > 0)
      high = middle;
    else
      low = middle;
    newton -= cubic (newton) / ((3 * newton - 4) * newton - 5);
    if (cubic (a) != cubic (b)) {
      double t = b - cubic (b) * (b - a) / (cubic (b) - cubic (a));
      a = b, b = t, n++;
    }
  }
  printf ("%a %a %a %g\n", low, newton, b, n);
}

PROGRAM (summation)
{
  double plain = 0, kahan = 0, c = 0, neumaier = 0, d = 0;
  float pairs[1024], single = 0;
  long double wide = 0;
  for (int i = 0; i < 1024; i++) {
    double x = next_real () * (i % 7 == 0 ? 1e10 : 1e-5), y = x - c, t = kahan + y;
    c = (t - kahan) - y, kahan = t, plain += x;
    t = neumaier + x;
    d += fabs (neumaier) >= fabs (x) ? (neumaier - t) + x : (x - t) + neumaier;
    neumaier = t, pairs[i] = (float) x, single += (float) x, wide += x;
  }
  for (int n = 512; n > 0; n /= 2)
    for (int i = 0; i < n; i++)
      pairs[i] += pairs[i + n];
  printf ("%a %a %a %a %a %d\n", plain, kahan, neumaier + d, (double) single, (double) pairs[0],
          fabsl (wide - (neumaier + d)) < 1e-4);
}

PROGRAM (two_sum_and_two_product)
{
  for (int i = 0; i < 50; i++) {
    volatile double a = next_real () * (1ull << (i & 31)), b = next_real ();
    double s = a + b, bb = s - a, e = (a - (s - bb)) + (b - bb);
    double p = a * b, x = a * 134217729.0, ah = x - (x - a), al = a - ah, y = b * 134217729.0,
           bh = y - (y - b), bl = b - bh;
    double q = ((ah * bh - p) + ah * bl + al * bh) + al * bl;
    printf ("%a %a %a %d\n", e, p, q, q == fma (a, b, -p));
  }
}

PROGRAM (polynomials)
{
  double c[10], dct[10], x = 0.3, b1 = 0, b2 = 0, horner = 0;
  for (int i = 0; i < 10; i++)
    c[i] = next_real ();
  for (int i = 9; i >= 0; i--)
    horner = horner * x + c[i];
  for (int i = 9; i > 0; i--) { // Clenshaw
    double t = 2 * x * b1 - b2 + c[i];
    b2 = b1, b1 = t;
  }
  for (int i = 0; i < 10; i++) { // derivatives
    dct[i] = 0;
    for (int k = 9; k >= i; k--) {
      double f = 1;
      for (int m = 0; m < i; m++)
        f *= k - m;
      dct[i] = dct[i] * x + f * c[k];
    }
    printf ("%a ", dct[i]);
  }
  printf ("%a %a\n", horner, x * b1 - b2 + c[0]);
}

PROGRAM (splines)
{
  double y[16], m[16] = {0}, c[16], d[16];
  for (int i = 0; i < 16; i++)
    y[i] = next_real ();
  c[0] = d[0] = 0;
  for (int i = 1; i < 15; i++) {
    double r = 6 * (y[i + 1] - 2 * y[i] + y[i - 1]), w = 4 - c[i - 1];
    c[i] = 1 / w, d[i] = (r - d[i - 1]) / w;
  }
  for (int i = 14; i > 0; i--)
    m[i] = d[i] - c[i] * m[i + 1];
  for (double x = 0; x < 15; x += 0.375) {
    int i = (int) x;
    double t = x - i, u = 1 - t;
    printf ("%a\n",
            u * y[i] + t * y[i + 1] + ((u * u * u - u) * m[i] + (t * t * t - t) * m[i + 1]) / 6);
  }
}

PROGRAM (least_squares)
{
  double s[5] = {0}, r[3] = {0};
  for (int i = 0; i < 100; i++) {
    double x = i / 50.0 - 1, y = 2 * x * x - 3 * x + 0.5 + next_real () * 0.01, p = 1;
    for (int k = 0; k < 5; k++, p *= x) {
      s[k] += p;
      if (k < 3)
        r[k] += p * y;
    }
  }
  double a[3][4];
  for (int i = 0; i < 12; i++)
    a[i / 4][i % 4] = i % 4 == 3 ? r[i / 4] : s[i / 4 + i % 4];
  for (int k = 0; k < 3; k++)
    for (int i = 0; i < 3; i++)
      for (int j = 3; i != k && j >= k; j--)
        a[i][j] -= a[i][k] / a[k][k] * a[k][j];
  printf ("%a %a %a\n", a[0][3] / a[0][0], a[1][3] / a[1][1], a[2][3] / a[2][2]);
}

PROGRAM (n_body)
{
  double p[5][3], v[5][3] = {{0}}, m[5], energy = 0;
  for (int i = 0; i < 15; i++)
    p[i / 3][i % 3] = next_real () * 10, m[i / 3] = 1 + i / 3;
  for (int step = 0; step < 300; step++) {
    for (int i = 0; i < 5; i++)
      for (int j = i + 1; j < 5; j++) {
        double d[3], square = 0.01;
        for (int k = 0; k < 3; k++)
          d[k] = p[i][k] - p[j][k], square += d[k] * d[k];
        double f = 0.001 / (square * sqrt (square));
        for (int k = 0; k < 3; k++)
          v[i][k] -= d[k] * m[j] * f, v[j][k] += d[k] * m[i] * f;
      }
    for (int i = 0; i < 15; i++)
      p[i / 3][i % 3] += v[i / 3][i % 3] * 0.01;
  }
  for (int i = 0; i < 15; i++)
    energy += m[i / 3] * v[i / 3][i % 3] * v[i / 3][i % 3] / 2;
  printf ("%a %a %a\n", energy, p[0][0], p[4][2]);
}

PROGRAM (gamma_and_erf)
{
  static const double g[] = {0.99999999999980993,  676.5203681218851,     -1259.1392167224028,
                             771.32342877765313,   -176.61502916214059,   12.507343278686905,
                             -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7};
  for (double x = 0.5; x < 12; x += 0.37) {
    double a = g[0], t = x + 6.5, series = 0, term = x / 4;
    for (int i = 1; i < 9; i++)
      a += g[i] / (x - 1 + i);
    for (int n = 0; n < 60; n++, term *= -(x / 4) * (x / 4) / n)
      series += term / (2 * n + 1);
    printf ("%.9g %.9g %.9g %.9g\n",
            sqrt (2 * 3.14159265358979323846) * pow (t, x - 0.5) * exp (-t) * a, tgamma (x),
            lgamma (x), erf (x / 4) - series * 1.1283791670955126);
  }
}

PROGRAM (bessel_and_zeta)
{
  for (int i = 1; i < 20; i++) {
    double x = i * 0.7, series = 0, term = 1, zeta = 0;
    for (int k = 1; k < 60; k++)
      series += term, term *= -(x / 2) * (x / 2) / ((double) k * k);
    for (int n = 400; n > 0; n--)
      zeta += 1 / pow (n, 1.5 + i);
    printf ("%.8f %.10f %d\n", series, zeta, fabs (series - j0 (x)) < 1e-9);
  }
}

PROGRAM (monte_carlo)
{
  int inside = 0;
  double mean = 0, m2 = 0;
  for (int i = 1; i <= 4000; i++) {
    double x = next_real (), y = next_real (), r = x * x + y * y, delta = r - mean;
    inside += r < 1, mean += delta / i, m2 += delta * (r - mean);
  }
  printf ("%d %a %a\n", inside, mean, m2 / 3999);
}

PROGRAM (gradient_descent)
{
  float w[2][3], v[3], loss = 0;
  for (int i = 0; i < 6; i++)
    w[i / 3][i % 3] = (float) next_real ();
  for (int i = 0; i < 3; i++)
    v[i] = (float) next_real ();
  for (int epoch = 0; epoch < 400; epoch++) {
    loss = 0;
    for (int s = 0; s < 4; s++) {
      float in[2] = {s & 1, s >> 1}, h[3], out = 0, want = (s & 1) ^ (s >> 1);
      for (int k = 0; k < 3; k++) {
        float sum = in[0] * w[0][k] + in[1] * w[1][k] - 0.25f;
        h[k] = sum > 0 ? sum : sum * 0.125f, out += h[k] * v[k];
      }
      float e = out - want;
      loss += e * e;
      for (int k = 0; k < 3; k++) {
        float slope = h[k] > 0 ? 1 : 0.125f;
        for (int n = 0; n < 2; n++)
          w[n][k] -= 0.05f * e * v[k] * slope * in[n];
        v[k] -= 0.05f * e * h[k];
      }
    }
  }
  printf ("%a %a %a\n", (double) loss, (double) w[0][0], (double) v[2]);
}

PROGRAM (chaos)
{
  double logistic = 0.3, hx = 0.1, hy = 0.1;
  uint32_t bits = 0;
  for (int i = 0; i < 2000; i++) {
    logistic = 3.99 * logistic * (1 - logistic);
    double t = 1 - 1.4 * hx * hx + hy;
    hy = 0.3 * hx, hx = t;
    bits = (bits << 1 | bits >> 31) ^ (logistic > 0.5) ^ (uint32_t) (hx > 0) << 7;
  }
  printf ("%a %a %08x\n", logistic, hx, bits);
}

PROGRAM (heat_equation)
{
  static float u[2][34][34];
  for (int i = 0; i < 34; i++)
    u[0][0][i] = u[1][0][i] = 100, u[0][i][33] = u[1][i][33] = (float) i;
  for (int step = 0; step < 120; step++)
    for (int y = 1; y < 33; y++)
      for (int x = 1; x < 33; x++)
        u[~step & 1][y][x] = 0.25f * (u[step & 1][y - 1][x] + u[step & 1][y + 1][x] +
                                      u[step & 1][y][x - 1] + u[step & 1][y][x + 1]);
  for (int i = 1; i < 33; i += 5)
    printf ("%a ", (double) u[0][i][i]);
}

PROGRAM (mandelbrot_doubles)
{
  uint64_t hash = 0;
  for (int y = 0; y < 24; y++)
    for (int x = 0; x < 40; x++) {
      double cr = x / 16.0 - 2, ci = y / 10.0 - 1.2, r = 0, i = 0;
      int n = 0;
      for (; n < 100 && r * r + i * i < 4; n++) {
        double t = r * r - i * i + cr;
        i = 2 * r * i + ci, r = t;
      }
      hash = hash * 131 + (uint64_t) n;
    }
  printf ("%016" PRIx64 "\n", hash);
}
