// SPDX-License-Identifier: GPL-3.0-or-later
// NVMe's admin commands (§5): what controller and namespace are, queues made and deleted, features,
// logs. Asynchronous event requests are kept; there are no events.

#include "engine/hw/nvme-priv.h"

enum {
  OP_DELETE_SQ = 0x00,
  OP_CREATE_SQ = 0x01,
  OP_GET_LOG = 0x02,
  OP_DELETE_CQ = 0x04,
  OP_CREATE_CQ = 0x05,
  OP_IDENTIFY = 0x06,
  OP_ABORT = 0x08,
  OP_SET_FEATURES = 0x09,
  OP_GET_FEATURES = 0x0a,
  OP_EVENT_REQUEST = 0x0c,

  IDENTIFY_BYTES = 4096,
  IDENTIFY_NAMESPACE = 0,
  IDENTIFY_CONTROLLER = 1,
  IDENTIFY_NAMESPACES = 2,
  IDENTIFY_DESCRIPTORS = 3,

  LOG_BYTES = 512,
  LOG_ERRORS = 1,
  LOG_HEALTH = 2,
  LOG_FIRMWARE = 3,
  TEMPERATURE_KELVIN = 310,

  NSID_ALL = 0xffffffff,
  QUEUE_CONTIGUOUS = 1, // of dw11
  QUEUE_INTERRUPTS = 2,
  VENDOR = 0x1b36,
  VERSION = 0x00010400,
};

static void
put16 (uint8_t *to, uint16_t value)
{
  memcpy (to, &value, sizeof value);
}

static void
put32 (uint8_t *to, uint32_t value)
{
  memcpy (to, &value, sizeof value);
}

static void
put64 (uint8_t *to, uint64_t value)
{
  memcpy (to, &value, sizeof value);
}

static void
put_text (uint8_t *to, const char *text, size_t length)
{
  memset (to, ' ', length);
  memcpy (to, text, MIN (strlen (text), length));
}

// ---- identify (§5.15.2) ---------------------------------------------------------------------

static void
identify_controller (const Nvme *nvme, uint8_t *data)
{
  put16 (data, VENDOR);
  put16 (data + 2, VENDOR);
  put_text (data + 4, nvme->serial, 20);
  put_text (data + 24, "Terrarium NVMe disk", 40);
  put_text (data + 64, "1", 8);
  data[72] = 6; // arbitration burst
  data[77] = NVME_MDTS;
  put32 (data + 80, VERSION);
  data[111] = 1; // an I/O controller
  data[258] = 3; // aborts at a time, less one
  data[259] = NVME_AERS_MAX - 1;
  data[260] = 3; // one firmware slot, read only
  put16 (data + 266, TEMPERATURE_KELVIN + 33);
  put16 (data + 268, TEMPERATURE_KELVIN + 63);
  data[512] = 0x66;         // entries of 64 bytes
  data[513] = 0x44;         // of 16
  put32 (data + 516, 1);    // namespaces
  put16 (data + 520, 0x0c); // dataset management, write zeroes
  data[525] = 1;            // there is a write cache
  g_snprintf ((char *) data + 768, 256, "nqn.2026-01.org.terrarium:disk:%s", nvme->serial);
  put16 (data + 2048, 2500); // power state 0: 25 W
}

static void
identify_namespace (const Nvme *nvme, uint8_t *data)
{
  uint64_t n = nvme_n_blocks (nvme);

  put64 (data, n);
  put64 (data + 8, n);
  put64 (data + 16, n);
  data[24] = 0x11;      // thin; the sizes below are meant
  put16 (data + 64, 7); // granularity of writes, less one: 4 KiB
  put16 (data + 66, 7); // their alignment
  put16 (data + 68, 7); // of deallocation
  put16 (data + 70, 7);
  put16 (data + 72, 7);
  data[99] = block_device_is_read_only (nvme->disk) ? 1 : 0;
  data[130] = 9; // format 0: blocks of 2^9 bytes
}

// A number that is always the same for a disk of this name.
static void
put_uuid (const Nvme *nvme, uint8_t *to)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  uint8_t digest[32];
  gsize length = sizeof digest;

  g_checksum_update (sum, (const uint8_t *) nvme->serial, (gssize) strlen (nvme->serial));
  g_checksum_get_digest (sum, digest, &length);
  memcpy (to, digest, 16);
  to[6] = (to[6] & 0x0f) | 0x80;
  to[8] = (to[8] & 0x3f) | 0x80;
}

