// SPDX-License-Identifier: GPL-3.0-or-later
// Changes to a machine on disk: what is written, what is refused, and that disks keep their place in
// the boot order.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <glib/gstdio.h>

#include "app/model/change.h"
#include "app/model/clone.h"
#include "app/model/snapshots.h"
#include "app/model/stamps.h"

typedef struct Room {
  char *root, *disc;
  Bundle *bundle;
} Room;

static int
set_up (void **state)
{
  Room *room = g_new0 (Room, 1);
  g_autoptr (VmConfig) config = vm_config_new (VM_ARCH_AARCH64);

  room->root = g_dir_make_tmp ("terrarium-change-XXXXXX", NULL);
  room->disc = g_build_filename (room->root, "disc.iso", NULL);
  g_file_set_contents (room->disc, "disc", -1, NULL);
  g_free (config->name);
  config->name = g_strdup ("M");
  config->firmware = g_strdup ("uefi");
  vm_config_add_cdrom (config, room->disc);
  config->boot_order = g_strsplit ("disk0,disk1,net0", ",", -1);
  room->bundle = bundle_create (room->root, config, false, NULL, NULL, NULL, NULL);
  *state = room;
  return room->bundle && bundle_add_disk (room->bundle, 1 << 20, NULL) ? 0 : -1;
}

static void
remove_tree (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);

  for (const char *name; dir && (name = g_dir_read_name (dir));) {
    g_autofree char *file = g_build_filename (path, name, NULL);
    if (g_file_test (file, G_FILE_TEST_IS_DIR) && !g_file_test (file, G_FILE_TEST_IS_SYMLINK))
      remove_tree (file);
    else
      g_unlink (file);
  }
  g_rmdir (path);
}

static int
tear_down (void **state)
{
  Room *room = *state;

  bundle_free (room->bundle);
  remove_tree (room->root);
  g_free (room->root);
  g_free (room->disc);
  g_free (room);
  return 0;
}

// Applies it to what is on disk; what is there then.
static Bundle *
apply (Room *room, const Change *change, bool good)
{
  g_autoptr (Bundle) bundle = bundle_load (room->bundle->path);
  g_autoptr (GError) error = NULL;

  assert_int_equal (change_apply (bundle, change, &error), good);
  assert_true ((error == NULL) == good);
  return bundle_load (room->bundle->path);
}

static void
assert_order (const Bundle *bundle, const char *order)
{
  g_autofree char *joined =
      bundle->config->boot_order ? g_strjoinv (" ", bundle->config->boot_order) : g_strdup ("");

  assert_string_equal (joined, order);
}

static void
changes_values (void **state)
{
  Room *room = *state;
  bundle_free (apply (room, &(Change){CHANGE_NAME, .text = (char *) "Other"}, true));
  bundle_free (apply (room, &(Change){CHANGE_MEMORY, .bytes = 3 << 20 << 8}, true));
  g_autoptr (Bundle) cpus = apply (room, &(Change){CHANGE_CPUS, .number = 3}, true);

  assert_string_equal (cpus->config->name, "Other");
  assert_int_equal (cpus->config->memory_bytes, 3 << 20 << 8);
  assert_int_equal (cpus->config->cpus, 3);
}

static void
refuses_nonsense (void **state)
{
  static const Change bad[] = {
      {CHANGE_NAME, .text = (char *) ""},   {CHANGE_NAME, .text = NULL},
      {CHANGE_CPUS, .number = 0},           {CHANGE_CPUS, .number = 9},
      {CHANGE_MEMORY, .bytes = 1},          {CHANGE_MEMORY, .bytes = 1 << 20},
      {CHANGE_REMOVE_DISK, .number = 2},    {CHANGE_REMOVE_DISK, .number = CHANGE_NONE},
      {CHANGE_MEDIUM, .number = 0},         {CHANGE_MEDIUM, .number = 7},
      {CHANGE_ADD_FORWARD, .forward = {0}}, {CHANGE_ADD_FORWARD, .forward = {false, 22, 0}},
  };
  Room *room = *state;
  g_autofree char *before = vm_config_to_json (room->bundle->config, NULL);

  for (unsigned i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (Bundle) bundle = apply (room, &bad[i], false);
    g_autofree char *after = vm_config_to_json (bundle->config, NULL);
    assert_string_equal (before, after);
  }
}

static void
changes_disks (void **state)
{
  Room *room = *state;
  // The new one goes before the drive, which is disk2 from then on.
  g_autoptr (Bundle) added = apply (room, &(Change){CHANGE_ADD_DISK, .bytes = 2 << 20}, true);
  const VmDiskConfig *first = added->config->disks->pdata[0],
                     *drive = added->config->disks->pdata[2];

  assert_int_equal (added->config->disks->len, 3);
  assert_true (drive->cdrom);
  assert_order (added, "disk0 disk2 net0");
  g_autoptr (Bundle) removed = apply (room, &(Change){CHANGE_REMOVE_DISK, .number = 0}, true);
  assert_int_equal (removed->config->disks->len, 2);
  assert_order (removed, "disk1 net0");
  assert_false (g_file_test (first->path, G_FILE_TEST_EXISTS)); // in the Trash
  g_autoptr (Bundle) bare = apply (room, &(Change){CHANGE_REMOVE_DISK, .number = 1}, true);
  assert_order (bare, "net0");
  assert_true (g_file_test (room->disc, G_FILE_TEST_EXISTS));
  g_autoptr (Bundle) again = apply (room, &(Change){CHANGE_ADD_DRIVE}, true);
  drive = again->config->disks->pdata[1];
  assert_true (drive->cdrom && drive->path[0] == '\0');
}

