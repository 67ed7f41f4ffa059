// SPDX-License-Identifier: GPL-3.0-or-later
// The main thread's view of a machine's display. The sink's functions run on the machine's I/O
// thread and touch only the mailbox; everything else is the main thread's.
#include "display/screen.h"

#include <cairo.h>

#include "display/mailbox.h"

struct _DisplayScreen {
  GObject parent;

  DisplayMailbox mailbox; // has its own lock
  GMainContext *context;  // where the mail is read

  // Main thread.
  VmFrame *frame;
  VmFrame *cursor;
  int hot_x, hot_y;
  bool has_cursor_plane;
};

G_DEFINE_FINAL_TYPE (DisplayScreen, display_screen, G_TYPE_OBJECT)

enum { CHANGED, CURSOR_CHANGED, N_SIGNALS };
static guint signals[N_SIGNALS];

static bool
same_size (const VmFrame *a, const VmFrame *b)
{
  return vm_frame_get_width (a) == vm_frame_get_width (b) &&
         vm_frame_get_height (a) == vm_frame_get_height (b);
}

static void
read_picture (DisplayScreen *screen, DisplayMail *mail)
{
  if (mail->disabled && screen->frame) {
    g_clear_pointer (&screen->frame, vm_frame_unref);
    g_signal_emit (screen, signals[CHANGED], 0, NULL);
  }
  if (!mail->frame)
    return;
  VmFrame *old = screen->frame;
  screen->frame = g_steal_pointer (&mail->frame);
  VmRect damage = mail->damage;
  if (!old || !same_size (old, screen->frame))
    damage = (VmRect){0, 0, (int) vm_frame_get_width (screen->frame),
                      (int) vm_frame_get_height (screen->frame)};
  g_signal_emit (screen, signals[CHANGED], 0, old ? &damage : NULL);
  g_clear_pointer (&old, vm_frame_unref);
}

static gboolean
read_mail_cb (gpointer user_data)
{
  DisplayScreen *screen = user_data;
  DisplayMail mail;

  display_mailbox_take (&screen->mailbox, &mail);
  if (mail.cursor_changed) {
    g_clear_pointer (&screen->cursor, vm_frame_unref);
    screen->cursor = g_steal_pointer (&mail.cursor);
    screen->hot_x = mail.hot_x;
    screen->hot_y = mail.hot_y;
    screen->has_cursor_plane = true;
    g_signal_emit (screen, signals[CURSOR_CHANGED], 0);
  }
  read_picture (screen, &mail);
  display_mail_clear (&mail);
  return G_SOURCE_REMOVE;
}

static void
wake (DisplayScreen *screen)
{
  g_autoptr (GSource) source = g_idle_source_new ();

  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, read_mail_cb, g_object_ref (screen), g_object_unref);
  g_source_attach (source, screen->context);
}

static void
sink_present (void *sink, VmFrame *frame, const VmRect *damage)
{
  DisplayScreen *screen = sink;

  if (display_mailbox_put_frame (&screen->mailbox, frame, damage))
    wake (screen);
}

static void
sink_disable (void *sink)
{
  DisplayScreen *screen = sink;

  if (display_mailbox_put_disabled (&screen->mailbox))
    wake (screen);
}

static void
sink_set_cursor (void *sink, VmFrame *cursor, int hot_x, int hot_y)
{
  DisplayScreen *screen = sink;

  if (display_mailbox_put_cursor (&screen->mailbox, cursor, hot_x, hot_y))
    wake (screen);
}

// The pointer is absolute: the host's pointer is where the guest's is, so move_cursor is not
// needed to show it.
const VmDisplaySinkOps display_screen_sink_ops = {
    .present = sink_present,
    .disable = sink_disable,
    .set_cursor = sink_set_cursor,
};

static void
display_screen_finalize (GObject *object)
{
  DisplayScreen *screen = DISPLAY_SCREEN (object);

  g_clear_pointer (&screen->frame, vm_frame_unref);
  g_clear_pointer (&screen->cursor, vm_frame_unref);
  g_main_context_unref (screen->context);
  display_mailbox_clear (&screen->mailbox);
  G_OBJECT_CLASS (display_screen_parent_class)->finalize (object);
}

