// SPDX-License-Identifier: GPL-3.0-or-later
// Looking snapshots up; see snapshots.h. Any thread that may wait.
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#include "app/model/snapshots-priv.h"
#include "app/model/stamps.h"

static uint64_t
get_allocated (const char *path)
{
  GStatBuf status;

  return path && g_stat (path, &status) == 0 ? (uint64_t) status.st_blocks * 512 : 0;
}

// What is its own: an image that a snapshot before it keeps too is that one's.
static uint64_t
count_bytes (const SnapshotList *list, const Snapshot *snapshot)
{
  const Snapshot *parent = snapshot->parent ? snapshot_list_find (list, snapshot->parent) : NULL;
  uint64_t sum = get_allocated (snapshot->state);

  for (unsigned i = 0; i < snapshot->disks->len; i++) {
    const VmDiskConfig *disk = snapshot->disks->pdata[i];
    const VmDiskConfig *before = parent && i < parent->disks->len ? parent->disks->pdata[i] : NULL;
    if (!disk->read_only && (!before || strcmp (before->path, disk->path) != 0))
      sum += get_allocated (disk->path);
  }
  return sum;
}

static void
append_tree (GPtrArray *to, GPtrArray *all, const char *parent)
{
  for (unsigned i = 0; i < all->len; i++) {
    Snapshot *snapshot = all->pdata[i];
    if (g_strcmp0 (snapshot->parent, parent) != 0)
      continue;
    g_ptr_array_add (to, snapshot);
    append_tree (to, all, snapshot->id);
  }
}

GPtrArray *
snapshots_list (const Bundle *bundle, GError **error)
{
  g_autoptr (SnapshotList) list = snapshot_list_read (bundle->path, error);
  if (!list)
    return NULL;
  GPtrArray *tree = g_ptr_array_new_with_free_func ((GDestroyNotify) snapshot_free);

  for (unsigned i = 0; i < list->all->len; i++) {
    Snapshot *snapshot = list->all->pdata[i];
    snapshot->bytes = count_bytes (list, snapshot);
  }
  append_tree (tree, list->all, NULL);
  g_ptr_array_set_free_func (list->all, NULL);
  return tree;
}

Snapshot *
snapshots_find (const Bundle *bundle, const char *which, GError **error)
{
  g_autoptr (GPtrArray) all = snapshots_list (bundle, error);
  int found = -1;
  bool several = false;

  for (unsigned i = 0; all && i < all->len; i++) {
    const Snapshot *snapshot = all->pdata[i];
    if (strcmp (snapshot->id, which) == 0)
      return g_ptr_array_steal_index (all, i);
    if (strcmp (snapshot->name, which) != 0 &&
        (strlen (which) < 4 || !g_str_has_prefix (snapshot->id, which)))
      continue;
    several |= found >= 0;
    found = (int) i;
  }
  if (found >= 0 && !several)
    return g_ptr_array_steal_index (all, (unsigned) found);
  if (several)
    g_set_error (error, BUNDLE_ERROR, BUNDLE_ERROR_UNKNOWN,
                 _ ("Several snapshots are called “%s”; give an id (terrarium snapshot list)."),
                 which);
  else if (all)
    g_set_error (error, BUNDLE_ERROR, BUNDLE_ERROR_UNKNOWN,
                 _ ("“%s” has no snapshot called “%s”; “terrarium snapshot list” shows them."),
                 bundle_get_name (bundle), which);
  return NULL;
}

// Whether it is the image that `disk` is, or one of those that is based on.
static bool
is_of_disk (const VmDiskConfig *disk, const char *path)
{
  g_autoptr (GPtrArray) files = stamps_list_files (disk, NULL);

  for (unsigned i = 0; files && i < files->len; i++)
    if (stamps_is_same_file (files->pdata[i], path))
      return true;
  return false;
}

bool
snapshots_check_attach (const char *bundle_path, const VmDiskConfig *disk, GError **error)
{
  g_autoptr (SnapshotList) list = snapshot_list_read (bundle_path, error);

  if (!list)
    return false;
  if (disk->read_only)
    return true;
  for (unsigned i = 0; i < list->all->len; i++) {
    const Snapshot *snapshot = list->all->pdata[i];
    for (unsigned j = 0; j < snapshot->disks->len; j++) {
      if (!is_of_disk (snapshot->disks->pdata[j], disk->path))
        continue;
      g_autofree char *name = g_filename_display_name (disk->path);
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_BUSY,
                   _ ("The snapshot “%s” keeps %s as it is; attach it read-only, or while the "
                      "machine is off."),
                   snapshot->name, name);
      return false;
    }
  }
  return true;
}
