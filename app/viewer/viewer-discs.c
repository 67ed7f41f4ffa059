// SPDX-License-Identifier: GPL-3.0-or-later
// The discs of a running machine in the viewer's menu: for each drive an item that inserts one, and one
// that ejects what is there. Main thread.
#include <glib/gi18n.h>

#include "app/viewer/viewer-private.h"
#include "app/widgets/discs.h"

static void
done_cb (GtkWidget *owner, const char *error)
{
  if (error)
    terrarium_viewer_tell (TERRARIUM_VIEWER (owner), error);
}

static void
insert_action (GtkWidget *widget, const char *action, GVariant *parameter)
{
  terrarium_choose_disc (widget, TERRARIUM_VIEWER (widget)->machine,
                         g_variant_get_uint32 (parameter), done_cb);
}

static void
eject_action (GtkWidget *widget, const char *action, GVariant *parameter)
{
  terrarium_change_disc (widget, TERRARIUM_VIEWER (widget)->machine,
                         g_variant_get_uint32 (parameter), NULL, done_cb);
}

void
terrarium_viewer_install_disc_actions (GtkWidgetClass *widget_class)
{
  gtk_widget_class_install_action (widget_class, "viewer.insert-disc", "u", insert_action);
  gtk_widget_class_install_action (widget_class, "viewer.eject-disc", "u", eject_action);
}

static unsigned
count_drives (const VmConfig *config)
{
  unsigned n = 0;

  for (unsigned i = 0; i < config->disks->len; i++)
    n += ((const VmDiskConfig *) config->disks->pdata[i])->cdrom;
  return n;
}

// Takes the label.
static void
append (GMenu *menu, char *take_label, const char *action, unsigned drive)
{
  g_autofree char *label = take_label;
  g_autoptr (GMenuItem) item = g_menu_item_new (label, NULL);

  g_menu_item_set_action_and_target (item, action, "u", drive);
  g_menu_append_item (menu, item);
}

// Drives are counted with the disks, as in the settings. An underscore would be a mnemonic.
static void
append_drive (GMenu *menu, const VmDiskConfig *drive, unsigned index, bool alone)
{
  g_autofree char *name = g_filename_display_basename (drive->path);
  g_auto (GStrv) parts = g_strsplit (name, "_", -1);
  g_autofree char *shown = g_strjoinv ("__", parts);

  append (menu,
          alone ? g_strdup (_ ("Insert a Disc…"))
                : g_strdup_printf (_ ("Insert a Disc into Drive %u…"), index + 1),
          "viewer.insert-disc", index);
  if (drive->path[0] != '\0')
    append (menu, g_strdup_printf (_ ("Eject “%s”"), shown), "viewer.eject-disc", index);
}

// Other than these changes are for the settings, which a machine that is off has.
void
terrarium_viewer_update_discs (TerrariumViewer *viewer)
{
  const VmConfig *config = terrarium_machine_get_running (viewer->machine)
                               ? terrarium_machine_get_config (viewer->machine)
                               : NULL;
  GString *now = g_string_new (NULL);

  for (unsigned i = 0; config && i < config->disks->len; i++) {
    const VmDiskConfig *disk = config->disks->pdata[i];
    if (disk->cdrom)
      g_string_append_printf (now, "%u %s\n", i, disk->path);
  }
  // An open menu is not made anew for nothing.
  if (g_strcmp0 (now->str, viewer->shown_discs) == 0) {
    g_string_free (now, TRUE);
    return;
  }
  g_free (viewer->shown_discs);
  viewer->shown_discs = g_string_free (now, FALSE);
  g_menu_remove_all (viewer->discs_section);
  for (unsigned i = 0; config && i < config->disks->len; i++) {
    const VmDiskConfig *disk = config->disks->pdata[i];
    if (disk->cdrom)
      append_drive (viewer->discs_section, disk, i, count_drives (config) == 1);
  }
}
