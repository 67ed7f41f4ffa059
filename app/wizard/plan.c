// SPDX-License-Identifier: GPL-3.0-or-later
// From the wizard's entries to a configuration and its description. Main thread.
#include <glib/gi18n.h>

#include "app/model/sample.h"
#include "app/wizard/sizes.h"
#include "app/wizard/wizard-private.h"

char *
wizard_dup_entry (AdwEntryRow *row)
{
  char *text = g_strstrip (g_strdup (gtk_editable_get_text (GTK_EDITABLE (row))));

  if (*text)
    return text;
  g_free (text);
  return NULL;
}

// ---------------------------------------------------------------------------------------------
// Configuration

static void
set_text (char **field, char *text)
{
  g_free (*field);
  *field = text;
}

static void
use_sample (TerrariumWizard *wizard, VmConfig *config)
{
  bool text = adw_combo_row_get_selected (wizard->installer_row) == 1;
  SampleKind kind = text ? SAMPLE_TEXT : SAMPLE_GRAPHICAL;

  sample_find (kind, &config->kernel, &config->initrd);
  set_text (&config->cmdline, g_strdup (sample_get_cmdline (kind)));
  config->display = !text;
}

static void
use_kernel (TerrariumWizard *wizard, VmConfig *config)
{
  set_text (&config->kernel, wizard_dup_entry (wizard->kernel_row));
  set_text (&config->initrd, wizard_dup_entry (wizard->initrd_row));
  set_text (&config->cmdline, wizard_dup_entry (wizard->cmdline_row));
  config->display = gtk_switch_get_active (wizard->display_switch);
}

static void
use_files (TerrariumWizard *wizard, VmConfig *config)
{
  g_autofree char *disk = wizard_dup_entry (wizard->disk_row);

  use_kernel (wizard, config);
  if (disk)
    vm_config_add_disk (config, disk, false)->format = wizard->disk_format;
}

// A disc that firmware finds its loader on only when it looks at it as a disk, like a stick's.
static bool
is_stick (const Medium *medium)
{
  return medium->kind == MEDIUM_DISC && !(medium->disc_loaders & MEDIUM_AARCH64) &&
         (medium->disk_loaders & MEDIUM_AARCH64);
}

static void
add_image (VmConfig *config, const Medium *medium)
{
  if (is_stick (medium))
    vm_config_add_disk (config, medium->path, true)->bus = VM_DISK_USB;
  else if (medium->kind == MEDIUM_DISC)
    vm_config_add_cdrom (config, medium->path);
  else
    vm_config_add_disk (config, medium->path, false)->format = medium->format;
}

// The new disk comes first, so that what was installed starts; while it is empty, the disc does.
static void
use_image (TerrariumWizard *wizard, VmConfig *config)
{
  static const char *const disk_drive[] = {"disk0", "disk1", NULL};
  static const char *const stick_disk[] = {"disk1", "disk0", NULL};
  const Medium *medium = wizard->look->medium;

  if (wizard_uses_firmware (wizard)) {
    set_text (&config->firmware, g_strdup ("uefi"));
    config->display = true;
    if (medium->kind == MEDIUM_DISC)
      config->boot_order = g_strdupv ((char **) (is_stick (medium) ? stick_disk : disk_drive));
  } else {
    use_kernel (wizard, config);
  }
  add_image (config, medium);
}

VmConfig *
wizard_make_config (TerrariumWizard *wizard)
{
  VmConfig *config = vm_config_new (VM_ARCH_AARCH64);

  if (wizard->source == WIZARD_SOURCE_SAMPLE)
    use_sample (wizard, config);
  else if (wizard->source == WIZARD_SOURCE_KERNEL)
    use_files (wizard, config);
  else if (wizard->look)
    use_image (wizard, config);
  char *name = wizard_dup_entry (wizard->name_row);
  set_text (&config->name, name ? name : g_strdup (wizard->suggested_name));
  config->memory_bytes = wizard_get_memory_bytes (wizard);
  config->cpus = wizard_get_cpus (wizard);
  return config;
}

static bool
is_disk (TerrariumWizard *wizard)
{
  return wizard->source == WIZARD_SOURCE_IMAGE && wizard->look &&
         wizard->look->medium->kind == MEDIUM_DISK;
}

