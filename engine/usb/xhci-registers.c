// SPDX-License-Identifier: GPL-3.0-or-later
// The controller's registers (xHCI 1.1 §5, §7): capabilities, operational, runtime and doorbell
// registers and extended capabilities in one BAR.
//
// Threads: vCPU threads, under the controller's lock; doorbells without.

#include "engine/usb/xhci-priv.h"

enum {
  // Capability registers.
  CAPLENGTH = 0x40,
  HCIVERSION = 0x0110,
  HCSPARAMS1 = 0x04,
  HCSPARAMS2 = 0x08,
  HCCPARAMS1 = 0x10,
  DBOFF = 0x14,
  RTSOFF = 0x18,
  CAPABILITIES = 0x20, // extended, up to CAPLENGTH
  HCC_AC64 = 1 << 0,
  HCC_NO_SECONDARY_STREAMS = 1 << 7,

  // Operational registers.
  OPERATIONAL = CAPLENGTH,
  USBCMD = OPERATIONAL + 0x00,
  USBSTS = OPERATIONAL + 0x04,
  PAGESIZE = OPERATIONAL + 0x08,
  DNCTRL = OPERATIONAL + 0x14,
  CRCR = OPERATIONAL + 0x18,
  DCBAAP = OPERATIONAL + 0x30,
  CONFIG = OPERATIONAL + 0x38,
  PORTS = OPERATIONAL + 0x400,
  PORT_BYTES = 0x10,
  PORTS_END = PORTS + XHCI_PORTS * PORT_BYTES,

  // Runtime registers.
  RUNTIME = 0x1000,
  MFINDEX = RUNTIME,
  INTERRUPTERS = RUNTIME + 0x20,
  INTERRUPTER_BYTES = 0x20,
  INTERRUPTERS_END = INTERRUPTERS + XHCI_INTERRUPTERS * INTERRUPTER_BYTES,
  IMAN = 0x00,
  IMOD = 0x04,
  ERSTSZ = 0x08,
  ERSTBA = 0x10,
  ERDP = 0x18,

  DOORBELLS = 0x2000,
  DOORBELLS_END = DOORBELLS + (XHCI_SLOTS + 1) * 4,

  USBCMD_KEPT = USBCMD_RUN | USBCMD_INTE | USBCMD_HSEE | USBCMD_EWE,
  USBSTS_CLEARED_BY_ONE = 1 << 2 | USBSTS_EINT | USBSTS_PORT | USBSTS_RESTORE_ERROR,
  CONFIG_KEPT = 0x3ff,
  MFINDEX_UNIT_NS = 125000,
  MFINDEX_MASK = 0x3fff,
};

// ---- reading --------------------------------------------------------------------------------

// Supported protocols (§7.2): USB 2 and USB 3 ports with the default speeds.
static const uint32_t extended_capabilities[] = {
    0x02000402,
    0x20425355,
    1 | XHCI_CONNECTORS << 8,
    0,
    0x03000002,
    0x20425355,
    (1 + XHCI_CONNECTORS) | XHCI_CONNECTORS << 8,
    0,
};

static uint32_t
read_capability (unsigned offset)
{
  if (offset >= CAPABILITIES)
    return extended_capabilities[(offset - CAPABILITIES) / 4];
  switch (offset) {
  case 0:
    return CAPLENGTH | (uint32_t) HCIVERSION << 16;
  case HCSPARAMS1:
    return XHCI_SLOTS | XHCI_INTERRUPTERS << 8 | (uint32_t) XHCI_PORTS << 24;
  case HCSPARAMS2:
    return XHCI_ERST_MAX_LOG2 << 4;
  case HCCPARAMS1:
    return HCC_AC64 | HCC_NO_SECONDARY_STREAMS | (uint32_t) (CAPABILITIES / 4) << 16;
  case DBOFF:
    return DOORBELLS;
  case RTSOFF:
    return RUNTIME;
  default:
    return 0;
  }
}

static uint32_t
read_operational (const Xhci *xhci, unsigned offset)
{
  switch (offset) {
  case USBCMD:
    return xhci->command;
  case USBSTS:
    return xhci->status;
  case PAGESIZE:
    return 1; // 4 KiB
  case DNCTRL:
    return xhci->notifications;
  case CRCR: // the pointer reads as 0
    return xhci->commands_running ? CRCR_RUNNING : 0;
  case DCBAAP:
    return xhci->dcbaap & 0xffffffff;
  case DCBAAP + 4:
    return xhci->dcbaap >> 32;
  case CONFIG:
    return xhci->config;
  default:
    return 0;
  }
}

