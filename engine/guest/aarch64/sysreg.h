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
#define A64_SCTLR_DZE    ((uint64_t) 1 << 14)
#define A64_SCTLR_UCT    ((uint64_t) 1 << 15)
#define A64_SCTLR_NTWI   ((uint64_t) 1 << 16)
#define A64_SCTLR_NTWE   ((uint64_t) 1 << 18)
#define A64_SCTLR_WXN    ((uint64_t) 1 << 19)
#define A64_SCTLR_SPAN   ((uint64_t) 1 << 23)
#define A64_SCTLR_UCI    ((uint64_t) 1 << 26)
#define A64_SCTLR_DSSBS  ((uint64_t) 1 << 44)

// What can be written; the rest is as at reset. Big endian (E0E, EE) does not exist. RES1: ITD,
// SED, EOS, TSCXT, EIS, nTLSMD, LSMAOE.
#define A64_SCTLR_MASK                                                                             \
  (A64_SCTLR_M | A64_SCTLR_A | A64_SCTLR_C | A64_SCTLR_SA | A64_SCTLR_SA0 | A64_SCTLR_UMA |        \
   A64_SCTLR_ENRCTX | A64_SCTLR_I | A64_SCTLR_DZE | A64_SCTLR_UCT | A64_SCTLR_NTWI |               \
   A64_SCTLR_NTWE | A64_SCTLR_WXN | A64_SCTLR_SPAN | A64_SCTLR_UCI | A64_SCTLR_DSSBS)
#define A64_SCTLR_RESET 0x30d00980u

// TnSZ, EPDn, IRGN, ORGN, SH, TG, A1, IPS, AS, TBIn, HA, HD, HPDn, E0PDn.
#define A64_TCR_MASK UINT64_C (0x018007f7ffffffbf)

#define A64_MDSCR_SS   ((uint64_t) 1 << 0)
#define A64_MDSCR_TDCC ((uint64_t) 1 << 12)
#define A64_MDSCR_KDE  ((uint64_t) 1 << 13)
#define A64_MDSCR_MDE  ((uint64_t) 1 << 15)

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
// Power-on values, all caches of them recomputed.
void a64_sysregs_reset (A64Cpu *cpu);
// After the fields were written from outside (load): sanitize puts back every bit that a write
// could not have changed.
void a64_sysregs_sanitize (A64Cpu *cpu);
void a64_sysregs_loaded (A64Cpu *cpu);

#define A64_MIDR UINT64_C (0x000f7e50)
enum { A64_LINE_BYTES = 64 };         // of a data cache
#define A64_CTR UINT64_C (0x9444c00a) // IminLine 4 KiB, PIPT, DminLine 64, IDC, not DIC
enum {
  A64_DCZID_BS = 9, // DC ZVA clears 2 KiB
  A64_ZVA_BYTES = 4 << A64_DCZID_BS,
};
uint64_t a64_mpidr (const A64Cpu *cpu);

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
