// SPDX-License-Identifier: GPL-3.0-or-later
// A machine on disk. A new bundle is made in a hidden folder beside its final place and renamed
// when complete, so that a half-made one is never seen as a machine. Any thread.
#include "app/model/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/model/bundle-priv.h"

#define PARTIAL_PREFIX  ".creating-"
#define FILE_MAX_BYTES  (1 << 20) // a machine.json is a few hundred bytes
#define SLUG_MAX_LENGTH 48
#define NAME_MAX_BYTES  255 // what a configuration allows

G_DEFINE_QUARK (bundle_error, bundle_error)

char *
bundle_dup_root (void)
{
  return g_build_filename (g_get_user_data_dir (), "terrarium", "machines", NULL);
}

bool
bundle_fail (const char *sentence, const char *path, GError **error)
{
  int saved = errno;
  g_autofree char *name = g_filename_display_name (path);

  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved), sentence, name,
               g_strerror (saved));
  return false;
}

// ---------------------------------------------------------------------------------------------
// Loading

static bool
read_text (const char *file, char **text, gsize *length, GError **error)
{
  struct stat status;

  if (stat (file, &status) < 0)
    return bundle_fail (_ ("“%s” cannot be read: %s."), file, error);
  if (!S_ISREG (status.st_mode) || status.st_size > FILE_MAX_BYTES) {
    g_autofree char *shown = g_filename_display_name (file);
    g_set_error (error, BUNDLE_ERROR, BUNDLE_ERROR_BROKEN,
                 _ ("“%s” is not a machine description; restore it from a copy."), shown);
    return false;
  }
  return g_file_get_contents (file, text, length, error);
}

// What a description that cannot be used calls its machine; NULL: it does not say.
static char *
dup_stated_name (const char *text, gsize length)
{
  g_autoptr (GRegex) member =
      g_regex_new ("\"name\"\\s*:\\s*(\"(?:[^\"\\\\]|\\\\.)*\")", 0, 0, NULL);
  g_autoptr (GMatchInfo) match = NULL;

  if (!g_utf8_validate (text, (gssize) length, NULL) || !g_regex_match (member, text, 0, &match))
    return NULL;
  g_autofree char *token = g_match_info_fetch (match, 1);
  g_autofree char *array = g_strconcat ("[", token, "]", NULL);
  g_autoptr (JsonNode) root = json_from_string (array, NULL);
  const char *name = root ? json_array_get_string_element (json_node_get_array (root), 0) : NULL;
  return name && *name && strlen (name) <= NAME_MAX_BYTES ? g_strdup (name) : NULL;
}

Bundle *
bundle_load (const char *path)
{
  Bundle *bundle = g_new0 (Bundle, 1);
  bundle->path = g_canonicalize_filename (path, NULL);
  bundle->folder = g_filename_display_basename (bundle->path);
  g_autofree char *file = g_build_filename (bundle->path, BUNDLE_CONFIG_FILE, NULL);
  g_autofree char *shown = g_filename_display_name (file);
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;
  gsize length = 0;

  if (read_text (file, &text, &length, &error))
    bundle->config = vm_config_from_json (text, (gssize) length, bundle->path, &error);
  if (bundle->config)
    return bundle;
  bundle->error = g_error_new (BUNDLE_ERROR, BUNDLE_ERROR_BROKEN, _ ("%s cannot be used: %s"),
                               shown, error->message);
  bundle->name = text ? dup_stated_name (text, length) : NULL;
  return bundle;
}

void
bundle_free (Bundle *bundle)
{
  if (!bundle)
    return;
  g_free (bundle->path);
  g_free (bundle->folder);
  g_free (bundle->name);
  vm_config_free (bundle->config);
  g_clear_error (&bundle->error);
  g_free (bundle);
}

static const char *
get_folder (const Bundle *bundle)
{
  return strrchr (bundle->path, '/') + 1;
}

const char *
bundle_get_name (const Bundle *bundle)
{
  if (bundle->config)
    return bundle->config->name;
  return bundle->name ? bundle->name : bundle->folder;
}

