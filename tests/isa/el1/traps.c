// SPDX-License-Identifier: GPL-3.0-or-later
// Traps of what EL0 (and for FP also EL1) may be forbidden to do: CPACR_EL1.FPEN, SCTLR_EL1's
// UCT, UCI, DZE, UMA, nTWI and nTWE, CNTKCTL_EL1, MDSCR_EL1.TDCC, and their syndromes (D19.2.37).
#include "el1.h"

// ---- system registers -----------------------------------------------------------------------

// ISS of a trapped MRS (direction 1), MSR or SYS.
#define ISS_SYS(op0, op1, crn, crm, op2, rt, direction)                                            \
  ((op0) << 20 | (op2) << 17 | (op1) << 14 | (crn) << 10 | (rt) << 5 | (crm) << 1 | (direction))
#define TRAPPED(...) ESR (0x18, ISS_SYS (__VA_ARGS__))
#define UNDEFINED    ESR (0, 0)

CODE (c_ctr, "mrs x3, ctr_el0");
CODE (c_dczid, "mrs x0, dczid_el0");
CODE (c_zva, "dc zva, x0");
CODE (c_cvac, "dc cvac, x0");
CODE (c_cvau, "dc cvau, x0");
CODE (c_cvap, "sys #3, c7, c12, #1, x0");
CODE (c_civac, "dc civac, x0");
CODE (c_ivau, "ic ivau, x0");
CODE (c_mrs_daif, "mrs x5, daif");
CODE (c_msr_daif, "msr daif, x6");
CODE (c_daifset, "msr daifset, #5");
CODE (c_daifclr, "msr daifclr, #2");
CODE (c_cntvct, "mrs x1, cntvct_el0");
CODE (c_cntpct, "mrs x1, cntpct_el0");
CODE (c_cntfrq, "mrs x1, cntfrq_el0");
CODE (c_cntv_ctl, "mrs x1, cntv_ctl_el0");
CODE (c_cntv_cval, "msr cntv_cval_el0, x30");
CODE (c_cntv_tval, "mrs xzr, cntv_tval_el0");
CODE (c_cntp_ctl, "msr cntp_ctl_el0, x2");
CODE (c_cntp_cval, "mrs x1, cntp_cval_el0");
CODE (c_cntp_tval, "mrs x1, cntp_tval_el0");
CODE (c_mdccsr, "mrs x1, mdccsr_el0");

typedef struct Switch {
  const char *what;
  const u32 *code;
  u64 esr;
} Switch;

// Everything of one switch: trapped with it off, not with it on.
static void
test_switch (const char *which, const Switch *cases, unsigned n, void (*set) (bool on))
{
  u64 at = el0_data ((void *) page_new ());

  for (unsigned i = 0; i < n; i++) {
    set (false);
    check_trap (name ("%s-%s-trapped", which, cases[i].what), run (cases[i].code, EL0, at, 0),
                FROM_EL0, cases[i].esr, 0);
    // EL1 is not concerned.
    check_end (name ("%s-%s-el1", which, cases[i].what),
               run (cases[i].code, EL1H, at - EL0_DATA, 0));
    set (true);
    check_end (name ("%s-%s-allowed", which, cases[i].what), run (cases[i].code, EL0, at, 0));
  }
}

