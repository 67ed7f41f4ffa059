// SPDX-License-Identifier: GPL-3.0-or-later
// Reading and writing a SCSI unit (SBC-3 §5): transfers, flushes, unmapping, zeroing, capacity.

#include "engine/scsi/scsi-priv.h"

enum {
  MAX_ZEROED_BLOCKS = 1 << 17, // as INQUIRY says
  MAX_UNMAPPED_BLOCKS = 1 << 21,

  FUA = 8, // in byte 1 of READ and WRITE
  WRITE_SAME_10 = 0x41,
  WRITE_SAME_UNMAP = 8,
  WRITE_SAME_NO_DATA = 1,
  READ_CAPACITY_16 = 0x10, // service action
  UNMAP_HEAD_BYTES = 8,
  UNMAP_RANGE_BYTES = 16,
};

typedef struct Extent {
  uint64_t first, n; // blocks
} Extent;

// Where the first block and the number are depends on the length of the command, which its top
// three bits tell.
static Extent
get_extent (const uint8_t *cdb)
{
  switch (cdb[0] >> 5) {
  case 0:
    return (Extent){(cdb[1] & 0x1f) << 16 | scsi_get16 (cdb + 2), cdb[4] != 0 ? cdb[4] : 256};
  case 4:
    return (Extent){scsi_get64 (cdb + 2), scsi_get32 (cdb + 10)};
  case 5:
    return (Extent){scsi_get32 (cdb + 2), scsi_get32 (cdb + 6)};
  default:
    return (Extent){scsi_get32 (cdb + 2), scsi_get16 (cdb + 7)};
  }
}

static bool
in_range (const ScsiUnit *unit, const Extent *extent)
{
  uint64_t n_blocks = scsi_n_blocks (unit);
  return extent->first <= n_blocks && extent->n <= n_blocks - extent->first;
}

static void
start (ScsiUnit *unit, ScsiCommand *command, ScsiKind kind, const Extent *extent)
{
  command->kind = kind;
  command->offset = extent->first * scsi_block_bytes (unit);
  command->length = extent->n * scsi_block_bytes (unit);
}

static void
transfer (ScsiUnit *unit, const uint8_t *cdb, ScsiCommand *command, ScsiKind kind)
{
  const Extent extent = get_extent (cdb);
  bool long_form = cdb[0] >> 5 != 0;

  if (!in_range (unit, &extent)) {
    scsi_finish (command, SENSE_OUT_OF_RANGE);
  } else if (extent.n == 0) {
    scsi_finish (command, SENSE_OK);
  } else {
    command->fua = kind == SCSI_WRITE && (!unit->writeback || (long_form && (cdb[1] & FUA)));
    start (unit, command, kind, &extent);
  }
}

void
scsi_read (ScsiUnit *unit, const uint8_t *cdb, ScsiCommand *command)
{
  transfer (unit, cdb, command, SCSI_READ);
}

void
scsi_write (ScsiUnit *unit, const uint8_t *cdb, ScsiCommand *command)
{
  if (scsi_is_read_only (unit))
    scsi_finish (command, SENSE_WRITE_PROTECTED);
  else
    transfer (unit, cdb, command, SCSI_WRITE);
}

// Comparing with data that is sent is not offered (BYTCHK 0); the medium itself is good.
void
scsi_verify (ScsiUnit *unit, const uint8_t *cdb, ScsiCommand *command)
{
  const Extent extent = get_extent (cdb);

  if (cdb[1] & 6)
    scsi_finish (command, SENSE_INVALID_FIELD);
  else
    scsi_finish (command, in_range (unit, &extent) ? SENSE_OK : SENSE_OUT_OF_RANGE);
}

void
scsi_flush (ScsiUnit *unit, const uint8_t *cdb, ScsiCommand *command)
{
  const Extent none = {0, 0};

  if (scsi_medium_sense (unit) != SENSE_OK || scsi_is_read_only (unit))
    scsi_finish (command, SENSE_OK);
  else
    start (unit, command, SCSI_FLUSH, &none);
}

// ---- giving back and zeroing ----------------------------------------------------------------

void
scsi_unmap (ScsiUnit *unit, const uint8_t *cdb, ScsiCommand *command)
{
  size_t wanted = scsi_get16 (cdb + 7);

  if (scsi_is_read_only (unit))
    scsi_finish (command, SENSE_WRITE_PROTECTED);
  else if (cdb[1] & 1) // anchored
    scsi_finish (command, SENSE_INVALID_FIELD);
  else if (wanted == 0)
    scsi_finish (command, SENSE_OK);
  else
    scsi_want (command, wanted);
}

