// SPDX-License-Identifier: GPL-3.0-or-later
// PL031 real-time clock (Arm DDI 0224C). It follows the host's time of day, also while the machine
// is paused; what the guest sets is kept as a difference. Registers are used by vCPU threads, the
// alarm goes off on the I/O thread, `lock` protects both.

#include "engine/hw/pl031.h"

#include <gio/gio.h>

#include "engine/hw/primecell.h"
#include "engine/snapshot/state.h"
#include "engine/vm/vm.h"

enum {
  RTC_DR = 0x00,
  RTC_MR = 0x04,
  RTC_LR = 0x08,
  RTC_CR = 0x0c,
  RTC_IMSC = 0x10,
  RTC_RIS = 0x14,
  RTC_MIS = 0x18,
  RTC_ICR = 0x1c,
};

typedef struct Pl031 {
  Device device;
  GuestAddr base;
  IrqLine irq;
  VmTimer *timer;

  GMutex lock;
  uint32_t offset_s; // guest's time minus host's, modulo 2^32
  uint32_t match, load;
  bool raw, enabled;
  int64_t alarm_us; // host's time of day of the next match; INT64_MAX: none
} Pl031;

static uint32_t
guest_time (const Pl031 *rtc)
{
  return (uint32_t) (g_get_real_time () / G_USEC_PER_SEC) + rtc->offset_s;
}

static void
update_irq (Pl031 *rtc)
{
  irq_line_set (&rtc->irq, rtc->raw && rtc->enabled);
}

// Raises the alarm when its time has come, else makes sure somebody looks again. The machine's
// clock may stand still in between or the host's be set: what counts is the time of day.
static void
check_alarm (Pl031 *rtc)
{
  int64_t now_us = g_get_real_time ();

  if (rtc->alarm_us <= now_us) {
    rtc->alarm_us = INT64_MAX;
    rtc->raw = true;
  } else if (rtc->alarm_us != INT64_MAX) {
    int64_t wait_us = MIN (rtc->alarm_us - now_us, 60 * G_USEC_PER_SEC);
    vm_timer_arm (rtc->timer, vm_clock_now (rtc->device.vm->clock) + wait_us * 1000);
  }
  update_irq (rtc);
}

// The match register or the time changed.
static void
set_alarm (Pl031 *rtc)
{
  int64_t now_s = g_get_real_time () / G_USEC_PER_SEC;
  rtc->alarm_us = (now_s + (uint32_t) (rtc->match - guest_time (rtc))) * G_USEC_PER_SEC;
  check_alarm (rtc);
}

static void
look_again (void *opaque)
{
  Pl031 *rtc = opaque;
  g_mutex_lock (&rtc->lock);
  check_alarm (rtc);
  g_mutex_unlock (&rtc->lock);
}

static uint32_t
read_locked (const Pl031 *rtc, uint64_t offset)
{
  if (offset >= PRIMECELL_IDREGS)
    return primecell_id (offset, 0x31, 0);

  switch (offset) {
  case RTC_DR:
    return guest_time (rtc);
  case RTC_MR:
    return rtc->match;
  case RTC_LR:
    return rtc->load;
  case RTC_CR:
    return 1; // always on
  case RTC_IMSC:
    return rtc->enabled;
  case RTC_RIS:
    return rtc->raw;
  case RTC_MIS:
    return rtc->raw && rtc->enabled;
  default:
    return 0;
  }
}

static void
write_locked (Pl031 *rtc, uint64_t offset, uint32_t value)
{
  switch (offset) {
  case RTC_MR:
    rtc->match = value;
    set_alarm (rtc);
    break;
  case RTC_LR:
    rtc->load = value;
    rtc->offset_s += value - guest_time (rtc);
    set_alarm (rtc);
    break;
  case RTC_IMSC:
    rtc->enabled = value & 1;
    break;
  case RTC_ICR:
    rtc->raw = rtc->raw && !(value & 1);
    break;
  default:
    break;
  }
  update_irq (rtc);
}

