// SPDX-License-Identifier: GPL-3.0-or-later
// The system registers of one CPU: storage made from sysreg.inc, lookup and access. vCPU thread.
#pragma once

#include "engine/guest/aarch64/cpu.h"
#include "engine/structs/a64-sysreg.h"

#define A64_SCTLR_M      ((uint64_t) 1 << 0)
#define A64_SCTLR_A      ((uint64_t) 1 << 1)
#define A64_SCTLR_C      ((uint64_t) 1 << 2)
#define A64_SCTLR_SA     ((uint64_t) 1 << 3)
#define A64_SCTLR_SA0    ((uint64_t) 1 << 4)
#define A64_SCTLR_UMA    ((uint64_t) 1 << 9)
#define A64_SCTLR_ENRCTX ((uint64_t) 1 << 10)
#define A64_SCTLR_I      ((uint64_t) 1 << 12)
#define A64_SCTLR_ENDB   ((uint64_t) 1 << 13)
#define A64_SCTLR_DZE    ((uint64_t) 1 << 14)
#define A64_SCTLR_UCT    ((uint64_t) 1 << 15)
#define A64_SCTLR_NTWI   ((uint64_t) 1 << 16)
#define A64_SCTLR_NTWE   ((uint64_t) 1 << 18)
#define A64_SCTLR_WXN    ((uint64_t) 1 << 19)
#define A64_SCTLR_SPAN   ((uint64_t) 1 << 23)
#define A64_SCTLR_UCI    ((uint64_t) 1 << 26)
#define A64_SCTLR_ENDA   ((uint64_t) 1 << 27)
#define A64_SCTLR_ENIB   ((uint64_t) 1 << 30)
#define A64_SCTLR_ENIA   ((uint64_t) 1 << 31)
#define A64_SCTLR_MSCEN  ((uint64_t) 1 << 33)
#define A64_SCTLR_BT0    ((uint64_t) 1 << 35)
#define A64_SCTLR_BT1    ((uint64_t) 1 << 36)
#define A64_SCTLR_DSSBS  ((uint64_t) 1 << 44)

#define A64_SCTLR_PAUTH (A64_SCTLR_ENIA | A64_SCTLR_ENIB | A64_SCTLR_ENDA | A64_SCTLR_ENDB)
#define A64_SCTLR_BTI   (A64_SCTLR_BT0 | A64_SCTLR_BT1)

// What can be written where every feature is there; the rest is as at reset. Big endian (E0E, EE)
// does not exist. RES1: ITD, SED, EOS, TSCXT, EIS, nTLSMD, LSMAOE.
#define A64_SCTLR_MASK                                                                             \
  (A64_SCTLR_M | A64_SCTLR_A | A64_SCTLR_C | A64_SCTLR_SA | A64_SCTLR_SA0 | A64_SCTLR_UMA |        \
   A64_SCTLR_ENRCTX | A64_SCTLR_I | A64_SCTLR_DZE | A64_SCTLR_UCT | A64_SCTLR_NTWI |               \
   A64_SCTLR_NTWE | A64_SCTLR_WXN | A64_SCTLR_SPAN | A64_SCTLR_UCI | A64_SCTLR_MSCEN |             \
   A64_SCTLR_DSSBS | A64_SCTLR_PAUTH | A64_SCTLR_BTI)
#define A64_SCTLR_RESET 0x30d00980u

// TnSZ, EPDn, IRGN, ORGN, SH, TG, A1, IPS, AS, TBIn, HA, HD, HPDn, TBIDn, E0PDn.
#define A64_TCR_MASK UINT64_C (0x019807f7ffffffbf)
#define A64_TCR_TBID UINT64_C (0x0018000000000000)

#define A64_MDSCR_SS   ((uint64_t) 1 << 0)
#define A64_MDSCR_TDCC ((uint64_t) 1 << 12)
#define A64_MDSCR_KDE  ((uint64_t) 1 << 13)
#define A64_MDSCR_MDE  ((uint64_t) 1 << 15)

// The performance monitors' (pmu.c).
enum { A64_PMU_EVENTS = 6 };

