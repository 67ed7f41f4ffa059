// SPDX-License-Identifier: GPL-3.0-or-later
// Integer instructions on a bare CPU: a few known results of each kind. Random operands are compared
// with another emulator by tests/differential.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "bare-cpu.h"

#define ONES UINT64_MAX
#define TOP  (UINT64_C (1) << 63)
#define OLD  UINT64_C (0x1111222233334444) // x0 before

enum {
  N = 8,
  Z = 4,
  C = 2,
  V = 1,
};

typedef struct IntCase {
  const char *text;
  uint32_t insn;
  uint64_t x1, x2;
  unsigned nzcv; // before
  uint64_t x0;
  unsigned nzcv_after;
} IntCase;

static const IntCase cases[] = {
    {"adds x0, x1, x2", 0xab020020, INT64_MAX, 1, 0, TOP, N | V},
    {"adds w0, w1, w2", 0x2b020020, 0xffffffff, 1, V, 0, Z | C},
    {"subs x0, x1, x2", 0xeb020020, 0, 1, Z, ONES, N},
    {"subs x0, x1, x2", 0xeb020020, 5, 5, 0, 0, Z | C},
    {"subs w0, w1, w2", 0x6b020020, 0x80000000, 1, 0, 0x7fffffff, C | V},
    {"adcs x0, x1, x2", 0xba020020, ONES, 0, C, 0, Z | C},
    {"sbcs x0, x1, x2", 0xfa020020, 0, 0, 0, ONES, N},
    {"sbcs w0, w1, w2", 0x7a020020, 5, 5, C, 0, Z | C},
    {"add x0, sp, #0xfff, lsl #12", 0x917fffe0, 0, 0, 0, 0x1000000, 0},
    {"add x0, x1, w2, sxtb #2", 0x8b228820, 0x100, 0x1ff, 0, 0xfc, 0},
    {"sub x0, x1, w2, uxth #4", 0xcb223020, 0x100000, 0xabcdffff, 0, 0x10, 0},
    {"add x0, x1, x2, asr #63", 0x8b82fc20, 5, TOP, 0, 4, 0},
    {"ands w0, w1, w2", 0x6a020020, 0xf000000080000000, ONES, C | V, 0x80000000, N},
    {"and x0, x1, #0x5555555555555555", 0x9200f020, ONES, 0, 0, 0x5555555555555555, 0},
    {"orr w0, w1, #0x80000001", 0x32010420, 0xffffffff00000010, 0, 0, 0x80000011, 0},
    {"eor x0, x1, #0xff00ff00ff00ff00", 0xd2089c20, 0, 0, 0, 0xff00ff00ff00ff00, 0},
    {"and x0, x1, #0xfffffffffffffffe", 0x927ff820, ONES, 0, 0, ONES - 1, 0},
    {"movz x0, #0x1234, lsl #48", 0xd2e24680, 0, 0, 0, 0x1234000000000000, 0},
    {"movn w0, #0", 0x12800000, 0, 0, 0, 0xffffffff, 0},
    {"movk x0, #0xabcd, lsl #16", 0xf2b579a0, 0, 0, 0, 0x11112222abcd4444, 0},
    {"ubfx x0, x1, #8, #8", 0xd3483c20, 0xabcdef, 0, 0, 0xcd, 0},
    {"sbfiz x0, x1, #60, #2", 0x93440420, 2, 0, 0, 0xe000000000000000, 0},
    {"bfi x0, x1, #4, #8", 0xb37c1c20, 0xff, 0, 0, 0x1111222233334ff4, 0},
    {"bfxil w0, w1, #16, #16", 0x33107c20, 0xabcd0000, 0, 0, 0x3333abcd, 0},
    {"asr w0, w1, #31", 0x131f7c20, 0x80000000, 0, 0, 0xffffffff, 0},
    {"lsl x0, x1, #1", 0xd37ff820, TOP | TOP >> 1 | 1, 0, 0, TOP | 2, 0},
    {"extr x0, x1, x2, #4", 0x93c21020, 0xf, 0x1230, 0, 0xf000000000000123, 0},
    {"ror w0, w1, #8", 0x13812020, 0x11223344, 0, 0, 0x44112233, 0},
    {"lslv x0, x1, x2", 0x9ac22020, 1, 65, 0, 2, 0},
    {"rorv w0, w1, w2", 0x1ac22c20, 1, 33, 0, 0x80000000, 0},
    {"udiv x0, x1, x2", 0x9ac20820, 5, 0, 0, 0, 0},
    {"sdiv w0, w1, w2", 0x1ac20c20, 0x80000000, 0xffffffff, 0, 0x80000000, 0},
    {"sdiv x0, x1, x2", 0x9ac20c20, TOP, ONES, 0, TOP, 0},
    {"sdiv x0, x1, x2", 0x9ac20c20, -UINT64_C (7), 2, 0, -UINT64_C (3), 0},
    {"smulh x0, x1, x2", 0x9b427c20, TOP, 2, 0, ONES, 0},
    {"umulh x0, x1, x2", 0x9bc27c20, ONES, ONES, 0, ONES - 1, 0},
    {"smaddl x0, w1, w2, x3", 0x9b220c20, 0xfffffffe, 3, 0, 94, 0}, // x3 is 100
    {"msub w0, w1, w2, w3", 0x1b028c20, 7, 9, 0, 37, 0},
    {"rbit w0, w1", 0x5ac00020, 1, 0, 0, 0x80000000, 0},
    {"rev16 x0, x1", 0xdac00420, 0x0123456789abcdef, 0, 0, 0x23016745ab89efcd, 0},
    {"rev32 x0, x1", 0xdac00820, 0x0123456789abcdef, 0, 0, 0x67452301efcdab89, 0},
    {"rev x0, x1", 0xdac00c20, 0x0123456789abcdef, 0, 0, 0xefcdab8967452301, 0},
    {"clz w0, w1", 0x5ac01020, 0, 0, 0, 32, 0},
    {"cls x0, x1", 0xdac01420, ONES, 0, 0, 63, 0},
    {"csel x0, x1, x2, lt", 0x9a82b020, 1, 2, N, 1, N},
    {"csel x0, x1, x2, lt", 0x9a82b020, 1, 2, N | V, 2, N | V},
    {"csneg w0, w1, w2, eq", 0x5a820420, 5, 1, 0, 0xffffffff, 0},
    {"ccmp x1, x2, #0xd, ne", 0xfa42102d, 1, 2, Z, OLD, N | Z | V},
    {"ccmp x1, x2, #0xd, ne", 0xfa42102d, 1, 2, V, OLD, N},
    {"ccmn w1, #3, #0, al", 0x3a43e820, 0xfffffffd, 0, 0, OLD, Z | C},
    {"cfinv", 0xd500401f, 0, 0, N, OLD, N | C},
    {"rmif x1, #60, #0xf", 0xba1e042f, 0xa000000000000000, 0, Z | V, OLD, N | C},
    {"setf8 w1", 0x3a00082d, 0x180, 0, C, OLD, N | C},
    {"setf8 w1", 0x3a00082d, 0x80, 0, Z, OLD, N | V},
    {"setf16 w1", 0x3a00482d, 0x10000, 0, N, OLD, Z | V},
    {"xaflag", 0xd500403f, 0, 0, Z | C, OLD, Z | C},
    {"xaflag", 0xd500403f, 0, 0, Z, OLD, C | V},
    {"xaflag", 0xd500403f, 0, 0, 0, OLD, N},
    {"axflag", 0xd500405f, 0, 0, C | V, OLD, Z},
    {"axflag", 0xd500405f, 0, 0, N, OLD, 0},
    {"axflag", 0xd500405f, 0, 0, C, OLD, C},
};

