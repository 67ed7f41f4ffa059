// SPDX-License-Identifier: GPL-3.0-or-later
// Between a PCI function (pci.c) and the host bridge (pci-host.c), and the registers of the type 0
// header (PCI Local Bus 3.0 §6.1), and of the type 1 header of bridges (PCI-to-PCI Bridge 1.2 §3.2).
#pragma once

#include "engine/hw/pci-msix.h"

enum {
  PCI_VENDOR_ID = 0x00,
  PCI_DEVICE_ID = 0x02,
  PCI_COMMAND = 0x04,
  PCI_STATUS = 0x06,
  PCI_REVISION = 0x08,
  PCI_CLASS = 0x09, // prog-if, sub-class, base class
  PCI_CACHE_LINE = 0x0c,
  PCI_HEADER_TYPE = 0x0e,
  PCI_BAR0 = 0x10,
  PCI_SUBSYSTEM_VENDOR = 0x2c,
  PCI_SUBSYSTEM = 0x2e,
  PCI_CAPABILITIES = 0x34,
  PCI_INTERRUPT_LINE = 0x3c,
  PCI_INTERRUPT_PIN = 0x3d,
  PCI_FIRST_CAPABILITY = 0x40,
  PCI_HEADER_CONFIG_BYTES = 0x100, // capabilities end here

  PCI_COMMAND_IO = 1u << 0,
  PCI_COMMAND_MEMORY = 1u << 1,
  PCI_COMMAND_MASTER = 1u << 2,
  PCI_COMMAND_NO_INTX = 1u << 10,
  PCI_COMMAND_WRITABLE = 0x0547, // I/O, memory, master, parity, SERR#, no INTx
  PCI_STATUS_INTX = 1u << 3,
  PCI_STATUS_CAPABILITIES = 1u << 4,

  PCI_BAR_IO = 1,
  PCI_BAR_64BIT = 4,
  PCI_BAR_PREFETCH = 8,

  PCI_HEADER_MULTI_FUNCTION = 0x80,
  PCI_HEADER_BRIDGE = 1,

  PCI_PRIMARY_BUS = 0x18,
  PCI_SECONDARY_BUS = 0x19,
  PCI_SUBORDINATE_BUS = 0x1a,
  PCI_IO_BASE = 0x1c, // and limit
  PCI_MEMORY_BASE = 0x20,
  PCI_MEMORY_LIMIT = 0x22,
  PCI_PREFETCH_BASE = 0x24,
  PCI_PREFETCH_LIMIT = 0x26,
  PCI_PREFETCH_BASE_HIGH = 0x28,
  PCI_PREFETCH_LIMIT_HIGH = 0x2c,
  PCI_BRIDGE_CONTROL = 0x3e,
  PCI_BRIDGE_CONTROL_RESET = 1 << 6,

  // From the beginning of the PCI Express capability.
  PCI_EXPRESS_ID = 0x10,
  PCI_EXPRESS_BYTES = 60,
  PCI_EXPRESS_FLAGS = 0x02,
  PCI_EXPRESS_DEVICE = 0x04,
  PCI_EXPRESS_DEVICE_CONTROL = 0x08,
  PCI_EXPRESS_LINK = 0x0c,
  PCI_EXPRESS_LINK_CONTROL = 0x10,
  PCI_EXPRESS_LINK_STATUS = 0x12,
  PCI_EXPRESS_SLOT = 0x14,
  PCI_EXPRESS_SLOT_CONTROL = 0x18,
  PCI_EXPRESS_SLOT_STATUS = 0x1a,
  PCI_EXPRESS_ROOT_CONTROL = 0x1c,
};

static inline uint16_t
pci_get16 (const uint8_t *p)
{
  return p[0] | p[1] << 8;
}

static inline uint32_t
pci_get32 (const uint8_t *p)
{
  return pci_get16 (p) | (uint32_t) pci_get16 (p + 2) << 16;
}

static inline void
pci_put16 (uint8_t *p, uint16_t value)
{
  p[0] = value & 0xff;
  p[1] = value >> 8;
}

static inline void
pci_put32 (uint8_t *p, uint32_t value)
{
  pci_put16 (p, value & 0xffff);
  pci_put16 (p + 2, value >> 16);
}

// One configuration access inside the function's 4 KiB; the host's lock is held.
uint32_t pci_function_read_config (PciFunction *fn, unsigned offset, unsigned size);
void pci_function_write_config (PciFunction *fn, unsigned offset, unsigned size, uint32_t value);
// The guest's view of a BAR: its base address, flags removed.
uint64_t pci_function_get_bar (const PciFunction *fn, unsigned bar);

void pci_host_lock (PciHost *host);
void pci_host_unlock (PciHost *host);
// Command or BARs changed: what is decoded where, and whether INTx is let through. Lock held.
void pci_host_update_function (PciHost *host, PciFunction *fn);
// Sets fn->intx_level and drives the pin. Any thread; takes the INTx lock only. `level` NULL: the
// command register or MSI-X may have changed instead; lock held.
void pci_host_drive_intx (PciHost *host, PciFunction *fn, const bool *level);
// The function writes a message: to the interrupt controller, or to RAM like any other write.
// Anywhere else it is lost. Any thread.
void pci_host_send_msi (PciFunction *fn, GuestAddr addr, uint32_t data);

// What pci.c does for MSI-X (pci-msix.c); lock held.
void pci_msix_update (PciMsix *msix); // command or capability changed
bool pci_msix_uses_no_pin (const PciMsix *msix);
void pci_msix_reset (PciMsix *msix);
void pci_msix_save (PciMsix *msix, StateWriter *writer);
bool pci_msix_load (PciMsix *msix, StateReader *reader);
