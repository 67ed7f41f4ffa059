// SPDX-License-Identifier: GPL-3.0-or-later
// A machine on disk. A new bundle is made in a hidden folder beside its final place and renamed
// when complete, so that a half-made one is never seen as a machine. Any thread.
#include "app/model/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/model/copy.h"

#define PARTIAL_PREFIX  ".creating-"
#define FILE_MAX_BYTES  (1 << 20) // a machine.json is a few hundred bytes
#define SLUG_MAX_LENGTH 48

char *
bundle_get_root (void)
{
  return g_build_filename (g_get_user_data_dir (), "terrarium", "machines", NULL);
}

static bool
fail (const char *sentence, const char *path, GError **error)
{
  int saved = errno;
  g_autofree char *name = g_filename_display_name (path);

  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved), sentence, name,
               g_strerror (saved));
  return false;
}

static int
compare_paths (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

GPtrArray *
bundle_list (const char *root)
{
  GPtrArray *paths = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GDir) dir = g_dir_open (root, 0, NULL);

  for (const char *name; dir && (name = g_dir_read_name (dir));) {
    g_autofree char *file = g_build_filename (root, name, BUNDLE_FILE, NULL);
    if (name[0] != '.' && g_file_test (file, G_FILE_TEST_EXISTS))
      g_ptr_array_add (paths, g_build_filename (root, name, NULL));
  }
  g_ptr_array_sort (paths, compare_paths);
  return paths;
}

static bool
is_called (const char *path, const char *name)
{
  g_autofree char *folder = g_path_get_basename (path);
  g_autoptr (VmConfig) config = bundle_load (path, NULL);

  return strcmp (folder, name) == 0 || (config && strcmp (config->name, name) == 0);
}

char *
bundle_find (const char *root, const char *name, GError **error)
{
  g_autoptr (GPtrArray) paths = bundle_list (root);
  char *found = NULL;

  for (unsigned i = 0; i < paths->len; i++) {
    if (!is_called (paths->pdata[i], name))
      continue;
    if (found) {
      g_free (found);
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED,
                   "Several machines are called “%s”; use a folder name below “%s”", name, root);
      return NULL;
    }
    found = g_strdup (paths->pdata[i]);
  }
  if (!found)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                 "There is no machine called “%s”; “terrarium list” shows those there are", name);
  return found;
}

// ---------------------------------------------------------------------------------------------
// machine.json

VmConfig *
bundle_load (const char *path, GError **error)
{
  g_autofree char *file = g_build_filename (path, BUNDLE_FILE, NULL);
  g_autofree char *text = NULL;
  gsize length = 0;
  struct stat status;

  if (stat (file, &status) < 0) {
    fail ("“%s” cannot be read: %s", file, error);
    return NULL;
  }
  if (!S_ISREG (status.st_mode) || status.st_size > FILE_MAX_BYTES) {
    g_set_error (error, VM_CONFIG_ERROR, VM_CONFIG_ERROR_FORMAT,
                 "“%s” is not a machine description; restore it from a copy", file);
    return NULL;
  }
  if (!g_file_get_contents (file, &text, &length, error))
    return NULL;
  VmConfig *config = vm_config_from_json (text, (gssize) length, path, error);
  if (!config)
    g_prefix_error (error, "“%s”: ", file);
  return config;
}

static bool
sync_folder (const char *path, GError **error)
{
  int fd = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (fd < 0)
    return fail ("“%s” cannot be opened: %s", path, error);
  bool done = fsync (fd) == 0 || fail ("“%s” cannot be written: %s", path, error);
  close (fd);
  return done;
}

static bool
save_at (const char *path, const char *base, const VmConfig *config, GError **error)
{
  g_autofree char *file = g_build_filename (path, BUNDLE_FILE, NULL);
  g_autofree char *text = vm_config_to_json (config, base);

  return g_file_set_contents_full (file, text, -1,
                                   G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE,
                                   0644, error) &&
         sync_folder (path, error);
}

bool
bundle_save (const char *path, const VmConfig *config, GError **error)
{
  return save_at (path, path, config, error);
}

// ---------------------------------------------------------------------------------------------
// Creation

// A folder name out of a machine's: lower-case ASCII letters, digits and single dashes.
static char *
make_slug (const char *name)
{
  g_autofree char *ascii = g_str_to_ascii (name, "C");
  GString *slug = g_string_new (NULL);

  for (const char *c = ascii; *c && slug->len < SLUG_MAX_LENGTH; c++) {
    if (g_ascii_isalnum (*c))
      g_string_append_c (slug, g_ascii_tolower (*c));
    else if (slug->len > 0 && slug->str[slug->len - 1] != '-')
      g_string_append_c (slug, '-');
  }
  while (slug->len > 0 && slug->str[slug->len - 1] == '-')
    g_string_truncate (slug, slug->len - 1);
  if (slug->len == 0)
    g_string_append (slug, "machine");
  return g_string_free (slug, FALSE);
}

