// SPDX-License-Identifier: GPL-3.0-or-later
// Opening images by format, and the images they are based on. Any thread that may wait.
#include "engine/block/image.h"

#include <errno.h>
#include <gio/gio.h>
#include <glib/gi18n.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/block/import/import.h"
#include "engine/block/qcow2/qcow2.h"
#include "engine/block/raw.h"

// One image being opened, and what it was opened for.
struct BlockChain {
  const BlockChain *above; // NULL: the one asked for
  const char *path;
  BlockImageFlags flags;
  unsigned depth;
  bool guessed; // its format was not recorded: may not name further files
  struct stat st;
};

static const char *const names[] = {
    [BLOCK_FORMAT_RAW] = "raw",   [BLOCK_FORMAT_QCOW2] = "qcow2", [BLOCK_FORMAT_VDI] = "vdi",
    [BLOCK_FORMAT_VMDK] = "vmdk", [BLOCK_FORMAT_VHDX] = "vhdx",
};

const char *
block_format_get_name (BlockFormat format)
{
  return names[format];
}

bool
block_format_from_name (const char *name, BlockFormat *format)
{
  for (unsigned i = 0; i < G_N_ELEMENTS (names); i++)
    if (strcmp (name, names[i]) == 0) {
      *format = i;
      return true;
    }
  return false;
}

const char *
block_chain_get_path (const BlockChain *chain)
{
  return chain->path;
}

static bool
probe_file (BlockFile *file, BlockFormat *format)
{
  uint8_t head[64] = {0};
  const struct iovec iov = {head, sizeof head};
  *format = BLOCK_FORMAT_RAW;
  if (block_file_readv_padded (file, &iov, 1, 0) != 0)
    return false;
  if (memcmp (head, "QFI\xfb", 4) == 0)
    *format = BLOCK_FORMAT_QCOW2;
  else
    import_probe (head, format);
  return true;
}

bool
block_image_probe (const char *path, BlockFormat *format, GError **error)
{
  BlockFile *file = block_file_open (path, BLOCK_FILE_UNLOCKED, error);
  if (file == NULL)
    return false;
  bool ok = probe_file (file, format);
  block_file_free (file);
  if (!ok)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, _ ("Could not read the disk “%s”."), path);
  return ok;
}

// ---------------------------------------------------------------------------------------------
// Opening

static BlockImage *
open_format (BlockFile *take, BlockFormat format, const BlockChain *chain, GError **error)
{
  if (format == BLOCK_FORMAT_QCOW2)
    return qcow2_open (take, chain->path, chain->flags, chain, error);
  if (format != BLOCK_FORMAT_RAW)
    return import_open (take, chain->path, format, chain->flags & BLOCK_IMAGE_WRITE, error);
  return block_raw_open_file (take, chain->path, chain->flags & BLOCK_IMAGE_WRITE, error);
}

static BlockFile *
open_file (const BlockChain *chain, GError **error)
{
  BlockFileFlags flags = (chain->flags & BLOCK_IMAGE_WRITE ? BLOCK_FILE_WRITE : 0) |
                         (chain->flags & BLOCK_IMAGE_UNLOCKED ? BLOCK_FILE_UNLOCKED : 0);
  return block_file_open (chain->path, flags, error);
}

BlockImage *
block_image_open (const char *path, BlockFormat format, BlockImageFlags flags, GError **error)
{
  BlockChain chain = {.path = path, .flags = flags};
  BlockFile *file = open_file (&chain, error);
  if (file == NULL)
    return NULL;
  if (fstat (block_file_get_fd (file), &chain.st) != 0)
    chain.st = (struct stat){0};
  return open_format (file, format, &chain, error);
}

GQuark
block_image_error_quark (void)
{
  return g_quark_from_static_string ("terrarium-image-error");
}

static void
refuse_for (GError **error, const BlockChain *chain, GQuark domain, int code, const char *why)
{
  g_set_error (error, domain, code, _ ("Could not use the disk “%s”: %s."), chain->path, why);
}

G_GNUC_PRINTF (3, 4)
static void
refuse (GError **error, const BlockChain *chain, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *why = g_strdup_vprintf (format, args);
  va_end (args);
  refuse_for (error, chain, G_IO_ERROR, G_IO_ERROR_FAILED, why);
}

