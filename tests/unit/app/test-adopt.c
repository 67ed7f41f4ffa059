// SPDX-License-Identifier: GPL-3.0-or-later
// Machines elsewhere: what is a machine, links to it, and what is in the way of one.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "app/model/adopt.h"
#include "engine/api/vm-image.h"

#define UUID "6d3a52a6-4d5b-4f4e-9f10-0123456789ab"

typedef struct Room {
  char *folder, *root;
} Room;

static char *
make_machine (const char *place, const char *name, const char *uuid)
{
  g_autofree char *folder = g_build_filename (place, name, NULL);
  g_autofree char *file = g_build_filename (folder, "machine.json", NULL);
  g_autofree char *text = g_strdup_printf (
      "{\"version\": 1, \"uuid\": \"%s\", \"name\": \"One\", \"arch\": \"aarch64\","
      " \"cpus\": 1, \"memory-mib\": 256, \"kernel\": \"kernel\", \"disks\": [],"
      " \"nics\": []}",
      uuid);

  assert_int_equal (g_mkdir_with_parents (folder, 0755), 0);
  assert_true (g_file_set_contents (file, text, -1, NULL));
  return g_steal_pointer (&folder);
}

static int
set_up (void **state)
{
  Room *room = g_new0 (Room, 1);

  room->folder = g_dir_make_tmp ("adopt-XXXXXX", NULL);
  room->root = g_build_filename (room->folder, "library", "machines", NULL);
  *state = room;
  return 0;
}

// A link is not followed.
static void
remove_tree (const char *path)
{
  g_autoptr (GDir) dir =
      g_file_test (path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open (path, 0, NULL);

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
  g_free (room);
  return 0;
}

static unsigned
count (const char *root)
{
  g_autoptr (GPtrArray) bundles = bundle_scan (root);

  return bundles->len;
}

static void
expect (const char *root, const char *path, const char *wanted)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *name = adopt_machine (root, path, false, &error);

  assert_null (error);
  assert_string_equal (name, wanted);
}

static void
test_link (void **state)
{
  Room *room = *state;
  g_autofree char *one = make_machine (room->folder, "one", UUID);
  g_autofree char *file = g_build_filename (one, "machine.json", NULL);
  g_autofree char *link = g_build_filename (room->root, "one", NULL);

  assert_true (adopt_is_machine (one));
  assert_true (adopt_is_machine (file));
  assert_false (adopt_is_machine (room->folder));
  expect (room->root, one, "one");
  expect (room->root, file, "one");
  expect (room->root, link, "one");
  assert_int_equal (count (room->root), 1);
  assert_true (g_file_test (link, G_FILE_TEST_IS_SYMLINK));
  g_autoptr (Bundle) found = bundle_find (room->root, UUID, NULL);
  assert_non_null (found);
}

// One that was made there needs no link.
static void
test_own (void **state)
{
  Room *room = *state;
  g_autofree char *one = make_machine (room->root, "own", UUID);

  expect (room->root, one, "own");
  assert_int_equal (count (room->root), 1);
}

static void
test_names (void **state)
{
  Room *room = *state;
  g_free (make_machine (room->root, "one", UUID));
  g_autofree char *other =
      make_machine (room->folder, "one", "6d3a52a6-4d5b-4f4e-9f10-0123456789ac");
  g_autofree char *hidden =
      make_machine (room->folder, "...x", "6d3a52a6-4d5b-4f4e-9f10-0123456789ad");
  g_autofree char *dots =
      make_machine (room->folder, "....", "6d3a52a6-4d5b-4f4e-9f10-0123456789ae");

  expect (room->root, other, "one-2");
  expect (room->root, hidden, "x");
  expect (room->root, dots, "machine");
  assert_int_equal (count (room->root), 4);
}

static void
test_refused (void **state)
{
  Room *room = *state;
  g_free (make_machine (room->root, "one", UUID));
  g_autofree char *copy = make_machine (room->folder, "copy", UUID);
  g_autofree char *broken = make_machine (room->folder, "broken", "\\");
  const char *const refused[] = {copy, broken, room->folder, "/nowhere", "/nowhere/machine.json"};

  for (size_t i = 0; i < G_N_ELEMENTS (refused); i++) {
    g_autoptr (GError) error = NULL;
    assert_null (adopt_machine (room->root, refused[i], true, &error));
    assert_non_null (error);
    assert_true (strlen (error->message) > 0);
  }
  assert_int_equal (count (room->root), 1);
}

