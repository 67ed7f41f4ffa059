// SPDX-License-Identifier: GPL-3.0-or-later
// TerrariumSerial: what the serial line prints goes to a VTE terminal, what is typed there goes to
// the line. Main thread.
#include "app/viewer/serial.h"

#include <glib/gi18n.h>
#include <vte/vte.h>

#include "app/viewer/transcript.h"
#include "display/keys.h"

#define SCROLLBACK_LINES  10000
#define UNSENT_MAX_BYTES  ((size_t) 1 << 20) // of a pasted text
#define RETRY_INTERVAL_MS 20
#define EVDEV_OFFSET      8

struct _TerrariumSerial {
  AdwBin parent;

  GtkStack *pages;
  VteTerminal *terminal;
  TerrariumMachine *machine;
  GByteArray *unsent; // typed or pasted, not yet accepted by the guest
  guint retry_source;
  DisplayKeys keys; // for the release combination: a terminal keeps Tab to itself
};

G_DEFINE_FINAL_TYPE (TerrariumSerial, terrarium_serial, ADW_TYPE_BIN)

enum { RELEASED, N_SIGNALS };
static guint signals[N_SIGNALS];

static void
feed (TerrariumSerial *serial, GBytes *bytes)
{
  gsize length = 0;
  const char *data = g_bytes_get_data (bytes, &length);

  vte_terminal_feed (serial->terminal, data, (gssize) length);
}

static gboolean
send_cb (gpointer user_data)
{
  TerrariumSerial *serial = user_data;
  VmMachine *vm = serial->machine ? terrarium_machine_get_vm (serial->machine) : NULL;

  if (!vm)
    g_byte_array_set_size (serial->unsent, 0);
  if (serial->unsent->len > 0) {
    size_t accepted =
        vm_machine_console_write (vm, VM_CONSOLE_SERIAL, serial->unsent->data, serial->unsent->len);
    g_byte_array_remove_range (serial->unsent, 0, (guint) MIN (accepted, serial->unsent->len));
  }
  if (serial->unsent->len > 0)
    return G_SOURCE_CONTINUE;
  serial->retry_source = 0;
  return G_SOURCE_REMOVE;
}

static void
commit_cb (TerrariumSerial *serial, const char *text, guint length)
{
  if (serial->unsent->len + length > UNSENT_MAX_BYTES)
    return;
  g_byte_array_append (serial->unsent, (const guint8 *) text, length);
  if (serial->retry_source == 0 && send_cb (serial))
    serial->retry_source = g_timeout_add (RETRY_INTERVAL_MS, send_cb, serial);
}

static void
reset_cb (TerrariumSerial *serial)
{
  vte_terminal_reset (serial->terminal, TRUE, TRUE);
}

static gboolean
key_pressed_cb (TerrariumSerial *serial, guint keyval, guint keycode, GdkModifierType state)
{
  display_keys_press (&serial->keys, keycode - EVDEV_OFFSET);
  return GDK_EVENT_PROPAGATE;
}

static void
key_released_cb (TerrariumSerial *serial, guint keyval, guint keycode, GdkModifierType state)
{
  bool released;

  display_keys_release (&serial->keys, keycode - EVDEV_OFFSET, &released);
  if (released)
    g_signal_emit (serial, signals[RELEASED], 0);
}

static void
focus_left_cb (TerrariumSerial *serial)
{
  serial->keys = (DisplayKeys){0};
}

static void
watch_keys (TerrariumSerial *serial)
{
  GtkEventController *keys = gtk_event_controller_key_new ();
  GtkEventController *focus = gtk_event_controller_focus_new ();

  gtk_event_controller_set_propagation_phase (keys, GTK_PHASE_CAPTURE);
  g_signal_connect_swapped (keys, "key-pressed", G_CALLBACK (key_pressed_cb), serial);
  g_signal_connect_swapped (keys, "key-released", G_CALLBACK (key_released_cb), serial);
  g_signal_connect_swapped (focus, "leave", G_CALLBACK (focus_left_cb), serial);
  gtk_widget_add_controller (GTK_WIDGET (serial->terminal), keys);
  gtk_widget_add_controller (GTK_WIDGET (serial->terminal), focus);
}

static gboolean
copy_cb (GtkWidget *widget, GVariant *arguments, gpointer user_data)
{
  vte_terminal_copy_clipboard_format (VTE_TERMINAL (widget), VTE_FORMAT_TEXT);
  return TRUE;
}

static gboolean
paste_cb (GtkWidget *widget, GVariant *arguments, gpointer user_data)
{
  vte_terminal_paste_clipboard (VTE_TERMINAL (widget));
  return TRUE;
}

static void
add_shortcut (GtkEventController *controller, guint keyval, GtkShortcutFunc function)
{
  GtkShortcutTrigger *trigger = gtk_keyval_trigger_new (keyval, GDK_CONTROL_MASK | GDK_SHIFT_MASK);
  GtkShortcutAction *action = gtk_callback_action_new (function, NULL, NULL);

  gtk_shortcut_controller_add_shortcut (GTK_SHORTCUT_CONTROLLER (controller),
                                        gtk_shortcut_new (trigger, action));
}

static void
terrarium_serial_dispose (GObject *object)
{
  TerrariumSerial *serial = TERRARIUM_SERIAL (object);

  terrarium_serial_set_machine (serial, NULL);
  g_clear_handle_id (&serial->retry_source, g_source_remove);
  G_OBJECT_CLASS (terrarium_serial_parent_class)->dispose (object);
}