static uint32_t
read_interrupter (const XhciInterrupter *it, unsigned offset)
{
  switch (offset) {
  case IMAN:
    return it->iman;
  case IMOD:
    return it->imod;
  case ERSTSZ:
    return it->erst_size;
  case ERSTBA:
    return it->erst_base & 0xffffffff;
  case ERSTBA + 4:
    return it->erst_base >> 32;
  case ERDP:
    return it->dequeue & 0xffffffff;
  case ERDP + 4:
    return it->dequeue >> 32;
  default:
    return 0;
  }
}

static uint32_t
read_mfindex (const Xhci *xhci)
{
  int64_t now = vm_clock_now (xhci->device.vm->clock);

  return xhci->command & USBCMD_RUN
             ? (uint32_t) ((now - xhci->started_ns) / MFINDEX_UNIT_NS) & MFINDEX_MASK
             : 0;
}

static uint32_t
read_register (const Xhci *xhci, unsigned offset)
{
  if (offset < OPERATIONAL)
    return read_capability (offset);
  if (offset >= PORTS && offset < PORTS_END)
    return offset % PORT_BYTES == 0 ? xhci_read_port (xhci, (offset - PORTS) / PORT_BYTES) : 0;
  if (offset < RUNTIME)
    return read_operational (xhci, offset);
  if (offset == MFINDEX)
    return read_mfindex (xhci);
  if (offset >= INTERRUPTERS && offset < INTERRUPTERS_END)
    return read_interrupter (&xhci->interrupters[(offset - INTERRUPTERS) / INTERRUPTER_BYTES],
                             offset % INTERRUPTER_BYTES);
  return 0;
}

// Reading has no side effects, so any part of a register may be read.
static uint64_t
registers_read (void *opaque, uint64_t offset, unsigned size)
{
  Xhci *xhci = opaque;
  unsigned at = (unsigned) offset & ~3u;

  g_mutex_lock (&xhci->lock);
  uint64_t value = read_register (xhci, at);
  if (size == 8)
    value |= (uint64_t) read_register (xhci, at + 4) << 32;
  g_mutex_unlock (&xhci->lock);
  return size == 8 ? value : value >> 8 * (offset & 3) & (UINT64_MAX >> (64 - 8 * size));
}

// ---- writing --------------------------------------------------------------------------------

static void
set_low (uint64_t *reg, uint32_t value)
{
  *reg = (*reg & 0xffffffff00000000) | value;
}

static void
set_high (uint64_t *reg, uint32_t value)
{
  *reg = (*reg & 0xffffffff) | (uint64_t) value << 32;
}

static void
start (Xhci *xhci)
{
  xhci->status &= ~(uint32_t) USBSTS_HALTED;
  xhci->started_ns = vm_clock_now (xhci->device.vm->clock);
  xhci->wrap_ns = xhci->started_ns + (int64_t) MFINDEX_UNIT_NS * (MFINDEX_MASK + 1);
  xhci_report_ports (xhci);
}

// Halting is immediate for the guest: the I/O thread does nothing more once it has the lock.
static void
write_command (Xhci *xhci, uint32_t value)
{
  bool ran = xhci->command & USBCMD_RUN;

  if (value & USBCMD_RESET) {
    xhci->command |= USBCMD_RESET;
    xhci_wake (xhci);
    return;
  }
  xhci->command = value & USBCMD_KEPT;
  if (value & USBCMD_SAVE)
    xhci->status &= ~(uint32_t) USBSTS_RESTORE_ERROR;
  if (value & USBCMD_RESTORE) // nothing was kept: the driver starts anew
    xhci->status |= USBSTS_RESTORE_ERROR;
  if (!ran && (value & USBCMD_RUN))
    start (xhci);
  if (ran && !(value & USBCMD_RUN)) {
    xhci->status |= USBSTS_HALTED;
    xhci->commands_running = false;
  }
  xhci_update_interrupts (xhci);
  xhci_wake (xhci);
}