static uint16_t
identify (Nvme *nvme, const NvmeCommand *command)
{
  uint8_t data[IDENTIFY_BYTES] = {0};

  switch (command->dw10 & 0xff) {
  case IDENTIFY_NAMESPACE:
    if (command->nsid == 0 || (command->nsid > 1 && command->nsid != NSID_ALL))
      return NVME_INVALID_NAMESPACE;
    identify_namespace (nvme, data);
    break;
  case IDENTIFY_CONTROLLER:
    identify_controller (nvme, data);
    break;
  case IDENTIFY_NAMESPACES:
    if (command->nsid >= NSID_ALL - 1)
      return NVME_INVALID_NAMESPACE;
    put32 (data, command->nsid < 1 ? 1 : 0);
    break;
  case IDENTIFY_DESCRIPTORS:
    if (command->nsid != 1)
      return NVME_INVALID_NAMESPACE;
    data[0] = 3; // a UUID
    data[1] = 16;
    put_uuid (nvme, data + 4);
    break;
  default:
    return NVME_INVALID_FIELD;
  }
  return nvme_copy (nvme, command, data, sizeof data, true);
}

// ---- logs (§5.14) ---------------------------------------------------------------------------

static uint16_t
get_log (Nvme *nvme, const NvmeCommand *command)
{
  uint64_t dwords = (command->dw10 >> 16 | (uint64_t) (command->dw11 & 0xffff) << 16) + 1;
  size_t bytes = MIN (dwords * 4, LOG_BYTES);
  uint8_t data[LOG_BYTES] = {0};

  if (command->dw12 != 0 || command->dw13 != 0)
    return NVME_INVALID_FIELD;
  switch (command->dw10 & 0xff) {
  case LOG_ERRORS:
    break;
  case LOG_HEALTH:
    put16 (data + 1, TEMPERATURE_KELVIN);
    data[3] = 100; // spare, per cent
    data[4] = 10;
    break;
  case LOG_FIRMWARE:
    data[0] = 1;
    put_text (data + 8, "1", 8);
    break;
  default:
    return NVME_INVALID_LOG;
  }
  return nvme_copy (nvme, command, data, bytes, true);
}

// ---- queues (§5.3 to §5.6) ------------------------------------------------------------------

static bool
queue_id_valid (const Nvme *nvme, uint32_t dw10)
{
  unsigned id = dw10 & 0xffff;
  return id >= 1 && id <= nvme->n_queues;
}

// Size and place of a queue to be made.
static uint16_t
check_queue (const Nvme *nvme, const NvmeCommand *command)
{
  uint32_t size = (command->dw10 >> 16) + 1;

  if (!queue_id_valid (nvme, command->dw10))
    return NVME_INVALID_QUEUE_ID;
  if (size < 2 || size > NVME_ENTRIES_MAX)
    return NVME_INVALID_QUEUE_SIZE;
  if (!(command->dw11 & QUEUE_CONTIGUOUS))
    return NVME_INVALID_FIELD;
  return command->prp1 % NVME_PAGE_BYTES == 0 ? NVME_OK : NVME_INVALID_PRP;
}

static uint16_t
create_cq (Nvme *nvme, const NvmeCommand *command)
{
  unsigned id = command->dw10 & 0xffff, vector = command->dw11 >> 16;
  uint16_t status = check_queue (nvme, command);

  if (status != NVME_OK)
    return status;
  if (nvme->cqs[id].size != 0)
    return NVME_INVALID_QUEUE_ID;
  if (vector >= nvme->msix.n_vectors)
    return NVME_INVALID_VECTOR;
  nvme->cqs[id] = (NvmeCq){
      .base = command->prp1,
      .size = (command->dw10 >> 16) + 1,
      .vector = vector,
      .phase = true,
      .interrupts = command->dw11 & QUEUE_INTERRUPTS,
  };
  atomic_store (&nvme->cq_bell[id], 0);
  return NVME_OK;
}

static uint16_t
create_sq (Nvme *nvme, const NvmeCommand *command)
{
  unsigned id = command->dw10 & 0xffff, cq = command->dw11 >> 16;
  uint16_t status = check_queue (nvme, command);

  if (status != NVME_OK)
    return status;
  if (nvme->sqs[id].size != 0)
    return NVME_INVALID_QUEUE_ID;
  if (cq < 1 || cq > nvme->n_queues || nvme->cqs[cq].size == 0)
    return NVME_INVALID_CQ;
  nvme->sqs[id] = (NvmeSq){.base = command->prp1, .size = (command->dw10 >> 16) + 1, .cq = cq};
  atomic_store (&nvme->sq_bell[id], 0);
  return NVME_OK;
}

