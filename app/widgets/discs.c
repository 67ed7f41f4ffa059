// SPDX-License-Identifier: GPL-3.0-or-later
// See discs.h. Main thread.
#include "app/widgets/discs.h"

#include <glib/gi18n.h>

#include "app/model/machine-change.h"

typedef struct Insertion {
  GtkWidget *owner;          // owned
  TerrariumMachine *machine; // owned
  Change change;
  TerrariumDiscDone done;
} Insertion;

static Insertion *
insertion_new (GtkWidget *owner, TerrariumMachine *machine, unsigned drive, const char *path,
               TerrariumDiscDone done)
{
  Insertion *insertion = g_new0 (Insertion, 1);

  *insertion = (Insertion){g_object_ref (owner),
                           g_object_ref (machine),
                           {.kind = CHANGE_MEDIUM, .text = g_strdup (path), .number = drive},
                           done};
  return insertion;
}

static void
insertion_free (Insertion *insertion)
{
  g_object_unref (insertion->owner);
  g_object_unref (insertion->machine);
  g_free (insertion->change.text);
  g_free (insertion);
}

static void carry_out (Insertion *take, bool force);

// NULL when that has been closed.
static GtkWindow *
get_window (GtkWidget *owner)
{
  GtkRoot *root = gtk_widget_get_root (owner);

  return root && gtk_widget_get_mapped (GTK_WIDGET (root)) ? GTK_WINDOW (root) : NULL;
}

static void
answer_cb (Insertion *insertion, const char *response)
{
  if (g_str_equal (response, "yes"))
    carry_out (insertion_new (insertion->owner, insertion->machine, insertion->change.number,
                              insertion->change.text, insertion->done),
               true);
}

// Takes the insertion.
static void
ask (Insertion *insertion)
{
  GtkWidget *widget = adw_message_dialog_new (
      get_window (insertion->owner), _ ("Take the disc out although it is in use?"),
      _ ("The machine has locked the drive and was asked to let go of the "
         "disc. Programs that read from it may fail."));
  AdwMessageDialog *dialog = ADW_MESSAGE_DIALOG (widget);

  adw_message_dialog_add_responses (dialog, "cancel", _ ("_Cancel"), "yes", _ ("_Take Out"), NULL);
  adw_message_dialog_set_response_appearance (dialog, "yes", ADW_RESPONSE_DESTRUCTIVE);
  adw_message_dialog_set_default_response (dialog, "cancel");
  adw_message_dialog_set_close_response (dialog, "cancel");
  g_signal_connect_data (dialog, "response", G_CALLBACK (answer_cb), insertion,
                         (GClosureNotify) (void (*) (void)) insertion_free, G_CONNECT_SWAPPED);
  gtk_window_present (GTK_WINDOW (dialog));
}

static void
changed_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Insertion *insertion = user_data;
  g_autoptr (GError) error = NULL;

  terrarium_machine_change_finish (insertion->machine, result, &error);
  insertion->done (insertion->owner, NULL);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_BUSY) &&
      terrarium_machine_get_vm (insertion->machine) && get_window (insertion->owner)) {
    ask (insertion);
    return;
  }
  if (error)
    insertion->done (insertion->owner, error->message);
  insertion_free (insertion);
}

static void
carry_out (Insertion *take, bool force)
{
  terrarium_machine_change_async (take->machine, &take->change, force, changed_cb, take);
}

void
terrarium_change_disc (GtkWidget *owner, TerrariumMachine *machine, unsigned drive,
                       const char *path, TerrariumDiscDone done)
{
  carry_out (insertion_new (owner, machine, drive, path, done), false);
}

static void
chosen_cb (GtkNativeDialog *dialog, int response, gpointer user_data)
{
  Insertion *insertion = user_data;

  if (response == GTK_RESPONSE_ACCEPT) {
    g_autoptr (GFile) file = gtk_file_chooser_get_file (GTK_FILE_CHOOSER (dialog));
    insertion->change.text = g_file_get_path (file);
  }
  if (insertion->change.text)
    carry_out (insertion, false);
  else
    insertion_free (insertion);
  gtk_native_dialog_destroy (dialog);
  g_object_unref (dialog);
}

void
terrarium_choose_disc (GtkWidget *owner, TerrariumMachine *machine, unsigned drive,
                       TerrariumDiscDone done)
{
  GtkFileChooserNative *chooser =
      gtk_file_chooser_native_new (_ ("Insert a Disc"), get_window (owner),
                                   GTK_FILE_CHOOSER_ACTION_OPEN, _ ("_Insert"), _ ("_Cancel"));

  g_signal_connect (chooser, "response", G_CALLBACK (chosen_cb),
                    insertion_new (owner, machine, drive, NULL, done));
  gtk_native_dialog_show (GTK_NATIVE_DIALOG (chooser));
}
