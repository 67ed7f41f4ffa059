// SPDX-License-Identifier: GPL-3.0-or-later
// See accel-jit.h.
#include "engine/guest/aarch64/accel-jit.h"

#include <assert.h>
#include <stddef.h>
#include <time.h>

#include "engine/guest/aarch64/aarch64.h"
#include "engine/guest/aarch64/accel-verify.h"
#include "engine/guest/aarch64/access.h"
#include "engine/guest/aarch64/block.h"
#include "engine/guest/aarch64/cold.h"
#include "engine/guest/aarch64/decode.h"
#include "engine/guest/aarch64/exception.h"
#include "engine/guest/aarch64/mmu.h"
#include "engine/guest/aarch64/run.h"
#include "engine/guest/aarch64/sysreg.h"
#include "engine/guest/aarch64/translate.h"
#include "engine/jit/jit.h"
#include "engine/vm/vm.h"

// The mode as a number: what code was made for (A64TranslateKey).
enum {
  MODE_EL1 = 1u << 0,
  MODE_SP_EL0 = 1u << 1,
  MODE_UAO = 1u << 2,
  MODE_FP_TRAPPED = 1u << 3,
  MODE_FP_TIER0 = 1u << 4,
  MODE_COUNT = 1u << 5,
  MODE_ROUNDING = 3u << 6, // SoftfpRounding
  MODE_FLUSH = 1u << 8,
  MODE_HALF_TIER0 = 1u << 9,
  MODE_FP = MODE_FP_TIER0 | MODE_ROUNDING | MODE_FLUSH | MODE_HALF_TIER0,
  MODE_FP_FLUSH = MODE_FLUSH | MODE_HALF_TIER0, // FZ alone
  MODE_ODD = MODE_SP_EL0 | MODE_UAO,
};

enum {
  FIRST_INSNS = 128,
  REPORTED = 20, // of the instructions left to tier 0
};

typedef struct A64Jit {
  Jit *jit;
  bool always_counts;
  uint64_t *tier0;    // instructions left to tier 0, by their numbers; NULL: not counted
  int64_t asking_ns;  // what now_ns costs
  unsigned max_insns; // of a region
  A64Region region;
  uint32_t words[IR_MAX_INSNS]; // of it
} A64Jit;

// ---- what code depends on -------------------------------------------------------------------

static bool
counts (const A64Cpu *cpu)
{
  return cpu->pmu_on || cpu->jit->always_counts;
}

// What is flushed is inexact for the host and not for the guest, which makes no difference once
// something was; so the host does it from then on.
static uint32_t
fp_mode_of (const A64Cpu *cpu)
{
  const SoftfpEnv *fp = &cpu->fp;
  bool flush = fp->flush_to_zero;

  return (uint32_t) (fp->rounding * (MODE_ROUNDING & -MODE_ROUNDING)) | (flush ? MODE_FLUSH : 0) |
         (flush && !(fp->flags & SOFTFP_INEXACT) ? MODE_FP_TIER0 : 0) |
         (flush || fp->alternative_half ? MODE_HALF_TIER0 : 0);
}

static uint32_t
mode_of (const A64Cpu *cpu)
{
  bool el1 = cpu->pstate.el != 0;

  return (el1 ? MODE_EL1 : 0) | (el1 && !cpu->pstate.sp_sel ? MODE_SP_EL0 : 0) |
         (el1 && cpu->pstate.uao ? MODE_UAO : 0) | (a64_fp_trapped (cpu) ? MODE_FP_TRAPPED : 0) |
         fp_mode_of (cpu) | (counts (cpu) ? MODE_COUNT : 0);
}

// Programs may set FZ for good, and kernels do nothing with it: the code of EL0 goes to the jump cache
// of its context, in place of what was there.
static bool
fp_is_odd (uint32_t mode)
{
  return (mode & MODE_FP) != 0 && ((mode & MODE_EL1) != 0 || (mode & MODE_FP) != MODE_FP_FLUSH);
}

