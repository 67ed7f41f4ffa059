// SPDX-License-Identifier: GPL-3.0-or-later
// Locks on ranges of numbers: any number of sharers, or one alone. First come, first served.
//
// Threads: any. A thread holds one range of a lock at a time.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

typedef struct RangeHold {
  uint64_t first, last; // both belong to it
  bool alone;
  struct RangeHold *next;
} RangeHold;

typedef struct RangeLock {
  GMutex lock;
  GCond changed;
  RangeHold *head, *tail; // holds and who waits, in order of arrival
  unsigned n_waiting;     // waking nobody would be a system call each time
} RangeLock;

void range_lock_init (RangeLock *lock);
void range_lock_clear (RangeLock *lock);
// `hold` is the caller's until release. Waits for conflicting ranges that came before.
void range_lock_take (RangeLock *lock, RangeHold *hold, uint64_t first, uint64_t last, bool alone);
// False: it would have to wait.
bool range_lock_try (RangeLock *lock, RangeHold *hold, uint64_t first, uint64_t last, bool alone);
void range_lock_release (RangeLock *lock, RangeHold *hold);
