// SPDX-License-Identifier: GPL-3.0-or-later
// engine/jit: what is found, marked, checked again, linked, and emptied when there is no more room.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tests/unit/jit/fake-jit.h"

// ---- finding --------------------------------------------------------------------------------

static void
test_is_found_by_address_and_mode (void **state)
{
  Fixture *f = *state;
  bool emptied;

  assert_null (find (f, 0x40001000));
  const uint8_t *one = add_one (f, 0x40001000);
  const uint8_t *other_mode = add (f, 0x40001000, MODE + 1, FEW, &emptied);
  const uint8_t *next = add_one (f, 0x40001004);
  const uint8_t *other_page = add_one (f, 0x40002000);

  assert_ptr_equal (find (f, 0x40001000), one);
  assert_ptr_equal (jit_find (f->jit, 0x40001000, MODE + 1, f->page), other_mode);
  assert_ptr_equal (find (f, 0x40001004), next);
  assert_ptr_equal (find (f, 0x40002000), other_page);
  assert_null (find (f, 0x40001008));
  assert_null (jit_find (f->jit, 0x40001000, MODE + 2, f->page));
  assert_int_equal (jit_get_stats (f->jit)->regions, 4);
  assert_int_equal (jit_get_stats (f->jit)->insns, 16);
  assert_int_equal (*one, BODY);
}

// Far more regions than one bucket's worth, and pages of one bucket.
static void
test_many_are_found (void **state)
{
  enum { N = 1200 };
  Fixture *f = *state;
  const uint8_t *code[N];

  for (unsigned i = 0; i < N; i++)
    code[i] = add_one (f, 0x40000000 + (GuestAddr) i * 0x1000000 / 2);
  for (unsigned i = 0; i < N; i++)
    assert_ptr_equal (find (f, 0x40000000 + (GuestAddr) i * 0x1000000 / 2), code[i]);
}

// ---- marking --------------------------------------------------------------------------------

static void
test_marked_code_with_the_same_words_is_kept (void **state)
{
  Fixture *f = *state;
  const uint8_t *one = add_one (f, 0x40001000), *two = add_one (f, 0x40001100);
  const uint8_t *other_page = add_one (f, 0x40002000);

  jit_mark_page (f->jit, 0x40001abc);
  assert_int_equal (*one, MARKED);
  assert_int_equal (*two, MARKED);
  assert_int_equal (*other_page, BODY);
  // Once is enough.
  jit_mark_page (f->jit, 0x40001000);
  assert_int_equal (jit_get_stats (f->jit)->marked, 2);
  assert_ptr_equal (find (f, 0x40001000), one);
  assert_int_equal (*one, BODY);
  assert_int_equal (*two, MARKED);
  assert_int_equal (jit_get_stats (f->jit)->revalidated, 1);
  // The page is no longer marked as a whole.
  jit_mark_page (f->jit, 0x40001000);
  assert_int_equal (*one, MARKED);
  assert_int_equal (jit_get_stats (f->jit)->marked, 3);
}

static void
test_changed_code_is_dropped (void **state)
{
  static const unsigned changes[] = {0x000, 0x007, 0x800, 0x807};
  Fixture *f = *state;

  for (unsigned i = 0; i < G_N_ELEMENTS (changes); i++) {
    const uint8_t *old = add_one (f, 0x40001000);

    f->page[changes[i]] ^= 1;
    // Not looked at before the guest says that it changed something.
    assert_ptr_equal (find (f, 0x40001000), old);
    jit_mark_page (f->jit, 0x40001000);
    assert_null (find (f, 0x40001000));
    assert_int_equal (*old, MARKED);
    assert_int_equal (jit_get_stats (f->jit)->changed, i + 1);
    // Marking again does not touch what is gone.
    jit_mark_page (f->jit, 0x40001000);
  }
}

// Another CPU writes code between its being read and the region's being added.
static void
test_code_that_changed_meanwhile_is_dropped (void **state)
{
  Fixture *f = *state;

  f->changes_meanwhile = 1;
  add_one (f, 0x40001000);
  jit_mark_page (f->jit, 0x40001000);
  assert_null (find (f, 0x40001000));
}

