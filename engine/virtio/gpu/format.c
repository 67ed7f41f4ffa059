// SPDX-License-Identifier: GPL-3.0-or-later
// The table of formats (VIRTIO 1.2 §5.7.6.8) and row conversion.
#include "engine/virtio/gpu/format.h"

#include <string.h>

#include "engine/virtio/gpu/wire.h"

static const GpuFormat formats[] = {
    {GPU_FORMAT_B8G8R8A8, 2, 1, 0, 3}, {GPU_FORMAT_B8G8R8X8, 2, 1, 0, -1},
    {GPU_FORMAT_A8R8G8B8, 1, 2, 3, 0}, {GPU_FORMAT_X8R8G8B8, 1, 2, 3, -1},
    {GPU_FORMAT_R8G8B8A8, 0, 1, 2, 3}, {GPU_FORMAT_X8B8G8R8, 3, 2, 1, -1},
    {GPU_FORMAT_A8B8G8R8, 3, 2, 1, 0}, {GPU_FORMAT_R8G8B8X8, 0, 1, 2, -1},
};

const GpuFormat *
gpu_format_find (uint32_t id)
{
  for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
    if (formats[i].id == id)
      return &formats[i];
  }
  return NULL;
}

void
gpu_format_to_argb (const GpuFormat *format, uint8_t *to, const uint8_t *from, size_t n)
{
  if (format->id == GPU_FORMAT_B8G8R8A8) {
    memcpy (to, from, n * GPU_PIXEL_BYTES);
    return;
  }
  for (size_t i = 0; i < n; i++, to += GPU_PIXEL_BYTES, from += GPU_PIXEL_BYTES) {
    uint32_t word = (uint32_t) from[format->red] << 16 | (uint32_t) from[format->green] << 8 |
                    from[format->blue];
    word |= (format->alpha < 0 ? 0xffu : from[format->alpha]) << 24;
    memcpy (to, &word, sizeof word);
  }
}
