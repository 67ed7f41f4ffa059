// SPDX-License-Identifier: GPL-3.0-or-later
// The snapshots page: a row for each, indented as the tree is, and one to take another. Main thread.
#include "app/snapshots/snapshots.h"

#include <glib/gi18n.h>

#include "app/model/machine-snapshots.h"

enum {
  INDENT = 24,
  PICTURE_WIDTH = 64,
  PICTURE_HEIGHT = 40,
};

typedef struct Page {
  AdwWindow *window; // owns the page
  TerrariumMachine *machine;
  AdwToastOverlay *toasts;
  AdwPreferencesGroup *group;
  GtkWidget *entry;
  GtkInfoBar *busy_bar;
  GtkProgressBar *progress;
  GtkWidget *cancel;
  GPtrArray *rows; // in the group, borrowed
  bool busy;
} Page;

static void
page_free (Page *page)
{
  g_signal_handlers_disconnect_by_data (page->machine, page);
  g_object_unref (page->machine);
  g_ptr_array_unref (page->rows);
  g_free (page);
}

static void fill (Page *page);

static void
tell (Page *page, const char *text)
{
  g_autofree char *markup = g_markup_escape_text (text, -1);

  adw_toast_overlay_add_toast (page->toasts, adw_toast_new (markup));
}

// The window may be gone by then.
static void
done_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GtkWidget) window = user_data;
  Page *page = g_object_get_data (G_OBJECT (window), "page");
  g_autoptr (GError) error = NULL;

  terrarium_machine_snapshot_finish (TERRARIUM_MACHINE (source), result, &error);
  if (!page)
    return;
  page->busy = false;
  if (error)
    tell (page, error->message);
  fill (page);
}

static void
begin (Page *page, SnapshotOp op, const char *id, const char *name)
{
  if (page->busy)
    return;
  page->busy = true;
  gtk_widget_set_sensitive (page->cancel, TRUE);
  terrarium_machine_snapshot_async (page->machine, op, id, name, done_cb,
                                    g_object_ref (page->window));
}

static void
take_cb (Page *page)
{
  const char *name = gtk_editable_get_text (GTK_EDITABLE (page->entry));

  begin (page, SNAPSHOT_TAKE, NULL, name);
  gtk_editable_set_text (GTK_EDITABLE (page->entry), "");
}

// ---------------------------------------------------------------------------------------------
// Questions

typedef struct Question {
  Page *page;
  SnapshotOp op;
  char *id;
} Question;

static void
question_free (Question *question)
{
  g_free (question->id);
  g_free (question);
}

static void
answer_cb (Question *question, const char *response)
{
  if (g_str_equal (response, "yes"))
    begin (question->page, question->op, question->id, NULL);
}

static void
ask (Page *page, SnapshotOp op, const char *id, const char *name)
{
  bool back = op == SNAPSHOT_GO_BACK;
  g_autofree char *heading =
      g_strdup_printf (back ? _ ("Go back to “%s”?") : _ ("Delete the snapshot “%s”?"), name);
  GtkWidget *widget = adw_message_dialog_new (GTK_WINDOW (page->window), heading, NULL);
  AdwMessageDialog *dialog = ADW_MESSAGE_DIALOG (widget);
  Question *question = g_new0 (Question, 1);

  *question = (Question){page, op, g_strdup (id)};
  adw_message_dialog_set_body (
      dialog, back
                  ? _ ("What the machine has become since is lost, unless another snapshot has it.")
                  : _ ("The machine and its other snapshots stay as they are."));
  adw_message_dialog_add_responses (dialog, "cancel", _ ("_Cancel"), "yes",
                                    back ? _ ("_Go Back") : _ ("_Delete"), NULL);
  adw_message_dialog_set_response_appearance (dialog, "yes", ADW_RESPONSE_DESTRUCTIVE);
  adw_message_dialog_set_default_response (dialog, "cancel");
  adw_message_dialog_set_close_response (dialog, "cancel");
  g_signal_connect_data (dialog, "response", G_CALLBACK (answer_cb), question,
                         (GClosureNotify) (void (*) (void)) question_free, G_CONNECT_SWAPPED);
  gtk_window_present (GTK_WINDOW (dialog));
}

