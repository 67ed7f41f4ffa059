// SPDX-License-Identifier: GPL-3.0-or-later
// The common part of HID devices. See hid-priv.h.

#include "engine/usb/hid-priv.h"

#include <string.h>

enum {
  GET_REPORT = 1,
  GET_IDLE = 2,
  GET_PROTOCOL = 3,
  SET_REPORT = 9,
  SET_IDLE = 10,
  SET_PROTOCOL = 11,
  PROTOCOL_REPORT = 1,
  REPORT_OUTPUT = 2,
};

static void
forget (UsbHid *hid)
{
  g_mutex_lock (&hid->lock);
  hid->model->forget (hid);
  g_mutex_unlock (&hid->lock);
}

static void
deliver (UsbHid *hid)
{
  uint8_t report[HID_REPORT_BYTES_MAX];
  UsbTransfer *transfer = hid->waiting;

  if (transfer == NULL)
    return;
  g_mutex_lock (&hid->lock);
  uint32_t length = hid->model->take_report (hid, report);
  g_mutex_unlock (&hid->lock);
  if (length == 0)
    return;
  hid->waiting = NULL;
  uint32_t n = MIN (length, transfer->length);
  memcpy (transfer->data, report, n);
  usb_transfer_done (transfer, length > n ? USB_STATUS_BABBLE : USB_STATUS_OK, n);
}

static void
sent_cb (void *data)
{
  UsbHid *hid = data;

  if (hid->fn.configuration == 0)
    forget (hid);
  else
    deliver (hid);
}

void
usb_hid_sent (UsbHid *hid)
{
  if (hid->sent != NULL)
    vm_event_signal (hid->sent);
}

// Requests.

static int
put (uint8_t *data, uint32_t room, const void *from, uint32_t length)
{
  uint32_t n = MIN (room, length);

  memcpy (data, from, n);
  return (int) n;
}

static int
get_report (UsbHid *hid, uint8_t *data, uint32_t room)
{
  uint8_t report[HID_REPORT_BYTES_MAX];

  g_mutex_lock (&hid->lock);
  unsigned length = hid->model->get_report (hid, report);
  g_mutex_unlock (&hid->lock);
  return put (data, room, report, length);
}

static int
set_report (UsbHid *hid, const UsbSetup *setup, const uint8_t *data, uint32_t length)
{
  if (hid->model->set_report == NULL || setup->value >> 8 != REPORT_OUTPUT || length == 0)
    return -1;
  g_mutex_lock (&hid->lock);
  hid->model->set_report (hid, data, length);
  g_mutex_unlock (&hid->lock);
  return 0;
}

static int
class_request (UsbHid *hid, const UsbSetup *setup, uint8_t *data, uint32_t length)
{
  bool in = setup->type & USB_DIR_IN;

  switch (setup->request) {
  case GET_REPORT:
    return in ? get_report (hid, data, length) : -1;
  case SET_REPORT:
    return in ? -1 : set_report (hid, setup, data, length);
  case GET_IDLE:
    return in ? put (data, length, &hid->idle, 1) : -1;
  case SET_IDLE: // kept, not kept to: reports come when something changed
    hid->idle = setup->value >> 8;
    return 0;
  case GET_PROTOCOL:
    return in ? put (data, length, &hid->protocol, 1) : -1;
  case SET_PROTOCOL:
    hid->protocol = setup->value & 1;
    return 0;
  default:
    return -1;
  }
}

static int
handle_request (UsbFunction *fn, const UsbSetup *setup, uint8_t *data, uint32_t length)
{
  UsbHid *hid = (UsbHid *) fn;
  const UsbHidModel *model = hid->model;

  if ((setup->type & USB_TYPE_MASK) == USB_TYPE_CLASS)
    return class_request (hid, setup, data, length);
  if ((setup->type & USB_TYPE_MASK) != USB_TYPE_STANDARD)
    return -1;
  switch (setup->value) {
  case USB_DESC_REPORT << 8:
    return put (data, length, model->report_descriptor.data, model->report_descriptor.length);
  case USB_DESC_HID << 8:
    return put (data, length, model->hid_descriptor.data, model->hid_descriptor.length);
  default:
    return -1;
  }
}

// What was done before there was a driver is nobody's.
static void
changed (UsbFunction *fn)
{
  forget ((UsbHid *) fn);
}

// Ops.

void
usb_hid_submit (UsbDevice *device, UsbTransfer *transfer)
{
  UsbHid *hid = (UsbHid *) device;

  if (transfer->kind == USB_CONTROL) {
    usb_function_control (&hid->fn, transfer, handle_request, changed);
  } else if (transfer->endpoint != HID_ENDPOINT || hid->fn.configuration == 0 ||
             hid->waiting != NULL) {
    usb_transfer_done (transfer, USB_STATUS_NO_RESPONSE, 0);
  } else if (usb_function_is_halted (&hid->fn, HID_ENDPOINT)) {
    usb_transfer_done (transfer, USB_STATUS_STALL, 0);
  } else {
    hid->waiting = transfer;
    deliver (hid);
  }
}

void
usb_hid_cancel (UsbDevice *device, UsbTransfer *transfer)
{
  UsbHid *hid = (UsbHid *) device;

  if (hid->waiting != transfer)
    return;
  hid->waiting = NULL;
  usb_transfer_done (transfer, USB_STATUS_CANCELLED, 0);
}

void
usb_hid_reset (UsbDevice *device)
{
  UsbHid *hid = (UsbHid *) device;

  usb_function_reset (&hid->fn);
  hid->idle = 0;
  hid->protocol = PROTOCOL_REPORT;
  forget (hid);
}

bool
usb_hid_realize (UsbDevice *device, GError **error)
{
  UsbHid *hid = (UsbHid *) device;

  hid->sent = vm_event_new (device->vm->loop, sent_cb, hid);
  return true;
}

void
usb_hid_free (UsbDevice *device)
{
  UsbHid *hid = (UsbHid *) device;

  if (hid->sent != NULL)
    vm_event_free (hid->sent);
  g_mutex_clear (&hid->lock);
  g_free (hid);
}

void
usb_hid_save (UsbHid *hid, StateWriter *writer)
{
  usb_function_save (&hid->fn, writer);
  state_put_u8 (writer, hid->idle);
  state_put_u8 (writer, hid->protocol);
}

bool
usb_hid_load (UsbHid *hid, StateReader *reader)
{
  bool ok = usb_function_load (&hid->fn, reader);

  hid->idle = state_get_u8 (reader);
  hid->protocol = state_get_u8 (reader) & 1;
  return ok;
}

bool
usb_hid_damaged (GError **error)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
               "The saved state of a USB input device is damaged");
  return false;
}

void
usb_hid_init (UsbHid *hid, const UsbDeviceOps *ops, const UsbDescriptors *descriptors,
              const UsbHidModel *model)
{
  hid->fn.device.ops = ops;
  hid->fn.device.speed = USB_SPEED_FULL;
  hid->fn.descriptors = descriptors;
  hid->model = model;
  hid->protocol = PROTOCOL_REPORT;
  g_mutex_init (&hid->lock);
}
