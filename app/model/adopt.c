// SPDX-License-Identifier: GPL-3.0-or-later
// Machines elsewhere; see adopt.h. Any thread that may wait.
#include "app/model/adopt.h"

#include <errno.h>
#include <glib/gi18n.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/model/snapshots.h"
#include "app/model/stamps.h"

#define DESCRIPTION "machine.json"
#define NAMES_MAX   100
#define SHOWN_MAX   5 // names of files

static char *
dup_folder (const char *path)
{
  return g_file_test (path, G_FILE_TEST_IS_DIR) ? g_strdup (path) : g_path_get_dirname (path);
}

bool
adopt_is_machine (const char *path)
{
  g_autofree char *name = g_path_get_basename (path);
  g_autofree char *inside = g_build_filename (path, DESCRIPTION, NULL);

  return strcmp (name, DESCRIPTION) == 0 || g_file_test (inside, G_FILE_TEST_EXISTS);
}

static bool
is_same_place (const char *one, const char *other)
{
  char *a = realpath (one, NULL), *b = realpath (other, NULL);
  bool same = a != NULL && b != NULL && strcmp (a, b) == 0;

  free (a);
  free (b);
  return same;
}

// The name of the folder that leads there already, or NULL; an error if another machine is in the way.
static char *
find (const char *root, const Bundle *bundle, GError **error)
{
  g_autoptr (GPtrArray) known = bundle_scan (root);

  for (unsigned i = 0; i < known->len; i++) {
    const Bundle *other = known->pdata[i];
    if (is_same_place (bundle->path, other->path))
      return g_path_get_basename (other->path);
  }
  for (unsigned i = 0; i < known->len; i++) {
    const Bundle *other = known->pdata[i];
    if (other->config == NULL || strcmp (other->config->uuid, bundle->config->uuid) != 0)
      continue;
    g_set_error (error, BUNDLE_ERROR, BUNDLE_ERROR_IN_USE,
                 _ ("This is a copy of “%s”, which is in the library; give one of them another "
                    "\"uuid\" in its machine.json."),
                 bundle_get_name (other));
    return NULL;
  }
  return NULL;
}

// ---------------------------------------------------------------------------------------------
// What a machine reaches

// Where the file is, or would be made; NULL: that cannot be told.
static char *
dup_real (const char *path)
{
  char *real = realpath (path, NULL);

  if (real == NULL && !g_file_test (path, G_FILE_TEST_IS_SYMLINK)) {
    g_autofree char *folder = g_path_get_dirname (path);
    g_autofree char *name = g_path_get_basename (path);
    char *above = realpath (folder, NULL);
    g_autofree char *made = above ? g_build_filename (above, name, NULL) : NULL;
    free (above);
    return g_steal_pointer (&made);
  }
  char *copy = g_strdup (real);
  free (real);
  return copy;
}

// The names of those that are not below `folder`, which has no links in it.
static void
add_outside (GHashTable *outside, const char *folder, const char *path)
{
  if (path == NULL || *path == '\0')
    return;
  g_autofree char *real = dup_real (path);
  size_t length = strlen (folder);
  if (real == NULL || !g_str_has_prefix (real, folder) || real[length] != '/')
    g_hash_table_add (outside, g_filename_display_name (real ? real : path));
}

static void
add_disks (GHashTable *outside, const char *folder, GPtrArray *disks)
{
  for (unsigned i = 0; i < disks->len; i++) {
    const VmDiskConfig *disk = disks->pdata[i];
    g_autoptr (GPtrArray) files = stamps_list_files (disk, NULL);
    add_outside (outside, folder, disk->path);
    for (unsigned j = 0; files && j < files->len; j++)
      add_outside (outside, folder, files->pdata[j]);
  }
}

