// SPDX-License-Identifier: GPL-3.0-or-later
// Self-hosted debug (D2): BRK, software step, hardware breakpoints and watchpoints, as ptrace and
// a debugger in the guest use them.
#include "el1.h"

enum {
  MDSCR_SS = 1 << 0,
  MDSCR_KDE = 1 << 13,
  MDSCR_MDE = 1 << 15,
  // DBGBCR and DBGWCR.
  ON = 1,
  AT_EL1 = 1 << 1,
  AT_EL0 = 1 << 2,
  BCR_BAS = 0xf << 5,
  LOADS = 1 << 3,
  STORES = 2 << 3,
};
#define BAS(mask) ((u64) (mask) << 5)
#define MASK(n)   ((u64) (n) << 24)

#define BREAKPOINT(el)      ESR ((el) == 0 ? 0x30 : 0x31, 0x22)
#define STEP(el, iss)       ESR ((el) == 0 ? 0x32 : 0x33, 0x22 | (iss))
#define WATCHPOINT(el, iss) ESR ((el) == 0 ? 0x34 : 0x35, 0x22 | (iss))
#define ISV                 BIT (24)
#define EX                  BIT (6)

static void
all_off (void)
{
  WRITE (dbgbcr0_el1, 0);
  WRITE (dbgbcr1_el1, 0);
  WRITE (dbgwcr0_el1, 0);
  WRITE (dbgwcr1_el1, 0);
  WRITE (mdscr_el1, 0);
  WRITE (contextidr_el1, 0);
}

// ---- software step --------------------------------------------------------------------------

CODE (c_add, "add x0, x0, #1\n add x0, x0, #1\n add x0, x0, #1");
CODE (c_ldxr, "ldxr x1, [x0]\n nop");
CODE (c_ldaxrb, "ldaxrb w1, [x0]\n nop");
CODE (c_ldxp, "ldxp w1, w2, [x0]\n nop");
CODE (c_ldaxp, "ldaxp x1, x2, [x0]\n nop");
CODE (c_casp, ".inst 0x48227c04\n nop");  // CASP X2, X3, X4, X5, [X0]
CODE (c_caspa, ".inst 0x08627c04\n nop"); // CASPA W2, W3, W4, W5, [X0]
CODE (c_casa, ".inst 0xc8e27c03\n nop");  // CASA X2, X3, [X0]
CODE (c_ldar, "ldar x1, [x0]\n nop");
CODE (c_stxr_only, "stxr w2, x1, [x0]\n nop");
CODE (c_svc, "svc #5\n nop");
CODE (c_brk, "brk #6");
CODE (c_udf, "udf #0");
CODE (c_branch, "b 1f\n nop\n 1: nop");
CODE (c_load, "ldr x1, [x0]\n nop");

