// SPDX-License-Identifier: GPL-3.0-or-later
// Ref-counted pictures: one allocation, header and pixels.
#include "engine/structs/frame.h"

#include <assert.h>
#include <stdlib.h>

enum {
  FRAME_SIZE_MAX = 16384,
  FRAME_ALIGN = 64, // rows of pixels begin on a cache line
};

struct VmFrame {
  unsigned refs; // atomic
  unsigned width, height;
  size_t stride_bytes;
  uint8_t *pixels;
};

VmFrame *
vm_frame_new (unsigned width, unsigned height)
{
  assert (width >= 1 && width <= FRAME_SIZE_MAX && height >= 1 && height <= FRAME_SIZE_MAX);
  size_t stride = ((size_t) width * 4 + FRAME_ALIGN - 1) & ~(size_t) (FRAME_ALIGN - 1);
  size_t header = (sizeof (VmFrame) + FRAME_ALIGN - 1) & ~(size_t) (FRAME_ALIGN - 1);
  VmFrame *frame = aligned_alloc (FRAME_ALIGN, header + stride * height);
  if (frame == NULL)
    return NULL;
  frame->refs = 1;
  frame->width = width;
  frame->height = height;
  frame->stride_bytes = stride;
  frame->pixels = (uint8_t *) frame + header;
  return frame;
}

VmFrame *
vm_frame_ref (VmFrame *frame)
{
  __atomic_fetch_add (&frame->refs, 1, __ATOMIC_RELAXED);
  return frame;
}

void
vm_frame_unref (VmFrame *frame)
{
  if (__atomic_fetch_sub (&frame->refs, 1, __ATOMIC_ACQ_REL) == 1)
    free (frame);
}

bool
vm_frame_is_unique (const VmFrame *frame)
{
  return __atomic_load_n (&frame->refs, __ATOMIC_ACQUIRE) == 1;
}

uint8_t *
vm_frame_get_writable_pixels (VmFrame *frame)
{
  return frame->pixels;
}

unsigned
vm_frame_get_width (const VmFrame *frame)
{
  return frame->width;
}

unsigned
vm_frame_get_height (const VmFrame *frame)
{
  return frame->height;
}

size_t
vm_frame_get_stride_bytes (const VmFrame *frame)
{
  return frame->stride_bytes;
}

const uint8_t *
vm_frame_get_pixels (const VmFrame *frame)
{
  return frame->pixels;
}
