// SPDX-License-Identifier: GPL-3.0-or-later
// The PCI host bridge: configuration space as ECAM (PCI Express 3.0 §7.2.2) of bus 0 and of the one
// device behind each bridge there, and the windows through which BARs are reached. PCI memory addresses are the CPU's; I/O ports count from
// the start of their window.
//
// Threads: configuration accesses on vCPU threads, under `lock`. BAR accesses on vCPU threads take
// no lock here: where a BAR lies is one atomic word. The pins' state has a lock of its own, the
// innermost but for the interrupt controller's, so that devices may drive them while they hold
// theirs.

#include "engine/hw/pci-priv.h"

#include <stdatomic.h>

#include "engine/mem/access.h"
#include "engine/vm/vm.h"

enum {
  N_SLOTS = 32,
  N_FUNCTIONS = 8, // of a device
  N_PINS = 4,
  N_DECODES = 256,
  N_PASSAGES = 16, // two of each bridge

  BRIDGE_VENDOR = 0x1b36, // the generic host bridge firmware and drivers know
  BRIDGE_DEVICE = 0x0008,
  BRIDGE_SUBSYSTEM = 0x1100,
};

// No address of a window comes near it, whatever the BAR's size.
#define NOT_DECODED (1ull << 63)

// An implemented BAR of some function.
typedef struct Decode {
  PciFunction *fn;
  unsigned bar;
  _Atomic uint64_t base; // NOT_DECODED, or where the guest put it
} Decode;

// Memory that a bridge leads to.
typedef struct Passage {
  PciFunction *bridge;
  bool prefetchable;
  _Atomic uint64_t first, last; // last below first: none
} Passage;

typedef struct Window {
  PciHost *host;
  uint64_t first; // PCI address of its first byte
  bool is_io;
} Window;

struct PciHost {
  Device device;
  PciHostConfig config;
  Window mmio32, mmio64, pio;
  PciFunction bridge;
  // Changed with every vCPU parked only, and so are bridges' children.
  PciFunction *functions[N_SLOTS * N_FUNCTIONS];
  Decode decodes[N_DECODES];
  unsigned n_decodes;
  Passage passages[N_PASSAGES];
  unsigned n_passages;
  GMutex lock; // configuration spaces
  GMutex intx_lock;
  unsigned asserted[N_PINS]; // intx_lock: functions that drive this line
};

void
pci_host_lock (PciHost *host)
{
  g_mutex_lock (&host->lock);
}

void
pci_host_unlock (PciHost *host)
{
  g_mutex_unlock (&host->lock);
}

void
pci_host_drive_intx (PciHost *host, PciFunction *fn, const bool *level)
{
  // Every function uses INTA; device 0 behind a bridge has the bridge's.
  unsigned pin = (fn->bridge != NULL ? fn->bridge : fn)->slot % N_PINS;

  g_mutex_lock (&host->intx_lock);
  if (level != NULL)
    __atomic_store_n (&fn->intx_level, *level, __ATOMIC_RELAXED);
  else
    fn->intx_masked = (pci_get16 (fn->config + PCI_COMMAND) & PCI_COMMAND_NO_INTX) ||
                      (fn->msix != NULL && pci_msix_uses_no_pin (fn->msix));
  bool driven = fn->intx_level && !fn->intx_masked;
  if (driven != fn->intx_driven)
    host->asserted[pin] += driven ? 1 : -1;
  fn->intx_driven = driven;
  irq_line_set (&host->config.intx[pin], host->asserted[pin] != 0);
  g_mutex_unlock (&host->intx_lock);
}

void
pci_host_send_msi (PciFunction *fn, GuestAddr addr, uint32_t data)
{
  PciHost *host = fn->host;
  const MsiSink *msi = &host->config.msi;
  uint32_t bus = __atomic_load_n (&fn->bus, __ATOMIC_RELAXED);
  uint32_t requester = bus << 8 | (fn->slot * N_FUNCTIONS + fn->function);

  if (msi->send != NULL && msi->send (msi->opaque, requester, addr, data))
    return;
  void *ram = mem_bus_ram_ptr (host->device.vm->bus, addr, sizeof data);
  if (ram != NULL)
    mem_store32 (ram, data);
}

// ---- bridges --------------------------------------------------------------------------------

static bool
is_between (uint64_t first, uint64_t last, uint64_t base, uint64_t bytes)
{
  return first <= last && base >= first && bytes - 1 <= last - first && base <= last - (bytes - 1);
}

