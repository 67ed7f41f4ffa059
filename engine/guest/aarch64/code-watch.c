// SPDX-License-Identifier: GPL-3.0-or-later
// See code-watch.h.
#include "engine/guest/aarch64/code-watch.h"

#include "engine/guest/aarch64/aarch64.h"
#include "engine/guest/aarch64/block.h"
#include "engine/guest/aarch64/mmu.h"
#include "engine/guest/aarch64/run.h"
#include "engine/vm/vm.h"

// Shared by a machine's CPUs. bits: any thread.
struct A64CodeWatch {
  uint64_t n_pages;
  _Atomic uint64_t bits[];
};

void
a64_watch_code (Vm *vm, GuestAddr end)
{
  uint64_t n_pages = end >> A64_PAGE_BITS;
  size_t bytes = sizeof (struct A64CodeWatch) + (n_pages / 64 + 1) * sizeof (uint64_t);
  struct A64CodeWatch *watch = g_atomic_rc_box_alloc0 (bytes);

  watch->n_pages = n_pages;
  for (unsigned i = 0; i < vm->n_vcpus; i++)
    ((A64Cpu *) vm->vcpus[i]->cpu)->code_watch = g_atomic_rc_box_acquire (watch);
  g_atomic_rc_box_release (watch);
}

void
a64_code_watch_clear (A64Cpu *cpu)
{
  if (cpu->code_watch != NULL)
    g_atomic_rc_box_release (cpu->code_watch);
  cpu->code_watch = NULL;
}

// The word a page's bit is in; NULL: the page is none of memory's.
static _Atomic uint64_t *
word_of (A64Cpu *cpu, GuestAddr pa, uint64_t *bit)
{
  uint64_t page = pa >> A64_PAGE_BITS;

  *bit = (uint64_t) 1 << page % 64;
  return page < cpu->code_watch->n_pages ? &cpu->code_watch->bits[page / 64] : NULL;
}

static void
work_stale_page (Vcpu *vcpu, uint64_t pa, uint64_t unused)
{
  (void) unused;
  a64_blocks_stale_page (vcpu->cpu, pa);
}

void
a64_code_watch_store (A64Cpu *cpu, GuestAddr pa)
{
  uint64_t bit;
  _Atomic uint64_t *word = word_of (cpu, pa, &bit);

  if (word == NULL || (atomic_load (word) & bit) == 0)
    return;
  atomic_fetch_and (word, ~bit);
  a64_blocks_stale_page (cpu, pa);
  a64_post_others (cpu, work_stale_page, pa & ~(GuestAddr) (A64_PAGE_SIZE - 1), 0);
  // So that what runs is left soon.
  atomic_fetch_or (&cpu->pending, VCPU_WORK);
}

static void
work_drop_writes (Vcpu *vcpu, uint64_t unused_a, uint64_t unused_b)
{
  (void) unused_a, (void) unused_b;
  a64_tlb_drop_writes (vcpu->cpu);
}

bool
a64_code_watch_fetch (A64Cpu *cpu, GuestAddr pa)
{
  uint64_t bit;
  _Atomic uint64_t *word = word_of (cpu, pa, &bit);

  if (word == NULL || (atomic_load (word) & bit) != 0)
    return true;
  atomic_fetch_or (word, bit);
  a64_tlb_drop_writes (cpu);
  if (cpu->vcpu->vm->n_vcpus == 1)
    return true;
  // A store that another CPU has begun is made before it answers.
  vcpu_post_work_others (cpu->vcpu, work_drop_writes, 0, 0, true);
  return false;
}
