// SPDX-License-Identifier: GPL-3.0-or-later
// Whether the files a person has named can be used. A worker opens them: they may be on a disk that
// sleeps or a server that is gone. Main thread but where said.
#include <glib/gi18n.h>
#include <sys/stat.h>

#include "app/wizard/wizard-private.h"

typedef enum {
  AT_NONE,
  AT_KERNEL,
  AT_INITRD,
  AT_DISK,
  AT_IMAGE,
} Fault;

typedef struct Check {
  WizardChecked done;
  VmConfig *config; // to be validated; NULL: the files
  bool need_kernel;
  char *kernel, *initrd, *disk; // NULL: none
  char *image, *backing;        // of a disk: the file it is based on
  bool image_copied;
  // Found out.
  Fault fault;
  uint64_t copy_bytes;
  VmImageFormat disk_format;
} Check;

static void
check_free (Check *check)
{
  vm_config_free (check->config);
  g_free (check->kernel);
  g_free (check->initrd);
  g_free (check->disk);
  g_free (check->image);
  g_free (check->backing);
  g_free (check);
}

// ---------------------------------------------------------------------------------------------
// Worker

// The file it is based on would not come along; whether it may be read at all is not asked here.
static bool
check_backing (const char *path, const char *backing, GError **error)
{
  if (!backing)
    return true;
  g_autofree char *name = g_filename_display_name (path);
  g_set_error (error, VM_CONFIG_ERROR, VM_CONFIG_ERROR_FILE,
               _ ("“%s” is based on another image, “%s”; convert it to an image of its own."), name,
               backing);
  return false;
}

static bool
check_qcow2 (const char *path, GError **error)
{
  g_autoptr (VmImageInfo) info = vm_image_get_info (path, VM_IMAGE_QCOW2, error);

  return info && check_backing (path, info->backing, error);
}

static bool
check_kernel (const char *path, GError **error)
{
  VmFileKind kind;

  if (!vm_file_probe (path, &kind, error))
    return false;
  if (kind == VM_FILE_KERNEL_AARCH64)
    return true;
  g_autofree char *name = g_filename_display_name (path);
  g_set_error (error, VM_CONFIG_ERROR, VM_CONFIG_ERROR_FILE,
               _ ("“%s” is a disk image, not a kernel; choose a Linux kernel for ARM."), name);
  return false;
}

// What it looks like now, before any guest has written to it, is what it is.
static bool
check_disk (Check *check, GError **error)
{
  VmFileKind kind;

  if (!vm_file_probe (check->disk, &kind, error))
    return false;
  check->disk_format = kind == VM_FILE_QCOW2_DISK ? VM_IMAGE_QCOW2 : VM_IMAGE_RAW;
  if (kind == VM_FILE_QCOW2_DISK)
    return check_qcow2 (check->disk, error);
  if (kind == VM_FILE_RAW_DISK)
    return true;
  g_autofree char *name = g_filename_display_name (check->disk);
  g_set_error (error, VM_CONFIG_ERROR, VM_CONFIG_ERROR_FILE,
               _ ("“%s” is a kernel, not a disk image; choose another file."), name);
  return false;
}

static bool
check_initrd (const char *path, GError **error)
{
  g_autofree char *name = g_filename_display_name (path);
  struct stat status;

  if (stat (path, &status) == 0 && S_ISREG (status.st_mode) && status.st_size > 0)
    return true;
  g_set_error (error, VM_CONFIG_ERROR, VM_CONFIG_ERROR_FILE,
               _ ("“%s” is not there, empty or not a file; choose another initrd."), name);
  return false;
}

static uint64_t
get_file_bytes (const char *path)
{
  struct stat status;

  return path && stat (path, &status) == 0 ? (uint64_t) status.st_size : 0;
}

