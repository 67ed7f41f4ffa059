// SPDX-License-Identifier: GPL-3.0-or-later
// Making and converting disk images. What is made grows under a temporary name in the same folder
// and takes its own name when it is complete and on stable storage. Any thread that may wait.
#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/api/image-priv.h"
#include "engine/block/qcow2/qcow2.h"
#include "engine/block/raw.h"

enum {
  COPY_BYTES = 1 << 20,
  ZERO_BYTES = 4096, // runs of zeroes shorter than that are data
};

// ---------------------------------------------------------------------------------------------
// The temporary file

typedef struct NewFile {
  const char *path;
  char *temporary;
  BlockFile *file; // until an image takes it
} NewFile;

static bool
fail_making (GError **error, const char *path, int code)
{
  if (code == EEXIST)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_EXISTS,
                 _ ("“%s” exists already; choose another name."), path);
  else if (code == EINVAL)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                 _ ("“%s” cannot have this size, cluster size or base; choose others."), path);
  else if (code == EFBIG)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                 _ ("“%s” cannot be so large with such small clusters; choose larger ones."), path);
  else
    return image_fail (error, path, code);
  return false;
}

static bool
new_file_begin (NewFile *made, const char *path, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (path), *name = g_path_get_basename (path);
  *made = (NewFile){.path = path};
  if (g_file_test (path, G_FILE_TEST_EXISTS | G_FILE_TEST_IS_SYMLINK))
    return fail_making (error, path, EEXIST);
  made->temporary = g_strdup_printf ("%s/.%.200s.XXXXXX", folder, name);
  int fd = g_mkstemp_full (made->temporary, O_RDWR | O_CLOEXEC, 0666);
  if (fd < 0) {
    int code = errno;
    g_clear_pointer (&made->temporary, g_free);
    return fail_making (error, path, code);
  }
  made->file = block_file_new_for_fd (fd);
  return true;
}

static int
sync_folder (const char *path)
{
  g_autofree char *folder = g_path_get_dirname (path);
  int fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return errno;
  int code = fsync (fd) == 0 ? 0 : errno;
  close (fd);
  return code == EINVAL ? 0 : code; // a file system that cannot
}

static int
take_name (const NewFile *made)
{
  if (renameat2 (AT_FDCWD, made->temporary, AT_FDCWD, made->path, RENAME_NOREPLACE) == 0)
    return 0;
  if (errno != EINVAL && errno != ENOSYS)
    return errno;
  // The file system knows only the plain one.
  if (g_file_test (made->path, G_FILE_TEST_EXISTS | G_FILE_TEST_IS_SYMLINK))
    return EEXIST;
  return rename (made->temporary, made->path) == 0 ? 0 : errno;
}

// Success so far: it gets its name. Otherwise nothing stays.
static bool
new_file_end (NewFile *made, int code, GError **error)
{
  block_file_free (made->file);
  if (code == 0)
    code = take_name (made);
  if (code == 0)
    code = sync_folder (made->path);
  else
    g_unlink (made->temporary);
  g_free (made->temporary);
  return code == 0 || fail_making (error, made->path, code);
}

// ---------------------------------------------------------------------------------------------
// Making

static int
make_qcow2 (BlockFile *file, const VmImageCreate *options)
{
  Qcow2CreateOptions qcow2 = {
      .size_bytes = options->size_bytes,
      .backing = options->backing,
      .backing_format = vm_image_format_get_name (options->backing_format),
  };
  if (options->cluster_bytes != 0) {
    if ((options->cluster_bytes & (options->cluster_bytes - 1)) != 0)
      return EINVAL;
    qcow2.cluster_bits = (unsigned) __builtin_ctzll (options->cluster_bytes);
  }
  return qcow2_create (file, &qcow2);
}

static int
make_empty (BlockFile *file, const VmImageCreate *options)
{
  if (!vm_image_format_can_write (options->format) || options->size_bytes == 0 ||
      options->size_bytes % BLOCK_SECTOR_BYTES != 0 || options->size_bytes > INT64_MAX / 2)
    return EINVAL;
  if (options->format == VM_IMAGE_QCOW2)
    return make_qcow2 (file, options);
  if (options->backing != NULL || options->cluster_bytes != 0)
    return EINVAL;
  int code = block_file_set_size (file, options->size_bytes);
  return code != 0 ? code : block_file_sync (file);
}

// Of the backing file, which must be there and be what it is said to be.
static bool
get_backing_size (const char *path, const VmImageCreate *options, uint64_t *bytes, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (path);
  g_autofree char *backing = g_path_is_absolute (options->backing)
                                 ? g_strdup (options->backing)
                                 : g_build_filename (folder, options->backing, NULL);
  g_autoptr (VmImageInfo) info = vm_image_get_info (backing, options->backing_format, error);
  if (info == NULL)
    return false;
  *bytes = info->size_bytes;
  return true;
}

