// SPDX-License-Identifier: GPL-3.0-or-later
// TerrariumViewer: one machine, its display and consoles, and what can be done with it. Main
// thread.
#pragma once

#include "app/compat.h"
#include "app/model/machine.h"

#define TERRARIUM_TYPE_VIEWER (terrarium_viewer_get_type ())
G_DECLARE_FINAL_TYPE (TerrariumViewer, terrarium_viewer, TERRARIUM, VIEWER, AdwBin)

// Signals: "back": the person wants the library. "notify-person" (text): something to tell.
// `back`: whether there is a library to go back to.
void terrarium_viewer_set_machine (TerrariumViewer *viewer, TerrariumMachine *machine, bool back);
TerrariumMachine *terrarium_viewer_get_machine (TerrariumViewer *viewer);
