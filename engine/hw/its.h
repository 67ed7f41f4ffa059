// SPDX-License-Identifier: GPL-3.0-or-later
// GICv3 interrupt translation service (Arm IHI 0069 ch. 5): makes LPIs of devices' messages. DeviceID
// is the PCI requester's number.
#pragma once

#include "engine/vm/device.h"
#include "engine/vm/irq.h"

enum {
  ITS_BYTES = 0x20000,
  ITS_TRANSLATER = 0x10040, // where messages are written
};

// gic: made with lpis, and added to the machine before this.
Device *its_new (GuestAddr base, Device *gic);
MsiSink its_get_msi_sink (Device *its);