bool
vm_image_create (const char *path, const VmImageCreate *options, GError **error)
{
  VmImageCreate complete = *options;
  uint64_t backing_bytes = 0;
  NewFile made;
  if (options->backing != NULL && !get_backing_size (path, options, &backing_bytes, error))
    return false;
  if (complete.size_bytes == 0)
    complete.size_bytes = backing_bytes;
  if (!new_file_begin (&made, path, error))
    return false;
  return new_file_end (&made, make_empty (made.file, &complete), error);
}

// ---------------------------------------------------------------------------------------------
// Converting

static bool
is_zero (const uint8_t *bytes, size_t length)
{
  return bytes[0] == 0 && memcmp (bytes, bytes + 1, length - 1) == 0;
}

// Writes what is not zero of a piece; the new image is empty.
static int
write_sparse (const BlockImage *to, uint8_t *bytes, size_t length, uint64_t offset)
{
  size_t at = 0;
  while (at < length) {
    size_t end = at;
    while (end < length && is_zero (bytes + end, MIN (ZERO_BYTES, length - end)))
      end += MIN (ZERO_BYTES, length - end);
    at = end;
    while (end < length && !is_zero (bytes + end, MIN (ZERO_BYTES, length - end)))
      end += MIN (ZERO_BYTES, length - end);
    struct iovec iov = {bytes + at, end - at};
    int code = end > at ? to->ops->write (to->driver, &iov, 1, offset + at) : 0;
    if (code != 0)
      return code;
    at = end;
  }
  return 0;
}

typedef struct Copy {
  const BlockImage *from, *to;
  const VmImageJob *job;
  uint8_t *buffer; // COPY_BYTES
  bool reading;    // what failed, if anything did
  // Onto an image with a base: what is deeper is left to that, and zeroes are written.
  bool based;
  unsigned depth;
} Copy;

static int
write_piece (const Copy *copy, struct iovec *iov, uint64_t offset)
{
  if (copy->based)
    return copy->to->ops->write (copy->to->driver, iov, 1, offset);
  return write_sparse (copy->to, iov->iov_base, iov->iov_len, offset);
}

static int
copy_run (Copy *copy, uint64_t offset, uint64_t length)
{
  int code = 0;
  for (uint64_t done = 0; done < length && code == 0; done += COPY_BYTES) {
    struct iovec iov = {copy->buffer, MIN (COPY_BYTES, length - done)};
    if (!image_step (copy->job, (double) (offset + done) / (double) copy->from->size_bytes))
      return ECANCELED;
    code = copy->from->ops->read (copy->from->driver, &iov, 1, offset + done);
    copy->reading = code != 0;
    if (code == 0)
      code = write_piece (copy, &iov, offset + done);
  }
  return code;
}

static int
copy_all (Copy *copy)
{
  BlockExtent extent = {0};
  int code = 0;
  for (uint64_t at = 0; at < copy->from->size_bytes && code == 0; at += extent.length) {
    uint64_t left = copy->from->size_bytes - at;
    code = copy->from->ops->get_extent (copy->from->driver, at, left, &extent);
    copy->reading = code != 0;
    bool left_out =
        copy->based && (extent.kind == BLOCK_EXTENT_ABSENT || extent.depth > copy->depth);
    if (code == 0 && !left_out && extent.kind == BLOCK_EXTENT_ZERO && copy->based)
      code = copy->to->ops->write_zeroes (copy->to->driver, at, extent.length, true);
    else if (code == 0 && !left_out && extent.kind == BLOCK_EXTENT_DATA)
      code = copy_run (copy, at, extent.length);
    else if (code == 0 && !image_step (copy->job, (double) at / (double) copy->from->size_bytes))
      code = ECANCELED;
  }
  return code;
}

static BlockImage *
open_made (NewFile *made, VmImageFormat format, GError **error)
{
  BlockFile *file = made->file;
  made->file = NULL;
  if (format == VM_IMAGE_QCOW2)
    return qcow2_open (file, made->path, BLOCK_IMAGE_WRITE | BLOCK_IMAGE_NO_BACKING, NULL, error);
  return block_raw_open_file (file, made->path, true, error);
}

static bool
fill_made (NewFile *made, const VmImageCreate *options, Copy *copy, const char *from_path,
           GError **error)
{
  int code = make_empty (made->file, options);
  BlockImage *to = code == 0 ? open_made (made, options->format, error) : NULL;
  if (to == NULL && code == 0) {
    new_file_end (made, EIO, NULL);
    return false;
  }
  if (code == 0) {
    copy->to = to;
    copy->buffer = g_malloc (COPY_BYTES);
    code = copy_all (copy);
    g_free (copy->buffer);
    int close_code = block_image_close (to);
    code = code != 0 ? code : close_code;
  }
  if (code != 0 && copy->reading) {
    new_file_end (made, code, NULL);
    return image_fail (error, from_path, code);
  }
  return new_file_end (made, code, error);
}

