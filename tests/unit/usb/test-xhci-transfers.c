// SPDX-License-Identifier: GPL-3.0-or-later
// Transfer rings of the xHCI controller: TDs of all kinds and the events they give, rings that are
// none, what stops and halts.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <inttypes.h>
#include <string.h>

#include "tests/support/xhci-guest.h"
#include "tests/unit/usb/echo.h"

static void
test_bulk (void **state)
{
  UsbDevice *device;
  unsigned slot;
  XhciGuest *guest = make_ready (&device, &slot);
  Echo *echo = (Echo *) device;
  uint8_t data[1000], back[1000];
  uint32_t n;
  for (unsigned i = 0; i < sizeof data; i++)
    data[i] = (uint8_t) (i * 3);
  assert_int_equal (xhci_guest_transfer (guest, slot, OUT1, data, 1000, &n), CC_SUCCESS);
  assert_int_equal (n, 1000);
  assert_int_equal (echo->n_bytes, 1000);
  echo->give = 1000;
  assert_int_equal (xhci_guest_transfer (guest, slot, IN1, back, 1000, &n), CC_SUCCESS);
  assert_memory_equal (data, back, 1000);
  echo->give = 600;
  assert_int_equal (xhci_guest_transfer (guest, slot, IN1, back, 1000, &n), CC_SHORT_PACKET);
  assert_int_equal (n, 600);
  assert_int_equal (xhci_guest_transfer (guest, slot, OUT1, data, 0, &n), CC_SUCCESS);
  // Around the ring several times.
  for (unsigned i = 0; i < 3 * XHCI_GUEST_RING; i++) {
    assert_int_equal (xhci_guest_transfer (guest, slot, OUT1, &data[i], 10, &n), CC_SUCCESS);
    assert_int_equal (echo->bytes[0], data[i]);
  }
  xhci_guest_free (guest);
}

static void
test_stall (void **state)
{
  UsbDevice *device;
  unsigned slot;
  XhciGuest *guest = make_ready (&device, &slot);
  uint8_t data[10] = {0};
  assert_int_equal (xhci_guest_transfer (guest, slot, OUT2, data, 10, NULL), CC_STALL);
  assert_int_equal (endpoint_word (guest, slot, OUT2, 0) & 7, EP_HALTED);
  unsigned before = ((Echo *) device)->n_transfers;
  xhci_guest_submit (guest, slot, OUT2, xhci_guest_alloc (guest, 1), 1); // nothing happens
  xhci_guest_run (guest);
  assert_int_equal (((Echo *) device)->n_transfers, before);
  xhci_guest_recover (guest, slot, OUT2, 2);
  assert_int_equal (((Echo *) device)->setup.request, 1);
  assert_int_equal (xhci_guest_transfer (guest, slot, OUT2, data, 10, NULL), CC_STALL);
  xhci_guest_free (guest);
}

static void
test_control (void **state)
{
  UsbDevice *device;
  unsigned slot, n;
  XhciGuest *guest = make_ready (&device, &slot);
  Echo *echo = (Echo *) device;
  const UsbSetup set = {0x21, 9, 0x1234, 0x5678, 5}, get = {0xa1, 1, 2, 3, 64};
  uint8_t back[64];
  assert_int_equal (xhci_guest_control (guest, slot, &set, "hello", NULL), CC_SUCCESS);
  assert_memory_equal (&echo->setup, &set, sizeof set);
  assert_memory_equal (echo->bytes, "hello", 5);
  echo->give = 5;
  assert_int_equal (xhci_guest_control (guest, slot, &get, back, &n), CC_SUCCESS);
  assert_int_equal (n, 5);
  assert_memory_equal (back, "hello", 5);
  // Stages in the wrong order.
  const XhciTrb status = {0, 0, TRB_STATUS << 10 | TRB_IOC};
  xhci_guest_put (guest, &guest->rings[slot][1], &status);
  xhci_guest_ring_doorbell (guest, slot, 1);
  XhciTrb event = xhci_guest_expect (guest, TRB_TRANSFER_EVENT);
  assert_int_equal (xhci_guest_code (&event), CC_TRB_ERROR);
  assert_int_equal (endpoint_word (guest, slot, 1, 0) & 7, EP_ERROR);
  xhci_guest_free (guest);
}