static void
terrarium_serial_finalize (GObject *object)
{
  g_byte_array_unref (TERRARIUM_SERIAL (object)->unsent);
  G_OBJECT_CLASS (terrarium_serial_parent_class)->finalize (object);
}

static void
terrarium_serial_class_init (TerrariumSerialClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = terrarium_serial_dispose;
  G_OBJECT_CLASS (klass)->finalize = terrarium_serial_finalize;
  signals[RELEASED] = g_signal_new ("released", TERRARIUM_TYPE_SERIAL, G_SIGNAL_RUN_LAST, 0, NULL,
                                    NULL, NULL, G_TYPE_NONE, 0);
}

static GtkWidget *
make_terminal (TerrariumSerial *serial)
{
  GtkWidget *scroller = gtk_scrolled_window_new ();
  GtkEventController *shortcuts = gtk_shortcut_controller_new ();

  serial->terminal = VTE_TERMINAL (vte_terminal_new ());
  vte_terminal_set_scrollback_lines (serial->terminal, SCROLLBACK_LINES);
  vte_terminal_set_mouse_autohide (serial->terminal, TRUE);
  g_signal_connect_swapped (serial->terminal, "commit", G_CALLBACK (commit_cb), serial);
  watch_keys (serial);
  add_shortcut (shortcuts, GDK_KEY_c, copy_cb);
  add_shortcut (shortcuts, GDK_KEY_v, paste_cb);
  gtk_event_controller_set_propagation_phase (shortcuts, GTK_PHASE_CAPTURE);
  gtk_widget_add_controller (GTK_WIDGET (serial->terminal), shortcuts);
  gtk_scrolled_window_set_child (GTK_SCROLLED_WINDOW (scroller), GTK_WIDGET (serial->terminal));
  gtk_scrolled_window_set_policy (GTK_SCROLLED_WINDOW (scroller), GTK_POLICY_NEVER,
                                  GTK_POLICY_AUTOMATIC);
  gtk_widget_add_css_class (scroller, "machine-serial");
  return scroller;
}

static GtkWidget *
make_transcript_button (TerrariumSerial *serial)
{
  GtkWidget *button = gtk_toggle_button_new ();
  const char *label = _ ("Transcript: the console as text to read and select");

  gtk_button_set_icon_name (GTK_BUTTON (button), "view-list-symbolic");
  gtk_widget_set_tooltip_text (button, label);
  gtk_accessible_update_property (GTK_ACCESSIBLE (button), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Transcript"), -1);
  gtk_widget_set_halign (button, GTK_ALIGN_END);
  gtk_widget_set_valign (button, GTK_ALIGN_START);
  gtk_widget_set_margin_top (button, 6);
  gtk_widget_set_margin_end (button, 18);
  gtk_widget_add_css_class (button, "osd");
  gtk_widget_add_css_class (button, "circular");
  return button;
}

static void
transcript_toggled_cb (TerrariumSerial *serial, GtkToggleButton *button)
{
  bool active = gtk_toggle_button_get_active (button);

  gtk_stack_set_visible_child_name (serial->pages, active ? "transcript" : "terminal");
  if (!active)
    terrarium_serial_take_focus (serial);
}

static void
terrarium_serial_init (TerrariumSerial *serial)
{
  GtkWidget *overlay = gtk_overlay_new ();
  GtkWidget *terminal = make_terminal (serial);
  GtkWidget *button = make_transcript_button (serial);

  serial->unsent = g_byte_array_new ();
  serial->pages = GTK_STACK (gtk_stack_new ());
  gtk_stack_add_named (serial->pages, terminal, "terminal");
  gtk_stack_add_named (serial->pages, terrarium_transcript_new (serial->terminal), "transcript");
  g_signal_connect_swapped (button, "toggled", G_CALLBACK (transcript_toggled_cb), serial);
  gtk_overlay_set_child (GTK_OVERLAY (overlay), GTK_WIDGET (serial->pages));
  gtk_overlay_add_overlay (GTK_OVERLAY (overlay), button);
  adw_bin_set_child (ADW_BIN (serial), overlay);
}

void
terrarium_serial_set_machine (TerrariumSerial *serial, TerrariumMachine *machine)
{
  if (serial->machine == machine)
    return;
  if (serial->machine)
    g_signal_handlers_disconnect_by_data (terrarium_machine_get_console (serial->machine), serial);
  g_byte_array_set_size (serial->unsent, 0);
  g_set_object (&serial->machine, machine);
  if (!machine)
    return;

  TerrariumConsole *console = terrarium_machine_get_console (machine);
  g_autofree char *label =
      g_strdup_printf (_ ("Serial console of %s"), terrarium_machine_get_name (machine));
  g_autoptr (GBytes) history = terrarium_console_get_history (console);
  gtk_accessible_update_property (GTK_ACCESSIBLE (serial->terminal), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  label, -1);
  reset_cb (serial);
  feed (serial, history);
  g_signal_connect_swapped (console, "output", G_CALLBACK (feed), serial);
  g_signal_connect_swapped (console, "reset", G_CALLBACK (reset_cb), serial);
}

void
terrarium_serial_take_focus (TerrariumSerial *serial)
{
  gtk_widget_grab_focus (GTK_WIDGET (serial->terminal));
}
