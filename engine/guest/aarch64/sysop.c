// SPDX-License-Identifier: GPL-3.0-or-later
// What SYS does: TLBI, IC, DC and AT (Arm ARM C5.3 to C5.5, D8.13 for TLB maintenance). Runs on
// the vCPU's thread; operations of the Inner and Outer Shareable domains are also posted to the
// other CPUs of the machine, and complete at the next DSB.
#include "engine/guest/aarch64/sysop.h"
#include "engine/guest/aarch64/access.h"
#include "engine/guest/aarch64/block.h"
#include "engine/guest/aarch64/exception.h"
#include "engine/guest/aarch64/mmu.h"
#include "engine/guest/aarch64/run.h"
#include "engine/guest/aarch64/sysreg.h"

enum {
  AT_EL1 = 1,
  AT_WRITE = 2,
  AT_PAN = 4,
  TLBI_SHARED = 1,
  TLBI_ALL_ASIDS = 2,
  TLBI_MAX_PAGES = 512, // more are not dropped one by one
};

typedef enum Rule {
  RULE_NONE,
  RULE_UCI,
  RULE_DZE,
  RULE_RCTX,
} Rule;

// False: an exception was raised.
typedef bool SysopFn (A64Cpu *cpu, const A64Op *op, unsigned argument, uint64_t value);

static bool
nothing (A64Cpu *cpu, const A64Op *op, unsigned argument, uint64_t value)
{
  (void) cpu, (void) op, (void) argument, (void) value;
  return true;
}

// TLB maintenance. The work items carry the whole request in two words.

static void
work_flush_all (Vcpu *vcpu, uint64_t a, uint64_t b)
{
  (void) a, (void) b;
  a64_tlb_flush_all (vcpu->cpu);
}

static void
work_flush_asid (Vcpu *vcpu, uint64_t asid, uint64_t b)
{
  (void) b;
  a64_tlb_flush_asid (vcpu->cpu, (uint16_t) asid);
}

// a: ASID, bit 16 all ASIDs, from bit 32 the number of 4 KiB pages; b: the address.
static void
work_flush_pages (Vcpu *vcpu, uint64_t a, uint64_t b)
{
  a64_tlb_flush_pages (vcpu->cpu, b, (unsigned) (a >> 32), a >> 16 & 1, (uint16_t) a);
}

static bool
tlbi (A64Cpu *cpu, unsigned argument, VcpuWork fn, uint64_t a, uint64_t b)
{
  fn (cpu->vcpu, a, b);
  if (argument & TLBI_SHARED)
    a64_post_others (cpu, fn, a, b);
  return true;
}

static uint16_t
operand_asid (const A64Cpu *cpu, uint64_t value)
{
  uint16_t asid = value >> 48;

  // TCR_EL1.AS = 0: eight bits.
  return cpu->sys->tcr_el1 >> 36 & 1 ? asid : asid & 0xff;
}

static bool
tlbi_all (A64Cpu *cpu, const A64Op *op, unsigned argument, uint64_t value)
{
  (void) op, (void) value;
  return tlbi (cpu, argument, work_flush_all, 0, 0);
}

static bool
tlbi_asid (A64Cpu *cpu, const A64Op *op, unsigned argument, uint64_t value)
{
  (void) op;
  return tlbi (cpu, argument, work_flush_asid, operand_asid (cpu, value), 0);
}

static bool
flush_pages (A64Cpu *cpu, unsigned argument, GuestVaddr va, uint64_t n, uint16_t asid)
{
  bool all = (argument & TLBI_ALL_ASIDS) != 0;

  if (n > TLBI_MAX_PAGES)
    return tlbi (cpu, argument, work_flush_all, 0, 0);
  return tlbi (cpu, argument, work_flush_pages, asid | (uint64_t) all << 16 | n << 32, va);
}

// The operand has VA[55:12] and no granule: an address is in pages of the half it lies in.
static bool
tlbi_va (A64Cpu *cpu, const A64Op *op, unsigned argument, uint64_t value)
{
  GuestVaddr va = value << 12;
  unsigned page_bits = cpu->mmu->half[va >> 55 & 1].page_bits;

  (void) op;
  va &= ~(((uint64_t) 1 << page_bits) - 1);
  return flush_pages (cpu, argument, va, 1u << (page_bits - A64_PAGE_BITS),
                      operand_asid (cpu, value));
}

// FEAT_TLBIRANGE: BaseADDR in units of the granule TG, (NUM + 1) << (5 * SCALE + 1) granules.
static bool
tlbi_range (A64Cpu *cpu, const A64Op *op, unsigned argument, uint64_t value)
{
  static const uint8_t granules[4] = {0, 12, 14, 16};
  unsigned page_bits = granules[value >> 46 & 3];
  unsigned scale = value >> 44 & 3, num = value >> 39 & 31;
  uint64_t base = value & (((uint64_t) 1 << 37) - 1);
  uint64_t pages = (uint64_t) (num + 1) << (5 * scale + 1);

  (void) op;
  if (page_bits == 0)
    return true; // reserved: nothing is invalidated
  // BaseADDR is signed: its top bit tells the half.
  GuestVaddr va = (uint64_t) ((int64_t) (base << 27) >> 27) << page_bits;
  return flush_pages (cpu, argument, va, pages << (page_bits - A64_PAGE_BITS),
                      operand_asid (cpu, value));
}

