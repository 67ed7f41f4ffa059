// SPDX-License-Identifier: GPL-3.0-or-later
// TerrariumWizard: from "New…" to a configuration, in at most four pages. Main thread.
#pragma once

#include "app/compat.h"
#include "app/model/store.h"

#define TERRARIUM_TYPE_WIZARD (terrarium_wizard_get_type ())
G_DECLARE_FINAL_TYPE (TerrariumWizard, terrarium_wizard, TERRARIUM, WIZARD, AdwWindow)

// Signal "create" (const TerrariumCreation *): the person has decided; the wizard closes then.
GtkWidget *terrarium_wizard_new (GtkWindow *parent);

// Goes on with a file the person offers (a kernel or a disk image), or says why it cannot.
void terrarium_wizard_offer_file (TerrariumWizard *wizard, const char *path);
