// SPDX-License-Identifier: GPL-3.0-or-later
// Tier 0: loads and stores of two general or SIMD&FP registers (Arm ARM C4.1.88, "Load/store
// register pair"). The two halves are separate accesses, each as atomic as a single one. vCPU
// thread.
#include "engine/guest/aarch64/access.h"
#include "engine/guest/aarch64/interp.h"

// Two values that lie side by side, when they are not found in the TLB together. A store to two
// pages must not write the first when the second faults.
#define DEFINE_PAIR_ACCESS(bits)                                                                   \
  static inline bool load_pair##bits (A64Cpu *cpu, const A64Op *op, GuestVaddr va,                 \
                                      uint##bits##_t *first, uint##bits##_t *second)               \
  {                                                                                                \
    return a64_load##bits (cpu, op, va, first) && a64_load##bits (cpu, op, va + bits / 8, second); \
  }                                                                                                \
  static inline bool store_pair##bits (A64Cpu *cpu, const A64Op *op, GuestVaddr va,                \
                                       uint##bits##_t first, uint##bits##_t second)                \
  {                                                                                                \
    return a64_probe_store (cpu, op, va, bits / 4, 0) && a64_store##bits (cpu, op, va, first) &&   \
           a64_store##bits (cpu, op, va + bits / 8, second);                                       \
  }
DEFINE_PAIR_ACCESS (32)
DEFINE_PAIR_ACCESS (64)

static inline bool
load_pair128 (A64Cpu *cpu, const A64Op *op, GuestVaddr va, A64Vreg *first, A64Vreg *second)
{
  return a64_load128 (cpu, op, va, first) && a64_load128 (cpu, op, va + 16, second);
}

static inline bool
store_pair128 (A64Cpu *cpu, const A64Op *op, GuestVaddr va, const A64Vreg *first,
               const A64Vreg *second)
{
  return a64_probe_store (cpu, op, va, 32, 0) && a64_store128 (cpu, op, va, first) &&
         a64_store128 (cpu, op, va + 16, second);
}

// As the accesses of mem/access.h.
static inline A64Vreg
mem_load128 (const uint8_t *p)
{
  return (A64Vreg){.d = {mem_load64 (p), mem_load64 (p + 8)}};
}

static inline void
mem_store128 (uint8_t *p, const A64Vreg *value)
{
  mem_store64 (p, value->d[0]);
  mem_store64 (p + 8, value->d[1]);
}

// The address, and what becomes of the base register, in each addressing mode.
#define ADDRESS_OFFSET (cpu->x[op->rn] + (uint64_t) op->imm)
#define ADDRESS_NP     ADDRESS_OFFSET
#define ADDRESS_PRE    ADDRESS_OFFSET
#define ADDRESS_POST   (cpu->x[op->rn])

#define WRITE_BASE_OFFSET ((void) 0)
#define WRITE_BASE_NP     ((void) 0)
#define WRITE_BASE_PRE    (cpu->x[op->rn] = va)
#define WRITE_BASE_POST   (cpu->x[op->rn] = va + (uint64_t) op->imm)

