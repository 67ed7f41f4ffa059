// SPDX-License-Identifier: GPL-3.0-or-later
// The few questions that cannot be undone. Main thread.
#pragma once

#include "app/compat.h"
#include "app/model/machine.h"

// Asks, and pulls the plug on yes.
void terrarium_confirm_force_off (GtkWindow *parent, TerrariumMachine *machine);

typedef enum {
  TERRARIUM_CLOSE_CANCEL,
  TERRARIUM_CLOSE_SAVE,      // save their states, and leave when that is done
  TERRARIUM_CLOSE_KEEP,      // hide the window, the machines run on
  TERRARIUM_CLOSE_SHUT_DOWN, // press their power buttons and leave when they are off
  TERRARIUM_CLOSE_FORCE_OFF,
} TerrariumClose;

// As bundle_dup_on_close has it; what has no word there is "ask".
TerrariumClose terrarium_close_from_name (const char *name); // TERRARIUM_CLOSE_CANCEL: ask
const char *terrarium_close_get_name (TerrariumClose answer);

// What can be answered, beside shutting down and forcing off.
typedef struct TerrariumCloseChoice {
  unsigned n_running;
  bool save, keep;
} TerrariumCloseChoice;

// Asks what becomes of running machines. `remember`: the person wants no such question again.
void terrarium_ask_close (GtkWindow *parent, const TerrariumCloseChoice *choice,
                          void (*answered) (GtkWindow *parent, TerrariumClose answer,
                                            bool remember));

// Asks, and discards a saved state on yes.
void terrarium_confirm_discard (GtkWindow *parent, TerrariumMachine *machine);
