// SPDX-License-Identifier: GPL-3.0-or-later
// Checks of qcow2 images: entries that are damaged in each way there is, counts that grow without
// bound, and checks that are ended or that the host fails. QEMU is asked what it thinks.
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

// Three clusters with data and one that is zeroes.
static MemFile *
make (const Qcow2CreateOptions *options)
{
  MemFile *mem = hand_create (options);
  uint64_t cluster = UINT64_C (1) << options->cluster_bits;
  BlockImage *image = hand_open (mem, BLOCK_IMAGE_WRITE);
  assert_int_equal (hand_fill (image, 0, 3 * cluster, 1), 0);
  assert_int_equal (image->ops->write_zeroes (image->driver, 3 * cluster, cluster, true), 0);
  assert_int_equal (block_image_close (image), 0);
  assert_int_equal (hand_check (mem), HAND_CLEAN);
  return mem;
}

// ---------------------------------------------------------------------------------------------
// Entries

typedef enum {
  L1,
  L2,
} Table;

// Bits of the first or second entry of a table that are turned over; what a reader of the cluster
// gets to hear.
static const struct Case {
  const char *name;
  Table table;
  unsigned entry;
  uint64_t bits;
  HandVerdict verdict;
  int read;
  bool version2, extended, second_word, more; // more: QEMU does not look, or falls over it
} cases[] = {
    {"nothing", L1, 0, 0, HAND_CLEAN, 0},
    {"L1: a low reserved bit", L1, 0, 1, HAND_CORRUPT, EIO, .more = true},
    {"L1: a high reserved bit", L1, 0, UINT64_C (1) << 60, HAND_CORRUPT, EIO, .more = true},
    {"L1: not at a cluster", L1, 0, 0x200, HAND_CORRUPT, EIO},
    {"L1: not the only one", L1, 0, QCOW2_COPIED, HAND_CORRUPT, 0},
    {"L1: behind the end", L1, 0, UINT64_C (1) << 40, HAND_CORRUPT, EIO},
    {"L1: the only one, and nothing", L1, 1, QCOW2_COPIED, HAND_CLEAN, 0, .more = true},
    {"L2: a low reserved bit", L2, 0, 2, HAND_CORRUPT, EIO, .more = true},
    {"L2: a high reserved bit", L2, 0, UINT64_C (1) << 61, HAND_CORRUPT, EIO, .more = true},
    {"L2: not at a cluster", L2, 0, 0x200, HAND_CORRUPT, EIO},
    {"L2: not the only one", L2, 0, QCOW2_COPIED, HAND_CORRUPT, 0},
    {"L2: behind the end", L2, 0, UINT64_C (1) << 40, HAND_CORRUPT, 0},
    {"L2: zeroes with a cluster", L2, 0, QCOW2_ZERO, HAND_CLEAN, 0},
    {"L2: zeroes in version 2", L2, 0, QCOW2_ZERO, HAND_CORRUPT, EIO, .version2 = true,
     .more = true},
    {"L2: compressed and the only one", L2, 0, QCOW2_COMPRESSED, HAND_CORRUPT, EIO},
    {"L2: zeroes beside subclusters", L2, 0, QCOW2_ZERO, HAND_CORRUPT, EIO, .extended = true,
     .more = true},
    {"subclusters: data and zeroes", L2, 0, UINT64_C (1) << 32, HAND_CORRUPT, EIO, .extended = true,
     .second_word = true},
    {"subclusters: zeroes elsewhere", L2, 3, UINT64_C (0xff) << 32, HAND_CLEAN, 0, .extended = true,
     .second_word = true},
    {"subclusters: data nowhere", L2, 3, 1, HAND_CORRUPT, EIO, .extended = true,
     .second_word = true},
    {"subclusters: compressed data", L2, 0, QCOW2_COMPRESSED, HAND_CORRUPT, EIO, .extended = true,
     .more = true},
    {"subclusters: compressed zeroes", L2, 3, QCOW2_COMPRESSED, HAND_CORRUPT, EIO, .extended = true,
     .more = true},
};

