// SPDX-License-Identifier: GPL-3.0-or-later
// Exceptions that instructions generate, their entry and return (D1.3 to D1.5, and D19.2.37 for
// the syndromes): vector, ESR_EL1, ELR_EL1, FAR_EL1, SPSR_EL1.
#include "el1.h"

CODE (c_svc, "svc #0x1234");
CODE (c_brk, "nop\n brk #0x5678");
CODE (c_udf, "nop\n udf #7");
CODE (c_hlt, "hlt #1");
CODE (c_smc, "smc #0");
CODE (c_hvc, "hvc #0");
CODE (c_dcps1, "dcps1");
CODE (c_drps, "drps");
CODE (c_eret, "eret");
CODE (c_nop, "nop");
// Encodings without a meaning.
CODE (c_mrs_none, ".inst 0xd53ef000"); // MRS X0, S3_6_C15_C0_0
CODE (c_msr_midr, "msr s3_0_c0_c0_0, x0");
CODE (c_mrs_eoir, ".inst 0xd538cc20"); // MRS X0, ICC_EOIR1_EL1, which is write-only
CODE (c_msr_iar, ".inst 0xd518cc00");  // MSR ICC_IAR1_EL1, X0, which is read-only
CODE (c_mrs_ttbr, "mrs x0, ttbr0_el1");
CODE (c_msr_vbar, "msr vbar_el1, x0");
CODE (c_mrs_sp_el0, "mrs x0, sp_el0");
CODE (c_msr_spsel, "msr spsel, #0");
CODE (c_msr_pan, ".inst 0xd500419f");
CODE (c_msr_uao, ".inst 0xd503417f ^ 0x00030000"); // MSR UAO, #1
CODE (c_tlbi, "tlbi vmalle1");
CODE (c_ic_iallu, "ic iallu");
CODE (c_dc_ivac, "dc ivac, x0");
CODE (c_at, "at s1e1r, x0");
CODE (c_ldlar, ".inst 0xc8df7c01");  // LDLAR X1, [X0]
CODE (c_stllrb, ".inst 0x089f7c01"); // STLLRB W1, [X0]

#define UNDEFINED ESR (0, 0)

typedef struct Case {
  const char *what;
  const u32 *code;
  u64 esr;
  unsigned at;
} Case;

static const Case anywhere[] = {
    {"svc", c_svc, ESR (0x15, 0x1234), 4},
    {"brk", c_brk, ESR (0x3c, 0x5678), 4},
    {"udf", c_udf, UNDEFINED, 4},
    {"hlt", c_hlt, UNDEFINED, 0}, // halting is not allowed
    {"smc", c_smc, UNDEFINED, 0}, // no EL3
    {"dcps1", c_dcps1, UNDEFINED, 0},
    {"drps", c_drps, UNDEFINED, 0},
    {"mrs-unallocated", c_mrs_none, UNDEFINED, 0},
    {"msr-read-only", c_msr_midr, UNDEFINED, 0},
    {"mrs-write-only-icc", c_mrs_eoir, UNDEFINED, 0},
    {"msr-read-only-icc", c_msr_iar, UNDEFINED, 0},
    // qemu: *-ldlar: it has FEAT_LOR.
    // qemu: *-stllrb: the same.
    {"ldlar", c_ldlar, UNDEFINED, 0},
    {"stllrb", c_stllrb, UNDEFINED, 0},
    {"nothing", c_nop, ESR_END, 8},
};

static const Case undefined_at_el0[] = {
    {"hvc", c_hvc, UNDEFINED, 0},
    {"eret", c_eret, UNDEFINED, 0},
    {"mrs-ttbr0", c_mrs_ttbr, UNDEFINED, 0},
    {"msr-vbar", c_msr_vbar, UNDEFINED, 0},
    {"mrs-sp_el0", c_mrs_sp_el0, UNDEFINED, 0},
    {"msr-spsel", c_msr_spsel, UNDEFINED, 0},
    {"msr-pan", c_msr_pan, UNDEFINED, 0},
    {"msr-uao", c_msr_uao, UNDEFINED, 0},
    {"tlbi", c_tlbi, UNDEFINED, 0},
    {"ic-iallu", c_ic_iallu, UNDEFINED, 0},
    {"dc-ivac", c_dc_ivac, UNDEFINED, 0},
    {"at", c_at, UNDEFINED, 0},
};