static bool
is_odd (const A64Cpu *cpu, uint32_t mode)
{
  return (mode & MODE_ODD) != 0 || fp_is_odd (mode) ||
         ((mode & MODE_COUNT) != 0) != cpu->jit->always_counts || cpu->verify != NULL;
}

bool
a64_jit_is_odd (const A64Cpu *cpu)
{
  return is_odd (cpu, mode_of (cpu));
}

void
a64_jit_use_jumps (A64Cpu *cpu)
{
  bool flush = cpu->fp.flush_to_zero;

  if (cpu->ctx->info->jc_flush == flush)
    return;
  a64_jump_cache_clear (cpu, cpu->ctx);
  cpu->ctx->info->jc_flush = flush;
}

// Generated code goes from one level to the other, where it may, by jump caches alone.
void
a64_jit_check_fp (A64Cpu *cpu)
{
  cpu->fp_odd = fp_mode_of (cpu) != 0 || cpu->ctx_el0->info->jc_flush;
}

void
a64_jit_uncount (A64Cpu *cpu)
{
  if (counts (cpu))
    a64_count (cpu, -1);
}

// ---- called by generated code ---------------------------------------------------------------

// The instructions of a straight stretch are counted at its end. An exception does not reach that,
// and wants to know how many there were when it is taken: so they are counted before a slow path,
// and taken back when it comes back.
static A64Op
begin_slow (A64Cpu *cpu, uint32_t desc)
{
  if (counts (cpu))
    a64_count (cpu, desc >> JIT_DESC_COUNT);
  return (A64Op){.pc_off = desc & (A64_PAGE_SIZE - 1)};
}

static bool
end_slow (A64Cpu *cpu, uint32_t desc, bool success)
{
  if (success && counts (cpu))
    a64_count (cpu, -(int64_t) (desc >> JIT_DESC_COUNT));
  return success;
}

static unsigned
access_flags (uint32_t desc)
{
  return (desc & JIT_DESC_UNPRIV ? A64_ACC_UNPRIV : 0) |
         (desc & JIT_DESC_ALIGNED ? A64_ACC_ALIGNED : 0) |
         (desc & JIT_DESC_STORE ? A64_ACC_STORE : 0) |
         (desc & JIT_DESC_ATOMIC ? A64_ACC_ATOMIC : 0);
}

static bool
load (void *opaque, uint64_t va, uint32_t desc)
{
  A64Cpu *cpu = opaque;
  A64Op op = begin_slow (cpu, desc);
  unsigned size = 1u << (desc >> JIT_DESC_SIZE & 7), flags = access_flags (desc);
  uint8_t *data = (uint8_t *) cpu->access_data;

  // The second of a pair of words goes where the second of doublewords would.
  return end_slow (cpu, desc,
                   a64_load_slow (cpu, &op, va, size, flags, data) &&
                       (!(desc & JIT_DESC_PAIR) || a64_load_slow (cpu, &op, va + size, size, flags,
                                                                  data + (size < 16 ? 8 : 16))));
}

static bool
store (void *opaque, uint64_t va, uint32_t desc)
{
  A64Cpu *cpu = opaque;
  A64Op op = begin_slow (cpu, desc);
  unsigned size = 1u << (desc >> JIT_DESC_SIZE & 7), flags = access_flags (desc);
  const uint8_t *data = (const uint8_t *) cpu->access_data;
  bool pair = (desc & JIT_DESC_PAIR) != 0;

  return end_slow (cpu, desc,
                   (!pair || a64_probe_store (cpu, &op, va, 2 * size, flags)) &&
                       a64_store_slow (cpu, &op, va, size, flags, data) &&
                       (!pair || a64_store_slow (cpu, &op, va + size, size, flags,
                                                 data + (size < 16 ? 8 : 16))));
}

static void *
rmw (void *opaque, uint64_t va, uint32_t desc)
{
  A64Cpu *cpu = opaque;
  A64Op op = begin_slow (cpu, desc);
  GuestAddr pa;
  void *host =
      a64_rmw_ptr (cpu, &op, va, 1u << (desc >> JIT_DESC_SIZE & 7), access_flags (desc), &pa);

  end_slow (cpu, desc, host != NULL);
  return host;
}

