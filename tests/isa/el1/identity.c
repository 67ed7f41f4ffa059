// SPDX-License-Identifier: GPL-3.0-or-later
// The ID registers (D19.2), read back for sense: features that need one another are there
// together, what is there works, reserved ones read as zero; and registers that are only storage
// keep what they are given.
#include "el1.h"

#define FIELD(value, low) ((value) >> (low) &15)

static void
check_at_least (const char *what, u64 field, unsigned least)
{
  check_that (what, field >= least);
}

static void
test_features (void)
{
  u64 pfr0 = READ (id_aa64pfr0_el1), mmfr0 = READ (id_aa64mmfr0_el1);
  u64 mmfr1 = READ (id_aa64mmfr1_el1), mmfr2 = READ (id_aa64mmfr2_el1);
  u64 isar0 = READ (id_aa64isar0_el1), dfr0 = READ (id_aa64dfr0_el1);

  check_at_least ("el0-aarch64", FIELD (pfr0, 0), 1);
  check_at_least ("el1-aarch64", FIELD (pfr0, 4), 1);
  check ("no-el2", FIELD (pfr0, 8), 0);
  check ("no-el3", FIELD (pfr0, 12), 0);
  // FP and Advanced SIMD have the same value (D19.2.66).
  check ("fp-is-simd", FIELD (pfr0, 16), FIELD (pfr0, 20));
  check_that ("fp", FIELD (pfr0, 16) != 15);
  check_at_least ("gic-registers", FIELD (pfr0, 24), 1);
  check_at_least ("lse", FIELD (isar0, 20), 2);
  check_at_least ("crc32", FIELD (isar0, 16), 1);
  check_at_least ("aes-pmull", FIELD (isar0, 4), 2);
  check_at_least ("pa-48", FIELD (mmfr0, 0), 5);
  check ("asid-16", FIELD (mmfr0, 4), 2);
  check_that ("granule-4k", FIELD (mmfr0, 28) != 15);
  check_that ("granule-16k", FIELD (mmfr0, 20) != 0);
  check_that ("granule-64k", FIELD (mmfr0, 24) != 15);
  check ("hafdbs", FIELD (mmfr1, 0), 2);
  check_at_least ("pan", FIELD (mmfr1, 20), 2);
  check ("uao", FIELD (mmfr2, 4), 1);
  check_at_least ("tlbi-range", FIELD (isar0, 56), 2);
  check_at_least ("debug-v8", FIELD (dfr0, 0), 6);
  check_at_least ("breakpoints", FIELD (dfr0, 12), 1);
  check_at_least ("watchpoints", FIELD (dfr0, 20), 1);
  check_that ("context-breakpoints", FIELD (dfr0, 28) <= FIELD (dfr0, 12));
  // SHA3 without SHA1 and SHA512 is not allowed, nor SHA512 without SHA1.
  check_that ("sha-together", FIELD (isar0, 12) == 0 || FIELD (isar0, 8) != 0);
  check_that ("sha3-needs-sha512", FIELD (isar0, 32) == 0 || FIELD (isar0, 12) >= 2);
}

#define RESERVED(op2_crm, text)                                                                    \
  {                                                                                                \
    u64 v_;                                                                                        \
    asm volatile("mrs %0, " text : "=r"(v_));                                                      \
    check ("reserved-" op2_crm, v_, 0);                                                            \
  }

static void
test_reserved (void)
{
  RESERVED ("c0-c4-6", "s3_0_c0_c4_6");
  RESERVED ("c0-c5-7", "s3_0_c0_c5_7");
  RESERVED ("c0-c6-7", "s3_0_c0_c6_7");
  RESERVED ("c0-c7-7", "s3_0_c0_c7_7");
  RESERVED ("c0-c3-7", "s3_0_c0_c3_7");
}

static void
test_caches (void)
{
  u64 ctr = READ (ctr_el0), clidr = READ (clidr_el1);

  check ("ctr-res1", ctr >> 31 & 1, 1);
  check_that ("ctr-lines", (ctr & 15) >= 2 && (ctr >> 16 & 15) >= 2);
  check_that ("dczid", (READ (dczid_el0) & 15) <= 9);
  check_that ("clidr-level-1", (clidr & 7) != 0);
  WRITE (csselr_el1, 0);
  check_that ("ccsidr", READ (ccsidr_el1) != 0);
  // DC ZVA clears just what DCZID says.
  u64 size = 4u << (READ (dczid_el0) & 15), page = page_new ();
  for (unsigned i = 0; i < 0x4000; i += 8)
    *(volatile u64 *) (page + i) = ~(u64) 0;
  SYS ("dc zva", page + 0x2000 + size / 2);
  bool exact = true;
  for (u64 i = 0; i < 0x4000; i += 8)
    exact &= *(volatile u64 *) (page + i) == (i >= 0x2000 && i < 0x2000 + size ? 0 : ~(u64) 0);
  check_that ("dc-zva-size", exact);
}

// ---- storage --------------------------------------------------------------------------------

#define STORAGE(reg, mask)                                                                         \
  {                                                                                                \
    u64 old_ = READ (reg);                                                                         \
    WRITE (reg, 0xa5a5a5a55a5a5a5a & (mask));                                                      \
    check (#reg "-a", READ (reg), 0xa5a5a5a55a5a5a5a & (mask));                                    \
    WRITE (reg, ~0xa5a5a5a55a5a5a5a & (mask));                                                     \
    check (#reg "-b", READ (reg), ~0xa5a5a5a55a5a5a5a & (mask));                                   \
    WRITE (reg, old_);                                                                             \
  }

static void
test_storage (void)
{
  STORAGE (tpidr_el0, ~(u64) 0);
  STORAGE (tpidrro_el0, ~(u64) 0);
  STORAGE (contextidr_el1, 0xffffffff);
  STORAGE (elr_el1, ~(u64) 0);
  STORAGE (far_el1, ~(u64) 0);
  STORAGE (sp_el0, ~(u64) 0);
  STORAGE (mair_el1, ~(u64) 0);
  STORAGE (vbar_el1, 0x0000fffffffff800);
  STORAGE (cntv_cval_el0, ~(u64) 0);
  STORAGE (cntp_cval_el0, ~(u64) 0);
  STORAGE (csselr_el1, 0xf);
  STORAGE (cntkctl_el1, 0x3ff);
  STORAGE (mdscr_el1, 0xa000);
}

void
test_main (void)
{
  start_mmu ();
  test_features ();
  test_reserved ();
  test_caches ();
  test_storage ();
}
