// SPDX-License-Identifier: GPL-3.0-or-later
// The state of one AArch64 CPU, laid out for the interpreter and for generated code.
//
// Generated code will keep a register at &cpu->x[12] or so (struct + 128), so that everything in
// the first 256 bytes is reached with an 8-bit displacement: the words polled in every block and
// the general registers. Larger and colder things follow. Owned by the vCPU thread, but for the
// fields marked otherwise.
#pragma once

#include <stdatomic.h>

#include "engine/guest/aarch64/op.h"
#include "engine/softfp/env.h"
#include "engine/structs/ticks.h"
#include "engine/vm/vcpu.h"

typedef union A64Vreg {
  uint8_t b[16];
  uint16_t h[8];
  uint32_t s[4];
  uint64_t d[2];
  unsigned __int128 q;
} A64Vreg;

// One direct-mapped TLB entry: an access of `size` bytes at VA hits when
// ((VA + size - 1) & ~0xfff) == tag; the host address is VA + add.
// tag ~0 never matches. MMIO, watched and misaligned-forbidden pages never enter the table.
typedef struct A64Tlbe {
  uint64_t tag;
  int64_t add;
} A64Tlbe;

enum {
  A64_TLB_BITS = 12,
  A64_TLB_SIZE = 1 << A64_TLB_BITS,
  A64_JC_BITS_EL0 = 14, // entries of a jump cache; kernels jump more widely than programs
  A64_JC_BITS_EL1 = 16,
  A64_N_X_TEMPS = 2, // the translator's
  A64_N_V = 32,
  A64_N_V_TEMPS = 4,
  A64_PAGE_BITS = 12, // granularity of the TLB and of code pages, whatever the guest's granule
  A64_PAGE_SIZE = 1 << A64_PAGE_BITS,
};

// One jump-cache entry: the decoded block that starts at a virtual address, or with the translator
// generated code. An empty entry has va ~0 and a block whose handler looks the address up, so that
// an entry never needs a NULL check.
typedef struct A64Jce {
  GuestVaddr va;
  union {
    struct A64Block *block;
    const void *code;
  };
} A64Jce;

// A translation context: the EL0 view of one ASID, or the EL1 view (which is kept across
// ASID changes, its non-global entries dropped). Bounded list per CPU, least recently used reused.
typedef struct A64TlbContext {
  _Alignas(16) A64Tlbe rd[A64_TLB_SIZE];
  A64Tlbe wr[A64_TLB_SIZE];
  struct A64TlbContextInfo *info; // guest/aarch64/mmu.h
  uint32_t jc_mask;               // of its jump cache: a64_jce_index
  A64Jce *jc;                     // its jump cache, which lies right behind it
} A64TlbContext;

// What the machine's configuration gives the CPU or not; a machine's CPUs have the same.
enum {
  A64_FEATURE_PAUTH = 1u << 0,
  A64_FEATURE_BTI = 1u << 1,
  A64_FEATURES = A64_FEATURE_PAUTH | A64_FEATURE_BTI,
};

// PSTATE but for NZCV, which has a field of its own.
typedef struct A64Pstate {
  uint8_t el;   // 0 or 1
  bool sp_sel;  // PSTATE.SP
  uint8_t daif; // D=8 A=4 I=2 F=1
  bool pan, uao, ss, il, dit, ssbs;
  uint8_t btype; // 0 but for what bti.c leaves to the next lookup of a block
} A64Pstate;

// The exclusive monitor: the value seen is kept and compared by the store (an ABA change between
// the pair goes unnoticed, as on the other software implementations).
typedef struct A64Exclusive {
  bool valid;
  uint8_t size_bytes; // total, 1..16
  const void *host;   // stands for the physical address: exclusives are of RAM only
  uint64_t value[2];
} A64Exclusive;

struct A64Cpu {
  _Atomic uint32_t pending;            // VCPU_* bits; any thread
  uint32_t nzcv;                       // bits 31..28, others 0
  A64TlbContext *ctx;                  // for ordinary loads and stores at the current EL
  GuestVaddr page;                     // VA of the page the running block is in
  uint64_t pc;                         // exact between blocks; in a block: page + op->pc_off
  uint64_t x[A64_N_X + A64_N_X_TEMPS]; // x0..x30, SP of the current EL/SPSel, zero, sink

