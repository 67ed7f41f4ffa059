// SPDX-License-Identifier: GPL-3.0-or-later
// Tier 0: exclusives, load-acquire and store-release, and the atomics of FEAT_LSE (Arm ARM C4.1.88;
// B2.9 for exclusives, B2.3 for ordering). All want their size's alignment: FEAT_LSE2 is not
// advertised. vCPU thread.
//
// Atomics are sequentially consistent on the host whatever their acquire and release bits say.
// Loads that acquire have a fence after them, which costs nothing on x86; stores that release have
// one before and, so that a later load-acquire does not overtake them, a full one after.
#include "engine/guest/aarch64/access.h"
#include "engine/guest/aarch64/atomic128.h"
#include "engine/guest/aarch64/interp.h"

// Exclusives. `size` is that of both registers in the pair forms. The monitor remembers where and
// what was loaded, and the store succeeds if the same value is still there.
static bool
load_exclusive (A64Cpu *cpu, const A64Op *op, unsigned size)
{
  A64Exclusive *excl = &cpu->excl;
  void *p;

  if (!a64_base_ok (cpu, op))
    return false;
  GuestAddr pa;
  p = a64_rmw_ptr (cpu, op, cpu->x[op->rn], size, A64_ACC_ALIGNED, &pa);
  excl->valid = p != NULL;
  excl->host = p;
  if (p == NULL)
    return false;
  excl->size_bytes = (uint8_t) size;
  excl->value[1] = 0;
  switch (size) {
  case 1:
    excl->value[0] = mem_load8 (p);
    break;
  case 2:
    excl->value[0] = mem_load16 (p);
    break;
  case 4:
    excl->value[0] = mem_load32 (p);
    break;
  default:
    excl->value[0] = mem_load64 (p);
    if (size == 16)
      excl->value[1] = mem_load64 ((uint8_t *) p + 8);
  }
  atomic_thread_fence (memory_order_acquire);
  return true;
}

