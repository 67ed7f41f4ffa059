// SPDX-License-Identifier: GPL-3.0-or-later
// What a debugger outside the guest does to one CPU; see debugger.h. Breakpoints and watchpoints
// are virtual addresses in whatever address space is current, and nothing of the guest is changed
// for them: code of a page with a breakpoint is decoded each time it runs and enters no jump cache,
// and a page with a watchpoint enters no TLB. Stepping leaves the guest's own software step alone.
#include "engine/guest/aarch64/debugger.h"

#include "engine/guest/aarch64/block.h"
#include "engine/guest/aarch64/exception.h"
#include "engine/guest/aarch64/mmu.h"
#include "engine/vm/vm.h"

static GuestVaddr
page_of (GuestVaddr va)
{
  return va & ~(GuestVaddr) (A64_PAGE_SIZE - 1);
}

// ---- stopping -------------------------------------------------------------------------------

static void
stop (A64Cpu *cpu, GuestDebugStop why)
{
  Vm *vm = cpu->vcpu->vm;

  cpu->debugger->stop = why;
  cpu->debugger->stopped = true;
  vm->on_debug_stop (vm->on_debug_stop_opaque, cpu->vcpu);
}

bool
a64_debugger_stops (A64Cpu *cpu)
{
  A64Debugger *d = cpu->debugger;
  bool found = d->stepping && d->stepped;

  // A step leaves a breakpoint where it begins.
  for (unsigned i = 0; !d->stepping && !found && i < d->n_breaks; i++)
    found = d->breaks[i] == cpu->pc;
  d->stepped = true;
  if (found)
    stop (cpu, (GuestDebugStop){.addr = cpu->pc});
  return found;
}

// How many instructions may run from cpu->pc on; 0: the page has no breakpoint.
static unsigned
run_length (const A64Cpu *cpu)
{
  const A64Debugger *d = cpu->debugger;
  unsigned most = 0;

  if (d->stepping)
    return 1;
  for (unsigned i = 0; i < d->n_breaks; i++) {
    if (page_of (d->breaks[i]) != page_of (cpu->pc))
      continue;
    if (most == 0)
      most = A64_BLOCK_MAX;
    if (d->breaks[i] > cpu->pc && (d->breaks[i] - cpu->pc) / 4 < most)
      most = (d->breaks[i] - cpu->pc) / 4;
  }
  return most;
}

A64Block *
a64_debugger_block (A64Cpu *cpu, GuestAddr pa, const uint8_t *words)
{
  unsigned most = run_length (cpu);
  A64Block *block = cpu->debugger->block;

  if (most == 0)
    return NULL;
  *block = (A64Block){.pa = pa, .fp_trapped = a64_fp_trapped (cpu)};
  a64_block_decode (block, words, most);
  return block;
}

// ---- watching -------------------------------------------------------------------------------

static bool
kind_matches (GuestPoint kind, bool write)
{
  return kind == GUEST_POINT_ACCESS || (kind == GUEST_POINT_WRITE) == write;
}

bool
a64_debugger_watches (A64Cpu *cpu, const A64Op *op, GuestVaddr va, unsigned size, bool write)
{
  const A64Debugger *d = cpu->debugger;

  va = a64_untag (cpu->mmu, va);
  for (unsigned i = 0; i < d->n_watches; i++) {
    const A64Watch *w = &d->watches[i];

    if (va > w->last || va + (size - 1) < w->first || !kind_matches (w->kind, write))
      continue;
    // The instruction and those after it have not retired.
    a64_uncount (cpu, op);
    cpu->pc = a64_op_pc (cpu, op);
    cpu->step_executed = false;
    stop (cpu, (GuestDebugStop){.watched = true, .kind = w->kind, .addr = MAX (va, w->first)});
    return true;
  }
  return false;
}

bool
a64_debugger_watches_page (const A64Cpu *cpu, GuestVaddr va)
{
  const A64Debugger *d = cpu->debugger;

  va = page_of (a64_untag (cpu->mmu, va));
  for (unsigned i = 0; i < d->n_watches; i++)
    if (page_of (d->watches[i].first) <= va && va <= page_of (d->watches[i].last))
      return true;
  return false;
}

