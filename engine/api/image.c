// SPDX-License-Identifier: GPL-3.0-or-later
// Looking into disk images, checking and resizing them: the block layer for those outside the
// engine. Any thread that may wait.
#include <assert.h>
#include <errno.h>
#include <glib/gi18n.h>
#include <sys/stat.h>

#include "engine/api/image-priv.h"
#include "engine/block/qcow2/qcow2.h"

static_assert ((int) VM_IMAGE_RAW == BLOCK_FORMAT_RAW && (int) VM_IMAGE_VHDX == BLOCK_FORMAT_VHDX,
               "formats");
static_assert ((int) VM_IMAGE_ERROR_BACKING == BLOCK_IMAGE_ERROR_BACKING, "errors");

GQuark
vm_image_error_quark (void)
{
  return block_image_error_quark ();
}

const char *
vm_image_format_get_name (VmImageFormat format)
{
  return block_format_get_name ((BlockFormat) format);
}

bool
vm_image_format_can_write (VmImageFormat format)
{
  return format == VM_IMAGE_RAW || format == VM_IMAGE_QCOW2;
}

bool
vm_image_format_from_name (const char *name, VmImageFormat *format)
{
  BlockFormat found;
  if (!block_format_from_name (name, &found))
    return false;
  *format = (VmImageFormat) found;
  return true;
}

bool
vm_image_probe (const char *path, VmImageFormat *format, GError **error)
{
  BlockFormat found;
  if (!block_image_probe (path, &found, error))
    return false;
  *format = (VmImageFormat) found;
  return true;
}

bool
image_fail (GError **error, const char *path, int code)
{
  if (code == ECANCELED)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, _ ("“%s”: cancelled."), path);
  else
    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (code), _ ("“%s”: %s."), path,
                 g_strerror (code));
  return false;
}

bool
image_step (const VmImageJob *job, double done)
{
  if (job == NULL)
    return true;
  if (job->progress != NULL)
    job->progress (job->data, done);
  return job->cancellable == NULL || !g_cancellable_is_cancelled (job->cancellable);
}

// ---------------------------------------------------------------------------------------------
// Information

static void
take_qcow2_info (VmImageInfo *info, const BlockImage *image)
{
  Qcow2Info q;
  qcow2_get_info (image, &q);
  info->version = q.version;
  info->refcount_bits = q.refcount_bits;
  info->cluster_bytes = UINT64_C (1) << q.cluster_bits;
  info->extended_l2 = q.extended_l2;
  info->lazy_refcounts = q.lazy_refcounts;
  info->dirty = q.dirty;
  info->corrupt = q.corrupt;
  info->zstd = q.zstd;
  info->backing = g_strdup (q.backing);
  info->backing_format = g_strdup (q.backing_format);
  info->n_snapshots = q.n_snapshots;
  info->snapshots = g_new0 (VmImageSnapshot, q.n_snapshots);
  for (unsigned i = 0; i < q.n_snapshots; i++)
    info->snapshots[i] = (VmImageSnapshot){
        .id = g_strdup (q.snapshots[i].id),
        .name = g_strdup (q.snapshots[i].name),
        .state_bytes = q.snapshots[i].state_bytes,
        .disk_bytes = q.snapshots[i].disk_bytes,
        .seconds = q.snapshots[i].seconds,
    };
}

VmImageInfo *
vm_image_get_info (const char *path, VmImageFormat format, GError **error)
{
  BlockImage *image = block_image_open (path, (BlockFormat) format,
                                        BLOCK_IMAGE_UNLOCKED | BLOCK_IMAGE_NO_BACKING, error);
  struct stat st = {0};
  if (image == NULL)
    return NULL;
  VmImageInfo *info = g_new0 (VmImageInfo, 1);
  info->format = format;
  info->size_bytes = image->size_bytes;
  if (stat (path, &st) == 0) {
    info->file_bytes = (uint64_t) st.st_size;
    info->allocated_bytes = (uint64_t) st.st_blocks * 512;
  }
  if (format == VM_IMAGE_QCOW2)
    take_qcow2_info (info, image);
  block_image_free (image);
  return info;
}

void
vm_image_info_free (VmImageInfo *info)
{
  for (unsigned i = 0; i < info->n_snapshots; i++) {
    g_free (info->snapshots[i].id);
    g_free (info->snapshots[i].name);
  }
  g_free (info->snapshots);
  g_free (info->backing);
  g_free (info->backing_format);
  g_free (info);
}

// ---------------------------------------------------------------------------------------------
// Check

typedef struct CheckSinks {
  void (*fault) (void *data, bool corrupt, const char *text);
  void *fault_data;
  const VmImageJob *job;
} CheckSinks;

static void
check_fault (void *data, bool corrupt, const char *text)
{
  const CheckSinks *sinks = data;
  if (sinks->fault != NULL)
    sinks->fault (sinks->fault_data, corrupt, text);
}

static bool
check_step (void *data, double done)
{
  const CheckSinks *sinks = data;
  return image_step (sinks->job, done);
}

