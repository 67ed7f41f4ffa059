// SPDX-License-Identifier: GPL-3.0-or-later
// TerrariumApplication and the module's entry points. Main thread.
#include "app/gtk/application.h"

#include <glib/gi18n.h>

#include "app/checkup/checkup.h"
#include "app/cli/complain.h"
#include "app/dbus/service.h"
#include "app/gtk/preferences.h"
#include "app/gtk/window.h"
#include "app/module.h"

struct _TerrariumApplication {
  AdwApplication parent;

  TerrariumStore *store;
  TerrariumService *service; // NULL: no session bus
  bool held;                 // machines run, with or without a window
  TerrariumMachine *only;
  GSettings *settings;     // preferences.h; NULL: nothing is remembered
  TerrariumWindow *window; // borrowed; NULL once destroyed
};

G_DEFINE_FINAL_TYPE (TerrariumApplication, terrarium_application, ADW_TYPE_APPLICATION)

// Machines run on without a window, such as those that others start by the session bus.
static void
running_changed_cb (TerrariumApplication *application)
{
  bool running = terrarium_store_count_running (application->store) > 0;

  if (running && !application->held)
    g_application_hold (G_APPLICATION (application));
  else if (!running && application->held)
    g_application_release (G_APPLICATION (application));
  application->held = running;
}

static TerrariumStore *
ensure_store (TerrariumApplication *application)
{
  g_autofree char *root = bundle_dup_root ();

  if (application->store)
    return application->store;
  application->store = terrarium_store_new (application->only ? NULL : root);
  g_signal_connect_object (application->store, "running-changed", G_CALLBACK (running_changed_cb),
                           application, G_CONNECT_SWAPPED);
  return application->store;
}

static TerrariumWindow *
ensure_window (TerrariumApplication *application)
{
  if (application->window)
    return application->window;
  ensure_store (application);
  application->window = TERRARIUM_WINDOW (terrarium_window_new (
      GTK_APPLICATION (application), application->store, application->settings));
  g_object_add_weak_pointer (G_OBJECT (application->window), (gpointer *) &application->window);
  if (!application->only)
    terrarium_window_restore (application->window);
  return application->window;
}

static void
terrarium_application_activate (GApplication *base)
{
  TerrariumApplication *application = TERRARIUM_APPLICATION (base);
  bool first = application->window == NULL;
  TerrariumWindow *window = ensure_window (application);

  terrarium_store_rescan (application->store);
  if (first && application->only) {
    terrarium_store_add (application->store, application->only);
    terrarium_window_show_only (window, application->only);
    terrarium_machine_perform (application->only, VM_OP_START);
  }
  gtk_window_present (GTK_WINDOW (window));
  if (first && !application->only && preferences_take_first_start (application->settings))
    terrarium_show_checkup_if_needed (GTK_WINDOW (window));
}

// Files on the command line, or opened from the desktop.
static void
terrarium_application_open (GApplication *base, GFile **files, int n_files, const char *hint)
{
  TerrariumApplication *application = TERRARIUM_APPLICATION (base);

  terrarium_application_activate (base);
  terrarium_window_offer_files (application->window, files, (unsigned) n_files);
}

// ---------------------------------------------------------------------------------------------
// Actions

static void
about_action (GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
  TerrariumApplication *application = user_data;

  adw_show_about_window (GTK_WINDOW (ensure_window (application)), "application-name",
                         _ ("Terrarium"), "application-icon", TERRARIUM_APPLICATION_ID, "version",
                         TERRARIUM_VERSION, "comments", _ ("Run other computers"), "developer-name",
                         _ ("The Terrarium authors"), "license-type", GTK_LICENSE_GPL_3_0,
                         "translator-credits", _ ("translator-credits"), NULL);
}

static void
check_computer_action (GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
  GtkWindow *window = GTK_WINDOW (ensure_window (user_data));

  gtk_window_present (window);
  terrarium_show_checkup (window);
}

static void
quit_action (GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
  TerrariumApplication *application = user_data;

  // With machines that run without a window there is a question.
  if (application->window || application->held)
    terrarium_window_quit (ensure_window (application));
  else
    g_application_quit (G_APPLICATION (application));
}

static void
new_machine_action (GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
  GtkWidget *window = GTK_WIDGET (ensure_window (user_data));

  gtk_window_present (GTK_WINDOW (window));
  gtk_widget_activate_action (window, "win.new", NULL);
}

// `terrarium start NAME` asks a running application; the parameter is the machine's uuid.
static TerrariumMachine *
show_named (GVariant *parameter, gpointer user_data)
{
  TerrariumApplication *application = user_data;
  TerrariumWindow *window = ensure_window (application);
  terrarium_store_rescan (application->store);
  TerrariumMachine *machine =
      terrarium_store_find (application->store, g_variant_get_string (parameter, NULL));

  gtk_window_present (GTK_WINDOW (window));
  return machine;
}

static void
start_machine_action (GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
  TerrariumApplication *application = user_data;
  TerrariumMachine *machine = show_named (parameter, application);

  if (machine)
    terrarium_window_open_machine (application->window, machine);
}

static void
start_machine_afresh_action (GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
  TerrariumApplication *application = user_data;
  TerrariumMachine *machine = show_named (parameter, application);

  if (machine)
    terrarium_machine_start_afresh (machine);
  if (machine)
    terrarium_window_open_machine (application->window, machine);
}

