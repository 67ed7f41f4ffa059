// SPDX-License-Identifier: GPL-3.0-or-later
// What the handlers of floating-point instructions share: writing a scalar result, the operations
// as functions of lanes for the three precisions, and the shapes of handlers. vCPU thread.
//
// In the shapes, `fn` takes lanes and the environment, and has a variant for each precision:
// fn16, fn32 and fn64. NAME_h, NAME_s and NAME_d work on scalars, NAME_vh, NAME_vs and NAME_vd on
// vectors. The shapes with _SD are for what half precision does not have.
#pragma once

#include "engine/guest/aarch64/interp.h"
#include "engine/softfp/softfp.h"

// A scalar result clears the rest of its register.
static inline void
a64_fp_set (A64Cpu *cpu, unsigned rd, uint64_t value)
{
  cpu->v[rd].d[0] = value;
  cpu->v[rd].d[1] = 0;
}

#define A64_FP_LANES(n)                                                                            \
  static inline uint##n##_t a64_fp_neg##n (uint##n##_t a, SoftfpEnv *env)                          \
  {                                                                                                \
    return a ^ (uint##n##_t) 1 << (n - 1);                                                         \
  }                                                                                                \
  static inline uint##n##_t a64_fp_abs##n (uint##n##_t a, SoftfpEnv *env)                          \
  {                                                                                                \
    return a & ~((uint##n##_t) 1 << (n - 1));                                                      \
  }                                                                                                \
  static inline uint##n##_t a64_fp_round##n (uint##n##_t a, SoftfpRounding rounding,               \
                                             SoftfpEnv *env)                                       \
  {                                                                                                \
    return softfp_round_int##n (a, rounding, false, env);                                          \
  }                                                                                                \
  static inline uint##n##_t a64_fp_to_int##n (uint##n##_t a, bool is_signed,                       \
                                              SoftfpRounding rounding, SoftfpEnv *env)             \
  {                                                                                                \
    return softfp_to_fixed##n (a, (SoftfpFixed){n, is_signed, 0}, rounding, env);                  \
  }

A64_FP_LANES (16)
A64_FP_LANES (32)
A64_FP_LANES (64)
#undef A64_FP_LANES

// FRINT*: the same for scalars and vectors.
#define A64_FP_DEFINE_ROUNDING(n)                                                                  \
  static inline uint##n##_t a64_frintn##n (uint##n##_t a, SoftfpEnv *env)                          \
  {                                                                                                \
    return a64_fp_round##n (a, SOFTFP_NEAREST_EVEN, env);                                          \
  }                                                                                                \
  static inline uint##n##_t a64_frintp##n (uint##n##_t a, SoftfpEnv *env)                          \
  {                                                                                                \
    return a64_fp_round##n (a, SOFTFP_UP, env);                                                    \
  }                                                                                                \
  static inline uint##n##_t a64_frintm##n (uint##n##_t a, SoftfpEnv *env)                          \
  {                                                                                                \
    return a64_fp_round##n (a, SOFTFP_DOWN, env);                                                  \
  }                                                                                                \
  static inline uint##n##_t a64_frintz##n (uint##n##_t a, SoftfpEnv *env)                          \
  {                                                                                                \
    return a64_fp_round##n (a, SOFTFP_ZERO, env);                                                  \
  }                                                                                                \
  static inline uint##n##_t a64_frinta##n (uint##n##_t a, SoftfpEnv *env)                          \
  {                                                                                                \
    return a64_fp_round##n (a, SOFTFP_NEAREST_AWAY, env);                                          \
  }                                                                                                \
  static inline uint##n##_t a64_frinti##n (uint##n##_t a, SoftfpEnv *env)                          \
  {                                                                                                \
    return a64_fp_round##n (a, env->rounding, env);                                                \
  }                                                                                                \
  static inline uint##n##_t a64_frintx##n (uint##n##_t a, SoftfpEnv *env)                          \
  {                                                                                                \
    return softfp_round_int##n (a, env->rounding, true, env);                                      \
  }

A64_FP_DEFINE_ROUNDING (16)
A64_FP_DEFINE_ROUNDING (32)
A64_FP_DEFINE_ROUNDING (64)
#undef A64_FP_DEFINE_ROUNDING

#define A64_FP_DEFINE_ROUNDING_N(n)                                                                \
  static inline uint##n##_t a64_frint32z##n (uint##n##_t a, SoftfpEnv *env)                        \
  {                                                                                                \
    return softfp_round_int_n##n (a, SOFTFP_ZERO, 32, env);                                        \
  }                                                                                                \
  static inline uint##n##_t a64_frint32x##n (uint##n##_t a, SoftfpEnv *env)                        \
  {                                                                                                \
    return softfp_round_int_n##n (a, env->rounding, 32, env);                                      \
  }                                                                                                \
  static inline uint##n##_t a64_frint64z##n (uint##n##_t a, SoftfpEnv *env)                        \
  {                                                                                                \
    return softfp_round_int_n##n (a, SOFTFP_ZERO, 64, env);                                        \
  }                                                                                                \
  static inline uint##n##_t a64_frint64x##n (uint##n##_t a, SoftfpEnv *env)                        \
  {                                                                                                \
    return softfp_round_int_n##n (a, env->rounding, 64, env);                                      \
  }

A64_FP_DEFINE_ROUNDING_N (32)
A64_FP_DEFINE_ROUNDING_N (64)
#undef A64_FP_DEFINE_ROUNDING_N

#define A64_FP_HANDLER(id) void a64_interp_##id (A64Cpu *cpu, const A64Op *op)

// One and two operands, scalar. `lane` is h, s or d.
#define A64_FP_SCALAR_1(id, lane, call)                                                            \
  A64_FP_HANDLER (id)                                                                              \
  {                                                                                                \
    a64_fp_set (cpu, op->rd, call (cpu->v[op->rn].lane[0], &cpu->fp));                             \
    A64_NEXT (cpu, op);                                                                            \
  }
#define A64_FP_SCALAR_2(id, lane, call)                                                            \
  A64_FP_HANDLER (id)                                                                              \
  {                                                                                                \
    a64_fp_set (cpu, op->rd, call (cpu->v[op->rn].lane[0], cpu->v[op->rm].lane[0], &cpu->fp));     \
    A64_NEXT (cpu, op);                                                                            \
  }
#define A64_FP_SCALARS_1(name, fn)                                                                 \
  A64_FP_SCALAR_1 (name##_h, h, fn##16)                                                            \
  A64_FP_SCALARS_1_SD (name, fn)
#define A64_FP_SCALARS_1_SD(name, fn)                                                              \
  A64_FP_SCALAR_1 (name##_s, s, fn##32)                                                            \
  A64_FP_SCALAR_1 (name##_d, d, fn##64)
#define A64_FP_SCALARS_2(name, fn)                                                                 \
  A64_FP_SCALAR_2 (name##_h, h, fn##16)                                                            \
  A64_FP_SCALAR_2 (name##_s, s, fn##32)                                                            \
  A64_FP_SCALAR_2 (name##_d, d, fn##64)

// Lane by lane: `value` is an expression of i and of the registers n, m and d (as it was). The
// lanes beyond `lanes` become zero.
#define A64_FP_VECTOR(id, lane, lanes, value)                                                      \
  A64_FP_HANDLER (id)                                                                              \
  {                                                                                                \
    const A64Vreg *n = &cpu->v[op->rn], *m = &cpu->v[op->rm], *d = &cpu->v[op->rd];                \
    A64Vreg result = {.q = 0};                                                                     \
                                                                                                   \
    (void) n, (void) m, (void) d;                                                                  \
    for (unsigned i = 0; i < (lanes); i++)                                                         \
      result.lane[i] = (value);                                                                    \
    cpu->v[op->rd] = result;                                                                       \
    A64_NEXT (cpu, op);                                                                            \
  }
#define A64_FP_VECTORS_1(name, fn)                                                                 \
  A64_FP_VECTOR (name##_vh, h, 2 * op->aux[0], fn##16(n->h[i], &cpu->fp))                          \
  A64_FP_VECTORS_1_SD (name, fn)
#define A64_FP_VECTORS_1_SD(name, fn)                                                              \
  A64_FP_VECTOR (name##_vs, s, op->aux[0], fn##32(n->s[i], &cpu->fp))                              \
  A64_FP_VECTOR (name##_vd, d, 2, fn##64(n->d[i], &cpu->fp))
#define A64_FP_VECTORS_2(name, fn)                                                                 \
  A64_FP_VECTOR (name##_vh, h, 2 * op->aux[0], fn##16(n->h[i], m->h[i], &cpu->fp))                 \
  A64_FP_VECTOR (name##_vs, s, op->aux[0], fn##32(n->s[i], m->s[i], &cpu->fp))                     \
  A64_FP_VECTOR (name##_vd, d, 2, fn##64(n->d[i], m->d[i], &cpu->fp))
