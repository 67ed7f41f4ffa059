// SPDX-License-Identifier: GPL-3.0-or-later
// The driver's side of an HDA controller, for tests: a small machine without CPUs, a PCI host with the
// controller behind it, a clock that stands until it is moved. Threads: the test's own.
#pragma once

#include "engine/hw/hda.h"
#include "engine/snapshot/state.h"
#include "engine/vm/vm.h"
#include "tests/support/test-sound.h"

enum {
  HDA_GUEST_RAM_BASE = 0x40000000,
  HDA_GUEST_RAM_BYTES = 4 << 20,
  HDA_GUEST_CORB = HDA_GUEST_RAM_BASE,
  HDA_GUEST_RIRB = HDA_GUEST_RAM_BASE + 0x1000,
  HDA_GUEST_LIST = HDA_GUEST_RAM_BASE + 0x2000, // of each stream, 4 KiB apart
  HDA_GUEST_POSITIONS = HDA_GUEST_RAM_BASE + 0x8000,
  HDA_GUEST_DATA = HDA_GUEST_RAM_BASE + 0x100000,
};

typedef struct HdaGuest {
  Vm vm; // bus, loop, clock and log only
  VmRam *ram;
  Device *pci, *hda;
  PciFunction first; // of the same device
  TestSound *sound;
  unsigned corb;  // write pointer
  int n_messages; // atomic
  int pin;        // atomic
} HdaGuest;

HdaGuest *hda_guest_new (void);
void hda_guest_free (HdaGuest *guest);

uint32_t hda_guest_read (HdaGuest *guest, unsigned offset, unsigned size);
void hda_guest_write (HdaGuest *guest, unsigned offset, uint32_t value, unsigned size);
uint32_t hda_guest_read_config (HdaGuest *guest, unsigned offset, unsigned size);
void hda_guest_write_config (HdaGuest *guest, unsigned offset, uint32_t value, unsigned size);
void *hda_guest_ptr (HdaGuest *guest, GuestAddr addr);
void hda_guest_set_time (HdaGuest *guest, int64_t now_ns);

// Out of reset, with command rings.
void hda_guest_start (HdaGuest *guest);
// One verb by the rings; its response.
uint32_t hda_guest_do (HdaGuest *guest, unsigned node, unsigned verb, unsigned payload);
// An entry of a stream's list.
void hda_guest_set_entry (HdaGuest *guest, unsigned stream, unsigned i, GuestAddr addr,
                          uint32_t bytes, uint32_t flags);

// Of the machine.
void hda_guest_quiesce (HdaGuest *guest);
void hda_guest_resume (HdaGuest *guest);
void hda_guest_reset (HdaGuest *guest);
GBytes *hda_guest_save (HdaGuest *guest);
bool hda_guest_load (HdaGuest *guest, GBytes *state);
