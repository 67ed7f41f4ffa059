// SPDX-License-Identifier: GPL-3.0-or-later
// Bundles on disk: creation in all its endings, loading of sound and broken ones, names, locks.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/model/bundle.h"

// The machines' folder that is cleaned up at the worst moment; NULL: not now.
static const char *cleaned;

int __real_open (const char *path, int flags, ...);
int __wrap_open (const char *path, int flags, ...);
int __real_open64 (const char *path, int flags, ...);
int __wrap_open64 (const char *path, int flags, ...);

// Another process does so between a new folder's making and its lock.
static void
clean_before_lock (const char *path, int flags)
{
  const char *root = cleaned;

  if (!root || !(flags & O_CREAT) || !strstr (path, "/.creating-"))
    return;
  cleaned = NULL;
  bundle_clean (root);
}

static unsigned
get_mode (int flags, va_list arguments)
{
  return flags & (O_CREAT | O_TMPFILE) ? va_arg (arguments, unsigned) : 0;
}

#define WRAP(name)                                                                                 \
  int __wrap_##name (const char *path, int flags, ...)                                             \
  {                                                                                                \
    va_list arguments;                                                                             \
    va_start (arguments, flags);                                                                   \
    unsigned mode = get_mode (flags, arguments);                                                   \
    va_end (arguments);                                                                            \
    clean_before_lock (path, flags);                                                               \
    return __real_##name (path, flags, mode);                                                      \
  }
WRAP (open)
WRAP (open64)

typedef struct Room {
  char *folder, *root, *kernel, *initrd, *disk;
} Room;

static char *
make_file (const char *folder, const char *name, const char *text)
{
  char *path = g_build_filename (folder, name, NULL);

  assert_true (g_file_set_contents (path, text, -1, NULL));
  return path;
}

static int
set_up (void **state)
{
  Room *room = g_new0 (Room, 1);

  room->folder = g_dir_make_tmp ("bundle-XXXXXX", NULL);
  room->root = g_build_filename (room->folder, "machines", NULL);
  room->kernel = make_file (room->folder, "Image", "a kernel");
  room->initrd = make_file (room->folder, "initrd", "an initrd");
  room->disk = make_file (room->folder, "disk", "a disk");
  *state = room;
  return 0;
}

static void
remove_tree (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);

  for (const char *name; dir && (name = g_dir_read_name (dir));) {
    g_autofree char *child = g_build_filename (path, name, NULL);
    remove_tree (child);
  }
  g_remove (path);
}

static int
tear_down (void **state)
{
  Room *room = *state;

  remove_tree (room->folder);
  g_free (room->folder);
  g_free (room->root);
  g_free (room->kernel);
  g_free (room->initrd);
  g_free (room->disk);
  g_free (room);
  return 0;
}

static VmConfig *
make_config (Room *room, const char *name)
{
  VmConfig *config = vm_config_new (VM_ARCH_AARCH64);

  g_free (config->name);
  config->name = g_strdup (name);
  config->kernel = g_strdup (room->kernel);
  config->initrd = g_strdup (room->initrd);
  vm_config_add_disk (config, room->disk, false);
  return config;
}

static Bundle *
create (Room *room, const char *name, bool in_place)
{
  g_autoptr (VmConfig) config = make_config (room, name);
  g_autoptr (GError) error = NULL;
  Bundle *bundle = bundle_create (room->root, config, in_place, NULL, NULL, NULL, &error);

  assert_null (error);
  assert_non_null (bundle);
  return bundle;
}

static void
assert_contents (const char *path, const char *text)
{
  g_autofree char *found = NULL;

  assert_true (g_file_get_contents (path, &found, NULL, NULL));
  assert_string_equal (found, text);
}

static unsigned
count_entries (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  unsigned n = 0;

  while (dir && g_dir_read_name (dir))
    n++;
  return n;
}

