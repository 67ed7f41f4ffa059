// SPDX-License-Identifier: GPL-3.0-or-later
// Tier 0: loads and stores of one general or SIMD&FP register (Arm ARM C4.1.88, "Load/store
// register" and "Load register (literal)"). vCPU thread.
#include "engine/guest/aarch64/access.h"
#include "engine/guest/aarch64/interp.h"

// The address, and what becomes of the base register, in each addressing mode.
#define ADDRESS_UIMM     (cpu->x[op->rn] + (uint64_t) op->imm)
#define ADDRESS_UNSCALED ADDRESS_UIMM
#define ADDRESS_UNPRIV   ADDRESS_UIMM
#define ADDRESS_PRE      ADDRESS_UIMM
#define ADDRESS_POST     (cpu->x[op->rn])
#define ADDRESS_REG      (cpu->x[op->rn] + (cpu->x[op->rm] << op->aux[0]))
#define ADDRESS_UXTW     (cpu->x[op->rn] + ((uint64_t) (uint32_t) cpu->x[op->rm] << op->aux[0]))
#define ADDRESS_SXTW     (cpu->x[op->rn] + ((uint64_t) (int32_t) cpu->x[op->rm] << op->aux[0]))
#define ADDRESS_LITERAL  (a64_op_pc (cpu, op) + (uint64_t) op->imm)

#define WRITE_BASE_UIMM     ((void) 0)
#define WRITE_BASE_UNSCALED ((void) 0)
#define WRITE_BASE_UNPRIV   ((void) 0)
#define WRITE_BASE_PRE      (cpu->x[op->rn] = va)
#define WRITE_BASE_POST     (cpu->x[op->rn] = va + (uint64_t) op->imm)
#define WRITE_BASE_REG      ((void) 0)
#define WRITE_BASE_UXTW     ((void) 0)
#define WRITE_BASE_SXTW     ((void) 0)
#define WRITE_BASE_LITERAL  ((void) 0)

// LDTR and STTR: as EL0 would, unless PSTATE.UAO.
#define DEFINE_UNPRIVILEGED(bits)                                                                  \
  static inline bool unprivileged_load##bits (A64Cpu *cpu, const A64Op *op, GuestVaddr va,         \
                                              uint##bits##_t *value)                               \
  {                                                                                                \
    const A64TlbContext *ctx = cpu->pstate.uao ? cpu->ctx : cpu->ctx_el0;                          \
    const void *p = a64_tlb_lookup (ctx->rd, va, bits / 8);                                        \
    if (__builtin_expect (p != NULL, 1)) {                                                         \
      *value = mem_load##bits (p);                                                                 \
      return true;                                                                                 \
    }                                                                                              \
    if (!a64_load_slow (cpu, op, va, bits / 8, A64_ACC_UNPRIV, cpu->access_data))                  \
      return false;                                                                                \
    memcpy (value, cpu->access_data, sizeof *value);                                               \
    return true;                                                                                   \
  }                                                                                                \
  static inline bool unprivileged_store##bits (A64Cpu *cpu, const A64Op *op, GuestVaddr va,        \
                                               uint##bits##_t value)                               \
  {                                                                                                \
    const A64TlbContext *ctx = cpu->pstate.uao ? cpu->ctx : cpu->ctx_el0;                          \
    void *p = a64_tlb_lookup (ctx->wr, va, bits / 8);                                              \
    if (__builtin_expect (p != NULL, 1)) {                                                         \
      mem_store##bits (p, value);                                                                  \
      return true;                                                                                 \
    }                                                                                              \
    memcpy (cpu->access_data, &value, sizeof value);                                               \
    return a64_store_slow (cpu, op, va, bits / 8, A64_ACC_UNPRIV, cpu->access_data);               \
  }
DEFINE_UNPRIVILEGED (8)
DEFINE_UNPRIVILEGED (16)
DEFINE_UNPRIVILEGED (32)
DEFINE_UNPRIVILEGED (64)

