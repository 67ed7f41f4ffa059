// SPDX-License-Identifier: GPL-3.0-or-later
// What the firmware of the `virt` machine is to try first: names of devices as a person writes them
// (disk0, net0), and the Open Firmware paths that firmware knows them by.
//
// Threads: any; no state.
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "engine/machine/machine.h"

bool boot_order_is_name (const char *name);
// One line for each name, which are all good. A disk's path depends on what it is on.
char *boot_order_paths (const char *const *names, const MachineDisk *disks, unsigned n_disks);