static int64_t
addend (void *opaque, uint64_t va, uint32_t write)
{
  return a64_addend (opaque, va, write != 0);
}

static bool
check_sp (void *opaque, uint64_t unused, uint32_t desc)
{
  A64Cpu *cpu = opaque;
  A64Op op = begin_slow (cpu, desc);

  (void) unused;
  return end_slow (cpu, desc, a64_check_sp (cpu, &op));
}

// Interrupts alone are taken here; the run loop knows of all else that may be asked for, and of
// regions that are compared.
static bool
attend (void *opaque, uint64_t va)
{
  A64Cpu *cpu = opaque;

  if (cpu->verify != NULL || atomic_load (&cpu->pending) != VCPU_IRQ)
    return false;
  cpu->pc = va;
  a64_take_interrupts (cpu);
  return true;
}

// Follows an instruction of tier 0 that code goes on behind.
static void
goes_on (A64Cpu *cpu, const A64Op *op)
{
  cpu->went_on = !cpu->recheck;
  cpu->recheck = false;
  cpu->pc = a64_op_pc (cpu, op);
}

// Follows one that ends its region.
static void
ends (A64Cpu *cpu, const A64Op *op)
{
  cpu->pc = a64_op_pc (cpu, op);
}

static const JitLayout layout = {
    .pending = offsetof (A64Cpu, pending),
    .nzcv = offsetof (A64Cpu, nzcv),
    .ctx = offsetof (A64Cpu, ctx),
    .page = offsetof (A64Cpu, page),
    .pc = offsetof (A64Cpu, pc),
    .x = offsetof (A64Cpu, x),
    .v = offsetof (A64Cpu, v),
    .instructions = offsetof (A64Cpu, instructions),
    .jc = offsetof (A64Cpu, jc),
    .sys = offsetof (A64Cpu, sys),
    .access_data = offsetof (A64Cpu, access_data),
    .fp_flags = offsetof (A64Cpu, fp.flags),
    .fp_rounding = offsetof (A64Cpu, fp.rounding),
    .window = offsetof (A64Cpu, window),
    .mask = offsetof (A64Cpu, pstate.daif),
    .waiting = offsetof (A64Cpu, irq_level),
    .went_on = offsetof (A64Cpu, went_on),
    .stale = offsetof (A64Cpu, stale),
    .link_site = offsetof (A64Cpu, link_site),
    .ctx_el0 = offsetof (A64Cpu, ctx_el0),
    .saturated = offsetof (A64Cpu, fpsr_qc),
    .saturated_bit = 1u << 27,
    .excl_valid = offsetof (A64Cpu, excl.valid),
    .excl_size = offsetof (A64Cpu, excl.size_bytes),
    .excl_host = offsetof (A64Cpu, excl.host),
    .excl_value = offsetof (A64Cpu, excl.value),
    .ctx_read = offsetof (A64TlbContext, rd),
    .ctx_write = offsetof (A64TlbContext, wr),
    .ctx_jc = sizeof (A64TlbContext),
    .ctx_jc_mask = offsetof (A64TlbContext, jc_mask),
    .typed_jumps = offsetof (A64Cpu, guarded),
    .ticks = offsetof (A64Cpu, ticks),
    .ticks_last = offsetof (A64Cpu, ticks_last),
    .ticks_control = offsetof (A64SysRegs, cntkctl_el1),
    .tlb_bits = A64_TLB_BITS,
    .exceptions = {.hard = offsetof (A64Cpu, irq_level),
                   .level = offsetof (A64Cpu, pstate.el),
                   .pan = offsetof (A64Cpu, pstate.pan),
                   .uao = offsetof (A64Cpu, pstate.uao),
                   .step = offsetof (A64Cpu, pstate.ss),
                   .dit = offsetof (A64Cpu, pstate.dit),
                   .ssbs = offsetof (A64Cpu, pstate.ssbs),
                   .sp_bank = offsetof (A64Cpu, sp_bank),
                   .jc_mask = offsetof (A64Cpu, jc_mask),
                   .ctx_kernel = offsetof (A64Cpu, ctx_el1),
                   .event = offsetof (A64Cpu, event),
                   .state = offsetof (A64SysRegs, spsr_el1),
                   .address = offsetof (A64SysRegs, elr_el1),
                   .syndrome = offsetof (A64SysRegs, esr_el1),
                   .vectors = offsetof (A64SysRegs, vbar_el1),
                   .control = offsetof (A64SysRegs, sctlr_el1),
                   .call_syndrome = A64_EC_SVC << 26 | 1 << 25,
                   .call_vector = 0x400},
    .load = load,
    .store = store,
    .rmw = rmw,
    .check_sp = check_sp,
    .attend = attend,
    .addend = addend,
};

