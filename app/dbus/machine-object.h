// SPDX-License-Identifier: GPL-3.0-or-later
// A machine on the session bus: the object that io.github.terrarium_vm.Terrarium.xml describes. Main
// thread.
#pragma once

#include "app/model/machine.h"
#include "terrarium-bus.h"

// At this path; it follows the machine until it is finalized.
TerrariumBusObjectSkeleton *machine_object_new (const char *path, TerrariumMachine *machine);
