// SPDX-License-Identifier: GPL-3.0-or-later
// TerrariumCard: one machine in the library. Main thread.
#pragma once

#include "app/compat.h"
#include "app/model/machine.h"

#define TERRARIUM_TYPE_CARD (terrarium_card_get_type ())
G_DECLARE_FINAL_TYPE (TerrariumCard, terrarium_card, TERRARIUM, CARD, GtkFlowBoxChild)

// Opening, duplicating and deleting go to the window's actions win.open-machine,
// win.duplicate-machine, win.clone-machine and win.delete-machine, with the bundle's folder name.
GtkWidget *terrarium_card_new (TerrariumMachine *machine);