static void
refuse_backing (GError **error, const BlockChain *chain, const char *name)
{
  g_autofree char *why = g_strdup_printf (
      _ ("it is based on the file “%s”, which would be read too; allow that if you trust this "
         "image, or convert it where it comes from"),
      name);
  refuse_for (error, chain, BLOCK_IMAGE_ERROR, BLOCK_IMAGE_ERROR_BACKING, why);
}

// The name as the image has it, from the image's folder. NULL: not a plain file name.
static char *
resolve (const BlockChain *chain, const char *name, GError **error)
{
  const char *colon = strchr (name, ':'), *slash = strchr (name, '/');
  if (colon != NULL && (slash == NULL || colon < slash)) {
    refuse (error, chain,
            _ ("it is based on “%s”, which is not the name of a file; convert it to an image of "
               "its own"),
            name);
    return NULL;
  }
  if (g_path_is_absolute (name))
    return g_strdup (name);
  g_autofree char *folder = g_path_get_dirname (chain->path);
  return g_build_filename (folder, name, NULL);
}

static bool
is_circle (const BlockChain *chain, const struct stat *st)
{
  for (; chain != NULL; chain = chain->above)
    if (chain->st.st_dev == st->st_dev && chain->st.st_ino == st->st_ino)
      return true;
  return false;
}

static bool
choose_format (BlockFile *file, const char *format_name, BlockChain *chain, BlockFormat *format,
               GError **error)
{
  if (format_name != NULL) {
    if (block_format_from_name (format_name, format))
      return true;
    refuse (error, chain, _ ("its format “%s” is not supported; convert it"), format_name);
    return false;
  }
  chain->guessed = true;
  if (probe_file (file, format))
    return true;
  refuse (error, chain, "%s", g_strerror (EIO));
  return false;
}

static BlockImage *
open_below (BlockChain *chain, const char *format_name, GError **error)
{
  BlockFile *file = open_file (chain, error);
  BlockFormat format;
  if (file == NULL)
    return NULL;
  bool ok = fstat (block_file_get_fd (file), &chain->st) == 0;
  if (!ok)
    refuse (error, chain, "%s", g_strerror (errno));
  else if (is_circle (chain->above, &chain->st)) {
    refuse (error, chain, "%s", _ ("it is based on itself; it is damaged"));
    ok = false;
  }
  ok = ok && choose_format (file, format_name, chain, &format, error);
  if (ok)
    return open_format (file, format, chain, error);
  block_file_free (file);
  return NULL;
}

BlockImage *
block_image_open_backing (const BlockChain *chain, const char *name, const char *format_name,
                          GError **error)
{
  if (!(chain->flags & BLOCK_IMAGE_ALLOW_BACKING)) {
    refuse_backing (error, chain, name);
    return NULL;
  }
  if (chain->guessed) {
    refuse (error, chain, "%s",
            _ ("it is based on a further file, but the image above does not record its format; "
               "record it there"));
    return NULL;
  }
  if (chain->depth + 2 > BLOCK_CHAIN_MAX) {
    refuse (error, chain, "%s", _ ("it is based on too many images; convert it to one"));
    return NULL;
  }
  g_autofree char *path = resolve (chain, name, error);
  if (path == NULL)
    return NULL;
  BlockChain below = {
      .above = chain,
      .path = path,
      .flags = chain->flags & ~(unsigned) BLOCK_IMAGE_WRITE,
      .depth = chain->depth + 1,
  };
  return open_below (&below, format_name, error);
}

// ---------------------------------------------------------------------------------------------
// Closing

int
block_image_close (BlockImage *image)
{
  if (image == NULL)
    return 0;
  int error = image->read_only ? 0 : image->ops->flush (image->driver);
  block_image_free (image);
  return error;
}

void
block_image_free (BlockImage *image)
{
  if (image == NULL)
    return;
  image->ops->free (image->driver);
  g_free (image);
}

BlockDevice *
block_image_to_device (BlockImage *take)
{
  BlockDevice *device =
      block_device_new (take->ops, take->driver, take->size_bytes, take->read_only);
  g_free (take);
  return device;
}
