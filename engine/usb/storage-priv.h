// SPDX-License-Identifier: GPL-3.0-or-later
// Between the files of USB mass storage.
#pragma once

#include "engine/usb/function.h"

enum {
  STORAGE_IN = 0x81,
  STORAGE_OUT = 0x02,
};

const UsbDescriptors *usb_storage_get_descriptors (UsbSpeed speed);
