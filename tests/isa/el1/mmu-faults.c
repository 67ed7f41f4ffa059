// SPDX-License-Identifier: GPL-3.0-or-later
// Faults of address translation: every kind at every level of every granule, as data aborts and
// instruction aborts of EL0 and EL1 (D8.2 to D8.5, D19.2.37), and what is special about some
// accesses: size, direction, cache maintenance, atomics, alignment, Device memory.
#include "el1.h"

CODE (c_ldr, "ldr x2, [x0]");
CODE (c_str, "str x1, [x0]");

// A piece of code in memory of the tests: RET at EL1, or SVC #1.
static const u32 code_svc = 0xd4000021;

#define LOW_VA         0x923456789000
#define HIGH_VA        0xffff923456789000
#define DATA_ABORT(el) ((el) == 0 ? 0x24u : 0x25u)
#define CODE_ABORT(el) ((el) == 0 ? 0x20u : 0x21u)

static u64
vector_of (unsigned el)
{
  return el == 0 ? FROM_EL0 : FROM_EL1H;
}

static u64
spsr_of (unsigned el)
{
  return el == 0 ? EL0 : EL1H;
}

// Reads, writes and fetches at both levels: each is expected to fault with `fsc`, or when that is
// negative, to succeed. Nothing of it may be kept from one to the next.
static void
check_accesses (const char *what, u64 va, int fsc)
{
  static const char *const levels[] = {"el0", "el1"};

  for (unsigned el = 0; el < 2; el++) {
    unsigned syndrome = (unsigned) fsc;
    const Trap *t = run (c_ldr, spsr_of (el), va, 0);
    check_fault (name ("%s-%s-read", what, levels[el]), t, vector_of (el),
                 ESR (DATA_ABORT (el), syndrome), 0, va);
    t = run (c_str, spsr_of (el), va, 0);
    check_fault (name ("%s-%s-write", what, levels[el]), t, vector_of (el),
                 ESR (DATA_ABORT (el), WNR | syndrome), 0, va);
    t = run_at (va, spsr_of (el), 0, 0);
    check_fault (name ("%s-%s-fetch", what, levels[el]), t, vector_of (el),
                 ESR (CODE_ABORT (el), syndrome), 0, va);
  }
}

static bool
block_allowed (unsigned page_bits, unsigned level)
{
  return level == 3 || level == 2 || (level == 1 && page_bits == 12);
}

// The descriptor of `va` at `level` becomes `desc`.
static void
put (const Space *space, u64 va, unsigned level, u64 desc)
{
  *entry_at (space, va, level) = desc;
  flush_tlb ();
}

static void
test_level (const char *granule, const Space *space, u64 va, unsigned level)
{
  u64 type = level == 3 ? D_TABLE : D_BLOCK;
  u64 good = page_new () | D_RAM | D_EL0 | type;

  put (space, va, level, 0);
  check_accesses (name ("%s-l%d-translation", granule, level), va, (int) (0x04 + level));
  if (level == 3) {
    put (space, va, level, good & ~(u64) 2); // reserved
    check_accesses (name ("%s-l3-reserved", granule), va, 0x07);
  }
  // qemu: *-no-block-*: with 64 KiB pages it may, having 52-bit addresses (FEAT_LPA); with smaller
  // ones 7.2 forgets that only TCR_EL1.DS allows it (D8.3.1).
  if (!block_allowed (space->page_bits, level)) {
    put (space, va, level, good & ~(u64) 2);
    check_accesses (name ("%s-l%d-no-block", granule, level), va, (int) (0x04 + level));
  } else {
    put (space, va, level, good & ~(u64) D_AF);
    check_accesses (name ("%s-l%d-access-flag", granule, level), va, (int) (0x08 + level));
    // Read-only for EL1, nothing for EL0, no execution.
    put (space, va, level, (good & ~(u64) D_EL0) | D_RO | D_PXN | D_UXN);
    u64 esr = ESR (DATA_ABORT (0), 0x0c + level);
    check_fault (name ("%s-l%d-permission-el0-read", granule, level), run (c_ldr, EL0, va, 0),
                 FROM_EL0, esr, 0, va);
    check_fault (name ("%s-l%d-permission-el0-write", granule, level), run (c_str, EL0, va, 0),
                 FROM_EL0, esr | WNR, 0, va);
    check_fault (name ("%s-l%d-permission-el0-fetch", granule, level), run_at (va, EL0, 0, 0),
                 FROM_EL0, ESR (CODE_ABORT (0), 0x0c + level), 0, va);
    check_end (name ("%s-l%d-permission-el1-read", granule, level), run (c_ldr, EL1H, va, 0));
    check_fault (name ("%s-l%d-permission-el1-write", granule, level), run (c_str, EL1H, va, 0),
                 FROM_EL1H, ESR (DATA_ABORT (1), WNR | (0x0c + level)), 0, va);
    check_fault (name ("%s-l%d-permission-el1-fetch", granule, level), run_at (va, EL1H, 0, 0),
                 FROM_EL1H, ESR (CODE_ABORT (1), 0x0c + level), 0, va);
  }
  // Above the 40 bits that TCR_EL1.IPS says for this one.
  u64 tcr = READ (tcr_el1);
  WRITE (tcr_el1, (tcr & ~((u64) 7 << 32)) | (u64) 2 << 32);
  put (space, va, level,
       block_allowed (space->page_bits, level) ? (good & 0xfff) | (u64) 1 << 44
                                               : ((u64) 1 << 44) | D_TABLE);
  check_accesses (name ("%s-l%d-address-size", granule, level), va, (int) level);
  WRITE (tcr_el1, tcr);
  put (space, va, level, 0);
}