// One TD and the events it must give: what is transferred, then type of TRB, its flags, length.
typedef struct TdCase {
  const char *name;
  uint32_t actual;
  struct {
    unsigned type;
    uint32_t flags, bytes;
  } trbs[5]; // up to type 0
  struct {
    unsigned trb; // number; event data: 16 more
    unsigned code;
    uint32_t residue;
  } events[4]; // up to code 0
} TdCase;

static const TdCase td_cases[] = {
    {"event at the end",
     300,
     {{TRB_NORMAL, TRB_CHAIN, 100}, {TRB_NORMAL, TRB_CHAIN, 100}, {TRB_NORMAL, TRB_IOC, 100}},
     {{2, CC_SUCCESS, 0}}},
    {"an event each",
     300,
     {{TRB_NORMAL, TRB_CHAIN | TRB_IOC, 100},
      {TRB_NORMAL, TRB_CHAIN | TRB_IOC, 100},
      {TRB_NORMAL, TRB_IOC, 100}},
     {{0, CC_SUCCESS, 0}, {1, CC_SUCCESS, 0}, {2, CC_SUCCESS, 0}}},
    {"short in the middle, asked for",
     130,
     {{TRB_NORMAL, TRB_CHAIN | TRB_ISP, 100},
      {TRB_NORMAL, TRB_CHAIN | TRB_ISP, 100},
      {TRB_NORMAL, TRB_IOC, 100}},
     {{1, CC_SHORT_PACKET, 70}}},
    {"short in the middle, not asked for",
     130,
     {{TRB_NORMAL, TRB_CHAIN, 100}, {TRB_NORMAL, TRB_CHAIN, 100}, {TRB_NORMAL, TRB_IOC, 100}},
     {{2, CC_SHORT_PACKET, 100}}},
    {"nobody asked", 300, {{TRB_NORMAL, TRB_CHAIN, 100}, {TRB_NORMAL, 0, 100}}, {{0, 0, 0}}},
    {"event data",
     130,
     {{TRB_NORMAL, TRB_CHAIN, 100},
      {TRB_NORMAL, TRB_CHAIN, 100},
      {TRB_EVENT_DATA_TYPE, TRB_IOC, 0}},
     {{16 + 2, CC_SHORT_PACKET, 130}}},
    {"event data twice",
     200,
     {{TRB_NORMAL, TRB_CHAIN, 100},
      {TRB_EVENT_DATA_TYPE, TRB_IOC | TRB_CHAIN, 0},
      {TRB_NORMAL, TRB_CHAIN, 100},
      {TRB_EVENT_DATA_TYPE, TRB_IOC, 0}},
     {{16 + 1, CC_SUCCESS, 100}, {16 + 3, CC_SUCCESS, 100}}},
    {"no-op", 0, {{TRB_NO_OP, TRB_IOC, 0}}, {{0, CC_SUCCESS, 0}}},
    {"no-op, not asked for", 0, {{TRB_NO_OP, 0, 0}}, {{0, 0, 0}}},
    {"nothing at all", 0, {{TRB_NORMAL, TRB_IOC, 0}}, {{0, CC_SUCCESS, 0}}},
    {"immediate data cannot be written",
     8,
     {{TRB_NORMAL, TRB_IOC | TRB_IDT, 8}},
     {{0, CC_DATA_BUFFER_ERROR, 0}}},
    {"isochronous", 0, {{TRB_ISOCH, TRB_IOC, 8}}, {{0, CC_TRB_ERROR, 0}}},
    {"setup on a bulk ring", 0, {{TRB_SETUP, TRB_IOC | TRB_IDT, 8}}, {{0, CC_TRB_ERROR, 0}}},
    {"unknown type", 0, {{63, TRB_IOC, 0}}, {{0, CC_TRB_ERROR, 0}}},
    {"data of another kind inside",
     0,
     {{TRB_NORMAL, TRB_CHAIN, 100}, {TRB_SETUP, TRB_IOC, 8}},
     {{0, CC_TRB_ERROR, 100}}},
};

