// SPDX-License-Identifier: GPL-3.0-or-later
// How the interpreter's handlers reach guest memory. Each call translates, checks permission and
// alignment, performs the access (RAM or MMIO) and says true; or raises the data abort for `op`
// and says false, upon which the handler returns at once. Nothing was changed then, so a handler
// loads everything before it writes registers back, and probes before partial stores.
//
// Little endian. Ordinary accesses are relaxed and naturally atomic when aligned; acquire and
// release ordering is the handler's (a fence), and so are exclusives and LSE through a64_rmw_ptr.
#pragma once

#include "engine/guest/aarch64/cpu.h"
#include "engine/mem/access.h"

// Access flags for the slow paths.
enum {
  A64_ACC_STORE = 1u << 0,
  A64_ACC_UNPRIV = 1u << 1,  // LDTR/STTR: as EL0 unless PSTATE.UAO
  A64_ACC_ALIGNED = 1u << 2, // alignment fault when not size-aligned (exclusives, acquire/release
                             // and LSE crossing 16 bytes: FEAT_LSE2 is not advertised)
  A64_ACC_ATOMIC = 1u << 3,  // read-modify-write: needs write permission, reports WnR as a read
                             // does when the read would have faulted
  A64_ACC_DCZVA = 1u << 4,   // DC ZVA: aborts report the operand, not the start of its block
};

// Out of line: TLB miss, page crossing, MMIO, faults. `data` is the value(s), little endian.
bool a64_load_slow (A64Cpu *cpu, const A64Op *op, GuestVaddr va, unsigned size, unsigned flags,
                    void *data);
bool a64_store_slow (A64Cpu *cpu, const A64Op *op, GuestVaddr va, unsigned size, unsigned flags,
                     const void *data);
// What is to be added to addresses in va's page to get those of the host; enters the TLB. 0: it is
// not known to be memory this EL may read, or write. Nothing changes that the guest can see.
int64_t a64_addend (A64Cpu *cpu, GuestVaddr va, bool write);
// A host pointer to `size` bytes (1..16, or the DC ZVA block) at va for atomic read-modify-write
// or exclusive access, and its physical address; raises and returns NULL on a fault. Never crosses
// a page (alignment is enforced). MMIO gives a fault (external abort, unsupported exclusive).
void *a64_rmw_ptr (A64Cpu *cpu, const A64Op *op, GuestVaddr va, unsigned size, unsigned flags,
                   GuestAddr *pa);
// True when a store of `size` bytes at va would succeed; raises and says false otherwise. For
// instructions with several stores.
bool a64_probe_store (A64Cpu *cpu, const A64Op *op, GuestVaddr va, unsigned size, unsigned flags);
// The host address of [start, start + n), which is in one page, for an instruction that moves many
// bytes: as if the one at va was accessed, which is one of them and where a fault is. *host: NULL where
// they cannot be moved at once: no memory, or watched. False: a fault was raised.
bool a64_bulk_ptr (A64Cpu *cpu, const A64Op *op, GuestVaddr va, GuestVaddr start, unsigned n,
                   unsigned flags, bool write, void **host);

// The address of a cache maintenance instruction by VA: translated as a read, or as a write where
// that is the permission it needs, and faulting with ISS.CM.
bool a64_maintenance_address (A64Cpu *cpu, const A64Op *op, GuestVaddr va, bool write,
                              GuestAddr *pa);

// The data abort of such an instruction, and of address translation. Says false.
bool a64_maintenance_abort (A64Cpu *cpu, const A64Op *op, GuestVaddr va, uint8_t fsc);

static inline void *
a64_tlb_lookup (const A64Tlbe *table, GuestVaddr va, unsigned size)
{
  const A64Tlbe *e = &table[(va >> A64_PAGE_BITS) & (A64_TLB_SIZE - 1)];
  uint64_t last = (va + size - 1) & ~(uint64_t) (A64_PAGE_SIZE - 1);

  // A crossing access forms the tag of the next page, which belongs to another index: no match.
  if (__builtin_expect (e->tag == last, 1))
    return (void *) (uintptr_t) (va + (uint64_t) e->add);
  return NULL;
}

