// SPDX-License-Identifier: GPL-3.0-or-later
// The x86-64 encoder against binutils: test-asm OBJDUMP AS. Every form is emitted with operands
// at their edges and at random; objdump must read back what was meant, and as must not know a
// shorter encoding.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/host/asm-cases.h"

const char *const alu_names[8] = {
    [X64_ADD] = "add", [X64_OR] = "or",   [X64_ADC] = "adc", [X64_SBB] = "sbb",
    [X64_AND] = "and", [X64_SUB] = "sub", [X64_XOR] = "xor", [X64_CMP] = "cmp",
};
const char *const unary_names[8] = {
    [X64_NOT] = "not",   [X64_NEG] = "neg", [X64_MUL] = "mul",
    [X64_IMUL] = "imul", [X64_DIV] = "div", [X64_IDIV] = "idiv",
};
const char *const shift_names[8] = {
    [X64_ROL] = "rol", [X64_ROR] = "ror", [X64_RCL] = "rcl", [X64_RCR] = "rcr",
    [X64_SHL] = "shl", [X64_SHR] = "shr", [X64_SAR] = "sar",
};
const char *const bt_names[8] = {
    [X64_BT] = "bt", [X64_BTS] = "bts", [X64_BTR] = "btr", [X64_BTC] = "btc"};
const char *const bls_names[8] = {
    [X64_BLSR] = "blsr", [X64_BLSMSK] = "blsmsk", [X64_BLSI] = "blsi"};
const char *const cc_names[16] = {
    [X64_CC_O] = "o", [X64_CC_NO] = "no", [X64_CC_B] = "b",   [X64_CC_AE] = "ae",
    [X64_CC_E] = "e", [X64_CC_NE] = "ne", [X64_CC_BE] = "be", [X64_CC_A] = "a",
    [X64_CC_S] = "s", [X64_CC_NS] = "ns", [X64_CC_P] = "p",   [X64_CC_NP] = "np",
    [X64_CC_L] = "l", [X64_CC_GE] = "ge", [X64_CC_LE] = "le", [X64_CC_G] = "g",
};

static const char *programs[2];

X64Mem
pick_mem (Judge *judge, unsigned number, unsigned unit)
{
  static const int8_t indexes[] = {-1, X64_RAX, X64_RBP, X64_R12, X64_R13, X64_RDI};
  int32_t n = (int32_t) unit;
  const int32_t disps[] = {
      0,   1,    n,   -n,   127 * n,    128 * n,   -128 * n,  -129 * n,
      127, -128, 128, -129, 0x12345678, INT32_MAX, INT32_MIN, (int32_t) g_random_int ()};
  unsigned base = number % 16, which = number / 16;
  int32_t disp = disps[which % G_N_ELEMENTS (disps)];
  int8_t reg = indexes[which / G_N_ELEMENTS (disps) % G_N_ELEMENTS (indexes)];

  if (number % 61 == 60)
    return x64_rip (judge->code + (disp & (int32_t) (JUDGE_CODE_BYTES - 1)));
  if (number % 53 == 52)
    return x64_mem_scaled (base == X64_RSP ? X64_RBP : base, which & 3, disp);
  if (reg < 0)
    return x64_mem (base, disp);
  return x64_mem_index (base, (unsigned) reg, which & 3, disp);
}

static unsigned
names (const char *const *table, unsigned entries)
{
  unsigned count = 0;

  for (unsigned i = 0; i < entries; i++)
    count += table[i] != NULL;
  return count;
}

// No two constants are the same number, or tests would pass one over.
static void
test_names (void **state)
{
  assert_int_equal (names (alu_names, 8), 8);
  assert_int_equal (names (unary_names, 8), 6);
  assert_int_equal (names (shift_names, 8), 7);
  assert_int_equal (names (bt_names, 8), 4);
  assert_int_equal (names (bls_names, 8), 3);
  assert_int_equal (names (cc_names, 16), 16);
}

static int
set_up (void **state)
{
  Judge *judge = g_new0 (Judge, 1);

  judge_init (judge, programs[0], programs[1]);
  *state = judge;
  return 0;
}

static int
tear_down (void **state)
{
  judge_clear (*state);
  g_free (*state);
  return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown (name, set_up, tear_down)

int
main (int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_names),
      TEST (test_int_bmi),
      TEST (test_int_constants),
      TEST (test_int_immediates),
      TEST (test_int_pairs),
      TEST (test_int_rest),
      TEST (test_int_singles),
      TEST (test_jump_backward),
      TEST (test_jump_forward),
      TEST (test_jump_known),
      TEST (test_jump_nops),
      TEST (test_jump_short),
      TEST (test_mem_addresses),
      TEST (test_mem_constant_base),
      TEST (test_mem_constructors),
      TEST (test_mem_forms),
      TEST (test_room),
      TEST (test_room_labels),
      TEST (test_vectors),
      TEST (test_vector_moves),
      TEST (test_vector_sha),
  };

  if (argc != 3)
    return 77;
  g_random_set_seed (1);
  programs[0] = argv[1];
  programs[1] = argv[2];
  return cmocka_run_group_tests (tests, NULL, NULL);
}
