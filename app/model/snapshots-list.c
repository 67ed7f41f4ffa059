// SPDX-License-Identifier: GPL-3.0-or-later
// snapshots.json: what snapshots there are. Not trusted: each value is checked for its type, names
// of files for lying in the bundle where they must. Any thread that may wait.
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <string.h>
#include <sys/stat.h>

#include "app/model/snapshots-priv.h"

#define LIST_FILE      "snapshots.json"
#define TEXT_MAX_BYTES (4 << 20)

enum {
  LIST_VERSION = 1,
  SNAPSHOTS_MAX = 1000,
};

static void
free_disk (void *data)
{
  VmDiskConfig *disk = data;

  g_free (disk->path);
  g_free (disk);
}

void
snapshot_free (Snapshot *snapshot)
{
  if (!snapshot)
    return;
  g_free (snapshot->id);
  g_free (snapshot->name);
  g_free (snapshot->parent);
  g_free (snapshot->picture);
  g_free (snapshot->state);
  g_ptr_array_unref (snapshot->disks);
  vm_config_free (snapshot->nics);
  vm_config_free (snapshot->board);
  g_free (snapshot);
}

static Snapshot *
snapshot_new (void)
{
  Snapshot *snapshot = g_new0 (Snapshot, 1);

  snapshot->disks = g_ptr_array_new_with_free_func (free_disk);
  return snapshot;
}

static VmDiskConfig *
copy_disk (const VmDiskConfig *disk)
{
  VmDiskConfig *copy = g_memdup2 (disk, sizeof *disk);

  copy->path = g_strdup (disk->path);
  return copy;
}

// ---------------------------------------------------------------------------------------------
// Reading

static JsonNode *
get_member (JsonObject *object, const char *name, GType type)
{
  JsonNode *node = json_object_get_member (object, name);

  if (type == JSON_TYPE_ARRAY)
    return node && JSON_NODE_HOLDS_ARRAY (node) ? node : NULL;
  return node && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == type ? node
                                                                                         : NULL;
}

static char *
dup_text (JsonObject *object, const char *name)
{
  JsonNode *node = get_member (object, name, G_TYPE_STRING);

  return node ? g_strdup (json_node_get_string (node)) : NULL;
}

static bool
get_flag (JsonObject *object, const char *name)
{
  JsonNode *node = get_member (object, name, G_TYPE_BOOLEAN);

  return node && json_node_get_boolean (node);
}

// A drive without a disc has no path. What is not said is as it is in machine.json.
static bool
read_place (JsonObject *object, VmDiskConfig *disk, const char *path)
{
  g_autofree char *bus = dup_text (object, "bus");
  JsonNode *slot = get_member (object, "slot", G_TYPE_INT64);
  gint64 port = slot ? json_node_get_int (slot) : 0;

  disk->cdrom = get_flag (object, "cdrom") || path[0] == '\0';
  disk->bus = disk->cdrom ? VM_DISK_SCSI : VM_DISK_VIRTIO;
  if ((bus && !vm_disk_bus_from_name (bus, &disk->bus)) || port < 0 || port > VM_PORTS)
    return false;
  disk->port = (unsigned) port;
  return (!disk->cdrom || (disk->bus == VM_DISK_SCSI && disk->read_only)) &&
         (port == 0 || !disk->cdrom);
}

static bool
read_disk (Snapshot *snapshot, const char *folder, JsonNode *node)
{
  if (!JSON_NODE_HOLDS_OBJECT (node))
    return false;
  JsonObject *object = json_node_get_object (node);
  g_autofree char *path = dup_text (object, "path");
  g_autofree char *format = dup_text (object, "format");
  VmDiskConfig disk = {.read_only = get_flag (object, "read-only"),
                       .allow_backing = get_flag (object, "allow-backing")};

  if (!path || !format || !vm_image_format_from_name (format, &disk.format) ||
      !read_place (object, &disk, path))
    return false;
  disk.path = g_path_is_absolute (path) || path[0] == '\0' ? g_strdup (path)
                                                           : g_build_filename (folder, path, NULL);
  g_ptr_array_add (snapshot->disks, copy_disk (&disk));
  g_free (disk.path);
  return true;
}

