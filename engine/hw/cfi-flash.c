// SPDX-License-Identifier: GPL-3.0-or-later
// The flash bank with the firmware's variables (cfi-flash.h): Intel's command set 0001. Both chips
// do the same at the same time: a command is the low byte of what is written, at any width, and what
// they answer appears in both halves of a word. All blocks are unlocked.
//
// A program or an erasure is over at once, as the guest sees it; while too much waits for the file
// the chips call themselves busy.
//
// Threads: registers on vCPU threads, under `lock`; the rest with every vCPU parked.
#include "engine/hw/cfi-flash.h"

#include <errno.h>
#include <gio/gio.h>
#include <glib/gi18n.h>
#include <string.h>
#include <sys/mman.h>

#include "engine/hw/cfi-store.h"
#include "engine/mem/access.h"
#include "engine/snapshot/state.h"
#include "engine/vm/vm.h"

enum {
  CMD_PROGRAM_ALT = 0x10,
  CMD_ERASE = 0x20,
  CMD_PROGRAM = 0x40,
  CMD_CLEAR_STATUS = 0x50,
  CMD_LOCK = 0x60,
  CMD_READ_STATUS = 0x70,
  CMD_READ_ID = 0x90,
  CMD_QUERY = 0x98,
  CMD_SUSPEND = 0xb0,
  CMD_CONFIRM = 0xd0,
  CMD_BUFFER = 0xe8,
  CMD_RESET_AMD = 0xf0, // drivers that look for the other command set send it
  CMD_READ_ARRAY = 0xff,

  STATUS_READY = 0x80,
  STATUS_ERASE_ERROR = 0x20,
  STATUS_PROGRAM_ERROR = 0x10,
  STATUS_ERRORS = STATUS_ERASE_ERROR | STATUS_PROGRAM_ERROR,

  BUFFER_BYTES = 1024, // of both chips
  WORD_BYTES = 4,
  CHUNK_BYTES = 64 * 1024, // of saved state
};

typedef enum ReadMode {
  READ_ARRAY,
  READ_STATUS,
  READ_ID,
  READ_QUERY,
  N_READ_MODES,
} ReadMode;

// What the next write means; IDLE: a command.
typedef enum Pending {
  IDLE,
  PROGRAM_DATA,
  ERASE_CONFIRM,
  LOCK_CONFIRM,
  BUFFER_COUNT,
  BUFFER_DATA,
  BUFFER_CONFIRM,
  N_PENDING,
} Pending;

typedef enum ChunkKind {
  CHUNK_ERASED,
  CHUNK_ZERO,
  CHUNK_DATA,
} ChunkKind;

typedef struct CfiFlash {
  Device device;
  GuestAddr base;
  char *name;
  GBytes *initial;
  BlockFile *file;                               // until realized
  CfiStore *store;                               // NULL: there is no file
  uint8_t *bytes;                                // the bank; MAP_FAILED: not there
  bool used[CFI_FLASH_BANK_BYTES / CHUNK_BYTES]; // false: this chunk is all zero still

  GMutex lock;
  ReadMode mode;
  Pending pending;
  uint8_t status;        // error bits
  uint32_t buffer_left;  // words still to come
  uint32_t buffer_at;    // where the buffer's first byte goes; set by the first word
  bool buffer_has_place; // it was
  uint32_t buffer_end;   // of its words; not saved: it only says how much goes to the file
  uint8_t buffer[BUFFER_BYTES];
} CfiFlash;

// ---- what the chips tell of themselves ------------------------------------------------------

// From 0x10 on (JESD68.01 table 1; Intel's extension from 0x31 on).
static const uint8_t query_table[] = {
    'Q',  'R',  'Y',  0x01, 0x00, 0x31, 0x00, 0x00, 0x00, 0x00,
    0x00,                                           // command set 1, table at 0x31
    0x17, 0x20, 0x00, 0x00,                         // supply voltage
    0x07, 0x07, 0x0a, 0x00, 0x04, 0x04, 0x04, 0x00, // times, and their worst
    25,   0x01, 0x00, 0x09, 0x00,                   // 32 MiB, x16, 512-byte buffer
    0x01, 0xff, 0x00, 0x00, 0x02,                   // 256 blocks of 128 KiB
    'P',  'R',  'I',  '1',  '0',                    // version 1.0
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x18, 0x00, 0x01,
};

static uint8_t
query_byte (uint32_t word)
{
  word &= 0xff;
  return word >= 0x10 && word - 0x10 < sizeof query_table ? query_table[word - 0x10] : 0;
}

