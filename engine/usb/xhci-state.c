// SPDX-License-Identifier: GPL-3.0-or-later
// Saved state of the controller and the devices behind it. Nothing is in flight: what devices had
// was taken back and is still on the rings.
//
// Threads: the I/O thread, the machine being quiet.

#include <gio/gio.h>
#include <string.h>

#include "engine/usb/xhci-priv.h"

static void
save_ring (const XhciRing *ring, StateWriter *writer)
{
  state_put_u64 (writer, ring->addr);
  state_put_bool (writer, ring->cycle);
}

static XhciRing
load_ring (StateReader *reader)
{
  XhciRing ring = {state_get_u64 (reader), false};

  ring.addr &= ~15ull;
  ring.cycle = state_get_bool (reader);
  return ring;
}

// ---- registers ------------------------------------------------------------------------------

static void
save_registers (const Xhci *xhci, StateWriter *writer)
{
  state_put_u32 (writer, xhci->command);
  state_put_u32 (writer, xhci->status);
  state_put_u32 (writer, xhci->notifications);
  state_put_u32 (writer, xhci->config);
  state_put_u64 (writer, xhci->command_ring);
  state_put_u64 (writer, xhci->dcbaap);
  save_ring (&xhci->commands, writer);
  state_put_bool (writer, xhci->commands_running);
  state_put_bool (writer, xhci->stop_commands);
  state_put_bool (writer, xhci->ignore_high);
  for (unsigned i = 0; i < XHCI_PORTS; i++)
    state_put_u32 (writer, xhci->ports[i]);
  state_put_u32 (writer, xhci->port_resets);
  state_put_u32 (writer, xhci->warm_resets);
  state_put_u64 (writer, (uint64_t) xhci->started_ns);
  for (unsigned i = 0; i <= XHCI_SLOTS; i++)
    state_put_u32 (writer, atomic_load_explicit (&xhci->doorbells[i], memory_order_relaxed));
}

static bool
load_registers (Xhci *xhci, StateReader *reader)
{
  int64_t now = vm_clock_now (xhci->device.vm->clock);

  xhci->command = state_get_u32 (reader);
  xhci->status = state_get_u32 (reader);
  xhci->notifications = state_get_u32 (reader);
  xhci->config = state_get_u32 (reader);
  xhci->command_ring = state_get_u64 (reader);
  xhci->dcbaap = state_get_u64 (reader);
  xhci->commands = load_ring (reader);
  xhci->commands_running = state_get_bool (reader);
  xhci->stop_commands = state_get_bool (reader);
  xhci->ignore_high = state_get_bool (reader);
  for (unsigned i = 0; i < XHCI_PORTS; i++)
    xhci->ports[i] = state_get_u32 (reader) & ~(uint32_t) PORTSC_RESET & ~PORTSC_WARM_RESET;
  xhci->port_resets = state_get_u32 (reader) & ((1u << XHCI_PORTS) - 1);
  xhci->warm_resets = state_get_u32 (reader) & xhci->port_resets;
  // A moment of the past.
  xhci->started_ns = (int64_t) (state_get_u64 (reader) & INT64_MAX);
  xhci->started_ns = MIN (xhci->started_ns, now);
  xhci->wrap_ns = now;
  for (unsigned i = 0; i <= XHCI_SLOTS; i++)
    atomic_store_explicit (&xhci->doorbells[i], state_get_u32 (reader), memory_order_relaxed);
  return state_reader_ok (reader);
}

// ---- interrupters ---------------------------------------------------------------------------

static void
save_interrupter (const XhciInterrupter *it, StateWriter *writer)
{
  state_put_u32 (writer, it->iman);
  state_put_u32 (writer, it->imod);
  state_put_u32 (writer, it->erst_size);
  state_put_u64 (writer, it->erst_base);
  state_put_u64 (writer, it->dequeue);
  state_put_bool (writer, it->loaded);
  state_put_bool (writer, it->cycle);
  state_put_u32 (writer, it->segment);
  state_put_u32 (writer, it->index);
  state_put_u32 (writer, it->segment_trbs);
  state_put_u64 (writer, it->segment_base);
  state_put_bool (writer, it->wanted);
  state_put_u32 (writer, it->backlog->len);
  for (unsigned i = 0; i < it->backlog->len; i++) {
    const XhciTrb *event = &g_array_index (it->backlog, XhciTrb, i);
    state_put_u64 (writer, event->parameter);
    state_put_u32 (writer, event->status);
    state_put_u32 (writer, event->control);
  }
}

