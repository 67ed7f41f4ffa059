// SPDX-License-Identifier: GPL-3.0-or-later
// What a SCSI disk answers (SPC-4, SBC-3): a command descriptor block becomes data at once, or a
// transfer that whoever has the disk's bytes carries out. No transport and no I/O of its own.
//
// Threads: one at a time.
#pragma once

#include "engine/structs/types.h"

enum {
  SCSI_CDB_BYTES = 16,
  SCSI_DATA_BYTES = 256, // of an answer at most
  SCSI_SENSE_BYTES = 18,
  SCSI_BLOCK_BYTES = 512,

  SCSI_GOOD = 0,
  SCSI_CHECK_CONDITION = 2,
};

typedef struct ScsiSense {
  uint8_t key, code, qualifier;
} ScsiSense;

typedef struct ScsiDisk {
  uint64_t n_blocks;
  bool read_only, removable;
  const char *serial; // ASCII, owned by whoever has the disk
  ScsiSense sense;    // of the last command that failed
} ScsiDisk;

typedef enum ScsiKind {
  SCSI_DONE,    // nothing to transfer
  SCSI_DATA_IN, // `data`
  SCSI_TAKE,    // `length` bytes come and have no effect
  SCSI_READ,
  SCSI_WRITE,
  SCSI_FLUSH,
} ScsiKind;

typedef struct ScsiCommand {
  ScsiKind kind;
  uint8_t status;
  bool fua;        // SCSI_WRITE: on stable storage when it is done
  uint64_t lba;    // in range, with all of the blocks
  uint64_t length; // bytes of the data phase
  uint8_t data[SCSI_DATA_BYTES];
} ScsiCommand;

// Any bytes are a command; one that makes no sense fails.
void scsi_disk_start (ScsiDisk *disk, const uint8_t cdb[SCSI_CDB_BYTES], ScsiCommand *command);
// A transfer of it failed: what the guest is told of it when it asks.
void scsi_disk_set_failed (ScsiDisk *disk, bool write);
void scsi_disk_put_sense (const ScsiDisk *disk, uint8_t sense[SCSI_SENSE_BYTES]);
