// SPDX-License-Identifier: GPL-3.0-or-later
// What the driver of a 2D graphics adapter and the adapter say to each other (VIRTIO 1.2 §5.7.4,
// §5.7.6). Little endian, like every host we run on.
#pragma once

#include <assert.h>
#include <stdint.h>

#define VIRTIO_GPU_F_EDID (1ull << 1)

enum {
  GPU_CMD_GET_DISPLAY_INFO = 0x100,
  GPU_CMD_RESOURCE_CREATE_2D,
  GPU_CMD_RESOURCE_UNREF,
  GPU_CMD_SET_SCANOUT,
  GPU_CMD_RESOURCE_FLUSH,
  GPU_CMD_TRANSFER_TO_HOST_2D,
  GPU_CMD_RESOURCE_ATTACH_BACKING,
  GPU_CMD_RESOURCE_DETACH_BACKING,
  GPU_CMD_GET_EDID = 0x10a,
  GPU_CMD_UPDATE_CURSOR = 0x300,
  GPU_CMD_MOVE_CURSOR,

  GPU_RESP_OK_NODATA = 0x1100,
  GPU_RESP_OK_DISPLAY_INFO = 0x1101,
  GPU_RESP_OK_EDID = 0x1104,
  GPU_RESP_ERR_UNSPEC = 0x1200,
  GPU_RESP_ERR_OUT_OF_MEMORY,
  GPU_RESP_ERR_INVALID_SCANOUT_ID,
  GPU_RESP_ERR_INVALID_RESOURCE_ID,
  GPU_RESP_ERR_INVALID_CONTEXT_ID,
  GPU_RESP_ERR_INVALID_PARAMETER,

  GPU_FLAG_FENCE = 1,
  GPU_EVENT_DISPLAY = 1,
  GPU_MAX_SCANOUTS = 16,
  GPU_EDID_MAX_BYTES = 1024,
};

typedef struct GpuConfig {
  uint32_t events_read, events_clear;
  uint32_t num_scanouts, num_capsets;
} GpuConfig;
static_assert (sizeof (GpuConfig) == 16, "§5.7.4");

typedef struct GpuHeader {
  uint32_t type, flags;
  uint64_t fence_id;
  uint32_t ctx_id;
  uint8_t ring_idx, padding[3];
} GpuHeader;
static_assert (sizeof (GpuHeader) == 24, "§5.7.6.7");

typedef struct GpuRect {
  uint32_t x, y, width, height;
} GpuRect;

typedef struct GpuDisplayInfo {
  GpuHeader header;
  struct {
    GpuRect rect;
    uint32_t enabled, flags;
  } modes[GPU_MAX_SCANOUTS];
} GpuDisplayInfo;
static_assert (sizeof (GpuDisplayInfo) == 24 + 16 * 24, "§5.7.6.8");

typedef struct GpuGetEdid {
  GpuHeader header;
  uint32_t scanout_id, padding;
} GpuGetEdid;

typedef struct GpuEdid {
  GpuHeader header;
  uint32_t size, padding;
  uint8_t edid[GPU_EDID_MAX_BYTES];
} GpuEdid;

typedef struct GpuCreate2d {
  GpuHeader header;
  uint32_t resource_id, format, width, height;
} GpuCreate2d;

// RESOURCE_UNREF, RESOURCE_DETACH_BACKING.
typedef struct GpuResourceCmd {
  GpuHeader header;
  uint32_t resource_id, padding;
} GpuResourceCmd;

typedef struct GpuSetScanout {
  GpuHeader header;
  GpuRect rect;
  uint32_t scanout_id, resource_id;
} GpuSetScanout;

typedef struct GpuFlush {
  GpuHeader header;
  GpuRect rect;
  uint32_t resource_id, padding;
} GpuFlush;

typedef struct GpuTransfer {
  GpuHeader header;
  GpuRect rect;
  uint64_t offset;
  uint32_t resource_id, padding;
} GpuTransfer;
static_assert (sizeof (GpuTransfer) == 56, "§5.7.6.8");

typedef struct GpuAttach {
  GpuHeader header;
  uint32_t resource_id, n_entries;
} GpuAttach;

typedef struct GpuMemEntry {
  uint64_t addr;
  uint32_t length, padding;
} GpuMemEntry;
static_assert (sizeof (GpuMemEntry) == 16, "§5.7.6.8");

typedef struct GpuCursorCmd {
  GpuHeader header;
  uint32_t scanout_id, x, y, padding0;
  uint32_t resource_id, hot_x, hot_y, padding1;
} GpuCursorCmd;
static_assert (sizeof (GpuCursorCmd) == 56, "§5.7.6.10");

// Formats name bytes in the order of memory.
enum {
  GPU_FORMAT_B8G8R8A8 = 1,
  GPU_FORMAT_B8G8R8X8 = 2,
  GPU_FORMAT_A8R8G8B8 = 3,
  GPU_FORMAT_X8R8G8B8 = 4,
  GPU_FORMAT_R8G8B8A8 = 67,
  GPU_FORMAT_X8B8G8R8 = 68,
  GPU_FORMAT_A8B8G8R8 = 121,
  GPU_FORMAT_R8G8B8X8 = 134,
};
