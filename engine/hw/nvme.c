// SPDX-License-Identifier: GPL-3.0-or-later
// The NVMe controller as a device: registers and doorbells (§3.1), enabling, reset, saved state. See
// nvme-priv.h for threads.

#include <assert.h>
#include <gio/gio.h>
#include <stddef.h>

#include "engine/hw/nvme-priv.h"
#include "engine/hw/pci-port.h"
#include "engine/snapshot/state.h"

static_assert (sizeof (NvmeCommand) == NVME_COMMAND_BYTES && offsetof (NvmeCommand, dw10) == 40,
               "§4.2");
static_assert (sizeof (NvmeRange) == 16, "§6.7");

enum {
  VENDOR = 0x1b36,
  DEVICE = 0x0010,
  SUBSYSTEM = 0x1100,
  REGISTERS_BAR = 0,
  BAR_BYTES = 0x4000,
  MSIX_BAR = 4,

  REG_CAP = 0x00,
  REG_VS = 0x08,
  REG_INTMS = 0x0c,
  REG_INTMC = 0x10,
  REG_CC = 0x14,
  REG_CSTS = 0x1c,
  REG_AQA = 0x24,
  REG_ASQ = 0x28,
  REG_ACQ = 0x30,
  DOORBELLS = 0x1000, // submission tail and completion head of each queue

  VERSION = 0x00010400,
  CC_WRITABLE = 0x00fffff1,
  CC_NOT_OFFERED = 0x3ff0, // other command sets, page sizes, arbitration
  CC_SHUTDOWN = 0xc000,
  AQA_WRITABLE = 0x0fff0fff,
};
// Queues of up to NVME_ENTRIES_MAX entries, contiguous; ready within 10 s; the NVM command set;
// pages of 4 KiB.
#define CAP       ((NVME_ENTRIES_MAX - 1) | 1u << 16 | 20u << 24 | UINT64_C (1) << 37)
#define BASE_MASK (~(uint64_t) (NVME_PAGE_BYTES - 1))

// ---- enabling -------------------------------------------------------------------------------

static bool
sizes_valid (uint32_t aqa)
{
  unsigned sq = (aqa & 0xfff) + 1, cq = (aqa >> 16 & 0xfff) + 1;
  return sq >= 2 && cq >= 2 && sq <= NVME_ENTRIES_MAX && cq <= NVME_ENTRIES_MAX;
}

static void
reset_features (Nvme *nvme)
{
  memset (nvme->features, 0, sizeof nvme->features);
  nvme->features[NVME_FEATURE_WRITE_CACHE] = 1;
}

// Waits for what workers have begun: it uses memory the driver may give to something else now.
static void
disable (Nvme *nvme)
{
  nvme_drop_all (nvme);
  reset_features (nvme);
  nvme->csts = 0;
  nvme_update_pin (nvme);
}

static void
enable (Nvme *nvme)
{
  if ((nvme->cc & CC_NOT_OFFERED) != 0 || !sizes_valid (nvme->aqa)) {
    nvme->csts = NVME_CSTS_FATAL;
    return;
  }
  nvme->sqs[0] = (NvmeSq){.base = nvme->asq, .size = (nvme->aqa & 0xfff) + 1};
  nvme->cqs[0] = (NvmeCq){
      .base = nvme->acq, .size = (nvme->aqa >> 16 & 0xfff) + 1, .phase = true, .interrupts = true};
  nvme->csts = NVME_CSTS_READY;
}

static void
write_cc (Nvme *nvme, uint32_t value)
{
  uint32_t before = nvme->cc;

  nvme->cc = value & CC_WRITABLE;
  if (!(nvme->cc & NVME_CC_ENABLE) && (before & NVME_CC_ENABLE))
    disable (nvme);
  else if ((nvme->cc & NVME_CC_ENABLE) && !(before & NVME_CC_ENABLE))
    enable (nvme);
  // What was completed is the host's to keep; only a flush makes more of it.
  if (nvme->cc & CC_SHUTDOWN)
    nvme->csts |= NVME_CSTS_SHUTDOWN_DONE;
}

