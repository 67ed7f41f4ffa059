// SPDX-License-Identifier: GPL-3.0-or-later
// Between the groups of the settings: settings.c (window, general, system), disks.c, network.c. Each
// row is made from what the machine is; a change goes to disk at once, and then the rows are made
// again. Main thread.
#pragma once

#include "app/compat.h"
#include "app/model/machine-change.h"
#include "app/settings/settings.h"

typedef struct Settings {
  AdwPreferencesWindow *window; // owns it
  TerrariumMachine *machine;
  const VmConfig *config; // the machine's, while rows are made
  bool can_change;        // other than discs
  bool filling;           // rows are being made: what they say is no person's wish
  bool renumbering;       // a disk comes or goes: rows will have other numbers
  unsigned n_sent;        // changes that are not answered yet
  bool stale;             // after these, rows are to be made anew
  char *shown_disks;      // what rows of disks were made of last
  AdwPreferencesGroup *general, *system, *disks, *network;
  GPtrArray *rows; // GtkWidget, borrowed, each with its group as data "group"
} Settings;

void settings_add_row (Settings *settings, AdwPreferencesGroup *group, GtkWidget *row);
// A row with a title and a subtitle, both plain text.
GtkWidget *settings_make_row (const char *title, const char *subtitle);
// A button at the end of a row, which is its data "row".
void settings_add_button (Settings *settings, GtkWidget *row, const char *icon, const char *label,
                          GCallback clicked, bool sensitive);
// Applies a change, and makes the rows again.
void settings_change (Settings *settings, const Change *change);
void settings_tell (Settings *settings, const char *text);

void settings_fill_disks (Settings *settings);
// The same if they are not what is shown.
void settings_update_disks (Settings *settings);
void settings_fill_network (Settings *settings);
