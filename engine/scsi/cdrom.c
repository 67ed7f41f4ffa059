// SPDX-License-Identifier: GPL-3.0-or-later
// What only drives know (MMC-5, and START STOP UNIT of SBC-3 for both kinds): the tray, its lock,
// events, one track of data, profiles.

#include "engine/scsi/scsi-priv.h"

enum {
  START = 1,
  LOAD_EJECT = 2,

  PROFILE_CDROM = 0x0008,
  PROFILE_DVDROM = 0x0010,
  CD_BLOCKS_MAX = 360000, // 80 minutes; more is a DVD

  EVENT_POLLED = 1,
  EVENT_CLASS_MEDIA = 4,
  EVENT_MASK_MEDIA = 1 << EVENT_CLASS_MEDIA,

  TRACK_DATA = 0x14, // ADR 1, control: data, copying not permitted
  LEAD_OUT = 0xaa,
  TOC_FORMAT_TOC = 0,
  TOC_FORMAT_SESSIONS = 1,
  MSF = 2,
  FRAMES_PER_SECOND = 75,
  PREGAP_FRAMES = 150,

  FEATURE_PROFILES = 0x0000,
  FEATURE_CORE = 0x0001,
  FEATURE_MORPHING = 0x0002,
  FEATURE_REMOVABLE = 0x0003,
  FEATURE_RANDOM_READ = 0x0010,
  FEATURE_CD_READ = 0x001e,
  FEATURE_DVD_READ = 0x001f,
  CURRENT = 1,
  PERSISTENT = 2,

  READ_CD_USER_DATA = 0x10,
};

// ---- the tray -------------------------------------------------------------------------------

void
scsi_start_stop (ScsiUnit *unit, const uint8_t *cdb, ScsiCommand *command)
{
  bool start = cdb[4] & START;

  if (!unit->is_cdrom || !(cdb[4] & LOAD_EJECT)) {
    scsi_finish (command, SENSE_OK);
    return;
  }
  if (!start && unit->locked) {
    scsi_finish (command, SENSE_MEDIUM_LOCKED);
    return;
  }
  if (unit->tray_open == start && unit->disk != NULL) {
    unit->attention = start ? SENSE_MEDIUM_CHANGED : 0;
    unit->media_event = start ? MEDIA_NEW : MEDIA_REMOVAL;
  }
  // What is being read is read to its end.
  unit->tray_open = !start;
  scsi_finish (command, SENSE_OK);
}

void
scsi_prevent_removal (ScsiUnit *unit, const uint8_t *cdb, ScsiCommand *command)
{
  unit->locked = unit->is_cdrom && (cdb[4] & 1);
  scsi_finish (command, SENSE_OK);
}

// Whoever asks is told once.
void
scsi_get_event (ScsiUnit *unit, const uint8_t *cdb, ScsiCommand *command)
{
  uint8_t data[8] = {0};
  size_t length = 4;

  if (!(cdb[1] & EVENT_POLLED)) {
    scsi_finish (command, SENSE_INVALID_FIELD);
    return;
  }
  data[3] = EVENT_MASK_MEDIA;
  if (cdb[4] & EVENT_MASK_MEDIA) {
    length = sizeof data;
    scsi_put16 (data, 6);
    data[2] = EVENT_CLASS_MEDIA;
    data[4] = unit->media_event;
    data[5] = (unit->tray_open ? 1 : 0) | (scsi_medium_sense (unit) == SENSE_OK ? 2 : 0);
    if (scsi_get16 (cdb + 7) > 4)
      unit->media_event = 0;
  } else {
    scsi_put16 (data, 2);
    data[2] = 0x80; // no such class
  }
  scsi_answer (command, data, length, scsi_get16 (cdb + 7));
}

void
scsi_mechanism_status (ScsiUnit *unit, const uint8_t *cdb, ScsiCommand *command)
{
  const uint8_t data[8] = {[1] = unit->tray_open ? 0x10 : 0, [5] = 1};
  scsi_answer (command, data, sizeof data, scsi_get16 (cdb + 8));
}

// ---- the disc -------------------------------------------------------------------------------

static void
put_address (uint8_t *to, uint64_t block, bool msf)
{
  if (!msf) {
    scsi_put32 (to, MIN (block, UINT32_MAX));
    return;
  }
  uint64_t frames = block + PREGAP_FRAMES;
  to[1] = MIN (frames / FRAMES_PER_SECOND / 60, 255);
  to[2] = frames / FRAMES_PER_SECOND % 60;
  to[3] = frames % FRAMES_PER_SECOND;
}

static uint8_t *
put_track (uint8_t *to, uint8_t number, uint64_t block, bool msf)
{
  to[1] = TRACK_DATA;
  to[2] = number;
  put_address (to + 4, block, msf);
  return to + 8;
}

