// SPDX-License-Identifier: GPL-3.0-or-later
// What the image is that a person has named, and what the System page says of it. A worker looks;
// what it finds counts only if nothing else was asked meanwhile. Main thread.
#include <glib/gi18n.h>

#include "app/wizard/wizard-private.h"

#define TYPING_MS 400

enum {
  START_FIRMWARE,
  START_KERNEL,
};

// ---------------------------------------------------------------------------------------------
// Looking

void
wizard_look_free (WizardLook *look)
{
  if (!look)
    return;
  medium_free (look->medium);
  system_advice_free (look->advice);
  g_free (look->name);
  g_free (look);
}

// Worker.
static void
look_cb (GTask *task, gpointer source, gpointer path, GCancellable *cancellable)
{
  GError *error = NULL;
  Medium *medium = medium_look (path, &error);

  if (!medium) {
    g_task_return_error (task, error);
    return;
  }
  WizardLook *look = g_new0 (WizardLook, 1);
  look->medium = medium;
  look->advice = system_advise (medium);
  look->name = system_suggest_name (medium, look->advice);
  g_task_return_pointer (task, look, (GDestroyNotify) wizard_look_free);
}

static void
looked_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  TerrariumWizard *wizard = TERRARIUM_WIZARD (source);
  g_autoptr (GError) error = NULL;
  WizardLook *look = g_task_propagate_pointer (G_TASK (result), &error);

  // Another file was named since, or the wizard is closed.
  if (g_cancellable_is_cancelled (g_task_get_cancellable (G_TASK (result)))) {
    wizard_look_free (look);
    return;
  }
  g_clear_object (&wizard->looking);
  wizard->look = look;
  wizard->look_error = error ? g_strdup (error->message) : NULL;
  wizard_image_known (wizard);
}

void
wizard_stop_looking (TerrariumWizard *wizard)
{
  g_clear_handle_id (&wizard->look_timer, g_source_remove);
  g_cancellable_cancel (wizard->looking);
  g_clear_object (&wizard->looking);
  g_clear_pointer (&wizard->look, wizard_look_free);
  g_clear_pointer (&wizard->look_error, g_free);
}

void
wizard_look (TerrariumWizard *wizard)
{
  g_autofree char *path = wizard_dup_entry (wizard->image_row);

  wizard_stop_looking (wizard);
  if (path) {
    wizard->looking = g_cancellable_new ();
    g_autoptr (GTask) task = g_task_new (wizard, wizard->looking, looked_cb, NULL);
    g_task_set_check_cancellable (task, FALSE);
    g_task_set_task_data (task, g_steal_pointer (&path), g_free);
    g_task_run_in_thread (task, look_cb);
  }
  wizard_update_image (wizard);
}

static gboolean
typed_cb (gpointer user_data)
{
  TerrariumWizard *wizard = user_data;

  wizard->look_timer = 0;
  wizard_look (wizard);
  return G_SOURCE_REMOVE;
}

void
wizard_look_soon (TerrariumWizard *wizard)
{
  wizard_stop_looking (wizard);
  wizard->look_timer = g_timeout_add (TYPING_MS, typed_cb, wizard);
  wizard_update_image (wizard);
}

// ---------------------------------------------------------------------------------------------
// What is said of it

static const char *
get_kind (const Medium *medium)
{
  switch (medium->format) {
  case VM_IMAGE_QCOW2:
    return _ ("Disk image (qcow2)");
  case VM_IMAGE_VDI:
    return _ ("Disk image of VirtualBox (VDI)");
  case VM_IMAGE_VMDK:
    return _ ("Disk image of VMware (VMDK)");
  case VM_IMAGE_VHDX:
    return _ ("Disk image of Hyper-V (VHDX)");
  default:
    return medium->kind == MEDIUM_DISC ? _ ("CD or DVD") : _ ("Disk image");
  }
}

