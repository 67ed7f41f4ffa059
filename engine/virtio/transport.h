// SPDX-License-Identifier: GPL-3.0-or-later
// The transports that make a machine's Device of a VirtioDevice. Each takes the device.
#pragma once

#include "engine/hw/pci.h"
#include "engine/virtio/device.h"

// Modern virtio over PCI (VIRTIO 1.2 §4.1), in `slot` of `host`; MSI-X with a vector
// for each queue and one for the configuration, or INTx if the driver prefers.
Device *virtio_pci_new (VirtioDevice *vdev, Device *host, unsigned slot);

// virtio over MMIO, version 2 (§4.2), 0x200 bytes at `base`. vdev NULL: an empty transport
// (DeviceID 0).
Device *virtio_mmio_new (VirtioDevice *vdev, GuestAddr base, IrqLine irq);
