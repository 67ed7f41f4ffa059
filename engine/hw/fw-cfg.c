// SPDX-License-Identifier: GPL-3.0-or-later
// fw_cfg (fw-cfg.h). An item is selected, then read from its beginning: byte by byte or in larger
// pieces through the data register, or by one DMA operation that the guest describes in its RAM. All
// items are read-only.
//
// Threads: registers on vCPU threads, under `lock`; the items are constant then.
#include "engine/hw/fw-cfg.h"

#include <assert.h>
#include <gio/gio.h>
#include <string.h>

#include "engine/mem/access.h"
#include "engine/snapshot/state.h"
#include "engine/vm/vm.h"

enum {
  REG_DATA_END = 8, // data: 0..7
  REG_SELECTOR = 8,
  REG_DMA = 16, // high half, then the low one, which begins the operation

  KEY_SIGNATURE = 0x00,
  KEY_ID = 0x01,
  KEY_DIRECTORY = 0x19,
  KEY_FILE_FIRST = 0x20,

  ID_TRADITIONAL = 1,
  ID_DMA = 2,

  DMA_ERROR = 1,
  DMA_READ = 2,
  DMA_SKIP = 4,
  DMA_SELECT = 8,
  DMA_WRITE = 16,
};

#define DMA_SIGNATURE UINT64_C (0x51454d5520434647) // "QEMU CFG"

// What the guest puts into RAM; big endian.
typedef struct DmaAccess {
  uint32_t control, length;
  uint64_t address;
} DmaAccess;
static_assert (sizeof (DmaAccess) == 16, "a wire format");

typedef struct FileEntry {
  uint32_t bytes; // big endian
  uint16_t key;   // big endian
  uint16_t reserved;
  char name[FW_CFG_NAME_BYTES];
} FileEntry;
static_assert (sizeof (FileEntry) == 64, "a wire format");

typedef struct Item {
  uint16_t key;
  char *name; // of a file, or NULL
  GBytes *contents;
} Item;

typedef struct FwCfg {
  Device device;
  GuestAddr base;
  GPtrArray *items; // of Item
  unsigned n_files;

  GMutex lock;
  uint16_t key;
  uint64_t offset; // in the selected item
  uint32_t dma_high;
} FwCfg;

// ---- items ----------------------------------------------------------------------------------

static void
free_item (void *data)
{
  Item *item = data;

  g_free (item->name);
  g_bytes_unref (item->contents);
  g_free (item);
}

static void
add (FwCfg *cfg, uint16_t key, const char *name, GBytes *take_contents)
{
  Item *item = g_new0 (Item, 1);

  item->key = key;
  item->name = g_strdup (name);
  item->contents = take_contents;
  g_ptr_array_add (cfg->items, item);
}

void
fw_cfg_add_item (Device *device, uint16_t key, GBytes *take_contents)
{
  add ((FwCfg *) device, key, NULL, take_contents);
}

void
fw_cfg_add_number (Device *device, uint16_t key, uint32_t value, unsigned bytes)
{
  value = GUINT32_TO_LE (value);
  g_assert (bytes <= sizeof value);
  fw_cfg_add_item (device, key, g_bytes_new (&value, bytes));
}

void
fw_cfg_add_file (Device *device, const char *name, GBytes *take_contents)
{
  FwCfg *cfg = (FwCfg *) device;

  g_assert (strlen (name) < FW_CFG_NAME_BYTES);
  add (cfg, (uint16_t) (KEY_FILE_FIRST + cfg->n_files++), name, take_contents);
}

static GBytes *
make_directory (const FwCfg *cfg)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  uint32_t count = GUINT32_TO_BE (cfg->n_files);

  g_byte_array_append (bytes, (const uint8_t *) &count, sizeof count);
  for (unsigned i = 0; i < cfg->items->len; i++) {
    const Item *item = g_ptr_array_index (cfg->items, i);
    FileEntry entry = {.bytes = GUINT32_TO_BE ((uint32_t) g_bytes_get_size (item->contents)),
                       .key = GUINT16_TO_BE (item->key)};

    if (item->name == NULL)
      continue;
    g_strlcpy (entry.name, item->name, sizeof entry.name);
    g_byte_array_append (bytes, (const uint8_t *) &entry, sizeof entry);
  }
  return g_byte_array_free_to_bytes (g_steal_pointer (&bytes));
}

// What is left of the selected item. An item that does not exist is empty.
static const uint8_t *
rest (const FwCfg *cfg, size_t *length)
{
  for (unsigned i = 0; i < cfg->items->len; i++) {
    const Item *item = g_ptr_array_index (cfg->items, i);
    const uint8_t *data = g_bytes_get_data (item->contents, length);

    if (item->key == cfg->key && cfg->offset < *length) {
      *length -= cfg->offset;
      return data + cfg->offset;
    }
  }
  *length = 0;
  return NULL;
}

static void
select_locked (FwCfg *cfg, uint16_t key)
{
  cfg->key = key;
  cfg->offset = 0;
}

// Behind its end an item reads as zeroes.
static void
read_locked (FwCfg *cfg, void *to, size_t length)
{
  size_t left;
  const uint8_t *from = rest (cfg, &left);
  size_t n = MIN (left, length);

  if (n > 0)
    memcpy (to, from, n);
  memset ((uint8_t *) to + n, 0, length - n);
  cfg->offset += length;
}

// ---- DMA ------------------------------------------------------------------------------------

