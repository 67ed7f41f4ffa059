// SPDX-License-Identifier: GPL-3.0-or-later
// Mode pages (SPC-4 §7.5, SBC-3 §6.4, MMC-5 §7): caching with its one bit that can be changed,
// control, and what a drive can do.

#include "engine/scsi/scsi-priv.h"

enum {
  PAGE_ERROR_RECOVERY = 0x01,
  PAGE_CACHING = 0x08,
  PAGE_CONTROL = 0x0a,
  PAGE_CAPABILITIES = 0x2a,
  PAGE_ALL = 0x3f,

  CACHING_WCE = 4,
  CONTROL_CURRENT = 0,
  CONTROL_CHANGEABLE = 1,
  CONTROL_SAVED = 3,

  MODE_SELECT_6 = 0x15,
  MODE_SENSE_6 = 0x1a,
  DEVICE_WRITE_PROTECTED = 0x80,
  DEVICE_DPOFUA = 0x10,
};

typedef struct ModePage {
  uint8_t page, length; // without the two bytes before it
  bool disk, cdrom;
} ModePage;

static const ModePage pages[] = {
    {PAGE_ERROR_RECOVERY, 10, true, true},
    {PAGE_CACHING, 18, true, false},
    {PAGE_CONTROL, 10, true, true},
    {PAGE_CAPABILITIES, 18, false, true},
};

static bool
has_page (const ScsiUnit *unit, const ModePage *page)
{
  return unit->is_cdrom ? page->cdrom : page->disk;
}

static void
fill_page (const ScsiUnit *unit, const ModePage *page, unsigned control, uint8_t *data)
{
  if (page->page == PAGE_CACHING && (control == CONTROL_CHANGEABLE || unit->writeback))
    data[0] = CACHING_WCE;
  if (control == CONTROL_CHANGEABLE)
    return;
  if (page->page == PAGE_CAPABILITIES) {
    data[0] = 0x3b;                          // reads CD-R, CD-RW, DVD-ROM, DVD-R, DVD-RAM
    data[2] = 0x70;                          // multisession, modes 2
    data[4] = 0x29 | (unit->locked ? 2 : 0); // tray, ejects, locks
    scsi_put16 (data + 6, 50 * 176);
    scsi_put16 (data + 12, 50 * 176);
  }
}

static size_t
put_pages (const ScsiUnit *unit, uint8_t wanted, unsigned control, uint8_t *data)
{
  size_t length = 0;

  for (size_t i = 0; i < G_N_ELEMENTS (pages); i++) {
    if (!has_page (unit, &pages[i]) || (wanted != PAGE_ALL && wanted != pages[i].page))
      continue;
    data[length] = pages[i].page;
    data[length + 1] = pages[i].length;
    fill_page (unit, &pages[i], control, data + length + 2);
    length += 2 + pages[i].length;
  }
  return length;
}

static uint8_t
device_specific (const ScsiUnit *unit)
{
  if (unit->is_cdrom)
    return 0;
  return DEVICE_DPOFUA | (scsi_is_read_only (unit) ? DEVICE_WRITE_PROTECTED : 0);
}

// No block descriptors: none has to be there.
void
scsi_mode_sense (ScsiUnit *unit, const uint8_t *cdb, ScsiCommand *command)
{
  bool is_6 = cdb[0] == MODE_SENSE_6;
  unsigned control = cdb[2] >> 6;
  size_t head = is_6 ? 4 : 8;
  uint8_t data[SCSI_DATA_BYTES] = {0};

  if (control == CONTROL_SAVED) {
    scsi_finish (command, SENSE_SAVING_UNSUPPORTED);
    return;
  }
  size_t length =
      cdb[3] == 0 || cdb[3] == 0xff ? put_pages (unit, cdb[2] & 0x3f, control, data + head) : 0;
  if (length == 0) {
    scsi_finish (command, SENSE_INVALID_FIELD);
    return;
  }
  length += head;
  data[is_6 ? 2 : 3] = device_specific (unit);
  if (is_6)
    data[0] = length - 1;
  else
    scsi_put16 (data, length - 2);
  scsi_answer (command, data, length, is_6 ? cdb[4] : scsi_get16 (cdb + 7));
}

// The pages that were sent: each must be one of ours, and only the bit that can be changed changes.
static uint32_t
select_pages (ScsiUnit *unit, const uint8_t *data, size_t length)
{
  while (length >= 2) {
    size_t i = 0;
    while (i < G_N_ELEMENTS (pages) &&
           (pages[i].page != (data[0] & 0x7f) || !has_page (unit, &pages[i])))
      i++;
    if (i == G_N_ELEMENTS (pages) || data[1] != pages[i].length)
      return SENSE_INVALID_PARAMETER;
    if (length < 2u + pages[i].length)
      return SENSE_PARAMETER_LENGTH;
    if (pages[i].page == PAGE_CACHING)
      unit->writeback = data[2] & CACHING_WCE;
    data += 2 + pages[i].length;
    length -= 2 + pages[i].length;
  }
  return length == 0 ? SENSE_OK : SENSE_PARAMETER_LENGTH;
}

void
scsi_mode_select (ScsiUnit *unit, const uint8_t *cdb, ScsiCommand *command)
{
  size_t wanted = cdb[0] == MODE_SELECT_6 ? cdb[4] : scsi_get16 (cdb + 7);

  if ((cdb[1] & 0x11) != 0x10) // page format, not saved
    scsi_finish (command, SENSE_INVALID_FIELD);
  else if (wanted == 0)
    scsi_finish (command, SENSE_OK);
  else
    scsi_want (command, wanted);
}

void
scsi_take_mode (ScsiUnit *unit, const uint8_t *cdb, const uint8_t *data, size_t length,
                ScsiCommand *command)
{
  bool is_6 = cdb[0] == MODE_SELECT_6;
  size_t wanted = is_6 ? cdb[4] : scsi_get16 (cdb + 7), head = is_6 ? 4 : 8;

  if (length != wanted || length < head) {
    scsi_finish (command, SENSE_PARAMETER_LENGTH);
    return;
  }
  head += is_6 ? data[3] : scsi_get16 (data + 6); // block descriptors
  if (length < head)
    scsi_finish (command, SENSE_PARAMETER_LENGTH);
  else
    scsi_finish (command, select_pages (unit, data + head, length - head));
}
