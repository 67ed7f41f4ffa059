// SPDX-License-Identifier: GPL-3.0-or-later
// A gdb server for one machine: `target remote` of a gdb that knows its architecture. One debugger
// at a time; while none is connected the machine does not notice. Whoever may connect owns the
// machine, so it listens on this computer's loopback address or on a private socket unless told
// otherwise.
#pragma once

#include "engine/vm/vm.h"

typedef struct GdbServer GdbServer;

// "tcp::PORT" (loopback), "tcp:ADDRESS:PORT" or "unix:PATH". The error is a sentence for a person.
bool gdb_address_check (const char *address, GError **error);

// Listens. With `wait` the machine runs nothing before a debugger lets it. The controlling thread,
// before vm_start or vm_load.
GdbServer *gdb_server_new (Vm *vm, const char *address, bool wait, GError **error);
// Says goodbye and lets the machine go. The controlling thread, before vm_free; accepts NULL.
void gdb_server_free (GdbServer *server);
