// SPDX-License-Identifier: GPL-3.0-or-later
// Branch target identification (Arm ARM D8.4.6, FEAT_BTI). vCPU thread.
//
// PSTATE.BTYPE is set by an indirect branch and cleared by the instruction after it, so nothing
// need be done where that instruction takes the branch, or where its page is not guarded: the
// branch looks for that itself. Else it sets BTYPE, and an empty jump cache leads to the lookup
// of blocks, which decides.
#include "engine/guest/aarch64/block.h"
#include "engine/guest/aarch64/branch.h"
#include "engine/guest/aarch64/exception.h"
#include "engine/guest/aarch64/mmu.h"
#include "engine/guest/aarch64/sysreg.h"
#include "engine/mem/access.h"

enum {
  BTYPE_JUMP_16_17 = 1, // through X16 or X17, or from a page that is not guarded
  BTYPE_CALL = 2,
  BTYPE_JUMP = 3,
  INSN_PACIASP = 0xd503233f,
  INSN_PACIBSP = 0xd503237f,
};

// The fetch of a page as far as it is known; NULL: it is not.
static const A64Ifetch *
known_fetch (const A64Cpu *cpu, GuestVaddr va)
{
  const A64Ifetch *e = &cpu->ctx->info->ifetch[(va >> A64_PAGE_BITS) % A64_IFETCH_SIZE];

  return e->va == (va & ~(GuestVaddr) (A64_PAGE_SIZE - 1)) ? e : NULL;
}

static bool
is_brk (uint32_t insn)
{
  return (insn & 0xffe0001f) == 0xd4200000;
}

bool
a64_bti_is_seen (const A64Cpu *cpu, uint32_t insn)
{
  return (cpu->features & A64_FEATURE_BTI) != 0 && is_brk (insn);
}

// Whether an instruction in a guarded page may be the target of a branch of this type.
static bool
takes (const A64Cpu *cpu, uint32_t insn, unsigned btype)
{
  static const uint8_t types[4] = {0, 1 << 1 | 1 << 2, 1 << 1 | 1 << 3, 1 << 1 | 1 << 2 | 1 << 3};
  uint64_t bt = cpu->pstate.el == 0 ? A64_SCTLR_BT0 : A64_SCTLR_BT1;

  if ((insn & 0xffffff3f) == 0xd503241f) // BTI: none, c, j, jc
    return (types[insn >> 6 & 3] >> btype & 1) != 0;
  if (insn == INSN_PACIASP || insn == INSN_PACIBSP)
    return btype != BTYPE_JUMP || !(cpu->sys->sctlr_el1 & bt);
  return is_brk (insn) || (insn & 0xffe0001f) == 0xd4400000; // HLT
}

// A BRK saves PSTATE.BTYPE, whether its page is guarded or not (D1.3.1, TakeException).
static bool
is_brk_at (A64Cpu *cpu, const A64Ifetch *target)
{
  const uint8_t *page = a64_read_ptr (cpu, target->pa, A64_PAGE_SIZE);

  return page != NULL && is_brk (mem_load32 (page + (cpu->pc & (A64_PAGE_SIZE - 4))));
}

// True when it is plain from what is cached that the branch will be taken.
static bool
is_plain (A64Cpu *cpu, unsigned btype)
{
  const A64Ifetch *target = known_fetch (cpu, cpu->pc);
  const A64Jce *e = a64_jce (cpu, cpu->pc);

  // What may be raised before the target saves PSTATE.BTYPE.
  if (target == NULL || (cpu->pc & 3) != 0 || cpu->step || cpu->breaks != 0 ||
      atomic_load_explicit (&cpu->pending, memory_order_relaxed) != 0 || is_brk_at (cpu, target))
    return false;
  return !target->guarded ||
         (cpu->jit == NULL && e->va == cpu->pc && takes (cpu, e->block->ops[0].insn, btype));
}

static void
set_type (A64Cpu *cpu, unsigned btype)
{
  if (is_plain (cpu, btype))
    return;
  cpu->pstate.btype = btype;
  a64_no_jumps (cpu);
}

void
a64_bti_jump (A64Cpu *cpu, unsigned rn)
{
  const A64Ifetch *here = known_fetch (cpu, cpu->page);
  bool guarded = here != NULL ? here->guarded : a64_is_guarded (cpu, cpu->page);

  set_type (cpu, guarded && rn != 16 && rn != 17 ? BTYPE_JUMP : BTYPE_JUMP_16_17);
}

void
a64_bti_call (A64Cpu *cpu)
{
  set_type (cpu, BTYPE_CALL);
}

bool
a64_bti_refuses (A64Cpu *cpu, uint32_t insn)
{
  unsigned btype = cpu->pstate.btype;

  if (a64_is_guarded (cpu, cpu->pc) && !takes (cpu, insn, btype)) {
    a64_raise_fetch (cpu, A64_EC_BRANCH_TARGET, btype, false);
    return true;
  }
  if (is_brk (insn)) {
    a64_raise_fetch (cpu, A64_EC_BRK, insn >> 5 & 0xffff, false);
    return true;
  }
  cpu->pstate.btype = 0;
  a64_update_context (cpu);
  return false;
}
