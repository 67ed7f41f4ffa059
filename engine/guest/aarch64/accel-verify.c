// SPDX-License-Identifier: GPL-3.0-or-later
// See accel-verify.h. Tier 0 goes by single instructions, and leaves where the region is left; a
// plan made from its uops says where that is. It runs in a context without any TLB entry, so that
// every access comes past a64_verify_note.
//
// Devices and the I/O thread may change memory between the two runs: what differs is done again
// before it counts. What a pending interrupt cut short is tier 0's.
#include "engine/guest/aarch64/accel-verify.h"

#include <gio/gio.h>
#include <string.h>

#include "engine/guest/aarch64/aarch64.h"
#include "engine/guest/aarch64/accel-jit.h"
#include "engine/guest/aarch64/block.h"
#include "engine/guest/aarch64/decode.h"
#include "engine/guest/aarch64/exception.h"
#include "engine/guest/aarch64/mmu.h"
#include "engine/guest/aarch64/sysreg.h"
#include "engine/guest/aarch64/translate.h"
#include "engine/mem/access.h"
#include "engine/vm/vm.h"

enum {
  LOG_ENTRIES = 4096,
  LOG_BYTES = 64 << 10,
  MOST_INSNS = 20000, // of one run of a region
  ATTEMPTS = 4,
};

// Of a plan's words.
enum {
  PLAN_BRANCH = 1u << 0,      // may leave the straight way
  PLAN_TAKEN_STAYS = 1u << 1, // in the region
  PLAN_FALLS_STAYS = 1u << 2,
  PLAN_ENDS = 1u << 3,
};

// How instructions of a region go on, a byte for each word of the page.
typedef struct Plan {
  uint8_t words[IR_PAGE_SIZE / 4];
} Plan;

typedef struct State {
  uint64_t x[32];
  uint64_t sp_bank[2];
  A64Vreg v[A64_N_V];
  uint32_t nzcv, fpcr, fpsr_qc;
  uint64_t pc;
  A64Pstate pstate;
  A64Exclusive excl;
  SoftfpEnv fp;
  A64SysRegs sys;
} State;

// What was overwritten: `at` of `bytes`, twice: before, and when tier 0 was done.
typedef struct Write {
  uint8_t *host;
  uint32_t size, at;
} Write;

typedef struct Stats {
  uint64_t compared, insns; // regions that came to the same, and their instructions
  uint64_t once;            // not done twice
  uint64_t interrupted, retried, different;
} Stats;

typedef struct A64Verify {
  bool noting;
  bool once;         // something happened that cannot be done twice
  bool stopped;      // for good, after a difference
  GHashTable *plans; // code -> Plan
  A64Block *block;   // of the instruction that is being carried out
  A64TlbContext *empty, *ctx_el0;
  State before, tier0, jit;
  bool faulted; // tier 0: by an instruction before which NZCV may be dead
  unsigned n_insns;
  unsigned n_writes, n_bytes;
  Write writes[LOG_ENTRIES];
  uint8_t bytes[2][LOG_BYTES];
  Stats stats;
} A64Verify;

// ---- states ---------------------------------------------------------------------------------

static void
save (const A64Cpu *cpu, State *s)
{
  memcpy (s->x, cpu->x, sizeof s->x);
  memcpy (s->sp_bank, cpu->sp_bank, sizeof s->sp_bank);
  memcpy (s->v, cpu->v, sizeof s->v);
  s->nzcv = cpu->nzcv;
  s->fpcr = cpu->fpcr;
  s->fpsr_qc = cpu->fpsr_qc;
  s->pc = cpu->pc;
  s->pstate = cpu->pstate;
  s->excl = cpu->excl;
  s->fp = cpu->fp;
  s->sys = *cpu->sys;
}

static void
restore (A64Cpu *cpu, const State *s)
{
  memcpy (cpu->x, s->x, sizeof s->x);
  memcpy (cpu->sp_bank, s->sp_bank, sizeof s->sp_bank);
  memcpy (cpu->v, s->v, sizeof s->v);
  cpu->nzcv = s->nzcv;
  cpu->fpcr = s->fpcr;
  cpu->fpsr_qc = s->fpsr_qc;
  cpu->pc = s->pc;
  cpu->pstate = s->pstate;
  cpu->excl = s->excl;
  cpu->fp = s->fp;
  *cpu->sys = s->sys;
  a64_update_context (cpu);
}

