// SPDX-License-Identifier: GPL-3.0-or-later
// The file behind the flash after a process was killed, or power was lost, at any moment: it has a
// state in which no block was being rewritten, and never an older one than a moment before. And what
// becomes of blocks that are never completed, of full disks, and of what is behind the bank.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "engine/hw/cfi-journal.h"
#include "engine/hw/cfi-store.h"
#include "tests/support/mem-file.h"

enum {
  BANK = CFI_FLASH_BANK_BYTES,
  BLOCK = CFI_FLASH_BLOCK_BYTES,
  PIECE = 16 * 1024,
  USED = 12 * BLOCK,  // what the tests write to
  LOOKED = 4 * BLOCK, // what the script does
  N_STATES = 8,
};

// Long, and therefore made once: a machine's, and one as it would be after a kill.
static MemFile *the_file, *the_copy;

typedef struct Fixture {
  MemFile *file;
  CfiStore *store;
  CfiStoreOps ops;
  uint8_t *start;            // the first USED bytes as they were
  uint8_t *now;              // as the guest has them
  uint8_t *states[N_STATES]; // those a file may have afterwards
  unsigned n_states;
  unsigned full, failed; // atomic
} Fixture;

static void
on_full (void *opaque)
{
  __atomic_fetch_add (&((Fixture *) opaque)->full, 1, __ATOMIC_SEQ_CST);
}

static void
on_failed (void *opaque, int error_number)
{
  __atomic_fetch_add (&((Fixture *) opaque)->failed, 1, __ATOMIC_SEQ_CST);
}

static MemFile *
new_bank (void)
{
  MemFile *file = mem_file_new ();

  g_byte_array_set_size (file->bytes, BANK);
  memset (file->bytes->data, 0, BANK);
  return file;
}

static int
set_up_all (void **state)
{
  the_file = new_bank ();
  the_copy = new_bank ();
  return 0;
}

static int
tear_down_all (void **state)
{
  mem_file_free (the_file);
  mem_file_free (the_copy);
  return 0;
}

static int
set_up (void **state)
{
  Fixture *f = g_new0 (Fixture, 1);

  f->file = the_file;
  g_byte_array_set_size (f->file->bytes, BANK);
  f->file->n_calls = f->file->fail_from = f->file->fail_to = 0;
  f->file->failed = false;
  for (unsigned i = 0; i < USED; i++)
    f->file->bytes->data[i] = (uint8_t) (0x80 | (i / BLOCK) << 3 | i % 7);
  f->start = g_memdup2 (f->file->bytes->data, USED);
  f->now = g_memdup2 (f->start, USED);
  mem_file_record (f->file);
  f->ops = (CfiStoreOps){on_full, on_failed, G_TIME_SPAN_DAY};
  *state = f;
  return 0;
}

static void
open_store (Fixture *f)
{
  f->store = cfi_store_new (mem_file_open (f->file), &f->ops, f);
}

static void
close_store (Fixture *f)
{
  cfi_store_free (f->store);
  f->store = NULL;
}

static int
tear_down (void **state)
{
  Fixture *f = *state;

  cfi_store_free (f->store);
  g_clear_pointer (&f->file->events, g_array_unref);
  for (unsigned i = 0; i < f->n_states; i++)
    g_free (f->states[i]);
  g_free (f->start);
  g_free (f->now);
  g_free (f);
  return 0;
}

// ---- what the guest does --------------------------------------------------------------------

static void
program (Fixture *f, uint32_t at, uint8_t value, uint32_t length)
{
  memset (f->now + at, value, length);
  cfi_store_write (f->store, at, f->now + at, length, false);
}

static void
erase (Fixture *f, uint32_t block)
{
  memset (f->now + block * BLOCK, 0xff, BLOCK);
  cfi_store_write (f->store, block * BLOCK, f->now + block * BLOCK, BLOCK, true);
}

static void
rewrite (Fixture *f, uint32_t block, uint8_t value)
{
  erase (f, block);
  for (uint32_t at = 0; at < BLOCK; at += PIECE)
    program (f, block * BLOCK + at, (uint8_t) (value + at / PIECE), PIECE);
}

static void
may_be_found (Fixture *f)
{
  assert_true (f->n_states < N_STATES);
  f->states[f->n_states++] = g_memdup2 (f->now, LOOKED);
}

// Words in one block, other blocks anew, and two at a time.
static void
run_script (Fixture *f)
{
  may_be_found (f);
  program (f, 64, 1, 4);
  may_be_found (f);
  rewrite (f, 1, 0x10);
  may_be_found (f);
  program (f, 128, 2, 4);
  may_be_found (f);
  erase (f, 2);
  program (f, 2 * BLOCK, 3, 4);
  program (f, 2 * BLOCK + 4, 3, 4);
  may_be_found (f); // what follows is no part of it
  program (f, 192, 4, 4);
  may_be_found (f);
  rewrite (f, 3, 0x30);
  may_be_found (f);
  program (f, 3 * BLOCK - 4, 0, 4);
  may_be_found (f);
}

