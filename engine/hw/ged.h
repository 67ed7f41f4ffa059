// SPDX-License-Identifier: GPL-3.0-or-later
// The generic event device of ACPI (ACPI 6.3, 5.6.9): what happened, for the methods of our own
// tables to read.
#pragma once

#include "engine/vm/device.h"
#include "engine/vm/irq.h"

enum {
  GED_BYTES = 4, // one register: the events since it was read last

  GED_EVENT_POWER_BUTTON = 1 << 1,
};

Device *ged_new (GuestAddr base, IrqLine irq); // an edge for each event
// Any thread.
void ged_raise (Device *ged, uint32_t event);