  A64Jce *jc;             // jump cache in use: ctx->jc, or an always empty one (a64_update_jumps)
  uint32_t jc_mask;       // its size
  struct A64Block *block; // running
  uint64_t instructions;  // retired; those of the running block are counted at its start
  A64TlbContext *ctx_el0; // EL0's view: LDTR/STTR and EL0 itself
  A64TlbContext *ctx_el1;
  uint64_t sp_bank[2]; // SP_EL0, SP_EL1 while not in x[A64_SP]
  A64Pstate pstate;
  A64Exclusive excl;
  _Atomic uint32_t *event; // vcpu's event register
  const Ticks *ticks;      // what the counters say
  uint64_t ticks_last;     // and what they said
  uint64_t access_data[4]; // the value of an access that takes the slow path (access.h)
  uint32_t fpcr;
  uint32_t fpsr_qc; // FPSR.QC (bit 27); the other flags are fp.flags
  SoftfpEnv fp;     // decoded FPCR and cumulative flags
  // Between generated code and the run loop (accel-jit.h).
  uint64_t window[8]; // generated code's own
  void *link_site;    // a jump that wants to lead to the code at pc
  bool went_on;       // an instruction of tier 0 was carried out to its end
  bool recheck;       // others' work was done by an instruction: what runs may be gone
  bool stale;         // code was come upon whose page is marked
  bool translating;   // the present mode runs generated code
  _Alignas(64) A64Vreg v[A64_N_V + A64_N_V_TEMPS];

  Vcpu *vcpu;
  // What may have to be taken when PSTATE.DAIF lets it; generated code looks at all four at once, and
  // at all eight before it enters or leaves EL1 by itself.
  _Alignas(8) _Atomic bool irq_level; // interrupt inputs; any thread
  _Atomic bool fiq_level;
  bool step_armed; // software step, were it not masked
  bool never;
  bool fragile; // the EL1 context may have entries that PAN = 1 would drop
  bool fp_odd;  // FPCR is not what jump caches of EL1 and EL0 are for: exceptions are tier 0's
  bool never_either[2];
  uint8_t features;    // A64_FEATURE_*
  uint8_t pauth_keys;  // enabled: pauth.h
  bool strict;         // code is re-checked at every entry: SCTLR_EL1.I = 0
  bool step;           // software step is enabled at this EL
  bool one_by_one;     // strict or step
  bool step_executed;  // the one instruction of a step ran
  bool step_exclusive; // and was a load-exclusive
  bool posted;         // work was posted to other CPUs since the last DSB
  uint8_t watches;     // the guest's enabled ones, a bit each: debug.c
  // What makes branches tell their targets what they are (bti.c); looked at as one word.
  _Alignas(4) bool guarded; // code of a guarded page was fetched, once
  uint8_t breaks;           // as watches
  bool never_guarded[2];
  bool pmu_on; // something is counted: pmu.c
  // System registers, one field per row of sysreg.inc with storage, in struct A64SysRegs:
  struct A64SysRegs *sys;
  struct A64Mmu *mmu;              // second-level TLB, walk parameters: tlb.c, walk.c
  struct A64BlockCache *blocks;    // decoded blocks: block.c
  struct A64CodeWatch *code_watch; // NULL: the guest says when code changes: code-watch.c
  struct A64Timers *timers;        // generic timers: timer.c
  struct A64Pmu *pmu;              // performance monitors: pmu.c
  struct A64Jit *jit;              // translated code, NULL: tier 0 only: accel-jit.c
  struct A64Verify *verify;        // NULL: translated code is trusted: accel-verify.c
  struct A64Cold *cold;            // NULL: all is translated at once: cold.c
  struct A64Debugger *debugger;    // NULL: none is attached: debugger.c
};

// Counts retired instructions; code that does not count leaves it as it is. Others read the counter at any time.
static inline void
a64_count (A64Cpu *cpu, int64_t n)
{
  __atomic_store_n (&cpu->instructions, cpu->instructions + (uint64_t) n, __ATOMIC_RELAXED);
}

// Chooses contexts and modes of the current EL again: after a change of EL, ASID, SCTLR_EL1 or of
// what enables software step.
void a64_update_context (A64Cpu *cpu);
// Chooses the jump cache again: after a change of anything else that code was made for.
void a64_update_jumps (A64Cpu *cpu);
// Decodes FPCR into fp.
void a64_set_fpcr (A64Cpu *cpu, uint32_t value);

// The mask of a jump cache of that many entries, and an address's place in it.
static inline uint32_t
a64_jc_mask (unsigned bits)
{
  return ((1u << bits) - 1) << 2;
}

static inline unsigned
a64_jce_index (GuestVaddr va, uint32_t mask)
{
  return ((uint32_t) (va ^ va >> 12) & mask) >> 2;
}

// Its entry in the jump cache in use.
static inline A64Jce *
a64_jce (A64Cpu *cpu, GuestVaddr va)
{
  return &cpu->jc[a64_jce_index (va, cpu->jc_mask)];
}

// PC of the instruction `op` of the running block.
static inline uint64_t
a64_op_pc (const A64Cpu *cpu, const A64Op *op)
{
  return cpu->page + op->pc_off;
}