// The levels from the last to the first: what a test leaves is an empty entry.
static void
test_granule (const char *granule, unsigned page_bits)
{
  Space low, high;

  mmu_off ();
  space_init (&low, page_bits, 48, true);
  space_init (&high, page_bits, 48, false);
  mmu_on (&low, &high, 0, 0);
  for (unsigned level = 4; level-- > start_level (&low);) {
    test_level (name ("%s-low", granule), &low, LOW_VA & ~(BIT (level_shift (&low, level)) - 1),
                level);
    test_level (name ("%s-high", granule), &high, HIGH_VA & ~(BIT (level_shift (&low, level)) - 1),
                level);
  }
  // TTBR itself, above the output size: level 0 fault.
  u64 tcr = READ (tcr_el1);
  WRITE (ttbr1_el1, (u64) 1 << 44);
  WRITE (tcr_el1, (tcr & ~((u64) 7 << 32)) | (u64) 2 << 32);
  flush_tlb ();
  check_accesses (name ("%s-ttbr-address-size", granule), HIGH_VA, 0);
  WRITE (tcr_el1, tcr);
  // A table where there is no memory: synchronous external abort on the walk.
  WRITE (ttbr1_el1, 0x700000000000);
  flush_tlb ();
  unsigned first = start_level (&high);
  check_accesses (name ("%s-walk-external", granule), HIGH_VA, (int) (0x14 + first));
  WRITE (ttbr1_el1, high.root);
  flush_tlb ();
}

// ---- ranges, EPD, E0PD, TBI -----------------------------------------------------------------