static void
count_cb (double fraction, void *data)
{
  double *last = data;

  assert_true (fraction >= *last && fraction <= 1);
  *last = fraction;
}

static void
test_create (void **state)
{
  Room *room = *state;
  g_autoptr (VmConfig) config = make_config (room, "My Machine!");
  g_autoptr (GError) error = NULL;
  double last = 0;
  g_autoptr (Bundle) bundle =
      bundle_create (room->root, config, false, count_cb, &last, NULL, &error);

  assert_non_null (bundle);
  assert_true (last == 1);
  assert_true (g_str_has_suffix (bundle->path, "/machines/my-machine"));
  assert_string_equal (bundle_get_name (bundle), "My Machine!");
  assert_string_equal (bundle->config->uuid, config->uuid);
  assert_true (g_str_has_prefix (bundle->config->kernel, bundle->path));
  assert_contents (bundle->config->kernel, "a kernel");
  assert_contents (bundle->config->initrd, "an initrd");
  VmDiskConfig *disk = bundle->config->disks->pdata[0];
  assert_true (g_str_has_prefix (disk->path, bundle->path));
  assert_contents (disk->path, "a disk");
  assert_contents (room->disk, "a disk"); // the person's own is as it was
  assert_string_equal (config->kernel, room->kernel);
}

static void
test_moved (void **state)
{
  Room *room = *state;
  g_autoptr (Bundle) bundle = create (room, "M", false);
  g_autofree char *elsewhere = g_build_filename (room->folder, "elsewhere", NULL);

  assert_int_equal (g_rename (bundle->path, elsewhere), 0);
  g_autoptr (Bundle) moved = bundle_load (elsewhere);
  assert_non_null (moved->config);
  assert_contents (moved->config->kernel, "a kernel");
}

static void
test_in_place (void **state)
{
  Room *room = *state;
  g_autoptr (Bundle) bundle = create (room, "M", true);
  VmDiskConfig *disk = bundle->config->disks->pdata[0];

  assert_string_equal (disk->path, room->disk);
}

static void
test_names (void **state)
{
  Room *room = *state;
  g_autoptr (Bundle) one = create (room, "M", true);
  g_autoptr (Bundle) two = create (room, "M", true);
  g_autoptr (Bundle) chinese = create (room, "虚拟机", true);
  g_autoptr (GError) error = NULL;

  assert_string_equal (bundle_get_name (two), "M 2");
  assert_string_not_equal (one->path, two->path);
  assert_string_equal (bundle_get_name (chinese), "虚拟机");
  g_autoptr (GPtrArray) all = bundle_scan (room->root);
  assert_int_equal (all->len, 3);

  const char *const ways[] = {"M 2", two->config->uuid, "m-2"};
  for (unsigned i = 0; i < G_N_ELEMENTS (ways); i++) {
    g_autoptr (Bundle) found = bundle_find (room->root, ways[i], &error);
    assert_non_null (found);
    assert_string_equal (found->path, two->path);
  }
  assert_null (bundle_find (room->root, "N", &error));
  assert_true (g_error_matches (error, BUNDLE_ERROR, BUNDLE_ERROR_UNKNOWN));
  assert_non_null (strstr (error->message, "“N”"));
}

// The number has to fit into the longest name, 85 characters of three bytes.
static void
test_long_names (void **state)
{
  Room *room = *state;
  g_autoptr (GString) name = g_string_new (NULL);

  for (unsigned i = 0; i < 85; i++)
    g_string_append (name, "机");
  g_autoptr (Bundle) one = create (room, name->str, true);
  g_autoptr (Bundle) two = create (room, name->str, true);
  assert_non_null (one->config);
  assert_non_null (two->config);
  assert_true (g_utf8_validate (two->config->name, -1, NULL));
  assert_true (g_str_has_suffix (two->config->name, "机 2"));
}

