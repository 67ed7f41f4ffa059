// SPDX-License-Identifier: GPL-3.0-or-later
// Machines elsewhere; see adopt.h. Any thread that may wait.
#include "app/model/adopt.h"

#include <errno.h>
#include <glib/gi18n.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DESCRIPTION "machine.json"
#define NAMES_MAX   100

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
adopt_machine (const char *root, const char *path, GError **error)
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
  if (g_mkdir_with_parents (root, 0755) < 0) {
    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno),
                 _ ("“%s” cannot be created: %s."), root, g_strerror (errno));
    return NULL;
  }
  return link_to (root, bundle->path, error);
}
