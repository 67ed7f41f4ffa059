// SPDX-License-Identifier: GPL-3.0-or-later
// What lies in a machine's drives.
//
// Threads: the controlling thread, which opens the image; the I/O thread puts it into the drive.
#include "engine/machine/machine-priv.h"
#include "engine/virtio/scsi.h"

typedef struct Change {
  VirtioDevice *scsi;
  unsigned target;
  BlockDevice *medium;
} Change;

BlockDevice *
machine_open_medium (const MachineDisk *medium, GError **error)
{
  BlockImageFlags flags = medium->allow_backing ? BLOCK_IMAGE_ALLOW_BACKING : 0;
  BlockImage *image = block_image_open (medium->path, medium->format, flags, error);

  return image != NULL ? block_image_to_device (image) : NULL;
}

static void
change_cb (void *data)
{
  const Change *change = data;
  virtio_scsi_change_medium (change->scsi, change->target, change->medium);
}

bool
machine_change_medium (Machine *machine, unsigned disk, const MachineDisk *medium, GError **error)
{
  Change change = {.scsi = machine->scsi, .target = disk};

  g_assert (machine->scsi != NULL);
  if (medium != NULL && (change.medium = machine_open_medium (medium, error)) == NULL)
    return false;
  vm_loop_call (machine->vm->loop, change_cb, &change);
  return true;
}
