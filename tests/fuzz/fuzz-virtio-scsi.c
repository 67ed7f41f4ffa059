// SPDX-License-Identifier: GPL-3.0-or-later
// virtio-scsi with a disk and a drive, both in memory; the disc is changed now and then.
#include <errno.h>

#include "engine/virtio/scsi.h"
#include "tests/fuzz/virtio.h"
#include "tests/support/test-disk.h"

enum {
  DISK_BYTES = 1 << 16,
  DISC_BYTES = 1 << 15,
  CDROM = 1,
};

typedef struct Disks {
  TestDisk *disk, *disc;
} Disks;

static VirtioDevice *
make (void **context)
{
  Disks *disks = g_new (Disks, 1);
  VirtioDevice *vdev = virtio_scsi_new (2);

  disks->disk = test_disk_new (DISK_BYTES);
  disks->disc = test_disk_new (DISC_BYTES);
  virtio_scsi_add (vdev, 0, scsi_disk_new (test_disk_open (disks->disk, false), "fuzz"));
  virtio_scsi_add (vdev, CDROM, scsi_cdrom_new (test_disk_open (disks->disc, true), "fuzz"));
  *context = disks;
  return vdev;
}

static void
clear (void *context)
{
  Disks *disks = context;
  test_disk_free (disks->disk);
  test_disk_free (disks->disc);
  g_free (disks);
}

static size_t
make_control (FuzzInput *in, uint8_t *to)
{
  to[0] = (uint8_t) fuzz_below (in, 4);
  to[4] = (uint8_t) fuzz_below (in, 9);
  to[8] = 1;
  to[9] = (uint8_t) fuzz_below (in, 3);
  return 24;
}

static size_t
make_request (FuzzInput *in, unsigned queue, uint8_t *to)
{
  static const uint8_t opcodes[] = {0x00, 0x03, 0x08, 0x0a, 0x12, 0x15, 0x1a, 0x1b, 0x1e,
                                    0x25, 0x28, 0x2a, 0x2b, 0x2f, 0x35, 0x41, 0x42, 0x43,
                                    0x46, 0x4a, 0x51, 0x55, 0x5a, 0x88, 0x8a, 0x8f, 0x91,
                                    0x93, 0x9e, 0xa0, 0xa8, 0xaa, 0xbb, 0xbd, 0xbe, 0xff};
  uint8_t *cdb = to + 19;

  if (queue == 0)
    return make_control (in, to);
  to[0] = 1;
  to[1] = (uint8_t) fuzz_below (in, 3);
  to[2] = 0x40;
  for (unsigned i = 1; i < 16; i++)
    cdb[i] = fuzz_below (in, 3) == 0 ? (uint8_t) fuzz_number (in, 1) : 0;
  cdb[0] = opcodes[fuzz_below (in, G_N_ELEMENTS (opcodes))];
  return 51 + fuzz_below (in, 64);
}

typedef struct Change {
  VirtioDevice *vdev;
  BlockDevice *disc;
} Change;

static void
change_cb (void *data)
{
  const Change *change = data;
  virtio_scsi_change_medium (change->vdev, CDROM, change->disc);
}

static void
stimulate (FuzzInput *in, VirtioGuest *guest, void *context)
{
  static const int errors[] = {0, EIO, ENOSPC};
  Disks *disks = context;

  if (fuzz_below (in, 3) == 0) {
    Change change = {guest->vdev, fuzz_below (in, 2) ? test_disk_open (disks->disc, true) : NULL};
    vm_loop_call (guest->vm.loop, change_cb, &change);
    return;
  }
  test_disk_fail (disks->disk, (BlockOp) fuzz_below (in, TEST_DISK_OPS),
                  errors[fuzz_below (in, G_N_ELEMENTS (errors))]);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const FuzzDevice device = {
      .make = make, .clear = clear, .make_request = make_request, .stimulate = stimulate};
  return fuzz_virtio (&device, data, size);
}
