// SPDX-License-Identifier: GPL-3.0-or-later
// E-EDID 1.4: a digital RGB monitor of 96 dpi whose preferred timing is the size wanted, at 60 Hz
// or what the pixel clock's field still holds. Pure function, any thread.
#include "engine/virtio/gpu/edid.h"

#include <string.h>

enum {
  H_BLANK = 160, // CVT reduced blanking
  H_FRONT = 48,
  H_SYNC = 32,
  V_BLANK = 40,
  V_FRONT = 3,
  V_SYNC = 6,
  REFRESH_HZ = 60,
  CLOCK_UNIT_HZ = 10000,
  CLOCK_MAX = 65535,
  DESCRIPTOR_BYTES = 18,
};

// Sizes offered besides the preferred one, at 60 Hz: byte 1 is width / 8 - 31, bits 7:6 of byte 2
// are the aspect ratio (16:10, 4:3, 5:4, 16:9). §3.9
static const uint8_t standard_timings[16] = {
    1920 / 8 - 31, 3 << 6, // 1920x1080
    1920 / 8 - 31, 0 << 6, // 1920x1200
    1680 / 8 - 31, 0 << 6, // 1680x1050
    1600 / 8 - 31, 3 << 6, // 1600x900
    1440 / 8 - 31, 0 << 6, // 1440x900
    1280 / 8 - 31, 2 << 6, // 1280x1024
    1280 / 8 - 31, 0 << 6, // 1280x800
    1280 / 8 - 31, 3 << 6, // 1280x720
};

static unsigned
to_millimetres (unsigned pixels)
{
  return pixels * 254 / 960;
}

// §3.10.2
static void
fill_detailed_timing (uint8_t d[DESCRIPTOR_BYTES], unsigned width, unsigned height)
{
  unsigned clock =
      (unsigned) ((uint64_t) (width + H_BLANK) * (height + V_BLANK) * REFRESH_HZ / CLOCK_UNIT_HZ);
  unsigned width_mm = to_millimetres (width), height_mm = to_millimetres (height);
  if (clock > CLOCK_MAX)
    clock = CLOCK_MAX;
  const uint8_t bytes[DESCRIPTOR_BYTES] = {
      (uint8_t) clock,
      (uint8_t) (clock >> 8),
      (uint8_t) width,
      H_BLANK,
      (uint8_t) (width >> 8 << 4),
      (uint8_t) height,
      V_BLANK,
      (uint8_t) (height >> 8 << 4),
      H_FRONT,
      H_SYNC,
      V_FRONT << 4 | V_SYNC,
      0,
      (uint8_t) width_mm,
      (uint8_t) height_mm,
      (uint8_t) (width_mm >> 8 << 4 | height_mm >> 8),
      0,
      0,
      0x1a, // digital separate sync, horizontal positive: reduced blanking
  };
  memcpy (d, bytes, sizeof bytes);
}

// §3.10.3.4; the text is padded with a newline and spaces.
static void
fill_name (uint8_t d[DESCRIPTOR_BYTES], const char *name)
{
  size_t length = strlen (name);
  d[3] = 0xfc;
  memset (d + 5, ' ', 13);
  memcpy (d + 5, name, length);
  d[5 + length] = '\n';
}

// §3.10.3.3.1
static void
fill_range_limits (uint8_t d[DESCRIPTOR_BYTES])
{
  static const uint8_t bytes[DESCRIPTOR_BYTES] = {
      0, 0, 0, 0xfd, 0, 24, 76, 15, 255, 66, 1, '\n', ' ', ' ', ' ', ' ', ' ', ' ',
  };
  memcpy (d, bytes, sizeof bytes);
}

void
gpu_edid_fill (uint8_t edid[GPU_EDID_BYTES], unsigned width, unsigned height)
{
  static const uint8_t head[] = {
      0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00, // the magic
      0x52, 0x4d,                                     // maker TRM: 5 bits a letter
      0x01, 0x00, 0x01, 0x00, 0x00, 0x00,             // product and serial number
      0x01, 0x24,                                     // week 1 of 2026
      0x01, 0x04,                                     // version 1.4
      0xa5,                                           // digital, 8 bits a colour, DisplayPort
  };
  static const uint8_t srgb[] = {0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54};
  memset (edid, 0, GPU_EDID_BYTES);
  memcpy (edid, head, sizeof head);
  edid[21] = (uint8_t) (to_millimetres (width) / 10);
  edid[22] = (uint8_t) (to_millimetres (height) / 10);
  edid[23] = 220 - 100; // gamma 2.2
  edid[24] = 0x06;      // sRGB, the first detailed timing is the native one
  memcpy (edid + 25, srgb, sizeof srgb);
  edid[35] = 0x21; // 640x480, 800x600 at 60 Hz
  edid[36] = 0x08; // 1024x768 at 60 Hz
  memcpy (edid + 38, standard_timings, sizeof standard_timings);
  fill_detailed_timing (edid + 54, width, height);
  fill_range_limits (edid + 72);
  fill_name (edid + 90, "Terrarium");
  edid[108 + 3] = 0x10; // the last descriptor is a dummy
  uint8_t sum = 0;
  for (unsigned i = 0; i < GPU_EDID_BYTES - 1; i++)
    sum = (uint8_t) (sum + edid[i]);
  edid[GPU_EDID_BYTES - 1] = (uint8_t) -sum;
}
