// SPDX-License-Identifier: GPL-3.0-or-later
// Locks on ranges of numbers. There are as many holds as requests being carried out, so a list
// will do. Any thread.
#include "engine/block/range-lock.h"

void
range_lock_init (RangeLock *lock)
{
  g_mutex_init (&lock->lock);
  g_cond_init (&lock->changed);
  lock->head = lock->tail = NULL;
  lock->n_waiting = 0;
}

void
range_lock_clear (RangeLock *lock)
{
  g_mutex_clear (&lock->lock);
  g_cond_clear (&lock->changed);
}

static bool
must_wait (const RangeLock *lock, const RangeHold *hold)
{
  for (const RangeHold *before = lock->head; before != hold; before = before->next)
    if (before->first <= hold->last && hold->first <= before->last &&
        (before->alone || hold->alone))
      return true;
  return false;
}

static void
append (RangeLock *lock, RangeHold *hold)
{
  if (lock->tail != NULL)
    lock->tail->next = hold;
  else
    lock->head = hold;
  lock->tail = hold;
}

static void
take_out (RangeLock *lock, RangeHold *hold)
{
  RangeHold **at = &lock->head, *previous = NULL;
  while (*at != hold) {
    previous = *at;
    at = &previous->next;
  }
  *at = hold->next;
  if (lock->tail == hold)
    lock->tail = previous;
}

void
range_lock_take (RangeLock *lock, RangeHold *hold, uint64_t first, uint64_t last, bool alone)
{
  *hold = (RangeHold){.first = first, .last = last, .alone = alone};
  g_mutex_lock (&lock->lock);
  append (lock, hold);
  while (must_wait (lock, hold)) {
    lock->n_waiting++;
    g_cond_wait (&lock->changed, &lock->lock);
    lock->n_waiting--;
  }
  g_mutex_unlock (&lock->lock);
}

bool
range_lock_try (RangeLock *lock, RangeHold *hold, uint64_t first, uint64_t last, bool alone)
{
  *hold = (RangeHold){.first = first, .last = last, .alone = alone};
  g_mutex_lock (&lock->lock);
  append (lock, hold);
  bool taken = !must_wait (lock, hold);
  if (!taken)
    take_out (lock, hold);
  g_mutex_unlock (&lock->lock);
  return taken;
}

void
range_lock_release (RangeLock *lock, RangeHold *hold)
{
  g_mutex_lock (&lock->lock);
  take_out (lock, hold);
  if (lock->n_waiting > 0)
    g_cond_broadcast (&lock->changed);
  g_mutex_unlock (&lock->lock);
}
