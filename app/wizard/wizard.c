// SPDX-License-Identifier: GPL-3.0-or-later
// TerrariumWizard: pages and the way through them. Going back loses no entry: all pages exist all
// the time. Main thread.
#include <glib/gi18n.h>

#include "app/model/sample.h"
#include "app/wizard/wizard-private.h"

G_DEFINE_FINAL_TYPE (TerrariumWizard, terrarium_wizard, ADW_TYPE_WINDOW)

enum { CREATE, N_SIGNALS };
static guint signals[N_SIGNALS];

// ---------------------------------------------------------------------------------------------
// Errors, in place

void
wizard_clear_error (TerrariumWizard *wizard)
{
  GtkWidget *rows[] = {GTK_WIDGET (wizard->kernel_row), GTK_WIDGET (wizard->initrd_row),
                       GTK_WIDGET (wizard->disk_row), GTK_WIDGET (wizard->image_row),
                       GTK_WIDGET (wizard->name_row)};

  for (unsigned i = 0; i < G_N_ELEMENTS (rows); i++)
    gtk_widget_remove_css_class (rows[i], "error");
  gtk_label_set_text (wizard->error_label, "");
  gtk_revealer_set_reveal_child (wizard->error_revealer, FALSE);
}

void
wizard_show_error (TerrariumWizard *wizard, const char *message, AdwEntryRow *row)
{
  wizard_clear_error (wizard);
  gtk_label_set_text (wizard->error_label, message);
  gtk_revealer_set_reveal_child (wizard->error_revealer, TRUE);
  if (!row)
    return;
  gtk_widget_add_css_class (GTK_WIDGET (row), "error");
  gtk_widget_grab_focus (GTK_WIDGET (row));
}

// ---------------------------------------------------------------------------------------------
// Pages

static GtkWidget *
get_page (TerrariumWizard *wizard)
{
  return gtk_stack_get_visible_child (wizard->pages);
}

void
wizard_suggest_name (TerrariumWizard *wizard, const char *name)
{
  const char *current = gtk_editable_get_text (GTK_EDITABLE (wizard->name_row));

  if (*current && g_strcmp0 (current, wizard->suggested_name) != 0)
    return;
  g_free (wizard->suggested_name);
  wizard->suggested_name = g_strdup (name);
  gtk_editable_set_text (GTK_EDITABLE (wizard->name_row), name);
}

static void
show_page (TerrariumWizard *wizard, GtkWidget *page)
{
  bool first = page == wizard->source_page;
  bool last = page == wizard->review_page;

  wizard_clear_error (wizard);
  gtk_stack_set_visible_child (wizard->pages, page);
  gtk_widget_set_visible (GTK_WIDGET (wizard->back_button), !first);
  gtk_widget_set_visible (GTK_WIDGET (wizard->next_button), !first);
  gtk_button_set_label (wizard->next_button, last ? _ ("_Create and Start") : _ ("_Next"));
  // Without a default widget, Return activates the row that has the focus.
  gtk_window_set_default_widget (GTK_WINDOW (wizard),
                                 first ? NULL : GTK_WIDGET (wizard->next_button));
  if (first)
    gtk_widget_grab_focus (GTK_WIDGET (wizard->sample_row));
  else
    gtk_widget_grab_focus (GTK_WIDGET (wizard->next_button));
}

static void
choose_source (TerrariumWizard *wizard, WizardSource source)
{
  bool sample = source == WIZARD_SOURCE_SAMPLE;

  wizard->source = source;
  wizard->next_wanted = false;
  gtk_widget_set_visible (wizard->sample_group, sample);
  wizard_update_image (wizard);
  wizard_recommend (wizard);
  if (source == WIZARD_SOURCE_IMAGE && wizard->look)
    wizard_suggest_name (wizard, wizard->look->name);
  else
    wizard_suggest_name (wizard, sample ? _ ("Debian 12 Installer") : _ ("ARM Machine"));
  show_page (wizard, wizard->system_page);
}

static void
checked_cb (TerrariumWizard *wizard, AdwEntryRow *row, const GError *error)
{
  if (error)
    wizard_show_error (wizard, error->message, row);
  else if (get_page (wizard) == wizard->system_page)
    show_page (wizard, wizard->resources_page);
}

