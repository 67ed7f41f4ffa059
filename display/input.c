// SPDX-License-Identifier: GPL-3.0-or-later
// Keyboard and pointer of a display widget. Hardware key codes, never symbols: the guest has a
// keyboard layout of its own. Main thread; the machine's send functions never wait.
#include "display/input.h"

#include <linux/input-event-codes.h>
#include <math.h>

#include "display/keys.h"

#define EVDEV_OFFSET 8 // X11 and XKB key codes are evdev's plus this

struct DisplayInput {
  GtkWidget *widget;
  const DisplayTransform *transform;
  void (*grab_changed) (GtkWidget *);
  void (*released) (GtkWidget *);
  VmMachine *machine;
  GtkEventController *controllers[5];
  GdkToplevel *inhibited; // borrowed; whose system shortcuts are held off
  DisplayKeys keys;       // buttons too: their codes do not meet keys'
  double scroll_x, scroll_y;
};

static void
send_held (DisplayInput *input, unsigned code, bool down)
{
  if (!input->machine)
    return;
  if (code >= BTN_MOUSE && code < BTN_JOYSTICK)
    vm_machine_send_button (input->machine, code, down);
  else
    vm_machine_send_key (input->machine, code, down);
}

static void
release_all (DisplayInput *input)
{
  for (int code; (code = display_keys_take (&input->keys)) >= 0;)
    send_held (input, (unsigned) code, false);
}

static gboolean
key_pressed_cb (DisplayInput *input, guint keyval, guint keycode, GdkModifierType state)
{
  if (!input->machine || keycode < EVDEV_OFFSET)
    return GDK_EVENT_PROPAGATE;
  if (display_keys_press (&input->keys, keycode - EVDEV_OFFSET))
    send_held (input, keycode - EVDEV_OFFSET, true);
  return GDK_EVENT_STOP;
}

static void
key_released_cb (DisplayInput *input, guint keyval, guint keycode, GdkModifierType state)
{
  bool released = false;

  if (keycode < EVDEV_OFFSET)
    return;
  if (display_keys_release (&input->keys, keycode - EVDEV_OFFSET, &released))
    send_held (input, keycode - EVDEV_OFFSET, false);
  if (released) {
    release_all (input);
    input->released (input->widget);
  }
}

// The window manager's own combinations reach the guest while it has the keyboard.
static void
focus_entered_cb (DisplayInput *input)
{
  GtkNative *native = gtk_widget_get_native (input->widget);
  GdkSurface *surface = native ? gtk_native_get_surface (native) : NULL;

  if (!input->machine || input->inhibited || !GDK_IS_TOPLEVEL (surface))
    return;
  input->inhibited = GDK_TOPLEVEL (surface);
  gdk_toplevel_inhibit_system_shortcuts (input->inhibited, NULL);
  input->grab_changed (input->widget);
}

static void
focus_left_cb (DisplayInput *input)
{
  release_all (input);
  if (!input->inhibited)
    return;
  gdk_toplevel_restore_system_shortcuts (input->inhibited);
  input->inhibited = NULL;
  input->grab_changed (input->widget);
}

static void
send_position (DisplayInput *input, double x, double y)
{
  double guest_x, guest_y;

  display_transform_to_guest (input->transform, x, y, &guest_x, &guest_y);
  if (input->machine && input->transform->frame_width > 0)
    vm_machine_send_position (input->machine, guest_x, guest_y, input->transform->frame_width,
                              input->transform->frame_height);
}

static void
motion_cb (DisplayInput *input, double x, double y)
{
  send_position (input, x, y);
}

static unsigned
button_code (unsigned button)
{
  switch (button) {
  case 1:
    return BTN_LEFT;
  case 2:
    return BTN_MIDDLE;
  case 3:
    return BTN_RIGHT;
  case 8:
    return BTN_SIDE;
  case 9:
    return BTN_EXTRA;
  default:
    return 0;
  }
}

static void
button_changed (DisplayInput *input, unsigned code, bool down)
{
  bool released;

  if (down ? display_keys_press (&input->keys, code)
           : display_keys_release (&input->keys, code, &released))
    send_held (input, code, down);
}

