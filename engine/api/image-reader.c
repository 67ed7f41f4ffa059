// SPDX-License-Identifier: GPL-3.0-or-later
// Reading what a disk image holds, for those who look into it. Any thread that may wait.
#include <errno.h>
#include <glib/gi18n.h>

#include "engine/api/image-priv.h"

struct VmImageReader {
  BlockImage *image;
  char *path;
};

VmImageReader *
vm_image_reader_new (const char *path, VmImageFormat format, GError **error)
{
  BlockImage *image = block_image_open (path, (BlockFormat) format,
                                        BLOCK_IMAGE_UNLOCKED | BLOCK_IMAGE_NO_BACKING, error);
  if (image == NULL)
    return NULL;
  VmImageReader *reader = g_new0 (VmImageReader, 1);
  reader->image = image;
  reader->path = g_strdup (path);
  return reader;
}

void
vm_image_reader_free (VmImageReader *reader)
{
  if (reader == NULL)
    return;
  block_image_free (reader->image);
  g_free (reader->path);
  g_free (reader);
}

uint64_t
vm_image_reader_get_size (const VmImageReader *reader)
{
  return reader->image->size_bytes;
}

bool
vm_image_reader_read (VmImageReader *reader, uint64_t offset, void *buffer, size_t length,
                      GError **error)
{
  const BlockImage *image = reader->image;
  const struct iovec iov = {buffer, length};

  if (offset % BLOCK_SECTOR_BYTES != 0 || length % BLOCK_SECTOR_BYTES != 0 ||
      offset > image->size_bytes || length > image->size_bytes - offset)
    return image_fail (error, reader->path, EINVAL);
  if (length == 0)
    return true;
  int code = image->ops->read (image->driver, &iov, 1, offset);
  return code == 0 || image_fail (error, reader->path, code);
}
