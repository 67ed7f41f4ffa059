// SPDX-License-Identifier: GPL-3.0-or-later
// A machine's hot-plug slots and what comes and goes there.
//
// Threads: the controlling thread, which opens images; devices come and go on the I/O thread with
// every vCPU parked.
#include "engine/hw/pci-port.h"
#include "engine/machine/machine-priv.h"
#include "engine/machine/virt-map.h"
#include "engine/virtio/blk.h"
#include "engine/virtio/net.h"
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

// Named after its slot, which stays its slot.
VirtioDevice *
machine_make_disk (Machine *machine, unsigned port, BlockDevice *take)
{
  g_autofree char *serial = g_strdup_printf ("slot%u", port);
  return virtio_blk_new (take, serial, machine->queues);
}

VirtioDevice *
machine_make_nic (const MachineNic *nic)
{
  return virtio_net_new (net_user_new (nic->forwards, nic->n_forwards), nic->mac);
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
machine_add_to_port (Machine *machine, unsigned port, VirtioDevice *take, BlockDevice *disk)
{
  MachinePort *at = &machine->ports[port];
  g_autofree char *id = make_id (port);

  g_assert (at->device == NULL);
  at->device = virtio_pci_new_in_port (take, at->port);
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

static bool
plug_in (Machine *machine, unsigned port, VirtioDevice *take, BlockDevice *disk, GError **error)
{
  Plug plug = {.machine = machine, .port = port, .disk = disk, .error = error};

  g_assert (port >= 1 && port <= MACHINE_PORTS && !machine_port_is_used (machine, port));
  if (!machine_check_descriptors (DESCRIPTORS, error)) {
    take->ops->free (take);
    return false;
  }
  plug.device = virtio_pci_new_in_port (take, machine->ports[port].port);
  vm_call_parked (machine->vm, plug_cb, &plug);
  return plug.ok;
}

bool
machine_attach_disk (Machine *machine, const MachineDisk *disk, GError **error)
{
  BlockDevice *device = machine_open_disk (machine, disk, error);

  if (device == NULL)
    return false;
  if (plug_in (machine, disk->port, machine_make_disk (machine, disk->port, device), device, error))
    return true;
  machine->n_disks--;
  return false;
}

bool
machine_attach_nic (Machine *machine, const MachineNic *nic, GError **error)
{
  return plug_in (machine, nic->port, machine_make_nic (nic), NULL, error);
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
