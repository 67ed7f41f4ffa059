// SPDX-License-Identifier: GPL-3.0-or-later
// LD1 to LD4 and ST1 to ST4 where no TLB entry covers the whole of the memory: the same result as
// with one, an access for each element, and nothing changed by a load that faults. That the result
// is right is for the comparison with another implementation (tests/differential).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/guest/aarch64/access.h"

enum {
  N_BYTES = 128,     // of memory that take part, in the middle of two pages
  MAX_ACCESSES = 64, // of one instruction
  ROUNDS = 400,      // words of each row
};
#define PAGE (UINT64_C (0x7fff0001) * A64_PAGE_SIZE)

typedef struct Row {
  uint32_t mask, value;
  bool (*format) (uint32_t insn, A64Op *op);
  A64Handler handler;
  const char *name;
  unsigned flags;
} Row;

#define A64_INSN(id, mask, value, format, flags)                                                   \
  bool a64_fmt_##format (uint32_t insn, A64Op *op);                                                \
  void a64_interp_##id (A64Cpu *cpu, const A64Op *op);
#include "engine/guest/aarch64/decode-simd.inc"
#undef A64_INSN

static const Row rows[] = {
#define A64_INSN(id, mask, value, format, flags)                                                   \
  {mask, value, a64_fmt_##format, a64_interp_##id, #id, flags},
#include "engine/guest/aarch64/decode-simd.inc"
#undef A64_INSN
};

// A CPU whose memory is two pages that are no neighbours on the host.
typedef struct Machine {
  A64Cpu cpu;
  A64TlbContext context;
  A64Op ops[2];
  uint8_t pages[3][A64_PAGE_SIZE]; // the second is a gap
  bool upper_missing, sp_refused;
  bool finished, raised;
  unsigned n_accesses;
  GuestVaddr access[MAX_ACCESSES];
  unsigned size[MAX_ACCESSES];
} Machine;

static Machine *
machine_of (A64Cpu *cpu)
{
  return (Machine *) ((char *) cpu - offsetof (Machine, cpu));
}

static uint8_t *
byte_at (Machine *m, GuestVaddr va)
{
  if (va - PAGE < A64_PAGE_SIZE)
    return &m->pages[0][va - PAGE];
  if (va - PAGE < 2 * A64_PAGE_SIZE && !m->upper_missing)
    return &m->pages[2][va - PAGE - A64_PAGE_SIZE];
  return NULL;
}

// What the engine's slow path does: all bytes or none.
static bool
take_access (A64Cpu *cpu, GuestVaddr va, unsigned size)
{
  Machine *m = machine_of (cpu);

  assert_true (m->n_accesses < MAX_ACCESSES);
  m->access[m->n_accesses] = va;
  m->size[m->n_accesses++] = size;
  m->raised = byte_at (m, va) == NULL || byte_at (m, va + size - 1) == NULL;
  return !m->raised;
}

bool
a64_load_slow (A64Cpu *cpu, const A64Op *op, GuestVaddr va, unsigned size, unsigned flags,
               void *data)
{
  if (!take_access (cpu, va, size))
    return false;
  for (unsigned i = 0; i < size; i++)
    ((uint8_t *) data)[i] = *byte_at (machine_of (cpu), va + i);
  return true;
}

bool
a64_store_slow (A64Cpu *cpu, const A64Op *op, GuestVaddr va, unsigned size, unsigned flags,
                const void *data)
{
  if (!take_access (cpu, va, size))
    return false;
  for (unsigned i = 0; i < size; i++)
    *byte_at (machine_of (cpu), va + i) = ((const uint8_t *) data)[i];
  return true;
}

bool
a64_check_sp (A64Cpu *cpu, const A64Op *op)
{
  machine_of (cpu)->raised = machine_of (cpu)->sp_refused;
  return !machine_of (cpu)->sp_refused;
}

static void
finish (A64Cpu *cpu, const A64Op *op)
{
  machine_of (cpu)->finished = true;
}

static uint64_t
next_random (uint64_t *state)
{
  *state ^= *state >> 12;
  *state ^= *state << 25;
  *state ^= *state >> 27;
  return *state * UINT64_C (0x2545f4914f6cdd1d);
}

static void
set_tlb (Machine *m, bool filled)
{
  for (unsigned i = 0; i < A64_TLB_SIZE; i++)
    m->context.rd[i].tag = UINT64_MAX;
  for (unsigned i = 0; filled && i < 2; i++) {
    uint64_t page = PAGE + i * A64_PAGE_SIZE;
    m->context.rd[page / A64_PAGE_SIZE % A64_TLB_SIZE] =
        (A64Tlbe){.tag = page, .add = (int64_t) ((uintptr_t) m->pages[2 * i] - page)};
  }
  memcpy (m->context.wr, m->context.rd, sizeof m->context.wr);
}

// Registers and memory from a seed; the base so that the instruction begins at `va`.
static void
set_state (Machine *m, uint64_t seed, GuestVaddr va)
{
  for (unsigned i = 0; i < 31; i++)
    m->cpu.x[i] = next_random (&seed);
  for (unsigned i = 0; i < 64; i++)
    m->cpu.v[i / 2].d[i % 2] = next_random (&seed);
  m->upper_missing = false;
  for (unsigned i = 0; i < 2 * N_BYTES; i++)
    *byte_at (m, PAGE + A64_PAGE_SIZE - N_BYTES + i) = (uint8_t) (next_random (&seed) >> 32);
  m->cpu.x[A64_SP] = PAGE;
  m->cpu.x[A64_ZR] = 0;
  m->cpu.x[m->ops[0].rn] = va;
  m->cpu.ctx = &m->context;
  m->n_accesses = 0;
  m->finished = m->raised = m->sp_refused = false;
}

static void
run (Machine *m)
{
  m->ops[0].fn (&m->cpu, &m->ops[0]);
}

// A random word of the row; false when the row refuses it.
static bool
make_word (Machine *m, const Row *row, uint64_t *random)
{
  uint32_t word = ((uint32_t) (next_random (random) >> 32) & ~row->mask) | row->value;

  m->ops[0] = (A64Op){.fn = row->handler, .insn = word};
  m->ops[1] = (A64Op){.fn = finish};
  return row->format (word, &m->ops[0]);
}

// Calls `check` for many words of each row with a seed for the state.
static void
for_each_word (void (*check) (Machine *m, const Row *row, uint64_t seed))
{
  static Machine machine;
  uint64_t random = 1;

  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    unsigned n = 0;

    if ((rows[i].flags & A64_F_MEM) == 0)
      continue;
    for (unsigned k = 0; k < ROUNDS; k++) {
      if (!make_word (&machine, &rows[i], &random))
        continue;
      check (&machine, &rows[i], next_random (&random));
      n++;
    }
    assert_true (n > ROUNDS / 16);
  }
}