#define SCTLR_SWITCH(bit)                                                                          \
  static void set_##bit (bool on)                                                                  \
  {                                                                                                \
    sctlr_set (on ? SCTLR_##bit : 0, on ? 0 : SCTLR_##bit);                                        \
  }
SCTLR_SWITCH (UCT)
SCTLR_SWITCH (UCI)
SCTLR_SWITCH (DZE)
SCTLR_SWITCH (UMA)

#define CNTKCTL_SWITCH(name, bit)                                                                  \
  static void set_##name (bool on)                                                                 \
  {                                                                                                \
    u64 value = READ (cntkctl_el1);                                                                \
    WRITE (cntkctl_el1, on ? value | (bit) : value & ~(u64) (bit));                                \
  }
CNTKCTL_SWITCH (pct, 1)
CNTKCTL_SWITCH (vct, 2)
CNTKCTL_SWITCH (frq, 3)
CNTKCTL_SWITCH (vten, 1 << 8)
CNTKCTL_SWITCH (pten, 1 << 9)

static void
set_tdcc (bool on)
{
  WRITE (mdscr_el1, on ? 0 : BIT (12));
}

#define TEST(which, set, ...)                                                                      \
  static void test_##set (void)                                                                    \
  {                                                                                                \
    static const Switch cases[] = {__VA_ARGS__};                                                   \
    test_switch (which, cases, sizeof cases / sizeof *cases, set_##set);                           \
  }

TEST ("uct", UCT, {"ctr_el0", c_ctr, TRAPPED (3, 3, 0, 0, 1, 3, 1)})
TEST ("dze", DZE, {"dc-zva", c_zva, TRAPPED (1, 3, 7, 4, 1, 0, 0)})
TEST ("uci", UCI, {"dc-cvac", c_cvac, TRAPPED (1, 3, 7, 10, 1, 0, 0)},
      {"dc-cvau", c_cvau, TRAPPED (1, 3, 7, 11, 1, 0, 0)},
      {"dc-cvap", c_cvap, TRAPPED (1, 3, 7, 12, 1, 0, 0)},
      {"dc-civac", c_civac, TRAPPED (1, 3, 7, 14, 1, 0, 0)},
      {"ic-ivau", c_ivau, TRAPPED (1, 3, 7, 5, 1, 0, 0)})
// MSR (immediate) reports op0 0, CRm the immediate and Rt 31.
// qemu: uma-daif*-trapped: it exchanges op1 and op2 of these two. D19.2.37 (ISS of EC 0x18): "The Op1
// value from the issued instruction", which is 3.
TEST ("uma", UMA, {"mrs-daif", c_mrs_daif, TRAPPED (3, 3, 4, 2, 1, 5, 1)},
      {"msr-daif", c_msr_daif, TRAPPED (3, 3, 4, 2, 1, 6, 0)},
      {"daifset", c_daifset, TRAPPED (0, 3, 4, 5, 6, 31, 0)},
      {"daifclr", c_daifclr, TRAPPED (0, 3, 4, 2, 7, 31, 0)})
TEST ("el0pcten", pct, {"cntpct", c_cntpct, TRAPPED (3, 3, 14, 0, 1, 1, 1)})
TEST ("el0vcten", vct, {"cntvct", c_cntvct, TRAPPED (3, 3, 14, 0, 2, 1, 1)})
TEST ("el0pcten-vcten", frq, {"cntfrq", c_cntfrq, TRAPPED (3, 3, 14, 0, 0, 1, 1)})
TEST ("el0vten", vten, {"cntv_ctl", c_cntv_ctl, TRAPPED (3, 3, 14, 3, 1, 1, 1)},
      {"cntv_cval", c_cntv_cval, TRAPPED (3, 3, 14, 3, 2, 30, 0)},
      {"cntv_tval", c_cntv_tval, TRAPPED (3, 3, 14, 3, 0, 31, 1)})
TEST ("el0pten", pten, {"cntp_ctl", c_cntp_ctl, TRAPPED (3, 3, 14, 2, 1, 2, 0)},
      {"cntp_cval", c_cntp_cval, TRAPPED (3, 3, 14, 2, 2, 1, 1)},
      {"cntp_tval", c_cntp_tval, TRAPPED (3, 3, 14, 2, 0, 1, 1)})
// qemu: tdcc-mdccsr-trapped: 7.2 has no such trap; newer ones do as we do.
TEST ("tdcc", tdcc, {"mdccsr", c_mdccsr, TRAPPED (2, 3, 0, 1, 0, 1, 1)})

CODE (c_msr_cntpct, "msr s3_3_c14_c0_1, x0");
CODE (c_msr_cntfrq, "msr cntfrq_el0, x0");
CODE (c_id, "mrs x0, id_aa64pfr0_el1");
CODE (c_msr_tpidrro, "msr tpidrro_el0, x0");
CODE (c_mrs_tpidrro, "mrs x0, tpidrro_el0");

static void
test_el0_registers (void)
{
  set_frq (true);
  check_trap ("el0-write-cntpct", run (c_msr_cntpct, EL0, 0, 0), FROM_EL0, UNDEFINED, 0);
  check_trap ("el0-write-cntfrq", run (c_msr_cntfrq, EL0, 0, 0), FROM_EL0, UNDEFINED, 0);
  check_trap ("el0-write-tpidrro", run (c_msr_tpidrro, EL0, 0, 0), FROM_EL0, UNDEFINED, 0);
  check_end ("el0-read-tpidrro", run (c_mrs_tpidrro, EL0, 0, 0));
  // FEAT_IDST makes a trap of what is UNDEFINED otherwise.
  bool idst = READ (id_aa64mmfr2_el1) >> 36 & 0xf;
  check_trap ("el0-id-register", run (c_id, EL0, 0, 0), FROM_EL0,
              idst ? TRAPPED (3, 0, 0, 4, 0, 0, 1) : UNDEFINED, 0);
  // DCZID_EL0.DZP follows SCTLR_EL1.DZE at EL0 only.
  set_DZE (false);
  u64 size = READ (dczid_el0);
  check ("dczid-dzp-el0", run (c_dczid, EL0, 0, 0)->x[0], size | 16);
  check ("dczid-dzp-el1", size & 16, 0);
  set_DZE (true);
  check ("dczid-allowed", run (c_dczid, EL0, 0, 0)->x[0], size);
}

// ---- FP and SIMD ----------------------------------------------------------------------------

CODE (c_fadd, ".inst 0x1e602800");  // FADD D0, D0, D0
CODE (c_ldr_q, ".inst 0x3dc00000"); // LDR Q0, [X0]
CODE (c_fmov, ".inst 0x9e660000");  // FMOV X0, D0
CODE (c_add_v, ".inst 0x4ee08400"); // ADD V0.2D, V0.2D, V0.2D
CODE (c_aese, ".inst 0x4e284800");  // AESE V0.16B, V0.16B
CODE (c_ld1, ".inst 0x4c407000");   // LD1 {V0.16B}, [X0]
CODE (c_fpcr, ".inst 0xd53b4400");  // MRS X0, FPCR
CODE (c_fpsr, ".inst 0xd51b4420");  // MSR FPSR, X0
CODE (c_crc, ".inst 0x9ac04c00");   // CRC32X, general registers only

static void
test_fp (void)
{
  static const struct {
    const char *what;
    const u32 *code;
  } cases[] = {{"fadd", c_fadd}, {"ldr-q", c_ldr_q}, {"fmov", c_fmov},     {"add-v", c_add_v},
               {"aese", c_aese}, {"ld1", c_ld1},     {"mrs-fpcr", c_fpcr}, {"msr-fpsr", c_fpsr}};
  // COND 0b1110, CV 1.
  const u64 trapped = ESR (0x07, 0x1e00000);
  u64 at = page_new ();

  for (unsigned fpen = 0; fpen < 4; fpen++)
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
      WRITE (cpacr_el1, fpen << 20);
      const Trap *t = run (cases[i].code, EL1H, at, 0);
      const char *what = name ("fpen-%d-el1-%s", fpen, cases[i].what);
      if (fpen & 1)
        check_end (what, t);
      else
        check_trap (what, t, FROM_EL1H, trapped, 0);
      t = run (cases[i].code, EL0, at + EL0_DATA, 0);
      what = name ("fpen-%d-el0-%s", fpen, cases[i].what);
      if (fpen == 3)
        check_end (what, t);
      else
        check_trap (what, t, FROM_EL0, trapped, 0);
    }
  WRITE (cpacr_el1, 0);
  check_end ("fpen-0-crc32x", run (c_crc, EL0, 0, 0));
  WRITE (cpacr_el1, 3 << 20);
}

// ---- waits ----------------------------------------------------------------------------------

CODE (c_wfi, "wfi");
// What an exception return leaves in the event register ends the first (D1.6.1).
CODE (c_wfe, "wfe\n wfe\n wfe");
CODE (c_sevl_wfe, "wfe\n sevl\n wfe");

#define WFX_TRAP(kind) ESR (0x01, 0x1e00000 | (kind))

static void
test_waits (void)
{
  sctlr_set (0, SCTLR_NTWI | SCTLR_NTWE);
  check_trap ("ntwi-wfi-trapped", run (c_wfi, EL0, 0, 0), FROM_EL0, WFX_TRAP (0), 0);
  // qemu: ntwe-event-set-by-sevl: an exception return sets no event there (C6.2 ERET: SendEventLocal),
  // so that newer ones trap the first WFE.
  check_end ("ntwe-event-set-by-sevl", run (c_sevl_wfe, EL0, 0, 0));
  // qemu: ntwe-wfe-*: 7.2 has no traps of WFE; newer ones, see above.
  const Trap *t = run (c_wfe, EL0, 0, 0);
  check ("ntwe-wfe-trapped", t->esr, WFX_TRAP (1));
  check ("ntwe-wfe-event-set-by-eret", t->at, 4);
  sctlr_set (SCTLR_NTWI | SCTLR_NTWE, 0);
}

void
test_main (void)
{
  start_mmu ();
  test_UCT ();
  test_DZE ();
  test_UCI ();
  test_UMA ();
  test_pct ();
  test_vct ();
  set_pct (false);
  set_vct (false);
  test_frq ();
  test_vten ();
  test_pten ();
  test_tdcc ();
  test_el0_registers ();
  test_fp ();
  test_waits ();
}