// Nothing but the adapters of `config`.
static VmConfig *
copy_nics (const VmConfig *config)
{
  VmConfig *copy = vm_config_new (VM_ARCH_AARCH64);

  g_ptr_array_set_size (copy->nics, 0);
  for (unsigned i = 0; i < config->nics->len; i++) {
    const VmNicConfig *nic = config->nics->pdata[i];
    vm_config_attach_nic (copy, nic, nic->port);
  }
  return copy;
}

// What a state fits: it is of no use to a machine with another amount of memory, for example.
static void
put_board (const VmConfig *from, VmConfig *to)
{
  to->cpus = from->cpus;
  to->cpu_features = from->cpu_features;
  to->memory_bytes = from->memory_bytes;
  to->display = from->display;
  to->display_width = from->display_width;
  to->display_height = from->display_height;
  to->sound.device = from->sound.device;
}

static VmConfig *
copy_board (const VmConfig *config)
{
  VmConfig *copy = vm_config_new (VM_ARCH_AARCH64);

  put_board (config, copy);
  return copy;
}

// As it stands in machine.json; what reads that reads this. NULL: it cannot be.
static VmConfig *
read_part (const char *const *names, JsonObject *part)
{
  g_autoptr (VmConfig) empty = vm_config_new (VM_ARCH_AARCH64);
  g_autofree char *frame = vm_config_to_json (empty, NULL);
  g_autoptr (JsonNode) root = json_from_string (frame, NULL);

  for (unsigned i = 0; names[i]; i++)
    if (json_object_has_member (part, names[i]))
      json_object_set_member (json_node_get_object (root), names[i],
                              json_node_copy (json_object_get_member (part, names[i])));
  g_autofree char *text = json_to_string (root, FALSE);
  return vm_config_from_json (text, -1, "/", NULL);
}

static bool
read_nics (Snapshot *snapshot, JsonObject *object)
{
  static const char *const names[] = {"nics", NULL};
  g_autoptr (VmConfig) config = read_part (names, object);

  if (config)
    snapshot->nics = copy_nics (config);
  return config != NULL;
}

static const char *const board_names[] = {"cpus",    "cpu-features", "memory-mib",
                                          "display", "sound",        NULL};

static bool
read_board (Snapshot *snapshot, JsonNode *node)
{
  g_autoptr (VmConfig) config =
      JSON_NODE_HOLDS_OBJECT (node) ? read_part (board_names, json_node_get_object (node)) : NULL;

  if (config)
    snapshot->board = copy_board (config);
  return config != NULL;
}

// An id is part of names of files.
static bool
is_id (const char *id)
{
  return id && g_uuid_string_is_valid (id);
}

static char *
dup_own_path (const char *folder, const char *id, const char *suffix)
{
  g_autofree char *name = g_strconcat ("snapshot-", id, suffix, NULL);

  return g_build_filename (folder, name, NULL);
}

static Snapshot *
read_snapshot (const char *folder, JsonNode *node)
{
  JsonObject *object = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
  g_autoptr (Snapshot) snapshot = snapshot_new ();
  JsonNode *disks = object ? get_member (object, "disks", JSON_TYPE_ARRAY) : NULL;
  JsonNode *time = object ? get_member (object, "time", G_TYPE_INT64) : NULL;

  if (!disks || !time)
    return NULL;
  snapshot->id = dup_text (object, "id");
  snapshot->name = dup_text (object, "name");
  snapshot->parent = dup_text (object, "parent");
  snapshot->time = json_node_get_int (time);
  if (!is_id (snapshot->id) || !snapshot->name || (snapshot->parent && !is_id (snapshot->parent)))
    return NULL;
  for (unsigned i = 0; i < json_array_get_length (json_node_get_array (disks)); i++)
    if (!read_disk (snapshot, folder, json_array_get_element (json_node_get_array (disks), i)))
      return NULL;
  if (json_object_has_member (object, "nics") && !read_nics (snapshot, object))
    return NULL;
  if (json_object_has_member (object, "board") &&
      !read_board (snapshot, json_object_get_member (object, "board")))
    return NULL;
  snapshot->has_state = get_flag (object, "state");
  if (snapshot->has_state)
    snapshot->state = dup_own_path (folder, snapshot->id, ".state");
  snapshot->picture = dup_own_path (folder, snapshot->id, ".png");
  if (!g_file_test (snapshot->picture, G_FILE_TEST_IS_REGULAR))
    g_clear_pointer (&snapshot->picture, g_free);
  return g_steal_pointer (&snapshot);
}

