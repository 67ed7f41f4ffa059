// SPDX-License-Identifier: GPL-3.0-or-later
// virtio SCSI host (VIRTIO 1.2 §5.6): carries commands to units (engine/scsi), one for each target.
// Queue 0 is for task management, 1 for events, of which there are none (drives are asked, with GET
// EVENT STATUS NOTIFICATION), the others for requests.
//
// Threads: the I/O thread under the device's lock; reset may come from a vCPU thread. As in blk.c, a
// chain is kept while its request is in flight, reset waits for requests a worker has begun, and
// what the host has no room for waits for the machine to be resumed.
#include "engine/virtio/scsi.h"

#include <assert.h>
#include <gio/gio.h>
#include <string.h>

#include "engine/virtio/pump.h"

enum {
  QUEUE_CONTROL = 0,
  QUEUE_EVENT = 1,
  QUEUE_REQUEST = 2, // and all behind it
  QUEUE_SIZE = 256,
  CHAINS_PER_RUN = 64,
  STALLED_MAX = QUEUE_SIZE * VIRTIO_SCSI_QUEUES_MAX,

  CDB_BYTES = 32, // until the driver wants otherwise
  CDB_BYTES_MAX = 64,
  SENSE_BYTES = 96,
  SENSE_BYTES_MAX = 252,

  S_OK = 0,
  S_OVERRUN = 1,
  S_BAD_TARGET = 3,
  S_FUNCTION_SUCCEEDED = 10,
  S_FUNCTION_REJECTED = 11,
  S_INCORRECT_LUN = 12,

  T_TMF = 0,
  T_AN_QUERY = 1,
  T_AN_SUBSCRIBE = 2,
  TMF_LAST = 7, // of the functions that are defined
};

typedef struct ScsiConfig {
  uint32_t num_queues, seg_max, max_sectors, cmd_per_lun, event_info_size, sense_size, cdb_size;
  uint16_t max_channel, max_target;
  uint32_t max_lun;
} ScsiConfig;
static_assert (sizeof (ScsiConfig) == 36 && offsetof (ScsiConfig, max_lun) == 32, "§5.6.4");

// Without the command that follows, and the sense data that follows (§5.6.6.1).
typedef struct ScsiHeader {
  uint8_t lun[8];
  uint8_t tag[8];
  uint8_t task_attr, priority, crn;
} ScsiHeader;
static_assert (sizeof (ScsiHeader) == 19, "§5.6.6.1");

typedef struct ScsiResponse {
  uint32_t sense_length, residual;
  uint16_t status_qualifier;
  uint8_t status, response;
} ScsiResponse;
static_assert (sizeof (ScsiResponse) == 12, "§5.6.6.1");

// The parts of both kinds of control request that are looked at (§5.6.6.2, §5.6.6.3).
typedef struct ScsiControl {
  uint32_t type;
  union {
    struct {
      uint32_t subtype;
      uint8_t lun[8];
    } tmf;
    uint8_t lun[8];
  };
} ScsiControl;
static_assert (sizeof (ScsiControl) == 16, "§5.6.6.2");

typedef struct Stalled {
  uint16_t queue, head;
} Stalled;

typedef struct VirtioScsi {
  VirtioDevice vdev;
  unsigned n_queues; // of requests
  ScsiUnit *units[VIRTIO_SCSI_TARGETS_MAX];
  uint32_t cdb_bytes, sense_bytes;
  VirtioPump pump;
  Stalled stalled[STALLED_MAX];
  unsigned n_stalled;
} VirtioScsi;

// One in flight.
typedef struct Request {
  ScsiRequest scsi; // first: what reap gives is this
  unsigned queue;
  VirtChain *chain;
  unsigned response_bytes; // of what comes before data to the driver
  struct iovec iov[];      // data out, then data in
} Request;

// ---- requests -------------------------------------------------------------------------------

// The segments behind the first `skip` bytes; their number.
static unsigned
skip_bytes (struct iovec *to, const struct iovec *from, unsigned n_from, uint64_t skip)
{
  unsigned n = 0;

  for (unsigned i = 0; i < n_from; i++) {
    if (skip >= from[i].iov_len) {
      skip -= from[i].iov_len;
      continue;
    }
    to[n].iov_base = (uint8_t *) from[i].iov_base + skip;
    to[n++].iov_len = from[i].iov_len - skip;
    skip = 0;
  }
  return n;
}

