// SPDX-License-Identifier: GPL-3.0-or-later
// PCI Express root ports; see pci-port.h. There is no power controller: what is in the slot is on,
// and the guest turns it off by letting its indicator go dark (PCI Express 3.0 §6.7.1.5).
//
// Threads: registers on vCPU threads under the host bridge's lock, which everything here is under. A
// reset of the bus behind the port is carried out on the I/O thread.
#include "engine/hw/pci-port.h"

#include <string.h>

#include "engine/hw/pci-priv.h"
#include "engine/snapshot/state.h"
#include "engine/vm/vm.h"

enum {
  PORT_VENDOR = 0x1b36, // the generic root port that drivers know
  PORT_DEVICE = 0x000c,

  SLOT_IMPLEMENTED = 1 << 8, // of the capability's flags
  LINK_REPORTS_ACTIVE = 1 << 20,
  LINK_ACTIVE = 1 << 13, // of the link's status

  // Of the slot's capabilities.
  HAS_BUTTON = 1 << 0,
  HAS_ATTENTION_INDICATOR = 1 << 3,
  HAS_POWER_INDICATOR = 1 << 4,
  HOT_PLUG_SURPRISE = 1 << 5,
  HOT_PLUG_CAPABLE = 1 << 6,
  NO_COMMAND_COMPLETED = 1 << 18,
  SLOT_NUMBER_SHIFT = 19,

  // Of its status, and of its control where they enable the same.
  STATUS_BUTTON = 1 << 0,
  STATUS_PRESENCE_CHANGED = 1 << 3,
  STATUS_PRESENT = 1 << 6,
  STATUS_LINK_CHANGED = 1 << 8,
  STATUS_CHANGES = STATUS_BUTTON | STATUS_PRESENCE_CHANGED | STATUS_LINK_CHANGED,
  CONTROL_INTERRUPT = 1 << 5,
  CONTROL_POWER_INDICATOR = 3 << 8,
  POWER_INDICATOR_BLINKS = 2 << 8,
  POWER_INDICATOR_OFF = 3 << 8,
  CONTROL_LINK_CHANGED = 1 << 12,
  CONTROL_WRITABLE = 0x13f9 | 0x00c0,
};

typedef struct PciPort {
  Device device;
  Device *host;
  PciFunction fn;
  PciMsix msix;
  unsigned express; // where the capability lies
  unsigned slot, function;
  bool wanted;          // the guest was asked to let go
  bool released;        // and has
  bool signalled;       // an interrupt was given for what has changed
  bool listened;        // the guest wants interrupts
  VmEvent *reset_event; // of the bus behind it
} PciPort;

static uint16_t
get (const PciPort *port, unsigned offset)
{
  return pci_get16 (port->fn.config + port->express + offset);
}

static void
put (PciPort *port, unsigned offset, uint16_t value)
{
  pci_put16 (port->fn.config + port->express + offset, value);
}

// ---- events ---------------------------------------------------------------------------------

// A message when something begins to be reported, the pin for as long as it is (§6.7.3.4).
static void
update_interrupt (PciPort *port)
{
  uint16_t control = get (port, PCI_EXPRESS_SLOT_CONTROL);
  uint16_t status = get (port, PCI_EXPRESS_SLOT_STATUS);
  bool link = (control & CONTROL_LINK_CHANGED) && (status & STATUS_LINK_CHANGED);
  bool other = control & status & (STATUS_BUTTON | STATUS_PRESENCE_CHANGED);
  bool active = (control & CONTROL_INTERRUPT) && (link || other);

  if (active && !port->signalled)
    pci_msix_send (&port->msix, 0);
  port->signalled = active;
  pci_host_drive_intx (port->fn.host, &port->fn, &active);
}

static void
show_presence (PciPort *port)
{
  uint16_t link = get (port, PCI_EXPRESS_LINK_STATUS) & ~LINK_ACTIVE;
  uint16_t status = get (port, PCI_EXPRESS_SLOT_STATUS) & ~STATUS_PRESENT;
  bool present = port->fn.child != NULL;

  put (port, PCI_EXPRESS_LINK_STATUS, link | (present ? LINK_ACTIVE : 0));
  put (port, PCI_EXPRESS_SLOT_STATUS, status | (present ? STATUS_PRESENT : 0));
}

static void
report (PciPort *port, uint16_t changes)
{
  put (port, PCI_EXPRESS_SLOT_STATUS, get (port, PCI_EXPRESS_SLOT_STATUS) | changes);
  update_interrupt (port);
}

