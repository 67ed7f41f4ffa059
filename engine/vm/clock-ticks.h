// SPDX-License-Identifier: GPL-3.0-or-later
// The machine's clock by the host's cycle counter, which takes a third of the time that asking the
// system does. Between two looks at the system's clock, a fraction of a millisecond, the counter goes
// on from there, a little slower than it was measured to; so what it says is never more than the
// system's clock does, and going back to that never goes back.
//
// Any thread may read, and anchor. Part of the clock (clock.c).
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "engine/structs/ticks.h"

typedef struct ClockTicks {
  Ticks shared;
  bool usable;
  // Under lock, as `shared` is to writers.
  GMutex lock;
  bool measuring; // the counter's rate, since:
  uint64_t since_cycles;
  int64_t since_ns;
  int64_t least; // no reader was told more
} ClockTicks;

void clock_ticks_init (ClockTicks *self);
void clock_ticks_clear (ClockTicks *self);
// False: the anchor is too old, or there is none.
bool clock_ticks_read (const ClockTicks *self, int64_t *ns);
// Looks at the clock anew: what `now` gives, unless more was told already. It gives false where the
// clock stands still; who stops it calls clock_ticks_forget after that.
int64_t clock_ticks_anchor (ClockTicks *self, bool (*now) (void *, int64_t *), void *data);
// The clock stands still, goes on, or (least) was set: nothing is known.
void clock_ticks_forget (ClockTicks *self);
void clock_ticks_forget_least (ClockTicks *self);
