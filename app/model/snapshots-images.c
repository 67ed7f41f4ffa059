// SPDX-License-Identifier: GPL-3.0-or-later
// The images of a bundle: which of them somebody needs, what was detached, and putting those together
// that nobody else needs; see snapshots.h. Files are the same when their inodes are, whatever they are
// called: people use symbolic links, linked clones hard ones. Any thread that may wait.
#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/model/snapshots-priv.h"
#include "app/model/stamps.h"

#define DETACHED_PREFIX "detached-"

// ---------------------------------------------------------------------------------------------
// Names

// "disk<n>-<id>.qcow2"
static bool
is_overlay (const char *name)
{
  enum { ID_LENGTH = 36 };
  const char *dash = strchr (name, '-');

  if (!g_str_has_prefix (name, "disk") || !dash || strlen (dash + 1) != ID_LENGTH + 6 ||
      !g_str_has_suffix (name, ".qcow2"))
    return false;
  g_autofree char *id = g_strndup (dash + 1, ID_LENGTH);
  return g_uuid_string_is_valid (id);
}

// Cut short while it was made.
static bool
is_half (const char *name)
{
  return g_pattern_match_simple (".disk*-*.qcow2.*", name) ||
         g_pattern_match_simple (".snapshot-*.state.new-*", name);
}

// Only what was made here: an overlay, a state or picture of a snapshot, or a temporary one of them.
static bool
is_ours (const char *name)
{
  static const char *const patterns[] = {"snapshot-*.state", "snapshot-*.png", "snapshot-*.nvram*"};

  for (unsigned i = 0; i < G_N_ELEMENTS (patterns); i++)
    if (g_pattern_match_simple (patterns[i], name))
      return true;
  return is_half (name) || is_overlay (name);
}

static bool
is_own_overlay (const char *bundle_path, const char *path)
{
  g_autofree char *folder = g_path_get_dirname (path);
  g_autofree char *name = g_path_get_basename (path);

  return g_str_equal (folder, bundle_path) && is_overlay (name);
}

// ---------------------------------------------------------------------------------------------
// Who needs a file

// Of what was detached; NULL: there is nothing by that name. Whoever attaches it allows its base.
static GPtrArray *
list_detached (const char *bundle_path, const char *name)
{
  g_autofree char *path = g_build_filename (bundle_path, name, NULL);
  const VmDiskConfig disk = {.path = path, .format = VM_IMAGE_QCOW2, .allow_backing = true};

  return g_str_has_prefix (name, DETACHED_PREFIX) ? stamps_list_files (&disk, NULL) : NULL;
}

// By the name it has in its folder, and as what it is in the end.
static void
add_files (GHashTable *needed, GPtrArray *files)
{
  for (unsigned i = 0; i < files->len; i++) {
    char *real = realpath (files->pdata[i], NULL);
    g_hash_table_add (needed, g_path_get_basename (files->pdata[i]));
    if (real)
      g_hash_table_add (needed, g_strdup (real));
    free (real);
  }
}

static bool
add_chains (GHashTable *needed, GPtrArray *disks)
{
  for (unsigned i = 0; i < disks->len; i++) {
    g_autoptr (GPtrArray) files = stamps_list_files (disks->pdata[i], NULL);
    if (!files)
      return false;
    add_files (needed, files);
  }
  return true;
}

// What was detached needs what it is based on. If that is gone, there is nothing left to keep.
static void
add_detached (GHashTable *needed, const char *bundle_path)
{
  g_autoptr (GDir) dir = g_dir_open (bundle_path, 0, NULL);

  for (const char *name; dir && (name = g_dir_read_name (dir));) {
    g_autoptr (GPtrArray) files = list_detached (bundle_path, name);
    if (files)
      add_files (needed, files);
  }
}