// ---- registers ------------------------------------------------------------------------------

static uint32_t
read32 (const Nvme *nvme, uint64_t offset)
{
  switch (offset) {
  case REG_CAP:
    return CAP & 0xffffffff;
  case REG_CAP + 4:
    return CAP >> 32;
  case REG_VS:
    return VERSION;
  case REG_INTMS:
  case REG_INTMC:
    return nvme->interrupt_mask;
  case REG_CC:
    return nvme->cc;
  case REG_CSTS:
    return nvme->csts;
  case REG_AQA:
    return nvme->aqa;
  case REG_ASQ:
    return nvme->asq & 0xffffffff;
  case REG_ASQ + 4:
    return nvme->asq >> 32;
  case REG_ACQ:
    return nvme->acq & 0xffffffff;
  case REG_ACQ + 4:
    return nvme->acq >> 32;
  default:
    return 0;
  }
}

static void
set_half (uint64_t *base, bool high, uint32_t value)
{
  unsigned shift = high ? 32 : 0;
  *base = ((*base & ~(0xffffffffull << shift)) | (uint64_t) value << shift) & BASE_MASK;
}

static void
write32 (Nvme *nvme, uint64_t offset, uint32_t value)
{
  switch (offset) {
  case REG_INTMS:
    nvme->interrupt_mask |= value;
    nvme_update_pin (nvme);
    break;
  case REG_INTMC:
    nvme->interrupt_mask &= ~value;
    nvme_update_pin (nvme);
    break;
  case REG_CC:
    write_cc (nvme, value);
    break;
  case REG_AQA:
    nvme->aqa = value & AQA_WRITABLE;
    break;
  case REG_ASQ:
  case REG_ASQ + 4:
    set_half (&nvme->asq, offset != REG_ASQ, value);
    break;
  case REG_ACQ:
  case REG_ACQ + 4:
    set_half (&nvme->acq, offset != REG_ACQ, value);
    break;
  default:
    break;
  }
}

static uint64_t
bar_read (void *opaque, uint64_t offset, unsigned size)
{
  Nvme *nvme = opaque;

  g_mutex_lock (&nvme->lock);
  uint64_t value = read32 (nvme, offset);
  if (size == 8)
    value |= (uint64_t) read32 (nvme, offset + 4) << 32;
  g_mutex_unlock (&nvme->lock);
  return value;
}

// The pin follows at once, so that it is low when the driver has seen all there is.
static void
ring_cq (Nvme *nvme, unsigned queue)
{
  if (!pci_msix_is_enabled (&nvme->msix)) {
    g_mutex_lock (&nvme->lock);
    nvme_look_at_cq_bell (nvme, queue);
    nvme_update_pin (nvme);
    g_mutex_unlock (&nvme->lock);
  }
  vm_event_signal (nvme->event);
}

static void
ring (Nvme *nvme, uint64_t offset, uint32_t value)
{
  unsigned bell = (offset - DOORBELLS) / 4, queue = bell / 2;

  if (queue >= NVME_N_QUEUES)
    return;
  if (bell % 2 == 0) {
    atomic_store_explicit (&nvme->sq_bell[queue], value, memory_order_release);
    vm_event_signal (nvme->event);
  } else {
    atomic_store_explicit (&nvme->cq_bell[queue], value, memory_order_relaxed);
    ring_cq (nvme, queue);
  }
}

static void
bar_write (void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
  Nvme *nvme = opaque;

  if (offset >= DOORBELLS) {
    ring (nvme, offset, value & 0xffffffff);
    return;
  }
  g_mutex_lock (&nvme->lock);
  write32 (nvme, offset, value & 0xffffffff);
  if (size == 8)
    write32 (nvme, offset + 4, value >> 32);
  g_mutex_unlock (&nvme->lock);
}