static void
forget_stalled (Nvme *nvme, unsigned sq)
{
  for (unsigned i = nvme->stalled->len; i > 0; i--) {
    const NvmeStalled stalled = g_array_index (nvme->stalled, NvmeStalled, i - 1);
    if (stalled.sq != sq)
      continue;
    g_array_remove_index (nvme->stalled, i - 1);
    nvme_complete (nvme, sq, stalled.command.id, NVME_ABORTED, 0);
  }
}

// What it has in flight comes to its end first.
static uint16_t
delete_sq (Nvme *nvme, const NvmeCommand *command)
{
  unsigned id = command->dw10 & 0xffff;

  if (!queue_id_valid (nvme, command->dw10) || nvme->sqs[id].size == 0)
    return NVME_INVALID_QUEUE_ID;
  nvme_drain (nvme);
  forget_stalled (nvme, id);
  nvme->sqs[id] = (NvmeSq){0};
  return NVME_OK;
}

static uint16_t
delete_cq (Nvme *nvme, const NvmeCommand *command)
{
  unsigned id = command->dw10 & 0xffff;

  if (!queue_id_valid (nvme, command->dw10) || nvme->cqs[id].size == 0)
    return NVME_INVALID_QUEUE_ID;
  for (unsigned i = 1; i < NVME_N_QUEUES; i++)
    if (nvme->sqs[i].size != 0 && nvme->sqs[i].cq == id)
      return NVME_INVALID_DELETION;
  nvme->cqs[id] = (NvmeCq){0};
  return NVME_OK;
}

// ---- features and events --------------------------------------------------------------------

static uint32_t
count_queues (const Nvme *nvme)
{
  return (nvme->n_queues - 1) | (nvme->n_queues - 1) << 16;
}

static uint16_t
set_features (Nvme *nvme, const NvmeCommand *command, uint32_t *result)
{
  unsigned feature = command->dw10 & 0xff;

  if (feature == 0 || feature >= NVME_N_FEATURES || feature == 3 || (command->dw10 & 1u << 31))
    return NVME_INVALID_FIELD;
  if (feature == NVME_FEATURE_POWER && (command->dw11 & 0x1f) != 0)
    return NVME_INVALID_FIELD;
  if (feature == NVME_FEATURE_QUEUES)
    *result = count_queues (nvme);
  else
    nvme->features[feature] = command->dw11;
  return NVME_OK;
}

static uint16_t
get_features (const Nvme *nvme, const NvmeCommand *command, uint32_t *result)
{
  unsigned feature = command->dw10 & 0xff;

  if (feature == 0 || feature >= NVME_N_FEATURES || feature == 3)
    return NVME_INVALID_FIELD;
  *result = feature == NVME_FEATURE_QUEUES ? count_queues (nvme) : nvme->features[feature];
  return NVME_OK;
}

// It waits for ever, so no completion is promised to it.
static uint16_t
request_event (Nvme *nvme, const NvmeCommand *command)
{
  if (nvme->n_aers == NVME_AERS_MAX)
    return NVME_TOO_MANY_EVENTS;
  nvme->aers[nvme->n_aers++] = command->id;
  nvme->cqs[0].reserved--;
  return NVME_PENDING;
}

uint16_t
nvme_admin (Nvme *nvme, const NvmeCommand *command, uint32_t *result)
{
  switch (command->opcode) {
  case OP_DELETE_SQ:
    return delete_sq (nvme, command);
  case OP_CREATE_SQ:
    return create_sq (nvme, command);
  case OP_GET_LOG:
    return get_log (nvme, command);
  case OP_DELETE_CQ:
    return delete_cq (nvme, command);
  case OP_CREATE_CQ:
    return create_cq (nvme, command);
  case OP_IDENTIFY:
    return identify (nvme, command);
  case OP_ABORT:
    *result = 1; // it was not aborted
    return NVME_OK;
  case OP_SET_FEATURES:
    return set_features (nvme, command, result);
  case OP_GET_FEATURES:
    return get_features (nvme, command, result);
  case OP_EVENT_REQUEST:
    return request_event (nvme, command);
  default:
    return NVME_INVALID_OPCODE;
  }
}
