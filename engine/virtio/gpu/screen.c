// SPDX-License-Identifier: GPL-3.0-or-later
// Pictures and cursor for the display sink. A frame the sink still holds is never written; each
// pooled frame remembers what it has missed, so a flush copies little.
#include "engine/virtio/gpu/screen.h"

#include <string.h>

// ---------------------------------------------------------------------------------------------
// Rectangles; width 0 is the empty one

static VmRect
rect_union (VmRect a, VmRect b)
{
  if (a.width == 0)
    return b;
  if (b.width == 0)
    return a;
  int left = MIN (a.x, b.x), top = MIN (a.y, b.y);
  int right = MAX (a.x + a.width, b.x + b.width), bottom = MAX (a.y + a.height, b.y + b.height);
  return (VmRect){.x = left, .y = top, .width = right - left, .height = bottom - top};
}

static VmRect
rect_intersect (VmRect a, VmRect b)
{
  int left = MAX (a.x, b.x), top = MAX (a.y, b.y);
  int right = MIN (a.x + a.width, b.x + b.width), bottom = MIN (a.y + a.height, b.y + b.height);
  if (left >= right || top >= bottom)
    return (VmRect){0};
  return (VmRect){.x = left, .y = top, .width = right - left, .height = bottom - top};
}

static VmRect
rect_from_wire (const GpuRect *rect)
{
  return (VmRect){.x = (int) rect->x,
                  .y = (int) rect->y,
                  .width = (int) rect->width,
                  .height = (int) rect->height};
}

// ---------------------------------------------------------------------------------------------
// Frames

// `at` of the resource, whose top left corner is at the frame's (to_x, to_y).
static void
copy_pixels (VmFrame *frame, int to_x, int to_y, const GpuResource *resource, VmRect at)
{
  size_t from_stride = (size_t) resource->width * GPU_PIXEL_BYTES;
  size_t to_stride = vm_frame_get_stride_bytes (frame);
  const uint8_t *from =
      resource->pixels + (size_t) at.y * from_stride + (size_t) at.x * GPU_PIXEL_BYTES;
  uint8_t *to = vm_frame_get_writable_pixels (frame) + (size_t) to_y * to_stride +
                (size_t) to_x * GPU_PIXEL_BYTES;
  for (int y = 0; y < at.height; y++, from += from_stride, to += to_stride)
    gpu_format_to_argb (resource->format, to, from, (size_t) at.width);
}

static void
drop_frames (GpuScreen *screen)
{
  for (unsigned i = 0; i < GPU_SCREEN_FRAMES; i++) {
    if (screen->frames[i].frame != NULL)
      vm_frame_unref (screen->frames[i].frame);
    screen->frames[i].frame = NULL;
  }
}

static bool
make_frame (const GpuScreen *screen, GpuPooledFrame *pooled)
{
  pooled->frame = vm_frame_new ((unsigned) screen->rect.width, (unsigned) screen->rect.height);
  pooled->stale = (VmRect){.width = screen->rect.width, .height = screen->rect.height};
  return pooled->frame != NULL;
}

// A frame nobody else holds: a free one, a new one, or a new one in the place of the oldest.
static GpuPooledFrame *
get_free_frame (GpuScreen *screen)
{
  GpuPooledFrame *empty = NULL;
  for (unsigned i = 1; i <= GPU_SCREEN_FRAMES; i++) {
    GpuPooledFrame *pooled = &screen->frames[(screen->last + i) % GPU_SCREEN_FRAMES];
    if (pooled->frame == NULL)
      empty = pooled;
    else if (vm_frame_is_unique (pooled->frame))
      return pooled;
  }
  if (empty == NULL) {
    empty = &screen->frames[(screen->last + 1) % GPU_SCREEN_FRAMES];
    vm_frame_unref (empty->frame);
  }
  return make_frame (screen, empty) ? empty : NULL;
}

