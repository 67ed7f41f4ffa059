// SPDX-License-Identifier: GPL-3.0-or-later
// See uop-machine.h.
#include "tests/differential/uop-machine.h"

#include <string.h>

#include "engine/guest/aarch64/access.h"
#include "engine/guest/aarch64/block.h"
#include "engine/guest/aarch64/decode.h"
#include "engine/guest/aarch64/exception.h"
#include "engine/mem/access.h"
#include "tests/differential/insn-state.h"

// What is written instead of state that the uop says tier 0 does not look at.
#define POISON UINT64_C (0x5a5a5a5a5a5a5a5a)

// ---- the surroundings of uops ---------------------------------------------------------------

static UopMachine *
machine_of (IrEval *e)
{
  return e->opaque;
}

static uint8_t *
host_of (const UopMachine *m, GuestAddr pa)
{
  return cpu_vm_host (m->vm, pa);
}

static void
to_cpu (IrEval *e)
{
  UopMachine *m = machine_of (e);
  A64Cpu *cpu = m->other;

  memcpy (cpu->x, e->x, 32 * sizeof cpu->x[0]);
  memcpy (cpu->v, e->v, 32 * sizeof cpu->v[0]);
  cpu->x[A64_ZR] = 0;
  cpu->nzcv = e->nzcv;
  cpu->excl.valid = e->monitor.valid;
  cpu->excl.size_bytes = e->monitor.n_bytes;
  cpu->excl.value[0] = e->monitor.value;
  cpu->excl.host = e->monitor.at;
}

static void
from_cpu (IrEval *e)
{
  UopMachine *m = machine_of (e);
  A64Cpu *cpu = m->other;

  memcpy (e->x, cpu->x, 32 * sizeof cpu->x[0]);
  memcpy (e->v, cpu->v, 32 * sizeof cpu->v[0]);
  e->nzcv = cpu->nzcv;
  e->monitor.valid = cpu->excl.valid;
  e->monitor.n_bytes = cpu->excl.size_bytes;
  e->monitor.value = cpu->excl.value[0];
  e->monitor.at = cpu->excl.host;
}

// Counts an instruction, as at the start of a block of its own.
static A64Op *
begin_op (UopMachine *m, A64Cpu *cpu, A64Op op)
{
  m->block->n = 1;
  m->block->ops[0] = op;
  m->block->ops[1] = (A64Op){.pc_off = op.pc_off + 4};
  cpu->block = m->block;
  a64_count (cpu, 1);
  return m->block->ops;
}

static unsigned
access_flags (const Uop *uop)
{
  return (uop->aux2 & IR_MEM_ALIGNED ? A64_ACC_ALIGNED : 0) |
         (uop->aux2 & IR_MEM_UNPRIV ? A64_ACC_UNPRIV : 0);
}

// Pairs are two accesses, checked before either is made.
static bool
load (IrEval *e, const Uop *uop, uint64_t va, unsigned n_bytes, void *data)
{
  A64Cpu *cpu = machine_of (e)->other;
  A64Op *op = begin_op (machine_of (e), machine_of (e)->other, (A64Op){.pc_off = uop->pc_off});
  unsigned size = 1u << uop->aux;
  bool ok = true;

  to_cpu (e);
  for (unsigned done = 0; ok && done < n_bytes; done += size)
    ok = a64_load_slow (cpu, op, va + done, size, access_flags (uop), (uint8_t *) data + done);
  from_cpu (e);
  return ok;
}

static bool
store (IrEval *e, const Uop *uop, uint64_t va, unsigned n_bytes, const void *data)
{
  A64Cpu *cpu = machine_of (e)->other;
  A64Op *op = begin_op (machine_of (e), machine_of (e)->other, (A64Op){.pc_off = uop->pc_off});
  unsigned size = 1u << uop->aux;
  bool ok = true;

  to_cpu (e);
  if (n_bytes > size)
    ok = a64_probe_store (cpu, op, va, n_bytes, 0);
  for (unsigned done = 0; ok && done < n_bytes; done += size)
    ok = a64_store_slow (cpu, op, va + done, size, access_flags (uop) | A64_ACC_STORE,
                         (const uint8_t *) data + done);
  from_cpu (e);
  return ok;
}

