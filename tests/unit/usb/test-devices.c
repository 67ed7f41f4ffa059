// SPDX-License-Identifier: GPL-3.0-or-later
// Emulated devices without a controller: the structure of their descriptors (USB 2.0 §9.6, USB 3.2
// §9.6, HID 1.11 §6.2), standard requests, and what keyboard and tablet report.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <linux/input-event-codes.h>
#include <string.h>

#include "engine/usb/function.h"
#include "engine/usb/hid.h"
#include "engine/usb/storage.h"
#include "tests/support/test-disk.h"
#include "tests/unit/hw/fake-vm.h"

enum {
  ROOM = 512,
};

typedef struct Rig {
  FakeVm *fake;
  TestDisk *disk;
  UsbDevice *device;
} Rig;

typedef enum Kind { KEYBOARD, TABLET, STORAGE_HIGH, STORAGE_SUPER, N_KINDS } Kind;

static UsbDevice *
make_device (Rig *rig, Kind kind)
{
  switch (kind) {
  case KEYBOARD:
    return usb_keyboard_new ();
  case TABLET:
    return usb_tablet_new ();
  default:
    return usb_storage_new (test_disk_open (rig->disk, false),
                            kind == STORAGE_HIGH ? USB_SPEED_HIGH : USB_SPEED_SUPER, 41);
  }
}

static Rig
make_rig (Kind kind)
{
  Rig rig = {.fake = fake_vm_new (1, 4096), .disk = test_disk_new (65536)};

  rig.device = make_device (&rig, kind);
  rig.device->vm = &rig.fake->vm;
  assert_true (rig.device->ops->realize (rig.device, NULL));
  rig.device->ops->reset (rig.device);
  return rig;
}

static void
free_rig (Rig *rig)
{
  rig->device->ops->free (rig->device);
  test_disk_free (rig->disk);
  fake_vm_free (rig->fake);
}

static void
done_cb (UsbTransfer *transfer)
{
}

// A control transfer: the bytes, or -1 for a stall.
static int
control (Rig *rig, UsbSetup setup, uint8_t *data)
{
  UsbTransfer transfer = {.kind = USB_CONTROL,
                          .setup = setup,
                          .data = data,
                          .length = setup.length,
                          .status = USB_STATUS_CANCELLED,
                          .done = done_cb};

  rig->device->ops->submit (rig->device, &transfer);
  assert_true (transfer.status == USB_STATUS_OK || transfer.status == USB_STATUS_STALL);
  return transfer.status == USB_STATUS_OK ? (int) transfer.actual : -1;
}

static int
get_descriptor (Rig *rig, uint8_t type, uint8_t number, uint8_t data[ROOM])
{
  return control (rig, (UsbSetup){0x80, 6, type << 8 | number, 0, ROOM}, data);
}

// ---- descriptors ----------------------------------------------------------------------------

static const char *
check_endpoint (const uint8_t *d, const UsbDevice *device)
{
  unsigned packet = d[4] | d[5] << 8, kind = d[3] & 3;

  if ((d[2] & 0x70) != 0 || (d[2] & 15) == 0 || d[3] > 3)
    return "address or attributes";
  if (kind == USB_BULK && packet != (device->speed == USB_SPEED_SUPER ? 1024u : 512u))
    return "bulk packet size";
  if (kind == USB_INTERRUPT && (packet == 0 || packet > 64 || d[6] == 0))
    return "interrupt packet size or interval";
  return NULL;
}

