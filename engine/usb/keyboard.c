// SPDX-License-Identifier: GPL-3.0-or-later
// Emulated keyboard: the boot keyboard of HID 1.11 appendix B.1, whose report is that of the report
// protocol too.
//
// Threads: see hid.h.
#include <linux/input-event-codes.h>
#include <string.h>

#include "engine/usb/hid-priv.h"

enum {
  QUEUE_EVENTS = 512,
  N_USAGES = 256,
  USAGE_ROLL_OVER = 1,
  USAGE_LEFT_CONTROL = 0xe0, // the first of eight modifiers
  REPORT_BYTES = 8,
  REPORT_KEYS = 6,
  USAGE_LAST = 0xdd,
  N_LEDS = 5,
};

static const uint8_t report_descriptor[] = {
    0x05, 0x01, 0x09, 0x06,        0xa1, 0x01, // generic desktop, keyboard: application
    0x05, 0x07, 0x19, 0xe0,        0x29, 0xe7, // modifiers
    0x15, 0x00, 0x25, 0x01,        0x75, 0x01,       0x95, 0x08, // a bit each
    0x81, 0x02,                                                  // input
    0x75, 0x08, 0x95, 0x01,        0x81, 0x01,                   // a byte that is reserved
    0x05, 0x08, 0x19, 0x01,        0x29, N_LEDS,                 // LEDs
    0x75, 0x01, 0x95, N_LEDS,      0x91, 0x02,                   // a bit each: output
    0x75, 0x03, 0x95, 0x01,        0x91, 0x01,                   // rest of the byte
    0x05, 0x07, 0x19, 0x00,        0x29, USAGE_LAST,             // keys
    0x15, 0x00, 0x26, USAGE_LAST,  0x00,                         //
    0x75, 0x08, 0x95, REPORT_KEYS, 0x81, 0x00,                   // an array: input
    0xc0,
};

static const uint8_t device_descriptor[] = {
    18,
    USB_DESC_DEVICE,
    USB_LE16 (0x0200),
    0,
    0,
    0,
    64,
    USB_LE16 (USB_VENDOR),
    USB_LE16 (0x1001),
    USB_LE16 (0x0100),
    1,
    2,
    0,
    1,
};

// Configuration, interface (HID, boot, keyboard), HID, endpoint.
static const uint8_t configuration_descriptor[] = {
    9,
    USB_DESC_CONFIGURATION,
    USB_LE16 (34),
    1,
    1,
    0,
    0xe0,
    50,
    9,
    USB_DESC_INTERFACE,
    0,
    0,
    1,
    3,
    1,
    1,
    0,
    9,
    USB_DESC_HID,
    USB_LE16 (0x0111),
    0,
    1,
    USB_DESC_REPORT,
    USB_LE16 ((unsigned) sizeof report_descriptor),
    7,
    USB_DESC_ENDPOINT,
    HID_ENDPOINT,
    USB_INTERRUPT,
    USB_LE16 (8),
    10,
};
enum { HID_DESCRIPTOR_AT = 18 };

static const char *const strings[] = {"Terrarium", "USB Keyboard"};

static const UsbDescriptors descriptors = {
    .device = {device_descriptor, sizeof device_descriptor},
    .configuration = {configuration_descriptor, sizeof configuration_descriptor},
    .strings = strings,
    .n_strings = G_N_ELEMENTS (strings),
};

static const uint8_t usages[] = {
#include "engine/usb/keyboard-usages.inc"
};

typedef struct KeyEvent {
  uint8_t usage;
  bool down;
} KeyEvent;

typedef struct UsbKeyboard {
  UsbHid hid;
  // The lock's.
  KeyEvent queue[QUEUE_EVENTS];
  unsigned head, tail;         // free running; tail is taken next
  uint8_t held[N_USAGES / 8];  // with all of the queue
  uint8_t shown[N_USAGES / 8]; // what the driver was told
  bool merged;                 // `shown` was not told yet
  uint8_t leds;
} UsbKeyboard;

static bool
is_set (const uint8_t *bits, unsigned usage)
{
  return bits[usage / 8] >> usage % 8 & 1;
}

static void
set (uint8_t *bits, unsigned usage, bool on)
{
  uint8_t bit = (uint8_t) (1u << usage % 8);

  bits[usage / 8] = on ? bits[usage / 8] | bit : bits[usage / 8] & (uint8_t) ~bit;
}

static void
merge_locked (UsbKeyboard *keyboard)
{
  keyboard->tail = keyboard->head;
  memcpy (keyboard->shown, keyboard->held, sizeof keyboard->shown);
  keyboard->merged = true;
}

static void
send_locked (UsbKeyboard *keyboard, uint8_t usage, bool down)
{
  if (is_set (keyboard->held, usage) == down)
    return;
  set (keyboard->held, usage, down);
  if (keyboard->head - keyboard->tail == QUEUE_EVENTS)
    merge_locked (keyboard);
  else
    keyboard->queue[keyboard->head++ % QUEUE_EVENTS] = (KeyEvent){usage, down};
}

void
usb_keyboard_send (UsbDevice *device, unsigned evdev_code, bool down)
{
  UsbKeyboard *keyboard = (UsbKeyboard *) device;
  uint8_t usage = evdev_code < sizeof usages ? usages[evdev_code] : 0;

  if (usage == 0)
    return;
  g_mutex_lock (&keyboard->hid.lock);
  send_locked (keyboard, usage, down);
  g_mutex_unlock (&keyboard->hid.lock);
  usb_hid_sent (&keyboard->hid);
}