static void
test_step (void)
{
  static u64 words[2] __attribute__ ((aligned (16)));
  static const struct {
    const char *what;
    const u32 *code;
    u64 ex;
  } memory[] = {
      {"ldxr", c_ldxr, EX},   {"ldaxrb", c_ldaxrb, EX}, {"ldxp", c_ldxp, EX},
      {"ldaxp", c_ldaxp, EX}, {"casp", c_casp, 0},      {"caspa", c_caspa, 0},
      {"casa", c_casa, 0},    {"ldar", c_ldar, 0},      {"stxr", c_stxr_only, 0},
  };

  WRITE (mdscr_el1, MDSCR_SS);
  const Trap *t = run (c_add, EL0 | SPSR_SS, 0, 0);
  check_trap ("step-one", t, FROM_EL0, STEP (0, ISV), 4);
  check ("step-one-executed", t->x[0], 1);
  check ("step-one-spsr-ss", t->spsr & SPSR_SS, 0);
  // Without SPSR.SS the step is pending at once; no instruction ran.
  t = run (c_add, EL0, 0, 0);
  check_trap ("step-pending", t, FROM_EL0, STEP (0, 0), 0);
  check ("step-pending-nothing-executed", t->x[0], 0);
  for (unsigned i = 0; i < sizeof memory / sizeof *memory; i++)
    check_trap (name ("step-exclusive-%s", memory[i].what),
                run (memory[i].code, EL0 | SPSR_SS, el0_data (words), 0), FROM_EL0,
                STEP (0, ISV | memory[i].ex), 4);
  check_trap ("step-branch", run (c_branch, EL0 | SPSR_SS, 0, 0), FROM_EL0, STEP (0, ISV), 8);
  // An exception of the instruction itself is taken; SPSR.SS says whether it is still to be
  // stepped: SVC is done, an undefined one is not (D2.11.5).
  t = run (c_svc, EL0 | SPSR_SS, 0, 0);
  check_trap ("step-svc", t, FROM_EL0, ESR (0x15, 5), 4);
  check ("step-svc-spsr-ss", t->spsr & SPSR_SS, 0);
  t = run (c_udf, EL0 | SPSR_SS, 0, 0);
  check_trap ("step-undefined", t, FROM_EL0, ESR (0, 0), 0);
  check ("step-undefined-spsr-ss", t->spsr & SPSR_SS, SPSR_SS);
  t = run (c_brk, EL0 | SPSR_SS, 0, 0);
  check_trap ("step-brk", t, FROM_EL0, ESR (0x3c, 6), 0);
  check ("step-brk-spsr-ss", t->spsr & SPSR_SS, SPSR_SS);
  t = run (c_load, EL0 | SPSR_SS, 0x7000000000, 0);
  check_fault ("step-abort", t, FROM_EL0, ESR (0x24, 0x05), 0, 0x7000000000);
  check ("step-abort-spsr-ss", t->spsr & SPSR_SS, SPSR_SS);
  // EL1 is not stepped without KDE, nor with PSTATE.D.
  check_end ("step-el1-off", run (c_add, (EL1H | SPSR_SS) & ~(u64) SPSR_D, 0, 0));
  WRITE (mdscr_el1, MDSCR_SS | MDSCR_KDE);
  check_end ("step-el1-masked", run (c_add, EL1H | SPSR_SS, 0, 0));
  check_trap ("step-el1", run (c_add, (EL1H | SPSR_SS) & ~(u64) SPSR_D, 0, 0), FROM_EL1H,
              STEP (1, ISV), 4);
  // Off again.
  WRITE (mdscr_el1, 0);
  check_end ("step-off", run (c_add, EL0 | SPSR_SS, 0, 0));
  check_trap ("brk-with-debug-off", run (c_brk, EL0, 0, 0), FROM_EL0, ESR (0x3c, 6), 0);
  // With the OS lock set only BRK is left of debug (H6.1, D2.3).
  // qemu: step-os-lock: it stores the lock and does not look at it.
  // qemu: break-os-lock: the same.
  WRITE (mdscr_el1, MDSCR_SS);
  WRITE (oslar_el1, 1);
  check_end ("step-os-lock", run (c_add, EL0 | SPSR_SS, 0, 0));
  WRITE (oslar_el1, 0);
  all_off ();
}

// ---- breakpoints ----------------------------------------------------------------------------

CODE (c_three, "add x0, x0, #1\n add x0, x0, #1\n add x0, x0, #1");
CODE (c_loop, "mov x2, #50\n 1: add x0, x0, #1\n subs x2, x2, #1\n b.ne 1b\n nop");

static void
set_break (u64 address, u64 control)
{
  WRITE (dbgbvr0_el1, address);
  WRITE (dbgbcr0_el1, control | BCR_BAS);
  WRITE (mdscr_el1, MDSCR_MDE);
}

