// SPDX-License-Identifier: GPL-3.0-or-later
// Tier 0: memory copy and memory set (Arm ARM C6.2, "CPYP, CPYM, CPYE" and relatives). vCPU thread.
//
// This is an Option A implementation: NZCV is 0 after a prologue, and between the instructions the
// size register holds minus the bytes left, the address registers the ends; of a backward copy, the
// bytes left and the starts. The prologue goes to the end of a 4 KiB page, the main instruction
// does what is left but for less than a page, the epilogue that. Each moves pieces that lie in one
// page of source and destination and keeps the registers up to date, so that a fault or an
// interrupt in between finds them as the architecture wants them. Accesses are of bytes: there are
// no alignment faults.
#include "engine/guest/aarch64/access.h"
#include "engine/guest/aarch64/exception.h"
#include "engine/guest/aarch64/interp.h"
#include "engine/guest/aarch64/sysreg.h"

// Bits of the options; the others are hints.
enum {
  WRITE_UNPRIV = 1, // of sets too
  READ_UNPRIV = 2,
};

// ISS of EC 0x27 (D19.2.37).
enum {
  ISS_SET = 1 << 24,
  ISS_OPTIONS_SHIFT = 19,
  ISS_EPILOGUE = 1 << 18,
  ISS_WRONG_OPTION = 1 << 17,
  ISS_OPTION_A = 1 << 16,
  ISS_TO_SHIFT = 10,
  ISS_FROM_SHIFT = 5,
};

enum { NZCV_C = 1 << 29 };

#define SIZE_MAX_FORWARD ((uint64_t) INT64_MAX)
#define SIZE_MAX_COPY    UINT64_C (0x007fffffffffffff)
#define ADDRESS_MASK     UINT64_C (0x00ffffffffffffff) // without tag

typedef enum Stage {
  PROLOGUE,
  MAIN,
  EPILOGUE,
} Stage;

// What is left of a copy or set. Forwards, `to` and `from` are of the next byte; backwards, they
// are behind it.
typedef struct Run {
  A64Cpu *cpu;
  const A64Op *op;
  Stage stage;
  bool copies, backward;
  uint64_t to, from, left;
} Run;

static const A64TlbContext *
context (const A64Cpu *cpu, bool unprivileged)
{
  return unprivileged && !cpu->pstate.uao ? cpu->ctx_el0 : cpu->ctx;
}

// How many bytes of the page there are from here on, or back.
static uint64_t
room (uint64_t at, bool backward)
{
  return backward ? ((at - 1) & (A64_PAGE_SIZE - 1)) + 1
                  : A64_PAGE_SIZE - (at & (A64_PAGE_SIZE - 1));
}

static uint64_t
least (uint64_t a, uint64_t b)
{
  return a < b ? a : b;
}

// The registers as the stage has them.
static void
write_registers (const Run *run)
{
  uint64_t *x = run->cpu->x;
  const A64Op *op = run->op;

  if (run->backward) {
    x[op->rn] = run->left;
  } else if (run->stage == PROLOGUE) {
    x[op->rd] = run->to;
    if (run->copies)
      x[op->rm] = run->from;
    x[op->rn] = run->left;
  } else {
    x[op->rn] = -run->left;
  }
}

static void
advance (Run *run, uint64_t n)
{
  run->to += run->backward ? -n : n;
  run->from += run->backward ? -n : n;
  run->left -= n;
  write_registers (run);
}

// One byte, where memory is none or is watched.
static bool
move_byte (Run *run)
{
  A64Cpu *cpu = run->cpu;
  unsigned options = run->op->aux[0], back = run->backward ? 1 : 0;
  unsigned unprivileged = options & WRITE_UNPRIV ? A64_ACC_UNPRIV : 0;
  uint8_t byte = (uint8_t) cpu->x[run->op->rm];

  if (run->copies && !a64_load_slow (cpu, run->op, run->from - back, 1,
                                     options & READ_UNPRIV ? A64_ACC_UNPRIV : 0, &byte))
    return false;
  if (!a64_store_slow (cpu, run->op, run->to - back, 1, unprivileged, &byte))
    return false;
  advance (run, 1);
  return true;
}