static_assert (offsetof (A64Cpu, excl.size_bytes) == offsetof (A64Cpu, excl.valid) + 1,
               "generated code compares both at once");
static_assert (offsetof (SoftfpEnv, flush_to_zero) == offsetof (SoftfpEnv, rounding) + 1,
               "generated code looks at both at once");
static_assert (offsetof (A64Cpu, never_guarded) == offsetof (A64Cpu, guarded) + 2,
               "generated code looks at all four at once");
static_assert (offsetof (A64Cpu, pstate.sp_sel) == offsetof (A64Cpu, pstate.el) + 1 &&
                   offsetof (A64Cpu, never_either) == offsetof (A64Cpu, irq_level) + 6,
               "generated code looks at two and eight at once");
static_assert ((int) A64_N_X == IR_TEMP && (int) A64_N_X_TEMPS == IR_N_TEMPS,
               "registers are numbered alike");
static_assert ((int) A64_N_V == IR_VTEMP && (int) A64_N_V_TEMPS == IR_N_VTEMPS,
               "so are vector registers");

// ---- translating ----------------------------------------------------------------------------

// All that may change is told by the mode.
static A64TranslateKey
key_of (const A64Cpu *cpu, uint32_t mode)
{
  return (A64TranslateKey){
      .el = (mode & MODE_EL1) != 0,
      .sp_sel = (mode & MODE_SP_EL0) == 0,
      .uao = (mode & MODE_UAO) != 0,
      .fp_trapped = (mode & MODE_FP_TRAPPED) != 0,
      .fp_tier0 = (mode & MODE_FP_TIER0) != 0,
      .half_tier0 = (mode & MODE_HALF_TIER0) != 0,
      .fp_mode = a64_translate_fp_mode ((mode & MODE_ROUNDING) / (MODE_ROUNDING & -MODE_ROUNDING),
                                        (mode & MODE_FLUSH) != 0),
      .smp = cpu->vcpu->vm->n_vcpus > 1,
      .count = (mode & MODE_COUNT) != 0,
      .features = cpu->features,
  };
}

// Stands in for an instruction's handler where those of tier 0 are counted.
static void
count_tier0 (A64Cpu *cpu, const A64Op *op)
{
  A64Op again = *op;

  cpu->jit->tier0[op->id]++;
  a64_set_handler (&again, a64_fp_trapped (cpu));
  again.fn (cpu, op);
}

