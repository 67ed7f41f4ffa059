// SPDX-License-Identifier: GPL-3.0-or-later
// Machines in the search of GNOME's shell (org.gnome.Shell.SearchProvider2): by their names; the one
// that is chosen is shown, and started if it is off. Main thread.
#pragma once

#include "app/model/store.h"

typedef struct TerrariumSearch TerrariumSearch;

// At `path`/SearchProvider.
TerrariumSearch *terrarium_search_new (GDBusConnection *bus, const char *path,
                                       TerrariumStore *store, GApplication *application,
                                       GError **error);
void terrarium_search_free (TerrariumSearch *search);