static bool
replace_exclusive (void *p, unsigned size, uint64_t expected[2], const uint64_t desired[2])
{
  uint8_t e8 = (uint8_t) expected[0];
  uint16_t e16 = (uint16_t) expected[0];
  uint32_t e32 = (uint32_t) expected[0];

  switch (size) {
  case 1:
    return __atomic_compare_exchange_n ((uint8_t *) p, &e8, (uint8_t) desired[0], false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
  case 2:
    return __atomic_compare_exchange_n ((uint16_t *) p, &e16, (uint16_t) desired[0], false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
  case 4:
    return __atomic_compare_exchange_n ((uint32_t *) p, &e32, (uint32_t) desired[0], false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
  case 8:
    return __atomic_compare_exchange_n ((uint64_t *) p, expected, desired[0], false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
  default:
    return a64_compare_swap_128 (p, expected, desired);
  }
}

// A store without the monitor's leave accesses no memory, and so raises no abort.
static bool
store_exclusive (A64Cpu *cpu, const A64Op *op, unsigned size, uint64_t low, uint64_t high)
{
  A64Exclusive *excl = &cpu->excl;
  const uint64_t desired[2] = {low, high};
  bool stored = false;

  if (!a64_base_ok (cpu, op))
    return false;
  if (excl->valid && excl->size_bytes == size) {
    GuestAddr pa;
    void *p = a64_rmw_ptr (cpu, op, cpu->x[op->rn], size, A64_ACC_STORE | A64_ACC_ALIGNED, &pa);

    excl->valid = false;
    if (p == NULL)
      return false;
    if (p == excl->host)
      stored = replace_exclusive (p, size, excl->value, desired);
  }
  excl->valid = false;
  cpu->x[op->rm] = !stored;
  return true;
}

#define DEFINE_EXCLUSIVES(bits)                                                                    \
  void a64_interp_LDXR##bits (A64Cpu *cpu, const A64Op *op)                                        \
  {                                                                                                \
    if (!load_exclusive (cpu, op, bits / 8))                                                       \
      return;                                                                                      \
    cpu->x[op->rd] = cpu->excl.value[0];                                                           \
    A64_NEXT (cpu, op);                                                                            \
  }                                                                                                \
  void a64_interp_STXR##bits (A64Cpu *cpu, const A64Op *op)                                        \
  {                                                                                                \
    if (!store_exclusive (cpu, op, bits / 8, cpu->x[op->rd], 0))                                   \
      return;                                                                                      \
    A64_NEXT (cpu, op);                                                                            \
  }
DEFINE_EXCLUSIVES (8)
DEFINE_EXCLUSIVES (16)
DEFINE_EXCLUSIVES (32)
DEFINE_EXCLUSIVES (64)

void
a64_interp_LDXP32 (A64Cpu *cpu, const A64Op *op)
{
  if (!load_exclusive (cpu, op, 8))
    return;
  cpu->x[op->rd] = (uint32_t) cpu->excl.value[0];
  cpu->x[op->ra] = cpu->excl.value[0] >> 32;
  A64_NEXT (cpu, op);
}

void
a64_interp_LDXP64 (A64Cpu *cpu, const A64Op *op)
{
  if (!load_exclusive (cpu, op, 16))
    return;
  cpu->x[op->rd] = cpu->excl.value[0];
  cpu->x[op->ra] = cpu->excl.value[1];
  A64_NEXT (cpu, op);
}

void
a64_interp_STXP32 (A64Cpu *cpu, const A64Op *op)
{
  if (!store_exclusive (cpu, op, 8, (uint32_t) cpu->x[op->rd] | cpu->x[op->ra] << 32, 0))
    return;
  A64_NEXT (cpu, op);
}

void
a64_interp_STXP64 (A64Cpu *cpu, const A64Op *op)
{
  if (!store_exclusive (cpu, op, 16, cpu->x[op->rd], cpu->x[op->ra]))
    return;
  A64_NEXT (cpu, op);
}

// Load-acquire and store-release.
#define DEFINE_ORDERED_ACCESS(bits)                                                                \
  static inline bool load_acquire##bits (A64Cpu *cpu, const A64Op *op, GuestVaddr va,              \
                                         uint##bits##_t *value)                                    \
  {                                                                                                \
    if (__builtin_expect ((va & (bits / 8 - 1)) != 0, 0)) {                                        \
      if (!a64_load_slow (cpu, op, va, bits / 8, A64_ACC_ALIGNED, cpu->access_data))               \
        return false;                                                                              \
      memcpy (value, cpu->access_data, sizeof *value);                                             \
    } else if (!a64_load##bits (cpu, op, va, value)) {                                             \
      return false;                                                                                \
    }                                                                                              \
    atomic_thread_fence (memory_order_acquire);                                                    \
    return true;                                                                                   \
  }                                                                                                \
  static inline bool store_release##bits (A64Cpu *cpu, const A64Op *op, GuestVaddr va,             \
                                          uint##bits##_t value)                                    \
  {                                                                                                \
    atomic_thread_fence (memory_order_release);                                                    \
    if (__builtin_expect ((va & (bits / 8 - 1)) != 0, 0)) {                                        \
      memcpy (cpu->access_data, &value, sizeof value);                                             \
      if (!a64_store_slow (cpu, op, va, bits / 8, A64_ACC_ALIGNED, cpu->access_data))              \
        return false;                                                                              \
    } else if (!a64_store##bits (cpu, op, va, value)) {                                            \
      return false;                                                                                \
    }                                                                                              \
    atomic_thread_fence (memory_order_seq_cst);                                                    \
    return true;                                                                                   \
  }
DEFINE_ORDERED_ACCESS (8)
DEFINE_ORDERED_ACCESS (16)
DEFINE_ORDERED_ACCESS (32)
DEFINE_ORDERED_ACCESS (64)

// imm is the offset of LDAPUR and STLUR, 0 in the others.
#define DEFINE_ACQUIRE(id, bits, extend)                                                           \
  void a64_interp_##id (A64Cpu *cpu, const A64Op *op)                                              \
  {                                                                                                \
    uint##bits##_t value;                                                                          \
    if (!a64_base_ok (cpu, op) ||                                                                  \
        !load_acquire##bits (cpu, op, cpu->x[op->rn] + (uint64_t) op->imm, &value))                \
      return;                                                                                      \
    cpu->x[op->rd] = extend value;                                                                 \
    A64_NEXT (cpu, op);                                                                            \
  }
#define DEFINE_RELEASE(id, bits)                                                                   \
  void a64_interp_##id (A64Cpu *cpu, const A64Op *op)                                              \
  {                                                                                                \
    if (!a64_base_ok (cpu, op) ||                                                                  \
        !store_release##bits (cpu, op, cpu->x[op->rn] + (uint64_t) op->imm,                        \
                              (uint##bits##_t) cpu->x[op->rd]))                                    \
      return;                                                                                      \
    A64_NEXT (cpu, op);                                                                            \
  }
#define DEFINE_ORDERED(bits)                                                                       \
  DEFINE_ACQUIRE (LDAR##bits, bits, )                                                              \
  DEFINE_ACQUIRE (LDAPR##bits, bits, )                                                             \
  DEFINE_ACQUIRE (LDAPUR##bits, bits, )                                                            \
  DEFINE_RELEASE (STLR##bits, bits)                                                                \
  DEFINE_RELEASE (STLUR##bits, bits)
DEFINE_ORDERED (8)
DEFINE_ORDERED (16)
DEFINE_ORDERED (32)
DEFINE_ORDERED (64)
DEFINE_ACQUIRE (LDAPURS8X, 8, (uint64_t) (int8_t))
DEFINE_ACQUIRE (LDAPURS16X, 16, (uint64_t) (int16_t))
DEFINE_ACQUIRE (LDAPURS32X, 32, (uint64_t) (int32_t))
DEFINE_ACQUIRE (LDAPURS8W, 8, (uint32_t) (int8_t))
DEFINE_ACQUIRE (LDAPURS16W, 16, (uint32_t) (int16_t))

// FEAT_LSE: read, modify, write.
static inline void *
atomic_operand (A64Cpu *cpu, const A64Op *op, unsigned size)
{
  GuestAddr pa;

  if (!a64_base_ok (cpu, op))
    return NULL;
  return a64_rmw_ptr (cpu, op, cpu->x[op->rn], size,
                      A64_ACC_STORE | A64_ACC_ATOMIC | A64_ACC_ALIGNED, &pa);
}

// Maximum and minimum have no host instruction.
#define DEFINE_CHOOSE(name, type, word, relation)                                                  \
  static inline word name (word *p, word operand)                                                  \
  {                                                                                                \
    word old = __atomic_load_n (p, __ATOMIC_RELAXED);                                              \
    word chosen;                                                                                   \
    do                                                                                             \
      chosen = (type) old relation (type) operand ? old : operand;                                 \
    while (!__atomic_compare_exchange_n (p, &old, chosen, false, __ATOMIC_SEQ_CST,                 \
                                         __ATOMIC_SEQ_CST));                                       \
    return old;                                                                                    \
  }

#define FETCH_ADD(p, v)   __atomic_fetch_add (p, v, __ATOMIC_SEQ_CST)
#define FETCH_CLEAR(p, v) __atomic_fetch_and (p, ~(v), __ATOMIC_SEQ_CST)
#define FETCH_EOR(p, v)   __atomic_fetch_xor (p, v, __ATOMIC_SEQ_CST)
#define FETCH_SET(p, v)   __atomic_fetch_or (p, v, __ATOMIC_SEQ_CST)
#define EXCHANGE(p, v)    __atomic_exchange_n (p, v, __ATOMIC_SEQ_CST)

#define DEFINE_ATOMIC(id, bits, fetch)                                                             \
  void a64_interp_##id##bits (A64Cpu *cpu, const A64Op *op)                                        \
  {                                                                                                \
    uint##bits##_t *p = atomic_operand (cpu, op, bits / 8);                                        \
    if (p == NULL)                                                                                 \
      return;                                                                                      \
    cpu->x[op->rd] = fetch (p, (uint##bits##_t) cpu->x[op->rm]);                                   \
    A64_NEXT (cpu, op);                                                                            \
  }
#define DEFINE_COMPARE_SWAP(bits)                                                                  \
  void a64_interp_CAS##bits (A64Cpu *cpu, const A64Op *op)                                         \
  {                                                                                                \
    uint##bits##_t *p = atomic_operand (cpu, op, bits / 8);                                        \
    uint##bits##_t old = (uint##bits##_t) cpu->x[op->rm];                                          \
    if (p == NULL)                                                                                 \
      return;                                                                                      \
    __atomic_compare_exchange_n (p, &old, (uint##bits##_t) cpu->x[op->rd], false,                  \
                                 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                              \
    cpu->x[op->ra] = old;                                                                          \
    A64_NEXT (cpu, op);                                                                            \
  }
#define DEFINE_LSE(bits)                                                                           \
  DEFINE_CHOOSE (fetch_smax##bits, int##bits##_t, uint##bits##_t, >)                               \
  DEFINE_CHOOSE (fetch_smin##bits, int##bits##_t, uint##bits##_t, <)                               \
  DEFINE_CHOOSE (fetch_umax##bits, uint##bits##_t, uint##bits##_t, >)                              \
  DEFINE_CHOOSE (fetch_umin##bits, uint##bits##_t, uint##bits##_t, <)                              \
  DEFINE_ATOMIC (LDADD, bits, FETCH_ADD)                                                           \
  DEFINE_ATOMIC (LDCLR, bits, FETCH_CLEAR)                                                         \
  DEFINE_ATOMIC (LDEOR, bits, FETCH_EOR)                                                           \
  DEFINE_ATOMIC (LDSET, bits, FETCH_SET)                                                           \
  DEFINE_ATOMIC (LDSMAX, bits, fetch_smax##bits)                                                   \
  DEFINE_ATOMIC (LDSMIN, bits, fetch_smin##bits)                                                   \
  DEFINE_ATOMIC (LDUMAX, bits, fetch_umax##bits)                                                   \
  DEFINE_ATOMIC (LDUMIN, bits, fetch_umin##bits)                                                   \
  DEFINE_ATOMIC (SWP, bits, EXCHANGE)                                                              \
  DEFINE_COMPARE_SWAP (bits)
DEFINE_LSE (8)
DEFINE_LSE (16)
DEFINE_LSE (32)
DEFINE_LSE (64)

// Compare and swap of pairs: rd, aux[0] the new values; rm, aux[1] the expected; ra, aux[2] where
// the old ones go.
static uint64_t
pack_words (const A64Cpu *cpu, unsigned low, unsigned high)
{
  return (uint32_t) cpu->x[low] | cpu->x[high] << 32;
}

void
a64_interp_CASP32 (A64Cpu *cpu, const A64Op *op)
{
  uint64_t *p = atomic_operand (cpu, op, 8);
  uint64_t old = pack_words (cpu, op->rm, op->aux[1]);

  if (p == NULL)
    return;
  __atomic_compare_exchange_n (p, &old, pack_words (cpu, op->rd, op->aux[0]), false,
                               __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
  cpu->x[op->ra] = (uint32_t) old;
  cpu->x[op->aux[2]] = old >> 32;
  A64_NEXT (cpu, op);
}

void
a64_interp_CASP64 (A64Cpu *cpu, const A64Op *op)
{
  uint64_t *p = atomic_operand (cpu, op, 16);
  uint64_t old[2] = {cpu->x[op->rm], cpu->x[op->aux[1]]};
  const uint64_t new[2] = {cpu->x[op->rd], cpu->x[op->aux[0]]};

  if (p == NULL)
    return;
  a64_compare_swap_128 (p, old, new);
  cpu->x[op->ra] = old[0];
  cpu->x[op->aux[2]] = old[1];
  A64_NEXT (cpu, op);
}
