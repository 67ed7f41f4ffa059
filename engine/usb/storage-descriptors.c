// SPDX-License-Identifier: GPL-3.0-or-later
// Descriptors of mass storage at its two speeds (USB 2.0 §9.6, USB 3.2 §9.6, bulk-only transport
// §4).

#include "engine/usb/storage-priv.h"

enum {
  CLASS_STORAGE = 8,
  SUBCLASS_SCSI = 6,
  PROTOCOL_BULK_ONLY = 0x50,
  PRODUCT = 0x1003,
  MAX_BURST = 15,
};

#define DEVICE_DESCRIPTOR(usb, packet)                                                             \
  18, USB_DESC_DEVICE, USB_LE16 (usb), 0, 0, 0, packet, USB_LE16 (USB_VENDOR), USB_LE16 (PRODUCT), \
      USB_LE16 (0x0100), 1, 2, 3, 1
#define CONFIGURATION_DESCRIPTOR(total, power)                                                     \
  9, USB_DESC_CONFIGURATION, USB_LE16 (total), 1, 1, 0, 0xc0, power
#define INTERFACE_DESCRIPTOR                                                                       \
  9, USB_DESC_INTERFACE, 0, 0, 2, CLASS_STORAGE, SUBCLASS_SCSI, PROTOCOL_BULK_ONLY, 0
#define BULK_DESCRIPTOR(endpoint, packet)                                                          \
  7, USB_DESC_ENDPOINT, endpoint, USB_BULK, USB_LE16 (packet), 0
#define COMPANION_DESCRIPTOR 6, USB_DESC_COMPANION, MAX_BURST, 0, USB_LE16 (0)

static const uint8_t high_device[] = {DEVICE_DESCRIPTOR (0x0200, 64)};
static const uint8_t high_configuration[] = {
    CONFIGURATION_DESCRIPTOR (32, 0),
    INTERFACE_DESCRIPTOR,
    BULK_DESCRIPTOR (STORAGE_IN, 512),
    BULK_DESCRIPTOR (STORAGE_OUT, 512),
};
static const uint8_t high_qualifier[] = {
    10, USB_DESC_QUALIFIER, USB_LE16 (0x0200), 0, 0, 0, 64, 1, 0,
};

static const uint8_t super_device[] = {DEVICE_DESCRIPTOR (0x0300, 9)};
static const uint8_t super_configuration[] = {
    CONFIGURATION_DESCRIPTOR (44, 0),    INTERFACE_DESCRIPTOR,
    BULK_DESCRIPTOR (STORAGE_IN, 1024),  COMPANION_DESCRIPTOR,
    BULK_DESCRIPTOR (STORAGE_OUT, 1024), COMPANION_DESCRIPTOR,
};
// USB 2 extension (no link power management), SuperSpeed (5 Gbit/s only, no exit latencies).
static const uint8_t super_bos[] = {
    5,
    USB_DESC_BOS,
    USB_LE16 (22),
    2,
    7,
    USB_DESC_CAPABILITY,
    2,
    0,
    0,
    0,
    0,
    10,
    USB_DESC_CAPABILITY,
    3,
    0,
    USB_LE16 (1 << 3),
    3,
    0,
    USB_LE16 (0),
};

static const char *const strings[] = {"Terrarium", "USB Disk"};

static const UsbDescriptors high_speed = {
    .device = {high_device, sizeof high_device},
    .configuration = {high_configuration, sizeof high_configuration},
    .qualifier = {high_qualifier, sizeof high_qualifier},
    .strings = strings,
    .n_strings = G_N_ELEMENTS (strings),
};

static const UsbDescriptors super_speed = {
    .device = {super_device, sizeof super_device},
    .configuration = {super_configuration, sizeof super_configuration},
    .bos = {super_bos, sizeof super_bos},
    .strings = strings,
    .n_strings = G_N_ELEMENTS (strings),
};

const UsbDescriptors *
usb_storage_get_descriptors (UsbSpeed speed)
{
  return speed == USB_SPEED_SUPER ? &super_speed : &high_speed;
}
