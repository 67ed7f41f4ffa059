// SPDX-License-Identifier: GPL-3.0-or-later
// A machine's saved state in its bundle; see saved.h. Any thread that may wait.
#include "app/model/saved.h"

#include <fcntl.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "app/model/stamps.h"

#define POINTER_FILE   "saved.json"
#define STATE_PREFIX   "saved-"
#define STATE_SUFFIX   ".state"
#define TEXT_MAX_BYTES (1 << 16)

enum { POINTER_VERSION = 1 };

// What saved.json says. Not trusted.
typedef struct Pointer {
  char *path; // of the state
  gint64 time;
  JsonArray *disks;
} Pointer;

static void
pointer_clear (Pointer *pointer)
{
  g_free (pointer->path);
  g_clear_pointer (&pointer->disks, json_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Pointer, pointer_clear)

static char *
dup_pointer_path (const char *bundle_path)
{
  return g_build_filename (bundle_path, POINTER_FILE, NULL);
}

// A state lies in the bundle itself.
static bool
is_state_name (const char *name)
{
  return name != NULL && strchr (name, '/') == NULL && name[0] != '.' &&
         g_str_has_suffix (name, STATE_SUFFIX);
}

static JsonNode *
get_member (JsonObject *object, const char *name, GType type)
{
  JsonNode *node = json_object_get_member (object, name);

  if (type == JSON_TYPE_ARRAY)
    return node != NULL && JSON_NODE_HOLDS_ARRAY (node) ? node : NULL;
  return node != NULL && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == type
             ? node
             : NULL;
}

static bool
fill (Pointer *pointer, const char *bundle_path, JsonNode *root)
{
  if (root == NULL || !JSON_NODE_HOLDS_OBJECT (root))
    return false;
  JsonObject *object = json_node_get_object (root);
  JsonNode *version = get_member (object, "version", G_TYPE_INT64);
  JsonNode *state = get_member (object, "state", G_TYPE_STRING);
  JsonNode *time = get_member (object, "time", G_TYPE_INT64);
  JsonNode *disks = get_member (object, "disks", JSON_TYPE_ARRAY);

  if (version == NULL || json_node_get_int (version) != POINTER_VERSION || state == NULL ||
      !is_state_name (json_node_get_string (state)) || time == NULL || disks == NULL)
    return false;
  pointer->path = g_build_filename (bundle_path, json_node_get_string (state), NULL);
  pointer->time = json_node_get_int (time);
  pointer->disks = json_array_ref (json_node_get_array (disks));
  return true;
}

// SAVED_NONE: there is no such file. SAVED_STALE: it cannot be understood.
static SavedKind
read_pointer (const char *bundle_path, Pointer *pointer)
{
  g_autofree char *file = dup_pointer_path (bundle_path);
  g_autofree char *text = NULL;
  g_autoptr (JsonParser) parser = json_parser_new ();
  GStatBuf status;
  gsize length = 0;

  if (g_lstat (file, &status) != 0)
    return SAVED_NONE;
  if (!S_ISREG (status.st_mode) || status.st_size > TEXT_MAX_BYTES ||
      !g_file_get_contents (file, &text, &length, NULL) ||
      !json_parser_load_from_data (parser, text, (gssize) length, NULL) ||
      !fill (pointer, bundle_path, json_parser_get_root (parser)))
    return SAVED_STALE;
  return SAVED_READY;
}

static SavedKind
stale (const Bundle *bundle, const char *reason, GError **why)
{
  g_set_error (why, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
               _ ("“%s” cannot go on from where it was saved: %s. Start it afresh (terrarium start "
                  "--fresh)."),
               bundle_get_name (bundle), reason);
  return SAVED_STALE;
}

SavedKind
saved_look (const Bundle *bundle, GError **why)
{
  g_auto (Pointer) pointer = {0};
  g_autoptr (GError) reason = NULL;
  SavedKind kind = read_pointer (bundle->path, &pointer);

  if (kind == SAVED_NONE)
    return kind;
  if (kind == SAVED_STALE)
    return stale (bundle, _ ("the note about its state is damaged"), why);
  if (bundle->config == NULL)
    return SAVED_NONE;
  if (!g_file_test (pointer.path, G_FILE_TEST_IS_REGULAR))
    return stale (bundle, _ ("the file with its state is missing"), why);
  if (!stamps_match (pointer.disks, bundle->config, &reason))
    return stale (bundle, reason->message, why);
  return SAVED_READY;
}

bool
saved_reload_to_change (Bundle **bundle, GError **error)
{
  Bundle *now = bundle_load ((*bundle)->path);

  bundle_free (*bundle);
  *bundle = now;
  if (now->config == NULL) {
    g_propagate_error (error, g_error_copy (now->error));
    return false;
  }
  if (saved_look (now, NULL) != SAVED_READY)
    return true;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_BUSY,
               _ ("“%s” is saved, and its state is of no use with other devices; go on with it "
                  "(terrarium restore) to change them."),
               bundle_get_name (now));
  return false;
}