static void
terrarium_application_startup (GApplication *base)
{
  static const GActionEntry actions[] = {
      {.name = "about", .activate = about_action},
      {.name = "check-computer", .activate = check_computer_action},
      {.name = "new-machine", .activate = new_machine_action},
      {.name = "quit", .activate = quit_action},
      {.name = "start-machine", .activate = start_machine_action, .parameter_type = "s"},
      {.name = "start-machine-afresh",
       .activate = start_machine_afresh_action,
       .parameter_type = "s"},
  };
  static const struct {
    const char *action;
    const char *keys[3];
  } keys[] = {
      {"app.quit", {"<Control>q"}},
      {"win.new", {"<Control>n"}},
      {"win.open-image", {"<Control>o"}},
      {"win.search", {"<Control>f"}},
      {"win.show-help-overlay", {"<Control>question", "F1"}},
      {"window.close", {"<Control>w"}},
  };

  g_autofree char *root = bundle_dup_root ();

  G_APPLICATION_CLASS (terrarium_application_parent_class)->startup (base);
  g_action_map_add_action_entries (G_ACTION_MAP (base), actions, G_N_ELEMENTS (actions), base);
  for (unsigned i = 0; i < G_N_ELEMENTS (keys); i++)
    gtk_application_set_accels_for_action (GTK_APPLICATION (base), keys[i].action, keys[i].keys);
  gtk_window_set_default_icon_name (TERRARIUM_APPLICATION_ID);
  TERRARIUM_APPLICATION (base)->settings = preferences_new ();
  if (!TERRARIUM_APPLICATION (base)->only)
    bundle_clean (root);
}

// Before the name is ours: calls that have started the application find all there is.
static gboolean
terrarium_application_dbus_register (GApplication *base, GDBusConnection *bus, const char *path,
                                     GError **error)
{
  TerrariumApplication *application = TERRARIUM_APPLICATION (base);
  GApplicationClass *parent = G_APPLICATION_CLASS (terrarium_application_parent_class);

  g_autoptr (GError) why = NULL;

  if (!parent->dbus_register (base, bus, path, error))
    return FALSE;
  if (!application->only)
    application->service =
        terrarium_service_new (bus, path, ensure_store (application), base, &why);
  // The window does without it.
  if (why)
    g_message ("%s", why->message);
  return TRUE;
}

static void
terrarium_application_dbus_unregister (GApplication *base, GDBusConnection *bus, const char *path)
{
  g_clear_pointer (&TERRARIUM_APPLICATION (base)->service, terrarium_service_free);
  G_APPLICATION_CLASS (terrarium_application_parent_class)->dbus_unregister (base, bus, path);
}

static void
terrarium_application_finalize (GObject *object)
{
  TerrariumApplication *application = TERRARIUM_APPLICATION (object);

  g_clear_weak_pointer (&application->window);
  g_clear_object (&application->only);
  g_clear_object (&application->store);
  g_clear_object (&application->settings);
  G_OBJECT_CLASS (terrarium_application_parent_class)->finalize (object);
}

static void
terrarium_application_class_init (TerrariumApplicationClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = terrarium_application_finalize;
  G_APPLICATION_CLASS (klass)->activate = terrarium_application_activate;
  G_APPLICATION_CLASS (klass)->open = terrarium_application_open;
  G_APPLICATION_CLASS (klass)->startup = terrarium_application_startup;
  G_APPLICATION_CLASS (klass)->dbus_register = terrarium_application_dbus_register;
  G_APPLICATION_CLASS (klass)->dbus_unregister = terrarium_application_dbus_unregister;
}

static void
terrarium_application_init (TerrariumApplication *application)
{
}

TerrariumApplication *
terrarium_application_new (TerrariumMachine *only)
{
  TerrariumApplication *application =
      g_object_new (TERRARIUM_TYPE_APPLICATION, "application-id", TERRARIUM_APPLICATION_ID,
                    "resource-base-path", "/io/github/terrarium_vm/Terrarium", "flags",
                    only ? G_APPLICATION_NON_UNIQUE : G_APPLICATION_HANDLES_OPEN, NULL);

  application->only = only ? g_object_ref (only) : NULL;
  return application;
}

// ---------------------------------------------------------------------------------------------
// The module's entry points

static bool
open_display (void)
{
  if (gtk_init_check ())
    return true;
  cli_fail (
      _ ("There is no display for a window; start it in a desktop session, or without a window "
         "(terrarium run --display none, terrarium start)."));
  return false;
}

int
terrarium_app_main (int argc, char **argv)
{
  if (!open_display ())
    return 1;
  g_autoptr (TerrariumApplication) application = terrarium_application_new (NULL);
  return g_application_run (G_APPLICATION (application), argc, argv);
}

typedef struct Outcome {
  TerrariumApplication *application;
  int status;
} Outcome;

static void
say (Outcome *outcome, const char *text)
{
  outcome->status = cli_fail (text);
}

static void
only_stopped_cb (Outcome *outcome, int reason, const char *text)
{
  if (reason == VM_STOP_ERROR)
    say (outcome, text ? text : _ ("The machine could not go on"));
  else
    outcome->status = 0; // whatever it said before
  if (reason == VM_STOP_GUEST)
    g_application_quit (G_APPLICATION (outcome->application));
}

int
terrarium_app_run_machine (const VmConfig *config)
{
  if (!open_display ())
    return 1;
  g_autoptr (TerrariumMachine) machine = terrarium_machine_new_for_config (config);
  g_autoptr (TerrariumApplication) application = terrarium_application_new (machine);
  Outcome outcome = {application, 0};

  g_signal_connect_swapped (machine, "failed", G_CALLBACK (say), &outcome);
  g_signal_connect_swapped (machine, "stopped", G_CALLBACK (only_stopped_cb), &outcome);
  int status = g_application_run (G_APPLICATION (application), 0, NULL);
  g_signal_handlers_disconnect_by_data (machine, &outcome);
  return status != 0 ? status : outcome.status;
}