static void
test_ranges (void)
{
  Space high;
  u64 page = page_new ();

  mmu_off ();
  space_init (&low_space, 12, 48, true);
  space_init (&high, 12, 39, false); // starts at level 1
  mmu_on (&low_space, &high, 0, 0);
  *(volatile u32 *) page = code_svc;
  u64 top = 0xffffff8000000000; // the lowest of 39 bits
  map (&high, top, page, 3, D_RAM | D_EL0 | D_PXN);
  map (&low_space, LOW_VA, page, 3, D_RAM | D_EL0 | D_PXN);
  flush_tlb ();
  check_end ("range-high-first", run (c_ldr, EL0, top, 0));
  check_accesses ("range-below-high", top - 8 - 4088, 0x04);
  check_accesses ("range-above-low", 0x1000000000000, 0x04);
  check_accesses ("range-hole", 0x8000000000000000, 0x04);
  check_accesses ("range-tag-without-tbi", LOW_VA | 0x5aull << 56, 0x04);
  check_accesses ("range-tag-without-tbi-high", top & ~(0x5aull << 56), 0x04);

  WRITE (tcr_el1, READ (tcr_el1) | TCR_TBI0);
  flush_tlb ();
  u64 tagged = LOW_VA | 0x5aull << 56;
  check_end ("tbi0-read", run (c_ldr, EL0, tagged, 0));
  check_end ("tbi0-write", run (c_str, EL1H, tagged, code_svc));
  // Instruction addresses lose the tag: what ELR has shows it.
  const Trap *t = run_at (tagged, EL0, 0, 0);
  check ("tbi0-fetch", t->esr, ESR (0x15, 1));
  check ("tbi0-fetch-elr", t->elr, LOW_VA + 4);
  // FAR keeps the tag of a data access.
  check_fault ("tbi0-far", run (c_ldr, EL0, tagged + 0x1000, 0), FROM_EL0, ESR (0x24, 0x07), 0,
               tagged + 0x1000);
  check_accesses ("tbi0-not-the-other-half", top & ~(0x5aull << 56), 0x04);
  WRITE (tcr_el1, READ (tcr_el1) | TCR_TBI1);
  flush_tlb ();
  check_end ("tbi1-read", run (c_ldr, EL0, top & ~(0x5aull << 56), 0));
  check_end ("tbi1-bit-55-decides", run (c_ldr, EL0, LOW_VA | 0xffull << 56, 0));

  // EPD: no walk at all. E0PD: none for EL0.
  u64 tcr = READ (tcr_el1) & ~(TCR_TBI0 | TCR_TBI1);
  WRITE (tcr_el1, tcr | TCR_EPD1);
  flush_tlb ();
  check_accesses ("epd1", top, 0x04);
  WRITE (tcr_el1, tcr);
  flush_tlb ();
  check_end ("no-epd1", run (c_ldr, EL0, top, 0));
  if ((READ (id_aa64mmfr2_el1) >> 60 & 0xf) == 0) {
    note ("no E0PD");
    return;
  }
  WRITE (tcr_el1, tcr | TCR_E0PD1);
  flush_tlb ();
  check_end ("e0pd1-el1-read", run (c_ldr, EL1H, top, 0));
  // After EL1 has brought it into a TLB too.
  check_fault ("e0pd1-el0-read", run (c_ldr, EL0, top, 0), FROM_EL0, ESR (0x24, 0x04), 0, top);
  check_fault ("e0pd1-el0-fetch", run_at (top, EL0, 0, 0), FROM_EL0, ESR (0x20, 0x04), 0, top);
  WRITE (tcr_el1, tcr);
  flush_tlb ();
}

// ---- what a fault says about the access -----------------------------------------------------

CODE (c_ldp, "ldp x2, x3, [x0]");
CODE (c_stp, "stp x2, x3, [x0]");
CODE (c_ldrb_post, "ldrb w2, [x0], #1");
CODE (c_ldr_q, ".inst 0x3dc00002"); // LDR Q2, [X0]
CODE (c_st4, ".inst 0x4c000000");   // ST4 {V0.16B-V3.16B}, [X0]
CODE (c_ldxr, "ldxr x2, [x0]");
CODE (c_stxr, "ldxr x2, [x1]\n stxr w3, x2, [x0]");
CODE (c_ldar, "ldar x2, [x0]");
CODE (c_stlr, "stlr x2, [x0]");
CODE (c_swp, ".inst 0xf8228003");   // SWP X2, X3, [X0]
CODE (c_cas, ".inst 0xc8a27c03");   // CAS X2, X3, [X0]
CODE (c_ldadd, ".inst 0xf8220003"); // LDADD X2, X3, [X0]
CODE (c_casp, ".inst 0x48227c04");  // CASP X2, X3, X4, X5, [X0]
CODE (c_zva, "dc zva, x0");
CODE (c_cvac, "dc cvac, x0");
CODE (c_civac, "dc civac, x0");
CODE (c_ivac, "dc ivac, x0");
CODE (c_ivau, "ic ivau, x0");
CODE (c_prfm, "prfm pldl1keep, [x0]\n prfm pstl1keep, [x0]");
CODE (c_ldtr, "ldtr x2, [x0]");
CODE (c_sttr, "sttr x2, [x0]");

