// SPDX-License-Identifier: GPL-3.0-or-later
// MSI-X of a PCI function (PCI Local Bus 3.0 §6.8.2): the capability, and a BAR of its own with the
// vector table and the pending bits. The function's configuration space, reset and saved state take
// it along.
//
// Threads: anybody may send, with locks of its own held: the lock in here is the innermost but for
// those of the interrupt controller.
#pragma once

#include "engine/hw/pci.h"

enum {
  PCI_MSIX_VECTORS_MAX = 256,
  PCI_MSIX_NO_VECTOR = 0xffff, // what drivers and virtio call none; sending it does nothing
};

typedef struct PciMsixVector {
  uint64_t address;
  uint32_t data, control;
} PciMsixVector;

typedef struct PciMsix {
  PciFunction *fn;
  unsigned n_vectors;
  unsigned capability; // where it lies in configuration space
  GMutex lock;
  // Under lock.
  bool enabled, masked; // as the capability says
  bool master;          // the function may write memory
  PciMsixVector *vectors;
  uint64_t pending[PCI_MSIX_VECTORS_MAX / 64];
} PciMsix;

// Adds the capability and implements `bar`, a 32-bit one; before pci_host_add. 1 to
// PCI_MSIX_VECTORS_MAX vectors.
void pci_msix_init (PciMsix *msix, PciFunction *fn, unsigned bar, unsigned n_vectors);
void pci_msix_clear (PciMsix *msix); // accepts a zeroed one
// The driver has chosen MSI-X; the function uses its pin if not.
bool pci_msix_is_enabled (PciMsix *msix);
// Sends the vector's message, or leaves it pending while it is masked. Nothing happens without
// MSI-X, and for a vector that there is not.
void pci_msix_send (PciMsix *msix, unsigned vector);
