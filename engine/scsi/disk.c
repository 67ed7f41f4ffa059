// SPDX-License-Identifier: GPL-3.0-or-later
// Commands of a SCSI disk. See disk.h. The order is that of the operation codes.

#include "engine/scsi/disk.h"

#include <stddef.h>
#include <string.h>

enum {
  TEST_UNIT_READY = 0x00,
  REQUEST_SENSE = 0x03,
  READ_6 = 0x08,
  WRITE_6 = 0x0a,
  INQUIRY = 0x12,
  MODE_SELECT_6 = 0x15,
  MODE_SENSE_6 = 0x1a,
  START_STOP = 0x1b,
  PREVENT_REMOVAL = 0x1e,
  READ_FORMAT_CAPACITIES = 0x23,
  READ_CAPACITY_10 = 0x25,
  READ_10 = 0x28,
  WRITE_10 = 0x2a,
  VERIFY_10 = 0x2f,
  SYNCHRONIZE_10 = 0x35,
  MODE_SELECT_10 = 0x55,
  MODE_SENSE_10 = 0x5a,
  READ_16 = 0x88,
  WRITE_16 = 0x8a,
  VERIFY_16 = 0x8f,
  SYNCHRONIZE_16 = 0x91,
  SERVICE_IN_16 = 0x9e,
  READ_CAPACITY_16 = 0x10, // its service action
  REPORT_LUNS = 0xa0,
  READ_12 = 0xa8,
  WRITE_12 = 0xaa,

  INQUIRY_VPD = 1,
  VPD_PAGES = 0x00,
  VPD_SERIAL = 0x80,
  VPD_IDENTIFICATION = 0x83,
  FUA = 1 << 3,
  PAGE_CACHING = 0x08,
  PAGE_ALL = 0x3f,
  SERIAL_BYTES_MAX = 32,
};

static const ScsiSense no_sense = {0, 0, 0};
static const ScsiSense medium_read = {3, 0x11, 0};
static const ScsiSense medium_write = {3, 0x0c, 0};
static const ScsiSense bad_opcode = {5, 0x20, 0};
static const ScsiSense bad_address = {5, 0x21, 0};
static const ScsiSense bad_field = {5, 0x24, 0};
static const ScsiSense protected = {7, 0x27, 0};

static uint64_t
get_be (const uint8_t *p, unsigned bytes)
{
  uint64_t value = 0;
  for (unsigned i = 0; i < bytes; i++)
    value = value << 8 | p[i];
  return value;
}

static void
put_be (uint8_t *p, unsigned bytes, uint64_t value)
{
  for (unsigned i = bytes; i > 0; i--, value >>= 8)
    p[i - 1] = value & 0xff;
}

// ---- ends -----------------------------------------------------------------------------------

static void
fail (ScsiDisk *disk, ScsiCommand *command, ScsiSense sense)
{
  disk->sense = sense;
  command->kind = SCSI_DONE;
  command->status = SCSI_CHECK_CONDITION;
  command->length = 0;
}

// `data` holds the answer; the guest has room for so much.
static void
answer (ScsiCommand *command, uint64_t length, uint64_t room)
{
  command->kind = SCSI_DATA_IN;
  command->length = length < room ? length : room;
}

static void
transfer (ScsiDisk *disk, ScsiCommand *command, ScsiKind kind, uint64_t lba, uint64_t n_blocks)
{
  if (lba > disk->n_blocks || n_blocks > disk->n_blocks - lba) {
    fail (disk, command, bad_address);
  } else if (kind == SCSI_WRITE && disk->read_only) {
    fail (disk, command, protected);
  } else if (n_blocks > 0) {
    command->kind = kind;
    command->lba = lba;
    command->length = n_blocks * SCSI_BLOCK_BYTES;
  }
}

// ---- what it is -----------------------------------------------------------------------------

static size_t
serial_length (const ScsiDisk *disk)
{
  return disk->serial != NULL ? strnlen (disk->serial, SERIAL_BYTES_MAX) : 0;
}

