// SPDX-License-Identifier: GPL-3.0-or-later
// What emulated USB devices share: descriptors and the standard requests (USB 2.0 §9.4, USB 3.2
// §9.4). One configuration, one interface without alternatives.
//
// Threads: the I/O thread.
#pragma once

#include <gio/gio.h>

#include "engine/snapshot/state.h"
#include "engine/usb/usb.h"

enum {
  USB_REQUEST_GET_STATUS = 0,
  USB_REQUEST_CLEAR_FEATURE = 1,
  USB_REQUEST_SET_FEATURE = 3,
  USB_REQUEST_SET_ADDRESS = 5,
  USB_REQUEST_GET_DESCRIPTOR = 6,
  USB_REQUEST_GET_CONFIGURATION = 8,
  USB_REQUEST_SET_CONFIGURATION = 9,
  USB_REQUEST_GET_INTERFACE = 10,
  USB_REQUEST_SET_INTERFACE = 11,
  USB_REQUEST_SET_SEL = 48,
  USB_REQUEST_SET_ISOCH_DELAY = 49,

  USB_DESC_DEVICE = 1,
  USB_DESC_CONFIGURATION = 2,
  USB_DESC_STRING = 3,
  USB_DESC_INTERFACE = 4,
  USB_DESC_ENDPOINT = 5,
  USB_DESC_QUALIFIER = 6,
  USB_DESC_OTHER_SPEED = 7,
  USB_DESC_BOS = 15,
  USB_DESC_CAPABILITY = 16,
  USB_DESC_HID = 0x21,
  USB_DESC_REPORT = 0x22,
  USB_DESC_COMPANION = 48,

  USB_TYPE_MASK = 0x60, // of bmRequestType
  USB_TYPE_STANDARD = 0x00,
  USB_TYPE_CLASS = 0x20,
  USB_TO_DEVICE = 0,
  USB_TO_INTERFACE = 1,
  USB_TO_ENDPOINT = 2,

  USB_FEATURE_HALT = 0, // of an endpoint

  USB_VENDOR = 0x1af4,
};

// Two bytes of a descriptor.
#define USB_LE16(value) (value) & 0xff, (value) >> 8

typedef struct UsbBytes {
  const uint8_t *data;
  uint16_t length;
} UsbBytes;

// A descriptor NULL: the device has none, asking for it stalls.
typedef struct UsbDescriptors {
  UsbBytes device, configuration, qualifier, bos;
  const char *const *strings; // ASCII; [0] is number 1
  unsigned n_strings;
} UsbDescriptors;

typedef struct UsbFunction {
  UsbDevice device;
  const UsbDescriptors *descriptors;
  const char *serial;    // the string after those of the descriptors; NULL: none
  uint8_t configuration; // 0: none
  uint32_t halted;       // bit per endpoint: its number, 16 more for IN
} UsbFunction;

// A request that is no standard one of all devices. Fills or reads data (`length` bytes of room);
// the bytes used, or -1: it stalls.
typedef int (*UsbRequestHandler) (UsbFunction *fn, const UsbSetup *setup, uint8_t *data,
                                  uint32_t length);

// Carries a control transfer out and gives it back. `changed` (or NULL): after a configuration was
// set.
void usb_function_control (UsbFunction *fn, UsbTransfer *transfer, UsbRequestHandler handler,
                           void (*changed) (UsbFunction *fn));
void usb_function_reset (UsbFunction *fn);
bool usb_function_is_halted (const UsbFunction *fn, uint8_t endpoint);
void usb_function_halt (UsbFunction *fn, uint8_t endpoint);
void usb_function_save (const UsbFunction *fn, StateWriter *writer);
bool usb_function_load (UsbFunction *fn, StateReader *reader); // false: a value out of range
