// SPDX-License-Identifier: GPL-3.0-or-later
// Commands that come with all of the initiator's buffers: what they come to is carried out between
// these and the disk. Threads and trust: see scsi.h.

#include "engine/scsi/scsi-priv.h"

#include <errno.h>

enum {
  MAX_TRANSFER_BYTES = 1 << 30,
  MAX_PARAMETER_BYTES = 512,
};

// ---- what is done ---------------------------------------------------------------------------

static void
push (ScsiQueue *queue, ScsiRequest *request)
{
  request->next = NULL;
  if (queue->tail != NULL)
    queue->tail->next = request;
  else
    queue->head = request;
  queue->tail = request;
}

static ScsiRequest *
pop (ScsiQueue *queue)
{
  ScsiRequest *request = queue->head;
  if (request != NULL) {
    queue->head = request->next;
    if (queue->head == NULL)
      queue->tail = NULL;
  }
  return request;
}

static void
finish (ScsiUnit *unit, ScsiRequest *request, uint32_t sense)
{
  request->status = sense == SENSE_OK ? SCSI_GOOD : SCSI_CHECK_CONDITION;
  scsi_put_sense (request->sense, sense);
  if (sense != SENSE_OK)
    request->moved_bytes = 0;
  g_clear_pointer (&request->iov, g_free);
  push (&unit->done, request);
}

// ---- buffers --------------------------------------------------------------------------------

static void
scatter (ScsiRequest *request, const uint8_t *data, size_t length)
{
  for (unsigned i = 0; i < request->n_in && request->moved_bytes < length; i++) {
    size_t n = MIN (request->in[i].iov_len, length - request->moved_bytes);
    memcpy (request->in[i].iov_base, data + request->moved_bytes, n);
    request->moved_bytes += n;
  }
}

static size_t
gather (const ScsiRequest *request, uint8_t *to, size_t length)
{
  size_t done = 0;

  for (unsigned i = 0; i < request->n_out && done < length; i++) {
    size_t n = MIN (request->out[i].iov_len, length - done);
    memcpy (to + done, request->out[i].iov_base, n);
    done += n;
  }
  return done;
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

// ---- carrying out ---------------------------------------------------------------------------

static void
transfer (ScsiUnit *unit, ScsiRequest *request, const ScsiCommand *command)
{
  bool write = command->kind == SCSI_WRITE;

  if (command->length > (write ? request->out_bytes : request->in_bytes) ||
      command->length > MAX_TRANSFER_BYTES) {
    finish (unit, request, SENSE_INVALID_FIELD);
    return;
  }
  slice (request, write ? request->out : request->in, write ? request->n_out : request->n_in,
         command->length);
  block_device_submit (unit->disk, &request->block);
}

static void
carry_out (ScsiUnit *unit, ScsiRequest *request, const ScsiCommand *command)
{
  static const BlockOp ops[] = {
      [SCSI_READ] = BLOCK_READ,       [SCSI_WRITE] = BLOCK_WRITE,       [SCSI_FLUSH] = BLOCK_FLUSH,
      [SCSI_DISCARD] = BLOCK_DISCARD, [SCSI_ZERO] = BLOCK_WRITE_ZEROES,
  };

  request->block = (BlockRequest){
      .op = ops[command->kind],
      .fua = command->fua,
      .may_unmap = command->may_unmap,
      .offset_bytes = command->offset,
      .length_bytes = command->length,
  };
  switch (command->kind) {
  case SCSI_DONE:
  case SCSI_PARAMETERS: // were taken
    finish (unit, request, command->sense);
    break;
  case SCSI_DATA_IN:
    scatter (request, command->data, command->length);
    finish (unit, request, SENSE_OK);
    break;
  case SCSI_READ:
  case SCSI_WRITE:
    transfer (unit, request, command);
    break;
  case SCSI_FLUSH:
  case SCSI_DISCARD:
  case SCSI_ZERO:
    block_device_submit (unit->disk, &request->block);
    break;
  }
}

void
scsi_unit_submit (ScsiUnit *unit, ScsiRequest *request)
{
  uint8_t parameters[MAX_PARAMETER_BYTES] = {0};
  ScsiCommand command;

  request->moved_bytes = 0;
  request->no_room = request->disk_failed = false;
  request->iov = NULL;
  scsi_unit_start (unit, request->cdb, &command);
  if (command.kind == SCSI_PARAMETERS) {
    request->moved_bytes = gather (request, parameters, MIN (command.length, sizeof parameters));
    scsi_unit_take (unit, request->cdb, parameters, request->moved_bytes, &command);
  }
  unit->sense = SENSE_OK; // goes with the status
  carry_out (unit, request, &command);
}

// ---- what the disk has done -----------------------------------------------------------------

static uint32_t
sense_of_error (const ScsiRequest *request)
{
  switch (request->block.error) {
  case 0:
    return SENSE_OK;
  case ECANCELED:
    return SENSE_ABORTED;
  default:
    return request->block.op == BLOCK_READ ? SENSE_READ_ERROR : SENSE_WRITE_ERROR;
  }
}

// There may be room later, of a flush too (a sync that failed is EIO: block/file.h).
static bool
lacks_room (const BlockRequest *block)
{
  return block->error == ENOSPC || block->error == EDQUOT;
}

static void
take_completed (ScsiUnit *unit)
{
  ScsiRequest *request;

  while (unit->disk != NULL && (request = (ScsiRequest *) block_device_reap (unit->disk)) != NULL) {
    request->no_room = lacks_room (&request->block);
    request->disk_failed =
        request->block.error != 0 && request->block.error != ECANCELED && !request->no_room;
    if (request->block.op == BLOCK_READ || request->block.op == BLOCK_WRITE)
      request->moved_bytes = request->block.length_bytes;
    finish (unit, request, sense_of_error (request));
  }
}

ScsiRequest *
scsi_unit_reap (ScsiUnit *unit)
{
  if (unit->done.head == NULL)
    take_completed (unit);
  return pop (&unit->done);
}

void
scsi_unit_wait (ScsiUnit *unit)
{
  if (unit->disk != NULL)
    block_device_wait (unit->disk);
}

void
scsi_unit_cancel (ScsiUnit *unit)
{
  if (unit->disk != NULL)
    block_device_cancel (unit->disk);
}

void
scsi_unit_attach (ScsiUnit *unit, VmLoop *loop, void (*completed) (void *), void *data)
{
  unit->loop = loop;
  unit->completed = completed;
  unit->completed_data = data;
  if (unit->disk != NULL)
    block_device_attach (unit->disk, loop, completed, data);
}

void
scsi_unit_settle (ScsiUnit *unit)
{
  scsi_unit_wait (unit);
  take_completed (unit);
}
