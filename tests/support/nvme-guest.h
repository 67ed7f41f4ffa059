// SPDX-License-Identifier: GPL-3.0-or-later
// The driver's side of an NVMe controller, for tests: a small machine without CPUs, a PCI host with
// the controller behind it, queues in guest memory. Threads: the test's own.
#pragma once

#include "engine/hw/nvme.h"
#include "engine/snapshot/state.h"
#include "engine/vm/vm.h"

enum {
  NVME_GUEST_RAM_BASE = 0x40000000,
  NVME_GUEST_RAM_BYTES = 16 << 20,
  NVME_GUEST_QUEUES = 2, // for I/O
  NVME_GUEST_ENTRIES = 16,
  NVME_GUEST_DATA = NVME_GUEST_RAM_BASE + (1 << 20), // pages for data
};

typedef struct NvmeGuestCommand {
  uint32_t words[16];
} NvmeGuestCommand;

typedef struct NvmeGuestQueue {
  GuestAddr sq, cq;
  unsigned tail, head;
  bool phase;
} NvmeGuestQueue;

typedef struct NvmeGuest {
  Vm vm; // bus, loop, clock and log only
  VmRam *ram;
  Device *pci, *nvme;
  NvmeGuestQueue queues[NVME_GUEST_QUEUES + 1];
  int n_messages; // atomic
  int pin;        // atomic
} NvmeGuest;

NvmeGuest *nvme_guest_new (BlockDevice *take);
void nvme_guest_free (NvmeGuest *guest);

// The controller's registers.
uint64_t nvme_guest_read (NvmeGuest *guest, unsigned offset, unsigned size);
void nvme_guest_write (NvmeGuest *guest, unsigned offset, uint64_t value, unsigned size);
void *nvme_guest_ptr (NvmeGuest *guest, GuestAddr addr);

// Enables it with admin queues; then makes the queues for I/O, each with its completion queue.
void nvme_guest_enable (NvmeGuest *guest);
void nvme_guest_start (NvmeGuest *guest, bool messages);
// Puts a command into a queue and rings; the identifier is the caller's.
void nvme_guest_submit (NvmeGuest *guest, unsigned queue, const NvmeGuestCommand *command);
// Takes the next completion: four words. False after a very generous time.
bool nvme_guest_wait (NvmeGuest *guest, unsigned queue, uint32_t words[4]);
// Lets the I/O thread do what it has to do; whether there is a completion.
void nvme_guest_settle (NvmeGuest *guest);
bool nvme_guest_has (NvmeGuest *guest, unsigned queue);
// Submit and wait: the status, without phase and do-not-retry.
unsigned nvme_guest_do (NvmeGuest *guest, unsigned queue, const NvmeGuestCommand *command,
                        uint32_t *result);
// Of the machine.
void nvme_guest_quiesce (NvmeGuest *guest);
void nvme_guest_resume (NvmeGuest *guest);
void nvme_guest_reset (NvmeGuest *guest);
GBytes *nvme_guest_save (NvmeGuest *guest);
bool nvme_guest_load (NvmeGuest *guest, GBytes *state);
