// SPDX-License-Identifier: GPL-3.0-or-later
// The xHCI controller as a device of the machine: set-up, connectors, life. See xhci-priv.h for how
// it is made.

#include <gio/gio.h>

#include "engine/hw/pci-port.h"
#include "engine/usb/xhci-priv.h"

enum {
  PCI_VENDOR = 0x1b36, // the generic controller: drivers go by its class
  PCI_DEVICE = 0x000d,
  PCI_SUBSYSTEM = 0x1100,
  PCI_REVISION = 1,
  PCI_SERIAL_BUS_RELEASE = 0x60, // configuration space
  USB_RELEASE_3_0 = 0x30,
  REGISTERS_BAR = 0,
  REGISTERS_BYTES = 0x4000,
  MSIX_BAR = 2,
};

static bool
is_super (const UsbDevice *device)
{
  return device->speed == USB_SPEED_SUPER;
}

UsbDevice *
xhci_get_device (Xhci *xhci, unsigned port)
{
  if (port < 1 || port > XHCI_PORTS)
    return NULL;
  UsbDevice *device = xhci->devices[(port - 1) % XHCI_CONNECTORS];
  return device != NULL && is_super (device) == (port > XHCI_CONNECTORS) ? device : NULL;
}

void
xhci_fail (Xhci *xhci, const char *why)
{
  if (xhci->status & USBSTS_HCE)
    return;
  guest_log (&xhci->device.vm->log, "xhci", "needs a reset: %s", why);
  xhci->status |= USBSTS_HCE | USBSTS_HALTED;
  for (unsigned i = 0; i < XHCI_INTERRUPTERS; i++)
    g_array_set_size (xhci->interrupters[i].backlog, 0);
}

// ---- connectors -----------------------------------------------------------------------------

static unsigned
port_of (const UsbDevice *device, unsigned connector)
{
  return connector + (is_super (device) ? XHCI_CONNECTORS : 0);
}

bool
xhci_plug (Device *base, UsbDevice *take, unsigned connector, GError **error)
{
  Xhci *xhci = (Xhci *) base;

  g_assert (connector < XHCI_CONNECTORS && xhci->devices[connector] == NULL);
  xhci->devices[connector] = take;
  if (xhci->kick == NULL)
    return true; // realize does the rest
  take->vm = base->vm;
  if (!take->ops->realize (take, error)) {
    xhci->devices[connector] = NULL;
    take->ops->free (take);
    return false;
  }
  g_mutex_lock (&xhci->lock);
  xhci_connect_port (xhci, port_of (take, connector), take);
  xhci_update_interrupts (xhci);
  g_mutex_unlock (&xhci->lock);
  return true;
}

void
xhci_unplug (Device *base, unsigned connector)
{
  Xhci *xhci = (Xhci *) base;
  UsbDevice *device = xhci->devices[connector];

  if (device == NULL)
    return;
  unsigned port = port_of (device, connector);
  g_mutex_lock (&xhci->lock);
  for (unsigned slot = 1; slot <= XHCI_SLOTS; slot++)
    for (unsigned dci = 1; xhci->slots[slot].port == port + 1 && dci < XHCI_ENDPOINTS; dci++)
      xhci_retract (xhci, slot, dci);
  xhci->devices[connector] = NULL;
  xhci_connect_port (xhci, port, NULL);
  xhci_update_interrupts (xhci);
  g_mutex_unlock (&xhci->lock);
  device->ops->free (device);
  xhci_wake (xhci); // what was on its way fails now
}

// ---- life -----------------------------------------------------------------------------------

static void
work_cb (void *data)
{
  Xhci *xhci = data;

  g_mutex_lock (&xhci->lock);
  if (!xhci->quiet)
    xhci_work (xhci);
  g_mutex_unlock (&xhci->lock);
}

static bool
xhci_realize (Device *base, GError **error)
{
  Xhci *xhci = (Xhci *) base;

  for (unsigned i = 0; i < XHCI_CONNECTORS; i++) {
    UsbDevice *device = xhci->devices[i];
    if (device == NULL)
      continue;
    device->vm = base->vm;
    if (!device->ops->realize (device, error))
      return false;
  }
  xhci->timer = vm_timer_new (base->vm->clock, xhci_timer_cb, xhci);
  xhci->kick = vm_event_new (base->vm->loop, work_cb, xhci);
  if (xhci->port != NULL)
    pci_port_insert (xhci->port, &xhci->fn);
  xhci->inserted = xhci->port != NULL;
  xhci_reset_controller (xhci);
  return true;
}

