// SPDX-License-Identifier: GPL-3.0-or-later
// Raw disk images. Opened on any thread; the driver's functions run on any thread, several at
// once, and keep no state but the file.
#include "engine/block/raw.h"

#include <gio/gio.h>
#include <glib/gi18n.h>

static int
raw_read (void *driver, const struct iovec *iov, unsigned n_iov, uint64_t offset)
{
  return block_file_readv (driver, iov, n_iov, offset); // EIO: the file has become shorter
}

static int
raw_write (void *driver, const struct iovec *iov, unsigned n_iov, uint64_t offset)
{
  return block_file_writev (driver, iov, n_iov, offset);
}

static int
raw_flush (void *driver)
{
  return block_file_sync (driver);
}

static int
raw_discard (void *driver, uint64_t offset, uint64_t length)
{
  return block_file_punch (driver, offset, length);
}

static int
raw_write_zeroes (void *driver, uint64_t offset, uint64_t length, bool may_unmap)
{
  return block_file_write_zeroes (driver, offset, length, may_unmap);
}

static bool
raw_map (void *driver, bool write, uint64_t offset, uint64_t length, BlockMapping *mapping)
{
  mapping->file = driver;
  mapping->fd = block_file_get_fd (driver);
  mapping->offset = offset;
  return mapping->fd >= 0;
}

static void
raw_unmap (void *driver, BlockMapping *mapping)
{
}

static int
raw_get_extent (void *driver, uint64_t offset, uint64_t length, BlockExtent *extent)
{
  bool hole;
  extent->length = block_file_get_run (driver, offset, length, &hole);
  extent->kind = hole ? BLOCK_EXTENT_ZERO : BLOCK_EXTENT_DATA;
  extent->depth = 0;
  extent->host = offset;
  extent->has_host = true;
  return 0;
}

static void
raw_free (void *driver)
{
  block_file_free (driver);
}

static const BlockDriverOps raw_ops = {
    .name = "raw",
    .read = raw_read,
    .write = raw_write,
    .flush = raw_flush,
    .discard = raw_discard,
    .write_zeroes = raw_write_zeroes,
    .get_extent = raw_get_extent,
    .map = raw_map,
    .unmap = raw_unmap,
    .free = raw_free,
};

static bool
get_size (BlockFile *file, const char *path, uint64_t *size, GError **error)
{
  int code = block_file_get_size (file, size);
  const char *what;
  if (code != 0)
    what = g_strerror (code);
  else if (*size == 0)
    what = _ ("it is empty; choose another disk image");
  else if (*size % BLOCK_SECTOR_BYTES != 0)
    what = _ ("its size is not a multiple of 512 bytes; it is cut short or not a raw disk image");
  else
    return true;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, _ ("Could not use the disk “%s”: %s."), path,
               what);
  return false;
}

BlockImage *
block_raw_open_file (BlockFile *take, const char *path, bool write, GError **error)
{
  uint64_t size;
  if (!get_size (take, path, &size, error)) {
    block_file_free (take);
    return NULL;
  }
  BlockImage *image = g_new0 (BlockImage, 1);
  image->ops = &raw_ops;
  image->driver = take;
  image->format = BLOCK_FORMAT_RAW;
  image->size_bytes = size;
  image->read_only = !write;
  return image;
}
