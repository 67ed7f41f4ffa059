// SPDX-License-Identifier: GPL-3.0-or-later
// What the application offers on the session bus: an object for each machine, and GNOME's search. Main
// thread.
#pragma once

#include "app/model/store.h"

typedef struct TerrariumService TerrariumService;

// Below `path`; searches end in actions of `application`. NULL when something is in the way there.
TerrariumService *terrarium_service_new (GDBusConnection *bus, const char *path,
                                         TerrariumStore *store, GApplication *application,
                                         GError **error);
void terrarium_service_free (TerrariumService *service); // accepts NULL