// Manufacturer, device; then, of each block, its lock.
static uint8_t
id_byte (uint32_t word)
{
  return (word & 0xff) == 0 ? 0x89 : (word & 0xff) == 1 ? 0x18 : 0;
}

static uint8_t
status_byte (const CfiFlash *flash)
{
  bool busy = flash->store != NULL && cfi_store_is_busy (flash->store);

  return flash->status | (busy ? 0 : STATUS_READY);
}

// ---- changing what is kept ------------------------------------------------------------------

static void
mark_used (CfiFlash *flash, uint64_t at, uint64_t length)
{
  for (uint64_t i = at / CHUNK_BYTES; length > 0 && i <= (at + length - 1) / CHUNK_BYTES; i++)
    flash->used[i] = true;
}

static void
store (CfiFlash *flash, uint32_t at, uint32_t length, bool erases)
{
  if (flash->store != NULL)
    cfi_store_write (flash->store, at, flash->bytes + at, length, erases);
}

// What is to be kept must be possible to keep.
static bool
may_change (CfiFlash *flash, uint8_t error)
{
  if (flash->store == NULL ||
      (!cfi_store_has_failed (flash->store) && !cfi_store_is_busy (flash->store)))
    return true;
  flash->status |= error;
  return false;
}

// Flash goes from one to zero only.
static void
program (CfiFlash *flash, uint32_t at, const uint8_t *bytes, uint32_t length)
{
  if (!may_change (flash, STATUS_PROGRAM_ERROR))
    return;
  for (uint32_t i = 0; i < length; i++)
    flash->bytes[at + i] &= bytes[i];
  store (flash, at, length, false);
}

static void
erase (CfiFlash *flash, uint32_t at)
{
  if (!may_change (flash, STATUS_ERASE_ERROR))
    return;
  at -= at % CFI_FLASH_BLOCK_BYTES;
  mark_used (flash, at, CFI_FLASH_BLOCK_BYTES);
  memset (flash->bytes + at, 0xff, CFI_FLASH_BLOCK_BYTES);
  store (flash, at, CFI_FLASH_BLOCK_BYTES, true);
}

// ---- commands -------------------------------------------------------------------------------

static void
fail_sequence (CfiFlash *flash)
{
  flash->pending = IDLE;
  flash->status |= STATUS_ERRORS;
  guest_log (&flash->device.vm->log, "flash", "bad sequence of commands");
}

static void
expect (CfiFlash *flash, Pending pending)
{
  flash->pending = pending;
  flash->mode = READ_STATUS;
}

static void
command (CfiFlash *flash, uint8_t cmd)
{
  switch (cmd) {
  case CMD_PROGRAM:
  case CMD_PROGRAM_ALT:
    expect (flash, PROGRAM_DATA);
    break;
  case CMD_ERASE:
    expect (flash, ERASE_CONFIRM);
    break;
  case CMD_LOCK:
    expect (flash, LOCK_CONFIRM);
    break;
  case CMD_BUFFER:
    expect (flash, BUFFER_COUNT);
    break;
  case CMD_CLEAR_STATUS:
    flash->status = 0;
    break;
  case CMD_READ_STATUS:
  case CMD_SUSPEND:
  case CMD_CONFIRM: // of what was suspended: nothing ever is
    flash->mode = READ_STATUS;
    break;
  case CMD_READ_ID:
    flash->mode = READ_ID;
    break;
  case CMD_QUERY:
    flash->mode = READ_QUERY;
    break;
  case CMD_READ_ARRAY:
  case CMD_RESET_AMD:
    flash->mode = READ_ARRAY;
    break;
  default:
    flash->mode = READ_ARRAY;
    guest_log (&flash->device.vm->log, "flash", "unknown command 0x%x", cmd);
    break;
  }
}

static void
begin_buffer (CfiFlash *flash, uint8_t count)
{
  flash->buffer_left = count + 1u;
  flash->buffer_has_place = false;
  flash->buffer_end = 0;
  memset (flash->buffer, 0xff, sizeof flash->buffer);
  flash->pending = BUFFER_DATA;
}