typedef struct Access {
  const char *what;
  const u32 *code;
  unsigned iss; // of a translation fault, without FSC
  unsigned at;
} Access;

// Which accesses report a write, with a page that is not there and with a read-only one. An atomic
// reports what a read would meet as a read (ISS.WnR of EC 0x24).
static void
test_directions (void)
{
  static const Access absent[] = {
      {"ldp", c_ldp, 0, 0},
      {"stp", c_stp, WNR, 0},
      {"ldr-q", c_ldr_q, 0, 0},
      {"st4", c_st4, WNR, 0},
      {"ldxr", c_ldxr, 0, 0},
      {"ldar", c_ldar, 0, 0},
      {"stlr", c_stlr, WNR, 0},
      {"swp", c_swp, 0, 0},
      {"cas", c_cas, 0, 0},
      {"ldadd", c_ldadd, 0, 0},
      {"casp", c_casp, 0, 0},
      {"dc-zva", c_zva, WNR, 0},
      {"dc-cvac", c_cvac, CM | WNR, 0},
      {"dc-civac", c_civac, CM | WNR, 0},
      {"ic-ivau", c_ivau, CM | WNR, 0},
      {"ldtr", c_ldtr, 0, 0},
      {"sttr", c_sttr, WNR, 0},
  };
  static const Access read_only[] = {
      {"stp", c_stp, WNR, 0},   {"st4", c_st4, WNR, 0},   {"stlr", c_stlr, WNR, 0},
      {"swp", c_swp, WNR, 0},   {"cas", c_cas, WNR, 0},   {"ldadd", c_ldadd, WNR, 0},
      {"casp", c_casp, WNR, 0}, {"stxr", c_stxr, WNR, 4}, {"dc-zva", c_zva, WNR, 0},
      {"sttr", c_sttr, WNR, 0},
  };
  static const Access allowed[] = {
      {"ldp", c_ldp, 0, 0},        {"ldxr", c_ldxr, 0, 0},    {"dc-cvac", c_cvac, 0, 0},
      {"dc-civac", c_civac, 0, 0}, {"ic-ivau", c_ivau, 0, 0}, {"ldtr", c_ldtr, 0, 0},
  };
  u64 page = page_new ();

  mmu_off ();
  start_mmu ();
  map (&low_space, LOW_VA, page, 3, D_RAM | D_EL0 | D_RO);
  put (&low_space, LOW_VA + 0x1000, 3, 0);
  // qemu: absent-dc-c*: cache maintenance does not look at the address there. D8.4.4 and D19.2.37
  // (ISS.CM): it is translated, and faults like a read of EL0 or EL1.
  // qemu: absent-ic-*: the same.
  // qemu: read-only-dc-ivac: the same.
  for (unsigned i = 0; i < sizeof absent / sizeof *absent; i++) {
    const Access *a = &absent[i];
    u64 va = LOW_VA + 0x1000;

    check_fault (name ("absent-%s-el0", a->what), run (a->code, EL0, va, LOW_VA), FROM_EL0,
                 ESR (0x24, a->iss | 0x07), a->at, va);
    check_fault (name ("absent-%s-el1", a->what), run (a->code, EL1H, va, LOW_VA), FROM_EL1H,
                 ESR (0x25, a->iss | 0x07), a->at, va);
  }
  check_end ("absent-prfm", run (c_prfm, EL0, LOW_VA + 0x1000, 0));
  for (unsigned i = 0; i < sizeof read_only / sizeof *read_only; i++) {
    const Access *a = &read_only[i];

    check_fault (name ("read-only-%s", a->what), run (a->code, EL0, LOW_VA, LOW_VA), FROM_EL0,
                 ESR (0x24, a->iss | 0x0f), a->at, LOW_VA);
  }
  for (unsigned i = 0; i < sizeof allowed / sizeof *allowed; i++)
    check_end (name ("read-only-%s", allowed[i].what), run (allowed[i].code, EL0, LOW_VA, LOW_VA));
  // DC IVAC of a page without write permission is a permission fault (D8.4.4).
  check_fault ("read-only-dc-ivac", run (c_ivac, EL1H, LOW_VA, 0), FROM_EL1H,
               ESR (0x25, CM | WNR | 0x0f), 0, LOW_VA);
  // A base register is not written back when the access faults.
  const Trap *t = run (c_ldrb_post, EL0, LOW_VA + 0x1000, 0);
  check ("fault-keeps-base", t->x[0], LOW_VA + 0x1000);
}

