// SPDX-License-Identifier: GPL-3.0-or-later
// The command ring (xHCI 1.1 §4.6, §6.4.3) and the contexts commands are about (§6.2). Input
// contexts are read once; output contexts are only written, what they say is kept here.
//
// Threads: the I/O thread, with the controller's lock.

#include "engine/mem/access.h"
#include "engine/usb/xhci-priv.h"

enum {
  SLOT_WORDS = 4,
  ENDPOINT_WORDS = 5,

  ROUTE_MASK = 0xfffff, // slot context, word 0
  ENTRIES_MASK = 31u << 27,
  PORT_SHIFT = 16, // word 1
  LATENCY_MASK = 0xffff,
  INTERRUPTER_MASK = 0x3ffu << 22, // word 2

  STREAMS_MASK = 31 << 10, // endpoint context, word 0
  STATE_MASK = 7,
  TYPE_SHIFT = 3, // word 1
  PACKET_MASK = 0xffff0000,

  ADD_SLOT = 1,
  ADD_CONTROL = 2,

  COMMAND_BSR = 1 << 9, // address device
  COMMAND_DECONFIGURE = 1 << 9,
  RING_CYCLE = 1, // set dequeue
};

// ---- contexts -------------------------------------------------------------------------------

static bool
read_words (Xhci *xhci, GuestAddr addr, uint32_t *words, unsigned n)
{
  const uint8_t *p = mem_bus_ram_ptr (xhci->device.vm->bus, addr, n * sizeof *words);

  for (unsigned i = 0; p != NULL && i < n; i++)
    words[i] = mem_load32 (p + 4 * i);
  return p != NULL;
}

// Where the guest has no memory it gets nothing.
static void
write_words (Xhci *xhci, GuestAddr addr, const uint32_t *words, unsigned n)
{
  uint8_t *p = mem_bus_ram_ptr (xhci->device.vm->bus, addr, n * sizeof *words);

  for (unsigned i = 0; p != NULL && i < n; i++)
    mem_store32 (p + 4 * i, words[i]);
}

static void
write_slot_context (Xhci *xhci, unsigned number)
{
  const XhciSlot *slot = &xhci->slots[number];
  uint32_t words[SLOT_WORDS] = {slot->context[0], slot->context[1], slot->context[2]};

  if (slot->state != SLOT_DISABLED)
    words[3] = (uint32_t) slot->state << 27 | (slot->state >= SLOT_ADDRESSED ? number : 0);
  write_words (xhci, slot->context_addr, words, SLOT_WORDS);
}

void
xhci_write_endpoint_context (Xhci *xhci, unsigned number, unsigned dci)
{
  const XhciSlot *slot = &xhci->slots[number];
  const XhciEndpoint *ep = &slot->endpoints[dci];
  uint32_t words[ENDPOINT_WORDS] = {
      ep->context[0] | ep->state,
      ep->context[1],
      (uint32_t) (ep->ring.addr & 0xfffffff0) | ep->ring.cycle,
      ep->ring.addr >> 32,
      ep->context[4],
  };

  write_words (xhci, slot->context_addr + (GuestAddr) dci * XHCI_CONTEXT_BYTES, words,
               ENDPOINT_WORDS);
}

// ---- endpoints ------------------------------------------------------------------------------

static void
disable_endpoint (Xhci *xhci, unsigned slot, unsigned dci)
{
  XhciEndpoint *ep = &xhci->slots[slot].endpoints[dci];

  if (ep->state == EP_DISABLED)
    return;
  xhci_retract (xhci, slot, dci);
  *ep = (XhciEndpoint){0};
  xhci->slots[slot].kicked &= ~(1u << dci);
  xhci_write_endpoint_context (xhci, slot, dci);
}

static void
enable_endpoint (Xhci *xhci, unsigned slot, unsigned dci, const XhciEndpoint *as)
{
  disable_endpoint (xhci, slot, dci);
  xhci->slots[slot].endpoints[dci] = *as;
  xhci_write_endpoint_context (xhci, slot, dci);
}

// False: no context that makes sense for that index.
static bool
parse_endpoint (const uint32_t words[ENDPOINT_WORDS], unsigned dci, XhciEndpoint *ep)
{
  uint8_t type = words[1] >> TYPE_SHIFT & 7;
  bool control = type == EP_TYPE_CONTROL, in = dci & 1;

  *ep = (XhciEndpoint){
      .state = EP_RUNNING,
      .type = type,
      .context = {words[0] & ~(uint32_t) STATE_MASK, words[1], 0, 0, words[4]},
      .ring = {(words[2] & ~15u) | (uint64_t) words[3] << 32, words[2] & RING_CYCLE},
  };
  if (type == 0 || (words[0] & STREAMS_MASK) || (words[1] & PACKET_MASK) == 0)
    return false;
  return dci == 1 ? control : control ? in : in == ((type & EP_TYPE_IN) != 0);
}

