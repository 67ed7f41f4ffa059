// SPDX-License-Identifier: GPL-3.0-or-later
// What translation permits: AP, UXN, PXN, the table attributes, WXN, PAN, UAO and LDTR/STTR
// (D8.4), the access flag and dirty state in hardware (D8.4.6), and what AT says of it in PAR_EL1
// (D19.2.113).
#include "el1.h"

#define VA 0x5123456000

CODE (c_ldr, "ldr x2, [x0]");
CODE (c_str, "str x1, [x0]");
CODE (c_ldtr, "ldtr x2, [x0]");
CODE (c_sttr, "sttr x1, [x0]");

#define CODE_SVC 0xd4000021u // svc #1

static u64 page;

static void
put (u64 desc)
{
  *entry_at (&low_space, VA, 3) = desc;
  flush_tlb ();
}

// ---- permissions ----------------------------------------------------------------------------

// What was tried, one bit each.
enum {
  EL1_READ = 1 << 0,
  EL1_WRITE = 1 << 1,
  EL1_EXEC = 1 << 2,
  EL0_READ = 1 << 3,
  EL0_WRITE = 1 << 4,
  EL0_EXEC = 1 << 5,
  PAN_READ = 1 << 6, // EL1 with PSTATE.PAN
  PAN_WRITE = 1 << 7,
  PAN_EXEC = 1 << 8,
  UNPRIV_READ = 1 << 9, // LDTR, STTR
  UNPRIV_WRITE = 1 << 10,
  UAO_READ = 1 << 11, // the same with PSTATE.UAO
  UAO_WRITE = 1 << 12,
  UAO_PAN_READ = 1 << 13,
  UAO_PAN_WRITE = 1 << 14,
  UNPRIV_PAN_READ = 1 << 15,
  UNPRIV_PAN_WRITE = 1 << 16,
};

static const struct {
  u64 bit;
  const u32 *code; // 0: fetch
  u64 spsr;
} attempts[] = {
    {EL1_READ, c_ldr, EL1H},
    {EL1_WRITE, c_str, EL1H},
    {EL1_EXEC, 0, EL1H},
    {EL0_READ, c_ldr, EL0},
    {EL0_WRITE, c_str, EL0},
    {EL0_EXEC, 0, EL0},
    {PAN_READ, c_ldr, EL1H | SPSR_PAN},
    {PAN_WRITE, c_str, EL1H | SPSR_PAN},
    {PAN_EXEC, 0, EL1H | SPSR_PAN},
    {UNPRIV_READ, c_ldtr, EL1H},
    {UNPRIV_WRITE, c_sttr, EL1H},
    {UAO_READ, c_ldtr, EL1H | SPSR_UAO},
    {UAO_WRITE, c_sttr, EL1H | SPSR_UAO},
    {UAO_PAN_READ, c_ldtr, EL1H | SPSR_UAO | SPSR_PAN},
    {UAO_PAN_WRITE, c_sttr, EL1H | SPSR_UAO | SPSR_PAN},
    {UNPRIV_PAN_READ, c_ldtr, EL1H | SPSR_PAN},
    {UNPRIV_PAN_WRITE, c_sttr, EL1H | SPSR_PAN},
};

// Which of them end without a permission fault. `forward` is the order, so that what one brings
// into a TLB is there for the next.
static u64
permitted (bool forward)
{
  const unsigned n = sizeof attempts / sizeof *attempts;
  u64 result = 0;

  for (unsigned i = 0; i < n; i++) {
    unsigned k = forward ? i : n - 1 - i;
    const u32 *code = attempts[k].code;
    const Trap *t = code != 0 ? run (code, attempts[k].spsr, VA, CODE_SVC)
                              : run_at (VA, attempts[k].spsr, 0, 0);
    u64 fault = t->esr >> EC_SHIFT;

    if (fault == 0x15)
      result |= attempts[k].bit;
    else if ((t->esr & 0x3f) != 0x0f || t->far != VA)
      result |= BIT (63);
  }
  return result;
}

