// SPDX-License-Identifier: GPL-3.0-or-later
// Where the parts of a qcow2 disk lie, asked in ways that requests of a guest seldom take: without
// waiting, over the ends of what lies together, on top of other images, with nothing in them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/block/qcow2/format.h"
#include "tests/support/qcow2-hand.h"

enum {
  CLUSTER = 4096,
  DISK_BYTES = 4 << 20,
};

// What becomes a file of the host and is opened there.
static BlockImage *
open_on_host (const MemFile *mem, BlockFormat format, BlockImageFlags flags)
{
  g_autofree char *path = g_build_filename (g_get_tmp_dir (), "terrarium-places-XXXXXX", NULL);
  int fd = g_mkstemp (path);
  assert_true (fd >= 0);
  assert_int_equal (write (fd, mem->bytes->data, mem->bytes->len), mem->bytes->len);
  close (fd);
  BlockImage *image = block_image_open (path, format, flags | BLOCK_IMAGE_NO_BACKING, NULL);
  g_unlink (path);
  assert_non_null (image);
  return image;
}

typedef enum {
  NOWHERE, // not to be had at once
  ZEROES,
  AT_HOST,
} Answer;

static Answer
ask (BlockImage *image, bool write, uint64_t offset, uint64_t length, uint64_t *host)
{
  BlockMapping mapping;
  if (!image->ops->map (image->driver, write, offset, length, &mapping))
    return NOWHERE;
  *host = mapping.offset;
  Answer answer = mapping.file == NULL ? ZEROES : AT_HOST;
  image->ops->unmap (image->driver, &mapping);
  return answer;
}

// Clusters 0 and 1: data, next to each other. 2: data of which another one may be the owner.
// 3: zeroes. 4: compressed. 5: the refcount table, as a damaged image has it. 6: damaged. From 7
// on: nothing.
static MemFile *
make (void)
{
  const Qcow2CreateOptions options = {.size_bytes = DISK_BYTES, .cluster_bits = 12};
  MemFile *mem = hand_create (&options);
  BlockImage *image = hand_open (mem, BLOCK_IMAGE_WRITE);
  assert_int_equal (hand_fill (image, 0, 3 * CLUSTER, 7), 0);
  assert_int_equal (image->ops->write_zeroes (image->driver, 3 * CLUSTER, CLUSTER, true), 0);
  assert_int_equal (block_image_close (image), 0);
  uint64_t table = hand_l2 (mem, 0), third = hand_get (mem, table + 16, 8) & QCOW2_OFFSET_MASK;
  hand_put (mem, table + 16, third, 8);
  hand_put (mem, table + 32, QCOW2_COMPRESSED | third, 8);
  hand_put (mem, table + 40, hand_get (mem, 48, 8) | QCOW2_COPIED, 8);
  hand_put (mem, table + 48, 0x200 | QCOW2_COPIED, 8);
  return mem;
}

static void
test_at_once (void **state)
{
  static const struct {
    uint64_t offset, length;
    Answer read, write;
  } cases[] = {
      {0, 512, AT_HOST, AT_HOST},
      {512, 2 * CLUSTER - 512, AT_HOST, AT_HOST},
      {0, 3 * CLUSTER, NOWHERE, NOWHERE}, // next to each other, but not all ours
      {2 * CLUSTER, CLUSTER, AT_HOST, NOWHERE},
      {3 * CLUSTER, CLUSTER, ZEROES, NOWHERE},
      {2 * CLUSTER, 2 * CLUSTER, NOWHERE, NOWHERE},
      {4 * CLUSTER, 512, NOWHERE, NOWHERE},
      {5 * CLUSTER, 512, AT_HOST, NOWHERE},
      {7 * CLUSTER, 9 * CLUSTER, ZEROES, NOWHERE},
      {2 << 20, CLUSTER, ZEROES, NOWHERE},  // no table
      {6 * CLUSTER, 512, NOWHERE, NOWHERE}, // found damaged: nothing is written any more
      {0, 512, AT_HOST, NOWHERE},
  };
  MemFile *mem = make ();
  BlockImage *image = open_on_host (mem, BLOCK_FORMAT_QCOW2, BLOCK_IMAGE_WRITE);
  uint64_t host, first = hand_get (mem, hand_l2 (mem, 0), 8) & QCOW2_OFFSET_MASK;
  // What would have to be read first is not had without waiting.
  assert_int_equal (ask (image, false, 0, 512, &host), NOWHERE);
  assert_int_equal (hand_expect (image, 0, 512, 7), 0);
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    Answer read = ask (image, false, cases[i].offset, cases[i].length, &host);
    if (read != cases[i].read ||
        (read == AT_HOST && cases[i].offset < 2 * CLUSTER && host != first + cases[i].offset))
      fail_msg ("case %zu, read: %d", i, read);
    Answer write = ask (image, true, cases[i].offset, cases[i].length, &host);
    if (write != cases[i].write)
      fail_msg ("case %zu, write: %d", i, write);
  }
  block_image_free (image);
  // Who has no file of the host has no place there.
  image = hand_open (mem, 0);
  assert_int_equal (ask (image, false, 0, 512, &host), NOWHERE);
  block_image_free (image);
  mem_file_free (mem);
}