void
wizard_leave_system_page (TerrariumWizard *wizard)
{
  bool image = wizard->source == WIZARD_SOURCE_IMAGE;

  wizard->next_wanted = image && (wizard->looking || wizard->look_timer);
  if (wizard->next_wanted)
    return;
  if (image && wizard->look_error)
    wizard_show_error (wizard, wizard->look_error, wizard->image_row);
  else if (image && !wizard->look)
    wizard_show_error (wizard, _ ("No image is chosen; choose an ISO or a disk image."),
                       wizard->image_row);
  else
    wizard_check_files (wizard, checked_cb);
}

void
wizard_image_known (TerrariumWizard *wizard)
{
  bool wanted = wizard->next_wanted;

  wizard->next_wanted = false;
  wizard_update_image (wizard);
  if (wizard->look && wizard->look->medium->kind == MEDIUM_KERNEL) {
    gtk_editable_set_text (GTK_EDITABLE (wizard->kernel_row), wizard->look->medium->path);
    gtk_editable_set_text (GTK_EDITABLE (wizard->image_row), "");
    choose_source (wizard, WIZARD_SOURCE_KERNEL);
    return;
  }
  wizard_recommend (wizard);
  if (wizard->look) {
    adw_combo_row_set_selected (wizard->start_row, 0);
    wizard_suggest_name (wizard, wizard->look->name);
  } else if (wizard->look_error) {
    wizard_show_error (wizard, wizard->look_error, wizard->image_row);
  }
  if (wanted && !wizard->look_error)
    wizard_leave_system_page (wizard);
}

// ---------------------------------------------------------------------------------------------
// The end

static void
created_checked_cb (TerrariumWizard *wizard, AdwEntryRow *row, const GError *error)
{
  g_autoptr (VmConfig) config = wizard_make_config (wizard);

  if (error) {
    wizard_show_error (wizard, error->message, NULL);
    return;
  }
  TerrariumCreation creation = {
      .config = config,
      .disks_in_place = wizard_get_disks_in_place (wizard),
      .new_disk_bytes = wizard_get_new_disk_bytes (wizard),
      .grow_bytes = wizard_get_grow_bytes (wizard),
  };
  g_signal_emit (wizard, signals[CREATE], 0, &creation);
  gtk_window_close (GTK_WINDOW (wizard));
}

static void
create (TerrariumWizard *wizard)
{
  g_autofree char *name = wizard_dup_entry (wizard->name_row);
  g_autoptr (VmConfig) config = wizard_make_config (wizard);

  if (name)
    wizard_check_config (wizard, config, created_checked_cb);
  else
    wizard_show_error (wizard, _ ("The name is empty; give the machine a name."), wizard->name_row);
}

static void choose_file (TerrariumWizard *wizard, AdwEntryRow *row);

static void
source_activated_cb (AdwActionRow *row, TerrariumWizard *wizard)
{
  bool image = row == wizard->image_source_row;

  choose_source (wizard, row == wizard->sample_row ? WIZARD_SOURCE_SAMPLE
                         : image                   ? WIZARD_SOURCE_IMAGE
                                                   : WIZARD_SOURCE_KERNEL);
  if (image && !*gtk_editable_get_text (GTK_EDITABLE (wizard->image_row)))
    choose_file (wizard, wizard->image_row);
}

static void
next_action (GtkWidget *widget, const char *action, GVariant *parameter)
{
  TerrariumWizard *wizard = TERRARIUM_WIZARD (widget);
  GtkWidget *page = get_page (wizard);

  if (page == wizard->system_page) {
    wizard_leave_system_page (wizard);
  } else if (page == wizard->resources_page) {
    wizard_update_review (wizard);
    show_page (wizard, wizard->review_page);
  } else if (page == wizard->review_page) {
    create (wizard);
  }
}

static void
back_action (GtkWidget *widget, const char *action, GVariant *parameter)
{
  TerrariumWizard *wizard = TERRARIUM_WIZARD (widget);
  GtkWidget *page = get_page (wizard);

  if (page == wizard->review_page)
    show_page (wizard, wizard->resources_page);
  else if (page == wizard->resources_page)
    show_page (wizard, wizard->system_page);
  else
    show_page (wizard, wizard->source_page);
}

