// SPDX-License-Identifier: GPL-3.0-or-later
// Standard requests of emulated devices. See function.h.

#include "engine/usb/function.h"

#include <string.h>

enum {
  LANGUAGE_ENGLISH = 0x0409,
  STRING_CHARS_MAX = 126,
  STATUS_SELF_POWERED = 1,
  ENDPOINT_NUMBERS = 0x0f, // of an endpoint's address
};

static uint32_t
endpoint_bit (uint8_t endpoint)
{
  return 1u << ((endpoint & ENDPOINT_NUMBERS) + (endpoint & USB_DIR_IN ? 16 : 0));
}

bool
usb_function_is_halted (const UsbFunction *fn, uint8_t endpoint)
{
  return fn->halted & endpoint_bit (endpoint);
}

void
usb_function_halt (UsbFunction *fn, uint8_t endpoint)
{
  fn->halted |= endpoint_bit (endpoint);
}

void
usb_function_reset (UsbFunction *fn)
{
  fn->configuration = 0;
  fn->halted = 0;
}

// Descriptors.

static int
put_bytes (uint8_t *data, uint32_t room, const void *from, uint32_t length)
{
  uint32_t n = MIN (room, length);

  if (n > 0)
    memcpy (data, from, n);
  return (int) n;
}

static int
get_string (const UsbFunction *fn, unsigned number, uint8_t *data, uint32_t room)
{
  const UsbDescriptors *all = fn->descriptors;
  uint8_t desc[2 + 2 * STRING_CHARS_MAX] = {4, USB_DESC_STRING, USB_LE16 (LANGUAGE_ENGLISH)};
  const char *text = "";

  if (number == 0)
    return put_bytes (data, room, desc, desc[0]);
  if (number <= all->n_strings)
    text = all->strings[number - 1];
  else if (number == all->n_strings + 1 && fn->serial != NULL)
    text = fn->serial;
  else
    return -1;
  size_t length = MIN (strlen (text), STRING_CHARS_MAX);
  for (size_t i = 0; i < length; i++) {
    desc[2 + 2 * i] = (uint8_t) text[i];
    desc[3 + 2 * i] = 0;
  }
  desc[0] = (uint8_t) (2 + 2 * length);
  return put_bytes (data, room, desc, desc[0]);
}

// What the device would say at its other speed: the same, under another type.
static int
get_other_speed (const UsbDescriptors *all, uint8_t *data, uint32_t room)
{
  if (all->qualifier.data == NULL)
    return -1;
  int n = put_bytes (data, room, all->configuration.data, all->configuration.length);
  if (n > 1)
    data[1] = USB_DESC_OTHER_SPEED;
  return n;
}

static int
get_descriptor (const UsbFunction *fn, const UsbSetup *setup, uint8_t *data, uint32_t room)
{
  const UsbDescriptors *all = fn->descriptors;
  unsigned number = setup->value & 0xff;
  const UsbBytes *bytes;

  switch (setup->value >> 8) {
  case USB_DESC_DEVICE:
    bytes = &all->device;
    break;
  case USB_DESC_CONFIGURATION:
    bytes = &all->configuration;
    break;
  case USB_DESC_QUALIFIER:
    bytes = &all->qualifier;
    break;
  case USB_DESC_BOS:
    bytes = &all->bos;
    break;
  case USB_DESC_OTHER_SPEED:
    return number == 0 ? get_other_speed (all, data, room) : -1;
  case USB_DESC_STRING:
    return get_string (fn, number, data, room);
  default:
    return -1;
  }
  return number == 0 && bytes->data != NULL ? put_bytes (data, room, bytes->data, bytes->length)
                                            : -1;
}

// Requests. A handler's result is the bytes of the data stage, or -1.