typedef struct Field {
  const char *name;
  size_t offset;
  unsigned bytes, n;
} Field;

#define FIELD(name, member, n)                                                                     \
  {                                                                                                \
    name, offsetof (State, member), sizeof (((State *) NULL)->member) / (n), n                     \
  }

static const Field fields[] = {
    FIELD ("pc", pc, 1),
    FIELD ("x", x, 32),
    FIELD ("sp bank ", sp_bank, 2),
    FIELD ("v half ", v, 64),
    FIELD ("nzcv", nzcv, 1),
    FIELD ("fpcr", fpcr, 1),
    FIELD ("fpsr qc", fpsr_qc, 1),
    FIELD ("fpsr", fp.flags, 1),
    FIELD ("el", pstate.el, 1),
    FIELD ("sp_sel", pstate.sp_sel, 1),
    FIELD ("daif", pstate.daif, 1),
    FIELD ("pan", pstate.pan, 1),
    FIELD ("uao", pstate.uao, 1),
    FIELD ("ss", pstate.ss, 1),
    FIELD ("il", pstate.il, 1),
    FIELD ("dit", pstate.dit, 1),
    FIELD ("ssbs", pstate.ssbs, 1),
    FIELD ("btype", pstate.btype, 1),
    FIELD ("monitor", excl.valid, 1),
    FIELD ("system word ", sys, sizeof (A64SysRegs) / 8),
};

static uint64_t
get (const State *s, const Field *f, unsigned i)
{
  uint64_t value = 0;

  memcpy (&value, (const uint8_t *) s + f->offset + (size_t) i * f->bytes, f->bytes);
  return value;
}

static bool
is_same_state (const State *a, const State *b)
{
  for (size_t i = 0; i < G_N_ELEMENTS (fields); i++) {
    const Field *f = &fields[i];

    if (memcmp ((const uint8_t *) a + f->offset, (const uint8_t *) b + f->offset,
                (size_t) f->bytes * f->n) != 0)
      return false;
  }
  return true;
}

// ---- memory ---------------------------------------------------------------------------------

bool
a64_verify_is_noting (const A64Cpu *cpu)
{
  return cpu->verify->noting;
}

void
a64_verify_note (A64Cpu *cpu, void *host, unsigned size, bool write)
{
  A64Verify *self = cpu->verify;

  if (!self->noting || (host != NULL && !write))
    return;
  if (host == NULL || self->n_writes == LOG_ENTRIES || self->n_bytes + size > LOG_BYTES) {
    self->once = true;
    return;
  }
  self->writes[self->n_writes++] = (Write){.host = host, .size = size, .at = self->n_bytes};
  memcpy (self->bytes[0] + self->n_bytes, host, size);
  self->n_bytes += size;
}

// Tier 0 is done: keeps what it wrote, and puts back what was there.
static void
undo_writes (A64Verify *self)
{
  for (unsigned i = 0; i < self->n_writes; i++)
    memcpy (self->bytes[1] + self->writes[i].at, self->writes[i].host, self->writes[i].size);
  for (unsigned i = self->n_writes; i-- > 0;)
    memcpy (self->writes[i].host, self->bytes[0] + self->writes[i].at, self->writes[i].size);
}

static void
put_writes (A64Verify *self, unsigned which)
{
  for (unsigned i = 0; i < self->n_writes; i++) {
    const Write *w = &self->writes[which == 0 ? self->n_writes - 1 - i : i];

    memcpy (w->host, self->bytes[which] + w->at, w->size);
  }
}

static bool
is_same_memory (const A64Verify *self)
{
  for (unsigned i = 0; i < self->n_writes; i++) {
    const Write *w = &self->writes[i];

    if (memcmp (w->host, self->bytes[1] + w->at, w->size) != 0)
      return false;
  }
  return true;
}

// ---- plans ----------------------------------------------------------------------------------

static bool
is_jump (const A64Op *op)
{
  return op->id == A64_B || (op->id == A64_B_COND && (op->insn & 0xe) == 0xe);
}