static const void *
translate (A64Cpu *cpu, GuestAddr pa, uint32_t mode, const uint8_t *page, unsigned max_insns,
           const A64Elsewhere *elsewhere)
{
  A64Jit *self = cpu->jit;
  A64Region *region = &self->region;
  A64TranslateKey key = key_of (cpu, mode);
  JitRequest request = {
      .ir = &region->ir,
      .words = self->words,
      .ops = region->ops,
      .op_bytes = sizeof *region->ops,
      .jc_mask = a64_jc_mask (key.el != 0 ? A64_JC_BITS_EL1 : A64_JC_BITS_EL0),
      .count = key.count,
      .smp = key.smp,
      .fp_mode = key.fp_mode,
      .odd = is_odd (cpu, mode),
  };

  if (!a64_translate_rest (region, &key, page, pa & (A64_PAGE_SIZE - 1), max_insns, elsewhere))
    return NULL;
  for (unsigned i = 0; self->tier0 != NULL && i < region->n_ops; i++)
    region->ops[i].op[0].fn = count_tier0;
  for (unsigned i = 0; i < region->n_decoded; i++)
    self->words[i] = region->decoded[i].insn;
  request.n_ops = region->n_ops;
  return jit_add (self->jit, pa, mode, page, &request);
}

// Of this thread's work; a system call, so only asked where figures are wanted.
static int64_t
now_ns (const A64Jit *self)
{
  struct timespec t = {0};

  if (self->tier0 != NULL)
    clock_gettime (CLOCK_THREAD_CPUTIME_ID, &t);
  return t.tv_sec * INT64_C (1000000000) + t.tv_nsec;
}

static int64_t
cost_of_asking (const A64Jit *self)
{
  int64_t least = INT64_MAX;

  for (unsigned i = 0; i < 10; i++) {
    int64_t begin = now_ns (self), took = now_ns (self) - begin;

    least = took < least ? took : least;
  }
  return least;
}

// What a debugger or the guest's own breakpoints want to see is looked for where a piece begins.
static bool
may_be_cold (const A64Cpu *cpu)
{
  return cpu->cold != NULL && cpu->verify == NULL && cpu->debugger == NULL && cpu->breaks == 0;
}

static const void *
make (A64Cpu *cpu, GuestAddr pa, uint32_t mode, const uint8_t *page)
{
  A64Jit *self = cpu->jit;
  const void *code = NULL;
  int64_t begin = now_ns (self);

  for (unsigned max = self->max_insns; code == NULL && max > 0;) {
    // Programs have loops for which the ways between regions count; a kernel hardly.
    const uint64_t *places = mode & MODE_EL1 ? jit_places (self->jit, pa, mode) : NULL;
    const A64Elsewhere elsewhere = {.places = places};

    code = translate (cpu, pa, mode, page, max, &elsewhere);
    if (code != NULL)
      break;
    // Full, or too much for one region.
    if (jit_chunk_is_empty (self->jit))
      max /= 2;
    else if (jit_make_room (self->jit)) {
      if (cpu->verify != NULL)
        a64_verify_forget (cpu);
      a64_jump_caches_clear (cpu);
      cpu->link_site = NULL;
    }
  }
  g_assert (code != NULL);
  jit_get_stats (self->jit)->translate_ns += now_ns (self) - begin - self->asking_ns;
  return code;
}

const void *
a64_jit_find (A64Cpu *cpu, GuestAddr pa, const uint8_t *page)
{
  uint32_t mode = mode_of (cpu);
  const void *code = jit_find (cpu->jit->jit, pa, mode, page);

  return code != NULL ? code : make (cpu, pa, mode, page);
}

A64Block *
a64_jit_find_or_leave (A64Cpu *cpu, GuestAddr pa, const uint8_t *page, const void **code)
{
  uint32_t mode = mode_of (cpu);

  *code = jit_find (cpu->jit->jit, pa, mode, page);
  if (*code != NULL)
    return NULL;
  A64Block *block = may_be_cold (cpu) ? a64_cold_block (cpu->cold, cpu, pa, page) : NULL;
  if (block == NULL)
    *code = make (cpu, pa, mode, page);
  return block;
}

void
a64_jit_enter (A64Cpu *cpu, const void *code)
{
  cpu->page = cpu->pc & ~(GuestVaddr) (A64_PAGE_SIZE - 1);
  cpu->block = NULL;
  jit_enter (cpu->jit->jit, cpu, code, cpu->pc);
}

// How the code for `pa` was made: from where on, and that all but its words is elsewhere.
typedef struct Again {
  GuestAddr pa;
  unsigned max_insns;
  uint64_t places[A64_N_WORDS / 64];
} Again;

