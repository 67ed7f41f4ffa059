// SPDX-License-Identifier: GPL-3.0-or-later
// The window of a machine's settings, with what is general and its system. Main thread.
#include <glib/gi18n.h>

#include "app/settings/settings-private.h"

#define MEMORY_STEP_MIB 256
#define MEMORY_MIN_MIB  64
#define CPUS_MAX        8

static void fill (Settings *settings);

static void
settings_free (Settings *settings)
{
  g_signal_handlers_disconnect_by_data (settings->machine, settings);
  g_object_unref (settings->machine);
  g_ptr_array_unref (settings->rows);
  g_free (settings->shown_disks);
  g_free (settings);
}

void
settings_tell (Settings *settings, const char *text)
{
  g_autofree char *markup = g_markup_escape_text (text, -1);

  adw_preferences_window_add_toast (settings->window, adw_toast_new (markup));
}

// ---------------------------------------------------------------------------------------------
// Rows

void
settings_add_row (Settings *settings, AdwPreferencesGroup *group, GtkWidget *row)
{
  adw_preferences_group_add (group, row);
  g_object_set_data (G_OBJECT (row), "group", group);
  g_ptr_array_add (settings->rows, row);
}

GtkWidget *
settings_make_row (const char *title, const char *subtitle)
{
  GtkWidget *row = adw_action_row_new ();
  g_autofree char *title_markup = g_markup_escape_text (title, -1);
  g_autofree char *markup = g_markup_escape_text (subtitle ? subtitle : "", -1);

  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), title_markup);
  adw_action_row_set_subtitle (ADW_ACTION_ROW (row), markup);
  return row;
}

void
settings_add_button (Settings *settings, GtkWidget *row, const char *icon, const char *label,
                     GCallback clicked, bool sensitive)
{
  GtkWidget *button = gtk_button_new_from_icon_name (icon);

  gtk_widget_set_valign (button, GTK_ALIGN_CENTER);
  gtk_widget_add_css_class (button, "flat");
  gtk_widget_set_sensitive (button, sensitive);
  gtk_widget_set_tooltip_text (button, label);
  gtk_accessible_update_property (GTK_ACCESSIBLE (button), GTK_ACCESSIBLE_PROPERTY_LABEL, label,
                                  -1);
  g_object_set_data (G_OBJECT (button), "row", row);
  g_signal_connect (button, "clicked", clicked, settings);
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), button);
}

// ---------------------------------------------------------------------------------------------
// Changing

typedef struct Sent {
  GtkWidget *window; // owned; it may be closed by the time of the answer
  ChangeKind kind;
} Sent;

// Disks are named by their position, which is not always the last that a new one gets.
static bool
renumbers (ChangeKind kind)
{
  return kind == CHANGE_ADD_DISK || kind == CHANGE_ADD_IMAGE || kind == CHANGE_ADD_DRIVE ||
         kind == CHANGE_REMOVE_DISK;
}

static void
changed_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autofree Sent *sent = user_data;
  g_autoptr (GtkWidget) window = sent->window;
  Settings *settings = g_object_get_data (G_OBJECT (window), "settings");
  g_autoptr (GError) error = NULL;

  terrarium_machine_change_finish (TERRARIUM_MACHINE (source), result, &error);
  if (!settings)
    return;
  if (renumbers (sent->kind))
    settings->renumbering = false;
  if (error)
    settings_tell (settings, error->message);
  // A row that shows what was chosen in it stays, with the person's focus in it. What is chosen and not
  // yet done is not on disk: rows would show what was there before.
  settings->stale |= error || sent->kind > CHANGE_BOOT_FIRST;
  if (--settings->n_sent == 0 && settings->stale)
    fill (settings);
}

void
settings_change (Settings *settings, const Change *change)
{
  Sent *sent;

  if (settings->filling || settings->renumbering)
    return;
  settings->renumbering = renumbers (change->kind);
  settings->n_sent++;
  sent = g_new (Sent, 1);
  *sent = (Sent){GTK_WIDGET (g_object_ref (settings->window)), change->kind};
  terrarium_machine_change_async (settings->machine, change, false, changed_cb, sent);
}

// ---------------------------------------------------------------------------------------------
// General and system

static void
name_applied_cb (AdwEntryRow *row, Settings *settings)
{
  g_autofree char *name = g_strstrip (g_strdup (gtk_editable_get_text (GTK_EDITABLE (row))));

  settings_change (settings, &(Change){.kind = CHANGE_NAME, .text = name});
}

