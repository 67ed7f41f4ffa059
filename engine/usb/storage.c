// SPDX-License-Identifier: GPL-3.0-or-later
// USB mass storage: bulk-only transport (Universal Serial Bus Mass Storage Class, Bulk-Only
// Transport 1.0). A command block goes out, its data either way, a status comes in.
//
// A transfer takes effect here when it is given back, not before: until then it may be taken away
// and come again, which saved state depends on. What it does to the disk meanwhile does no harm:
// reading, and writing the same bytes again.
//
// When the host's disk is full, a write or flush waits and the machine is asked to pause. Pausing
// takes the transfer away, resuming brings it back.
//
// Threads: the I/O thread.
#include "engine/usb/storage.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "engine/scsi/scsi.h"
#include "engine/usb/storage-priv.h"
#include "engine/vm/vm.h"

// ---------------------------------------------------------------------------------------------
// Wire structs

enum {
  COMMAND_SIGNATURE = 0x43425355,
  STATUS_SIGNATURE = 0x53425355,
  COMMAND_BYTES = 31,
  STATUS_BYTES = 13,
  COMMAND_FLAG_IN = 0x80,

  STATUS_PASSED = 0,
  STATUS_FAILED = 1,
  STATUS_PHASE_ERROR = 2,

  REQUEST_RESET = 0xff,
  REQUEST_MAX_LUN = 0xfe,

  BUFFER_BYTES = 256 << 10,
  PARAMETER_BYTES_MAX = 256, // no list of parameters is as long
};

typedef struct __attribute__ ((packed)) CommandBlock {
  uint32_t signature, tag, length;
  uint8_t flags, lun, cdb_length;
  uint8_t cdb[SCSI_CDB_BYTES];
} CommandBlock;
static_assert (sizeof (CommandBlock) == COMMAND_BYTES, "§5.1");

typedef struct __attribute__ ((packed)) StatusBlock {
  uint32_t signature, tag, residue;
  uint8_t status;
} StatusBlock;
static_assert (sizeof (StatusBlock) == STATUS_BYTES, "§5.2");

typedef enum Phase {
  PHASE_COMMAND,
  PHASE_IN,  // data to the guest
  PHASE_OUT, // data from the guest
  PHASE_STATUS,
  PHASE_BROKEN, // no command block came: until a reset
  N_PHASES,
} Phase;

typedef struct UsbStorage {
  UsbFunction fn;
  ScsiUnit *unit;
  BlockDevice *disk; // the unit's
  char serial[16];

  Phase phase;
  uint8_t status;
  uint32_t tag, expected; // what the guest said
  uint64_t useful;        // bytes of the data phase that mean something
  uint64_t position;      // of the data phase
  uint8_t cdb[SCSI_CDB_BYTES];
  ScsiCommand command;
  uint8_t tail[BLOCK_SECTOR_BYTES]; // written bytes that make no whole block yet, or parameters
  uint32_t n_tail;

  UsbTransfer *in, *out; // waiting
  uint32_t done;         // bytes of the one at work
  bool busy;             // `request` is in flight
  bool stale;            // nobody waits for it any more
  BlockRequest request;
  struct iovec iov;
  uint8_t *buffer;
} UsbStorage;

static void run (UsbStorage *storage);

// ---------------------------------------------------------------------------------------------
// Phases

// All that comes has come: what was asked for goes on with its parameters.
static void
take_parameters (UsbStorage *storage)
{
  scsi_unit_take (storage->unit, storage->cdb, storage->tail, storage->n_tail, &storage->command);
  storage->status = storage->command.sense == 0 ? STATUS_PASSED : STATUS_FAILED;
  storage->command.kind = SCSI_DONE; // sticks take mode pages only
  storage->n_tail = 0;
}

static void
end_data (UsbStorage *storage)
{
  storage->phase = PHASE_STATUS;
  if (storage->command.kind == SCSI_PARAMETERS && storage->status == STATUS_PASSED)
    take_parameters (storage);
}