char *
saved_dup_path (const Bundle *bundle)
{
  g_auto (Pointer) pointer = {0};

  if (saved_look (bundle, NULL) != SAVED_READY ||
      read_pointer (bundle->path, &pointer) != SAVED_READY)
    return NULL;
  return g_steal_pointer (&pointer.path);
}

gint64
saved_get_time (const Bundle *bundle)
{
  g_auto (Pointer) pointer = {0};

  return read_pointer (bundle->path, &pointer) == SAVED_READY ? pointer.time : 0;
}

char *
saved_make_path (const char *bundle_path)
{
  g_autofree char *id = g_uuid_string_random ();
  g_autofree char *name = g_strconcat (STATE_PREFIX, id, STATE_SUFFIX, NULL);

  return g_build_filename (bundle_path, name, NULL);
}

// ---------------------------------------------------------------------------------------------
// Changing it

// Of saves; not a snapshot's.
static bool
is_own (const char *path)
{
  g_autofree char *name = g_path_get_basename (path);

  return g_str_has_prefix (name, STATE_PREFIX);
}

static char *
make_text (const VmConfig *config, const char *path, GError **error)
{
  g_autoptr (JsonObject) object = json_object_new ();
  g_autofree char *name = g_path_get_basename (path);
  JsonArray *disks = stamps_take (config, error);

  if (disks == NULL)
    return NULL;
  json_object_set_int_member (object, "version", POINTER_VERSION);
  json_object_set_string_member (object, "state", name);
  json_object_set_int_member (object, "time", g_get_real_time () / G_USEC_PER_SEC);
  json_object_set_array_member (object, "disks", disks);
  g_autoptr (JsonNode) node = json_node_init_object (json_node_alloc (), object);
  return json_to_string (node, TRUE);
}

bool
saved_commit (const char *bundle_path, const VmConfig *config, const char *path, GError **error)
{
  g_auto (Pointer) before = {0};
  g_autofree char *file = dup_pointer_path (bundle_path);
  g_autofree char *text = make_text (config, path, error);

  read_pointer (bundle_path, &before);
  if (text == NULL || !bundle_write_file (file, text, error))
    return false;
  if (before.path != NULL && is_own (before.path) && strcmp (before.path, path) != 0)
    g_unlink (before.path);
  return true;
}

void
saved_discard (const char *bundle_path)
{
  g_auto (Pointer) pointer = {0};
  g_autofree char *file = dup_pointer_path (bundle_path);

  read_pointer (bundle_path, &pointer);
  g_unlink (file);
  if (pointer.path != NULL && is_own (pointer.path))
    g_unlink (pointer.path);
}

static bool
is_leftover (const char *name, const char *current)
{
  if (g_str_has_prefix (name, "." STATE_PREFIX))
    return strstr (name, STATE_SUFFIX ".new-") != NULL;
  return g_str_has_prefix (name, STATE_PREFIX) && g_str_has_suffix (name, STATE_SUFFIX) &&
         g_strcmp0 (name, current) != 0;
}

void
saved_clean (const char *bundle_path)
{
  g_auto (Pointer) pointer = {0};
  g_autoptr (GDir) dir = g_dir_open (bundle_path, 0, NULL);

  // Whatever it is about, nothing is deleted that a damaged note may have meant.
  if (read_pointer (bundle_path, &pointer) == SAVED_STALE)
    return;
  g_autofree char *current = pointer.path != NULL ? g_path_get_basename (pointer.path) : NULL;
  for (const char *name; dir != NULL && (name = g_dir_read_name (dir)) != NULL;) {
    g_autofree char *path = g_build_filename (bundle_path, name, NULL);

    if (is_leftover (name, current))
      g_unlink (path);
  }
}