// While the ring runs only its end can be asked for; a driver that asks may write a pointer of
// nothing behind it.
static void
write_command_ring (Xhci *xhci, bool high, uint32_t value)
{
  bool ignored = xhci->commands_running || (high && xhci->ignore_high);

  xhci->ignore_high = !high && xhci->commands_running;
  if (xhci->commands_running && !high && (value & (CRCR_STOP | CRCR_ABORT))) {
    xhci->stop_commands = true;
    xhci_wake (xhci);
  }
  if (ignored)
    return;
  if (high)
    set_high (&xhci->command_ring, value);
  else
    set_low (&xhci->command_ring, value);
  xhci->commands = (XhciRing){xhci->command_ring & ~63ull, (xhci->command_ring & CRCR_CYCLE) != 0};
}

static void
write_operational (Xhci *xhci, unsigned offset, uint32_t value)
{
  switch (offset) {
  case USBCMD:
    write_command (xhci, value);
    break;
  case USBSTS:
    xhci->status &= ~(value & USBSTS_CLEARED_BY_ONE);
    break;
  case DNCTRL:
    xhci->notifications = value & 0xffff;
    break;
  case CRCR:
  case CRCR + 4:
    write_command_ring (xhci, offset != CRCR, value);
    break;
  case DCBAAP:
    set_low (&xhci->dcbaap, value & ~63u);
    break;
  case DCBAAP + 4:
    set_high (&xhci->dcbaap, value);
    break;
  case CONFIG:
    xhci->config = value & CONFIG_KEPT;
    break;
  default:
    break;
  }
}

static void
write_interrupter (Xhci *xhci, unsigned n, unsigned offset, uint32_t value)
{
  XhciInterrupter *it = &xhci->interrupters[n];
  uint64_t pointer = it->dequeue;

  switch (offset) {
  case IMAN:
    it->iman = (it->iman & IMAN_PENDING & ~value) | (value & IMAN_ENABLE);
    xhci_update_interrupts (xhci);
    break;
  case IMOD:
    it->imod = value;
    break;
  case ERSTSZ:
    it->erst_size = MIN (value & 0xffff, 1u << XHCI_ERST_MAX_LOG2);
    it->loaded = false;
    break;
  case ERSTBA:
    set_low (&it->erst_base, value & ~63u);
    it->loaded = false;
    break;
  case ERSTBA + 4:
    set_high (&it->erst_base, value);
    it->loaded = false;
    break;
  case ERDP:
    set_low (&pointer, value);
    xhci_set_dequeue (xhci, n, pointer, value & ERDP_BUSY);
    break;
  case ERDP + 4:
    set_high (&pointer, value);
    xhci_set_dequeue (xhci, n, pointer, false);
    break;
  default:
    break;
  }
}

static void
write_register (Xhci *xhci, unsigned offset, uint32_t value)
{
  if (offset >= PORTS && offset < PORTS_END) {
    if (offset % PORT_BYTES == 0)
      xhci_write_port (xhci, (offset - PORTS) / PORT_BYTES, value);
  } else if (offset >= OPERATIONAL && offset < RUNTIME) {
    write_operational (xhci, offset, value);
  } else if (offset >= INTERRUPTERS && offset < INTERRUPTERS_END) {
    write_interrupter (xhci, (offset - INTERRUPTERS) / INTERRUPTER_BYTES,
                       offset % INTERRUPTER_BYTES, value);
  }
}

static void
ring_doorbell (Xhci *xhci, unsigned slot, uint32_t value)
{
  unsigned target = value & 0xff;

  // Streams are not offered.
  if (value >> 16 != 0 || target >= XHCI_ENDPOINTS || (slot == 0) != (target == 0))
    return;
  atomic_fetch_or_explicit (&xhci->doorbells[slot], 1u << target, memory_order_release);
  xhci_wake (xhci);
}

static void
registers_write (void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
  Xhci *xhci = opaque;
  unsigned at = (unsigned) offset;

  if (at >= DOORBELLS) {
    if (at < DOORBELLS_END && size == 4)
      ring_doorbell (xhci, (at - DOORBELLS) / 4, value & 0xffffffff);
    return;
  }
  if (size < 4)
    return;
  g_mutex_lock (&xhci->lock);
  // A reset that is under way will undo it.
  if (!(xhci->command & USBCMD_RESET)) {
    write_register (xhci, at, value & 0xffffffff);
    if (size == 8)
      write_register (xhci, at + 4, value >> 32);
  }
  g_mutex_unlock (&xhci->lock);
}

const MmioOps xhci_register_ops = {
    .read = registers_read,
    .write = registers_write,
    .sizes = 1 | 2 | 4 | 8,
};
