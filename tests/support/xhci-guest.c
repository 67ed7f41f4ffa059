// SPDX-License-Identifier: GPL-3.0-or-later
// An xHCI driver made of bare memory and register writes.
#include "tests/support/xhci-guest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

enum {
  SLOT_NUMBER = 7,
  REGISTERS = 0x10000000,
};
#define ECAM 0x4010000000ull

// ---- machine --------------------------------------------------------------------------------

XhciGuest *
xhci_guest_new (UsbDevice *const *devices, unsigned n)
{
  return xhci_guest_new_with_ram (devices, n, XHCI_GUEST_RAM_BYTES);
}

XhciGuest *
xhci_guest_new_with_ram (UsbDevice *const *devices, unsigned n, uint64_t ram_bytes)
{
  XhciGuest *guest = g_new0 (XhciGuest, 1);
  PciHostConfig config = {
      .ecam_base = ECAM,
      .ecam_bytes = 256 << 20,
      .mmio32_base = REGISTERS,
      .mmio32_bytes = 1 << 20,
  };
  const uint64_t function = ECAM + ((uint64_t) SLOT_NUMBER << 15);

  guest->fake = fake_vm_new (1, ram_bytes);
  guest->next_alloc = FAKE_RAM_BASE + 0x1000;
  config.intx[SLOT_NUMBER % 4] = fake_line (&guest->line);
  guest->pci = pci_host_new (&config);
  fake_vm_add (guest->fake, guest->pci);
  guest->xhci = xhci_new (guest->pci, SLOT_NUMBER);
  for (unsigned i = 0; i < n; i++)
    xhci_plug (guest->xhci, devices[i], i, NULL);
  fake_vm_add (guest->fake, guest->xhci);
  guest->xhci->ops->reset (guest->xhci);
  fake_write (guest->fake, function + 0x10, REGISTERS, 4);
  fake_write (guest->fake, function + 0x14, 0, 4);
  fake_write (guest->fake, function + 4, 6, 2);
  return guest;
}

void
xhci_guest_free (XhciGuest *guest)
{
  fake_vm_free (guest->fake);
  g_free (guest);
}

uint64_t
xhci_guest_read (XhciGuest *guest, unsigned offset, unsigned size)
{
  return fake_read (guest->fake, REGISTERS + offset, size);
}

void
xhci_guest_write (XhciGuest *guest, unsigned offset, uint64_t value, unsigned size)
{
  fake_write (guest->fake, REGISTERS + offset, value, size);
}

void
xhci_guest_run (XhciGuest *guest)
{
  fake_vm_run (guest->fake);
  if (guest->settle != NULL)
    guest->settle (guest->settle_data);
  fake_vm_run (guest->fake);
}

GuestAddr
xhci_guest_alloc (XhciGuest *guest, size_t bytes)
{
  GuestAddr addr = guest->next_alloc;

  guest->next_alloc += (bytes + 63) & ~63ull;
  assert_true (guest->next_alloc <= FAKE_RAM_BASE + XHCI_GUEST_RAM_BYTES);
  return addr;
}

void *
xhci_guest_ptr (XhciGuest *guest, GuestAddr addr)
{
  return fake_vm_ram (guest->fake) + (addr - FAKE_RAM_BASE);
}

// ---- rings ----------------------------------------------------------------------------------

static XhciGuestRing
new_ring (XhciGuest *guest)
{
  return (XhciGuestRing){xhci_guest_alloc (guest, XHCI_GUEST_RING * TRB_BYTES), 0, true};
}

static void
store (XhciGuest *guest, XhciGuestRing *ring, const XhciTrb *trb)
{
  XhciTrb with_cycle = *trb;

  with_cycle.control = (trb->control & ~1u) | ring->cycle;
  memcpy (xhci_guest_ptr (guest, ring->base + ring->index * TRB_BYTES), &with_cycle, TRB_BYTES);
}

void
xhci_guest_put (XhciGuest *guest, XhciGuestRing *ring, const XhciTrb *trb)
{
  store (guest, ring, trb);
  if (++ring->index < XHCI_GUEST_RING - 1)
    return;
  const XhciTrb link = {ring->base, 0, TRB_LINK << 10 | TRB_TOGGLE | (trb->control & TRB_CHAIN)};
  store (guest, ring, &link);
  ring->index = 0;
  ring->cycle = !ring->cycle;
}