// Before its uops say more.
static uint8_t
plan_of_op (const A64Op *op)
{
  unsigned flags = op->id == A64_UNALLOCATED ? 0 : a64_insn_flags (op->id);

  if (is_jump (op))
    return PLAN_BRANCH | PLAN_TAKEN_STAYS;
  if (op->id == A64_BL)
    return PLAN_ENDS;
  return flags & A64_F_BRANCH ? PLAN_BRANCH | PLAN_FALLS_STAYS : PLAN_FALLS_STAYS;
}

// What a uop that leads elsewhere says about its instruction.
static void
plan_uop (Plan *plan, const Uop *uop)
{
  uint8_t *word = &plan->words[uop->pc_off / 4];
  unsigned local = uop->flags & UOP_LOCAL;
  unsigned end = ir_info[uop->op].properties & IR_END;

  if (ir_info[uop->op].shape != IR_SHAPE_TARGET && ir_info[uop->op].shape != IR_SHAPE_TARGET_R) {
    if (end)
      *word |= PLAN_ENDS;
    return;
  }
  bool conditional = uop->op != UOP_B;
  // B and B.AL are jumps; behind other instructions a jump leads to what follows them.
  bool taken = conditional || (*word & (PLAN_TAKEN_STAYS | PLAN_FALLS_STAYS)) == PLAN_TAKEN_STAYS;
  uint8_t bit = taken ? PLAN_TAKEN_STAYS : PLAN_FALLS_STAYS;
  *word = (uint8_t) (local ? *word | bit : *word & ~bit);
}

void
a64_verify_forget (A64Cpu *cpu)
{
  g_hash_table_remove_all (cpu->verify->plans);
}

static Plan *
plan_for (A64Verify *self, A64Cpu *cpu, const void *code, GuestAddr pa, const uint8_t *page)
{
  Plan *plan = g_hash_table_lookup (self->plans, code);
  const A64Region *region;

  if (plan != NULL)
    return plan;
  region = a64_jit_translate_again (cpu, pa, page);
  plan = g_new0 (Plan, 1);
  for (unsigned i = 0; i < region->n_decoded; i++)
    plan->words[region->decoded[i].pc_off / 4] = plan_of_op (&region->decoded[i]);
  for (unsigned i = 0; i < region->ir.n_uops; i++)
    plan_uop (plan, &region->ir.uops[i]);
  g_hash_table_insert (self->plans, (void *) code, plan);
  return plan;
}

// ---- tier 0 ---------------------------------------------------------------------------------

static void
goes_on (A64Cpu *cpu, const A64Op *op)
{
  cpu->pc = a64_op_pc (cpu, op);
  cpu->went_on = true;
}

// Registers that are only state: reading and writing them again is no different.
static bool
is_plain_register (uint32_t number, bool write)
{
  switch (number) {
  case A64_SYSREG (3, 3, 4, 2, 0): // NZCV
  case A64_SYSREG (3, 3, 4, 2, 1): // DAIF
  case A64_SYSREG (3, 3, 4, 2, 5): // DIT
  case A64_SYSREG (3, 3, 4, 2, 6): // SSBS
  case A64_SYSREG (3, 3, 4, 4, 0): // FPCR
  case A64_SYSREG (3, 3, 4, 4, 1): // FPSR
  case A64_SYSREG (3, 0, 4, 2, 0): // SPSel
  case A64_SYSREG (3, 0, 4, 2, 2): // CurrentEL
  case A64_SYSREG (3, 0, 4, 2, 3): // PAN
  case A64_SYSREG (3, 0, 4, 2, 4): // UAO
  case A64_SYSREG (3, 0, 4, 1, 0): // SP_EL0
    return true;
  default: // ID registers
    return !write && ((number & 0xff80) == A64_SYSREG (3, 0, 0, 0, 0) ||
                      (number & 0xff80) == A64_SYSREG (3, 3, 0, 0, 0));
  }
}

static bool
is_repeatable (const A64Op *op)
{
  switch (op->id) {
  case A64_MRS:
  case A64_MSR:
    return is_plain_register (op->insn >> 5 & 0xffff, op->id == A64_MSR);
  case A64_MRS_COUNTER:
  case A64_RNDR:
  case A64_RNDRRS:
  case A64_WFE:
  case A64_WFI:
  case A64_WFET:
  case A64_WFIT:
  case A64_YIELD:
  case A64_HVC:
  case A64_SMC:
    return false;
  default:
    return true;
  }
}