static void
test_generated (void)
{
  static const struct {
    const char *where;
    u64 spsr, vector;
  } levels[] = {{"el0", EL0, FROM_EL0}, {"el1t", EL1T, FROM_EL1T}, {"el1h", EL1H, FROM_EL1H}};

  for (unsigned l = 0; l < 3; l++)
    for (unsigned i = 0; i < sizeof anywhere / sizeof *anywhere; i++) {
      const Case *c = &anywhere[i];
      const Trap *t = run (c->code, levels[l].spsr, 0, 0);

      check_trap (name ("%s-%s", levels[l].where, c->what), t, levels[l].vector, c->esr, c->at);
      check (name ("%s-%s-spsr", levels[l].where, c->what), t->spsr, levels[l].spsr);
    }
  for (unsigned i = 0; i < sizeof undefined_at_el0 / sizeof *undefined_at_el0; i++) {
    const Case *c = &undefined_at_el0[i];

    check_trap (name ("el0-%s", c->what), run (c->code, EL0, 0, 0), FROM_EL0, c->esr, c->at);
  }
  // SP_EL0 is not reachable by name while it is SP.
  check_trap ("el1t-mrs-sp_el0", run (c_mrs_sp_el0, EL1T, 0, 0), FROM_EL1T, UNDEFINED, 0);
  check_end ("el1h-mrs-sp_el0", run (c_mrs_sp_el0, EL1H, 0, 0));
}

// ---- PSTATE ---------------------------------------------------------------------------------

CODE (c_flags, "msr nzcv, x0\n svc #0");

static void
test_pstate (void)
{
  const Trap *t = run (c_flags, EL0, 0xa0000000, 0);

  check ("spsr-nzcv", t->spsr, 0xa0000000 | EL0);
  t = run (c_svc, EL0 & ~(u64) 0x280, 0, 0);
  check ("spsr-daif", t->spsr, EL0 & ~(u64) 0x280);
  check ("entry-masks-all", READ (daif), 0x3c0);
  check ("entry-selects-sp_el1", READ (spsel), 1);
  check ("current-el", READ (currentel), 4);
  t = run (c_svc, EL1H | SPSR_PAN | SPSR_UAO, 0, 0);
  check ("spsr-pan-uao", t->spsr, EL1H | SPSR_PAN | SPSR_UAO);
  check ("entry-clears-uao", t->uao, 0);
  check ("entry-keeps-pan-with-span", t->pan, BIT (22));
  t = run (c_svc, EL0, 0, 0);
  check ("entry-keeps-no-pan-with-span", t->pan, 0);
  sctlr_set (0, SCTLR_SPAN);
  check ("entry-sets-pan-without-span", run (c_svc, EL0, 0, 0)->pan, BIT (22));
  sctlr_set (SCTLR_SPAN, 0);
}

// SPSel: EL1t has the EL0 stack pointer.
CODE (c_sp, "mov x0, sp\n msr spsel, #0\n mov x1, sp\n msr spsel, #1\n mov x2, sp\n svc #0");

static void
test_stack_pointers (void)
{
  WRITE (sp_el0, 0x12340);
  const Trap *t = run (c_sp, EL1H, 0, 0);

  check ("spsel-0-is-sp_el0", t->x[1], 0x12340);
  check ("spsel-1-is-sp_el1", t->x[2], t->x[0]);
}

// ---- illegal return and illegal state -------------------------------------------------------

CODE (c_return, "msr elr_el1, x0\n msr spsr_el1, x1\n eret");

#define ILLEGAL ESR (0x0e, 0)

