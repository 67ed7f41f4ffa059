// SPDX-License-Identifier: GPL-3.0-or-later
// The network of a machine's settings: ports of this computer that lead into the machine. Main
// thread.
#include <glib/gi18n.h>

#include "app/settings/settings-private.h"

#define SSH_PORT        22
#define FIRST_HOST_PORT 2222

static const VmForward *
get_forward (GtkWidget *button)
{
  GObject *row = g_object_get_data (G_OBJECT (button), "row");

  return g_object_get_data (row, "forward");
}

static void
remove_cb (GtkWidget *button, Settings *settings)
{
  settings_change (settings,
                   &(Change){.kind = CHANGE_REMOVE_FORWARD, .forward = *get_forward (button)});
}

static void
copy_ssh_cb (GtkWidget *button, Settings *settings)
{
  g_autofree char *command =
      g_strdup_printf ("ssh -p %u localhost", get_forward (button)->host_port);

  gdk_clipboard_set_text (gtk_widget_get_clipboard (button), command);
  settings_tell (settings, _ ("The command is in the clipboard"));
}

static void
open_cb (GtkWidget *button, Settings *settings)
{
  const VmForward *forward = get_forward (button);
  bool secure = forward->guest_port == 443 || forward->guest_port == 8443;
  g_autofree char *uri =
      g_strdup_printf ("%s://localhost:%u/", secure ? "https" : "http", forward->host_port);

  gtk_show_uri (GTK_WINDOW (settings->window), uri, GDK_CURRENT_TIME);
}

static bool
is_web (const VmForward *forward)
{
  static const uint16_t ports[] = {80, 443, 3000, 5000, 8000, 8080, 8443};

  for (unsigned i = 0; i < G_N_ELEMENTS (ports); i++)
    if (!forward->udp && forward->guest_port == ports[i])
      return true;
  return false;
}

static void
add_forward_row (Settings *settings, const VmForward *forward)
{
  const char *protocol = forward->udp ? "UDP" : "TCP";
  g_autofree char *title =
      g_strdup_printf (_ ("%s port %u of this computer"), protocol, forward->host_port);
  g_autofree char *text =
      g_strdup_printf (_ ("leads to port %u of the machine"), forward->guest_port);
  g_autofree char *drop = g_strdup_printf (_ ("Remove the forward of port %u"), forward->host_port);
  GtkWidget *row = settings_make_row (title, text);

  g_object_set_data_full (G_OBJECT (row), "forward", g_memdup2 (forward, sizeof *forward), g_free);
  if (!forward->udp && forward->guest_port == SSH_PORT)
    settings_add_button (settings, row, "edit-copy-symbolic", _ ("Copy SSH Command"),
                         G_CALLBACK (copy_ssh_cb), true);
  if (is_web (forward))
    settings_add_button (settings, row, "web-browser-symbolic", _ ("Open in Browser"),
                         G_CALLBACK (open_cb), true);
  settings_add_button (settings, row, "list-remove-symbolic", drop, G_CALLBACK (remove_cb),
                       settings->can_change);
  settings_add_row (settings, settings->network, row);
}

static unsigned
count_forwards (const VmConfig *config)
{
  unsigned n = 0;

  for (unsigned i = 0; i < config->nics->len; i++)
    n += ((const VmNicConfig *) config->nics->pdata[i])->forwards->len;
  return n;
}

// ---------------------------------------------------------------------------------------------
// A new one

typedef struct NewForward {
  GtkDropDown *protocol;
  GtkSpinButton *host, *guest;
} NewForward;

static void
add_cb (GtkWidget *button, Settings *settings)
{
  const NewForward *fields = g_object_get_data (G_OBJECT (button), "fields");
  const VmForward forward = {
      .udp = gtk_drop_down_get_selected (fields->protocol) == 1,
      .host_port = (uint16_t) gtk_spin_button_get_value_as_int (fields->host),
      .guest_port = (uint16_t) gtk_spin_button_get_value_as_int (fields->guest),
  };

  settings_change (settings, &(Change){.kind = CHANGE_ADD_FORWARD, .forward = forward});
}

