// SPDX-License-Identifier: GPL-3.0-or-later
// Disks and drives of a machine's settings. Discs change also while it runs. Main thread.
#include <glib/gi18n.h>

#include "app/settings/settings-private.h"
#include "app/widgets/discs.h"

#define NEW_DISK_GIB     16
#define NEW_DISK_MAX_GIB 2048

static unsigned
get_number (GtkWidget *button)
{
  GObject *row = g_object_get_data (G_OBJECT (button), "row");

  return GPOINTER_TO_UINT (g_object_get_data (row, "number"));
}

// ---------------------------------------------------------------------------------------------
// Questions

typedef struct Question {
  GtkWidget *window; // of the settings, owned
  Change *change;
} Question;

static void
question_free (Question *question)
{
  g_object_unref (question->window);
  change_free (question->change);
  g_free (question);
}

static void
answer_cb (Question *question, const char *response)
{
  Settings *settings = g_object_get_data (G_OBJECT (question->window), "settings");

  if (settings && g_str_equal (response, "yes"))
    settings_change (settings, question->change);
}

static void
ask (Settings *settings, const char *heading, const char *body, const char *verb,
     const Change *change)
{
  GtkWidget *widget = adw_message_dialog_new (GTK_WINDOW (settings->window), heading, body);
  AdwMessageDialog *dialog = ADW_MESSAGE_DIALOG (widget);
  Question *question = g_new0 (Question, 1);

  *question = (Question){GTK_WIDGET (g_object_ref (settings->window)), change_copy (change)};
  adw_message_dialog_add_responses (dialog, "cancel", _ ("_Cancel"), "yes", verb, NULL);
  adw_message_dialog_set_response_appearance (dialog, "yes", ADW_RESPONSE_DESTRUCTIVE);
  adw_message_dialog_set_default_response (dialog, "cancel");
  adw_message_dialog_set_close_response (dialog, "cancel");
  g_signal_connect_data (dialog, "response", G_CALLBACK (answer_cb), question,
                         (GClosureNotify) (void (*) (void)) question_free, G_CONNECT_SWAPPED);
  gtk_window_present (GTK_WINDOW (dialog));
}

// ---------------------------------------------------------------------------------------------
// Discs

static void
disc_done_cb (GtkWidget *window, const char *error)
{
  Settings *settings = g_object_get_data (G_OBJECT (window), "settings");

  if (settings && error)
    settings_tell (settings, error);
  if (settings)
    settings_fill_disks (settings);
}

static void
eject_cb (GtkWidget *button, Settings *settings)
{
  if (!settings->renumbering)
    terrarium_change_disc (GTK_WIDGET (settings->window), settings->machine, get_number (button),
                           NULL, disc_done_cb);
}

static void
insert_cb (GtkWidget *button, Settings *settings)
{
  if (!settings->renumbering)
    terrarium_choose_disc (GTK_WIDGET (settings->window), settings->machine, get_number (button),
                           disc_done_cb);
}

// ---------------------------------------------------------------------------------------------
// Rows

static void
remove_cb (GtkWidget *button, Settings *settings)
{
  unsigned number = get_number (button);
  const VmConfig *config = terrarium_machine_get_config (settings->machine);
  const VmDiskConfig *disk = number < config->disks->len ? config->disks->pdata[number] : NULL;
  const Change change = {.kind = CHANGE_REMOVE_DISK, .number = number};
  g_autofree char *heading = g_strdup_printf (_ ("Remove disk %u from the machine?"), number + 1);

  if (!disk || disk->cdrom)
    settings_change (settings, &change);
  else
    ask (
        settings, heading,
        _ ("Its image goes to the Trash if it belongs to this machine; otherwise it stays where it "
           "is."),
        _ ("_Remove"), &change);
}

static GtkWidget *
make_disk_row (Settings *settings, const VmDiskConfig *disk, unsigned number)
{
  static const char *const buses[] = {[VM_DISK_VIRTIO] = "virtio",
                                      [VM_DISK_SCSI] = "SCSI",
                                      [VM_DISK_NVME] = "NVMe",
                                      [VM_DISK_USB] = "USB"};
  g_autofree char *title =
      g_strdup_printf (disk->cdrom ? _ ("CD drive %u") : _ ("Disk %u"), number + 1);
  g_autofree char *shown = g_filename_display_name (disk->path);
  g_autofree char *text = disk->cdrom ? g_strdup (*disk->path ? shown : _ ("empty"))
                                      : g_strdup_printf ("%s · %s · %s", shown, buses[disk->bus],
                                                         vm_image_format_get_name (disk->format));
  GtkWidget *row = settings_make_row (title, text);

  adw_action_row_set_subtitle_lines (ADW_ACTION_ROW (row), 2);
  g_object_set_data (G_OBJECT (row), "number", GUINT_TO_POINTER (number));
  return row;
}

static void
add_disk_row (Settings *settings, const VmDiskConfig *disk, unsigned number)
{
  GtkWidget *row = make_disk_row (settings, disk, number);
  g_autofree char *insert = g_strdup_printf (_ ("Insert a disc into drive %u"), number + 1);
  g_autofree char *eject = g_strdup_printf (_ ("Eject the disc of drive %u"), number + 1);
  g_autofree char *take_out =
      g_strdup_printf (disk->cdrom ? _ ("Remove drive %u") : _ ("Remove disk %u"), number + 1);
  // A machine that is saved expects the disc it had.
  bool discs = settings->can_change || terrarium_machine_get_running (settings->machine);

  if (disk->cdrom) {
    settings_add_button (settings, row, "document-open-symbolic", insert, G_CALLBACK (insert_cb),
                         discs);
    settings_add_button (settings, row, "media-eject-symbolic", eject, G_CALLBACK (eject_cb),
                         discs && *disk->path);
  }
  settings_add_button (settings, row, "list-remove-symbolic", take_out, G_CALLBACK (remove_cb),
                       settings->can_change);
  settings_add_row (settings, settings->disks, row);
}