// One configuration: interfaces, endpoints and what follows them, to the byte.
static const char *
check_configuration (const uint8_t *d, unsigned length, const UsbDevice *device)
{
  unsigned endpoints = 0, interfaces = 0, companions = 0, wanted = 0;

  if (length < 9 || d[0] != 9 || d[1] != USB_DESC_CONFIGURATION ||
      (d[2] | d[3] << 8) != (int) length)
    return "total length";
  if (d[5] != 1 || !(d[7] & 0x80))
    return "number or attributes";
  for (unsigned at = 9; at < length; at += d[at]) {
    const uint8_t *one = d + at;
    const char *fault = NULL;
    if (one[0] < 2 || one[0] > length - at)
      return "length of a part";
    switch (one[1]) {
    case USB_DESC_INTERFACE:
      interfaces++;
      wanted += one[4];
      fault = one[0] != 9 || one[2] != 0 || one[3] != 0 ? "interface" : NULL;
      break;
    case USB_DESC_ENDPOINT:
      endpoints++;
      fault = one[0] != 7 ? "endpoint length" : check_endpoint (one, device);
      break;
    case USB_DESC_COMPANION:
      companions++;
      fault = one[0] != 6 || d[at - 7 + 1] != USB_DESC_ENDPOINT ? "companion" : NULL;
      break;
    case USB_DESC_HID:
      fault = one[0] != 9 || one[5] != 1 || one[6] != USB_DESC_REPORT ? "HID" : NULL;
      break;
    default:
      fault = "type";
    }
    if (fault != NULL)
      return fault;
  }
  if (interfaces != d[4] || endpoints != wanted)
    return "number of interfaces or endpoints";
  return companions == (device->speed == USB_SPEED_SUPER ? endpoints : 0) ? NULL : "companions";
}

static const char *
check_device (const uint8_t *d, int length, const UsbDevice *device)
{
  bool super = device->speed == USB_SPEED_SUPER;

  if (length != 18 || d[0] != 18 || d[1] != USB_DESC_DEVICE)
    return "length";
  if ((d[2] | d[3] << 8) != (super ? 0x0300 : 0x0200) || d[7] != (super ? 9 : 64))
    return "release or packet size";
  return d[17] == 1 && d[14] != 0 && d[15] != 0 ? NULL : "configurations or strings";
}

static const char *
check_bos (const uint8_t *d, int length)
{
  unsigned n = 0;

  if (length < 5 || d[0] != 5 || d[1] != USB_DESC_BOS || (d[2] | d[3] << 8) != length)
    return "total length";
  for (int at = 5; at < length; at += d[at], n++)
    if (d[at] < 3 || d[at] > length - at || d[at + 1] != USB_DESC_CAPABILITY)
      return "capability";
  return n == d[4] ? NULL : "number of capabilities";
}

static void
test_descriptors (void **state)
{
  for (Kind kind = 0; kind < N_KINDS; kind++) {
    Rig rig = make_rig (kind);
    uint8_t data[ROOM], strings[3];
    bool super = kind == STORAGE_SUPER, high = kind == STORAGE_HIGH;
    const char *fault =
        check_device (data, get_descriptor (&rig, USB_DESC_DEVICE, 0, data), rig.device);
    memcpy (strings, data + 14, sizeof strings);
    int length = get_descriptor (&rig, USB_DESC_CONFIGURATION, 0, data);
    fault = fault != NULL ? fault : check_configuration (data, (unsigned) length, rig.device);
    if (fault != NULL)
      fail_msg ("device %d: %s", kind, fault);
    length = get_descriptor (&rig, USB_DESC_BOS, 0, data);
    assert_int_equal (length >= 0, super);
    assert_true (!super || check_bos (data, length) == NULL);
    assert_int_equal (get_descriptor (&rig, USB_DESC_QUALIFIER, 0, data), high ? 10 : -1);
    assert_int_equal (get_descriptor (&rig, USB_DESC_OTHER_SPEED, 0, data), high ? 32 : -1);
    for (unsigned i = 0; i < sizeof strings; i++) {
      length = get_descriptor (&rig, USB_DESC_STRING, strings[i], data);
      assert_true (strings[i] == 0 ? length == 4 : length > 2 && data[0] == length);
    }
    assert_int_equal (get_descriptor (&rig, USB_DESC_STRING, 77, data), -1);
    assert_int_equal (get_descriptor (&rig, USB_DESC_CONFIGURATION, 1, data), -1);
    assert_int_equal (get_descriptor (&rig, 99, 0, data), -1);
    free_rig (&rig);
  }
}

