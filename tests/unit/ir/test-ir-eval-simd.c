// SPDX-License-Identifier: GPL-3.0-or-later
// The meaning of uops on lanes of integers, by an example each.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "engine/ir/eval.h"

#define Q    UOP_Q
#define ONES UINT64_MAX

enum { B, H, S, D };

typedef struct Example {
  IrOp op;
  unsigned flags;
  uint8_t aux, aux2;
  int64_t imm;
  uint64_t a[2], b[2];
  uint64_t d[2];
} Example;

// What d and c are before.
static const IrVector old = {.d = {0x1111111122222222, 0x3333333344444444}};
static const IrVector third = {.d = {0xffff0000ffff0000, 0x00000000ffffffff}};

static const Example examples[] = {
    {UOP_VMOV, 0, 0, 0, 0, {5, 6}, {0}, {5, 0}},
    {UOP_VMOV, Q, 0, 0, 0, {5, 6}, {0}, {5, 6}},
    {UOP_VMOVI, Q, 0, 0, 7, {0}, {0}, {7, 7}},
    {UOP_VMOVI, 0, 0, 0, 7, {0}, {0}, {7, 0}},
    {UOP_VANDI, Q, 0, 0, 0xf0, {0xff, 0x1f}, {0}, {0xf0, 0x10}},
    {UOP_VORI, 0, 0, 0, 0xf0, {0x0f, 1}, {0}, {0xff, 0}},
    {UOP_VNOT, 0, 0, 0, 0, {ONES - 1, 0}, {0}, {1, 0}},
    {UOP_VAND, Q, 0, 0, 0, {0xff, 12}, {0x0f, 10}, {0x0f, 8}},
    {UOP_VBIC, 0, 0, 0, 0, {0xff, 12}, {0x0f, 10}, {0xf0, 0}},
    {UOP_VOR, Q, 0, 0, 0, {0xf0, 12}, {0x0f, 3}, {0xff, 15}},
    {UOP_VORN, 0, 0, 0, 0, {1, 0}, {ONES - 2, 0}, {3, 0}},
    {UOP_VXOR, Q, 0, 0, 0, {0xff, 12}, {0x0f, 10}, {0xf0, 6}},
    {UOP_VSELECT, Q, 0, 0, 0, {0x1234567812345678, 1}, {9, 9}, {0x1234000012340009, 1}},

    {UOP_VADD, 0, B, 0, 0, {0xff7f}, {0x0101}, {0x0080}},
    {UOP_VADD, Q, D, 0, 0, {ONES, 1}, {1, 1}, {0, 2}},
    {UOP_VSUB, 0, H, 0, 0, {0x00010000}, {0x00020001}, {0xffffffff}},
    {UOP_VMUL, 0, B, 0, 0, {0x1003}, {0x1005}, {0x000f}},
    {UOP_VSMAX, 0, B, 0, 0, {0x80ff}, {0x7f01}, {0x7f01}},
    {UOP_VUMAX, 0, B, 0, 0, {0x80ff}, {0x7f01}, {0x80ff}},
    {UOP_VSMIN, 0, H, 0, 0, {0x8000}, {1}, {0x8000}},
    {UOP_VUMIN, 0, H, 0, 0, {0x8000}, {1}, {1}},
    {UOP_VSABD, 0, B, 0, 0, {0x80}, {0x7f}, {0xff}},
    {UOP_VUABD, 0, B, 0, 0, {0x80}, {0x7f}, {1}},
    {UOP_VHALVE, 0, B, 0, 0, {0xff}, {0x02}, {0x80}},
    {UOP_VHALVE, 0, B, IR_VHALVE_SIGNED | IR_VHALVE_ROUND, 0, {0xff}, {0x02}, {0x01}},
    {UOP_VHALVE, 0, B, IR_VHALVE_SUB, 0, {0x00}, {0x01}, {0xff}},
    {UOP_VCMP, 0, B, IR_VHI, 0, {0x80ff}, {0x7fff}, {0xff00}},
    {UOP_VCMP, 0, H, IR_VTST, 0, {0x10002}, {0x20002}, {0xffff}},
    {UOP_VCMP0, 0, D, IR_VLT, 0, {ONES}, {0}, {ONES}},
    {UOP_VABS, 0, B, 0, 0, {0x80ff}, {0}, {0x8001}},
    {UOP_VNEG, 0, S, 0, 0, {0x100000000}, {0}, {0xffffffff00000000}},
    {UOP_VCNT, 0, B, 0, 0, {0xff8001}, {0}, {0x080101}},
    {UOP_VRBIT, 0, B, 0, 0, {0x80c1}, {0}, {0x0183}},
    {UOP_VREV, 0, B, 2, 0, {0x0102030405060708}, {0}, {0x0403020108070605}},
    {UOP_VREV, Q, H, 3, 0, {0x0001000200030004, 1}, {0}, {0x0004000300020001, 0x0001000000000000}},
    {UOP_VDOT, 0, S, 3, 0, {0x01020304}, {0xff0101ff}, {0x1111111122222222}},
    {UOP_VDOT, 0, S, 0, 0, {0x01020304}, {0xff0101ff}, {0x1111111122222722}},

    {UOP_VSHL, 0, B, 0, 4, {0x1234}, {0}, {0x2040}},
    {UOP_VUSHR, 0, H, 0, 16, {0xffff8000}, {0}, {0}},
    {UOP_VSSHR, 0, H, 0, 16, {0x7fff8000}, {0}, {0xffff}},
    {UOP_VURSHR, 0, B, 0, 8, {0x807f}, {0}, {0x0100}},
    {UOP_VSRSHR, 0, B, 0, 1, {0xff03}, {0}, {0x0002}},

    {UOP_VUXTL, Q, B, 0, 0, {0x80ff, 1}, {0}, {0x008000ff, 0}},
    {UOP_VUXTL, Q, S, 1, 0, {5, 0x8000000000000001}, {0}, {1, 0x80000000}},
    {UOP_VSXTL, Q, S, 0, 0, {0x80000000}, {0}, {0xffffffff80000000, 0}},
    {UOP_VUMULL, Q, S, 0, 0, {0xffffffff}, {0xffffffff}, {0xfffffffe00000001, 0}},
    {UOP_VSMULL, Q, H, 1, 0, {7, 0x8000}, {7, 2}, {0xffff0000, 0}},
    {UOP_VUADDLP, 0, B, 0, 0, {0xffff}, {0}, {0x01fe}},
    {UOP_VSADDLP, Q, S, 0, 0, {0x80000000ffffffff, 1}, {0}, {0xffffffff7fffffff, 1}},
    {UOP_VXTN, Q, B, 0, 0, {0x01020304, 0x05}, {9}, {0x0000000500000204, 0}},
    {UOP_VXTN, Q, S, 1, 0, {0x100000002, 3}, {9, 9}, {9, 0x300000002}},

    {UOP_VDUPE, 0, B, 9, 0, {1, 0x2300}, {0}, {0x2323232323232323}},
    {UOP_VGETE, 0, H, 4, 0, {1, 0x12345}, {0}, {0x2345}},
    {UOP_VSETE, Q, S, 1, 2, {1, 0x12345}, {0}, {0x0001234522222222, 0x3333333344444444}},
    {UOP_VEXT, Q, B, 0, 15, {1, 0x5500000000000000}, {0x0102, 0}, {0x010255, 0}},
    {UOP_VEXT, 0, B, 0, 7, {0x5500000000000000, 9}, {0x0102, 0}, {0x010255, 0}},
    {UOP_VZIP1, Q, S, 0, 0, {0x200000001, 9}, {0x400000003, 9}, {0x300000001, 0x400000002}},
    {UOP_VZIP2, 0, H, 0, 0, {0x0002000100000000}, {0x0004000300000000}, {0x0004000200030001}},
    {UOP_VUZP1, 0, H, 0, 0, {0x0004000300020001}, {0x0008000700060005}, {0x0007000500030001}},
    {UOP_VUZP2, Q, D, 0, 0, {1, 2}, {3, 4}, {2, 4}},
    {UOP_VTRN1, 0, B, 0, 0, {0x0201}, {0x0403}, {0x0301}},
    {UOP_VTRN2, 0, B, 0, 0, {0x0201}, {0x0403}, {0x0402}},
    {UOP_VTBL, 0, B, 1, 0, {0x0706050403020100}, {0x10ff02000f}, {0x0000020000}},
    {UOP_VTBX, 0, B, 1, 0, {0x0706050403020177}, {0x10ff020000}, {0x7777771122027777}},

    {UOP_VADDP, 0, H, 0, 0, {0x0004000300020001}, {1}, {0x0000000100070003}},
    {UOP_VSMAXP, 0, S, 0, 0, {0x80000000ffffffff}, {3}, {0x00000003ffffffff}},
    {UOP_VUMAXP, 0, S, 0, 0, {0x80000000ffffffff}, {3}, {0x00000003ffffffff}},
    {UOP_VSMINP, 0, B, 0, 0, {0x80ff}, {0}, {0x80}},
    {UOP_VUMINP, 0, B, 0, 0, {0x80ff}, {0}, {0x80}},
    {UOP_VADDV, Q, B, 0, 0, {0x8080, 3}, {0}, {3, 0}},
    {UOP_VSMAXV, 0, B, 0, 0, {0x80ff, 3}, {0}, {0}},
    {UOP_VUMAXV, 0, B, 0, 0, {0x80ff, 3}, {0}, {0xff}},
    {UOP_VSMINV, 0, B, 0, 0, {0x80ff, 3}, {0}, {0x80}},
    {UOP_VUMINV, Q, H, 0, 0, {0x0005000400070006, ONES}, {0}, {4}},
    {UOP_VXAR, Q, D, 0, 4, {0x11, 0}, {0x01, 1}, {0x01, UINT64_C (1) << 60}},
    {UOP_VRAX, Q, D, 0, 0, {1, 0}, {UINT64_C (1) << 63, 3}, {0, 6}},
};