static void
changed (PciPort *port)
{
  pci_host_lock (port->fn.host);
  port->wanted = port->released = false;
  show_presence (port);
  report (port, STATUS_PRESENCE_CHANGED | STATUS_LINK_CHANGED);
  pci_host_unlock (port->fn.host);
}

void
pci_port_insert (Device *device, PciFunction *fn)
{
  PciPort *port = (PciPort *) device;

  pci_host_plug (port->host, &port->fn, fn);
  changed (port);
}

void
pci_port_take_out (Device *device)
{
  PciPort *port = (PciPort *) device;

  pci_host_unplug (port->host, &port->fn);
  changed (port);
}

// Pressing it again while the indicator blinks would take it back.
void
pci_port_press_button (Device *device)
{
  PciPort *port = (PciPort *) device;

  pci_host_lock (port->fn.host);
  uint16_t indicator = get (port, PCI_EXPRESS_SLOT_CONTROL) & CONTROL_POWER_INDICATOR;
  if (port->fn.child != NULL && !(port->wanted && indicator == POWER_INDICATOR_BLINKS)) {
    port->wanted = true;
    report (port, STATUS_BUTTON);
  }
  pci_host_unlock (port->fn.host);
}

bool
pci_port_is_released (Device *device)
{
  PciPort *port = (PciPort *) device;

  pci_host_lock (port->fn.host);
  bool released = port->released;
  pci_host_unlock (port->fn.host);
  return released;
}

// A driver that comes up forgets what happened before: a button that was pressed is pressed again.
static void
notice_driver (PciPort *port)
{
  bool listens = get (port, PCI_EXPRESS_SLOT_CONTROL) & CONTROL_INTERRUPT;

  if (listens && !port->listened && port->wanted && !port->released)
    report (port, STATUS_BUTTON);
  port->listened = listens;
}

// ---- registers ------------------------------------------------------------------------------

// The 16 bits of what is written that fall on the register at `at`.
static uint16_t
part_at (unsigned at, unsigned offset, unsigned size, uint32_t value)
{
  uint64_t wide = (uint64_t) (value & ~0u >> (32 - 8 * size)) << 32;

  if (offset + size <= at || offset >= at + 2)
    return 0;
  return offset >= at ? wide >> (32 - 8 * (offset - at)) : wide >> (32 + 8 * (at - offset));
}

static void
config_write (PciFunction *fn, unsigned offset, unsigned size, uint32_t value)
{
  PciPort *port = fn->opaque;
  unsigned at = port->express + PCI_EXPRESS_SLOT_STATUS;
  uint16_t status = get (port, PCI_EXPRESS_SLOT_STATUS);
  uint16_t indicator = get (port, PCI_EXPRESS_SLOT_CONTROL) & CONTROL_POWER_INDICATOR;
  bool writes_control = offset < at && offset + size > at - 2;

  put (port, PCI_EXPRESS_SLOT_STATUS,
       status & ~(part_at (at, offset, size, value) & STATUS_CHANGES));
  update_interrupt (port);
  notice_driver (port);
  if (writes_control && indicator == POWER_INDICATOR_OFF && port->wanted && !port->released &&
      fn->child != NULL) {
    port->released = true;
    vm_request (port->device.vm, VM_REQUEST_UNPLUG);
  }
  if (part_at (PCI_BRIDGE_CONTROL, offset, size, value) & PCI_BRIDGE_CONTROL_RESET)
    vm_event_signal (port->reset_event);
}

// The bus behind the port was reset: what is there loses what the guest has set.
static void
reset_child_cb (void *data)
{
  PciPort *port = data;

  if (port->fn.child != NULL && port->fn.child->reset != NULL)
    port->fn.child->reset (port->fn.child);
}

// ---- ops ------------------------------------------------------------------------------------

static bool
port_realize (Device *device, GError **error)
{
  PciPort *port = (PciPort *) device;

  port->reset_event = vm_event_new (device->vm->loop, reset_child_cb, port);
  pci_host_add_function (port->host, &port->fn, port->slot, port->function);
  return true;
}

static void
settle (PciPort *port, uint16_t changes)
{
  pci_host_lock (port->fn.host);
  put (port, PCI_EXPRESS_SLOT_STATUS, changes);
  show_presence (port);
  port->signalled = changes != 0; // what was reported was reported
  port->listened = get (port, PCI_EXPRESS_SLOT_CONTROL) & CONTROL_INTERRUPT;
  update_interrupt (port);
  pci_host_unlock (port->fn.host);
}