static void
push (VirtioScsi *scsi, unsigned queue, VirtChain *chain, uint64_t written)
{
  virtqueue_push (&scsi->vdev.queues[queue], chain, MIN (written, UINT32_MAX));
}

// No unit has seen it.
static void
refuse (VirtioScsi *scsi, unsigned queue, VirtChain *chain, uint8_t response)
{
  const ScsiResponse answer = {.response = response};
  virtchain_write (chain, 0, &answer, sizeof answer);
  push (scsi, queue, chain, sizeof answer);
}

static void
answer (VirtioScsi *scsi, Request *request)
{
  const ScsiRequest *done = &request->scsi;
  bool failed = done->status == SCSI_CHECK_CONDITION;
  uint64_t data = done->in_bytes != 0 ? done->in_bytes : done->out_bytes;
  const ScsiResponse response = {
      .sense_length = failed ? MIN (SCSI_SENSE_BYTES, scsi->sense_bytes) : 0,
      .residual = MIN (data - MIN (data, done->moved_bytes), UINT32_MAX),
      .status = done->status,
      .response = S_OK,
  };

  virtchain_write (request->chain, 0, &response, sizeof response);
  virtchain_write (request->chain, sizeof response, done->sense, response.sense_length);
  push (scsi, request->queue, request->chain,
        request->response_bytes + (done->in_bytes != 0 ? done->moved_bytes : 0));
}

static void
stall (VirtioScsi *scsi, const Request *request)
{
  assert (scsi->n_stalled < STALLED_MAX); // no more chains are out than the queues have entries
  scsi->stalled[scsi->n_stalled++] = (Stalled){request->queue, request->chain->head};
  virtchain_free (request->chain);
  vm_request (scsi->vdev.vm, VM_REQUEST_DISK_FULL);
}

static void
reap_unit (VirtioScsi *scsi, ScsiUnit *unit)
{
  Request *request;

  while ((request = (Request *) scsi_unit_reap (unit)) != NULL) {
    // The guest has the error; the person should know why it complains.
    if (request->scsi.disk_failed)
      vm_request (scsi->vdev.vm, VM_REQUEST_DISK_ERROR);
    if (request->scsi.no_room)
      stall (scsi, request);
    else
      answer (scsi, request);
    g_free (request);
  }
}

static void
reap (VirtioScsi *scsi)
{
  for (unsigned i = 0; i < VIRTIO_SCSI_TARGETS_MAX; i++)
    if (scsi->units[i] != NULL)
      reap_unit (scsi, scsi->units[i]);
  for (unsigned i = 0; i < scsi->n_queues; i++)
    virtio_device_notify (&scsi->vdev, QUEUE_REQUEST + i);
}

// §5.6.6.1: 1, target, LUN as two bytes; ours have LUN 0 only.
static ScsiUnit *
find_unit (const VirtioScsi *scsi, const uint8_t lun[8])
{
  bool is_first = (lun[2] & 0x3f) == 0 && lun[3] == 0;
  return lun[0] == 1 && lun[1] < VIRTIO_SCSI_TARGETS_MAX && is_first ? scsi->units[lun[1]] : NULL;
}

static bool
handle_request (VirtioScsi *scsi, unsigned queue, VirtChain *chain)
{
  unsigned head = sizeof (ScsiHeader) + scsi->cdb_bytes;
  unsigned response = sizeof (ScsiResponse) + scsi->sense_bytes;
  ScsiHeader header;

  if (chain->out_bytes < head || chain->in_bytes < response) {
    virtchain_free (chain);
    virtio_device_broken (&scsi->vdev, "SCSI request without room for command or response");
    return false;
  }
  virtchain_read (chain, 0, &header, sizeof header);
  ScsiUnit *unit = find_unit (scsi, header.lun);
  if (unit == NULL) {
    refuse (scsi, queue, chain, S_BAD_TARGET);
    return true;
  }
  Request *request =
      g_malloc0 (sizeof *request + (chain->n_out + chain->n_in) * sizeof (struct iovec));
  request->queue = queue;
  request->chain = chain;
  request->response_bytes = response;
  virtchain_read (chain, sizeof header, request->scsi.cdb, MIN (scsi->cdb_bytes, SCSI_CDB_BYTES));
  request->scsi.n_out = skip_bytes (request->iov, chain->out, chain->n_out, head);
  request->scsi.out = request->iov;
  request->scsi.out_bytes = chain->out_bytes - head;
  request->scsi.in = request->iov + request->scsi.n_out;
  request->scsi.n_in =
      skip_bytes (request->iov + request->scsi.n_out, chain->in, chain->n_in, response);
  request->scsi.in_bytes = chain->in_bytes - response;
  scsi_unit_submit (unit, &request->scsi);
  reap_unit (scsi, unit);
  return true;
}

