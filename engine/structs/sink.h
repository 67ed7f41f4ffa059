// SPDX-License-Identifier: GPL-3.0-or-later
// Where what a guest shows and prints leaves the engine: pictures and the tables of functions that
// take them. Part of the public interface: api/vm.h includes it, nothing else outside engine/ may.
#pragma once

#include <stddef.h>
#include <stdint.h>

// One immutable picture, ref-counted, of any thread. 32-bit little-endian words 0xXXRRGGBB.
typedef struct VmFrame VmFrame;
VmFrame *vm_frame_ref (VmFrame *frame);
void vm_frame_unref (VmFrame *frame);
unsigned vm_frame_get_width (const VmFrame *frame);
unsigned vm_frame_get_height (const VmFrame *frame);
size_t vm_frame_get_stride_bytes (const VmFrame *frame);
const uint8_t *vm_frame_get_pixels (const VmFrame *frame);

typedef struct VmRect {
  int x, y, width, height;
} VmRect;

// All called on the machine's I/O thread; must not block; every entry may be NULL.
typedef struct VmDisplaySinkOps {
  // A new picture; `damage` is the part that differs from the one before. The sink refs what it
  // keeps; keeping only the newest is expected.
  void (*present) (void *sink, VmFrame *frame, const VmRect *damage);
  // The guest switched the output off (or was reset): nothing to show.
  void (*disable) (void *sink);
  // A new cursor shape, 0xAARRGGBB premultiplied, NULL: hidden. hot_x/y in its pixels.
  void (*set_cursor) (void *sink, VmFrame *cursor, int hot_x, int hot_y);
  // The guest's own idea of where the pointer is, in pixels of the picture.
  void (*move_cursor) (void *sink, int x, int y);
} VmDisplaySinkOps;

// I/O thread; must not block (a slow reader drops or queues).
typedef struct VmConsoleSinkOps {
  void (*write) (void *sink, const uint8_t *data, size_t length);
} VmConsoleSinkOps;
