// SPDX-License-Identifier: GPL-3.0-or-later
// The machine's USB controller and what is plugged into it from the start: a keyboard and a tablet,
// which firmware and systems without virtio's know how to drive, and disks.
//
// Threads: the controlling thread, while the machine is built.
#include <assert.h>

#include "engine/machine/machine-priv.h"
#include "engine/usb/hid.h"
#include "engine/usb/storage.h"
#include "engine/usb/xhci.h"

// Stable across versions, like slots.
enum {
  CONNECTOR_KEYBOARD = 0,
  CONNECTOR_TABLET = 1,
  CONNECTOR_DISK0 = 2,
};
static_assert (CONNECTOR_DISK0 + (int) MACHINE_USB_DISKS_MAX <= XHCI_CONNECTORS, "a place each");

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

bool
machine_wants_usb (const MachineConfig *config)
{
  bool disk = false;

  for (unsigned i = 0; i < config->n_disks; i++)
    disk = disk || config->disks[i].bus == MACHINE_BUS_USB;
  return config->display || config->firmware != NULL || disk;
}

void
machine_add_usb_disk (Machine *machine, BlockDevice *take)
{
  unsigned n = machine->n_usb_disks++;

  plug (machine, usb_storage_new (take, USB_SPEED_SUPER, n), CONNECTOR_DISK0 + n);
}