static int
compare_bundles (gconstpointer a, gconstpointer b)
{
  const Bundle *one = *(Bundle *const *) a;
  const Bundle *two = *(Bundle *const *) b;
  int order = g_utf8_collate (bundle_get_name (one), bundle_get_name (two));

  return order != 0 ? order : strcmp (one->path, two->path);
}

GPtrArray *
bundle_scan (const char *root)
{
  GPtrArray *bundles = g_ptr_array_new_with_free_func ((GDestroyNotify) bundle_free);
  g_autoptr (GDir) dir = g_dir_open (root, 0, NULL);

  for (const char *name; dir && (name = g_dir_read_name (dir));) {
    g_autofree char *path = g_build_filename (root, name, NULL);
    if (name[0] != '.' && g_file_test (path, G_FILE_TEST_IS_DIR))
      g_ptr_array_add (bundles, bundle_load (path));
  }
  g_ptr_array_sort (bundles, compare_bundles);
  return bundles;
}

static bool
is_meant (const Bundle *bundle, const char *which)
{
  return strcmp (get_folder (bundle), which) == 0 ||
         strcmp (bundle_get_name (bundle), which) == 0 ||
         (bundle->config && strcmp (bundle->config->uuid, which) == 0);
}

Bundle *
bundle_find (const char *root, const char *which, GError **error)
{
  g_autoptr (GPtrArray) bundles = bundle_scan (root);
  int found = -1;

  for (unsigned i = 0; i < bundles->len; i++) {
    if (!is_meant (bundles->pdata[i], which))
      continue;
    if (found >= 0) {
      g_set_error (error, BUNDLE_ERROR, BUNDLE_ERROR_UNKNOWN,
                   _ ("Several machines are called “%s”; give a folder name below “%s”."), which,
                   root);
      return NULL;
    }
    found = (int) i;
  }
  if (found >= 0)
    return g_ptr_array_steal_index (bundles, (unsigned) found);
  g_set_error (error, BUNDLE_ERROR, BUNDLE_ERROR_UNKNOWN,
               _ ("There is no machine called “%s”; “terrarium list” shows those there are."),
               which);
  return NULL;
}

// ---------------------------------------------------------------------------------------------
// Saving

static bool
sync_folder (const char *path, GError **error)
{
  int fd = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (fd < 0)
    return bundle_fail (_ ("“%s” cannot be opened: %s."), path, error);
  bool done = fsync (fd) == 0 || bundle_fail (_ ("“%s” cannot be written: %s."), path, error);
  close (fd);
  return done;
}

bool
bundle_write_file (const char *path, const char *text, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (path);

  return g_file_set_contents_full (path, text, -1,
                                   G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE,
                                   0644, error) &&
         sync_folder (folder, error);
}

bool
bundle_save (Bundle *bundle, GError **error)
{
  g_autofree char *file = g_build_filename (bundle->path, BUNDLE_CONFIG_FILE, NULL);
  g_autofree char *text = vm_config_to_json (bundle->config, bundle->path);

  return bundle_write_file (file, text, error);
}

bool
bundle_set_config (Bundle *bundle, VmConfig *take, GError **error)
{
  VmConfig *old = bundle->config;

  bundle->config = take;
  if (bundle_save (bundle, error)) {
    vm_config_free (old);
    return true;
  }
  bundle->config = old;
  vm_config_free (take);
  return false;
}

// ---------------------------------------------------------------------------------------------
// What is kept for the window, beside the machine's description

#define WINDOW_FILE "window.ini"

char *
bundle_dup_on_close (const Bundle *bundle)
{
  static const char *const known[] = {"save", "keep", "shut-down", NULL};
  g_autofree char *file = g_build_filename (bundle->path, WINDOW_FILE, NULL);
  g_autoptr (GKeyFile) keys = g_key_file_new ();
  g_autofree char *what = NULL, *text = NULL;
  gsize length = 0;

  if (read_text (file, &text, &length, NULL) &&
      g_key_file_load_from_data (keys, text, length, G_KEY_FILE_NONE, NULL))
    what = g_key_file_get_string (keys, "window", "on-close", NULL);
  return g_strdup (what && g_strv_contains (known, what) ? what : "ask");
}