// The command failed: what is left of its data means nothing.
static void
fail_command (UsbStorage *storage, bool write)
{
  scsi_unit_set_failed (storage->unit, write);
  storage->status = STATUS_FAILED;
  storage->useful = storage->position;
  storage->command.kind = SCSI_DONE;
}

static void
give_in (UsbStorage *storage, UsbStatus status, uint32_t n)
{
  UsbTransfer *transfer = storage->in;

  storage->in = NULL;
  storage->done = 0;
  if (status == USB_STATUS_STALL)
    usb_function_halt (&storage->fn, STORAGE_IN);
  usb_transfer_done (transfer, status, n);
}

static void
give_out (UsbStorage *storage, UsbStatus status, uint32_t n)
{
  UsbTransfer *transfer = storage->out;

  storage->out = NULL;
  storage->done = 0;
  if (status == USB_STATUS_STALL)
    usb_function_halt (&storage->fn, STORAGE_OUT);
  usb_transfer_done (transfer, status, n);
}

static void
submit (UsbStorage *storage, BlockOp op, uint64_t offset, uint32_t bytes)
{
  storage->iov = (struct iovec){storage->buffer, bytes};
  storage->request = (BlockRequest){
      .op = op,
      .fua = op == BLOCK_WRITE && storage->command.fua,
      .offset_bytes = offset,
      .length_bytes = bytes,
      .iov = &storage->iov,
      .n_iov = op == BLOCK_FLUSH ? 0 : 1,
  };
  storage->busy = true;
  storage->stale = false;
  block_device_submit (storage->disk, &storage->request);
}

// What the guest and the command say of the data must agree (§6.7).
static void
check_lengths (UsbStorage *storage, bool in)
{
  const ScsiCommand *command = &storage->command;
  bool wants_in = command->kind == SCSI_READ || command->kind == SCSI_DATA_IN;

  if (command->length > 0 && (in != wants_in || storage->expected < command->length)) {
    bool transfer = command->kind == SCSI_READ || command->kind == SCSI_WRITE;
    if (in != wants_in || transfer)
      storage->status = STATUS_PHASE_ERROR;
    if (in != wants_in)
      storage->useful = 0;
  }
}

static void
start_command (UsbStorage *storage, const CommandBlock *block)
{
  bool in = block->flags & COMMAND_FLAG_IN;

  memset (storage->cdb, 0, sizeof storage->cdb);
  memcpy (storage->cdb, block->cdb, block->cdb_length);
  scsi_unit_start (storage->unit, storage->cdb, &storage->command);
  storage->tag = block->tag;
  storage->expected = block->length;
  storage->status = storage->command.sense == 0 ? STATUS_PASSED : STATUS_FAILED;
  storage->useful = MIN (storage->command.length, block->length);
  storage->position = storage->n_tail = 0;
  storage->phase = in ? PHASE_IN : PHASE_OUT;
  check_lengths (storage, in);
  if (block->length == 0)
    end_data (storage);
}

static void
take_command (UsbStorage *storage)
{
  UsbTransfer *transfer = storage->out;
  CommandBlock block;

  if (transfer->length == sizeof block)
    memcpy (&block, transfer->data, sizeof block);
  if (transfer->length != sizeof block || block.signature != COMMAND_SIGNATURE || block.lun != 0 ||
      block.cdb_length < 1 || block.cdb_length > SCSI_CDB_BYTES) {
    storage->phase = PHASE_BROKEN;
    usb_function_halt (&storage->fn, STORAGE_IN);
    give_out (storage, USB_STATUS_STALL, 0);
    return;
  }
  start_command (storage, &block);
  give_out (storage, USB_STATUS_OK, sizeof block);
}

// ---------------------------------------------------------------------------------------------
// Data to the guest

// The transfer ends with what it has got. A short one ends the data phase.
static void
finish_in (UsbStorage *storage)
{
  uint32_t n = storage->done, length = storage->in->length;

  storage->position += n;
  if (n < length || storage->position >= storage->expected)
    end_data (storage);
  give_in (storage, USB_STATUS_OK, n);
}

