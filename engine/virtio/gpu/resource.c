// SPDX-License-Identifier: GPL-3.0-or-later
// Resources of the 2D adapter (VIRTIO 1.2 §5.7.6.8). Every number in a command is the guest's.
#include "engine/virtio/gpu/resource.h"

#include <stdlib.h>
#include <string.h>

// ---------------------------------------------------------------------------------------------
// Table

static uint64_t
get_memory_bytes (const GpuResource *resource)
{
  return (uint64_t) resource->width * resource->height * GPU_PIXEL_BYTES +
         resource->n_backing * sizeof (GpuMemEntry);
}

static void
resource_free (void *data)
{
  GpuResource *resource = data;
  free (resource->pixels);
  g_free (resource->backing);
  g_free (resource);
}

void
gpu_resources_init (GpuResources *resources, MemBus *bus)
{
  resources->bus = bus;
  resources->by_id = g_hash_table_new_full (NULL, NULL, NULL, resource_free);
}

void
gpu_resources_clear (GpuResources *resources)
{
  if (resources->by_id != NULL)
    g_hash_table_unref (resources->by_id);
  resources->by_id = NULL;
}

void
gpu_resources_remove_all (GpuResources *resources)
{
  g_hash_table_remove_all (resources->by_id);
  resources->memory_bytes = 0;
}

GpuResource *
gpu_resources_find (const GpuResources *resources, uint32_t id)
{
  return g_hash_table_lookup (resources->by_id, GUINT_TO_POINTER (id));
}

uint32_t
gpu_resources_create (GpuResources *resources, uint32_t id, uint32_t format_id, uint32_t width,
                      uint32_t height)
{
  const GpuFormat *format = gpu_format_find (format_id);
  if (id == 0 || gpu_resources_find (resources, id) != NULL)
    return GPU_RESP_ERR_INVALID_RESOURCE_ID;
  if (format == NULL || width == 0 || height == 0 || width > GPU_RESOURCE_SIZE_MAX ||
      height > GPU_RESOURCE_SIZE_MAX)
    return GPU_RESP_ERR_INVALID_PARAMETER;
  uint64_t bytes = (uint64_t) width * height * GPU_PIXEL_BYTES;
  if (bytes > GPU_MEMORY_MAX_BYTES - resources->memory_bytes ||
      g_hash_table_size (resources->by_id) >= GPU_RESOURCES_MAX)
    return GPU_RESP_ERR_OUT_OF_MEMORY;
  uint8_t *pixels = calloc (1, bytes);
  if (pixels == NULL)
    return GPU_RESP_ERR_OUT_OF_MEMORY;
  GpuResource *resource = g_new0 (GpuResource, 1);
  *resource =
      (GpuResource){.id = id, .width = width, .height = height, .format = format, .pixels = pixels};
  g_hash_table_insert (resources->by_id, GUINT_TO_POINTER (id), resource);
  resources->memory_bytes += bytes;
  return GPU_RESP_OK_NODATA;
}

uint32_t
gpu_resources_remove (GpuResources *resources, uint32_t id)
{
  GpuResource *resource = gpu_resources_find (resources, id);
  if (resource == NULL)
    return GPU_RESP_ERR_INVALID_RESOURCE_ID;
  resources->memory_bytes -= get_memory_bytes (resource);
  g_hash_table_remove (resources->by_id, GUINT_TO_POINTER (id));
  return GPU_RESP_OK_NODATA;
}

// ---------------------------------------------------------------------------------------------
// Guest memory behind a resource

uint32_t
gpu_resources_attach (GpuResources *resources, uint32_t id, const GpuMemEntry *entries,
                      uint32_t n_entries)
{
  GpuResource *resource = gpu_resources_find (resources, id);
  uint64_t total = 0;
  if (resource == NULL)
    return GPU_RESP_ERR_INVALID_RESOURCE_ID;
  if (resource->backing != NULL)
    return GPU_RESP_ERR_UNSPEC; // one at a time
  if (n_entries == 0 || n_entries > GPU_BACKING_ENTRIES_MAX)
    return GPU_RESP_ERR_INVALID_PARAMETER;
  for (uint32_t i = 0; i < n_entries; i++) {
    if (mem_bus_ram_ptr (resources->bus, entries[i].addr, entries[i].length) == NULL)
      return GPU_RESP_ERR_INVALID_PARAMETER;
    total += entries[i].length;
  }
  size_t bytes = n_entries * sizeof *entries;
  if (bytes > GPU_MEMORY_MAX_BYTES - resources->memory_bytes)
    return GPU_RESP_ERR_OUT_OF_MEMORY;
  resource->backing = g_memdup2 (entries, bytes);
  resource->n_backing = n_entries;
  resource->backing_bytes = total;
  resources->memory_bytes += bytes;
  return GPU_RESP_OK_NODATA;
}

uint32_t
gpu_resources_detach (GpuResources *resources, uint32_t id)
{
  GpuResource *resource = gpu_resources_find (resources, id);
  if (resource == NULL)
    return GPU_RESP_ERR_INVALID_RESOURCE_ID;
  if (resource->backing == NULL)
    return GPU_RESP_ERR_UNSPEC;
  resources->memory_bytes -= resource->n_backing * sizeof *resource->backing;
  g_clear_pointer (&resource->backing, g_free);
  resource->n_backing = 0;
  resource->backing_bytes = 0;
  return GPU_RESP_OK_NODATA;
}

