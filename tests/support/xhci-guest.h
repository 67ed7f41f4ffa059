// SPDX-License-Identifier: GPL-3.0-or-later
// The driver's side of an xHCI controller, for tests: rings and contexts in the memory of a machine
// without threads (fake-vm.h).
#pragma once

#include "engine/usb/xhci-priv.h"
#include "tests/unit/hw/fake-vm.h"

enum {
  XHCI_GUEST_RAM_BYTES = 16 << 20,
  XHCI_GUEST_EVENTS = 64, // places of the event ring
  XHCI_GUEST_RING = 32,   // of the others, the link included

  XHCI_GUEST_USB2_PORT = 1,
  XHCI_GUEST_USB3_PORT = 1 + XHCI_CONNECTORS,

  // Registers.
  X_USBCMD = 0x40,
  X_USBSTS = 0x44,
  X_DNCTRL = 0x54,
  X_CRCR = 0x58,
  X_DCBAAP = 0x70,
  X_CONFIG = 0x78,
  X_PORTSC = 0x440, // 0x10 apart, port 1 first
  X_MFINDEX = 0x1000,
  X_IMAN = 0x1020,
  X_IMOD = 0x1024,
  X_ERSTSZ = 0x1028,
  X_ERSTBA = 0x1030,
  X_ERDP = 0x1038,
  X_DOORBELL = 0x2000,
};

typedef struct XhciGuestRing {
  GuestAddr base;
  unsigned index;
  bool cycle;
} XhciGuestRing;

typedef struct XhciGuest {
  FakeVm *fake;
  Device *pci, *xhci;
  FakeLine line;
  GuestAddr next_alloc, dcbaa, input;
  XhciGuestRing commands, events;
  XhciGuestRing rings[XHCI_SLOTS + 1][XHCI_ENDPOINTS];
  void (*settle) (void *data); // lets devices finish what is not done by the machine's own thread
  void *settle_data;
} XhciGuest;

// Takes the devices, at connectors from 0 on.
XhciGuest *xhci_guest_new (UsbDevice *const *devices, unsigned n);
XhciGuest *xhci_guest_new_with_ram (UsbDevice *const *devices, unsigned n, uint64_t ram_bytes);
void xhci_guest_free (XhciGuest *guest);
uint64_t xhci_guest_read (XhciGuest *guest, unsigned offset, unsigned size);
void xhci_guest_write (XhciGuest *guest, unsigned offset, uint64_t value, unsigned size);
void xhci_guest_run (XhciGuest *guest); // until nobody has anything to do

GuestAddr xhci_guest_alloc (XhciGuest *guest, size_t bytes); // zeroes, 64-byte aligned
void *xhci_guest_ptr (XhciGuest *guest, GuestAddr addr);

void xhci_guest_start (XhciGuest *guest); // event and command ring, DCBAA, run
bool xhci_guest_next_event (XhciGuest *guest, XhciTrb *event);
// The next event of a type, others are skipped; fails the test when there is none.
XhciTrb xhci_guest_expect (XhciGuest *guest, unsigned type);
unsigned xhci_guest_code (const XhciTrb *event);

void xhci_guest_put (XhciGuest *guest, XhciGuestRing *ring, const XhciTrb *trb);
// One command; its completion code. `control` without type and cycle.
unsigned xhci_guest_command (XhciGuest *guest, unsigned type, uint64_t parameter, uint32_t control,
                             XhciTrb *event);
// Resets the port, enables a slot and addresses the device: the slot.
unsigned xhci_guest_attach (XhciGuest *guest, unsigned port);
// Adds one endpoint; the completion code.
unsigned xhci_guest_configure (XhciGuest *guest, unsigned slot, unsigned dci, unsigned type,
                               unsigned packet);
// A new, empty ring for the endpoint in a (stopped) controller's view: its address.
GuestAddr xhci_guest_new_ring (XhciGuest *guest, unsigned slot, unsigned dci);
void xhci_guest_ring_doorbell (XhciGuest *guest, unsigned slot, unsigned dci);

// A control transfer: the completion code of what ended it. Data in and out of `data`; *actual
// bytes (may be NULL).
unsigned xhci_guest_control (XhciGuest *guest, unsigned slot, const UsbSetup *setup, void *data,
                             unsigned *actual);
// A TD of TRBs of 64 KiB; does not wait. A short one may end in the last TRB only.
void xhci_guest_submit (XhciGuest *guest, unsigned slot, unsigned dci, GuestAddr addr,
                        uint32_t bytes);
// The same, with its end: the completion code.
unsigned xhci_guest_transfer (XhciGuest *guest, unsigned slot, unsigned dci, void *data,
                              uint32_t bytes, uint32_t *actual);
// After a stall: reset endpoint, set dequeue, clear the halt of `endpoint` (address).
void xhci_guest_recover (XhciGuest *guest, unsigned slot, unsigned dci, uint8_t endpoint);