// ---------------------------------------------------------------------------------------------
// Files

static void
file_response_cb (GtkNativeDialog *dialog, int response, gpointer user_data)
{
  AdwEntryRow *row = user_data;

  if (response == GTK_RESPONSE_ACCEPT) {
    g_autoptr (GFile) file = gtk_file_chooser_get_file (GTK_FILE_CHOOSER (dialog));
    g_autofree char *path = g_file_get_path (file);
    gtk_editable_set_text (GTK_EDITABLE (row), path ? path : "");
  }
  gtk_native_dialog_destroy (dialog);
  g_object_unref (dialog);
}

static void
choose_file (TerrariumWizard *wizard, AdwEntryRow *row)
{
  GtkFileChooserNative *chooser = gtk_file_chooser_native_new (
      adw_preferences_row_get_title (ADW_PREFERENCES_ROW (row)), GTK_WINDOW (wizard),
      GTK_FILE_CHOOSER_ACTION_OPEN, _ ("_Choose"), _ ("_Cancel"));

  g_signal_connect_object (chooser, "response", G_CALLBACK (file_response_cb), row, 0);
  gtk_native_dialog_show (GTK_NATIVE_DIALOG (chooser));
}

static void
file_button_cb (GtkButton *button, TerrariumWizard *wizard)
{
  choose_file (wizard, button == wizard->kernel_button   ? wizard->kernel_row
                       : button == wizard->initrd_button ? wizard->initrd_row
                       : button == wizard->disk_button   ? wizard->disk_row
                                                         : wizard->image_row);
}

static void
entry_changed_cb (TerrariumWizard *wizard)
{
  g_autofree char *disk = wizard_dup_entry (wizard->disk_row);

  gtk_widget_set_sensitive (wizard->in_place_row, disk != NULL);
  wizard_clear_error (wizard);
}

// What is typed may not be a whole name yet.
static void
image_changed_cb (TerrariumWizard *wizard)
{
  wizard_look_soon (wizard);
}

static void
start_changed_cb (TerrariumWizard *wizard)
{
  wizard_clear_error (wizard);
  wizard_update_image (wizard);
}

static void
in_place_changed_cb (TerrariumWizard *wizard)
{
  wizard_recommend (wizard);
}

void
terrarium_wizard_offer_file (TerrariumWizard *wizard, const char *path)
{
  gtk_editable_set_text (GTK_EDITABLE (wizard->image_row), path);
  choose_source (wizard, WIZARD_SOURCE_IMAGE);
  wizard_look (wizard);
}

// ---------------------------------------------------------------------------------------------
// Object

static void
init_sample (TerrariumWizard *wizard)
{
  g_autofree char *kernel = NULL, *initrd = NULL;

  if (sample_find (SAMPLE_GRAPHICAL, &kernel, &initrd)) {
    adw_action_row_set_subtitle (wizard->sample_row,
                                 _ ("Try an ARM system, or install one from the network"));
    return;
  }
  g_autofree char *folder = sample_get_folder ();
  g_autofree char *text = g_strdup_printf (
      _ ("Its files are not here. Put linux and initrd.gz of the Debian installer for arm64 into "
         "%s/gtk and %s/text"),
      folder, folder);
  g_autofree char *markup = g_markup_escape_text (text, -1);
  adw_action_row_set_subtitle (wizard->sample_row, markup);
  gtk_widget_set_sensitive (GTK_WIDGET (wizard->sample_row), FALSE);
}

static void
terrarium_wizard_dispose (GObject *object)
{
  TerrariumWizard *wizard = TERRARIUM_WIZARD (object);

  wizard_stop_looking (wizard);
  g_cancellable_cancel (wizard->checking);
  g_clear_object (&wizard->checking);
  G_OBJECT_CLASS (terrarium_wizard_parent_class)->dispose (object);
}

static void
terrarium_wizard_finalize (GObject *object)
{
  g_free (TERRARIUM_WIZARD (object)->suggested_name);
  G_OBJECT_CLASS (terrarium_wizard_parent_class)->finalize (object);
}

#define BIND(child) gtk_widget_class_bind_template_child (widget_class, TerrariumWizard, child)

