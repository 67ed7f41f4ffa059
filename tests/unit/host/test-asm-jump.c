// SPDX-License-Identifier: GPL-3.0-or-later
// Jumps and labels of the encoder, padding, and what happens when the buffer is full.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tests/unit/host/asm-cases.h"

static const unsigned distances[] = {0, 1, 5, 120, 126, 127, 128, 129, 200, 70000};

static unsigned
here (Judge *judge)
{
  return (unsigned) (judge->a.p - judge->code);
}

// `bytes` bytes of other instructions.
static void
fill (Judge *judge, unsigned bytes)
{
  for (; bytes > 0; bytes--) {
    x64_int3 (&judge->a);
    judge_expect (judge, "int3");
  }
}

// Several jumps of every kind to one label.
void
test_jump_forward (void **state)
{
  Judge *judge = *state;
  X64Asm *a = &judge->a;

  for (unsigned i = 0; i < G_N_ELEMENTS (distances); i++) {
    unsigned target = here (judge) + 5 + 16 * 6 + 3 + 5 + distances[i];
    X64Label label = {0};

    x64_jmp (a, &label);
    judge_expect (judge, "jmp 0x%x", target);
    for (unsigned cc = 0; cc < 16; cc++) {
      x64_jcc (a, cc, &label);
      judge_expect (judge, "j%s 0x%x", cc_names[cc], target);
    }
    fill (judge, 3);
    x64_call (a, &label);
    judge_expect (judge, "call 0x%x", target);
    fill (judge, distances[i]);
    assert_null (label.at);
    x64_bind (a, &label);
    assert_ptr_equal (label.at, a->p);
    assert_null (label.fixups);
  }
  fill (judge, 1);
  judge_decide (judge);
}

// A bound label is near when it is.
void
test_jump_backward (void **state)
{
  Judge *judge = *state;
  X64Asm *a = &judge->a;

  for (unsigned i = 0; i < G_N_ELEMENTS (distances); i++) {
    X64Label label = {0};
    unsigned target = here (judge), from;

    x64_bind (a, &label);
    fill (judge, distances[i]);
    from = here (judge);
    x64_jmp (a, &label);
    judge_expect (judge, "jmp 0x%x", target);
    assert_int_equal (here (judge) - from, distances[i] <= 126 ? 2 : 5);
    x64_call (a, &label);
    judge_expect (judge, "call 0x%x", target);
    for (unsigned cc = 0; cc < 16; cc++) {
      from = here (judge);
      x64_jcc (a, cc, &label);
      judge_expect (judge, "j%s 0x%x", cc_names[cc], target);
      assert_int_equal (here (judge) - from, from - target <= 126 ? 2 : 6);
    }
  }
  judge_decide (judge);
}

// To addresses on both sides, and again after patching.
void
test_jump_known (void **state)
{
  Judge *judge = *state;
  X64Asm *a = &judge->a;

  for (unsigned i = 0; i < G_N_ELEMENTS (distances); i++) {
    for (unsigned way = 0; way < 2; way++) {
      unsigned target = 100000 + here (judge);
      uint8_t *to, *field;

      to = a->p + 2 + distances[i];
      target = (unsigned) (to - judge->code);
      x64_jmp_to (a, to);
      judge_expect (judge, "jmp 0x%x", target);
      assert_int_equal (here (judge) - (target - distances[i]), distances[i] <= 127 ? 0 : 3);
      to = a->p + 2 + distances[i];
      target = (unsigned) (to - judge->code);
      x64_jcc_to (a, X64_CC_A, to);
      judge_expect (judge, "ja 0x%x", target);
      assert_int_equal (here (judge) - (target - distances[i]), distances[i] <= 127 ? 0 : 4);
      to = judge->code + distances[i];
      field = way == 0 ? x64_jmp_rel32 (a, a->p) : x64_jcc_rel32 (a, X64_CC_NE, a->p);
      x64_patch_rel32 (field, to);
      assert_ptr_equal (field, a->p - 4);
      judge_expect (judge, way == 0 ? "jmp 0x%x" : "jne 0x%x", distances[i]);
      judge_excuse_length (judge);
      x64_call_to (a, to);
      judge_expect (judge, "call 0x%x", distances[i]);
    }
  }
  judge_decide (judge);
}

void
test_jump_short (void **state)
{
  Judge *judge = *state;
  X64Asm *a = &judge->a;

  for (unsigned distance = 34; distance <= 127; distance += 31) {
    X64Short label = {0};
    unsigned target = here (judge) + 2 + distance;

    x64_jmp_short (a, &label);
    judge_expect (judge, "jmp 0x%x", target);
    for (unsigned cc = 0; cc < 16; cc++) {
      x64_jcc_short (a, cc, &label);
      judge_expect (judge, "j%s 0x%x", cc_names[cc], target);
    }
    fill (judge, distance - 32);
    x64_bind_short (a, &label);
    assert_null (label.fixups);
  }
  fill (judge, 1);
  judge_decide (judge);
}