static void
find_how (A64Cpu *cpu, GuestAddr pa, Again *again)
{
  JitSource source;

  *again = (Again){.pa = pa, .max_insns = cpu->jit->max_insns};
  if (!jit_find_source (cpu->jit->jit, pa, mode_of (cpu), &source))
    return;
  again->pa = source.pa;
  again->max_insns = 0;
  memset (again->places, 0xff, sizeof again->places);
  for (unsigned i = 0; i < source.n_spans; i++)
    for (unsigned n = 0; n < source.spans[i].bytes / 4u; n++, again->max_insns++) {
      unsigned word = source.spans[i].offset / 4u + n;

      again->places[word / 64] &= ~(UINT64_C (1) << word % 64);
    }
}

const A64Region *
a64_jit_translate_again (A64Cpu *cpu, GuestAddr pa, const uint8_t *page)
{
  A64Region *region = &cpu->jit->region;
  A64TranslateKey key = key_of (cpu, mode_of (cpu));
  Again again;

  find_how (cpu, pa, &again);
  a64_translate_rest (region, &key, page, again.pa & (A64_PAGE_SIZE - 1), again.max_insns,
                      &(A64Elsewhere){.places = again.places, .always = true});
  return region;
}

const void *
a64_jit_code_again (A64Cpu *cpu, GuestAddr pa, const uint8_t *page, size_t *bytes)
{
  uint64_t before = jit_get_stats (cpu->jit->jit)->code_made;
  Again again;

  find_how (cpu, pa, &again);
  const void *code = translate (cpu, again.pa, mode_of (cpu), page, again.max_insns,
                                &(A64Elsewhere){.places = again.places, .always = true});
  *bytes = jit_get_stats (cpu->jit->jit)->code_made - before;
  return code;
}

// The jump that left generated code leads to what is found for it now; nothing came between.
static void
link_to (A64Cpu *cpu, const void *code)
{
  void *site = cpu->link_site;

  cpu->link_site = NULL;
  if (site != NULL && code != NULL)
    jit_link (cpu->jit->jit, site, code);
}

// The entry for pc is in one of two places, or pc's is not there.
static const A64Jce *
known_jump (A64Cpu *cpu, uint64_t pc)
{
  const A64Jce *first = a64_jce (cpu, pc);

  if (first->va == pc || cpu->jc_mask == 0)
    return first;
  return &cpu->jc[a64_jce_index (pc, cpu->jc_mask) ^ 1];
}

void
a64_jit_run (A64Cpu *cpu)
{
  // Whether something was inexact may be otherwise now.
  if (cpu->fp_odd)
    a64_update_jumps (cpu);
  const uint64_t pc = cpu->pc;
  const A64Jce *e = known_jump (cpu, pc);
  const void *code = e->code;
  A64Block *block = NULL;

  if (cpu->verify != NULL) {
    a64_verify_run (cpu);
    return;
  }
  if (e->va != pc || (pc & 3) != 0 || cpu->stale || cpu->link_site != NULL) {
    cpu->stale = false;
    block = a64_block_find (cpu, &code);
    link_to (cpu, code);
  }
  cpu->page = cpu->pc & ~(GuestVaddr) (A64_PAGE_SIZE - 1);
  cpu->recheck = false; // it was just found
  cpu->block = block;
  if (block != NULL) {
    a64_count (cpu, block->n);
    block->ops[0].fn (cpu, block->ops);
  } else if (code != NULL) {
    jit_enter (cpu->jit->jit, cpu, code, cpu->pc);
  }
}

// ---- life -----------------------------------------------------------------------------------

void
a64_jit_mark_page (A64Cpu *cpu, GuestAddr pa)
{
  jit_mark_page (cpu->jit->jit, pa);
}

void
a64_jit_mark_all (A64Cpu *cpu)
{
  jit_mark_all (cpu->jit->jit);
}

