// SPDX-License-Identifier: GPL-3.0-or-later
// The xHCI controller against a driver made of memory writes and a device that echoes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "tests/support/xhci-guest.h"
#include "tests/unit/usb/echo.h"

static uint32_t
slot_word (XhciGuest *guest, unsigned slot, unsigned word)
{
  return endpoint_word (guest, slot, 0, word);
}

static void
test_registers (void **state)
{
  static const struct {
    unsigned offset, size;
    uint64_t value;
  } cases[] = {
      {0, 1, 0x40},          {0, 4, 0x01100040},    {2, 2, 0x0110},    {4, 4, 0x1e000820},
      {8, 4, 0x40},          {0x10, 4, 0x00080081}, {0x14, 4, 0x2000}, {0x18, 4, 0x1000},
      {0x20, 4, 0x02000402}, {0x24, 4, 0x20425355}, {0x28, 4, 0x0f01}, {0x30, 4, 0x03000002},
      {0x38, 4, 0x0f10},     {0x40, 4, 0},          {0x44, 4, 1},      {0x48, 4, 1},
      {0x58, 4, 0},          {0x1024, 4, 4000},     {0x100, 4, 0},     {0x440 + 30 * 16, 4, 0},
      {0x2000, 4, 0},        {0x3ff8, 8, 0},        {0x38, 8, 0x0f10}, {0x41, 1, 0},
  };
  UsbDevice *device = echo_new (USB_SPEED_HIGH);
  XhciGuest *guest = xhci_guest_new (&device, 1);
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    assert_int_equal (xhci_guest_read (guest, cases[i].offset, cases[i].size), cases[i].value);
  xhci_guest_free (guest);
}

// Every offset takes every size; what is written to nothing is nothing.
static void
test_all_offsets (void **state)
{
  UsbDevice *device;
  XhciGuest *guest = make_guest (&device, USB_SPEED_HIGH);
  for (unsigned offset = 0; offset < 0x4000 + 16; offset++)
    for (unsigned size = 1; size <= 8; size *= 2) {
      xhci_guest_read (guest, offset, size);
      xhci_guest_write (guest, offset, ~0ull, size);
    }
  xhci_guest_run (guest);
  xhci_guest_free (guest);
}

static void
test_reset (void **state)
{
  UsbDevice *device;
  XhciGuest *guest = make_guest (&device, USB_SPEED_HIGH);
  assert_int_equal (xhci_guest_read (guest, X_USBSTS, 4) & USBSTS_HALTED, 0);
  xhci_guest_write (guest, X_USBCMD, USBCMD_RESET, 4);
  assert_int_equal (xhci_guest_read (guest, X_USBCMD, 4) & USBCMD_RESET, USBCMD_RESET);
  xhci_guest_write (guest, X_CONFIG, 3, 4); // lost
  xhci_guest_run (guest);
  assert_int_equal (xhci_guest_read (guest, X_USBCMD, 4), 0);
  assert_int_equal (xhci_guest_read (guest, X_USBSTS, 4), USBSTS_HALTED);
  assert_int_equal (xhci_guest_read (guest, X_CONFIG, 4), 0);
  assert_int_equal (xhci_guest_read (guest, X_DCBAAP, 8), 0);
  assert_int_equal (xhci_guest_read (guest, X_IMOD, 4), 4000);
  xhci_guest_free (guest);
}

// ---- ports ----------------------------------------------------------------------------------

static unsigned
get_link (XhciGuest *guest, unsigned port)
{
  return xhci_guest_read (guest, X_PORTSC + (port - 1) * 0x10, 4) >> 5 & 15;
}

static void
set_link (XhciGuest *guest, unsigned port, unsigned link)
{
  xhci_guest_write (guest, X_PORTSC + (port - 1) * 0x10,
                    PORTSC_POWER | PORTSC_WRITE_LINK | link << PORTSC_LINK_SHIFT, 4);
}

