// SPDX-License-Identifier: GPL-3.0-or-later
// virtio-gpu with a sink that reads every pixel it is shown.
#include "engine/virtio/gpu.h"
#include "engine/virtio/gpu/wire.h"
#include "tests/fuzz/virtio.h"

static void
sink_present (void *sink, VmFrame *frame, const VmRect *damage)
{
  uint64_t *sum = sink;
  if (damage->x < 0 || damage->y < 0 || damage->width <= 0 || damage->height <= 0 ||
      (unsigned) (damage->x + damage->width) > vm_frame_get_width (frame) ||
      (unsigned) (damage->y + damage->height) > vm_frame_get_height (frame))
    g_error ("damage outside the frame");
  for (unsigned y = 0; y < vm_frame_get_height (frame); y++) {
    const uint8_t *row = vm_frame_get_pixels (frame) + y * vm_frame_get_stride_bytes (frame);
    for (unsigned x = 0; x < vm_frame_get_width (frame); x++)
      *sum += row[x * 4];
  }
}

static void
sink_set_cursor (void *sink, VmFrame *cursor, int hot_x, int hot_y)
{
  if (cursor != NULL && (hot_x < 0 || hot_y < 0 || (unsigned) hot_x > vm_frame_get_width (cursor) ||
                         (unsigned) hot_y > vm_frame_get_height (cursor)))
    g_error ("hot spot outside the cursor");
}

static VirtioDevice *
make (void **context)
{
  static const VmDisplaySinkOps ops = {.present = sink_present, .set_cursor = sink_set_cursor};
  *context = g_new0 (uint64_t, 1);
  return virtio_gpu_new (&ops, *context, 640, 480);
}

// Ids of resources that are there, most of the time.
static uint32_t
resource_id (FuzzInput *in)
{
  return fuzz_below (in, 8) == 0 ? (uint32_t) fuzz_number (in, 4) : 1 + fuzz_below (in, 3);
}

// Sizes are small most of the time, so that rectangles fit.
static uint32_t
size (FuzzInput *in)
{
  return fuzz_below (in, 12) == 0 ? (uint32_t) fuzz_number (in, 4) : fuzz_below (in, 40);
}

static GpuRect
rect (FuzzInput *in)
{
  if (fuzz_below (in, 3) == 0)
    return (GpuRect){0, 0, 1 + fuzz_below (in, 16), 1 + fuzz_below (in, 16)};
  return (GpuRect){size (in), size (in), size (in), size (in)};
}

static uint32_t
format (FuzzInput *in)
{
  static const uint32_t formats[] = {1, 2, 3, 4, 67, 68, 121, 134, 5};
  return formats[fuzz_below (in, G_N_ELEMENTS (formats))];
}

typedef union Request {
  GpuHeader header;
  GpuGetEdid edid;
  GpuCreate2d create;
  GpuResourceCmd resource;
  GpuSetScanout scanout;
  GpuFlush flush;
  GpuTransfer transfer;
  struct {
    GpuAttach attach;
    GpuMemEntry entries[4];
  } backing;
  GpuCursorCmd cursor;
} Request;

static size_t
make_command (FuzzInput *in, uint32_t type, Request *request)
{
  uint32_t id = resource_id (in);
  switch (type) {
  case GPU_CMD_RESOURCE_CREATE_2D:
    request->create = (GpuCreate2d){.resource_id = id,
                                    .format = format (in),
                                    .width = 16 + size (in),
                                    .height = 16 + size (in)};
    return sizeof request->create;
  case GPU_CMD_GET_EDID:
    request->edid = (GpuGetEdid){.scanout_id = fuzz_below (in, 4) == 0};
    return sizeof request->edid;
  case GPU_CMD_SET_SCANOUT:
    request->scanout = (GpuSetScanout){
        .rect = rect (in), .scanout_id = fuzz_below (in, 10) == 0, .resource_id = id};
    return sizeof request->scanout;
  case GPU_CMD_RESOURCE_FLUSH:
    request->flush = (GpuFlush){.rect = rect (in), .resource_id = id};
    return sizeof request->flush;
  case GPU_CMD_TRANSFER_TO_HOST_2D:
    request->transfer = (GpuTransfer){.rect = rect (in), .offset = size (in), .resource_id = id};
    return sizeof request->transfer;
  case GPU_CMD_RESOURCE_ATTACH_BACKING:
    request->backing.attach = (GpuAttach){.resource_id = id, .n_entries = 1 + fuzz_below (in, 4)};
    for (int i = 0; i < 4; i++)
      request->backing.entries[i] =
          (GpuMemEntry){.addr = fuzz_address (in), .length = fuzz_length (in)};
    return sizeof request->backing;
  case GPU_CMD_UPDATE_CURSOR:
  case GPU_CMD_MOVE_CURSOR:
    request->cursor = (GpuCursorCmd){
        .x = size (in), .y = size (in), .resource_id = id, .hot_x = size (in), .hot_y = size (in)};
    return sizeof request->cursor;
  default:
    request->resource = (GpuResourceCmd){.resource_id = id};
    return sizeof request->resource;
  }
}

static size_t
make_request (FuzzInput *in, unsigned queue, uint8_t *to)
{
  Request request = {0};
  static const uint32_t control[] = {
      GPU_CMD_RESOURCE_CREATE_2D,
      GPU_CMD_RESOURCE_CREATE_2D,
      GPU_CMD_RESOURCE_ATTACH_BACKING,
      GPU_CMD_RESOURCE_ATTACH_BACKING,
      GPU_CMD_TRANSFER_TO_HOST_2D,
      GPU_CMD_TRANSFER_TO_HOST_2D,
      GPU_CMD_SET_SCANOUT,
      GPU_CMD_SET_SCANOUT,
      GPU_CMD_RESOURCE_FLUSH,
      GPU_CMD_RESOURCE_FLUSH,
      GPU_CMD_RESOURCE_UNREF,
      GPU_CMD_RESOURCE_DETACH_BACKING,
      GPU_CMD_GET_DISPLAY_INFO,
      GPU_CMD_GET_EDID,
      0,
  };
  uint32_t type = queue == 1 ? GPU_CMD_UPDATE_CURSOR + fuzz_below (in, 2)
                             : control[fuzz_below (in, G_N_ELEMENTS (control))];
  size_t length = make_command (in, type, &request);
  request.header.type = type;
  request.header.flags = fuzz_below (in, 2);
  memcpy (to, &request, length);
  return length;
}

static void
stimulate (FuzzInput *in, VirtioGuest *guest, void *context)
{
  virtio_gpu_set_display_size (guest->vdev, fuzz_below (in, 5000), fuzz_below (in, 5000));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t length)
{
  static const FuzzDevice device = {
      .make = make, .clear = g_free, .make_request = make_request, .stimulate = stimulate};
  return fuzz_virtio (&device, data, length);
}