// What goes wrong leaves nothing behind and names the file.
static void
test_missing_file (void **state)
{
  Room *room = *state;
  g_autoptr (VmConfig) config = make_config (room, "M");
  g_autoptr (GError) error = NULL;

  g_remove (room->initrd);
  assert_null (bundle_create (room->root, config, false, NULL, NULL, NULL, &error));
  assert_non_null (strstr (error->message, room->initrd));
  assert_int_equal (count_entries (room->root), 0);
}

static void
test_cancelled (void **state)
{
  Room *room = *state;
  g_autoptr (VmConfig) config = make_config (room, "M");
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  g_cancellable_cancel (cancellable);
  assert_null (bundle_create (room->root, config, false, NULL, NULL, cancellable, &error));
  assert_true (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED));
  assert_int_equal (count_entries (room->root), 0);
}

static void
test_unwritable_root (void **state)
{
  Room *room = *state;
  g_autoptr (VmConfig) config = make_config (room, "M");
  g_autoptr (GError) error = NULL;

  // A file where the folder should be stops root, too.
  assert_null (bundle_create (room->kernel, config, false, NULL, NULL, NULL, &error));
  assert_non_null (strstr (error->message, room->kernel));
  assert_contents (room->kernel, "a kernel");
}

static void
test_holes (void **state)
{
  Room *room = *state;
  int fd = open (room->disk, O_WRONLY);
  struct stat status;

  assert_int_equal (ftruncate (fd, 64 << 20), 0);
  assert_int_equal (pwrite (fd, "end", 3, (64 << 20) - 3), 3);
  close (fd);
  g_autoptr (Bundle) bundle = create (room, "M", false);
  VmDiskConfig *disk = bundle->config->disks->pdata[0];
  assert_int_equal (stat (disk->path, &status), 0);
  assert_int_equal (status.st_size, 64 << 20);
  assert_in_range (status.st_blocks * 512, 1, 8 << 20);
  g_autofree char *text = NULL;
  gsize length;
  assert_true (g_file_get_contents (disk->path, &text, &length, NULL));
  assert_memory_equal (text, "a disk", 6);
  assert_memory_equal (text + length - 3, "end", 3);
}

static void
test_new_disk (void **state)
{
  Room *room = *state;
  g_autoptr (Bundle) bundle = create (room, "M", true);
  g_autoptr (GError) error = NULL;
  struct stat status;

  assert_true (bundle_add_disk (bundle, 1 << 30, &error));
  g_autoptr (Bundle) again = bundle_load (bundle->path);
  assert_int_equal (again->config->disks->len, 2);
  VmDiskConfig *disk = again->config->disks->pdata[1];
  assert_int_equal (disk->format, VM_IMAGE_QCOW2);
  assert_int_equal (stat (disk->path, &status), 0);
  assert_in_range (status.st_size, 1, 1 << 20);
  g_autoptr (VmImageInfo) info = vm_image_get_info (disk->path, disk->format, &error);
  assert_int_equal (info->size_bytes, 1 << 30);
}

// The disc stays where it is, behind the new disk; the firmware's variables are the machine's own.
static void
test_install (void **state)
{
  Room *room = *state;
  g_autoptr (VmConfig) config = vm_config_new (VM_ARCH_AARCH64);
  g_autoptr (GError) error = NULL;

  config->name = (g_free (config->name), g_strdup ("Install"));
  config->firmware = g_strdup ("uefi");
  vm_config_add_cdrom (config, room->disk);
  g_autoptr (Bundle) bundle = bundle_create (room->root, config, false, NULL, NULL, NULL, &error);
  assert_non_null (bundle);
  assert_true (bundle_add_disk (bundle, 1 << 30, &error));
  g_autoptr (Bundle) again = bundle_load (bundle->path);
  assert_int_equal (again->config->disks->len, 2);
  const VmDiskConfig *disk = again->config->disks->pdata[0],
                     *drive = again->config->disks->pdata[1];
  assert_true (g_str_has_prefix (disk->path, bundle->path));
  assert_true (drive->cdrom);
  assert_string_equal (drive->path, room->disk);
  g_autofree char *nvram = g_build_filename (bundle->path, "nvram.fd", NULL);
  assert_string_equal (again->config->nvram, nvram);
  assert_false (g_file_test (nvram, G_FILE_TEST_EXISTS));

  // Of a machine that has some already they are copied.
  assert_true (g_file_set_contents (nvram, "variables", -1, NULL));
  g_autoptr (Bundle) other =
      bundle_create (room->root, again->config, false, NULL, NULL, NULL, &error);
  assert_string_not_equal (other->config->nvram, nvram);
  assert_contents (other->config->nvram, "variables");
}

