// SPDX-License-Identifier: GPL-3.0-or-later
// What a snapshot keeps of a machine that is off, and gives back: drives and discs, slots, the
// firmware's variables. Images and states are tests/cli/test-snapshot's.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <glib/gstdio.h>
#include <unistd.h>

#include "app/model/clone.h"
#include "app/model/snapshots.h"
#include "app/model/stamps.h"

typedef struct Room {
  char *root, *disc;
  Bundle *bundle;
} Room;

static void
put_variables (const Room *room, const char *text)
{
  assert_true (g_file_set_contents (room->bundle->config->nvram, text, -1, NULL));
}

// disk0, a drive with a disc, an empty drive, a disk on NVMe; in slot2 another disk.
static int
set_up (void **state)
{
  Room *room = g_new0 (Room, 1);
  g_autoptr (VmConfig) config = vm_config_new (VM_ARCH_AARCH64);

  room->root = g_dir_make_tmp ("terrarium-snapshots-XXXXXX", NULL);
  room->disc = g_build_filename (room->root, "disc.iso", NULL);
  g_autofree char *disk = g_build_filename (room->root, "disk.raw", NULL);
  g_autofree char *zeros = g_malloc0 (1 << 20);
  g_file_set_contents (room->disc, zeros, 1 << 20, NULL);
  g_file_set_contents (disk, zeros, 1 << 20, NULL);
  g_free (config->name);
  config->name = g_strdup ("M");
  config->firmware = g_strdup ("uefi");
  vm_config_add_disk (config, disk, false);
  vm_config_add_cdrom (config, room->disc);
  vm_config_add_cdrom (config, NULL);
  vm_config_add_disk (config, disk, false)->bus = VM_DISK_NVME;
  vm_config_attach_disk (config, config->disks->pdata[0], 2);
  room->bundle = bundle_create (room->root, config, false, NULL, NULL, NULL, NULL);
  *state = room;
  return room->bundle != NULL ? 0 : -1;
}

