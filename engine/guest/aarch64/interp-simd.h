// SPDX-License-Identifier: GPL-3.0-or-later
// How the Advanced SIMD handlers are written: an expression of one lane, made into a loop for each
// element size by the preprocessor. vCPU thread. Operand fields: see format-simd.c.
//
// In an expression, a, b and d are the lanes of Vn, Vm and Vd, of the unsigned type U; S is the
// signed type of that size, W a signed type in which sums and products do not overflow, and M an
// unsigned one for arithmetic that wraps. `sh` is the immediate and `sat` takes the saturations.
// Vectors and scalars share the handlers: all 16 bytes are computed, and what is not the result
// becomes zero.
#pragma once

#include "engine/guest/aarch64/interp.h"

#define A64_MAYBE_UNUSED __attribute__ ((unused))

static inline A64Vreg
a64_v_low (A64Vreg v, unsigned bytes)
{
  if (bytes >= 16)
    return v;
  v.d[1] = 0;
  if (bytes < 8)
    v.d[0] &= ((uint64_t) 1 << (8 * bytes)) - 1;
  return v;
}

static inline void
a64_v_put (A64Cpu *cpu, const A64Op *op, A64Vreg v)
{
  cpu->v[op->rd] = a64_v_low (v, op->aux[1]);
}

// A narrowed result goes to the lower half, or to the upper one and leaves the lower.
static inline void
a64_v_put_narrow (A64Cpu *cpu, const A64Op *op, A64Vreg v)
{
  if (op->aux[2] != 0)
    cpu->v[op->rd].d[1] = v.d[0];
  else
    cpu->v[op->rd] = a64_v_low (v, op->aux[1] < 8 ? op->aux[1] : 8);
}

// An element of 1 << size bytes as 64 bits.
static inline uint64_t
a64_sign_extend (uint64_t element, unsigned size)
{
  unsigned shift = 64 - (8u << size);
  return (uint64_t) ((int64_t) (element << shift) >> shift);
}

static inline uint64_t
a64_zero_extend (uint64_t element, unsigned size)
{
  unsigned shift = 64 - (8u << size);
  return element << shift >> shift;
}

// `value` in all elements of 1 << size bytes.
static inline A64Vreg
a64_v_dup (uint64_t value, unsigned size)
{
  static const uint64_t ones[4] = {0x0101010101010101, 0x0001000100010001, 0x0000000100000001, 1};
  uint64_t d = a64_zero_extend (value, size) * ones[size];
  return (A64Vreg){.d = {d, d}};
}

static inline uint64_t
a64_v_element (const A64Vreg *v, unsigned size, unsigned index)
{
  switch (size) {
  case 0:
    return v->b[index];
  case 1:
    return v->h[index];
  case 2:
    return v->s[index];
  default:
    return v->d[index];
  }
}

static inline void
a64_v_set_element (A64Vreg *v, unsigned size, unsigned index, uint64_t value)
{
  switch (size) {
  case 0:
    v->b[index] = (uint8_t) value;
    break;
  case 1:
    v->h[index] = (uint16_t) value;
    break;
  case 2:
    v->s[index] = (uint32_t) value;
    break;
  default:
    v->d[index] = value;
    break;
  }
}

static inline void
a64_note_saturation (A64Cpu *cpu, unsigned sat)
{
  cpu->fpsr_qc |= sat << 27;
}

// The product of two polynomials of 8 bits over GF(2).
static inline unsigned
a64_polynomial_mul_8 (unsigned a, unsigned b)
{
  unsigned r = 0;
  for (unsigned i = 0; i < 8; i++)
    r ^= (a << i) & -(b >> i & 1);
  return r;
}

// Saturation to a type of the lanes. ------------------------------------------------------------

static inline int64_t
a64_clamp_64 (int64_t x, int64_t low, int64_t high, unsigned *sat)
{
  int64_t r = x < low ? low : x;
  r = r > high ? high : r;
  *sat |= r != x;
  return r;
}

static inline __int128
a64_clamp_128 (__int128 x, __int128 low, __int128 high, unsigned *sat)
{
  __int128 r = x < low ? low : x;
  r = r > high ? high : r;
  *sat |= r != x;
  return r;
}

