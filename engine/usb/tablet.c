// SPDX-License-Identifier: GPL-3.0-or-later
// Emulated tablet: a HID pointer with absolute positions, five buttons and two wheels.
//
// Threads: see hid.h.
#include <linux/input-event-codes.h>
#include <stdlib.h>

#include "engine/usb/hid-priv.h"

enum {
  QUEUE_REPORTS = 64,
  REPORT_BYTES = 7,
  N_BUTTONS = BTN_EXTRA - BTN_LEFT + 1,
  WHEEL_MAX = 127,
};

static const uint8_t report_descriptor[] = {
    0x05, 0x01,          0x09, 0x02,
    0xa1, 0x01,                      // generic desktop, mouse: application
    0x09, 0x01,          0xa1, 0x00, // pointer: physical
    0x05, 0x09,          0x19, 0x01,
    0x29, N_BUTTONS, // buttons
    0x15, 0x00,          0x25, 0x01,
    0x75, 0x01,                      // a bit each
    0x95, N_BUTTONS,     0x81, 0x02, // input
    0x75, 8 - N_BUTTONS, 0x95, 0x01,
    0x81, 0x01, // rest of the byte
    0x05, 0x01,          0x09, 0x30,
    0x09, 0x31,                                           // X, Y
    0x15, 0x00,          0x26, USB_LE16 (USB_TABLET_MAX), //
    0x35, 0x00,          0x46, USB_LE16 (USB_TABLET_MAX), //
    0x75, 0x10,          0x95, 0x02,
    0x81, 0x02, // input, absolute
    0x09, 0x38,          0x15, 0x81,
    0x25, 0x7f,          0x35, 0x00, // wheel
    0x45, 0x00,          0x75, 0x08,
    0x95, 0x01,          0x81, 0x06, // input, relative
    0x05, 0x0c,          0x0a, 0x38,
    0x02, 0x15,          0x81, // consumer, AC pan
    0x25, 0x7f,          0x75, 0x08,
    0x95, 0x01,          0x81, 0x06, // input, relative
    0xc0, 0xc0,
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
    USB_LE16 (0x1002),
    USB_LE16 (0x0100),
    1,
    2,
    0,
    1,
};

// Configuration, interface (HID; no boot device: those have no positions), HID, endpoint.
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
    0,
    0,
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
    4,
};
enum { HID_DESCRIPTOR_AT = 18 };

static const char *const strings[] = {"Terrarium", "USB Tablet"};

static const UsbDescriptors descriptors = {
    .device = {device_descriptor, sizeof device_descriptor},
    .configuration = {configuration_descriptor, sizeof configuration_descriptor},
    .strings = strings,
    .n_strings = G_N_ELEMENTS (strings),
};

typedef struct TabletReport {
  uint8_t buttons;
  uint16_t x, y;
  int8_t wheel, pan; // positive: up, right
} TabletReport;

typedef struct UsbTablet {
  UsbHid hid;
  // The lock's.
  TabletReport queue[QUEUE_REPORTS];
  unsigned head, tail; // free running; tail is taken next
  TabletReport now;    // with all of the queue; no wheel
} UsbTablet;

static bool
fits (int sum)
{
  return abs (sum) <= WHEEL_MAX;
}

// Motion and scrolling are merged into the report before them, a click is not.
static bool
can_merge (const TabletReport *last, uint8_t buttons, int dx, int dy)
{
  return last->buttons == buttons && fits (last->wheel + dy) && fits (last->pan + dx);
}

static void
queue_locked (UsbTablet *tablet, int dx, int dy)
{
  TabletReport *last = &tablet->queue[(tablet->head - 1) % QUEUE_REPORTS];
  bool any = tablet->head != tablet->tail;
  int wheel = CLAMP (dy, -WHEEL_MAX, WHEEL_MAX), pan = CLAMP (dx, -WHEEL_MAX, WHEEL_MAX);

  if (any && (can_merge (last, tablet->now.buttons, pan, wheel) ||
              tablet->head - tablet->tail == QUEUE_REPORTS)) {
    wheel = CLAMP (last->wheel + wheel, -WHEEL_MAX, WHEEL_MAX);
    pan = CLAMP (last->pan + pan, -WHEEL_MAX, WHEEL_MAX);
  } else {
    last = &tablet->queue[tablet->head++ % QUEUE_REPORTS];
  }
  *last = tablet->now;
  last->wheel = (int8_t) wheel;
  last->pan = (int8_t) pan;
}

void
usb_tablet_send_button (UsbDevice *device, unsigned evdev_code, bool down)
{
  UsbTablet *tablet = (UsbTablet *) device;
  unsigned button = evdev_code - BTN_LEFT;

  if (button >= N_BUTTONS)
    return;
  g_mutex_lock (&tablet->hid.lock);
  if ((tablet->now.buttons >> button & 1) != down) {
    tablet->now.buttons ^= (uint8_t) (1u << button);
    queue_locked (tablet, 0, 0);
  }
  g_mutex_unlock (&tablet->hid.lock);
  usb_hid_sent (&tablet->hid);
}

