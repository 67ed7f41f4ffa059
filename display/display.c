// SPDX-License-Identifier: GPL-3.0-or-later
// TerrariumDisplay: a GtkGLArea that draws the newest frame of a screen, has the guest follow its
// size and hands keyboard and pointer to the machine. Main thread.
#include "display/display.h"

#include "display/cursor.h"
#include "display/input.h"
#include "display/mailbox.h"
#include "display/renderer.h"
#include "display/transform.h"

#define RESIZE_DELAY_MS 150 // a window being dragged does not flood the guest

struct _TerrariumDisplay {
  GtkGLArea parent;

  DisplayScreen *screen;
  VmMachine *machine;
  DisplayInput *input;
  DisplayTransform transform;
  DisplayRenderer *renderer; // while realized
  VmRect damage;             // of the screen's frame, not yet in the texture
  double cursor_scale;       // what the pointer's shape was made for
  guint resize_source;
};

G_DEFINE_FINAL_TYPE (TerrariumDisplay, terrarium_display, GTK_TYPE_GL_AREA)

enum { PROP_GRABBED = 1, N_PROPERTIES };
static GParamSpec *properties[N_PROPERTIES];
enum { RELEASED, N_SIGNALS };
static guint signals[N_SIGNALS];

static VmFrame *
get_frame (TerrariumDisplay *display)
{
  return display->screen ? display_screen_get_frame (display->screen) : NULL;
}

static void
update_cursor (TerrariumDisplay *display)
{
  g_autoptr (GdkCursor) cursor = NULL;
  int hot_x, hot_y;

  display->cursor_scale = display_transform_get_scale (&display->transform);
  if (display->screen && display_screen_has_cursor_plane (display->screen)) {
    VmFrame *shape = display_screen_get_cursor (display->screen, &hot_x, &hot_y);
    cursor = display_cursor_new (shape, hot_x, hot_y, display->cursor_scale);
  }
  gtk_widget_set_cursor (GTK_WIDGET (display), cursor);
}

static void
update_transform (TerrariumDisplay *display)
{
  GtkWidget *widget = GTK_WIDGET (display);
  VmFrame *frame = get_frame (display);

  display_transform_init (&display->transform, gtk_widget_get_width (widget),
                          gtk_widget_get_height (widget), gtk_widget_get_scale_factor (widget),
                          frame ? vm_frame_get_width (frame) : 0,
                          frame ? vm_frame_get_height (frame) : 0);
  if (display->cursor_scale != display_transform_get_scale (&display->transform))
    update_cursor (display);
}

static void
damage_all (TerrariumDisplay *display)
{
  VmFrame *frame = get_frame (display);

  if (frame)
    display->damage =
        (VmRect){0, 0, (int) vm_frame_get_width (frame), (int) vm_frame_get_height (frame)};
}

static void
screen_changed_cb (TerrariumDisplay *display, const VmRect *damage)
{
  if (damage)
    display->damage = display_rect_union (&display->damage, damage);
  else
    damage_all (display);
  update_transform (display);
  gtk_gl_area_queue_render (GTK_GL_AREA (display));
}

static gboolean
send_size_cb (gpointer user_data)
{
  TerrariumDisplay *display = user_data;
  int width = gtk_widget_get_width (GTK_WIDGET (display));
  int height = gtk_widget_get_height (GTK_WIDGET (display));

  display->resize_source = 0;
  if (display->machine && width > 0 && height > 0)
    vm_machine_set_display_size (display->machine, (unsigned) width, (unsigned) height);
  return G_SOURCE_REMOVE;
}

static void
queue_size (TerrariumDisplay *display)
{
  g_clear_handle_id (&display->resize_source, g_source_remove);
  display->resize_source = g_timeout_add (RESIZE_DELAY_MS, send_size_cb, display);
}

static void
terrarium_display_resize (GtkGLArea *area, int width, int height)
{
  TerrariumDisplay *display = TERRARIUM_DISPLAY (area);

  update_transform (display);
  queue_size (display);
}

static gboolean
terrarium_display_render (GtkGLArea *area, GdkGLContext *context)
{
  TerrariumDisplay *display = TERRARIUM_DISPLAY (area);
  VmFrame *frame = get_frame (display);

  if (!display->renderer)
    return FALSE;
  update_transform (display);
  if (frame && display->damage.width > 0)
    display_renderer_upload (display->renderer, frame, &display->damage);
  display->damage = (VmRect){0};
  display_renderer_draw (display->renderer, &display->transform);
  return TRUE;
}

// Desktop OpenGL where there is one, else OpenGL ES.
static GdkGLContext *
create_context_cb (TerrariumDisplay *display)
{
  GdkSurface *surface = gtk_native_get_surface (gtk_widget_get_native (GTK_WIDGET (display)));
  static const struct {
    GdkGLAPI api;
    int major, minor;
  } wanted[] = {{GDK_GL_API_GL, 3, 2}, {GDK_GL_API_GLES, 3, 0}};
  g_autoptr (GError) error = NULL;

  for (unsigned i = 0; i < G_N_ELEMENTS (wanted); i++) {
    g_clear_error (&error);
    g_autoptr (GdkGLContext) context = gdk_surface_create_gl_context (surface, &error);
    if (!context)
      break;
    gdk_gl_context_set_allowed_apis (context, wanted[i].api);
    gdk_gl_context_set_required_version (context, wanted[i].major, wanted[i].minor);
    if (gdk_gl_context_realize (context, &error))
      return g_steal_pointer (&context);
  }
  gtk_gl_area_set_error (GTK_GL_AREA (display), error);
  return NULL;
}