static void
read_more (UsbStorage *storage, uint32_t left)
{
  uint64_t at = storage->position + storage->done, skip = at % BLOCK_SECTOR_BYTES;
  uint64_t bytes =
      MIN ((skip + left + BLOCK_SECTOR_BYTES - 1) & ~(BLOCK_SECTOR_BYTES - 1ull), BUFFER_BYTES);

  submit (storage, BLOCK_READ, storage->command.offset + at - skip, (uint32_t) bytes);
}

static void
run_in (UsbStorage *storage)
{
  UsbTransfer *transfer = storage->in;
  uint64_t at = storage->position + storage->done;
  uint32_t left = (uint32_t) MIN (transfer->length - storage->done, storage->useful - at);

  if (storage->position >= storage->useful) { // more is expected than there is
    end_data (storage);
    give_in (storage, USB_STATUS_STALL, 0);
  } else if (left == 0) {
    finish_in (storage);
  } else if (storage->command.kind == SCSI_READ) {
    read_more (storage, left);
  } else {
    memcpy (transfer->data + storage->done, storage->command.data + at, left);
    storage->done += left;
    finish_in (storage);
  }
}

static void
read_done (UsbStorage *storage)
{
  uint64_t at = storage->position + storage->done, skip = at % BLOCK_SECTOR_BYTES;

  if (storage->request.error != 0) {
    fail_command (storage, false);
    end_data (storage);
    give_in (storage, USB_STATUS_STALL, 0);
    return;
  }
  uint64_t n = MIN (storage->request.length_bytes - skip, storage->in->length - storage->done);
  n = MIN (n, storage->useful - at);
  memcpy (storage->in->data + storage->done, storage->buffer + skip, n);
  storage->done += (uint32_t) n;
}

static void
run_status (UsbStorage *storage)
{
  const StatusBlock block = {
      .signature = STATUS_SIGNATURE,
      .tag = storage->tag,
      .residue = (uint32_t) (storage->expected - MIN (storage->position, storage->useful)),
      .status = storage->status,
  };

  if (storage->command.kind == SCSI_FLUSH) {
    submit (storage, BLOCK_FLUSH, 0, 0);
    return;
  }
  if (storage->in->length < sizeof block) {
    give_in (storage, USB_STATUS_BABBLE, 0);
    return;
  }
  memcpy (storage->in->data, &block, sizeof block);
  storage->phase = PHASE_COMMAND;
  give_in (storage, USB_STATUS_OK, sizeof block);
}

// ---------------------------------------------------------------------------------------------
// Data from the guest

// Bytes of the transfer that are written: those of the command.
static uint32_t
useful_out (const UsbStorage *storage)
{
  uint64_t left = storage->useful - MIN (storage->position, storage->useful);

  if (storage->command.kind == SCSI_PARAMETERS)
    return MIN (MIN (left, storage->out->length), PARAMETER_BYTES_MAX - storage->n_tail);
  return storage->command.kind == SCSI_WRITE ? (uint32_t) MIN (left, storage->out->length) : 0;
}

// All whole blocks of it are on the disk; the rest waits for the next transfer.
static void
finish_out (UsbStorage *storage, uint32_t useful)
{
  uint32_t rest = useful - storage->done;

  if (storage->done > 0)
    storage->n_tail = 0;
  if (storage->command.kind == SCSI_WRITE || storage->command.kind == SCSI_PARAMETERS) {
    memcpy (storage->tail + storage->n_tail, storage->out->data + storage->done, rest);
    storage->n_tail += rest;
  }
  storage->position += storage->out->length;
  if (storage->position >= storage->expected)
    end_data (storage);
  give_out (storage, USB_STATUS_OK, storage->out->length);
}

static void
run_out (UsbStorage *storage)
{
  uint32_t useful = useful_out (storage), before = storage->done == 0 ? storage->n_tail : 0;
  uint32_t bytes = MIN (before + useful - storage->done, BUFFER_BYTES);
  uint64_t at = storage->position + storage->done - before;

  bytes -= bytes % BLOCK_SECTOR_BYTES;
  if (bytes == 0 || storage->command.kind == SCSI_PARAMETERS) {
    finish_out (storage, useful);
    return;
  }
  memcpy (storage->buffer, storage->tail, before);
  memcpy (storage->buffer + before, storage->out->data + storage->done, bytes - before);
  submit (storage, BLOCK_WRITE, storage->command.offset + at, bytes);
}