static void
remove_tree (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);

  for (const char *name; dir && (name = g_dir_read_name (dir));) {
    g_autofree char *file = g_build_filename (path, name, NULL);
    if (g_file_test (file, G_FILE_TEST_IS_DIR))
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

// As it was made; `bundle` is read anew.
static void
assert_disks (const Room *room, const char *path)
{
  static const VmDiskBus buses[] = {VM_DISK_VIRTIO, VM_DISK_SCSI, VM_DISK_SCSI, VM_DISK_NVME,
                                    VM_DISK_VIRTIO};
  g_autoptr (Bundle) bundle = bundle_load (path);

  assert_non_null (bundle->config);
  assert_int_equal (bundle->config->disks->len, 5);
  for (unsigned i = 0; i < 5; i++) {
    const VmDiskConfig *disk = bundle->config->disks->pdata[i];
    assert_int_equal (disk->bus, buses[i]);
    assert_int_equal (disk->cdrom, i == 1 || i == 2);
    assert_int_equal (disk->read_only, disk->cdrom);
    assert_int_equal (disk->port, i == 4 ? 2 : 0);
    if (disk->cdrom)
      assert_string_equal (disk->path, i == 1 ? room->disc : "");
  }
}

static void
goes_back_to_devices (void **state)
{
  Room *room = *state;
  g_autofree char *id = snapshots_take (room->bundle, "S", NULL);

  assert_non_null (id);
  assert_true (bundle_set_medium (room->bundle->config, 1, NULL));
  vm_config_clear_port (room->bundle->config, 2);
  assert_true (bundle_save (room->bundle, NULL));
  assert_true (snapshots_go_back (room->bundle, id, NULL));
  assert_disks (room, room->bundle->path);
}

static bool
is_whole (const char *path)
{
  const VmDiskConfig disk = {
      .path = (char *) path, .format = VM_IMAGE_QCOW2, .allow_backing = true};
  g_autoptr (GPtrArray) files = stamps_list_files (&disk, NULL);

  for (unsigned i = 0; files && i < files->len; i++)
    if (!g_file_test (files->pdata[i], G_FILE_TEST_EXISTS))
      return false;
  return files != NULL;
}

// What a guest wrote since a snapshot to a disk in a slot stays when that is taken out, and with it
// what it is based on.
static void
keeps_what_was_detached (void **state)
{
  Room *room = *state;
  g_autofree char *first = snapshots_take (room->bundle, "S", NULL);
  g_autofree char *id = snapshots_take (room->bundle, "T", NULL);

  assert_non_null (id);
  VmConfig *config = room->bundle->config;
  assert_null (snapshots_dup_detached (room->bundle->path, config, 1));
  g_autofree char *kept = snapshots_dup_detached (room->bundle->path, config, 2);
  assert_non_null (kept);
  for (unsigned i = 0; i < 2; i++) // a crash in between
    assert_true (snapshots_keep_detached (room->bundle->path, config, 2, NULL));
  vm_config_clear_port (config, 2);
  assert_true (bundle_save (room->bundle, NULL));
  assert_true (snapshots_delete (room->bundle, id, true, NULL, NULL));
  assert_true (snapshots_delete (room->bundle, first, true, NULL, NULL));
  assert_true (snapshots_prepare (room->bundle, NULL));
  assert_true (is_whole (kept));
  // It is a disk like any other.
  const VmDiskConfig disk = {.path = kept, .format = VM_IMAGE_QCOW2, .allow_backing = true};
  vm_config_attach_disk (room->bundle->config, &disk, 3);
  g_autoptr (GError) error = NULL;
  assert_true (vm_config_validate (room->bundle->config, &error));
  assert_null (snapshots_dup_detached (room->bundle->path, room->bundle->config, 3));
  assert_true (snapshots_keep_detached (room->bundle->path, room->bundle->config, 3, NULL));
}

static void
clones_devices_and_variables (void **state)
{
  Room *room = *state;
  g_autofree char *text = NULL;

  put_variables (room, "then");
  g_autofree char *id = snapshots_take (room->bundle, "S", NULL);
  assert_non_null (id);
  put_variables (room, "now");
  const CloneOptions options = {.name = "Clone", .snapshot = id};
  g_autoptr (Bundle) clone = machine_clone (room->bundle, room->root, &options, NULL);
  assert_non_null (clone);
  assert_disks (room, clone->path);
  assert_string_not_equal (clone->config->nvram, room->bundle->config->nvram);
  assert_true (g_file_get_contents (clone->config->nvram, &text, NULL, NULL));
  assert_string_equal (text, "then");
}

// Cut short before anything of it counts: neither machine is what it was not.
static void
leaves_nothing_of_a_cancelled_clone (void **state)
{
  Room *room = *state;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autofree char *before = vm_config_to_json (room->bundle->config, NULL);

  g_cancellable_cancel (cancellable);
  for (unsigned linked = 0; linked < 2; linked++) {
    const CloneOptions options = {.name = "Clone", .linked = linked, .cancellable = cancellable};
    g_autoptr (GError) error = NULL;
    assert_null (machine_clone (room->bundle, room->root, &options, &error));
    assert_true (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED));
    g_autoptr (GPtrArray) all = bundle_scan (room->root);
    assert_int_equal (all->len, 1);
    const Bundle *left = all->pdata[0];
    g_autofree char *now = vm_config_to_json (left->config, NULL);
    assert_string_equal (now, before);
    g_autoptr (GDir) dir = g_dir_open (left->path, 0, NULL);
    for (const char *name; (name = g_dir_read_name (dir));)
      assert_null (strchr (name, '-')); // images on top of others
  }
}

// Discs and drives are as they were, images are shared, slots kept.
static void
clones_linked (void **state)
{
  Room *room = *state;
  const CloneOptions options = {.name = "M", .linked = true};
  g_autoptr (Bundle) clone = machine_clone (room->bundle, room->root, &options, NULL);
  g_autoptr (Bundle) again = machine_clone (room->bundle, room->root, &options, NULL);

  assert_non_null (clone);
  assert_non_null (again);
  assert_string_equal (clone->config->name, "M 2");
  assert_string_equal (again->config->name, "M 3");
  assert_disks (room, room->bundle->path);
  assert_disks (room, clone->path);
  assert_disks (room, again->path);
  for (unsigned i = 0; i < clone->config->disks->len; i++) {
    const VmDiskConfig *one = room->bundle->config->disks->pdata[i];
    const VmDiskConfig *two = clone->config->disks->pdata[i];
    assert_true (one->cdrom || strcmp (one->path, two->path) != 0);
    assert_int_equal (two->allow_backing, !two->cdrom);
  }
}