static void
present (GpuScreen *screen, const GpuResource *resource)
{
  if (screen->ops == NULL || screen->ops->present == NULL)
    return;
  for (unsigned i = 0; i < GPU_SCREEN_FRAMES; i++)
    screen->frames[i].stale = rect_union (screen->frames[i].stale, screen->changed);
  GpuPooledFrame *pooled = get_free_frame (screen);
  if (pooled == NULL)
    return; // no memory now: what changed is shown next time
  VmRect stale = pooled->stale, at = stale;
  at.x += screen->rect.x;
  at.y += screen->rect.y;
  copy_pixels (pooled->frame, stale.x, stale.y, resource, at);
  pooled->stale = (VmRect){0};
  screen->last = (unsigned) (pooled - screen->frames);
  VmRect damage = screen->changed;
  screen->changed = (VmRect){0};
  screen->ops->present (screen->sink, pooled->frame, &damage);
}

void
gpu_screen_flush (GpuScreen *screen, const GpuResource *resource, const GpuRect *wire)
{
  if (resource->id != screen->resource_id)
    return;
  VmRect rect = rect_intersect (rect_from_wire (wire), screen->rect);
  if (rect.width == 0)
    return;
  rect.x -= screen->rect.x;
  rect.y -= screen->rect.y;
  screen->changed = rect_union (screen->changed, rect);
  present (screen, resource);
}

void
gpu_screen_set_scanout (GpuScreen *screen, const GpuResource *resource, const GpuRect *wire)
{
  VmRect rect = rect_from_wire (wire);
  if (rect.width != screen->rect.width || rect.height != screen->rect.height)
    drop_frames (screen);
  screen->resource_id = resource->id;
  screen->rect = rect;
  screen->changed = (VmRect){.width = rect.width, .height = rect.height};
}

// What is shown, without a word to the sink.
static void
forget_scanout (GpuScreen *screen)
{
  screen->resource_id = 0;
  screen->rect = screen->changed = (VmRect){0};
  drop_frames (screen);
}

static void
tell_disabled (const GpuScreen *screen)
{
  if (screen->ops != NULL && screen->ops->disable != NULL)
    screen->ops->disable (screen->sink);
}

void
gpu_screen_disable (GpuScreen *screen)
{
  if (screen->resource_id == 0)
    return;
  forget_scanout (screen);
  tell_disabled (screen);
}

// ---------------------------------------------------------------------------------------------
// Cursor

static void
tell_cursor (const GpuScreen *screen)
{
  if (screen->ops != NULL && screen->ops->set_cursor != NULL)
    screen->ops->set_cursor (screen->sink, screen->cursor, screen->hot_x, screen->hot_y);
}

// Takes the cursor; without a word to the sink.
static void
put_cursor (GpuScreen *screen, VmFrame *cursor, int hot_x, int hot_y)
{
  if (screen->cursor != NULL)
    vm_frame_unref (screen->cursor);
  screen->cursor = cursor;
  screen->hot_x = hot_x;
  screen->hot_y = hot_y;
}

static void
replace_cursor (GpuScreen *screen, VmFrame *cursor, int hot_x, int hot_y)
{
  put_cursor (screen, cursor, hot_x, hot_y);
  tell_cursor (screen);
}

bool
gpu_screen_set_cursor (GpuScreen *screen, const GpuResource *resource, uint32_t hot_x,
                       uint32_t hot_y)
{
  if (resource == NULL) {
    replace_cursor (screen, NULL, 0, 0);
    return true;
  }
  if (resource->width > GPU_CURSOR_SIZE_MAX || resource->height > GPU_CURSOR_SIZE_MAX)
    return false;
  VmFrame *cursor = vm_frame_new (resource->width, resource->height);
  if (cursor == NULL)
    return false;
  VmRect all = {.width = (int) resource->width, .height = (int) resource->height};
  copy_pixels (cursor, 0, 0, resource, all);
  replace_cursor (screen, cursor, (int) MIN (hot_x, resource->width - 1),
                  (int) MIN (hot_y, resource->height - 1));
  return true;
}

void
gpu_screen_move_cursor (GpuScreen *screen, uint32_t x, uint32_t y)
{
  screen->cursor_x = (int) MIN (x, (uint32_t) GPU_RESOURCE_SIZE_MAX);
  screen->cursor_y = (int) MIN (y, (uint32_t) GPU_RESOURCE_SIZE_MAX);
  if (screen->ops != NULL && screen->ops->move_cursor != NULL)
    screen->ops->move_cursor (screen->sink, screen->cursor_x, screen->cursor_y);
}