bool
vm_image_check (const char *path, VmImageFormat format, VmImageCheck *result,
                void (*fault) (void *data, bool corrupt, const char *text), void *fault_data,
                const VmImageJob *job, GError **error)
{
  CheckSinks sinks = {fault, fault_data, job};
  Qcow2Check check = {.fault = check_fault, .progress = check_step, .data = &sinks};
  if (format != VM_IMAGE_QCOW2) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                 _ ("“%s” is not a qcow2 image: only those can be checked."), path);
    return false;
  }
  BlockImage *image = block_image_open (path, (BlockFormat) format, BLOCK_IMAGE_NO_BACKING, error);
  if (image == NULL)
    return false;
  int code = qcow2_check (image, &check, false);
  block_image_free (image);
  if (code != 0)
    return image_fail (error, path, code);
  *result = (VmImageCheck){
      .n_corrupt = check.n_corrupt,
      .n_leaked = check.n_leaked,
      .n_clusters = check.n_clusters,
      .n_allocated = check.n_allocated,
      .n_compressed = check.n_compressed,
      .end_bytes = check.end_bytes,
  };
  return true;
}

// ---------------------------------------------------------------------------------------------
// Map

static bool
joins (const VmImageExtent *run, const VmImageExtent *next)
{
  return run->length > 0 && run->data == next->data && run->present == next->present &&
         run->depth == next->depth && run->compressed == next->compressed &&
         run->has_host == next->has_host &&
         (!run->has_host || run->host + run->length == next->host);
}

// Joined with its neighbour where that goes on; what cannot be joined is told.
static void
tell (VmImageExtent *run, const VmImageExtent *next,
      void (*extent) (void *data, const VmImageExtent *extent), void *data)
{
  if (next != NULL && joins (run, next)) {
    run->length += next->length;
    return;
  }
  if (run->length > 0)
    extent (data, run);
  if (next != NULL)
    *run = *next;
}

static int
map_image (const BlockImage *image, void (*extent) (void *data, const VmImageExtent *extent),
           void *data, const VmImageJob *job)
{
  VmImageExtent run = {0};
  BlockExtent found = {0};
  for (uint64_t at = 0; at < image->size_bytes; at += found.length) {
    int error = image->ops->get_extent (image->driver, at, image->size_bytes - at, &found);
    if (error != 0)
      return error;
    const VmImageExtent next = {
        .offset = at,
        .length = found.length,
        .data = found.kind == BLOCK_EXTENT_DATA,
        .present = found.kind != BLOCK_EXTENT_ABSENT,
        .depth = found.kind == BLOCK_EXTENT_ABSENT ? 0 : found.depth,
        .compressed = found.compressed,
        .has_host = found.has_host && found.kind == BLOCK_EXTENT_DATA,
        .host = found.kind == BLOCK_EXTENT_DATA ? found.host : 0,
    };
    tell (&run, &next, extent, data);
    if (!image_step (job, (double) at / (double) image->size_bytes))
      return ECANCELED;
  }
  tell (&run, NULL, extent, data);
  return 0;
}

bool
vm_image_map (const char *path, VmImageFormat format, bool allow_backing,
              void (*extent) (void *data, const VmImageExtent *extent), void *data,
              const VmImageJob *job, GError **error)
{
  BlockImage *image = block_image_open (path, (BlockFormat) format,
                                        allow_backing ? BLOCK_IMAGE_ALLOW_BACKING : 0, error);
  if (image == NULL)
    return false;
  int code = map_image (image, extent, data, job);
  block_image_free (image);
  return code == 0 || image_fail (error, path, code);
}

// ---------------------------------------------------------------------------------------------
// Resize

static int
resize_raw (const char *path, uint64_t size_bytes, GError **error)
{
  BlockFile *file = block_file_open (path, BLOCK_FILE_WRITE, error);
  if (file == NULL)
    return -1;
  int code = block_file_set_size (file, size_bytes);
  if (code == 0)
    code = block_file_sync (file);
  block_file_free (file);
  return code;
}

static bool
may_resize (const char *path, uint64_t old, uint64_t size_bytes, bool may_shrink, GError **error)
{
  if (size_bytes == 0 || size_bytes % BLOCK_SECTOR_BYTES != 0 || size_bytes > INT64_MAX / 2)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                 _ ("%lu bytes cannot be a disk’s size; choose a multiple of 512."),
                 (unsigned long) size_bytes);
  else if (size_bytes < old && !may_shrink)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                 _ ("“%s” would lose what is behind its new end; if you are sure, allow that "
                    "(terrarium image resize --shrink)."),
                 path);
  else
    return true;
  return false;
}

bool
vm_image_resize (const char *path, VmImageFormat format, uint64_t size_bytes, bool may_shrink,
                 GError **error)
{
  BlockImage *image = block_image_open (path, (BlockFormat) format,
                                        BLOCK_IMAGE_WRITE | BLOCK_IMAGE_NO_BACKING, error);
  if (image == NULL)
    return false;
  if (!may_resize (path, image->size_bytes, size_bytes, may_shrink, error)) {
    block_image_free (image);
    return false;
  }
  int code = 0;
  if (format == VM_IMAGE_QCOW2) {
    code = qcow2_resize (image, size_bytes);
    int close_code = block_image_close (image);
    code = code != 0 ? code : close_code;
  } else {
    block_image_free (image);
    code = resize_raw (path, size_bytes, error);
  }
  if (code == EBUSY)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED,
                 _ ("“%s” has snapshots that its new size would damage; delete them first."), path);
  else if (code == EFBIG)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED,
                 _ ("“%s” cannot be so large with its small clusters; convert it."), path);
  else if (code > 0)
    image_fail (error, path, code);
  return code == 0;
}