// Adapters come and go with the snapshot; what this computer forwards to them is as it is now.
static void
goes_back_to_adapters (void **state)
{
  Room *room = *state;
  VmConfig *config = room->bundle->config;
  g_autoptr (VmConfig) other = vm_config_new (VM_ARCH_AARCH64);

  assert_int_equal (config->nics->len, 1);
  vm_nic_config_add_forward (other->nics->pdata[0], false, 2222, 22);
  vm_config_attach_nic (config, other->nics->pdata[0], 3);
  assert_true (bundle_save (room->bundle, NULL));
  g_autofree char *id = snapshots_take (room->bundle, "S", NULL);
  assert_non_null (id);
  config = room->bundle->config;
  vm_config_clear_port (config, 2);
  vm_config_clear_port (config, 3);
  vm_config_attach_nic (config, other->nics->pdata[0], 2);
  vm_nic_config_add_forward (config->nics->pdata[0], true, 3333, 33);
  assert_true (bundle_save (room->bundle, NULL));
  assert_true (snapshots_go_back (room->bundle, id, NULL));
  assert_disks (room, room->bundle->path);
  g_autoptr (Bundle) bundle = bundle_load (room->bundle->path);
  assert_int_equal (bundle->config->nics->len, 2);
  const VmNicConfig *first = bundle->config->nics->pdata[0],
                    *in_slot = bundle->config->nics->pdata[1];
  assert_int_equal (first->port, 0);
  assert_int_equal (first->forwards->len, 1);
  assert_int_equal (g_array_index (first->forwards, VmForward, 0).host_port, 3333);
  assert_int_equal (in_slot->port, 3);
  assert_int_equal (in_slot->forwards->len, 1);
  assert_int_equal (g_array_index (in_slot->forwards, VmForward, 0).host_port, 2222);
  const CloneOptions options = {.name = "Clone", .snapshot = id};
  g_autoptr (Bundle) clone = machine_clone (room->bundle, room->root, &options, NULL);
  assert_non_null (clone);
  assert_int_equal (clone->config->nics->len, 2);
}

// A list that was written when adapters were no part of it.
static void
forget_adapters (const Room *room)
{
  g_autofree char *path = g_build_filename (room->bundle->path, "snapshots.json", NULL);
  g_autofree char *text = NULL;
  g_autoptr (GRegex) nics = g_regex_new (",\\s*\"nics\" : \\[.*?\\]", G_REGEX_DOTALL, 0, NULL);

  assert_true (g_file_get_contents (path, &text, NULL, NULL));
  g_autofree char *without = g_regex_replace (nics, text, -1, 0, "", 0, NULL);
  assert_int_not_equal (strlen (without), strlen (text));
  assert_true (g_file_set_contents (path, without, -1, NULL));
}

// One slot would hold two devices, and the machine could not be read any more.
static void
leaves_slots_in_use (void **state)
{
  Room *room = *state;
  g_autofree char *id = snapshots_take (room->bundle, "S", NULL);
  VmConfig *config = room->bundle->config;
  g_autoptr (GError) error = NULL;

  vm_config_clear_port (config, 2);
  g_autoptr (VmConfig) other = vm_config_new (VM_ARCH_AARCH64);
  vm_config_attach_nic (config, other->nics->pdata[0], 2);
  assert_true (bundle_save (room->bundle, NULL));
  forget_adapters (room);
  assert_false (snapshots_go_back (room->bundle, id, &error));
  assert_non_null (error);
  const CloneOptions options = {.name = "Clone", .snapshot = id};
  assert_null (machine_clone (room->bundle, room->root, &options, NULL));
  g_autoptr (Bundle) bundle = bundle_load (room->bundle->path);
  assert_non_null (bundle->config);
  assert_int_equal (bundle->config->disks->len, 4);
}

