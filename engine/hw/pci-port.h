// SPDX-License-Identifier: GPL-3.0-or-later
// A PCI Express root port with a slot for one device that may come and go while the machine runs
// (PCI Express 3.0 §6.7, native hot-plug): presence and link are reported, the attention button asks
// the guest to let go, its power indicator going off is the answer.
#pragma once

#include "engine/hw/pci.h"

// On bus 0, as a function of the device in `slot`; `number` is what people read on the slot.
Device *pci_port_new (Device *host, unsigned slot, unsigned function, unsigned number);

// With every vCPU parked, or before the machine runs. take_out may come as a surprise to the guest;
// both tell it.
void pci_port_insert (Device *port, PciFunction *fn);
void pci_port_take_out (Device *port);
// Asks the guest to let go of what is in the slot. When it has, VM_REQUEST_UNPLUG is made; it is to
// be taken out then. Any thread.
void pci_port_press_button (Device *port);
bool pci_port_is_released (Device *port);