static bool
is_tlbi (uint32_t insn)
{
  return (insn & 0xfff8e000) == 0xd5088000;
}

static void
use_empty_context (A64Cpu *cpu)
{
  A64Verify *self = cpu->verify;

  if (self->noting) {
    cpu->ctx = self->empty; // the instruction may have chosen another
    return;
  }
  self->ctx_el0 = cpu->ctx_el0;
  self->empty->info = cpu->ctx->info;
  self->noting = true;
  cpu->ctx = cpu->ctx_el0 = self->empty;
}

static void
use_own_contexts (A64Cpu *cpu)
{
  A64Verify *self = cpu->verify;

  if (!self->noting)
    return;
  self->noting = false;
  cpu->ctx_el0 = self->ctx_el0;
  a64_update_context (cpu);
}

static void
carry_out (A64Cpu *cpu, uint32_t word, A64Op *op)
{
  A64Verify *self = cpu->verify;
  A64Op *ops = self->block->ops;

  a64_set_handler (op, a64_fp_trapped (cpu));
  // No instruction of a block follows.
  if (op->id != A64_UNALLOCATED && (a64_insn_flags (op->id) & A64_F_BRANCH))
    op->rm = op->ra = 0;
  op->insn = word;
  ops[0] = *op;
  ops[1] = (A64Op){.fn = goes_on, .pc_off = op->pc_off + 4};
  cpu->went_on = false;
  cpu->block = self->block;
  a64_count (cpu, 1);
  ops[0].fn (cpu, ops);
}

// One instruction of the region, from cpu->pc. True when what comes next is in the region, too.
static bool
step (A64Cpu *cpu, const Plan *plan, const uint8_t *page)
{
  A64Verify *self = cpu->verify;
  unsigned offset = (unsigned) (cpu->pc - cpu->page);
  uint32_t insn = mem_load32 (page + offset);
  uint8_t word = plan->words[offset / 4];
  uint64_t next = cpu->pc + 4;
  A64Op op;
  bool went_on;

  if (!a64_decode (insn, &op))
    op.id = A64_UNALLOCATED;
  else if (!is_repeatable (&op)) {
    self->once = true;
    use_own_contexts (cpu);
  }
  op.pc_off = (uint16_t) offset;
  // Neither accesses memory; what they do depends on which contexts are in use.
  if ((word & PLAN_ENDS) || is_tlbi (insn))
    use_own_contexts (cpu);
  carry_out (cpu, insn, &op);
  if (!self->once && !(word & PLAN_ENDS))
    use_empty_context (cpu);
  self->n_insns++;
  // Some that end blocks of tier 0 do not end regions.
  went_on = cpu->went_on || (!(word & PLAN_BRANCH) && cpu->pc == next);
  self->faulted = !went_on && !(word & (PLAN_BRANCH | PLAN_ENDS));
  if (self->n_insns >= MOST_INSNS || ((word & PLAN_BRANCH) && atomic_load (&cpu->pending) != 0))
    self->once = true;
  return !(word & PLAN_ENDS) && cpu->pc - cpu->page < A64_PAGE_SIZE &&
         (word & (went_on ? PLAN_FALLS_STAYS : PLAN_TAKEN_STAYS)) != 0;
}

// Until the region is left.
static void
run_tier0 (A64Cpu *cpu, const Plan *plan, const uint8_t *page)
{
  cpu->page = cpu->pc & ~(GuestVaddr) (A64_PAGE_SIZE - 1);
  use_empty_context (cpu);
  while (step (cpu, plan, page) && !cpu->verify->once)
    continue;
  use_own_contexts (cpu);
}

// ---- comparing ------------------------------------------------------------------------------

