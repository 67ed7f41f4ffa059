// SPDX-License-Identifier: GPL-3.0-or-later
// TerrariumWindow: library and viewer as two pages, the wizard above them, and what becomes of
// running machines when it closes. Main thread.
#include "app/gtk/window.h"

#include <glib/gi18n.h>

#include "app/gtk/preferences.h"
#include "app/library/library.h"
#include "app/viewer/viewer.h"
#include "app/widgets/dialogs.h"
#include "app/wizard/wizard.h"

#define UNDO_SECONDS 10

struct _TerrariumWindow {
  AdwApplicationWindow parent;

  TerrariumStore *store;
  GSettings *settings; // NULL: nothing is remembered
  GPtrArray *leaving;  // machines taken out of the list, whose bundles are still there
  bool has_library;
  bool closing; // when the last machine has stopped
  bool hidden;  // the machines run on without the window
  bool quitting;
  TerrariumWizard *wizard; // borrowed; NULL while there is none

  AdwToastOverlay *toasts;
  GtkStack *pages;
  TerrariumLibrary *library;
  TerrariumViewer *viewer;
};

G_DEFINE_FINAL_TYPE (TerrariumWindow, terrarium_window, ADW_TYPE_APPLICATION_WINDOW)

static void
notify_person (TerrariumWindow *window, const char *text)
{
  g_autofree char *markup = g_markup_escape_text (text, -1);

  adw_toast_overlay_add_toast (window->toasts, adw_toast_new (markup));
}

// ---------------------------------------------------------------------------------------------
// What is remembered: the page, and the window's size on each

// The machine that is shown, or "" for the library.
static const char *
get_page (TerrariumWindow *window)
{
  TerrariumMachine *machine =
      gtk_stack_get_visible_child (window->pages) == GTK_WIDGET (window->viewer)
          ? terrarium_viewer_get_machine (window->viewer)
          : NULL;
  const VmConfig *config = machine ? terrarium_machine_get_config (machine) : NULL;

  return config ? config->uuid : "";
}

static void
remember (TerrariumWindow *window)
{
  WindowShape shape = {.maximized = gtk_window_is_maximized (GTK_WINDOW (window))};

  if (!window->has_library || !gtk_widget_get_mapped (GTK_WIDGET (window)) ||
      gtk_window_is_fullscreen (GTK_WINDOW (window)))
    return;
  gtk_window_get_default_size (GTK_WINDOW (window), &shape.width, &shape.height);
  preferences_set_shape (window->settings, get_page (window), &shape);
}

// Somebody who has maximized the window wants it so.
static void
take_shape (TerrariumWindow *window)
{
  GtkWindow *base = GTK_WINDOW (window);
  WindowShape shape;

  if (!window->has_library || gtk_window_is_fullscreen (base) || gtk_window_is_maximized (base) ||
      !preferences_get_shape (window->settings, get_page (window), &shape))
    return;
  gtk_window_set_default_size (base, shape.width, shape.height);
  if (shape.maximized)
    gtk_window_maximize (base);
}

static void
unmapped_cb (TerrariumWindow *window)
{
  remember (window);
  if (window->has_library)
    preferences_set_page (window->settings, get_page (window));
}

// ---------------------------------------------------------------------------------------------
// Pages

static void
show_library (TerrariumWindow *window)
{
  if (gtk_window_is_fullscreen (GTK_WINDOW (window)))
    gtk_window_unfullscreen (GTK_WINDOW (window));
  remember (window);
  gtk_stack_set_visible_child (window->pages, GTK_WIDGET (window->library));
  take_shape (window);
  gtk_window_set_title (GTK_WINDOW (window), _ ("Terrarium"));
}