// An access over the end of a page faults with the address of the first byte that is missing.
static void
test_crossing (void)
{
  u64 end = LOW_VA + 0x1000;

  map (&low_space, LOW_VA, page_new (), 3, D_RAM | D_EL0);
  put (&low_space, end, 3, 0);
  // The address is any of the access that faulted; ours is the first byte of the second page, as
  // a processor that splits the access reports it.
  check_fault ("crossing-ldr", run (c_ldr, EL0, end - 4, 0), FROM_EL0, ESR (0x24, 0x07), 0, end);
  check_fault ("crossing-str", run (c_str, EL0, end - 1, ~(u64) 0), FROM_EL0,
               ESR (0x24, WNR | 0x07), 0, end);
  check ("crossing-str-writes-nothing", *(volatile u8 *) (end - 1), 0);
  map (&low_space, end, page_new (), 3, D_RAM | D_EL0);
  flush_tlb ();
  check_end ("crossing-str-both", run (c_str, EL0, end - 3, 0x1122334455667788));
  check ("crossing-ldr-both", run (c_ldr, EL0, end - 3, 0)->x[2], 0x1122334455667788);
}

// ---- alignment ------------------------------------------------------------------------------

CODE (c_ldrh, "ldrh w2, [x0]");
CODE (c_strb, "strb w2, [x0]");
CODE (c_ldp_w, "ldp w2, w3, [x0]");

