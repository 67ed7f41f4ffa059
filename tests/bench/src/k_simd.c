// SPDX-License-Identifier: GPL-3.0-or-later
/* Auto-vectorised kernels: NEON in the guest, AVX2+FMA natively. */
#include "kb.h"
#define N 160
static float A[N][N], B[N][N], C[N][N];
static uint64_t
matmul (void)
{
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) {
      A[i][j] = (i * 3 + j) % 17 - 8;
      B[i][j] = (i + j * 5) % 13 * .25f;
      C[i][j] = 0;
    }
  for (int i = 0; i < N; i++)
    for (int k = 0; k < N; k++) {
      float a = A[i][k];
      for (int j = 0; j < N; j++)
        C[i][j] = __builtin_fmaf (a, B[k][j], C[i][j]);
    }
  uint64_t h = 0;
  for (int i = 0; i < N; i++) {
    uint32_t u;
    memcpy (&u, &C[i][i], 4);
    h = mix (h, u);
  }
  return h;
}
static uint8_t s8[1 << 16], d8[1 << 16];
static uint64_t
pixels (void) /* u8 blend + sum of absolute differences */
{
  for (int i = 0; i < 1 << 16; i++) {
    s8[i] = i * 7;
    d8[i] = i * 3;
  }
  uint32_t sad = 0;
  for (int r = 0; r < 16; r++) {
    for (int i = 0; i < 1 << 16; i++)
      d8[i] = (s8[i] * (40 + r) + d8[i] * (216 - r) + 128) >> 8;
    for (int i = 0; i < 1 << 16; i++) {
      int t = s8[i] - d8[i];
      sad += t < 0 ? -t : t;
    }
  }
  return sad;
}
static double x[4096], y[4096];
static uint64_t
axpy (void)
{
  for (int i = 0; i < 4096; i++) {
    x[i] = i * .5;
    y[i] = 4096 - i;
  }
  for (int r = 0; r < 200; r++) {
    double a = r & 1 ? .25 : -.25;
    for (int i = 0; i < 4096; i++)
      y[i] = __builtin_fma (a, x[i], y[i]);
    KEEP (r);
  }
  uint64_t h = 0;
  for (int i = 0; i < 4096; i += 64)
    h = mix (h, dbits (y[i]));
  return h;
}
const struct bench b_simd[] = {{"simd.matmul-f32", "Mflop/s", 2. * N *N *N / 1e6, matmul},
                               {"simd.pixels-u8", "Mpix/s", 16 * 65536 / 1e6, pixels},
                               {"simd.axpy-f64", "Mflop/s", 2 * 200 * 4096 / 1e6, axpy},
                               {0}};