static void
port_reset (Device *device)
{
  PciPort *port = (PciPort *) device;

  pci_function_reset (&port->fn);
  port->wanted = port->released = false;
  settle (port, 0);
}

static void
port_free (Device *device)
{
  PciPort *port = (PciPort *) device;

  g_clear_pointer (&port->reset_event, vm_event_free);
  pci_msix_clear (&port->msix);
  g_free (port);
}

static void
port_save (Device *device, StateWriter *writer)
{
  PciPort *port = (PciPort *) device;

  pci_function_save (&port->fn, writer);
  state_put_u16 (writer, get (port, PCI_EXPRESS_SLOT_STATUS) & STATUS_CHANGES);
  state_put_bool (writer, port->wanted);
}

// Whether something is in the slot is how the machine was made, not what the state says.
static bool
port_load (Device *device, StateReader *reader, uint32_t version, GError **error)
{
  PciPort *port = (PciPort *) device;
  bool ok = pci_function_load (&port->fn, reader, error);

  if (ok)
    settle (port, state_get_u16 (reader) & STATUS_CHANGES);
  port->wanted = state_get_bool (reader) && ok;
  return ok;
}

static const DeviceOps device_ops = {
    .name = "pci-port",
    .state_version = 1,
    .realize = port_realize,
    .reset = port_reset,
    .free = port_free,
    .save = port_save,
    .load = port_load,
};

// ---- set-up ---------------------------------------------------------------------------------

static void
add_bridge_header (PciFunction *fn)
{
  static const uint8_t subsystem[4] = {0}; // of type 0 only

  memcpy (fn->config + PCI_SUBSYSTEM_VENDOR, subsystem, sizeof subsystem);
  fn->config[PCI_HEADER_TYPE] |= PCI_HEADER_BRIDGE;
  memset (fn->writable + PCI_PRIMARY_BUS, 0xff, 3);
  memset (fn->writable + PCI_IO_BASE, 0xf0, 2);
  pci_put16 (fn->writable + PCI_MEMORY_BASE, 0xfff0);
  pci_put16 (fn->writable + PCI_MEMORY_LIMIT, 0xfff0);
  pci_put16 (fn->writable + PCI_PREFETCH_BASE, 0xfff0);
  pci_put16 (fn->writable + PCI_PREFETCH_LIMIT, 0xfff0);
  pci_put16 (fn->config + PCI_PREFETCH_BASE, 1); // 64 bits wide
  pci_put16 (fn->config + PCI_PREFETCH_LIMIT, 1);
  pci_put32 (fn->writable + PCI_PREFETCH_BASE_HIGH, ~0u);
  pci_put32 (fn->writable + PCI_PREFETCH_LIMIT_HIGH, ~0u);
  pci_put16 (fn->writable + PCI_BRIDGE_CONTROL, PCI_BRIDGE_CONTROL_RESET | 3);
}

Device *
pci_port_new (Device *host, unsigned slot, unsigned function, unsigned number)
{
  static const uint8_t class_code[3] = {0x06, 0x04, 0x00};
  PciPort *port = g_new0 (PciPort, 1);
  PciFunction *fn = &port->fn;

  port->device.ops = &device_ops;
  port->host = host;
  port->slot = slot;
  port->function = function;
  pci_function_init (fn, PORT_VENDOR, PORT_DEVICE, 0, class_code, 0);
  add_bridge_header (fn);
  fn->opaque = port;
  fn->config_write = config_write;
  port->express = pci_function_add_express (fn, PCI_EXPRESS_ROOT_PORT);
  uint8_t *express = fn->config + port->express;
  express[PCI_EXPRESS_FLAGS + 1] |= SLOT_IMPLEMENTED >> 8;
  pci_put32 (express + PCI_EXPRESS_LINK, pci_get32 (express + PCI_EXPRESS_LINK) |
                                             LINK_REPORTS_ACTIVE | (uint32_t) number << 24);
  pci_put32 (express + PCI_EXPRESS_SLOT,
             HAS_BUTTON | HAS_ATTENTION_INDICATOR | HAS_POWER_INDICATOR | HOT_PLUG_SURPRISE |
                 HOT_PLUG_CAPABLE | NO_COMMAND_COMPLETED | (uint32_t) number << SLOT_NUMBER_SHIFT);
  pci_put16 (fn->writable + port->express + PCI_EXPRESS_SLOT_CONTROL, CONTROL_WRITABLE);
  pci_put16 (fn->writable + port->express + PCI_EXPRESS_ROOT_CONTROL, 0x1f);
  pci_msix_init (&port->msix, fn, 0, 1);
  return &port->device;
}
