// SPDX-License-Identifier: GPL-3.0-or-later
// Advanced SIMD structure loads and stores, LD1 to LD4, ST1 to ST4 (Arm ARM C4.1.88, C7.2). vCPU
// thread.
//
// Where all of the memory is behind one entry of the TLB it is taken at once. Otherwise element by
// element, as the architecture defines the instruction: each is aligned, atomic and faults on its
// own. Loads gather everything before they write registers; a store that faults may have stored
// the elements before.
#include "engine/guest/aarch64/access.h"
#include "engine/guest/aarch64/interp-simd.h"

// Up to four registers' worth of memory, in the order of memory.
typedef union Staged {
  uint64_t d[8];
  A64Vreg v[4];
} Staged;

static inline void
write_back (A64Cpu *cpu, const A64Op *op)
{
  cpu->x[op->rn] += (uint64_t) op->imm + cpu->x[op->rm];
}

static inline A64Vreg *
nth_register (A64Cpu *cpu, const A64Op *op, unsigned n)
{
  return &cpu->v[(op->rd + n) % 32];
}

static inline bool
load_element (A64Cpu *cpu, const A64Op *op, GuestVaddr va, unsigned size, uint64_t *value)
{
  uint8_t b;
  uint16_t h;
  uint32_t s;
  bool ok;

  switch (size) {
  case 0:
    ok = a64_load8 (cpu, op, va, &b);
    *value = ok ? b : 0;
    return ok;
  case 1:
    ok = a64_load16 (cpu, op, va, &h);
    *value = ok ? h : 0;
    return ok;
  case 2:
    ok = a64_load32 (cpu, op, va, &s);
    *value = ok ? s : 0;
    return ok;
  default:
    return a64_load64 (cpu, op, va, value);
  }
}

static inline bool
store_element (A64Cpu *cpu, const A64Op *op, GuestVaddr va, unsigned size, uint64_t value)
{
  switch (size) {
  case 0:
    return a64_store8 (cpu, op, va, (uint8_t) value);
  case 1:
    return a64_store16 (cpu, op, va, (uint16_t) value);
  case 2:
    return a64_store32 (cpu, op, va, (uint32_t) value);
  default:
    return a64_store64 (cpu, op, va, value);
  }
}

// All elements, each with an access of its own.
static bool
load_by_elements (A64Cpu *cpu, const A64Op *op, Staged *staged)
{
  unsigned size = op->aux[0], count = op->aux[1] * op->aux[2] >> size;

  for (unsigned i = 0; i < count; i++) {
    uint64_t value;
    if (!load_element (cpu, op, cpu->x[op->rn] + ((uint64_t) i << size), size, &value))
      return false;
    memcpy ((uint8_t *) staged + (i << size), &value, 1u << size);
  }
  return true;
}

static bool
store_by_elements (A64Cpu *cpu, const A64Op *op, const Staged *staged)
{
  unsigned size = op->aux[0], count = op->aux[1] * op->aux[2] >> size;

  for (unsigned i = 0; i < count; i++) {
    uint64_t value = 0;
    memcpy (&value, (const uint8_t *) staged + (i << size), 1u << size);
    if (!store_element (cpu, op, cpu->x[op->rn] + ((uint64_t) i << size), size, value))
      return false;
  }
  return true;
}

// Between memory, whose host address is p, and n registers. -------------------------------------

// Without structures: one register after the other.
static inline void
load_plain (A64Cpu *cpu, const A64Op *op, const uint8_t *p, unsigned n)
{
  for (unsigned i = 0; i < n; i++) {
    A64Vreg v = {.d = {mem_load64 (p), 0}};
    if (op->aux[1] == 16)
      v.d[1] = mem_load64 (p + 8);
    *nth_register (cpu, op, i) = v;
    p += op->aux[1];
  }
}

static inline void
store_plain (A64Cpu *cpu, const A64Op *op, uint8_t *p, unsigned n)
{
  for (unsigned i = 0; i < n; i++) {
    const A64Vreg *v = nth_register (cpu, op, i);
    mem_store64 (p, v->d[0]);
    if (op->aux[1] == 16)
      mem_store64 (p + 8, v->d[1]);
    p += op->aux[1];
  }
}

