// SPDX-License-Identifier: GPL-3.0-or-later
// PL061 GPIO (Arm DDI 0190): eight lines; the machine's power button hangs on one of them.
#pragma once

#include "engine/vm/device.h"
#include "engine/vm/irq.h"

enum {
  PL061_BYTES = 0x1000,
  PL061_N_LINES = 8,
};

Device *pl061_new (GuestAddr base, IrqLine irq);
// Drives a line from outside. Any thread.
void pl061_set_line (Device *gpio, unsigned line, bool level);
// Drives a line high and, 100 ms of the machine's clock later, low again: a button. Any thread.
void pl061_press (Device *gpio, unsigned line);