static void
print_state (const A64Verify *self)
{
  for (size_t i = 0; i < G_N_ELEMENTS (fields); i++)
    for (unsigned n = 0; n < fields[i].n; n++) {
      uint64_t before = get (&self->before, &fields[i], n);
      uint64_t a = get (&self->tier0, &fields[i], n), b = get (&self->jit, &fields[i], n);

      if (a != before || a != b)
        g_printerr ("  %s%u: was %" G_GINT64_MODIFIER "x, tier 0 %" G_GINT64_MODIFIER
                    "x, translated %" G_GINT64_MODIFIER "x%s\n",
                    fields[i].name, n, before, a, b, a != b ? "  <<<" : "");
    }
  for (unsigned i = 0; i < self->n_writes; i++) {
    const Write *w = &self->writes[i];

    if (memcmp (w->host, self->bytes[1] + w->at, w->size) != 0)
      g_printerr ("  memory at %p, %u bytes: differs\n", (void *) w->host, w->size);
  }
}

static void
print_code (const uint8_t *code, size_t n)
{
  for (size_t i = 0; i < n; i++)
    g_printerr ("%02x%s", code[i], i % 32 == 31 || i + 1 == n ? "\n" : " ");
}

static void
report (A64Cpu *cpu, GuestAddr pa, const uint8_t *page)
{
  A64Verify *self = cpu->verify;
  const A64Region *region = a64_jit_translate_again (cpu, pa, page);
  size_t bytes;
  const uint8_t *code;
  char text[160];

  g_printerr ("terrarium: translated code differs from the interpreter, at %" G_GINT64_MODIFIER
              "x (physical %" G_GINT64_MODIFIER "x), after %u instructions\n",
              self->before.pc, pa, self->n_insns);
  for (unsigned i = 0; i < region->n_decoded; i++)
    g_printerr ("  %03x %08x\n", region->decoded[i].pc_off, region->decoded[i].insn);
  for (unsigned i = 0; i < region->ir.n_uops; i++) {
    ir_print_uop (&region->ir.uops[i], text, sizeof text);
    g_printerr ("  %3u %s\n", i, text);
  }
  print_state (self);
  code = a64_jit_code_again (cpu, pa, page, &bytes);
  if (code != NULL)
    print_code (code, bytes);
}

// NZCV that is overwritten before it is read may be anything where an instruction before that faults.
static void
mask_dead_flags (A64Verify *self)
{
  if (!self->faulted)
    return;
  self->jit.nzcv = self->tier0.nzcv;
  self->jit.sys.spsr_el1 =
      (self->jit.sys.spsr_el1 & ~UINT64_C (0xf0000000)) | (self->tier0.sys.spsr_el1 & 0xf0000000);
}

// The host looks for underflow after rounding (engine/ir/DESIGN.md).
static void
mask_underflow (A64Verify *self)
{
  if (self->tier0.fp.flags & self->jit.fp.flags & SOFTFP_INEXACT)
    self->jit.fp.flags |= self->tier0.fp.flags & SOFTFP_UNDERFLOW;
}

static void
begin (A64Cpu *cpu)
{
  A64Verify *self = cpu->verify;

  self->once = cpu->pmu_on;
  self->faulted = false;
  self->n_insns = self->n_writes = self->n_bytes = 0;
}

static void
keep_tier0 (A64Cpu *cpu)
{
  A64Verify *self = cpu->verify;

  self->stats.interrupted++;
  put_writes (self, 1);
  restore (cpu, &self->tier0);
}

// Whether the state before still leads to the same code.
static bool
is_still (A64Cpu *cpu, GuestAddr pa, const uint8_t *page, const void *code)
{
  State now;
  bool same;

  save (cpu, &now);
  restore (cpu, &cpu->verify->before);
  same = a64_jit_find (cpu, pa, page) == code;
  restore (cpu, &now);
  return same;
}

