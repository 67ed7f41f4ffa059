// SPDX-License-Identifier: GPL-3.0-or-later
// PL031 real-time clock (Arm DDI 0224): the host's time of day plus what the guest set.
#pragma once

#include "engine/vm/device.h"
#include "engine/vm/irq.h"

enum {
  PL031_BYTES = 0x1000,
};

Device *pl031_new (GuestAddr base, IrqLine irq);
