// SPDX-License-Identifier: GPL-3.0-or-later
// What lies in a machine's drives.
//
// Threads: the controlling thread, which opens the image; the I/O thread puts it into the drive.
#include <gio/gio.h>
#include <glib/gi18n.h>

#include "engine/machine/machine-priv.h"
#include "engine/virtio/scsi.h"

typedef struct Change {
  VirtioDevice *scsi;
  unsigned target;
  BlockDevice *medium;
  bool force, locked;
} Change;

BlockDevice *
machine_open_medium (const MachineDisk *medium, GError **error)
{
  if (medium->path[0] == '\0')
    return NULL;
  BlockImageFlags flags = medium->allow_backing ? BLOCK_IMAGE_ALLOW_BACKING : 0;
  BlockImage *image = block_image_open (medium->path, medium->format, flags, error);

  return image != NULL ? block_image_to_device (image) : NULL;
}

static void
change_cb (void *data)
{
  Change *change = data;

  change->locked = !change->force && virtio_scsi_is_locked (change->scsi, change->target);
  if (!change->locked)
    virtio_scsi_change_medium (change->scsi, change->target, change->medium);
}

bool
machine_change_medium (Machine *machine, unsigned disk, const MachineDisk *medium, bool force,
                       GError **error)
{
  Change change = {.scsi = machine->scsi, .target = disk, .force = force};

  g_assert (machine->scsi != NULL);
  if (medium != NULL && medium->path[0] != '\0' &&
      (change.medium = machine_open_medium (medium, error)) == NULL)
    return false;
  vm_loop_call (machine->vm->loop, change_cb, &change);
  if (!change.locked)
    return true;
  block_device_free (change.medium);
  g_set_error_literal (
      error, G_IO_ERROR, G_IO_ERROR_BUSY,
      _ ("The guest is using what lies in the drive. Eject it there, or take it out "
         "by force."));
  return false;
}