static void
get_passage (const PciFunction *bridge, bool prefetchable, uint64_t *first, uint64_t *last)
{
  const uint8_t *config = bridge->config;
  unsigned at = prefetchable ? PCI_PREFETCH_BASE : PCI_MEMORY_BASE;

  *first = (uint64_t) (pci_get16 (config + at) & 0xfff0) << 16;
  *last = (uint64_t) (pci_get16 (config + at + 2) & 0xfff0) << 16 | 0xfffff;
  if (prefetchable) {
    *first |= (uint64_t) pci_get32 (config + PCI_PREFETCH_BASE_HIGH) << 32;
    *last |= (uint64_t) pci_get32 (config + PCI_PREFETCH_LIMIT_HIGH) << 32;
  }
}

// Whether a bridge lets through what lies there.
static bool
passes (const PciFunction *bridge, bool is_io, uint64_t base, uint64_t bytes)
{
  const uint8_t *config = bridge->config;
  uint16_t command = pci_get16 (config + PCI_COMMAND);

  if (is_io)
    return (command & PCI_COMMAND_IO) &&
           is_between ((config[PCI_IO_BASE] & 0xf0u) << 8,
                       (config[PCI_IO_BASE + 1] & 0xf0u) << 8 | 0xfff, base, bytes);
  uint64_t first, last, first_prefetch, last_prefetch;
  get_passage (bridge, false, &first, &last);
  get_passage (bridge, true, &first_prefetch, &last_prefetch);
  return (command & PCI_COMMAND_MEMORY) &&
         (is_between (first, last, base, bytes) ||
          is_between (first_prefetch, last_prefetch, base, bytes));
}

static void
update_passages (PciHost *host, const PciFunction *bridge)
{
  for (unsigned i = 0; i < host->n_passages; i++) {
    Passage *passage = &host->passages[i];
    uint64_t first, last;

    if (passage->bridge != bridge)
      continue;
    get_passage (bridge, passage->prefetchable, &first, &last);
    if (!(pci_get16 (bridge->config + PCI_COMMAND) & PCI_COMMAND_MEMORY))
      first = 1, last = 0;
    atomic_store_explicit (&passage->first, first, memory_order_relaxed);
    atomic_store_explicit (&passage->last, last, memory_order_relaxed);
  }
}

// Whether it leads behind a bridge. What nobody answers to there reads as zeroes: a device of virtio
// that was pulled out looks reset, which Linux's driver waits for in vain where it reads ones.
static bool
is_behind_bridge (PciHost *host, uint64_t addr)
{
  for (unsigned i = 0; i < host->n_passages; i++)
    if (addr >= atomic_load_explicit (&host->passages[i].first, memory_order_relaxed) &&
        addr <= atomic_load_explicit (&host->passages[i].last, memory_order_relaxed))
      return true;
  return false;
}

static void
update_decodes (PciHost *host, PciFunction *fn)
{
  uint16_t command = pci_get16 (fn->config + PCI_COMMAND);

  for (unsigned i = 0; i < host->n_decodes; i++) {
    Decode *decode = &host->decodes[i];
    if (decode->fn != fn)
      continue;
    bool is_io = fn->bars[decode->bar].is_io;
    uint64_t base = command & (is_io ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY)
                        ? pci_function_get_bar (fn, decode->bar)
                        : NOT_DECODED;
    if (fn->bridge != NULL && !passes (fn->bridge, is_io, base, fn->bars[decode->bar].size_bytes))
      base = NOT_DECODED;
    atomic_store_explicit (&decode->base, base, memory_order_relaxed);
  }
}

void
pci_host_update_function (PciHost *host, PciFunction *fn)
{
  update_decodes (host, fn);
  update_passages (host, fn);
  pci_host_drive_intx (host, fn, NULL);
  if (fn->child == NULL)
    return;
  __atomic_store_n (&fn->child->bus, fn->config[PCI_SECONDARY_BUS], __ATOMIC_RELAXED);
  update_decodes (host, fn->child);
}

// ---- windows --------------------------------------------------------------------------------

// The BAR that answers for all of [addr, addr + size), and the offset in it.
static const PciBar *
find_bar (const Window *window, uint64_t addr, unsigned size, uint64_t *offset)
{
  PciHost *host = window->host;

  for (unsigned i = 0; i < host->n_decodes; i++) {
    Decode *decode = &host->decodes[i];
    const PciBar *bar = &decode->fn->bars[decode->bar];
    *offset = addr - atomic_load_explicit (&decode->base, memory_order_relaxed);
    if (bar->is_io == window->is_io && *offset < bar->size_bytes &&
        size <= bar->size_bytes - *offset)
      return bar;
  }
  return NULL;
}

