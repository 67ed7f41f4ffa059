// SPDX-License-Identifier: GPL-3.0-or-later
// Linear algebra, transforms, filters, graphs as matrices. Results are printed exactly: without
// contraction every operation is rounded alike everywhere.
#include "corpus.h"

enum { N = 12 };

typedef double Matrix[N][N];

static void
fill (Matrix m)
{
  for (int i = 0; i < N * N; i++)
    m[i / N][i % N] = next_real ();
}

static double
trace_of (Matrix m)
{
  double sum = 0;
  for (int i = 0; i < N; i++)
    sum += m[i][i] * (i + 1) + m[i][N - 1 - i];
  return sum;
}

static void
multiply (Matrix out, Matrix a, Matrix b)
{
  Matrix t = {{0}};
  for (int i = 0; i < N; i++)
    for (int k = 0; k < N; k++)
      for (int j = 0; j < N; j++)
        t[i][j] += a[i][k] * b[k][j];
  memcpy (out, t, sizeof t);
}

PROGRAM (lu_decomposition)
{
  Matrix a, lu;
  int rows[N], swaps = 0;
  double det = 1, x[N], most = 0;
  fill (a);
  memcpy (lu, a, sizeof a);
  for (int i = 0; i < N; i++)
    rows[i] = i;
  for (int k = 0; k < N; k++) {
    int pivot = k;
    for (int i = k + 1; i < N; i++)
      pivot = fabs (lu[i][k]) > fabs (lu[pivot][k]) ? i : pivot;
    for (int j = 0; j < N; j++) {
      double t = lu[k][j];
      lu[k][j] = lu[pivot][j], lu[pivot][j] = t;
    }
    int t = rows[k];
    rows[k] = rows[pivot], rows[pivot] = t, swaps += pivot != k;
    det *= lu[k][k];
    for (int i = k + 1; i < N; i++) {
      lu[i][k] /= lu[k][k];
      for (int j = k + 1; j < N; j++)
        lu[i][j] -= lu[i][k] * lu[k][j];
    }
  }
  for (int i = 0; i < N; i++) {
    x[i] = rows[i] + 1;
    for (int j = 0; j < i; j++)
      x[i] -= lu[i][j] * x[j];
  }
  for (int i = N; i-- > 0; x[i] /= lu[i][i])
    for (int j = i + 1; j < N; j++)
      x[i] -= lu[i][j] * x[j];
  for (int i = 0; i < N; i++) {
    double r = -(i + 1);
    for (int j = 0; j < N; j++)
      r += a[i][j] * x[j];
    most = fmax (most, fabs (r));
    printf ("%a ", x[i]);
  }
  printf ("%a %d %d\n", det, swaps, most < 1e-10);
}

PROGRAM (cholesky)
{
  Matrix a, s, l = {{0}};
  fill (a);
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) {
      s[i][j] = (i == j) * 2;
      for (int k = 0; k < N; k++)
        s[i][j] += a[i][k] * a[j][k];
    }
  for (int i = 0; i < N; i++)
    for (int j = 0; j <= i; j++) {
      double sum = s[i][j];
      for (int k = 0; k < j; k++)
        sum -= l[i][k] * l[j][k];
      l[i][j] = i == j ? sqrt (sum) : sum / l[j][j];
    }
  printf ("%a %a\n", trace_of (l), l[N - 1][N - 1]);
}

PROGRAM (jacobi_eigenvalues)
{
  Matrix a;
  fill (a);
  for (int i = 0; i < N; i++)
    for (int j = 0; j < i; j++)
      a[i][j] = a[j][i];
  for (int sweep = 0; sweep < 8; sweep++)
    for (int p = 0; p < N; p++)
      for (int q = p + 1; q < N; q++) {
        if (fabs (a[p][q]) < 1e-300)
          continue;
        double theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
        double t = (theta < 0 ? -1 : 1) / (fabs (theta) + sqrt (theta * theta + 1));
        double c = 1 / sqrt (t * t + 1), s = t * c;
        for (int k = 0; k < N; k++) {
          double x = a[k][p], y = a[k][q];
          a[k][p] = c * x - s * y, a[k][q] = s * x + c * y;
        }
        for (int k = 0; k < N; k++) {
          double x = a[p][k], y = a[q][k];
          a[p][k] = c * x - s * y, a[q][k] = s * x + c * y;
        }
      }
  for (int i = 0; i < N; i++)
    printf ("%.11f ", a[i][i]);
}