// ---- task management ------------------------------------------------------------------------

// What is in flight comes to its end; then there is nothing to abort.
static uint8_t
manage_task (VirtioScsi *scsi, const ScsiControl *control)
{
  ScsiUnit *unit = find_unit (scsi, control->tmf.lun);

  if (unit == NULL)
    return S_BAD_TARGET;
  if (control->tmf.subtype > TMF_LAST)
    return S_FUNCTION_REJECTED;
  scsi_unit_wait (unit);
  reap_unit (scsi, unit);
  return S_FUNCTION_SUCCEEDED;
}

// The response is the last byte of what the device writes; what it writes before is which events it
// will tell of: none.
static bool
handle_control (VirtioScsi *scsi, VirtChain *chain)
{
  ScsiControl control;
  const uint32_t no_events = 0;

  if (virtchain_read (chain, 0, &control, sizeof control) != sizeof control ||
      chain->in_bytes < (control.type == T_TMF ? 1 : 5)) {
    virtchain_free (chain);
    virtio_device_broken (&scsi->vdev, "SCSI control request of the wrong size");
    return false;
  }
  if (control.type == T_TMF) {
    uint8_t response = manage_task (scsi, &control);
    virtchain_write (chain, 0, &response, 1);
    push (scsi, QUEUE_CONTROL, chain, 1);
    return true;
  }
  bool known = control.type == T_AN_QUERY || control.type == T_AN_SUBSCRIBE;
  uint8_t response = !known                                  ? S_FUNCTION_REJECTED
                     : find_unit (scsi, control.lun) == NULL ? S_BAD_TARGET
                                                             : S_OK;
  virtchain_write (chain, 0, &no_events, sizeof no_events);
  virtchain_write (chain, sizeof no_events, &response, 1);
  push (scsi, QUEUE_CONTROL, chain, 5);
  return true;
}

static bool
handle (VirtioDevice *vdev, unsigned queue, VirtChain *chain)
{
  VirtioScsi *scsi = (VirtioScsi *) vdev;

  return queue == QUEUE_CONTROL ? handle_control (scsi, chain)
                                : handle_request (scsi, queue, chain);
}

// ---- flow -----------------------------------------------------------------------------------

// The driver may have changed the chains meanwhile: they are looked at as if for the first time.
static void
try_again (VirtioScsi *scsi)
{
  unsigned n = scsi->n_stalled;

  scsi->n_stalled = 0;
  for (unsigned i = 0; i < n && virtio_device_is_live (&scsi->vdev); i++) {
    const Stalled stalled = scsi->stalled[i];
    VirtChain *chain = virtqueue_retake (&scsi->vdev.queues[stalled.queue], stalled.head);
    if (chain == NULL)
      virtio_device_broken (&scsi->vdev, "malformed virtqueue");
    else
      handle_request (scsi, stalled.queue, chain);
  }
  reap (scsi);
}

// I/O thread, lock not held.
static void
completed_cb (void *data)
{
  VirtioScsi *scsi = data;

  virtio_device_lock (&scsi->vdev);
  reap (scsi);
  virtio_device_unlock (&scsi->vdev);
}

static void
drop_requests (VirtioScsi *scsi)
{
  for (unsigned i = 0; i < VIRTIO_SCSI_TARGETS_MAX; i++) {
    ScsiUnit *unit = scsi->units[i];
    Request *request;
    if (unit == NULL)
      continue;
    scsi_unit_cancel (unit);
    while ((request = (Request *) scsi_unit_reap (unit)) != NULL) {
      virtchain_free (request->chain);
      g_free (request);
    }
  }
  scsi->n_stalled = 0;
}

bool
virtio_scsi_is_locked (VirtioDevice *vdev, unsigned target)
{
  VirtioScsi *scsi = (VirtioScsi *) vdev;

  g_assert (target < VIRTIO_SCSI_TARGETS_MAX && scsi->units[target] != NULL);
  virtio_device_lock (vdev);
  bool locked = scsi_cdrom_is_locked (scsi->units[target]);
  virtio_device_unlock (vdev);
  return locked;
}

