// SPDX-License-Identifier: GPL-3.0-or-later
// The I/O thread's part of the controller: what doorbells and registers asked for, in bounded
// rounds, and what devices gave back.

#include "engine/usb/xhci-priv.h"

enum {
  TRBS_PER_ROUND = 2048,
};

void
xhci_wake (Xhci *xhci)
{
  if (xhci->kick != NULL)
    vm_event_signal (xhci->kick);
}

// ---- transfers that are done ----------------------------------------------------------------

void
xhci_done (UsbTransfer *usb)
{
  XhciTransfer *transfer = (XhciTransfer *) usb;
  Xhci *xhci = transfer->xhci;

  g_mutex_lock (&xhci->done_lock);
  transfer->finished = true;
  transfer->next = NULL;
  *xhci->done_tail = transfer;
  xhci->done_tail = &transfer->next;
  g_mutex_unlock (&xhci->done_lock);
  xhci_wake (xhci);
}

static XhciTransfer *
next_done (Xhci *xhci)
{
  g_mutex_lock (&xhci->done_lock);
  XhciTransfer *transfer = xhci->done;
  if (transfer != NULL) {
    xhci->done = transfer->next;
    if (xhci->done == NULL)
      xhci->done_tail = &xhci->done;
  }
  g_mutex_unlock (&xhci->done_lock);
  return transfer;
}

void
xhci_take_done (Xhci *xhci)
{
  XhciTransfer *transfer;

  while ((transfer = next_done (xhci)) != NULL) {
    if (transfer->abandoned)
      xhci_free_transfer (transfer);
    else
      xhci_finish_transfer (xhci, transfer);
  }
}

void
xhci_drop_done (Xhci *xhci)
{
  XhciTransfer *transfer;

  while ((transfer = next_done (xhci)) != NULL) {
    if (!transfer->abandoned)
      xhci_retract (xhci, transfer->slot, transfer->dci);
    xhci_free_transfer (transfer);
  }
}

void
xhci_retract_all (Xhci *xhci)
{
  for (unsigned slot = 1; slot <= XHCI_SLOTS; slot++)
    for (unsigned dci = 1; xhci->slots[slot].port != 0 && dci < XHCI_ENDPOINTS; dci++)
      xhci_retract (xhci, slot, dci);
}

// ---- rounds ---------------------------------------------------------------------------------

void
xhci_reset_controller (Xhci *xhci)
{
  xhci_retract_all (xhci);
  xhci_drop_done (xhci);
  for (unsigned slot = 0; slot <= XHCI_SLOTS; slot++) {
    xhci->slots[slot] = (XhciSlot){.state = SLOT_DISABLED};
    atomic_store_explicit (&xhci->doorbells[slot], 0, memory_order_relaxed);
  }
  for (unsigned i = 0; i < XHCI_CONNECTORS; i++)
    if (xhci->devices[i] != NULL)
      xhci->devices[i]->ops->reset (xhci->devices[i]);
  xhci->command = 0;
  xhci->status = USBSTS_HALTED;
  xhci->notifications = xhci->config = 0;
  xhci->command_ring = xhci->dcbaap = 0;
  xhci->commands = (XhciRing){0};
  xhci->commands_running = xhci->stop_commands = xhci->ignore_high = false;
  xhci_reset_interrupters (xhci);
  xhci_reset_ports (xhci);
  xhci_update_interrupts (xhci);
}

static void
take_doorbells (Xhci *xhci, bool heed)
{
  for (unsigned slot = 0; slot <= XHCI_SLOTS; slot++) {
    uint32_t rung = atomic_exchange_explicit (&xhci->doorbells[slot], 0, memory_order_acquire) *
                    (uint32_t) heed;
    if (slot == 0)
      xhci->commands_running = xhci->commands_running || rung != 0;
    else
      xhci->slots[slot].kicked |= rung;
    for (unsigned dci = 1; slot != 0 && rung != 0 && dci < XHCI_ENDPOINTS; dci++) {
      XhciEndpoint *ep = &xhci->slots[slot].endpoints[dci];
      if ((rung >> dci & 1) && ep->state == EP_STOPPED) {
        ep->state = EP_RUNNING;
        xhci_write_endpoint_context (xhci, slot, dci);
      }
    }
  }
}

static unsigned
run_slot (Xhci *xhci, unsigned slot, unsigned budget)
{
  unsigned used = 0;

  for (unsigned dci = 1; dci < XHCI_ENDPOINTS && used < budget; dci++)
    if (xhci->slots[slot].kicked >> dci & 1)
      used += xhci_run_endpoint (xhci, slot, dci, budget - used);
  return used;
}

// Each round begins at another slot, so that none waits for ever.
static void
run_endpoints (Xhci *xhci, unsigned budget)
{
  unsigned used = 0;

  for (unsigned i = 0; i < XHCI_SLOTS && used < budget; i++) {
    unsigned slot = (xhci->next_slot + i) % XHCI_SLOTS + 1;
    if (xhci->slots[slot].kicked != 0)
      used += run_slot (xhci, slot, budget - used);
  }
  xhci->next_slot = (xhci->next_slot + 1) % XHCI_SLOTS;
  if (used >= budget)
    xhci_wake (xhci); // there may be more
}

void
xhci_work (Xhci *xhci)
{
  if (xhci->command & USBCMD_RESET)
    xhci_reset_controller (xhci);
  xhci_finish_port_resets (xhci);
  take_doorbells (xhci, xhci_is_running (xhci));
  if (!xhci_is_running (xhci)) {
    xhci_retract_all (xhci);
    xhci_drop_done (xhci);
    return;
  }
  xhci_flush_events (xhci);
  if (!xhci_events_blocked (xhci)) {
    xhci_take_done (xhci);
    unsigned used = xhci_run_commands (xhci, TRBS_PER_ROUND);
    if (used >= TRBS_PER_ROUND)
      xhci_wake (xhci);
    run_endpoints (xhci, TRBS_PER_ROUND);
  }
  xhci_update_interrupts (xhci);
}
