// SPDX-License-Identifier: GPL-3.0-or-later
// Refcounts of qcow2 images (§ Host cluster management): every width, tables that grow while the
// host fails or is full, and tables made by somebody who means ill.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <glib/gstdio.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "engine/block/qcow2/format.h"
#include "tests/support/qcow2-hand.h"

enum {
  REFTABLE_AT = 48,
  REFTABLE_CLUSTERS_AT = 56,
};

static void
keep_fault (void *data, bool corrupt, const char *text)
{
  GString *faults = data;
  g_string_append_printf (faults, "%s\n", text);
}

static char *
faults_of (MemFile *mem, Qcow2Check *check)
{
  GString *faults = g_string_new (NULL);
  BlockImage *image = hand_open (mem, 0);
  *check = (Qcow2Check){.fault = keep_fault, .data = faults};
  assert_int_equal (qcow2_check (image, check, false), 0);
  block_image_free (image);
  return g_string_free (faults, FALSE);
}

// ---------------------------------------------------------------------------------------------
// Widths

static void
put_refcount (MemFile *mem, unsigned order, uint64_t cluster, uint64_t refcount)
{
  unsigned bits = 1u << order;
  uint64_t at = hand_block (mem) + cluster * bits / 8;
  if (bits >= 8) {
    hand_put (mem, at, refcount, bits / 8);
    return;
  }
  unsigned shift = (unsigned) (cluster * bits % 8);
  uint64_t mask = ((1u << bits) - 1) << shift;
  hand_put (mem, at, (hand_get (mem, at, 1) & ~mask) | refcount << shift, 1);
}

// The largest refcount that a width has and the one below it are told for what they are, and the
// neighbours' with them.
static void
test_widths (void **state)
{
  for (unsigned order = 0; order <= 6; order++) {
    const Qcow2CreateOptions options = {
        .size_bytes = 1 << 20, .refcount_order = order, .has_refcount_order = true};
    uint64_t most = UINT64_MAX >> (64 - (1u << order));
    MemFile *mem = hand_create (&options);
    assert_int_equal (hand_check (mem), HAND_CLEAN);
    uint64_t cluster = mem->bytes->len >> 16;
    hand_put (mem, mem->bytes->len + 2 * 65536 - 1, 0, 1);
    put_refcount (mem, order, cluster, most);
    put_refcount (mem, order, cluster + 1, most - 1);
    Qcow2Check check;
    g_autofree char *faults = faults_of (mem, &check);
    g_autofree char *wanted =
        g_strdup_printf ("Cluster %" PRIu64 " is referred to 0 times, counted "
                         "%" PRIu64 " times\n",
                         cluster, most);
    assert_true (g_str_has_prefix (faults, wanted));
    assert_int_equal (check.n_corrupt, 0);
    assert_int_equal (check.n_leaked, most > 1 ? 2 : 1);
    HandVerdict theirs = hand_ask_qemu (mem);
    assert_true (theirs == HAND_LEAKED || theirs == HAND_UNKNOWN);
    // Nobody takes them; a repair gives them back.
    BlockImage *image = hand_open (mem, BLOCK_IMAGE_WRITE);
    assert_int_equal (hand_fill (image, 0, 3 << 16, 5), 0);
    assert_int_equal (qcow2_check (image, &check, true), 0);
    assert_int_equal (hand_expect (image, 0, 3 << 16, 5), 0);
    assert_int_equal (block_image_close (image), 0);
    assert_int_equal (hand_check (mem), HAND_CLEAN);
    mem_file_free (mem);
  }
}

