// SPDX-License-Identifier: GPL-3.0-or-later
// Reading the images of other programs by the table a parser made. See import.h for the threads;
// nothing changes after opening but the one block that was unpacked last, under its lock.
#include <errno.h>
#include <gio/gio.h>
#include <glib/gi18n.h>
#include <string.h>
#include <zlib.h>

#include "engine/block/import/import-priv.h"
#include "engine/block/iov.h"

enum {
  PACKED_MARKER_BYTES = 12, // sector number, length
  PACKED_BYTES_MAX = 4 << 20,
};

// ---------------------------------------------------------------------------------------------
// For the parsers

bool
import_refuse (const Import *import, GError **error, const char *why)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, _ ("Could not use the disk “%s”: %s."),
               import->path, why);
  return false;
}

bool
import_refuse_damaged (const Import *import, GError **error)
{
  return import_refuse (import, error, _ ("it is damaged or cut short; take a complete copy"));
}

bool
import_refuse_based (const Import *import, GError **error)
{
  return import_refuse (import, error,
                        _ ("it is based on another image; join them in the program that made it"));
}

bool
import_read (Import *import, void *to, size_t length, uint64_t offset, GError **error)
{
  int code = offset > INT64_MAX ? EIO : block_file_read (import->file, to, length, offset);
  if (code == 0)
    return true;
  return code == EIO ? import_refuse_damaged (import, error)
                     : import_refuse (import, error, g_strerror (code));
}

bool
import_make_table (Import *import, GError **error)
{
  uint64_t block = import->block_bytes;
  if (block < BLOCK_SECTOR_BYTES || (block & (block - 1)) != 0 || block > INT64_C (1) << 30 ||
      import->size_bytes == 0 || import->size_bytes % BLOCK_SECTOR_BYTES != 0 ||
      import->size_bytes > INT64_MAX / 2)
    return import_refuse_damaged (import, error);
  import->n_blocks = (import->size_bytes - 1) / block + 1;
  if (import->n_blocks > IMPORT_BLOCKS_MAX)
    return import_refuse (import, error, _ ("it is larger than can be read"));
  import->hosts = g_new0 (uint64_t, import->n_blocks);
  return true;
}

// ---------------------------------------------------------------------------------------------
// Reading

// Into import->unpacked.
static int
unpack (Import *import, uint64_t host)
{
  uint8_t marker[PACKED_MARKER_BYTES];
  int error = block_file_read (import->file, marker, sizeof marker, host);
  uint64_t length = error == 0 ? import_get (marker, 8, 4) : 0;
  if (error != 0 || length == 0 || length > PACKED_BYTES_MAX)
    return error != 0 ? error : EIO;
  g_autofree uint8_t *packed = g_malloc (length);
  error = block_file_read (import->file, packed, length, host + sizeof marker);
  if (error != 0)
    return error;
  if (import->unpacked == NULL)
    import->unpacked = g_malloc (import->block_bytes);
  uLongf unpacked = import->block_bytes;
  import->unpacked_host = 0;
  if (uncompress (import->unpacked, &unpacked, packed, length) != Z_OK)
    return EIO;
  // The disk's last block may be a shorter one.
  memset (import->unpacked + unpacked, 0, import->block_bytes - unpacked);
  import->unpacked_host = host;
  return 0;
}

static int
read_packed (Import *import, uint64_t host, uint64_t skip, const struct iovec *iov, unsigned n_iov,
             uint64_t done, uint64_t length)
{
  int error = 0;
  g_mutex_lock (&import->lock);
  if (import->unpacked_host != host)
    error = unpack (import, host);
  if (error == 0)
    block_iov_put (iov, n_iov, done, import->unpacked + skip, length);
  g_mutex_unlock (&import->lock);
  return error;
}

static int
read_block (Import *import, const struct iovec *iov, unsigned n_iov, struct iovec *scratch,
            uint64_t done, uint64_t offset, uint64_t length)
{
  uint64_t host = import->hosts[offset / import->block_bytes], skip = offset % import->block_bytes;
  if (host == 0) {
    block_iov_zero (iov, n_iov, done, length);
    return 0;
  }
  if (import->packed)
    return read_packed (import, host, skip, iov, n_iov, done, length);
  unsigned n = block_iov_slice (scratch, n_iov, iov, n_iov, done, length);
  return block_file_readv_padded (import->file, scratch, n, host + skip);
}