static char *
describe_start (const Medium *medium)
{
  g_autofree char *loaders = medium_describe_loaders (medium->disc_loaders | medium->disk_loaders);

  if (loaders)
    return g_strdup_printf (_ ("starts by UEFI: %s"), loaders);
  if (medium->bios)
    return g_strdup (_ ("starts computers with a BIOS only"));
  return g_strdup (medium->table == MEDIUM_NO_TABLE && medium->kind == MEDIUM_DISK
                       ? _ ("has no partitions")
                       : _ ("nothing to start from was found on it"));
}

static void
set_row (AdwActionRow *row, const char *title, const char *subtitle)
{
  g_autofree char *title_markup = g_markup_escape_text (title, -1);
  g_autofree char *markup = g_markup_escape_text (subtitle, -1);

  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), title_markup);
  adw_action_row_set_subtitle (row, markup);
}

static void
describe (TerrariumWizard *wizard)
{
  const Medium *medium = wizard->look->medium;
  g_autofree char *size = g_format_size (medium->size_bytes);
  g_autofree char *start = describe_start (medium);
  g_autofree char *text = g_strdup_printf ("%s · %s · %s", get_kind (medium), size, start);

  set_row (wizard->found_row, wizard->look->name, text);
}

// What is there for other processors tells why it does not start, and what to look for.
static void
describe_problem (TerrariumWizard *wizard)
{
  const Medium *medium = wizard->look->medium;
  bool foreign = (medium->disc_loaders | medium->disk_loaders) != 0 || medium->bios;

  set_row (wizard->problem_row,
           foreign ? _ ("This is not for ARM processors") : _ ("No loader for ARM was found"),
           foreign ? _ ("Machines here have ARM processors. Look for the edition called arm64 or "
                        "aarch64. Otherwise start it with a Linux kernel for ARM.")
                   : _ ("It may be a disk of data, or one that needs a Linux kernel to start. With "
                        "UEFI the machine may find nothing to start."));
}

bool
wizard_uses_firmware (TerrariumWizard *wizard)
{
  return wizard->source == WIZARD_SOURCE_IMAGE &&
         adw_combo_row_get_selected (wizard->start_row) == START_FIRMWARE;
}

static bool
can_stay_in_place (TerrariumWizard *wizard)
{
  const Medium *medium = wizard->look ? wizard->look->medium : NULL;

  return medium && medium->kind == MEDIUM_DISK && vm_image_format_can_write (medium->format);
}

void
wizard_update_image (TerrariumWizard *wizard)
{
  bool looking = wizard->looking || wizard->look_timer;
  bool image = wizard->source == WIZARD_SOURCE_IMAGE;
  bool problem = wizard->look && !medium_starts_arm (wizard->look->medium);

  if (wizard->look)
    describe (wizard);
  else
    set_row (wizard->found_row, looking ? _ ("Looking into the file…") : _ ("No image yet"),
             looking ? "" : _ ("An ISO of a CD or DVD, or a disk: raw, qcow2, VDI, VMDK or VHDX"));
  if (problem)
    describe_problem (wizard);
  gtk_spinner_set_spinning (wizard->spinner, looking);
  gtk_widget_set_visible (GTK_WIDGET (wizard->spinner), looking);
  gtk_widget_set_visible (GTK_WIDGET (wizard->problem_row), problem);
  gtk_widget_set_visible (GTK_WIDGET (wizard->start_row), wizard->look != NULL);
  gtk_widget_set_visible (wizard->image_in_place_row, can_stay_in_place (wizard));
  gtk_widget_set_visible (wizard->image_group, image);
  gtk_widget_set_visible (wizard->files_group,
                          wizard->source == WIZARD_SOURCE_KERNEL ||
                              (image && wizard->look && !wizard_uses_firmware (wizard)));
  gtk_widget_set_visible (GTK_WIDGET (wizard->disk_row), !image);
  gtk_widget_set_visible (wizard->in_place_row, !image);
}
