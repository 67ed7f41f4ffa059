// SPDX-License-Identifier: GPL-3.0-or-later
// Reading and writing a SCSI unit (SBC-3 §5): transfers straight between the initiator's buffers and
// the disk, flushes, unmapping, zeroing, capacity.

#include "engine/virtio/scsi/scsi-priv.h"

enum {
  MAX_TRANSFER_BYTES = 1 << 30,
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

// The first `bytes` bytes of the buffers.
static void
slice (ScsiRequest *request, const struct iovec *from, unsigned n_from, uint64_t bytes)
{
  unsigned n = 0;

  request->iov = g_new (struct iovec, n_from);
  for (unsigned i = 0; i < n_from && bytes > 0; i++) {
    request->iov[n] = from[i];
    request->iov[n].iov_len = MIN (from[i].iov_len, bytes);
    bytes -= request->iov[n++].iov_len;
  }
  request->block.iov = request->iov;
  request->block.n_iov = n;
}

static void
start (ScsiUnit *unit, ScsiRequest *request, BlockOp op, const Extent *extent)
{
  BlockRequest *block = &request->block;

  block->op = op;
  block->offset_bytes = extent->first * scsi_block_bytes (unit);
  block->length_bytes = extent->n * scsi_block_bytes (unit);
  block_device_submit (unit->disk, block);
}

static void
transfer (ScsiUnit *unit, ScsiRequest *request, bool write)
{
  const Extent extent = get_extent (request->cdb);
  bool long_form = request->cdb[0] >> 5 != 0;
  uint64_t room = write ? request->out_bytes : request->in_bytes;

  if (!in_range (unit, &extent)) {
    scsi_finish (unit, request, SENSE_OUT_OF_RANGE);
    return;
  }
  uint64_t bytes = extent.n * scsi_block_bytes (unit);
  if (bytes > room || bytes > MAX_TRANSFER_BYTES) {
    scsi_finish (unit, request, SENSE_INVALID_FIELD);
    return;
  }
  if (bytes == 0) {
    scsi_finish (unit, request, SENSE_OK);
    return;
  }
  slice (request, write ? request->out : request->in, write ? request->n_out : request->n_in,
         bytes);
  request->block.fua = write && (!unit->writeback || (long_form && (request->cdb[1] & FUA)));
  start (unit, request, write ? BLOCK_WRITE : BLOCK_READ, &extent);
}

void
scsi_read (ScsiUnit *unit, ScsiRequest *request)
{
  transfer (unit, request, false);
}

void
scsi_write (ScsiUnit *unit, ScsiRequest *request)
{
  if (scsi_is_read_only (unit))
    scsi_finish (unit, request, SENSE_WRITE_PROTECTED);
  else
    transfer (unit, request, true);
}

// Comparing with data that is sent is not offered (BYTCHK 0); the medium itself is good.
void
scsi_verify (ScsiUnit *unit, ScsiRequest *request)
{
  const Extent extent = get_extent (request->cdb);

  if (request->cdb[1] & 6)
    scsi_finish (unit, request, SENSE_INVALID_FIELD);
  else
    scsi_finish (unit, request, in_range (unit, &extent) ? SENSE_OK : SENSE_OUT_OF_RANGE);
}

void
scsi_flush (ScsiUnit *unit, ScsiRequest *request)
{
  const Extent none = {0, 0};

  if (scsi_medium_sense (unit) != SENSE_OK || scsi_is_read_only (unit))
    scsi_finish (unit, request, SENSE_OK);
  else
    start (unit, request, BLOCK_FLUSH, &none);
}

// ---- giving back and zeroing ----------------------------------------------------------------

// One range, as INQUIRY says.
void
scsi_unmap (ScsiUnit *unit, ScsiRequest *request)
{
  uint8_t data[UNMAP_HEAD_BYTES + UNMAP_RANGE_BYTES] = {0};
  size_t wanted = scsi_get16 (request->cdb + 7);
  size_t length = scsi_take (request, data, MIN (wanted, sizeof data));
  unsigned ranges = scsi_get16 (data + 2);
  const Extent extent = {scsi_get64 (data + 8), scsi_get32 (data + 16)};

  if (scsi_is_read_only (unit))
    scsi_finish (unit, request, SENSE_WRITE_PROTECTED);
  else if (request->cdb[1] & 1) // anchored
    scsi_finish (unit, request, SENSE_INVALID_FIELD);
  else if (wanted == 0 || (length >= UNMAP_HEAD_BYTES && ranges == 0))
    scsi_finish (unit, request, SENSE_OK);
  else if (length < sizeof data)
    scsi_finish (unit, request, SENSE_PARAMETER_LENGTH);
  else if (ranges > UNMAP_RANGE_BYTES || extent.n > MAX_UNMAPPED_BLOCKS)
    scsi_finish (unit, request, SENSE_INVALID_PARAMETER);
  else if (!in_range (unit, &extent))
    scsi_finish (unit, request, SENSE_OUT_OF_RANGE);
  else if (extent.n == 0)
    scsi_finish (unit, request, SENSE_OK);
  else
    start (unit, request, BLOCK_DISCARD, &extent);
}

static bool
is_zero (const uint8_t *data, size_t length)
{
  for (size_t i = 0; i < length; i++)
    if (data[i] != 0)
      return false;
  return true;
}

// Zeroes are all that is written this way.
void
scsi_write_same (ScsiUnit *unit, ScsiRequest *request)
{
  const Extent extent = get_extent (request->cdb);
  uint8_t flags = request->cdb[1], data[BLOCK_SECTOR_BYTES] = {0};
  bool no_data = request->cdb[0] != WRITE_SAME_10 && (flags & WRITE_SAME_NO_DATA);

  if (scsi_is_read_only (unit)) {
    scsi_finish (unit, request, SENSE_WRITE_PROTECTED);
    return;
  }
  if (!no_data && scsi_take (request, data, sizeof data) != sizeof data) {
    scsi_finish (unit, request, SENSE_PARAMETER_LENGTH);
    return;
  }
  if ((flags & 0x16) != 0 || extent.n == 0 || extent.n > MAX_ZEROED_BLOCKS ||
      !is_zero (data, sizeof data)) {
    scsi_finish (unit, request, SENSE_INVALID_FIELD);
    return;
  }
  if (!in_range (unit, &extent)) {
    scsi_finish (unit, request, SENSE_OUT_OF_RANGE);
    return;
  }
  request->block.may_unmap = flags & WRITE_SAME_UNMAP;
  request->block.fua = !unit->writeback;
  start (unit, request, BLOCK_WRITE_ZEROES, &extent);
}

// ---- capacity -------------------------------------------------------------------------------

void
scsi_read_capacity (ScsiUnit *unit, ScsiRequest *request)
{
  uint64_t n = scsi_n_blocks (unit), last = n != 0 ? n - 1 : 0;
  uint8_t data[8];

  scsi_put32 (data, MIN (last, UINT32_MAX));
  scsi_put32 (data + 4, scsi_block_bytes (unit));
  scsi_answer (unit, request, data, sizeof data, sizeof data);
}

void
scsi_service_in (ScsiUnit *unit, ScsiRequest *request)
{
  uint64_t n = scsi_n_blocks (unit);
  uint8_t data[32] = {0};

  if ((request->cdb[1] & 0x1f) != READ_CAPACITY_16) {
    scsi_finish (unit, request, SENSE_INVALID_FIELD);
    return;
  }
  scsi_put64 (data, n != 0 ? n - 1 : 0);
  scsi_put32 (data + 8, scsi_block_bytes (unit));
  data[13] = 3;    // 4 KiB physical blocks
  data[14] = 0x80; // thin: what is unmapped need not read as zeroes
  scsi_answer (unit, request, data, sizeof data, scsi_get32 (request->cdb + 10));
}
