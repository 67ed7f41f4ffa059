// SPDX-License-Identifier: GPL-3.0-or-later
// Where the guest's picture lies in the widget: whole multiples first, else fit. Any thread.
#include "display/transform.h"

// A whole multiple is taken when the fitting scale is less than this much larger.
#define SNAP 1.09

static int
clamp_int (int value, int low, int high)
{
  return value < low ? low : value > high ? high : value;
}

void
display_transform_init (DisplayTransform *transform, int widget_width, int widget_height,
                        int device_scale, unsigned frame_width, unsigned frame_height)
{
  if (device_scale < 1)
    device_scale = 1;
  *transform = (DisplayTransform){
      .widget_width = widget_width * device_scale,
      .widget_height = widget_height * device_scale,
      .device_scale = device_scale,
      .frame_width = frame_width,
      .frame_height = frame_height,
  };
  if (widget_width <= 0 || widget_height <= 0 || frame_width == 0 || frame_height == 0)
    return;

  double across = (double) transform->widget_width / frame_width;
  double down = (double) transform->widget_height / frame_height;
  double fit = across < down ? across : down;
  int whole = (int) fit;
  transform->exact = whole >= 1 && fit < whole * SNAP;
  double scale = transform->exact ? whole : fit;

  transform->width = clamp_int ((int) (frame_width * scale + 0.5), 1, transform->widget_width);
  transform->height = clamp_int ((int) (frame_height * scale + 0.5), 1, transform->widget_height);
  transform->x = (transform->widget_width - transform->width) / 2;
  transform->y = (transform->widget_height - transform->height) / 2;
}

// One axis: `at` is in device pixels from the picture's start.
static bool
axis_to_guest (double at, int length, unsigned frame_length, double *guest)
{
  double position = at * frame_length / length;
  bool inside = position >= 0 && position < frame_length;

  // The last pixel's middle: a pointer pushed past the edge still means the last pixel.
  double last = frame_length - 0.5;
  *guest = position < 0 ? 0 : position > last && !inside ? last : position;
  return inside;
}

bool
display_transform_to_guest (const DisplayTransform *transform, double x, double y, double *guest_x,
                            double *guest_y)
{
  *guest_x = *guest_y = 0;
  if (transform->width == 0 || transform->height == 0)
    return false;
  bool inside_x = axis_to_guest (x * transform->device_scale - transform->x, transform->width,
                                 transform->frame_width, guest_x);
  bool inside_y = axis_to_guest (y * transform->device_scale - transform->y, transform->height,
                                 transform->frame_height, guest_y);
  return inside_x && inside_y;
}

double
display_transform_get_scale (const DisplayTransform *transform)
{
  if (transform->width == 0)
    return 1;
  return (double) transform->width / transform->frame_width / transform->device_scale;
}