// Instruction caches.

void
a64_work_stale_all (Vcpu *vcpu, uint64_t unused_a, uint64_t unused_b)
{
  (void) unused_a, (void) unused_b;
  a64_blocks_stale_all (vcpu->cpu);
}

void
a64_work_stale_page (Vcpu *vcpu, uint64_t pa, uint64_t unused)
{
  (void) unused;
  a64_blocks_stale_page (vcpu->cpu, pa);
}

static bool
ic_all (A64Cpu *cpu, const A64Op *op, unsigned argument, uint64_t value)
{
  (void) op, (void) value;
  a64_blocks_stale_all (cpu);
  if (argument)
    a64_post_others (cpu, a64_work_stale_all, 0, 0);
  return true;
}

static bool
ic_ivau (A64Cpu *cpu, const A64Op *op, unsigned argument, uint64_t value)
{
  GuestAddr pa;

  (void) argument;
  if (!a64_maintenance_address (cpu, op, value, false, &pa))
    return false;
  a64_blocks_stale_page (cpu, pa);
  a64_post_others (cpu, a64_work_stale_page, pa & ~(GuestAddr) (A64_PAGE_SIZE - 1), 0);
  return true;
}

// Data caches do not exist; the address is translated all the same.
static bool
dc_va (A64Cpu *cpu, const A64Op *op, unsigned argument, uint64_t value)
{
  GuestAddr pa;

  return a64_maintenance_address (cpu, op, value, argument != 0, &pa);
}

static bool
dc_zva (A64Cpu *cpu, const A64Op *op, unsigned argument, uint64_t value)
{
  GuestAddr pa;
  void *p;

  (void) argument;
  p = a64_rmw_ptr (cpu, op, value & ~(GuestVaddr) (A64_ZVA_BYTES - 1), A64_ZVA_BYTES,
                   A64_ACC_STORE | A64_ACC_DCZVA, &pa);
  if (p == NULL)
    return false;
  memset (p, 0, A64_ZVA_BYTES);
  return true;
}

// PAR_EL1.SH: what is never cached is Outer Shareable, whatever its descriptor says.
static uint64_t
par_shareability (const A64Translation *t)
{
  return a64_attr_is_device (t->attr) || t->attr == 0x44 ? 2 : t->shareability;
}

static bool
at (A64Cpu *cpu, const A64Op *op, unsigned argument, uint64_t value)
{
  A64Request request = {
      .access = argument & AT_WRITE ? A64_WRITE : A64_READ,
      .el = argument & AT_EL1 ? 1 : 0,
      .pan = (argument & AT_PAN) && cpu->pstate.pan,
      .no_update = true,
  };
  A64Translation t;
  uint8_t fsc;

  if (a64_walk (cpu, value, &request, &t, &fsc))
    cpu->sys->par_el1 =
        (uint64_t) t.attr << 56 | t.pa | 1u << 11 | 1u << 9 | par_shareability (&t) << 7;
  else if ((fsc & 0x3c) == A64_FSC_EXTERNAL_WALK)
    return a64_maintenance_abort (cpu, op, value, fsc); // PAR_EL1 stays
  else
    cpu->sys->par_el1 = 1u << 11 | (uint64_t) fsc << 1 | 1;
  return true;
}

static const struct {
  uint16_t number;
  uint8_t el0, argument;
  SysopFn *run;
} table[] = {
#define A64_SYSOP(name, op1, crn, crm, op2, el0, fn, argument)                                     \
  {A64_SYSREG (1, op1, crn, crm, op2), RULE_##el0, argument, fn},
#include "engine/guest/aarch64/sys-ops.inc"
#undef A64_SYSOP
};

int
a64_sysop_find (uint32_t insn)
{
  uint32_t number = insn >> 5 & 0xffff;

  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
    if (table[i].number == number)
      return (int) i;
  return -1;
}

// EL0's use of an operation: 1 allowed, 0 UNDEFINED, -1 trapped.
static int
el0_verdict (const A64Cpu *cpu, Rule rule)
{
  static const uint64_t switches[] = {
      [RULE_UCI] = A64_SCTLR_UCI, [RULE_DZE] = A64_SCTLR_DZE, [RULE_RCTX] = A64_SCTLR_ENRCTX};

  if (rule == RULE_NONE)
    return 0;
  return cpu->sys->sctlr_el1 & switches[rule] ? 1 : -1;
}

bool
a64_sysop_run (A64Cpu *cpu, const A64Op *op, int index, uint64_t value)
{
  int verdict = cpu->pstate.el != 0 ? 1 : el0_verdict (cpu, table[index].el0);

  if (verdict == 0)
    a64_raise_undefined (cpu, op);
  else if (verdict < 0)
    a64_raise_sysreg_trap (cpu, op);
  return verdict == 1 && table[index].run (cpu, op, table[index].argument, value);
}
