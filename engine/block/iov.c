// SPDX-License-Identifier: GPL-3.0-or-later
// Parts of scattered buffers. Any thread; no state.
#include "engine/block/iov.h"

#include <string.h>

uint64_t
block_iov_bytes (const struct iovec *iov, unsigned n_iov)
{
  uint64_t bytes = 0;
  for (unsigned i = 0; i < n_iov; i++)
    bytes += iov[i].iov_len;
  return bytes;
}

unsigned
block_iov_slice (struct iovec *to, unsigned n_to, const struct iovec *from, unsigned n_from,
                 uint64_t skip, uint64_t length)
{
  unsigned n = 0;
  for (unsigned i = 0; i < n_from && n < n_to && length > 0; i++) {
    if (skip >= from[i].iov_len) {
      skip -= from[i].iov_len;
      continue;
    }
    uint64_t bytes = from[i].iov_len - skip;
    if (bytes > length)
      bytes = length;
    to[n].iov_base = (uint8_t *) from[i].iov_base + skip;
    to[n++].iov_len = bytes;
    skip = 0;
    length -= bytes;
  }
  return n;
}

// Zeroes when `from` is NULL.
static void
fill (const struct iovec *iov, unsigned n_iov, uint64_t skip, const uint8_t *from, uint64_t length)
{
  struct iovec part;
  while (length > 0 && block_iov_slice (&part, 1, iov, n_iov, skip, length) == 1) {
    if (from == NULL) {
      memset (part.iov_base, 0, part.iov_len);
    } else {
      memcpy (part.iov_base, from, part.iov_len);
      from += part.iov_len;
    }
    skip += part.iov_len;
    length -= part.iov_len;
  }
}

void
block_iov_zero (const struct iovec *iov, unsigned n_iov, uint64_t skip, uint64_t length)
{
  fill (iov, n_iov, skip, NULL, length);
}

void
block_iov_put (const struct iovec *iov, unsigned n_iov, uint64_t skip, const void *from,
               uint64_t length)
{
  fill (iov, n_iov, skip, from, length);
}
