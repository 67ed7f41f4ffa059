// SPDX-License-Identifier: GPL-3.0-or-later
// What goes into a new bundle: copies of the files its configuration names, images of other programs
// converted to one a machine can write, a place for the firmware's variables; and new disks. Any
// thread that may wait.
#include <glib/gi18n.h>
#include <sys/stat.h>

#include "app/model/bundle-priv.h"
#include "app/model/copy.h"

#define NVRAM_FILE "nvram.fd"

static void
progress_cb (uint64_t more_bytes, void *data)
{
  BundleFill *fill = data;

  fill->done_bytes += more_bytes;
  if (fill->progress && fill->total_bytes > 0)
    fill->progress (MIN (1.0, (double) fill->done_bytes / (double) fill->total_bytes),
                    fill->progress_data);
}

static bool
add_size (BundleFill *fill, const char *path, GError **error)
{
  struct stat status;

  if (!path)
    return true;
  if (stat (path, &status) < 0)
    return bundle_fail (_ ("“%s” cannot be read: %s."), path, error);
  if (!S_ISREG (status.st_mode)) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_REGULAR_FILE,
                 _ ("“%s” is not a file that can be copied; choose a file."), path);
    return false;
  }
  fill->total_bytes += (uint64_t) status.st_size;
  return true;
}

// Copies *path into the bundle as `name` and makes it point there.
static bool
take_in (BundleFill *fill, char **path, const char *name, GError **error)
{
  if (!*path)
    return true;
  g_autofree char *target = g_build_filename (fill->partial.path, name, NULL);
  if (!copy_file (*path, target, progress_cb, fill, fill->cancellable, error))
    return false;
  g_free (*path);
  *path = g_steal_pointer (&target);
  return true;
}

// ---------------------------------------------------------------------------------------------
// Disks

// A disc is only read and stays where it is. What a machine cannot write has to be converted, and so
// has what is based on another image: a copy is complete.
static bool
can_be_copied (const VmDiskConfig *disk)
{
  return vm_image_format_can_write (disk->format) && !disk->allow_backing;
}

static bool
is_taken_in (const BundleFill *fill, const VmDiskConfig *disk)
{
  return !disk->cdrom && !fill->sharing &&
         (!fill->disks_in_place || !vm_image_format_can_write (disk->format));
}

typedef struct Conversion {
  BundleFill *fill;
  uint64_t file_bytes, told_bytes;
} Conversion;

static void
converted_cb (void *data, double done)
{
  Conversion *conversion = data;
  uint64_t bytes = (uint64_t) (done * (double) conversion->file_bytes);

  if (bytes > conversion->told_bytes)
    progress_cb (bytes - conversion->told_bytes, conversion->fill);
  conversion->told_bytes = MAX (conversion->told_bytes, bytes);
}

static bool
convert (BundleFill *fill, VmDiskConfig *disk, const char *name, GError **error)
{
  g_autofree char *target = g_build_filename (fill->partial.path, name, NULL);
  const VmImageCreate options = {.format = VM_IMAGE_QCOW2};
  struct stat status = {0};
  Conversion conversion = {.fill = fill};
  const VmImageJob job = {fill->cancellable, converted_cb, &conversion};

  if (stat (disk->path, &status) == 0)
    conversion.file_bytes = (uint64_t) status.st_size;
  if (!vm_image_convert (disk->path, disk->format, disk->allow_backing, target, &options, &job,
                         error))
    return false;
  converted_cb (&conversion, 1);
  g_free (disk->path);
  disk->path = g_steal_pointer (&target);
  disk->format = VM_IMAGE_QCOW2;
  disk->allow_backing = false;
  return true;
}

static bool
take_in_disk (BundleFill *fill, VmDiskConfig *disk, unsigned i, GError **error)
{
  bool as_it_is = can_be_copied (disk);
  g_autofree char *name = g_strdup_printf (
      "disk%u.%s", i, vm_image_format_get_name (as_it_is ? disk->format : VM_IMAGE_QCOW2));

  return as_it_is ? take_in (fill, &disk->path, name, error) : convert (fill, disk, name, error);
}