static void
show_machine (TerrariumWindow *window, TerrariumMachine *machine)
{
  g_autofree char *title =
      g_strdup_printf (_ ("%s – Terrarium"), terrarium_machine_get_name (machine));

  remember (window);
  terrarium_viewer_set_machine (window->viewer, machine, window->has_library);
  gtk_stack_set_visible_child (window->pages, GTK_WIDGET (window->viewer));
  take_shape (window);
  gtk_window_set_title (GTK_WINDOW (window), title);
}

void
terrarium_window_open_machine (TerrariumWindow *window, TerrariumMachine *machine)
{
  show_machine (window, machine);
  // One whose state is of no use is not started without asking.
  if (!terrarium_machine_get_vm (machine) &&
      terrarium_machine_get_saved (machine, NULL) != SAVED_STALE)
    terrarium_machine_perform (machine, VM_OP_START);
}

void
terrarium_window_show_only (TerrariumWindow *window, TerrariumMachine *machine)
{
  window->has_library = false;
  show_machine (window, machine);
}

static void
open_machine_action (GtkWidget *widget, const char *action, GVariant *parameter)
{
  TerrariumWindow *window = TERRARIUM_WINDOW (widget);
  TerrariumMachine *machine =
      terrarium_store_find (window->store, g_variant_get_string (parameter, NULL));

  if (machine)
    terrarium_window_open_machine (window, machine);
}

static void
notify_action (GtkWidget *widget, const char *action, GVariant *parameter)
{
  notify_person (TERRARIUM_WINDOW (widget), g_variant_get_string (parameter, NULL));
}

static void
search_action (GtkWidget *widget, const char *action, GVariant *parameter)
{
  terrarium_library_start_search (TERRARIUM_WINDOW (widget)->library);
}

// ---------------------------------------------------------------------------------------------
// New machines

static void
created_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (TerrariumWindow) window = user_data;
  g_autoptr (GError) error = NULL;
  TerrariumMachine *machine =
      terrarium_store_create_finish (TERRARIUM_STORE (source), result, &error);

  if (machine)
    terrarium_window_open_machine (window, machine);
  else if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    notify_person (window, error->message);
}

static void
create_cb (TerrariumWindow *window, const TerrariumCreation *creation)
{
  show_library (window);
  terrarium_store_create_async (window->store, creation, created_cb, g_object_ref (window));
}

static TerrariumWizard *
open_wizard (TerrariumWindow *window)
{
  if (!window->wizard) {
    window->wizard = TERRARIUM_WIZARD (terrarium_wizard_new (GTK_WINDOW (window)));
    g_object_add_weak_pointer (G_OBJECT (window->wizard), (gpointer *) &window->wizard);
    g_signal_connect_object (window->wizard, "create", G_CALLBACK (create_cb), window,
                             G_CONNECT_SWAPPED);
  }
  gtk_window_present (GTK_WINDOW (window->wizard));
  return window->wizard;
}

static void
new_action (GtkWidget *widget, const char *action, GVariant *parameter)
{
  open_wizard (TERRARIUM_WINDOW (widget));
}

typedef struct Offer {
  TerrariumWindow *window; // owned
  char *path;
} Offer;

static void
offer_free (Offer *offer)
{
  g_object_unref (offer->window);
  g_free (offer->path);
  g_free (offer);
}

static void adopt (Offer *take, bool agreed);

static void
agreed_cb (Offer *offer, const char *response)
{
  if (!g_str_equal (response, "add") || !offer->window->store)
    return;
  Offer *again = g_new0 (Offer, 1);
  *again = (Offer){g_object_ref (offer->window), g_strdup (offer->path)};
  adopt (again, true);
}

