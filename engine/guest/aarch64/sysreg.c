// SPDX-License-Identifier: GPL-3.0-or-later
// System registers: the table of sysreg.inc and id-regs.inc, its access rules, and the registers
// that are more than storage (Arm ARM D19). Runs on the vCPU's thread.
#include "engine/guest/aarch64/sysreg.h"
#include "engine/guest/aarch64/aarch64.h"
#include "engine/guest/aarch64/block.h"
#include "engine/guest/aarch64/debug.h"
#include "engine/guest/aarch64/exception.h"
#include "engine/guest/aarch64/mmu.h"
#include "engine/guest/aarch64/pauth.h"

// Stores what the mask lets through; true when that changed anything.
static bool
store (A64Cpu *cpu, const A64SysReg *reg, uint64_t value)
{
  uint64_t *field = (uint64_t *) ((char *) cpu->sys + reg->offset);
  uint64_t old = *field;

  *field = (value & reg->mask) | (reg->reset & ~reg->mask);
  return *field != old;
}

// Identification.

static uint64_t
a64_read_zero (A64Cpu *cpu)
{
  (void) cpu;
  return 0;
}

static uint64_t
a64_read_ctr (A64Cpu *cpu)
{
  (void) cpu;
  return A64_CTR;
}

static uint64_t
a64_read_dczid (A64Cpu *cpu)
{
  bool prohibited = cpu->pstate.el == 0 && !(cpu->sys->sctlr_el1 & A64_SCTLR_DZE);

  return A64_DCZID_BS | (prohibited ? 1u << 4 : 0);
}

uint64_t
a64_mpidr (const A64Cpu *cpu)
{
  return (uint64_t) 1 << 31 | a64_cpu_affinity (cpu->vcpu->index);
}

static uint64_t
a64_read_mpidr (A64Cpu *cpu)
{
  return a64_mpidr (cpu);
}

static uint64_t
a64_read_midr (A64Cpu *cpu)
{
  (void) cpu;
  return A64_MIDR;
}

static uint64_t
a64_read_clidr (A64Cpu *cpu)
{
  (void) cpu;
  // Separate level 1 caches, a unified level 2; LoUIS 1, LoC 2, LoUU 1.
  return 3 | 4 << 3 | 1 << 21 | 2 << 24 | 1 << 27;
}

static uint64_t
a64_read_ccsidr (A64Cpu *cpu)
{
  bool level2 = (cpu->sys->csselr_el1 >> 1 & 7) == 1;
  unsigned sets = level2 ? 1024 : 128, ways = level2 ? 8 : 4;

  // 64-byte lines: 512 KiB of level 2, 32 KiB of each level 1.
  return (uint64_t) (sets - 1) << 13 | (ways - 1) << 3 | 2;
}

// Control and translation.

// Bits of a register that belong to features the machine has not.
static uint64_t
absent_bits (const A64Cpu *cpu, const A64SysReg *reg)
{
  bool pauth = (cpu->features & A64_FEATURE_PAUTH) != 0;
  bool bti = (cpu->features & A64_FEATURE_BTI) != 0;

  if (reg->offset == offsetof (A64SysRegs, sctlr_el1))
    return (pauth ? 0 : A64_SCTLR_PAUTH) | (bti ? 0 : A64_SCTLR_BTI);
  return reg->offset == offsetof (A64SysRegs, tcr_el1) && !pauth ? A64_TCR_TBID : 0;
}

static void
a64_write_translation (A64Cpu *cpu, const A64SysReg *reg, uint64_t value)
{
  uint16_t asid = cpu->mmu->asid;

  if (!store (cpu, reg, value & ~absent_bits (cpu, reg)))
    return;
  a64_mmu_configure (cpu);
  if (cpu->mmu->asid != asid)
    a64_tlb_switch_asid (cpu);
  a64_tlb_flush_all (cpu);
}

