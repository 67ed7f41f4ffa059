// SPDX-License-Identifier: GPL-3.0-or-later
// A display nobody looks at. The sink's functions run on the machine's I/O thread, the others on
// any; one lock guards it all.
#include "display/headless.h"

struct DisplayHeadless {
  GMutex lock;
  GCond changed;
  // lock
  VmFrame *frame;
  VmFrame *cursor;
  int hot_x, hot_y, pointer_x, pointer_y;
  unsigned n_frames;
};

static void
take_frame (DisplayHeadless *headless, VmFrame *frame)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&headless->lock);

  g_clear_pointer (&headless->frame, vm_frame_unref);
  headless->frame = frame;
  if (frame)
    headless->n_frames++;
  g_cond_broadcast (&headless->changed);
}

static void
sink_present (void *sink, VmFrame *frame, const VmRect *damage)
{
  take_frame (sink, vm_frame_ref (frame));
}

static void
sink_disable (void *sink)
{
  take_frame (sink, NULL);
}

static void
sink_set_cursor (void *sink, VmFrame *cursor, int hot_x, int hot_y)
{
  DisplayHeadless *headless = sink;
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&headless->lock);

  g_clear_pointer (&headless->cursor, vm_frame_unref);
  headless->cursor = cursor ? vm_frame_ref (cursor) : NULL;
  headless->hot_x = hot_x;
  headless->hot_y = hot_y;
}

static void
sink_move_cursor (void *sink, int x, int y)
{
  DisplayHeadless *headless = sink;
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&headless->lock);

  headless->pointer_x = x;
  headless->pointer_y = y;
}

const VmDisplaySinkOps display_headless_sink_ops = {
    .present = sink_present,
    .disable = sink_disable,
    .set_cursor = sink_set_cursor,
    .move_cursor = sink_move_cursor,
};

DisplayHeadless *
display_headless_new (void)
{
  DisplayHeadless *headless = g_new0 (DisplayHeadless, 1);

  g_mutex_init (&headless->lock);
  g_cond_init (&headless->changed);
  return headless;
}

void
display_headless_free (DisplayHeadless *headless)
{
  if (!headless)
    return;
  g_clear_pointer (&headless->frame, vm_frame_unref);
  g_clear_pointer (&headless->cursor, vm_frame_unref);
  g_cond_clear (&headless->changed);
  g_mutex_clear (&headless->lock);
  g_free (headless);
}

VmFrame *
display_headless_dup_frame (DisplayHeadless *headless)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&headless->lock);

  return headless->frame ? vm_frame_ref (headless->frame) : NULL;
}

VmFrame *
display_headless_dup_cursor (DisplayHeadless *headless, int *hot_x, int *hot_y)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&headless->lock);

  *hot_x = headless->hot_x;
  *hot_y = headless->hot_y;
  return headless->cursor ? vm_frame_ref (headless->cursor) : NULL;
}

void
display_headless_get_pointer (DisplayHeadless *headless, int *x, int *y)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&headless->lock);

  *x = headless->pointer_x;
  *y = headless->pointer_y;
}

unsigned
display_headless_count_frames (DisplayHeadless *headless)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&headless->lock);

  return headless->n_frames;
}

bool
display_headless_wait (DisplayHeadless *headless, bool (*wanted) (VmFrame *frame, void *data),
                       void *data, unsigned timeout_ms)
{
  gint64 deadline = g_get_monotonic_time () + (gint64) timeout_ms * 1000;
  bool met = false;

  g_mutex_lock (&headless->lock);
  do {
    if (headless->frame && wanted (headless->frame, data)) {
      met = true;
      break;
    }
  } while (g_cond_wait_until (&headless->changed, &headless->lock, deadline));
  g_mutex_unlock (&headless->lock);
  return met;
}

bool
display_headless_write_ppm (VmFrame *frame, const char *path, GError **error)
{
  unsigned width = vm_frame_get_width (frame);
  unsigned height = vm_frame_get_height (frame);
  g_autofree char *head = g_strdup_printf ("P6\n%u %u\n255\n", width, height);
  g_autoptr (GByteArray) out = g_byte_array_new ();

  g_byte_array_append (out, (const guint8 *) head, (guint) strlen (head));
  for (unsigned y = 0; y < height; y++) {
    const uint8_t *row = vm_frame_get_pixels (frame) + y * vm_frame_get_stride_bytes (frame);
    for (unsigned x = 0; x < width; x++) {
      guint8 rgb[] = {row[4 * x + 2], row[4 * x + 1], row[4 * x]};
      g_byte_array_append (out, rgb, sizeof rgb);
    }
  }
  return g_file_set_contents (path, (const char *) out->data, (gssize) out->len, error);
}