static void
test_changes_elsewhere_do_not_matter (void **state)
{
  Fixture *f = *state;
  const uint8_t *code = add_one (f, 0x40001010);

  f->page[0x00f] ^= 1;
  f->page[0x018] ^= 1;
  f->page[0x7ff] ^= 1;
  f->page[0x808] ^= 1;
  jit_mark_page (f->jit, 0x40001000);
  assert_ptr_equal (find (f, 0x40001010), code);
}

static void
test_all_pages_are_marked (void **state)
{
  Fixture *f = *state;
  const uint8_t *one = add_one (f, 0x40001000), *two = add_one (f, 0x17f001000);

  jit_mark_all (f->jit);
  assert_int_equal (*one, MARKED);
  assert_int_equal (*two, MARKED);
}

static void
test_one_added_to_a_marked_page_can_be_marked (void **state)
{
  Fixture *f = *state;

  add_one (f, 0x40001000);
  jit_mark_page (f->jit, 0x40001000);
  const uint8_t *two = add_one (f, 0x40001100);
  jit_mark_page (f->jit, 0x40001000);
  assert_int_equal (*two, MARKED);
}

// Those of one page go in any order, and the rest are still its own.
static void
test_some_of_a_page_are_dropped (void **state)
{
  enum { N = 5 };
  Fixture *f = *state;

  for (unsigned mask = 0; mask < 1u << N; mask++) {
    GuestAddr page = 0x40000000 + mask * (GuestAddr) IR_PAGE_SIZE;
    const uint8_t *code[N];

    for (unsigned i = 0; i < N; i++)
      code[i] = add_one (f, page + 16 * i);
    for (unsigned i = 0; i < N; i++)
      f->page[16 * i] ^= mask >> i & 1;
    jit_mark_page (f->jit, page);
    for (unsigned i = 0; i < N; i++)
      assert_ptr_equal (find (f, page + 16 * i), mask >> i & 1 ? NULL : code[i]);
    jit_mark_page (f->jit, page);
    for (unsigned i = 0; i < N; i++)
      assert_int_equal (*code[i], MARKED);
  }
}

// ---- links ----------------------------------------------------------------------------------

static void
test_jumps_to_what_is_dropped_ask_again (void **state)
{
  Fixture *f = *state;
  const uint8_t *from = add_one (f, 0x40001400), *to = add_one (f, 0x40001000);

  link_jump (f, from, to);
  assert_links_to (from, to);
  // Marked code leads back by itself: the link stays.
  jit_mark_page (f->jit, 0x40001000);
  assert_links_to (from, to);
  assert_ptr_equal (find (f, 0x40001000), to);
  assert_links_to (from, to);
  f->page[0] ^= 1;
  jit_mark_page (f->jit, 0x40001000);
  assert_null (find (f, 0x40001000));
  assert_links_to (from, NULL);
  assert_int_equal (jit_get_stats (f->jit)->links, 1);
  assert_int_equal (jit_get_stats (f->jit)->unlinks, 1);
}

static void
test_only_what_was_found_last_is_linked_to (void **state)
{
  Fixture *f = *state;
  const uint8_t *from = add_one (f, 0x40001400), *to = add_one (f, 0x40001000);

  find (f, 0x40001400);
  link_jump (f, from, to);
  assert_links_to (from, NULL);
  find (f, 0x40001000);
  link_jump (f, from, to);
  assert_links_to (from, to);
}

// An address may have come to mean another page between the jump and the look-up.
static void
test_pages_are_not_joined (void **state)
{
  Fixture *f = *state;
  const uint8_t *before = add_one (f, 0x40001400), *from = add_one (f, 0x40002000);
  const uint8_t *after = add_one (f, 0x40001800), *to = add_one (f, 0x40001000);

  link_jump (f, from, to);
  assert_links_to (from, NULL);
  link_jump (f, before, to);
  link_jump (f, after, to);
  assert_links_to (before, to);
  assert_links_to (after, to);
  assert_int_equal (jit_get_stats (f->jit)->links, 2);
}

// Jumps that are made time and again fill their target's records: it is made anew, then.
static void
test_links_without_end_are_bounded (void **state)
{
  Fixture *f = *state;
  const uint8_t *from = add_one (f, 0x40001400), *to = add_one (f, 0x40001000);
  unsigned links = 0;

  while (find (f, 0x40001000) == to && links < 1000000) {
    link_jump (f, from, to);
    links++;
  }
  assert_in_range (links, 100, BYTES);
  assert_null (find (f, 0x40001000));
  assert_int_equal (*to, MARKED);
  assert_links_to (from, NULL);
}

