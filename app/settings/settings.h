// SPDX-License-Identifier: GPL-3.0-or-later
// The settings of a machine, in a window of their own. Main thread.
#pragma once

#include "app/compat.h"
#include "app/model/machine.h"

void terrarium_show_settings (GtkWindow *parent, TerrariumMachine *machine);