static bool
fill (SnapshotList *list, JsonNode *root)
{
  JsonObject *object = root && JSON_NODE_HOLDS_OBJECT (root) ? json_node_get_object (root) : NULL;
  JsonNode *version = object ? get_member (object, "version", G_TYPE_INT64) : NULL;
  JsonNode *all = object ? get_member (object, "snapshots", JSON_TYPE_ARRAY) : NULL;

  if (!version || json_node_get_int (version) != LIST_VERSION || !all ||
      json_array_get_length (json_node_get_array (all)) > SNAPSHOTS_MAX)
    return false;
  for (unsigned i = 0; i < json_array_get_length (json_node_get_array (all)); i++) {
    Snapshot *snapshot =
        read_snapshot (list->bundle_path, json_array_get_element (json_node_get_array (all), i));
    // A parent comes before its children: there are no circles.
    if (!snapshot || snapshot_list_find (list, snapshot->id) ||
        (snapshot->parent && !snapshot_list_find (list, snapshot->parent))) {
      snapshot_free (snapshot);
      return false;
    }
    if (snapshot->parent)
      snapshot->depth = snapshot_list_find (list, snapshot->parent)->depth + 1;
    g_ptr_array_add (list->all, snapshot);
  }
  list->current = dup_text (object, "current");
  Snapshot *current = list->current ? snapshot_list_find (list, list->current) : NULL;
  if (current)
    current->current = true;
  return current || !list->current;
}

SnapshotList *
snapshot_list_read (const char *bundle_path, GError **error)
{
  g_autoptr (SnapshotList) list = g_new0 (SnapshotList, 1);
  g_autofree char *file = g_build_filename (bundle_path, LIST_FILE, NULL);
  g_autofree char *text = NULL;
  g_autoptr (JsonParser) parser = json_parser_new ();
  GStatBuf status;
  gsize length = 0;

  list->bundle_path = g_strdup (bundle_path);
  list->all = g_ptr_array_new_with_free_func ((GDestroyNotify) snapshot_free);
  if (g_lstat (file, &status) != 0)
    return g_steal_pointer (&list);
  if (S_ISREG (status.st_mode) && status.st_size <= TEXT_MAX_BYTES &&
      g_file_get_contents (file, &text, &length, NULL) &&
      json_parser_load_from_data (parser, text, (gssize) length, NULL) &&
      fill (list, json_parser_get_root (parser)))
    return g_steal_pointer (&list);
  g_autofree char *shown = g_filename_display_name (file);
  g_set_error (error, BUNDLE_ERROR, BUNDLE_ERROR_BROKEN,
               _ ("“%s” is damaged, so the snapshots cannot be used; restore it from a copy."),
               shown);
  return NULL;
}

// ---------------------------------------------------------------------------------------------
// Writing

