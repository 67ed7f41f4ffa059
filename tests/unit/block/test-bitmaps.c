// SPDX-License-Identifier: GPL-3.0-or-later
// Persistent dirty bitmaps (qcow2 § Bitmaps) that are sound, damaged and hostile, under a check:
// each number wrong in its turn, judged by QEMU too. For guests they do not matter at all.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "engine/block/qcow2/format.h"
#include "tests/support/qcow2-hand.h"

enum {
  CLUSTER = 512,
  DISK_BYTES = 12 << 20,
  EXTENSION_AT = 112, // behind the header, where small clusters have no other
  AUTOCLEAR_AT = 88,
  ENTRY_BYTES = 32, // of the directory: the name has 5 to 8 letters
  TABLE_ENTRIES = 3,
  GRANULARITY_BITS = 10, // 12288 bits, 1536 bytes
  ALL_ONES = 1,
};

typedef struct Places {
  uint64_t extension, directory, tables[2], data;
} Places;

static const Qcow2CreateOptions options = {.size_bytes = DISK_BYTES, .cluster_bits = 9};

static void
put_entry (MemFile *mem, uint64_t at, uint64_t table, const char *name)
{
  hand_put (mem, at, table, 8);
  hand_put (mem, at + 8, TABLE_ENTRIES, 4);
  hand_put (mem, at + 16, 1, 1); // dirty tracking
  hand_put (mem, at + 17, GRANULARITY_BITS, 1);
  hand_put (mem, at + 18, strlen (name), 2);
  hand_put_bytes (mem, at + 24, name, strlen (name));
}

// Two bitmaps: one with a cluster of bits, ones and zeroes, and one that is all zeroes.
static MemFile *
make (Places *places)
{
  MemFile *mem = hand_create (&options);
  *places = (Places){.extension = EXTENSION_AT + 8};
  places->directory = hand_add_cluster (mem);
  for (unsigned i = 0; i < 2; i++) {
    places->tables[i] = hand_add_cluster (mem);
    put_entry (mem, places->directory + i * ENTRY_BYTES, places->tables[i],
               i == 0 ? "first" : "second");
  }
  places->data = hand_add_cluster (mem);
  hand_put (mem, places->tables[0], places->data, 8);
  hand_put (mem, places->tables[0] + 8, ALL_ONES, 8);
  hand_put (mem, AUTOCLEAR_AT, QCOW2_AUTOCLEAR_BITMAPS, 8);
  hand_put (mem, EXTENSION_AT, QCOW2_EXT_BITMAPS, 4);
  hand_put (mem, EXTENSION_AT + 4, sizeof (Qcow2BitmapsWire), 4);
  hand_put (mem, EXTENSION_AT + 8, 2, 4);
  hand_put (mem, EXTENSION_AT + 16, 2 * ENTRY_BYTES, 8);
  hand_put (mem, EXTENSION_AT + 24, places->directory, 8);
  return mem;
}

// ---------------------------------------------------------------------------------------------

typedef enum {
  HEADER,
  EXTENSION,
  DIRECTORY,
  TABLE,
} Part;

