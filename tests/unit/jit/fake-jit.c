// SPDX-License-Identifier: GPL-3.0-or-later
// See fake-jit.h.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tests/unit/jit/fake-jit.h"

struct JitHost {
  const uint8_t *stubs;
};

static JitHost *
fake_new (const JitLayout *layout, uint8_t *code, size_t room, ptrdiff_t alias, size_t *used)
{
  JitHost *host = g_new (JitHost, 1);

  (void) layout;
  (void) alias;
  assert_true (room >= START);
  memset (code, 0x55, START);
  host->stubs = code;
  *used = START;
  return host;
}

static void
fake_free (JitHost *host)
{
  for (unsigned i = 0; i < START; i++)
    assert_int_equal (host->stubs[i], 0x55);
  g_free (host);
}

// n_ops says how many bytes the code is to have.
static size_t
fake_lower (JitHost *host, const JitRequest *request, uint8_t *code, size_t room, uint32_t *entries)
{
  (void) host;
  if (request->n_ops > room)
    return 0;
  memset (code, BODY, request->n_ops);
  memset (code + 1, 0, 4);
  for (unsigned i = 0; i < request->ir->n_labels; i++)
    entries[i] = LABEL * (i + 1);
  return request->n_ops;
}

// As much as a small region, with the way to the label where links are, too.
static size_t
fake_lower_entry (JitHost *host, const uint8_t *label, unsigned pc_off, uint8_t *code, size_t room)
{
  int32_t distance = (int32_t) (label - (code + 1));

  (void) host;
  (void) pc_off;
  if (room < FEW)
    return 0;
  memset (code, BODY, FEW);
  memcpy (code + 1, &distance, 4);
  return FEW;
}

static void
fake_link (uint8_t *site, const uint8_t *code, uint8_t saved[4])
{
  int32_t distance = (int32_t) (code - site);

  memcpy (saved, site, 4);
  memcpy (site, &distance, 4);
}

static void
fake_unlink (uint8_t *site, const uint8_t saved[4])
{
  memcpy (site, saved, 4);
}

static void
fake_mark (JitHost *host, uint8_t *code, uint8_t saved[8])
{
  (void) host;
  assert_int_equal (*code, BODY);
  memcpy (saved, code, 1);
  *code = MARKED;
}

static void
fake_unmark (uint8_t *code, const uint8_t saved[8])
{
  assert_int_equal (*code, MARKED);
  *code = saved[0];
}

static const JitHostOps fake_ops = {
    .name = "fake",
    .host_new = fake_new,
    .host_free = fake_free,
    .lower = fake_lower,
    .lower_entry = fake_lower_entry,
    .link = fake_link,
    .unlink = fake_unlink,
    .mark = fake_mark,
    .unmark = fake_unmark,
};

int
setup (void **state)
{
  static const JitLayout layout;
  const JitConfig config = {.bytes = BYTES};
  Fixture *f = g_new0 (Fixture, 1);

  f->jit = jit_new (&fake_ops, &layout, &config, NULL);
  assert_non_null (f->jit);
  for (unsigned i = 0; i < sizeof f->page; i++)
    f->page[i] = (uint8_t) (i * 7);
  *state = f;
  return 0;
}

int
teardown (void **state)
{
  Fixture *f = *state;

  jit_free (f->jit);
  g_free (f);
  return 0;
}

const uint8_t *
try_add (Fixture *f, GuestAddr pa, uint32_t mode, unsigned bytes)
{
  uint32_t words[4];
  JitRequest request = {.ir = &f->ir, .words = words, .n_ops = bytes};

  f->ir.entry = pa & (IR_PAGE_SIZE - 1);
  f->ir.n_insns = 4;
  f->ir.n_spans = 2;
  f->ir.spans[0] = (IrSpan){f->ir.entry, 8};
  f->ir.spans[1] = (IrSpan){0x800, 8};
  memcpy (words, f->page + f->ir.entry, 8);
  memcpy (words + 2, f->page + 0x800, 8);
  f->page[0x800] ^= f->changes_meanwhile;
  return jit_add (f->jit, pa, mode, f->page, &request);
}

const uint8_t *
add (Fixture *f, GuestAddr pa, uint32_t mode, unsigned bytes, bool *emptied)
{
  const uint8_t *code = try_add (f, pa, mode, bytes);

  *emptied = false;
  if (code == NULL) {
    assert_false (jit_chunk_is_empty (f->jit));
    *emptied = jit_make_room (f->jit);
    code = try_add (f, pa, mode, bytes);
  }
  assert_non_null (code);
  return code;
}

const uint8_t *
add_one (Fixture *f, GuestAddr pa)
{
  bool emptied;

  return add (f, pa, MODE, FEW, &emptied);
}

const uint8_t *
find (Fixture *f, GuestAddr pa)
{
  return jit_find (f->jit, pa, MODE, f->page);
}

void
assert_links_to (const uint8_t *from, const uint8_t *to)
{
  int32_t distance;

  memcpy (&distance, from + 1, 4);
  assert_int_equal (distance, to != NULL ? to - (from + 1) : 0);
}

void
link_jump (Fixture *f, const uint8_t *from, const uint8_t *to)
{
  jit_link (f->jit, (void *) (from + 1), to);
}
