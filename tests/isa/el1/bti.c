// SPDX-License-Identifier: GPL-3.0-or-later
// cpu-features: pauth,bti
// Branch target identification (D8.4.6, FEAT_BTI): which instruction of a guarded page takes which
// kind of branch, the exception otherwise (EC 0x0d, with BTYPE in ISS and SPSR_EL1), and what
// clears and keeps PSTATE.BTYPE.
#include "el1.h"

#define GUARDED  BIT (50)
#define SCTLR_BT (BIT (35) | BIT (36)) // BT0, BT1: PACIxSP take no BTYPE 3
#define WINDOW   0x200000000u          // the snippets again, guarded, for EL1
#define WINDOW_0 0x240000000u          // and for EL0
#define OPEN     0x280000000u          // and not guarded, for EL1

enum { PAGE = 0x1000, PAGES_OF_CODE = 16, SPSR_BTYPE = 10 };

const Trap *run_code (u64 pc, u64 spsr, const u64 *x);

// Branches; x0 has the target. One in a guarded page starts after a landing pad of its own.
CODE (b_br, "hint #36\n br x0");
CODE (b_br16, "mov x16, x0\n br x16");
CODE (b_br17, "mov x17, x0\n br x17");
CODE (b_blr, "blr x0");
CODE (b_blr16, "mov x16, x0\n blr x16");
CODE (b_ret, "ret x0");

// Targets.
CODE (t_bti, "hint #32");
CODE (t_bti_c, "hint #34");
CODE (t_bti_j, "hint #36");
CODE (t_bti_jc, "hint #38");
CODE (t_nop, "nop");
CODE (t_paciasp, "hint #25");
CODE (t_pacibsp, "hint #27");
CODE (t_paciaz, "hint #24");
CODE (t_brk, "brk #3");
CODE (t_hlt, "hlt #3");
CODE (t_udf, "udf #0");

static u64 first_page; // of the snippets

static u64
in (u64 window, const u32 *code)
{
  return window + ((u64) code - first_page);
}

static void
map_windows (void)
{
  first_page = (u64) b_br & ~(u64) (PAGE - 1);
  for (unsigned i = 0; i < PAGES_OF_CODE; i++) {
    u64 pa = first_page + i * PAGE;

    map (&low_space, WINDOW + i * PAGE, pa, 3, D_RAM | D_UXN | D_RO | GUARDED);
    map (&low_space, OPEN + i * PAGE, pa, 3, D_RAM | D_UXN | D_RO);
    map (&low_space, WINDOW_0 + i * PAGE, pa, 3, D_RAM | D_PXN | D_RO | D_EL0 | GUARDED);
  }
  flush_tlb ();
}

typedef struct Branch {
  const char *what;
  const u32 *code;
  unsigned btype;      // from a guarded page
  unsigned open_btype; // from another
} Branch;

static const Branch branches[] = {
    {"br", b_br, 3, 1},   {"br16", b_br16, 1, 1},   {"br17", b_br17, 1, 1},
    {"blr", b_blr, 2, 2}, {"blr16", b_blr16, 2, 2}, {"ret", b_ret, 0, 0},
};

typedef struct Target {
  const char *what;
  const u32 *code;
  u8 takes; // a bit for each BTYPE; of PACIxSP under SCTLR_EL1.BTn
  u64 esr;  // if it is taken
} Target;

static const Target targets[] = {
    {"bti", t_bti, 1, ESR_END},
    {"bti-c", t_bti_c, 1 | 2 | 4, ESR_END},
    {"bti-j", t_bti_j, 1 | 2 | 8, ESR_END},
    {"bti-jc", t_bti_jc, 1 | 2 | 4 | 8, ESR_END},
    {"nop", t_nop, 1, ESR_END},
    {"paciasp", t_paciasp, 1 | 2 | 4, ESR_END},
    {"pacibsp", t_pacibsp, 1 | 2 | 4, ESR_END},
    {"paciaz", t_paciaz, 1, ESR_END},
    {"brk", t_brk, 15, ESR (0x3c, 3)},
    {"hlt", t_hlt, 15, ESR (0, 0)},
    {"udf", t_udf, 1, ESR (0, 0)},
};

static void
test_branch (const Branch *branch, const Target *target, u64 from, u64 to, bool bt)
{
  u64 x[8] = {in (to, target->code)}, spsr = to == WINDOW_0 ? EL0 : EL1H;
  unsigned btype = from == OPEN ? branch->open_btype : branch->btype, takes = target->takes;
  bool pac = target->code == t_paciasp || target->code == t_pacibsp;
  const char *what =
      name ("%s-to-%s%s%s%s", branch->what, target->what, from == OPEN ? "-from-open" : "",
            to == WINDOW_0 ? "-el0"
            : to == OPEN   ? "-open"
                           : "",
            bt ? "-bt" : "");

  if (pac && !bt)
    takes = 15;
  // Twice: what is known of the target by then makes no difference.
  for (unsigned i = 0; i < 2; i++) {
    const Trap *t = run_code (in (from, branch->code), spsr, x);

    if (to != OPEN && !(takes >> btype & 1)) {
      check (name ("%s-esr", what), t->esr, ESR (0x0d, btype));
      check (name ("%s-elr", what), t->elr, x[0]);
      check (name ("%s-btype", what), t->spsr >> SPSR_BTYPE & 3, btype);
      continue;
    }
    check (what, t->esr, target->esr);
    // D1.3.1 (TakeException): a BRK keeps what the branch left.
    if (target->code == t_brk)
      check (name ("%s-btype", what), t->spsr >> SPSR_BTYPE & 3, btype);
    else if (t->esr == ESR_END)
      check (name ("%s-btype", what), t->spsr >> SPSR_BTYPE & 3, 0);
  }
}