static void
test_results (void **state)
{
  BareCpu *bare = bare_cpu_new ();

  for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const IntCase *c = &cases[i];

    print_message ("%s\n", c->text);
    bare->cpu.x[0] = OLD;
    bare->cpu.x[1] = c->x1;
    bare->cpu.x[2] = c->x2;
    bare->cpu.x[3] = 100;
    bare->cpu.x[A64_SP] = 0x1000;
    bare->cpu.nzcv = c->nzcv << 28;
    assert_true (bare_cpu_run (bare, c->insn));
    assert_true (bare->stopped);
    assert_int_equal (bare->cpu.x[0], c->x0);
    assert_int_equal (bare->cpu.nzcv >> 28, c->nzcv_after);
    assert_int_equal (bare->cpu.nzcv & 0x0fffffff, 0);
  }
  bare_cpu_free (bare);
}

// The check values of the two polynomials, a byte at a time and eight at once.
static void
test_crc (void **state)
{
  static const struct {
    uint32_t byte, doubleword, check;
  } polynomials[] = {
      {0x1ac24020, 0x9ac24c20, 0xcbf43926}, // crc32b, crc32x w0, w1, w2
      {0x1ac25020, 0x9ac25c20, 0xe3069283}, // crc32cb, crc32cx
  };
  static const char text[] = "123456789";
  BareCpu *bare = bare_cpu_new ();

  for (unsigned i = 0; i < 2; i++) {
    bare->cpu.x[1] = 0xffffffff;
    for (unsigned k = 0; k < 9; k++) {
      bare->cpu.x[2] = 0xabcd00 | (uint8_t) text[k];
      assert_true (bare_cpu_run (bare, polynomials[i].byte));
      bare->cpu.x[1] = bare->cpu.x[0];
    }
    assert_int_equal (bare->cpu.x[0] ^ 0xffffffff, polynomials[i].check);
    bare->cpu.x[1] = 0xffffffff;
    memcpy (&bare->cpu.x[2], text, 8);
    assert_true (bare_cpu_run (bare, polynomials[i].doubleword));
    bare->cpu.x[1] = bare->cpu.x[0];
    bare->cpu.x[2] = '9';
    assert_true (bare_cpu_run (bare, polynomials[i].byte));
    assert_int_equal (bare->cpu.x[0] ^ 0xffffffff, polynomials[i].check);
  }
  bare_cpu_free (bare);
}