// True when it is settled.
static bool
run_both (A64Cpu *cpu, const void *code, GuestAddr pa, const Plan *plan, const uint8_t *page)
{
  A64Verify *self = cpu->verify;
  uint64_t instructions;

  begin (cpu);
  run_tier0 (cpu, plan, page);
  instructions = cpu->instructions;
  if (self->once) {
    self->stats.once++;
    return true;
  }
  save (cpu, &self->tier0);
  undo_writes (self);
  restore (cpu, &self->before);
  // Maintenance of the instruction cache has marked it; the code itself may be what changed.
  if (a64_jit_find (cpu, pa, page) != code) {
    keep_tier0 (cpu);
    return true;
  }
  atomic_fetch_and (&cpu->pending, ~(uint32_t) VCPU_IRQ);
  a64_jit_enter (cpu, code);
  cpu->link_site = NULL;
  cpu->stale = false;
  cpu->instructions = instructions;
  save (cpu, &self->jit);
  mask_dead_flags (self);
  mask_underflow (self);
  if (is_same_state (&self->tier0, &self->jit) && is_same_memory (self)) {
    self->stats.compared++;
    self->stats.insns += self->n_insns;
    return true;
  }
  // Tier 0 reads words at once, the translator when the guest says that they changed.
  a64_jit_mark_page (cpu, pa);
  if (atomic_load (&cpu->pending) == 0 && is_still (cpu, pa, page, code))
    return false;
  keep_tier0 (cpu);
  return true;
}

static void
stop (A64Cpu *cpu)
{
  cpu->verify->stopped = true;
  vm_request (cpu->vcpu->vm, VM_REQUEST_KILL);
}

static void
verify (A64Cpu *cpu, const void *code)
{
  A64Verify *self = cpu->verify;
  GuestAddr page_pa, pa;
  const uint8_t *page;
  Plan *plan;
  uint8_t fsc;

  // It was found a moment ago.
  if (!a64_ifetch (cpu, cpu->pc, &page_pa, &fsc))
    return;
  pa = page_pa + (cpu->pc & (A64_PAGE_SIZE - 1));
  page = a64_read_ptr (cpu, page_pa, A64_PAGE_SIZE);
  plan = plan_for (self, cpu, code, pa, page);
  save (cpu, &self->before);
  for (unsigned i = 0; i < ATTEMPTS; i++) {
    if (run_both (cpu, code, pa, plan, page)) {
      a64_poll_irq (cpu);
      return;
    }
    self->stats.retried++;
    if (i + 1 < ATTEMPTS) {
      put_writes (self, 0);
      restore (cpu, &self->before);
    }
  }
  self->stats.different++;
  report (cpu, pa, page);
  stop (cpu);
}

void
a64_verify_run (A64Cpu *cpu)
{
  A64Verify *self = cpu->verify;
  const void *code;
  A64Block *block;

  if (self->stopped) {
    vcpu_wait (cpu->vcpu, INT64_MAX);
    return;
  }
  block = a64_block_find (cpu, &code);
  cpu->page = cpu->pc & ~(GuestVaddr) (A64_PAGE_SIZE - 1);
  cpu->block = block;
  if (block != NULL) {
    a64_count (cpu, block->n);
    block->ops[0].fn (cpu, block->ops);
  } else if (code != NULL) {
    verify (cpu, code);
  }
}

// ---- life -----------------------------------------------------------------------------------

void
a64_verify_jit (Vcpu *vcpu)
{
  A64Cpu *cpu = vcpu->cpu;
  A64Verify *self = g_new0 (A64Verify, 1);

  self->plans = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  self->block = g_aligned_alloc0 (1, sizeof (A64Block) + 2 * sizeof (A64Op), 64);
  self->block->n = 1;
  self->empty = g_aligned_alloc0 (1, sizeof *self->empty, 64);
  for (unsigned i = 0; i < A64_TLB_SIZE; i++)
    self->empty->rd[i].tag = self->empty->wr[i].tag = UINT64_MAX;
  cpu->verify = self;
  a64_update_context (cpu);
}

void
a64_verify_clear (A64Cpu *cpu)
{
  A64Verify *self = cpu->verify;

  if (self == NULL)
    return;
  g_printerr ("terrarium: compared=%" G_GUINT64_FORMAT " instructions=%" G_GUINT64_FORMAT
              " once=%" G_GUINT64_FORMAT " interrupted=%" G_GUINT64_FORMAT
              " retried=%" G_GUINT64_FORMAT " different=%" G_GUINT64_FORMAT "\n",
              self->stats.compared, self->stats.insns, self->stats.once, self->stats.interrupted,
              self->stats.retried, self->stats.different);
  g_hash_table_unref (self->plans);
  g_aligned_free (self->block);
  g_aligned_free (self->empty);
  g_free (self);
  cpu->verify = NULL;
}