static void
test_entries (void **state)
{
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    const struct Case *c = &cases[i];
    const Qcow2CreateOptions options = {.size_bytes = UINT64_C (512) << 20,
                                        .cluster_bits = c->extended ? 14 : 12,
                                        .version2 = c->version2,
                                        .extended_l2 = c->extended};
    MemFile *mem = make (&options);
    uint64_t at = c->table == L1 ? hand_l1 (mem) + 8 * c->entry
                                 : hand_l2 (mem, 0) + (c->extended ? 16 : 8) * c->entry +
                                       (c->second_word ? 8 : 0);
    hand_put (mem, at, hand_get (mem, at, 8) ^ c->bits, 8);
    HandVerdict ours = hand_check (mem), theirs = c->more ? HAND_UNKNOWN : hand_ask_qemu (mem);
    bool theirs_clean = theirs == HAND_CLEAN || theirs == HAND_LEAKED;
    if (ours != c->verdict ||
        (theirs != HAND_UNKNOWN && theirs_clean != (c->verdict == HAND_CLEAN)))
      fail_msg ("%s: %d, QEMU %d", c->name, ours, theirs);
    BlockImage *image = hand_open (mem, 0);
    uint8_t byte;
    const struct iovec iov = {&byte, 1};
    uint64_t offset = c->table == L2 ? (uint64_t) c->entry << options.cluster_bits : 0;
    if (image->ops->read (image->driver, &iov, 1, offset) != c->read)
      fail_msg ("%s: wrong when read", c->name);
    block_image_free (image);
    // A damaged L1 entry is not taken for a table; a damaged L2 entry is as good as another to be
    // written over.
    image = hand_open (mem, BLOCK_IMAGE_WRITE);
    int error = image->ops->write_zeroes (image->driver, offset, 1u << options.cluster_bits, true);
    if (error != (c->table == L1 ? c->read : 0))
      fail_msg ("%s: %s when written over", c->name, g_strerror (error));
    block_image_free (image);
    mem_file_free (mem);
  }
}

// Two entries of the L1 table that name one table: its clusters count twice, and so does it.
static void
test_shared_table (void **state)
{
  const Qcow2CreateOptions options = {.size_bytes = 64 << 20, .cluster_bits = 12};
  MemFile *mem = make (&options);
  hand_put (mem, hand_l1 (mem) + 8, hand_get (mem, hand_l1 (mem), 8), 8);
  assert_int_equal (hand_check (mem), HAND_CORRUPT);
  assert_true (hand_ask_qemu (mem) != HAND_CLEAN);
  // A repair counts both and takes from each that it is the only one: then it can be written to.
  Qcow2Check check = {0};
  BlockImage *image = hand_open (mem, BLOCK_IMAGE_WRITE);
  assert_int_equal (qcow2_check (image, &check, true), 0);
  assert_int_equal (image->ops->flush (image->driver), 0);
  assert_int_equal (hand_check (mem), HAND_CLEAN);
  assert_int_equal (hand_fill (image, 0, 4096, 2), 0);
  assert_int_equal (hand_expect (image, 0, 4096, 2), 0);
  assert_int_equal (hand_expect (image, 2 << 20, 3 * 4096, 1), 0);
  assert_int_equal (block_image_close (image), 0);
  mem_file_free (mem);
}

// A table that lies where another one is: nobody writes into it.
static void
test_tables_overlap (void **state)
{
  const Qcow2CreateOptions options = {.size_bytes = 64 << 20, .cluster_bits = 12};
  MemFile *good = make (&options);
  const uint64_t places[] = {hand_l1 (good), hand_get (good, 48, 8)};
  for (size_t i = 0; i < G_N_ELEMENTS (places); i++) {
    MemFile *mem = mem_file_new ();
    Qcow2Info info;
    mem_file_set (mem, good);
    hand_put (mem, hand_l1 (mem) + 8, places[i] | QCOW2_COPIED, 8);
    g_autofree uint8_t *before = g_memdup2 (mem->bytes->data + places[i], 4096);
    assert_int_equal (hand_check (mem), HAND_CORRUPT);
    BlockImage *image = hand_open (mem, BLOCK_IMAGE_WRITE);
    assert_int_equal (image->ops->write_zeroes (image->driver, 3 << 20, 4096, true), EIO);
    assert_int_equal (hand_fill (image, 8 << 20, 4096, 1), EIO);
    qcow2_get_info (image, &info);
    assert_true (info.corrupt);
    block_image_free (image);
    assert_memory_equal (mem->bytes->data + places[i], before, 4096);
    mem_file_free (mem);
  }
  mem_file_free (good);
}