static void
xhci_reset (Device *base)
{
  Xhci *xhci = (Xhci *) base;

  g_mutex_lock (&xhci->lock);
  xhci_reset_controller (xhci);
  g_mutex_unlock (&xhci->lock);
  pci_function_reset (&xhci->fn);
}

// What devices have done is reported; what they were still to do is taken back from them, and
// stays on the rings.
static void
xhci_quiesce (Device *base)
{
  Xhci *xhci = (Xhci *) base;

  g_mutex_lock (&xhci->lock);
  if (!xhci->quiet) {
    xhci_work (xhci);
    if (xhci_is_running (xhci))
      xhci_take_done (xhci);
    xhci_retract_all (xhci);
    xhci_drop_done (xhci);
    xhci_update_interrupts (xhci);
  }
  xhci->quiet = true;
  g_mutex_unlock (&xhci->lock);
  for (unsigned i = 0; i < XHCI_CONNECTORS; i++)
    if (xhci->devices[i] != NULL && xhci->devices[i]->ops->quiesce != NULL)
      xhci->devices[i]->ops->quiesce (xhci->devices[i]);
}

static void
xhci_resume (Device *base)
{
  Xhci *xhci = (Xhci *) base;

  g_mutex_lock (&xhci->lock);
  xhci->quiet = false;
  xhci_update_interrupts (xhci);
  g_mutex_unlock (&xhci->lock);
  xhci_wake (xhci);
}

static void
xhci_free (Device *base)
{
  Xhci *xhci = (Xhci *) base;

  xhci_retract_all (xhci);
  for (unsigned i = 0; i < XHCI_CONNECTORS; i++)
    if (xhci->devices[i] != NULL)
      xhci->devices[i]->ops->free (xhci->devices[i]);
  xhci_drop_done (xhci);
  if (xhci->inserted)
    pci_port_take_out (xhci->port);
  for (unsigned i = 0; i < XHCI_INTERRUPTERS; i++)
    g_array_unref (xhci->interrupters[i].backlog);
  if (xhci->kick != NULL)
    vm_event_free (xhci->kick);
  if (xhci->timer != NULL)
    vm_timer_free (xhci->timer);
  pci_msix_clear (&xhci->msix);
  g_mutex_clear (&xhci->lock);
  g_mutex_clear (&xhci->done_lock);
  g_free (xhci);
}

static const DeviceOps device_ops = {
    .name = "xhci",
    .state_version = 1,
    .realize = xhci_realize,
    .reset = xhci_reset,
    .quiesce = xhci_quiesce,
    .resume = xhci_resume,
    .free = xhci_free,
    .save = xhci_save,
    .load = xhci_load,
};

static void
bus_reset (PciFunction *fn)
{
  xhci_reset (fn->opaque);
}

static Xhci *
new_xhci (void)
{
  static const uint8_t usb3_controller[3] = {0x0c, 0x03, 0x30};
  Xhci *xhci = g_new0 (Xhci, 1);
  const PciBar bar = {
      .size_bytes = REGISTERS_BYTES, .is_64bit = true, .ops = &xhci_register_ops, .opaque = xhci};

  xhci->device.ops = &device_ops;
  xhci->done_tail = &xhci->done;
  g_mutex_init (&xhci->lock);
  g_mutex_init (&xhci->done_lock);
  for (unsigned i = 0; i < XHCI_INTERRUPTERS; i++)
    xhci->interrupters[i].backlog = g_array_new (FALSE, FALSE, sizeof (XhciTrb));
  pci_function_init (&xhci->fn, PCI_VENDOR, PCI_DEVICE, PCI_SUBSYSTEM, usb3_controller,
                     PCI_REVISION);
  xhci->fn.config[PCI_SERIAL_BUS_RELEASE] = USB_RELEASE_3_0;
  pci_function_set_bar (&xhci->fn, REGISTERS_BAR, &bar);
  // Capabilities begin behind the bytes that are the class's own.
  xhci->fn.next_capability = PCI_SERIAL_BUS_RELEASE + 16;
  pci_msix_init (&xhci->msix, &xhci->fn, MSIX_BAR, XHCI_INTERRUPTERS);
  return xhci;
}

Device *
xhci_new (Device *host, unsigned slot)
{
  Xhci *xhci = new_xhci ();

  pci_host_add (host, &xhci->fn, slot);
  return &xhci->device;
}

Device *
xhci_new_in_port (Device *port)
{
  Xhci *xhci = new_xhci ();

  xhci->port = port;
  xhci->fn.reset = bus_reset;
  xhci->fn.opaque = xhci;
  pci_function_add_express (&xhci->fn, PCI_EXPRESS_ENDPOINT);
  return &xhci->device;
}