static int
import_read_op (void *driver, const struct iovec *iov, unsigned n_iov, uint64_t offset)
{
  Import *import = driver;
  g_autofree struct iovec *scratch = g_new (struct iovec, n_iov);
  uint64_t length = block_iov_bytes (iov, n_iov), bytes;
  int error = 0;
  for (uint64_t done = 0; done < length && error == 0; done += bytes) {
    uint64_t at = offset + done;
    bytes = MIN (length - done, import->block_bytes - at % import->block_bytes);
    error = read_block (import, iov, n_iov, scratch, done, at, bytes);
  }
  return error;
}

static int
import_get_extent (void *driver, uint64_t offset, uint64_t length, BlockExtent *extent)
{
  const Import *import = driver;
  uint64_t host = import->hosts[offset / import->block_bytes], skip = offset % import->block_bytes;
  *extent = (BlockExtent){
      .kind = host != 0 ? BLOCK_EXTENT_DATA : BLOCK_EXTENT_ABSENT,
      .length = MIN (length, import->block_bytes - skip),
      .compressed = host != 0 && import->packed,
      .has_host = host != 0 && !import->packed,
      .host = host + skip,
  };
  return 0;
}

static int
refuse_range (void *driver, uint64_t offset, uint64_t length)
{
  return EROFS;
}

static int
refuse_zeroes (void *driver, uint64_t offset, uint64_t length, bool may_unmap)
{
  return EROFS;
}

static int
refuse_write (void *driver, const struct iovec *iov, unsigned n_iov, uint64_t offset)
{
  return EROFS;
}

static int
flush_nothing (void *driver)
{
  return 0;
}

static void
import_free (void *driver)
{
  Import *import = driver;
  block_file_free (import->file);
  g_mutex_clear (&import->lock);
  g_free (import->hosts);
  g_free (import->unpacked);
  g_free (import);
}

static const BlockDriverOps import_ops = {
    .name = "import",
    .read = import_read_op,
    .write = refuse_write,
    .flush = flush_nothing,
    .discard = refuse_range,
    .write_zeroes = refuse_zeroes,
    .get_extent = import_get_extent,
    .free = import_free,
};

// ---------------------------------------------------------------------------------------------
// Opening

bool
import_probe (const uint8_t head[64], BlockFormat *format)
{
  if (memcmp (head, "KDMV", 4) == 0 || memcmp (head, "# Disk DescriptorFile", 21) == 0)
    *format = BLOCK_FORMAT_VMDK;
  else if (memcmp (head, "vhdxfile", 8) == 0)
    *format = BLOCK_FORMAT_VHDX;
  else if (memcmp (head, "<<< ", 4) == 0 && memmem (head, 64, "Disk Image >>>", 14) != NULL)
    *format = BLOCK_FORMAT_VDI;
  else
    return false;
  return true;
}

static bool
parse (Import *import, BlockFormat format, bool write, GError **error)
{
  if (write)
    return import_refuse (import, error, _ ("such an image can only be read; convert it to qcow2"));
  int code = block_file_get_size (import->file, &import->file_bytes);
  if (code != 0)
    return import_refuse (import, error, g_strerror (code));
  if (format == BLOCK_FORMAT_VDI)
    return import_parse_vdi (import, error);
  return format == BLOCK_FORMAT_VMDK ? import_parse_vmdk (import, error)
                                     : import_parse_vhdx (import, error);
}

BlockImage *
import_open (BlockFile *take, const char *path, BlockFormat format, bool write, GError **error)
{
  Import *import = g_new0 (Import, 1);
  import->file = take;
  import->path = path;
  g_mutex_init (&import->lock);
  bool ok = parse (import, format, write, error);
  import->path = NULL;
  if (!ok) {
    import_free (import);
    return NULL;
  }
  BlockImage *image = g_new0 (BlockImage, 1);
  image->ops = &import_ops;
  image->driver = import;
  image->format = format;
  image->size_bytes = import->size_bytes;
  image->read_only = true;
  return image;
}
