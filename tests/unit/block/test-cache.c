// SPDX-License-Identifier: GPL-3.0-or-later
// The slices of metadata tables in memory: who has to leave, what is written before, and that
// nothing changed is lost while the host has no room or fails.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "engine/block/qcow2/cache.h"
#include "tests/support/mem-file.h"

enum {
  BYTES = 512,
  N = 4, // slices
};

typedef struct Rig {
  MemFile *mem;
  BlockFile *file;
  SliceCache cache;
} Rig;

// A file whose i-th slice is all i; slice 0 is never asked for.
static Rig *
set_up (bool write_back)
{
  Rig *rig = g_new0 (Rig, 1);
  rig->mem = mem_file_new ();
  g_byte_array_set_size (rig->mem->bytes, 16 * BYTES);
  for (unsigned i = 0; i < 16; i++)
    memset (rig->mem->bytes->data + i * BYTES, (int) i, BYTES);
  rig->mem->reads_too = true;
  rig->file = mem_file_open (rig->mem);
  slice_cache_init (&rig->cache, rig->file, BYTES, N, write_back);
  return rig;
}

static void
tear_down (Rig *rig)
{
  slice_cache_clear (&rig->cache);
  block_file_free (rig->file);
  mem_file_free (rig->mem);
  g_free (rig);
}

static Slice *
get (Rig *rig, unsigned i, uint8_t value)
{
  Slice *slice;
  assert_int_equal (slice_cache_get (&rig->cache, i * BYTES, &slice), 0);
  assert_int_equal (slice->bytes[0], value);
  assert_int_equal (slice->bytes[BYTES - 1], value);
  return slice;
}

static void
change (Rig *rig, unsigned i, uint8_t from, uint8_t to)
{
  Slice *slice = get (rig, i, from);
  memset (slice->bytes, to, BYTES);
  slice_cache_set_dirty (&rig->cache, slice);
}

static int
try_get (Rig *rig, unsigned i)
{
  Slice *slice;
  return slice_cache_get (&rig->cache, i * BYTES, &slice);
}

static bool
is_there (Rig *rig, unsigned i)
{
  return slice_cache_overlaps (&rig->cache, i * BYTES, BYTES);
}

static uint8_t
stored (const Rig *rig, unsigned i)
{
  return rig->mem->bytes->data[i * BYTES];
}

static void
fail_calls (Rig *rig, uint64_t from, uint64_t to, int error)
{
  rig->mem->n_calls = 0;
  rig->mem->fail_from = from;
  rig->mem->fail_to = to;
  rig->mem->error = error;
}

// What was used since the hand came by stays once more.
static void
test_second_chance (void **state)
{
  Rig *rig = set_up (false);
  for (unsigned i = 1; i <= N; i++)
    get (rig, i, (uint8_t) i);
  get (rig, 5, 5); // takes every second chance and the first slice's place
  assert_false (is_there (rig, 1));
  get (rig, 2, 2);
  get (rig, 6, 6);
  assert_true (is_there (rig, 2));
  assert_false (is_there (rig, 3));
  uint64_t calls = rig->mem->n_calls;
  get (rig, 2, 2);
  get (rig, 4, 4);
  assert_int_equal (rig->mem->n_calls, calls);
  tear_down (rig);
}

// A read that fails leaves nothing behind that looks like what was to be read.
static void
test_read_fails (void **state)
{
  Rig *rig = set_up (false);
  fail_calls (rig, 1, 1, ENODEV);
  assert_int_equal (try_get (rig, 1), ENODEV);
  assert_false (is_there (rig, 1));
  get (rig, 1, 1);
  assert_int_equal (try_get (rig, 16), EIO); // behind the end
  assert_false (is_there (rig, 16));
  tear_down (rig);
}