static GtkWidget *
add_port (AdwActionRow *row, const char *label, unsigned port)
{
  GtkWidget *spin = gtk_spin_button_new_with_range (1, G_MAXUINT16, 1);

  gtk_spin_button_set_value (GTK_SPIN_BUTTON (spin), port);
  gtk_widget_set_valign (spin, GTK_ALIGN_CENTER);
  gtk_widget_set_tooltip_text (spin, label);
  gtk_accessible_update_property (GTK_ACCESSIBLE (spin), GTK_ACCESSIBLE_PROPERTY_LABEL, label, -1);
  adw_action_row_add_suffix (row, spin);
  return spin;
}

static void
add_new_row (Settings *settings)
{
  static const char *const protocols[] = {"TCP", "UDP", NULL};
  GtkWidget *row = settings_make_row (_ ("New forward"), _ ("From here into the machine"));
  GtkWidget *protocol = gtk_drop_down_new_from_strings (protocols);
  GtkWidget *add = gtk_button_new_with_mnemonic (_ ("A_dd Forward"));
  NewForward *fields = g_new0 (NewForward, 1);

  gtk_widget_set_valign (protocol, GTK_ALIGN_CENTER);
  gtk_widget_set_valign (add, GTK_ALIGN_CENTER);
  gtk_accessible_update_property (GTK_ACCESSIBLE (protocol), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Protocol"), -1);
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), protocol);
  *fields = (NewForward){
      .protocol = GTK_DROP_DOWN (protocol),
      .host = GTK_SPIN_BUTTON (add_port (ADW_ACTION_ROW (row), _ ("Port of this computer"),
                                         FIRST_HOST_PORT + count_forwards (settings->config))),
      .guest =
          GTK_SPIN_BUTTON (add_port (ADW_ACTION_ROW (row), _ ("Port of the machine"), SSH_PORT)),
  };
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), add);
  g_object_set_data_full (G_OBJECT (add), "fields", fields, g_free);
  g_signal_connect (add, "clicked", G_CALLBACK (add_cb), settings);
  gtk_widget_set_sensitive (row, settings->can_change && settings->config->nics->len > 0);
  settings_add_row (settings, settings->network, row);
}

// ---------------------------------------------------------------------------------------------
// The group

static void
connected_cb (GtkSwitch *widget, GParamSpec *spec, Settings *settings)
{
  settings_change (settings, &(Change){.kind = CHANGE_NETWORK,
                                       .number = gtk_switch_get_active (widget) ? 1 : 0});
}

static void
add_switch_row (Settings *settings)
{
  GtkWidget *row =
      settings_make_row (_ ("Connected"), _ ("Through this computer, as one of its programs"));
  GtkWidget *toggle = gtk_switch_new ();

  gtk_switch_set_active (GTK_SWITCH (toggle), settings->config->nics->len > 0);
  gtk_widget_set_valign (toggle, GTK_ALIGN_CENTER);
  gtk_widget_set_sensitive (toggle, settings->can_change);
  gtk_accessible_update_property (GTK_ACCESSIBLE (toggle), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Connected to the network"), -1);
  g_signal_connect (toggle, "notify::active", G_CALLBACK (connected_cb), settings);
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), toggle);
  adw_action_row_set_activatable_widget (ADW_ACTION_ROW (row), toggle);
  settings_add_row (settings, settings->network, row);
}

void
settings_fill_network (Settings *settings)
{
  const VmConfig *config = settings->config;

  add_switch_row (settings);
  for (unsigned i = 0; i < config->nics->len; i++) {
    const VmNicConfig *nic = config->nics->pdata[i];
    for (unsigned j = 0; j < nic->forwards->len; j++)
      add_forward_row (settings, &g_array_index (nic->forwards, VmForward, j));
  }
  add_new_row (settings);
}