PROGRAM (householder)
{
  Matrix a;
  fill (a);
  for (int k = 0; k < N - 1; k++) {
    double norm = 0, v[N] = {0}, vv = 0;
    for (int i = k; i < N; i++)
      norm += a[i][k] * a[i][k], v[i] = a[i][k];
    v[k] += copysign (sqrt (norm), v[k]);
    for (int i = k; i < N; i++)
      vv += v[i] * v[i];
    for (int j = k; j < N; j++) {
      double dot = 0;
      for (int i = k; i < N; i++)
        dot += v[i] * a[i][j];
      for (int i = k; i < N; i++)
        a[i][j] -= 2 * dot / vv * v[i];
    }
    printf ("%a %d\n", a[k][k], fabs (a[N - 1][k]) < 1e-12);
  }
}

PROGRAM (power_iteration)
{
  Matrix a;
  double x[N], lambda = 0;
  fill (a);
  for (int i = 0; i < N; i++)
    x[i] = 1, a[i][i] += 5;
  for (int round = 0; round < 60; round++) {
    double y[N] = {0}, most = 0;
    for (int i = 0; i < N; i++)
      for (int j = 0; j < N; j++)
        y[i] += a[i][j] * x[j];
    for (int i = 0; i < N; i++)
      most = fabs (y[i]) > fabs (most) ? y[i] : most;
    for (int i = 0; i < N; i++)
      x[i] = y[i] / most;
    lambda = most;
  }
  printf ("%a %a\n", lambda, x[3]);
}

PROGRAM (gauss_modulo_prime)
{
  enum { P = 1000003 };
  static int64_t a[20][21];
  int rank = 0;
  for (int i = 0; i < 20; i++)
    for (int j = 0; j < 21; j++)
      a[i][j] = i > 16 ? (a[i - 3][j] + 2 * a[i - 9][j]) % P : (int64_t) (next () % P);
  for (int column = 0; column < 20 && rank < 20; column++) {
    int pivot = rank;
    while (pivot < 20 && a[pivot][column] == 0)
      pivot++;
    if (pivot == 20)
      continue;
    for (int j = 0; j < 21; j++) {
      int64_t t = a[rank][j];
      a[rank][j] = a[pivot][j], a[pivot][j] = t;
    }
    int64_t inverse = 1, base = a[rank][column];
    for (int e = P - 2; e > 0; e >>= 1, base = base * base % P)
      if (e & 1)
        inverse = inverse * base % P;
    for (int i = 0; i < 20; i++)
      if (i != rank) {
        int64_t f = a[i][column] * inverse % P;
        for (int j = 0; j < 21; j++)
          a[i][j] = ((a[i][j] - f * a[rank][j]) % P + P) % P;
      }
    rank++;
  }
  printf ("%d %" PRId64 " %" PRId64 "\n", rank, a[0][0], a[rank - 1][20]);
}

PROGRAM (strassen)
{
  enum { M = 16 };
  static int32_t a[M][M], b[M][M], c[M][M], m[7][8][8];
  for (int i = 0; i < M * M; i++)
    a[i / M][i % M] = (int32_t) (next () & 0xff) - 128,
                 b[i / M][i % M] = (int32_t) (next () & 0xff);
  // Which quarters (with signs) each product has, and where it goes.
  static const int8_t left[7][4] = {{1, 0, 0, 1}, {0, 0, 1, 1},  {1, 0, 0, 0}, {0, 0, 0, 1},
                                    {1, 1, 0, 0}, {-1, 0, 1, 0}, {0, 1, 0, -1}};
  static const int8_t right[7][4] = {{1, 0, 0, 1}, {1, 0, 0, 0}, {0, 1, 0, -1}, {-1, 0, 1, 0},
                                     {0, 0, 0, 1}, {1, 1, 0, 0}, {0, 0, 1, 1}};
  static const int8_t to[4][7] = {
      {1, 0, 0, 1, -1, 0, 1}, {0, 0, 1, 0, 1, 0, 0}, {0, 1, 0, 1, 0, 0, 0}, {1, -1, 1, 0, 0, 1, 0}};
  for (int p = 0; p < 7; p++)
    for (int i = 0; i < 8; i++)
      for (int j = 0; j < 8; j++)
        for (int k = 0; k < 8; k++) {
          int32_t x = 0, y = 0;
          for (int q = 0; q < 4; q++)
            x += left[p][q] * a[i + q / 2 * 8][k + q % 2 * 8],
                y += right[p][q] * b[k + q / 2 * 8][j + q % 2 * 8];
          m[p][i][j] += x * y;
        }
  int wrong = 0;
  for (int i = 0; i < M; i++)
    for (int j = 0; j < M; j++) {
      int32_t plain = 0;
      for (int p = 0; p < 7; p++)
        c[i][j] += to[i / 8 * 2 + j / 8][p] * m[p][i % 8][j % 8];
      for (int k = 0; k < M; k++)
        plain += a[i][k] * b[k][j];
      wrong += plain != c[i][j];
    }
  printf ("%d %d %d\n", wrong, c[0][0], c[15][3]);
}

