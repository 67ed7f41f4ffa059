// SPDX-License-Identifier: GPL-3.0-or-later
// What keyboard and tablet share: the interrupt endpoint, and the class requests of HID 1.11 §7.2.
//
// Threads: the I/O thread; `lock` is for the queue of what was sent.
#pragma once

#include "engine/usb/function.h"
#include "engine/usb/hid.h"
#include "engine/vm/vm.h"

enum {
  HID_REPORT_BYTES_MAX = 8,
  HID_ENDPOINT = 0x81,
};

typedef struct UsbHid UsbHid;

// Called with the lock held.
typedef struct UsbHidModel {
  UsbBytes report_descriptor;
  UsbBytes hid_descriptor; // as in the configuration
  // The next report that is due, or 0.
  unsigned (*take_report) (UsbHid *hid, uint8_t report[HID_REPORT_BYTES_MAX]);
  // The state of now.
  unsigned (*get_report) (UsbHid *hid, uint8_t report[HID_REPORT_BYTES_MAX]);
  void (*set_report) (UsbHid *hid, const uint8_t *data, uint32_t length); // may be NULL
  void (*forget) (UsbHid *hid); // nothing is held and nothing due
} UsbHidModel;

struct UsbHid {
  UsbFunction fn;
  const UsbHidModel *model;
  UsbTransfer *waiting; // for a report
  uint8_t idle, protocol;
  VmEvent *sent;
  GMutex lock;
};

void usb_hid_init (UsbHid *hid, const UsbDeviceOps *ops, const UsbDescriptors *descriptors,
                   const UsbHidModel *model);
void usb_hid_sent (UsbHid *hid); // any thread, lock not held: a report may be due

// For UsbDeviceOps. Devices put their own state behind usb_hid_save's.
bool usb_hid_realize (UsbDevice *device, GError **error);
void usb_hid_free (UsbDevice *device);
void usb_hid_reset (UsbDevice *device);
void usb_hid_submit (UsbDevice *device, UsbTransfer *transfer);
void usb_hid_cancel (UsbDevice *device, UsbTransfer *transfer);
void usb_hid_save (UsbHid *hid, StateWriter *writer);
bool usb_hid_load (UsbHid *hid, StateReader *reader);
bool usb_hid_damaged (GError **error); // false