static int
get_status (const UsbFunction *fn, const UsbSetup *setup, uint8_t *data, uint32_t room)
{
  uint8_t status[2] = {0};

  switch (setup->type & 0x1f) {
  case USB_TO_DEVICE:
    status[0] = STATUS_SELF_POWERED;
    break;
  case USB_TO_ENDPOINT:
    status[0] = usb_function_is_halted (fn, setup->index & 0xff);
    break;
  default:
    break;
  }
  return put_bytes (data, room, status, sizeof status);
}

// Remote wake-up and the power states of links are accepted and have no effect.
static int
set_feature (UsbFunction *fn, const UsbSetup *setup)
{
  uint8_t endpoint = setup->index & 0xff;

  if ((setup->type & 0x1f) != USB_TO_ENDPOINT)
    return 0;
  if (setup->value != USB_FEATURE_HALT)
    return -1;
  if (setup->request == USB_REQUEST_SET_FEATURE)
    usb_function_halt (fn, endpoint);
  else
    fn->halted &= ~endpoint_bit (endpoint);
  return 0;
}

static int
set_configuration (UsbFunction *fn, const UsbSetup *setup, void (*changed) (UsbFunction *fn))
{
  if (setup->value > 1)
    return -1;
  fn->configuration = (uint8_t) setup->value;
  fn->halted = 0;
  if (changed != NULL)
    changed (fn);
  return 0;
}

static int
standard_request (UsbFunction *fn, const UsbSetup *setup, uint8_t *data, uint32_t room,
                  void (*changed) (UsbFunction *fn))
{
  const uint8_t zero = 0;

  switch (setup->request) {
  case USB_REQUEST_GET_STATUS:
    return get_status (fn, setup, data, room);
  case USB_REQUEST_CLEAR_FEATURE:
  case USB_REQUEST_SET_FEATURE:
    return set_feature (fn, setup);
  case USB_REQUEST_GET_DESCRIPTOR:
    return get_descriptor (fn, setup, data, room);
  case USB_REQUEST_GET_CONFIGURATION:
    return put_bytes (data, room, &fn->configuration, 1);
  case USB_REQUEST_SET_CONFIGURATION:
    return set_configuration (fn, setup, changed);
  case USB_REQUEST_GET_INTERFACE:
    return setup->index == 0 ? put_bytes (data, room, &zero, 1) : -1;
  case USB_REQUEST_SET_INTERFACE:
    return setup->index == 0 && setup->value == 0 ? 0 : -1;
  case USB_REQUEST_SET_ADDRESS: // the controller's business
  case USB_REQUEST_SET_ISOCH_DELAY:
    return 0;
  case USB_REQUEST_SET_SEL:
    return (int) room;
  default:
    return -1;
  }
}

// Descriptors of an interface are its class's.
static bool
is_for_all (const UsbSetup *setup)
{
  return (setup->type & USB_TYPE_MASK) == USB_TYPE_STANDARD &&
         !(setup->request == USB_REQUEST_GET_DESCRIPTOR &&
           (setup->type & 0x1f) == USB_TO_INTERFACE);
}

void
usb_function_control (UsbFunction *fn, UsbTransfer *transfer, UsbRequestHandler handler,
                      void (*changed) (UsbFunction *fn))
{
  const UsbSetup *setup = &transfer->setup;
  uint32_t room = MIN (transfer->length, setup->length);
  int n = is_for_all (setup) ? standard_request (fn, setup, transfer->data, room, changed)
                             : handler (fn, setup, transfer->data, room);

  if (n < 0)
    usb_transfer_done (transfer, USB_STATUS_STALL, 0);
  else // what goes out is taken whole
    usb_transfer_done (transfer, USB_STATUS_OK, setup->type & USB_DIR_IN ? (uint32_t) n : room);
}

void
usb_function_save (const UsbFunction *fn, StateWriter *writer)
{
  state_put_u8 (writer, fn->configuration);
  state_put_u32 (writer, fn->halted);
}

bool
usb_function_load (UsbFunction *fn, StateReader *reader)
{
  fn->configuration = state_get_u8 (reader);
  fn->halted = state_get_u32 (reader);
  return state_reader_ok (reader) && fn->configuration <= 1;
}
