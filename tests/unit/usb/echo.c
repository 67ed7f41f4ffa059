// SPDX-License-Identifier: GPL-3.0-or-later
// See echo.h.
#include "tests/unit/usb/echo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "engine/snapshot/state.h"

static bool
echo_realize (UsbDevice *device, GError **error)
{
  return true;
}

static void
echo_free (UsbDevice *device)
{
  g_free (device);
}

static void
echo_reset (UsbDevice *device)
{
  ((Echo *) device)->n_resets++;
}

static void
take (Echo *echo, UsbTransfer *transfer)
{
  echo->n_bytes = MIN (transfer->length, sizeof echo->bytes);
  memcpy (echo->bytes, transfer->data, echo->n_bytes);
  usb_transfer_done (transfer, USB_STATUS_OK, transfer->length);
}

static void
give (Echo *echo, UsbTransfer *transfer)
{
  uint32_t n = MIN (MIN (echo->give, transfer->length), sizeof echo->bytes);

  memcpy (transfer->data, echo->bytes, n);
  usb_transfer_done (transfer, USB_STATUS_OK, n);
}

static void
echo_submit (UsbDevice *device, UsbTransfer *transfer)
{
  Echo *echo = (Echo *) device;

  echo->n_transfers++;
  if (transfer->kind == USB_CONTROL)
    echo->setup = transfer->setup;
  if (echo->wait) {
    echo->waiting = transfer;
    return;
  }
  if ((transfer->endpoint & 15) == 2)
    usb_transfer_done (transfer, USB_STATUS_STALL, 0);
  else if ((transfer->kind == USB_CONTROL ? transfer->setup.type : transfer->endpoint) & 0x80)
    give (echo, transfer);
  else
    take (echo, transfer);
}

void
echo_answer (UsbDevice *device)
{
  Echo *echo = (Echo *) device;
  UsbTransfer *transfer = echo->waiting;

  echo->waiting = NULL;
  give (echo, transfer);
}

static void
echo_cancel (UsbDevice *device, UsbTransfer *transfer)
{
  Echo *echo = (Echo *) device;

  g_assert (echo->waiting == transfer);
  echo->waiting = NULL;
  echo->n_cancelled++;
  usb_transfer_done (transfer, USB_STATUS_CANCELLED, 0);
}

static void
echo_save (UsbDevice *device, StateWriter *writer)
{
  state_put_u32 (writer, ((Echo *) device)->n_transfers);
}

static bool
echo_load (UsbDevice *device, StateReader *reader, uint32_t version, GError **error)
{
  ((Echo *) device)->n_transfers = state_get_u32 (reader);
  return true;
}

static const UsbDeviceOps ops = {
    .name = "echo",
    .state_version = 1,
    .realize = echo_realize,
    .free = echo_free,
    .reset = echo_reset,
    .submit = echo_submit,
    .cancel = echo_cancel,
    .save = echo_save,
    .load = echo_load,
};

UsbDevice *
echo_new (UsbSpeed speed)
{
  Echo *echo = g_new0 (Echo, 1);

  echo->device.ops = &ops;
  echo->device.speed = speed;
  return &echo->device;
}

// ---- controllers with one ---------------------------------------------------------------------

XhciGuest *
make_guest (UsbDevice **device, UsbSpeed speed)
{
  *device = echo_new (speed);
  XhciGuest *guest = xhci_guest_new (device, 1);
  xhci_guest_start (guest);
  return guest;
}

XhciGuest *
make_ready (UsbDevice **device, unsigned *slot)
{
  XhciGuest *guest = make_guest (device, USB_SPEED_HIGH);

  *slot = xhci_guest_attach (guest, USB2);
  assert_int_equal (xhci_guest_configure (guest, *slot, OUT1, BULK_OUT, 512), CC_SUCCESS);
  assert_int_equal (xhci_guest_configure (guest, *slot, IN1, BULK_IN, 512), CC_SUCCESS);
  assert_int_equal (xhci_guest_configure (guest, *slot, OUT2, BULK_OUT, 512), CC_SUCCESS);
  return guest;
}

uint32_t
endpoint_word (XhciGuest *guest, unsigned slot, unsigned dci, unsigned word)
{
  uint64_t output;
  uint32_t value;

  memcpy (&output, xhci_guest_ptr (guest, guest->dcbaa + 8 * slot), 8);
  memcpy (&value, xhci_guest_ptr (guest, output + dci * XHCI_CONTEXT_BYTES + 4 * word), 4);
  return value;
}
