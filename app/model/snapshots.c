// SPDX-License-Identifier: GPL-3.0-or-later
// Taking snapshots, going back to them and deleting them; see snapshots.h. Every change becomes true
// by the replacement of one file; what is left behind when it is cut short is found and removed by
// the next. Any thread that may wait.
#include "app/model/snapshots-priv.h"

#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "app/model/saved.h"
#include "app/model/stamps.h"

#define THUMBNAIL_FILE "thumbnail.png"

enum {
  NAME_MAX_BYTES = 255,
};

// ---------------------------------------------------------------------------------------------
// Overlays

static char *
dup_backing_name (const char *folder, const char *path)
{
  g_autofree char *parent = g_path_get_dirname (path);

  return g_str_equal (parent, folder) ? g_path_get_basename (path) : g_strdup (path);
}

// Makes an empty image on top of `disk`, which becomes that.
static bool
put_overlay (const char *folder, VmDiskConfig *disk, unsigned index, const char *id, GError **error)
{
  g_autofree char *name = g_strdup_printf ("disk%u-%s.qcow2", index, id);
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autofree char *backing = dup_backing_name (folder, disk->path);
  const VmImageCreate options = {
      .format = VM_IMAGE_QCOW2, .backing = backing, .backing_format = disk->format};
  g_autoptr (GPtrArray) files = stamps_list_files (disk, error);

  if (!files)
    return false;
  if (files->len >= SNAPSHOT_CHAIN_MAX) {
    g_set_error_literal (
        error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_LINKS,
        _ ("There are too many images, one on top of the other; try again while the machine is "
           "off, delete some of its snapshots, or make a complete clone."));
    return false;
  }
  if (!vm_image_create (path, &options, error))
    return false;
  g_free (disk->path);
  disk->path = g_steal_pointer (&path);
  disk->format = VM_IMAGE_QCOW2;
  disk->allow_backing = true;
  return true;
}

void
snapshot_remove_overlays (const VmConfig *config, const char *id)
{
  g_autofree char *suffix = g_strconcat ("-", id, ".qcow2", NULL);

  for (unsigned i = 0; i < config->disks->len; i++) {
    const VmDiskConfig *disk = config->disks->pdata[i];
    if (g_str_has_suffix (disk->path, suffix))
      g_unlink (disk->path);
  }
}

bool
snapshot_put_overlays (const char *folder, VmConfig *config, const char *id, GError **error)
{
  for (unsigned i = 0; i < config->disks->len; i++) {
    VmDiskConfig *disk = config->disks->pdata[i];
    if (!disk->read_only && !put_overlay (folder, disk, i, id, error)) {
      snapshot_remove_overlays (config, id);
      return false;
    }
  }
  return true;
}

// ---------------------------------------------------------------------------------------------
// Making good

// Images that others are based on are never written again, so each gets one on top.
static bool
put_on_frozen (const SnapshotList *list, VmConfig *config, const char *id, bool *changed,
               GError **error)
{
  for (unsigned i = 0; i < config->disks->len; i++) {
    VmDiskConfig *disk = config->disks->pdata[i];
    if (disk->read_only || !snapshot_list_needs_unchanged (list, config, NULL, disk->path))
      continue;
    if (!put_overlay (list->bundle_path, disk, i, id, error)) {
      snapshot_remove_overlays (config, id);
      return false;
    }
    *changed = true;
  }
  return true;
}

bool
snapshots_prepare (Bundle *bundle, GError **error)
{
  g_autoptr (SnapshotList) list = snapshot_list_read (bundle->path, error);
  g_autofree char *id = g_uuid_string_random ();
  bool changed = false;

  if (!list || !snapshots_finish_detaching (bundle, error))
    return false;
  if (list->all->len > 0 || list->current)
    snapshot_remove_unneeded (list, bundle->config);
  else
    snapshot_remove_halves (bundle->path);
  g_autoptr (VmConfig) config = vm_config_copy (bundle->config);
  if (!put_on_frozen (list, config, id, &changed, error))
    return false;
  return !changed || bundle_set_config (bundle, g_steal_pointer (&config), error);
}

// ---------------------------------------------------------------------------------------------
// Taking

static void
keep_picture (const char *folder, const char *id)
{
  g_autofree char *name = g_strconcat ("snapshot-", id, ".png", NULL);
  g_autofree char *to_path = g_build_filename (folder, name, NULL);
  g_autofree char *from_path = g_build_filename (folder, THUMBNAIL_FILE, NULL);
  g_autoptr (GFile) from = g_file_new_for_path (from_path);
  g_autoptr (GFile) to = g_file_new_for_path (to_path);

  // A snapshot without a picture is none the worse.
  g_file_copy (from, to, G_FILE_COPY_OVERWRITE, NULL, NULL, NULL, NULL);
}

