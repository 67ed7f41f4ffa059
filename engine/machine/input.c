// SPDX-License-Identifier: GPL-3.0-or-later
// What a person does, as events of the machine's input devices.
//
// A keyboard and a pointer each exist twice, for virtio and for USB. What is pressed and moved goes
// to virtio's when the guest has a driver at work for it, else to USB's: firmware drives those, and
// the system after it takes over what it knows better. What is let go of goes to both, so that no
// key stays down where it was pressed.
//
// Threads: any; one batch at a time under input_lock.
#include <assert.h>
#include <linux/input-event-codes.h>

#include "engine/hw/ged.h"
#include "engine/hw/pl011.h"
#include "engine/hw/pl061.h"
#include "engine/machine/machine-priv.h"
#include "engine/usb/hid.h"
#include "engine/virtio/console.h"
#include "engine/virtio/gpu.h"
#include "engine/virtio/input.h"

enum {
  POWER_BUTTON_LINE = 3, // of the GPIO controller
};
static_assert ((int) VIRTIO_INPUT_TABLET_MAX == USB_TABLET_MAX,
               "positions are one device's as the other's");

typedef struct InputEvent {
  uint16_t type, code;
  int32_t value;
} InputEvent;

static void
send_batch (Machine *machine, VirtioDevice *to, const InputEvent *events, unsigned n)
{
  if (to == NULL)
    return;
  g_mutex_lock (&machine->input_lock);
  for (unsigned i = 0; i < n; i++)
    virtio_input_send (to, events[i].type, events[i].code, events[i].value);
  virtio_input_send (to, EV_SYN, SYN_REPORT, 0);
  g_mutex_unlock (&machine->input_lock);
}

// Whether the USB device is to hear of it and not virtio's.
static bool
prefers_usb (const UsbDevice *usb, VirtioDevice *virtio)
{
  return usb != NULL && (virtio == NULL || !virtio_input_is_driven (virtio));
}

void
machine_send_key (Machine *machine, unsigned evdev_code, bool down)
{
  const InputEvent event = {EV_KEY, (uint16_t) evdev_code, down};
  bool usb = prefers_usb (machine->usb_keyboard, machine->keyboard);

  if (evdev_code > KEY_MAX)
    return;
  if (!usb || !down)
    send_batch (machine, machine->keyboard, &event, 1);
  if (machine->usb_keyboard != NULL && (usb || !down))
    usb_keyboard_send (machine->usb_keyboard, evdev_code, down);
}

void
machine_send_button (Machine *machine, unsigned evdev_code, bool down)
{
  const InputEvent event = {EV_KEY, (uint16_t) evdev_code, down};
  bool usb = prefers_usb (machine->usb_tablet, machine->tablet);

  if (evdev_code > KEY_MAX)
    return;
  if (!usb || !down)
    send_batch (machine, machine->tablet, &event, 1);
  if (machine->usb_tablet != NULL && (usb || !down))
    usb_tablet_send_button (machine->usb_tablet, evdev_code, down);
}

// A picture's pixel as the tablet's position: the first is 0, the last the maximum.
static int32_t
scale (double position, unsigned size)
{
  double last = size > 1 ? size - 1 : 1;

  if (!(position > 0)) // NaN too
    return 0;
  return (int32_t) (MIN (position, last) * VIRTIO_INPUT_TABLET_MAX / last + 0.5);
}

void
machine_send_position (Machine *machine, double x, double y, unsigned width, unsigned height)
{
  const InputEvent events[] = {
      {EV_ABS, ABS_X, scale (x, width)},
      {EV_ABS, ABS_Y, scale (y, height)},
  };

  if (prefers_usb (machine->usb_tablet, machine->tablet))
    usb_tablet_send_position (machine->usb_tablet, (uint16_t) events[0].value,
                              (uint16_t) events[1].value);
  else
    send_batch (machine, machine->tablet, events, G_N_ELEMENTS (events));
}

void
machine_send_scroll (Machine *machine, int dx, int dy)
{
  const InputEvent events[] = {
      {EV_REL, REL_WHEEL, dy},
      {EV_REL, REL_HWHEEL, dx},
  };

  // An axis that did not move is no event.
  if (prefers_usb (machine->usb_tablet, machine->tablet))
    usb_tablet_send_scroll (machine->usb_tablet, dx, dy);
  else if (dx != 0 && dy != 0)
    send_batch (machine, machine->tablet, events, 2);
  else if (dx != 0 || dy != 0)
    send_batch (machine, machine->tablet, dy != 0 ? &events[0] : &events[1], 1);
}

void
machine_press_power_button (Machine *machine)
{
  if (machine->gpio != NULL)
    pl061_press (machine->gpio, POWER_BUTTON_LINE);
  // A guest knows one of them, by its device tree or its ACPI tables.
  if (machine->ged != NULL)
    ged_raise (machine->ged, GED_EVENT_POWER_BUTTON);
}

size_t
machine_send_serial (Machine *machine, const uint8_t *data, size_t length)
{
  return machine->uart != NULL ? pl011_receive (machine->uart, data, length) : 0;
}

size_t
machine_send_console (Machine *machine, const uint8_t *data, size_t length)
{
  return machine->console != NULL ? virtio_console_write (machine->console, data, length) : 0;
}

void
machine_set_display_size (Machine *machine, unsigned width, unsigned height)
{
  if (machine->gpu != NULL)
    virtio_gpu_set_display_size (machine->gpu, width, height);
}