static void
test_breakpoints (void)
{
  u64 low = (u64) c_three, high = el0_address (c_three);

  // Seen before, so that it is known to whatever keeps code.
  check_end ("break-not-set", run (c_three, EL0, 0, 0));
  set_break (high + 4, ON | AT_EL0);
  const Trap *t = run (c_three, EL0, 0, 0);
  check_trap ("break-el0", t, FROM_EL0, BREAKPOINT (0), 4);
  check ("break-el0-before-it", t->x[0], 1);
  // It is taken again when it is returned to, and steps over with software step only.
  t = run_at (high + 4, EL0, 0, 0);
  check_trap ("break-again", t, FROM_EL0, BREAKPOINT (0), 0);
  check_end ("break-after-it", run_at (high + 8, EL0, 0, 0));
  check_end ("break-not-this-address-el1", run (c_three, EL1H & ~(u64) SPSR_D, 0, 0));
  // Enables, one by one.
  WRITE (mdscr_el1, 0);
  check_end ("break-mde-off", run (c_three, EL0, 0, 0));
  WRITE (mdscr_el1, MDSCR_MDE);
  check_trap ("break-mde-on", run (c_three, EL0, 0, 0), FROM_EL0, BREAKPOINT (0), 4);
  WRITE (oslar_el1, 1);
  check_end ("break-os-lock", run (c_three, EL0, 0, 0));
  WRITE (oslar_el1, 0);
  set_break (high + 4, AT_EL0);
  check_end ("break-e-off", run (c_three, EL0, 0, 0));
  set_break (high + 4, ON | AT_EL1);
  check_end ("break-pmc-el1", run (c_three, EL0, 0, 0));
  // At EL1: KDE, PSTATE.D.
  set_break (low + 8, ON | AT_EL1);
  check_end ("break-el1-kde-off", run (c_three, EL1H & ~(u64) SPSR_D, 0, 0));
  WRITE (mdscr_el1, MDSCR_MDE | MDSCR_KDE);
  check_end ("break-el1-masked", run (c_three, EL1H, 0, 0));
  t = run (c_three, EL1H & ~(u64) SPSR_D, 0, 0);
  check_trap ("break-el1", t, FROM_EL1H, BREAKPOINT (1), 8);
  check ("break-el1-before-it", t->x[0], 2);
  set_break (low + 8, ON | AT_EL0);
  WRITE (mdscr_el1, MDSCR_MDE | MDSCR_KDE);
  check_end ("break-pmc-el0", run (c_three, EL1H & ~(u64) SPSR_D, 0, 0));
  // Moved, while it is enabled.
  set_break (high, ON | AT_EL0);
  check_trap ("break-first", run (c_three, EL0, 0, 0), FROM_EL0, BREAKPOINT (0), 0);
  WRITE (dbgbvr0_el1, high + 8);
  check_trap ("break-moved", run (c_three, EL0, 0, 0), FROM_EL0, BREAKPOINT (0), 8);
  // In a loop that has run before.
  u64 loop = el0_address (c_loop);
  check_end ("break-loop-without", run (c_loop, EL0, 0, 0));
  WRITE (dbgbvr0_el1, loop + 12);
  t = run (c_loop, EL0, 0, 0);
  check_trap ("break-loop", t, FROM_EL0, BREAKPOINT (0), 12);
  check ("break-loop-count", t->x[0], 1);
  WRITE (dbgbvr0_el1, loop + 16);
  check ("break-loop-end-count", run (c_loop, EL0, 0, 0)->x[0], 50);
  // Before an instruction that is undefined, after an instruction abort (D1.3.5.5).
  set_break (el0_address (c_udf), ON | AT_EL0);
  check_trap ("break-before-undefined", run (c_udf, EL0, 0, 0), FROM_EL0, BREAKPOINT (0), 0);
  check_trap ("break-before-illegal-state", run (c_udf, EL0 | SPSR_IL, 0, 0), FROM_EL0,
              BREAKPOINT (0), 0);
  // qemu: abort-before-break: it knows the address before it looks the page up.
  set_break (0x7000000000, ON | AT_EL0);
  check_fault ("abort-before-break", run_at (0x7000000000, EL0, 0, 0), FROM_EL0, ESR (0x20, 0x05),
               0, 0x7000000000);
  // The last breakpoint there is.
  all_off ();
  unsigned n = (READ (id_aa64dfr0_el1) >> 12 & 15) + 1;
  check_that ("breakpoints-six", n >= 6);
  WRITE (dbgbvr5_el1, high + 4);
  WRITE (dbgbcr5_el1, ON | AT_EL0 | BCR_BAS);
  WRITE (mdscr_el1, MDSCR_MDE);
  check_trap ("break-5", run (c_three, EL0, 0, 0), FROM_EL0, BREAKPOINT (0), 4);
  // Linked to a context: address at 0, CONTEXTIDR_EL1 at 5.
  WRITE (dbgbvr5_el1, 0x1234);
  WRITE (dbgbcr5_el1, ON | AT_EL0 | BCR_BAS | 3 << 20);
  check_end ("break-context-alone", run (c_three, EL0, 0, 0));
  set_break (high + 4, ON | AT_EL0 | 1 << 20 | 5 << 16);
  check_end ("break-linked-other-context", run (c_three, EL0, 0, 0));
  WRITE (contextidr_el1, 0x1234);
  check_trap ("break-linked", run (c_three, EL0, 0, 0), FROM_EL0, BREAKPOINT (0), 4);
  WRITE (dbgbcr0_el1, 0);
  // qemu: break-context: unlinked context breakpoints are not implemented there.
  WRITE (dbgbcr5_el1, ON | AT_EL0 | BCR_BAS | 2 << 20);
  check_trap ("break-context", run (c_three, EL0, 0, 0), FROM_EL0, BREAKPOINT (0), 0);
  WRITE (dbgbcr5_el1, 0);
  all_off ();
}