static void
fft (double complex *x, int n, int sign)
{
  for (int i = 1, j = 0; i < n; i++) {
    int bit = n >> 1;
    for (; j & bit; bit >>= 1)
      j ^= bit;
    j ^= bit;
    if (i < j) {
      double complex t = x[i];
      x[i] = x[j], x[j] = t;
    }
  }
  for (int length = 2; length <= n; length *= 2) {
    double angle = sign * 2 * 3.14159265358979323846 / length;
    double complex step = cos (angle) + sin (angle) * I;
    for (int i = 0; i < n; i += length) {
      double complex w = 1;
      for (int k = 0; k < length / 2; k++, w *= step) {
        double complex u = x[i + k], v = x[i + k + length / 2] * w;
        x[i + k] = u + v, x[i + k + length / 2] = u - v;
      }
    }
  }
}

PROGRAM (fourier)
{
  static double complex x[256];
  double error = 0;
  for (int i = 0; i < 256; i++)
    x[i] = (i * 7 % 32 - 16) / 16.0;
  fft (x, 256, -1);
  for (int i = 0; i < 256; i += 17)
    printf ("%.7f %.7f\n", creal (x[i]) + 0.0, cimag (x[i]) + 1e-12);
  fft (x, 256, 1);
  for (int i = 0; i < 256; i++)
    error = fmax (error, cabs (x[i] / 256 - (i * 7 % 32 - 16) / 16.0));
  printf ("%d\n", error < 1e-12);
}

PROGRAM (number_theoretic_transform)
{
  const uint64_t p = 998244353;
  static uint64_t a[256], b[256];
  uint64_t root = 1, w, check = 0;
  for (int i = 0; i < 128; i++)
    a[i] = next () % 1000, b[i] = next () % 1000;
  for (int i = 0; i < 128; i++)
    check += a[i] * b[127 - i];
  for (uint64_t e = (p - 1) / 256, g = 3; e > 0; e >>= 1, g = g * g % p)
    if (e & 1)
      root = root * g % p;
  uint64_t *arrays[] = {a, b, a};
  for (int pass = 0; pass < 3; pass++) {
    uint64_t *x = arrays[pass], out[256];
    if (pass == 2)
      for (int i = 0; i < 256; i++)
        a[i] = a[i] * b[i] % p;
    w = 1;
    for (int k = 0; k < 256; k++, w = w * root % p) {
      uint64_t sum = 0;
      for (int i = 256; i-- > 0;)
        sum = (sum * w + x[i]) % p;
      out[k] = sum;
    }
    memcpy (x, out, sizeof out);
  }
  uint64_t inverse = p - (p - 1) / 256; // of 256
  printf ("%" PRIu64 " %d\n", a[129] * inverse % p, a[129] * inverse % p == check % p);
}

PROGRAM (cosine_transform)
{
  int block[64];
  double table[8][8];
  for (int u = 0; u < 8; u++)
    for (int x = 0; x < 8; x++)
      table[u][x] =
          cos ((2 * x + 1) * u * 3.14159265358979323846 / 16) * (u == 0 ? sqrt (0.125) : 0.5);
  for (int i = 0; i < 64; i++)
    block[i] = (int) (next () & 255) - 128;
  for (int u = 0; u < 8; u++)
    for (int v = 0; v < 8; v++) {
      double sum = 0;
      for (int i = 0; i < 64; i++)
        sum += block[i] * table[u][i / 8] * table[v][i % 8];
      printf ("%ld ", lrint (sum * 8));
    }
}

PROGRAM (wavelet)
{
  int32_t x[128], y[128], t[128];
  for (int i = 0; i < 128; i++)
    x[i] = y[i] = (int32_t) (next () >> 50);
  for (int n = 128; n > 1; n /= 2) {
    for (int i = 0; i < n / 2; i++) {
      int32_t d = y[2 * i + 1] - y[2 * i];
      t[n / 2 + i] = d, t[i] = y[2 * i] + (d >> 1);
    }
    memcpy (y, t, (size_t) n * sizeof *t);
  }
  for (int i = 0; i < 128; i += 9)
    printf ("%d ", y[i]);
  for (int n = 2; n <= 128; n *= 2) {
    for (int i = 0; i < n / 2; i++)
      t[2 * i] = y[i] - (y[n / 2 + i] >> 1), t[2 * i + 1] = y[n / 2 + i] + t[2 * i];
    memcpy (y, t, (size_t) n * sizeof *t);
  }
  printf ("%d\n", memcmp (x, y, sizeof x));
}