static void
test_port_usb2 (void **state)
{
  UsbDevice *device;
  XhciGuest *guest = make_guest (&device, USB_SPEED_HIGH);
  XhciTrb event = xhci_guest_expect (guest, TRB_PORT_EVENT);
  assert_int_equal (event.parameter, (uint64_t) USB2 << 24);
  // Connected, polling, high speed, powered; nothing at the USB 3 port of that connector.
  assert_int_equal (xhci_guest_read (guest, X_PORTSC, 4), 0x20ee1 & ~0x2u);
  assert_int_equal (xhci_guest_read (guest, X_PORTSC + (USB3 - 1) * 0x10, 4), 0x2a0);
  xhci_guest_write (guest, X_PORTSC, PORTSC_POWER | PORTSC_CHANGE_CONNECT, 4);
  unsigned resets = ((Echo *) device)->n_resets;
  xhci_guest_write (guest, X_PORTSC, PORTSC_POWER | PORTSC_RESET, 4);
  assert_int_equal (xhci_guest_read (guest, X_PORTSC, 4) & PORTSC_RESET, PORTSC_RESET);
  event = xhci_guest_expect (guest, TRB_PORT_EVENT);
  assert_int_equal (xhci_guest_read (guest, X_PORTSC, 4), 0x200e03);
  assert_int_equal (((Echo *) device)->n_resets, resets + 1);
  // Suspend, resume, disable.
  set_link (guest, USB2, LINK_U3);
  assert_int_equal (get_link (guest, USB2), LINK_U3);
  set_link (guest, USB2, LINK_RESUME);
  assert_int_equal (get_link (guest, USB2), LINK_RESUME);
  set_link (guest, USB2, LINK_U0);
  assert_int_equal (get_link (guest, USB2), LINK_U0);
  xhci_guest_expect (guest, TRB_PORT_EVENT);
  assert_true (xhci_guest_read (guest, X_PORTSC, 4) & PORTSC_CHANGE_LINK);
  xhci_guest_write (guest, X_PORTSC, PORTSC_POWER | PORTSC_ENABLED, 4);
  assert_false (xhci_guest_read (guest, X_PORTSC, 4) & PORTSC_ENABLED);
  xhci_guest_free (guest);
}

static void
test_port_usb3 (void **state)
{
  UsbDevice *device;
  XhciGuest *guest = make_guest (&device, USB_SPEED_SUPER);
  const unsigned portsc = X_PORTSC + (USB3 - 1) * 0x10;
  assert_int_equal (xhci_guest_read (guest, portsc, 4), 0x21203);
  assert_int_equal (xhci_guest_read (guest, X_PORTSC, 4), 0x2a0);
  xhci_guest_write (guest, portsc, PORTSC_POWER | PORTSC_WARM_RESET, 4);
  xhci_guest_run (guest);
  assert_int_equal (xhci_guest_read (guest, portsc, 4), 0x2a1203);
  xhci_guest_write (guest, portsc, PORTSC_POWER | PORTSC_ENABLED, 4);
  assert_int_equal (get_link (guest, USB3), LINK_DISABLED);
  set_link (guest, USB3, LINK_RX_DETECT);
  assert_int_equal (get_link (guest, USB3), LINK_U0);
  xhci_guest_free (guest);
}

static void
test_unplug (void **state)
{
  UsbDevice *device;
  unsigned slot;
  XhciGuest *guest = make_ready (&device, &slot);
  XhciTrb event;
  while (xhci_guest_next_event (guest, &event))
    ;
  ((Echo *) device)->wait = true;
  xhci_guest_submit (guest, slot, IN1, xhci_guest_alloc (guest, 64), 64);
  xhci_guest_run (guest);
  xhci_unplug (guest->xhci, 0);
  xhci_guest_expect (guest, TRB_PORT_EVENT);
  event = xhci_guest_expect (guest, TRB_TRANSFER_EVENT);
  assert_int_equal (xhci_guest_code (&event), CC_TRANSACTION_ERROR);
  assert_int_equal (xhci_guest_read (guest, X_PORTSC, 4) & 3, 0);
  // And another in its place.
  device = echo_new (USB_SPEED_SUPER);
  assert_true (xhci_plug (guest->xhci, device, 0, NULL));
  event = xhci_guest_expect (guest, TRB_PORT_EVENT);
  assert_int_equal (event.parameter, (uint64_t) USB3 << 24);
  assert_int_not_equal (xhci_guest_attach (guest, USB3), slot);
  xhci_guest_free (guest);
}

// ---- commands -------------------------------------------------------------------------------

