// SPDX-License-Identifier: GPL-3.0-or-later
// The ITS as a device: registers (IHI 0069 §12.18), messages, saved state. Registers on vCPU
// threads, messages from any; all under the interrupt controller's lock.

#include <gio/gio.h>

#include "engine/hw/its-priv.h"
#include "engine/snapshot/state.h"

enum {
  GITS_CTLR = 0x0000,
  GITS_IIDR = 0x0004,
  GITS_TYPER = 0x0008,
  GITS_CBASER = 0x0080,
  GITS_CWRITER = 0x0088,
  GITS_CREADR = 0x0090,
  GITS_BASER = 0x0100,
  GITS_BASER_END = 0x0140,
  GITS_IDREGS_END = 0x10000,

  CTLR_QUIESCENT = 1u << 31,
  ITS_PART = 0x94, // PIDR0
  QUEUE_OFFSET_MASK = 0xfffe0,
};

// Physical LPIs; entries of 8 bytes; EventIDs and DeviceIDs of 16 bits; CPUs by number; collections
// in memory only, of 16 bits.
#define TYPER                                                                                      \
  (1u | (ITS_ENTRY_BYTES - 1u) << 4 | (ITS_EVENT_BITS - 1u) << 8 | (ITS_DEVICE_BITS - 1u) << 13)

#define CBASER_MASK UINT64_C (0xb8effffffffffcff)
// What a guest may write, and what kind of table it is (type, bytes of an entry).
#define BASER_MASK UINT64_C (0xf8e0ffffffffffff)
static const uint64_t baser_kind[ITS_N_TABLES] = {
    [ITS_DEVICES] = UINT64_C (1) << 56 | (ITS_ENTRY_BYTES - UINT64_C (1)) << 48,
    [ITS_COLLECTIONS] = UINT64_C (4) << 56 | (ITS_ENTRY_BYTES - UINT64_C (1)) << 48,
};

// ---- registers ------------------------------------------------------------------------------

// The 64 bits that `offset` lies in.
static uint64_t
read64 (const Its *its, uint64_t offset)
{
  uint64_t enabled = its->ctlr & ITS_CTLR_ENABLED;

  if (offset >= GITS_BASER && offset < GITS_BASER_END) {
    unsigned n = (offset - GITS_BASER) / 8;
    return n < ITS_N_TABLES ? its->baser[n] | baser_kind[n] : 0;
  }
  switch (offset & ~7ull) {
  case GITS_CTLR:
    return (enabled ? enabled : CTLR_QUIESCENT) | (uint64_t) GIC_IIDR << 32;
  case GITS_TYPER:
    return TYPER;
  case GITS_CBASER:
    return its->cbaser;
  case GITS_CWRITER:
    return its->cwriter;
  case GITS_CREADR:
    return its->creadr;
  default:
    return 0;
  }
}

static uint64_t
its_read (void *opaque, uint64_t offset, unsigned size)
{
  Its *its = opaque;

  if (offset >= GIC_IDREGS && offset < GITS_IDREGS_END)
    return size == 4 ? gic_id_register (offset, ITS_PART) : 0;
  g_mutex_lock (&its->gic->lock);
  uint64_t value = read64 (its, offset) >> offset % 8 * 8;
  g_mutex_unlock (&its->gic->lock);
  return size == 4 ? value & 0xffffffff : value;
}

// Tables and queue stay where they are while they are in use.
static void
write64 (Its *its, uint64_t offset, uint64_t value)
{
  bool enabled = its->ctlr & ITS_CTLR_ENABLED;

  if (offset >= GITS_BASER && offset < GITS_BASER_END) {
    unsigned n = (offset - GITS_BASER) / 8;
    if (n < ITS_N_TABLES && !enabled)
      its->baser[n] = value & BASER_MASK;
    return;
  }
  switch (offset & ~7ull) {
  case GITS_CTLR:
    its->ctlr = value & ITS_CTLR_ENABLED;
    its_run_commands (its);
    break;
  case GITS_CBASER:
    if (!enabled) {
      its->cbaser = value & CBASER_MASK;
      its->creadr = 0;
    }
    break;
  case GITS_CWRITER:
    its->cwriter = value & QUEUE_OFFSET_MASK;
    its_run_commands (its);
    break;
  default:
    break;
  }
}

