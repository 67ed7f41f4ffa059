// SPDX-License-Identifier: GPL-3.0-or-later
// Transfer rings (xHCI 1.1 §4.10, §4.11, §6.4.1): a TD becomes a transfer for the device, its end
// becomes events. One TD of an endpoint is in flight at a time. Isochronous endpoints can be
// configured; their TDs are TRB errors as long as no device has such an endpoint.
//
// What the device gets or gives goes through memory of our own: the guest may change its own at any
// time, and a transfer that was abandoned touches it no more.
//
// Threads: the I/O thread, with the controller's lock.

#include <string.h>

#include "engine/usb/xhci-priv.h"

// ---- a transfer -----------------------------------------------------------------------------

void
xhci_free_transfer (XhciTransfer *transfer)
{
  g_free (transfer->trbs);
  g_free (transfer->data);
  g_free (transfer);
}

static bool
has_data (const XhciTrb *trb)
{
  unsigned type = xhci_trb_type (trb);

  return type == TRB_NORMAL || type == TRB_DATA;
}

static uint32_t
data_bytes (const XhciTrb *trb)
{
  return has_data (trb) ? trb->status & TRB_LENGTH_MASK : 0;
}

// Copies `length` bytes from or to the TRB's buffer; what is in the TRB itself is only ever read.
static bool
copy_data (Xhci *xhci, const XhciTrb *trb, uint8_t *data, uint32_t length, bool in)
{
  MemBus *bus = xhci->device.vm->bus;

  if (length == 0)
    return true;
  if (!(trb->control & TRB_IDT))
    return in ? mem_bus_copy_to (bus, trb->parameter, data, length)
              : mem_bus_copy_from (bus, trb->parameter, data, length);
  if (in || length > sizeof trb->parameter)
    return false;
  memcpy (data, &trb->parameter, length);
  return true;
}

// ---- events ---------------------------------------------------------------------------------

typedef struct Report {
  Xhci *xhci;
  unsigned slot, dci;
  uint32_t done; // bytes since the last event data TRB
} Report;

static void
put_transfer_event (Report *report, const XhciRingTrb *at, uint32_t residue, XhciCode code)
{
  const XhciTrb *trb = &at->trb;
  bool data = xhci_trb_type (trb) == TRB_EVENT_DATA_TYPE;
  XhciTrb event = {
      .parameter = data ? trb->parameter : at->addr,
      .status = (uint32_t) code << 24 | (data ? report->done & 0xffffff : residue),
      .control = TRB_TRANSFER_EVENT << 10 | report->dci << 16 | (uint32_t) report->slot << 24 |
                 (trb->control & TRB_BEI) | (data ? TRB_EVENT_DATA : 0),
  };

  if (data)
    report->done = 0;
  xhci_put_event (report->xhci, trb->status >> 22, &event);
}

// Events of a TD of which `actual` bytes were transferred. After a short packet there is one more
// at most, at the TRB it ended in or the next one that asks for an event (§4.10.1.1).
static void
report_td (Report *report, const XhciRingTrb *trbs, unsigned n, uint32_t actual)
{
  bool is_short = false, told = false;

  for (unsigned i = 0; i < n; i++) {
    const XhciTrb *trb = &trbs[i].trb;
    uint32_t bytes = data_bytes (trb), here = MIN (bytes, actual);
    bool data = xhci_trb_type (trb) == TRB_EVENT_DATA_TYPE;
    actual -= here;
    report->done += here;
    is_short = is_short || here < bytes;
    bool asked = (trb->control & TRB_IOC) || (is_short && !data && (trb->control & TRB_ISP));
    if (!asked || (told && !data))
      continue;
    put_transfer_event (report, &trbs[i], bytes - here, is_short ? CC_SHORT_PACKET : CC_SUCCESS);
    told = is_short;
  }
}