// Items in the right number of bytes, collections closed, and as many bits as the report has.
static void
test_report_descriptors (void **state)
{
  static const unsigned input_bits[] = {[KEYBOARD] = 64, [TABLET] = 56};
  for (Kind kind = KEYBOARD; kind <= TABLET; kind++) {
    Rig rig = make_rig (kind);
    uint8_t data[ROOM], hid[ROOM];
    const UsbSetup get = {0x81, 6, USB_DESC_REPORT << 8, 0, ROOM};
    const UsbSetup get_hid = {0x81, 6, USB_DESC_HID << 8, 0, ROOM};
    unsigned size = 0, count = 0, bits = 0, depth = 0;
    int length = control (&rig, get, data), at = 0;
    assert_int_equal (control (&rig, get_hid, hid), 9);
    assert_int_equal (hid[7] | hid[8] << 8, length);
    while (at < length) {
      unsigned bytes = (data[at] & 3) == 3 ? 4 : data[at] & 3;
      switch (data[at] & 0xfc) {
      case 0x74:
        size = data[at + 1];
        break;
      case 0x94:
        count = data[at + 1];
        break;
      case 0x80:
        bits += size * count;
        break;
      case 0xa0:
        depth++;
        break;
      case 0xc0:
        assert_true (depth-- > 0);
        break;
      default:
        break;
      }
      at += 1 + (int) bytes;
    }
    assert_int_equal (at, length);
    assert_int_equal (depth, 0);
    assert_int_equal (bits, input_bits[kind]);
    free_rig (&rig);
  }
}

static void
test_requests (void **state)
{
  static const struct {
    UsbSetup setup;
    int length; // what comes; -1: stall
    uint8_t first;
  } cases[] = {
      {{0x80, 8, 0, 0, 1}, 1, 0},      {{0x00, 9, 2, 0, 0}, -1, 0},
      {{0x00, 9, 1, 0, 0}, 0, 0},      {{0x80, 8, 0, 0, 1}, 1, 1},
      {{0x80, 0, 0, 0, 2}, 2, 1},      {{0x82, 0, 0, 0x81, 2}, 2, 0},
      {{0x02, 3, 0, 0x81, 0}, 0, 0},   {{0x82, 0, 0, 0x81, 2}, 2, 1},
      {{0x02, 1, 0, 0x81, 0}, 0, 0},   {{0x82, 0, 0, 0x81, 2}, 2, 0},
      {{0x02, 3, 9, 0x81, 0}, -1, 0},  {{0x81, 10, 0, 0, 1}, 1, 0},
      {{0x81, 10, 0, 1, 1}, -1, 0},    {{0x01, 11, 0, 0, 0}, 0, 0},
      {{0x01, 11, 1, 0, 0}, -1, 0},    {{0x00, 5, 7, 0, 0}, 0, 0},
      {{0x00, 48, 0, 0, 6}, 6, 0},     {{0x00, 49, 40, 0, 0}, 0, 0},
      {{0x00, 77, 0, 0, 0}, -1, 0},    {{0xc0, 6, 0x100, 0, 18}, -1, 0},
      {{0x80, 6, 0x100, 0, 8}, 8, 18},
  };
  Rig rig = make_rig (STORAGE_SUPER);
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    uint8_t data[ROOM] = {0};
    int length = control (&rig, cases[i].setup, data);
    if (length != cases[i].length || data[0] != cases[i].first)
      fail_msg ("request %zu: %d, %u", i, length, data[0]);
  }
  free_rig (&rig);
}

// ---- reports --------------------------------------------------------------------------------

static void
configure (Rig *rig)
{
  assert_int_equal (control (rig, (UsbSetup){0, 9, 1, 0, 0}, NULL), 0);
}

// The next report, or 0 bytes.
static unsigned
get_report (Rig *rig, uint8_t report[8])
{
  UsbTransfer transfer = {.kind = USB_INTERRUPT,
                          .endpoint = 0x81,
                          .data = report,
                          .length = 8,
                          .status = USB_STATUS_CANCELLED,
                          .done = done_cb};

  rig->device->ops->submit (rig->device, &transfer);
  if (transfer.status == USB_STATUS_OK)
    return transfer.actual;
  rig->device->ops->cancel (rig->device, &transfer);
  assert_int_equal (transfer.status, USB_STATUS_CANCELLED);
  return 0;
}