static const MmioOps bar_ops = {
    .read = bar_read,
    .write = bar_write,
    .sizes = 4 | 8,
};

// ---- life -----------------------------------------------------------------------------------

// I/O thread: a doorbell was rung, or the disk has done something.
static void
work_cb (void *data)
{
  Nvme *nvme = data;

  g_mutex_lock (&nvme->lock);
  nvme_reap (nvme);
  nvme_run (nvme);
  nvme_interrupt (nvme);
  g_mutex_unlock (&nvme->lock);
}

static bool
nvme_realize (Device *device, GError **error)
{
  Nvme *nvme = (Nvme *) device;

  nvme->event = vm_event_new (device->vm->loop, work_cb, nvme);
  block_device_attach (nvme->disk, device->vm->loop, work_cb, nvme);
  if (nvme->port == NULL)
    pci_host_add (nvme->host, &nvme->fn, nvme->slot);
  else
    pci_port_insert (nvme->port, &nvme->fn);
  nvme->inserted = nvme->port != NULL;
  return true;
}

static void
nvme_reset (Device *device)
{
  Nvme *nvme = (Nvme *) device;

  g_mutex_lock (&nvme->lock);
  disable (nvme);
  nvme->cc = nvme->aqa = nvme->interrupt_mask = 0;
  nvme->asq = nvme->acq = 0;
  g_mutex_unlock (&nvme->lock);
  pci_function_reset (&nvme->fn);
}

static void
nvme_quiesce (Device *device)
{
  Nvme *nvme = (Nvme *) device;

  g_mutex_lock (&nvme->lock);
  nvme->quiet = true;
  nvme_drain (nvme);
  nvme_interrupt (nvme);
  g_mutex_unlock (&nvme->lock);
}

static void
nvme_resume (Device *device)
{
  Nvme *nvme = (Nvme *) device;

  g_mutex_lock (&nvme->lock);
  nvme->quiet = false;
  nvme_try_again (nvme);
  g_mutex_unlock (&nvme->lock);
  vm_event_signal (nvme->event);
}

static void
nvme_free (Device *device)
{
  Nvme *nvme = (Nvme *) device;

  if (nvme->inserted)
    pci_port_take_out (nvme->port);
  nvme_drop_all (nvme);
  block_device_free (nvme->disk);
  g_clear_pointer (&nvme->event, vm_event_free);
  pci_msix_clear (&nvme->msix);
  g_array_unref (nvme->stalled);
  g_mutex_clear (&nvme->lock);
  g_free (nvme);
}

// ---- state ----------------------------------------------------------------------------------

static void
save_queues (Nvme *nvme, StateWriter *writer)
{
  for (unsigned i = 0; i < NVME_N_QUEUES; i++) {
    const NvmeSq *sq = &nvme->sqs[i];
    const NvmeCq *cq = &nvme->cqs[i];
    state_put_u64 (writer, sq->base);
    state_put_u16 (writer, sq->size);
    state_put_u16 (writer, sq->head);
    state_put_u16 (writer, sq->cq);
    state_put_u32 (writer, atomic_load (&nvme->sq_bell[i]));
    state_put_u64 (writer, cq->base);
    state_put_u16 (writer, cq->size);
    state_put_u16 (writer, cq->head);
    state_put_u16 (writer, cq->tail);
    state_put_u16 (writer, cq->vector);
    state_put_bool (writer, cq->phase);
    state_put_bool (writer, cq->interrupts);
    state_put_u32 (writer, atomic_load (&nvme->cq_bell[i]));
  }
}

