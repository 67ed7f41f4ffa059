// SPDX-License-Identifier: GPL-3.0-or-later
// The physical address map: a sorted list of regions, looked up by binary search. Few regions and
// a TLB in front of it (guest CPUs look RAM up once per page) make that fast enough.
//
// Threads: see bus.h; nothing here changes after the machine is built.
#include "engine/mem/bus.h"

#include "engine/mem/access.h"

struct MemBus {
  GPtrArray *regions; // of MemRegion, by ascending base, none overlapping
};

MemBus *
mem_bus_new (void)
{
  MemBus *bus = g_new0 (MemBus, 1);

  bus->regions = g_ptr_array_new_with_free_func (g_free);
  return bus;
}

void
mem_bus_free (MemBus *bus)
{
  if (bus == NULL)
    return;
  g_ptr_array_unref (bus->regions);
  g_free (bus);
}

// Index of the first region whose base is above `addr`.
static unsigned
upper_bound (const MemBus *bus, GuestAddr addr)
{
  unsigned low = 0, high = bus->regions->len;

  while (low < high) {
    unsigned middle = low + (high - low) / 2;
    const MemRegion *region = g_ptr_array_index (bus->regions, middle);

    if (region->base <= addr)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static void
add (MemBus *bus, const MemRegion *added)
{
  unsigned at = upper_bound (bus, added->base);
  GuestAddr last = added->base + (added->size_bytes - 1);

  g_assert (added->size_bytes > 0 && last >= added->base);
  if (at > 0) {
    const MemRegion *before = g_ptr_array_index (bus->regions, at - 1);
    g_assert (added->base - before->base >= before->size_bytes);
  }
  if (at < bus->regions->len) {
    const MemRegion *after = g_ptr_array_index (bus->regions, at);
    g_assert (last < after->base);
  }
  g_ptr_array_insert (bus->regions, (int) at, g_memdup2 (added, sizeof *added));
}

void
mem_bus_add_ram (MemBus *bus, VmRam *ram)
{
  add (bus, &(MemRegion){
                .base = vm_ram_get_base (ram),
                .size_bytes = vm_ram_get_size_bytes (ram),
                .host = vm_ram_get_host (ram),
                .name = "ram",
            });
}

void
mem_bus_add_mmio (MemBus *bus, const char *name, GuestAddr base, uint64_t size_bytes,
                  const MmioOps *ops, void *opaque)
{
  add (bus, &(MemRegion){
                .base = base,
                .size_bytes = size_bytes,
                .ops = ops,
                .opaque = opaque,
                .name = name,
            });
}

void
mem_bus_add_rom (MemBus *bus, const char *name, GuestAddr base, uint64_t size_bytes,
                 const uint8_t *host, const MmioOps *ops, void *opaque)
{
  add (bus, &(MemRegion){
                .base = base,
                .size_bytes = size_bytes,
                .rom = host,
                .ops = ops,
                .opaque = opaque,
                .name = name,
            });
}

const MemRegion *
mem_bus_find (const MemBus *bus, GuestAddr addr)
{
  unsigned at = upper_bound (bus, addr);

  if (at == 0)
    return NULL;
  const MemRegion *region = g_ptr_array_index (bus->regions, at - 1);
  return addr - region->base < region->size_bytes ? region : NULL;
}

// The region that holds all of [addr, addr + length), and the offset in it; length > 0.
static const MemRegion *
find_range (const MemBus *bus, GuestAddr addr, uint64_t length, uint64_t *offset)
{
  const MemRegion *region = mem_bus_find (bus, addr);

  if (region == NULL)
    return NULL;
  *offset = addr - region->base;
  return length <= region->size_bytes - *offset ? region : NULL;
}

// Whether the device wants to see such an access at all (MmioOps).
static bool
accepts (const MmioOps *ops, uint64_t offset, unsigned size)
{
  return (ops->sizes & size) != 0 && (ops->allow_unaligned || (offset & (size - 1)) == 0);
}

static uint64_t
load (const void *p, unsigned size)
{
  switch (size) {
  case 1:
    return mem_load8 (p);
  case 2:
    return mem_load16 (p);
  case 4:
    return mem_load32 (p);
  default:
    return mem_load64 (p);
  }
}

static void
store (void *p, unsigned size, uint64_t value)
{
  switch (size) {
  case 1:
    mem_store8 (p, (uint8_t) value);
    break;
  case 2:
    mem_store16 (p, (uint16_t) value);
    break;
  case 4:
    mem_store32 (p, (uint32_t) value);
    break;
  default:
    mem_store64 (p, value);
    break;
  }
}

// The low `size` bytes: a device that answers with more cannot leak them into a narrow load.
static uint64_t
truncate_to (uint64_t value, unsigned size)
{
  return size == 8 ? value : value & ((UINT64_C (1) << (size * 8)) - 1);
}

bool
mem_bus_read (MemBus *bus, GuestAddr addr, unsigned size, uint64_t *value)
{
  uint64_t offset;
  const MemRegion *region = find_range (bus, addr, size, &offset);

  g_assert (size == 1 || size == 2 || size == 4 || size == 8);
  if (region == NULL)
    return false;
  if (region->host != NULL)
    *value = load (region->host + offset, size);
  else if (region->rom != NULL)
    *value = load (region->rom + offset, size);
  else if (accepts (region->ops, offset, size))
    *value = truncate_to (region->ops->read (region->opaque, offset, size), size);
  else
    *value = 0;
  return true;
}

bool
mem_bus_write (MemBus *bus, GuestAddr addr, unsigned size, uint64_t value)
{
  uint64_t offset;
  const MemRegion *region = find_range (bus, addr, size, &offset);

  g_assert (size == 1 || size == 2 || size == 4 || size == 8);
  if (region == NULL)
    return false;
  if (region->host != NULL)
    store (region->host + offset, size, value);
  else if (accepts (region->ops, offset, size))
    region->ops->write (region->opaque, offset, truncate_to (value, size), size);
  return true;
}

void *
mem_bus_ram_ptr (const MemBus *bus, GuestAddr addr, uint64_t length)
{
  uint64_t offset;
  const MemRegion *region = length > 0 ? find_range (bus, addr, length, &offset) : NULL;

  return region != NULL && region->host != NULL ? region->host + offset : NULL;
}

bool
mem_bus_copy_from (const MemBus *bus, GuestAddr addr, void *to, uint64_t length)
{
  const void *from = mem_bus_ram_ptr (bus, addr, length);

  if (from != NULL)
    memcpy (to, from, length);
  return from != NULL || length == 0;
}

bool
mem_bus_copy_to (MemBus *bus, GuestAddr addr, const void *from, uint64_t length)
{
  void *to = mem_bus_ram_ptr (bus, addr, length);

  if (to != NULL)
    memcpy (to, from, length);
  return to != NULL || length == 0;
}