// NULL: it cannot be told, so nothing may go.
static GHashTable *
list_needed (const SnapshotList *list, const VmConfig *config)
{
  g_autoptr (GHashTable) needed = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  bool ok = add_chains (needed, config->disks);

  add_detached (needed, list->bundle_path);
  for (unsigned i = 0; i < list->all->len && ok; i++) {
    const Snapshot *snapshot = list->all->pdata[i];
    ok = add_chains (needed, snapshot->disks);
    g_hash_table_add (needed, g_strdup_printf ("snapshot-%s.state", snapshot->id));
    g_hash_table_add (needed, g_strdup_printf ("snapshot-%s.png", snapshot->id));
    g_hash_table_add (needed, g_strdup_printf ("snapshot-%s.nvram", snapshot->id));
  }
  return ok ? g_steal_pointer (&needed) : NULL;
}

static bool
contains_file (GHashTable *needed, const char *path)
{
  g_autofree char *name = g_path_get_basename (path);
  char *real = realpath (path, NULL);
  bool found =
      g_hash_table_contains (needed, name) || (real && g_hash_table_contains (needed, real));

  free (real);
  return found;
}

bool
snapshots_is_file_needed (const Bundle *bundle, const char *path)
{
  g_autoptr (SnapshotList) list = snapshot_list_read (bundle->path, NULL);
  g_autoptr (GHashTable) needed = list ? list_needed (list, bundle->config) : NULL;

  return !needed || contains_file (needed, path);
}

// The second name of a disk that was to be detached and is still there.
static bool
is_still_attached (const char *bundle_path, const char *name, const VmConfig *config)
{
  if (!g_str_has_prefix (name, DETACHED_PREFIX))
    return false;
  g_autofree char *second = g_build_filename (bundle_path, name, NULL);
  g_autofree char *first = g_build_filename (bundle_path, name + strlen (DETACHED_PREFIX), NULL);
  for (unsigned i = 0; i < config->disks->len; i++)
    if (g_str_equal (((VmDiskConfig *) config->disks->pdata[i])->path, first))
      return stamps_is_same_file (first, second);
  return false;
}

void
snapshot_remove_unneeded (const SnapshotList *list, const VmConfig *config)
{
  g_autoptr (GHashTable) needed = list_needed (list, config);
  g_autoptr (GDir) dir = needed ? g_dir_open (list->bundle_path, 0, NULL) : NULL;

  for (const char *name; dir && (name = g_dir_read_name (dir));) {
    g_autofree char *path = g_build_filename (list->bundle_path, name, NULL);
    if (is_still_attached (list->bundle_path, name, config) ||
        (is_ours (name) && !contains_file (needed, path)))
      g_unlink (path);
  }
}

void
snapshot_remove_halves (const char *bundle_path)
{
  g_autoptr (GDir) dir = g_dir_open (bundle_path, 0, NULL);

  for (const char *name; dir && (name = g_dir_read_name (dir));) {
    g_autofree char *path = g_build_filename (bundle_path, name, NULL);
    if (is_half (name))
      g_unlink (path);
  }
}

// ---------------------------------------------------------------------------------------------
// Who is based on a file: then it must not be written

// What cannot be told counts as if it were.
static bool
is_in_chain (const VmDiskConfig *disk, const char *path, unsigned first)
{
  g_autoptr (GPtrArray) files = stamps_list_files (disk, NULL);

  for (unsigned i = first; files && i < files->len; i++)
    if (stamps_is_same_file (files->pdata[i], path))
      return true;
  return !files;
}

bool
snapshot_list_keeps (const SnapshotList *list, const char *path)
{
  for (unsigned i = 0; i < list->all->len; i++) {
    const Snapshot *snapshot = list->all->pdata[i];
    for (unsigned j = 0; j < snapshot->disks->len; j++)
      if (is_in_chain (snapshot->disks->pdata[j], path, 0))
        return true;
  }
  return false;
}

static bool
is_below_detached (const char *bundle_path, const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (bundle_path, 0, NULL);
  bool found = false;

  for (const char *name; dir && !found && (name = g_dir_read_name (dir));) {
    g_autoptr (GPtrArray) files = list_detached (bundle_path, name);
    for (unsigned i = 1; files && !found && i < files->len; i++)
      found = stamps_is_same_file (files->pdata[i], path);
  }
  return found;
}