// The TRB at which a TD of which `actual` bytes were transferred stopped, and what is left of it.
static const XhciRingTrb *
find_failed (const XhciRingTrb *trbs, unsigned n, uint32_t actual, uint32_t *residue)
{
  unsigned i = 0;

  while (i + 1 < n && (!has_data (&trbs[i].trb) || actual >= data_bytes (&trbs[i].trb))) {
    actual -= data_bytes (&trbs[i].trb);
    i++;
  }
  *residue = data_bytes (&trbs[i].trb) - MIN (actual, data_bytes (&trbs[i].trb));
  return &trbs[i];
}

// The endpoint stops until the guest has looked at it.
static void
fail_endpoint (Xhci *xhci, unsigned slot, unsigned dci, const XhciRingTrb *at, uint32_t residue,
               XhciCode code)
{
  XhciEndpoint *ep = &xhci->slots[slot].endpoints[dci];
  Report report = {xhci, slot, dci, 0};

  ep->state = code == CC_TRB_ERROR ? EP_ERROR : EP_HALTED;
  ep->have_setup = false;
  put_transfer_event (&report, at, residue, code);
  xhci_write_endpoint_context (xhci, slot, dci);
}

// ---- ends -----------------------------------------------------------------------------------

static bool
scatter (Xhci *xhci, const XhciTransfer *transfer, uint32_t actual)
{
  uint32_t at = 0;

  for (unsigned i = 0; i < transfer->n_trbs && at < actual; i++) {
    const XhciTrb *trb = &transfer->trbs[i].trb;
    uint32_t here = MIN (data_bytes (trb), actual - at);
    if (!copy_data (xhci, trb, transfer->data + at, here, true))
      return false;
    at += here;
  }
  return true;
}

static bool
is_in (const UsbTransfer *usb)
{
  return (usb->kind == USB_CONTROL ? usb->setup.type : usb->endpoint) & USB_DIR_IN;
}

static XhciCode
code_of (UsbStatus status)
{
  switch (status) {
  case USB_STATUS_OK:
    return CC_SUCCESS;
  case USB_STATUS_STALL:
    return CC_STALL;
  case USB_STATUS_BABBLE:
    return CC_BABBLE;
  default:
    return CC_TRANSACTION_ERROR;
  }
}

void
xhci_finish_transfer (Xhci *xhci, XhciTransfer *transfer)
{
  XhciEndpoint *ep = &xhci->slots[transfer->slot].endpoints[transfer->dci];
  uint32_t actual = MIN (transfer->usb.actual, transfer->usb.length), residue;
  XhciCode code = code_of (transfer->usb.status);

  ep->transfer = NULL;
  ep->ring = transfer->after;
  ep->data_done = true;
  if (xhci_trb_type (&transfer->trbs[0].trb) == TRB_STATUS)
    ep->have_setup = false;
  if (is_in (&transfer->usb) && !scatter (xhci, transfer, actual))
    code = CC_DATA_BUFFER_ERROR;
  if (code == CC_SUCCESS) {
    Report report = {xhci, transfer->slot, transfer->dci, 0};
    report_td (&report, transfer->trbs, transfer->n_trbs, actual);
    xhci->slots[transfer->slot].kicked |= 1u << transfer->dci;
  } else {
    const XhciRingTrb *at = find_failed (transfer->trbs, transfer->n_trbs, actual, &residue);
    fail_endpoint (xhci, transfer->slot, transfer->dci, at, residue, code);
  }
  xhci_free_transfer (transfer);
}

void
xhci_retract (Xhci *xhci, unsigned slot, unsigned dci)
{
  XhciEndpoint *ep = &xhci->slots[slot].endpoints[dci];
  XhciTransfer *transfer = ep->transfer;
  UsbDevice *device = xhci_get_device (xhci, xhci->slots[slot].port);

  if (transfer == NULL)
    return;
  ep->transfer = NULL;
  xhci->slots[slot].kicked |= 1u << dci;
  g_mutex_lock (&xhci->done_lock);
  transfer->abandoned = true;
  bool finished = transfer->finished;
  g_mutex_unlock (&xhci->done_lock);
  if (!finished && device != NULL)
    device->ops->cancel (device, &transfer->usb);
}

