// SPDX-License-Identifier: GPL-3.0-or-later
// The snapshots of a machine, in a window of their own: taking, going back, deleting. Main thread.
#pragma once

#include "app/compat.h"
#include "app/model/machine.h"

void terrarium_show_snapshots (GtkWindow *parent, TerrariumMachine *machine);