static void
inquiry_vpd (ScsiDisk *disk, const uint8_t *cdb, ScsiCommand *command)
{
  uint8_t *data = command->data;
  size_t serial = serial_length (disk);

  data[1] = cdb[2];
  switch (cdb[2]) {
  case VPD_PAGES:
    data[4] = VPD_PAGES, data[5] = VPD_SERIAL, data[6] = VPD_IDENTIFICATION;
    data[3] = 3;
    break;
  case VPD_SERIAL:
    if (serial > 0)
      memcpy (data + 4, disk->serial, serial);
    data[3] = (uint8_t) serial;
    break;
  case VPD_IDENTIFICATION: // one descriptor: ASCII, by the vendor
    data[4] = 2, data[5] = 1;
    memcpy (data + 8, "TERRARIU", 8);
    if (serial > 0)
      memcpy (data + 16, disk->serial, serial);
    data[7] = (uint8_t) (8 + serial);
    data[3] = data[7] + 4;
    break;
  default:
    fail (disk, command, bad_field);
    return;
  }
  answer (command, 4u + data[3], get_be (cdb + 3, 2));
}

static void
inquiry (ScsiDisk *disk, const uint8_t *cdb, ScsiCommand *command)
{
  uint8_t *data = command->data;

  if (cdb[1] & INQUIRY_VPD) {
    inquiry_vpd (disk, cdb, command);
    return;
  }
  if (cdb[2] != 0) {
    fail (disk, command, bad_field);
    return;
  }
  data[1] = disk->removable ? 0x80 : 0;
  data[2] = 6; // SPC-4
  data[3] = 2; // this format
  data[4] = 36 - 5;
  memcpy (data + 8, "TERRARIUDisk            1.0 ", 28);
  answer (command, 36, get_be (cdb + 3, 2));
}

static void
request_sense (ScsiDisk *disk, const uint8_t *cdb, ScsiCommand *command)
{
  scsi_disk_put_sense (disk, command->data);
  disk->sense = no_sense;
  answer (command, SCSI_SENSE_BYTES, cdb[4]);
}

static void
mode_sense (ScsiDisk *disk, const uint8_t *cdb, ScsiCommand *command)
{
  bool ten = cdb[0] == MODE_SENSE_10;
  unsigned header = ten ? 8 : 4, length = header, page = cdb[2] & 0x3f;
  uint8_t *data = command->data, writable = disk->read_only ? 0x80 : 0;

  if (page != PAGE_CACHING && page != PAGE_ALL) {
    fail (disk, command, bad_field);
    return;
  }
  data[length] = PAGE_CACHING;
  data[length + 1] = 18;
  data[length + 2] = 1 << 2; // writes are cached
  length += 20;
  if (ten)
    put_be (data, 2, length - 2), data[3] = writable;
  else
    data[0] = (uint8_t) (length - 1), data[2] = writable;
  answer (command, length, ten ? get_be (cdb + 7, 2) : cdb[4]);
}

static void
read_format_capacities (ScsiDisk *disk, const uint8_t *cdb, ScsiCommand *command)
{
  uint8_t *data = command->data;

  data[3] = 8;
  put_be (data + 4, 4, disk->n_blocks < UINT32_MAX ? disk->n_blocks : UINT32_MAX);
  put_be (data + 8, 4, SCSI_BLOCK_BYTES);
  data[8] = 2; // formatted
  answer (command, 12, get_be (cdb + 7, 2));
}

static void
read_capacity_10 (ScsiDisk *disk, ScsiCommand *command)
{
  uint64_t last = disk->n_blocks - 1;

  put_be (command->data, 4, last < UINT32_MAX ? last : UINT32_MAX);
  put_be (command->data + 4, 4, SCSI_BLOCK_BYTES);
  answer (command, 8, 8);
}

static void
read_capacity_16 (ScsiDisk *disk, const uint8_t *cdb, ScsiCommand *command)
{
  if ((cdb[1] & 0x1f) != READ_CAPACITY_16) {
    fail (disk, command, bad_field);
    return;
  }
  put_be (command->data, 8, disk->n_blocks - 1);
  put_be (command->data + 8, 4, SCSI_BLOCK_BYTES);
  command->data[13] = 3; // eight blocks are one on the host
  answer (command, 32, get_be (cdb + 10, 4));
}

