// SPDX-License-Identifier: GPL-3.0-or-later
// What a SCSI unit says it is: INQUIRY with its pages (SPC-4 §6.6, §7.8; SBC-3 §6.5), REPORT LUNS,
// REQUEST SENSE.

#include "engine/scsi/scsi-priv.h"

enum {
  TYPE_DISK = 0,
  TYPE_CDROM = 5,
  VERSION_SPC4 = 6,
  STANDARD_BYTES = 36,
  LUNS_BYTES = 16,

  PAGE_SUPPORTED = 0x00,
  PAGE_SERIAL = 0x80,
  PAGE_IDENTIFICATION = 0x83,
  PAGE_LIMITS = 0xb0,
  PAGE_CHARACTERISTICS = 0xb1,
  PAGE_PROVISIONING = 0xb2,

  MAX_ZEROED_BLOCKS = 1 << 17, // 64 MiB: the host may have to write them
  MAX_UNMAPPED_BLOCKS = 1 << 21,
  NOT_ROTATING = 1,
};

static void
put_text (uint8_t *to, const char *text, size_t length)
{
  size_t n = MIN (strlen (text), length);
  memset (to, ' ', length);
  memcpy (to, text, n);
}

static size_t
put_standard (const ScsiUnit *unit, uint8_t *data)
{
  data[1] = unit->is_cdrom || unit->is_stick ? 0x80 : 0; // removable
  data[2] = VERSION_SPC4;
  data[3] = 0x12; // HiSup, response format 2
  data[4] = STANDARD_BYTES - 5;
  data[7] = 2; // CmdQue
  put_text (data + 8, "TERRARIU", 8);
  put_text (data + 16, unit->is_cdrom ? "CD-ROM" : unit->is_stick ? "STICK" : "DISK", 16);
  put_text (data + 32, "1", 4);
  return STANDARD_BYTES;
}

static size_t
put_supported (const ScsiUnit *unit, uint8_t *data)
{
  static const uint8_t pages[] = {PAGE_SUPPORTED, PAGE_SERIAL,          PAGE_IDENTIFICATION,
                                  PAGE_LIMITS,    PAGE_CHARACTERISTICS, PAGE_PROVISIONING};
  size_t n = unit->is_cdrom || unit->is_stick ? 3 : G_N_ELEMENTS (pages);
  memcpy (data, pages, n);
  return n;
}

static size_t
put_serial (const ScsiUnit *unit, uint8_t *data)
{
  memcpy (data, unit->serial, strlen (unit->serial));
  return strlen (unit->serial);
}

// One designator: vendor specific, ASCII, of the unit.
static size_t
put_identification (const ScsiUnit *unit, uint8_t *data)
{
  data[0] = 2;
  data[3] = put_serial (unit, data + 4);
  return 4 + data[3];
}

static size_t
put_limits (const ScsiUnit *unit, uint8_t *data)
{
  const size_t head = 4; // offsets of the standard count from the page's start
  data[4 - head] = 1;    // WRITE SAME of no blocks is none of all
  scsi_put16 (data + 6 - head, 8);
  scsi_put32 (data + 20 - head, MAX_UNMAPPED_BLOCKS);
  scsi_put32 (data + 24 - head, 1); // one range at a time
  scsi_put32 (data + 28 - head, 8);
  scsi_put64 (data + 36 - head, MAX_ZEROED_BLOCKS);
  return 60;
}

static size_t
put_characteristics (const ScsiUnit *unit, uint8_t *data)
{
  scsi_put16 (data, NOT_ROTATING);
  return 60;
}

static size_t
put_provisioning (const ScsiUnit *unit, uint8_t *data)
{
  data[1] = 0xe0; // UNMAP, WRITE SAME (16) and (10) unmap
  data[2] = 2;    // thin
  return 4;
}

static const struct {
  uint8_t page;
  bool disk_only; // a proper one
  size_t (*put) (const ScsiUnit *unit, uint8_t *data);
} pages[] = {
    {PAGE_SUPPORTED, false, put_supported},
    {PAGE_SERIAL, false, put_serial},
    {PAGE_IDENTIFICATION, false, put_identification},
    {PAGE_LIMITS, true, put_limits},
    {PAGE_CHARACTERISTICS, true, put_characteristics},
    {PAGE_PROVISIONING, true, put_provisioning},
};

// The length with its header; 0: there is no such page.
static size_t
put_page (const ScsiUnit *unit, uint8_t page, uint8_t *data)
{
  for (size_t i = 0; i < G_N_ELEMENTS (pages); i++) {
    if (pages[i].page != page || (pages[i].disk_only && (unit->is_cdrom || unit->is_stick)))
      continue;
    size_t length = pages[i].put (unit, data + 4);
    data[1] = page;
    scsi_put16 (data + 2, length);
    return 4 + length;
  }
  return 0;
}

void
scsi_inquiry (ScsiUnit *unit, const uint8_t *cdb, ScsiCommand *command)
{
  uint8_t data[SCSI_DATA_BYTES] = {0};
  bool vital = cdb[1] & 1;
  size_t length = vital         ? put_page (unit, cdb[2], data)
                  : cdb[2] == 0 ? put_standard (unit, data)
                                : 0;

  if (length == 0) {
    scsi_finish (command, SENSE_INVALID_FIELD);
    return;
  }
  data[0] = unit->is_cdrom ? TYPE_CDROM : TYPE_DISK;
  scsi_answer (command, data, length, scsi_get16 (cdb + 3));
}

void
scsi_report_luns (ScsiUnit *unit, const uint8_t *cdb, ScsiCommand *command)
{
  const uint8_t data[LUNS_BYTES] = {[3] = 8}; // one: 0
  scsi_answer (command, data, sizeof data, scsi_get32 (cdb + 6));
}

// What is reported is over with that.
void
scsi_request_sense (ScsiUnit *unit, const uint8_t *cdb, ScsiCommand *command)
{
  uint32_t sense = unit->sense != 0       ? unit->sense
                   : unit->attention != 0 ? unit->attention
                                          : scsi_medium_sense (unit);
  uint8_t data[SCSI_SENSE_BYTES];

  if (unit->sense == 0)
    unit->attention = 0;
  unit->sense = 0;
  scsi_put_sense (data, sense);
  scsi_answer (command, data, sizeof data, cdb[4]);
}