// As many uses of one cluster as its refcount has numbers for can be repaired, and one more not.
static void
test_too_many_uses (void **state)
{
  for (unsigned order = 0; order <= 3; order++) {
    const Qcow2CreateOptions options = {.size_bytes = 4 << 20,
                                        .cluster_bits = 12,
                                        .refcount_order = order,
                                        .has_refcount_order = true};
    unsigned most = (1u << (1u << order)) - 1;
    for (unsigned uses = most; uses <= most + 1; uses++) {
      Qcow2Check check = {0};
      MemFile *mem = hand_create (&options);
      BlockImage *image = hand_open (mem, BLOCK_IMAGE_WRITE);
      assert_int_equal (hand_fill (image, 0, 4096, 5), 0);
      assert_int_equal (block_image_close (image), 0);
      uint64_t table = hand_l2 (mem, 0), entry = hand_get (mem, table, 8);
      for (unsigned i = 1; i < uses; i++)
        hand_put (mem, table + 8 * i, entry, 8);
      image = hand_open (mem, BLOCK_IMAGE_WRITE);
      assert_int_equal (qcow2_check (image, &check, true), uses > most ? EFBIG : 0);
      block_image_free (image);
      // What is used twice is nobody's alone.
      if (uses > 1 && uses <= most)
        assert_int_equal (hand_get (mem, table, 8), entry & ~QCOW2_COPIED);
      assert_int_equal (hand_check (mem), uses > most ? HAND_CORRUPT : HAND_CLEAN);
      mem_file_free (mem);
    }
  }
}

// ---------------------------------------------------------------------------------------------
// Growing

// Small clusters with large refcounts: the table's one cluster reaches over 2 MiB.
static const Qcow2CreateOptions small = {
    .size_bytes = 3 << 20, .cluster_bits = 9, .refcount_order = 6, .has_refcount_order = true};

enum {
  HALF_FILLED = 1966080, // so much that blocks are missing, and the table has to grow soon
  FILLED = 2023424,      // so much that the table's last block is there and has little room
  MORE = 65536,
  RESIZED = 64 << 20, // an L1 table of 32 clusters
};

static MemFile *
fill_small (uint64_t filled)
{
  MemFile *mem = hand_create (&small);
  BlockImage *image = hand_open (mem, BLOCK_IMAGE_WRITE);
  assert_int_equal (hand_fill (image, 0, filled, 1), 0);
  assert_int_equal (block_image_close (image), 0);
  assert_int_equal (hand_get (mem, REFTABLE_CLUSTERS_AT, 4), 1);
  return mem;
}

static int
grow_by_writing (BlockImage *image)
{
  int error = hand_fill (image, FILLED, MORE, 2);
  return error != 0 ? error : image->ops->flush (image->driver);
}

static int
grow_by_resizing (BlockImage *image)
{
  int error = qcow2_resize (image, RESIZED);
  return error != 0 ? error : grow_by_writing (image);
}

// Whatever happened: nothing is damaged, what was there is there, and an image that is opened
// again can do what failed.
static void
judge_grown (MemFile *mem, int (*grow) (BlockImage *), uint64_t filled, int error, uint64_t n)
{
  HandVerdict verdict = hand_check (mem);
  if (verdict != HAND_CLEAN && verdict != HAND_LEAKED)
    fail_msg ("call %" PRIu64 " fails: %d", n, verdict);
  BlockImage *image = hand_open (mem, BLOCK_IMAGE_WRITE);
  assert_int_equal (hand_expect (image, 0, filled, 1), 0);
  if (error == 0)
    assert_int_equal (hand_expect (image, FILLED, MORE, 2), 0);
  assert_int_equal (grow (image), 0);
  assert_int_equal (hand_expect (image, FILLED, MORE, 2), 0);
  assert_int_equal (block_image_close (image), 0);
  assert_true (hand_get (mem, REFTABLE_CLUSTERS_AT, 4) > 1);
  verdict = hand_check (mem);
  assert_true (verdict == HAND_CLEAN || verdict == HAND_LEAKED);
}