static void
test_commands (void **state)
{
  // In this order, on a machine with slot 1 addressed and endpoint 1 IN running.
  static const struct {
    unsigned type, slot, dci, code;
    uint32_t control;
  } cases[] = {
      {TRB_NO_OP_COMMAND, 0, 0, CC_SUCCESS, 0},
      {TRB_DISABLE_SLOT, 0, 0, CC_TRB_ERROR, 0},
      {TRB_DISABLE_SLOT, XHCI_SLOTS + 1, 0, CC_TRB_ERROR, 0},
      {TRB_DISABLE_SLOT, 255, 0, CC_TRB_ERROR, 0},
      {TRB_DISABLE_SLOT, 2, 0, CC_SLOT_NOT_ENABLED, 0},
      {TRB_RESET_ENDPOINT, 1, IN1, CC_CONTEXT_STATE_ERROR, 0},
      {TRB_SET_DEQUEUE, 1, IN1, CC_CONTEXT_STATE_ERROR, 0},
      {TRB_STOP_ENDPOINT, 1, 0, CC_TRB_ERROR, 0},
      {TRB_STOP_ENDPOINT, 1, 31, CC_CONTEXT_STATE_ERROR, 0},
      {TRB_STOP_ENDPOINT, 1, IN1, CC_SUCCESS, 0},
      {TRB_STOP_ENDPOINT, 1, IN1, CC_CONTEXT_STATE_ERROR, 0},
      {TRB_SET_DEQUEUE, 1, IN1, CC_SUCCESS, 0},
      {TRB_ADDRESS_DEVICE, 1, 0, CC_CONTEXT_STATE_ERROR, 0},
      {TRB_CONFIGURE_ENDPOINT, 1, 0, CC_SUCCESS, 1 << 9}, // deconfigure
      {TRB_STOP_ENDPOINT, 1, IN1, CC_CONTEXT_STATE_ERROR, 0},
      {TRB_RESET_DEVICE, 1, 0, CC_SUCCESS, 0},
      {TRB_RESET_DEVICE, 1, 0, CC_CONTEXT_STATE_ERROR, 0},
      {TRB_CONFIGURE_ENDPOINT, 1, 0, CC_CONTEXT_STATE_ERROR, 0},
      {TRB_ENABLE_SLOT, 0, 0, CC_SUCCESS, 0},
      {TRB_STOP_ENDPOINT, 2, 1, CC_CONTEXT_STATE_ERROR, 0},
      {TRB_EVALUATE_CONTEXT, 2, 0, CC_CONTEXT_STATE_ERROR, 0},
      {TRB_DISABLE_SLOT, 2, 0, CC_SUCCESS, 0},
      {TRB_DISABLE_SLOT, 1, 0, CC_SUCCESS, 0},
      {TRB_RESET_DEVICE, 1, 0, CC_SLOT_NOT_ENABLED, 0},
      {18, 0, 0, CC_TRB_ERROR, 0}, // force event: for virtual functions
      {48, 0, 0, CC_TRB_ERROR, 0},
      {0, 0, 0, CC_TRB_ERROR, 0},
      {TRB_NORMAL, 1, 0, CC_TRB_ERROR, 0},
  };
  UsbDevice *device;
  unsigned slot;
  XhciGuest *guest = make_ready (&device, &slot);
  assert_int_equal (slot, 1);
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    uint32_t control = cases[i].slot << 24 | cases[i].dci << 16 | cases[i].control;
    unsigned code = xhci_guest_command (guest, cases[i].type, guest->input, control, NULL);
    if (code != cases[i].code)
      fail_msg ("command %zu: code %u", i, code);
  }
  xhci_guest_free (guest);
}

static void
test_slots (void **state)
{
  UsbDevice *device;
  XhciGuest *guest = make_guest (&device, USB_SPEED_HIGH);
  for (unsigned i = 1; i <= XHCI_SLOTS; i++) {
    XhciTrb event;
    assert_int_equal (xhci_guest_command (guest, TRB_ENABLE_SLOT, 0, 0, &event), CC_SUCCESS);
    assert_int_equal (event.control >> 24, i);
  }
  assert_int_equal (xhci_guest_command (guest, TRB_ENABLE_SLOT, 0, 0, NULL), CC_NO_SLOTS);
  xhci_guest_free (guest);
}