// A VDI of one block of 1 MiB that is not there and one that is, all 'x'.
static void
write_vdi (const char *path)
{
  g_autofree uint8_t *vdi = g_malloc0 (0x400 + (1 << 20));
  const uint32_t fields[][2] = {
      {64, 0xbeda107f}, {68, 0x10001}, {72, 0x190}, {76, 1},
      {340, 0x200},     {344, 0x400},  {360, 512},  {368, 2 << 20},
      {376, 1 << 20},   {384, 2},      {388, 1},    {0x200, UINT32_MAX}, // the map
  };

  memcpy (vdi, "<<< disk image >>>", 18);
  for (unsigned i = 0; i < G_N_ELEMENTS (fields); i++)
    memcpy (vdi + fields[i][0], &fields[i][1], 4);
  memset (vdi + 0x400, 'x', 1 << 20);
  assert_true (g_file_set_contents (path, (char *) vdi, 0x400 + (1 << 20), NULL));
}

static void
test_import (void **state)
{
  Room *room = *state;
  g_autoptr (VmConfig) config = make_config (room, "Imported");
  g_autoptr (GError) error = NULL;
  double last = 0;
  char bytes[512];

  VmDiskConfig *disk = config->disks->pdata[0];
  write_vdi (room->disk);
  disk->format = VM_IMAGE_VDI;
  // Although it is asked to stay in place.
  g_autoptr (Bundle) bundle =
      bundle_create (room->root, config, true, count_cb, &last, NULL, &error);
  assert_null (error);
  disk = bundle->config->disks->pdata[0];
  assert_int_equal (disk->format, VM_IMAGE_QCOW2);
  assert_true (g_str_has_prefix (disk->path, bundle->path));
  assert_true (last == 1.0);
  assert_true (bundle_grow_disk (bundle, 8 << 20, &error));
  g_autoptr (VmImageReader) reader = vm_image_reader_new (disk->path, disk->format, &error);
  assert_int_equal (vm_image_reader_get_size (reader), 8 << 20);
  assert_true (vm_image_reader_read (reader, 0, bytes, sizeof bytes, NULL));
  assert_int_equal (bytes[511], 0);
  assert_true (vm_image_reader_read (reader, 1 << 20, bytes, sizeof bytes, NULL));
  assert_int_equal (bytes[511], 'x');
  assert_false (vm_image_reader_read (reader, 8 << 20, bytes, sizeof bytes, NULL));
  assert_false (vm_image_reader_read (reader, 1, bytes, sizeof bytes, NULL));
}