// ---- GuestDebugOps --------------------------------------------------------------------------

static void
attach (void *opaque)
{
  A64Cpu *cpu = opaque;

  if (cpu->debugger != NULL)
    return;
  cpu->debugger = g_new0 (A64Debugger, 1);
  cpu->debugger->block =
      g_aligned_alloc0 (1, sizeof (A64Block) + sizeof (A64Op) * (A64_BLOCK_MAX + 1), 64);
}

void
a64_debugger_free (A64Cpu *cpu)
{
  if (cpu->debugger == NULL)
    return;
  g_aligned_free (cpu->debugger->block);
  g_clear_pointer (&cpu->debugger, g_free);
}

static void
detach (void *opaque)
{
  A64Cpu *cpu = opaque;

  a64_debugger_free (cpu);
  a64_update_context (cpu);
  a64_poll_irq (cpu);
}

static bool
translate (void *opaque, GuestVaddr va, GuestAddr *pa)
{
  A64Cpu *cpu = opaque;
  // EL1 may read whatever is mapped.
  const A64Request request = {.access = A64_READ, .el = 1, .no_update = true};
  A64Translation t;
  uint8_t fsc;

  if (!a64_walk (cpu, va, &request, &t, &fsc))
    return false;
  *pa = t.pa | (va & (A64_PAGE_SIZE - 1));
  return true;
}

static bool
set_break (A64Cpu *cpu, bool set, GuestVaddr va)
{
  A64Debugger *d = cpu->debugger;
  unsigned i = 0;

  while (i < d->n_breaks && d->breaks[i] != va)
    i++;
  if (set == (i < d->n_breaks))
    return true;
  if (set && d->n_breaks == A64_DEBUGGER_BREAKS)
    return false;
  if (set)
    d->breaks[d->n_breaks++] = va;
  else
    d->breaks[i] = d->breaks[--d->n_breaks];
  a64_jump_caches_clear (cpu);
  return true;
}

static bool
set_watch (A64Cpu *cpu, bool set, const A64Watch *watch)
{
  A64Debugger *d = cpu->debugger;
  unsigned i = 0;

  while (i < d->n_watches && memcmp (&d->watches[i], watch, sizeof *watch) != 0)
    i++;
  if (set == (i < d->n_watches))
    return true;
  if (set && d->n_watches == A64_DEBUGGER_WATCHES)
    return false;
  if (set)
    d->watches[d->n_watches++] = *watch;
  else
    d->watches[i] = d->watches[--d->n_watches];
  a64_tlb_flush_all (cpu);
  return true;
}

static bool
set_point (void *opaque, bool set, GuestPoint kind, GuestVaddr va, uint64_t length)
{
  A64Cpu *cpu = opaque;
  A64Watch watch;

  if (kind == GUEST_POINT_BREAK)
    return set_break (cpu, set, va);
  if (length == 0 || va + (length - 1) < va)
    return false;
  memset (&watch, 0, sizeof watch);
  watch.first = va;
  watch.last = va + (length - 1);
  watch.kind = kind;
  return set_watch (cpu, set, &watch);
}

static void
set_step (void *opaque, bool step)
{
  A64Cpu *cpu = opaque;

  cpu->debugger->stepping = step;
  cpu->debugger->stepped = false;
  a64_update_context (cpu);
  if (!step)
    a64_poll_irq (cpu);
}

static bool
take_stop (void *opaque, GuestDebugStop *out)
{
  A64Debugger *d = ((A64Cpu *) opaque)->debugger;
  bool stopped = d->stopped;

  *out = d->stop;
  d->stopped = false;
  return stopped;
}

const GuestDebugOps a64_debug_ops = {
    .architecture = "aarch64",
    .features = a64_debugger_features,
    .n_features = A64_DEBUGGER_N_FEATURES,
    .n_general = A64_DEBUGGER_N_GENERAL,
    .absent_features = a64_debugger_absent_features,
    .attach = attach,
    .detach = detach,
    .describe_register = a64_debugger_describe_register,
    .read_register = a64_debugger_read_register,
    .write_register = a64_debugger_write_register,
    .translate = translate,
    .set_point = set_point,
    .set_step = set_step,
    .take_stop = take_stop,
};