// ---- commands -------------------------------------------------------------------------------

static GuestAddr
input_context (const XhciTrb *trb)
{
  return trb->parameter & ~15ull;
}

void
xhci_disable_slot (Xhci *xhci, unsigned number)
{
  XhciSlot *slot = &xhci->slots[number];

  for (unsigned dci = 1; dci < XHCI_ENDPOINTS; dci++) {
    xhci_retract (xhci, number, dci);
    slot->endpoints[dci] = (XhciEndpoint){0};
  }
  *slot = (XhciSlot){.state = SLOT_DISABLED};
}

static XhciCode
enable_slot (Xhci *xhci, const XhciTrb *trb, unsigned *number)
{
  unsigned enabled = MIN (xhci->config & 0xff, XHCI_SLOTS);

  for (unsigned i = 1; i <= enabled; i++) {
    if (xhci->slots[i].state != SLOT_DISABLED)
      continue;
    xhci->slots[i].state = SLOT_ENABLED;
    *number = i;
    return CC_SUCCESS;
  }
  return CC_NO_SLOTS;
}

static XhciCode
disable_slot (Xhci *xhci, const XhciTrb *trb, unsigned number)
{
  XhciSlot *slot = &xhci->slots[number];
  XhciSlot old = {.context_addr = slot->context_addr};

  xhci_disable_slot (xhci, number);
  if (old.context_addr != 0) {
    slot->context_addr = old.context_addr;
    write_slot_context (xhci, number);
    slot->context_addr = 0;
  }
  return CC_SUCCESS;
}

// Port of the device the slot is for: there, enabled and no other slot's.
static XhciCode
find_port (Xhci *xhci, const uint32_t words[SLOT_WORDS], unsigned number, uint8_t *port)
{
  *port = words[1] >> PORT_SHIFT & 0xff;
  if (*port < 1 || *port > XHCI_PORTS)
    return CC_TRB_ERROR;
  for (unsigned i = 1; i <= XHCI_SLOTS; i++)
    if (i != number && xhci->slots[i].state != SLOT_DISABLED && xhci->slots[i].port == *port)
      return CC_TRB_ERROR;
  if ((words[0] & ROUTE_MASK) != 0 || xhci_get_device (xhci, *port) == NULL ||
      !(xhci_read_port (xhci, *port - 1u) & PORTSC_ENABLED))
    return CC_TRANSACTION_ERROR; // no hubs, so nobody is there
  return CC_SUCCESS;
}

static XhciCode
address_device (Xhci *xhci, const XhciTrb *trb, unsigned number)
{
  XhciSlot *slot = &xhci->slots[number];
  GuestAddr input = input_context (trb);
  uint32_t flags[2], words[SLOT_WORDS], control[ENDPOINT_WORDS];
  uint64_t output;
  XhciEndpoint ep;
  uint8_t port;
  bool block = trb->control & COMMAND_BSR;

  if (slot->state > (block ? SLOT_ENABLED : SLOT_DEFAULT))
    return CC_CONTEXT_STATE_ERROR;
  if (!read_words (xhci, input, flags, 2) ||
      !read_words (xhci, input + XHCI_CONTEXT_BYTES, words, SLOT_WORDS) ||
      !read_words (xhci, input + 2 * XHCI_CONTEXT_BYTES, control, ENDPOINT_WORDS) ||
      !mem_bus_copy_from (xhci->device.vm->bus, xhci->dcbaap + 8ull * number, &output,
                          sizeof output) ||
      flags[0] != 0 || flags[1] != (ADD_SLOT | ADD_CONTROL))
    return CC_TRB_ERROR;
  XhciCode code = find_port (xhci, words, number, &port);
  if (code != CC_SUCCESS)
    return code;
  if (!parse_endpoint (control, 1, &ep))
    return CC_PARAMETER_ERROR;
  slot->port = port;
  slot->context_addr = output & ~63ull;
  slot->state = block ? SLOT_DEFAULT : SLOT_ADDRESSED;
  for (unsigned i = 0; i < 3; i++)
    slot->context[i] = words[i];
  write_slot_context (xhci, number);
  enable_endpoint (xhci, number, 1, &ep);
  return CC_SUCCESS;
}

static void
deconfigure (Xhci *xhci, unsigned number)
{
  for (unsigned dci = 2; dci < XHCI_ENDPOINTS; dci++)
    disable_endpoint (xhci, number, dci);
  xhci->slots[number].context[0] = (xhci->slots[number].context[0] & ~ENTRIES_MASK) | 1u << 27;
}