#define A64_CLAMP(x, low, high)                                                                    \
  _Generic((x), __int128 : a64_clamp_128, default : a64_clamp_64) ((x), (low), (high), &sat)
#define A64_MAX_U(U) ((W) (U) -1)
#define A64_MAX_S(U) ((W) ((U) -1 >> 1))
#define A64_MIN_S(U) (-A64_MAX_S (U) - 1)
// x, of type W, as U or as S.
#define A64_SAT_U(x) A64_CLAMP ((W) (x), (W) 0, A64_MAX_U (U))
#define A64_SAT_S(x) A64_CLAMP ((W) (x), A64_MIN_S (U), A64_MAX_S (U))

// x >> n rounded to nearest, ties up; n from 1 to the bits of x. No intermediate overflows.
#define A64_ROUND_SHR(x, n) ((((x) >> ((n) -1)) >> 1) + (((x) >> ((n) -1)) & 1))

// Loops over lanes. -----------------------------------------------------------------------------

// Same size: r[i] = f (a, b, d).
#define A64_LANES(bits, wide, ...)                                                                 \
  {                                                                                                \
    typedef uint##bits##_t U A64_MAYBE_UNUSED;                                                     \
    typedef int##bits##_t S A64_MAYBE_UNUSED;                                                      \
    typedef wide W A64_MAYBE_UNUSED;                                                               \
    typedef __typeof__ ((U) 1 + 0u) M A64_MAYBE_UNUSED;                                            \
    for (unsigned i = 0; i < 128 / bits; i++) {                                                    \
      const U a A64_MAYBE_UNUSED = ((const U *) vn)[i], b A64_MAYBE_UNUSED = ((const U *) vm)[i];  \
      const U d A64_MAYBE_UNUSED = ((const U *) vd)[i];                                            \
      ((U *) &r)[i] = (U) (__VA_ARGS__);                                                           \
    }                                                                                              \
    break;                                                                                         \
  }

// Long: the lanes of r and d are twice as wide as a and b (types U2, S2); `aw` is the lane of Vn
// read as wide. hi: the upper halves of the narrow operands.
#define A64_LANES_LONG(bits, bits2, wide, ...)                                                     \
  {                                                                                                \
    typedef uint##bits##_t U A64_MAYBE_UNUSED;                                                     \
    typedef int##bits##_t S A64_MAYBE_UNUSED;                                                      \
    typedef uint##bits2##_t U2 A64_MAYBE_UNUSED;                                                   \
    typedef int##bits2##_t S2 A64_MAYBE_UNUSED;                                                    \
    typedef wide W A64_MAYBE_UNUSED;                                                               \
    typedef __typeof__ ((U2) 1 + 0u) M A64_MAYBE_UNUSED;                                           \
    const U *n = (const U *) &vn->d[hi], *m = (const U *) &vm->d[hi];                              \
    for (unsigned i = 0; i < 64 / bits; i++) {                                                     \
      const U a A64_MAYBE_UNUSED = n[i], b A64_MAYBE_UNUSED = m[i];                                \
      const U2 d A64_MAYBE_UNUSED = ((const U2 *) vd)[i];                                          \
      const U2 aw A64_MAYBE_UNUSED = ((const U2 *) vn)[i];                                         \
      ((U2 *) &r)[i] = (U2) (__VA_ARGS__);                                                         \
    }                                                                                              \
    break;                                                                                         \
  }

// Narrow: a and b have type U2, the lanes of r are of type U.
#define A64_LANES_NARROW(bits, bits2, wide, ...)                                                   \
  {                                                                                                \
    typedef uint##bits##_t U A64_MAYBE_UNUSED;                                                     \
    typedef int##bits##_t S A64_MAYBE_UNUSED;                                                      \
    typedef uint##bits2##_t U2 A64_MAYBE_UNUSED;                                                   \
    typedef int##bits2##_t S2 A64_MAYBE_UNUSED;                                                    \
    typedef wide W A64_MAYBE_UNUSED;                                                               \
    typedef __typeof__ ((U2) 1 + 0u) M A64_MAYBE_UNUSED;                                           \
    for (unsigned i = 0; i < 64 / bits; i++) {                                                     \
      const U2 a A64_MAYBE_UNUSED = ((const U2 *) vn)[i];                                          \
      const U2 b A64_MAYBE_UNUSED = ((const U2 *) vm)[i];                                          \
      ((U *) &r)[i] = (U) (__VA_ARGS__);                                                           \
    }                                                                                              \
    break;                                                                                         \
  }