// The flags to give back: 0 or DMA_ERROR.
static uint32_t
transfer_locked (FwCfg *cfg, uint32_t control, uint32_t length, GuestAddr address)
{
  if (control & DMA_SELECT)
    select_locked (cfg, (uint16_t) (control >> 16));
  if (control & DMA_READ) {
    void *to = mem_bus_ram_ptr (cfg->device.vm->bus, address, length);

    if (to == NULL && length > 0)
      return DMA_ERROR;
    if (length > 0)
      read_locked (cfg, to, length);
  } else if (control & DMA_WRITE) {
    return DMA_ERROR;
  } else if (control & DMA_SKIP) {
    cfg->offset += length;
  }
  return 0;
}

static void
dma_locked (FwCfg *cfg, GuestAddr at)
{
  MemBus *bus = cfg->device.vm->bus;
  uint8_t *host = mem_bus_ram_ptr (bus, at, sizeof (DmaAccess));
  DmaAccess access;

  if (host == NULL) {
    guest_log (&cfg->device.vm->log, "fw_cfg", "DMA described outside RAM");
    return;
  }
  memcpy (&access, host, sizeof access);
  uint32_t result =
      transfer_locked (cfg, GUINT32_FROM_BE (access.control), GUINT32_FROM_BE (access.length),
                       GUINT64_FROM_BE (access.address));
  // The guest waits for this word, and then takes the data for complete.
  __atomic_thread_fence (__ATOMIC_RELEASE);
  mem_store32 (host, GUINT32_TO_BE (result));
}

// ---- registers ------------------------------------------------------------------------------

static uint64_t
cfg_read (void *opaque, uint64_t offset, unsigned size)
{
  FwCfg *cfg = opaque;
  uint8_t bytes[8] = {0};
  uint64_t value;

  if (offset < REG_DATA_END) {
    g_mutex_lock (&cfg->lock);
    read_locked (cfg, bytes, size);
    g_mutex_unlock (&cfg->lock);
  } else if (offset >= REG_DMA) {
    uint64_t signature = GUINT64_TO_BE (DMA_SIGNATURE);
    memcpy (bytes, (const uint8_t *) &signature + (offset - REG_DMA), size);
  }
  memcpy (&value, bytes, sizeof value);
  return GUINT64_FROM_LE (value);
}

static void
cfg_write (void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
  FwCfg *cfg = opaque;

  g_mutex_lock (&cfg->lock);
  if (offset == REG_SELECTOR && size == 2) {
    select_locked (cfg, GUINT16_SWAP_LE_BE ((uint16_t) value));
  } else if (offset == REG_DMA && size == 8) {
    dma_locked (cfg, GUINT64_SWAP_LE_BE (value));
  } else if (offset == REG_DMA && size == 4) {
    cfg->dma_high = GUINT32_SWAP_LE_BE ((uint32_t) value);
  } else if (offset == REG_DMA + 4 && size == 4) {
    GuestAddr high = cfg->dma_high;

    cfg->dma_high = 0;
    dma_locked (cfg, high << 32 | GUINT32_SWAP_LE_BE ((uint32_t) value));
  }
  g_mutex_unlock (&cfg->lock);
}

static const MmioOps mmio_ops = {
    .read = cfg_read,
    .write = cfg_write,
    .sizes = 1 | 2 | 4 | 8,
};

// ---- life -----------------------------------------------------------------------------------

static bool
cfg_realize (Device *device, GError **error)
{
  FwCfg *cfg = (FwCfg *) device;

  fw_cfg_add_item (device, KEY_SIGNATURE, g_bytes_new_static ("QEMU", 4));
  fw_cfg_add_number (device, KEY_ID, ID_TRADITIONAL | ID_DMA, 4);
  fw_cfg_add_item (device, KEY_DIRECTORY, make_directory (cfg));
  mem_bus_add_mmio (device->vm->bus, "fw_cfg", cfg->base, FW_CFG_BYTES, &mmio_ops, cfg);
  return true;
}

static void
cfg_reset (Device *device)
{
  FwCfg *cfg = (FwCfg *) device;

  g_mutex_lock (&cfg->lock);
  select_locked (cfg, 0);
  cfg->dma_high = 0;
  g_mutex_unlock (&cfg->lock);
}

static void
cfg_free (Device *device)
{
  FwCfg *cfg = (FwCfg *) device;

  g_ptr_array_unref (cfg->items);
  g_mutex_clear (&cfg->lock);
  g_free (cfg);
}

static void
cfg_save (Device *device, StateWriter *writer)
{
  FwCfg *cfg = (FwCfg *) device;

  g_mutex_lock (&cfg->lock);
  state_put_u16 (writer, cfg->key);
  state_put_u64 (writer, cfg->offset);
  state_put_u32 (writer, cfg->dma_high);
  g_mutex_unlock (&cfg->lock);
}

// Any value will do: an offset behind the end is one that a guest can bring about.
static bool
cfg_load (Device *device, StateReader *reader, uint32_t version, GError **error)
{
  FwCfg *cfg = (FwCfg *) device;

  g_mutex_lock (&cfg->lock);
  cfg->key = state_get_u16 (reader);
  cfg->offset = state_get_u64 (reader);
  cfg->dma_high = state_get_u32 (reader);
  g_mutex_unlock (&cfg->lock);
  if (state_reader_ok (reader))
    return true;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
               "The saved state of the firmware's configuration is damaged.");
  return false;
}

static const DeviceOps device_ops = {
    .name = "fw-cfg",
    .state_version = 1,
    .realize = cfg_realize,
    .reset = cfg_reset,
    .free = cfg_free,
    .save = cfg_save,
    .load = cfg_load,
};

Device *
fw_cfg_new (GuestAddr base)
{
  FwCfg *cfg = g_new0 (FwCfg, 1);

  cfg->device.ops = &device_ops;
  cfg->base = base;
  cfg->items = g_ptr_array_new_with_free_func (free_item);
  g_mutex_init (&cfg->lock);
  return &cfg->device;
}