static void
replace (const char *folder, const char *what, const char *with)
{
  g_autofree char *file = g_build_filename (folder, "machine.json", NULL), *text = NULL;

  assert_true (g_file_get_contents (file, &text, NULL, NULL));
  g_auto (GStrv) parts = g_strsplit (text, what, -1);
  g_autofree char *changed = g_strjoinv (with, parts);
  assert_string_not_equal (changed, text);
  assert_true (g_file_set_contents (file, changed, -1, NULL));
}

// Refused as it is, and named; once somebody has agreed it is a machine like any other.
static void
expect_doubt (Room *room, const char *folder, const char *named)
{
  g_autoptr (GError) error = NULL;

  assert_null (adopt_machine (room->root, folder, false, &error));
  assert_true (g_error_matches (error, BUNDLE_ERROR, BUNDLE_ERROR_DOUBT));
  assert_non_null (strstr (error->message, named));
  assert_int_equal (count (room->root), 0);
  g_autofree char *name = adopt_machine (room->root, folder, true, NULL);
  assert_non_null (name);
  assert_int_equal (count (room->root), 1);
  g_autofree char *link = g_build_filename (room->root, name, NULL);
  assert_int_equal (g_unlink (link), 0);
}

static void
test_outside (void **state)
{
  Room *room = *state;
  g_autofree char *secret = g_build_filename (room->folder, "secret", NULL);
  g_autofree char *disk = g_strdup_printf ("\"disks\": [{\"path\": \"%s\"}]", secret);
  g_autofree char *link = g_build_filename (room->folder, "linked", "kernel", NULL);
  g_autofree char *dangling = g_build_filename (room->folder, "dangling", "kernel", NULL);
  g_autofree char *named = make_machine (room->folder, "named", UUID);
  g_autofree char *above = make_machine (room->folder, "above", UUID);
  g_autofree char *linked = make_machine (room->folder, "linked", UUID);
  g_autofree char *kept = make_machine (room->folder, "dangling", UUID);
  g_autofree char *similar = make_machine (room->folder, "sec", UUID);
  g_autofree char *open = make_machine (room->folder, "open", UUID);

  assert_true (g_file_set_contents (secret, "x", 1, NULL));
  replace (named, "\"disks\": []", disk);
  expect_doubt (room, named, secret);
  replace (above, "\"kernel\": \"kernel\"", "\"kernel\": \"../secret\"");
  expect_doubt (room, above, secret);
  assert_int_equal (symlink (secret, link), 0);
  expect_doubt (room, linked, secret);
  assert_int_equal (symlink ("/nowhere", dangling), 0);
  expect_doubt (room, kept, dangling);
  replace (similar, "\"kernel\": \"kernel\"", "\"kernel\": \"../secret\"");
  expect_doubt (room, similar, secret);
  assert_int_equal (g_chmod (open, 0777), 0);
  expect_doubt (room, open, "changed by others");
}

// What a disk is based on, and what a snapshot has.
static void
test_outside_below (void **state)
{
  Room *room = *state;
  g_autofree char *secret = g_build_filename (room->folder, "secret", NULL);
  g_autofree char *based = make_machine (room->folder, "based", UUID);
  g_autofree char *past = make_machine (room->folder, "past", UUID);
  g_autofree char *image = g_build_filename (based, "disk.qcow2", NULL);
  g_autofree char *list = g_build_filename (past, "snapshots.json", NULL);
  const VmImageCreate options = {
      .format = VM_IMAGE_QCOW2, .backing = secret, .backing_format = VM_IMAGE_RAW};
  g_autofree char *text = g_strdup_printf (
      "{\"version\": 1, \"snapshots\": [{\"id\": \"" UUID
      "\", \"name\": \"then\", \"time\": 1, \"state\": false, \"disks\": [{\"path\": \"%s\","
      " \"format\": \"raw\", \"read-only\": false, \"allow-backing\": false}]}]}",
      secret);

  assert_true (g_file_set_contents (secret, "x", 1, NULL));
  assert_int_equal (truncate (secret, 1 << 20), 0);
  assert_true (vm_image_create (image, &options, NULL));
  replace (
      based, "\"disks\": []",
      "\"disks\": [{\"path\": \"disk.qcow2\", \"format\": \"qcow2\", \"allow-backing\": true}]");
  expect_doubt (room, based, secret);
  assert_true (g_file_set_contents (list, text, -1, NULL));
  expect_doubt (room, past, secret);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown (test_link, set_up, tear_down),
      cmocka_unit_test_setup_teardown (test_own, set_up, tear_down),
      cmocka_unit_test_setup_teardown (test_names, set_up, tear_down),
      cmocka_unit_test_setup_teardown (test_refused, set_up, tear_down),
      cmocka_unit_test_setup_teardown (test_outside, set_up, tear_down),
      cmocka_unit_test_setup_teardown (test_outside_below, set_up, tear_down),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
