// SPDX-License-Identifier: GPL-3.0-or-later
// A device that echoes, behind either virtio transport, and a driver for it that works register by
// register.
#pragma once

#include "engine/snapshot/state.h"
#include "engine/virtio/transport.h"
#include "tests/unit/hw/fake-vm.h"

enum {
  RAM = FAKE_RAM_BASE,
  RAM_BYTES = 1 << 20,
  RINGS = 0x8000, // bytes of RAM for each queue
  AVAIL = 0x2000,
  USED = 0x4000,
  DATA = 0x6000,

  MMIO_BASE = 0x0a000000,
  MMIO_BYTES = 0x200,
  SLOT = 3,
  BAR = 0x10000000,
  ISR_BLOCK = 0x1000,
  CONFIG_BLOCK = 0x2000,
  NOTIFY_BLOCK = 0x3000,

  N_QUEUES = 2,
  QUEUE_SIZE = 16,
  DEVICE_FEATURE = 1 << 5,
  DEVICE_ID = 42,
};
#define ECAM 0x4010000000ull

#define V1        (1ull << 32)
#define EVENT_IDX (1ull << 29)

typedef struct Echo {
  VirtioDevice vdev;
  uint8_t config[6];
  unsigned resets, notified, statuses;
  unsigned tried, rested; // queue_try, those at rest
  bool quiet;
  bool busy; // queue_try leaves it
} Echo;

// Registers both transports have.
typedef enum Reg {
  DFSEL,
  DF,
  GFSEL,
  GF,
  STATUS,
  GEN,
  QSEL,
  QMAX,
  QSIZE,
  READY,
  DESC_LO,
  DESC_HI,
  AVAIL_LO,
  AVAIL_HI,
  USED_LO,
  USED_HI,
  N_REGS,
} Reg;

typedef struct Rig {
  FakeVm *fake;
  bool pci;
  Device *host, *device;
  Echo *echo;
  FakeLine line;
} Rig;

// Made anew; fake_vm_free (rig->fake) ends it.
void rig_init (Rig *rig, bool pci);
// The same over PCI with a device that can be served by the vCPU.
void rig_init_quick (Rig *rig);
// PCI: BAR 4 at BAR.
void enable_bar (Rig *rig);
GuestAddr config_addr (const Rig *rig);
void write_reg (Rig *rig, Reg reg, uint32_t value);
uint32_t read_reg (Rig *rig, Reg reg);
// RAM, by offset.
void store (Rig *rig, uint32_t at, uint64_t value, unsigned bytes);
uint64_t load (Rig *rig, uint32_t at, unsigned bytes);
// Negotiates, sets up both queues, DRIVER_OK.
void start (Rig *rig, uint64_t features);
// Makes a chain available: five bytes out, eight in.
void offer (Rig *rig, unsigned queue);
// A chain that loops.
void spoil (Rig *rig, unsigned queue);
void kick (Rig *rig, uint32_t queue);
// Reads and acknowledges.
uint32_t take_isr (Rig *rig);
GBytes *save (Rig *rig);
bool load_state (Rig *rig, GBytes *bytes);
// Into a new machine with the same RAM.
void save_and_load (Rig *rig);
