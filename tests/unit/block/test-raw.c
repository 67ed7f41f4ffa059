// SPDX-License-Identifier: GPL-3.0-or-later
// Raw images: what is refused and how it is said, locks, transfers, holes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/block/image.h"

enum {
  DISK_BYTES = 1 << 20,
};

static char *folder;

static char *
path_of (const char *name)
{
  return g_build_filename (folder, name, NULL);
}

static void
make_file (const char *name, size_t bytes)
{
  g_autofree char *path = path_of (name);
  g_autofree char *data = g_malloc (bytes + 1);
  for (size_t i = 0; i < bytes; i++)
    data[i] = (char) (i % 251 + 1);
  assert_true (g_file_set_contents (path, data, (gssize) bytes, NULL));
}

static int
set_up (void **state)
{
  folder = g_dir_make_tmp ("terrarium-raw-XXXXXX", NULL);
  make_file ("disk", DISK_BYTES);
  make_file ("empty", 0);
  make_file ("odd", 1000);
  g_autofree char *pipe = path_of ("pipe"), *sub = path_of ("folder");
  return mkfifo (pipe, 0600) != 0 || g_mkdir (sub, 0700) != 0;
}

static int
tear_down (void **state)
{
  static const char *names[] = {"disk", "empty", "odd", "pipe"};
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *path = path_of (names[i]);
    g_unlink (path);
  }
  g_autofree char *sub = path_of ("folder");
  g_rmdir (sub);
  g_rmdir (folder);
  g_free (folder);
  return 0;
}

static BlockDevice *
open_raw (const char *path, bool read_only, GError **error)
{
  BlockImage *image =
      block_image_open (path, BLOCK_FORMAT_RAW, read_only ? 0 : BLOCK_IMAGE_WRITE, error);
  return image != NULL ? block_image_to_device (image) : NULL;
}

static void
test_refused (void **state)
{
  static const struct {
    const char *name;
    bool read_only;
    const char *says;
  } cases[] = {
      {"missing", false, "no such file"}, {"missing", true, "no such file"},
      {"folder", false, "folder"},        {"folder", true, "folder"},
      {"pipe", false, "not a file"},      {"pipe", true, "not a file"},
      {"empty", false, "empty"},          {"odd", true, "multiple of 512"},
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *path = path_of (cases[i].name);
    g_autoptr (GError) error = NULL;
    assert_null (open_raw (path, cases[i].read_only, &error));
    assert_non_null (strstr (error->message, path));
    assert_non_null (strstr (error->message, cases[i].says));
  }
}

static void
test_write_protected (void **state)
{
  if (geteuid () == 0)
    skip (); // root writes anyway
  g_autofree char *path = path_of ("disk");
  g_autoptr (GError) error = NULL;
  assert_int_equal (g_chmod (path, 0400), 0);
  assert_null (open_raw (path, false, &error));
  assert_non_null (strstr (error->message, "read-only"));
  BlockDevice *device = open_raw (path, true, NULL);
  assert_non_null (device);
  assert_int_equal (g_chmod (path, 0600), 0);
  block_device_free (device);
}

// One writer, or any number of readers.
static void
test_locks (void **state)
{
  static const struct {
    bool first_read_only, second_read_only, both;
  } cases[] = {
      {false, false, false}, {false, true, false}, {true, false, false}, {true, true, true}};
  g_autofree char *path = path_of ("disk");
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;
    BlockDevice *first = open_raw (path, cases[i].first_read_only, NULL);
    assert_non_null (first);
    BlockDevice *second = open_raw (path, cases[i].second_read_only, &error);
    assert_int_equal (second != NULL, cases[i].both);
    if (second == NULL)
      assert_non_null (strstr (error->message, "in use by another machine"));
    block_device_free (second);
    block_device_free (first);
  }
}

static int
perform (BlockDevice *device, BlockRequest *request)
{
  block_device_submit (device, request);
  block_device_wait (device);
  assert_ptr_equal (block_device_reap (device), request);
  assert_null (block_device_reap (device));
  return request->error;
}