// D8.4.1: direct permissions with the hierarchical ones applied.
static u64
expected (u64 leaf, u64 table, bool wxn)
{
  bool el0 = (leaf & D_EL0) && !(table & DT_NO_EL0);
  bool write = !(leaf & D_RO) && !(table & DT_RO);
  bool uxn = (leaf & D_UXN) || (table & DT_UXN) || (wxn && el0 && write);
  bool pxn = (leaf & D_PXN) || (table & DT_PXN) || (el0 && write) || (wxn && write);
  u64 result = EL1_READ | UAO_READ;

  if (write)
    result |= EL1_WRITE | UAO_WRITE;
  if (el0)
    result |= EL0_READ | UNPRIV_READ;
  if (el0 && write)
    result |= EL0_WRITE | UNPRIV_WRITE;
  // PAN forbids EL1 what EL0 may read; not to LDTR and STTR, unless UAO makes them ordinary.
  if (!el0)
    result |= PAN_READ | UAO_PAN_READ | (write ? PAN_WRITE | UAO_PAN_WRITE : 0);
  if (el0)
    result |= UNPRIV_PAN_READ | (write ? UNPRIV_PAN_WRITE : 0);
  if (!pxn)
    result |= EL1_EXEC | PAN_EXEC;
  if (!uxn)
    result |= EL0_EXEC;
  return result;
}

static void
test_permissions (void)
{
  static const u64 leaf_bits[] = {D_EL0, D_RO, D_UXN, D_PXN};
  static const u64 table_bits[] = {DT_NO_EL0, DT_RO, DT_UXN, DT_PXN};
  u64 *upper = entry_at (&low_space, VA, 1), plain = *upper;

  // What is writable is not executable with WXN: the program has to be read-only.
  map (&low_space, 0x40200000, 0x40200000, 2, D_RAM | D_UXN | D_RO);
  flush_tlb ();
  for (unsigned wxn = 0; wxn < 2; wxn++) {
    sctlr_set (wxn ? SCTLR_WXN : 0, wxn ? 0 : SCTLR_WXN);
    for (unsigned combination = 0; combination < (wxn ? 16 : 256); combination++) {
      u64 leaf = 0, table = 0;

      for (unsigned i = 0; i < 4; i++) {
        leaf |= combination >> i & 1 ? leaf_bits[i] : 0;
        table |= combination >> (4 + i) & 1 ? table_bits[i] : 0;
      }
      *upper = plain | table;
      put (page | D_RAM | leaf | D_TABLE);
      // A program that may not execute at EL1 does not show the page's code to be data.
      *(volatile u32 *) page = CODE_SVC;
      check (name ("permissions-%s%x", wxn ? "wxn-" : "", (u64) combination),
             permitted (combination & 1), expected (leaf, table, wxn));
    }
  }
  sctlr_set (0, SCTLR_WXN);
  // HPD0: the table's attributes do not count.
  *upper = plain | DT_NO_EL0 | DT_RO | DT_UXN | DT_PXN;
  WRITE (tcr_el1, READ (tcr_el1) | BIT (41));
  put (page | D_RAM | D_EL0 | D_TABLE);
  check ("permissions-hpd", permitted (true), expected (D_EL0, 0, false));
  WRITE (tcr_el1, READ (tcr_el1) & ~BIT (41));
  *upper = plain;
  flush_tlb ();
}

// PAN is looked at for what was brought in without it.
CODE (c_pan_later, "ldr x2, [x0]\n msr pan, #1\n ldr x3, [x0]");
CODE (c_uao_later, "ldtr x2, [x0]\n msr uao, #1\n ldtr x3, [x0]");

static void
test_pan_changes (void)
{
  put (page | D_RAM | D_EL0 | D_TABLE);
  check_fault ("pan-set-later", run (c_pan_later, EL1H, VA, 0), FROM_EL1H, ESR (0x25, 0x0f), 8, VA);
  put (page | D_RAM | D_EL0 | D_NG | D_TABLE);
  check_fault ("pan-set-later-ng", run (c_pan_later, EL1H, VA, 0), FROM_EL1H, ESR (0x25, 0x0f), 8,
               VA);
  check_end ("uao-set-later", run (c_uao_later, EL1H, VA, 0));
  // With UAO an unprivileged access has EL1's rights: none here for EL0.
  put (page | D_RAM | D_TABLE);
  check_fault ("uao-not-set", run (c_uao_later, EL1H, VA, 0), FROM_EL1H, ESR (0x25, 0x0f), 0, VA);
  check_end ("uao-set", run (c_uao_later, EL1H | SPSR_UAO, VA, 0));
}

