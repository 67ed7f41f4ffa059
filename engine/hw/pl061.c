// SPDX-License-Identifier: GPL-3.0-or-later
// PL061 GPIO (Arm DDI 0190B). Registers are used by vCPU threads, the lines' outside by any
// thread, a pressed button is let go on the I/O thread; `lock` protects all.

#include "engine/hw/pl061.h"

#include <gio/gio.h>

#include "engine/hw/primecell.h"
#include "engine/snapshot/state.h"
#include "engine/vm/vm.h"

enum {
  GPIO_DATA_END = 0x400, // below: data, address bits 9:2 are the mask
  GPIO_DIR = 0x400,
  GPIO_IS = 0x404,
  GPIO_IBE = 0x408,
  GPIO_IEV = 0x40c,
  GPIO_IE = 0x410,
  GPIO_RIS = 0x414,
  GPIO_MIS = 0x418,
  GPIO_IC = 0x41c,
  GPIO_AFSEL = 0x420,

  PRESS_NS = 100 * 1000 * 1000,
};

typedef struct Pl061 {
  Device device;
  GuestAddr base;
  IrqLine irq;
  VmTimer *release;

  GMutex lock;
  uint8_t levels; // driven from outside
  uint8_t out;    // driven by the guest, where `dir` says so
  uint8_t dir, is_level, both_edges, event_high, enabled, afsel;
  uint8_t latched;    // edges seen
  uint8_t pressed;    // buttons held down
  int64_t release_ns; // when they are let go; 0: none is held
} Pl061;

static uint8_t
raw_status (const Pl061 *gpio)
{
  uint8_t levels = ~(gpio->levels ^ gpio->event_high) & ~gpio->dir;
  return (gpio->latched & ~gpio->is_level) | (levels & gpio->is_level);
}

static void
update_irq (Pl061 *gpio)
{
  irq_line_set (&gpio->irq, raw_status (gpio) & gpio->enabled);
}

static void
set_levels (Pl061 *gpio, uint8_t levels)
{
  uint8_t rising = levels & ~gpio->levels, falling = gpio->levels & ~levels;
  uint8_t seen = (rising & (gpio->both_edges | gpio->event_high)) |
                 (falling & (gpio->both_edges | ~gpio->event_high));

  gpio->levels = levels;
  gpio->latched |= seen & ~gpio->dir & ~gpio->is_level;
  update_irq (gpio);
}

void
pl061_set_line (Device *device, unsigned line, bool level)
{
  Pl061 *gpio = (Pl061 *) device;
  uint8_t bit = 1u << line;

  g_assert (line < PL061_N_LINES);
  g_mutex_lock (&gpio->lock);
  set_levels (gpio, level ? gpio->levels | bit : gpio->levels & ~bit);
  g_mutex_unlock (&gpio->lock);
}

void
pl061_press (Device *device, unsigned line)
{
  Pl061 *gpio = (Pl061 *) device;

  g_assert (line < PL061_N_LINES);
  g_mutex_lock (&gpio->lock);
  gpio->pressed |= 1u << line;
  gpio->release_ns = vm_clock_now (device->vm->clock) + PRESS_NS;
  set_levels (gpio, gpio->levels | gpio->pressed);
  vm_timer_arm (gpio->release, gpio->release_ns);
  g_mutex_unlock (&gpio->lock);
}

static void
let_go (void *opaque)
{
  Pl061 *gpio = opaque;
  g_mutex_lock (&gpio->lock);
  set_levels (gpio, gpio->levels & ~gpio->pressed);
  gpio->pressed = 0;
  gpio->release_ns = 0;
  g_mutex_unlock (&gpio->lock);
}

static uint8_t
read_locked (const Pl061 *gpio, uint64_t offset)
{
  if (offset < GPIO_DATA_END)
    return ((gpio->out & gpio->dir) | (gpio->levels & ~gpio->dir)) & offset >> 2;
  if (offset >= PRIMECELL_IDREGS)
    return primecell_id (offset, 0x61, 0);

  switch (offset) {
  case GPIO_DIR:
    return gpio->dir;
  case GPIO_IS:
    return gpio->is_level;
  case GPIO_IBE:
    return gpio->both_edges;
  case GPIO_IEV:
    return gpio->event_high;
  case GPIO_IE:
    return gpio->enabled;
  case GPIO_RIS:
    return raw_status (gpio);
  case GPIO_MIS:
    return raw_status (gpio) & gpio->enabled;
  case GPIO_AFSEL:
    return gpio->afsel;
  default:
    return 0;
  }
}