static bool
check_name (const char *name, GError **error)
{
  if (name[0] != '\0' && strlen (name) <= NAME_MAX_BYTES && g_utf8_validate (name, -1, NULL))
    return true;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
               _ ("A snapshot’s name has 1 to %d bytes; choose another one."), NAME_MAX_BYTES);
  return false;
}

// The firmware's variables, which are a small file. False with an error.
static bool
copy_variables (const char *from_path, const char *to_path, GError **error)
{
  g_autofree char *half = g_strconcat (to_path, ".new", NULL);
  g_autoptr (GFile) from = g_file_new_for_path (from_path);
  g_autoptr (GFile) to = g_file_new_for_path (half);

  if (!g_file_copy (from, to, G_FILE_COPY_OVERWRITE, NULL, NULL, NULL, error))
    return false;
  if (g_rename (half, to_path) == 0)
    return true;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, _ ("“%s” cannot be created."), to_path);
  return false;
}

static bool
keep_variables (const char *folder, const char *id, const VmConfig *config, GError **error)
{
  g_autofree char *to = snapshot_dup_variables_path (folder, id);

  return !config->nvram || !g_file_test (config->nvram, G_FILE_TEST_EXISTS) ||
         copy_variables (config->nvram, to, error);
}

static bool
bring_variables_back (const char *folder, const char *id, const VmConfig *config, GError **error)
{
  g_autofree char *from = snapshot_dup_variables_path (folder, id);

  return !config->nvram || !g_file_test (from, G_FILE_TEST_EXISTS) ||
         copy_variables (from, config->nvram, error);
}

SnapshotTaking *
snapshots_begin (const Bundle *bundle, const char *name, GError **error)
{
  if (!check_name (name, error))
    return NULL;
  SnapshotTaking *taking = g_new0 (SnapshotTaking, 1);
  taking->id = g_uuid_string_random ();
  taking->name = g_strdup (name);
  taking->config = vm_config_copy (bundle->config);
  g_autofree char *state = g_strconcat ("snapshot-", taking->id, ".state", NULL);
  taking->state = g_build_filename (bundle->path, state, NULL);
  if (!snapshot_put_overlays (bundle->path, taking->config, taking->id, error)) {
    snapshot_taking_free (taking);
    return NULL;
  }
  unsigned n = taking->config->disks->len;
  taking->overlays = g_new0 (char *, n + 1);
  for (unsigned i = 0; i < n; i++) {
    const VmDiskConfig *disk = taking->config->disks->pdata[i];
    taking->overlays[i] = disk->read_only ? NULL : g_strdup (disk->path);
  }
  return taking;
}

void
snapshot_taking_free (SnapshotTaking *taking)
{
  if (!taking)
    return;
  for (unsigned i = 0; taking->overlays && i < taking->config->disks->len; i++)
    g_free (taking->overlays[i]);
  g_free (taking->overlays);
  vm_config_free (taking->config);
  g_free (taking->id);
  g_free (taking->name);
  g_free (taking->state);
  g_free (taking);
}

bool
snapshots_commit (const char *bundle_path, const SnapshotTaking *taking, GError **error)
{
  g_autoptr (SnapshotList) list = snapshot_list_read (bundle_path, error);
  g_autoptr (Bundle) bundle = bundle_load (bundle_path);

  if (!list)
    return false;
  if (!bundle->config) {
    g_propagate_error (error, g_error_copy (bundle->error));
    return false;
  }
  Snapshot *snapshot = snapshot_list_add (list, taking->id, taking->name, bundle->config);
  keep_picture (bundle_path, taking->id);
  if (!keep_variables (bundle_path, taking->id, bundle->config, error) ||
      !snapshot_list_write (list, error))
    return false;
  if (bundle_set_config (bundle, vm_config_copy (taking->config), error))
    return true;
  // The images are not moved, so they must not be kept either.
  snapshot_list_remove (list, snapshot);
  snapshot_list_write (list, NULL);
  return false;
}

bool
snapshots_end (const char *bundle_path, const SnapshotTaking *taking, bool with_state,
               GError **error)
{
  g_autoptr (SnapshotList) list = snapshot_list_read (bundle_path, error);
  Snapshot *snapshot = list ? snapshot_list_find (list, taking->id) : NULL;

  if (!snapshot)
    return list != NULL;
  snapshot->has_state = with_state;
  if (!with_state)
    snapshot_list_remove (list, snapshot);
  return snapshot_list_write (list, error);
}