// Where the next n bytes at `at` are, which lie in one page; *host NULL: one by one. How much goes at
// once does not depend on what the TLB holds: it shows where a forward copy overlaps itself.
static bool
find_memory (const Run *run, uint64_t at, unsigned n, bool write, void **host)
{
  A64Cpu *cpu = run->cpu;
  bool unprivileged = (run->op->aux[0] & (write ? WRITE_UNPRIV : READ_UNPRIV)) != 0;
  const A64TlbContext *ctx = context (cpu, unprivileged);
  uint64_t start = run->backward ? at - n : at;

  *host = a64_tlb_lookup (write ? ctx->wr : ctx->rd, start, n);
  return *host != NULL || a64_bulk_ptr (cpu, run->op, run->backward ? at - 1 : at, start, n,
                                        unprivileged ? A64_ACC_UNPRIV : 0, write, host);
}

// Some of the next `limit` bytes; false when an exception was raised.
static bool
move_some (Run *run, uint64_t limit)
{
  const A64Cpu *cpu = run->cpu;
  uint64_t n = least (limit, room (run->to, run->backward));
  void *from = NULL, *to;

  if (run->copies)
    n = least (n, room (run->from, run->backward));
  if (run->copies && !find_memory (run, run->from, (unsigned) n, false, &from))
    return false;
  if (!find_memory (run, run->to, (unsigned) n, true, &to))
    return false;
  if (to == NULL || (run->copies && from == NULL))
    return move_byte (run);
  if (run->copies)
    memmove (to, from, n);
  else
    memset (to, (int) (uint8_t) cpu->x[run->op->rm], n);
  advance (run, n);
  return true;
}

// ---- prologue -------------------------------------------------------------------------------

static bool
refused (A64Cpu *cpu, const A64Op *op)
{
  if (cpu->pstate.el != 0 || (cpu->sys->sctlr_el1 & A64_SCTLR_MSCEN) != 0)
    return false;
  a64_raise_undefined (cpu, op);
  return true;
}

// Whether a forward copy would overwrite what it has yet to read.
static bool
overlaps (uint64_t to, uint64_t from, uint64_t size)
{
  uint64_t plain_to = to & ADDRESS_MASK, plain_from = from & ADDRESS_MASK;

  return plain_from < plain_to && ((from + size) & ADDRESS_MASK) > plain_to;
}

// False when an exception was raised.
static bool
begin (Run *run)
{
  A64Cpu *cpu = run->cpu;
  const A64Op *op = run->op;
  uint64_t n;

  if (run->backward) {
    run->to += run->left;
    run->from += run->left;
  }
  write_registers (run);
  n = least (run->left, room (run->to, run->backward));
  if (run->copies)
    n = least (n, room (run->from, run->backward));
  for (uint64_t end = run->left - n; run->left > end;)
    if (!move_some (run, run->left - end))
      return false;
  if (!run->backward) {
    cpu->x[op->rd] = run->to + run->left;
    if (run->copies)
      cpu->x[op->rm] = run->from + run->left;
    cpu->x[op->rn] = -run->left;
  }
  cpu->nzcv = 0;
  return true;
}

#define DEFINE_COPY_PROLOGUE(id, size_max, is_backward)                                            \
  void a64_interp_##id (A64Cpu *cpu, const A64Op *op)                                              \
  {                                                                                                \
    Run run = {.cpu = cpu, .op = op, .stage = PROLOGUE, .copies = true};                           \
    if (refused (cpu, op))                                                                         \
      return;                                                                                      \
    run.to = cpu->x[op->rd];                                                                       \
    run.from = cpu->x[op->rm];                                                                     \
    run.left = least (cpu->x[op->rn], size_max);                                                   \
    run.backward = is_backward;                                                                    \
    if (!begin (&run))                                                                             \
      return;                                                                                      \
    A64_NEXT (cpu, op);                                                                            \
  }
