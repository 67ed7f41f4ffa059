// SPDX-License-Identifier: GPL-3.0-or-later
// Transfers that the kernel carries out while nobody waits (io_uring), where it lets us.
//
// Threads: one at a time; the owner sees to that.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

typedef struct BlockRing BlockRing;

enum {
  BLOCK_RING_ENTRIES = 128,
  BLOCK_RING_IOV_MAX = 1024, // segments of one transfer
};

BlockRing *block_ring_new (void); // NULL: not on this computer
void block_ring_free (BlockRing *ring);
// Completions signal this eventfd.
bool block_ring_notify (BlockRing *ring, int event_fd);
// False: no room now. iov stays the caller's and is used until the transfer is reaped as `tag`.
bool block_ring_submit (BlockRing *ring, int fd, bool write, const struct iovec *iov,
                        unsigned n_iov, uint64_t offset, void *tag);
// A completed transfer: its tag, and how many bytes it moved or a negative errno value. NULL: none
// now. `wait`: until there is one; something must be under way.
void *block_ring_reap (BlockRing *ring, bool wait, int64_t *result);