bool
snapshot_list_needs_unchanged (const SnapshotList *list, const VmConfig *config,
                               const VmDiskConfig *except, const char *path)
{
  for (unsigned i = 0; i < config->disks->len; i++)
    if (config->disks->pdata[i] != except && is_in_chain (config->disks->pdata[i], path, 1))
      return true;
  return snapshot_list_keeps (list, path) || is_below_detached (list->bundle_path, path);
}

static bool
uses (const Bundle *bundle, const char *path)
{
  g_autoptr (SnapshotList) list = snapshot_list_read (bundle->path, NULL);

  if (!bundle->config || !list)
    return true;
  for (unsigned i = 0; i < bundle->config->disks->len; i++)
    if (is_in_chain (bundle->config->disks->pdata[i], path, 0))
      return true;
  return snapshot_list_keeps (list, path);
}

// With another machine, a linked clone or its source. What lies in a bundle is shared by hard links, what
// lies elsewhere by its name.
static bool
is_shared (const char *bundle_path, const char *path)
{
  g_autofree char *folder = g_path_get_dirname (path);
  g_autofree char *root = g_path_get_dirname (bundle_path);
  GStatBuf status;

  if (g_stat (path, &status) != 0 || status.st_nlink > 1)
    return true;
  if (g_str_equal (folder, bundle_path))
    return false;
  g_autoptr (GPtrArray) all = bundle_scan (root);
  for (unsigned i = 0; i < all->len; i++) {
    const Bundle *bundle = all->pdata[i];
    if (!g_str_equal (bundle->path, bundle_path) && uses (bundle, path))
      return true;
  }
  return false;
}

// ---------------------------------------------------------------------------------------------
// What was detached

static const VmDiskConfig *
find_in_slot (const VmConfig *config, unsigned port)
{
  for (unsigned i = 0; i < config->disks->len; i++) {
    const VmDiskConfig *disk = config->disks->pdata[i];
    if (disk->port == port)
      return disk;
  }
  return NULL;
}

char *
snapshots_dup_detached (const char *bundle_path, const VmConfig *config, unsigned port)
{
  const VmDiskConfig *disk = find_in_slot (config, port);

  if (!disk || disk->read_only || !is_own_overlay (bundle_path, disk->path))
    return NULL;
  g_autofree char *name = g_path_get_basename (disk->path);
  g_autofree char *kept = g_strconcat (DETACHED_PREFIX, name, NULL);
  return g_build_filename (bundle_path, kept, NULL);
}

static bool
fail_to_keep (const char *bundle_path, int code, GError **error)
{
  g_set_error (
      error, G_IO_ERROR, g_io_error_from_errno (code),
      _ ("What was written to the disk since a snapshot cannot be kept in %s: %s; copy the "
         "disk from inside the machine first."),
      bundle_path, g_strerror (code));
  return false;
}

// Not every file system has second names, and an image has only so many.
static bool
is_without_links (int code)
{
  return code == EPERM || code == EOPNOTSUPP || code == ENOSYS || code == EMLINK;
}

bool
snapshots_begin_detaching (const char *bundle_path, const VmConfig *config, unsigned port,
                           GError **error)
{
  g_autofree char *kept = snapshots_dup_detached (bundle_path, config, port);
  const char *path = kept ? find_in_slot (config, port)->path : NULL;

  if (!kept || link (path, kept) == 0 || is_without_links (errno))
    return true;
  int code = errno;
  return stamps_is_same_file (path, kept) || fail_to_keep (bundle_path, code, error);
}

