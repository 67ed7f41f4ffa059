// SPDX-License-Identifier: GPL-3.0-or-later
// The physical address map of one machine: RAM ranges and memory-mapped I/O regions.
//
// Threads: regions are added while the machine is being built, before any vCPU runs; after that
// the map is constant and every function may be called from any thread without a lock. A region
// whose contents move at run time (PCI windows) covers the whole window and dispatches inside.
#pragma once

#include "engine/mem/ram.h"

typedef struct MemBus MemBus;

// A device's registers. Handlers run on vCPU threads, several at once: the device takes its own
// lock, does register work only, and never waits. `offset` is from the start of the region and
// offset + size never leaves it. `size` is 1, 2, 4 or 8 and is in `sizes`; other accesses are
// answered by the bus (reads give 0, writes are ignored).
typedef struct MmioOps {
  uint64_t (*read) (void *opaque, uint64_t offset, unsigned size);
  void (*write) (void *opaque, uint64_t offset, uint64_t value, unsigned size);
  uint8_t sizes;        // sum of the accepted sizes, e.g. 4 or 1 | 2 | 4 | 8
  bool allow_unaligned; // without it, an unaligned access reads 0 / is ignored
} MmioOps;

MemBus *mem_bus_new (void);
void mem_bus_free (MemBus *bus); // does not free RAM or devices

// Both abort on overlap: the map is ours, not the guest's.
void mem_bus_add_ram (MemBus *bus, VmRam *ram);
void mem_bus_add_mmio (MemBus *bus, const char *name, GuestAddr base, uint64_t size_bytes,
                       const MmioOps *ops, void *opaque);
// Memory that CPUs read and execute at `host`, which stays as long as the bus; what they write goes
// to ops->write. Devices do not reach it: it is no RAM.
void mem_bus_add_rom (MemBus *bus, const char *name, GuestAddr base, uint64_t size_bytes,
                      const uint8_t *host, const MmioOps *ops, void *opaque);

// What lies at `addr`.
typedef struct MemRegion {
  GuestAddr base;
  uint64_t size_bytes;
  uint8_t *host;      // RAM: host address of `base`; NULL for others
  const uint8_t *rom; // ROM: the same
  const MmioOps *ops; // MMIO and ROM only
  void *opaque;
  const char *name;
} MemRegion;

// NULL when nothing is mapped there. Valid as long as the bus.
const MemRegion *mem_bus_find (const MemBus *bus, GuestAddr addr);

// One access of 1, 2, 4 or 8 bytes that does not cross a region. False: nothing is mapped there
// (a synchronous external abort for a CPU). Little endian.
bool mem_bus_read (MemBus *bus, GuestAddr addr, unsigned size, uint64_t *value);
bool mem_bus_write (MemBus *bus, GuestAddr addr, unsigned size, uint64_t value);

// Host address of [addr, addr + length) when all of it is in one RAM range, else NULL. The only
// way for a device to reach guest memory: it can never hit another device. length 0 gives NULL.
void *mem_bus_ram_ptr (const MemBus *bus, GuestAddr addr, uint64_t length);
// Copies; false (and nothing copied) when the range is not all RAM.
bool mem_bus_copy_from (const MemBus *bus, GuestAddr addr, void *to, uint64_t length);
bool mem_bus_copy_to (MemBus *bus, GuestAddr addr, const void *from, uint64_t length);