static JsonObject *
make_disk (const char *folder, const VmDiskConfig *disk)
{
  JsonObject *object = json_object_new ();
  size_t length = strlen (folder);
  bool inside = g_str_has_prefix (disk->path, folder) && disk->path[length] == '/';

  json_object_set_string_member (object, "path", inside ? disk->path + length + 1 : disk->path);
  json_object_set_string_member (object, "format", vm_image_format_get_name (disk->format));
  json_object_set_boolean_member (object, "read-only", disk->read_only);
  json_object_set_boolean_member (object, "allow-backing", disk->allow_backing);
  if (disk->bus != VM_DISK_VIRTIO)
    json_object_set_string_member (object, "bus", vm_disk_bus_get_name (disk->bus));
  if (disk->cdrom)
    json_object_set_boolean_member (object, "cdrom", true);
  if (disk->port != 0)
    json_object_set_int_member (object, "slot", disk->port);
  return object;
}

static JsonObject *
make_board (const VmConfig *board)
{
  JsonObject *object = json_object_new ();
  g_autofree char *text = vm_config_to_json (board, NULL);
  g_autoptr (JsonNode) root = json_from_string (text, NULL);
  JsonObject *from = json_node_get_object (root);

  for (unsigned i = 0; board_names[i]; i++)
    if (json_object_has_member (from, board_names[i]))
      json_object_set_member (object, board_names[i],
                              json_node_copy (json_object_get_member (from, board_names[i])));
  return object;
}

static JsonObject *
make_snapshot (const char *folder, const Snapshot *snapshot)
{
  JsonObject *object = json_object_new ();
  JsonArray *disks = json_array_new ();

  json_object_set_string_member (object, "id", snapshot->id);
  json_object_set_string_member (object, "name", snapshot->name);
  if (snapshot->parent)
    json_object_set_string_member (object, "parent", snapshot->parent);
  json_object_set_int_member (object, "time", snapshot->time);
  json_object_set_boolean_member (object, "state", snapshot->has_state);
  for (unsigned i = 0; i < snapshot->disks->len; i++)
    json_array_add_object_element (disks, make_disk (folder, snapshot->disks->pdata[i]));
  json_object_set_array_member (object, "disks", disks);
  if (snapshot->nics) {
    g_autofree char *text = vm_config_to_json (snapshot->nics, NULL);
    g_autoptr (JsonNode) root = json_from_string (text, NULL);
    JsonNode *nics = json_object_get_member (json_node_get_object (root), "nics");
    json_object_set_member (object, "nics", json_node_copy (nics));
  }
  if (snapshot->board)
    json_object_set_object_member (object, "board", make_board (snapshot->board));
  return object;
}

bool
snapshot_list_write (const SnapshotList *list, GError **error)
{
  g_autofree char *file = g_build_filename (list->bundle_path, LIST_FILE, NULL);
  g_autoptr (JsonObject) object = json_object_new ();
  JsonArray *all = json_array_new ();

  json_object_set_int_member (object, "version", LIST_VERSION);
  if (list->current)
    json_object_set_string_member (object, "current", list->current);
  for (unsigned i = 0; i < list->all->len; i++)
    json_array_add_object_element (all, make_snapshot (list->bundle_path, list->all->pdata[i]));
  json_object_set_array_member (object, "snapshots", all);
  g_autoptr (JsonNode) node = json_node_init_object (json_node_alloc (), object);
  g_autofree char *text = json_to_string (node, TRUE);
  return bundle_write_file (file, text, error);
}

// ---------------------------------------------------------------------------------------------
// What one keeps

// A slot holds one device; network adapters were not part of a snapshot once.
static bool
check_slots (const VmConfig *config, const Snapshot *snapshot, GError **error)
{
  for (unsigned i = 0; !snapshot->nics && i < config->nics->len; i++) {
    unsigned port = ((const VmNicConfig *) config->nics->pdata[i])->port;
    for (unsigned j = 0; port != 0 && j < snapshot->disks->len; j++)
      if (((const VmDiskConfig *) snapshot->disks->pdata[j])->port == port) {
        g_set_error (error, G_IO_ERROR, G_IO_ERROR_EXISTS,
                     _ ("The snapshot has a disk in slot%u, where a network adapter is now; detach "
                        "that first."),
                     port);
        return false;
      }
  }
  return true;
}

