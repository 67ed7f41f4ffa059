// SPDX-License-Identifier: GPL-3.0-or-later
// NVMe's queues (§4): commands are taken in turn from all submission queues, a few at a time, and
// completed in the queue that belongs to theirs.

#include <errno.h>

#include "engine/hw/nvme-priv.h"
#include "engine/mem/access.h"

enum {
  COMMANDS_PER_RUN = 64, // of one queue
};

static void *
find_entry (const Nvme *nvme, GuestAddr base, unsigned index, unsigned bytes)
{
  return mem_bus_ram_ptr (nvme->device.vm->bus, base + (uint64_t) index * bytes, bytes);
}

// ---- completions ----------------------------------------------------------------------------

static unsigned
count_used (const NvmeCq *cq)
{
  return (cq->tail + cq->size - cq->head) % cq->size;
}

// Room for one more, those not counted that are promised. One entry stays empty.
static bool
has_room (const NvmeCq *cq)
{
  return count_used (cq) + cq->reserved + 1 < cq->size;
}

// The phase bit is written last: with it the entry is the driver's.
static void
post (Nvme *nvme, NvmeCq *cq, const uint32_t words[4])
{
  uint8_t *entry = find_entry (nvme, cq->base, cq->tail, NVME_COMPLETION_BYTES);

  if (entry != NULL) {
    for (unsigned i = 0; i < 3; i++)
      mem_store32 (entry + 4 * i, words[i]);
    atomic_thread_fence (memory_order_release);
    mem_store32 (entry + 12, words[3] | (uint32_t) cq->phase << 16);
  }
  if (++cq->tail == cq->size) {
    cq->tail = 0;
    cq->phase = !cq->phase;
  }
  cq->posted = true;
}

void
nvme_complete (Nvme *nvme, unsigned sq, uint16_t id, uint16_t status, uint32_t result)
{
  NvmeCq *cq = &nvme->cqs[nvme->sqs[sq].cq];
  if (status != NVME_OK && status != NVME_ABORTED)
    status |= NVME_NO_RETRY;
  const uint32_t words[4] = {result, 0, nvme->sqs[sq].head | (uint32_t) sq << 16,
                             id | (uint32_t) status << 17};

  cq->reserved--;
  post (nvme, cq, words);
}

void
nvme_update_pin (Nvme *nvme)
{
  bool level = false;

  for (unsigned i = 0; i < NVME_N_QUEUES; i++) {
    const NvmeCq *cq = &nvme->cqs[i];
    level = level || (cq->size != 0 && cq->interrupts && cq->head != cq->tail);
  }
  // Without MSI-X all queues share vector 0.
  pci_function_set_intx (&nvme->fn, level && !(nvme->interrupt_mask & 1));
}

void
nvme_interrupt (Nvme *nvme)
{
  bool messages = pci_msix_is_enabled (&nvme->msix);

  for (unsigned i = 0; i < NVME_N_QUEUES; i++) {
    NvmeCq *cq = &nvme->cqs[i];
    if (messages && cq->posted && cq->interrupts)
      pci_msix_send (&nvme->msix, cq->vector);
    cq->posted = false;
  }
  if (!messages)
    nvme_update_pin (nvme);
}

void
nvme_look_at_cq_bell (Nvme *nvme, unsigned index)
{
  NvmeCq *cq = &nvme->cqs[index];
  uint32_t head = atomic_load_explicit (&nvme->cq_bell[index], memory_order_relaxed);

  // Not beyond what was completed.
  if (cq->size != 0 && head < cq->size &&
      (head + cq->size - cq->head) % cq->size <= count_used (cq))
    cq->head = head;
}

// ---- requests -------------------------------------------------------------------------------

static uint16_t
status_of (const BlockRequest *block)
{
  if (block->error == 0)
    return NVME_OK;
  if (block->error == ECANCELED)
    return NVME_ABORTED;
  return block->op == BLOCK_READ ? NVME_READ_ERROR : NVME_WRITE_FAULT;
}

// There may be room later, of a flush too (a sync that failed is EIO: block/file.h).
static bool
lacks_room (const BlockRequest *block)
{
  return block->error == ENOSPC || block->error == EDQUOT;
}

void
nvme_free_request (Nvme *nvme, NvmeRequest *request)
{
  nvme->n_in_flight--;
  g_free (request->ranges);
  g_free (request);
}

static void
stall (Nvme *nvme, const NvmeRequest *request)
{
  const NvmeStalled stalled = {request->sq, request->command};

  g_array_append_val (nvme->stalled, stalled);
  vm_request (nvme->device.vm, VM_REQUEST_DISK_FULL);
}