static void
add_config (GHashTable *outside, const char *folder, const VmConfig *config)
{
  const char *const files[] = {config->kernel, config->initrd, config->nvram, config->vsock};

  for (size_t i = 0; i < G_N_ELEMENTS (files); i++)
    add_outside (outside, folder, files[i]);
  if (g_strcmp0 (config->firmware, "uefi") != 0)
    add_outside (outside, folder, config->firmware);
  add_disks (outside, folder, config->disks);
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

// Also what it would have when it goes back to a snapshot.
static char *
dup_outside (const Bundle *bundle)
{
  g_autoptr (GHashTable) outside = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GPtrArray) snapshots = snapshots_list (bundle, NULL);
  g_autofree char *folder = dup_real (bundle->path);

  if (folder == NULL)
    return g_strdup (bundle->path);
  add_config (outside, folder, bundle->config);
  for (unsigned i = 0; snapshots && i < snapshots->len; i++) {
    const Snapshot *snapshot = snapshots->pdata[i];
    add_disks (outside, folder, snapshot->disks);
  }
  guint n = 0;
  g_autofree const char **names = (const char **) g_hash_table_get_keys_as_array (outside, &n);
  if (n == 0)
    return NULL;
  qsort (names, n, sizeof *names, compare_names);
  // The array has a NULL behind the last one.
  if (n > SHOWN_MAX) {
    names[SHOWN_MAX] = "…";
    names[SHOWN_MAX + 1] = NULL;
  }
  return g_strjoinv ("\n", (char **) names);
}

// Whoever is the system's administrator needs no such way.
static bool
is_foreign (const char *path)
{
  struct stat status;

  return stat (path, &status) == 0 &&
         ((status.st_uid != 0 && status.st_uid != getuid ()) || (status.st_mode & S_IWOTH) != 0);
}

static bool
check (const Bundle *bundle, GError **error)
{
  g_autofree char *file = g_build_filename (bundle->path, DESCRIPTION, NULL);
  g_autofree char *outside = dup_outside (bundle);

  if (is_foreign (bundle->path) || is_foreign (file)) {
    g_set_error (error, BUNDLE_ERROR, BUNDLE_ERROR_DOUBT,
                 _ ("Its folder can be changed by others: they can give the machine any of your "
                    "files, at any time.%s%s"),
                 outside ? "\n\n" : "", outside ? outside : "");
    return false;
  }
  if (outside == NULL)
    return true;
  g_set_error (error, BUNDLE_ERROR, BUNDLE_ERROR_DOUBT,
               _ ("It uses files outside its folder. The system in it can read them, and change "
                  "those that are disks:\n\n%s"),
               outside);
  return false;
}

// ---------------------------------------------------------------------------------------------
// Links

// One that begins with a dot would not be seen.
static char *
link_to (const char *root, const char *folder, GError **error)
{
  g_autofree char *base = g_path_get_basename (folder);
  const char *visible = base + strspn (base, ".");

  for (unsigned i = 1; i <= NAMES_MAX; i++) {
    g_autofree char *name = i == 1 ? g_strdup (*visible ? visible : "machine")
                                   : g_strdup_printf ("%s-%u", *visible ? visible : "machine", i);
    g_autofree char *path = g_build_filename (root, name, NULL);
    if (symlink (folder, path) == 0)
      return g_steal_pointer (&name);
    if (errno != EEXIST)
      break;
  }
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno),
               _ ("No link can be made in “%s”: %s."), root, g_strerror (errno));
  return NULL;
}

char *
adopt_machine (const char *root, const char *path, bool agreed, GError **error)
{
  g_autofree char *folder = dup_folder (path);
  g_autoptr (Bundle) bundle = bundle_load (folder);
  g_autoptr (GError) why = NULL;

  if (bundle->config == NULL) {
    g_propagate_error (error, g_error_copy (bundle->error));
    return NULL;
  }
  char *found = find (root, bundle, &why);
  if (found != NULL || why != NULL) {
    if (why != NULL)
      g_propagate_error (error, g_steal_pointer (&why));
    return found;
  }
  if (!agreed && !check (bundle, error))
    return NULL;
  if (g_mkdir_with_parents (root, 0755) < 0) {
    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno),
                 _ ("“%s” cannot be created: %s."), root, g_strerror (errno));
    return NULL;
  }
  return link_to (root, bundle->path, error);
}