static void
load_queues (Nvme *nvme, StateReader *reader)
{
  for (unsigned i = 0; i < NVME_N_QUEUES; i++) {
    NvmeSq *sq = &nvme->sqs[i];
    NvmeCq *cq = &nvme->cqs[i];
    sq->base = state_get_u64 (reader);
    sq->size = state_get_u16 (reader);
    sq->head = sq->tail = state_get_u16 (reader);
    sq->cq = state_get_u16 (reader);
    atomic_store (&nvme->sq_bell[i], state_get_u32 (reader));
    cq->base = state_get_u64 (reader);
    cq->size = state_get_u16 (reader);
    cq->head = state_get_u16 (reader);
    cq->tail = state_get_u16 (reader);
    cq->vector = state_get_u16 (reader);
    cq->phase = state_get_bool (reader);
    cq->interrupts = state_get_bool (reader);
    atomic_store (&nvme->cq_bell[i], state_get_u32 (reader));
  }
}

static bool
queue_valid (const Nvme *nvme, unsigned i)
{
  const NvmeSq *sq = &nvme->sqs[i];
  const NvmeCq *cq = &nvme->cqs[i];

  if (i > nvme->n_queues && (sq->size != 0 || cq->size != 0))
    return false;
  if (sq->size > NVME_ENTRIES_MAX || (sq->size != 0 && sq->head >= sq->size) || sq->size == 1)
    return false;
  if (sq->size != 0 && (sq->cq > nvme->n_queues || nvme->cqs[sq->cq].size == 0))
    return false;
  return cq->size <= NVME_ENTRIES_MAX && cq->size != 1 &&
         (cq->size == 0 || (cq->head < cq->size && cq->tail < cq->size));
}

static bool
queues_valid (const Nvme *nvme)
{
  for (unsigned i = 0; i < NVME_N_QUEUES; i++)
    if (!queue_valid (nvme, i))
      return false;
  return !nvme_is_on (nvme) || (nvme->sqs[0].size != 0 && nvme->sqs[0].cq == 0);
}

static void
nvme_save (Device *device, StateWriter *writer)
{
  Nvme *nvme = (Nvme *) device;

  pci_function_save (&nvme->fn, writer);
  g_mutex_lock (&nvme->lock);
  state_put_u64 (writer, block_device_get_size_bytes (nvme->disk));
  state_put_u32 (writer, nvme->cc);
  state_put_u32 (writer, nvme->csts);
  state_put_u32 (writer, nvme->aqa);
  state_put_u32 (writer, nvme->interrupt_mask);
  state_put_u64 (writer, nvme->asq);
  state_put_u64 (writer, nvme->acq);
  save_queues (nvme, writer);
  for (unsigned i = 0; i < NVME_N_FEATURES; i++)
    state_put_u32 (writer, nvme->features[i]);
  state_put_u8 (writer, nvme->n_aers);
  for (unsigned i = 0; i < nvme->n_aers; i++)
    state_put_u16 (writer, nvme->aers[i]);
  state_put_u32 (writer, nvme->stalled->len);
  for (unsigned i = 0; i < nvme->stalled->len; i++) {
    const NvmeStalled *stalled = &g_array_index (nvme->stalled, NvmeStalled, i);
    state_put_u16 (writer, stalled->sq);
    state_put_bytes (writer, &stalled->command, sizeof stalled->command);
  }
  g_mutex_unlock (&nvme->lock);
}

static bool
load_stalled (Nvme *nvme, StateReader *reader)
{
  uint32_t n = state_get_u32 (reader);

  if (n > NVME_N_QUEUES * NVME_ENTRIES_MAX)
    return false;
  for (uint32_t i = 0; i < n && state_reader_ok (reader); i++) {
    NvmeStalled stalled = {.sq = state_get_u16 (reader)};
    state_get_bytes (reader, &stalled.command, sizeof stalled.command);
    if (stalled.sq < 1 || stalled.sq >= NVME_N_QUEUES || nvme->sqs[stalled.sq].size == 0)
      return false;
    NvmeCq *cq = &nvme->cqs[nvme->sqs[stalled.sq].cq];
    if (++cq->reserved >= cq->size)
      return false;
    g_array_append_val (nvme->stalled, stalled);
  }
  return state_reader_ok (reader);
}

