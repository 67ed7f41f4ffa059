// SPDX-License-Identifier: GPL-3.0-or-later
// Which flags are used: straight code, branches out and in, loops.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "engine/ir/uop.h"

enum { MAX = 12, OUT = -1 };

// A uop, the label of its own or its target (OUT: it leaves), and whether NZCV is used behind it.
typedef struct Step {
  IrOp op;
  int label;
  bool live;
} Step;

typedef struct Example {
  const char *name;
  Step steps[MAX];
  unsigned n_loops; // labels from 0 that are loops'
} Example;

static const Example examples[] = {
    {"nothing is known where the region is left", {{UOP_SUBSI, 0, true}, {UOP_B, OUT, true}}, 0},
    {"overwritten", {{UOP_SUBSI, 0, false}, {UOP_ADDSI, 0, true}, {UOP_JUMP, 0, true}}, 0},
    {"read, then overwritten",
     {{UOP_SUBSI, 0, true}, {UOP_CSEL, 0, false}, {UOP_ANDS, 0, true}, {UOP_JUMP, 0, true}},
     0},
    {"read and overwritten at once",
     {{UOP_SUBS, 0, true}, {UOP_ADCS, 0, false}, {UOP_PUTFLAGS, 0, true}, {UOP_B, OUT, true}},
     0},
    {"a conditional exit",
     {{UOP_SUBSI, 0, true}, {UOP_CBZ, OUT, true}, {UOP_ANDS, 0, true}, {UOP_B, OUT, true}},
     0},
    {"tier 0 with and without flags",
     {{UOP_SUBS, 0, true},
      {UOP_INTERP_FLAGS, 0, false},
      {UOP_INTERP, 0, false},
      {UOP_INTERP_VEC, 0, false},
      {UOP_ADDS, 0, true},
      {UOP_INTERP_END, 0, true}},
     0},
    {"a label forward behind which they are not used",
     {{UOP_SUBS, 0, false},
      {UOP_CBZ, 0, false},
      {UOP_ADDS, 0, false},
      {UOP_LABEL, 0, false},
      {UOP_ANDS, 0, true},
      {UOP_B, OUT, true}},
     0},
    {"a label forward behind which they are",
     {{UOP_SUBS, 0, true},
      {UOP_CBZ, 0, true},
      {UOP_ADDS, 0, true},
      {UOP_LABEL, 0, true},
      {UOP_CSEL, 0, true},
      {UOP_B, OUT, true}},
     0},
    {"the flags of one turn are used in the next",
     {{UOP_LABEL, 0, true},
      {UOP_CSEL, 0, false},
      {UOP_SUBS, 0, true},
      {UOP_CBNZ, 0, true},
      {UOP_ANDS, 0, true},
      {UOP_JUMP, 0, true}},
     1},
    {"a loop that sets its own",
     {{UOP_LABEL, 0, false},
      {UOP_SUBS, 0, true},
      {UOP_BCOND, 0, false},
      {UOP_ANDS, 0, true},
      {UOP_JUMP, 0, true}},
     1},
    // Found in the second pass only: the use is behind the inner loop's head of the outer loop.
    {"a loop in a loop",
     {{UOP_LABEL, 0, true},
      {UOP_LABEL, 1, true},
      {UOP_CBZ, 0, true},
      {UOP_CSEL, 0, false},
      {UOP_ADDS, 0, true},
      {UOP_CBNZ, 1, true},
      {UOP_SUBS, 0, true},
      {UOP_B, 0, true}},
     2},
};

static void
build (IrRegion *region, const Example *x)
{
  static const Step none;

  *region = (IrRegion){0};
  for (unsigned i = 0; i < MAX && memcmp (&x->steps[i], &none, sizeof none) != 0; i++) {
    const Step *step = &x->steps[i];
    Uop *uop = ir_append (region, step->op);
    unsigned shape = ir_info[step->op].shape;

    if (shape == IR_SHAPE_LABEL || shape == IR_SHAPE_TARGET || shape == IR_SHAPE_TARGET_R) {
      uop->imm = step->label;
      if (shape != IR_SHAPE_LABEL && step->label != OUT)
        uop->flags = UOP_LOCAL;
    }
    if (step->op == UOP_LABEL) {
      region->n_labels++;
      uop->flags = (unsigned) step->label < x->n_loops ? UOP_LOOP : 0;
    }
  }
}

static void
test_examples (void **state)
{
  (void) state;
  for (unsigned i = 0; i < sizeof examples / sizeof examples[0]; i++) {
    static IrRegion region;

    build (&region, &examples[i]);
    ir_find_live_flags (&region);
    for (unsigned k = 0; k < region.n_uops; k++) {
      const Uop *uop = &region.uops[k];
      bool live =
          uop->op == UOP_LABEL ? region.label_live[uop->imm] : (uop->flags & UOP_FLAGS_LIVE) != 0;

      if (live != examples[i].steps[k].live)
        fail_msg ("%s: uop %u", examples[i].name, k);
    }
  }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test (test_examples)};

  return cmocka_run_group_tests (tests, NULL, NULL);
}