#define STRUCTURE_SIZES(LOOP)                                                                      \
  switch (op->aux[0]) {                                                                            \
  case 0:                                                                                          \
    LOOP (uint8_t)                                                                                 \
    break;                                                                                         \
  case 1:                                                                                          \
    LOOP (uint16_t)                                                                                \
    break;                                                                                         \
  case 2:                                                                                          \
    LOOP (uint32_t)                                                                                \
    break;                                                                                         \
  default:                                                                                         \
    LOOP (uint64_t)                                                                                \
    break;                                                                                         \
  }

// Structures of n elements, one for each register. With 8-byte registers, the lanes beyond are
// dropped.
static inline void
load_structures (A64Cpu *cpu, const A64Op *op, const uint8_t *p, unsigned n)
{
  Staged staged = {.d = {0}};
  A64Vreg r[4];

  for (unsigned i = 0; i < op->aux[1] * n / 8; i++)
    staged.d[i] = mem_load64 (p + 8 * i);
#define TAKE_APART(U)                                                                              \
  for (unsigned i = 0; i < sizeof (A64Vreg) / sizeof (U); i++) {                                   \
    for (unsigned k = 0; k < n; k++)                                                               \
      ((U *) &r[k])[i] = ((const U *) &staged)[i * n + k];                                         \
  }
  STRUCTURE_SIZES (TAKE_APART)
#undef TAKE_APART
  for (unsigned k = 0; k < n; k++)
    *nth_register (cpu, op, k) = a64_v_low (r[k], op->aux[1]);
}

static inline void
store_structures (A64Cpu *cpu, const A64Op *op, uint8_t *p, unsigned n)
{
  Staged staged;
  A64Vreg r[4];

  for (unsigned k = 0; k < n; k++)
    r[k] = *nth_register (cpu, op, k);
#define PUT_TOGETHER(U)                                                                            \
  for (unsigned i = 0; i < sizeof (A64Vreg) / sizeof (U); i++) {                                   \
    for (unsigned k = 0; k < n; k++)                                                               \
      ((U *) &staged)[i * n + k] = ((const U *) &r[k])[i];                                         \
  }
  STRUCTURE_SIZES (PUT_TOGETHER)
#undef PUT_TOGETHER
  for (unsigned i = 0; i < op->aux[1] * n / 8; i++)
    mem_store64 (p + 8 * i, staged.d[i]);
}

// Multiple structures. The slow functions are no part of the handlers, so that nothing of those
// has its address taken.

