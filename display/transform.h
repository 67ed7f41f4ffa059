// SPDX-License-Identifier: GPL-3.0-or-later
// Where the guest's picture lies in the widget. The one object both drawing and the pointer use,
// so that what is seen and what is clicked cannot disagree. Pure arithmetic; any thread.
#pragma once

#include <stdbool.h>

typedef struct DisplayTransform {
  // The picture in device pixels of the widget, origin at the top left.
  int x, y, width, height;
  int widget_width, widget_height; // device pixels
  int device_scale;                // device pixels per logical pixel
  unsigned frame_width, frame_height;
  bool exact; // a whole number of device pixels per guest pixel: no filtering wanted
} DisplayTransform;

// Widget size in logical pixels. The picture is drawn at a whole multiple where that loses
// little room, else it is scaled to fit; its aspect is kept and it is centred on whole pixels.
void display_transform_init (DisplayTransform *transform, int widget_width, int widget_height,
                             int device_scale, unsigned frame_width, unsigned frame_height);

// From logical widget coordinates to guest pixels, clamped to the picture. False when the point
// lies beside the picture, or there is none.
bool display_transform_to_guest (const DisplayTransform *transform, double x, double y,
                                 double *guest_x, double *guest_y);

// Logical pixels per guest pixel, for the cursor's size. 1 when there is no picture.
double display_transform_get_scale (const DisplayTransform *transform);