static void
test_contexts (void **state)
{
  UsbDevice *device;
  unsigned slot;
  XhciGuest *guest = make_ready (&device, &slot);
  assert_int_equal (slot_word (guest, slot, 3), SLOT_CONFIGURED << 27 | slot);
  assert_int_equal (slot_word (guest, slot, 1) >> 16 & 0xff, USB2);
  assert_int_equal (endpoint_word (guest, slot, IN1, 0) & 7, EP_RUNNING);
  assert_int_equal (endpoint_word (guest, slot, IN1, 1), BULK_IN << 3 | 512 << 16 | 6);
  assert_int_equal (endpoint_word (guest, slot, IN1, 2), guest->rings[slot][IN1].base | 1);
  // An endpoint of the wrong direction, one without a type, one without packets.
  assert_int_equal (xhci_guest_configure (guest, slot, IN2, BULK_OUT, 512), CC_PARAMETER_ERROR);
  assert_int_equal (xhci_guest_configure (guest, slot, IN2, 0, 512), CC_PARAMETER_ERROR);
  assert_int_equal (xhci_guest_configure (guest, slot, IN2, BULK_IN, 0), CC_PARAMETER_ERROR);
  assert_int_equal (endpoint_word (guest, slot, IN2, 0) & 7, EP_DISABLED);
  // The same port a second time.
  XhciTrb event;
  assert_int_equal (xhci_guest_command (guest, TRB_ENABLE_SLOT, 0, 0, &event), CC_SUCCESS);
  const uint32_t flags[2] = {0, 3};
  memcpy (xhci_guest_ptr (guest, guest->input), flags, sizeof flags);
  assert_int_equal (xhci_guest_command (guest, TRB_ADDRESS_DEVICE, guest->input,
                                        event.control & 0xff000000, NULL),
                    CC_TRB_ERROR);
  // Nowhere.
  assert_int_equal (xhci_guest_command (guest, TRB_CONFIGURE_ENDPOINT, 0x1000, slot << 24, NULL),
                    CC_TRB_ERROR);
  xhci_guest_free (guest);
}

static void
test_command_ring_stops (void **state)
{
  UsbDevice *device;
  XhciGuest *guest = make_guest (&device, USB_SPEED_HIGH);
  XhciTrb event;
  assert_int_equal (xhci_guest_command (guest, TRB_NO_OP_COMMAND, 0, 0, NULL), CC_SUCCESS);
  assert_int_equal (xhci_guest_read (guest, X_CRCR, 8), CRCR_RUNNING);
  xhci_guest_write (guest, X_CRCR, CRCR_STOP, 8); // the pointer in it is ignored
  event = xhci_guest_expect (guest, TRB_COMMAND_EVENT);
  assert_int_equal (xhci_guest_code (&event), CC_COMMAND_RING_STOPPED);
  assert_int_equal (event.parameter, guest->commands.base + TRB_BYTES);
  assert_int_equal (xhci_guest_read (guest, X_CRCR, 8), 0);
  assert_int_equal (xhci_guest_command (guest, TRB_NO_OP_COMMAND, 0, 0, NULL), CC_SUCCESS);
  // A ring of nothing but links to itself ends; the controller says that it is broken.
  const XhciTrb loop = {guest->commands.base, 0, TRB_LINK << 10 | 1};
  xhci_guest_write (guest, X_CRCR, CRCR_ABORT, 4);
  xhci_guest_run (guest);
  memcpy (xhci_guest_ptr (guest, guest->commands.base), &loop, sizeof loop);
  xhci_guest_write (guest, X_CRCR, guest->commands.base | 1, 8);
  xhci_guest_write (guest, X_DOORBELL, 0, 4);
  xhci_guest_run (guest);
  assert_true (xhci_guest_read (guest, X_USBSTS, 4) & USBSTS_HCE);
  xhci_guest_free (guest);
}

// ---- events ---------------------------------------------------------------------------------

// With a full event ring the controller waits, and nothing is lost.
static void
test_full_event_ring (void **state)
{
  UsbDevice *device;
  XhciGuest *guest = make_guest (&device, USB_SPEED_HIGH);
  const XhciTrb command = {0, 0, TRB_NO_OP_COMMAND << 10};
  const unsigned n = 5 * XHCI_GUEST_EVENTS;
  GuestAddr ring = xhci_guest_alloc (guest, (n + 1) * TRB_BYTES);
  XhciTrb event;
  unsigned seen = 0;
  for (unsigned i = 0; i < n; i++) {
    const XhciTrb trb = {0, 0, command.control | 1};
    memcpy (xhci_guest_ptr (guest, ring + i * TRB_BYTES), &trb, TRB_BYTES);
  }
  xhci_guest_write (guest, X_CRCR, ring | 1, 8);
  xhci_guest_write (guest, X_DOORBELL, 0, 4);
  xhci_guest_run (guest);
  while (xhci_guest_next_event (guest, &event)) {
    if (xhci_trb_type (&event) != TRB_COMMAND_EVENT)
      continue;
    assert_int_equal (event.parameter, ring + seen * TRB_BYTES);
    seen++;
  }
  assert_int_equal (seen, n);
  xhci_guest_free (guest);
}