static void
ask_for_row (GtkButton *button, Page *page)
{
  GtkWidget *row = g_object_get_data (G_OBJECT (button), "row");
  bool back = g_object_get_data (G_OBJECT (button), "back") != NULL;

  ask (page, back ? SNAPSHOT_GO_BACK : SNAPSHOT_DELETE, g_object_get_data (G_OBJECT (row), "id"),
       g_object_get_data (G_OBJECT (row), "name"));
}

// ---------------------------------------------------------------------------------------------
// Rows

static void
add_button (Page *page, AdwActionRow *row, bool back, const char *icon, const char *label)
{
  GtkWidget *button = gtk_button_new_from_icon_name (icon);
  bool possible = !back || !terrarium_machine_get_vm (page->machine);

  gtk_widget_set_valign (button, GTK_ALIGN_CENTER);
  gtk_widget_add_css_class (button, "flat");
  gtk_widget_set_sensitive (button, possible);
  gtk_widget_set_tooltip_text (button, possible ? label : _ ("Turn the machine off to go back"));
  gtk_accessible_update_property (GTK_ACCESSIBLE (button), GTK_ACCESSIBLE_PROPERTY_LABEL, label,
                                  -1);
  g_object_set_data (G_OBJECT (button), "row", row);
  g_object_set_data (G_OBJECT (button), "back", back ? button : NULL);
  g_signal_connect (button, "clicked", G_CALLBACK (ask_for_row), page);
  adw_action_row_add_suffix (row, button);
}

static void
add_picture (AdwActionRow *row, const Snapshot *snapshot)
{
  GtkWidget *picture = snapshot->picture ? gtk_picture_new_for_filename (snapshot->picture)
                                         : gtk_image_new_from_icon_name ("computer-symbolic");

  gtk_widget_set_size_request (picture, PICTURE_WIDTH, PICTURE_HEIGHT);
  gtk_widget_set_valign (picture, GTK_ALIGN_CENTER);
  gtk_widget_set_margin_start (picture, (int) snapshot->depth * INDENT);
  adw_action_row_add_prefix (row, picture);
}

static char *
make_subtitle (const Snapshot *snapshot)
{
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_local (snapshot->time);
  g_autofree char *when = time ? g_date_time_format (time, "%x %X") : g_strdup ("");
  g_autofree char *size = g_format_size (snapshot->bytes);

  return g_strdup_printf (
      "%s · %s · %s%s%s", when, size, snapshot->has_state ? _ ("Running") : _ ("Disks only"),
      snapshot->current ? " · " : "", snapshot->current ? _ ("The machine comes from here") : "");
}

static void
add_row (Page *page, const Snapshot *snapshot)
{
  GtkWidget *row = adw_action_row_new ();
  g_autofree char *subtitle = make_subtitle (snapshot);
  g_autofree char *title = g_markup_escape_text (snapshot->name, -1);
  g_autofree char *back = g_strdup_printf (_ ("Go back to “%s”"), snapshot->name);
  g_autofree char *delete = g_strdup_printf (_ ("Delete “%s”"), snapshot->name);

  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), title);
  adw_action_row_set_subtitle (ADW_ACTION_ROW (row), subtitle);
  g_object_set_data_full (G_OBJECT (row), "id", g_strdup (snapshot->id), g_free);
  g_object_set_data_full (G_OBJECT (row), "name", g_strdup (snapshot->name), g_free);
  add_picture (ADW_ACTION_ROW (row), snapshot);
  add_button (page, ADW_ACTION_ROW (row), true, "edit-undo-symbolic", back);
  add_button (page, ADW_ACTION_ROW (row), false, "user-trash-symbolic", delete);
  adw_preferences_group_add (page->group, row);
  g_ptr_array_add (page->rows, row);
}

static void
fill (Page *page)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) all = snapshots_list (terrarium_machine_get_bundle (page->machine), &error);

  for (unsigned i = 0; i < page->rows->len; i++)
    adw_preferences_group_remove (page->group, page->rows->pdata[i]);
  g_ptr_array_set_size (page->rows, 0);
  for (unsigned i = 0; all && i < all->len; i++)
    add_row (page, all->pdata[i]);
  adw_preferences_group_set_description (page->group, error ? error->message
                                                      : all && all->len == 0
                                                          ? _ ("There are none yet.")
                                                          : NULL);
}

// ---------------------------------------------------------------------------------------------
// What takes long

