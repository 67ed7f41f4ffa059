// SPDX-License-Identifier: GPL-3.0-or-later
// Loading the GTK application, which is a module of its own (app/module.h). Main thread.
#pragma once

#include "engine/api/vm.h"

// Both return the exit status: 1, after one line on stderr, when there is no such module.
int module_run_application (int argc, char **argv);
int module_run_machine (const VmConfig *config);