// One row: `put` writes a value to a register, `get` reads one. The handler does the usual case, SP
// aligned and a hit in the TLB, itself.
#define DEFINE_SLOW_LOAD(head, mode, bits, type, put)                                              \
  head (A64Cpu *cpu, const A64Op *op)                                                              \
  {                                                                                                \
    const GuestVaddr va = ADDRESS_##mode;                                                          \
    type first, second;                                                                            \
    if (!a64_base_ok (cpu, op) || !load_pair##bits (cpu, op, va, &first, &second))                 \
      return;                                                                                      \
    WRITE_BASE_##mode;                                                                             \
    put (op->rd, first);                                                                           \
    put (op->ra, second);                                                                          \
    A64_NEXT (cpu, op);                                                                            \
  }
#define DEFINE_SLOW_STORE(head, mode, bits, type, get)                                             \
  head (A64Cpu *cpu, const A64Op *op)                                                              \
  {                                                                                                \
    const GuestVaddr va = ADDRESS_##mode;                                                          \
    if (!a64_base_ok (cpu, op) || !store_pair##bits (cpu, op, va, get (op->rd), get (op->ra)))     \
      return;                                                                                      \
    WRITE_BASE_##mode;                                                                             \
    A64_NEXT (cpu, op);                                                                            \
  }
#define DEFINE_LOAD_ROW(id, mode, bits, type, put)                                                 \
  DEFINE_SLOW_LOAD (A64_SLOW slow_##id##_##mode, mode, bits, type, put)                            \
  void a64_interp_##id##_##mode (A64Cpu *cpu, const A64Op *op)                                     \
  {                                                                                                \
    const GuestVaddr va = ADDRESS_##mode;                                                          \
    const uint8_t *p = a64_tlb_lookup (cpu->ctx->rd, va, bits / 4);                                \
    if (!a64_sp_aligned (cpu) || p == NULL) {                                                      \
      slow_##id##_##mode (cpu, op);                                                                \
      return;                                                                                      \
    }                                                                                              \
    WRITE_BASE_##mode;                                                                             \
    put (op->rd, mem_load##bits (p));                                                              \
    put (op->ra, mem_load##bits (p + bits / 8));                                                   \
    A64_NEXT (cpu, op);                                                                            \
  }
#define DEFINE_STORE_ROW(id, mode, bits, type, get)                                                \
  DEFINE_SLOW_STORE (A64_SLOW slow_##id##_##mode, mode, bits, type, get)                           \
  void a64_interp_##id##_##mode (A64Cpu *cpu, const A64Op *op)                                     \
  {                                                                                                \
    const GuestVaddr va = ADDRESS_##mode;                                                          \
    uint8_t *p = a64_tlb_lookup (cpu->ctx->wr, va, bits / 4);                                      \
    if (!a64_sp_aligned (cpu) || p == NULL) {                                                      \
      slow_##id##_##mode (cpu, op);                                                                \
      return;                                                                                      \
    }                                                                                              \
    mem_store##bits (p, get (op->rd));                                                             \
    mem_store##bits (p + bits / 8, get (op->ra));                                                  \
    WRITE_BASE_##mode;                                                                             \
    A64_NEXT (cpu, op);                                                                            \
  }
#define DEFINE_MODES(define, id, bits, type, transfer)                                             \
  define (id, OFFSET, bits, type, transfer) define (id, PRE, bits, type, transfer)                 \
      define (id, POST, bits, type, transfer)

#define PUT_GENERAL(r, value) (cpu->x[r] = (value))
#define PUT_SIGNED(r, value)  (cpu->x[r] = (uint64_t) (int32_t) (value))
#define PUT_VECTOR(r, value)  (cpu->v[r].d[0] = (value), cpu->v[r].d[1] = 0)
#define PUT_QUAD(r, value)    (cpu->v[r] = (value))
#define GET_GENERAL(r)        (cpu->x[r])
#define GET_WORD(r)           ((uint32_t) cpu->x[r])
#define GET_VECTOR(r)         (cpu->v[r].d[0])
#define GET_SINGLE(r)         (cpu->v[r].s[0])
#define GET_QUAD(r)           (&cpu->v[r])

#define DEFINE_PAIRS(define, id, bits, type, transfer)                                             \
  DEFINE_MODES (define, id, bits, type, transfer)                                                  \
  define (id, NP, bits, type, transfer)
DEFINE_PAIRS (DEFINE_LOAD_ROW, LDP32, 32, uint32_t, PUT_GENERAL)
DEFINE_PAIRS (DEFINE_LOAD_ROW, LDP64, 64, uint64_t, PUT_GENERAL)
DEFINE_PAIRS (DEFINE_LOAD_ROW, LDPV32, 32, uint32_t, PUT_VECTOR)
DEFINE_PAIRS (DEFINE_LOAD_ROW, LDPV64, 64, uint64_t, PUT_VECTOR)
DEFINE_PAIRS (DEFINE_LOAD_ROW, LDPV128, 128, A64Vreg, PUT_QUAD)
DEFINE_MODES (DEFINE_LOAD_ROW, LDPS32X, 32, uint32_t, PUT_SIGNED)
DEFINE_PAIRS (DEFINE_STORE_ROW, STP32, 32, uint32_t, GET_WORD)
DEFINE_PAIRS (DEFINE_STORE_ROW, STP64, 64, uint64_t, GET_GENERAL)
DEFINE_PAIRS (DEFINE_STORE_ROW, STPV32, 32, uint32_t, GET_SINGLE)
DEFINE_PAIRS (DEFINE_STORE_ROW, STPV64, 64, uint64_t, GET_VECTOR)
DEFINE_PAIRS (DEFINE_STORE_ROW, STPV128, 128, A64Vreg, GET_QUAD)