bool
bundle_set_on_close (const Bundle *bundle, const char *what, GError **error)
{
  g_autofree char *file = g_build_filename (bundle->path, WINDOW_FILE, NULL);
  g_autofree char *text = g_strdup_printf ("[window]\non-close=%s\n", what);

  return bundle_write_file (file, text, error);
}

// ---------------------------------------------------------------------------------------------
// Drives

static bool
is_drive (const VmConfig *config, unsigned disk)
{
  return disk < config->disks->len && ((const VmDiskConfig *) config->disks->pdata[disk])->cdrom;
}

bool
bundle_find_drive (const VmConfig *config, const char *name, unsigned *disk)
{
  unsigned n_found = 0;

  for (unsigned i = 0; i < config->disks->len; i++) {
    g_autofree char *own = g_strdup_printf ("disk%u", i);
    if (!is_drive (config, i) || (name[0] != '\0' && !g_str_equal (name, own)))
      continue;
    *disk = i;
    n_found++;
  }
  return n_found == 1;
}

bool
bundle_set_medium (VmConfig *config, unsigned disk, const char *path)
{
  if (!is_drive (config, disk))
    return false;
  VmDiskConfig *drive = config->disks->pdata[disk];
  g_free (drive->path);
  drive->path = g_strdup (path != NULL ? path : "");
  return true;
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
      bundle_fail (_ ("“%s” cannot be created: %s."), path, error);
      return NULL;
    }
  }
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_EXISTS,
               _ ("There are too many machines called “%s”; choose another name."), name);
  return NULL;
}

static bool
is_name_taken (GPtrArray *bundles, const char *name, const char *except)
{
  for (unsigned i = 0; i < bundles->len; i++) {
    const Bundle *bundle = bundles->pdata[i];
    if (strcmp (bundle_get_name (bundle), name) == 0 && g_strcmp0 (bundle->path, except) != 0)
      return true;
  }
  return false;
}

// The name with a number, cut at a character's beginning if the two were too long.
static char *
number_name (const char *name, unsigned n)
{
  g_autofree char *suffix = g_strdup_printf (" %u", n);
  size_t length = MIN (strlen (name), NAME_MAX_BYTES - strlen (suffix));

  while (length > 0 && ((uint8_t) name[length] & 0xc0) == 0x80)
    length--;
  return g_strdup_printf ("%.*s%s", (int) length, name, suffix);
}