// ---------------------------------------------------------------------------------------------
// Counting

// Four million entries that name one table whose entries name one cluster: more uses than the
// number has room for are as many as it has.
static void
test_uses_end (void **state)
{
  const Qcow2CreateOptions options = {.size_bytes = 1 << 20, .cluster_bits = 16};
  MemFile *mem = make (&options);
  Qcow2Check check = {0};
  uint64_t l1 = (mem->bytes->len + 65535) & ~UINT64_C (65535), table = hand_l2 (mem, 0);
  for (unsigned i = 0; i < 8192; i++)
    hand_put (mem, table + 8 * i, 5 << 16, 8);
  hand_put (mem, 5 << 16, 0, 1);
  for (unsigned i = 0; i < QCOW2_L1_BYTES_MAX / 8; i++)
    hand_put (mem, l1 + 8 * i, table, 8);
  hand_put (mem, 36, QCOW2_L1_BYTES_MAX / 8, 4);
  hand_put (mem, 40, l1, 8);
  BlockImage *image = hand_open (mem, 0);
  assert_int_equal (qcow2_check (image, &check, false), 0);
  assert_true (check.n_corrupt > 0);
  block_image_free (image);
  mem_file_free (mem);
}

// Used, and behind what the refcount table can count: found, and not to be repaired.
static void
test_behind_the_table (void **state)
{
  const Qcow2CreateOptions options = {
      .size_bytes = 1 << 20, .cluster_bits = 9, .refcount_order = 6, .has_refcount_order = true};
  MemFile *mem = make (&options);
  hand_put (mem, (3 << 20) - 1, 0, 1);
  hand_put (mem, hand_l2 (mem, 0), (UINT64_C (5) << 19) | QCOW2_COPIED, 8);
  assert_int_equal (hand_check (mem), HAND_CORRUPT);
  Qcow2Check check = {0};
  BlockImage *image = hand_open (mem, BLOCK_IMAGE_WRITE);
  assert_int_equal (qcow2_check (image, &check, true), EFBIG);
  block_image_free (image);
  mem_file_free (mem);
}

// A cluster of a guest that is a refcount block too is not counted for anything else by a repair.
static void
test_block_in_use (void **state)
{
  const Qcow2CreateOptions options = {.size_bytes = 1 << 20, .cluster_bits = 12};
  MemFile *mem = make (&options);
  hand_put (mem, hand_l2 (mem, 0), hand_block (mem) | QCOW2_COPIED, 8);
  assert_int_equal (hand_check (mem), HAND_CORRUPT);
  assert_true (hand_ask_qemu (mem) != HAND_CLEAN);
  for (unsigned dirty = 0; dirty < 2; dirty++) {
    hand_put (mem, 72, dirty ? QCOW2_INCOMPATIBLE_DIRTY : 0, 8);
    if (dirty) {
      hand_assert_refused (mem, BLOCK_IMAGE_WRITE, "check it, or attach it read-only");
      continue;
    }
    Qcow2Check check = {0};
    BlockImage *image = hand_open (mem, BLOCK_IMAGE_WRITE);
    assert_int_equal (qcow2_check (image, &check, true), EIO);
    block_image_free (image);
  }
  mem_file_free (mem);
}

typedef enum {
  IN_SNAPSHOTS,
  IN_BITMAPS,
  IN_L2,
  IN_REFTABLE,
  N_PLACES,
} Place;

enum {
  SCATTERED = 24600, // more places than a check remembers
  STRIDE = 2 << 20,  // far enough apart, and behind the tables
  TABLES_AT = 1 << 20,
};

// Tables of 64 entries each, all of them all over the file.
static void
scatter_l2 (int fd)
{
  for (uint64_t i = 0; i < SCATTERED; i += 64) {
    uint64_t entries[64], at = STRIDE * (i + 1);
    for (unsigned e = 0; e < 64; e++)
      entries[e] = GUINT64_TO_BE (at + (uint64_t) STRIDE * e);
    assert_int_equal (pwrite (fd, entries, sizeof entries, (off_t) at), sizeof entries);
  }
}