// A copy of what is based on another image stands alone.
static void
test_chain (void **state)
{
  Room *room = *state;
  g_autoptr (VmConfig) config = make_config (room, "Chain");
  g_autoptr (GError) error = NULL;
  g_autofree char *base = g_build_filename (room->folder, "base.qcow2", NULL);
  g_autofree char *top = g_build_filename (room->folder, "top.qcow2", NULL);
  const VmImageCreate first = {.format = VM_IMAGE_QCOW2, .size_bytes = 1 << 20};
  const VmImageCreate second = {
      .format = VM_IMAGE_QCOW2, .backing = "base.qcow2", .backing_format = VM_IMAGE_QCOW2};

  assert_true (vm_image_create (base, &first, NULL) && vm_image_create (top, &second, NULL));
  VmDiskConfig *disk = config->disks->pdata[0];
  g_free (disk->path);
  disk->path = g_strdup (top);
  disk->format = VM_IMAGE_QCOW2;
  disk->allow_backing = true;
  g_autoptr (Bundle) bundle = bundle_create (room->root, config, false, NULL, NULL, NULL, &error);
  assert_null (error);
  disk = bundle->config->disks->pdata[0];
  assert_false (disk->allow_backing);
  g_autoptr (VmImageInfo) info = vm_image_get_info (disk->path, disk->format, NULL);
  assert_null (info->backing);
}

static void
test_import_fails (void **state)
{
  Room *room = *state;
  g_autoptr (VmConfig) config = make_config (room, "Imported");
  g_autoptr (GError) error = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();

  VmDiskConfig *disk = config->disks->pdata[0];
  disk->format = VM_IMAGE_VDI; // which it is not
  assert_null (bundle_create (room->root, config, false, NULL, NULL, NULL, &error));
  assert_non_null (error);
  g_clear_error (&error);
  write_vdi (room->disk);
  g_cancellable_cancel (cancellable);
  assert_null (bundle_create (room->root, config, false, NULL, NULL, cancellable, &error));
  assert_true (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED));
  assert_int_equal (count_entries (room->root), 0);
}

typedef struct Broken {
  const char *text; // of machine.json; NULL: there is none
} Broken;

static void
test_broken (void **state)
{
  static const Broken rows[] = {
      {NULL}, {""}, {"{"}, {"[]"}, {"null"}, {"\xff\xfe{}"}, {"{\"version\": 999999}"}};
  Room *room = *state;

  for (unsigned i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autofree char *path = g_strdup_printf ("%s/broken-%u", room->root, i);
    g_mkdir_with_parents (path, 0755);
    if (rows[i].text)
      g_free (make_file (path, "machine.json", rows[i].text));
    g_autoptr (Bundle) bundle = bundle_load (path);
    assert_null (bundle->config);
    assert_true (g_error_matches (bundle->error, BUNDLE_ERROR, BUNDLE_ERROR_BROKEN));
    assert_non_null (strstr (bundle->error->message, "machine.json"));
    assert_true (g_str_has_prefix (bundle_get_name (bundle), "broken-"));
    if (rows[i].text) { // looking changes nothing
      g_autofree char *file = g_build_filename (path, "machine.json", NULL);
      assert_contents (file, rows[i].text);
    }
  }
  g_autoptr (GPtrArray) all = bundle_scan (room->root);
  assert_int_equal (all->len, G_N_ELEMENTS (rows));
}

// A description that is no file at all does not hang the reader.
static void
test_fifo (void **state)
{
  Room *room = *state;
  g_autofree char *path = g_build_filename (room->root, "fifo", NULL);
  g_autofree char *file = g_build_filename (path, "machine.json", NULL);

  g_mkdir_with_parents (path, 0755);
  assert_int_equal (mkfifo (file, 0600), 0);
  g_autoptr (Bundle) bundle = bundle_load (path);
  assert_null (bundle->config);
}

// Names of folders are bytes; what a person reads is text.
static void
test_name_is_text (void **state)
{
  Room *room = *state;
  g_autofree char *path = g_build_filename (room->root, "\xff\xfe", NULL);

  g_mkdir_with_parents (path, 0755);
  g_autoptr (Bundle) bundle = bundle_load (path);
  assert_null (bundle->config);
  assert_true (g_utf8_validate (bundle_get_name (bundle), -1, NULL));
  assert_true (g_utf8_validate (bundle->error->message, -1, NULL));
  assert_string_equal (strrchr (bundle->path, '/') + 1, "\xff\xfe");
}

