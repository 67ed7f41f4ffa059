// SPDX-License-Identifier: GPL-3.0-or-later
// What the `virt` machine has beside the rest when it starts with firmware.
//
// Threads: see machine.h.
#pragma once

#include "engine/machine/machine-priv.h"

// Flash, fw_cfg with all that is in it, the event device.
bool virt_add_firmware (Machine *machine, const MachineConfig *config, Device *gic, GError **error);