// ---- the file afterwards --------------------------------------------------------------------

// As at the start; what is looked at only.
static void
begin_copy (const Fixture *f, MemFile *copy)
{
  g_byte_array_set_size (copy->bytes, BANK);
  memcpy (copy->bytes->data, f->start, LOOKED);
}

static const MemEvent *
event_at (const Fixture *f, unsigned i)
{
  return &g_array_index (f->file->events, MemEvent, i);
}

// The state found; fails when it is none.
static unsigned
reopen (const Fixture *f, MemFile *copy)
{
  BlockFile *file = mem_file_open (copy);

  assert_int_equal (cfi_journal_replay (file), 0);
  block_file_free (file);
  assert_int_equal (copy->bytes->len, BANK);
  for (unsigned i = 0; i < f->n_states; i++)
    if (memcmp (copy->bytes->data, f->states[i], LOOKED) == 0)
      return i;
  fail_msg ("the file has a state that never was");
  return 0;
}

// Killed in the middle of the n-th change of the file, of which only `length` bytes were done.
static unsigned
kill_in (const Fixture *f, MemFile *copy, unsigned n, uint64_t length)
{
  begin_copy (f, copy);
  for (unsigned i = 0; i < n; i++)
    mem_file_apply (copy, event_at (f, i), event_at (f, i)->length);
  if (n < f->file->events->len && length > 0)
    mem_file_apply (copy, event_at (f, n), length);
  return reopen (f, copy);
}

static void
kill_everywhere (const Fixture *f)
{
  static const uint64_t lengths[] = {0, 512, 1024, BLOCK / 2, BLOCK};
  unsigned least = 0;

  for (unsigned n = 0; n <= f->file->events->len; n++) {
    bool torn = n < f->file->events->len && event_at (f, n)->kind == MEM_WRITE;

    for (unsigned i = 0; i < (torn ? G_N_ELEMENTS (lengths) : 1); i++) {
      unsigned found =
          kill_in (f, the_copy, n, torn ? MIN (lengths[i], event_at (f, n)->length) : 0);

      assert_true (found >= least);
      least = found;
    }
  }
}

// Power is lost before the n-th change: of those since the disk was last brought up to date, any
// may be missing.
static void
lose_power (const Fixture *f, MemFile *copy, unsigned n)
{
  unsigned synced = n;

  while (synced > 0 && event_at (f, synced - 1)->kind != MEM_SYNC)
    synced--;
  assert_true (n - synced < 8);
  for (unsigned subset = 0; subset < 1u << (n - synced); subset++) {
    begin_copy (f, copy);
    for (unsigned i = 0; i < n; i++)
      if (i < synced || (subset >> (i - synced) & 1) != 0)
        mem_file_apply (copy, event_at (f, i), event_at (f, i)->length);
    reopen (f, copy);
  }
}

static void
test_killed_anywhere (void **state)
{
  Fixture *f = *state;

  open_store (f);
  run_script (f);
  close_store (f);
  assert_memory_equal (f->file->bytes->data, f->now, USED);
  assert_int_equal (f->file->bytes->len, BANK);
  kill_everywhere (f);
}

// Words are a matter of order between syncs only, so that here they are apart.
static void
test_power_lost_anywhere (void **state)
{
  Fixture *f = *state;

  open_store (f);
  run_script (f);
  close_store (f);
  for (unsigned n = 0; n <= f->file->events->len; n++)
    lose_power (f, the_copy, n);
}

// Each call to the host fails once: for lack of room, after which it goes on, and for good.
static void
fail_calls (void **state, int error, bool goes_on)
{
  bool reached = true;

  tear_down (state);
  for (unsigned n = 1; reached; n++) {
    set_up (state);
    Fixture *f = *state;

    f->file->fail_from = n;
    f->file->fail_to = goes_on ? n : UINT64_MAX;
    f->file->error = error;
    open_store (f);
    run_script (f);
    cfi_store_drain (f->store);
    cfi_store_retry (f->store);
    cfi_store_drain (f->store);
    close_store (f);
    reached = f->file->failed;
    assert_true (f->failed <= 1);
    if (f->failed == 0)
      assert_memory_equal (f->file->bytes->data, f->now, USED);
    if (f->failed == 0)
      assert_int_equal (f->file->bytes->len, BANK);
    kill_everywhere (f);
    if (reached)
      tear_down (state);
  }
}

static void
test_full_anywhere (void **state)
{
  fail_calls (state, ENOSPC, true);
}

static void
test_fails_anywhere (void **state)
{
  fail_calls (state, EIO, false);
}