static void
fill_general (Settings *settings)
{
  GtkWidget *row = adw_entry_row_new ();

  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), _ ("Name"));
  gtk_editable_set_text (GTK_EDITABLE (row), settings->config->name);
  adw_entry_row_set_show_apply_button (ADW_ENTRY_ROW (row), TRUE);
  gtk_widget_set_sensitive (row, settings->can_change);
  g_signal_connect (row, "apply", G_CALLBACK (name_applied_cb), settings);
  settings_add_row (settings, settings->general, row);
}

static GtkWidget *
add_spin (Settings *settings, const char *title, const char *subtitle, double value,
          GtkAdjustment *adjustment, GCallback changed)
{
  GtkWidget *row = settings_make_row (title, subtitle);
  GtkWidget *spin = gtk_spin_button_new (adjustment, 1, 0);

  gtk_spin_button_set_numeric (GTK_SPIN_BUTTON (spin), TRUE);
  gtk_spin_button_set_value (GTK_SPIN_BUTTON (spin), value);
  gtk_widget_set_valign (spin, GTK_ALIGN_CENTER);
  gtk_widget_set_sensitive (spin, settings->can_change);
  gtk_accessible_update_property (GTK_ACCESSIBLE (spin), GTK_ACCESSIBLE_PROPERTY_LABEL, title, -1);
  g_signal_connect (spin, "value-changed", changed, settings);
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), spin);
  adw_action_row_set_activatable_widget (ADW_ACTION_ROW (row), spin);
  settings_add_row (settings, settings->system, row);
  return spin;
}

// A person may be in the middle of a number: what is written is what it ends as.
typedef struct Pending {
  Settings *settings;
  Change change;
  guint source;
} Pending;

static void
pending_free (Pending *pending)
{
  g_clear_handle_id (&pending->source, g_source_remove);
  g_free (pending);
}

static gboolean
pending_cb (gpointer user_data)
{
  Pending *pending = user_data;

  if (pending->settings->renumbering)
    return G_SOURCE_CONTINUE;
  pending->source = 0;
  settings_change (pending->settings, &pending->change);
  return G_SOURCE_REMOVE;
}

static void
change_soon (Settings *settings, GtkSpinButton *spin, Change change)
{
  Pending *pending = g_new0 (Pending, 1);

  if (settings->filling) {
    g_free (pending);
    return;
  }
  *pending = (Pending){settings, change, g_timeout_add (500, pending_cb, pending)};
  g_object_set_data_full (G_OBJECT (settings->window),
                          change.kind == CHANGE_MEMORY ? "memory" : "cpus", pending,
                          (GDestroyNotify) pending_free);
}

static void
memory_changed_cb (GtkSpinButton *spin, Settings *settings)
{
  uint64_t mib = (uint64_t) gtk_spin_button_get_value_as_int (spin);

  change_soon (settings, spin, (Change){.kind = CHANGE_MEMORY, .bytes = mib << 20});
}

static void
cpus_changed_cb (GtkSpinButton *spin, Settings *settings)
{
  unsigned cpus = (unsigned) gtk_spin_button_get_value_as_int (spin);

  change_soon (settings, spin, (Change){.kind = CHANGE_CPUS, .number = cpus});
}

static void
boot_selected_cb (AdwComboRow *row, GParamSpec *spec, Settings *settings)
{
  guint selected = adw_combo_row_get_selected (row);

  settings_change (settings, &(Change){.kind = CHANGE_BOOT_FIRST,
                                       .number = selected == 0 ? CHANGE_NONE : selected - 1});
}

static char *
name_disk (const VmDiskConfig *disk, unsigned number)
{
  g_autofree char *file = disk->path[0] != '\0' ? g_path_get_basename (disk->path) : NULL;
  g_autofree char *shown = file ? g_filename_display_name (file) : g_strdup (_ ("empty"));

  return g_strdup_printf (disk->cdrom ? _ ("CD drive %u (%s)") : _ ("Disk %u (%s)"), number + 1,
                          shown);
}

// What the firmware is to try first: as the order in the configuration begins.
static guint
get_boot_first (const VmConfig *config)
{
  const char *first = config->boot_order ? config->boot_order[0] : NULL;
  guint64 number;

  if (!first || !g_str_has_prefix (first, "disk") ||
      !g_ascii_string_to_unsigned (first + 4, 10, 0, config->disks->len, &number, NULL) ||
      number >= config->disks->len)
    return 0;
  return (guint) number + 1;
}

