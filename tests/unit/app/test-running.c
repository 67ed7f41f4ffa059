// SPDX-License-Identifier: GPL-3.0-or-later
// A bundle's machine that loses a disk with what was written since a snapshot: the machine's own list is
// right whatever becomes of the image, and what was written stays under some name. The machine does not
// run; what it would say is said for it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <unistd.h>

#include "app/model/running-private.h"
#include "app/model/snapshots.h"

enum { SLOT = 2 };

static bool without_links;

int __real_link (const char *from, const char *to);
int __wrap_link (const char *from, const char *to);

// What FAT and some network file systems say.
int
__wrap_link (const char *from, const char *to)
{
  if (!without_links)
    return __real_link (from, to);
  errno = EPERM;
  return -1;
}

typedef struct Room {
  char *root, *image, *kept;
  Bundle *bundle;
  VmMachine *machine;
  Running *running;
  unsigned n_notices;
} Room;

static void
notice_cb (VmMachine *machine, const char *text, Room *room)
{
  assert_non_null (strstr (text, "cannot be kept"));
  room->n_notices++;
}

// The header of an Image is looked for.
static char *
make_kernel (const char *root)
{
  char header[4096] = {0};
  char *path = g_build_filename (root, "kernel", NULL);

  header[18] = 0x10;
  memcpy (header + 56, "ARM\x64", 4);
  assert_true (g_file_set_contents (path, header, sizeof header, NULL));
  return path;
}

static void
make_machine (Room *room)
{
  bool reachable;

  room->machine = vm_machine_new (room->bundle->config, NULL, NULL);
  assert_non_null (room->machine);
  room->running = running_new (room->bundle, room->machine, &reachable, NULL);
  assert_non_null (room->running);
  g_signal_connect (room->machine, "notice", G_CALLBACK (notice_cb), room);
}

static int
set_up (void **state)
{
  Room *room = g_new0 (Room, 1);
  g_autoptr (VmConfig) config = vm_config_new (VM_ARCH_AARCH64);

  room->root = g_dir_make_tmp ("terrarium-running-XXXXXX", NULL);
  g_autofree char *disk = g_build_filename (room->root, "disk.raw", NULL);
  g_autofree char *zeros = g_malloc0 (1 << 20);
  g_file_set_contents (disk, zeros, 1 << 20, NULL);
  config->kernel = make_kernel (room->root);
  vm_config_add_disk (config, disk, false);
  vm_config_attach_disk (config, config->disks->pdata[0], SLOT);
  room->bundle = bundle_create (room->root, config, false, NULL, NULL, NULL, NULL);
  assert_non_null (room->bundle);
  g_autofree char *id = snapshots_take (room->bundle, "S", NULL);
  assert_non_null (id);
  room->kept = snapshots_dup_detached (room->bundle->path, room->bundle->config, SLOT);
  room->image = g_strdup (((VmDiskConfig *) room->bundle->config->disks->pdata[1])->path);
  make_machine (room);
  *state = room;
  return 0;
}

static int
tear_down (void **state)
{
  Room *room = *state;
  g_autofree char *remove = g_strdup_printf ("rm -r '%s'", room->root);

  without_links = false;
  running_free (room->running);
  g_object_unref (room->machine);
  bundle_free (room->bundle);
  assert_int_equal (system (remove), 0);
  g_free (room->root);
  g_free (room->image);
  g_free (room->kept);
  g_free (room);
  return 0;
}

static bool
is_in_description (const Room *room)
{
  g_autoptr (Bundle) now = bundle_load (room->bundle->path);

  assert_non_null (now->config);
  return vm_config_port_is_used (now->config, SLOT);
}

static bool
is_in_machine (const Room *room)
{
  return vm_config_port_is_used (running_get_config (room->running), SLOT);
}

