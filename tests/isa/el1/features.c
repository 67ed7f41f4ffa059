// SPDX-License-Identifier: GPL-3.0-or-later
// Small features that ID registers advertise and no other program is about: DIT, SSBS, CnP, TTL
// hints, WFET and WFIT, RNDR, SB, SPECRES, DPB2. What a machine has not is passed over.
#include "el1.h"

#define FIELD(reg, low) (READ (reg) >> (low) &15)
#define ISAR0           id_aa64isar0_el1
#define ISAR1           id_aa64isar1_el1
#define ISAR2           s3_0_c0_c6_2
#define DIT             s3_3_c4_c2_5
#define SSBS            s3_3_c4_c2_6
#define SPSR_DIT        BIT (24)
#define SPSR_SSBS       BIT (12)
#define SCTLR_DSSBS     BIT (44)
#define SCTLR_ENRCTX    BIT (10)

const Trap *run_code (u64 pc, u64 spsr, const u64 *x);

// ---- state bits -----------------------------------------------------------------------------

// As it is, set and cleared by immediates, and as X3 has it.
CODE (c_dit, "mrs x0, s3_3_c4_c2_5\n .inst 0xd503415f\n mrs x1, s3_3_c4_c2_5\n .inst 0xd503405f\n"
             "mrs x2, s3_3_c4_c2_5\n msr s3_3_c4_c2_5, x3");
CODE (c_ssbs, "mrs x0, s3_3_c4_c2_6\n .inst 0xd503413f\n mrs x1, s3_3_c4_c2_6\n"
              ".inst 0xd503403f\n mrs x2, s3_3_c4_c2_6\n msr s3_3_c4_c2_6, x3");

static void
test_bit (const char *what, const u32 *code, u64 bit)
{
  for (unsigned el = 0; el < 2; el++)
    for (unsigned i = 0; i < 2; i++) {
      const u64 x[8] = {0, 0, 0, i ? 0 : ~(u64) 0};
      const Trap *t =
          run_code (el ? (u64) code : el0_address (code), (el ? EL1H : EL0) | (i ? bit : 0), x);
      const char *which = name ("%s-el%d-%d", what, el, i);

      check (name ("%s-ends", which), t->esr, ESR_END);
      check (name ("%s-from-spsr", which), t->x[0], i ? bit : 0);
      check (name ("%s-set", which), t->x[1], bit);
      check (name ("%s-cleared", which), t->x[2], 0);
      check (name ("%s-to-spsr", which), t->spsr & bit, i ? 0 : bit);
    }
}

static void
test_state_bits (void)
{
  if (FIELD (id_aa64pfr0_el1, 48) != 0)
    test_bit ("dit", c_dit, SPSR_DIT);
  if (FIELD (id_aa64pfr1_el1, 4) < 2)
    return;
  test_bit ("ssbs", c_ssbs, SPSR_SSBS);
  // Exceptions set it to SCTLR_EL1.DSSBS; they leave DIT alone.
  const u64 x[8] = {0};
  sctlr_set (SCTLR_DSSBS, 0);
  run_code ((u64) c_ssbs, EL1H, x);
  check ("ssbs-after-exception", READ (s3_3_c4_c2_6), SPSR_SSBS);
  sctlr_set (0, SCTLR_DSSBS);
  run_code ((u64) c_ssbs, EL1H | SPSR_SSBS, x);
  check ("ssbs-after-exception-off", READ (s3_3_c4_c2_6), 0);
  // qemu: dit-after-exception: arm_cpu_do_interrupt_aarch64 makes a new PSTATE of mode, DAIF, PAN, TCO, SSBS and ALLINT,
  // so DIT is lost. AArch64.TakeException (J1.1) writes UAO, EL, nRW, SP, SSBS, BTYPE, SS, DAIF, IL, PAN and TCO, and
  // nothing else of PSTATE; Linux's KVM, which follows DDI 0487E.a bit by bit, keeps DIT, too.
  const u64 ones[8] = {0, 0, 0, ~(u64) 0};
  run_code ((u64) c_dit, EL1H, ones);
  check ("dit-after-exception", READ (s3_3_c4_c2_5), SPSR_DIT);
}

// ---- translation ----------------------------------------------------------------------------

static void
tlbi_va (u64 va, unsigned ttl)
{
  u64 argument = (va >> 12 & (BIT (44) - 1)) | (u64) ttl << 44;

  asm volatile("dsb sy\n tlbi vae1is, %0\n dsb sy\n isb" ::"r"(argument) : "memory");
}

// What is found through `va` before and after its descriptor changed: 0x12 if all is well. A block's
// is of 2 MiB.
static u64
remapped (u64 va, unsigned level, unsigned ttl)
{
  u64 mask = BIT (level_shift (&low_space, level)) - 1;
  u64 a = page_new () & ~mask, b = a + mask + 1;

  *(volatile u64 *) a = 1;
  *(volatile u64 *) b = 2;
  map (&low_space, va, a, level, D_RAM);
  sync ();
  u64 first = *(volatile u64 *) va;
  map (&low_space, va, b, level, D_RAM);
  tlbi_va (va, ttl);
  return first << 4 | *(volatile u64 *) va;
}