// References to clusters that are scattered all over a file of 48 GiB.
static void
scatter (MemFile *mem, Place place)
{
  uint64_t snapshots = TABLES_AT, table = TABLES_AT + 4096;
  for (uint64_t i = 0; i < SCATTERED; i++) {
    uint64_t at = STRIDE * (i + 1);
    if (place == IN_SNAPSHOTS) {
      hand_put (mem, snapshots + 40 * i + 32, 0, 8);
      hand_put (mem, snapshots + 40 * i, at, 8);
      hand_put (mem, snapshots + 40 * i + 8, 1, 4);
    } else {
      hand_put (mem, table + 8 * i, place != IN_L2 || i % 64 == 0 ? at : 0, 8);
    }
  }
  if (place == IN_SNAPSHOTS) {
    hand_put (mem, 60, SCATTERED, 4);
    hand_put (mem, 64, snapshots, 8);
  } else if (place == IN_REFTABLE) {
    hand_put (mem, 48, table, 8);
    hand_put (mem, 56, (SCATTERED * 8 + 511) / 512, 4);
  } else if (place == IN_L2) {
    hand_put (mem, 36, SCATTERED, 4);
    hand_put (mem, 40, table, 8);
  } else {
    hand_put (mem, 88, QCOW2_AUTOCLEAR_BITMAPS, 8);
    hand_put (mem, 112, QCOW2_EXT_BITMAPS, 4);
    hand_put (mem, 116, sizeof (Qcow2BitmapsWire), 4);
    hand_put (mem, 120, 1, 4);
    hand_put (mem, 128, 32, 8);
    hand_put (mem, 136, TABLES_AT, 8);
    hand_put (mem, TABLES_AT, table, 8);
    hand_put (mem, TABLES_AT + 8, SCATTERED, 4);
    hand_put (mem, TABLES_AT + 16, 0x01100004, 4); // type, granularity, name
  }
}

// What a check remembers is bounded, whatever refers to so much.
static void
test_memory_is_bounded (void **state)
{
  const Qcow2CreateOptions options = {.size_bytes = 1 << 20, .cluster_bits = 9};
  for (Place place = IN_SNAPSHOTS; place < N_PLACES; place++) {
    g_autofree char *path = g_build_filename (g_get_tmp_dir (), "terrarium-wide-XXXXXX", NULL);
    MemFile *mem = hand_create (&options);
    int fd = g_mkstemp (path);
    assert_true (fd >= 0);
    scatter (mem, place);
    assert_int_equal (write (fd, mem->bytes->data, mem->bytes->len), mem->bytes->len);
    assert_int_equal (ftruncate (fd, (off_t) STRIDE * (SCATTERED + 1)), 0);
    if (place == IN_L2)
      scatter_l2 (fd);
    close (fd);
    mem_file_free (mem);
    BlockImage *image = block_image_open (path, BLOCK_FORMAT_QCOW2, 0, NULL);
    g_unlink (path);
    assert_non_null (image);
    Qcow2Check check = {0};
    int error = qcow2_check (image, &check, false);
    if (error != ENOMEM)
      fail_msg ("place %d: %s", place, g_strerror (error));
    block_image_free (image);
  }
}

// Snapshots whose tables are one of four million entries: not read again and again.
static void
test_snapshot_tables (void **state)
{
  enum { N = 5 };
  const Qcow2CreateOptions options = {.size_bytes = 1 << 20, .cluster_bits = 16};
  MemFile *mem = make (&options);
  Qcow2Check check = {0};
  hand_put (mem, (2 << 20) + QCOW2_L1_BYTES_MAX, 0, 1);
  for (unsigned i = 0; i < N; i++) {
    hand_put (mem, TABLES_AT + 40 * i, 2 << 20, 8);
    hand_put (mem, TABLES_AT + 40 * i + 8, QCOW2_L1_BYTES_MAX / 8, 4);
  }
  hand_put (mem, 60, N, 4);
  hand_put (mem, 64, TABLES_AT, 8);
  BlockImage *image = hand_open (mem, 0);
  assert_int_equal (qcow2_check (image, &check, false), EFBIG);
  block_image_free (image);
  mem_file_free (mem);
}

// ---------------------------------------------------------------------------------------------
// Ends

typedef struct Patience {
  unsigned left;
  double last;
} Patience;