static void
fill_buffer (CfiFlash *flash, uint32_t at, const uint8_t *bytes, unsigned size)
{
  if (!flash->buffer_has_place) {
    flash->buffer_at = at - at % WORD_BYTES;
    flash->buffer_has_place = true;
  }
  uint32_t offset = at - flash->buffer_at;
  bool same_block = at / CFI_FLASH_BLOCK_BYTES == flash->buffer_at / CFI_FLASH_BLOCK_BYTES;
  if (at < flash->buffer_at || offset + size > BUFFER_BYTES || !same_block) {
    fail_sequence (flash);
    return;
  }
  memcpy (flash->buffer + offset, bytes, size);
  flash->buffer_end = MAX (flash->buffer_end, offset + size);
  if (--flash->buffer_left == 0)
    flash->pending = BUFFER_CONFIRM;
}

static void
program_buffer (CfiFlash *flash)
{
  uint32_t block_left = CFI_FLASH_BLOCK_BYTES - flash->buffer_at % CFI_FLASH_BLOCK_BYTES;

  program (flash, flash->buffer_at, flash->buffer, MIN (flash->buffer_end, block_left));
}

static void
write_locked (CfiFlash *flash, uint32_t at, uint32_t value, unsigned size)
{
  uint8_t bytes[WORD_BYTES], cmd = (uint8_t) value;

  value = GUINT32_TO_LE (value);
  memcpy (bytes, &value, sizeof bytes);
  switch (flash->pending) {
  case PROGRAM_DATA:
    flash->pending = IDLE;
    program (flash, at, bytes, size);
    break;
  case ERASE_CONFIRM:
    flash->pending = IDLE;
    if (cmd == CMD_CONFIRM)
      erase (flash, at);
    else
      fail_sequence (flash);
    break;
  case LOCK_CONFIRM:
    flash->pending = IDLE;
    break;
  case BUFFER_COUNT:
    begin_buffer (flash, cmd);
    break;
  case BUFFER_DATA:
    fill_buffer (flash, at, bytes, size);
    break;
  case BUFFER_CONFIRM:
    flash->pending = IDLE;
    if (cmd == CMD_CONFIRM)
      program_buffer (flash);
    else
      fail_sequence (flash);
    break;
  case IDLE:
  case N_PENDING:
    command (flash, cmd);
    break;
  }
}

// ---- registers ------------------------------------------------------------------------------

static uint64_t
load (const uint8_t *p, unsigned size)
{
  uint64_t value = 0;

  memcpy (&value, p, size);
  return GUINT64_FROM_LE (value);
}

// What one chip answers, in both halves of each word.
static uint64_t
answer (uint32_t at, unsigned size, uint8_t first, uint8_t second)
{
  uint64_t low = first * UINT64_C (0x00010001), high = second * UINT64_C (0x00010001);
  uint64_t value = (low | high << 32) >> at % WORD_BYTES * 8;

  return size < 8 ? value & ((UINT64_C (1) << size * 8) - 1) : value;
}

static uint64_t
read_locked (const CfiFlash *flash, uint32_t at, unsigned size)
{
  uint32_t word = at / WORD_BYTES;

  switch (flash->mode) {
  case READ_STATUS:
    return answer (at, size, status_byte (flash), status_byte (flash));
  case READ_ID:
    return answer (at, size, id_byte (word), id_byte (word + 1));
  case READ_QUERY:
    return answer (at, size, query_byte (word), query_byte (word + 1));
  case READ_ARRAY:
  case N_READ_MODES:
    break;
  }
  return load (flash->bytes + at, size);
}

static uint64_t
flash_read (void *opaque, uint64_t offset, unsigned size)
{
  CfiFlash *flash = opaque;

  g_mutex_lock (&flash->lock);
  uint64_t value = read_locked (flash, (uint32_t) offset, size);
  g_mutex_unlock (&flash->lock);
  return value;
}

static void
flash_write (void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
  CfiFlash *flash = opaque;
  uint32_t at = (uint32_t) offset;

  g_mutex_lock (&flash->lock);
  write_locked (flash, at, (uint32_t) value, MIN (size, WORD_BYTES));
  if (size > WORD_BYTES)
    write_locked (flash, at + WORD_BYTES, (uint32_t) (value >> 32), WORD_BYTES);
  g_mutex_unlock (&flash->lock);
}

static const MmioOps mmio_ops = {
    .read = flash_read,
    .write = flash_write,
    .sizes = 1 | 2 | 4 | 8,
};

// ---- life -----------------------------------------------------------------------------------

static void
store_full (void *opaque)
{
  CfiFlash *flash = opaque;

  vm_request (flash->device.vm, VM_REQUEST_DISK_FULL);
}

static void
store_failed (void *opaque, int error_number)
{
  const CfiFlash *flash = opaque;

  g_message (_ ("The firmware's variables cannot be written to %s any more (%s); what the guest "
                "changes in them is lost when the machine ends."),
             flash->name, g_strerror (error_number));
}

