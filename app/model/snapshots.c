// SPDX-License-Identifier: GPL-3.0-or-later
// Taking snapshots, going back to them and deleting them; see snapshots.h. Every change becomes true
// by the replacement of one file; what is left behind when it is cut short is found and removed by
// the next. Any thread that may wait.
#include "app/model/snapshots-priv.h"

#include <errno.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "app/model/saved.h"
#include "app/model/stamps.h"

#define THUMBNAIL_FILE  "thumbnail.png"
#define DETACHED_PREFIX "detached-"

enum {
  CHAIN_MAX = 28, // the engine opens a few more
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
  if (files->len >= CHAIN_MAX) {
    g_set_error_literal (
        error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_LINKS,
        _ ("There are too many snapshots, one after the other; delete some of them "
           "while the machine is off."));
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
// What nobody needs any more

static bool
add_chains (GHashTable *needed, GPtrArray *disks)
{
  for (unsigned i = 0; i < disks->len; i++) {
    g_autoptr (GPtrArray) files = stamps_list_files (disks->pdata[i], NULL);
    if (!files)
      return false;
    for (unsigned j = 0; j < files->len; j++)
      g_hash_table_add (needed, g_path_get_basename (files->pdata[j]));
  }
  return true;
}

// What was detached needs what it is based on. If that is gone, there is nothing left to keep.
static void
add_detached (GHashTable *needed, const char *bundle_path)
{
  g_autoptr (GDir) dir = g_dir_open (bundle_path, 0, NULL);

  for (const char *name; dir && (name = g_dir_read_name (dir));) {
    g_autofree char *path = g_build_filename (bundle_path, name, NULL);
    const VmDiskConfig disk = {.path = path, .format = VM_IMAGE_QCOW2, .allow_backing = true};
    if (!g_str_has_prefix (name, DETACHED_PREFIX))
      continue;
    g_autoptr (GPtrArray) files = stamps_list_files (&disk, NULL);
    for (unsigned i = 0; files && i < files->len; i++)
      g_hash_table_add (needed, g_path_get_basename (files->pdata[i]));
  }
}

// Names of files that count. NULL: it cannot be told, so nothing may go.
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

// Only what was made here: an overlay, a state or picture of a snapshot, or a temporary one of them.
static bool
is_ours (const char *name)
{
  static const char *const patterns[] = {"snapshot-*.state", "snapshot-*.png", "snapshot-*.nvram*",
                                         ".disk*-*.qcow2.*", ".snapshot-*.state.new-*"};

  for (unsigned i = 0; i < G_N_ELEMENTS (patterns); i++)
    if (g_pattern_match_simple (patterns[i], name))
      return true;
  return is_overlay (name);
}

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

  if (!disk || disk->read_only)
    return NULL;
  g_autofree char *folder = g_path_get_dirname (disk->path);
  g_autofree char *name = g_path_get_basename (disk->path);
  if (strcmp (folder, bundle_path) != 0 || !is_overlay (name))
    return NULL;
  g_autofree char *kept = g_strconcat (DETACHED_PREFIX, name, NULL);
  return g_build_filename (bundle_path, kept, NULL);
}

bool
snapshots_keep_detached (const char *bundle_path, const VmConfig *config, unsigned port,
                         GError **error)
{
  g_autofree char *kept = snapshots_dup_detached (bundle_path, config, port);

  if (!kept || link (find_in_slot (config, port)->path, kept) == 0 || errno == EEXIST)
    return true;
  g_set_error (
      error, G_IO_ERROR, g_io_error_from_errno (errno),
      _ ("What was written to the disk since a snapshot cannot be kept in %s: %s; copy the "
         "disk from inside the machine first."),
      bundle_path, g_strerror (errno));
  return false;
}

static void
remove_unneeded (const SnapshotList *list, const VmConfig *config)
{
  g_autoptr (GHashTable) needed = list_needed (list, config);
  g_autoptr (GDir) dir = needed ? g_dir_open (list->bundle_path, 0, NULL) : NULL;

  for (const char *name; dir && (name = g_dir_read_name (dir));) {
    g_autofree char *path = g_build_filename (list->bundle_path, name, NULL);
    if (is_ours (name) && !g_hash_table_contains (needed, name))
      g_unlink (path);
  }
}

// ---------------------------------------------------------------------------------------------
// Putting together: an image that only one other is based on, and no snapshot keeps

static bool
is_kept (const SnapshotList *list, const char *path)
{
  for (unsigned i = 0; i < list->all->len; i++) {
    const Snapshot *snapshot = list->all->pdata[i];
    for (unsigned j = 0; j < snapshot->disks->len; j++)
      if (strcmp (((VmDiskConfig *) snapshot->disks->pdata[j])->path, path) == 0)
        return true;
  }
  return false;
}

// Whether any snapshot needs `path`, itself or below what it keeps.
static bool
is_below_kept (const SnapshotList *list, const char *path)
{
  for (unsigned i = 0; i < list->all->len; i++) {
    const Snapshot *snapshot = list->all->pdata[i];
    for (unsigned j = 0; j < snapshot->disks->len; j++) {
      g_autoptr (GPtrArray) files = stamps_list_files (snapshot->disks->pdata[j], NULL);
      if (!files || g_ptr_array_find_with_equal_func (files, path, g_str_equal, NULL))
        return true;
    }
  }
  return false;
}

// The machine's own image and the first one below it become one, unless a snapshot needs that. False
// only when nothing changed and it was to.
static bool
merge_disk (const SnapshotList *list, VmDiskConfig *disk, unsigned index, const VmImageJob *job,
            GError **error)
{
  g_autoptr (GPtrArray) files = stamps_list_files (disk, error);
  g_autofree char *id = g_uuid_string_random ();
  g_autofree char *name = g_strdup_printf ("disk%u-%s.qcow2", index, id);
  g_autofree char *path = g_build_filename (list->bundle_path, name, NULL);
  unsigned depth = 0;

  while (files && depth + 1 < files->len && !is_below_kept (list, files->pdata[depth + 1]))
    depth++;
  if (!files || depth == 0 || is_kept (list, disk->path))
    return files != NULL;
  if (!vm_image_flatten (disk->path, disk->format, depth, path, job, error))
    return false;
  g_free (disk->path);
  disk->path = g_steal_pointer (&path);
  disk->allow_backing = depth + 1 < files->len;
  return true;
}

static bool
merge (const SnapshotList *list, Bundle *bundle, const VmImageJob *job, GError **error)
{
  g_autoptr (VmConfig) config = vm_config_copy (bundle->config);
  bool changed = false;

  for (unsigned i = 0; i < config->disks->len; i++) {
    VmDiskConfig *disk = config->disks->pdata[i];
    const VmDiskConfig *before = bundle->config->disks->pdata[i];
    if (!disk->read_only && !merge_disk (list, disk, i, job, error))
      return false;
    changed |= strcmp (disk->path, before->path) != 0;
  }
  return !changed || bundle_set_config (bundle, g_steal_pointer (&config), error);
}

// ---------------------------------------------------------------------------------------------
// Making good

bool
snapshots_prepare (Bundle *bundle, GError **error)
{
  g_autoptr (SnapshotList) list = snapshot_list_read (bundle->path, error);
  g_autofree char *id = g_uuid_string_random ();
  bool frozen = false;

  if (!list)
    return false;
  if (list->all->len == 0 && !list->current)
    return true;
  remove_unneeded (list, bundle->config);
  for (unsigned i = 0; i < bundle->config->disks->len; i++) {
    const VmDiskConfig *disk = bundle->config->disks->pdata[i];
    frozen |= !disk->read_only && is_below_kept (list, disk->path);
  }
  if (!frozen)
    return true;
  g_autoptr (VmConfig) config = vm_config_copy (bundle->config);
  return snapshot_put_overlays (bundle->path, config, id, error) &&
         bundle_set_config (bundle, g_steal_pointer (&config), error);
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
  SnapshotTaking *taking = snapshots_begin (bundle, name, error);
  char *id = NULL;

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
  remove_unneeded (list, bundle->config);
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
  if (at_rest && !saved && !merge (list, bundle, job, error))
    return false;
  if (!snapshot_list_write (list, error))
    return false;
  remove_unneeded (list, bundle->config);
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
