// SPDX-License-Identifier: GPL-3.0-or-later
// The few questions that cannot be undone. Main thread.
#include "app/widgets/dialogs.h"

#include <glib/gi18n.h>

static void
force_off_response_cb (TerrariumMachine *machine, const char *response)
{
  if (g_str_equal (response, "force-off"))
    terrarium_machine_perform (machine, VM_OP_FORCE_STOP);
}

void
terrarium_confirm_force_off (GtkWindow *parent, TerrariumMachine *machine)
{
  g_autofree char *heading =
      g_strdup_printf (_ ("Force “%s” off?"), terrarium_machine_get_name (machine));
  GtkWidget *widget = adw_message_dialog_new (parent, heading, NULL);
  AdwMessageDialog *dialog = ADW_MESSAGE_DIALOG (widget);

  adw_message_dialog_set_body (
      dialog, _ ("This is like pulling the plug: what the machine has not saved is lost."));
  adw_message_dialog_add_responses (dialog, "cancel", _ ("_Cancel"), "force-off", _ ("_Force Off"),
                                    NULL);
  adw_message_dialog_set_response_appearance (dialog, "force-off", ADW_RESPONSE_DESTRUCTIVE);
  adw_message_dialog_set_default_response (dialog, "cancel");
  adw_message_dialog_set_close_response (dialog, "cancel");
  g_signal_connect_object (dialog, "response", G_CALLBACK (force_off_response_cb), machine,
                           G_CONNECT_SWAPPED);
  gtk_window_present (GTK_WINDOW (dialog));
}

typedef struct CloseQuestion {
  GtkWindow *parent;
  void (*answered) (GtkWindow *parent, TerrariumClose answer);
} CloseQuestion;

static void
close_response_cb (CloseQuestion *question, const char *response)
{
  static const char *const answers[] = {
      [TERRARIUM_CLOSE_CANCEL] = "cancel",
      [TERRARIUM_CLOSE_KEEP] = "keep",
      [TERRARIUM_CLOSE_SHUT_DOWN] = "shut-down",
      [TERRARIUM_CLOSE_FORCE_OFF] = "force-off",
  };

  for (unsigned i = 0; i < G_N_ELEMENTS (answers); i++) {
    if (g_str_equal (response, answers[i]))
      question->answered (question->parent, (TerrariumClose) i);
  }
}

void
terrarium_ask_close (GtkWindow *parent, unsigned n_running, bool keep,
                     void (*answered) (GtkWindow *parent, TerrariumClose answer))
{
  CloseQuestion *question = g_new0 (CloseQuestion, 1);
  g_autofree char *heading = g_strdup_printf (
      ngettext ("A machine is running", "%u machines are running", n_running), n_running);
  GtkWidget *widget = adw_message_dialog_new (parent, heading, NULL);
  AdwMessageDialog *dialog = ADW_MESSAGE_DIALOG (widget);

  *question = (CloseQuestion){parent, answered};
  adw_message_dialog_set_body (dialog, _ ("What should become of it when the window closes?"));
  adw_message_dialog_add_response (dialog, "cancel", _ ("_Cancel"));
  adw_message_dialog_add_response (dialog, "force-off", _ ("_Force Off"));
  adw_message_dialog_add_response (dialog, "shut-down", _ ("_Shut Down"));
  if (keep)
    adw_message_dialog_add_response (dialog, "keep", _ ("_Keep Running"));
  adw_message_dialog_set_response_appearance (dialog, "force-off", ADW_RESPONSE_DESTRUCTIVE);
  adw_message_dialog_set_response_appearance (dialog, keep ? "keep" : "shut-down",
                                              ADW_RESPONSE_SUGGESTED);
  adw_message_dialog_set_default_response (dialog, keep ? "keep" : "shut-down");
  adw_message_dialog_set_close_response (dialog, "cancel");
  g_signal_connect_data (dialog, "response", G_CALLBACK (close_response_cb), question,
                         (GClosureNotify) (void (*) (void)) g_free, G_CONNECT_SWAPPED);
  gtk_window_present (GTK_WINDOW (dialog));
}
