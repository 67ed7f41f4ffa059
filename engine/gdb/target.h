// SPDX-License-Identifier: GPL-3.0-or-later
// A machine as a debugger's target: its CPUs are the threads. I/O thread, but for what a CPU does
// when it comes upon a point, on its own thread.
#pragma once

#include "engine/gdb/session.h"
#include "engine/vm/vm.h"

typedef struct GdbTarget GdbTarget;

// Does nothing to the machine before attach. `stopped` is called after a resume, when a CPU came
// upon something and all have stopped.
GdbTarget *
gdb_target_new (Vm *vm, void (*stopped) (void *opaque, unsigned thread, const GuestDebugStop *why),
                void *opaque);
// Detaches.
void gdb_target_free (GdbTarget *target);

// Stops all CPUs; what the session does with it follows. Done on return.
void gdb_target_attach (GdbTarget *target);
// Takes back whatever was set and lets the machine run. Harmless when it is not attached.
void gdb_target_detach (GdbTarget *target);

// `target` of a session is the GdbTarget.
GdbTargetOps gdb_target_get_ops (const GdbTarget *target);
