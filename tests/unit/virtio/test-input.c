// SPDX-License-Identifier: GPL-3.0-or-later
// virtio-input against a driver made of memory writes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <linux/input.h>
#include <string.h>

#include "engine/virtio/input.h"
#include "tests/support/virtio-guest.h"

enum {
  QUEUE_EVENT = 0,
  QUEUE_STATUS = 1,
  CFG_ID_NAME = 1,
  CFG_ID_SERIAL = 2,
  CFG_ID_DEVIDS = 3,
  CFG_PROP_BITS = 0x10,
  CFG_EV_BITS = 0x11,
  CFG_ABS_INFO = 0x12,
  RING_EVENTS = 512,
};

typedef struct Event {
  uint16_t type, code;
  uint32_t value;
} Event;

static VirtioGuest *
make_guest (bool keyboard)
{
  VirtioGuest *guest =
      virtio_guest_new (keyboard ? virtio_input_new_keyboard () : virtio_input_new_tablet (), NULL);
  assert_non_null (guest);
  virtio_guest_start (guest, ~0ull, 0);
  return guest;
}

// Gives the device n event buffers; the address of the first, the others follow 16 bytes apart.
static GuestAddr
give_buffers (VirtioGuest *guest, unsigned n)
{
  GuestAddr first = guest->next_alloc;
  for (unsigned i = 0; i < n; i++) {
    const VirtioGuestBuf buf = {virtio_guest_alloc (guest, sizeof (Event)), sizeof (Event), true};
    virtio_guest_submit (guest, QUEUE_EVENT, &buf, 1);
  }
  virtio_guest_notify (guest, QUEUE_EVENT);
  return first;
}

static Event
event_at (VirtioGuest *guest, GuestAddr first, unsigned i)
{
  Event event;
  memcpy (&event, virtio_guest_ptr (guest, first + i * 16), sizeof event);
  return event;
}

static void
assert_event (Event event, uint16_t type, uint16_t code, uint32_t value)
{
  assert_int_equal (event.type, type);
  assert_int_equal (event.code, code);
  assert_int_equal (event.value, value);
}

static void
send_key (VirtioGuest *guest, uint16_t code, int32_t value)
{
  virtio_input_send (guest->vdev, EV_KEY, code, value);
  virtio_input_send (guest->vdev, EV_SYN, SYN_REPORT, 0);
}

static void
test_config (void **state)
{
  static const struct {
    bool keyboard;
    uint8_t select, subsel, size;
    unsigned set_bit, clear_bit; // of the data
  } cases[] = {
      {true, CFG_EV_BITS, EV_KEY, 32, KEY_A, 0},
      {true, CFG_EV_BITS, EV_KEY, 32, 255, 0},
      {true, CFG_EV_BITS, EV_LED, 1, LED_CAPSL, LED_COMPOSE},
      {true, CFG_EV_BITS, EV_REP, 1, REP_PERIOD, 7},
      {true, CFG_EV_BITS, EV_ABS, 0, 0, 0},
      {true, CFG_EV_BITS, 255, 0, 0, 0},
      {true, CFG_ID_SERIAL, 0, 0, 0, 0},
      {true, CFG_PROP_BITS, 0, 0, 0, 0},
      {true, CFG_ABS_INFO, ABS_X, 0, 0, 0},
      {true, 0, 0, 0, 0, 0},
      {true, 255, 255, 0, 0, 0},
      {false, CFG_EV_BITS, EV_KEY, BTN_EXTRA / 8 + 1, BTN_LEFT, BTN_LEFT - 1},
      {false, CFG_EV_BITS, EV_KEY, BTN_EXTRA / 8 + 1, BTN_EXTRA, BTN_EXTRA + 1},
      {false, CFG_EV_BITS, EV_REL, 2, REL_WHEEL, 7},
      {false, CFG_EV_BITS, EV_REL, 2, REL_HWHEEL, REL_X},
      {false, CFG_EV_BITS, EV_ABS, 1, ABS_Y, 2},
      {false, CFG_EV_BITS, EV_LED, 0, 0, 0},
      {false, CFG_ID_DEVIDS, 0, 8, 1, 0}, // BUS_VIRTUAL = 6
      {false, CFG_ABS_INFO, ABS_X, 20, 32, 0},
      {false, CFG_ABS_INFO, ABS_Y, 20, 46, 47},
      {false, CFG_ABS_INFO, 2, 0, 0, 0},
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    VirtioGuest *guest = make_guest (cases[i].keyboard);
    uint8_t config[136];
    virtio_guest_write_config (guest, 0, &cases[i].select, 1);
    virtio_guest_write_config (guest, 1, &cases[i].subsel, 1);
    virtio_guest_read_config (guest, 0, config, sizeof config);
    assert_int_equal (config[2], cases[i].size);
    if (cases[i].size > 0) {
      assert_true (config[8 + cases[i].set_bit / 8] >> cases[i].set_bit % 8 & 1);
      assert_false (config[8 + cases[i].clear_bit / 8] >> cases[i].clear_bit % 8 & 1);
    }
    virtio_guest_free (guest);
  }
}

