// SPDX-License-Identifier: GPL-3.0-or-later
// A SCSI unit's life, the table of its commands, sense data and unit attention. Threads and trust:
// see scsi.h.

#include "engine/scsi/scsi-priv.h"

enum {
  CD_BLOCK_BYTES = 2048,
  SENSE_FIXED = 0x70,

  ON_DISK = 1,
  ON_CDROM = 2,
  ON_STICK = 4,
  ON_ALL = ON_DISK | ON_CDROM | ON_STICK,
  NEEDS_MEDIUM = 8,
  IN_SPITE_OF_ATTENTION = 16,
};

// ---- what a command comes to -----------------------------------------------------------------

void
scsi_put_sense (uint8_t data[SCSI_SENSE_BYTES], uint32_t sense)
{
  memset (data, 0, SCSI_SENSE_BYTES);
  data[0] = SENSE_FIXED;
  data[2] = sense >> 16;
  data[7] = SCSI_SENSE_BYTES - 8;
  data[12] = sense >> 8 & 0xff;
  data[13] = sense & 0xff;
}

void
scsi_finish (ScsiCommand *command, uint32_t sense)
{
  command->kind = SCSI_DONE;
  command->sense = sense;
  command->length = 0;
}

void
scsi_answer (ScsiCommand *command, const uint8_t *data, size_t length, size_t room)
{
  g_assert (length <= sizeof command->data);
  command->kind = SCSI_DATA_IN;
  command->length = MIN (length, room);
  memcpy (command->data, data, command->length);
}