void
xhci_guest_start (XhciGuest *guest)
{
  GuestAddr table = xhci_guest_alloc (guest, 64);
  const uint32_t size = XHCI_GUEST_EVENTS;

  guest->dcbaa = xhci_guest_alloc (guest, 8 * (XHCI_SLOTS + 1));
  guest->input = xhci_guest_alloc (guest, 33 * XHCI_CONTEXT_BYTES);
  guest->commands = new_ring (guest);
  guest->events = (XhciGuestRing){xhci_guest_alloc (guest, XHCI_GUEST_EVENTS * TRB_BYTES), 0, true};
  memcpy (xhci_guest_ptr (guest, table), &guest->events.base, 8);
  memcpy (xhci_guest_ptr (guest, table + 8), &size, 4);
  xhci_guest_write (guest, X_CONFIG, XHCI_SLOTS, 4);
  xhci_guest_write (guest, X_DCBAAP, guest->dcbaa, 8);
  xhci_guest_write (guest, X_CRCR, guest->commands.base | 1, 8);
  xhci_guest_write (guest, X_ERSTSZ, 1, 4);
  xhci_guest_write (guest, X_ERDP, guest->events.base, 8);
  xhci_guest_write (guest, X_ERSTBA, table, 8);
  xhci_guest_write (guest, X_IMOD, 0, 4);
  xhci_guest_write (guest, X_IMAN, 2, 4);
  xhci_guest_write (guest, X_USBCMD, USBCMD_RUN | USBCMD_INTE, 4);
  xhci_guest_run (guest);
}

bool
xhci_guest_next_event (XhciGuest *guest, XhciTrb *event)
{
  XhciGuestRing *ring = &guest->events;

  xhci_guest_run (guest);
  memcpy (event, xhci_guest_ptr (guest, ring->base + ring->index * TRB_BYTES), TRB_BYTES);
  if ((event->control & 1) != ring->cycle)
    return false;
  if (++ring->index == XHCI_GUEST_EVENTS) {
    ring->index = 0;
    ring->cycle = !ring->cycle;
  }
  xhci_guest_write (guest, X_ERDP, (ring->base + ring->index * TRB_BYTES) | ERDP_BUSY, 8);
  return true;
}

XhciTrb
xhci_guest_expect (XhciGuest *guest, unsigned type)
{
  XhciTrb event = {0};

  while (xhci_guest_next_event (guest, &event))
    if (xhci_trb_type (&event) == type)
      return event;
  fail_msg ("no event of type %u", type);
  return event;
}

unsigned
xhci_guest_code (const XhciTrb *event)
{
  return event->status >> 24;
}

// ---- commands -------------------------------------------------------------------------------

unsigned
xhci_guest_command (XhciGuest *guest, unsigned type, uint64_t parameter, uint32_t control,
                    XhciTrb *event)
{
  const XhciTrb trb = {parameter, 0, control | type << 10};
  GuestAddr at = guest->commands.base + guest->commands.index * TRB_BYTES;

  xhci_guest_put (guest, &guest->commands, &trb);
  xhci_guest_write (guest, X_DOORBELL, 0, 4);
  XhciTrb end = xhci_guest_expect (guest, TRB_COMMAND_EVENT);
  assert_int_equal (end.parameter, at);
  if (event != NULL)
    *event = end;
  return xhci_guest_code (&end);
}

static void
put_input (XhciGuest *guest, unsigned context, unsigned word, uint32_t value)
{
  memcpy (xhci_guest_ptr (guest, guest->input + context * XHCI_CONTEXT_BYTES + word * 4), &value,
          4);
}

static void
put_input_endpoint (XhciGuest *guest, unsigned slot, unsigned dci, unsigned type, unsigned packet)
{
  XhciGuestRing *ring = &guest->rings[slot][dci];

  *ring = new_ring (guest);
  put_input (guest, dci + 1, 0, 0);
  put_input (guest, dci + 1, 1, type << 3 | packet << 16 | 3 << 1);
  put_input (guest, dci + 1, 2, (uint32_t) ring->base | 1);
  put_input (guest, dci + 1, 3, (uint32_t) (ring->base >> 32));
  put_input (guest, dci + 1, 4, 8);
}

unsigned
xhci_guest_attach (XhciGuest *guest, unsigned port)
{
  unsigned portsc = X_PORTSC + (port - 1) * 0x10;
  XhciTrb event;

  xhci_guest_write (guest, portsc, PORTSC_POWER | PORTSC_RESET, 4);
  xhci_guest_run (guest);
  assert_true (xhci_guest_read (guest, portsc, 4) & PORTSC_ENABLED);
  xhci_guest_write (guest, portsc, PORTSC_POWER | PORTSC_CHANGES, 4);
  assert_int_equal (xhci_guest_command (guest, TRB_ENABLE_SLOT, 0, 0, &event), CC_SUCCESS);
  unsigned slot = event.control >> 24;
  GuestAddr output = xhci_guest_alloc (guest, 32 * XHCI_CONTEXT_BYTES);
  memcpy (xhci_guest_ptr (guest, guest->dcbaa + 8 * slot), &output, 8);
  put_input (guest, 0, 0, 0);
  put_input (guest, 0, 1, 3);
  put_input (guest, 1, 0, 1u << 27);
  put_input (guest, 1, 1, port << 16);
  put_input_endpoint (guest, slot, 1, EP_TYPE_CONTROL, 64);
  assert_int_equal (xhci_guest_command (guest, TRB_ADDRESS_DEVICE, guest->input, slot << 24, NULL),
                    CC_SUCCESS);
  return slot;
}

