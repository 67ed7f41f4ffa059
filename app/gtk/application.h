// SPDX-License-Identifier: GPL-3.0-or-later
// TerrariumApplication: one per session; its window, its store and what the command line may ask
// of it. Main thread.
#pragma once

#include "app/compat.h"
#include "app/model/machine.h"

#define TERRARIUM_APPLICATION_ID "io.github.terrarium_vm.Terrarium"

#define TERRARIUM_TYPE_APPLICATION (terrarium_application_get_type ())
G_DECLARE_FINAL_TYPE (TerrariumApplication, terrarium_application, TERRARIUM, APPLICATION,
                      AdwApplication)

// `only`: show just this machine, in a process of its own; NULL: the library.
TerrariumApplication *terrarium_application_new (TerrariumMachine *only);