static void
test_events_arrive (void **state)
{
  VirtioGuest *guest = make_guest (false);
  GuestAddr first = give_buffers (guest, 8);
  virtio_input_send (guest->vdev, EV_ABS, ABS_X, 100);
  virtio_input_send (guest->vdev, EV_ABS, ABS_Y, 32767);
  virtio_guest_settle (guest);
  assert_int_equal (virtio_guest_get_used (guest, QUEUE_EVENT), 0); // not a batch yet
  virtio_input_send (guest->vdev, EV_REL, REL_WHEEL, -1);
  virtio_input_send (guest->vdev, EV_SYN, SYN_REPORT, 0);
  assert_true (virtio_guest_wait_used (guest, QUEUE_EVENT, 4));
  assert_event (event_at (guest, first, 0), EV_ABS, ABS_X, 100);
  assert_event (event_at (guest, first, 1), EV_ABS, ABS_Y, 32767);
  assert_event (event_at (guest, first, 2), EV_REL, REL_WHEEL, UINT32_MAX);
  assert_event (event_at (guest, first, 3), EV_SYN, SYN_REPORT, 0);
  assert_int_equal (virtio_guest_get_used_entry (guest, QUEUE_EVENT, 0, NULL), 8);

  // Codes it does not have, reports of nothing, repeats and releases of what is not held.
  virtio_input_send (guest->vdev, EV_KEY, KEY_A, 1);
  virtio_input_send (guest->vdev, EV_REL, REL_X, 1);
  virtio_input_send (guest->vdev, EV_KEY, 0xffff, 1);
  send_key (guest, BTN_LEFT, 0);
  virtio_guest_settle (guest);
  assert_int_equal (virtio_guest_get_used (guest, QUEUE_EVENT), 4);
  send_key (guest, BTN_LEFT, 1);
  send_key (guest, BTN_LEFT, 1);
  send_key (guest, BTN_LEFT, 2);
  assert_true (virtio_guest_wait_used (guest, QUEUE_EVENT, 6));
  virtio_guest_settle (guest);
  assert_int_equal (virtio_guest_get_used (guest, QUEUE_EVENT), 6);
  virtio_guest_free (guest);
}

// However much is thrown at a guest that does not listen: whose press was taken is released.
static void
test_overflow_keeps_releases (void **state)
{
  VirtioGuest *guest = make_guest (true);
  bool down[256] = {false};
  unsigned n = 0;
  for (uint16_t code = 1; code < 256; code++)
    send_key (guest, code, 1);
  for (uint16_t code = 1; code < 256; code++)
    send_key (guest, code, 0);
  for (int i = 0; i < 1000; i++)
    send_key (guest, KEY_A, i % 2);
  send_key (guest, KEY_A, 0);
  for (;; n += 64) {
    GuestAddr first = give_buffers (guest, 64);
    virtio_guest_settle (guest);
    unsigned got = virtio_guest_get_used (guest, QUEUE_EVENT) - n;
    for (unsigned i = 0; i < got; i++) {
      Event event = event_at (guest, first, i);
      if (event.type == EV_KEY) {
        assert_int_not_equal (down[event.code], event.value);
        down[event.code] = event.value;
      }
    }
    if (got < 64) {
      n += got;
      break;
    }
  }
  assert_true (n > 100 && n <= RING_EVENTS);
  for (int code = 0; code < 256; code++)
    assert_false (down[code]);
  virtio_guest_free (guest);
}

static void
test_motion_overflow_is_dropped (void **state)
{
  VirtioGuest *guest = make_guest (false);
  send_key (guest, BTN_LEFT, 1);
  for (int i = 0; i < 10000; i++) {
    virtio_input_send (guest->vdev, EV_ABS, ABS_X, i);
    virtio_input_send (guest->vdev, EV_SYN, SYN_REPORT, 0);
  }
  send_key (guest, BTN_LEFT, 0);
  Event last = {0};
  for (unsigned n = 0;; n += 64) {
    GuestAddr first = give_buffers (guest, 64);
    virtio_guest_settle (guest);
    unsigned got = virtio_guest_get_used (guest, QUEUE_EVENT) - n;
    for (unsigned i = 0; i < got; i++)
      last = event_at (guest, first, i).type == EV_SYN ? last : event_at (guest, first, i);
    if (got < 64)
      break;
  }
  assert_event (last, EV_KEY, BTN_LEFT, 0);
  virtio_guest_free (guest);
}