static bool
accepts (const MmioOps *ops, uint64_t offset, unsigned size)
{
  return (ops->sizes & size) && (ops->allow_unaligned || offset % size == 0);
}

static uint64_t
window_read (void *opaque, uint64_t offset, unsigned size)
{
  const Window *window = opaque;
  uint64_t addr = window->first + offset;
  const PciBar *bar = find_bar (window, addr, size, &offset);

  if (bar == NULL && !window->is_io && is_behind_bridge (window->host, addr))
    return 0;
  if (bar == NULL)
    return ~0ull >> (64 - 8 * size); // nobody answers
  return accepts (bar->ops, offset, size) ? bar->ops->read (bar->opaque, offset, size) : 0;
}

static void
window_write (void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
  const Window *window = opaque;
  const PciBar *bar = find_bar (window, window->first + offset, size, &offset);

  if (bar != NULL && accepts (bar->ops, offset, size))
    bar->ops->write (bar->opaque, offset, value, size);
}

static const MmioOps window_ops = {
    .read = window_read,
    .write = window_write,
    .sizes = 1 | 2 | 4 | 8,
    .allow_unaligned = true,
};

// ---- configuration space --------------------------------------------------------------------

// What the bridge that the guest has given this bus leads to; of several the first. Lock held.
static PciFunction *
find_behind_bridge (PciHost *host, unsigned bus)
{
  for (unsigned i = 0; i < G_N_ELEMENTS (host->functions); i++) {
    PciFunction *fn = host->functions[i];
    if (fn != NULL && fn->child != NULL && fn->config[PCI_SECONDARY_BUS] == bus)
      return fn->child;
  }
  return NULL;
}

static PciFunction *
find_function (PciHost *host, uint64_t offset)
{
  uint64_t n = offset / PCI_CONFIG_BYTES, per_bus = G_N_ELEMENTS (host->functions);

  if (n < per_bus)
    return host->functions[n];
  return n % per_bus == 0 ? find_behind_bridge (host, (unsigned) (n / per_bus)) : NULL;
}

static uint64_t
ecam_read (void *opaque, uint64_t offset, unsigned size)
{
  PciHost *host = opaque;
  uint32_t value = ~0u >> (32 - 8 * size);

  g_mutex_lock (&host->lock);
  PciFunction *fn = find_function (host, offset);
  if (fn != NULL)
    value = pci_function_read_config (fn, offset % PCI_CONFIG_BYTES, size);
  g_mutex_unlock (&host->lock);
  return value;
}

static void
ecam_write (void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
  PciHost *host = opaque;

  g_mutex_lock (&host->lock);
  PciFunction *fn = find_function (host, offset);
  if (fn != NULL)
    pci_function_write_config (fn, offset % PCI_CONFIG_BYTES, size, value);
  g_mutex_unlock (&host->lock);
}

static const MmioOps ecam_ops = {
    .read = ecam_read,
    .write = ecam_write,
    .sizes = 1 | 2 | 4,
};

// ---- adding and removing --------------------------------------------------------------------

static void
add_decodes (PciHost *host, PciFunction *fn)
{
  for (unsigned bar = 0; bar < PCI_N_BARS; bar++) {
    if (fn->bars[bar].size_bytes == 0)
      continue;
    g_assert (host->n_decodes < N_DECODES);
    Decode *decode = &host->decodes[host->n_decodes++];
    decode->fn = fn;
    decode->bar = bar;
    decode->base = NOT_DECODED;
  }
}

static void
remove_decodes (PciHost *host, const PciFunction *fn)
{
  unsigned kept = 0;

  for (unsigned i = 0; i < host->n_decodes; i++)
    if (host->decodes[i].fn != fn)
      host->decodes[kept++] = host->decodes[i];
  host->n_decodes = kept;
}