// All buttons through one controller: gestures follow a single one at a time.
static gboolean
legacy_event_cb (DisplayInput *input, GdkEvent *event)
{
  GdkEventType type = gdk_event_get_event_type (event);

  if (type != GDK_BUTTON_PRESS && type != GDK_BUTTON_RELEASE)
    return GDK_EVENT_PROPAGATE;
  unsigned code = button_code (gdk_button_event_get_button (event));
  if (!input->machine || code == 0)
    return GDK_EVENT_PROPAGATE;
  // Event coordinates are the surface's: the motion controller has sent where the pointer is.
  if (type == GDK_BUTTON_PRESS)
    gtk_widget_grab_focus (input->widget);
  button_changed (input, code, type == GDK_BUTTON_PRESS);
  return GDK_EVENT_STOP;
}

static int
whole_clicks (double *sum, double delta)
{
  *sum += delta;
  double whole = trunc (*sum);
  *sum -= whole;
  return (int) whole;
}

static gboolean
scroll_cb (DisplayInput *input, double dx, double dy)
{
  if (!input->machine)
    return GDK_EVENT_PROPAGATE;
  int x = whole_clicks (&input->scroll_x, dx);
  int y = whole_clicks (&input->scroll_y, dy);
  if (x != 0 || y != 0)
    vm_machine_send_scroll (input->machine, x, -y); // GTK counts downwards
  return GDK_EVENT_STOP;
}

static void
add_controller (DisplayInput *input, unsigned slot, GtkEventController *controller)
{
  input->controllers[slot] = controller;
  gtk_widget_add_controller (input->widget, controller);
}

DisplayInput *
display_input_new (GtkWidget *widget, const DisplayTransform *transform,
                   void (*grab_changed) (GtkWidget *), void (*released) (GtkWidget *))
{
  DisplayInput *input = g_new0 (DisplayInput, 1);
  *input = (DisplayInput){
      .widget = widget, .transform = transform, .grab_changed = grab_changed, .released = released};

  GtkEventController *key = gtk_event_controller_key_new ();
  gtk_event_controller_set_propagation_phase (key, GTK_PHASE_CAPTURE);
  g_signal_connect_swapped (key, "key-pressed", G_CALLBACK (key_pressed_cb), input);
  g_signal_connect_swapped (key, "key-released", G_CALLBACK (key_released_cb), input);
  add_controller (input, 0, key);

  // The focus controller of the key controller's widget: is-focus, not contains-focus.
  GtkEventController *focus = gtk_event_controller_focus_new ();
  g_signal_connect_swapped (focus, "enter", G_CALLBACK (focus_entered_cb), input);
  g_signal_connect_swapped (focus, "leave", G_CALLBACK (focus_left_cb), input);
  add_controller (input, 1, focus);

  GtkEventController *motion = gtk_event_controller_motion_new ();
  g_signal_connect_swapped (motion, "enter", G_CALLBACK (motion_cb), input);
  g_signal_connect_swapped (motion, "motion", G_CALLBACK (motion_cb), input);
  add_controller (input, 2, motion);

  GtkEventController *scroll =
      gtk_event_controller_scroll_new (GTK_EVENT_CONTROLLER_SCROLL_BOTH_AXES);
  g_signal_connect_swapped (scroll, "scroll", G_CALLBACK (scroll_cb), input);
  add_controller (input, 3, scroll);

  GtkEventController *legacy = gtk_event_controller_legacy_new ();
  g_signal_connect_swapped (legacy, "event", G_CALLBACK (legacy_event_cb), input);
  add_controller (input, 4, legacy);
  return input;
}

void
display_input_free (DisplayInput *input)
{
  if (!input)
    return;
  focus_left_cb (input);
  for (unsigned i = 0; i < G_N_ELEMENTS (input->controllers); i++)
    gtk_widget_remove_controller (input->widget, input->controllers[i]);
  g_clear_object (&input->machine);
  g_free (input);
}

void
display_input_set_machine (DisplayInput *input, VmMachine *machine)
{
  if (input->machine == machine)
    return;
  focus_left_cb (input);
  g_set_object (&input->machine, machine);
  if (gtk_widget_has_focus (input->widget))
    focus_entered_cb (input);
}

bool
display_input_get_grabbed (const DisplayInput *input)
{
  return input->inhibited != NULL;
}
