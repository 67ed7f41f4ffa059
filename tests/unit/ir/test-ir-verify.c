// SPDX-License-Identifier: GPL-3.0-or-later
// The verifier: a region that is right, and what it says of each way to spoil it. The printer, which
// shows what is wrong.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "engine/ir/uop.h"

// 100: t0 = x1 + 1; x2 = [t0]
// 104: L0: subs x3, x3, #1; 108: if (ne) L0; 10c: if (x3 == 0) L1; 110: tier 0, leave
// 200: L1: [sp + 16], .. = x2, zero; leave
enum {
  ADDI,
  LD,
  LABEL0,
  SUBSI,
  BCOND,
  CBZ,
  INTERP,
  LABEL1,
  ST2,
  LEAVE,
  N_UOPS,
};

static const Uop uops[N_UOPS] = {
    [ADDI] = {.op = UOP_ADDI, .d = IR_TEMP, .a = 1, .pc_off = 0x100, .imm = 1, .flags = UOP_FIRST},
    [LD] = {.op = UOP_LD, .d = 2, .a = IR_TEMP, .aux = 3, .pc_off = 0x100, .flags = UOP_W64},
    [LABEL0] = {.op = UOP_LABEL, .imm = 0, .pc_off = 0x104, .flags = UOP_LOOP},
    [SUBSI] =
        {.op = UOP_SUBSI, .d = 3, .a = 3, .imm = 1, .pc_off = 0x104, .flags = UOP_W64 | UOP_FIRST},
    [BCOND] = {.op = UOP_BCOND, .aux = IR_NE, .pc_off = 0x108, .flags = UOP_FIRST | UOP_LOCAL},
    [CBZ] = {.op = UOP_CBZ, .a = 3, .imm = 1, .pc_off = 0x10c, .flags = UOP_FIRST | UOP_LOCAL},
    [INTERP] = {.op = UOP_INTERP_END, .imm = 0, .pc_off = 0x110, .flags = UOP_FIRST},
    [LABEL1] = {.op = UOP_LABEL, .imm = 1, .pc_off = 0x200},
    [ST2] = {.op = UOP_ST2,
             .d = 2,
             .a = IR_SP,
             .c = IR_ZERO,
             .aux = 3,
             .imm = 16,
             .pc_off = 0x200,
             .flags = UOP_FIRST},
    [LEAVE] = {.op = UOP_B, .imm = 0x204, .pc_off = 0x200},
};

static IrRegion region;

static void
build (void)
{
  memset (&region, 0, sizeof region);
  region.entry = 0x100;
  for (unsigned i = 0; i < N_UOPS; i++)
    *ir_append (&region, uops[i].op) = uops[i];
  region.n_labels = 2;
  region.n_insns = 6;
  region.label_pc[0] = 0x104;
  region.label_pc[1] = 0x200;
  region.n_spans = 2;
  region.spans[0] = (IrSpan){0x100, 20};
  region.spans[1] = (IrSpan){0x200, 4};
  ir_find_live_flags (&region);
}

static void
test_right (void **state)
{
  unsigned at;

  (void) state;
  build ();
  assert_null (ir_verify (&region, &at));
}

// One field of one uop.
#define SPOIL(uop, field, value, message)                                                          \
  {                                                                                                \
    uop, offsetof (Uop, field), sizeof (((Uop *) NULL)->field), value, message                     \
  }

