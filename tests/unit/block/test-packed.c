// SPDX-License-Identifier: GPL-3.0-or-later
// Compressed clusters of qcow2 images, made here as the specification has them (§ Compressed
// Clusters Descriptor): read in pieces, written over, damaged, on a host file that fails.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "engine/block/qcow2/qcow2.h"
#include "tests/support/mem-file.h"

enum {
  CLUSTER = 1 << 16,
  N_CLUSTERS = 4,
  PACKED = 1, // the guest's cluster that is
  OFFSET_BITS = 62 - (16 - 8),
};

typedef struct Rig {
  MemFile *mem;
  BlockImage *image;
  uint64_t host;   // of what is packed
  uint32_t length; // of it
  uint8_t expected[N_CLUSTERS * CLUSTER];
} Rig;

static uint64_t
get_be64 (const MemFile *mem, uint64_t at)
{
  uint64_t value;
  assert_true (at + 8 <= mem->bytes->len);
  memcpy (&value, mem->bytes->data + at, 8);
  return GUINT64_FROM_BE (value);
}

static void
open_image (Rig *rig, BlockImageFlags flags)
{
  g_autoptr (GError) error = NULL;
  rig->image = qcow2_open (mem_file_open (rig->mem), "mem", flags, NULL, &error);
  if (rig->image == NULL)
    fail_msg ("%s", error->message);
}

static int
transfer (Rig *rig, bool write, void *bytes, uint64_t offset, uint64_t length)
{
  const struct iovec iov = {bytes, length};
  const BlockDriverOps *ops = rig->image->ops;
  return write ? ops->write (rig->image->driver, &iov, 1, offset)
               : ops->read (rig->image->driver, &iov, 1, offset);
}

static uint32_t
pack (bool zstd, const uint8_t *from, uint8_t *to, uint32_t room)
{
  if (zstd) {
    size_t length = ZSTD_compress (to, room, from, CLUSTER, 3);
    assert_false (ZSTD_isError (length));
    return (uint32_t) length;
  }
  z_stream stream = {
      .next_in = (uint8_t *) from, .avail_in = CLUSTER, .next_out = to, .avail_out = room};
  assert_int_equal (deflateInit2 (&stream, 9, Z_DEFLATED, -12, 8, Z_DEFAULT_STRATEGY), Z_OK);
  assert_int_equal (deflate (&stream, Z_FINISH), Z_STREAM_END);
  deflateEnd (&stream);
  return room - stream.avail_out;
}

// A cluster that is there becomes a packed one in the same place, so that references stay right.
static void
pack_cluster (Rig *rig, bool zstd)
{
  uint8_t *bytes = rig->mem->bytes->data;
  uint64_t l2 = get_be64 (rig->mem, get_be64 (rig->mem, 40)) & UINT64_C (0xfffffffffffe00);
  uint64_t at = l2 + 8 * PACKED;
  rig->host = get_be64 (rig->mem, at) & UINT64_C (0xfffffffffffe00);
  rig->length = pack (zstd, rig->expected + PACKED * CLUSTER, bytes + rig->host, CLUSTER);
  memset (bytes + rig->host + rig->length, 0xaa, CLUSTER - rig->length); // means nothing
  uint64_t sectors = (rig->length - 1) / BLOCK_SECTOR_BYTES;
  uint64_t entry = GUINT64_TO_BE (UINT64_C (1) << 62 | sectors << OFFSET_BITS | rig->host);
  memcpy (bytes + at, &entry, 8);
  if (zstd) {
    bytes[79] |= 1 << 3; // incompatible: another method
    bytes[104] = 1;
  }
}