static unsigned
element_bytes (const Machine *m)
{
  return 1u << m->ops[0].aux[0];
}

// Bytes of memory the instruction takes: all of its registers, or an element of each.
static unsigned
total_bytes (const Machine *m, const Row *row)
{
  bool one = strstr (row->name, "_lane") != NULL || strchr (row->name, 'R') != NULL;

  return m->ops[0].aux[2] * (one ? element_bytes (m) : m->ops[0].aux[1]);
}

// At `va` with the TLB filled and empty: the same, and the latter element by element.
static void
check_same (Machine *m, const Row *row, uint64_t seed)
{
  GuestVaddr va = PAGE + A64_PAGE_SIZE - seed % N_BYTES;
  uint8_t memory[2 * N_BYTES];
  uint64_t x[A64_N_X];
  A64Vreg v[32];

  set_tlb (m, true);
  set_state (m, seed, va);
  run (m);
  assert_true (m->finished);
  memcpy (v, m->cpu.v, sizeof v);
  memcpy (x, m->cpu.x, sizeof x);
  for (unsigned i = 0; i < sizeof memory; i++)
    memory[i] = *byte_at (m, PAGE + A64_PAGE_SIZE - N_BYTES + i);

  set_tlb (m, false);
  set_state (m, seed, va);
  run (m);
  assert_true (m->finished);
  assert_memory_equal (m->cpu.v, v, sizeof v);
  assert_memory_equal (m->cpu.x, x, sizeof x);
  for (unsigned i = 0; i < sizeof memory; i++)
    assert_int_equal (*byte_at (m, PAGE + A64_PAGE_SIZE - N_BYTES + i), memory[i]);

  assert_int_equal (m->n_accesses, total_bytes (m, row) / element_bytes (m));
  for (unsigned i = 0; i < m->n_accesses; i++) {
    assert_int_equal (m->size[i], element_bytes (m));
    assert_true (m->access[i] == va + i * element_bytes (m));
  }
}

// The upper page is missing: the first element in it faults, and no register changes.
static void
check_fault (Machine *m, const Row *row, uint64_t seed)
{
  unsigned before = (unsigned) (seed % total_bytes (m, row));
  GuestVaddr end = PAGE + A64_PAGE_SIZE, va = end - before, faulting;
  uint64_t x[A64_N_X];
  A64Vreg v[32];

  set_tlb (m, true);
  m->context.rd[end / A64_PAGE_SIZE % A64_TLB_SIZE].tag = UINT64_MAX;
  m->context.wr[end / A64_PAGE_SIZE % A64_TLB_SIZE].tag = UINT64_MAX;
  set_state (m, seed, va);
  m->upper_missing = true;
  memcpy (v, m->cpu.v, sizeof v);
  memcpy (x, m->cpu.x, sizeof x);
  run (m);
  assert_true (m->raised && !m->finished);
  assert_memory_equal (m->cpu.v, v, sizeof v);
  assert_memory_equal (m->cpu.x, x, sizeof x);
  faulting = m->access[m->n_accesses - 1];
  assert_true (faulting + element_bytes (m) > end && (faulting - va) % element_bytes (m) == 0);
}

// A stack pointer that is not aligned is asked about before any access.
static void
check_stack_pointer (Machine *m, const Row *row, uint64_t seed)
{
  set_tlb (m, true);
  set_state (m, seed, PAGE + 8);
  m->sp_refused = true;
  run (m);
  if (m->ops[0].rn == A64_SP) {
    assert_true (m->raised && !m->finished);
    assert_true (m->cpu.x[A64_SP] == PAGE + 8);
  } else {
    assert_true (m->finished);
  }
}

static void
test_by_elements (void **unused)
{
  for_each_word (check_same);
}

static void
test_faults (void **unused)
{
  for_each_word (check_fault);
}

static void
test_stack_pointer (void **unused)
{
  for_each_word (check_stack_pointer);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_by_elements),
      cmocka_unit_test (test_faults),
      cmocka_unit_test (test_stack_pointer),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