// A part that another request holds alone is not to be had at once.
static void
test_held (void **state)
{
  MemFile *mem = make ();
  BlockImage *image = open_on_host (mem, BLOCK_FORMAT_QCOW2, 0);
  BlockMapping first, second;
  uint64_t host;
  assert_int_equal (hand_expect (image, 0, 512, 7), 0);
  const BlockDriverOps *ops = image->ops;
  assert_true (ops->map (image->driver, false, 0, CLUSTER, &first));
  assert_true (ops->map (image->driver, false, 512, CLUSTER, &second)); // both only read
  first.hold.alone = true;
  assert_int_equal (ask (image, false, 0, 512, &host), NOWHERE);
  assert_int_equal (ask (image, false, 2 * CLUSTER, 512, &host), AT_HOST);
  ops->unmap (image->driver, &first);
  assert_int_equal (ask (image, false, 0, 512, &host), AT_HOST);
  ops->unmap (image->driver, &second);
  block_image_free (image);
  mem_file_free (mem);
}

// Clusters of an image below are told with their place in that one's file, as far as it goes.
static void
test_below (void **state)
{
  const Qcow2CreateOptions options = {.size_bytes = 2 * DISK_BYTES, .backing = "b"};
  MemFile *lower = make (), *upper = hand_create (&options), *raw = mem_file_new ();
  uint64_t host;
  hand_put (raw, DISK_BYTES - 1, 0, 1);
  for (unsigned i = 0; i < 3; i++) {
    BlockImage *image = open_on_host (upper, BLOCK_FORMAT_QCOW2, BLOCK_IMAGE_WRITE);
    BlockImage *base = i == 0   ? open_on_host (raw, BLOCK_FORMAT_RAW, 0)
                       : i == 1 ? open_on_host (lower, BLOCK_FORMAT_QCOW2, 0)
                                : hand_open (lower, 0);
    BlockExtent extent;
    qcow2_put_on (image, base);
    assert_int_equal (hand_expect (image, 0, 2 * CLUSTER, i == 0 ? 0 : 7), 0);
    assert_int_equal (ask (image, false, CLUSTER, 512, &host), i == 2 ? NOWHERE : AT_HOST);
    if (i == 0)
      assert_int_equal (host, CLUSTER);
    assert_int_equal (ask (image, true, CLUSTER, 512, &host), NOWHERE);
    // Over its end, behind it, and from there on.
    assert_int_equal (ask (image, false, DISK_BYTES - 512, 1024, &host), NOWHERE);
    assert_int_equal (ask (image, false, DISK_BYTES, 512, &host), ZEROES);
    const BlockDriverOps *ops = image->ops;
    assert_int_equal (ops->get_extent (image->driver, CLUSTER, 512, &extent), 0);
    assert_int_equal (extent.depth, 1);
    assert_int_equal (ops->get_extent (image->driver, DISK_BYTES - 512, 1024, &extent), 0);
    assert_int_equal (extent.length, 512);
    assert_int_equal (ops->get_extent (image->driver, DISK_BYTES, 512, &extent), 0);
    assert_int_equal (extent.kind, BLOCK_EXTENT_ABSENT);
    assert_int_equal (extent.depth, 0);
    assert_int_equal (hand_expect (image, DISK_BYTES, CLUSTER, 0), 0);
    base = qcow2_take_off (image);
    assert_null (qcow2_take_off (image));
    assert_int_equal (hand_expect (image, 0, 2 * CLUSTER, 0), 0);
    block_image_free (base);
    block_image_free (image);
  }
  mem_file_free (lower);
  mem_file_free (upper);
  mem_file_free (raw);
}

// Version 2 has no zeroes of its own: what is below is written over, and a discard lets it be.
static void
test_below_version_2 (void **state)
{
  for (unsigned version2 = 0; version2 < 2; version2++) {
    const Qcow2CreateOptions options = {
        .size_bytes = DISK_BYTES, .version2 = version2, .backing = "b"};
    MemFile *lower = mem_file_new (), *upper = hand_create (&options);
    hand_put (lower, DISK_BYTES - 1, 0, 1);
    memset (lower->bytes->data, 3, DISK_BYTES);
    BlockImage *image = open_on_host (upper, BLOCK_FORMAT_QCOW2, BLOCK_IMAGE_WRITE);
    const BlockDriverOps *ops = image->ops;
    qcow2_put_on (image, open_on_host (lower, BLOCK_FORMAT_RAW, 0));
    assert_int_equal (ops->discard (image->driver, 0, 1 << 20), 0);
    assert_int_equal (hand_expect (image, 0, 1 << 20, version2 ? 3 : 0), 0);
    assert_int_equal (ops->write_zeroes (image->driver, 512, 1 << 20, true), 0);
    assert_int_equal (hand_expect (image, 512, 1 << 20, 0), 0);
    assert_int_equal (hand_expect (image, (1 << 20) + 512, 512, 3), 0);
    // A discard of less than a cluster has nothing to let go of.
    assert_int_equal (ops->discard (image->driver, (2 << 20) + 512, 65536), 0);
    assert_int_equal (hand_expect (image, 2 << 20, 1 << 20, 3), 0);
    assert_int_equal (qcow2_resize (image, DISK_BYTES / 2), 0);
    block_image_free (image);
    mem_file_free (lower);
    mem_file_free (upper);
  }
}

