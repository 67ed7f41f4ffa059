// SPDX-License-Identifier: GPL-3.0-or-later
// The inside of a SCSI unit, shared by unit.c (life, dispatch, sense), inquiry.c (what it says it
// is), mode.c (mode pages), transfer.c (reading and writing), cdrom.c (what only drives know) and
// request.c (commands with all of their buffers).
#pragma once

#include <string.h>

#include "engine/scsi/scsi.h"

typedef struct ScsiQueue {
  ScsiRequest *head, *tail;
} ScsiQueue;

struct ScsiUnit {
  bool is_cdrom, is_stick;
  BlockDevice *disk; // NULL: the drive is empty
  char serial[20 + 1];
  VmLoop *loop;
  void (*completed) (void *);
  void *completed_data;
  ScsiQueue done;
  uint32_t attention; // unit attention to report (SCSI_SENSE), 0: none
  uint32_t sense;     // of the last command that failed, until it is asked for
  bool writeback;     // caching page, WCE
  // Drives.
  bool tray_open, locked;
  uint8_t media_event; // for GET EVENT STATUS NOTIFICATION
};

// Sense key, additional code and qualifier (SPC-4 §4.5, annex D) in one number; 0 is good.
#define SCSI_SENSE(key, asc, ascq) ((uint32_t) (key) << 16 | (asc) << 8 | (ascq))
#define SENSE_OK                   0u
#define SENSE_NO_MEDIUM            SCSI_SENSE (2, 0x3a, 0x01)
#define SENSE_TRAY_OPEN            SCSI_SENSE (2, 0x3a, 0x02)
#define SENSE_READ_ERROR           SCSI_SENSE (3, 0x11, 0x00)
#define SENSE_WRITE_ERROR          SCSI_SENSE (3, 0x0c, 0x00)
#define SENSE_INVALID_COMMAND      SCSI_SENSE (5, 0x20, 0x00)
#define SENSE_OUT_OF_RANGE         SCSI_SENSE (5, 0x21, 0x00)
#define SENSE_INVALID_FIELD        SCSI_SENSE (5, 0x24, 0x00)
#define SENSE_INVALID_PARAMETER    SCSI_SENSE (5, 0x26, 0x00)
#define SENSE_PARAMETER_LENGTH     SCSI_SENSE (5, 0x1a, 0x00)
#define SENSE_SAVING_UNSUPPORTED   SCSI_SENSE (5, 0x39, 0x00)
#define SENSE_MEDIUM_LOCKED        SCSI_SENSE (5, 0x53, 0x02)
#define SENSE_MODE_OF_TRACK        SCSI_SENSE (5, 0x64, 0x00)
#define SENSE_MEDIUM_CHANGED       SCSI_SENSE (6, 0x28, 0x00)
#define SENSE_RESET                SCSI_SENSE (6, 0x29, 0x00)
#define SENSE_WRITE_PROTECTED      SCSI_SENSE (7, 0x27, 0x00)
#define SENSE_ABORTED              SCSI_SENSE (11, 0x00, 0x00)

enum {
  // Of MMC media events (§6.6.2.5).
  MEDIA_EJECT_REQUEST = 1,
  MEDIA_NEW = 2,
  MEDIA_REMOVAL = 3,
};

static inline uint16_t
scsi_get16 (const uint8_t *p)
{
  return p[0] << 8 | p[1];
}

static inline uint32_t
scsi_get32 (const uint8_t *p)
{
  return (uint32_t) scsi_get16 (p) << 16 | scsi_get16 (p + 2);
}

static inline uint64_t
scsi_get64 (const uint8_t *p)
{
  return (uint64_t) scsi_get32 (p) << 32 | scsi_get32 (p + 4);
}

static inline void
scsi_put16 (uint8_t *p, uint16_t value)
{
  p[0] = value >> 8;
  p[1] = value & 0xff;
}

static inline void
scsi_put32 (uint8_t *p, uint32_t value)
{
  scsi_put16 (p, value >> 16);
  scsi_put16 (p + 2, value & 0xffff);
}

static inline void
scsi_put64 (uint8_t *p, uint64_t value)
{
  scsi_put32 (p, value >> 32);
  scsi_put32 (p + 4, value & 0xffffffff);
}

// The command is done, or has failed.
void scsi_finish (ScsiCommand *command, uint32_t sense);
// It has an answer, of which the initiator gets `room` bytes at most.
void scsi_answer (ScsiCommand *command, const uint8_t *data, size_t length, size_t room);
// It wants to know more: goes on in the function that takes it.
void scsi_want (ScsiCommand *command, size_t length);
void scsi_put_sense (uint8_t data[SCSI_SENSE_BYTES], uint32_t sense);

// Blocks as the initiator counts them; a unit without a medium has none.
unsigned scsi_block_bytes (const ScsiUnit *unit);
uint64_t scsi_n_blocks (const ScsiUnit *unit);
bool scsi_is_read_only (const ScsiUnit *unit);
uint32_t scsi_medium_sense (const ScsiUnit *unit); // why there is no medium; SENSE_OK: there is

// All that was submitted waits to be reaped.
void scsi_unit_settle (ScsiUnit *unit); // request.c

typedef void ScsiRun (ScsiUnit *unit, const uint8_t *cdb, ScsiCommand *command);
ScsiRun scsi_inquiry, scsi_request_sense, scsi_report_luns; // inquiry.c
ScsiRun scsi_mode_sense, scsi_mode_select;                  // mode.c
ScsiRun scsi_read, scsi_write, scsi_verify, scsi_flush;     // transfer.c
ScsiRun scsi_unmap, scsi_write_same, scsi_read_capacity, scsi_service_in;
ScsiRun scsi_read_format_capacities;
ScsiRun scsi_start_stop, scsi_prevent_removal, scsi_get_event, scsi_read_toc; // cdrom.c
ScsiRun scsi_get_configuration, scsi_read_disc_information, scsi_mechanism_status;
ScsiRun scsi_read_cd;

typedef void ScsiTake (ScsiUnit *unit, const uint8_t *cdb, const uint8_t *data, size_t length,
                       ScsiCommand *command);
ScsiTake scsi_take_mode, scsi_take_unmap, scsi_take_same;