// ---- access flag and dirty state ------------------------------------------------------------

static void
check_desc (const char *what, u64 desc)
{
  check (what, *(volatile u64 *) entry_at (&low_space, VA, 3), desc);
}

static void
test_hardware_update (void)
{
  const u64 base = page | D_NORMAL | D_SH_INNER | D_EL0 | D_TABLE, clean = base | D_RO | D_DBM;
  const u64 write_fault = ESR (0x24, WNR | 0x0f);

  // Off: DBM means nothing, and AF faults.
  put (base);
  check_fault ("af-software", run (c_ldr, EL0, VA, 0), FROM_EL0, ESR (0x24, 0x0b), 0, VA);
  put (clean | D_AF);
  check_fault ("dbm-off", run (c_str, EL0, VA, 0), FROM_EL0, write_fault, 0, VA);
  check_desc ("dbm-off-desc", clean | D_AF);

  WRITE (tcr_el1, READ (tcr_el1) | TCR_HA);
  put (base);
  check_end ("ha-read", run (c_ldr, EL0, VA, 0));
  check_desc ("ha-read-desc", base | D_AF);
  put (base);
  check_end ("ha-fetch", run_at (VA, EL0, 0, 0)->esr == ESR (0x15, 1) ? run (c_ldr, EL0, VA, 0)
                                                                      : run_at (VA, EL0, 0, 0));
  check_desc ("ha-fetch-desc", base | D_AF);
  put (clean | D_AF);
  check_fault ("ha-without-hd", run (c_str, EL0, VA, 0), FROM_EL0, write_fault, 0, VA);
  // An access that is not permitted does not count as one.
  put ((base & ~(u64) D_EL0) | D_UXN);
  check_fault ("ha-no-permission", run (c_ldr, EL0, VA, 0), FROM_EL0, ESR (0x24, 0x0f), 0, VA);

  WRITE (tcr_el1, READ (tcr_el1) | TCR_HA | TCR_HD);
  put (clean);
  check_end ("hd-read", run (c_ldr, EL0, VA, 0));
  check_desc ("hd-read-desc", clean | D_AF);
  check_end ("hd-write-after-read", run (c_str, EL0, VA, CODE_SVC));
  check_desc ("hd-write-desc", (clean | D_AF) & ~(u64) D_RO);
  check_end ("hd-write-again", run (c_str, EL0, VA, CODE_SVC));
  put (clean);
  check_end ("hd-write-first", run (c_str, EL1H, VA, CODE_SVC));
  check_desc ("hd-write-first-desc", (clean | D_AF) & ~(u64) D_RO);
  put (clean | D_AF);
  check_end ("hd-sttr", run (c_sttr, EL1H, VA, CODE_SVC));
  check_desc ("hd-sttr-desc", (clean | D_AF) & ~(u64) D_RO);
  // Without DBM read-only stays read-only; nor does a table that forbids writing change its mind.
  put ((clean | D_AF) & ~D_DBM);
  check_fault ("hd-no-dbm", run (c_str, EL0, VA, 0), FROM_EL0, write_fault, 0, VA);
  u64 *upper = entry_at (&low_space, VA, 1), plain = *upper;
  *upper = plain | DT_RO;
  put (clean | D_AF);
  check_fault ("hd-table-read-only", run (c_str, EL0, VA, 0), FROM_EL0, write_fault, 0, VA);
  check_desc ("hd-table-read-only-desc", clean | D_AF);
  *upper = plain;
  put ((clean | D_AF) & ~(u64) D_EL0);
  check_fault ("hd-not-for-el0", run (c_str, EL0, VA, 0), FROM_EL0, write_fault, 0, VA);
  check_desc ("hd-not-for-el0-desc", (clean | D_AF) & ~(u64) D_EL0);
  // Blocks too.
  u64 block_va = 0x6000000000, block = 0x44000000 | (clean & 0xfff & ~(u64) 2) | D_DBM;
  *entry_at (&low_space, block_va, 2) = block;
  flush_tlb ();
  check_end ("hd-block", run (c_str, EL0, block_va + 0x1ff000, 0));
  check ("hd-block-desc", *(volatile u64 *) entry_at (&low_space, block_va, 2),
         (block | D_AF) & ~(u64) D_RO);
  *entry_at (&low_space, block_va, 2) = 0;
  WRITE (tcr_el1, READ (tcr_el1) & ~(TCR_HA | TCR_HD));
  flush_tlb ();
}

