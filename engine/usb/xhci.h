// SPDX-License-Identifier: GPL-3.0-or-later
// A USB host controller: eXtensible Host Controller Interface 1.1, as a PCI function.
//
// It has XHCI_CONNECTORS connectors, each with a USB 2 and a USB 3 port: a device's speed decides
// which of them it appears at.
#pragma once

#include "engine/usb/usb.h"
#include "engine/vm/device.h"

enum {
  XHCI_CONNECTORS = 15,
};

// `host` and `slot` as in pci_host_add.
Device *xhci_new (Device *host, unsigned slot);
// The same in a hot-plug slot (engine/hw/pci-port.h), with what is plugged into it before it is
// realized.
Device *xhci_new_in_port (Device *port);
// Takes the device. Before the machine runs, or on the I/O thread (then the device is realized here
// and the guest told). The connector is free.
bool xhci_plug (Device *xhci, UsbDevice *take, unsigned connector, GError **error);
// I/O thread. The device is freed; what it was asked for fails.
void xhci_unplug (Device *xhci, unsigned connector);