// The one at the same place: in the same slot, or the same among those that stay.
static const VmNicConfig *
find_nic (const VmConfig *config, const VmConfig *of, unsigned index)
{
  const VmNicConfig *wanted = of->nics->pdata[index];
  unsigned nth = 0;

  for (unsigned i = 0; i < index; i++)
    nth += ((const VmNicConfig *) of->nics->pdata[i])->port == wanted->port;
  for (unsigned i = 0; i < config->nics->len; i++) {
    const VmNicConfig *nic = config->nics->pdata[i];
    if (nic->port == wanted->port && nth-- == 0)
      return nic;
  }
  return NULL;
}

static void
put_nics (const Snapshot *snapshot, VmConfig *config)
{
  g_autoptr (VmConfig) now = copy_nics (config);

  g_ptr_array_set_size (config->nics, 0);
  for (unsigned i = 0; i < snapshot->nics->nics->len; i++) {
    const VmNicConfig *nic = snapshot->nics->nics->pdata[i];
    const VmNicConfig *same = find_nic (now, snapshot->nics, i);
    VmNicConfig put = *nic;
    if (same)
      put.forwards = same->forwards;
    vm_config_attach_nic (config, &put, nic->port);
  }
}

bool
snapshot_put_devices (const Snapshot *snapshot, VmConfig *config, GError **error)
{
  if (!check_slots (config, snapshot, error))
    return false;
  if (snapshot->nics)
    put_nics (snapshot, config);
  if (snapshot->board)
    put_board (snapshot->board, config);
  g_ptr_array_set_size (config->disks, 0);
  for (unsigned i = 0; i < snapshot->disks->len; i++)
    g_ptr_array_add (config->disks, copy_disk (snapshot->disks->pdata[i]));
  // snapshots.json may say what no machine can have.
  g_autofree char *text = vm_config_to_json (config, NULL);
  g_autoptr (VmConfig) read = vm_config_from_json (text, -1, "/", error);
  return read != NULL;
}

char *
snapshot_dup_variables_path (const char *folder, const char *id)
{
  return dup_own_path (folder, id, ".nvram");
}

// ---------------------------------------------------------------------------------------------
// Changing

void
snapshot_list_free (SnapshotList *list)
{
  if (!list)
    return;
  g_free (list->bundle_path);
  g_free (list->current);
  g_ptr_array_unref (list->all);
  g_free (list);
}

Snapshot *
snapshot_list_find (const SnapshotList *list, const char *id)
{
  for (unsigned i = 0; i < list->all->len; i++) {
    Snapshot *snapshot = list->all->pdata[i];
    if (strcmp (snapshot->id, id) == 0)
      return snapshot;
  }
  return NULL;
}

Snapshot *
snapshot_list_add (SnapshotList *list, const char *id, const char *name, const VmConfig *config)
{
  Snapshot *snapshot = snapshot_new ();

  snapshot->id = g_strdup (id);
  snapshot->name = g_strdup (name);
  snapshot->parent = g_strdup (list->current);
  snapshot->time = g_get_real_time () / G_USEC_PER_SEC;
  for (unsigned i = 0; i < config->disks->len; i++)
    g_ptr_array_add (snapshot->disks, copy_disk (config->disks->pdata[i]));
  snapshot->nics = copy_nics (config);
  snapshot->board = copy_board (config);
  g_ptr_array_add (list->all, snapshot);
  g_free (list->current);
  list->current = g_strdup (id);
  return snapshot;
}

void
snapshot_list_remove (SnapshotList *list, Snapshot *snapshot)
{
  for (unsigned i = 0; i < list->all->len; i++) {
    Snapshot *child = list->all->pdata[i];
    if (g_strcmp0 (child->parent, snapshot->id) != 0)
      continue;
    g_free (child->parent);
    child->parent = g_strdup (snapshot->parent);
  }
  if (g_strcmp0 (list->current, snapshot->id) == 0) {
    g_free (list->current);
    list->current = g_strdup (snapshot->parent);
  }
  g_ptr_array_remove (list->all, snapshot);
}