static void
test_bad_event_ring (void **state)
{
  static const struct {
    uint64_t base;
    uint32_t size;
    bool good;
  } cases[] = {
      {FAKE_RAM_BASE + 0x800000, 64, true},
      {FAKE_RAM_BASE + 0x800000, 15, false},
      {FAKE_RAM_BASE + 0x800000, 4097, false},
      {FAKE_RAM_BASE + 0x800000, 0, false},
      {0x1000, 64, false},
      {UINT64_MAX, 64, false},
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    UsbDevice *device;
    XhciGuest *guest = make_guest (&device, USB_SPEED_HIGH);
    GuestAddr table = xhci_guest_alloc (guest, 64);
    memcpy (xhci_guest_ptr (guest, table), &cases[i].base, 8);
    memcpy (xhci_guest_ptr (guest, table + 8), &cases[i].size, 4);
    xhci_guest_write (guest, X_ERSTBA, table, 8);
    xhci_guest_write (guest, X_PORTSC, PORTSC_POWER | PORTSC_RESET, 4);
    xhci_guest_run (guest);
    bool good = !(xhci_guest_read (guest, X_USBSTS, 4) & USBSTS_HCE);
    assert_int_equal (good, cases[i].good);
    xhci_guest_write (guest, X_USBCMD, USBCMD_RESET, 4);
    xhci_guest_run (guest);
    assert_int_equal (xhci_guest_read (guest, X_USBSTS, 4), USBSTS_HALTED);
    xhci_guest_free (guest);
  }
}

static void
test_interrupts (void **state)
{
  UsbDevice *device;
  XhciGuest *guest = make_guest (&device, USB_SPEED_HIGH);
  assert_true (guest->line.level); // the port's event
  xhci_guest_write (guest, X_USBSTS, USBSTS_EINT, 4);
  xhci_guest_write (guest, X_IMAN, IMAN_ENABLE | IMAN_PENDING, 4);
  assert_false (guest->line.level);
  // Not handled: no second interrupt.
  xhci_guest_write (guest, X_PORTSC, PORTSC_POWER | PORTSC_RESET, 4);
  xhci_guest_run (guest);
  assert_false (guest->line.level);
  // Handled, but an event is left.
  xhci_guest_write (guest, X_ERDP, (guest->events.base + TRB_BYTES) | ERDP_BUSY, 8);
  assert_true (guest->line.level);
  xhci_guest_write (guest, X_IMAN, IMAN_PENDING, 4);
  assert_false (guest->line.level);
  xhci_guest_free (guest);
}

static void
test_moderation (void **state)
{
  UsbDevice *device;
  XhciGuest *guest = make_guest (&device, USB_SPEED_HIGH);
  XhciTrb event;
  xhci_guest_write (guest, X_IMOD, 4000, 4); // a millisecond
  while (xhci_guest_next_event (guest, &event))
    ;
  xhci_guest_write (guest, X_IMAN, IMAN_ENABLE | IMAN_PENDING, 4);
  for (unsigned i = 0; i < 2; i++) {
    xhci_guest_command (guest, TRB_NO_OP_COMMAND, 0, 0, NULL);
    assert_int_equal (guest->line.level, i == 0);
    xhci_guest_write (guest, X_IMAN, IMAN_ENABLE | IMAN_PENDING, 4);
  }
  // The handler saw the second event on its own: no interrupt for it.
  fake_vm_advance (guest->fake, 2000000);
  assert_false (guest->line.level);
  const XhciTrb no_op = {0, 0, TRB_NO_OP_COMMAND << 10};
  for (unsigned i = 0; i < 2; i++) {
    xhci_guest_put (guest, &guest->commands, &no_op);
    xhci_guest_write (guest, X_DOORBELL, 0, 4);
    xhci_guest_run (guest);
    assert_int_equal (guest->line.level, i == 0);
    xhci_guest_write (guest, X_IMAN, IMAN_ENABLE | IMAN_PENDING, 4);
    // One event behind, so that there is something to interrupt for.
    if (i == 0)
      xhci_guest_next_event (guest, &event);
  }
  fake_vm_advance (guest->fake, 999999);
  assert_false (guest->line.level);
  fake_vm_advance (guest->fake, 1);
  assert_true (guest->line.level);
  xhci_guest_free (guest);
}

