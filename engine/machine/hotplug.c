// SPDX-License-Identifier: GPL-3.0-or-later
// A machine's hot-plug slots and what comes and goes there.
//
// Threads: the controlling thread, which opens images; devices come and go on the I/O thread with
// every vCPU parked.
#include "engine/hw/nvme.h"
#include "engine/hw/pci-port.h"
#include "engine/machine/machine-priv.h"
#include "engine/machine/virt-map.h"
#include "engine/usb/storage.h"
#include "engine/usb/xhci.h"
#include "engine/virtio/blk.h"
#include "engine/virtio/net.h"
#include "engine/virtio/scsi.h"
#include "engine/virtio/transport.h"

void
machine_add_ports (Machine *machine, Device *pci)
{
  for (unsigned i = 1; i <= MACHINE_PORTS; i++) {
    g_autofree char *id = g_strdup_printf ("port%u", i);

    machine->ports[i].port = pci_port_new (pci, VIRT_SLOT_CONSOLE, i, i);
    vm_add_device (machine->vm, machine->ports[i].port, id);
  }
}

static Device *
make_scsi_disk (Machine *machine, Device *port, BlockDevice *take, const char *serial)
{
  VirtioDevice *host = virtio_scsi_new (machine->queues);

  virtio_scsi_add (host, 0, scsi_disk_new (take, serial));
  return virtio_pci_new_in_port (host, port);
}

// Numbers below are those of disks that stay.
static Device *
make_usb_disk (const MachineDisk *disk, Device *port, BlockDevice *take)
{
  Device *usb = xhci_new_in_port (port);
  bool plugged = xhci_plug (
      usb, usb_storage_new (take, USB_SPEED_SUPER, MACHINE_DISKS_MAX + disk->port), 0, NULL);

  g_assert (plugged); // what can fail is done when the controller is realized
  return usb;
}

// A slot holds a PCI device: each disk brings the adapter for its bus along. It is named after its
// slot, which stays its slot.
Device *
machine_make_disk (Machine *machine, const MachineDisk *disk, BlockDevice *take)
{
  Device *port = machine->ports[disk->port].port;
  g_autofree char *serial = g_strdup_printf ("slot%u", disk->port);

  switch (disk->bus) {
  case MACHINE_BUS_SCSI:
    return make_scsi_disk (machine, port, take, serial);
  case MACHINE_BUS_NVME:
    return nvme_new_in_port (take, serial, MAX (machine->queues, NVME_QUEUES_MIN), port);
  case MACHINE_BUS_USB:
    return make_usb_disk (disk, port, take);
  case MACHINE_BUS_VIRTIO:
    break;
  }
  return virtio_pci_new_in_port (virtio_blk_new (take, serial, machine->queues), port);
}

VirtioDevice *
machine_make_net (Machine *machine, const MachineNic *nic)
{
  VirtioDevice *device = virtio_net_new (net_user_new (nic->forwards, nic->n_forwards), nic->mac);

  virtio_net_set_traffic (device, &machine->net_traffic);
  return device;
}

Device *
machine_make_nic (Machine *machine, const MachineNic *nic)
{
  return virtio_pci_new_in_port (machine_make_net (machine, nic), machine->ports[nic->port].port);
}

enum {
  DESCRIPTORS = 16, // that one device may open, its image apart
};

static char *
make_id (unsigned port)
{
  return g_strdup_printf ("slot%u", port);
}

void
machine_add_to_port (Machine *machine, unsigned port, Device *take, BlockDevice *disk)
{
  MachinePort *at = &machine->ports[port];
  g_autofree char *id = make_id (port);

  g_assert (at->device == NULL);
  at->device = take;
  at->disk = disk;
  vm_add_device (machine->vm, at->device, id);
}

bool
machine_port_is_used (const Machine *machine, unsigned port)
{
  return machine->ports[port].device != NULL;
}

// ---- coming ---------------------------------------------------------------------------------

typedef struct Plug {
  Machine *machine;
  unsigned port;
  Device *device;
  BlockDevice *disk;
  GError **error;
  bool ok;
} Plug;

static void
plug_cb (void *data)
{
  Plug *plug = data;
  Machine *machine = plug->machine;
  g_autofree char *id = make_id (plug->port);
  unsigned n = machine->n_fixed;

  for (unsigned i = 1; i < plug->port; i++)
    n += machine->ports[i].device != NULL;
  plug->ok = vm_plug (machine->vm, plug->device, id, n, plug->error);
  if (plug->ok) {
    machine->ports[plug->port].device = plug->device;
    machine->ports[plug->port].disk = plug->disk;
  }
}

// Takes the device.
static bool
plug_in (Machine *machine, unsigned port, Device *take, BlockDevice *disk, GError **error)
{
  Plug plug = {.machine = machine, .port = port, .device = take, .disk = disk, .error = error};

  g_assert (port >= 1 && port <= MACHINE_PORTS && !machine_port_is_used (machine, port));
  vm_call_parked (machine->vm, plug_cb, &plug);
  return plug.ok;
}

bool
machine_attach_disk (Machine *machine, const MachineDisk *disk, GError **error)
{
  BlockDevice *device = machine_check_descriptors (DESCRIPTORS, error)
                            ? machine_open_disk (machine, disk, error)
                            : NULL;

  if (device == NULL)
    return false;
  if (plug_in (machine, disk->port, machine_make_disk (machine, disk, device), device, error))
    return true;
  machine->n_disks--;
  return false;
}

bool
machine_attach_nic (Machine *machine, const MachineNic *nic, GError **error)
{
  return machine_check_descriptors (DESCRIPTORS, error) &&
         plug_in (machine, nic->port, machine_make_nic (machine, nic), NULL, error);
}

// ---- going ----------------------------------------------------------------------------------

void
machine_press_detach (Machine *machine, unsigned port)
{
  pci_port_press_button (machine->ports[port].port);
}

unsigned
machine_find_released (Machine *machine)
{
  for (unsigned i = 1; i <= MACHINE_PORTS; i++)
    if (machine_port_is_used (machine, i) && pci_port_is_released (machine->ports[i].port))
      return i;
  return 0;
}

// The disks behind it move up, as they do in the description.
static void
forget_disk (Machine *machine, const BlockDevice *disk)
{
  unsigned kept = 0;

  for (unsigned i = 0; i < machine->n_disks; i++)
    if (machine->disks[i] != disk)
      machine->disks[kept++] = machine->disks[i];
  machine->n_disks = kept;
}

static void
unplug_cb (void *data)
{
  Plug *plug = data;
  MachinePort *at = &plug->machine->ports[plug->port];

  vm_unplug (plug->machine->vm, at->device);
  if (at->disk != NULL)
    forget_disk (plug->machine, at->disk);
  at->device = NULL;
  at->disk = NULL;
}

void
machine_detach (Machine *machine, unsigned port)
{
  Plug plug = {.machine = machine, .port = port};

  if (machine_port_is_used (machine, port))
    vm_call_parked (machine->vm, unplug_cb, &plug);
}