// The element sizes an instruction may have; the decoder lets no other pass.
#define A64_BY_SIZE(CASES, ...)                                                                    \
  switch (op->aux[0]) {                                                                            \
    CASES (__VA_ARGS__)                                                                            \
  default:                                                                                         \
    __builtin_unreachable ();                                                                      \
  }
#define A64_SIZES_B(...)                                                                           \
  case 0:                                                                                          \
    A64_LANES (8, int32_t, __VA_ARGS__)
#define A64_SIZES_HS(...)                                                                          \
  case 1:                                                                                          \
    A64_LANES (16, int64_t, __VA_ARGS__)                                                           \
  case 2:                                                                                          \
    A64_LANES (32, int64_t, __VA_ARGS__)
#define A64_SIZES_BHS(...)                                                                         \
  case 0:                                                                                          \
    A64_LANES (8, int32_t, __VA_ARGS__)                                                            \
  case 1:                                                                                          \
    A64_LANES (16, int32_t, __VA_ARGS__)                                                           \
  case 2:                                                                                          \
    A64_LANES (32, int64_t, __VA_ARGS__)
#define A64_SIZES_BHSD(...)                                                                        \
  A64_SIZES_BHS (__VA_ARGS__)                                                                      \
  case 3:                                                                                          \
    A64_LANES (64, __int128, __VA_ARGS__)
#define A64_SIZES_LONG_BHS(...)                                                                    \
  case 0:                                                                                          \
    A64_LANES_LONG (8, 16, int32_t, __VA_ARGS__)                                                   \
  case 1:                                                                                          \
    A64_LANES_LONG (16, 32, int64_t, __VA_ARGS__)                                                  \
  case 2:                                                                                          \
    A64_LANES_LONG (32, 64, int64_t, __VA_ARGS__)
#define A64_SIZES_LONG_HS(...)                                                                     \
  case 1:                                                                                          \
    A64_LANES_LONG (16, 32, int64_t, __VA_ARGS__)                                                  \
  case 2:                                                                                          \
    A64_LANES_LONG (32, 64, __int128, __VA_ARGS__)
#define A64_SIZES_NARROW(...)                                                                      \
  case 0:                                                                                          \
    A64_LANES_NARROW (8, 16, int32_t, __VA_ARGS__)                                                 \
  case 1:                                                                                          \
    A64_LANES_NARROW (16, 32, int64_t, __VA_ARGS__)                                                \
  case 2:                                                                                          \
    A64_LANES_NARROW (32, 64, __int128, __VA_ARGS__)

// Handlers. -------------------------------------------------------------------------------------

#define A64_HANDLER(ID) void a64_interp_##ID (A64Cpu *cpu, const A64Op *op)

// A row that differs from another only in its operands.
#define A64_ALIAS(ID, OTHER)                                                                       \
  A64_HANDLER (ID)                                                                                 \
  {                                                                                                \
    a64_interp_##OTHER (cpu, op);                                                                  \
  }

// Vm, and the element of it that "by element" forms use in all lanes.
#define A64_VM() const A64Vreg *vm A64_MAYBE_UNUSED = &cpu->v[op->rm];
#define A64_VM_ELEMENT()                                                                           \
  const A64Vreg vm_lanes =                                                                         \
      a64_v_dup (a64_v_element (&cpu->v[op->rm], op->aux[0], op->aux[3]), op->aux[0]);             \
  const A64Vreg *vm A64_MAYBE_UNUSED = &vm_lanes;

// The operands are read where they are: copies would be taken apart into words by the compiler.
#define A64_V_OPERANDS                                                                             \
  const A64Vreg *vn A64_MAYBE_UNUSED = &cpu->v[op->rn], *vd A64_MAYBE_UNUSED = &cpu->v[op->rd];    \
  const unsigned sh A64_MAYBE_UNUSED = (unsigned) op->imm, hi A64_MAYBE_UNUSED = op->aux[2];       \
  A64Vreg r = {.d = {0, 0}};