static void
report_luns (const uint8_t *cdb, ScsiCommand *command)
{
  put_be (command->data, 4, 8); // one, number 0
  answer (command, 16, get_be (cdb + 6, 4));
}

// ---- transfers ------------------------------------------------------------------------------

static void
transfer_6 (ScsiDisk *disk, const uint8_t *cdb, ScsiCommand *command)
{
  transfer (disk, command, cdb[0] == WRITE_6 ? SCSI_WRITE : SCSI_READ,
            get_be (cdb + 1, 3) & 0x1fffff, cdb[4] != 0 ? cdb[4] : 256);
}

// Those with an address of 4 or 8 bytes.
static void
transfer_long (ScsiDisk *disk, const uint8_t *cdb, ScsiCommand *command)
{
  bool write = cdb[0] == WRITE_10 || cdb[0] == WRITE_12 || cdb[0] == WRITE_16;
  ScsiKind kind = write ? SCSI_WRITE : SCSI_READ;

  command->fua = write && (cdb[1] & FUA);
  switch (cdb[0]) {
  case READ_10:
  case WRITE_10:
    transfer (disk, command, kind, get_be (cdb + 2, 4), get_be (cdb + 7, 2));
    break;
  case READ_12:
  case WRITE_12:
    transfer (disk, command, kind, get_be (cdb + 2, 4), get_be (cdb + 6, 4));
    break;
  default:
    transfer (disk, command, kind, get_be (cdb + 2, 8), get_be (cdb + 10, 4));
    break;
  }
}

static void
take (ScsiDisk *disk, ScsiCommand *command, uint64_t length)
{
  command->kind = length > 0 ? SCSI_TAKE : SCSI_DONE;
  command->length = length;
}

void
scsi_disk_start (ScsiDisk *disk, const uint8_t cdb[SCSI_CDB_BYTES], ScsiCommand *command)
{
  *command = (ScsiCommand){.kind = SCSI_DONE, .status = SCSI_GOOD};
  switch (cdb[0]) {
  case TEST_UNIT_READY:
  case START_STOP:
  case PREVENT_REMOVAL:
  case VERIFY_10:
  case VERIFY_16:
    break;
  case REQUEST_SENSE:
    request_sense (disk, cdb, command);
    break;
  case READ_6:
  case WRITE_6:
    transfer_6 (disk, cdb, command);
    break;
  case INQUIRY:
    inquiry (disk, cdb, command);
    break;
  case MODE_SELECT_6:
    take (disk, command, cdb[4]);
    break;
  case MODE_SENSE_6:
  case MODE_SENSE_10:
    mode_sense (disk, cdb, command);
    break;
  case READ_FORMAT_CAPACITIES:
    read_format_capacities (disk, cdb, command);
    break;
  case READ_CAPACITY_10:
    read_capacity_10 (disk, command);
    break;
  case READ_10:
  case WRITE_10:
  case READ_16:
  case WRITE_16:
  case READ_12:
  case WRITE_12:
    transfer_long (disk, cdb, command);
    break;
  case SYNCHRONIZE_10:
  case SYNCHRONIZE_16:
    command->kind = disk->read_only ? SCSI_DONE : SCSI_FLUSH;
    break;
  case MODE_SELECT_10:
    take (disk, command, get_be (cdb + 7, 2));
    break;
  case SERVICE_IN_16:
    read_capacity_16 (disk, cdb, command);
    break;
  case REPORT_LUNS:
    report_luns (cdb, command);
    break;
  default:
    fail (disk, command, bad_opcode);
    break;
  }
}

void
scsi_disk_set_failed (ScsiDisk *disk, bool write)
{
  disk->sense = write ? medium_write : medium_read;
}

void
scsi_disk_put_sense (const ScsiDisk *disk, uint8_t sense[SCSI_SENSE_BYTES])
{
  memset (sense, 0, SCSI_SENSE_BYTES);
  sense[0] = 0x70; // of this command, fixed format
  sense[2] = disk->sense.key;
  sense[7] = SCSI_SENSE_BYTES - 8;
  sense[12] = disk->sense.code;
  sense[13] = disk->sense.qualifier;
}