static const CfiStoreOps store_ops = {
    .full = store_full,
    .failed = store_failed,
    .quiet_us = G_USEC_PER_SEC, // a vCPU may have to wait for its turn
};

// Holes are left alone: they are zero here too.
static bool
read_file (CfiFlash *flash, GError **error)
{
  uint64_t run;
  bool hole;
  int failed = 0;

  for (uint64_t at = 0; failed == 0 && at < CFI_FLASH_BANK_BYTES; at += run) {
    run = block_file_get_run (flash->file, at, CFI_FLASH_BANK_BYTES - at, &hole);
    if (hole)
      continue;
    mark_used (flash, at, run);
    failed = block_file_read (flash->file, flash->bytes + at, run, at);
  }
  if (failed != 0)
    g_set_error (error, G_IO_ERROR, (int) g_io_error_from_errno (failed),
                 _ ("The file %s cannot be read (%s); choose another or correct its permissions."),
                 flash->name, g_strerror (failed));
  return failed == 0;
}

static void
copy_initial (CfiFlash *flash)
{
  size_t length = MIN (g_bytes_get_size (flash->initial), CFI_FLASH_BANK_BYTES);

  mark_used (flash, 0, length);
  memcpy (flash->bytes, g_bytes_get_data (flash->initial, NULL), length);
}

