// SPDX-License-Identifier: GPL-3.0-or-later
// A 2D adapter's resources: pictures in host memory, each with the guest memory behind it.
//
// Threads: the I/O thread under the device's lock. Functions that carry out a command answer with
// a GPU_RESP_ code.
#pragma once

#include <glib.h>

#include "engine/mem/bus.h"
#include "engine/snapshot/state.h"
#include "engine/virtio/gpu/format.h"
#include "engine/virtio/gpu/wire.h"

enum {
  GPU_RESOURCES_MAX = 4096,
  GPU_BACKING_ENTRIES_MAX = 16384,
  GPU_RESOURCE_SIZE_MAX = 16384, // pixels, either way
};
// What all resources of a machine may take of the host.
#define GPU_MEMORY_MAX_BYTES MIB (256)

typedef struct GpuResource {
  uint32_t id;
  unsigned width, height;
  const GpuFormat *format;
  uint8_t *pixels;      // rows of width * GPU_PIXEL_BYTES
  GpuMemEntry *backing; // all of it RAM; NULL: none
  unsigned n_backing;
  uint64_t backing_bytes;
} GpuResource;

typedef struct GpuResources {
  MemBus *bus;
  GHashTable *by_id;
  uint64_t memory_bytes; // pixels and backing lists
} GpuResources;

void gpu_resources_init (GpuResources *resources, MemBus *bus);
void gpu_resources_clear (GpuResources *resources); // accepts a zeroed one
void gpu_resources_remove_all (GpuResources *resources);
GpuResource *gpu_resources_find (const GpuResources *resources, uint32_t id); // or NULL

uint32_t gpu_resources_create (GpuResources *resources, uint32_t id, uint32_t format,
                               uint32_t width, uint32_t height);
uint32_t gpu_resources_remove (GpuResources *resources, uint32_t id);
// Copies the entries.
uint32_t gpu_resources_attach (GpuResources *resources, uint32_t id, const GpuMemEntry *entries,
                               uint32_t n_entries);
uint32_t gpu_resources_detach (GpuResources *resources, uint32_t id);
// Guest memory from `offset` on into the rectangle.
uint32_t gpu_resources_transfer (GpuResources *resources, uint32_t id, const GpuRect *rect,
                                 uint64_t offset);

// The rectangle is not empty and inside.
bool gpu_resource_contains (const GpuResource *resource, const GpuRect *rect);

void gpu_resources_save (const GpuResources *resources, StateWriter *writer);
bool gpu_resources_load (GpuResources *resources, StateReader *reader); // into an empty one
