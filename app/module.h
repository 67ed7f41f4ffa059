// SPDX-License-Identifier: GPL-3.0-or-later
// What the `terrarium` executable calls in the GTK application's module once it has loaded it. The
// module finds the engine, app/model/bundle.c and control.c in the executable, which exports them.
//
// Where the executable finds libterrarium-app.so: beside itself in gtk/ (the build tree), else in
// $libdir/terrarium.
#pragma once

#include "engine/api/vm.h"

#define TERRARIUM_MODULE_NAME "libterrarium-app.so"

// The library window and all that comes from it, and what arguments that are files are good for;
// returns the exit status. When an application runs already, its window does it.
int terrarium_app_main (int argc, char **argv);
typedef int (*TerrariumAppMain) (int argc, char **argv);

// One machine in a window of its own, started at once and without a bundle. Returns 0 when the
// guest powered off or the person ended it, 1 otherwise, after one line on stderr.
int terrarium_app_run_machine (const VmConfig *config);
typedef int (*TerrariumAppRunMachine) (const VmConfig *config);
