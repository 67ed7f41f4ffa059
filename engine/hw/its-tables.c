// SPDX-License-Identifier: GPL-3.0-or-later
// The ITS's tables in guest memory (IHI 0069 §5.2): devices and collections, each flat or of two
// levels, and a table of events for each device. The layout of entries is ours (64 bits each, valid
// in bit 63). Threads and trust: see its-priv.h; every entry is read once, and what it says is
// checked when it is used.

#include "engine/hw/its-priv.h"
#include "engine/mem/access.h"

enum {
  BASER_PAGES = 0xff, // less one
  BASER_PAGE_SHIFT = 8,
  ENTRY_SIZE_MASK = 0x1f, // device: bits of EventID less one
  ENTRY_COLLECTION_SHIFT = 32,
};

static void *
find_ram (const Its *its, GuestAddr addr)
{
  return mem_bus_ram_ptr (its->device.vm->bus, addr, ITS_ENTRY_BYTES);
}

static unsigned
page_bytes (uint64_t baser)
{
  static const unsigned bytes[4] = {0x1000, 0x4000, 0x10000, 0x10000};
  return bytes[baser >> BASER_PAGE_SHIFT & 3];
}

// With 64 KiB pages, bits 51:48 of the address are in 15:12.
static GuestAddr
table_base (uint64_t baser)
{
  if (page_bytes (baser) == 0x10000)
    return (baser & 0xffffffff0000) | (baser & 0xf000) << 36;
  return baser & 0xfffffffff000 & ~(uint64_t) (page_bytes (baser) - 1);
}

static void *
find_entry (const Its *its, unsigned table, uint64_t index)
{
  uint64_t baser = its->baser[table], page = page_bytes (baser);
  GuestAddr base = table_base (baser);
  uint64_t n = ((baser & BASER_PAGES) + 1) * page / ITS_ENTRY_BYTES;

  if (!(baser & ITS_VALID))
    return NULL;
  if (baser & ITS_BASER_INDIRECT) {
    uint64_t per_page = page / ITS_ENTRY_BYTES;
    if (index / per_page >= n)
      return NULL;
    const void *first = find_ram (its, base + index / per_page * ITS_ENTRY_BYTES);
    uint64_t level1 = first != NULL ? mem_load64 (first) : 0;
    if (!(level1 & ITS_VALID))
      return NULL;
    base = level1 & UINT64_C (0x000ffffffffff000) & ~(page - 1);
    index %= per_page;
    n = per_page;
  }
  return index < n ? find_ram (its, base + index * ITS_ENTRY_BYTES) : NULL;
}

bool
its_set_device (Its *its, uint64_t device, bool valid, GuestAddr itt, unsigned size)
{
  void *entry = device >> ITS_DEVICE_BITS == 0 ? find_entry (its, ITS_DEVICES, device) : NULL;

  if (entry == NULL || (valid && size >= ITS_EVENT_BITS))
    return false;
  mem_store64 (entry, valid ? ITS_VALID | (itt & ITS_ITT_ADDR) | size : 0);
  return true;
}

bool
its_set_collection (Its *its, unsigned collection, bool valid, uint64_t cpu)
{
  void *entry = find_entry (its, ITS_COLLECTIONS, collection);

  if (entry == NULL || (valid && cpu >= its->gic->config.n_cpus))
    return false;
  mem_store64 (entry, valid ? ITS_VALID | cpu : 0);
  return true;
}

bool
its_get_collection (const Its *its, unsigned collection, uint64_t *cpu)
{
  const void *entry = find_entry (its, ITS_COLLECTIONS, collection);
  uint64_t value = entry != NULL ? mem_load64 (entry) : 0;

  *cpu = value & ~ITS_VALID;
  return (value & ITS_VALID) && *cpu < its->gic->config.n_cpus;
}

static void *
find_event (const Its *its, uint64_t device, uint64_t event)
{
  const void *entry = device >> ITS_DEVICE_BITS == 0 ? find_entry (its, ITS_DEVICES, device) : NULL;
  uint64_t value = entry != NULL ? mem_load64 (entry) : 0;
  unsigned bits = (value & ENTRY_SIZE_MASK) + 1;

  if (!(value & ITS_VALID) || bits > ITS_EVENT_BITS || event >> bits != 0)
    return NULL;
  return find_ram (its, (value & ITS_ITT_ADDR) + event * ITS_ENTRY_BYTES);
}

bool
its_set_event (Its *its, uint64_t device, uint64_t event, uint32_t intid, uint16_t collection)
{
  void *entry = find_event (its, device, event);

  if (entry == NULL || !gic_is_lpi (its->gic, intid))
    return false;
  mem_store64 (entry, ITS_VALID | (uint64_t) collection << ENTRY_COLLECTION_SHIFT | intid);
  return true;
}

bool
its_get_event (const Its *its, uint64_t device, uint64_t event, ItsEvent *found)
{
  found->entry = find_event (its, device, event);
  uint64_t value = found->entry != NULL ? mem_load64 (found->entry) : 0;

  found->intid = value & 0xffffffff;
  found->collection = value >> ENTRY_COLLECTION_SHIFT & 0xffff;
  return value & ITS_VALID;
}

void
its_drop_event (const ItsEvent *event)
{
  mem_store64 (event->entry, 0);
}

void
its_move_event (const ItsEvent *event, uint16_t collection)
{
  mem_store64 (event->entry,
               ITS_VALID | (uint64_t) collection << ENTRY_COLLECTION_SHIFT | event->intid);
}

bool
its_translate (const Its *its, uint64_t device, uint64_t event, uint64_t *cpu, uint32_t *intid)
{
  ItsEvent found;

  if (!its_get_event (its, device, event, &found) ||
      !its_get_collection (its, found.collection, cpu))
    return false;
  *intid = found.intid;
  return true;
}