// One row: `extend` is the casts that make a register of the value in memory. The base is written
// first: LDR X0, [X0], #8 may leave any value, and leaves the loaded one.
#define DEFINE_LOAD_HANDLER(head, mode, load, bits, extend)                                        \
  head (A64Cpu *cpu, const A64Op *op)                                                              \
  {                                                                                                \
    const GuestVaddr va = ADDRESS_##mode;                                                          \
    uint##bits##_t value;                                                                          \
    if (!a64_base_ok (cpu, op) || !load##bits (cpu, op, va, &value))                               \
      return;                                                                                      \
    WRITE_BASE_##mode;                                                                             \
    cpu->x[op->rd] = extend value;                                                                 \
    A64_NEXT (cpu, op);                                                                            \
  }
#define DEFINE_STORE_HANDLER(head, mode, store, bits)                                              \
  head (A64Cpu *cpu, const A64Op *op)                                                              \
  {                                                                                                \
    const GuestVaddr va = ADDRESS_##mode;                                                          \
    if (!a64_base_ok (cpu, op) || !store##bits (cpu, op, va, (uint##bits##_t) cpu->x[op->rd]))     \
      return;                                                                                      \
    WRITE_BASE_##mode;                                                                             \
    A64_NEXT (cpu, op);                                                                            \
  }
// The row's handler does the usual case: SP aligned and a hit in the TLB.
#define DEFINE_LOAD_ROW(id, mode, bits, extend)                                                    \
  DEFINE_LOAD_HANDLER (A64_SLOW slow_##id##_##mode, mode, a64_load, bits, extend)                  \
  void a64_interp_##id##_##mode (A64Cpu *cpu, const A64Op *op)                                     \
  {                                                                                                \
    const GuestVaddr va = ADDRESS_##mode;                                                          \
    const void *p = a64_tlb_lookup (cpu->ctx->rd, va, bits / 8);                                   \
    if (!a64_sp_aligned (cpu) || p == NULL) {                                                      \
      slow_##id##_##mode (cpu, op);                                                                \
      return;                                                                                      \
    }                                                                                              \
    WRITE_BASE_##mode;                                                                             \
    cpu->x[op->rd] = extend mem_load##bits (p);                                                    \
    A64_NEXT (cpu, op);                                                                            \
  }
#define DEFINE_STORE_ROW(id, mode, bits)                                                           \
  DEFINE_STORE_HANDLER (A64_SLOW slow_##id##_##mode, mode, a64_store, bits)                        \
  void a64_interp_##id##_##mode (A64Cpu *cpu, const A64Op *op)                                     \
  {                                                                                                \
    const GuestVaddr va = ADDRESS_##mode;                                                          \
    void *p = a64_tlb_lookup (cpu->ctx->wr, va, bits / 8);                                         \
    if (!a64_sp_aligned (cpu) || p == NULL) {                                                      \
      slow_##id##_##mode (cpu, op);                                                                \
      return;                                                                                      \
    }                                                                                              \
    mem_store##bits (p, (uint##bits##_t) cpu->x[op->rd]);                                          \
    WRITE_BASE_##mode;                                                                             \
    A64_NEXT (cpu, op);                                                                            \
  }

#define DEFINE_LOAD(id, bits, extend)                                                              \
  DEFINE_LOAD_ROW (id, UIMM, bits, extend)                                                         \
  DEFINE_LOAD_ROW (id, UNSCALED, bits, extend)                                                     \
  DEFINE_LOAD_ROW (id, POST, bits, extend)                                                         \
  DEFINE_LOAD_ROW (id, PRE, bits, extend)                                                          \
  DEFINE_LOAD_ROW (id, REG, bits, extend)                                                          \
  DEFINE_LOAD_ROW (id, UXTW, bits, extend)                                                         \
  DEFINE_LOAD_ROW (id, SXTW, bits, extend)                                                         \
  DEFINE_LOAD_HANDLER (void a64_interp_##id##_UNPRIV, UNPRIV, unprivileged_load, bits, extend)
#define DEFINE_STORE(id, bits)                                                                     \
  DEFINE_STORE_ROW (id, UIMM, bits)                                                                \
  DEFINE_STORE_ROW (id, UNSCALED, bits)                                                            \
  DEFINE_STORE_ROW (id, POST, bits)                                                                \
  DEFINE_STORE_ROW (id, PRE, bits)                                                                 \
  DEFINE_STORE_ROW (id, REG, bits)                                                                 \
  DEFINE_STORE_ROW (id, UXTW, bits)                                                                \
  DEFINE_STORE_ROW (id, SXTW, bits)                                                                \
  DEFINE_STORE_HANDLER (void a64_interp_##id##_UNPRIV, UNPRIV, unprivileged_store, bits)

DEFINE_STORE (STR8, 8)
DEFINE_STORE (STR16, 16)
DEFINE_STORE (STR32, 32)
DEFINE_STORE (STR64, 64)
DEFINE_LOAD (LDR8, 8, )
DEFINE_LOAD (LDR16, 16, )
DEFINE_LOAD (LDR32, 32, )
DEFINE_LOAD (LDR64, 64, )
DEFINE_LOAD (LDRS8X, 8, (uint64_t) (int8_t))
DEFINE_LOAD (LDRS16X, 16, (uint64_t) (int16_t))
DEFINE_LOAD (LDRS32X, 32, (uint64_t) (int32_t))
DEFINE_LOAD (LDRS8W, 8, (uint32_t) (int8_t))
DEFINE_LOAD (LDRS16W, 16, (uint32_t) (int16_t))
DEFINE_LOAD_ROW (LDR32, LITERAL, 32, )
DEFINE_LOAD_ROW (LDR64, LITERAL, 64, )
DEFINE_LOAD_ROW (LDRS32X, LITERAL, 32, (uint64_t) (int32_t))

// SIMD&FP registers; a load clears the rest of the register.
#define GET_VECTOR(r, bits)        ((uint##bits##_t) cpu->v[r].d[0])
#define PUT_VECTOR(r, bits, value) (cpu->v[r].d[0] = (value), cpu->v[r].d[1] = 0)
#define DEFINE_VECTOR_LOAD_ROW(id, mode, bits)                                                     \
  A64_SLOW slow_##id##_##mode (A64Cpu *cpu, const A64Op *op)                                       \
  {                                                                                                \
    const GuestVaddr va = ADDRESS_##mode;                                                          \
    uint##bits##_t value;                                                                          \
    if (!a64_base_ok (cpu, op) || !a64_load##bits (cpu, op, va, &value))                           \
      return;                                                                                      \
    WRITE_BASE_##mode;                                                                             \
    PUT_VECTOR (op->rd, bits, value);                                                              \
    A64_NEXT (cpu, op);                                                                            \
  }                                                                                                \
  void a64_interp_##id##_##mode (A64Cpu *cpu, const A64Op *op)                                     \
  {                                                                                                \
    const GuestVaddr va = ADDRESS_##mode;                                                          \
    const void *p = a64_tlb_lookup (cpu->ctx->rd, va, bits / 8);                                   \
    if (!a64_sp_aligned (cpu) || p == NULL) {                                                      \
      slow_##id##_##mode (cpu, op);                                                                \
      return;                                                                                      \
    }                                                                                              \
    WRITE_BASE_##mode;                                                                             \
    PUT_VECTOR (op->rd, bits, mem_load##bits (p));                                                 \
    A64_NEXT (cpu, op);                                                                            \
  }
#define DEFINE_VECTOR_STORE_ROW(id, mode, bits)                                                    \
  A64_SLOW slow_##id##_##mode (A64Cpu *cpu, const A64Op *op)                                       \
  {                                                                                                \
    const GuestVaddr va = ADDRESS_##mode;                                                          \
    if (!a64_base_ok (cpu, op) || !a64_store##bits (cpu, op, va, GET_VECTOR (op->rd, bits)))       \
      return;                                                                                      \
    WRITE_BASE_##mode;                                                                             \
    A64_NEXT (cpu, op);                                                                            \
  }                                                                                                \
  void a64_interp_##id##_##mode (A64Cpu *cpu, const A64Op *op)                                     \
  {                                                                                                \
    const GuestVaddr va = ADDRESS_##mode;                                                          \
    void *p = a64_tlb_lookup (cpu->ctx->wr, va, bits / 8);                                         \
    if (!a64_sp_aligned (cpu) || p == NULL) {                                                      \
      slow_##id##_##mode (cpu, op);                                                                \
      return;                                                                                      \
    }                                                                                              \
    mem_store##bits (p, GET_VECTOR (op->rd, bits));                                                \
    WRITE_BASE_##mode;                                                                             \
    A64_NEXT (cpu, op);                                                                            \
  }
#define DEFINE_QUAD_LOAD_ROW(id, mode, bits)                                                       \
  A64_SLOW slow_##id##_##mode (A64Cpu *cpu, const A64Op *op)                                       \
  {                                                                                                \
    const GuestVaddr va = ADDRESS_##mode;                                                          \
    if (!a64_base_ok (cpu, op) || !a64_load128 (cpu, op, va, &cpu->v[op->rd]))                     \
      return;                                                                                      \
    WRITE_BASE_##mode;                                                                             \
    A64_NEXT (cpu, op);                                                                            \
  }                                                                                                \
  void a64_interp_##id##_##mode (A64Cpu *cpu, const A64Op *op)                                     \
  {                                                                                                \
    const GuestVaddr va = ADDRESS_##mode;                                                          \
    const uint8_t *p = a64_tlb_lookup (cpu->ctx->rd, va, 16);                                      \
    if (!a64_sp_aligned (cpu) || p == NULL) {                                                      \
      slow_##id##_##mode (cpu, op);                                                                \
      return;                                                                                      \
    }                                                                                              \
    WRITE_BASE_##mode;                                                                             \
    cpu->v[op->rd].d[0] = mem_load64 (p);                                                          \
    cpu->v[op->rd].d[1] = mem_load64 (p + 8);                                                      \
    A64_NEXT (cpu, op);                                                                            \
  }
#define DEFINE_QUAD_STORE_ROW(id, mode, bits)                                                      \
  A64_SLOW slow_##id##_##mode (A64Cpu *cpu, const A64Op *op)                                       \
  {                                                                                                \
    const GuestVaddr va = ADDRESS_##mode;                                                          \
    if (!a64_base_ok (cpu, op) || !a64_store128 (cpu, op, va, &cpu->v[op->rd]))                    \
      return;                                                                                      \
    WRITE_BASE_##mode;                                                                             \
    A64_NEXT (cpu, op);                                                                            \
  }                                                                                                \
  void a64_interp_##id##_##mode (A64Cpu *cpu, const A64Op *op)                                     \
  {                                                                                                \
    const GuestVaddr va = ADDRESS_##mode;                                                          \
    uint8_t *p = a64_tlb_lookup (cpu->ctx->wr, va, 16);                                            \
    if (!a64_sp_aligned (cpu) || p == NULL) {                                                      \
      slow_##id##_##mode (cpu, op);                                                                \
      return;                                                                                      \
    }                                                                                              \
    mem_store64 (p, cpu->v[op->rd].d[0]);                                                          \
    mem_store64 (p + 8, cpu->v[op->rd].d[1]);                                                      \
    WRITE_BASE_##mode;                                                                             \
    A64_NEXT (cpu, op);                                                                            \
  }
#define DEFINE_VECTOR(define, id, bits)                                                            \
  define (id, UIMM, bits) define (id, UNSCALED, bits) define (id, POST, bits)                      \
      define (id, PRE, bits) define (id, REG, bits) define (id, UXTW, bits)                        \
          define (id, SXTW, bits)

DEFINE_VECTOR (DEFINE_VECTOR_STORE_ROW, STRV8, 8)
DEFINE_VECTOR (DEFINE_VECTOR_STORE_ROW, STRV16, 16)
DEFINE_VECTOR (DEFINE_VECTOR_STORE_ROW, STRV32, 32)
DEFINE_VECTOR (DEFINE_VECTOR_STORE_ROW, STRV64, 64)
DEFINE_VECTOR (DEFINE_QUAD_STORE_ROW, STRV128, 128)
DEFINE_VECTOR (DEFINE_VECTOR_LOAD_ROW, LDRV8, 8)
DEFINE_VECTOR (DEFINE_VECTOR_LOAD_ROW, LDRV16, 16)
DEFINE_VECTOR (DEFINE_VECTOR_LOAD_ROW, LDRV32, 32)
DEFINE_VECTOR (DEFINE_VECTOR_LOAD_ROW, LDRV64, 64)
DEFINE_VECTOR (DEFINE_QUAD_LOAD_ROW, LDRV128, 128)
DEFINE_VECTOR_LOAD_ROW (LDRV32, LITERAL, 32)
DEFINE_VECTOR_LOAD_ROW (LDRV64, LITERAL, 64)
DEFINE_QUAD_LOAD_ROW (LDRV128, LITERAL, 128)

// Prefetches: hints that neither access memory nor fault.
#define DEFINE_PREFETCH(mode)                                                                      \
  void a64_interp_PRFM_##mode (A64Cpu *cpu, const A64Op *op)                                       \
  {                                                                                                \
    A64_NEXT (cpu, op);                                                                            \
  }
DEFINE_PREFETCH (UIMM)
DEFINE_PREFETCH (UNSCALED)
DEFINE_PREFETCH (REG)
DEFINE_PREFETCH (LITERAL)
