// SPDX-License-Identifier: GPL-3.0-or-later
// Event rings, interrupters and their moderation (xHCI 1.1 §4.9.4, §4.17, §5.5.2).
//
// An event is never lost for lack of room: it waits in a backlog, and until that is empty the
// controller begins nothing new. So the backlog is bounded by what was in flight.
//
// Threads: any, with the controller's lock.

#include "engine/mem/access.h"
#include "engine/usb/xhci-priv.h"

enum {
  SEGMENT_TRBS_MIN = 16,
  SEGMENT_TRBS_MAX = 4096,
  ERST_ENTRY_BYTES = 16,
  IMOD_UNIT_NS = 250,
  IMOD_DEFAULT = 4000,
  MFINDEX_PERIOD_NS = 125000 << 14,
};

// ---- rings ----------------------------------------------------------------------------------

typedef struct Position {
  GuestAddr base;
  uint32_t segment, index, segment_trbs;
  bool cycle;
} Position;

static bool
read_segment (Xhci *xhci, const XhciInterrupter *it, Position *at)
{
  GuestAddr entry = it->erst_base + (GuestAddr) at->segment * ERST_ENTRY_BYTES;
  const uint8_t *p = mem_bus_ram_ptr (xhci->device.vm->bus, entry, ERST_ENTRY_BYTES);

  if (p == NULL)
    return false;
  at->base = mem_load64 (p) & ~63ull;
  at->segment_trbs = mem_load32 (p + 8) & 0xffff;
  at->index = 0;
  return at->segment_trbs >= SEGMENT_TRBS_MIN && at->segment_trbs <= SEGMENT_TRBS_MAX;
}

static bool
advance (Xhci *xhci, const XhciInterrupter *it, Position *at)
{
  if (++at->index < at->segment_trbs)
    return true;
  if (++at->segment >= it->erst_size) {
    at->segment = 0;
    at->cycle = !at->cycle;
  }
  return read_segment (xhci, it, at);
}

static bool
get_position (Xhci *xhci, const XhciInterrupter *it, Position *at)
{
  if (it->loaded) {
    *at = (Position){it->segment_base, it->segment, it->index, it->segment_trbs, it->cycle};
    return true;
  }
  *at = (Position){.cycle = true};
  return read_segment (xhci, it, at);
}

static void
set_position (XhciInterrupter *it, const Position *at)
{
  it->loaded = true;
  it->segment_base = at->base;
  it->segment = at->segment;
  it->index = at->index;
  it->segment_trbs = at->segment_trbs;
  it->cycle = at->cycle;
}

static bool
store_event (Xhci *xhci, GuestAddr addr, const XhciTrb *event, bool cycle)
{
  uint8_t *p = mem_bus_ram_ptr (xhci->device.vm->bus, addr, TRB_BYTES);

  if (p == NULL)
    return false;
  mem_store64 (p, event->parameter);
  mem_store32 (p + 8, event->status);
  atomic_thread_fence (memory_order_release);
  mem_store32 (p + 12, (event->control & ~(uint32_t) (TRB_CYCLE | TRB_BEI)) | cycle);
  return true;
}

// False: there is no room. One place stays free, so that full and empty differ.
static bool
write_event (Xhci *xhci, XhciInterrupter *it, const XhciTrb *event)
{
  Position at, next;

  if (!get_position (xhci, it, &at)) {
    xhci_fail (xhci, "bad event ring segment table");
    return true;
  }
  next = at;
  if (!advance (xhci, it, &next)) {
    xhci_fail (xhci, "bad event ring segment table");
    return true;
  }
  if (next.base + (GuestAddr) next.index * TRB_BYTES == (it->dequeue & ~15ull))
    return false;
  if (!store_event (xhci, at.base + (GuestAddr) at.index * TRB_BYTES, event, at.cycle)) {
    xhci_fail (xhci, "event ring outside memory");
    return true;
  }
  set_position (it, &next);
  return true;
}

static bool
is_empty (const XhciInterrupter *it)
{
  return !it->loaded ||
         it->segment_base + (GuestAddr) it->index * TRB_BYTES == (it->dequeue & ~15ull);
}

// ---- interrupts -----------------------------------------------------------------------------

// The guest hears of what is pending, by message or by pin.
static void
deliver (Xhci *xhci)
{
  bool messages = pci_msix_is_enabled (&xhci->msix), level = false;

  for (unsigned i = 0; i < XHCI_INTERRUPTERS; i++) {
    XhciInterrupter *it = &xhci->interrupters[i];
    const uint32_t both = IMAN_PENDING | IMAN_ENABLE;
    if ((it->iman & both) != both || !(xhci->command & USBCMD_INTE))
      continue;
    level = true;
    if (messages) {
      it->iman &= ~(uint32_t) IMAN_PENDING;
      pci_msix_send (&xhci->msix, i);
    }
  }
  pci_function_set_intx (&xhci->fn, level && !messages);
}

