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

static void
discard_response_cb (TerrariumMachine *machine, const char *response)
{
  if (g_str_equal (response, "discard"))
    terrarium_machine_discard_saved (machine);
}

void
terrarium_confirm_discard (GtkWindow *parent, TerrariumMachine *machine)
{
  g_autofree char *heading = g_strdup_printf (_ ("Discard the saved state of “%s”?"),
                                              terrarium_machine_get_name (machine));
  GtkWidget *widget = adw_message_dialog_new (parent, heading, NULL);
  AdwMessageDialog *dialog = ADW_MESSAGE_DIALOG (widget);

  adw_message_dialog_set_body (dialog,
                               _ ("Its disks stay, but what was open in it is lost, as if the "
                                  "plug had been pulled when it was saved."));
  adw_message_dialog_add_responses (dialog, "cancel", _ ("_Cancel"), "discard", _ ("_Discard"),
                                    NULL);
  adw_message_dialog_set_response_appearance (dialog, "discard", ADW_RESPONSE_DESTRUCTIVE);
  adw_message_dialog_set_default_response (dialog, "cancel");
  adw_message_dialog_set_close_response (dialog, "cancel");
  g_signal_connect_object (dialog, "response", G_CALLBACK (discard_response_cb), machine,
                           G_CONNECT_SWAPPED);
  gtk_window_present (GTK_WINDOW (dialog));
}

// ---------------------------------------------------------------------------------------------
// Closing

static const char *const close_names[] = {
    [TERRARIUM_CLOSE_CANCEL] = "ask",          [TERRARIUM_CLOSE_SAVE] = "save",
    [TERRARIUM_CLOSE_KEEP] = "keep",           [TERRARIUM_CLOSE_SHUT_DOWN] = "shut-down",
    [TERRARIUM_CLOSE_FORCE_OFF] = "force-off",
};

TerrariumClose
terrarium_close_from_name (const char *name)
{
  for (unsigned i = 0; i < G_N_ELEMENTS (close_names); i++)
    if (g_str_equal (name, close_names[i]))
      return (TerrariumClose) i;
  return TERRARIUM_CLOSE_CANCEL;
}

const char *
terrarium_close_get_name (TerrariumClose answer)
{
  return close_names[answer];
}

typedef struct CloseQuestion {
  GtkWindow *parent;
  GtkCheckButton *remember; // the dialog's
  void (*answered) (GtkWindow *parent, TerrariumClose answer, bool remember);
} CloseQuestion;

static void
close_response_cb (CloseQuestion *question, const char *response)
{
  question->answered (question->parent, terrarium_close_from_name (response),
                      gtk_check_button_get_active (question->remember));
}

static void
add_close_responses (AdwMessageDialog *dialog, const TerrariumCloseChoice *choice)
{
  const char *suggested = choice->save ? "save" : choice->keep ? "keep" : "shut-down";

  adw_message_dialog_add_response (dialog, "ask", _ ("_Cancel"));
  adw_message_dialog_add_response (dialog, "force-off", _ ("_Force Off"));
  adw_message_dialog_add_response (dialog, "shut-down", _ ("_Shut Down"));
  if (choice->keep)
    adw_message_dialog_add_response (dialog, "keep", _ ("_Keep Running"));
  if (choice->save)
    adw_message_dialog_add_response (dialog, "save", _ ("_Save State"));
  adw_message_dialog_set_response_appearance (dialog, "force-off", ADW_RESPONSE_DESTRUCTIVE);
  adw_message_dialog_set_response_appearance (dialog, suggested, ADW_RESPONSE_SUGGESTED);
  adw_message_dialog_set_default_response (dialog, suggested);
  adw_message_dialog_set_close_response (dialog, "ask");
}

void
terrarium_ask_close (GtkWindow *parent, const TerrariumCloseChoice *choice,
                     void (*answered) (GtkWindow *parent, TerrariumClose answer, bool remember))
{
  CloseQuestion *question = g_new0 (CloseQuestion, 1);
  g_autofree char *heading = g_strdup_printf (
      ngettext ("A machine is running", "%u machines are running", choice->n_running),
      choice->n_running);
  GtkWidget *widget = adw_message_dialog_new (parent, heading, NULL);
  AdwMessageDialog *dialog = ADW_MESSAGE_DIALOG (widget);
  GtkWidget *remember =
      gtk_check_button_new_with_mnemonic (_ ("_Do this whenever the window closes"));

  *question = (CloseQuestion){parent, GTK_CHECK_BUTTON (remember), answered};
  adw_message_dialog_set_body (
      dialog, choice->save
                  ? _ ("What should become of it when the window closes? Saved, it goes on "
                       "later from where it is now.")
                  : _ ("What should become of it when the window closes?"));
  gtk_widget_set_halign (remember, GTK_ALIGN_CENTER);
  gtk_accessible_update_property (GTK_ACCESSIBLE (remember), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Do this whenever the window closes"), -1);
  adw_message_dialog_set_extra_child (dialog, remember);
  gtk_widget_set_visible (remember, choice->n_running == 1 && choice->save);
  add_close_responses (dialog, choice);
  g_signal_connect_data (dialog, "response", G_CALLBACK (close_response_cb), question,
                         (GClosureNotify) (void (*) (void)) g_free, G_CONNECT_SWAPPED);
  gtk_window_present (GTK_WINDOW (dialog));
}