#define LOAD_MULTIPLE(ID, load, n)                                                                 \
  static __attribute__ ((noinline)) bool slow_##ID (A64Cpu *cpu, const A64Op *op)                  \
  {                                                                                                \
    Staged staged = {.d = {0}};                                                                    \
    if (!load_by_elements (cpu, op, &staged))                                                      \
      return false;                                                                                \
    load (cpu, op, (const uint8_t *) &staged, n);                                                  \
    return true;                                                                                   \
  }                                                                                                \
  A64_HANDLER (ID)                                                                                 \
  {                                                                                                \
    if (!a64_base_ok (cpu, op))                                                                    \
      return;                                                                                      \
    const uint8_t *p = a64_tlb_lookup (cpu->ctx->rd, cpu->x[op->rn], op->aux[1] * n);              \
    if (__builtin_expect (p != NULL, 1))                                                           \
      load (cpu, op, p, n);                                                                        \
    else if (!slow_##ID (cpu, op))                                                                 \
      return;                                                                                      \
    write_back (cpu, op);                                                                          \
    A64_NEXT (cpu, op);                                                                            \
  }

#define STORE_MULTIPLE(ID, store, n)                                                               \
  static __attribute__ ((noinline)) bool slow_##ID (A64Cpu *cpu, const A64Op *op)                  \
  {                                                                                                \
    Staged staged;                                                                                 \
    store (cpu, op, (uint8_t *) &staged, n);                                                       \
    return store_by_elements (cpu, op, &staged);                                                   \
  }                                                                                                \
  A64_HANDLER (ID)                                                                                 \
  {                                                                                                \
    if (!a64_base_ok (cpu, op))                                                                    \
      return;                                                                                      \
    uint8_t *p = a64_tlb_lookup (cpu->ctx->wr, cpu->x[op->rn], op->aux[1] * n);                    \
    if (__builtin_expect (p != NULL, 1))                                                           \
      store (cpu, op, p, n);                                                                       \
    else if (!slow_##ID (cpu, op))                                                                 \
      return;                                                                                      \
    write_back (cpu, op);                                                                          \
    A64_NEXT (cpu, op);                                                                            \
  }

LOAD_MULTIPLE (LD1_1, load_plain, 1)
LOAD_MULTIPLE (LD1_2, load_plain, 2)
LOAD_MULTIPLE (LD1_3, load_plain, 3)
LOAD_MULTIPLE (LD1_4, load_plain, 4)
LOAD_MULTIPLE (LD2, load_structures, 2)
LOAD_MULTIPLE (LD3, load_structures, 3)
LOAD_MULTIPLE (LD4, load_structures, 4)

STORE_MULTIPLE (ST1_1, store_plain, 1)
STORE_MULTIPLE (ST1_2, store_plain, 2)
STORE_MULTIPLE (ST1_3, store_plain, 3)
STORE_MULTIPLE (ST1_4, store_plain, 4)
STORE_MULTIPLE (ST2, store_structures, 2)
STORE_MULTIPLE (ST3, store_structures, 3)
STORE_MULTIPLE (ST4, store_structures, 4)

// One structure: to or from a lane of each register, or to all lanes. ---------------------------

static bool
load_structure (A64Cpu *cpu, const A64Op *op, uint64_t values[4])
{
  if (!a64_base_ok (cpu, op))
    return false;
  for (unsigned k = 0; k < op->aux[2]; k++) {
    GuestVaddr va = cpu->x[op->rn] + ((uint64_t) k << op->aux[0]);
    if (!load_element (cpu, op, va, op->aux[0], &values[k]))
      return false;
  }
  return true;
}

static __attribute__ ((noinline)) bool
load_lanes (A64Cpu *cpu, const A64Op *op)
{
  uint64_t values[4];

  if (!load_structure (cpu, op, values))
    return false;
  for (unsigned k = 0; k < op->aux[2]; k++)
    a64_v_set_element (nth_register (cpu, op, k), op->aux[0], op->aux[3], values[k]);
  write_back (cpu, op);
  return true;
}

static __attribute__ ((noinline)) bool
load_all_lanes (A64Cpu *cpu, const A64Op *op)
{
  uint64_t values[4];

  if (!load_structure (cpu, op, values))
    return false;
  for (unsigned k = 0; k < op->aux[2]; k++)
    *nth_register (cpu, op, k) = a64_v_low (a64_v_dup (values[k], op->aux[0]), op->aux[1]);
  write_back (cpu, op);
  return true;
}

static __attribute__ ((noinline)) bool
store_lanes (A64Cpu *cpu, const A64Op *op)
{
  if (!a64_base_ok (cpu, op))
    return false;
  for (unsigned k = 0; k < op->aux[2]; k++) {
    GuestVaddr va = cpu->x[op->rn] + ((uint64_t) k << op->aux[0]);
    uint64_t value = a64_v_element (nth_register (cpu, op, k), op->aux[0], op->aux[3]);
    if (!store_element (cpu, op, va, op->aux[0], value))
      return false;
  }
  write_back (cpu, op);
  return true;
}

#define STRUCTURE(ID, function)                                                                    \
  A64_HANDLER (ID)                                                                                 \
  {                                                                                                \
    if (!function (cpu, op))                                                                       \
      return;                                                                                      \
    A64_NEXT (cpu, op);                                                                            \
  }

STRUCTURE (LD1_lane, load_lanes)
STRUCTURE (LD2_lane, load_lanes)
STRUCTURE (LD3_lane, load_lanes)
STRUCTURE (LD4_lane, load_lanes)
STRUCTURE (LD1R, load_all_lanes)
STRUCTURE (LD2R, load_all_lanes)
STRUCTURE (LD3R, load_all_lanes)
STRUCTURE (LD4R, load_all_lanes)
STRUCTURE (ST1_lane, store_lanes)
STRUCTURE (ST2_lane, store_lanes)
STRUCTURE (ST3_lane, store_lanes)
STRUCTURE (ST4_lane, store_lanes)
