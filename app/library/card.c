// SPDX-License-Identifier: GPL-3.0-or-later
// TerrariumCard: picture, name and state of one machine, and what can be done with it from the
// library. Main thread.
#include "app/library/card.h"

#include <glib/gi18n.h>

#include "app/model/machine-change.h"
#include "app/settings/settings.h"
#include "app/widgets/dialogs.h"

struct _TerrariumCard {
  GtkFlowBoxChild parent;

  TerrariumMachine *machine;
  GtkButton *button;
  GtkStack *picture_stack;
  GtkImage *icon;
  GtkPicture *picture;
  GtkLabel *name, *subtitle, *status, *problem;
  GtkProgressBar *progress;
  GtkMenuButton *menu_button;
  GtkButton *cancel_button;
};

G_DEFINE_FINAL_TYPE (TerrariumCard, terrarium_card, GTK_TYPE_FLOW_BOX_CHILD)

static void
activate_for_folder (TerrariumCard *card, const char *action)
{
  Bundle *bundle = terrarium_machine_get_bundle (card->machine);

  if (!bundle)
    return;
  g_autofree char *folder = g_path_get_basename (bundle->path);
  gtk_widget_activate_action (GTK_WIDGET (card), action, "s", folder);
}

static void
open_action (GtkWidget *widget, const char *action, GVariant *parameter)
{
  activate_for_folder (TERRARIUM_CARD (widget), "win.open-machine");
}

static void
delete_action (GtkWidget *widget, const char *action, GVariant *parameter)
{
  activate_for_folder (TERRARIUM_CARD (widget), "win.delete-machine");
}

static void
duplicate_action (GtkWidget *widget, const char *action, GVariant *parameter)
{
  activate_for_folder (TERRARIUM_CARD (widget), "win.duplicate-machine");
}

static void
clone_action (GtkWidget *widget, const char *action, GVariant *parameter)
{
  activate_for_folder (TERRARIUM_CARD (widget), "win.clone-machine");
}

static void
settings_action (GtkWidget *widget, const char *action, GVariant *parameter)
{
  terrarium_show_settings (GTK_WINDOW (gtk_widget_get_root (widget)),
                           TERRARIUM_CARD (widget)->machine);
}

static void
shut_down_action (GtkWidget *widget, const char *action, GVariant *parameter)
{
  terrarium_machine_perform (TERRARIUM_CARD (widget)->machine, VM_OP_POWER_BUTTON);
}

static void
force_off_action (GtkWidget *widget, const char *action, GVariant *parameter)
{
  terrarium_confirm_force_off (GTK_WINDOW (gtk_widget_get_root (widget)),
                               TERRARIUM_CARD (widget)->machine);
}

static void
save_action (GtkWidget *widget, const char *action, GVariant *parameter)
{
  terrarium_machine_save (TERRARIUM_CARD (widget)->machine);
}

static void
discard_action (GtkWidget *widget, const char *action, GVariant *parameter)
{
  terrarium_confirm_discard (GTK_WINDOW (gtk_widget_get_root (widget)),
                             TERRARIUM_CARD (widget)->machine);
}

static void
cancel_action (GtkWidget *widget, const char *action, GVariant *parameter)
{
  TerrariumMachine *machine = TERRARIUM_CARD (widget)->machine;

  if (terrarium_machine_is_creating (machine))
    terrarium_machine_cancel_creating (machine);
  else
    terrarium_machine_cancel_saving (machine);
}

// Of its creation, or of saving it.
static void
update_progress (TerrariumCard *card)
{
  double progress = terrarium_machine_get_progress (card->machine);
  bool creating = terrarium_machine_is_creating (card->machine);
  bool saving = progress >= 0 && terrarium_machine_get_vm (card->machine) != NULL;
  const char *label = creating ? _ ("Cancel the creation") : _ ("Cancel saving");

  gtk_progress_bar_set_fraction (card->progress, MAX (progress, 0));
  gtk_widget_set_visible (GTK_WIDGET (card->progress), progress >= 0);
  gtk_widget_set_tooltip_text (GTK_WIDGET (card->cancel_button), label);
  gtk_accessible_update_property (GTK_ACCESSIBLE (card->cancel_button),
                                  GTK_ACCESSIBLE_PROPERTY_LABEL, label, -1);
  gtk_widget_set_visible (GTK_WIDGET (card->cancel_button), creating || saving);
  gtk_widget_set_visible (GTK_WIDGET (card->menu_button), !creating && !saving);
  gtk_widget_action_set_enabled (GTK_WIDGET (card), "card.cancel",
                                 creating || terrarium_machine_can_cancel_saving (card->machine));
}