// qemu: unaligned-*-device-*: 7.2 lets unaligned accesses to Device memory pass (B2.5.2 does not);
// newer ones do as we do.
// qemu: unaligned-mmu-off: the same.
// qemu: dc-zva-device: it clears Device memory. C6.2 "DC ZVA": an Alignment fault.
static void
test_alignment (void)
{
  static const Access always[] = {
      {"ldxr", c_ldxr, 0, 0}, {"ldar", c_ldar, 0, 0},   {"stlr", c_stlr, WNR, 0},
      {"swp", c_swp, 0, 0},   {"ldadd", c_ldadd, 0, 0}, {"cas", c_cas, 0, 0},
      {"casp", c_casp, 0, 0},
  };
  static const Access with_a[] = {
      {"ldr", c_ldr, 0, 0},   {"str", c_str, WNR, 0}, {"ldp", c_ldp, 0, 0},
      {"stp", c_stp, WNR, 0}, {"ldrh", c_ldrh, 0, 0}, {"ldp-w", c_ldp_w, 0, 0},
  };
  u64 page = page_new (), odd = LOW_VA + 0x101, device = LOW_VA + 0x2000;
  const u64 data = ESR (0x24, 0x21);

  map (&low_space, LOW_VA, page, 3, D_RAM | D_EL0);
  map (&low_space, device, page, 3, D_DEVICE | D_AF | D_EL0);
  map (&low_space, device + 0x1000, page + 0x1000, 3, D_DEVICE_GRE | D_AF | D_EL0);
  map (&low_space, device + 0x2000, page + 0x1000, 3, D_NC | D_AF | D_EL0);
  flush_tlb ();
  for (unsigned i = 0; i < sizeof always / sizeof *always; i++) {
    // Across 16 bytes, so that FEAT_LSE2 makes no difference.
    u64 va = LOW_VA + 0x10d;
    const Trap *t = run (always[i].code, EL0, va, 0);

    check (name ("unaligned-%s-esr", always[i].what), t->esr & ~(u64) WNR, data);
    // An atomic reports what its read would have (NoFault: write is set for what only writes).
    // qemu: unaligned-*-wnr: newer ones call LDXR and the atomics of one register writes.
    check (name ("unaligned-%s-wnr", always[i].what), t->esr & WNR, always[i].iss);
    check (name ("unaligned-%s-far", always[i].what), t->far, va);
  }
  for (unsigned i = 0; i < sizeof with_a / sizeof *with_a; i++) {
    check_end (name ("unaligned-%s-normal", with_a[i].what), run (with_a[i].code, EL0, odd, 0));
    check_end (name ("unaligned-%s-normal-nc", with_a[i].what),
               run (with_a[i].code, EL0, device + 0x2101, 0));
    for (unsigned d = 0; d < 2; d++) {
      u64 va = device + d * 0x1000 + 0x101;

      check_fault (name ("unaligned-%s-device-%d", with_a[i].what, d),
                   run (with_a[i].code, EL0, va, 0), FROM_EL0, data | with_a[i].iss, 0, va);
      check_end (name ("aligned-%s-device-%d", with_a[i].what, d),
                 run (with_a[i].code, EL0, va - 1, 0));
    }
    sctlr_set (SCTLR_A, 0);
    check_fault (name ("unaligned-%s-sctlr-a", with_a[i].what), run (with_a[i].code, EL0, odd, 0),
                 FROM_EL0, data | with_a[i].iss, 0, odd);
    check_end (name ("aligned-%s-sctlr-a", with_a[i].what), run (with_a[i].code, EL0, odd - 1, 0));
    sctlr_set (0, SCTLR_A);
  }
  // A pair is aligned when each of its elements is.
  check_end ("pair-of-8-aligned-device", run (c_ldp, EL0, device + 0x108, 0));
  check_end ("pair-of-4-aligned-device", run (c_ldp_w, EL0, device + 0x104, 0));
  check_end ("byte-device", run (c_strb, EL0, device + 0x103, 0));
  // With SCTLR_EL1.A alignment goes before translation (D1.3.5.5).
  sctlr_set (SCTLR_A, 0);
  check_fault ("alignment-before-translation", run (c_ldr, EL0, 0x7000000001, 0), FROM_EL0, data, 0,
               0x7000000001);
  sctlr_set (0, SCTLR_A);
  check_fault ("dc-zva-device", run (c_zva, EL0, device + 8, 0), FROM_EL0, data | WNR, 0,
               device + 8);
  // Without the MMU all data is Device-nGnRnE.
  mmu_off ();
  check_fault ("unaligned-mmu-off", run (c_ldr, EL1H, page + 1, 0), FROM_EL1H, ESR (0x25, 0x21), 0,
               page + 1);
  check_fault ("address-size-mmu-off", run (c_ldr, EL1H, (u64) 1 << 53, 0), FROM_EL1H,
               ESR (0x25, 0x00), 0, (u64) 1 << 53);
}

// ---- memory that is not there ---------------------------------------------------------------

static void
test_external (void)
{
  u64 nothing = 0x0f000000; // between the devices of the board

  mmu_on (&low_space, 0, 0, 0);
  map (&low_space, LOW_VA, nothing, 3, D_DEVICE | D_AF | D_EL0);
  flush_tlb ();
  check_fault ("external-read", run (c_ldr, EL0, LOW_VA, 0), FROM_EL0, ESR (0x24, 0x10), 0, LOW_VA);
  check_fault ("external-write", run (c_str, EL1H, LOW_VA, 0), FROM_EL1H, ESR (0x25, WNR | 0x10), 0,
               LOW_VA);
  // DC ZVA of Normal memory reports the address as it was given (D19.2.41).
  // qemu: external-dc-zva: it reports the start of the block.
  map (&low_space, LOW_VA + 0x1000, nothing, 3, D_RAM | D_EL0);
  flush_tlb ();
  check_fault ("external-dc-zva", run (c_zva, EL0, LOW_VA + 0x1038, 0), FROM_EL0,
               ESR (0x24, WNR | 0x10), 0, LOW_VA + 0x1038);
  check_fault ("external-fetch", run_at (LOW_VA, EL0, 0, 0), FROM_EL0, ESR (0x20, 0x10), 0, LOW_VA);
}

void
test_main (void)
{
  test_granule ("4k", 12);
  test_granule ("16k", 14);
  test_granule ("64k", 16);
  test_ranges ();
  test_directions ();
  test_crossing ();
  test_alignment ();
  test_external ();
}