// Without write-back what is dirty stays until a commit has written it.
static void
test_commit (void **state)
{
  Rig *rig = set_up (false);
  SliceCopies copies;
  for (unsigned i = 1; i <= N; i++)
    change (rig, i, (uint8_t) i, (uint8_t) (0x10 + i));
  assert_int_equal (try_get (rig, 5), EBUSY);
  slice_cache_begin_write (&rig->cache, &copies);
  assert_int_equal (copies.n, N);
  assert_int_equal (rig->cache.n_dirty, 0);
  assert_int_equal (try_get (rig, 5), EBUSY); // not in the file yet
  change (rig, 2, 0x12, 0x22);
  slice_cache_forget (&rig->cache, BYTES, BYTES);
  assert_true (is_there (rig, 1)); // it is needed when the commit ends
  assert_int_equal (slice_copies_write (&copies, rig->file, BYTES), 0);
  slice_cache_end_write (&rig->cache, &copies, false);
  assert_int_equal (rig->cache.n_writing, 0);
  for (unsigned i = 1; i <= N; i++)
    assert_int_equal (stored (rig, i), 0x10 + i); // as they were when it began
  assert_int_equal (rig->cache.n_dirty, 1);
  for (unsigned i = 5; i <= 9; i++)
    get (rig, i, (uint8_t) i);
  get (rig, 2, 0x22);
  slice_cache_begin_write (&rig->cache, &copies);
  assert_int_equal (copies.n, 1);
  assert_int_equal (slice_copies_write (&copies, rig->file, BYTES), 0);
  slice_cache_end_write (&rig->cache, &copies, false);
  assert_int_equal (stored (rig, 2), 0x22);
  slice_cache_begin_write (&rig->cache, &copies);
  assert_int_equal (copies.n, 0);
  slice_cache_end_write (&rig->cache, &copies, false);
  tear_down (rig);
}

// A commit that failed left each slice as dirty as it was, also one that it had written.
static void
test_commit_fails (void **state)
{
  Rig *rig = set_up (false);
  SliceCopies copies;
  for (unsigned i = 1; i <= 3; i++)
    change (rig, i, (uint8_t) i, (uint8_t) (0x10 + i));
  slice_cache_begin_write (&rig->cache, &copies);
  change (rig, 3, 0x13, 0x23);
  fail_calls (rig, 2, 2, ENOSPC);
  assert_int_equal (slice_copies_write (&copies, rig->file, BYTES), ENOSPC);
  slice_cache_end_write (&rig->cache, &copies, true);
  assert_int_equal (rig->cache.n_dirty, 3);
  assert_int_equal (rig->cache.n_writing, 0);
  assert_int_equal (slice_cache_write_all (&rig->cache), 0);
  assert_int_equal (rig->cache.n_dirty, 0);
  assert_int_equal (stored (rig, 1), 0x11);
  assert_int_equal (stored (rig, 2), 0x12);
  assert_int_equal (stored (rig, 3), 0x23);
  tear_down (rig);
}

// With write-back the dirty leave too, and are in the file when they are gone.
static void
test_write_back (void **state)
{
  Rig *rig = set_up (true);
  for (unsigned i = 1; i <= N; i++)
    change (rig, i, (uint8_t) i, (uint8_t) (0x10 + i));
  for (unsigned i = 5; i <= 12; i++)
    get (rig, i, (uint8_t) i);
  assert_int_equal (rig->cache.n_dirty, 0);
  for (unsigned i = 1; i <= N; i++)
    get (rig, i, (uint8_t) (0x10 + i));
  tear_down (rig);
}