bool
snapshots_keep_detached (const char *bundle_path, const VmConfig *config, unsigned port,
                         GError **error)
{
  g_autofree char *kept = snapshots_dup_detached (bundle_path, config, port);
  const char *path = kept ? find_in_slot (config, port)->path : NULL;

  if (!kept || link (path, kept) == 0)
    return true;
  int code = errno;
  return stamps_is_same_file (path, kept) ||
         (is_without_links (code) &&
          renameat2 (AT_FDCWD, path, AT_FDCWD, kept, RENAME_NOREPLACE) == 0) ||
         fail_to_keep (bundle_path, code, error);
}

bool
snapshots_finish_detaching (Bundle *bundle, GError **error)
{
  g_autoptr (VmConfig) config = vm_config_copy (bundle->config);
  bool changed = false;

  for (unsigned port = 1; port <= VM_PORTS; port++) {
    g_autofree char *kept = snapshots_dup_detached (bundle->path, config, port);
    if (!kept || g_access (find_in_slot (config, port)->path, F_OK) == 0 ||
        g_access (kept, F_OK) != 0)
      continue;
    vm_config_clear_port (config, port);
    changed = true;
  }
  return !changed || bundle_set_config (bundle, g_steal_pointer (&config), error);
}

// ---------------------------------------------------------------------------------------------
// The image below in place of one that nothing was written to

static void
extent_cb (void *data, const VmImageExtent *extent)
{
  bool *touched = data;

  *touched = *touched || (extent->present && extent->depth == 0);
}

bool
snapshot_take_off (VmDiskConfig *disk)
{
  g_autoptr (GPtrArray) files = stamps_list_files (disk, NULL);
  bool touched = !disk->allow_backing || !files || files->len < 2;

  if (touched || !vm_image_map (disk->path, disk->format, true, extent_cb, &touched, NULL, NULL) ||
      touched)
    return false;
  g_autoptr (VmImageInfo) info = vm_image_get_info (disk->path, disk->format, NULL);
  if (!info || !info->backing_format ||
      !vm_image_format_from_name (info->backing_format, &disk->format))
    return false;
  // It may have grown.
  g_autoptr (VmImageInfo) below = vm_image_get_info (files->pdata[1], disk->format, NULL);
  if (!below || below->size_bytes != info->size_bytes) {
    disk->format = VM_IMAGE_QCOW2;
    return false;
  }
  g_free (disk->path);
  disk->path = g_strdup (files->pdata[1]);
  disk->allow_backing = files->len > 2;
  return true;
}

// Whether the machine may write what its image is based on.
static bool
may_go_down (const SnapshotList *list, const VmConfig *config, const VmDiskConfig *disk,
             const VmDiskConfig *except)
{
  g_autoptr (GPtrArray) files = stamps_list_files (disk, NULL);

  return files && files->len > 1 &&
         !snapshot_list_needs_unchanged (list, config, except, files->pdata[1]) &&
         !is_shared (list->bundle_path, files->pdata[1]);
}

void
snapshot_take_off_untouched (const SnapshotList *list, Bundle *bundle)
{
  g_autoptr (VmConfig) config = vm_config_copy (bundle->config);
  bool changed = false;

  for (unsigned i = 0; i < config->disks->len; i++) {
    VmDiskConfig *disk = config->disks->pdata[i];
    while (!disk->read_only && is_own_overlay (list->bundle_path, disk->path) &&
           may_go_down (list, config, disk, disk) && snapshot_take_off (disk))
      changed = true;
  }
  if (changed)
    bundle_set_config (bundle, g_steal_pointer (&config), NULL);
}

// ---------------------------------------------------------------------------------------------
// Putting together

// How many images below the first one are ours and no snapshot's. Those of others are copied as well
// only if `shared_too`: they would lie there twice.
static unsigned
count_foldable (const SnapshotList *list, GPtrArray *files, bool shared_too)
{
  unsigned depth = 0;

  while (depth + 1 < files->len && is_own_overlay (list->bundle_path, files->pdata[depth + 1]) &&
         !snapshot_list_keeps (list, files->pdata[depth + 1]) &&
         (shared_too || !is_shared (list->bundle_path, files->pdata[depth + 1])))
    depth++;
  return depth;
}