static void
run_td (const TdCase *c)
{
  UsbDevice *device;
  unsigned slot;
  XhciGuest *guest = make_ready (&device, &slot);
  GuestAddr buffer = xhci_guest_alloc (guest, 600), base = guest->rings[slot][IN1].base;
  XhciTrb event;
  ((Echo *) device)->give = c->actual;
  memset (((Echo *) device)->bytes, 0xaa, 600);
  while (xhci_guest_next_event (guest, &event))
    ;
  for (unsigned i = 0; c->trbs[i].type != 0; i++) {
    bool data = c->trbs[i].type != TRB_EVENT_DATA_TYPE;
    const XhciTrb trb = {data ? buffer + 100 * i : 0xabcd0000 + i, c->trbs[i].bytes,
                         c->trbs[i].type << 10 | c->trbs[i].flags};
    xhci_guest_put (guest, &guest->rings[slot][IN1], &trb);
  }
  xhci_guest_ring_doorbell (guest, slot, IN1);
  for (unsigned i = 0; c->events[i].code != 0; i++) {
    unsigned at = c->events[i].trb;
    if (!xhci_guest_next_event (guest, &event))
      fail_msg ("%s: no event %u", c->name, i);
    uint64_t parameter = at < 16 ? base + at * TRB_BYTES : 0xabcd0000 + at - 16;
    if (xhci_trb_type (&event) != TRB_TRANSFER_EVENT || event.parameter != parameter ||
        event.status != (c->events[i].code << 24 | c->events[i].residue) ||
        (at >= 16) != ((event.control & TRB_EVENT_DATA) != 0))
      fail_msg ("%s: event %u is %" PRIx64 " %x %x", c->name, i, event.parameter, event.status,
                event.control);
  }
  if (xhci_guest_next_event (guest, &event))
    fail_msg ("%s: one event too many", c->name);
  xhci_guest_free (guest);
}

static void
test_tds (void **state)
{
  for (size_t i = 0; i < G_N_ELEMENTS (td_cases); i++)
    run_td (&td_cases[i]);
}

static void
test_immediate_data (void **state)
{
  UsbDevice *device;
  unsigned slot;
  XhciGuest *guest = make_ready (&device, &slot);
  XhciTrb trb = {0, 5, TRB_NORMAL << 10 | TRB_IOC | TRB_IDT};
  memcpy (&trb.parameter, "tiny!", 5);
  xhci_guest_put (guest, &guest->rings[slot][OUT1], &trb);
  xhci_guest_ring_doorbell (guest, slot, OUT1);
  XhciTrb event = xhci_guest_expect (guest, TRB_TRANSFER_EVENT);
  assert_int_equal (xhci_guest_code (&event), CC_SUCCESS);
  assert_memory_equal (((Echo *) device)->bytes, "tiny!", 5);
  xhci_guest_free (guest);
}

// What is no TD: the code it gives; 0: nothing happens.
static void
test_bad_rings (void **state)
{
  static const struct {
    const char *name;
    XhciTrb trb;
    unsigned n; // so many, then one with the other cycle
    GuestAddr ring;
    unsigned code;
  } cases[] = {
      {"links to itself", {1, 0, TRB_LINK << 10 | 1}, 1, 0, CC_TRB_ERROR},
      {"links with toggling", {1, 0, TRB_LINK << 10 | TRB_TOGGLE | 1}, 1, 0, 0},
      {"links nowhere", {0x1000, 0, TRB_LINK << 10 | 1}, 1, 0, CC_TRB_ERROR},
      {"endless chain", {0, 1, TRB_NORMAL << 10 | TRB_CHAIN | 1}, 1200, 0, CC_TRB_ERROR},
      {"unfinished chain", {0, 1, TRB_NORMAL << 10 | TRB_CHAIN | 1}, 10, 0, 0},
      {"too many bytes", {0, 0x1ffff, TRB_NORMAL << 10 | TRB_CHAIN | 1}, 80, 0, 0},
      {"ring outside memory", {0}, 0, 0x100000, CC_TRB_ERROR},
      {"ring at the end of memory", {0}, 0, UINT64_MAX & ~15ull, CC_TRB_ERROR},
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    UsbDevice *device;
    unsigned slot;
    XhciGuest *guest = make_ready (&device, &slot);
    GuestAddr ring = xhci_guest_alloc (guest, 1300 * TRB_BYTES);
    uint32_t which = slot << 24 | IN1 << 16;
    XhciTrb trb = cases[i].trb, event = {0};
    if (trb.parameter == 1)
      trb.parameter = ring;
    for (unsigned n = 0; n < cases[i].n; n++)
      memcpy (xhci_guest_ptr (guest, ring + n * TRB_BYTES), &trb, TRB_BYTES);
    assert_int_equal (xhci_guest_command (guest, TRB_STOP_ENDPOINT, 0, which, NULL), CC_SUCCESS);
    xhci_guest_command (guest, TRB_SET_DEQUEUE, (cases[i].ring != 0 ? cases[i].ring : ring) | 1,
                        which, NULL);
    xhci_guest_ring_doorbell (guest, slot, IN1);
    while (xhci_guest_next_event (guest, &event) && xhci_trb_type (&event) != TRB_TRANSFER_EVENT)
      ;
    unsigned code = xhci_trb_type (&event) == TRB_TRANSFER_EVENT ? xhci_guest_code (&event) : 0;
    if (code != cases[i].code)
      fail_msg ("%s: %u", cases[i].name, code);
    xhci_guest_free (guest);
  }
}