// ---- no room --------------------------------------------------------------------------------

// Code that the guest changes all the time does not go through all memory.
static void
test_changed_code_stays_in_place (void **state)
{
  enum { TIMES = 1000 };
  Fixture *f = *state;
  bool emptied;
  const uint8_t *first = add (f, 0x40001000, MODE, BIG, &emptied), *last = first;

  for (unsigned i = 0; i < TIMES; i++) {
    f->page[0]++;
    jit_mark_page (f->jit, 0x40001000);
    assert_null (find (f, 0x40001000));
    const uint8_t *code = add (f, 0x40001000, MODE, BIG, &emptied);
    last = MAX (last, code);
  }
  assert_in_range (last - first, 1, BYTES / 8);
  assert_in_range (jit_get_stats (f->jit)->evicted, TIMES - 8, TIMES);
  // None of it was lost: it had changed. What waits for its chunk is less than that.
  assert_int_equal (jit_get_stats (f->jit)->remade, 0);
  assert_in_range (jit_get_stats (f->jit)->gone_bytes, 0, BYTES / 8);
}

// Adds until a chunk had to be emptied; how many were added.
static unsigned
fill (Fixture *f, GuestAddr pa)
{
  bool emptied = false;
  unsigned n = 0;

  while (!emptied && n < 100000)
    add (f, pa + 0x10 * (GuestAddr) n++, MODE, BIG, &emptied);
  assert_true (emptied);
  return n;
}

static void
test_the_oldest_chunk_is_emptied (void **state)
{
  Fixture *f = *state;
  unsigned n = fill (f, 0x40000000), gone = 0;

  // Eight chunks, of which the first is gone.
  assert_in_range (n, BYTES / BIG / 2, BYTES / BIG + 1);
  for (unsigned i = 0; i < n; i++)
    gone += find (f, 0x40000000 + 0x10 * (GuestAddr) i) == NULL;
  assert_int_equal (gone, BYTES / 8 / BIG);
  assert_null (find (f, 0x40000000));
  assert_int_equal (jit_get_stats (f->jit)->evictions, 1);
  assert_int_equal (jit_get_stats (f->jit)->evicted, gone);
  assert_in_range (jit_get_stats (f->jit)->code_bytes, 1, BYTES);
  // What was lost and what is new are told apart.
  assert_int_equal (jit_get_stats (f->jit)->remade, 0);
  add (f, 0x40000000, MODE, BIG, &(bool){false});
  assert_int_equal (jit_get_stats (f->jit)->remade, 1);
  add (f, 0x40000000 + 0x10 * (GuestAddr) n, MODE, BIG, &(bool){false});
  assert_int_equal (jit_get_stats (f->jit)->remade, 1);
}

static void
test_what_is_looked_for_is_spared (void **state)
{
  Fixture *f = *state;
  bool emptied = false;
  const uint8_t *kept = add_one (f, 0x80000000);

  for (unsigned i = 0; i < 2000; i++) {
    add (f, 0x40000000 + 0x10 * (GuestAddr) i, MODE, BIG, &emptied);
    // As jump caches are emptied when a chunk is, it is looked for then.
    if (emptied || i == 0)
      assert_ptr_equal (find (f, 0x80000000), kept);
  }
  assert_true (jit_get_stats (f->jit)->evictions > 100);
  assert_true (jit_get_stats (f->jit)->spared > 10);
  assert_in_range (jit_get_stats (f->jit)->code_bytes, 1, BYTES);
}

// All chunks in use: one is emptied nevertheless.
static void
test_everything_in_use_makes_room_all_the_same (void **state)
{
  Fixture *f = *state;
  unsigned n = fill (f, 0x40000000);
  bool emptied = false;

  for (unsigned round = 0; round < 50; round++) {
    for (unsigned i = 0; i < n; i++)
      find (f, 0x40000000 + 0x10 * (GuestAddr) i);
    for (unsigned i = 0; i < 10; i++)
      add (f, 0x50000000 + 0x10 * (GuestAddr) (round * 10 + i), MODE, BIG, &emptied);
    assert_in_range (jit_get_stats (f->jit)->code_bytes, 1, BYTES);
  }
}

