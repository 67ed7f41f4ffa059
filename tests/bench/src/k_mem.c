// SPDX-License-Identifier: GPL-3.0-or-later
/* Memory kernels. */
#include "kb.h"
#include <sys/mman.h>
static uint8_t *a, *b;
static void *
big (size_t n)
{
  void *p = mmap (0, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) {
    perror ("mmap");
    exit (1);
  }
  return p;
}
static void
cp_setup (void)
{
  if (!a) {
    a = big (32 << 20);
    b = big (32 << 20);
    memset (a, 1, 32 << 20);
    memset (b, 2, 32 << 20);
  }
}
static uint64_t
k_memcpy (void)
{
  memcpy (a, b, 32 << 20);
  KEEP (a);
  return 0;
}
static uint64_t
k_memset (void)
{
  memset (a, 5, 32 << 20);
  KEEP (a);
  return 0;
}
static uint64_t
k_cpy_small (void)
{
  for (int i = 0; i < 4000; i++) {
    memcpy (a + (i & 7), b + (i & 15), 64 + (i & 255));
    KEEP (a);
  }
  return 0;
}
static uint64_t
k_triad (void)
{
  double *x = (double *) a, *y = (double *) b, *z = y + (2 << 20);
  size_t n = 2 << 20;
  for (size_t i = 0; i < n; i++)
    x[i] = y[i] + 3.0 * z[i];
  KEEP (x);
  return 0;
}
/* pointer chase: one random cycle over `lines` 64-byte lines */
static uint32_t *ch;
static size_t chn;
static void
chase_build (size_t bytes)
{
  size_t n = bytes / 64;
  uint64_t s = 11;
  static size_t have;
  if (have == bytes)
    return;
  if (ch)
    munmap (ch, have);
  ch = big (bytes);
  have = bytes;
  chn = n;
  for (size_t i = 0; i < n; i++)
    ch[i * 16] = i;
  for (size_t i = n - 1; i > 0; i--) {
    size_t j = rng (&s) % i;
    uint32_t t = ch[i * 16];
    ch[i * 16] = ch[j * 16];
    ch[j * 16] = t;
  } /* Sattolo */
}
static uint64_t
chase (size_t steps)
{
  uint32_t p = 0;
  for (size_t i = 0; i < steps; i++)
    p = ch[(size_t) p * 16];
  return p;
}
static void
c16k (void)
{
  chase_build (16 << 10);
}
static void
c4m (void)
{
  chase_build (4 << 20);
}
static void
c256m (void)
{
  chase_build (256 << 20);
}
static uint64_t
k_c16k (void)
{
  return chase (1000000);
}
static uint64_t
k_c4m (void)
{
  return chase (200000);
}
static uint64_t
k_c256m (void)
{
  return chase (50000);
}
static uint64_t
k_bytes (void) /* byte-at-a-time reads and writes, page-crossing unaligned words */
{
  uint64_t h = 0;
  for (int i = 0; i < 1 << 18; i++) {
    a[i] = b[i ^ 1] + i;
    h += a[i >> 1];
  }
  for (int i = 4090; i < 1 << 20; i += 4096) {
    uint64_t v;
    memcpy (&v, b + i, 8);
    h += v;
    memcpy (a + i, &h, 8);
  }
  return h;
}
const struct bench b_mem[] = {
    {"mem.memcpy32M", "MB/s", (32 << 20) / 1e6, k_memcpy, cp_setup},
    {"mem.memset32M", "MB/s", (32 << 20) / 1e6, k_memset, cp_setup},
    {"mem.memcpy-small", "Mcall/s", 4e-3, k_cpy_small, cp_setup},
    {"mem.triad", "MB/s", 3. * (16 << 20) / 1e6, k_triad, cp_setup},
    {"mem.bytes", "MB/s", (1 << 18) * 3 / 1e6, k_bytes, cp_setup, F_NOCHK},
    {"mem.chase16K", "Mload/s", 1, k_c16k, c16k},
    {"mem.chase4M", "Mload/s", .2, k_c4m, c4m},
    {"mem.chase256M", "Mload/s", .05, k_c256m, c256m},
    {0}};
