// SPDX-License-Identifier: GPL-3.0-or-later
// What a person does, as events of the machine's input devices.
//
// Threads: any; one batch at a time under input_lock.
#include <linux/input-event-codes.h>

#include "engine/hw/pl011.h"
#include "engine/hw/pl061.h"
#include "engine/machine/machine-priv.h"
#include "engine/virtio/console.h"
#include "engine/virtio/gpu.h"
#include "engine/virtio/input.h"

enum {
  POWER_BUTTON_LINE = 3, // of the GPIO controller
};

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

void
machine_send_key (Machine *machine, unsigned evdev_code, bool down)
{
  const InputEvent event = {EV_KEY, (uint16_t) evdev_code, down};

  if (evdev_code <= KEY_MAX)
    send_batch (machine, machine->keyboard, &event, 1);
}

void
machine_send_button (Machine *machine, unsigned evdev_code, bool down)
{
  const InputEvent event = {EV_KEY, (uint16_t) evdev_code, down};

  if (evdev_code <= KEY_MAX)
    send_batch (machine, machine->tablet, &event, 1);
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
  if (dx != 0 && dy != 0)
    send_batch (machine, machine->tablet, events, 2);
  else if (dx != 0 || dy != 0)
    send_batch (machine, machine->tablet, dy != 0 ? &events[0] : &events[1], 1);
}

void
machine_press_power_button (Machine *machine)
{
  if (machine->gpio != NULL)
    pl061_press (machine->gpio, POWER_BUTTON_LINE);
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
