// SPDX-License-Identifier: GPL-3.0-or-later
// TerrariumPerformance: what a running machine uses, and why it is slow. Main thread.
#pragma once

#include "app/compat.h"
#include "app/model/machine.h"

#define TERRARIUM_TYPE_PERFORMANCE (terrarium_performance_get_type ())
G_DECLARE_FINAL_TYPE (TerrariumPerformance, terrarium_performance, TERRARIUM, PERFORMANCE, AdwBin)

// Signal "notify-person" (text).
void terrarium_performance_set_machine (TerrariumPerformance *performance,
                                        TerrariumMachine *machine); // or NULL
// Only an active one watches the machine.
void terrarium_performance_set_active (TerrariumPerformance *performance, bool active);
