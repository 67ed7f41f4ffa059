// SPDX-License-Identifier: GPL-3.0-or-later
// See bare-cpu.h.
#include "bare-cpu.h"

#include <glib.h>

#include "engine/guest/aarch64/branch.h"
#include "tests/support/a64-rows.h"

static BareCpu *
bare_of (A64Cpu *cpu)
{
  return (BareCpu *) ((char *) cpu - offsetof (BareCpu, cpu));
}

// No such CPU has branch targets checked.
void
a64_bti_jump (A64Cpu *cpu, unsigned rn)
{
}

void
a64_bti_call (A64Cpu *cpu)
{
}

static void *
slow_pointer (A64Cpu *cpu, GuestVaddr va, unsigned size, unsigned flags)
{
  BareCpu *bare = bare_of (cpu);

  bare->n_slow++;
  bare->slow_flags = flags;
  if (bare->fault || va - BARE_BASE > BARE_BYTES - size ||
      ((flags & A64_ACC_ALIGNED) != 0 && (va & (size - 1)) != 0)) {
    bare->aborted = true;
    return NULL;
  }
  return bare->memory + (va - BARE_BASE);
}

bool
a64_load_slow (A64Cpu *cpu, const A64Op *op, GuestVaddr va, unsigned size, unsigned flags,
               void *data)
{
  const void *p = slow_pointer (cpu, va, size, flags);

  if (p != NULL)
    memcpy (data, p, size);
  return p != NULL;
}

bool
a64_store_slow (A64Cpu *cpu, const A64Op *op, GuestVaddr va, unsigned size, unsigned flags,
                const void *data)
{
  void *p = slow_pointer (cpu, va, size, flags);

  if (p != NULL)
    memcpy (p, data, size);
  return p != NULL;
}

void *
a64_rmw_ptr (A64Cpu *cpu, const A64Op *op, GuestVaddr va, unsigned size, unsigned flags,
             GuestAddr *pa)
{
  *pa = va - BARE_BASE;
  return slow_pointer (cpu, va, size, flags);
}

bool
a64_probe_store (A64Cpu *cpu, const A64Op *op, GuestVaddr va, unsigned size, unsigned flags)
{
  return slow_pointer (cpu, va, size, flags) != NULL;
}

bool
a64_bulk_ptr (A64Cpu *cpu, const A64Op *op, GuestVaddr va, GuestVaddr start, unsigned n,
              unsigned flags, bool write, void **host)
{
  *host = NULL;
  return slow_pointer (cpu, va, 1, flags) != NULL;
}

bool
a64_check_sp (A64Cpu *cpu, const A64Op *op)
{
  BareCpu *bare = bare_of (cpu);

  bare->aborted = bare->sp_fault;
  return !bare->sp_fault;
}

static void
stop (A64Cpu *cpu, const A64Op *op)
{
  bare_of (cpu)->stopped = true;
  cpu->pc = a64_op_pc (cpu, op);
}

static void
map_first_page (A64TlbContext *ctx, uint8_t *memory)
{
  unsigned index = (BARE_BASE >> A64_PAGE_BITS) & (A64_TLB_SIZE - 1);
  A64Tlbe entry = {.tag = BARE_BASE, .add = (int64_t) ((uintptr_t) memory - BARE_BASE)};

  for (unsigned i = 0; i < A64_TLB_SIZE; i++)
    ctx->rd[i].tag = ctx->wr[i].tag = UINT64_MAX;
  ctx->rd[index] = ctx->wr[index] = entry;
}

BareCpu *
bare_cpu_new (void)
{
  BareCpu *bare = g_aligned_alloc0 (1, sizeof *bare, _Alignof(BareCpu));

  map_first_page (&bare->ctx, bare->memory);
  map_first_page (&bare->ctx_el0, bare->memory);
  bare->cpu.ctx = &bare->ctx;
  bare->cpu.ctx_el0 = &bare->ctx_el0;
  bare->cpu.page = BARE_PC;
  return bare;
}

void
bare_cpu_free (BareCpu *bare)
{
  g_aligned_free (bare);
}

bool
bare_cpu_run (BareCpu *bare, uint32_t insn)
{
  A64Op ops[2] = {0};

  if (a64_rows_decode (insn, &ops[0]) == NULL)
    return false;
  ops[0].pc_off = 0x10;
  ops[1].fn = stop;
  ops[1].pc_off = 0x14;
  bare->stopped = bare->aborted = false;
  bare->n_slow = 0;
  bare->slow_flags = 0;
  ops[0].fn (&bare->cpu, &ops[0]);
  return true;
}

uint64_t
bare_cpu_peek (const BareCpu *bare, GuestVaddr va)
{
  uint64_t value;

  memcpy (&value, bare->memory + (va - BARE_BASE), sizeof value);
  return value;
}

void
bare_cpu_poke (BareCpu *bare, GuestVaddr va, uint64_t value)
{
  memcpy (bare->memory + (va - BARE_BASE), &value, sizeof value);
}