static void
a64_write_sctlr (A64Cpu *cpu, const A64SysReg *reg, uint64_t value)
{
  uint64_t old = cpu->sys->sctlr_el1;
  uint64_t flushing = A64_SCTLR_M | A64_SCTLR_A | A64_SCTLR_C | A64_SCTLR_WXN;

  if (!store (cpu, reg, value & ~absent_bits (cpu, reg)))
    return;
  a64_mmu_configure (cpu);
  a64_pac_configure (cpu);
  if ((cpu->sys->sctlr_el1 ^ old) & flushing)
    a64_tlb_flush_all (cpu);
  // What ran uncached may have been changed since, and is looked at once more.
  if ((cpu->sys->sctlr_el1 ^ old) & A64_SCTLR_I)
    a64_blocks_stale_all (cpu);
  a64_update_context (cpu);
}

static void
a64_write_cpacr (A64Cpu *cpu, const A64SysReg *reg, uint64_t value)
{
  if (store (cpu, reg, value))
    a64_jump_caches_clear (cpu);
}

static void
a64_write_ttbr (A64Cpu *cpu, const A64SysReg *reg, uint64_t value)
{
  uint16_t asid = cpu->mmu->asid;

  if (!store (cpu, reg, value))
    return;
  a64_mmu_point (cpu);
  a64_tlb_drop_fragile (cpu);
  if (cpu->mmu->asid != asid)
    a64_tlb_switch_asid (cpu);
}

// Exceptions and PSTATE.

static uint64_t
a64_read_sp_el0 (A64Cpu *cpu)
{
  return cpu->sp_bank[0];
}

static void
a64_write_sp_el0 (A64Cpu *cpu, const A64SysReg *reg, uint64_t value)
{
  (void) reg;
  cpu->sp_bank[0] = value;
}

static uint64_t
a64_read_isr (A64Cpu *cpu)
{
  return (atomic_load (&cpu->irq_level) ? 1u << 7 : 0) |
         (atomic_load (&cpu->fiq_level) ? 1u << 6 : 0);
}

static uint64_t
a64_read_spsel (A64Cpu *cpu)
{
  return cpu->pstate.sp_sel;
}

static void
a64_write_spsel (A64Cpu *cpu, const A64SysReg *reg, uint64_t value)
{
  (void) reg;
  a64_switch_sp (cpu, cpu->pstate.el, value & 1);
  a64_update_jumps (cpu);
}

static uint64_t
a64_read_currentel (A64Cpu *cpu)
{
  return (uint64_t) cpu->pstate.el << 2;
}

static uint64_t
a64_read_pan (A64Cpu *cpu)
{
  return (uint64_t) cpu->pstate.pan << 22;
}

static void
a64_write_pan (A64Cpu *cpu, const A64SysReg *reg, uint64_t value)
{
  (void) reg;
  a64_set_pan (cpu, value >> 22 & 1);
}

static uint64_t
a64_read_uao (A64Cpu *cpu)
{
  return (uint64_t) cpu->pstate.uao << 23;
}

static void
a64_write_uao (A64Cpu *cpu, const A64SysReg *reg, uint64_t value)
{
  (void) reg;
  cpu->pstate.uao = value >> 23 & 1;
  a64_update_jumps (cpu);
}

static uint64_t
a64_read_nzcv (A64Cpu *cpu)
{
  return cpu->nzcv;
}

static void
a64_write_nzcv (A64Cpu *cpu, const A64SysReg *reg, uint64_t value)
{
  (void) reg;
  cpu->nzcv = value & 0xf0000000u;
}

static uint64_t
a64_read_daif (A64Cpu *cpu)
{
  return (uint64_t) cpu->pstate.daif << 6;
}

static void
a64_write_daif (A64Cpu *cpu, const A64SysReg *reg, uint64_t value)
{
  (void) reg;
  cpu->pstate.daif = value >> 6 & 0xf;
  a64_update_context (cpu);
  a64_poll_irq (cpu);
}

static uint64_t
a64_read_dit (A64Cpu *cpu)
{
  return (uint64_t) cpu->pstate.dit << 24;
}

static void
a64_write_dit (A64Cpu *cpu, const A64SysReg *reg, uint64_t value)
{
  (void) reg;
  cpu->pstate.dit = value >> 24 & 1;
}

static uint64_t
a64_read_ssbs (A64Cpu *cpu)
{
  return (uint64_t) cpu->pstate.ssbs << 12;
}

