// SPDX-License-Identifier: GPL-3.0-or-later
// A machine's disks beside their adapters: brought to rest for saved state, put on top of an image
// that a snapshot keeps.
//
// Threads: the controlling thread, with the machine paused (or not yet built): the adapters do
// nothing then.
#include <glib/gi18n.h>

#include "engine/block/qcow2/qcow2.h"
#include "engine/machine/machine-priv.h"

BlockDevice *
machine_open_disk (Machine *machine, const MachineDisk *disk, GError **error)
{
  BlockImageFlags flags = (disk->read_only ? 0 : BLOCK_IMAGE_WRITE) |
                          (disk->allow_backing ? BLOCK_IMAGE_ALLOW_BACKING : 0);

  g_assert (machine->n_disks < MACHINE_DISKS_MAX);
  if (disk->cdrom) {
    machine->disks[machine->n_disks++] = NULL; // what lies in it changes, and is only read
    return machine_open_medium (disk, error);
  }
  BlockImage *image = block_image_open (disk->path, disk->format, flags, error);
  if (image == NULL)
    return NULL;
  BlockDevice *device = block_image_to_device (image);
  block_device_set_traffic (device, &machine->disk_traffic);
  machine->disks[machine->n_disks++] = device;
  return device;
}

bool
machine_settle_disks (Machine *machine, GError **error)
{
  for (unsigned i = 0; i < machine->n_disks; i++) {
    int code = machine->disks[i] != NULL ? block_device_settle (machine->disks[i]) : 0;

    if (code != 0) {
      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (code),
                   _ ("Disk %u cannot be written: %s."), i + 1, g_strerror (code));
      return false;
    }
  }
  return true;
}

// ---- overlays -------------------------------------------------------------------------------

static bool
put_on (BlockDevice *device, const char *path, GError **error)
{
  BlockImage *overlay = block_image_open (path, BLOCK_FORMAT_QCOW2,
                                          BLOCK_IMAGE_WRITE | BLOCK_IMAGE_NO_BACKING, error);

  if (overlay == NULL)
    return false;
  if (overlay->size_bytes != block_device_get_size_bytes (device)) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, _ ("“%s” has the wrong size."), path);
    block_image_free (overlay);
    return false;
  }
  BlockImage *base = g_memdup2 (overlay, sizeof *overlay);
  block_device_swap (device, &base->ops, &base->driver);
  base->read_only = true;
  qcow2_put_on (overlay, base);
  g_free (overlay); // its driver is the device's
  return true;
}

static void
take_off (BlockDevice *device)
{
  BlockImage overlay = {0};

  block_device_swap (device, &overlay.ops, &overlay.driver);
  BlockImage *base = qcow2_take_off (&overlay);
  block_device_swap (device, &base->ops, &base->driver);
  g_free (base);
  overlay.ops->free (overlay.driver);
}

static void
take_off_first (Machine *machine, const char *const *paths, unsigned n)
{
  for (unsigned i = 0; i < n; i++)
    if (paths[i] != NULL && machine->disks[i] != NULL)
      take_off (machine->disks[i]);
}

bool
machine_put_on_overlays (Machine *machine, const char *const *paths, GError **error)
{
  for (unsigned i = 0; i < machine->n_disks; i++)
    if (paths[i] != NULL && machine->disks[i] != NULL &&
        !put_on (machine->disks[i], paths[i], error)) {
      take_off_first (machine, paths, i);
      return false;
    }
  return true;
}

void
machine_take_off_overlays (Machine *machine, const char *const *paths)
{
  take_off_first (machine, paths, machine->n_disks);
}