static void
display_screen_class_init (DisplayScreenClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = display_screen_finalize;
  signals[CHANGED] = g_signal_new ("changed", DISPLAY_TYPE_SCREEN, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                   NULL, G_TYPE_NONE, 1, G_TYPE_POINTER);
  signals[CURSOR_CHANGED] = g_signal_new ("cursor-changed", DISPLAY_TYPE_SCREEN, G_SIGNAL_RUN_LAST,
                                          0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
display_screen_init (DisplayScreen *screen)
{
  display_mailbox_init (&screen->mailbox);
  screen->context = g_main_context_ref_thread_default ();
}

DisplayScreen *
display_screen_new (void)
{
  return g_object_new (DISPLAY_TYPE_SCREEN, NULL);
}

VmFrame *
display_screen_get_frame (DisplayScreen *screen)
{
  return screen->frame;
}

VmFrame *
display_screen_get_cursor (DisplayScreen *screen, int *hot_x, int *hot_y)
{
  *hot_x = screen->hot_x;
  *hot_y = screen->hot_y;
  return screen->cursor;
}

bool
display_screen_has_cursor_plane (DisplayScreen *screen)
{
  return screen->has_cursor_plane;
}

void
display_screen_reset (DisplayScreen *screen)
{
  DisplayMail mail;

  display_mailbox_take (&screen->mailbox, &mail);
  display_mail_clear (&mail);
  g_clear_pointer (&screen->frame, vm_frame_unref);
  g_clear_pointer (&screen->cursor, vm_frame_unref);
  screen->has_cursor_plane = false;
  g_signal_emit (screen, signals[CURSOR_CHANGED], 0);
  g_signal_emit (screen, signals[CHANGED], 0, NULL);
}

// Wraps a frame's pixels; cairo only reads them.
static cairo_surface_t *
wrap_frame (VmFrame *frame)
{
  return cairo_image_surface_create_for_data ((unsigned char *) vm_frame_get_pixels (frame),
                                              CAIRO_FORMAT_RGB24, (int) vm_frame_get_width (frame),
                                              (int) vm_frame_get_height (frame),
                                              (int) vm_frame_get_stride_bytes (frame));
}

static cairo_surface_t *
scale_frame (VmFrame *frame, int width, int height)
{
  cairo_surface_t *source = wrap_frame (frame);
  cairo_surface_t *target = cairo_image_surface_create (CAIRO_FORMAT_ARGB32, width, height);
  cairo_t *cr = cairo_create (target);

  cairo_scale (cr, (double) width / vm_frame_get_width (frame),
               (double) height / vm_frame_get_height (frame));
  cairo_set_source_surface (cr, source, 0, 0);
  cairo_pattern_set_extend (cairo_get_source (cr), CAIRO_EXTEND_PAD);
  cairo_paint (cr);
  cairo_destroy (cr);
  cairo_surface_destroy (source);
  cairo_surface_flush (target);
  return target;
}

GdkTexture *
display_screen_make_texture (DisplayScreen *screen, int max_width, int max_height)
{
  if (!screen->frame)
    return NULL;
  int width = (int) vm_frame_get_width (screen->frame);
  int height = (int) vm_frame_get_height (screen->frame);
  double scale = MIN (1.0, MIN ((double) max_width / width, (double) max_height / height));
  width = MAX (1, (int) (width * scale));
  height = MAX (1, (int) (height * scale));

  cairo_surface_t *surface = scale_frame (screen->frame, width, height);
  size_t stride = (size_t) cairo_image_surface_get_stride (surface);
  g_autoptr (GBytes) bytes =
      g_bytes_new_with_free_func (cairo_image_surface_get_data (surface), stride * (size_t) height,
                                  (GDestroyNotify) cairo_surface_destroy, surface);
  return gdk_memory_texture_new (width, height, GDK_MEMORY_DEFAULT, bytes, stride);
}