// snapshots.json by another hand.
static void
refuses_what_cannot_be (void **state)
{
  static const char *const changes[][2] = {
      {"\"scsi\"", "\"ide\""},
      {"\"scsi\"", "\"virtio\""},
      {"\"slot\" : 2", "\"slot\" : 5"},
      {"\"slot\" : 2", "\"slot\" : -1"},
      {"\"nvme\"", "\"virtio\",\"slot\" : 2"},
      {"\"nics\" : [", "\"nics\" : [ 5,"},
      {"\"cpus\" : 1", "\"cpus\" : 9"},
      {"\"memory-mib\"", "\"memory-mib\" : 1, \"x\""},
  };
  Room *room = *state;
  g_autofree char *id = snapshots_take (room->bundle, "S", NULL);
  g_autofree char *file = g_build_filename (room->bundle->path, "snapshots.json", NULL);
  g_autofree char *before = NULL;

  assert_true (g_file_get_contents (file, &before, NULL, NULL));
  for (unsigned i = 0; i < G_N_ELEMENTS (changes); i++) {
    g_autoptr (GError) error = NULL;
    g_auto (GStrv) parts = g_strsplit (before, changes[i][0], -1);
    g_autofree char *after = g_strjoinv (changes[i][1], parts);
    assert_string_not_equal (before, after);
    assert_true (g_file_set_contents (file, after, -1, NULL));
    assert_false (snapshots_go_back (room->bundle, id, &error));
    assert_non_null (error);
    assert_disks (room, room->bundle->path);
  }
}

// Whatever it is called there: another path, a symbolic link, a hard one.
static void
never_writes_what_is_kept (void **state)
{
  Room *room = *state;
  g_autofree char *disk = g_strdup (((VmDiskConfig *) room->bundle->config->disks->pdata[0])->path);
  g_autofree char *id = snapshots_take (room->bundle, "S", NULL);
  g_autofree char *folder = g_path_get_basename (room->bundle->path);
  char *names[] = {
      g_strdup (disk), g_build_filename (room->bundle->path, "..", folder, "disk0.raw", NULL),
      g_build_filename (room->root, "symbolic", NULL), g_build_filename (room->root, "hard", NULL)};

  assert_non_null (id);
  assert_int_equal (symlink (disk, names[2]), 0);
  assert_int_equal (link (disk, names[3]), 0);
  for (unsigned i = 0; i < G_N_ELEMENTS (names); i++) {
    const VmDiskConfig attached = {.path = names[i], .format = VM_IMAGE_RAW};
    vm_config_attach_disk (room->bundle->config, &attached, 3);
    assert_true (bundle_save (room->bundle, NULL));
    assert_true (snapshots_prepare (room->bundle, NULL));
    assert_int_equal (room->bundle->config->disks->len, 6);
    const VmDiskConfig *now = room->bundle->config->disks->pdata[5];
    assert_int_equal (now->port, 3);
    assert_int_equal (now->format, VM_IMAGE_QCOW2);
    assert_false (stamps_is_same_file (now->path, disk));
    vm_config_clear_port (room->bundle->config, 3);
    g_free (names[i]);
  }
}

// What a link leads to is needed as long as the link is.
static void
keeps_what_a_link_leads_to (void **state)
{
  Room *room = *state;
  g_autofree char *first = snapshots_take (room->bundle, "S", NULL);
  g_autofree char *image =
      g_strdup (((VmDiskConfig *) room->bundle->config->disks->pdata[0])->path);
  g_autofree char *id = snapshots_take (room->bundle, "T", NULL);
  g_autofree char *name = g_build_filename (room->bundle->path, "symbolic", NULL);
  const VmDiskConfig attached = {.path = name, .format = VM_IMAGE_QCOW2, .allow_backing = true};

  assert_int_equal (symlink (image, name), 0);
  vm_config_attach_disk (room->bundle->config, &attached, 3);
  assert_true (bundle_save (room->bundle, NULL));
  assert_true (snapshots_prepare (room->bundle, NULL));
  assert_true (snapshots_go_back (room->bundle, first, NULL));
  vm_config_attach_disk (room->bundle->config, &attached, 3);
  assert_true (snapshots_delete (room->bundle, id, true, NULL, NULL));
  assert_true (is_whole (name));
}

static char *
dup_disks (const Bundle *bundle)
{
  GString *text = g_string_new (NULL);

  for (unsigned i = 0; i < bundle->config->disks->len; i++)
    g_string_append_printf (text, "%s\n", ((VmDiskConfig *) bundle->config->disks->pdata[i])->path);
  return g_string_free (text, FALSE);
}

static unsigned
count_files (const char *folder, const char *pattern)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  unsigned n = 0;

  for (const char *name; dir && (name = g_dir_read_name (dir));)
    n += g_pattern_match_simple (pattern, name);
  return n;
}

// It stands for a guest that writes: what has grown is not what it is based on.
static void
write_to (const Bundle *bundle, unsigned index)
{
  const VmDiskConfig *disk = bundle->config->disks->pdata[index];
  g_autoptr (VmImageInfo) info = vm_image_get_info (disk->path, disk->format, NULL);

  assert_non_null (info);
  assert_true (vm_image_resize (disk->path, disk->format, info->size_bytes + 65536, false, NULL));
}

