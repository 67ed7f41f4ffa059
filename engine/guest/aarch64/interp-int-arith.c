// SPDX-License-Identifier: GPL-3.0-or-later
// Tier 0: addition, subtraction, logic, moves, flags and conditional instructions on general
// registers (Arm ARM C4.1.86, C4.1.89). vCPU thread.
#include "engine/guest/aarch64/interp.h"

enum {
  FLAG_N = 31,
  FLAG_Z = 30,
  FLAG_C = 29,
  FLAG_V = 28,
};

static inline uint32_t
pack_flags (bool n, bool z, bool c, bool v)
{
  return (uint32_t) n << FLAG_N | (uint32_t) z << FLAG_Z | (uint32_t) c << FLAG_C |
         (uint32_t) v << FLAG_V;
}

// AddWithCarry of the Arm ARM for its usual carries: a + b, and a + ~b + 1 = a - b; then with any
// carry. Each returns the result; logic_flags returns its operand.
#define DEFINE_FLAG_SETTERS(bits)                                                                  \
  static inline uint32_t add_nzcv_##bits (uint##bits##_t a, uint##bits##_t b)                      \
  {                                                                                                \
    uint##bits##_t sum = a + b;                                                                    \
    return pack_flags (sum >> (bits - 1), sum == 0, sum < a,                                       \
                       ((a ^ sum) & (b ^ sum)) >> (bits - 1));                                     \
  }                                                                                                \
  static inline uint32_t sub_nzcv_##bits (uint##bits##_t a, uint##bits##_t b)                      \
  {                                                                                                \
    uint##bits##_t difference = a - b;                                                             \
    return pack_flags (difference >> (bits - 1), difference == 0, a >= b,                          \
                       ((a ^ b) & (a ^ difference)) >> (bits - 1));                                \
  }                                                                                                \
  static inline uint##bits##_t add_flags_##bits (A64Cpu *cpu, uint##bits##_t a, uint##bits##_t b)  \
  {                                                                                                \
    cpu->nzcv = add_nzcv_##bits (a, b);                                                            \
    return a + b;                                                                                  \
  }                                                                                                \
  static inline uint##bits##_t sub_flags_##bits (A64Cpu *cpu, uint##bits##_t a, uint##bits##_t b)  \
  {                                                                                                \
    cpu->nzcv = sub_nzcv_##bits (a, b);                                                            \
    return a - b;                                                                                  \
  }                                                                                                \
  static inline uint##bits##_t carry_flags_##bits (A64Cpu *cpu, uint##bits##_t a,                  \
                                                   uint##bits##_t b)                               \
  {                                                                                                \
    unsigned carry = cpu->nzcv >> FLAG_C & 1;                                                      \
    uint##bits##_t sum = a + b + carry;                                                            \
    cpu->nzcv = pack_flags (sum >> (bits - 1), sum == 0, sum < a || (carry != 0 && sum == a),      \
                            ((a ^ sum) & (b ^ sum)) >> (bits - 1));                                \
    return sum;                                                                                    \
  }                                                                                                \
  static inline uint##bits##_t logic_flags_##bits (A64Cpu *cpu, uint##bits##_t result)             \
  {                                                                                                \
    cpu->nzcv = pack_flags (result >> (bits - 1), result == 0, false, false);                      \
    return result;                                                                                 \
  }
DEFINE_FLAG_SETTERS (32)
DEFINE_FLAG_SETTERS (64)

// The second operand of each row kind.
#define OPERAND_IMM(bits) ((uint##bits##_t) op->imm)
#define OPERAND_REG(bits) ((uint##bits##_t) cpu->x[op->rm])
#define OPERAND_LSL(bits) (OPERAND_REG (bits) << op->aux[0])
#define OPERAND_LSR(bits) (OPERAND_REG (bits) >> op->aux[0])
#define OPERAND_ASR(bits) ((uint##bits##_t) ((int##bits##_t) cpu->x[op->rm] >> op->aux[0]))
#define OPERAND_ROR(bits)                                                                          \
  (OPERAND_REG (bits) >> op->aux[0] | OPERAND_REG (bits) << (-op->aux[0] & (bits - 1)))
