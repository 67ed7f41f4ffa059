// SPDX-License-Identifier: GPL-3.0-or-later
// engine/jit: regions entered at their labels.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tests/unit/jit/fake-jit.h"

enum { WHOLE = 0x40001000, IN_WHOLE = 0x40001800, ALSO_IN_WHOLE = 0x40001804 };

// A region with two labels, at its second piece of code.
static const uint8_t *
add_with_labels (Fixture *f, GuestAddr pa)
{
  f->ir.n_labels = 2;
  f->ir.label_pc[0] = 0x800;
  f->ir.label_pc[1] = 0x804;
  const uint8_t *code = add_one (f, pa);
  f->ir.n_labels = 0;
  return code;
}

static bool
is_place (Fixture *f, GuestAddr pa, uint32_t mode)
{
  const uint64_t *places = jit_places (f->jit, pa, mode);
  unsigned word = pa % IR_PAGE_SIZE / 4;

  return places != NULL && (places[word / 64] >> word % 64 & 1) != 0;
}

static void
test_labels_are_entered (void **state)
{
  Fixture *f = *state;
  JitSource source;

  assert_false (is_place (f, IN_WHOLE, MODE));
  const uint8_t *whole = add_with_labels (f, WHOLE);
  assert_true (is_place (f, IN_WHOLE, MODE));
  assert_true (is_place (f, ALSO_IN_WHOLE, MODE));
  assert_false (is_place (f, WHOLE, MODE));
  assert_false (is_place (f, IN_WHOLE, MODE + 1));
  assert_false (is_place (f, IN_WHOLE + IR_PAGE_SIZE, MODE));
  const uint8_t *one = find (f, IN_WHOLE), *two = find (f, ALSO_IN_WHOLE);
  assert_links_to (one, whole + LABEL);
  assert_links_to (two, whole + 2 * LABEL);
  assert_ptr_equal (find (f, IN_WHOLE), one);
  assert_ptr_equal (find (f, WHOLE), whole);
  assert_null (find (f, IN_WHOLE + 8));
  assert_null (find (f, IN_WHOLE + IR_PAGE_SIZE));
  assert_null (jit_find (f->jit, IN_WHOLE, MODE + 1, f->page));
  assert_int_equal (jit_get_stats (f->jit)->regions, 1);
  assert_int_equal (jit_get_stats (f->jit)->entries, 2);
  assert_true (jit_find_source (f->jit, IN_WHOLE, MODE, &source));
  assert_int_equal (source.pa, WHOLE);
  assert_int_equal (source.n_spans, 2);
  assert_int_equal (source.spans[1].offset, 0x800);
  assert_false (jit_find_source (f->jit, IN_WHOLE + 8, MODE, &source));
}

static void
test_entries_are_marked_and_kept (void **state)
{
  Fixture *f = *state;
  const uint8_t *whole = add_with_labels (f, WHOLE), *entry = find (f, IN_WHOLE);

  jit_mark_page (f->jit, WHOLE);
  assert_int_equal (*whole, MARKED);
  assert_int_equal (*entry, MARKED);
  // Each is looked at by itself.
  assert_ptr_equal (find (f, IN_WHOLE), entry);
  assert_int_equal (*entry, BODY);
  assert_int_equal (*whole, MARKED);
  // A new entry of what is marked.
  assert_links_to (find (f, ALSO_IN_WHOLE), whole + 2 * LABEL);
  assert_ptr_equal (find (f, WHOLE), whole);
}

static void
test_entries_go_with_their_region (void **state)
{
  // Found first: the region, an entry that is there, one that is not.
  static const GuestAddr found[] = {WHOLE, IN_WHOLE, ALSO_IN_WHOLE};
  Fixture *f = *state;

  for (unsigned i = 0; i < G_N_ELEMENTS (found); i++) {
    const uint8_t *whole = add_with_labels (f, WHOLE), *entry = find (f, IN_WHOLE);
    const uint8_t *from = add_one (f, 0x40001400);

    link_jump (f, from, entry);
    assert_null (jit_find (f->jit, 0x40001400, MODE + 1, f->page));
    assert_ptr_equal (find (f, IN_WHOLE), entry);
    link_jump (f, from, entry);
    assert_links_to (from, entry);
    // What the label is of, not what is at the label.
    f->page[0] ^= 1;
    jit_mark_page (f->jit, WHOLE);
    assert_null (find (f, found[i]));
    assert_int_equal (*whole, MARKED);
    assert_int_equal (*entry, MARKED);
    assert_links_to (from, NULL);
    assert_null (find (f, IN_WHOLE));
    assert_null (find (f, WHOLE));
    assert_false (is_place (f, IN_WHOLE, MODE));
    f->page[0x400] ^= 1;
    assert_null (find (f, 0x40001400));
  }
}

static void
test_another_region_with_the_label_is_entered (void **state)
{
  Fixture *f = *state;
  const uint8_t *one = add_with_labels (f, WHOLE), *entry = find (f, IN_WHOLE);
  const uint8_t *two = add_with_labels (f, 0x40001600);

  assert_links_to (entry, one + LABEL);
  f->page[0] ^= 1;
  jit_mark_page (f->jit, WHOLE);
  assert_null (find (f, IN_WHOLE));
  assert_ptr_equal (find (f, 0x40001600), two);
  // Made again, with labels: their places are known again.
  one = add_with_labels (f, WHOLE);
  assert_links_to (find (f, IN_WHOLE), one + LABEL);
}

// Regions in one chunk, entries in another that is emptied before them or after them.
static void
test_entries_and_regions_are_emptied (void **state)
{
  Fixture *f = *state;
  const uint8_t *whole = add_with_labels (f, WHOLE), *entry;
  unsigned n = 0;
  bool emptied = false;

  for (GuestAddr pa = 0x50000000; !emptied; pa += IR_PAGE_SIZE) {
    add (f, pa, MODE, BIG, &emptied);
    entry = n++ == 20 ? find (f, IN_WHOLE) : NULL;
    if (entry != NULL)
      assert_links_to (entry, whole + LABEL);
  }
  // The first chunk was spared, since it was looked at; all are emptied some time.
  for (GuestAddr pa = 0x60000000; n < 4000; pa += IR_PAGE_SIZE, n++) {
    add (f, pa, MODE, BIG, &emptied);
    if (n % 100 == 0 && find (f, WHOLE) == NULL)
      add_with_labels (f, WHOLE);
    entry = n % 64 == 0 ? find (f, IN_WHOLE) : NULL;
    if (entry != NULL)
      assert_links_to (entry, find (f, WHOLE) + LABEL);
    if (n % 700 == 0)
      jit_mark_page (f->jit, WHOLE);
  }
  assert_true (jit_get_stats (f->jit)->entries > 10);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      TEST (test_labels_are_entered),
      TEST (test_entries_are_marked_and_kept),
      TEST (test_entries_go_with_their_region),
      TEST (test_another_region_with_the_label_is_entered),
      TEST (test_entries_and_regions_are_emptied),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
