// SPDX-License-Identifier: GPL-3.0-or-later
// Parts of scattered buffers. Any thread.
#pragma once

#include <stdint.h>
#include <sys/uio.h>

uint64_t block_iov_bytes (const struct iovec *iov, unsigned n_iov);
// Puts what lies from byte `skip` on, `length` bytes at most, into `to`, which has room for
// `n_to` segments; how many there are.
unsigned block_iov_slice (struct iovec *to, unsigned n_to, const struct iovec *from,
                          unsigned n_from, uint64_t skip, uint64_t length);
// From byte `skip` on; inside the buffers.
void block_iov_zero (const struct iovec *iov, unsigned n_iov, uint64_t skip, uint64_t length);
void block_iov_put (const struct iovec *iov, unsigned n_iov, uint64_t skip, const void *from,
                    uint64_t length);