PROGRAM (image_filters)
{
  enum { W = 40, H = 24 };
  static uint8_t image[H][W], out[H][W];
  static const int8_t sobel[3][3] = {{-1, 0, 1}, {-2, 0, 2}, {-1, 0, 1}};
  unsigned histogram[8] = {0};
  for (int i = 0; i < W * H; i++)
    image[i / W][i % W] = (uint8_t) (next () & (i % W > 20 ? 255 : 31));
  for (int y = 1; y < H - 1; y++)
    for (int x = 1; x < W - 1; x++) {
      int gx = 0, gy = 0, box = 0;
      for (int k = 0; k < 9; k++) {
        int p = image[y + k / 3 - 1][x + k % 3 - 1];
        gx += sobel[k / 3][k % 3] * p, gy += sobel[k % 3][k / 3] * p, box += p;
      }
      int edge = abs (gx) + abs (gy);
      out[y][x] = (uint8_t) ((edge > 255 ? 255 : edge) / 2 + box / 18);
      histogram[out[y][x] >> 5]++;
    }
  for (int i = 0; i < 8; i++)
    printf ("%u ", histogram[i]);
}

PROGRAM (sparse_matrix)
{
  double values[400], x[60], y[60];
  int columns[400], starts[61], n = 0;
  for (int i = 0; i < 60; i++) {
    starts[i] = n, x[i] = 1.0 / (i + 1);
    for (int j = 0; j < 60; j++)
      if ((next () & 15) == 0 && n < 400)
        columns[n] = j, values[n++] = next_real ();
  }
  starts[60] = n;
  for (int round = 0; round < 10; round++) {
    for (int i = 0; i < 60; i++) {
      y[i] = 0.1;
      for (int k = starts[i]; k < starts[i + 1]; k++)
        y[i] += values[k] * x[columns[k]];
    }
    memcpy (x, y, sizeof x);
  }
  for (int i = 0; i < 60; i += 7)
    printf ("%a ", x[i]);
  printf ("%d\n", n);
}

PROGRAM (all_shortest_paths)
{
  enum { V = 40, FAR = 1 << 29 };
  static int d[V][V];
  static uint64_t reach[V];
  long sum = 0;
  int pairs = 0;
  for (int i = 0; i < V * V; i++)
    d[i / V][i % V] = (next () & 15) == 0 ? (int) (next () & 127) + 1 : FAR;
  for (int i = 0; i < V; i++)
    for (int j = 0; j < V; j++)
      reach[i] |= (uint64_t) (d[i][j] < FAR) << j;
  for (int k = 0; k < V; k++)
    for (int i = 0; i < V; i++) {
      reach[i] |= reach[i] >> k & 1 ? reach[k] : 0;
      for (int j = 0; j < V; j++)
        d[i][j] = d[i][k] + d[k][j] < d[i][j] ? d[i][k] + d[k][j] : d[i][j];
    }
  for (int i = 0; i < V; i++)
    for (int j = 0; j < V; j++)
      if (d[i][j] < FAR)
        sum += d[i][j] * (i + j), pairs++;
  for (int i = 0; i < V; i++)
    pairs -= __builtin_popcountll (reach[i]);
  printf ("%ld %d\n", sum, pairs);
}

PROGRAM (kalman_filter)
{
  double x[2] = {0, 1}, p[2][2] = {{1, 0}, {0, 1}};
  for (int i = 0; i < 50; i++) {
    double z = i * 0.5 + next_real ();
    x[0] += x[1] * 0.1;
    double p00 = p[0][0] + 0.1 * (p[0][1] + p[1][0]) + 0.01 * p[1][1] + 0.001,
           p01 = p[0][1] + 0.1 * p[1][1];
    double p10 = p[1][0] + 0.1 * p[1][1], p11 = p[1][1] + 0.001, s = p00 + 0.25, k0 = p00 / s,
           k1 = p10 / s;
    double e = z - x[0];
    x[0] += k0 * e, x[1] += k1 * e;
    p[0][0] = (1 - k0) * p00, p[0][1] = (1 - k0) * p01, p[1][0] = p10 - k1 * p00,
    p[1][1] = p11 - k1 * p01;
  }
  printf ("%a %a %a\n", x[0], x[1], p[1][1]);
}