// Not even an hour later, and closed then: as if there were no journal.
static void
test_stays_full (void **state)
{
  Fixture *f = *state;

  f->file->fail_from = 1;
  f->file->fail_to = UINT64_MAX;
  f->file->error = ENOSPC;
  open_store (f);
  may_be_found (f);
  rewrite (f, 1, 0x10);
  cfi_store_drain (f->store);
  assert_int_equal (__atomic_load_n (&f->full, __ATOMIC_SEQ_CST), 1);
  close_store (f);
  assert_int_equal (f->failed, 1);
  kill_everywhere (f);
}

// ---- blocks that are not completed ----------------------------------------------------------

static void
test_held_back (void **state)
{
  Fixture *f = *state;

  open_store (f);
  erase (f, 1);
  program (f, BLOCK, 1, BLOCK - 4);
  while (cfi_store_is_busy (f->store))
    g_thread_yield ();
  g_mutex_lock (&f->file->lock);
  assert_memory_equal (f->file->bytes->data, f->start, USED);
  g_mutex_unlock (&f->file->lock);
  cfi_store_drain (f->store);
  assert_memory_equal (f->file->bytes->data, f->now, USED);
}

static void
test_quiet (void **state)
{
  Fixture *f = *state;
  bool there = false;

  f->ops.quiet_us = 1000;
  open_store (f);
  erase (f, 1);
  while (!there) {
    g_mutex_lock (&f->file->lock);
    there = memcmp (f->file->bytes->data, f->now, USED) == 0;
    g_mutex_unlock (&f->file->lock);
    g_thread_yield ();
  }
}

// More than are held back.
static void
test_many (void **state)
{
  Fixture *f = *state;

  open_store (f);
  for (uint32_t block = 0; block < USED / BLOCK; block++)
    erase (f, block);
  program (f, 5 * BLOCK - 2, 0x55, 4); // in two of them
  close_store (f);
  assert_memory_equal (f->file->bytes->data, f->now, USED);
  assert_int_equal (f->file->bytes->len, BANK);
}

// ---- what is behind the bank ----------------------------------------------------------------

// It does not grow: as well as can be done then.
static void
test_no_journal (void **state)
{
  Fixture *f = *state;

  f->file->fail_from = f->file->fail_to = 1;
  f->file->error = EINVAL;
  open_store (f);
  rewrite (f, 1, 0x10);
  close_store (f);
  assert_int_equal (f->failed, 0);
  assert_memory_equal (f->file->bytes->data, f->now, USED);
}

// Lengths, and what the header begins with: what is no journal is left alone.
static void
test_behind (void **state)
{
  Fixture *f = *state;
  static const struct {
    uint64_t more;
    char begins[16 + 1];
    bool stays;
  } cases[] = {
      {0, "", false},
      {CFI_JOURNAL_HEADER_BYTES, "TerrNvJ1", true},
      {CFI_JOURNAL_HEADER_BYTES + BLOCK, "TerrNvJ1", false},
      {CFI_JOURNAL_HEADER_BYTES + BLOCK, "TerrNvJ1\x01\0\0\0\0\x01\0\0", false}, // no such block
      {CFI_JOURNAL_HEADER_BYTES + BLOCK, "TerrNvJ1\x02\0\0\0", false},
      {CFI_JOURNAL_HEADER_BYTES + BLOCK, "TerrNvJ1\xff\xff\xff\xff", false},
      {CFI_JOURNAL_HEADER_BYTES + BLOCK, "", false},
      {CFI_JOURNAL_HEADER_BYTES + BLOCK, "TerrNvJ2", true},
      {CFI_JOURNAL_HEADER_BYTES + BLOCK + 1, "TerrNvJ1", true},
      {CFI_JOURNAL_HEADER_BYTES + 9 * BLOCK, "TerrNvJ1", true},
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    BlockFile *file = mem_file_open (f->file);

    assert_int_equal (block_file_set_size (file, BANK + cases[i].more), 0);
    if (cases[i].more > 0)
      memcpy (f->file->bytes->data + BANK, cases[i].begins, sizeof cases[i].begins);
    assert_int_equal (cfi_journal_replay (file), 0);
    assert_int_equal (f->file->bytes->len, cases[i].stays ? BANK + cases[i].more : BANK);
    assert_memory_equal (f->file->bytes->data, f->start, USED);
    assert_int_equal (block_file_set_size (file, BANK), 0);
    block_file_free (file);
  }
}

int
main (void)
{
#define TEST(test) cmocka_unit_test_setup_teardown (test, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST (test_killed_anywhere), TEST (test_power_lost_anywhere),
      TEST (test_full_anywhere),   TEST (test_fails_anywhere),
      TEST (test_stays_full),      TEST (test_held_back),
      TEST (test_quiet),           TEST (test_many),
      TEST (test_no_journal),      TEST (test_behind),
  };

  return cmocka_run_group_tests (tests, set_up_all, tear_down_all);
}