// What is in a slot is the last, also when there is no drive.
static void
adds_disks_before_slots (void **state)
{
  Room *room = *state;
  VmConfig *config = room->bundle->config;

  g_ptr_array_remove_index (config->disks, 1);
  vm_config_attach_disk (config, config->disks->pdata[0], 3);
  assert_true (bundle_save (room->bundle, NULL));
  g_autoptr (Bundle) added = apply (room, &(Change){CHANGE_ADD_DISK, .bytes = 2 << 20}, true);
  assert_non_null (added->config);
  assert_int_equal (added->config->disks->len, 3);
  for (unsigned i = 0; i < 3; i++)
    assert_int_equal (((VmDiskConfig *) added->config->disks->pdata[i])->port, i == 2 ? 3 : 0);
}

static void
changes_discs (void **state)
{
  Room *room = *state;
  g_autoptr (Bundle) out = apply (room, &(Change){CHANGE_MEDIUM, .number = 1}, true);
  const VmDiskConfig *drive = out->config->disks->pdata[1];

  assert_string_equal (drive->path, "");
  g_autoptr (Bundle) in =
      apply (room, &(Change){CHANGE_MEDIUM, .number = 1, .text = room->disc}, true);
  drive = in->config->disks->pdata[1];
  assert_string_equal (drive->path, room->disc);
}

static void
changes_boot_order (void **state)
{
  Room *room = *state;
  g_autoptr (Bundle) drive = apply (room, &(Change){CHANGE_BOOT_FIRST, .number = 1}, true);

  assert_order (drive, "disk1 disk0");
  g_autoptr (Bundle) none = apply (room, &(Change){CHANGE_BOOT_FIRST, .number = CHANGE_NONE}, true);
  assert_order (none, "");
}

static void
changes_network (void **state)
{
  const Change ssh = {CHANGE_ADD_FORWARD, .forward = {false, 2222, 22}};
  const Change same = {CHANGE_ADD_FORWARD, .forward = {false, 2222, 80}};
  const Change udp = {CHANGE_ADD_FORWARD, .forward = {true, 2222, 53}};
  const Change drop = {CHANGE_REMOVE_FORWARD, .forward = {false, 2222, 22}};
  Room *room = *state;
  bundle_free (apply (room, &ssh, true));
  bundle_free (apply (room, &same, false));
  g_autoptr (Bundle) two = apply (room, &udp, true);
  const VmNicConfig *nic = two->config->nics->pdata[0];

  assert_int_equal (nic->forwards->len, 2);
  g_autoptr (Bundle) left = apply (room, &drop, true);
  nic = left->config->nics->pdata[0];
  assert_int_equal (nic->forwards->len, 1);
  assert_true (g_array_index (nic->forwards, VmForward, 0).udp);
  g_autoptr (Bundle) off = apply (room, &(Change){CHANGE_NETWORK, .number = 0}, true);
  assert_int_equal (off->config->nics->len, 0);
  bundle_free (apply (room, &ssh, false));
  g_autoptr (Bundle) on = apply (room, &(Change){CHANGE_NETWORK, .number = 1}, true);
  assert_int_equal (on->config->nics->len, 1);
}

// Going back would put the disks of the snapshot in place of others.
static void
keeps_disks_of_snapshots (void **state)
{
  Room *room = *state;
  g_autofree char *id = snapshots_take (room->bundle, "S", NULL);

  assert_non_null (id);
  bundle_free (apply (room, &(Change){CHANGE_ADD_DISK, .bytes = 1 << 20}, false));
  bundle_free (apply (room, &(Change){CHANGE_REMOVE_DISK, .number = 0}, false));
  g_autoptr (Bundle) c = apply (room, &(Change){CHANGE_ADD_DRIVE}, false);
  assert_int_equal (c->config->disks->len, 2);
}

// Nothing stays without owner, and nobody loses what he shares.
static void
removes_disks_of_linked_clones (void **state)
{
  Room *room = *state;
  const CloneOptions options = {.name = "Clone", .linked = true};
  g_autoptr (Bundle) clone = machine_clone (room->bundle, room->root, &options, NULL);

  assert_non_null (clone);
  g_autoptr (GPtrArray) files = stamps_list_files (clone->config->disks->pdata[0], NULL);
  assert_int_equal (files->len, 2);
  g_autoptr (Bundle) left = apply (room, &(Change){CHANGE_REMOVE_DISK, .number = 0}, true);
  assert_int_equal (left->config->disks->len, 1);
  g_autoptr (GDir) dir = g_dir_open (left->path, 0, NULL);
  for (const char *name; (name = g_dir_read_name (dir));)
    assert_false (g_str_has_prefix (name, "disk"));
  for (unsigned i = 0; i < files->len; i++)
    assert_true (g_file_test (files->pdata[i], G_FILE_TEST_IS_REGULAR));
}

