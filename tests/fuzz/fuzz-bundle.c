// SPDX-License-Identifier: GPL-3.0-or-later
// The folder of machines, as anything may have left it: names, files and other things in any
// place, descriptions good and damaged. Machines are listed, found, locked, saved and read again;
// and files a person offers are looked into.
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/model/bundle.h"
#include "tests/fuzz/fuzz.h"

enum {
  BUNDLES_MAX = 4,
  FILE_BYTES_MAX = 3000,
};

static const char *const folders[] = {"one",      "two words", ".hidden", ".creating-abc",
                                      "\xff\xfe", "a\nb",      "%s%n",    "machine.json"};
static const char *const files[] = {
    "machine.json", "machine.json", "machine.json", "lock", "kernel", "disk0.raw", ".x"};

static const char good[] =
    "{\"version\": 1, \"uuid\": \"f0e1\", \"name\": \"one\", \"arch\": \"aarch64\", \"cpus\": 2, "
    "\"memory-mib\": 128, \"kernel\": \"kernel\", \"disks\": [{\"path\": \"disk0.raw\"}], "
    "\"nics\": [{\"mac\": \"52:54:00:01:02:03\"}], \"display\": {\"enabled\": true}}";

static void
make_regular (const char *path, FuzzInput *in)
{
  uint8_t bytes[FILE_BYTES_MAX] = {0};
  size_t length = sizeof good - 1;

  memcpy (bytes, good, sizeof good);
  if (fuzz_below (in, 8) == 0)
    fuzz_bytes (in, bytes, length = fuzz_below (in, sizeof bytes));
  for (unsigned n = fuzz_below (in, 3); n > 0 && length > 0; n--)
    bytes[fuzz_below (in, (unsigned) length)] = (uint8_t) fuzz_number (in, 1);
  int fd = open (path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0)
    return; // there is something of that name
  if (write (fd, bytes, length) != (ssize_t) length)
    g_error ("%s: %s", path, g_strerror (errno));
  if (fuzz_below (in, 16) == 0 && ftruncate (fd, (off_t) 1 << fuzz_below (in, 40)) < 0)
    g_error ("%s: %s", path, g_strerror (errno));
  close (fd);
}

// What cannot be made, because something else is there, is left.
static void
make_thing (const char *path, FuzzInput *in)
{
  int done = 0;

  switch (fuzz_below (in, 16)) {
  case 0:
    done = g_mkdir (path, 0700);
    break;
  case 1:
    done = mkfifo (path, 0600);
    break;
  case 2:
    done = symlink (fuzz_below (in, 2) ? "machine.json" : "/dev/zero", path);
    break;
  default:
    make_regular (path, in);
    break;
  }
  if (done < 0 && errno != EEXIST && errno != ENOTDIR && errno != ENOENT && errno != ELOOP)
    g_error ("%s: %s", path, g_strerror (errno));
}

static void
make_folder (const char *root, FuzzInput *in)
{
  g_autofree char *path =
      g_build_filename (root, folders[fuzz_below (in, G_N_ELEMENTS (folders))], NULL);

  if (fuzz_below (in, 8) == 0) {
    make_thing (path, in);
    return;
  }
  g_mkdir (path, 0700);
  for (unsigned n = fuzz_below (in, 4); n > 0; n--) {
    g_autofree char *file =
        g_build_filename (path, files[fuzz_below (in, G_N_ELEMENTS (files))], NULL);
    make_thing (file, in);
  }
}

static void
look_into (const Bundle *bundle)
{
  for (unsigned i = 3; i < G_N_ELEMENTS (files); i++) {
    g_autofree char *path = g_build_filename (bundle->path, files[i], NULL);
    g_autoptr (GError) error = NULL;
    VmFileKind kind;

    if (!vm_file_probe (path, &kind, &error) && error == NULL)
      g_error ("%s: no reason", path);
  }
}

static void
use (Bundle *bundle)
{
  g_autoptr (GError) error = NULL;

  if ((bundle->config == NULL) != (bundle->error != NULL) ||
      !g_utf8_validate (bundle_get_name (bundle), -1, NULL) ||
      (bundle->error != NULL && !g_utf8_validate (bundle->error->message, -1, NULL)))
    g_error ("%s: half loaded", bundle->path);
  look_into (bundle);
  int lock = bundle_lock (bundle, &error);
  if ((lock < 0) != (error != NULL) || (lock >= 0 && bundle_is_locked (bundle) != true))
    g_error ("%s: half locked", bundle->path);
  if (lock >= 0)
    close (lock);
  if (bundle->config == NULL)
    return;
  vm_config_validate (bundle->config, NULL);
  g_clear_error (&error);
  if (!bundle_save (bundle, &error))
    return; // machine.json is a folder's name, say
  g_autoptr (Bundle) again = bundle_load (bundle->path);
  if (again->config == NULL)
    g_error ("%s: cannot be read again: %s", bundle->path, again->error->message);
}

static void
remove_all (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);

  for (const char *name; dir != NULL && (name = g_dir_read_name (dir)) != NULL;) {
    g_autofree char *file = g_build_filename (path, name, NULL);
    struct stat status;

    if (lstat (file, &status) == 0 && S_ISDIR (status.st_mode))
      remove_all (file);
    else
      unlink (file);
  }
  rmdir (path);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  FuzzInput in = {.data = data, .left = size};
  g_autoptr (GError) error = NULL;
  g_autofree char *root = g_dir_make_tmp ("fuzz-XXXXXX", &error);

  g_log_set_always_fatal (G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING | G_LOG_FATAL_MASK);
  if (root == NULL)
    g_error ("%s", error->message);
  for (unsigned n = fuzz_below (&in, BUNDLES_MAX + 1); n > 0; n--)
    make_folder (root, &in);
  if (fuzz_below (&in, 4) == 0)
    bundle_clean (root);
  g_autoptr (GPtrArray) bundles = bundle_scan (root);
  for (unsigned i = 0; i < bundles->len; i++)
    use (bundles->pdata[i]);
  bundle_free (bundle_find (root, folders[fuzz_below (&in, G_N_ELEMENTS (folders))], NULL));
  remove_all (root);
  return 0;
}
