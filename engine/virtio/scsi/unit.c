// SPDX-License-Identifier: GPL-3.0-or-later
// A SCSI unit's life, the table of its commands, sense data and unit attention. Threads and trust:
// see scsi.h.

#include "engine/virtio/scsi/scsi-priv.h"

#include <errno.h>

enum {
  CD_BLOCK_BYTES = 2048,
  SENSE_FIXED = 0x70,

  ON_DISK = 1,
  ON_CDROM = 2,
  NEEDS_MEDIUM = 4,
  IN_SPITE_OF_ATTENTION = 8,
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
put_sense (uint8_t data[SCSI_SENSE_BYTES], uint32_t sense)
{
  memset (data, 0, SCSI_SENSE_BYTES);
  data[0] = SENSE_FIXED;
  data[2] = sense >> 16;
  data[7] = SCSI_SENSE_BYTES - 8;
  data[12] = sense >> 8 & 0xff;
  data[13] = sense & 0xff;
}

void
scsi_finish (ScsiUnit *unit, ScsiRequest *request, uint32_t sense)
{
  request->status = sense == SENSE_OK ? SCSI_GOOD : SCSI_CHECK_CONDITION;
  put_sense (request->sense, sense);
  if (sense != SENSE_OK)
    request->moved_bytes = 0;
  g_clear_pointer (&request->iov, g_free);
  push (&unit->done, request);
}

void
scsi_answer (ScsiUnit *unit, ScsiRequest *request, const uint8_t *data, size_t length, size_t room)
{
  length = MIN (length, room);
  for (unsigned i = 0; i < request->n_in && request->moved_bytes < length; i++) {
    size_t n = MIN (request->in[i].iov_len, length - request->moved_bytes);
    memcpy (request->in[i].iov_base, data + request->moved_bytes, n);
    request->moved_bytes += n;
  }
  scsi_finish (unit, request, SENSE_OK);
}

size_t
scsi_take (const ScsiRequest *request, void *to, size_t length)
{
  size_t done = 0;
  for (unsigned i = 0; i < request->n_out && done < length; i++) {
    size_t n = MIN (request->out[i].iov_len, length - done);
    memcpy ((uint8_t *) to + done, request->out[i].iov_base, n);
    done += n;
  }
  return done;
}

// ---- the medium -----------------------------------------------------------------------------

unsigned
scsi_block_bytes (const ScsiUnit *unit)
{
  return unit->is_cdrom ? CD_BLOCK_BYTES : BLOCK_SECTOR_BYTES;
}

uint32_t
scsi_medium_sense (const ScsiUnit *unit)
{
  if (unit->tray_open)
    return SENSE_TRAY_OPEN;
  return unit->disk == NULL ? SENSE_NO_MEDIUM : SENSE_OK;
}

uint64_t
scsi_n_blocks (const ScsiUnit *unit)
{
  if (scsi_medium_sense (unit) != SENSE_OK)
    return 0;
  return block_device_get_size_bytes (unit->disk) / scsi_block_bytes (unit);
}

bool
scsi_is_read_only (const ScsiUnit *unit)
{
  return unit->is_cdrom || block_device_is_read_only (unit->disk);
}

// ---- commands -------------------------------------------------------------------------------

static void
succeed (ScsiUnit *unit, ScsiRequest *request)
{
  scsi_finish (unit, request, SENSE_OK);
}

static const struct {
  uint8_t opcode, flags;
  ScsiCommand *run;
} commands[] = {
    {0x00, ON_DISK | ON_CDROM | NEEDS_MEDIUM, succeed}, // TEST UNIT READY
    {0x03, ON_DISK | ON_CDROM | IN_SPITE_OF_ATTENTION, scsi_request_sense},
    {0x08, ON_DISK | NEEDS_MEDIUM, scsi_read}, // READ (6)
    {0x0a, ON_DISK | NEEDS_MEDIUM, scsi_write},
    {0x12, ON_DISK | ON_CDROM | IN_SPITE_OF_ATTENTION, scsi_inquiry},
    {0x15, ON_DISK | ON_CDROM, scsi_mode_select}, // MODE SELECT (6)
    {0x1a, ON_DISK | ON_CDROM, scsi_mode_sense},
    {0x1b, ON_DISK | ON_CDROM, scsi_start_stop},
    {0x1e, ON_DISK | ON_CDROM, scsi_prevent_removal},
    {0x25, ON_DISK | ON_CDROM | NEEDS_MEDIUM, scsi_read_capacity},
    {0x28, ON_DISK | ON_CDROM | NEEDS_MEDIUM, scsi_read}, // READ (10)
    {0x2a, ON_DISK | NEEDS_MEDIUM, scsi_write},
    {0x2b, ON_CDROM | NEEDS_MEDIUM, succeed}, // SEEK (10)
    {0x2f, ON_DISK | ON_CDROM | NEEDS_MEDIUM, scsi_verify},
    {0x35, ON_DISK | ON_CDROM, scsi_flush}, // SYNCHRONIZE CACHE (10)
    {0x41, ON_DISK | NEEDS_MEDIUM, scsi_write_same},
    {0x42, ON_DISK | NEEDS_MEDIUM, scsi_unmap},
    {0x43, ON_CDROM | NEEDS_MEDIUM, scsi_read_toc},
    {0x46, ON_CDROM | IN_SPITE_OF_ATTENTION, scsi_get_configuration},
    {0x4a, ON_CDROM | IN_SPITE_OF_ATTENTION, scsi_get_event},
    {0x51, ON_CDROM | NEEDS_MEDIUM, scsi_read_disc_information},
    {0x55, ON_DISK | ON_CDROM, scsi_mode_select}, // MODE SELECT (10)
    {0x5a, ON_DISK | ON_CDROM, scsi_mode_sense},
    {0x88, ON_DISK | NEEDS_MEDIUM, scsi_read}, // READ (16)
    {0x8a, ON_DISK | NEEDS_MEDIUM, scsi_write},
    {0x8f, ON_DISK | NEEDS_MEDIUM, scsi_verify},
    {0x91, ON_DISK, scsi_flush}, // SYNCHRONIZE CACHE (16)
    {0x93, ON_DISK | NEEDS_MEDIUM, scsi_write_same},
    {0x9e, ON_DISK | NEEDS_MEDIUM, scsi_service_in},
    {0xa0, ON_DISK | ON_CDROM | IN_SPITE_OF_ATTENTION, scsi_report_luns},
    {0xa8, ON_DISK | ON_CDROM | NEEDS_MEDIUM, scsi_read}, // READ (12)
    {0xaa, ON_DISK | NEEDS_MEDIUM, scsi_write},
    {0xbb, ON_CDROM, succeed}, // SET CD SPEED
    {0xbd, ON_CDROM, scsi_mechanism_status},
    {0xbe, ON_CDROM | NEEDS_MEDIUM, scsi_read_cd},
};

void
scsi_unit_submit (ScsiUnit *unit, ScsiRequest *request)
{
  uint8_t kind = unit->is_cdrom ? ON_CDROM : ON_DISK;
  unsigned i = 0;

  request->block = (BlockRequest){0};
  request->moved_bytes = 0;
  request->no_room = false;
  request->iov = NULL;
  while (i < G_N_ELEMENTS (commands) &&
         (commands[i].opcode != request->cdb[0] || !(commands[i].flags & kind)))
    i++;
  if (i == G_N_ELEMENTS (commands)) {
    scsi_finish (unit, request, SENSE_INVALID_COMMAND);
    return;
  }
  if (unit->attention != 0 && !(commands[i].flags & IN_SPITE_OF_ATTENTION)) {
    uint32_t sense = unit->attention;
    unit->attention = 0;
    scsi_finish (unit, request, sense);
    return;
  }
  uint32_t sense = commands[i].flags & NEEDS_MEDIUM ? scsi_medium_sense (unit) : SENSE_OK;
  if (sense != SENSE_OK)
    scsi_finish (unit, request, sense);
  else
    commands[i].run (unit, request);
}

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
    if (request->block.op == BLOCK_READ || request->block.op == BLOCK_WRITE)
      request->moved_bytes = request->block.length_bytes;
    scsi_finish (unit, request, sense_of_error (request));
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

// ---- life -----------------------------------------------------------------------------------

static ScsiUnit *
unit_new (BlockDevice *take, const char *serial, bool is_cdrom)
{
  ScsiUnit *unit = g_new0 (ScsiUnit, 1);

  unit->is_cdrom = is_cdrom;
  unit->disk = take;
  g_strlcpy (unit->serial, serial, sizeof unit->serial);
  scsi_unit_reset (unit);
  return unit;
}

ScsiUnit *
scsi_disk_new (BlockDevice *take, const char *serial)
{
  return unit_new (take, serial, false);
}

ScsiUnit *
scsi_cdrom_new (BlockDevice *take, const char *serial)
{
  return unit_new (take, serial, true);
}

void
scsi_unit_free (ScsiUnit *unit)
{
  if (unit == NULL)
    return;
  block_device_free (unit->disk);
  g_free (unit);
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
scsi_unit_reset (ScsiUnit *unit)
{
  unit->attention = SENSE_RESET;
  unit->writeback = true;
  unit->tray_open = unit->locked = false;
  unit->media_event = 0;
}

bool
scsi_unit_is_cdrom (const ScsiUnit *unit)
{
  return unit->is_cdrom;
}

void
scsi_cdrom_change (ScsiUnit *unit, BlockDevice *take)
{
  g_assert (unit->is_cdrom);
  scsi_unit_wait (unit);
  take_completed (unit);
  block_device_free (unit->disk);
  unit->disk = take;
  unit->tray_open = false;
  unit->locked = false;
  unit->attention = SENSE_MEDIUM_CHANGED;
  unit->media_event = take != NULL ? MEDIA_NEW : MEDIA_REMOVAL;
  if (take != NULL && unit->loop != NULL)
    block_device_attach (take, unit->loop, unit->completed, unit->completed_data);
}

static uint64_t
size_bytes (const ScsiUnit *unit)
{
  return unit->disk != NULL ? block_device_get_size_bytes (unit->disk) : 0;
}

void
scsi_unit_save (const ScsiUnit *unit, StateWriter *writer)
{
  state_put_bool (writer, unit->is_cdrom);
  state_put_u64 (writer, size_bytes (unit));
  state_put_u32 (writer, unit->attention);
  state_put_bool (writer, unit->writeback);
  state_put_bool (writer, unit->tray_open);
  state_put_bool (writer, unit->locked);
  state_put_u8 (writer, unit->media_event);
}

// Another medium than before is one that was changed meanwhile.
bool
scsi_unit_load (ScsiUnit *unit, StateReader *reader)
{
  bool is_cdrom = state_get_bool (reader);
  uint64_t size = state_get_u64 (reader);

  unit->attention = state_get_u32 (reader) & 0x0fffff;
  unit->writeback = state_get_bool (reader);
  unit->tray_open = state_get_bool (reader) && unit->is_cdrom;
  unit->locked = state_get_bool (reader);
  unit->media_event = state_get_u8 (reader) & 7;
  if (!state_reader_ok (reader) || is_cdrom != unit->is_cdrom)
    return false;
  if (size == size_bytes (unit))
    return true;
  unit->attention = SENSE_MEDIUM_CHANGED;
  unit->media_event = unit->disk != NULL ? MEDIA_NEW : MEDIA_REMOVAL;
  return unit->is_cdrom;
}
