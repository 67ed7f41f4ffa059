// SPDX-License-Identifier: GPL-3.0-or-later
// A USB device for tests of the controller. Endpoint 1 OUT takes bytes, 1 IN gives as many of the
// newest as `give` says, or waits while `wait`; endpoint 2 stalls; what it was asked is counted.
#pragma once

#include "tests/support/xhci-guest.h"

typedef struct Echo {
  UsbDevice device;
  uint8_t bytes[4096];
  uint32_t n_bytes, give;
  bool wait;
  UsbTransfer *waiting;
  unsigned n_transfers, n_resets, n_cancelled;
  UsbSetup setup; // the last
} Echo;

UsbDevice *echo_new (UsbSpeed speed);
void echo_answer (UsbDevice *device); // gives the waiting transfer back

// A controller with the device at connector 0.
enum {
  USB2 = XHCI_GUEST_USB2_PORT,
  USB3 = XHCI_GUEST_USB3_PORT,
  OUT1 = 2, // device context indices
  IN1 = 3,
  OUT2 = 4,
  IN2 = 5,
  BULK_OUT = 2, // endpoint types
  BULK_IN = 6,
};

XhciGuest *make_guest (UsbDevice **device, UsbSpeed speed);
// The same at high speed, with a slot and endpoints 1 and 2 of the device configured.
XhciGuest *make_ready (UsbDevice **device, unsigned *slot);
// A word of an output context; index 0 is the slot's.
uint32_t endpoint_word (XhciGuest *guest, unsigned slot, unsigned dci, unsigned word);
