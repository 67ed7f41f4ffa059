// SPDX-License-Identifier: GPL-3.0-or-later
// From the wizard's entries to a configuration and its description. Main thread.
#include <glib/gi18n.h>
#include <sys/stat.h>

#include "app/model/sample.h"
#include "app/wizard/sizes.h"
#include "app/wizard/wizard-private.h"

#define RECOMMENDED_MEMORY_STEP 4 // 1 GiB
#define RECOMMENDED_DISK_STEP   2 // 8 GiB
#define LARGEST_DISK_BYTES      ((uint64_t) 256 << 30)
#define MAX_CPUS                8

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
// Files

// The file it is based on would not come along; whether it may be read at all is not asked here.
static bool
check_qcow2 (const char *path, GError **error)
{
  g_autoptr (VmImageInfo) info = vm_image_get_info (path, VM_IMAGE_QCOW2, error);
  g_autofree char *name = g_filename_display_name (path);

  if (info == NULL)
    return false;
  if (info->backing == NULL)
    return true;
  g_set_error (error, VM_CONFIG_ERROR, VM_CONFIG_ERROR_FILE,
               _ ("“%s” is based on another image, “%s”; convert it to an image of its own."), name,
               info->backing);
  return false;
}

static bool
check_kind (const char *path, VmFileKind wanted, GError **error)
{
  VmFileKind kind;
  g_autofree char *name = g_filename_display_name (path);

  if (!vm_file_probe (path, &kind, error))
    return false;
  if (kind == VM_FILE_QCOW2_DISK && wanted == VM_FILE_RAW_DISK)
    return check_qcow2 (path, error);
  if (kind == wanted)
    return true;
  g_set_error (error, VM_CONFIG_ERROR, VM_CONFIG_ERROR_FILE,
               wanted == VM_FILE_RAW_DISK
                   ? _ ("“%s” is a kernel, not a disk image; choose another file.")
                   : _ ("“%s” is a disk image, not a kernel; choose a Linux kernel for ARM."),
               name);
  return false;
}

static bool
check_initrd (const char *path, GError **error)
{
  struct stat status;
  g_autofree char *name = g_filename_display_name (path);

  if (stat (path, &status) == 0 && S_ISREG (status.st_mode) && status.st_size > 0)
    return true;
  g_set_error (error, VM_CONFIG_ERROR, VM_CONFIG_ERROR_FILE,
               _ ("“%s” is not there, empty or not a file; choose another initrd."), name);
  return false;
}

