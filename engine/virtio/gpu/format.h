// SPDX-License-Identifier: GPL-3.0-or-later
// Pixel formats of 2D resources and their way to 0xAARRGGBB words. Pure functions, any thread.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
  GPU_PIXEL_BYTES = 4, // of every format
};

// Which byte of a pixel holds what; alpha < 0: none, opaque.
typedef struct GpuFormat {
  uint32_t id;
  int8_t red, green, blue, alpha;
} GpuFormat;

// NULL: no such format.
const GpuFormat *gpu_format_find (uint32_t id);
// Converts n pixels to little-endian words 0xAARRGGBB.
void gpu_format_to_argb (const GpuFormat *format, uint8_t *to, const uint8_t *from, size_t n);