static const struct {
  unsigned uop;
  size_t offset, size;
  int64_t value;
  const char *message;
} spoilt[] = {
    SPOIL (ADDI, op, UOP_N, "there is no such uop"),
    SPOIL (ADDI, d, IR_N_REGS, "there is no such register"),
    SPOIL (ADDI, d, IR_ZERO, "the zero register is written"),
    SPOIL (ADDI, a, IR_SINK, "the sink is read"),
    SPOIL (ADDI, d, 4, "a temporary is read before it is written"),
    SPOIL (SUBSI, a, IR_TEMP, "a temporary is read before it is written"),
    SPOIL (ADDI, flags, 0, "an instruction has no first uop"),
    SPOIL (SUBSI, flags, UOP_W64, "an instruction has no first uop"),
    SPOIL (LD, pc_off, 0x104, "an instruction has no first uop"),
    SPOIL (LD, pc_off, 0x102, "an instruction is outside the page"),
    SPOIL (LABEL1, flags, UOP_FIRST, "a label is no instruction"),
    SPOIL (LD, aux, 4, "no memory access has this size"),
    SPOIL (LD, aux2, 0x80, "unknown bits of a memory access"),
    SPOIL (ST2, aux2, IR_MEM_SIGNED, "only loads of general registers extend"),
    SPOIL (BCOND, aux, 16, "no such condition"),
    SPOIL (BCOND, imm, 2, "a target is not in the region"),
    SPOIL (CBZ, imm, -1, "a target is not in the region"),
    SPOIL (LEAVE, imm, 0x206, "a target is between instructions"),
    SPOIL (INTERP, imm, IR_MAX_INSNS, "no such instruction"),
    SPOIL (LABEL0, flags, 0, "a loop has no label that polls"),
    SPOIL (LABEL0, imm, 2, "there is no such label"),
    SPOIL (LABEL0, imm, 1, "a label is not where it says"),
    SPOIL (LABEL0, pc_off, 0x108, "a label is not where it says"),
    SPOIL (LABEL1, op, UOP_NOP, "a target is not in the region"),
    SPOIL (CBZ, op, UOP_B, "uops that nothing leads to"),
    SPOIL (LEAVE, op, UOP_FENCE, "the region has no end"),
    SPOIL (SUBSI, flags, UOP_W64 | UOP_FIRST, "flags that are used are lost"),
    SPOIL (ST2, flags, 0, "an instruction has no first uop"),
};

static void
test_spoilt (void **state)
{
  (void) state;
  for (unsigned i = 0; i < sizeof spoilt / sizeof spoilt[0]; i++) {
    const char *message;
    unsigned at;

    build ();
    memcpy ((char *) &region.uops[spoilt[i].uop] + spoilt[i].offset, &spoilt[i].value,
            spoilt[i].size);
    message = ir_verify (&region, &at);
    if (message == NULL || strcmp (message, spoilt[i].message) != 0)
      fail_msg ("row %u: \"%s\" at %u, not \"%s\"", i, message, at, spoilt[i].message);
  }
}

static const char *
verify (void)
{
  unsigned at;
  const char *message = ir_verify (&region, &at);

  return message != NULL ? message : "nothing";
}

static void
test_whole (void **state)
{
  (void) state;
  build ();
  region.n_insns = 5;
  assert_string_equal (verify (), "instructions, uops and pieces of code do not agree");
  build ();
  region.spans[0].offset = 0x104;
  assert_string_equal (verify (), "the first piece of code is not at the entry");
  build ();
  region.spans[1].offset = 0xffe;
  assert_string_equal (verify (), "a piece of code is outside the page");
  build ();
  region.label_live[0] = false;
  region.uops[SUBSI].a = 4;
  region.uops[SUBSI].op = UOP_ADCS;
  assert_string_equal (verify (), "flags used behind a label are lost");
  build ();
  region.uops[LABEL1].imm = 0;
  region.uops[LABEL1].pc_off = 0x104;
  assert_string_equal (verify (), "a label is in two places");
  region.n_uops = 0;
  assert_string_equal (verify (), "nothing, or too much");
}

static void
test_full (void **state)
{
  (void) state;
  region.n_uops = 0;
  region.overflow = false;
  for (unsigned i = 0; i < IR_MAX_UOPS + 100; i++)
    assert_ptr_not_equal (ir_append (&region, UOP_NOP), NULL);
  assert_true (region.overflow);
  assert_true (region.n_uops < IR_MAX_UOPS);
}

static void
test_printer (void **state)
{
  static const char *const lines[N_UOPS] = {
      "100: ADDI t0, x1, 0x1",
      "100  LD.64 x2, t0 +0 (8 bytes)",
      "104  LABEL L0 loop",
      "104: SUBSI.64 x3, x3, 0x1 live",
      "108: BCOND ne L0",
      "10c: CBZ x3, L1",
      "110: INTERP_END 0 live",
      "200  LABEL L1",
      "200: ST2 x2, sp, zero +16 (8 bytes)",
      "200  B page+516",
  };
  char text[80], small[8];

  (void) state;
  build ();
  for (unsigned i = 0; i < N_UOPS; i++) {
    ir_print_uop (&region.uops[i], text, sizeof text);
    assert_string_equal (text, lines[i]);
  }
  ir_print_uop (&region.uops[LD], small, sizeof small);
  assert_string_equal (small, "100  LD");
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_right), cmocka_unit_test (test_spoilt),  cmocka_unit_test (test_whole),
      cmocka_unit_test (test_full),  cmocka_unit_test (test_printer),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