static void
test_mfindex (void **state)
{
  UsbDevice *device;
  XhciGuest *guest = make_guest (&device, USB_SPEED_HIGH);
  XhciTrb event;
  assert_int_equal (xhci_guest_read (guest, X_MFINDEX, 4), 0);
  fake_vm_advance (guest->fake, 125000 * 1000);
  assert_int_equal (xhci_guest_read (guest, X_MFINDEX, 4), 1000);
  while (xhci_guest_next_event (guest, &event))
    ;
  xhci_guest_write (guest, X_USBCMD, USBCMD_RUN | USBCMD_INTE | USBCMD_EWE, 4);
  fake_vm_advance (guest->fake, 125000ll * (16384 - 1000));
  xhci_guest_expect (guest, TRB_MFINDEX_EVENT);
  assert_int_equal (xhci_guest_read (guest, X_MFINDEX, 4), 0);
  xhci_guest_free (guest);
}

// ---- saved state ----------------------------------------------------------------------------

static GBytes *
save (XhciGuest *guest)
{
  StateWriter *writer = state_writer_new ();
  const DeviceOps *ops = guest->xhci->ops;
  ops->quiesce (guest->xhci);
  state_writer_begin (writer, ops->name, ops->state_version);
  ops->save (guest->xhci, writer);
  state_writer_end (writer);
  ops->resume (guest->xhci);
  return state_writer_finish (writer);
}

static bool
load (XhciGuest *guest, GBytes *bytes)
{
  const DeviceOps *ops = guest->xhci->ops;
  StateReader *reader = state_reader_new (bytes, NULL);
  uint32_t version;
  ops->quiesce (guest->xhci);
  bool ok = state_reader_begin (reader, ops->name, ops->state_version, &version, NULL) &&
            ops->load (guest->xhci, reader, version, NULL) && state_reader_end (reader, NULL);
  state_reader_free (reader);
  ops->resume (guest->xhci);
  return ok;
}

// A controller with work under way goes on in another machine.
static void
test_saved_state (void **state)
{
  UsbDevice *device, *other;
  unsigned slot;
  XhciGuest *guest = make_ready (&device, &slot);
  Echo *echo = (Echo *) device;
  echo->wait = true;
  GuestAddr buffer = xhci_guest_alloc (guest, 64);
  xhci_guest_submit (guest, slot, IN1, buffer, 64);
  xhci_guest_run (guest);
  assert_non_null (echo->waiting);
  g_autoptr (GBytes) saved = save (guest);
  assert_int_equal (echo->n_cancelled, 1);

  other = echo_new (USB_SPEED_HIGH);
  XhciGuest *second = xhci_guest_new (&other, 1);
  memcpy (fake_vm_ram (second->fake), fake_vm_ram (guest->fake), XHCI_GUEST_RAM_BYTES);
  assert_true (load (second, saved));
  FakeVm *fake = second->fake;
  Device *pci = second->pci, *xhci = second->xhci;
  *second = *guest;
  second->fake = fake;
  second->pci = pci;
  second->xhci = xhci;
  ((Echo *) other)->give = 64;
  XhciTrb event = xhci_guest_expect (second, TRB_TRANSFER_EVENT);
  assert_int_equal (xhci_guest_code (&event), CC_SUCCESS);
  assert_int_equal (xhci_guest_command (second, TRB_NO_OP_COMMAND, 0, 0, NULL), CC_SUCCESS);
  uint8_t data[8] = "onwards";
  assert_int_equal (xhci_guest_transfer (second, slot, OUT1, data, 8, NULL), CC_SUCCESS);
  assert_memory_equal (((Echo *) other)->bytes, data, 8);
  xhci_guest_free (second);
  // Not into a machine with another device.
  other = echo_new (USB_SPEED_SUPER);
  second = xhci_guest_new (&other, 1);
  assert_false (load (second, saved));
  xhci_guest_free (second);
  second = xhci_guest_new (NULL, 0);
  assert_false (load (second, saved));
  xhci_guest_free (second);
  xhci_guest_free (guest);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_registers),       cmocka_unit_test (test_all_offsets),
      cmocka_unit_test (test_reset),           cmocka_unit_test (test_port_usb2),
      cmocka_unit_test (test_port_usb3),       cmocka_unit_test (test_unplug),
      cmocka_unit_test (test_commands),        cmocka_unit_test (test_slots),
      cmocka_unit_test (test_contexts),        cmocka_unit_test (test_command_ring_stops),
      cmocka_unit_test (test_full_event_ring), cmocka_unit_test (test_bad_event_ring),
      cmocka_unit_test (test_interrupts),      cmocka_unit_test (test_moderation),
      cmocka_unit_test (test_mfindex),         cmocka_unit_test (test_saved_state),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