unsigned
xhci_guest_configure (XhciGuest *guest, unsigned slot, unsigned dci, unsigned type, unsigned packet)
{
  put_input (guest, 0, 0, 0);
  put_input (guest, 0, 1, 1 | 1u << dci);
  put_input (guest, 1, 0, (uint32_t) dci << 27);
  put_input_endpoint (guest, slot, dci, type, packet);
  return xhci_guest_command (guest, TRB_CONFIGURE_ENDPOINT, guest->input, slot << 24, NULL);
}

GuestAddr
xhci_guest_new_ring (XhciGuest *guest, unsigned slot, unsigned dci)
{
  guest->rings[slot][dci] = new_ring (guest);
  return guest->rings[slot][dci].base;
}

void
xhci_guest_ring_doorbell (XhciGuest *guest, unsigned slot, unsigned dci)
{
  xhci_guest_write (guest, X_DOORBELL + slot * 4, dci, 4);
}

// ---- transfers ------------------------------------------------------------------------------

unsigned
xhci_guest_control (XhciGuest *guest, unsigned slot, const UsbSetup *setup, void *data,
                    unsigned *actual)
{
  XhciGuestRing *ring = &guest->rings[slot][1];
  bool in = setup->type & USB_DIR_IN;
  unsigned stage = setup->length == 0 ? 0 : in ? 3 : 2;
  GuestAddr buffer = xhci_guest_alloc (guest, setup->length + 1);
  const XhciTrb first = {setup->type | setup->request << 8 | (uint64_t) setup->value << 16 |
                             (uint64_t) setup->index << 32 | (uint64_t) setup->length << 48,
                         8, TRB_SETUP << 10 | TRB_IDT | stage << 16};
  const XhciTrb middle = {buffer, setup->length, TRB_DATA << 10 | TRB_ISP | (in ? TRB_DIR_IN : 0)};
  const XhciTrb last = {0, 0, TRB_STATUS << 10 | TRB_IOC | (in ? 0 : TRB_DIR_IN)};
  unsigned n = setup->length;
  XhciTrb event;

  if (data != NULL && !in)
    memcpy (xhci_guest_ptr (guest, buffer), data, n);
  xhci_guest_put (guest, ring, &first);
  if (n > 0)
    xhci_guest_put (guest, ring, &middle);
  xhci_guest_put (guest, ring, &last);
  xhci_guest_ring_doorbell (guest, slot, 1);
  do {
    event = xhci_guest_expect (guest, TRB_TRANSFER_EVENT);
    if (xhci_guest_code (&event) == CC_SHORT_PACKET)
      n = setup->length - (event.status & 0xffffff);
  } while (xhci_guest_code (&event) == CC_SHORT_PACKET);
  if (data != NULL && in)
    memcpy (data, xhci_guest_ptr (guest, buffer), n);
  if (actual != NULL)
    *actual = n;
  return xhci_guest_code (&event);
}

void
xhci_guest_submit (XhciGuest *guest, unsigned slot, unsigned dci, GuestAddr addr, uint32_t bytes)
{
  for (;;) {
    uint32_t here = MIN (bytes, 1u << 16);
    uint32_t flags = bytes > here ? TRB_CHAIN : TRB_IOC;
    const XhciTrb trb = {addr, here, TRB_NORMAL << 10 | TRB_ISP | flags};

    xhci_guest_put (guest, &guest->rings[slot][dci], &trb);
    if (bytes == here)
      break;
    addr += here;
    bytes -= here;
  }
  xhci_guest_ring_doorbell (guest, slot, dci);
}

unsigned
xhci_guest_transfer (XhciGuest *guest, unsigned slot, unsigned dci, void *data, uint32_t bytes,
                     uint32_t *actual)
{
  GuestAddr buffer = xhci_guest_alloc (guest, bytes + 1);

  if (dci % 2 == 0)
    memcpy (xhci_guest_ptr (guest, buffer), data, bytes);
  xhci_guest_submit (guest, slot, dci, buffer, bytes);
  XhciTrb event = xhci_guest_expect (guest, TRB_TRANSFER_EVENT);
  assert_int_equal (event.control >> 16 & 31, dci);
  uint32_t n = bytes - (event.status & 0xffffff);
  if (dci % 2 == 1)
    memcpy (data, xhci_guest_ptr (guest, buffer), n);
  if (actual != NULL)
    *actual = n;
  return xhci_guest_code (&event);
}

void
xhci_guest_recover (XhciGuest *guest, unsigned slot, unsigned dci, uint8_t endpoint)
{
  const UsbSetup clear = {2, 1, 0, endpoint, 0};
  uint32_t which = slot << 24 | dci << 16;

  assert_int_equal (xhci_guest_command (guest, TRB_RESET_ENDPOINT, 0, which, NULL), CC_SUCCESS);
  GuestAddr ring = xhci_guest_new_ring (guest, slot, dci);
  assert_int_equal (xhci_guest_command (guest, TRB_SET_DEQUEUE, ring | 1, which, NULL), CC_SUCCESS);
  if (dci > 1)
    assert_int_equal (xhci_guest_control (guest, slot, &clear, NULL, NULL), CC_SUCCESS);
}