static void
terrarium_display_realize (GtkWidget *widget)
{
  TerrariumDisplay *display = TERRARIUM_DISPLAY (widget);
  GtkGLArea *area = GTK_GL_AREA (widget);
  g_autoptr (GError) error = NULL;

  GTK_WIDGET_CLASS (terrarium_display_parent_class)->realize (widget);
  gtk_gl_area_make_current (area);
  if (gtk_gl_area_get_error (area))
    return;
  bool es = gdk_gl_context_get_use_es (gtk_gl_area_get_context (area));
  display->renderer = display_renderer_new (es, &error);
  if (error)
    gtk_gl_area_set_error (area, error);
  damage_all (display);
}

static void
terrarium_display_unrealize (GtkWidget *widget)
{
  TerrariumDisplay *display = TERRARIUM_DISPLAY (widget);

  gtk_gl_area_make_current (GTK_GL_AREA (widget));
  g_clear_pointer (&display->renderer, display_renderer_free);
  GTK_WIDGET_CLASS (terrarium_display_parent_class)->unrealize (widget);
}

static void
grab_changed_cb (GtkWidget *widget)
{
  g_object_notify_by_pspec (G_OBJECT (widget), properties[PROP_GRABBED]);
}

static void
released_cb (GtkWidget *widget)
{
  g_signal_emit (widget, signals[RELEASED], 0);
}

static void
terrarium_display_dispose (GObject *object)
{
  TerrariumDisplay *display = TERRARIUM_DISPLAY (object);

  g_clear_handle_id (&display->resize_source, g_source_remove);
  terrarium_display_set_screen (display, NULL);
  if (display->input)
    terrarium_display_set_machine (display, NULL);
  g_clear_pointer (&display->input, display_input_free);
  G_OBJECT_CLASS (terrarium_display_parent_class)->dispose (object);
}

static void
terrarium_display_get_property (GObject *object, guint id, GValue *value, GParamSpec *spec)
{
  if (id == PROP_GRABBED)
    g_value_set_boolean (value, terrarium_display_get_grabbed (TERRARIUM_DISPLAY (object)));
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
}

static void
terrarium_display_class_init (TerrariumDisplayClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);
  GtkGLAreaClass *area_class = GTK_GL_AREA_CLASS (klass);

  object_class->dispose = terrarium_display_dispose;
  object_class->get_property = terrarium_display_get_property;
  widget_class->realize = terrarium_display_realize;
  widget_class->unrealize = terrarium_display_unrealize;
  area_class->render = terrarium_display_render;
  area_class->resize = terrarium_display_resize;

  properties[PROP_GRABBED] = g_param_spec_boolean ("grabbed", NULL, NULL, FALSE,
                                                   G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPERTIES, properties);
  signals[RELEASED] = g_signal_new ("released", TERRARIUM_TYPE_DISPLAY, G_SIGNAL_RUN_LAST, 0, NULL,
                                    NULL, NULL, G_TYPE_NONE, 0);
}

static void
terrarium_display_init (TerrariumDisplay *display)
{
  GtkWidget *widget = GTK_WIDGET (display);

  gtk_widget_set_focusable (widget, TRUE);
  gtk_widget_set_hexpand (widget, TRUE);
  gtk_widget_set_vexpand (widget, TRUE);
  gtk_gl_area_set_auto_render (GTK_GL_AREA (display), FALSE);
  g_signal_connect (display, "create-context", G_CALLBACK (create_context_cb), NULL);
  display->cursor_scale = 1;
  display->input = display_input_new (widget, &display->transform, grab_changed_cb, released_cb);
}

GtkWidget *
terrarium_display_new (void)
{
  return g_object_new (TERRARIUM_TYPE_DISPLAY, NULL);
}

void
terrarium_display_set_screen (TerrariumDisplay *display, DisplayScreen *screen)
{
  if (display->screen == screen)
    return;
  if (display->screen)
    g_signal_handlers_disconnect_by_data (display->screen, display);
  g_set_object (&display->screen, screen);
  if (screen) {
    g_signal_connect_swapped (screen, "changed", G_CALLBACK (screen_changed_cb), display);
    g_signal_connect_swapped (screen, "cursor-changed", G_CALLBACK (update_cursor), display);
  }
  update_cursor (display);
  screen_changed_cb (display, NULL);
}

void
terrarium_display_set_machine (TerrariumDisplay *display, VmMachine *machine)
{
  if (g_set_object (&display->machine, machine)) {
    display_input_set_machine (display->input, machine);
    queue_size (display);
  }
}

gboolean
terrarium_display_get_grabbed (TerrariumDisplay *display)
{
  return display->input && display_input_get_grabbed (display->input);
}

void
terrarium_display_send_keys (TerrariumDisplay *display, const unsigned *evdev_codes, size_t n_codes)
{
  if (!display->machine)
    return;
  for (size_t i = 0; i < n_codes; i++)
    vm_machine_send_key (display->machine, evdev_codes[i], true);
  for (size_t i = n_codes; i-- > 0;)
    vm_machine_send_key (display->machine, evdev_codes[i], false);
}