static void
add_boot_row (Settings *settings)
{
  const VmConfig *config = settings->config;
  GtkWidget *row = adw_combo_row_new ();
  g_autoptr (GtkStringList) names = gtk_string_list_new (NULL);

  gtk_string_list_append (names, _ ("Up to the firmware"));
  for (unsigned i = 0; i < config->disks->len; i++)
    gtk_string_list_take (names, name_disk (config->disks->pdata[i], i));
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), _ ("Start from"));
  adw_combo_row_set_model (ADW_COMBO_ROW (row), G_LIST_MODEL (names));
  adw_combo_row_set_selected (ADW_COMBO_ROW (row), get_boot_first (config));
  gtk_widget_set_sensitive (row, settings->can_change);
  g_signal_connect (row, "notify::selected", G_CALLBACK (boot_selected_cb), settings);
  settings_add_row (settings, settings->system, row);
}

static void
fill_system (Settings *settings)
{
  const VmConfig *config = settings->config;
  double host_mib = (double) (vm_host_get_memory_bytes () >> 20);
  g_autofree char *memory = g_strdup_printf (_ ("In MiB; this computer has %.0f"), host_mib);
  g_autofree char *cpus = g_strdup_printf (_ ("This computer has %u"), vm_host_get_cpus ());
  double now_mib = (double) (config->memory_bytes >> 20);

  add_spin (settings, _ ("Memory"), memory, now_mib,
            gtk_adjustment_new (now_mib, MEMORY_MIN_MIB, MAX (host_mib, now_mib), MEMORY_STEP_MIB,
                                1024, 0),
            G_CALLBACK (memory_changed_cb));
  add_spin (settings, _ ("Processors"), cpus, config->cpus,
            gtk_adjustment_new (config->cpus, 1, CPUS_MAX, 1, 1, 0), G_CALLBACK (cpus_changed_cb));
  settings_add_row (settings, settings->system,
                    settings_make_row (_ ("Starts by"), config->firmware
                                                            ? _ ("UEFI firmware")
                                                            : _ ("A Linux kernel of its own")));
  if (config->firmware)
    add_boot_row (settings);
}

// ---------------------------------------------------------------------------------------------
// The window

static void
fill (Settings *settings)
{
  const char *why;

  settings->config = terrarium_machine_get_config (settings->machine);
  settings->can_change = terrarium_machine_can_change (settings->machine, &why);
  settings->filling = true;
  settings->stale = settings->n_sent > 0;
  for (unsigned i = 0; i < settings->rows->len; i++)
    adw_preferences_group_remove (g_object_get_data (G_OBJECT (settings->rows->pdata[i]), "group"),
                                  settings->rows->pdata[i]);
  g_ptr_array_set_size (settings->rows, 0);
  why = settings->can_change ? _ ("Changes apply when the machine starts next") : why;
  adw_preferences_group_set_description (settings->general, why);
  adw_preferences_group_set_description (settings->system, why);
  adw_preferences_group_set_description (settings->network, why);
  fill_general (settings);
  fill_system (settings);
  settings_fill_disks (settings);
  settings_fill_network (settings);
  settings->filling = false;
}

static AdwPreferencesGroup *
add_group (AdwPreferencesPage *page, const char *title)
{
  AdwPreferencesGroup *group = ADW_PREFERENCES_GROUP (adw_preferences_group_new ());

  adw_preferences_group_set_title (group, title);
  adw_preferences_page_add (page, group);
  return group;
}

void
terrarium_show_settings (GtkWindow *parent, TerrariumMachine *machine)
{
  g_autofree char *title =
      g_strdup_printf (_ ("Settings of %s"), terrarium_machine_get_name (machine));
  GtkWidget *window = adw_preferences_window_new ();
  AdwPreferencesPage *page = ADW_PREFERENCES_PAGE (adw_preferences_page_new ());
  Settings *settings = g_new0 (Settings, 1);

  settings->window = ADW_PREFERENCES_WINDOW (window);
  settings->machine = g_object_ref (machine);
  settings->rows = g_ptr_array_new ();
  settings->general = add_group (page, _ ("General"));
  settings->system = add_group (page, _ ("System"));
  settings->disks = add_group (page, _ ("Disks and Drives"));
  settings->network = add_group (page, _ ("Network"));
  g_object_set_data_full (G_OBJECT (window), "settings", settings, (GDestroyNotify) settings_free);
  adw_preferences_window_set_search_enabled (settings->window, FALSE);
  adw_preferences_window_add (settings->window, page);
  gtk_window_set_title (GTK_WINDOW (window), title);
  gtk_window_set_transient_for (GTK_WINDOW (window), parent);
  gtk_window_set_modal (GTK_WINDOW (window), TRUE);
  gtk_window_set_default_size (GTK_WINDOW (window), 620, 680);
  g_signal_connect_swapped (machine, "notify::vm", G_CALLBACK (fill), settings);
  g_signal_connect_swapped (machine, "notify::status", G_CALLBACK (settings_update_disks),
                            settings);
  fill (settings);
  gtk_window_present (GTK_WINDOW (window));
}
