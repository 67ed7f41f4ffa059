// SPDX-License-Identifier: GPL-3.0-or-later
// Emulated keyboard and tablet (Device Class Definition for HID 1.11). Events are Linux evdev's.
//
// Threads: what is sent may come from any thread and never waits; queues are bounded. When one is
// full, what is in it is merged into one report: no key stays down. Nothing is kept while no driver
// has configured the device.
#pragma once

#include "engine/usb/usb.h"

enum {
  USB_TABLET_MAX = 32767, // positions are 0..this
};

UsbDevice *usb_keyboard_new (void);
// KEY_*; those it does not have are ignored. A repeat changes nothing.
void usb_keyboard_send (UsbDevice *device, unsigned evdev_code, bool down);
uint8_t usb_keyboard_get_leds (UsbDevice *device); // bits as in HID: 0 Num, 1 Caps, 2 Scroll Lock

UsbDevice *usb_tablet_new (void);
void usb_tablet_send_button (UsbDevice *device, unsigned evdev_code, bool down); // BTN_LEFT..EXTRA
void usb_tablet_send_position (UsbDevice *device, uint16_t x, uint16_t y);
void usb_tablet_send_scroll (UsbDevice *device, int dx, int dy);
