// SPDX-License-Identifier: GPL-3.0-or-later
// What a person can do with the machine in the viewer. Main thread.
#include <glib/gi18n.h>

#include "app/settings/settings.h"
#include "app/snapshots/snapshots.h"
#include "app/viewer/send-keys.h"
#include "app/viewer/viewer-private.h"
#include "app/widgets/dialogs.h"

static void
back_action (GtkWidget *widget, const char *action, GVariant *parameter)
{
  terrarium_viewer_go_back (TERRARIUM_VIEWER (widget));
}

static void
start_action (GtkWidget *widget, const char *action, GVariant *parameter)
{
  terrarium_machine_perform (TERRARIUM_VIEWER (widget)->machine, VM_OP_START);
}

static void
start_afresh_action (GtkWidget *widget, const char *action, GVariant *parameter)
{
  terrarium_machine_start_afresh (TERRARIUM_VIEWER (widget)->machine);
}

static void
save_action (GtkWidget *widget, const char *action, GVariant *parameter)
{
  terrarium_machine_save (TERRARIUM_VIEWER (widget)->machine);
}

static void
cancel_saving_action (GtkWidget *widget, const char *action, GVariant *parameter)
{
  terrarium_machine_cancel_saving (TERRARIUM_VIEWER (widget)->machine);
}

static void
snapshots_action (GtkWidget *widget, const char *action, GVariant *parameter)
{
  terrarium_show_snapshots (GTK_WINDOW (gtk_widget_get_root (widget)),
                            TERRARIUM_VIEWER (widget)->machine);
}

static void
settings_action (GtkWidget *widget, const char *action, GVariant *parameter)
{
  terrarium_show_settings (GTK_WINDOW (gtk_widget_get_root (widget)),
                           TERRARIUM_VIEWER (widget)->machine);
}

static void
ask_on_close_action (GtkWidget *widget, const char *action, GVariant *parameter)
{
  TerrariumViewer *viewer = TERRARIUM_VIEWER (widget);
  g_autoptr (GError) error = NULL;

  if (!bundle_set_on_close (terrarium_machine_get_bundle (viewer->machine), "ask", &error))
    terrarium_viewer_tell (viewer, error->message);
  terrarium_viewer_update_actions (viewer);
}

static void
pause_action (GtkWidget *widget, const char *action, GVariant *parameter)
{
  TerrariumMachine *machine = TERRARIUM_VIEWER (widget)->machine;
  bool paused = terrarium_machine_can (machine, VM_OP_RESUME);

  terrarium_machine_perform (machine, paused ? VM_OP_RESUME : VM_OP_PAUSE);
}

static void
shut_down_action (GtkWidget *widget, const char *action, GVariant *parameter)
{
  TerrariumViewer *viewer = TERRARIUM_VIEWER (widget);

  terrarium_machine_perform (viewer->machine, VM_OP_POWER_BUTTON);
  terrarium_viewer_tell (viewer, _ ("The power button was pressed"));
}

static void
restart_action (GtkWidget *widget, const char *action, GVariant *parameter)
{
  terrarium_machine_perform (TERRARIUM_VIEWER (widget)->machine, VM_OP_RESET);
}

static void
force_off_action (GtkWidget *widget, const char *action, GVariant *parameter)
{
  terrarium_confirm_force_off (GTK_WINDOW (gtk_widget_get_root (widget)),
                               TERRARIUM_VIEWER (widget)->machine);
}

static void
fullscreen_action (GtkWidget *widget, const char *action, GVariant *parameter)
{
  GtkWindow *window = GTK_WINDOW (gtk_widget_get_root (widget));

  if (gtk_window_is_fullscreen (window))
    gtk_window_unfullscreen (window);
  else
    gtk_window_fullscreen (window);
}

static void
send_keys_action (GtkWidget *widget, const char *action, GVariant *parameter)
{
  size_t n_codes = 0;
  const SendKeys *keys = send_keys_get (g_variant_get_int32 (parameter), &n_codes);

  if (keys)
    terrarium_display_send_keys (TERRARIUM_VIEWER (widget)->display, keys->codes, n_codes);
}

// ---------------------------------------------------------------------------------------------
// Save Picture…

static void
picture_response_cb (GtkNativeDialog *dialog, int response, gpointer user_data)
{
  TerrariumViewer *viewer = user_data;
  GdkTexture *picture = g_object_get_data (G_OBJECT (dialog), "picture");

  if (response == GTK_RESPONSE_ACCEPT) {
    g_autoptr (GFile) file = gtk_file_chooser_get_file (GTK_FILE_CHOOSER (dialog));
    g_autoptr (GBytes) bytes = gdk_texture_save_to_png_bytes (picture);
    g_autoptr (GError) error = NULL;
    gsize length = 0;
    const char *data = g_bytes_get_data (bytes, &length);
    bool done = g_file_replace_contents (file, data, length, NULL, FALSE, G_FILE_CREATE_NONE, NULL,
                                         NULL, &error);
    terrarium_viewer_tell (viewer, done ? _ ("The picture was saved") : error->message);
  }
  gtk_native_dialog_destroy (dialog);
  g_object_unref (dialog);
}