// Takes the offer.
static void
ask_to_adopt (Offer *take, const char *doubt)
{
  g_autofree char *name = g_filename_display_name (take->path);
  g_autofree char *body = g_strdup_printf ("%s\n\n%s", name, doubt);
  GtkWidget *widget =
      adw_message_dialog_new (GTK_WINDOW (take->window), _ ("Do you trust this machine?"), body);
  AdwMessageDialog *dialog = ADW_MESSAGE_DIALOG (widget);

  adw_message_dialog_add_responses (dialog, "cancel", _ ("_Cancel"), "add", _ ("_Add"), NULL);
  adw_message_dialog_set_response_appearance (dialog, "add", ADW_RESPONSE_DESTRUCTIVE);
  adw_message_dialog_set_default_response (dialog, "cancel");
  adw_message_dialog_set_close_response (dialog, "cancel");
  g_signal_connect_data (dialog, "response", G_CALLBACK (agreed_cb), take,
                         (GClosureNotify) (void (*) (void)) offer_free, G_CONNECT_SWAPPED);
  gtk_window_present (GTK_WINDOW (dialog));
}

static void
adopted_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Offer *offer = user_data;
  g_autoptr (GError) error = NULL;
  TerrariumMachine *machine =
      terrarium_store_adopt_finish (TERRARIUM_STORE (source), result, &error);

  if (g_error_matches (error, BUNDLE_ERROR, BUNDLE_ERROR_DOUBT) && offer->window->store) {
    ask_to_adopt (offer, error->message);
    return;
  }
  if (!offer->window->store)
    ; // It was closed meanwhile.
  else if (machine)
    show_machine (offer->window, machine);
  else if (error)
    notify_person (offer->window, error->message);
  else
    terrarium_wizard_offer_file (open_wizard (offer->window), offer->path);
  offer_free (offer);
}

static void
adopt (Offer *take, bool agreed)
{
  terrarium_store_adopt_async (take->window->store, take->path, agreed, adopted_cb, take);
}

// A machine is shown; of what is none the wizard makes one.
void
terrarium_window_offer_file (TerrariumWindow *window, GFile *file)
{
  char *path = g_file_get_path (file);
  Offer *offer;

  if (!path) {
    notify_person (window, _ ("Only files on this computer can be opened; copy it here first."));
    return;
  }
  offer = g_new0 (Offer, 1);
  *offer = (Offer){g_object_ref (window), path};
  adopt (offer, false);
}

void
terrarium_window_offer_files (TerrariumWindow *window, GFile **files, unsigned n_files)
{
  if (n_files == 0)
    return;
  terrarium_window_offer_file (window, files[0]);
  if (n_files > 1)
    notify_person (window, _ ("One file makes one machine; the first is taken."));
}

static void
image_response_cb (GtkNativeDialog *dialog, int response, gpointer user_data)
{
  if (response == GTK_RESPONSE_ACCEPT) {
    g_autoptr (GFile) file = gtk_file_chooser_get_file (GTK_FILE_CHOOSER (dialog));
    terrarium_window_offer_file (TERRARIUM_WINDOW (user_data), file);
  }
  gtk_native_dialog_destroy (dialog);
  g_object_unref (dialog);
}

static void
open_image_action (GtkWidget *widget, const char *action, GVariant *parameter)
{
  GtkFileChooserNative *chooser =
      gtk_file_chooser_native_new (_ ("Open Image"), GTK_WINDOW (widget),
                                   GTK_FILE_CHOOSER_ACTION_OPEN, _ ("_Open"), _ ("_Cancel"));

  g_signal_connect_object (chooser, "response", G_CALLBACK (image_response_cb), widget, 0);
  gtk_native_dialog_show (GTK_NATIVE_DIALOG (chooser));
}

static gboolean
dropped_cb (TerrariumWindow *window, const GValue *value)
{
  g_autoptr (GSList) list = gdk_file_list_get_files (g_value_get_boxed (value));

  if (!list || !window->has_library)
    return FALSE;
  GFile *files[] = {list->data, list->next ? list->next->data : NULL};
  terrarium_window_offer_files (window, files, list->next ? 2 : 1);
  return TRUE;
}

// ---------------------------------------------------------------------------------------------
// Copies

