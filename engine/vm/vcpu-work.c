// SPDX-License-Identifier: GPL-3.0-or-later
// Work that one vCPU (or another thread) asks another to do between two guest instructions, such
// as the broadcast TLB maintenance of its guest.
//
// Threads: any may post; only the owner runs. The queue is a ring of a fixed size: who finds it
// full wakes the owner, however it sleeps, and waits for room.
#include "engine/vm/vcpu-internal.h"
#include "engine/vm/vm.h"

enum {
  SPINS_BEFORE_YIELD = 64,
  MAX_TARGETS = 64,
};

void
vcpu_work_init (Vcpu *vcpu)
{
  g_mutex_init (&vcpu->priv->work_lock);
}

void
vcpu_work_clear (Vcpu *vcpu)
{
  g_mutex_clear (&vcpu->priv->work_lock);
}

static bool
take (VcpuPrivate *priv, VcpuWorkItem *item)
{
  bool any;

  g_mutex_lock (&priv->work_lock);
  any = priv->work_taken < priv->work_posted;
  if (any)
    *item = priv->work[priv->work_taken++ & (VCPU_WORK_SLOTS - 1)];
  g_mutex_unlock (&priv->work_lock);
  return any;
}

void
vcpu_run_work (Vcpu *vcpu)
{
  VcpuWorkItem item;

  // Cleared first: what is posted from now on sets it again.
  atomic_fetch_and (vcpu->pending, ~(uint32_t) VCPU_WORK);
  while (take (vcpu->priv, &item)) {
    item.fn (vcpu, item.a, item.b);
    atomic_fetch_add (&vcpu->priv->work_done, 1);
  }
}

void
vcpu_work_serve_parked (Vcpu *vcpu)
{
  if ((atomic_load (vcpu->pending) & VCPU_WORK) != 0)
    vcpu_run_work (vcpu);
}

void
vcpu_work_discard (Vcpu *vcpu)
{
  VcpuPrivate *priv = vcpu->priv;

  g_mutex_lock (&priv->work_lock);
  priv->work_taken = priv->work_posted;
  atomic_store (&priv->work_done, priv->work_posted);
  atomic_fetch_and (vcpu->pending, ~(uint32_t) VCPU_WORK);
  g_mutex_unlock (&priv->work_lock);
}

// Number of the item, 0 when there was no room.
static uint64_t
try_post (Vcpu *target, const VcpuWorkItem *item)
{
  VcpuPrivate *priv = target->priv;
  uint64_t number = 0;

  g_mutex_lock (&priv->work_lock);
  if (priv->work_posted - priv->work_taken < VCPU_WORK_SLOTS) {
    priv->work[priv->work_posted++ & (VCPU_WORK_SLOTS - 1)] = *item;
    number = priv->work_posted;
    atomic_fetch_or (target->pending, VCPU_WORK);
  }
  g_mutex_unlock (&priv->work_lock);
  return number;
}

// One turn of a wait for another vCPU: serves the caller's own queue meanwhile.
static void
wait_turn (Vcpu *caller, unsigned turn)
{
  if (caller != NULL && (atomic_load (caller->pending) & VCPU_WORK) != 0)
    vcpu_run_work (caller);
  if (turn >= SPINS_BEFORE_YIELD)
    g_thread_yield ();
}

static uint64_t
post (Vcpu *target, Vcpu *caller, const VcpuWorkItem *item)
{
  uint64_t number;

  for (unsigned turn = 0; (number = try_post (target, item)) == 0; turn++) {
    // A sleeper leaves its futex, a parked thread its condition, to make room.
    vcpu_kick (target);
    g_mutex_lock (&target->priv->lock);
    g_cond_broadcast (&target->priv->cond);
    g_mutex_unlock (&target->priv->lock);
    wait_turn (caller, SPINS_BEFORE_YIELD);
  }
  return number;
}

static void
wait_done (Vcpu *target, Vcpu *caller, uint64_t number)
{
  VcpuPrivate *priv = target->priv;

  for (unsigned turn = 0; atomic_load (&priv->work_done) < number; turn++) {
    if (!atomic_load (&priv->in_guest))
      return;
    wait_turn (caller, turn);
  }
}

void
vcpu_post_work (Vcpu *target, Vcpu *caller, VcpuWork fn, uint64_t a, uint64_t b, bool wait)
{
  uint64_t number = post (target, caller, &(VcpuWorkItem){.fn = fn, .a = a, .b = b});

  if (wait)
    wait_done (target, caller, number);
}

void
vcpu_post_work_others (Vcpu *caller, VcpuWork fn, uint64_t a, uint64_t b, bool wait)
{
  Vm *vm = caller->vm;
  const VcpuWorkItem item = {.fn = fn, .a = a, .b = b};
  uint64_t numbers[MAX_TARGETS] = {0};

  g_assert (vm->n_vcpus <= MAX_TARGETS);
  // To all first, so that they run it side by side.
  for (unsigned i = 0; i < vm->n_vcpus; i++)
    if (vm->vcpus[i] != caller)
      numbers[i] = post (vm->vcpus[i], caller, &item);
  for (unsigned i = 0; wait && i < vm->n_vcpus; i++)
    if (vm->vcpus[i] != caller)
      wait_done (vm->vcpus[i], caller, numbers[i]);
}