static void
bind_template (GtkWidgetClass *widget_class)
{
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/io/github/terrarium_vm/Terrarium/wizard.ui");
  BIND (title);
  BIND (back_button);
  BIND (next_button);
  BIND (pages);
  BIND (source_page);
  BIND (system_page);
  BIND (resources_page);
  BIND (review_page);
  BIND (error_revealer);
  BIND (error_label);
  BIND (sample_row);
  BIND (image_source_row);
  BIND (kernel_source_row);
  BIND (sample_group);
  BIND (image_group);
  BIND (files_group);
  BIND (installer_row);
  BIND (image_row);
  BIND (image_button);
  BIND (found_row);
  BIND (problem_row);
  BIND (spinner);
  BIND (start_row);
  BIND (image_in_place_row);
  BIND (image_in_place_switch);
  BIND (kernel_row);
  BIND (initrd_row);
  BIND (disk_row);
  BIND (cmdline_row);
  BIND (kernel_button);
  BIND (initrd_button);
  BIND (disk_button);
  BIND (in_place_row);
  BIND (in_place_switch);
  BIND (display_switch);
  BIND (memory_row);
  BIND (cpus_row);
  BIND (disk_size_row);
  BIND (memory_scale);
  BIND (cpus_scale);
  BIND (disk_size_scale);
  BIND (name_row);
  BIND (resources_summary);
  BIND (files_summary);
  BIND (speed_summary);
}

static void
terrarium_wizard_class_init (TerrariumWizardClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = terrarium_wizard_dispose;
  G_OBJECT_CLASS (klass)->finalize = terrarium_wizard_finalize;
  signals[CREATE] = g_signal_new ("create", TERRARIUM_TYPE_WIZARD, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                  NULL, G_TYPE_NONE, 1, G_TYPE_POINTER);
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_DIALOG);
  bind_template (widget_class);
  gtk_widget_class_install_action (widget_class, "wizard.next", NULL, next_action);
  gtk_widget_class_install_action (widget_class, "wizard.back", NULL, back_action);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_Escape, 0, "window.close", NULL);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_Left, GDK_ALT_MASK, "wizard.back",
                                       NULL);
}

static void
connect_rows (TerrariumWizard *wizard)
{
  AdwActionRow *sources[] = {wizard->sample_row, wizard->image_source_row,
                             wizard->kernel_source_row};
  GtkButton *buttons[] = {wizard->kernel_button, wizard->initrd_button, wizard->disk_button,
                          wizard->image_button};
  AdwEntryRow *entries[] = {wizard->kernel_row, wizard->initrd_row, wizard->disk_row,
                            wizard->image_row, wizard->name_row};

  for (unsigned i = 0; i < G_N_ELEMENTS (sources); i++)
    g_signal_connect (sources[i], "activated", G_CALLBACK (source_activated_cb), wizard);
  for (unsigned i = 0; i < G_N_ELEMENTS (buttons); i++)
    g_signal_connect (buttons[i], "clicked", G_CALLBACK (file_button_cb), wizard);
  for (unsigned i = 0; i < G_N_ELEMENTS (entries); i++) {
    g_signal_connect_swapped (entries[i], "changed", G_CALLBACK (entry_changed_cb), wizard);
    gtk_editable_set_enable_undo (GTK_EDITABLE (entries[i]), TRUE);
  }
  g_signal_connect_swapped (wizard->image_row, "changed", G_CALLBACK (image_changed_cb), wizard);
  g_signal_connect_swapped (wizard->start_row, "notify::selected", G_CALLBACK (start_changed_cb),
                            wizard);
  g_signal_connect_swapped (wizard->image_in_place_switch, "notify::active",
                            G_CALLBACK (in_place_changed_cb), wizard);
}

static void
terrarium_wizard_init (TerrariumWizard *wizard)
{
  gtk_widget_init_template (GTK_WIDGET (wizard));
  connect_rows (wizard);
  init_sample (wizard);
  wizard_init_resources (wizard);
  wizard_update_image (wizard);
  entry_changed_cb (wizard);
  show_page (wizard, wizard->source_page);
}

GtkWidget *
terrarium_wizard_new (GtkWindow *parent)
{
  return g_object_new (TERRARIUM_TYPE_WIZARD, "transient-for", parent, NULL);
}