// One range, as INQUIRY says.
void
scsi_take_unmap (ScsiUnit *unit, const uint8_t *cdb, const uint8_t *data, size_t length,
                 ScsiCommand *command)
{
  unsigned ranges = length >= UNMAP_HEAD_BYTES ? scsi_get16 (data + 2) : 0;

  if (length >= UNMAP_HEAD_BYTES && ranges == 0) {
    scsi_finish (command, SENSE_OK);
    return;
  }
  if (length < UNMAP_HEAD_BYTES + UNMAP_RANGE_BYTES) {
    scsi_finish (command, SENSE_PARAMETER_LENGTH);
    return;
  }
  const Extent extent = {scsi_get64 (data + 8), scsi_get32 (data + 16)};
  if (ranges > UNMAP_RANGE_BYTES || extent.n > MAX_UNMAPPED_BLOCKS)
    scsi_finish (command, SENSE_INVALID_PARAMETER);
  else if (!in_range (unit, &extent))
    scsi_finish (command, SENSE_OUT_OF_RANGE);
  else if (extent.n == 0)
    scsi_finish (command, SENSE_OK);
  else
    start (unit, command, SCSI_DISCARD, &extent);
}

static void
write_zeroes (ScsiUnit *unit, const uint8_t *cdb, ScsiCommand *command)
{
  const Extent extent = get_extent (cdb);

  if ((cdb[1] & 0x16) != 0 || extent.n == 0 || extent.n > MAX_ZEROED_BLOCKS) {
    scsi_finish (command, SENSE_INVALID_FIELD);
  } else if (!in_range (unit, &extent)) {
    scsi_finish (command, SENSE_OUT_OF_RANGE);
  } else {
    command->may_unmap = cdb[1] & WRITE_SAME_UNMAP;
    command->fua = !unit->writeback;
    start (unit, command, SCSI_ZERO, &extent);
  }
}

// Zeroes are all that is written this way.
void
scsi_write_same (ScsiUnit *unit, const uint8_t *cdb, ScsiCommand *command)
{
  if (scsi_is_read_only (unit))
    scsi_finish (command, SENSE_WRITE_PROTECTED);
  else if (cdb[0] != WRITE_SAME_10 && (cdb[1] & WRITE_SAME_NO_DATA))
    write_zeroes (unit, cdb, command);
  else
    scsi_want (command, BLOCK_SECTOR_BYTES);
}

static bool
is_zero (const uint8_t *data, size_t length)
{
  for (size_t i = 0; i < length; i++)
    if (data[i] != 0)
      return false;
  return true;
}

void
scsi_take_same (ScsiUnit *unit, const uint8_t *cdb, const uint8_t *data, size_t length,
                ScsiCommand *command)
{
  if (length != BLOCK_SECTOR_BYTES)
    scsi_finish (command, SENSE_PARAMETER_LENGTH);
  else if (!is_zero (data, length))
    scsi_finish (command, SENSE_INVALID_FIELD);
  else
    write_zeroes (unit, cdb, command);
}

// ---- capacity -------------------------------------------------------------------------------

void
scsi_read_capacity (ScsiUnit *unit, const uint8_t *cdb, ScsiCommand *command)
{
  uint64_t n = scsi_n_blocks (unit), last = n != 0 ? n - 1 : 0;
  uint8_t data[8];

  scsi_put32 (data, MIN (last, UINT32_MAX));
  scsi_put32 (data + 4, scsi_block_bytes (unit));
  scsi_answer (command, data, sizeof data, sizeof data);
}

void
scsi_service_in (ScsiUnit *unit, const uint8_t *cdb, ScsiCommand *command)
{
  uint64_t n = scsi_n_blocks (unit);
  uint8_t data[32] = {0};

  if ((cdb[1] & 0x1f) != READ_CAPACITY_16) {
    scsi_finish (command, SENSE_INVALID_FIELD);
    return;
  }
  scsi_put64 (data, n != 0 ? n - 1 : 0);
  scsi_put32 (data + 8, scsi_block_bytes (unit));
  data[13] = 3;                         // 4 KiB physical blocks
  data[14] = unit->is_stick ? 0 : 0x80; // thin: what is unmapped need not read as zeroes
  scsi_answer (command, data, sizeof data, scsi_get32 (cdb + 10));
}

// What old drivers ask sticks.
void
scsi_read_format_capacities (ScsiUnit *unit, const uint8_t *cdb, ScsiCommand *command)
{
  uint8_t data[12] = {[3] = 8};

  scsi_put32 (data + 4, MIN (scsi_n_blocks (unit), UINT32_MAX));
  scsi_put32 (data + 8, scsi_block_bytes (unit));
  data[8] = 2; // formatted
  scsi_answer (command, data, sizeof data, scsi_get16 (cdb + 7));
}
