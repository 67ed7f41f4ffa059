// SPDX-License-Identifier: GPL-3.0-or-later
// See idle.h.
#include "engine/vm/idle.h"

struct VmIdle {
  VmIdleList *list;
  VmIdle *next;
  void (*fn) (void *);
  void *data;
  atomic_bool wanted;
};

VmIdle *
vm_idle_new (VmIdleList *list, void (*fn) (void *), void *data)
{
  VmIdle *idle = g_new0 (VmIdle, 1);
  *idle = (VmIdle){.list = list, .fn = fn, .data = data};
  g_mutex_lock (&list->lock);
  idle->next = list->first;
  list->first = idle;
  g_mutex_unlock (&list->lock);
  return idle;
}

void
vm_idle_free (VmIdle *idle)
{
  if (idle == NULL)
    return;
  VmIdleList *list = idle->list;
  vm_idle_want (idle, false);
  g_mutex_lock (&list->lock);
  VmIdle **at = &list->first;
  while (*at != idle)
    at = &(*at)->next;
  *at = idle->next;
  g_mutex_unlock (&list->lock);
  g_free (idle);
}

void
vm_idle_want (VmIdle *idle, bool want)
{
  if (atomic_exchange (&idle->wanted, want) == want)
    return;
  if (want)
    atomic_fetch_add (&idle->list->n_wanted, 1);
  else
    atomic_fetch_sub (&idle->list->n_wanted, 1);
}

void
vm_idle_run_all (VmIdleList *list)
{
  g_mutex_lock (&list->lock);
  for (VmIdle *idle = list->first; idle != NULL; idle = idle->next) {
    if (atomic_load_explicit (&idle->wanted, memory_order_relaxed)) {
      vm_idle_want (idle, false);
      idle->fn (idle->data);
    }
  }
  g_mutex_unlock (&list->lock);
}