void
test_jump_nops (void **state)
{
  static const char *const texts[] = {"",
                                      "nop",
                                      "xchg ax,ax",
                                      "nop DWORD PTR [rax]",
                                      "nop DWORD PTR [rax+0x0]",
                                      "nop DWORD PTR [rax+rax*1+0x0]",
                                      "nop WORD PTR [rax+rax*1+0x0]",
                                      "nop DWORD PTR [rax+0x0]",
                                      "nop DWORD PTR [rax+rax*1+0x0]"};
  Judge *judge = *state;
  uint8_t all[256], *one = judge->code;

  for (unsigned bytes = 1; bytes <= 8; bytes++) {
    unsigned from = here (judge);

    x64_nop (&judge->a, bytes);
    assert_int_equal (here (judge) - from, bytes);
    judge_expect (judge, "%s", texts[bytes]);
    judge_excuse_length (judge);
  }
  // Longer ones are made of these.
  for (unsigned bytes = 0; bytes < 64; bytes++) {
    X64Asm b = {.p = all, .end = all + sizeof all};

    x64_nop (&b, bytes);
    assert_int_equal (b.p - all, bytes);
    for (unsigned at = 0; at + 8 <= bytes; at += 8)
      assert_memory_equal (all + at, one + 28, 8);
    if (bytes % 8 != 0)
      assert_memory_equal (all + bytes / 8 * 8, one + (bytes % 8) * (bytes % 8 - 1) / 2, bytes % 8);
  }
  judge_decide (judge);
}

// --- A full buffer -------------------------------------------------------------------------

// One of each way to write.
static void
emit_one (X64Asm *a, unsigned which)
{
  X64Label label = {0}, bound = {.at = a->p};
  X64Short near = {0};

  switch (which) {
  case 0:
    x64_ret (a);
    break;
  case 1:
    x64_mov_ri (a, X64_R9, 1);
    break;
  case 2:
    x64_alu_rr (a, X64_ADD, 64, 1, 2);
    break;
  case 3:
    x64_alu_ri (a, X64_ADD, 64, 0, 0x1234);
    break;
  case 4:
    x64_alu_ri (a, X64_ADD, 64, 9, 0x1234);
    break;
  case 5:
    x64_alu_mi (a, X64_ADD, 64, x64_mem_index (9, 9, 0, 0x1234), 0x1234);
    break;
  case 6:
    x64_push (a, 9);
    break;
  case 7:
    x64_vrrr (a, X64_VADDPD, 1, 2, 3);
    break;
  case 8:
    x64_vrrr (a, X64_VADDPD, 1, 2, 31);
    break;
  case 9:
    x64_vrrm (a, X64_VADDPD, 1, 2, x64_mem (1, 0x1234));
    break;
  case 10:
    x64_vrrm (a, X64_VADDPD, 1, 31, x64_mem (1, 0x1234));
    break;
  case 11:
    x64_jmp (a, &label);
    assert_true (label.fixups == NULL || !a->overflow);
    break;
  case 12:
    x64_jcc (a, X64_CC_E, &bound);
    break;
  case 13:
    x64_jcc_short (a, X64_CC_E, &near);
    assert_true (near.fixups == NULL || !a->overflow);
    break;
  case 14:
    x64_call_to (a, a->p);
    break;
  default:
    x64_nop (a, 11);
    break;
  }
}

void
test_room (void **state)
{
  enum { WAYS = 16, PAINT = 0x5a };
  uint8_t buffer[64], before[64];

  memset (before, PAINT, sizeof before);
  for (unsigned which = 0; which < WAYS; which++) {
    for (unsigned room = 0; room < 48; room++) {
      X64Asm a = {.p = buffer, .end = buffer + room};

      memset (buffer, PAINT, sizeof buffer);
      emit_one (&a, which);
      assert_memory_equal (buffer + room, before, sizeof buffer - room);
      if (room < X64_INSN_ROOM) {
        assert_true (a.overflow);
        assert_ptr_equal (a.p, buffer);
        assert_memory_equal (buffer, before, sizeof buffer);
      } else if (room >= 32) {
        assert_false (a.overflow);
        assert_true (a.p > buffer && a.p <= a.end);
      }
    }
  }
}

// Labels stay sound when jumps or their targets did not fit.
void
test_room_labels (void **state)
{
  uint8_t buffer[128];

  for (unsigned room = 0; room <= sizeof buffer; room++) {
    X64Asm a = {.p = buffer, .end = buffer + room};
    X64Label label = {0};
    X64Short near = {0};

    for (unsigned i = 0; i < 8; i++) {
      x64_jcc (&a, X64_CC_E, &label);
      x64_jmp_short (&a, &near);
    }
    x64_bind (&a, &label);
    x64_bind_short (&a, &near);
    assert_ptr_equal (label.at, a.p);
    assert_null (label.fixups);
    assert_true (a.p <= a.end);
    assert_int_equal (a.overflow, room < 7 * 8 + X64_INSN_ROOM + 6);
  }
}