static void
test_examples (void **state)
{
  (void) state;
  for (unsigned i = 0; i < sizeof examples / sizeof examples[0]; i++) {
    const Example *x = &examples[i];
    IrEval e = {.v[1] = {.d = {x->a[0], x->a[1]}}, .v[2] = {.d = {x->b[0], x->b[1]}}};
    Uop u = {.op = (uint16_t) x->op, .flags = (uint16_t) x->flags, .aux = x->aux, .aux2 = x->aux2};

    u.d = 4;
    u.a = 1;
    u.b = 2;
    u.c = 3;
    u.imm = x->imm;
    e.v[3] = third;
    e.v[4] = old;
    assert_true (ir_eval_simd (&e, &u));
    if (memcmp (&e.v[4], x->d, 16) != 0)
      print_error ("%s, example %u\n", ir_names[x->op], i);
    assert_memory_equal (&e.v[4], x->d, 16);
  }
}

static void
test_general_registers (void **state)
{
  IrEval e = {.x[1] = 0x180, .v[2] = {.d = {0x8000, 0xff00}}};
  const Uop dup = {.op = UOP_VDUPR, .flags = Q, .aux = B, .d = 0, .a = 1};
  const Uop set = {.op = UOP_VSETR, .flags = Q, .aux = H, .aux2 = 1, .d = 0, .a = IR_ZERO};
  const Uop get = {.op = UOP_VGETR, .aux = H, .d = 3, .a = 2, .imm = 1};
  const Uop get_64 = {.op = UOP_VGETR, .flags = UOP_W64, .aux = B, .aux2 = 9, .d = 4, .a = 2};

  (void) state;
  assert_true (ir_eval_simd (&e, &dup) && ir_eval_simd (&e, &set));
  assert_int_equal (e.v[0].d[0], 0x8080808000008080);
  assert_int_equal (e.v[0].d[1], 0x8080808080808080);
  assert_true (ir_eval_simd (&e, &get) && ir_eval_simd (&e, &get_64));
  assert_int_equal (e.x[3], 0xffff8000);
  assert_int_equal (e.x[4], 0xff);
}

// But for those whose meaning is tier 0's, and those above.
static void
test_all_have_one (void **state)
{
  static const IrOp simd[] = {
#define IR_UOP(name, shape, properties, meaning) UOP_##name,
#include "engine/ir/uop-simd.inc"
#undef IR_UOP
  };
  bool has[UOP_N] = {[UOP_VDUPR] = true, [UOP_VSETR] = true, [UOP_VGETR] = true};

  (void) state;
  for (unsigned i = 0; i < sizeof examples / sizeof examples[0]; i++)
    has[examples[i].op] = true;
  for (unsigned i = 0; i < sizeof simd / sizeof simd[0]; i++) {
    if (!has[simd[i]] && !(ir_info[simd[i]].properties & IR_TIER0))
      print_error ("%s has no example\n", ir_names[simd[i]]);
    assert_true (has[simd[i]] || (ir_info[simd[i]].properties & IR_TIER0) != 0);
  }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_examples),
      cmocka_unit_test (test_general_registers),
      cmocka_unit_test (test_all_have_one),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
