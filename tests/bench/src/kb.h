// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once
/* kbench: small CPU/memory/OS kernels, built alike for the guest and the host. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct bench {
  const char *name;      /* name on the BENCH line */
  const char *unit;      /* what `work` counts, per second */
  double work;           /* how many of those one call of fn does */
  uint64_t (*fn) (void); /* one unit of work; returns its checksum */
  void (*setup) (void);
  int flags;
};
#define F_NOCHK 1 /* checksum is not comparable between machines */
#define F_SMP   2 /* only makes sense with two CPUs */

extern const struct bench b_int[], b_fp[], b_simd[], b_mem[], b_sys[];

static inline uint64_t
rng (uint64_t *s) /* splitmix64 */
{
  uint64_t z = (*s += 0x9e3779b97f4a7c15ull);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}
static inline uint64_t
mix (uint64_t h, uint64_t v)
{
  h ^= v + 0x9e3779b97f4a7c15ull + (h << 6) + (h >> 2);
  return h;
}
static inline uint64_t
dbits (double d)
{
  uint64_t u;
  memcpy (&u, &d, 8);
  return u;
}
double now (void);
#define KEEP(x) __asm__ volatile("" : "+r"(x) : : "memory")
