// SPDX-License-Identifier: GPL-3.0-or-later
// What a USB device is to its host controller, whether it is emulated or somebody's real one.
// Requests and descriptors: USB 2.0 §9, USB 3.2 §9.
//
// Threads: a controller calls the ops on the I/O thread. A device gives each transfer back exactly
// once with usb_transfer_done, during submit or later, from any thread.
#pragma once

#include <glib.h>

#include "engine/structs/types.h"

typedef struct Vm Vm;
typedef struct StateWriter StateWriter;
typedef struct StateReader StateReader;
typedef struct UsbDevice UsbDevice;
typedef struct UsbTransfer UsbTransfer;

// As xHCI numbers them (§7.2.2.1.1).
typedef enum UsbSpeed {
  USB_SPEED_FULL = 1,
  USB_SPEED_LOW = 2,
  USB_SPEED_HIGH = 3,
  USB_SPEED_SUPER = 4,
} UsbSpeed;

// As in bmAttributes of an endpoint descriptor.
typedef enum UsbTransferKind {
  USB_CONTROL = 0,
  USB_ISOCHRONOUS = 1,
  USB_BULK = 2,
  USB_INTERRUPT = 3,
} UsbTransferKind;

typedef enum UsbStatus {
  USB_STATUS_OK, // `actual` bytes; fewer than asked for: a short packet ended it
  USB_STATUS_STALL,
  USB_STATUS_NO_RESPONSE, // the device is gone, or has no such endpoint
  USB_STATUS_BABBLE,      // it sent more than there was room for
  USB_STATUS_CANCELLED,
} UsbStatus;

typedef struct UsbSetup {
  uint8_t type; // bmRequestType
  uint8_t request;
  uint16_t value, index, length;
} UsbSetup;

enum {
  USB_DIR_IN = 0x80, // of an endpoint's address and of bmRequestType
};

// One transfer. The controller owns it but for the time between submit and done.
struct UsbTransfer {
  UsbTransferKind kind;
  uint8_t endpoint; // its address: number and USB_DIR_IN; of control transfers 0
  UsbSetup setup;   // control transfers
  uint8_t *data;    // room for the device (in) or what it gets (out)
  uint32_t length;
  // Set by the device.
  uint32_t actual;
  UsbStatus status;
  // The controller's; any thread, may be called with the device's locks held.
  void (*done) (UsbTransfer *transfer);
};

typedef struct UsbDeviceOps {
  const char *name; // in saved state
  uint32_t state_version;
  // Takes host resources; device->vm is set.
  bool (*realize) (UsbDevice *device, GError **error);
  void (*free) (UsbDevice *device); // accepts a half-realized one
  // The bus was reset: as if just plugged in. No transfer is out.
  void (*reset) (UsbDevice *device);
  // One transfer at a time per endpoint.
  void (*submit) (UsbDevice *device, UsbTransfer *transfer);
  // The device shall forget a transfer it has and be as if it had never seen it; it is given back
  // with USB_STATUS_CANCELLED, soon or at once.
  void (*cancel) (UsbDevice *device, UsbTransfer *transfer);
  // The machine stops, all transfers were cancelled: no host work may be in flight. May wait.
  // Optional.
  void (*quiesce) (UsbDevice *device);
  void (*save) (UsbDevice *device, StateWriter *writer);
  bool (*load) (UsbDevice *device, StateReader *reader, uint32_t version, GError **error);
} UsbDeviceOps;

struct UsbDevice {
  const UsbDeviceOps *ops;
  UsbSpeed speed;
  Vm *vm; // set before realize
};

static inline void
usb_transfer_done (UsbTransfer *transfer, UsbStatus status, uint32_t actual)
{
  transfer->status = status;
  transfer->actual = actual;
  transfer->done (transfer);
}
