// SPDX-License-Identifier: GPL-3.0-or-later
// See clone.h. Any thread that may wait.
#include "app/model/clone.h"

#include <errno.h>
#include <glib/gi18n.h>
#include <string.h>
#include <unistd.h>

#include "app/model/saved.h"
#include "app/model/snapshots-priv.h"
#include "app/model/stamps.h"

// It must not be taken for the machine it was.
static VmConfig *
make_config (const Bundle *source, const Snapshot *snapshot, const char *name, GError **error)
{
  g_autoptr (VmConfig) config = vm_config_copy (source->config);

  if (!snapshot)
    return vm_config_copy_as_new (config, name);
  if (!snapshot_put_devices (snapshot, config, error))
    return NULL;
  g_autofree char *variables = snapshot_dup_variables_path (source->path, snapshot->id);
  if (config->nvram && g_file_test (variables, G_FILE_TEST_IS_REGULAR)) {
    g_free (config->nvram);
    config->nvram = g_steal_pointer (&variables);
  }
  return vm_config_copy_as_new (config, name);
}

// The disks of a machine that is saved are those of one whose plug was pulled.
static bool
check_at_rest (const Bundle *source, const CloneOptions *options, GError **error)
{
  if (options->snapshot || saved_look (source, NULL) != SAVED_READY)
    return true;
  g_set_error (error, BUNDLE_ERROR, BUNDLE_ERROR_IN_USE,
               _ ("“%s” is saved; go on with it and shut it down, or clone one of its snapshots."),
               bundle_get_name (source));
  return false;
}

// ---------------------------------------------------------------------------------------------
// Sharing images

// Into `folder` under the name it has; disks may be based on the same image.
static bool
share_file (const char *folder, const char *path, GError **error)
{
  g_autofree char *name = g_path_get_basename (path);
  g_autofree char *to = g_build_filename (folder, name, NULL);

  if (link (path, to) == 0 || errno == EEXIST)
    return true;
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno),
               _ ("“%s” cannot be shared by two machines here (%s); make a complete clone."), path,
               g_strerror (errno));
  return false;
}

// What does not lie in the machine's folder stays where it is: it may be anywhere, and is found there.
static bool
share_disk (const char *from, const char *to, VmDiskConfig *disk, GError **error)
{
  g_autoptr (GPtrArray) files = stamps_list_files (disk, error);

  for (unsigned i = 0; files && i < files->len; i++) {
    g_autofree char *folder = g_path_get_dirname (files->pdata[i]);
    if (strcmp (folder, from) != 0)
      continue;
    if (!share_file (to, files->pdata[i], error))
      return false;
    if (i == 0) {
      g_autofree char *name = g_path_get_basename (disk->path);
      g_free (disk->path);
      disk->path = g_build_filename (to, name, NULL);
    }
  }
  return files != NULL;
}

static bool
share_cb (Bundle *made, void *data, GError **error)
{
  const Bundle *source = data;
  g_autofree char *id = g_uuid_string_random ();

  for (unsigned i = 0; i < made->config->disks->len; i++) {
    VmDiskConfig *disk = made->config->disks->pdata[i];
    if (!disk->cdrom && !share_disk (source->path, made->path, disk, error))
      return false;
  }
  return snapshot_put_overlays (made->path, made->config, id, error);
}

// ---------------------------------------------------------------------------------------------
// The machine itself goes on elsewhere

// Before anything is shared: who is cut short after that has done no harm.
static bool
go_on_elsewhere (Bundle *source, const char *id, GError **error)
{
  g_autoptr (VmConfig) config = vm_config_copy (source->config);

  if (!snapshot_put_overlays (source->path, config, id, error))
    return false;
  if (bundle_set_config (source, vm_config_copy (config), error))
    return true;
  snapshot_remove_overlays (config, id);
  return false;
}

// Nothing was written meanwhile: the lock is ours.
static void
come_back (Bundle *source, const VmConfig *before, const char *id)
{
  g_autoptr (VmConfig) config = vm_config_copy (source->config);

  if (bundle_set_config (source, vm_config_copy (before), NULL))
    snapshot_remove_overlays (config, id);
}

// ---------------------------------------------------------------------------------------------
// The machine is elsewhere already: nothing was written since it was cloned last

// Without this a machine could be cloned a few times only.
static bool
take_off_untouched (VmConfig *config)
{
  g_autoptr (VmConfig) below = vm_config_copy (config);

  for (unsigned i = 0; i < below->disks->len; i++) {
    VmDiskConfig *disk = below->disks->pdata[i];
    if (!disk->read_only && !snapshot_take_off (disk))
      return false;
  }
  for (unsigned i = 0; i < below->disks->len; i++) {
    VmDiskConfig *from = below->disks->pdata[i], *to = config->disks->pdata[i];
    g_free (to->path);
    to->path = g_strdup (from->path);
    to->format = from->format;
    to->allow_backing = from->allow_backing;
  }
  return true;
}

// ---------------------------------------------------------------------------------------------
// All of it

static Bundle *
make_linked (Bundle *source, const char *root, VmConfig *config, const CloneOptions *options,
             GError **error)
{
  const BundleSharing sharing = {share_cb, source};
  g_autofree char *id = g_uuid_string_random ();
  g_autoptr (VmConfig) before = vm_config_copy (source->config);
  bool moves = !options->snapshot && !take_off_untouched (config);

  if (moves && !go_on_elsewhere (source, id, error))
    return NULL;
  Bundle *clone = bundle_create_sharing (root, config, &sharing, options->progress,
                                         options->progress_data, options->cancellable, error);
  if (!clone && moves)
    come_back (source, before, id);
  return clone;
}

// A snapshot is cloned without the machine's lock. As long as it is there nobody writes its images, so it
// must be there still when all of it was taken over. Takes the clone.
static Bundle *
check_snapshot (const Bundle *source, const Snapshot *snapshot, Bundle *clone, GError **error)
{
  g_autoptr (Snapshot) still = clone ? snapshots_find (source, snapshot->id, error) : NULL;

  if (clone && !still)
    g_clear_pointer (&clone, bundle_discard);
  return clone;
}

static void
folded_cb (void *data, double done)
{
  const CloneOptions *options = data;

  if (options->progress)
    options->progress (done, options->progress_data);
}

// So often was it cloned and written to in between that its images are as many as there may be.
static bool
make_room (Bundle *source, const CloneOptions *options, GError **error)
{
  const VmImageJob job = {options->cancellable, folded_cb, (void *) options};

  return options->snapshot || !options->linked || snapshots_make_room (source, &job, error);
}

Bundle *
machine_clone (Bundle *source, const char *root, const CloneOptions *options, GError **error)
{
  g_autoptr (Snapshot) snapshot =
      options->snapshot ? snapshots_find (source, options->snapshot, error) : NULL;

  if ((options->snapshot && !snapshot) || !check_at_rest (source, options, error) ||
      !make_room (source, options, error))
    return NULL;
  g_autoptr (VmConfig) config = make_config (source, snapshot, options->name, error);
  if (!config)
    return NULL;
  Bundle *clone = options->linked
                      ? make_linked (source, root, config, options, error)
                      : bundle_create (root, config, false, options->progress,
                                       options->progress_data, options->cancellable, error);
  return snapshot ? check_snapshot (source, snapshot, clone, error) : clone;
}
