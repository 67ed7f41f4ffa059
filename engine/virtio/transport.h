// SPDX-License-Identifier: GPL-3.0-or-later
// The transports that make a machine's Device of a VirtioDevice. Each takes the device.
#pragma once

#include "engine/hw/pci.h"
#include "engine/virtio/device.h"

// Modern virtio over PCI (VIRTIO 1.2 §4.1), in `slot` of `host`; MSI-X with a vector
// for each queue and one for the configuration, or INTx if the driver prefers.
Device *virtio_pci_new (VirtioDevice *vdev, Device *host, unsigned slot);

// The same in a hot-plug slot (engine/hw/pci-port.h) of the host.
Device *virtio_pci_new_in_port (VirtioDevice *vdev, Device *port);
// The same as another function of the device in `slot`.
Device *virtio_pci_new_function (VirtioDevice *vdev, Device *host, unsigned slot,
                                 unsigned function);

// virtio over MMIO, version 2 (§4.2), 0x200 bytes at `base`. vdev NULL: an empty transport
// (DeviceID 0).
Device *virtio_mmio_new (VirtioDevice *vdev, GuestAddr base, IrqLine irq);
