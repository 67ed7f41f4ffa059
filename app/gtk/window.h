// SPDX-License-Identifier: GPL-3.0-or-later
// TerrariumWindow: the library, and the machine being looked at. Main thread.
#pragma once

#include "app/compat.h"
#include "app/model/store.h"

#define TERRARIUM_TYPE_WINDOW (terrarium_window_get_type ())
G_DECLARE_FINAL_TYPE (TerrariumWindow, terrarium_window, TERRARIUM, WINDOW, AdwApplicationWindow)

// `settings` (preferences.h) may be NULL.
GtkWidget *terrarium_window_new (GtkApplication *application, TerrariumStore *store,
                                 GSettings *settings);

// Shows what it showed when it was last closed, in its size.
void terrarium_window_restore (TerrariumWindow *window);

// Shows the machine and starts it when it is off.
void terrarium_window_open_machine (TerrariumWindow *window, TerrariumMachine *machine);
// Shows a machine (its folder, or the machine.json in it), or makes one from a file, or says why not.
void terrarium_window_offer_file (TerrariumWindow *window, GFile *file);
// The first of them.
void terrarium_window_offer_files (TerrariumWindow *window, GFile **files, unsigned n_files);
// The window is only there for this machine: no library.
void terrarium_window_show_only (TerrariumWindow *window, TerrariumMachine *machine);
// Asks about running machines and closes for good.
void terrarium_window_quit (TerrariumWindow *window);