void
virtio_scsi_change_medium (VirtioDevice *vdev, unsigned target, BlockDevice *take)
{
  VirtioScsi *scsi = (VirtioScsi *) vdev;

  g_assert (target < VIRTIO_SCSI_TARGETS_MAX && scsi->units[target] != NULL);
  virtio_device_lock (vdev);
  scsi_cdrom_change (scsi->units[target], take);
  reap (scsi);
  virtio_device_unlock (vdev);
}

// ---- ops ------------------------------------------------------------------------------------

static void
scsi_queue_notify (VirtioDevice *vdev, unsigned queue)
{
  virtio_pump_run (&((VirtioScsi *) vdev)->pump, queue);
}

static void
scsi_read_config (VirtioDevice *vdev, unsigned offset, void *to, unsigned length)
{
  const VirtioScsi *scsi = (VirtioScsi *) vdev;
  const ScsiConfig config = {
      .num_queues = scsi->n_queues,
      .seg_max = QUEUE_SIZE - 2,
      .max_sectors = 0xffff,
      .cmd_per_lun = QUEUE_SIZE,
      .event_info_size = 16,
      .sense_size = scsi->sense_bytes,
      .cdb_size = scsi->cdb_bytes,
      .max_target = VIRTIO_SCSI_TARGETS_MAX - 1,
  };
  memcpy (to, (const uint8_t *) &config + offset, length);
}

static bool
sizes_valid (uint32_t cdb_bytes, uint32_t sense_bytes)
{
  return cdb_bytes >= 1 && cdb_bytes <= CDB_BYTES_MAX && sense_bytes <= SENSE_BYTES_MAX;
}

// Sizes nobody needs stay as they were; the driver reads them back.
static void
scsi_write_config (VirtioDevice *vdev, unsigned offset, const void *from, unsigned length)
{
  VirtioScsi *scsi = (VirtioScsi *) vdev;
  uint32_t value;

  if (length != sizeof value)
    return;
  memcpy (&value, from, sizeof value);
  if (offset == offsetof (ScsiConfig, cdb_size) && sizes_valid (value, 0))
    scsi->cdb_bytes = value;
  else if (offset == offsetof (ScsiConfig, sense_size) && sizes_valid (CDB_BYTES, value))
    scsi->sense_bytes = value;
}

static void
scsi_reset (VirtioDevice *vdev)
{
  VirtioScsi *scsi = (VirtioScsi *) vdev;

  drop_requests (scsi);
  scsi->cdb_bytes = CDB_BYTES;
  scsi->sense_bytes = SENSE_BYTES;
  for (unsigned i = 0; i < VIRTIO_SCSI_TARGETS_MAX; i++)
    if (scsi->units[i] != NULL)
      scsi_unit_reset (scsi->units[i]);
}

static void
scsi_quiesce (VirtioDevice *vdev)
{
  VirtioScsi *scsi = (VirtioScsi *) vdev;

  virtio_pump_quiesce (&scsi->pump);
  for (unsigned i = 0; i < VIRTIO_SCSI_TARGETS_MAX; i++)
    if (scsi->units[i] != NULL)
      scsi_unit_wait (scsi->units[i]);
  reap (scsi);
}

static void
scsi_resume (VirtioDevice *vdev)
{
  VirtioScsi *scsi = (VirtioScsi *) vdev;

  try_again (scsi);
  virtio_pump_resume (&scsi->pump);
}

static void
scsi_save (VirtioDevice *vdev, StateWriter *writer)
{
  const VirtioScsi *scsi = (VirtioScsi *) vdev;

  state_put_u32 (writer, scsi->cdb_bytes);
  state_put_u32 (writer, scsi->sense_bytes);
  for (unsigned i = 0; i < VIRTIO_SCSI_TARGETS_MAX; i++) {
    state_put_bool (writer, scsi->units[i] != NULL);
    if (scsi->units[i] != NULL)
      scsi_unit_save (scsi->units[i], writer);
  }
  state_put_u16 (writer, scsi->n_stalled);
  for (unsigned i = 0; i < scsi->n_stalled; i++) {
    state_put_u16 (writer, scsi->stalled[i].queue);
    state_put_u16 (writer, scsi->stalled[i].head);
  }
}