void
xhci_stop_transfer (Xhci *xhci, unsigned slot, unsigned dci)
{
  const XhciTransfer *transfer = xhci->slots[slot].endpoints[dci].transfer;
  Report report = {xhci, slot, dci, 0};

  if (transfer == NULL)
    return;
  put_transfer_event (&report, &transfer->trbs[0], data_bytes (&transfer->trbs[0].trb), CC_STOPPED);
  xhci_retract (xhci, slot, dci);
}

// ---- beginnings -----------------------------------------------------------------------------

// A TD with where it is from, and what is made of it.
typedef struct Td {
  Xhci *xhci;
  unsigned slot, dci;
  XhciEndpoint *ep;
  XhciRingTrb *trbs;
  unsigned n;
  XhciRing after;
} Td;

static void
skip_td (const Td *td)
{
  Report report = {td->xhci, td->slot, td->dci, 0};

  td->ep->ring = td->after;
  report_td (&report, td->trbs, td->n, 0);
}

static void
fail_td (const Td *td, XhciCode code)
{
  td->ep->ring = td->after;
  fail_endpoint (td->xhci, td->slot, td->dci, &td->trbs[0], data_bytes (&td->trbs[0].trb), code);
}

static bool
gather (Xhci *xhci, const XhciTransfer *transfer)
{
  uint32_t at = 0;

  for (unsigned i = 0; i < transfer->n_trbs; i++) {
    const XhciTrb *trb = &transfer->trbs[i].trb;
    if (!copy_data (xhci, trb, transfer->data + at, data_bytes (trb), false))
      return false;
    at += data_bytes (trb);
  }
  return true;
}

// All that lies between the first TRB's kind and the end must be data or event data.
static bool
sum_td (const Td *td, uint32_t *bytes)
{
  uint64_t sum = 0;

  for (unsigned i = 0; i < td->n; i++) {
    unsigned type = xhci_trb_type (&td->trbs[i].trb);
    if (i > 0 && type != TRB_NORMAL && type != TRB_EVENT_DATA_TYPE && type != TRB_NO_OP)
      return false;
    sum += data_bytes (&td->trbs[i].trb);
  }
  *bytes = (uint32_t) sum; // 1024 TRBs of 128 KiB at most
  return sum <= XHCI_TD_BYTES;
}

// Gives it to the device. The device may give it back at once, into the list of those done.
static void
submit_td (const Td *td, UsbTransferKind kind, uint8_t endpoint)
{
  Xhci *xhci = td->xhci;
  UsbDevice *device = xhci_get_device (xhci, xhci->slots[td->slot].port);
  uint32_t bytes;

  if (!sum_td (td, &bytes)) {
    fail_td (td, CC_TRB_ERROR);
    return;
  }
  if (device == NULL) {
    fail_td (td, CC_TRANSACTION_ERROR);
    return;
  }
  XhciTransfer *transfer = g_new0 (XhciTransfer, 1);
  *transfer = (XhciTransfer){
      .usb = {.kind = kind,
              .endpoint = endpoint,
              .setup = td->ep->setup,
              .length = bytes,
              .done = xhci_done},
      .xhci = xhci,
      .slot = (uint8_t) td->slot,
      .dci = (uint8_t) td->dci,
      .after = td->after,
      .n_trbs = td->n,
      .trbs = g_memdup2 (td->trbs, td->n * sizeof *td->trbs),
      .data = g_try_malloc0 (MAX (bytes, 1)),
  };
  transfer->usb.data = transfer->data;
  if (transfer->data == NULL || (!is_in (&transfer->usb) && !gather (xhci, transfer))) {
    xhci_free_transfer (transfer);
    fail_td (td, CC_DATA_BUFFER_ERROR);
    return;
  }
  td->ep->transfer = transfer;
  device->ops->submit (device, &transfer->usb);
}