typedef struct A64PmuState {
  uint64_t cycles;
  uint32_t events[A64_PMU_EVENTS];
  uint32_t type[A64_PMU_EVENTS];
  uint32_t cycle_type;
  uint32_t control; // PMCR_EL0
  uint32_t enabled, overflowed, interrupts;
  uint32_t user; // PMUSERENR_EL0
  uint32_t selected;
  uint32_t reserved;
  // Up to here it is counted.
  uint64_t seen_ns, seen_instructions;
} A64PmuState;

typedef struct A64SysRegs {
#define A64_STORE(name, op0, op1, crn, crm, op2, el0, el1, field, mask, reset)       uint64_t field;
#define A64_HOOK(name, op0, op1, crn, crm, op2, el0, el1, field, mask, reset, write) uint64_t field;
#define A64_FUNC(name, op0, op1, crn, crm, op2, el0, el1, read, write)
#include "engine/guest/aarch64/sysreg.inc"
#undef A64_STORE
#undef A64_HOOK
#undef A64_FUNC
  // Behind computed registers.
  uint64_t claim;   // DBGCLAIMSET/CLR
  uint64_t os_lock; // OSLSR_EL1.OSLK
  A64PmuState pmu;
} A64SysRegs;

// Who may access a register, and under which switch.
typedef enum A64Rule {
  A64_RULE_NONE,
  A64_RULE_RO,
  A64_RULE_WO,
  A64_RULE_RW,
  A64_RULE_UCT,  // EL0 reads under SCTLR_EL1.UCT
  A64_RULE_UMA,  // EL0 reads and writes under SCTLR_EL1.UMA
  A64_RULE_VCT,  // EL0 reads under CNTKCTL_EL1.EL0VCTEN
  A64_RULE_PCT,  // EL0PCTEN
  A64_RULE_FRQ,  // either of them
  A64_RULE_VTEN, // EL0 reads and writes under CNTKCTL_EL1.EL0VTEN
  A64_RULE_PTEN, // EL0PTEN
  A64_RULE_TDCC, // EL0 reads and writes unless MDSCR_EL1.TDCC
  // EL0 under PMUSERENR_EL0.EN, or of the named kind:
  A64_RULE_PM,    // reads and writes
  A64_RULE_PMID,  // reads
  A64_RULE_PMSW,  // writes, or SW
  A64_RULE_PMSEL, // reads and writes, or ER
  A64_RULE_PMCC,  // the same, or CR to read
  A64_RULE_PMEV,  // the same, or ER to read
  A64_RULE_PAUTH, // EL1 reads and writes where pointer authentication is there
} A64Rule;

typedef struct A64SysReg {
  uint16_t number;  // A64_SYSREG
  uint8_t el0, el1; // A64Rule
  int16_t offset;   // of its field in A64SysRegs; -1: none
  const char *name;
  uint64_t mask, reset;
  uint64_t (*read) (A64Cpu *cpu);
  void (*write) (A64Cpu *cpu, const struct A64SysReg *reg, uint64_t value);
} A64SysReg;

// Index of a register, or -1. Pure.
int a64_sysreg_find (uint32_t number);
const A64SysReg *a64_sysreg_get (int index);
int a64_sysreg_count (void);
// True when the current EL may do it. False: *trapped says whether it is trapped (EC 0x18) rather
// than UNDEFINED.
bool a64_sysreg_allowed (const A64Cpu *cpu, const A64SysReg *reg, bool write, bool *trapped);
uint64_t a64_sysreg_read (A64Cpu *cpu, const A64SysReg *reg);
void a64_sysreg_write (A64Cpu *cpu, const A64SysReg *reg, uint64_t value);
// An ID register of op0 3, op1 0, CRn 0; unassigned ones read as zero. False: no such space.
bool a64_id_register (uint32_t number, uint64_t *value);
// What the features add to an ID register.
uint64_t a64_feature_fields (const A64Cpu *cpu, uint32_t number);
// Power-on values, all caches of them recomputed.
void a64_sysregs_reset (A64Cpu *cpu);
// After the fields were written from outside (load): sanitize puts back every bit that a write
// could not have changed.
void a64_sysregs_sanitize (A64Cpu *cpu);
void a64_sysregs_loaded (A64Cpu *cpu);

