// SPDX-License-Identifier: GPL-3.0-or-later
// Built without liburing: there is never a ring, and the workers do everything.
#include "engine/block/ring.h"

#include <stddef.h>

BlockRing *
block_ring_new (void)
{
  return NULL;
}

void
block_ring_free (BlockRing *ring)
{
}

bool
block_ring_notify (BlockRing *ring, int event_fd)
{
  return false;
}

bool
block_ring_submit (BlockRing *ring, int fd, bool write, const struct iovec *iov, unsigned n_iov,
                   uint64_t offset, void *tag)
{
  return false;
}

void *
block_ring_reap (BlockRing *ring, bool wait, int64_t *result)
{
  return NULL;
}
