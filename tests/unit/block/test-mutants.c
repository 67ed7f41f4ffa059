// SPDX-License-Identifier: GPL-3.0-or-later
// qcow2 images that are wrong in one word, and hosts whose n-th call fails, one after the other: whatever
// is done with them ends, in an error or as it should, and what was repaired is good.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "engine/block/qcow2/qcow2.h"
#include "tests/support/disk-model.h"
#include "tests/support/mem-file.h"

static const struct Shape {
  unsigned cluster_bits, refcount_order;
  bool version2, extended;
  unsigned clusters;
} shapes[] = {{9, 4, false, false, 300},
              {9, 6, false, false, 200},
              {10, 0, false, false, 100},
              {9, 4, true, false, 200},
              {14, 4, false, true, 12}};

static int
create (const struct Shape *shape, MemFile *mem)
{
  const Qcow2CreateOptions options = {.size_bytes = (uint64_t) shape->clusters
                                                    << shape->cluster_bits,
                                      .cluster_bits = shape->cluster_bits,
                                      .refcount_order = shape->refcount_order,
                                      .has_refcount_order = true,
                                      .version2 = shape->version2,
                                      .extended_l2 = shape->extended};
  BlockFile *file = mem_file_open (mem);
  int error = qcow2_create (file, &options);
  block_file_free (file);
  return error;
}

static BlockImage *
open_mem (MemFile *mem, BlockImageFlags flags)
{
  g_autoptr (GError) error = NULL;
  BlockImage *image = qcow2_open (mem_file_open (mem), "mem", flags, NULL, &error);
  assert_true ((image == NULL) == (error != NULL));
  return image;
}

// Some of everything; the first error, 0: none.
static int
use (BlockImage *image, uint64_t seed, unsigned n)
{
  DiskModel *model = disk_model_new (image->size_bytes, 512, seed);
  int first = 0;
  for (unsigned i = 0; i < n; i++) {
    DiskOp op = disk_model_next (model);
    int error = disk_model_do (model, image, &op);
    if (error == EBADMSG) // what there is to read is the other tests' matter
      error = 0;
    first = first != 0 ? first : error;
    BlockExtent extent;
    if (error == 0)
      image->ops->get_extent (image->driver, op.offset % image->size_bytes, 512, &extent);
  }
  disk_model_free (model);
  return first;
}

static bool
go_on (void *data, double done)
{
  assert_true (done >= 0 && done <= 1);
  return (*(unsigned *) data)-- > 0;
}

// Found faults are repaired, or stay and are found again; a repaired image is clean.
static void
check_and_repair (MemFile *mem)
{
  Qcow2Check check = {0}, again = {0};
  BlockImage *image = open_mem (mem, BLOCK_IMAGE_WRITE);
  if (image == NULL)
    return;
  bool repaired = qcow2_check (image, &check, true) == 0;
  block_image_free (image);
  image = open_mem (mem, 0);
  if (image == NULL)
    return;
  if (qcow2_check (image, &again, false) == 0 && repaired && check.n_corrupt == 0) {
    assert_int_equal (again.n_corrupt, 0);
    assert_int_equal (again.n_leaked, 0);
  }
  unsigned steps = 0;
  Qcow2Check stopped = {.progress = go_on, .data = &steps};
  assert_int_not_equal (qcow2_check (image, &stopped, false), 0);
  block_image_free (image);
}

// Offsets of the words that say something: header, L1, L2, refcount table and blocks.
static GArray *
list_words (const MemFile *mem, uint64_t cluster)
{
  GArray *words = g_array_new (FALSE, FALSE, sizeof (uint64_t));
  uint64_t n = mem->bytes->len / cluster;
  for (uint64_t at = 0; at < 112; at += 4)
    g_array_append_val (words, at);
  for (uint64_t c = 1; c < n; c++) {
    // Guest data is never zeroes followed by a small word.
    for (uint64_t at = c * cluster; at < (c + 1) * cluster && at < c * cluster + 64; at += 8)
      g_array_append_val (words, at);
  }
  return words;
}