static void
test_keyboard (void **state)
{
  static const uint8_t reports[][8] = {
      {2}, {2, 0, 4}, {2, 0, 4, 5}, {2, 0, 5}, {0, 0, 5}, {0},
  };
  Rig rig = make_rig (KEYBOARD);
  uint8_t report[8];
  usb_keyboard_send (rig.device, KEY_A, true); // nobody is there
  fake_vm_run (rig.fake);
  configure (&rig);
  assert_int_equal (get_report (&rig, report), 0);
  usb_keyboard_send (rig.device, KEY_LEFTSHIFT, true);
  usb_keyboard_send (rig.device, KEY_A, true);
  usb_keyboard_send (rig.device, KEY_A, true);
  usb_keyboard_send (rig.device, KEY_B, true);
  usb_keyboard_send (rig.device, KEY_A, false);
  usb_keyboard_send (rig.device, KEY_LEFTSHIFT, false);
  usb_keyboard_send (rig.device, KEY_B, false);
  usb_keyboard_send (rig.device, KEY_MAX, true);
  for (size_t i = 0; i < G_N_ELEMENTS (reports); i++) {
    assert_int_equal (get_report (&rig, report), 8);
    assert_memory_equal (report, reports[i], 8);
  }
  assert_int_equal (get_report (&rig, report), 0);
  // LEDs.
  uint8_t leds = 0xff;
  assert_int_equal (control (&rig, (UsbSetup){0x21, 9, 0x200, 0, 1}, &leds), 1);
  assert_int_equal (usb_keyboard_get_leds (rig.device), 0x1f);
  assert_int_equal (control (&rig, (UsbSetup){0x21, 9, 0x100, 0, 1}, &leds), -1);
  free_rig (&rig);
}

// More keys than a report holds, and more events than the queue: no key stays down.
static void
test_keyboard_overflow (void **state)
{
  Rig rig = make_rig (KEYBOARD);
  uint8_t report[8], zero[8] = {0}, over[8] = {0, 0, 1, 1, 1, 1, 1, 1};
  configure (&rig);
  for (unsigned key = KEY_1; key <= KEY_7; key++)
    usb_keyboard_send (rig.device, key, true);
  for (unsigned i = 0; i < 7; i++)
    get_report (&rig, report);
  assert_memory_equal (report, over, 8);
  for (unsigned i = 0; i < 5000; i++)
    usb_keyboard_send (rig.device, KEY_Q + i % 10, i / 10 % 2);
  for (unsigned key = 1; key < 256; key++)
    usb_keyboard_send (rig.device, key, false);
  while (get_report (&rig, report) > 0)
    ;
  assert_memory_equal (report, zero, 8);
  free_rig (&rig);
}

static void
test_tablet (void **state)
{
  Rig rig = make_rig (TABLET);
  uint8_t report[8];
  configure (&rig);
  usb_tablet_send_position (rig.device, 1, 2);
  usb_tablet_send_position (rig.device, 0x1234, 0x7fff); // merged
  usb_tablet_send_scroll (rig.device, -1, 2);
  usb_tablet_send_button (rig.device, BTN_LEFT, true);
  usb_tablet_send_button (rig.device, BTN_EXTRA, true);
  usb_tablet_send_button (rig.device, BTN_LEFT, false);
  usb_tablet_send_button (rig.device, BTN_TASK, true);
  static const uint8_t reports[][7] = {
      {0, 0x34, 0x12, 0xff, 0x7f, 2, 0xff},
      {1, 0x34, 0x12, 0xff, 0x7f},
      {17, 0x34, 0x12, 0xff, 0x7f},
      {16, 0x34, 0x12, 0xff, 0x7f},
  };
  for (size_t i = 0; i < G_N_ELEMENTS (reports); i++) {
    assert_int_equal (get_report (&rig, report), 7);
    assert_memory_equal (report, reports[i], 7);
  }
  assert_int_equal (get_report (&rig, report), 0);
  for (unsigned i = 0; i < 1001; i++)
    usb_tablet_send_button (rig.device, BTN_RIGHT, i % 2 == 0);
  usb_tablet_send_button (rig.device, BTN_RIGHT, false);
  usb_tablet_send_button (rig.device, BTN_EXTRA, false);
  while (get_report (&rig, report) > 0)
    ;
  assert_int_equal (report[0], 0);
  free_rig (&rig);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_descriptors),       cmocka_unit_test (test_report_descriptors),
      cmocka_unit_test (test_requests),          cmocka_unit_test (test_keyboard),
      cmocka_unit_test (test_keyboard_overflow), cmocka_unit_test (test_tablet),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
