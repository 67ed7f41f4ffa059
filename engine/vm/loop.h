// SPDX-License-Identifier: GPL-3.0-or-later
// The I/O thread of one machine: a GMainContext of its own, where timers, virtqueue processing,
// block completions and the network run.
#pragma once

#include <glib.h>

#include "engine/structs/types.h"

typedef struct VmLoop VmLoop;

VmLoop *vm_loop_new (const char *thread_name); // starts the thread
void vm_loop_free (VmLoop *loop);              // joins it; not from the loop itself
GMainContext *vm_loop_get_context (VmLoop *loop);
bool vm_loop_is_current (VmLoop *loop);
// Runs fn on the I/O thread soon. Any thread.
void vm_loop_post (VmLoop *loop, void (*fn) (void *), void *data);
// Runs fn on the I/O thread and waits for it; runs it at once when already there. Not from a
// vCPU thread.
void vm_loop_call (VmLoop *loop, void (*fn) (void *), void *data);

// A wake-up source: any thread may signal it, cheaply and without a lock; the callback then runs
// on the I/O thread at least once after the last signal (signals coalesce). An eventfd inside, so
// that KVM can drive it directly later.
typedef struct VmEvent VmEvent;
VmEvent *vm_event_new (VmLoop *loop, void (*fn) (void *), void *data);
void vm_event_signal (VmEvent *event);
int vm_event_get_fd (const VmEvent *event); // for the kernel to write to
void vm_event_free (VmEvent *event);        // I/O thread, or while the loop is not running anything