static void
test_illegal (void)
{
  // An Exception level that is not implemented or higher, a reserved M[1:0], SP_EL1 at EL0, and
  // AArch32 at EL1.
  static const u8 modes[] = {0x1, 0x2, 0x3, 0x6, 0x7, 0x8, 0x9, 0xc, 0xd, 0x13, 0x1f};

  for (unsigned i = 0; i < sizeof modes; i++) {
    u64 spsr = 0x600003c0 | modes[i];
    const Trap *t = run (c_return, EL1H, (u64) c_nop, spsr);

    check (name ("illegal-return-%x-esr", (u64) modes[i]), t->esr, ILLEGAL);
    check (name ("illegal-return-%x-elr", (u64) modes[i]), t->elr, (u64) c_nop);
    check (name ("illegal-return-%x-vector", (u64) modes[i]), t->vector, FROM_EL1H);
    // The flags and masks come from the SPSR, the mode stays.
    check (name ("illegal-return-%x-spsr", (u64) modes[i]), t->spsr & 0xf01003df, 0x601003c5);
  }
  // A return that sets PSTATE.IL is legal itself.
  check_trap ("il-el0", run (c_nop, EL0 | SPSR_IL, 0, 0), FROM_EL0, ILLEGAL, 0);
  const Trap *t = run (c_nop, EL1T | SPSR_IL, 0, 0);
  check_trap ("il-el1t", t, FROM_EL1T, ILLEGAL, 0);
  check ("il-el1t-spsr", t->spsr, EL1T | SPSR_IL);
  // Even what would be undefined reports the state first, but PC alignment and instruction aborts
  // come before (D1.3.5.5).
  check_trap ("il-before-undefined", run (c_udf, EL0 | SPSR_IL, 0, 0), FROM_EL0, ILLEGAL, 0);
  u64 odd = el0_address (c_nop) + 2;
  check_fault ("pc-alignment-before-il", run_at (odd, EL0 | SPSR_IL, 0, 0), FROM_EL0, ESR (0x22, 0),
               0, odd);
  check_fault ("instruction-abort-before-il", run_at (0x7000000000, EL0 | SPSR_IL, 0, 0), FROM_EL0,
               ESR (0x20, 0x05), 0, 0x7000000000);
}

// ---- alignment of PC and SP -----------------------------------------------------------------

CODE (c_branch, "br x0");

static void
test_pc_alignment (void)
{
  for (unsigned odd = 1; odd < 4; odd++) {
    u64 pc = el0_address (c_nop) + odd;

    check_fault (name ("pc-alignment-el0-%d", odd), run_at (pc, EL0, 0, 0), FROM_EL0, ESR (0x22, 0),
                 0, pc);
  }
  u64 pc = (u64) c_nop + 2;
  const Trap *t = run (c_branch, EL1H, pc, 0);
  check ("pc-alignment-br-esr", t->esr, ESR (0x22, 0));
  check ("pc-alignment-br-elr", t->elr, pc);
  check ("pc-alignment-br-far", t->far, pc);
  // It comes before the abort of a page that is not there (D1.3.5.5: priorities 2 and 3).
  // qemu: pc-alignment-unmapped: 7.2 looks at the page first; newer ones do as we do.
  pc = 0x7000000002;
  check_fault ("pc-alignment-unmapped", run_at (pc, EL1H, 0, 0), FROM_EL1H, ESR (0x22, 0), 0, pc);
}

#define BAD_SP "mov x2, sp\n sub sp, sp, #264\n"
CODE (c_sp_ldr, BAD_SP "ldr x1, [sp]\n mov sp, x2");
CODE (c_sp_str, BAD_SP "str wzr, [sp, #-256]!\n mov sp, x2");
CODE (c_sp_ldrb, BAD_SP "ldrb w1, [sp, #3]\n mov sp, x2");
CODE (c_sp_ldp, BAD_SP "ldp x0, x1, [sp]\n mov sp, x2");
CODE (c_sp_ldtr, BAD_SP "ldtr x1, [sp]\n mov sp, x2");
CODE (c_sp_ldxr, BAD_SP "ldxr x1, [sp]\n mov sp, x2");
CODE (c_sp_stlr, BAD_SP "stlr xzr, [sp]\n mov sp, x2");
CODE (c_sp_ldadd, BAD_SP ".inst 0xf83003e1\n mov sp, x2"); // LDADD X16, X1, [SP]
CODE (c_sp_ldrq, BAD_SP ".inst 0x3dc003e0\n mov sp, x2");  // LDR Q0, [SP]
CODE (c_sp_ld1, BAD_SP ".inst 0x4c4073e0\n mov sp, x2");   // LD1 {V0.16B}, [SP]
CODE (c_sp_add, BAD_SP "add x0, sp, #1\n mov sp, x2");