static void
keeps_it_under_a_second_name (void **state)
{
  Room *room = *state;

  g_signal_emit_by_name (room->machine, "detached", SLOT);
  assert_false (is_in_machine (room) || is_in_description (room));
  assert_true (g_file_test (room->kept, G_FILE_TEST_IS_REGULAR));
  assert_int_equal (room->n_notices, 0);
  assert_true (running_settle_slots (room->running, NULL));
}

// A snapshot would put its images on the wrong disks if the machine's list had one too many.
static void
forgets_what_cannot_be_kept (void **state)
{
  Room *room = *state;
  g_autoptr (GError) error = NULL;

  assert_int_equal (g_mkdir (room->kept, 0700), 0);
  g_signal_emit_by_name (room->machine, "detached", SLOT);
  assert_int_equal (room->n_notices, 1);
  assert_false (is_in_machine (room));
  // The only thing that names what was written.
  assert_true (is_in_description (room));
  assert_true (g_file_test (room->image, G_FILE_TEST_IS_REGULAR));
  // Neither state nor snapshot nor another device in the slot until that is mended.
  assert_false (running_settle_slots (room->running, &error));
  assert_non_null (error);
  assert_true (is_in_description (room));
  assert_int_equal (g_rmdir (room->kept), 0);
  assert_true (running_settle_slots (room->running, NULL));
  assert_false (is_in_description (room));
  assert_true (g_file_test (room->kept, G_FILE_TEST_IS_REGULAR));
}

static void
renames_where_there_are_no_links (void **state)
{
  Room *room = *state;

  without_links = true;
  assert_true (snapshots_begin_detaching (room->bundle->path, running_get_config (room->running),
                                          SLOT, NULL));
  assert_true (g_file_test (room->image, G_FILE_TEST_IS_REGULAR)); // it is in use yet
  g_signal_emit_by_name (room->machine, "detached", SLOT);
  assert_int_equal (room->n_notices, 0);
  assert_false (is_in_machine (room) || is_in_description (room));
  assert_true (g_file_test (room->kept, G_FILE_TEST_IS_REGULAR));
}

// A crash after the image got its new name.
static void
finishes_what_was_cut_short (void **state)
{
  Room *room = *state;
  g_autoptr (Bundle) bundle = bundle_load (room->bundle->path);

  assert_int_equal (g_rename (room->image, room->kept), 0);
  assert_true (snapshots_prepare (bundle, NULL));
  assert_false (is_in_description (room));
  assert_true (g_file_test (room->kept, G_FILE_TEST_IS_REGULAR));
}

// The guest was asked and did not let go.
static void
drops_the_second_name_of_what_stayed (void **state)
{
  Room *room = *state;
  g_autoptr (Bundle) bundle = bundle_load (room->bundle->path);

  assert_true (snapshots_begin_detaching (bundle->path, bundle->config, SLOT, NULL));
  assert_true (g_file_test (room->kept, G_FILE_TEST_EXISTS));
  assert_true (snapshots_prepare (bundle, NULL));
  assert_false (g_file_test (room->kept, G_FILE_TEST_EXISTS));
  assert_true (g_file_test (room->image, G_FILE_TEST_EXISTS));
  assert_true (is_in_description (room));
}

#define TEST(name) cmocka_unit_test_setup_teardown (name, set_up, tear_down)

int
main (void)
{
  const struct CMUnitTest tests[] = {
      TEST (keeps_it_under_a_second_name),         TEST (forgets_what_cannot_be_kept),
      TEST (renames_where_there_are_no_links),     TEST (finishes_what_was_cut_short),
      TEST (drops_the_second_name_of_what_stayed),
  };
  g_autofree char *run = g_dir_make_tmp ("terrarium-running-run-XXXXXX", NULL);

  g_setenv ("XDG_RUNTIME_DIR", run, TRUE);
  int failed = cmocka_run_group_tests (tests, NULL, NULL);
  g_autofree char *sockets = g_build_filename (run, "terrarium", NULL);
  g_rmdir (sockets);
  g_rmdir (run);
  return failed;
}