// `depth` images below `top` and itself become one, which is `disk` then.
static bool
fold (const SnapshotList *list, VmDiskConfig *disk, const VmDiskConfig *top, unsigned depth,
      unsigned n_files, unsigned index, const VmImageJob *job, GError **error)
{
  g_autofree char *id = g_uuid_string_random ();
  g_autofree char *name = g_strdup_printf ("disk%u-%s.qcow2", index, id);
  g_autofree char *path = g_build_filename (list->bundle_path, name, NULL);

  if (!vm_image_flatten (top->path, top->format, depth, path, job, error))
    return false;
  g_free (disk->path);
  disk->path = g_steal_pointer (&path);
  disk->format = VM_IMAGE_QCOW2;
  disk->allow_backing = depth + 1 < n_files;
  return true;
}

// The machine's own image and those below it that nobody else needs become one. Where nothing was
// written there is nothing to put together: snapshot_take_off_untouched. False only when nothing
// changed and it was to.
static bool
merge_disk (const SnapshotList *list, const VmConfig *config, VmDiskConfig *disk, unsigned index,
            const VmImageJob *job, GError **error)
{
  VmDiskConfig top = *disk;
  bool ok = true;

  if (!is_own_overlay (list->bundle_path, disk->path) || snapshot_list_keeps (list, disk->path))
    return true;
  top.path = g_strdup (disk->path);
  while (may_go_down (list, config, &top, disk) && snapshot_take_off (&top))
    ;
  g_autoptr (GPtrArray) files = stamps_list_files (&top, error);
  unsigned depth = files ? count_foldable (list, files, false) : 0;
  if (!files)
    ok = false;
  else if (depth > 0)
    ok = fold (list, disk, &top, depth, files->len, index, job, error);
  g_free (top.path);
  return ok;
}

bool
snapshot_merge (const SnapshotList *list, Bundle *bundle, const VmImageJob *job, GError **error)
{
  g_autoptr (VmConfig) config = vm_config_copy (bundle->config);
  bool changed = false;

  for (unsigned i = 0; i < config->disks->len; i++) {
    VmDiskConfig *disk = config->disks->pdata[i];
    const VmDiskConfig *before = bundle->config->disks->pdata[i];
    if (!disk->read_only && !merge_disk (list, config, disk, i, job, error))
      return false;
    changed |= strcmp (disk->path, before->path) != 0;
  }
  return !changed || bundle_set_config (bundle, g_steal_pointer (&config), error);
}

static bool
shorten (const SnapshotList *list, VmDiskConfig *disk, unsigned index, const VmImageJob *job,
         GError **error)
{
  g_autoptr (GPtrArray) files = stamps_list_files (disk, error);

  if (!files)
    return false;
  if (files->len < SNAPSHOT_CHAIN_MAX || !is_own_overlay (list->bundle_path, disk->path) ||
      snapshot_list_keeps (list, disk->path))
    return true;
  unsigned depth = count_foldable (list, files, true);
  return depth == 0 || fold (list, disk, disk, depth, files->len, index, job, error);
}

bool
snapshots_make_room (Bundle *bundle, const VmImageJob *job, GError **error)
{
  g_autoptr (SnapshotList) list = snapshot_list_read (bundle->path, error);
  g_autoptr (VmConfig) config = vm_config_copy (bundle->config);
  bool changed = false;

  if (!list)
    return false;
  for (unsigned i = 0; i < config->disks->len; i++) {
    VmDiskConfig *disk = config->disks->pdata[i];
    const VmDiskConfig *before = bundle->config->disks->pdata[i];
    if (!disk->read_only && !shorten (list, disk, i, job, error))
      return false;
    changed |= strcmp (disk->path, before->path) != 0;
  }
  if (!changed)
    return true;
  if (!bundle_set_config (bundle, g_steal_pointer (&config), error))
    return false;
  snapshot_remove_unneeded (list, bundle->config);
  return true;
}
