// SPDX-License-Identifier: GPL-3.0-or-later
// PCI functions and the host bridge (ECAM) they sit behind.
//
// Configuration space and BARs may be accessed by several vCPUs at once: the host bridge takes its
// lock for configuration accesses; BAR accesses go straight to the function's handlers. A function
// may set its INTx pin with locks of its own held, from any thread.
#pragma once

#include "engine/mem/bus.h"
#include "engine/vm/device.h"
#include "engine/vm/irq.h"

typedef struct PciHost PciHost;
typedef struct PciFunction PciFunction;

enum {
  PCI_CONFIG_BYTES = 4096,
  PCI_N_BARS = 6,
};

typedef struct PciBar {
  uint64_t size_bytes; // power of two; 0: not implemented
  bool is_io, is_64bit, prefetchable;
  const MmioOps *ops;
  void *opaque;
} PciBar;

struct PciFunction {
  uint8_t config[PCI_CONFIG_BYTES];
  uint8_t writable[PCI_CONFIG_BYTES]; // mask of the bits the guest may write
  PciBar bars[PCI_N_BARS];
  uint16_t next_capability; // where the next one goes; 0: 0x40
  struct PciMsix *msix;     // pci-msix.h; NULL: none
  // Set by the host when added.
  uint8_t slot, function;
  PciHost *host;
  PciFunction *bridge; // it is the one device behind this; NULL: on bus 0
  PciFunction *child;  // of a bridge: what is behind it; NULL: nothing
  uint8_t bus; // behind a bridge, as the guest has numbered it; written under the host's lock
  bool intx_level, intx_masked, intx_driven; // the host's INTx lock
  // Capability registers with side effects; optional. Called with the host's lock held.
  uint32_t (*config_read) (PciFunction *fn, unsigned offset, unsigned size, uint32_t value);
  void (*config_write) (PciFunction *fn, unsigned offset, unsigned size, uint32_t value);
  // The bus it is on was reset, behind a bridge; optional. The I/O thread.
  void (*reset) (PciFunction *fn);
  void *opaque;
};

// The header fields every function needs; then bars and capabilities are added.
void pci_function_init (PciFunction *fn, uint16_t vendor, uint16_t device, uint16_t subsystem,
                        const uint8_t class_code[3], uint8_t revision);
void pci_function_set_bar (PciFunction *fn, unsigned bar, const PciBar *desc);
// Returns the offset of the capability; `bytes` includes the two header bytes. The rest is the
// caller's to fill in.
unsigned pci_function_add_capability (PciFunction *fn, uint8_t id, unsigned bytes);
// The PCI Express capability (PCI Express 3.0 §7.8), of a device with the simplest of links; its
// offset.
unsigned pci_function_add_express (PciFunction *fn, unsigned type);
enum {
  PCI_EXPRESS_ENDPOINT = 0,
  PCI_EXPRESS_ROOT_PORT = 4,
};
// Level of the function's INTx pin (honours Interrupt Disable and MSI-X, which takes its place, and
// reports Interrupt Status).
void pci_function_set_intx (PciFunction *fn, bool level);
// Power-on values (0) of the guest-writable registers; INTx low.
void pci_function_reset (PciFunction *fn);
void pci_function_save (const PciFunction *fn, StateWriter *writer);
bool pci_function_load (PciFunction *fn, StateReader *reader, GError **error);

// The host bridge, a Device: bus 0, and behind each root port there (pci-port.h) a bus with one
// device. Windows as in the platform's table; intx are the four lines INTA..D,
// swizzled by slot.
typedef struct PciHostConfig {
  GuestAddr ecam_base;
  uint64_t ecam_bytes;
  GuestAddr mmio32_base;
  uint64_t mmio32_bytes;
  GuestAddr mmio64_base;
  uint64_t mmio64_bytes;
  GuestAddr pio_base;
  uint64_t pio_bytes;
  IrqLine intx[4];
  MsiSink msi; // send NULL: there is none, messages only reach RAM
} PciHostConfig;

Device *pci_host_new (const PciHostConfig *config);
// Before the machine runs, with BARs and capabilities in place; slot 1..31 must be free (0 is the
// host bridge's own function). Does not own fn.
void pci_host_add (Device *host, PciFunction *fn, unsigned slot);
// One of several functions of a device: 0, which there has to be, or 1..7.
void pci_host_add_function (Device *host, PciFunction *fn, unsigned slot, unsigned function);
// Behind a bridge on bus 0, as device 0 of its bus, and away from there. With every vCPU parked, or
// before the machine runs.
void pci_host_plug (Device *host, PciFunction *bridge, PciFunction *fn);
void pci_host_unplug (Device *host, PciFunction *bridge);