// Where reading of a backing has got to; offsets only grow.
typedef struct BackingCursor {
  unsigned entry;
  uint64_t entry_start;
} BackingCursor;

// The range is inside the backing.
static void
read_backing (const GpuResources *resources, const GpuResource *resource, BackingCursor *cursor,
              uint64_t offset, uint8_t *to, uint64_t length)
{
  while (length > 0) {
    const GpuMemEntry *entry = &resource->backing[cursor->entry];
    uint64_t skip = offset - cursor->entry_start;
    if (skip >= entry->length) {
      cursor->entry_start += entry->length;
      cursor->entry++;
      continue;
    }
    uint64_t bytes = entry->length - skip < length ? entry->length - skip : length;
    mem_bus_copy_from (resources->bus, entry->addr + skip, to, bytes);
    to += bytes;
    offset += bytes;
    length -= bytes;
  }
}

bool
gpu_resource_contains (const GpuResource *resource, const GpuRect *rect)
{
  return rect->width > 0 && rect->height > 0 && rect->x < resource->width &&
         rect->y < resource->height && rect->width <= resource->width - rect->x &&
         rect->height <= resource->height - rect->y;
}

uint32_t
gpu_resources_transfer (GpuResources *resources, uint32_t id, const GpuRect *rect, uint64_t offset)
{
  GpuResource *resource = gpu_resources_find (resources, id);
  if (resource == NULL)
    return GPU_RESP_ERR_INVALID_RESOURCE_ID;
  if (resource->backing == NULL)
    return GPU_RESP_ERR_UNSPEC;
  if (!gpu_resource_contains (resource, rect))
    return GPU_RESP_ERR_INVALID_PARAMETER;
  uint64_t stride = (uint64_t) resource->width * GPU_PIXEL_BYTES;
  uint64_t row = (uint64_t) rect->width * GPU_PIXEL_BYTES;
  uint64_t span = stride * (rect->height - 1) + row; // of guest memory, from `offset` on
  if (span > resource->backing_bytes || offset > resource->backing_bytes - span)
    return GPU_RESP_ERR_INVALID_PARAMETER;
  BackingCursor cursor = {0};
  uint8_t *to = resource->pixels + rect->y * stride + rect->x * (uint64_t) GPU_PIXEL_BYTES;
  if (row == stride) {
    read_backing (resources, resource, &cursor, offset, to, span);
    return GPU_RESP_OK_NODATA;
  }
  for (unsigned y = 0; y < rect->height; y++)
    read_backing (resources, resource, &cursor, offset + y * stride, to + y * stride, row);
  return GPU_RESP_OK_NODATA;
}

// ---------------------------------------------------------------------------------------------
// Saved state

void
gpu_resources_save (const GpuResources *resources, StateWriter *writer)
{
  GHashTableIter iter;
  void *value;
  state_put_u32 (writer, g_hash_table_size (resources->by_id));
  g_hash_table_iter_init (&iter, resources->by_id);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    const GpuResource *resource = value;
    state_put_u32 (writer, resource->id);
    state_put_u32 (writer, resource->format->id);
    state_put_u32 (writer, resource->width);
    state_put_u32 (writer, resource->height);
    state_put_bytes (writer, resource->pixels,
                     (size_t) resource->width * resource->height * GPU_PIXEL_BYTES);
    state_put_bytes (writer, resource->backing, resource->n_backing * sizeof *resource->backing);
  }
}

static bool
load_resource (GpuResources *resources, StateReader *reader)
{
  uint32_t id = state_get_u32 (reader), format = state_get_u32 (reader);
  uint32_t width = state_get_u32 (reader), height = state_get_u32 (reader);
  if (gpu_resources_create (resources, id, format, width, height) != GPU_RESP_OK_NODATA)
    return false;
  GpuResource *resource = gpu_resources_find (resources, id);
  state_get_bytes (reader, resource->pixels, (size_t) width * height * GPU_PIXEL_BYTES);
  g_autoptr (GBytes) backing =
      state_get_blob (reader, GPU_BACKING_ENTRIES_MAX * sizeof (GpuMemEntry));
  if (backing == NULL || g_bytes_get_size (backing) % sizeof (GpuMemEntry) != 0)
    return false;
  uint32_t n = (uint32_t) (g_bytes_get_size (backing) / sizeof (GpuMemEntry));
  if (n == 0)
    return true;
  g_autofree GpuMemEntry *entries // aligned
      = g_memdup2 (g_bytes_get_data (backing, NULL), n * sizeof *entries);
  return gpu_resources_attach (resources, id, entries, n) == GPU_RESP_OK_NODATA;
}

bool
gpu_resources_load (GpuResources *resources, StateReader *reader)
{
  uint32_t n = state_get_u32 (reader);
  if (n > GPU_RESOURCES_MAX)
    return false;
  for (uint32_t i = 0; i < n; i++) {
    if (!state_reader_ok (reader) || !load_resource (resources, reader))
      return false;
  }
  return state_reader_ok (reader);
}