// One track in one session.
void
scsi_read_toc (ScsiUnit *unit, const uint8_t *cdb, ScsiCommand *command)
{
  unsigned format = cdb[2] & 15, from = cdb[6];
  bool msf = cdb[1] & MSF;
  uint8_t data[SCSI_DATA_BYTES] = {[2] = 1, [3] = 1}, *end = data + 4;

  // Old drivers put the format into the last byte.
  if (format == 0)
    format = cdb[9] >> 6;
  if (format > TOC_FORMAT_SESSIONS || (format == 0 && from > 1 && from != LEAD_OUT)) {
    scsi_finish (command, SENSE_INVALID_FIELD);
    return;
  }
  if (from <= 1 || format == TOC_FORMAT_SESSIONS)
    end = put_track (end, 1, 0, msf);
  if (format == TOC_FORMAT_TOC)
    end = put_track (end, LEAD_OUT, scsi_n_blocks (unit), msf);
  scsi_put16 (data, end - data - 2);
  scsi_answer (command, data, end - data, scsi_get16 (cdb + 7));
}

void
scsi_read_disc_information (ScsiUnit *unit, const uint8_t *cdb, ScsiCommand *command)
{
  uint8_t data[34] = {0};

  if ((cdb[1] & 7) != 0) {
    scsi_finish (command, SENSE_INVALID_FIELD);
    return;
  }
  scsi_put16 (data, sizeof data - 2);
  data[2] = 0x0e; // complete, last session complete
  data[3] = data[4] = data[5] = data[6] = 1;
  memset (data + 16, 0xff, 8); // no lead-in and lead-out to add to
  scsi_answer (command, data, sizeof data, scsi_get16 (cdb + 7));
}

static uint16_t
current_profile (const ScsiUnit *unit)
{
  uint64_t n = scsi_n_blocks (unit);
  return n == 0 ? 0 : n > CD_BLOCKS_MAX ? PROFILE_DVDROM : PROFILE_CDROM;
}

static uint8_t *
put_feature (uint8_t *to, unsigned feature, unsigned flags, const uint8_t *more, size_t length)
{
  scsi_put16 (to, feature);
  to[2] = flags;
  to[3] = length;
  if (length > 0)
    memcpy (to + 4, more, length);
  return to + 4 + length;
}

typedef struct Feature {
  uint16_t number;
  uint8_t flags, length, more[12];
} Feature;

// Asked for are all from a number on, the current of these, or the one.
static bool
is_wanted (const Feature *feature, unsigned kind, unsigned from)
{
  switch (kind) {
  case 0:
    return feature->number >= from;
  case 1:
    return feature->number >= from && (feature->flags & CURRENT);
  default:
    return feature->number == from;
  }
}

void
scsi_get_configuration (ScsiUnit *unit, const uint8_t *cdb, ScsiCommand *command)
{
  uint16_t profile = current_profile (unit);
  bool cd = profile == PROFILE_CDROM, dvd = profile == PROFILE_DVDROM;
  const Feature features[] = {
      {FEATURE_PROFILES,
       PERSISTENT | CURRENT,
       8,
       {0, PROFILE_DVDROM, dvd, 0, 0, PROFILE_CDROM, cd, 0}},
      {FEATURE_CORE, 2 << 2 | PERSISTENT | CURRENT, 8, {0, 0, 0, 1, 1}},
      {FEATURE_MORPHING, 1 << 2 | PERSISTENT | CURRENT, 4, {2}},
      {FEATURE_REMOVABLE, PERSISTENT | CURRENT, 4, {0x29}},
      {FEATURE_RANDOM_READ, cd || dvd, 8, {0, 0, 8, 0, 0, 1}},
      {FEATURE_CD_READ, 2 << 2 | cd, 4, {0}},
      {FEATURE_DVD_READ, dvd, 0, {0}},
  };
  unsigned kind = cdb[1] & 3, from = scsi_get16 (cdb + 2);
  uint8_t data[SCSI_DATA_BYTES] = {0}, *end = data + 8;

  if (kind == 3) {
    scsi_finish (command, SENSE_INVALID_FIELD);
    return;
  }
  for (size_t i = 0; i < G_N_ELEMENTS (features); i++)
    if (is_wanted (&features[i], kind, from))
      end = put_feature (end, features[i].number, features[i].flags, features[i].more,
                         features[i].length);
  scsi_put32 (data, end - data - 4);
  scsi_put16 (data + 6, profile);
  scsi_answer (command, data, end - data, scsi_get16 (cdb + 7));
}

// READ CD of user data only is READ (10) in other words.
void
scsi_read_cd (ScsiUnit *unit, const uint8_t *cdb, ScsiCommand *command)
{
  uint8_t read_10[SCSI_CDB_BYTES];
  uint32_t n = cdb[6] << 16 | scsi_get16 (cdb + 7);

  if (n > UINT16_MAX) {
    scsi_finish (command, SENSE_INVALID_FIELD);
    return;
  }
  if ((cdb[9] & 0xf8) == 0 || n == 0) {
    scsi_finish (command, SENSE_OK);
    return;
  }
  if ((cdb[9] & 0xf8) != READ_CD_USER_DATA || (cdb[1] >> 2 & 7) == 1 || cdb[10] != 0) {
    scsi_finish (command, SENSE_MODE_OF_TRACK);
    return;
  }
  memcpy (read_10, cdb, sizeof read_10);
  read_10[0] = 0x28;
  scsi_read (unit, read_10, command);
}