static void
write_locked (Pl061 *gpio, uint64_t offset, uint8_t value)
{
  if (offset < GPIO_DATA_END) {
    uint8_t mask = offset >> 2 & gpio->dir;
    gpio->out = (gpio->out & ~mask) | (value & mask);
    return;
  }
  switch (offset) {
  case GPIO_DIR:
    gpio->dir = value;
    break;
  case GPIO_IS:
    gpio->is_level = value;
    break;
  case GPIO_IBE:
    gpio->both_edges = value;
    break;
  case GPIO_IEV:
    gpio->event_high = value;
    break;
  case GPIO_IE:
    gpio->enabled = value;
    break;
  case GPIO_IC:
    gpio->latched &= ~value;
    break;
  case GPIO_AFSEL:
    gpio->afsel = value;
    break;
  default:
    break;
  }
  update_irq (gpio);
}

static uint64_t
pl061_read (void *opaque, uint64_t offset, unsigned size)
{
  Pl061 *gpio = opaque;
  g_mutex_lock (&gpio->lock);
  uint8_t value = offset % 4 == 0 ? read_locked (gpio, offset) : 0;
  g_mutex_unlock (&gpio->lock);
  return value;
}

static void
pl061_write (void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
  Pl061 *gpio = opaque;
  g_mutex_lock (&gpio->lock);
  if (offset % 4 == 0)
    write_locked (gpio, offset, value);
  g_mutex_unlock (&gpio->lock);
}

static const MmioOps mmio_ops = {
    .read = pl061_read,
    .write = pl061_write,
    .sizes = 1 | 2 | 4,
};

static bool
pl061_realize (Device *device, GError **error)
{
  Pl061 *gpio = (Pl061 *) device;
  gpio->release = vm_timer_new (device->vm->clock, let_go, gpio);
  mem_bus_add_mmio (device->vm->bus, "pl061", gpio->base, PL061_BYTES, &mmio_ops, gpio);
  return true;
}

// What is outside stays; a held button is let go.
static void
pl061_reset (Device *device)
{
  Pl061 *gpio = (Pl061 *) device;
  g_mutex_lock (&gpio->lock);
  vm_timer_disarm (gpio->release);
  gpio->levels &= ~gpio->pressed;
  gpio->release_ns = 0;
  gpio->pressed = gpio->out = gpio->dir = gpio->is_level = gpio->both_edges = 0;
  gpio->event_high = gpio->enabled = gpio->afsel = gpio->latched = 0;
  update_irq (gpio);
  g_mutex_unlock (&gpio->lock);
}

static void
pl061_free (Device *device)
{
  Pl061 *gpio = (Pl061 *) device;
  g_clear_pointer (&gpio->release, vm_timer_free);
  g_mutex_clear (&gpio->lock);
  g_free (gpio);
}

// The bytes of saved state, in order.
static void
list_bytes (Pl061 *gpio, uint8_t *list[10])
{
  uint8_t *all[10] = {&gpio->levels,     &gpio->out,        &gpio->dir,     &gpio->is_level,
                      &gpio->both_edges, &gpio->event_high, &gpio->enabled, &gpio->afsel,
                      &gpio->latched,    &gpio->pressed};
  memcpy (list, all, sizeof all);
}

static void
pl061_save (Device *device, StateWriter *writer)
{
  Pl061 *gpio = (Pl061 *) device;
  uint8_t *bytes[10];

  g_mutex_lock (&gpio->lock);
  list_bytes (gpio, bytes);
  for (unsigned i = 0; i < 10; i++)
    state_put_u8 (writer, *bytes[i]);
  state_put_u64 (writer, gpio->release_ns);
  g_mutex_unlock (&gpio->lock);
}

static bool
pl061_load (Device *device, StateReader *reader, uint32_t version, GError **error)
{
  Pl061 *gpio = (Pl061 *) device;
  uint8_t *bytes[10];

  g_mutex_lock (&gpio->lock);
  list_bytes (gpio, bytes);
  for (unsigned i = 0; i < 10; i++)
    *bytes[i] = state_get_u8 (reader);
  int64_t now = vm_clock_now (device->vm->clock);
  int64_t release_ns = state_get_u64 (reader);
  gpio->release_ns = gpio->pressed != 0 ? CLAMP (release_ns, now, now + PRESS_NS) : 0;
  if (gpio->pressed != 0)
    vm_timer_arm (gpio->release, gpio->release_ns);
  update_irq (gpio);
  g_mutex_unlock (&gpio->lock);
  if (state_reader_ok (reader))
    return true;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
               "The saved state of the GPIO controller is damaged.");
  return false;
}

static const DeviceOps device_ops = {
    .name = "pl061",
    .state_version = 1,
    .realize = pl061_realize,
    .reset = pl061_reset,
    .free = pl061_free,
    .save = pl061_save,
    .load = pl061_load,
};

Device *
pl061_new (GuestAddr base, IrqLine irq)
{
  Pl061 *gpio = g_new0 (Pl061, 1);
  gpio->device.ops = &device_ops;
  gpio->base = base;
  gpio->irq = irq;
  g_mutex_init (&gpio->lock);
  return &gpio->device;
}
