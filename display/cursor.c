// SPDX-License-Identifier: GPL-3.0-or-later
// The host's pointer in the guest's shape: the compositor moves it, so it never lags behind.
#include "display/cursor.h"

#include <cairo.h>

#define SIZE_MAX_PIXELS 256 // what window systems take

static cairo_surface_t *
scale_cursor (VmFrame *cursor, int width, int height)
{
  cairo_surface_t *source = cairo_image_surface_create_for_data (
      (unsigned char *) vm_frame_get_pixels (cursor), CAIRO_FORMAT_ARGB32,
      (int) vm_frame_get_width (cursor), (int) vm_frame_get_height (cursor),
      (int) vm_frame_get_stride_bytes (cursor));
  cairo_surface_t *target = cairo_image_surface_create (CAIRO_FORMAT_ARGB32, width, height);
  cairo_t *cr = cairo_create (target);

  cairo_scale (cr, (double) width / vm_frame_get_width (cursor),
               (double) height / vm_frame_get_height (cursor));
  cairo_set_source_surface (cr, source, 0, 0);
  cairo_paint (cr);
  cairo_destroy (cr);
  cairo_surface_destroy (source);
  cairo_surface_flush (target);
  return target;
}

GdkCursor *
display_cursor_new (VmFrame *cursor, int hot_x, int hot_y, double scale)
{
  if (!cursor)
    return gdk_cursor_new_from_name ("none", NULL);

  int width = CLAMP ((int) (vm_frame_get_width (cursor) * scale + 0.5), 1, SIZE_MAX_PIXELS);
  int height = CLAMP ((int) (vm_frame_get_height (cursor) * scale + 0.5), 1, SIZE_MAX_PIXELS);
  cairo_surface_t *surface = scale_cursor (cursor, width, height);
  size_t stride = (size_t) cairo_image_surface_get_stride (surface);
  g_autoptr (GBytes) bytes =
      g_bytes_new_with_free_func (cairo_image_surface_get_data (surface), stride * (size_t) height,
                                  (GDestroyNotify) cairo_surface_destroy, surface);
  g_autoptr (GdkTexture) texture =
      gdk_memory_texture_new (width, height, GDK_MEMORY_DEFAULT, bytes, stride);
  g_autoptr (GdkCursor) fallback = gdk_cursor_new_from_name ("default", NULL);
  return gdk_cursor_new_from_texture (texture, CLAMP ((int) (hot_x * scale), 0, width - 1),
                                      CLAMP ((int) (hot_y * scale), 0, height - 1), fallback);
}