// ---- watchpoints ----------------------------------------------------------------------------

CODE (c_ldr, "nop\n ldr x1, [x0]");
CODE (c_ldrb, "nop\n ldrb w1, [x0]");
CODE (c_str, "nop\n str x1, [x0]");
CODE (c_strb, "nop\n strb w1, [x0]");
CODE (c_ldp, "nop\n ldp x1, x2, [x0]");
CODE (c_stp, "nop\n stp x1, x2, [x0]");
CODE (c_ldr_q, "nop\n .inst 0x3dc00000");
CODE (c_st1, "nop\n .inst 0x4c007000");   // ST1 {V0.16B}, [X0]
CODE (c_ldadd, "nop\n .inst 0xf8220001"); // LDADD X2, X1, [X0]
CODE (c_stxr, "ldxr x1, [x0]\n stxr w2, x1, [x0]\n cbz w2, 1f\n 1: nop");
CODE (c_zva, "nop\n dc zva, x0");
CODE (c_ldtr, "nop\n ldtr x1, [x0]");
CODE (c_prfm, "nop\n prfm pldl1keep, [x0]");
CODE (c_post, "nop\n str x1, [x0], #8");
CODE (c_civac, "nop\n dc civac, x0");

static void
set_watch (u64 address, u64 control)
{
  WRITE (dbgwvr0_el1, address);
  WRITE (dbgwcr0_el1, control);
  WRITE (mdscr_el1, MDSCR_MDE);
}