static void
add_disk_cb (GtkWidget *button, Settings *settings)
{
  GtkSpinButton *size = g_object_get_data (G_OBJECT (button), "size");
  uint64_t gib = (uint64_t) gtk_spin_button_get_value_as_int (size);

  settings_change (settings, &(Change){.kind = CHANGE_ADD_DISK, .bytes = gib << 30});
}

static void
image_chosen_cb (GtkNativeDialog *dialog, int response, gpointer user_data)
{
  Settings *settings = g_object_get_data (user_data, "settings");

  if (response == GTK_RESPONSE_ACCEPT && settings) {
    g_autoptr (GFile) file = gtk_file_chooser_get_file (GTK_FILE_CHOOSER (dialog));
    g_autofree char *path = g_file_get_path (file);
    if (path)
      settings_change (settings, &(Change){.kind = CHANGE_ADD_IMAGE, .text = path});
  }
  gtk_native_dialog_destroy (dialog);
  g_object_unref (dialog);
}

static void
add_image_cb (GtkWidget *button, Settings *settings)
{
  GtkFileChooserNative *chooser =
      gtk_file_chooser_native_new (_ ("Add a Disk Image"), GTK_WINDOW (settings->window),
                                   GTK_FILE_CHOOSER_ACTION_OPEN, _ ("_Add"), _ ("_Cancel"));

  g_signal_connect_object (chooser, "response", G_CALLBACK (image_chosen_cb), settings->window, 0);
  gtk_native_dialog_show (GTK_NATIVE_DIALOG (chooser));
}

static void
add_drive_cb (GtkWidget *button, Settings *settings)
{
  settings_change (settings, &(Change){.kind = CHANGE_ADD_DRIVE});
}

static GtkWidget *
make_text_button (Settings *settings, const char *label, GCallback clicked)
{
  GtkWidget *button = gtk_button_new_with_mnemonic (label);

  gtk_widget_set_valign (button, GTK_ALIGN_CENTER);
  gtk_widget_set_sensitive (button, settings->can_change);
  g_signal_connect (button, "clicked", clicked, settings);
  return button;
}

static void
add_new_rows (Settings *settings)
{
  GtkWidget *disk = settings_make_row (_ ("New disk"), _ ("In GiB; takes room only as it fills"));
  GtkWidget *image = settings_make_row (_ ("Existing disk image"),
                                        _ ("It stays where it is, and is written there"));
  GtkWidget *drive = settings_make_row (_ ("New CD drive"), NULL);
  GtkWidget *size = gtk_spin_button_new_with_range (1, NEW_DISK_MAX_GIB, 1);
  GtkWidget *add = make_text_button (settings, _ ("_Add Disk"), G_CALLBACK (add_disk_cb));

  gtk_spin_button_set_value (GTK_SPIN_BUTTON (size), NEW_DISK_GIB);
  gtk_widget_set_valign (size, GTK_ALIGN_CENTER);
  gtk_widget_set_sensitive (size, settings->can_change);
  gtk_accessible_update_property (GTK_ACCESSIBLE (size), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Size of the new disk"), -1);
  g_object_set_data (G_OBJECT (add), "size", size);
  adw_action_row_add_suffix (ADW_ACTION_ROW (disk), size);
  adw_action_row_add_suffix (ADW_ACTION_ROW (disk), add);
  adw_action_row_add_suffix (ADW_ACTION_ROW (image), make_text_button (settings, _ ("Add _Image…"),
                                                                       G_CALLBACK (add_image_cb)));
  adw_action_row_add_suffix (ADW_ACTION_ROW (drive), make_text_button (settings, _ ("Add _Drive"),
                                                                       G_CALLBACK (add_drive_cb)));
  settings_add_row (settings, settings->disks, disk);
  settings_add_row (settings, settings->disks, image);
  settings_add_row (settings, settings->disks, drive);
}

static char *
dup_disks (const VmConfig *config)
{
  GString *text = g_string_new (NULL);

  for (unsigned i = 0; i < config->disks->len; i++) {
    const VmDiskConfig *disk = config->disks->pdata[i];
    g_string_append_printf (text, "%s\n%d %d %d\n", disk->path, (int) disk->format, (int) disk->bus,
                            disk->cdrom);
  }
  return g_string_free (text, FALSE);
}

// Somebody else may have changed them. What is changed here makes its rows itself.
void
settings_update_disks (Settings *settings)
{
  g_autofree char *now = dup_disks (terrarium_machine_get_config (settings->machine));

  if (settings->n_sent == 0 && !g_str_equal (now, settings->shown_disks))
    settings_fill_disks (settings);
}

// Also alone: discs change while the rest stays.
void
settings_fill_disks (Settings *settings)
{
  settings->config = terrarium_machine_get_config (settings->machine);
  g_free (settings->shown_disks);
  settings->shown_disks = dup_disks (settings->config);
  for (unsigned i = settings->rows->len; i-- > 0;) {
    GtkWidget *row = settings->rows->pdata[i];
    if (g_object_get_data (G_OBJECT (row), "group") != settings->disks)
      continue;
    g_ptr_array_remove_index (settings->rows, i);
    adw_preferences_group_remove (settings->disks, row);
  }
  adw_preferences_group_set_description (
      settings->disks, settings->can_change
                           ? _ ("Changes apply when the machine starts next")
                           : _ ("Discs change at once; turn the machine off to change the rest"));
  for (unsigned i = 0; i < settings->config->disks->len; i++)
    add_disk_row (settings, settings->config->disks->pdata[i], i);
  add_new_rows (settings);
}