// One number is another one. QEMU is of our opinion unless `more`: it takes less than the
// specification allows, or does not look.
static const struct Case {
  const char *name;
  Part part;
  unsigned at, bytes;
  uint64_t value;
  bool clean, more;
} cases[] = {
    {"nothing", HEADER, 88, 8, 1, .clean = true},
    {"no bitmaps", EXTENSION, 0, 4, 0},
    {"fewer bitmaps than the directory has", EXTENSION, 0, 4, 1},
    {"more bitmaps than the directory has", EXTENSION, 0, 4, 3},
    {"more bitmaps than there may be", EXTENSION, 0, 4, 65536},
    {"a reserved number", EXTENSION, 4, 4, 1},
    {"a directory that is longer", EXTENSION, 8, 8, 3 * ENTRY_BYTES},
    {"a directory that ends in an entry", EXTENSION, 8, 8, 2 * ENTRY_BYTES - 16},
    {"a directory that ends in a name", EXTENSION, 8, 8, 2 * ENTRY_BYTES - 8},
    {"a directory of no length", EXTENSION, 8, 8, 0},
    {"a directory of huge length", EXTENSION, 8, 8, UINT64_MAX},
    {"a directory behind the end", EXTENSION, 16, 8, UINT64_C (1) << 40},
    {"a directory not at a cluster", EXTENSION, 16, 8, 8},
    {"a directory in the header", EXTENSION, 16, 8, 0},
    {"an extension cut short", HEADER, EXTENSION_AT + 4, 4, 16},
    {"no such extension", HEADER, EXTENSION_AT, 4, 0x12345678, .clean = false, .more = true},
    {"no table", DIRECTORY, 0, 8, 0},
    {"a table not at a cluster", DIRECTORY, 0, 8, CLUSTER / 2},
    {"a table behind the end", DIRECTORY, 0, 8, UINT64_C (1) << 40},
    {"a table at the end of everything", DIRECTORY, 0, 8, UINT64_MAX - 511},
    {"a table of no length", DIRECTORY, 8, 4, 0},
    {"a table of huge length", DIRECTORY, 8, 4, UINT32_MAX},
    {"a table that reaches over the end", DIRECTORY, 8, 4, 4096},
    {"a bitmap in use", DIRECTORY, 12, 4, 1, .clean = true},
    {"a bitmap that is kept up", DIRECTORY, 12, 4, 2, .clean = true},
    {"a reserved flag", DIRECTORY, 12, 4, 8},
    {"the last reserved flag", DIRECTORY, 12, 4, UINT32_C (1) << 31},
    {"type 0", DIRECTORY, 16, 1, 0},
    {"type 2", DIRECTORY, 16, 1, 2},
    {"a fine grain", DIRECTORY, 17, 1, 8, .clean = true, .more = true},
    {"a coarse grain", DIRECTORY, 17, 1, 63, .clean = true, .more = true},
    {"no grain there is", DIRECTORY, 17, 1, 64},
    {"no name", DIRECTORY, 18, 2, 0},
    {"a name out of the directory", DIRECTORY, 18, 2, 600},
    {"more to it", DIRECTORY, 20, 4, 8},
    {"more to it than can be", DIRECTORY, 20, 4, UINT32_MAX},
    {"all ones", TABLE, 0, 8, ALL_ONES, .clean = true}, // the cluster is lost
    {"all ones, and a cluster", TABLE, 7, 1, ALL_ONES},
    {"a reserved bit", TABLE, 8, 8, 2},
    {"a high reserved bit", TABLE, 8, 8, UINT64_C (1) << 63},
    {"bits not at a cluster", TABLE, 0, 1, 0x80},
    {"bits behind the end", TABLE, 8, 8, UINT64_C (1) << 40},
    {"bits in the header", TABLE, 8, 8, ALL_ONES | CLUSTER},
    {"bits where the refcounts are", TABLE, 8, 8, CLUSTER},
};

static void
apply (const struct Case *c, MemFile *mem, const Places *places)
{
  const uint64_t bases[] = {0, places->extension, places->directory, places->tables[0]};
  hand_put (mem, bases[c->part] + c->at, c->value, c->bytes);
}

static void
test_numbers (void **state)
{
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    const struct Case *c = &cases[i];
    Places places;
    MemFile *mem = make (&places);
    apply (c, mem, &places);
    HandVerdict ours = hand_check (mem), theirs = c->more ? HAND_UNKNOWN : hand_ask_qemu (mem);
    bool clean = ours == HAND_CLEAN || ours == HAND_LEAKED;
    bool theirs_clean = theirs == HAND_CLEAN || theirs == HAND_LEAKED;
    if (clean != c->clean || (theirs != HAND_UNKNOWN && theirs_clean != c->clean))
      fail_msg ("%s: %d, QEMU %d", c->name, ours, theirs);
    // Who only reads the disk and who writes to it need not know; afterwards no bitmap is left to be
    // wrong, and its space is lost at worst.
    block_image_free (hand_open (mem, 0));
    BlockImage *image = hand_open (mem, BLOCK_IMAGE_WRITE);
    assert_int_equal (hand_fill (image, 0, 4 * CLUSTER, (uint8_t) i), 0);
    assert_int_equal (block_image_close (image), 0);
    assert_int_equal (hand_get (mem, AUTOCLEAR_AT, 8), 0);
    assert_int_equal (hand_check (mem), HAND_LEAKED);
    mem_file_free (mem);
  }
}