// Two machines of one name could not be told apart on the command line.
static void
make_name_unique (const char *root, VmConfig *config)
{
  g_autoptr (GPtrArray) bundles = bundle_scan (root);
  g_autofree char *name = g_strdup (config->name);

  for (unsigned n = 2; is_name_taken (bundles, config->name, NULL); n++) {
    g_free (config->name);
    config->name = number_name (name, n);
  }
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

// Between its making and its lock a new folder looks like one that was left behind: whoever makes one
// shares `root` for that long, and who cleans up has it alone. -1: somebody else has it, or it cannot be
// locked.
static int
lock_root (const char *root, int how)
{
  int fd = open (root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int done = -1;

  while (fd >= 0 && (done = flock (fd, how)) < 0 && errno == EINTR)
    ;
  if (fd >= 0 && done < 0)
    close (fd);
  return done == 0 ? fd : -1;
}

// The path is changed into the folder's, which the lock is of. -1: there is none.
static int
make_partial (const char *root, char *path, const VmConfig *config, GError **error)
{
  const Bundle partial = {.path = path, .config = (VmConfig *) config};
  int guard = lock_root (root, LOCK_SH), lock = -1;

  if (!g_mkdtemp_full (path, 0755))
    bundle_fail (_ ("“%s” cannot be created: %s."), path, error);
  else if ((lock = bundle_lock (&partial, error)) < 0)
    rmdir (path);
  if (guard >= 0)
    close (guard);
  return lock;
}

static Bundle *
create (const char *root, const VmConfig *config, BundleFill fill, GError **error)
{
  if (g_mkdir_with_parents (root, 0755) < 0) {
    bundle_fail (_ ("“%s” cannot be created: %s."), root, error);
    return NULL;
  }
  g_autofree char *partial = g_build_filename (root, PARTIAL_PREFIX "XXXXXX", NULL);
  g_autofree char *path = NULL;
  g_autoptr (VmConfig) made = vm_config_copy (config);
  make_name_unique (root, made);
  int lock = make_partial (root, partial, made, error);
  if (lock < 0)
    return NULL;
  fill.partial = (Bundle){.path = partial, .config = made};
  if (bundle_fill (&fill, error))
    path = settle (partial, root, made->name, error);
  if (!path)
    remove_folder (partial);
  close (lock);
  if (!path)
    return NULL;
  sync_folder (root, NULL);
  return bundle_load (path);
}

Bundle *
bundle_create (const char *root, const VmConfig *config, bool disks_in_place,
               BundleProgress progress, void *data, GCancellable *cancellable, GError **error)
{
  const BundleFill fill = {.disks_in_place = disks_in_place,
                           .progress = progress,
                           .progress_data = data,
                           .cancellable = cancellable};

  return create (root, config, fill, error);
}

Bundle *
bundle_create_sharing (const char *root, const VmConfig *config, const BundleSharing *sharing,
                       BundleProgress progress, void *data, GCancellable *cancellable,
                       GError **error)
{
  const BundleFill fill = {
      .sharing = sharing, .progress = progress, .progress_data = data, .cancellable = cancellable};

  return create (root, config, fill, error);
}

bool
bundle_is_name_taken (const char *root, const char *name, const char *except)
{
  g_autoptr (GPtrArray) bundles = bundle_scan (root);

  return is_name_taken (bundles, name, except);
}

void
bundle_discard (Bundle *bundle)
{
  remove_folder (bundle->path);
  bundle_free (bundle);
}

void
bundle_clean (const char *root)
{
  int guard = lock_root (root, LOCK_EX | LOCK_NB);
  g_autoptr (GDir) dir = guard >= 0 ? g_dir_open (root, 0, NULL) : NULL;

  for (const char *name; dir && (name = g_dir_read_name (dir));) {
    g_autofree char *path = g_build_filename (root, name, NULL);
    Bundle partial = {.path = path};
    if (g_str_has_prefix (name, PARTIAL_PREFIX) && !bundle_is_locked (&partial))
      remove_folder (path);
  }
  if (guard >= 0)
    close (guard);
}

bool
bundle_trash (Bundle *bundle, GError **error)
{
  g_autoptr (GFile) file = g_file_new_for_path (bundle->path);
  int lock = bundle_lock (bundle, error);

  if (lock < 0)
    return false;
  bool done = g_file_trash (file, NULL, error);
  close (lock);
  return done;
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
bundle_lock (const Bundle *bundle, GError **error)
{
  struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  int fd = open_lock (bundle->path, O_CREAT);

  if (fd < 0) {
    bundle_fail (_ ("“%s” cannot be written, so the machine cannot run from there: %s."),
                 bundle->path, error);
    return -1;
  }
  if (fcntl (fd, F_OFD_SETLK, &whole) == 0)
    return fd;
  if (errno == EAGAIN || errno == EACCES)
    g_set_error (error, BUNDLE_ERROR, BUNDLE_ERROR_IN_USE,
                 _ ("“%s” is running in another process; stop it there first (terrarium stop)."),
                 bundle_get_name (bundle));
  else
    bundle_fail (_ ("“%s” cannot be locked: %s."), bundle->path, error);
  close (fd);
  return -1;
}

int
bundle_lock_to_change (Bundle **bundle, GError **error)
{
  int lock = bundle_lock (*bundle, error);

  if (lock < 0)
    return -1;
  g_autoptr (Bundle) now = bundle_load ((*bundle)->path);
  if (now->config) {
    Bundle *before = *bundle;
    *bundle = g_steal_pointer (&now);
    bundle_free (before);
    return lock;
  }
  g_propagate_error (error, g_error_copy (now->error));
  close (lock);
  return -1;
}

bool
bundle_is_locked (const Bundle *bundle)
{
  struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  int fd = open_lock (bundle->path, 0);

  if (fd < 0)
    return false;
  bool locked = fcntl (fd, F_OFD_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
  close (fd);
  return locked;
}