static void
duplicated_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (TerrariumWindow) window = user_data;
  g_autoptr (GError) error = NULL;
  TerrariumMachine *machine =
      terrarium_store_create_finish (TERRARIUM_STORE (source), result, &error);
  g_autofree char *text =
      machine ? g_strdup_printf (_ ("“%s” is ready"), terrarium_machine_get_name (machine)) : NULL;

  if (machine)
    notify_person (window, text);
  else if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    notify_person (window, error->message);
}

// win.duplicate-machine and win.clone-machine, which is linked to what it is made of.
static void
duplicate_machine_action (GtkWidget *widget, const char *action, GVariant *parameter)
{
  bool linked = g_str_equal (action, "win.clone-machine");
  TerrariumWindow *window = TERRARIUM_WINDOW (widget);
  TerrariumMachine *machine =
      terrarium_store_find (window->store, g_variant_get_string (parameter, NULL));

  if (machine && terrarium_machine_get_config (machine) && !terrarium_machine_get_vm (machine))
    terrarium_store_duplicate_async (window->store, machine, linked, duplicated_cb,
                                     g_object_ref (window));
}

// ---------------------------------------------------------------------------------------------
// Deleting: the bundle goes to the Trash when it is too late to undo

static void
put_in_trash (TerrariumWindow *window, TerrariumMachine *machine)
{
  g_autoptr (GError) error = NULL;

  g_object_ref (machine);
  if (g_ptr_array_remove (window->leaving, machine) &&
      !terrarium_store_put_in_trash (window->store, machine, &error))
    notify_person (window, error->message);
  g_object_unref (machine);
}

static void
put_all_in_trash (TerrariumWindow *window)
{
  while (window->leaving->len > 0)
    put_in_trash (window, window->leaving->pdata[0]);
}

static void
undo_cb (AdwToast *toast, TerrariumWindow *window)
{
  TerrariumMachine *machine = g_object_get_data (G_OBJECT (toast), "machine");

  g_object_ref (machine);
  if (g_ptr_array_remove (window->leaving, machine))
    terrarium_store_take_back (window->store, machine);
  g_object_unref (machine);
}

static void
toast_dismissed_cb (AdwToast *toast, TerrariumWindow *window)
{
  // A window that goes takes its toasts with it, when nothing is left to do.
  if (window->leaving)
    put_in_trash (window, g_object_get_data (G_OBJECT (toast), "machine"));
}

static void
delete_machine_action (GtkWidget *widget, const char *action, GVariant *parameter)
{
  TerrariumWindow *window = TERRARIUM_WINDOW (widget);
  TerrariumMachine *machine =
      terrarium_store_find (window->store, g_variant_get_string (parameter, NULL));

  if (!machine || terrarium_machine_get_vm (machine))
    return;
  g_autofree char *text =
      g_strdup_printf (_ ("“%s” moved to the Trash"), terrarium_machine_get_name (machine));
  g_autofree char *markup = g_markup_escape_text (text, -1);
  AdwToast *toast = adw_toast_new (markup);

  adw_toast_set_button_label (toast, _ ("_Undo"));
  adw_toast_set_timeout (toast, UNDO_SECONDS);
  g_object_set_data_full (G_OBJECT (toast), "machine", g_object_ref (machine), g_object_unref);
  g_signal_connect_object (toast, "button-clicked", G_CALLBACK (undo_cb), window, 0);
  g_signal_connect_object (toast, "dismissed", G_CALLBACK (toast_dismissed_cb), window, 0);
  g_ptr_array_add (window->leaving, g_object_ref (machine));
  terrarium_store_remove (window->store, machine);
  adw_toast_overlay_add_toast (window->toasts, toast);
}

// ---------------------------------------------------------------------------------------------
// Closing

static void
close_for_good (TerrariumWindow *window)
{
  put_all_in_trash (window);
  gtk_window_destroy (GTK_WINDOW (window));
}

static void
running_changed_cb (TerrariumWindow *window)
{
  bool leave = window->closing || window->hidden;

  if (leave && terrarium_store_count_running (window->store) == 0)
    close_for_good (window);
}

