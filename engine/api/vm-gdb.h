// SPDX-License-Identifier: GPL-3.0-or-later
// Debugging what runs in a machine with gdb: a server for `target remote`. Beside vm.h, of which the
// same threads and rules hold.
#pragma once

#include "engine/api/vm.h"

G_BEGIN_DECLS

// From its next start or restore on the machine serves one gdb at a time at `address`, until it
// stops: "tcp::PORT" (this computer only), "tcp:ADDRESS:PORT" (whoever reaches the address: they
// own the machine) or "unix:PATH" (this user only). With `wait` it runs nothing before gdb lets it.
// NULL: no more. False with a sentence when the address is none. Stopped machines only.
//
// gdb stops and continues the machine without changing its state; killing it from gdb ends it with
// VM_STOP_FORCED.
bool vm_machine_set_gdb (VmMachine *machine, const char *address, bool wait, GError **error);

G_END_DECLS
