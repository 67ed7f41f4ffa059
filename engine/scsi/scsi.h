// SPDX-License-Identifier: GPL-3.0-or-later
// SCSI logical units over disks: a disk (SPC-4, SBC-3), a stick (the same, removable, with what
// sticks answer) and a CD/DVD drive (MMC-5), without the adapter that carries commands to them
// (virtio-scsi, USB mass storage).
//
// There are two ways to use one. `start` says what a command block comes to, and whoever has the
// unit moves the bytes: for adapters that get data piece by piece. `submit` does all of it, for
// adapters that have all of the initiator's buffers at hand; data goes straight between those and
// the disk.
//
// The initiator is hostile: any bytes are a command, every length is checked against the buffers
// that came along.
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
  SCSI_DATA_BYTES = 256, // of an answer that is not the disk's contents, at most

  SCSI_GOOD = 0,
  SCSI_CHECK_CONDITION = 2,
};

// All take the disk. serial: at most 20 characters. A drive may be empty (NULL).
ScsiUnit *scsi_disk_new (BlockDevice *take, const char *serial);
ScsiUnit *scsi_stick_new (BlockDevice *take, const char *serial);
ScsiUnit *scsi_cdrom_new (BlockDevice *take, const char *serial);
// With nothing in flight. Accepts NULL.
void scsi_unit_free (ScsiUnit *unit);
// Power-on state: nothing in flight.
void scsi_unit_reset (ScsiUnit *unit);

// What lies in the drive, NULL: nothing; the old disk is freed, once its requests are done. The I/O
// thread.
void scsi_cdrom_change (ScsiUnit *unit, BlockDevice *take);
bool scsi_unit_is_cdrom (const ScsiUnit *unit);
// The initiator has locked the drive with something in it; it is told that somebody pressed the
// button.
bool scsi_cdrom_is_locked (ScsiUnit *unit);

// false: damaged, or of another disk.
void scsi_unit_save (const ScsiUnit *unit, StateWriter *writer);
bool scsi_unit_load (ScsiUnit *unit, StateReader *reader);

// ---------------------------------------------------------------------------------------------
// What a command block comes to

typedef enum ScsiKind {
  SCSI_DONE,       // nothing is left to do
  SCSI_DATA_IN,    // `data`
  SCSI_PARAMETERS, // `length` bytes come first: then scsi_unit_take
  SCSI_READ,
  SCSI_WRITE,
  SCSI_FLUSH,
  SCSI_DISCARD,
  SCSI_ZERO,
} ScsiKind;

typedef struct ScsiCommand {
  ScsiKind kind;
  uint32_t sense;  // SCSI_DONE: 0, or why it failed
  bool fua;        // SCSI_WRITE, SCSI_ZERO: on stable storage when it is done
  bool may_unmap;  // SCSI_ZERO
  uint64_t offset; // byte of the disk; in range, with all of the bytes
  uint64_t length; // bytes of the data phase, or of the disk that are discarded or zeroed
  uint8_t data[SCSI_DATA_BYTES];
} ScsiCommand;

// The sense of what fails is kept until it is asked for.
void scsi_unit_start (ScsiUnit *unit, const uint8_t cdb[SCSI_CDB_BYTES], ScsiCommand *command);
// The parameters that came for it, all or the first 512 bytes; never SCSI_PARAMETERS again.
void scsi_unit_take (ScsiUnit *unit, const uint8_t cdb[SCSI_CDB_BYTES], const uint8_t *parameters,
                     size_t length, ScsiCommand *command);
// What a command came to failed on the disk: what the initiator is told of it when it asks.
void scsi_unit_set_failed (ScsiUnit *unit, bool write);
// The sense of the last command that failed (SPC-4 §4.5): key << 16 | code << 8 | qualifier.
uint32_t scsi_unit_get_sense (const ScsiUnit *unit);
void scsi_unit_set_sense (ScsiUnit *unit, uint32_t sense);

// ---------------------------------------------------------------------------------------------
// Commands with all of their buffers

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
  bool disk_failed;                // the host's, for another reason than no_room
  bool no_room;                    // the host's disk is full: nothing was done; to be tried again
  // The unit's.
  struct iovec *iov;
  struct ScsiRequest *next;
} ScsiRequest;

// Before the first submit: `completed` runs on the loop's thread when there is something to reap,
// but for what submit has completed by itself.
void scsi_unit_attach (ScsiUnit *unit, VmLoop *loop, void (*completed) (void *), void *data);
void scsi_unit_submit (ScsiUnit *unit, ScsiRequest *request);
// The next that is done, NULL: none is now.
ScsiRequest *scsi_unit_reap (ScsiUnit *unit);
// Waits until all that was submitted can be reaped; cancel drops what has not begun.
void scsi_unit_wait (ScsiUnit *unit);
void scsi_unit_cancel (ScsiUnit *unit);
