// SPDX-License-Identifier: GPL-3.0-or-later
// The memory map, interrupts and PCI slots of the `virt` machine: compatible with the widely
// supported board of that name. Stable across versions: guests must not see devices renamed.
#pragma once

#include "engine/structs/types.h"

#define VIRT_FLASH0     UINT64_C (0x00000000) // firmware
#define VIRT_FLASH1     UINT64_C (0x04000000) // its variables
#define VIRT_GIC_DIST   UINT64_C (0x08000000)
#define VIRT_GIC_ITS    UINT64_C (0x08080000)
#define VIRT_GIC_REDIST UINT64_C (0x080a0000)
#define VIRT_UART       UINT64_C (0x09000000)
#define VIRT_RTC        UINT64_C (0x09010000)
#define VIRT_FW_CFG     UINT64_C (0x09020000)
#define VIRT_GPIO       UINT64_C (0x09030000)
#define VIRT_GED        UINT64_C (0x09080000)
#define VIRT_VIRTIO     UINT64_C (0x0a000000) // transports, 0x200 apart
#define VIRT_PCI_MMIO32 UINT64_C (0x10000000)
#define VIRT_PCI_PIO    UINT64_C (0x3eff0000)
#define VIRT_RAM        UINT64_C (0x40000000)
#define VIRT_PCI_ECAM   UINT64_C (0x4010000000)
#define VIRT_PCI_MMIO64 UINT64_C (0x8000000000)

#define VIRT_PCI_MMIO32_BYTES (VIRT_PCI_PIO - VIRT_PCI_MMIO32)
#define VIRT_PCI_PIO_BYTES    KIB (64)
#define VIRT_PCI_ECAM_BYTES   MIB (256)
#define VIRT_PCI_MMIO64_BYTES GIB (512)

// Shared peripheral interrupts.
enum {
  VIRT_SPI_UART = 1,
  VIRT_SPI_RTC = 2,
  VIRT_SPI_PCI_INTA = 3, // and the three after it
  VIRT_SPI_GPIO = 7,
  VIRT_SPI_GED = 9,
  VIRT_SPI_VIRTIO = 16, // and the 31 after it
};

// Private peripheral interrupts, as INTIDs.
enum {
  VIRT_PPI_PMU = 23,
  VIRT_PPI_TIMER_HYP = 26,
  VIRT_PPI_TIMER_VIRT = 27,
  VIRT_PPI_TIMER_SECURE = 29,
  VIRT_PPI_TIMER_PHYS = 30,
};

// virtio-mmio transports: all there, none used by default, so not in the device tree.
enum {
  VIRT_N_VIRTIO = 32,
  VIRT_VIRTIO_BYTES = 0x200,
};

// Devices on PCI bus 0; 0 is the host bridge.
enum {
  VIRT_SLOT_NIC0 = 1,
  VIRT_SLOT_GPU = 2,
  VIRT_SLOT_KEYBOARD = 3,
  VIRT_SLOT_TABLET = 4,
  VIRT_SLOT_RNG = 5,     // its other functions: balloon, sockets, sound
  VIRT_SLOT_CONSOLE = 6, // its other functions: hot-plug ports
  VIRT_SLOT_USB = 7,
  VIRT_SLOT_DISK0 = 8, // up to 16: 8..23
  VIRT_SLOT_NIC1 = 24, // the second to eighth: 24..30
  VIRT_SLOT_SCSI = 31,
};
enum {
  VIRT_FUNCTION_BALLOON = 1, // of VIRT_SLOT_RNG
  VIRT_FUNCTION_VSOCK = 2,
  VIRT_FUNCTION_SOUND = 3,
};