static void *
rmw (IrEval *e, const Uop *uop, uint64_t va, unsigned n_bytes)
{
  unsigned flags = uop->op == UOP_LDEX   ? 0
                   : uop->op == UOP_STEX ? A64_ACC_STORE
                                         : A64_ACC_STORE | A64_ACC_ATOMIC;
  A64Op *op = begin_op (machine_of (e), machine_of (e)->other, (A64Op){.pc_off = uop->pc_off});
  GuestAddr pa;
  void *p;

  to_cpu (e);
  p = a64_rmw_ptr (machine_of (e)->other, op, va, n_bytes, flags | A64_ACC_ALIGNED, &pa);
  from_cpu (e);
  return p;
}

static bool
check_sp (IrEval *e, const Uop *uop)
{
  A64Op *op = begin_op (machine_of (e), machine_of (e)->other, (A64Op){.pc_off = uop->pc_off});
  bool ok;

  to_cpu (e);
  ok = a64_check_sp (machine_of (e)->other, op);
  from_cpu (e);
  return ok;
}

// ---- tier 0 for uops ------------------------------------------------------------------------

static bool went_on; // the last handler that was called

static void
go_on (A64Cpu *cpu, const A64Op *op)
{
  cpu->pc = a64_op_pc (cpu, op);
  went_on = true;
}

// True when the handler went on to what follows.
static bool
call_handler (UopMachine *m, A64Cpu *cpu, A64Op op)
{
  A64Op *ops = begin_op (m, cpu, op);

  ops[1].fn = go_on;
  went_on = false;
  ops[0].fn (cpu, ops);
  atomic_store (&cpu->pending, 0);
  return went_on;
}

static bool
has_flags (const Uop *uop)
{
  return (ir_info[uop->op].properties & (IR_FIN | IR_FOUT)) != 0;
}

static bool
has_vectors (const Uop *uop)
{
  return uop->op != UOP_INTERP && uop->op != UOP_INTERP_FLAGS;
}

// What the uop says is not looked at is spoilt; what it says is not changed must not have been.
static bool
interp (IrEval *e, const Uop *uop)
{
  UopMachine *m = machine_of (e);
  A64Cpu *cpu = m->other;
  IrVector v[32];
  uint32_t nzcv = e->nzcv;
  bool next;

  to_cpu (e);
  memcpy (v, e->v, sizeof v);
  if (!has_flags (uop))
    cpu->nzcv = ~nzcv & 0xf0000000;
  if (!has_vectors (uop))
    memset (cpu->v, 0x5a, sizeof cpu->v);
  next = call_handler (m, cpu, m->region.ops[uop->imm].op[0]);
  if (!has_vectors (uop)) {
    for (unsigned i = 0; i < 64; i++)
      if (cpu->v[i / 2].d[i % 2] != POISON)
        m->complaint = "INTERP that changes vectors";
    memcpy (cpu->v, v, sizeof v);
  }
  if (!has_flags (uop)) {
    if (cpu->nzcv != (~nzcv & 0xf0000000))
      m->complaint = "INTERP that changes NZCV";
    cpu->nzcv = nzcv;
    if (!next) // the exception's
      cpu->sys->spsr_el1 ^= 0xf0000000;
  }
  from_cpu (e);
  return next;
}

// ---- CPUs -----------------------------------------------------------------------------------

A64TranslateKey
uop_machine_key (const A64Cpu *cpu)
{
  return (A64TranslateKey){
      .el = cpu->pstate.el,
      .sp_sel = cpu->pstate.sp_sel,
      .uao = cpu->pstate.uao,
      .fp_trapped = a64_fp_trapped (cpu),
      .half_tier0 = cpu->fp.flush_to_zero || cpu->fp.alternative_half,
      .fp_mode = a64_translate_fp_mode (cpu->fp.rounding, cpu->fp.flush_to_zero),
      .features = cpu->features,
  };
}

static void
reset_surroundings (UopMachine *m)
{
  m->vm->events = m->vm->waits = 0;
  m->vm->mmio_offset = m->vm->mmio_value = 0;
  test_now = 1000;
}