static void
keep_running (TerrariumWindow *window)
{
  put_all_in_trash (window);
  window->hidden = true;
  gtk_widget_set_visible (GTK_WIDGET (window), FALSE);
}

// One that could not be saved runs on, and so the window stays; closing it is to be tried again.
static void
save_failed_cb (TerrariumWindow *window, const char *text)
{
  if (!window->closing)
    return;
  window->closing = FALSE;
  gtk_window_present (GTK_WINDOW (window));
  notify_person (window, text);
}

static void
save_running (TerrariumWindow *window)
{
  GListModel *machines = terrarium_store_get_machines (window->store);

  for (unsigned i = 0; i < g_list_model_get_n_items (machines); i++) {
    g_autoptr (GObject) machine = g_list_model_get_item (machines, i);

    g_signal_handlers_disconnect_by_func (machine, save_failed_cb, window);
    g_signal_connect_object (machine, "failed", G_CALLBACK (save_failed_cb), window,
                             G_CONNECT_SWAPPED);
  }
  terrarium_store_save_running (window->store);
}

static void
close_as (TerrariumWindow *window, TerrariumClose answer)
{
  window->closing = answer != TERRARIUM_CLOSE_CANCEL && answer != TERRARIUM_CLOSE_KEEP;
  switch (answer) {
  case TERRARIUM_CLOSE_CANCEL:
    return;
  case TERRARIUM_CLOSE_KEEP:
    keep_running (window);
    return;
  case TERRARIUM_CLOSE_SAVE:
    notify_person (window, _ ("Saving"));
    save_running (window);
    break;
  case TERRARIUM_CLOSE_SHUT_DOWN:
    notify_person (window, _ ("Waiting for the machine to shut down"));
    terrarium_store_perform_on_running (window->store, VM_OP_POWER_BUTTON);
    break;
  case TERRARIUM_CLOSE_FORCE_OFF:
    terrarium_store_perform_on_running (window->store, VM_OP_FORCE_STOP);
    break;
  }
  running_changed_cb (window);
}

static void
close_answered_cb (GtkWindow *parent, TerrariumClose answer, bool remember)
{
  TerrariumWindow *window = TERRARIUM_WINDOW (parent);

  if (remember && answer != TERRARIUM_CLOSE_CANCEL)
    terrarium_store_set_on_close (window->store, terrarium_close_get_name (answer));
  close_as (window, answer);
}

static gboolean
terrarium_window_close_request (GtkWindow *base)
{
  TerrariumWindow *window = TERRARIUM_WINDOW (base);
  g_autofree char *wish = terrarium_store_dup_on_close (window->store);
  TerrariumClose known = terrarium_close_from_name (wish);
  const TerrariumCloseChoice choice = {
      .n_running = terrarium_store_count_running (window->store),
      .save = terrarium_store_can_save_running (window->store),
      .keep = window->has_library && !window->quitting,
  };

  if (choice.n_running == 0) {
    put_all_in_trash (window);
    return GTK_WINDOW_CLASS (terrarium_window_parent_class)->close_request (base);
  }
  bool can = known == TERRARIUM_CLOSE_SAVE   ? choice.save
             : known == TERRARIUM_CLOSE_KEEP ? choice.keep
                                             : known == TERRARIUM_CLOSE_SHUT_DOWN;
  // One that is asked to shut down may not listen: the second time there is a question.
  if (can && !window->closing)
    close_as (window, known);
  else
    terrarium_ask_close (base, &choice, close_answered_cb);
  window->quitting = false;
  return TRUE;
}

void
terrarium_window_quit (TerrariumWindow *window)
{
  window->quitting = true;
  gtk_window_present (GTK_WINDOW (window));
  gtk_window_close (GTK_WINDOW (window));
}

// ---------------------------------------------------------------------------------------------
// Object