// The saved state is the snapshot's too: the same file under another name.
static bool
share_state (const Bundle *bundle, const SnapshotTaking *taking, const char *state, GError **error)
{
  if (!state)
    return true;
  if (g_strcmp0 (state, taking->state) != 0 && link (state, taking->state) < 0) {
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED,
                         _ ("The saved state cannot be shared here; resume the machine first."));
    return false;
  }
  return saved_commit (bundle->path, bundle->config, taking->state, error) &&
         snapshots_end (bundle->path, taking, true, error);
}

char *
snapshots_take (Bundle *bundle, const char *name, GError **error)
{
  g_autofree char *state = saved_dup_path (bundle);
  char *id = NULL;

  // A state is of use with the images as they are.
  if (!state && !snapshots_make_room (bundle, NULL, error))
    return NULL;
  SnapshotTaking *taking = snapshots_begin (bundle, name, error);
  if (!taking)
    return NULL;
  if (snapshots_commit (bundle->path, taking, error)) {
    vm_config_free (bundle->config);
    bundle->config = vm_config_copy (taking->config);
    if (share_state (bundle, taking, state, error))
      id = g_strdup (taking->id);
  }
  snapshot_taking_free (taking);
  return id;
}

// ---------------------------------------------------------------------------------------------
// Going back, deleting, renaming

static Snapshot *
need (const SnapshotList *list, const char *id, GError **error)
{
  Snapshot *snapshot = list ? snapshot_list_find (list, id) : NULL;

  if (list && !snapshot)
    g_set_error (error, BUNDLE_ERROR, BUNDLE_ERROR_UNKNOWN, _ ("There is no snapshot “%s”."), id);
  return snapshot;
}

bool
snapshots_go_back (Bundle *bundle, const char *id, GError **error)
{
  g_autoptr (SnapshotList) list = snapshot_list_read (bundle->path, error);
  g_autofree char *overlay = g_uuid_string_random ();
  const Snapshot *snapshot = need (list, id, error);

  if (!snapshot)
    return false;
  g_autoptr (VmConfig) config = vm_config_copy (bundle->config);
  if (!snapshot_put_devices (snapshot, config, error) ||
      !snapshot_put_overlays (bundle->path, config, overlay, error) ||
      !bundle_set_config (bundle, g_steal_pointer (&config), error) ||
      !bring_variables_back (bundle->path, id, bundle->config, error))
    return false;
  g_free (list->current);
  list->current = g_strdup (id);
  if (!snapshot_list_write (list, error))
    return false;
  if (!snapshot->has_state)
    saved_discard (bundle->path);
  else if (!saved_commit (bundle->path, bundle->config, snapshot->state, error))
    return false;
  snapshot_remove_unneeded (list, bundle->config);
  return true;
}

bool
snapshots_delete (Bundle *bundle, const char *id, bool at_rest, const VmImageJob *job,
                  GError **error)
{
  g_autoptr (SnapshotList) list = snapshot_list_read (bundle->path, error);
  Snapshot *snapshot = need (list, id, error);

  if (!snapshot)
    return false;
  // Its state may be where the machine is to go on from.
  g_autofree char *saved = saved_dup_path (bundle);
  g_autofree char *own = NULL;
  if (saved && g_strcmp0 (saved, snapshot->state) == 0) {
    own = saved_make_path (bundle->path);
    if (link (saved, own) < 0 || !saved_commit (bundle->path, bundle->config, own, error))
      return false;
  }
  snapshot_list_remove (list, snapshot);
  // What is put together is a copy: the snapshot is whole until the list says that it is gone.
  if (at_rest && !saved && !snapshot_merge (list, bundle, job, error))
    return false;
  if (!snapshot_list_write (list, error))
    return false;
  // Only now: who clones the snapshot looks for it again when he has linked to its images.
  if (at_rest && !saved)
    snapshot_take_off_untouched (list, bundle);
  snapshot_remove_unneeded (list, bundle->config);
  return true;
}

bool
snapshots_rename (const Bundle *bundle, const char *id, const char *name, GError **error)
{
  g_autoptr (SnapshotList) list =
      check_name (name, error) ? snapshot_list_read (bundle->path, error) : NULL;
  Snapshot *snapshot = need (list, id, error);

  if (!snapshot)
    return false;
  g_free (snapshot->name);
  snapshot->name = g_strdup (name);
  return snapshot_list_write (list, error);
}