DEFINE_COPY_PROLOGUE (CPYFP, SIZE_MAX_FORWARD, false)
DEFINE_COPY_PROLOGUE (CPYP, SIZE_MAX_COPY, overlaps (run.to, run.from, run.left))

void
a64_interp_SETP (A64Cpu *cpu, const A64Op *op)
{
  Run run = {.cpu = cpu, .op = op, .stage = PROLOGUE};

  if (refused (cpu, op))
    return;
  run.to = cpu->x[op->rd];
  run.left = least (cpu->x[op->rn], SIZE_MAX_FORWARD);
  if (!begin (&run))
    return;
  A64_NEXT (cpu, op);
}

// ---- main and epilogue ----------------------------------------------------------------------

// The registers are not what this implementation's prologue or main instruction left.
static void
raise_mismatch (const Run *run, uint32_t iss)
{
  const A64Op *op = run->op;
  unsigned from = op->insn >> 16 & 31;

  iss |= ISS_OPTION_A | (run->copies ? 0 : ISS_SET) | (run->stage == EPILOGUE ? ISS_EPILOGUE : 0) |
         (uint32_t) op->aux[0] << ISS_OPTIONS_SHIFT | (uint32_t) op->rd << ISS_TO_SHIFT |
         from << ISS_FROM_SHIFT | op->rn;
  a64_raise_sync (run->cpu, op, A64_EC_MOPS, iss);
}

// Takes the registers; false when there is nothing to do, or an exception was raised (`*raised`).
static bool
resume (Run *run, bool forward_only, bool *raised)
{
  A64Cpu *cpu = run->cpu;
  const A64Op *op = run->op;
  uint64_t size = cpu->x[op->rn];

  *raised = refused (cpu, op);
  if (*raised || size == 0)
    return false;
  if (cpu->nzcv & NZCV_C) {
    raise_mismatch (run, ISS_WRONG_OPTION);
    *raised = true;
    return false;
  }
  run->backward = !forward_only && (int64_t) size > 0;
  run->left = run->backward ? size : -size;
  run->to = cpu->x[op->rd] + size;
  run->from = cpu->x[op->rm] + size;
  return true;
}

// Whole pages, whatever their alignment. False when the block is left: an exception, or others
// want something of the CPU, which comes back here.
static bool
go_on (Run *run)
{
  A64Cpu *cpu = run->cpu;

  while (run->left >= A64_PAGE_SIZE) {
    if (!move_some (run, run->left))
      return false;
    if (run->left >= A64_PAGE_SIZE &&
        atomic_load_explicit (&cpu->pending, memory_order_relaxed) != 0) {
      a64_leave_before (cpu, run->op);
      return false;
    }
  }
  return true;
}

static bool
finish (Run *run)
{
  if (run->left >= A64_PAGE_SIZE) {
    raise_mismatch (run, 0);
    return false;
  }
  while (run->left > 0)
    if (!move_some (run, run->left))
      return false;
  return true;
}

#define DEFINE_STAGE(id, stage_, copies_, forward_only, work)                                      \
  void a64_interp_##id (A64Cpu *cpu, const A64Op *op)                                              \
  {                                                                                                \
    Run run = {.cpu = cpu, .op = op, .stage = stage_, .copies = copies_};                          \
    bool raised;                                                                                   \
    if (resume (&run, forward_only, &raised) ? !work (&run) : raised)                              \
      return;                                                                                      \
    A64_NEXT (cpu, op);                                                                            \
  }
DEFINE_STAGE (CPYFM, MAIN, true, true, go_on)
DEFINE_STAGE (CPYFE, EPILOGUE, true, true, finish)
DEFINE_STAGE (CPYM, MAIN, true, false, go_on)
DEFINE_STAGE (CPYE, EPILOGUE, true, false, finish)
DEFINE_STAGE (SETM, MAIN, false, true, go_on)
DEFINE_STAGE (SETE, EPILOGUE, false, true, finish)