static void
test_translation (void)
{
  // Level 3 and level 2 of the 4 KiB granule, and no hint.
  check ("ttl-none", remapped (0x200000000, 3, 0), 0x12);
  if (FIELD (id_aa64mmfr2_el1, 48) != 0) {
    check ("ttl-page", remapped (0x200200000, 3, 7), 0x12);
    check ("ttl-block", remapped (0x200400000, 2, 6), 0x12);
    check ("ttl-granule-only", remapped (0x200600000, 3, 4), 0x12);
  }
  if (FIELD (id_aa64mmfr2_el1, 0) != 0) {
    u64 ttbr = READ (ttbr0_el1);

    WRITE (ttbr0_el1, ttbr | 1);
    check ("cnp-kept", READ (ttbr0_el1) & 1, 1);
    check ("cnp-translates", remapped (0x200800000, 3, 0), 0x12);
    WRITE (ttbr0_el1, ttbr);
  }
}

// ---- instructions ---------------------------------------------------------------------------

CODE (c_wfet, ".inst 0xd5031000\n mrs x1, cntvct_el0"); // WFET X0
CODE (c_wfit, ".inst 0xd5031020\n mrs x1, cntvct_el0"); // WFIT X0
CODE (c_rndr, "msr nzcv, x0\n mrs x0, s3_3_c2_c4_0\n mrs x1, nzcv\n mrs x2, s3_3_c2_c4_1\n mrs x3, "
              "s3_3_c2_c4_0");
CODE (c_sb, ".inst 0xd50330ff");
CODE (c_cfp, "sys #3, c7, c3, #4, x0");
CODE (c_dvp, "sys #3, c7, c3, #5, x0");
CODE (c_cpp, "sys #3, c7, c3, #7, x0");
CODE (c_cvadp, "sys #3, c7, c13, #1, x0");

// They end at the deadline at the latest; WFIT with nothing to wake it not before.
static void
test_timed_waits (void)
{
  if (FIELD (ISAR2, 0) < 2)
    return;
  u64 now = READ (cntvct_el0);
  check_end ("wfet-past", run (c_wfet, EL1H, now, 0));
  check_end ("wfit-past", run (c_wfit, EL1H, now, 0));
  u64 soon = READ (cntvct_el0) + READ (cntfrq_el0) / 1000;
  check_end ("wfet-soon", run (c_wfet, EL1H, soon, 0));
  soon = READ (cntvct_el0) + READ (cntfrq_el0) / 1000;
  const Trap *t = run (c_wfit, EL1H, soon, 0);
  check_end ("wfit-soon", t);
  check_that ("wfit-waits", t->x[1] >= soon);
  sctlr_set (0, SCTLR_NTWI | SCTLR_NTWE);
  // COND 0b1110, CV 1, the register in RN with RV 1, and which of the four.
  now = READ (cntvct_el0) + READ (cntfrq_el0);
  check ("wfit-trapped", run (c_wfit, EL0, now, 0)->esr, ESR (1, 0x1e00000 | 1 << 2 | 2));
  sctlr_set (SCTLR_NTWI | SCTLR_NTWE, 0);
}

static void
test_instructions (void)
{
  if (FIELD (ISAR0, 60) != 0)
    for (unsigned el = 0; el < 2; el++) {
      const Trap *t = run (c_rndr, el ? EL1H : EL0, (u64) 15 << 28, 0);

      check (name ("rndr-el%d", el), t->esr, ESR_END);
      check (name ("rndr-nzcv-el%d", el), t->x[1], 0);
      check_that (name ("rndr-differs-el%d", el), t->x[0] != t->x[2] && t->x[0] != t->x[3]);
    }
  if (FIELD (ISAR1, 36) != 0)
    check_end ("sb", run (c_sb, EL0, 0, 0));
  if (FIELD (ISAR1, 40) != 0) {
    static const struct {
      const char *what;
      const u32 *code;
      unsigned op2;
    } cases[] = {{"cfp", c_cfp, 4}, {"dvp", c_dvp, 5}, {"cpp", c_cpp, 7}};

    for (unsigned i = 0; i < 3; i++) {
      u64 iss = 1 << 20 | cases[i].op2 << 17 | 3 << 14 | 7 << 10 | 3 << 1;

      check_end (name ("%s-el1", cases[i].what), run (cases[i].code, EL1H, 0, 0));
      check_trap (name ("%s-el0", cases[i].what), run (cases[i].code, EL0, 0, 0), FROM_EL0,
                  ESR (0x18, iss), 0);
      sctlr_set (SCTLR_ENRCTX, 0);
      check_end (name ("%s-allowed", cases[i].what), run (cases[i].code, EL0, 0, 0));
      sctlr_set (0, SCTLR_ENRCTX);
    }
  }
  if (FIELD (ISAR1, 0) >= 2) {
    check_end ("cvadp", run (c_cvadp, EL1H, page_new (), 0));
    check_end ("cvadp-el0", run (c_cvadp, EL0, el0_data ((void *) page_new ()), 0));
  }
}

void
test_main (void)
{
  start_mmu ();
  test_state_bits ();
  test_translation ();
  test_timed_waits ();
  test_instructions ();
}
