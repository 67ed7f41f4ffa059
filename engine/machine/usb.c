// SPDX-License-Identifier: GPL-3.0-or-later
// The machine's USB controller and what is plugged into it from the start: a keyboard and a tablet,
// which firmware and systems without virtio's know how to drive.
//
// Threads: the controlling thread, while the machine is built.
#include "engine/machine/machine-priv.h"
#include "engine/usb/hid.h"
#include "engine/usb/xhci.h"

// Stable across versions, like slots.
enum {
  CONNECTOR_KEYBOARD = 0,
  CONNECTOR_TABLET = 1,
};

static void
plug (Machine *machine, UsbDevice *device, unsigned connector)
{
  bool plugged = xhci_plug (machine->usb, device, connector, NULL);

  g_assert (plugged); // what can fail is done when the machine is realized
}

void
machine_add_usb (Machine *machine, Device *pci, unsigned slot)
{
  machine->usb = xhci_new (pci, slot);
  vm_add_device (machine->vm, machine->usb, "usb");
  machine->usb_keyboard = usb_keyboard_new ();
  plug (machine, machine->usb_keyboard, CONNECTOR_KEYBOARD);
  machine->usb_tablet = usb_tablet_new ();
  plug (machine, machine->usb_tablet, CONNECTOR_TABLET);
}