// Two disks may be based on one image: a hand wrote it so.
static void
leaves_what_other_disks_are_based_on (void **state)
{
  Room *room = *state;
  const CloneOptions options = {.name = "Clone", .linked = true};
  g_autoptr (Bundle) clone = machine_clone (room->bundle, room->root, &options, NULL);
  g_autoptr (Bundle) bundle = bundle_load (room->bundle->path);
  g_autofree char *other = g_build_filename (bundle->path, "other.qcow2", NULL);
  g_autoptr (GPtrArray) files = stamps_list_files (bundle->config->disks->pdata[0], NULL);
  const VmImageCreate based = {
      .format = VM_IMAGE_QCOW2, .backing = files->pdata[1], .backing_format = VM_IMAGE_QCOW2};

  assert_non_null (clone);
  assert_true (vm_image_create (other, &based, NULL));
  bundle_insert_disk (bundle->config, other, VM_IMAGE_QCOW2);
  ((VmDiskConfig *) bundle->config->disks->pdata[1])->allow_backing = true;
  assert_true (bundle_save (bundle, NULL));
  bundle_free (apply (room, &(Change){CHANGE_REMOVE_DISK, .number = 0}, true));
  assert_false (g_file_test (files->pdata[0], G_FILE_TEST_EXISTS));
  assert_true (g_file_test (files->pdata[1], G_FILE_TEST_EXISTS));
}

#define TEST(name) cmocka_unit_test_setup_teardown (name, set_up, tear_down)

// An image there is: where it lies, of the format it has; the boot order follows.
static void
adds_images (void **state)
{
  Room *room = *state;
  g_autofree char *raw = g_build_filename (room->root, "image.raw", NULL);
  g_autofree char *based = g_build_filename (room->root, "based.qcow2", NULL);
  g_autofree char *text = g_build_filename (room->root, "text", NULL);
  g_autofree char *disc = g_malloc0 (1 << 20);
  const VmImageCreate options = {
      .format = VM_IMAGE_QCOW2, .backing = "image.raw", .backing_format = VM_IMAGE_RAW};

  g_file_set_contents (room->disc, disc, 1 << 20, NULL);
  g_file_set_contents (raw, disc, 1 << 20, NULL);
  g_file_set_contents (text, "text", -1, NULL);
  assert_true (vm_image_create (based, &options, NULL));
  bundle_free (apply (room, &(Change){.kind = CHANGE_ADD_IMAGE, .text = based}, false));
  bundle_free (apply (room, &(Change){.kind = CHANGE_ADD_IMAGE, .text = text}, false));
  bundle_free (apply (room, &(Change){.kind = CHANGE_ADD_IMAGE, .text = "/nonexistent"}, false));
  g_autoptr (Bundle) bundle = apply (room, &(Change){.kind = CHANGE_ADD_IMAGE, .text = raw}, true);
  assert_int_equal (bundle->config->disks->len, 3);
  const VmDiskConfig *disk = bundle->config->disks->pdata[1];
  assert_string_equal (disk->path, raw);
  assert_int_equal (disk->format, VM_IMAGE_RAW);
  assert_true (((VmDiskConfig *) bundle->config->disks->pdata[2])->cdrom);
}

// Two machines of one name could not be told apart.
static void
keeps_names_apart (void **state)
{
  Room *room = *state;
  g_autoptr (VmConfig) other = vm_config_copy_as_new (room->bundle->config, "Other");

  g_ptr_array_set_size (other->disks, 0);
  bundle_free (bundle_create (room->root, other, false, NULL, NULL, NULL, NULL));
  bundle_free (apply (room, &(Change){.kind = CHANGE_NAME, .text = "Other"}, false));
  bundle_free (apply (room, &(Change){.kind = CHANGE_NAME, .text = "M"}, true));
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      TEST (changes_values),
      TEST (refuses_nonsense),
      TEST (changes_disks),
      TEST (adds_disks_before_slots),
      TEST (changes_discs),
      TEST (changes_boot_order),
      TEST (changes_network),
      TEST (keeps_disks_of_snapshots),
      TEST (adds_images),
      TEST (keeps_names_apart),
      TEST (removes_disks_of_linked_clones),
      TEST (leaves_what_other_disks_are_based_on),
  };
  g_autofree char *home = g_dir_make_tmp ("terrarium-change-home-XXXXXX", NULL);

  // The Trash is below it.
  g_setenv ("XDG_DATA_HOME", home, TRUE);
  int failed = cmocka_run_group_tests (tests, NULL, NULL);
  remove_tree (home);
  return failed;
}