static void
update_state (TerrariumCard *card)
{
  TerrariumMachine *machine = card->machine;
  bool creating = terrarium_machine_is_creating (machine);
  bool running = terrarium_machine_get_vm (machine) != NULL;
  const char *problem = terrarium_machine_get_problem (machine);
  bool can_be_copied = !creating && !problem && terrarium_machine_can_change (machine, NULL);
  g_autofree char *label = g_strdup_printf ("%s, %s", terrarium_machine_get_name (machine),
                                            terrarium_machine_get_status (machine));
  g_autofree char *menu_label =
      g_strdup_printf (_ ("Menu of %s"), terrarium_machine_get_name (machine));
  GtkWidget *widget = GTK_WIDGET (card);

  gtk_label_set_text (card->name, terrarium_machine_get_name (machine));
  gtk_label_set_text (card->subtitle, terrarium_machine_get_subtitle (machine));
  gtk_label_set_text (card->status, terrarium_machine_get_status (machine));
  gtk_label_set_text (card->problem, problem ? problem : "");
  gtk_widget_set_visible (GTK_WIDGET (card->problem), problem != NULL);
  gtk_widget_set_tooltip_text (GTK_WIDGET (card->problem), problem);
  gtk_widget_set_visible (GTK_WIDGET (card->subtitle), problem == NULL);
  update_progress (card);
  gtk_image_set_from_icon_name (card->icon,
                                problem ? "dialog-warning-symbolic" : "computer-symbolic");
  gtk_accessible_update_property (GTK_ACCESSIBLE (card->button), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  label, -1);
  gtk_accessible_update_property (GTK_ACCESSIBLE (card->menu_button), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  menu_label, -1);
  if (running)
    gtk_widget_add_css_class (GTK_WIDGET (card->status), "accent");
  else
    gtk_widget_remove_css_class (GTK_WIDGET (card->status), "accent");

  gtk_widget_action_set_enabled (widget, "card.open", !creating);
  gtk_widget_action_set_enabled (widget, "card.delete", !creating && !running);
  gtk_widget_action_set_enabled (widget, "card.settings", !creating && !problem);
  gtk_widget_action_set_enabled (widget, "card.duplicate", can_be_copied);
  gtk_widget_action_set_enabled (widget, "card.clone", can_be_copied);
  gtk_widget_action_set_enabled (widget, "card.save", terrarium_machine_can_save (machine));
  gtk_widget_action_set_enabled (widget, "card.discard",
                                 terrarium_machine_get_saved (machine, NULL) != SAVED_NONE);
  gtk_widget_action_set_enabled (widget, "card.shut-down",
                                 terrarium_machine_can (machine, VM_OP_POWER_BUTTON));
  gtk_widget_action_set_enabled (widget, "card.force-off",
                                 terrarium_machine_can (machine, VM_OP_FORCE_STOP));
}

static void
update_thumbnail (TerrariumCard *card)
{
  GdkTexture *texture = terrarium_machine_get_thumbnail (card->machine);

  gtk_picture_set_paintable (card->picture, GDK_PAINTABLE (texture));
  gtk_stack_set_visible_child (card->picture_stack,
                               texture ? GTK_WIDGET (card->picture) : GTK_WIDGET (card->icon));
}

// What the viewer does not show because it is not there to be seen.
static void
failed_cb (TerrariumCard *card, const char *message)
{
  if (gtk_widget_get_mapped (GTK_WIDGET (card)))
    gtk_widget_activate_action (GTK_WIDGET (card), "win.notify", "s", message);
}

static void
secondary_click_cb (TerrariumCard *card)
{
  gtk_menu_button_popup (card->menu_button);
}

