// SPDX-License-Identifier: GPL-3.0-or-later
// The machine's clock and timers. The clock counts nanoseconds of running time: it never goes
// back and stands still while the machine is paused (CLOCK_MONOTONIC minus the pauses).
#pragma once

#include "engine/structs/ticks.h"
#include "engine/vm/loop.h"

typedef struct VmClock VmClock;

VmClock *vm_clock_new (VmLoop *loop); // created stopped at 0
void vm_clock_free (VmClock *clock);
int64_t vm_clock_now (VmClock *clock); // any thread, lock free
// The guest's counter is the same clock, told by other means: no more than vm_clock_now, by less than
// a microsecond less, and never less than any thread was told before. count_exactly: not less than
// vm_clock_now either, and from here on nobody is told less. get_ticks: for generated code, which
// calls count where it has to.
int64_t vm_clock_count (VmClock *clock);
int64_t vm_clock_count_exactly (VmClock *clock);
const Ticks *vm_clock_get_ticks (VmClock *clock);
void vm_clock_start (VmClock *clock);
void vm_clock_stop (VmClock *clock);
void vm_clock_set (VmClock *clock, int64_t now_ns); // stopped only (restore)

// Calls back on the I/O thread at or after a moment of the machine's clock; does not fire while
// the clock is stopped, and does fire after it restarts. Once per arm.
typedef struct VmTimer VmTimer;
VmTimer *vm_timer_new (VmClock *clock, void (*fn) (void *), void *data);
void vm_timer_free (VmTimer *timer);
void vm_timer_arm (VmTimer *timer, int64_t deadline_ns); // any thread; replaces the deadline
void vm_timer_disarm (VmTimer *timer);                   // any thread