static bool
go_on (void *data, double done)
{
  Patience *patience = data;
  assert_true (done >= patience->last && done <= 1);
  patience->last = done;
  return patience->left-- > 0;
}

// Whoever waits can end it at any step, and sees it go on.
static void
test_ended (void **state)
{
  const Qcow2CreateOptions options = {.size_bytes = 8 << 20, .cluster_bits = 9};
  MemFile *mem = make (&options);
  BlockImage *image = hand_open (mem, BLOCK_IMAGE_WRITE);
  for (uint64_t at = 0; at < options.size_bytes; at += 32 << 10)
    assert_int_equal (hand_fill (image, at, 512, 1), 0);
  assert_int_equal (image->ops->flush (image->driver), 0);
  int error = ECANCELED;
  unsigned n = 0;
  for (; error == ECANCELED; n++) {
    Patience patience = {.left = n};
    Qcow2Check check = {.progress = go_on, .data = &patience};
    error = qcow2_check (image, &check, false);
  }
  assert_int_equal (error, 0);
  assert_true (n > 8);
  block_image_free (image);
  mem_file_free (mem);
}

// A region without its block, on a host whose n-th call fails: repaired in the end, and never
// thought to be.
static void
test_repair_fails (void **state)
{
  const Qcow2CreateOptions options = {.size_bytes = 1 << 20, .cluster_bits = 9};
  MemFile *good = make (&options);
  hand_put (good, hand_get (good, 48, 8), 0, 8);
  hand_put (good, hand_l1 (good), hand_get (good, hand_l1 (good), 8) & ~QCOW2_COPIED, 8);
  hand_put (good, 72, QCOW2_INCOMPATIBLE_DIRTY, 8);
  bool failed = true;
  for (unsigned n = 1; failed; n++) {
    MemFile *mem = mem_file_new ();
    mem_file_set (mem, good);
    mem->reads_too = true;
    mem->fail_from = mem->fail_to = n;
    mem->error = n % 2 == 0 ? ENODEV : ENOSPC;
    BlockImage *image = qcow2_open (mem_file_open (mem), "mem", BLOCK_IMAGE_WRITE, NULL, NULL);
    failed = mem->failed;
    assert_true (failed || image != NULL);
    block_image_free (image);
    mem->fail_to = 0;
    image = hand_open (mem, BLOCK_IMAGE_WRITE);
    assert_int_equal (hand_expect (image, 0, 3 * 512, 1), 0);
    assert_int_equal (block_image_close (image), 0);
    assert_int_equal (hand_check (mem), HAND_CLEAN);
    mem_file_free (mem);
  }
  mem_file_free (good);
}

// What is not in the file yet is written before it is checked, or there is no check.
static void
test_unwritten (void **state)
{
  const Qcow2CreateOptions options = {.size_bytes = 1 << 20, .cluster_bits = 9};
  for (unsigned repair = 0; repair < 2; repair++) {
    MemFile *mem = make (&options);
    Qcow2Check check = {0};
    BlockImage *image = hand_open (mem, BLOCK_IMAGE_WRITE);
    assert_int_equal (hand_fill (image, 64 << 10, 32 << 10, 6), 0);
    mem->room = 1;
    assert_int_equal (qcow2_check (image, &check, repair), ENOSPC);
    mem->room = 0;
    assert_int_equal (qcow2_check (image, &check, repair), 0);
    assert_int_equal (check.n_corrupt, 0);
    assert_int_equal (hand_fill (image, 80 << 10, 32 << 10, 6), 0);
    assert_int_equal (hand_expect (image, 64 << 10, 48 << 10, 6), 0);
    assert_int_equal (block_image_close (image), 0);
    assert_int_equal (hand_check (mem), HAND_CLEAN);
    mem_file_free (mem);
  }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_entries),
      cmocka_unit_test (test_shared_table),
      cmocka_unit_test (test_tables_overlap),
      cmocka_unit_test (test_uses_end),
      cmocka_unit_test (test_behind_the_table),
      cmocka_unit_test (test_block_in_use),
      cmocka_unit_test (test_memory_is_bounded),
      cmocka_unit_test (test_snapshot_tables),
      cmocka_unit_test (test_ended),
      cmocka_unit_test (test_repair_fails),
      cmocka_unit_test (test_unwritten),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
