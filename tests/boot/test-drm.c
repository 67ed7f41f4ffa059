// SPDX-License-Identifier: GPL-3.0-or-later
// A DRM client in the guest (drm-guest.c, on the generic kernel) sees the mode list change after a
// display-info event, its picture reaches the sink, and so do its cursor's shape and position.
#include <stdlib.h>

#include "tests/support/machine.h"

typedef struct Screen {
  GMutex lock;
  VmFrame *frame, *cursor;
  int hot_x, hot_y, x, y;
} Screen;

static void
present_cb (void *sink, VmFrame *frame, const VmRect *damage)
{
  Screen *screen = sink;

  g_mutex_lock (&screen->lock);
  g_clear_pointer (&screen->frame, vm_frame_unref);
  screen->frame = vm_frame_ref (frame);
  g_mutex_unlock (&screen->lock);
}

static void
set_cursor_cb (void *sink, VmFrame *cursor, int hot_x, int hot_y)
{
  Screen *screen = sink;

  g_mutex_lock (&screen->lock);
  g_clear_pointer (&screen->cursor, vm_frame_unref);
  screen->cursor = cursor != NULL ? vm_frame_ref (cursor) : NULL;
  screen->hot_x = hot_x;
  screen->hot_y = hot_y;
  g_mutex_unlock (&screen->lock);
}

static void
move_cursor_cb (void *sink, int x, int y)
{
  Screen *screen = sink;

  g_mutex_lock (&screen->lock);
  screen->x = x;
  screen->y = y;
  g_mutex_unlock (&screen->lock);
}

static const VmDisplaySinkOps screen_ops = {
    .present = present_cb, .set_cursor = set_cursor_cb, .move_cursor = move_cursor_cb};

static uint32_t
centre (const VmFrame *frame)
{
  const uint8_t *row = vm_frame_get_pixels (frame) +
                       vm_frame_get_height (frame) / 2 * vm_frame_get_stride_bytes (frame);

  return ((const uint32_t *) row)[vm_frame_get_width (frame) / 2];
}

static bool
has_picture_and_cursor (TestMachine *tm, void *data)
{
  Screen *screen = data;
  bool met;

  g_mutex_lock (&screen->lock);
  met = screen->frame != NULL && (centre (screen->frame) & 0xffffff) == 0x336699 &&
        screen->cursor != NULL && vm_frame_get_width (screen->cursor) == 64 &&
        centre (screen->cursor) == 0xff20c040 && screen->x == 123 && screen->y == 45;
  g_mutex_unlock (&screen->lock);
  return met;
}

int
main (int argc, char **argv)
{
  VmConfig *config = vm_config_new (VM_ARCH_AARCH64);
  Screen screen = {.x = -1, .y = -1};
  TestMachine *tm;

  g_assert_cmpint (argc, ==, 2);
  config->kernel = test_guest_file ("vmlinuz-arm64");
  config->initrd = g_strdup (argv[1]);
  config->cmdline = g_strdup ("console=ttyAMA0 quiet");
  config->display = true;
  config->display_width = 1024;
  config->display_height = 768;
  tm = test_machine_new (config);
  vm_machine_set_display_sink (tm->machine, &screen_ops, &screen);
  test_machine_perform (tm, VM_OP_START);

  if (!test_machine_wait_text (tm, "DRM-CURSOR") ||
      !test_machine_has_text (tm, "DRM-MODE 1024x768"))
    g_error ("the guest did not show its picture:\n%s", tm->serial->str);
  if (!test_machine_wait (tm, has_picture_and_cursor, &screen))
    g_error ("picture or cursor did not arrive: at %d,%d", screen.x, screen.y);
  vm_machine_set_display_size (tm->machine, 1336, 752);
  if (!test_machine_wait_text (tm, "DRM-MODE 1336x752"))
    g_error ("the mode list did not follow:\n%s", tm->serial->str);

  test_machine_free (tm);
  g_clear_pointer (&screen.frame, vm_frame_unref);
  g_clear_pointer (&screen.cursor, vm_frame_unref);
  vm_config_free (config);
  return EXIT_SUCCESS;
}
