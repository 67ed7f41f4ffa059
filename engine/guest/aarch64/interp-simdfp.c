// SPDX-License-Identifier: GPL-3.0-or-later
// Advanced SIMD floating point with two or three operands: same kind, by element, pairs, across
// lanes (Arm ARM C4.1.90), and the scalars among them. vCPU thread.
#include "engine/guest/aarch64/interp-fp.h"

// Comparisons give all ones or zero; only those for equality are quiet about quiet NaNs.
#define DEFINE_LANES(n)                                                                            \
  static inline uint##n##_t cmeq##n (uint##n##_t a, uint##n##_t b, SoftfpEnv *env)                 \
  {                                                                                                \
    return softfp_compare##n (a, b, false, env) == SOFTFP_EQUAL ? ~(uint##n##_t) 0 : 0;            \
  }                                                                                                \
  static inline uint##n##_t cmgt##n (uint##n##_t a, uint##n##_t b, SoftfpEnv *env)                 \
  {                                                                                                \
    return softfp_compare##n (a, b, true, env) == SOFTFP_GREATER ? ~(uint##n##_t) 0 : 0;           \
  }                                                                                                \
  static inline uint##n##_t cmge##n (uint##n##_t a, uint##n##_t b, SoftfpEnv *env)                 \
  {                                                                                                \
    SoftfpOrder order = softfp_compare##n (a, b, true, env);                                       \
                                                                                                   \
    return order == SOFTFP_GREATER || order == SOFTFP_EQUAL ? ~(uint##n##_t) 0 : 0;                \
  }                                                                                                \
  static inline uint##n##_t acgt##n (uint##n##_t a, uint##n##_t b, SoftfpEnv *env)                 \
  {                                                                                                \
    return cmgt##n (a64_fp_abs##n (a, env), a64_fp_abs##n (b, env), env);                          \
  }                                                                                                \
  static inline uint##n##_t acge##n (uint##n##_t a, uint##n##_t b, SoftfpEnv *env)                 \
  {                                                                                                \
    return cmge##n (a64_fp_abs##n (a, env), a64_fp_abs##n (b, env), env);                          \
  }                                                                                                \
  static inline uint##n##_t abd##n (uint##n##_t a, uint##n##_t b, SoftfpEnv *env)                  \
  {                                                                                                \
    return a64_fp_abs##n (softfp_sub##n (a, b, env), env);                                         \
  }                                                                                                \
  static inline uint##n##_t mla##n (uint##n##_t d, uint##n##_t a, uint##n##_t b, SoftfpEnv *env)   \
  {                                                                                                \
    return softfp_muladd##n (d, a, b, env);                                                        \
  }                                                                                                \
  static inline uint##n##_t mls##n (uint##n##_t d, uint##n##_t a, uint##n##_t b, SoftfpEnv *env)   \
  {                                                                                                \
    return softfp_muladd##n (d, a64_fp_neg##n (a, env), b, env);                                   \
  }

DEFINE_LANES (16)
DEFINE_LANES (32)
DEFINE_LANES (64)

A64_FP_VECTORS_2 (FADD, softfp_add)
A64_FP_VECTORS_2 (FSUB, softfp_sub)
A64_FP_VECTORS_2 (FMUL, softfp_mul)
A64_FP_VECTORS_2 (FMULX, softfp_mulx)
A64_FP_VECTORS_2 (FDIV, softfp_div)
A64_FP_VECTORS_2 (FABD, abd)
A64_FP_VECTORS_2 (FMAX, softfp_max)
A64_FP_VECTORS_2 (FMIN, softfp_min)
A64_FP_VECTORS_2 (FMAXNM, softfp_maxnm)
A64_FP_VECTORS_2 (FMINNM, softfp_minnm)
A64_FP_VECTORS_2 (FRECPS, softfp_recip_step)
A64_FP_VECTORS_2 (FRSQRTS, softfp_rsqrt_step)
A64_FP_VECTORS_2 (FCMEQ, cmeq)
A64_FP_VECTORS_2 (FCMGE, cmge)
A64_FP_VECTORS_2 (FCMGT, cmgt)
A64_FP_VECTORS_2 (FACGE, acge)
A64_FP_VECTORS_2 (FACGT, acgt)

A64_FP_SCALARS_2 (FMULX, softfp_mulx)
A64_FP_SCALARS_2 (FABD, abd)
A64_FP_SCALARS_2 (FRECPS, softfp_recip_step)
A64_FP_SCALARS_2 (FRSQRTS, softfp_rsqrt_step)
A64_FP_SCALARS_2 (FCMEQ, cmeq)
A64_FP_SCALARS_2 (FCMGE, cmge)
A64_FP_SCALARS_2 (FCMGT, cmgt)
A64_FP_SCALARS_2 (FACGE, acge)
A64_FP_SCALARS_2 (FACGT, acgt)

// The destination is the addend.
#define DEFINE_ACCUMULATE(name, fn)                                                                \
  A64_FP_VECTOR (name##_vh, h, 2 * op->aux[0], fn##16(d->h[i], n->h[i], m->h[i], &cpu->fp))        \
  A64_FP_VECTOR (name##_e_vh, h, 2 * op->aux[0],                                                   \
                 fn##16(d->h[i], n->h[i], m->h[op->aux[1]], &cpu->fp))                             \
  A64_FP_VECTOR (name##_e_h, h, 1, fn##16(d->h[i], n->h[i], m->h[op->aux[1]], &cpu->fp))           \
  A64_FP_VECTOR (name##_vs, s, op->aux[0], fn##32(d->s[i], n->s[i], m->s[i], &cpu->fp))            \
  A64_FP_VECTOR (name##_vd, d, 2, fn##64(d->d[i], n->d[i], m->d[i], &cpu->fp))                     \
  A64_FP_VECTOR (name##_e_vs, s, op->aux[0], fn##32(d->s[i], n->s[i], m->s[op->aux[1]], &cpu->fp)) \
  A64_FP_VECTOR (name##_e_vd, d, 2, fn##64(d->d[i], n->d[i], m->d[op->aux[1]], &cpu->fp))          \
  A64_FP_VECTOR (name##_e_s, s, 1, fn##32(d->s[i], n->s[i], m->s[op->aux[1]], &cpu->fp))           \
  A64_FP_VECTOR (name##_e_d, d, 1, fn##64(d->d[i], n->d[i], m->d[op->aux[1]], &cpu->fp))

DEFINE_ACCUMULATE (FMLA, mla)
DEFINE_ACCUMULATE (FMLS, mls)

#define DEFINE_BY_ELEMENT(name, fn)                                                                \
  A64_FP_VECTOR (name##_e_vh, h, 2 * op->aux[0], fn##16(n->h[i], m->h[op->aux[1]], &cpu->fp))      \
  A64_FP_VECTOR (name##_e_h, h, 1, fn##16(n->h[i], m->h[op->aux[1]], &cpu->fp))                    \
  A64_FP_VECTOR (name##_e_vs, s, op->aux[0], fn##32(n->s[i], m->s[op->aux[1]], &cpu->fp))          \
  A64_FP_VECTOR (name##_e_vd, d, 2, fn##64(n->d[i], m->d[op->aux[1]], &cpu->fp))                   \
  A64_FP_VECTOR (name##_e_s, s, 1, fn##32(n->s[i], m->s[op->aux[1]], &cpu->fp))                    \
  A64_FP_VECTOR (name##_e_d, d, 1, fn##64(n->d[i], m->d[op->aux[1]], &cpu->fp))

DEFINE_BY_ELEMENT (FMUL, softfp_mul)
DEFINE_BY_ELEMENT (FMULX, softfp_mulx)

// Pairs of the concatenation Vm:Vn, from its low end.
#define PAIR(lane, lanes, i) (2u * (i) < (lanes) ? &n->lane[2 * (i)] : &m->lane[2 * (i) - (lanes)])
#define DEFINE_PAIRS(name, fn)                                                                     \
  A64_FP_VECTOR (name##_vh, h, 2 * op->aux[0],                                                     \
                 fn##16(PAIR (h, 2 * op->aux[0], i)[0], PAIR (h, 2 * op->aux[0], i)[1], &cpu->fp)) \
  A64_FP_VECTOR (name##_h, h, 1, fn##16(n->h[0], n->h[1], &cpu->fp))                               \
  A64_FP_VECTOR (name##_vs, s, op->aux[0],                                                         \
                 fn##32(PAIR (s, op->aux[0], i)[0], PAIR (s, op->aux[0], i)[1], &cpu->fp))         \
  A64_FP_VECTOR (name##_vd, d, 2, fn##64(PAIR (d, 2, i)[0], PAIR (d, 2, i)[1], &cpu->fp))          \
  A64_FP_VECTOR (name##_s, s, 1, fn##32(n->s[0], n->s[1], &cpu->fp))                               \
  A64_FP_VECTOR (name##_d, d, 1, fn##64(n->d[0], n->d[1], &cpu->fp))

DEFINE_PAIRS (FADDP, softfp_add)
DEFINE_PAIRS (FMAXP, softfp_max)
DEFINE_PAIRS (FMINP, softfp_min)
DEFINE_PAIRS (FMAXNMP, softfp_maxnm)
DEFINE_PAIRS (FMINNMP, softfp_minnm)

// The halves are reduced first (the pseudocode's Reduce), which decides between NaNs.
#define DEFINE_ACROSS(name, fn)                                                                    \
  A64_FP_HANDLER (name##_vh)                                                                       \
  {                                                                                                \
    A64Vreg v = cpu->v[op->rn];                                                                    \
                                                                                                   \
    for (unsigned n = op->aux[0]; n != 0; n /= 2)                                                  \
      for (unsigned i = 0; i < n; i++)                                                             \
        v.h[i] = fn##16(v.h[2 * i], v.h[2 * i + 1], &cpu->fp);                                     \
    a64_fp_set (cpu, op->rd, v.h[0]);                                                              \
    A64_NEXT (cpu, op);                                                                            \
  }                                                                                                \
  A64_FP_HANDLER (name)                                                                            \
  {                                                                                                \
    const uint32_t *s = cpu->v[op->rn].s;                                                          \
    uint32_t low = fn##32(s[0], s[1], &cpu->fp), high = fn##32(s[2], s[3], &cpu->fp);              \
                                                                                                   \
    a64_fp_set (cpu, op->rd, fn##32(low, high, &cpu->fp));                                         \
    A64_NEXT (cpu, op);                                                                            \
  }

DEFINE_ACROSS (FMAXV, softfp_max)
DEFINE_ACROSS (FMINV, softfp_min)
DEFINE_ACROSS (FMAXNMV, softfp_maxnm)
DEFINE_ACROSS (FMINNMV, softfp_minnm)

// Products of halves added to singles (FEAT_FHM): of the lower lanes of Vn and Vm or (2) of those
// that follow them.
#define DEFINE_WIDENING(name, sign, at)                                                            \
  A64_FP_VECTOR (name##_v, s, op->aux[0],                                                          \
                 softfp_muladd_16_32 (d->s[i], n->h[(at) + i] ^ (sign), m->h[(at) + i], &cpu->fp)) \
  A64_FP_VECTOR (                                                                                  \
      name##_e, s, op->aux[0],                                                                     \
      softfp_muladd_16_32 (d->s[i], n->h[(at) + i] ^ (sign), m->h[op->aux[1]], &cpu->fp))

DEFINE_WIDENING (FMLAL, 0, 0)
DEFINE_WIDENING (FMLSL, 1u << 15, 0)
DEFINE_WIDENING (FMLAL2, 0, op->aux[0])
DEFINE_WIDENING (FMLSL2, 1u << 15, op->aux[0])