static void
write_done (UsbStorage *storage)
{
  uint32_t before = storage->done == 0 ? storage->n_tail : 0;

  if (storage->request.error != 0) {
    fail_command (storage, true);
    storage->done = 0;
    storage->n_tail = 0;
  } else {
    storage->done += (uint32_t) storage->request.length_bytes - before;
  }
}

// ---------------------------------------------------------------------------------------------
// Going on

// Does what can be done now for the transfers that wait.
static void
run (UsbStorage *storage)
{
  if (storage->out != NULL && !storage->busy) {
    if (storage->phase == PHASE_COMMAND)
      take_command (storage);
    else if (storage->phase == PHASE_OUT)
      run_out (storage);
    else if (storage->phase == PHASE_BROKEN)
      give_out (storage, USB_STATUS_STALL, 0);
  }
  if (storage->in != NULL && !storage->busy) {
    if (storage->phase == PHASE_IN)
      run_in (storage);
    else if (storage->phase == PHASE_STATUS)
      run_status (storage);
    else if (storage->phase == PHASE_BROKEN)
      give_in (storage, USB_STATUS_STALL, 0);
  }
}

// A flush lacks it for what the image's format had yet to write.
static bool
has_no_room (const BlockRequest *request)
{
  return (request->op == BLOCK_WRITE || request->op == BLOCK_FLUSH) &&
         (request->error == ENOSPC || request->error == EDQUOT);
}

static void
request_done (UsbStorage *storage)
{
  storage->busy = false;
  if (storage->stale) {
    run (storage);
    return;
  }
  if (has_no_room (&storage->request)) {
    // The transfer, or that for the status, waits until it is taken away and comes again.
    vm_request (storage->fn.device.vm, VM_REQUEST_DISK_FULL);
    return;
  }
  // The guest has the error; the person should know why it complains.
  if (storage->request.error != 0 && storage->request.error != ECANCELED)
    vm_request (storage->fn.device.vm, VM_REQUEST_DISK_ERROR);
  switch (storage->request.op) {
  case BLOCK_READ:
    read_done (storage);
    break;
  case BLOCK_WRITE:
    write_done (storage);
    break;
  default:
    if (storage->request.error != 0)
      fail_command (storage, true);
    storage->command.kind = SCSI_DONE;
    break;
  }
  run (storage);
}

static void
completed_cb (void *data)
{
  UsbStorage *storage = data;

  while (block_device_reap (storage->disk) != NULL)
    request_done (storage);
}

static void
forget_command (UsbStorage *storage)
{
  storage->phase = PHASE_COMMAND;
  storage->done = storage->n_tail = 0;
  storage->stale = true;
}

// ---------------------------------------------------------------------------------------------
// Ops

static int
handle_request (UsbFunction *fn, const UsbSetup *setup, uint8_t *data, uint32_t length)
{
  if ((setup->type & USB_TYPE_MASK) != USB_TYPE_CLASS || setup->index != 0)
    return -1;
  if (setup->request == REQUEST_RESET && !(setup->type & USB_DIR_IN)) {
    forget_command ((UsbStorage *) fn);
    return 0;
  }
  if (setup->request != REQUEST_MAX_LUN || !(setup->type & USB_DIR_IN) || length < 1)
    return -1;
  data[0] = 0;
  return 1;
}

static void
changed (UsbFunction *fn)
{
  forget_command ((UsbStorage *) fn);
}