static void
shown_cb (TerrariumWindow *window)
{
  window->hidden = false;
}

static void
terrarium_window_dispose (GObject *object)
{
  TerrariumWindow *window = TERRARIUM_WINDOW (object);

  if (window->store)
    g_signal_handlers_disconnect_by_data (window->store, window);
  g_clear_weak_pointer (&window->wizard);
  g_clear_pointer (&window->leaving, g_ptr_array_unref);
  g_clear_object (&window->store);
  g_clear_object (&window->settings);
  G_OBJECT_CLASS (terrarium_window_parent_class)->dispose (object);
}

static void
terrarium_window_class_init (TerrariumWindowClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = terrarium_window_dispose;
  GTK_WINDOW_CLASS (klass)->close_request = terrarium_window_close_request;
  g_type_ensure (TERRARIUM_TYPE_LIBRARY);
  g_type_ensure (TERRARIUM_TYPE_VIEWER);
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/io/github/terrarium_vm/Terrarium/window.ui");
  gtk_widget_class_bind_template_child (widget_class, TerrariumWindow, toasts);
  gtk_widget_class_bind_template_child (widget_class, TerrariumWindow, pages);
  gtk_widget_class_bind_template_child (widget_class, TerrariumWindow, library);
  gtk_widget_class_bind_template_child (widget_class, TerrariumWindow, viewer);
  gtk_widget_class_install_action (widget_class, "win.new", NULL, new_action);
  gtk_widget_class_install_action (widget_class, "win.open-image", NULL, open_image_action);
  gtk_widget_class_install_action (widget_class, "win.search", NULL, search_action);
  gtk_widget_class_install_action (widget_class, "win.open-machine", "s", open_machine_action);
  gtk_widget_class_install_action (widget_class, "win.delete-machine", "s", delete_machine_action);
  gtk_widget_class_install_action (widget_class, "win.duplicate-machine", "s",
                                   duplicate_machine_action);
  gtk_widget_class_install_action (widget_class, "win.clone-machine", "s",
                                   duplicate_machine_action);
  gtk_widget_class_install_action (widget_class, "win.notify", "s", notify_action);
}

static void
terrarium_window_init (TerrariumWindow *window)
{
  GtkDropTarget *target = gtk_drop_target_new (GDK_TYPE_FILE_LIST, GDK_ACTION_COPY);

  gtk_widget_init_template (GTK_WIDGET (window));
  window->leaving = g_ptr_array_new_with_free_func (g_object_unref);
  window->has_library = true;
  g_signal_connect_swapped (target, "drop", G_CALLBACK (dropped_cb), window);
  gtk_widget_add_controller (GTK_WIDGET (window->toasts), GTK_EVENT_CONTROLLER (target));
  g_signal_connect_swapped (window->viewer, "back", G_CALLBACK (show_library), window);
  g_signal_connect_swapped (window->viewer, "notify-person", G_CALLBACK (notify_person), window);
  g_signal_connect (window, "show", G_CALLBACK (shown_cb), NULL);
  g_signal_connect (window, "unmap", G_CALLBACK (unmapped_cb), NULL);
}

void
terrarium_window_restore (TerrariumWindow *window)
{
  g_autofree char *page = preferences_dup_page (window->settings);
  TerrariumMachine *machine = *page ? terrarium_store_find (window->store, page) : NULL;

  take_shape (window);
  if (machine)
    show_machine (window, machine);
}

GtkWidget *
terrarium_window_new (GtkApplication *application, TerrariumStore *store, GSettings *settings)
{
  TerrariumWindow *window = g_object_new (TERRARIUM_TYPE_WINDOW, "application", application, NULL);

  window->store = g_object_ref (store);
  window->settings = settings ? g_object_ref (settings) : NULL;
  g_signal_connect_swapped (store, "running-changed", G_CALLBACK (running_changed_cb), window);
  terrarium_library_set_store (window->library, store);
  return GTK_WIDGET (window);
}