static void
test_watchpoints (void)
{
  u64 page = page_new (), at = page + EL0_DATA + 0x100;
  const u64 both = ON | AT_EL0 | LOADS | STORES | BAS (0xff);

  check_end ("watch-not-set", run (c_str, EL0, at, 1));
  check_end ("watch-not-set-load", run (c_ldr, EL0, at, 0));
  // qemu: watch-pair: newer ones take a pair of loads, and any of them vectors, for a store.
  // qemu: watch-vector: the same.
  // qemu: watch-atomic: the same; ISS.WnR is 0 for an atomic that the read would have matched.
  set_watch (at, both);
  check_fault ("watch-load", run (c_ldr, EL0, at, 0), FROM_EL0, WATCHPOINT (0, 0), 4, at);
  check_fault ("watch-store", run (c_str, EL0, at, 2), FROM_EL0, WATCHPOINT (0, WNR), 4, at);
  check ("watch-store-not-done", *(volatile u64 *) (page + 0x100), 1);
  check_end ("watch-beside", run (c_str, EL0, at + 8, 7));
  check_end ("watch-beside-below", run (c_strb, EL0, at - 1, 7));
  check ("watch-beside-done", *(volatile u64 *) (page + 0x108), 7);
  // An access that only touches it, from below.
  const Trap *t = run (c_str, EL0, at - 4, 0);
  check_trap ("watch-overlap", t, FROM_EL0, WATCHPOINT (0, WNR), 4);
  check_that ("watch-overlap-far", t->far >= at - 4 && t->far < at + 4);
  t = run (c_ldp, EL0, at - 8, 0);
  check_trap ("watch-pair", t, FROM_EL0, WATCHPOINT (0, 0), 4);
  check_that ("watch-pair-far", t->far >= at - 8 && t->far < at + 8);
  t = run (c_stp, EL0, at - 8, 0x99);
  check_trap ("watch-pair-store", t, FROM_EL0, WATCHPOINT (0, WNR), 4);
  t = run (c_ldr_q, EL0, at, 0);
  check_trap ("watch-vector", t, FROM_EL0, WATCHPOINT (0, 0), 4);
  t = run (c_st1, EL0, at, 0);
  check_trap ("watch-structure", t, FROM_EL0, WATCHPOINT (0, WNR), 4);
  check ("watch-keeps-base", run (c_post, EL0, at, 0)->x[0], at);
  check_end ("watch-prefetch", run (c_prfm, EL0, at, 0));
  // Maintenance that cleans is no access; zeroing is a store.
  check_end ("watch-dc-civac", run (c_civac, EL0, at, 0));
  t = run (c_zva, EL0, at, 0);
  check_trap ("watch-dc-zva", t, FROM_EL0, WATCHPOINT (0, WNR), 4);
  // FAR is between the start of what is zeroed and the last byte that is watched (D2.10.5).
  u64 zva = BIT ((READ (dczid_el0) & 0xf) + 2), block = at & ~(zva - 1);
  t = run (c_zva, EL0, block + zva - 1, 0);
  check_trap ("watch-dc-zva-above", t, FROM_EL0, WATCHPOINT (0, WNR), 4);
  check_that ("watch-dc-zva-above-far", t->far >= block && t->far < at + 8);
  // Both: reported as a read if a read would have been (D19.2.37, ISS.WnR).
  check_fault ("watch-atomic", run (c_ldadd, EL0, at, 0), FROM_EL0, WATCHPOINT (0, 0), 4, at);
  set_watch (at, (both & ~(u64) LOADS));
  check_fault ("watch-atomic-stores", run (c_ldadd, EL0, at, 0), FROM_EL0, WATCHPOINT (0, WNR), 4,
               at);
  check_fault ("watch-store-exclusive", run (c_stxr, EL0, at, 0), FROM_EL0, WATCHPOINT (0, WNR), 4,
               at);
  check_end ("watch-stores-only", run (c_ldr, EL0, at, 0));
  set_watch (at, (both & ~(u64) STORES));
  check_end ("watch-loads-only", run (c_str, EL0, at, 1));
  // Bytes.
  set_watch (at, ON | AT_EL0 | LOADS | STORES | BAS (0x0c));
  check_end ("watch-byte-1", run (c_ldrb, EL0, at + 1, 0));
  check_fault ("watch-byte-2", run (c_ldrb, EL0, at + 2, 0), FROM_EL0, WATCHPOINT (0, 0), 4,
               at + 2);
  check_fault ("watch-byte-3", run (c_strb, EL0, at + 3, 0), FROM_EL0, WATCHPOINT (0, WNR), 4,
               at + 3);
  check_end ("watch-byte-4", run (c_strb, EL0, at + 4, 0));
  set_watch (at + 4, ON | AT_EL0 | LOADS | STORES | BAS (0x01));
  check_fault ("watch-word-byte-4", run (c_strb, EL0, at + 4, 0), FROM_EL0, WATCHPOINT (0, WNR), 4,
               at + 4);
  check_end ("watch-word-byte-5", run (c_strb, EL0, at + 5, 0));
  // A power of two: 4 KiB and two pages.
  u64 start = page + EL0_DATA + 0x2000;
  set_watch (start, both | MASK (13));
  check_end ("watch-mask-below", run (c_strb, EL0, start - 1, 0));
  check_fault ("watch-mask-first", run (c_strb, EL0, start, 0), FROM_EL0, WATCHPOINT (0, WNR), 4,
               start);
  check_fault ("watch-mask-last", run (c_strb, EL0, start + 0x1fff, 0), FROM_EL0,
               WATCHPOINT (0, WNR), 4, start + 0x1fff);
  check_end ("watch-mask-above", run (c_strb, EL0, start + 0x2000, 0));
  // Who.
  set_watch (page + 0x100, ON | AT_EL1 | LOADS | STORES | BAS (0xff));
  check_end ("watch-el1-kde-off", run (c_ldr, EL1H & ~(u64) SPSR_D, page + 0x100, 0));
  WRITE (mdscr_el1, MDSCR_MDE | MDSCR_KDE);
  check_end ("watch-el1-masked", run (c_ldr, EL1H, page + 0x100, 0));
  check_fault ("watch-el1", run (c_ldr, EL1H & ~(u64) SPSR_D, page + 0x100, 0), FROM_EL1H,
               WATCHPOINT (1, 0), 4, page + 0x100);
  set_watch (at, ON | AT_EL1 | LOADS | STORES | BAS (0xff));
  check_end ("watch-pac-el1", run (c_ldr, EL0, at, 0));
  // LDTR is an access of EL0.
  set_watch (at, both);
  WRITE (mdscr_el1, MDSCR_MDE | MDSCR_KDE);
  check_fault ("watch-ldtr", run (c_ldtr, EL1H & ~(u64) SPSR_D, at, 0), FROM_EL1H,
               WATCHPOINT (1, 0), 4, at);
  check_end ("watch-el1-not-el0", run (c_ldr, EL1H & ~(u64) SPSR_D, at, 0));
  // An abort goes first.
  set_watch (0x7000000000, both);
  check_fault ("abort-before-watch", run (c_ldr, EL0, 0x7000000000, 0), FROM_EL0, ESR (0x24, 0x05),
               4, 0x7000000000);
  // Tags are not looked at (D2.10.4: the address after address tagging).
  // qemu: watch-tagged: they are there.
  WRITE (tcr_el1, READ (tcr_el1) | TCR_TBI0);
  set_watch (at, both);
  u64 tagged = at | 0x5aull << 56;
  check_fault ("watch-tagged", run (c_ldr, EL0, tagged, 0), FROM_EL0, WATCHPOINT (0, 0), 4, tagged);
  WRITE (tcr_el1, READ (tcr_el1) & ~TCR_TBI0);
  all_off ();
  check_end ("watch-off", run (c_str, EL0, at, 1));
  unsigned n = (READ (id_aa64dfr0_el1) >> 20 & 15) + 1;
  check_that ("watchpoints-four", n >= 4);
  WRITE (dbgwvr3_el1, at);
  WRITE (dbgwcr3_el1, both);
  WRITE (mdscr_el1, MDSCR_MDE);
  check_fault ("watch-3", run (c_ldr, EL0, at, 0), FROM_EL0, WATCHPOINT (0, 0), 4, at);
  WRITE (dbgwcr3_el1, 0);
  // Stepping over one, as a debugger does.
  set_watch (at, both);
  WRITE (mdscr_el1, MDSCR_SS | MDSCR_MDE);
  WRITE (dbgwcr0_el1, 0);
  check_trap ("watch-step-over", run_at (el0_address (c_ldr) + 4, EL0 | SPSR_SS, at, 0), FROM_EL0,
              STEP (0, ISV), 4);
  all_off ();
}

void
test_main (void)
{
  start_mmu ();
  WRITE (oslar_el1, 0);
  WRITE (osdlr_el1, 0);
  all_off ();
  test_step ();
  test_breakpoints ();
  test_watchpoints ();
}