static void
storage_submit (UsbDevice *device, UsbTransfer *transfer)
{
  UsbStorage *storage = (UsbStorage *) device;
  bool in = transfer->endpoint == STORAGE_IN;

  if (transfer->kind == USB_CONTROL) {
    usb_function_control (&storage->fn, transfer, handle_request, changed);
    return;
  }
  UsbTransfer **place = in ? &storage->in : &storage->out;
  if ((!in && transfer->endpoint != STORAGE_OUT) || storage->fn.configuration == 0 ||
      *place != NULL) {
    usb_transfer_done (transfer, USB_STATUS_NO_RESPONSE, 0);
  } else if (usb_function_is_halted (&storage->fn, transfer->endpoint)) {
    usb_transfer_done (transfer, USB_STATUS_STALL, 0);
  } else {
    *place = transfer;
    run (storage);
  }
}

static void
storage_cancel (UsbDevice *device, UsbTransfer *transfer)
{
  UsbStorage *storage = (UsbStorage *) device;
  UsbTransfer **place = transfer == storage->in ? &storage->in : &storage->out;

  if (*place != transfer)
    return;
  // A flush is the command's, not a transfer's.
  if ((place == &storage->in) == (storage->phase != PHASE_OUT) &&
      storage->command.kind != SCSI_FLUSH) {
    storage->stale = true;
    storage->done = 0;
  }
  *place = NULL;
  usb_transfer_done (transfer, USB_STATUS_CANCELLED, 0);
}

static void
storage_reset (UsbDevice *device)
{
  UsbStorage *storage = (UsbStorage *) device;

  usb_function_reset (&storage->fn);
  forget_command (storage);
  scsi_unit_reset (storage->unit);
}

static void
storage_quiesce (UsbDevice *device)
{
  UsbStorage *storage = (UsbStorage *) device;

  block_device_wait (storage->disk);
  completed_cb (storage);
}

static bool
storage_realize (UsbDevice *device, GError **error)
{
  UsbStorage *storage = (UsbStorage *) device;

  block_device_attach (storage->disk, device->vm->loop, completed_cb, storage);
  return true;
}

static void
storage_free (UsbDevice *device)
{
  UsbStorage *storage = (UsbStorage *) device;

  block_device_cancel (storage->disk);
  while (block_device_reap (storage->disk) != NULL)
    ;
  scsi_unit_free (storage->unit);
  g_free (storage->buffer);
  g_free (storage);
}

static uint64_t
get_n_blocks (const UsbStorage *storage)
{
  return block_device_get_size_bytes (storage->disk) / BLOCK_SECTOR_BYTES;
}

static void
storage_save (UsbDevice *device, StateWriter *writer)
{
  const UsbStorage *storage = (UsbStorage *) device;
  uint32_t sense = scsi_unit_get_sense (storage->unit);

  usb_function_save (&storage->fn, writer);
  state_put_u64 (writer, get_n_blocks (storage));
  state_put_u8 (writer, sense >> 16);
  state_put_u8 (writer, sense >> 8 & 0xff);
  state_put_u8 (writer, sense & 0xff);
  state_put_u8 (writer, storage->phase);
  state_put_u8 (writer, storage->status);
  state_put_u32 (writer, storage->tag);
  state_put_u32 (writer, storage->expected);
  state_put_u64 (writer, storage->useful);
  state_put_u64 (writer, storage->position);
  state_put_u8 (writer, storage->command.kind);
  state_put_bool (writer, storage->command.fua);
  state_put_u64 (writer, storage->command.offset / BLOCK_SECTOR_BYTES);
  state_put_bytes (writer, storage->command.data, sizeof storage->command.data);
  state_put_u32 (writer, storage->n_tail);
  state_put_bytes (writer, storage->tail, sizeof storage->tail);
  state_put_bytes (writer, storage->cdb, sizeof storage->cdb);
  scsi_unit_save (storage->unit, writer);
  state_put_bytes (writer, storage->serial, sizeof storage->serial);
}