static void
test_branches (bool bt)
{
  for (unsigned b = 0; b < sizeof branches / sizeof *branches; b++)
    for (unsigned i = 0; i < sizeof targets / sizeof *targets; i++) {
      test_branch (&branches[b], &targets[i], WINDOW, WINDOW, bt);
      test_branch (&branches[b], &targets[i], OPEN, WINDOW, bt);
      test_branch (&branches[b], &targets[i], WINDOW, OPEN, bt);
      test_branch (&branches[b], &targets[i], WINDOW_0, WINDOW_0, bt);
    }
}

// A return from an exception with BTYPE in SPSR_EL1 is as a branch that left it.
static void
test_return (void)
{
  for (unsigned btype = 0; btype < 4; btype++)
    for (unsigned i = 0; i < sizeof targets / sizeof *targets; i++) {
      const u64 x[8] = {0};
      bool pac = targets[i].code == t_paciasp || targets[i].code == t_pacibsp;
      bool taken = pac || (targets[i].takes >> btype & 1);
      const char *what = name ("eret-%d-to-%s", btype, targets[i].what);
      u64 pc = in (WINDOW, targets[i].code);
      const Trap *t = run_code (pc, EL1H | btype << SPSR_BTYPE, x);

      check (what, t->esr, taken ? targets[i].esr : ESR (0x0d, btype));
      if (!taken)
        check (name ("%s-elr", what), t->elr, pc);
    }
}

// Before any code of a guarded page ran. The last address is what an engine may keep for "no address".
static void
test_open (void)
{
  const u64 last[8] = {~(u64) 0}, brk[8] = {in (OPEN, t_brk)}, nop[8] = {in (OPEN, t_nop)};

  for (unsigned i = 0; i < 3; i++) {
    const Trap *t = run_code (in (OPEN, b_blr), EL1H, nop);

    check ("unguarded", t->esr, ESR_END);
    check ("unguarded-btype", t->spsr >> SPSR_BTYPE & 3, 0);
    t = run_code (in (OPEN, b_blr), EL1H, brk);
    check ("unguarded-brk-btype", t->spsr >> SPSR_BTYPE & 3, 2);
    t = run_code (in (OPEN, b_blr), EL1H, last);
    // qemu: last-esr: 7.2 looks at the page first; newer ones do as we do.
    check ("last-esr", t->esr, ESR (0x22, 0));
    check ("last-btype", t->spsr >> SPSR_BTYPE & 3, 2);
    t = run_code (in (OPEN, b_br), EL1H, last);
    check ("last-jump-btype", t->spsr >> SPSR_BTYPE & 3, 1);
  }
}

// Exceptions before the target: an unmapped page, a misaligned address, a step.
static void
test_priority (void)
{
  const u64 nowhere[8] = {WINDOW + PAGES_OF_CODE * PAGE}, odd[8] = {in (WINDOW, t_nop) + 2};
  const Trap *t = run_code (in (WINDOW, b_br), EL1H, nowhere);

  check ("unmapped-esr", t->esr, ESR (0x21, 7));
  check ("unmapped-btype", t->spsr >> SPSR_BTYPE & 3, 3);
  t = run_code (in (WINDOW, b_blr), EL1H, odd);
  check ("misaligned-esr", t->esr, ESR (0x22, 0));
  check ("misaligned-btype", t->spsr >> SPSR_BTYPE & 3, 2);

  const u64 pad[8] = {in (WINDOW_0, t_nop)};
  WRITE (oslar_el1, 0);
  WRITE (mdscr_el1, 1);
  t = run_code (in (WINDOW_0, b_blr), EL0 | SPSR_SS, pad);
  WRITE (mdscr_el1, 0);
  check ("step-ec", t->esr >> EC_SHIFT, 0x32);
  check ("step-elr", t->elr, pad[0]);
  check ("step-btype", t->spsr >> SPSR_BTYPE & 3, 2);
}

void
test_main (void)
{
  start_mmu ();
  if ((READ (id_aa64pfr1_el1) & 15) == 0) {
    check ("absent-spsr", ({
             const u64 x[8] = {0};
             run_code ((u64) t_nop, EL1H | 3 << SPSR_BTYPE, x)->esr;
           }),
           ESR_END);
    return;
  }
  map_windows ();
  sctlr_set (0, SCTLR_BT);
  test_open ();
  test_branches (false);
  test_return ();
  sctlr_set (SCTLR_BT, 0);
  test_branches (true);
  test_priority ();
}