static bool
load_backlog (XhciInterrupter *it, StateReader *reader)
{
  uint32_t n = state_get_u32 (reader);

  if (n > XHCI_BACKLOG_EVENTS)
    return false;
  for (uint32_t i = 0; i < n && state_reader_ok (reader); i++) {
    XhciTrb event = {.parameter = state_get_u64 (reader)};
    event.status = state_get_u32 (reader);
    event.control = state_get_u32 (reader);
    g_array_append_val (it->backlog, event);
  }
  return state_reader_ok (reader);
}

static bool
load_interrupter (XhciInterrupter *it, StateReader *reader)
{
  it->iman = state_get_u32 (reader) & (IMAN_PENDING | IMAN_ENABLE);
  it->imod = state_get_u32 (reader);
  it->erst_size = state_get_u32 (reader);
  it->erst_base = state_get_u64 (reader);
  it->dequeue = state_get_u64 (reader);
  it->loaded = state_get_bool (reader);
  it->cycle = state_get_bool (reader);
  it->segment = state_get_u32 (reader);
  it->index = state_get_u32 (reader);
  it->segment_trbs = state_get_u32 (reader);
  it->segment_base = state_get_u64 (reader);
  it->wanted = state_get_bool (reader);
  it->not_before_ns = 0;
  bool ok = it->erst_size <= 1u << XHCI_ERST_MAX_LOG2 && it->segment <= it->erst_size &&
            it->segment_trbs <= 4096 && (!it->loaded || it->index < it->segment_trbs);
  return ok && load_backlog (it, reader);
}

// ---- slots ----------------------------------------------------------------------------------

static void
save_endpoint (const XhciEndpoint *ep, StateWriter *writer)
{
  state_put_u8 (writer, ep->state);
  if (ep->state == EP_DISABLED)
    return;
  state_put_u8 (writer, ep->type);
  for (unsigned i = 0; i < G_N_ELEMENTS (ep->context); i++)
    state_put_u32 (writer, ep->context[i]);
  save_ring (&ep->ring, writer);
  state_put_bool (writer, ep->have_setup);
  state_put_bool (writer, ep->data_done);
  state_put_u8 (writer, ep->setup.type);
  state_put_u8 (writer, ep->setup.request);
  state_put_u16 (writer, ep->setup.value);
  state_put_u16 (writer, ep->setup.index);
  state_put_u16 (writer, ep->setup.length);
}

static bool
load_endpoint (XhciEndpoint *ep, StateReader *reader)
{
  uint8_t state = state_get_u8 (reader);

  *ep = (XhciEndpoint){0};
  if (state == EP_DISABLED)
    return true;
  ep->state = state;
  ep->type = state_get_u8 (reader);
  for (unsigned i = 0; i < G_N_ELEMENTS (ep->context); i++)
    ep->context[i] = state_get_u32 (reader);
  ep->context[0] &= ~7u;
  ep->ring = load_ring (reader);
  ep->have_setup = state_get_bool (reader);
  ep->data_done = state_get_bool (reader);
  ep->setup.type = state_get_u8 (reader);
  ep->setup.request = state_get_u8 (reader);
  ep->setup.value = state_get_u16 (reader);
  ep->setup.index = state_get_u16 (reader);
  ep->setup.length = state_get_u16 (reader);
  return state <= EP_ERROR && ep->type >= 1 && ep->type <= 7;
}

static void
save_slot (const XhciSlot *slot, StateWriter *writer)
{
  state_put_u8 (writer, slot->state);
  if (slot->state == SLOT_DISABLED)
    return;
  state_put_u8 (writer, slot->port);
  for (unsigned i = 0; i < G_N_ELEMENTS (slot->context); i++)
    state_put_u32 (writer, slot->context[i]);
  state_put_u64 (writer, slot->context_addr);
  state_put_u32 (writer, slot->kicked);
  for (unsigned dci = 1; dci < XHCI_ENDPOINTS; dci++)
    save_endpoint (&slot->endpoints[dci], writer);
}