void
usb_tablet_send_position (UsbDevice *device, uint16_t x, uint16_t y)
{
  UsbTablet *tablet = (UsbTablet *) device;

  g_mutex_lock (&tablet->hid.lock);
  tablet->now.x = MIN (x, USB_TABLET_MAX);
  tablet->now.y = MIN (y, USB_TABLET_MAX);
  queue_locked (tablet, 0, 0);
  g_mutex_unlock (&tablet->hid.lock);
  usb_hid_sent (&tablet->hid);
}

void
usb_tablet_send_scroll (UsbDevice *device, int dx, int dy)
{
  UsbTablet *tablet = (UsbTablet *) device;

  g_mutex_lock (&tablet->hid.lock);
  queue_locked (tablet, dx, dy);
  g_mutex_unlock (&tablet->hid.lock);
  usb_hid_sent (&tablet->hid);
}

// Reports.

static unsigned
put_report (const TabletReport *from, uint8_t report[HID_REPORT_BYTES_MAX])
{
  const uint8_t bytes[REPORT_BYTES] = {
      from->buttons,         USB_LE16 (from->x),  USB_LE16 (from->y),
      (uint8_t) from->wheel, (uint8_t) from->pan,
  };

  for (unsigned i = 0; i < REPORT_BYTES; i++)
    report[i] = bytes[i];
  return REPORT_BYTES;
}

static unsigned
tablet_get_report (UsbHid *hid, uint8_t report[HID_REPORT_BYTES_MAX])
{
  return put_report (&((UsbTablet *) hid)->now, report);
}

static unsigned
tablet_take_report (UsbHid *hid, uint8_t report[HID_REPORT_BYTES_MAX])
{
  UsbTablet *tablet = (UsbTablet *) hid;

  if (tablet->tail == tablet->head)
    return 0;
  return put_report (&tablet->queue[tablet->tail++ % QUEUE_REPORTS], report);
}

static void
tablet_forget (UsbHid *hid)
{
  UsbTablet *tablet = (UsbTablet *) hid;

  tablet->tail = tablet->head;
  tablet->now.buttons = 0;
}

static const UsbHidModel model = {
    .report_descriptor = {report_descriptor, sizeof report_descriptor},
    .hid_descriptor = {configuration_descriptor + HID_DESCRIPTOR_AT, 9},
    .take_report = tablet_take_report,
    .get_report = tablet_get_report,
    .forget = tablet_forget,
};

// Saved state.

static void
save_report (const TabletReport *report, StateWriter *writer)
{
  state_put_u8 (writer, report->buttons);
  state_put_u16 (writer, report->x);
  state_put_u16 (writer, report->y);
  state_put_u8 (writer, (uint8_t) report->wheel);
  state_put_u8 (writer, (uint8_t) report->pan);
}

static TabletReport
load_report (StateReader *reader)
{
  TabletReport report;

  report.buttons = state_get_u8 (reader) & ((1 << N_BUTTONS) - 1);
  report.x = state_get_u16 (reader) & USB_TABLET_MAX;
  report.y = state_get_u16 (reader) & USB_TABLET_MAX;
  report.wheel = (int8_t) state_get_u8 (reader);
  report.pan = (int8_t) state_get_u8 (reader);
  return report;
}

static void
tablet_save (UsbDevice *device, StateWriter *writer)
{
  UsbTablet *tablet = (UsbTablet *) device;

  usb_hid_save (&tablet->hid, writer);
  g_mutex_lock (&tablet->hid.lock);
  save_report (&tablet->now, writer);
  state_put_u32 (writer, tablet->head - tablet->tail);
  for (unsigned i = tablet->tail; i != tablet->head; i++)
    save_report (&tablet->queue[i % QUEUE_REPORTS], writer);
  g_mutex_unlock (&tablet->hid.lock);
}

static bool
load_queue_locked (UsbTablet *tablet, StateReader *reader)
{
  tablet->now = load_report (reader);
  tablet->now.wheel = tablet->now.pan = 0;
  uint32_t n = state_get_u32 (reader);
  if (n > QUEUE_REPORTS)
    return false;
  for (tablet->head = tablet->tail = 0; tablet->head < n; tablet->head++)
    tablet->queue[tablet->head] = load_report (reader);
  // Whoever held a button has let go of it since.
  if (tablet->now.buttons != 0) {
    tablet->now.buttons = 0;
    queue_locked (tablet, 0, 0);
  }
  return true;
}

static bool
tablet_load (UsbDevice *device, StateReader *reader, uint32_t version, GError **error)
{
  UsbTablet *tablet = (UsbTablet *) device;
  bool ok = usb_hid_load (&tablet->hid, reader);

  g_mutex_lock (&tablet->hid.lock);
  ok = ok && load_queue_locked (tablet, reader);
  g_mutex_unlock (&tablet->hid.lock);
  return ok || usb_hid_damaged (error);
}

static const UsbDeviceOps ops = {
    .name = "usb-tablet",
    .state_version = 1,
    .realize = usb_hid_realize,
    .free = usb_hid_free,
    .reset = usb_hid_reset,
    .submit = usb_hid_submit,
    .cancel = usb_hid_cancel,
    .save = tablet_save,
    .load = tablet_load,
};

UsbDevice *
usb_tablet_new (void)
{
  UsbTablet *tablet = g_new0 (UsbTablet, 1);

  usb_hid_init (&tablet->hid, &ops, &descriptors, &model);
  return &tablet->hid.fn.device;
}