static void
progress_cb (Page *page)
{
  double progress = terrarium_machine_get_progress (page->machine);

  gtk_progress_bar_set_fraction (page->progress, MAX (progress, 0));
  gtk_widget_set_visible (GTK_WIDGET (page->busy_bar), progress >= 0);
}

static void
cancel_cb (Page *page)
{
  terrarium_machine_cancel_snapshot (page->machine);
  gtk_widget_set_sensitive (page->cancel, FALSE);
}

static GtkWidget *
make_busy_bar (Page *page)
{
  GtkWidget *bar = gtk_info_bar_new (), *progress = gtk_progress_bar_new ();
  GtkWidget *cancel = gtk_button_new_with_mnemonic (_ ("_Cancel"));

  page->busy_bar = GTK_INFO_BAR (bar);
  page->progress = GTK_PROGRESS_BAR (progress);
  page->cancel = cancel;
  gtk_accessible_update_property (GTK_ACCESSIBLE (progress), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Progress"), -1);
  gtk_widget_set_hexpand (progress, TRUE);
  gtk_widget_set_valign (progress, GTK_ALIGN_CENTER);
  gtk_widget_set_valign (cancel, GTK_ALIGN_CENTER);
  gtk_info_bar_add_child (page->busy_bar, progress);
  gtk_info_bar_add_action_widget (page->busy_bar, cancel, GTK_RESPONSE_CANCEL);
  gtk_widget_set_visible (bar, FALSE);
  g_signal_connect_swapped (cancel, "clicked", G_CALLBACK (cancel_cb), page);
  return bar;
}

// ---------------------------------------------------------------------------------------------
// The window

static GtkWidget *
make_content (Page *page)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);
  GtkWidget *preferences = adw_preferences_page_new ();
  GtkWidget *take = adw_preferences_group_new ();

  page->toasts = ADW_TOAST_OVERLAY (adw_toast_overlay_new ());
  page->group = ADW_PREFERENCES_GROUP (adw_preferences_group_new ());
  page->entry = adw_entry_row_new ();
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (page->entry), _ ("Name of a New Snapshot"));
  adw_entry_row_set_show_apply_button (ADW_ENTRY_ROW (page->entry), TRUE);
  g_signal_connect_swapped (page->entry, "apply", G_CALLBACK (take_cb), page);
  adw_preferences_group_add (ADW_PREFERENCES_GROUP (take), page->entry);
  adw_preferences_group_set_title (page->group, _ ("Snapshots"));
  adw_preferences_page_add (ADW_PREFERENCES_PAGE (preferences), ADW_PREFERENCES_GROUP (take));
  adw_preferences_page_add (ADW_PREFERENCES_PAGE (preferences), page->group);
  gtk_widget_set_vexpand (preferences, TRUE);
  gtk_box_append (GTK_BOX (box), adw_header_bar_new ());
  gtk_box_append (GTK_BOX (box), make_busy_bar (page));
  gtk_box_append (GTK_BOX (box), preferences);
  adw_toast_overlay_set_child (page->toasts, box);
  return GTK_WIDGET (page->toasts);
}

void
terrarium_show_snapshots (GtkWindow *parent, TerrariumMachine *machine)
{
  g_autofree char *title =
      g_strdup_printf (_ ("Snapshots of %s"), terrarium_machine_get_name (machine));
  GtkWidget *window = adw_window_new ();
  Page *page = g_new0 (Page, 1);

  page->window = ADW_WINDOW (window);
  page->machine = g_object_ref (machine);
  page->rows = g_ptr_array_new ();
  g_object_set_data_full (G_OBJECT (window), "page", page, (GDestroyNotify) page_free);
  adw_window_set_content (page->window, make_content (page));
  gtk_window_set_title (GTK_WINDOW (window), title);
  gtk_window_set_transient_for (GTK_WINDOW (window), parent);
  gtk_window_set_modal (GTK_WINDOW (window), TRUE);
  gtk_window_set_default_size (GTK_WINDOW (window), 560, 480);
  g_signal_connect_swapped (machine, "notify::vm", G_CALLBACK (fill), page);
  g_signal_connect_swapped (machine, "notify::progress", G_CALLBACK (progress_cb), page);
  fill (page);
  gtk_window_present (GTK_WINDOW (window));
}
