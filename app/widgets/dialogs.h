// SPDX-License-Identifier: GPL-3.0-or-later
// The few questions that cannot be undone. Main thread.
#pragma once

#include "app/compat.h"
#include "app/model/machine.h"

// Asks, and pulls the plug on yes.
void terrarium_confirm_force_off (GtkWindow *parent, TerrariumMachine *machine);

typedef enum {
  TERRARIUM_CLOSE_CANCEL,
  TERRARIUM_CLOSE_KEEP,      // hide the window, the machines run on
  TERRARIUM_CLOSE_SHUT_DOWN, // press their power buttons and leave when they are off
  TERRARIUM_CLOSE_FORCE_OFF,
} TerrariumClose;

// Asks what becomes of running machines. `keep`: whether running on is possible.
void terrarium_ask_close (GtkWindow *parent, unsigned n_running, bool keep,
                          void (*answered) (GtkWindow *parent, TerrariumClose answer));