// A writer that stopped without counting leaves an image to be repaired when it is next written to.
// That the bitmaps in it are damaged, too, is no reason not to.
static void
test_dirty (void **state)
{
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    Places places;
    MemFile *mem = make (&places);
    apply (&cases[i], mem, &places);
    hand_put (mem, 72, QCOW2_INCOMPATIBLE_DIRTY, 8);
    BlockImage *image = hand_open (mem, BLOCK_IMAGE_WRITE);
    assert_int_equal (hand_fill (image, 0, 4 * CLUSTER, 1), 0);
    assert_int_equal (block_image_close (image), 0);
    assert_int_equal (hand_get (mem, AUTOCLEAR_AT, 8), 0);
    assert_int_equal (hand_check (mem), HAND_CLEAN);
    mem_file_free (mem);
  }
}

// ---------------------------------------------------------------------------------------------

static bool
stop (void *data, double done)
{
  assert_true (done >= 0 && done <= 1);
  return (*(unsigned *) data)-- > 0;
}

// 65535 bitmaps of which each has the one table of a million entries: no hours go by, and who waits
// can end it.
static void
test_same_table (void **state)
{
  enum { BITMAPS = 65535, ENTRIES = 1 << 20 };
  Places places;
  MemFile *mem = make (&places);
  uint64_t table = (mem->bytes->len + CLUSTER - 1) / CLUSTER * CLUSTER;
  uint64_t directory = table + UINT64_C (8) * ENTRIES;
  hand_put (mem, directory + (uint64_t) ENTRY_BYTES * BITMAPS - 1, 0, 1);
  for (unsigned i = 0; i < ENTRIES; i++)
    hand_put (mem, table + UINT64_C (8) * i, places.data, 8);
  for (unsigned i = 0; i < BITMAPS; i++) {
    put_entry (mem, directory + (uint64_t) ENTRY_BYTES * i, table, "again");
    hand_put (mem, directory + (uint64_t) ENTRY_BYTES * i + 8, ENTRIES, 4);
  }
  hand_put (mem, places.extension, BITMAPS, 4);
  hand_put (mem, places.extension + 8, (uint64_t) ENTRY_BYTES * BITMAPS, 8);
  hand_put (mem, places.extension + 16, directory, 8);
  BlockImage *image = hand_open (mem, 0);
  unsigned steps = 0;
  Qcow2Check check = {0}, stopped = {.progress = stop, .data = &steps};
  assert_int_equal (qcow2_check (image, &stopped, false), ECANCELED);
  assert_int_equal (qcow2_check (image, &check, false), EFBIG);
  block_image_free (image);
  mem_file_free (mem);
}

// Each read of the host fails in turn, with damage's own error and with another: no check that could
// not look says that all is well.
static void
test_reads_fail (void **state)
{
  for (unsigned n = 1, failed = true; failed; n++) {
    for (unsigned i = 0; i < 2; i++) {
      Places places;
      Qcow2Check check = {0};
      MemFile *mem = make (&places);
      BlockImage *image = hand_open (mem, 0);
      mem->reads_too = true;
      mem->n_calls = 0;
      mem->fail_from = mem->fail_to = n;
      mem->error = i == 0 ? EIO : ENODEV;
      int error = qcow2_check (image, &check, false);
      failed = mem->failed;
      assert_true (!failed || error == mem->error || (i == 0 && error == 0 && check.n_corrupt > 0));
      assert_true (failed || (error == 0 && check.n_corrupt == 0 && check.n_leaked == 0));
      block_image_free (image);
      mem_file_free (mem);
    }
  }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_numbers),
      cmocka_unit_test (test_dirty),
      cmocka_unit_test (test_same_table),
      cmocka_unit_test (test_reads_fail),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