bool
wizard_check_files (TerrariumWizard *wizard, AdwEntryRow **row, GError **error)
{
  g_autofree char *kernel = wizard_dup_entry (wizard->kernel_row);
  g_autofree char *initrd = wizard_dup_entry (wizard->initrd_row);
  g_autofree char *disk = wizard_dup_entry (wizard->disk_row);

  if (wizard->source == WIZARD_SOURCE_SAMPLE)
    return true;
  *row = wizard->disk_row;
  if (disk ? !check_kind (disk, VM_FILE_RAW_DISK, error) : wizard->source == WIZARD_SOURCE_DISK) {
    if (!disk)
      g_set_error (error, VM_CONFIG_ERROR, VM_CONFIG_ERROR_FIELD,
                   _ ("No disk image is chosen; choose a raw disk image."));
    return false;
  }
  *row = wizard->kernel_row;
  if (!kernel) {
    g_set_error (error, VM_CONFIG_ERROR, VM_CONFIG_ERROR_FIELD,
                 _ ("No kernel is chosen; choose a Linux kernel for ARM (arm64)."));
    return false;
  }
  if (!check_kind (kernel, VM_FILE_KERNEL_AARCH64, error))
    return false;
  *row = wizard->initrd_row;
  return !initrd || check_initrd (initrd, error);
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
use_files (TerrariumWizard *wizard, VmConfig *config)
{
  g_autofree char *disk = wizard_dup_entry (wizard->disk_row);

  set_text (&config->kernel, wizard_dup_entry (wizard->kernel_row));
  set_text (&config->initrd, wizard_dup_entry (wizard->initrd_row));
  set_text (&config->cmdline, wizard_dup_entry (wizard->cmdline_row));
  config->display = gtk_switch_get_active (wizard->display_switch);
  VmFileKind kind;

  // What it looks like now, before any guest has written to it, is what it is.
  if (disk)
    vm_config_add_disk (config, disk, false)->format =
        vm_file_probe (disk, &kind, NULL) && kind == VM_FILE_QCOW2_DISK ? VM_IMAGE_QCOW2
                                                                        : VM_IMAGE_RAW;
}

static unsigned
get_step (GtkScale *scale)
{
  return (unsigned) gtk_range_get_value (GTK_RANGE (scale));
}

VmConfig *
wizard_make_config (TerrariumWizard *wizard)
{
  VmConfig *config = vm_config_new (VM_ARCH_AARCH64);

  if (wizard->source == WIZARD_SOURCE_SAMPLE)
    use_sample (wizard, config);
  else
    use_files (wizard, config);
  char *name = wizard_dup_entry (wizard->name_row);
  set_text (&config->name, name ? name : g_strdup (wizard->suggested_name));
  config->memory_bytes = sizes_at (WIZARD_FIRST_MEMORY_BYTES, get_step (wizard->memory_scale));
  config->cpus = get_step (wizard->cpus_scale);
  return config;
}

uint64_t
wizard_get_new_disk_bytes (TerrariumWizard *wizard)
{
  if (wizard->source != WIZARD_SOURCE_SAMPLE)
    return 0;
  return sizes_at (WIZARD_FIRST_DISK_BYTES, get_step (wizard->disk_size_scale));
}

bool
wizard_get_disks_in_place (TerrariumWizard *wizard)
{
  return wizard->source != WIZARD_SOURCE_SAMPLE && gtk_switch_get_active (wizard->in_place_switch);
}

// ---------------------------------------------------------------------------------------------
// Resources

static char *
format_memory_cb (GtkScale *scale, double value, gpointer user_data)
{
  return sizes_format (sizes_at (WIZARD_FIRST_MEMORY_BYTES, (unsigned) value));
}

static char *
format_disk_cb (GtkScale *scale, double value, gpointer user_data)
{
  return sizes_format (sizes_at (WIZARD_FIRST_DISK_BYTES, (unsigned) value));
}

static char *
format_cpus_cb (GtkScale *scale, double value, gpointer user_data)
{
  return g_strdup_printf ("%u", (unsigned) value);
}

typedef char *(*FormatFunc) (GtkScale *, double, gpointer);

// A screen reader is told the size, not the step.
static void
value_changed_cb (GtkScale *scale, gpointer user_data)
{
  FormatFunc format = (FormatFunc) user_data;
  g_autofree char *text = format (scale, gtk_range_get_value (GTK_RANGE (scale)), NULL);

  gtk_accessible_update_property (GTK_ACCESSIBLE (scale), GTK_ACCESSIBLE_PROPERTY_VALUE_TEXT, text,
                                  -1);
}

static void
init_scale (GtkScale *scale, unsigned first, unsigned last, unsigned recommended, FormatFunc format)
{
  GtkAdjustment *adjustment = gtk_adjustment_new (first, first, MAX (first, last), 1, 1, 0);

  gtk_range_set_adjustment (GTK_RANGE (scale), adjustment);
  gtk_scale_set_format_value_func (scale, format, NULL, NULL);
  g_signal_connect (scale, "value-changed", G_CALLBACK (value_changed_cb), (gpointer) format);
  if (recommended <= last)
    gtk_scale_add_mark (scale, recommended, GTK_POS_BOTTOM, NULL);
  gtk_range_set_value (GTK_RANGE (scale), MIN (recommended, last));
  value_changed_cb (scale, (gpointer) format);
}

void
wizard_init_resources (TerrariumWizard *wizard)
{
  uint64_t host_bytes = vm_host_get_memory_bytes ();
  unsigned host_cpus = vm_host_get_cpus ();
  g_autofree char *memory = sizes_format (host_bytes);
  g_autofree char *memory_text =
      g_strdup_printf (_ ("Recommended: %s; this computer has %s"), "1 GiB", memory);
  g_autofree char *cpus_text =
      g_strdup_printf (_ ("Recommended: %u; this computer has %u"), 1, host_cpus);

  adw_action_row_set_subtitle (wizard->memory_row, memory_text);
  adw_action_row_set_subtitle (wizard->cpus_row, cpus_text);
  init_scale (wizard->memory_scale, 0, sizes_last_step (WIZARD_FIRST_MEMORY_BYTES, host_bytes),
              RECOMMENDED_MEMORY_STEP, format_memory_cb);
  init_scale (wizard->cpus_scale, 1, CLAMP (host_cpus, 1, MAX_CPUS), 1, format_cpus_cb);
  init_scale (wizard->disk_size_scale, 0,
              sizes_last_step (WIZARD_FIRST_DISK_BYTES, LARGEST_DISK_BYTES), RECOMMENDED_DISK_STEP,
              format_disk_cb);
}

// ---------------------------------------------------------------------------------------------
// Review

static uint64_t
get_file_bytes (const char *path)
{
  struct stat status;

  return path && stat (path, &status) == 0 ? (uint64_t) status.st_size : 0;
}

static char *
describe_files (TerrariumWizard *wizard, const VmConfig *config)
{
  uint64_t new_disk_bytes = wizard_get_new_disk_bytes (wizard);
  uint64_t copied = get_file_bytes (config->kernel) + get_file_bytes (config->initrd);
  g_autofree char *root = bundle_dup_root ();

  for (unsigned i = 0; i < config->disks->len && !wizard_get_disks_in_place (wizard); i++)
    copied += get_file_bytes (((VmDiskConfig *) config->disks->pdata[i])->path);
  g_autofree char *size = g_format_size (copied);
  g_autofree char *text =
      g_strdup_printf (_ ("A folder in %s with copies of the files (%s)"), root, size);
  if (new_disk_bytes == 0)
    return g_steal_pointer (&text);
  g_autofree char *disk = sizes_format (new_disk_bytes);
  g_autofree char *disk_text = g_strdup_printf (_ ("an empty disk of %s"), disk);
  return g_strdup_printf ("%s, %s", text, disk_text);
}

void
wizard_update_review (TerrariumWizard *wizard)
{
  g_autoptr (VmConfig) config = wizard_make_config (wizard);
  g_autofree char *memory = sizes_format (config->memory_bytes);
  g_autofree char *resources =
      g_strdup_printf (ngettext ("ARM, emulated; %u processor, %s of memory",
                                 "ARM, emulated; %u processors, %s of memory", config->cpus),
                       config->cpus, memory);
  g_autofree char *files = describe_files (wizard, config);
  g_autofree char *files_markup = g_markup_escape_text (files, -1);

  adw_action_row_set_subtitle (wizard->resources_summary, resources);
  adw_action_row_set_subtitle (wizard->files_summary, files_markup);
  adw_action_row_set_subtitle (
      wizard->speed_summary,
      _ ("Every instruction is emulated, so it is many times slower than this computer; starting a "
         "system takes minutes"));
}
