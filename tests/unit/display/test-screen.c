// SPDX-License-Identifier: GPL-3.0-or-later
// From the sink on a machine's thread to the main thread: mailbox, screen and headless display.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "display/headless.h"
#include "display/mailbox.h"
#include "display/screen.h"
#include "engine/structs/frame.h"

static VmFrame *
make_frame (unsigned width, unsigned height, uint32_t colour)
{
  VmFrame *frame = vm_frame_new (width, height);
  uint8_t *pixels = vm_frame_get_writable_pixels (frame);

  for (unsigned y = 0; y < height; y++)
    for (unsigned x = 0; x < width; x++)
      memcpy (pixels + y * vm_frame_get_stride_bytes (frame) + 4 * x, &colour, 4);
  return frame;
}

static uint32_t
first_pixel (const VmFrame *frame)
{
  uint32_t pixel;

  memcpy (&pixel, vm_frame_get_pixels (frame), 4);
  return pixel;
}

static void
test_mailbox (void **state)
{
  DisplayMailbox box;
  DisplayMail mail;
  g_autoptr (VmFrame) one = make_frame (8, 8, 1);
  g_autoptr (VmFrame) two = make_frame (8, 8, 2);

  display_mailbox_init (&box);
  assert_true (display_mailbox_put_frame (&box, one, &(VmRect){1, 1, 2, 2}));
  assert_false (display_mailbox_put_frame (&box, two, &(VmRect){5, 4, 1, 3}));
  display_mailbox_take (&box, &mail);
  assert_ptr_equal (mail.frame, two); // the newest, with all damage since the last look
  assert_int_equal (mail.damage.x, 1);
  assert_int_equal (mail.damage.y, 1);
  assert_int_equal (mail.damage.width, 5);
  assert_int_equal (mail.damage.height, 6);
  display_mail_clear (&mail);

  assert_true (display_mailbox_put_frame (&box, one, &(VmRect){0, 0, 8, 8}));
  assert_false (display_mailbox_put_disabled (&box));
  display_mailbox_take (&box, &mail);
  assert_null (mail.frame); // what came before it went off is not shown
  assert_true (mail.disabled);
  display_mail_clear (&mail);

  assert_true (display_mailbox_put_cursor (&box, two, 3, 4));
  display_mailbox_clear (&box); // unread mail does not leak
  assert_true (vm_frame_is_unique (one));
  assert_true (vm_frame_is_unique (two));
}

typedef struct Seen {
  unsigned n_changed, n_whole, n_cursor;
  VmRect damage;
} Seen;

static void
changed_cb (Seen *seen, const VmRect *damage)
{
  seen->n_changed++;
  if (damage)
    seen->damage = *damage;
  else
    seen->n_whole++;
}

static void
cursor_cb (Seen *seen)
{
  seen->n_cursor++;
}