// The checks of an access through a stack pointer that is not 16-byte aligned: raises the SP
// alignment fault and says false where SCTLR_EL1.SA or SA0 asks for it.
bool a64_check_sp (A64Cpu *cpu, const A64Op *op);

static inline bool
a64_sp_aligned (const A64Cpu *cpu)
{
  return __builtin_expect ((cpu->x[A64_SP] & 15) == 0, 1);
}

// To be asked by every handler whose base register may be SP, before it accesses memory. SP is
// hardly ever misaligned, so that is looked at first.
static inline bool
a64_base_ok (A64Cpu *cpu, const A64Op *op)
{
  if (a64_sp_aligned (cpu))
    return true;
  return op->rn != A64_SP || a64_check_sp (cpu, op);
}

// For a handler that does the usual case in line and leaves the rest to a function of this kind,
// called last: it then needs no stack frame.
#define A64_SLOW static __attribute__ ((noinline, cold)) void

// The slow paths get and give values through the CPU, never through a local variable of the
// handler: one whose address was passed on would cost the handler its sibling call.
#define A64_DEFINE_ACCESS(bits)                                                                    \
  static inline bool a64_load##bits (A64Cpu *cpu, const A64Op *op, GuestVaddr va,                  \
                                     uint##bits##_t *value)                                        \
  {                                                                                                \
    const void *p = a64_tlb_lookup (cpu->ctx->rd, va, bits / 8);                                   \
    if (__builtin_expect (p != NULL, 1)) {                                                         \
      *value = mem_load##bits (p);                                                                 \
      return true;                                                                                 \
    }                                                                                              \
    if (!a64_load_slow (cpu, op, va, bits / 8, 0, cpu->access_data))                               \
      return false;                                                                                \
    memcpy (value, cpu->access_data, sizeof *value);                                               \
    return true;                                                                                   \
  }                                                                                                \
  static inline bool a64_store##bits (A64Cpu *cpu, const A64Op *op, GuestVaddr va,                 \
                                      uint##bits##_t value)                                        \
  {                                                                                                \
    void *p = a64_tlb_lookup (cpu->ctx->wr, va, bits / 8);                                         \
    if (__builtin_expect (p != NULL, 1)) {                                                         \
      mem_store##bits (p, value);                                                                  \
      return true;                                                                                 \
    }                                                                                              \
    memcpy (cpu->access_data, &value, sizeof value);                                               \
    return a64_store_slow (cpu, op, va, bits / 8, 0, cpu->access_data);                            \
  }

A64_DEFINE_ACCESS (8)
A64_DEFINE_ACCESS (16)
A64_DEFINE_ACCESS (32)
A64_DEFINE_ACCESS (64)
#undef A64_DEFINE_ACCESS

static inline bool
a64_load128 (A64Cpu *cpu, const A64Op *op, GuestVaddr va, A64Vreg *value)
{
  const uint8_t *p = a64_tlb_lookup (cpu->ctx->rd, va, 16);
  if (__builtin_expect (p != NULL, 1)) {
    value->d[0] = mem_load64 (p);
    value->d[1] = mem_load64 (p + 8);
    return true;
  }
  if (!a64_load_slow (cpu, op, va, 16, 0, cpu->access_data))
    return false;
  memcpy (value, cpu->access_data, sizeof *value);
  return true;
}

static inline bool
a64_store128 (A64Cpu *cpu, const A64Op *op, GuestVaddr va, const A64Vreg *value)
{
  uint8_t *p = a64_tlb_lookup (cpu->ctx->wr, va, 16);
  if (__builtin_expect (p != NULL, 1)) {
    mem_store64 (p, value->d[0]);
    mem_store64 (p + 8, value->d[1]);
    return true;
  }
  memcpy (cpu->access_data, value, sizeof *value);
  return a64_store_slow (cpu, op, va, 16, 0, cpu->access_data);
}
