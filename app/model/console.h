// SPDX-License-Identifier: GPL-3.0-or-later
// TerrariumConsole: what a machine prints on one console, for the main thread, with enough history
// that a terminal opened later shows the screen.
#pragma once

#include "engine/api/vm.h"

#define TERRARIUM_TYPE_CONSOLE (terrarium_console_get_type ())
G_DECLARE_FINAL_TYPE (TerrariumConsole, terrarium_console, TERRARIUM, CONSOLE, GObject)

// Signal "output" (GBytes): new bytes, in order. "reset": what was there is gone.
TerrariumConsole *terrarium_console_new (void);

// To be given to vm_machine_set_console_sink with the console as the sink.
extern const VmConsoleSinkOps terrarium_console_sink_ops;

// The latest output; at most a few hundred KiB. Transfer full.
GBytes *terrarium_console_get_history (TerrariumConsole *console);
void terrarium_console_reset (TerrariumConsole *console);
