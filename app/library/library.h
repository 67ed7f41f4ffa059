// SPDX-License-Identifier: GPL-3.0-or-later
// TerrariumLibrary: all machines as cards, or the invitation to make the first. Main thread.
#pragma once

#include "app/compat.h"
#include "app/model/store.h"

#define TERRARIUM_TYPE_LIBRARY (terrarium_library_get_type ())
G_DECLARE_FINAL_TYPE (TerrariumLibrary, terrarium_library, TERRARIUM, LIBRARY, AdwBin)

void terrarium_library_set_store (TerrariumLibrary *library, TerrariumStore *store);
void terrarium_library_start_search (TerrariumLibrary *library);