void
scsi_want (ScsiCommand *command, size_t length)
{
  command->kind = SCSI_PARAMETERS;
  command->length = length;
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
succeed (ScsiUnit *unit, const uint8_t *cdb, ScsiCommand *command)
{
  scsi_finish (command, SENSE_OK);
}

typedef struct Function {
  uint8_t opcode, flags;
  ScsiRun *run;
  ScsiTake *take;
} Function;

static const Function functions[] = {
    {0x00, ON_ALL | NEEDS_MEDIUM, succeed, NULL}, // TEST UNIT READY
    {0x03, ON_ALL | IN_SPITE_OF_ATTENTION, scsi_request_sense, NULL},
    {0x08, ON_DISK | ON_STICK | NEEDS_MEDIUM, scsi_read, NULL}, // READ (6)
    {0x0a, ON_DISK | ON_STICK | NEEDS_MEDIUM, scsi_write, NULL},
    {0x12, ON_ALL | IN_SPITE_OF_ATTENTION, scsi_inquiry, NULL},
    {0x15, ON_ALL, scsi_mode_select, scsi_take_mode}, // MODE SELECT (6)
    {0x1a, ON_ALL, scsi_mode_sense, NULL},
    {0x1b, ON_ALL, scsi_start_stop, NULL},
    {0x1e, ON_ALL, scsi_prevent_removal, NULL},
    {0x23, ON_STICK | NEEDS_MEDIUM, scsi_read_format_capacities, NULL},
    {0x25, ON_ALL | NEEDS_MEDIUM, scsi_read_capacity, NULL},
    {0x28, ON_ALL | NEEDS_MEDIUM, scsi_read, NULL}, // READ (10)
    {0x2a, ON_DISK | ON_STICK | NEEDS_MEDIUM, scsi_write, NULL},
    {0x2b, ON_CDROM | NEEDS_MEDIUM, succeed, NULL}, // SEEK (10)
    {0x2f, ON_ALL | NEEDS_MEDIUM, scsi_verify, NULL},
    {0x35, ON_ALL, scsi_flush, NULL}, // SYNCHRONIZE CACHE (10)
    {0x41, ON_DISK | NEEDS_MEDIUM, scsi_write_same, scsi_take_same},
    {0x42, ON_DISK | NEEDS_MEDIUM, scsi_unmap, scsi_take_unmap},
    {0x43, ON_CDROM | NEEDS_MEDIUM, scsi_read_toc, NULL},
    {0x46, ON_CDROM | IN_SPITE_OF_ATTENTION, scsi_get_configuration, NULL},
    {0x4a, ON_CDROM | IN_SPITE_OF_ATTENTION, scsi_get_event, NULL},
    {0x51, ON_CDROM | NEEDS_MEDIUM, scsi_read_disc_information, NULL},
    {0x55, ON_ALL, scsi_mode_select, scsi_take_mode}, // MODE SELECT (10)
    {0x5a, ON_ALL, scsi_mode_sense, NULL},
    {0x88, ON_DISK | ON_STICK | NEEDS_MEDIUM, scsi_read, NULL}, // READ (16)
    {0x8a, ON_DISK | ON_STICK | NEEDS_MEDIUM, scsi_write, NULL},
    {0x8f, ON_DISK | ON_STICK | NEEDS_MEDIUM, scsi_verify, NULL},
    {0x91, ON_DISK | ON_STICK, scsi_flush, NULL}, // SYNCHRONIZE CACHE (16)
    {0x93, ON_DISK | NEEDS_MEDIUM, scsi_write_same, scsi_take_same},
    {0x9e, ON_DISK | ON_STICK | NEEDS_MEDIUM, scsi_service_in, NULL},
    {0xa0, ON_ALL | IN_SPITE_OF_ATTENTION, scsi_report_luns, NULL},
    {0xa8, ON_ALL | NEEDS_MEDIUM, scsi_read, NULL}, // READ (12)
    {0xaa, ON_DISK | ON_STICK | NEEDS_MEDIUM, scsi_write, NULL},
    {0xbb, ON_CDROM, succeed, NULL}, // SET CD SPEED
    {0xbd, ON_CDROM, scsi_mechanism_status, NULL},
    {0xbe, ON_CDROM | NEEDS_MEDIUM, scsi_read_cd, NULL},
};

// NULL: the unit knows of no such command.
static const Function *
find_function (const ScsiUnit *unit, uint8_t opcode)
{
  uint8_t kind = unit->is_cdrom ? ON_CDROM : unit->is_stick ? ON_STICK : ON_DISK;

  for (size_t i = 0; i < G_N_ELEMENTS (functions); i++)
    if (functions[i].opcode == opcode && (functions[i].flags & kind))
      return &functions[i];
  return NULL;
}

static void
keep_sense (ScsiUnit *unit, const ScsiCommand *command)
{
  if (command->kind == SCSI_DONE && command->sense != SENSE_OK)
    unit->sense = command->sense;
}

// Why it does not run at all.
static uint32_t
obstacle (ScsiUnit *unit, const Function *function)
{
  if (function == NULL)
    return SENSE_INVALID_COMMAND;
  if (unit->attention != 0 && !(function->flags & IN_SPITE_OF_ATTENTION)) {
    uint32_t sense = unit->attention;
    unit->attention = 0;
    return sense;
  }
  return function->flags & NEEDS_MEDIUM ? scsi_medium_sense (unit) : SENSE_OK;
}

void
scsi_unit_start (ScsiUnit *unit, const uint8_t cdb[SCSI_CDB_BYTES], ScsiCommand *command)
{
  const Function *function = find_function (unit, cdb[0]);
  uint32_t sense = obstacle (unit, function);

  *command = (ScsiCommand){.kind = SCSI_DONE};
  if (sense != SENSE_OK)
    scsi_finish (command, sense);
  else
    function->run (unit, cdb, command);
  keep_sense (unit, command);
}

void
scsi_unit_take (ScsiUnit *unit, const uint8_t cdb[SCSI_CDB_BYTES], const uint8_t *parameters,
                size_t length, ScsiCommand *command)
{
  const Function *function = find_function (unit, cdb[0]);
  uint32_t sense =
      function != NULL && (function->flags & NEEDS_MEDIUM) ? scsi_medium_sense (unit) : SENSE_OK;

  *command = (ScsiCommand){.kind = SCSI_DONE};
  if (sense != SENSE_OK)
    scsi_finish (command, sense);
  else if (function != NULL && function->take != NULL)
    function->take (unit, cdb, parameters, length, command);
  keep_sense (unit, command);
}

void
scsi_unit_set_failed (ScsiUnit *unit, bool write)
{
  unit->sense = write ? SENSE_WRITE_ERROR : SENSE_READ_ERROR;
}

uint32_t
scsi_unit_get_sense (const ScsiUnit *unit)
{
  return unit->sense;
}

void
scsi_unit_set_sense (ScsiUnit *unit, uint32_t sense)
{
  unit->sense = sense;
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
scsi_stick_new (BlockDevice *take, const char *serial)
{
  ScsiUnit *unit = unit_new (take, serial, false);

  unit->is_stick = true;
  scsi_unit_reset (unit);
  return unit;
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
scsi_unit_reset (ScsiUnit *unit)
{
  // Sticks come up without it, and what boots from them does not expect it.
  unit->attention = unit->is_stick ? SENSE_OK : SENSE_RESET;
  unit->sense = SENSE_OK;
  unit->writeback = true;
  unit->tray_open = unit->locked = false;
  unit->media_event = 0;
}

bool
scsi_unit_is_cdrom (const ScsiUnit *unit)
{
  return unit->is_cdrom;
}

bool
scsi_cdrom_is_locked (ScsiUnit *unit)
{
  if (!unit->locked || unit->disk == NULL)
    return false;
  unit->media_event = MEDIA_EJECT_REQUEST;
  return true;
}

void
scsi_cdrom_change (ScsiUnit *unit, BlockDevice *take)
{
  g_assert (unit->is_cdrom);
  scsi_unit_settle (unit);
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