// ---------------------------------------------------------------------------------------------
// Life, saved state

void
gpu_screen_init (GpuScreen *screen, const VmDisplaySinkOps *ops, void *sink)
{
  screen->ops = ops;
  screen->sink = sink;
}

void
gpu_screen_clear (GpuScreen *screen)
{
  forget_scanout (screen);
  put_cursor (screen, NULL, 0, 0);
}

void
gpu_screen_reset (GpuScreen *screen)
{
  if (screen->resource_id != 0 || screen->cursor != NULL)
    screen->was_reset = true;
  gpu_screen_clear (screen);
}

void
gpu_screen_tell (GpuScreen *screen)
{
  if (!screen->was_reset)
    return;
  screen->was_reset = false;
  tell_disabled (screen);
  tell_cursor (screen);
}

static void
save_cursor (const GpuScreen *screen, StateWriter *writer)
{
  const VmFrame *cursor = screen->cursor;
  unsigned width = cursor != NULL ? vm_frame_get_width (cursor) : 0;
  unsigned height = cursor != NULL ? vm_frame_get_height (cursor) : 0;
  state_put_u32 (writer, width);
  state_put_u32 (writer, height);
  for (unsigned y = 0; y < height; y++)
    state_put_bytes (writer, vm_frame_get_pixels (cursor) + y * vm_frame_get_stride_bytes (cursor),
                     (size_t) width * GPU_PIXEL_BYTES);
  state_put_u32 (writer, (uint32_t) screen->hot_x);
  state_put_u32 (writer, (uint32_t) screen->hot_y);
  state_put_u32 (writer, (uint32_t) screen->cursor_x);
  state_put_u32 (writer, (uint32_t) screen->cursor_y);
}

static bool
load_cursor (GpuScreen *screen, StateReader *reader)
{
  uint32_t width = state_get_u32 (reader), height = state_get_u32 (reader);
  VmFrame *cursor = NULL;
  if (width > GPU_CURSOR_SIZE_MAX || height > GPU_CURSOR_SIZE_MAX || (width == 0) != (height == 0))
    return false;
  if (width > 0 && (cursor = vm_frame_new (width, height)) == NULL)
    return false;
  for (uint32_t y = 0; y < height; y++)
    state_get_bytes (reader,
                     vm_frame_get_writable_pixels (cursor) + y * vm_frame_get_stride_bytes (cursor),
                     (size_t) width * GPU_PIXEL_BYTES);
  uint32_t hot_x = state_get_u32 (reader), hot_y = state_get_u32 (reader);
  uint32_t x = state_get_u32 (reader), y = state_get_u32 (reader);
  if (!state_reader_ok (reader) || hot_x > width || hot_y > height) {
    g_clear_pointer (&cursor, vm_frame_unref);
    return false;
  }
  replace_cursor (screen, cursor, (int) hot_x, (int) hot_y);
  gpu_screen_move_cursor (screen, x, y);
  return true;
}

void
gpu_screen_save (const GpuScreen *screen, StateWriter *writer)
{
  state_put_u32 (writer, screen->resource_id);
  state_put_u32 (writer, (uint32_t) screen->rect.x);
  state_put_u32 (writer, (uint32_t) screen->rect.y);
  state_put_u32 (writer, (uint32_t) screen->rect.width);
  state_put_u32 (writer, (uint32_t) screen->rect.height);
  save_cursor (screen, writer);
}

bool
gpu_screen_load (GpuScreen *screen, const GpuResources *resources, StateReader *reader)
{
  uint32_t id = state_get_u32 (reader);
  uint32_t x = state_get_u32 (reader), y = state_get_u32 (reader);
  uint32_t width = state_get_u32 (reader), height = state_get_u32 (reader);
  const GpuRect rect = {.x = x, .y = y, .width = width, .height = height};
  const GpuResource *resource = gpu_resources_find (resources, id);
  if (id != 0 && (resource == NULL || !gpu_resource_contains (resource, &rect)))
    return false;
  if (id != 0) {
    gpu_screen_set_scanout (screen, resource, &rect);
    present (screen, resource);
  }
  return load_cursor (screen, reader);
}