static gboolean
menu_key_cb (GtkWidget *widget, GVariant *arguments, gpointer user_data)
{
  secondary_click_cb (TERRARIUM_CARD (widget));
  return TRUE;
}

static void
terrarium_card_dispose (GObject *object)
{
  TerrariumCard *card = TERRARIUM_CARD (object);

  if (card->machine)
    g_signal_handlers_disconnect_by_data (card->machine, card);
  g_clear_object (&card->machine);
  G_OBJECT_CLASS (terrarium_card_parent_class)->dispose (object);
}

static void
terrarium_card_class_init (TerrariumCardClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = terrarium_card_dispose;
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/io/github/terrarium_vm/Terrarium/card.ui");
  gtk_widget_class_bind_template_child (widget_class, TerrariumCard, button);
  gtk_widget_class_bind_template_child (widget_class, TerrariumCard, picture_stack);
  gtk_widget_class_bind_template_child (widget_class, TerrariumCard, icon);
  gtk_widget_class_bind_template_child (widget_class, TerrariumCard, picture);
  gtk_widget_class_bind_template_child (widget_class, TerrariumCard, name);
  gtk_widget_class_bind_template_child (widget_class, TerrariumCard, subtitle);
  gtk_widget_class_bind_template_child (widget_class, TerrariumCard, status);
  gtk_widget_class_bind_template_child (widget_class, TerrariumCard, problem);
  gtk_widget_class_bind_template_child (widget_class, TerrariumCard, progress);
  gtk_widget_class_bind_template_child (widget_class, TerrariumCard, menu_button);
  gtk_widget_class_bind_template_child (widget_class, TerrariumCard, cancel_button);
  gtk_widget_class_install_action (widget_class, "card.open", NULL, open_action);
  gtk_widget_class_install_action (widget_class, "card.delete", NULL, delete_action);
  gtk_widget_class_install_action (widget_class, "card.duplicate", NULL, duplicate_action);
  gtk_widget_class_install_action (widget_class, "card.clone", NULL, clone_action);
  gtk_widget_class_install_action (widget_class, "card.settings", NULL, settings_action);
  gtk_widget_class_install_action (widget_class, "card.shut-down", NULL, shut_down_action);
  gtk_widget_class_install_action (widget_class, "card.force-off", NULL, force_off_action);
  gtk_widget_class_install_action (widget_class, "card.cancel", NULL, cancel_action);
  gtk_widget_class_install_action (widget_class, "card.save", NULL, save_action);
  gtk_widget_class_install_action (widget_class, "card.discard", NULL, discard_action);
  gtk_widget_class_add_binding (widget_class, GDK_KEY_Menu, 0, menu_key_cb, NULL);
  gtk_widget_class_add_binding (widget_class, GDK_KEY_F10, GDK_SHIFT_MASK, menu_key_cb, NULL);
}

static void
terrarium_card_init (TerrariumCard *card)
{
  GtkGesture *click = gtk_gesture_click_new ();

  gtk_widget_init_template (GTK_WIDGET (card));
  gtk_gesture_single_set_button (GTK_GESTURE_SINGLE (click), GDK_BUTTON_SECONDARY);
  g_signal_connect_swapped (click, "pressed", G_CALLBACK (secondary_click_cb), card);
  gtk_widget_add_controller (GTK_WIDGET (card), GTK_EVENT_CONTROLLER (click));
}

GtkWidget *
terrarium_card_new (TerrariumMachine *machine)
{
  TerrariumCard *card = g_object_new (TERRARIUM_TYPE_CARD, NULL);

  card->machine = g_object_ref (machine);
  g_signal_connect_swapped (machine, "notify::status", G_CALLBACK (update_state), card);
  g_signal_connect_swapped (machine, "notify::progress", G_CALLBACK (update_progress), card);
  g_signal_connect_swapped (machine, "notify::thumbnail", G_CALLBACK (update_thumbnail), card);
  g_signal_connect_swapped (machine, "failed", G_CALLBACK (failed_cb), card);
  update_state (card);
  update_progress (card);
  update_thumbnail (card);
  return GTK_WIDGET (card);
}