#define OPERAND_UXT(bits)                                                                          \
  ((uint##bits##_t) (cpu->x[op->rm] << op->aux[0] >> op->aux[0] << op->aux[1]))
#define OPERAND_SXT(bits)                                                                          \
  ((uint##bits##_t) ((int64_t) (cpu->x[op->rm] << op->aux[0]) >> op->aux[0]) << op->aux[1])

#define COMPUTE_ADD(bits, a, b)  ((a) + (b))
#define COMPUTE_SUB(bits, a, b)  ((a) - (b))
#define COMPUTE_ADDS(bits, a, b) add_flags_##bits (cpu, (a), (b))
#define COMPUTE_SUBS(bits, a, b) sub_flags_##bits (cpu, (a), (b))
#define COMPUTE_AND(bits, a, b)  ((a) & (b))
#define COMPUTE_BIC(bits, a, b)  ((a) & ~(b))
#define COMPUTE_ORR(bits, a, b)  ((a) | (b))
#define COMPUTE_ORN(bits, a, b)  ((a) | ~(b))
#define COMPUTE_EOR(bits, a, b)  ((a) ^ (b))
#define COMPUTE_EON(bits, a, b)  ((a) ^ ~(b))
#define COMPUTE_ANDS(bits, a, b) logic_flags_##bits (cpu, (a) & (b))
#define COMPUTE_BICS(bits, a, b) logic_flags_##bits (cpu, (a) & ~(b))

#define DEFINE_ONE(id, kind, bits)                                                                 \
  void a64_interp_##id##_##kind##_##bits (A64Cpu *cpu, const A64Op *op)                            \
  {                                                                                                \
    const uint##bits##_t a = (uint##bits##_t) cpu->x[op->rn], b = OPERAND_##kind (bits);           \
    cpu->x[op->rd] = COMPUTE_##id (bits, a, b);                                                    \
    A64_NEXT (cpu, op);                                                                            \
  }
#define DEFINE(id, kind)                                                                           \
  DEFINE_ONE (id, kind, 32)                                                                        \
  DEFINE_ONE (id, kind, 64)

#define DEFINE_ADDSUB(id)                                                                          \
  DEFINE (id, IMM)                                                                                 \
  DEFINE (id, REG)                                                                                 \
  DEFINE (id, LSL)                                                                                 \
  DEFINE (id, LSR)                                                                                 \
  DEFINE (id, ASR)                                                                                 \
  DEFINE (id, UXT)                                                                                 \
  DEFINE (id, SXT)
DEFINE_ADDSUB (ADD)
DEFINE_ADDSUB (ADDS)
DEFINE_ADDSUB (SUB)
DEFINE_ADDSUB (SUBS)

#define DEFINE_LOGICAL(id)                                                                         \
  DEFINE (id, REG)                                                                                 \
  DEFINE (id, LSL)                                                                                 \
  DEFINE (id, LSR)                                                                                 \
  DEFINE (id, ASR)                                                                                 \
  DEFINE (id, ROR)
DEFINE_LOGICAL (AND)
DEFINE_LOGICAL (BIC)
DEFINE_LOGICAL (ORR)
DEFINE_LOGICAL (ORN)
DEFINE_LOGICAL (EOR)
DEFINE_LOGICAL (EON)
DEFINE_LOGICAL (ANDS)
DEFINE_LOGICAL (BICS)
DEFINE (AND, IMM)
DEFINE (ORR, IMM)
DEFINE (EOR, IMM)
DEFINE (ANDS, IMM)

// The rows below have an expression of their own for xd in terms of n and m, and of d, the old
// value; in the 32-bit forms all are 32 bits wide.
#define DEFINE_EXPRESSION_ONE(id, bits, expression)                                                \
  void a64_interp_##id##_##bits (A64Cpu *cpu, const A64Op *op)                                     \
  {                                                                                                \
    const uint##bits##_t d = (uint##bits##_t) cpu->x[op->rd];                                      \
    const uint##bits##_t n = (uint##bits##_t) cpu->x[op->rn];                                      \
    const uint##bits##_t m = (uint##bits##_t) cpu->x[op->rm];                                      \
    (void) d, (void) n, (void) m;                                                                  \
    cpu->x[op->rd] = (uint##bits##_t) (expression);                                                \
    A64_NEXT (cpu, op);                                                                            \
  }
#define DEFINE_EXPRESSION(id, expression32, expression64)                                          \
  DEFINE_EXPRESSION_ONE (id, 32, expression32)                                                     \
  DEFINE_EXPRESSION_ONE (id, 64, expression64)
#define DEFINE_SAME(id, expression) DEFINE_EXPRESSION (id, expression, expression)

DEFINE_SAME (MOV_REG, m)
DEFINE_SAME (MOVN, op->imm)
DEFINE_SAME (MOVZ, op->imm)
DEFINE_SAME (MOVK, (d & ~(UINT64_C (0xffff) << op->aux[0])) | (uint64_t) op->imm)
DEFINE_SAME (ADC, n + m + (cpu->nzcv >> FLAG_C & 1))
DEFINE_SAME (SBC, n + ~m + (cpu->nzcv >> FLAG_C & 1))
DEFINE_EXPRESSION (ADCS, carry_flags_32 (cpu, n, m), carry_flags_64 (cpu, n, m))
DEFINE_EXPRESSION (SBCS, carry_flags_32 (cpu, n, ~m), carry_flags_64 (cpu, n, ~m))
DEFINE_SAME (CSEL, a64_condition_holds (cpu, op) ? n : m)
DEFINE_SAME (CSINC, a64_condition_holds (cpu, op) ? n : m + 1)
DEFINE_SAME (CSINV, a64_condition_holds (cpu, op) ? n : ~m)
DEFINE_SAME (CSNEG, a64_condition_holds (cpu, op) ? n : -m)

void
a64_interp_ADR (A64Cpu *cpu, const A64Op *op)
{
  cpu->x[op->rd] = a64_op_pc (cpu, op) + (uint64_t) op->imm;
  A64_NEXT (cpu, op);
}

void
a64_interp_ADRP (A64Cpu *cpu, const A64Op *op)
{
  cpu->x[op->rd] = cpu->page + (uint64_t) op->imm;
  A64_NEXT (cpu, op);
}

#define DEFINE_CCMP_ONE(id, kind, bits, setter)                                                    \
  void a64_interp_##id##_##kind##_##bits (A64Cpu *cpu, const A64Op *op)                            \
  {                                                                                                \
    uint32_t compared = setter##_##bits ((uint##bits##_t) cpu->x[op->rn], OPERAND_##kind (bits));  \
    cpu->nzcv = a64_condition_holds (cpu, op) ? compared : (uint32_t) op->aux[2] << FLAG_V;        \
    A64_NEXT (cpu, op);                                                                            \
  }
#define DEFINE_CCMP(id, setter)                                                                    \
  DEFINE_CCMP_ONE (id, REG, 32, setter)                                                            \
  DEFINE_CCMP_ONE (id, REG, 64, setter)                                                            \
  DEFINE_CCMP_ONE (id, IMM, 32, setter)                                                            \
  DEFINE_CCMP_ONE (id, IMM, 64, setter)
DEFINE_CCMP (CCMN, add_nzcv)
DEFINE_CCMP (CCMP, sub_nzcv)

// FEAT_FlagM.
void
a64_interp_RMIF (A64Cpu *cpu, const A64Op *op)
{
  uint64_t value = cpu->x[op->rn];
  uint64_t rotated = value >> op->aux[0] | value << (-op->aux[0] & 63);
  uint32_t changed = (uint32_t) op->imm;

  cpu->nzcv = (cpu->nzcv & ~changed) | ((uint32_t) rotated << FLAG_V & changed);
  A64_NEXT (cpu, op);
}

static void
set_flags_of_narrow (A64Cpu *cpu, uint64_t value, unsigned bits)
{
  bool sign = value >> (bits - 1) & 1, carry = value >> bits & 1;
  bool zero = (value & ((1u << bits) - 1)) == 0;

  cpu->nzcv = (cpu->nzcv & 1u << FLAG_C) | pack_flags (sign, zero, false, sign != carry);
}

void
a64_interp_SETF8 (A64Cpu *cpu, const A64Op *op)
{
  set_flags_of_narrow (cpu, cpu->x[op->rn], 8);
  A64_NEXT (cpu, op);
}

void
a64_interp_SETF16 (A64Cpu *cpu, const A64Op *op)
{
  set_flags_of_narrow (cpu, cpu->x[op->rn], 16);
  A64_NEXT (cpu, op);
}

void
a64_interp_CFINV (A64Cpu *cpu, const A64Op *op)
{
  cpu->nzcv ^= 1u << FLAG_C;
  A64_NEXT (cpu, op);
}

// FEAT_FlagM2: between the flags of a floating-point compare and their alternative form.
void
a64_interp_XAFLAG (A64Cpu *cpu, const A64Op *op)
{
  bool z = cpu->nzcv >> FLAG_Z & 1, c = cpu->nzcv >> FLAG_C & 1;

  cpu->nzcv = pack_flags (!c && !z, z && c, c || z, !c && z);
  A64_NEXT (cpu, op);
}

void
a64_interp_AXFLAG (A64Cpu *cpu, const A64Op *op)
{
  bool z = cpu->nzcv >> FLAG_Z & 1, c = cpu->nzcv >> FLAG_C & 1, v = cpu->nzcv >> FLAG_V & 1;

  cpu->nzcv = pack_flags (false, z || v, c && !v, false);
  A64_NEXT (cpu, op);
}