static bool
load_locked (Nvme *nvme, StateReader *reader)
{
  if (state_get_u64 (reader) != block_device_get_size_bytes (nvme->disk))
    return false;
  nvme->cc = state_get_u32 (reader) & CC_WRITABLE;
  nvme->csts = state_get_u32 (reader) & 0xf;
  nvme->aqa = state_get_u32 (reader) & AQA_WRITABLE;
  nvme->interrupt_mask = state_get_u32 (reader);
  nvme->asq = state_get_u64 (reader) & BASE_MASK;
  nvme->acq = state_get_u64 (reader) & BASE_MASK;
  load_queues (nvme, reader);
  for (unsigned i = 0; i < NVME_N_FEATURES; i++)
    nvme->features[i] = state_get_u32 (reader);
  nvme->n_aers = state_get_u8 (reader);
  if (nvme->n_aers > NVME_AERS_MAX || !queues_valid (nvme))
    return false;
  for (unsigned i = 0; i < nvme->n_aers; i++)
    nvme->aers[i] = state_get_u16 (reader);
  return load_stalled (nvme, reader);
}

static bool
nvme_load (Device *device, StateReader *reader, uint32_t version, GError **error)
{
  Nvme *nvme = (Nvme *) device;

  if (!pci_function_load (&nvme->fn, reader, error))
    return false;
  g_mutex_lock (&nvme->lock);
  nvme_drop_all (nvme);
  bool ok = load_locked (nvme, reader);
  if (!ok)
    disable (nvme);
  g_mutex_unlock (&nvme->lock);
  if (!ok)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                 "The saved state of the NVMe controller does not fit its disk");
  return ok;
}

static const DeviceOps device_ops = {
    .name = "nvme",
    .state_version = 1,
    .realize = nvme_realize,
    .reset = nvme_reset,
    .quiesce = nvme_quiesce,
    .resume = nvme_resume,
    .free = nvme_free,
    .save = nvme_save,
    .load = nvme_load,
};

static void
bus_reset (PciFunction *fn)
{
  nvme_reset (fn->opaque);
}

static Nvme *
new_nvme (BlockDevice *take, const char *serial, unsigned n_queues)
{
  static const uint8_t class_code[3] = {0x01, 0x08, 0x02};
  Nvme *nvme = g_new0 (Nvme, 1);
  const PciBar bar = {.size_bytes = BAR_BYTES, .is_64bit = true, .ops = &bar_ops, .opaque = nvme};

  g_assert (n_queues >= 1 && n_queues <= NVME_IO_QUEUES_MAX);
  nvme->device.ops = &device_ops;
  nvme->disk = take;
  nvme->n_queues = n_queues;
  nvme->stalled = g_array_new (FALSE, FALSE, sizeof (NvmeStalled));
  g_strlcpy (nvme->serial, serial, sizeof nvme->serial);
  g_mutex_init (&nvme->lock);
  reset_features (nvme);
  pci_function_init (&nvme->fn, VENDOR, DEVICE, SUBSYSTEM, class_code, 2);
  pci_function_set_bar (&nvme->fn, REGISTERS_BAR, &bar);
  pci_msix_init (&nvme->msix, &nvme->fn, MSIX_BAR, n_queues + 1);
  return nvme;
}

Device *
nvme_new (BlockDevice *take, const char *serial, unsigned n_queues, Device *host, unsigned slot)
{
  Nvme *nvme = new_nvme (take, serial, n_queues);

  nvme->host = host;
  nvme->slot = slot;
  return &nvme->device;
}

Device *
nvme_new_in_port (BlockDevice *take, const char *serial, unsigned n_queues, Device *port)
{
  Nvme *nvme = new_nvme (take, serial, n_queues);

  nvme->port = port;
  nvme->fn.reset = bus_reset;
  nvme->fn.opaque = nvme;
  pci_function_add_express (&nvme->fn, PCI_EXPRESS_ENDPOINT);
  return &nvme->device;
}