static void
set_up (Rig *rig, bool zstd)
{
  const Qcow2CreateOptions options = {.size_bytes = N_CLUSTERS * CLUSTER, .cluster_bits = 16};
  rig->mem = mem_file_new ();
  BlockFile *file = mem_file_open (rig->mem);
  assert_int_equal (qcow2_create (file, &options), 0);
  block_file_free (file);
  for (unsigned i = 0; i < sizeof rig->expected; i++)
    rig->expected[i] = (uint8_t) (i / 7 % 251 + i / CLUSTER);
  open_image (rig, BLOCK_IMAGE_WRITE);
  assert_int_equal (transfer (rig, true, rig->expected, 0, sizeof rig->expected), 0);
  assert_int_equal (block_image_close (rig->image), 0);
  pack_cluster (rig, zstd);
}

static void
tear_down (Rig *rig)
{
  block_image_free (rig->image);
  mem_file_free (rig->mem);
}

static void
assert_disk (Rig *rig)
{
  g_autofree uint8_t *bytes = g_malloc (sizeof rig->expected);
  assert_int_equal (transfer (rig, false, bytes, 0, sizeof rig->expected), 0);
  assert_memory_equal (bytes, rig->expected, sizeof rig->expected);
}

static uint64_t
count_packed (Rig *rig)
{
  Qcow2Check check = {0};
  assert_int_equal (qcow2_check (rig->image, &check, false), 0);
  assert_int_equal (check.n_corrupt, 0);
  assert_int_equal (check.n_leaked, 0);
  return check.n_compressed;
}

// Whole, across its ends, and piece by piece.
static void
test_read (void **state)
{
  for (unsigned zstd = 0; zstd < 2; zstd++) {
    Rig rig;
    uint8_t piece[1536];
    set_up (&rig, zstd);
    open_image (&rig, 0);
    assert_disk (&rig);
    for (uint64_t at = PACKED * CLUSTER - 512; at < (PACKED + 1) * CLUSTER; at += sizeof piece) {
      assert_int_equal (transfer (&rig, false, piece, at, sizeof piece), 0);
      assert_memory_equal (piece, rig.expected + at, sizeof piece);
    }
    BlockExtent extent;
    assert_int_equal (
        rig.image->ops->get_extent (rig.image->driver, PACKED * CLUSTER, CLUSTER, &extent), 0);
    assert_true (extent.compressed && !extent.has_host);
    assert_int_equal (count_packed (&rig), 1);
    tear_down (&rig);
  }
}

// Written over in part or in whole, it is a cluster like any other; its space is free.
static void
test_write_over (void **state)
{
  static const struct {
    uint32_t offset, length;
  } cases[] = {{0, 512}, {4096, 512}, {CLUSTER - 512, 512}, {0, CLUSTER}};
  for (size_t i = 0; i < 2 * G_N_ELEMENTS (cases); i++) {
    Rig rig;
    uint64_t at = PACKED * CLUSTER + cases[i / 2].offset;
    set_up (&rig, i % 2);
    memset (rig.expected + at, 0x5c, cases[i / 2].length);
    open_image (&rig, BLOCK_IMAGE_WRITE);
    assert_int_equal (transfer (&rig, true, rig.expected + at, at, cases[i / 2].length), 0);
    assert_disk (&rig);
    assert_int_equal (block_image_close (rig.image), 0);
    open_image (&rig, 0);
    assert_disk (&rig);
    assert_int_equal (count_packed (&rig), 0);
    tear_down (&rig);
  }
}

// Zeroed and discarded as well.
static void
test_zero (void **state)
{
  for (unsigned discard = 0; discard < 2; discard++) {
    Rig rig;
    set_up (&rig, false);
    open_image (&rig, BLOCK_IMAGE_WRITE);
    const BlockDriverOps *ops = rig.image->ops;
    uint64_t at = PACKED * CLUSTER;
    assert_int_equal (discard ? ops->discard (rig.image->driver, at, CLUSTER)
                              : ops->write_zeroes (rig.image->driver, at, CLUSTER, true),
                      0);
    memset (rig.expected + at, 0, CLUSTER);
    assert_disk (&rig);
    assert_int_equal (block_image_close (rig.image), 0);
    open_image (&rig, 0);
    assert_int_equal (count_packed (&rig), 0);
    tear_down (&rig);
  }
}

