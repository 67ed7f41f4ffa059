// SPDX-License-Identifier: GPL-3.0-or-later
// SHA-512 and what helps with SHA-3 (Arm ARM C7.2; FIPS 180-4, 202). vCPU thread.
#include "engine/guest/aarch64/interp-simd.h"

static inline uint64_t
rotate_right (uint64_t x, unsigned n)
{
  return x >> (n & 63) | x << (-n & 63);
}

static inline uint64_t
big_sigma_0 (uint64_t x)
{
  return rotate_right (x, 28) ^ rotate_right (x, 34) ^ rotate_right (x, 39);
}

static inline uint64_t
big_sigma_1 (uint64_t x)
{
  return rotate_right (x, 14) ^ rotate_right (x, 18) ^ rotate_right (x, 41);
}

static inline uint64_t
small_sigma_0 (uint64_t x)
{
  return rotate_right (x, 1) ^ rotate_right (x, 8) ^ x >> 7;
}

static inline uint64_t
small_sigma_1 (uint64_t x)
{
  return rotate_right (x, 19) ^ rotate_right (x, 61) ^ x >> 6;
}

static inline uint64_t
choose (uint64_t x, uint64_t y, uint64_t z)
{
  return ((y ^ z) & x) ^ z;
}

static inline uint64_t
majority (uint64_t x, uint64_t y, uint64_t z)
{
  return (x & y) | ((x | y) & z);
}

// Two rounds of the half that e to h take part in.
A64_HANDLER (SHA512H)
{
  const A64Vreg *x = &cpu->v[op->rn], *y = &cpu->v[op->rm], *w = &cpu->v[op->rd];
  uint64_t high = choose (y->d[1], x->d[0], x->d[1]) + big_sigma_1 (y->d[1]) + w->d[1];
  uint64_t e = high + y->d[0];
  uint64_t low = choose (e, y->d[1], x->d[0]) + big_sigma_1 (e) + w->d[0];

  cpu->v[op->rd] = (A64Vreg){.d = {low, high}};
  A64_NEXT (cpu, op);
}

// Two rounds of the half that a to d take part in.
A64_HANDLER (SHA512H2)
{
  const A64Vreg *x = &cpu->v[op->rn], *y = &cpu->v[op->rm], *w = &cpu->v[op->rd];
  uint64_t high = majority (x->d[0], y->d[1], y->d[0]) + big_sigma_0 (y->d[0]) + w->d[1];
  uint64_t low = majority (high, y->d[0], y->d[1]) + big_sigma_0 (high) + w->d[0];

  cpu->v[op->rd] = (A64Vreg){.d = {low, high}};
  A64_NEXT (cpu, op);
}

A64_HANDLER (SHA512SU0)
{
  const A64Vreg *w = &cpu->v[op->rd], *x = &cpu->v[op->rn];

  cpu->v[op->rd] = (A64Vreg){
      .d = {w->d[0] + small_sigma_0 (w->d[1]), w->d[1] + small_sigma_0 (x->d[0])},
  };
  A64_NEXT (cpu, op);
}

#define DEFINE_2D(ID, ...)                                                                         \
  A64_HANDLER (ID)                                                                                 \
  {                                                                                                \
    const A64Vreg *n = &cpu->v[op->rn], *m = &cpu->v[op->rm];                                      \
    const A64Vreg *a A64_MAYBE_UNUSED = &cpu->v[op->ra], *d A64_MAYBE_UNUSED = &cpu->v[op->rd];    \
    A64Vreg r;                                                                                     \
    for (unsigned i = 0; i < 2; i++)                                                               \
      r.d[i] = (__VA_ARGS__);                                                                      \
    cpu->v[op->rd] = r;                                                                            \
    A64_NEXT (cpu, op);                                                                            \
  }

DEFINE_2D (SHA512SU1, d->d[i] + small_sigma_1 (n->d[i]) + m->d[i])
DEFINE_2D (EOR3, n->d[i] ^ m->d[i] ^ a->d[i])
DEFINE_2D (BCAX, n->d[i] ^ (m->d[i] & ~a->d[i]))
DEFINE_2D (RAX1, n->d[i] ^ rotate_right (m->d[i], 63))
DEFINE_2D (XAR, rotate_right (n->d[i] ^ m->d[i], (unsigned) op->imm))
