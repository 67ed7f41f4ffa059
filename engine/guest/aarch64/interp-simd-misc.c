// SPDX-License-Identifier: GPL-3.0-or-later
// Advanced SIMD with one source: arithmetic and bits of lanes, comparison with zero, reductions
// across lanes, modified immediates (Arm ARM C4.1.90, C7.2). vCPU thread.
#include "engine/guest/aarch64/interp-simd.h"

// Lane by lane. ---------------------------------------------------------------------------------

#define MISC(ID, CASES, ...) A64_V_OP (ID, CASES, A64_VM, __VA_ARGS__)
#define MISC_AND_SCALAR(ID, ...)                                                                   \
  MISC (ID##_v, A64_SIZES_BHSD, __VA_ARGS__)                                                       \
  A64_ALIAS (ID##_s, ID##_v)
#define MISC_SAT(ID, ...)                                                                          \
  A64_V_OP_SAT (ID##_v, A64_SIZES_BHSD, A64_VM, A64_SOURCE_SAME, __VA_ARGS__)                      \
  A64_ALIAS (ID##_s, ID##_v)

MISC_AND_SCALAR (CMGT0, (S) a > 0 ? (U) -1 : 0)
MISC_AND_SCALAR (CMGE0, (S) a >= 0 ? (U) -1 : 0)
MISC_AND_SCALAR (CMEQ0, a == 0 ? (U) -1 : 0)
MISC_AND_SCALAR (CMLE0, (S) a <= 0 ? (U) -1 : 0)
MISC_AND_SCALAR (CMLT0, (S) a < 0 ? (U) -1 : 0)
MISC_AND_SCALAR (ABS, (S) a < 0 ? -(M) a : a)
MISC_AND_SCALAR (NEG, -(M) a)

MISC_SAT (SQABS, A64_SAT_S ((S) a < 0 ? -(W) (S) a : (W) (S) a))
MISC_SAT (SQNEG, A64_SAT_S (-(W) (S) a))
MISC_SAT (SUQADD, A64_SAT_S ((W) (S) d + a))
MISC_SAT (USQADD, A64_SAT_U ((W) d + (S) a))

static inline unsigned
count_leading_zeros (uint32_t x, unsigned bits)
{
  return x == 0 ? bits : (unsigned) __builtin_clz (x) - (32 - bits);
}

#define BITS (8 * (unsigned) sizeof (U))

MISC (CLZ_v, A64_SIZES_BHS, count_leading_zeros (a, BITS))
// The bits of a ^ a >> 1 say where neighbours differ, but for the highest.
MISC (CLS_v, A64_SIZES_BHS,
      count_leading_zeros ((U) (a ^ (a >> 1)) & ~((M) 1 << (BITS - 1)), BITS) - 1)
MISC (CNT_v, A64_SIZES_B, __builtin_popcount (a))
MISC (NOT_v, A64_SIZES_B, ~a)

static inline unsigned
reverse_bits_8 (unsigned x)
{
  x = (x & 0xf0) >> 4 | (x & 0x0f) << 4;
  x = (x & 0xcc) >> 2 | (x & 0x33) << 2;
  return (x & 0xaa) >> 1 | (x & 0x55) << 1;
}

MISC (RBIT_v, A64_SIZES_B, reverse_bits_8 (a))

// Elements reversed inside containers. ----------------------------------------------------------

static inline uint64_t
swap_bytes_of_halves (uint64_t x)
{
  return (x & 0xff00ff00ff00ff00) >> 8 | (x & 0x00ff00ff00ff00ff) << 8;
}

static inline uint64_t
swap_halves_of_words (uint64_t x)
{
  return (x & 0xffff0000ffff0000) >> 16 | (x & 0x0000ffff0000ffff) << 16;
}

// The 16-bit containers of x, with elements of 1 << size bytes; so on for the wider ones.
static inline uint64_t
reverse_in_16 (uint64_t x, unsigned size A64_MAYBE_UNUSED)
{
  return swap_bytes_of_halves (x);
}

static inline uint64_t
reverse_in_32 (uint64_t x, unsigned size)
{
  x = swap_halves_of_words (x);
  return size == 0 ? swap_bytes_of_halves (x) : x;
}

static inline uint64_t
reverse_in_64 (uint64_t x, unsigned size)
{
  x = x << 32 | x >> 32;
  return size == 2 ? x : reverse_in_32 (x, size);
}

#define REVERSE(ID, container)                                                                     \
  A64_HANDLER (ID)                                                                                 \
  {                                                                                                \
    const A64Vreg *vn = &cpu->v[op->rn];                                                           \
    A64Vreg r;                                                                                     \
    for (unsigned i = 0; i < 2; i++)                                                               \
      r.d[i] = reverse_in_##container (vn->d[i], op->aux[0]);                                      \
    a64_v_put (cpu, op, r);                                                                        \
    A64_NEXT (cpu, op);                                                                            \
  }

REVERSE (REV16_v, 16)
REVERSE (REV32_v, 32)
REVERSE (REV64_v, 64)

// Across lanes. ---------------------------------------------------------------------------------

#define REDUCE(ID, extend, ...)                                                                    \
  A64_HANDLER (ID)                                                                                 \
  {                                                                                                \
    const A64Vreg *vn = &cpu->v[op->rn];                                                           \
    const unsigned n_lanes = op->aux[1] >> op->aux[0];                                             \
    uint64_t a = extend (a64_v_element (vn, op->aux[0], 0), op->aux[0]);                           \
    for (unsigned i = 1; i < n_lanes; i++) {                                                       \
      const uint64_t b = extend (a64_v_element (vn, op->aux[0], i), op->aux[0]);                   \
      a = (__VA_ARGS__);                                                                           \
    }                                                                                              \
    cpu->v[op->rd] = a64_v_low ((A64Vreg){.d = {a, 0}}, 1u << op->aux[0]);                         \
    A64_NEXT (cpu, op);                                                                            \
  }

REDUCE (ADDV_v, a64_zero_extend, a + b)
REDUCE (SMAXV_v, a64_sign_extend, (int64_t) a > (int64_t) b ? a : b)
REDUCE (UMAXV_v, a64_zero_extend, a > b ? a : b)
REDUCE (SMINV_v, a64_sign_extend, (int64_t) a < (int64_t) b ? a : b)
REDUCE (UMINV_v, a64_zero_extend, a < b ? a : b)

// Modified immediates: expanded, and inverted where the instruction asks for it, by the format. --

A64_HANDLER (MOVI_v)
{
  cpu->v[op->rd] = (A64Vreg){.d = {(uint64_t) op->imm, op->aux[1] == 16 ? (uint64_t) op->imm : 0}};
  A64_NEXT (cpu, op);
}

A64_ALIAS (MVNI_v, MOVI_v)
A64_ALIAS (MOVI_d, MOVI_v)

A64_HANDLER (ORR_imm_v)
{
  A64Vreg r = cpu->v[op->rd];
  r.d[0] |= (uint64_t) op->imm;
  r.d[1] |= (uint64_t) op->imm;
  a64_v_put (cpu, op, r);
  A64_NEXT (cpu, op);
}

A64_HANDLER (BIC_imm_v)
{
  A64Vreg r = cpu->v[op->rd];
  r.d[0] &= (uint64_t) op->imm;
  r.d[1] &= (uint64_t) op->imm;
  a64_v_put (cpu, op, r);
  A64_NEXT (cpu, op);
}
