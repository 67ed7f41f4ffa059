// SPDX-License-Identifier: GPL-3.0-or-later
// io_uring through liburing. One thread at a time.
#include "engine/block/ring.h"

#include <errno.h>
#include <glib.h>
#include <liburing.h>

struct BlockRing {
  struct io_uring uring;
};

BlockRing *
block_ring_new (void)
{
  BlockRing *ring = g_new0 (BlockRing, 1);
  if (io_uring_queue_init (BLOCK_RING_ENTRIES, &ring->uring, 0) == 0)
    return ring;
  g_free (ring);
  return NULL;
}

void
block_ring_free (BlockRing *ring)
{
  if (ring == NULL)
    return;
  io_uring_queue_exit (&ring->uring);
  g_free (ring);
}

bool
block_ring_notify (BlockRing *ring, int event_fd)
{
  return io_uring_register_eventfd (&ring->uring, event_fd) == 0;
}

bool
block_ring_submit (BlockRing *ring, int fd, bool write, const struct iovec *iov, unsigned n_iov,
                   uint64_t offset, void *tag)
{
  struct io_uring_sqe *sqe = io_uring_get_sqe (&ring->uring);
  if (sqe == NULL)
    return false;
  if (write)
    io_uring_prep_writev (sqe, fd, iov, n_iov, offset);
  else
    io_uring_prep_readv (sqe, fd, iov, n_iov, offset);
  io_uring_sqe_set_data (sqe, tag);
  int taken;
  // The kernel is short of something for a moment.
  while ((taken = io_uring_submit (&ring->uring)) == -EAGAIN || taken == -EBUSY || taken == -EINTR)
    g_thread_yield ();
  return true;
}

void *
block_ring_reap (BlockRing *ring, bool wait, int64_t *result)
{
  struct io_uring_cqe *cqe = NULL;
  int error;
  do
    error = wait ? io_uring_submit_and_wait (&ring->uring, 1) : 0;
  while (error == -EINTR);
  if (io_uring_peek_cqe (&ring->uring, &cqe) != 0 || cqe == NULL)
    return NULL;
  void *tag = io_uring_cqe_get_data (cqe);
  *result = cqe->res;
  io_uring_cqe_seen (&ring->uring, cqe);
  return tag;
}
