// SPDX-License-Identifier: GPL-3.0-or-later
/* Double-precision kernels, built without contraction so every machine agrees bit for bit. */
#include "kb.h"
#include <math.h>

struct body {
  double x, y, z, vx, vy, vz, m;
};
static uint64_t
nbody (void)
{
  struct body b[5];
  uint64_t s = 42;
  for (int i = 0; i < 5; i++) {
    double *d = &b[i].x;
    for (int k = 0; k < 6; k++)
      d[k] = (double) (int64_t) (rng (&s) >> 40) / (1 << 22) - 2;
    b[i].m = i ? .01 : 39.;
  }
  for (int st = 0; st < 20000; st++) {
    for (int i = 0; i < 5; i++)
      for (int j = i + 1; j < 5; j++) {
        double dx = b[i].x - b[j].x, dy = b[i].y - b[j].y, dz = b[i].z - b[j].z,
               d2 = dx * dx + dy * dy + dz * dz + .01;
        double mag = .0001 / (d2 * sqrt (d2));
        b[i].vx -= dx * b[j].m * mag;
        b[i].vy -= dy * b[j].m * mag;
        b[i].vz -= dz * b[j].m * mag;
        b[j].vx += dx * b[i].m * mag;
        b[j].vy += dy * b[i].m * mag;
        b[j].vz += dz * b[i].m * mag;
      }
    for (int i = 0; i < 5; i++) {
      b[i].x += .0001 * b[i].vx;
      b[i].y += .0001 * b[i].vy;
      b[i].z += .0001 * b[i].vz;
    }
  }
  uint64_t h = 0;
  for (int i = 0; i < 5; i++)
    h = mix (h, dbits (b[i].x) ^ dbits (b[i].vz));
  return h;
}
static uint64_t
mandel (void)
{
  uint64_t n = 0;
  for (int py = 0; py < 96; py++)
    for (int px = 0; px < 96; px++) {
      double cx = -2 + px * (3. / 96), cy = -1.5 + py * (3. / 96), x = 0, y = 0;
      int i = 0;
      while (i < 200) {
        double x2 = x * x, y2 = y * y;
        if (x2 + y2 > 4)
          break;
        y = 2 * x * y + cy;
        x = x2 - y2 + cx;
        i++;
      }
      n += i;
    }
  return n;
}
#define LN 128
static uint64_t
linpack (void)
{
  static double a[LN][LN], v[LN];
  uint64_t s = 5;
  for (int i = 0; i < LN; i++) {
    for (int j = 0; j < LN; j++)
      a[i][j] = (double) (rng (&s) >> 12) / 4503599627370496. - .5;
    v[i] = i;
  }
  for (int k = 0; k < LN; k++) {
    int p = k;
    for (int i = k + 1; i < LN; i++)
      if (fabs (a[i][k]) > fabs (a[p][k]))
        p = i;
    if (p != k) {
      for (int j = 0; j < LN; j++) {
        double t = a[k][j];
        a[k][j] = a[p][j];
        a[p][j] = t;
      }
      double t = v[k];
      v[k] = v[p];
      v[p] = t;
    }
    for (int i = k + 1; i < LN; i++) {
      double f = a[i][k] / a[k][k];
      for (int j = k; j < LN; j++)
        a[i][j] -= f * a[k][j];
      v[i] -= f * v[k];
    }
  }
  for (int i = LN - 1; i >= 0; i--) {
    for (int j = i + 1; j < LN; j++)
      v[i] -= a[i][j] * v[j];
    v[i] /= a[i][i];
  }
  uint64_t h = 0;
  for (int i = 0; i < LN; i++)
    h = mix (h, dbits (v[i]));
  return h;
}
static uint64_t
k_libm (void)
{
  double t = 0;
  for (int i = 1; i < 20000; i++) {
    double x = i * .001;
    KEEP (i);
    t += sin (x) * cos (x * .5) + exp (-x) + log (x + 1) + pow (x, .3);
  }
  return (uint64_t) (t * 1e3); /* coarse on purpose: libm builds differ in the last bits */
}
#define FN 2048
static uint64_t
fft (void)
{
  static double re[FN], im[FN], wr[FN], wi[FN];
  static int init;
  if (!init) { /* roots by repeated squaring-free rotation: identical everywhere */
    double c = 0.99999529380957619, q = 0.0030679567629659761;
    wr[0] = 1;
    wi[0] = 0;
    for (int i = 1; i < FN; i++) {
      wr[i] = wr[i - 1] * c - wi[i - 1] * q;
      wi[i] = wr[i - 1] * q + wi[i - 1] * c;
    }
    init = 1;
  }
  for (int i = 0; i < FN; i++) {
    re[i] = (i * 37 & 255) - 128;
    im[i] = 0;
  }
  for (int i = 1, j = 0; i < FN; i++) {
    int b = FN >> 1;
    for (; j & b; b >>= 1)
      j ^= b;
    j ^= b;
    if (i < j) {
      double t = re[i];
      re[i] = re[j];
      re[j] = t;
    }
  }
  for (int len = 2; len <= FN; len <<= 1)
    for (int i = 0; i < FN; i += len)
      for (int k = 0; k < len / 2; k++) {
        int w = k * (FN / len);
        double ur = re[i + k], ui = im[i + k],
               vr = re[i + k + len / 2] * wr[w] - im[i + k + len / 2] * wi[w],
               vi = re[i + k + len / 2] * wi[w] + im[i + k + len / 2] * wr[w];
        re[i + k] = ur + vr;
        im[i + k] = ui + vi;
        re[i + k + len / 2] = ur - vr;
        im[i + k + len / 2] = ui - vi;
      }
  uint64_t h = 0;
  for (int i = 0; i < FN; i += 16)
    h = mix (h, dbits (re[i]));
  return h;
}
const struct bench b_fp[] = {{"fp.nbody", "kstep/s", 20, nbody},
                             {"fp.mandel", "Mpt-iter/s", .353720, mandel},
                             {"fp.linpack", "Mflop/s", (2. / 3 * LN * LN * LN) / 1e6, linpack},
                             {"fp.libm", "kloop/s", 20, k_libm},
                             {"fp.fft", "fft/s", 1, fft},
                             {0}};
