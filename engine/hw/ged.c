// SPDX-License-Identifier: GPL-3.0-or-later
// The generic event device (ged.h). Threads: any, under `lock`.
#include "engine/hw/ged.h"

#include <gio/gio.h>

#include "engine/snapshot/state.h"
#include "engine/vm/vm.h"

typedef struct Ged {
  Device device;
  GuestAddr base;
  IrqLine irq;

  GMutex lock;
  uint32_t events;
} Ged;

void
ged_raise (Device *device, uint32_t event)
{
  Ged *ged = (Ged *) device;

  g_mutex_lock (&ged->lock);
  ged->events |= event;
  irq_line_pulse (&ged->irq);
  g_mutex_unlock (&ged->lock);
}

static uint64_t
ged_read (void *opaque, uint64_t offset, unsigned size)
{
  Ged *ged = opaque;

  g_mutex_lock (&ged->lock);
  uint32_t events = ged->events;
  ged->events = 0;
  g_mutex_unlock (&ged->lock);
  return events;
}

static void
ged_write (void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
}

static const MmioOps mmio_ops = {.read = ged_read, .write = ged_write, .sizes = 4};

static bool
ged_realize (Device *device, GError **error)
{
  Ged *ged = (Ged *) device;

  mem_bus_add_mmio (device->vm->bus, "ged", ged->base, GED_BYTES, &mmio_ops, ged);
  return true;
}

static void
ged_reset (Device *device)
{
  Ged *ged = (Ged *) device;

  g_mutex_lock (&ged->lock);
  ged->events = 0;
  g_mutex_unlock (&ged->lock);
}

static void
ged_free (Device *device)
{
  Ged *ged = (Ged *) device;

  g_mutex_clear (&ged->lock);
  g_free (ged);
}

static void
ged_save (Device *device, StateWriter *writer)
{
  Ged *ged = (Ged *) device;

  g_mutex_lock (&ged->lock);
  state_put_u32 (writer, ged->events);
  g_mutex_unlock (&ged->lock);
}

static bool
ged_load (Device *device, StateReader *reader, uint32_t version, GError **error)
{
  Ged *ged = (Ged *) device;

  g_mutex_lock (&ged->lock);
  ged->events = state_get_u32 (reader);
  g_mutex_unlock (&ged->lock);
  if (state_reader_ok (reader))
    return true;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
               "The saved state of the event device is damaged.");
  return false;
}

static const DeviceOps device_ops = {
    .name = "ged",
    .state_version = 1,
    .realize = ged_realize,
    .reset = ged_reset,
    .free = ged_free,
    .save = ged_save,
    .load = ged_load,
};

Device *
ged_new (GuestAddr base, IrqLine irq)
{
  Ged *ged = g_new0 (Ged, 1);

  ged->device.ops = &device_ops;
  ged->base = base;
  ged->irq = irq;
  g_mutex_init (&ged->lock);
  return &ged->device;
}