static void
test_no_driver_no_events (void **state)
{
  VirtioGuest *guest = make_guest (true);
  send_key (guest, KEY_A, 1);
  virtio_guest_reset (guest);
  send_key (guest, KEY_B, 1);
  virtio_guest_settle (guest);
  virtio_guest_start (guest, ~0ull, 0);
  GuestAddr first = give_buffers (guest, 4);
  send_key (guest, KEY_A, 0); // its press was for another driver
  send_key (guest, KEY_C, 1);
  assert_true (virtio_guest_wait_used (guest, QUEUE_EVENT, 2));
  assert_event (event_at (guest, first, 0), EV_KEY, KEY_C, 1);
  virtio_guest_free (guest);
}

static void
test_leds_are_taken (void **state)
{
  VirtioGuest *guest = make_guest (true);
  const Event led = {EV_LED, LED_CAPSL, 1};
  const VirtioGuestBuf buf = {virtio_guest_put (guest, &led, sizeof led), sizeof led, false};
  for (int i = 0; i < 200; i++)
    virtio_guest_do (guest, QUEUE_STATUS, &buf, 1);
  assert_false (virtio_guest_needs_reset (guest));
  virtio_guest_free (guest);
}

static void
test_small_buffer (void **state)
{
  VirtioGuest *guest = make_guest (true);
  const VirtioGuestBuf buf = {virtio_guest_alloc (guest, 8), 7, true};
  virtio_guest_submit (guest, QUEUE_EVENT, &buf, 1);
  send_key (guest, KEY_A, 1);
  assert_true (virtio_guest_needs_reset (guest));
  virtio_guest_free (guest);
}

// A key that was held when the machine was saved is released in the machine that goes on.
static void
test_saved_state (void **state)
{
  VirtioGuest *from = make_guest (true), *to = make_guest (true);
  uint8_t config[3];
  virtio_guest_write_config (from, 0, &(uint8_t){CFG_EV_BITS}, 1);
  virtio_guest_write_config (from, 1, &(uint8_t){EV_KEY}, 1);
  virtio_guest_quiesce (from);
  send_key (from, KEY_A, 1);
  send_key (from, KEY_B, 1);
  send_key (from, KEY_B, 0);
  g_autoptr (GBytes) bytes = virtio_guest_save (from);
  assert_true (virtio_guest_load (to, bytes, NULL));
  virtio_guest_read_config (to, 0, config, sizeof config);
  assert_int_equal (config[2], 32);
  // The queues are where the other machine had them.
  to->queues[QUEUE_EVENT] = from->queues[QUEUE_EVENT];
  GuestAddr first = give_buffers (to, 10);
  assert_true (virtio_guest_wait_used (to, QUEUE_EVENT, 8));
  assert_event (event_at (to, first, 0), EV_KEY, KEY_A, 1);
  assert_event (event_at (to, first, 6), EV_KEY, KEY_A, 0);
  assert_event (event_at (to, first, 7), EV_SYN, SYN_REPORT, 0);
  virtio_guest_free (from);
  virtio_guest_free (to);
}

static void
test_damaged_state (void **state)
{
  VirtioGuest *tablet = make_guest (false), *keyboard = make_guest (true);
  g_autoptr (GError) error = NULL;
  send_key (tablet, BTN_LEFT, 1); // not a key of the keyboard
  g_autoptr (GBytes) bytes = virtio_guest_save (tablet);
  assert_false (virtio_guest_load (keyboard, bytes, &error));
  assert_non_null (error);
  virtio_guest_free (tablet);
  virtio_guest_free (keyboard);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_config),
      cmocka_unit_test (test_events_arrive),
      cmocka_unit_test (test_overflow_keeps_releases),
      cmocka_unit_test (test_motion_overflow_is_dropped),
      cmocka_unit_test (test_no_driver_no_events),
      cmocka_unit_test (test_leds_are_taken),
      cmocka_unit_test (test_small_buffer),
      cmocka_unit_test (test_saved_state),
      cmocka_unit_test (test_damaged_state),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
