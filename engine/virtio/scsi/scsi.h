// SPDX-License-Identifier: GPL-3.0-or-later
// SCSI logical units over disks: a disk (SPC-4, SBC-3) and a CD/DVD drive (MMC-5), without the
// adapter that carries commands to them (virtio-scsi, USB mass storage).
//
// The initiator is hostile: every length is checked against the buffers that came along. Data goes
// straight between those buffers and the disk.
//
// Threads: one user at a time, the I/O thread under its device's lock. The user owns a request from
// before submit until after reap and keeps its buffers valid for as long.
#pragma once

#include "engine/block/device.h"
#include "engine/snapshot/state.h"

typedef struct ScsiUnit ScsiUnit;

enum {
  SCSI_CDB_BYTES = 16,
  SCSI_SENSE_BYTES = 18,

  SCSI_GOOD = 0,
  SCSI_CHECK_CONDITION = 2,
};

typedef struct ScsiRequest {
  BlockRequest block; // the unit's; first
  uint8_t cdb[SCSI_CDB_BYTES];
  const struct iovec *out; // data from the initiator
  unsigned n_out;
  uint64_t out_bytes;
  const struct iovec *in; // room for data to it
  unsigned n_in;
  uint64_t in_bytes;
  // When reaped.
  uint8_t status;
  uint8_t sense[SCSI_SENSE_BYTES]; // with SCSI_CHECK_CONDITION
  uint64_t moved_bytes;            // of data, in the direction of the command
  bool no_room;                    // the host's disk is full: nothing was done; to be tried again
  // The unit's.
  struct iovec *iov;
  struct ScsiRequest *next;
} ScsiRequest;

// Both take the disk. serial: at most 20 characters. A drive may be empty (NULL).
ScsiUnit *scsi_disk_new (BlockDevice *take, const char *serial);
ScsiUnit *scsi_cdrom_new (BlockDevice *take, const char *serial);
// With nothing in flight. Accepts NULL.
void scsi_unit_free (ScsiUnit *unit);
// Before the first submit: `completed` runs on the loop's thread when there is something to reap,
// but for what submit has completed by itself.
void scsi_unit_attach (ScsiUnit *unit, VmLoop *loop, void (*completed) (void *), void *data);

void scsi_unit_submit (ScsiUnit *unit, ScsiRequest *request);
// The next that is done, NULL: none is now.
ScsiRequest *scsi_unit_reap (ScsiUnit *unit);
// Waits until all that was submitted can be reaped; cancel drops what has not begun.
void scsi_unit_wait (ScsiUnit *unit);
void scsi_unit_cancel (ScsiUnit *unit);
// Power-on state: nothing in flight.
void scsi_unit_reset (ScsiUnit *unit);

// What lies in the drive, NULL: nothing; the old disk is freed, once its requests are done. The I/O
// thread.
void scsi_cdrom_change (ScsiUnit *unit, BlockDevice *take);
bool scsi_unit_is_cdrom (const ScsiUnit *unit);

// false: damaged, or of another disk.
void scsi_unit_save (const ScsiUnit *unit, StateWriter *writer);
bool scsi_unit_load (ScsiUnit *unit, StateReader *reader);