static bool
flash_realize (Device *device, GError **error)
{
  CfiFlash *flash = (CfiFlash *) device;

  flash->bytes = mmap (NULL, CFI_FLASH_BANK_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (flash->bytes == MAP_FAILED) {
    g_set_error (error, G_IO_ERROR, (int) g_io_error_from_errno (errno),
                 _ ("There is not enough memory for the machine's firmware: %s"),
                 g_strerror (errno));
    return false;
  }
  if (flash->file == NULL)
    copy_initial (flash);
  else if (!read_file (flash, error))
    return false;
  if (flash->file != NULL)
    flash->store = cfi_store_new (g_steal_pointer (&flash->file), &store_ops, flash);
  mem_bus_add_mmio (device->vm->bus, "flash", flash->base, CFI_FLASH_BANK_BYTES, &mmio_ops, flash);
  return true;
}

static void
flash_reset (Device *device)
{
  CfiFlash *flash = (CfiFlash *) device;

  g_mutex_lock (&flash->lock);
  flash->mode = READ_ARRAY;
  flash->pending = IDLE;
  flash->status = 0;
  g_mutex_unlock (&flash->lock);
}

static void
flash_quiesce (Device *device)
{
  CfiFlash *flash = (CfiFlash *) device;

  if (flash->store != NULL)
    cfi_store_drain (flash->store);
}

static void
flash_resume (Device *device)
{
  CfiFlash *flash = (CfiFlash *) device;

  if (flash->store != NULL)
    cfi_store_retry (flash->store);
}

static void
flash_free (Device *device)
{
  CfiFlash *flash = (CfiFlash *) device;

  cfi_store_free (flash->store);
  block_file_free (flash->file);
  if (flash->bytes != MAP_FAILED)
    munmap (flash->bytes, CFI_FLASH_BANK_BYTES);
  g_mutex_clear (&flash->lock);
  g_clear_pointer (&flash->initial, g_bytes_unref);
  g_free (flash->name);
  g_free (flash);
}

// ---- saved state ----------------------------------------------------------------------------

static bool
is_filled_with (const uint8_t *bytes, size_t length, uint8_t value)
{
  return bytes[0] == value && memcmp (bytes, bytes + 1, length - 1) == 0;
}

static void
save_contents (const CfiFlash *flash, StateWriter *writer)
{
  for (uint32_t at = 0; at < CFI_FLASH_BANK_BYTES; at += CHUNK_BYTES) {
    const uint8_t *chunk = flash->bytes + at;

    if (!flash->used[at / CHUNK_BYTES] || is_filled_with (chunk, CHUNK_BYTES, 0)) {
      state_put_u8 (writer, CHUNK_ZERO);
    } else if (is_filled_with (chunk, CHUNK_BYTES, 0xff)) {
      state_put_u8 (writer, CHUNK_ERASED);
    } else {
      state_put_u8 (writer, CHUNK_DATA);
      state_put_bytes (writer, chunk, CHUNK_BYTES);
    }
  }
}

static void
flash_save (Device *device, StateWriter *writer)
{
  CfiFlash *flash = (CfiFlash *) device;

  g_mutex_lock (&flash->lock);
  state_put_u8 (writer, (uint8_t) flash->mode);
  state_put_u8 (writer, (uint8_t) flash->pending);
  state_put_u8 (writer, flash->status);
  state_put_u32 (writer, flash->buffer_left);
  state_put_u32 (writer, flash->buffer_at);
  state_put_bool (writer, flash->buffer_has_place);
  state_put_bytes (writer, flash->buffer, sizeof flash->buffer);
  save_contents (flash, writer);
  g_mutex_unlock (&flash->lock);
}

// Whether anything is another now.
static bool
replace (uint8_t *to, const uint8_t *bytes)
{
  if (memcmp (to, bytes, CHUNK_BYTES) == 0)
    return false;
  memcpy (to, bytes, CHUNK_BYTES);
  return true;
}

// What is as it should be is left alone, so that a machine that goes on where it was writes nothing.
// The rest is like blocks that are erased and written: the file changes all at once.
static bool
load_contents (CfiFlash *flash, StateReader *reader)
{
  g_autofree uint8_t *chunk = g_malloc (CHUNK_BYTES);
  bool differs = false;

  for (uint32_t at = 0; at < CFI_FLASH_BANK_BYTES; at += CHUNK_BYTES) {
    uint8_t kind = state_get_u8 (reader);

    if (kind == CHUNK_ZERO && !flash->used[at / CHUNK_BYTES] && !differs)
      continue;
    if (kind == CHUNK_DATA)
      state_get_bytes (reader, chunk, CHUNK_BYTES);
    else
      memset (chunk, kind == CHUNK_ERASED ? 0xff : 0, CHUNK_BYTES);
    if (kind > CHUNK_DATA || !state_reader_ok (reader))
      return false;
    if (replace (flash->bytes + at, chunk))
      differs = flash->used[at / CHUNK_BYTES] = true;
    if (differs && (at + CHUNK_BYTES) % CFI_FLASH_BLOCK_BYTES == 0) {
      store (flash, at + CHUNK_BYTES - CFI_FLASH_BLOCK_BYTES, CFI_FLASH_BLOCK_BYTES, true);
      differs = false;
    }
  }
  return true;
}

static bool
load_registers (CfiFlash *flash, StateReader *reader)
{
  flash->mode = (ReadMode) state_get_u8 (reader);
  flash->pending = (Pending) state_get_u8 (reader);
  flash->status = state_get_u8 (reader);
  flash->buffer_left = state_get_u32 (reader);
  flash->buffer_at = state_get_u32 (reader);
  flash->buffer_has_place = state_get_bool (reader);
  state_get_bytes (reader, flash->buffer, sizeof flash->buffer);
  flash->buffer_end = BUFFER_BYTES; // what got no words is all ones
  bool counts = flash->pending != BUFFER_DATA || flash->buffer_left > 0;
  return state_reader_ok (reader) && flash->mode < N_READ_MODES && flash->pending < N_PENDING &&
         (flash->status & ~STATUS_ERRORS) == 0 && counts &&
         flash->buffer_at < CFI_FLASH_BANK_BYTES && flash->buffer_at % WORD_BYTES == 0;
}

static bool
flash_load (Device *device, StateReader *reader, uint32_t version, GError **error)
{
  CfiFlash *flash = (CfiFlash *) device;

  g_mutex_lock (&flash->lock);
  bool ok = load_registers (flash, reader) && load_contents (flash, reader);
  g_mutex_unlock (&flash->lock);
  if (ok)
    return true;
  flash_reset (device);
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
               "The saved state of the firmware's variables is damaged.");
  return false;
}

static const DeviceOps device_ops = {
    .name = "cfi-flash",
    .state_version = 1,
    .realize = flash_realize,
    .reset = flash_reset,
    .quiesce = flash_quiesce,
    .resume = flash_resume,
    .free = flash_free,
    .save = flash_save,
    .load = flash_load,
};

Device *
cfi_flash_new (GuestAddr base, GBytes *initial, BlockFile *take_file, const char *name)
{
  CfiFlash *flash = g_new0 (CfiFlash, 1);

  flash->device.ops = &device_ops;
  flash->base = base;
  flash->initial = initial != NULL ? g_bytes_ref (initial) : NULL;
  flash->file = take_file;
  flash->name = g_strdup (name);
  flash->bytes = MAP_FAILED;
  g_mutex_init (&flash->lock);
  return &flash->device;
}