// ---------------------------------------------------------------------------------------------
// All of it

// Two machines with one file of variables would overwrite each other's.
static bool
take_in_variables (BundleFill *fill, GError **error)
{
  VmConfig *config = fill->partial.config;

  if (!config->firmware)
    return true;
  if (config->nvram && g_file_test (config->nvram, G_FILE_TEST_EXISTS))
    return take_in (fill, &config->nvram, NVRAM_FILE, error);
  g_free (config->nvram);
  config->nvram = g_build_filename (fill->partial.path, NVRAM_FILE, NULL); // made at the start
  return true;
}

bool
bundle_fill (BundleFill *fill, GError **error)
{
  VmConfig *config = fill->partial.config;

  if (!add_size (fill, config->kernel, error) || !add_size (fill, config->initrd, error))
    return false;
  for (unsigned i = 0; i < config->disks->len; i++) {
    VmDiskConfig *disk = config->disks->pdata[i];
    if (is_taken_in (fill, disk) && !add_size (fill, disk->path, error))
      return false;
  }
  if (!take_in (fill, &config->kernel, "kernel", error) ||
      !take_in (fill, &config->initrd, "initrd", error) || !take_in_variables (fill, error))
    return false;
  for (unsigned i = 0; i < config->disks->len; i++) {
    VmDiskConfig *disk = config->disks->pdata[i];
    if (is_taken_in (fill, disk) && !take_in_disk (fill, disk, i, error))
      return false;
  }
  if (fill->sharing && !fill->sharing->share (&fill->partial, fill->sharing->data, error))
    return false;
  return !g_cancellable_set_error_if_cancelled (fill->cancellable, error) &&
         bundle_save (&fill->partial, error);
}

// ---------------------------------------------------------------------------------------------
// Later

// The first number that no file of the bundle has.
static char *
make_disk_path (const Bundle *bundle)
{
  for (unsigned i = 0;; i++) {
    g_autofree char *name = g_strdup_printf ("disk%u.qcow2", i);
    g_autofree char *path = g_build_filename (bundle->path, name, NULL);
    if (!g_file_test (path, G_FILE_TEST_EXISTS))
      return g_steal_pointer (&path);
  }
}

unsigned
bundle_find_disk_place (const VmConfig *config)
{
  unsigned i = 0;

  for (; i < config->disks->len; i++) {
    const VmDiskConfig *disk = config->disks->pdata[i];
    if (disk->cdrom || disk->port != 0)
      break;
  }
  return i;
}

void
bundle_insert_disk (VmConfig *config, const char *path, VmImageFormat format)
{
  unsigned at = bundle_find_disk_place (config), made = 0;
  VmDiskConfig *disk = vm_config_add_disk (config, path, false);

  disk->format = format;
  g_ptr_array_find (config->disks, disk, &made);
  g_ptr_array_steal_index (config->disks, made);
  g_ptr_array_insert (config->disks, (int) at, disk);
}

bool
bundle_add_disk (Bundle *bundle, uint64_t size_bytes, GError **error)
{
  g_autofree char *path = make_disk_path (bundle);
  const VmImageCreate options = {.format = VM_IMAGE_QCOW2, .size_bytes = size_bytes};

  if (!vm_image_create (path, &options, error))
    return false;
  bundle_insert_disk (bundle->config, path, VM_IMAGE_QCOW2);
  return bundle_save (bundle, error);
}

bool
bundle_grow_disk (const Bundle *bundle, uint64_t size_bytes, GError **error)
{
  const VmDiskConfig *disk =
      bundle->config->disks->len > 0 ? bundle->config->disks->pdata[0] : NULL;

  return !disk || disk->cdrom ||
         vm_image_resize (disk->path, disk->format, size_bytes, false, error);
}
