// SPDX-License-Identifier: GPL-3.0-or-later
// A disk on USB: mass storage, bulk-only transport 1.0, with SCSI commands. Removable to the guest,
// like a stick.
#pragma once

#include "engine/block/device.h"
#include "engine/usb/usb.h"

// Takes the disk. `speed`: USB_SPEED_HIGH or USB_SPEED_SUPER. `number`: of the disk in its machine,
// part of its serial number.
UsbDevice *usb_storage_new (BlockDevice *take, UsbSpeed speed, unsigned number);
