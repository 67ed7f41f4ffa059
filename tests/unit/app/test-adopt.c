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
  g_autofree char *name = adopt_machine (root, path, &error);

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
  g_autofree char *one = make_machine (room->root, "one", UUID);
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
  g_autofree char *one = make_machine (room->root, "one", UUID);
  g_autofree char *copy = make_machine (room->folder, "copy", UUID);
  g_autofree char *broken = make_machine (room->folder, "broken", "\\");
  const char *const refused[] = {copy, broken, room->folder, "/nowhere", "/nowhere/machine.json"};

  for (size_t i = 0; i < G_N_ELEMENTS (refused); i++) {
    g_autoptr (GError) error = NULL;
    assert_null (adopt_machine (room->root, refused[i], &error));
    assert_non_null (error);
    assert_true (strlen (error->message) > 0);
  }
  assert_int_equal (count (room->root), 1);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown (test_link, set_up, tear_down),
      cmocka_unit_test_setup_teardown (test_own, set_up, tear_down),
      cmocka_unit_test_setup_teardown (test_names, set_up, tear_down),
      cmocka_unit_test_setup_teardown (test_refused, set_up, tear_down),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