// Only what the MMU, the debug logic and the like are configured by needs more than to be copied.
static void
load_sys (UopMachine *m, A64Cpu *cpu)
{
  A64SysRegs plain = *cpu->sys;

  plain.esr_el1 = m->sys.esr_el1;
  plain.elr_el1 = m->sys.elr_el1;
  plain.far_el1 = m->sys.far_el1;
  plain.spsr_el1 = m->sys.spsr_el1;
  plain.par_el1 = m->sys.par_el1;
  plain.tpidr_el0 = m->sys.tpidr_el0;
  plain.tpidr_el1 = m->sys.tpidr_el1;
  plain.tpidrro_el0 = m->sys.tpidrro_el0;
  *cpu->sys = m->sys;
  if (memcmp (&plain, &m->sys, sizeof plain) != 0)
    a64_sysregs_loaded (cpu);
}

void
uop_machine_load (UopMachine *m, A64Cpu *cpu, const UopRegisters *registers, const uint8_t *data)
{
  load_sys (m, cpu);
  cpu->pstate = registers->pstate;
  cpu->pstate.pan = !registers->pstate.pan;
  a64_set_pan (cpu, registers->pstate.pan);
  memcpy (cpu->x, registers->x, sizeof registers->x);
  cpu->x[A64_ZR] = 0;
  memcpy (cpu->sp_bank, registers->sp_bank, sizeof cpu->sp_bank);
  memcpy (cpu->v, registers->v, sizeof registers->v);
  cpu->nzcv = registers->nzcv;
  a64_set_fpcr (cpu, registers->fpcr);
  cpu->fp.flags = registers->fpsr & 0x9f;
  cpu->fpsr_qc = registers->fpsr & 1u << 27;
  cpu->excl = registers->monitor;
  cpu->features = m->features;
  cpu->page = UOP_CODE;
  cpu->posted = false;
  cpu->instructions = 0;
  memcpy (host_of (m, UOP_DATA), data, UOP_DATA_BYTES);
  a64_update_context (cpu);
  reset_surroundings (m);
}

void
uop_machine_store (const UopMachine *m, const A64Cpu *cpu, UopState *state)
{
  UopRegisters *r = &state->registers;

  memset (state, 0, sizeof *state);
  memcpy (r->x, cpu->x, sizeof r->x);
  memcpy (r->sp_bank, cpu->sp_bank, sizeof r->sp_bank);
  memcpy (r->v, cpu->v, sizeof r->v);
  r->nzcv = cpu->nzcv;
  r->fpcr = cpu->fpcr;
  r->fpsr = cpu->fp.flags | cpu->fpsr_qc;
  r->pstate = cpu->pstate;
  state->pc = cpu->pc;
  state->sys = *cpu->sys;
  state->sys.pmu.seen_instructions = 0; // uops that neither fault nor call tier 0 are not counted
  state->monitored = cpu->excl.valid;
  state->mmio_offset = m->vm->mmio_offset;
  state->mmio_value = m->vm->mmio_value;
  memcpy (state->data, host_of (m, UOP_DATA), UOP_DATA_BYTES);
}

IrEvalResult
uop_machine_eval (UopMachine *m, uint64_t max_insns)
{
  static const IrEvalOps ops = {load, store, rmw, check_sp, interp};
  A64Cpu *cpu = m->other;
  IrEval *e = &m->eval;
  IrEvalResult result;

  memset (e, 0xa5, sizeof *e);
  e->ops = &ops;
  e->opaque = m;
  e->page = UOP_CODE;
  e->cpu = (uint8_t *) cpu;
  e->sys = (uint8_t *) cpu->sys;
  e->spoils_flags = true;
  m->complaint = NULL;
  from_cpu (e);
  result = ir_eval (e, &m->region.ir, max_insns);
  to_cpu (e);
  if (result.end == IR_EVAL_LEFT || result.end == IR_EVAL_STEPS)
    cpu->pc = result.pc;
  if (result.end == IR_EVAL_UNKNOWN)
    m->complaint = "a uop without a meaning";
  return result;
}

uint64_t
uop_machine_step (UopMachine *m, uint64_t pc, uint64_t n)
{
  A64Cpu *cpu = m->tier0;
  uint64_t done = 0;

  cpu->pc = pc;
  while (done < n && cpu->pc - UOP_CODE < A64_PAGE_SIZE) {
    unsigned offset = (unsigned) (cpu->pc - UOP_CODE);
    A64Op op;

    a64_decode (mem_load32 (host_of (m, UOP_CODE) + offset), &op);
    op.pc_off = (uint16_t) offset;
    a64_set_handler (&op, a64_fp_trapped (cpu));
    if (a64_insn_flags (op.id) & A64_F_BRANCH)
      op.rm = op.ra = 0;
    call_handler (m, cpu, op);
    done++;
  }
  return done;
}

