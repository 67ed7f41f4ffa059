// SPDX-License-Identifier: GPL-3.0-or-later
// The check of this computer: a row for each thing, and what can be done about it. Main thread; see
// app/model/checks.h for what is checked.
#include "app/checkup/checkup.h"

#include <glib/gi18n.h>

#include "app/cli/renderer.h"
#include "app/model/checks.h"

typedef struct Checkup {
  AdwWindow *window; // owns it
  AdwToastOverlay *toasts;
  AdwPreferencesPage *page;
  AdwPreferencesGroup *group;
  GtkWidget *again, *spinner;
} Checkup;

static void check_again (Checkup *checkup);

// ---------------------------------------------------------------------------------------------
// Asking the computer

// Worker.
static void
work_cb (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  g_task_return_pointer (task, checks_run (CLI_RENDERER_PROGRAM),
                         (GDestroyNotify) g_ptr_array_unref);
}

// `callback` gets the window, which may have been closed meanwhile, as its source.
static void
ask (GtkWindow *window, GAsyncReadyCallback callback)
{
  g_autoptr (GTask) task = g_task_new (window, NULL, callback, NULL);

  g_task_run_in_thread (task, work_cb);
}

// ---------------------------------------------------------------------------------------------
// Rows

static const char *const icons[] = {
    [CHECK_OK] = "emblem-ok-symbolic",
    [CHECK_WARNING] = "dialog-warning-symbolic",
    [CHECK_PROBLEM] = "dialog-error-symbolic",
};
static const char *const classes[] = {
    [CHECK_OK] = "success",
    [CHECK_WARNING] = "warning",
    [CHECK_PROBLEM] = "error",
};

static const char *
get_word (CheckVerdict verdict)
{
  return verdict == CHECK_OK        ? C_ ("check", "Fine")
         : verdict == CHECK_WARNING ? C_ ("check", "Warning")
                                    : C_ ("check", "Problem");
}

static void
copy_cb (GtkWidget *button, Checkup *checkup)
{
  gdk_clipboard_set_text (gtk_widget_get_clipboard (button),
                          g_object_get_data (G_OBJECT (button), "command"));
  adw_toast_overlay_add_toast (checkup->toasts,
                               adw_toast_new (_ ("The command is in the clipboard")));
}

static GtkWidget *
make_label (const char *text, const char *class)
{
  GtkWidget *label = gtk_label_new (text);

  gtk_label_set_wrap (GTK_LABEL (label), TRUE);
  gtk_label_set_wrap_mode (GTK_LABEL (label), PANGO_WRAP_WORD_CHAR);
  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_widget_set_hexpand (label, TRUE);
  gtk_widget_add_css_class (label, class);
  return label;
}

static GtkWidget *
make_command (Checkup *checkup, const Check *check)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 12);
  GtkWidget *text = make_label (check->command, "monospace");
  GtkWidget *button = gtk_button_new_with_mnemonic (_ ("_Copy"));
  g_autofree char *name = g_strdup_printf (_ ("Copy the command for “%s”"), check->title);

  gtk_label_set_selectable (GTK_LABEL (text), TRUE);
  gtk_widget_set_can_focus (text, FALSE);
  gtk_widget_set_valign (button, GTK_ALIGN_CENTER);
  gtk_accessible_update_property (GTK_ACCESSIBLE (button), GTK_ACCESSIBLE_PROPERTY_LABEL, name, -1);
  g_object_set_data (G_OBJECT (button), "command", (gpointer) check->command);
  g_signal_connect (button, "clicked", G_CALLBACK (copy_cb), checkup);
  gtk_box_append (GTK_BOX (box), text);
  gtk_box_append (GTK_BOX (box), button);
  return box;
}

static GtkWidget *
make_icon (const Check *check)
{
  GtkWidget *icon = gtk_image_new_from_icon_name (icons[check->verdict]);

  gtk_widget_add_css_class (icon, classes[check->verdict]);
  gtk_widget_set_valign (icon, GTK_ALIGN_START);
  gtk_widget_set_margin_top (icon, 3);
  gtk_widget_set_tooltip_text (icon, get_word (check->verdict));
  gtk_accessible_update_property (GTK_ACCESSIBLE (icon), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  get_word (check->verdict), -1);
  return icon;
}

static GtkWidget *
make_row (Checkup *checkup, const Check *check)
{
  GtkWidget *row = adw_preferences_row_new ();
  GtkWidget *across = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 12);
  GtkWidget *down = gtk_box_new (GTK_ORIENTATION_VERTICAL, 6);
  g_autofree char *name = g_strdup_printf (_ ("%s: %s"), check->title, get_word (check->verdict));

  gtk_box_append (GTK_BOX (down), make_label (check->title, "heading"));
  gtk_box_append (GTK_BOX (down), make_label (check->text, "body"));
  if (check->remedy)
    gtk_box_append (GTK_BOX (down), make_label (check->remedy, "dim-label"));
  if (check->command)
    gtk_box_append (GTK_BOX (down), make_command (checkup, check));
  gtk_box_append (GTK_BOX (across), make_icon (check));
  gtk_box_append (GTK_BOX (across), down);
  gtk_widget_set_margin_top (across, 12);
  gtk_widget_set_margin_bottom (across, 12);
  gtk_widget_set_margin_start (across, 12);
  gtk_widget_set_margin_end (across, 12);
  gtk_list_box_row_set_child (GTK_LIST_BOX_ROW (row), across);
  gtk_list_box_row_set_activatable (GTK_LIST_BOX_ROW (row), FALSE);
  gtk_accessible_update_property (GTK_ACCESSIBLE (row), GTK_ACCESSIBLE_PROPERTY_LABEL, name, -1);
  return row;
}