static bool
load_stalled (VirtioScsi *scsi, StateReader *reader)
{
  unsigned n = state_get_u16 (reader), found[VIRTIO_SCSI_QUEUES_MAX] = {0};

  if (n > STALLED_MAX)
    return false;
  for (unsigned i = 0; i < n; i++) {
    Stalled stalled = {state_get_u16 (reader), state_get_u16 (reader)};
    if (stalled.queue < QUEUE_REQUEST || stalled.queue >= QUEUE_REQUEST + scsi->n_queues)
      return false;
    const VirtQueue *queue = &scsi->vdev.queues[stalled.queue];
    uint16_t out = queue->last_avail - queue->used_idx;
    if (++found[stalled.queue - QUEUE_REQUEST] > MIN (out, QUEUE_SIZE))
      return false;
    scsi->stalled[scsi->n_stalled++] = stalled;
  }
  return state_reader_ok (reader);
}

static bool
load_all (VirtioScsi *scsi, StateReader *reader)
{
  uint32_t cdb_bytes = state_get_u32 (reader), sense_bytes = state_get_u32 (reader);

  if (!sizes_valid (cdb_bytes, sense_bytes))
    return false;
  scsi->cdb_bytes = cdb_bytes;
  scsi->sense_bytes = sense_bytes;
  for (unsigned i = 0; i < VIRTIO_SCSI_TARGETS_MAX; i++)
    if (state_get_bool (reader) != (scsi->units[i] != NULL) ||
        (scsi->units[i] != NULL && !scsi_unit_load (scsi->units[i], reader)))
      return false;
  return load_stalled (scsi, reader);
}

static bool
scsi_load (VirtioDevice *vdev, StateReader *reader, uint32_t version, GError **error)
{
  VirtioScsi *scsi = (VirtioScsi *) vdev;

  scsi->n_stalled = 0;
  if (load_all (scsi, reader))
    return true;
  scsi->n_stalled = 0;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
               "The saved state of the SCSI host does not fit its disks");
  return false;
}

static bool
scsi_realize (VirtioDevice *vdev, GError **error)
{
  VirtioScsi *scsi = (VirtioScsi *) vdev;
  uint64_t requests = ((1ull << scsi->n_queues) - 1) << QUEUE_REQUEST;

  for (unsigned i = 0; i < QUEUE_REQUEST + scsi->n_queues; i++)
    virtio_device_add_queue (vdev, QUEUE_SIZE);
  virtio_pump_init (&scsi->pump, vdev, requests | 1 << QUEUE_CONTROL, CHAINS_PER_RUN, handle);
  for (unsigned i = 0; i < VIRTIO_SCSI_TARGETS_MAX; i++)
    if (scsi->units[i] != NULL)
      scsi_unit_attach (scsi->units[i], vdev->vm->loop, completed_cb, scsi);
  return true;
}

static void
scsi_free (VirtioDevice *vdev)
{
  VirtioScsi *scsi = (VirtioScsi *) vdev;

  drop_requests (scsi);
  for (unsigned i = 0; i < VIRTIO_SCSI_TARGETS_MAX; i++)
    scsi_unit_free (scsi->units[i]);
  virtio_pump_clear (&scsi->pump);
  virtio_device_clear (vdev);
  g_free (scsi);
}

static const VirtioOps scsi_ops = {
    .name = "virtio-scsi",
    .device_id = VIRTIO_ID_SCSI,
    .pci_class = {0x01, 0x00, 0x00},
    .state_version = 1,
    .config_bytes = sizeof (ScsiConfig),
    .realize = scsi_realize,
    .free = scsi_free,
    .reset = scsi_reset,
    .queue_notify = scsi_queue_notify,
    .read_config = scsi_read_config,
    .write_config = scsi_write_config,
    .quiesce = scsi_quiesce,
    .resume = scsi_resume,
    .save = scsi_save,
    .load = scsi_load,
};

VirtioDevice *
virtio_scsi_new (unsigned n_queues)
{
  VirtioScsi *scsi = g_new0 (VirtioScsi, 1);

  g_assert (n_queues >= 1 && n_queues <= VIRTIO_SCSI_QUEUES_MAX);
  virtio_device_init (&scsi->vdev, &scsi_ops);
  scsi->n_queues = n_queues;
  scsi->cdb_bytes = CDB_BYTES;
  scsi->sense_bytes = SENSE_BYTES;
  return &scsi->vdev;
}

void
virtio_scsi_add (VirtioDevice *vdev, unsigned target, ScsiUnit *take)
{
  VirtioScsi *scsi = (VirtioScsi *) vdev;

  g_assert (target < VIRTIO_SCSI_TARGETS_MAX && scsi->units[target] == NULL);
  scsi->units[target] = take;
}