static void
a64_write_ssbs (A64Cpu *cpu, const A64SysReg *reg, uint64_t value)
{
  (void) reg;
  cpu->pstate.ssbs = value >> 12 & 1;
}

// Floating-point control.

void
a64_set_fpcr (A64Cpu *cpu, uint32_t value)
{
  static const uint8_t rounding[4] = {SOFTFP_NEAREST_EVEN, SOFTFP_UP, SOFTFP_DOWN, SOFTFP_ZERO};

  // AHP, DN, FZ, RMode, FZ16; no trapped exceptions.
  cpu->fpcr = value & 0x07c80000u;
  cpu->fp.rounding = rounding[value >> 22 & 3];
  cpu->fp.flush_to_zero = value >> 24 & 1;
  cpu->fp.flush_to_zero_16 = value >> 19 & 1;
  cpu->fp.default_nan = value >> 25 & 1;
  cpu->fp.alternative_half = value >> 26 & 1;
  a64_update_jumps (cpu);
}

static uint64_t
a64_read_fpcr (A64Cpu *cpu)
{
  return cpu->fpcr;
}

static void
a64_write_fpcr (A64Cpu *cpu, const A64SysReg *reg, uint64_t value)
{
  (void) reg;
  a64_set_fpcr (cpu, (uint32_t) value);
}

static uint64_t
a64_read_fpsr (A64Cpu *cpu)
{
  return cpu->fpsr_qc | cpu->fp.flags;
}

static void
a64_write_fpsr (A64Cpu *cpu, const A64SysReg *reg, uint64_t value)
{
  (void) reg;
  cpu->fpsr_qc = value & A64_FPSR_QC;
  cpu->fp.flags = value & A64_FPSR_FLAGS;
}

// Debug.

static void
a64_write_mdscr (A64Cpu *cpu, const A64SysReg *reg, uint64_t value)
{
  store (cpu, reg, value);
  a64_debug_configure (cpu);
  a64_update_context (cpu);
}

static void
a64_write_debug_point (A64Cpu *cpu, const A64SysReg *reg, uint64_t value)
{
  if (store (cpu, reg, value))
    a64_debug_configure (cpu);
}

static void
a64_write_oslar (A64Cpu *cpu, const A64SysReg *reg, uint64_t value)
{
  (void) reg;
  cpu->sys->os_lock = value & 1;
  a64_debug_configure (cpu);
  a64_update_context (cpu);
}

static uint64_t
a64_read_oslsr (A64Cpu *cpu)
{
  // OSLM = 0b10: the OS lock is implemented.
  return 1u << 3 | cpu->sys->os_lock << 1;
}

static uint64_t
a64_read_claimset (A64Cpu *cpu)
{
  (void) cpu;
  return 0xff;
}

static void
a64_write_claimset (A64Cpu *cpu, const A64SysReg *reg, uint64_t value)
{
  (void) reg;
  cpu->sys->claim |= value & 0xff;
}

static uint64_t
a64_read_claimclr (A64Cpu *cpu)
{
  return cpu->sys->claim;
}

static void
a64_write_claimclr (A64Cpu *cpu, const A64SysReg *reg, uint64_t value)
{
  (void) reg;
  cpu->sys->claim &= ~value;
}

static void
a64_write_ignored (A64Cpu *cpu, const A64SysReg *reg, uint64_t value)
{
  (void) cpu, (void) reg, (void) value;
}

#define a64_write_none NULL

// The table.

#define FIELD(field) offsetof (A64SysRegs, field)
#define ROW(label, op0, op1, crn, crm, op2, e0, e1)                                                \
  .number = A64_SYSREG (op0, op1, crn, crm, op2), .el0 = A64_RULE_##e0, .el1 = A64_RULE_##e1,      \
  .name = (label)