static void
fail_while_growing (int (*grow) (BlockImage *), uint64_t filled, int with)
{
  MemFile *good = fill_small (filled);
  bool failed = true;
  for (uint64_t n = 1; failed; n += 1 + n / 24) {
    MemFile *mem = mem_file_new ();
    mem_file_set (mem, good);
    BlockImage *image = hand_open (mem, BLOCK_IMAGE_WRITE);
    mem->reads_too = true;
    mem->fail_from = mem->fail_to = n;
    mem->n_calls = 0;
    mem->error = with;
    int error = grow (image);
    failed = mem->failed;
    assert_true (failed || error == 0);
    // The host works again: so does the disk, or it takes nothing any more.
    if (failed && grow_by_writing (image) == 0)
      error = 0;
    block_image_free (image);
    mem->fail_to = 0;
    judge_grown (mem, grow, filled, error, n);
    mem_file_free (mem);
  }
  mem_file_free (good);
}

static void
test_growing_fails (void **state)
{
  fail_while_growing (grow_by_writing, HALF_FILLED, EIO);
  fail_while_growing (grow_by_writing, HALF_FILLED, ENOSPC);
  fail_while_growing (grow_by_resizing, FILLED, ENOSPC);
}

// The host is full when the table has to grow. Then there is room, some clusters become free, and a
// longer L1 table makes the refcount table grow from another place: what was begun is forgotten.
static void
test_full_while_growing (void **state)
{
  MemFile *good = fill_small (HALF_FILLED);
  for (uint64_t room = good->bytes->len; room < good->bytes->len + 0x18000; room += 512) {
    MemFile *mem = mem_file_new ();
    Qcow2Info info;
    mem_file_set (mem, good);
    BlockImage *image = hand_open (mem, BLOCK_IMAGE_WRITE);
    mem->room = room;
    int error = grow_by_writing (image);
    assert_true (error == 0 || error == ENOSPC);
    mem->room = 0;
    assert_int_equal (image->ops->discard (image->driver, 0, 4096), 0);
    for (unsigned i = 0; i < 2; i++)
      assert_int_equal (image->ops->flush (image->driver), 0);
    assert_int_equal (qcow2_resize (image, RESIZED), 0);
    assert_int_equal (hand_fill (image, 0, 2 * FILLED, 2), 0);
    qcow2_get_info (image, &info);
    assert_false (info.corrupt);
    assert_int_equal (hand_expect (image, 0, 2 * FILLED, 2), 0);
    assert_int_equal (block_image_close (image), 0);
    assert_true (hand_check (mem) <= HAND_LEAKED);
    mem_file_free (mem);
  }
  mem_file_free (good);
}

// A file so long that the table has to be half as long as it can be, and one behind what any table
// counts.
static void
test_longest_table (void **state)
{
  static const struct {
    uint64_t file_bytes;
    int error;
  } cases[] = {{UINT64_C (24) << 30, 0}, {UINT64_C (33) << 30, EFBIG}};
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *path = g_build_filename (g_get_tmp_dir (), "terrarium-long-XXXXXX", NULL);
    int fd = g_mkstemp (path);
    assert_true (fd >= 0);
    BlockFile *file = block_file_new_for_fd (fd);
    assert_int_equal (qcow2_create (file, &small), 0);
    assert_int_equal (block_file_set_size (file, cases[i].file_bytes), 0);
    block_file_free (file);
    BlockImage *image = block_image_open (path, BLOCK_FORMAT_QCOW2, BLOCK_IMAGE_WRITE, NULL);
    assert_non_null (image);
    assert_int_equal (hand_fill (image, 0, 4096, 3), 0);
    // The L1 table is longer than a region of clusters: it goes behind everything.
    assert_int_equal (qcow2_resize (image, UINT64_C (256) << 20), cases[i].error);
    assert_int_equal (hand_fill (image, 4096, 4096, 3), 0);
    assert_int_equal (block_image_close (image), 0);
    Qcow2Check check = {0};
    image = block_image_open (path, BLOCK_FORMAT_QCOW2, 0, NULL);
    assert_non_null (image);
    assert_int_equal (hand_expect (image, 0, 8192, 3), 0);
    assert_int_equal (qcow2_check (image, &check, false), 0);
    assert_int_equal (check.n_corrupt, 0);
    block_image_free (image);
    g_unlink (path);
  }
}