uint8_t
usb_keyboard_get_leds (UsbDevice *device)
{
  UsbKeyboard *keyboard = (UsbKeyboard *) device;

  g_mutex_lock (&keyboard->hid.lock);
  uint8_t leds = keyboard->leds;
  g_mutex_unlock (&keyboard->hid.lock);
  return leds;
}

// Reports.

static unsigned
keyboard_get_report (UsbHid *hid, uint8_t report[HID_REPORT_BYTES_MAX])
{
  const UsbKeyboard *keyboard = (UsbKeyboard *) hid;
  unsigned n = 0;

  memset (report, 0, REPORT_BYTES);
  report[0] = keyboard->shown[USAGE_LEFT_CONTROL / 8];
  for (unsigned usage = 1; usage <= USAGE_LAST; usage++) {
    if (!is_set (keyboard->shown, usage))
      continue;
    if (n == REPORT_KEYS) {
      memset (report + 2, USAGE_ROLL_OVER, REPORT_KEYS);
      break;
    }
    report[2 + n++] = (uint8_t) usage;
  }
  return REPORT_BYTES;
}

static unsigned
keyboard_take_report (UsbHid *hid, uint8_t report[HID_REPORT_BYTES_MAX])
{
  UsbKeyboard *keyboard = (UsbKeyboard *) hid;

  if (!keyboard->merged) {
    if (keyboard->tail == keyboard->head)
      return 0;
    const KeyEvent *event = &keyboard->queue[keyboard->tail++ % QUEUE_EVENTS];
    set (keyboard->shown, event->usage, event->down);
  }
  keyboard->merged = false;
  return keyboard_get_report (hid, report);
}

static void
keyboard_set_report (UsbHid *hid, const uint8_t *data, uint32_t length)
{
  ((UsbKeyboard *) hid)->leds = data[0] & ((1 << N_LEDS) - 1);
}

static void
keyboard_forget (UsbHid *hid)
{
  UsbKeyboard *keyboard = (UsbKeyboard *) hid;

  keyboard->tail = keyboard->head;
  keyboard->merged = false;
  keyboard->leds = 0;
  memset (keyboard->held, 0, sizeof keyboard->held);
  memset (keyboard->shown, 0, sizeof keyboard->shown);
}

static const UsbHidModel model = {
    .report_descriptor = {report_descriptor, sizeof report_descriptor},
    .hid_descriptor = {configuration_descriptor + HID_DESCRIPTOR_AT, 9},
    .take_report = keyboard_take_report,
    .get_report = keyboard_get_report,
    .set_report = keyboard_set_report,
    .forget = keyboard_forget,
};

// Saved state.

static void
keyboard_save (UsbDevice *device, StateWriter *writer)
{
  UsbKeyboard *keyboard = (UsbKeyboard *) device;

  usb_hid_save (&keyboard->hid, writer);
  g_mutex_lock (&keyboard->hid.lock);
  state_put_u8 (writer, keyboard->leds);
  state_put_bool (writer, keyboard->merged);
  state_put_bytes (writer, keyboard->shown, sizeof keyboard->shown);
  state_put_u32 (writer, keyboard->head - keyboard->tail);
  for (unsigned i = keyboard->tail; i != keyboard->head; i++) {
    state_put_u8 (writer, keyboard->queue[i % QUEUE_EVENTS].usage);
    state_put_bool (writer, keyboard->queue[i % QUEUE_EVENTS].down);
  }
  g_mutex_unlock (&keyboard->hid.lock);
}

static bool
load_queue_locked (UsbKeyboard *keyboard, StateReader *reader)
{
  keyboard->leds = state_get_u8 (reader) & ((1 << N_LEDS) - 1);
  keyboard->merged = state_get_bool (reader);
  state_get_bytes (reader, keyboard->shown, sizeof keyboard->shown);
  memcpy (keyboard->held, keyboard->shown, sizeof keyboard->held);
  uint32_t n = state_get_u32 (reader);
  if (n > QUEUE_EVENTS)
    return false;
  for (uint32_t i = 0; i < n; i++) {
    uint8_t usage = state_get_u8 (reader);
    send_locked (keyboard, usage, state_get_bool (reader));
  }
  // Whoever held those keys has let go of them since.
  for (unsigned usage = 0; usage < N_USAGES; usage++)
    send_locked (keyboard, (uint8_t) usage, false);
  return true;
}

static bool
keyboard_load (UsbDevice *device, StateReader *reader, uint32_t version, GError **error)
{
  UsbKeyboard *keyboard = (UsbKeyboard *) device;
  bool ok = usb_hid_load (&keyboard->hid, reader);

  g_mutex_lock (&keyboard->hid.lock);
  keyboard_forget (&keyboard->hid);
  ok = ok && load_queue_locked (keyboard, reader);
  g_mutex_unlock (&keyboard->hid.lock);
  return ok || usb_hid_damaged (error);
}

static const UsbDeviceOps ops = {
    .name = "usb-keyboard",
    .state_version = 1,
    .realize = usb_hid_realize,
    .free = usb_hid_free,
    .reset = usb_hid_reset,
    .submit = usb_hid_submit,
    .cancel = usb_hid_cancel,
    .save = keyboard_save,
    .load = keyboard_load,
};

UsbDevice *
usb_keyboard_new (void)
{
  UsbKeyboard *keyboard = g_new0 (UsbKeyboard, 1);

  usb_hid_init (&keyboard->hid, &ops, &descriptors, &model);
  return &keyboard->hid.fn.device;
}