// All of the added endpoints, or an error before anything was changed.
static XhciCode
read_endpoints (Xhci *xhci, GuestAddr input, uint32_t add, XhciEndpoint *endpoints)
{
  for (unsigned dci = 2; dci < XHCI_ENDPOINTS; dci++) {
    uint32_t words[ENDPOINT_WORDS];
    GuestAddr at = input + (GuestAddr) (dci + 1) * XHCI_CONTEXT_BYTES;
    if (!(add >> dci & 1))
      continue;
    if (!read_words (xhci, at, words, ENDPOINT_WORDS))
      return CC_TRB_ERROR;
    if (!parse_endpoint (words, dci, &endpoints[dci]))
      return CC_PARAMETER_ERROR;
  }
  return CC_SUCCESS;
}

static XhciCode
configure (Xhci *xhci, GuestAddr input, unsigned number)
{
  XhciSlot *slot = &xhci->slots[number];
  XhciEndpoint endpoints[XHCI_ENDPOINTS] = {0};
  uint32_t flags[2], words[SLOT_WORDS];
  bool any = false;

  if (!read_words (xhci, input, flags, 2) ||
      !read_words (xhci, input + XHCI_CONTEXT_BYTES, words, SLOT_WORDS) || (flags[0] & 3) != 0 ||
      (flags[1] & 3) != ADD_SLOT)
    return CC_TRB_ERROR;
  XhciCode code = read_endpoints (xhci, input, flags[1], endpoints);
  if (code != CC_SUCCESS)
    return code;
  for (unsigned dci = 2; dci < XHCI_ENDPOINTS; dci++) {
    if (flags[1] >> dci & 1)
      enable_endpoint (xhci, number, dci, &endpoints[dci]);
    else if (flags[0] >> dci & 1)
      disable_endpoint (xhci, number, dci);
    any = any || slot->endpoints[dci].state != EP_DISABLED;
  }
  slot->context[0] = (slot->context[0] & ROUTE_MASK) | (words[0] & ~(uint32_t) ROUTE_MASK);
  slot->state = any ? SLOT_CONFIGURED : SLOT_ADDRESSED;
  write_slot_context (xhci, number);
  return CC_SUCCESS;
}

static XhciCode
configure_endpoint (Xhci *xhci, const XhciTrb *trb, unsigned number)
{
  XhciSlot *slot = &xhci->slots[number];

  if (slot->state < SLOT_ADDRESSED)
    return CC_CONTEXT_STATE_ERROR;
  if (!(trb->control & COMMAND_DECONFIGURE))
    return configure (xhci, input_context (trb), number);
  deconfigure (xhci, number);
  slot->state = SLOT_ADDRESSED;
  write_slot_context (xhci, number);
  return CC_SUCCESS;
}

static XhciCode
evaluate_context (Xhci *xhci, const XhciTrb *trb, unsigned number)
{
  XhciSlot *slot = &xhci->slots[number];
  GuestAddr input = input_context (trb);
  uint32_t flags[2], words[SLOT_WORDS], control[ENDPOINT_WORDS];

  if (slot->state < SLOT_DEFAULT)
    return CC_CONTEXT_STATE_ERROR;
  if (!read_words (xhci, input, flags, 2) ||
      !read_words (xhci, input + XHCI_CONTEXT_BYTES, words, SLOT_WORDS) ||
      !read_words (xhci, input + 2 * XHCI_CONTEXT_BYTES, control, ENDPOINT_WORDS))
    return CC_TRB_ERROR;
  if (flags[1] & ADD_SLOT) {
    slot->context[1] = (slot->context[1] & ~(uint32_t) LATENCY_MASK) | (words[1] & LATENCY_MASK);
    slot->context[2] = (slot->context[2] & ~INTERRUPTER_MASK) | (words[2] & INTERRUPTER_MASK);
    write_slot_context (xhci, number);
  }
  if (flags[1] & ADD_CONTROL) {
    uint32_t *word = &slot->endpoints[1].context[1];
    *word = (*word & ~PACKET_MASK) | (control[1] & PACKET_MASK);
    xhci_write_endpoint_context (xhci, number, 1);
  }
  return CC_SUCCESS;
}

// The endpoint a command names, or NULL.
static XhciEndpoint *
get_endpoint (Xhci *xhci, const XhciTrb *trb, unsigned number, unsigned *dci)
{
  *dci = trb->control >> 16 & 31;
  return *dci != 0 ? &xhci->slots[number].endpoints[*dci] : NULL;
}

static XhciCode
reset_endpoint (Xhci *xhci, const XhciTrb *trb, unsigned number)
{
  unsigned dci;
  XhciEndpoint *ep = get_endpoint (xhci, trb, number, &dci);

  if (ep == NULL)
    return CC_TRB_ERROR;
  if (ep->state != EP_HALTED)
    return CC_CONTEXT_STATE_ERROR;
  ep->state = EP_STOPPED;
  xhci_write_endpoint_context (xhci, number, dci);
  return CC_SUCCESS;
}