// ---------------------------------------------------------------------------------------------
// Tables that lie

// A million blocks that are all the same and say that all is taken: no search for a free cluster
// through what would take hours.
static void
test_same_block (void **state)
{
  const Qcow2CreateOptions options = {
      .size_bytes = 1 << 20, .cluster_bits = 16, .refcount_order = 0, .has_refcount_order = true};
  MemFile *mem = hand_create (&options);
  uint64_t table = 1 << 20, block = (1 << 20) + QCOW2_REFTABLE_BYTES_MAX;
  hand_put (mem, block + 65535, 0, 1);
  memset (mem->bytes->data + block, 0xff, 65536);
  for (unsigned i = 0; i < QCOW2_REFTABLE_BYTES_MAX / 8; i++)
    hand_put (mem, table + 8 * i, block, 8);
  hand_put (mem, REFTABLE_AT, table, 8);
  hand_put (mem, REFTABLE_CLUSTERS_AT, QCOW2_REFTABLE_BYTES_MAX >> 16, 4);
  assert_int_equal (hand_check (mem), HAND_CORRUPT);
  hand_assert_refused (mem, BLOCK_IMAGE_WRITE, "refcount table");
  mem_file_free (mem);
}

// Blocks in places where others are: written to, they would take those along.
static void
test_blocks_elsewhere (void **state)
{
  MemFile *mem = hand_create (&small);
  uint64_t table = hand_get (mem, REFTABLE_AT, 8), block = hand_block (mem);
  const uint64_t values[] = {table,     hand_l1 (mem),      block, block + 8,
                             block | 1, UINT64_C (1) << 63, 0x80};
  for (size_t i = 0; i < G_N_ELEMENTS (values); i++) {
    hand_put (mem, table + 8, values[i], 8);
    hand_assert_refused (mem, BLOCK_IMAGE_WRITE, "refcount table");
    assert_int_equal (hand_check (mem), HAND_CORRUPT);
    BlockImage *image = hand_open (mem, 0);
    assert_int_equal (hand_expect (image, 0, 1 << 20, 0), 0);
    block_image_free (image);
  }
  hand_put (mem, table + 8, 0, 8);
  assert_int_equal (hand_check (mem), HAND_CLEAN);
  mem_file_free (mem);
}

// Regions behind the file's end that have blocks already: a run goes around them.
static void
test_blocks_ahead (void **state)
{
  static const unsigned regions[] = {1, 2, 4, 9, 63};
  for (size_t i = 0; i < G_N_ELEMENTS (regions); i++) {
    MemFile *mem = hand_create (&small);
    uint64_t table = hand_get (mem, REFTABLE_AT, 8), block = hand_add_cluster (mem);
    memset (mem->bytes->data + hand_block (mem), 0, 512);
    for (unsigned c = 0; c < mem->bytes->len / 512; c++)
      hand_put (mem, hand_block (mem) + 8 * c, 1, 8);
    hand_put (mem, table + 8 * regions[i], block, 8);
    assert_int_equal (hand_check (mem), HAND_CLEAN);
    BlockImage *image = hand_open (mem, BLOCK_IMAGE_WRITE);
    assert_int_equal (qcow2_resize (image, UINT64_C (512) << 20), 0);
    assert_int_equal (hand_fill (image, 0, 1 << 20, 4), 0);
    assert_int_equal (hand_expect (image, 0, 1 << 20, 4), 0);
    assert_int_equal (block_image_close (image), 0);
    assert_true (hand_check (mem) <= HAND_LEAKED);
    mem_file_free (mem);
  }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_widths),           cmocka_unit_test (test_too_many_uses),
      cmocka_unit_test (test_growing_fails),    cmocka_unit_test (test_full_while_growing),
      cmocka_unit_test (test_longest_table),    cmocka_unit_test (test_same_block),
      cmocka_unit_test (test_blocks_elsewhere), cmocka_unit_test (test_blocks_ahead),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
