// SPDX-License-Identifier: GPL-3.0-or-later
// The machine's USB controller and what is plugged into it from the start: a keyboard and a tablet,
// which firmware and systems without virtio's know how to drive, and disks.
//
// Threads: the controlling thread, while the machine is built.
#include <assert.h>
#include <string.h>

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

// One in a slot has a controller of its own there.
static bool
is_on_it (const MachineDisk *disk)
{
  return disk->bus == MACHINE_BUS_USB && disk->port == 0;
}

bool
machine_wants_usb (const MachineConfig *config)
{
  bool disk = false;

  for (unsigned i = 0; i < config->n_disks; i++)
    disk = disk || is_on_it (&config->disks[i]);
  return config->display || config->firmware != NULL || disk;
}

// The place of the i-th disk among those to start from: as early as it is named, last when it is not.
static unsigned
get_turn (const MachineConfig *config, unsigned i)
{
  g_autofree char *name = g_strdup_printf ("disk%u", i);
  unsigned turn = 0;

  while (config->boot_order != NULL && config->boot_order[turn] != NULL &&
         strcmp (config->boot_order[turn], name) != 0)
    turn++;
  return turn;
}

// Firmware is told of the controller only, and tries the disks behind it as they are plugged in.
void
machine_add_usb_disk (Machine *machine, const MachineConfig *config, unsigned i, BlockDevice *take)
{
  unsigned number = 0, place = 0, turn = get_turn (config, i);

  for (unsigned other = 0; other < config->n_disks; other++)
    if (is_on_it (&config->disks[other]) && !config->disks[other].cdrom && other != i) {
      unsigned its = get_turn (config, other);

      number += other < i;
      place += its < turn || (its == turn && other < i);
    }
  plug (machine, usb_storage_new (take, USB_SPEED_SUPER, number), CONNECTOR_DISK0 + place);
}