// Raises what may be raised now; when the next may, or 0.
static int64_t
moderate (Xhci *xhci, XhciInterrupter *it, int64_t now)
{
  if (!it->wanted || (it->dequeue & ERDP_BUSY))
    return 0;
  if (now < it->not_before_ns)
    return it->not_before_ns;
  it->wanted = false;
  it->iman |= IMAN_PENDING;
  it->dequeue |= ERDP_BUSY;
  it->not_before_ns = now + (int64_t) (it->imod & 0xffff) * IMOD_UNIT_NS;
  xhci->status |= USBSTS_EINT;
  return 0;
}

void
xhci_update_interrupts (Xhci *xhci)
{
  int64_t now = vm_clock_now (xhci->device.vm->clock), deadline = 0;

  if ((xhci->command & USBCMD_EWE) && xhci_is_running (xhci))
    deadline = xhci->wrap_ns;
  for (unsigned i = 0; i < XHCI_INTERRUPTERS; i++) {
    int64_t at = moderate (xhci, &xhci->interrupters[i], now);
    if (at != 0 && (deadline == 0 || at < deadline))
      deadline = at;
  }
  if (deadline != 0)
    vm_timer_arm (xhci->timer, deadline);
  deliver (xhci);
}

static void
wrap_mfindex (Xhci *xhci)
{
  const XhciTrb event = {.status = (uint32_t) CC_SUCCESS << 24, .control = TRB_MFINDEX_EVENT << 10};
  int64_t now = vm_clock_now (xhci->device.vm->clock);

  if (!(xhci->command & USBCMD_EWE) || !xhci_is_running (xhci) || now < xhci->wrap_ns)
    return;
  while (xhci->wrap_ns <= now)
    xhci->wrap_ns += MFINDEX_PERIOD_NS;
  xhci_put_event (xhci, 0, &event);
}

void
xhci_timer_cb (void *data)
{
  Xhci *xhci = data;

  g_mutex_lock (&xhci->lock);
  if (!xhci->quiet) {
    wrap_mfindex (xhci);
    xhci_update_interrupts (xhci);
  }
  g_mutex_unlock (&xhci->lock);
}

// ---- events ---------------------------------------------------------------------------------

void
xhci_put_event (Xhci *xhci, unsigned interrupter, const XhciTrb *event)
{
  XhciInterrupter *it = &xhci->interrupters[interrupter < XHCI_INTERRUPTERS ? interrupter : 0];

  if (it->erst_size == 0 || (xhci->status & USBSTS_HCE))
    return; // nowhere to put it
  if (it->backlog->len > 0 || !write_event (xhci, it, event))
    g_array_append_val (it->backlog, *event);
  else if (!(event->control & TRB_BEI))
    it->wanted = true;
}

static void
flush (Xhci *xhci, XhciInterrupter *it)
{
  unsigned n = 0;

  while (n < it->backlog->len && !(xhci->status & USBSTS_HCE)) {
    const XhciTrb *event = &g_array_index (it->backlog, XhciTrb, n);
    if (!write_event (xhci, it, event))
      break;
    if (!(event->control & TRB_BEI))
      it->wanted = true;
    n++;
  }
  if (n > 0)
    g_array_remove_range (it->backlog, 0, n);
}

void
xhci_flush_events (Xhci *xhci)
{
  for (unsigned i = 0; i < XHCI_INTERRUPTERS; i++)
    flush (xhci, &xhci->interrupters[i]);
}

bool
xhci_events_blocked (const Xhci *xhci)
{
  for (unsigned i = 0; i < XHCI_INTERRUPTERS; i++)
    if (xhci->interrupters[i].backlog->len > 0)
      return true;
  return false;
}

void
xhci_set_dequeue (Xhci *xhci, unsigned interrupter, uint64_t pointer, bool handled)
{
  XhciInterrupter *it = &xhci->interrupters[interrupter];
  uint64_t busy = handled ? 0 : it->dequeue & ERDP_BUSY;

  it->dequeue = (pointer & ~(uint64_t) ERDP_BUSY) | busy;
  if (is_empty (it))
    it->wanted = false;
  xhci_update_interrupts (xhci);
  if (it->backlog->len > 0)
    xhci_wake (xhci);
}

void
xhci_reset_interrupters (Xhci *xhci)
{
  for (unsigned i = 0; i < XHCI_INTERRUPTERS; i++) {
    GArray *backlog = xhci->interrupters[i].backlog;
    g_array_set_size (backlog, 0);
    xhci->interrupters[i] = (XhciInterrupter){.imod = IMOD_DEFAULT, .backlog = backlog};
  }
}