static void
start_setup (const Td *td)
{
  const XhciTrb *trb = &td->trbs[0].trb;
  const uint64_t p = trb->parameter;

  if (td->n != 1 || !(trb->control & TRB_IDT) || (trb->status & TRB_LENGTH_MASK) != 8) {
    fail_td (td, CC_TRB_ERROR);
    return;
  }
  td->ep->setup = (UsbSetup){
      .type = p & 0xff,
      .request = p >> 8 & 0xff,
      .value = p >> 16 & 0xffff,
      .index = p >> 32 & 0xffff,
      .length = p >> 48 & 0xffff,
  };
  td->ep->have_setup = true;
  td->ep->data_done = false;
  skip_td (td);
}

// The request is carried out in its data stage, or in the status stage when it has none.
static void
start_control (const Td *td)
{
  const XhciTrb *trb = &td->trbs[0].trb;
  bool in = td->ep->setup.type & USB_DIR_IN;

  switch (xhci_trb_type (trb)) {
  case TRB_SETUP:
    start_setup (td);
    break;
  case TRB_DATA:
    if (!td->ep->have_setup || td->ep->data_done || in != ((trb->control & TRB_DIR_IN) != 0))
      fail_td (td, CC_TRB_ERROR);
    else
      submit_td (td, USB_CONTROL, 0);
    break;
  case TRB_STATUS:
    if (!td->ep->have_setup) {
      fail_td (td, CC_TRB_ERROR);
    } else if (td->ep->data_done) {
      td->ep->have_setup = false;
      skip_td (td);
    } else {
      submit_td (td, USB_CONTROL, 0);
    }
    break;
  default:
    fail_td (td, CC_TRB_ERROR);
    break;
  }
}

static void
start_td (const Td *td)
{
  unsigned type = xhci_trb_type (&td->trbs[0].trb);
  uint8_t endpoint = (uint8_t) (td->dci / 2 | (td->ep->type & EP_TYPE_IN ? USB_DIR_IN : 0));

  if (type == TRB_NO_OP || type == TRB_EVENT_DATA_TYPE)
    skip_td (td);
  else if (td->ep->type == EP_TYPE_CONTROL)
    start_control (td);
  else if (type == TRB_NORMAL && (td->ep->type & 3) != USB_ISOCHRONOUS)
    submit_td (td, td->ep->type & 3, endpoint);
  else
    fail_td (td, CC_TRB_ERROR);
}

static void
fail_ring (Xhci *xhci, unsigned slot, unsigned dci)
{
  const XhciRingTrb at = {.addr = xhci->slots[slot].endpoints[dci].ring.addr};

  fail_endpoint (xhci, slot, dci, &at, 0, CC_TRB_ERROR);
}

unsigned
xhci_run_endpoint (Xhci *xhci, unsigned slot, unsigned dci, unsigned budget)
{
  XhciEndpoint *ep = &xhci->slots[slot].endpoints[dci];
  XhciRingTrb trbs[XHCI_TD_TRBS];
  unsigned used = 0;

  while (used < budget && ep->state == EP_RUNNING && ep->transfer == NULL &&
         !xhci_events_blocked (xhci) && xhci_is_running (xhci)) {
    Td td = {xhci, slot, dci, ep, trbs, 0, ep->ring};
    int n = xhci_read_td (xhci, &ep->ring, trbs, XHCI_TD_TRBS, &td.after);
    used += (unsigned) MAX (n, 1);
    if (n <= 0) {
      xhci->slots[slot].kicked &= ~(1u << dci);
      if (n < 0)
        fail_ring (xhci, slot, dci);
      return used;
    }
    td.n = (unsigned) n;
    start_td (&td);
  }
  if (ep->state != EP_RUNNING || ep->transfer != NULL)
    xhci->slots[slot].kicked &= ~(1u << dci);
  return used;
}