static void
test_jumps_into_an_emptied_chunk_ask_again (void **state)
{
  Fixture *f = *state;
  const uint8_t *to = add_one (f, 0x80000000);
  bool emptied = false;

  // From every chunk.
  const uint8_t *from[8];
  for (unsigned i = 0; i < 8; i++) {
    from[i] = add (f, 0x80000100 + 0x10 * (GuestAddr) i, MODE, BYTES / 8 - 200, &emptied);
    if (find (f, 0x80000000) == to)
      link_jump (f, from[i], to);
  }
  assert_links_to (from[0], to);
  assert_links_to (from[6], to);
  f->page[0] ^= 1; // were it not for the chunk they would stay
  while (find (f, 0x80000000) != NULL || *to != MARKED) {
    add (f, 0x50000000, MODE + 1, BIG, &emptied);
    jit_mark_page (f->jit, 0x80000000);
  }
  for (unsigned i = 1; i < 7; i++)
    assert_links_to (from[i], NULL);
}

// The jump's own chunk was filled with something else meanwhile, which must not be written to.
static void
test_forgotten_jumps_are_not_written_to (void **state)
{
  Fixture *f = *state;
  const uint8_t *from = add_one (f, 0x80000100), *to;
  bool emptied = false;
  unsigned n = 0;

  // The target is in the next chunk, the jump in the first.
  add (f, 0x40000010, MODE, BYTES / 8 - 300, &emptied);
  to = add (f, 0x80000000, MODE, BIG, &emptied);
  link_jump (f, from, to);
  // Sparing the target's chunk by looking for it, all others are filled anew.
  while (jit_get_stats (f->jit)->evictions < 10) {
    add (f, 0x50000000 + 0x10 * (GuestAddr) n++, MODE, FEW * 4, &emptied);
    find (f, 0x80000000);
  }
  uint8_t before[16];
  memcpy (before, from, sizeof before);
  f->page[0] ^= 1;
  jit_mark_page (f->jit, 0x80000000);
  assert_null (find (f, 0x80000000));
  assert_memory_equal (before, from, sizeof before);
  assert_int_equal (jit_get_stats (f->jit)->unlinks, 0);
}

static void
test_what_is_too_big_is_told (void **state)
{
  Fixture *f = *state;
  unsigned tries = 0;

  add_one (f, 0x40000000);
  while (!jit_chunk_is_empty (f->jit) && tries++ < 3) {
    assert_null (try_add (f, 0x40001000, MODE, BYTES / 8 + 1));
    if (!jit_chunk_is_empty (f->jit))
      jit_make_room (f->jit);
  }
  assert_true (jit_chunk_is_empty (f->jit));
  assert_non_null (try_add (f, 0x40001000, MODE, BYTES / 8));
}

// Small code fills the records of a chunk before its memory.
static void
test_records_are_bounded (void **state)
{
  Fixture *f = *state;
  bool emptied = false;
  unsigned n = 0;

  for (unsigned i = 0; i < 100000; i++) {
    add (f, 0x40000000 + 0x1000 * (GuestAddr) i, MODE, 16, &emptied);
    n += emptied;
  }
  assert_true (n > 10);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      TEST (test_is_found_by_address_and_mode),
      TEST (test_many_are_found),
      TEST (test_marked_code_with_the_same_words_is_kept),
      TEST (test_changed_code_is_dropped),
      TEST (test_code_that_changed_meanwhile_is_dropped),
      TEST (test_changes_elsewhere_do_not_matter),
      TEST (test_all_pages_are_marked),
      TEST (test_one_added_to_a_marked_page_can_be_marked),
      TEST (test_some_of_a_page_are_dropped),
      TEST (test_jumps_to_what_is_dropped_ask_again),
      TEST (test_only_what_was_found_last_is_linked_to),
      TEST (test_pages_are_not_joined),
      TEST (test_links_without_end_are_bounded),
      TEST (test_changed_code_stays_in_place),
      TEST (test_the_oldest_chunk_is_emptied),
      TEST (test_what_is_looked_for_is_spared),
      TEST (test_everything_in_use_makes_room_all_the_same),
      TEST (test_jumps_into_an_emptied_chunk_ask_again),
      TEST (test_forgotten_jumps_are_not_written_to),
      TEST (test_what_is_too_big_is_told),
      TEST (test_records_are_bounded),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