// ---------------------------------------------------------------------------------------------
// The window

static const char *
get_summary (CheckVerdict worst)
{
  switch (worst) {
  case CHECK_OK:
    return _ ("All is as machines want it.");
  case CHECK_WARNING:
    return _ ("Machines run here; some things could be better.");
  case CHECK_PROBLEM:
    return _ ("Something stands in the way of machines on this computer.");
  }
  return NULL;
}

static void
add_rows (Checkup *checkup, const GPtrArray *checks, CheckVerdict verdict)
{
  for (unsigned i = 0; i < checks->len; i++) {
    const Check *check = checks->pdata[i];
    if (check->verdict == verdict)
      adw_preferences_group_add (checkup->group, make_row (checkup, check));
  }
}

// A group of its own for each time: rows go with it. What needs attention comes first.
static void
fill (Checkup *checkup, const GPtrArray *checks)
{
  if (checkup->group)
    adw_preferences_page_remove (checkup->page, checkup->group);
  checkup->group = ADW_PREFERENCES_GROUP (adw_preferences_group_new ());
  adw_preferences_group_set_title (checkup->group, get_summary (checks_get_worst (checks)));
  adw_preferences_group_set_description (
      checkup->group, _ ("Beside these, Terrarium needs nothing to be installed or set up: no "
                         "service, no group, no user namespaces."));
  for (int verdict = CHECK_PROBLEM; verdict >= CHECK_OK; verdict--)
    add_rows (checkup, checks, (CheckVerdict) verdict);
  adw_preferences_page_add (checkup->page, checkup->group);
}

static void
set_busy (Checkup *checkup, bool busy)
{
  gtk_widget_set_sensitive (checkup->again, !busy);
  gtk_widget_set_visible (checkup->spinner, busy);
  gtk_spinner_set_spinning (GTK_SPINNER (checkup->spinner), busy);
}

static void
asked_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Checkup *checkup = g_object_get_data (source, "checkup");
  g_autoptr (GPtrArray) checks = g_task_propagate_pointer (G_TASK (result), NULL);

  if (!gtk_widget_get_visible (GTK_WIDGET (source)))
    return;
  fill (checkup, checks);
  set_busy (checkup, false);
}

static void
check_again (Checkup *checkup)
{
  set_busy (checkup, true);
  ask (GTK_WINDOW (checkup->window), asked_cb);
}

static GtkWidget *
make_header (Checkup *checkup)
{
  GtkWidget *header = adw_header_bar_new ();

  checkup->again = gtk_button_new_with_mnemonic (_ ("Check _Again"));
  checkup->spinner = gtk_spinner_new ();
  gtk_accessible_update_property (GTK_ACCESSIBLE (checkup->spinner), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Checking"), -1);
  g_signal_connect_swapped (checkup->again, "clicked", G_CALLBACK (check_again), checkup);
  adw_header_bar_pack_start (ADW_HEADER_BAR (header), checkup->again);
  adw_header_bar_pack_start (ADW_HEADER_BAR (header), checkup->spinner);
  return header;
}

static void
close_by_escape (GtkWidget *window)
{
  GtkEventController *keys = gtk_shortcut_controller_new ();
  GtkShortcut *escape = gtk_shortcut_new (gtk_keyval_trigger_new (GDK_KEY_Escape, 0),
                                          gtk_named_action_new ("window.close"));

  gtk_shortcut_controller_add_shortcut (GTK_SHORTCUT_CONTROLLER (keys), escape);
  gtk_widget_add_controller (window, keys);
}

static Checkup *
make_window (GtkWindow *parent)
{
  GtkWidget *window = adw_window_new (), *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);
  Checkup *checkup = g_new0 (Checkup, 1);

  checkup->window = ADW_WINDOW (window);
  checkup->toasts = ADW_TOAST_OVERLAY (adw_toast_overlay_new ());
  checkup->page = ADW_PREFERENCES_PAGE (adw_preferences_page_new ());
  g_object_set_data_full (G_OBJECT (window), "checkup", checkup, g_free);
  gtk_widget_set_vexpand (GTK_WIDGET (checkup->page), TRUE);
  gtk_box_append (GTK_BOX (box), make_header (checkup));
  gtk_box_append (GTK_BOX (box), GTK_WIDGET (checkup->page));
  adw_toast_overlay_set_child (checkup->toasts, box);
  adw_window_set_content (checkup->window, GTK_WIDGET (checkup->toasts));
  close_by_escape (window);
  gtk_window_set_title (GTK_WINDOW (window), _ ("Check This Computer"));
  gtk_window_set_transient_for (GTK_WINDOW (window), parent);
  gtk_window_set_modal (GTK_WINDOW (window), TRUE);
  gtk_window_set_default_size (GTK_WINDOW (window), 620, 680);
  return checkup;
}

void
terrarium_show_checkup (GtkWindow *parent)
{
  Checkup *checkup = make_window (parent);

  gtk_window_present (GTK_WINDOW (checkup->window));
  check_again (checkup);
}

static void
asked_first_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GPtrArray) checks = g_task_propagate_pointer (G_TASK (result), NULL);

  if (checks_get_worst (checks) < CHECK_PROBLEM || !gtk_widget_get_visible (GTK_WIDGET (source)))
    return;
  Checkup *checkup = make_window (GTK_WINDOW (source));
  fill (checkup, checks);
  set_busy (checkup, false);
  gtk_window_present (GTK_WINDOW (checkup->window));
}

void
terrarium_show_checkup_if_needed (GtkWindow *parent)
{
  ask (parent, asked_first_cb);
}