static void
test_stop (void **state)
{
  UsbDevice *device;
  unsigned slot;
  XhciGuest *guest = make_ready (&device, &slot);
  Echo *echo = (Echo *) device;
  uint32_t which = slot << 24 | IN1 << 16;
  GuestAddr buffer = xhci_guest_alloc (guest, 64), first = guest->rings[slot][IN1].base;
  echo->wait = true;
  echo->give = 64;
  xhci_guest_submit (guest, slot, IN1, buffer, 64);
  xhci_guest_run (guest);
  assert_non_null (echo->waiting);
  const XhciTrb stop = {0, 0, TRB_STOP_ENDPOINT << 10 | which};
  xhci_guest_put (guest, &guest->commands, &stop);
  xhci_guest_write (guest, X_DOORBELL, 0, 4);
  XhciTrb event = xhci_guest_expect (guest, TRB_TRANSFER_EVENT);
  assert_int_equal (event.parameter, first);
  assert_int_equal (event.status, CC_STOPPED << 24 | 64);
  xhci_guest_expect (guest, TRB_COMMAND_EVENT);
  assert_int_equal (echo->n_cancelled, 1);
  assert_int_equal (endpoint_word (guest, slot, IN1, 0) & 7, EP_STOPPED);
  assert_int_equal (endpoint_word (guest, slot, IN1, 2), first | 1);
  // The doorbell starts it again.
  xhci_guest_ring_doorbell (guest, slot, IN1);
  xhci_guest_run (guest);
  assert_non_null (echo->waiting);
  echo_answer (device);
  event = xhci_guest_expect (guest, TRB_TRANSFER_EVENT);
  assert_int_equal (xhci_guest_code (&event), CC_SUCCESS);
  xhci_guest_free (guest);
}

// Nothing reaches memory once the guest has seen the controller halt.
static void
test_halt (void **state)
{
  UsbDevice *device;
  unsigned slot;
  XhciGuest *guest = make_ready (&device, &slot);
  Echo *echo = (Echo *) device;
  GuestAddr buffer = xhci_guest_alloc (guest, 64);
  XhciTrb event;
  memset (echo->bytes, 0x55, 64);
  echo->give = 64;
  echo->wait = true;
  while (xhci_guest_next_event (guest, &event))
    ;
  xhci_guest_submit (guest, slot, IN1, buffer, 64);
  xhci_guest_run (guest);
  echo_answer (device); // done, but not taken yet
  xhci_guest_write (guest, X_USBCMD, USBCMD_INTE, 4);
  assert_true (xhci_guest_read (guest, X_USBSTS, 4) & USBSTS_HALTED);
  assert_false (xhci_guest_next_event (guest, &event));
  assert_int_equal (*(uint8_t *) xhci_guest_ptr (guest, buffer), 0);
  // It goes on where it was.
  echo->wait = false;
  xhci_guest_write (guest, X_USBCMD, USBCMD_INTE | USBCMD_RUN, 4);
  event = xhci_guest_expect (guest, TRB_TRANSFER_EVENT);
  assert_int_equal (xhci_guest_code (&event), CC_SUCCESS);
  assert_int_equal (*(uint8_t *) xhci_guest_ptr (guest, buffer), 0x55);
  xhci_guest_free (guest);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_bulk),           cmocka_unit_test (test_stall),
      cmocka_unit_test (test_control),        cmocka_unit_test (test_tds),
      cmocka_unit_test (test_immediate_data), cmocka_unit_test (test_bad_rings),
      cmocka_unit_test (test_stop),           cmocka_unit_test (test_halt),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