// The snapshot is whole until the images were put together.
static void
keeps_a_snapshot_whose_deletion_is_cancelled (void **state)
{
  Room *room = *state;
  g_autofree char *first = snapshots_take (room->bundle, "S", NULL);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  const VmImageJob job = {.cancellable = cancellable};
  g_autoptr (GError) error = NULL;

  assert_non_null (first);
  write_to (room->bundle, 0);
  g_autofree char *id = snapshots_take (room->bundle, "T", NULL);
  write_to (room->bundle, 0);
  g_cancellable_cancel (cancellable);
  assert_false (snapshots_delete (room->bundle, id, true, &job, &error));
  assert_true (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED));
  assert_true (snapshots_go_back (room->bundle, id, NULL));
  assert_disks (room, room->bundle->path);
  assert_true (snapshots_delete (room->bundle, id, true, NULL, NULL));
  assert_disks (room, room->bundle->path);
}

static void
take_and_delete (Bundle *bundle, unsigned n)
{
  char *ids[8];

  for (unsigned i = 0; i < n; i++)
    assert_non_null (ids[i] = snapshots_take (bundle, "S", NULL));
  for (unsigned i = 0; i < n; i++) {
    assert_true (snapshots_delete (bundle, ids[i], true, NULL, NULL));
    g_free (ids[i]);
  }
}

// Where nothing was written there is nothing to put together, and nothing stays.
static void
gives_space_back (void **state)
{
  Room *room = *state;
  g_autofree char *before = dup_disks (room->bundle);

  take_and_delete (room->bundle, 3);
  g_autofree char *after = dup_disks (room->bundle);
  assert_string_equal (before, after);
  assert_int_equal (count_files (room->bundle->path, "disk*-*"), 0);
  // What was written is one image on top of the one there was, however often.
  for (unsigned i = 0; i < 3; i++) {
    g_autofree char *id = snapshots_take (room->bundle, "S", NULL);
    write_to (room->bundle, 0);
    assert_true (snapshots_delete (room->bundle, id, true, NULL, NULL));
    assert_int_equal (count_files (room->bundle->path, "disk*-*"), 1);
    assert_int_equal (count_files (room->bundle->path, "disk*"), 4);
  }
  const VmDiskConfig *disk = room->bundle->config->disks->pdata[0];
  g_autoptr (VmImageInfo) info = vm_image_get_info (disk->path, disk->format, NULL);
  assert_int_equal (info->size_bytes, (1 << 20) + 3 * 65536);
}

// What a clone is based on is not written by its source, nor copied.
static void
gives_space_back_of_clones (void **state)
{
  Room *room = *state;
  const CloneOptions options = {.name = "M", .linked = true};
  g_autoptr (Bundle) clone = machine_clone (room->bundle, room->root, &options, NULL);

  assert_non_null (clone);
  Bundle *both[] = {room->bundle, clone};
  for (unsigned i = 0; i < G_N_ELEMENTS (both); i++) {
    g_autofree char *before = dup_disks (both[i]);
    take_and_delete (both[i], 2);
    g_autofree char *after = dup_disks (both[i]);
    assert_string_equal (before, after);
    assert_int_equal (count_files (both[i]->path, "disk*-*"), 3);
  }
}

// An image outside of the machines' folders is known by its name to both.
static void
leaves_alone_what_others_use (void **state)
{
  Room *room = *state;
  g_autoptr (VmConfig) config = vm_config_new (VM_ARCH_AARCH64);
  g_autofree char *disk = g_build_filename (room->root, "disk.raw", NULL);
  const CloneOptions options = {.name = "Clone", .linked = true};

  config->firmware = g_strdup ("uefi");
  vm_config_add_disk (config, disk, false);
  g_autoptr (Bundle) one = bundle_create (room->root, config, true, NULL, NULL, NULL, NULL);
  assert_non_null (one);
  take_and_delete (one, 1);
  const VmDiskConfig *now = one->config->disks->pdata[0];
  assert_string_equal (now->path, disk);
  g_autoptr (Bundle) clone = machine_clone (one, room->root, &options, NULL);
  assert_non_null (clone);
  take_and_delete (clone, 1);
  take_and_delete (one, 1);
  now = one->config->disks->pdata[0];
  assert_string_not_equal (now->path, disk);
  now = clone->config->disks->pdata[0];
  assert_string_not_equal (now->path, disk);
}

