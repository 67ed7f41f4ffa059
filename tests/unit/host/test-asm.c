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

const char *const alu_names[8] = {"add", "or", "adc", "sbb", "and", "sub", "xor", "cmp"};
const char *const unary_names[8] = {"", "", "not", "neg", "mul", "imul", "div", "idiv"};
const char *const shift_names[8] = {"rol", "ror", "rcl", "rcr", "shl", "shr", "", "sar"};
const char *const bt_names[8] = {"", "", "", "", "bt", "bts", "btr", "btc"};
const char *const cc_names[16] = {"o", "no", "b", "ae", "e", "ne", "be", "a",
                                  "s", "ns", "p", "np", "l", "ge", "le", "g"};

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
      TEST (test_int_bmi),           TEST (test_int_constants),
      TEST (test_int_immediates),    TEST (test_int_pairs),
      TEST (test_int_rest),          TEST (test_int_singles),
      TEST (test_jump_backward),     TEST (test_jump_forward),
      TEST (test_jump_known),        TEST (test_jump_nops),
      TEST (test_jump_short),        TEST (test_mem_addresses),
      TEST (test_mem_constant_base), TEST (test_mem_constructors),
      TEST (test_mem_forms),         TEST (test_room),
      TEST (test_room_labels),       TEST (test_vectors),
      TEST (test_vector_moves),      TEST (test_vector_sha),
  };

  if (argc != 3)
    return 77;
  g_random_set_seed (1);
  programs[0] = argv[1];
  programs[1] = argv[2];
  return cmocka_run_group_tests (tests, NULL, NULL);
}