static void
place (PciHost *host, PciFunction *fn, unsigned slot, unsigned function)
{
  unsigned first = slot * N_FUNCTIONS;

  g_assert (slot < N_SLOTS && function < N_FUNCTIONS);
  g_assert (host->functions[first + function] == NULL);
  g_assert (function == 0 || host->functions[first] != NULL);
  host->functions[first + function] = fn;
  if (function != 0)
    host->functions[first]->config[PCI_HEADER_TYPE] |= PCI_HEADER_MULTI_FUNCTION;
  fn->slot = slot;
  fn->function = function;
  fn->host = host;
  add_decodes (host, fn);
  for (unsigned i = 0; i < 2 && (fn->config[PCI_HEADER_TYPE] & PCI_HEADER_BRIDGE); i++) {
    g_assert (host->n_passages < N_PASSAGES);
    Passage *passage = &host->passages[host->n_passages++];
    passage->bridge = fn;
    passage->prefetchable = i == 1;
    passage->first = 1;
  }
}

void
pci_host_plug (Device *device, PciFunction *bridge, PciFunction *fn)
{
  PciHost *host = (PciHost *) device;

  g_assert (bridge->child == NULL && bridge->host == host && fn->host == NULL);
  g_mutex_lock (&host->lock);
  fn->slot = fn->function = 0;
  fn->host = host;
  fn->bridge = bridge;
  bridge->child = fn;
  add_decodes (host, fn);
  pci_host_update_function (host, bridge);
  g_mutex_unlock (&host->lock);
}

void
pci_host_unplug (Device *device, PciFunction *bridge)
{
  PciHost *host = (PciHost *) device;
  PciFunction *fn = bridge->child;
  const bool low = false;

  g_assert (fn != NULL);
  g_mutex_lock (&host->lock);
  pci_host_drive_intx (host, fn, &low);
  remove_decodes (host, fn);
  bridge->child = NULL;
  fn->bridge = NULL;
  fn->host = NULL;
  g_mutex_unlock (&host->lock);
}

void
pci_host_add (Device *device, PciFunction *fn, unsigned slot)
{
  place ((PciHost *) device, fn, slot, 0);
}

void
pci_host_add_function (Device *device, PciFunction *fn, unsigned slot, unsigned function)
{
  place ((PciHost *) device, fn, slot, function);
}

static void
add_window (PciHost *host, const char *name, GuestAddr base, uint64_t bytes, Window *window)
{
  window->host = host;
  if (bytes != 0)
    mem_bus_add_mmio (host->device.vm->bus, name, base, bytes, &window_ops, window);
}

static bool
host_realize (Device *device, GError **error)
{
  PciHost *host = (PciHost *) device;
  const PciHostConfig *config = &host->config;

  host->mmio32.first = config->mmio32_base;
  host->mmio64.first = config->mmio64_base;
  host->pio.is_io = true;
  add_window (host, "pci-mmio32", config->mmio32_base, config->mmio32_bytes, &host->mmio32);
  add_window (host, "pci-mmio64", config->mmio64_base, config->mmio64_bytes, &host->mmio64);
  add_window (host, "pci-pio", config->pio_base, config->pio_bytes, &host->pio);
  mem_bus_add_mmio (device->vm->bus, "pci-ecam", config->ecam_base, config->ecam_bytes, &ecam_ops,
                    host);
  return true;
}

static void
host_reset (Device *device)
{
  pci_function_reset (&((PciHost *) device)->bridge);
}

static void
host_free (Device *device)
{
  PciHost *host = (PciHost *) device;
  g_mutex_clear (&host->lock);
  g_mutex_clear (&host->intx_lock);
  g_free (host);
}

static void
host_save (Device *device, StateWriter *writer)
{
  pci_function_save (&((PciHost *) device)->bridge, writer);
}

static bool
host_load (Device *device, StateReader *reader, uint32_t version, GError **error)
{
  return pci_function_load (&((PciHost *) device)->bridge, reader, error);
}

static const DeviceOps device_ops = {
    .name = "pci-host",
    .state_version = 1,
    .realize = host_realize,
    .reset = host_reset,
    .free = host_free,
    .save = host_save,
    .load = host_load,
};

Device *
pci_host_new (const PciHostConfig *config)
{
  static const uint8_t host_bridge[3] = {0x06, 0x00, 0x00};
  PciHost *host = g_new0 (PciHost, 1);

  host->device.ops = &device_ops;
  host->config = *config;
  g_mutex_init (&host->lock);
  g_mutex_init (&host->intx_lock);
  pci_function_init (&host->bridge, BRIDGE_VENDOR, BRIDGE_DEVICE, BRIDGE_SUBSYSTEM, host_bridge, 0);
  pci_put16 (host->bridge.config + PCI_SUBSYSTEM_VENDOR, 0x1af4);
  host->bridge.config[PCI_INTERRUPT_PIN] = 0;
  place (host, &host->bridge, 0, 0);
  return &host->device;
}