// There is no end to it: no snapshot to delete stands in the way.
static void
clones_often (void **state)
{
  enum { CLONES = 35 };
  Room *room = *state;
  const CloneOptions options = {.name = "M", .linked = true};

  for (unsigned i = 0; i < CLONES; i++) {
    g_autoptr (GError) error = NULL;
    write_to (room->bundle, 0);
    g_autoptr (Bundle) clone = machine_clone (room->bundle, room->root, &options, &error);
    if (!clone)
      fail_msg ("clone %u: %s", i, error->message);
    const VmDiskConfig *disk = clone->config->disks->pdata[0];
    g_autoptr (VmImageInfo) info = vm_image_get_info (disk->path, disk->format, NULL);
    assert_int_equal (info->size_bytes, (1 << 20) + (i + 1) * 65536);
  }
  const VmDiskConfig *disk = room->bundle->config->disks->pdata[0];
  g_autoptr (GPtrArray) files = stamps_list_files (disk, NULL);
  assert_in_range (files->len, 2, 28);
  assert_disks (room, room->bundle->path);
}

typedef struct Interruption {
  Bundle *bundle;
  const char *id;
  bool done;
} Interruption;

static void
delete_cb (double fraction, void *data)
{
  Interruption *interruption = data;
  g_autoptr (Bundle) bundle = bundle_load (interruption->bundle->path);

  if (!interruption->done)
    assert_true (snapshots_delete (bundle, interruption->id, true, NULL, NULL));
  interruption->done = true;
}

// Then its images may be written while they are copied.
static void
makes_no_clone_of_what_goes (void **state)
{
  Room *room = *state;
  g_autofree char *id = snapshots_take (room->bundle, "S", NULL);
  Interruption interruption = {room->bundle, id, false};
  const CloneOptions options = {
      .name = "Clone", .snapshot = id, .progress = delete_cb, .progress_data = &interruption};
  g_autoptr (GError) error = NULL;

  assert_null (machine_clone (room->bundle, room->root, &options, &error));
  assert_non_null (error);
  assert_true (interruption.done);
  g_autoptr (GPtrArray) all = bundle_scan (room->root);
  assert_int_equal (all->len, 1);
}

// A state fits no other machine.
static void
goes_back_to_the_board (void **state)
{
  Room *room = *state;
  VmConfig *config = room->bundle->config;

  config->cpus = 3;
  config->memory_bytes = 128 << 20;
  config->display = true;
  config->sound.device = VM_SOUND_HDA;
  assert_true (bundle_save (room->bundle, NULL));
  g_autofree char *id = snapshots_take (room->bundle, "S", NULL);
  config = room->bundle->config;
  config->cpus = 1;
  config->memory_bytes = 256 << 20;
  config->display = false;
  config->sound.device = VM_SOUND_NONE;
  config->sound.volume = 7;
  assert_true (bundle_save (room->bundle, NULL));
  assert_true (snapshots_go_back (room->bundle, id, NULL));
  g_autoptr (Bundle) now = bundle_load (room->bundle->path);
  assert_int_equal (now->config->cpus, 3);
  assert_int_equal (now->config->memory_bytes, 128 << 20);
  assert_true (now->config->display);
  assert_int_equal (now->config->sound.device, VM_SOUND_HDA);
  assert_int_equal (now->config->sound.volume, 7);
}

#define TEST(name) cmocka_unit_test_setup_teardown (name, set_up, tear_down)

int
main (void)
{
  const struct CMUnitTest tests[] = {
      TEST (goes_back_to_devices),
      TEST (clones_devices_and_variables),
      TEST (leaves_nothing_of_a_cancelled_clone),
      TEST (clones_linked),
      TEST (keeps_a_snapshot_whose_deletion_is_cancelled),
      TEST (goes_back_to_adapters),
      TEST (leaves_slots_in_use),
      TEST (keeps_what_was_detached),
      TEST (refuses_what_cannot_be),
      TEST (never_writes_what_is_kept),
      TEST (keeps_what_a_link_leads_to),
      TEST (gives_space_back),
      TEST (gives_space_back_of_clones),
      TEST (leaves_alone_what_others_use),
      TEST (clones_often),
      TEST (makes_no_clone_of_what_goes),
      TEST (goes_back_to_the_board),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