// The data phase lies inside what it is about.
static bool
is_valid (const UsbStorage *storage)
{
  const ScsiCommand *command = &storage->command;
  uint64_t blocks = (storage->useful + BLOCK_SECTOR_BYTES - 1) / BLOCK_SECTOR_BYTES;
  uint64_t first = command->offset / BLOCK_SECTOR_BYTES, n_blocks = get_n_blocks (storage);
  bool transfer = command->kind == SCSI_READ || command->kind == SCSI_WRITE;

  if (storage->phase >= N_PHASES || command->kind > SCSI_FLUSH ||
      storage->status > STATUS_PHASE_ERROR || storage->useful > storage->expected)
    return false;
  if (storage->position > (uint64_t) storage->expected + G_MAXUINT32 ||
      storage->n_tail >= BLOCK_SECTOR_BYTES || storage->n_tail > storage->position)
    return false;
  if (command->kind == SCSI_PARAMETERS && storage->n_tail > PARAMETER_BYTES_MAX)
    return false;
  if (block_device_is_read_only (storage->disk) &&
      (command->kind == SCSI_WRITE || command->kind == SCSI_FLUSH))
    return false;
  if (command->kind == SCSI_DATA_IN && storage->useful > sizeof command->data)
    return false;
  if (command->kind == SCSI_WRITE && storage->position <= storage->useful &&
      storage->n_tail != storage->position % BLOCK_SECTOR_BYTES)
    return false;
  return !transfer || (first <= n_blocks && blocks <= n_blocks - first);
}

static bool
storage_load (UsbDevice *device, StateReader *reader, uint32_t version, GError **error)
{
  UsbStorage *storage = (UsbStorage *) device;
  bool ok = usb_function_load (&storage->fn, reader);

  ok = state_get_u64 (reader) == get_n_blocks (storage) && ok;
  uint32_t sense = state_get_u8 (reader) << 16;
  sense |= state_get_u8 (reader) << 8;
  sense |= state_get_u8 (reader);
  storage->phase = state_get_u8 (reader);
  storage->status = state_get_u8 (reader);
  storage->tag = state_get_u32 (reader);
  storage->expected = state_get_u32 (reader);
  storage->useful = state_get_u64 (reader);
  storage->position = state_get_u64 (reader);
  storage->command = (ScsiCommand){.kind = state_get_u8 (reader)};
  storage->command.fua = state_get_bool (reader);
  storage->command.offset = state_get_u64 (reader) * BLOCK_SECTOR_BYTES;
  state_get_bytes (reader, storage->command.data, sizeof storage->command.data);
  storage->n_tail = state_get_u32 (reader);
  state_get_bytes (reader, storage->tail, sizeof storage->tail);
  memset (storage->cdb, 0, sizeof storage->cdb); // version 1 had no use for parameters
  if (version > 1) {
    state_get_bytes (reader, storage->cdb, sizeof storage->cdb);
    ok = scsi_unit_load (storage->unit, reader) && ok;
  }
  if (version > 2) { // another may have come to this connector since
    char serial[sizeof storage->serial];

    state_get_bytes (reader, serial, sizeof serial);
    ok = memcmp (serial, storage->serial, sizeof serial) == 0 && ok;
  }
  scsi_unit_set_sense (storage->unit, sense);
  if (ok && state_reader_ok (reader) && is_valid (storage))
    return true;
  storage_reset (device);
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
               "The saved state of a USB disk is damaged, or of another disk");
  return false;
}

static const UsbDeviceOps ops = {
    .name = "usb-storage",
    .state_version = 3,
    .realize = storage_realize,
    .free = storage_free,
    .reset = storage_reset,
    .submit = storage_submit,
    .cancel = storage_cancel,
    .quiesce = storage_quiesce,
    .save = storage_save,
    .load = storage_load,
};

UsbDevice *
usb_storage_new (BlockDevice *take, UsbSpeed speed, unsigned number)
{
  UsbStorage *storage = g_new0 (UsbStorage, 1);

  storage->fn.device.ops = &ops;
  storage->fn.device.speed = speed;
  storage->fn.descriptors = usb_storage_get_descriptors (speed);
  storage->fn.serial = storage->serial;
  storage->disk = take;
  g_snprintf (storage->serial, sizeof storage->serial, "%012X", number + 1); // digits: §4.1.1
  storage->unit = scsi_stick_new (take, storage->serial);
  storage->buffer = g_malloc (BUFFER_BYTES);
  return &storage->fn.device;
}
