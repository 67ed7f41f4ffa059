// SPDX-License-Identifier: GPL-3.0-or-later
// NVM Express controller (NVMe base specification 1.4) with one namespace of 512-byte blocks.
#pragma once

#include "engine/block/device.h"
#include "engine/hw/pci.h"

enum {
  NVME_IO_QUEUES_MAX = 16,
  NVME_QUEUES_MIN = 2, // EDK2's driver takes no less
};

// Takes the disk. serial: at most 20 characters. n_queues: pairs for I/O, 1 to NVME_IO_QUEUES_MAX.
Device *nvme_new (BlockDevice *take, const char *serial, unsigned n_queues, Device *host,
                  unsigned slot);
// The same in a hot-plug slot (pci-port.h).
Device *nvme_new_in_port (BlockDevice *take, const char *serial, unsigned n_queues, Device *port);