static bool
check_files (Check *check, GError **error)
{
  check->fault = AT_IMAGE;
  if (!check_backing (check->image, check->backing, error))
    return false;
  check->fault = AT_DISK;
  if (check->disk && !check_disk (check, error))
    return false;
  check->fault = AT_KERNEL;
  if (check->need_kernel && !check->kernel) {
    g_set_error (error, VM_CONFIG_ERROR, VM_CONFIG_ERROR_FIELD,
                 _ ("No kernel is chosen; choose a Linux kernel for ARM (arm64)."));
    return false;
  }
  if (check->kernel && !check_kernel (check->kernel, error))
    return false;
  check->fault = AT_INITRD;
  if (check->initrd && !check_initrd (check->initrd, error))
    return false;
  check->copy_bytes = get_file_bytes (check->kernel) + get_file_bytes (check->initrd) +
                      get_file_bytes (check->disk) +
                      (check->image_copied ? get_file_bytes (check->image) : 0);
  return true;
}

static void
work_cb (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  Check *check = task_data;
  GError *error = NULL;
  bool good =
      check->config ? vm_config_validate (check->config, &error) : check_files (check, &error);

  if (good)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

// ---------------------------------------------------------------------------------------------
// Main thread

static AdwEntryRow *
get_row (TerrariumWizard *wizard, Fault fault)
{
  switch (fault) {
  case AT_KERNEL:
    return wizard->kernel_row;
  case AT_INITRD:
    return wizard->initrd_row;
  case AT_DISK:
    return wizard->disk_row;
  case AT_IMAGE:
    return wizard->image_row;
  default:
    return NULL;
  }
}

static void
checked_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  TerrariumWizard *wizard = TERRARIUM_WIZARD (source);
  const Check *check = g_task_get_task_data (G_TASK (result));
  g_autoptr (GError) error = NULL;

  g_task_propagate_boolean (G_TASK (result), &error);
  if (g_cancellable_is_cancelled (g_task_get_cancellable (G_TASK (result))))
    return;
  g_clear_object (&wizard->checking);
  if (!check->config && !error) {
    wizard->copy_bytes = check->copy_bytes;
    wizard->disk_format = check->disk_format;
  }
  check->done (wizard, error ? get_row (wizard, check->fault) : NULL, error);
}

// One at a time: asked twice, it is done once.
static void
begin (TerrariumWizard *wizard, Check *take)
{
  if (wizard->checking) {
    check_free (take);
    return;
  }
  wizard->checking = g_cancellable_new ();
  g_autoptr (GTask) task = g_task_new (wizard, wizard->checking, checked_cb, NULL);
  g_task_set_check_cancellable (task, FALSE);
  g_task_set_task_data (task, take, (GDestroyNotify) check_free);
  g_task_run_in_thread (task, work_cb);
}

void
wizard_check_files (TerrariumWizard *wizard, WizardChecked done)
{
  Check *check = g_new0 (Check, 1);
  g_autoptr (VmConfig) config = wizard_make_config (wizard);
  const Medium *medium =
      wizard->source == WIZARD_SOURCE_IMAGE && wizard->look ? wizard->look->medium : NULL;

  check->done = done;
  check->need_kernel = wizard->source != WIZARD_SOURCE_SAMPLE && !wizard_uses_firmware (wizard);
  check->kernel = g_strdup (config->kernel);
  check->initrd = g_strdup (config->initrd);
  if (wizard->source == WIZARD_SOURCE_KERNEL)
    check->disk = wizard_dup_entry (wizard->disk_row);
  if (medium) {
    check->image = g_strdup (medium->path);
    check->backing = g_strdup (medium->backing);
    check->image_copied = medium->kind == MEDIUM_DISK && !wizard_get_disks_in_place (wizard) &&
                          vm_image_format_can_write (medium->format);
  }
  begin (wizard, check);
}

void
wizard_check_config (TerrariumWizard *wizard, const VmConfig *config, WizardChecked done)
{
  Check *check = g_new0 (Check, 1);

  check->done = done;
  check->config = vm_config_copy (config);
  begin (wizard, check);
}