// TTBR0_EL1 or TTBR1_EL1.
static inline bool
a64_sysreg_is_table (uint32_t number)
{
  return (number & ~1u) == A64_SYSREG (3, 0, 2, 0, 0);
}

// Of the interrupt controller's CPU interface: ICC_PMR_EL1, and those beside the vectors' base.
static inline bool
a64_sysreg_is_gic (uint32_t number)
{
  return number == A64_SYSREG (3, 0, 4, 6, 0) ||
         (number >= A64_SYSREG (3, 0, 12, 8, 0) && number <= A64_SYSREG (3, 0, 12, 12, 7));
}

#define A64_MIDR UINT64_C (0x000f7e50)
enum { A64_LINE_BYTES = 64 };         // of a data cache
#define A64_CTR UINT64_C (0x9444c00a) // IminLine 4 KiB, PIPT, DminLine 64, IDC, not DIC
enum {
  A64_FPSR_QC = 1 << 27,
  A64_FPSR_FLAGS = 0x9f,
  A64_DCZID_BS = 9, // DC ZVA clears 2 KiB
  A64_ZVA_BYTES = 4 << A64_DCZID_BS,
};
uint64_t a64_mpidr (const A64Cpu *cpu);

// pmu.c
#define A64_PMU_COUNTER(counter, type)                                                             \
  uint64_t a64_read_##counter (A64Cpu *cpu);                                                       \
  void a64_write_##counter (A64Cpu *cpu, const A64SysReg *reg, uint64_t value);                    \
  uint64_t a64_read_##type (A64Cpu *cpu);                                                          \
  void a64_write_##type (A64Cpu *cpu, const A64SysReg *reg, uint64_t value);
A64_PMU_COUNTER (pmccntr, pmccfiltr)
A64_PMU_COUNTER (pmxevcntr, pmxevtyper)
A64_PMU_COUNTER (pmevcntr0, pmevtyper0)
A64_PMU_COUNTER (pmevcntr1, pmevtyper1)
A64_PMU_COUNTER (pmevcntr2, pmevtyper2)
A64_PMU_COUNTER (pmevcntr3, pmevtyper3)
A64_PMU_COUNTER (pmevcntr4, pmevtyper4)
A64_PMU_COUNTER (pmevcntr5, pmevtyper5)
A64_PMU_COUNTER (pmcr, pmselr)
#undef A64_PMU_COUNTER
#define A64_PMU_BITS(name)                                                                         \
  uint64_t a64_read_##name (A64Cpu *cpu);                                                          \
  void a64_write_##name##set (A64Cpu *cpu, const A64SysReg *reg, uint64_t value);                  \
  void a64_write_##name##clr (A64Cpu *cpu, const A64SysReg *reg, uint64_t value);
A64_PMU_BITS (pmcnten)
A64_PMU_BITS (pmovs)
A64_PMU_BITS (pminten)
#undef A64_PMU_BITS
uint64_t a64_read_pmceid0 (A64Cpu *cpu);
uint64_t a64_read_pmuserenr (A64Cpu *cpu);
void a64_write_pmuserenr (A64Cpu *cpu, const A64SysReg *reg, uint64_t value);
void a64_write_pmswinc (A64Cpu *cpu, const A64SysReg *reg, uint64_t value);

// timer.c
uint64_t a64_read_cntpct (A64Cpu *cpu);
uint64_t a64_read_cntvct (A64Cpu *cpu);
#define A64_TIMER_REGISTER(name)                                                                   \
  uint64_t a64_read_##name (A64Cpu *cpu);                                                          \
  void a64_write_##name (A64Cpu *cpu, const A64SysReg *reg, uint64_t value);
A64_TIMER_REGISTER (cntp_tval)
A64_TIMER_REGISTER (cntp_ctl)
A64_TIMER_REGISTER (cntp_cval)
A64_TIMER_REGISTER (cntv_tval)
A64_TIMER_REGISTER (cntv_ctl)
A64_TIMER_REGISTER (cntv_cval)
#undef A64_TIMER_REGISTER
