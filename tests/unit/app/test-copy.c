// SPDX-License-Identifier: GPL-3.0-or-later
// Copying a file: whole or not at all, also when somebody changes it meanwhile.
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

#include "app/model/copy.h"

#define KIB(n) ((off_t) (n) << 10)
#define MIB(n) ((off_t) (n) << 20)
#define SAME   ((off_t) -1)

typedef struct Row {
  const char *name;
  off_t data_bytes, size_bytes; // what is after the data is a hole
  unsigned at_report;           // the change: when progress is reported for that time, from 1
  off_t new_size_bytes;         // SAME: no change
  bool copied;
} Row;

static const Row rows[] = {
    {"empty", 0, 0, 1, SAME, true},
    {"data", KIB (100), KIB (100), 1, SAME, true},
    {"data in pieces and a hole", MIB (17), MIB (40), 1, SAME, true},
    {"a hole", 0, MIB (1), 1, SAME, true},
    {"shorter before the first piece", MIB (20), MIB (20), 1, MIB (3), false},
    {"shorter behind the first piece", MIB (20), MIB (20), 2, MIB (9), false},
    {"shorter than what is copied", MIB (20), MIB (20), 2, KIB (4), false},
    {"empty all at once", MIB (20), MIB (20), 1, 0, false},
    {"shorter by a piece of hole", KIB (64), MIB (20), 2, MIB (10), false},
    {"longer", MIB (1), MIB (1), 1, MIB (2), false},
};

typedef struct Change {
  const Row *row;
  const char *path;
  unsigned n_reports;
} Change;

static void
progress_cb (uint64_t more_bytes, void *data)
{
  Change *change = data;

  if (++change->n_reports == change->row->at_report && change->row->new_size_bytes != SAME)
    assert_int_equal (truncate (change->path, change->row->new_size_bytes), 0);
}

static void
make_source (const char *path, const Row *row)
{
  g_autofree char *text = g_malloc ((size_t) row->data_bytes + 1);

  for (off_t i = 0; i < row->data_bytes; i++)
    text[i] = (char) (i * 2654435761u >> 13);
  assert_true (g_file_set_contents (path, text, row->data_bytes, NULL));
  assert_int_equal (truncate (path, row->size_bytes), 0);
}

static void
assert_same (const char *one, const char *two)
{
  g_autoptr (GMappedFile) a = g_mapped_file_new (one, FALSE, NULL);
  g_autoptr (GMappedFile) b = g_mapped_file_new (two, FALSE, NULL);
  struct stat of_one, of_two;

  assert_int_equal (g_mapped_file_get_length (a), g_mapped_file_get_length (b));
  if (g_mapped_file_get_length (a) > 0)
    assert_memory_equal (g_mapped_file_get_contents (a), g_mapped_file_get_contents (b),
                         g_mapped_file_get_length (a));
  assert_int_equal (stat (one, &of_one), 0);
  assert_int_equal (stat (two, &of_two), 0);
  // 512-byte units; a file system may need some for itself.
  assert_true (of_two.st_blocks <= of_one.st_blocks + 64);
}

static void
test_rows (void **state)
{
  g_autofree char *folder = g_dir_make_tmp ("copy-XXXXXX", NULL);
  g_autofree char *source = g_build_filename (folder, "source", NULL);
  g_autofree char *target = g_build_filename (folder, "target", NULL);

  for (unsigned i = 0; i < G_N_ELEMENTS (rows); i++) {
    Change change = {&rows[i], source, 0};
    g_autoptr (GError) error = NULL;

    make_source (source, &rows[i]);
    if (copy_file (source, target, progress_cb, &change, NULL, &error) != rows[i].copied)
      fail_msg ("%s: %s", rows[i].name, error ? error->message : "copied");
    if (rows[i].copied)
      assert_same (source, target);
    else
      assert_non_null (strstr (error->message, source));
    // What could not be copied leaves nothing behind.
    assert_int_equal (g_unlink (target) == 0, rows[i].copied);
  }
  g_unlink (source);
  g_rmdir (folder);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test (test_rows)};

  return cmocka_run_group_tests (tests, NULL, NULL);
}