static void
iterate (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

static void
test_screen (void **state)
{
  DisplayScreen *screen = display_screen_new ();
  const VmDisplaySinkOps *ops = &display_screen_sink_ops;
  g_autoptr (VmFrame) one = make_frame (8, 8, 0x102030);
  g_autoptr (VmFrame) two = make_frame (16, 8, 0x405060);
  Seen seen = {0};
  int hot_x, hot_y;

  g_signal_connect_swapped (screen, "changed", G_CALLBACK (changed_cb), &seen);
  g_signal_connect_swapped (screen, "cursor-changed", G_CALLBACK (cursor_cb), &seen);
  g_object_add_weak_pointer (G_OBJECT (screen), (gpointer *) &screen);

  ops->present (screen, one, &(VmRect){0, 0, 8, 8});
  ops->present (screen, one, &(VmRect){0, 0, 1, 1});
  iterate ();
  assert_int_equal (seen.n_changed, 1); // two pictures, one look
  assert_int_equal (seen.n_whole, 1);   // the output came on
  assert_ptr_equal (display_screen_get_frame (screen), one);

  ops->present (screen, one, &(VmRect){2, 3, 1, 1});
  iterate ();
  assert_int_equal (seen.damage.x, 2);
  assert_int_equal (seen.damage.width, 1);
  ops->present (screen, two, &(VmRect){2, 3, 1, 1});
  iterate ();
  assert_int_equal (seen.damage.width, 16); // a new size damages everything

  assert_false (display_screen_has_cursor_plane (screen));
  ops->set_cursor (screen, one, 1, 2);
  iterate ();
  assert_int_equal (seen.n_cursor, 1);
  assert_ptr_equal (display_screen_get_cursor (screen, &hot_x, &hot_y), one);
  assert_int_equal (hot_y, 2);

  ops->disable (screen);
  iterate ();
  assert_null (display_screen_get_frame (screen));
  assert_null (display_screen_make_texture (screen, 100, 100));

  g_object_unref (screen);
  assert_null (screen); // finalized
  assert_true (vm_frame_is_unique (one));
}

static gpointer
present_many (gpointer data)
{
  for (unsigned i = 0; i <= 1000; i++) {
    g_autoptr (VmFrame) frame = make_frame (4, 4, i);
    display_screen_sink_ops.present (data, frame, &(VmRect){0, 0, 4, 4});
  }
  return NULL;
}

// However the threads interleave, the last picture is the one that stays.
static void
test_newest_wins (void **state)
{
  g_autoptr (DisplayScreen) screen = display_screen_new ();
  g_autoptr (GThread) thread = g_thread_ref (g_thread_new ("machine", present_many, screen));

  iterate ();
  g_thread_join (thread);
  iterate ();
  assert_int_equal (first_pixel (display_screen_get_frame (screen)), 1000);
}

static void
test_texture (void **state)
{
  g_autoptr (DisplayScreen) screen = display_screen_new ();
  g_autoptr (VmFrame) frame = make_frame (400, 200, 0x00112233);
  uint32_t pixels[100 * 50];

  display_screen_sink_ops.present (screen, frame, &(VmRect){0, 0, 400, 200});
  iterate ();
  g_autoptr (GdkTexture) texture = display_screen_make_texture (screen, 100, 100);
  assert_int_equal (gdk_texture_get_width (texture), 100);
  assert_int_equal (gdk_texture_get_height (texture), 50);
  gdk_texture_download (texture, (guchar *) pixels, 100 * 4);
  assert_int_equal (pixels[100 * 25 + 50], 0xff112233); // opaque whatever X was
}

static bool
is_colour (VmFrame *frame, void *data)
{
  return first_pixel (frame) == *(uint32_t *) data;
}

static gpointer
present_colours (gpointer data)
{
  for (uint32_t colour = 1; colour <= 3; colour++) {
    g_autoptr (VmFrame) frame = make_frame (4, 4, colour);
    display_headless_sink_ops.present (data, frame, &(VmRect){0, 0, 4, 4});
  }
  return NULL;
}

static void
test_headless (void **state)
{
  DisplayHeadless *headless = display_headless_new ();
  uint32_t wanted = 3, never = 4;
  int x, y;

  assert_null (display_headless_dup_frame (headless));
  GThread *thread = g_thread_new ("machine", present_colours, headless);
  assert_true (display_headless_wait (headless, is_colour, &wanted, 60000));
  g_thread_join (thread);
  assert_false (display_headless_wait (headless, is_colour, &never, 1));
  assert_int_equal (display_headless_count_frames (headless), 3);
  display_headless_sink_ops.move_cursor (headless, 7, 9);
  display_headless_get_pointer (headless, &x, &y);
  assert_int_equal (x, 7);
  assert_int_equal (y, 9);
  display_headless_sink_ops.disable (headless);
  assert_null (display_headless_dup_frame (headless));
  display_headless_free (headless);
  display_headless_free (NULL);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_mailbox),     cmocka_unit_test (test_screen),
      cmocka_unit_test (test_newest_wins), cmocka_unit_test (test_texture),
      cmocka_unit_test (test_headless),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
