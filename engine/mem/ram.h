// SPDX-License-Identifier: GPL-3.0-or-later
// Guest RAM: one contiguous range of guest physical addresses.
//
// Threads: created and freed while no vCPU runs; the bytes are then shared by every vCPU thread
// and the I/O thread, which access them with naturally sized relaxed atomics (mem/access.h).
#pragma once

#include <glib.h>

#include "engine/structs/types.h"

typedef struct VmRam VmRam;

// Reserves `size_bytes` (a multiple of the host page size) at guest address `base`. Pages are
// zero and take no host memory until touched. Fails with a GError when the host refuses.
VmRam *vm_ram_new (GuestAddr base, uint64_t size_bytes, GError **error);
void vm_ram_free (VmRam *ram);

GuestAddr vm_ram_get_base (const VmRam *ram);
uint64_t vm_ram_get_size_bytes (const VmRam *ram);
// The first byte of the mapping; valid until vm_ram_free.
uint8_t *vm_ram_get_host (const VmRam *ram);
// The next piece from `from` on that may hold something, as offsets: [*start, *end). What is in none
// is zero and, unless a file was mapped, takes no host memory. False: there is no other.
bool vm_ram_next_used (const VmRam *ram, uint64_t from, uint64_t *start, uint64_t *end);
// Host memory in use by the guest's pages, in bytes (touched pages only).
uint64_t vm_ram_get_resident_bytes (const VmRam *ram);
// In place of what is there: the contents of a host file from `offset` on, as long as the memory,
// read when they are used; the file is never written. `filled` says of each piece of `chunk_bytes`
// whether it is anything but zero there. No vCPU may run. 0 or an errno value.
int vm_ram_map_file (VmRam *ram, int fd, uint64_t offset, uint64_t chunk_bytes,
                     const uint64_t *filled);
// A page of that file could not be had: it reads as zeroes, and what is in memory is worth nothing any
// more. The handler is called in a signal handler, on any thread, any number of times: it sets atomics
// and writes to descriptors, no more. Set before vm_ram_map_file.
void vm_ram_set_loss_handler (VmRam *ram, void (*lost) (void *data), void *data);
bool vm_ram_is_lost (const VmRam *ram);
// Gives the host pages back that lie whole in these bytes of some guest RAM, while the machine runs:
// what the guest does not need. Their contents are zero or, after vm_ram_map_file, the file's. The
// number of bytes.
uint64_t vm_ram_discard (void *host, uint64_t bytes);
// Gives every page back to the host: the guest sees zeroes afterwards. No vCPU may run.
void vm_ram_clear (VmRam *ram);