// qemu: sp-alignment-*: it has no SP alignment checks. D1.3.10.2 requires them of every access with
// SP as its base register while SCTLR_EL1.SA (at EL0: SA0) is 1; the bits are not RES0 there.
static void
test_sp_alignment (void)
{
  static const Case cases[] = {
      {"ldr", c_sp_ldr, 0, 8},   {"str-pre", c_sp_str, 0, 8}, {"ldrb", c_sp_ldrb, 0, 8},
      {"ldp", c_sp_ldp, 0, 8},   {"ldtr", c_sp_ldtr, 0, 8},   {"ldxr", c_sp_ldxr, 0, 8},
      {"stlr", c_sp_stlr, 0, 8}, {"ldadd", c_sp_ldadd, 0, 8}, {"ldr-q", c_sp_ldrq, 0, 8},
      {"ld1", c_sp_ld1, 0, 8},
  };
  static u64 room[128] __attribute__ ((aligned (16)));

  WRITE (sp_el0, el0_data (&room[96]));
  for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
    check_trap (name ("sp-alignment-el0-%s", cases[i].what), run (cases[i].code, EL0, 0, 0),
                FROM_EL0, ESR (0x26, 0), cases[i].at);
    WRITE (sp_el0, el0_data (&room[96]));
    check_trap (name ("sp-alignment-el1-%s", cases[i].what), run (cases[i].code, EL1H, 0, 0),
                FROM_EL1H, ESR (0x26, 0), cases[i].at);
  }
  sctlr_set (0, SCTLR_SA0);
  check_end ("sp-alignment-el0-off", run (c_sp_ldr, EL0, 0, 0));
  check_trap ("sp-alignment-el1-still-on", run (c_sp_ldr, EL1H, 0, 0), FROM_EL1H, ESR (0x26, 0), 8);
  sctlr_set (SCTLR_SA0, SCTLR_SA);
  check_end ("sp-alignment-el1-off", run (c_sp_ldr, EL1H, 0, 0));
  check_trap ("sp-alignment-el0-still-on", run (c_sp_ldr, EL0, 0, 0), FROM_EL0, ESR (0x26, 0), 8);
  sctlr_set (SCTLR_SA, 0);
  WRITE (sp_el0, el0_data (&room[96]));
  check_end ("sp-alignment-not-memory", run (c_sp_add, EL0, 0, 0));
}

// ---- HVC ------------------------------------------------------------------------------------

CODE (c_psci_version, "movz w0, #0x8400, lsl #16\n hvc #0\n svc #1");

static void
test_hvc (void)
{
  const Trap *t = run (c_psci_version, EL1H, 0, 0);

  check_trap ("hvc-is-psci", t, FROM_EL1H, ESR (0x15, 1), 12);
  check_that ("hvc-psci-version", t->x[0] >= 0x10000 && t->x[0] < 0x20000);
}

// With the MMU off EL0 may do as much.
static void
test_without_mmu (void)
{
  mmu_off ();
  check_trap ("mmu-off-svc-el0", run (c_svc, EL0, 0, 0), FROM_EL0, ESR (0x15, 0x1234), 4);
  check_trap ("mmu-off-brk-el1", run (c_brk, EL1H, 0, 0), FROM_EL1H, ESR (0x3c, 0x5678), 4);
  // Beyond the addresses the machine has: address size fault at level 0 (D8.2.9).
  u64 far = 0x40ull << 48;
  check_fault ("mmu-off-fetch-too-high", run_at (far, EL1H, 0, 0), FROM_EL1H, ESR (0x21, 0), 0,
               far);
}

void
test_main (void)
{
  start_mmu ();
  test_generated ();
  test_pstate ();
  test_stack_pointers ();
  test_illegal ();
  test_pc_alignment ();
  test_sp_alignment ();
  test_hvc ();
  test_without_mmu ();
}
