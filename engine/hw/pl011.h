// SPDX-License-Identifier: GPL-3.0-or-later
// PL011 UART (Arm DDI 0183): the serial console. Registers are used by vCPU threads, the host's
// side by any thread; what the guest prints leaves on the I/O thread, many bytes at a time.
#pragma once

#include "engine/structs/sink.h"
#include "engine/vm/device.h"
#include "engine/vm/irq.h"

enum {
  PL011_BYTES = 0x1000,
};

// ops may be NULL (output is dropped); ops and sink outlive the device.
Device *pl011_new (GuestAddr base, IrqLine irq, const VmConsoleSinkOps *ops, void *sink);
// Types bytes at the guest: how many were taken (the queue is bounded). Any thread; never waits.
size_t pl011_receive (Device *uart, const uint8_t *data, size_t length);