uint64_t
wizard_get_new_disk_bytes (TerrariumWizard *wizard)
{
  if (wizard->source == WIZARD_SOURCE_KERNEL || is_disk (wizard))
    return 0;
  return wizard_get_disk_bytes (wizard);
}

uint64_t
wizard_get_grow_bytes (TerrariumWizard *wizard)
{
  uint64_t bytes = wizard_get_disk_bytes (wizard);

  return is_disk (wizard) && !wizard_get_disks_in_place (wizard) &&
                 bytes > wizard->look->medium->size_bytes
             ? bytes
             : 0;
}

bool
wizard_get_disks_in_place (TerrariumWizard *wizard)
{
  if (wizard->source == WIZARD_SOURCE_IMAGE)
    return wizard->look &&
           (is_stick (wizard->look->medium) ||
            (is_disk (wizard) && vm_image_format_can_write (wizard->look->medium->format) &&
             gtk_switch_get_active (wizard->image_in_place_switch)));
  return wizard->source == WIZARD_SOURCE_KERNEL && gtk_switch_get_active (wizard->in_place_switch);
}

// ---------------------------------------------------------------------------------------------
// Review

static char *
describe_disk (TerrariumWizard *wizard)
{
  uint64_t new_bytes = wizard_get_new_disk_bytes (wizard);
  uint64_t grow_bytes = wizard_get_grow_bytes (wizard);

  if (new_bytes == 0 && grow_bytes == 0)
    return NULL;
  g_autofree char *size = sizes_format (new_bytes > 0 ? new_bytes : grow_bytes);
  return g_strdup_printf (
      new_bytes > 0 ? _ ("an empty disk of %s") : _ ("the disk made larger, to %s"), size);
}

// What stays where it is.
static char *
describe_rest (TerrariumWizard *wizard)
{
  const WizardLook *look = wizard->source == WIZARD_SOURCE_IMAGE ? wizard->look : NULL;

  if (look && look->medium->kind == MEDIUM_DISC)
    return g_strdup_printf (_ ("“%s” stays where it is and is only read"), look->medium->path);
  if (look && wizard_get_disks_in_place (wizard))
    return g_strdup_printf (_ ("“%s” stays where it is and is changed"), look->medium->path);
  if (look && !vm_image_format_can_write (look->medium->format))
    return g_strdup_printf (_ ("“%s” is converted to qcow2 and stays as it is"),
                            look->medium->path);
  return NULL;
}

static char *
describe_files (TerrariumWizard *wizard)
{
  g_autofree char *root = bundle_dup_root ();
  g_autofree char *size = g_format_size (wizard->copy_bytes);
  g_autofree char *disk = describe_disk (wizard);
  g_autofree char *rest = describe_rest (wizard);
  GString *text = g_string_new (NULL);

  if (wizard->copy_bytes > 0)
    g_string_append_printf (text, _ ("A folder in %s with copies of the files (%s)"), root, size);
  else
    g_string_append_printf (text, _ ("A folder in %s"), root);
  if (disk)
    g_string_append_printf (text, ", %s", disk);
  if (rest)
    g_string_append_printf (text, "\n%s", rest);
  return g_string_free (text, FALSE);
}

static const char *
get_speed (TerrariumWizard *wizard)
{
  bool installs = wizard->source == WIZARD_SOURCE_IMAGE && wizard->look &&
                  wizard->look->medium->kind == MEDIUM_DISC;

  return installs
             ? _ ("ARM instructions are emulated, so it is many times slower than this computer: "
                  "starting takes minutes, installing a system an hour or more")
             : _ ("Every instruction is emulated, so it is many times slower than this computer; "
                  "starting a system takes minutes");
}

void
wizard_update_review (TerrariumWizard *wizard)
{
  unsigned cpus = wizard_get_cpus (wizard);
  g_autofree char *memory = sizes_format (wizard_get_memory_bytes (wizard));
  g_autofree char *resources =
      g_strdup_printf (ngettext ("ARM, emulated; %u processor, %s of memory",
                                 "ARM, emulated; %u processors, %s of memory", cpus),
                       cpus, memory);
  g_autofree char *files = describe_files (wizard);
  g_autofree char *files_markup = g_markup_escape_text (files, -1);

  adw_action_row_set_subtitle (wizard->resources_summary, resources);
  adw_action_row_set_subtitle (wizard->files_summary, files_markup);
  adw_action_row_set_subtitle (wizard->speed_summary, get_speed (wizard));
}
