// SPDX-License-Identifier: GPL-3.0-or-later
// Looking snapshots up, and making machines of them; see snapshots.h. Any thread that may wait.
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#include "app/model/snapshots-priv.h"

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

// ---------------------------------------------------------------------------------------------
// Another machine

// Images of their own, complete, in `folder`; `config` has them then.
static bool
convert_disks (VmConfig *config, const char *folder, GCancellable *cancellable, GError **error)
{
  const VmImageJob job = {.cancellable = cancellable};

  for (unsigned i = 0; i < config->disks->len; i++) {
    VmDiskConfig *disk = config->disks->pdata[i];
    g_autofree char *name = g_strdup_printf ("disk%u.qcow2", i);
    g_autofree char *path = g_build_filename (folder, name, NULL);
    const VmImageCreate options = {.format = VM_IMAGE_QCOW2};
    if (disk->read_only)
      continue;
    if (!vm_image_convert (disk->path, disk->format, disk->allow_backing, path, &options, &job,
                           error))
      return false;
    g_free (disk->path);
    disk->path = g_steal_pointer (&path);
    disk->format = VM_IMAGE_QCOW2;
    disk->allow_backing = false;
  }
  return true;
}

static void
remove_files (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);

  for (const char *name; dir && (name = g_dir_read_name (dir));) {
    g_autofree char *path = g_build_filename (folder, name, NULL);
    g_unlink (path);
  }
  g_rmdir (folder);
}

// It must not be taken for the machine it was.
static VmConfig *
make_config (const Bundle *bundle, const Snapshot *snapshot, const char *name, GError **error)
{
  g_autoptr (VmConfig) config = vm_config_copy_as_new (bundle->config, name);
  g_autofree char *variables = snapshot_dup_variables_path (bundle->path, snapshot->id);

  if (config->nvram && g_file_test (variables, G_FILE_TEST_IS_REGULAR)) {
    g_free (config->nvram);
    config->nvram = g_steal_pointer (&variables);
  }
  return snapshot_put_disks (snapshot, config, error) ? g_steal_pointer (&config) : NULL;
}

Bundle *
snapshots_clone (const Bundle *bundle, const char *id, const char *root, const char *name,
                 GCancellable *cancellable, GError **error)
{
  g_autoptr (Snapshot) snapshot = snapshots_find (bundle, id, error);
  if (!snapshot)
    return NULL;
  g_autoptr (VmConfig) config = make_config (bundle, snapshot, name, error);
  if (!config)
    return NULL;
  // Hidden, and of a kind that is cleaned away when nobody has it locked.
  g_autofree char *folder = g_build_filename (root, ".creating-XXXXXX", NULL);
  if (!g_mkdtemp_full (folder, 0755)) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, _ ("“%s” cannot be created."), folder);
    return NULL;
  }
  const Bundle partial = {.path = folder, .folder = folder};
  int lock = bundle_lock (&partial, error);
  Bundle *clone = NULL;
  if (lock >= 0 && convert_disks (config, folder, cancellable, error))
    clone = bundle_create (root, config, false, NULL, NULL, cancellable, error);
  remove_files (folder);
  if (lock >= 0)
    g_close (lock, NULL);
  return clone;
}