// More segments than one system call takes, of odd sizes.
static void
test_transfers (void **state)
{
  enum { SEGMENTS = 500, BYTES = 512 * 1024 };
  g_autofree char *path = path_of ("disk");
  g_autofree uint8_t *out = g_malloc (BYTES), *in = g_malloc0 (BYTES);
  struct iovec out_iov[SEGMENTS], in_iov[2] = {{in, 7}, {in + 7, BYTES - 7}};
  BlockDevice *device = open_raw (path, false, NULL);
  assert_non_null (device);
  assert_int_equal (block_device_get_size_bytes (device), DISK_BYTES);
  for (size_t i = 0; i < BYTES; i++)
    out[i] = (uint8_t) (i * 13 + i / 1000);
  for (size_t i = 0, at = 0; i < SEGMENTS; i++) {
    size_t length = i == SEGMENTS - 1 ? BYTES - at : i % 50 == 3 ? 0 : 1 + i;
    out_iov[i] = (struct iovec){out + at, length};
    at += length;
  }
  BlockRequest write = {.op = BLOCK_WRITE,
                        .offset_bytes = 1024,
                        .length_bytes = BYTES,
                        .iov = out_iov,
                        .n_iov = SEGMENTS,
                        .fua = true};
  BlockRequest read = {
      .op = BLOCK_READ, .offset_bytes = 1024, .length_bytes = BYTES, .iov = in_iov, .n_iov = 2};
  BlockRequest flush = {.op = BLOCK_FLUSH};
  assert_int_equal (perform (device, &write), 0);
  assert_int_equal (perform (device, &flush), 0);
  assert_int_equal (perform (device, &read), 0);
  assert_memory_equal (in, out, BYTES);
  block_device_free (device);
}

static void
test_file_cut_short (void **state)
{
  g_autofree char *path = path_of ("disk");
  uint8_t sector[512];
  struct iovec iov = {sector, sizeof sector};
  BlockDevice *device = open_raw (path, false, NULL);
  assert_int_equal (truncate (path, 4096), 0);
  BlockRequest read = {.op = BLOCK_READ,
                       .offset_bytes = 8192,
                       .length_bytes = sizeof sector,
                       .iov = &iov,
                       .n_iov = 1};
  assert_int_equal (perform (device, &read), EIO);
  block_device_free (device);
  make_file ("disk", DISK_BYTES);
}

static void
test_holes (void **state)
{
  static const struct {
    BlockOp op;
    bool may_unmap, punches;
  } cases[] = {{BLOCK_DISCARD, false, true},
               {BLOCK_WRITE_ZEROES, true, true},
               {BLOCK_WRITE_ZEROES, false, false}};
  g_autofree char *path = path_of ("disk");
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    make_file ("disk", DISK_BYTES);
    BlockDevice *device = open_raw (path, false, NULL);
    struct stat before, after;
    g_autofree uint8_t *back = g_malloc (DISK_BYTES);
    struct iovec iov = {back, DISK_BYTES};
    BlockRequest request = {.op = cases[i].op,
                            .may_unmap = cases[i].may_unmap,
                            .offset_bytes = 65536,
                            .length_bytes = 131072};
    BlockRequest read = {.op = BLOCK_READ, .length_bytes = DISK_BYTES, .iov = &iov, .n_iov = 1};
    assert_int_equal (stat (path, &before), 0);
    assert_int_equal (perform (device, &request), 0);
    assert_int_equal (perform (device, &read), 0);
    assert_int_equal (stat (path, &after), 0);
    assert_int_equal (after.st_size, DISK_BYTES);
    if (cases[i].punches)
      assert_true (after.st_blocks <= before.st_blocks);
    assert_int_not_equal (back[65535], 0);
    assert_int_not_equal (back[65536 + 131072], 0);
    if (cases[i].op == BLOCK_WRITE_ZEROES) {
      for (size_t j = 65536; j < 65536 + 131072; j++)
        assert_int_equal (back[j], 0);
    }
    block_device_free (device);
  }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_refused),        cmocka_unit_test (test_write_protected),
      cmocka_unit_test (test_locks),          cmocka_unit_test (test_transfers),
      cmocka_unit_test (test_file_cut_short), cmocka_unit_test (test_holes),
  };
  return cmocka_run_group_tests (tests, set_up, tear_down);
}