// Renames the finished folder to the first free name. renameat2 with NOREPLACE: two processes may
// be creating the same machine.
static char *
settle (const char *partial, const char *root, const char *name, GError **error)
{
  g_autofree char *slug = make_slug (name);

  for (unsigned n = 1; n < 1000; n++) {
    g_autofree char *folder = n == 1 ? g_strdup (slug) : g_strdup_printf ("%s-%u", slug, n);
    g_autofree char *path = g_build_filename (root, folder, NULL);
    if (renameat2 (AT_FDCWD, partial, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
      return g_steal_pointer (&path);
    if (errno != EEXIST) {
      fail ("“%s” cannot be created: %s", path, error);
      return NULL;
    }
  }
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_EXISTS,
               "There are too many machines called “%s”; choose another name", name);
  return NULL;
}

typedef struct Creation {
  const char *folder;
  BundleProgress progress;
  void *progress_data;
  uint64_t done, total;
  GCancellable *cancellable;
} Creation;

static void
progress_cb (uint64_t more, void *data)
{
  Creation *creation = data;

  creation->done += more;
  if (creation->progress)
    creation->progress (creation->done, creation->total, creation->progress_data);
}

static bool
add_size (Creation *creation, const char *path, GError **error)
{
  struct stat status;

  if (!path)
    return true;
  if (stat (path, &status) < 0)
    return fail ("“%s” cannot be read: %s", path, error);
  if (!S_ISREG (status.st_mode)) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_REGULAR_FILE,
                 "“%s” is not a file that can be copied; choose a file", path);
    return false;
  }
  creation->total += (uint64_t) status.st_size;
  return true;
}

// Copies *path into the bundle as `name` and makes it point there.
static bool
take_in (Creation *creation, char **path, const char *name, GError **error)
{
  if (!*path)
    return true;
  g_autofree char *target = g_build_filename (creation->folder, name, NULL);
  if (!copy_file (*path, target, progress_cb, creation, creation->cancellable, error))
    return false;
  g_free (*path);
  *path = g_steal_pointer (&target);
  return true;
}

static bool
is_in_place (unsigned in_place, unsigned disk)
{
  return disk < 32 && (in_place >> disk & 1);
}

static bool
fill (Creation *creation, VmConfig *config, unsigned in_place, GError **error)
{
  if (!add_size (creation, config->kernel, error) || !add_size (creation, config->initrd, error))
    return false;
  for (unsigned i = 0; i < config->disks->len; i++) {
    VmDiskConfig *disk = config->disks->pdata[i];
    if (!is_in_place (in_place, i) && !add_size (creation, disk->path, error))
      return false;
  }
  if (!take_in (creation, &config->kernel, "kernel", error) ||
      !take_in (creation, &config->initrd, "initrd", error))
    return false;
  for (unsigned i = 0; i < config->disks->len; i++) {
    VmDiskConfig *disk = config->disks->pdata[i];
    g_autofree char *name = g_strdup_printf ("disk-%u.img", i + 1);
    if (!is_in_place (in_place, i) && !take_in (creation, &disk->path, name, error))
      return false;
  }
  return save_at (creation->folder, creation->folder, config, error);
}

// A bundle holds files only; nothing is followed and nothing outside the folder is touched.
static void
remove_folder (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);

  for (const char *name; dir && (name = g_dir_read_name (dir));) {
    g_autofree char *file = g_build_filename (path, name, NULL);
    unlink (file);
  }
  rmdir (path);
}

char *
bundle_create (const char *root, VmConfig *config, unsigned in_place, BundleProgress progress,
               void *progress_data, GCancellable *cancellable, GError **error)
{
  if (g_mkdir_with_parents (root, 0755) < 0) {
    fail ("“%s” cannot be created: %s", root, error);
    return NULL;
  }
  g_autofree char *partial = g_build_filename (root, PARTIAL_PREFIX "XXXXXX", NULL);
  if (!g_mkdtemp_full (partial, 0755)) {
    fail ("“%s” cannot be created: %s", partial, error);
    return NULL;
  }
  int lock = bundle_lock (partial, error);
  g_autoptr (VmConfig) made = vm_config_copy (config);
  Creation creation = {partial, progress, progress_data, 0, 0, cancellable};
  char *path = NULL;
  if (lock >= 0 && fill (&creation, made, in_place, error))
    path = settle (partial, root, config->name, error);
  if (!path)
    remove_folder (partial);
  if (lock >= 0)
    close (lock);
  if (path)
    sync_folder (root, NULL);
  return path;
}

void
bundle_clean (const char *root)
{
  g_autoptr (GDir) dir = g_dir_open (root, 0, NULL);

  for (const char *name; dir && (name = g_dir_read_name (dir));) {
    g_autofree char *path = g_build_filename (root, name, NULL);
    if (!g_str_has_prefix (name, PARTIAL_PREFIX) || bundle_is_locked (path))
      continue;
    remove_folder (path);
  }
}

// ---------------------------------------------------------------------------------------------
// Lock

static int
open_lock (const char *path, int flags)
{
  g_autofree char *file = g_build_filename (path, "lock", NULL);

  return open (file, O_RDWR | O_CLOEXEC | flags, 0644);
}

int
bundle_lock (const char *path, GError **error)
{
  struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  int fd = open_lock (path, O_CREAT);

  if (fd < 0) {
    fail ("“%s” cannot be written, so the machine cannot run from there: %s", path, error);
    return -1;
  }
  if (fcntl (fd, F_OFD_SETLK, &whole) == 0)
    return fd;
  if (errno == EAGAIN || errno == EACCES)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_BUSY,
                 "“%s” is running in another program; stop it there first", path);
  else
    fail ("“%s” cannot be locked: %s", path, error);
  close (fd);
  return -1;
}

bool
bundle_is_locked (const char *path)
{
  struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  int fd = open_lock (path, 0);

  if (fd < 0)
    return false;
  bool locked = fcntl (fd, F_OFD_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
  close (fd);
  return locked;
}