static void
test_nothing_to_do (void **state)
{
  MemFile *mem = make ();
  BlockImage *image = hand_open (mem, BLOCK_IMAGE_WRITE);
  const struct iovec iov = {NULL, 0};
  const BlockDriverOps *ops = image->ops;
  uint64_t length = mem->bytes->len;
  mem->reads_too = true;
  mem->n_calls = 0;
  assert_int_equal (ops->read (image->driver, &iov, 1, 0), 0);
  assert_int_equal (ops->write (image->driver, &iov, 1, 0), 0);
  assert_int_equal (ops->write_zeroes (image->driver, 0, 0, true), 0);
  assert_int_equal (ops->discard (image->driver, 0, 0), 0);
  assert_int_equal (mem->n_calls, 0);
  assert_int_equal (mem->bytes->len, length);
  block_image_free (image);
  mem_file_free (mem);
}

// ---------------------------------------------------------------------------------------------

// Thousands of clusters that are let go one by one: what waits to be free is bounded, and on a host
// that is full none of them is given away before the file says so.
static void
test_many_frees (void **state)
{
  enum { N = 4500, SMALL = 512 };
  for (unsigned full = 0; full < 2; full++) {
    const Qcow2CreateOptions options = {.size_bytes = 2 * N * SMALL, .cluster_bits = 9};
    MemFile *mem = hand_create (&options);
    BlockImage *image = hand_open (mem, BLOCK_IMAGE_WRITE);
    int first_error = 0;
    assert_int_equal (hand_fill (image, 0, 2 * N * SMALL, 1), 0);
    assert_int_equal (image->ops->flush (image->driver), 0);
    mem->n_calls = 0;
    mem->error = ENOSPC;
    mem->fail_from = mem->fail_to = full ? 2 : UINT64_MAX; // the first is a sync
    for (unsigned i = 0; i < N; i++) {
      int error = image->ops->discard (image->driver, 2 * i * SMALL, SMALL);
      first_error = first_error != 0 ? first_error : error;
    }
    assert_int_equal (first_error, full ? ENOSPC : 0);
    assert_true (mem->n_calls > 0);
    for (unsigned i = 0; i < N; i++)
      assert_int_equal (image->ops->discard (image->driver, 2 * i * SMALL, SMALL), 0);
    for (unsigned i = 0; i < N; i += 100)
      assert_int_equal (hand_expect (image, (2 * i + 1) * SMALL, SMALL, 1), 0);
    assert_int_equal (block_image_close (image), 0);
    assert_int_equal (hand_check (mem), HAND_CLEAN);
    mem_file_free (mem);
  }
}

// An image found damaged while it is only read is not written to for that; nor does one that
// cannot be marked stop the rest from being read.
static void
test_marked (void **state)
{
  for (unsigned i = 0; i < 3; i++) {
    MemFile *mem = make ();
    Qcow2Info info;
    uint64_t features = hand_get (mem, 72, 8);
    BlockImage *image = hand_open (mem, i == 0 ? 0 : BLOCK_IMAGE_WRITE);
    mem->n_calls = 0;
    mem->error = EIO;
    mem->fail_from = i == 1 ? 1 : UINT64_MAX;
    mem->fail_to = UINT64_MAX;
    for (unsigned again = 0; again < 2; again++)
      assert_int_equal (hand_expect (image, 6 * CLUSTER, 512, 0), EIO);
    qcow2_get_info (image, &info);
    assert_true (info.corrupt);
    assert_int_equal (hand_expect (image, 0, 2 * CLUSTER, 7), 0);
    assert_int_equal (hand_get (mem, 72, 8),
                      i == 2 ? features | QCOW2_INCOMPATIBLE_CORRUPT : features);
    if (i > 0) {
      assert_int_equal (hand_fill (image, 0, 512, 1), EIO);
      assert_int_equal (image->ops->write_zeroes (image->driver, 0, CLUSTER, true), EIO);
      assert_int_equal (qcow2_resize (image, 2 * DISK_BYTES), EIO);
      assert_int_equal (image->ops->flush (image->driver), EIO);
    }
    block_image_free (image);
    if (i == 2)
      hand_assert_refused (mem, BLOCK_IMAGE_WRITE, "marked as damaged");
    mem_file_free (mem);
  }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_at_once),       cmocka_unit_test (test_held),
      cmocka_unit_test (test_below),         cmocka_unit_test (test_below_version_2),
      cmocka_unit_test (test_nothing_to_do), cmocka_unit_test (test_many_frees),
      cmocka_unit_test (test_marked),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