// ---- configuration --------------------------------------------------------------------------

static void
map_pages (CpuVm *vm, GuestAddr root)
{
  const TestMap maps[] = {
      {12, UOP_DATA - 0x1000, 3, TEST_MMIO_BASE | DESC_AF | DESC_EL0 | DESC_DEVICE, 0},
      {12, UOP_DATA, 3, UOP_DATA | DESC_AF | DESC_EL0, 0},
      {12, UOP_DATA + 0x1000, 3, (UOP_DATA + 0x1000) | DESC_AF | DESC_EL0, 0},
      {12, UOP_DATA + 0x2000, 3, (UOP_DATA + 0x2000) | DESC_AF | DESC_EL0 | DESC_RO, 0},
      {12, UOP_DATA + 0x4000, 3, (UOP_DATA + 0x4000) | DESC_AF, 0},
      {12, TEST_VECTORS, 3, TEST_VECTORS | DESC_AF | DESC_RO, 0},
      {12, UOP_CODE, 3, UOP_CODE | DESC_AF | DESC_EL0 | DESC_RO, 0},
      {12, UOP_CODE + 0x1000, 3, (UOP_CODE + 0x1000) | DESC_AF | DESC_EL0 | DESC_RO, 0},
  };

  for (size_t i = 0; i < G_N_ELEMENTS (maps); i++)
    cpu_vm_map (vm, root, &maps[i]);
}

UopMachine *
uop_machine_new (void)
{
  UopMachine *m = g_new0 (UopMachine, 1);

  m->vm = cpu_vm_new (2);
  m->tier0 = cpu_vm_cpu (m->vm, 0);
  m->other = cpu_vm_cpu (m->vm, 1);
  m->other->vcpu->index = 0; // MPIDR_EL1
  map_pages (m->vm, cpu_vm_mmu_on (m->vm, m->tier0, 0));
  m->sys = *m->tier0->sys;
  m->block = g_aligned_alloc0 (1, sizeof (A64Block) + 2 * sizeof (A64Op), 64);
  return m;
}

void
uop_machine_free (UopMachine *m)
{
  cpu_vm_free (m->vm);
  g_aligned_free (m->block);
  g_free (m);
}

// Mostly as Linux has it.
void
uop_machine_configure (UopMachine *m, uint64_t *random)
{
  A64SysRegs *s = &m->sys;
  uint64_t r = insn_random (random) >> 8;

  s->sctlr_el1 = A64_SCTLR_RESET | A64_SCTLR_M | A64_SCTLR_C | A64_SCTLR_I | A64_SCTLR_SA |
                 A64_SCTLR_SA0 | A64_SCTLR_DZE | A64_SCTLR_UCI;
  if (r % 4 == 0)
    s->sctlr_el1 ^= r >> 8 & (A64_SCTLR_SA | A64_SCTLR_SA0 | A64_SCTLR_A | A64_SCTLR_UMA |
                              A64_SCTLR_UCT | A64_SCTLR_NTWI | A64_SCTLR_MSCEN);
  s->cpacr_el1 = (r >> 40 & 7) == 0 ? r >> 43 & 0x300000 : 0x300000;
  s->tcr_el1 = (s->tcr_el1 & ~(UINT64_C (3) << 37)) | (r >> 3 & UINT64_C (3) << 37);
  s->cntkctl_el1 = insn_random (random) & 0x303;
  s->tpidr_el0 = insn_random (random);
  s->tpidr_el1 = insn_random (random);
  s->tpidrro_el0 = insn_random (random);
  s->elr_el1 = insn_random (random);
  s->spsr_el1 = insn_random (random) & 0xf02003cf;
  s->contextidr_el1 = insn_random (random) & 0xffffffff;
  m->features = r >> 32 & 3 ? 0 : r >> 34 & A64_FEATURES;
  *m->tier0->sys = *m->other->sys = *s;
  a64_sysregs_sanitize (m->tier0);
  m->sys = *m->other->sys = *m->tier0->sys;
  m->tier0->features = m->other->features = m->features;
  a64_sysregs_loaded (m->tier0);
  a64_sysregs_loaded (m->other);
}