// Lane by lane, without saturation.
#define A64_V_OP(ID, CASES, VM, ...)                                                               \
  A64_HANDLER (ID)                                                                                 \
  {                                                                                                \
    A64_V_OPERANDS                                                                                 \
    VM ()                                                                                          \
    A64_BY_SIZE (CASES, __VA_ARGS__)                                                               \
    a64_v_put (cpu, op, r);                                                                        \
    A64_NEXT (cpu, op);                                                                            \
  }

// With saturation: lanes that are no part of the operation are made zero first, so that they do
// not saturate. SOURCE: the bytes of Vn and Vm that are read; a scalar's are one element.
#define A64_V_ONLY(v, SOURCE)                                                                      \
  A64Vreg v##_low;                                                                                 \
  if (op->aux[1] < 16) {                                                                           \
    v##_low = a64_v_low (*v, SOURCE);                                                              \
    v = &v##_low;                                                                                  \
  }
#define A64_V_OPERANDS_SAT(VM, SOURCE)                                                             \
  A64_V_OPERANDS                                                                                   \
  VM ()                                                                                            \
  A64_V_ONLY (vn, SOURCE)                                                                          \
  A64_V_ONLY (vm, SOURCE)                                                                          \
  A64_V_ONLY (vd, op->aux[1])                                                                      \
  unsigned sat = 0;

#define A64_V_OP_SAT(ID, CASES, VM, SOURCE, ...)                                                   \
  A64_HANDLER (ID)                                                                                 \
  {                                                                                                \
    A64_V_OPERANDS_SAT (VM, SOURCE)                                                                \
    A64_BY_SIZE (CASES, __VA_ARGS__)                                                               \
    a64_note_saturation (cpu, sat);                                                                \
    a64_v_put (cpu, op, r);                                                                        \
    A64_NEXT (cpu, op);                                                                            \
  }

#define A64_V_OP_NARROW(ID, ...)                                                                   \
  A64_HANDLER (ID)                                                                                 \
  {                                                                                                \
    A64_V_OPERANDS_SAT (A64_VM, A64_SOURCE_NARROW)                                                 \
    A64_BY_SIZE (A64_SIZES_NARROW, __VA_ARGS__)                                                    \
    a64_note_saturation (cpu, sat);                                                                \
    a64_v_put_narrow (cpu, op, r);                                                                 \
    A64_NEXT (cpu, op);                                                                            \
  }

#define A64_SOURCE_SAME   op->aux[1]
#define A64_SOURCE_LONG   op->aux[1] / 2u
#define A64_SOURCE_NARROW op->aux[1] * 2u

// Pairwise: a and b are neighbours among the lanes of Vn followed by those of Vm.
#define A64_PAIR_LANES(bits, ...)                                                                  \
  {                                                                                                \
    typedef uint##bits##_t U;                                                                      \
    typedef int##bits##_t S A64_MAYBE_UNUSED;                                                      \
    for (unsigned i = 0; i < 128 / bits; i++) {                                                    \
      const U a A64_MAYBE_UNUSED = ((const U *) both)[2 * i],                                      \
                b A64_MAYBE_UNUSED = ((const U *) both)[2 * i + 1];                                \
      ((U *) &r)[i] = (U) (__VA_ARGS__);                                                           \
    }                                                                                              \
    break;                                                                                         \
  }

#define A64_PAIRS_BHSD(...)                                                                        \
  case 0:                                                                                          \
    A64_PAIR_LANES (8, __VA_ARGS__)                                                                \
  case 1:                                                                                          \
    A64_PAIR_LANES (16, __VA_ARGS__)                                                               \
  case 2:                                                                                          \
    A64_PAIR_LANES (32, __VA_ARGS__)                                                               \
  case 3:                                                                                          \
    A64_PAIR_LANES (64, __VA_ARGS__)

#define A64_PAIRWISE(ID, ...)                                                                      \
  A64_HANDLER (ID)                                                                                 \
  {                                                                                                \
    A64Vreg both[2] = {cpu->v[op->rn], cpu->v[op->rm]}, r;                                         \
    if (op->aux[1] == 8)                                                                           \
      both[0].d[1] = both[1].d[0];                                                                 \
    A64_BY_SIZE (A64_PAIRS_BHSD, __VA_ARGS__)                                                      \
    a64_v_put (cpu, op, r);                                                                        \
    A64_NEXT (cpu, op);                                                                            \
  }
