// SPDX-License-Identifier: GPL-3.0-or-later
// engine/jit with a host that makes no code, for tests. A region of the fake host is so many bytes of
// 0xc0, of which the first is its entry and the next four a jump: 0 asks for a link.
#pragma once

#include "engine/jit/jit.h"

enum {
  MODE = 5,
  BYTES = 1 << 18, // chunks of 32 KiB
  START = 100,
  BODY = 0xc0,
  MARKED = 0xaa,
  BIG = 4000,
  FEW = 64,   // bytes of code
  LABEL = 16, // bytes between the code of labels
};

typedef struct Fixture {
  Jit *jit;
  IrRegion ir;
  uint8_t page[IR_PAGE_SIZE];
  uint8_t changes_meanwhile; // bits of the page
} Fixture;

// Of a test.
int setup (void **state);
int teardown (void **state);
// A region of two words at pa and two at offset 0x800 of its page. NULL: no room.
const uint8_t *try_add (Fixture *f, GuestAddr pa, uint32_t mode, unsigned bytes);
// The same with room made if need be. *emptied: a chunk was.
const uint8_t *add (Fixture *f, GuestAddr pa, uint32_t mode, unsigned bytes, bool *emptied);
// A small one of MODE; and what is found for MODE.
const uint8_t *add_one (Fixture *f, GuestAddr pa);
const uint8_t *find (Fixture *f, GuestAddr pa);
// The jump of `from` leads there; NULL: it asks for a link.
void assert_links_to (const uint8_t *from, const uint8_t *to);
// Leads the jump of `from` to what was found last.
void link_jump (Fixture *f, const uint8_t *from, const uint8_t *to);

#define TEST(name) cmocka_unit_test_setup_teardown (name, setup, teardown)