bool
a64_use_jit (Vcpu *vcpu, const JitHostOps *host, const JitConfig *config, GError **error)
{
  A64Cpu *cpu = vcpu->cpu;
  A64Jit *self = g_new0 (A64Jit, 1);

  self->jit = jit_new (host, &layout, config, error);
  if (self->jit == NULL) {
    g_free (self);
    return false;
  }
  self->always_counts = config->count;
  self->tier0 = config->stats ? g_new0 (uint64_t, A64_N_INSNS + 1) : NULL;
  self->asking_ns = cost_of_asking (self);
  self->max_insns = FIRST_INSNS;
  self->region.goes_on = goes_on;
  self->region.ends = ends;
  cpu->jit = self;
  if (!config->at_once)
    cpu->cold = a64_cold_new ();
  a64_jump_caches_lead_to (cpu, jit_empty_code (self->jit));
  a64_jump_caches_clear (cpu);
  a64_tlb_flush_all (cpu);
  a64_update_context (cpu);
  return true;
}

// As before a64_use_jit.
static void
stop_using (Vcpu *vcpu)
{
  A64Cpu *cpu = vcpu->cpu;

  a64_jit_clear (cpu);
  a64_jump_caches_lead_to (cpu, cpu->blocks->empty);
  a64_update_context (cpu);
}

bool
a64_use_jit_on_all (Vm *vm, const JitHostOps *host, const JitConfig *config, GError **error)
{
  for (unsigned i = 0; i < vm->n_vcpus; i++) {
    if (a64_use_jit (vm->vcpus[i], host, config, error))
      continue;
    while (i-- > 0)
      stop_using (vm->vcpus[i]);
    return false;
  }
  return true;
}

void
a64_jit_set_limit (A64Cpu *cpu, unsigned max_insns)
{
  cpu->jit->max_insns = max_insns;
}

// ---- figures --------------------------------------------------------------------------------

static unsigned
most_frequent (const uint64_t *counts)
{
  unsigned most = 0;

  for (unsigned i = 1; i <= A64_UNALLOCATED; i++)
    if (counts[i] > counts[most])
      most = i;
  return most;
}

static double
percent (uint64_t part, uint64_t whole)
{
  return whole != 0 ? 100 * (double) part / (double) whole : 0;
}

// Those of tier 0 by name; empties the counts of the ones it names.
static void
report_tier0 (uint64_t *counts, uint64_t instructions, GString *out)
{
  uint64_t all = 0;

  for (unsigned i = 0; i <= A64_UNALLOCATED; i++)
    all += counts[i];
  g_string_append_printf (out, "tier0: %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " (%.3f %%)\n",
                          all, instructions, percent (all, instructions));
  for (unsigned i = 0; i < REPORTED; i++) {
    unsigned id = most_frequent (counts);

    if (counts[id] == 0)
      break;
    g_string_append_printf (out, "tier0: %-24s %12" G_GUINT64_FORMAT " (%.3f %%)\n",
                            id < A64_N_INSNS ? a64_insn_name (id) : "unallocated", counts[id],
                            percent (counts[id], instructions));
    counts[id] = 0;
  }
}

void
a64_jit_report (A64Cpu *cpu, GString *out)
{
  A64Jit *self = cpu->jit;

  g_string_append_printf (out, "jit: cpu=%u ", cpu->vcpu->index);
  if (self == NULL) {
    g_string_append (out, "none\n");
    return;
  }
  jit_format_stats (jit_get_stats (self->jit), out);
  if (cpu->cold != NULL)
    a64_cold_format (cpu->cold, out);
  g_string_append_c (out, '\n');
  if (self->tier0 != NULL)
    report_tier0 (self->tier0, cpu->instructions, out);
}

void
a64_jit_clear (A64Cpu *cpu)
{
  if (cpu->jit == NULL)
    return;
  jit_free (cpu->jit->jit);
  a64_cold_free (cpu->cold);
  cpu->cold = NULL;
  g_free (cpu->jit->tier0);
  g_free (cpu->jit);
  cpu->jit = NULL;
}