static uint64_t
pl031_read (void *opaque, uint64_t offset, unsigned size)
{
  Pl031 *rtc = opaque;
  g_mutex_lock (&rtc->lock);
  uint32_t value = read_locked (rtc, offset);
  g_mutex_unlock (&rtc->lock);
  return value;
}

static void
pl031_write (void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
  Pl031 *rtc = opaque;
  g_mutex_lock (&rtc->lock);
  write_locked (rtc, offset, value);
  g_mutex_unlock (&rtc->lock);
}

static const MmioOps mmio_ops = {
    .read = pl031_read,
    .write = pl031_write,
    .sizes = 1 | 2 | 4, // UEFI reads the identification byte by byte
};

static bool
pl031_realize (Device *device, GError **error)
{
  Pl031 *rtc = (Pl031 *) device;
  rtc->timer = vm_timer_new (device->vm->clock, look_again, rtc);
  mem_bus_add_mmio (device->vm->bus, "pl031", rtc->base, PL031_BYTES, &mmio_ops, rtc);
  return true;
}

// A battery keeps the time; the alarm is forgotten.
static void
pl031_reset (Device *device)
{
  Pl031 *rtc = (Pl031 *) device;
  g_mutex_lock (&rtc->lock);
  rtc->match = rtc->load = 0;
  rtc->raw = rtc->enabled = false;
  rtc->alarm_us = INT64_MAX;
  vm_timer_disarm (rtc->timer);
  update_irq (rtc);
  g_mutex_unlock (&rtc->lock);
}

static void
pl031_resume (Device *device)
{
  look_again (device);
}

static void
pl031_free (Device *device)
{
  Pl031 *rtc = (Pl031 *) device;
  g_clear_pointer (&rtc->timer, vm_timer_free);
  g_mutex_clear (&rtc->lock);
  g_free (rtc);
}

static void
pl031_save (Device *device, StateWriter *writer)
{
  Pl031 *rtc = (Pl031 *) device;
  g_mutex_lock (&rtc->lock);
  state_put_u32 (writer, rtc->offset_s);
  state_put_u32 (writer, rtc->match);
  state_put_u32 (writer, rtc->load);
  state_put_bool (writer, rtc->raw);
  state_put_bool (writer, rtc->enabled);
  state_put_u64 (writer, rtc->alarm_us);
  g_mutex_unlock (&rtc->lock);
}

static bool
pl031_load (Device *device, StateReader *reader, uint32_t version, GError **error)
{
  Pl031 *rtc = (Pl031 *) device;
  g_mutex_lock (&rtc->lock);
  rtc->offset_s = state_get_u32 (reader);
  rtc->match = state_get_u32 (reader);
  rtc->load = state_get_u32 (reader);
  rtc->raw = state_get_bool (reader);
  rtc->enabled = state_get_bool (reader);
  rtc->alarm_us = state_get_u64 (reader);
  bool ok = state_reader_ok (reader) && rtc->alarm_us >= 0;
  if (ok)
    check_alarm (rtc);
  g_mutex_unlock (&rtc->lock);
  if (ok)
    return true;
  pl031_reset (device);
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
               "The saved state of the real-time clock is damaged.");
  return false;
}

static const DeviceOps device_ops = {
    .name = "pl031",
    .state_version = 1,
    .realize = pl031_realize,
    .reset = pl031_reset,
    .resume = pl031_resume,
    .free = pl031_free,
    .save = pl031_save,
    .load = pl031_load,
};

Device *
pl031_new (GuestAddr base, IrqLine irq)
{
  Pl031 *rtc = g_new0 (Pl031, 1);
  rtc->device.ops = &device_ops;
  rtc->base = base;
  rtc->irq = irq;
  rtc->alarm_us = INT64_MAX;
  g_mutex_init (&rtc->lock);
  return &rtc->device;
}