static XhciCode
stop_endpoint (Xhci *xhci, const XhciTrb *trb, unsigned number)
{
  unsigned dci;
  XhciEndpoint *ep = get_endpoint (xhci, trb, number, &dci);

  if (ep == NULL)
    return CC_TRB_ERROR;
  if (ep->state != EP_RUNNING)
    return CC_CONTEXT_STATE_ERROR;
  xhci_stop_transfer (xhci, number, dci);
  ep->state = EP_STOPPED;
  xhci_write_endpoint_context (xhci, number, dci);
  return CC_SUCCESS;
}

static XhciCode
set_dequeue (Xhci *xhci, const XhciTrb *trb, unsigned number)
{
  unsigned dci;
  XhciEndpoint *ep = get_endpoint (xhci, trb, number, &dci);

  if (ep == NULL || trb->status >> 16 != 0)
    return CC_TRB_ERROR;
  if (ep->state != EP_STOPPED && ep->state != EP_ERROR)
    return CC_CONTEXT_STATE_ERROR;
  ep->ring = (XhciRing){trb->parameter & ~15ull, trb->parameter & RING_CYCLE};
  ep->state = EP_STOPPED;
  ep->have_setup = false;
  xhci_write_endpoint_context (xhci, number, dci);
  return CC_SUCCESS;
}

static XhciCode
reset_device (Xhci *xhci, const XhciTrb *trb, unsigned number)
{
  XhciSlot *slot = &xhci->slots[number];

  if (slot->state < SLOT_ADDRESSED)
    return CC_CONTEXT_STATE_ERROR;
  deconfigure (xhci, number);
  slot->state = SLOT_DEFAULT;
  write_slot_context (xhci, number);
  return CC_SUCCESS;
}

typedef XhciCode (*SlotCommand) (Xhci *xhci, const XhciTrb *trb, unsigned number);

static XhciCode
run_command (Xhci *xhci, const XhciTrb *trb, unsigned *number)
{
  static const SlotCommand commands[] = {
      [TRB_DISABLE_SLOT] = disable_slot,
      [TRB_ADDRESS_DEVICE] = address_device,
      [TRB_CONFIGURE_ENDPOINT] = configure_endpoint,
      [TRB_EVALUATE_CONTEXT] = evaluate_context,
      [TRB_RESET_ENDPOINT] = reset_endpoint,
      [TRB_STOP_ENDPOINT] = stop_endpoint,
      [TRB_SET_DEQUEUE] = set_dequeue,
      [TRB_RESET_DEVICE] = reset_device,
  };
  unsigned type = xhci_trb_type (trb);

  *number = 0;
  if (type == TRB_NO_OP_COMMAND)
    return CC_SUCCESS;
  if (type == TRB_ENABLE_SLOT)
    return enable_slot (xhci, trb, number);
  if (type >= G_N_ELEMENTS (commands) || commands[type] == NULL)
    return CC_TRB_ERROR;
  *number = trb->control >> 24;
  if (*number < 1 || *number > XHCI_SLOTS)
    return CC_TRB_ERROR;
  if (xhci->slots[*number].state == SLOT_DISABLED)
    return CC_SLOT_NOT_ENABLED;
  return commands[type](xhci, trb, *number);
}

// ---- the ring -------------------------------------------------------------------------------

static void
put_command_event (Xhci *xhci, GuestAddr addr, XhciCode code, unsigned number)
{
  const XhciTrb event = {
      .parameter = addr,
      .status = (uint32_t) code << 24,
      .control = TRB_COMMAND_EVENT << 10 | (uint32_t) number << 24,
  };

  xhci_put_event (xhci, 0, &event);
}

unsigned
xhci_run_commands (Xhci *xhci, unsigned budget)
{
  unsigned used = 0;

  if (xhci->stop_commands) {
    xhci->stop_commands = false;
    if (xhci->commands_running)
      put_command_event (xhci, xhci->commands.addr, CC_COMMAND_RING_STOPPED, 0);
    xhci->commands_running = false;
  }
  while (used < budget && xhci->commands_running && !xhci_events_blocked (xhci) &&
         xhci_is_running (xhci)) {
    XhciRingTrb at;
    unsigned number;
    int n = xhci_read_td (xhci, &xhci->commands, &at, 1, &xhci->commands);
    if (n < 0)
      xhci_fail (xhci, "bad command ring");
    if (n <= 0)
      break;
    XhciCode code = run_command (xhci, &at.trb, &number);
    put_command_event (xhci, at.addr, code, number);
    used++;
  }
  return used;
}