// ---- AT -------------------------------------------------------------------------------------

#define AT(op, va)                                                                                 \
  ({                                                                                               \
    SYS ("at " op, va);                                                                            \
    DO ("isb");                                                                                    \
    READ (par_el1);                                                                                \
  })
#define PAR_FAULT(fsc)       (BIT (11) | (u64) (fsc) << 1 | 1)
#define PAR_OK(attr, sh, pa) ((u64) (attr) << 56 | BIT (11) | (u64) (sh) << 7 | (pa))
// Bit 9 is NS, UNKNOWN in Non-secure state; bit 10 is IMPLEMENTATION DEFINED.
#define PAR_KNOWN (~(u64) 0x600)

static u64
at_pan (u64 va, bool write)
{
  register u64 x0 asm("x0") = va;

  if (write)
    asm volatile("sys #0, c7, c9, #1, %0\n isb" ::"r"(x0) : "memory");
  else
    asm volatile("sys #0, c7, c9, #0, %0\n isb" ::"r"(x0) : "memory");
  return READ (par_el1);
}

CODE (c_at_s1e1r, "at s1e1r, x0\n isb");
CODE (c_at_s1e0w, "at s1e0w, x0\n isb");

// An external abort on the walk is taken, and PAR_EL1 stays (AArch64.AT: UNKNOWN).
static void
test_at_external (void)
{
  u64 va = 0x7f0000000000, mark = PAR_OK (0xff, 3, 0xaaaa000), *top = entry_at (&low_space, va, 0);

  *top = 0x100000000000 | D_TABLE; // no memory there
  flush_tlb ();
  WRITE (par_el1, mark);
  check_fault ("at-external", run (c_at_s1e1r, EL1H, va + 0x123, 0), FROM_EL1H,
               ESR (0x25, CM | WNR | 0x15), 0, va + 0x123);
  check_fault ("at-external-el0w", run (c_at_s1e0w, EL1H, va, 0), FROM_EL1H,
               ESR (0x25, CM | WNR | 0x15), 0, va);
  check ("at-external-par", READ (par_el1), mark);
  *top = 0;
  flush_tlb ();
}