static void
test_lock (void **state)
{
  Room *room = *state;
  g_autoptr (Bundle) bundle = create (room, "M", true);
  g_autoptr (GError) error = NULL;

  assert_false (bundle_is_locked (bundle));
  int fd = bundle_lock (bundle, &error);
  assert_true (fd >= 0);
  assert_true (bundle_is_locked (bundle));
  assert_int_equal (bundle_lock (bundle, &error), -1); // an open-file lock: even in this process
  assert_true (g_error_matches (error, BUNDLE_ERROR, BUNDLE_ERROR_IN_USE));
  g_clear_error (&error);
  assert_false (bundle_trash (bundle, &error));
  assert_true (g_file_test (bundle->path, G_FILE_TEST_IS_DIR));
  close (fd);
  assert_false (bundle_is_locked (bundle));
}

// What a killed process left goes; what another is making now stays.
static void
test_clean (void **state)
{
  Room *room = *state;
  Bundle dead = {.path = g_build_filename (room->root, ".creating-dead", NULL)};
  Bundle busy = {.path = g_build_filename (room->root, ".creating-busy", NULL)};

  g_mkdir_with_parents (dead.path, 0755);
  g_mkdir_with_parents (busy.path, 0755);
  g_free (make_file (dead.path, "kernel", "half"));
  int fd = bundle_lock (&busy, NULL);
  bundle_clean (room->root);
  assert_false (g_file_test (dead.path, G_FILE_TEST_EXISTS));
  assert_true (g_file_test (busy.path, G_FILE_TEST_EXISTS));
  g_autoptr (GPtrArray) all = bundle_scan (room->root);
  assert_int_equal (all->len, 0);
  close (fd);
  g_free (dead.path);
  g_free (busy.path);
}

static void
test_clean_while_one_begins (void **state)
{
  Room *room = *state;

  cleaned = room->root;
  g_autoptr (Bundle) bundle = create (room, "M", true);
  assert_null (cleaned);
  assert_non_null (bundle->config);
}

// It is found by the name it has in what cannot be used, and what is wrong is said.
static void
test_broken_name (void **state)
{
  static const struct {
    const char *text, *name, *said;
  } rows[] = {
      {"{\"version\": 1, \"arch\": \"aarch64\",\n\"name\": \"One\",\n\"cpus\": \"x\"}", "One",
       "\"cpus\""},
      {"{\"version\": 1,\n\"name\" : \"T\\\"w\\u006f\",\n\"cpus\":}", "T\"wo", "line 3"},
      {"{\"version\": 1,\n\"name\": \"Half", "broken-2", "line 2"},
  };
  Room *room = *state;

  for (unsigned i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autofree char *path = g_strdup_printf ("%s/broken-%u", room->root, i);
    g_mkdir_with_parents (path, 0755);
    g_free (make_file (path, "machine.json", rows[i].text));
    g_autoptr (Bundle) bundle = bundle_find (room->root, rows[i].name, NULL);
    assert_non_null (bundle);
    assert_null (bundle->config);
    assert_string_equal (bundle_get_name (bundle), rows[i].name);
    if (!strstr (bundle->error->message, rows[i].said))
      fail_msg ("%s", bundle->error->message);
  }
}

#define TEST(function) cmocka_unit_test_setup_teardown (function, set_up, tear_down)

int
main (void)
{
  const struct CMUnitTest tests[] = {
      TEST (test_create),       TEST (test_moved),
      TEST (test_in_place),     TEST (test_names),
      TEST (test_missing_file), TEST (test_cancelled),
      TEST (test_long_names),   TEST (test_unwritable_root),
      TEST (test_holes),        TEST (test_new_disk),
      TEST (test_install),      TEST (test_import),
      TEST (test_import_fails), TEST (test_chain),
      TEST (test_broken),       TEST (test_fifo),
      TEST (test_lock),         TEST (test_clean),
      TEST (test_name_is_text), TEST (test_clean_while_one_begins),
      TEST (test_broken_name),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
