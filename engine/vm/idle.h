// SPDX-License-Identifier: GPL-3.0-or-later
// Work that is best done when a CPU has nothing left to do: what a device put off because more may
// come until then. It is run by the next vCPU that goes to sleep; a CPU that never does leaves it
// undone, so whoever wants it needs another way too, after a while.
//
// Threads: any, unless said otherwise.
#pragma once

#include <glib.h>
#include <stdatomic.h>

#include "engine/structs/types.h"

typedef struct VmIdle VmIdle;

// A machine's; zeroed is empty.
typedef struct VmIdleList {
  GMutex lock; // held while the work runs
  VmIdle *first;
  _Atomic unsigned n_wanted;
} VmIdleList;

VmIdle *vm_idle_new (VmIdleList *list, void (*fn) (void *), void *data);
// Accepts NULL. fn runs no more. Not with locks held that fn takes.
void vm_idle_free (VmIdle *idle);
// Whether fn is to run; once.
void vm_idle_want (VmIdle *idle, bool want);

// A vCPU's own thread, before it sleeps: runs what is wanted.
void vm_idle_run_all (VmIdleList *list);

static inline void
vm_idle_run (VmIdleList *list)
{
  if (atomic_load_explicit (&list->n_wanted, memory_order_relaxed) != 0)
    vm_idle_run_all (list);
}