// Half a register keeps its other half.
static void
its_write (void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
  Its *its = opaque;

  if (offset >= GIC_IDREGS)
    return; // and messages are sent by devices, which say who they are
  g_mutex_lock (&its->gic->lock);
  if (size == 4) {
    unsigned shift = offset % 8 * 8;
    value = (read64 (its, offset) & ~(0xffffffffull << shift)) | value << shift;
    if (offset != GITS_IIDR)
      write64 (its, offset, value);
  } else {
    write64 (its, offset, value);
  }
  g_mutex_unlock (&its->gic->lock);
}

static const MmioOps its_ops = {
    .read = its_read,
    .write = its_write,
    .sizes = 4 | 8,
};

// ---- messages -------------------------------------------------------------------------------

static bool
send (void *opaque, uint32_t requester, GuestAddr addr, uint32_t data)
{
  Its *its = opaque;
  uint64_t cpu;
  uint32_t intid;

  if (addr != its->base + ITS_TRANSLATER)
    return false;
  g_mutex_lock (&its->gic->lock);
  if ((its->ctlr & ITS_CTLR_ENABLED) && its_translate (its, requester, data, &cpu, &intid))
    gic_lpi_set_pending (its->gic, cpu, intid, true);
  g_mutex_unlock (&its->gic->lock);
  return true;
}

MsiSink
its_get_msi_sink (Device *its)
{
  return (MsiSink){.send = send, .opaque = its};
}

// ---- life -----------------------------------------------------------------------------------

static bool
its_realize (Device *device, GError **error)
{
  Its *its = (Its *) device;

  mem_bus_add_mmio (device->vm->bus, "gic-its", its->base, ITS_BYTES, &its_ops, its);
  return true;
}

static void
its_reset (Device *device)
{
  Its *its = (Its *) device;

  g_mutex_lock (&its->gic->lock);
  its->ctlr = 0;
  its->cbaser = its->cwriter = its->creadr = 0;
  memset (its->baser, 0, sizeof its->baser);
  g_mutex_unlock (&its->gic->lock);
}

static void
its_save (Device *device, StateWriter *writer)
{
  Its *its = (Its *) device;

  g_mutex_lock (&its->gic->lock);
  state_put_u32 (writer, its->ctlr);
  state_put_u64 (writer, its->cbaser);
  state_put_u64 (writer, its->cwriter);
  state_put_u64 (writer, its->creadr);
  for (unsigned i = 0; i < ITS_N_TABLES; i++)
    state_put_u64 (writer, its->baser[i]);
  g_mutex_unlock (&its->gic->lock);
}

// Whatever is read is brought into the form a guest could have given it.
static bool
its_load (Device *device, StateReader *reader, uint32_t version, GError **error)
{
  Its *its = (Its *) device;

  g_mutex_lock (&its->gic->lock);
  its->ctlr = state_get_u32 (reader) & ITS_CTLR_ENABLED;
  its->cbaser = state_get_u64 (reader) & CBASER_MASK;
  its->cwriter = state_get_u64 (reader) & QUEUE_OFFSET_MASK;
  its->creadr = state_get_u64 (reader) & QUEUE_OFFSET_MASK;
  for (unsigned i = 0; i < ITS_N_TABLES; i++)
    its->baser[i] = state_get_u64 (reader) & BASER_MASK;
  g_mutex_unlock (&its->gic->lock);
  if (state_reader_ok (reader))
    return true;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
               "The saved state of the interrupt translation service is damaged.");
  return false;
}

static void
its_free (Device *device)
{
  g_free (device);
}

static const DeviceOps device_ops = {
    .name = "gicv3-its",
    .state_version = 1,
    .realize = its_realize,
    .reset = its_reset,
    .free = its_free,
    .save = its_save,
    .load = its_load,
};

Device *
its_new (GuestAddr base, Device *gic)
{
  Its *its = g_new0 (Its, 1);

  g_assert (((Gicv3 *) gic)->config.lpis);
  its->device.ops = &device_ops;
  its->gic = (Gicv3 *) gic;
  its->base = base;
  return &its->device;
}
