// SPDX-License-Identifier: GPL-3.0-or-later
// TerrariumSerial: a machine's serial console as a terminal. Main thread.
#pragma once

#include "app/compat.h"
#include "app/model/machine.h"

#define TERRARIUM_TYPE_SERIAL (terrarium_serial_get_type ())
G_DECLARE_FINAL_TYPE (TerrariumSerial, terrarium_serial, TERRARIUM, SERIAL, AdwBin)

// Signal "released": the person pressed Ctrl+Alt; the focus should go elsewhere.
// NULL shows an empty terminal.
void terrarium_serial_set_machine (TerrariumSerial *serial, TerrariumMachine *machine);
void terrarium_serial_take_focus (TerrariumSerial *serial);
