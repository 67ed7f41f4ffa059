// SPDX-License-Identifier: GPL-3.0-or-later
// Reading rings (xHCI 1.1 §4.9): one TRB, or one transfer descriptor. Rings are the guest's: every
// TRB is read once, and how many are looked at is bounded, whatever Link TRBs say.
//
// Threads: the I/O thread.

#include "engine/mem/access.h"
#include "engine/usb/xhci-priv.h"

enum {
  LINKS_MAX = 64, // in one TD
};

bool
xhci_read_trb (Xhci *xhci, GuestAddr addr, XhciTrb *trb)
{
  const uint8_t *p = mem_bus_ram_ptr (xhci->device.vm->bus, addr, TRB_BYTES);

  if (p == NULL)
    return false;
  // The cycle bit first: it says that the rest was written.
  trb->control = mem_load32 (p + 12);
  atomic_thread_fence (memory_order_acquire);
  trb->parameter = mem_load64 (p);
  trb->status = mem_load32 (p + 8);
  return true;
}

int
xhci_read_td (Xhci *xhci, const XhciRing *ring, XhciRingTrb *trbs, unsigned max, XhciRing *after)
{
  unsigned n = 0, links = 0;
  XhciRing at = *ring;

  for (;;) {
    XhciTrb trb;
    if (!xhci_read_trb (xhci, at.addr, &trb))
      return -1;
    if ((trb.control & TRB_CYCLE) != at.cycle)
      return 0;
    if (xhci_trb_type (&trb) == TRB_LINK) {
      if (++links > LINKS_MAX)
        return -1;
      at.addr = trb.parameter & ~15ull;
      at.cycle ^= (trb.control & TRB_TOGGLE) != 0;
      continue;
    }
    if (n == max)
      return -1;
    trbs[n++] = (XhciRingTrb){at.addr, trb};
    at.addr += TRB_BYTES;
    if (max > 1 && (trb.control & TRB_CHAIN))
      continue;
    *after = at;
    return (int) n;
  }
}