static void
test_words (void **state)
{
  static const uint64_t values[] = {0,
                                    UINT64_MAX,
                                    1,
                                    UINT64_C (1) << 63,
                                    UINT64_C (1) << 62,
                                    UINT64_C (0x8000000000000200),
                                    UINT64_C (0x8000000000000400),
                                    UINT64_C (0x00fffffffffffe00),
                                    UINT64_C (0x0100000000000200)};
  for (size_t s = 0; s < G_N_ELEMENTS (shapes); s++) {
    MemFile *good = mem_file_new (), *mem = mem_file_new ();
    assert_int_equal (create (&shapes[s], good), 0);
    BlockImage *image = open_mem (good, BLOCK_IMAGE_WRITE);
    assert_int_equal (use (image, s, 20), 0);
    assert_int_equal (block_image_close (image), 0);
    GArray *words = list_words (good, UINT64_C (1) << shapes[s].cluster_bits);
    unsigned step = MAX (words->len / 60, 1);
    for (unsigned w = 0; w < words->len; w += w < 28 ? 1 : step) {
      for (size_t v = 0; v < G_N_ELEMENTS (values); v++) {
        uint64_t at = g_array_index (words, uint64_t, w), value = GUINT64_TO_BE (values[v]);
        mem_file_set (mem, good);
        if (at + 8 > mem->bytes->len)
          continue;
        memcpy (mem->bytes->data + at, w < 28 ? (uint8_t *) &value + 4 : (uint8_t *) &value,
                w < 28 ? 4 : 8);
        image = open_mem (mem, BLOCK_IMAGE_WRITE);
        if (image != NULL && image->size_bytes == (uint64_t) shapes[s].clusters
                                                      << shapes[s].cluster_bits) {
          use (image, v, 6);
        }
        block_image_free (image);
        check_and_repair (mem);
      }
    }
    g_array_unref (words);
    mem_file_free (good);
    mem_file_free (mem);
  }
}

static int
make_use_and_check (const struct Shape *shape, MemFile *mem)
{
  Qcow2Check check = {0};
  int error = create (shape, mem);
  if (error != 0)
    return error;
  BlockImage *image = open_mem (mem, BLOCK_IMAGE_WRITE);
  if (image == NULL)
    return EIO;
  error = use (image, 7, 12);
  int resized = error == 0 ? qcow2_resize (image, 2 * image->size_bytes) : 0;
  int closed = block_image_close (image);
  error = error != 0 ? error : resized != 0 ? resized : closed;
  image = error == 0 ? open_mem (mem, 0) : NULL;
  if (image == NULL)
    return error != 0 ? error : EIO;
  error = qcow2_check (image, &check, false);
  block_image_free (image);
  return error;
}

// Nothing that fails goes unsaid but hints, and nothing is worse than leaked afterwards.
static void
test_calls (void **state)
{
  for (size_t s = 0; s < G_N_ELEMENTS (shapes); s++) {
    bool failed = true;
    for (unsigned n = 1; failed; n += 1 + n / 40) {
      MemFile *mem = mem_file_new ();
      mem->reads_too = true;
      mem->fail_from = mem->fail_to = n;
      mem->error = n % 3 == 0 ? ENOSPC : EIO;
      int error = make_use_and_check (&shapes[s], mem);
      failed = mem->failed;
      assert_true (failed || error == 0);
      mem->fail_from = mem->fail_to = 0;
      BlockImage *image = open_mem (mem, 0);
      Qcow2Check check = {0};
      if (image != NULL) {
        assert_int_equal (qcow2_check (image, &check, false), 0);
        assert_int_equal (check.n_corrupt, 0);
      }
      block_image_free (image);
      mem_file_free (mem);
    }
  }
}

static void
test_options (void **state)
{
  static const struct {
    Qcow2CreateOptions options;
    int error;
  } cases[] = {
      {{.size_bytes = 1 << 20}, 0},
      {{.size_bytes = 0}, 0},
      {{.size_bytes = 513}, EINVAL},
      {{.size_bytes = UINT64_MAX / 512 * 512}, EINVAL},
      {{.size_bytes = 512, .cluster_bits = 8}, EINVAL},
      {{.size_bytes = 512, .cluster_bits = 22}, EINVAL},
      {{.size_bytes = 512, .refcount_order = 7, .has_refcount_order = true}, EINVAL},
      {{.size_bytes = 512, .refcount_order = 3, .has_refcount_order = true, .version2 = true},
       EINVAL},
      {{.size_bytes = 512, .version2 = true, .extended_l2 = true}, EINVAL},
      {{.size_bytes = 512, .cluster_bits = 13, .extended_l2 = true}, EINVAL},
      {{.size_bytes = UINT64_C (1) << 50, .cluster_bits = 9}, EFBIG},
      {{.size_bytes = 512, .backing = "base", .backing_format = "raw"}, 0},
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    MemFile *mem = mem_file_new ();
    BlockFile *file = mem_file_open (mem);
    assert_int_equal (qcow2_create (file, &cases[i].options), cases[i].error);
    block_file_free (file);
    mem_file_free (mem);
  }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_words),
      cmocka_unit_test (test_calls),
      cmocka_unit_test (test_options),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