static void
save_picture_action (GtkWidget *widget, const char *action, GVariant *parameter)
{
  TerrariumViewer *viewer = TERRARIUM_VIEWER (widget);
  DisplayScreen *screen = terrarium_machine_get_screen (viewer->machine);
  GdkTexture *picture = display_screen_make_texture (screen, G_MAXINT, G_MAXINT);

  if (!picture) {
    terrarium_viewer_tell (viewer, _ ("There is no picture yet"));
    return;
  }
  GtkFileChooserNative *chooser =
      gtk_file_chooser_native_new (_ ("Save Picture"), GTK_WINDOW (gtk_widget_get_root (widget)),
                                   GTK_FILE_CHOOSER_ACTION_SAVE, _ ("_Save"), _ ("_Cancel"));
  g_autofree char *name = g_strdup_printf ("%s.png", terrarium_machine_get_name (viewer->machine));
  gtk_file_chooser_set_current_name (GTK_FILE_CHOOSER (chooser), g_strdelimit (name, "/", '-'));
  g_object_set_data_full (G_OBJECT (chooser), "picture", picture, g_object_unref);
  g_signal_connect_object (chooser, "response", G_CALLBACK (picture_response_cb), viewer, 0);
  gtk_native_dialog_show (GTK_NATIVE_DIALOG (chooser));
}

void
terrarium_viewer_install_actions (GtkWidgetClass *widget_class)
{
  static const struct {
    const char *name;
    GtkWidgetActionActivateFunc function;
  } actions[] = {
      {"viewer.back", back_action},
      {"viewer.start", start_action},
      {"viewer.start-afresh", start_afresh_action},
      {"viewer.save", save_action},
      {"viewer.cancel-saving", cancel_saving_action},
      {"viewer.snapshots", snapshots_action},
      {"viewer.settings", settings_action},
      {"viewer.ask-on-close", ask_on_close_action},
      {"viewer.pause", pause_action},
      {"viewer.shut-down", shut_down_action},
      {"viewer.restart", restart_action},
      {"viewer.force-off", force_off_action},
      {"viewer.fullscreen", fullscreen_action},
      {"viewer.save-picture", save_picture_action},
  };

  for (unsigned i = 0; i < G_N_ELEMENTS (actions); i++)
    gtk_widget_class_install_action (widget_class, actions[i].name, NULL, actions[i].function);
  gtk_widget_class_install_action (widget_class, "viewer.send-keys", "i", send_keys_action);
  terrarium_viewer_install_disc_actions (widget_class);
  gtk_widget_class_install_property_action (widget_class, "viewer.performance", "show-performance");
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_F9, 0, "viewer.performance", NULL);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_F11, 0, "viewer.fullscreen", NULL);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_Left, GDK_ALT_MASK, "viewer.back",
                                       NULL);
}

// Whether closing the window asks no more.
static bool
has_on_close (TerrariumMachine *machine)
{
  Bundle *bundle = terrarium_machine_get_bundle (machine);
  g_autofree char *what = bundle ? bundle_dup_on_close (bundle) : g_strdup ("ask");

  return !g_str_equal (what, "ask");
}

void
terrarium_viewer_update_actions (TerrariumViewer *viewer)
{
  GtkWidget *widget = GTK_WIDGET (viewer);
  TerrariumMachine *machine = viewer->machine;
  bool on = terrarium_machine_get_vm (machine) != NULL;

  gtk_widget_action_set_enabled (widget, "viewer.start",
                                 terrarium_machine_can (machine, VM_OP_START));
  gtk_widget_action_set_enabled (widget, "viewer.start-afresh",
                                 terrarium_machine_can (machine, VM_OP_START));
  gtk_widget_action_set_enabled (widget, "viewer.save", terrarium_machine_can_save (machine));
  bool kept = terrarium_machine_get_bundle (machine) != NULL &&
              terrarium_machine_get_config (machine) != NULL;
  gtk_widget_action_set_enabled (widget, "viewer.snapshots", kept);
  gtk_widget_action_set_enabled (widget, "viewer.settings", kept);
  gtk_widget_action_set_enabled (widget, "viewer.ask-on-close", has_on_close (machine));
  gtk_widget_action_set_enabled (widget, "viewer.pause",
                                 terrarium_machine_can (machine, VM_OP_PAUSE) ||
                                     terrarium_machine_can (machine, VM_OP_RESUME));
  gtk_widget_action_set_enabled (widget, "viewer.shut-down",
                                 terrarium_machine_can (machine, VM_OP_POWER_BUTTON));
  gtk_widget_action_set_enabled (widget, "viewer.restart",
                                 terrarium_machine_can (machine, VM_OP_RESET));
  gtk_widget_action_set_enabled (widget, "viewer.force-off",
                                 terrarium_machine_can (machine, VM_OP_FORCE_STOP));
  gtk_widget_action_set_enabled (widget, "viewer.send-keys", on);
  gtk_widget_action_set_enabled (widget, "viewer.save-picture", on);
  terrarium_viewer_update_discs (viewer);
}
