// SPDX-License-Identifier: GPL-3.0-or-later
// Hardware breakpoints and watchpoints of self-hosted debug (Arm ARM D2.8, D2.9, D19.3 for the
// registers). Runs on the vCPU's thread.
#include "engine/guest/aarch64/debug.h"

#include "engine/guest/aarch64/exception.h"
#include "engine/guest/aarch64/mmu.h"
#include "engine/guest/aarch64/sysreg.h"

enum {
  CR_ENABLE = 1u << 0,
  CR_EL1 = 1u << 1, // of PMC and PAC
  CR_EL0 = 1u << 2,
  WCR_LINKED = 1u << 20,
  LOAD = 1,
  STORE = 2,
  ISS_WNR = 1u << 6,
  ISS_CM = 1u << 8,
  // Breakpoint types, DBGBCR.BT.
  BT_LINKED = 1,
  BT_CONTEXT = 2,
  CONTEXT_BREAK = A64_N_BREAKS - 1, // the only context-aware one
};

typedef struct Point {
  uint64_t value;
  uint32_t control;
} Point;

static uint64_t
field (const A64Cpu *cpu, uint16_t offset)
{
  return *(const uint64_t *) ((const char *) cpu->sys + offset);
}

#define OFFSETS(kind, n)                                                                           \
  {                                                                                                \
    offsetof (A64SysRegs, kind##vr##n##_el1), offsetof (A64SysRegs, kind##cr##n##_el1)             \
  }

static Point
get_break (const A64Cpu *cpu, unsigned n)
{
  static const uint16_t offsets[A64_N_BREAKS][2] = {OFFSETS (dbgb, 0), OFFSETS (dbgb, 1),
                                                    OFFSETS (dbgb, 2), OFFSETS (dbgb, 3),
                                                    OFFSETS (dbgb, 4), OFFSETS (dbgb, 5)};

  return (Point){field (cpu, offsets[n][0]), (uint32_t) field (cpu, offsets[n][1])};
}

static Point
get_watch (const A64Cpu *cpu, unsigned n)
{
  static const uint16_t offsets[A64_N_WATCHES][2] = {OFFSETS (dbgw, 0), OFFSETS (dbgw, 1),
                                                     OFFSETS (dbgw, 2), OFFSETS (dbgw, 3)};

  return (Point){field (cpu, offsets[n][0]), (uint32_t) field (cpu, offsets[n][1])};
}

void
a64_debug_configure (A64Cpu *cpu)
{
  bool on = (cpu->sys->mdscr_el1 & A64_MDSCR_MDE) != 0 && !cpu->sys->os_lock;
  unsigned breaks = 0, watches = 0;

  for (unsigned i = 0; on && i < A64_N_BREAKS; i++)
    breaks |= (get_break (cpu, i).control & CR_ENABLE) << i;
  for (unsigned i = 0; on && i < A64_N_WATCHES; i++)
    watches |= (get_watch (cpu, i).control & CR_ENABLE) << i;
  // An enabled one may have moved.
  if (breaks != 0 || cpu->breaks != 0)
    a64_jump_caches_clear (cpu);
  if (watches != 0 || cpu->watches != 0)
    a64_tlb_flush_all (cpu);
  cpu->breaks = breaks;
  cpu->watches = watches;
}

bool
a64_debug_enabled (const A64Cpu *cpu)
{
  bool in_kernel = (cpu->sys->mdscr_el1 & A64_MDSCR_KDE) != 0 && !(cpu->pstate.daif & 8);

  return !cpu->sys->os_lock && (cpu->pstate.el == 0 || in_kernel);
}

// PMC or PAC, SSC and HMC. This is Non-secure state with neither EL2 nor EL3, so that HMC selects
// nothing and SSC 0b10 (Secure only) and 0b11 (EL2 only) never match.
static bool
state_matches (uint32_t control, unsigned el)
{
  return (control & (el == 0 ? CR_EL0 : CR_EL1)) != 0 && (control >> 14 & 2) == 0;
}

static bool
context_matches (const A64Cpu *cpu, const Point *p)
{
  return (uint32_t) p->value == (uint32_t) cpu->sys->contextidr_el1;
}

// Whether the breakpoint `control` links to, LBN, says yes: an enabled linked context one.
static bool
link_matches (const A64Cpu *cpu, uint32_t control)
{
  Point p = get_break (cpu, CONTEXT_BREAK);

  return (control >> 16 & 0xf) == CONTEXT_BREAK && (p.control & CR_ENABLE) &&
         (p.control >> 20 & 3) == (BT_CONTEXT | BT_LINKED) && context_matches (cpu, &p);
}

// Bits 63:49 repeat bit 48.
static uint64_t
address_of (uint64_t value)
{
  return (uint64_t) ((int64_t) (value << 15) >> 15);
}

// ---- breakpoints ----------------------------------------------------------------------------

static bool
break_matches (const A64Cpu *cpu, unsigned n, unsigned el)
{
  Point p = get_break (cpu, n);
  unsigned type = p.control >> 20 & 3;

  if (!state_matches (p.control, el))
    return false;
  if (type == BT_CONTEXT)
    return context_matches (cpu, &p);
  // A linked context breakpoint takes part in others only.
  if (type == (BT_CONTEXT | BT_LINKED))
    return false;
  return (address_of (p.value) & ~(uint64_t) 3) == cpu->pc &&
         (type != BT_LINKED || link_matches (cpu, p.control));
}

bool
a64_debug_breaks (A64Cpu *cpu)
{
  unsigned el = cpu->pstate.el;

  if (!a64_debug_enabled (cpu))
    return false;
  for (unsigned i = 0; i < A64_N_BREAKS; i++)
    if ((cpu->breaks >> i & 1) && break_matches (cpu, i, el)) {
      a64_raise_fetch (cpu, A64_EC_BREAKPOINT_LOWER + (el != 0), A64_ISS_DEBUG, false);
      return true;
    }
  return false;
}

bool
a64_debug_breaks_page (const A64Cpu *cpu, GuestVaddr va)
{
  for (unsigned i = 0; i < A64_N_BREAKS; i++) {
    Point p = get_break (cpu, i);
    bool everywhere = (p.control >> 20 & 3) == BT_CONTEXT;

    if ((cpu->breaks >> i & 1) &&
        (everywhere || (address_of (p.value) ^ va) < (uint64_t) A64_PAGE_SIZE))
      return true;
  }
  return false;
}

// ---- watchpoints ----------------------------------------------------------------------------

// First and last byte of what a watchpoint covers; false: nothing. BAS selects bytes of the
// doubleword (of the word when DBGWVR[2] is set); they are contiguous, which is all that is
// defined.
static bool
watched_range (const Point *p, uint64_t *first, uint64_t *last)
{
  uint64_t base = address_of (p->value) & ~(uint64_t) 3;
  unsigned mask = p->control >> 24 & 31, bas = p->control >> 5 & 0xff;

  if (mask >= 3) {
    *first = base & ~(((uint64_t) 1 << mask) - 1);
    *last = *first + (((uint64_t) 1 << mask) - 1);
    return true;
  }
  if (base & 4)
    bas &= 0xf;
  if (bas == 0)
    return false;
  *first = base + (unsigned) __builtin_ctz (bas);
  *last = base + 31 - (unsigned) __builtin_clz (bas);
  return true;
}

static bool
watch_matches (const A64Cpu *cpu, unsigned n, GuestVaddr va, unsigned size, unsigned el, bool write)
{
  Point p = get_watch (cpu, n);
  unsigned kind = p.control >> 3 & 3;
  uint64_t first, last;

  if (!state_matches (p.control, el) || !(kind & (write ? STORE : LOAD)) ||
      !watched_range (&p, &first, &last) || va > last || va + (size - 1) < first)
    return false;
  return !(p.control & WCR_LINKED) || link_matches (cpu, p.control);
}

bool
a64_debug_watches (A64Cpu *cpu, const A64Op *op, GuestVaddr va, unsigned size, unsigned el,
                   bool write, bool cm)
{
  GuestVaddr plain = a64_untag (cpu->mmu, va);
  uint32_t iss = A64_ISS_DEBUG | (write ? ISS_WNR : 0) | (cm ? ISS_CM : 0);

  if (!a64_debug_enabled (cpu))
    return false;
  for (unsigned i = 0; i < A64_N_WATCHES; i++)
    if ((cpu->watches >> i & 1) && watch_matches (cpu, i, plain, size, el, write)) {
      a64_raise_fault (cpu, op, A64_EC_WATCHPOINT_LOWER + (cpu->pstate.el != 0), iss, va);
      return true;
    }
  return false;
}

bool
a64_debug_watches_page (const A64Cpu *cpu, GuestVaddr va)
{
  GuestVaddr page = a64_untag (cpu->mmu, va) & ~(GuestVaddr) (A64_PAGE_SIZE - 1);

  for (unsigned i = 0; i < A64_N_WATCHES; i++) {
    Point p = get_watch (cpu, i);
    uint64_t first, last;

    if ((cpu->watches >> i & 1) && watched_range (&p, &first, &last) && page <= last &&
        first <= page + (A64_PAGE_SIZE - 1))
      return true;
  }
  return false;
}
