// SPDX-License-Identifier: GPL-3.0-or-later
// What every file under an image does alike, whatever it is made of: whole transfers, padding
// behind the end, zeroes written when there is no better way, syncs that stay failed.
//
// Threads: any, several at once.
#include "engine/block/file.h"

#include <errno.h>

#include "engine/block/file-priv.h"
#include "engine/block/iov.h"

struct BlockFile {
  const BlockFileOps *ops;
  void *impl;
  int sync_error; // of the first that failed; atomic
};

enum {
  ZEROES_BYTES = 65536,
};

static const uint8_t zeroes[ZEROES_BYTES];

BlockFile *
block_file_new (const BlockFileOps *ops, void *take)
{
  BlockFile *file = g_new0 (BlockFile, 1);
  file->ops = ops;
  file->impl = take;
  return file;
}

void
block_file_free (BlockFile *file)
{
  if (file == NULL)
    return;
  file->ops->free (file->impl);
  g_free (file);
}

void *
block_file_get_impl (const BlockFile *file, const BlockFileOps *ops)
{
  return file->ops == ops ? file->impl : NULL;
}

int
block_file_readv (BlockFile *file, const struct iovec *iov, unsigned n_iov, uint64_t offset)
{
  uint64_t done;
  int error = file->ops->read (file->impl, iov, n_iov, offset, &done);
  return error == 0 && done < block_iov_bytes (iov, n_iov) ? EIO : error;
}

int
block_file_readv_padded (BlockFile *file, const struct iovec *iov, unsigned n_iov, uint64_t offset)
{
  uint64_t done, bytes = block_iov_bytes (iov, n_iov);
  int error = file->ops->read (file->impl, iov, n_iov, offset, &done);
  if (error == 0 && done < bytes)
    block_iov_zero (iov, n_iov, done, bytes - done);
  return error;
}

int
block_file_read (BlockFile *file, void *to, size_t length, uint64_t offset)
{
  const struct iovec iov = {to, length};
  return block_file_readv (file, &iov, 1, offset);
}

int
block_file_writev (BlockFile *file, const struct iovec *iov, unsigned n_iov, uint64_t offset)
{
  return file->ops->write (file->impl, iov, n_iov, offset);
}

bool
block_file_try (BlockFile *file, bool write, const struct iovec *iov, unsigned n_iov,
                uint64_t offset, uint64_t length)
{
  return file->ops->try != NULL && file->ops->try (file->impl, write, iov, n_iov, offset, length);
}

int
block_file_write (BlockFile *file, const void *from, size_t length, uint64_t offset)
{
  const struct iovec iov = {(void *) from, length};
  return block_file_writev (file, &iov, 1, offset);
}

int
block_file_sync (BlockFile *file)
{
  int error = __atomic_load_n (&file->sync_error, __ATOMIC_ACQUIRE);
  if (error != 0)
    return error;
  error = file->ops->sync (file->impl);
  // The host forgets what it had no room for: trying again would look well and lose it.
  if (error == ENOSPC || error == EDQUOT)
    error = EIO;
  if (error != 0)
    __atomic_store_n (&file->sync_error, error, __ATOMIC_RELEASE);
  return error;
}

static bool
is_unsupported (int error)
{
  return error == EOPNOTSUPP || error == ENOSYS || error == ENODEV || error == EINVAL;
}

int
block_file_punch (BlockFile *file, uint64_t offset, uint64_t length)
{
  int error = file->ops->punch (file->impl, offset, length);
  return is_unsupported (error) ? 0 : error;
}

static int
write_zero_bytes (BlockFile *file, uint64_t offset, uint64_t length)
{
  while (length > 0) {
    size_t bytes = length < ZEROES_BYTES ? length : ZEROES_BYTES;
    int error = block_file_write (file, zeroes, bytes, offset);
    if (error != 0)
      return error;
    offset += bytes;
    length -= bytes;
  }
  return 0;
}

int
block_file_write_zeroes (BlockFile *file, uint64_t offset, uint64_t length, bool may_unmap)
{
  int error = EOPNOTSUPP;
  if (may_unmap)
    error = file->ops->punch (file->impl, offset, length);
  if (is_unsupported (error))
    error = file->ops->zero (file->impl, offset, length);
  if (is_unsupported (error))
    error = write_zero_bytes (file, offset, length);
  return error;
}

int
block_file_get_size (BlockFile *file, uint64_t *bytes)
{
  return file->ops->get_size (file->impl, bytes);
}

int
block_file_set_size (BlockFile *file, uint64_t bytes)
{
  return file->ops->set_size (file->impl, bytes);
}

uint64_t
block_file_get_run (BlockFile *file, uint64_t offset, uint64_t length, bool *hole)
{
  uint64_t end = offset + length, found;
  *hole = false;
  if (file->ops->seek == NULL)
    return length;
  int error = file->ops->seek (file->impl, offset, false, &found);
  // ENXIO: no data from here on.
  *hole = error == ENXIO || (error == 0 && found > offset);
  if (error == ENXIO)
    return length;
  if (error == 0 && !*hole)
    error = file->ops->seek (file->impl, offset, true, &found);
  return error != 0 || found >= end ? length : found - offset;
}