// One that cannot be written stays, and another one leaves; when none can be, that is the answer.
static void
test_write_back_fails (void **state)
{
  Rig *rig = set_up (true);
  for (unsigned i = 1; i <= N; i++)
    change (rig, i, (uint8_t) i, (uint8_t) (0x10 + i));
  fail_calls (rig, 1, 2, ENOSPC);
  get (rig, 5, 5);
  assert_true (is_there (rig, 1) && is_there (rig, 2));
  assert_false (is_there (rig, 3));
  assert_int_equal (rig->cache.n_dirty, 3);
  change (rig, 5, 5, 0x15);
  fail_calls (rig, 1, UINT64_MAX, ENOSPC);
  assert_int_equal (try_get (rig, 6), ENOSPC);
  assert_int_equal (rig->cache.n_dirty, 4);
  fail_calls (rig, 0, 0, 0);
  for (unsigned i = 6; i <= 9; i++)
    get (rig, i, (uint8_t) i);
  for (unsigned i = 1; i <= 5; i++)
    assert_int_equal (stored (rig, i), 0x10 + i);
  tear_down (rig);
}

// Writing all goes on behind one that fails, and says so.
static void
test_write_all_fails (void **state)
{
  Rig *rig = set_up (true);
  for (unsigned i = 1; i <= N; i++)
    change (rig, i, (uint8_t) i, (uint8_t) (0x10 + i));
  for (unsigned i = 0; i < 2; i++)
    slice_cache_set_dirty (&rig->cache, get (rig, 1, 0x11)); // no more than it is
  fail_calls (rig, 2, 3, EIO);
  assert_int_equal (slice_cache_write_all (&rig->cache), EIO);
  assert_int_equal (rig->cache.n_dirty, 2);
  assert_int_equal (stored (rig, N), 0x10 + N);
  assert_int_equal (slice_cache_write_all (&rig->cache), 0);
  assert_int_equal (rig->cache.n_dirty, 0);
  for (unsigned i = 1; i <= N; i++)
    assert_int_equal (stored (rig, i), 0x10 + i);
  uint64_t calls = rig->mem->n_calls;
  assert_int_equal (slice_cache_write_all (&rig->cache), 0);
  assert_int_equal (rig->mem->n_calls, calls);
  tear_down (rig);
}

// Which bytes are metadata is told alike for a few of them and for many; what is forgotten is none
// any more and never written.
static void
test_ranges (void **state)
{
  static const struct {
    uint64_t offset, length;
    bool overlaps;
  } cases[] = {
      {3 * BYTES, BYTES, true},
      {3 * BYTES + 100, 1, true},
      {2 * BYTES, BYTES, false},
      {4 * BYTES, BYTES, false},
      {2 * BYTES, BYTES + 1, true},
      {4 * BYTES - 1, 2 * BYTES, true},
      {0, 3 * BYTES, false},
      {0, 100 * BYTES, true},
      {3 * BYTES + 1, 100 * BYTES, true},
      {4 * BYTES, 3 * BYTES, false},
      {4 * BYTES, 100 * BYTES, true}, // slice 9
      {10 * BYTES, 100 * BYTES, false},
      {0, 3 * BYTES + 1, true},
  };
  Rig *rig = set_up (true);
  change (rig, 3, 3, 0x13);
  change (rig, 9, 9, 0x19);
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    if (slice_cache_overlaps (&rig->cache, cases[i].offset, cases[i].length) != cases[i].overlaps)
      fail_msg ("case %zu", i);
  slice_cache_forget (&rig->cache, 0, 3 * BYTES);
  slice_cache_forget (&rig->cache, 4 * BYTES, BYTES);
  assert_true (is_there (rig, 3));
  slice_cache_forget (&rig->cache, 2 * BYTES, 2 * BYTES);
  assert_false (is_there (rig, 3));
  assert_int_equal (rig->cache.n_dirty, 1);
  assert_int_equal (slice_cache_write_all (&rig->cache), 0);
  assert_int_equal (stored (rig, 3), 3);
  assert_int_equal (stored (rig, 9), 0x19);
  get (rig, 3, 3);
  tear_down (rig);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_second_chance),   cmocka_unit_test (test_read_fails),
      cmocka_unit_test (test_commit),          cmocka_unit_test (test_commit_fails),
      cmocka_unit_test (test_write_back),      cmocka_unit_test (test_write_back_fails),
      cmocka_unit_test (test_write_all_fails), cmocka_unit_test (test_ranges),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