static void
test_at (void)
{
  const u64 good = page | D_RAM | D_EL0 | D_TABLE;

  put (good | D_RO);
  check ("at-s1e1r", AT ("s1e1r", VA + 0x123) & PAR_KNOWN, PAR_OK (0xff, 3, page));
  check ("at-s1e0r", AT ("s1e0r", VA) & PAR_KNOWN, PAR_OK (0xff, 3, page));
  check ("at-s1e1w-read-only", AT ("s1e1w", VA) & PAR_KNOWN, PAR_FAULT (0x0f));
  check ("at-s1e0w-read-only", AT ("s1e0w", VA) & PAR_KNOWN, PAR_FAULT (0x0f));
  put (good & ~(u64) D_EL0);
  check ("at-s1e1w", AT ("s1e1w", VA) & PAR_KNOWN, PAR_OK (0xff, 3, page));
  check ("at-s1e0r-not-el0", AT ("s1e0r", VA) & PAR_KNOWN, PAR_FAULT (0x0f));
  put (good & ~(u64) D_AF);
  check ("at-access-flag", AT ("s1e1r", VA) & PAR_KNOWN, PAR_FAULT (0x0b));
  put (0);
  check ("at-translation-3", AT ("s1e0w", VA) & PAR_KNOWN, PAR_FAULT (0x07));
  check ("at-translation-0", AT ("s1e1r", 0xff0000000000) & PAR_KNOWN, PAR_FAULT (0x04));
  check ("at-translation-range", AT ("s1e1r", (u64) 1 << 50) & PAR_KNOWN, PAR_FAULT (0x04));
  // PAN counts for the P forms only.
  put (good);
  check ("at-s1e1rp", at_pan (VA, false) & PAR_KNOWN, PAR_OK (0xff, 3, page));
  DO (".inst 0xd500419f"); // MSR PAN, #1
  u64 r = at_pan (VA, false), w = at_pan (VA, true), plain = AT ("s1e1r", VA);
  DO (".inst 0xd500409f"); // MSR PAN, #0
  check ("at-s1e1rp-pan", r & PAR_KNOWN, PAR_FAULT (0x0f));
  check ("at-s1e1wp-pan", w & PAR_KNOWN, PAR_FAULT (0x0f));
  check ("at-s1e1r-pan", plain & PAR_KNOWN, PAR_OK (0xff, 3, page));
  // Attributes: Device reports Outer Shareable, whatever SH says (D19.2.113); so does Normal-NC.
  // qemu: at-device: 7.2 reports the descriptor's SH; newer ones do as we do.
  // qemu: at-normal-nc: the same.
  // qemu: at-mmu-off: the same.
  put ((good & ~(u64) (7 << 2 | D_SH_INNER)) | D_DEVICE_GRE);
  check ("at-device", AT ("s1e1r", VA) & PAR_KNOWN, PAR_OK (0x04, 2, page));
  put ((good & ~(u64) (7 << 2 | D_SH_INNER)) | D_NC);
  check ("at-normal-nc", AT ("s1e1r", VA) & PAR_KNOWN, PAR_OK (0x44, 2, page));
  put (good & ~(u64) D_SH_INNER);
  check ("at-not-shareable", AT ("s1e1r", VA) & PAR_KNOWN, PAR_OK (0xff, 0, page));
  // A block: the page of the address in it.
  check ("at-block", AT ("s1e1r", 0x44123456) & PAR_KNOWN, PAR_OK (0xff, 3, 0x44123000));
  // Not the TLB's business: a change of the tables is seen.
  check_end ("at-warm", run (c_ldr, EL0, VA, 0));
  put (0);
  check ("at-after-tlbi", AT ("s1e0r", VA) & PAR_KNOWN, PAR_FAULT (0x07));
  // Hardware access flag: AT never faults for it.
  WRITE (tcr_el1, READ (tcr_el1) | TCR_HA | TCR_HD);
  put (good & ~(u64) D_AF);
  check ("at-ha", AT ("s1e0r", VA) & PAR_KNOWN, PAR_OK (0xff, 3, page));
  // A page that is clean in hardware's eyes is writable (AArch64.S1ApplyOutputPerms clears AP[2]
  // for every access type), but AT does not make it dirty (AArch64.S1Translate).
  // qemu: at-hd: newer ones report a permission fault.
  // qemu: at-hd-changes-nothing: 7.2 makes it dirty.
  put ((good | D_RO | D_DBM));
  check ("at-hd", AT ("s1e0w", VA) & PAR_KNOWN, PAR_OK (0xff, 3, page));
  check_desc ("at-hd-changes-nothing", good | D_RO | D_DBM);
  WRITE (tcr_el1, READ (tcr_el1) & ~(TCR_HA | TCR_HD));
  mmu_off ();
  check ("at-mmu-off", AT ("s1e1r", 0x44123456) & PAR_KNOWN, PAR_OK (0x00, 2, 0x44123000));
}

void
test_main (void)
{
  start_mmu ();
  page = page_new ();
  put (0);
  test_permissions ();
  test_pan_changes ();
  test_hardware_update ();
  test_at_external ();
  test_at ();
}