static bool
convert (const BlockImage *image, const char *from, const char *to, const VmImageCreate *options,
         const VmImageJob *job, GError **error)
{
  NewFile made;
  VmImageCreate complete = *options;
  complete.size_bytes = image->size_bytes;
  Copy copy = {.from = image, .job = job};
  return new_file_begin (&made, to, error) && fill_made (&made, &complete, &copy, from, error);
}

bool
vm_image_convert (const char *from, VmImageFormat from_format, bool allow_backing, const char *to,
                  const VmImageCreate *options, const VmImageJob *job, GError **error)
{
  BlockImage *image = block_image_open (from, (BlockFormat) from_format,
                                        allow_backing ? BLOCK_IMAGE_ALLOW_BACKING : 0, error);
  if (image == NULL)
    return false;
  bool ok = convert (image, from, to, options, job, error);
  block_image_free (image);
  return ok;
}

// An id is what a name may be too: ids come first. Whoever makes images may give several the same.
static bool
find_snapshot (const BlockImage *image, const char *path, const char *which, unsigned *found,
               GError **error)
{
  Qcow2Info info;
  unsigned n_ids = 0, n_names = 0, by_id = 0, by_name = 0;
  qcow2_get_info (image, &info);
  for (unsigned i = info.n_snapshots; i-- > 0;) {
    if (strcmp (info.snapshots[i].id, which) == 0) {
      by_id = i;
      n_ids++;
    } else if (strcmp (info.snapshots[i].name, which) == 0) {
      by_name = i;
      n_names++;
    }
  }
  *found = n_ids > 0 ? by_id : by_name;
  if (n_ids == 1 || (n_ids == 0 && n_names == 1))
    return true;
  if (n_ids + n_names == 0)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                 _ ("“%s” has no snapshot “%s”; “terrarium image info” lists them."), path, which);
  else
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED,
                 _ ("“%s” has several snapshots “%s”; name one by its id (terrarium image info)."),
                 path, which);
  return false;
}

bool
vm_image_convert_snapshot (const char *from, bool allow_backing, const char *which, const char *to,
                           const VmImageCreate *options, const VmImageJob *job, GError **error)
{
  unsigned i;
  BlockImage *image = block_image_open (from, BLOCK_FORMAT_QCOW2,
                                        allow_backing ? BLOCK_IMAGE_ALLOW_BACKING : 0, error);
  if (image == NULL)
    return false;
  bool ok = find_snapshot (image, from, which, &i, error);
  if (ok) {
    int code = qcow2_show_snapshot (image, i);
    ok =
        code == 0 ? convert (image, from, to, options, job, error) : image_fail (error, from, code);
  }
  block_image_free (image);
  return ok;
}

// ---------------------------------------------------------------------------------------------
// Putting images of a chain together

// What the image `depth` below `path` is based on, as that says it. NULL in options: nothing.
static bool
find_base (const char *path, VmImageFormat format, unsigned depth, VmImageCreate *options,
           char **backing, GError **error)
{
  g_autofree char *name = g_strdup (path);

  for (unsigned i = 0; i <= depth && name != NULL; i++) {
    g_autoptr (VmImageInfo) info = vm_image_get_info (name, format, error);
    if (info == NULL)
      return false;
    g_autofree char *folder = g_path_get_dirname (name);
    g_free (*backing);
    *backing = g_strdup (info->backing);
    if (info->backing != NULL && (info->backing_format == NULL ||
                                  !vm_image_format_from_name (info->backing_format, &format))) {
      g_free (g_steal_pointer (backing));
      return fail_making (error, path, EINVAL);
    }
    g_free (name);
    name = info->backing == NULL                ? NULL
           : g_path_is_absolute (info->backing) ? g_strdup (info->backing)
                                                : g_build_filename (folder, info->backing, NULL);
  }
  options->backing = *backing;
  options->backing_format = format;
  return true;
}

bool
vm_image_flatten (const char *path, VmImageFormat format, unsigned depth, const char *to,
                  const VmImageJob *job, GError **error)
{
  g_autofree char *backing = NULL;
  VmImageCreate options = {.format = VM_IMAGE_QCOW2};
  NewFile made;

  if (!find_base (path, format, depth, &options, &backing, error))
    return false;
  BlockImage *image =
      block_image_open (path, (BlockFormat) format, BLOCK_IMAGE_ALLOW_BACKING, error);
  if (image == NULL)
    return false;
  options.size_bytes = image->size_bytes;
  Copy copy = {.from = image, .job = job, .based = backing != NULL, .depth = depth};
  bool ok = new_file_begin (&made, to, error) && fill_made (&made, &options, &copy, path, error);
  block_image_free (image);
  return ok;
}