#define A64_STORE(name, op0, op1, crn, crm, op2, el0, el1, f, m, r)                                \
  {ROW (#name, op0, op1, crn, crm, op2, el0, el1), .offset = FIELD (f), .mask = m, .reset = r},
#define A64_HOOK(name, op0, op1, crn, crm, op2, el0, el1, f, m, r, w)                              \
  {ROW (#name, op0, op1, crn, crm, op2, el0, el1), .offset = FIELD (f), .mask = m, .reset = r,     \
   .write = a64_write_##w},
#define A64_FUNC(name, op0, op1, crn, crm, op2, el0, el1, r, w)                                    \
  {ROW (#name, op0, op1, crn, crm, op2, el0, el1), .offset = -1, .read = a64_read_##r,             \
   .write = a64_write_##w},

static const A64SysReg table[] = {
#include "engine/guest/aarch64/sysreg.inc"
};
#undef A64_STORE
#undef A64_HOOK
#undef A64_FUNC

enum { N_REGS = sizeof table / sizeof table[0] };

// Their places in it.
enum {
#define A64_STORE(name, ...) AT_##name,
#define A64_HOOK(name, ...)  AT_##name,
#define A64_FUNC(name, ...)  AT_##name,
#include "engine/guest/aarch64/sysreg.inc"
#undef A64_STORE
#undef A64_HOOK
#undef A64_FUNC
};

int
a64_sysreg_count (void)
{
  return N_REGS;
}

int
a64_sysreg_find (uint32_t number)
{
  switch (number) {
#define AT(name, op0, op1, crn, crm, op2, ...)                                                     \
  case A64_SYSREG (op0, op1, crn, crm, op2):                                                       \
    return AT_##name;
#define A64_STORE(...) AT (__VA_ARGS__)
#define A64_HOOK(...)  AT (__VA_ARGS__)
#define A64_FUNC(...)  AT (__VA_ARGS__)
#include "engine/guest/aarch64/sysreg.inc"
#undef A64_STORE
#undef A64_HOOK
#undef A64_FUNC
#undef AT
  default:
    return -1;
  }
}

const A64SysReg *
a64_sysreg_get (int index)
{
  return &table[index];
}

enum {
  PMUSERENR_EN = 1u << 0,
  PMUSERENR_SW = 1u << 1,
  PMUSERENR_CR = 1u << 2,
  PMUSERENR_ER = 1u << 3,
};

static bool
el0_allowed (const A64Cpu *cpu, const A64SysReg *reg, bool write)
{
  uint64_t sctlr = cpu->sys->sctlr_el1, cntkctl = cpu->sys->cntkctl_el1;
  uint32_t user = cpu->sys->pmu.user;

  switch ((A64Rule) reg->el0) {
  case A64_RULE_UCT:
    return !write && (sctlr & A64_SCTLR_UCT) != 0;
  case A64_RULE_UMA:
    return (sctlr & A64_SCTLR_UMA) != 0;
  case A64_RULE_PCT:
    return !write && (cntkctl & 1) != 0;
  case A64_RULE_VCT:
    return !write && (cntkctl & 2) != 0;
  case A64_RULE_FRQ:
    return !write && (cntkctl & 3) != 0;
  case A64_RULE_VTEN:
    return (cntkctl >> 8 & 1) != 0;
  case A64_RULE_PTEN:
    return (cntkctl >> 9 & 1) != 0;
  case A64_RULE_TDCC:
    return (cpu->sys->mdscr_el1 & A64_MDSCR_TDCC) == 0;
  case A64_RULE_PM:
    return (user & PMUSERENR_EN) != 0;
  case A64_RULE_PMID:
    return !write && (user & PMUSERENR_EN) != 0;
  case A64_RULE_PMSW:
    return write && (user & (PMUSERENR_EN | PMUSERENR_SW)) != 0;
  case A64_RULE_PMSEL:
    return (user & (PMUSERENR_EN | PMUSERENR_ER)) != 0;
  case A64_RULE_PMCC:
    return (user & (PMUSERENR_EN | (write ? 0 : PMUSERENR_CR))) != 0;
  case A64_RULE_PMEV:
    return (user & (PMUSERENR_EN | (write ? 0 : PMUSERENR_ER))) != 0;
  case A64_RULE_RO:
    return !write;
  case A64_RULE_RW:
    return true;
  default:
    return false;
  }
}

bool
a64_sysreg_allowed (const A64Cpu *cpu, const A64SysReg *reg, bool write, bool *trapped)
{
  bool read_only = reg->write == NULL && reg->offset < 0;

  *trapped = false;
  if (write && read_only)
    return false;
  if (reg->el1 == A64_RULE_PAUTH)
    return cpu->pstate.el != 0 && (cpu->features & A64_FEATURE_PAUTH) != 0;
  if (cpu->pstate.el != 0)
    return reg->el1 == A64_RULE_RW || reg->el1 == (write ? A64_RULE_WO : A64_RULE_RO);
  if (el0_allowed (cpu, reg, write))
    return true;
  // What EL0 may only ever read is UNDEFINED to write, and the reverse.
  bool may_write = reg->el0 != A64_RULE_UCT && reg->el0 != A64_RULE_PCT &&
                   reg->el0 != A64_RULE_VCT && reg->el0 != A64_RULE_FRQ;
  bool may_read = reg->el0 != A64_RULE_PMSW;
  *trapped = reg->el0 >= A64_RULE_UCT && (write ? may_write : may_read);
  return false;
}

uint64_t
a64_sysreg_read (A64Cpu *cpu, const A64SysReg *reg)
{
  if (reg->offset >= 0)
    return *(const uint64_t *) ((const char *) cpu->sys + reg->offset);
  return reg->read (cpu);
}

void
a64_sysreg_write (A64Cpu *cpu, const A64SysReg *reg, uint64_t value)
{
  if (reg->write != NULL)
    reg->write (cpu, reg, value);
  else
    store (cpu, reg, value);
}

static const struct {
  uint16_t number;
  uint8_t shift;
  uint64_t value;
} id_fields[] = {
#define A64_ID(name, crm, op2, field, shift, width, value)                                         \
  {A64_SYSREG (3, 0, 0, crm, op2), shift, value},
#include "engine/guest/aarch64/id-regs.inc"
#undef A64_ID
};

bool
a64_id_register (uint32_t number, uint64_t *value)
{
  unsigned crm = number >> 3 & 0xf;

  if ((number & ~0x7fu) != A64_SYSREG (3, 0, 0, 0, 0) || crm < 1 || crm > 7)
    return false;
  *value = 0;
  for (size_t i = 0; i < sizeof id_fields / sizeof id_fields[0]; i++)
    if (id_fields[i].number == number)
      *value |= id_fields[i].value << id_fields[i].shift;
  return true;
}

uint64_t
a64_feature_fields (const A64Cpu *cpu, uint32_t number)
{
  static const struct {
    uint8_t feature;
    uint16_t number;
    uint64_t value;
  } fields[] = {
      // API: PAuth2 with FPACCOMBINE, and GPI: algorithms of our own.
      {A64_FEATURE_PAUTH, A64_SYSREG (3, 0, 0, 6, 1), 5 << 8 | 1u << 28},
      {A64_FEATURE_BTI, A64_SYSREG (3, 0, 0, 4, 1), 1},
  };
  uint64_t value = 0;

  for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
    if ((cpu->features & fields[i].feature) != 0 && fields[i].number == number)
      value |= fields[i].value;
  return value;
}

void
a64_sysregs_sanitize (A64Cpu *cpu)
{
  for (int i = 0; i < N_REGS; i++)
    if (table[i].offset >= 0)
      store (cpu, &table[i],
             *(uint64_t *) ((char *) cpu->sys + table[i].offset) & ~absent_bits (cpu, &table[i]));
  cpu->sys->claim &= 0xff;
  cpu->sys->os_lock &= 1;
}

void
a64_sysregs_loaded (A64Cpu *cpu)
{
  a64_mmu_configure (cpu);
  a64_pac_configure (cpu);
  a64_tlb_switch_asid (cpu);
  a64_tlb_flush_all (cpu);
  a64_jump_caches_clear (cpu);
  a64_blocks_stale_all (cpu);
  a64_debug_configure (cpu);
  a64_update_context (cpu);
}

void
a64_sysregs_reset (A64Cpu *cpu)
{
  *cpu->sys = (A64SysRegs){.os_lock = 1};
  for (int i = 0; i < N_REGS; i++)
    if (table[i].offset >= 0)
      *(uint64_t *) ((char *) cpu->sys + table[i].offset) = table[i].reset;
  a64_sysregs_loaded (cpu);
}
