// SPDX-License-Identifier: GPL-3.0-or-later
// PL011 UART (Arm DDI 0183): the serial console. Registers are used by vCPU threads, the host's
// side by any thread; what the guest prints leaves on the I/O thread, many bytes at a time.
#pragma once

#include "engine/vm/device.h"
#include "engine/vm/irq.h"

enum {
  PL011_BYTES = 0x1000,
};

typedef struct Pl011SinkOps {
  // I/O thread; must not block. What the guest printed. May be NULL.
  void (*output) (void *opaque, const uint8_t *data, size_t length);
  // I/O thread. pl011_receive took less than it was given and there is room again. May be NULL.
  void (*input_ready) (void *opaque);
} Pl011SinkOps;

// sink NULL: output vanishes.
Device *pl011_new (GuestAddr base, IrqLine irq, const Pl011SinkOps *sink, void *opaque);
// Types bytes at the guest; how many were taken (the queue is bounded). Any thread.
size_t pl011_receive (Device *uart, const uint8_t *data, size_t length);