// Data that is none, that ends early, that unpacks to too little: the guest has an error for it,
// and for nothing else. A write to a part of it needs the rest.
static void
test_damaged (void **state)
{
  enum { NONSENSE, CUT, SHORT, N_KINDS };
  for (unsigned i = 0; i < 2 * N_KINDS; i++) {
    Rig rig;
    uint8_t bytes[512];
    bool zstd = i % 2;
    set_up (&rig, zstd);
    uint8_t *packed = rig.mem->bytes->data + rig.host;
    if (i / 2 == NONSENSE) {
      memset (packed, 0xff, CLUSTER);
    } else if (i / 2 == CUT) {
      memset (packed + rig.length / 2, zstd ? 0xff : 0x06, CLUSTER - rig.length / 2);
    } else if (zstd) { // 512 bytes, and then a frame that is none
      uint32_t length = (uint32_t) ZSTD_compress (packed, CLUSTER, rig.expected, 512, 3);
      memset (packed + length, 0xff, CLUSTER - length);
    } else {
      memcpy (packed, "\x03\x00", 2); // nothing at all
    }
    open_image (&rig, BLOCK_IMAGE_WRITE);
    for (unsigned again = 0; again < 2; again++)
      assert_int_equal (transfer (&rig, false, bytes, PACKED * CLUSTER, sizeof bytes), EIO);
    assert_int_equal (transfer (&rig, true, bytes, PACKED * CLUSTER + 512, sizeof bytes), EIO);
    assert_int_equal (transfer (&rig, false, bytes, 0, sizeof bytes), 0);
    assert_memory_equal (bytes, rig.expected, sizeof bytes);
    // All of it anew needs nothing of what was there.
    assert_int_equal (
        transfer (&rig, true, rig.expected + PACKED * CLUSTER, PACKED * CLUSTER, CLUSTER), 0);
    assert_disk (&rig);
    assert_int_equal (count_packed (&rig), 0);
    tear_down (&rig);
  }
}

// The entry names fewer sectors than there are: what is packed ends before the cluster does.
static void
test_ends_early (void **state)
{
  for (unsigned zstd = 0; zstd < 2; zstd++) {
    Rig rig;
    uint8_t bytes[512];
    set_up (&rig, zstd);
    uint64_t l2 = get_be64 (rig.mem, get_be64 (rig.mem, 40)) & UINT64_C (0xfffffffffffe00);
    uint64_t entry = GUINT64_TO_BE (UINT64_C (1) << 62 | rig.host);
    assert_true (rig.length > BLOCK_SECTOR_BYTES);
    memcpy (rig.mem->bytes->data + l2 + 8 * PACKED, &entry, 8);
    open_image (&rig, BLOCK_IMAGE_WRITE);
    assert_int_equal (transfer (&rig, false, bytes, PACKED * CLUSTER, sizeof bytes), EIO);
    assert_int_equal (transfer (&rig, false, bytes, 0, sizeof bytes), 0);
    assert_int_equal (count_packed (&rig), 1);
    tear_down (&rig);
  }
}

// The n-th call of the host fails, reads too; once it works again, so does everything.
static void
test_host_fails (void **state)
{
  bool failed = true;
  for (unsigned n = 1; failed; n++) {
    Rig rig;
    uint8_t bytes[512];
    set_up (&rig, n % 2);
    open_image (&rig, 0);
    rig.mem->reads_too = true;
    rig.mem->n_calls = 0;
    rig.mem->fail_from = rig.mem->fail_to = n;
    rig.mem->error = EIO;
    int error = transfer (&rig, false, bytes, PACKED * CLUSTER + 4096, sizeof bytes);
    failed = rig.mem->failed;
    assert_int_equal (error, failed ? EIO : 0);
    rig.mem->fail_from = rig.mem->fail_to = 0;
    assert_disk (&rig);
    tear_down (&rig);
  }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_read),       cmocka_unit_test (test_write_over),
      cmocka_unit_test (test_zero),       cmocka_unit_test (test_damaged),
      cmocka_unit_test (test_ends_early), cmocka_unit_test (test_host_fails),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