// Register 31: SP or zero as each instruction has it.
static void
test_register_31 (void **state)
{
  BareCpu *bare = bare_cpu_new ();

  bare->cpu.x[A64_SP] = 0x40;
  bare->cpu.x[1] = 5;
  assert_true (bare_cpu_run (bare, 0x910023ff)); // add sp, sp, #8
  assert_int_equal (bare->cpu.x[A64_SP], 0x48);
  assert_true (bare_cpu_run (bare, 0xb10023ff)); // cmn sp, #8
  assert_int_equal (bare->cpu.x[A64_SP], 0x48);
  assert_int_equal (bare->cpu.nzcv, 0);
  assert_true (bare_cpu_run (bare, 0xaa1f03e0)); // mov x0, xzr
  assert_int_equal (bare->cpu.x[0], 0);
  assert_true (bare_cpu_run (bare, 0x8b01003f)); // add xzr, x1, x1
  assert_true (bare_cpu_run (bare, 0xb2401fff)); // orr sp, xzr, #0xff
  assert_int_equal (bare->cpu.x[A64_SP], 0xff);
  assert_true (bare_cpu_run (bare, 0x8b21603f)); // add sp, x1, x1
  assert_int_equal (bare->cpu.x[A64_SP], 10);
  assert_int_equal (bare->cpu.x[A64_ZR], 0);
  bare_cpu_free (bare);
}

// Reserved field combinations are not instructions.
static void
test_unallocated (void **state)
{
  static const uint32_t words[] = {
      0x12400020,                                  // and w0, w1 with N set
      0x9240fc20,                                  // and x0, x1 with a mask of all ones
      0x9200fc20,                                  // the same with elements of two bits
      0x52c00000,                                  // movz w0, lsl #32
      0x0bc20020,                                  // add w0, w1, w2, ror
      0x0b028020,                                  // add w0, w1, w2, lsl #32
      0x8b227420,                                  // add x0, x1, x2, uxtx #5
      0x53002020 | 1u << 15,                       // ubfm w0 with imms above 31
      0x13c21020,                                  // extr w0 with N set
      0x5ac00c20,                                  // rev64 w0
      0xdac01820,                                  // ctz x0, x1: not this CPU's
      0x54000010,                                  // bc.eq
      0xd61f0021,                                  // br with bits set
      0x38200020 | 1u << 14 | 1u << 15 | 1u << 12, // unassigned atomic
      0x38600800,                                  // ldrb with a reserved extension
      0xdc000000,                                  // literal, reserved
  };
  BareCpu *bare = bare_cpu_new ();

  for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++) {
    print_message ("%08x\n", words[i]);
    assert_false (bare_cpu_run (bare, words[i]));
  }
  bare_cpu_free (bare);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_results),
      cmocka_unit_test (test_crc),
      cmocka_unit_test (test_register_31),
      cmocka_unit_test (test_unallocated),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