// The person should know why the guest complains.
static void
tell_error (Nvme *nvme, const BlockRequest *block)
{
  if (block->error != 0 && block->error != ECANCELED)
    vm_request (nvme->device.vm, VM_REQUEST_DISK_ERROR);
}

void
nvme_reap (Nvme *nvme)
{
  NvmeRequest *request;

  while ((request = (NvmeRequest *) block_device_reap (nvme->disk)) != NULL) {
    if (request->block.error == 0 && nvme_go_on (nvme, request))
      continue;
    if (lacks_room (&request->block)) {
      stall (nvme, request);
    } else {
      tell_error (nvme, &request->block);
      nvme_complete (nvme, request->sq, request->command.id, status_of (&request->block), 0);
    }
    nvme_free_request (nvme, request);
  }
}

void
nvme_drain (Nvme *nvme)
{
  while (nvme->n_in_flight > 0) {
    block_device_wait (nvme->disk);
    nvme_reap (nvme);
  }
}

void
nvme_drop_all (Nvme *nvme)
{
  NvmeRequest *request;

  block_device_cancel (nvme->disk);
  while ((request = (NvmeRequest *) block_device_reap (nvme->disk)) != NULL)
    nvme_free_request (nvme, request);
  g_array_set_size (nvme->stalled, 0);
  memset (nvme->sqs, 0, sizeof nvme->sqs);
  memset (nvme->cqs, 0, sizeof nvme->cqs);
  nvme->n_aers = 0;
  for (unsigned i = 0; i < NVME_N_QUEUES; i++) {
    atomic_store (&nvme->sq_bell[i], 0);
    atomic_store (&nvme->cq_bell[i], 0);
  }
}

// ---- commands -------------------------------------------------------------------------------

void
nvme_execute (Nvme *nvme, unsigned sq, const NvmeCommand *command)
{
  uint32_t result = 0;
  uint16_t status;

  // Fused pairs and scatter-gather lists are not offered.
  if (command->flags != 0)
    status = NVME_INVALID_FIELD;
  else
    status = sq == 0 ? nvme_admin (nvme, command, &result) : nvme_io (nvme, sq, command);
  if (status != NVME_PENDING)
    nvme_complete (nvme, sq, command->id, status, result);
}

// False: nothing can be taken.
static bool
take_command (Nvme *nvme, unsigned index)
{
  NvmeSq *sq = &nvme->sqs[index];
  NvmeCommand command;

  if (sq->size == 0 || sq->head == sq->tail || !has_room (&nvme->cqs[sq->cq]))
    return false;
  const void *entry = find_entry (nvme, sq->base, sq->head, NVME_COMMAND_BYTES);
  if (entry == NULL) {
    guest_log (&nvme->device.vm->log, "nvme", "submission queue %u is not in RAM", index);
    nvme->csts |= NVME_CSTS_FATAL;
    return false;
  }
  memcpy (&command, entry, sizeof command);
  sq->head = (sq->head + 1) % sq->size;
  nvme->cqs[sq->cq].reserved++;
  nvme_execute (nvme, index, &command);
  return true;
}

static void
look_at_sq_bell (Nvme *nvme, unsigned index)
{
  NvmeSq *sq = &nvme->sqs[index];
  uint32_t tail = atomic_load_explicit (&nvme->sq_bell[index], memory_order_acquire);

  if (sq->size != 0 && tail < sq->size)
    sq->tail = tail;
}

void
nvme_run (Nvme *nvme)
{
  bool more = false;

  if (!nvme_is_on (nvme) || (nvme->csts & NVME_CSTS_FATAL) || nvme->quiet)
    return;
  for (unsigned i = 0; i < NVME_N_QUEUES; i++) {
    nvme_look_at_cq_bell (nvme, i);
    look_at_sq_bell (nvme, i);
  }
  for (unsigned i = 0; i < NVME_N_QUEUES; i++) {
    unsigned n = 0;
    while (n < COMMANDS_PER_RUN && take_command (nvme, i))
      n++;
    more = more || n == COMMANDS_PER_RUN;
  }
  nvme_interrupt (nvme);
  if (more)
    vm_event_signal (nvme->event);
}

void
nvme_try_again (Nvme *nvme)
{
  g_autoptr (GArray) stalled = nvme->stalled;

  nvme->stalled = g_array_new (FALSE, FALSE, sizeof (NvmeStalled));
  for (unsigned i = 0; i < stalled->len; i++) {
    const NvmeStalled *one = &g_array_index (stalled, NvmeStalled, i);
    nvme_execute (nvme, one->sq, &one->command);
  }
}
