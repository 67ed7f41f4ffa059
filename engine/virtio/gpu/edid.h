// SPDX-License-Identifier: GPL-3.0-or-later
// The monitor's description of itself (VESA E-EDID 1.4), made for a preferred size.
#pragma once

#include <stdint.h>

enum {
  GPU_EDID_BYTES = 128,
  // What a detailed timing can say.
  GPU_DISPLAY_MIN = 64,
  GPU_DISPLAY_MAX = 4095,
};

// width and height: GPU_DISPLAY_MIN..GPU_DISPLAY_MAX.
void gpu_edid_fill (uint8_t edid[GPU_EDID_BYTES], unsigned width, unsigned height);
