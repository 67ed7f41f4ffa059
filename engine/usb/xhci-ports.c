// SPDX-License-Identifier: GPL-3.0-or-later
// Root hub ports (xHCI 1.1 §4.19, §5.4.8). Ports have power whatever the guest writes: there is no
// switch (HCCPARAMS1.PPC is 0). A reset is finished on the I/O thread, where devices are.
//
// Threads: the controller's lock.

#include "engine/usb/xhci-priv.h"

static bool
is_usb3 (unsigned port)
{
  return port >= XHCI_CONNECTORS;
}

static void
set_link (uint32_t *reg, unsigned link)
{
  *reg = (*reg & ~(uint32_t) PORTSC_LINK) | link << PORTSC_LINK_SHIFT;
}

static unsigned
get_link (uint32_t reg)
{
  return (reg & PORTSC_LINK) >> PORTSC_LINK_SHIFT;
}

static void
report_port (Xhci *xhci, unsigned port)
{
  const XhciTrb event = {
      .parameter = (uint64_t) (port + 1) << 24,
      .status = (uint32_t) CC_SUCCESS << 24,
      .control = TRB_PORT_EVENT << 10,
  };

  xhci->status |= USBSTS_PORT;
  if (xhci_is_running (xhci))
    xhci_put_event (xhci, 0, &event);
}

// Something happened: each change bit that appears is an event.
static void
note_change (Xhci *xhci, unsigned port, uint32_t bits)
{
  if ((xhci->ports[port] & bits) == bits)
    return;
  xhci->ports[port] |= bits;
  report_port (xhci, port);
}

void
xhci_report_ports (Xhci *xhci)
{
  for (unsigned port = 0; port < XHCI_PORTS; port++)
    if (xhci->ports[port] & PORTSC_CHANGES)
      report_port (xhci, port);
}

// USB 3 links train by themselves, USB 2 ports wait for a reset.
static uint32_t
connected_state (unsigned port, const UsbDevice *device)
{
  uint32_t reg = PORTSC_POWER | PORTSC_CONNECTED |
                 (is_usb3 (port) ? PORTSC_ENABLED : (uint32_t) LINK_POLLING << PORTSC_LINK_SHIFT);

  return reg | (uint32_t) device->speed << PORTSC_SPEED_SHIFT;
}

void
xhci_connect_port (Xhci *xhci, unsigned port, const UsbDevice *device)
{
  uint32_t keep = xhci->ports[port] & (PORTSC_CHANGES | PORTSC_WAKE);

  xhci->port_resets &= ~(1u << port);
  xhci->ports[port] =
      keep | (device != NULL ? connected_state (port, device)
                             : PORTSC_POWER | (uint32_t) LINK_RX_DETECT << PORTSC_LINK_SHIFT);
  note_change (xhci, port, PORTSC_CHANGE_CONNECT);
}

void
xhci_reset_ports (Xhci *xhci)
{
  xhci->port_resets = xhci->warm_resets = 0;
  for (unsigned port = 0; port < XHCI_PORTS; port++) {
    const UsbDevice *device = xhci_get_device (xhci, port + 1);
    xhci->ports[port] = device != NULL
                            ? connected_state (port, device) | PORTSC_CHANGE_CONNECT
                            : PORTSC_POWER | (uint32_t) LINK_RX_DETECT << PORTSC_LINK_SHIFT;
  }
}

uint32_t
xhci_read_port (const Xhci *xhci, unsigned port)
{
  return xhci->ports[port] | (xhci->port_resets >> port & 1 ? PORTSC_RESET : 0);
}

static void
write_link (Xhci *xhci, unsigned port, unsigned link)
{
  uint32_t *reg = &xhci->ports[port];
  unsigned old = get_link (*reg);

  if (!(*reg & PORTSC_ENABLED)) {
    if (is_usb3 (port) && link == LINK_RX_DETECT && old == LINK_DISABLED)
      set_link (reg, *reg & PORTSC_CONNECTED ? LINK_U0 : LINK_RX_DETECT);
    return;
  }
  if (link == LINK_U0 && old != LINK_U0) {
    set_link (reg, LINK_U0);
    note_change (xhci, port, PORTSC_CHANGE_LINK);
  } else if (link == LINK_U3 && old < LINK_U3) {
    set_link (reg, LINK_U3);
  } else if (link == LINK_RESUME && old == LINK_U3) {
    set_link (reg, LINK_RESUME);
  }
}

static void
disable_port (Xhci *xhci, unsigned port)
{
  xhci->ports[port] &= ~(uint32_t) PORTSC_ENABLED;
  set_link (&xhci->ports[port], is_usb3 (port) ? LINK_DISABLED : LINK_POLLING);
}

void
xhci_write_port (Xhci *xhci, unsigned port, uint32_t value)
{
  uint32_t *reg = &xhci->ports[port], bit = 1u << port;
  bool warm = is_usb3 (port) && (value & PORTSC_WARM_RESET);

  *reg &= ~(value & PORTSC_CHANGES);
  *reg = (*reg & ~(uint32_t) PORTSC_WAKE) | (value & PORTSC_WAKE);
  if (!(*reg & PORTSC_CONNECTED))
    return;
  if ((value & PORTSC_RESET) || warm) {
    *reg &= ~(uint32_t) PORTSC_ENABLED;
    xhci->port_resets |= bit;
    xhci->warm_resets = warm ? xhci->warm_resets | bit : xhci->warm_resets & ~bit;
    xhci_wake (xhci);
  } else if ((value & PORTSC_ENABLED) && (*reg & PORTSC_ENABLED)) {
    disable_port (xhci, port);
  } else if (value & PORTSC_WRITE_LINK) {
    write_link (xhci, port, get_link (value));
  }
}

static void
finish_reset (Xhci *xhci, unsigned port)
{
  UsbDevice *device = xhci_get_device (xhci, port + 1);
  bool warm = xhci->warm_resets >> port & 1;

  if (device == NULL)
    return;
  for (unsigned slot = 1; slot <= XHCI_SLOTS; slot++)
    for (unsigned dci = 1; xhci->slots[slot].port == port + 1 && dci < XHCI_ENDPOINTS; dci++)
      xhci_retract (xhci, slot, dci);
  device->ops->reset (device);
  xhci->ports[port] |= PORTSC_ENABLED;
  set_link (&xhci->ports[port], LINK_U0);
  note_change (xhci, port, PORTSC_CHANGE_RESET | (warm ? PORTSC_CHANGE_WARM_RESET : 0));
}

void
xhci_finish_port_resets (Xhci *xhci)
{
  uint32_t ports = xhci->port_resets;

  xhci->port_resets = 0;
  for (unsigned port = 0; port < XHCI_PORTS; port++)
    if (ports >> port & 1)
      finish_reset (xhci, port);
  xhci->warm_resets &= ~ports;
}