static bool
load_slot (XhciSlot *slot, StateReader *reader)
{
  uint8_t state = state_get_u8 (reader);
  bool ok = true;

  *slot = (XhciSlot){.state = SLOT_DISABLED};
  if (state == SLOT_DISABLED)
    return true;
  if (state > SLOT_DISABLED)
    return false;
  slot->state = state;
  slot->port = state_get_u8 (reader);
  for (unsigned i = 0; i < G_N_ELEMENTS (slot->context); i++)
    slot->context[i] = state_get_u32 (reader);
  slot->context_addr = state_get_u64 (reader);
  slot->kicked = state_get_u32 (reader) & ~1u;
  for (unsigned dci = 1; ok && dci < XHCI_ENDPOINTS; dci++)
    ok = load_endpoint (&slot->endpoints[dci], reader);
  return ok && slot->port <= XHCI_PORTS && state_reader_ok (reader);
}

// ---- devices --------------------------------------------------------------------------------

static void
save_devices (const Xhci *xhci, StateWriter *writer)
{
  for (unsigned i = 0; i < XHCI_CONNECTORS; i++) {
    UsbDevice *device = xhci->devices[i];
    state_put_u32 (writer, device != NULL ? device->ops->state_version : 0);
    if (device == NULL)
      continue;
    state_put_u8 (writer, (uint8_t) device->speed);
    state_put_bytes (writer, device->ops->name, strlen (device->ops->name));
    device->ops->save (device, writer);
  }
}

static bool
load_device (UsbDevice *device, StateReader *reader, unsigned connector, GError **error)
{
  uint32_t version = state_get_u32 (reader);

  if (device == NULL && version == 0)
    return true;
  if (device != NULL && version != 0 && version <= device->ops->state_version &&
      state_get_u8 (reader) == device->speed) {
    char name[32] = {0};
    size_t length = strlen (device->ops->name);
    g_assert (length <= sizeof name);
    state_get_bytes (reader, name, length);
    if (memcmp (name, device->ops->name, length) == 0)
      return device->ops->load (device, reader, version, error);
  }
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
               "The machine was saved with another device at USB connector %u", connector + 1);
  return false;
}

// ---- all of it ------------------------------------------------------------------------------

void
xhci_save (Device *base, StateWriter *writer)
{
  Xhci *xhci = (Xhci *) base;

  pci_function_save (&xhci->fn, writer);
  save_registers (xhci, writer);
  for (unsigned i = 0; i < XHCI_INTERRUPTERS; i++)
    save_interrupter (&xhci->interrupters[i], writer);
  for (unsigned i = 1; i <= XHCI_SLOTS; i++)
    save_slot (&xhci->slots[i], writer);
  save_devices (xhci, writer);
}

static bool
load_controller (Xhci *xhci, StateReader *reader)
{
  bool ok = load_registers (xhci, reader);

  for (unsigned i = 0; ok && i < XHCI_INTERRUPTERS; i++)
    ok = load_interrupter (&xhci->interrupters[i], reader);
  for (unsigned i = 1; ok && i <= XHCI_SLOTS; i++)
    ok = load_slot (&xhci->slots[i], reader);
  return ok;
}

static bool
load_all (Xhci *xhci, StateReader *reader, GError **error)
{
  if (!load_controller (xhci, reader)) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                 "The saved state of the USB controller is damaged");
    return false;
  }
  for (unsigned i = 0; i < XHCI_CONNECTORS; i++)
    if (!load_device (xhci->devices[i], reader, i, error))
      return false;
  return true;
}

bool
xhci_load (Device *base, StateReader *reader, uint32_t version, GError **error)
{
  Xhci *xhci = (Xhci *) base;

  if (!pci_function_load (&xhci->fn, reader, error))
    return false;
  g_mutex_lock (&xhci->lock);
  xhci_reset_controller (xhci);
  bool ok = load_all (xhci, reader, error);
  if (!ok)
    xhci_reset_controller (xhci);
  g_mutex_unlock (&xhci->lock);
  return ok;
}
